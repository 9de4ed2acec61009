package msgraph

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A pair is an entity as Graph has it, and as a row of AlertEvidence does.
var pairs = []struct{ graph, row, more string }{
	{`{"@odata.type":"#microsoft.graph.security.processEvidence","processId":4711,"processCommandLine":"saw.exe -r","processCreationDateTime":"2031-05-06T07:00:00.12Z",
		"imageFile":{"fileName":"saw.exe","filePath":"C:\\Mill","sha1":"1a","sha256":"2b","md5":"3c","fileSize":900},"parentProcessId":4,
		"parentProcessCreationDateTime":"2031-05-06T06:00:00Z","parentProcessImageFile":{"fileName":"mill.exe","filePath":"C:\\Mill"},
		"userAccount":{"accountName":"mara","domainName":"MILL","userSid":"S-1-5-21-1-2-3-1105"},"mdeDeviceId":"m1","detectionStatus":"detected","verdict":"suspicious","remediationStatus":"active"}`,
		`"EntityType":"Process","FileName":"saw.exe","FolderPath":"C:\\Mill","SHA1":"1a","SHA256":"2b","FileSize":900,"ProcessCommandLine":"saw.exe -r"`,
		`{"ProcessId":"4711","CreationTimeUtc":"2031-05-06T07:00:00.12Z","ImageFile":{"$id":"2","FileHashes":[{"Algorithm":"MD5","Value":"3c"}],"Host":{"$ref":"3"}},"Host":{"$id":"3","MachineId":"m1"},
		"Account":{"Name":"mara","NTDomain":"MILL","Sid":"S-1-5-21-1-2-3-1105"},"ParentProcess":{"ProcessId":"4","CreationTimeUtc":"2031-05-06T06:00:00Z",
		"ImageFile":{"Name":"mill.exe","Directory":"C:\\Mill"}},"DetectionStatus":"Detected","LastVerdict":"Suspicious","LastRemediationState":"Active","Role":1}`},
	{`{"@odata.type":"#microsoft.graph.security.fileEvidence","fileDetails":{"fileName":"saw.doc","filePath":"D:\\","sha1":"1a","fileSize":12,"filePublisher":"Mill"},"mdeDeviceId":"m1",
		"detectionStatus":"blocked","verdict":"malicious","remediationStatus":"blocked"}`,
		`"EntityType":"File","FileName":"saw.doc","FolderPath":"D:\\","SHA1":"1a"`,
		`{"$id":"1","Directory":"D:\\","Name":"saw.doc","SizeInBytes":12,"Publisher":"Mill","Host":{"$ref":"4"},"Other":{"$id":"4","MachineId":"m1"},"DetectionStatus":"Blocked","LastVerdict":"Malicious","LastRemediationState":"Blocked"}`},
	{`{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"m1","deviceDnsName":"saw-1.mill.example","hostName":"saw-1","osPlatform":"Windows10","version":"10.0","lastIpAddress":"192.0.2.7","rbacGroupName":"Saws"}`,
		`"EntityType":"Machine","DeviceId":"m1","DeviceName":"saw-1.mill.example","MachineGroup":"Saws"`,
		`{"HostName":"saw-1","OSFamily":"Windows","OSVersion":"10.0","IpInterfaces":[{"Address":"192.0.2.7"}],"Metadata":{"MachineEnrichmentInfo":"{\"OsPlatform\":\"Windows10\"}"}}`},
	{`{"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":{"accountName":"mara","domainName":"MILL","userSid":"S-1-5-21-1-2-3-1105","azureAdUserId":"o-1","userPrincipalName":"mara@mill.example","displayName":"Mara"}}`,
		`"EntityType":"User","AccountName":"mara","AccountDomain":"MILL","AccountSid":"S-1-5-21-1-2-3-1105","AccountObjectId":"o-1"`, `{"UPNSuffix":"mill.example","DisplayName":"Mara"}`},
	{`{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"198.51.100.4","countryLetterCode":"NO"}`, `"EntityType":"Ip","RemoteIP":"198.51.100.4"`, `{"Location":{"CountryCode":"NO"}}`},
	{`{"@odata.type":"#microsoft.graph.security.urlEvidence","url":"http://mill.example/a"}`, `"EntityType":"Url","RemoteUrl":"uri=http://mill.example/a"`, `null`},
	{`{"@odata.type":"#microsoft.graph.security.analyzedMessageEvidence","networkMessageId":"n-1","internetMessageId":"<i@mill.example>","subject":"Wood","p2Sender":{"emailAddress":"x@far.example"},
		"p1Sender":{"emailAddress":"y@far.example"},"senderIp":"198.51.100.9","recipientEmailAddress":"mara@mill.example","deliveryAction":"Delivered","deliveryLocation":"Inbox","receivedDateTime":"2031-05-06T07:00:00Z"}`,
		`"EntityType":"MailMessage","NetworkMessageId":"n-1","EmailSubject":"Wood","AccountUpn":"mara@mill.example"`,
		`{"InternetMessageId":"<i@mill.example>","P2Sender":"x@far.example","P1Sender":"y@far.example","SenderIP":"198.51.100.9","DeliveryAction":"Delivered","DeliveryLocation":"Inbox","ReceivedDate":"2031-05-06T07:00:00Z"}`},
	{`{"@odata.type":"#microsoft.graph.security.mailClusterEvidence","clusterBy":"Subject","clusterByValue":"Wood","query":"q","emailCount":3}`, `"EntityType":"MailCluster"`,
		`{"ClusterBy":"Subject","ClusterByValue":"Wood","Query":"q","MailCount":3}`},
	{`{"@odata.type":"#microsoft.graph.security.mailboxEvidence","primaryAddress":"mara@mill.example","upn":"mara@mill.example","displayName":"Mara"}`,
		`"EntityType":"Mailbox","AccountUpn":"mara@mill.example"`, `{"MailboxPrimaryAddress":"mara@mill.example","DisplayName":"Mara"}`},
	{`{"@odata.type":"#microsoft.graph.security.cloudApplicationEvidence","appId":11161,"displayName":"Ledger"}`, `"EntityType":"CloudApplication","Application":"Ledger","ApplicationId":11161`, `""`},
	{`{"@odata.type":"#microsoft.graph.security.oauthApplicationEvidence","appId":"o-9","displayName":"Reader"}`, `"EntityType":"OAuthApplication","OAuthApplicationId":"o-9"`, `{"Name":"Reader"}`},
	{`{"@odata.type":"#microsoft.graph.security.registryValueEvidence","registryHive":"HKEY_LOCAL_MACHINE","registryKey":"Software\\Mill","registryValueName":"Run","registryValue":"saw"}`,
		`"EntityType":"RegistryValue","RegistryKey":"HKEY_LOCAL_MACHINE\\Software\\Mill","RegistryValueName":"Run","RegistryValueData":"saw"`, `null`},
	{`{"@odata.type":"#microsoft.graph.security.amazonResourceEvidence","amazonResourceId":"arn:x","amazonAccountId":"1111","resourceName":"b","resourceType":"bucket"}`,
		`"EntityType":"CloudResource","CloudPlatform":"Amazon Web Services","ResourceID":"arn:x","SubscriptionId":"1111","CloudResource":"b","ResourceType":"bucket"`, `null`},
	{`{"@odata.type":"#microsoft.graph.security.azureResourceEvidence","resourceId":"/subscriptions/s","resourceName":"b","resourceType":"vault"}`,
		`"EntityType":"CloudResource","CloudPlatform":"Azure","ResourceID":"/subscriptions/s","CloudResource":"b","ResourceType":"vault"`, `null`},
	{`{"@odata.type":"#microsoft.graph.security.googleCloudResourceEvidence","fullResourceName":"//g/x","projectId":"p","resourceName":"b","resourceType":"vm"}`,
		`"EntityType":"CloudResource","CloudPlatform":"Google Cloud Platform","ResourceID":"//g/x","SubscriptionId":"p","CloudResource":"b","ResourceType":"vm"`, `null`},
}

