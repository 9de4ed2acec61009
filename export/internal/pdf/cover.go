package pdf

import "strings"

// Cover is what a report begins with: it says in ten seconds what it is about.
type Cover struct {
	Label, Title string  // small, and below it large
	States       []State // side by side, at most four
	Facts        [][]Fact
	More         []KeyValue // below the facts, each over the whole width
	Tags         []string

	Organisation string   // above all, on the right
	Logo         *Picture // beside it, or nil
}

// State is a word that is said by a shape and a colour too.
type State struct {
	Label       string // small, above the word
	Shape, Word string
	Tone        Tone
}

// Fact is a figure, a date or a name, in a grid whose rows have at most four.
type Fact struct {
	Label, Value string
	Note         string // small, below the value
}

const (
	perRow    = 4 // facts, and states
	mostLines = 3 // of a word, of a value in the grid, and of its note
	wordSize  = 13 * point
)

// Cover sets the head of a report. A text that is too long for its place stands in full below the grid, and that of a
// state is cut with an ellipsis where it is.
func (d *Document) Cover(c Cover) {
	d.take(0)
	d.brand(c)
	tone := Accent
	if len(c.States) > 0 && c.States[0].Tone > Neutral {
		tone = c.States[0].Tone
	}
	ground, _ := d.colors(tone)
	d.fill(margin, d.take(4*point), d.bodyWidth, 4*point, ground)
	d.before(12 * point)
	d.flow([]Span{{Text: c.Label, Style: Bold | Muted}}, partSize, grey)
	d.Title(c.Title)
	more := d.states(c.States[:min(perRow, len(c.States))])
	for _, row := range c.Facts {
		more = append(more, d.facts(row[:min(perRow, len(row))])...)
	}
	if more = append(more, c.More...); len(more) > 0 {
		d.before(8 * point)
		d.line(margin, d.take(0), d.bodyWidth, 0, 500, hairline)
		d.before(8 * point)
		d.KeyValues(more, 1)
	}
	if len(c.Tags) > 0 {
		d.before(8 * point)
		badges := make([]Badge, len(c.Tags))
		for i, t := range c.Tags {
			badges[i].Text = t
		}
		d.Badges(badges...)
	}
}

// brand draws whose report it is.
func (d *Document) brand(c Cover) {
	const most, high, space = 150 * point, 34 * point, 10 * point
	k := Bold.ink(partSize, black)
	right, height := d.pageWidth-margin, lineHeight(partSize)
	var width, tall int
	if c.Logo != nil {
		width, tall = c.Logo.size(most, high)
		height = max(height, tall)
	}
	name := d.clip(d.clean(c.Organisation, Bold, false), k, d.bodyWidth-width-space)
	if name == "" && c.Logo == nil {
		return
	}
	y := d.take(height)
	if c.Logo != nil {
		right -= width
		d.add(op{kind: pictureOp, x: right, y: y + (height-tall)/2, w: width, h: tall, size: d.pictureNumber(c.Logo)})
		right -= space
	}
	d.text(right-d.textWidth(name, k), y+baseline(height, partSize), name, k)
	d.before(10 * point)
}

