package measure

import (
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
)

// A graph has the alerts so far and the joins that connect them.
type graph struct {
	placed  []Placed
	parts   []int
	keys    [][]alert.Key
	holders map[keyPart]*holders
	parent  []int             // of each alert, as a union-find structure; a root is its own
	attacks []map[string]bool // of each root: those of all alerts that are connected with it
}

// In a keyPart are the alerts of one incident that have the key.
type keyPart struct {
	part int
	key  alert.Key
}

// Holders are the alerts so far of one keyPart, in order.
type holders struct {
	all          []int
	connected    int            // the number of those at the beginning of all that joins by the key connect
	count, first map[string]int // by label: how many, and the first
}

func newGraph(placed []Placed, parts []int, keys [][]alert.Key) *graph {
	return &graph{
		placed: placed, parts: parts, keys: keys, holders: make(map[keyPart]*holders),
		parent: make([]int, len(placed)), attacks: make([]map[string]bool, len(placed)),
	}
}

// start puts in the n-th alert, unconnected. It returns for each of links the holders that it joins, nil if there are
// none.
func (g *graph) start(n int, links []alert.Key) []*holders {
	g.parent[n], g.attacks[n] = n, make(map[string]bool)
	if attack := g.placed[n].Attack; attack != "" {
		g.attacks[n][attack] = true
	}
	on := make([]*holders, len(links))
	for k, key := range links {
		on[k] = g.holders[keyPart{g.parts[n], key}]
	}
	return on
}

// compare returns how many true and false pairs an alert with that label has with the holders, and the first of those
// with which it has a false one.
func (h *holders) compare(label string) (right, wrong, with int) {
	if label != "" {
		right = h.count[label]
	}
	for other, count := range h.count {
		if other == label {
			continue
		}
		if first := h.first[other]; wrong == 0 || first < with {
			with = first
		}
		wrong += count
	}
	return right, wrong, with
}

// separate returns one of the holders for each component that they are in.
func (g *graph) separate(h *holders) []int {
	if h == nil {
		return nil
	}
	some := h.all[max(h.connected-1, 0):] // all before it are in one component with it
	roots := make(map[int]bool)
	return slices.DeleteFunc(slices.Clone(some), func(m int) bool {
		root := g.root(m)
		known := roots[root]
		roots[root] = true
		return known
	})
}

// connect connects the n-th alert with the holders that it joins, and makes it a holder.
func (g *graph) connect(n int, links []alert.Key, on []*holders) {
	for _, h := range on {
		for _, m := range g.separate(h) {
			g.unite(n, m)
		}
	}
	label := g.placed[n].Attack
	for _, key := range g.keys[n] {
		at := keyPart{g.parts[n], key}
		h := g.holders[at]
		if h == nil {
			h = &holders{count: make(map[string]int), first: make(map[string]int)}
			g.holders[at] = h
		}
		h.all = append(h.all, n)
		if slices.Contains(links, key) {
			h.connected = len(h.all)
		}
		if h.count[label]++; h.count[label] == 1 {
			h.first[label] = n
		}
	}
}

func (g *graph) root(n int) int {
	for g.parent[n] != n {
		g.parent[n] = g.parent[g.parent[n]]
		n = g.parent[n]
	}
	return n
}

func (g *graph) unite(a, b int) {
	a, b = g.root(a), g.root(b)
	if a == b {
		return
	}
	if len(g.attacks[a]) < len(g.attacks[b]) {
		a, b = b, a
	}
	g.parent[b] = a
	maps.Copy(g.attacks[a], g.attacks[b])
	g.attacks[b] = nil
}

// A bridge leads an alert to an alert of another attack.
type bridge struct {
	chain   []hop
	attacks []string // at the ends
}

// A hop is one join of a chain.
type hop struct {
	key            alert.Key
	earlier, later int
}

// bridges returns the bridges of the n-th alert: one for each of on, the holders that its links join, and each
// component there, if both sides have attacks and none in common. The alert is the other side if it has an attack,
// else the other components are.
func (g *graph) bridges(n int, on []*holders) (found []bridge) {
	own := g.placed[n].Attack
	var sides []map[string]bool
	if own != "" {
		sides = append(sides, g.attacks[n])
	} else {
		roots := make(map[int]bool)
		for _, h := range on {
			for _, m := range g.separate(h) {
				if root := g.root(m); !roots[root] {
					roots[root] = true
					sides = append(sides, g.attacks[root])
				}
			}
		}
	}
	for k, key := range linksOf(g.placed[n]) {
		for _, m := range g.separate(on[k]) {
			root := g.root(m)
			there := g.attacks[root]
			other := slices.IndexFunc(sides, func(side map[string]bool) bool { return disjoint(side, there) })
			if other < 0 {
				continue
			}
			path := g.path(on[k], root)
			end := g.placed[path[len(path)-1]].Attack
			b := bridge{[]hop{{key, path[0], n}}, []string{end, least(sides[other])}}
			for p := range len(path) - 1 {
				b.chain = append(b.chain, g.hops(path[p], path[p+1])...)
			}
			found = append(found, b)
		}
	}
	return found
}

// path returns the fewest alerts that lead from one of h in the component of root to one that has an attack, both
// included. All before the last are noise. The component must have an attack.
func (g *graph) path(h *holders, root int) []int {
	before := make(map[int]int) // the alert that leads to each that was reached, -1 for those of h
	var reached []int
	for _, m := range h.all {
		if g.root(m) == root {
			before[m] = -1
			reached = append(reached, m)
		}
	}
	looked := map[*holders]bool{h: true}
	for i := 0; i < len(reached); i++ {
		at := reached[i]
		if g.placed[at].Attack != "" {
			path := []int{at}
			for at = before[at]; at >= 0; at = before[at] {
				path = append(path, at)
			}
			slices.Reverse(path)
			return path
		}
		for _, key := range g.keys[at] {
			next := g.holders[keyPart{g.parts[at], key}]
			if looked[next] || !next.connects(at) {
				continue
			}
			looked[next] = true
			for _, m := range next.all[:next.connected] {
				if _, ok := before[m]; !ok {
					before[m] = at
					reached = append(reached, m)
				}
			}
		}
	}
	return reached[:1] // not reached: what is in the component is connected
}

// connects reports whether joins connect the n-th alert, which is one of h, with others of h.
func (h *holders) connects(n int) bool { return h.connected > 0 && n <= h.all[h.connected-1] }

// hops returns a hop for each key by which joins connect both.
func (g *graph) hops(a, b int) (all []hop) {
	for _, key := range g.keys[a] {
		h := g.holders[keyPart{g.parts[a], key}]
		if slices.Contains(g.keys[b], key) && h.connects(a) && h.connects(b) {
			all = append(all, hop{key, min(a, b), max(a, b)})
		}
	}
	return all
}

// disjoint reports whether both sets have attacks, and none in common.
func disjoint(a, b map[string]bool) bool {
	for attack := range a {
		if b[attack] {
			return false
		}
	}
	return len(a) > 0 && len(b) > 0
}

// least returns the first attack by name.
func least(attacks map[string]bool) string { return slices.Min(slices.Collect(maps.Keys(attacks))) }
