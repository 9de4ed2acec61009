package incidenttest

import (
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
)

// A Scenario is an attack, or benign noise, as alerts and as the incidents that an analyst would make of them.
type Scenario struct {
	Name      string
	Alerts    []measure.Labelled // in the order of their times
	Incidents []Incident         // what they should become

	// Beyond says why the default correlator finds other incidents today, and "" that it finds these.
	Beyond string
}

// Scenarios returns attacks of several kinds and benign noise. Names, addresses and hashes are invented. What
// it returns belongs to the caller.
func Scenarios() []Scenario {
	return []Scenario{
		bruteForce(), passwordSpray(), lateralMovement(), ransomware(), noisyMachine(), scanner(), deployment(),
	}
}

// Raw returns the alerts of s without their labels.
func (s Scenario) Raw() []alert.Alert {
	var all []alert.Alert
	for _, l := range s.Alerts {
		all = append(all, l.Alert)
	}
	return all
}

// Label returns the label of a in s, for [Harness.Measure]; "" for an alert that s does not have.
func (s Scenario) Label(a alert.Alert) string {
	for _, l := range s.Alerts {
		if l.Alert.Origin == a.Origin {
			return l.Attack
		}
	}
	return ""
}

func labelled(label string, alerts ...alert.Alert) []measure.Labelled {
	all := make([]measure.Labelled, len(alerts))
	for n, a := range alerts {
		all[n] = measure.Labelled{Attack: label, Alert: a}
	}
	return all
}

// one returns an incident that has all the alerts.
func one(severity alert.Severity, alerts []measure.Labelled, assets ...string) Incident {
	i := Incident{Severity: severity, Assets: assets}
	for _, l := range alerts {
		i.Alerts = append(i.Alerts, l.Alert.Title)
	}
	return i
}

// does says which technique an alert is about, and for which tactic.
func does(tactic, technique string) Part {
	return func(a *alert.Alert) {
		Tactic(tactic)(a)
		Technique(technique)(a)
	}
}

const (
	day    = 24 * time.Hour
	low    = alert.Low
	medium = alert.Medium
	high   = alert.High
)

func bruteForce() Scenario {
	host, from, kai := Device("srv-01.corp.example"), IP("203.0.113.7"), User("kai")
	alerts := labelled("brute force",
		Alert("Password guessing", medium, host, from, does("CredentialAccess", "T1110.001")),
		Alert("Logon after password guessing", high, At(time.Minute), host, from, kai, does("InitialAccess", "T1078")),
		Alert("Credential dump", high, At(9*time.Minute), host, kai, Process(`C:\Temp\x.exe`, "x.exe -m"),
			does("CredentialAccess", "T1003.001")),
	)
	return Scenario{
		Name: "brute force on a server", Alerts: alerts,
		Incidents: []Incident{one(high, alerts, "srv-01.corp.example", `CORP\kai`)},
	}
}

// One address tries a few passwords on many accounts, gets into one, and hides in its mailbox.
func passwordSpray() Scenario {
	from, victim, box := IP("203.0.113.80"), User("user17@corp.example"), Mailbox("user17@corp.example")
	users := func(a *alert.Alert) {
		for n := range 40 {
			User(fmt.Sprintf("user%02d@corp.example", n))(a)
		}
	}
	alerts := labelled("spray",
		Alert("Password spray", medium, from, users, does("CredentialAccess", "T1110.003")),
		Alert("Unfamiliar sign-in", medium, At(20*time.Minute), from, victim, does("InitialAccess", "T1078.004")),
		Alert("Inbox rule hides messages", high, At(3*time.Hour), victim, box, does("Stealth", "T1564.008")),
	)
	return Scenario{
		Name: "password spray", Alerts: alerts,
		Incidents: []Incident{one(high, alerts, "user17@corp.example")},
	}
}

// The sensor of the network knows addresses, those of the machines know names.
func lateralMovement() Scenario {
	first := Entity(alert.Device{HostName: "ws-01", LastIP: "10.1.0.5"})
	second := Entity(alert.Device{HostName: "srv-09", LastIP: "10.1.0.9"})
	alerts := labelled("lateral",
		Alert("Credential dump", high, first, User("kai"), does("CredentialAccess", "T1003.001")),
		Alert("Remote service over SMB", medium, At(10*time.Minute), IP("10.1.0.5", "10.1.0.9"),
			does("LateralMovement", "T1021.002")),
		Alert("Service installed", medium, At(11*time.Minute), second, User("adm-kai"),
			does("Persistence", "T1543.003")),
	)
	return Scenario{
		Name: "lateral movement", Alerts: alerts,
		Incidents: []Incident{one(high, alerts, "ws-01", "srv-09")},
	}
}

