package incident_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// anyText draws texts that are hard on a URL, some of which are not even UTF-8.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", " ", "+", "%", "%25", "%3A", "a=b&c", ";", "#", "ß", "\x00", "100%_a\\", ":", "a:b"}),
	)
}

func someOf[T any](t *rapid.T, name string, of *rapid.Generator[T]) (list []T) {
	if rapid.Bool().Draw(t, name) {
		list = rapid.SliceOfN(of, 1, 3).Draw(t, name)
	}
	return list
}

func textsOf[S ~string](t *rapid.T, name string) []S {
	return someOf(t, name, rapid.Map(anyText(), func(s string) S { return S(s) }))
}

func anyTime(t *rapid.T, name string) time.Time {
	if rapid.Bool().Draw(t, name) {
		return time.Time{}
	}
	seconds := rapid.Int64Range(time.Date(0, 1, 2, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix())
	return time.Unix(seconds.Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name)).UTC()
}

// anyFilter draws the filters of a query.
func anyFilter(t *rapid.T, depth int) incident.Query {
	severity := rapid.Map(rapid.IntRange(0, 4), func(n int) alert.Severity { return alert.Severity(n) })
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	q := incident.Query{
		IDs:                  textsOf[incident.ID](t, "IDs"),
		Numbers:              someOf(t, "Numbers", rapid.Int64()),
		Statuses:             someOf(t, "Statuses", rapid.Map(rapid.IntRange(0, 3), func(n int) incident.Status { return incident.Status(n) })),
		Severities:           someOf(t, "Severities", severity),
		AlertSeverities:      someOf(t, "AlertSeverities", severity),
		Owners:               textsOf[string](t, "Owners"),
		Unassigned:           flag("Unassigned"),
		Tags:                 textsOf[string](t, "Tags"),
		Classifications:      textsOf[classification.Classification](t, "Classifications"),
		Determinations:       textsOf[classification.Determination](t, "Determinations"),
		Sources:              textsOf[string](t, "Sources"),
		DetectionSources:     textsOf[string](t, "DetectionSources"),
		Products:             textsOf[string](t, "Products"),
		Categories:           textsOf[string](t, "Categories"),
		Techniques:           textsOf[string](t, "Techniques"),
		DeviceGroups:         textsOf[string](t, "DeviceGroups"),
		Platforms:            textsOf[string](t, "Platforms"),
		AlertClassifications: textsOf[classification.Classification](t, "AlertClassifications"),
		Threats:              textsOf[string](t, "Threats"),
		ThreatActors:         textsOf[string](t, "ThreatActors"),
		Criticalities:        someOf(t, "Criticalities", rapid.SampledFrom([]alert.Criticality{0, 1, 2, 3, 4})),
		MultipleSources:      flag("MultipleSources"),
		MultipleCategories:   flag("MultipleCategories"),
		Entities:             textsOf[alert.Key](t, "Entities"),
		References: someOf(t, "References", rapid.Custom(func(t *rapid.T) incident.Reference {
			return incident.Reference{System: anyText().Draw(t, "system"), ID: anyText().Draw(t, "id")}
		})),
		Text:         anyText().Draw(t, "Text"),
		CreatedSince: anyTime(t, "CreatedSince"),
		CreatedUntil: anyTime(t, "CreatedUntil"),
		UpdatedSince: anyTime(t, "UpdatedSince"),
		UpdatedUntil: anyTime(t, "UpdatedUntil"),
	}
	if depth > 0 {
		inner := rapid.Custom(func(t *rapid.T) incident.Query { return anyFilter(t, depth-1) })
		q.Within, q.Except = someOf(t, "Within", inner), someOf(t, "Except", inner)
	}
	return q
}

