package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// Rationale says in one English sentence why the alerts of an incident are together, from their explanations:
// "5 alerts on the device ws-01; 2 more by the account CORP\kai, close in time." The link that most alerts
// have comes first, then the one that most of the remaining alerts have. Of equal ones, what links alone
// comes before what does not, and a device before all else. Identifiers that link together are named
// together. Each alert counts once. After three links the sentence counts the others. The first alert of an
// incident counts with those that were linked to it, and one of an incident that was merged with the alert
// that was the reason.
func Rationale(all []Explanation) string {
	switch len(all) {
	case 0:
		return "No alerts."
	case 1:
		return "1 alert."
	}
	r := rationale{left: make(map[int][]string), ways: make(map[string]way)}
	r.gather(all)
	var parts []string
	for len(r.left) > 0 && (len(parts) < maxNames || len(r.left) == 1) {
		w, count := r.mostCommon()
		if count == 0 {
			break
		}
		maps.DeleteFunc(r.left, func(_ int, ids []string) bool { return r.has(ids, w) })
		parts = append(parts, amount(count, len(parts) == 0)+" "+w.String())
	}
	if n := len(r.left); n > 0 {
		how := "in other ways"
		if _, count := r.mostCommon(); count == 0 {
			how = "without a link"
		}
		parts = append(parts, amount(n, len(parts) == 0)+" "+how)
	}
	return strings.Join(parts, "; ") + "."
}

func amount(n int, first bool) string {
	switch {
	case !first:
		return fmt.Sprintf("%d more", n)
	case n == 1:
		return "1 alert"
	}
	return fmt.Sprintf("%d alerts", n)
}

// A way is how alerts were linked: by what has all of names, or one of them.
type way struct {
	names []string
	how   string // the text behind the names, or the whole text
	alone bool   // it suffices
	any   bool   // one of names does
}

func (w way) id() string { return w.how + "\x00" + strings.Join(w.names, "\x00") }

func (w way) String() string {
	switch {
	case len(w.names) == 0:
		return w.how
	case commonWord(w.names) == "device":
		return "on " + theNames(w.names) + w.how
	}
	return "by " + theNames(w.names) + w.how
}

// compare orders ways that as many alerts have.
func (w way) compare(x way) int {
	device := func(w way) bool { return commonWord(w.names) == "device" && w.how == "" }
	host := func(w way) bool { return commonWord(w.names) == keyForms["url-host"].word }
	return cmp.Or(first(len(w.names) > 0, len(x.names) > 0), first(!w.any, !x.any),
		first(w.alone, x.alone), first(device(w), device(x)), first(!host(w), !host(x)),
		cmp.Compare(len(w.names), len(x.names)), cmp.Compare(w.String(), x.String()))
}

// first compares so that what is true comes first.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// A rationale is what [Rationale] knows.
type rationale struct {
	left map[int][]string // the ways of the alerts that are not told yet
	ways map[string]way   // by id
}

