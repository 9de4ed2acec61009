package sentinel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

func decode(text string) (items []incident.Decoded, errs []error) {
	for item, err := range Decode(strings.NewReader(text), "f.json") {
		if err != nil {
			errs = append(errs, err)
		} else {
			items = append(items, item)
		}
	}
	return items, errs
}

// stored returns a draft as an incident manager keeps it.
func stored(d incident.Draft) incident.Incident {
	i := incident.Incident{Name: d.Name, Description: d.Description, Severity: d.Severity, Status: d.Status, Owner: d.Owner, Tags: d.Tags,
		Verdict: d.Verdict, Note: d.Note, References: []incident.Reference{d.Reference}, Created: d.Created, Resolved: d.Resolved, Extra: d.Extra}
	if d.RedirectTo.ID != "" {
		i.RedirectTo = d.RedirectTo.IncidentID()
	}
	return i
}

// export writes an item as an incident manager that kept it unchanged would.
func export(t require.TestingT, item incident.Decoded) []byte {
	var text []byte
	var err error
	if item.Alert != nil {
		text, err = EncodeAlert(*item.Alert)
	} else {
		text, err = EncodeIncident(stored(*item.Incident), item.Incident.Comments, item.Incident.Alerts)
	}
	require.NoError(t, err)
	return text
}

// roundTrip holds the law of the package: what was imported, exported and imported again is the same value, and is
// exported as the same text. It returns the text.
func roundTrip(t require.TestingT, item incident.Decoded) []byte {
	text := export(t, item)
	again, errs := decode(string(text))
	require.Empty(t, errs, "%s", text)
	require.Len(t, again, 1, "%s", text)
	require.Equal(t, item.Incident, again[0].Incident, "%s", text)
	require.Equal(t, item.Alert, again[0].Alert, "%s", text)
	require.Equal(t, string(text), string(export(t, again[0])))
	return text
}

// one reads a text that holds one item without a fault.
func one(t *testing.T, text string) incident.Decoded {
	t.Helper()
	items, errs := decode(text)
	require.Empty(t, errs)
	require.Len(t, items, 1)
	roundTrip(t, items[0])
	return items[0]
}

// incidentWith reads an incident that has the properties given as text.
func incidentWith(t *testing.T, properties string) incident.Decoded {
	t.Helper()
	got := one(t, `{"name":"i-1","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t"`+properties+`}}`)
	require.NotNil(t, got.Incident)
	return got
}

// alertWith reads an alert that has the properties given as text.
func alertWith(t *testing.T, properties string) incident.Decoded {
	t.Helper()
	got := one(t, `{"kind":"SecurityAlert","properties":{"systemAlertId":"s-1","alertDisplayName":"t"`+properties+`}}`)
	require.NotNil(t, got.Alert)
	return got
}

