package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

const (
	machines  = 37 // that the worm reaches
	buckets   = 14 // that are read with keys found on them
	mailboxes = 23 // that it writes from
)

// caps is a worm: it touches more than a report lists.
func caps(d *desk) {
	start := time.Date(2026, 5, 4, 22, 15, 0, 0, time.UTC)
	for n := range machines {
		d.ingest(spread(n, start.Add(time.Duration(n*7+n*n/4)*time.Minute)))
		if n == 4 {
			d.edit(2*time.Minute, jonas, incident.Edit{
				Owner: &incident.Owner{Kind: alert.GroupOwner, ID: "night-shift@example.com", Name: "Night shift"}, Status: new(incident.InProgress), AddTags: []string{"Worm"},
			})
			d.comment(time.Minute, jonas, "Five machines in half an hour, all through port 445. The share `\\\\depot\\install` is closed now.")
		}
	}
	for n := range mailboxes {
		d.ingest(mailed(n, start.Add(13*time.Hour+time.Duration(4*n)*time.Minute)))
	}
	for n := range buckets {
		d.ingest(emptied(n, start.Add(15*time.Hour+time.Duration(6*n)*time.Minute)))
	}
	d.edit(5*time.Minute, jonas, incident.Edit{Name: new("Worm on the machines of three depots, with keys of cloud storage"), Severity: new(alert.High)})
	d.comment(10*time.Minute, activity.Actor{ID: "mira@example.com", Name: "Mira"}, "All machines are off the network. The list of those to be "+
		"installed anew is in the ticket; "+
		"the report shows the **ten worst of each kind**.")
}

// depots are where machines stand.
var depots = []string{"aalborg", "bergen", "cadiz"}

func machine(n int) alert.Device {
	os := []string{"Windows11", "Windows10", "WindowsServer2019"}[n%3]
	return alert.Device{
		DNSName: fmt.Sprintf("%s-%03d.example.com", depots[n%len(depots)], 11+7*n), OS: os, Group: "Depot " + title(depots[n%len(depots)]),
		LastIP: fmt.Sprintf("192.0.2.%d", 20+n),
	}
}

// title returns a word with a capital.
func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

func clerk(n int) alert.User {
	name := []string{"ada", "bo", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "june", "kit", "lara", "max"}[n%13]
	return alert.User{UPN: fmt.Sprintf("%s.%s@example.com", name, depots[n%len(depots)]), DisplayName: title(name) + ", " + title(depots[n%len(depots)])}
}

// What every machine has when the worm is on it.
var worm = alert.File{FileName: "depotupd.exe", Path: `C:\ProgramData\DepotUpdate`, SHA256: digest(100), Size: 733_184}

