package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Query selects and orders incidents. A field that is set must match; within a field any value may. The
// zero Query selects all incidents, the last updated first.
//
// The filters are those of the incident queue of Microsoft Defender XDR, as far as a [Summary] has what
// they ask for. "Not" is Except: it takes away what a query selects, so that any filter, or several of them
// together, can be turned round. "And" is Within: it joins another query to this one, so that one field can be asked
// for twice. The criticality of an incident is that of its most critical asset.
type Query struct {
	IDs         []ID             `json:"ids,omitempty"`
	Numbers     []int64          `json:"numbers,omitempty"`
	Statuses    []Status         `json:"statuses,omitempty"`
	Severities  []alert.Severity `json:"severities,omitempty"`
	PriorityMin int              `json:"priorityMin,omitempty"` // Priority at least this
	PriorityMax int              `json:"priorityMax,omitempty"` // Priority at most this; 0 means no bound
	Owners      []string         `json:"owners,omitempty"`      // account identifiers, compared by Fold
	Unassigned  bool             `json:"unassigned,omitempty"`  // incidents without an owner; with Owners, those too
	Tags        []string         `json:"tags,omitempty"`        // compared by Fold

	// Verdicts of the incident, and incidents with an alert of one of these severities and classifications. The
	// Classification "" selects what is not classified, or incidents with such an alert.
	Classifications      []classification.Classification `json:"classifications,omitempty"`
	Determinations       []classification.Determination  `json:"determinations,omitempty"`
	AlertSeverities      []alert.Severity                `json:"alertSeverities,omitempty"`
	AlertClassifications []classification.Classification `json:"alertClassifications,omitempty"`

	// What the alerts and their assets have, compared by bytes.
	Sources            []string            `json:"sources,omitempty"` // services that raised an alert of it
	DetectionSources   []string            `json:"detectionSources,omitempty"`
	Products           []string            `json:"products,omitempty"`
	Categories         []string            `json:"categories,omitempty"`
	Techniques         []string            `json:"techniques,omitempty"`
	DeviceGroups       []string            `json:"deviceGroups,omitempty"`
	Platforms          []string            `json:"platforms,omitempty"`    // operating systems of its devices
	Threats            []string            `json:"threats,omitempty"`      // names and families of threats
	ThreatActors       []string            `json:"threatActors,omitempty"` // activity groups
	Criticalities      []alert.Criticality `json:"criticalities,omitempty"`
	MultipleSources    bool                `json:"multipleSources,omitempty"`    // alerts of two services or more
	MultipleCategories bool                `json:"multipleCategories,omitempty"` // alerts of two categories or more
	Entities           []alert.Key         `json:"entities,omitempty"`           // evidence of an alert has one
	References         []Reference         `json:"references,omitempty"`         // compared by System and ID

	// Text is looked for in the name, compared by Fold. The whole of it may also be the number, the ID or the name of
	// an asset, see TextKeys. It is taken literally.
	Text string `json:"text,omitempty"`

	CreatedSince time.Time `json:"createdSince,omitzero"` // Created at or after; zero means no bound, here and below
	CreatedUntil time.Time `json:"createdUntil,omitzero"` // Created before
	UpdatedSince time.Time `json:"updatedSince,omitzero"` // Updated at or after
	UpdatedUntil time.Time `json:"updatedUntil,omitzero"` // Updated before

	// Within leaves in the incidents that all of these select, and Except leaves out those that one of these selects.
	// Their Sort, Ascending, After and Limit do not count. The incidents that one of several queries selects are
	// Except: {{Except: them}}.
	Within []Query `json:"within,omitempty"`
	Except []Query `json:"except,omitempty"`

	Sort      Sort   `json:"sort,omitzero"`
	Ascending bool   `json:"ascending,omitempty"` // lowest, oldest or first in the alphabet first
	After     Cursor `json:"after,omitzero"`      // begin behind this place; the zero Cursor begins at the start
	Limit     int    `json:"limit,omitempty"`     // at most so many; 0 means all
}

// DefaultQuery returns what a queue shows to begin with, as of now: the incidents of the last seven days that
// are new or in progress and of high, medium or low severity, the last updated first.
//
// Source: Microsoft Defender XDR, default view of the incident queue, which leaves out the informational
// ones; unrated ones are left out with them.
func DefaultQuery(now time.Time) Query {
	return Query{
		Statuses:     []Status{Active, InProgress},
		Severities:   []alert.Severity{alert.High, alert.Medium, alert.Low},
		CreatedSince: now.UTC().AddDate(0, 0, -7),
	}
}

