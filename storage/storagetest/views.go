package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

func notFound(ctx context.Context, s storage.Storage) error {
	ask := func() error {
		return s.View(ctx, func(r storage.Reader) error {
			i, err := r.Incident(ctx, "none")
			a, alertErr := r.Alert(ctx, "none")
			data, contentErr := r.Content(ctx, "none")
			item, itemErr := r.Item(ctx, "none", "none")
			if !errors.Is(err, storage.ErrNotFound) || !errors.Is(alertErr, storage.ErrNotFound) ||
				!errors.Is(contentErr, storage.ErrNotFound) || !errors.Is(itemErr, storage.ErrNotFound) {
				return fmt.Errorf("reading what is not there: %v, %v, %v and %v", err, alertErr, contentErr, itemErr)
			}
			if !reflect.DeepEqual(i, incident.Incident{}) || !reflect.DeepEqual(a, alert.Alert{}) || data != nil ||
				!reflect.DeepEqual(item, storage.Item{}) {
				return errors.New("a record came with ErrNotFound")
			}
			return nil
		})
	}
	if err := ask(); err != nil {
		return err
	}
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	return ask()
}

func viewError(ctx context.Context, s storage.Storage) error {
	mine := errors.New("mine")
	calls := 0
	if err := s.View(ctx, func(storage.Reader) error { calls++; return mine }); !errors.Is(err, mine) || calls != 1 {
		return fmt.Errorf("fn was called %d times and View returned %v, want fn's error", calls, err)
	}
	for _, mine := range []error{
		storage.ErrConflict, storage.ErrExists, storage.ErrNotFound, storage.ErrClosed, context.Canceled,
		context.DeadlineExceeded,
	} {
		calls := 0
		if err := s.View(ctx, func(storage.Reader) error {
			calls++
			return mine
		}); !errors.Is(err, mine) || calls != 1 {
			return fmt.Errorf("fn was called %d times and View returned %v, want fn's error %w", calls, err, mine)
		}
	}
	if err := s.View(ctx, func(storage.Reader) error { calls++; return nil }); err != nil || calls != 2 {
		return fmt.Errorf("fn was called %d times and View returned %v, want nil", calls-1, err)
	}
	return nil
}

func snapshotStable(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 10); err != nil {
		return err
	}
	changed, moved := incidentAt(1, 0), alertAt(1, 0, "i00005")
	changed.Name, changed.Tags = "changed", nil
	if err := s.View(ctx, func(r storage.Reader) error {
		before, err := readFrom(ctx, r)
		if err != nil {
			return err
		}
		if _, err := s.Apply(ctx, storage.Changeset{
			Incidents: []incident.Incident{changed, newIncident(99)},
			Alerts:    []alert.Alert{moved, newAlert(99, "i00000")},
			Activity:  []activity.Entry{newEntry("late", "i00000")},
		}); err != nil {
			return err
		}
		after, err := readFrom(ctx, r)
		if err != nil {
			return err
		}
		i, err := r.Incident(ctx, changed.ID)
		if err != nil {
			return err
		}
		a, err := r.Alert(ctx, moved.ID)
		if err != nil {
			return err
		}
		_, incidentErr := r.Incident(ctx, "i00099")
		_, alertErr := r.Alert(ctx, newAlert(99, "").ID)
		if before.String() != after.String() || i.Version != 1 || a.Version != 1 || !errors.Is(incidentErr, storage.ErrNotFound) || !errors.Is(alertErr, storage.ErrNotFound) {
			return errors.New("a View saw what was written after it began")
		}
		return nil
	}); err != nil {
		return err
	}
	now, err := read(ctx, s)
	if err == nil && (len(now.incidents) != 11 || len(now.alerts) != 11 || len(now.entries) != 11) {
		err = errors.New("a View did not see what was written before it began")
	}
	return err
}

