package pdf

import "github.com/incidentkit/incidentkit/export/internal/figure"

// Graph sets boxes in columns, side by side, with lines between those that are joined, on one page with its caption. There may be at
// most [GraphColumn] boxes in a column.
func (d *Document) Graph(g figure.Graph, caption string) {
	columns := make([]figure.Column, len(g.Columns))
	for c, column := range g.Columns {
		columns[c].Title = d.clean(column.Title, Bold, false)
		for _, n := range column.Nodes {
			n.Number, n.Label, n.Note = d.clean(n.Number, Bold, false), d.clean(n.Label, Bold, false), d.clean(n.Note, 0, false)
			columns[c].Nodes = append(columns[c].Nodes, n)
		}
	}
	d.picture(d.sheet().Graph(figure.Graph{Columns: columns, Edges: g.Edges}), caption)
}

// GraphColumn is how many boxes a column of a graph may have.
func (d *Document) GraphColumn() int { return d.sheet().Most() }

// Chart sets events along a time axis, in lanes, on one page with its caption.
func (d *Document) Chart(c figure.Chart, caption string) {
	lanes := make([]figure.Lane, len(c.Lanes))
	for n, l := range c.Lanes {
		l.Title, l.Note = d.clean(l.Title, Bold, false), d.clean(l.Note, 0, false)
		more := make([]string, len(l.More))
		for k, text := range l.More {
			more[k] = d.clean(text, 0, false)
		}
		l.More = more
		lanes[n] = l
	}
	c.Lanes, c.Axis, c.Nowhen = lanes, d.clean(c.Axis, 0, false), d.clean(c.Nowhen, 0, false)
	for n, name := range c.Levels {
		c.Levels[n] = d.clean(name, 0, false)
	}
	d.picture(d.sheet().Chart(c), caption)
}

// captionLines is how many lines a caption has room for on the page of its picture.
const captionLines = 2

func (d *Document) sheet() figure.Sheet {
	const heading = 60 * point // above a picture and below, on the same page
	return figure.Sheet{Width: d.bodyWidth, Height: d.bodyEnd - bodyTop - heading, Wide: func(text string, size int, strong bool) int {
		return d.textWidth(text, typeInk(size, strong, black))
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
		return
	}
	const between = 7 * point
	text := d.style([]Span{{Text: caption, Style: Muted}}, smallSize, black)
	lines, each := d.breakLines(text, d.bodyWidth), lineHeight(smallSize)
	if isBlank(text.text) {
		lines = nil
	}
	d.before(6 * point)
	top := d.take(p.Height + between + min(len(lines), captionLines)*each)
	if len(lines) <= captionLines {
		for n, line := range lines {
			d.place(text, line, margin, top+p.Height+between+n*each, d.bodyWidth, each, Left)
		}
	} else {
		d.flowLines(text, lines)
	}
	for _, s := range p.Shapes {
		x, y, c := margin+s.X, top+s.Y, inkColor(s.Ink)
		switch s.Kind {
		case figure.Box:
			d.fill(x, y, s.W, s.H, c)
		case figure.Frame:
			d.frame(x, y, s.W, s.H, s.Size, c)
		case figure.Line:
			d.line(x, y, s.W, s.H, s.Size, c)
		case figure.Text:
			d.drawn(x, y, visualLine(s.Text, []stretch{{len(s.Text), Name}}), typeInk(s.Size, s.Bold, c))
		case figure.Mark:
			d.add(op{kind: markOp, x: x, y: y, w: int(s.Level), size: s.Size, color: c})
		}
	}
	d.before(6 * point)
}

func inkColor(i figure.Ink) color {
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
		return accent
	case figure.High, figure.Medium, figure.Low, figure.Informational:
		c, _ := (High + Tone(i-figure.High)).colors()
		return c
	}
	return black
}
