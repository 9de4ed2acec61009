package figure

import (
	"cmp"
	"slices"
)

// A Graph is boxes in columns, with lines between those that are joined.
type Graph struct {
	Columns []Column // one without nodes is left out
	Edges   []Edge   // one from or to a node that is not there is left out
}

// A Column is one of the columns of a graph.
type Column struct {
	Title string
	Nodes []Node // from top to bottom
}

// A Node is a box. Of its texts one line is drawn; a longer one has an ellipsis in it, and its end, in which names of
// one sort differ, is still there.
type Node struct {
	Number string // on a ground of its own
	Label  string
	Note   string // small, below the label
	Ink    Ink    // of the ground of the number
}

// An Edge joins two nodes, by column and place.
type Edge struct {
	From, To [2]int
	Strong   bool // a thicker and darker line
	Label    string
}

const (
	columnGap  = 42 * point // between columns, for the lines
	tallest    = 25 * point // a box with the space below it
	lowest     = 12 * point // the same
	between    = 4 * point  // of this the space
	titleSpace = 16 * point
)

// Most returns how many nodes of a column a sheet holds.
func (s Sheet) Most() int { return (s.Height - titleSpace - between) / lowest }

// Graph lays g out. Boxes become lower where there are more than the sheet would hold otherwise. No line leads through
// a box: one that passes a column goes through the space between two boxes.
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
	l := lines{pitch: max(lowest, min(tallest, (s.Height-titleSpace-between)/most)), top: make([]int, len(g.Columns)), left: make([]int, len(g.Columns)), nodes: make([]int, len(g.Columns))}
	across := max(shown, 2) // a single column is not as wide as the page
	l.width = (s.Width - (across-1)*columnGap) / across
	p.Height = titleSpace + between + most*l.pitch
	x := 0
	for c, column := range g.Columns {
		if l.nodes[c] = len(column.Nodes); l.nodes[c] == 0 {
			continue
		}
		s.text(&p, x, capital(noteSize)+2*point, s.clip(column.Title, noteSize, true, l.width), noteSize, true, Quiet)
		l.left[c], l.top[c] = x, titleSpace+between+(most-len(column.Nodes))*l.pitch/2
		x += l.width + columnGap
	}
	l.right = s.Width
	for _, strong := range []bool{false, true} { // the strong ones on top
		for _, e := range l.joined(g.Edges) {
			if e.Strong == strong {
				l.draw(&p, e)
			}
		}
	}
	height := l.pitch - between
	for c, column := range g.Columns {
		for n, node := range column.Nodes {
			s.node(&p, node, l.left[c], l.top[c]+n*l.pitch, l.width, height)
		}
	}
	return p
}

// node draws one box.
func (s Sheet) node(p *Picture, n Node, x, y, width, height int) {
	const pad, number = 4 * point, 17 * point
	p.box(x, y, width, height, Paper)
	p.add(Shape{Kind: Frame, X: x + 250, Y: y + 250, W: width - 500, H: height - 500, Size: 500, Ink: Quiet})
	p.box(x, y, number, height, n.Ink)
	s.centred(p, x, number, y+(height+capital(textSize))/2, n.Number, textSize, true, Paper)
	left, inside := x+number+pad, width-number-2*pad
	label := s.clipMiddle(n.Label, textSize, true, inside)
	if height < 2*lowest-between { // there is room for one line
		s.text(p, left, y+(height+capital(textSize))/2, label, textSize, true, Black)
		return
	}
	const apart = 9600                                                       // the base lines
	base := y + (height-capital(textSize)-apart)/2 + capital(textSize) + 300 // what hangs below a line counts a little
	s.text(p, left, base, label, textSize, true, Black)
	s.text(p, left, base+apart, s.clipMiddle(n.Note, noteSize, false, inside), noteSize, false, Quiet)
}

// lines is where the boxes stand, for the lines between them.
type lines struct {
	pitch, width, right int
	left, top, nodes    []int // by column
	used                map[[2]int]int
	tracks              map[Edge]int
}

// joined returns the edges that can be drawn, from left to right, with a track each for those within a column.
func (l *lines) joined(edges []Edge) []Edge {
	there := func(at [2]int) bool {
		return at[0] >= 0 && at[0] < len(l.nodes) && at[1] >= 0 && at[1] < l.nodes[at[0]]
	}
	var out, within []Edge
	for _, e := range edges {
		if !there(e.From) || !there(e.To) || e.From == e.To {
			continue
		}
		if cmp.Or(cmp.Compare(e.From[0], e.To[0]), cmp.Compare(e.From[1], e.To[1])) > 0 {
			e.From, e.To = e.To, e.From
		}
		if out = append(out, e); e.From[0] == e.To[0] {
			within = append(within, e)
		}
	}
	// The shortest next to the boxes, those that have a stretch in common beside each other.
	slices.SortStableFunc(within, func(a, b Edge) int { return cmp.Compare(a.To[1]-a.From[1], b.To[1]-b.From[1]) })
	l.used, l.tracks = map[[2]int]int{}, map[Edge]int{}
	for k, e := range within {
		busy := map[int]bool{}
		for _, o := range within[:k] {
			if o.From[0] == e.From[0] && o.From[1] <= e.To[1] && e.From[1] <= o.To[1] {
				busy[l.tracks[o]] = true
			}
		}
		track := 0
		for busy[track] {
			track++
		}
		l.tracks[e] = track
	}
	return out
}

func (l *lines) draw(p *Picture, e Edge) {
	size, ink := 600, Weak
	if e.Strong {
		size, ink = 1200, Quiet
	}
	middle := func(at [2]int) int { return l.top[at[0]] + at[1]*l.pitch + (l.pitch-between)/2 }
	a, b := middle(e.From), middle(e.To)
	from, to := l.left[e.From[0]], l.left[e.To[0]]
	if from == to {
		const first, next, tracks = 7 * point, 3 * point, 12
		x, out := from+l.width, first+l.tracks[e]%tracks*next
		if x+columnGap > l.right { // the last column
			x, out = from, -out
		}
		p.line(x, a, out, 0, size, ink)
		p.line(x+out, a, 0, b-a, size, ink)
		p.line(x, b, out, 0, size, ink)
		return
	}
	x, y := from+l.width, a
	for c := e.From[0] + 1; c < e.To[0]; c++ {
		if l.nodes[c] == 0 {
			continue
		}
		wish := y + (b-y)*(l.left[c]+l.width/2-x)/(to-x)
		through := l.space(c, wish)
		p.line(x, y, l.left[c]-x, through-y, size, ink)
		p.line(l.left[c], through, l.width, 0, size, ink)
		x, y = l.left[c]+l.width, through
	}
	p.line(x, y, to-x, b-y, size, ink)
}

// space returns where to pass a column, as near as can be to a height. Lines that pass through the same space lie beside
// each other, as far as there is room.
func (l *lines) space(column, wish int) int {
	best, cost := 0, -1
	for gap := range l.nodes[column] + 1 {
		y := l.top[column] + gap*l.pitch - between/2
		c := max(y-wish, wish-y) + l.used[[2]int{column, gap}]*l.pitch
		if cost < 0 || c < cost {
			best, cost = gap, c
		}
	}
	n := l.used[[2]int{column, best}]
	l.used[[2]int{column, best}]++
	y := l.top[column] + best*l.pitch - between/2
	return y + [...]int{0, 1, -1}[n%3]*between*3/10
}
