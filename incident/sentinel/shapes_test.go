package sentinel

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

func TestTables(t *testing.T) {
	items := read(t, "tables.jsonl")
	require.Len(t, items, 1, "four rows of one incident")
	got := items[0]
	assert.Equal(t, 2, got.Index, "the place of the row that was taken")
	assert.Equal(t, []string{" 2: older states of the same not taken"}, said(got.Notes))
	d := *got.Incident
	assert.Equal(t, incident.Reference{System: "microsoftSentinel", ID: "5f1b1d9e-0000-4c4e-8a52-0000000000b1", Updated: at("2026-05-04T09:00:00Z")}, d.Reference)
	assert.Equal(t, incident.Resolved, d.Status)
	assert.Equal(t, at("2026-05-04T08:59:59Z"), d.Resolved)
	assert.Equal(t, "A journey.", d.Note)
	assert.Equal(t, incident.Owner{ID: "noor@orchard.example", Name: "Noor"}, d.Owner)
	assert.Equal(t, []incident.Tag{{Name: "travel"}}, d.Tags)
	assert.Contains(t, d.Extra, "0000000000c9", "an alert that is not in the file")
	assert.NotContains(t, d.Extra, "0000000000c1")
	require.Len(t, d.Alerts, 1)
	a := d.Alerts[0]
	assert.Contains(t, a.Extra, "Query Period")
	a.Extra = ""
	for n := range a.Evidence {
		a.Evidence[n].Extra = ""
	}
	assert.Equal(t, alert.Alert{
		Origin: alert.Origin{Source: "microsoftSentinel", ID: "0d1c0000-0000-4000-8000-0000000000c1"}, Product: "Azure Sentinel",
		DetectionSource: "Scheduled Alerts", Title: "Sign-in from an anonymous network", Description: "An account signed in.",
		RecommendedActions: "Ask the owner.\nReset the password.", Category: "InitialAccess", Techniques: []string{"T1078", "T1078.004"},
		Severity: alert.Medium, FirstActivity: at("2026-05-04T07:00:00.5Z"), LastActivity: at("2026-05-04T07:10:00Z"),
		Created: at("2026-05-04T07:55:00Z"), SourceUpdated: at("2026-05-04T07:55:01Z"),
		Evidence: []alert.Evidence{
			{Entity: alert.User{UPN: "kai@orchard.example", DirectoryID: "7d3b0c1e-2222-4222-8333-444455556666", Account: "kai"}},
			{Entity: alert.IP{Address: "198.51.100.7", Country: "NL"}},
		},
	}, a)
}

func TestAnswerOfAQuery(t *testing.T) {
	items, errs := decode(`{"tables":[{"name":"PrimaryResult","columns":[{"name":"SystemAlertId","type":"string"},{"name":"DisplayName","type":"string"},
		{"name":"AlertSeverity","type":"string"}],"rows":[["s-1","one","High"],["s-2","two","Low"],["s-1","one again","Low"]]}]}`)
	require.Empty(t, errs)
	require.Len(t, items, 2)
	assert.Equal(t, 1, items[0].Index)
	assert.Equal(t, "two", items[0].Alert.Title)
	assert.Equal(t, "one again", items[1].Alert.Title, "of two rows without a time the later one")

	items, errs = decode(`{"columns":["SystemAlertId","AlertName"],"rows":[["s-1","one"]]}`)
	require.Empty(t, errs)
	require.Len(t, items, 1)

	_, errs = decode(`{"tables":[{"columns":[{"name":"DeviceName"}],"rows":[["a"],["b"]]}]}`)
	require.Len(t, errs, 1, "one error for a table, not one for each row")
	_, errs = decode(`{"id":"q","tables":[{"rows":[["a"]]}]}`)
	require.Len(t, errs, 1)
	assert.EqualError(t, errs[0], "f.json: item 0: a table without columns: want those of SecurityIncident or SecurityAlert")
}

func TestAutomation(t *testing.T) {
	items := read(t, "automation.json")
	require.Len(t, items, 1)
	d := *items[0].Incident
	assert.Empty(t, said(items[0].Notes))
	assert.Equal(t, incident.Active, d.Status)
	assert.Contains(t, d.Extra, "workspaceInfo")
	require.Len(t, d.Alerts, 1)
	a := d.Alerts[0]
	assert.Equal(t, alert.Origin{Source: "microsoftDefenderForEndpoint", ID: "da637551227677560813_-961444813"}, a.Origin)
	assert.Equal(t, alert.StatusInProgress, a.Status)
	assert.Equal(t, "HackTool:Win32/Dump", a.Threat)
	host := alert.Device{DNSName: "srv-7.corp.orchard.example", HostName: "srv-7", OS: "Windows"}
	user := alert.User{Account: "svc-web", Domain: "CORP", SID: "S-1-5-21-1-2-3-1105"}
	file := alert.File{FileName: "dump.exe", Path: `C:\Temp`, SHA256: "aa00000000000000000000000000000000000000000000000000000000000001"}
	var entities []alert.Entity
	for _, e := range a.Evidence {
		entities = append(entities, e.Entity)
	}
	assert.Equal(t, []alert.Entity{
		host, alert.File{SHA256: file.SHA256}, file,
		alert.Process{PID: 4242, Started: at("2026-06-01T09:50:00Z"), CommandLine: "dump.exe lsass", Image: file, User: user},
		user, alert.Other{Type: "malware", Label: "HackTool:Win32/Dump", Fields: `{"category":"Tool","malwareName":"HackTool:Win32/Dump"}`},
	}, entities)
}

