package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A facet is a value by which incidents are counted, escaped. The first letter is the field; the lists of a summary have
// letters from byList on. A field that says nothing has none: most do, and how many is what is left of all.
const (
	byNothing        = "-" // all incidents
	byOwner          = "o" // an ownerRow as JSON; not of an incident without an owner
	byTag            = "t" // the first spelling of those that an incident has
	byClassification = "c"
	byDetermination  = "d"
	byCriticality    = "r" // its number
	byList           = 'A'
)

// A counted is what an incident counts for. The zero counted is that of no incident.
type counted struct {
	status, severity int16 // by which all else is counted apart, so that queries by these are answered from counts
	facets           []string
}

// facets returns those of i. A value that is in a list twice is counted twice.
func facets(i *incident.Incident) []string {
	all := []string{byNothing}
	if v := i.Verdict.Classification; v != "" {
		all = append(all, byClassification+escape(v))
	}
	if v := i.Verdict.Determination; v != "" {
		all = append(all, byDetermination+escape(v))
	}
	if v := i.Alerts.Criticality; v != 0 {
		all = append(all, byCriticality+strconv.Itoa(int(v)))
	}
	if !i.Owner.IsZero() {
		text, _ := encode("owner", i.Owner.ID, ownerRow{uint8(i.Owner.Kind), i.Owner.ID, i.Owner.Name}) // texts and numbers always can
		all = append(all, byOwner+text)
	}
	first := make(map[string]string, len(i.Tags)) // spelling, by what it folds to
	for _, t := range i.Tags {
		folded := incident.Fold(t.Name)
		if name, ok := first[folded]; !ok || t.Name < name {
			first[folded] = t.Name
		}
	}
	for _, name := range first {
		all = append(all, byTag+escape(name))
	}
	s := &i.Alerts
	for n, texts := range [...][]string{s.Sources, s.DetectionSources, s.Products, s.Categories, s.Techniques, s.DeviceGroups, s.Platforms, s.Threats, s.ThreatActors} {
		for _, text := range texts {
			all = append(all, string(rune(byList+n))+escape(text))
		}
	}
	slices.Sort(all)
	return all
}

// An ownerRow is an owner in a facet. Its kind is a number, which may be that of no constant.
type ownerRow struct {
	Kind uint8
	ID   string
	Name string
}

// A tally is a row of the table of facets.
type tally struct {
	facet            string
	status, severity int16
}

// count counts an incident for what it is, and no more for what it was.
func (t *transaction) count(was, is counted) {
	if slices.Equal(was.facets, is.facets) && was.status == is.status && was.severity == is.severity {
		return
	}
	if t.tallies == nil {
		t.tallies = make(map[tally]int64)
	}
	t.raise(was, -1)
	t.raise(is, 1)
}

func (t *transaction) raise(c counted, by int64) {
	for _, f := range c.facets {
		k := tally{f, c.status, c.severity}
		if t.tallies[k] += by; t.tallies[k] == 0 {
			delete(t.tallies, k)
		}
	}
}

const (
	putFacets = `insert into incidentkit.facets as f (tenant, key, status, severity, facet, n)
		select $1, x.key, x.status, x.severity, x.facet, x.n
		from unnest($2::bytea[], $3::smallint[], $4::smallint[], $5::text[], $6::bigint[]) x (key, status, severity, facet, n)
		on conflict (tenant, key, status, severity) do update set n = f.n + excluded.n`
	dropFacets = `delete from incidentkit.facets f using unnest($2::bytea[], $3::smallint[], $4::smallint[]) x (key, status, severity)
		where f.tenant = $1 and f.key = x.key and f.status = x.status and f.severity = x.severity and f.n = 0`
)

// putTallies queues what changes the counts: all those of a transaction at once, and as its last thing, since others of
// the tenant wait from the first row on.
func (t *transaction) putTallies() {
	if len(t.tallies) == 0 {
		return
	}
	var rows, fewer tallyRows
	for k, n := range t.tallies {
		key := digest(alert.Key(k.facet))
		rows.add(key, k, n)
		if n < 0 {
			fewer.add(key, k, n)
		}
	}
	t.queue(subject{}, putFacets, t.tenant, rows.keys, rows.statuses, rows.severities, rows.facets, rows.numbers)
	if len(fewer.keys) > 0 {
		t.queue(subject{}, dropFacets, t.tenant, fewer.keys, fewer.statuses, fewer.severities)
	}
}

// tallyRows are rows of the table of facets by columns.
type tallyRows struct {
	keys                 [][]byte
	statuses, severities []int16
	facets               []string
	numbers              []int64
}

func (r *tallyRows) add(key []byte, k tally, n int64) {
	r.keys, r.facets, r.numbers = append(r.keys, key), append(r.facets, k.facet), append(r.numbers, n)
	r.statuses, r.severities = append(r.statuses, k.status), append(r.severities, k.severity)
}

