package activity

import (
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// An ID identifies an entry. Nothing is to be read from its text.
type ID string

// An Entry is one line of the log. Once it is stored, nothing of it changes but what a redaction or the purge of its
// incident takes away; see Redacted.
type Entry struct {
	Seq      int64            `json:"seq"` // place in the log, from 1; given by the store
	ID       ID               `json:"id"`
	Time     time.Time        `json:"time"`            // when it was recorded; UTC, microseconds
	Incident alert.IncidentID `json:"incident"`        // the incident it belongs to
	Alert    alert.ID         `json:"alert,omitempty"` // the alert it is about, if it is about one
	Type     Type             `json:"type"`
	Actor    Actor            `json:"actor"`

	// The command that the entry is of. Version is that of the incident after it, and 0 in an entry that no rule of
	// package incident made. Part is "" unless the command changed several records, and Index counts the entries of a
	// part from 0.
	Cause   string `json:"cause"` // identifier of the command; shared by all entries the command caused
	Part    string `json:"part,omitempty"`
	Index   int    `json:"index,omitempty"`
	Version int64  `json:"version,omitempty"`

	Changes []Change `json:"changes,omitempty"` // what changed, ordered by field
	Text    string   `json:"text,omitempty"`    // a comment's Markdown, or the reason given for a change
	Links   []Link   `json:"links,omitempty"`   // why, for AlertAdded; with which incident, for Merged, Redirected and Unmerged

	Attachments []Attachment `json:"attachments,omitempty"` // images of a comment, in the order given

	// Redacted says that something was taken away for good: of an entry that was redacted the texts that it held,
	// see [Entry.Redact], and of an incident that was purged all that its entries said, see [Entry.Skeleton].
	Redacted bool `json:"redacted,omitempty"`

	// Subject is the entry that this one is about: of a Redacted the entry that was redacted, of what else a merge
	// copied the entry that it is a copy of. That is always the first, never a copy, whatever merges came in between.
	Subject ID `json:"subject,omitempty"`

	Origin   alert.IncidentID `json:"origin,omitempty"`  // the incident it was copied from by a merge
	Occurred time.Time        `json:"occurred,omitzero"` // when it happened at the source, for an imported comment

	// Digest proves what the entry says and what was taken away from it, and AlertDigest what the alert was after the
	// command: see [Entry.WithDigest]. They are zero in entries of versions before the one that brought them.
	Digest      Digest `json:"digest,omitzero"`
	AlertDigest Digest `json:"alertDigest,omitzero"`
	Seal        Seal   `json:"seal,omitzero"` // what Digest and AlertDigest are checked with
}

// Clone returns a copy of e that shares no memory a caller could change.
func (e Entry) Clone() Entry {
	e.Changes = slices.Clone(e.Changes)
	e.Links = slices.Clone(e.Links)
	e.Attachments = slices.Clone(e.Attachments)
	e.Seal.Parts = slices.Clone(e.Seal.Parts)
	return e
}

// Redact returns e without what a redaction takes away: its Text, the Names of its Attachments, and Before and After
// of each of its Changes that [Entry.IsText]. What else the attachments and changes say stays, and Digest still proves
// what was there. It shares no memory with e that a caller could change.
func (e Entry) Redact() Entry {
	before := e
	e = e.Clone()
	e.Text, e.Redacted = "", true
	for n := range e.Attachments {
		e.Attachments[n].Name = ""
	}
	for n, c := range e.Changes {
		if e.IsText(c) {
			e.Changes[n] = Change{Field: c.Field}
		}
	}
	e.Seal = before.sealWithout(&e)
	return e
}

// The fields that hold texts which people write, and which they can change: of an incident, and of an alert.
var (
	incidentTexts = []string{"name", "description", "note", "tags", "alerts.title"}
	alertTexts    = []string{"title", "description", "recommendedActions"}
)

// IsText reports whether c, a change of e, is of a field whose values [Entry.Redact] takes away. These are name,
// description, note, tags and alerts.title of an incident, and title, description and recommendedActions of an alert.
// Other fields are kept. They cannot be changed by hand, such as the evidence, the tags and Extra of an alert, or they
// are identifiers, such as owners and references.
func (e Entry) IsText(c Change) bool {
	if e.OfAlert(c) {
		return slices.Contains(alertTexts, c.Field)
	}
	return slices.Contains(incidentTexts, c.Field)
}

// Skeleton returns what is left of e when its incident is purged: that somebody did something of a type, when, and
// because of which command. Values of Changes, Text, Attachments and what Links say of entities are gone; the fields
// that changed and the incidents that were linked stay, and Digest still proves them. It shares no memory with e that a
// caller could change, and is its own skeleton.
func (e Entry) Skeleton() Entry {
	before := e
	e = e.Clone()
	e.Text, e.Attachments, e.Redacted = "", nil, true
	for n := range e.Changes {
		e.Changes[n] = Change{Field: e.Changes[n].Field}
	}
	for n := range e.Links {
		e.Links[n].Entity, e.Links[n].HeldBack = "", ""
	}
	e.Seal = before.sealWithout(&e)
	if e.Seal.Salt = (Digest{}); len(e.Seal.Parts) > 0 { // those of the alert, which goes too
		e.Seal.Parts[alertPart].Salt = Digest{}
	}
	return e
}

// Category returns the category that the entry stands in: that of its Type, but Agents for what an [Agent] did other
// than comment.
func (e Entry) Category() Category {
	if c := e.Type.Category(); c == Comment || e.Actor.Kind != Agent {
		return c
	}
	return Agents
}

// Trigger says whether a person set off the change or a program did. Source: Microsoft Defender XDR,
// activity log ("Trigger").
func (e Entry) Trigger() Trigger {
	if e.Actor.Kind == User {
		return Manual
	}
	return Automated
}

// OfAlert reports whether c, a change of e, is one of the alert that e is about; else it is one of the incident, to
// whose summary or priority an alert's change made a difference.
func (e Entry) OfAlert(c Change) bool {
	about := e.Type == AlertAdded || e.Type == Commented // what changes with these is the incident
	return e.Alert != "" && !about && c.Field != "priority" && !strings.HasPrefix(c.Field, "alerts.")
}

// A Change is the value of one field before and after. In an entry of the type [Redacted], both are the same where they
// say what the redaction left of a field.
type Change struct {
	Field  string `json:"field"` // JSON path of the field in the record, such as "severity" or "alerts.count"
	Before Value  `json:"before"`
	After  Value  `json:"after"`
}

// Redacted reports whether the values of c were taken away, by a redaction or a purge, or c is of an entry of the type
// [Redacted] that left the field empty. They are both "" then, which is true of no other change.
func (c Change) Redacted() bool { return c.Before == "" && c.After == "" }

// A Value is the JSON text of a field's value. The zero Value, "", stands for a field that has no value
// and is null in JSON.
type Value string

// MarshalJSON returns the value itself, null when there is none.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// UnmarshalJSON keeps the text of the value; null becomes the zero Value.
func (v *Value) UnmarshalJSON(text []byte) error {
	if *v = Value(text); *v == "null" {
		*v = ""
	}
	return nil
}

// A Link is one reason why an alert was put into an incident, or one that was considered and held back.
type Link struct {
	Reason   Reason           `json:"reason"`
	Entity   alert.Key        `json:"entity,omitempty"`   // what both sides share
	Incident alert.IncidentID `json:"incident,omitempty"` // the incident it points to
	Score    int              `json:"score,omitempty"`    // how much it weighs
	HeldBack string           `json:"heldBack,omitempty"` // why it did not count; "" when it did
}
