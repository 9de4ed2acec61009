package storagetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A counter is a storage that keeps nothing but gives numbers, some of which it leaves out.
type counter struct {
	storage.Storage
	seq, number int64
}

func (c *counter) Apply(_ context.Context, cs storage.Changeset) (receipt storage.Receipt, err error) {
	for _, i := range cs.Incidents {
		if i.Version == 0 {
			if c.number++; c.number%5 == 0 {
				c.number++
			}
			i.Number = c.number
		}
		receipt.Numbers = append(receipt.Numbers, i.Number)
	}
	if len(cs.Activity) > 0 {
		receipt.Seq = c.seq + 1
	}
	c.seq += int64(len(cs.Activity))
	return receipt, nil
}

// restored gives a storage what another one has numbered, whole and then the changes, and goes on with Apply.
func restored(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		to, ok := s.(storage.Restorer)
		if !ok {
			return nil
		}
		w, elsewhere := newWorld(seed), &counter{}
		var had *world
		for round := range 4 {
			err := w.change(ctx, elsewhere, max(3, 25-10*round), 8)
			if err == nil && round > 0 {
				err = w.purge(ctx, elsewhere, 2)
			}
			if err == nil {
				err = w.restore(ctx, to, had)
			}
			if err == nil {
				err = s.View(ctx, func(r storage.Reader) error { return repeat(15, func() error { return w.askAll(ctx, r) }) })
			}
			if err == nil {
				err = w.hasImage(ctx, s)
			}
			if err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
			had = w.moment()
		}
		last := slices.Max(numbersOf(w.incidents))
		if err := w.change(ctx, s, 4, 4); err != nil {
			return fmt.Errorf("seed %d, apply after restore: %w", seed, err)
		}
		for _, i := range w.incidents[len(had.incidents):] {
			if i.Number <= last {
				return fmt.Errorf("seed %d: apply after restore gave the number %d, which is not above %d", seed, i.Number, last)
			}
		}
		return s.View(ctx, func(r storage.Reader) error { return repeat(15, func() error { return w.askAll(ctx, r) }) })
	}
}

// restore restores w over what w was, which is nil to begin with.
func (w *world) restore(ctx context.Context, to storage.Restorer, was *world) error {
	if was == nil {
		was = &world{}
	}
	var incidents, alerts, entries storage.Changeset
	for n, i := range w.incidents {
		if n >= len(was.incidents) || was.incidents[n].Version != i.Version {
			incidents.Incidents = append(incidents.Incidents, i)
		}
	}
	slices.SortFunc(incidents.Incidents, func(a, b incident.Incident) int { return cmp.Compare(a.Number, b.Number) })
	alerts.Alerts = slices.Clone(w.alerts)
	for _, a := range was.alerts {
		// Who was moved into an incident that was purged goes the same way.
		if !slices.ContainsFunc(w.alerts, func(b alert.Alert) bool { return b.ID == a.ID }) {
			a.Incident = w.purged[0]
			alerts.Alerts = append(alerts.Alerts, a)
		}
	}
	for n, e := range w.entries {
		if n >= len(was.entries) || e.Redacted || w.one(4) {
			entries.Activity = append(entries.Activity, e)
		}
	}
	entries.Items = slices.Clone(w.items)
	for _, i := range was.items {
		if !slices.ContainsFunc(w.items, func(j storage.Item) bool { return j.Place() == i.Place() }) {
			entries.Items = append(entries.Items, storage.Item{Kind: i.Kind, Key: i.Key})
		}
	}
	entries.Contents = []activity.Content{content("d", "image")}
	// Whatever a Changeset brings together.
	all := []storage.Changeset{incidents, alerts, entries}
	if len(was.incidents) > 0 {
		all = []storage.Changeset{join(join(incidents, alerts), entries)}
		all[0].Purge, w.purged = w.purged, nil
	}
	for _, cs := range all {
		if err := to.Restore(ctx, cs); err != nil {
			return err
		}
	}
	return nil
}

