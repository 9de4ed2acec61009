package pdf

import (
	"cmp"
	"slices"
	"strings"
)

// A Block is a piece of a flow: of what stands below a row of a table, one block
// below the other.
type Block struct {
	Kind   BlockKind
	Inside []Container // what it stands in, the outermost first
	Tight  bool        // close to the block before it
	Spans  []Span      // the text of a TextBlock, HeadingBlock or CodeBlock, the caption of a PictureBlock
	// Rows of a TableBlock: cells of running text. The first row is its header.
	Rows    [][][]Span
	Picture *Picture // nil where there is nothing but a caption
}

// BlockKind says what a block is.
type BlockKind uint8

const (
	TextBlock    BlockKind = iota
	HeadingBlock           // not a heading of the document: it is not in the outline
	CodeBlock              // on a pale ground; give its spans the style Code
	RuleBlock              // a line across
	TableBlock             // with too many columns, each row as running text
	PictureBlock           // on one page with its caption
)

// A Container is a quote or an item of a list, in which blocks are indented. Each
// takes some of the width: a handful is readable.
type Container struct {
	Quote  bool   // with a bar at its side
	First  bool   // the block is the first one in it
	Marker string // of an item, at the side of its first block
	Widest string // the widest marker of the list
}

// bar stands at the left of a row, from its top or from its first line on.
type bar struct {
	x, width int
	color    color
	first    bool
	through  bool // from the top of the row to its foot
}

// field is a part of the width of a row.
type field struct {
	x, width int
	pad      int // of a ground: above and below the lines
	color    color
	framed   bool
}

const (
	barWidth   = 1500
	codePad    = 5 * point
	groundPad  = 3 * point // above and below the lines
	tableSpace = 8 * point
	narrowest  = 30 * point // a column of a TableBlock
	sliver     = 3          // of its width is what a picture must not be less than
	mostPages  = 8          // that a picture may take
)

// Flow sets blocks as running text, over the width of the page.
func (d *Document) Flow(blocks ...Block) {
	rows := d.flowRows(blocks, margin, bodySize)
	if len(rows) == 0 {
		return
	}
	rows[0].above = 0
	keepTogether(rows)
	rows[len(rows)-1].keep = d.kept()
	keepEnd(rows)
	d.before(5 * point)
	for _, r := range rows {
		d.placeRow(r)
	}
	d.before(5 * point)
}

// Notice sets a text apart, in a frame with a bar in the colour of a tone. Line feeds in it are kept.
func (d *Document) Notice(tone Tone, title string, spans ...Span) {
	const pad, thick = 7 * point, 3 * point
	text := append([]Span{{Text: title, Style: Bold, Order: Datum, Tone: tone}}, spans...)
	if title != "" && len(spans) > 0 {
		text[0].Text += "\n"
	}
	t := d.style(text, bodySize, black)
	if isBlank(t.text) {
		return
	}
	x, width := margin+thick+2*pad, d.bodyWidth-thick-4*pad
	d.before(8 * point)
	d.placeRow(row{
		cells: []box{{x: x, width: width, text: t, lines: d.breakLines(t, width)}},
		line:  lineHeight(bodySize), above: pad, below: pad, freely: true,
		ground: &field{margin, d.bodyWidth, pad, mist, true},
		bars:   []bar{{x: margin, width: thick, color: d.toned(tone), through: true}},
	})
	d.before(8 * point)
}

// flowRows lays blocks out between x and the right margin, in type of a size.
func (d *Document) flowRows(blocks []Block, x, size int) []row {
	var rows []row
	for _, b := range blocks {
		left, right := x, d.pageWidth-margin
		fromRight := b.fromRight() // then it is indented there
		indent := func(by int) (at int) {
			if fromRight {
				right -= by
				return right
			}
			left += by
			return left - by
		}
		var bars []bar
		var markers []box
		least := (right - left) / 4 // however deep it is, text has a quarter of the width
		for _, c := range b.Inside {
			if c.Quote {
				if right-left-10*point >= least {
					at := indent(10 * point)
					if fromRight {
						at += 10*point - 2*point - barWidth
					}
					bars = append(bars, bar{x: at + point, width: barWidth, color: hairline, first: c.First})
				}
				continue
			}
			marker := d.style([]Span{{Text: c.Marker, Style: Muted}}, size, black)
			width := max(12*point, d.textWidth(d.clean(c.Widest, 0, false), marker.runs[0].ink)+5*point)
			if right-left-width < least {
				if marker.text != "" {
					b.Spans = append([]Span{{Text: marker.text + " ", Style: Muted}}, b.Spans...)
				}
				continue
			}
			m := box{x: indent(width), width: width, text: marker, lines: d.breakLines(marker, width)}
			if fromRight {
				m.align = Right
			}
			if marker.text != "" {
				markers = append(markers, m)
			}
		}
		above := 4 * point
		if b.Tight {
			above = point
		}
		from := len(rows)
		switch b.Kind {
		case TextBlock:
			rows = append(rows, d.flowText(b.Spans, 0, left, right, size))
		case HeadingBlock:
			above += 2 * point
			rows = append(rows, d.flowText(b.Spans, Bold, left, right, size))
			rows[from].withNext = true
		case CodeBlock:
			rows = append(rows, d.flowCode(b.Spans, left, right, size))
			above += groundPad
		case RuleBlock:
			line := lineHeight(size) // that of a marker
			rows = append(rows, row{line: line, paint: func(y, _, _ int) {
				d.line(left, y+line/2, right-left, 0, 600, grey)
			}})
		case TableBlock:
			rows = append(rows, d.flowTable(b.Rows, left, right, size)...)
		case PictureBlock:
			if b.Picture != nil {
				above += 4 * point
				rows = append(rows, d.flowPicture(b.Picture, left, right))
				if rows[from].lines > 0 && len(b.Spans) > 0 {
					b.Spans = append(slices.Clip(b.Spans), Span{Text: ". Continued from the previous page", Order: Name})
				}
			}
			caption := d.flowText(b.Spans, Muted|Small, left, right, size)
			caption.above = 2 * point
			rows = append(rows, caption)
		}
		for i := from; i < len(rows); i++ {
			r := &rows[i]
			r.bars = bars
			if i == from {
				r.above += above
				r.cells = append(slices.Clip(markers), r.cells...)
				for k := range bars {
					bars = slices.Clone(bars) // the rows after it continue the bars
					bars[k].first = false
				}
			}
		}
	}
	return rows
}

