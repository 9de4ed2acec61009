package pdf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// words numbers the words that a document is given, so that each can be found again.
type words struct{ given []string }

func (w *words) some(t *rapid.T, most int) []Span {
	var spans []Span
	for range rapid.IntRange(0, 3).Draw(t, "spans") {
		var b strings.Builder
		for range rapid.IntRange(0, most).Draw(t, "words") {
			word := fmt.Sprintf("w%dx", len(w.given))
			w.given = append(w.given, word)
			b.WriteString(word + rapid.SampledFrom([]string{" ", "  ", "\n"}).Draw(t, "space"))
		}
		spans = append(spans, Span{Text: b.String() + " ", Style: Style(rapid.IntRange(0, 63).Draw(t, "style"))})
	}
	return spans
}

func (w *words) one() Span {
	word := fmt.Sprintf("w%dx", len(w.given))
	w.given = append(w.given, word)
	return Span{Text: word}
}

// Whatever stands below a row is all there, in order and inside the page, and begins on the page of its row. A heading is
// never the last thing on a page, and a picture is on the page of its caption.
func TestFlows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{})
		for range rapid.IntRange(0, 45).Draw(t, "lines before") {
			d.Paragraph(Span{Text: "before"})
		}
		var w words
		flows := make([][]Block, rapid.IntRange(1, 3).Draw(t, "rows"))
		rows := make([][]Cell, len(flows))
		for i := range flows {
			rows[i] = []Cell{{Text: fmt.Sprintf("row%d", i)}, {Text: "x"}}
			for k := range rapid.IntRange(0, 8).Draw(t, "blocks") {
				b := Block{Kind: BlockKind(rapid.IntRange(0, 5).Draw(t, "kind")), Tight: rapid.Bool().Draw(t, "tight")}
				for range rapid.IntRange(0, 12).Draw(t, "depth") {
					b.Inside = append(b.Inside, Container{Quote: rapid.Bool().Draw(t, "quote"), First: k == 0, Marker: "•", Widest: "12345."})
				}
				switch b.Kind {
				case TableBlock:
					for range rapid.IntRange(1, 4).Draw(t, "table rows") {
						cells := make([][]Span, rapid.IntRange(0, 40).Draw(t, "cells"))
						for c := range cells {
							cells[c] = []Span{{Text: "c"}}
						}
						b.Rows = append(b.Rows, cells)
					}
				case HeadingBlock:
					b.Spans = []Span{{Text: "HEADING"}}
				case PictureBlock:
					b.Picture = &Picture{width: rapid.IntRange(1, 5000).Draw(t, "width") * pixel, height: rapid.IntRange(1, 5000).Draw(t, "height") * pixel}
					b.Spans = []Span{{Text: "CAPTION"}}
				case TextBlock, CodeBlock:
					b.Spans = append(w.some(t, 60), w.one())
				}
				flows[i] = append(flows[i], b)
			}
			flows[i] = append(flows[i], Block{Spans: []Span{w.one()}})
		}
		d.Table(Table{Columns: []Column{{Title: "A", Width: 90}, {Title: "B"}}, Rows: rows, Flows: flows, NoteColumn: 1, Caption: "END"})
		requireInside(t, d)

		var got []string
		for page, ops := range d.pages {
			texts := d.texts(page)
			require.NotEmpty(t, texts, "page %d", page+1)
			got = append(got, strings.Fields(strings.Join(texts, " "))...)
			if ops[len(ops)-1].text == "HEADING" {
				t.Fatalf("page %d ends with a heading", page+1)
			}
			for i, o := range ops {
				if o.kind == pictureOp && !slices.ContainsFunc(ops[i:], func(o op) bool { return o.text == "CAPTION" }) {
					t.Fatalf("page %d ends with a picture", page+1)
				}
			}
		}
		got = slices.DeleteFunc(got, func(s string) bool { return !strings.HasPrefix(s, "w") })
		if !slices.Equal(w.given, got) {
			t.Fatalf("%d words of %d: %v, not %v", len(got), len(w.given), got, w.given)
		}
	})
}

