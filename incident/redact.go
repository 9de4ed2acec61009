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
// An entry of which records still have every text is not redacted. The error is then a [*RefusedError] with
// [ErrCurrent] that says how to change each. A record still has a text when the field has now the value that it had
// before or after the change, a tag when it is on the incident, and the Text of an AlertAdded entry when it is the
// title of the alert. Where the value after the change is still there, the value before it counts only if the entry
// that tells it was redacted, or there is none: a correction is redacted after what it corrects. A text that is
// also in another field, in the evidence, in tags or in Extra of an alert stays there.
//
// An incident that was merged away cannot be changed, and loses the text itself, but no correction. Its field
// becomes empty, and of its tags those go that the change added or removed. Its name is generated again when the
// merge is undone. It gets an effect, too. The Redacted entry repeats the values that incidents still have of the
// fields that it takes.
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
	first := copies[max(0, slices.IndexFunc(copies, func(e activity.Entry) bool { return e.Origin == "" }))]
	subject := first.ID
	if first.Origin != "" {
		subject = cmp.Or(first.Subject, first.ID)
	}
	refused, gone := &RefusedError{}, false
	var ids []activity.ID
	in := make(map[ID][]activity.Entry)
	for _, e := range copies {
		if !e.Redacted {
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
			if e.Origin == "" || first.Origin != "" {
				its := lossOf(c, i, e, earlier)
				for _, which := range its.current {
					refused.add(i.ID, ErrCurrent, which)
				}
				gone = gone || its.gone
			}
			if e.Origin == "" {
				own = append(own, e)
			}
		}
		left := i.leftBy(own, earlier)
		if n > 0 {
			cmd.Part = string(i.ID)
			if len(left) == 0 && (i.Status == Redirected || len(in[i.ID]) == 0) {
				continue
			}
		}
		redacted := activity.Entry{Type: activity.Redacted, Text: reason, Subject: subject}
		e := effect(cmd, i, i, []activity.Entry{redacted}, nil)
		e.Incident = e.Incident.without(own, earlier)
		e.Activity[0].Changes = append(left, e.Activity[0].Changes...)
		effects = append(effects, e)
	}
	if len(refused.Refusals) > 0 && !gone {
		return nil, refused
	}
	effects[0].Redact = ids
	return effects, nil
}

// A loss is what a redaction of an entry takes away.
type loss struct {
	gone    bool     // a text that no record has
	current []string // texts that a record still has: which, and how to change it
}

// add notes a text that a record has, unless current is false.
func (l *loss) add(current bool, which string) {
	if !current {
		l.gone = true
	} else if !slices.Contains(l.current, which) {
		l.current = append(l.current, which)
	}
}

// lossOf returns what the redaction of e takes away: of i, which has e in its log, and of the alert of c that e is
// about. earlier are the entries before e.
func lossOf(c Case, i Incident, e activity.Entry, earlier []activity.Entry) (l loss) {
	var about *alert.Alert
	for n := range c.Alerts {
		if c.Alerts[n].ID == e.Alert {
			about = &c.Alerts[n]
		}
	}
	title := e.Type == activity.AlertAdded && about != nil && about.Title == e.Text
	if e.Text != "" || len(e.Attachments) > 0 {
		l.add(title, "title of alert "+string(e.Alert)+": change it by EditAlerts first")
	}
	for _, change := range e.Changes {
		switch {
		case !e.IsText(change) || change.Redacted():
		case e.OfAlert(change):
			var now activity.Value
			for _, t := range alertTexts {
				if about != nil && t.name == change.Field {
					now = valueOf(*t.of(about))
				}
			}
			which := change.Field + " of alert " + string(e.Alert)
			l.change(e, change, now, earlier, which+": change it by EditAlerts first")
		case i.Status == Redirected && change.Field != "alerts.title":
			l.gone = true // it loses the text too
		case change.Field == "tags":
			for _, t := range slices.Concat(tagsOf(change.Before), tagsOf(change.After)) {
				l.add(i.HasTag(t.Name), "tags: remove them by Edit first")
			}
		default:
			var now activity.Value
			for _, f := range incidentFields() {
				if f.path == change.Field {
					now = f.value(&i)
				}
			}
			how := ": change it by Edit first"
			if change.Field == "alerts.title" {
				how = ": change the titles of its alerts by EditAlerts first"
			}
			l.change(e, change, now, earlier, change.Field+how)
		}
	}
	return l
}