// byMarks reports whether q filters by nothing but status and severity, so that its answers are in the table of facets.
func byMarks(q incident.Query) bool {
	except := q.Except
	q.Statuses, q.Severities, q.Except = nil, nil, nil
	if !reflect.ValueOf(q).IsZero() {
		return false
	}
	for _, x := range except {
		x.Sort, x.Ascending, x.After, x.Limit = incident.ByUpdated, false, incident.Cursor{}, 0 // do not count
		if !byMarks(x) {
			return false
		}
	}
	return true
}

// marks says of a row i of the table of facets what q.Match says, where q filters by marks.
func (w *where) marks(q *incident.Query) conditions {
	var c conditions
	w.numbers(&c, "i.status", smallints(q.Statuses))
	w.numbers(&c, "i.severity", smallints(q.Severities))
	for n := range q.Except {
		c.add("not ", w.marks(&q.Except[n]).String())
	}
	return c
}

// keptCount returns the statement that counts what q, which filters by marks, selects.
func (w *where) keptCount(q *incident.Query) string {
	return "select coalesce(sum(i.n), 0)::bigint from incidentkit.facets i where i.tenant = $1 and i.key = " + w.arg(digest(byNothing)) + "::bytea and " + w.marks(q).String()
}

// facets returns the statement for facets with how many of the incidents that q selects count for them, by status and
// severity where they are all incidents.
func (w *where) facets(q *incident.Query) string {
	from := "select i.facet, i.status, i.severity, i.n from incidentkit.facets i"
	var c conditions
	if byMarks(*q) {
		c = w.marks(q)
	} else {
		from = "select unnest(i.facets), i.status, i.severity, 1 from incidentkit.incidents i"
		c = w.incidents(q)
	}
	return "select facet, case facet when '-' then status else 0 end::smallint, case facet when '-' then severity else 0 end::smallint, sum(n)::bigint from (" +
		from + " where i.tenant = $1 and " + c.String() + ") f (facet, status, severity, n) group by 1, 2, 3"
}

// Facets reads no record: counts that are kept, where q filters by status and severity alone, and else a column.
func (r *reader) Facets(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
	if err := r.ready(ctx); err != nil {
		return c, err
	}
	w := newWhere(r.tenant)
	found, err := r.conn.Query(ctx, w.facets(&q), w.args...)
	if err != nil {
		return storage.Counts{}, failed(ctx, err)
	}
	var k tally
	var n int
	left := make(map[string]int) // of all, by field
	_, err = pgx.ForEachRow(found, []any{&k.facet, &k.status, &k.severity, &n}, func() error {
		left[k.facet[:1]] -= n
		if k.facet == byNothing {
			c.Total += n
			raise(&c.Statuses, incident.Status(k.status), n)
			raise(&c.Severities, alert.Severity(k.severity), n)
		}
		return addFacet(&c, k.facet, n)
	})
	if err != nil {
		return storage.Counts{}, failed(ctx, err)
	}
	c.Unassigned = c.Total + left[byOwner]
	raise(&c.Classifications, "", c.Total+left[byClassification])
	raise(&c.Determinations, "", c.Total+left[byDetermination])
	raise(&c.Criticalities, 0, c.Total+left[byCriticality])
	return c, nil
}

// addFacet adds n incidents that have a facet to c.
func addFacet(c *storage.Counts, facet string, n int) error {
	switch field, value := facet[:1], unescape(facet[1:]); field {
	case byNothing:
	case byOwner:
		var o ownerRow
		if err := json.Unmarshal([]byte(facet[1:]), &o); err != nil {
			return fmt.Errorf("facets: %w", err)
		}
		if c.Owners == nil {
			c.Owners = make(map[string]storage.OwnerTally)
		}
		one := c.Owners[o.ID]
		one.Add(incident.Owner{Kind: alert.OwnerKind(o.Kind), ID: o.ID, Name: o.Name}, n)
		c.Owners[o.ID] = one
	case byTag:
		if c.Tags == nil {
			c.Tags = make(map[string]storage.Tally)
		}
		one := c.Tags[incident.Fold(value)]
		one.Add(value, n)
		c.Tags[incident.Fold(value)] = one
	case byClassification:
		raise(&c.Classifications, classification.Classification(value), n)
	case byDetermination:
		raise(&c.Determinations, classification.Determination(value), n)
	case byCriticality:
		level, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return fmt.Errorf("facets: %w", err)
		}
		raise(&c.Criticalities, alert.Criticality(level), n)
	default:
		lists := [...]*map[string]int{&c.Sources, &c.DetectionSources, &c.Products, &c.Categories, &c.Techniques, &c.DeviceGroups, &c.Platforms, &c.Threats, &c.ThreatActors}
		place := int(facet[0]) - byList
		if place < 0 || place >= len(lists) {
			return fmt.Errorf("facets: there is no field %q", field)
		}
		raise(lists[place], value, n)
	}
	return nil
}

func raise[K comparable](counts *map[K]int, k K, n int) {
	if n == 0 {
		return
	}
	if *counts == nil {
		*counts = make(map[K]int)
	}
	(*counts)[k] += n
}
