package pdf

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// texts returns what stands on a page, in the order of drawing.
func (d *Document) texts(page int) []string {
	var texts []string
	for _, o := range d.pages[page] {
		if o.kind == textOp {
			texts = append(texts, o.text)
		}
	}
	return texts
}

// requireInside fails when anything stands outside the body of its page.
func requireInside(t require.TestingT, d *Document) {
	for i, page := range d.pages {
		for _, o := range page {
			right := o.x + max(o.w, 0)
			if o.kind == textOp {
				right = o.x + d.textWidth(o.text, ink{face: o.face, size: o.size})
			}
			if o.y < margin || o.y > d.pageHeight-bodyFoot+500 || o.x < margin || right > d.pageWidth-margin+2*point {
				require.Failf(t, "outside", "page %d: %+v, right end %d", i+1, o, right)
			}
		}
	}
}

func TestTableRowsStayWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{Letter: rapid.Bool().Draw(t, "letter")})
		for range rapid.IntRange(0, 45).Draw(t, "lines before") {
			d.Paragraph(Span{Text: "before"})
		}
		if rapid.Bool().Draw(t, "heading") {
			d.Heading(1, "SECTION")
			d.Heading(2, "PART")
		}
		rows := make([][]Cell, rapid.IntRange(1, 120).Draw(t, "rows"))
		lines := make([]int, len(rows))
		notes := make([][]Span, len(rows)-rapid.IntRange(0, 1).Draw(t, "rows without a note"))
		noteLines := make([]int, len(rows))
		for i := range rows {
			lines[i] = rapid.IntRange(1, 9).Draw(t, "lines")
			rows[i] = []Cell{{Text: fmt.Sprintf("row %d", i)}, {Text: strings.TrimSuffix(strings.Repeat(fmt.Sprintf("c%d\n", i), lines[i]), "\n")}}
		}
		for i := range notes {
			if rapid.Bool().Draw(t, "note") {
				noteLines[i] = rapid.IntRange(1, 30).Draw(t, "note lines")
			}
			notes[i] = []Span{{Text: strings.TrimSuffix(strings.Repeat(fmt.Sprintf("n%d\n", i), noteLines[i]), "\n")}}
		}
		d.Table(Table{
			Columns: []Column{{Title: "HEAD", Width: 100}, {Title: "TEXT"}},
			Rows:    rows,
			Notes:   notes, NoteColumn: 1,
			Caption: "CAPTION",
		})
		requireInside(t, d)

		next := 0
		shown := make([]int, len(rows))
		for page := range d.pages {
			texts := d.texts(page)
			if len(texts) == 0 {
				t.Fatalf("page %d is empty", page+1)
			}
			if last := texts[len(texts)-1]; last == "HEAD" || last == "TEXT" || last == "SECTION" || last == "PART" {
				t.Fatalf("page %d ends with %q", page+1, last)
			}
			if texts[0] == "CAPTION" {
				t.Fatal("the caption was parted from the last row")
			}
			header := slices.Index(texts, "HEAD")
			for i, text := range texts {
				if text != fmt.Sprintf("row %d", next) {
					continue
				}
				if header < 0 || header > i {
					t.Fatalf("page %d has rows without a header", page+1)
				}
				if n := strings.Count(strings.Join(texts, " ")+" ", fmt.Sprintf("c%d ", next)); n != lines[next] {
					t.Fatalf("row %d has %d of its %d lines on its page", next, n, lines[next])
				}
				if noteLines[next] > 0 && !slices.Contains(texts[i:], fmt.Sprintf("n%d", next)) {
					t.Fatalf("no line of the note below row %d is on its page", next)
				}
				next++
			}
			for i, total := range noteLines {
				n := strings.Count(strings.Join(texts, " ")+" ", fmt.Sprintf("n%d ", i))
				if n == 1 && total > 1 {
					t.Fatalf("a single line of note %d is on page %d", i, page+1)
				}
				shown[i] += n
			}
			if n := strings.Count(strings.Join(texts, "|"), "HEAD"); n > 1 {
				t.Fatalf("page %d has %d headers", page+1, n)
			}
		}
		if next != len(rows) {
			t.Fatalf("%d of %d rows, in order", next, len(rows))
		}
		if !slices.Equal(shown, noteLines) {
			t.Fatalf("notes of %v lines, not of %v", shown, noteLines)
		}
	})
}

func TestCaptionStaysWithTheNoteAboveIt(t *testing.T) {
	for lines := range 12 {
		for before := range 60 {
			d := New(t.Context(), Options{})
			for range before {
				d.Paragraph(Span{Text: "before"})
			}
			d.Table(Table{
				Columns: []Column{{Title: "HEAD"}},
				Rows:    [][]Cell{{{Text: "row"}}},
				Notes:   [][]Span{{{Text: strings.Repeat("note\n", lines)}}},
				Caption: "CAPTION",
			})
			requireInside(t, d)
			texts := d.texts(len(d.pages) - 1)
			above := "row"
			if lines > 0 {
				above = "note"
			}
			require.Equal(t, []string{above, "CAPTION"}, texts[len(texts)-2:], "%d before, %d lines", before, lines)
		}
	}
}

