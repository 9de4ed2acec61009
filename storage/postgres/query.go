package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A where collects the arguments of a statement, of which the tenant is the first, and writes its conditions. Texts
// of SQL are constants of this package, all else is an argument.
type where struct {
	tenant string
	args   []any
}

func newWhere(tenant string) *where { return &where{tenant, []any{tenant}} }

// arg returns the placeholder of one more argument.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// conditions all hold, or there is none and anything goes.
type conditions []string

func (c *conditions) add(parts ...string) { *c = append(*c, strings.Join(parts, "")) }

func (c conditions) String() string {
	if len(c) == 0 {
		return "true"
	}
	return "(" + strings.Join(c, " and ") + ")"
}

func (w *where) texts(c *conditions, column string, values []string) {
	if len(values) == 1 { // so that an index has what follows in order
		c.add(column, " = ", w.arg(values[0]), "::text")
	} else if len(values) > 1 {
		c.add(column, " = any(", w.arg(values), "::text[])")
	}
}

func (w *where) numbers(c *conditions, column string, values []int16) {
	if len(values) > 0 {
		c.add(column, " = any(", w.arg(values), "::smallint[])")
	}
}

// anyOf has the list in a column share a value with the given ones. The terms find the rows, the column decides.
func (w *where) anyOf(c *conditions, column string, values []string) {
	if len(values) > 0 {
		c.add("i.terms && ", w.arg(terms(w.tenant, column, values)), "::bigint[]")
		c.add("i.", column, " && ", w.arg(values), "::text[]")
	}
}

func (w *where) within(c *conditions, column string, since, until time.Time) {
	if !since.IsZero() {
		c.add(column, " >= ", w.arg(from(since)), "::bigint")
	}
	if !until.IsZero() {
		c.add(column, " < ", w.arg(from(until)), "::bigint")
	}
}

// having has an alert of the incident have evidence with one of the keys.
func (w *where) having(keys []alert.Key) string {
	return "exists (select from incidentkit.sightings s where s.tenant = $1 and s.incident = i.id and s.key = any(" + w.arg(digests(keys)) + "::bytea[]))"
}

// incidents says of a row i of the table of incidents what q.Match says.
func (w *where) incidents(q *incident.Query) conditions {
	var c conditions
	w.texts(&c, "i.id", escapeAll(q.IDs))
	if len(q.Numbers) > 0 {
		c.add("i.number = any(", w.arg(q.Numbers), "::bigint[])")
	}
	w.numbers(&c, "i.status", smallints(q.Statuses))
	w.numbers(&c, "i.severity", smallints(q.Severities))
	if len(q.AlertSeverities) > 0 {
		c.add("i.alert_severities && ", w.arg(smallints(q.AlertSeverities)), "::smallint[]")
	}
	c.add("i.priority >= ", w.arg(int64(q.PriorityMin)), "::bigint")
	if q.PriorityMax != 0 {
		c.add("i.priority <= ", w.arg(int64(q.PriorityMax)), "::bigint")
	}
	if len(q.AlertClassifications) > 0 {
		c.add("i.alert_classifications && ", w.arg(escapeAll(q.AlertClassifications)), "::text[]")
	}
	w.owner(&c, q)
	w.anyOf(&c, "tags", foldAll(q.Tags))
	w.texts(&c, "i.classification", escapeAll(q.Classifications))
	w.texts(&c, "i.determination", escapeAll(q.Determinations))
	for l, values := range q.Lists() {
		w.anyOf(&c, listColumns()[l], escapeAll(*values))
	}
	w.numbers(&c, "i.criticality", smallints(q.Criticalities))
	if q.MultipleSources {
		c.add("cardinality(i.sources) > 1")
	}
	if q.MultipleCategories {
		c.add("cardinality(i.categories) > 1")
	}
	if len(q.Entities) > 0 {
		c.add(w.having(q.Entities))
	}
	w.anyOf(&c, "refs", references(q.References))
	w.text(&c, q)
	w.within(&c, "i.created", q.CreatedSince, q.CreatedUntil)
	w.within(&c, "i.updated", q.UpdatedSince, q.UpdatedUntil)
	for n := range q.Within {
		c.add(w.incidents(&q.Within[n]).String())
	}
	for n := range q.Except {
		c.add("not ", w.incidents(&q.Except[n]).String())
	}
	return c
}

func (w *where) owner(c *conditions, q *incident.Query) {
	var either []string
	if q.Unassigned {
		either = append(either, "not i.assigned")
	}
	if len(q.Owners) > 0 {
		either = append(either, "i.assigned and i.owner = any("+w.arg(foldAll(q.Owners))+"::text[])")
	}
	if len(either) > 0 {
		c.add("(", strings.Join(either, " or "), ")")
	}
}

