package storagetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// longView keeps a View open for seconds while every record changes many times over, and asks it meanwhile and after.
func longView(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		const changes, pause = 60, 50 * time.Millisecond
		w := newWorld(seed)
		if err := w.change(ctx, s, 30, 0); err != nil {
			return err
		}
		if err := w.change(ctx, s, 0, 15); err != nil {
			return err
		}
		was := w.moment()
		return s.View(ctx, func(r storage.Reader) error {
			if err := was.askEach(ctx, r); err != nil {
				return fmt.Errorf("seed %d, at first: %w", seed, err)
			}
			for n := range changes {
				select {
				case <-time.After(pause):
				case <-ctx.Done():
					return ctx.Err()
				}
				if err := w.change(ctx, s, n%2, 12); err != nil {
					return fmt.Errorf("seed %d: %w", seed, err)
				}
				if n%20 == 19 {
					if err := errors.Join(was.askAll(ctx, r), was.askEach(ctx, r)); err != nil {
						return fmt.Errorf("seed %d, a View after %d changes: %w", seed, n+1, err)
					}
				}
			}
			if err := w.askForLater(ctx, r, was); err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
			if err := manyCommits(ctx, s, w); err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
			if err := repeat(20, func() error { return was.askAll(ctx, r) }); err != nil {
				return fmt.Errorf("seed %d, a View after %d changes: %w", seed, changes, err)
			}
			// What is redacted or purged it may see as it was or as it is.
			for range 3 {
				if err := w.purge(ctx, s, 3); err != nil {
					return fmt.Errorf("seed %d: %w", seed, err)
				}
				if err := w.askBefore(ctx, r, was); err != nil {
					return fmt.Errorf("seed %d, a View that began before a purge: %w", seed, err)
				}
			}
			return nil
		})
	}
}

// manyCommits is more than a storage keeps old states for.
func manyCommits(ctx context.Context, s storage.Storage, w *world) error {
	return quietly(s, func() error {
		for n := range 1100 {
			e := w.drawEntry(entryID(len(w.entries)))
			receipt, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{e}})
			if err != nil {
				return fmt.Errorf("commit %d: %w", n, err)
			}
			e.Seq = receipt.Seq
			w.entries = append(w.entries, e)
		}
		return nil
	})
}

// askEach reads each record of w by its ID.
func (w *world) askEach(ctx context.Context, r storage.Reader) error {
	for _, want := range w.incidents {
		got, err := r.Incident(ctx, want.ID)
		if err := oneByID(want.ID, got, err, want, true); err != nil {
			return err
		}
	}
	for _, want := range w.alerts {
		got, err := r.Alert(ctx, want.ID)
		if err := oneByID(want.ID, got, err, want, true); err != nil {
			return err
		}
	}
	for _, e := range w.entries {
		if err := w.checkActivity(ctx, r, activity.Query{IDs: []activity.ID{e.ID}}); err != nil {
			return err
		}
	}
	for _, want := range w.items {
		got, err := r.Item(ctx, want.Kind, want.Key)
		if err := oneByID(want.Place(), got, err, want, true); err != nil {
			return err
		}
	}
	return nil
}

// askLists reads all records of w.
func (w *world) askLists(ctx context.Context, r storage.Reader) error {
	return errors.Join(
		w.checkIncidents(ctx, r, incident.Query{}),
		w.checkAlerts(ctx, r, alert.Query{}),
		w.checkActivity(ctx, r, activity.Query{}),
		w.checkItems(ctx, r, storage.ItemQuery{}),
	)
}

// manyViews opens Views inside Views, each of a moment of its own, and then many at once beside a writer.
func manyViews(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		if err := w.change(ctx, s, 4, 0); err != nil {
			return err
		}
		var deeper func(left int) error
		var askOpen []func() error // of the Views that are open
		deeper = func(left int) error {
			was := w.moment()
			return s.View(ctx, func(r storage.Reader) error {
				if err := was.askLists(ctx, r); err != nil {
					return err
				}
				askOpen = append(askOpen, func() error { return was.askLists(ctx, r) })
				err := w.change(ctx, s, left%4/3, 3)
				if err == nil && left > 1 {
					err = deeper(left - 1)
				} else if err == nil {
					for n, ask := range askOpen {
						if err = ask(); err != nil {
							return fmt.Errorf("while all are open, number %d: %w", n+1, err)
						}
					}
				}
				if err == nil {
					err = was.askLists(ctx, r)
				}
				if err == nil && left%8 == 0 {
					err = was.askEach(ctx, r)
				}
				if err != nil {
					return fmt.Errorf("%d of %d Views: %w", openViews-left+1, openViews, err)
				}
				return nil
			})
		}
		if err := deeper(openViews); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}

		const callers, each = 80, 2
		records := 0
		if err := s.View(ctx, func(r storage.Reader) (err error) {
			records, err = tally(r.Activity(ctx, activity.Query{}))
			return err
		}); err != nil {
			return err
		}
		i := newIncident(0)
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}}); err != nil {
			return err
		}
		return together(callers, func(k int) error {
			for n := range each {
				if k == 0 {
					i.Version, i.Comments = int64(n)+1, n+1
					if _, err := s.Apply(ctx, storage.Changeset{
						Incidents: []incident.Incident{i},
						Activity:  []activity.Entry{newEntry(fmt.Sprint("many", n), i.ID)},
					}); err != nil {
						return err
					}
				}
				if err := s.View(ctx, func(r storage.Reader) error { return counts(ctx, r, records) }); err != nil {
					return fmt.Errorf("one of %d Views at once: %w", callers, err)
				}
			}
			return nil
		})
	}
}

