package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// What some storage does not keep, or keeps as something else.
var (
	notUTF8   = []string{"\xff", "a\xed\xa0\x80", "\xc0\x80", "\x00\x80", "ok\xe2\x82"}
	tooLong   = []string{strings.Repeat("x", alert.MaxID+1), strings.Repeat("ü", alert.MaxID/2) + "x"}
	badTimes  = []time.Time{year(0), year(10_000), year(58_136), year(-1), year(300_000), time.Unix(-1<<40, 0).UTC()}
	badJSON   = []string{"{", "nul", "\xff", "01", `{"a":1} x`, `{"a":NaN}`, nested(20_000)}
	noObjects = []string{"[]", "null", "1", `"x"`}
)

// What every storage keeps.
var (
	oddTexts = []string{
		"", "a", "\x00", "a\x00b", "\x01\x02", "\uffff", "\U0010ffff", "\u2028", `"\`, "\ufffd", "<&>",
		strings.Repeat("\x00", 300), strings.Repeat("ü", alert.MaxID/2),
	}
	oddTimes = []time.Time{
		{}, year(1), year(10_000).Add(-time.Nanosecond),
		origin.Add(time.Nanosecond),
		origin.Add(1999 * time.Nanosecond),
		origin.In(time.FixedZone("", 14*3600)),
		origin.In(time.FixedZone("X", -12345)),
		origin.In(time.FixedZone("UTC", 0)),
	}
	oddObjects = []string{
		"", "{}", ` { "a" : "b c" } `, `{"a":1,"a":2}`, `{"a":"\u0000\ud800"}`, `{"n":1e999,"m":12345678901234567890}`,
		`{"a":"\" \\"}`, `{"a":` + nested(alert.MaxDepth-1) + `}`,
	}
	oddValues = []string{
		"", "null", " [ 1 , 2 ] ", `"\u0000"`, "1e999", `{"a":1,"a":2}`, "\t\"a b\"\n", "-0", nested(1000),
	}
	oddNumbers = []int64{math.MinInt64, -1, 0, 1, 1<<53 + 1, math.MaxInt64}
)

func year(n int) time.Time { return time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC) }

// nested returns JSON of so many levels.
func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

// invalidRecords gives one Changeset after the other in which one value is beyond the limits, and then it without
// these.
func invalidRecords(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	good := func() storage.Changeset {
		i, a, e := newIncident(1), newAlert(1, "i00001"), withImages("e", "d")
		e.Changes = []activity.Change{{Field: "f", Before: "1"}}
		e.Links = []activity.Link{{Entity: "k:1", Incident: "i00001"}}
		return storage.Changeset{
			Incidents: []incident.Incident{incidentAt(1, 0), i},
			Alerts:    []alert.Alert{alertAt(1, 0, "i00000"), a},
			Activity:  []activity.Entry{newEntry("good", "i00001"), e},
			Contents:  []activity.Content{content("d", "x")},
			Items:     []storage.Item{newItem("k", "good"), newItem("k", "1")},
		}
	}
	refuse := func(change func(*storage.Changeset)) error {
		cs := good()
		change(&cs)
		want, _ := errors.AsType[*alert.FieldError](driver.Check(cs))
		if want == nil {
			return fmt.Errorf("a Changeset that is valid, %s, is among those that are not", sketch(cs))
		}
		if err := unchanged(ctx, s, cs, alert.ErrInvalid); err != nil {
			return fmt.Errorf("%s: %s, want %s: %w", want.Record, want.Field, want.Want, err)
		}
		return nil
	}
	var errs []error
	for _, text := range notUTF8 {
		for _, change := range []func(*storage.Changeset){
			func(cs *storage.Changeset) { cs.Incidents[1].ID = incident.ID(text) },
			func(cs *storage.Changeset) { cs.Incidents[1].Name = text },
			func(cs *storage.Changeset) { cs.Incidents[1].Tags = []incident.Tag{{Name: text}} },
			func(cs *storage.Changeset) { cs.Incidents[1].Alerts.Products = []string{text} },
			func(cs *storage.Changeset) { cs.Alerts[1].ID = alert.ID(text) },
			func(cs *storage.Changeset) { cs.Alerts[1].Description = text },
			func(cs *storage.Changeset) { cs.Alerts[1].Evidence[0].Entity = alert.URL{URL: text} },
			func(cs *storage.Changeset) { cs.Activity[1].ID = activity.ID(text) },
			func(cs *storage.Changeset) { cs.Activity[1].Text = text },
			func(cs *storage.Changeset) { cs.Activity[1].Actor.ID = text },
			func(cs *storage.Changeset) { cs.Activity[1].Changes[0].Field = text },
			func(cs *storage.Changeset) { cs.Activity[1].Links[0].HeldBack = text },
			func(cs *storage.Changeset) { cs.Activity[1].Attachments[0].Name = text },
			func(cs *storage.Changeset) { cs.Contents[0].SHA256 = text },
			func(cs *storage.Changeset) { cs.Items[1].Kind = text },
			func(cs *storage.Changeset) { cs.Items[1].Key = text },
			func(cs *storage.Changeset) { cs.Redact = []activity.ID{activity.ID(text)} },
			func(cs *storage.Changeset) { cs.Purge = []incident.ID{"i00000", incident.ID(text)} },
			func(cs *storage.Changeset) { cs.Expire = []storage.Expiry{{Kind: text}} },
			func(cs *storage.Changeset) { cs.Guard.Keys = []alert.Key{alert.Key(text)} },
		} {
			errs = append(errs, refuse(change))
		}
	}
	for _, text := range tooLong {
		for _, change := range []func(*storage.Changeset){
			func(cs *storage.Changeset) { cs.Incidents[1].ID = incident.ID(text) },
			func(cs *storage.Changeset) { cs.Incidents[1].RedirectTo = incident.ID(text) },
			func(cs *storage.Changeset) { cs.Alerts[1].ID = alert.ID(text) },
			func(cs *storage.Changeset) { cs.Alerts[1].Incident = incident.ID(text) },
			func(cs *storage.Changeset) { cs.Activity[1].ID = activity.ID(text + text + text) },
			func(cs *storage.Changeset) { cs.Activity[1].Incident = incident.ID(text) },
			func(cs *storage.Changeset) { cs.Activity[1].Cause = text },
			func(cs *storage.Changeset) { cs.Activity[1].Attachments[0].SHA256 = text },
			func(cs *storage.Changeset) { cs.Items[1].Kind = text },
			func(cs *storage.Changeset) { cs.Items[1].Key = text },
			func(cs *storage.Changeset) { cs.Items[1].Incident = incident.ID(text) },
		} {
			errs = append(errs, refuse(change))
		}
	}
	for _, at := range badTimes {
		for _, change := range []func(*storage.Changeset){
			func(cs *storage.Changeset) { cs.Incidents[1].Updated = at },
			func(cs *storage.Changeset) { cs.Alerts[1].LastActivity = at },
			func(cs *storage.Changeset) { cs.Alerts[1].Evidence[0].Created = at },
			func(cs *storage.Changeset) { cs.Activity[1].Occurred = at },
			func(cs *storage.Changeset) { cs.Items[1].Time = at },
			func(cs *storage.Changeset) { cs.Expire = []storage.Expiry{{Kind: "k", Before: at}} },
		} {
			errs = append(errs, refuse(change))
		}
	}
	for _, text := range badJSON {
		errs = append(errs,
			refuse(func(cs *storage.Changeset) { cs.Activity[1].Changes[0].After = activity.Value(text) }),
			refuse(func(cs *storage.Changeset) { cs.Incidents[1].Extra = alert.Fields(text) }))
	}
	for _, text := range noObjects {
		errs = append(errs, refuse(func(cs *storage.Changeset) { cs.Alerts[1].Extra = alert.Fields(text) }))
	}
	for _, change := range []func(*storage.Changeset){
		func(cs *storage.Changeset) { cs.Incidents[1].Status = 99 },
		func(cs *storage.Changeset) { cs.Alerts[1].Severity = 99 },
		func(cs *storage.Changeset) { cs.Alerts[1].Evidence[0].Entity = nil },
		func(cs *storage.Changeset) { cs.Activity[1].Type = 99 },
		func(cs *storage.Changeset) { cs.Items[1].Kind, cs.Items[1].Key = "", "" },
		func(cs *storage.Changeset) { cs.Items[1].Data = make([]byte, storage.MaxItemData+1) },
		func(cs *storage.Changeset) { cs.AlertKeys = [][]alert.Key{nil} },
		func(cs *storage.Changeset) { cs.Guard.Seq = -1 },
	} {
		errs = append(errs, refuse(change))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, good()); err != nil {
		return fmt.Errorf("the same without what was refused: %w", err)
	}
	return nil
}

// An asked is a query and what becomes of it.
type asked struct {
	query any
	want  error // of its Validate
	ask   func(context.Context, storage.Reader) (records int, err error)
}

// asking returns what asks q of one kind of list.
func asking[Q interface{ Validate() error }, T any](
	q Q, list func(storage.Reader, context.Context, Q) iter.Seq2[T, error],
) asked {
	return asked{q, q.Validate(), func(ctx context.Context, r storage.Reader) (n int, err error) {
		for _, err := range list(r, ctx, q) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}}
}

func sightings(r storage.Reader, ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	return storage.Sightings(ctx, r, q)
}

// countingOf returns what counts the incidents of q.
func countingOf(q incident.Query) (all []asked) {
	q.Sort, q.After, q.Limit = 0, incident.Cursor{}, 0 // which do not count
	return []asked{
		{q, q.Validate(), func(ctx context.Context, r storage.Reader) (int, error) { return storage.Count(ctx, r, q) }},
		{q, q.Validate(), func(ctx context.Context, r storage.Reader) (int, error) {
			c, err := storage.Facets(ctx, r, q)
			return c.Total, err
		}},
	}
}

// refused sees that a query that is not valid is answered with what Validate says, and nothing before.
func (a asked) refused(ctx context.Context, r storage.Reader) error {
	n, err := a.ask(ctx, r)
	switch {
	case err == nil:
		return fmt.Errorf("%s is answered, want the error %q", describe(a.query), a.want)
	case n > 0:
		return fmt.Errorf("%s is answered with %d records before the error, want none", describe(a.query), n)
	case !answers(err, a.want):
		return fmt.Errorf("%s is answered with the error %q, want %q", describe(a.query), err, a.want)
	}
	return nil
}

// answers reports whether got is the error that was wanted: the same field of the same record, or the same class.
func answers(got, want error) bool {
	if errors.Is(want, incident.ErrCursor) && !errors.Is(got, incident.ErrCursor) {
		return false
	}
	wanted, ok := errors.AsType[*alert.FieldError](want)
	if !ok {
		return errors.Is(got, want)
	}
	given, ok := errors.AsType[*alert.FieldError](got)
	return ok && given.Record == wanted.Record && given.Field == wanted.Field
}

// invalidQueries asks what no storage answers, and what stands just within the limits.
func invalidQueries(ctx context.Context, s storage.Storage) error {
	w := newWorld(0)
	if err := w.change(ctx, s, 20, 0); err != nil {
		return err
	}
	var all []asked
	incidents := func(q incident.Query) {
		all = append(append(all, asking(q, storage.Reader.Incidents)), countingOf(q)...)
	}
	alerts := func(q alert.Query) {
		all = append(all, asking(q, storage.Reader.Alerts), asked{
			q, q.Validate(),
			func(ctx context.Context, r storage.Reader) (int, error) { return storage.CountAlerts(ctx, r, q) },
		})
	}
	for _, text := range notUTF8 {
		list := []string{"a", text}
		for _, q := range []incident.Query{
			{IDs: []incident.ID{incident.ID(text)}}, {Owners: list}, {Tags: list}, {Text: text},
			{Entities: []alert.Key{alert.Key(text)}}, {References: []incident.Reference{{System: text}}},
			{References: []incident.Reference{{ID: text}}}, {Except: []incident.Query{{}, {Owners: list}}},
			{Within: []incident.Query{{}, {Tags: list}}},
		} {
			incidents(q)
		}
		for _, q := range []alert.Query{
			{IDs: []alert.ID{alert.ID(text)}}, {Incidents: []incident.ID{incident.ID(text)}},
			{Entities: []alert.Key{alert.Key(text)}}, {Sources: list}, {Categories: list}, {Title: text},
		} {
			alerts(q)
		}
		for l := range incident.Lists {
			var q incident.Query
			*q.Lists()[l] = list
			incidents(q)
		}
		named := incident.Query{Sort: incident.ByName}
		named.After = named.CursorAfter(incident.Incident{Name: text})
		all = append(all,
			asking(named, storage.Reader.Incidents),
			asking(alert.Query{After: alert.Position{ID: alert.ID(text)}}, storage.Reader.Alerts),
			asking(activity.Query{IDs: []activity.ID{activity.ID(text)}}, storage.Reader.Activity),
			asking(activity.Query{Alerts: []alert.ID{alert.ID(text)}}, storage.Reader.Activity),
			asking(activity.Query{Actors: list}, storage.Reader.Activity),
			asking(activity.Query{Fields: list}, storage.Reader.Activity),
			asking(activity.Query{Origins: []incident.ID{incident.ID(text)}}, storage.Reader.Activity),
			asking(storage.ItemQuery{Kinds: list}, storage.Reader.Items),
			asking(storage.ItemQuery{Incidents: []incident.ID{incident.ID(text)}}, storage.Reader.Items),
			asking(storage.ItemQuery{After: storage.ItemPlace{Kind: text}}, storage.Reader.Items),
			asking(storage.ItemQuery{After: storage.ItemPlace{Key: text}}, storage.Reader.Items),
			asking(storage.SightingQuery{Entities: []alert.Key{"a", alert.Key(text)}}, sightings),
			asking(storage.SightingQuery{Incident: incident.ID(text), Entities: keys}, sightings))
	}
	for _, at := range badTimes {
		for _, q := range []incident.Query{
			{CreatedSince: at}, {CreatedUntil: at}, {UpdatedSince: at}, {UpdatedUntil: at},
			{Except: []incident.Query{{Within: []incident.Query{{Except: []incident.Query{{UpdatedSince: at}}}}}}},
		} {
			incidents(q)
		}
		alerts(alert.Query{Since: at})
		alerts(alert.Query{Until: at})
		all = append(all,
			asking(alert.Query{After: alert.Position{FirstActivity: at}}, storage.Reader.Alerts),
			asking(activity.Query{Since: at}, storage.Reader.Activity),
			asking(activity.Query{Until: at}, storage.Reader.Activity),
			asking(storage.ItemQuery{Before: at}, storage.Reader.Items),
			asking(storage.SightingQuery{Since: at, Entities: keys}, sightings),
			asking(storage.SightingQuery{Until: at, Entities: keys}, sightings))
	}
	for _, q := range []incident.Query{
		{Statuses: []incident.Status{0, 99}},
		{Severities: []alert.Severity{99}},
		{AlertSeverities: []alert.Severity{99}},
		{Criticalities: []alert.Criticality{99}}, {Except: make([]incident.Query, incident.MaxQueries+1)},
		{Within: make([]incident.Query, incident.MaxQueries), Except: []incident.Query{{}}},
		exceptions(1, incident.MaxQueryDepth+1, incident.Query{}),
		{Within: []incident.Query{exceptions(1, incident.MaxQueryDepth, incident.Query{})}},
	} {
		incidents(q)
	}
	alerts(alert.Query{Statuses: []alert.Status{99}})
	alerts(alert.Query{Severities: []alert.Severity{99}})
	other := incident.Query{Sort: incident.ByCreated}
	other.After = incident.Query{}.CursorAfter(newIncident(0))
	all = append(all,
		asking(other, storage.Reader.Incidents),
		asking(incident.Query{Sort: 99}, storage.Reader.Incidents),
		asking(incident.Query{Limit: -1}, storage.Reader.Incidents),
		asking(alert.Query{Limit: -1}, storage.Reader.Alerts),
		asking(activity.Query{Types: []activity.Type{99}}, storage.Reader.Activity),
		asking(activity.Query{Categories: []activity.Category{99}}, storage.Reader.Activity),
		asking(activity.Query{Triggers: []activity.Trigger{99}}, storage.Reader.Activity),
		asking(activity.Query{Limit: math.MinInt}, storage.Reader.Activity),
		asking(storage.ItemQuery{Limit: -1}, storage.Reader.Items),
		asking(storage.SightingQuery{Limit: -1, Entities: keys}, sightings))
	return s.View(ctx, func(r storage.Reader) error {
		var errs []error
		for _, a := range all {
			if a.want == nil {
				return fmt.Errorf("%s, which is valid, is among the queries that are not", describe(a.query))
			}
			errs = append(errs, a.refused(ctx, r))
		}
		full := w.fullQuery()
		for _, q := range []incident.Query{
			exceptions(incident.MaxQueries, 1, full),
			exceptions(incident.MaxQueries/incident.MaxQueryDepth, incident.MaxQueryDepth, full),
			{Within: exceptions(incident.MaxQueries, 1, full).Except},
			{CreatedSince: year(1), UpdatedUntil: year(10_000).Add(-time.Nanosecond), Limit: math.MaxInt},
			{PriorityMin: math.MinInt, PriorityMax: math.MaxInt, Numbers: oddNumbers},
		} {
			if err := q.Validate(); err != nil {
				return err
			}
			errs = append(errs, w.checkIncidents(ctx, r, q))
		}
		for _, seq := range oddNumbers {
			errs = append(errs,
				w.checkActivity(ctx, r, activity.Query{AfterSeq: seq}),
				w.checkActivity(ctx, r, activity.Query{BeforeSeq: seq, Newest: true}),
				w.checkActivity(ctx, r, activity.Query{AfterSeq: seq, Incidents: []incident.ID{w.incidents[0].ID}}))
		}
		errs = append(errs,
			w.checkAlerts(ctx, r, alert.Query{Since: year(1), Until: year(10_000).Add(-1), Limit: math.MaxInt}),
			w.checkItems(ctx, r, storage.ItemQuery{Before: year(10_000).Add(-1), Limit: math.MaxInt}))
		return errors.Join(errs...)
	})
}

// exceptions returns a query with so many queries in Except, at so many levels, the last of which at each level has the
// next.
func exceptions(each, levels int, filter incident.Query) (q incident.Query) {
	if levels == 0 {
		return filter
	}
	for range each {
		q.Except = append(q.Except, filter)
	}
	if levels > 1 {
		q.Except[each-1].Except = exceptions(each, levels-1, filter).Except
	}
	return q
}

// fullQuery returns a query in which every filter is set.
func (w *world) fullQuery() (q incident.Query) {
	for _, set := range incidentFilters() {
		var one incident.Query
		set(w, &one)
		one.Except = nil
		from, to := reflect.ValueOf(one), reflect.ValueOf(&q).Elem()
		for n := range from.NumField() {
			if !from.Field(n).IsZero() {
				to.Field(n).Set(from.Field(n))
			}
		}
	}
	return q
}

// noSuchID reads by IDs that no record can have.
func noSuchID(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		for _, ids := range [][]string{notUTF8, tooLong, {strings.Repeat("\xff", 1<<20), strings.Repeat("x", 1<<20)}} {
			for _, id := range ids {
				_, incidentErr := r.Incident(ctx, incident.ID(id))
				_, alertErr := r.Alert(ctx, alert.ID(id))
				_, contentErr := r.Content(ctx, id)
				_, kindErr := r.Item(ctx, id, "k")
				_, keyErr := r.Item(ctx, "k", id)
				for _, err := range []error{incidentErr, alertErr, contentErr, kindErr, keyErr} {
					if !errors.Is(err, storage.ErrNotFound) {
						return fmt.Errorf("a record by the ID %.40q: %w, want an error matching ErrNotFound", id, err)
					}
				}
			}
		}
		return nil
	})
}

// otherForms gives times in other zones and finer than microseconds, JSON with spaces, and empty lists, which come back
// in one form.
func otherForms(ctx context.Context, s storage.Storage) error {
	for n, at := range oddTimes {
		i, a, e := newIncident(n), newAlert(n, newIncident(n).ID), newEntry(fmt.Sprint("e", n), newIncident(n).ID)
		i.Created, i.Updated, i.Resolved, i.Alerts.FirstActivity, i.Alerts.LastActivity = at, at, at, at, at
		i.References = []incident.Reference{{System: "s", ID: "1", Updated: at}}
		a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated, a.Resolved, a.Updated = at, at, at, at, at, at
		for _, entity := range []alert.Entity{
			alert.Device{DeviceID: "d", FirstSeen: at},
			alert.Process{DeviceID: "d", PID: 1, Started: at, ParentStarted: at},
			alert.Message{Subject: "s", Received: at}, alert.Other{Type: "o", Fields: ` {"a" : [ 1 ]}`},
		} {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: entity, Created: at})
		}
		i.Tags, i.Alerts.Sources, i.Alerts.SystemTags = []incident.Tag{}, []string{}, []incident.Tag{}
		a.Techniques, a.Tags, a.SystemTags = []string{}, []string{}, []alert.Tag{}
		a.Evidence[1].Roles, a.Evidence[2].DetailedRoles, a.Evidence[3].Tags = []alert.Role{}, []string{}, []string{}
		e.Links, e.Attachments = []activity.Link{}, []activity.Attachment{}
		e.Time, e.Occurred = at, at
		for _, value := range oddValues {
			v := activity.Value(value)
			e.Changes = append(e.Changes, activity.Change{Field: "f", Before: v, After: v})
		}
		fields := alert.Fields(oddObjects[n%len(oddObjects)])
		i.Extra, a.Extra, a.Evidence[0].Extra = fields, fields, fields
		if _, err := s.Apply(ctx, storage.Changeset{
			Incidents: []incident.Incident{i},
			Alerts:    []alert.Alert{a},
			Activity:  []activity.Entry{e},
			Items:     []storage.Item{{Kind: "k", Key: fmt.Sprint(n), Time: at}},
		}); err != nil {
			return fmt.Errorf("time %v, fields %.40s: %w", at, fields, err)
		}
	}
	return nil // the witness compares them
}

// hostile gives Changesets and asks queries. Some have values that a storage may take for others, or cannot keep.
func hostile(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		h := hostility{world: w, versions: make(map[any]int64)}
		for round := range 300 {
			cs := h.changeset(round)
			if _, err := s.Apply(ctx, cs); err == nil {
				h.keep(driver.Canonical(cs))
			} else if seen, ok := errors.AsType[*witnessed](err); ok {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, seen)
			}
			if round%10 > 0 {
				continue
			}
			if err := s.View(ctx, func(r storage.Reader) error { return h.ask(ctx, r) }); err != nil {
				return fmt.Errorf("seed %d, round %d: %w", seed, round, err)
			}
		}
		return nil
	}
}

// A hostility makes records and queries with hostile values.
type hostility struct {
	*world
	versions map[any]int64 // of incidents and alerts, by ID
}

// changeset returns a few records, new and stored ones, in which up to two values are hostile.
func (h *hostility) changeset(round int) (cs storage.Changeset) {
	ids := append([]string{"a", "b"}, oddTexts...)
	used := make(map[string]bool)
	for range 1 + h.lots.IntN(2) {
		id := pick(h.world, ids)
		if used[id] {
			continue
		}
		used[id] = true
		i := newIncident(round)
		i.ID = incident.ID(id)
		i.References = []incident.Reference{{System: "s", ID: "1"}}
		a := newAlert(round, i.ID)
		a.ID, a.Techniques, a.Tags = alert.ID(id), []string{"T1"}, []string{"t"}
		entity := reflect.New(reflect.TypeOf(pick(h.world, entityTypes))).Elem()
		a.Evidence = append(a.Evidence, alert.Evidence{
			Entity: entity.Interface().(alert.Entity),
			Roles:  []alert.Role{"r"},
		})
		cs.Incidents, cs.Alerts = append(cs.Incidents, i), append(cs.Alerts, a)
		item := storage.Item{Kind: "k", Key: id, Incident: i.ID, Data: []byte("x")}
		cs.Items = append(cs.Items, item)
	}
	e := withImages(fmt.Sprint("e", round), "d")
	e.Incident = cs.Incidents[0].ID
	e.Changes = []activity.Change{{Field: "f", After: "1"}}
	e.Links = []activity.Link{{Entity: "k:1", Incident: "a"}}
	cs.Activity = []activity.Entry{e}
	cs.Contents = []activity.Content{content("d", "x")}
	if h.one(10) {
		cs.Expire = []storage.Expiry{{Kind: "k", Before: origin}}
	}
	for range h.lots.IntN(3) {
		h.spoil(reflect.ValueOf(&cs).Elem())
	}
	for n := range cs.Incidents {
		cs.Incidents[n].Version += h.versions[cs.Incidents[n].ID]
	}
	for n := range cs.Alerts {
		cs.Alerts[n].Version += h.versions[cs.Alerts[n].ID]
	}
	for n := range cs.Items {
		for _, i := range h.items {
			if i.Place() == cs.Items[n].Place() && !takenAway(cs, i) {
				cs.Items[n].Version += i.Version
			}
		}
	}
	return cs
}

// keep notes what was stored.
func (h *hostility) keep(cs storage.Changeset) {
	for _, i := range cs.Incidents {
		h.versions[i.ID] = i.Version + 1
	}
	for _, a := range cs.Alerts {
		h.versions[a.ID] = a.Version + 1
	}
	var left []storage.Item
	for _, i := range h.items {
		if !takenAway(cs, i) {
			left = append(left, i)
		}
	}
	h.putItems(left, cs.Items)
}

// spoil puts a hostile value into one of the places that v has for one.
func (h *hostility) spoil(v reflect.Value) {
	var places []reflect.Value
	var look func(reflect.Value)
	look = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				places = append(places, v)
				return
			}
			for _, field := range v.Fields() {
				if field.CanSet() {
					look(field)
				}
			}
		case reflect.Slice, reflect.Array:
			if v.Type() == reflect.TypeFor[activity.Digest]() {
				return // of which every value is good
			}
			for n := range v.Len() {
				look(v.Index(n))
			}
		case reflect.String, reflect.Int, reflect.Int64, reflect.Uint8, reflect.Interface:
			places = append(places, v)
		}
	}
	look(v)
	if len(places) == 0 {
		return
	}
	place := places[h.lots.IntN(len(places))]
	switch place.Interface().(type) {
	case alert.Entity:
		entity := reflect.New(place.Elem().Type()).Elem()
		entity.Set(place.Elem())
		h.spoil(entity)
		place.Set(entity)
		return
	case time.Time:
		place.Set(reflect.ValueOf(pick(h.world, append(oddTimes, badTimes...))))
		return
	case alert.Fields:
		place.SetString(pick(h.world, append(append(append(oddObjects, oddObjects...), badJSON...), noObjects...)))
		return
	case activity.Value:
		place.SetString(pick(h.world, append(append(oddValues, oddValues...), badJSON...)))
		return
	}
	switch place.Kind() {
	case reflect.String:
		place.SetString(pick(h.world, append(append(append(oddTexts, oddTexts...), notUTF8...), tooLong...)))
	case reflect.Int, reflect.Int64:
		place.SetInt(pick(h.world, oddNumbers))
	case reflect.Uint8:
		place.SetUint(pick(h.world, []uint64{0, 1, 2, 99, 255}))
	}
}

// ask asks queries with hostile values of everything that r has.
func (h *hostility) ask(ctx context.Context, r storage.Reader) error {
	var w world
	var errs [4]error
	w.incidents, errs[0] = collect(r.Incidents(ctx, incident.Query{}))
	w.alerts, errs[1] = collect(r.Alerts(ctx, alert.Query{}))
	w.entries, errs[2] = collect(r.Activity(ctx, activity.Query{}))
	w.items, errs[3] = collect(r.Items(ctx, storage.ItemQuery{}))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for range 40 {
		var err error
		i, a := draftOf(h, incidentFilters()), draftOf(h, alertFilters)
		e, item := draftOf(h, activityFilters), draftOf(h, itemFilters)
		err = errors.Join(
			answered(ctx, r, asking(i, storage.Reader.Incidents), func() error { return w.checkIncidents(ctx, r, i) }),
			answered(ctx, r, asking(a, storage.Reader.Alerts), func() error { return w.checkAlerts(ctx, r, a) }),
			answered(ctx, r, asking(e, storage.Reader.Activity), func() error { return w.checkActivity(ctx, r, e) }),
			answered(ctx, r, asking(item, storage.Reader.Items), func() error { return w.checkItems(ctx, r, item) }),
		)
		for _, c := range countingOf(i) {
			if c.want != nil {
				err = errors.Join(err, c.refused(ctx, r))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// draftOf returns a query with a filter or two, in which a value is hostile.
func draftOf[Q any](h *hostility, filters []lot[Q]) (q Q) {
	for range 1 + h.lots.IntN(2) {
		pick(h.world, filters)(h.world, &q)
	}
	h.spoil(reflect.ValueOf(&q).Elem())
	return q
}

// answered sees that a query is refused where it is not valid, and else by check what the answer is.
func answered(ctx context.Context, r storage.Reader, a asked, check func() error) error {
	if a.want != nil {
		return a.refused(ctx, r)
	}
	return check()
}
