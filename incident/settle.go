package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Base is what is remembered of the last import of an incident: what the other system said then. Texts are
// digests, so that a Base is small and does not keep what is redacted here.
type Base struct {
	Updated     time.Time              `json:"updated,omitzero"` // the other system's, of Reference
	Name        string                 `json:"name,omitempty"`
	Description string                 `json:"description,omitempty"`
	Severity    alert.Severity         `json:"severity,omitempty"`
	Status      Status                 `json:"status,omitempty"`
	Note        string                 `json:"note,omitempty"`
	Resolved    time.Time              `json:"resolved,omitzero"`
	Owner       Owner                  `json:"owner,omitzero"`
	Verdict     classification.Verdict `json:"verdict,omitzero"`
	Tags        []string               `json:"tags,omitempty"` // digests of their names

	// Comments has the digest of the text of each comment, by the last part of its entry's ID.
	Comments map[string]string `json:"comments,omitempty"`
}

// maxBaseComments is of how many comments, the newest, a Base has digests.
const maxBaseComments = 700

// Base returns what is to be remembered of d.
func (d Draft) Base() Base {
	b := Base{
		Updated: d.Reference.Updated, Name: textDigest(d.Name), Description: textDigest(d.Description),
		Severity: d.Severity, Status: d.Status, Note: textDigest(d.Note), Resolved: d.Resolved, Owner: d.Owner, Verdict: d.Verdict,
	}
	for _, t := range d.tags() {
		b.Tags = append(b.Tags, tagDigest(t.Name))
	}
	comments := d.comments(d.Reference.IncidentID())
	for _, e := range comments[max(0, len(comments)-maxBaseComments):] {
		if b.Comments == nil {
			b.Comments = make(map[string]string)
		}
		b.Comments[commentMark(e.ID)] = textDigest(e.Text)
	}
	return b
}

// commentMark returns the part of the ID of an imported comment that tells it from those of the same incident.
func commentMark(id activity.ID) string { return string(id[strings.LastIndexByte(string(id), '/')+1:]) }

// tagDigest returns the same of names that are one tag.
func tagDigest(name string) string { return textDigest(Fold(name))[:16] }

