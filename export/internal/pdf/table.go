package pdf

import (
	"math"
	"strings"
)

// Align says on which side of its column text stands.
type Align uint8

const (
	Left Align = iota
	Right
)

// Column is a column of a table.
type Column struct {
	Title string // at most six lines of it are drawn
	// Width in points, or 0 for a share of what the columns with a width leave,
	// in proportion to Weight; a Weight of 0 counts as 1. Where there is too
	// little room, all columns shrink.
	Width, Weight float64
	Align         Align
}

// Table is a table with a header that is repeated on every page. The header
// never stands without a row below it. A row is split over pages only when it
// would not fit on one.
//
// A text of more than 12 lines in a column that is much narrower than a note is
// cut to a few lines and an ellipsis, and stands in full below its row, before
// the note.
type Table struct {
	Columns []Column
	// Rows hold a cell for each column; missing ones are empty. A row with more
	// cells than there are columns is an error of Output.
	Rows [][]Cell
	// Notes are running text below the rows with the same indexes; missing and
	// blank ones take no room. A note begins on the page of its row. It may be
	// split over pages if it has more than 12 lines.
	Notes [][]Span
	// NoteColumn is the column with whose left edge notes are aligned. They end
	// at the right margin.
	NoteColumn int
	// Flows are blocks below the notes of the rows with the same indexes, as wide
	// as notes. They begin on the page of their row, and may be split over pages.
	Flows [][]Block
	// Empty is set instead of the table when there are no rows. Without it,
	// nothing is.
	Empty string
	// Caption is a line below the last row, such as "10 of 37 shown".
	Caption string
}

// Table sets a table.
func (d *Document) Table(t Table) {
	if len(t.Rows) == 0 || len(t.Columns) == 0 {
		if len(t.Rows) > 0 {
			d.fail("a table with %d rows and no columns", len(t.Rows))
		}
		d.Paragraph(Span{Text: t.Empty, Style: Muted})
		d.caption(t.Caption)
		return
	}
	d.before(6 * point)
	layout := d.columns(t.Columns)
	d.tableHeader(t.Columns, layout)
	captionHeight := 0
	if t.Caption != "" {
		captionHeight = lineHeight(smallSize) + 4*point
	}
	noteX := layout[max(0, min(len(layout)-1, t.NoteColumn))].x
	cells := make([]box, 0, len(t.Columns))
	for i, values := range t.Rows {
		if d.err != nil {
			return
		}
		if len(values) > len(t.Columns) {
			d.fail("row %d of a table has %d cells for %d columns", i, len(values), len(t.Columns))
			values = values[:len(t.Columns)]
		}
		cells = cells[:0]
		var note []Span
		for j, value := range values {
			b := d.cell(value, cellSize, layout[j].x, layout[j].width)
			b.align = t.Columns[j].Align
			if len(b.lines) > tallest && 3*b.width < 2*(d.pageWidth-margin-noteX) {
				note = append(note, Span{Text: t.Columns[j].Title + ": ", Style: Bold | Muted}, Span{Text: value.Text + "\n", Link: value.Link})
				b.lines = d.fewLines(&b.text, b.width)
			}
			cells = append(cells, b)
		}
		r := row{cells: cells, line: lineHeight(cellSize), above: 3 * point, below: 3 * point, rule: true}
		if i == len(t.Rows)-1 {
			r.keep = captionHeight
		}
		if i < len(t.Notes) {
			note = append(note, t.Notes[i]...)
		}
		var flow []Block
		if i < len(t.Flows) {
			flow = t.Flows[i]
		}
		d.placeWithNote(r, note, flow, noteX)
	}
	d.repeat, d.repeatHeight = nil, 0
	d.caption(t.Caption)
	d.before(8 * point)
}

