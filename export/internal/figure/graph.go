package figure

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A Graph is boxes in columns, with arrows between those that are joined.
type Graph struct {
	Columns []Column // one without nodes is left out
	Edges   []Edge   // one from or to a node that is not there is left out
}

// A Column is one of the columns of a graph.
type Column struct {
	Title string
	Nodes []Node // from top to bottom
}

// A Node is a box. Of its texts one line is drawn, of the label two where there is room; a longer one has an
// ellipsis in it, and its end, in which names of one sort differ, is still there.
type Node struct {
	Number string // on a ground of its own
	Label  string
	Note   string // small, below the label
	Ink    Ink    // of the ground of the number
}

// An Edge joins two nodes, by column and place, or one with itself. Edges between the same nodes are one line.
type Edge struct {
	From, To [2]int
	Label    string // a number, on the line
	Strong   bool   // a thicker and darker line
	Plain    bool   // without an arrow head
}

const (
	narrowest  = 46 * point  // between columns, for the lines
	roomiest   = 140 * point // the same, where few columns leave room
	longest    = 150 * point // a box
	tallest    = 46 * point  // a box with the space below it
	lowest     = 12 * point  // the same
	closest    = 4 * point   // of this the space, at least
	widest     = 10 * point  // and at most
	titleSpace = 16 * point

	labelSize = 6500
	smallest  = 6 * point
	headSize  = 5 * point
	firstLane = 15 * point // of lines within a column, from their boxes
	nextLane  = 4500
	lanes     = 7
)

// Most returns how many nodes of a column a sheet holds.
func (s Sheet) Most() int { return (s.Height - titleSpace - closest) / lowest }

// Graph lays g out. Boxes become lower where there are more than the sheet would hold otherwise. No line
// leads through a box: one that passes a column goes through the space between two boxes. Labels that would
// touch a box, the head of an arrow or another label are left out, those of weak and plain lines first, and
// counted.
func (s Sheet) Graph(g Graph) Picture {
	p := Picture{Width: s.Width}
	most, shown := 0, 0
	for _, c := range g.Columns {
		if most = max(most, len(c.Nodes)); len(c.Nodes) > 0 {
			shown++
		}
	}
	if most == 0 {
		return p
	}
	l := newLines(s, g, most, shown)
	p.Height = titleSpace + l.between + most*l.pitch
	l.route(g.Edges)
	l.draw(&p)
	for c, column := range g.Columns {
		if len(column.Nodes) > 0 {
			s.text(&p, l.left[c], capital(noteSize)+2*point, s.clip(column.Title, noteSize, true, l.width), noteSize, true, Quiet)
		}
		for n, node := range column.Nodes {
			s.node(&p, node, l.left[c], l.top[c]+n*l.pitch, l.width, l.pitch-l.between)
		}
	}
	return p
}

// node draws one box.
func (s Sheet) node(p *Picture, n Node, x, y, width, height int) {
	const pad, number = 3 * point, 16 * point
	p.box(x, y, width, height, Paper)
	p.add(Shape{Kind: Frame, X: x + 250, Y: y + 250, W: width - 500, H: height - 500, Size: 500, Ink: Quiet})
	p.box(x, y, number, height, n.Ink)
	s.centred(p, x, number, y+(height+capital(textSize))/2, n.Number, textSize, true, Paper)
	left, inside := x+number+pad, width-number-2*pad
	const apart = 9600 // the base lines
	first, second := n.Label, ""
	if height >= 28*point {
		first, second = s.halves(n.Label, textSize, true, inside)
	}
	texts := []string{s.clipMiddle(first, textSize, true, inside)}
	if second != "" {
		texts = append(texts, s.clipMiddle(second, textSize, true, inside))
	}
	if height < 2*lowest-closest { // there is room for one line
		s.text(p, left, y+(height+capital(textSize))/2, texts[0], textSize, true, Black)
		return
	}
	base := y + (height-capital(textSize)-len(texts)*apart)/2 + capital(textSize) + 300 // what hangs below a line counts a little
	for k, text := range texts {
		s.text(p, left, base+k*apart, text, textSize, true, Black)
	}
	small := noteSize
	if s.Wide(n.Note, small, false) > inside {
		small = smallest
	}
	s.text(p, left, base+len(texts)*apart, s.clip(n.Note, small, false, inside), small, false, Quiet)
}

