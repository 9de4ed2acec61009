package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// longLists asks with lists of values that are longer than a statement, a batch or a page of a storage has room for.
// The values that select something stand anywhere in them, mostly last.
func longLists(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		if err := w.change(ctx, s, 150, 0); err != nil {
			return err
		}
		return s.View(ctx, func(r storage.Reader) error {
			for _, length := range []int{101, 257, 1001, 2500} {
				if err := errors.Join(
					everyList(w, length, incidentFilters(), func(q incident.Query) error {
						return w.checkIncidents(ctx, r, q)
					}),
					everyList(w, length, alertFilters, func(q alert.Query) error { return w.checkAlerts(ctx, r, q) }),
					everyList(w, length, activityFilters, func(q activity.Query) error {
						return w.checkActivity(ctx, r, q)
					}),
				); err != nil {
					return fmt.Errorf("seed %d: %w", seed, err)
				}
			}
			return errors.Join(
				w.askByManyIDs(ctx, r), w.askManyExceptions(ctx, r), w.askWithinMany(ctx, r),
				w.askManyEntities(ctx, r),
			)
		})
	}
}

// everyList sets each list of a query by its lot, fills it up to length with values that no record has, and asks.
func everyList[Q any](w *world, length int, filters []lot[Q], ask func(Q) error) error {
	for _, set := range filters {
		var q Q
		set(w, &q)
		v := reflect.ValueOf(&q).Elem()
		for n := range v.NumField() {
			if list := v.Field(n); list.Kind() == reflect.Slice && list.Len() > 0 {
				w.fillUp(list, length)
				if err := ask(q); err != nil {
					return fmt.Errorf("%d values of %s: %.400w", length, v.Type().Field(n).Name, err)
				}
			}
		}
	}
	return nil
}

// fillUp puts values that no record has before and between those of list, or the same again where there are no others.
func (w *world) fillUp(list reflect.Value, length int) {
	hits := reflect.AppendSlice(reflect.MakeSlice(list.Type(), 0, list.Len()), list)
	all := reflect.MakeSlice(list.Type(), length, length)
	for n := range length {
		switch v := all.Index(n); v.Kind() {
		case reflect.String:
			v.SetString(fmt.Sprint("nothing:", n))
		case reflect.Int64:
			v.SetInt(1_000_000 + int64(n))
		case reflect.Uint8:
			v.Set(hits.Index(n % hits.Len())) // an enumeration has few
		case reflect.Struct:
			v.FieldByName("ID").SetString(fmt.Sprint("nothing:", n))
		}
	}
	for n := range hits.Len() {
		place := length - 1 - n
		if w.one(3) {
			place = w.lots.IntN(length)
		}
		all.Index(place).Set(hits.Index(n))
	}
	list.Set(all)
}

// askByManyIDs names more records than a statement has room for parameters anywhere.
func (w *world) askByManyIDs(ctx context.Context, r storage.Reader) error {
	const length = 70_000
	var incidents incident.Query
	var within, alerts alert.Query
	var entries activity.Query
	for n := range length {
		id := fmt.Sprint("nothing:", n)
		incidents.IDs = append(incidents.IDs, incident.ID(id))
		within.Incidents = append(within.Incidents, incident.ID(id))
		alerts.IDs = append(alerts.IDs, alert.ID(id))
		entries.IDs = append(entries.IDs, activity.ID(id))
	}
	last := len(w.incidents) - 1
	incidents.IDs[length-1], incidents.IDs[length/2] = w.incidents[last].ID, w.incidents[0].ID
	within.Incidents[length-1], within.Incidents[1] = w.incidents[last].ID, w.incidents[0].ID
	alerts.IDs[length-1], alerts.IDs[length/2] = w.alerts[len(w.alerts)-1].ID, w.alerts[0].ID
	entries.IDs[length-1], entries.IDs[length/2] = w.entries[len(w.entries)-1].ID, w.entries[0].ID
	if err := errors.Join(
		w.checkIncidents(ctx, r, incidents),
		w.checkAlerts(ctx, r, within),
		w.checkAlerts(ctx, r, alerts),
		w.checkActivity(ctx, r, entries),
	); err != nil {
		return fmt.Errorf("%d identifiers: %.400w", length, err)
	}
	return nil
}

