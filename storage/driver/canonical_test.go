package driver_test

import (
	"encoding/json"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

var odd = time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))

// oddChangeset returns one of each record, in which all times are in a zone and have nanoseconds, and all JSON has
// spaces.
func oddChangeset() storage.Changeset {
	var a alert.Alert
	for _, e := range []alert.Entity{
		alert.Device{}, alert.User{}, alert.Mailbox{}, alert.IP{}, alert.URL{}, alert.File{}, alert.Process{},
		alert.Registry{}, alert.Message{},
		alert.MailCluster{}, alert.App{}, alert.OAuthApp{}, alert.CloudResource{}, alert.Other{},
	} {
		entity := reflect.New(reflect.TypeOf(e)).Elem()
		makeOdd(entity)
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: entity.Interface().(alert.Entity)})
	}
	cs := storage.Changeset{
		Incidents: []incident.Incident{{References: make([]incident.Reference, 2)}},
		Alerts:    []alert.Alert{{}, a},
		Activity:  []activity.Entry{{Changes: make([]activity.Change, 2)}},
		Items:     make([]storage.Item, 2),
	}
	makeOdd(reflect.ValueOf(&cs).Elem())
	return cs
}

func makeOdd(v reflect.Value) {
	each(v, func(v reflect.Value) {
		if !v.CanSet() { // in an entity, which is odd already
			return
		}
		switch v.Interface().(type) {
		case time.Time:
			v.Set(reflect.ValueOf(odd))
		case alert.Fields, activity.Value:
			v.SetString(` { "a b" : [ "\" \\", 1 ] } `)
		}
	})
}

// each calls fn with every value in v that is not a struct or a list of others.
func each(v reflect.Value, fn func(reflect.Value)) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		fn(v)
	case v.Kind() == reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				each(v.Field(n), fn)
			}
		}
	case v.Kind() == reflect.Slice:
		for n := range v.Len() {
			each(v.Index(n), fn)
		}
	case v.Kind() == reflect.Interface && !v.IsNil():
		each(v.Elem(), fn)
	default:
		fn(v)
	}
}

// No time and no JSON of a record is left as it was, and the Changeset that was given is.
func TestCanonicalMissesNothing(t *testing.T) {
	given := oddChangeset()
	got := driver.Canonical(given)
	assert.Equal(t, oddChangeset(), given)
	n := 0
	look := func(v reflect.Value) {
		switch v := v.Interface().(type) {
		case time.Time:
			n++
			assert.Equal(t, odd.UTC().Truncate(time.Microsecond), v)
		case alert.Fields:
			n++
			assert.Equal(t, alert.Fields(`{"a b":["\" \\",1]}`), v)
		case activity.Value:
			n++
			assert.Equal(t, activity.Value(`{"a b":["\" \\",1]}`), v)
		}
	}
	for _, records := range []any{got.Incidents, got.Alerts, got.Activity, got.Items} {
		each(reflect.ValueOf(records), look)
	}
	assert.Greater(t, n, 50, "the test looks at all of them")
	assert.Equal(t, got, driver.Canonical(got))
}

// An empty list is the same as none, and comes back as nil; each list by itself.
func TestCanonicalEmptyLists(t *testing.T) {
	full := storage.Changeset{
		Incidents: make([]incident.Incident, 1),
		Alerts:    []alert.Alert{{}, {Evidence: []alert.Evidence{{Entity: alert.IP{}}}}},
		Activity:  make([]activity.Entry, 1),
		Items:     make([]storage.Item, 1),
	}
	lists := 0
	for _, records := range []any{full.Incidents, full.Alerts, full.Activity, full.Items} {
		for list := range listsIn(reflect.ValueOf(records)) {
			list.Set(reflect.MakeSlice(list.Type(), 0, 0))
			got := driver.Canonical(full)
			require.False(t, list.IsNil(), "what was given is not changed")
			for _, records := range []any{got.Incidents, got.Alerts, got.Activity, got.Items} {
				for empty := range listsIn(reflect.ValueOf(records)) {
					require.True(t, empty.IsNil(), "%T: %s", records, empty.Type())
				}
			}
			list.SetZero()
			lists++
		}
	}
	assert.Greater(t, lists, 20, "the test looks at all of them")
}

// listsIn yields every list of the records in v that is empty.
func listsIn(v reflect.Value) iter.Seq[reflect.Value] {
	return func(yield func(reflect.Value) bool) {
		switch v.Kind() {
		case reflect.Struct:
			for f, field := range v.Fields() {
				if !f.IsExported() {
					continue
				}
				for list := range listsIn(field) {
					if !yield(list) {
						return
					}
				}
			}
		case reflect.Slice:
			if v.Len() == 0 {
				yield(v)
				return
			}
			for n := range v.Len() {
				for list := range listsIn(v.Index(n)) {
					if !yield(list) {
						return
					}
				}
			}
		}
	}
}

// What is in that form already is not copied.
func TestCanonicalSharesWhatIsSo(t *testing.T) {
	cs := driver.Canonical(oddChangeset())
	again := driver.Canonical(cs)
	assert.Same(t, &cs.Alerts[0], &again.Alerts[0])
	assert.Same(t, &cs.Incidents[0], &again.Incidents[0])
	assert.Same(t, &cs.Activity[0], &again.Activity[0])
	assert.Same(t, &cs.Items[0], &again.Items[0])
	assert.Zero(t, testing.AllocsPerRun(10, func() { driver.Canonical(cs) }))
}

// JSON comes back as it comes back from JSON.
func TestCanonicalJSON(t *testing.T) {
	for _, text := range []string{
		"", "{}", "{ }", "null", " null ", `{"a":1,"a":2}`, ` {"b" : "x y\t" , "a" : [ ] }`, `{"n":1e999}`,
		"{\"\u2028\":\"<&>\"}",
	} {
		cs := driver.Canonical(storage.Changeset{Incidents: []incident.Incident{{Extra: alert.Fields(text)}}})
		got := cs.Incidents[0].Extra
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		require.NoError(t, e.Encode(alert.Fields(text)))
		var want alert.Fields
		require.NoError(t, json.Unmarshal([]byte(b.String()), &want))
		assert.Equal(t, want, got, "%q", text)
	}
}
