package topdf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
)

func render(t require.TestingT, d doc.Document, o Options) []byte {
	var b bytes.Buffer
	require.NoError(t, Write(context.Background(), &b, d, o))
	return b.Bytes()
}

// tool runs a program on a PDF. Without the program the test is skipped, except where CI says that nothing may be.
func tool(t *testing.T, file []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	path := filepath.Join(t.TempDir(), "report.pdf")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	for i, a := range args {
		if a == "FILE" {
			args[i] = path
		}
	}
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// pages returns what a reader finds on each page, without any space, since lines are broken anywhere.
func pages(t *testing.T, file []byte) []string {
	all := strings.Split(tool(t, file, "pdftotext", "-raw", "FILE", "-"), "\f")
	for n := range all {
		all[n] = squeeze(all[n])
	}
	return all[:len(all)-1]
}

// texts yields everything that a document says in words, but for the Markdown in it and what stands in pictures.
func texts(d doc.Document) (all []string) {
	add := func(texts ...string) { all = append(all, texts...) }
	addSpans := func(spans []doc.Span) {
		for _, s := range spans {
			add(s.Text)
		}
	}
	addCell := func(c doc.Cell) {
		if c.Spans == nil {
			add(c.Text)
		}
		addSpans(c.Spans)
	}
	add(d.Label, d.Title, d.State, d.About, d.Brand.Organisation, d.Brand.Header, d.Brand.Footer, d.Marking.Label, d.Marking.Text)
	for _, s := range d.Cover.States {
		add(s.Label, s.Mark.Shape, s.Word)
	}
	for _, row := range d.Cover.Facts {
		for _, f := range row {
			add(f.Label, f.Value, f.Note)
		}
	}
	var addBlocks func(blocks []doc.Block)
	addPairs := func(list []doc.Pair) {
		for _, p := range list {
			add(p.Label)
			addCell(p.Value)
		}
	}
	addPairs(d.Cover.Glance)
	add(d.Cover.Tags...)
	addBlocks = func(blocks []doc.Block) {
		for _, b := range blocks {
			switch b := b.(type) {
			case doc.Heading:
				add(b.Text)
			case doc.Text:
				addSpans(b)
			case doc.Notice:
				add(b.Title)
				add(b.Lines...)
			case doc.Pairs:
				addPairs(b.List)
			case doc.Graph:
				add(b.Caption)
			case doc.Chart:
				add(b.Caption)
			case doc.Picture:
				add(b.Caption)
			case *doc.Table:
				add(b.Caption)
				if len(b.Rows) == 0 {
					add(b.Empty)
					continue
				}
				for _, c := range b.Columns {
					add(c.Title)
				}
				for _, row := range b.Rows {
					for _, c := range row.Cells {
						addCell(c)
					}
					addSpans(row.Note)
					addBlocks(row.Flow)
				}
			}
		}
	}
	for _, n := range d.Cover.Notice {
		addBlocks([]doc.Block{n})
	}
	add(d.Cover.Remark)
	for _, s := range d.Sections {
		add(s.Title)
		addBlocks(s.Blocks)
	}
	return all
}

// All that the document says is on its pages, on either paper, and what marks a page is on each of them.
func TestEverythingIsDrawn(t *testing.T) {
	d := sample()
	for _, letter := range []bool{false, true} {
		file := render(t, d, Options{Letter: letter, Author: "Mira"})
		all := pages(t, file)
		got := strings.Join(all, "")
		for _, want := range texts(d) {
			for line := range strings.SplitSeq(want, "\n") {
				assert.Contains(t, got, squeeze(line))
			}
		}
		for _, want := range []string{"☑isolate", "☐resetthepasswords", "linesofitsown", "Get-Process|where", "notshown:thecontentismissing", "Continuedfromthepreviouspage"} {
			assert.Contains(t, strings.ToLower(got), strings.ToLower(want))
		}
		for n, page := range all {
			assert.Equal(t, 2, strings.Count(page, "TLP:AMBER")-min(1, max(0, 1-n)), "page %d", n+1) // and its meaning on the first
			assert.Contains(t, page, squeeze(d.Brand.Header))
			assert.Contains(t, page, squeeze(d.Brand.Footer))
			assert.Contains(t, page, squeeze(d.About))
			assert.Contains(t, page, fmt.Sprintf("Page%dof%d", n+1, len(all)))
			assert.Equal(t, n > 0, strings.Contains(page, squeeze(d.State)))
		}
		out := tool(t, file, "qpdf", "--check", "FILE")
		assert.Contains(t, out, "No syntax or stream encoding errors found")
		assert.NotContains(t, strings.ToLower(out), "warning")
		for _, f := range d.Files {
			assert.Equal(t, string(f.Data), tool(t, file, "qpdf", "--show-attachment="+f.Name, "FILE"))
		}
		assert.True(t, bytes.Equal(file, render(t, sample(), Options{Letter: letter, Author: "Mira"})), "the same document gives the same bytes")
		assert.Contains(t, tool(t, file, "pdfinfo", "FILE"), "Incident 42: Invoice phishing")
	}
}

// The outline has the sections, the headings that are to be in it and, in a long document, the rows.
func TestOutline(t *testing.T) {
	type entry struct {
		Title string
		Kids  []entry
	}
	outline := func(d doc.Document) (all []string) {
		var found struct{ Outlines []entry }
		require.NoError(t, json.Unmarshal([]byte(tool(t, render(t, d, Options{}), "qpdf", "--json", "--json-key=outlines", "FILE")), &found))
		var walk func(list []entry, depth int)
		walk = func(list []entry, depth int) {
			for _, e := range list {
				all = append(all, strings.Repeat("  ", depth)+e.Title)
				walk(e.Kids, depth+1)
			}
		}
		walk(found.Outlines, 0)
		return all
	}
	short := []string{"Overview", "  Description", "Attack story", "  Attack graph", "Evidence · 6 of 12 shown", "Activity log", "About this report"}
	d := sample()
	assert.Equal(t, short, outline(d))
	log := d.Sections[3].Blocks[1].(*doc.Table)
	for range 4 {
		log.Rows = append(log.Rows, log.Rows[11:19]...)
		log.Rows = append(log.Rows, log.Rows[22:]...)
	}
	got := outline(d)
	assert.Contains(t, got, "  2026-03-09")
	assert.Equal(t, "  2026-03-12", got[9])
	assert.Equal(t, "About this report", got[len(got)-1])
}

// Where the first page has no room for it, or there is one section, there are no contents.
func TestContents(t *testing.T) {
	section := func(title string) doc.Section {
		return doc.Section{Title: title, Blocks: []doc.Block{doc.Text{{Text: "text"}}}}
	}
	for n, sections := range [][]doc.Section{nil, {section("One")}, {section("One"), section(" ")}, {section("One"), section("Two")}} {
		got := strings.Join(pages(t, render(t, doc.Document{Title: "x", Sections: sections}, Options{})), "")
		assert.Equal(t, n == 3, strings.Contains(got, "Contents"), "%d", n)
	}
}

// What was dismissed is grey, with its level in a neutral tone.
func TestMutedRows(t *testing.T) {
	d := &drawing{}
	mark := doc.Mark{Shape: "▲", Tone: doc.High, Badge: true}
	assert.Equal(t, pdf.Cell{Text: "▲\u00A0High", Tone: pdf.High, Order: pdf.Name}, d.cell(doc.Cell{Text: "High", Mark: mark}, false))
	assert.Equal(t, pdf.Cell{Text: "▲\u00A0High", Tone: pdf.Neutral, Order: pdf.Name}, d.cell(doc.Cell{Text: "High", Mark: mark}, true))
	mark.Badge = false
	shape := pdf.Span{Text: "▲\u00A0", Style: pdf.Bold, Order: pdf.Name, Tone: pdf.High}
	text := pdf.Span{Text: "a.exe", Style: pdf.Mono, Order: pdf.Name, Link: "https://a.example"}
	from := doc.Cell{Text: "a.exe", Style: doc.Code, Link: "https://a.example", Mark: mark, Depth: 2}
	assert.Equal(t, pdf.Cell{Spans: []pdf.Span{shape, text}, Depth: 2}, d.cell(from, false))
	shape.Style, shape.Tone, text.Style = shape.Style|pdf.Muted, pdf.Plain, text.Style|pdf.Muted
	assert.Equal(t, pdf.Cell{Spans: []pdf.Span{shape, text}, Depth: 2}, d.cell(from, true))
	assert.Equal(t, pdf.Cell{}, d.cell(doc.Cell{Mark: mark}, false), "a level that nobody knows is not said")
}

func TestWidths(t *testing.T) {
	of := func(w doc.Width, texts ...string) float64 {
		table := &doc.Table{Columns: []doc.Column{{Width: w}}, Rows: []doc.Row{{}}}
		for _, text := range texts {
			table.Rows = append(table.Rows, doc.Row{Cells: cells(text)})
		}
		return width(table, 0)
	}
	assert.Zero(t, of(doc.Shared, "anything"))
	assert.InDelta(t, 84, of(doc.Stamp, "2026-03-09 07:52:00", ""), 0.01)
	assert.Greater(t, of(doc.Stamp, "2026-03-09 07:52:00 +01:00"), 110.0)
	assert.InDelta(t, 122, of(doc.Stamp, strings.Repeat("x", 999)), 0.01)
	assert.Less(t, of(doc.Short, "File\nURL"), of(doc.Short, "Cloud resource"))
	for w := doc.Narrow; w <= doc.Actor; w++ {
		assert.Greater(t, of(w), 35.0)
	}
}

// generator makes documents of all sorts.
type generator struct {
	*rapid.T
	given   int
	endings []string
}

func (g *generator) text() string {
	g.given++
	return fmt.Sprintf("<%d%s>", g.given, rapid.SampledFrom(g.endings).Draw(g.T, "text"))
}

func (g *generator) n(most int) int { return rapid.IntRange(0, most).Draw(g.T, "n") }

func (g *generator) spans() (out []doc.Span) {
	for range g.n(2) {
		out = append(out, doc.Span{Text: g.text(), Style: doc.Style(g.n(8)), Order: doc.Order(g.n(4)), Link: rapid.SampledFrom([]string{"", "https://a.example", "javascript:x"}).Draw(g.T, "link")})
	}
	return out
}

func (g *generator) cell() doc.Cell {
	c := doc.Cell{Text: g.text(), Style: doc.Style(g.n(8)), Order: doc.Order(g.n(4)), Depth: g.n(20) - 2}
	c.Mark = doc.Mark{Shape: rapid.SampledFrom([]string{"", "▲", "😀"}).Draw(g.T, "shape"), Tone: doc.Tone(g.n(9)), Badge: g.n(1) == 1}
	if g.n(3) == 0 {
		c.Spans = g.spans()
	}
	return c
}

func (g *generator) pairs() (out []doc.Pair) {
	for range g.n(5) {
		out = append(out, doc.Pair{Label: g.text(), Value: g.cell()})
	}
	return out
}

func (g *generator) notice() doc.Notice {
	n := doc.Notice{Tone: doc.Tone(g.n(9)), Title: g.text()}
	for range g.n(3) {
		n.Lines = append(n.Lines, g.text())
	}
	return n
}

func (g *generator) block() doc.Block {
	switch g.n(9) {
	case 0:
		return doc.Heading{Level: g.n(5) - 1, Text: g.text(), Bookmark: g.n(1) == 1}
	case 1:
		return doc.Text(g.spans())
	case 2:
		return doc.Prose{Source: rapid.SampledFrom(markdownCorpus).Draw(g.T, "prose"), Lines: g.n(1) == 1}
	case 3:
		return g.notice()
	case 4:
		return doc.Pairs{List: g.pairs(), PerRow: g.n(4) - 1}
	case 5:
		f := figure.Graph{Columns: make([]figure.Column, g.n(5))}
		for n := range f.Columns {
			f.Columns[n].Nodes = make([]figure.Node, rapid.SampledFrom([]int{0, 0, 1, 3, 60}).Draw(g.T, "nodes"))
		}
		for range g.n(3) {
			f.Edges = append(f.Edges, figure.Edge{From: [2]int{g.n(5) - 1, g.n(3)}, To: [2]int{g.n(5) - 1, g.n(3)}, Label: g.text()})
		}
		return doc.Graph{Caption: g.text(), Figure: f}
	case 6:
		return doc.Chart{Caption: g.text(), Figure: figure.Chart{Lanes: make([]figure.Lane, g.n(90))}}
	case 7:
		return doc.Picture{Image: rapid.SampledFrom([]*doc.Image{nil, {Data: []byte("GIF89a")}, small}).Draw(g.T, "image"), Caption: g.text()}
	}
	t := &doc.Table{Caption: g.text(), Empty: g.text()}
	for range g.n(6) {
		t.Columns = append(t.Columns, doc.Column{Title: g.text(), Width: doc.Width(g.n(7)), Weight: g.n(5) - 1, Number: g.n(1) == 1})
	}
	if len(t.Columns) == 0 {
		return t
	}
	for range g.n(6) {
		row := doc.Row{Note: g.spans(), NoteFrom: g.n(9) - 1, Muted: g.n(1) == 1, Bookmark: g.text()}
		for range g.n(len(t.Columns)) {
			row.Cells = append(row.Cells, g.cell())
		}
		for range g.n(2) {
			row.Flow = append(row.Flow, doc.Text(g.spans()))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

var small = shot("small.png", 40, 700, 0x80)

// anyDocument returns a document, and whether all that it says runs from left to right.
func anyDocument(t *rapid.T) (d doc.Document, plain bool) {
	g := &generator{T: t, endings: []string{"", "", " of some words", strings.Repeat("=", 90), strings.Repeat(" word", 120), "\n\n", "\u202e\x00\xff"}}
	if plain = g.n(1) == 1; !plain {
		g.endings = append(g.endings, "אב")
	}
	d = doc.Document{Label: g.text(), Title: g.text(), State: g.text(), About: g.text(), Subject: g.text(), Tags: []string{g.text()}}
	d.Brand = doc.Brand{Organisation: g.text(), Accent: doc.Color{R: uint8(g.n(255))}, Header: g.text(), Footer: g.text(), Logo: rapid.SampledFrom([]*doc.Image{nil, {}, small}).Draw(t, "logo")}
	d.Marking = doc.Marking{Label: rapid.SampledFrom([]string{"", g.text()}).Draw(t, "label"), Text: g.text()}
	for range g.n(6) {
		d.Cover.States = append(d.Cover.States, doc.State{Label: g.text(), Word: g.text(), Mark: doc.Mark{Shape: g.text(), Tone: doc.Tone(g.n(9))}})
	}
	for range g.n(3) {
		row := make([]doc.Fact, g.n(6))
		for n := range row {
			row[n] = doc.Fact{Label: "label", Value: g.text(), Note: g.text()}
		}
		d.Cover.Facts = append(d.Cover.Facts, row)
	}
	d.Cover.Glance, d.Cover.Tags, d.Cover.Notice, d.Cover.Remark = g.pairs(), []string{g.text()}, []doc.Notice{g.notice()}, g.text()
	for range g.n(4) {
		s := doc.Section{Title: g.text()}
		for range g.n(5) {
			s.Blocks = append(s.Blocks, g.block())
		}
		d.Sections = append(d.Sections, s)
	}
	for range g.n(3) {
		d.Files = append(d.Files, doc.File{Name: rapid.SampledFrom([]string{"", "a", g.text()}).Draw(t, "name"), Type: g.text(), Data: []byte(g.text())})
	}
	return d, plain
}

// Any document can be drawn, and each text that it has is found on its pages: its beginning and its end, and in texts of one
// line all of it.
func TestAnyDocumentCanBeDrawn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d, plain := anyDocument(rt)
		o := Options{Letter: rapid.Bool().Draw(rt, "letter")}
		file := render(rt, d, o)
		if !plain || rapid.IntRange(0, 4).Draw(rt, "read") > 0 {
			return // reading takes longer than drawing
		}
		require.True(rt, bytes.Equal(file, render(rt, d, o)))
		got := strings.Join(pages(t, file), "")
		for _, s := range d.Sections {
			for _, b := range s.Blocks {
				for _, want := range texts(doc.Document{Sections: []doc.Section{{Blocks: []doc.Block{b}}}}) {
					if strings.Contains(want, "=") || strings.Count(want, "word") > 3 {
						want = want[:min(len(want), 2)] // broken
					}
					want = strings.NewReplacer("\u202e", "[U+202E]", "\x00", "[U+0000]", "\xff", "\uFFFD").Replace(want)
					if want != "" && !strings.Contains(want, "[U+") {
						require.True(rt, strings.Contains(got, squeeze(want)), "%q of %#v", want, b)
					}
				}
			}
		}
	})
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestErrors(t *testing.T) {
	full := errors.New("disk full")
	assert.ErrorIs(t, Write(t.Context(), brokenWriter{full}, doc.Document{}, Options{}), full)
	var b bytes.Buffer
	assert.ErrorContains(t, Write(t.Context(), &b, sample(), Options{Fonts: [][]byte{[]byte("OTTO")}}), "font 1")
	assert.Zero(t, b.Len())
	assert.True(t, bytes.HasPrefix(render(t, doc.Document{}, Options{Created: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}), []byte("%PDF-")))
	table := &doc.Table{Columns: make([]doc.Column, 1), Rows: []doc.Row{{Cells: cells("a", "b")}}}
	d := doc.Document{Sections: []doc.Section{{Title: "x", Blocks: []doc.Block{table}}}}
	assert.ErrorContains(t, Write(t.Context(), &b, d, Options{}), "2 cells for 1 columns")
}

// dueContext is done after it has been asked so many times.
type dueContext struct {
	context.Context
	left, asked int
}

func (c *dueContext) Err() error {
	c.asked++
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// However far it has come when the context is done, nothing is written.
func TestWriteStops(t *testing.T) {
	d := sample()
	d.Brand.Logo = nil
	for _, n := range []int{7, 8} { // decoding images takes its time
		d.Sections[3].Blocks[1].(*doc.Table).Rows[n].Flow = nil
	}
	for n := 0; ; n++ {
		var b bytes.Buffer
		err := Write(&dueContext{Context: t.Context(), left: n}, &b, d, Options{})
		if err == nil {
			assert.Greater(t, n, 10, "it was asked for every page")
			return
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, b.Len())
	}
}

// The context is looked at after every thousand cells at least, before they are laid out and while they are.
func TestContextIsLookedAtForCells(t *testing.T) {
	const rows, columns = 200, 100
	table := &doc.Table{Columns: make([]doc.Column, columns)}
	for range rows {
		table.Rows = append(table.Rows, doc.Row{Cells: make([]doc.Cell, columns)})
	}
	c := &dueContext{Context: t.Context(), left: 1 << 30}
	d := doc.Document{Sections: []doc.Section{{Title: "x", Blocks: []doc.Block{table}}}}
	p, err := draw(c, d, Options{})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, c.asked, 2*rows*columns/500+p.Pages())
}
