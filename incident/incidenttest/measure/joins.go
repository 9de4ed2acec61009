package measure

import (
	"cmp"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
)

// A Join is what alerts joined by: one key, or all keys of one namespace together.
type Join struct {
	Namespace string    `json:"namespace"`      // such as "host"
	Key       alert.Key `json:"key,omitempty"`  // "" for a namespace
	Name      string    `json:"name,omitempty"` // of the first entity that has the key, such as "cmd.exe"; "" for a namespace
	Alerts    int       `json:"alerts"`         // with a join, right or wrong
	Wrongly   int       `json:"wrongly"`        // with a wrong join
	Bridges   int       `json:"bridges"`        // that brought two attacks together
	Right     int64     `json:"right"`          // true pairs that it joins directly
	Wrong     int64     `json:"wrong"`          // false pairs that it joins directly
	Example   Example   `json:"example,omitzero"`
}

// An Example is two alerts that show what a figure counts. Of a Join it is the first bridge, else the first wrong pair.
// The zero Example means that there is none.
type Example struct {
	Earlier Member `json:"earlier"`
	Later   Member `json:"later"`

	// Attacks are an attack on the side of Earlier and one on the other side that Later brought together. There are
	// none when Later is no bridge.
	Attacks []string `json:"attacks,omitempty"`
}

// A Member is one of the alerts of an example.
type Member struct {
	Alert  alert.ID `json:"alert"`
	Attack string   `json:"attack"` // the label; "" means noise
	Title  string   `json:"title"`
	Device string   `json:"device,omitempty"` // the name of the first device that it names; "" when it names none
}

func example(placed []Placed, earlier, later int, attacks ...string) Example {
	member := func(p Placed) Member {
		m := Member{Alert: p.Alert.Origin.AlertID(), Attack: p.Attack, Title: p.Alert.Title}
		for _, e := range p.Alert.Evidence {
			if d, ok := e.Entity.(alert.Device); ok {
				m.Device = d.Name()
				break
			}
		}
		return m
	}
	return Example{member(placed[earlier]), member(placed[later]), attacks}
}

// nameOf returns the name of the entity that has the key. That of a process is its program's.
func nameOf(a alert.Alert, key alert.Key) string {
	for _, e := range a.Evidence {
		if e.Entity == nil || !slices.Contains(alert.Keys(e.Entity), key) {
			continue
		}
		if p, ok := e.Entity.(alert.Process); ok {
			return p.Image.Name()
		}
		return e.Entity.Name()
	}
	return ""
}

// In a keyPart are the alerts of one incident that have the key.
type keyPart struct {
	part int
	key  alert.Key
}

// Holders are the alerts so far of one keyPart.
type holders struct {
	count, first map[string]int // by label: how many, and the index of the first
	apart        []int          // alerts of which each component that has the key has at least one
}

// components returns an alert of each component that has the key; none if there are no holders.
func (h *holders) components() []int {
	if h == nil {
		return nil
	}
	return h.apart
}

func (h *holders) add(n int, label string, joined bool) {
	if _, ok := h.first[label]; !ok {
		h.first[label] = n
	}
	h.count[label]++
	if joined {
		h.apart = h.apart[:0] // n is in one component with all of them now
	}
	h.apart = append(h.apart, n)
}

// joins returns the keys that have wrong pairs or bridges, and all namespaces.
func joins(placed []Placed, parts []int, keys [][]alert.Key) (wrong, namespaces []Join) {
	have := make(map[keyPart]*holders)
	joined := components{
		parent: make([]int, len(placed)), labels: make([]string, len(placed)), attacks: make([]map[string]bool, len(placed)),
	}
	byKey, byNamespace := make(map[alert.Key]*tallied), make(map[string]*tallied)
	for n, p := range placed {
		joined.start(n, p.Attack)
		links := linksOf(p)
		var on []*holders // for each of links
		for _, key := range links {
			on = append(on, have[keyPart{parts[n], key}])
		}
		bridged := joined.bridges(p.Attack, on)
		for k, key := range links {
			if on[k] == nil {
				continue // it is on alerts that are elsewhere now, or have no label
			}
			c := contact{n: n, with: -1}
			for label, count := range on[k].count {
				switch first := on[k].first[label]; {
				case label == p.Attack && label != "":
					c.right = int64(count)
				case label != p.Attack:
					c.wrong += int64(count)
					if c.with < 0 || first < c.with {
						c.with = first
					}
				}
			}
			c.bridge = bridged[k]
			if byKey[key] == nil {
				byKey[key] = &tallied{Join: Join{Namespace: key.Namespace(), Key: key, Name: nameOf(p.Alert, key)}}
			}
			byKey[key].add(placed, c)
			if byNamespace[key.Namespace()] == nil {
				byNamespace[key.Namespace()] = &tallied{Join: Join{Namespace: key.Namespace()}}
			}
			byNamespace[key.Namespace()].add(placed, c)
		}
		for _, h := range on {
			for _, m := range h.components() {
				joined.unite(n, m)
			}
		}
		for _, key := range keys[n] {
			at := keyPart{parts[n], key}
			if have[at] == nil {
				have[at] = &holders{count: make(map[string]int), first: make(map[string]int)}
			}
			have[at].add(n, p.Attack, slices.Contains(links, key))
		}
	}
	wrong = slices.DeleteFunc(ordered(byKey), func(j Join) bool { return j.Wrong == 0 && j.Bridges == 0 })
	return wrong, ordered(byNamespace)
}

