package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// A Graph is the attack as boxes and arrows: who did what to whom, in the order of time. Its boxes stand in
// columns, which read from left to right. What was found to be no threat and what only false positives name
// is not in it, and neither is what is joined to nothing. The zero Graph has nothing to join.
type Graph struct {
	Nodes []Node `json:"nodes,omitempty"` // column by column, each from top to bottom
	Edges []Edge `json:"edges,omitempty"` // by Number
}

// A Node is one entity, or several of a kind where a graph of each would be too large to read.
type Node struct {
	Number  int                   `json:"number"` // its place in the order of time, from 1
	Column  Column                `json:"column"`
	Kind    alert.Kind            `json:"kind,omitempty"`    // "" when its entities are of several
	Keys    []alert.Key           `json:"keys"`              // of its entities, by the time at which they were first named
	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // of all of its entities; NotJudged when they differ
	// Entities that are malicious and suspicious.
	Malicious  int `json:"malicious,omitempty"`
	Suspicious int `json:"suspicious,omitempty"`
}

// A Column is a part of a [Graph].
type Column uint8

// The columns. The zero Column is Sources.
const (
	Sources      Column = iota // where it came from: senders, their messages and links, attackers' addresses
	Affected                   // assets, but for those that are the attacker
	Artefacts                  // what was left there: files, processes, registry keys
	Destinations               // where it went: command and control, where data was sent
)

var columns = []string{"sources", "affected", "artefacts", "destinations"}

// ParseColumn returns the column named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseColumn(text string) (Column, error) {
	if c, ok := enum.Parse[Column](columns, text); ok {
		return c, nil
	}
	return 0, &alert.FieldError{Field: "column", Value: text, Want: enum.Want(columns)}
}

// String returns the column's text, such as "sources".
func (c Column) String() string { return enum.Text(columns, "column", c) }

// MarshalText returns the column's text. A value that is not one of the constants is an error.
func (c Column) MarshalText() ([]byte, error) { return enum.Marshal(columns, "column", c) }

// UnmarshalText sets c as [ParseColumn] does.
func (c *Column) UnmarshalText(text []byte) (err error) {
	*c, err = ParseColumn(string(text))
	return err
}

// An Edge says what one node did to another.
type Edge struct {
	Number   int            `json:"number"` // its place in the order of time, from 1
	From     int            `json:"from"`   // indices of Nodes: the one that acted
	To       int            `json:"to"`     // and the one that it acted on; From where both are of one node
	Action   Action         `json:"action"`
	Time     time.Time      `json:"time,omitzero"` // the first activity of its alerts; those without one come last
	Alerts   []alert.ID     `json:"alerts"`        // that tell of it, in the order of time
	Severity alert.Severity `json:"severity"`      // the highest of these alerts'
}

// An Action is what an [Edge] says. The zero Action is Named.
type Action uint8

// The actions.
const (
	Named     Action = iota // both are named by one alert, which says nothing else of them
	Sent                    // mail, to who received it
	Contained               // a message or a page, a link or a file
	SignedIn                // an account, to a device, an app or a cloud resource; or an address, to an account
	Connected               // to an address or a device
	Ran                     // a device, an account or the file of a program, a process
	Started                 // a process, another
	Made                    // a file, a registry value, an account
	Moved                   // from one device to another: lateral movement
)

var actions = []string{"named", "sent", "contained", "signedIn", "connected", "ran", "started", "made", "moved"}

// ParseAction returns the action named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseAction(text string) (Action, error) {
	if a, ok := enum.Parse[Action](actions, text); ok {
		return a, nil
	}
	return 0, &alert.FieldError{Field: "action", Value: text, Want: enum.Want(actions)}
}

// String returns the action's text, such as "signedIn".
func (a Action) String() string { return enum.Text(actions, "action", a) }

// MarshalText returns the action's text. A value that is not one of the constants is an error.
func (a Action) MarshalText() ([]byte, error) { return enum.Marshal(actions, "action", a) }

// UnmarshalText sets a as [ParseAction] does.
func (a *Action) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAction(string(text))
	return err
}

const (
	maxColumn = 22  // nodes of one column that can be read on a page
	maxNodes  = 60  // of all columns
	maxEdges  = 100 // lines that can be followed between so many nodes, fewer between few
	maxAlone  = 300 // entities that are looked at one by one; far more than can be drawn
)