// placeWithNote draws a row with a note and a flow below it, unless they are blank.
func (d *Document) placeWithNote(r row, note []Span, flow []Block, x int) {
	var below []row
	if text := d.style(note, cellSize, black); !isBlank(text.text) {
		width := d.pageWidth - margin - x
		lines := d.breakLines(text, width)
		below = append(below, row{
			cells: []box{{x: x, width: width, text: text, lines: lines}},
			line:  r.line, above: 2 * point, freely: len(lines) > tallest,
		})
	}
	below = append(below, d.flowRows(flow, x)...)
	if len(below) == 0 {
		d.placeRow(r)
		return
	}
	last := &below[len(below)-1]
	last.below += 5 * point
	last.rule, last.keep = r.rule, r.keep
	keepTogether(below)
	r.below, r.rule, r.keep = 0, false, below[0].beginning()
	d.placeRow(r)
	for _, b := range below {
		d.placeRow(b)
	}
}

func (d *Document) caption(text string) {
	d.before(4 * point)
	d.flow([]Span{{Text: text, Style: Muted}}, smallSize, grey)
}

// tableHeader keeps the header with the first row. From then on it is drawn at
// the top of every new page.
func (d *Document) tableHeader(columns []Column, layout []column) {
	const above, below = 2 * point, 3 * point
	line := lineHeight(smallSize)
	lines := 1
	titles := make([]styled, len(columns))
	broken := make([][]extent, len(columns))
	for i, c := range columns {
		titles[i] = d.style([]Span{{Text: c.Title, Style: Bold | Muted}}, smallSize, grey)
		broken[i] = d.fewLines(&titles[i], layout[i].width)
		lines = max(lines, len(broken[i]))
	}
	height := above + lines*line + below
	draw := func(y int) {
		for i := range columns {
			// The titles stand on the rule: the last lines are level.
			first := y + above + (lines-len(broken[i]))*line
			for j, e := range broken[i] {
				d.place(titles[i], e, layout[i].x, first+j*line, layout[i].width, line, columns[i].Align)
			}
		}
		d.line(margin, y+height, d.bodyWidth, 0, 700, accent)
	}
	d.keepWithNext(height, func(y int) {
		draw(y)
		d.repeat, d.repeatHeight = func() { draw(d.y) }, height
	})
}

type column struct{ x, width int }

// columns shares out the width of the page.
func (d *Document) columns(columns []Column) []column {
	const space = 8 * point
	// With very many columns the space between them goes first.
	gap := min(space, d.bodyWidth/(4*len(columns)))
	room := d.bodyWidth - gap*(len(columns)-1)
	fixed, weights := 0.0, 0.0
	for _, c := range columns {
		if w := positive(c.Width); w > 0 {
			fixed += w
		} else {
			weights += weight(c)
		}
	}
	available := points(room)
	shrink, rest := 1.0, available-fixed
	// Columns without a width keep at least a fifth of the room, between them.
	if least := available / 5; weights > 0 && rest < least {
		rest = least
	}
	if weights > 0 && fixed > available-rest {
		shrink = (available - rest) / fixed
	} else if weights == 0 && fixed > available {
		shrink = available / fixed
	}
	out := make([]column, len(columns))
	x := margin
	for i, c := range columns {
		w := positive(c.Width) * shrink
		if w == 0 {
			w = rest * weight(c) / weights
		}
		out[i] = column{x, thousandths(w)}
		x += out[i].width + gap
	}
	return out
}

func weight(c Column) float64 {
	if w := positive(c.Weight); w > 0 {
		return w
	}
	return 1
}

// positive returns v if it is a sensible length or weight, else 0.
func positive(v float64) float64 {
	if math.IsNaN(v) || v < 0.001 {
		return 0
	}
	return min(v, 1e6)
}

