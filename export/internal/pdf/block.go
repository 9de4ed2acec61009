package pdf

import (
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// Span is a piece of running text.
type Span struct {
	Text  string
	Style Style
	// Link makes the text a link. Only http, https and mailto addresses become
	// one; any other is left out without a word, the text stays.
	Link  string
	Order Order
	Tone  Tone // unless Plain, the colour of the text
}

// Title sets the title of the report, in smaller type if it would take more than
// six lines. It has no entry in the outline.
func (d *Document) Title(text string) {
	t := d.style([]Span{{Text: text, Style: Bold, Order: Datum}}, titleSize, d.accent)
	if isBlank(t.text) {
		return
	}
	lines := d.breakLines(t, d.bodyWidth)
	if len(lines) > maxKeptLines {
		t.size, t.runs[0].ink.size = partSize, partSize
		lines = d.breakLines(t, d.bodyWidth)
	}
	d.before(4 * point)
	d.flowLines(t, lines)
	d.before(4 * point)
}

// Heading sets a heading with an entry in the outline, and keeps it on one page
// with the beginning of the block that follows. Level 1 is a section with a rule
// below it, level 2 a part of a section, level 3 a part of that; what lies
// outside counts as the nearest. An empty heading is left out.
func (d *Document) Heading(level int, text string) { d.heading(level, text, true) }

// Subheading sets a heading as [Document.Heading] does, without an entry in the outline.
func (d *Document) Subheading(level int, text string) { d.heading(level, text, false) }

func (d *Document) heading(level int, text string, listed bool) {
	level = max(1, min(3, level))
	size := [...]int{sectionSize, partSize, smallPart}[level-1]
	above := [...]int{20 * point, 13 * point, 9 * point}[level-1]
	below := [...]int{7 * point, 4 * point, 3 * point}[level-1]
	t := d.style([]Span{{Text: text, Style: Bold, Order: Datum}}, size, d.accent)
	title := strings.Join(strings.Fields(t.text), " ")
	if title == "" {
		return
	}
	lines := d.breakLines(t, d.bodyWidth)
	d.before(above)
	if len(lines) > maxKeptLines {
		// Too long to be kept together with anything, but for its own beginning.
		if d.room() < together*lineHeight(size) && !d.atTop() {
			d.startPage()
		}
		y := d.take(0)
		d.headed(title, level, y, listed)
		d.flowLines(t, lines)
		d.before(below)
		return
	}
	height := len(lines) * lineHeight(size)
	rule := 0
	if level == 1 {
		rule = 3 * point
	}
	d.keepWithNext(height+rule, func(y int) {
		d.headed(title, level, y, listed)
		for i, line := range lines {
			d.place(t, line, margin, y+i*lineHeight(size), d.bodyWidth, lineHeight(size), Left)
		}
		if rule > 0 {
			d.line(margin, y+height+rule-500, d.bodyWidth, 0, 500, d.accent)
		}
	})
	d.before(below)
}

// headed notes that a heading stands at y.
func (d *Document) headed(text string, level, y int, listed bool) {
	if d.latest = text; listed {
		d.bookmark(text, level-1, y, false)
	}
}

// bookmark adds an entry to the outline. fpdf builds a broken tree when a level
// is skipped, or when the first entry is not at the top.
func (d *Document) bookmark(text string, level, y int, minor bool) {
	deepest := 0
	for i := len(d.outline) - 1; i >= 0; i-- {
		if m := d.outline[i]; !m.minor {
			deepest = m.level + 1
			break
		}
	}
	if minor {
		level = deepest
	}
	d.outline = append(d.outline, bookmark{letters(text), text, min(level, deepest), len(d.pages) - 1, y, minor})
}

// Paragraph sets running text. Line feeds in it are kept. It may be split over
// pages, though not so that a single line stands alone.
func (d *Document) Paragraph(spans ...Span) {
	d.before(5 * point)
	d.flow(spans, bodySize, black)
	d.before(5 * point)
}

func (d *Document) flow(spans []Span, size int, c color) {
	t := d.style(spans, size, c)
	if isBlank(t.text) {
		return
	}
	d.flowLines(t, d.breakLines(t, d.bodyWidth))
}

func isBlank(text string) bool { return strings.Trim(text, " \n") == "" }

func (d *Document) flowLines(t styled, lines []extent) {
	d.placeRow(row{
		cells:  []box{{x: margin, width: d.bodyWidth, text: t, lines: lines}},
		line:   lineHeight(t.size),
		freely: true,
		keep:   d.kept(),
	})
}

// Cell is a short text with at most one look: a value, or a cell of a table.
type Cell struct {
	Text  string
	Style Style
	Link  string
	// Tone, unless Plain, draws the text as a badge; or as bold text, if it is
	// too wide to be one.
	Tone  Tone
	Order Order
	Spans []Span // instead of all of these: a text of several looks and orders
	Depth int    // in a table: the text is indented so many times, with a thin line for each
}

// order is that of c, which is a value or a name unless it says otherwise.
func (c Cell) order() Order {
	if c.Order == Usual {
		return Name
	}
	return c.Order
}

func (c Cell) spans() []Span {
	if c.Spans != nil {
		return c.Spans
	}
	return []Span{{Text: c.Text, Style: c.Style, Link: c.Link, Order: c.order()}}
}

// KeyValue is a labelled value.
type KeyValue struct {
	Label string
	Value Cell
}

// KeyValues sets labels and values side by side, across and then down, in one
// or more pairs a row; at most 4, and 1 for what is less.
func (d *Document) KeyValues(pairs []KeyValue, perRow int) {
	if len(pairs) == 0 {
		return
	}
	perRow = max(1, min(4, perRow))
	const space = 14 * point
	each := (d.bodyWidth - (perRow-1)*space) / perRow
	label := 0
	labels := make([]styled, len(pairs))
	for i, p := range pairs {
		labels[i] = d.style([]Span{{Text: p.Label, Style: Muted, Order: Datum}}, bodySize, black)
		for line := range strings.Lines(labels[i].text) {
			label = max(label, d.textWidth(line, labels[i].runs[0].ink))
		}
	}
	label = min(label+10*point, each*2/5)
	d.before(5 * point)
	var rows []row
	for at := 0; at < len(pairs); at += perRow {
		r := row{line: lineHeight(bodySize)}
		for i := at; i < min(at+perRow, len(pairs)); i++ {
			x := margin + (i-at)*(each+space)
			r.cells = append(r.cells,
				box{x: x, width: label, text: labels[i], lines: d.breakLines(labels[i], label-6*point)},
				d.cell(pairs[i].Value, bodySize, x+label, each-label))
		}
		d.counted(len(r.cells))
		rows = append(rows, r)
	}
	rows[len(rows)-1].keep = d.kept()
	keepEnd(rows)
	for _, r := range rows {
		d.placeRow(r)
		d.before(2 * point)
	}
	d.before(5 * point)
}

// Badge is a word on a coloured ground. A Plain one has a thin frame.
type Badge struct {
	Text string
	Tone Tone
}

// Badges sets badges side by side, over as many lines as they need. A badge that
// is wider than a line becomes several. Empty ones are left out.
func (d *Document) Badges(badges ...Badge) {
	const space, line = 4 * point, 16 * point
	x, y, placed := 0, 0, false
	d.before(5 * point)
	for _, b := range badges {
		t := d.style([]Span{{Text: b.Text, Style: Bold}}, badgeSize, black)
		for _, e := range d.breakLines(t, d.bodyWidth-2*badgePad) {
			text := t.text[e.start:e.end]
			if text == "" {
				continue
			}
			width := d.badgeWidth(text)
			if !placed || x+width > d.pageWidth-margin {
				x, y, placed = margin, d.take(line), true
			}
			d.drawBadge(text, b.Tone, x, y+baseline(line, badgeSize))
			x += width + space
		}
	}
	d.before(5 * point)
}

const (
	badgePad    = 4500
	badgeHeight = 11500
)

func badgeInk(c color) ink { return Bold.ink(badgeSize, c) }

func (d *Document) badgeWidth(text string) int {
	return d.textWidth(text, badgeInk(black)) + 2*badgePad
}

// drawBadge draws a badge with its text on a base line.
func (d *Document) drawBadge(text string, tone Tone, x, base int) {
	ground, ink := d.colors(tone)
	width := d.badgeWidth(text)
	top := base - baseline(badgeHeight, badgeSize)
	if tone == Plain {
		d.frame(x+250, top+250, width-500, badgeHeight-500, 500, grey)
	} else {
		d.fill(x, top, width, badgeHeight, ground)
	}
	d.text(x+badgePad, base, text, badgeInk(ink))
}

// toned returns the colour of a text on white that says something of a tone.
func (d *Document) toned(t Tone) color {
	ground, _ := d.colors(t)
	switch ground {
	case white:
		return black
	case pale:
		return grey
	}
	return ground
}

// fewLines breaks t into at most maxKeptLines lines, and cuts it behind them.
func (d *Document) fewLines(t *styled, width int) []extent {
	return d.cutLines(t, d.breakLines(*t, width), maxKeptLines, width)
}

// cutLines returns at most so many of the lines of t, which is in one ink, and cuts it behind them.
func (d *Document) cutLines(t *styled, lines []extent, most, width int) []extent {
	if len(lines) <= most {
		return lines
	}
	lines = lines[:most]
	last := &lines[most-1]
	rest := strings.ReplaceAll(t.text[last.start:], "\n", " ")
	t.text = t.text[:last.start] + d.clip(rest, t.runs[0].ink, width)
	t.runs = []run{{end: len(t.text), ink: t.runs[0].ink}}
	if len(t.stretches) > 0 {
		t.stretches = []stretch{{len(t.text), t.stretches[0].order}}
	}
	t.levels = levels(t.text, t.stretches...)
	last.end = len(t.text)
	return lines
}

// style sanitises spans and puts them one after the other.
func (d *Document) style(spans []Span, size int, c color) styled {
	t := styled{size: size, runs: make([]run, 0, max(1, len(spans)))}
	texts, end := make([]string, 0, 1), 0
	for _, s := range spans {
		text := d.clean(s.Text, s.Style, true)
		texts = append(texts, text)
		end += len(text)
		k, link := s.Style.ink(size, c), doc.Link(s.Link)
		if s.Tone != Plain {
			k.color = d.toned(s.Tone)
		}
		if link != "" {
			k.color = blue
		}
		t.runs = append(t.runs, run{end: end, ink: k, link: link, grounded: s.Style&Mono != 0})
		t.stretches = append(t.stretches, stretch{end, s.Order})
	}
	if len(spans) == 0 {
		t.runs = append(t.runs, run{ink: Style(0).ink(size, c)})
	}
	t.text = strings.TrimRight(strings.Join(texts, ""), "\n ")
	t.levels = levels(t.text, t.stretches...)
	return t
}

// place draws a line of t into a field of a width, on the base line of a line of
// a height that begins at y. A paragraph that is written from right to left stands
// on the right.
func (d *Document) place(t styled, line extent, x, y, width, height int, align Align) {
	if align == Right || t.flushRight(line) {
		total := 0
		for piece, r := range t.pieces(line) {
			total += d.textWidth(piece, r.ink)
		}
		x += max(0, width-total)
	}
	base := y + baseline(height, t.size)
	if t.levels != nil {
		for piece, r := range t.drawn(line) {
			x += d.placePiece(piece, r, x, y, base, height)
		}
		return
	}
	for piece, r := range t.pieces(line) {
		if r.plain() && line.end <= r.end { // the last one: nobody needs its width
			d.drawn(x, base, piece, r.ink)
			return
		}
		x += d.placePiece(piece, r, x, y, base, height)
	}
}

// placePiece draws a part of a line in one ink, and returns its width.
func (d *Document) placePiece(piece string, r run, x, y, base, height int) int {
	advance := d.textWidth(piece, r.ink)
	if r.ink.face == mono && !r.grounded {
		d.fill(x-600, base-r.ink.size*9/10, advance+1200, r.ink.size*6/5, pale)
	}
	d.drawn(x, base, piece, r.ink)
	if r.ink.struck {
		d.line(x, base-r.ink.size*27/100, advance, 0, 600, r.ink.color)
	}
	if r.link != "" {
		d.add(op{kind: linkOp, x: x, y: y, w: advance, h: height, text: r.link})
		under := 1200
		if HasRightToLeft(piece) {
			under = r.ink.size * 3 / 10 // dots of Arabic letters are below the base line
		}
		d.line(x, base+under, advance, 0, 400, lightBlue)
	}
	return advance
}

// flushRight reports whether a line is of a paragraph that is written from right
// to left.
func (t styled) flushRight(line extent) bool {
	return t.levels != nil && line.start < line.end && t.levels[line.start]&rtlParagraph != 0
}

// drawn yields the parts of a line that are in one ink, from left to right and
// as they are drawn. The text has levels.
func (t styled) drawn(line extent) func(func(string, run) bool) {
	return func(yield func(string, run) bool) {
		var piece strings.Builder
		at := 0
		for _, g := range visual(t.text[line.start:line.end], t.levels[line.start:line.end]) {
			of, _ := slices.BinarySearchFunc(t.runs, line.start+g.at, func(r run, at int) int { return r.end - at - 1 })
			if of != at && piece.Len() > 0 {
				if !yield(piece.String(), t.runs[at]) {
					return
				}
				piece.Reset()
			}
			at = of
			piece.WriteRune(g.r)
		}
		if piece.Len() > 0 {
			yield(piece.String(), t.runs[at])
		}
	}
}

// pieces yields the parts of a line that are in one ink.
func (t styled) pieces(line extent) func(func(string, run) bool) {
	return func(yield func(string, run) bool) {
		start := line.start
		first, _ := slices.BinarySearchFunc(t.runs, start, func(r run, at int) int {
			if r.end <= at {
				return -1
			}
			return 1
		})
		for _, r := range t.runs[min(first, len(t.runs)):] {
			end := min(r.end, line.end)
			if end > start {
				if !yield(t.text[start:end], r) {
					return
				}
				start = end
			}
			if start >= line.end {
				return
			}
		}
	}
}