// graph returns the graph of alerts. Entities that are not drawn stand in nodes with others of their kind, as far as
// there are any in their column.
func graph(alerts []alert.Alert, drawn func(alert.Key) bool) Graph {
	alerts = inTime(alerts)
	s := newStory(alerts)
	w := s.web(drawn).collapsed().arranged()
	var g Graph
	for _, n := range w.nodes {
		for _, at := range n.actors {
			n.Keys = append(n.Keys, s.actors[at].key)
		}
		g.Nodes = append(g.Nodes, n.Node)
	}
	for _, e := range w.inOrderOfTime() {
		out := Edge{Number: len(g.Edges) + 1, From: e.from, To: e.to, Action: e.action, Time: alerts[w.edges[e].alerts[0]].FirstActivity}
		for _, n := range w.edges[e].alerts {
			out.Alerts = append(out.Alerts, alerts[n].ID)
			out.Severity = max(out.Severity, alerts[n].Severity)
		}
		g.Edges = append(g.Edges, out)
	}
	return g
}

// inTime returns alerts in the order of time, those without one last: what is not known to be first must not
// be told first.
func inTime(alerts []alert.Alert) []alert.Alert {
	return slices.SortedFunc(slices.Values(alerts), func(a, b alert.Alert) int {
		if x, y := a.FirstActivity.IsZero(), b.FirstActivity.IsZero(); x != y {
			if x {
				return 1
			}
			return -1
		}
		return alert.Query{}.Compare(a, b)
	})
}

// A web is a graph on its way. Nodes are in the order of time until they are arranged.
type web struct {
	nodes []node
	edges map[link]told
}

type node struct {
	Node         // but for Keys
	actors []int // places of its entities in the story, ascending

	undrawn bool // one of its entities
	kinds   bool // there are several
	mixed   bool // verdicts differ
}

// A link is an edge without what is told of it.
type link struct {
	from, to int // places of nodes
	action   Action
}

// told is what alerts tell of a link.
type told struct {
	alerts []int  // places of alerts, ascending
	place  [2]int // of both ends in the evidence of the first alert
}

// and returns what t and other tell together.
func (t told) and(other told) told {
	first := t
	if cmp.Or(cmp.Compare(other.alerts[0], t.alerts[0]), slices.Compare(other.place[:], t.place[:])) < 0 {
		first = other
	}
	all := slices.Concat(t.alerts, other.alerts)
	slices.Sort(all)
	return told{slices.Compact(all), first.place}
}

// inOrderOfTime returns the links, the one that was told first before others.
func (w web) inOrderOfTime() []link {
	return slices.SortedFunc(maps.Keys(w.edges), func(a, b link) int {
		x, y := w.edges[a], w.edges[b]
		return cmp.Or(cmp.Compare(x.alerts[0], y.alerts[0]), slices.Compare(x.place[:], y.place[:]),
			cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.action, b.action))
	})
}

// telling returns w without links that say only that alerts name two nodes together where others say more.
// Where both are one node, it stays if it is all that there is.
func (w web) telling() web {
	more, elsewhere := make(map[[2]int]bool), make(map[int]bool)
	for l := range w.edges {
		if l.action != Named {
			more[[2]int{l.from, l.to}], more[[2]int{l.to, l.from}] = true, true
		}
		if l.action != Named || l.from != l.to {
			elsewhere[l.from], elsewhere[l.to] = true, true
		}
	}
	maps.DeleteFunc(w.edges, func(l link, _ told) bool {
		return l.action == Named && (l.from == l.to && elsewhere[l.from] || more[[2]int{l.from, l.to}])
	})
	return w
}

// A way is what nodes must have in common to become one. Nodes for which it is "" stay. Those that are named
// are the few of a kind that a reader asks for first.
type way func(n node, near string, named bool) string

