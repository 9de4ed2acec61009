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
	Incidents  []alert.IncidentID
	Alerts     []alert.ID
	IDs        []ID
	Types      []Type
	Categories []Category // Comment selects the comments, Management and Correlation together the audits
	Triggers   []Trigger
	Actors     []string           // identifiers of actors
	Fields     []string           // entries with a change of one of these, compared by bytes with Change.Field
	Origins    []alert.IncidentID // entries copied from one of these incidents; "" stands for those not copied
	Since      time.Time          // Time at or after; zero means no bound
	Until      time.Time          // Time before; zero means no bound
	AfterSeq   int64              // Seq greater than this
	BeforeSeq  int64              // Seq less than this; 0 means no bound

	Newest bool // highest Seq first
	Limit  int  // at most so many; 0 means all
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