// Limits of Within and Except together.
const (
	MaxQueries    = 128 // queries in them, at all levels
	MaxQueryDepth = 10  // levels
)

// Validate reports what keeps every storage from answering q. It is an [*alert.FieldError] for a text that is not
// UTF-8, a time that is not of the years 1 to 9999, a negative Limit, a value of an enumeration that has no name, and
// a Within or an Except beyond [MaxQueries] or [MaxQueryDepth]. Where After was made for another order it matches
// [ErrCursor] besides.
func (q Query) Validate() error {
	var c limit.Check
	left := MaxQueries
	q.validate(&c, MaxQueryDepth, &left)
	limit.Named(&c, "sort", []Sort{q.Sort})
	c.Count("limit", q.Limit)
	c.Text("after", q.After.place.Text, limit.Text)
	if c.Found() {
		return &alert.FieldError{Record: "query of incidents", Field: c.Field, Value: c.Value, Want: c.Want}
	}
	_, _, err := q.Start()
	return err
}

// validate looks at what q filters by. There may be so many levels of queries in it, and left queries in all of them.
func (q *Query) validate(c *limit.Check, levels int, left *int) {
	limit.Texts(c, "ids", q.IDs, limit.Text)
	limit.Named(c, "statuses", q.Statuses)
	limit.Named(c, "severities", q.Severities)
	limit.Named(c, "alertSeverities", q.AlertSeverities)
	limit.Texts(c, "alertClassifications", q.AlertClassifications, limit.Text)
	limit.Texts(c, "owners", q.Owners, limit.Text)
	limit.Texts(c, "tags", q.Tags, limit.Text)
	limit.Texts(c, "classifications", q.Classifications, limit.Text)
	limit.Texts(c, "determinations", q.Determinations, limit.Text)
	for l, list := range q.Lists() {
		limit.Texts(c, List(l).String(), *list, limit.Text)
	}
	limit.Named(c, "criticalities", q.Criticalities)
	limit.Texts(c, "entities", q.Entities, limit.Text)
	for n := 0; n < len(q.References) && !c.Found(); n++ {
		c.Text("system", q.References[n].System, limit.Text)
		if c.Text("id", q.References[n].ID, limit.Text); c.Found() {
			c.Under("references", n)
		}
	}
	c.Text("text", q.Text, limit.Text)
	c.Time("createdSince", q.CreatedSince)
	c.Time("createdUntil", q.CreatedUntil)
	c.Time("updatedSince", q.UpdatedSince)
	c.Time("updatedUntil", q.UpdatedUntil)
	validateAll(c, "within", q.Within, levels, left)
	validateAll(c, "except", q.Except, levels, left)
}

// validateAll looks at the queries in a field.
func validateAll(c *limit.Check, field string, queries []Query, levels int, left *int) {
	for n := range queries {
		if c.Found() {
			return
		}
		if *left--; *left < 0 || levels == 0 {
			c.Add(field, strconv.Itoa(len(queries)),
				fmt.Sprintf("at most %d queries in %d levels", MaxQueries, MaxQueryDepth))
			return
		}
		if queries[n].validate(c, levels-1, left); c.Found() && c.Field != "within" && c.Field != "except" {
			c.Under(field, n)
		}
	}
}

// Match reports whether q selects c. Sort, Ascending, After and Limit have no say in it. c.Alerts matters
// only for Entities and Text.
func (q Query) Match(c Case) bool {
	i := &c.Incident
	return oneOf(q.IDs, i.ID) && oneOf(q.Numbers, i.Number) && oneOf(q.Statuses, i.Status) && oneOf(q.Severities, i.Severity) &&
		i.Priority >= q.PriorityMin && (q.PriorityMax == 0 || i.Priority <= q.PriorityMax) && q.matchOwner(i.Owner) && q.matchTags(i) &&
		oneOf(q.Classifications, i.Verdict.Classification) && oneOf(q.Determinations, i.Verdict.Determination) &&
		q.matchSummary(&i.Alerts) &&
		within(i.Created, q.CreatedSince, q.CreatedUntil) && within(i.Updated, q.UpdatedSince, q.UpdatedUntil) &&
		(len(q.References) == 0 || slices.ContainsFunc(i.References, q.wantsReference)) &&
		(q.Text == "" || q.matchText(i) || len(c.Alerts) > 0 && anyAlert(c.Alerts, q.TextKeys())) &&
		(len(q.Entities) == 0 || anyAlert(c.Alerts, q.Entities)) &&
		!slices.ContainsFunc(q.Within, func(x Query) bool { return !x.Match(c) }) &&
		!slices.ContainsFunc(q.Except, func(x Query) bool { return x.Match(c) })
}

