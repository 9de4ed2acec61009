package msgraph

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// one reads a text that holds one alert.
func one(t *testing.T, text string) (alert.Alert, []alert.Note) {
	t.Helper()
	items, errs := decode(text)
	require.Empty(t, errs)
	require.Len(t, items, 1)
	require.NotNil(t, items[0].Alert)
	roundTrip(t, items[0])
	return *items[0].Alert, items[0].Notes
}

// said returns what the notes say, a line each.
func said(notes []alert.Note) (lines []string) {
	for _, n := range notes {
		lines = append(lines, fmt.Sprintf("%s=%s: %s", n.Field, n.Value, n.Said))
	}
	return lines
}

func entities(a alert.Alert) (all []alert.Entity) {
	for _, e := range a.Evidence {
		all = append(all, e.Entity)
	}
	return all
}

// A time is read as these interfaces and the programs between write it, and never guessed.
func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		`"2031-05-06T07:08:09Z"`: "2031-05-06T07:08:09Z", `"2031-05-06T07:08:09.1234567Z"`: "2031-05-06T07:08:09.123456Z",
		`"2031-05-06T07:08:09.123456789Z"`: "2031-05-06T07:08:09.123456Z", `"2031-05-06T07:08:09.12+0200"`: "2031-05-06T05:08:09.12Z",
		`"2031-05-06T07:08:09+02:00"`: "2031-05-06T05:08:09Z", `"2031-05-06t07:08:09z"`: "2031-05-06T07:08:09Z", `"2031-05-06 07:08:09 UTC"`: "2031-05-06T07:08:09Z",
		`"2031-05-06T07:08:09-05"`: "2031-05-06T12:08:09Z", `"/Date(1936075689250)/"`: "2031-05-09T06:48:09.25Z", `"\/Date(1936075689000+0200)\/"`: "2031-05-09T06:48:09Z",
		`{"value":"2031-05-06T07:08:09Z","DateTime":"Tuesday"}`: "2031-05-06T07:08:09Z",
	} {
		a := alertOf(t, `,"createdDateTime":`+text)
		assert.Equal(t, at(want), a.Created, text)
	}
	for _, text := range []string{`"2031-05-06T07:08:09"`, `"2031-05-06 07:08:09.5000000"`} {
		a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","createdDateTime":`+text+`}`)
		assert.Equal(t, at("2031-05-06T07:08:09Z"), a.Created.Truncate(time.Second), text)
		require.Len(t, notes, 1)
		assert.Equal(t, "taken for UTC, since it tells no zone", notes[0].Said)
		assert.Equal(t, "alert microsoftDefender:a", notes[0].Record)
	}
	for _, text := range []string{`"0001-01-01T00:00:00"`, `"0001-01-01T00:00:00Z"`, `""`, `null`} {
		a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","createdDateTime":`+text+`}`)
		assert.Zero(t, a.Created, text)
		assert.Empty(t, a.Extra, text)
		assert.Empty(t, notes, text)
	}
	for _, text := range []string{`"5/6/2031 7:08 AM"`, `"soon"`, `"2031-05-06"`, `"2031-13-06T07:08:09Z"`, `5`, `true`, `["2031-05-06T07:08:09Z"]`, `"2031-05-06X07:08:09Z"`} {
		a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","createdDateTime":`+text+`}`)
		assert.Zero(t, a.Created, text)
		assert.JSONEq(t, `{"createdDateTime":`+text+`}`, string(a.Extra), text)
		require.Len(t, notes, 1, text)
		assert.Equal(t, [...]string{"createdDateTime", "kept as it came, since it is no time"}, [...]string{notes[0].Field, notes[0].Said}, text)
	}
}

// Words that stand where programs know none are none, and are written back.
func TestPlaceholders(t *testing.T) {
	for _, word := range []string{"Unassigned", "unassigned", "-", "N/A", "n/a", "None", "null", "NULL", "Not set", "unknown", " "} {
		d := incidentOf(t, `,"assignedTo":"`+word+`"`)
		assert.Zero(t, d.Owner, word)
		assert.Contains(t, d.Extra, word)
		a := alertOf(t, `,"assignedTo":"`+word+`","category":"`+word+`","detectionSource":"`+word+`","classification":"`+word+`","determination":"`+word+`"`)
		assert.Zero(t, a.Owner, word)
		assert.Empty(t, a.Category, word)
		assert.Empty(t, a.DetectionSource, word)
		assert.Zero(t, a.Verdict, word)
	}
	a := alertOf(t, `,"threatName":"Saw","threatDisplayName":"null","threatFamilyName":"None","actorDisplayName":"-"`)
	assert.Equal(t, [...]string{"Saw", "", ""}, [...]string{a.Threat, a.ThreatFamily, a.Actor})
	assert.Equal(t, "Automation", alertOf(t, `,"assignedTo":"Automation"`).Owner.ID)
	for words, want := range map[[2]string]classification.Verdict{
		{"Informational, expected activity", "SecurityTesting"}: {Classification: classification.InformationalExpectedActivity, Determination: classification.SecurityTesting},
		{"True positive", "Multi staged attack"}:                {Classification: classification.TruePositive, Determination: classification.MultiStagedAttack},
		{"Unknown", "NotAvailable"}:                             {},
	} {
		assert.Equal(t, want, alertOf(t, `,"classification":"`+words[0]+`","determination":"`+words[1]+`"`).Verdict, words)
	}
	assert.Equal(t, "Nona", incidentOf(t, `,"assignedTo":"Nona"`).Owner.ID)
}

