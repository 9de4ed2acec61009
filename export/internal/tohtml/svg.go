package tohtml

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// A drawn is a picture with what it says to those who do not see it.
type drawn struct {
	title, caption string
	picture        figure.Picture
}

// screen is the sheet for pictures, whose texts are in a face of which nothing is known. On paper it fits on a page
// almost as it is.
func screen() figure.Sheet {
	const point = 1000
	return figure.Sheet{Width: 520 * point, Height: 640 * point, Wide: roughly}
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

// figure writes a picture as an image in the text of the page, and its caption. Its colours are those of the style
// sheet.
func (p *page) figure(d drawn) {
	d.caption = words.Join(" ", d.caption, words.Unnumbered(d.picture.Unlabelled))
	p.raw("<figure>\n")
	if len(d.picture.Shapes) > 0 {
		id := p.id("figure")
		p.raw(`<div class="wide">`, fmt.Sprintf(`<svg viewBox="0 0 %s %s" role="img" aria-labelledby="%s-title %[3]s-text">`,
			thousandth(d.picture.Width), thousandth(d.picture.Height), id), "\n<title id=\"", id, "-title\">")
		p.text(d.title)
		p.raw("</title>\n<desc id=\"", id, "-text\">")
		p.text(words.Join(" ", d.caption, "The tables beside it say the same."))
		p.raw("</desc>\n")
		for _, s := range d.picture.Shapes {
			if p.Cell() {
				return
			}
			p.svg(s)
		}
		p.raw("</svg></div>\n")
	}
	p.in("figcaption", "", d.caption)
	p.raw("</figure>\n")
}

// svg writes a shape, nothing for one of another kind.
func (p *page) svg(s figure.Shape) {
	const rect = `<rect class="%s" x="%s" y="%s" width="%s" height="%s"`
	class := inkClass(s.Ink)
	x, y, w, h, size := thousandth(s.X), thousandth(s.Y), thousandth(s.W), thousandth(s.H), thousandth(s.Size)
	switch s.Kind {
	case figure.Box:
		p.raw(fmt.Sprintf(rect+" fill=\"currentColor\"/>\n", class, x, y, w, h))
	case figure.Frame:
		p.raw(fmt.Sprintf(rect+" fill=\"none\" stroke=\"currentColor\" stroke-width=\"%s\"/>\n",
			class, x, y, w, h, size))
	case figure.Line:
		p.raw(fmt.Sprintf(
			`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s" stroke="currentColor" stroke-width="%s"/>`+"\n",
			class, x, y, thousandth(s.X+s.W), thousandth(s.Y+s.H), size))
	case figure.Text:
		p.raw(`<text class="`, class, `"`)
		if s.Middle {
			x = thousandth(s.X + s.W/2)
			p.raw(` text-anchor="middle"`)
		}
		p.raw(fmt.Sprintf(` x="%s" y="%s" font-size="%s" fill="currentColor"`, x, y, size))
		if s.Bold {
			p.raw(` font-weight="700"`)
		}
		p.raw(">")
		p.text(s.Text)
		p.raw("</text>\n")
	case figure.Mark:
		outer, hole := s.Level.Corners(s.X, s.Y, s.Size)
		p.polygon(class, outer)
		if hole != nil {
			p.polygon("paper", hole)
		}
	case figure.Head:
		p.polygon(class, s.Corners())
	}
}

func (p *page) polygon(class string, corners [][2]int) {
	p.raw(`<polygon class="`, class, `" points="`)
	for n, c := range corners {
		if n > 0 {
			p.raw(" ")
		}
		p.raw(thousandth(c[0]), ",", thousandth(c[1]))
	}
	p.raw("\" fill=\"currentColor\"/>\n")
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

// inkClass is the name of an ink in the style sheet.
func inkClass(i figure.Ink) string {
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
		return "number"
	case figure.High:
		return toneClass(doc.High)
	case figure.Medium:
		return toneClass(doc.Medium)
	case figure.Low:
		return toneClass(doc.Low)
	case figure.Informational:
		return toneClass(doc.Informational)
	}
	return "ink"
}