const infoColumns = `"Timestamp":"2031-05-06T07:08:09.1234567Z","AlertId":"da-9_1","Title":"Saw started by a letter","Category":"Execution","Severity":"Medium",
	"ServiceSource":"Microsoft Defender for Endpoint","DetectionSource":"EDR","AttackTechniques":"[\"Masquerading (T1036)\",\"Phishing (T1566.001)\",\"No number\"]"`

func evidenceColumns(pair int) string {
	return `"Timestamp":"2031-05-06T07:08:09.1234567Z","AlertId":"da-9_1","EvidenceRole":"Impacted",` + pairs[pair].row + `,"AdditionalFields":` + string(encode(pairs[pair].more))
}

// through wraps rows of a table as each way of getting them does.
var through = map[string]func(table string, rows []string) string{
	"event hub": func(table string, rows []string) string {
		var records []string
		for _, r := range rows {
			records = append(records, `{"time":"2031-05-06T07:10:00Z","tenantId":"t","operationName":"Publish","category":"AdvancedHunting-`+table+`","properties":{`+r+`},"Tenant":"DefaultTenant"}`)
		}
		return `{"records":[` + strings.Join(records, ",") + `]}`
	},
	"storage account": func(table string, rows []string) (text string) {
		for _, r := range rows {
			text += `{"category":"AdvancedHunting-` + table + `","time":"2031-05-06T07:10:00Z","properties":{` + strings.ReplaceAll(r, "\n", " ") + "}}\r\n"
		}
		return text
	},
	"hunting": func(_ string, rows []string) string {
		return `{"schema":[{"name":"AlertId","type":"String"}],"results":[{` + strings.Join(rows, "},{") + `}]}`
	},
	"hunting of the older API": func(_ string, rows []string) string {
		return `{"Stats":{},"Schema":[],"Results":[{` + strings.Join(rows, "},{") + `}]}`
	},
	"log analytics": func(table string, rows []string) (text string) {
		for _, r := range rows {
			text += `{"TenantId":"w","Type":"` + table + `","SourceSystem":"",` + strings.Replace(r, `"Timestamp"`, `"TimeGenerated"`, 1) + `}`
		}
		return text
	},
	"query of log analytics": func(_ string, rows []string) string {
		var columns []string
		var lines []string
		for _, r := range rows {
			var m map[string]json.RawMessage
			_ = json.Unmarshal([]byte("{"+r+"}"), &m)
			for name := range m {
				if !slices.Contains(columns, name) {
					columns = append(columns, name)
				}
			}
		}
		for _, r := range rows {
			var m map[string]any
			_ = json.Unmarshal([]byte("{"+r+"}"), &m)
			var line []any
			for _, name := range columns {
				line = append(line, m[name])
			}
			lines = append(lines, string(encode(line)))
		}
		var heads []map[string]string
		for _, name := range columns {
			heads = append(heads, map[string]string{"name": name, "type": "string"})
		}
		return `{"tables":[{"name":"PrimaryResult","columns":` + string(encode(heads)) + `,"rows":[` + strings.Join(lines, ",") + `]}]}`
	},
	"properties in a text": func(table string, rows []string) (text string) {
		for _, r := range rows {
			text += `{"category":"AdvancedHunting-` + table + `","properties":` + string(encode("{"+r+"}")) + `}`
		}
		return text
	},
	"text of a collector": func(table string, rows []string) (text string) {
		for _, r := range rows {
			text += string(encode(map[string]string{"message": `{"category":"AdvancedHunting-` + table + `","properties":{` + r + `}}`})) + "\n"
		}
		return text
	},
}