// Names of members are read whoever spells them, and the parts that an SDK puts apart are one.
func TestSpellingsOfMembers(t *testing.T) {
	want := one2(t, `{"id":"p-1","title":"Pump spoke to a new host","serviceSource":"microsoftDefenderForEndpoint","createdDateTime":"2031-05-06T07:08:09Z",
		"lastUpdateDateTime":"2031-05-06T08:00:00Z","mitreTechniques":["T1105"],"evidence":[{"@odata.type":"#microsoft.graph.security.processEvidence",
		"processId":7,"processCommandLine":"pump -x","imageFile":{"fileName":"pump.exe","fileSize":9},"verdict":"suspicious"}]}`)
	for _, text := range []string{
		`{"Id":"p-1","Title":"Pump spoke to a new host","ServiceSource":"microsoftDefenderForEndpoint","CreatedDateTime":"2031-05-06T07:08:09Z",
			"LastUpdateDateTime":"2031-05-06T08:00:00Z","MitreTechniques":["T1105"],"AlertWebUrl":null,"AdditionalProperties":{},
			"Evidence":[{"Verdict":"suspicious","AdditionalProperties":{"@odata.type":"#microsoft.graph.security.processEvidence","processId":7,
			"processCommandLine":"pump -x","imageFile":{"fileName":"pump.exe","fileSize":9}}}]}`,
		`{"id":"p-1","title":"Pump spoke to a new host","service_source":"Microsoft Defender for Endpoint","created_date_time":"2031-05-06T07:08:09Z",
			"last_update_date_time":"2031-05-06T08:00:00Z","mitre_techniques":"T1105","evidence":[{"odata_type":"#microsoft.graph.security.processEvidence",
			"process_id":"7","process_command_line":"pump -x","image_file":{"file_name":"pump.exe","file_size":"9"},"verdict":"Suspicious"}]}`,
		`{"ID":"p-1","TITLE":"Pump spoke to a new host","SERVICESOURCE":"MicrosoftDefenderATP","CREATEDDATETIME":"2031-05-06T07:08:09Z",
			"LASTUPDATEDATETIME":"2031-05-06T08:00:00Z","MITRETECHNIQUES":["T1105"],"EVIDENCE":"[{\"@ODATA.TYPE\":\"microsoft.graph.security.ProcessEvidence\",\"PROCESSID\":7,\"PROCESSCOMMANDLINE\":\"pump -x\",\"IMAGEFILE\":{\"FILENAME\":\"pump.exe\",\"FILESIZE\":9},\"VERDICT\":\"suspicious\"}]"}`,
	} {
		got := one2(t, text)
		got.Extra, got.Evidence[0].Extra = "", "" // the odd words stay there
		assert.Equal(t, want, got)
	}
}

func one2(t *testing.T, text string) alert.Alert {
	t.Helper()
	a, _ := one(t, text)
	return a
}

// A piece of evidence whose type is spelled otherwise, or missing, is what its members say.
func TestEvidenceWithoutItsType(t *testing.T) {
	user := alert.User{Account: "mara", Domain: "MILL", UPN: "mara@mill.example"}
	for members, want := range map[string]alert.Entity{
		`"userAccount":{"accountName":"mara","domainName":"MILL","userPrincipalName":"mara@mill.example"}`: user,
		`"accountName":"mara","domainName":"MILL","userPrincipalName":"mara@mill.example"`:                 user,
		`"ipAddress":"198.51.100.4"`:                                       alert.IP{Address: "198.51.100.4"},
		`"url":"http://mill.example/a"`:                                    alert.URL{URL: "http://mill.example/a"},
		`"deviceDnsName":"saw-1.mill.example","mdeDeviceId":"m1"`:          alert.Device{DNSName: "saw-1.mill.example", DeviceID: "m1"},
		`"mdeDeviceId":"m1"`:                                               alert.Device{DeviceID: "m1"},
		`"fileDetails":{"fileName":"saw.exe"},"mdeDeviceId":"m1"`:          alert.File{FileName: "saw.exe", DeviceID: "m1"},
		`"fileName":"saw.exe","sha1":"aa"`:                                 alert.File{FileName: "saw.exe", SHA1: "aa"},
		`"processId":"12","imageFile":{"fileName":"saw.exe"}`:              alert.Process{PID: 12, Image: alert.File{FileName: "saw.exe"}},
		`"processCommandLine":"saw -r","fileName":"saw.exe"`:               alert.Process{CommandLine: "saw -r", Image: alert.File{FileName: "saw.exe"}},
		`"primaryAddress":"mara@mill.example"`:                             alert.Mailbox{Address: "mara@mill.example"},
		`"registryKey":"Software\\Mill","registryHive":"HKEY_USERS"`:       alert.Registry{Hive: "HKEY_USERS", Key: `Software\Mill`},
		`"registryKey":"Software\\Mill","registryValueName":"Run"`:         alert.Registry{Key: `Software\Mill`, Value: "Run", IsValue: true},
		`"networkMessageId":"n","p2Sender":{"emailAddress":"x@y.example"}`: alert.Message{NetworkMessageID: "n", Sender: "x@y.example"},
		`"clusterBy":"Subject","clusterByValue":"Hi"`:                      alert.MailCluster{By: "Subject", Value: "Hi"},
		`"appId":4,"instanceId":5`:                                         alert.App{AppID: 4, InstanceID: 5},
		`"appId":"x","publisher":"Mill"`:                                   alert.OAuthApp{AppID: "x", Publisher: "Mill"},
		`"resourceId":"/subscriptions/s"`:                                  alert.CloudResource{Provider: alert.KindAzureResource, ID: "/subscriptions/s"},
		`"amazonResourceId":"arn:x"`:                                       alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:x"},
		`"fullResourceName":"//x"`:                                         alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: "//x"},
	} {
		a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","evidence":[{`+members+`,"verdict":"malicious"}]}`)
		require.Len(t, a.Evidence, 1, members)
		assert.Equal(t, want, a.Evidence[0].Entity, members)
		assert.Equal(t, alert.Malicious, a.Evidence[0].Verdict, members)
		assert.Equal(t, []string{"evidence[0].@odata.type=: missing, taken for " + string(want.Kind())}, said(notes), members)
	}
	for _, key := range []string{"@odata.type", "odata_type", "odataType", "@odata_type", "at_sign_odata_type", "OdataType", "odata.type"} {
		for _, typ := range []string{"#microsoft.graph.security.ipEvidence", "microsoft.graph.security.IpEvidence", "ipEvidence", "MicrosoftGraphSecurityIPEvidence"} {
			a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","evidence":[{"`+key+`":"`+typ+`","ipAddress":"198.51.100.4"}]}`)
			assert.Equal(t, []alert.Entity{alert.IP{Address: "198.51.100.4"}}, entities(a), key+" "+typ)
			assert.Empty(t, notes)
		}
	}
	a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","evidence":[{"x":1},{"@odata.type":"#microsoft.graph.security.steamEngineEvidence","x":1}]}`)
	assert.Equal(t, []alert.Kind{"unknown", "steamEngine"}, []alert.Kind{a.Evidence[0].Entity.Kind(), a.Evidence[1].Entity.Kind()})
	assert.Equal(t, []string{"evidence[0].@odata.type=: kept with all its fields, since it tells no kind",
		"evidence[1].@odata.type=steamEngine: kept with all its fields, since its kind is not known"}, said(notes))
}

