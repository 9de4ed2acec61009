package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// A Graph joins what is suspicious to the assets that it hit. Its nodes stand in three columns, which read from left
// to right as an attack does: what came in from outside, what it hit, and what it left there. The zero Graph has
// nothing to join.
type Graph struct {
	Nodes    []Node `json:"nodes"` // column by column, each from top to bottom
	Edges    []Edge `json:"edges"` // by From, then by To
	Entities int    `json:"entities"`
}

// A Node is one entity, or several of a kind where a graph of each would be too large to read.
type Node struct {
	Number  int                   `json:"number"` // its place in the order of time, from 1
	Column  Column                `json:"column"`
	Kind    alert.Kind            `json:"kind"`
	Name    string                `json:"name"`              // of the first of them
	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // the worst that an alert gave
	Count   int                   `json:"count"`             // entities it stands for
}

// A Column is a part of a [Graph].
type Column uint8

// The columns. The zero Column is Origins.
const (
	Origins Column = iota // addresses, URLs and mail
	Targets               // assets
	Traces                // files, processes and whatever else was found
)

var columns = []string{"origins", "targets", "traces"}

// ParseColumn returns the column named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseColumn(text string) (Column, error) {
	if c, ok := enum.Parse[Column](columns, text); ok {
		return c, nil
	}
	return 0, &alert.FieldError{Field: "column", Value: text, Want: enum.Want(columns)}
}

// String returns the column's text, such as "origins".
func (c Column) String() string { return enum.Text(columns, "column", c) }

// MarshalText returns the column's text. A value that is not one of the constants is an error.
func (c Column) MarshalText() ([]byte, error) { return enum.Marshal(columns, "column", c) }

// UnmarshalText sets c as [ParseColumn] does.
func (c *Column) UnmarshalText(text []byte) (err error) {
	*c, err = ParseColumn(string(text))
	return err
}

// An Edge says that alerts name two nodes together.
type Edge struct {
	From     int            `json:"from"` // indices of Nodes, the one further left first
	To       int            `json:"to"`
	Severity alert.Severity `json:"severity"` // the highest of these alerts'
}

// maxColumn is how many nodes of one column can be read on a page. Three of them are about 60 nodes.
const maxColumn = 22

// graph returns the graph of alerts, which are in the order of time. What was found to be no threat is left out, and
// so is what no alert names together with anything else.
func graph(alerts []alert.Alert) Graph {
	g := newWeb(alerts).connected()
	entities := len(g.nodes)
	for _, together := range []func(node) string{
		func(n node) string { return fmt.Sprint(n.Column, n.Kind, n.near) }, // of a kind, that hit the same
		func(n node) string { return fmt.Sprint(n.Column, n.Kind) },
		func(n node) string { return fmt.Sprint(n.Column) },
	} {
		if g.fits() {
			break
		}
		g = g.merged(together)
	}
	g = g.arranged()
	out := Graph{Entities: entities}
	for _, n := range g.nodes {
		out.Nodes = append(out.Nodes, n.Node)
	}
	for _, at := range slices.SortedFunc(maps.Keys(g.edges), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }) {
		out.Edges = append(out.Edges, Edge{at[0], at[1], g.edges[at]})
	}
	return out
}

// A web is a graph on its way. Nodes are in the order of time to begin with.
type web struct {
	nodes []node
	edges map[[2]int]alert.Severity // highest severities by the places of nodes, the one in the column further left first
}

type node struct {
	Node
	near []int // nodes that it is joined to, ascending
}

func columnOf(k alert.Kind) Column {
	if k.Asset() != alert.NotAsset {
		return Targets
	}
	switch k {
	case alert.KindIP, alert.KindURL, alert.KindMessage, alert.KindMailCluster:
		return Origins
	}
	return Traces
}

// newWeb joins, for each alert, all that is suspicious to all assets. Where it names no asset, the first thing is
// joined to the others, and where it names assets alone, the first of them is.
func newWeb(alerts []alert.Alert) web {
	w := web{edges: make(map[[2]int]alert.Severity)}
	places := make(map[alert.Key]int)
	for _, a := range alerts {
		var suspicious, assets []int
		for _, v := range a.Evidence {
			if v.Entity == nil {
				continue
			}
			kind := v.Entity.Kind()
			column := columnOf(kind)
			if column != Targets && v.Verdict == alert.NoThreatsFound {
				continue
			}
			key := alert.Key(fmt.Sprint(kind.Asset(), " ", alert.Identity(v.Entity))) // as findings has it
			at, ok := places[key]
			if !ok {
				at = len(w.nodes)
				places[key] = at
				w.nodes = append(w.nodes, node{Node: Node{Number: at + 1, Column: column, Kind: kind, Name: v.Entity.Name(), Count: 1}})
			}
			n := &w.nodes[at]
			if badness(v.Verdict) > badness(n.Verdict) {
				n.Verdict = v.Verdict
			}
			list := &suspicious
			if column == Targets {
				list = &assets
			}
			*list = appendNew(*list, []int{at})
		}
		switch {
		case len(suspicious) == 0 && len(assets) > 1:
			suspicious, assets = assets[:1], assets[1:]
		case len(assets) == 0 && len(suspicious) > 1:
			suspicious, assets = suspicious[:1], suspicious[1:]
		}
		for _, s := range suspicious {
			for _, t := range assets {
				w.join(s, t, a.Severity)
			}
		}
	}
	return w.linked()
}

