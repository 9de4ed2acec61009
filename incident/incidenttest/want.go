package incidenttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/alert/attack"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// An Incident says what an incident must be like. A field that is zero is not asked about. Texts are compared by
// [incident.Fold].
type Incident struct {
	Name     string
	Severity alert.Severity
	Status   *incident.Status
	Owner    string // the account identifier

	// The titles of all its alerts, in any order. One that several alerts have is there several times, or once
	// with " ×" and their number, such as "Password guessing ×5". Nil asks for nothing, an empty list for no alert.
	Alerts []string

	Tactics    []string // categories of its alerts; it may have more of them, as of the next three
	Techniques []string // of its alerts
	Assets     []string // names or keys, such as "ws-17" or "host:ws-17", of the assets of its alerts
	Tags       []string // those of people and those of rules
}

// mostTold is how many of a kind a message tells in full.
const mostTold = 20

// WantIncidents reports unless the queue has exactly these incidents, in any order. Those that were merged
// away or purged are not in it.
func (h *Harness) WantIncidents(want ...Incident) {
	h.t.Helper()
	q := h.queue()
	of, left := match(q, want)
	if len(left) == 0 && len(q.incidents) == len(want) {
		return
	}
	var b strings.Builder
	if len(q.incidents) == len(want) {
		fmt.Fprintf(&b, "%s as wanted, but not like that\n", count(len(want), "incident"))
	} else {
		fmt.Fprintf(&b, "%s, want %d\n", count(len(q.incidents), "incident"), len(want))
	}
	for k, n := range left {
		if k == mostTold {
			fmt.Fprintf(&b, "and %d more that are wanted\n", len(left)-k)
			break
		}
		b.WriteString(missing(q, want[n], func(id incident.ID) bool { return of[id] }))
	}
	told := 0
	for _, i := range q.incidents {
		if of[i.ID] {
			continue
		}
		if told++; told <= mostTold {
			b.WriteString("not wanted:\n  " + brief(i, only(q.alerts[i.ID])))
		}
	}
	if told > mostTold {
		fmt.Fprintf(&b, "and %d more that are not wanted\n", told-mostTold)
	}
	h.t.Errorf("%s", strings.TrimSuffix(b.String(), "\n"))
}

// WantNoIncidents reports unless the queue is empty.
func (h *Harness) WantNoIncidents() {
	h.t.Helper()
	h.WantIncidents()
}

// WantIncident reports unless at least one incident is like that, and how the nearest one differs: the one
// that has most of what is asked for, above all the alerts and the assets.
func (h *Harness) WantIncident(want Incident) {
	h.t.Helper()
	q := h.queue()
	if _, left := match(q, []Incident{want}); len(left) > 0 {
		text := missing(q, want, func(incident.ID) bool { return false })
		of := fmt.Sprintf("no incident of %d is like", len(q.incidents))
		h.t.Errorf("%s", of+strings.TrimSuffix(strings.TrimPrefix(text, "no incident is like"), "\n"))
	}
}

// match pairs as many of want with different incidents as it can, and returns the incidents that have a pair, and the
// places of those of want that have none.
func match(q queue, want []Incident) (paired map[incident.ID]bool, left []int) {
	partner := make(map[int]int) // of an incident: what is wanted
	var pair func(w int, tried map[int]bool) bool
	pair = func(w int, tried map[int]bool) bool {
		for n, i := range q.incidents {
			if tried[n] || len(want[w].differences(i, q.alerts[i.ID])) > 0 {
				continue
			}
			tried[n] = true
			if other, taken := partner[n]; !taken || pair(other, tried) {
				partner[n] = w
				return true
			}
		}
		return false
	}
	for w := range want {
		if !pair(w, map[int]bool{}) {
			left = append(left, w)
		}
	}
	paired = make(map[incident.ID]bool)
	for n := range partner {
		paired[q.incidents[n].ID] = true
	}
	return paired, left
}

// missing says that no incident is like want, and how the nearest one differs.
func missing(q queue, want Incident, taken func(incident.ID) bool) string {
	var b strings.Builder
	var nearest incident.Incident
	var differences []string
	some, most := false, 0
	for _, i := range q.incidents {
		d := want.differences(i, q.alerts[i.ID])
		some = some || len(d) == 0
		if taken(i.ID) {
			continue
		}
		o := want.overlap(i, q.alerts[i.ID])
		if nearest.ID == "" || o > most || o == most && len(d) < len(differences) {
			nearest, differences, most = i, d, o
		}
	}
	if some {
		fmt.Fprintf(&b, "fewer incidents than wanted are like %s\n", want)
	} else {
		fmt.Fprintf(&b, "no incident is like %s\n", want)
	}
	switch {
	case nearest.ID != "":
		fmt.Fprintf(&b, "  the nearest is #%d, but:\n", nearest.Number)
		for _, d := range differences {
			fmt.Fprintf(&b, "    %s\n", d)
		}
	case len(q.incidents) > 0:
		b.WriteString("  each incident stands for another one that is wanted\n")
	}
	return b.String()
}