// The same incident as each of the SDKs spells it.
func TestSpellings(t *testing.T) {
	for _, text := range []string{
		`{"id":"/s/incidents/n-1","name":"n-1","type":"Microsoft.SecurityInsights/Incidents","etag":"e","additional_properties":{},"title":"t","severity":"Low","status":"Active",
			"created_time_utc":"2026-02-03T13:32:12.236416+00:00","last_modified_time_utc":"2026-02-03T14:00:00+00:00","incident_number":7,"incident_url":"u",
			"labels":[{"label_name":"l","label_type":"User"}],"owner":{"user_principal_name":"noor@orchard.example","assigned_to":"Noor","object_id":null}}`,
		`{"Id":"/s/incidents/n-1","Name":"n-1","Type":"Microsoft.SecurityInsights/Incidents","Etag":"e","Title":"t","Severity":"Low","Status":"Active",
			"CreatedTimeUtc":"/Date(1770125532236)/","LastModifiedTimeUtc":"2026-02-03T14:00:00Z","Number":7,"Url":"u","Label":{"LabelName":"l","LabelType":"User"},
			"OwnerAssignedTo":"Noor","OwnerUserPrincipalName":"noor@orchard.example","OwnerObjectId":null}`,
		`{"id":"/s/incidents/n-1","name":"n-1","etag":"e","title":"t","severity":"Low","status":"Active","createdTimeUtc":"2026-02-03T13:32:12.236416Z",
			"lastModifiedTimeUtc":"2026-02-03T14:00:00Z","incidentNumber":7,"incidentUrl":"u","labels":[{"labelName":"l"}],
			"owner":{"userPrincipalName":"noor@orchard.example","assignedTo":"Noor"}}`,
	} {
		got := *one(t, text).Incident
		assert.Contains(t, got.Extra, `"incidentNumber":7`)
		assert.Contains(t, got.Extra, `"etag":"e"`)
		assert.Equal(t, "13:32:12.236", got.Created.Format("15:04:05.000"))
		got.Extra, got.Created = "", at("2026-01-01T00:00:00Z")
		assert.Equal(t, incident.Draft{
			Reference: incident.Reference{System: "microsoftSentinel", ID: "n-1", URL: "u", Updated: at("2026-02-03T14:00:00Z")},
			Name:      "t", Severity: alert.Low, Status: incident.InProgress, Owner: incident.Owner{ID: "noor@orchard.example", Name: "Noor"},
			Tags: []incident.Tag{{Name: "l"}}, Created: at("2026-01-01T00:00:00Z"),
		}, got, text)
	}
}