// states draws tiles. It returns what had to be cut.
func (d *Document) states(states []State) (cut []KeyValue) {
	if len(states) == 0 {
		return nil
	}
	const (
		space = 6 * point
		pad   = 8 * point
		shape = 20 * point // the room for it
	)
	width := (d.bodyWidth - (len(states)-1)*space) / len(states)
	inside := width - 2*pad - shape
	words := make([]styled, len(states))
	lines := make([][]extent, len(states))
	tall := 0
	for i, s := range states {
		_, ink := d.colors(s.Tone)
		before := d.replaced
		words[i], lines[i] = d.fitted(s.Word, ink, inside, 2)
		if len(lines[i]) > mostLines {
			d.replaced = before // counted where it stands in full
			cut = append(cut, KeyValue{Label: s.Label, Value: Cell{Text: s.Word}})
			lines[i] = d.cutLines(&words[i], lines[i], mostLines, inside)
		}
		tall = max(tall, len(lines[i])*lineHeight(words[i].size))
	}
	head := lineHeight(smallSize)
	d.before(10 * point)
	y := d.take(pad + head + 2*point + tall + pad)
	for i, s := range states {
		x := margin + i*(width+space)
		ground, color := d.colors(s.Tone)
		d.fill(x, y, width, pad+head+2*point+tall+pad, ground)
		if s.Tone == Plain {
			d.frame(x+250, y+250, width-500, pad+head+2*point+tall+pad-500, 500, grey)
		}
		label := Style(0).ink(smallSize, color)
		d.text(x+pad, y+pad+baseline(head, smallSize), d.clip(d.clean(s.Label, 0, false), label, width-2*pad), label)
		top, line := y+pad+head+2*point, lineHeight(words[i].size)
		d.shape(s.Shape, x+pad, top+line/2, shape, color)
		for k, e := range lines[i] {
			d.place(words[i], e, x+pad+shape, top+k*line, inside, line, Left)
		}
	}
	d.before(10 * point)
	return cut
}

// shape draws a shape with its middle at a height.
func (d *Document) shape(text string, x, middle, width int, c color) {
	k := Bold.ink(wordSize, c)
	text = d.clip(d.clean(text, Bold, false), k, width)
	for _, r := range text {
		b := d.faces[bold].bounds(r)
		d.text(x, middle+(b.top+b.bottom)*wordSize/2000, text, k)
		return
	}
}

// fitted lays out a text in large type if it takes at most so many lines, else in that of running text.
func (d *Document) fitted(text string, c color, width, most int) (styled, []extent) {
	t := d.style([]Span{{Text: text, Style: Bold, Order: Datum}}, wordSize, c)
	lines := d.breakLines(t, width)
	if len(lines) > most {
		t.size, t.runs[0].ink.size = bodySize, bodySize
		lines = d.breakLines(t, width)
	}
	return t, lines
}

// facts draws a row of the grid. It returns those that are too long for it.
func (d *Document) facts(facts []Fact) (long []KeyValue) {
	const space = 12 * point
	width := (d.bodyWidth - (perRow-1)*space) / perRow
	type cell struct {
		label, value, note styled
		values, notes      []extent
	}
	var cells []cell
	values, notes := 0, 0
	for _, f := range facts {
		var c cell
		before := d.replaced
		c.value, c.values = d.fitted(f.Value, black, width, 1)
		c.note = d.style([]Span{{Text: f.Note, Order: Name}}, smallSize, grey)
		if c.note.text != "" {
			c.notes = d.breakLines(c.note, width)
		}
		if len(c.values) > mostLines || len(c.notes) > mostLines {
			d.replaced = before // the same
			long = append(long, KeyValue{f.Label, Cell{Text: strings.TrimSpace(f.Value + " " + f.Note)}})
			continue
		}
		c.label = d.style([]Span{{Text: f.Label, Order: Datum}}, smallSize, grey)
		values = max(values, len(c.values)*lineHeight(c.value.size))
		notes = max(notes, len(c.notes)*lineHeight(smallSize))
		cells = append(cells, c)
	}
	if len(cells) == 0 {
		return long
	}
	head := lineHeight(smallSize)
	y := d.take(6*point + head + values + notes + 6*point)
	d.line(margin, y, d.bodyWidth, 0, 500, hairline)
	for i, c := range cells {
		x, top := margin+i*(width+space), y+6*point
		label := c.label.runs[0].ink
		d.text(x, top+baseline(head, smallSize), d.clip(c.label.text, label, width), label)
		top += head
		line := lineHeight(c.value.size)
		for k, e := range c.values {
			d.place(c.value, e, x, top+k*line, width, line, Left)
		}
		top += values
		for k, e := range c.notes {
			d.place(c.note, e, x, top+k*lineHeight(smallSize), width, lineHeight(smallSize), Left)
		}
	}
	return long
}
