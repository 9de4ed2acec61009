package manager_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

func called(a alert.Alert, title string) alert.Alert {
	a.Title = title
	return a
}

// What is told of alerts that came in, alert by alert, and last of all together.
func TestWhatIsTold(t *testing.T) {
	device := func(name string) alert.Device { return alert.Device{HostName: name} }
	account := func(name string) alert.User { return alert.User{Domain: "CORP", Account: name} }
	sum := func(digit string) string { return strings.Repeat(digit, 64) }
	file := alert.File{FileName: "Agent.exe", SHA256: sum("a")}
	system := alert.User{Domain: "NT AUTHORITY", Account: "SYSTEM", SID: "S-1-5-18"}
	role := func(session string) alert.CloudResource {
		return alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:aws:sts::123456789012:assumed-role/Admin/" + session}
	}
	pod := func(name string) alert.Other {
		return alert.Other{Type: "kubernetesPod", Label: name, Fields: alert.Fields(
			`{"uid":"u-` + name + `","name":"` + name + `","namespace":{"name":"shop","cluster":{"name":"Prod"}}}`)}
	}
	later := raise(2, 5, device("ws-z"), device("ws-y"))
	later.Updated = start.Add(time.Hour)
	for _, c := range []struct {
		name   string
		alerts []alert.Alert
		want   []string
	}{
		{
			"the device links, the account does not",
			[]alert.Alert{
				raise(1, 0, device("Noisy"), account("svc")), raise(2, 200, device("NOISY"), account("svc")),
				raise(3, 400, device("noisy"), account("svc")),
			},
			[]string{
				"First alert of the incident.",
				`Linked to 'Alert 1' by the device NOISY and the account CORP\svc.`,
				`Linked to 'Alert 2' by the device noisy and the account CORP\svc.`,
				"3 alerts on the device NOISY.",
			},
		},
		{
			"two weaker identifiers",
			[]alert.Alert{
				raise(1, 0, device("a"), account("svc-deploy"), file), raise(2, 200, device("b"), account("svc-deploy"), file),
				raise(3, 400, device("c"), account("svc-deploy"), file),
			},
			[]string{
				"First alert of the incident.",
				`Linked to 'Alert 1' by the account CORP\svc-deploy and the file Agent.exe (sha256 aaaaaaaaaaaa…).`,
				`Linked to 'Alert 2' by the account CORP\svc-deploy and the file Agent.exe (sha256 aaaaaaaaaaaa…).`,
				`3 alerts by the account CORP\svc-deploy and the file Agent.exe (sha256 aaaaaaaaaaaa…).`,
			},
		},
		{
			"an alert that brings others together",
			[]alert.Alert{
				raise(1, 0, device("b1")), raise(2, 1, device("b2")), raise(3, 2, device("b3")),
				called(raise(4, 3, device("b1"), device("b2"), device("b3")), "Impossible travel"),
			},
			[]string{
				"First alert of the incident.",
				"First alert of #2, which was merged because 'Impossible travel' shares the device b2 with it.",
				"First alert of #3, which was merged because 'Impossible travel' shares the device b3 with it.",
				"Linked to 'Alert 1' by the device b1; to 'Alert 2' by the device b2; to 'Alert 3' by the device b3.",
				"4 alerts on the devices b1, b2 and b3.",
			},
		},
		{
			"an alert that shares an account with others",
			[]alert.Alert{
				raise(1, 0, device("a"), account("adm-bob")), raise(2, 30, device("b"), account("adm-bob")),
				called(raise(3, 15, account("adm-bob")), "Impossible travel"),
			},
			[]string{
				"First alert of the incident.",
				`Linked to 'Alert 1' by the account CORP\adm-bob.`,
				"First alert of #2, which was merged because 'Impossible travel' shares the account CORP\\adm-bob with both. " +
					`Held back: the account CORP\adm-bob with #1 (one weaker identifier alone, 30 minutes apart; it links within 60 seconds).`,
				`3 alerts by the account CORP\adm-bob.`,
			},
		},
		{
			"two names of one device",
			[]alert.Alert{
				raise(1, 0, device("DC-01"), alert.Device{DNSName: "DC-01.corp.example"}),
				raise(2, 10, device("DC-01"), alert.Device{DNSName: "DC-01.corp.example"}),
			},
			[]string{
				"First alert of the incident.",
				"Linked to 'Alert 1' by the device DC-01.corp.example.",
				"2 alerts on the device DC-01.corp.example.",
			},
		},
		{
			"a well-known account", []alert.Alert{raise(1, 0, device("a"), system, alert.User{SID: "S-1-5-19"})}, []string{
				`First alert of the incident. Held back: the account NT AUTHORITY\SYSTEM (a well-known account); ` +
					"the account LOCAL SERVICE (S-1-5-19) (a well-known security identifier).",
				"1 alert.",
			},
		},
		{
			"a file without a name, and an account by its SID",
			[]alert.Alert{
				raise(1, 0, device("a"), alert.User{SID: "S-1-5-21-1-2-3-1104"}, alert.File{SHA256: sum("b")}),
				raise(2, 60, device("b"), alert.User{SID: "S-1-5-21-1-2-3-1104"}, alert.File{SHA256: sum("b")}),
			},
			[]string{
				"First alert of the incident.",
				"Linked to 'Alert 1' by the file hash bbbbbbbbbbbb… and the account S-1-5-21-1-2-3-1104.",
				"2 alerts by the file hash bbbbbbbbbbbb… and the account S-1-5-21-1-2-3-1104.",
			},
		},
		{
			"three links and one more alert",
			[]alert.Alert{
				raise(1, 0, device("a")), raise(2, 1, device("a"), device("b")), raise(3, 2, device("b"), device("c")),
				raise(4, 3, device("c"), device("d")), raise(5, 4, device("d"), device("e")),
			},
			[]string{
				"First alert of the incident.",
				"Linked to 'Alert 1' by the device a.",
				"Linked to 'Alert 2' by the device b.",
				"Linked to 'Alert 3' by the device c.",
				"Linked to 'Alert 4' by the device d.",
				"2 alerts on the device a; 1 more on the device b; 1 more on the device c; 1 more on the device d.",
			},
		},
		{
			"a pod and its workload",
			[]alert.Alert{
				raise(1, 0, pod("web-7d9f8b6c5d-x2x4z")), raise(2, 10, pod("web-7d9f8b6c5d-x2x4z")),
				raise(3, 20, pod("web-7d9f8b6c5d-bcdfg")),
			},
			[]string{
				"First alert of the incident.",
				"Linked to 'Alert 1' by the Kubernetes pod prod/shop/web-7d9f8b6c5d-x2x4z.",
				"Linked to 'Alert 2' by the Kubernetes workload prod/shop/web.",
				"2 alerts by the Kubernetes pod prod/shop/web-7d9f8b6c5d-x2x4z; " +
					"1 more by the Kubernetes workload prod/shop/web.",
			},
		},
		{
			"a later report",
			[]alert.Alert{raise(1, 0, device("ws-y")), raise(2, 5, device("ws-z")), later},
			[]string{
				"First alert of the incident.",
				"First alert of #2, which was merged. A later report linked it to 'Alert 1' by the device ws-y.",
				"2 alerts on the device ws-y.",
			},
		},
		{
			"one person by three names",
			[]alert.Alert{
				raise(1, 0, alert.User{UPN: "Kai@corp.example"}), raise(2, 10, alert.User{Domain: "CORP", Account: "Kai"}),
				raise(3, 11, alert.Mailbox{Address: "kai@corp.example"}),
			},
			[]string{
				"First alert of the incident.",
				`Linked to 'Alert 1' by the account CORP\Kai.`,
				"Linked to 'Alert 1' by the account kai@corp.example.",
				`3 alerts by the account CORP\Kai.`,
			},
		},
		{
			"the address of a device",
			[]alert.Alert{raise(1, 0, alert.Device{HostName: "ws-1", LastIP: "10.1.0.5"}), raise(2, 10, alert.IP{Address: "10.1.0.5"})},
			[]string{
				"First alert of the incident.", "Linked to 'Alert 1' by the address 10.1.0.5.", "2 alerts by the address 10.1.0.5.",
			},
		},
		{
			"a URL and its host",
			[]alert.Alert{
				raise(1, 0, alert.URL{URL: "https://evil.example/A"}), raise(2, 10, alert.URL{URL: "https://evil.example/B"}),
				raise(3, 11, alert.URL{URL: "https://evil.example/A"}),
			},
			[]string{
				"First alert of the incident.", "Linked to 'Alert 1' by the URL host evil.example.",
				"Linked to 'Alert 2' by the URL host evil.example; to 'Alert 1' by the URL https://evil.example/A.",
				"3 alerts by the URL host evil.example.",
			},
		},
		{
			"a role and its session",
			[]alert.Alert{raise(1, 0, role("Bob@corp.example")), raise(2, 5, role("Bob@corp.example")),
				raise(3, 6, alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:aws:iam::123456789012:role/Admin"})},
			[]string{
				"First alert of the incident.",
				"Linked to 'Alert 1' by the cloud resource arn:aws:sts::123456789012:assumed-role/Admin/Bob@corp.example.",
				"Linked to 'Alert 2' by the cloud resource arn:aws:iam::123456789012:role/Admin.",
				"2 alerts by the cloud resource arn:aws:sts::123456789012:assumed-role/Admin/Bob@corp.example; " +
					"1 more by the cloud resource arn:aws:iam::123456789012:role/Admin.",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := open(t)
			var id incident.ID
			for _, a := range c.alerts {
				id = ingest(t, m, a)[0].Incident
			}
			why, err := m.Explain(t.Context(), kai, id)
			require.NoError(t, err)
			var told []string
			for _, e := range why {
				told = append(told, e.Sentence())
			}
			assert.Equal(t, c.want, append(told, incident.Rationale(why)))
		})
	}
}

// An alert that links too many incidents joins none, and says so once.
func TestTooManyAreTold(t *testing.T) {
	m, _ := open(t)
	var files []alert.Entity
	for n := range 11 {
		f := alert.File{SHA256: fmt.Sprintf("%02x%062x", n+1, 1)}
		files = append(files, f)
		ingest(t, m, raise(n, 0, f, alert.Device{HostName: fmt.Sprint("ws-", n)}))
	}
	a := raise(99, 0, files...)
	a.LastActivity = a.FirstActivity.Add(time.Second)
	why, err := m.Explain(t.Context(), kai, ingest(t, m, a)[0].Incident)
	require.NoError(t, err)
	assert.Equal(t, "First alert of the incident. Shares file hashes with 11 incidents, more than the 10 that one alert "+
		"may join: #1, #2, #3 and 8 more.", why[0].Sentence())
}