// The rows of an alert make the alert that Graph has, whichever way they came and in whatever order.
func TestRowsAreTheAlertOfGraph(t *testing.T) {
	var all, rows []string
	for n, pair := range pairs {
		all = append(all, pair.graph)
		rows = append(rows, evidenceColumns(n))
	}
	want := one2(t, `{"@odata.type":"#microsoft.graph.security.alert","id":"da-9_1","title":"Saw started by a letter","category":"Execution","severity":"medium",
		"serviceSource":"microsoftDefenderForEndpoint","productName":"Microsoft Defender for Endpoint","detectionSource":"microsoftDefenderForEndpoint",
		"mitreTechniques":["T1036","T1566.001"],"createdDateTime":"2031-05-06T07:08:09.1234567Z","firstActivityDateTime":"2031-05-06T07:08:09.1234567Z",
		"lastActivityDateTime":"2031-05-06T07:08:09.1234567Z","evidence":[`+strings.Join(all, ",")+`]}`)
	for name, wrap := range through {
		for _, text := range []string{
			wrap("AlertInfo", []string{infoColumns}) + "\n" + wrap("AlertEvidence", rows),
			wrap("AlertEvidence", rows) + "\n" + wrap("AlertInfo", []string{infoColumns}),
			wrap("AlertEvidence", rows[:3]) + "\n" + wrap("AlertInfo", []string{infoColumns}) + "\n" + wrap("AlertEvidence", rows[3:]) + wrap("AlertEvidence", rows[:1]),
		} {
			items, errs := decode(text)
			require.Empty(t, errs, name)
			require.Len(t, items, 1, name)
			assert.Zero(t, items[0].Index)
			got := *items[0].Alert
			roundTrip(t, items[0])
			require.Len(t, got.Evidence, len(want.Evidence), name)
			for _, e := range want.Evidence {
				at := slices.IndexFunc(got.Evidence, func(g alert.Evidence) bool { return g.Entity == e.Entity })
				if !assert.GreaterOrEqual(t, at, 0, "%s: %#v of %#v", name, e.Entity, entities(got)) {
					continue
				}
				g := got.Evidence[at]
				assert.Equal(t, [...]any{e.Verdict, e.Remediation}, [...]any{g.Verdict, g.Remediation}, name)
				assert.Equal(t, []string{"Impacted"}, g.DetailedRoles, name)
				assert.Equal(t, want.Created, g.Created, name)
			}
			got.Evidence, got.Extra, got.SourceUpdated = want.Evidence, want.Extra, want.SourceUpdated
			assert.Equal(t, want, got, name)
		}
	}
}