// What names nothing is no evidence, and is written back.
func TestUnnamedEvidence(t *testing.T) {
	for _, e := range []string{`{"entityType":"User","accountName":""}`, `{"entityType":"CloudApplication"}`, `{}`, `7`, `null`,
		`{"@odata.type":"#microsoft.graph.security.deviceEvidence","osPlatform":"Linux"}`, `{"entityType":"Ip","ipAddress":"-"}`,
		`{"entityType":"User","accountName":null,"domainName":"MILL"}`, `{"@odata.type":"#microsoft.graph.security.kubernetesPodEvidence"}`,
		`{"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":{"accountName":"N/A"}}`} {
		a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","evidence":[`+e+`,{"entityType":"Ip","ipAddress":"198.51.100.4"}]}`)
		assert.Len(t, a.Evidence, 1, e)
		assert.JSONEq(t, `{"evidence":[`+e+`]}`, string(a.Extra))
		require.Len(t, notes, 1, e)
		assert.Equal(t, "evidence[0]", notes[0].Field)
	}
}

// An object with an identifier and a title is not yet an alert of Microsoft's.
func TestForeignObjects(t *testing.T) {
	for text, product := range map[string]string{
		`{"id":"1","title":"t"}`: "", `{"id":"1","title":"t","severity":"High","description":"d"}`: "", `{"id":"1","displayName":"d"}`: "",
		`{"id":"1","displayName":"Mara","createdDateTime":"2031-05-06T07:08:09Z","userPrincipalName":"m"}`:                       "",
		`{"id":"1","title":"Order wood","createdDateTime":"2031-05-06T07:08:09Z","planId":"p"}`:                                  "",
		`{"id":"1","indicatorValue":"x","title":"t","severity":"High"}`:                                                          "an indicator of Defender for Endpoint",
		`{"schemaVersion":"2.0","id":"1","title":"t","resource":{},"service":{"serviceName":"guardduty"},"severity":5}`:          "a finding of AWS Security Hub or GuardDuty",
		`{"id":"1","type":"Microsoft.SecurityInsights/Incidents","name":"n","properties":{"title":"t","severity":"High"}}`:       "an incident or an alert of Microsoft Sentinel",
		`{"IncidentNumber":4,"IncidentName":"n","Title":"t","Status":"New","Severity":"Low"}`:                                    "an incident of Microsoft Sentinel",
		`{"SystemAlertId":"s","DisplayName":"d","AlertName":"a","Entities":"[]","Status":"New"}`:                                 "an alert of Microsoft Sentinel",
		`{"objectSchemaType":"Incident","object":{"properties":{"title":"t"}}}`:                                                  "the payload of a Microsoft Sentinel automation rule",
		`{"event_type":"alert","alert":{"signature_id":1}}`:                                                                      "an event of Suricata",
		`{"composite_id":"c","cid":"x","display_name":"d","status":"new","title":"t","id":"i"}`:                                  "a detection of CrowdStrike",
		`{"id":"1.2","rule":{"level":5},"agent":{"id":"1"},"manager":{"name":"m"}}`:                                              "an alert of Wazuh",
		`{"kibana.alert.uuid":"u","title":"t","id":"i"}`:                                                                         "an alert of Elastic Security",
		`{"event_id":"g@@notable@@h","rule_title":"t","urgency":"high"}`:                                                         "a notable event of Splunk",
		`{"class_uid":2004,"title":"t","id":"i"}`:                                                                                "an event of OCSF",
		`{"threatInfo":{},"agentRealtimeInfo":{},"id":"1"}`:                                                                      "a threat of SentinelOne",
		`{"Operation":"o","Workload":"w","Id":"1","CreationTime":"2031-05-06T07:08:09"}`:                                         "a record of the Office 365 management API",
		`{"envelope":{"class_uid":2004}}`:                                                                                        "an event of OCSF",
		`{"list":[{"IncidentNumber":4}]}`:                                                                                        "an incident of Microsoft Sentinel",
		`{"category":"AdvancedHunting-DeviceEvents","properties":{"DeviceId":"d"},"time":"2031-05-06T07:08:09Z","tenantId":"t"}`: "DeviceEvents",
	} {
		items, errs := decode(text)
		assert.Empty(t, items, text)
		require.Len(t, errs, 1, text)
		assert.ErrorContains(t, errs[0], "want a", text)
		assert.True(t, strings.HasSuffix(errs[0].Error(), product), "%s: %v", text, errs[0])
	}
	_, errs := decode(`{"envelope":{"class_uid":2004}}`)
	assert.EqualError(t, errs[0], "f.json: item 0: envelope: "+wantedShapes+"; this seems to be an event of OCSF")
}

