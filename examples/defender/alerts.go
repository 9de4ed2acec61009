package main

import (
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// morning is when the day of the example begins.
var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Who and what the alerts are about.
var (
	mona    = alert.User{UPN: "mona@contoso.com", DisplayName: "Mona"}
	finn    = alert.User{UPN: "finn@contoso.com", DisplayName: "Finn"}
	laptop  = alert.Device{DNSName: "ws-17.contoso.com", OS: "Windows11", Group: "Workstations"}
	dc      = alert.Device{DNSName: "dc-01.contoso.com", OS: "WindowsServer2022", Group: "Servers"}
	files   = alert.Device{DNSName: "files-02.contoso.com", OS: "WindowsServer2022", Group: "Servers"}
	mailbox = alert.Mailbox{Address: "mona@contoso.com"}
	page    = alert.URL{URL: "https://payroll-contoso.example/login"}
	script  = alert.File{FileName: "payroll.js", SHA256: "0d9c8b7a6f5e4d3c2b1a09f8e7d6c5b4a3928170615243342516078899aabbcc"}
)

// overnight returns what four products have raised since the evening: an attack that begins with a mail and ends on
// a domain controller, a matter of one mail, two tools on machines of the laboratory, and a transfer that nothing
// seems to connect to the attack.
func overnight() []alert.Alert {
	raise := func(source, product, id, title, category string, severity alert.Severity, minutes int, evidence ...alert.Evidence) alert.Alert {
		at := morning.Add(time.Duration(minutes-600) * time.Minute)
		return alert.Alert{
			Origin: alert.Origin{Source: source, ID: id}, Product: product, Title: title, Category: category,
			Severity: severity, FirstActivity: at, LastActivity: at.Add(5 * time.Minute), Created: at.Add(6 * time.Minute), Evidence: evidence,
		}
	}
	of := func(e alert.Entity, tags ...string) alert.Evidence { return alert.Evidence{Entity: e, Tags: tags} }
	bad := func(e alert.Entity) alert.Evidence { return alert.Evidence{Entity: e, Verdict: alert.Malicious} }
	const (
		office, officeName     = "microsoftDefenderForOffice365", "Microsoft Defender for Office 365"
		endpoint, endpointName = "microsoftDefenderForEndpoint", "Microsoft Defender for Endpoint"
		dlp, dlpName           = "dataLossPrevention", "Microsoft Data Loss Prevention"
		network, networkName   = "firewall", "Contoso Firewall"
	)
	return []alert.Alert{
		raise(office, officeName, "o-1", "Email messages containing malicious URL removed after delivery", "InitialAccess", alert.Medium, 0,
			of(mailbox), of(mona), bad(page)),
		raise(endpoint, endpointName, "e-1", "Suspicious PowerShell command line", "Execution", alert.Medium, 14,
			of(laptop), of(mona), bad(page), bad(script),
			bad(alert.Process{Image: alert.File{FileName: "powershell.exe"}, PID: 4711, Started: morning, CommandLine: "powershell -enc SQBFAFgA"})),
		raise(endpoint, endpointName, "e-2", "Ransomware behavior detected in the file system", "Impact", alert.High, 95,
			of(dc, "Domain Controller"), of(mona), bad(script),
			bad(alert.File{FileName: "lock.exe", SHA256: "6a1f0c2b7d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c"})),
		raise(dlp, dlpName, "d-1", "DLP policy (Payroll) matched for email with subject (Q3)", "Exfiltration", alert.Low, 120, of(finn)),
		raise(endpoint, endpointName, "e-3", "'Mimikatz' hacktool was detected", "CredentialAccess", alert.Medium, 150, of(alert.Device{DNSName: "lab-3.contoso.com", Group: "Laboratory"})),
		raise(endpoint, endpointName, "e-4", "'Mimikatz' hacktool was detected", "CredentialAccess", alert.Medium, 155, of(alert.Device{DNSName: "lab-4.contoso.com", Group: "Laboratory"})),
		raise(network, networkName, "n-1", "Large transfer to an address that was never seen", "Exfiltration", alert.Medium, 170, of(files), bad(alert.IP{Address: "203.0.113.66"})),
	}
}