func (w *world) askManyExceptions(ctx context.Context, r storage.Reader) error {
	for _, length := range []int{60, incident.MaxQueries} {
		var q incident.Query
		for n := range length {
			var x incident.Query
			if n%10 == 0 {
				pick(w, incidentFilters())(w, &x)
			}
			x.IDs = append(x.IDs, w.incidents[n*7%len(w.incidents)].ID)
			q.Except = append(q.Except, x)
		}
		one := q.Except[length-1].IDs // the last alone speaks against one
		for n := range q.Except[:length-1] {
			q.Except[n].IDs = slices.DeleteFunc(q.Except[n].IDs, func(id incident.ID) bool { return id == one[0] })
			q.Except[n].IDs = append(q.Except[n].IDs, "nothing")
		}
		if err := w.checkIncidents(ctx, r, q); err != nil {
			return fmt.Errorf("%d exceptions: %.400w", length, err)
		}
	}
	return nil
}

// askWithinMany asks for what is within many queries, none of which has all values of another.
func (w *world) askWithinMany(ctx context.Context, r storage.Reader) error {
	var q incident.Query
	for n := range incident.MaxQueries {
		nothing := fmt.Sprint("nothing:", n)
		x := incident.Query{Tags: []string{"vip", nothing}, Sources: []string{"a", nothing}}
		if n == incident.MaxQueries-1 { // the last alone speaks against some
			x.Tags[0] = "strasse"
		}
		q.Within = append(q.Within, x)
	}
	for range 2 { // from either end
		count, err := storage.Count(ctx, r, q)
		if err == nil && count == 0 {
			err = errors.New("none is counted")
		}
		if err := errors.Join(err, w.checkIncidents(ctx, r, q)); err != nil {
			return fmt.Errorf("within %d queries: %.400w", len(q.Within), err)
		}
		slices.Reverse(q.Within)
	}
	return nil
}

func (w *world) askManyEntities(ctx context.Context, r storage.Reader) error {
	q := storage.SightingQuery{Limit: 3}
	for n := range 1200 {
		q.Entities = append(q.Entities, alert.Key(fmt.Sprint("nothing:", n)))
	}
	copy(q.Entities[1100:], keys)
	if err := w.checkSightings(ctx, r, q); err != nil {
		return fmt.Errorf("%d entities: %.400w", len(q.Entities), err)
	}
	return nil
}

// thousandsRedacted redacts more entries at once than a batch holds, some of which are redacted already.
func thousandsRedacted(ctx context.Context, s storage.Storage) error {
	const entries = 2600
	cs := storage.Changeset{
		Incidents: []incident.Incident{newIncident(0)},
		Contents:  []activity.Content{content("shared", "1")},
	}
	var redact []activity.ID
	for n := range entries {
		e := withImages(fmt.Sprint("e", n), "shared")
		cs.Activity, redact = append(cs.Activity, e), append(redact, e.ID)
		if n%3 == 0 {
			digest := fmt.Sprint("own", n)
			cs.Activity[n].Attachments[0].SHA256 = digest
			cs.Contents = append(cs.Contents, content(digest, digest))
		}
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{redact[1200], redact[entries-1]}}); err != nil {
		return err
	}
	_, err := s.Apply(ctx, storage.Changeset{Redact: redact, Activity: []activity.Entry{withImages("kept", "own3")}})
	if err != nil {
		return err
	}
	return errors.Join(
		has(ctx, s, "shared", nil),
		has(ctx, s, fmt.Sprint("own", (entries-1)/3*3), nil),
		has(ctx, s, "own3", []byte("own3")),
	)
}

