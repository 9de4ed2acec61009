package incidenttest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A placed alert is one with its incident.
type placed struct {
	incident incident.Incident
	alert    alert.Alert
}

// Find returns the incident that the alerts of ref are in, for what an analyst does with it. A ref is a
// title, the ID that the source gave or an alert.ID. Find ends the test unless there is exactly one incident.
func (h *Harness) Find(ref string) incident.Incident {
	h.t.Helper()
	groups := grouped(h.named(h.queue(), []string{ref})[0])
	if len(groups) > 1 {
		var b strings.Builder
		writeGroups(&b, groups)
		h.t.Fatalf("%q is in %s, want 1\n%s",
			ref, count(len(groups), "incident"), strings.TrimSuffix(b.String(), "\n"))
	}
	return groups[0][0].incident
}

// WantTogether reports unless the alerts that refs name are all in one incident. A ref is a title, which may
// name several alerts, the ID that the source gave, or an alert.ID. The message says which entities the
// alerts share and what became of each, which are nearly the same, and what was held back between other
// alerts of their incidents. A ref that names no alert, and less than two alerts, end the test.
func (h *Harness) WantTogether(refs ...string) {
	h.t.Helper()
	q := h.queue()
	var all []placed
	for _, named := range h.named(q, refs) {
		all = append(all, named...)
	}
	if len(all) < 2 {
		h.t.Fatalf("WantTogether needs two alerts at least, and %s names %d", orNone(refs), len(all))
	}
	groups := grouped(all)
	if len(groups) < 2 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s are in %s, want 1\n", quoted(refs), count(len(groups), "incident"))
	writeGroups(&b, groups)
	told := 0
	for n, group := range groups {
		for _, other := range groups[:n] {
			if told++; told <= 3 {
				one, two := q.closest(other, group)
				q.writeApart(&b, one, two)
			}
		}
	}
	if told > 3 {
		fmt.Fprintf(&b, "and %s more\n", count(told-3, "pair"))
	}
	h.t.Errorf("%s", strings.TrimSuffix(b.String(), "\n"))
}

// WantApart reports unless the alerts that one of refs names are in other incidents than those that the
// others name; see [Harness.WantTogether]. The message says over which entities and alerts they came
// together. A ref that names no alert, and less than two refs, end the test.
func (h *Harness) WantApart(refs ...string) {
	h.t.Helper()
	if len(refs) < 2 {
		h.t.Fatalf("WantApart needs two alerts at least, got %s", orNone(refs))
	}
	q := h.queue()
	named := h.named(q, refs)
	for n, alerts := range named {
		for m, others := range named[:n] {
			one, two, ok := meeting(others, alerts)
			switch {
			case !ok:
				continue
			case one.alert.ID == two.alert.ID:
				h.t.Errorf("%q and %q name the same alert, %s", refs[m], refs[n], one.alert.ID)
			default:
				var b strings.Builder
				fmt.Fprintf(&b, "%q and %q are in one incident, want two\n", refs[m], refs[n])
				writeGroups(&b, [][]placed{{one, two}})
				q.writeTogether(&b, one, two)
				h.t.Errorf("%s", strings.TrimSuffix(b.String(), "\n"))
			}
			return
		}
	}
}

// meeting returns an alert of each group that are in one incident.
func meeting(one, two []placed) (a, b placed, ok bool) {
	for _, a := range one {
		for _, b := range two {
			if a.incident.ID == b.incident.ID {
				return a, b, true
			}
		}
	}
	return placed{}, placed{}, false
}

// named returns the alerts that each of refs names. It ends the test when there are none.
func (h *Harness) named(q queue, refs []string) [][]placed {
	h.t.Helper()
	all := make([][]placed, len(refs))
	for n, ref := range refs {
		for i, x := range q.all {
			a := x.Alert
			if same(a.Title, ref) || a.Origin.ID == ref || string(a.ID) == ref || h.given[a.Origin] == ref {
				all[n] = append(all[n], placed{i, a})
			}
		}
		if len(all[n]) == 0 {
			h.t.Fatalf("no alert has the title or the ID %q, there are %s", ref, orNone(q.titles()))
		}
	}
	return all
}

