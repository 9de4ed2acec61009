package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

func allOrNothing(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 2); err != nil {
		return err
	}
	changed := incidentAt(1, 0)
	changed.Name, changed.Tags = "changed", nil
	good := storage.Changeset{
		Incidents: []incident.Incident{newIncident(5), changed},
		Alerts:    []alert.Alert{newAlert(5, "i00005"), alertAt(1, 0, "i00001")},
		Activity:  []activity.Entry{newEntry("new", "i00005")},
	}
	for _, bad := range []storage.Changeset{
		{Incidents: []incident.Incident{incidentAt(9, 1)}},
		{Alerts: []alert.Alert{alertAt(9, 1, "i00001")}},
	} {
		for _, cs := range []storage.Changeset{join(good, bad), join(bad, good)} {
			if err := unchanged(ctx, s, cs, storage.ErrConflict); err != nil {
				return err
			}
		}
	}
	named := storage.Changeset{
		Activity: []activity.Entry{withImages("named", "d")},
		Contents: []activity.Content{content("d", "x")},
	}
	unknown := named
	unknown.Redact = []activity.ID{"unknown"}
	if err := unchanged(ctx, s, unknown, storage.ErrNotFound); err != nil {
		return err
	}
	receipt, err := s.Apply(ctx, good)
	if err != nil {
		return fmt.Errorf("what failed in bad company must be accepted alone: %w", err)
	}
	if receipt.Seq != 3 {
		return fmt.Errorf("after two entries and failed Applies came Seq %d", receipt.Seq)
	}
	if _, err := s.Apply(ctx, named); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{"named"}}); err != nil {
		return err
	}
	return has(ctx, s, "d", nil)
}

// join returns the records of both.
func join(a, b storage.Changeset) storage.Changeset {
	return storage.Changeset{
		Incidents: slices.Concat(a.Incidents, b.Incidents), Alerts: slices.Concat(a.Alerts, b.Alerts), Activity: slices.Concat(a.Activity, b.Activity),
		Contents: slices.Concat(a.Contents, b.Contents), Redact: slices.Concat(a.Redact, b.Redact), Purge: slices.Concat(a.Purge, b.Purge),
		Items: slices.Concat(a.Items, b.Items), Expire: slices.Concat(a.Expire, b.Expire),
		Guard:     storage.Guard{Seq: max(a.Guard.Seq, b.Guard.Seq), Keys: slices.Concat(a.Guard.Keys, b.Guard.Keys)},
		AlertKeys: joinKeys(a, b),
	}
}

func lostUpdate(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	first := storage.Changeset{Incidents: []incident.Incident{incidentAt(1, 0)}, Alerts: []alert.Alert{alertAt(1, 0, "i00000")}}
	if _, err := s.Apply(ctx, first); err != nil {
		return err
	}
	second := incidentAt(1, 0)
	second.Name = "second"
	late := alertAt(1, 0, "i00000")
	late.Title = "second"
	if err := errors.Join(
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{second}}, storage.ErrConflict),
		unchanged(ctx, s, storage.Changeset{Alerts: []alert.Alert{late}}, storage.ErrConflict),
	); err != nil {
		return err
	}

	// Writers that try again when they were beaten all get their turn.
	const writers, each = 4, 10
	var wg sync.WaitGroup
	var failed [writers]error
	for w := range writers {
		wg.Go(func() {
			for range each {
				if failed[w] = comment(ctx, s, "i00000"); failed[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		i, err := r.Incident(ctx, "i00000")
		if err == nil && (i.Comments != writers*each || i.Version != 2+writers*each) {
			err = fmt.Errorf("%d writers counted to %d and version %d, want %d and %d", writers, i.Comments, i.Version, writers*each, 2+writers*each)
		}
		return err
	})
}

// comment counts one comment more on the incident, however often somebody else is faster.
func comment(ctx context.Context, s storage.Storage, id incident.ID) error {
	for {
		var i incident.Incident
		err := s.View(ctx, func(r storage.Reader) (err error) {
			i, err = r.Incident(ctx, id)
			return err
		})
		if err != nil {
			return err
		}
		i.Comments++
		if _, err = s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}}); !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
}

