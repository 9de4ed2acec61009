package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// AddAlert returns the effect of putting the new alert a into i because of links. known reports whether an
// alert of i has evidence with that identity. AddAlert needs no other alert of i, so that the cost does not
// grow with the incident. Severity and name follow unless a person chose them. A severity that another system gave
// stays unless a is more severe: then it is derived.
//
// A resolved incident is reopened by an alert that is not resolved: it becomes Active, without note and time, and
// keeps its owner. Whether alerts go to resolved incidents at all is for the correlator to say.
//
// An alert that only adds to a count leaves Updated as it is, so that a storm does not keep its incident at
// the top of the queue: known reports true for its [alert.Alert.KindKey], nothing of the incident changes but
// counts and the last activity, and i was updated less than an hour before. The last link of its entry then
// has the reason [activity.RepeatedAlertOccurrence], no Entity, and i as its Incident. No other link can say
// that.
func AddAlert(cmd Command, i Incident, a alert.Alert, links []activity.Link, known func(alert.Key) bool) Effect {
	if quiet := ofItsKind(i.ID); slices.Contains(links, quiet) {
		links = slices.DeleteFunc(slices.Clone(links), func(l activity.Link) bool { return l == quiet })
	}
	after := i
	after.Alerts = i.Alerts.add(a, cmd.keys(a), known)
	if i.Status == Resolved && a.Status != alert.StatusResolved {
		after = after.reopen(Active)
	}
	after = after.raise(a.Severity).derive()
	e := effect(cmd, i, after, []activity.Entry{{Type: activity.AlertAdded, Alert: a.ID, Text: a.Title, Links: links}}, nil)
	since := cmd.At.Sub(i.Updated)
	if 0 <= since && since < quietTime && onlyCounts(e.Activity) && known(cmd.keys(a).Kind()) {
		e.Activity[0].Links = append(slices.Clone(links), ofItsKind(i.ID))
		e.Incident.Updated = i.Updated
	}
	a.Incident, a.Updated, a.SourceStatus = i.ID, cmd.At, a.Status
	e.Alerts = []alert.Alert{a}
	return e
}

// quietTime is for how long alerts that only add to a count leave an incident's Updated as it is.
const quietTime = time.Hour

// ofItsKind is the link by which [Replay] sees that an entry leaves Updated as it is.
func ofItsKind(id ID) activity.Link {
	return activity.Link{Reason: activity.RepeatedAlertOccurrence, Incident: id}
}

func isQuiet(e activity.Entry) bool {
	return e.Type == activity.AlertAdded && len(e.Links) > 0 && e.Links[len(e.Links)-1] == ofItsKind(e.Incident)
}

// onlyCounts reports whether entries change nothing of an incident but how many alerts it has, and until when.
func onlyCounts(entries []activity.Entry) bool {
	return len(entries) == 1 && !slices.ContainsFunc(entries[0].Changes, func(c activity.Change) bool {
		switch c.Field {
		case "alerts.count", "alerts.bySeverity", "alerts.byStatus", "alerts.lastActivity":
			return false
		}
		return true
	})
}

// UpdateAlert returns the effect on the incident of c of one of its alerts becoming a, as [Repeat] made it. It
// needs all alerts of the incident, that one as it is stored among them. Severity and name follow unless a person
// chose them. links are what new evidence of a links it to; they go into the entry about the evidence.
//
// An incident that is resolved becomes Active again when a fires again, see [Repeat]. One that is open is
// resolved with its last alert. [Policy] can keep both from happening; the entry about the status says why it
// changed.
func UpdateAlert(cmd Command, c Case, a alert.Alert, links []activity.Link) (Effect, error) {
	if err := c.complete(); err != nil {
		return Effect{}, err
	}
	alerts := slices.Clone(c.Alerts)
	var changes []alertChange
	why := ""
	for n := range alerts {
		if alerts[n].ID == a.ID {
			alerts[n] = a
			changes = append(changes, alertChange{&c.Alerts[n], &alerts[n]})
			why = cmd.reopens(c.Alerts[n], a)
		}
	}
	if len(changes) == 0 {
		return Effect{}, c.wrong(string(a.ID), "an alert of the incident")
	}
	after := c.Incident
	after.Alerts, _ = cmd.summarize(alerts)
	if after.Status == Resolved && why != "" {
		after = after.reopen(Active)
	} else {
		after, why = cmd.resolveWithLast(c.Incident.Alerts, after)
	}
	for _, change := range changes {
		if change.after.Severity != change.before.Severity {
			after = after.raise(change.after.Severity)
		}
	}
	e := effect(cmd, c.Incident, after.derive(), nil, changes).because(why)
	for n := range e.Activity {
		if entry := &e.Activity[n]; entry.Type == activity.AlertUpdated {
			entry.Links = links
		}
	}
	return e, nil
}

// Reopen returns the effect of i, which is resolved, becoming Active again because its stored alert old fires again
// as a, as [Repeat] made it. It is the part of [UpdateAlert] that comes first where i takes part in merges before a
// is stored. It needs no other alert of i. The effect is zero where UpdateAlert would not reopen i.
func Reopen(cmd Command, i Incident, old, a alert.Alert) (Effect, error) {
	if err := (Case{i, []alert.Alert{old}}).own(); err != nil {
		return Effect{}, err
	}
	why := cmd.reopens(old, a)
	if i.Status != Resolved || why == "" {
		return Effect{Incident: i}, nil
	}
	return effect(cmd, i, i.reopen(Active), nil, nil).because(why), nil
}

// reopens says why an alert of a resolved incident reopens it when it becomes a; "" when it does not.
func (c Command) reopens(old, a alert.Alert) string {
	signs := firesAgain(old, a)
	if c.Policy.KeepResolved || a.Status == alert.StatusResolved || len(signs) == 0 {
		return ""
	}
	return fmt.Sprintf("Alert %s fired again: %s.", a.ID, strings.Join(signs, ", "))
}

// resolveWithLast returns i resolved, and why, when the last of its alerts that were open is resolved or has left.
// before is the summary of its alerts before that.
func (c Command) resolveWithLast(before Summary, i Incident) (after Incident, why string) {
	if before.Count == 0 || before.allResolved() {
		return i, ""
	}
	if after = c.resolveAll(i); after.Status == i.Status {
		return i, ""
	}
	return after, "All its alerts are resolved."
}

// resolveAll returns i resolved if it is open, has alerts and all of them are resolved, and the policy allows it.
func (c Command) resolveAll(i Incident) Incident {
	after := i
	after.Status, after.Resolved = Resolved, c.At
	if c.Policy.KeepOpen || !i.Status.Open() || !i.Alerts.allResolved() || c.Policy.Check(i, after) != nil {
		return i
	}
	return after
}

// because returns e with the reason for which the status of the incident changed.
func (e Effect) because(why string) Effect {
	for n := range e.Activity {
		if entry := &e.Activity[n]; entry.Type == activity.StatusChanged && entry.Text == "" {
			entry.Text = why
		}
	}
	return e
}
