package storagetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// scribble overwrites everything that v leads to, as the owner of v may: what is in its slices, and what an append to
// them would overwrite.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Cap() > v.Len() {
			rest := v.Slice(v.Len(), v.Cap())
			for k := range rest.Len() {
				rest.Index(k).SetZero()
			}
		}
		for k := range v.Len() {
			scribble(v.Index(k))
		}
		return // its elements are overwritten
	case reflect.Array:
		for k := range v.Len() {
			scribble(v.Index(k))
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			for _, field := range v.Fields() {
				scribble(field)
			}
		}
	}
	v.SetZero()
}

// aliasIn overwrites what was given to Apply and Restore: new records, and others that replace them.
func aliasIn(ctx context.Context, s storage.Storage) error {
	to, restores := s.(storage.Restorer)
	for version := range int64(3) {
		cs := full()
		cs.Incidents[0].Version, cs.Alerts[0].Version, cs.Items[0].Version = version, version, version
		cs.Guard.Seq = 2 * version // there are two entries of each version
		if version > 0 {
			for n := range cs.Activity {
				cs.Activity[n].ID += activity.ID(fmt.Sprint(" of version ", version))
			}
			cs.Redact = []activity.ID{full().Activity[1].ID}
		}
		number := int64(0)
		switch {
		case version < 2:
			receipt, err := s.Apply(ctx, cs)
			if err != nil {
				return err
			}
			number = receipt.Numbers[0]
			receipt.Numbers[0] = 99 // the receipt is the caller's
		case restores:
			cs.Incidents[0].Version, cs.Alerts[0].Version, cs.Items[0].Version = 3, 3, 3
			if err := s.View(ctx, func(r storage.Reader) error {
				i, err := r.Incident(ctx, cs.Incidents[0].ID)
				cs.Incidents[0].Number = i.Number
				return err
			}); err != nil {
				return err
			}
			cs.Activity[0].Seq, cs.Activity[1].Seq, cs.Redact = 5, 6, nil
			if err := to.Restore(ctx, cs); err != nil {
				return err
			}
		default:
			return nil
		}
		before, err := read(ctx, s)
		if err != nil {
			return err
		}
		want := before.String()
		scribble(reflect.ValueOf(&cs).Elem())
		after, err := read(ctx, s)
		if err != nil {
			return err
		}
		if want != after.String() {
			return fmt.Errorf("changing the argument of Apply or Restore, at version %d, changed the storage", version)
		}
		if version < 2 && after.incidents[0].Number != number {
			return fmt.Errorf("changing the receipt changed a Number to %d, want %d", after.incidents[0].Number, number)
		}
	}
	return nil
}

// aliasOut overwrites what each method of a Reader returned. Neither the storage nor what was returned before changes.
func aliasOut(ctx context.Context, s storage.Storage) error {
	cs := full()
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	before, err := read(ctx, s)
	if err != nil {
		return err
	}
	want := before.String()
	key := cs.Alerts[0].Keys()[:1]
	return s.View(ctx, func(r storage.Reader) error {
		for _, way := range []struct {
			name string
			read func() (any, error)
		}{
			{"Incident", func() (any, error) { v, err := r.Incident(ctx, cs.Incidents[0].ID); return &v, err }},
			{"Incidents", func() (any, error) {
				v, err := collect(r.Incidents(ctx, incident.Query{}))
				return &v, err
			}},
			{"Incidents of an ID", func() (any, error) {
				v, err := collect(r.Incidents(ctx, incident.Query{IDs: []incident.ID{cs.Incidents[0].ID}}))
				return &v, err
			}},
			{"Alert", func() (any, error) { v, err := r.Alert(ctx, cs.Alerts[0].ID); return &v, err }},
			{"Alerts", func() (any, error) { v, err := collect(r.Alerts(ctx, alert.Query{})); return &v, err }},
			{"Alerts in brief", func() (any, error) {
				v, err := collect(r.Alerts(ctx, alert.Query{Brief: true}))
				return &v, err
			}},
			{"Alerts of an entity", func() (any, error) {
				v, err := collect(r.Alerts(ctx, alert.Query{Entities: key}))
				return &v, err
			}},
			{"Content", func() (any, error) { v, err := r.Content(ctx, cs.Contents[0].SHA256); return &v, err }},
			{"Activity", func() (any, error) { v, err := collect(r.Activity(ctx, activity.Query{})); return &v, err }},
			{"Activity of an ID", func() (any, error) {
				v, err := collect(r.Activity(ctx, activity.Query{IDs: []activity.ID{cs.Activity[1].ID}}))
				return &v, err
			}},
			{"Item", func() (any, error) { v, err := r.Item(ctx, cs.Items[0].Kind, cs.Items[0].Key); return &v, err }},
			{"Items", func() (any, error) { v, err := collect(r.Items(ctx, storage.ItemQuery{})); return &v, err }},
			{"Items of an incident", func() (any, error) {
				v, err := collect(r.Items(ctx, storage.ItemQuery{Incidents: []incident.ID{cs.Items[0].Incident}}))
				return &v, err
			}},
			{"Facets", func() (any, error) {
				v, err := storage.Facets(ctx, r, incident.Query{})
				return &v.Total, err
			}},
		} {
			first, err := way.read()
			if err != nil {
				return err
			}
			second, err := way.read()
			if err != nil {
				return err
			}
			kept := fmt.Sprintf("%#v", reflect.ValueOf(second).Elem())
			scribble(reflect.ValueOf(first).Elem())
			if fmt.Sprintf("%#v", reflect.ValueOf(second).Elem()) != kept {
				return fmt.Errorf("changing what %s returned changed what it had returned to another", way.name)
			}
			same, err := readFrom(ctx, r)
			if err != nil {
				return err
			}
			next, err := read(ctx, s)
			if err != nil {
				return err
			}
			if same.String() != want || next.String() != want {
				return fmt.Errorf("changing what %s returned changed the storage", way.name)
			}
		}
		return nil
	})
}