// spread is the worm on its nth machine.
func spread(n int, at time.Time) alert.Alert {
	kinds := []alert.Alert{
		{Title: "A worm copied itself to another machine", Category: "LateralMovement", Techniques: []string{"T1021.002", "T1570"}, Severity: alert.High,
			Description: "The file depotupd.exe was written over the network and started as a service."},
		{Title: "A program without a signature starts with Windows", Category: "Persistence", Techniques: []string{"T1547.001"}, Severity: alert.Medium,
			Description: "A value was added below Run that starts depotupd.exe at every sign-in."},
		{Title: "Shadow copies were deleted", Category: "Impact", Techniques: []string{"T1490"}, Severity: alert.High,
			Description: "vssadmin.exe deleted all shadow copies without asking. Programs that encrypt files do " +
				"so first.", RecommendedActions: "Isolate the machine. Check that last night's backup can be read."},
		{Title: "A machine looks for open shares around it", Category: "Discovery", Techniques: []string{"T1046", "T1135"}, Severity: alert.Low,
			Description: "Connections to port 445 of 254 addresses in 90 seconds."},
	}
	m := machine(n)
	a := kinds[n%len(kinds)]
	from := found(alert.IP{Address: fmt.Sprintf("192.0.2.%d", 19+n)}, alert.Suspicious, alert.NotRemediated, alert.Source)
	a.Evidence = []alert.Evidence{
		asset(m, alert.Compromised), asset(clerk(n)), found(worm, alert.Malicious, alert.Remediated, alert.Created), from,
		found(alert.File{
			FileName: fmt.Sprintf("upd%03d.tmp", 17*n), Path: `C:\Windows\Temp`, SHA256: digest(200 + n), Size: int64(4096 * (n + 3)),
		}, alert.Suspicious, alert.Remediated),
		found(alert.Process{
			Image: worm, PID: int64(1200 + 44*n), DeviceID: m.DNSName,
			CommandLine: fmt.Sprintf(`depotupd.exe --peer %s --seed %x`, machine(n+1).DNSName, 977*(n+1)), Started: at,
		}, alert.Malicious, alert.Blocked),
		found(alert.Registry{
			Hive: "HKEY_LOCAL_MACHINE", Key: `SOFTWARE\Microsoft\Windows\CurrentVersion\Run`, Value: fmt.Sprintf("DepotUpdate%d", n),
			ValueType: "string", Data: worm.Path, DeviceID: m.DNSName,
		},
			alert.Suspicious, alert.Remediated, alert.Added),
	}
	if n%4 == 0 {
		a.Evidence = append(a.Evidence, found(alert.URL{
			URL: fmt.Sprintf("https://n%d.depot-update.example/check?v=%d", n, n*n),
		}, alert.Malicious, alert.Blocked, alert.CommandAndControl))
	}
	return endpoint.raise(fmt.Sprintf("w-%04d", n+1), at, time.Duration(1+n%5)*time.Minute, a)
}

// mailed is a mailbox that the worm writes from.
func mailed(n int, at time.Time) alert.Alert {
	box := alert.Mailbox{Address: clerk(n).UPN, DisplayName: clerk(n).DisplayName}
	return mail.raise(fmt.Sprintf("wm-%04d", n+1), at, 2*time.Minute, alert.Alert{
		Title: "A mailbox sends the same attachment to everybody in its address book", Category: "LateralMovement", Techniques: []string{"T1534"}, Severity: alert.Medium,
		Description: fmt.Sprintf("%d mails with the attachment depotupd.zip in a minute.", 40+3*n),
		Evidence: []alert.Evidence{
			asset(box, alert.Compromised), asset(clerk(n)), found(worm, alert.Malicious, alert.Remediated),
			found(alert.Message{
				NetworkMessageID: fmt.Sprintf("worm-%04d", n), Subject: "New version of the depot program", Sender: box.Address,
				Recipient: "everybody@example.com", Delivery: "blocked",
			}, alert.Malicious, alert.Blocked),
		},
	})
}

// emptied is a bucket that is read with a key which the worm found.
func emptied(n int, at time.Time) alert.Alert {
	bucket := alert.CloudResource{
		Provider: alert.KindAmazonResource, ID: fmt.Sprintf("arn:aws:s3:::depot-%s-%02d", depots[n%len(depots)], n+1), ResourceName: fmt.Sprintf("depot-%s-%02d", depots[n%len(depots)], n+1),
		Type: "bucket", Account: "000000000000", Location: "eu-north-1",
	}
	return cloud.raise(fmt.Sprintf("wc-%04d", n+1), at, 5*time.Minute, alert.Alert{
		Title: "A bucket is read with a key of a machine that is off the network", Category: "Collection", Techniques: []string{"T1530"}, Severity: alert.Medium,
		Description: fmt.Sprintf("%d objects were listed and %d read from an address outside.", 500+91*n, 7*n),
		Evidence: []alert.Evidence{
			asset(bucket, alert.Attacked), asset(alert.App{
				AppID: int64(7000 + n), DisplayName: fmt.Sprintf("Depot client %d", n+1), InstanceName: depots[n%len(depots)],
			}),
			asset(clerk(n), alert.Compromised), found(alert.IP{Address: fmt.Sprintf("203.0.113.%d", 100+n)}, alert.Malicious, alert.Blocked, alert.Source),
		},
	})
}
