package msgraph_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/msgraph"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var importer = activity.Actor{Kind: activity.App, ID: "importer"}

func open(t *testing.T) *manager.Manager {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return manager.New(store, nil)
}

// take imports the incidents and ingests the alerts of a text.
func take(t *testing.T, m *manager.Manager, text string) (incidents []incident.Incident, alerts []manager.Result) {
	t.Helper()
	for item, err := range msgraph.Decode(strings.NewReader(text), "f.json") {
		require.NoError(t, err)
		if item.Incident != nil {
			i, _, err := m.Import(t.Context(), importer, *item.Incident)
			require.NoError(t, err)
			incidents = append(incidents, i)
			continue
		}
		results, err := m.Ingest(t.Context(), importer, []alert.Alert{*item.Alert})
		require.NoError(t, err)
		alerts = append(alerts, results...)
	}
	return incidents, alerts
}

// An incident keeps what its source says of it, and the next import of it brings it up to date.
func TestSecondImportUpdates(t *testing.T) {
	text, err := os.ReadFile("testdata/incident.json")
	require.NoError(t, err)
	m := open(t)
	first, _ := take(t, m, string(text))
	assert.Equal(t, incident.ID("microsoftDefender:4720"), first[0].ID)
	assert.Equal(t, "4720", first[0].References[0].ID)
	assert.Equal(t, 1, first[0].Comments)
	again, _ := take(t, m, string(text))
	assert.Equal(t, first, again, "nothing has changed")

	changed := strings.NewReplacer(`"lastUpdateDateTime": "2026-01-12T06:30:00Z"`, `"lastUpdateDateTime": "2026-01-13T00:00:00Z"`,
		`"displayName": "Password spray`, `"displayName": "Another password spray`, `"status": "Active"`, `"status": "inProgress"`, `"tags": ["Demo"]`, `"customTags": ["Drill"]`,
		`"comments": [`, `"comments": [{"comment": "Second.", "createdByDisplayName": "rosa@contoso.com", "createdDateTime": "2026-01-12T23:00:00Z"},`).Replace(string(text))
	third, _ := take(t, m, changed)
	assert.Equal(t, first[0].ID, third[0].ID)
	assert.Equal(t, first[0].Number, third[0].Number)
	assert.Equal(t, "Another password spray against one account", third[0].Name)
	assert.Equal(t, incident.InProgress, third[0].Status)
	assert.Equal(t, []incident.Tag{{Name: "Drill"}}, third[0].Tags)
	assert.Equal(t, 2, third[0].Comments)
}

