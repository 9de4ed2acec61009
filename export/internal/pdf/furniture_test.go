package pdf

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// What marks every page is on every page, at its head and at its foot, and covers nothing.
func TestBandsOnEveryPage(t *testing.T) {
	for _, o := range []Options{
		{}, {Head: "HEAD"}, {Foot: "FOOT"}, {Head: "HEAD", Foot: strings.Repeat("FOOT ", 99), Letter: true}, {Head: strings.Repeat("HEAD ", 99)},
	} {
		for _, label := range []string{"", "TLP:AMBER", strings.Repeat("TLP ", 99)} {
			o.HeaderLeft, o.HeaderRight, o.FooterLeft = "left", "right", "footer"
			o.Band = Band{Label: label, Ground: doc.Color{R: 1, G: 1, B: 1}, Ink: doc.Color{R: 0xFF, G: 0xC0}}
			d := New(t.Context(), o)
			for range 200 {
				d.Paragraph(Span{Text: "line"})
			}
			sections := d.sections()
			require.Greater(t, len(d.pages), 2)
			for i, page := range d.pages {
				count := func(start string) (n int) {
					for _, op := range d.running(i, sections[i]) {
						if op.kind == textOp && strings.HasPrefix(op.text, start) {
							n++
							assert.LessOrEqual(t, op.x+d.textWidth(op.text, ink{face: op.face, size: op.size}), d.pageWidth-margin+point)
							assert.GreaterOrEqual(t, op.x, margin)
						}
					}
					return n
				}
				many := func(text string) int { return min(1, len(text)) }
				assert.Equal(t, 2*many(label), count("TLP"), "page %d", i+1)
				assert.Equal(t, many(o.Head), count("HEAD"))
				assert.Equal(t, many(o.Foot), count("FOOT"))
				assert.Equal(t, 1, count("Page "))
				// Nothing of one kind stands where another does.
				type strip struct{ top, bottom, left, right int }
				var strips []strip
				for _, op := range slices.Concat(page, d.running(i, sections[i])) {
					switch op.kind {
					case textOp:
						strips = append(strips, strip{op.y - op.size*73/100, op.y, op.x, op.x + d.textWidth(op.text, ink{face: op.face, size: op.size})})
					}
				}
				for a, s := range strips {
					for _, other := range strips[:a] {
						if s.top < other.bottom && other.top < s.bottom && s.left < other.right && other.left < s.right {
							t.Fatalf("page %d: %v on %v", i+1, s, other)
						}
					}
				}
			}
			out := tool(t, output(t, d), "qpdf", "--check", "FILE")
			assert.Contains(t, out, "No syntax or stream encoding errors found")
		}
	}
}

// What was the library's own colour is the one that was given, and no other changes.
func TestAccent(t *testing.T) {
	green := color{0x0B, 0x6B, 0x3A}
	draw := func(o Options) map[color]int {
		d := New(t.Context(), o)
		d.Cover(Cover{Label: "x", Title: "Title", States: []State{{Label: "Status", Word: "Open", Tone: Accent}}})
		d.Heading(1, "Section")
		d.Table(Table{Columns: []Column{{Title: "HEAD"}}, Rows: [][]Cell{{{Text: "badge", Tone: Accent}}, {{Spans: []Span{{Text: "shape", Tone: Accent}}}}}})
		colors := make(map[color]int)
		for _, o := range d.pages[0] {
			colors[o.color]++
		}
		return colors
	}
	own, given := draw(Options{}), draw(Options{Accent: doc.Color{R: green.r, G: green.g, B: green.b}})
	assert.Equal(t, own[accent], given[green])
	assert.Greater(t, own[accent], 5)
	assert.Zero(t, given[accent])
	assert.Zero(t, own[green])
}

