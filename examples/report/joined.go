package main

import (
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// joined is three incidents that turn out to be one: the same password was sprayed at three services.
func joined(d *desk) {
	start := time.Date(2026, 7, 6, 19, 0, 0, 0, time.UTC)
	sources := []product{identity, mail, cloud}
	var ids []incident.ID
	for n, p := range sources {
		user := alert.User{UPN: fmt.Sprintf("worker-%d@example.com", n+1), DisplayName: fmt.Sprintf("Worker %d", n+1)}
		address := alert.IP{Address: fmt.Sprintf("198.51.100.%d", 20+n), Country: "AQ"}
		ids = append(ids, d.ingest(
			p.raise(fmt.Sprintf("spray-%d", n+1), start.Add(time.Duration(n)*3*time.Hour), 40*time.Minute, alert.Alert{
				Title: "One password was tried on many accounts", Category: "CredentialAccess", Techniques: []string{"T1110.003"}, Severity: alert.Medium,
				Description: fmt.Sprintf("%d accounts in forty minutes, one attempt each.", 180+40*n),
				Evidence:    []alert.Evidence{asset(user, alert.Attacked), found(address, alert.Suspicious, alert.NotRemediated, alert.Source)},
			}),
			p.raise(fmt.Sprintf("sign-in-%d", n+1), start.Add(time.Duration(n)*3*time.Hour+45*time.Minute), time.Minute, alert.Alert{
				Title: "A sign-in from a country that was never seen", Category: "InitialAccess", Techniques: []string{"T1078.004"}, Severity: alert.High,
				Description: "The attempt after the guesses worked.", RecommendedActions: "End all sessions of the account. Change its password.",
				Evidence: []alert.Evidence{asset(user, alert.Compromised), found(address, alert.Malicious, alert.Blocked, alert.Source)},
			}),
		))
		first := d.incident
		d.incident = ids[n]
		d.comment(20*time.Minute, jonas, fmt.Sprintf("Sessions of %s ended.", user.UPN))
		d.incident = first
	}
	d.merge(30*time.Minute, mira, ids[1], "The addresses are of one network.")
	d.merge(5*time.Minute, mira, ids[2], "The same password again.")
	d.unmerge(10*time.Minute, mira, ids[2], "Not sure yet: another password list.")
	d.merge(2*time.Hour, mira, ids[2], "It was the same list after all.")
	d.comment(5*time.Minute, mira, "One campaign. The list is from a leak of 2024.")
}
