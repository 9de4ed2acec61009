// Package socday is the workload that benchmarks measure with: a storage as a security operations centre
// has it at the start of a day, and the alerts that arrive on that day. Only tests import it.
//
// What is there: 20 % of the incidents are active, 10 % in progress and 70 % resolved; 40 % have no owner,
// the others one of 50, some far more often than others; 20 % carry one to three of 200 tags, skewed too.
// Resolved ones were last updated at any time of the last 180 days, the others mostly of late. An incident
// has 1 to 300 alerts, 10 on average and most often one; an alert has 3 to 8 pieces of evidence, always a
// device, a user and a file; 30 % are informational, 30 % low, 25 % medium and 15 % high. There are five
// log entries an incident. [Day.Light] says how less of it looks, for a queue of a million.
//
// What arrives: one alert a second. Four of five are about a device, a user or a file of an open incident:
// the one to which an alert of the last hours belongs, so that incidents grow and end. The fifth is about
// things never seen before.
//
// [Plain] is the peer: the same job done with maps and slices. A [Fleet] is another day, of few machines with many
// alerts each.
package socday

import (
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Day is a workload. Everything it returns is decided by its fields and the arguments.
type Day struct {
	Seed      uint64
	Incidents int  // how many there are when the day begins; their indexes are 0 to Incidents-1
	Light     bool // 1.75 alerts an incident, 3 to 5 pieces of evidence and 2 log entries
}

// start is when the day begins.
var start = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

const (
	history   = 180 * 24 * time.Hour
	longest   = 4 * time.Hour // from the first to the last alert of an incident
	maxAlerts = 300
	owners    = 50
	tags      = 200
)

// Changeset returns the i-th incident as it is to be stored first, with its alerts and log entries.
func (d Day) Changeset(i int) storage.Changeset {
	status, updated, r := d.glance(i)
	inc := incident.Incident{
		ID: d.ID(i), Status: status, Created: updated.Add(-time.Duration(r.fraction() * float64(longest))).Truncate(time.Microsecond),
		Updated: updated,
	}
	if !r.chance(0.4) {
		inc.Owner = Owner(r.skewed(owners))
	}
	if r.chance(0.2) {
		for range 1 + r.below(3) {
			if t := (incident.Tag{Name: Tag(r.skewed(tags))}); !slices.Contains(inc.Tags, t) {
				inc.Tags = append(inc.Tags, t)
			}
		}
		slices.SortFunc(inc.Tags, func(a, b incident.Tag) int { return strings.Compare(a.Name, b.Name) })
	}
	if status == incident.Resolved {
		inc.Resolved, inc.Note, inc.Verdict = updated, "Reviewed and closed.", verdicts[r.below(len(verdicts))]
	}
	alerts := d.alerts(i, &inc, &r)
	inc.Alerts = incident.Summarize(alerts)
	inc.Severity = inc.Alerts.BySeverity.Highest()
	inc.Name = incident.GenerateName(inc.Alerts)
	entries := d.entries(&inc, alerts)
	return storage.Changeset{Incidents: []incident.Incident{inc}, Alerts: alerts, Activity: entries}
}

// glance returns the status and the last update of the i-th incident, and the sequence that decides the
// rest of it.
func (d Day) glance(i int) (incident.Status, time.Time, random) {
	r := d.random(forIncident, i)
	status := incident.Resolved
	switch p := r.fraction(); {
	case p < 0.2:
		status = incident.Active
	case p < 0.3:
		status = incident.InProgress
	}
	age := r.fraction()
	if status.Open() {
		age *= age * age * age // a quarter of them of the last day
	}
	return status, start.Add(-time.Duration(age * float64(history))).Truncate(time.Microsecond), r
}

// alerts returns the alerts of the i-th incident, which is complete but for what they decide.
func (d Day) alerts(i int, inc *incident.Incident, r *random) []alert.Alert {
	n := 1
	if d.Light {
		for n < maxAlerts && r.chance(3./7) { // 1.75 on average
			n++
		}
	} else {
		const shape = 0.72 // of the Pareto distribution that, cut off at 300, has an average of 10
		cut := 1 - math.Pow(maxAlerts+1, -shape)
		n = min(int(math.Pow(1-r.fraction()*cut, -1/shape)), maxAlerts)
	}
	alerts := make([]alert.Alert, n)
	for k := range alerts {
		r := d.random(forIncidentAlert, i*maxAlerts+k)
		at := inc.Created.Add(inc.Updated.Sub(inc.Created) * time.Duration(k) / time.Duration(n)).Truncate(time.Microsecond)
		// Many alerts mean many devices: one that is on a hundred alerts links nothing.
		a := d.alert(i, k%(1+n/25), r.below(1+n/20), r.below(1+n/10), at, &r)
		a.Incident, a.Owner, a.Updated = inc.ID, inc.Owner, inc.Updated
		switch {
		case inc.Status == incident.Resolved:
			a.Status, a.Resolved = alert.StatusResolved, inc.Resolved
		case inc.Status == incident.InProgress && r.chance(0.5):
			a.Status = alert.StatusInProgress
		}
		alerts[k] = a
	}
	return alerts
}

// entries returns the log of an incident: what happened, and comments up to the number it should have,
// which it counts.
func (d Day) entries(inc *incident.Incident, alerts []alert.Alert) []activity.Entry {
	n := 5
	if d.Light {
		n = 2
	}
	first := alerts[0]
	entries := make([]activity.Entry, 0, n)
	add := func(e activity.Entry) {
		if len(entries) == n {
			return
		}
		e.ID = activity.ID(string(inc.ID) + "/" + strconv.Itoa(len(entries)))
		e.Incident, e.Cause = inc.ID, string(inc.ID)
		if e.Time = inc.Updated; len(entries) < 2 {
			e.Time, e.Actor = inc.Created, Source()
		} else {
			e.Actor = Analyst()
		}
		entries = append(entries, e)
	}
	add(activity.Entry{Type: activity.IncidentCreated, Changes: []activity.Change{{Field: "name", After: quoted(inc.Name)}, {Field: "alerts.count", After: "1"}}})
	add(activity.Entry{Type: activity.AlertAdded, Alert: first.ID, Text: first.Title, Links: []activity.Link{{Reason: activity.GroupedBySource}}})
	if !inc.Owner.IsZero() {
		add(activity.Entry{Type: activity.Assigned, Changes: []activity.Change{{Field: "owner", After: quoted(inc.Owner.ID)}}})
	}
	if inc.Status != incident.Active {
		add(activity.Entry{Type: activity.StatusChanged, Changes: []activity.Change{{Field: "status", Before: `"active"`, After: quoted(inc.Status.String())}}})
	}
	for len(entries) < n {
		inc.Comments++
		add(activity.Entry{Type: activity.Commented, Text: "Checked the process tree and the sign-ins of the last day; nothing else stands out."})
	}
	return entries
}

func quoted(s string) activity.Value { return activity.Value(strconv.Quote(s)) }

// ID returns the identifier of the i-th incident.
func (d Day) ID(i int) incident.ID {
	r := d.random(forIncident, -1-i)
	return incident.ID(r.text())
}

// Tag returns the name of the n-th of the 200 tags, the most frequent one first.
func Tag(n int) string { return tagAreas[n%20] + "-" + tagThings[n/20%10] }

// Owner returns the n-th of the 50 owners, the busiest first.
func Owner(n int) incident.Owner {
	name := givenNames[n%len(givenNames)]
	return incident.Owner{ID: strings.ToLower(name) + "." + strconv.Itoa(n) + "@contoso.com", Name: name + " " + strconv.Itoa(n)}
}

// Changesets returns all incidents with their alerts and log entries, in their order, some hundreds in
// each Changeset.
func (d Day) Changesets() iter.Seq[storage.Changeset] { return d.chunks(false) }

// Queue is as Changesets without alerts and log entries. What incidents say about their alerts is the
// same.
func (d Day) Queue() iter.Seq[storage.Changeset] { return d.chunks(true) }

func (d Day) chunks(bare bool) iter.Seq[storage.Changeset] {
	const size = 500
	return func(yield func(storage.Changeset) bool) {
		for i := 0; i < d.Incidents; i += size {
			var all storage.Changeset
			for k := i; k < min(i+size, d.Incidents); k++ {
				cs := d.Changeset(k)
				all.Incidents = append(all.Incidents, cs.Incidents...)
				if !bare {
					all.Alerts = append(all.Alerts, cs.Alerts...)
					all.Activity = append(all.Activity, cs.Activity...)
				}
			}
			if !yield(all) {
				return
			}
		}
	}
}

// Source is who sends alerts.
func Source() activity.Actor { return activity.Actor{Kind: activity.App, ID: "siem"} }

// Analyst is who edits incidents.
func Analyst() activity.Actor {
	return activity.Actor{Kind: activity.User, ID: "kai@contoso.com", Name: "Kai"}
}

var verdicts = []classification.Verdict{
	{Classification: classification.TruePositive, Determination: classification.Malware},
	{Classification: classification.TruePositive, Determination: classification.Phishing},
	{Classification: classification.TruePositive, Determination: classification.CompromisedAccount},
	{Classification: classification.InformationalExpectedActivity, Determination: classification.SecurityTesting},
	{Classification: classification.FalsePositive, Determination: classification.NotMalicious},
}

var tagAreas = []string{
	"vip", "finance", "hr", "legal", "plant", "retail", "research", "cloud", "identity", "mail",
	"endpoint", "network", "backup", "payroll", "partner", "guest", "kiosk", "lab", "board", "branch",
}

var tagThings = []string{"review", "campaign", "hunting", "escalated", "repeat", "audit", "drill", "insider", "supplier", "legacy"}

var givenNames = []string{
	"Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jan", "Kai", "Lea", "Mona", "Nils", "Olga", "Paul",
	"Quinn", "Rosa", "Sven", "Tara", "Uwe", "Vera", "Wim", "Xenia", "Yara",
}