// noWaiting writes in the middle of a read, and reads and writes while a View is kept open.
func noWaiting(ctx context.Context, s storage.Storage) error {
	const records, workers, each = 20, 4, 10
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		n := 0
		write := func() error {
			n++
			_, err := s.Apply(ctx, storage.Changeset{Alerts: []alert.Alert{newAlert(100+n, "i")}})
			return err
		}
		if err := errors.Join(
			counted(r.Incidents(ctx, incident.Query{}), records, write),
			counted(r.Alerts(ctx, alert.Query{Newest: true}), records, write),
			counted(r.Activity(ctx, activity.Query{}), records, write),
		); err != nil {
			return err
		}

		var wg sync.WaitGroup
		var failed [2 * workers]error
		for w := range workers {
			wg.Go(func() {
				for k := range each {
					i := incidentAt(int64(k)+1, w)
					i.Comments = k + 1
					if _, failed[w] = s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Activity: []activity.Entry{newEntry(fmt.Sprint(w, "/", k), i.ID)}}); failed[w] != nil {
						return
					}
				}
			})
			wg.Go(func() {
				for range each {
					if failed[workers+w] = s.View(ctx, func(r storage.Reader) error { return counts(ctx, r, records) }); failed[workers+w] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		return errors.Join(failed[:]...)
	})
}

// counted runs fn after each of the records of seq, of which there must be n.
func counted[T any](seq iter.Seq2[T, error], n int, fn func() error) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
		n--
		if err := fn(); err != nil {
			return err
		}
	}
	if n != 0 {
		return fmt.Errorf("a sequence ended %d records early", n)
	}
	return nil
}

// wholeViews reads while Changesets are stored that each have two records of every sort and a content.
func wholeViews(ctx context.Context, s storage.Storage) error {
	const writers, readers, each, most = 2, 2, 40, 10_000
	var left atomic.Int64
	left.Store(writers)
	return together(writers+readers, func(k int) error {
		if k >= writers {
			for n := 0; left.Load() > 0 && n < most; n++ {
				if err := s.View(ctx, func(r storage.Reader) error { return whole(ctx, r, k) }); err != nil {
					return err
				}
			}
			return nil
		}
		defer left.Add(-1)
		for n := range each {
			var cs storage.Changeset
			digest := fmt.Sprint("whole ", k, n)
			for half := range 2 {
				i := newIncident(1000*k + 2*n + half)
				e := withImages(fmt.Sprint("whole ", k, n, half), digest)
				e.Incident = i.ID
				cs.Incidents, cs.Activity = append(cs.Incidents, i), append(cs.Activity, e)
				cs.Alerts = append(cs.Alerts, newAlert(1000*k+2*n+half, i.ID))
			}
			cs.Contents = []activity.Content{content(digest, digest)}
			if _, err := s.Apply(ctx, cs); err != nil {
				return err
			}
		}
		return nil
	})
}

// whole sees that there are as many records of one sort as of another, an even number, and the contents of all.
// Readers begin with different sorts.
func whole(ctx context.Context, r storage.Reader, begin int) error {
	var log []activity.Entry
	var counts [3]int
	for n := range counts {
		var err error
		switch sort := (begin + n) % len(counts); sort {
		case 0:
			counts[sort], err = tally(r.Incidents(ctx, incident.Query{}))
		case 1:
			counts[sort], err = tally(r.Alerts(ctx, alert.Query{Brief: true}))
		default:
			log, err = collect(r.Activity(ctx, activity.Query{}))
			counts[sort] = len(log)
		}
		if err != nil {
			return err
		}
	}
	if counts[0]%2 != 0 || counts[0] != counts[1] || counts[1] != counts[2] {
		return fmt.Errorf(
			"of Changesets with two records of each sort, a View sees %d incidents, %d alerts and %d entries",
			counts[0], counts[1], counts[2],
		)
	}
	if len(log) > 0 {
		last := log[len(log)-1].Incident
		i, err := r.Incident(ctx, last)
		members, membersErr := collect(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{last}}))
		if err := errors.Join(err, membersErr); err != nil {
			return err
		}
		if len(members) != 1 {
			return fmt.Errorf("a View sees incident %s and %d alerts of it, want 1", i.ID, len(members))
		}
		if _, err := r.Alert(ctx, members[0].ID); err != nil {
			return err
		}
		digest := log[len(log)-1].Attachments[0].SHA256
		if data, err := r.Content(ctx, digest); err != nil || string(data) != digest {
			return fmt.Errorf("a View sees the last entry, and of its content %q: %w", data, err)
		}
	}
	return nil
}

// counts sees that the comments of all incidents are as many as the entries after the first n.
func counts(ctx context.Context, r storage.Reader, n int) error {
	all, err := collect(r.Incidents(ctx, incident.Query{}))
	if err != nil {
		return err
	}
	log, err := collect(r.Activity(ctx, activity.Query{}))
	if err != nil {
		return err
	}
	comments := 0
	for _, i := range all {
		comments += i.Comments
	}
	if comments != len(log)-n {
		return fmt.Errorf("a View sees %d comments and %d entries of comments", comments, len(log)-n)
	}
	return nil
}