// halves returns text as two lines, broken after a space or a mark where there is one in the second half of
// the first line. The second is "" where one is enough.
func (s Sheet) halves(text string, size int, bold bool, width int) (first, second string) {
	if s.Wide(text, size, bold) <= width {
		return text, ""
	}
	runes := []rune(text)
	fits, not := 0, len(runes)
	for fits+1 < not {
		if n := (fits + not) / 2; s.Wide(string(runes[:n]), size, bold) <= width {
			fits = n
		} else {
			not = n
		}
	}
	for n := fits; n > fits/2; n-- {
		if slices.Contains([]rune(` -_./\@:,;=&?`), runes[n-1]) {
			fits = n
			break
		}
	}
	if fits == 0 {
		return text, ""
	}
	return string(runes[:fits]), string(runes[fits:])
}

// lines is where the boxes stand, for the lines between them.
type lines struct {
	s              Sheet
	pitch, between int
	width, right   int
	left, top      []int // by column
	nodes          []int
	shown          []int // columns that have nodes, from left to right

	bundles []*bundle
	used    map[[2]int]int // lines through a space, by column and place
}

func newLines(s Sheet, g Graph, most, shown int) *lines {
	l := &lines{s: s, right: s.Width, used: map[[2]int]int{}}
	l.pitch = max(lowest, min(tallest, (s.Height-titleSpace-closest)/most))
	l.between = max(closest, min(widest, l.pitch/4))
	for l.pitch > lowest && titleSpace+l.between+most*l.pitch > s.Height {
		l.pitch -= 100
	}
	across := max(shown, 2) // a single column is not as wide as the page
	l.width = min(longest, (s.Width-(across-1)*narrowest)/across)
	gap := min(roomiest, (s.Width-across*l.width)/(across-1))
	x := 0
	for c, column := range g.Columns {
		l.nodes = append(l.nodes, len(column.Nodes))
		l.left, l.top = append(l.left, x), append(l.top, titleSpace+l.between+(most-len(column.Nodes))*l.pitch/2)
		if len(column.Nodes) > 0 {
			l.shown = append(l.shown, c)
			x += l.width + gap
		}
	}
	return l
}

// A bundle is a line, for all edges between the same nodes in one direction.
type bundle struct {
	from, to [2]int
	labels   []string
	strong   bool
	head     bool
	order    int // of its first edge

	right   [2]bool  // the side of the box on which its ends are
	trunk   [2]int   // the node whose lines within the column share one, for a line within a column
	lane    int      // for such a line: how far from the boxes
	through []int    // heights at which it passes columns
	points  [][2]int // from box to box
}

func (b *bundle) within() bool { return b.from[0] == b.to[0] }

// route finds the way of every line.
func (l *lines) route(edges []Edge) {
	l.bundle(edges)
	l.lanes()
	for _, b := range l.bundles {
		if !b.within() {
			l.pass(b)
		}
	}
	l.ports()
}

// bundle puts the edges together that can be drawn.
func (l *lines) bundle(edges []Edge) {
	there := func(at [2]int) bool {
		return at[0] >= 0 && at[0] < len(l.nodes) && at[1] >= 0 && at[1] < l.nodes[at[0]]
	}
	places := map[[4]int]*bundle{}
	for n, e := range edges {
		if !there(e.From) || !there(e.To) {
			continue
		}
		if e.Plain && cmp.Or(cmp.Compare(e.From[0], e.To[0]), cmp.Compare(e.From[1], e.To[1])) > 0 {
			e.From, e.To = e.To, e.From
		}
		key := [4]int{e.From[0], e.From[1], e.To[0], e.To[1]}
		b := places[key]
		if b == nil {
			b = &bundle{from: e.From, to: e.To, order: n}
			places[key] = b
			l.bundles = append(l.bundles, b)
		}
		b.strong, b.head = b.strong || e.Strong, b.head || !e.Plain
		if e.Label != "" {
			b.labels = append(b.labels, e.Label)
		}
	}
}

