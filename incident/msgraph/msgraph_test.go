package msgraph

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// export writes an item as an incident manager that kept it unchanged would.
func export(t require.TestingT, item incident.Decoded) []byte {
	if item.Alert != nil {
		text, err := EncodeAlert(*item.Alert)
		require.NoError(t, err)
		return text
	}
	d := item.Incident
	i := incident.Incident{Name: d.Name, Description: d.Description, Severity: d.Severity, Status: d.Status, Owner: d.Owner, Tags: d.Tags,
		Verdict: d.Verdict, Note: d.Note, References: []incident.Reference{d.Reference}, Created: d.Created, Extra: d.Extra}
	if d.RedirectTo.ID != "" {
		i.RedirectTo = d.RedirectTo.IncidentID()
	}
	text, err := EncodeIncident(i, d.Comments, d.Alerts)
	require.NoError(t, err)
	return text
}

// roundTrip holds the law of the package: what was imported, exported and imported again is the same
// value, and is exported as the same text. It returns the text.
func roundTrip(t require.TestingT, item incident.Decoded) []byte {
	if item.Alert != nil && item.Alert.Title == "" { // rows may tell none, and the manager makes one
		titled := *item.Alert
		titled.Title = "Untitled"
		item.Alert = &titled
	}
	text := export(t, item)
	again, errs := decode(string(text))
	require.Empty(t, errs, "%s", text)
	require.Len(t, again, 1, "%s", text)
	again[0].Index, again[0].Notes, item.Notes = item.Index, nil, nil
	require.Equal(t, item, again[0], "%s", text)
	require.Equal(t, string(text), string(export(t, again[0])))
	return text
}

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

// alertOf reads one alert that has the members given as text.
func alertOf(t *testing.T, members string) alert.Alert {
	t.Helper()
	items, errs := decode(`{"id":"a","title":"t","alertWebUrl":""` + members + `}`)
	require.Empty(t, errs)
	require.Len(t, items, 1)
	roundTrip(t, items[0])
	return *items[0].Alert
}

// incidentOf reads one incident that has the members given as text.
func incidentOf(t *testing.T, members string) incident.Draft {
	t.Helper()
	items, errs := decode(`{"id":"7","displayName":"n","customTags":[]` + members + `}`)
	require.Empty(t, errs)
	require.Len(t, items, 1)
	roundTrip(t, items[0])
	return *items[0].Incident
}

