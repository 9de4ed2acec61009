package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// together calls fn n times at the same moment and joins what it returns.
func together(n int, fn func(k int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for k := range n {
		wg.Go(func() { <-start; errs[k] = fn(k) })
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}

// sameAlert has many callers count on one alert, which they store alone, and each tries again when it was beaten.
func sameAlert(ctx context.Context, s storage.Storage) error {
	const writers, each = 6, 8
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	id := newAlert(0, "").ID
	if err := together(writers, func(k int) error {
		for n := range each {
			for {
				var a alert.Alert
				if err := s.View(ctx, func(r storage.Reader) (err error) {
					a, err = r.Alert(ctx, id)
					return err
				}); err != nil {
					return err
				}
				a.Repeats++
				a.Tags = append(a.Tags, fmt.Sprint(k, "/", n))
				_, err := s.Apply(ctx, storage.Changeset{Alerts: []alert.Alert{a}})
				if err == nil {
					break
				}
				if !errors.Is(err, storage.ErrConflict) {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		a, err := r.Alert(ctx, id)
		if err == nil && (a.Repeats != writers*each || a.Version != 1+writers*each || len(a.Tags) != writers*each) {
			err = fmt.Errorf("%d writers counted to %d, version %d and %d tags, want %d, %d and %d",
				writers, a.Repeats, a.Version, len(a.Tags), writers*each, 1+writers*each, writers*each)
		}
		return err
	})
}

// sameID has many callers store what only one of them can: an entry, an incident or an alert of the same ID, or the
// next version of one that is there. The others must keep nothing of their Changesets.
func sameID(ctx context.Context, s storage.Storage) error {
	const writers, rounds = 8, 6
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	fresh := 0
	for round := range rounds {
		for what, one := range map[string]func(k int) storage.Changeset{
			"entry": func(int) storage.Changeset {
				return storage.Changeset{Activity: []activity.Entry{newEntry(fmt.Sprint("same", round), "i00000")}}
			},
			"incident": func(int) storage.Changeset {
				return storage.Changeset{Incidents: []incident.Incident{newIncident(10_000 + round)}}
			},
			"alert": func(int) storage.Changeset {
				return storage.Changeset{Alerts: []alert.Alert{newAlert(10_000+round, "i00000")}}
			},
			"version of an incident": func(k int) storage.Changeset {
				i := incidentAt(1+int64(round), 0)
				i.Name = fmt.Sprint("by ", k)
				return storage.Changeset{Incidents: []incident.Incident{i}}
			},
			"version of an alert": func(k int) storage.Changeset {
				a := alertAt(1+int64(round), 0, "i00000")
				a.Title = fmt.Sprint("by ", k)
				return storage.Changeset{Alerts: []alert.Alert{a}}
			},
		} {
			base := fresh
			fresh += writers
			var kept, lost atomic.Int64
			if err := together(writers, func(k int) error {
				n := 100 + base + k
				own := storage.Changeset{
					Incidents: []incident.Incident{newIncident(n)},
					Activity:  []activity.Entry{newEntry(fmt.Sprint("own", n), "i00000")},
				}
				cs := join(own, one(k))
				if k%2 == 0 {
					cs = join(one(k), own)
				}
				_, err := s.Apply(ctx, cs)
				switch {
				case err == nil:
					kept.Add(1)
				case errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrConflict):
					lost.Add(1)
				default:
					return err
				}
				return nil
			}); err != nil {
				return err
			}
			if kept.Load() != 1 || lost.Load() != writers-1 {
				return fmt.Errorf(
					"of %d Changesets with the same %s at the same time %d were kept and %d refused, want 1 and %d",
					writers, what, kept.Load(), lost.Load(), writers-1,
				)
			}
			if err := s.View(ctx, func(r storage.Reader) error {
				here := 0
				for k := range writers {
					if _, err := r.Incident(ctx, newIncident(100+base+k).ID); err == nil {
						here++
					} else if !errors.Is(err, storage.ErrNotFound) {
						return err
					}
				}
				if here != 1 {
					return fmt.Errorf(
						"of %d Changesets with the same %s, of which one was kept, the incidents of %d are there",
						writers, what, here,
					)
				}
				return nil
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameRedaction has many callers redact the same entries while others name their contents again.
func sameRedaction(ctx context.Context, s storage.Storage) error {
	const writers, rounds = 6, 5
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	for round := range rounds {
		id := func(what string, k int) string { return fmt.Sprint(what, round, "/", k) }
		digest := func(k int) string { return id("d", k) }
		first := withImages(id("first", 0), digest(0), digest(0), digest(1))
		second := withImages(id("second", 0), digest(1))
		cs := storage.Changeset{
			Activity: []activity.Entry{first, second},
			Contents: []activity.Content{content(digest(0), "0"), content(digest(1), "1")},
		}
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
		if err := together(writers, func(k int) error {
			cs := storage.Changeset{Redact: []activity.ID{first.ID}}
			if k%3 == 1 {
				cs.Activity = []activity.Entry{withImages(id("new", k), digest(2+k))}
				cs.Contents = []activity.Content{content(digest(2+k), "2")}
			}
			_, err := s.Apply(ctx, cs)
			return err
		}); err != nil {
			return err
		}
		if err := errors.Join(
			has(ctx, s, digest(0), nil),
			has(ctx, s, digest(1), []byte("1")),
			has(ctx, s, digest(3), []byte("2")),
		); err != nil {
			return fmt.Errorf("an entry redacted %d times at once: %w", writers, err)
		}
		// The last entry that names a content is redacted, while others come and go that name it too.
		if err := together(writers, func(k int) error {
			if k == 0 {
				_, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{second.ID}})
				return err
			}
			e := withImages(id("third", k), digest(1))
			if _, err := s.Apply(ctx, storage.Changeset{
				Activity: []activity.Entry{e},
				Contents: []activity.Content{content(digest(1), "1")},
			}); err != nil || k == 1 {
				return err
			}
			_, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{e.ID}})
			return err
		}); err != nil {
			return err
		}
		if err := has(ctx, s, digest(1), []byte("1")); err != nil {
			return fmt.Errorf("a content that one of %d entries still names: %w", writers, err)
		}
	}
	return nil
}

// numbersTogether has many callers create several incidents each, with entries, and some in vain. Numbers and Seqs must
// have one order.
func numbersTogether(ctx context.Context, s storage.Storage) error {
	const writers, each, incidents = 8, 10, 3
	var mu sync.Mutex
	given := make(map[int64]string) // by Number
	orders := make(map[int64]int64) // the lowest Number, by Seq
	if err := together(writers, func(w int) error {
		for n := range each {
			var cs storage.Changeset
			for k := range incidents {
				cs.Incidents = append(cs.Incidents, newIncident((w*each+n)*incidents+k))
			}
			cs.Activity = []activity.Entry{newEntry(fmt.Sprint("w", w, "/", n), cs.Incidents[0].ID)}
			if n%3 == 2 {
				stale := storage.Changeset{Incidents: []incident.Incident{incidentAt(9, 20_000+w)}}
				if _, err := s.Apply(ctx, join(cs, stale)); !errors.Is(err, storage.ErrConflict) {
					return fmt.Errorf("apply of a stale incident: %w", err)
				}
			}
			receipt, err := s.Apply(ctx, cs)
			if err != nil {
				return err
			}
			mu.Lock()
			for k, number := range receipt.Numbers {
				if other, taken := given[number]; taken {
					err = fmt.Errorf("incidents %s and %s have the same Number %d", other, cs.Incidents[k].ID, number)
				}
				given[number] = string(cs.Incidents[k].ID)
			}
			if len(receipt.Numbers) > 0 {
				orders[receipt.Seq] = receipt.Numbers[0]
			}
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	last := int64(0)
	for seq := range int64(writers * each) {
		number, there := orders[seq+1]
		if !there || number <= last {
			return fmt.Errorf("the Changeset of Seq %d has the Number %d (%t) after %d", seq+1, number, there, last)
		}
		last = number
	}
	return nil
}