// grouped returns the alerts of each incident, by Number.
func grouped(all []placed) (groups [][]placed) {
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.incident.Number, b.incident.Number) })
	for _, p := range all {
		if n := len(groups) - 1; n >= 0 && groups[n][0].incident.ID == p.incident.ID {
			groups[n] = append(groups[n], p)
		} else {
			groups = append(groups, []placed{p})
		}
	}
	return groups
}

func writeGroups(b *strings.Builder, groups [][]placed) {
	for _, group := range groups {
		var alerts []alert.Alert
		for _, p := range group {
			alerts = append(alerts, p.alert)
		}
		b.WriteString("  " + brief(group[0].incident, alerts))
	}
}

// closest returns an alert of each group: the two that share or nearly share most.
func (q queue) closest(one, two []placed) (a, b placed) {
	have := map[string][]int{} // the alerts of one, by what is left of their keys
	for n, x := range one {
		for _, key := range entities(x.alert) {
			have[about(key)] = append(have[about(key)], n)
		}
	}
	a, b = one[0], two[0]
	most := 0
	for _, y := range two {
		shared := map[int]int{}
		for _, key := range entities(y.alert) {
			for _, n := range have[about(key)] {
				if shared[n]++; shared[n] > most {
					a, b, most = one[n], y, shared[n]
				}
			}
		}
	}
	return a, b
}

// about returns what two keys have in common that are nearly the same.
func about(key alert.Key) string { return cmp.Or(letters(stem(key)), string(key)) }

// A row says what became of something that two alerts share or nearly share.
type row struct{ entity, became string }

// writeApart says why a and b are in two incidents.
func (q queue) writeApart(b *strings.Builder, one, two placed) {
	fmt.Fprintf(b, "why %s (#%d) and %s (#%d) are apart:\n",
		one.alert.ID, one.incident.Number, two.alert.ID, two.incident.Number)
	rows := q.common(one.alert, two.alert)
	if len(rows) == 0 {
		rows = []row{{"nothing in common", "no entity of one is an entity of the other, or nearly"}}
	}
	rows = append(rows, alone(one.alert, two.alert)...)
	rows = append(rows, q.between(one, two)...)
	for _, p := range []placed{one, two} {
		if p.alert.Standalone {
			rows = append(rows, row{"standalone", string(p.alert.ID) + " is, so that the correlator leaves it alone"})
		}
		for _, e := range q.log[p.incident.ID] {
			byHand := func(l activity.Link) bool { return l.Reason == activity.GroupedManually }
			if e.Alert == p.alert.ID && e.Type == activity.AlertAdded && slices.ContainsFunc(e.Links, byHand) {
				rows = append(rows, row{"(moved)", fmt.Sprintf("%s by %s", p.alert.ID, e.Actor.ID)})
			}
		}
		for _, e := range q.log[p.incident.ID] {
			if e.Type == activity.Unmerged {
				rows = append(rows, row{"(unmerged)", fmt.Sprintf("%s by %s", q.name(p.incident.ID), e.Actor.ID)})
			}
		}
	}
	if d := distance(one.alert, two.alert); d > 0 {
		rows = append(rows, row{"(time)", d.String() + " between their activity"})
	}
	writeRows(b, rows)
}

func writeRows(b *strings.Builder, rows []row) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for n, r := range rows {
		if n == 2*mostTold {
			fmt.Fprintf(w, "  and %d more\n", len(rows)-n)
			break
		}
		fmt.Fprintf(w, "  %s\t%s\n", oneLine(shorten(r.entity)), oneLine(r.became))
	}
	_ = w.Flush() // a Builder takes everything
}

// mostBetween is how many links between other alerts of two incidents a message tells.
const mostBetween = 5