// Rows without one of AlertInfo are an alert too. Its title may be in them.
func TestRowsWithoutInfo(t *testing.T) {
	row := `{"AlertId":"da-9_1","EntityType":"Ip","RemoteIP":"198.51.100.4","Timestamp":"2031-05-06T07:08:09Z"`
	items, errs := decode(row + `,"Title":"Saw","Severity":"Low","ServiceSource":"Microsoft Defender XDR","Categories":"[\"Execution\",\"Impact\"]","DetectionSource":"Custom detection"}`)
	require.Empty(t, errs)
	a := *items[0].Alert
	assert.Equal(t, [...]string{"Saw", "Execution", "microsoft365Defender:da-9_1", "customDetection"}, [...]string{a.Title, a.Category, string(a.Origin.AlertID()), a.DetectionSource})
	assert.Equal(t, at("2031-05-06T07:08:09Z"), a.Created)
	assert.JSONEq(t, `{"Categories":"[\"Execution\",\"Impact\"]"}`, string(a.Extra))
	assert.Empty(t, items[0].Notes)
	roundTrip(t, items[0])

	items, errs = decode(row + `}`)
	require.Empty(t, errs)
	assert.Empty(t, items[0].Alert.Title, "the manager makes one, and a later report has it")
	assert.Equal(t, []string{"title=: missing, since no row of AlertInfo tells it"}, said(items[0].Notes))

	_, errs = decode(`{"category":"AdvancedHunting-AlertEvidence","properties":{"EntityType":"Ip","RemoteIP":"198.51.100.4"}}`)
	require.Len(t, errs, 1)
	assert.EqualError(t, errs[0], "f.json: item 0: AlertId: missing, want a text")
}

