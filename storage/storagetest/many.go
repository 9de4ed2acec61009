package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// manyHits asks for most of many records by name, with names that are repeated and names of nothing, whole and in
// pages, and has a View list them all while each is changed. Many records have the same time.
func manyHits(ctx context.Context, s storage.Storage) error {
	const records, tied = 1300, 400
	var w world
	for n := range records {
		i, a := newIncident(n), newAlert(n, newIncident(n).ID)
		i.Created = origin.Add(time.Duration(n/tied) * time.Hour)
		i.Updated, a.FirstActivity, a.LastActivity = i.Created, i.Created, i.Created
		e := newEntry(fmt.Sprint("e", n), i.ID)
		e.Alert, e.Origin = a.ID, i.ID
		w.incidents, w.alerts, w.entries = append(w.incidents, i), append(w.alerts, a), append(w.entries, e)
	}
	receipt, err := s.Apply(ctx, storage.Changeset{Incidents: w.incidents, Alerts: w.alerts, Activity: w.entries})
	if err != nil {
		return err
	}
	for n := range records {
		w.incidents[n].Version, w.incidents[n].Number, w.alerts[n].Version, w.entries[n].Seq = 1, receipt.Numbers[n], 1, receipt.Seq+int64(n)
	}

	names := rand.New(rand.NewPCG(1, 3)).Perm(records)[:records-50]
	names = slices.Insert(append(names, names[0], names[700], names[1]), 600, -1, -2, -3, names[1000])
	var incidents []incident.ID
	var numbers []int64
	var alerts []alert.ID
	var entries []activity.ID
	for _, n := range names {
		incidents = append(incidents, incident.ID(fmt.Sprintf("i%05d", n)))
		alerts = append(alerts, newAlert(n, "").ID)
		entries = append(entries, activity.ID(fmt.Sprint("e", n)))
		numbers = append(numbers, receipt.Numbers[0]+int64(n))
	}
	return s.View(ctx, func(r storage.Reader) error {
		for _, limit := range []int{0, 3, 1200} {
			for _, q := range []incident.Query{{IDs: incidents}, {Numbers: numbers}, {IDs: incidents, Sort: incident.ByCreated, Ascending: true}, {}, {Sort: incident.ByName}} {
				q.Limit = limit
				err = errors.Join(err, w.checkIncidents(ctx, r, q))
			}
			for _, q := range []alert.Query{{IDs: alerts}, {Incidents: incidents}, {IDs: alerts, Newest: true}, {}} {
				q.Limit = limit
				err = errors.Join(err, w.checkAlerts(ctx, r, q))
			}
			for _, q := range []activity.Query{{IDs: entries}, {Incidents: incidents}, {Alerts: alerts}, {Origins: incidents, Newest: true}, {}} {
				q.Limit = limit
				err = errors.Join(err, w.checkActivity(ctx, r, q))
			}
			if err != nil {
				return fmt.Errorf("of %d records, up to %d: %.600w", records, limit, err)
			}
		}
		var cs storage.Changeset
		for n := range records {
			i, a := w.incidents[n], w.alerts[n]
			i.Name, a.Title = "changed", "changed"
			cs.Incidents, cs.Alerts = append(cs.Incidents, i), append(cs.Alerts, a)
		}
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
		if err := w.askLists(ctx, r); err != nil {
			return fmt.Errorf("in a View, after all %d records were changed: %.600w", records, err)
		}
		return nil
	})
}