// fromRight reports whether a text begins on the right.
func (b Block) fromRight() bool {
	var text strings.Builder
	for _, s := range b.Spans {
		if b.Kind != TextBlock && b.Kind != HeadingBlock || s.Order >= Datum {
			return false
		}
		text.WriteString(s.Text)
	}
	if !HasRightToLeft(text.String()) {
		return false
	}
	first, _, _ := strings.Cut(text.String(), "\n")
	var p paragraph
	p.add(first, 0)
	return p.firstStrong()
}

// keepTogether asks for room below those rows that must not be parted from the
// next one.
func keepTogether(rows []row) {
	for i := len(rows) - 2; i >= 0; i-- {
		if rows[i].withNext {
			rows[i].keep = rows[i+1].beginning()
		}
	}
}

// keepEnd asks for room below those rows that would else leave a line or two for the last page.
func keepEnd(rows []row) {
	lines, height := 0, 0
	for i := len(rows) - 1; i > 0; i-- {
		if lines += rows[i].count(); lines > together {
			break
		}
		height += rows[i].height()
		rows[i-1].keep = max(rows[i-1].keep, height+rows[i].keep)
	}
}

// beginning is the height of what must stand on one page with what is above r.
func (r row) beginning() int {
	lines, least := r.count(), cmp.Or(r.least, together)
	if r.freely && lines > least+1 {
		return r.above + least*r.line + r.below
	}
	return r.above + lines*r.line + r.below + r.keep
}

// decorate draws what belongs to a part of r besides its text.
func (r row) decorate(d *Document, y, from, count int, last bool) {
	bottom := y + r.above + count*r.line
	if g := r.ground; g != nil {
		top := y + r.above - g.pad
		height := bottom - top + min(r.below, g.pad)
		if d.fill(g.x, top, g.width, height, g.color); g.framed {
			d.frame(g.x, top, g.width, height, 400, hairline)
		}
	}
	for _, b := range r.bars {
		if b.through {
			d.fill(b.x, y, b.width, bottom-y+r.below, b.color)
			continue
		}
		top := y
		if b.first && from == 0 {
			top += r.above - point
		} else if y <= d.top {
			top += 2 * point // away from what stands above it on every page
		}
		d.fill(b.x, top, b.width, bottom-top+min(r.below, point), b.color)
	}
	if r.paint != nil {
		r.paint(y+r.above, from, count)
	}
	if r.under != nil && last {
		d.line(r.under.x, bottom+2*point, r.under.width, 0, 400, hairline)
	}
}

func (d *Document) flowText(spans []Span, style Style, left, right, size int) row {
	spans = slices.Clone(spans)
	for i := range spans {
		spans[i].Style |= style
	}
	t := d.style(spans, size, black)
	return row{
		cells: []box{{x: left, width: right - left, text: t, lines: d.breakLines(t, right-left)}},
		line:  lineHeight(size), freely: true,
	}
}

func (d *Document) flowCode(spans []Span, left, right, size int) row {
	t := d.style(spans, size, black)
	t.size = t.runs[0].ink.size
	for i := range t.runs {
		t.runs[i].grounded = true
	}
	width := max(point, right-left-2*codePad)
	return row{
		cells: []box{{x: left + codePad, width: width, text: t, lines: d.breakLines(t, width)}},
		line:  lineHeight(t.size), below: groundPad, freely: true, ground: &field{x: left, width: right - left, pad: groundPad, color: pale},
	}
}

