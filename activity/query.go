package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Query selects entries. A field that is set must match; within a field any value may. The zero Query
// selects the whole log. An incident and its alerts have fields of the same name, such as "severity"; Types
// tells their entries apart.
//
// Results come in the order of Seq; Newest turns it round.
type Query struct {
	Incidents  []alert.IncidentID `json:"incidents,omitempty"`
	Alerts     []alert.ID         `json:"alerts,omitempty"`
	IDs        []ID               `json:"ids,omitempty"`
	Types      []Type             `json:"types,omitempty"`
	Categories []Category         `json:"categories,omitempty"` // Comment selects the comments, all others the audits
	Triggers   []Trigger          `json:"triggers,omitempty"`
	Actors     []string           `json:"actors,omitempty"`    // identifiers of actors
	Fields     []string           `json:"fields,omitempty"`    // of Change.Field, compared by bytes
	Origins    []alert.IncidentID `json:"origins,omitempty"`   // Origin; "" selects what is no copy
	Since      time.Time          `json:"since,omitzero"`      // Time at or after; zero means no bound
	Until      time.Time          `json:"until,omitzero"`      // Time before; zero means no bound
	AfterSeq   int64              `json:"afterSeq,omitempty"`  // Seq greater than this
	BeforeSeq  int64              `json:"beforeSeq,omitempty"` // Seq less than this; 0 means no bound

	Newest bool `json:"newest,omitempty"` // highest Seq first
	Limit  int  `json:"limit,omitempty"`  // at most so many; 0 means all
}

// Validate reports as an [*alert.FieldError] what keeps every storage from answering q: a text that is not UTF-8, a
// time that is not of the years 1 to 9999, a negative Limit, or a type, category or trigger that has no name.
func (q Query) Validate() error {
	var c limit.Check
	limit.Texts(&c, "incidents", q.Incidents, limit.Text)
	limit.Texts(&c, "alerts", q.Alerts, limit.Text)
	limit.Texts(&c, "ids", q.IDs, limit.Text)
	limit.Named(&c, "types", q.Types)
	limit.Named(&c, "categories", q.Categories)
	limit.Named(&c, "triggers", q.Triggers)
	limit.Texts(&c, "actors", q.Actors, limit.Text)
	limit.Texts(&c, "fields", q.Fields, limit.Text)
	limit.Texts(&c, "origins", q.Origins, limit.Text)
	c.Time("since", q.Since)
	c.Time("until", q.Until)
	c.Count("limit", q.Limit)
	return refusal("query of entries", &c)
}

// Match reports whether q selects e. Newest and Limit have no say in it.
func (q Query) Match(e Entry) bool {
	return e.Seq > q.AfterSeq && (q.BeforeSeq == 0 || e.Seq < q.BeforeSeq) &&
		oneOf(q.Incidents, e.Incident) && oneOf(q.Alerts, e.Alert) && oneOf(q.IDs, e.ID) && oneOf(q.Types, e.Type) &&
		oneOf(q.Categories, e.Category()) && oneOf(q.Triggers, e.Trigger()) && oneOf(q.Actors, e.Actor.ID) &&
		oneOf(q.Origins, e.Origin) && (len(q.Fields) == 0 || slices.ContainsFunc(e.Changes, func(c Change) bool { return slices.Contains(q.Fields, c.Field) })) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until))
}

// Compare returns -1, 0 or +1 as a comes before, with or after b among q's results.
func (q Query) Compare(a, b Entry) int {
	if q.Newest {
		a, b = b, a
	}
	return cmp.Compare(a.Seq, b.Seq)
}

func oneOf[T comparable](set []T, v T) bool { return len(set) == 0 || slices.Contains(set, v) }
