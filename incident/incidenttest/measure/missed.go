package measure

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// The reasons of a [Miss] besides those that links give for being held back, and those of identifiers that link
// nothing, see [alert.Identifier].
const (
	NothingShared = "no key in common"
	NoLinkingKey  = "keys of this namespace link nothing here" // no alert of the set has a link by one of them
	NoLink        = "no link by this key"                      // as when the alerts are too far apart in time
	NoWeakerLink  = "no link by this key, which is a weaker one"
	LinkedOther   = "linked alerts of another incident" // the link counted, and led elsewhere
)

// A Miss counts missed joins. Of one missed join each namespace of a shared identifier counts once with each reason, so
// that the sum may be more than the number of missed joins. The reason is that for which a link was held back, if one
// was.
type Miss struct {
	Namespace string  `json:"namespace,omitempty"` // of an identifier that both sides share; "" when they share none
	Reason    string  `json:"reason"`              // why it did not link: a constant, or the Why of either identifier
	Joins     int     `json:"joins"`
	Attacks   int     `json:"attacks"` // that have such a missed join
	Example   Example `json:"example"` // the first
}

// missed returns why attacks are split. ids are the identifiers of each alert.
func missed(placed []Placed, parts []int, ids [][]alert.Identifier) []Miss {
	type of struct {
		attack      string
		key, stored alert.Key // "" for all alerts of the attack
	}
	type seen struct {
		at int // the alert
		id alert.Identifier
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
	first := make(map[of]map[int]seen) // the first alert in each part
	found := make(map[why]*counted)
	for n, p := range placed {
		if p.Attack == "" {
			continue
		}
		reasons := make(map[int]map[why]int) // by part, the alert with which an identifier is shared
		note := func(part int, w why, with int) {
			if reasons[part] == nil {
				reasons[part] = make(map[why]int)
			}
			reasons[part][w] = with
		}
		all := append(slices.Clone(ids[n]), alert.Identifier{})
		for _, id := range all {
			for part, other := range first[of{p.Attack, id.Key, id.Lookup}] {
				switch {
				case part == parts[n]:
				case id.Key != "" && id.Meets(other.id):
					note(part, why{id.Key.Namespace(), unlinked(p, id, other.id, linking)}, other.at)
				case id.Key == "" && len(reasons[part]) == 0:
					note(part, why{"", NothingShared}, other.at)
				}
			}
		}
		for _, id := range all {
			at := of{p.Attack, id.Key, id.Stored}
			if first[at] == nil {
				first[at] = make(map[int]seen)
			}
			if _, ok := first[at][parts[n]]; !ok {
				first[at][parts[n]] = seen{n, id}
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

// unlinked returns why p, which has id, did not join an incident in which another alert has other, which meets it.
// linking has the namespaces that link. Figures at the end of a reason are left out, so that like reasons are counted
// together.
func unlinked(p Placed, id, other alert.Identifier, linking map[string]bool) string {
	counts := false
	for _, l := range p.Links {
		if l.Entity != id.Key {
			continue
		}
		if l.HeldBack != "" {
			return withoutFigures(l.HeldBack)
		}
		counts = true
	}
	switch {
	case counts:
		return LinkedOther
	case id.Strength == alert.NotLinking && id.Why != "":
		return id.Why
	case other.Strength == alert.NotLinking && other.Why != "":
		return other.Why
	case !linking[id.Key.Namespace()]:
		return NoLinkingKey
	case min(id.Strength, other.Strength) == alert.Weaker:
		return NoWeakerLink
	}
	return NoLink
}

// withoutFigures cuts what follows in brackets, or after a comma and begins with a digit: "another incident matches
// better (5 against 4)", "one weaker identifier alone, 4m0s apart".
func withoutFigures(why string) string {
	why, _, _ = strings.Cut(why, " (")
	if before, after, ok := strings.Cut(why, ", "); ok && after != "" && '0' <= after[0] && after[0] <= '9' {
		return before
	}
	return why
}