// A table never leaves a single row for its last page, and a list of pairs no line by itself.
func TestNoPageForOneLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{Letter: rapid.Bool().Draw(t, "letter")})
		for range rapid.IntRange(0, 45).Draw(t, "lines before") {
			d.Paragraph(Span{Text: "before"})
		}
		n := rapid.IntRange(3, 90).Draw(t, "rows")
		kind := rapid.SampledFrom([]string{"table", "pairs", "flow"}).Draw(t, "kind")
		tail := rapid.IntRange(0, 2).Draw(t, "lines below")
		d.KeepBelow(tail)
		switch kind {
		case "table":
			rows := make([][]Cell, n)
			for i := range rows {
				rows[i] = []Cell{{Text: "row"}}
			}
			d.Table(Table{Columns: []Column{{Title: "HEAD"}}, Rows: rows})
		case "pairs":
			pairs := make([]KeyValue, n)
			for i := range pairs {
				pairs[i] = KeyValue{"LABEL", Cell{Text: "row"}}
			}
			d.KeyValues(pairs, 1)
		case "flow":
			blocks := make([]Block, n)
			for i := range blocks {
				blocks[i] = Block{Spans: []Span{{Text: "row"}}, Tight: true}
			}
			d.Flow(blocks...)
		}
		if tail > 0 {
			d.Paragraph(Span{Text: strings.TrimSuffix(strings.Repeat("below\n", tail), "\n")})
		}
		d.flush()
		requireInside(t, d)
		var counts []int
		for page := range d.pages {
			counts = append(counts, strings.Count(strings.Join(d.texts(page), " ")+" ", "row "))
		}
		last := counts[len(counts)-1]
		require.GreaterOrEqual(t, last, 3, "rows on the pages: %v", counts)
	})
}

// Rows have their entries in the outline of a long document, below the heading of their table, and in no other.
func TestBookmarksOfRows(t *testing.T) {
	for _, rows := range []int{3, 900} {
		d := New(t.Context(), Options{})
		d.Heading(1, "Section")
		d.Subheading(2, "Unlisted")
		table := Table{Columns: []Column{{Title: "HEAD"}}, Bookmarks: []string{"First\nday 😀", "", " "}}
		for n := range rows {
			table.Rows = append(table.Rows, []Cell{{Text: fmt.Sprint("row ", n)}})
		}
		d.Table(table)
		d.Heading(2, "Listed")
		d.Table(Table{Columns: table.Columns, Rows: table.Rows[:1], Bookmarks: []string{"Second day"}})
		d.Heading(3, "Deeper")
		d.Paragraph(Span{Text: "x"})
		out := tool(t, output(t, d), "qpdf", "--json", "--json-key=outlines", "FILE")
		got := strings.Count(out, `"title"`)
		if rows == 3 {
			assert.Equal(t, 3, got, out)
			continue
		}
		require.Greater(t, d.Pages(), longDocument)
		assert.Equal(t, 5, got, out)
		var order []string
		for _, m := range d.outline {
			order = append(order, fmt.Sprint(m.level, " ", m.text))
		}
		assert.Equal(t, []string{"0 Section", "1 First day [U+1F600]", "1 Listed", "2 Second day", "2 Deeper"}, order)
		assert.Contains(t, strings.Join(d.texts(1), " "), "Unlisted, continued", "what goes on is called as the heading above it")
	}
}