// longFields stores records whose lists are longer than a byte counts and whose numbers are larger than a float64 holds.
func longFields(ctx context.Context, s storage.Storage) error {
	const length, evidence, large = 300, 9_000, 1<<53 + 1
	i, a, e := newIncident(0), newAlert(0, "i00000"), withImages("e")
	i.Tags, a.Evidence = nil, nil
	list := func(what string) (all []string) {
		for n := range length {
			all = append(all, fmt.Sprintf("%s %03d", what, n))
		}
		return all
	}
	for n := range length {
		i.Tags = append(i.Tags, incident.Tag{Name: fmt.Sprintf("tag %03d", n)})
		i.References = append(i.References, incident.Reference{System: "s", ID: fmt.Sprint(n), URL: "https://s.example/"})
		e.Changes = append(e.Changes, activity.Change{Field: fmt.Sprintf("f%03d", n), Before: "9007199254740993", After: activity.Value(fmt.Sprint(n))})
		e.Links = append(e.Links, activity.Link{Entity: alert.Key(fmt.Sprint("k:", n)), Score: math.MaxInt32})
		e.Attachments = append(e.Attachments, activity.Attachment{Name: fmt.Sprint(n, ".png"), SHA256: fmt.Sprint("d", n), Size: large})
	}
	for l, items := range i.Alerts.Lists() {
		*items = list(incident.List(l).String())
	}
	a.Techniques, a.Tags = list("T"), list("tag")
	a.Extra = `{"large":9007199254740993}`
	for n := range evidence {
		one := alert.Evidence{Entity: alert.File{FileName: fmt.Sprint(n), Size: large}, Roles: []alert.Role{"attacked"}}
		if n == 0 {
			one = alert.Evidence{Entity: alert.App{AppID: math.MaxInt64, DisplayName: "app"}, Tags: list("tag"), DetailedRoles: list("role")}
		}
		a.Evidence = append(a.Evidence, one)
	}
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}, Activity: []activity.Entry{e}}); err != nil {
		return err
	}
	i.Version, a.Version, a.Title = 1, 1, "again"
	_, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}})
	return err
}

// manyNames has as many entries name a content as a byte counts, and then redacts them, some twice at once.
func manyNames(ctx context.Context, s storage.Storage) error {
	const names = 256
	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0)}, Contents: []activity.Content{content("d", "x")}}
	var ids []activity.ID
	for n := range names {
		e := withImages(fmt.Sprint("e", n), "d")
		cs.Activity, ids = append(cs.Activity, e), append(ids, e.ID)
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	for _, redact := range [][]activity.ID{nil, {ids[0], ids[0]}, slices.Concat(ids[:127], ids[:127]), ids[1 : names-2], {ids[names-2], ids[names-2], ids[names-2]}} {
		if _, err := s.Apply(ctx, storage.Changeset{Redact: redact}); err != nil {
			return err
		}
		if err := has(ctx, s, "d", []byte("x")); err != nil {
			return fmt.Errorf("while one of %d entries names it: %w", names, err)
		}
	}
	if _, err := s.Apply(ctx, storage.Changeset{Redact: ids[names-1:]}); err != nil {
		return err
	}
	return has(ctx, s, "d", nil)
}

// contentAgain gives a content again that has gone with its last name, with other Applies in between or none, so that
// through two handles it is given, taken away and given again by either.
func contentAgain(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	other := 0
	for round := range 16 {
		pause := func(when int) error {
			if round&when == 0 {
				return nil
			}
			other++
			_, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{newEntry(fmt.Sprint("other", other), "i00000")}})
			return err
		}
		e := withImages(fmt.Sprint("round", round), "d")
		_, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{e}, Contents: []activity.Content{content("d", "x")}})
		if err := errors.Join(err, pause(1), has(ctx, s, "d", []byte("x"))); err != nil {
			return fmt.Errorf("given for the %d. time: %w", round+1, err)
		}
		_, err = s.Apply(ctx, storage.Changeset{Redact: []activity.ID{e.ID}})
		if err := errors.Join(err, pause(2), has(ctx, s, "d", nil)); err != nil {
			return fmt.Errorf("taken away for the %d. time: %w", round+1, err)
		}
	}
	return nil
}

// purgeWriters purges an incident while others write entries of it. The witness sees what became of which.
func purgeWriters(ctx context.Context, s storage.Storage) error {
	const rounds, writers = 6, 4
	if err := populate(ctx, s, rounds); err != nil {
		return err
	}
	for round := range rounds {
		id := newIncident(round).ID
		var over atomic.Bool
		if err := together(writers+1, func(k int) error {
			if k == writers {
				defer over.Store(true)
				i := incidentAt(1, round)
				i.Status = incident.Purged
				cs := storage.Changeset{Incidents: []incident.Incident{i}, Purge: []incident.ID{id}, Activity: []activity.Entry{newEntry(fmt.Sprint("purged", round), id)}}
				_, err := s.Apply(ctx, cs)
				return err
			}
			for n := 0; n < 4 || n < 60 && !over.Load(); n++ {
				e := withImages(fmt.Sprint("writer ", round, k, "/", n), fmt.Sprint("of ", round, k, "/", n))
				e.Incident = id
				if _, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{e}, Contents: []activity.Content{content(e.Attachments[0].SHA256, "x")}}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