func anyQuery(t *rapid.T) incident.Query {
	q := anyFilter(t, 2)
	q.Sort = incident.Sort(rapid.IntRange(0, int(incident.ByPriority)).Draw(t, "Sort"))
	q.Ascending = rapid.Bool().Draw(t, "Ascending")
	q.Limit = rapid.IntRange(0, 100).Draw(t, "Limit")
	storable := func(name string) string { return strings.ToValidUTF8(anyText().Draw(t, name), "") }
	if rapid.Bool().Draw(t, "After") {
		q.After = q.CursorAfter(incident.Incident{
			Name: storable("name"), Owner: incident.Owner{ID: storable("owner")},
			Number:   rapid.Int64().Draw(t, "number"),
			Severity: alert.High, Status: incident.Resolved, Created: anyTime(t, "created"), Updated: anyTime(t, "updated"),
		})
	}
	return q
}

// A link to a queue leads to the same queue.
func TestQueryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuery(t)
		link, err := url.Parse("https://soc.example/incidents?" + q.Values().Encode())
		require.NoError(t, err)
		got, err := incident.ParseQuery(link.Query())
		require.NoError(t, err)
		require.Equal(t, q, got)
	})
}

// Links are kept for years, so the names of parameters stay. Every field has one.
func TestNamesOfParameters(t *testing.T) {
	q := incident.Query{
		IDs: []incident.ID{"i1", "i2"}, Numbers: []int64{1042}, Statuses: []incident.Status{incident.Active, incident.InProgress},
		Severities: []alert.Severity{alert.High}, AlertSeverities: []alert.Severity{alert.Low}, Owners: []string{"kai"}, Unassigned: true,
		Tags: []string{"vip"}, Classifications: []classification.Classification{classification.TruePositive},
		Determinations: []classification.Determination{classification.Malware}, Sources: []string{"siem"}, DetectionSources: []string{"manual"},
		Products: []string{"EDR"}, Categories: []string{"Impact"}, Techniques: []string{"T1059"}, DeviceGroups: []string{"servers"},
		Platforms: []string{"Windows11"}, Threats: []string{"Emotet"}, ThreatActors: []string{"Storm-1"},
		Criticalities: []alert.Criticality{alert.VeryHighCriticality, alert.NotCritical}, MultipleSources: true, MultipleCategories: true, Entities: []alert.Key{"ip:192.0.2.1"},
		References: []incident.Reference{{System: "a:b", ID: "c:d"}}, Text: "x",
		CreatedSince: start, CreatedUntil: start.Add(micro), UpdatedSince: start, UpdatedUntil: start.In(time.FixedZone("", 3600)),
		Within:      []incident.Query{{Tags: []string{"x"}, Limit: 1}, {Except: []incident.Query{{Text: "x"}}}},
		Except:      []incident.Query{{Owners: []string{"ann", "bo"}, Sort: incident.ByName}, {}},
		PriorityMin: 15, PriorityMax: 85, AlertClassifications: []classification.Classification{"", "falsePositive"}, Sort: incident.BySeverity, Ascending: true, Limit: 50,
	}
	q.After = q.CursorAfter(incident.Incident{Number: 7})
	for n := range reflect.TypeFor[incident.Query]().NumField() {
		require.False(t, reflect.ValueOf(q).Field(n).IsZero(), "not in this test: %s", reflect.TypeFor[incident.Query]().Field(n).Name)
	}
	cursor, err := q.After.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, url.Values{
		"id": {"i1", "i2"}, "number": {"1042"}, "status": {"active", "inProgress"}, "severity": {"high"}, "alertSeverity": {"low"},
		"owner": {"kai"}, "unassigned": {"true"}, "tag": {"vip"}, "classification": {"truePositive"}, "determination": {"malware"},
		"source": {"siem"}, "detectionSource": {"manual"}, "product": {"EDR"}, "category": {"Impact"}, "technique": {"T1059"},
		"deviceGroup": {"servers"}, "platform": {"Windows11"}, "threat": {"Emotet"}, "threatActor": {"Storm-1"}, "criticality": {"veryHigh", "none"}, "multipleSources": {"true"}, "multipleCategories": {"true"}, "entity": {"ip:192.0.2.1"},
		"reference": {"a%3Ab:c:d"}, "text": {"x"}, "createdSince": {"2026-03-01T08:00:00Z"}, "createdUntil": {"2026-03-01T08:00:00.000001Z"},
		"updatedSince": {"2026-03-01T08:00:00Z"}, "updatedUntil": {"2026-03-01T08:00:00Z"}, "except": {"owner=ann&owner=bo", ""},
		"within":      {"tag=x", "except=text%3Dx"},
		"priorityMin": {"15"}, "alertClassification": {"", "falsePositive"}, "priorityMax": {"85"}, "sort": {"severity"}, "ascending": {"true"}, "limit": {"50"}, "after": {string(cursor)},
	}, q.Values())
	assert.Empty(t, incident.Query{}.Values())
}

