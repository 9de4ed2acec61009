package incident_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// In the JSON of an edit, null clears and what is absent is left alone.
func TestEditFromJSON(t *testing.T) {
	malware := classification.Verdict{Classification: "TRUEPOSITIVE", Determination: "Malware"}
	for text, want := range map[string]incident.Edit{
		`{}`:                     {},
		`null`:                   {},
		`{"name":"N"}`:           {Name: new("N")},
		`{"name":null}`:          {GenerateName: true},
		`{"name":"N","name":""}`: {Name: new("")},
		`{"name":"N","name":null}`: {
			GenerateName: true,
		},
		`{"name":null,"NAME":"N"}`:            {Name: new("N")},
		`{"description":null}`:                {Description: new("")},
		`{"note":null}`:                       {Note: new("")},
		`{"owner":null}`:                      {Owner: &incident.Owner{}},
		`{"Owner":{"kind":"GROUP","id":"t"}}`: {Owner: &incident.Owner{Kind: alert.GroupOwner, ID: "t"}},
		`{"severity":null}`:                   {DeriveSeverity: true},
		`{"severity":"HIGH"}`:                 {Severity: new(alert.High)},
		`{"status":"InProgress"}`:             {Status: new(incident.InProgress)},
		`{"verdict": null }`:                  {Verdict: &classification.Verdict{}},
		`{"verdict":{"classification":"TRUEPOSITIVE","determination":"Malware"}}`:       {Verdict: &malware},
		`{"addTags":null,"removeTags":null,"generateName":null,"verdictToAlerts":null}`: {},
		`{"addTags":["a"],"removeTags":[],"verdictToAlerts":true}`: {
			AddTags: []string{"a"}, RemoveTags: []string{}, VerdictToAlerts: true,
		},
	} {
		var got incident.Edit
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]incident.AlertEdit{
		`{}`:                                  {},
		`{"status":"RESOLVED"}`:               {Status: new(alert.StatusResolved)},
		`{"owner":null,"verdict":null}`:       {Owner: &incident.Owner{}, Verdict: &classification.Verdict{}},
		`{"owner":{"id":"kai","name":"Kai"}}`: {Owner: &incident.Owner{ID: "kai", Name: "Kai"}},
		`{"title":"T","description":null,"recommendedActions":null}`: {
			Title: new("T"), Description: new(""), RecommendedActions: new(""),
		},
	} {
		var got incident.AlertEdit
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, got, text)
	}
}

// What an edit cannot mean is refused, with the name of the member, and changes nothing of what was there.
func TestEditFromJSONThatIsRefused(t *testing.T) {
	for _, c := range []struct{ text, field, value, want string }{
		{`{"status":null}`, "status", "null", "active, inProgress or resolved"},
		{`{"stauts":"resolved"}`, "stauts", "", "no such member"},
		{`{"owner":{"id":"kai","mail":"k"}}`, "mail", "", "no such member"},
		{`{"addTags":"vip"}`, "addTags", "string", "a list"},
		{`{"owner":"kai"}`, "owner", "string", "an object"},
		{`{"name":7}`, "name", "number", "a text"},
		{`{"generateName":"yes"}`, "generateName", "string", "true or false"},
		{`{"severity":3}`, "severity", "number", "a text"},
		{`{"severity":"worst"}`, "severity", "worst", "unrated, informational, low, medium or high"},
		{`{"status":"` + strings.Repeat("x", 99) + `"}`, "status", strings.Repeat("x", 64) + "…", ""},
		{`[]`, "", "array", "an object"},
	} {
		got := incident.Edit{Name: new("kept")}
		err := json.Unmarshal([]byte(c.text), &got)
		refused := requireField(t, err, c.text)
		assert.Equal(t, [3]string{"edit", c.field, c.value}, [3]string{refused.Record, refused.Field, refused.Value})
		assert.Contains(t, refused.Want, c.want, c.text)
		assert.Equal(t, incident.Edit{Name: new("kept")}, got, c.text)
	}
	var e incident.AlertEdit
	for text, field := range map[string]string{
		`{"status":null}`: "status", `{"note":"n"}`: "note", `{"status":"active"}`: "status", `{"owner":[]}`: "owner",
		`{"title":null}`: "title", `{"description":7}`: "description",
	} {
		err := json.Unmarshal([]byte(text), &e)
		assert.Equal(t, field, requireField(t, err, text).Field)
	}
	assert.Zero(t, e)
}

