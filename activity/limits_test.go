package activity_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

func smallEntry() activity.Entry {
	return activity.Entry{
		ID:          "c/0",
		Changes:     []activity.Change{{Field: "name", Before: `"a"`}},
		Links:       []activity.Link{{Entity: "upn:kai"}},
		Attachments: []activity.Attachment{{SHA256: "d"}},
	}
}

// Every text of an entry must be UTF-8, also one that is added one day.
func TestEveryTextOfAnEntryIsLookedAt(t *testing.T) {
	require.NoError(t, smallEntry().Validate())
	n := 0
	var spoil func(get func(*activity.Entry) reflect.Value, path string)
	spoil = func(get func(*activity.Entry) reflect.Value, path string) {
		shape := smallEntry()
		v := get(&shape)
		switch {
		case v.Kind() == reflect.String:
			n++
			e := smallEntry()
			get(&e).SetString("a\xff")
			invalid, ok := errors.AsType[*alert.FieldError](e.Validate())
			if assert.True(t, ok, path) {
				assert.Equal(t, strings.ToLower(path), strings.ToLower("."+invalid.Field))
				assert.Equal(t, "a\ufffd", invalid.Value)
			}
		case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
			for f := range v.NumField() {
				spoil(func(e *activity.Entry) reflect.Value { return get(e).Field(f) }, path+"."+v.Type().Field(f).Name)
			}
		case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[[]activity.SealedPart](): // which have no texts
			spoil(func(e *activity.Entry) reflect.Value { return get(e).Index(0) }, path+"[0]")
		}
	}
	spoil(func(e *activity.Entry) reflect.Value { return reflect.ValueOf(e).Elem() }, "")
	assert.Greater(t, n, 15, "the test looks at all of them")
}

func TestLimitsOfAnEntry(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		change func(*activity.Entry)
		field  string // "" where it is within the limits
	}{
		"the longest ID": {func(e *activity.Entry) { e.ID = activity.ID(long(activity.MaxID)) }, ""},
		"a longer ID": {func(e *activity.Entry) {
			e.ID = activity.ID(long(activity.MaxID + 1))
		}, "id"},
		"a negative index":   {func(e *activity.Entry) { e.Index = -1 }, "index"},
		"a negative version": {func(e *activity.Entry) { e.Version = -1 }, "version"},
		"a Seal of more parts than the entry has": {func(e *activity.Entry) {
			e.Seal.Parts = make([]activity.SealedPart, 4+2*len(e.Changes)+len(e.Links)+1)
		}, "seal.parts"},
		"the longest cause": {func(e *activity.Entry) { e.Cause = long(alert.MaxID) }, ""},
		"a longer cause":    {func(e *activity.Entry) { e.Cause = long(alert.MaxID + 1) }, "cause"},
		"a longer incident": {func(e *activity.Entry) {
			e.Incident = alert.IncidentID(long(alert.MaxID + 1))
		}, "incident"},
		"a longer alert": {func(e *activity.Entry) {
			e.Alert = alert.ID(long(alert.MaxID + 1))
		}, "alert"},
		"a longer account": {func(e *activity.Entry) {
			e.Actor.ID = long(alert.MaxID + 1)
		}, "actor.id"},
		"a longer digest": {func(e *activity.Entry) {
			e.Attachments[0].SHA256 = long(alert.MaxID + 1)
		}, "attachments[0].sha256"},
		"a zero byte":    {func(e *activity.Entry) { e.ID, e.Text = "\x00", "\x00" }, ""},
		"1 MiB of text":  {func(e *activity.Entry) { e.Text = long(1 << 20) }, ""},
		"17 MiB of text": {func(e *activity.Entry) { e.Text = long(17 << 20) }, "text"},
		"too much text in all": {func(e *activity.Entry) {
			e.Changes = make([]activity.Change, 5)
			fill(e, long(15<<20))
		}, "changes[4].field"},
		"the year 1":        {func(e *activity.Entry) { e.Time = time.Time{} }, ""},
		"before the year 1": {func(e *activity.Entry) { e.Time = time.Time{}.Add(-1) }, "time"},
		"the end of the year 9999": {func(e *activity.Entry) {
			e.Occurred = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
		}, ""},
		"the year 10000": {func(e *activity.Entry) {
			e.Occurred = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
		}, "occurred"},
		"the year 10000 in UTC": {func(e *activity.Entry) {
			e.Time = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200))
		}, "time"},
		"no type":           {func(e *activity.Entry) { e.Type = activity.Unspecified }, ""},
		"an unknown type":   {func(e *activity.Entry) { e.Type = 99 }, "type"},
		"an unknown kind":   {func(e *activity.Entry) { e.Actor.Kind = 99 }, "actor.kind"},
		"an unknown reason": {func(e *activity.Entry) { e.Links[0].Reason = 99 }, "links[0].reason"},
		"no JSON":           {func(e *activity.Entry) { e.Changes[0].After = "{" }, "changes[0].after"},
		"two values":        {func(e *activity.Entry) { e.Changes[0].Before = "1 2" }, "changes[0].before"},
		"1,000 levels": {func(e *activity.Entry) {
			e.Changes[0].After = activity.Value(strings.Repeat("[", 1000) + `"[{"` + strings.Repeat("]", 1000))
		}, ""},
		"1,001 levels": {func(e *activity.Entry) {
			e.Changes[0].After = activity.Value(strings.Repeat("[", 1001) + strings.Repeat("]", 1001))
		}, "changes[0].after"},
	} {
		t.Run(name, func(t *testing.T) {
			e := smallEntry()
			test.change(&e)
			err := e.Validate()
			if test.field == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, alert.ErrInvalid)
			invalid, _ := errors.AsType[*alert.FieldError](err)
			assert.Equal(t, test.field, invalid.Field)
			assert.True(t, strings.HasPrefix(invalid.Record, "entry "), invalid.Record)
			assert.LessOrEqual(t, len([]rune(invalid.Record+invalid.Value)), 150)
		})
	}
}

func fill(e *activity.Entry, text string) {
	for n := range e.Changes {
		e.Changes[n].Field = text
	}
}
