package incident

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// Copies returns an entry with all copies of it that merges made, whether it is the first of them itself or a copy. log
// yields at least the entries of its type and the redirects in the log of an incident; of one that is not there,
// nothing. The error is one that log yields, or an [*alert.FieldError] when the entry holds no text that [Redact] could
// take away.
func Copies(entry activity.Entry, log func(ID) iter.Seq2[activity.Entry, error]) ([]activity.Entry, error) {
	if !entry.Redacted && entry.Text == "" && len(entry.Attachments) == 0 &&
		!slices.ContainsFunc(entry.Changes, entry.IsText) {
		return nil, &alert.FieldError{
			Record: "entry " + string(entry.ID), Field: "type", Value: entry.Type.String(),
			Want: "an entry that holds a text",
		}
	}
	its := tellerOf(entry)
	// A copy goes where a merge leads, and stays there when the merge is undone.
	in := []ID{entry.Incident}
	if entry.Origin != "" && entry.Origin != entry.Incident {
		in = append(in, entry.Origin)
	}
	var found []activity.Entry
	for n := 0; n < len(in); n++ {
		for e, err := range log(in[n]) {
			if err != nil {
				return nil, err
			}
			if tellerOf(e) == its {
				found = append(found, e)
			}
			if e.Type == activity.Redirected && e.Origin == "" && len(e.Links) > 0 &&
				!slices.Contains(in, e.Links[0].Incident) {
				in = append(in, e.Links[0].Incident)
			}
		}
	}
	return found, nil
}

