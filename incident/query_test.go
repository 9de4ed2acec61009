package incident_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// anOpenCase is what the filters below are tried on.
func anOpenCase() incident.Case {
	a := newAlert(1, alert.High, "d1")
	a.Category, a.Origin.Source, a.Techniques, a.Product, a.DetectionSource = "Execution", "edr", []string{"T1059"}, "EDR", "antivirus"
	a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.User{UPN: "Kai@contoso.com", Domain: "CONTOSO", Account: "kai"}})
	a.Evidence[0].Criticality = alert.HighCriticality
	a.Verdict.Classification = classification.FalsePositive
	a.Threat, a.ThreatFamily, a.Actor = "Emotet", "Trojan", "Storm-1"
	a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: "d1", OS: "Windows11"}})
	b := newAlert(2, alert.Low, "d2")
	c := incident.Case{
		Incident: incident.Incident{
			ID: "i7", Number: 7, Name: "Straße 7", Severity: alert.High, Priority: 50, Status: incident.InProgress, Owner: incident.Owner{ID: "kai"},
			Tags: []incident.Tag{{Name: "VIP"}}, References: []incident.Reference{{System: "jira", ID: "S-1", URL: "https://jira.example/S-1"}},
			Verdict: classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware},
			Created: start, Updated: start.Add(time.Hour), Alerts: incident.Summarize([]alert.Alert{a, b}),
		},
		Alerts: []alert.Alert{a, b},
	}
	return c
}

var micro = time.Microsecond

// Each filter selects by one field of the incident, and takes several values of which any will do.
var filterCases = []struct{ selects, not incident.Query }{
	{incident.Query{IDs: []incident.ID{"x", "i7"}}, incident.Query{IDs: []incident.ID{"I7"}}},
	{incident.Query{Numbers: []int64{1, 7}}, incident.Query{Numbers: []int64{-7}}},
	{incident.Query{Statuses: []incident.Status{incident.Active, incident.InProgress}}, incident.Query{Statuses: []incident.Status{incident.Resolved}}},
	{incident.Query{Severities: []alert.Severity{alert.High}}, incident.Query{Severities: []alert.Severity{alert.Low}}},
	{incident.Query{AlertSeverities: []alert.Severity{alert.Medium, alert.Low}}, incident.Query{AlertSeverities: []alert.Severity{alert.Medium, 99}}},
	{incident.Query{AlertClassifications: []classification.Classification{classification.FalsePositive}}, incident.Query{AlertClassifications: []classification.Classification{classification.TruePositive}}},
	{incident.Query{AlertClassifications: []classification.Classification{""}}, incident.Query{AlertClassifications: []classification.Classification{classification.InformationalExpectedActivity}}},
	{incident.Query{PriorityMin: 50}, incident.Query{PriorityMin: 51}},
	{incident.Query{PriorityMax: 50}, incident.Query{PriorityMax: 49}},
	{incident.Query{Owners: []string{"ann", "KAI"}}, incident.Query{Owners: []string{"ka"}}},
	{incident.Query{Unassigned: true, Owners: []string{"kai"}}, incident.Query{Unassigned: true}},
	{incident.Query{Tags: []string{"x", "vip"}}, incident.Query{Tags: []string{"vi"}}},
	{incident.Query{Classifications: []classification.Classification{"", classification.TruePositive}}, incident.Query{Classifications: []classification.Classification{""}}},
	{incident.Query{Determinations: []classification.Determination{classification.Malware}}, incident.Query{Determinations: []classification.Determination{classification.Phishing}}},
	{incident.Query{Sources: []string{"siem", "none"}}, incident.Query{Sources: []string{"SIEM"}}},
	{incident.Query{DetectionSources: []string{"antivirus"}}, incident.Query{DetectionSources: []string{"manual"}}},
	{incident.Query{Products: []string{"EDR"}}, incident.Query{Products: []string{""}}},
	{incident.Query{Categories: []string{"Discovery"}}, incident.Query{Categories: []string{"Impact"}}},
	{incident.Query{Techniques: []string{"T1059"}}, incident.Query{Techniques: []string{"T1059.001"}}},
	{incident.Query{DeviceGroups: []string{"servers"}}, incident.Query{DeviceGroups: []string{"laptops"}}},
	{incident.Query{Platforms: []string{"Windows11"}}, incident.Query{Platforms: []string{"windows11"}}},
	{incident.Query{Threats: []string{"Emotet"}}, incident.Query{Threats: []string{"Storm-1"}}},
	{incident.Query{Threats: []string{"Trojan"}}, incident.Query{Threats: []string{""}}},
	{incident.Query{ThreatActors: []string{"Storm-1"}}, incident.Query{ThreatActors: []string{"Emotet"}}},
	{incident.Query{Criticalities: []alert.Criticality{alert.LowCriticality, alert.HighCriticality}}, incident.Query{Criticalities: []alert.Criticality{alert.NotCritical}}},
	{incident.Query{MultipleSources: true}, incident.Query{Except: []incident.Query{{MultipleSources: true}}}},
	{incident.Query{MultipleCategories: true}, incident.Query{Except: []incident.Query{{MultipleCategories: true}}}},
	{incident.Query{Entities: []alert.Key{"device:d2"}}, incident.Query{Entities: []alert.Key{"device:d3"}}},
	{incident.Query{References: []incident.Reference{{System: "jira", ID: "S-1"}}}, incident.Query{References: []incident.Reference{{System: "jira", ID: "S-2"}}}},
	{incident.Query{Text: "STRASSE"}, incident.Query{Text: "Street"}},
	{incident.Query{CreatedSince: start}, incident.Query{CreatedSince: start.Add(micro)}},
	{incident.Query{CreatedUntil: start.Add(micro)}, incident.Query{CreatedUntil: start}},
	{incident.Query{UpdatedSince: start.Add(time.Hour)}, incident.Query{UpdatedSince: start.Add(time.Hour + micro)}},
	{incident.Query{UpdatedUntil: start.Add(time.Hour + micro)}, incident.Query{UpdatedUntil: start.Add(time.Hour)}},
	{
		incident.Query{Within: []incident.Query{{Tags: []string{"vip"}}, {Owners: []string{"kai"}}}},
		incident.Query{Within: []incident.Query{{Tags: []string{"vip"}}, {Owners: []string{"x"}}}},
	},
	{incident.Query{Except: []incident.Query{{Tags: []string{"x"}}, {Owners: []string{"kai"}, Tags: []string{"x"}}}}, incident.Query{Except: []incident.Query{{}}}},
}