// between returns the links that were held back between the incidents of one and two, on other alerts or with
// others.
func (q queue) between(one, two placed) (rows []row) {
	seen := map[row]bool{}
	for _, pair := range [2][2]placed{{one, two}, {two, one}} {
		from, to := pair[0], pair[1]
		shared := from.alert.Identifiers(nil)
		theirs := to.alert.Identifiers(nil)
		for _, x := range q.alerts[from.incident.ID] {
			for _, l := range q.links[x.Alert.ID] {
				told := x.Alert.ID == from.alert.ID && slices.ContainsFunc(shared, func(i alert.Identifier) bool {
					return i.Key == l.Entity && meets(i, theirs)
				})
				if l.HeldBack == "" || l.Incident == "" || q.home(l.Incident) != to.incident.ID || told {
					continue
				}
				r := row{orManual(l.Link), fmt.Sprintf("held back between %s (#%d) and #%d: %s",
					x.Alert.ID, from.incident.Number, to.incident.Number, l.HeldBack)}
				if !seen[r] {
					seen[r] = true
					rows = append(rows, r)
				}
			}
		}
	}
	if n := len(rows) - mostBetween; n > 0 {
		more := row{"(held back)", fmt.Sprintf("%d more between the incidents", n)}
		rows = append(rows[:mostBetween:mostBetween], more)
	}
	return rows
}

// home returns the incident that an ID leads to.
func (q queue) home(id incident.ID) incident.ID {
	for range q.gone {
		n := slices.IndexFunc(q.gone, func(i incident.Incident) bool {
			return i.ID == id && i.RedirectTo != ""
		})
		if n < 0 {
			break
		}
		id = q.gone[n].RedirectTo
	}
	return id
}

// distance returns the time between the activities of a and b, which is 0 when they overlap.
func distance(a, b alert.Alert) time.Duration {
	if b.FirstActivity.Before(a.FirstActivity) {
		a, b = b, a
	}
	return max(0, b.FirstActivity.Sub(lastActivity(a)))
}

// common returns what a and b share, in the order of a's evidence, and then what they nearly share.
func (q queue) common(a, b alert.Alert) (rows []row) {
	ours, theirs := a.Identifiers(nil), b.Identifiers(nil)
	met := map[alert.Key]bool{}
	for _, i := range ours {
		if meets(i, theirs) && !met[i.Key] {
			met[i.Key] = true
			rows = append(rows, row{string(i.Key), q.became(i.Key, a, b)})
		}
	}
	for _, key := range entities(a) {
		for _, other := range entities(b) {
			if !met[key] && !met[other] && near(key, other) {
				rows = append(rows, row{string(key), "nearly the same as " + string(other) + ", but another key"})
			}
		}
	}
	return rows
}

func meets(i alert.Identifier, others []alert.Identifier) bool {
	return slices.ContainsFunc(others, i.Meets)
}

// alone returns the entities that only one of the alerts has.
func alone(a, b alert.Alert) (rows []row) {
	for _, pair := range [2][2]alert.Alert{{a, b}, {b, a}} {
		theirs := entities(pair[1])
		only := slices.DeleteFunc(entities(pair[0]), func(key alert.Key) bool { return slices.Contains(theirs, key) })
		list := keyTexts(only)
		if n := len(list) - 8; n > 0 {
			list = append(list[:8:8], fmt.Sprintf("and %d more", n))
		}
		if len(list) > 0 {
			rows = append(rows, row{"only " + string(pair[0].ID), strings.Join(list, ", ")})
		}
	}
	return rows
}

// entities returns the keys that each thing has that a names, without the short forms of names.
func entities(a alert.Alert) (keys []alert.Key) {
	for _, i := range a.Identifiers(nil) {
		if i.Key == i.Stored && i.Key == i.Lookup && !slices.Contains(keys, i.Key) {
			keys = append(keys, i.Key)
		}
	}
	return keys
}

// became says what became of a key that a and b have, as the log tells.
func (q queue) became(key alert.Key, a, b alert.Alert) string {
	var said []string
	for _, pair := range [2][2]alert.Alert{{a, b}, {b, a}} {
		for _, l := range q.links[pair[0].ID] {
			if l.Entity != key || l.Incident != "" && !q.was(l.Incident, pair[1].ID) {
				continue
			}
			if l.HeldBack != "" {
				said = append(said, "held back: "+l.HeldBack)
			} else {
				said = append(said, "linked "+string(pair[0].ID)+" to "+q.name(l.Incident))
			}
		}
	}
	slices.Sort(said)
	if said = slices.Compact(said); len(said) > 0 {
		return strings.Join(said, "; ")
	}
	return "the correlator recorded no link by it: it links nothing, or their times are too far apart"
}

// was reports whether an alert is or was in the incident with that ID.
func (q queue) was(i incident.ID, id alert.ID) bool {
	_, ok := q.came[arrival{i, id}]
	return ok
}