// What ARM gives piece by piece is one incident when it is in one file.
func TestJoining(t *testing.T) {
	items, errs := decode(`{"value":[{"id":"/ws/Incidents/i-1/relations/r-1","type":"Microsoft.SecurityInsights/Incidents/relations","properties":{"relatedResourceId":"/WS/entities/a-1","relatedResourceKind":"SecurityAlert"}},
		{"id":"/ws/Incidents/i-1/relations/r-2","type":"Microsoft.SecurityInsights/Incidents/relations","properties":{"relatedResourceId":"/ws/Entities/u-1"}}]}
	{"id":"/ws/Incidents/i-1/comments/c-1","type":"Microsoft.SecurityInsights/Incidents/Comments","properties":{"message":"Seen.","createdTimeUtc":"2026-01-02T03:04:05Z","author":{"email":"noor@orchard.example"}}}
	{"id":"/ws/Incidents/i-1","name":"i-1","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"one"}}
	{"id":"/ws/Incidents/i-2","name":"i-2","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"two"}}
	{"value":[{"id":"/ws/Entities/a-1","name":"a-1","type":"Microsoft.SecurityInsights/Entities","kind":"SecurityAlert","properties":{"systemAlertId":"a-1","alertDisplayName":"t"}},
		{"id":"/ws/Entities/a-2","name":"a-2","type":"Microsoft.SecurityInsights/Entities","kind":"SecurityAlert","properties":{"systemAlertId":"a-2","alertDisplayName":"alone"}}]}
	{"id":"/ws/Entities/u-1","type":"Microsoft.SecurityInsights/Entities","kind":"Ip","properties":{"address":"192.0.2.1"}}
	{"id":"/ws/Entities/u-2","type":"Microsoft.SecurityInsights/Entities","kind":"Ip","properties":{"address":"192.0.2.2"}}
	{"id":"/ws/Incidents/i-9/tasks/t-1","type":"Microsoft.SecurityInsights/Incidents/tasks","properties":{"title":"call"}}`)
	require.Len(t, items, 3)
	first := items[0].Incident
	assert.Equal(t, "one", first.Name)
	assert.Equal(t, []incident.Comment{{By: "noor@orchard.example", Time: at("2026-01-02T03:04:05Z"), Text: "Seen."}}, first.Comments)
	require.Len(t, first.Alerts, 1)
	require.Len(t, first.Alerts[0].Evidence, 1)
	assert.Equal(t, alert.IP{Address: "192.0.2.1"}, first.Alerts[0].Evidence[0].Entity)
	assert.Empty(t, items[1].Incident.Alerts)
	assert.Equal(t, "alone", items[2].Alert.Title)
	require.Len(t, errs, 2)
	assert.EqualError(t, errs[0], "f.json: item 8: one of the entities of an incident alone: want the incident in the same file")
	assert.EqualError(t, errs[1], "f.json: item 9: one of the tasks of an incident alone: want the incident in the same file")
	for _, item := range items {
		roundTrip(t, item)
	}

	items, errs = decode(`{"id":"/ws/Incidents/i-1","name":"i-1","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"one","alerts":[
		{"kind":"SecurityAlert","properties":{"systemAlertId":"a"}},{"kind":"SecurityAlert","properties":{"systemAlertId":"b"}}]}}
		{"entities":[{"id":"/e/1","kind":"Host","type":"Microsoft.SecurityInsights/Entities","properties":{"hostName":"ws-1"}}],"metaData":[{"entityKind":"Host","count":1}]}`)
	require.Empty(t, errs)
	require.Len(t, items, 1)
	assert.Equal(t, alert.Device{HostName: "ws-1"}, items[0].Incident.Alerts[0].Evidence[0].Entity)
	assert.Contains(t, said(items[0].Notes), "relatedEntities 1: kept with the first alert, since nothing tells which alert names them")
	assert.Contains(t, said(items[0].Notes), "alerts[0].alertDisplayName : missing")
}

func TestMerged(t *testing.T) {
	redirected := `{"name":"n-1","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","status":"Closed","labels":[{"labelName":"Redirected","labelType":"AutoAssigned"}],"additionalData":{"mergedIncidentNumber":12`
	got := one(t, redirected+`,"mergedIncidentUrl":"https://portal.example/#asset/Incident/subscriptions/s/Incidents/n-12"}}}`)
	assert.Equal(t, incident.Redirected, got.Incident.Status)
	assert.Equal(t, incident.Reference{System: "microsoftSentinel", ID: "n-12"}, got.Incident.RedirectTo)

	got = one(t, redirected+`,"mergedIncidentUrl":"https://security.microsoft.com/incidents/4711/overview?tid=x"}}}`)
	assert.Equal(t, incident.Reference{System: "microsoftDefender", ID: "4711"}, got.Incident.RedirectTo)

	got = one(t, redirected+`}}}`)
	assert.Equal(t, incident.Reference{System: "microsoftSentinel", ID: "12"}, got.Incident.RedirectTo)
	assert.Len(t, got.Notes, 1)

	items, errs := decode(redirected + `}}}` + `{"name":"n-12","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","incidentNumber":12}}`)
	require.Empty(t, errs)
	assert.Equal(t, incident.Reference{System: "microsoftSentinel", ID: "n-12"}, items[0].Incident.RedirectTo, "the file tells its name")
	roundTrip(t, items[0])

	got = one(t, strings.Replace(redirected, "12", "null", 1)+`}}}`)
	assert.Equal(t, incident.Resolved, got.Incident.Status)
	assert.Equal(t, []string{"labels redirected: read as resolved, since the incident that it was merged into is not told"}, said(got.Notes))
}

func TestOrigin(t *testing.T) {
	endpoint := func(id string) alert.Origin { return alert.Origin{Source: "microsoftDefenderForEndpoint", ID: id} }
	for _, c := range []struct {
		properties string
		want       alert.Origin
		noted      bool
	}{
		{``, alert.Origin{Source: "microsoftSentinel", ID: "s-1"}, false},
		{`,"productName":"Azure Sentinel","providerAlertId":"x"`, alert.Origin{Source: "microsoftSentinel", ID: "s-1"}, false},
		{`,"productName":"Contoso Shield"`, alert.Origin{Source: "microsoftSentinel", ID: "s-1"}, false},
		{`,"ProviderName":"MDATP","AlertLink":"https://security.microsoft.com/alerts/da1_-2?tid=t"`, endpoint("da1_-2"), false},
		{`,"ProviderName":"MDATP","VendorOriginalId":"da1_-2"`, endpoint("da1_-2"), false},
		{`,"ProviderName":"MDATP","VendorOriginalId":"1_-2"`, endpoint("da1_-2"), true},
		{`,"ProviderName":"MDATP","AlertLink":"https://other.example/alerts/da1_-2","VendorOriginalId":"ed1"`, endpoint("ed1"), false},
		{`,"ProviderName":"MDATP"`, alert.Origin{Source: "microsoftSentinel", ID: "s-1"}, true},
		{`,"productName":"Office 365 Advanced Threat Protection","providerAlertId":"fa123456-0000-4000-8000-000000000001"`,
			alert.Origin{Source: "microsoftDefenderForOffice365", ID: "fafa123456-0000-4000-8000-000000000001"}, false},
		{`,"ProviderName":"IPC","VendorOriginalId":"aa"`, alert.Origin{Source: "azureAdIdentityProtection", ID: "adaa"}, false},
		{`,"productName":"Azure Security Center","VendorOriginalId":"2517_g"`, alert.Origin{Source: "microsoftDefenderForCloud", ID: "dc2517_g"}, false},
		{`,"productName":"Azure Sentinel","alertLink":"https://security.microsoft.com/alerts/sn0d1c"`, alert.Origin{Source: "microsoftSentinel", ID: "sn0d1c"}, false},
	} {
		got := alertWith(t, c.properties)
		assert.Equal(t, c.want, got.Alert.Origin, c.properties)
		assert.Equal(t, c.noted, len(got.Notes) > 0, c.properties)
	}
}