func insertExists(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	entry := []activity.Entry{newEntry("new", "i00000")}
	return errors.Join(
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{newIncident(0)}, Activity: entry}, storage.ErrExists),
		unchanged(ctx, s, storage.Changeset{Alerts: []alert.Alert{newAlert(0, "i00000")}, Activity: entry}, storage.ErrExists))
}

func repeatedID(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	incidents := func(versions ...int64) (cs storage.Changeset) {
		for _, v := range versions {
			cs.Incidents = append(cs.Incidents, incidentAt(v, 0))
		}
		return cs
	}
	alerts := func(versions ...int64) (cs storage.Changeset) {
		for _, v := range versions {
			cs.Alerts = append(cs.Alerts, alertAt(v, 0, "i00000"))
		}
		return cs
	}
	return errors.Join(
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{newIncident(3), newIncident(3)}}, storage.ErrExists),
		unchanged(ctx, s, storage.Changeset{Alerts: []alert.Alert{newAlert(3, "i00000"), newAlert(3, "i00001")}}, storage.ErrExists),
		// The second is either there already or of a version that is over.
		unchanged(ctx, s, incidents(1, 1), storage.ErrExists, storage.ErrConflict),
		unchanged(ctx, s, incidents(1, 2), storage.ErrExists, storage.ErrConflict),
		unchanged(ctx, s, alerts(1, 1), storage.ErrExists, storage.ErrConflict),
		unchanged(ctx, s, alerts(1, 2), storage.ErrExists, storage.ErrConflict),
		unchanged(ctx, s, farApart(), storage.ErrExists))
}

// farApart has an entry twice, with many others in between.
func farApart() (cs storage.Changeset) {
	for n := range 1100 {
		cs.Activity = append(cs.Activity, newEntry(fmt.Sprint("e", n), "i00000"))
	}
	cs.Activity = append(cs.Activity, cs.Activity[0])
	return cs
}

func conflictNames(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	for v := range int64(2) {
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{incidentAt(1+v, 0)}, Alerts: []alert.Alert{alertAt(1+v, 0, "i00000")}}); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		n             int
		given, stored int64
	}{{0, 1, 3}, {0, 5, 3}, {0, -1, 3}, {7, 1, 0}, {7, 3, 0}} {
		i, a := incidentAt(c.given, c.n), alertAt(c.given, c.n, "i00000")
		for _, try := range []struct {
			cs   storage.Changeset
			want storage.ConflictError
		}{
			{storage.Changeset{Incidents: []incident.Incident{i}}, storage.ConflictError{Record: "incident", ID: string(i.ID), Given: c.given, Stored: c.stored}},
			{storage.Changeset{Alerts: []alert.Alert{a}}, storage.ConflictError{Record: "alert", ID: string(a.ID), Given: c.given, Stored: c.stored}},
		} {
			_, err := s.Apply(ctx, try.cs)
			got, ok := errors.AsType[*storage.ConflictError](err)
			switch {
			case !ok:
				return fmt.Errorf("apply returned %v, want a *ConflictError", err)
			case *got != try.want:
				return fmt.Errorf("apply returned %+v, want %+v", *got, try.want)
			case !errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrExists):
				return fmt.Errorf("the error %q matches ErrConflict: %t, ErrExists: %t", err, errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrExists))
			}
		}
	}
	return nil
}

func duplicateEntry(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	again, twice := newEntry("first0", "i00000"), newEntry("n", "i00000")
	other := newEntry("first0", "i00007") // the ID decides, whatever else it says
	return errors.Join(
		unchanged(ctx, s, storage.Changeset{Activity: []activity.Entry{again}}, storage.ErrExists),
		unchanged(ctx, s, storage.Changeset{Incidents: []incident.Incident{newIncident(1)}, Activity: []activity.Entry{newEntry("m", "i00001"), other}}, storage.ErrExists),
		unchanged(ctx, s, storage.Changeset{Activity: []activity.Entry{twice, twice}}, storage.ErrExists))
}

