package storage_test

import (
	"encoding"
	"errors"
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
)

// spoiled calls fn with a copy of the record for each value in it that can be beyond the limits: a text that is not
// UTF-8, a time that is too late, an enumeration without that value, and a negative Limit.
func spoiled(record any, fn func(path string, record any)) {
	var spoil func(get func(reflect.Value) reflect.Value, path string)
	spoil = func(get func(reflect.Value) reflect.Value, path string) {
		fresh := func() reflect.Value {
			v := reflect.New(reflect.TypeOf(record)).Elem()
			v.Set(reflect.ValueOf(record))
			return v
		}
		give := func(bad any) {
			v := fresh()
			place := get(v)
			place.Set(reflect.ValueOf(bad).Convert(place.Type()))
			fn(path, v.Interface())
		}
		v := get(fresh())
		_, named := v.Interface().(encoding.TextMarshaler)
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			give(time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC))
		case v.Kind() == reflect.String:
			give("a\xff")
		case v.Kind() == reflect.Uint8 && named:
			give(99)
		case v.Kind() == reflect.Int && strings.HasSuffix(path, ".Limit"):
			give(-1)
		case v.Kind() == reflect.Struct:
			for n := range v.NumField() {
				if field := v.Type().Field(n); field.IsExported() {
					spoil(func(v reflect.Value) reflect.Value { return get(v).Field(n) }, path+"."+field.Name)
				}
			}
		case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[[]byte]() &&
			strings.Count(path, "Except")+strings.Count(path, "Within") < 2:
			spoil(func(v reflect.Value) reflect.Value {
				list := reflect.MakeSlice(get(v).Type(), 2, 2)
				get(v).Set(list)
				return list.Index(1)
			}, path+"[1]")
		}
	}
	spoil(func(v reflect.Value) reflect.Value { return v }, "")
}

// All that a query or an item says is looked at, also what is added one day.
func TestEveryValueIsLookedAt(t *testing.T) {
	for _, test := range []struct {
		record any
		name   string
		least  int
	}{
		{alert.Query{}, "query of alerts", 10},
		{activity.Query{}, "query of entries", 12},
		{incident.Query{}, "query of incidents", 40},
		{storage.ItemQuery{}, "query of items", 6},
		{storage.SightingQuery{}, "query of sightings", 5},
		{storage.Item{Kind: "k", Key: "a"}, "item ", 4},
	} {
		n := 0
		require.NoError(t, test.record.(interface{ Validate() error }).Validate())
		spoiled(test.record, func(path string, record any) {
			n++
			err := record.(interface{ Validate() error }).Validate()
			nested := strings.HasPrefix(path, ".Except[1].") || strings.HasPrefix(path, ".Within[1].")
			reference := strings.Contains(path, ".References[1].")
			switch path[strings.LastIndex(path, ".")+1:] {
			case "Limit", "Sort":
				if nested { // where they do not count
					assert.NoError(t, err, path)
					return
				}
			case "URL", "Updated":
				if reference { // the same
					assert.NoError(t, err, path)
					return
				}
			}
			invalid, ok := errors.AsType[*alert.FieldError](err)
			if assert.True(t, ok, "%s%s: %v", test.name, path, err) {
				assert.True(t, strings.HasPrefix(invalid.Record, test.name), invalid.Record)
				want := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(path, ".")), "sort", "sort[0]")
				assert.Equal(t, want, strings.ToLower(invalid.Field))
				assert.ErrorIs(t, err, alert.ErrInvalid)
			}
		})
		assert.GreaterOrEqual(t, n, test.least, "%s: the test looks at all of them", test.name)
	}
}

func TestLimitsOfAnItem(t *testing.T) {
	long := strings.Repeat("x", alert.MaxID)
	for _, i := range []storage.Item{
		{Kind: "k"},
		{Key: "k"},
		{Kind: long, Key: long, Incident: incident.ID(long), Data: make([]byte, storage.MaxItemData)},
		{Kind: "\x00", Key: "\x00", Time: time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)},
	} {
		assert.NoError(t, i.Validate())
	}
	for field, i := range map[string]storage.Item{
		"kind":     {},
		"key":      {Kind: "k", Key: long + "x"},
		"incident": {Kind: "k", Incident: incident.ID(long + "x")},
		"time":     {Kind: "k", Time: time.Time{}.Add(-1)},
		"data":     {Kind: "k", Data: make([]byte, storage.MaxItemData+1)},
	} {
		invalid, _ := errors.AsType[*alert.FieldError](i.Validate())
		require.NotNil(t, invalid, field)
		assert.Equal(t, field, invalid.Field)
	}
}

// Within and Except together may have so many queries, however they are nested, and no more.
func TestLimitsOfWithinAndExcept(t *testing.T) {
	within := func(queries ...incident.Query) incident.Query { return incident.Query{Within: queries} }
	except := func(queries ...incident.Query) incident.Query { return incident.Query{Except: queries} }
	many := func(n int) []incident.Query { return make([]incident.Query, n) }
	nested := func(levels int) (q incident.Query) {
		for n := range levels {
			if q = within(q); n%2 == 0 {
				q = except(q.Within...)
			}
		}
		return q
	}
	in := many(incident.MaxQueries - 1)
	in[7] = within(incident.Query{})
	half := incident.Query{Within: many(incident.MaxQueries / 2), Except: many(incident.MaxQueries / 2)}
	for _, q := range []incident.Query{
		within(many(incident.MaxQueries)...), except(many(incident.MaxQueries)...), half,
		nested(incident.MaxQueryDepth), within(in...), except(in...),
	} {
		assert.NoError(t, q.Validate())
	}
	in[7], half.Except = except(many(2)...), append(half.Except, incident.Query{})
	for _, q := range []incident.Query{
		within(many(incident.MaxQueries + 1)...), except(many(incident.MaxQueries + 1)...), half,
		nested(incident.MaxQueryDepth + 1), within(in...), except(in...),
	} {
		invalid, _ := errors.AsType[*alert.FieldError](q.Validate())
		require.NotNil(t, invalid)
		assert.Contains(t, []string{"within", "except"}, invalid.Field)
	}
}

// A cursor whose text is not UTF-8 cannot be read, and one of another order is no cursor of the query.
func TestLimitsOfACursor(t *testing.T) {
	q := incident.Query{Sort: incident.ByName}
	text, err := q.CursorAfter(incident.Incident{Name: "a\xff", Number: 1}).MarshalText()
	require.NoError(t, err)
	var c incident.Cursor
	require.ErrorIs(t, c.UnmarshalText(text), incident.ErrCursor)
	q.After = incident.Query{Sort: incident.ByName, Ascending: true}.CursorAfter(incident.Incident{Number: 1})
	err = q.Validate()
	require.ErrorIs(t, err, incident.ErrCursor)
	invalid, _ := errors.AsType[*alert.FieldError](err)
	require.NotNil(t, invalid)
	assert.Equal(t, "after", invalid.Field)
	q.Ascending = true
	assert.NoError(t, q.Validate())
}