// String returns what is asked for, such as `{severity high, alerts "Mimikatz"}`.
func (w Incident) String() string {
	var parts []string
	add := func(name string, texts ...string) {
		if len(texts) > 0 && texts[0] != "" {
			parts = append(parts, name+" "+quoted(texts))
		}
	}
	add("name", w.Name)
	if w.Severity != alert.Unrated {
		parts = append(parts, "severity "+w.Severity.String())
	}
	if w.Status != nil {
		parts = append(parts, "status "+w.Status.String())
	}
	add("owner", w.Owner)
	add("alerts", w.Alerts...)
	if w.Alerts != nil && len(w.Alerts) == 0 {
		parts = append(parts, "no alerts")
	}
	add("tactics", w.Tactics...)
	add("techniques", w.Techniques...)
	add("assets", w.Assets...)
	add("tags", w.Tags...)
	return "{" + strings.Join(parts, ", ") + "}"
}

// quoted lists texts, of many the first, each cut to what a line can hold.
func quoted(texts []string) string {
	list := make([]string, 0, mostTold)
	for n, text := range texts {
		if n == mostTold {
			list = append(list, fmt.Sprintf("and %d more", len(texts)-n))
			break
		}
		list = append(list, strconv.Quote(shorten(text)))
	}
	return strings.Join(list, ", ")
}

// shorten returns what of text fits into a line of a message.
func shorten(text string) string { return glyph.Cut(text, 200) }

// differences says in what way i, with its alerts, is not as wanted.
func (w Incident) differences(i incident.Incident, alerts []incident.Explanation) (all []string) {
	differ := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if w.Name != "" && !same(w.Name, i.Name) {
		differ("name is %q, want %q", i.Name, w.Name)
	}
	if w.Severity != alert.Unrated && w.Severity != i.Severity {
		differ("severity is %s, want %s", i.Severity, w.Severity)
	}
	if w.Status != nil && *w.Status != i.Status {
		differ("status is %s, want %s", i.Status, *w.Status)
	}
	if w.Owner != "" && !same(w.Owner, i.Owner.ID) {
		differ("owner is %q, want %q", i.Owner.ID, w.Owner)
	}
	if w.Alerts != nil {
		surplus, lack := compare(titles(alerts), expand(w.Alerts, alerts))
		if len(lack) > 0 {
			differ("alerts miss %s", quoted(times(lack)))
		}
		if len(surplus) > 0 {
			differ("alerts have %s besides", quoted(times(surplus)))
			if one, two, ok := twins(alerts); ok {
				differ("%s and %s differ in nothing but ID and time: a repeat needs the same ID", one, two)
			}
		}
	}
	contains := func(what string, want []string, has func(string) bool, there []string) {
		for _, text := range want {
			if !has(text) {
				differ("%s miss %q, there are %s", what, text, orNone(there))
			}
		}
	}
	list := func(have []string) func(string) bool {
		return func(text string) bool { return slices.ContainsFunc(have, func(h string) bool { return same(h, text) }) }
	}
	categories := texts(alerts, func(a alert.Alert) []string { return []string{a.Category} })
	contains("tactics", w.Tactics, func(text string) bool {
		return slices.ContainsFunc(categories, func(c string) bool { return sameCategory(c, text) })
	}, categories)
	techniques := texts(alerts, func(a alert.Alert) []string { return a.Techniques })
	contains("techniques", w.Techniques, func(id string) bool { return hasTechnique(techniques, id) }, techniques)
	contains("assets", w.Assets, func(text string) bool { return hasAsset(alerts, text) }, assets(alerts))
	var tags []string
	for _, t := range i.Tags {
		tags = append(tags, t.Name)
	}
	contains("tags", w.Tags, list(tags), tags)
	return all
}

// overlap counts what i has of what is asked for. Alerts and assets count twice, since they tell incidents
// apart.
func (w Incident) overlap(i incident.Incident, alerts []incident.Explanation) (n int) {
	for _, is := range []bool{
		w.Name != "" && same(w.Name, i.Name), w.Severity != alert.Unrated && w.Severity == i.Severity,
		w.Status != nil && *w.Status == i.Status, w.Owner != "" && same(w.Owner, i.Owner.ID),
	} {
		if is {
			n++
		}
	}
	want := expand(w.Alerts, alerts)
	_, lack := compare(titles(alerts), want)
	n += 2 * (len(want) - len(lack))
	for _, text := range w.Assets {
		if hasAsset(alerts, text) {
			n += 2
		}
	}
	categories := texts(alerts, func(a alert.Alert) []string { return []string{a.Category} })
	techniques := texts(alerts, func(a alert.Alert) []string { return a.Techniques })
	for _, text := range w.Tactics {
		if slices.ContainsFunc(categories, func(c string) bool { return sameCategory(c, text) }) {
			n++
		}
	}
	for _, id := range w.Techniques {
		if hasTechnique(techniques, id) {
			n++
		}
	}
	for _, text := range w.Tags {
		if slices.ContainsFunc(i.Tags, func(t incident.Tag) bool { return same(t.Name, text) }) {
			n++
		}
	}
	return n
}