func emptyChangeset(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	before, err := read(ctx, s)
	if err != nil {
		return err
	}
	for range 2 {
		receipt, err := s.Apply(ctx, storage.Changeset{})
		if err != nil {
			return err
		}
		if receipt.Seq != 0 || len(receipt.Numbers) != 0 {
			return fmt.Errorf("receipt %+v, want an empty one", receipt)
		}
	}
	after, err := read(ctx, s)
	if err != nil {
		return err
	}
	if before.String() != after.String() {
		return errors.New("an empty Changeset changed the storage")
	}
	receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{newIncident(1)}, Activity: []activity.Entry{newEntry("next", "i00001")}})
	if err == nil && receipt.Seq != 2 {
		err = fmt.Errorf("after one entry and empty Changesets came Seq %d", receipt.Seq)
	}
	return err
}

// large is how many alerts a large incident has.
const large = 5000

func cascade(ctx context.Context, s storage.Storage) error {
	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0)}}
	for k := range large {
		cs.Alerts = append(cs.Alerts, newAlert(k, "i00000"))
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	cs.Incidents[0].Version = 1
	for k := range cs.Alerts {
		a := &cs.Alerts[k]
		a.Version, a.Status = 1, alert.StatusResolved
		e := newEntry(fmt.Sprint("resolved", k), "i00000")
		e.Alert, e.Type = a.ID, activity.AlertStatus
		cs.Activity = append(cs.Activity, e)
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		alerts, entries := 0, 0
		for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{"i00000"}, Statuses: []alert.Status{alert.StatusResolved}, Brief: true}) {
			if err != nil {
				return err
			}
			if alerts == large || a.ID != cs.Alerts[alerts].ID || a.Version != 2 {
				return fmt.Errorf("resolved alert %d is %s of version %d", alerts, a.ID, a.Version)
			}
			alerts++
		}
		for e, err := range r.Activity(ctx, activity.Query{}) {
			if err != nil {
				return err
			}
			if entries == large || e.ID != cs.Activity[entries].ID {
				return fmt.Errorf("entry %d is %s", entries, e.ID)
			}
			entries++
		}
		if alerts != large || entries != large {
			return fmt.Errorf("%d alerts are resolved and %d entries say so, want %d", alerts, entries, large)
		}
		return nil
	})
}

// largeIncident adds an alert to an incident of 5,000 as the rules do it: by asking for one alert for each of
// its assets, and for no other.
func largeIncident(ctx context.Context, s storage.Storage) error {
	alerts := make([]alert.Alert, large+1)
	for k := range alerts {
		alerts[k] = newAlert(k, "i00000")
	}
	user := func(upn string) alert.Evidence { return alert.Evidence{Entity: alert.User{UPN: upn}} }
	alerts[0].Evidence = append(alerts[0].Evidence, user("first"))
	alerts[large-1].Evidence = append(alerts[large-1].Evidence, user("last"))
	alerts[large].Evidence = append(alerts[large].Evidence, user("first"), user("last"), user("nobody"))
	i, late := newIncident(0), alerts[large]
	i.Alerts = incident.Summarize(alerts[:large])
	cs := storage.Changeset{Incidents: []incident.Incident{i}}
	for batch := range slices.Chunk(alerts[:large], 1000) {
		cs.Alerts = batch
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
		cs.Incidents = nil
	}

	var e incident.Effect
	if err := s.View(ctx, func(r storage.Reader) error {
		stored, err := r.Incident(ctx, i.ID)
		if err != nil {
			return err
		}
		read := map[alert.Key]int{}
		for _, k := range late.Keys() {
			q := alert.Query{Incidents: []incident.ID{i.ID}, Entities: []alert.Key{k}, Limit: 1, Brief: true}
			found, err := collect(r.Alerts(ctx, q))
			if err != nil {
				return err
			}
			if read[k] = len(found); len(found) > 1 {
				return fmt.Errorf("%s: %d records", describe(q), len(found))
			}
		}
		cmd := incident.Command{ID: "add", By: activity.Actor{ID: "kai"}, At: origin}
		e = incident.AddAlert(cmd, stored, late, nil, func(k alert.Key) bool { return read[k] > 0 })
		return nil
	}); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{e.Incident}, Alerts: e.Alerts, Activity: e.Activity}); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		stored, err := r.Incident(ctx, i.ID)
		if want := incident.Summarize(alerts); err == nil && !reflect.DeepEqual(stored.Alerts, want) {
			err = fmt.Errorf("kept up without reading the others, the summary has %s, want %s", unlike(stored.Alerts, want), unlike(want, stored.Alerts))
		}
		return err
	})
}