// textDigest returns "" of "", and else 16 bytes of a hash in hexadecimal digits.
func textDigest(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// A Side says who decides a field of an imported incident that was changed on both sides since the last import.
type Side uint8

// The sides. The zero Side is LastDecided.
const (
	LastDecided Side = iota // whoever changed it last; the other system, when it does not say when
	Theirs                  // the other system
	Ours                    // this one
)

var sides = []string{"lastDecided", "theirs", "ours"}

// String returns the side's text, such as "theirs".
func (s Side) String() string { return enum.Text(sides, "side", s) }

// MarshalText returns the side's text. A value that is not one of the constants is an error.
func (s Side) MarshalText() ([]byte, error) { return enum.Marshal(sides, "side", s) }

// UnmarshalText accepts the text of a side, case-insensitively.
func (s *Side) UnmarshalText(text []byte) error {
	v, ok := enum.Parse[Side](sides, string(text))
	if !ok {
		return &alert.FieldError{Field: "side", Value: limit.Shorten(string(text)), Want: enum.Want(sides)}
	}
	*s = v
	return nil
}

// ImportPolicy says who decides each field that was changed on both sides. The zero ImportPolicy is LastDecided for
// all fields.
type ImportPolicy struct {
	Name        Side `json:"name,omitempty"`
	Description Side `json:"description,omitempty"`
	Severity    Side `json:"severity,omitempty"`
	Status      Side `json:"status,omitempty"` // with note and time
	Owner       Side `json:"owner,omitempty"`
	Verdict     Side `json:"verdict,omitempty"`
}

// A Conflict is a field that was changed on both sides since the last import.
type Conflict struct {
	Field string `json:"field"` // "name", "description", "severity", "status", "note", "owner" or "verdict"
	Here  string `json:"here"`  // the value here before the import
	There string `json:"there"` // the value of the other system
	Taken bool   `json:"taken"` // There is the value now
}

// Settled is what becomes of the fields of a draft that is imported again.
type Settled struct {
	Taken     []string   // fields that were changed there only, and become what the draft says
	Kept      []string   // fields that were changed here only, and stay
	Conflicts []Conflict // fields that were changed on both sides
	Late      bool       // the draft is an earlier state than the one imported before: no field is looked at

	edit     Edit
	take     map[string]bool
	resolves bool // an open incident
	raised   bool // alerts that the draft does not have hold the severity up
}

// Cascades reports whether the fields that are taken may change alerts that the draft does not name.
func (s Settled) Cascades() bool { return s.edit.Cascades() }

// A fieldThere is a field of a draft beside those of the base and of the incident.
type fieldThere struct {
	name         string
	paths        []string // as in the log
	says         bool     // the draft has a value
	changedThere bool
	changedHere  bool
	same         bool // on both sides
	here, there  string
	side         Side
}

// threeWay returns the fields that are compared. Without a base, all of them count as changed on both sides, and none
// does when d has the time of the state that the incident has.
func (d Draft) threeWay(i Incident, base *Base, p ImportPolicy) []fieldThere {
	b, none := Base{}, base == nil
	if at := i.reference(d.Reference); none && at >= 0 && i.References[at].Updated.Equal(d.Reference.Updated) {
		return nil
	}
	if !none {
		b = *base
	}
	both := d.Status == Resolved && i.Status == Resolved
	closedAgain := d.Status == Resolved && !d.Resolved.IsZero() &&
		!d.Resolved.Equal(b.Resolved) && !d.Resolved.Equal(i.Resolved)
	verdict := func(v classification.Verdict) string {
		return strings.Trim(string(v.Classification)+"/"+string(v.Determination), "/")
	}
	return []fieldThere{
		{
			name: "name", paths: []string{"name", "renamed", "named"}, says: d.Name != "", side: p.Name,
			here: i.Name, there: d.Name,
			changedThere: none || textDigest(d.Name) != b.Name, changedHere: i.Renamed, same: d.Name == i.Name,
		},
		{
			name: "description", paths: []string{"description"}, says: d.Description != "", side: p.Description,
			here: i.Description, there: d.Description, same: d.Description == i.Description,
			changedThere: none || textDigest(d.Description) != b.Description,
			changedHere:  none || textDigest(i.Description) != b.Description,
		},
		{
			name: "severity", paths: []string{"severity", "severityOverridden", "severityGiven"},
			says: d.Severity != alert.Unrated, side: p.Severity, here: i.Severity.String(), there: d.Severity.String(),
			changedThere: none || d.Severity != b.Severity || !i.SeverityOverridden && d.Reference.Updated.After(b.Updated),
			changedHere:  i.SeverityOverridden,
			same:         d.Severity == i.Severity, // a later state knows the alerts that raised it
		},
		{ // with its time; that of a resolution which both sides have made is the one here
			name: "status", paths: []string{"status"}, says: d.Status != Redirected, side: p.Status,
			here: i.Status.String(), there: d.Status.String(),
			changedThere: none || d.Status != b.Status || closedAgain ||
				d.Status == Resolved && !both && textDigest(d.Note) != b.Note,
			changedHere: (none || i.Status != b.Status) && d.Status != i.Status,
			same:        d.Status == i.Status && !(both && closedAgain && (none || b.Status == Resolved)),
		},
		{
			name: "note", paths: []string{"note"}, says: both && d.Note != "", side: p.Status, here: i.Note, there: d.Note,
			changedThere: none || textDigest(d.Note) != b.Note, changedHere: none || textDigest(i.Note) != b.Note,
			same: d.Note == i.Note,
		},
		{
			name: "owner", paths: []string{"owner"}, says: !none || !d.Owner.IsZero(), side: p.Owner,
			here: i.Owner.ID, there: d.Owner.ID,
			changedThere: none || !isOwner(d.Owner, b.Owner), changedHere: none || !i.Owner.Same(b.Owner),
			same: isOwner(d.Owner, i.Owner),
		},
		{
			name: "verdict", paths: []string{"verdict.classification", "verdict.determination"},
			says: !d.Verdict.IsZero(), side: p.Verdict, here: verdict(i.Verdict), there: verdict(d.Verdict),
			changedThere: none || d.Verdict != b.Verdict, changedHere: none || i.Verdict != b.Verdict,
			same: d.Verdict == i.Verdict,
		},
	}
}

// isOwner reports whether o is what there says of an owner, or less.
func isOwner(there, o Owner) bool { return there.Same(o) && (there.Name == "" || there.Name == o.Name) }

// late reports whether d is an earlier state than the one that was imported last.
func (d Draft) late(i Incident, base *Base) bool {
	was := Base{}
	if at := i.reference(d.Reference); base != nil {
		was = *base
	} else if at >= 0 {
		was.Updated = i.References[at].Updated
	}
	return !d.Reference.Updated.IsZero() && d.Reference.Updated.Before(was.Updated)
}

// Disputed returns the fields, as the log names them, whose last change here Known.Decided has to have: those that
// were changed on both sides. Most imports have none.
func (d Draft) Disputed(i Incident, base *Base) (fields []string) {
	if d.late(i, base) {
		return nil
	}
	for _, f := range d.threeWay(i, base, ImportPolicy{}) {
		if f.says && f.changedThere && f.changedHere && !f.same {
			fields = append(fields, f.paths...)
		}
	}
	return fields
}

// Settle compares d with what the last import said and with the incident that it became. A field that was changed
// there only is taken, one that was changed here only stays, and one that was changed on both sides is decided by
// cmd.Policy.Imports. None is looked at where i is an incident that the draft's was merged into.
//
// Name and severity are changed here when a person chose them. A severity below that of an alert which i has and d has
// not is not taken: that of i is derived from its alerts then, unless the policy is Theirs. Tags are compared one by
// one. A field that d leaves open stays; an owner that d has no more is taken away. A resolution that both sides have
// made is no conflict, but its note may be one.
func (d Draft) Settle(cmd Command, i Incident, known Known) Settled {
	s := Settled{Late: d.late(i, known.Base)}
	if s.Late || !known.is(i, d.Reference) {
		return s
	}
	s.take = make(map[string]bool)
	fields := d.threeWay(i, known.Base, cmd.Policy.Imports)
	s.raised = len(fields) > 0 && d.raised(i, known) && cmd.Policy.Imports.Severity != Theirs
	for _, f := range fields {
		switch {
		case !f.says || f.same && f.name != "name" && f.name != "severity":
		case f.same && f.changedHere: // it is the other system that follows
		case f.name == "severity" && s.raised && !f.changedHere:
			if i.Severity == i.Alerts.BySeverity.Highest() {
				s.Kept = append(s.Kept, f.name)
			} else {
				s.Taken = append(s.Taken, f.name)
			}
		case !f.changedThere:
			if !f.same {
				s.Kept = append(s.Kept, f.name)
			}
		case f.same || !f.changedHere:
			s.take[f.name] = true
			if !f.same {
				s.Taken = append(s.Taken, f.name)
			}
		default:
			c := Conflict{Field: f.name, Here: f.here, There: f.there, Taken: f.side == Theirs}
			if f.side == LastDecided {
				var here time.Time
				for _, path := range f.paths {
					if at := known.Decided[path]; at.After(here) {
						here = at
					}
				}
				c.Taken = cmp.Or(d.Reference.Updated, cmd.At).After(here)
			}
			s.take[f.name] = c.Taken
			s.Conflicts = append(s.Conflicts, c)
		}
	}
	s.edit = d.edit(i, known.Base, s.take)
	s.resolves = s.take["status"] && d.Status == Resolved && i.Status != Resolved
	return s
}

// raised reports whether an alert of i that d does not have is more severe than d. Where d comes without alerts,
// that is so while an alert keeps i from having the severity that the system of d gave.
func (d Draft) raised(i Incident, known Known) bool {
	others := i.Alerts.BySeverity
	for _, a := range known.Alerts {
		others[a.Severity]--
	}
	kept := known.Base != nil && known.Base.Severity != alert.Unrated && !i.SeverityGiven && !i.SeverityOverridden
	return d.Severity != alert.Unrated && (len(d.Alerts) > 0 || kept) && others.Highest() > d.Severity
}

// edit returns the edit that makes i what d says in the fields that are taken.
func (d Draft) edit(i Incident, base *Base, take map[string]bool) Edit {
	var e Edit
	if take["description"] {
		e.Description = &d.Description
	}
	if take["owner"] {
		e.Owner = &d.Owner
	}
	if take["status"] {
		if d.Status != i.Status {
			e.Status = &d.Status
		}
	}
	if d.Status == Resolved && d.Note != "" && (take["note"] || e.Status != nil) {
		e.Note = &d.Note
	}
	if take["verdict"] {
		e.Verdict = &d.Verdict
	}
	there := make(map[string]bool)
	for _, t := range d.tags() {
		name := tagDigest(t.Name)
		there[name] = true
		if base == nil || !slices.Contains(base.Tags, name) || i.HasTag(t.Name) { // else it was removed here
			e.addTags = append(e.addTags, t)
		}
	}
	for _, t := range i.Tags {
		if name := tagDigest(t.Name); base != nil && !there[name] && slices.Contains(base.Tags, name) {
			e.RemoveTags = append(e.RemoveTags, t.Name)
		}
	}
	for n := len(own(e.tags(i))) - MaxTags; n > 0 && len(e.addTags) > 0; n = len(own(e.tags(i))) - MaxTags {
		e.addTags = e.addTags[:max(len(e.addTags)-n, 0)] // an import is not lost over tags
	}
	return e
}

// adopt returns i with the fields of d that no edit changes, or that no person chooses.
func (s Settled) adopt(cmd Command, d Draft, i Incident) Incident {
	if s.take["name"] {
		i.Name, i.Renamed, i.Named = d.Name, false, true
	}
	if s.take["severity"] {
		i.Severity, i.SeverityOverridden, i.SeverityGiven = d.Severity, false, true
	}
	if s.raised && !i.SeverityOverridden {
		i.SeverityGiven = false
	}
	if s.take["status"] && d.Status == Resolved && (s.resolves || !d.Resolved.IsZero()) {
		i.Resolved = d.resolved(cmd)
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

// overruled returns the entries of the conflicts in which the value here stays.
func (s Settled) overruled(d Draft) (entries []activity.Entry) {
	for _, c := range s.Conflicts {
		if !c.Taken {
			entries = append(entries, activity.Entry{Type: activity.Overruled, Text: fmt.Sprintf("%s: %s stays, %s has %s",
				c.Field, quoted(c.Here), d.Reference.System, quoted(c.There))})
		}
	}
	return entries
}

// quoted returns a value in one line, at most 1,000 code points of it.
func quoted(value string) string {
	if runes := []rune(value); len(runes) > 1000 {
		value = string(runes[:1000]) + "…"
	}
	return strconv.Quote(cmp.Or(value, "none"))
}
