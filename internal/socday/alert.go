package socday

import (
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A detection is what a product has a rule for.
type detection struct{ source, title, category, technique string }

// products are the raising services with the names people know them by.
var products = map[string]string{
	"microsoftDefenderForEndpoint":   "Microsoft Defender for Endpoint",
	"microsoftDefenderForIdentity":   "Microsoft Defender for Identity",
	"microsoftDefenderForOffice365":  "Microsoft Defender for Office 365",
	"microsoftDefenderForCloudApps":  "Microsoft Defender for Cloud Apps",
	"azureAdIdentityProtection":      "Microsoft Entra ID Protection",
	"microsoftSentinel":              "Microsoft Sentinel",
	"microsoftDataLossPrevention":    "Microsoft Data Loss Prevention",
	"microsoftInsiderRiskManagement": "Microsoft Purview Insider Risk Management",
}

var detections = []detection{
	{"microsoftDefenderForEndpoint", "Suspicious PowerShell command line", "Execution", "T1059.001"},
	{"microsoftDefenderForOffice365", "Email messages containing malicious URL removed after delivery", "InitialAccess", "T1566.002"},
	{"azureAdIdentityProtection", "Unfamiliar sign-in properties", "InitialAccess", "T1078"},
	{"microsoftDefenderForEndpoint", "Malware was prevented", "Execution", "T1204.002"},
	{"microsoftDefenderForEndpoint", "Suspicious scheduled task", "Persistence", "T1053.005"},
	{"microsoftDefenderForIdentity", "Suspected brute-force attack", "CredentialAccess", "T1110"},
	{"microsoftSentinel", "Rare outbound connection", "CommandAndControl", "T1071.001"},
	{"microsoftDefenderForCloudApps", "Mass download by a single user", "Exfiltration", "T1567"},
	{"microsoftDefenderForEndpoint", "Process injection", "DefenseEvasion", "T1055"},
	{"microsoftDefenderForEndpoint", "Credential dumping tool", "CredentialAccess", "T1003.001"},
	{"microsoftDefenderForIdentity", "Reconnaissance using directory queries", "Discovery", "T1087.002"},
	{"microsoftDefenderForEndpoint", "Ransomware activity", "Impact", "T1486"},
	{"microsoftDefenderForIdentity", "Remote code execution attempt", "LateralMovement", "T1021.002"},
	{"microsoftDefenderForCloudApps", "Impossible travel", "InitialAccess", "T1078.004"},
	{"microsoftSentinel", "Several failed sign-ins followed by success", "CredentialAccess", "T1110.003"},
	{"microsoftDefenderForEndpoint", "Suspicious service registration", "PrivilegeEscalation", "T1543.003"},
	{"microsoftDataLossPrevention", "Payment data sent to a personal mailbox", "Exfiltration", "T1048"},
	{"microsoftDefenderForEndpoint", "Archive made before upload", "Collection", "T1560.001"},
	{"microsoftDefenderForOffice365", "Suspicious inbox forwarding", "Collection", "T1114.003"},
	{"microsoftInsiderRiskManagement", "Unusual volume of file deletion", "Impact", "T1485"},
}

var (
	fileNames    = []string{"invoice.js", "update.exe", "svc-host.exe", "report.docm", "loader.dll", "patch.ps1", "archive.zip", "tool.bin"}
	deviceGroups = []string{"Workstations", "Servers", "Laptops", "Kiosks", "Domain controllers", "Lab"}
)

// Alert returns the i-th alert of the day, from 0, as its source sends it. It has its ID, which a manager
// gives an alert anyway.
func (d Day) Alert(i int) alert.Alert {
	r := d.random(forDay, i)
	group, opens := d.Group(i)
	user, file := 0, 0
	if !opens {
		user, file = r.below(2), r.below(3)
	}
	return d.alert(group, 0, user, file, d.Time(i), &r)
}

// Time returns when the i-th alert of the day arrives.
func (d Day) Time(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }

// Group returns what the i-th alert of the day belongs to: the index of an incident that was there when
// the day began, or a higher number that all alerts of one new incident share. opens says that it is the
// first of these.
func (d Day) Group(i int) (group int, opens bool) {
	// Half as many alerts as there were incidents, but less than a day with what an incident lasts.
	recent := min(max(d.Incidents/2, 1), 50_000)
	for n := i; ; {
		r := d.random(forParent, n)
		if r.chance(0.2) {
			return d.Incidents + n, n == i
		}
		first := n
		if n -= 1 + r.below(recent); n >= 0 {
			continue // it goes where that one went
		}
		for range 10_000 {
			k := r.below(d.Incidents)
			if status, updated, _ := d.glance(k); status.Open() && start.Sub(updated) < 6*time.Hour {
				return k, false
			}
		}
		return d.Incidents + first, first == i // there are so few incidents that none is fresh
	}
}

// alert returns an alert about the given device, user and file of a group.
func (d Day) alert(group, device, user, file int, at time.Time, r *random) alert.Alert {
	rule := detections[(group+r.skewed(4))%len(detections)]
	a := alert.Alert{
		Origin: alert.Origin{Source: rule.source, ID: "da" + r.hex(30)}, Product: products[rule.source],
		DetectionSource: "customDetection", Title: rule.title, Category: rule.category, Techniques: []string{rule.technique},
		Description:        "The behaviour that the rule describes was seen on a device in the organisation. It may be the work of an attacker.",
		RecommendedActions: "Check the device timeline, isolate the device if needed and reset the credentials of the account.",
		URL:                "https://portal.contoso.com/alerts/" + r.hex(16),
		Severity:           alert.Informational,
		FirstActivity:      at, LastActivity: at.Add(30 * time.Second), Created: at.Add(time.Minute), SourceUpdated: at.Add(time.Minute),
	}
	a.ID = a.Origin.AlertID()
	switch p := r.fraction(); {
	case p >= 0.85:
		a.Severity = alert.High
	case p >= 0.60:
		a.Severity = alert.Medium
	case p >= 0.30:
		a.Severity = alert.Low
	}
	pieces := 3 + r.below(6)
	if d.Light {
		pieces = 3 + r.below(3)
	}
	a.Evidence = make([]alert.Evidence, pieces)
	machine := d.device(group, device)
	account := d.user(group, user)
	program := d.file(group, file, machine.DeviceID)
	for n := range a.Evidence {
		e := &a.Evidence[n]
		*e = alert.Evidence{Verdict: alert.Suspicious, Roles: []alert.Role{alert.Compromised}, Created: a.Created}
		switch n {
		case 0:
			e.Entity = machine
		case 1:
			e.Entity = account
		case 2:
			e.Entity, e.Verdict, e.Remediation, e.Roles = program, alert.Malicious, alert.Blocked, nil
		default:
			e.Entity, e.Roles = d.further(group, at, machine, account, program, r), nil
		}
	}
	return a
}

// device returns the n-th device of a group. All that a group has is its own.
func (d Day) device(group, n int) alert.Device {
	r := d.thing(group, 0, n)
	id := r.hex(40)
	return alert.Device{
		DeviceID: id, DNSName: "ws-" + id[:10] + ".contoso.com", OS: "Windows11", OSVersion: "25H2", OSBuild: 26200,
		Group: deviceGroups[r.skewed(len(deviceGroups))], Health: "active", Risk: "medium", FirstSeen: start.Add(-history),
	}
}

func (d Day) user(group, n int) alert.User {
	r := d.thing(group, 1, n)
	name := givenNames[r.below(len(givenNames))]
	account := strings.ToLower(name) + "." + r.hex(10)
	return alert.User{UPN: account + "@contoso.com", Account: account, Domain: "CONTOSO", DisplayName: name}
}

func (d Day) file(group, n int, device string) alert.File {
	r := d.thing(group, 2, n)
	return alert.File{
		FileName: fileNames[r.below(len(fileNames))], Path: `C:\Users\Public\Downloads`, Size: int64(r.below(1 << 24)),
		SHA1: r.hex(40), SHA256: r.hex(64), Detection: "detected", DeviceID: device,
	}
}

// further returns another entity of an alert, which links it to nothing but its own group.
func (d Day) further(group int, at time.Time, machine alert.Device, account alert.User, program alert.File, r *random) alert.Entity {
	switch kind := r.below(8); kind {
	case 0, 1, 2:
		return alert.Process{
			PID: int64(4 * (1 + r.below(8000))), Started: at, CommandLine: program.Path + `\` + program.FileName + " -q -s " + r.hex(8),
			Image: program, ParentPID: 1044, ParentStarted: at.Add(-time.Hour), User: account, DeviceID: machine.DeviceID,
		}
	case 3, 4:
		of := d.thing(group, kind, r.below(2))
		return alert.IP{Address: "10." + strconv.Itoa(of.below(256)) + "." + strconv.Itoa(of.below(256)) + "." + strconv.Itoa(of.below(256))}
	case 5:
		of := d.thing(group, kind, r.below(2))
		return alert.URL{URL: "https://" + of.hex(12) + ".example.com/login?id=" + of.hex(8)}
	case 6:
		return alert.Registry{Hive: "HKEY_LOCAL_MACHINE", Key: `SOFTWARE\Microsoft\Windows\CurrentVersion\Run`, Value: r.hex(8), ValueType: "string", Data: program.Path, DeviceID: machine.DeviceID}
	default:
		return alert.Mailbox{Address: account.UPN, UPN: account.UPN, DisplayName: account.DisplayName}
	}
}

// thing returns the sequence that decides the n-th thing of a kind in a group.
func (d Day) thing(group, kind, n int) random {
	return d.random(forGroup, (group*8+kind)*maxAlerts+n)
}