// lanes gives each line within a column its place beside the boxes. Lines from the same node, or to the same,
// share one.
func (l *lines) lanes() {
	out, in := map[[2]int]int{}, map[[2]int]int{}
	for _, b := range l.bundles {
		if b.within() {
			out[b.from]++
			in[b.to]++
		}
	}
	type group struct {
		column, first, last, lane int
		bundles                   []*bundle
	}
	groups := map[[3]int]*group{}
	var list []*group
	for _, b := range l.bundles {
		if !b.within() {
			last := l.position(b.to[0]) < l.position(b.from[0])
			b.right = [2]bool{!last, last}
			continue
		}
		side := b.from[0] != l.shown[len(l.shown)-1] || len(l.shown) == 1
		b.right = [2]bool{side, side}
		b.trunk = b.from
		shared := 0
		if in[b.to] > out[b.from] {
			b.trunk, shared = b.to, 1
		}
		if b.from == b.to {
			shared = 2
		}
		key := [3]int{b.trunk[0], b.trunk[1], shared}
		g := groups[key]
		if g == nil {
			g = &group{column: b.from[0], first: b.from[1], last: b.from[1]}
			groups[key] = g
			list = append(list, g)
		}
		g.first, g.last = min(g.first, b.from[1], b.to[1]), max(g.last, b.from[1], b.to[1])
		g.bundles = append(g.bundles, b)
	}
	// The shortest next to the boxes, those that have a stretch in common beside each other.
	slices.SortStableFunc(list, func(a, b *group) int { return cmp.Compare(a.last-a.first, b.last-b.first) })
	for k, g := range list {
		busy := map[int]bool{}
		for _, o := range list[:k] {
			if o.column == g.column && o.first <= g.last && g.first <= o.last {
				busy[o.lane] = true
			}
		}
		for busy[g.lane] {
			g.lane++
		}
		for _, b := range g.bundles {
			b.lane = g.lane
		}
	}
}

// position returns where a column stands among those that are shown.
func (l *lines) position(column int) int { return slices.Index(l.shown, column) }

// middle returns the height of the middle of a box.
func (l *lines) middle(at [2]int) int { return l.top[at[0]] + at[1]*l.pitch + (l.pitch-l.between)/2 }

// pass finds the spaces through which a line passes the columns between its ends.
func (l *lines) pass(b *bundle) {
	from, to := l.position(b.from[0]), l.position(b.to[0])
	step := 1
	if to < from {
		step = -1
	}
	y, end := l.middle(b.from), l.middle(b.to)
	for k := from + step; k != to; k += step {
		y = l.space(l.shown[k], y+(end-y)/max((to-k)*step+1, 1))
		b.through = append(b.through, y)
	}
}

// space returns where to pass a column, as near as can be to a height. Lines that pass through the same space
// lie beside each other, as far as there is room.
func (l *lines) space(column, wish int) int {
	best, cost := 0, -1
	for gap := range l.nodes[column] + 1 {
		y := l.top[column] + gap*l.pitch - l.between/2
		c := max(y-wish, wish-y) + l.used[[2]int{column, gap}]*l.pitch*2/3
		if cost < 0 || c < cost {
			best, cost = gap, c
		}
	}
	n := l.used[[2]int{column, best}]
	l.used[[2]int{column, best}]++
	y := l.top[column] + best*l.pitch - l.between/2
	return y + [...]int{0, 1, -1}[n%3]*l.between*3/10
}

