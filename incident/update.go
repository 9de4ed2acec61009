package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// Known is what a storage knows of a draft that is imported again; see [Update].
type Known struct {
	Comments map[activity.ID]bool // of the draft's CommentIDs, those that are in the log
	Assets   map[alert.Key]bool   // of the identities of the new alerts' assets, those that an alert of the incident has
}

// Update returns the effect of importing d again over c.Incident: what the other system has changed since
// the last import is taken over, comments and alerts that are new are added, and alerts that are there are
// counted and, as [Repeat] says, updated. It is one effect, so that no part of an import is kept without
// the others.
//
// alerts are those of d that are new or in the incident already, complete as stored alerts are; d.Alerts is not
// looked at. c.Alerts must have those of them that are stored. Update needs all alerts of the incident when d
// Cascades or Repeat changes one, and no others otherwise. An effect without entries leaves the incident as it
// is: alerts were only counted.
//
// The fields of d are taken over when d.Reference.Updated is later than at the last import; without that time they
// are taken only by the first. A field that d leaves open stays. Name and severity become those of d, as with [Create],
// in place of chosen ones too. Owner and custom tags become those of d, of which
// the last are left out where there would be more than MaxTags with the system tags that stay. The cascades of
// [Edit.Apply] reach the alerts that were there; new ones stay as d has them, as with [Create].
//
// An incident that is resolved becomes Active when an alert fires again, as with [UpdateAlert], or when one is added
// that is not resolved, unless d itself has it as Resolved. An open one is resolved with its last alert, unless d is
// a later state that has it as InProgress. A redirect is not taken over, since the alerts would have to go along. An
// incident that was merged into another, so that c.Incident is that other, gives it its new comments and alerts
// alone. One that was purged is not brought back: the error matches [ErrPurged].
func Update(cmd Command, c Case, d Draft, alerts []alert.Alert, known Known, tax classification.Taxonomy) (Effect, error) {
	if err := d.validate(tax); err != nil {
		return Effect{}, err
	}
	before, after := c.Incident, c.Incident
	if before.Status == Purged {
		return Effect{}, closed(before)
	}
	its := before.ID == d.Reference.IncidentID()
	receiving := cmd
	if its && d.Status == Resolved {
		receiving.Policy.KeepResolved = true // its system knows better
	}
	here, added, changed, why := c.receive(receiving, alerts)
	check := c.own
	if changed || d.Cascades(before) {
		check = c.complete
	}
	if err := check(); err != nil {
		return Effect{}, err
	}
	assets := make(map[alert.Key]bool)
	maps.Copy(assets, known.Assets)
	if changed {
		after.Alerts, assets = Command{}.summarize(here)
	}
	newer, rated := d.newer(before), false
	if newer {
		rated = d.Severity != alert.Unrated
		edited, cascade, err := d.edit(before).apply(cmd, Case{after, here}, tax)
		if err != nil {
			return Effect{}, err
		}
		after = d.adopt(edited)
		for n := range cascade {
			here[n] = *cascade[n].after
		}
	}

	var main []activity.Entry
	for n, a := range added {
		after.Alerts = after.Alerts.take(a, cmd.keys(a), assets)
		if !rated {
			after = after.raise(a.Severity)
		}
		main = append(main, activity.Entry{Type: activity.AlertAdded, Alert: a.ID, Text: a.Title,
			Links: []activity.Link{{Reason: activity.GroupedBySource}}})
		added[n].Incident, added[n].Updated, added[n].SourceStatus = before.ID, cmd.At, a.Status
	}
	for _, e := range d.comments(d.Reference.IncidentID()) {
		if !known.Comments[e.ID] {
			main = append(main, e)
			after.Comments++
		}
	}
	changes := make([]alertChange, len(here))
	for n := range here {
		changes[n] = alertChange{&c.Alerts[n], &here[n]}
		if !rated && here[n].Severity != c.Alerts[n].Severity {
			after = after.raise(here[n].Severity)
		}
	}
	switch {
	case before.Status == Resolved && (after.Status == Active || after.Status == Resolved && why != ""):
		after = after.reopen(Active)
	case before.Status == after.Status && !(newer && d.Status == InProgress):
		after, why = cmd.resolveWithLast(before.Alerts, after)
	default:
		why = ""
	}
	e := effect(cmd, before, after.derive(), main, changes).because(why)
	e.Alerts = slices.Concat(e.Alerts, counted(changes, e.Alerts), added)
	return e, nil
}

// Cascades reports whether [Update] of i by d may change alerts that d does not name, so that it needs all of them.
func (d Draft) Cascades(i Incident) bool { return d.newer(i) && d.edit(i).Cascades() }