// A row that comes again counts in place of the first, and a note tells that.
func TestRowsThatComeAgain(t *testing.T) {
	record := func(time, state string) string {
		return `{"time":"` + time + `","category":"AdvancedHunting-AlertEvidence","properties":{"Timestamp":"2031-05-06T07:08:09Z","AlertId":"a","Title":"Saw","ServiceSource":"Microsoft Sentinel",
			"Severity":"Low","EntityType":"File","SHA1":"da39a3ee5e6b4b0d3255bfef95601890afd80709","EvidenceRole":"Related","AdditionalFields":"{\"LastRemediationState\":\"` + state + `\"}"}}`
	}
	items, errs := decode(record("2031-05-06T07:30:00Z", "Blocked") + record("2031-05-06T07:20:00Z", "Active"))
	require.Empty(t, errs)
	require.Len(t, items, 1)
	a := items[0].Alert
	require.Len(t, a.Evidence, 1)
	assert.Equal(t, alert.Blocked, a.Evidence[0].Remediation)
	assert.Equal(t, at("2031-05-06T07:08:09Z"), a.SourceUpdated, "not when it was sent")
	assert.Equal(t, []string{"evidence=: 1 pieces joined with others of the same entity, of which the last counts"}, said(items[0].Notes))
	roundTrip(t, items[0])
}

// What has no column here, what has no entity and what is broken is kept.
func TestOddRows(t *testing.T) {
	items, errs := decode(`{"AlertId":7,"Title":"Saw","Severity":"Grim","ServiceSource":"Steam Works","AttackTechniques":"","Timestamp":"2031-05-06 07:08:09.058183200","NewColumn":5,"DetectionSource":"Valve"}
		{"AlertId":"7","EntityType":"AIAgent","EvidenceRole":"Related","EvidenceDirection":"Source","Timestamp":"2031-05-06T07:08:09Z","AdditionalFields":"{\"AgentId\":\"g\"}"}
		{"AlertId":"7","EntityType":"Machine","EvidenceRole":"Related","AdditionalFields":"{broken","Timestamp":null}
		{"AlertId":"7","EntityType":"Ip","RemoteIP":"198.51.100.4","AccountName":"x","AdditionalFields":{"Address":"198.51.100.4"},"EvidenceRole":"Related","Timestamp":"soon"}`)
	require.Empty(t, errs)
	require.Len(t, items, 1)
	a := items[0].Alert
	assert.Equal(t, alert.Origin{Source: "steamWorks", ID: "7"}, a.Origin)
	assert.Equal(t, [...]string{"Steam Works", "Valve"}, [...]string{a.Product, a.DetectionSource})
	assert.Equal(t, at("2031-05-06T07:08:09.058183Z"), a.LastActivity)
	require.Len(t, a.Evidence, 2)
	agent := a.Evidence[1] // the other has no time, so that it counts as the first
	assert.Equal(t, alert.Kind("aiAgent"), agent.Entity.Kind())
	assert.Equal(t, []alert.Role{alert.Source}, agent.Roles)
	assert.Contains(t, a.Evidence[0].Extra, `"AccountName":"x"`)
	assert.Contains(t, a.Extra, "{broken")
	assert.Contains(t, a.Extra, `"NewColumn":5`)
	assert.Contains(t, a.Extra, `"severity":"Grim"`)
	lines := strings.Join(said(items[0].Notes), "\n")
	for _, want := range []string{"severity=Grim", "{broken", "createdDateTime=soon"} {
		assert.Contains(t, lines, want)
	}
	roundTrip(t, items[0])
}

