package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

var origin = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

func newIncident(n int) incident.Incident {
	at := origin.Add(time.Duration(n) * time.Second)
	return incident.Incident{ID: incident.ID(fmt.Sprintf("i%05d", n)), Name: fmt.Sprint("Incident ", n), Created: at, Updated: at,
		Tags: []incident.Tag{{Name: "t"}}}
}

func newAlert(n int, in incident.ID) alert.Alert {
	at := origin.Add(time.Duration(n) * time.Minute)
	o := alert.Origin{Source: "test", ID: fmt.Sprintf("%05d", n)}
	return alert.Alert{ID: o.AlertID(), Incident: in, Origin: o, Title: "t", FirstActivity: at, LastActivity: at,
		Evidence: []alert.Evidence{{Entity: device(n % 7)}}}
}

func device(n int) alert.Device { return alert.Device{DeviceID: fmt.Sprint("d", n)} }

func newEntry(id string, in incident.ID) activity.Entry {
	e := activity.Entry{ID: activity.ID(id), Time: origin, Incident: in, Type: activity.Commented, Cause: id}
	e.Actor.ID = "kai"
	return e.WithDigest(activity.Digest{1}, activity.Digest{2})
}

// incidentAt and alertAt return the records as they are given to Apply by one who read them at that version.
func incidentAt(version int64, n int) incident.Incident {
	i := newIncident(n)
	i.Version = version
	return i
}

func alertAt(version int64, n int, in incident.ID) alert.Alert {
	a := newAlert(n, in)
	a.Version = version
	return a
}

// populate stores the incidents 0 to n-1 with an alert and an entry each, at Version 1.
func populate(ctx context.Context, s storage.Storage, n int) error {
	var cs storage.Changeset
	for k := range n {
		i := newIncident(k)
		cs.Incidents = append(cs.Incidents, i)
		cs.Alerts = append(cs.Alerts, newAlert(k, i.ID))
		cs.Activity = append(cs.Activity, newEntry(fmt.Sprint("first", k), i.ID))
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return fmt.Errorf("storing %d incidents: %w", n, err)
	}
	return nil
}

// contents is everything a storage holds, some of it looked up on more than one way.
type contents struct {
	incidents, tagged, linked []incident.Incident
	alerts, within, mentioned []alert.Alert
	entries, history          []activity.Entry
	items, noted              []storage.Item
	last                      int64
	named                     map[string][]byte // by the attachments of entries
}

// String returns all that is in c. It shares no memory with the storage, whatever that hands out.
func (c contents) String() string {
	return fmt.Sprintf("%#v", c)
}

func read(ctx context.Context, s storage.Storage) (c contents, err error) {
	err = s.View(ctx, func(r storage.Reader) error {
		c, err = readFrom(ctx, r)
		return err
	})
	return c, err
}

func readFrom(ctx context.Context, r storage.Reader) (c contents, err error) {
	var errs [11]error
	keys := []alert.Key{alert.Identity(device(0)), alert.Identity(device(5))}
	ids := []incident.ID{"i00000", "i00005"}
	c.incidents, errs[0] = collect(r.Incidents(ctx, incident.Query{}))
	c.tagged, errs[1] = collect(r.Incidents(ctx, incident.Query{Tags: []string{"t"}}))
	c.linked, errs[2] = collect(r.Incidents(ctx, incident.Query{Entities: keys}))
	c.alerts, errs[3] = collect(r.Alerts(ctx, alert.Query{}))
	c.within, errs[4] = collect(r.Alerts(ctx, alert.Query{Incidents: ids}))
	c.mentioned, errs[5] = collect(r.Alerts(ctx, alert.Query{Entities: keys}))
	c.entries, errs[6] = collect(r.Activity(ctx, activity.Query{}))
	c.history, errs[7] = collect(r.Activity(ctx, activity.Query{Incidents: ids}))
	c.items, errs[8] = collect(r.Items(ctx, storage.ItemQuery{}))
	c.noted, errs[9] = collect(r.Items(ctx, storage.ItemQuery{Incidents: ids}))
	c.last, errs[10] = r.Seq(ctx)
	err = errors.Join(errs[:]...)
	for _, e := range c.entries {
		for _, a := range e.Attachments {
			data, missing := r.Content(ctx, a.SHA256)
			switch {
			case missing == nil && c.named == nil:
				c.named = map[string][]byte{a.SHA256: data}
			case missing == nil:
				c.named[a.SHA256] = data
			case !errors.Is(missing, storage.ErrNotFound):
				err = errors.Join(err, missing)
			}
		}
	}
	return c, err
}

func collect[T any](seq iter.Seq2[T, error]) (out []T, err error) {
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// unchanged applies cs, which must fail with one of the wanted errors, and sees that it left nothing behind.
func unchanged(ctx context.Context, s storage.Storage, cs storage.Changeset, want ...error) error {
	before, err := read(ctx, s)
	if err != nil {
		return err
	}
	_, failure := s.Apply(ctx, cs)
	if seen, ok := errors.AsType[*witnessed](failure); ok {
		return seen
	}
	matches := false
	for _, w := range want {
		matches = matches || errors.Is(failure, w)
	}
	if !matches {
		return fmt.Errorf("apply returned %v, want an error matching %v", failure, want)
	}
	after, err := read(ctx, s)
	if err == nil && before.String() != after.String() {
		err = fmt.Errorf("an Apply that failed with %q changed the storage", failure)
	}
	return err
}

// same reports the first difference between the records a query gave and those it should give.
func same[T any](query any, got, want []T) error {
	for n := range max(len(got), len(want)) {
		switch {
		case n == len(want):
			return fmt.Errorf("%s: %d records, and %s is there too", describe(query), n, name(got[n]))
		case n == len(got):
			return fmt.Errorf("%s: %d records, but %s is missing", describe(query), n, name(want[n]))
		case reflect.DeepEqual(got[n], want[n]):
		case name(got[n]) != name(want[n]):
			return fmt.Errorf("%s: record %d is %s, want %s", describe(query), n, name(got[n]), name(want[n]))
		default:
			return fmt.Errorf("%s: record %d, %s, has %s, want %s", describe(query), n, name(got[n]), unlike(got[n], want[n]), unlike(want[n], got[n]))
		}
	}
	return nil
}

// name returns the ID of a record, or the place of an item.
func name(record any) string {
	if i, ok := record.(storage.Item); ok {
		return fmt.Sprintf("item %q", i.Place())
	}
	return fmt.Sprintf("%q", reflect.ValueOf(record).FieldByName("ID"))
}

// describe returns the fields of a query that are set.
func describe(query any) string {
	return unlike(query, reflect.Zero(reflect.TypeOf(query)).Interface())
}

// unlike returns the fields of a that are not as in b.
func unlike(a, b any) string {
	var fields []string
	for n, field := range reflect.VisibleFields(reflect.TypeOf(a)) {
		if v, w := reflect.ValueOf(a).Field(n), reflect.ValueOf(b).Field(n); !reflect.DeepEqual(v.Interface(), w.Interface()) {
			fields = append(fields, fmt.Sprintf("%s: %+v", field.Name, v))
		}
	}
	return fmt.Sprintf("%T{%s}", a, strings.Join(fields, ", "))
}