// A wrong link says which parameters are wrong, all of them.
func TestParseQueryNamesEveryProblem(t *testing.T) {
	fieldsOf := func(query string) (fields []string) {
		v, err := url.ParseQuery(query)
		require.NoError(t, err)
		got, err := incident.ParseQuery(v)
		assert.ErrorIs(t, err, alert.ErrInvalid, query)
		assert.Zero(t, got, query)
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			var f *alert.FieldError
			require.ErrorAs(t, err, &f)
			assert.Equal(t, "query", f.Record)
			assert.NotEmpty(t, f.Want)
			fields = append(fields, f.Field)
		}
		return fields
	}
	assert.Equal(t, []string{"ascending", "color", "limit", "number", "severity", "sort", "status", "status"},
		fieldsOf("status=active&status=open&status=&severity=11&number=1e3&limit=-1&sort=color&ascending=up&color=red"))
	assert.Equal(t, []string{"createdSince", "limit", "reference", "text"}, fieldsOf("limit=1&limit=2&createdSince=yesterday&text=a&text=b&reference=jira"))
	assert.Equal(t, []string{"except.sort", "except.status"}, fieldsOf("except=sort%3Dname%26status%3Dx"))
	assert.Equal(t, []string{"except.within.sort", "within", "within.except.status"},
		fieldsOf("within=%25zz&within=except%3Dstatus%253Dx&except=within%3Dsort%253Dname"))
	assert.Equal(t, []string{"except", "except.except.number"}, fieldsOf("except=%25zz&except=except%3Dnumber%253Dx"))
	assert.Equal(t, []string{"Status"}, fieldsOf("Status=active"))

	byName := incident.Query{Sort: incident.ByName}
	byName.After = byName.CursorAfter(incident.Incident{Name: "n"})
	other := byName.Values()
	other.Set("sort", "owner")
	for _, v := range []url.Values{{"after": {"?"}}, other} {
		_, err := incident.ParseQuery(v)
		require.ErrorIs(t, err, incident.ErrCursor)
		assert.ErrorContains(t, err, "after")
	}
	got, err := incident.ParseQuery(url.Values{"status": {"INPROGRESS"}, "unassigned": {"1"}, "limit": {"0"}, "sort": {"Name"}})
	require.NoError(t, err)
	assert.Equal(t, incident.Query{Statuses: []incident.Status{incident.InProgress}, Unassigned: true, Sort: incident.ByName}, got)
}

// Whatever can be read is written so that it is read again as the same query.
func FuzzParseQuery(f *testing.F) {
	f.Add("status=active&severity=High&tag=a%2Bb&text=100%25_a%5C&reference=a%253Ab:c&after=")
	f.Add("except=owner%3Dann%26except%3Dnumber%253D7&unassigned=1&createdSince=2026-03-01T08:00:00%2B01:00&limit=07&sort=NAME")
	f.Add("within=tag%3Dx%26within%3Dexcept%253Dtext%25253Dy&within=&except=within%3Downer%253Dann")
	f.Add("updatedUntil=0000-01-01T00:00:00%2B23:59")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := incident.ParseQuery(v)
		if err != nil {
			return
		}
		again, err := incident.ParseQuery(q.Values())
		require.NoError(t, err)
		require.Equal(t, q, again)
	})
}