// The answer of an API that is an error says what it says.
func TestErrorAnswers(t *testing.T) {
	for text, want := range map[string]string{
		`{"error":{"code":"Forbidden","message":"Missing roles","innerError":{"date":"2031-05-06T07:08:09"}}}`: "Forbidden: Missing roles",
		`{"error":{"code":"","message":"Try later"}}`:                                                          "Try later",
		`{"error":"invalid_client","error_description":"The secret is old."}`:                                  "invalid_client: The secret is old.",
		`{"odata.error":{"code":"Request_BadRequest","message":{"lang":"en","value":"No such filter"}}}`:       "Request_BadRequest: No such filter",
		`{"error":{"code":"x","message":"` + strings.Repeat("y", 600) + `"}}`:                                  "x: " + strings.Repeat("y", 497) + "…",
	} {
		items, errs := decode(text)
		assert.Empty(t, items)
		require.Len(t, errs, 1)
		assert.EqualError(t, errs[0], "f.json: item 0: the answer is an error: "+want)
	}
	items, errs := decode(`{"responses":[{"id":"1","status":403,"body":{"error":{"code":"Forbidden","message":"No"}}},
		{"id":"2","status":200,"body":{"value":[{"id":"a","title":"t","alertWebUrl":""}]}}]}`)
	assert.Len(t, items, 1)
	require.Len(t, errs, 1)
	assert.EqualError(t, errs[0], "f.json: item 0: responses[0].body: the answer is an error: Forbidden: No")
}

// Whatever a collector has put around an alert, it is found, and nothing of it gets into the alert.
func TestWrappers(t *testing.T) {
	plainAlert := `{"@odata.type":"#microsoft.graph.security.alert","id":"w-1","title":"t","serviceSource":"microsoftDefenderForEndpoint"}`
	want, _ := one(t, plainAlert)
	quoted := string(encode(plainAlert))
	for text, path := range map[string]string{
		`{"value":[` + plainAlert + `]}`: "", `{"value":` + plainAlert + `}`: "", `{"records":[` + plainAlert + `]}`: "", `{"results":[` + plainAlert + `]}`: "",
		`{"integration":"ms-graph","ms-graph":` + plainAlert + `}`:                                             "ms-graph",
		`{"id":"1.2","rule":{"id":"99506"},"agent":{"id":"1"},"data":{"ms-graph":` + plainAlert + `}}`:         "data.ms-graph",
		`{"hits":{"hits":[{"_id":"x","_source":{"data":{"ms-graph":` + plainAlert + `}}}]}}`:                   "hits.hits[0]._source.data.ms-graph",
		`{"event":{"original":` + quoted + `},"m365":{"alert":{"id":"w-1","title":"t","service_source":"x"}}}`: "event.original",
		`{"@timestamp":"2031-05-06T07:08:09Z","message":` + quoted + `}`:                                       "message",
		`{"id":"1.2","rule":{},"agent":{},"full_log":` + string(encode(`{"ms-graph":`+plainAlert+`}`)) + `}`:   "full_log.ms-graph",
		`{"result":{"_raw":` + quoted + `}}`:                                                                   "result._raw",
		`{"detail":` + plainAlert + `,"detail-type":"x"}`:                                                      "detail",
		`{"name":"one","log":` + plainAlert + `}`:                                                              "log",
		`[{"body":[` + plainAlert + `]}]`:                                                                      "body[0]",
	} {
		a, notes := one(t, text)
		assert.Equal(t, want, a, text)
		if path == "" {
			assert.Empty(t, notes, text)
			continue
		}
		assert.Equal(t, []string{path + "=: read from there; what stands around it is left out"}, said(notes), text)
	}
	items, errs := decode(`{"a":{"b":{"c":{"d":{"e":{"f":{"g":` + plainAlert + `}}}}}}}`)
	assert.Empty(t, items, "too far inside")
	assert.Len(t, errs, 1)
	_, errs = decode(`{"data":{"ms-graph":{"id":{"x":1},"title":"t","alertWebUrl":"u"}}}`)
	require.Len(t, errs, 1)
	assert.EqualError(t, errs[0], `f.json: item 0: data.ms-graph.id: want a text or a number, not {"x":1}`)
	items, errs = decode(`{"incidents":[{"id":"1","displayName":"d","customTags":[]}],"alerts":[` + plainAlert + `]}`)
	assert.Empty(t, errs)
	assert.Len(t, items, 2)
	items, errs = decode(`{"@odata.context":"https://graph.example/v1.0/$metadata#security/alerts_v2(id,title)","value":[{"id":"1","title":"t"}]}
		{"@odata.context":"https://graph.example/v1.0/$metadata#security/incidents/$entity","id":"1","displayName":"d"}`)
	assert.Empty(t, errs)
	require.Len(t, items, 2)
	assert.NotNil(t, items[0].Alert)
	assert.NotNil(t, items[1].Incident)
}