func TestEachFilterSelects(t *testing.T) {
	c, tried := anOpenCase(), make(map[string]bool)
	for _, f := range filterCases {
		assert.True(t, f.selects.Match(c), "%+v", f.selects)
		assert.False(t, f.not.Match(c), "%+v", f.not)
		for n := range reflect.TypeFor[incident.Query]().NumField() {
			if v := reflect.ValueOf(f.selects); !v.Field(n).IsZero() {
				tried[v.Type().Field(n).Name] = true
			}
		}
	}
	for field := range reflect.TypeFor[incident.Query]().Fields() {
		switch name := field.Name; name {
		case "Sort", "Ascending", "After", "Limit":
		default:
			assert.True(t, tried[name], name)
		}
	}
}

// A query leaves in what all in Within select, and leaves out what one in Except selects. So any filter can be turned
// round, "A and B" is what is within both, and "A or B" is what is left when neither is taken away.
func TestWithinAndExcept(t *testing.T) {
	c := anOpenCase()
	one := rapid.Custom(func(t *rapid.T) incident.Query {
		f := rapid.SampledFrom(filterCases).Draw(t, "filter")
		if rapid.Bool().Draw(t, "selects") {
			return f.selects
		}
		return f.not
	})
	rapid.Check(t, func(t *rapid.T) {
		q, x, y := one.Draw(t, "q"), one.Draw(t, "x"), one.Draw(t, "y")
		x.Sort, x.Limit = incident.ByName, 1 // do not count
		without := q
		without.Except = append(without.Except[:len(without.Except):len(without.Except)], x, y)
		assert.Equal(t, q.Match(c) && !x.Match(c) && !y.Match(c), without.Match(c))
		either := incident.Query{Except: []incident.Query{{Except: []incident.Query{x, y}}}}
		assert.Equal(t, x.Match(c) || y.Match(c), either.Match(c))
		joined := q
		joined.Within = append(joined.Within[:len(joined.Within):len(joined.Within)], x, y)
		assert.Equal(t, q.Match(c) && x.Match(c) && y.Match(c), joined.Match(c))
		assert.Equal(t, q.Match(c) && !joined.Match(c), incident.Query{
			Within: []incident.Query{q}, Except: []incident.Query{joined},
		}.Match(c))
	})
}