// near reports whether two keys are spelled differently and may be of one thing: a short name and a full one,
// an account in two domains or by its user principal name, a URL and its host, or names that differ in signs
// and blanks only.
func near(a, b alert.Key) bool {
	one, two := stem(a), stem(b)
	return one != "" && (one == two || letters(one) == letters(two))
}

// letters returns text without signs and blanks.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
}

// stem returns what is left of a key without what its source may leave out, and "" when nothing may be left out.
func stem(key alert.Key) string {
	id := strings.TrimPrefix(string(key), key.Namespace()+":")
	switch key.Namespace() {
	case "host":
		id, _, _ = strings.Cut(id, ".")
		return "host:" + id
	case "account":
		name := id[strings.LastIndexByte(id, '\\')+1:]
		if machine, ok := strings.CutSuffix(name, "$"); ok {
			return "host:" + machine
		}
		return "account:" + name
	case "upn", "mailbox":
		name, _, _ := strings.Cut(id, "@")
		return "account:" + name
	case "url":
		_, rest, found := strings.Cut(id, "://")
		if !found {
			rest = id
		}
		if n := strings.IndexAny(rest, "/:?#"); n >= 0 {
			rest = rest[:n]
		}
		return "at:" + strings.ToLower(rest)
	case "ip":
		return "at:" + id
	}
	return ""
}

// writeTogether says over which entities and alerts a and b came into one incident.
func (q queue) writeTogether(b *strings.Builder, one, two placed) {
	path := q.path(one, two)
	if path == nil {
		fmt.Fprintf(b, "no chain of entities leads from one to the other\n")
	} else {
		b.WriteString("why:\n")
		writeRows(b, path)
	}
	for _, x := range q.alerts[one.incident.ID] {
		if x.Alert.ID != one.alert.ID && x.Alert.ID != two.alert.ID {
			continue
		}
		for _, l := range x.Reasons() {
			if l.Entity == "" {
				fmt.Fprintf(b, "  %s: %s by %s\n", x.Alert.ID, l.Reason, x.Added.Actor.ID)
			}
		}
		if m := x.Merged; m.ID != "" && m.Actor.Kind != activity.System {
			fmt.Fprintf(b, "  %s: its incident was merged by %s\n", x.Alert.ID, m.Actor.ID)
		}
	}
}

// path returns the shortest chain of links from one alert to the other. A link of an alert leads to the alert
// with that key, in the incident that it names, whose activity was nearest.
func (q queue) path(one, two placed) []row {
	alerts := map[alert.ID]alert.Alert{}
	have := map[alert.Key][]alert.ID{}
	for _, x := range q.alerts[one.incident.ID] {
		alerts[x.Alert.ID] = x.Alert
		for _, i := range x.Alert.Identifiers(nil) {
			if with := have[i.Key]; len(with) == 0 || with[len(with)-1] != x.Alert.ID {
				have[i.Key] = append(with, x.Alert.ID)
			}
		}
	}
	type step struct {
		to   alert.ID
		keys string
	}
	steps := map[alert.ID][]step{}
	for _, x := range q.alerts[one.incident.ID] {
		for y, keys := range q.counted(x.Alert, have, alerts) {
			steps[x.Alert.ID] = append(steps[x.Alert.ID], step{y, keys})
			steps[y] = append(steps[y], step{x.Alert.ID, keys})
		}
	}
	from := map[alert.ID]step{one.alert.ID: {}}
	for next := []alert.ID{one.alert.ID}; len(next) > 0; next = next[1:] {
		for _, s := range steps[next[0]] {
			if _, seen := from[s.to]; !seen {
				from[s.to] = step{next[0], s.keys}
				next = append(next, s.to)
			}
		}
	}
	if _, found := from[two.alert.ID]; !found {
		return nil
	}
	var rows []row
	for id := two.alert.ID; id != one.alert.ID; id = from[id].to {
		before := alerts[from[id].to]
		verb := "links"
		if strings.Contains(from[id].keys, " and ") {
			verb = "link"
		}
		rows = append(rows, row{from[id].keys, fmt.Sprintf("%s %q (%s) and %q (%s)", verb,
			shorten(before.Title), before.ID, shorten(alerts[id].Title), id)})
	}
	slices.Reverse(rows)
	return rows
}