// aliasCounts overwrites the maps that counting returned.
func aliasCounts(ctx context.Context, s storage.Storage) error {
	w := newWorld(1)
	if err := w.change(ctx, s, 10, 0); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		for _, q := range []incident.Query{{}, {Statuses: []incident.Status{0, 1, 2}}, {Sources: []string{"a", "b"}}} {
			want, err := storage.Facets(ctx, struct{ storage.Reader }{r}, q)
			if err != nil {
				return err
			}
			for range 2 {
				got, err := storage.Facets(ctx, r, q)
				if err != nil {
					return err
				}
				if !reflect.DeepEqual(got, want) {
					return fmt.Errorf("facets for %s: %v, want %v, after others' were changed", describe(q), got, want)
				}
				for _, field := range reflect.ValueOf(got).Fields() {
					if field.Kind() == reflect.Map {
						field.Clear()
					}
				}
			}
		}
		return nil
	})
}

// argumentsKept asks with queries whose lists are in no order and have room at their end. Nobody changes them.
func argumentsKept(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 6); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		for _, one := range []struct {
			name  string
			query any
			ask   func(any) error
		}{
			{
				"Incidents",
				&incident.Query{
					IDs:      roomy[incident.ID]("i00005", "i00001", "none", "i00001", "i00003"),
					Tags:     roomy("u", "T", "t"),
					Statuses: roomy(incident.Resolved, incident.Active),
					Entities: roomy(alert.Identity(device(5)), alert.Identity(device(1)), alert.Identity(device(3))),
				},
				func(q any) error { _, err := collect(r.Incidents(ctx, *q.(*incident.Query))); return err },
			},
			{
				"Count",
				&incident.Query{
					IDs:     roomy[incident.ID]("i00005", "i00001", "none", "i00001"),
					Owners:  roomy("z", "", "a"),
					Sources: roomy("z", "a"),
					Numbers: roomy[int64](9, 1, 3, 1),
				},
				func(q any) error { _, err := storage.Count(ctx, r, *q.(*incident.Query)); return err },
			},
			{
				"Facets",
				&incident.Query{
					Tags: roomy("u", "T", "t"),
					Within: roomy(
						incident.Query{Tags: roomy("T", "t", "z"), Within: roomy(incident.Query{Text: "z"})},
						incident.Query{Statuses: roomy(incident.Resolved, incident.Active)},
					),
					Except: roomy(
						incident.Query{Tags: roomy("z", "a")},
						incident.Query{IDs: roomy[incident.ID]("z", "a")},
					),
				},
				func(q any) error { _, err := storage.Facets(ctx, r, *q.(*incident.Query)); return err },
			},
			{
				"Alerts",
				&alert.Query{
					IDs:        roomy(newAlert(4, "").ID, "none", newAlert(1, "").ID, newAlert(4, "").ID),
					Incidents:  roomy[incident.ID]("i00004", "i00001", "i00000"),
					Severities: roomy(alert.High, alert.Informational, alert.Unrated),
				},
				func(q any) error { _, err := collect(r.Alerts(ctx, *q.(*alert.Query))); return err },
			},
			{
				"CountAlerts",
				&alert.Query{
					Entities:   roomy(alert.Identity(device(5)), alert.Identity(device(1)), alert.Identity(device(5))),
					Incidents:  roomy[incident.ID]("i00004", "i00001", "i00000"),
					Sources:    roomy("z", "", "a"),
					Categories: roomy("z", "", "a"),
				},
				func(q any) error { _, err := storage.CountAlerts(ctx, r, *q.(*alert.Query)); return err },
			},
			{
				"Activity",
				&activity.Query{
					IDs:       roomy[activity.ID]("first4", "none", "first1", "first4"),
					Incidents: roomy[incident.ID]("i00004", "i00001"),
					Actors:    roomy("z", "kai", "a"),
					Types:     roomy(activity.Renamed, activity.Commented),
				},
				func(q any) error { _, err := collect(r.Activity(ctx, *q.(*activity.Query))); return err },
			},
			{
				"Items",
				&storage.ItemQuery{
					Kinds:     roomy("z", "", "a", "z"),
					Incidents: roomy[incident.ID]("i00004", "i00001", "i00004"),
				},
				func(q any) error { _, err := collect(r.Items(ctx, *q.(*storage.ItemQuery))); return err },
			},
			{
				"Sightings",
				&storage.SightingQuery{
					Entities: roomy(alert.Identity(device(5)), alert.Identity(device(1)), alert.Identity(device(5))),
				},
				func(q any) error {
					_, err := collect(storage.Sightings(ctx, r, *q.(*storage.SightingQuery)))
					return err
				},
			},
		} {
			if err := kept(one.name, one.query, one.ask); err != nil {
				return err
			}
			// Each list by itself, so that others do not end the search.
			for n := range reflect.TypeOf(one.query).Elem().NumField() {
				q := reflect.New(reflect.TypeOf(one.query).Elem())
				if field := q.Elem().Field(n); field.Kind() == reflect.Slice {
					field.Set(unordered(field.Type()))
					if err := kept(one.name, q.Interface(), one.ask); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// kept asks twice and sees that the query is as it was.
func kept(name string, query any, ask func(any) error) error {
	state := func() string { return fmt.Sprintf("%#v", withRoom(reflect.ValueOf(query).Elem())) }
	before := state()
	for range 2 {
		if err := ask(query); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if after := state(); after != before {
			return fmt.Errorf("%s changed the query that it was asked: it was %s and is %s", name, before, after)
		}
	}
	return nil
}

// unordered returns a list of that type with room at its end, values in no order and one of them twice.
func unordered(list reflect.Type) reflect.Value {
	all := reflect.MakeSlice(list, 4, 8)
	for n, rank := range []int{3, 1, 2, 1} {
		switch v := all.Index(n); v.Kind() {
		case reflect.String:
			v.SetString(fmt.Sprintf("I%05d", rank))
		case reflect.Int64:
			v.SetInt(int64(rank))
		case reflect.Uint8:
			v.SetUint(uint64(rank % 2)) // every enumeration has two values
		case reflect.Struct:
			if id := v.FieldByName("ID"); id.IsValid() {
				id.SetString(fmt.Sprint(rank))
			} else { // a Query
				v.Set(reflect.ValueOf(incident.Query{
					IDs:       roomy[incident.ID]("z", "a"),
					Tags:      roomy("Z", "a"),
					Limit:     rank,
					Sort:      incident.ByName,
					Ascending: true,
				}))
			}
		}
	}
	return all
}

// roomy returns a slice of vs with room for more.
func roomy[T any](vs ...T) []T { return append(make([]T, 0, len(vs)+4), vs...) }

// withRoom returns what the slices of a query hold, up to their capacity.
func withRoom(v reflect.Value) (all []any) {
	for _, field := range v.Fields() {
		if field.Kind() == reflect.Slice {
			full := field.Slice(0, field.Cap())
			all = append(all, slices.Clone([]any{full.Interface(), field.Len()})...)
			for n := range field.Len() {
				if field.Index(n).Kind() == reflect.Struct {
					all = append(
						append(all, fmt.Sprintf("%#v", field.Index(n).Interface())),
						withRoom(field.Index(n))...,
					)
				}
			}
		}
	}
	return all
}