func nestedRead(ctx context.Context, s storage.Storage) error {
	const records = 40
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Items: manyItems(records)}); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		nothing := func() error { return nil }
		inner := func() error {
			_, err := r.Incident(ctx, "i00003")
			_, alertErr := r.Alert(ctx, newAlert(3, "").ID)
			return errors.Join(err, alertErr,
				counted(r.Incidents(ctx, incident.Query{Ascending: true}), records, nothing),
				counted(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{"i00003"}}), 1, nothing),
				counted(r.Activity(ctx, activity.Query{Newest: true}), records, nothing),
				counted(r.Items(ctx, storage.ItemQuery{}), records, nothing))
		}
		fresh := records
		changing := func() error { // what comes while a read goes on is not for this View
			cs := storage.Changeset{
				Incidents: []incident.Incident{newIncident(fresh)},
				Alerts:    []alert.Alert{newAlert(fresh, "i00003")},
				Activity:  []activity.Entry{newEntry(fmt.Sprint("fresh", fresh), "i00003")},
				Items:     []storage.Item{newItem("fresh", fmt.Sprint(fresh))},
			}
			fresh++
			_, err := s.Apply(ctx, cs)
			return errors.Join(err, inner())
		}
		for _, nested := range []func() error{inner, changing} {
			if err := errors.Join(
				counted(r.Incidents(ctx, incident.Query{}), records, nested),
				counted(r.Alerts(ctx, alert.Query{}), records, nested),
				counted(r.Activity(ctx, activity.Query{}), records, nested),
				counted(r.Items(ctx, storage.ItemQuery{}), records, nested)); err != nil {
				return err
			}
		}
		return nil
	})
}

func breakEarly(ctx context.Context, s storage.Storage) error {
	const records, often = 10, 30 // oftener than a storage has connections to lose
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Items: manyItems(records)}); err != nil {
		return err
	}
	for n := range often {
		if err := s.View(ctx, func(r storage.Reader) error {
			if err := errors.Join(
				first(r.Incidents(ctx, incident.Query{})),
				first(r.Alerts(ctx, alert.Query{})),
				first(r.Activity(ctx, activity.Query{})),
				first(r.Items(ctx, storage.ItemQuery{})),
			); err != nil {
				return err
			}
			rest, err := collect(r.Alerts(ctx, alert.Query{}))
			if err == nil && len(rest) != records+n {
				err = fmt.Errorf("%d alerts after breaking off, want %d", len(rest), records+n)
			}
			return err
		}); err != nil {
			return err
		}
		if _, err := s.Apply(ctx, storage.Changeset{Alerts: []alert.Alert{newAlert(records+n, "i00000")}}); err != nil {
			return err
		}
	}
	return nil
}

// first breaks seq off after its first record.
func first[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return errors.New("no record")
}