// thousandsPurged purges more incidents at once than a batch holds, one of them with more alerts and entries than that.
func thousandsPurged(ctx context.Context, s storage.Storage) error {
	const incidents, within = 1100, 1500
	if err := populate(ctx, s, incidents); err != nil {
		return err
	}
	var more storage.Changeset
	for n := range within {
		more.Alerts = append(more.Alerts, newAlert(incidents+n, "i00700"))
		more.Activity = append(more.Activity, newEntry(fmt.Sprint("more", n), "i00700"))
	}
	if _, err := s.Apply(ctx, more); err != nil {
		return err
	}
	var cs storage.Changeset
	for n := range incidents {
		if n%100 != 5 { // which stay
			i := incidentAt(1, n)
			i.Status = incident.Purged
			cs.Incidents, cs.Purge = append(cs.Incidents, i), append(cs.Purge, i.ID)
		}
	}
	cs.Activity = []activity.Entry{newEntry("purged", "i00700")}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		left, err := collect(r.Alerts(ctx, alert.Query{Brief: true}))
		if err == nil && len(left) != incidents/100 {
			err = fmt.Errorf("after %d of %d incidents were purged there are %d alerts, want %d",
				len(cs.Purge), incidents, len(left), incidents/100)
		}
		return err
	})
}

// wideAlert stores an alert with so much evidence that a statement has no room for its keys, finds it by any of it, and
// then has it say something else.
func wideAlert(ctx context.Context, s storage.Storage) error {
	const wide, narrower = 1500, 1200
	a, w := newAlert(0, "i00000"), world{incidents: []incident.Incident{newIncident(0)}}
	a.Evidence = nil
	for n := range wide {
		a.Evidence = append(a.Evidence, alert.Evidence{
			Entity: device(n),
			Tags:   []string{fmt.Sprint("tag ", n)},
			Roles:  []alert.Role{"attacked"},
		})
	}
	found := func(version int64) error {
		w.incidents[0].Version, w.incidents[0].Number, a.Version = version, 1, version
		w.alerts, w.byIncident = []alert.Alert{a}, nil
		return s.View(ctx, func(r storage.Reader) error {
			if i, err := r.Incident(ctx, "i00000"); err != nil {
				return err
			} else if w.incidents[0].Number = i.Number; i.Version != version {
				return fmt.Errorf("incident at version %d, want %d", i.Version, version)
			}
			for _, n := range []int{
				0, 1, 99, 100, 127, 128, 255, 256, 499, 500, 999, 1000, 1001, 1023, 1024, narrower - 1, narrower,
				wide - 1, wide, wide + 300,
			} {
				key := []alert.Key{alert.Identity(device(n))}
				if err := errors.Join(
					w.checkAlerts(ctx, r, alert.Query{Entities: key}),
					w.checkIncidents(ctx, r, incident.Query{Entities: key}),
					w.checkSightings(ctx, r, storage.SightingQuery{Entities: key, Incident: "i00000"}),
				); err != nil {
					return fmt.Errorf("evidence %d of %d: %.400w", n, len(a.Evidence), err)
				}
			}
			return nil
		})
	}
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: w.incidents, Alerts: []alert.Alert{a}}); err != nil {
		return err
	}
	if err := found(1); err != nil {
		return err
	}
	a.Evidence = a.Evidence[wide-narrower:]
	a.Evidence[0].Entity = device(wide)
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: w.incidents, Alerts: []alert.Alert{a}}); err != nil {
		return err
	}
	return found(2)
}

