package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// entityTypes has one of each type of entity.
var entityTypes = []alert.Entity{
	alert.Device{}, alert.User{}, alert.Mailbox{}, alert.IP{}, alert.URL{}, alert.File{}, alert.Process{}, alert.Registry{}, alert.Message{},
	alert.MailCluster{}, alert.App{}, alert.OAuthApp{}, alert.CloudResource{}, alert.Other{},
}

// full returns a Changeset of one incident, one alert, two entries, a content and an item in which no field is left out
// that the storage does not give. The first entry is redacted, the other names the content. The Expiry and the Guard
// find nothing.
func full() storage.Changeset {
	var i incident.Incident
	var a alert.Alert
	var e, f activity.Entry
	var c activity.Content
	var item storage.Item
	var x storage.Expiry
	var g storage.Guard
	n := 0
	fill(reflect.ValueOf(&i).Elem(), &n)
	fill(reflect.ValueOf(&a).Elem(), &n)
	fill(reflect.ValueOf(&e).Elem(), &n)
	fill(reflect.ValueOf(&f).Elem(), &n)
	fill(reflect.ValueOf(&c).Elem(), &n)
	fill(reflect.ValueOf(&item).Elem(), &n)
	fill(reflect.ValueOf(&x).Elem(), &n)
	fill(reflect.ValueOf(&g).Elem(), &n)
	c.SHA256, f.Redacted = f.Attachments[1].SHA256, false
	a.Evidence = nil
	for _, entity := range entityTypes {
		var v alert.Evidence
		fill(reflect.ValueOf(&v).Elem(), &n)
		filled := reflect.New(reflect.TypeOf(entity)).Elem()
		fill(filled, &n)
		if v.Entity = filled.Interface().(alert.Entity); v.Entity.Kind() == alert.KindAzureResource {
			v.Entity = alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn", ResourceName: "n", Type: "t", Account: "a", Location: "l"}
		}
		a.Evidence = append(a.Evidence, v)
	}
	i.Version, i.Number, a.Version, e.Seq, f.Seq, item.Version, g.Seq = 0, 0, 0, 0, 0, 0, 0
	i.Alerts.Assets[alert.NotAsset] = 0
	return storage.Changeset{
		Incidents: []incident.Incident{i},
		Alerts:    []alert.Alert{a},
		Activity:  []activity.Entry{e, f},
		Contents:  []activity.Content{c},
		Items:     []storage.Item{item},
		Expire:    []storage.Expiry{x},
		Guard:     g,
		AlertKeys: [][]alert.Key{a.Keys()},
	}
}

