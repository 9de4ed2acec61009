package export

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A MergedRow is another incident that a merge joined with the one of the report.
type MergedRow struct {
	ID     incident.ID    `json:"id"`
	Number int64          `json:"number,omitempty"` // 0 when the Reader does not show the incident
	Name   string         `json:"name,omitempty"`   // as it is now; "" also when it was purged or is not shown
	Time   time.Time      `json:"time,omitzero"`    // of the merge; zero when no log tells, as for an imported incident
	By     activity.Actor `json:"by,omitzero"`      // who merged it
	Via    incident.ID    `json:"via,omitempty"`    // the incident between the two, when they were not merged with each other
}

// related is what a report says of other incidents. Rows are without By.
type related struct {
	From, Into []merge
	Alerts     []alert.Alert // of where the incident leads to: what names tell is hidden by them

	shown []byte // the other incidents that were asked for, and the version that each was shown at, 0 for none
}

type merge struct {
	By  activity.Actor
	Row MergedRow
}

// read returns another incident as r shows it, and whether it does.
func (o *related) read(
	ctx context.Context, r storage.Reader, id incident.ID,
) (i incident.Incident, shown bool, err error) {
	for i, err = range r.Incidents(ctx, incident.Query{IDs: []incident.ID{id}}) {
		shown = err == nil
	}
	o.shown = fmt.Appendf(o.shown, "%q %d ", id, i.Version)
	return i, shown, err
}

// relatives reads what was merged into i, and what i was merged into, through chains, as far as r shows it.
// With names it also reads the alerts that say which names these may tell.
func relatives(ctx context.Context, r storage.Reader, i incident.Incident, names bool) (o related, err error) {
	seen := map[incident.ID]bool{i.ID: true}
	queue := []incident.ID{i.ID}
	for k := 0; k < len(queue); k++ {
		var sources []incident.ID
		last := make(map[incident.ID]activity.Entry)
		q := activity.Query{Incidents: queue[k : k+1], Types: []activity.Type{activity.Merged, activity.Unmerged}, Origins: []incident.ID{""}}
		for e, err := range r.Activity(ctx, q) {
			if err != nil {
				return o, err
			}
			if len(e.Links) == 0 {
				continue
			}
			if id := e.Links[0].Incident; !seen[id] {
				if _, ok := last[id]; !ok {
					sources = append(sources, id)
				}
				last[id] = e
			}
		}
		for _, id := range sources {
			e := last[id]
			if e.Type != activity.Merged {
				continue
			}
			from, shown, err := o.read(ctx, r, id)
			if err != nil {
				return o, err
			}
			gone := !shown || from.Status == incident.Purged // only the log knows
			if !gone && (from.Status != incident.Redirected || from.RedirectTo != queue[k]) {
				continue
			}
			m := merge{e.Actor, MergedRow{ID: id, Number: from.Number, Name: from.Name, Time: e.Time}}
			if k > 0 {
				m.Row.Via = queue[k]
			}
			seen[id], queue, o.From = true, append(queue, id), append(o.From, m)
		}
	}
	slices.SortStableFunc(o.From, func(a, b merge) int { return a.Row.Time.Compare(b.Row.Time) })

	for at := i; at.Status == incident.Redirected && !seen[at.RedirectTo]; {
		seen[at.RedirectTo] = true
		m := merge{Row: MergedRow{ID: at.RedirectTo}}
		if at.ID != i.ID {
			m.Row.Via = at.ID
		}
		q := activity.Query{
			Incidents: []incident.ID{at.ID}, Types: []activity.Type{activity.Redirected}, Origins: []incident.ID{""},
		}
		for e, err := range r.Activity(ctx, q) {
			if err != nil {
				return o, err
			}
			if len(e.Links) > 0 && e.Links[0].Incident == at.RedirectTo {
				m.By, m.Row.Time = e.Actor, e.Time
			}
		}
		next, shown, err := o.read(ctx, r, at.RedirectTo)
		if err != nil {
			return o, err
		}
		m.Row.Number, m.Row.Name, at = next.Number, next.Name, next
		if o.Into = append(o.Into, m); !names || !shown {
			continue
		}
		for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{next.ID}}) {
			if err != nil {
				return o, err
			}
			o.Alerts = append(o.Alerts, a)
		}
	}
	return o, nil
}

func mergedRows(list []merge, o Options) (rows []MergedRow) {
	for _, m := range list {
		m.Row.Time, m.Row.By = o.in(m.Row.Time), m.By
		rows = append(rows, m.Row)
	}
	return rows
}
