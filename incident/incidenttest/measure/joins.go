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
	Name      string    `json:"name,omitempty"` // of the first entity with the key; "" for a namespace
	Alerts    int       `json:"alerts"`         // with a join, right or wrong
	Wrongly   int       `json:"wrongly"`        // with a wrong join
	Bridges   int       `json:"bridges"`        // that have such a join in their chain
	Right     int64     `json:"right"`          // true pairs that it joins directly
	Wrong     int64     `json:"wrong"`          // false pairs that it joins directly
	Example   Example   `json:"example,omitzero"`
}

// An Example is two alerts that show what a figure counts. Of a Join it is the first bridge, else the first wrong pair.
// The zero Example means that there is none.
type Example struct {
	Earlier Member `json:"earlier"`
	Later   Member `json:"later"`

	// Attacks are two attacks that a chain with this join brought together. There are none when no bridge is shown.
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
	ids := a.Identifiers(nil)
	n := slices.IndexFunc(ids, func(i alert.Identifier) bool { return i.Key == key })
	if n < 0 {
		return ""
	}
	switch e := a.Evidence[ids[n].Evidence].Entity.(type) {
	case alert.Process:
		return e.Image.Name()
	default:
		return e.Name()
	}
}

// keysOf returns the keys of the identifiers of each alert, each once.
func keysOf(ids [][]alert.Identifier) [][]alert.Key {
	keys := make([][]alert.Key, len(ids))
	for n := range ids {
		for _, i := range ids[n] {
			if !slices.Contains(keys[n], i.Key) {
				keys[n] = append(keys[n], i.Key)
			}
		}
	}
	return keys
}

// joins returns the keys that have wrong pairs or bridges, and all namespaces.
func joins(placed []Placed, parts []int, keys [][]alert.Key) (wrong, namespaces []Join) {
	g := newGraph(placed, parts, keys)
	byKey, byNamespace := make(map[alert.Key]*tallied), make(map[string]*tallied)
	both := func(n int, key alert.Key) [2]*tallied {
		namespace := key.Namespace()
		if byKey[key] == nil {
			byKey[key] = &tallied{Join: Join{Namespace: namespace, Key: key, Name: nameOf(placed[n].Alert, key)}}
		}
		if byNamespace[namespace] == nil {
			byNamespace[namespace] = &tallied{Join: Join{Namespace: namespace}}
		}
		return [2]*tallied{byKey[key], byNamespace[namespace]}
	}
	for n, p := range placed {
		links := linksOf(p)
		on := g.start(n, links)
		for k, key := range links {
			if on[k] == nil {
				continue // it is on alerts that are elsewhere now, or were not given
			}
			right, wrong, with := on[k].compare(p.Attack)
			for _, t := range both(n, key) {
				t.join(n, right, wrong)
				if wrong > 0 && t.Example.Later.Alert == "" {
					t.Example = example(placed, with, n)
				}
			}
		}
		for _, b := range g.bridges(n, on) {
			for _, h := range b.chain {
				for _, t := range both(h.later, h.key) {
					if t.Bridges == 0 {
						t.Example = example(placed, h.earlier, h.later, b.attacks...)
					}
					t.Bridges += once(&t.lastBridge, n)
				}
			}
		}
		g.connect(n, links, on)
	}
	wrong = slices.DeleteFunc(ordered(byKey), func(j Join) bool { return j.Wrong == 0 && j.Bridges == 0 })
	return wrong, ordered(byNamespace)
}

// linksOf returns the keys by which p says that it joined, each once, in the order of its links.
func linksOf(p Placed) (keys []alert.Key) {
	for _, l := range p.Links {
		if l.HeldBack == "" && l.Incident != "" && !slices.Contains(keys, l.Entity) {
			keys = append(keys, l.Entity)
		}
	}
	return keys
}

// A tallied is a Join that is being counted.
type tallied struct {
	Join
	last, lastWrong, lastBridge int // the alerts that were counted last, plus one
}

// join counts a join of the n-th alert.
func (t *tallied) join(n, right, wrong int) {
	t.Alerts += once(&t.last, n)
	t.Right += int64(right)
	t.Wrong += int64(wrong)
	if wrong > 0 {
		t.Wrongly += once(&t.lastWrong, n)
	}
}

// once returns 1 unless the n-th alert was counted last.
func once(last *int, n int) int {
	if *last == n+1 {
		return 0
	}
	*last = n + 1
	return 1
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