// longTexts stores records whose identifiers, keys and values are as long as may be, and differ in their last byte
// alone.
func longTexts(ctx context.Context, s storage.Storage) error {
	w := newWorld(0)
	var cs storage.Changeset
	for _, length := range []int{63, 127, 191, 254, 255, 256, 511, 767, 1000, alert.MaxID} {
		for _, end := range []string{"x", "y"} {
			id := strings.Repeat("i", length-1) + end
			text := strings.Repeat("ab", 14*length) + end
			short := id[max(0, len(id)-alert.MaxShort):]
			i := incident.Incident{
				ID:      incident.ID(id),
				Name:    short,
				Note:    text,
				Created: origin,
				Updated: origin,
				Owner:   incident.Owner{ID: short},
				Tags:    []incident.Tag{{Name: short}},
			}
			i.References = []incident.Reference{{System: "s", ID: short, URL: "https://s.example/" + text}}
			i.Alerts.Sources, i.Alerts.Categories, i.Alerts.Threats = []string{id}, []string{id}, []string{id}
			a := alert.Alert{
				ID:            alert.ID(id),
				Incident:      i.ID,
				Title:         short,
				Description:   text,
				FirstActivity: origin,
				LastActivity:  origin,
			}
			a.Evidence = []alert.Evidence{
				{Entity: alert.URL{URL: "https://e.example/" + text}},
				{Entity: alert.User{UPN: id}},
			}
			e := newEntry(id, i.ID)
			e.Alert = a.ID
			e.Actor.ID = id
			e.Text = text
			e.Changes = []activity.Change{{Field: id, After: activity.Value(`"` + text + `"`)}}
			e.Attachments = []activity.Attachment{{Name: text, SHA256: id}}
			cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, i), append(cs.Alerts, a), append(cs.Activity, e)
			cs.Contents = append(cs.Contents, content(id, text))
		}
	}
	huge := strings.Repeat("0123456789abcdef", 1<<16) + "!" // 1 MiB
	last := len(cs.Alerts) - 1
	cs.Incidents[last].Alerts.Title, cs.Activity[last].Text = huge, huge
	cs.Alerts[last].Extra = alert.Fields(`{"x":"` + huge[:alert.MaxExtra-len(`{"x":""}`)] + `"}`)
	for begin := range 2 { // those that end alike come later
		var half storage.Changeset
		for n := begin; n < len(cs.Incidents); n += 2 {
			half.Incidents, half.Alerts = append(half.Incidents, cs.Incidents[n]), append(half.Alerts, cs.Alerts[n])
			half.Activity, half.Contents = append(half.Activity, cs.Activity[n]), append(half.Contents, cs.Contents[n])
		}
		receipt, err := s.Apply(ctx, half)
		if err != nil {
			return err
		}
		for n := range half.Incidents {
			half.Incidents[n].Version, half.Incidents[n].Number = 1, receipt.Numbers[n]
			half.Alerts[n].Version, half.Activity[n].Seq = 1, receipt.Seq+int64(n)
		}
		w.incidents = append(w.incidents, half.Incidents...)
		w.alerts = append(w.alerts, half.Alerts...)
		w.entries = append(w.entries, half.Activity...)
	}
	return s.View(ctx, func(r storage.Reader) (err error) {
		for n, i := range w.incidents {
			list := []string{string(i.ID)}
			for _, q := range []incident.Query{
				{IDs: []incident.ID{i.ID}},
				{Owners: []string{i.Owner.ID}},
				{Tags: []string{i.Tags[0].Name}},
				{Sources: list},
				{Categories: list},
				{Threats: list},
				{References: i.References},
				{Entities: w.alerts[n].Keys()[:1]},
				{Entities: w.alerts[n].Keys()[1:2]},
			} {
				err = errors.Join(err, w.checkIncidents(ctx, r, q))
			}
			for _, q := range []alert.Query{
				{IDs: []alert.ID{w.alerts[n].ID}},
				{Incidents: []incident.ID{i.ID}},
				{Entities: w.alerts[n].Keys()[:1]},
				{Entities: w.alerts[n].Keys()[1:2]},
			} {
				err = errors.Join(err, w.checkAlerts(ctx, r, q))
			}
			for _, q := range []activity.Query{
				{IDs: []activity.ID{w.entries[n].ID}},
				{Alerts: []alert.ID{w.alerts[n].ID}},
				{Actors: list},
				{Fields: list},
			} {
				err = errors.Join(err, w.checkActivity(ctx, r, q))
			}
			if err != nil {
				return fmt.Errorf("texts of %d bytes: %.400w", len(i.ID), err)
			}
		}
		return nil
	})
}