// The types of Graph's beta and of its older pages are those of today.
func TestTypes(t *testing.T) {
	for _, typ := range []string{"#microsoft.graph.security.alert", "#microsoft.graph.alert_v2", "microsoft.graph.security.alert", "#Microsoft.Graph.Security.Alert", "#microsoft.graph.alert"} {
		a, _ := one(t, `{"@odata.type":"`+typ+`","id":"a","title":"t"}`)
		assert.Equal(t, "a", a.Origin.ID, typ)
	}
	for _, typ := range []string{"#microsoft.graph.security.incident", "#microsoft.graph.incident"} {
		items, errs := decode(`{"@odata.type":"` + typ + `","id":"a","displayName":"t"}`)
		assert.Empty(t, errs)
		assert.NotNil(t, items[0].Incident, typ)
	}
}

// UTF-16, as Windows PowerShell writes files, and gzip are read like UTF-8.
func TestEncodings(t *testing.T) {
	text := `{"id":"a","title":"Zähler ΔΩ 😀","alertWebUrl":""}`
	want, _ := one(t, text)
	var little []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text + "\r\n")) {
		little = binary.LittleEndian.AppendUint16(little, unit)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(little[2:])
	require.NoError(t, z.Close())
	for _, file := range []string{string(little), zipped.String()} {
		a, _ := one(t, file)
		assert.Equal(t, want, a)
	}
}

// An alert is the same whichever interface it came from.
func TestOneAlertOfManyInterfaces(t *testing.T) {
	want := alert.ID("microsoftDefenderForEndpoint:da-5_1")
	for _, text := range []string{
		`{"@odata.type":"#microsoft.graph.security.alert","id":"da-5_1","title":"t","serviceSource":"microsoftDefenderForEndpoint"}`,
		`{"id":"da-5_1","title":"t","severity":"Low","alertCreationTime":"2031-05-06T07:08:09Z","machineId":"m"}`,
		`{"id":"da-5_1","title":"t","severity":"Low","alertCreationTime":"2031-05-06T07:08:09Z","serviceSource":"unknown"}`,
		`{"alertId":"da-5_1","title":"t","serviceSource":"MicrosoftDefenderATP","creationTime":"2031-05-06T07:08:09Z","incidentId":4}`,
		`{"id":"da-5_1","title":"t","vendorInformation":{"provider":"Microsoft Defender ATP","vendor":"Microsoft"},"status":"newAlert"}`,
		`{"AlertId":"da-5_1","Title":"t","Severity":"Low","ServiceSource":"Microsoft Defender for Endpoint","Timestamp":"2031-05-06T07:08:09Z"}`,
		`{"AlertId":"da-5_1","Title":"t","Severity":"Low","ServiceSource":"MicrosoftDefenderforEndpoint","TimeGenerated":"2031-05-06T07:08:09Z","EntityType":"Ip","RemoteIP":"198.51.100.4"}`,
	} {
		a, _ := one(t, text)
		assert.Equal(t, want, a.Origin.AlertID(), text)
	}
	a, notes := one(t, `{"id":"1","title":"t","alertCreationTime":"2031-05-06T07:08:09Z","serviceSource":"unknownFutureValue"}`)
	assert.Equal(t, endpoint, a.Origin.Source)
	assert.Len(t, notes, 2)
}

// Alerts in an incident that have one identifier are one when they say so, and else the others are errors.
func TestDuplicatesInAnIncident(t *testing.T) {
	incidentWith := func(alerts string) string {
		return `{"id":"9","displayName":"d","customTags":[],"alerts":[` + alerts + `]}`
	}
	items, errs := decode(incidentWith(`{"id":"x","title":"One","createdDateTime":"2031-05-06T07:08:09Z"},{"id":"x","title":"Two","createdDateTime":"2031-05-06T07:08:10Z"},{"id":"x","title":"One","createdDateTime":"2031-05-06T07:08:11Z"}`))
	require.Len(t, items, 1)
	assert.Len(t, items[0].Incident.Alerts, 1)
	require.Len(t, errs, 2)
	assert.EqualError(t, errs[0], "f.json: item 0: alerts[1].id: the same as that of alerts[0], which is another alert")
	assert.EqualError(t, errs[1], "f.json: item 0: alerts[2].id: the same as that of alerts[0], which is another alert")

	items, errs = decode(incidentWith(`{"id":"x","title":"One","evidence":[{"entityType":"Ip","ipAddress":"198.51.100.4"}]},{"id":"y","title":"Other"},
		{"id":"x","title":"One","evidence":[{"entityType":"Ip","ipAddress":"198.51.100.5"}],"comments":[{"comment":"c","createdBy":"m","createdTime":"2031-05-06T07:08:09Z"}]}`))
	require.Empty(t, errs)
	d := items[0].Incident
	require.Len(t, d.Alerts, 2)
	assert.Equal(t, []alert.Entity{alert.IP{Address: "198.51.100.4"}, alert.IP{Address: "198.51.100.5"}}, entities(d.Alerts[0]))
	assert.Equal(t, []incident.Comment{{By: "m", Time: at("2031-05-06T07:08:09Z"), Text: "c", Alert: "microsoftDefender:x"}}, d.Comments)
	assert.Equal(t, []string{"alerts[2].id=x: joined with alerts[0], which is the same"}, said(items[0].Notes))
	roundTrip(t, items[0])

	items, errs = decode(`[{"id":"x","title":"One","alertWebUrl":"","createdDateTime":"2031-05-06T07:08:09Z"},{"id":"x","title":"Two","alertWebUrl":"","createdDateTime":"2031-05-06T07:08:10Z"},
		{"id":"x","title":"One","alertWebUrl":"","createdDateTime":"2031-05-06T07:08:09Z"}]`)
	require.Empty(t, errs)
	require.Len(t, items, 3)
	assert.Empty(t, items[0].Notes)
	assert.Equal(t, []string{"id=x: the same as that of item 0, which has another title and time: they will be taken for one alert"}, said(items[1].Notes))
	assert.Equal(t, []string{"id=x: the same as that of item 0"}, said(items[2].Notes))
}

