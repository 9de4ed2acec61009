package incidenttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// WantRobust ingests the alerts that were raised so far again, each time into an empty queue: in n other
// orders, each alert twice, all of them again at the end, and every third one an hour after the others. It
// reports the first alerts that are together in one queue and apart in another, and the first incident of
// another name or severity. Several reports of one alert keep their order. The events are not fed again, and
// what people did in between is not done again.
//
// A clock that has seen a late alert does not go back, so that no alert comes before its own activity.
func (h *Harness) WantRobust(n int) {
	h.t.Helper()
	given := h.again(h.raised, false)
	if q := h.queue(); !h.touched(q) {
		if said := (grouping{q, q.place()}).differs(given); said != "" {
			h.t.Errorf("the same alerts in the same order: %s\ndoes the correlator keep state?", said)
			return
		}
	}
	for _, v := range h.variants(n) {
		if said := given.differs(h.again(v.raised, v.twice)); said != "" {
			h.t.Errorf("%s: %s\nthey came as %s", v.name, said, arrived(v.raised))
			return
		}
	}
}

// touched reports whether anybody but the pipeline and the library has changed the queue.
func (h *Harness) touched(q queue) bool {
	return slices.ContainsFunc(q.entries(), func(e activity.Entry) bool {
		return e.Actor.Kind != activity.System && e.Actor.ID != h.o.By.ID
	})
}

// A variant is another way in which the same alerts can come.
type variant struct {
	name   string
	raised []raised
	twice  bool // each alert is sent again at once
}

func (h *Harness) variants(n int) []variant {
	all := []variant{
		{"each alert sent twice", h.raised, true},
		{"all alerts sent again at the end", slices.Concat(h.raised, h.raised), false},
	}
	var early, late []raised
	for k, r := range h.raised {
		if k%3 == 0 {
			late = append(late, r)
		} else {
			early = append(early, r)
		}
	}
	for k := range late {
		late[k].at = h.now.Add(time.Hour)
	}
	delayed := inOrder(slices.Concat(early, late), h.raised)
	all = append(all, variant{"every third alert an hour after the others", delayed, false})
	for k := range n {
		order, r := slices.Clone(h.raised), rand.New(rand.NewPCG(uint64(k), 1))
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		all = append(all, variant{fmt.Sprintf("order %d of %d", k+1, n), inOrder(order, h.raised), false})
	}
	return all
}

// arrived names the first alerts of an order.
func arrived(order []raised) string {
	const most = 20
	var ids []string
	for _, r := range order[:min(len(order), most)] {
		ids = append(ids, oneLine(string(r.alert.ID)))
	}
	if len(order) > most {
		ids = append(ids, fmt.Sprintf("and %d more", len(order)-most))
	}
	return strings.Join(ids, ", ")
}

// inOrder returns other with the reports of each alert in the order that they have in raised.
func inOrder(other, given []raised) []raised {
	reports := map[alert.ID][]raised{}
	for _, r := range given {
		reports[r.alert.ID] = append(reports[r.alert.ID], r)
	}
	for n, r := range other {
		id := r.alert.ID
		other[n] = reports[id][0]
		other[n].at = r.at
		reports[id] = reports[id][1:]
	}
	return other
}

// A grouping is what became of alerts.
type grouping struct {
	queue
	place map[alert.ID]incident.ID
}

// again ingests raised into an empty queue.
func (h *Harness) again(all []raised, twice bool) grouping {
	h.t.Helper()
	fresh := &Harness{t: h.t, o: h.o, now: Time(0)}
	fresh.open()
	defer func() { _ = fresh.Storage.Close() }()
	for n, r := range all {
		fresh.moveTo(r.at)
		where := fmt.Sprintf("alert %d of %d", n+1, len(all))
		failed := fresh.take(where, r.alert)
		if failed == "" && twice {
			failed = fresh.take(where, r.alert)
		}
		if failed != "" {
			h.t.Fatalf("%s", failed)
		}
	}
	q := fresh.queue()
	return grouping{q, q.place()}
}

// differs says in what way other is not the same as g, and "" when it is.
func (g grouping) differs(other grouping) string {
	if one, two, ok := g.parted(other.place); ok {
		const how = "together in the order given, and apart so"
		return g.pair(other, one, two, how, queue.writeTogether, queue.writeApart)
	}
	if one, two, ok := other.parted(g.place); ok {
		const how = "apart in the order given, and together so"
		return g.pair(other, one, two, how, queue.writeApart, queue.writeTogether)
	}
	for _, i := range g.incidents {
		for _, x := range g.alerts[i.ID][:min(1, len(g.alerts[i.ID]))] {
			j := other.byID(other.place[x.Alert.ID])
			if i.Severity != j.Severity || i.Name != j.Name {
				return fmt.Sprintf("the incident of %q (%s) is %q, %s, in the order given, and %q, %s, so",
					x.Alert.Title, x.Alert.ID, i.Name, i.Severity, j.Name, j.Severity)
			}
		}
	}
	return ""
}

// parted returns the first two alerts that are together in g and apart in place.
func (g grouping) parted(place map[alert.ID]incident.ID) (one, two alert.ID, ok bool) {
	for _, i := range g.incidents {
		alerts := g.alerts[i.ID]
		for _, x := range alerts {
			if first := alerts[0].Alert.ID; place[x.Alert.ID] != place[first] {
				return first, x.Alert.ID, true
			}
		}
	}
	return "", "", false
}

func (q queue) byID(id incident.ID) incident.Incident {
	return q.incidents[slices.IndexFunc(q.incidents, func(i incident.Incident) bool { return i.ID == id })]
}

// pair says that two alerts are placed otherwise in other, and why in g and in other.
func (g grouping) pair(
	other grouping, one, two alert.ID, how string, why, whyOther func(queue, *strings.Builder, placed, placed),
) string {
	a, b := other.find(one), other.find(two)
	var text strings.Builder
	fmt.Fprintf(&text, "%q (%s) and %q (%s) are %s\n", shorten(a.alert.Title), one, shorten(b.alert.Title), two, how)
	text.WriteString("in the order given, ")
	why(g.queue, &text, g.find(one), g.find(two))
	text.WriteString("so, ")
	whyOther(other.queue, &text, a, b)
	return strings.TrimSuffix(text.String(), "\n")
}

func (q queue) find(id alert.ID) placed {
	for i, x := range q.all {
		if x.Alert.ID == id {
			return placed{i, x.Alert}
		}
	}
	return placed{}
}

// place returns the incident of each alert.
func (q queue) place() map[alert.ID]incident.ID {
	place := map[alert.ID]incident.ID{}
	for _, i := range q.incidents {
		for _, x := range q.alerts[i.ID] {
			place[x.Alert.ID] = i.ID
		}
	}
	return place
}