// counted yields the alerts to which links of a lead, and the keys that counted: those that link alone, or
// else all that linked together.
func (q queue) counted(
	a alert.Alert, have map[alert.Key][]alert.ID, alerts map[alert.ID]alert.Alert,
) func(yield func(alert.ID, string) bool) {
	var order []alert.ID
	keys, alone := map[alert.ID][]alert.Key{}, map[alert.ID]bool{}
	add := func(y alert.ID, key alert.Key, suffices bool) {
		if _, known := keys[y]; !known {
			order = append(order, y)
		}
		if suffices && !alone[y] {
			alone[y], keys[y] = true, nil
		}
		if suffices == alone[y] && !slices.Contains(keys[y], key) {
			keys[y] = append(keys[y], key)
		}
	}
	together := map[alert.ID][]alert.Key{} // what counts only with another one
	for _, l := range q.links[a.ID] {
		if l.HeldBack != "" || l.Entity == "" {
			continue
		}
		if suffices(l) {
			if y, ok := q.linked(a, l, have[l.Entity], alerts); ok {
				add(y, l.Entity, true)
			}
			continue
		}
		for _, y := range have[l.Entity] {
			if y != a.ID && q.had(l.Incident, y, l.seq) && !slices.Contains(together[y], l.Entity) {
				together[y] = append(together[y], l.Entity)
			}
		}
	}
	for len(together) > 0 {
		best := mostShared(a, together, alerts)
		for _, key := range together[best] {
			add(best, key, false)
			for y := range together {
				if y != best {
					together[y] = slices.DeleteFunc(together[y], func(k alert.Key) bool { return k == key })
				}
			}
		}
		delete(together, best)
		maps.DeleteFunc(together, func(_ alert.ID, left []alert.Key) bool { return len(left) == 0 })
	}
	return func(yield func(alert.ID, string) bool) {
		for _, y := range order {
			if !yield(y, strings.Join(keyTexts(once(a, keys[y])), " and ")) {
				return
			}
		}
	}
}

// suffices reports whether a link needs no other one.
func suffices(l told) bool {
	const alone = 5 // the score of what links by itself
	switch l.Reason {
	case activity.TemporalProximity, activity.LateralMovementPath, activity.NetworkProximity:
		return true
	}
	return l.Score >= alone
}

// mostShared returns the alert that shares most with a, of equal ones the nearest in time.
func mostShared(a alert.Alert, shared map[alert.ID][]alert.Key, alerts map[alert.ID]alert.Alert) alert.ID {
	return slices.MinFunc(slices.Collect(maps.Keys(shared)), func(x, y alert.ID) int {
		return cmp.Or(cmp.Compare(len(shared[y]), len(shared[x])),
			cmp.Compare(distance(a, alerts[x]), distance(a, alerts[y])), cmp.Compare(x, y))
	})
}

// once returns keys with one of each thing that a names, which is no short form if there is another.
func once(a alert.Alert, keys []alert.Key) (all []alert.Key) {
	things := map[int]int{} // places in all
	ids := a.Identifiers(nil)
	for _, key := range keys {
		thing := -1 - len(all)
		if n := slices.IndexFunc(ids, func(i alert.Identifier) bool { return i.Key == key }); n >= 0 {
			thing = ids[n].Entity
		}
		at, known := things[thing]
		switch {
		case !known:
			things[thing] = len(all)
			all = append(all, key)
		case all[at].IsShort():
			all[at] = key
		}
	}
	return all
}

// linked returns the alert to which a link of a leads, of those that have its entity.
func (q queue) linked(a alert.Alert, l told, have []alert.ID, alerts map[alert.ID]alert.Alert) (alert.ID, bool) {
	var nearest alert.ID
	var least time.Duration
	for _, id := range have {
		d := distance(a, alerts[id])
		if id != a.ID && (nearest == "" || d < least) && q.had(l.Incident, id, l.seq) {
			nearest, least = id, d
		}
	}
	return nearest, nearest != ""
}

// had reports whether an alert was in an incident before an entry.
func (q queue) had(i incident.ID, id alert.ID, seq int64) bool {
	at, ok := q.came[arrival{i, id}]
	return ok && at < seq
}