func requireField(t *testing.T, err error, text string) *alert.FieldError {
	t.Helper()
	var refused *alert.FieldError
	require.ErrorAs(t, err, &refused, text)
	require.ErrorIs(t, err, alert.ErrInvalid)
	return refused
}

// An edit means the same after it has been to JSON and back.
func TestEditThroughJSON(t *testing.T) {
	text := rapid.Ptr(rapid.StringMatching(`[a-z <&>]{0,5}`), true)
	owner := rapid.Ptr(rapid.Custom(func(rt *rapid.T) incident.Owner {
		return incident.Owner{Kind: rapid.SampledFrom([]alert.OwnerKind{0, 1}).Draw(rt, "kind"), ID: *text.Filter(
			func(s *string) bool { return s != nil }).Draw(rt, "id")}
	}), true)
	verdict := rapid.Ptr(rapid.SampledFrom([]classification.Verdict{
		{}, {Classification: "falsePositive"}, {Classification: "truePositive", Determination: "malware"},
	}), true)
	tags := rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}})
	rapid.Check(t, func(rt *rapid.T) {
		e := incident.Edit{
			Name: text.Draw(rt, "name"), Description: text.Draw(rt, "description"), Note: text.Draw(rt, "note"),
			GenerateName: rapid.Bool().Draw(rt, "generate"), Recount: rapid.Bool().Draw(rt, "recount"), DeriveSeverity: rapid.Bool().Draw(rt, "derive"),
			Owner: owner.Draw(rt, "owner"), Verdict: verdict.Draw(rt, "verdict"),
			Severity: rapid.Ptr(rapid.SampledFrom([]alert.Severity{0, 1, 2, 3, 4}), true).Draw(rt, "severity"),
			Status:   rapid.Ptr(rapid.SampledFrom([]incident.Status{0, 1, 2, 3}), true).Draw(rt, "status"),
			AddTags:  tags.Draw(rt, "add"), RemoveTags: tags.Draw(rt, "remove"),
			VerdictToAlerts: rapid.Bool().Draw(rt, "alerts"),
		}
		text, err := json.Marshal(e)
		require.NoError(rt, err)
		var got incident.Edit
		require.NoError(rt, json.Unmarshal(text, &got), "%s", text)
		assert.Equal(rt, e, got, "%s", text)
	})
}

// A verdict in another case of letters is the verdict of the taxonomy, on incidents, alerts and drafts.
func TestVerdictsInAnyCase(t *testing.T) {
	given := classification.Verdict{Classification: "TRUEPOSITIVE", Determination: "Malware"}
	want := classification.Verdict{
		Classification: classification.TruePositive, Determination: classification.Malware,
	}
	tax := classification.Defender()
	c := open(t, alert.Alert{ID: "a"})
	effect, err := incident.Edit{Verdict: &given}.Apply(incident.Command{}, c, tax)
	require.NoError(t, err)
	assert.Equal(t, want, effect.Incident.Verdict)
	effect, err = incident.AlertEdit{Verdict: &given}.Apply(incident.Command{}, c, nil, tax)
	require.NoError(t, err)
	assert.Equal(t, want, effect.Alerts[0].Verdict)
	effect, err = incident.Create(incident.Command{}, "i", incident.Draft{Verdict: given}, nil, nil, tax)
	require.NoError(t, err)
	assert.Equal(t, want, effect.Incident.Verdict)
	assert.Equal(t, "TRUEPOSITIVE", string(given.Classification), "what was given is not changed")
}

// Counts by name are read in whatever case the names are.
func TestCountsInAnyCase(t *testing.T) {
	var s incident.Summary
	require.NoError(t, json.Unmarshal([]byte(`{"bySeverity":{"HIGH":2,"low":1},"assets":{"CloudResources":3}}`), &s))
	assert.Equal(t, incident.SeverityCounts{alert.High: 2, alert.Low: 1}, s.BySeverity)
	assert.Equal(t, incident.AssetCounts{alert.CloudResources: 3}, s.Assets)
	require.NoError(t, json.Unmarshal([]byte(`{"byStatus":{"new":2,"NEW":1}}`), &s))
	assert.Equal(t, incident.StatusCounts{alert.StatusNew: 3}, s.ByStatus)
	require.ErrorIs(t, json.Unmarshal([]byte(`{"byStatus":{"old":2}}`), &s), alert.ErrInvalid)
}
