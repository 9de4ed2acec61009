package measure

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// The reasons of a [Miss] besides those that links give for being held back.
const (
	NothingShared = "no key in common"
	NoLinkingKey  = "keys of this namespace link nothing here" // no alert of the set has a link by one of them
	NoLink        = "no link by this key"                      // as when the alerts are too far apart in time
	LinkedOther   = "linked alerts of another incident"        // the link counted, and led elsewhere
)

// A Miss counts missed joins. Of one missed join each namespace of a shared key counts once with each reason, so that
// the sum may be more than the number of missed joins.
type Miss struct {
	Namespace string  `json:"namespace,omitempty"` // of a key that both sides share; "" when they share none
	Reason    string  `json:"reason"`              // why it did not link: a constant, or why a link was held back
	Joins     int     `json:"joins"`
	Attacks   int     `json:"attacks"` // that have such a missed join
	Example   Example `json:"example"` // the first
}

// missed returns why attacks are split.
func missed(placed []Placed, parts []int, keys [][]alert.Key) []Miss {
	type of struct {
		attack string
		key    alert.Key // "" for all alerts of the attack
	}
	type why struct{ namespace, reason string }
	type counted struct {
		Miss
		attacks map[string]bool
	}
	linking := make(map[string]bool) // namespaces
	for _, p := range placed {
		for _, l := range p.Links {
			linking[l.Entity.Namespace()] = true
		}
	}
	first := make(map[of]map[int]int) // the first alert in each part
	found := make(map[why]*counted)
	for n, p := range placed {
		if p.Attack == "" {
			continue
		}
		reasons := make(map[int]map[why]int) // by part, the alert with which a key is shared
		for _, key := range append(keys[n], "") {
			at := of{p.Attack, key}
			for part, with := range first[at] {
				if part == parts[n] {
					continue
				}
				if reasons[part] == nil {
					reasons[part] = make(map[why]int)
				}
				if key != "" {
					reasons[part][why{key.Namespace(), unlinked(p, key, linking)}] = with
				} else if len(reasons[part]) == 0 {
					reasons[part][why{"", NothingShared}] = with
				}
			}
			if first[at] == nil {
				first[at] = make(map[int]int)
			}
			if _, ok := first[at][parts[n]]; !ok {
				first[at][parts[n]] = n
			}
		}
		for _, part := range slices.Sorted(maps.Keys(reasons)) {
			for w, with := range reasons[part] {
				if found[w] == nil {
					m := Miss{Namespace: w.namespace, Reason: w.reason, Example: example(placed, with, n)}
					found[w] = &counted{m, make(map[string]bool)}
				}
				found[w].Joins++
				found[w].attacks[p.Attack] = true
			}
		}
	}
	var all []Miss
	for _, c := range found {
		c.Attacks = len(c.attacks)
		all = append(all, c.Miss)
	}
	slices.SortFunc(all, func(a, b Miss) int {
		return cmp.Or(
			cmp.Compare(b.Joins, a.Joins), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Reason, b.Reason),
		)
	})
	return all
}

// unlinked returns why p did not join an incident in which other alerts have key. linking has the namespaces that link.
// Figures in brackets at the end of a reason are left out, so that like reasons are counted together.
func unlinked(p Placed, key alert.Key, linking map[string]bool) string {
	counts := false
	for _, l := range p.Links {
		if l.Entity != key {
			continue
		}
		if l.HeldBack != "" {
			why, _, _ := strings.Cut(l.HeldBack, " (")
			return why
		}
		counts = true
	}
	switch {
	case counts:
		return LinkedOther
	case linking[key.Namespace()]:
		return NoLink
	}
	return NoLinkingKey
}