// fill sets all that is in v to something of its own, with n counting what there is already.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(origin.Add(time.Duration(*n) * time.Second)))
		return
	case alert.Fields:
		v.SetString(fmt.Sprintf(`{"z":"<&> %d\u00e4","a":1.50,"n":12345678901234567890}`, *n))
		return
	case activity.Value:
		v.SetString(fmt.Sprintf(`"<&> %d"`, *n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("<text %d> & ä", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(1) // every set of names has a second
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for k := range v.Len() {
			fill(v.Index(k), n)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	}
}

func everyField(ctx context.Context, s storage.Storage) error {
	cs := full()
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	i, a, item := &cs.Incidents[0], &cs.Alerts[0], &cs.Items[0]
	cs.Activity[0].Seq, cs.Activity[1].Seq = 1, 2
	for version := range int64(2) { // new, and then replaced
		i.Version, i.Number, a.Version = version+1, receipt.Numbers[0], version+1
		item.Version = version + 1
		if err := s.View(ctx, func(r storage.Reader) error {
			gotI, err := r.Incident(ctx, i.ID)
			if err != nil {
				return err
			}
			gotA, err := r.Alert(ctx, a.ID)
			if err != nil {
				return err
			}
			gotItem, err := r.Item(ctx, item.Kind, item.Key)
			if err != nil {
				return err
			}
			w := world{incidents: cs.Incidents, alerts: cs.Alerts, entries: cs.Activity, items: cs.Items}
			return errors.Join(
				same(storage.ItemQuery{}, []storage.Item{gotItem}, cs.Items),
				w.checkItems(ctx, r, storage.ItemQuery{}),
				same(incident.Query{}, []incident.Incident{gotI}, cs.Incidents),
				same(alert.Query{}, []alert.Alert{gotA}, cs.Alerts),
				w.checkIncidents(ctx, r, incident.Query{}),
				w.checkAlerts(ctx, r, alert.Query{}),
				w.checkAlerts(ctx, r, alert.Query{Brief: true}),
				w.checkActivity(ctx, r, activity.Query{}))
		}); err != nil || version == 1 {
			return err
		}
		if _, err := s.Apply(ctx, storage.Changeset{
			Incidents: cs.Incidents,
			Alerts:    cs.Alerts,
			Items:     cs.Items,
		}); err != nil {
			return err
		}
	}
	return nil
}

// oddStrings puts texts that are special to somebody wherever a text can be, and looks for them.
func oddStrings(ctx context.Context, s storage.Storage) error {
	w := newWorld(0)
	var cs storage.Changeset
	odd := []string{
		"", " ", "a", "A", "a ", " a", "'; drop table incidents; --", `100%_a\`, `100%_a`, "%", `"`, "`", "$1", "?", "NULL", "null", "0", "-1", "1e3",
		"日本語 😀 \u202e", "e\u0301", "\u00e9", "ß", "ss", "İ", "i\u0307", "\ufb01", "\ufeffa", "\ufffd", "\U0010ffff", "a\tb\r\nc", "\x00", "a\x00", "a\x00b", "\x7f",
		`{"a":1}`, "<b>&amp;", strings.Repeat("ä", incident.MaxTag),
	}
	for n, text := range odd {
		i := newIncident(n)
		i.ID, i.Name, i.Note, i.Owner.ID, i.Tags = "id"+incident.ID(text), text, text, text, []incident.Tag{{Name: text}}
		i.References = []incident.Reference{{System: text, ID: "1"}, {System: "s", ID: text}}
		for _, list := range i.Alerts.Lists() {
			*list = []string{text}
		}
		a := newAlert(n, i.ID)
		a.ID, a.Title, a.Techniques = "id"+alert.ID(text), text, []string{text}
		a.Evidence[0].Entity = alert.URL{URL: "u" + text}
		e := newEntry("id"+text, i.ID)
		e.Alert, e.Actor.ID, e.Cause, e.Text = a.ID, text, text, text
		e.Subject, e.Attachments = e.ID, []activity.Attachment{{Name: text, Type: text, SHA256: text}}
		cs.Contents = append(cs.Contents, activity.Content{SHA256: text, Data: []byte(text)})
		cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, i), append(cs.Alerts, a), append(cs.Activity, e)
		item := storage.Item{Kind: "kind " + text, Key: text, Incident: i.ID, Data: []byte("data" + text)}
		cs.Items = append(cs.Items, item)
	}
	long := strings.Repeat("ä", incident.MaxComment)
	cs.Incidents[0].Note, cs.Alerts[0].Description, cs.Activity[0].Text = long, long, long
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	w.incidents, w.alerts, w.entries, w.items = cs.Incidents, cs.Alerts, cs.Activity, cs.Items
	for n := range odd {
		w.incidents[n].Version, w.incidents[n].Number = 1, receipt.Numbers[n]
		w.alerts[n].Version, w.entries[n].Seq, w.items[n].Version = 1, int64(n)+1, 1
	}
	return s.View(ctx, func(r storage.Reader) error {
		for n, text := range odd {
			i, a, e := w.incidents[n], w.alerts[n], w.entries[n]
			gotI, err := r.Incident(ctx, i.ID)
			if err != nil {
				return err
			}
			gotA, err := r.Alert(ctx, a.ID)
			if err != nil {
				return err
			}
			err = errors.Join(same(incident.Query{}, []incident.Incident{gotI}, []incident.Incident{i}), same(alert.Query{}, []alert.Alert{gotA}, []alert.Alert{a}))
			if data, missing := r.Content(ctx, text); missing != nil || string(data) != text {
				err = errors.Join(err, fmt.Errorf("the content comes back as %q: %w", data, missing))
			}
			item, missing := r.Item(ctx, "kind "+text, text)
			err = errors.Join(err, oneByID(w.items[n].Place(), item, missing, w.items[n], true))
			for _, q := range []storage.ItemQuery{
				{Kinds: []string{"kind " + text}},
				{Incidents: []incident.ID{i.ID}},
				{After: w.items[n].Place(), Limit: 2},
			} {
				err = errors.Join(err, w.checkItems(ctx, r, q))
			}
			list := []string{text}
			queries := []incident.Query{
				{IDs: []incident.ID{i.ID}},
				{Owners: list},
				{Tags: list},
				{References: i.References},
				{Entities: a.Keys()},
				{Text: text},
			}
			for l := range incident.Lists {
				var q incident.Query
				*q.Lists()[l] = list
				queries = append(queries, q)
			}
			for _, q := range queries {
				err = errors.Join(err, w.checkIncidents(ctx, r, q))
			}
			for _, q := range []alert.Query{{IDs: []alert.ID{a.ID}}, {Incidents: []incident.ID{i.ID}}, {Entities: a.Keys()}} {
				err = errors.Join(err, w.checkAlerts(ctx, r, q))
			}
			for _, q := range []activity.Query{{IDs: []activity.ID{e.ID}}, {Incidents: []incident.ID{i.ID}}, {Alerts: []alert.ID{a.ID}}, {Actors: list}} {
				err = errors.Join(err, w.checkActivity(ctx, r, q))
			}
			if err != nil {
				return fmt.Errorf("text %q: %w", text[:min(len(text), 40)], err)
			}
		}
		return nil
	})
}

func times(ctx context.Context, s storage.Storage) error {
	w := newWorld(0)
	var cs storage.Changeset
	odd := []time.Time{
		{}, time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1677, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Unix(0, 0).UTC(), origin, origin.Add(time.Microsecond), time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	}
	for n, at := range odd {
		i, a, e := newIncident(n), newAlert(n, newIncident(n).ID), newEntry(fmt.Sprint("e", n), newIncident(n).ID)
		i.Created, i.Updated, i.Resolved, i.Alerts.FirstActivity, i.References = at, at, at, at, []incident.Reference{{System: "s", ID: "1", Updated: at}}
		a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated = at, at, at, at
		a.Resolved, a.Updated, a.Received, a.Repeated, a.Evidence[0].Created = at, at, at, at, at
		a.Evidence[0].Entity = alert.Device{DeviceID: "d", FirstSeen: at}
		e.Time, e.Occurred = at, at
		cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, i), append(cs.Alerts, a), append(cs.Activity, e)
		cs.Items = append(cs.Items, storage.Item{Kind: "k", Key: fmt.Sprint(n), Time: at})
	}
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	w.incidents, w.alerts, w.entries, w.items = cs.Incidents, cs.Alerts, cs.Activity, cs.Items
	for n := range odd {
		w.incidents[n].Version, w.incidents[n].Number = 1, receipt.Numbers[n]
		w.alerts[n].Version, w.entries[n].Seq, w.items[n].Version = 1, int64(n)+1, 1
	}
	return s.View(ctx, func(r storage.Reader) error {
		for n, at := range odd {
			for _, up := range []bool{true, false} {
				updated, created := incident.Query{Ascending: up}, incident.Query{Sort: incident.ByCreated, Ascending: up}
				after, behind := updated, created
				after.After, behind.After = after.CursorAfter(w.incidents[n]), behind.CursorAfter(w.incidents[n])
				for _, q := range []incident.Query{updated, created, after, behind, {UpdatedSince: at}, {UpdatedUntil: at}, {CreatedSince: at}, {CreatedUntil: at}} {
					err = errors.Join(err, w.checkIncidents(ctx, r, q))
				}
				for _, q := range []alert.Query{{Newest: up}, {Newest: up, After: w.alerts[n].Position()}, {Since: at}, {Until: at}} {
					err = errors.Join(err, w.checkAlerts(ctx, r, q))
				}
				seen := storage.SightingQuery{Entities: []alert.Key{"device:d"}, Newest: up}
				err = errors.Join(err, w.checkSightings(ctx, r, seen))
				seen.Since, seen.Until = at, at.Add(time.Microsecond)
				if seen.Until.Year() > 9999 {
					seen.Until = time.Time{}
				}
				err = errors.Join(err, w.checkSightings(ctx, r, seen))
			}
			err = errors.Join(err, w.checkActivity(ctx, r, activity.Query{Since: at}), w.checkActivity(ctx, r, activity.Query{Until: at}))
			for _, later := range []time.Duration{0, time.Nanosecond, time.Microsecond} {
				if before := at.Add(later); before.Year() <= 9999 {
					err = errors.Join(err, w.checkItems(ctx, r, storage.ItemQuery{Before: before}))
				}
			}
			if err != nil {
				return fmt.Errorf("time %s: %w", at.Format(time.RFC3339Nano), err)
			}
		}
		return nil
	})
}