// Each product has letters of its own, and several names.
func TestProducts(t *testing.T) {
	for product, want := range map[string]alert.Origin{
		"Microsoft Defender for Endpoint":            {Source: "microsoftDefenderForEndpoint", ID: "da9_1"},
		"Microsoft Defender for Office 365":          {Source: "microsoftDefenderForOffice365", ID: "fa9_1"},
		"Azure Active Directory Identity Protection": {Source: "azureAdIdentityProtection", ID: "ad9_1"},
		"Microsoft Cloud App Security":               {Source: "microsoftDefenderForCloudApps", ID: "ca9_1"},
		"Azure Advanced Threat Protection":           {Source: "microsoftDefenderForIdentity", ID: "aa9_1"},
		"Microsoft 365 Defender":                     {Source: "microsoft365Defender", ID: "ra9_1"},
		"AzureSecurityCenter":                        {Source: "microsoftDefenderForCloud", ID: "dc9_1"},
		"Microsoft Data Loss Prevention":             {Source: "dataLossPrevention", ID: "dl9_1"},
		"Microsoft Application Governance":           {Source: "microsoftAppGovernance", ID: "ma9_1"},
		"Microsoft 365 Insider Risk Management":      {Source: "microsoftInsiderRiskManagement", ID: "ir9_1"},
	} {
		assert.Equal(t, want, alertWith(t, `,"productName":"`+product+`","providerAlertId":"9_1"`).Alert.Origin)
	}
}

// What Defender XDR says of an entity comes through Sentinel, too.
func TestEvidence(t *testing.T) {
	got := alertWith(t, `,"entities":[
		{"Type":"ip","Address":"192.0.2.1","LastVerdict":"Malicious","LastRemediationState":"Blocked","DetailedRoles":["Attacker"],"CreatedTimeUtc":"2026-01-02T03:04:05Z"},
		{"Type":"ip","Address":"192.0.2.2","LastVerdict":"Unknown","LastRemediationState":"None","DetailedRoles":"Victim"},
		{"Type":"ip","Address":"192.0.2.3","LastVerdict":"Odd","LastRemediationState":"Odd","DetailedRoles":["a",{"b":1}]}]`)
	first := got.Alert.Evidence[0]
	assert.Equal(t, alert.Evidence{Entity: alert.IP{Address: "192.0.2.1"}, Verdict: alert.Malicious, Remediation: alert.Blocked,
		DetailedRoles: []string{"Attacker"}, Created: at("2026-01-02T03:04:05Z")}, first)
	assert.Equal(t, []string{"Victim"}, got.Alert.Evidence[1].DetailedRoles)
	assert.Equal(t, []string{
		"entities[2].lastVerdict Odd: kept, and not understood", "entities[2].lastRemediationState Odd: kept, and not understood",
		`entities[2].detailedRoles ["a",{"b":1}]: kept as it came, since not all of it are texts`,
	}, said(got.Notes))
}

func TestAlertWords(t *testing.T) {
	a := alertWith(t, `,"status":"Dismissed","intent":"Probing, Exploitation","severity":"informational"`).Alert
	assert.Equal(t, alert.StatusResolved, a.Status)
	assert.Equal(t, classification.Verdict{Classification: classification.FalsePositive}, a.Verdict)
	assert.Equal(t, "Probing", a.Category)
	assert.Equal(t, alert.Informational, a.Severity)
	assert.Equal(t, "CommandAndControl", alertWith(t, `,"tactics":["Unknown","command_and_control"]`).Alert.Category)
	assert.Equal(t, "PreAttack", alertWith(t, `,"tactics":["PreAttack"],"intent":"Execution"`).Alert.Category)
	assert.Equal(t, "Do it.", alertWith(t, `,"remediationSteps":"Do it."`).Alert.RecommendedActions)
	got := alertWith(t, `,"status":"Waiting","startTimeUtc":"2026-01-02 03:04:05.123456789","endTimeUtc":"yesterday"`)
	assert.Equal(t, at("2026-01-02T03:04:05.123456Z"), got.Alert.FirstActivity)
	assert.True(t, got.Alert.LastActivity.IsZero())
	assert.Equal(t, []string{
		"startTimeUtc 2026-01-02 03:04:05.123456789: read as UTC, since it has no zone", "endTimeUtc yesterday: kept, and not understood",
		"status Waiting: kept, and not understood",
	}, said(got.Notes))
}