// twins returns two alerts that say the same at other times.
func twins(alerts []incident.Explanation) (one, two alert.ID, ok bool) {
	first := map[string]alert.ID{}
	for _, x := range alerts {
		says := fmt.Sprint(x.Alert.Origin.Source, "\x00", x.Alert.Title, "\x00", x.Alert.Severity, entities(x.Alert))
		if id, ok := first[says]; ok {
			return id, x.Alert.ID, true
		}
		first[says] = x.Alert.ID
	}
	return "", "", false
}

func same(a, b string) bool { return incident.Fold(a) == incident.Fold(b) }

// sameCategory compares categories however they are spelled: "CredentialAccess" or "Credential access".
func sameCategory(a, b string) bool {
	title := func(c string) string { return alert.CategoryTitle(cmp.Or(alert.Tactic(c), c)) }
	return same(title(a), title(b))
}

// hasTechnique reports whether a technique is among ids, whatever versions of ATT&CK their identifiers are of.
func hasTechnique(ids []string, id string) bool {
	return slices.ContainsFunc(ids, func(other string) bool { return same(attack.Current(other), attack.Current(id)) })
}

// texts returns what each alert has, in order, each once, without "".
func texts(alerts []incident.Explanation, of func(alert.Alert) []string) []string {
	all := []string{""}
	for _, x := range alerts {
		all = append(all, of(x.Alert)...)
	}
	slices.Sort(all)
	return slices.Compact(all)[1:]
}

// only returns the alerts without what explains them.
func only(explained []incident.Explanation) (alerts []alert.Alert) {
	for _, x := range explained {
		alerts = append(alerts, x.Alert)
	}
	return alerts
}

func titles(alerts []incident.Explanation) (all []string) {
	for _, x := range alerts {
		all = append(all, x.Alert.Title)
	}
	return all
}

// expand writes out "title ×3", unless an alert has that title.
func expand(want []string, alerts []incident.Explanation) (all []string) {
	have := titles(alerts)
	for _, text := range want {
		title, number, found := cutLast(text, " ×")
		n, err := strconv.Atoi(number)
		if !found || err != nil || n < 1 || slices.ContainsFunc(have, func(h string) bool { return same(h, text) }) {
			title, n = text, 1
		}
		all = append(all, slices.Repeat([]string{title}, min(n, maxTimes))...)
	}
	return all
}

func cutLast(text, sep string) (before, after string, found bool) {
	if n := strings.LastIndex(text, sep); n >= 0 {
		return text[:n], text[n+len(sep):], true
	}
	return text, "", false
}

// compare returns what have has more often than want, and the other way round.
func compare(have, want []string) (surplus, lack []string) {
	number := map[string]int{}
	for _, text := range have {
		number[incident.Fold(text)]++
	}
	for _, text := range want {
		if fold := incident.Fold(text); number[fold] > 0 {
			number[fold]--
		} else {
			lack = append(lack, text)
		}
	}
	for _, text := range slices.Backward(have) {
		if fold := incident.Fold(text); number[fold] > 0 {
			number[fold]--
			surplus = append(surplus, text)
		}
	}
	slices.Reverse(surplus)
	return surplus, lack
}

// times writes each text once, in order, with " ×" and its number where there are several.
func times(texts []string) (all []string) {
	number := map[string]int{}
	for _, text := range texts {
		if number[text]++; number[text] == 1 {
			all = append(all, text)
		}
	}
	for n, text := range all {
		if number[text] > 1 {
			all[n] = fmt.Sprintf("%s ×%d", text, number[text])
		}
	}
	return all
}

func hasAsset(alerts []incident.Explanation, text string) bool {
	for _, x := range alerts {
		for _, e := range x.Alert.Evidence {
			if e.Entity.Kind().Asset() == alert.NotAsset {
				continue
			}
			if same(e.Entity.Name(), text) {
				return true
			}
			for _, key := range alert.Keys(e.Entity) {
				if same(string(key), text) || same(strings.TrimPrefix(string(key), key.Namespace()+":"), text) {
					return true
				}
			}
		}
	}
	return false
}

// assets returns the names of the assets of alerts, in order, each once in the spelling that came first.
func assets(alerts []incident.Explanation) []string {
	var names []string
	seen := map[string]bool{}
	for _, x := range alerts {
		for _, e := range x.Alert.Evidence {
			if name := e.Entity.Name(); e.Entity.Kind().Asset() != alert.NotAsset &&
				!seen[incident.Fold(name)] {
				seen[incident.Fold(name)] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprint(n, " ", noun, "s")
}

func orNone(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	return quoted(texts)
}