// Q6, Q8: no character of a search text is a wildcard, and neither case nor composition matters.
func TestTextIsTakenLiterally(t *testing.T) {
	named := func(name string) incident.Case {
		return incident.Case{Incident: incident.Incident{ID: "i100", Number: 100, Name: name}}
	}
	for _, f := range []struct {
		name, text string
		found      bool
	}{
		{`Fraud 100%_a\ of it`, `100%_a\`, true},
		{`Fraud 100%_a\ of it`, `100__a\`, false},
		{`Fraud 100%_a\ of it`, `fraud%it`, false},
		{`Fraud 100%_a\ of it`, `.`, false},
		{"[a-z]*", "[A-Z]*", true},
		{"Straße", "STRASSE", true},
		{"ﬁle", "FI", true},
		{"İstanbul", "i\u0307stanbul", true},
		{"e\u0301tude", "ÉTUDE", true},
		{"\u1112\u1161\u11ab", "한", true},
		{"x", "100", true},
		{"x", "10", false},
		{"x", "i100", true},
		{"x", "I100", false},
		{"", " ", false},
	} {
		assert.Equal(t, f.found, incident.Query{Text: f.text}.Match(named(f.name)), "%q in %q", f.text, f.name)
	}
	rapid.Check(t, func(t *rapid.T) {
		before, text, behind := rapid.String().Draw(t, "before"), rapid.StringMatching(`[%_\\*.?a-c\[\]]+`).Draw(t, "text"), rapid.String().Draw(t, "behind")
		assert.True(t, incident.Query{Text: text}.Match(named(before+" "+text+" "+behind)), "a text finds itself")
	})
}

// A search also finds an incident by the whole name of a device, user, mailbox, app or cloud resource.
func TestTextFindsAssets(t *testing.T) {
	for text, e := range map[string]alert.Entity{
		"SRV-1.contoso.com":   alert.Device{DNSName: "srv-1.Contoso.com."},
		"d1":                  alert.Device{DeviceID: "D1", DNSName: "x"},
		"kai@contoso.com":     alert.User{SID: "S-1", UPN: "Kai@contoso.com"},
		`contoso\KAI`:         alert.User{Domain: "CONTOSO", Account: "kai"},
		"info@contoso.com":    alert.Mailbox{Address: "info@contoso.com"},
		"Mail 365":            alert.App{DisplayName: "mail 365"},
		"/subscriptions/1/vm": alert.CloudResource{ID: "/Subscriptions/1/vm"},
	} {
		c := incident.Case{Alerts: []alert.Alert{newAlert(0, alert.Low, "other"), {Evidence: []alert.Evidence{{Entity: e}}}}}
		assert.True(t, incident.Query{Text: text}.Match(c), text)
		assert.False(t, incident.Query{Text: text[:len(text)-1]}.Match(c), "part of %s", text)
	}
	file := incident.Case{Alerts: []alert.Alert{{Evidence: []alert.Evidence{{Entity: alert.IP{Address: "192.0.2.1"}}}}}}
	assert.False(t, incident.Query{Text: "192.0.2.1"}.Match(file), "an address is no asset")
	assert.False(t, incident.Query{Text: " "}.Match(file), "nothing is called nothing")
	assert.Empty(t, incident.Query{}.TextKeys())
	assert.Empty(t, incident.Query{Text: " "}.TextKeys())
}

func TestDefaultQuery(t *testing.T) {
	now := start.Add(8 * 24 * time.Hour)
	shown := func(change func(*incident.Incident)) bool {
		i := incident.Incident{Severity: alert.Medium, Created: now.Add(-time.Hour)}
		change(&i)
		return incident.DefaultQuery(now.In(time.FixedZone("", 3600))).Match(incident.Case{Incident: i})
	}
	assert.True(t, shown(func(*incident.Incident) {}))
	assert.True(t, shown(func(i *incident.Incident) { i.Status = incident.InProgress }))
	assert.True(t, shown(func(i *incident.Incident) { i.Created = now.AddDate(0, 0, -7) }))
	assert.False(t, shown(func(i *incident.Incident) { i.Created = now.AddDate(0, 0, -7).Add(-micro) }))
	assert.False(t, shown(func(i *incident.Incident) { i.Status = incident.Resolved }))
	assert.False(t, shown(func(i *incident.Incident) { i.Status = incident.Redirected }))
	assert.False(t, shown(func(i *incident.Incident) { i.Severity = alert.Informational }))
	assert.False(t, shown(func(i *incident.Incident) { i.Severity = alert.Unrated }))

	old, late := incident.Incident{Number: 2, Updated: start}, incident.Incident{Number: 1, Updated: now}
	require.Negative(t, incident.DefaultQuery(now).Compare(late, old), "the last updated first")
}