// ports spreads the ends of lines over the sides of their boxes, in the order in which they go up or down,
// and makes their ways. What begins at one side of a box begins at one point.
func (l *lines) ports() {
	type port struct {
		box   [2]int
		right bool
		kind  int // 0: arrivals, one by one; 1: departures; 2: lines within the column that share a trunk
		order int // of an arrival
	}
	towards := map[port][]int{} // heights that lines of a port lead to
	key := func(b *bundle, end int) port {
		at := b.from
		if end == 1 {
			at = b.to
		}
		q := port{box: at, right: b.right[end]}
		switch {
		case b.within() && b.from == b.to:
			q.kind, q.order = 3, end
		case b.within() && at == b.trunk:
			q.kind = 2
		case b.within() || end == 1:
			q.order = b.order
		default:
			q.kind = 1
		}
		return q
	}
	for _, b := range l.bundles {
		way := append([]int{l.middle(b.from)}, b.through...)
		way = append(way, l.middle(b.to))
		for end, next := range [...]int{way[1], way[len(way)-2]} {
			q := key(b, end)
			towards[q] = append(towards[q], next)
		}
	}
	sides := map[port][]port{}
	for q := range towards {
		side := port{box: q.box, right: q.right}
		sides[side] = append(sides[side], q)
	}
	heights := map[port]int{}
	average := func(list []int) int {
		sum := int64(0)
		for _, v := range list {
			sum += int64(v)
		}
		return int(sum / int64(len(list)))
	}
	for side, list := range sides {
		slices.SortFunc(list, func(a, b port) int {
			return cmp.Or(cmp.Compare(average(towards[a]), average(towards[b])), cmp.Compare(a.kind, b.kind), cmp.Compare(a.order, b.order))
		})
		height := l.pitch - l.between
		for n, q := range list {
			heights[q] = l.top[side.box[0]] + side.box[1]*l.pitch + height*(n+1)/(len(list)+1)
		}
	}
	for _, b := range l.bundles {
		l.way(b, heights[key(b, 0)], heights[key(b, 1)])
	}
}

// way makes the points of a line whose ends are at these heights.
func (l *lines) way(b *bundle, from, to int) {
	edge := func(column int, right bool) int {
		if right {
			return l.left[column] + l.width
		}
		return l.left[column]
	}
	x, end := edge(b.from[0], b.right[0]), edge(b.to[0], b.right[1])
	b.points = append(b.points, [2]int{x, from})
	if b.within() {
		out := firstLane + b.lane%lanes*nextLane
		if !b.right[0] {
			out = -out
		}
		b.points = append(b.points, [2]int{x + out, from}, [2]int{x + out, to})
	} else {
		first, last := l.position(b.from[0]), l.position(b.to[0])
		step := 1
		if last < first {
			step = -1
		}
		for k, y := range b.through {
			c := l.shown[first+(k+1)*step]
			b.points = append(b.points, [2]int{edge(c, step < 0), y}, [2]int{edge(c, step > 0), y})
		}
	}
	b.points = append(b.points, [2]int{end, to})
}

// draw draws all lines, then the heads, then the labels.
func (l *lines) draw(p *Picture) {
	ordered := slices.Clone(l.bundles)
	slices.SortStableFunc(ordered, func(a, b *bundle) int { // the strong ones on top
		if a.strong == b.strong {
			return 0
		} else if b.strong {
			return -1
		}
		return 1
	})
	var heads []Shape
	for _, b := range ordered {
		size, ink := 600, Weak
		if b.strong {
			size, ink = 1200, Quiet
		}
		points := slices.Clone(b.points)
		if b.head {
			last := len(points) - 1
			head := arrow(points[last-1], points[last], ink)
			heads = append(heads, head)
			points[last] = [2]int{head.X + head.W*9/10, head.Y + head.H*9/10}
		}
		for k, to := range points[1:] {
			p.line(points[k][0], points[k][1], to[0]-points[k][0], to[1]-points[k][1], size, ink)
		}
	}
	for _, h := range heads {
		p.add(h)
	}
	l.label(p, ordered, heads)
}

// arrow returns the head of a line that ends at a point.
func arrow(from, tip [2]int, i Ink) Shape {
	dx, dy := int64(from[0]-tip[0]), int64(from[1]-tip[1])
	long := root(dx*dx + dy*dy)
	if long == 0 {
		dx, long = 1, 1
	}
	return Shape{Kind: Head, X: tip[0], Y: tip[1], W: int(dx * headSize / long), H: int(dy * headSize / long), Ink: i}
}

// root returns the square root, rounded down.
func root(n int64) int64 {
	if n < 2 {
		return n
	}
	r := n
	for next := (r + 1) / 2; next < r; next = (r + n/r) / 2 {
		r = next
	}
	return r
}