// entityOf reads an entity as it stands in a table.
func entityOf(t *testing.T, entity string) alert.Entity {
	t.Helper()
	text, err := json.Marshal("[" + entity + "]")
	require.NoError(t, err)
	a := one(t, `{"SystemAlertId":"s","AlertName":"t","Entities":`+string(text)+`}`).Alert
	require.NotEmpty(t, a.Evidence)
	return a.Evidence[0].Entity
}

func TestEntities(t *testing.T) {
	for text, want := range map[string]alert.Entity{
		// the naming before and after July 2026
		`{"Type":"account","Name":"kai@orchard.example","UPNSuffix":"orchard.example"}`:                                               alert.User{UPN: "kai@orchard.example", Account: "kai"},
		`{"Type":"account","Name":"kai","UPNSuffix":"orchard.example"}`:                                                               alert.User{UPN: "kai@orchard.example", Account: "kai"},
		`{"Type":"account","Name":"kai","AccountName":"kai","UPNSuffix":"orchard.example","UserPrincipalName":"kai@orchard.example"}`: alert.User{UPN: "kai@orchard.example", Account: "kai"},
		`{"Type":"account","Name":"CORP\\kai"}`:                                                                                       alert.User{Domain: "CORP", Account: "kai"},
		`{"Type":"account","Name":"kai","NTDomain":"CORP","DnsDomain":"corp.example","Sid":"S-1-5-21-1-2-3-4"}`:                       alert.User{Domain: "CORP", Account: "kai", SID: "S-1-5-21-1-2-3-4"},
		`{"Type":"account","Name":"kai","DnsDomain":"corp.example"}`:                                                                  alert.User{Domain: "corp.example", Account: "kai"},
		`{"Type":"host","HostName":"ws-1","DnsDomain":"corp.example","MdatpDeviceId":"d1","AadDeviceId":"d2","OSFamily":"Unknown","LastIpAddress":{"Address":"192.0.2.5","Type":"ip"}}`: alert.Device{
			DNSName: "ws-1.corp.example", HostName: "ws-1", DeviceID: "d1", DirectoryID: "d2", LastIP: "192.0.2.5"},
		`{"Type":"host","NetBiosName":"ws-1.corp.example"}`:                                                              alert.Device{DNSName: "ws-1.corp.example", HostName: "ws-1"},
		`{"Type":"host","HostName":"ws-1","DnsDomain":"WORKGROUP","IpInterfaces":[{"Address":"192.0.2.6","Type":"ip"}]}`: alert.Device{HostName: "ws-1", LastIP: "192.0.2.6"},
		`{"Type":"host","FQDN":"ws-1.corp.example"}`:                                                                     alert.Device{DNSName: "ws-1.corp.example", HostName: "ws-1"},
		`{"Type":"ip","Address":"192.0.2.1","Location":{"CountryCode":"NL","Asn":64500}}`:                                alert.IP{Address: "192.0.2.1", Country: "NL"},
		`{"Type":"url","Url":"http://a.example/"}`:                                                                       alert.URL{URL: "http://a.example/"},
		`{"Type":"filehash","Algorithm":"SHA1","Value":"ab01"}`:                                                          alert.File{SHA1: "ab01"},
		`{"Type":"file","Name":"a.exe","Directory":"C:\\T","SizeInBytes":"12","FileHashes":[{"Type":"filehash","Algorithm":"MD5","Value":"ab"}],"Host":{"Type":"host","MdatpDeviceId":"d1"}}`: alert.File{
			FileName: "a.exe", Path: `C:\T`, Size: 12, MD5: "ab", DeviceID: "d1"},
		`{"Type":"process","ProcessId":"0x10","ImageFile":{"Type":"file","Name":"a.exe"},"ParentProcess":{"Type":"process","ProcessId":7,"ImageFile":{"Type":"file","Name":"p.exe"}},"Account":{"Type":"account","Name":"kai","NTDomain":"CORP"}}`: alert.Process{
			PID: 16, Image: alert.File{FileName: "a.exe"}, ParentPID: 7, ParentImage: alert.File{FileName: "p.exe"}, User: alert.User{Account: "kai", Domain: "CORP"}},
		`{"Type":"registry-key","Hive":"HKEY_LOCAL_MACHINE","Key":"SOFTWARE\\X"}`: alert.Registry{Hive: "HKEY_LOCAL_MACHINE", Key: `SOFTWARE\X`},
		`{"Type":"registry-value","Name":"run","Value":"a.exe","ValueType":"String","Key":{"Type":"registry-key","Hive":"H","Key":"K"}}`: alert.Registry{
			Hive: "H", Key: "K", Value: "run", ValueType: "String", Data: "a.exe", IsValue: true},
		`{"Type":"mailbox","MailboxPrimaryAddress":"a@b.example","Upn":"u@b.example","DisplayName":"A"}`: alert.Mailbox{Address: "a@b.example", UPN: "u@b.example", DisplayName: "A"},
		`{"Type":"mailMessage","NetworkMessageId":"n","Recipient":"r@b.example","Sender":"s@b.example","ReceivedDate":"2026-01-02T03:04:05","DeliveryAction":"Blocked"}`: alert.Message{
			NetworkMessageID: "n", Recipient: "r@b.example", Sender: "s@b.example", Received: at("2026-01-02T03:04:05Z"), Delivery: "Blocked"},
		`{"Type":"mail-cluster","ClusterBy":"Subject","ClusterByValue":"x","MailCount":3,"Query":"q"}`: alert.MailCluster{By: "Subject", Value: "x", Count: 3, Query: "q"},
		`{"Type":"cloud-application","AppId":11161,"Name":"Office 365"}`:                               alert.App{AppID: 11161, DisplayName: "Office 365"},
		`{"Type":"azure-resource","ResourceId":"/subscriptions/s/vm"}`:                                 alert.CloudResource{Provider: alert.KindAzureResource, ID: "/subscriptions/s/vm"},
		`{"Type":"dns","DomainName":"c2.example"}`:                                                     alert.Other{Type: "dns", Label: "c2.example", Fields: `{"DomainName":"c2.example"}`},
		`{"Type":"cloud-logon-session","SessionId":"x"}`:                                               alert.Other{Type: "cloudLogonSession", Label: "x", Fields: `{"SessionId":"x"}`},
		`{"Address":"192.0.2.1"}`:                                                                      alert.IP{Address: "192.0.2.1"},
	} {
		assert.Equal(t, want, entityOf(t, text), text)
	}
}

