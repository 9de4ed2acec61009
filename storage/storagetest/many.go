package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
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
		i.Owner.ID = fmt.Sprint("owner ", n)
		i.Tags = []incident.Tag{{Name: fmt.Sprint("tag ", n)}}
		i.Alerts.Sources = []string{fmt.Sprint("source ", n)}
		a.Evidence[0].Entity = device(n)
		e := newEntry(fmt.Sprint("e", n), i.ID)
		e.Alert, e.Origin, e.Actor.ID = a.ID, i.ID, i.Owner.ID
		w.incidents, w.alerts, w.entries = append(w.incidents, i), append(w.alerts, a), append(w.entries, e)
	}
	receipt, err := s.Apply(ctx, storage.Changeset{Incidents: w.incidents, Alerts: w.alerts, Activity: w.entries})
	if err != nil {
		return err
	}
	for n := range records {
		w.incidents[n].Version = 1
		w.incidents[n].Number = receipt.Numbers[n]
		w.alerts[n].Version = 1
		w.entries[n].Seq = receipt.Seq + int64(n)
	}

	names := rand.New(rand.NewPCG(1, 3)).Perm(records)[:records-50]
	names = slices.Insert(append(names, names[0], names[700], names[1]), 600, -1, -2, -3, names[1000])
	var incidents []incident.ID
	var numbers []int64
	var owners, tags, sources []string
	var devices []alert.Key
	var alerts []alert.ID
	var entries []activity.ID
	for _, n := range names {
		incidents = append(incidents, incident.ID(fmt.Sprintf("i%05d", n)))
		alerts = append(alerts, newAlert(n, "").ID)
		entries = append(entries, activity.ID(fmt.Sprint("e", n)))
		numbers = append(numbers, receipt.Numbers[0]+int64(n))
		owners = append(owners, fmt.Sprint("owner ", n))
		tags = append(tags, fmt.Sprint("tag ", n))
		sources = append(sources, fmt.Sprint("source ", n))
		devices = append(devices, alert.Identity(device(n)))
	}
	return s.View(ctx, func(r storage.Reader) error {
		for _, limit := range []int{0, 3, 1200} {
			for _, q := range []incident.Query{
				{IDs: incidents},
				{Numbers: numbers},
				{IDs: incidents, Sort: incident.ByCreated, Ascending: true},
				{},
				{Sort: incident.ByName},
				{Owners: owners},
				{Tags: tags},
				{Sources: sources},
				{Entities: devices},
			} {
				q.Limit = limit
				err = errors.Join(err, w.checkIncidents(ctx, r, q))
			}
			for _, q := range []alert.Query{
				{IDs: alerts},
				{Incidents: incidents},
				{IDs: alerts, Newest: true},
				{Entities: devices},
				{},
			} {
				q.Limit = limit
				err = errors.Join(err, w.checkAlerts(ctx, r, q))
			}
			for _, q := range []activity.Query{
				{IDs: entries},
				{Incidents: incidents},
				{Alerts: alerts},
				{Origins: incidents, Newest: true},
				{Actors: owners},
				{},
			} {
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
			i.Name = "changed"
			a.Title = "changed"
			i.Updated = i.Updated.AddDate(0, 0, n%3)
			a.FirstActivity = a.FirstActivity.AddDate(0, 0, n%3)
			cs.Incidents, cs.Alerts = append(cs.Incidents, i), append(cs.Alerts, a)
		}
		// All change while they are read.
		order, err := collect(r.Incidents(ctx, incident.Query{}))
		if err != nil {
			return err
		}
		n := 0
		for i, err := range r.Incidents(ctx, incident.Query{}) {
			if err == nil && n == 100 {
				_, err = s.Apply(ctx, cs)
			}
			if err != nil {
				return err
			}
			if n == len(order) || i.ID != order[n].ID || i.Version != order[n].Version {
				return fmt.Errorf(
					"while all %d records are changed, "+
						"a read that goes on yields incident %s at version %d at place %d",
					records, i.ID, i.Version, n,
				)
			}
			n++
		}
		if n != records {
			return fmt.Errorf("while all %d records are changed, a read that goes on ends after %d", records, n)
		}
		if err := w.askLists(ctx, r); err != nil {
			return fmt.Errorf("in a View, after all %d records were changed: %.600w", records, err)
		}
		return nil
	})
}