// A mail, a quiet day, and ransomware on the third: the spelling of names changes with the product that tells them.
func ransomware() Scenario {
	const tool = "3f1e0c5b7a9d2e4f6081a3c5e7092b4d6f8193a5c7e90b2d4f6183a5c7e9012b"
	kai, admin, box := User(`CORP\kai`), User("adm-kai"), Mailbox("kai@corp.example")
	desk, files := Device("ws-17.corp.example"), Device("srv-files.corp.example")
	mail := Mail("billing@supplier.example", "kai@corp.example", "Invoice 4711")
	script := Process(`C:\Windows\System32\wscript.exe`, "wscript.exe a.js")
	alerts := labelled("ransomware",
		Alert("Malicious mail delivered", medium, mail, box, File("invoice.docm", ""),
			does("InitialAccess", "T1566.001")),
		Alert("Office started a script", high, At(2*time.Hour), desk, kai, script, does("Execution", "T1059.005")),
		Alert("Command-and-control server", medium, At(3*time.Hour), desk, URL("https://cdn.supplier.example/a"),
			IP("198.51.100.77"), does("CommandAndControl", "T1071.001")),
		Alert("Credential dump", high, At(day+5*time.Hour), Device("WS-17"), kai, File(`C:\ProgramData\t.exe`, tool),
			does("CredentialAccess", "T1003.001")),
		Alert("Remote service created", medium, At(day+6*time.Hour), files, admin, File(`C:\Windows\t.exe`, tool),
			does("LateralMovement", "T1021.002")),
		Alert("Archive sent to a cloud storage", medium, At(2*day+1*time.Hour), files, IP("198.51.100.90"),
			does("Exfiltration", "T1567.002")),
		Alert("Shadow copies deleted", high, At(3*day), files, admin, does("Impact", "T1490")),
		Alert("Many files encrypted", high, At(3*day+2*time.Minute), files, does("Impact", "T1486")),
	)
	return Scenario{
		Name: "phishing to ransomware", Alerts: alerts,
		Incidents: []Incident{one(high, alerts, "kai@corp.example", "ws-17.corp.example", "srv-files.corp.example")},
		Beyond:    "the second day begins more than 24 hours after the first, and so does the last",
	}
}

// A machine about which a rule never stops to report, and that is then broken into.
func noisyMachine() Scenario {
	web := Device("web-01.corp.example")
	var all []alert.Alert
	for n := range 150 {
		at, from := At(time.Duration(n)*time.Minute), IP(fmt.Sprintf("203.0.113.%d", n))
		all = append(all, Alert("Suspicious request", low, at, web, from, does("Reconnaissance", "T1595.002")))
	}
	alerts := labelled("web-01", append(all,
		Alert("Web shell", high, At(3*time.Hour), web, does("Persistence", "T1505.003")),
		Alert("Credential dump", high, At(4*time.Hour), web, does("CredentialAccess", "T1003.008")))...)
	return Scenario{
		Name: "a noisy machine that is broken into", Alerts: alerts,
		Incidents: []Incident{one(high, alerts, "web-01.corp.example")},
	}
}

// A scanner that the company runs touches every machine, and one of them is attacked meanwhile.
func scanner() Scenario {
	from := Entity(alert.Device{HostName: "scan-01", LastIP: "10.0.0.8"})
	var all []alert.Alert
	for n := range 30 {
		at, target := At(time.Duration(n)*time.Minute), Device(fmt.Sprintf("ws-%02d", n))
		all = append(all,
			Alert("Port scan", alert.Informational, at, from, IP("10.0.0.8"), target, does("Discovery", "T1046")))
	}
	noise, victim, lee := labelled("", all...), Device("ws-07"), User("lee")
	attack := labelled("script",
		Alert("Encoded script", medium, At(12*time.Minute), victim, lee, does("Execution", "T1059.001")),
		Alert("Scheduled task", medium, At(14*time.Minute), victim, lee, does("Persistence", "T1053.005")),
	)
	alerts := slices.Concat(noise, attack)
	slices.SortStableFunc(alerts, func(a, b measure.Labelled) int {
		return a.Alert.FirstActivity.Compare(b.Alert.FirstActivity)
	})
	return Scenario{
		Name: "a scanner beside an attack", Alerts: alerts,
		Incidents: []Incident{one(alert.Informational, noise, "scan-01"), one(medium, attack, "ws-07")},
		Beyond:    "every device of an alert links, that of a scanner that is not tagged so and its targets too",
	}
}

// An account that installs software is on the alerts of thirty machines that have nothing to do with each other.
func deployment() Scenario {
	var all []alert.Alert
	var alone []Incident
	for n := range 30 {
		host, at := fmt.Sprintf("ws-%02d", n), At(time.Duration(n)*20*time.Minute)
		a := Alert("Unsigned installer", low, at, Device(host), User("svc-deploy"), does("Execution", "T1072"))
		all = append(all, a)
		alone = append(alone, one(low, labelled("", a), host))
	}
	return Scenario{
		Name: "a deployment account on thirty machines", Alerts: labelled("", all...), Incidents: alone,
	}
}
