package storagetest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A lot sets one field of a query.
type lot[Q any] func(*world, *Q)

// draw sets up to three of the filters of a query, and each of the others as often as not.
func draw[Q any](w *world, q *Q, filters, others []lot[Q]) {
	for range w.lots.IntN(4) {
		pick(w, filters)(w, q)
	}
	for _, set := range others {
		if w.one(2) {
			set(w, q)
		}
	}
}

var incidentFilters = sync.OnceValue(func() []lot[incident.Query] {
	all := []lot[incident.Query]{
		func(w *world, q *incident.Query) {
			q.IDs = some(w, []incident.ID{w.incidentID(), w.incidentID()})
		},
		func(w *world, q *incident.Query) {
			q.Numbers = some(w, []int64{
				pick(w, w.incidents).Number,
				pick(w, w.incidents).Number,
				pick(w, w.incidents).Number + 9,
				0,
			})
		},
		func(w *world, q *incident.Query) { q.Statuses = some(w, []incident.Status{0, 1, 2, 3, 4}) },
		func(w *world, q *incident.Query) { q.Severities = some(w, []alert.Severity{0, 1, 2, 3, 4}) },
		func(w *world, q *incident.Query) { q.AlertSeverities = some(w, []alert.Severity{0, 1, 2, 3, 4}) },
		func(w *world, q *incident.Query) { q.Owners = some(w, ownerIDs) },
		func(w *world, q *incident.Query) { q.Unassigned = true },
		func(w *world, q *incident.Query) { q.Tags = some(w, tagNames) },
		func(w *world, q *incident.Query) { q.Classifications = some(w, classes) },
		func(w *world, q *incident.Query) { q.Determinations = some(w, types) },
	}
	for l := range incident.Lists {
		all = append(all, func(w *world, q *incident.Query) { *q.Lists()[l] = some(w, values) })
	}
	return append(all,
		func(w *world, q *incident.Query) { q.Criticalities = some(w, []alert.Criticality{0, 1, 2, 3, 4}) },
		func(w *world, q *incident.Query) { q.MultipleSources = true },
		func(w *world, q *incident.Query) { q.MultipleCategories = true },
		func(w *world, q *incident.Query) { q.Entities = some(w, keys) },
		func(w *world, q *incident.Query) {
			q.References = some(w, append([]incident.Reference{{System: "snow", ID: "2"}}, references...))
		},
		func(w *world, q *incident.Query) {
			i := pick(w, w.incidents)
			q.Text = pick(
				w,
				append([]string{string(i.ID), strconv.FormatInt(i.Number, 10), "D0", "Kai", "192.0.2.1"}, texts...),
			)
		},
		func(w *world, q *incident.Query) { q.AlertClassifications = some(w, classes) },
		func(w *world, q *incident.Query) { q.PriorityMin = 1 + w.lots.IntN(5) },
		func(w *world, q *incident.Query) { q.PriorityMax = 1 + w.lots.IntN(2) },
		func(w *world, q *incident.Query) { q.CreatedSince = w.bound() },
		func(w *world, q *incident.Query) { q.CreatedUntil = w.bound() },
		func(w *world, q *incident.Query) { q.UpdatedSince = w.bound() },
		func(w *world, q *incident.Query) { q.UpdatedUntil = w.bound() },
	)
})

var incidentOthers = []lot[incident.Query]{
	func(w *world, q *incident.Query) { q.Except = w.queries(2, 2) },
	func(w *world, q *incident.Query) { q.Within = w.queries(1, 2) },
	func(w *world, q *incident.Query) { q.Sort = incident.Sort(w.lots.IntN(int(incident.ByPriority) + 1)) },
	func(w *world, q *incident.Query) { q.Ascending = true },
	func(w *world, q *incident.Query) { q.Limit = pick(w, []int{1, 7, 1000}) },
	func(w *world, q *incident.Query) {
		// The incident of a cursor may have moved since, or be none that is stored.
		elsewhere := w.drawIncident(incident.Incident{ID: "gone", Number: int64(w.lots.IntN(len(w.incidents) + 2))})
		q.After = q.CursorAfter(pick(w, []incident.Incident{pick(w, w.incidents), pick(w, w.incidents), pick(w, w.former), elsewhere}))
	},
}

