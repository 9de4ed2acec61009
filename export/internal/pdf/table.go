package pdf

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/export/internal/doc"
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
	// NoteColumns are the same for the rows with the same indexes, which have none of the table's.
	NoteColumns []int
	// Flows are blocks below the notes of the rows with the same indexes, as wide
	// as notes. They begin on the page of their row, and may be split over pages.
	Flows [][]Block
	// Bookmarks are entries of the outline for the rows with the same indexes, below
	// the heading of the table, in documents of more than 12 pages.
	Bookmarks []string
	// Again is how many of the first columns are said again where a row goes on on
	// a new page.
	Again int
	// Empty is set instead of the table when there are no rows. Without it,
	// nothing is.
	Empty string
	// Caption is a line below the last row, such as "10 of 37 shown".
	Caption string
}

// Table sets a table.
func (d *Document) Table(t Table) {
	tail := d.kept()
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
	captionHeight := tail
	if t.Caption != "" {
		captionHeight += lineHeight(smallSize) + 4*point
	}
	ahead := make([][]row, 0, together+1) // rows that are laid out, from i on
	at := func(i, n int) []row {
		for len(ahead) <= n {
			ahead = append(ahead, d.tableRow(t, i+len(ahead), layout))
		}
		return ahead[n]
	}
	for i := range t.Rows {
		if d.err != nil {
			return
		}
		rows := at(i, 0)
		last := &rows[len(rows)-1]
		left, keep := len(t.Rows)-1-i, 0
		switch { // so that no row is alone on a page
		case left <= together:
			keep = captionHeight
			for n := range left {
				keep += heightOf(at(i, n+1))
			}
		case i == 0:
			next := at(i, 1)
			keepTogether(next)
			keep = next[0].beginning()
		}
		// What takes more than a quarter of a page is split; less than that stays empty for what is kept together.
		quarter, height := (d.bodyEnd-d.bodyTop)/4, heightOf(rows)
		if left == 0 || height+keep <= quarter || height > quarter && keep <= quarter/3 {
			last.keep = keep
		}
		keepTogether(rows)
		for n, r := range rows {
			if n > 0 {
				d.goesOn = rows[0].name
			}
			d.placeRow(r)
		}
		d.goesOn = ""
		ahead = ahead[:copy(ahead, ahead[1:])]
	}
	d.repeat, d.repeatHeight = nil, 0
	d.caption(t.Caption)
	d.before(8 * point)
}

// tableRow lays out a row and, below it, its note and its flow.
func (d *Document) tableRow(t Table, i int, layout []column) []row {
	values := t.Rows[i]
	d.counted(len(values))
	if len(values) > len(t.Columns) {
		d.fail("row %d of a table has %d cells for %d columns", i, len(values), len(t.Columns))
		values = values[:len(t.Columns)]
	}
	at := t.NoteColumn
	if i < len(t.NoteColumns) {
		at = t.NoteColumns[i]
	}
	at = max(0, min(len(layout)-1, at))
	x := layout[at].x
	r := row{cells: make([]box, 0, len(t.Columns)+1), line: lineHeight(cellSize), above: 3 * point, below: 3 * point}
	if i < len(t.Bookmarks) {
		r.bookmark = t.Bookmarks[i]
	}
	if at < len(values) {
		indent := min(max(0, values[at].Depth)*depthWidth, layout[at].width/2)
		x += indent
	}
	width := d.pageWidth - margin - x
	var note []Span
	var names []string
	for j, value := range values {
		indent := min(max(0, value.Depth)*depthWidth, layout[j].width/2)
		for guide := 0; guide+depthWidth <= indent; guide += depthWidth {
			r.bars = append(r.bars, bar{x: layout[j].x + guide + depthWidth/2, width: 500, color: hairline, through: true})
		}
		b := d.cell(value, cellSize, layout[j].x+indent, layout[j].width-indent)
		b.align = t.Columns[j].Align
		if len(b.lines) > tallest && 3*b.width < 2*width {
			note = append(note, Span{Text: t.Columns[j].Title + ": ", Style: Bold | Muted})
			note = append(append(note, value.spans()...), Span{Text: "\n"})
			b.lines = d.fewLines(&b.text, b.width)
		}
		r.cells = append(r.cells, b)
		if j < t.Again && b.text.text != "" {
			names = append(names, strings.ReplaceAll(b.text.text, "\n", ", "))
		}
	}
	r.name = strings.Join(names, ", ")
	if i < len(t.Notes) {
		note = append(note, t.Notes[i]...)
	}
	rows := []row{r}
	if text := d.style(note, cellSize, black); !isBlank(text.text) {
		from := d.besideCells(&rows[0], at, text)
		if lines := d.breakFrom(text, from, width); !isBlank(text.text[from:]) {
			above := 2 * point
			if from > 0 {
				above = 0
			}
			rows[0].below = 0
			rows = append(rows, row{
				cells: []box{{x: x, width: width, text: text, lines: lines}},
				line:  r.line, above: above, freely: len(lines) > tallest,
			})
		}
	}
	if i < len(t.Flows) {
		rows = append(rows, d.flowRows(t.Flows[i], x, cellSize)...)
	}
	for n := 1; n < len(rows); n++ {
		rows[n].bars = append(slices.Clip(r.bars), rows[n].bars...)
	}
	last := &rows[len(rows)-1]
	if last.rule = true; len(rows) > 1 {
		rows[0].below, rows[0].withNext = 0, true
		last.below += 5 * point
	}
	return rows
}