// CommentIDs returns the IDs of the entries that d's comments have in the log when d was imported.
func (d Draft) CommentIDs() []activity.ID {
	var ids []activity.ID
	for _, e := range d.comments(d.Reference.IncidentID()) {
		ids = append(ids, e.ID)
	}
	return ids
}

// receive returns the alerts of c after those that are imported are counted on them, and the others.
// changed says that one became different in more than its count, and why what reopens the incident if it is resolved.
func (c Case) receive(cmd Command, alerts []alert.Alert) (here, added []alert.Alert, changed bool, why string) {
	here = slices.Clone(c.Alerts)
	at := make(map[alert.ID]int, len(here))
	for n := range here {
		at[here[n].ID] = n
	}
	for _, a := range alerts {
		n, ok := at[a.ID]
		if !ok {
			added = append(added, a)
			if a.Status != alert.StatusResolved && !cmd.Policy.KeepResolved {
				why = cmp.Or(why, fmt.Sprintf("Alert %s was added.", a.ID))
			}
			continue
		}
		merged, differs := Repeat(cmd, here[n], a)
		why = cmp.Or(why, cmd.reopens(here[n], merged))
		here[n], changed = merged, changed || differs
	}
	return here, added, changed, why
}

// counted returns the alerts that were counted without anything else, so that they are not among logged,
// which is in the order of changes.
func counted(changes []alertChange, logged []alert.Alert) (alerts []alert.Alert) {
	for _, c := range changes {
		switch {
		case len(logged) > 0 && logged[0].ID == c.after.ID:
			logged = logged[1:]
		case c.after.Repeats != c.before.Repeats:
			alerts = append(alerts, *c.after)
		}
	}
	return alerts
}

// newer reports whether d is a later state of i than the last that was imported.
func (d Draft) newer(i Incident) bool {
	if i.ID != d.Reference.IncidentID() || i.Status == Redirected || i.Status == Purged {
		return false
	}
	at := i.reference(d.Reference)
	return at < 0 || i.References[at].Updated.Before(d.Reference.Updated)
}

// reference returns the place of r among i's references, or -1.
func (i Incident) reference(r Reference) int {
	return slices.IndexFunc(i.References, func(have Reference) bool { return have.System == r.System && have.ID == r.ID })
}

// edit returns the edit that makes i what d says, where d says something.
func (d Draft) edit(i Incident) Edit {
	var e Edit
	if d.Description != "" {
		e.Description = &d.Description
	}
	if !d.Owner.Same(i.Owner) || d.Owner.Name != "" && d.Owner.Name != i.Owner.Name {
		e.Owner = &d.Owner
	}
	if d.Status != i.Status && d.Status != Redirected {
		e.Status = &d.Status
	}
	if d.Status == Resolved && d.Note != "" {
		e.Note = &d.Note
	}
	if !d.Verdict.IsZero() && d.Verdict != i.Verdict {
		e.Verdict = &d.Verdict
	}
	for _, t := range i.Tags {
		if !slices.ContainsFunc(d.Tags, func(n Tag) bool { return Fold(cleanTag(n.Name)) == Fold(t.Name) }) {
			e.RemoveTags = append(e.RemoveTags, t.Name)
		}
	}
	e.addTags = d.tags()
	for n := len(own(e.tags(i))) - MaxTags; n > 0 && len(e.addTags) > 0; n = len(own(e.tags(i))) - MaxTags {
		e.addTags = e.addTags[:max(len(e.addTags)-n, 0)] // an import is not lost over tags
	}
	return e
}

// adopt returns i with the fields of d that no edit changes, or that no person chooses.
func (d Draft) adopt(i Incident) Incident {
	if d.Name != "" {
		i.Name, i.Renamed, i.Named = d.Name, false, true
	}
	if d.Severity != alert.Unrated {
		i.Severity, i.SeverityOverridden, i.SeverityGiven = d.Severity, false, true
	}
	if d.Status == Resolved && !d.Resolved.IsZero() {
		i.Resolved = d.Resolved
	}
	if !d.Created.IsZero() {
		i.Created = d.Created
	}
	i.Extra = d.Extra
	at := i.reference(d.Reference)
	i.References = slices.Clone(i.References)
	if at < 0 {
		i.References = append(i.References, d.Reference)
	} else {
		i.References[at] = d.Reference
	}
	return i
}

// identities returns the identities of all evidence of alerts.
func identities(alerts []alert.Alert) map[alert.Key]bool {
	seen := make(map[alert.Key]bool)
	for _, a := range alerts {
		mark(seen, a, a.KeySet())
	}
	return seen
}