// A picture that would be a sliver goes on over pages, each part below the one before it; all of it is shown, once.
func TestTallPicturesGoOn(t *testing.T) {
	for _, size := range []image.Point{{900, 5000}, {300, 9000}, {1, 20_000}, {60, 40_000}, {1080, 2400}, {200, 700}} {
		p, err := NewPicture(blank{image.Rect(0, 0, size.X, size.Y)}, false)
		require.NoError(t, err)
		assert.LessOrEqual(t, p.pixels.X*p.pixels.Y, mostTall+mostTall/10)
		for before := range 50 {
			d := New(t.Context(), Options{})
			d.Paragraph(Span{Text: strings.Repeat("before\n", before) + "before"})
			d.Table(Table{
				Columns: []Column{{Width: 90}, {}}, NoteColumn: 1, Rows: [][]Cell{{{Text: "row"}}, {{Text: "next"}}},
				Flows: [][]Block{{{Kind: PictureBlock, Picture: p, Spans: []Span{{Text: "CAPTION"}}}}},
			})
			requireInside(t, d)
			parts, above := 0, 0
			for page := range d.pages {
				for _, o := range d.pages[page] {
					if o.kind != stripeOp {
						continue
					}
					parts++
					s := d.stripes[o.size]
					require.Equal(t, above, s.above, "%v", size)
					above += o.h
					require.GreaterOrEqual(t, o.h, min(90*point, s.height))
					require.LessOrEqual(t, o.y+o.h, d.bodyEnd)
					if above == s.height {
						require.Contains(t, strings.Join(d.texts(page), " "), "CAPTION . Continued from the previous page", "the caption is on the page of the end: %v, %d lines before, page %d, %v", size, before, page, s)
					}
				}
			}
			tall := 3*size.X < size.Y && size.Y > 1500
			require.Equal(t, tall, parts > 0, "%v", size)
			if tall {
				require.Equal(t, d.stripes[0].height, above)
				require.Greater(t, parts, 1)
				require.LessOrEqual(t, parts, mostPages+3)
			}
		}
	}
	p, err := NewPicture(blank{image.Rect(0, 0, 900, 5000)}, true)
	require.NoError(t, err)
	d := New(t.Context(), Options{})
	d.Flow(Block{Kind: PictureBlock, Picture: p})
	file := output(t, d)
	assert.Contains(t, tool(t, file, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
	assert.Equal(t, 1, strings.Count(string(file), "/Subtype /Image"), "its pixels are in the file once")
}

// A notice of any length is inside its pages, with its bar beside all of it.
func TestNotices(t *testing.T) {
	for _, lines := range []int{0, 1, 7, 200} {
		for before := range 40 {
			d := New(t.Context(), Options{})
			d.Paragraph(Span{Text: strings.Repeat("before\n", before) + "before"})
			d.Notice(Medium, "TITLE", Span{Text: strings.TrimSuffix(strings.Repeat("line\n", lines), "\n")})
			d.Paragraph(Span{Text: "after"})
			d.flush()
			requireInside(t, d)
			texts := 0
			for page := range d.pages {
				var bars []op
				for _, o := range d.pages[page] {
					if o.kind == fillOp && o.w == 3*point {
						bars = append(bars, o)
					}
				}
				for _, o := range d.pages[page] {
					if o.kind == textOp && (o.text == "line" || o.text == "TITLE") {
						texts++
						require.Len(t, bars, 1)
						require.True(t, bars[0].y < o.y && o.y < bars[0].y+bars[0].h)
						require.Equal(t, color{0xA8, 0x55, 0x00}, bars[0].color)
					}
				}
			}
			require.Equal(t, lines+1, texts)
		}
	}
}

// However deep a text stands, it is inside its column and has room; what is below it stands where it does.
func TestIndentedCells(t *testing.T) {
	d := New(t.Context(), Options{})
	table := Table{Columns: []Column{{Title: "NAME", Weight: 3}, {Title: "B", Width: 90}}}
	for depth := range 60 {
		table.Rows = append(table.Rows, []Cell{{Text: strings.Repeat("name ", 30), Depth: depth - 1}, {Text: "x", Depth: -9}})
		table.Notes = append(table.Notes, []Span{{Text: "note"}})
	}
	d.Table(table)
	requireInside(t, d)
	left, last := 0, margin
	for _, page := range d.pages {
		for _, o := range page {
			switch {
			case o.kind == textOp && strings.HasPrefix(o.text, "name"):
				require.GreaterOrEqual(t, o.x, last)
				require.LessOrEqual(t, o.x, last+depthWidth)
				left, last = o.x, o.x
			case o.kind == textOp && o.text == "note":
				require.Equal(t, left, o.x)
			}
		}
	}
	assert.Greater(t, last, margin+10*depthWidth)
}

// countingContext counts how often it is looked at.
type countingContext struct {
	context.Context
	looks int
}

func (c *countingContext) Err() error {
	c.looks++
	return c.Context.Err()
}

// The context is looked at however much stands on one page.
func TestContextIsLookedAtWhileThereAreCells(t *testing.T) {
	for name, add := range map[string]func(*Document){
		"columns": func(d *Document) {
			d.Table(Table{Columns: make([]Column, 20_000), Rows: [][]Cell{make([]Cell, 20_000)}})
		},
		"flow": func(d *Document) {
			d.Flow(Block{Kind: TableBlock, Rows: slices.Repeat([][][]Span{make([][]Span, 4)}, 5000)})
		},
	} {
		c := &countingContext{Context: t.Context()}
		d := New(c, Options{})
		add(d)
		assert.GreaterOrEqual(t, c.looks, 20, name)
	}
}