// References lead forward, backward, into other entities and in rings.
func TestReferences(t *testing.T) {
	a := alertWith(t, `,"entities":[
		{"$id":"7","Type":"process","ProcessId":"1","Host":{"$ref":"9"},"ImageFile":{"$id":"8","Type":"file","Name":"a.exe","Host":{"$ref":"9"}},"ParentProcess":{"$ref":"7"}},
		{"$ref":"8"},
		{"$id":"9","Type":"host","HostName":"ws-1","MdatpDeviceId":"d1"},
		{"$id":"10","Type":"account","Name":"kai","Host":{"$ref":"404"}},
		{"$id":"11","Type":"malware","Name":"m","Files":[{"$id":"12","Type":"file","Name":"b.exe"},{"$ref":"8"}]},
		{"$ref":"11"}]`)
	var entities []alert.Entity
	for _, e := range a.Alert.Evidence {
		if o, ok := e.Entity.(alert.Other); ok {
			o.Fields = ""
			e.Entity = o
		}
		entities = append(entities, e.Entity)
	}
	file := alert.File{FileName: "a.exe", DeviceID: "d1"}
	assert.Equal(t, []alert.Entity{
		alert.Process{PID: 1, Image: file, DeviceID: "d1", ParentPID: 1, ParentImage: file},
		file, alert.Device{DeviceID: "d1", HostName: "ws-1"}, alert.User{Account: "kai"}, alert.Other{Type: "malware", Label: "m"},
		alert.Other{Type: "malware", Label: "m"}, alert.File{FileName: "b.exe"},
	}, entities)

	a = alertWith(t, `,"entities":[{"Type":"process","ProcessId":"1","ImageFile":{"$ref":"404"},"ParentProcess":{"$ref":"405"}},{"Type":"ip","Address":"192.0.2.1"}]`)
	assert.Equal(t, alert.Process{PID: 1}, a.Alert.Evidence[0].Entity)
	assert.Equal(t, []string{
		`entities[0].imageFile {"$ref":"404"}: left as it is, since what it refers to is not there`,
		`entities[0].parentProcess {"$ref":"405"}: left as it is, since what it refers to is not there`,
	}, said(a.Notes))

	// A host that stands inside an account alone is evidence, one that is there already is not.
	a = alertWith(t, `,"entities":[{"Type":"account","Name":"kai","Host":{"Type":"host","HostName":"ws-1"}},{"Type":"account","Name":"mia","Host":{"Type":"host","HostName":"WS-1"}}]`)
	require.Len(t, a.Alert.Evidence, 3)
	assert.Equal(t, alert.Device{HostName: "ws-1"}, a.Alert.Evidence[2].Entity)
}

func TestUnknownKinds(t *testing.T) {
	got := alertWith(t, `,"entities":[{"Type":"brand-new","X":"y"},{"Type":"malware","Name":"m"},{"X":"y"},{"Sid":"S-1-5-21-1-2-3-4"}]`)
	require.Len(t, got.Alert.Evidence, 4)
	assert.Equal(t, alert.Other{Type: "brandNew", Fields: `{"X":"y"}`}, got.Alert.Evidence[0].Entity)
	assert.Equal(t, alert.User{SID: "S-1-5-21-1-2-3-4"}, got.Alert.Evidence[3].Entity)
	assert.Equal(t, []string{
		"entities[0].kind brandNew: kept as it came, since no such kind is known", "entities[2].kind : missing; kept, and not understood",
		"entities[3].kind : missing, taken for Account by its members",
	}, said(got.Notes))
}