// Comments of an alert are comments of its incident about the alert. Where the incident is not known they stay.
func TestCommentsOfAlerts(t *testing.T) {
	comment := `{"@odata.type":"microsoft.graph.security.alertComment","comment":"It was the miller","createdByDisplayName":"Mara","createdDateTime":"2031-05-06T07:08:09Z","x":1}`
	items, errs := decode(`{"id":"9","displayName":"d","customTags":[],"alerts":[{"id":"a","title":"t","comments":[` + comment + `,"text"]},{"id":"b","title":"u"}],
		"comments":[{"comment":"Later","createdBy":"Bo","createdTime":"2031-05-06T08:00:00Z"},{"comment":"Sooner","createdBy":"Bo","createdTime":"2031-05-06T06:00:00Z"}]}`)
	require.Empty(t, errs)
	assert.Equal(t, []incident.Comment{
		{By: "Bo", Time: at("2031-05-06T06:00:00Z"), Text: "Sooner"},
		{By: "Mara", Time: at("2031-05-06T07:08:09Z"), Text: "It was the miller", Alert: "microsoftDefender:a"},
		{By: "Bo", Time: at("2031-05-06T08:00:00Z"), Text: "Later"},
	}, items[0].Incident.Comments)
	assert.NotContains(t, items[0].Incident.Alerts[0].Extra, "miller")
	assert.Equal(t, []string{"alerts[0].comments[1]=text: kept as it came, since it is no object"}, said(items[0].Notes))
	roundTrip(t, items[0])

	a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","comments":[`+comment+`]}`)
	assert.Contains(t, a.Extra, "miller")
	require.Len(t, notes, 1)
	assert.Equal(t, "comments", notes[0].Field)
	text, err := EncodeIncident(incident.Incident{ID: "9", Name: "n"}, nil, []alert.Alert{a})
	require.NoError(t, err)
	assert.Contains(t, string(text), "miller", "a comment that was never taken stays")
	text, err = EncodeIncident(incident.Incident{ID: "9", Name: "n"}, nil, items[0].Incident.Alerts)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "Mara", "one that was taken and is gone is gone")
}