func (q *Query) matchOwner(o Owner) bool {
	if len(q.Owners) == 0 && !q.Unassigned {
		return true
	}
	wanted := func(id string) bool { return glyph.SameFold(id, o.ID) }
	return q.Unassigned && o.IsZero() || !o.IsZero() && slices.ContainsFunc(q.Owners, wanted)
}

func (q *Query) matchTags(i *Incident) bool {
	return len(q.Tags) == 0 || slices.ContainsFunc(q.Tags, i.HasTag)
}

func (q *Query) matchSummary(s *Summary) bool {
	return (len(q.AlertSeverities) == 0 || slices.ContainsFunc(q.AlertSeverities, s.has)) &&
		(len(q.AlertClassifications) == 0 || slices.ContainsFunc(q.AlertClassifications, s.hasClassified)) &&
		q.matchLists(s) &&
		oneOf(q.Criticalities, s.Criticality) &&
		(!q.MultipleSources || len(s.Sources) > 1) && (!q.MultipleCategories || len(s.Categories) > 1)
}

func (q *Query) matchLists(s *Summary) bool {
	for l, filter := range q.Lists() {
		if len(*filter) > 0 && !anyOf(*filter, *s.Lists()[l]) { // most filters are not set
			return false
		}
	}
	return true
}

func (s *Summary) has(severity alert.Severity) bool {
	return int(severity) < len(s.BySeverity) && s.BySeverity[severity] > 0
}

func (s *Summary) hasClassified(c classification.Classification) bool {
	if c != "" {
		return slices.ContainsFunc(s.Classified, func(have Classified) bool { return have.Classification == c })
	}
	without := s.Count
	for _, have := range s.Classified {
		without -= have.Alerts
	}
	return without > 0
}

func (q *Query) wantsReference(r Reference) bool {
	return slices.ContainsFunc(q.References, func(w Reference) bool { return w.System == r.System && w.ID == r.ID })
}

func (q *Query) matchText(i *Incident) bool {
	return strings.Contains(Fold(i.Name), Fold(q.Text)) || q.Text == string(i.ID) || q.Text == strconv.FormatInt(i.Number, 10)
}

// TextKeys returns the keys of the assets that have Text as their whole name or identifier; nil when there is
// no Text. Case does not matter, nor whether the asset is a device, a user (a user principal name, or an
// account behind its domain and a backslash), a mailbox, an app or a cloud resource.
func (q Query) TextKeys() []alert.Key {
	if strings.TrimSpace(q.Text) == "" {
		return nil
	}
	user := alert.User{DirectoryID: q.Text, SID: q.Text, UPN: q.Text}
	user.Domain, user.Account, _ = strings.Cut(q.Text, `\`)
	device := alert.Device{DeviceID: q.Text, DirectoryID: q.Text, HostName: q.Text}
	keys := alert.Alert{Evidence: []alert.Evidence{{Entity: device}, {Entity: user}}}.KeySet()
	return append(slices.Concat(keys.Own(0), keys.Own(1)), // not short forms: the name is a whole one
		alert.Identity(alert.Mailbox{Address: q.Text}),
		alert.Identity(alert.App{DisplayName: q.Text}),
		alert.Identity(alert.CloudResource{ID: q.Text}),
	)
}

func anyAlert(alerts []alert.Alert, keys []alert.Key) bool {
	return len(keys) > 0 && slices.ContainsFunc(alerts, func(a alert.Alert) bool { return anyOf(keys, a.Keys()) })
}

// Compare returns -1, 0 or +1 as a comes before, with or after b among q's results. Incidents that are
// equal in what q.Sort names stand by last update where the values are few (severity, priority, status, owner), and
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
	case ByPriority:
		p.Rank, p.Updated = int64(i.Priority), i.Updated.UnixMicro()
	case ByStatus:
		p.Rank, p.Updated = int64(i.Status), i.Updated.UnixMicro()
	case ByOwner:
		p.Text, p.Updated = Fold(i.Owner.ID), i.Updated.UnixMicro()
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
