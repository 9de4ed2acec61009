package pdf

import (
	"slices"
	"strconv"
)

const contentsLine = 15 * point

// Contents keeps room for a table of contents: a line for each of the next n headings of level 1, with a link to it and the number of its
// page. Where there are fewer headings, lines stay empty; with less than two, there is none.
func (d *Document) Contents(n int) {
	if n < 2 {
		return
	}
	const title = partSize
	if all := lineHeight(title) + 4*point + n*contentsLine; all > d.room() && all < d.bodyEnd-bodyTop {
		d.startPage()
	}
	first := 0
	d.before(16 * point)
	d.keepWithNext(lineHeight(title)+4*point, func(y int) {
		first = len(d.outline) // with the headings that waited
		d.text(margin, y+baseline(lineHeight(title), title), "Contents", Bold.ink(title, accent))
	})
	for i := range n {
		y := d.take(contentsLine)
		d.add(op{kind: contentsOp, x: margin, y: y, w: first, size: i})
	}
	d.before(10 * point)
}

// listed returns the operations of a page with the lines of the table of contents, which are known when all pages are there.
func (d *Document) listed(page []op) []op {
	if !slices.ContainsFunc(page, func(o op) bool { return o.kind == contentsOp }) {
		return page
	}
	var ops []op
	for _, o := range page {
		if o.kind != contentsOp {
			ops = append(ops, o)
			continue
		}
		left := o.size
		for i := o.w; i < len(d.outline); i++ {
			if d.outline[i].level > 0 {
				continue
			}
			if left == 0 {
				ops = append(ops, d.contentsEntry(i, o.y)...)
				break
			}
			left--
		}
	}
	return ops
}

// contentsEntry returns the line of a heading, by its place in the outline.
func (d *Document) contentsEntry(i, y int) []op {
	const space = 6 * point
	k, base := Style(0).ink(bodySize, black), y+baseline(contentsLine, bodySize)
	number := strconv.Itoa(d.outline[i].page + 1)
	right := d.pageWidth - margin - d.textWidth(number, k)
	text := d.clip(d.outline[i].drawn, k, right-margin-6*space)
	from := margin + d.textWidth(text, k) + space
	return []op{
		{kind: textOp, x: margin, y: base, text: visualText(text), face: k.face, size: k.size, color: k.color},
		{kind: lineOp, x: from, y: base, w: right - space - from, size: 400, color: hairline},
		{kind: textOp, x: right, y: base, text: number, face: k.face, size: k.size, color: k.color},
		{kind: jumpOp, x: margin, y: y, w: d.bodyWidth, h: contentsLine, size: i},
	}
}