// Custom details are for people to read, below the description, and are written where they were.
func TestCustomDetails(t *testing.T) {
	a := alertOf(t, `,"description":"A saw ran.","customDetails":{"Ticket":["T-55","T-56"],"Shift":"night","Odd":{"x":1},"Listed":"[\"a\",\"b\"]"}`)
	assert.Equal(t, "A saw ran.\n\nCustom details:\nListed: a, b\nShift: night\nTicket: T-55, T-56", a.Description)
	text, err := EncodeAlert(a)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"description":"A saw ran."`)
	assert.Equal(t, "Custom details:\nTicket: T-55", alertOf(t, `,"customDetails":{"Ticket":"T-55"}`).Description)
	assert.Empty(t, alertOf(t, `,"customDetails":{}`).Description)
	assert.Empty(t, alertOf(t, `,"customDetails":"none"`).Description)
}

// An alert of Graph's first alerts API.
func TestRetiredAlert(t *testing.T) {
	a, notes := one(t, `{"@odata.context":"https://graph.example/v1.0/$metadata#Security/alerts","value":[{"id":"r-1","azureTenantId":"t","activityGroupName":"MILLWHEEL",
		"assignedTo":"mara@mill.example","category":"MalwareDownload","closedDateTime":"2031-05-06T11:00:00Z","comments":["told the miller"],"createdDateTime":"2031-05-06T07:08:09Z",
		"eventDateTime":"2031-05-06T07:00:00Z","lastEventDateTime":"2031-05-06T07:01:00Z","lastModifiedDateTime":"2031-05-06T11:00:01Z","recommendedActions":["Look","Ask"],
		"feedback":"truePositive","severity":"medium","sourceMaterials":["https://portal.example/r-1","other"],"status":"dismissed","title":"Download of a saw",
		"vendorInformation":{"provider":"Microsoft Defender ATP","vendor":"Microsoft"},
		"fileStates":[{"name":"saw.exe","path":"c:\\mill","fileHash":{"hashType":"sha256","hashValue":"ab12"},"riskScore":"7"}],
		"hostStates":[{"fqdn":"saw-1.mill.example","netBiosName":"saw-1","os":"Windows","privateIpAddress":"192.0.2.7","isHybridAzureDomainJoined":true}],
		"networkConnections":[{"destinationAddress":"198.51.100.8","destinationPort":"443","destinationUrl":"http://mill.example/x","sourceAddress":"192.0.2.7"},{"protocol":"tcp"}],
		"processes":[{"name":"saw.exe","processId":77,"commandLine":"saw.exe -x","parentProcessId":4,"parentProcessName":"mill.exe","accountName":"mara"}],
		"registryKeyStates":[{"hive":"currentUser","key":"Software\\Mill","valueName":"Run","valueData":"saw"}],
		"userStates":[{"accountName":"mara","domainName":"MILL","userPrincipalName":"mara@mill.example","logonIp":"192.0.2.9"}]}]}`)
	assert.Equal(t, []alert.Entity{
		alert.Device{DNSName: "saw-1.mill.example", HostName: "saw-1", OS: "Windows", LastIP: "192.0.2.7"},
		alert.User{Account: "mara", Domain: "MILL", UPN: "mara@mill.example"},
		alert.File{FileName: "saw.exe", Path: `c:\mill`, SHA256: "ab12"},
		alert.Process{PID: 77, CommandLine: "saw.exe -x", Image: alert.File{FileName: "saw.exe"}, ParentPID: 4, ParentImage: alert.File{FileName: "mill.exe"}, User: alert.User{Account: "mara"}},
		alert.Registry{Hive: "currentUser", Key: `Software\Mill`, Value: "Run", Data: "saw", IsValue: true},
		alert.IP{Address: "192.0.2.7"}, alert.URL{URL: "http://mill.example/x"}, alert.IP{Address: "198.51.100.8"},
	}, entities(a))
	assert.Equal(t, alert.Fields(`{"destinationPort":"443"}`), a.Evidence[7].Extra)
	assert.Equal(t, []alert.Role{alert.Destination}, a.Evidence[7].Roles)
	assert.Equal(t, alert.Origin{Source: endpoint, ID: "r-1"}, a.Origin)
	assert.Equal(t, alert.StatusResolved, a.Status)
	assert.Equal(t, classification.Verdict{Classification: classification.TruePositive}, a.Verdict)
	assert.Equal(t, [...]time.Time{at("2031-05-06T07:00:00Z"), at("2031-05-06T07:01:00Z"), at("2031-05-06T07:08:09Z"), at("2031-05-06T11:00:01Z"), at("2031-05-06T11:00:00Z")},
		[...]time.Time{a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated, a.Resolved})
	assert.Equal(t, [...]string{"Look\nAsk", "https://portal.example/r-1", "MILLWHEEL"}, [...]string{a.RecommendedActions, a.URL, a.Actor})
	assert.JSONEq(t, `{"azureTenantId":"t","comments":["told the miller"],"sourceMaterials":["other"],"status":"dismissed","vendorInformation":{"provider":"Microsoft Defender ATP","vendor":"Microsoft"},
		"evidence":[{"@odata.type":"#microsoft.graph.security.ipEvidence","protocol":"tcp","roles":["destination"]}]}`, string(a.Extra))
	assert.Len(t, notes, 3, "%v", said(notes))
}

// Rows that have a piece of evidence each are one alert, in any order and among others.
func TestRowsOfEvidence(t *testing.T) {
	row := func(id, evidence string) string {
		return `{"id":"` + id + `","title":"Saw","severity":"Medium","status":"New","alertCreationTime":"2031-05-06T07:08:09Z","lastUpdateTime":"2031-05-06T08:00:00Z",
			"machineId":"m1","computerDnsName":"saw-1","evidence":` + evidence + `}`
	}
	items, errs := decode(row("a", `{"entityType":"User","accountName":"mara","domainName":"MILL","userSid":"S-1-5-21-1-2-3-500"}`) +
		row("b", `{"entityType":"Ip","ipAddress":"198.51.100.9"}`) + row("c", `[]`) +
		row("a", `{"entityType":"Ip","ipAddress":"198.51.100.4"}`) + row("a", `{"entityType":"Process","fileName":"saw.exe","processId":4}`) +
		row("a", `{"entityType":"Ip","ipAddress":"198.51.100.4"}`))
	require.Empty(t, errs)
	require.Len(t, items, 3)
	assert.Equal(t, []int{2, 0, 1}, []int{items[0].Index, items[1].Index, items[2].Index}, "rows come last")
	a := *items[1].Alert
	assert.ElementsMatch(t, []alert.Entity{
		alert.Device{DeviceID: "m1", DNSName: "saw-1"}, alert.User{Account: "mara", Domain: "MILL", SID: "S-1-5-21-1-2-3-500"},
		alert.IP{Address: "198.51.100.4"}, alert.Process{PID: 4, Image: alert.File{FileName: "saw.exe"}},
	}, entities(a))
	assert.Zero(t, a.Repeats)
	assert.Empty(t, items[1].Notes)
	for _, item := range items {
		roundTrip(t, item)
	}

	// In incidents: the alerts of each, and the entities of those, as single objects.
	line := func(alertID, entity, updated string) string {
		return `{"incidentId":12,"incidentName":"Mill","status":"Active","severity":"Low","lastUpdateTime":"` + updated + `","tags":["` + alertID + `"],
			"alerts":{"alertId":"` + alertID + `","title":"` + alertID + `","serviceSource":"MicrosoftDefenderATP","entities":` + entity + `}}`
	}
	items, errs = decode(line("x", `{"entityType":"Ip","ipAddress":"198.51.100.4"}`, "2031-05-06T08:00:00Z") +
		line("y", `{"entityType":"Url","url":"http://mill.example"}`, "2031-05-06T08:00:00Z") + line("x", `{"entityType":"Ip","ipAddress":"198.51.100.5"}`, "2031-05-06T07:00:00Z"))
	require.Empty(t, errs)
	require.Len(t, items, 1)
	d := items[0].Incident
	assert.Equal(t, at("2031-05-06T08:00:00Z"), d.Reference.Updated)
	require.Len(t, d.Alerts, 2)
	assert.Equal(t, []alert.Entity{alert.IP{Address: "198.51.100.5"}, alert.IP{Address: "198.51.100.4"}}, entities(d.Alerts[0]))
	assert.Equal(t, []alert.Entity{alert.URL{URL: "http://mill.example"}}, entities(d.Alerts[1]))
	assert.Equal(t, []incident.Tag{{Name: "x"}, {Name: "y"}}, d.Tags)
	roundTrip(t, items[0])
}

// What one row says and a later one otherwise is noted.
func TestRowsThatDisagree(t *testing.T) {
	row := func(severity, at, x string) string {
		return `{"id":"a","title":"Saw","severity":"` + severity + `","alertCreationTime":"2031-05-06T07:08:09Z","lastUpdateTime":"` + at + `","classification":"odd` + x + `","x":` + x + `,"evidence":{}}`
	}
	items, errs := decode(row("High", "2031-05-06T09:00:00Z", "2") + row("Low", "2031-05-06T08:00:00Z", "1"))
	require.Empty(t, errs)
	require.Len(t, items, 1)
	assert.Equal(t, alert.High, items[0].Alert.Severity)
	assert.Contains(t, items[0].Alert.Extra, `"x":2`)
	lines := strings.Join(said(items[0].Notes), "\n")
	for _, want := range []string{"severity=low: not kept, since a later", "x=1: not kept, since a later", "classification=odd1: not kept"} {
		assert.Contains(t, lines, want)
	}
	roundTrip(t, items[0])
}

// Notes name the record, the field inside the item, and what stands there; there are no more than some.
func TestNotes(t *testing.T) {
	items, errs := decode(`{"id":"9","displayName":"d","customTags":[],"severity":"grim","assignedTo":5,"alerts":[{"id":"a","title":"t","serviceSource":"microsoftSentinel","status":"asleep",
		"evidence":[{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"198.51.100.4","verdict":"guilty","roles":["attacker","miller"],"countryLetterCode":["x"]}]}]}`)
	require.Empty(t, errs)
	assert.Equal(t, []alert.Note{
		{Record: "incident microsoftDefender:9", Field: "assignedTo", Value: "5", Said: "kept as it came, since it is not understood"},
		{Record: "incident microsoftDefender:9", Field: "severity", Value: "grim", Said: "kept as it came, since it is not understood"},
		{Record: "alert microsoftSentinel:a", Field: "alerts[0].evidence[0].verdict", Value: "guilty", Said: "kept, though it is none of the words known here"},
		{Record: "alert microsoftSentinel:a", Field: "alerts[0].evidence[0].roles[1]", Value: "miller", Said: "kept, though it is none of the words known here"},
		{Record: "alert microsoftSentinel:a", Field: "alerts[0].evidence[0].countryLetterCode", Value: `["x"]`, Said: "kept as it came, since it is no text"},
		{Record: "alert microsoftSentinel:a", Field: "alerts[0].status", Value: "asleep", Said: "kept as it came, since it is not understood"},
	}, items[0].Notes)
	roundTrip(t, items[0])

	items, errs = decode(`{"id":"a","title":"t","alertWebUrl":"","evidence":[` + strings.Repeat(`{},`, 300) + `{}]}`)
	require.Empty(t, errs)
	require.Len(t, items[0].Notes, maxNotes+1)
	assert.Equal(t, "201 more notes are left out", items[0].Notes[maxNotes].Said)
	_, errs = decode(`{"id":"9","displayName":"d","customTags":[],"alerts":[` + strings.Repeat(`{},`, 300) + `{}]}`)
	require.Len(t, errs, maxNotes+1)
	assert.EqualError(t, errs[maxNotes], "f.json: item 0: alerts: 201 more alerts could not be taken")
}

// A small file does not become a large alert.
func TestMemoryIsBounded(t *testing.T) {
	before := peak(t, func() {})
	for _, text := range []string{
		`{"id":"a","title":"t","alertWebUrl":"","evidence":[` + strings.Repeat(`{},`, 999_999) + `{}]}`,
		`{"id":"a","title":"t","alertWebUrl":"","entities":[` + strings.Repeat(`{},`, 999_999) + `{}]}`,
		`{"id":"9","displayName":"d","customTags":[],"alerts":[` + strings.Repeat(`{},`, 999_999) + `{}]}`,
		`{"id":"9","displayName":"d","customTags":[],"comments":[` + strings.Repeat(`{},`, 999_999) + `{}]}`,
		`{"id":"9","displayName":"d","customTags":[` + strings.Repeat(`"",`, 999_999) + `""]}`,
	} {
		var items []incident.Decoded
		used := peak(t, func() { items, _ = decode(text) })
		require.Len(t, items, 1, "%.60s", text)
		assert.Less(t, used-min(before, used), uint64(50<<20), "%.60s", text)
	}
	many := `{"entityType":"Ip","ipAddress":"198.51.100.4"},`
	a, notes := one(t, `{"id":"a","title":"t","alertWebUrl":"","entities":[`+strings.Repeat(many, 6_000)+many[:len(many)-1]+`],"evidence":[`+strings.Repeat(many, 6_000)+many[:len(many)-1]+`]}`)
	assert.Len(t, a.Evidence, alert.MaxEvidence)
	assert.Equal(t, []string{"evidence=: 2002 pieces left out, since an alert has at most 10000"}, said(notes))
}

// peak returns by how many bytes the heap grew at most while f ran, as the collector saw it.
func peak(t testing.TB, f func()) uint64 {
	t.Helper()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	begin, most := m.HeapAlloc, uint64(0)
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most - min(begin, most)
}
