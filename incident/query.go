package incident

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// A Query selects and orders incidents. A field that is set must match; within a field any value may. The
// zero Query selects all incidents, the last updated first.
type Query struct {
	IDs             []ID
	Numbers         []int64
	Statuses        []Status
	Severities      []alert.Severity
	Owners          []string // account identifiers, compared by bytes
	Unassigned      bool     // incidents without an owner; with Owners, those too
	Tags            []string // compared by Fold
	Classifications []classification.Classification
	Determinations  []classification.Determination
	Sources         []string // services that raised an alert of it, compared by bytes, as are the next three
	Products        []string
	Categories      []string
	DeviceGroups    []string
	Entities        []alert.Key // incidents with an alert that has evidence with one of these keys
	References      []Reference // compared by System and ID
	Text            string      // in the name, compared by Fold; or the whole number or ID. Taken literally
	CreatedSince    time.Time   // Created at or after; zero means no bound, here and below
	CreatedUntil    time.Time   // Created before
	UpdatedSince    time.Time   // Updated at or after
	UpdatedUntil    time.Time   // Updated before

	Sort      Sort
	Ascending bool   // lowest, oldest or first in the alphabet first
	After     Cursor // begin behind this place; the zero Cursor begins at the start
	Limit     int    // at most so many; 0 means all
}

// Match reports whether q selects c. Sort, Ascending, After and Limit have no say in it. c.Alerts matters
// only for Entities.
func (q Query) Match(c Case) bool {
	i := &c.Incident
	return oneOf(q.IDs, i.ID) && oneOf(q.Numbers, i.Number) && oneOf(q.Statuses, i.Status) && oneOf(q.Severities, i.Severity) &&
		q.matchOwner(i.Owner) && q.matchTags(i) &&
		oneOf(q.Classifications, i.Verdict.Classification) && oneOf(q.Determinations, i.Verdict.Determination) &&
		anyOf(q.Sources, i.Alerts.Sources) && anyOf(q.Products, i.Alerts.Products) &&
		anyOf(q.Categories, i.Alerts.Categories) && anyOf(q.DeviceGroups, i.Alerts.DeviceGroups) &&
		within(i.Created, q.CreatedSince, q.CreatedUntil) && within(i.Updated, q.UpdatedSince, q.UpdatedUntil) &&
		(len(q.References) == 0 || slices.ContainsFunc(i.References, q.wantsReference)) &&
		q.matchText(i) &&
		(len(q.Entities) == 0 || slices.ContainsFunc(c.Alerts, func(a alert.Alert) bool { return anyOf(q.Entities, a.Keys()) }))
}

func (q Query) matchOwner(o Owner) bool {
	if len(q.Owners) == 0 && !q.Unassigned {
		return true
	}
	return q.Unassigned && o.IsZero() || !o.IsZero() && slices.Contains(q.Owners, o.ID)
}

func (q Query) matchTags(i *Incident) bool {
	return len(q.Tags) == 0 || slices.ContainsFunc(q.Tags, i.HasTag)
}

func (q Query) wantsReference(r Reference) bool {
	return slices.ContainsFunc(q.References, func(w Reference) bool { return w.System == r.System && w.ID == r.ID })
}

func (q Query) matchText(i *Incident) bool {
	return q.Text == "" || strings.Contains(Fold(i.Name), Fold(q.Text)) || q.Text == string(i.ID) ||
		q.Text == strconv.FormatInt(i.Number, 10)
}

// Compare returns -1, 0 or +1 as a comes before, with or after b among q's results. Incidents that are
// equal in what q.Sort names stand by last update where the values are few (severity, status, owner), and
// then by Number, always in the direction of q.
func (q Query) Compare(a, b Incident) int { return q.ComparePlaces(q.Place(a), q.Place(b)) }

func within(t, since, until time.Time) bool {
	return (since.IsZero() || !t.Before(since)) && (until.IsZero() || t.Before(until))
}

func oneOf[T comparable](set []T, v T) bool { return len(set) == 0 || slices.Contains(set, v) }

func anyOf[T comparable](set, values []T) bool {
	return len(set) == 0 || slices.ContainsFunc(values, func(v T) bool { return slices.Contains(set, v) })
}

// A Place is where an incident stands in the order of a Query.
type Place struct {
	Text    string // Sort's value when it is a text
	Rank    int64  // Sort's value when it is a number or a time
	Updated int64  // microseconds since 1970 of the last update, for the sorts that need it
	Number  int64
}

// Place returns where i stands among q's results.
func (q Query) Place(i Incident) Place {
	p := Place{Number: i.Number}
	switch q.Sort {
	case ByUpdated:
		p.Rank = i.Updated.UnixMicro()
	case ByCreated:
		p.Rank = i.Created.UnixMicro()
	case BySeverity:
		p.Rank, p.Updated = int64(i.Severity), i.Updated.UnixMicro()
	case ByStatus:
		p.Rank, p.Updated = int64(i.Status), i.Updated.UnixMicro()
	case ByOwner:
		p.Text, p.Updated = i.Owner.ID, i.Updated.UnixMicro()
	case ByName:
		p.Text = i.Name
	}
	return p
}

// ComparePlaces is Compare for two places.
func (q Query) ComparePlaces(a, b Place) int {
	c := cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Updated, b.Updated), cmp.Compare(a.Number, b.Number))
	if !q.Ascending {
		return -c
	}
	return c
}
