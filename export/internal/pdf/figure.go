package pdf

import (
	"slices"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// Graph sets boxes in columns, side by side, with lines between those that are joined, on one page with its caption.
func (d *Document) Graph(g figure.Graph, caption string) { d.picture(d.sheet().Graph(g), caption) }

// Unlabelled returns how many edges of g [Document.Graph] draws without their label, for want of room.
func (d *Document) Unlabelled(g figure.Graph) int { return d.sheet().Graph(g).Unlabelled }

// Chart sets events along a time axis, in lanes, on one page with its caption.
func (d *Document) Chart(c figure.Chart, caption string) { d.picture(d.sheet().Chart(c), caption) }

// smaller returns p at a height.
func smaller(p figure.Picture, height int) figure.Picture {
	out := figure.Picture{Width: scaled(p.Width, height, p.Height), Height: height, Shapes: slices.Clone(p.Shapes)}
	for n := range out.Shapes {
		s := &out.Shapes[n]
		for _, length := range []*int{&s.X, &s.Y, &s.W, &s.H, &s.Size} {
			*length = scaled(*length, height, p.Height)
		}
	}
	return out
}

// captionLines is how many lines a caption has room for on the page of its picture.
const captionLines = 2

func (d *Document) sheet() figure.Sheet {
	const heading = 60 * point // above a picture and below, on the same page
	return figure.Sheet{Width: d.bodyWidth, Height: d.bodyEnd - d.bodyTop - heading, Wide: func(text string, size int, strong bool) int {
		k := typeInk(size, strong, black)
		text, _ = d.faces[k.face].sanitise(text, false)
		return d.textWidth(text, k)
	}}
}

func typeInk(size int, strong bool, c color) ink {
	if strong {
		return Bold.ink(size, c)
	}
	return Style(0).ink(size, c)
}

func (d *Document) picture(p figure.Picture, caption string) {
	if len(p.Shapes) == 0 || d.err != nil {
		d.caption(caption)
		return
	}
	const between = 7 * point
	text := d.style([]Span{{Text: caption, Style: Muted}}, smallSize, black)
	lines, each := d.breakLines(text, d.bodyWidth), lineHeight(smallSize)
	if isBlank(text.text) {
		lines = nil
	}
	d.before(6 * point)
	if most := d.bodyEnd - d.bodyTop - d.lead() - between - captionLines*each; p.Height > most {
		p = smaller(p, most) // headings may be long, and what is not from a report may have any number of boxes or lanes
	}
	top := d.take(p.Height + between + min(len(lines), captionLines)*each)
	if len(lines) <= captionLines {
		for n, line := range lines {
			d.place(text, line, margin, top+p.Height+between+n*each, d.bodyWidth, each, Left)
		}
	} else {
		d.flowLines(text, lines)
	}
	for _, s := range p.Shapes {
		x, y, c := margin+s.X, top+s.Y, d.inkColor(s.Ink)
		switch s.Kind {
		case figure.Box:
			d.fill(x, y, s.W, s.H, c)
		case figure.Frame:
			d.frame(x, y, s.W, s.H, s.Size, c)
		case figure.Line:
			d.line(x, y, s.W, s.H, s.Size, c)
		case figure.Text:
			k := typeInk(s.Size, s.Bold, c)
			var style Style
			if s.Bold {
				style = Bold
			}
			text := d.clean(s.Text, style, false)
			d.drawn(x, y, visualLine(text, []stretch{{len(text), Name}}), k)
		case figure.Head:
			d.add(op{kind: headOp, x: x, y: y, w: s.W, h: s.H, color: c})
		case figure.Mark:
			d.add(op{kind: markOp, x: x, y: y, w: int(s.Level), size: s.Size, color: c})
		}
	}
	d.before(6 * point)
}

func (d *Document) inkColor(i figure.Ink) color {
	switch i {
	case figure.Quiet:
		return grey
	case figure.Faint:
		return hairline
	case figure.Weak:
		return steel
	case figure.Paper:
		return white
	case figure.Shade:
		return mist
	case figure.Note:
		return d.accent
	case figure.High, figure.Medium, figure.Low, figure.Informational:
		c, _ := (High + Tone(i-figure.High)).colors()
		return c
	}
	return black
}
