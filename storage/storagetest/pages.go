package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// orders returns a query for each order incidents can have.
func orders() (all []incident.Query) {
	for sort := incident.ByUpdated; sort <= incident.ByPriority; sort++ {
		all = append(all, incident.Query{Sort: sort}, incident.Query{Sort: sort, Ascending: true})
	}
	return all
}

func byteOrder(ctx context.Context, s storage.Storage) error {
	// As bytes, and as no alphabet, collation or sixteen-bit code has them.
	ordered := []string{"", "\x01", " ", " z", "-", "10", "9", "A", "Z", "_", "a", "a ", "a-b", "aB", "ab", "b", "e\u0301", "z", "~", "ß", "ä", "é", "Ω", "\ufb01", "\uffee", "𝄞"}
	if !slices.IsSorted(ordered) {
		return errors.New("storagetest: not in the order of bytes")
	}
	w := newWorld(0)
	var cs storage.Changeset
	for n := range ordered {
		k := n * 7 % len(ordered) // in no order
		text := ordered[k]
		i := incident.Incident{ID: incident.ID(fmt.Sprint("i", k)), Name: text, Created: origin, Updated: origin}
		i.Owner.ID = text
		cs.Incidents = append(cs.Incidents, i)
		cs.Alerts = append(cs.Alerts, alert.Alert{ID: alert.ID("a" + text), Incident: i.ID, FirstActivity: origin})
	}
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	w.incidents, w.alerts = cs.Incidents, cs.Alerts
	for n := range ordered {
		w.incidents[n].Version, w.incidents[n].Number, w.alerts[n].Version = 1, receipt.Numbers[n], 1
	}
	return s.View(ctx, func(r storage.Reader) error {
		for _, up := range []bool{true, false} {
			for _, q := range []incident.Query{{Sort: incident.ByName, Ascending: up}, {Sort: incident.ByOwner, Ascending: up}} {
				if err := w.checkIncidents(ctx, r, q); err != nil {
					return err
				}
			}
			if err := w.checkAlerts(ctx, r, alert.Query{Newest: !up}); err != nil {
				return err
			}
		}
		return nil
	})
}