func (w web) join(a, b int, s alert.Severity) {
	if a == b {
		return
	}
	if cmp.Or(cmp.Compare(w.nodes[a].Column, w.nodes[b].Column), cmp.Compare(w.nodes[a].Number, w.nodes[b].Number)) > 0 {
		a, b = b, a
	}
	w.edges[[2]int{a, b}] = max(w.edges[[2]int{a, b}], s)
}

// linked returns w with its nodes knowing what they are joined to.
func (w web) linked() web {
	for at := range w.edges {
		w.nodes[at[0]].near = append(w.nodes[at[0]].near, at[1])
		w.nodes[at[1]].near = append(w.nodes[at[1]].near, at[0])
	}
	for n := range w.nodes {
		slices.Sort(w.nodes[n].near)
	}
	return w
}

// connected returns w without the nodes that are joined to none.
func (w web) connected() web {
	return w.rebuilt(func(n node) string {
		if len(n.near) == 0 {
			return ""
		}
		return fmt.Sprint(n.Number)
	})
}

func (w web) fits() bool {
	var sizes [Traces + 1]int
	for _, n := range w.nodes {
		sizes[n.Column]++
	}
	return slices.Max(sizes[:]) <= maxColumn
}

// merged returns w with the nodes together that have the same name by together.
func (w web) merged(together func(node) string) web { return w.rebuilt(together).connected() }

// rebuilt returns w with one node for each name that a node has, in the order of time; "" is none.
func (w web) rebuilt(name func(node) string) web {
	out := web{edges: make(map[[2]int]alert.Severity)}
	names, places := make(map[string]int), make([]int, len(w.nodes))
	for n, have := range w.nodes {
		text := name(have)
		if places[n] = -1; text == "" {
			continue
		}
		at, ok := names[text]
		if !ok {
			at = len(out.nodes)
			names[text] = at
			have.Number, have.near = at+1, nil
			out.nodes = append(out.nodes, have)
		} else {
			all := &out.nodes[at]
			all.Count += have.Count
			if badness(have.Verdict) > badness(all.Verdict) {
				all.Verdict = have.Verdict
			}
		}
		places[n] = at
	}
	for at, e := range w.edges {
		if a, b := places[at[0]], places[at[1]]; a >= 0 && b >= 0 {
			out.join(a, b, e)
		}
	}
	return out.linked()
}

// sweeps is how often the columns are put in order. A few are enough for what a page can hold.
const sweeps = 8

// arranged returns w with its nodes column by column, each node about as high as what it is joined to, so that few
// edges cross: the order in which that is best, of those that the sweeps come to.
func (w web) arranged() web {
	var columns [Traces + 1][]int
	for n, have := range w.nodes {
		columns[have.Column] = append(columns[have.Column], n)
	}
	best, fewest := w.inOrder(columns), -1
	for sweep := range sweeps {
		if crossings := w.crossings(columns); fewest < 0 || crossings < fewest {
			best, fewest = w.inOrder(columns), crossings
		}
		for k := range columns {
			if sweep%2 == 1 {
				k = len(columns) - 1 - k
			}
			heights := w.heights(columns)
			middle := func(n int) int64 {
				sum := int64(0)
				for _, m := range w.nodes[n].near {
					sum += heights[m]
				}
				return sum / int64(len(w.nodes[n].near))
			}
			slices.SortStableFunc(columns[k], func(a, b int) int { return cmp.Compare(middle(a), middle(b)) })
		}
	}
	return best
}

// heights returns where each node stands in its column, in millionths of that.
func (w web) heights(columns [Traces + 1][]int) []int64 {
	heights := make([]int64, len(w.nodes))
	for _, column := range columns {
		for place, n := range column {
			heights[n] = (2*int64(place) + 1) * 500_000 / int64(len(column))
		}
	}
	return heights
}

// crossings counts the pairs of edges between the same two columns that cross.
func (w web) crossings(columns [Traces + 1][]int) (n int) {
	heights := w.heights(columns)
	edges := slices.Collect(maps.Keys(w.edges))
	for k, a := range edges {
		for _, b := range edges[:k] {
			if w.nodes[a[0]].Column == w.nodes[b[0]].Column && w.nodes[a[1]].Column == w.nodes[b[1]].Column &&
				(heights[a[0]]-heights[b[0]])*(heights[a[1]]-heights[b[1]]) < 0 {
				n++
			}
		}
	}
	return n
}

// inOrder returns w with its nodes in the order of columns.
func (w web) inOrder(columns [Traces + 1][]int) web {
	out := web{edges: make(map[[2]int]alert.Severity, len(w.edges))}
	places := make([]int, len(w.nodes))
	for _, column := range columns {
		for _, n := range column {
			places[n] = len(out.nodes)
			out.nodes = append(out.nodes, w.nodes[n])
		}
	}
	for at, e := range w.edges {
		a, b := places[at[0]], places[at[1]]
		out.edges[[2]int{min(a, b), max(a, b)}] = e
	}
	return out
}