// row is a row of boxes on a common grid of lines. Everything that flows is one:
// a paragraph is a row of one box.
type row struct {
	cells        []box
	line         int  // height of a line
	above, below int  // padding
	rule         bool // below its last line, over the whole body
	bars         []bar
	ground       *field      // pale, behind the lines
	under        *field      // a rule of its own below the last line
	paint        func(y int) // draws what is no text
	withNext     bool        // must stand on one page with the beginning of the next row
	freely       bool        // may be split over pages before it fills one
	keep         int         // room needed below it on the same page
}

const (
	together = 2  // lines that must not be parted at either end of a split
	tallest  = 12 // lines of a narrow cell, and of a note that is kept whole
)

// box is a cell of a row.
type box struct {
	x, width int
	text     styled
	lines    []extent
	align    Align
	tone     Tone // not Plain: text is one line, drawn as a badge
}

// cell lays out a cell in a field.
func (d *Document) cell(c Cell, size, x, width int) box {
	if c.Tone != Plain {
		text := d.clean(c.Text, Bold, true)
		if text != "" && !strings.Contains(text, "\n") && d.badgeWidth(text) <= width {
			t := styled{text: text, size: size, runs: []run{{end: len(text), ink: badgeInk(white), link: safeLink(c.Link)}}}
			return box{x: x, width: width, text: t, lines: []extent{{0, len(text)}}, tone: c.Tone}
		}
		ground, _ := c.Tone.colors()
		if ground == pale {
			ground = black
		}
		t := styled{text, size, []run{{end: len(text), ink: Bold.ink(size, ground), link: safeLink(c.Link)}}, levels(text)}
		return box{x: x, width: width, text: t, lines: d.breakLines(t, width)}
	}
	t := d.style([]Span{{Text: c.Text, Style: c.Style, Link: c.Link}}, size, black)
	return box{x: x, width: width, text: t, lines: d.breakLines(t, width)}
}

// placeRow draws a row, over more than one page if it has to.
func (d *Document) placeRow(r row) {
	total := 1
	for _, c := range r.cells {
		total = max(total, len(c.lines))
	}
	padding := r.above + r.below
	emptyPage := d.bodyEnd - bodyTop - d.repeatHeight
	for from := 0; from < total && d.err == nil; {
		rest := total - from
		height := padding + rest*r.line
		count := rest
		if need := height + r.keep; d.room() < need && (d.room() < height || !d.atTop()) {
			fit := (d.room() - padding) / r.line
			whole := need <= emptyPage && !r.freely
			switch {
			case d.room() >= height && need > emptyPage:
				// Only what should stay with the row does not fit, and never will.
			case !d.atTop() && (whole || fit < min(together, rest) || rest <= together+1):
				d.startPage()
				continue
			default:
				count = max(1, min(fit, rest))
				switch {
				case count == rest: // all of it fits, but for what has to stay with its end
					count -= together
				case rest-count == 1 && count > together:
					count--
				}
			}
		}
		y := d.take(padding + count*r.line)
		d.drawRow(r, y, from, count, count == rest)
		from += count
		if from < total {
			d.startPage()
		}
	}
}

func (d *Document) drawRow(r row, y, from, count int, last bool) {
	r.decorate(d, y, from, count, last)
	for _, c := range r.cells {
		if from >= len(c.lines) {
			continue
		}
		lines := c.lines[from:min(from+count, len(c.lines))]
		at := y + r.above
		if c.tone != Plain {
			width := d.badgeWidth(c.text.text)
			x := c.x
			if c.align == Right {
				x += c.width - width
			}
			d.drawBadge(c.text.text, c.tone, x, at+baseline(r.line, c.text.size))
			if link := c.text.runs[0].link; link != "" {
				d.add(op{kind: linkOp, x: x, y: at, w: width, h: r.line, text: link})
			}
			continue
		}
		for i, line := range lines {
			d.place(c.text, line, c.x, at+i*r.line, c.width, r.line, c.align)
		}
	}
	if r.rule && last {
		d.line(margin, y+r.above+count*r.line+r.below, d.bodyWidth, 0, 400, hairline)
	}
}