// openViews is how many Views are open at once.
const openViews = 41

// panics has the function of a View panic and end its goroutine, wherever it may be, oftener than a storage has
// connections or readers to lose. What is called next works.
func panics(ctx context.Context, s storage.Storage) error {
	const records, often = 5, 20
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	type mark struct{ n int }
	if err := panicsInside(ctx, s); err != nil {
		return err
	}
	fresh := 200
	for n := range often {
		for way, fn := range map[string]func(r storage.Reader, stop func()){
			"at once": func(_ storage.Reader, stop func()) { stop() },
			"after a read": func(r storage.Reader, stop func()) {
				_, _ = r.Incident(ctx, "i00001")
				stop()
			},
			"inside a list": func(r storage.Reader, stop func()) {
				_ = counted(r.Incidents(ctx, incident.Query{}), 9, ending(stop))
			},
			"inside a list of alerts": func(r storage.Reader, stop func()) {
				_ = counted(r.Alerts(ctx, alert.Query{}), 9, ending(stop))
			},
			"inside a list of entries": func(r storage.Reader, stop func()) {
				_ = counted(r.Activity(ctx, activity.Query{}), 9, ending(stop))
			},
			"inside a View of a View": func(storage.Reader, func()) {},
		} {
			for _, exits := range []bool{false, true} {
				stop := func() { panic(mark{n}) }
				if exits {
					stop = runtime.Goexit
				}
				view := func() error { return s.View(ctx, func(r storage.Reader) error { fn(r, stop); return nil }) }
				if way == "inside a View of a View" {
					view = func() error {
						return s.View(ctx, func(storage.Reader) error {
							return s.View(ctx, func(storage.Reader) error { stop(); return nil })
						})
					}
				}
				if recovered, err := ended(view); exits && recovered != nil || !exits && recovered != (mark{n}) {
					return fmt.Errorf(
						"%s, the function of a View panicked: View returned %v, and its caller recovered %v",
						way, err, recovered,
					)
				}
			}
			if n < 2 { // so that a View of now differs from the one before
				fresh++
				if _, err := s.Apply(ctx, storage.Changeset{
					Alerts: []alert.Alert{newAlert(fresh, "i00002")},
				}); err != nil {
					return fmt.Errorf("an Apply after a View whose function panicked %s: %w", way, err)
				}
			}
			if err := s.View(ctx, func(r storage.Reader) error {
				if _, err := r.Alert(ctx, newAlert(fresh, "").ID); fresh > 200 && err != nil {
					return err
				}
				return counts(ctx, r, records+2)
			}); err != nil {
				return fmt.Errorf("a View after one whose function panicked %s: %w", way, err)
			}
			if _, err := s.Apply(ctx, storage.Changeset{
				Alerts: []alert.Alert{newAlert(100, "i00000")},
			}); n == 0 && err != nil && !errors.Is(err, storage.ErrExists) {
				return fmt.Errorf("an Apply after a View whose function panicked %s: %w", way, err)
			}
		}
	}
	return nil
}

// panicsInside has a View panic while another of the same moment is open, which goes on to see that moment.
func panicsInside(ctx context.Context, s storage.Storage) error {
	return s.View(ctx, func(r storage.Reader) error {
		before, err := readFrom(ctx, r)
		if err != nil {
			return err
		}
		if _, err := ended(func() error {
			return s.View(ctx, func(storage.Reader) error { panic("inside") })
		}); err != nil {
			return err
		}
		for version := range int64(2) {
			i, a := incidentAt(1+version, 0), alertAt(1+version, 0, "i00001")
			i.Name, a.Title = "changed", "changed"
			if _, err := s.Apply(ctx, storage.Changeset{
				Incidents: []incident.Incident{i},
				Alerts:    []alert.Alert{a},
				Activity:  []activity.Entry{newEntry(fmt.Sprint("inside", version), i.ID)},
			}); err != nil {
				return err
			}
		}
		after, err := readFrom(ctx, r)
		if err == nil && after.String() != before.String() {
			err = errors.New("a View changed after another one of its moment had panicked")
		}
		return err
	})
}

func ending(stop func()) func() error { return func() error { stop(); return nil } }

