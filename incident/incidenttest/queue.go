package incidenttest

import (
	"context"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A told link is one and the Seq of the entry that tells it.
type told struct {
	activity.Link
	seq int64
}

// An arrival is an alert in an incident that it is or was in.
type arrival struct {
	incident incident.ID
	alert    alert.ID
}

// A queue is everything that a harness holds at one moment.
type queue struct {
	incidents []incident.Incident // by Number, without those merged away or purged
	alerts    map[incident.ID][]incident.Explanation
	log       map[incident.ID][]activity.Entry
	links     map[alert.ID][]told   // with which it came and was updated
	came      map[arrival]int64     // the Seq of the first entry about an alert in an incident
	number    map[incident.ID]int64 // of all, those merged away and purged included
	gone      []incident.Incident   // merged away or purged
}

func (h *Harness) queue() queue {
	h.t.Helper()
	q := queue{
		alerts: map[incident.ID][]incident.Explanation{},
		log:    map[incident.ID][]activity.Entry{},
		links:  map[alert.ID][]told{},
		came:   map[arrival]int64{},
		number: map[incident.ID]int64{},
	}
	err := h.Storage.View(h.t.Context(), func(r storage.Reader) error { return q.read(h.t.Context(), r) })
	if err != nil {
		h.t.Fatalf("read the queue: %v", err)
	}
	return q
}

func (q *queue) read(ctx context.Context, r storage.Reader) error {
	for i, err := range r.Incidents(ctx, incident.Query{Sort: incident.ByNumber, Ascending: true}) {
		if err != nil {
			return err
		}
		q.number[i.ID] = i.Number
		if i.Status == incident.Redirected || i.Status == incident.Purged {
			q.gone = append(q.gone, i)
		} else {
			q.incidents = append(q.incidents, i)
		}
	}
	for e, err := range r.Activity(ctx, activity.Query{}) {
		if err != nil {
			return err
		}
		q.log[e.Incident] = append(q.log[e.Incident], e)
		if place := (arrival{e.Incident, e.Alert}); e.Alert != "" && q.came[place] == 0 {
			q.came[place] = e.Seq
		}
		if e.Origin == "" && (e.Type == activity.AlertAdded || e.Type == activity.AlertUpdated) {
			for _, l := range e.Links {
				if l == (activity.Link{Reason: activity.RepeatedAlertOccurrence, Incident: e.Incident}) {
					continue // it says only that the incident has an alert of that kind
				}
				q.links[e.Alert] = append(q.links[e.Alert], told{l, e.Seq})
			}
		}
	}
	for _, i := range q.incidents {
		var alerts []alert.Alert
		for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}}) {
			if err != nil {
				return err
			}
			alerts = append(alerts, a)
		}
		all, err := q.explain(i.ID, alerts)
		if err != nil {
			return err
		}
		q.alerts[i.ID] = all
	}
	return nil
}

// explain says why alerts are in the incident with that ID.
func (q *queue) explain(id incident.ID, alerts []alert.Alert) ([]incident.Explanation, error) {
	sources, err := incident.Sources(each(q.log[id]))
	if err != nil {
		return nil, err
	}
	var log []activity.Entry
	for _, of := range append(sources, id) {
		log = append(log, q.log[of]...)
	}
	slices.SortFunc(log, activity.Query{}.Compare)
	return incident.Explain(id, alerts, each(log))
}

func each[E any](list []E) func(yield func(E, error) bool) {
	return func(yield func(E, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// all yields each alert with its incident.
func (q queue) all(yield func(incident.Incident, incident.Explanation) bool) {
	for _, i := range q.incidents {
		for _, x := range q.alerts[i.ID] {
			if !yield(i, x) {
				return
			}
		}
	}
}

// titles returns the different titles of alerts in the queue, in order.
func (q queue) titles() []string {
	titles := map[string]bool{}
	for _, x := range q.all {
		titles[x.Alert.Title] = true
	}
	return slices.Sorted(maps.Keys(titles))
}

// entries returns the whole log in the order of Seq.
func (q queue) entries() []activity.Entry {
	var all []activity.Entry
	for _, log := range q.log {
		all = append(all, log...)
	}
	slices.SortFunc(all, activity.Query{}.Compare)
	return all
}