// hasImage sees that the content of the attachments that drawEntry draws is there just when one of them is.
func (w *world) hasImage(ctx context.Context, s storage.Storage) error {
	for _, e := range w.entries {
		if !e.Redacted && len(e.Attachments) > 0 {
			return has(ctx, s, "d", []byte("image"))
		}
	}
	return has(ctx, s, "d", nil)
}

// restoreRefused restores what stands in the place of another, or comes out of turn.
func restoreRefused(ctx context.Context, s storage.Storage) error {
	to, ok := s.(storage.Restorer)
	if !ok {
		return nil
	}
	if err := populate(ctx, s, 2); err != nil {
		return err
	}
	numbered := func(n int, number int64) incident.Incident {
		i := incidentAt(3, n)
		i.Number = number
		return i
	}
	placed := func(id string, seq int64) activity.Entry {
		e := newEntry(id, "i00000")
		e.Seq = seq
		return e
	}
	good := storage.Changeset{Incidents: []incident.Incident{numbered(7, 3)}, Alerts: []alert.Alert{alertAt(4, 7, "i00007")}, Activity: []activity.Entry{placed("new", 3)}}
	before, err := read(ctx, s)
	if err != nil {
		return err
	}
	for n, bad := range []storage.Changeset{
		{Incidents: []incident.Incident{numbered(8, 2)}},
		{Incidents: []incident.Incident{numbered(0, 2)}},
		{Incidents: []incident.Incident{numbered(0, 9)}},
		{Incidents: []incident.Incident{numbered(8, 3)}},
		{Incidents: []incident.Incident{numbered(7, 3)}},
		{Activity: []activity.Entry{placed("other", 2)}},
		{Activity: []activity.Entry{placed("other", 5)}},
		{Activity: []activity.Entry{placed("first0", 2)}},
		{Activity: []activity.Entry{placed("first0", 4)}},
		{Activity: []activity.Entry{placed("other", 0)}},
	} {
		if err := to.Restore(ctx, join(good, bad)); !errors.Is(err, storage.ErrExists) {
			return fmt.Errorf("restoring what has the place of another, the %d. way: %v, want an error matching ErrExists", n+1, err)
		}
		after, err := read(ctx, s)
		if err != nil {
			return err
		}
		if before.String() != after.String() {
			return fmt.Errorf("a Restore that failed, the %d. way, changed the storage", n+1)
		}
	}
	if err := to.Restore(ctx, storage.Changeset{Purge: []incident.ID{"i00000"}}); !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("restoring a purge without its incident: %v, want an error matching ErrNotFound", err)
	}
	good.Redact = []activity.ID{"first0", "none"} // which has no meaning here
	if err := to.Restore(ctx, good); err != nil {
		return err
	}
	redacted := newEntry("first1", "i00001")
	redacted.Seq = 2
	redacted = redacted.Redact()
	if err := to.Restore(ctx, storage.Changeset{Activity: []activity.Entry{redacted}}); err != nil {
		return err
	}
	first := newEntry("first0", "i00000")
	first.Seq = 1
	if err := s.View(ctx, func(r storage.Reader) error {
		w := world{entries: []activity.Entry{first, redacted, good.Activity[0]}}
		return w.checkActivity(ctx, r, activity.Query{})
	}); err != nil {
		return fmt.Errorf("after a Restore of an entry that was redacted elsewhere: %w", err)
	}
	return s.View(ctx, func(r storage.Reader) error {
		i, err := r.Incident(ctx, "i00007")
		a, alertErr := r.Alert(ctx, newAlert(7, "").ID)
		if err := errors.Join(err, alertErr); err != nil {
			return err
		}
		if i.Version != 3 || i.Number != 3 || a.Version != 4 {
			return fmt.Errorf("restored were version %d and number %d of an incident and version %d of an alert, want 3, 3 and 4", i.Version, i.Number, a.Version)
		}
		return nil
	})
}