func TestRowTallerThanAPageIsSplit(t *testing.T) {
	d := New(t.Context(), Options{})
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf("line %d", i))
	}
	d.Heading(1, "Section")
	d.Table(Table{
		Columns: []Column{{Title: "HEAD", Weight: 3}, {Title: "Short"}},
		Rows:    [][]Cell{{{Text: strings.Join(want, "\n")}, {Text: "once"}}, {{Text: "after"}}},
	})
	requireInside(t, d)
	var got []string
	once := 0
	for page := range d.pages {
		for _, text := range d.texts(page) {
			switch {
			case strings.HasPrefix(text, "line "):
				got = append(got, text)
			case text == "once":
				once++
			}
		}
		assert.Contains(t, d.texts(page), "HEAD")
	}
	assert.Equal(t, want, got)
	assert.Equal(t, 1, once)
	assert.Equal(t, 4, d.Pages())
}

// Whoever opens a page in the middle of a table sees what it is about.
func TestTableSaysWhatItContinues(t *testing.T) {
	d := New(t.Context(), Options{})
	rows := make([][]Cell, 150)
	for i := range rows {
		rows[i] = []Cell{{Text: fmt.Sprint("row ", i)}}
	}
	d.Heading(1, "Assets")
	d.Heading(2, "Users אב.")
	d.Table(Table{Columns: []Column{{Title: "HEAD"}}, Rows: rows})
	d.Paragraph(Span{Text: "after"})
	assert.Equal(t, []string{"Assets", "Users בא.", "HEAD", "row 0"}, d.texts(0)[:4])
	for page := 1; page < d.Pages(); page++ {
		assert.Equal(t, []string{"Users בא., continued", "HEAD"}, d.texts(page)[:2])
	}
	requireInside(t, d)
}

// A tall row may be split; before, up to a third of a page was left empty for it.
func TestTallRowsLeaveNoPageEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{})
		var rows [][]Cell
		for range rapid.IntRange(1, 40).Draw(t, "rows") {
			lines := rapid.IntRange(1, 60).Draw(t, "lines")
			rows = append(rows, []Cell{{Text: "r"}, {Text: strings.TrimSuffix(strings.Repeat("x\n", lines), "\n")}})
		}
		d.Table(Table{Columns: []Column{{Title: "HEAD"}, {Title: "TEXT"}}, NoteColumn: 1, Rows: rows})
		requireInside(t, d)
		for page := range d.Pages() - 1 {
			last := d.pages[page][len(d.pages[page])-1].y
			if free := d.bodyEnd - last; free > (d.bodyEnd-d.bodyTop)/4+2*lineHeight(cellSize) {
				t.Fatalf("%d points are free on page %d", free/point, page+1)
			}
		}
	})
}

// A note stands close to the cell that it belongs to, also when another one is taller.
func TestNoteBeginsBelowItsCell(t *testing.T) {
	for _, c := range []struct {
		name, note string
		want       []int // lines between the first line of the row and those of the note
	}{
		{"beside the others", "one\ntwo", []int{1, 2}},
		{"in part", "one\ntwo\nthree", []int{1, 2, 3}},
		{"a paragraph is not cut", strings.Repeat("word ", 200), []int{3, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := New(t.Context(), Options{})
			d.Table(Table{
				Columns: []Column{{Width: 200}, {Width: 50}, {}}, NoteColumn: 0, Notes: [][]Span{{{Text: c.note}}},
				Rows: [][]Cell{{{Text: "name"}, {Text: "1\n2\n3"}, {Text: "x"}}, {{Text: "next"}}},
			})
			requireInside(t, d)
			var name, next int
			var lines []int
			for _, o := range d.pages[0] {
				switch {
				case o.kind != textOp:
				case o.text == "name":
					name = o.y
				case o.text == "next":
					next = o.y
				case len(o.text) > 1:
					lines = append(lines, (o.y-name)/lineHeight(cellSize))
					assert.Equal(t, margin, o.x)
				}
			}
			assert.Equal(t, c.want, lines[:len(c.want)])
			assert.GreaterOrEqual(t, next-name, (max(lines[len(lines)-1], 2)+1)*lineHeight(cellSize))
		})
	}
}

