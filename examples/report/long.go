package main

import (
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

const (
	days  = 77 // that the guessing goes on
	waves = 18 // of each day
)

// long is a matter that nobody could end: passwords are guessed day by day, and every shift writes down what it did.
func long(d *desk) {
	start := time.Date(2026, 1, 5, 0, 20, 0, 0, time.UTC)
	shifts := []activity.Actor{mira, jonas, {ID: "noor@example.com", Name: "Noor"}}
	for day := range days {
		for wave := range waves {
			d.ingest(guessing(day, wave, start.AddDate(0, 0, day).Add(time.Duration(wave)*80*time.Minute)))
			if shift := wave / 6; wave%6 == 5 {
				d.comment(20*time.Minute, shifts[shift], logbook(day, shift))
			}
		}
		switch {
		case day == 0:
			d.edit(time.Minute, mira, incident.Edit{
				Owner:  &incident.Owner{Kind: alert.GroupOwner, ID: "sign-in@example.com", Name: "Sign-in team"},
				Status: new(incident.InProgress), AddTags: []string{"Password guessing"},
			})
		case day%7 == 6:
			d.edit(time.Minute, shifts[day/7%3], incident.Edit{AddTags: []string{fmt.Sprintf("Week %d", day/7+1)}})
		}
	}
	d.edit(time.Hour, mira, incident.Edit{
		Status:  new(incident.Resolved),
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Other},
		Note:    new("Since everybody signs in with a key there is nothing left to guess. It goes on; it is not an incident any more."),
	})
}

// guessing is one wave of sign-ins.
func guessing(day, wave int, at time.Time) alert.Alert {
	n := day*waves + wave
	user := clerk(n)
	from := alert.IP{Address: fmt.Sprintf("203.0.113.%d", 1+n%200)}
	evidence := []alert.Evidence{
		asset(user, alert.Attacked),
		found(from, alert.Suspicious, alert.Blocked, alert.Attacker), found(alert.IP{Address: fmt.Sprintf("198.51.100.%d", 1+n*37%250)}, alert.Suspicious, alert.Blocked, alert.Attacker),
	}
	for gate := range 3 {
		if n == 0 || gate == n/2%3 { // the first wave goes through all, and so all that follows belongs to one incident
			evidence = append(evidence, asset(alert.Device{DNSName: fmt.Sprintf("gate-%d.example.com", gate+1), OS: "Linux", Group: "Gateways"}, alert.Attacked))
		}
	}
	kinds := []alert.Alert{
		{Title: "Many accounts were tried with the same password", Category: "CredentialAccess", Techniques: []string{"T1110.003"}, Severity: alert.Medium,
			Description: fmt.Sprintf("From %d addresses %d accounts were tried, each once or twice, so that none was locked. The password has "+
				"the shape of a season and a year.", 3+n%19, 180+n%77),
			RecommendedActions: "See whether one of the accounts signed in afterwards from an address that it never had. Ask those accounts for a second factor."},
		{Title: "One account was tried with many passwords", Category: "CredentialAccess", Techniques: []string{"T1110.001"}, Severity: alert.Low,
			Description: fmt.Sprintf("The account was tried %d times in %d minutes. It was locked after the tenth, as the policy says, and "+
				"opened again a quarter of an hour later.", 40+n%301, 2+n%9),
			RecommendedActions: "Tell the owner of the account. If it belongs to nobody any more, disable it: what is not there cannot be guessed."},
		{Title: "A sign-in from a network that sells its addresses by the hour", Category: "InitialAccess", Techniques: []string{"T1078.004"}, Severity: alert.Medium,
			Description: "The password was right; the second factor was not given. The address belongs to a service through which others send " +
				"their traffic; half an hour before, the same account signed in from the office.",
			RecommendedActions: "The password is known to somebody: have it changed. Look for the same address in the sign-ins of others."},
		{Title: "Pushes of the second factor, one after the other", Category: "CredentialAccess", Techniques: []string{"T1621"}, Severity: alert.High,
			Description: fmt.Sprintf("%d requests to confirm a sign-in reached one telephone in five minutes. None was confirmed, and the last was "+
				"reported as unwanted.", 6+n%31), RecommendedActions: "Call the person by telephone. Change the password. Turn on the comparison of numbers."},
		{Title: "An old protocol was used to sign in", Category: "DefenseEvasion", Techniques: []string{"T1078", "T1110"}, Severity: alert.Informational,
			Description: "IMAP with a password, which the policy forbids since January. The sign-in was refused; the program called itself a " +
				"calendar on a telephone.",
			RecommendedActions: "Where it is a person's own telephone, help them to set it up anew. Where it is not, treat the password as known."},
	}
	a := kinds[(n+day)%len(kinds)]
	a.Evidence = evidence
	return identity.raise(fmt.Sprintf("s-%05d", n+1), at, time.Duration(5+n%11)*time.Minute, a)
}

// logbook is what a shift writes down before it goes.
func logbook(day, shift int) string {
	n := 3*day + shift
	text := fmt.Sprintf("**Day %d, %s shift.** ", day+1, []string{"night", "day", "evening"}[shift])
	text += []string{
		"Quiet but for the usual waves. Nobody was let in.",
		"The addresses change, the list of names does not: it has people on it who left two years ago, so it was bought.",
		"Asked the provider of the largest network for the third time. They thank us for our patience.",
		"A clerk called: her telephone asks all the time. Told her to press *No*, changed the password, stayed on the line until it was quiet.",
	}[n%4] + "\n\n" + []string{
		"Of the accounts that were tried most, two belong to rooms and one to a printer. None of them needs a password; their sign-in is **off** now.",
		"The second factor held again. It was asked for eleven times and given by nobody; eleven people were told, and four had noticed nothing.",
		"One of the networks is a school abroad. Its administrator answered within the hour: somebody had a proxy on a machine of the library.",
		"The waves begin at the minute, so a clock starts them. Those of the weekend are as large as those of Tuesday: there is nobody at the other end who goes home.",
		"The blocks of last week are still in force and have cost us *one* honest sign-in, from a hotel. The guest got a link instead.",
	}[n%5]
	if n%3 == 0 {
		text += fmt.Sprintf("\n\n| Gateway | Tried | Locked |\n|---|---|---|\n| gate-1 | %d | %d |\n| gate-2 | %d | %d |\n| gate-3 | "+
			"%d | %d |\n", 900+31*n, n%17, 700+17*n, n%11, 1200+7*n, n%23)
	}
	if n%7 == 3 {
		text += "\n\nTo be done by the next shift:\n\n- compare the list of addresses with yesterday's\n- ask for keys for the accounts department\n- " +
			"`block-list --add` what is new, and *write down why*\n"
	}
	return text
}
