package pdf

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-pdf/fpdf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

func BenchmarkReport(b *testing.B) {
	for _, c := range []struct{ pages, alerts, entries int }{{7, 60, 36}, {12, 150, 52}, {170, 3000, 600}} {
		b.Run(fmt.Sprintf("pages=%d", c.pages), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d := New(b.Context(), sampleOptions())
				write(d, c.alerts, c.entries)
				if err := d.Output(io.Discard); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(d.Pages()), "pages")
			}
		})
	}
}

// BenchmarkPlainFpdf is the yardstick: the report of 7 pages as fpdf alone draws
// it, in the same two faces.
func BenchmarkPlainFpdf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p := newPlain(sampleOptions())
		write(p, 60, 36)
		if err := p.Output(io.Discard); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(p.PageCount()), "pages")
	}
}

// The yardstick is worth something only as long as it draws the same report.
func TestPlainFpdfDrawsTheSame(t *testing.T) {
	p := newPlain(sampleOptions())
	write(p, 60, 36)
	var file strings.Builder
	require.NoError(t, p.Output(&file))
	d := New(t.Context(), sampleOptions())
	write(d, 60, 36)
	assert.Equal(t, 8, d.Pages())
	assert.InDelta(t, d.Pages(), p.PageCount(), 1)

	squeeze := func(text string) string { return strings.Join(strings.Fields(text), "") }
	plain := squeeze(tool(t, []byte(file.String()), "pdftotext", "-raw", "FILE", "-"))
	ours := squeeze(tool(t, output(t, d), "pdftotext", "-raw", "FILE", "-"))
	var all texts
	write(&all, 60, 36)
	require.Greater(t, len(all), 500)
	for _, text := range all {
		// Long texts may be parted by the end of a page.
		for piece := range strings.FieldsSeq(text) {
			assert.True(t, strings.Contains(ours, piece), "ours: %s", piece)
			assert.True(t, strings.Contains(plain, piece), "plain: %s", piece)
		}
	}
	assert.InEpsilon(t, len(ours), len(plain), 0.02)
}

// texts collects the texts of a report.
type texts []string

func (t *texts) Title(text string)          { *t = append(*t, text) }
func (t *texts) Heading(_ int, text string) { *t = append(*t, text) }

func (t *texts) Paragraph(spans ...Span) {
	for _, s := range spans {
		*t = append(*t, s.Text)
	}
}

func (t *texts) KeyValues(pairs []KeyValue, _ int) {
	for _, p := range pairs {
		*t = append(*t, p.Label, p.Value.Text)
	}
}

func (t *texts) Badges(badges ...Badge) {
	for _, b := range badges {
		*t = append(*t, b.Text)
	}
}

func (t *texts) Chart(c figure.Chart, caption string) {
	for _, l := range c.Lanes {
		*t = append(*t, l.Title, l.Note)
		*t = append(*t, l.More...)
	}
	*t = append(*t, caption)
}

func (t *texts) Table(table Table) {
	for i, row := range table.Rows {
		for j, c := range row {
			*t = append(*t, table.Columns[j].Title, c.Text)
		}
		if i < len(table.Notes) {
			t.Paragraph(table.Notes[i]...)
		}
	}
	*t = append(*t, table.Caption, table.Empty)
}

// plain draws a report as one would with fpdf in an afternoon: its cells, its
// line breaking, its fonts, its placeholder for the number of pages.
type plain struct{ *fpdf.Fpdf }