// longFields stores records whose lists are longer than a byte counts and whose numbers are larger than a float64
// holds.
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
		tag := incident.Tag{Name: fmt.Sprintf("tag %03d", n)}
		if n >= incident.MaxTags {
			tag.Kind = alert.AttackType // such as alerts bring, in any number
		}
		i.Tags = append(i.Tags, tag)
		i.References = append(i.References, incident.Reference{
			System: "s",
			ID:     fmt.Sprint(n),
			URL:    "https://s.example/",
		})
		e.Changes = append(e.Changes, activity.Change{
			Field:  fmt.Sprintf("f%03d", n),
			Before: "9007199254740993",
			After:  activity.Value(fmt.Sprint(n)),
		})
		e.Links = append(e.Links, activity.Link{Entity: alert.Key(fmt.Sprint("k:", n)), Score: math.MaxInt32})
		e.Attachments = append(e.Attachments, activity.Attachment{
			Name:   fmt.Sprint(n, ".png"),
			SHA256: fmt.Sprint("d", n),
			Size:   large,
		})
	}
	for l, items := range i.Alerts.Lists() {
		*items = list(incident.List(l).String())
	}
	a.Techniques, a.Tags = list("T"), list("tag")
	a.Extra = `{"large":9007199254740993}`
	for n := range evidence {
		one := alert.Evidence{Entity: alert.File{FileName: fmt.Sprint(n), Size: large}, Roles: []alert.Role{"attacked"}}
		if n == 0 {
			one = alert.Evidence{
				Entity:        alert.App{AppID: math.MaxInt64, DisplayName: "app"},
				Tags:          list("tag"),
				DetailedRoles: list("role"),
			}
		}
		a.Evidence = append(a.Evidence, one)
	}
	if _, err := s.Apply(ctx, storage.Changeset{
		Incidents: []incident.Incident{i},
		Alerts:    []alert.Alert{a},
		Activity:  []activity.Entry{e},
	}); err != nil {
		return err
	}
	i.Version, a.Version, a.Title = 1, 1, "again"
	receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}})
	if err != nil {
		return err
	}
	i.Version, i.Number, a.Version, e.Seq = 2, receipt.Numbers[0], 2, 1
	w := world{incidents: []incident.Incident{i}, alerts: []alert.Alert{a}, entries: []activity.Entry{e}}
	if err := s.View(ctx, func(r storage.Reader) (err error) {
		for _, n := range []int{0, 63, 64, 99, 100, 127, 128, 254, 255, 256, length - 1, length} {
			queries := []incident.Query{
				{Tags: []string{fmt.Sprintf("tag %03d", n)}},
				{References: []incident.Reference{{System: "s", ID: fmt.Sprint(n)}}},
			}
			for l := range incident.Lists {
				var q incident.Query
				*q.Lists()[l] = []string{fmt.Sprintf("%s %03d", incident.List(l), n)}
				queries = append(queries, q)
			}
			for _, q := range queries {
				err = errors.Join(err, w.checkIncidents(ctx, r, q))
			}
			err = errors.Join(err, w.checkActivity(ctx, r, activity.Query{Fields: []string{fmt.Sprintf("f%03d", n)}}))
		}
		return err
	}); err != nil {
		return fmt.Errorf("found by one of %d values: %.600w", length, err)
	}
	return manyVersions(ctx, s)
}

// manyVersions changes the same records oftener than a byte counts.
func manyVersions(ctx context.Context, s storage.Storage) error {
	i, a := newIncident(1), newAlert(1, "i00001")
	return quietly(s, func() error {
		for n := range 300 {
			i.Name, a.Title = fmt.Sprint("version ", n), fmt.Sprint("version ", n)
			if _, err := s.Apply(ctx, storage.Changeset{
				Incidents: []incident.Incident{i},
				Alerts:    []alert.Alert{a},
			}); err != nil {
				return fmt.Errorf("version %d: %w", n, err)
			}
			i.Version++
			a.Version++
		}
		return nil
	})
}

