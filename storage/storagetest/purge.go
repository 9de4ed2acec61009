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

// purged purges incidents while records come and go, asks for everything in between, and looks at what a View that
// began before still sees.
func purged(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		for round := range 5 {
			if err := w.change(ctx, s, max(4, 30-15*round), 8); err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
			was := w.moment()
			if err := s.View(ctx, func(before storage.Reader) error {
				if _, err := before.Incident(ctx, incidentID(0)); err != nil { // it has seen its moment
					return err
				}
				if err := w.purge(ctx, s, 1+round); err != nil {
					return err
				}
				if err := w.askBefore(ctx, before, was); err != nil {
					return fmt.Errorf("a View that began before the purge: %w", err)
				}
				return s.View(ctx, func(r storage.Reader) error { return repeat(20, func() error { return w.askAll(ctx, r) }) })
			}); err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
		}
		return nil
	}
}

func (w *world) askAll(ctx context.Context, r storage.Reader) error {
	return errors.Join(
		w.askIncidents(ctx, r),
		w.askAlerts(ctx, r),
		w.askActivity(ctx, r),
		w.askSightings(ctx, r),
		w.askCount(ctx, r),
		w.askFacets(ctx, r),
		w.askItems(ctx, r),
	)
}

// askBefore asks r, which is of the moment was, for everything: incidents are as they were, alerts and entries each as
// they were or as they are.
func (w *world) askBefore(ctx context.Context, r storage.Reader, was *world) error {
	if err := was.checkIncidents(ctx, r, incident.Query{}); err != nil {
		return err
	}
	alerts, err := collect(r.Alerts(ctx, alert.Query{}))
	if err != nil {
		return err
	}
	seen := make(map[alert.ID]alert.Alert)
	for _, a := range alerts {
		seen[a.ID] = a
	}
	for _, a := range was.alerts {
		kept := slices.ContainsFunc(w.alerts, func(b alert.Alert) bool { return b.ID == a.ID })
		if got, ok := seen[a.ID]; (ok || kept) && !reflect.DeepEqual(got, a) {
			return fmt.Errorf("alert %s is %s", a.ID, unlike(got, a))
		}
		delete(seen, a.ID)
	}
	if len(seen) > 0 {
		return fmt.Errorf("%d alerts were not there before", len(seen))
	}
	entries, err := collect(r.Activity(ctx, activity.Query{}))
	if err != nil || len(entries) != len(was.entries) {
		return fmt.Errorf("%d entries, want %d: %w", len(entries), len(was.entries), err)
	}
	for n, e := range entries {
		if !reflect.DeepEqual(e, was.entries[n]) && !reflect.DeepEqual(e, w.entries[n]) {
			return fmt.Errorf("%s is neither as it was nor as it is: %s", name(e), unlike(e, w.entries[n]))
		}
	}
	return nil
}