func newPlain(o Options) plain {
	p := plain{fpdf.New("P", "pt", "A4", "")}
	p.SetCatalogSort(true)
	p.SetTitle(o.Title, true)
	p.SetLang(o.Language)
	p.SetCreationDate(o.Created)
	p.SetModificationDate(o.Created)
	p.AddUTF8FontFromBytes("s", "", []byte(sansFont))
	p.AddUTF8FontFromBytes("s", "B", []byte(boldFont))
	p.SetMargins(51, 56, 51)
	p.SetAutoPageBreak(true, 56)
	p.SetCellMargin(0)
	p.AliasNbPages("")
	p.SetHeaderFunc(func() {
		if p.PageNo() == 1 {
			return
		}
		p.SetXY(51, 28)
		p.font(Bold|Muted, 7.5)
		left := o.HeaderLeft
		for p.GetStringWidth(left) > 380 {
			runes := []rune(left)
			left = string(runes[:len(runes)-1])
		}
		p.CellFormat(390, 14, left, "B", 0, "L", false, 0, "")
		p.font(Muted, 7.5)
		p.CellFormat(0, 14, o.HeaderRight, "B", 0, "R", false, 0, "")
		p.SetY(56)
	})
	p.SetFooterFunc(func() {
		p.SetY(-39)
		p.font(Muted, 7.5)
		p.CellFormat(390, 14, o.FooterLeft, "", 0, "L", false, 0, "")
		p.CellFormat(0, 14, fmt.Sprintf("Page %d of {nb}", p.PageNo()), "", 0, "R", false, 0, "")
	})
	p.AddPage()
	return p
}

func (p plain) font(s Style, size float64) {
	style := ""
	if s&Bold != 0 {
		style = "B"
	}
	p.SetFont("s", style, size)
	c := black
	if s&Muted != 0 {
		c = grey
	}
	p.SetTextColor(int(c.r), int(c.g), int(c.b))
}

func (p plain) tone(t Tone) string {
	ground, text := t.colors()
	p.SetFillColor(int(ground.r), int(ground.g), int(ground.b))
	p.SetTextColor(int(text.r), int(text.g), int(text.b))
	if t == Plain {
		return "1"
	}
	return ""
}

func (p plain) Title(text string) {
	p.font(Bold, 20)
	for _, line := range p.SplitText(text, 493) {
		p.CellFormat(0, 27, line, "", 1, "L", false, 0, "")
	}
}

func (p plain) Heading(level int, text string) {
	p.Ln(7)
	p.font(Bold, []float64{14, 11, 9.5}[level-1])
	p.Bookmark(text, level-1, -1)
	p.CellFormat(0, 18, text, []string{"B", "", ""}[level-1], 1, "L", false, 0, "")
	p.Ln(4)
}

func (p plain) Paragraph(spans ...Span) {
	for _, s := range spans {
		p.font(s.Style, 9)
		p.WriteLinkString(12.4, s.Text, s.Link)
	}
	p.Ln(17)
}

func (p plain) KeyValues(pairs []KeyValue, perRow int) {
	width := 493 / float64(perRow)
	for i := 0; i < len(pairs); i += perRow {
		y, bottom := p.GetY(), 0.0
		for j, pair := range pairs[i:min(i+perRow, len(pairs))] {
			x := 51 + float64(j)*width
			p.SetXY(x, y)
			p.font(Muted, 9)
			p.CellFormat(75, 12.4, pair.Label, "", 0, "L", false, 0, "")
			if pair.Value.Tone != Plain {
				p.font(Bold, 7)
				p.badge(pair.Value.Text, pair.Value.Tone)
				continue
			}
			p.font(pair.Value.Style, 9)
			for n, line := range p.SplitText(pair.Value.Text, width-85) {
				p.SetXY(x+75, y+float64(n)*12.4)
				p.CellFormat(width-85, 12.4, line, "", 2, "L", false, 0, pair.Value.Link)
			}
			bottom = max(bottom, p.GetY())
		}
		p.SetY(bottom + 2)
	}
}

func (p plain) badge(text string, t Tone) {
	border := p.tone(t)
	width := p.GetStringWidth(text) + 9
	p.CellFormat(width, 11.5, text, border, 0, "C", t != Plain, 0, "")
	p.SetX(p.GetX() + 4)
}

func (p plain) Badges(badges ...Badge) {
	p.font(Bold, 7)
	for _, b := range badges {
		p.badge(b.Text, b.Tone)
	}
	p.Ln(20)
}

