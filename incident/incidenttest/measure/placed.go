package measure

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A Placed is a labelled alert and where it is.
type Placed struct {
	Alert    alert.Alert     // as stored, with its evidence
	Attack   string          // the label; "" means noise
	Incident incident.ID     // where it is when everything was ingested; "" means nowhere
	Links    []activity.Link // with which it came: reasons, and what was held back
}

// Correlate ingests the alerts, one after the other, into a new storage in memory, and returns them in the same order.
// o has the correlator and the rules; nil means the defaults. Its clock is not used: the time is that at which each
// alert was created, else that of its activity, and it never goes back. Incident IDs are numbered unless o has NewID,
// so that the result is the same every time.
//
// An alert that the manager refuses, or whose Origin an earlier one has, is an error that names its index.
func Correlate(ctx context.Context, alerts []Labelled, o *manager.Options) ([]Placed, error) {
	now := time.Unix(0, 0).UTC()
	options := manager.Options{}
	if o != nil {
		options = *o
	}
	options.Now = func() time.Time { return now }
	if options.NewID == nil {
		n := 0
		options.NewID = func() string { n++; return strconv.Itoa(n) }
	}
	s := memory.New()
	defer s.Close()
	m, by := manager.New(s, &options), activity.Actor{Kind: activity.App, ID: "measure"}
	labels, index := make(map[alert.ID]string), make(map[alert.ID]int)
	for n, l := range alerts {
		id := l.Alert.Origin.AlertID()
		if first, ok := index[id]; ok {
			return nil, fmt.Errorf("correlate alert %d: %w", n, &alert.FieldError{
				Record: "alert " + string(id), Field: "origin.id", Value: l.Alert.Origin.ID,
				Want: fmt.Sprintf("an identifier that alert %d does not have", first),
			})
		}
		index[id], labels[id] = n, l.Attack
		for _, t := range []time.Time{l.Alert.Created, l.Alert.FirstActivity, l.Alert.LastActivity} {
			if !t.IsZero() && alert.ValidTime(t) {
				if t.After(now) {
					now = t
				}
				break
			}
		}
		if _, err := m.Ingest(ctx, by, []alert.Alert{l.Alert}); err != nil {
			return nil, fmt.Errorf("correlate alert %d: %w", n, err)
		}
	}
	var placed []Placed
	err := s.View(ctx, func(r storage.Reader) (err error) {
		placed, err = Collect(ctx, r, func(a alert.Alert) string { return labels[a.ID] })
		return err
	})
	return placed, err
}

// Collect reads where the alerts of r are, with the label that attack returns for each, in the order in which the log
// says that they came. Alerts that have no such entry in the log come last, by Received and ID, without Links. What a
// later report of an alert linked is not among its Links.
func Collect(ctx context.Context, r storage.Reader, attack func(alert.Alert) string) ([]Placed, error) {
	type arrival struct {
		seq   int64
		links []activity.Link
	}
	came := make(map[alert.ID]arrival)
	added := activity.Query{Types: []activity.Type{activity.AlertAdded}, Origins: []incident.ID{""}}
	for e, err := range r.Activity(ctx, added) {
		if err != nil {
			return nil, fmt.Errorf("collect the log: %w", err)
		}
		if came[e.Alert].seq == 0 { // a later one is of a move
			repeats := func(l activity.Link) bool { return l.Reason == activity.RepeatedAlertOccurrence }
			came[e.Alert] = arrival{e.Seq, slices.DeleteFunc(e.Links, repeats)} // they link nothing
		}
	}
	var placed []Placed
	for a, err := range r.Alerts(ctx, alert.Query{}) {
		if err != nil {
			return nil, fmt.Errorf("collect alerts: %w", err)
		}
		placed = append(placed, Placed{a, attack(a), a.Incident, came[a.ID].links})
	}
	slices.SortFunc(placed, func(a, b Placed) int {
		m, n := came[a.Alert.ID].seq, came[b.Alert.ID].seq
		if m == 0 || n == 0 {
			m, n = min(n, 1), min(m, 1) // 0 is behind the others
		}
		return cmp.Or(
			cmp.Compare(m, n), a.Alert.Received.Compare(b.Alert.Received), cmp.Compare(a.Alert.ID, b.Alert.ID),
		)
	})
	return placed, nil
}