// queries draws up to two queries with that many filters. Some are within others or have exceptions, at so many levels.
func (w *world) queries(filters, levels int) (all []incident.Query) {
	if levels == 0 {
		return nil
	}
	for range w.lots.IntN(3) {
		x := incident.Query{Limit: 1} // does not count
		for range filters {
			pick(w, incidentFilters())(w, &x)
		}
		switch w.lots.IntN(5) {
		case 0, 1:
			x.Within = w.queries(1, levels-1)
		case 2:
			x.Except = w.queries(1, levels-1)
		}
		all = append(all, x)
	}
	return all
}

var itemFilters = []lot[storage.ItemQuery]{
	func(w *world, q *storage.ItemQuery) { q.Kinds = some(w, itemKinds) },
	func(w *world, q *storage.ItemQuery) {
		q.Incidents = some(w, []incident.ID{w.incidentID(), w.incidentID(), w.incidentID(), ""})
	},
	func(w *world, q *storage.ItemQuery) { q.Before = w.bound() },
}

var itemOthers = []lot[storage.ItemQuery]{
	func(w *world, q *storage.ItemQuery) { q.Limit = pick(w, []int{1, 3, 1000}) },
	func(w *world, q *storage.ItemQuery) {
		q.After = pick(w, []storage.ItemPlace{
			pick(w, w.items).Place(),
			pick(w, w.items).Place(),
			{Kind: pick(w, itemKinds), Key: pick(w, itemKeys)},
		})
	},
}

var alertFilters = []lot[alert.Query]{
	func(w *world, q *alert.Query) {
		q.IDs = some(w, []alert.ID{w.alertID(), w.alertID()})
	},
	func(w *world, q *alert.Query) {
		q.Incidents = some(w, []incident.ID{w.incidentID(), w.incidentID(), w.incidentID()})
	},
	func(w *world, q *alert.Query) { q.Entities = some(w, keys) },
	func(w *world, q *alert.Query) { q.Statuses = some(w, []alert.Status{0, 1, 2}) },
	func(w *world, q *alert.Query) { q.Severities = some(w, []alert.Severity{0, 1, 2, 3, 4}) },
	func(w *world, q *alert.Query) { q.Sources = some(w, values) },
	func(w *world, q *alert.Query) { q.Categories = some(w, append([]string{""}, values...)) },
	func(w *world, q *alert.Query) { q.Title = pick(w, texts) },
	func(w *world, q *alert.Query) { q.Since = w.bound() },
	func(w *world, q *alert.Query) { q.Until = w.bound() },
}

var alertOthers = []lot[alert.Query]{
	func(w *world, q *alert.Query) { q.Newest = true },
	func(w *world, q *alert.Query) { q.Limit = pick(w, []int{1, 7, 1000}) },
	func(w *world, q *alert.Query) { q.Brief = true },
	func(w *world, q *alert.Query) {
		q.After = pick(w, []alert.Position{pick(w, w.alerts).Position(), pick(w, w.alerts).Position(), {FirstActivity: w.bound(), ID: pick(w, w.alerts).ID}})
	},
}

var activityFilters = []lot[activity.Query]{
	func(w *world, q *activity.Query) {
		q.Incidents = some(w, []incident.ID{w.incidentID(), w.incidentID(), w.incidentID()})
	},
	func(w *world, q *activity.Query) {
		q.Alerts = some(w, []alert.ID{pick(w, w.entries).Alert, w.alertID(), ""})
	},
	func(w *world, q *activity.Query) {
		q.IDs = some(w, []activity.ID{w.entryID(), w.entryID()})
	},
	func(w *world, q *activity.Query) { q.Types = some(w, entryTypes) },
	func(w *world, q *activity.Query) { q.Categories = some(w, []activity.Category{0, 1, 2}) },
	func(w *world, q *activity.Query) { q.Triggers = some(w, []activity.Trigger{0, 1}) },
	func(w *world, q *activity.Query) { q.Actors = some(w, []string{"kai", "Kai", "rule", "none"}) },
	func(w *world, q *activity.Query) {
		q.Fields = some(w, []string{"status", "Status", "alerts.count", "none"})
	},
	func(w *world, q *activity.Query) {
		q.Origins = some(w, []incident.ID{w.incidentID(), w.incidentID(), ""})
	},
	func(w *world, q *activity.Query) { q.Since = w.bound() },
	func(w *world, q *activity.Query) { q.Until = w.bound() },
	func(w *world, q *activity.Query) { q.AfterSeq = w.seq() },
	func(w *world, q *activity.Query) { q.BeforeSeq = w.seq() },
}

