package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A countdown is a context that is done once it has been asked so many times: by Err, or for its channel.
type countdown struct {
	context.Context
	left atomic.Int64
	over chan struct{}
	once sync.Once
}

func newCountdown(ctx context.Context, n int) *countdown {
	c := &countdown{Context: ctx, over: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *countdown) count() {
	if c.left.Add(-1) < 0 {
		c.once.Do(func() { close(c.over) })
	}
}

// spent reports whether c is done.
func (c *countdown) spent() bool { return c.left.Load() < 0 }

func (c *countdown) Done() <-chan struct{} {
	c.count()
	return c.over
}

func (c *countdown) Err() error {
	c.count()
	select {
	case <-c.over:
		return context.Canceled
	default:
		return c.Context.Err()
	}
}

// cancelPoints is how many times a context may be asked before it is done, at most.
const cancelPoints = 60

// cancelApply cancels Applies of everything that a Changeset can hold, at each point where the context is asked. All is
// kept or nothing, and the same Changeset again is kept or refused accordingly.
func cancelApply(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 3); err != nil {
		return err
	}
	version := int64(1)
	for n := range cancelPoints {
		a, b, c := fmt.Sprint("a", n), fmt.Sprint("b", n), fmt.Sprint("c", n)
		victim := withImages(fmt.Sprint("victim", n), a)
		doomed := incident.Incident{ID: incident.ID(fmt.Sprint("doomed", n)), Created: origin, Updated: origin}
		if _, err := s.Apply(ctx, storage.Changeset{
			Activity:  []activity.Entry{victim},
			Contents:  []activity.Content{content(a, a)},
			Incidents: []incident.Incident{doomed},
			Alerts:    []alert.Alert{newAlert(500+n, doomed.ID)},
		}); err != nil {
			return fmt.Errorf("after %d cancelled Applies: %w", n, err)
		}
		i, moved := incidentAt(version, 0), alertAt(version, 1, incident.ID(fmt.Sprintf("i%05d", n%3)))
		i.Name = fmt.Sprint("at point ", n)
		doomed.Version, doomed.Status = 1, incident.Purged
		last, err := lastSeq(ctx, s)
		if err != nil {
			return err
		}
		cs := storage.Changeset{
			Incidents: []incident.Incident{newIncident(100 + n), i, doomed},
			Alerts:    []alert.Alert{newAlert(100+n, i.ID), moved},
			Activity:  []activity.Entry{newEntry(fmt.Sprint("one", n), i.ID), withImages(fmt.Sprint("two", n), b, c)},
			Contents:  []activity.Content{content(b, b), content(c, c)},
			Redact:    []activity.ID{victim.ID},
			Purge:     []incident.ID{doomed.ID},
			Items:     []storage.Item{{Kind: "command", Key: fmt.Sprint(n), Incident: i.ID, Time: origin}},
			Expire:    []storage.Expiry{{Kind: "none", Before: origin}},
			Guard:     storage.Guard{Seq: last, Keys: []alert.Key{alert.Identity(device(0))}},
		}
		over := newCountdown(ctx, n)
		_, err = s.Apply(over, cs)
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("an Apply that was cancelled at point %d returned %w, want context.Canceled", n, err)
		}
		if err == nil && !over.spent() {
			n = cancelPoints // there is no such point
		}
		_, again := s.Apply(ctx, cs)
		switch refused := errors.Is(again, storage.ErrExists) || errors.Is(again, storage.ErrConflict); {
		case again != nil && !refused:
			return fmt.Errorf("the Changeset of an Apply that was cancelled at point %d, again: %w", n, again)
		case again == nil && err == nil:
			return fmt.Errorf("a Changeset was kept twice, the first time by an Apply that was cancelled at point %d",
				n)
		}
		version++
		if n == cancelPoints {
			break
		}
	}
	return nil
}

