package pdf

import (
	"cmp"
	"slices"
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
	x     int
	first bool
}

// field is a part of the width of a row.
type field struct{ x, width int }

const (
	codePad    = 5 * point
	groundPad  = 3 * point // above and below the lines
	tableSpace = 8 * point
	narrowest  = 30 * point // a column of a TableBlock
)

// flowRows lays blocks out between x and the right margin.
func (d *Document) flowRows(blocks []Block, x int) []row {
	var rows []row
	for _, b := range blocks {
		left, right := x, d.pageWidth-margin
		var bars []bar
		var markers []box
		limit := right - (right-x)/4 // however deep it is, text has a quarter of the width
		for _, c := range b.Inside {
			if c.Quote {
				if left+10*point <= limit {
					bars = append(bars, bar{left + point, c.First})
					left += 10 * point
				}
				continue
			}
			marker := d.style([]Span{{Text: c.Marker, Style: Muted}}, cellSize, black)
			width := max(12*point, d.textWidth(d.clean(c.Widest, 0, false), marker.runs[0].ink)+5*point)
			if left+width > limit {
				if marker.text != "" {
					b.Spans = append([]Span{{Text: marker.text + " ", Style: Muted}}, b.Spans...)
				}
				continue
			}
			if marker.text != "" {
				markers = append(markers, box{x: left, width: width, text: marker, lines: d.breakLines(marker, width)})
			}
			left += width
		}
		above := 4 * point
		if b.Tight {
			above = point
		}
		from := len(rows)
		switch b.Kind {
		case TextBlock:
			rows = append(rows, d.flowText(b.Spans, 0, left, right))
		case HeadingBlock:
			above += 2 * point
			rows = append(rows, d.flowText(b.Spans, Bold, left, right))
			rows[from].withNext = true
		case CodeBlock:
			rows = append(rows, d.flowCode(b.Spans, left, right))
			above += groundPad
		case RuleBlock:
			line := lineHeight(cellSize) // that of a marker
			rows = append(rows, row{line: line, paint: func(y int) {
				d.line(left, y+line/2, right-left, 0, 600, grey)
			}})
		case TableBlock:
			rows = append(rows, d.flowTable(b.Rows, left, right)...)
		case PictureBlock:
			if b.Picture != nil {
				above += 4 * point
				rows = append(rows, d.flowPicture(b.Picture, left, right))
			}
			caption := d.flowText(b.Spans, Muted|Small, left, right)
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

// keepTogether asks for room below those rows that must not be parted from the
// next one.
func keepTogether(rows []row) {
	for i := len(rows) - 2; i >= 0; i-- {
		if rows[i].withNext {
			rows[i].keep = rows[i+1].beginning()
		}
	}
}

// beginning is the height of what must stand on one page with what is above r.
func (r row) beginning() int {
	lines := 1
	for _, c := range r.cells {
		lines = max(lines, len(c.lines))
	}
	if r.freely && lines > together+1 {
		return r.above + together*r.line + r.below
	}
	return r.above + lines*r.line + r.below + r.keep
}

// decorate draws what belongs to a part of r besides its text.
func (r row) decorate(d *Document, y, from, count int, last bool) {
	bottom := y + r.above + count*r.line
	for _, b := range r.bars {
		top := y
		if b.first && from == 0 {
			top += r.above - point
		} else if y <= d.top {
			top += 2 * point // away from what stands above it on every page
		}
		d.fill(b.x, top, 1500, bottom-top+min(r.below, point), hairline)
	}
	if r.ground != nil {
		top := y + r.above - groundPad
		d.fill(r.ground.x, top, r.ground.width, bottom-top+min(r.below, groundPad), pale)
	}
	if r.paint != nil {
		r.paint(y + r.above)
	}
	if r.under != nil && last {
		d.line(r.under.x, bottom+2*point, r.under.width, 0, 400, hairline)
	}
}

func (d *Document) flowText(spans []Span, style Style, left, right int) row {
	spans = slices.Clone(spans)
	for i := range spans {
		spans[i].Style |= style
	}
	t := d.style(spans, cellSize, black)
	return row{
		cells: []box{{x: left, width: right - left, text: t, lines: d.breakLines(t, right-left)}},
		line:  lineHeight(cellSize), freely: true,
	}
}

func (d *Document) flowCode(spans []Span, left, right int) row {
	t := d.style(spans, cellSize, black)
	t.size = t.runs[0].ink.size
	for i := range t.runs {
		t.runs[i].grounded = true
	}
	width := max(point, right-left-2*codePad)
	return row{
		cells: []box{{x: left + codePad, width: width, text: t, lines: d.breakLines(t, width)}},
		line:  lineHeight(t.size), below: groundPad, freely: true, ground: &field{left, right - left},
	}
}

func (d *Document) flowPicture(p *Picture, left, right int) row {
	width, height := p.size(right-left, (d.bodyEnd-bodyTop)/2)
	number := slices.Index(d.pictures, p)
	if number < 0 {
		number = len(d.pictures)
		d.pictures = append(d.pictures, p)
	}
	return row{line: max(height, lineHeight(cellSize)), withNext: true, paint: func(y int) {
		d.add(op{kind: pictureOp, x: left, y: y, w: width, h: height, size: number})
		d.frame(left, y, width, height, 400, hairline)
	}}
}

// flowTable sets a table as wide as it has to be, no wider than the room.
func (d *Document) flowTable(cells [][][]Span, left, right int) []row {
	columns := 0
	for _, r := range cells {
		columns = max(columns, len(r))
	}
	if columns == 0 {
		return nil
	}
	room := right - left - (columns-1)*tableSpace
	if room/columns < narrowest {
		return d.flowRecords(cells, left, right)
	}
	texts := make([][]styled, len(cells))
	wants := make([]int, columns)
	for i, r := range cells {
		texts[i] = make([]styled, len(r))
		for j, spans := range r {
			if i == 0 {
				spans = emphatic(spans)
			}
			texts[i][j] = d.style(spans, cellSize, black)
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
		out := row{line: lineHeight(cellSize), above: 3 * point, below: 2 * point, under: &field{left, total}, withNext: i == 0 && len(texts) > 1}
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
func (d *Document) flowRecords(cells [][][]Span, left, right int) []row {
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
		record := d.flowText(text, 0, left, right)
		record.above, record.below, record.under = 3*point, 2*point, &field{left, right - left}
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