// manyNames has as many entries name a content as a byte counts, and then redacts them, some twice at once.
func manyNames(ctx context.Context, s storage.Storage) error {
	const names = 256
	cs := storage.Changeset{
		Incidents: []incident.Incident{newIncident(0)},
		Contents:  []activity.Content{content("d", "x")},
	}
	var ids []activity.ID
	for n := range names {
		e := withImages(fmt.Sprint("e", n), "d")
		cs.Activity, ids = append(cs.Activity, e), append(ids, e.ID)
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	for _, redact := range [][]activity.ID{
		nil,
		{ids[0], ids[0]},
		slices.Concat(ids[:127], ids[:127]),
		ids[1 : names-2],
		{ids[names-2], ids[names-2], ids[names-2]},
	} {
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
			_, err := s.Apply(ctx, storage.Changeset{
				Activity: []activity.Entry{newEntry(fmt.Sprint("other", other), "i00000")},
			})
			return err
		}
		e := withImages(fmt.Sprint("round", round), "d")
		_, err := s.Apply(ctx, storage.Changeset{
			Activity: []activity.Entry{e},
			Contents: []activity.Content{content("d", "x")},
		})
		if err := errors.Join(err, pause(1), has(ctx, s, "d", []byte("x"))); err != nil {
			return fmt.Errorf("given for the %d. time: %w", round+1, err)
		}
		_, err = s.Apply(ctx, storage.Changeset{Redact: []activity.ID{e.ID}})
		if err := errors.Join(err, pause(2), has(ctx, s, "d", nil)); err != nil {
			return fmt.Errorf("taken away for the %d. time: %w", round+1, err)
		}
	}
	// Taken away and given again at the same time, in either order it is there.
	for round := range 40 {
		last, next := withImages(fmt.Sprint("last", round), "d"), withImages(fmt.Sprint("next", round), "d")
		if _, err := s.Apply(ctx, storage.Changeset{
			Activity: []activity.Entry{last},
			Contents: []activity.Content{content("d", "x")},
		}); err != nil {
			return err
		}
		if err := together(2, func(k int) error {
			cs := storage.Changeset{Redact: []activity.ID{last.ID}}
			if k == 1 {
				cs = storage.Changeset{
					Activity: []activity.Entry{next},
					Contents: []activity.Content{content("d", "x")},
				}
			}
			_, err := s.Apply(ctx, cs)
			return err
		}); err != nil {
			return err
		}
		if err := has(ctx, s, "d", []byte("x")); err != nil {
			return fmt.Errorf("given again while its last entry was redacted: %w", err)
		}
		if _, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{next.ID}}); err != nil {
			return err
		}
	}
	return nil
}

// purgeWriters purges an incident while others write entries of it. The witness sees what became of which.
func purgeWriters(ctx context.Context, s storage.Storage) error {
	const rounds, writers = 20, 3
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
				cs := storage.Changeset{
					Incidents: []incident.Incident{i},
					Purge:     []incident.ID{id},
					Activity:  []activity.Entry{newEntry(fmt.Sprint("purged", round), id)},
				}
				_, err := s.Apply(ctx, cs)
				return err
			}
			for n := 0; n < 2 || n < 40 && !over.Load(); n++ {
				e := withImages(fmt.Sprint("writer ", round, k, "/", n), fmt.Sprint("of ", round, k, "/", n))
				e.Incident = id
				a := newAlert(10_000*(round+1)+1000*k+n, id)
				if _, err := s.Apply(ctx, storage.Changeset{
					Alerts:   []alert.Alert{a},
					Activity: []activity.Entry{e},
					Contents: []activity.Content{content(e.Attachments[0].SHA256, "x")},
				}); err != nil {
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

// oddFields puts texts that storages and their encodings may change into every text of a record.
func oddFields(ctx context.Context, s storage.Storage) error {
	for _, text := range []string{
		"e\u0301", "\u212b", "\r\n", "\n", " ", "\t", "\x00", "\ufffe", "\uffff", "\ufeff", "\u200b", "ẞ", "İ",
		"ﬁ", "\U0001f600", "<>&\u2028", "\\u0041", "%", "'", "\x7f",
	} {
		cs := full()
		n := 0
		for _, record := range []any{&cs.Incidents[0], &cs.Alerts[0], &cs.Activity[0], &cs.Activity[1], &cs.Items[0]} {
			respell(reflect.ValueOf(record).Elem(), text, &n)
		}
		cs.AlertKeys, cs.Contents[0].SHA256 = nil, cs.Activity[1].Attachments[1].SHA256
		if _, err := s.Apply(ctx, cs); err != nil {
			return fmt.Errorf("with %q in all texts: %w", text, err)
		}
	}
	return nil
}

// respell puts text before, into and behind all texts in v, with n counting them.
func respell(v reflect.Value, text string, n *int) {
	switch v.Interface().(type) {
	case time.Time, alert.Fields, activity.Value, alert.Kind, alert.Other, alert.CloudResource:
		return
	}
	switch v.Kind() {
	case reflect.String:
		*n++
		v.SetString(fmt.Sprint(text, *n, text, "a", text))
	case reflect.Slice, reflect.Array:
		for k := range v.Len() {
			respell(v.Index(k), text, n)
		}
	case reflect.Interface: // an entity
		if !v.IsNil() {
			one := reflect.New(v.Elem().Type()).Elem()
			one.Set(v.Elem())
			respell(one, text, n)
			v.Set(one)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				respell(field, text, n)
			}
		}
	}
}