// change notes what is lost with c, a change of e, of a field that has the value now. Where the field has it from
// c, the value before is a loss only if c corrects it.
func (l *loss) change(e activity.Entry, c activity.Change, now activity.Value, earlier []activity.Entry, which string) {
	if c.After == now && now != "" && c.Before != "" && c.Before != now {
		if teller, ok := corrects(e, c, earlier); ok {
			l.gone = true
		} else {
			l.add(true, which+", or redact entry "+string(teller)+" first, which it corrects")
		}
		return
	}
	for _, v := range []activity.Value{c.Before, c.After} {
		if v != "" {
			l.add(v == now, which)
		}
	}
}

// redacted reports whether the values of that field of an incident were taken from e.
func redacted(e activity.Entry, field string) bool {
	return slices.ContainsFunc(e.Changes, func(c activity.Change) bool {
		return c.Field == field && !e.OfAlert(c) && c.Redacted()
	})
}

// corrects reports whether the value before c, a change of e, was redacted in the entry that tells it, or stands in no
// entry; else it returns that entry. earlier are the entries before e.
func corrects(e activity.Entry, c activity.Change, earlier []activity.Entry) (teller activity.ID, ok bool) {
	for _, x := range slices.Backward(earlier) {
		if x.Origin != "" || e.OfAlert(c) && x.Alert != e.Alert {
			continue
		}
		for _, told := range x.Changes {
			if told.Field == c.Field && x.OfAlert(told) == e.OfAlert(c) {
				return x.ID, told.Redacted()
			}
		}
		if c.Field == "title" && e.OfAlert(c) && x.Type == activity.AlertAdded &&
			(x.Redacted || valueOf(x.Text) == c.Before) { // else it tells the reason of a move
			return x.ID, x.Redacted
		}
	}
	return "", true
}

// isCurrent reports whether a field with that value has it from c, or had it before.
func isCurrent(c activity.Change, now activity.Value) bool {
	return now != "" && (c.Before == now || c.After == now)
}

func tagsOf(v activity.Value) (tags []Tag) {
	_ = json.Unmarshal([]byte(v), &tags) // "" is none
	return tags
}

// changedTags returns the tags that c, a change of the tags, added or removed.
func changedTags(c activity.Change) (changed []Tag) {
	before, after := tagsOf(c.Before), tagsOf(c.After)
	for _, lists := range [...][2][]Tag{{before, after}, {after, before}} {
		for _, t := range lists[0] {
			if indexTag(lists[1], t.Name) < 0 {
				changed = append(changed, t)
			}
		}
	}
	return changed
}

// without returns i, if it was merged away, without the texts that it has from entries, except those that correct one
// that was redacted. earlier are the entries before these. To take away a correction too, the entry of the redaction,
// which repeats it, is redacted.
func (i Incident) without(entries, earlier []activity.Entry) Incident {
	if i.Status != Redirected {
		return i
	}
	for _, e := range entries {
		for _, c := range e.Changes {
			_, corrected := corrects(e, c, earlier)
			switch {
			case e.OfAlert(c) || corrected && c.Before != "" && c.Before != c.After && c.Field != "tags":
			case c.Field == "name" && isCurrent(c, valueOf(i.Name)):
				i.Name, i.Renamed, i.Named = "", false, false
			case c.Field == "description" && isCurrent(c, valueOf(i.Description)):
				i.Description = ""
			case c.Field == "tags":
				for _, t := range changedTags(c) {
					if !t.System() {
						i.Tags = withoutTag(i.Tags, t.Name)
					}
				}
			}
		}
	}
	return i
}

// leftBy returns the values that i has, after the redaction of entries, of the fields that change with it or that no
// other entry may tell.
func (i Incident) leftBy(entries, earlier []activity.Entry) (left []activity.Change) {
	after := i.without(entries, earlier)
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