func read(t *testing.T, file string) []incident.Decoded {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	items, errs := decode(string(text))
	require.Empty(t, errs)
	slices.SortFunc(items, func(a, b incident.Decoded) int { return a.Index - b.Index }) // rows come last
	for n, item := range items {
		assert.Equal(t, n, item.Index)
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

func TestIncidents(t *testing.T) {
	items := read(t, "incidents.json")
	require.Len(t, items, 3)
	first := *items[0].Incident
	assert.NotContains(t, first.Extra, "Second look", "a comment that is struck out must be gone")
	first.Extra = ""
	assert.Equal(t, incident.Draft{
		Reference: incident.Reference{System: "microsoftDefender", ID: "4711",
			URL: "https://security.microsoft.com/incidents/4711?tid=0f1e2d3c-4b5a-4697-8877-665544332211", Updated: at("2026-02-03T09:40:02.98Z")},
		Name:        "Multi-stage incident involving Initial access & Exfiltration on one endpoint",
		Description: "A password was taken over and a mailbox was emptied.",
		Severity:    alert.High, Status: incident.InProgress, Owner: incident.Owner{ID: "kai@contoso.com"},
		Tags:    []incident.Tag{{Name: "payroll"}, {Name: "Tier 0"}, {Name: "Defender Experts", Kind: alert.SystemTag}},
		Verdict: classification.Verdict{Classification: classification.TruePositive, Determination: classification.CompromisedAccount},
		Created: at("2026-02-03T07:15:21.123456Z"),
		Comments: []incident.Comment{
			{By: "rosa@contoso.com", Time: at("2026-02-03T08:00:00Z"), Text: "Called the owner of the mailbox."},
			{By: "kai@contoso.com", Time: at("2026-02-03T09:40:02.98Z"), Text: "Second look at *noon*."},
		},
	}, first)
	assert.Equal(t, incident.Resolved, items[1].Incident.Status)
	assert.Equal(t, "A drill.", items[1].Incident.Note)
	assert.Zero(t, items[1].Incident.Resolved, "Graph does not say when")
	assert.Zero(t, items[1].Incident.Verdict)
	assert.Equal(t, incident.Redirected, items[2].Incident.Status)
	assert.Equal(t, incident.Reference{System: "microsoftDefender", ID: "4711"}, items[2].Incident.RedirectTo)
}

// The documentation of the interface spells things its own way.
func TestIncidentAsDocumented(t *testing.T) {
	items := read(t, "incident.json")
	require.Len(t, items, 1)
	d := items[0].Incident
	assert.Equal(t, classification.Verdict{Classification: classification.FalsePositive, Determination: classification.NotEnoughDataToValidate}, d.Verdict)
	assert.Equal(t, []incident.Tag{{Name: "Demo"}}, d.Tags)
	assert.Equal(t, []incident.Comment{{By: "rosa@contoso.com", Time: at("2026-01-12T06:20:00.765432Z"), Text: "From the documentation's shape."}}, d.Comments)
	assert.Equal(t, alert.Medium, d.Severity)
	assert.Empty(t, d.Extra)
}

func TestIncidentsWithAlerts(t *testing.T) {
	items := read(t, "incidents-with-alerts.json")
	require.Len(t, items, 1)
	alerts := items[0].Incident.Alerts
	require.Len(t, alerts, 2)
	assert.Equal(t, alert.Origin{Source: "microsoftDefenderForEndpoint", ID: "da0001_1"}, alerts[0].Origin)
	assert.Equal(t, alert.StatusResolved, alerts[0].Status)
	assert.Equal(t, at("2026-03-01T00:50:00Z"), alerts[0].Resolved)
	assert.NotContains(t, alerts[0].Extra, "On the alert.")
	comments := items[0].Incident.Comments
	assert.Equal(t, "On the alert.", comments[len(comments)-1].Text)
	assert.Equal(t, alerts[0].Origin.AlertID(), comments[len(comments)-1].Alert)
	require.Len(t, alerts[0].Evidence, 2)
	device := alerts[0].Evidence[0]
	assert.Equal(t, alert.Device{DeviceID: "00d1", DNSName: "srv-7.contoso.com", OS: "WindowsServer2022", OSBuild: 20348, Group: "Servers"}, device.Entity)
	assert.Equal(t, []alert.Role{alert.Compromised}, device.Roles)
	assert.Equal(t, alert.PendingApproval, device.Remediation)
	process := alerts[0].Evidence[1]
	assert.Equal(t, `"C:\Windows\Temp\a b.exe" <go>`, process.Entity.(alert.Process).CommandLine)
	assert.JSONEq(t, `{"processId":0,"imageFile":{"sha256Ac":"00bb"},"userAccount":{"activeDirectoryObjectGuid":"5d0f8a3e-0000-4000-8000-000000000001"}}`, string(process.Extra))
	assert.Equal(t, alert.Kind("kubernetesPod"), alerts[1].Evidence[1].Entity.Kind())
	assert.Equal(t, "web-5", alerts[1].Evidence[1].Entity.Name())
}

func TestAlerts(t *testing.T) {
	items := read(t, "alerts_v2.json")
	require.Len(t, items, 2)
	a := items[0].Alert
	assert.Equal(t, alert.Origin{Source: "microsoftDefenderForIdentity", ID: "aa0003"}, a.Origin)
	assert.Empty(t, a.Incident, "which incident it belongs to is ours to find")
	assert.JSONEq(t, `{"incidentId":"4711","incidentWebUrl":"https://security.microsoft.com/incidents/4711","categories":["CredentialAccess","Discovery"],
		"investigationState":"unknownFutureValue","customDetails":{"Ticket":"RC4"},
		"additionalData":{"scores":[1,2.50,3e2],"nested":{"deep":null}},"newField":{"b":1,"a":2}}`, string(a.Extra))
	assert.Contains(t, a.Extra, "[1,2.50,3e2]", "numbers stay as they were written")
	require.Len(t, a.Evidence, 5)
	assert.Equal(t, alert.User{UPN: "kai@contoso.com", DirectoryID: "u-1", DisplayName: "Kai"}, a.Evidence[0].Entity)
	assert.Equal(t, alert.IP{Address: "2001:db8::1", Country: "DE"}, a.Evidence[1].Entity)
	assert.Equal(t, alert.Registry{Hive: "HKEY_LOCAL_MACHINE", Key: `SOFTWARE\Contoso`, Data: "1", IsValue: true}, a.Evidence[2].Entity)
	assert.Equal(t, alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:aws:s3:::contoso-logs", Account: "000000000000", Type: "S3"}, a.Evidence[3].Entity)
	assert.Equal(t, alert.Other{Type: "brandNew", Label: "Something", Fields: `{"displayName":"Something","wave":3}`}, a.Evidence[4].Entity)
	assert.Empty(t, items[1].Alert.Category, "a category called None is none")
	assert.Equal(t, alert.Mailbox{Address: "kai@contoso.com", UPN: "kai@contoso.com", DisplayName: "Kai"}, read(t, "alert.json")[0].Alert.Evidence[0].Entity)
	assert.Len(t, read(t, "bom.json"), 1)
}

func TestDefenderIncidents(t *testing.T) {
	items := read(t, "defender-incidents.json")
	require.Len(t, items, 2)
	d := items[0].Incident
	assert.Equal(t, incident.Reference{System: "microsoftDefender", ID: "815", Updated: at("2021-05-06T08:00:00Z")}, d.Reference)
	assert.Equal(t, alert.Unrated, d.Severity)
	assert.Equal(t, []incident.Tag{{Name: "Branch"}}, d.Tags)
	assert.Equal(t, at("2021-05-06T07:30:00.123456Z"), d.Comments[0].Time)
	require.Len(t, d.Alerts, 1)
	a := d.Alerts[0]
	assert.Equal(t, alert.Origin{Source: "microsoftDefenderForCloudApps", ID: "ca0006"}, a.Origin)
	assert.Equal(t, "Storm-0001", a.Actor)
	assert.Equal(t, "Automation", a.Owner.ID)
	assert.Equal(t, [...]time.Time{at("2021-05-06T07:00:00Z"), at("2021-05-06T07:05:00Z"), at("2021-05-06T07:08:08Z"), at("2021-05-06T07:09:00Z")},
		[...]time.Time{a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated})
	var entities []alert.Entity
	for _, e := range a.Evidence {
		entities = append(entities, e.Entity)
	}
	assert.Equal(t, []alert.Entity{
		alert.Device{DeviceID: "00d2", DNSName: "pc-2.contoso.com", OS: "Windows10", FirstSeen: at("2020-02-06T14:16:01Z")},
		alert.User{Account: "kai", Domain: "CONTOSO", SID: "S-1-5-21-2", DirectoryID: "u-1", UPN: "kai@contoso.com"},
		alert.IP{Address: "192.0.2.7"},
		alert.URL{URL: "https://example.com/in"},
		alert.Mailbox{Address: "kai@contoso.com", DisplayName: "Kai", UPN: "kai@contoso.com"},
		alert.Message{Sender: "a@example.com", Recipient: "kai@contoso.com", Subject: "Hello", Delivery: "Delivered"},
		alert.MailCluster{By: "Subject;SenderIp"},
		alert.Other{Type: "securityGroup", Label: "Finance", Fields: `{"displayName":"Finance","securityGroupId":"g-1"}`},
		alert.Registry{Hive: "HKLM", Key: `SOFTWARE\Run`, ValueType: "String", Data: "a.exe", IsValue: true},
		alert.Registry{Hive: "HKLM", Key: `SOFTWARE\Run`},
		alert.Process{PID: 12, CommandLine: "a.exe -x", Started: at("2021-05-06T07:01:00Z"), Image: alert.File{FileName: "a.exe", Path: `C:\a`, SHA1: "01"},
			ParentPID: 1, ParentStarted: at("2021-05-06T06:00:00Z"), ParentImage: alert.File{FileName: "b.exe"}, User: alert.User{Account: "kai"}, DeviceID: "00d2"},
		alert.File{FileName: "a.exe", Path: `C:\a`, SHA256: "02", DeviceID: "00d2", Detection: "Detected"},
		alert.Other{Type: "beacon", Fields: `{"colour":"red"}`},
	}, entities)
	assert.JSONEq(t, `{"osProcessor":"x64","rbacGroupId":9}`, string(a.Evidence[0].Extra))
	assert.Equal(t, alert.Malicious, a.Evidence[11].Verdict)
	assert.Equal(t, alert.ActiveThreat, a.Evidence[11].Remediation)
	assert.Equal(t, "815", items[1].Incident.RedirectTo.ID)
}

func TestDefenderForEndpointAlert(t *testing.T) {
	a := read(t, "defender-alert.json")[0].Alert
	assert.Equal(t, alert.Origin{Source: "microsoftDefenderForEndpoint", ID: "da0007"}, a.Origin, "as through Graph")
	assert.Equal(t, "Dropper", a.Threat)
	assert.Equal(t, classification.Verdict{Classification: classification.InformationalExpectedActivity, Determination: classification.SecurityTesting}, a.Verdict)
	assert.Equal(t, [...]time.Time{at("2021-01-26T20:31:32Z"), at("2021-01-26T20:31:33Z"), at("2021-01-26T20:33:57.722023Z"), at("2021-01-26T20:33:59.2Z"), at("2021-01-27T00:00:00Z")},
		[...]time.Time{a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated, a.Resolved})
	require.Len(t, a.Evidence, 3)
	assert.Equal(t, alert.Device{DeviceID: "00d3", DNSName: "pc-3.contoso.com", Group: "Laptops"}, a.Evidence[0].Entity)
	assert.Equal(t, alert.User{Account: "kai", Domain: "CONTOSO"}, a.Evidence[1].Entity)
	assert.Equal(t, alert.Process{PID: 4, Image: alert.File{FileName: "script.exe"}, Detection: "Detected"}, a.Evidence[2].Entity)
	assert.Equal(t, at("2021-01-26T20:33:58.42Z"), a.Evidence[2].Created)
}

func TestQuirks(t *testing.T) {
	items := read(t, "quirks.jsonl")
	require.Len(t, items, 8)
	wrong := items[0].Incident
	assert.Equal(t, incident.InProgress, wrong.Status)
	assert.JSONEq(t, `{"severity":"fresh","status":"awaitingAction","classification":5,"determination":"malware",
		"comments":["none"],"priorityScore":null}`, string(wrong.Extra))
	assert.Equal(t, "5", wrong.Description)
	assert.Equal(t, []incident.Tag{{Name: "one"}}, wrong.Tags)
	assert.Equal(t, "1", items[1].Incident.RedirectTo.ID)
	assert.Equal(t, incident.Active, items[2].Incident.Status)
	hidden := items[3].Incident
	assert.Equal(t, incident.InProgress, hidden.Status, "the one member hidden is awaitingAction")
	assert.Equal(t, alert.Unrated, hidden.Severity)
	assert.Zero(t, hidden.Verdict, "nobody can tell what it is under")
	assert.JSONEq(t, `{"severity":"unknownFutureValue","status":"unknownFutureValue","classification":"unknownFutureValue","determination":"malware"}`, string(hidden.Extra))
	assert.Empty(t, items[4].Incident.Name, "it gets a generated one")
	old := items[4].Incident.Alerts[0]
	assert.Equal(t, "microsoftDefenderForEndpoint", old.Origin.Source)
	assert.Equal(t, classification.Verdict{Classification: classification.TruePositive}, old.Verdict)
	assert.Empty(t, old.DetectionSource)
	evidence := items[5].Alert.Evidence
	assert.Equal(t, "microsoftDefender", items[5].Alert.Origin.Source)
	assert.JSONEq(t, `{"serviceSource":"unknownFutureValue","evidence":[null,7,
		{"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":"kai"}]}`, string(items[5].Alert.Extra))
	require.Len(t, evidence, 4)
	assert.Equal(t, alert.Malicious, evidence[0].Verdict)
	assert.Equal(t, alert.NotRemediated, evidence[0].Remediation)
	assert.Equal(t, []alert.Role{alert.Attacker, "brandNew"}, evidence[0].Roles)
	assert.JSONEq(t, `{"remediationStatus":"unknownFutureValue","roles":["Attacker","unknown","unknownFutureValue","brandNew"]}`, string(evidence[0].Extra))
	assert.Equal(t, alert.IP{Address: "5"}, evidence[0].Entity)
	assert.Equal(t, alert.IP{Address: "192.0.2.9"}, evidence[1].Entity)
	assert.Equal(t, alert.URL{URL: "https://example.com"}, evidence[2].Entity)
	assert.Equal(t, alert.URL{URL: "https://example.com"}, evidence[3].Entity)
	assert.Equal(t, alert.Fields(`{"entityType":"Unknown"}`), evidence[3].Extra)
	assert.Len(t, items[6].Alert.Evidence, 2)
	comments := items[7].Incident
	assert.Equal(t, []incident.Comment{{By: "a", Time: at("2026-01-01T00:00:00Z"), Text: "5"}, {By: "b", Time: at("2026-01-03T00:00:00Z"), Text: "late"}}, comments.Comments)
	assert.JSONEq(t, `{"comments":[{"createdByDisplayName":"b","createdDateTime":"2026-01-03T00:00:00Z","x":1},{"comment":"no author","createdDateTime":"2026-01-02T00:00:00Z"},"text"]}`, string(comments.Extra))
}

// Each pair of words that Graph, its documentation or the older interface has for a verdict.
func TestVerdicts(t *testing.T) {
	verdict := func(c classification.Classification, d classification.Determination) classification.Verdict {
		return classification.Verdict{Classification: c, Determination: d}
	}
	for _, c := range []struct {
		members string
		want    classification.Verdict
		kept    string // what stays in Extra
	}{
		{`"classification":"truePositive","determination":"multiStagedAttack"`, verdict("truePositive", "multiStagedAttack"), ""},
		{`"classification":"TruePositive","determination":"CompromisedUser"`, verdict("truePositive", "compromisedAccount"), ""},
		{`"classification":"informationalExpectedActivity","determination":"ConfirmedUserActivity"`, verdict("informationalExpectedActivity", "confirmedActivity"), ""},
		{`"classification":"benignPositive","determination":"SecurityTesting"`, verdict("informationalExpectedActivity", "securityTesting"), ""},
		{`"classification":"FalsePositive","determination":"Clean"`, verdict("falsePositive", "notMalicious"), ""},
		{`"classification":"FalsePositive","determination":"NoEnoughDataToValidate"`, verdict("falsePositive", "notEnoughDataToValidate"), ""},
		{`"classification":"falsePositive","determination":"other"`, verdict("falsePositive", "other"), ""},
		{`"classification":"truePositive","determination":"apt"`, verdict("truePositive", "apt"), ""},
		{`"classification":"truePositive","determination":null`, verdict("truePositive", ""), ""},
		{`"classification":"Unknown","determination":"NotAvailable"`, verdict("", ""), ""},
		{`"classification":"unknown","determination":"unknown"`, verdict("", ""), ""},
		{`"classification":null,"determination":null`, verdict("", ""), ""},
		{`"determination":"malware"`, verdict("truePositive", "malware"), ""},
		{`"determination":"other"`, verdict("", ""), `{"determination":"other"}`},
		{`"classification":"truePositive","determination":"brandNew"`, verdict("truePositive", ""), `{"classification":"truePositive","determination":"brandNew"}`},
		{`"classification":"truePositive","determination":"unknownFutureValue"`, verdict("truePositive", ""), `{"classification":"truePositive","determination":"unknownFutureValue"}`},
		{`"classification":"brandNew","determination":"malware"`, verdict("", ""), `{"classification":"brandNew","determination":"malware"}`},
		{`"classification":5,"determination":"malware"`, verdict("", ""), `{"classification":5,"determination":"malware"}`},
		{`"classification":"truePositive","determination":5`, verdict("truePositive", ""), `{"classification":"truePositive","determination":5}`},
	} {
		d := incidentOf(t, ","+c.members)
		assert.Equal(t, c.want, d.Verdict, c.members)
		assert.Equal(t, alert.Fields(c.kept), d.Extra, c.members)
		a := alertOf(t, ","+c.members)
		assert.Equal(t, c.want, a.Verdict, c.members)
		assert.Equal(t, alert.Fields(c.kept), a.Extra, c.members)
	}
}

func TestWords(t *testing.T) {
	for word, want := range map[string]incident.Status{"active": incident.Active, "Active": incident.Active, "New": incident.Active, "inProgress": incident.InProgress,
		"InProgress": incident.InProgress, "Resolved": incident.Resolved, "awaitingAction": incident.InProgress, "redirected": incident.Active, "brandNew": incident.Active} {
		assert.Equal(t, want, incidentOf(t, `,"status":"`+word+`"`).Status, word)
	}
	for word, want := range map[string]alert.Status{"new": alert.StatusNew, "New": alert.StatusNew, "InProgress": alert.StatusInProgress,
		"resolved": alert.StatusResolved, "unknown": alert.StatusNew, "brandNew": alert.StatusNew} {
		assert.Equal(t, want, alertOf(t, `,"status":"`+word+`"`).Status, word)
	}
	for word, want := range map[string]alert.Severity{"high": alert.High, "Medium": alert.Medium, "LOW": alert.Low, "informational": alert.Informational,
		"unknown": alert.Unrated, "UnSpecified": alert.Unrated, "unknownFutureValue": alert.Unrated, "unrated": alert.Unrated} {
		assert.Equal(t, want, alertOf(t, `,"severity":"`+word+`"`).Severity, word)
	}
	for word, want := range map[string]string{"microsoftDefenderForCloud": "microsoftDefenderForCloud", "MicrosoftDefenderForCloud": "microsoftDefenderForCloud",
		"MicrosoftDefenderATP": "microsoftDefenderForEndpoint", "MicrosoftCloudAppSecurity": "microsoftDefenderForCloudApps", "OfficeATP": "microsoftDefenderForOffice365",
		"AzureATP": "microsoftDefenderForIdentity", "MTP": "microsoft365Defender", "brandNew": "brandNew", "unknown": "microsoftDefender", " ": "microsoftDefender"} {
		a := alertOf(t, `,"serviceSource":"`+word+`"`)
		assert.Equal(t, want, a.Origin.Source, word)
		text, err := EncodeAlert(a)
		require.NoError(t, err)
		assert.Contains(t, string(text), `"serviceSource":"`+word+`"`, "written back as it came")
	}
	assert.Equal(t, "microsoftDefender", alertOf(t, "").Origin.Source)
}

// What was kept beside a value must not speak against the value once somebody has changed it.
func TestChangedValuesWinOverWhatWasKept(t *testing.T) {
	a := alertOf(t, `,"severity":"UnSpecified","status":"brandNew","serviceSource":"OfficeATP","classification":"brandNew","determination":"malware","category":"None",
		"evidence":[{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"192.0.2.1","verdict":"unknownFutureValue","roles":["unknown"]}]`)
	a.Severity, a.Status, a.Origin.Source, a.Category = alert.High, alert.StatusInProgress, "microsoftSentinel", "Impact"
	a.Verdict = classification.Verdict{Classification: classification.FalsePositive}
	a.Evidence[0].Verdict, a.Evidence[0].Roles = alert.Malicious, []alert.Role{alert.Attacker}
	text, err := EncodeAlert(a)
	require.NoError(t, err)
	assert.JSONEq(t, `{"@odata.type":"#microsoft.graph.security.alert","id":"a","title":"t","severity":"high","status":"inProgress","serviceSource":"microsoftSentinel",
		"classification":"falsePositive","category":"Impact","evidence":[{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"192.0.2.1","verdict":"malicious",
		"remediationStatus":"none","roles":["attacker"]}]}`, string(text))
}

// A comment that was struck out after the import does not come back, and neither does what it carried.
func TestCommentsStruckOutStayOut(t *testing.T) {
	d := incidentOf(t, `,"comments":[{"comment":"secret","createdByDisplayName":"a","createdDateTime":"2026-01-01T00:00:00Z","x":1},
		{"comment":"kept","createdByDisplayName":"b","createdDateTime":"2026-01-02T00:00:00Z","y":2}]`)
	assert.NotContains(t, d.Extra, "secret")
	text, err := EncodeIncident(incident.Incident{ID: "i", Name: "n", Extra: d.Extra}, d.Comments[1:], nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"@odata.type":"#microsoft.graph.security.incident","id":"i","displayName":"n","status":"active",
		"comments":[{"comment":"kept","createdByDisplayName":"b","createdDateTime":"2026-01-02T00:00:00Z","y":2}]}`, string(text))
}

// An incident that was made here has no identifier of Defender's.
func TestExportOfAnIncidentOfOurOwn(t *testing.T) {
	text, err := EncodeIncident(incident.Incident{ID: "01", Name: "Ours", Updated: at("2026-01-01T00:00:00Z"), Status: incident.Redirected, RedirectTo: "02"}, nil, nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"@odata.type":"#microsoft.graph.security.incident","id":"01","displayName":"Ours","status":"redirected","redirectIncidentId":"02",
		"lastUpdateDateTime":"2026-01-01T00:00:00Z"}`, string(text))
	text, err = EncodeAlert(alert.Alert{Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "Ours", Evidence: []alert.Evidence{
		{Entity: alert.Other{Type: alert.KindDevice, Fields: `{"mdeDeviceId":"d"}`}}, {Entity: alert.CloudResource{ID: "r"}}}})
	require.NoError(t, err)
	items, errs := decode(string(text))
	require.Empty(t, errs)
	assert.Equal(t, alert.Device{DeviceID: "d"}, items[0].Alert.Evidence[0].Entity, "the fields of a generic entity are those of its kind")
	assert.Equal(t, alert.CloudResource{Provider: alert.KindAzureResource, ID: "r"}, items[0].Alert.Evidence[1].Entity)
}

func TestBadItemsNameTheirFileIndexFieldAndWant(t *testing.T) {
	items, errs := decode(`[{"id":"1","title":true,"alertWebUrl":""}, {"id":"2","title":"Good","alertWebUrl":""}, {"@odata.type":"#microsoft.graph.security.alert","title":"No id"},
		{"id":{"a":
		1},"title":"t","alertWebUrl":""}, 7, null, "x", {"x":1}, {"@odata.type":"#microsoft.graph.security.mailboxEvidence","displayName":"x"},
		{"id":"3","displayName":"d"}, {"id":"4","displayName":"d","customTags":[],"alerts":5},
		{"id":"5","displayName":"d","customTags":[],"alerts":[{"id":"6"}, 5, {"title":"t"}, {"id":7,"title":"t"}]},
		{"id":"8","title":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `},
		{"id":"9","title":"Good","alertWebUrl":""}, {"incidentId":1.5,"incidentName":"d"}, {"@odata.type":"#microsoft.graph.security.incident","displayName":"No id"}]`)
	var texts []string
	for _, err := range errs {
		var bad *alert.DecodeError
		require.ErrorAs(t, err, &bad)
		assert.Equal(t, "f.json", bad.File)
		texts = append(texts, err.Error())
	}
	assert.Equal(t, []string{
		"f.json: item 0: title: want a text or a number, not true",
		"f.json: item 2: id: missing, want a text or a number",
		`f.json: item 3: id: want a text or a number, not {"a":1}`,
		"f.json: item 4: want an object, an incident or an alert, not 7",
		"f.json: item 5: want an object, an incident or an alert, not null",
		`f.json: item 6: want an object, an incident or an alert, not "x"`,
		"f.json: item 7: " + wantedShapes,
		`f.json: item 8: @odata.type: want an incident or an alert, not "#microsoft.graph.security.mailboxEvidence"`,
		"f.json: item 9: " + wantedShapes,
		"f.json: item 10: alerts: want a list, not 5",
		"f.json: item 11: alerts[0].title: missing, want a text or a number",
		"f.json: item 11: alerts[1]: want an object, not 5",
		"f.json: item 11: alerts[2].id: missing, want a text or a number",
		"f.json: item 12: want at most 500 levels of lists and objects",
		"f.json: item 14: incidentId: want a text or a number, not 1.5",
		"f.json: item 15: id: missing, want a text or a number",
	}, texts)
	require.Len(t, items, 3)
	assert.Equal(t, []int{1, 11, 13}, []int{items[0].Index, items[1].Index, items[2].Index})
	assert.Equal(t, "7", items[1].Incident.Alerts[0].Origin.ID)
}

// The ways in which items may stand in a file.
func TestFraming(t *testing.T) {
	one := `{"id":"a","title":"t","alertWebUrl":""}`
	for text, want := range map[string]int{
		"": 0, " \r\n\t": 0, "[]": 0, `{"value":[]}`: 0, "\ufeff": 0,
		one: 1, "\ufeff" + one: 1, " \ufeff " + one + "\n\ufeff" + one: 2,
		"[" + one + "," + one + "]": 2, one + "\n" + one + "\r\n": 2, one + one: 2,
		`{"@odata.context":"c","@odata.count":2,"value":[` + one + `,` + one + `],"@odata.nextLink":"n"}`: 2,
		`{"value":[` + one + `]}` + `{"value":[` + one + `]}`:                                             2,
		`{"@odata.context":"c","value":` + one + `}`:                                                      1,
		`{"id":"a","title":"t","alertWebUrl":"","value":[1]}`:                                             1,
		`{"id":"a","title":"t","alertWebUrl":"","value":"x"}`:                                             1,
	} {
		items, errs := decode(text)
		assert.Empty(t, errs, "%q", text)
		assert.Len(t, items, want, "%q", text)
		for _, item := range items {
			assert.Equal(t, "a", item.Alert.Origin.ID)
		}
	}
}

// FuzzDecode holds that what is decoded, encoded and decoded again is the same, and that nothing is lost on the way that
// no note names.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.json*")
	require.NoError(f, err)
	require.NotEmpty(f, paths)
	for _, p := range paths {
		text, err := os.ReadFile(p)
		require.NoError(f, err)
		f.Add(text)
		for line := range bytes.Lines(text) {
			f.Add(line)
		}
	}
	f.Add([]byte(`{` + infoColumns + `}`))
	for n := range pairs {
		f.Add([]byte(`{` + evidenceColumns(n) + `}`))
		f.Add([]byte(`{"id":"a","title":"t","alertWebUrl":"","evidence":[` + pairs[n].graph + `]}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		items, errs := decode(string(text))
		for _, item := range items {
			require.NotEqual(t, item.Incident == nil, item.Alert == nil)
			out := roundTrip(t, item)
			var whole map[string]any
			if len(items) == 1 && len(errs) == 0 && utf8.Valid(text) && json.Unmarshal(text, &whole) == nil {
				nothingLost(t, whole, out, item.Notes)
			}
		}
	})
}

