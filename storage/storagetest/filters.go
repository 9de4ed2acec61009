package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// filters compares random queries over random records, which change in between, with Match and Compare.
func filters(seed uint64, ask func(*world, context.Context, storage.Reader) error) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		for round := range 6 {
			err := w.change(ctx, s, max(2, 30-30*round), 8)
			if err == nil {
				err = s.View(ctx, func(r storage.Reader) error { return repeat(45, func() error { return ask(w, ctx, r) }) })
			}
			if err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
		}
		return nil
	}
}

// repeat calls fn n times or until it fails.
func repeat(n int, fn func() error) error {
	for range n {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

// hub asks for a device that is on more than 500 alerts of more than 100 incidents.
func hub(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		w.each = 5
		if err := w.change(ctx, s, 115, 0); err != nil {
			return err
		}
		key := alert.Identity(hubDevice)
		for round := range 2 {
			err := w.change(ctx, s, 5, 20)
			if err == nil {
				err = s.View(ctx, func(r storage.Reader) error {
					all := []alert.Key{key}
					if err := errors.Join(
						w.checkIncidents(ctx, r, incident.Query{Entities: all}),
						w.checkAlerts(ctx, r, alert.Query{Entities: all}),
						w.checkAlerts(ctx, r, alert.Query{Entities: all, Limit: 3, Sources: values[:1]}),
						w.checkAlerts(ctx, r, alert.Query{Entities: all, Limit: 3, Categories: values[:1]}),
						w.checkAlerts(ctx, r, alert.Query{Entities: all, Limit: 3, Title: "RANSOM"}),
					); err != nil {
						return err
					}
					return repeat(7, func() error {
						var q incident.Query
						draw(w, &q, incidentFilters(), incidentOthers)
						q.Entities = append(part(w, keys), key)
						if err := w.checkIncidents(ctx, r, q); err != nil {
							return err
						}
						var aq alert.Query
						draw(w, &aq, alertFilters, alertOthers)
						aq.Entities = append(part(w, keys), key)
						if err := w.checkAlerts(ctx, r, aq); err != nil {
							return err
						}
						sq := w.drawSightings()
						sq.Entities = append(sq.Entities, key)
						return w.checkSightings(ctx, r, sq)
					})
				})
			}
			if err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
		}
		return nil
	}
}

// askForLater asks r, which is of the moment m, for what came after.
func (w *world) askForLater(ctx context.Context, r storage.Reader, m *world) error {
	var incidents, numbers incident.Query
	var alerts, within alert.Query
	var entries, history activity.Query
	for _, i := range w.incidents[len(m.incidents):] {
		incidents.IDs, numbers.Numbers = append(incidents.IDs, i.ID), append(numbers.Numbers, i.Number)
	}
	for _, a := range w.alerts[len(m.alerts):] {
		alerts.IDs = append(alerts.IDs, a.ID)
	}
	for _, e := range w.entries[len(m.entries):] {
		entries.IDs = append(entries.IDs, e.ID)
	}
	within.Incidents, history.Incidents = incidents.IDs, incidents.IDs
	return errors.Join(m.checkIncidents(ctx, r, incidents), m.checkIncidents(ctx, r, numbers), m.checkAlerts(ctx, r, alerts),
		m.checkAlerts(ctx, r, within), m.checkActivity(ctx, r, entries), m.checkActivity(ctx, r, history))
}

// oldViews keeps two Views open while records change, and asks them after, each about its own moment.
func oldViews(seed uint64, asks ...func(*world, context.Context, storage.Reader) error) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		ask := func(m *world, r storage.Reader) error {
			return repeat(14, func() error {
				for _, ask := range asks {
					if err := ask(m, ctx, r); err != nil {
						return err
					}
				}
				return nil
			})
		}
		// within opens a View, which has seen its moment when fn is called, and asks it again after.
		within := func(fn func() error) error {
			moment := w.moment()
			return s.View(ctx, func(r storage.Reader) error {
				if err := ask(moment, r); err != nil {
					return err
				}
				if err := fn(); err != nil {
					return err
				}
				if err := w.askForLater(ctx, r, moment); err != nil {
					return err
				}
				return ask(moment, r)
			})
		}
		for round := range 3 {
			err := w.change(ctx, s, max(2, 30-30*round), 8)
			if err == nil {
				err = within(func() error {
					if err := w.change(ctx, s, 2, 8); err != nil {
						return err
					}
					return within(func() error { return w.change(ctx, s, 2, 8) })
				})
			}
			if err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
		}
		return nil
	}
}