// What went through the store is written as it came, comments with the fields that have no place here.
func TestExportFromTheStore(t *testing.T) {
	text, err := os.ReadFile("testdata/incidents.json")
	require.NoError(t, err)
	m := open(t)
	imported, _ := take(t, m, string(text))
	assert.Equal(t, imported[0].ID, imported[2].RedirectTo)
	var comments []incident.Comment
	for e, err := range m.Activity(t.Context(), importer, activity.Query{Incidents: []incident.ID{imported[0].ID}}) {
		require.NoError(t, err)
		if e.Type == activity.Commented {
			comments = append(comments, incident.Comment{By: e.Actor.ID, Time: e.Occurred, Text: e.Text, Alert: e.Alert})
		}
	}
	out, err := msgraph.EncodeIncident(imported[0], comments, nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"@odata.type":"#microsoft.graph.security.incident","id":"4711","tenantId":"0f1e2d3c-4b5a-4697-8877-665544332211","status":"inProgress",
		"incidentWebUrl":"https://security.microsoft.com/incidents/4711?tid=0f1e2d3c-4b5a-4697-8877-665544332211",
		"displayName":"Multi-stage incident involving Initial access & Exfiltration on one endpoint","createdDateTime":"2026-02-03T07:15:21.123456Z",
		"lastUpdateDateTime":"2026-02-03T09:40:02.98Z","assignedTo":"kai@contoso.com","classification":"truePositive","determination":"compromisedAccount",
		"severity":"high","priorityScore":88,"customTags":["Tier 0","payroll"],"systemTags":["Defender Experts"],
		"description":"A password was taken over and a mailbox was emptied.","lastModifiedBy":"kai@contoso.com","resolvingComment":null,
		"summary":"Started with a message to one person.","comments":[
		{"comment":"Called the owner of the mailbox.","createdByDisplayName":"rosa@contoso.com","createdDateTime":"2026-02-03T08:00:00Z","pinned":true},
		{"comment":"Second look at *noon*.","createdByDisplayName":"kai@contoso.com","createdDateTime":"2026-02-03T09:40:02.98Z"}]}`, string(out))
}

// Alerts inside an incident stay together; for bare ones the incident that they name counts for nothing.
func TestGroupingBelongsToWhoeverHasTheIncident(t *testing.T) {
	device := func(name string) string {
		return `"evidence":[{"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"` + name + `"}]`
	}
	m := open(t)
	_, alerts := take(t, m, `{"id":"1","title":"A","incidentId":"9",`+device("pc-1.contoso.com")+`} {"id":"2","title":"B","incidentId":"9",`+device("pc-2.contoso.com")+`}
		{"id":"3","title":"C","incidentId":"10",`+device("pc-1.contoso.com")+`}`)
	require.Len(t, alerts, 3)
	assert.NotEqual(t, alerts[0].Incident, alerts[1].Incident, "they share nothing but the incident that they name")
	assert.Equal(t, alerts[0].Incident, alerts[2].Incident, "they share a device")
	incidents, _ := take(t, m, `{"id":"9","displayName":"Grouped","customTags":[],"alerts":[{"id":"4","title":"D"},{"id":"5","title":"E"}]}`)
	assert.Equal(t, 2, incidents[0].Alerts.Count)
}

// Rows do not tell a status: sent again after the alert was resolved, they do not open it, and their evidence is added.
func TestRowsLeaveTheStatus(t *testing.T) {
	m := open(t)
	_, graph := take(t, m, `{"@odata.type":"#microsoft.graph.security.alert","id":"da-1","title":"Saw","status":"resolved","severity":"low",
		"serviceSource":"microsoftDefenderForEndpoint","createdDateTime":"2031-05-06T07:08:09Z","lastUpdateDateTime":"2031-05-06T08:00:00Z",
		"evidence":[{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"m1","deviceDnsName":"saw-1.mill.example"}]}`)
	_, rows := take(t, m, `{"time":"2031-05-06T09:00:00Z","category":"AdvancedHunting-AlertEvidence","properties":{"Timestamp":"2031-05-06T07:08:09Z","AlertId":"da-1",
		"ServiceSource":"Microsoft Defender for Endpoint","EntityType":"Machine","DeviceId":"m1","DeviceName":"saw-1.mill.example","EvidenceRole":"Impacted"}}
		{"time":"2031-05-06T09:00:00Z","category":"AdvancedHunting-AlertEvidence","properties":{"Timestamp":"2031-05-06T07:08:09Z","AlertId":"da-1",
		"ServiceSource":"Microsoft Defender for Endpoint","EntityType":"User","AccountName":"mara","AccountDomain":"MILL","EvidenceRole":"Impacted"}}`)
	require.Len(t, rows, 1)
	assert.Equal(t, graph[0].Incident, rows[0].Incident)
	a, err := m.Alert(t.Context(), importer, "microsoftDefenderForEndpoint:da-1")
	require.NoError(t, err)
	assert.Equal(t, alert.StatusResolved, a.Status)
	assert.Equal(t, "Saw", a.Title)
	assert.Len(t, a.Evidence, 2)
}

// What was merged into an incident does not give it another identifier, neither in a chain nor where a person merged.
func TestAMergedIncidentKeepsItsIdentifier(t *testing.T) {
	of := func(id, members string) string {
		return `{"@odata.type":"#microsoft.graph.security.incident","id":"` + id + `","incidentWebUrl":"https://x.example/` + id + `",
			"displayName":"Incident ` + id + `"` + members + `}`
	}
	m := open(t)
	take(t, m, of("1", "")+of("2", "")+of("3", "")+of("4", ""))
	take(t, m, of("2", `,"status":"redirected","redirectIncidentId":"3"`)+of("1", `,"status":"redirected","redirectIncidentId":"2"`))
	i, err := m.Merge(t.Context(), importer, "microsoftDefender:3", []incident.ID{"microsoftDefender:4"}, "")
	require.NoError(t, err)
	require.Len(t, i.References, 4)
	text, err := msgraph.EncodeIncident(i, nil, nil)
	require.NoError(t, err)
	for item, err := range msgraph.Decode(strings.NewReader(string(text)), "f.json") {
		require.NoError(t, err)
		assert.Equal(t, incident.Reference{System: "microsoftDefender", ID: "3", URL: "https://x.example/3"}, item.Incident.Reference)
	}
	i.ID = "01" // as the successor of one that was purged has it
	r, ok := i.ReferenceIn("microsoftDefender")
	assert.True(t, ok)
	assert.Equal(t, "3", r.ID)
}
