package alert_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// hostile draws what other systems send: bytes that are not UTF-8, halves of UTF-16 pairs, NUL, separators, texts
// that are too long, alone and together.
func hostile(most int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{
			"", "a", " ", "\x00", "\xff", "\xed\xa0\x80", "\xc3", "\u2028", "\u200b", "ä", "漢", "e\u0301", "🙂",
			"\ufeff", "\n", `"`, `\`, "%", ":",
		})
		text := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
		if text != "" && rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			text = strings.Repeat(text, most/len(text)+rapid.IntRange(0, 2).Draw(t, "more")*most+1)
		}
		return text
	})
}

func hostileTime() *rapid.Generator[time.Time] {
	return rapid.SampledFrom([]time.Time{
		{}, time.Unix(0, 0).UTC(), time.UnixMilli(math.MaxInt64), time.Unix(math.MaxInt64, 0),
		time.Unix(math.MinInt64, 0),
		time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 12, 31, 23, 0, 0, 0, time.UTC),
		time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC).In(time.FixedZone("far east", 7200)),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("nowhere", 25*3600)),
	})
}

func hostileFields() *rapid.Generator[alert.Fields] {
	return rapid.SampledFrom([]alert.Fields{
		"", `{"a":1}`, `{"a":`, `[1]`, `null`, `"x"`, " ", "\xff", "{\"a\":\"\xff\"}", `{"a":1}{}`,
		alert.Fields(strings.Repeat(`{"a":`, 501) + "1" + strings.Repeat("}", 501)),
		alert.Fields(`{"a":"` + strings.Repeat("x", alert.MaxExtra) + `"}`),
		alert.Fields(strings.Repeat("\x00", 40_000)),
	})
}

// fill draws a value for everything that can be reached from v: the test sees a field that is added later.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(hostileTime().Draw(t, "time")))
		return
	case alert.Fields:
		v.Set(reflect.ValueOf(hostileFields().Draw(t, "fields")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile(alert.MaxValue).Draw(t, "text"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.SampledFrom([]uint8{0, 1, 2, 3, 9, 255}).Draw(t, "enumeration")))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case reflect.Slice:
		n := rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	case reflect.Interface:
		if rapid.IntRange(0, 5).Draw(t, "entity") > 0 {
			e := reflect.New(reflect.TypeOf(rapid.SampledFrom(entities).Draw(t, "type"))).Elem()
			fill(t, e)
			v.Set(e)
		}
	default:
		require.FailNow(t, "a field that the test cannot fill", v.Kind().String())
	}
}

func hostileAlert(t *rapid.T) alert.Alert {
	var a alert.Alert
	fill(t, reflect.ValueOf(&a).Elem())
	for _, part := range []*string{&a.Origin.Source, &a.Origin.ID} {
		if strings.TrimSpace(*part) == "" {
			*part = "siem"
		}
	}
	return a
}

// Whatever comes in, what Fit returns is valid, can be written and read again, and stays as it is.
func TestWhatIsMadeToFitIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := hostileAlert(t)
		wrong := a.Validate()
		given := a.Clone()
		fit, notes := a.Fit()
		require.NoError(t, fit.Validate())
		require.NoError(t, fit.CheckLimits())
		require.Equal(t, given, a, "the lists of an alert are never changed")
		assert.Equal(t, wrong == nil, len(notes) == 0, "%v against %v", wrong, notes)

		again, none := fit.Fit()
		assert.Empty(t, none)
		assert.Equal(t, fit, again)

		text, err := json.Marshal(fit)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, new(alert.Alert)))
		for _, n := range notes {
			assert.LessOrEqual(t, utf8.RuneCountInString(n.Record+n.Value), 2*65, "a note is short")
			assert.True(t, utf8.ValidString(n.String()))
		}
	})
}

// An alert that is valid is not touched at all, not even its lists.
func TestWhatFitsStays(t *testing.T) {
	full := alert.Alert{
		Origin: alert.Origin{Source: "siem", ID: strings.Repeat("x", alert.MaxID-len("siem:"))},
		Title:  strings.Repeat("ä", alert.MaxTitle), Description: strings.Repeat("漢", alert.MaxText),
		URL:      strings.Repeat("u", alert.MaxValue),
		Category: strings.Repeat("c", alert.MaxShort), Techniques: make([]string, alert.MaxList),
		Evidence:      make([]alert.Evidence, alert.MaxEvidence),
		FirstActivity: time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
		LastActivity:  time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		Extra: alert.Fields(strings.Repeat(`{"a":`, alert.MaxDepth) + "1" + strings.Repeat("}",
			alert.MaxDepth)),
	}
	for n := range full.Evidence {
		full.Evidence[n].Entity = alert.Process{CommandLine: strings.Repeat("x", 32_768*(n/9_999))}
	}
	require.NoError(t, full.Validate())
	fit, notes := full.Fit()
	assert.Empty(t, notes)
	assert.Equal(t, full, fit)
	assert.Same(t, &full.Evidence[0], &fit.Evidence[0])
	assert.Same(t, &full.Techniques[0], &fit.Techniques[0])
}

func TestWhatFitDoes(t *testing.T) {
	good := alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "t"}
	year := time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		field string
		spoil func(*alert.Alert)
		want  func(alert.Alert) any
		is    any
		said  string
	}{
		{"title", func(a *alert.Alert) { a.Title = strings.Repeat("ä", 1001) },
			func(a alert.Alert) any { return a.Title }, strings.Repeat("ä", 996) + " […]",
			"cut to 1000 of 1001 characters"},
		{"title", func(a *alert.Alert) { a.Title, a.Category, a.Product = "\u200b ", "InitialAccess", "EDR" },
			func(a alert.Alert) any { return a.Title }, "Initial access", "made of what else is known"},
		{"title", func(a *alert.Alert) { a.Title, a.DetectionSource = "", "antivirus" },
			func(a alert.Alert) any { return a.Title }, "antivirus", "made of what else is known"},
		{"title", func(a *alert.Alert) { a.Title = "" }, func(a alert.Alert) any { return a.Title },
			"Untitled alert", "made of what else is known"},
		{"threat", func(a *alert.Alert) { a.Threat = "a\xffb" }, func(a alert.Alert) any { return a.Threat },
			"a\uFFFDb", "bytes that are not UTF-8 became \uFFFD"},
		{"firstActivity", func(a *alert.Alert) { a.FirstActivity = year },
			func(a alert.Alert) any { return a.FirstActivity }, time.Time{}, "left out"},
		{"severity", func(a *alert.Alert) { a.Severity = 9 }, func(a alert.Alert) any { return a.Severity },
			alert.Unrated, "taken for unrated"},
		{"extra", func(a *alert.Alert) { a.Extra = `{"a":` }, func(a alert.Alert) any { return a.Extra },
			alert.Fields(`{"unparsed":"{\"a\":"}`), `kept as the text "unparsed"`},
		{"techniques", func(a *alert.Alert) { a.Techniques = make([]string, 1003) },
			func(a alert.Alert) any { return len(a.Techniques) }, 1000, "3 of 1003 left out"},
		{"tags[1]", func(a *alert.Alert) { a.Tags = []string{"x", "\xff"} },
			func(a alert.Alert) any { return a.Tags }, []string{"x", "\uFFFD"},
			"bytes that are not UTF-8 became \uFFFD"},
		{"evidence[0].entity",
			func(a *alert.Alert) { a.Evidence = []alert.Evidence{{}, {Entity: alert.URL{URL: "u"}}} },
			func(a alert.Alert) any { return a.Evidence }, []alert.Evidence{{Entity: alert.URL{URL: "u"}}}, "left out"},
		{"evidence[0].entity.image.name", func(a *alert.Alert) {
			a.Evidence = []alert.Evidence{{Entity: alert.Process{Image: alert.File{FileName: "\xff"}}}}
		}, func(a alert.Alert) any { return a.Evidence[0].Entity },
			alert.Process{Image: alert.File{FileName: "\uFFFD"}}, "bytes that are not UTF-8 became \uFFFD"},
		{"evidence[0].roles[0]", func(a *alert.Alert) {
			a.Evidence = []alert.Evidence{{Entity: alert.URL{URL: "u"}, Roles: []alert.Role{"\xff"}}}
		}, func(a alert.Alert) any { return a.Evidence[0].Roles }, []alert.Role{"\uFFFD"},
			"bytes that are not UTF-8 became \uFFFD"},
		{"evidence", func(a *alert.Alert) {
			for range alert.MaxEvidence + 2 {
				a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.URL{URL: "u"}})
			}
		}, func(a alert.Alert) any { return len(a.Evidence) }, alert.MaxEvidence, "2 of 10002 pieces left out"},
		{"evidence", func(a *alert.Alert) {
			for range 2_000 {
				a.Evidence = append(a.Evidence,
					alert.Evidence{Entity: alert.Process{CommandLine: strings.Repeat("x", alert.MaxValue)}})
			}
		}, func(a alert.Alert) any { return len(a.Evidence) }, 895, "1105 of 2000 pieces left out"},
	} {
		a := good
		c.spoil(&a)
		fit, notes := a.Fit()
		assert.Equal(t, c.is, c.want(fit), c.field)
		require.Len(t, notes, 1, c.field)
		assert.Equal(t, alert.Note{Record: "alert siem:1", Field: c.field, Value: notes[0].Value, Said: c.said},
			notes[0])

		wrong, ok := errors.AsType[*alert.FieldError](a.Validate())
		require.True(t, ok, c.field)
		assert.Equal(t, c.field, wrong.Field)
		assert.Equal(t, notes[0].Value, wrong.Value)
	}
}

// A repeat has to meet the alert that was kept, and no other.
func TestOriginsThatAreTooLongStayApart(t *testing.T) {
	long := strings.Repeat("x", 2_000)
	seen := make(map[alert.ID]alert.Origin)
	for _, o := range []alert.Origin{
		{Source: "s", ID: long}, {Source: "s", ID: long + "y"}, {Source: "t", ID: long}, {Source: long, ID: "1"},
		{Source: long, ID: "2"},
		{Source: long + "y", ID: "1"}, {Source: strings.Repeat("%", 400), ID: strings.Repeat("y", 900)},
		{Source: "s", ID: "\xff"}, {Source: "s", ID: "\xfe"}, {Source: "\xff", ID: "1"},
	} {
		fit := o.Fit()
		assert.Equal(t, fit, o.Fit())
		assert.Equal(t, fit, fit.Fit())
		assert.LessOrEqual(t, len(fit.AlertID()), alert.MaxID)
		assert.NotContains(t, seen, fit.AlertID(), "%v and %v", o, seen[fit.AlertID()])
		seen[fit.AlertID()] = o
		a := alert.Alert{Origin: o, Title: "t"}
		assert.ErrorIs(t, a.Validate(), alert.ErrInvalid)
		_, notes := a.Fit()
		require.NotEmpty(t, notes)
		assert.Contains(t, notes[0].Said, "SHA-256")
	}
}

func TestNotesNameWhatNeverLinks(t *testing.T) {
	a := alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "t",
		Techniques: []string{"T1059", "T1059.001", "T1059.x", "Mimikatz", "t1059", "T105", "T1059.", "T10591"},
		Evidence: []alert.Evidence{{Entity: alert.IP{Address: "192.0.2.1"}},
			{Entity: alert.IP{Address: "fe80::1%eth0"}}, {Entity: alert.IP{Address: " ::1 "}},
			{Entity: alert.IP{Address: "300.1.2.3"}}, {Entity: alert.IP{Address: "192.0.2.0/24"}},
			{Entity: alert.URL{URL: "not an address"}}}}
	require.NoError(t, a.Validate(), "all of it is kept")
	var fields []string
	for _, n := range a.Notes() {
		fields = append(fields, n.Field+" "+n.Value)
	}
	assert.Equal(t,
		[]string{"techniques[2] T1059.x", "techniques[3] Mimikatz", "techniques[4] t1059", "techniques[5] T105",
			"techniques[6] T1059.", "techniques[7] T10591",
			"evidence[3].entity.address 300.1.2.3", "evidence[4].entity.address 192.0.2.0/24"}, fields)
}

func TestATimeFarAheadIsNoActivity(t *testing.T) {
	came := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	ahead := came.Add(alert.MaxAhead)
	tooFar := ahead.Add(time.Microsecond)
	for _, c := range []struct{ first, last, wantFirst, wantLast time.Time }{
		{came, came, came, came},
		{came, ahead, came, ahead},
		{came, tooFar, came, came},
		{ahead, ahead, ahead, ahead},
		{tooFar, tooFar, time.Time{}, time.Time{}},
		{time.Time{}, time.Time{}, time.Time{}, time.Time{}},
	} {
		a := alert.Alert{FirstActivity: c.first, LastActivity: c.last, Received: came}
		first, last := a.Active()
		assert.Equal(t, []time.Time{c.wantFirst, c.wantLast}, []time.Time{first, last}, fmt.Sprint(c))
		var ahead []string
		for _, n := range a.Notes() {
			ahead = append(ahead, n.Field)
		}
		assert.Equal(t, c.first == tooFar, slices.Contains(ahead, "firstActivity"), fmt.Sprint(c))
		assert.Equal(t, c.last == tooFar, slices.Contains(ahead, "lastActivity"), fmt.Sprint(c))
		a.Received = time.Time{}
		first, last = a.Active()
		assert.Equal(t, []time.Time{c.first, c.last}, []time.Time{first, last},
			"nothing is known of an alert of an older version")
	}
}

// spoil puts something that no storage keeps into each text, time and object in turn that can be reached from v, and
// calls then with the name of the field.
func spoil(v reflect.Value, path string, then func(path string)) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC)))
		then(path)
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString("\xff")
			then(path)
		case reflect.Struct:
			for field, value := range v.Fields() {
				spoil(value, path+"."+field.Name, then)
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			if e, ok := v.Index(0).Addr().Interface().(*alert.Evidence); ok {
				e.Entity = alert.URL{URL: "u"}
			}
			spoil(v.Index(0), path+"[]", then)
		}
	}
	v.Set(was)
}

// A field that is added later cannot be forgotten.
func TestEveryTextAndTimeIsLookedAt(t *testing.T) {
	a := alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "t"}
	looked := 0
	spoil(reflect.ValueOf(&a).Elem(), "", func(path string) {
		assert.ErrorIs(t, a.CheckLimits(), alert.ErrInvalid, path)
		looked++
	})
	for _, entity := range entities {
		e := reflect.New(reflect.TypeOf(entity)).Elem()
		spoil(e, e.Type().Name(), func(path string) {
			a.Evidence = []alert.Evidence{{Entity: e.Interface().(alert.Entity)}}
			assert.ErrorIs(t, a.CheckLimits(), alert.ErrInvalid, path)
			looked++
		})
	}
	assert.Greater(t, looked, 120)
}

// What counts is how large an alert is when it is made to fit, not how large it came.
func TestBytesThatAreNotUTF8TakeMoreRoomAfterwards(t *testing.T) {
	a := alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "t"}
	for range 600 { // of 32 KiB each, and of 64 KiB then
		line := strings.Repeat("a\xff", alert.MaxValue/2)
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Process{CommandLine: line}})
	}
	fit, _ := a.Fit()
	assert.NoError(t, fit.Validate())
	assert.Less(t, len(fit.Evidence), len(a.Evidence))
}

// A generic entity is never taken for one of a type of its own when it is read again.
func TestOtherOfAKindThatHasAType(t *testing.T) {
	for _, kind := range []alert.Kind{
		alert.KindDevice, alert.KindUser, alert.KindMailbox, alert.KindIP, alert.KindURL, alert.KindFile, alert.KindProcess,
		alert.KindRegistryKey, alert.KindRegistryValue, alert.KindMessage, alert.KindMailCluster, alert.KindApp,
		alert.KindOAuthApp, alert.KindAzureResource, alert.KindAmazonResource, alert.KindGoogleCloudResource,
	} {
		a := alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "x",
			Evidence: []alert.Evidence{{Entity: alert.Other{Type: kind, Label: "label", Fields: `{"a":1}`}}}}
		invalid, ok := errors.AsType[*alert.FieldError](a.CheckLimits())
		require.True(t, ok, kind)
		assert.Equal(t, "evidence[0].entity.type", invalid.Field)
		fit, notes := a.Fit()
		assert.Len(t, notes, 1)
		require.NoError(t, fit.CheckLimits())
		text, err := json.Marshal(fit.Evidence)
		require.NoError(t, err)
		var again []alert.Evidence
		require.NoError(t, json.Unmarshal(text, &again))
		assert.Equal(t, []alert.Evidence{{Entity: alert.Other{Type: "other " + kind, Label: "label", Fields: `{"a":1}`}}}, again)
	}
	generic := alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "x", Evidence: []alert.Evidence{{Entity: alert.Other{Type: "aiAgent"}}}}
	assert.NoError(t, generic.CheckLimits())
}