// ways returns how nodes of a column are put together: step by step, the first steps as long as there is
// anything to do.
func ways() (gentle, rough []way) {
	kind := func(n node) string { return fmt.Sprint(n.Column, n.Kind, n.kinds) }
	return []way{
			func(n node, near string, _ bool) string {
				if n.Malicious > 0 {
					return "" // what a reader looks for keeps its name the longest
				}
				return fmt.Sprint(kind(n), n.Verdict, n.mixed, near)
			},
			func(n node, near string, _ bool) string { return fmt.Sprint(kind(n), n.Verdict, n.mixed, near) },
			func(n node, near string, _ bool) string { return fmt.Sprint(kind(n), near) },
		}, []way{
			func(n node, _ string, named bool) string {
				if named {
					return ""
				}
				return kind(n)
			},
			func(n node, _ string, _ bool) string { return kind(n) },
			func(n node, _ string, _ bool) string { return fmt.Sprint(n.Column) },
		}
}

// collapsed returns w with nodes together until it can be read: first where there are too many nodes, then,
// if there still are too many edges, anywhere.
func (w web) collapsed() web {
	gentle, rough := ways()
	for _, tooMuch := range []func(w web, c Column) bool{web.crowded, web.tangled} {
		for before := -1; before != len(w.nodes); {
			before = len(w.nodes)
			for _, together := range gentle {
				w = w.fewer(together, tooMuch)
			}
		}
		for _, together := range rough {
			w = w.fewer(together, tooMuch)
		}
	}
	return w
}

// crowded reports whether a column has more nodes than it may.
func (w web) crowded(c Column) bool {
	sizes := w.sizes()
	return sizes[c] > maxColumn || len(w.nodes) > maxNodes && sizes[c] > maxNodes/len(sizes)
}

// tangled reports whether w has too many edges.
func (w web) tangled(Column) bool { return len(w.edges) > min(maxEdges, 2*len(w.nodes)+10) }

// fewer puts nodes together in the columns of which there is too much, the largest first.
func (w web) fewer(together way, tooMuch func(w web, c Column) bool) web {
	sizes := w.sizes()
	order := []Column{Sources, Affected, Artefacts, Destinations}
	slices.SortStableFunc(order, func(a, b Column) int { return cmp.Compare(sizes[b], sizes[a]) })
	for _, c := range order {
		if !tooMuch(w, c) {
			continue
		}
		near, named := w.near(), w.named()
		w = w.rebuilt(func(k int) string {
			if n := w.nodes[k]; n.Column == c {
				return together(n, near[k], named[k])
			}
			return ""
		})
	}
	return w
}

func (w web) sizes() (sizes [Destinations + 1]int) {
	for _, n := range w.nodes {
		sizes[n.Column]++
	}
	return sizes
}

// fewNamed is how many nodes of a kind keep their names where many become one.
const fewNamed = 3

// named returns the few of a kind in a column that keep their names the longest: the worst, and of these the
// first ones.
func (w web) named() map[int]bool {
	order := make([]int, len(w.nodes))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(badness(w.nodes[b].Verdict), badness(w.nodes[a].Verdict))
	})
	named, count := make(map[int]bool), make(map[string]int)
	for _, n := range order {
		have := w.nodes[n]
		if kind := fmt.Sprint(have.Column, have.Kind); len(have.actors) == 1 && !have.undrawn && count[kind] < fewNamed {
			count[kind]++
			named[n] = true
		}
	}
	return named
}

// near returns what each node is joined to, and how.
func (w web) near() []string {
	lists := make([][]string, len(w.nodes))
	add := func(at, other int, l link) {
		lists[at] = append(lists[at], fmt.Sprint(other, l.action, at == l.from))
	}
	for l := range w.edges {
		if l.from == l.to {
			add(l.from, -1, l)
			continue
		}
		add(l.from, l.to, l)
		add(l.to, l.from, l)
	}
	texts := make([]string, len(w.nodes))
	for n, list := range lists {
		slices.Sort(list)
		texts[n] = fmt.Sprint(list)
	}
	return texts
}

// rebuilt returns w with one node for all that have a name in common, in the order of time. A node whose name
// is "" stays.
func (w web) rebuilt(name func(at int) string) web {
	out := web{edges: make(map[link]told, len(w.edges))}
	names, places := make(map[string]int), make([]int, len(w.nodes))
	for n, have := range w.nodes {
		text := name(n)
		if text == "" {
			text = fmt.Sprint("alone ", n)
		}
		at, ok := names[text]
		if !ok {
			at = len(out.nodes)
			names[text] = at
			have.Number = at + 1
			have.actors = slices.Clone(have.actors)
			out.nodes = append(out.nodes, have)
		} else {
			out.nodes[at].add(have)
		}
		places[n] = at
	}
	for l, t := range w.edges {
		out.join(link{places[l.from], places[l.to], l.action}, t)
	}
	return out.telling()
}