// An alert goes to the incident that is there, and not to the one that was merged into it.
func TestAlertsOfAMergedIncident(t *testing.T) {
	items, errs := decode(`{"IncidentName":"n-1","IncidentNumber":1,"ProviderName":"Azure Sentinel","Status":"Closed","AlertIds":["s"],"Labels":[{"labelName":"redirected"}],"AdditionalData":{"mergedIncidentNumber":2}}
		{"IncidentName":"n-2","IncidentNumber":2,"ProviderName":"Azure Sentinel","AlertIds":["s"]}
		{"SystemAlertId":"s","AlertName":"a","TimeGenerated":"2026-01-02T00:00:00Z","Status":"Resolved"}
		{"SystemAlertId":"s","AlertName":"a","TimeGenerated":"2026-01-01T00:00:00Z","Status":"New"}`)
	require.Empty(t, errs)
	require.Len(t, items, 2)
	assert.Empty(t, items[0].Incident.Alerts)
	assert.Equal(t, incident.Reference{System: "microsoftSentinel", ID: "n-2"}, items[0].Incident.RedirectTo)
	require.Len(t, items[1].Incident.Alerts, 1)
	assert.Equal(t, alert.StatusResolved, items[1].Incident.Alerts[0].Status, "the row that was written last")
	assert.Equal(t, []string{"alerts 1: older states of the same not taken"}, said(items[1].Notes))
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"error":{"code":"Conflict","message":"Newer version exists."}}`:                    `item 0: error: an answer that reports an error, "Conflict": "Newer version exists."`,
		`{"AlertId":"a","EntityType":"File","Title":"t"}`:                                    `item 0: want an incident or an alert of Microsoft Sentinel; this is a row of Defender XDR streaming`,
		`{"value":[{"id":"a","title":"t","@odata.type":"#microsoft.graph.security.alert"}]}`: `item 0: under "value": want an incident or an alert of Microsoft Sentinel; this is of Microsoft Graph, which package msgraph reads`,
		`{"id":"a","title":"t"}`: `item 0: want an incident or an alert of Microsoft Sentinel`,
		`{"id":"a","type":"incident","incident_number":7,"title":"t","status":"triggered"}`: `item 0: want an incident or an alert of Microsoft Sentinel`,
		`{"id":"/w/b","type":"Microsoft.SecurityInsights/Bookmarks","properties":{}}`:       `item 0: want an incident or an alert of Microsoft Sentinel; this is another resource of it, "Microsoft.SecurityInsights/Bookmarks"`,
		`7`: `item 0: want an object, an incident or an alert of Sentinel, not 7`,
		`{"kind":"SecurityAlert","type":"Microsoft.SecurityInsights/Entities","properties":{}}`:                                            `item 0: systemAlertId: missing, want a text`,
		`{"type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t"}}`:                                                       `item 0: name: missing, want a text`,
		`[{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","alerts":[5,{},{"name":"a"},{"name":"a"}]}}`: `item 0: alerts[0]: want an object, not 5`,
	} {
		_, errs := decode(text)
		require.NotEmpty(t, errs, text)
		assert.EqualError(t, errs[0], "f.json: "+want)
	}
	items, errs := decode(`{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","alerts":[{},{"name":"a"},{"name":"a"}]}} {`)
	require.Len(t, items, 1, "what is before the fault is imported")
	require.Len(t, errs, 3)
	assert.EqualError(t, errs[0], "f.json: item 0: alerts[0].systemAlertId: missing, want a text")
	assert.EqualError(t, errs[1], "f.json: item 0: alerts[2].systemAlertId: microsoftSentinel:a is the same as alerts[1], want another")
	assert.ErrorContains(t, errs[2], "unexpected EOF")
}

func TestWrappers(t *testing.T) {
	inside := `{"name":"i-1","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t"}}`
	quoted, err := json.Marshal(inside)
	require.NoError(t, err)
	for _, text := range []string{
		`{"event":{"original":` + string(quoted) + `}}`, `{"message":` + string(quoted) + `}`, `{"_raw":` + string(quoted) + `,"time":1}`,
		`{"headers":{},"body":{"objectSchemaType":"Incident","object":` + inside + `}}`, `{"records":[` + inside + `]}`, `[` + inside + `]`,
		`{"result":{"data":[` + inside + `]}}`,
	} {
		items, errs := decode(text)
		require.Empty(t, errs, text)
		require.Len(t, items, 1, text)
		assert.Equal(t, "i-1", items[0].Incident.Reference.ID)
	}
}