// flowPicture shows p in at most half a page; or over as many pages as it takes where it would be a sliver in that.
func (d *Document) flowPicture(p *Picture, left, right int) row {
	body := d.bodyEnd - d.bodyTop
	width, height := p.size(right-left, body/2)
	number := d.pictureNumber(p)
	full, tall := p.size(right-left, mostPages*body)
	if sliver*width >= full {
		return row{line: max(height, lineHeight(cellSize)), withNext: true, paint: func(y, _, _ int) {
			d.add(op{kind: pictureOp, x: left, y: y, w: width, h: height, size: number})
			d.frame(left, y, width, height, 400, hairline)
		}}
	}
	const slice = 12 * point
	slices := (tall + slice - 1) / slice
	return row{line: slice, lines: slices, least: 8, freely: true, withNext: true, paint: func(y, from, count int) {
		d.add(op{kind: stripeOp, x: left, y: y, w: full, h: count * slice, size: len(d.stripes)})
		d.stripes = append(d.stripes, stripe{number, from * slice, slices * slice})
		d.frame(left, y, full, count*slice, 400, hairline)
	}}
}

// pictureNumber returns the number of p among the pictures of d.
func (d *Document) pictureNumber(p *Picture) int {
	number := slices.Index(d.pictures, p)
	if number < 0 {
		number = len(d.pictures)
		d.pictures = append(d.pictures, p)
	}
	return number
}

// flowTable sets a table as wide as it has to be, no wider than the room.
func (d *Document) flowTable(cells [][][]Span, left, right, size int) []row {
	columns := 0
	for _, r := range cells {
		columns = max(columns, len(r))
	}
	if columns == 0 {
		return nil
	}
	room := right - left - (columns-1)*tableSpace
	if room/columns < narrowest {
		return d.flowRecords(cells, left, right, size)
	}
	texts := make([][]styled, len(cells))
	wants := make([]int, columns)
	const often = 1000 // cells
	unseen := 0
	for i, r := range cells {
		if unseen += len(r); unseen >= often {
			unseen = 0
			if err := d.ctx.Err(); err != nil {
				d.err = cmp.Or(d.err, err)
				return nil
			}
		}
		texts[i] = make([]styled, len(r))
		d.counted(len(r))
		for j, spans := range r {
			if i == 0 {
				spans = emphatic(spans)
			}
			texts[i][j] = d.style(spans, size, black)
			wants[j] = max(wants[j], d.natural(texts[i][j], room))
		}
	}
	widths := share(wants, room)
	total := (columns - 1) * tableSpace
	for _, w := range widths {
		total += w
	}
	var rows []row
	for i, r := range texts {
		out := row{line: lineHeight(size), above: 3 * point, below: 2 * point, under: &field{x: left, width: total}, withNext: i == 0 && len(texts) > 1}
		at := left
		for j, t := range r {
			out.cells = append(out.cells, box{x: at, width: widths[j], text: t, lines: d.breakLines(t, widths[j])})
			at += widths[j] + tableSpace
		}
		rows = append(rows, out)
	}
	return rows
}

// flowRecords sets a table with too many columns: each row as running text, with
// the titles of the columns before the cells.
func (d *Document) flowRecords(cells [][][]Span, left, right, size int) []row {
	between := Span{Text: " · ", Style: Muted}
	var rows []row
	for i, r := range cells {
		if i == 0 && len(cells) > 1 {
			continue
		}
		var text []Span
		for j, spans := range r {
			if len(spans) == 0 {
				continue
			}
			if len(text) > 0 {
				text = append(text, between)
			}
			if i > 0 && j < len(cells[0]) && len(cells[0][j]) > 0 {
				text = append(append(text, emphatic(cells[0][j])...), Span{Text: ": ", Style: Bold})
			}
			text = append(text, spans...)
		}
		record := d.flowText(text, 0, left, right, size)
		record.above, record.below, record.under = 3*point, 2*point, &field{x: left, width: right - left}
		rows = append(rows, record)
	}
	return rows
}

func emphatic(spans []Span) []Span {
	spans = slices.Clone(spans)
	for i := range spans {
		spans[i].Style |= Bold
	}
	return spans
}

// natural returns the width that t needs not to be broken, at most a limit.
func (d *Document) natural(t styled, limit int) int {
	widest := 0
	for _, line := range d.breakLines(t, limit) {
		width := 0
		for piece, r := range t.pieces(line) {
			width += d.textWidth(piece, r.ink)
		}
		widest = max(widest, width)
	}
	return min(widest, limit)
}

// share gives each what it wants, and to those who want more than an equal share
// of what is left that share.
func share(wants []int, room int) []int {
	order := make([]int, len(wants))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wants[a], wants[b]) })
	out := make([]int, len(wants))
	for n, i := range order {
		out[i] = max(point, min(wants[i], room/(len(order)-n)))
		room -= out[i]
	}
	return out
}