// largeContents keeps contents about the sizes at which storages cut them into pieces, together and one after the
// other.
func largeContents(ctx context.Context, s storage.Storage) error {
	lots := rand.New(rand.NewPCG(1, 1))
	var all []activity.Content
	for n, size := range []int{1<<16 - 1, 1 << 16, 1<<16 + 1, 255 << 10, 1<<20 - 1, 1<<20 + 1, 4<<20 + 3, 17 << 20} {
		data := make([]byte, size)
		for k := 0; k+8 <= size; k += 1 + lots.IntN(64) {
			data[k] = byte(lots.Uint32())
		}
		data[size-1] = byte(n + 1)
		all = append(all, activity.Content{SHA256: fmt.Sprint("c", n), Data: data})
	}
	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0)}}
	for n, c := range all {
		if n < 6 {
			cs.Activity = append(cs.Activity, withImages(fmt.Sprint("e", n), c.SHA256))
			cs.Contents = append(cs.Contents, c)
		}
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	for n, c := range all[6:] {
		if _, err := s.Apply(ctx, storage.Changeset{
			Activity: []activity.Entry{withImages(fmt.Sprint("late", n), c.SHA256)},
			Contents: []activity.Content{c},
		}); err != nil {
			return err
		}
	}
	return s.View(ctx, func(r storage.Reader) error {
		var got [][]byte // which stay as they are while others are read
		for _, c := range all {
			data, err := r.Content(ctx, c.SHA256)
			if err != nil {
				return err
			}
			got = append(got, data)
		}
		for n, c := range all {
			if string(got[n]) != string(c.Data) {
				return fmt.Errorf("content %q of %d bytes is another one after all were read", c.SHA256, len(c.Data))
			}
		}
		return nil
	})
}

// manyRows is more than anybody reads at once.
const manyRows = 10_400

