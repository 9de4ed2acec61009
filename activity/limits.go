package activity

import (
	"fmt"
	"strconv"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// MaxID is how many bytes an [ID] may have: those of a command's identifier, of the incident that it is about and of a
// number.
const MaxID = 2*limit.ID + 64

// Validate reports as an [*alert.FieldError] the first thing that keeps every storage from storing e: a text that
// is not UTF-8, an ID or a Part of more than [MaxID] bytes, another identifier, or the SHA256 of an attachment, of more
// than 1,024, a longer text than 16 MiB, more than 64 MiB of texts, a time that is not of the years 1 to 9999, a value
// of an enumeration that has no name, a negative Index or Version, a Seal of more parts than e has, or a Value that is
// not JSON or has more than 1,000 levels. What a command accepts is less.
func (e Entry) Validate() error {
	var c limit.Check
	c.Text("id", string(e.ID), MaxID)
	c.Time("time", e.Time)
	c.Text("incident", string(e.Incident), limit.ID)
	c.Text("alert", string(e.Alert), limit.ID)
	if int(e.Type) >= len(types) {
		c.Add("type", e.Type.String(), enum.Want(types[1:]))
	}
	if int(e.Actor.Kind) >= len(actorKinds) {
		c.Add("actor.kind", e.Actor.Kind.String(), enum.Want(actorKinds))
	}
	c.Text("actor.id", e.Actor.ID, limit.ID)
	c.Text("actor.name", e.Actor.Name, limit.ID)
	c.Text("actor.onBehalfOf", e.Actor.OnBehalfOf, limit.ID)
	c.Text("cause", e.Cause, limit.ID)
	c.Text("part", e.Part, MaxID)
	c.Count("index", e.Index)
	c.Count("version", int(e.Version))
	c.Text("text", e.Text, limit.Text)
	c.Text("subject", string(e.Subject), MaxID)
	c.Text("origin", string(e.Origin), limit.ID)
	c.Time("occurred", e.Occurred)
	for n := 0; n < len(e.Changes) && !c.Found(); n++ {
		if e.Changes[n].validate(&c); c.Found() {
			c.Under("changes", n)
		}
	}
	for n := 0; n < len(e.Links) && !c.Found(); n++ {
		if e.Links[n].validate(&c); c.Found() {
			c.Under("links", n)
		}
	}
	for n := 0; n < len(e.Attachments) && !c.Found(); n++ {
		if e.Attachments[n].validate(&c); c.Found() {
			c.Under("attachments", n)
		}
	}
	if n := len(e.Seal.Parts); n > e.parts() {
		c.Add("seal.parts", strconv.Itoa(n), fmt.Sprint("at most the ", e.parts(), " that the entry has"))
	}
	if !c.Found() {
		return nil
	}
	return refusal("entry "+limit.Shorten(string(e.ID)), &c)
}

func (c Change) validate(check *limit.Check) {
	check.Text("field", c.Field, limit.Text)
	if c.Before != "" {
		check.JSON("before", string(c.Before), limit.Text)
	}
	if c.After != "" {
		check.JSON("after", string(c.After), limit.Text)
	}
}

func (l Link) validate(check *limit.Check) {
	if int(l.Reason) >= len(reasons) {
		check.Add("reason", l.Reason.String(), enum.Want(reasons))
	}
	check.Text("entity", string(l.Entity), limit.Text)
	check.Text("incident", string(l.Incident), limit.ID)
	check.Text("heldBack", l.HeldBack, limit.Text)
}

func (a Attachment) validate(check *limit.Check) {
	check.Text("name", a.Name, limit.Text)
	check.Text("type", a.Type, limit.Text)
	check.Text("sha256", a.SHA256, limit.ID)
}

// refusal returns what a check has found in a record, nil when that is nothing.
func refusal(record string, c *limit.Check) error {
	if !c.Found() {
		return nil
	}
	return &alert.FieldError{Record: record, Field: c.Field, Value: c.Value, Want: c.Want}
}