func (w *where) text(c *conditions, q *incident.Query) {
	if q.Text == "" {
		return
	}
	either := []string{
		"strpos(i.folded, " + w.arg(escape(incident.Fold(q.Text))) + "::text) > 0",
		"i.id = " + w.arg(escape(q.Text)) + "::text",
	}
	if n, err := strconv.ParseInt(q.Text, 10, 64); err == nil && strconv.FormatInt(n, 10) == q.Text {
		either = append(either, "i.number = "+w.arg(n)+"::bigint")
	}
	if keys := q.TextKeys(); len(keys) > 0 {
		either = append(either, w.having(keys))
	}
	c.add("(", strings.Join(either, " or "), ")")
}

// sorts are the columns by which incidents are ordered, each ordered like the other.
var sorts = map[incident.Sort][]string{
	incident.ByUpdated:  {"i.updated", "i.number"},
	incident.ByCreated:  {"i.created", "i.number"},
	incident.BySeverity: {"i.severity", "i.updated", "i.number"},
	incident.ByPriority: {"i.priority", "i.updated", "i.number"},
	incident.ByStatus:   {"i.status", "i.updated", "i.number"},
	incident.ByOwner:    {"i.owner", "i.updated", "i.number"},
	incident.ByName:     {"i.name", "i.number"},
	incident.ByNumber:   {"i.number"},
}

// behind has a row stand behind p in the order of q.
func (w *where) behind(c *conditions, q *incident.Query, p incident.Place) {
	values := []string{}
	switch q.Sort {
	case incident.ByOwner, incident.ByName:
		values = append(values, w.arg(escape(p.Text))+"::text")
	case incident.ByNumber:
	default:
		values = append(values, w.arg(p.Rank)+"::bigint")
	}
	if len(sorts[q.Sort]) == 3 {
		values = append(values, w.arg(p.Updated)+"::bigint")
	}
	values = append(values, w.arg(p.Number)+"::bigint")
	c.add("(", strings.Join(sorts[q.Sort], ", "), ")", compared(q.Ascending), "(", strings.Join(values, ", "), ")")
}

func compared(ascending bool) string {
	if ascending {
		return " > "
	}
	return " < "
}

func ordered(columns []string, ascending bool) string {
	direction := " desc"
	if ascending {
		direction = ""
	}
	return " order by " + strings.Join(columns, direction+", ") + direction
}

// alerts says of a row a of the table of alerts what q.Match says.
func (w *where) alerts(q *alert.Query) conditions {
	var c conditions
	w.texts(&c, "a.id", escapeAll(q.IDs))
	w.texts(&c, "a.incident", escapeAll(q.Incidents))
	w.numbers(&c, "a.status", smallints(q.Statuses))
	w.numbers(&c, "a.severity", smallints(q.Severities))
	w.texts(&c, "a.source", escapeAll(q.Sources))
	w.texts(&c, "a.category", escapeAll(q.Categories))
	if q.Title != "" {
		c.add("strpos(a.title_folded, ", w.arg(escape(incident.Fold(q.Title))), "::text) > 0")
	}
	w.within(&c, "a.first_activity", q.Since, q.Until)
	return c
}

// entries says of a row e of the log what q.Match says.
func (w *where) entries(q *activity.Query) conditions {
	var c conditions
	w.texts(&c, "e.incident", escapeAll(q.Incidents))
	w.texts(&c, "e.alert", escapeAll(q.Alerts))
	w.texts(&c, "e.id", escapeAll(q.IDs))
	w.numbers(&c, "e.type", smallints(q.Types))
	w.numbers(&c, "e.category", smallints(q.Categories))
	w.numbers(&c, "e.trigger", smallints(q.Triggers))
	w.texts(&c, "e.actor", escapeAll(q.Actors))
	w.texts(&c, "e.origin", escapeAll(q.Origins))
	if len(q.Fields) > 0 {
		c.add("e.fields && ", w.arg(escapeAll(q.Fields)), "::text[]")
	}
	w.within(&c, "e.time", q.Since, q.Until)
	c.add("e.seq > ", w.arg(q.AfterSeq), "::bigint")
	if q.BeforeSeq != 0 {
		c.add("e.seq < ", w.arg(q.BeforeSeq), "::bigint")
	}
	return c
}

// sightings says of a row s of the table of sightings what q asks for, but the entities.
func (w *where) sightings(q *storage.SightingQuery) conditions {
	var c conditions
	if q.Incident != "" {
		c.add("s.incident = ", w.arg(escape(q.Incident)), "::text")
	}
	w.within(&c, "s.first_activity", q.Since, q.Until)
	return c
}