// purgeRefused purges incidents that are not there, not given, new, or changed in between.
func purgeRefused(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 3); err != nil {
		return err
	}
	zero := incidentAt(1, 0)
	entry := newEntry("late", zero.ID)
	for _, cs := range []storage.Changeset{
		{Purge: []incident.ID{"none"}},
		{Purge: []incident.ID{zero.ID}},
		{Incidents: []incident.Incident{zero}, Activity: []activity.Entry{entry}, Purge: []incident.ID{zero.ID, "i00001"}},
		{Incidents: []incident.Incident{zero, newIncident(9)}, Purge: []incident.ID{zero.ID, "i00009"}},
	} {
		if err := unchanged(ctx, s, cs, storage.ErrNotFound); err != nil {
			return fmt.Errorf("a purge of %q: %w", cs.Purge, err)
		}
	}
	if err := errors.Join(
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{incidentAt(9, 0)}, Purge: []incident.ID{zero.ID}}, storage.ErrConflict),
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{zero, incidentAt(9, 1)}, Purge: []incident.ID{zero.ID}}, storage.ErrConflict),
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{zero}, Activity: []activity.Entry{newEntry("first1", "i00001")}, Purge: []incident.ID{zero.ID}}, storage.ErrExists),
	); err != nil {
		return err
	}

	// What is purged and redacted at once is purged.
	both := withImages("both", "d")
	both.Incident, both.Links = "i00002", []activity.Link{{Entity: "ip:192.0.2.1"}}
	if _, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{both}}); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{incidentAt(1, 2)}, Purge: []incident.ID{"i00002"}, Redact: []activity.ID{"both"}}); err != nil {
		return err
	}
	both.Seq = 4
	if err := s.View(ctx, func(r storage.Reader) error {
		w := world{entries: []activity.Entry{both.Skeleton()}}
		return w.checkActivity(ctx, r, activity.Query{IDs: []activity.ID{"both"}})
	}); err != nil {
		return fmt.Errorf("purged and redacted at once: %w", err)
	}

	// An alert that comes with the purge goes with it, one that leaves stays, and what is named twice is purged once.
	away := alertAt(1, 0, "i00001")
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{zero}, Alerts: []alert.Alert{away, newAlert(7, zero.ID)},
		Activity: []activity.Entry{entry}, Purge: []incident.ID{zero.ID, zero.ID}}); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		alerts, err := collect(r.Alerts(ctx, alert.Query{}))
		log, logErr := collect(r.Activity(ctx, activity.Query{Incidents: []incident.ID{zero.ID}}))
		if err := errors.Join(err, logErr); err != nil {
			return err
		}
		var ids []alert.ID
		for _, a := range alerts {
			ids = append(ids, a.ID)
		}
		if want := []alert.ID{away.ID, newAlert(1, "").ID}; !slices.Equal(ids, want) {
			return fmt.Errorf("after a purge there are the alerts %q, want %q", ids, want)
		}
		if len(log) != 2 || !log[0].Redacted || log[1].Redacted {
			return fmt.Errorf("after a purge the log of the incident is %+v, want a skeleton and the entry that came with the purge", log)
		}
		return nil
	})
}

// purgeContents purges incidents whose entries name contents.
func purgeContents(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 2); err != nil {
		return err
	}
	elsewhere := withImages("elsewhere", "shared")
	elsewhere.Incident = "i00001"
	if _, err := s.Apply(ctx, storage.Changeset{
		Activity: []activity.Entry{withImages("1", "own", "shared"), withImages("2", "own"), elsewhere, withImages("3", "redacted")},
		Contents: []activity.Content{content("own", "1"), content("shared", "2"), content("redacted", "3")},
	}); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{"3"}}); err != nil {
		return err
	}
	late := withImages("late", "late")
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{incidentAt(1, 0)}, Purge: []incident.ID{"i00000"},
		Activity: []activity.Entry{late}, Contents: []activity.Content{content("late", "4")}}); err != nil {
		return err
	}
	if err := errors.Join(has(ctx, s, "own", nil), has(ctx, s, "redacted", nil), has(ctx, s, "shared", []byte("2")), has(ctx, s, "late", []byte("4"))); err != nil {
		return fmt.Errorf("one of two incidents purged: %w", err)
	}
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{incidentAt(2, 0), incidentAt(1, 1)}, Purge: []incident.ID{"i00001", "i00000"}}); err != nil {
		return err
	}
	if err := errors.Join(has(ctx, s, "shared", nil), has(ctx, s, "late", nil)); err != nil {
		return err
	}
	// A content that goes with a purge is there again when the Changeset brings it, and else not, whoever names it.
	if _, err := s.Apply(ctx, storage.Changeset{
		Activity: []activity.Entry{withImages("4", "again", "lost")},
		Contents: []activity.Content{content("again", "5"), content("lost", "6")},
	}); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{
		Incidents: []incident.Incident{incidentAt(3, 0)},
		Purge:     []incident.ID{"i00000"},
		Activity:  []activity.Entry{withImages("5", "again", "lost")},
		Contents:  []activity.Content{content("again", "5")},
	}); err != nil {
		return err
	}
	return errors.Join(has(ctx, s, "again", []byte("5")), has(ctx, s, "lost", nil))
}
