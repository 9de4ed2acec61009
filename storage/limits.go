package storage

import (
	"strconv"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/limit"
)

const (
	// MaxItemData is how many bytes the Data of an Item may have.
	MaxItemData = 64 << 10

	// MaxContentData is how many bytes the Data of a content may have.
	MaxContentData = 256 << 20
)

// Validate reports as an [*alert.FieldError] what keeps every storage from storing i: neither Kind nor Key, a Kind,
// Key or Incident that is not UTF-8 of at most 1,024 bytes, a Time that is not of the years 1 to 9999, or more Data
// than [MaxItemData].
func (i Item) Validate() error {
	var c limit.Check
	c.Text("kind", i.Kind, limit.ID)
	c.Text("key", i.Key, limit.ID)
	if i.Place() == (ItemPlace{}) {
		c.Add("kind", "", "a text that is not empty, or one as key")
	}
	c.Text("incident", string(i.Incident), limit.ID)
	c.Time("time", i.Time)
	if n := len(i.Data); n > MaxItemData {
		c.Add("data", strconv.Itoa(n)+" bytes", "at most "+strconv.Itoa(MaxItemData)+" bytes")
	}
	if !c.Found() {
		return nil
	}
	return refusal("item "+limit.Shorten(i.Kind)+"/"+limit.Shorten(i.Key), &c)
}

// Validate reports as an [*alert.FieldError] what keeps every storage from answering q: a text that is not UTF-8, a
// time that is not of the years 1 to 9999, or a negative Limit.
func (q ItemQuery) Validate() error {
	var c limit.Check
	limit.Texts(&c, "kinds", q.Kinds, limit.Text)
	limit.Texts(&c, "incidents", q.Incidents, limit.Text)
	c.Time("before", q.Before)
	c.Text("after.kind", q.After.Kind, limit.Text)
	c.Text("after.key", q.After.Key, limit.Text)
	c.Count("limit", q.Limit)
	return refusal("query of items", &c)
}

// Validate reports as an [*alert.FieldError] what keeps every storage from answering q: a text that is not UTF-8, a
// time that is not of the years 1 to 9999, or a negative Limit.
func (q SightingQuery) Validate() error {
	var c limit.Check
	limit.Texts(&c, "entities", q.Entities, limit.Text)
	c.Text("incident", string(q.Incident), limit.Text)
	c.Time("since", q.Since)
	c.Time("until", q.Until)
	c.Count("limit", q.Limit)
	return refusal("query of sightings", &c)
}

func refusal(record string, c *limit.Check) error {
	if !c.Found() {
		return nil
	}
	return &alert.FieldError{Record: record, Field: c.Field, Value: c.Value, Want: c.Want}
}
