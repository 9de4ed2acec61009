package incident

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// maxSteps is how many alerts with an identifier, before an alert and as many behind it, are looked at for
// its Peers.
const maxSteps = 50

// The reason of a merge that correlation makes, which linkedText writes and broughtBy reads.
const (
	linkedAlert = "Alert "
	linkedBy    = " links them by "
)

func linkedText(a alert.ID, keys []alert.Key) string {
	texts := make([]string, len(keys))
	for n, key := range keys {
		texts[n] = string(key)
	}
	return linkedAlert + string(a) + linkedBy + strings.Join(texts, ", ") + "."
}

// broughtBy returns the alert that a merge names as its reason. Its title is not known yet.
func broughtBy(merged activity.Entry) (b Bringer) {
	if merged.Actor.Kind != activity.System {
		return b
	}
	text, ok := strings.CutPrefix(merged.Text, linkedAlert)
	id, keys, linked := strings.Cut(strings.TrimSuffix(text, "."), linkedBy)
	if !ok || !linked {
		return b
	}
	b.ID = alert.ID(id)
	for part := range strings.SplitSeq(keys, ", ") {
		key := alert.Key(part)
		isKey := keyForms[key.Namespace()].word != "" || key.Namespace() == "entity"
		if last := len(b.Keys) - 1; last >= 0 && !isKey {
			b.Keys[last] += ", " + key // a name with a comma
		} else if part != "" && !slices.Contains(b.Keys, key) {
			b.Keys = append(b.Keys, key)
		}
	}
	return b
}

// A crowd finds which alerts of an incident have an identifier.
type crowd struct {
	id    ID
	all   []Explanation
	left  map[alert.ID][]source
	ids   [][]alert.Identifier // of each alert, those that entries name
	first []time.Time
	with  map[alert.Key][]int // the alerts that have a key, by first activity
}

// findPeers sets the Names, the Peers and the Brought of all, which are in the incident with that ID.
func findPeers(id ID, all []Explanation, left map[alert.ID][]source) {
	c := crowd{
		id, all, left,
		make([][]alert.Identifier, len(all)), make([]time.Time, len(all)), make(map[alert.Key][]int),
	}
	places := make(map[alert.ID]int)
	named := make(map[alert.Key]bool)
	for n, e := range all {
		places[e.Alert.ID] = n
		for _, key := range e.keys() {
			named[key] = true
		}
	}
	names := make([]map[alert.Key]string, len(all))
	for n, e := range all {
		c.first[n], _ = e.Alert.Interval()
		if len(e.Alert.Evidence) == 0 || len(named) == 0 {
			continue
		}
		namer := namer{e.Alert.Evidence, e.Alert.Identifiers(nil)}
		keys := e.keys()
		for _, i := range namer.ids {
			if named[i.Key] {
				if !slices.Contains(keys, i.Key) {
					keys = append(keys, i.Key)
				}
				c.ids[n] = append(c.ids[n], i)
				if with := c.with[i.Key]; len(with) == 0 || with[len(with)-1] != n {
					c.with[i.Key] = append(with, n)
				}
			}
		}
		names[n] = namer.names(keys)
	}
	for _, with := range c.with {
		slices.SortStableFunc(with, func(a, b int) int { return c.first[a].Compare(c.first[b]) })
	}
	for n := range all {
		e := &all[n]
		e.Names = names[n]
		c.meet(n, e.Added)
		for _, entry := range e.Updated {
			c.meet(n, entry)
		}
		by, ok := places[e.Brought.ID]
		if e.Brought.ID == "" || !ok {
			continue
		}
		e.Brought.Title = all[by].Alert.Title
		e.Brought.From = len(e.Merged.Links) > 0 && all[by].Added.Incident == e.Merged.Links[0].Incident
		e.Brought.Both = !e.Brought.From && c.had(by, e.Brought.Keys, e.Merged)
		for key, name := range (namer{all[by].Alert.Evidence, c.ids[by]}).names(e.Brought.Keys) {
			if _, known := e.Names[key]; !known && e.Names != nil {
				e.Names[key] = name
			}
		}
	}
}