// add puts the entities of other into n.
func (n *node) add(other node) {
	n.actors = append(n.actors, other.actors...)
	slices.Sort(n.actors)
	n.Malicious, n.Suspicious = n.Malicious+other.Malicious, n.Suspicious+other.Suspicious
	n.undrawn = n.undrawn || other.undrawn
	if n.kinds = n.kinds || other.kinds || n.Kind != other.Kind; n.kinds {
		n.Kind = ""
	}
	if n.mixed = n.mixed || other.mixed || n.Verdict != other.Verdict; n.mixed {
		n.Verdict = alert.NotJudged
	}
}

func (w web) join(l link, t told) {
	if before, ok := w.edges[l]; ok {
		t = before.and(t)
	}
	w.edges[l] = t
}

// sweeps is how often the columns are put in order. A few are enough for what a page can hold.
const sweeps = 8

// arranged returns w with its nodes column by column, each node about as high as what it is joined to, so that few
// edges cross: the order in which that is best, of those that the sweeps come to.
func (w web) arranged() web {
	var columns [Destinations + 1][]int
	for n, have := range w.nodes {
		columns[have.Column] = append(columns[have.Column], n)
	}
	joined := make([][]int, len(w.nodes))
	for _, l := range w.inOrderOfTime() {
		if l.from != l.to {
			joined[l.from], joined[l.to] = append(joined[l.from], l.to), append(joined[l.to], l.from)
		}
	}
	best, fewest := w.inColumns(columns), -1
	for sweep := range sweeps {
		if crossings := w.crossings(columns); fewest < 0 || crossings < fewest {
			best, fewest = w.inColumns(columns), crossings
		}
		for k := range columns {
			if sweep%2 == 1 {
				k = len(columns) - 1 - k
			}
			heights := w.heights(columns)
			middle := func(n int) int64 {
				if len(joined[n]) == 0 {
					return heights[n]
				}
				sum := int64(0)
				for _, m := range joined[n] {
					sum += heights[m]
				}
				return sum / int64(len(joined[n]))
			}
			slices.SortStableFunc(columns[k], func(a, b int) int { return cmp.Compare(middle(a), middle(b)) })
		}
	}
	return best
}

// heights returns where each node stands in its column, in millionths of that.
func (w web) heights(columns [Destinations + 1][]int) []int64 {
	heights := make([]int64, len(w.nodes))
	for _, column := range columns {
		for place, n := range column {
			heights[n] = (2*int64(place) + 1) * 500_000 / int64(len(column))
		}
	}
	return heights
}

// crossings counts the pairs of edges between the same two columns that cross.
func (w web) crossings(columns [Destinations + 1][]int) (n int) {
	heights := w.heights(columns)
	var lines [][2]int // the end in the column further left first
	for l := range w.edges {
		switch from, to := w.nodes[l.from].Column, w.nodes[l.to].Column; {
		case from < to:
			lines = append(lines, [2]int{l.from, l.to})
		case from > to:
			lines = append(lines, [2]int{l.to, l.from})
		}
	}
	for k, a := range lines {
		for _, b := range lines[:k] {
			if w.nodes[a[0]].Column == w.nodes[b[0]].Column && w.nodes[a[1]].Column == w.nodes[b[1]].Column &&
				(heights[a[0]]-heights[b[0]])*(heights[a[1]]-heights[b[1]]) < 0 {
				n++
			}
		}
	}
	return n
}

// inColumns returns w with its nodes in the order of columns.
func (w web) inColumns(columns [Destinations + 1][]int) web {
	out := web{edges: make(map[link]told, len(w.edges))}
	places := make([]int, len(w.nodes))
	for _, column := range columns {
		for _, n := range column {
			places[n] = len(out.nodes)
			out.nodes = append(out.nodes, w.nodes[n])
		}
	}
	for l, t := range w.edges {
		out.edges[link{places[l.from], places[l.to], l.action}] = t
	}
	return out
}