// Where a row goes on, the page says which one it is.
func TestRowSaysThatItGoesOn(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Heading(1, "Log")
	flow := make([]Block, 100)
	for i := range flow {
		flow[i].Spans = []Span{{Text: "comment"}}
	}
	d.Table(Table{
		Columns: []Column{{Title: "TIME"}, {Title: "BY"}, {Title: "WHAT"}}, Again: 2,
		Rows:  [][]Cell{{{Text: "before"}}, {{Text: "10:31"}, {Text: "נועה\n(noa)"}, {Text: "Comment"}}, {{Text: "after"}}},
		Flows: [][]Block{nil, flow},
	})
	requireInside(t, d)
	require.Equal(t, 3, d.Pages())
	for page := 1; page < 3; page++ {
		texts := d.texts(page)
		assert.Equal(t, "Log, continued: 10:31, העונ, (noa)", texts[0])
		assert.Contains(t, texts, "comment")
	}
	assert.Contains(t, d.texts(2), "after")
	assert.Empty(t, d.goesOn)
}

// Below a heading and a header there is more than one row, if there is more than one.
func TestTableDoesNotBeginWithOneRowAtTheFoot(t *testing.T) {
	for before := range 60 {
		d := New(t.Context(), Options{})
		for range before {
			d.Paragraph(Span{Text: "before"})
		}
		d.Heading(2, "PART")
		d.Table(Table{Columns: []Column{{Title: "HEAD"}}, Rows: [][]Cell{{{Text: "row"}}, {{Text: "row"}}, {{Text: "row"}}}})
		for page := range d.pages {
			if texts := d.texts(page); slices.Contains(texts, "PART") {
				require.GreaterOrEqual(t, strings.Count(strings.Join(texts, " "), "row"), 2, "%d before", before)
			}
		}
	}
}

// A long text in a narrow column is said in full over the width of the page.
func TestTallTextMovesBelowItsRow(t *testing.T) {
	long := strings.Repeat("0123456789", 300)
	for _, notes := range [][][]Span{nil, {{{Text: "note"}}}} {
		d := New(t.Context(), Options{})
		d.Table(Table{
			Columns: []Column{{Title: "A", Width: 60}, {Title: "B", Width: 80}, {Title: "C"}},
			Rows:    [][]Cell{{{Text: "a"}, {Text: long, Style: Bold}, {Text: "c"}}},
			Notes:   notes, NoteColumn: 1,
		})
		requireInside(t, d)
		require.Equal(t, 1, d.Pages())
		texts := d.texts(0)
		all := strings.ReplaceAll(strings.Join(texts, ""), " ", "")
		assert.True(t, strings.HasPrefix(all, "ABCa0123456789"), all)
		note := ""
		if notes != nil {
			note = "note"
		}
		assert.True(t, strings.HasSuffix(all, "…cB:"+long+note), all)
	}
}

func TestTableWithoutRows(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{Title: "HEAD"}}, Empty: "None."})
	d.Table(Table{Columns: []Column{{Title: "HEAD"}}})
	d.Table(Table{})
	assert.Equal(t, []string{"None."}, d.texts(0))
	require.NoError(t, d.Output(&strings.Builder{}))
}

func TestTableMistakesAreErrorsOfOutput(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{}}, Rows: [][]Cell{{{Text: "a"}, {Text: "b"}}}})
	assert.ErrorContains(t, d.Output(&strings.Builder{}), "row 0 of a table has 2 cells for 1 columns")
	d = New(t.Context(), Options{})
	d.Table(Table{Rows: [][]Cell{{{Text: "a"}}}})
	assert.ErrorContains(t, d.Output(&strings.Builder{}), "no columns")
}

// Columns fill the body and never overlap, whatever widths are asked for.
func TestColumns(t *testing.T) {
	size := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 900), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), -5}))
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{Letter: rapid.Bool().Draw(t, "letter")})
		columns := make([]Column, rapid.IntRange(1, 60).Draw(t, "columns"))
		for i := range columns {
			columns[i] = Column{Width: size.Draw(t, "width"), Weight: size.Draw(t, "weight")}
		}
		end := 0
		layout := d.columns(columns)
		for i, c := range layout {
			if c.x < margin || c.x < end || c.width < 0 {
				t.Fatalf("column %d of %v", i, layout)
			}
			end = c.x + c.width
		}
		if end > d.pageWidth-margin+len(columns) {
			t.Fatalf("the last column ends at %d", end)
		}
	})
	d := New(t.Context(), Options{})
	layout := d.columns([]Column{{Width: 100}, {Weight: 3}, {}})
	assert.Equal(t, 100*point, layout[0].width)
	assert.InDelta(t, 3*layout[2].width, layout[1].width, 3)
}

func TestManyRows(t *testing.T) {
	rows := make([][]Cell, 10_000)
	for i := range rows {
		rows[i] = []Cell{{Text: fmt.Sprint(i)}, {Text: "one line"}}
	}
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{Title: "#"}, {Title: "Text"}}, Rows: rows})
	perPage := (d.bodyEnd - d.bodyTop - d.headerHeight()) / (lineHeight(cellSize) + 6*point)
	assert.InDelta(t, len(rows)/perPage, d.Pages(), 1)
	requireInside(t, d)
}

func (d *Document) headerHeight() int { return lineHeight(smallSize) + 5*point }