// A rect is where something is.
type rect struct{ left, top, right, bottom int }

func (r rect) meets(o rect) bool {
	return r.left < o.right && o.left < r.right && r.top < o.bottom && o.top < r.bottom
}

// label puts labels where they touch nothing, those of strong lines first and those of plain ones last.
func (l *lines) label(p *Picture, bundles []*bundle, heads []Shape) {
	var taken []rect
	for _, h := range heads {
		taken = append(taken, h.bounds())
	}
	rank := func(b *bundle) int {
		switch {
		case b.strong:
			return 0
		case b.head:
			return 1
		}
		return 2
	}
	order := slices.Clone(bundles)
	slices.SortStableFunc(order, func(a, b *bundle) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.order, b.order))
	})
	for _, b := range order {
		if len(b.labels) == 0 {
			continue
		}
		for n := min(len(b.labels), 3); ; n-- {
			if n == 0 {
				p.Unlabelled += len(b.labels)
				break
			}
			text := strings.Join(b.labels[:n], ", ")
			if n < len(b.labels) {
				text += " +" + strconv.Itoa(len(b.labels)-n)
			}
			wide := l.s.Wide(text, labelSize, b.strong)
			spot, ok := l.spot(b, bundles, taken, wide)
			if !ok {
				continue
			}
			taken = append(taken, spot)
			p.box(spot.left, spot.top, spot.right-spot.left, spot.bottom-spot.top, Paper)
			l.s.centred(p, spot.left, spot.right-spot.left, spot.top+1200+capital(labelSize), text, labelSize, b.strong, Black)
			break
		}
	}
}

// spot returns the best place for a label of some width on a line, whether there is one.
func (l *lines) spot(b *bundle, bundles []*bundle, taken []rect, wide int) (best rect, ok bool) {
	const side = 1 * point
	high := capital(labelSize) + 2400
	cost := 0
	for k, from := range b.points[:len(b.points)-1] {
		to := b.points[k+1]
		for _, t := range [...]int{50, 62, 38, 72, 28, 80, 20, 56, 44, 67, 33, 88, 12} {
			x := from[0] + int(int64(to[0]-from[0])*int64(t)/100)
			y := from[1] + int(int64(to[1]-from[1])*int64(t)/100)
			r := rect{x - wide/2 - side, y - high/2, x - wide/2 + wide + side, y - high/2 + high}
			if !l.free(r) || slices.ContainsFunc(taken, r.meets) {
				continue
			}
			c := max(t-50, 50-t)
			for _, o := range bundles {
				if o != b {
					c += 60 * o.passes(r)
				}
			}
			if b.within() && k == 1 {
				c += 15 // others may share it
			}
			if !ok || c < cost {
				best, cost, ok = r, c, true
			}
		}
	}
	return best, ok
}

// free reports whether r lies in the sheet between the columns.
func (l *lines) free(r rect) bool {
	if r.top < titleSpace-2*point || r.bottom > titleSpace+l.between+slices.Max(l.nodes)*l.pitch || r.left < 0 || r.right > l.right {
		return false
	}
	for _, c := range l.shown {
		if r.left < l.left[c]+l.width+500 && l.left[c] < r.right+500 {
			return false
		}
	}
	return true
}

// passes returns how many parts of b pass r.
func (b *bundle) passes(r rect) (n int) {
	for k, from := range b.points[:len(b.points)-1] {
		to := b.points[k+1]
		if !r.meets(rect{min(from[0], to[0]), min(from[1], to[1]), max(from[0], to[0]) + 1, max(from[1], to[1]) + 1}) {
			continue
		}
		// On which sides of the line the corners are.
		sides := [2]bool{}
		for _, corner := range [...][2]int{{r.left, r.top}, {r.right, r.top}, {r.left, r.bottom}, {r.right, r.bottom}} {
			turn := int64(to[0]-from[0])*int64(corner[1]-from[1]) - int64(to[1]-from[1])*int64(corner[0]-from[0])
			sides[0], sides[1] = sides[0] || turn >= 0, sides[1] || turn <= 0
		}
		if sides[0] && sides[1] {
			n++
		}
	}
	return n
}
