package pdf

import (
	"slices"
	"strconv"
)

const (
	contentsLine = 15 * point
	contentsGap  = 20 * point // between the columns
)

// Contents keeps room for a table of contents in two columns: a line for each of the next n headings of level
// 1, with a link to it and the number of its page, as many as one page holds. Where there are fewer headings,
// lines stay empty; with less than two, there is none.
func (d *Document) Contents(n int) {
	if n < 2 {
		return
	}
	const title, below = partSize, 4 * point
	most := (d.bodyEnd - d.bodyTop - lineHeight(title) - below) / contentsLine
	lines := min((n+1)/2, most)
	d.flush() // what waits could leave too little room
	first := len(d.outline)
	d.before(16 * point)
	d.keepWithNext(lineHeight(title)+below, func(y int) {
		d.text(margin, y+baseline(lineHeight(title), title), "Contents", Bold.ink(title, d.accent))
	})
	top := d.take(lines * contentsLine)
	for i := range min(n, 2*lines) {
		x := margin
		if i >= lines {
			x += d.contentsWidth() + contentsGap
		}
		d.add(op{kind: contentsOp, x: x, y: top + i%lines*contentsLine, w: first, size: i})
	}
	d.before(10 * point)
}

func (d *Document) contentsWidth() int { return (d.bodyWidth - contentsGap) / 2 }

// listed returns the operations of a page with the lines of the table of contents, which are known when all
// pages are there.
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
				ops = append(ops, d.contentsEntry(i, o.x, o.y)...)
				break
			}
			left--
		}
	}
	return ops
}

// contentsEntry returns the line at x and y of a heading, by its place in the outline.
func (d *Document) contentsEntry(i, x, y int) []op {
	const space = 6 * point
	k, base := Style(0).ink(bodySize, black), y+baseline(contentsLine, bodySize)
	number := strconv.Itoa(d.outline[i].page + 1)
	right := x + d.contentsWidth() - d.textWidth(number, k)
	text := d.clip(d.outline[i].drawn, k, right-x-6*space)
	from := x + d.textWidth(text, k) + space
	return []op{
		{kind: textOp, x: x, y: base, text: visualText(text), face: k.face, size: k.size, color: k.color},
		{kind: lineOp, x: from, y: base, w: right - space - from, size: 400, color: hairline},
		{kind: textOp, x: right, y: base, text: number, face: k.face, size: k.size, color: k.color},
		{kind: jumpOp, x: x, y: y, w: d.contentsWidth(), h: contentsLine, size: i},
	}
}