// askSightings draws a query and sees that r, by itself and by its alerts, says what the alerts of w say.
func (w *world) askSightings(ctx context.Context, r storage.Reader) error {
	return w.checkSightings(ctx, r, w.drawSightings())
}

func (w *world) drawSightings() storage.SightingQuery {
	q := storage.SightingQuery{Entities: part(w, keys), Newest: w.one(2), Limit: pick(w, []int{0, 1, 7})}
	if w.one(2) {
		q.Incident = w.incidentID()
	}
	if w.one(2) {
		q.Since, q.Until = w.bound(), w.bound()
	}
	return q
}

func (w *world) checkSightings(ctx context.Context, r storage.Reader, q storage.SightingQuery) error {
	want := w.sightings(q)
	readers := map[string]storage.Reader{"sightings": r, "alerts": struct{ storage.Reader }{r}} // which is no Sighter
	for what, r := range readers {
		got, err := collect(storage.Sightings(ctx, r, q))
		if err != nil {
			return fmt.Errorf("%s for %+v: %w", what, q, err)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s for %+v: %v, want %v", what, q, got, want)
		}
	}
	return nil
}

// sightings returns what q asks for.
func (w *world) sightings(q storage.SightingQuery) (all []storage.Sighting) {
	within := alert.Query{Since: q.Since, Until: q.Until, Newest: q.Newest}
	if q.Incident != "" {
		within.Incidents = []incident.ID{q.Incident}
	}
	seen := make(map[alert.Key][]alert.Alert)
	for _, a := range w.alerts {
		if within.Match(a) {
			for _, key := range a.Keys() {
				seen[key] = append(seen[key], a)
			}
		}
	}
	for _, key := range q.Entities {
		for _, a := range sorted(seen[key], within.Compare, q.Limit) {
			all = append(all, storage.Sighting{
				Entity: key, Alert: a.ID, Incident: a.Incident, First: a.FirstActivity, Standalone: a.Standalone,
			})
		}
	}
	return all
}

// askCount compares what r counts with what it yields. So does askFacets.
func (w *world) askCount(ctx context.Context, r storage.Reader) error {
	return askNumbers(w, ctx, r, "count", storage.Count)
}

func (w *world) askFacets(ctx context.Context, r storage.Reader) error {
	return askNumbers(w, ctx, r, "facets", storage.Facets)
}

// askAlertCount compares how many alerts r counts, of any page and by itself, with those that Match selects.
func (w *world) askAlertCount(ctx context.Context, r storage.Reader) error {
	var q alert.Query
	draw(w, &q, alertFilters, alertOthers)
	want := 0
	for _, a := range w.alerts {
		if q.Match(a) {
			want++
		}
	}
	for what, r := range map[string]storage.Reader{"count": r, "alerts": struct{ storage.Reader }{r}} {
		got, err := storage.CountAlerts(ctx, r, q)
		if err != nil {
			return fmt.Errorf("%s for %s: %w", what, describe(q), err)
		}
		if got != want {
			return fmt.Errorf("%s for %s: %d, want %d", what, describe(q), got, want)
		}
	}
	return nil
}

func askNumbers[T any](w *world, ctx context.Context, r storage.Reader, what string, count func(context.Context, storage.Reader, incident.Query) (T, error)) error {
	var q incident.Query
	draw(w, &q, incidentFilters(), incidentOthers)
	if w.one(3) { // what a storage may know without looking at incidents
		q = incident.Query{Statuses: some(w, []incident.Status{0, 1, 2, 3, 4})}
		if w.one(2) {
			q.Severities = some(w, []alert.Severity{0, 1, 2, 3, 4})
		}
		if w.one(2) {
			q = incident.Query{Within: []incident.Query{q, {Statuses: some(w, []incident.Status{0, 1, 2, 3, 4})}}}
		}
	}
	want, err := count(ctx, struct{ storage.Reader }{r}, q) // neither Counter nor Faceter any more
	if err != nil {
		return fmt.Errorf("incidents for %s: %w", describe(q), err)
	}
	got, err := count(ctx, r, q)
	if err != nil {
		return fmt.Errorf("%s for %s: %w", what, describe(q), err)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s for %s: %v, want %v", what, describe(q), got, want)
	}
	return nil
}
