package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Query selects alerts. A field that is set must match; within a field any value may. The zero Query
// selects all alerts.
//
// Results come by FirstActivity, oldest first, and by ID where that is equal; Newest turns both round.
type Query struct {
	IDs        []ID         `json:"ids,omitempty"`
	Incidents  []IncidentID `json:"incidents,omitempty"`
	Entities   []Key        `json:"entities,omitempty"` // alerts with evidence that has one of these keys
	Statuses   []Status     `json:"statuses,omitempty"`
	Severities []Severity   `json:"severities,omitempty"`
	Sources    []string     `json:"sources,omitempty"`    // Source of the Origin, compared by bytes; "" is none
	Categories []string     `json:"categories,omitempty"` // compared by bytes; "" is none
	Since      time.Time    `json:"since,omitzero"`       // FirstActivity at or after; zero means no bound
	Until      time.Time    `json:"until,omitzero"`       // FirstActivity before; zero means no bound

	// Title is looked for in the title, whatever the case of letters: compared by Fold of package incident. It is taken
	// literally.
	Title string `json:"title,omitempty"`

	Newest bool     `json:"newest,omitempty"` // newest first
	After  Position `json:"after,omitzero"`   // begin behind this place; the zero Position begins at the start
	Limit  int      `json:"limit,omitempty"`  // at most so many; 0 means all
	Brief  bool     `json:"brief,omitempty"`  // leave out what [Alert.Brief] leaves out
}

// A Position is the place of an alert in the order of a Query's results. The zero Position is before all.
type Position struct {
	FirstActivity time.Time `json:"firstActivity"`
	ID            ID        `json:"id"`
}

// Position returns the place of a, to be given as Query.After when asking for what follows it.
func (a Alert) Position() Position { return Position{a.FirstActivity, a.ID} }

// Validate reports as a [*FieldError] what keeps every storage from answering q: a text that is not UTF-8, a time that
// is not of the years 1 to 9999, a negative Limit, or a status or severity that has no name.
func (q Query) Validate() error {
	var c limit.Check
	limit.Texts(&c, "ids", q.IDs, limit.Text)
	limit.Texts(&c, "incidents", q.Incidents, limit.Text)
	limit.Texts(&c, "entities", q.Entities, limit.Text)
	limit.Named(&c, "statuses", q.Statuses)
	limit.Named(&c, "severities", q.Severities)
	limit.Texts(&c, "sources", q.Sources, limit.Text)
	limit.Texts(&c, "categories", q.Categories, limit.Text)
	c.Text("title", q.Title, limit.Text)
	c.Time("since", q.Since)
	c.Time("until", q.Until)
	c.Time("after.firstActivity", q.After.FirstActivity)
	c.Text("after.id", string(q.After.ID), limit.Text)
	c.Count("limit", q.Limit)
	if c.Found() {
		return &FieldError{"query of alerts", c.Field, c.Value, c.Want}
	}
	return nil
}

// Match reports whether q selects a. After, Limit and Brief have no say in it.
func (q Query) Match(a Alert) bool {
	return oneOf(q.IDs, a.ID) && oneOf(q.Incidents, a.Incident) && oneOf(q.Statuses, a.Status) &&
		oneOf(q.Severities, a.Severity) && oneOf(q.Sources, a.Origin.Source) && oneOf(q.Categories, a.Category) &&
		(q.Since.IsZero() || !a.FirstActivity.Before(q.Since)) &&
		(q.Until.IsZero() || a.FirstActivity.Before(q.Until)) &&
		(q.Title == "" || strings.Contains(glyph.Fold(a.Title), glyph.Fold(q.Title))) &&
		(len(q.Entities) == 0 || slices.ContainsFunc(a.Keys(), func(k Key) bool { return slices.Contains(q.Entities, k) }))
}

// Compare returns -1, 0 or +1 as a comes before, with or after b among q's results.
func (q Query) Compare(a, b Alert) int { return q.ComparePositions(a.Position(), b.Position()) }

// ComparePositions is Compare for two places.
func (q Query) ComparePositions(a, b Position) int {
	c := cmp.Or(a.FirstActivity.Compare(b.FirstActivity), cmp.Compare(a.ID, b.ID))
	if q.Newest {
		return -c
	}
	return c
}

func oneOf[T comparable](set []T, v T) bool { return len(set) == 0 || slices.Contains(set, v) }