// keys returns the keys that e names.
func (e Explanation) keys() (keys []alert.Key) {
	for _, entry := range append([]activity.Entry{e.Added}, e.Updated...) {
		for _, l := range entry.Links {
			if l.Entity != "" && !slices.Contains(keys, l.Entity) {
				keys = append(keys, l.Entity)
			}
		}
	}
	for _, key := range e.Brought.Keys {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// meet adds to the Peers of alert n those that the links of an entry lead to.
func (c crowd) meet(n int, entry activity.Entry) {
	links := linksOf(nil, entry, false)
	slices.SortStableFunc(links, func(a, b activity.Link) int { return cmp.Compare(b.Score, a.Score) })
	at := -1
	for _, l := range links {
		if _, known := c.all[n].Peers[l.Entity]; known || l.Entity == "" || l.Incident == "" {
			continue
		}
		m := at
		if at < 0 || !c.share(n, at, l.Entity) || !c.was(at, l.Incident, entry.Seq) {
			if m = c.nearest(n, l, entry.Seq); m < 0 {
				continue
			}
		}
		if at < 0 {
			at = m
		}
		if c.all[n].Peers == nil {
			c.all[n].Peers = make(map[alert.Key]Peer)
		}
		c.all[n].Peers[l.Entity] = Peer{c.all[m].Alert.ID, c.all[m].Alert.Title}
	}
}

// nearest returns the alert nearest in time to alert n that a link of an entry may lead to, -1 if there is
// none.
func (c crowd) nearest(n int, l activity.Link, seq int64) int {
	with, best := c.with[l.Entity], -1
	at, _ := slices.BinarySearchFunc(with, c.first[n], func(m int, t time.Time) int {
		return c.first[m].Compare(t)
	})
	distance := func(m int) time.Duration { return c.first[m].Sub(c.first[n]).Abs() }
	for step := range 2 * maxSteps {
		place := at - 1 - step
		if step >= maxSteps {
			place = at + step - maxSteps
		}
		if place < 0 || place >= len(with) {
			continue
		}
		m := with[place]
		if m == n || best >= 0 && distance(m) >= distance(best) {
			continue
		}
		if c.was(m, l.Incident, seq) && c.share(n, m, l.Entity) {
			best = m
		}
	}
	return best
}

// was reports whether alert n was in an incident before the entry with that Seq.
func (c crowd) was(n int, id ID, seq int64) bool {
	in, since := c.all[n].Added.Incident, c.all[n].Added.Seq
	if in == "" {
		return false
	}
	path := c.left[c.all[n].Alert.ID]
	for k, step := range path {
		if in == id && since < seq {
			return true
		}
		if since, in = step.seq, c.id; k+1 < len(path) {
			in = path[k+1].id
		}
	}
	return in == id && since < seq
}

// share reports whether two alerts share what a key says.
func (c crowd) share(n, m int, key alert.Key) bool {
	return slices.ContainsFunc(c.ids[n], func(i alert.Identifier) bool {
		return i.Key == key && slices.ContainsFunc(c.ids[m], i.Meets)
	})
}

// had reports whether the incident of a merge had, before it, other alerts that share each of keys with alert
// n.
func (c crowd) had(n int, keys []alert.Key, merge activity.Entry) bool {
	for _, key := range keys {
		if !slices.ContainsFunc(c.with[key][:min(len(c.with[key]), maxSteps)], func(m int) bool {
			brought := func(s source) bool { return s.cause == merge.Cause }
			return m != n && !slices.ContainsFunc(c.left[c.all[m].Alert.ID], brought) &&
				c.was(m, merge.Incident, merge.Seq) && c.share(n, m, key)
		}) {
			return false
		}
	}
	return len(keys) > 0
}