// cancelNeighbours cancels Applies that wait for others or are committed together with them. The others are kept.
func cancelNeighbours(ctx context.Context, s storage.Storage) error {
	const writers, each = 6, 20
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	var over [writers][each]error
	if err := together(writers, func(w int) error {
		for n := range each {
			id := fmt.Sprint("w", w, "/", n)
			cs := storage.Changeset{
				Incidents: []incident.Incident{newIncident(1000 + w*each + n)},
				Activity:  []activity.Entry{newEntry(id, "i00000")},
			}
			if w%2 == 0 {
				if _, err := s.Apply(ctx, cs); err != nil {
					return fmt.Errorf("an Apply beside others that were cancelled: %w", err)
				}
				continue
			}
			soon, stop := context.WithCancel(ctx)
			timer := time.AfterFunc(time.Duration(n)*50*time.Microsecond, stop)
			_, err := s.Apply(soon, cs)
			timer.Stop()
			stop()
			if over[w][n] = err; err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("an Apply that was cancelled beside others: %w, want context.Canceled", err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if err := cancelMany(ctx, s); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		for w := range writers {
			for n := range each {
				i, err := r.Incident(ctx, newIncident(1000+w*each+n).ID)
				log, logErr := collect(r.Activity(ctx, activity.Query{
					IDs: []activity.ID{activity.ID(fmt.Sprint("w", w, "/", n))},
				}))
				switch {
				case logErr != nil:
					return logErr
				case err != nil && !errors.Is(err, storage.ErrNotFound):
					return err
				case (err == nil) != (len(log) == 1):
					return fmt.Errorf("of a Changeset the incident is there (%t) and the entry is there (%t)",
						err == nil, len(log) == 1)
				case over[w][n] == nil && err != nil:
					return fmt.Errorf("incident %s, which was kept: %w", newIncident(1000+w*each+n).ID, err)
				case err == nil && i.Version != 1:
					return fmt.Errorf("incident %s is at version %d", i.ID, i.Version)
				}
			}
		}
		return nil
	})
}

// cancelMany cancels Applies at about the moment when their turn comes, oftener than a storage has slots or connections
// to lose, and then stores something.
func cancelMany(ctx context.Context, s storage.Storage) error {
	const writers, each = 8, 40
	if err := quietly(s, func() error {
		return together(writers, func(w int) error {
			for n := range each {
				now, stop := context.WithCancel(ctx)
				var ended sync.WaitGroup
				ended.Go(stop)
				cs := storage.Changeset{
					Alerts:   []alert.Alert{newAlert(5000+w*each+n, "i00000")},
					Activity: []activity.Entry{newEntry(fmt.Sprint("many", w, "/", n), "i00000")},
				}
				_, err := s.Apply(now, cs)
				ended.Wait()
				if err != nil && !errors.Is(err, context.Canceled) {
					return fmt.Errorf("an Apply that was cancelled beside others: %w, want context.Canceled", err)
				}
				if n%4 != 0 {
					continue
				}
				if _, again := s.Apply(ctx, cs); again != nil && !errors.Is(again, storage.ErrExists) ||
					again == nil && err == nil {
					return fmt.Errorf("the Changeset of an Apply that was cancelled (%v), again: %w", err, again)
				}
			}
			return nil
		})
	}); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{
		Activity: []activity.Entry{newEntry("at last", "i00000")},
	}); err != nil {
		return fmt.Errorf("an Apply after many that were cancelled: %w", err)
	}
	return nil
}

// cancelView cancels Views and reads at each point where the context is asked. What they return without an error is
// whole.
func cancelView(ctx context.Context, s storage.Storage) error {
	const records = 300
	if err := populate(ctx, s, records); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Items: manyItems(records)}); err != nil {
		return err
	}
	for n := range cancelPoints {
		over := newCountdown(ctx, n*n/4)
		var got [5]int
		err := s.View(over, func(r storage.Reader) (err error) {
			if got[0], err = tally(r.Incidents(over, incident.Query{})); err != nil {
				return err
			}
			if got[1], err = tally(r.Alerts(over, alert.Query{})); err != nil {
				return err
			}
			if got[2], err = tally(r.Activity(over, activity.Query{})); err != nil {
				return err
			}
			if got[4], err = tally(r.Items(over, storage.ItemQuery{})); err != nil {
				return err
			}
			got[3], err = storage.Count(over, r, incident.Query{})
			return err
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("a View that was cancelled at point %d: %w, want context.Canceled", n, err)
		}
		if err == nil && got != [5]int{records, records, records, records, records} {
			return fmt.Errorf("a View that was cancelled at point %d returned nil after %v of %d records",
				n, got, records)
		}
		if err := s.View(ctx, func(r storage.Reader) error { return counts(ctx, r, records) }); err != nil {
			return fmt.Errorf("a View after one that was cancelled: %w", err)
		}
		if _, err := s.Apply(ctx, storage.Changeset{}); err != nil {
			return fmt.Errorf("an Apply after a View that was cancelled: %w", err)
		}
	}
	return nil
}
