package sentinel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/msgraph"
	"github.com/incidentkit/incidentkit/incident/sentinel"
	"github.com/incidentkit/incidentkit/storage/memory"
)

const ofGraph = `{"@odata.type":"#microsoft.graph.security.incident","id":"4711","displayName":"Tool of an attacker on one endpoint","severity":"high","status":"active",
	"createdDateTime":"2026-06-01T10:00:00Z","lastUpdateDateTime":"2026-06-01T10:00:00Z","alerts":[{"@odata.type":"#microsoft.graph.security.alert",
	"id":"da637551227677560813_-961444813","providerAlertId":"637551227677560813_-961444813","serviceSource":"microsoftDefenderForEndpoint","title":"A tool was started",
	"severity":"high","status":"new","evidence":[{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"d-1","deviceDnsName":"srv-7.corp.example","hostName":"srv-7"},
	{"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":{"accountName":"kai","userPrincipalName":"kai@corp.example"}}]}]}`

const ofSentinel = `{"IncidentName":"5f1b1d9e-0000-4c4e-8a52-0000000000e7","IncidentNumber":101,"ProviderName":"Microsoft XDR","ProviderIncidentId":"4711",
	"Title":"Tool of an attacker on one endpoint","Severity":"High","Status":"Active","LastModifiedTime":"2026-06-01T11:00:00Z","CreatedTime":"2026-06-01T10:00:00Z",
	"Owner":"{\"assignedTo\":\"Noor\",\"userPrincipalName\":\"noor@corp.example\"}","AlertIds":"[\"s-1\"]"}
	{"SystemAlertId":"s-1","ProviderName":"MDATP","VendorOriginalId":"637551227677560813_-961444813","DisplayName":"A tool was started","AlertSeverity":"High","Status":"New",
	"Entities":"[{\"$id\":\"1\",\"Type\":\"host\",\"HostName\":\"srv-7\",\"DnsDomain\":\"corp.example\",\"MdatpDeviceId\":\"d-1\"},{\"$id\":\"2\",\"Type\":\"account\",\"Name\":\"kai\",\"UPNSuffix\":\"corp.example\"}]"}`

// An incident of Defender is one incident with one alert, one device and one user, whichever way it comes first.
func TestOneIncidentThroughBoth(t *testing.T) {
	for _, sentinelFirst := range []bool{false, true} {
		store := memory.New()
		m := manager.New(store, nil)
		by := activity.Actor{Kind: activity.App, ID: "importer"}
		take := func(d incident.Decoded, err error) incident.Incident {
			require.NoError(t, err)
			require.NotNil(t, d.Incident)
			i, _, err := m.Import(t.Context(), by, *d.Incident)
			require.NoError(t, err)
			return i
		}
		var i incident.Incident
		both := []func(){
			func() {
				for d, err := range msgraph.Decode(strings.NewReader(ofGraph), "graph.json") {
					i = take(d, err)
				}
			},
			func() {
				for d, err := range sentinel.Decode(strings.NewReader(ofSentinel), "sentinel.json") {
					i = take(d, err)
				}
			},
		}
		if sentinelFirst {
			both[0], both[1] = both[1], both[0]
		}
		both[0]()
		first := i
		both[1]()
		assert.Equal(t, first.ID, i.ID)
		assert.Equal(t, incident.ID("microsoftDefender:4711"), i.ID)
		assert.Equal(t, 1, i.Alerts.Count)
		assert.Len(t, i.References, 1)
		a, err := m.Alert(t.Context(), by, alert.Origin{Source: "microsoftDefenderForEndpoint", ID: "da637551227677560813_-961444813"}.AlertID())
		require.NoError(t, err)
		things := make(map[alert.Key]bool)
		for _, e := range a.Evidence {
			things[alert.Identity(e.Entity)] = true
		}
		assert.Equal(t, map[alert.Key]bool{"device:d-1": true, "upn:kai@corp.example": true}, things)
		require.NoError(t, store.Close())
	}
}

// The published incidents of Sentinel import.
func TestFixtureIncident(t *testing.T) {
	dir := os.Getenv("INCIDENTKIT_FIXTURES")
	if dir == "" {
		t.Skip("INCIDENTKIT_FIXTURES is not set")
	}
	f, err := os.Open(filepath.Join(filepath.Clean(dir), "other", "rapid7-sentinel-incident.json"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, f.Close()) }()
	n := 0
	for d, err := range sentinel.Decode(f, "fixture") {
		require.NoError(t, err)
		n++
		assert.Equal(t, "1505", d.Incident.Reference.ID)
		assert.Equal(t, alert.Low, d.Incident.Severity)
		assert.Equal(t, incident.InProgress, d.Incident.Status)
		assert.Empty(t, d.Notes)
	}
	assert.Equal(t, 1, n)
}

// An incident of Defender keeps its name in Sentinel, though one of Sentinel's own was merged into it.
func TestAMergedIncidentKeepsItsName(t *testing.T) {
	store := memory.New()
	m := manager.New(store, nil)
	by := activity.Actor{Kind: activity.App, ID: "importer"}
	for _, text := range []string{
		`{"name":"s-1","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","providerName":"Microsoft XDR","providerIncidentId":"7"}}`,
		`{"name":"s-2","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t"}}`,
	} {
		for d, err := range sentinel.Decode(strings.NewReader(text), "f.json") {
			require.NoError(t, err)
			_, _, err = m.Import(t.Context(), by, *d.Incident)
			require.NoError(t, err)
		}
	}
	i, err := m.Merge(t.Context(), by, "microsoftDefender:7", []incident.ID{"microsoftSentinel:s-2"}, "")
	require.NoError(t, err)
	text, err := sentinel.EncodeIncident(i, nil, nil)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"name":"s-1"`)
	assert.NotContains(t, string(text), "s-2")
}