func cancelled(ctx context.Context, s storage.Storage) error {
	done, stop := context.WithCancel(ctx)
	stop()
	late, stopLate := context.WithDeadline(ctx, time.Unix(0, 0))
	defer stopLate()
	for over, want := range map[context.Context]error{done: context.Canceled, late: context.DeadlineExceeded} {
		for _, cs := range []storage.Changeset{
			{},
			{Incidents: []incident.Incident{newIncident(0)}, Activity: []activity.Entry{newEntry("e", "i")}},
		} {
			if _, err := s.Apply(over, cs); !errors.Is(err, want) {
				return fmt.Errorf("apply (%s) returned %v, want %v", sketch(cs), err, want)
			}
		}
		if err := s.View(over, func(storage.Reader) error { return nil }); !errors.Is(err, want) {
			return fmt.Errorf("view returned %v, want %v", err, want)
		}
	}
	c, err := read(ctx, s)
	if err != nil {
		return err
	}
	if c.String() != (contents{}).String() {
		return errors.New("an Apply whose context was done kept something")
	}

	const records = 1000 // more than anybody reads ahead
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Items: manyItems(records)}); err != nil {
		return err
	}
	for name, run := range map[string]func(context.Context, func(), storage.Reader) error{
		"Incidents": func(ctx context.Context, stop func(), r storage.Reader) error {
			return interrupted(r.Incidents(ctx, incident.Query{}), stop)
		},
		"Alerts": func(ctx context.Context, stop func(), r storage.Reader) error {
			return interrupted(r.Alerts(ctx, alert.Query{}), stop)
		},
		"Activity": func(ctx context.Context, stop func(), r storage.Reader) error {
			return interrupted(r.Activity(ctx, activity.Query{}), stop)
		},
		"Items": func(ctx context.Context, stop func(), r storage.Reader) error {
			return interrupted(r.Items(ctx, storage.ItemQuery{}), stop)
		},
	} {
		if err := s.View(ctx, func(r storage.Reader) error {
			return run(late, func() {}, r)
		}); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s, begun after its deadline: %v, want context.DeadlineExceeded", name, err)
		}
		running, stop := context.WithCancel(ctx)
		err := s.View(running, func(r storage.Reader) error { return run(running, stop, r) })
		stop()
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s, interrupted in the middle: %v, want context.Canceled", name, err)
		}
		// A read that begins when its context is done yields the error and nothing else.
		if err := s.View(ctx, func(r storage.Reader) error { return run(done, func() {}, r) }); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s, begun too late: %v, want context.Canceled", name, err)
		}
	}
	return s.View(ctx, func(r storage.Reader) error {
		_, err := r.Incident(done, "i00000")
		_, alertErr := r.Alert(done, newAlert(0, "").ID)
		_, contentErr := r.Content(done, "none")
		_, itemErr := r.Item(done, "k", "00000")
		_, seqErr := r.Seq(done)
		_, countErr := storage.Count(done, r, incident.Query{})
		_, alertCountErr := storage.CountAlerts(done, r, alert.Query{})
		_, facetsErr := storage.Facets(done, r, incident.Query{})
		_, sightingsErr := tally(storage.Sightings(done, r, storage.SightingQuery{
			Entities: []alert.Key{alert.Identity(device(1))},
		}))
		for _, err := range []error{
			err, alertErr, contentErr, itemErr, seqErr, countErr, alertCountErr, facetsErr, sightingsErr,
		} {
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("what is read when the context is done returns %w, want context.Canceled", err)
			}
		}
		return nil
	})
}

// interrupted calls stop at the first record of seq and returns the error with which seq ends then.
func interrupted[T any](seq iter.Seq2[T, error], stop func()) (ended error) {
	n := 0
	for v, err := range seq {
		if ended != nil {
			return fmt.Errorf("a sequence went on after its error %q", ended)
		}
		if err == nil {
			n++
			stop()
			continue
		}
		if ended = err; !reflect.ValueOf(v).IsZero() {
			return fmt.Errorf("a record came with the error %q", err)
		}
	}
	if ended == nil {
		ended = fmt.Errorf("the sequence went on to its end, %d records", n)
	}
	return ended
}

func closed(ctx context.Context, s storage.Storage) error {
	const records = 20
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	end := make(chan error, 1)
	if err := s.View(ctx, func(r storage.Reader) error {
		before, err := readFrom(ctx, r)
		if err != nil {
			return err
		}
		begun, over := false, make(chan struct{})
		reads := func() error {
			if !begun {
				begun = true
				go func() { end <- s.Close(); close(over) }()
				select {
				case <-over:
				case <-time.After(time.Second / 4): // it may wait for this View
				}
			}
			_, err := r.Incident(ctx, "i00007")
			return err
		}
		if err := counted(r.Incidents(ctx, incident.Query{}), records, reads); err != nil {
			return fmt.Errorf("a View that was running at Close: %w", err)
		}
		after, err := readFrom(ctx, r)
		if err != nil {
			return fmt.Errorf("a View that was running at Close: %w", err)
		}
		if before.String() != after.String() {
			return errors.New("a View that was running at Close saw something else then")
		}
		return nil
	}); err != nil {
		return err
	}
	if err := <-end; err != nil {
		return fmt.Errorf("close: %w", err)
	}
	_, err := s.Apply(ctx, storage.Changeset{})
	viewErr := s.View(ctx, func(storage.Reader) error { return nil })
	if !errors.Is(err, storage.ErrClosed) || !errors.Is(viewErr, storage.ErrClosed) {
		return fmt.Errorf("after Close: Apply %v, View %v, want ErrClosed", err, viewErr)
	}
	if err := s.Close(); err != nil {
		return fmt.Errorf("a second Close returned %w", err)
	}
	return nil
}
