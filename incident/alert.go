package incident

import (
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// AddAlert returns the effect of putting the new alert a into i because of links. known reports whether an
// alert of i has evidence with that identity; the other alerts are not needed, so that the cost does not
// grow with the incident. Severity and name follow unless somebody chose them.
//
// A resolved incident is reopened by it, never filled in silence: it becomes Active, without note and time, and
// keeps its owner. Whether alerts go to resolved incidents at all is for the correlator to say.
func AddAlert(cmd Command, i Incident, a alert.Alert, links []activity.Link, known func(alert.Key) bool) Effect {
	after := i
	after.Alerts = i.Alerts.add(a, cmd.keys(a), known)
	if i.Status == Resolved {
		after = after.reopen(Active)
	}
	after = after.derive()
	e := effect(cmd, i, after, []activity.Entry{{Type: activity.AlertAdded, Alert: a.ID, Text: a.Title, Links: links}}, nil)
	a.Incident, a.Updated = i.ID, cmd.At
	e.Alerts = []alert.Alert{a}
	return e
}

// Repeat returns what the stored alert old becomes when its source reports it again as a: counted once
// more and, where a is a later state of it by SourceUpdated, with what the source now says. changed reports
// whether anything but the count is different.
//
// What people do here stands: owner and verdict are taken over only where there is none, and a status only
// when it is further on.
func Repeat(old, a alert.Alert) (merged alert.Alert, changed bool) {
	counted := old
	counted.Repeats++
	if !old.SourceUpdated.IsZero() && !a.SourceUpdated.After(old.SourceUpdated) {
		return counted, false
	}
	a.ID, a.Version, a.Incident, a.Updated, a.Repeats, a.Seen, a.Standalone = old.ID, old.Version, old.Incident, old.Updated, counted.Repeats, old.Seen, old.Standalone
	if !old.Owner.IsZero() {
		a.Owner = old.Owner
	}
	if !old.Verdict.IsZero() {
		a.Verdict = old.Verdict
	}
	if a.Status <= old.Status {
		a.Status, a.Resolved = old.Status, old.Resolved
	}
	if slices.ContainsFunc(alertFields, func(f field[alert.Alert]) bool { return f.differs(&old, &a) }) {
		return a, true
	}
	return counted, false
}

// UpdateAlert returns the effect on the incident of c, whose alerts are all given, of one of them becoming
// a. Severity and name follow unless somebody chose them.
func UpdateAlert(cmd Command, c Case, a alert.Alert) Effect {
	alerts := slices.Clone(c.Alerts)
	var changes []alertChange
	for n := range alerts {
		if alerts[n].ID == a.ID {
			alerts[n] = a
			changes = append(changes, alertChange{&c.Alerts[n], &alerts[n]})
		}
	}
	after := c.Incident
	after.Alerts, _ = cmd.summarize(alerts)
	return effect(cmd, c.Incident, after.derive(), nil, changes)
}