// Rows are held as far as they fit. Then the alerts that began first are given, and say so.
func TestHeldRowsAreBounded(t *testing.T) {
	pad := strings.Repeat("x", 1<<20)
	var file []io.Reader
	const alerts = maxHeld>>20 + 10
	for n := range alerts {
		file = append(file, strings.NewReader(fmt.Sprintf(`{"AlertId":"a%d","EntityType":"Ip","RemoteIP":"198.51.100.4","Title":"t","Pad":"%s"}`, n, pad)))
	}
	file = append(file, strings.NewReader(`{"AlertId":"a0","EntityType":"Ip","RemoteIP":"198.51.100.5","Title":"t"}`))
	n, early := 0, 0
	var last *alert.Alert
	for item, err := range Decode(io.MultiReader(file...), "f.json") {
		require.NoError(t, err)
		n++
		if slices.ContainsFunc(item.Notes, func(n alert.Note) bool { return strings.HasPrefix(n.Said, "given before the end") }) {
			early++
		}
		last = item.Alert
	}
	assert.Equal(t, alerts+1, n)
	assert.Positive(t, early)
	assert.Less(t, early, alerts)
	assert.Equal(t, "a0", last.Origin.ID)

	var many strings.Builder
	for n := range alert.MaxEvidence + 5 {
		fmt.Fprintf(&many, `{"AlertId":"a","EntityType":"Ip","RemoteIP":"192.0.2.%d","EvidenceRole":"Related","Port":%d}`, n%250, n)
	}
	items, errs := decode(many.String())
	require.Empty(t, errs)
	require.Len(t, items, 1)
	assert.Contains(t, said(items[0].Notes), "=: 4 rows left out, since an alert has at most 10000")
	assert.Len(t, items[0].Alert.Evidence, 250)
}

// Rows in any order give the same alerts.
func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []string
		for n := range rapid.IntRange(1, 3).Draw(t, "alerts") {
			rows = append(rows, fmt.Sprintf(`{"AlertId":"a%d","Title":"t%d","Severity":"Low","ServiceSource":"Microsoft Sentinel","Timestamp":"2031-05-06T07:0%d:00Z"}`, n, n, n))
			for e := range rapid.IntRange(0, 4).Draw(t, "pieces") {
				rows = append(rows, fmt.Sprintf(`{"AlertId":"a%d","EntityType":"Ip","EvidenceRole":"Related","RemoteIP":"192.0.2.%d","Timestamp":"2031-05-06T07:%02d:00Z"}`, n, e, 10+e))
			}
		}
		read := func(rows []string) map[string]alert.Alert {
			items, errs := decode(strings.Join(rows, "\n"))
			require.Empty(t, errs)
			all := map[string]alert.Alert{}
			for _, item := range items {
				roundTrip(t, item)
				all[item.Alert.Origin.ID] = *item.Alert
			}
			require.Len(t, all, len(items))
			return all
		}
		require.Equal(t, read(rows), read(rapid.Permutation(rows).Draw(t, "order")))
	})
}

// What is read of rows and of rows joined by the manager one by one is the same alert.
func TestJoinedLikeRepeats(t *testing.T) {
	a, _ := one(t, `{"AlertId":"a","Title":"t","Severity":"Low","ServiceSource":"Microsoft Sentinel","Timestamp":"2031-05-06T07:00:00Z","EntityType":"Ip","RemoteIP":"192.0.2.1"}`)
	b, _ := one(t, `{"AlertId":"a","Title":"t","Severity":"Low","ServiceSource":"Microsoft Sentinel","Timestamp":"2031-05-06T07:00:00Z","EntityType":"Ip","RemoteIP":"192.0.2.2"}`)
	repeated, _ := incident.Repeat(incident.Command{}, a, b)
	repeated.Repeats = 0
	items, errs := decode(`{"AlertId":"a","Title":"t","Severity":"Low","ServiceSource":"Microsoft Sentinel","Timestamp":"2031-05-06T07:00:00Z","EntityType":"Ip","RemoteIP":"192.0.2.1"}
		{"AlertId":"a","Title":"t","Severity":"Low","ServiceSource":"Microsoft Sentinel","Timestamp":"2031-05-06T07:00:00Z","EntityType":"Ip","RemoteIP":"192.0.2.2"}`)
	require.Empty(t, errs)
	assert.Equal(t, repeated, *items[0].Alert)
}