func numbersUnique(ctx context.Context, s storage.Storage) error {
	const creators = 100
	var wg sync.WaitGroup
	var numbers [creators]int64
	var failed [creators]error
	for n := range creators {
		wg.Go(func() {
			receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{newIncident(n)}})
			if err == nil && len(receipt.Numbers) != 1 {
				err = fmt.Errorf("receipt %+v for one incident", receipt)
			}
			if failed[n] = err; err == nil {
				numbers[n] = receipt.Numbers[0]
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	c, err := read(ctx, s)
	if err != nil {
		return err
	}
	for _, i := range c.incidents {
		if n := slices.IndexFunc(numbers[:], func(number int64) bool { return number == i.Number }); n < 0 || newIncident(n).ID != i.ID {
			return fmt.Errorf("incident %s has number %d, which its receipt does not say", i.ID, i.Number)
		}
	}
	sorted := slices.Sorted(slices.Values(numbers[:]))
	if sorted[0] < 1 || len(slices.Compact(slices.Clone(sorted))) != creators || len(c.incidents) != creators {
		return fmt.Errorf("the numbers of %d incidents are not unique from 1: %v", len(c.incidents), sorted)
	}
	highest := sorted[creators-1]
	for n := creators; n < creators+6; n += 3 { // several at once, in their order
		receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{newIncident(n), newIncident(n + 1), newIncident(n + 2)}})
		if err != nil {
			return err
		}
		for _, number := range receipt.Numbers {
			if number <= highest {
				return fmt.Errorf("numbers %v after %d", receipt.Numbers, highest)
			}
			highest = number
		}
	}
	return nil
}

func numberKept(ctx context.Context, s storage.Storage) error {
	a, b := newIncident(0), newIncident(1)
	a.Number, b.Number = 7, 7 // asked for in vain
	receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{a, b}})
	if err != nil {
		return err
	}
	if len(receipt.Numbers) != 2 || receipt.Numbers[0] >= receipt.Numbers[1] {
		return fmt.Errorf("two new incidents got the numbers %v", receipt.Numbers)
	}
	want := receipt.Numbers[1]
	for n, given := range []int64{0, 999, receipt.Numbers[0], want} {
		b = incidentAt(int64(n)+1, 1)
		b.Number = given
		fresh := newIncident(10 + n)
		receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{fresh, b}})
		if err != nil {
			return err
		}
		if len(receipt.Numbers) != 2 || receipt.Numbers[0] <= want || receipt.Numbers[1] != want {
			return fmt.Errorf("a new incident and number %d, given as %d, got the numbers %v", want, given, receipt.Numbers)
		}
		if err := s.View(ctx, func(r storage.Reader) error {
			got, err := r.Incident(ctx, b.ID)
			if err != nil {
				return err
			}
			found, err := collect(r.Incidents(ctx, incident.Query{Numbers: []int64{want, 999}}))
			if err == nil && (got.Number != want || len(found) != 1 || found[0].ID != b.ID) {
				err = fmt.Errorf("incident %s, given with number %d, has %d, want %d; looked for by it, %d were found", b.ID, given, got.Number, want, len(found))
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
