package main

import (
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// falsePositive is an incident that was none: an inventory that looks like reconnaissance.
func falsePositive(d *desk) {
	start := time.Date(2026, 4, 13, 5, 0, 0, 0, time.UTC)
	scanner := alert.Device{DNSName: "inventory-01.example.com", OS: "WindowsServer2022", Group: "Servers", LastIP: "192.0.2.40"}
	target := alert.Device{DNSName: "dc-01.example.com", OS: "WindowsServer2022", Group: "Servers", LastIP: "192.0.2.10"}
	account := alert.User{UPN: "svc-inventory@example.com", DisplayName: "Inventory service", Domain: "EXAMPLE"}
	tool := alert.File{FileName: "inventory.exe", Path: `C:\Program Files\Inventory`, SHA256: digest(401), Size: 8_120_440, Signer: "Example Tools"}
	for n, a := range []alert.Alert{
		{Title: "Accounts were listed over LDAP", Category: "Discovery", Techniques: []string{"T1087.002"}, Severity: alert.Medium,
			Description: "41,200 objects were read from the directory in nine minutes."},
		{Title: "Shares were listed on many machines", Category: "Discovery", Techniques: []string{"T1135"}, Severity: alert.Medium,
			Description: "212 machines were asked for their shares."},
		{Title: "A program read the list of installed software remotely", Category: "Collection", Techniques: []string{"T1005"}, Severity: alert.High,
			Description: "inventory.exe read the registry of 212 machines.", RecommendedActions: "Find out who started the program."},
	} {
		a.Evidence = []alert.Evidence{
			asset(scanner, alert.Source), asset(target, alert.Scanned), asset(account), found(tool, alert.Suspicious, alert.ActiveThreat),
		}
		d.ingest(endpoint.raise("fp-"+string(rune('1'+n)), start.Add(time.Duration(n)*4*time.Minute), 9*time.Minute, a))
	}
	d.edit(20*time.Minute, jonas, incident.Edit{Owner: &incident.Owner{ID: jonas.ID, Name: jonas.Name}, Status: new(incident.InProgress)})
	d.comment(15*time.Minute, jonas, "The account belongs to the inventory. Asked the server team whether it runs today.")
	d.comment(40*time.Minute, mira, "They moved it from Monday night to Monday morning. **Nothing to worry about.**")
	d.edit(5*time.Minute, jonas, incident.Edit{
		Status:  new(incident.Resolved),
		Note:    new("The inventory of the server team, at a new hour.\n\n- the rule knows inventory-01 from now on\n- [ ] ask the team to announce the next move"),
		Verdict: &classification.Verdict{Classification: classification.FalsePositive, Determination: classification.NotMalicious},
	})
}