// What is long or deep is broken and cut into pages, never off.
func TestFlowsOfAnySize(t *testing.T) {
	inside := slices.Repeat([]Container{{Quote: true}, {Marker: "1.", Widest: strings.Repeat("9", 300)}}, 40)
	columns := slices.Repeat([][]Span{{{Text: "wide"}}}, 200)
	for name, blocks := range map[string][]Block{
		"code":     {{Kind: CodeBlock, Spans: []Span{{Text: strings.Repeat("x", 100_000), Style: Code}}}},
		"deep":     {{Inside: inside, Spans: []Span{{Text: strings.Repeat("x", 20_000)}}}},
		"table":    {{Kind: TableBlock, Rows: [][][]Span{columns, columns}}},
		"cell":     {{Kind: TableBlock, Rows: [][][]Span{columns[:9], {{{Text: strings.Repeat("x", 30_000)}}}}}},
		"headings": slices.Repeat([]Block{{Kind: HeadingBlock, Spans: []Span{{Text: "x"}}}}, 1000),
		"blank":    {{}, {Kind: CodeBlock}, {Kind: TableBlock}, {Kind: HeadingBlock}, {Kind: PictureBlock}, {Kind: 99}},
	} {
		t.Run(name, func(t *testing.T) {
			want := 0
			for _, b := range blocks {
				for _, s := range b.Spans {
					want += strings.Count(s.Text, "x")
				}
				for _, s := range slices.Concat(slices.Concat(b.Rows...)...) {
					want += strings.Count(s.Text, "x") + strings.Count(s.Text, "w")
				}
			}
			d := New(t.Context(), Options{})
			d.Table(Table{Columns: []Column{{Width: 90}, {}}, Rows: [][]Cell{{{Text: "row"}}}, Flows: [][]Block{blocks}, NoteColumn: 1})
			requireInside(t, d)
			got := -1 // the row
			for page := range d.pages {
				for _, text := range d.texts(page) {
					got += strings.Count(text, "x") + strings.Count(text, "w")
				}
			}
			assert.Equal(t, want, got)
			assert.NotEmpty(t, output(t, d))
		})
	}
}

// Words in a table stand where they have room: a column that needs little leaves the rest to the others.
func TestShare(t *testing.T) {
	assert.Equal(t, []int{10_000, 45_000, 45_000}, share([]int{10_000, 80_000, 90_000}, 100_000))
	assert.Equal(t, []int{10_000, 20_000}, share([]int{10_000, 20_000}, 100_000))
	assert.Empty(t, share(nil, 100))
}

// Slanted text leans where it stands, code has a ground and struck text a line.
func TestStyles(t *testing.T) {
	d := New(t.Context(), Options{})
	spans := []Span{
		{Text: "one "}, {Text: "two", Style: Slanted}, {Text: " three "}, {Text: "four", Style: Code | Slanted}, {Text: " "}, {Text: "five", Style: Struck},
	}
	d.Paragraph(Span{Text: strings.Repeat("\n", 40)}, Span{Text: "\u00a0"})
	d.Paragraph(spans...)
	d.Paragraph(Span{Text: "six", Style: Code}, Span{Text: " "}, Span{Text: "seven", Style: Struck})
	out := tool(t, output(t, d), "pdftotext", "-layout", "FILE", "-")
	assert.Equal(t, "one two three four five", strings.Join(strings.Fields(strings.SplitN(strings.TrimSpace(out), "\n", 2)[0]), " "))
	var fills, lines int
	for _, o := range d.pages[0] {
		switch {
		case o.kind == fillOp && o.color == pale:
			fills++
		case o.kind == lineOp:
			lines++
		case o.kind == textOp:
			assert.Equal(t, o.text == "two" || o.text == "four", o.slanted, o.text)
		}
	}
	assert.Equal(t, []int{2, 2}, []int{fills, lines})
}