// nothingLost holds that each value of an object is in the text out, or in a note.
func nothingLost(t require.TestingT, whole map[string]any, out []byte, notes []alert.Note) {
	for _, n := range notes {
		if strings.Contains(n.Said, "more notes") || strings.Contains(n.Said, "what stands around it") || strings.Contains(n.Said, "left out") {
			return
		}
	}
	if whole["value"] != nil || whole["records"] != nil || whole["Records"] != nil || whole["results"] != nil || whole["Results"] != nil {
		return // what stands around items is no part of them
	}
	if properties, ok := whole["properties"].(map[string]any); ok && whole["category"] != nil {
		whole = properties
	}
	var back any
	require.NoError(t, json.Unmarshal(out, &back))
	want, got := map[string]int{}, map[string]int{}
	leaves(whole, renamed, want)
	leaves(back, nil, got)
	has := map[string]bool{}
	for v := range got {
		has[likely(v)] = true
	}
	for v := range want {
		if v := likely(v); !nothing(v) && !has[v] && !slices.ContainsFunc(notes, func(n alert.Note) bool { return strings.Contains(likely(n.Value), v[:min(len(v), 30)]) }) {
			require.Fail(t, "lost", "%q of\n%v\nis not in\n%s\nand in no note of\n%v", v, whole, out, notes)
		}
	}
}