// linksOf returns the keys by which p says that it joined, each once, in the order of its links.
func linksOf(p Placed) (keys []alert.Key) {
	for _, l := range p.Links {
		if l.HeldBack == "" && l.Incident != "" && l.Entity != "" && !slices.Contains(keys, l.Entity) {
			keys = append(keys, l.Entity)
		}
	}
	return keys
}

// A contact is what one alert, the n-th, is joined with by one key.
type contact struct {
	n, with      int // with is the first alert of another label, -1 when there is none
	right, wrong int64
	bridge       *bridge
}

// A bridge leads to an alert in a component that has another attack.
type bridge struct {
	to      int
	attacks []string
}

// A tallied is a Join that is being counted.
type tallied struct {
	Join
	last, lastWrong, lastBridge int // the alerts that were counted last, plus one
}

// ordered returns what was counted, the worst first.
func ordered[K comparable](counted map[K]*tallied) []Join {
	var all []Join
	for j := range maps.Values(counted) {
		all = append(all, j.Join)
	}
	slices.SortFunc(all, func(a, b Join) int {
		return cmp.Or(
			cmp.Compare(b.Bridges, a.Bridges), cmp.Compare(b.Wrong, a.Wrong), cmp.Compare(b.Right, a.Right),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Key, b.Key),
		)
	})
	return all
}

func (t *tallied) add(placed []Placed, c contact) {
	once := func(last *int) int {
		if *last == c.n+1 {
			return 0
		}
		*last = c.n + 1
		return 1
	}
	t.Alerts += once(&t.last)
	t.Right += c.right
	t.Wrong += c.wrong
	if c.wrong > 0 {
		if t.Wrongly == 0 && t.Bridges == 0 {
			t.Example = example(placed, c.with, c.n)
		}
		t.Wrongly += once(&t.lastWrong)
	}
	if c.bridge != nil {
		if t.Bridges == 0 {
			t.Example = example(placed, c.bridge.to, c.n, c.bridge.attacks...)
		}
		t.Bridges += once(&t.lastBridge)
	}
}

// components are the sets of alerts that joins connect, as a union-find structure.
type components struct {
	parent  []int
	labels  []string
	attacks []map[string]bool // of each root
}

func (c *components) start(n int, attack string) {
	c.parent[n], c.labels[n], c.attacks[n] = n, attack, make(map[string]bool)
	if attack != "" {
		c.attacks[n][attack] = true
	}
}

func (c *components) root(n int) int {
	for c.parent[n] != n {
		c.parent[n] = c.parent[c.parent[n]]
		n = c.parent[n]
	}
	return n
}

func (c *components) unite(a, b int) {
	a, b = c.root(a), c.root(b)
	if a == b {
		return
	}
	if len(c.attacks[a]) < len(c.attacks[b]) {
		a, b = b, a
	}
	c.parent[b] = a
	maps.Copy(c.attacks[a], c.attacks[b])
	c.attacks[b] = nil
}

// bridges returns, for each of on, the bridge by which it leads an alert with that label to other attacks, nil if it is
// none. A side of a bridge is the alert itself if it has an attack, or a component; both sides have attacks, and none
// in common.
func (c *components) bridges(attack string, on []*holders) []*bridge {
	var sides []map[string]bool
	if attack != "" {
		sides = append(sides, map[string]bool{attack: true})
	} else {
		reached := make(map[int]bool)
		for _, h := range on {
			for _, m := range h.components() {
				if root := c.root(m); !reached[root] {
					reached[root] = true
					sides = append(sides, c.attacks[root])
				}
			}
		}
	}
	found := make([]*bridge, len(on))
	for k, h := range on {
		for _, m := range h.components() {
			there := c.attacks[c.root(m)]
			other := slices.IndexFunc(sides, func(side map[string]bool) bool { return disjoint(side, there) })
			if other >= 0 {
				to := c.shown(h, m)
				found[k] = &bridge{to, []string{cmp.Or(c.labels[to], least(there)), least(sides[other])}}
				break
			}
		}
	}
	return found
}

// shown returns the first of the alerts of h that is in the component of m and has an attack, m if there is none.
func (c *components) shown(h *holders, m int) int {
	best := -1
	for label, first := range h.first {
		if label != "" && c.root(first) == c.root(m) && (best < 0 || first < best) {
			best = first
		}
	}
	if best < 0 {
		return m
	}
	return best
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