// gather finds the ways of each alert.
func (r *rationale) gather(all []Explanation) {
	lists := make([][]way, len(all))
	met := make(map[alert.ID][]way)   // those by which others were linked to an alert
	earliest := make(map[ID][]arrive) // what was linked in each incident, the earliest first
	places := make(map[alert.ID]int)
	for n, e := range all {
		places[e.Alert.ID] = n
		lists[n] = e.ways(e.Reasons())
		by := make(map[alert.ID][]activity.Link)
		for _, l := range e.Reasons() {
			if p, ok := e.Peers[l.Entity]; ok && l.Entity != "" {
				by[p.ID] = append(by[p.ID], l)
			}
		}
		for id, links := range by {
			met[id] = append(met[id], e.ways(links)...)
		}
		for _, entry := range append([]activity.Entry{e.Added}, e.Updated...) {
			if ways := e.ways(linksOf(nil, entry, false)); len(ways) > 0 {
				earliest[entry.Incident] = append(earliest[entry.Incident], arrive{entry.Seq, ways})
			}
		}
	}
	for n, e := range all {
		if e.Opened == 0 || len(e.Reasons()) > 0 {
			continue
		}
		lists[n] = met[e.Alert.ID]
		if by, ok := places[e.Brought.ID]; ok && e.Brought.ID != "" {
			lists[n] = append(lists[n], e.ways(broughtLinks(e.Brought.Keys, all[by]))...)
		}
		if len(lists[n]) > 0 || e.Opened > 1 {
			continue
		}
		if list := earliest[e.Added.Incident]; len(list) > 0 {
			lists[n] = slices.MinFunc(list, func(a, b arrive) int { return cmp.Compare(a.seq, b.seq) }).ways
		} else if e.Merged.ID != "" {
			lists[n] = []way{{how: "from merged incidents"}}
		}
	}
	canonical := canonicalNames(lists, all)
	for n, list := range lists {
		r.left[n] = nil
		for _, w := range list {
			w.names = slices.Clone(w.names)
			for k, name := range w.names {
				w.names[k] = canonical[Fold(name)]
			}
			id := w.id()
			w.alone = w.alone || r.ways[id].alone
			if r.ways[id] = w; !slices.Contains(r.left[n], id) {
				r.left[n] = append(r.left[n], id)
			}
		}
	}
}

// An arrive is an entry that linked an alert.
type arrive struct {
	seq  int64
	ways []way
}

// broughtLinks returns what the alert by has of keys, as links.
func broughtLinks(keys []alert.Key, by Explanation) (links []activity.Link) {
	for _, key := range keys {
		l := activity.Link{Entity: key}
		for _, other := range by.Reasons() {
			if other.Entity == key {
				l.Reason, l.Score = other.Reason, max(l.Score, other.Score)
			}
		}
		links = append(links, l)
	}
	return links
}

// canonicalNames returns by which name each is told, by what it folds to: in its first spelling, and each
// thing by one name, that of a device with its domain.
func canonicalNames(lists [][]way, all []Explanation) map[string]string {
	names, full := make(map[string]string), make(map[string]string)
	var order []string
	for _, list := range lists {
		for _, w := range list {
			for _, name := range w.names {
				fold := Fold(name)
				if names[fold] != "" {
					continue
				}
				names[fold] = name
				order = append(order, fold)
				if short, _, ok := strings.Cut(fold, "."); ok && word(name) == "device" {
					if full[short] != "" {
						name = short // several
					}
					full[short] = name
				}
			}
		}
	}
	for _, fold := range order {
		if long := full[fold]; long != "" && Fold(long) != fold {
			names[fold] = long
		}
	}
	for _, same := range sameThings(all) { // such as an account and its user principal name
		stands := ""
		for _, fold := range order {
			if stands == "" && slices.Contains(same, fold) {
				stands = names[fold]
			}
		}
		for _, fold := range same {
			if names[fold] != "" {
				names[fold] = stands
			}
		}
	}
	return names
}

