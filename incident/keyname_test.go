package incident_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Names of keys are in plain English, without namespaces, markers, and the device before a path.
func TestKeyName(t *testing.T) {
	for key, want := range map[alert.Key]string{
		"":                                      "",
		"host:ws-01":                            "device ws-01",
		"short-host:ws-01":                      "device ws-01",
		"netbios-host:a-very-long-nam":          "device a-very-long-nam",
		"device:8f3a":                           "device 8f3a",
		`account:corp\kai`:                      `account CORP\kai`,
		`account:corp.example\kai`:              `account corp.example\kai`,
		`account:\kai`:                          "account kai",
		`short-account:corp\kai`:                `account CORP\kai`,
		"upn:kai@corp.example":                  "account kai@corp.example",
		"mailbox:kai@corp.example":              "mailbox kai@corp.example",
		"sid:s-1-5-21-1-2-3-500":                "account S-1-5-21-1-2-3-500",
		"sha256:8963a1b2c3d4e5":                 "file hash 8963a1b2c3d4…",
		"md5:89":                                "file hash 89",
		`file:dev|c:\temp\a.exe`:                `file c:\temp\a.exe`,
		`file:|\a.exe`:                          "file a.exe",
		`registry:dev|hklm\software\run|evi`:    `registry key hklm\software\run\evi`,
		"process:dev|4711|2026-03-01T08:00:00Z": "process 4711",
		"process:":                              "process",
		"ip:203.0.113.7":                        "address 203.0.113.7",
		"ip:2001:db8::7":                        "address 2001:db8::7",
		"device-ip:10.0.0.7":                    "address 10.0.0.7",
		"url:https://evil.example/A":            "URL https://evil.example/A",
		"url-host:evil.example":                 "URL host evil.example",
		"message:4711|kai@corp.example":         "mail message 4711",
		"sender:eve@evil.example":               "mail sender eve@evil.example",
		"mail-cluster:subject|buy now":          "mail cluster buy now",
		"app:1|2":                               "application 1",
		"resource:/subscriptions/1/resourcegroups/g/virtualmachines/vm-1": "cloud resource vm-1",
		"resource:arn:aws:s3:::bucket":                                    "cloud resource arn:aws:s3:::bucket",
		"entity:kubernetespod|prod|web|api":                               "Kubernetes pod prod/web/api",
		"entity:kubernetesworkload|arn:aws:eks:eu:1:cluster/prod|web|api": "Kubernetes workload prod/web/api",
		"entity:kubernetesserviceaccount||web|deploy":                     "Kubernetes service account web/deploy",
		"entity:iotdevice|4711-a":                                         "IoT device 4711-a",
		"entity:somethingnew|4711-a":                                      "somethingnew 4711-a",
		"kubernetesPod-anonymous:8f3a":                                    "unnamed Kubernetes pod",
		"user-anonymous:8f3a":                                             "unnamed account",
		"sid:s-1-5-18":                                                    "account SYSTEM (S-1-5-18)",
		"entity:":                                                         "",
		"kind:edr|mimikatz | found":                                       "alert mimikatz | found",
		"device-anonymous:8f3a":                                           "unnamed device",
		"linking:host:ws-01":                                              "device ws-01",
		"alone:short-host:ws-01":                                          "device ws-01",
		"new-thing:4":                                                     "new-thing 4",
		"host:ws\n01\u202e\x1b[31m":                                       "device ws 01 [31m",
	} {
		assert.Equal(t, want, incident.KeyName(key), "%q", key)
	}
}

// Each kind of evidence that Microsoft Graph names has words of its own.
func TestEveryKindHasWords(t *testing.T) {
	for _, kind := range []string{
		"activeDirectoryDomain", "aiAgent", "blobContainer", "cloudLogonRequest", "cloudLogonSession",
		"containerImage", "containerRegistry", "dns", "fileHash", "gitHubOrganization", "gitHubRepo", "gitHubUser",
		"hostLogonSession", "ioTDevice", "kubernetesCluster", "kubernetesController", "kubernetesNamespace",
		"kubernetesPod", "kubernetesSecret", "kubernetesServiceAccount", "kubernetesService", "mailboxConfiguration",
		"networkConnection", "nic", "sasToken", "securityGroup", "servicePrincipal", "submissionMail", "teamsMessage",
	} {
		name := incident.KeyName(alert.Key("entity:" + strings.ToLower(kind) + "|4711-a"))
		assert.NotContains(t, name, strings.ToLower(kind)+" ", kind)
		assert.True(t, strings.HasSuffix(name, " 4711-a"), name)
	}
}

// Whatever is in a key, its name is one short line of characters that can be seen.
func TestKeyNamesAreShortLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		namespace := rapid.SampledFrom([]string{
			"", "host", "account", "md5", "file", "registry", "process", "message", "mail-cluster",
			"resource", "entity", "kind", "moving", "device-anonymous",
		}).Draw(t, "namespace")
		id := rapid.StringOfN(rapid.RuneFrom([]rune("aä|\\/:\n\u202e\x00.@"), unicode.L), 0, 200, -1).Draw(t, "id")
		name := incident.KeyName(alert.Key(namespace + ":" + id))
		require.True(t, utf8.ValidString(name))
		require.LessOrEqual(t, utf8.RuneCountInString(name), 161)
		require.False(t, strings.ContainsAny(name, "\n\u202e\x00"), "%q", name)
	})
}

// Each namespace that the alerts of a day have is named by a word of its own, and not by its name.
func TestEveryNamespaceHasAWord(t *testing.T) {
	words := []string{"device", "account", "mailbox", "file", "process", "registry"} // that are namespaces too
	for _, e := range []alert.Entity{
		alert.Device{DeviceID: "1", DirectoryID: "2", LastIP: "203.0.113.7"},
		alert.Device{DNSName: "a-very-long-name-of-a-host.corp.example"},
		alert.User{DirectoryID: "1", SID: "s-1-5-21-1-2-3-1000", UPN: "kai@corp.example"},
		alert.User{Account: "kai", Domain: "CORP"},
		alert.Mailbox{Address: "kai@corp.example"}, alert.IP{Address: "203.0.113.7"},
		alert.URL{URL: "https://evil.example/a"},
		alert.File{SHA256: sum(1), SHA1: sum(1)[:40], MD5: sum(1)[:32]},
		alert.File{FileName: "a.exe", Path: `c:\temp`, DeviceID: "1"},
		alert.Registry{Hive: "HKLM", Key: `Software\Run`},
		alert.Message{NetworkMessageID: "1", InternetMessageID: "<2@evil.example>"},
		alert.Message{Sender: "eve@evil.example", Recipient: "kai@corp.example"},
		alert.MailCluster{By: "subject", Value: "buy"}, alert.App{AppID: 1}, alert.App{DisplayName: "Teams"},
		alert.OAuthApp{AppID: "1", ObjectID: "2"}, alert.CloudResource{ID: "arn:aws:s3:::bucket"},
	} {
		for _, key := range alert.Keys(e) {
			word, _, _ := strings.Cut(incident.KeyName(key), " ")
			assert.True(t, word != key.Namespace() || slices.Contains(words, word), "%s", key)
		}
	}
}