// Chart draws what is laid out for both, as laying out is no matter of fpdf.
func (p plain) Chart(c figure.Chart, caption string) {
	wide := func(text string, size int, bold bool) int {
		p.typeface(size, bold)
		return int(p.GetStringWidth(text) * point)
	}
	picture := figure.Sheet{Width: 595280 - 2*margin, Wide: wide}.Chart(c)
	if p.GetY()+points(picture.Height) > 841.89-56 {
		p.AddPage()
	}
	top := p.GetY()
	for _, s := range picture.Shapes {
		c, x, y, w, h := (&Document{accent: accent}).inkColor(s.Ink), 51+points(s.X), top+points(s.Y), points(s.W), points(s.H)
		p.SetFillColor(int(c.r), int(c.g), int(c.b))
		switch s.Kind {
		case figure.Box:
			p.Rect(x, y, w, h, "F")
		case figure.Line:
			p.SetDrawColor(int(c.r), int(c.g), int(c.b))
			p.SetLineWidth(points(s.Size))
			p.Line(x, y, x+w, y+h)
		case figure.Text:
			p.typeface(s.Size, s.Bold)
			p.SetTextColor(int(c.r), int(c.g), int(c.b))
			p.Text(x, y, s.Text)
		case figure.Mark:
			var polygon []fpdf.PointType
			corners, _ := s.Level.Corners(s.X, s.Y, s.Size)
			for _, c := range corners {
				polygon = append(polygon, fpdf.PointType{X: 51 + points(c[0]), Y: top + points(c[1])})
			}
			p.Polygon(polygon, "F")
		}
	}
	p.SetY(top + points(picture.Height) + 6)
	p.Paragraph(Span{Text: caption, Style: Muted | Small})
}

func (p plain) typeface(size int, bold bool) {
	style := ""
	if bold {
		style = "B"
	}
	p.SetFont("s", style, points(size))
}

func (p plain) Table(t Table) {
	if len(t.Rows) == 0 {
		p.Paragraph(Span{Text: t.Empty, Style: Muted})
		return
	}
	const gap, line = 8.0, 11.04
	widths := make([]float64, len(t.Columns))
	room, weights := 493-gap*float64(len(widths)-1), 0.0
	for _, c := range t.Columns {
		room -= c.Width
		if c.Width == 0 {
			weights += max(1, c.Weight)
		}
	}
	for i, c := range t.Columns {
		widths[i] = c.Width
		if c.Width == 0 {
			widths[i] = room * max(1, c.Weight) / weights
		}
	}
	aligned := func(c Column) string { return []string{"L", "R"}[c.Align] }
	header := func() {
		p.font(Bold|Muted, 7.5)
		for i, c := range t.Columns {
			p.CellFormat(widths[i], 15, c.Title, "", 0, aligned(c), false, 0, "")
			p.SetX(p.GetX() + gap)
		}
		p.Ln(15)
		p.Line(51, p.GetY(), 544, p.GetY())
	}
	header()
	noteX := 51.0
	for _, w := range widths[:t.NoteColumn] {
		noteX += w + gap
	}
	lines := make([][]string, len(widths))
	for n, row := range t.Rows {
		height := line
		for i, c := range row {
			p.font(c.Style, 8)
			lines[i] = p.SplitText(c.Text, widths[i])
			height = max(height, line*float64(len(lines[i])))
		}
		if p.GetY()+height+6 > 841.89-56 {
			p.AddPage()
			header()
		}
		top := p.GetY() + 3
		x := 51.0
		for i, c := range row {
			p.SetXY(x, top)
			if c.Tone != Plain {
				p.font(Bold, 7)
				p.badge(c.Text, c.Tone)
			} else {
				p.font(c.Style, 8)
				for _, l := range lines[i] {
					p.CellFormat(widths[i], line, l, "", 2, aligned(t.Columns[i]), false, 0, c.Link)
				}
			}
			x += widths[i] + gap
		}
		p.SetY(top + height + 3)
		if n < len(t.Notes) && len(t.Notes[n]) > 0 {
			p.SetLeftMargin(noteX)
			p.SetX(noteX)
			for _, s := range t.Notes[n] {
				p.font(s.Style, 8)
				p.WriteLinkString(line, s.Text, s.Link)
			}
			p.SetLeftMargin(51)
			p.Ln(line + 3)
		}
		p.Line(51, p.GetY(), 544, p.GetY())
	}
	if t.Caption != "" {
		p.font(Muted, 7.5)
		p.CellFormat(0, 14, t.Caption, "", 1, "L", false, 0, "")
	}
	p.Ln(8)
}
