package incidenttest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/alert"
	kit "github.com/incidentkit/incidentkit/incident/incidenttest"
)

func TestAlert(t *testing.T) {
	got := kit.Alert(
		"Mimikatz",
		alert.High,
		kit.Lasting(time.Minute),
		kit.At(5*time.Minute),
		kit.Judged(kit.Device("ws-17"), alert.Suspicious, alert.Attacked),
		kit.Device("ws-17.corp.example"),
		kit.User("kai"),
		kit.User(`LAB\lee`),
		kit.User("kai@corp.example"),
		kit.User("S-1-5-21-1-2-3-1104"),
		kit.IP("192.0.2.1", "2001:db8::1"),
		kit.File(`C:\Temp\x.exe`, "0123456789abcdef0123456789abcdef"),
		kit.File("/opt/x", "0123456789abcdef0123456789abcdef01234567"),
		kit.File("x", ""),
		kit.Process("/bin/sh", "sh -c id"),
		kit.Mailbox("kai@corp.example"),
		kit.Mail("a@evil.example", "kai@corp.example", "Your invoice"),
		kit.URL("https://evil.example/a"),
		kit.Resource("arn:aws:s3:::b"),
		kit.Resource("//storage.example/b"),
		kit.Resource("/subscriptions/1"),
		kit.Technique(
			"T1003.001",
		),
		kit.Tactic("CredentialAccess"),
		kit.Tag("lab"),
		kit.Source("edr"),
		kit.ID("1"),
	)
	var entities []alert.Entity
	for _, e := range got.Evidence {
		entities = append(entities, e.Entity)
	}
	assert.Equal(t, []alert.Entity{
		alert.Device{HostName: "ws-17"}, alert.Device{DNSName: "ws-17.corp.example"},
		alert.User{Domain: "CORP", Account: "kai"}, alert.User{Domain: "LAB", Account: "lee"},
		alert.User{UPN: "kai@corp.example"}, alert.User{SID: "S-1-5-21-1-2-3-1104"},
		alert.IP{Address: "192.0.2.1"}, alert.IP{Address: "2001:db8::1"},
		alert.File{Path: `C:\Temp`, FileName: "x.exe", MD5: "0123456789abcdef0123456789abcdef"},
		alert.File{Path: "/opt", FileName: "x", SHA1: "0123456789abcdef0123456789abcdef01234567"},
		alert.File{FileName: "x"},
		alert.Process{Image: alert.File{Path: "/bin", FileName: "sh"}, CommandLine: "sh -c id"},
		alert.Mailbox{Address: "kai@corp.example"},
		alert.Message{
			InternetMessageID: "<your.invoice@evil.example>",
			Sender:            "a@evil.example",
			Recipient:         "kai@corp.example",
			Subject:           "Your invoice",
		},
		alert.URL{URL: "https://evil.example/a"},
		alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:aws:s3:::b"},
		alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: "//storage.example/b"},
		alert.CloudResource{Provider: alert.KindAzureResource, ID: "/subscriptions/1"},
	}, entities)
	assert.Equal(
		t,
		alert.Evidence{
			Entity:  alert.Device{HostName: "ws-17"},
			Verdict: alert.Suspicious,
			Roles:   []alert.Role{alert.Attacked},
		},
		got.Evidence[0],
	)
	got.Evidence = nil
	assert.Equal(t, alert.Alert{
		Origin: alert.Origin{
			Source: "edr",
			ID:     "1",
		}, Title: "Mimikatz", Severity: alert.High, Category: "CredentialAccess",
		Techniques: []string{"T1003.001"}, Tags: []string{"lab"},
		FirstActivity: kit.Time(5 * time.Minute), LastActivity: kit.Time(6 * time.Minute),
	}, got)
}

// What an alert says makes its ID, so that two that say the same are one.
func TestAlertID(t *testing.T) {
	a := kit.Alert("Port scan", alert.Low, kit.Device("ws-01"))
	assert.Equal(t, a, kit.Alert("Port scan", alert.Low, kit.Device("ws-01")))
	assert.NotEqual(t, a.Origin, kit.Alert("Port scan", alert.Low, kit.Device("ws-02")).Origin)
	assert.NotEqual(t, a.Origin, kit.Alert("Port scan", alert.Low, kit.Device("ws-01"), kit.At(1)).Origin)
	assert.Regexp(t, `^port-scan-[0-9a-f]{8}$`, a.Origin.ID)
	assert.NotEmpty(
		t,
		kit.Alert("x", alert.Low, kit.At(1<<62), kit.Lasting(1<<62),
			kit.Judged(kit.IP("192.0.2.1", "192.0.2.2"), alert.Malicious)).Origin.ID,
	)
}