func read(t *testing.T, file string) []incident.Decoded {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	items, errs := decode(string(text))
	require.Empty(t, errs)
	for _, item := range items {
		roundTrip(t, item)
	}
	return items
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func said(notes []alert.Note) (list []string) {
	for _, n := range notes {
		list = append(list, n.Field+" "+n.Value+": "+n.Said)
	}
	return list
}

func TestIncidentOfARM(t *testing.T) {
	items := read(t, "arm.json")
	require.Len(t, items, 3)
	first := *items[0].Incident
	assert.Empty(t, items[0].Notes)
	assert.NotContains(t, first.Extra, "Called the owner", "a comment that is struck out must be gone")
	first.Extra, first.Alerts = "", nil
	assert.Equal(t, incident.Draft{
		Reference: incident.Reference{System: "microsoftSentinel", ID: "5f1b1d9e-0000-4c4e-8a52-0000000000a1",
			URL: "https://portal.example/#asset/incidents/84", Updated: at("2026-05-04T09:10:11.123456Z")},
		Name: "Many failed logons, then one that worked", Description: "A password was guessed.", Severity: alert.High,
		Status: incident.InProgress, Owner: incident.Owner{ID: "noor@orchard.example", Name: "Noor Haddad"},
		Tags:     []incident.Tag{{Name: "payroll"}, {Name: "Fusion", Kind: alert.SystemTag}},
		Created:  at("2026-05-04T08:00:01.5Z"),
		Comments: []incident.Comment{{By: "noor@orchard.example", Time: at("2026-05-04T08:30:00Z"), Text: "Called the owner of the account."}},
	}, first)

	second := *items[1].Incident
	assert.Equal(t, incident.Resolved, second.Status)
	assert.Equal(t, classification.Verdict{Classification: classification.FalsePositive, Determination: classification.NotEnoughDataToValidate}, second.Verdict)
	assert.Equal(t, "It was the scanner.", second.Note)
	assert.Zero(t, second.Resolved, "ARM does not say when it was closed")
	assert.True(t, second.Owner.IsZero(), "all members of the owner are null")

	third := *items[2].Incident
	assert.Equal(t, incident.Reference{System: "microsoftDefender", ID: "4711", URL: "https://security.microsoft.com/incidents/4711?tid=0f1e2d3c",
		Updated: at("2026-05-06T06:00:00Z")}, third.Reference, "Defender keeps it, Sentinel shows it")
	assert.Contains(t, third.Extra, "5f1b1d9e-0000-4c4e-8a52-0000000000a3", "its name in Sentinel")
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		properties string
		status     incident.Status
		verdict    classification.Verdict
		note       string
	}{
		{`,"status":"New"`, incident.Active, classification.Verdict{}, ""},
		{`,"status":"Active"`, incident.InProgress, classification.Verdict{}, ""},
		{`,"status":"active"`, incident.InProgress, classification.Verdict{}, ""},
		{`,"status":"Closed","classification":"Undetermined"`, incident.Resolved, classification.Verdict{}, ""},
		{`,"status":"Closed","classification":"TruePositive","classificationReason":"SuspiciousActivity"`, incident.Resolved,
			classification.Verdict{Classification: classification.TruePositive}, ""},
		{`,"status":"Closed","classification":"TruePositive"`, incident.Resolved,
			classification.Verdict{Classification: classification.TruePositive}, ""},
		{`,"status":"Closed","classification":"BenignPositive","classificationReason":"SuspiciousButExpected"`, incident.Resolved,
			classification.Verdict{Classification: classification.InformationalExpectedActivity, Determination: classification.ConfirmedActivity}, ""},
		{`,"status":"Closed","classification":"FalsePositive","classificationReason":"IncorrectAlertLogic"`, incident.Resolved,
			classification.Verdict{Classification: classification.FalsePositive, Determination: classification.NotMalicious}, ""},
		{`,"status":"Closed","classification":"FalsePositive","classificationReason":"Weather"`, incident.Resolved,
			classification.Verdict{Classification: classification.FalsePositive},
			"classification FalsePositive: read without its reason, which is not understood"},
		{`,"status":"Paused"`, incident.Active, classification.Verdict{}, "status Paused: kept, and not understood"},
		{`,"status":"New","severity":"Severe"`, incident.Active, classification.Verdict{}, "severity Severe: kept, and not understood"},
	} {
		t.Run(c.properties, func(t *testing.T) {
			got := incidentWith(t, c.properties)
			assert.Equal(t, c.status, got.Incident.Status)
			assert.Equal(t, c.verdict, got.Incident.Verdict)
			if c.note == "" {
				assert.Empty(t, said(got.Notes))
			} else {
				assert.Equal(t, []string{c.note}, said(got.Notes))
			}
		})
	}
}

func TestOwner(t *testing.T) {
	for owner, want := range map[string]incident.Owner{
		`{"objectId":"7d3b0c1e-1111-4222-8333-444455556666","email":null,"assignedTo":"Noor","userPrincipalName":null}`: {ID: "7d3b0c1e-1111-4222-8333-444455556666", Name: "Noor"},
		`{"assignedTo":"Tier 2","ownerType":"Group","objectId":"7d3b0c1e-1111-4222-8333-444455556666"}`: {
			Kind: alert.GroupOwner, ID: "7d3b0c1e-1111-4222-8333-444455556666", Name: "Tier 2"},
		`"noor@orchard.example"`:      {ID: "noor@orchard.example"},
		`"Unassigned"`:                {},
		`{"assignedTo":"Unassigned"}`: {},
		`{"assignedTo":"-","email":"N/A","userPrincipalName":"n/a"}`:                              {},
		`{"objectId":null,"email":null,"assignedTo":null,"userPrincipalName":null}`:               {},
		`"{\"objectId\":null,\"email\":\"noor@orchard.example\",\"assignedTo\":\"Noor\"}"`:        {ID: "noor@orchard.example", Name: "Noor"},
		`{"UserPrincipalName":"noor@orchard.example","assigned_to":"Noor","Email":"n@x.example"}`: {ID: "noor@orchard.example", Name: "Noor"},
	} {
		assert.Equal(t, want, incidentWith(t, `,"owner":`+owner).Incident.Owner, owner)
	}
}