// Redact returns the effects of taking away for good the texts that an entry holds: its Text, the names and
// contents of its images, and the values of the fields that [activity.Entry.IsText] names. copies are the entry and
// its copies, as [Copies] returns them. c is the incident that the one whom the caller named stands in, or leads
// to, with the alert that the entry is about, wherever it is now, unless that is gone. others are incidents that
// have a copy in their log. earlier are the entries before the first of copies in the log of its incident.
//
// The first effect is on c's incident, with the IDs of all entries to be redacted. Then comes one on each of the others
// that was not merged away, so that none of them can give a copy to another incident meanwhile. They are to be stored
// at once. Each logs a Redacted entry with the reason, which may be "" and is at most [MaxComment] code points. The
// reason stays unless that entry is redacted too: it must not repeat what is taken away. Size, digest and dimensions of
// images stay, and so do the numbers of comments and the ID of an imported comment, so that importing it again does not
// bring it back.
//
// A text that a record still has is not taken from its log. The error is then a [*RefusedError] with [ErrCurrent].
// A text is still there when the incident or the alert has now the value that a field had before or after the
// change. Of tags, the incident must have every custom tag that the change added or removed. The Text of an
// AlertAdded entry is there while it is the title of the alert. A correction is no such case: the value after the
// change may still be there when the entry that tells the value before it was redacted, or there is none. So the
// entries of a slip are redacted in their order. A text that is also in another field, in the evidence or in Extra
// stays there.
//
// An incident that was merged away cannot be changed, and loses the text itself. Its field becomes empty, and of its
// tags those go that the change added or removed. Its name is generated again when the merge is undone. It gets an
// effect, too. The Redacted entry repeats the values that incidents still have of the fields that it takes.
//
// When all copies are redacted already there are no effects. No copies at all are an [*alert.FieldError].
func Redact(
	cmd Command, c Case, others []Incident, copies, earlier []activity.Entry, reason string,
) ([]Effect, error) {
	p := problems{record: "incident " + string(c.Incident.ID)}
	p.text("reason", reason, MaxComment)
	if len(copies) == 0 {
		p.add("entry", "", "an entry")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	refused := &RefusedError{}
	var ids []activity.ID
	in := make(map[ID][]activity.Entry)
	for _, e := range copies {
		if !e.Redacted {
			if len(ids) == 0 {
				refused.stillOf(c, e, earlier)
			}
			ids = append(ids, e.ID)
			in[e.Incident] = append(in[e.Incident], e)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var effects []Effect
	seen := make(map[ID]bool)
	for n, i := range append([]Incident{c.Incident}, others...) {
		if seen[i.ID] {
			continue
		}
		seen[i.ID] = true
		var own []activity.Entry // no copies: these tell the state of the incident
		for _, e := range in[i.ID] {
			refused.still(i, e, earlier)
			if e.Origin == "" {
				own = append(own, e)
			}
		}
		left := i.leftBy(own)
		if n > 0 {
			cmd.Part = string(i.ID)
			if len(left) == 0 && (i.Status == Redirected || len(in[i.ID]) == 0) {
				continue
			}
		}
		redacted := activity.Entry{Type: activity.Redacted, Text: reason, Subject: firstOf(copies)}
		e := effect(cmd, i, i, []activity.Entry{redacted}, nil)
		e.Incident = e.Incident.without(own)
		e.Activity[0].Changes = append(left, e.Activity[0].Changes...)
		effects = append(effects, e)
	}
	if len(refused.Refusals) > 0 {
		return nil, refused
	}
	effects[0].Redact = ids
	return effects, nil
}

// firstOf returns the ID of the entry that the others of copies are copies of.
func firstOf(copies []activity.Entry) activity.ID {
	for _, e := range copies {
		if e.Origin == "" {
			return e.ID
		}
	}
	return cmp.Or(copies[0].Subject, copies[0].ID)
}

// still refuses to redact e while i has a text of it that people can change.
func (r *RefusedError) still(i Incident, e activity.Entry, earlier []activity.Entry) {
	for _, f := range incidentFields() {
		for _, c := range e.Changes {
			if c.Field != f.path || e.OfAlert(c) || !e.IsText(c) {
				continue
			}
			current := isCurrent(c, f.value(&i)) && !corrects(e, c, f.value(&i), earlier)
			how := "change it by Edit first"
			switch f.path {
			case "tags":
				names := changedTags(c)
				gone := func(name string) bool { return !i.HasTag(name) }
				current = len(names) > 0 && !slices.ContainsFunc(names, gone)
				how = "remove them by Edit first"
			case "alerts.title":
				how = "change the titles of its alerts by EditAlerts first"
			}
			if current && (i.Status != Redirected || f.path == "alerts.title") {
				r.add(i.ID, ErrCurrent, f.path+": "+how)
			}
		}
	}
}

// stillOf refuses to redact e while the alert that it is about, one of c, has a text of it.
func (r *RefusedError) stillOf(c Case, e activity.Entry, earlier []activity.Entry) {
	at := slices.IndexFunc(c.Alerts, func(a alert.Alert) bool { return a.ID == e.Alert })
	if at < 0 {
		return
	}
	for _, t := range alertTexts {
		now := *t.of(&c.Alerts[at])
		current := e.Type == activity.AlertAdded && t.name == "title" && now == e.Text ||
			slices.ContainsFunc(e.Changes, func(c activity.Change) bool {
				return c.Field == t.name && e.OfAlert(c) && isCurrent(c, valueOf(now)) &&
					!corrects(e, c, valueOf(now), earlier)
			})
		if current {
			r.add(c.Incident.ID, ErrCurrent, t.name+" of alert "+string(e.Alert)+": change it by EditAlerts first")
		}
	}
}

// redacted reports whether the values of that field of an incident were taken from e.
func redacted(e activity.Entry, field string) bool {
	return slices.ContainsFunc(e.Changes, func(c activity.Change) bool {
		return c.Field == field && !e.OfAlert(c) && c.Redacted()
	})
}

// corrects reports whether c, a change of e, put the value that is there now in place of one that was redacted in the
// entry that told it. earlier are the entries before e.
func corrects(e activity.Entry, c activity.Change, now activity.Value, earlier []activity.Entry) bool {
	if c.After != now || c.Before == now || c.Before == "" {
		return false
	}
	for _, x := range slices.Backward(earlier) {
		if x.Origin != "" || e.OfAlert(c) && x.Alert != e.Alert {
			continue
		}
		for _, told := range x.Changes {
			if told.Field == c.Field && x.OfAlert(told) == e.OfAlert(c) {
				return told.Redacted()
			}
		}
		if c.Field == "title" && e.OfAlert(c) && x.Type == activity.AlertAdded {
			return x.Redacted
		}
	}
	return e.OfAlert(c) // what its source gave it stands in no entry
}

// isCurrent reports whether a field with that value has it from c, or had it before.
func isCurrent(c activity.Change, now activity.Value) bool {
	return now != "" && (c.Before == now || c.After == now)
}

// changedTags returns the names of the custom tags that c, a change of the tags, added or removed.
func changedTags(c activity.Change) (names []string) {
	var before, after []Tag
	_ = json.Unmarshal([]byte(c.Before), &before) // "" is no tags
	_ = json.Unmarshal([]byte(c.After), &after)
	for _, lists := range [...][2][]Tag{{before, after}, {after, before}} {
		for _, t := range lists[0] {
			if !t.System() && indexTag(lists[1], t.Name) < 0 {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

// without returns i, if it was merged away, without the texts that it has from entries.
func (i Incident) without(entries []activity.Entry) Incident {
	if i.Status != Redirected {
		return i
	}
	for _, e := range entries {
		for _, c := range e.Changes {
			switch {
			case e.OfAlert(c):
			case c.Field == "name" && isCurrent(c, valueOf(i.Name)):
				i.Name, i.Renamed, i.Named = "", false, false
			case c.Field == "description" && isCurrent(c, valueOf(i.Description)):
				i.Description = ""
			case c.Field == "tags":
				for _, name := range changedTags(c) {
					i.Tags = withoutTag(i.Tags, name)
				}
			}
		}
	}
	return i
}

// leftBy returns the values that i has, after the redaction of entries, of the fields that change with it or that no
// other entry may tell.
func (i Incident) leftBy(entries []activity.Entry) (left []activity.Change) {
	after := i.without(entries)
	for _, f := range incidentFields() {
		v := f.value(&after)
		told := v != "" && slices.ContainsFunc(entries, func(e activity.Entry) bool {
			return slices.ContainsFunc(e.Changes, func(c activity.Change) bool {
				return c.Field == f.path && e.IsText(c) && !e.OfAlert(c) && (f.path == "tags" || c.After == v)
			})
		})
		if told || f.differs(&i, &after) {
			left = append(left, activity.Change{Field: f.path, Before: v, After: v})
		}
	}
	return left
}