// cursorRoundTrip goes on behind every record in every order, with a cursor that was a text in between.
func cursorRoundTrip(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		if err := w.change(ctx, s, 16, 0); err != nil {
			return err
		}
		return s.View(ctx, func(r storage.Reader) error {
			for _, q := range orders() {
				all, err := collect(r.Incidents(ctx, q))
				if err != nil {
					return err
				}
				for n, i := range all {
					text, err := q.CursorAfter(i).MarshalText()
					if err != nil {
						return err
					}
					next := q
					if err := next.After.UnmarshalText(text); err != nil {
						return fmt.Errorf("cursor %s: %w", text, err)
					}
					rest, err := collect(r.Incidents(ctx, next))
					if err != nil {
						return fmt.Errorf("%s: %w", describe(next), err)
					}
					if err := same(next, rest, all[n+1:]); err != nil {
						return err
					}
				}
				if err := foreignCursors(ctx, r, q, all[len(all)/2]); err != nil {
					return err
				}
			}
			for _, q := range []alert.Query{{}, {Newest: true}} {
				all, err := collect(r.Alerts(ctx, q))
				if err != nil {
					return err
				}
				for n, a := range all {
					text, err := json.Marshal(a.Position())
					if err != nil {
						return err
					}
					next := q
					if err := json.Unmarshal(text, &next.After); err != nil {
						return err
					}
					rest, err := collect(r.Alerts(ctx, next))
					if err != nil {
						return fmt.Errorf("%s: %w", describe(next), err)
					}
					if err := same(next, rest, all[n+1:]); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
}

// foreignCursors gives q the cursors of all other orders.
func foreignCursors(ctx context.Context, r storage.Reader, q incident.Query, i incident.Incident) error {
	for _, other := range orders() {
		if other.Sort == q.Sort && other.Ascending == q.Ascending {
			continue
		}
		q.After = other.CursorAfter(i)
		n := 0
		for got, err := range r.Incidents(ctx, q) {
			if n++; n > 1 || !errors.Is(err, incident.ErrCursor) || !reflect.DeepEqual(got, incident.Incident{}) {
				return fmt.Errorf("%s: record %d is %s with error %v, want only one matching ErrCursor", describe(q), n, name(got), err)
			}
		}
		if n == 0 {
			return fmt.Errorf("%s: no record and no error, want one matching ErrCursor", describe(q))
		}
	}
	return nil
}

// pageStable walks all pages in every order while others write between them.
func pageStable(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		if err := w.change(ctx, s, 40, 0); err != nil {
			return err
		}
		for _, q := range orders() {
			q.Limit = 9
			before := w.moment()
			seen := map[incident.ID]int{}
			if err := w.walk(ctx, s, func(r storage.Reader) (int, error) {
				page, err := collect(r.Incidents(ctx, q))
				for _, i := range page {
					seen[i.ID]++
					q.After = q.CursorAfter(i)
				}
				return len(page), err
			}); err != nil {
				return fmt.Errorf("seed %d: %s: %w", seed, describe(q), err)
			}
			for n, i := range before.incidents {
				if w.incidents[n].Version == i.Version && seen[i.ID] != 1 {
					return fmt.Errorf("seed %d: %s: incident %s, which nobody changed, was on the pages %d times", seed, describe(q), i.ID, seen[i.ID])
				}
			}
		}
		for _, q := range []alert.Query{{Limit: 17}, {Limit: 17, Newest: true}} {
			before := w.moment()
			seen := map[alert.ID]int{}
			if err := w.walk(ctx, s, func(r storage.Reader) (int, error) {
				page, err := collect(r.Alerts(ctx, q))
				for _, a := range page {
					seen[a.ID]++
					q.After = a.Position()
				}
				return len(page), err
			}); err != nil {
				return fmt.Errorf("seed %d: %s: %w", seed, describe(q), err)
			}
			for n, a := range before.alerts {
				if w.alerts[n].Version == a.Version && seen[a.ID] != 1 {
					return fmt.Errorf("seed %d: %s: alert %s, which nobody changed, was on the pages %d times", seed, describe(q), a.ID, seen[a.ID])
				}
			}
		}
		return nil
	}
}

// sightingOrder stores alerts of one device in no order, some at the same time, asks where it was seen from either end,
// and again after some have moved in time and to another incident.
func sightingOrder(ctx context.Context, s storage.Storage) error {
	const alerts = 300
	w := newWorld(0)
	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0), newIncident(1)}}
	for n := range alerts {
		k := n * 7 % alerts
		a := newAlert(k, cs.Incidents[k/2%2].ID)
		a.FirstActivity = origin.Add(time.Duration(k/3) * time.Minute)
		a.Evidence[0].Entity, a.Standalone = hubDevice, k%5 == 0
		cs.Alerts = append(cs.Alerts, a)
	}
	ask := func(r storage.Reader) error {
		q := storage.SightingQuery{Entities: []alert.Key{"none:none", alert.Identity(hubDevice)}}
		for _, q.Newest = range []bool{false, true} {
			for _, q.Incident = range []incident.ID{"", cs.Incidents[0].ID} {
				for _, q.Limit = range []int{0, 1, 2, 33, 65, alerts - 1} {
					for _, from := range []time.Duration{0, 20 * time.Minute} {
						q.Since, q.Until = time.Time{}, time.Time{}
						if from > 0 {
							q.Since, q.Until = origin.Add(from), origin.Add(3*from)
						}
						if err := w.checkSightings(ctx, r, q); err != nil {
							return err
						}
					}
				}
			}
		}
		return nil
	}
	for round := range 2 {
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
		w.alerts = slices.Clone(cs.Alerts)
		if err := s.View(ctx, ask); err != nil {
			return fmt.Errorf("round %d: %.2000w", round, err)
		}
		for n := range cs.Incidents {
			cs.Incidents[n].Version = 1
		}
		for n := range cs.Alerts {
			a := &cs.Alerts[n]
			a.Version = 1
			if n%4 == 0 {
				a.FirstActivity = a.FirstActivity.Add(90 * time.Second)
				a.Incident = cs.Incidents[1].ID
			}
		}
	}
	return nil
}

// walk calls page in a View of its own until there is nothing on it, and changes some records in between.
func (w *world) walk(ctx context.Context, s storage.Storage, page func(storage.Reader) (int, error)) error {
	for n := range 1000 {
		onPage := 0
		err := s.View(ctx, func(r storage.Reader) (err error) {
			onPage, err = page(r)
			return err
		})
		if err != nil || onPage == 0 {
			return err
		}
		fresh := 1
		if n > 2 {
			fresh = 0 // else the walk would never end
		}
		if err := w.change(ctx, s, fresh, 2); err != nil {
			return err
		}
	}
	return errors.New("the pages do not end")
}
