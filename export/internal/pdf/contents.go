package pdf

import "strconv"

// contents is the room kept for a table of contents.
type contents struct {
	first int // index into the outline
	lines []place
}

type place struct{ page, y int }

const contentsLine = 15 * point

// Contents keeps room for a table of contents: a line for each of the next n headings of level 1, with a link to it and the number of its
// page. Where there are fewer headings, lines stay empty; with less than two, there is none. There is one table in a document.
func (d *Document) Contents(n int) {
	if n < 2 || d.contents != nil {
		return
	}
	const title = partSize
	if all := lineHeight(title) + 4*point + n*contentsLine; all > d.room() && all < d.bodyEnd-bodyTop {
		d.startPage()
	}
	d.contents = &contents{}
	d.before(16 * point)
	d.keepWithNext(lineHeight(title)+4*point, func(y int) {
		d.contents.first = len(d.outline) // with the headings that waited
		d.text(margin, y+baseline(lineHeight(title), title), "Contents", Bold.ink(title, accent))
	})
	for range n {
		y := d.take(contentsLine)
		d.contents.lines = append(d.contents.lines, place{len(d.pages) - 1, y})
	}
	d.before(10 * point)
}

// listed returns the lines of the table of contents that stand on a page. They are drawn when all pages are there.
func (d *Document) listed(page int) []op {
	if d.contents == nil {
		return nil
	}
	var ops []op
	lines := d.contents.lines
	if page < lines[0].page || page > lines[len(lines)-1].page {
		return nil
	}
	for i, m := range d.outline[d.contents.first:] {
		if m.level > 0 {
			continue
		}
		if len(lines) == 0 {
			break
		}
		at := lines[0]
		lines = lines[1:]
		if at.page != page {
			continue
		}
		const space = 6 * point
		k := Style(0).ink(bodySize, black)
		base := at.y + baseline(contentsLine, bodySize)
		number := strconv.Itoa(m.page + 1)
		right := d.pageWidth - margin - d.textWidth(number, k)
		text := d.clip(m.drawn, k, right-margin-6*space)
		from := margin + d.textWidth(text, k) + space
		ops = append(ops,
			op{kind: textOp, x: margin, y: base, text: visualText(text), face: k.face, size: k.size, color: k.color},
			op{kind: lineOp, x: from, y: base, w: right - space - from, size: 400, color: hairline},
			op{kind: textOp, x: right, y: base, text: number, face: k.face, size: k.size, color: k.color},
			op{kind: jumpOp, x: margin, y: at.y, w: d.bodyWidth, h: contentsLine, size: d.contents.first + i})
	}
	return ops
}