func TestComments(t *testing.T) {
	got := incidentWith(t, `,"comments":[
		{"name":"c-2","properties":{"message":"second","createdTimeUtc":"2026-01-02T03:05:00Z","author":{"name":"Noor"}}},
		{"name":"c-1","properties":{"message":"first","createdTimeUtc":"2026-01-02T03:04:00Z","author":{"email":"noor@orchard.example","name":"Noor"}}},
		{"message":"plain","createdTimeUtc":"2026-01-02T03:06:00Z","author":{"name":"Noor"}},
		{"name":"c-4","properties":{"message":"by nobody"}}]`)
	assert.Equal(t, []incident.Comment{
		{By: "noor@orchard.example", Time: at("2026-01-02T03:04:00Z"), Text: "first"}, {By: "Noor", Time: at("2026-01-02T03:05:00Z"), Text: "second"},
		{By: "Noor", Time: at("2026-01-02T03:06:00Z"), Text: "plain"},
	}, got.Incident.Comments)
	assert.Len(t, got.Notes, 1)
	assert.NotContains(t, got.Incident.Extra, "first", "a comment that is struck out must be gone")
	assert.Contains(t, got.Incident.Extra, "by nobody")
	text, err := EncodeIncident(stored(*got.Incident), got.Incident.Comments[1:], nil)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "c-1")
	assert.Contains(t, string(text), "c-2")
}

func update(t *testing.T, i incident.Incident) (etag string, properties map[string]any) {
	t.Helper()
	text, err := EncodeUpdate(i)
	require.NoError(t, err)
	var body struct {
		Etag       string         `json:"etag"`
		Properties map[string]any `json:"properties"`
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&body))
	return body.Etag, body.Properties
}

func TestEncodeUpdate(t *testing.T) {
	i := stored(*read(t, "arm.json")[0].Incident)
	owner := map[string]any{"objectId": "7d3b0c1e-1111-4222-8333-444455556666", "email": "noor@orchard.example", "assignedTo": "Noor Haddad", "userPrincipalName": "noor@orchard.example"}
	etag, got := update(t, i)
	assert.Equal(t, `"0300bf09-0000-0000-0000-000000000000"`, etag)
	want := map[string]any{
		"title": "Many failed logons, then one that worked", "description": "A password was guessed.", "severity": "High", "status": "Active", "owner": owner,
		"labels":               []any{map[string]any{"labelName": "payroll"}, map[string]any{"labelName": "Fusion"}},
		"firstActivityTimeUtc": "2026-05-04T07:01:00Z", "lastActivityTimeUtc": "2026-05-04T07:40:00Z",
	}
	assert.Equal(t, want, got)

	i.Owner = incident.Owner{ID: "mia@orchard.example"}
	_, got = update(t, i)
	assert.Equal(t, map[string]any{"userPrincipalName": "mia@orchard.example"}, got["owner"], "nothing of the owner before")
	i.Owner = incident.Owner{}
	_, got = update(t, i)
	assert.Equal(t, map[string]any{"objectId": nil, "email": nil, "assignedTo": nil, "userPrincipalName": nil}, got["owner"])

	i.Status, i.Note = incident.Resolved, "Done."
	for verdict, words := range map[classification.Verdict][2]any{
		{}: {"Undetermined", nil},
		{Classification: classification.TruePositive, Determination: classification.Malware}:                          {"TruePositive", "SuspiciousActivity"},
		{Classification: classification.InformationalExpectedActivity, Determination: classification.SecurityTesting}: {"BenignPositive", "SuspiciousButExpected"},
		{Classification: classification.FalsePositive, Determination: classification.NotMalicious}:                    {"FalsePositive", "IncorrectAlertLogic"},
		{Classification: classification.FalsePositive, Determination: classification.NotEnoughDataToValidate}:         {"FalsePositive", "InaccurateData"},
		{Classification: "abusiveContent"}: {"Undetermined", nil},
	} {
		i.Verdict = verdict
		_, got = update(t, i)
		assert.Equal(t, []any{"Closed", "Done.", words[0], words[1]}, []any{got["status"], got["classificationComment"], got["classification"], got["classificationReason"]})
	}

	i = incident.Incident{ID: "n-1", Name: "n", Status: incident.Redirected, RedirectTo: "microsoftSentinel:n-2"}
	etag, got = update(t, i)
	assert.Empty(t, etag)
	assert.Equal(t, []any{"Closed", "Informational", "Undetermined", []any{map[string]any{"labelName": "redirected"}}},
		[]any{got["status"], got["severity"], got["classification"], got["labels"]})
	text, err := EncodeIncident(i, nil, nil)
	require.NoError(t, err)
	back := one(t, string(text)).Incident
	assert.Equal(t, "n-2", back.RedirectTo.ID)
	assert.Equal(t, "n-1", back.Reference.ID)
}

// A caller may stop at any item.
func TestStop(t *testing.T) {
	text := `{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","alerts":[{}]}} 5 {"SystemAlertId":"s","AlertName":"a"}`
	for stop := range 4 {
		n := 0
		for range Decode(strings.NewReader(text), "f") {
			if n++; n > stop {
				break
			}
		}
		assert.Equal(t, stop+1, n)
	}
}
