package export

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// A drawn is a picture of a document, with what it says to those who do not see it.
type drawn struct {
	ID, Title, Caption string
	Picture            figure.Picture
}

// screen is the sheet for pictures in HTML, whose texts are in a face of which nothing is known.
func screen() figure.Sheet {
	const point = 1000
	return figure.Sheet{Width: 640 * point, Height: 1000 * point, Wide: roughly}
}

// roughly returns about how wide a text is in a wide face without serifs.
func roughly(text string, size int, bold bool) (width int) {
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r >= 0x1100:
			width += 1000
		case strings.ContainsRune("ilj.,:;'|!()[] /ftrI-·", r):
			width += 380
		case strings.ContainsRune("mwMW@%…", r):
			width += 940
		case r >= 'A' && r <= 'Z':
			width += 700
		default:
			width += 620
		}
	}
	if bold {
		width += width / 10
	}
	return (width*size + 999) / 1000
}

// storyPictures returns the pictures of the attack story, nil for what there is none of.
func (d drawing) storyPictures() (graph, lanes *drawn) {
	if g, caption := d.graphFigure(); len(d.r.Graph.Nodes) > 0 {
		for c := range g.Columns {
			for n := range g.Columns[c].Nodes {
				node := &g.Columns[c].Nodes[n]
				node.Label, node.Note = oneLine(node.Label), oneLine(node.Note)
			}
		}
		graph = &drawn{"graph", graphTitle, caption, screen().Graph(g)}
	}
	if c, caption := d.lanes(); len(c.Lanes) > 0 {
		for n := range c.Lanes {
			l := &c.Lanes[n]
			l.Title = oneLine(l.Title)
			for k := range l.More {
				l.More[k] = oneLine(l.More[k])
			}
		}
		lanes = &drawn{"lanes", "Alerts along the threat categories", caption, screen().Chart(c)}
	}
	return graph, lanes
}

// oneLine returns s as a line of a picture can show it.
func oneLine(s string) string { return strings.Join(strings.Fields(visible(s)), " ") }

// svg returns p as an image in the text of a page. Its colours are those of report.css by name.
func svg(p drawn) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %s %s" role="img" aria-labelledby="%s-title %[3]s-text">`, thousandth(p.Picture.Width), thousandth(p.Picture.Height), p.ID)
	fmt.Fprintf(&b, "\n<title id=\"%s-title\">%s</title>\n<desc id=\"%[1]s-text\">%[3]s</desc>\n", p.ID, html.EscapeString(p.Title), html.EscapeString(p.Caption+" The tables below say the same."))
	for _, s := range p.Picture.Shapes {
		class := inkName(s.Ink)
		x, y, w, h, size := thousandth(s.X), thousandth(s.Y), thousandth(s.W), thousandth(s.H), thousandth(s.Size)
		switch s.Kind {
		case figure.Box:
			fmt.Fprintf(&b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" fill="currentColor"/>`, class, x, y, w, h)
		case figure.Frame:
			fmt.Fprintf(&b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" fill="none" stroke="currentColor" stroke-width="%s"/>`, class, x, y, w, h, size)
		case figure.Line:
			fmt.Fprintf(&b, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s" stroke="currentColor" stroke-width="%s"/>`,
				class, x, y, thousandth(s.X+s.W), thousandth(s.Y+s.H), size)
		case figure.Text:
			anchor, weight := "", ""
			if s.Middle {
				x, anchor = thousandth(s.X+s.W/2), ` text-anchor="middle"`
			}
			if s.Bold {
				weight = ` font-weight="700"`
			}
			fmt.Fprintf(&b, `<text class="%s" x="%s" y="%s" font-size="%s" fill="currentColor"%s%s>%s</text>`, class, x, y, size, weight, anchor, html.EscapeString(s.Text))
		case figure.Mark:
			outer, hole := s.Level.Corners(s.X, s.Y, s.Size)
			fmt.Fprintf(&b, `<polygon class="%s" points="%s" fill="currentColor"/>`, class, corners(outer))
			if hole != nil {
				fmt.Fprintf(&b, `<polygon class="paper" points="%s" fill="currentColor"/>`, corners(hole))
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

func corners(list [][2]int) string {
	texts := make([]string, len(list))
	for n, c := range list {
		texts[n] = thousandth(c[0]) + "," + thousandth(c[1])
	}
	return strings.Join(texts, " ")
}

// thousandth returns n thousandths as a decimal fraction, to a hundredth.
func thousandth(n int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%02d", sign, n/1000, n%1000/10)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func inkName(i figure.Ink) string {
	switch i {
	case figure.Quiet:
		return "quiet"
	case figure.Faint:
		return "faint"
	case figure.Weak:
		return "weak"
	case figure.Paper:
		return "paper"
	case figure.Shade:
		return "shade"
	case figure.Note:
		return "note"
	case figure.High:
		return "high"
	case figure.Medium:
		return "medium"
	case figure.Low:
		return "low"
	case figure.Informational:
		return "info"
	}
	return "ink"
}