// renamed are the members whose words are written in another way, and those of a row about the row.
func renamed(key string) bool {
	return silent(key) || slices.Contains([]string{
		"odatatype", "entitytype", "classification", "determination", "feedback", "hashtype", "additionalfields", "attacktechniques",
		"type", "tenantid", "sourcesystem", "detectionsource", "remoteurl", "registrykey", "categories",
	}, bare(key)) || strings.HasPrefix(key, "_")
}

// likely returns what two spellings of a value have in common.
func likely(v string) string {
	if when, _, ok := parseTime(v); ok {
		return when.Format(time.RFC3339Nano)
	}
	return bare(v)
}

// FuzzEvidence looks closer at the place where most of the kinds are.
func FuzzEvidence(f *testing.F) {
	for _, kind := range slices.Concat([]alert.Kind{"kubernetesPod", ""}, typed) {
		f.Add(string(kind), `{"verdict":"x","roles":["unknown"],"userAccount":{"accountName":"a"},"displayName":"d","processId":0}`)
	}
	f.Fuzz(func(t *testing.T, kind, fields string) {
		var m object
		if json.Unmarshal([]byte(fields), &m) != nil || m == nil {
			return
		}
		m[odataType] = encode(namespace + kind + "Evidence")
		items, errs := decode(string(encode(map[string]any{"id": "a", "title": "t", "alertWebUrl": "", "evidence": []object{m}})))
		if len(errs) > 0 {
			require.ErrorContains(t, errs[0], "levels")
			return
		}
		if a := items[0].Alert; len(a.Evidence) == 0 { // it names nothing
			require.Contains(t, a.Extra, `"evidence":[`)
			require.NotEmpty(t, items[0].Notes)
		}
		roundTrip(t, items[0])
	})
}