// besideCells sets those paragraphs that begin a note below its cell, no wider than
// it, for which there is room while other cells are taller. It returns where the
// rest of the note begins.
func (d *Document) besideCells(r *row, at int, text styled) int {
	if at >= len(r.cells) {
		return 0
	}
	own, most := len(r.cells[at].lines), 1
	for _, c := range r.cells {
		most = max(most, len(c.lines))
	}
	if r.cells[at].text.text == "" || own >= most {
		return 0
	}
	b := box{x: r.cells[at].x, width: r.cells[at].width, text: text, lines: make([]extent, own, most)}
	lines := d.breakLines(text, b.width)
	n := min(most-own, len(lines))
	for n > 0 && n < len(lines) && text.text[lines[n].start-1] != '\n' {
		n--
	}
	if n == 0 {
		return 0
	}
	b.lines = append(b.lines, lines[:n]...)
	r.cells = append(r.cells, b)
	if n == len(lines) {
		return len(text.text)
	}
	return lines[n].start
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
		d.line(margin, y+height, d.bodyWidth, 0, 700, d.accent)
	}
	d.keepWithNext(height, func(y int) {
		draw(y)
		d.repeat, d.repeatHeight = func() { draw(d.y) }, height
		if heading := d.latest; heading != "" {
			d.repeat = func() { d.continued(heading); draw(d.y + line) }
			d.repeatHeight += line
		}
	})
}

// continued says what a table, and the row that goes on, belong to.
func (d *Document) continued(heading string) {
	k := Style(0).ink(smallSize, grey)
	text := d.clip(heading, k, d.bodyWidth/2)
	stretches := []stretch{{len(text), Datum}}
	text += ", continued"
	if d.goesOn != "" {
		text += ": "
		stretches = append(stretches, stretch{len(text), Prose})
		text += d.clip(d.goesOn, k, d.bodyWidth-d.textWidth(text, k))
	}
	d.drawn(margin, d.y+2*point+baseline(lineHeight(smallSize), smallSize), visualLine(text, append(stretches, stretch{len(text), Name})), k)
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
	ground       *field                   // pale, behind the lines
	under        *field                   // a rule of its own below the last line
	paint        func(y, from, count int) // draws what is no text: lines from one on, so many, with their top at y
	lines        int                      // at least, whatever its cells have
	least        int                      // lines that must not be parted at either end of a split, unless it is together
	bookmark     string                   // of its beginning
	withNext     bool                     // must stand on one page with the beginning of the next row
	freely       bool                     // may be split over pages before it fills one
	name         string                   // what is said where it goes on on a new page
	keep         int                      // room needed below it on the same page
}

const (
	together   = 2 // lines that must not be parted at either end of a split, and rows behind the one that they are kept with
	depthWidth = 9 * point
	tallest    = 12 // lines of a narrow cell, and of a note that is kept whole
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
			t := styled{text: text, size: size, runs: []run{{end: len(text), ink: badgeInk(white), link: doc.Link(c.Link)}}}
			return box{x: x, width: width, text: t, lines: []extent{{0, len(text)}}, tone: c.Tone}
		}
		ground, _ := d.colors(c.Tone)
		if ground == pale {
			ground = black
		}
		t := styled{text: text, size: size, runs: []run{{end: len(text), ink: Bold.ink(size, ground), link: doc.Link(c.Link)}}}
		t.stretches = []stretch{{len(text), c.order()}}
		t.levels = levels(text, t.stretches...)
		return box{x: x, width: width, text: t, lines: d.breakLines(t, width)}
	}
	t := d.style(c.spans(), size, black)
	return box{x: x, width: width, text: t, lines: d.breakLines(t, width)}
}

// placeRow draws a row, over more than one page if it has to.
func (d *Document) placeRow(r row) {
	total, least := r.count(), cmp.Or(r.least, together)
	padding := r.above + r.below
	emptyPage := d.bodyEnd - d.bodyTop - d.repeatHeight
	for from := 0; from < total && d.err == nil; {
		rest := total - from
		height := padding + rest*r.line
		count := rest
		if need := height + r.keep; d.room() < need && (d.room() < height || !d.atTop() || r.freely && rest > least) {
			fit := (d.room() - padding) / r.line
			whole := need <= emptyPage && !r.freely && height <= (d.bodyEnd-d.bodyTop)/4
			switch {
			case d.room() >= height && need > emptyPage && !r.freely:
				// Only what should stay with the row does not fit, and never will.
			case !d.atTop() && (whole || fit < min(least, rest) || rest <= least+1):
				d.startPage()
				continue
			default:
				count = max(1, min(fit, rest))
				switch {
				case count == rest: // all of it fits, but for what has to stay with its end
					count -= least
				case rest-count < least && count > least:
					count -= least - (rest - count)
				}
				count = max(1, count)
			}
		}
		y := d.take(padding + count*r.line)
		if from == 0 && r.bookmark != "" {
			title, _ := d.faces[bold].sanitise(r.bookmark, false)
			if title = strings.Join(strings.Fields(title), " "); title != "" {
				d.bookmark(title, 0, y, true)
			}
		}
		d.drawRow(r, y, from, count, count == rest)
		from += count
		if from < total {
			before := d.goesOn
			d.goesOn = cmp.Or(r.name, before)
			d.startPage()
			d.goesOn = before
		}
	}
}

// count returns how many lines r has.
func (r row) count() int {
	total := max(1, r.lines)
	for _, c := range r.cells {
		total = max(total, len(c.lines))
	}
	return total
}

// height returns how high r is on one page.
func (r row) height() int { return r.above + r.count()*r.line + r.below }

// heightOf returns how high rows are on one page.
func heightOf(rows []row) (height int) {
	for _, r := range rows {
		height += r.height()
	}
	return height
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