// ended calls view in a goroutine of its own and returns with what it panicked.
func ended(view func() error) (recovered any, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recovered = recover() }()
		err = view()
	}()
	<-done
	return recovered, err
}

// newKeys asks for incidents by a key that no alert has, stores an alert with it, alone or not, and asks again.
func newKeys(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 2); err != nil {
		return err
	}
	for n := range 6 {
		a := newAlert(10+n, "i00001")
		a.Evidence[0].Entity = device(100 + n)
		key := []alert.Key{alert.Identity(a.Evidence[0].Entity)}
		ask := func(want int) error {
			return s.View(ctx, func(r storage.Reader) error {
				incidents, err := tally(r.Incidents(ctx, incident.Query{Entities: key}))
				alerts, alertsErr := tally(r.Alerts(ctx, alert.Query{Entities: key}))
				count, countErr := storage.Count(ctx, r, incident.Query{Entities: key})
				seen, seenErr := tally(storage.Sightings(ctx, r, storage.SightingQuery{Entities: key}))
				if err := errors.Join(err, alertsErr, countErr, seenErr); err != nil {
					return err
				}
				if incidents != want || alerts != want || count != want || seen != want {
					return fmt.Errorf(
						"%d incidents, %d counted, %d alerts and %d sightings with a key, want %d of each",
						incidents, count, alerts, seen, want,
					)
				}
				return nil
			})
		}
		cs := storage.Changeset{Alerts: []alert.Alert{a}}
		if n%3 == 1 {
			cs.Activity = []activity.Entry{newEntry(fmt.Sprint("key", n), "i00000")}
		} else if n%3 == 2 {
			cs.Incidents = []incident.Incident{newIncident(10 + n)}
		}
		if err := ask(0); err != nil {
			return err
		}
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
		if err := ask(1); err != nil {
			return err
		}
		a.Version, a.Evidence = 1, nil
		if _, err := s.Apply(ctx, storage.Changeset{Alerts: []alert.Alert{a}}); err != nil {
			return err
		}
		if err := ask(0); err != nil {
			return err
		}
	}
	return nil
}

// byID changes, moves, redacts, purges and stores again the same records in turn. After each
// step the witness asks for every record, by its ID and in lists, what it has asked before.
func byID(ctx context.Context, s storage.Storage) error {
	const rounds = 4
	version := map[int]int64{}
	for round := range rounds {
		for n := range 3 {
			i := incidentAt(version[n], n)
			i.Name = fmt.Sprint("round ", round)
			i.Severity = alert.Severity(round)
			i.Tags = []incident.Tag{{Name: fmt.Sprint("tag ", round)}}
			a := alertAt(0, n, incidentAt(0, (n+round)%3).ID)
			entry := withImages(fmt.Sprint("entry", round, n), fmt.Sprint("d", n))
			entry.Incident, entry.Alert = i.ID, a.ID
			if _, err := s.Apply(ctx, storage.Changeset{
				Incidents: []incident.Incident{i},
				Alerts:    []alert.Alert{a},
				Activity:  []activity.Entry{entry},
				Contents:  []activity.Content{content(fmt.Sprint("d", n), "x")},
			}); err != nil {
				return err
			}
			version[n]++
			// Moved, with other evidence; what is asked by the old evidence finds nothing any more.
			a.Version = 1
			a.Incident = incidentAt(0, (n+round+1)%3).ID
			a.Status = alert.StatusResolved
			a.Evidence = []alert.Evidence{{Entity: device(10 + round)}}
			if n == 2 {
				if _, err := s.Apply(ctx, storage.Changeset{Alerts: []alert.Alert{a}}); err != nil {
					return err
				}
			}
			if round%2 == 0 {
				if _, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{entry.ID}}); err != nil {
					return err
				}
			}
			i.Version, i.Number, i.Owner = version[n], 0, incident.Owner{ID: "kai"}
			if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}}); err != nil {
				return err
			}
			version[n]++
			if err := s.View(ctx, func(r storage.Reader) error {
				for _, q := range []incident.Query{
					{Tags: []string{fmt.Sprint("tag ", round)}},
					{Owners: []string{"kai"}},
					{Severities: []alert.Severity{alert.Severity(round)}},
					{Text: fmt.Sprint("round ", round)},
				} {
					found, err := collect(r.Incidents(ctx, q))
					if err != nil {
						return err
					}
					if !slices.ContainsFunc(found, func(f incident.Incident) bool {
						return f.ID == i.ID && f.Version == version[n]
					}) {
						return fmt.Errorf("%s does not find incident %s at version %d", describe(q), i.ID, version[n])
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		for n := range 3 { // so that their alerts are new again
			i := incidentAt(version[n], n)
			if _, err := s.Apply(ctx, storage.Changeset{
				Incidents: []incident.Incident{i},
				Purge:     []incident.ID{i.ID},
			}); err != nil {
				return err
			}
			version[n]++
		}
	}
	return nil
}
