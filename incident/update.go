package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// Known is what a storage knows of a draft that is imported again; see [Update].
type Known struct {
	Of       ID                   // the incident that the draft's Reference stands for; "" means Reference.IncidentID()
	Base     *Base                // of the last import; nil when none is remembered
	Decided  map[string]time.Time // when the fields that Draft.Disputed names were last changed here, as the log says
	Comments map[activity.ID]bool // of the draft's CommentIDs those that are in the log, and whether they have their text
	Alerts   []alert.Alert        // of the draft's alerts those that the incident has, as they are stored
	Assets   map[alert.Key]bool   // of the identities of the new alerts' assets, those that an alert of the incident has
}

// Update returns the effect of importing d again over c.Incident: what the other system has changed since
// the last import is taken over, comments and alerts that are new are added, and alerts that are there are
// counted and, as [Repeat] says, updated. It is one effect, so that no part of an import is kept without
// the others.
//
// alerts are those of d that are new or in the incident already, complete as stored alerts are; d.Alerts is
// not looked at. c.Alerts must have those of them that are stored. Update needs all alerts of the incident
// when what [Draft.Settle] returns Cascades or Repeat changes one, and no others otherwise. An effect without
// entries leaves the incident as it is: alerts were only counted.
//
// Draft.Settle says which fields become those of d. Where a value here stays although the other system has
// changed it, too, an entry of the type [activity.Overruled] says both. The cascades of [Edit.Apply] reach
// the alerts that were there; new ones stay as d has them, as with [Create].
//
// A comment that was changed or deleted there since the last import stays as it is here, and an entry of the
// type [activity.CommentRevised] says what it is now; a comment that was redacted here has no such entry. A d
// without comments deletes none.
//
// An incident that is resolved becomes Active when an alert fires again, as with [UpdateAlert], or when one is added
// that is not resolved, unless d itself has it as Resolved. An open one is resolved with its last alert, unless d is
// a later state that has it as InProgress. A redirect is not taken over here, since the alerts have to go along: see
// [Merge]. An incident that was merged into another, so that c.Incident is that other, gives it its new comments and
// alerts alone. One that was purged is not brought back: the error matches [ErrPurged].
func Update(cmd Command, c Case, d Draft, alerts []alert.Alert, known Known, tax classification.Taxonomy) (Effect, error) {
	if err := d.validate(tax); err != nil {
		return Effect{}, err
	}
	before, after := c.Incident, c.Incident
	if before.Status == Purged {
		return Effect{}, closed(before)
	}
	settled := d.Settle(cmd, before, known)
	receiving := cmd
	if settled.take != nil && d.Status == Resolved {
		receiving.Policy.KeepResolved = true // its system knows better
	}
	here, added, changed, why := c.receive(receiving, alerts)
	check := c.own
	if changed || settled.Cascades() {
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
	rated := settled.take["severity"]
	if settled.take != nil {
		edited, cascade, err := settled.edit.apply(cmd, Case{after, here}, tax)
		if err != nil {
			return Effect{}, err
		}
		after = settled.adopt(cmd, d, edited)
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
	comments := d.newComments(known)
	after.Comments += len(comments)
	main = slices.Concat(main, comments, d.revisedComments(before, known), settled.overruled(d))
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
	case before.Status == after.Status && !(settled.take["status"] && d.Status == InProgress):
		after, why = cmd.resolveWithLast(before.Alerts, after)
	default:
		why = ""
	}
	e := effect(cmd, before, after.derive(), main, changes).because(why)
	e.Alerts = slices.Concat(e.Alerts, counted(changes, e.Alerts), added)
	return e, nil
}

// of returns the incident that r stands for.
func (k Known) of(r Reference) ID { return cmp.Or(k.Of, r.IncidentID()) }

// is reports whether i is what r stands for, and not what that was merged into.
func (k Known) is(i Incident, r Reference) bool {
	return i.ID == k.of(r) && i.Status != Redirected && i.Status != Purged
}

// CommentIDs returns the IDs that the entries of d's comments have in the log when d was imported, oldest first, and
// behind them those that earlier versions gave them.
func (d Draft) CommentIDs() []activity.ID {
	var ids, former []activity.ID
	for _, e := range d.comments(d.Reference.IncidentID()) {
		ids, former = append(ids, e.ID), append(former, e.former)
	}
	return append(ids, former...)
}

// newComments returns the entries of the comments that are not in the log.
func (d Draft) newComments(known Known) (entries []activity.Entry) {
	for _, c := range d.comments(d.Reference.IncidentID()) {
		_, logged := known.Comments[c.ID]
		if _, former := known.Comments[c.former]; !logged && !former {
			entries = append(entries, c.Entry)
		}
	}
	return entries
}

// revisedComments returns the entries about comments that were changed or deleted since the last import.
func (d Draft) revisedComments(i Incident, known Known) (entries []activity.Entry) {
	if d.late(i, known.Base) || known.Base == nil || len(d.Comments) == 0 {
		return nil
	}
	left := maps.Clone(known.Base.Comments)
	for _, c := range d.comments(d.Reference.IncidentID()) {
		mark := commentMark(c.ID)
		was, ok := left[mark]
		delete(left, mark)
		if id := c.in(known); ok && was != textDigest(c.Text) && known.Comments[id] {
			entries = append(entries, activity.Entry{
				Type: activity.CommentRevised, Actor: c.Actor, Text: c.Text, Subject: id,
			})
		}
	}
	for _, mark := range slices.Sorted(maps.Keys(left)) {
		entries = append(entries, activity.Entry{
			Type: activity.CommentRevised, Subject: commentPrefix(d.Reference.IncidentID()) + activity.ID(mark),
		})
	}
	return entries
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

// reference returns the place of r among i's references, or -1.
func (i Incident) reference(r Reference) int {
	return slices.IndexFunc(i.References, func(have Reference) bool { return have.System == r.System && have.ID == r.ID })
}

// identities returns the identities of all evidence of alerts.
func identities(alerts []alert.Alert) map[alert.Key]bool {
	seen := make(map[alert.Key]bool)
	for _, a := range alerts {
		mark(seen, a, a.KeySet())
	}
	return seen
}