var activityOthers = []lot[activity.Query]{
	func(w *world, q *activity.Query) { q.Newest = true },
	func(w *world, q *activity.Query) { q.Limit = pick(w, []int{1, 7, 1000}) },
}

// seq returns a place in the log, at times just outside.
func (w *world) seq() int64 { return int64(w.lots.IntN(len(w.entries)+2)) - 1 }

// bound returns a time for a filter, which need not be one that a record can have.
func (w *world) bound() time.Time {
	t := w.hour().Add(pick(w, []time.Duration{0, 0, 1, -1, 500, -time.Microsecond, 30 * time.Minute}))
	switch w.lots.IntN(12) {
	case 0:
		return t.In(time.FixedZone("", 5*60*60))
	case 1:
		return pick(w, []time.Time{time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)})
	}
	return t
}

// askIncidents draws a query and sees that r answers it as Match and Compare say. So do the other two.
func (w *world) askIncidents(ctx context.Context, r storage.Reader) error {
	var q incident.Query
	draw(w, &q, incidentFilters(), incidentOthers)
	return w.checkIncidents(ctx, r, q)
}

func (w *world) askAlerts(ctx context.Context, r storage.Reader) error {
	var q alert.Query
	draw(w, &q, alertFilters, alertOthers)
	return w.checkAlerts(ctx, r, q)
}

func (w *world) askActivity(ctx context.Context, r storage.Reader) error {
	var q activity.Query
	draw(w, &q, activityFilters, activityOthers)
	return w.checkActivity(ctx, r, q)
}

func (w *world) checkIncidents(ctx context.Context, r storage.Reader, q incident.Query) error {
	got, err := collect(r.Incidents(ctx, q))
	if err != nil {
		return fmt.Errorf("%s: %w", describe(q), err)
	}
	start, started, err := q.Start()
	if err != nil {
		return err
	}
	var want []incident.Incident
	for _, i := range w.incidents {
		if (!started || q.ComparePlaces(q.Place(i), start) > 0) && q.Match(incident.Case{Incident: i, Alerts: w.alertsOf(i.ID)}) {
			want = append(want, i)
		}
	}
	return same(q, got, sorted(want, q.Compare, q.Limit))
}

func (w *world) checkAlerts(ctx context.Context, r storage.Reader, q alert.Query) error {
	got, err := collect(r.Alerts(ctx, q))
	if err != nil {
		return fmt.Errorf("%s: %w", describe(q), err)
	}
	var want []alert.Alert
	for _, a := range w.alerts {
		if (q.After == alert.Position{} || q.ComparePositions(a.Position(), q.After) > 0) && q.Match(a) {
			if q.Brief {
				a = a.Brief()
			}
			want = append(want, a)
		}
	}
	return same(q, got, sorted(want, q.Compare, q.Limit))
}

func (w *world) checkActivity(ctx context.Context, r storage.Reader, q activity.Query) error {
	got, err := collect(r.Activity(ctx, q))
	if err != nil {
		return fmt.Errorf("%s: %w", describe(q), err)
	}
	var want []activity.Entry
	for _, e := range w.entries {
		if q.Match(e) {
			want = append(want, e)
		}
	}
	return same(q, got, sorted(want, q.Compare, q.Limit))
}

func (w *world) askItems(ctx context.Context, r storage.Reader) error {
	var q storage.ItemQuery
	draw(w, &q, itemFilters, itemOthers)
	return w.checkItems(ctx, r, q)
}

func (w *world) checkItems(ctx context.Context, r storage.Reader, q storage.ItemQuery) error {
	got, err := collect(r.Items(ctx, q))
	if err != nil {
		return fmt.Errorf("%s: %w", describe(q), err)
	}
	var want []storage.Item
	for _, i := range w.items {
		if (q.After == storage.ItemPlace{} || i.Place().Compare(q.After) > 0) && q.Match(i) {
			want = append(want, i)
		}
	}
	return same(q, got, sorted(want, func(a, b storage.Item) int { return a.Place().Compare(b.Place()) }, q.Limit))
}

// sorted puts all in order and cuts it off at limit, unless that is 0.
func sorted[T any](all []T, compare func(a, b T) int, limit int) []T {
	slices.SortFunc(all, compare)
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all
}
