package incident

import (
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// MoveAlerts returns the effects of moving alerts from the incidents they are in to another: first that on the
// other, with all alerts that move, then one on each that they leave, in the order of from. They are to be stored
// at once. An incident to that was never stored, of which only the ID is given, is made. Alerts that are in none
// of from stay where they are; when no alert moves there is no effect. MoveAlerts needs all alerts of each of
// from, and all of to when one moves. No two of them may be the same incident. reason is put into the log, at
// most [MaxComment] code points; it may be "".
//
// Severity and name of all of them follow their alerts, unless a person chose them, as with [AddAlert]. An incident
// that is left without alerts stays, without severity and named "Incident without alerts" unless a person chose
// otherwise.
// Alerts keep their status and their owner. They may leave an incident that is resolved. An open incident that keeps
// only resolved alerts is resolved, and so is a new one that gets no others, unless cmd.Policy keeps them open.
//
// The error holds every refusal, as a [*RefusedError]: the other is resolved, was merged away, or would have
// more than [MaxEntities].
//
// Source: Microsoft Defender XDR, move alerts to another incident; what becomes of an incident without alerts
// is not published.
func MoveAlerts(cmd Command, from []Case, to Case, alerts []alert.ID, reason string) ([]Effect, error) {
	refused := &RefusedError{}
	refused.unlessOpen(Party{Case: to})
	before, after := to.Incident, to.Incident
	var main []activity.Entry
	if before.Created.IsZero() {
		before, after.Created = Incident{}, cmd.At
		main = append(main, activity.Entry{Type: activity.IncidentCreated, Text: reason})
	}
	for _, c := range from {
		if err := c.complete(); err != nil {
			return nil, err
		}
	}
	going := make(map[alert.ID]bool, len(alerts))
	for _, id := range alerts {
		going[id] = true
	}
	entities := identities(to.Alerts)
	effects := make([]Effect, 1, 1+len(from))
	var arrived []alert.Alert
	for _, c := range from {
		var stay, leave []alert.Alert
		for _, a := range c.Alerts {
			if going[a.ID] {
				leave = append(leave, a)
			} else {
				stay = append(stay, a)
			}
		}
		if len(leave) == 0 {
			continue
		}
		if len(arrived) == 0 {
			if err := to.complete(); err != nil {
				return nil, err
			}
		}
		for _, a := range leave {
			text := reason
			if text == "" {
				text = a.Title
			}
			main = append(main, activity.Entry{Type: activity.AlertAdded, Alert: a.ID, Text: text, Links: byHand(c.Incident.ID)})
			after.Alerts = after.Alerts.take(a, a.KeySet(), entities)
			after = after.raise(a.Severity)
		}
		left := c.Incident
		left.Alerts = Summarize(stay)
		cmd.Part = string(left.ID)
		left, why := cmd.resolveWithLast(c.Incident.Alerts, left)
		e := effect(cmd, c.Incident, left.derive(), leaving(leave, reason), nil).because(why)
		leave, e.Activity = move(cmd, leave, e.Activity, to.Incident.ID)
		arrived = append(arrived, leave...)
		effects = append(effects, e)
	}
	err := refused.limit(to.Incident.ID, len(entities)).err("incident "+string(to.Incident.ID), reason)
	if err != nil || len(arrived) == 0 {
		return nil, err
	}
	cmd.Part = ""
	if before.ID == "" {
		after = cmd.resolveAll(after)
	}
	effects[0] = effect(cmd, before, after.derive(), main, nil)
	effects[0].Alerts = arrived
	return effects, nil
}

// leaving returns the main entries of alerts that leave an incident.
func leaving(alerts []alert.Alert, reason string) []activity.Entry {
	main := make([]activity.Entry, 0, len(alerts))
	for _, a := range alerts {
		main = append(main, activity.Entry{Type: activity.AlertMoved, Alert: a.ID, Text: reason})
	}
	return main
}

// move returns alerts as alerts of the incident to, and entries, of which those about their leaving are in the
// order of alerts, with that change.
func move(cmd Command, alerts []alert.Alert, entries []activity.Entry, to ID) ([]alert.Alert, []activity.Entry) {
	moved := slices.Clone(alerts)
	left := moved
	for n := range entries {
		if e := &entries[n]; e.Type == activity.AlertMoved {
			a := &left[0]
			left = left[1:]
			e.Changes = append(e.Changes, activity.Change{Field: "incident", Before: valueOf(string(a.Incident)), After: valueOf(string(to))})
			a.Incident, a.Updated = to, cmd.At
		}
	}
	return moved, entries
}

// byHand is the link between incidents that somebody has put together, or apart.
func byHand(id ID) []activity.Link {
	return []activity.Link{{Reason: activity.GroupedManually, Incident: id}}
}
