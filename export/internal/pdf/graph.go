package pdf

// GraphColumn is one of the columns of a graph. One without nodes is left out.
type GraphColumn struct {
	Title string
	Nodes []GraphNode // from top to bottom
}

// GraphNode is a box of a graph. Of its texts one line is drawn; a longer one has an ellipsis in it, and its end, in
// which names of one sort differ, is still there.
type GraphNode struct {
	Label string
	Note  string // small, below the label
	Tone  Tone   // of a bar at its side
}

// GraphEdge joins two boxes, by column and place.
type GraphEdge struct {
	From, To [2]int
	Strong   bool // a thicker and darker line
}

// Graph sets boxes in columns, side by side, with lines between those that are joined, on one page. Boxes become lower
// where there are more than a page holds. An edge from or to a box that is not there is left out.
func (d *Document) Graph(columns []GraphColumn, edges []GraphEdge) {
	const (
		gap      = 46 * point // between columns, for the lines
		tall     = 25 * point // a box with the space below it
		space    = 4 * point  // of this the space
		pad      = 5 * point
		bar      = 3 * point
		heading  = 16 * point
		detour   = 8 * point // of a line within a column
		thin     = 500
		thick    = 1100
		smallest = 12 * point
	)
	most, shown := 0, 0
	for _, c := range columns {
		if most = max(most, len(c.Nodes)); len(c.Nodes) > 0 {
			shown++
		}
	}
	if most == 0 {
		return
	}
	pitch := max(smallest, min(tall, (d.bodyEnd-bodyTop-heading-60*point)/most))
	across := max(shown, 2) // a single column is not as wide as the page
	width := (d.bodyWidth - (across-1)*gap) / across
	type box struct{ x, y int }
	boxes := make(map[[2]int]box)
	d.before(6 * point)
	top := d.take(heading + most*pitch)
	x := margin
	for c, column := range columns {
		if len(column.Nodes) == 0 {
			continue
		}
		title := Bold.ink(badgeSize, grey)
		d.text(x, top+baseline(heading-4*point, badgeSize), d.clip(d.clean(column.Title, Bold, false), title, width), title)
		y := top + heading + (most-len(column.Nodes))*pitch/2
		for n := range column.Nodes {
			boxes[[2]int{c, n}] = box{x, y + n*pitch}
		}
		x += width + gap
	}
	height := pitch - space
	for _, strong := range []bool{false, true} { // the strong ones on top
		for _, e := range edges {
			a, ok := boxes[e.From]
			b, also := boxes[e.To]
			if e.Strong != strong || !ok || !also {
				continue
			}
			size, ink := thin, lightBlue
			if strong {
				size, ink = thick, grey
			}
			if a.x == b.x {
				x, out := a.x+width, detour
				if x+out > d.pageWidth-margin {
					x, out = a.x, -detour
				}
				d.line(x, a.y+height/2, out, 0, size, ink)
				d.line(x+out, a.y+height/2, 0, b.y-a.y, size, ink)
				d.line(x, b.y+height/2, out, 0, size, ink)
				continue
			}
			if a.x > b.x {
				a, b = b, a
			}
			d.line(a.x+width, a.y+height/2, b.x-a.x-width, b.y-a.y, size, ink)
		}
	}
	label, note := Bold.ink(cellSize, black), Style(0).ink(badgeSize, grey)
	for c, column := range columns {
		for n, node := range column.Nodes {
			b, ground := boxes[[2]int{c, n}], grey
			if node.Tone != Plain {
				ground, _ = node.Tone.colors()
			}
			d.fill(b.x, b.y, width, height, white)
			d.frame(b.x+250, b.y+250, width-500, height-500, 500, grey)
			d.fill(b.x, b.y, bar, height, ground)
			inside := width - bar - 2*pad
			texts := []struct {
				text string
				ink  ink
			}{{d.clean(node.Label, Bold, false), label}, {d.clean(node.Note, 0, false), note}}
			if height < 2*smallest-space {
				texts = texts[:1] // there is room for one line
			}
			line := height / len(texts)
			for k, t := range texts {
				d.text(b.x+bar+pad, b.y+k*line+baseline(line, t.ink.size), d.clipMiddle(t.text, t.ink, inside), t.ink)
			}
		}
	}
	d.before(6 * point)
}

// clipMiddle returns text, cut so that it fits into a width with an ellipsis before its end.
func (d *Document) clipMiddle(text string, k ink, width int) string {
	const kept = 9 // runes
	runes := []rune(text)
	if len(runes) <= 2*kept || d.textWidth(text, k) <= width {
		return d.clip(text, k, width)
	}
	end := string(runes[len(runes)-kept:])
	return d.clip(string(runes[:len(runes)-kept]), k, width-d.textWidth(end, k)) + end
}