// sameThings returns for each identifier of a device or an account the names, folded, that different alerts
// have for what it identifies. Where these are whole names, it is the short form of several things. Other
// identifiers are of parts too, such as that of a role.
func sameThings(all []Explanation) (same [][]string) {
	of := make(map[alert.Key][]string)
	for _, e := range all {
		for key, name := range e.Names {
			switch familyOf(key) {
			case "device", "account":
			default:
				continue
			}
			if fold := Fold(name); key.Namespace() != "netbios-host" && !slices.Contains(of[key], fold) {
				of[key] = append(of[key], fold)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(of)) {
		list, whole := of[key], 0
		for _, fold := range list {
			if strings.Contains(fold, "@") || strings.Contains(fold, ".") && familyOf(key) == "device" {
				whole++
			}
		}
		if len(list) > 1 && whole < 2 {
			same = append(same, list)
		}
	}
	return same
}

// mostCommon returns the way that most of the alerts have that are left, and how many.
func (r *rationale) mostCommon() (best way, count int) {
	counts := make(map[string]int)
	for _, ids := range r.left {
		for _, id := range ids {
			counts[id]++
		}
	}
	better := func(w way, n int) bool { return n > count || n == count && n > 0 && w.compare(best) < 0 }
	for id, n := range counts {
		if w := r.ways[id]; better(w, n) {
			best, count = w, n
		}
	}
	for _, w := range r.several() {
		n := 0
		for _, ids := range r.left {
			if r.has(ids, w) {
				n++
			}
		}
		if better(w, n) {
			best, count = w, n
		}
	}
	return best, count
}

// maxSeveral is how many ways of [rationale.several] are looked at.
const maxSeveral = 50

// several returns, for alerts that link others by several things of one kind, the ways to be on one of these.
func (r *rationale) several() (all []way) {
	seen := make(map[string]bool)
	for _, n := range slices.Sorted(maps.Keys(r.left)) {
		names := make(map[string][]string) // by their word
		for _, id := range r.left[n] {
			if w := r.ways[id]; w.alone && w.how == "" && len(w.names) == 1 {
				names[word(w.names[0])] = append(names[word(w.names[0])], w.names[0])
			}
		}
		for _, what := range slices.Sorted(maps.Keys(names)) {
			w := way{names: names[what], alone: true, any: true}
			slices.Sort(w.names)
			if what != "" && len(w.names) > 1 && !seen[w.id()] && len(all) < maxSeveral {
				seen[w.id()] = true
				all = append(all, w)
			}
		}
	}
	return all
}

// has reports whether w is one of the ways ids.
func (r *rationale) has(ids []string, w way) bool {
	return slices.ContainsFunc(ids, func(id string) bool {
		one := r.ways[id]
		return !w.any && id == w.id() ||
			w.any && one.how == "" && len(one.names) == 1 && slices.Contains(w.names, one.names[0])
	})
}

// ways returns how links link the alert: each by what suffices. What does not suffice alone is told in pairs,
// and alone only if there is nothing else.
func (e Explanation) ways(links []activity.Link) (all []way) {
	var keys []alert.Key
	for _, l := range links {
		switch {
		case l.Reason == activity.GroupedManually:
			return []way{{how: "moved by hand"}}
		case l.Reason == activity.GroupedBySource:
			return []way{{how: "grouped by their source"}}
		case l.Entity != "":
			keys = append(keys, l.Entity)
		}
	}
	names := keyNames(keys, e.Names)
	type thing struct{ name, kind string }
	var weaker []thing
	add := func(w way) {
		if !slices.ContainsFunc(all, func(other way) bool { return other.id() == w.id() }) {
			all = append(all, w)
		}
	}
	for _, l := range links {
		name := cmp.Or(e.Names[l.Entity], KeyName(l.Entity))
		switch how := reasonWords[l.Reason]; {
		case l.Entity == "":
			add(way{how: "by " + reasonName(l.Reason)})
		case !slices.Contains(names, name) && !severalHave(l.Entity): // another key names it better
		case how != "" || l.Score >= linkingScore:
			add(way{names: []string{name}, how: how, alone: how == ""})
		default:
			if t := (thing{name, groupOf(l.Entity)}); !slices.Contains(weaker, t) && len(weaker) < maxWeaker {
				weaker = append(weaker, t)
			}
		}
	}
	for n, t := range weaker {
		for _, other := range weaker[:n] {
			if other.kind != t.kind {
				add(way{names: []string{other.name, t.name}})
			}
		}
	}
	if len(all) > 0 {
		return all
	}
	for _, t := range weaker {
		add(way{names: []string{t.name}})
	}
	return all
}

// maxWeaker is of how many weaker identifiers of an alert pairs are made.
const maxWeaker = 8

// groupOf groups keys of which two do not suffice to link, as the default correlator does.
func groupOf(key alert.Key) string {
	switch family := familyOf(key); family {
	case "address", "URL":
		return "network"
	case "file", "file hash":
		return "file"
	case "message", "sender", "mail cluster":
		return "mail"
	default:
		return family
	}
}