// deepResults reads lists of more than 10,000 records: whole, in pages, and from far behind.
func deepResults(ctx context.Context, s storage.Storage) error {
	const each = 2_600
	for k := range manyRows / each {
		var cs storage.Changeset
		for n := k * each; n < (k+1)*each; n++ {
			i := newIncident(n)
			a := newAlert(n, i.ID)
			a.Evidence[0].Entity = hubDevice
			cs.Incidents = append(cs.Incidents, i)
			cs.Alerts = append(cs.Alerts, a)
			cs.Activity = append(cs.Activity, newEntry(fmt.Sprint("e", n), i.ID))
		}
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
	}
	key := alert.Identity(hubDevice)
	return s.View(ctx, func(r storage.Reader) error {
		i, a := newIncident(manyRows-1), newAlert(manyRows-1, "")
		number, err := r.Incident(ctx, i.ID)
		if err != nil {
			return err
		}
		if err := errors.Join(
			walked(
				"incidents", manyRows,
				func(n int) string { return string(newIncident(n).ID) },
				func(i incident.Incident) string { return string(i.ID) },
				func(last *incident.Incident) ([]incident.Incident, error) {
					q := incident.Query{Sort: incident.ByCreated, Ascending: true, Limit: 1500}
					if last != nil {
						q.After = q.CursorAfter(*last)
					}
					return collect(r.Incidents(ctx, q))
				},
			),
			walked(
				"alerts", manyRows,
				func(n int) string { return string(newAlert(n, "").ID) },
				func(a alert.Alert) string { return string(a.ID) },
				func(last *alert.Alert) ([]alert.Alert, error) {
					q := alert.Query{Brief: true, Limit: 1500}
					if last != nil {
						q.After = last.Position()
					}
					return collect(r.Alerts(ctx, q))
				},
			),
			walked(
				"entries", manyRows,
				func(n int) string { return fmt.Sprint("e", n) },
				func(e activity.Entry) string { return string(e.ID) },
				func(last *activity.Entry) ([]activity.Entry, error) {
					q := activity.Query{Limit: 1500}
					if last != nil {
						q.AfterSeq = last.Seq
					}
					return collect(r.Activity(ctx, q))
				},
			),
		); err != nil {
			return err
		}
		for what, read := range map[string]func() (int, error){
			"incidents with an entity": func() (int, error) {
				return tally(r.Incidents(ctx, incident.Query{Entities: []alert.Key{key}}))
			},
			"alerts with an entity": func() (int, error) {
				return tally(r.Alerts(ctx, alert.Query{Entities: []alert.Key{key}, Newest: true, Brief: true}))
			},
			"entries of a type": func() (int, error) {
				return tally(r.Activity(ctx, activity.Query{Types: []activity.Type{activity.Commented}, Newest: true}))
			},
			"sightings": func() (int, error) {
				return tally(storage.Sightings(ctx, r, storage.SightingQuery{Entities: []alert.Key{key}}))
			},
			"sightings, newest first": func() (int, error) {
				return tally(storage.Sightings(ctx, r, storage.SightingQuery{Entities: []alert.Key{key}, Newest: true}))
			},
			"incidents counted": func() (int, error) { return storage.Count(ctx, r, incident.Query{}) },
			"incidents with a tag counted": func() (int, error) {
				return storage.Count(ctx, r, incident.Query{Tags: []string{"t"}})
			},
			"incidents in facets": func() (int, error) {
				c, err := storage.Facets(ctx, r, incident.Query{Statuses: []incident.Status{incident.Active}})
				return c.Tags["t"].Count, err
			},
		} {
			if n, err := read(); err != nil || n != manyRows {
				return errors.Join(err, fmt.Errorf("%d %s, want %d", n, what, manyRows))
			}
		}
		// One page from far behind, of each order.
		w := world{incidents: []incident.Incident{number}, alerts: []alert.Alert{a}}
		w.alerts[0].Version, w.alerts[0].Incident, w.alerts[0].Evidence = 1, i.ID, []alert.Evidence{{Entity: hubDevice}}
		before, err := r.Incident(ctx, newIncident(manyRows-2).ID)
		if err != nil {
			return err
		}
		late := incident.Query{Sort: incident.ByCreated, Ascending: true, Limit: 5}
		late.After = late.CursorAfter(before)
		return errors.Join(
			w.checkIncidents(ctx, r, late),
			w.checkIncidents(ctx, r, incident.Query{CreatedSince: i.Created}),
			w.checkAlerts(ctx, r, alert.Query{After: newAlert(manyRows-2, "").Position(), Limit: 5}),
			w.checkAlerts(ctx, r, alert.Query{Since: a.FirstActivity.Add(-time.Second)}))
	})
}

// tally returns how many records seq yields.
func tally[T any](seq func(func(T, error) bool)) (n int, err error) {
	for _, err := range seq {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// walked reads the records 0 to n-1 in pages, the last of which is empty. That a list has them all, the witness sees.
func walked[T any](
	what string, n int, want func(int) string, got func(T) string, page func(behind *T) ([]T, error),
) error {
	walk, err := page(nil)
	for err == nil && len(walk) > 0 && len(walk) <= n {
		var next []T
		if next, err = page(&walk[len(walk)-1]); len(next) == 0 {
			break
		}
		walk = append(walk, next...)
	}
	if err != nil {
		return err
	}
	if len(walk) != n {
		return fmt.Errorf("%d %s in pages, want %d", len(walk), what, n)
	}
	for k, v := range walk {
		if got(v) != want(k) {
			return fmt.Errorf("%s in pages: place %d has %q, want %q", what, k, got(v), want(k))
		}
	}
	return nil
}
