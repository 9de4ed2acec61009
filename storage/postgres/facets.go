package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A counted is what an incident counts for. The zero counted is that of no incident.
type counted struct {
	status, severity int16 // by which all else is counted apart, so that queries by these are answered from counts
	facets           []string
}

// facets returns those of i, escaped.
func facets(i *incident.Incident) []string { return escapeAll(driver.FacetsOf(i)) }

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
	return "select coalesce(sum(i.n), 0)::bigint from incidentkit.facets i where i.tenant = $1 and i.key = " +
		w.arg(digest(alert.Key(driver.EveryIncident))) + "::bytea and " + w.marks(q).String()
}

// facets returns the statement for facets with how many of the incidents that q selects count for them, by status and
// severity where they are all incidents.
func (w *where) facets(q *incident.Query) string {
	from := "select i.facet, i.status, i.severity, i.n from incidentkit.facets i"
	var c conditions
	if driver.ByStatusAndSeverity(*q) {
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
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return c, err
	}
	q = driver.Flat(q)
	w := newWhere(r.tenant)
	found, err := r.conn.Query(ctx, w.facets(&q), w.args...)
	if err != nil {
		return storage.Counts{}, failed(ctx, r.conn, err)
	}
	var k tally
	var n int
	_, err = pgx.ForEachRow(found, []any{&k.facet, &k.status, &k.severity, &n}, func() error {
		return driver.AddFacet(
			&c,
			driver.Facet(unescape(k.facet)),
			incident.Status(k.status),
			alert.Severity(k.severity),
			n,
		)
	})
	if err != nil {
		return storage.Counts{}, failed(ctx, r.conn, err)
	}
	return c, nil
}
