package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A reader is a [storage.Reader] of one transaction. It reads page by page, so that the connection is free
// while the caller has the records, which may read something else meanwhile.
type reader struct {
	tenant string
	conn   *pgx.Conn
	over   bool // the View has returned
}

var (
	_ storage.Reader       = (*reader)(nil)
	_ storage.Sighter      = (*reader)(nil)
	_ storage.Counter      = (*reader)(nil)
	_ storage.AlertCounter = (*reader)(nil)
	_ storage.Faceter      = (*reader)(nil)
)

// View calls fn with a Reader of the moment of the call, a transaction that is read-only; see [storage.Storage].
// fn may call Apply and View, each of which takes another connection of the pool.
func (s *Store) View(ctx context.Context, fn func(storage.Reader) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	conn, err := s.reading(ctx)
	if err != nil {
		return failed(ctx, nil, err)
	}
	defer conn.Release()
	r := &reader{tenant: s.tenant, conn: conn.Conn()}
	defer func() {
		r.over = true
		rollback(ctx, r.conn)
	}()
	return fn(r)
}

// reading returns a connection on which a View has begun.
func (s *Store) reading(ctx context.Context) (*pgxpool.Conn, error) {
	// The moment of a transaction is that of its first query. In hexadecimal a tenant needs no quotes.
	begin := fmt.Sprintf("begin isolation level repeatable read read only; select set_config('incidentkit.tenant', convert_from(decode('%x', 'hex'), 'UTF8'), true)", s.tenant)
	for n := 1; ; n++ {
		conn, err := s.acquire(ctx)
		if err != nil {
			return nil, err
		}
		_, err = conn.Conn().PgConn().Exec(ctx, begin).ReadAll()
		if err == nil {
			return conn, nil
		}
		dead := conn.Conn().IsClosed()
		err = reason(conn.Conn(), err)
		conn.Release()
		if !dead || n == attempts || ctx.Err() != nil {
			return nil, err
		}
	}
}

// rollback ends a transaction of which nothing is to be kept. A connection on which that does not succeed is not
// used again, because the pool looks at its state.
func rollback(ctx context.Context, conn *pgx.Conn) {
	if conn.IsClosed() {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	_, _ = conn.PgConn().Exec(ctx, "rollback").ReadAll()
}

// ready reports what keeps the reader from going on.
func (r *reader) ready(ctx context.Context) error {
	if r.over {
		return &driver.Failure{Class: storage.ErrClosed, Text: "storage: closed: the View of this Reader is over"}
	}
	return ctx.Err()
}

// refuse returns what a query that is not valid yields.
func refuse[T any](ctx context.Context, r *reader, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, cmp.Or(r.ready(ctx), err))
	}
}

// A row is a record as it is kept.
type row struct {
	number, version int64 // 0 where the record has none
	record          []byte
}

func (r row) incident() (i incident.Incident, err error) {
	if err := json.Unmarshal(r.record, &i); err != nil {
		return incident.Incident{}, fmt.Errorf("storage/postgres: incident: %w", err)
	}
	i.Number, i.Version = r.number, r.version
	return i, nil
}

func (r row) alert() (a alert.Alert, err error) {
	if err := json.Unmarshal(r.record, &a); err != nil {
		return alert.Alert{}, fmt.Errorf("storage/postgres: alert: %w", err)
	}
	a.Version = r.version
	return a, nil
}

func (r row) entry() (e activity.Entry, err error) {
	if err := json.Unmarshal(r.record, &e); err != nil {
		return activity.Entry{}, fmt.Errorf("storage/postgres: entry: %w", err)
	}
	e.Seq = r.number
	return e, nil
}

// one returns the row that a statement finds.
func (r *reader) one(ctx context.Context, record, id, sql string) (found row, err error) {
	if err := r.ready(ctx); err != nil {
		return row{}, err
	}
	if !utf8.ValidString(id) { // which no record has, and the server does not read
		return row{}, &notFound{record, id}
	}
	err = r.conn.QueryRow(ctx, sql, r.tenant, escape(id)).Scan(&found.number, &found.version, &found.record)
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, &notFound{record, id}
	}
	return found, failed(ctx, r.conn, err)
}

func (r *reader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	found, err := r.one(ctx, "incident", string(id), "select number, version, record from incidentkit.incidents where tenant = $1 and id = $2")
	if err != nil {
		return incident.Incident{}, err
	}
	return found.incident()
}

func (r *reader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	found, err := r.one(ctx, "alert", string(id), "select 0::bigint, version, record from incidentkit.alerts where tenant = $1 and id = $2")
	if err != nil {
		return alert.Alert{}, err
	}
	return found.alert()
}

func (r *reader) Content(ctx context.Context, sha256 string) ([]byte, error) {
	found, err := r.one(ctx, "content", sha256, "select 0::bigint, 0::bigint, data from incidentkit.contents where tenant = $1 and sha256 = $2")
	return found.record, err
}

// A page is as much as a reader asks for at once.
const (
	firstPage = 32  // rows, of a sequence that may be broken off soon
	lastPage  = 256 // rows
)

// send yields what the pages hold, at most limit records if that is not 0. next returns up to n of what follows
// what it returned before, fewer only at the end.
func send[T any](ctx context.Context, r *reader, limit int, next func(n int) ([]T, error), yield func(T, error) bool) {
	var none T
	for size, sent := firstPage, 0; ; size = min(2*size, lastPage) {
		if limit > 0 {
			size = min(limit-sent, lastPage)
		}
		err := r.ready(ctx)
		var page []T
		if err == nil {
			page, err = next(size)
		}
		if err != nil {
			yield(none, err)
			return
		}
		for _, v := range page {
			if err := r.ready(ctx); err != nil {
				yield(none, err)
				return
			}
			if !yield(v, nil) {
				return
			}
			if sent++; sent == limit {
				return
			}
		}
		if len(page) < size {
			return
		}
	}
}

// rows returns what a statement finds, as decode makes it.
func rows[T any](ctx context.Context, r *reader, decode func(row) (T, error), sql string, args []any) ([]T, error) {
	found, err := r.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, failed(ctx, r.conn, err)
	}
	defer found.Close()
	var out []T
	for found.Next() {
		var here row
		if err := found.Scan(&here.number, &here.version, &here.record); err != nil {
			return nil, failed(ctx, r.conn, err)
		}
		v, err := decode(here)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, failed(ctx, r.conn, found.Err())
}

func (r *reader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if err := q.Validate(); err != nil {
		return refuse[incident.Incident](ctx, r, err)
	}
	q = driver.Flat(q)
	return func(yield func(incident.Incident, error) bool) {
		start, started, err := q.Start()
		if err != nil {
			yield(incident.Incident{}, err)
			return
		}
		next := func(n int) ([]incident.Incident, error) {
			w := newWhere(r.tenant)
			sql := w.incidentPage(&q, start, started, n)
			page, err := rows(ctx, r, row.incident, sql, w.args)
			if len(page) > 0 {
				start, started = q.Place(page[len(page)-1]), true
			}
			return page, err
		}
		send(ctx, r, q.Limit, next, yield)
	}
}

func (r *reader) Count(ctx context.Context, q incident.Query) (n int, err error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return 0, err
	}
	q = driver.Flat(q)
	w := newWhere(r.tenant)
	if driver.ByStatusAndSeverity(q) {
		err = r.conn.QueryRow(ctx, w.keptCount(&q), w.args...).Scan(&n)
		return n, failed(ctx, r.conn, err)
	}
	c := w.incidents(&q)
	err = r.conn.QueryRow(ctx, "select count(*) from incidentkit.incidents i where i.tenant = $1 and "+c.String(), w.args...).Scan(&n)
	return n, failed(ctx, r.conn, err)
}

func (r *reader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	if err := q.Validate(); err != nil {
		return refuse[alert.Alert](ctx, r, err)
	}
	return func(yield func(alert.Alert, error) bool) {
		after, id := from(q.After.FirstActivity), escape(q.After.ID)
		if after != micros(q.After.FirstActivity) {
			id = "" // between two microseconds
		}
		started := q.After != alert.Position{}
		decode := func(here row) (alert.Alert, error) {
			a, err := here.alert()
			if q.Brief {
				a = a.Brief()
			}
			return a, err
		}
		next := func(n int) ([]alert.Alert, error) {
			w := newWhere(r.tenant)
			sql := w.alertPage(&q, after, id, started, n)
			page, err := rows(ctx, r, decode, sql, w.args)
			if len(page) > 0 {
				last := page[len(page)-1]
				after, id, started = micros(last.FirstActivity), escape(last.ID), true
			}
			return page, err
		}
		send(ctx, r, q.Limit, next, yield)
	}
}

func (r *reader) CountAlerts(ctx context.Context, q alert.Query) (n int, err error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return 0, err
	}
	w := newWhere(r.tenant)
	tables, _, c := w.alertTables(&q)
	sql := "select count(*) from " + tables + " where a.tenant = $1 and " + c.String()
	err = r.conn.QueryRow(ctx, sql, w.args...).Scan(&n)
	return n, failed(ctx, r.conn, err)
}

func (r *reader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if err := q.Validate(); err != nil {
		return refuse[activity.Entry](ctx, r, err)
	}
	return func(yield func(activity.Entry, error) bool) {
		q := q // it changes from page to page
		next := func(n int) ([]activity.Entry, error) {
			if q.BeforeSeq != 0 && q.BeforeSeq <= max(q.AfterSeq, 0)+1 {
				return nil, nil
			}
			w := newWhere(r.tenant)
			sql := w.entryPage(&q, n)
			page, err := rows(ctx, r, row.entry, sql, w.args)
			if len(page) > 0 && q.Newest {
				q.BeforeSeq = page[len(page)-1].Seq
			} else if len(page) > 0 {
				q.AfterSeq = page[len(page)-1].Seq
			}
			return page, err
		}
		send(ctx, r, q.Limit, next, yield)
	}
}

// Sightings reads no alert, only an index.
func (r *reader) Sightings(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	if err := q.Validate(); err != nil {
		return refuse[storage.Sighting](ctx, r, err)
	}
	return func(yield func(storage.Sighting, error) bool) {
		going := true
		for _, key := range q.Entities {
			var after *storage.Sighting
			next := func(n int) ([]storage.Sighting, error) {
				w := newWhere(r.tenant)
				sql := w.sightingPage(&q, key, after, n)
				found, err := r.conn.Query(ctx, sql, w.args...)
				if err != nil {
					return nil, failed(ctx, r.conn, err)
				}
				defer found.Close()
				var page []storage.Sighting
				for found.Next() {
					var at int64
					var id, in string
					s := storage.Sighting{Entity: key}
					if err := found.Scan(&at, &id, &in, &s.Standalone); err != nil {
						return nil, failed(ctx, r.conn, err)
					}
					s.Alert, s.Incident = alert.ID(unescape(id)), incident.ID(unescape(in))
					s.First = time.UnixMicro(at).UTC()
					page = append(page, s)
				}
				if len(page) > 0 {
					after = new(page[len(page)-1])
				}
				return page, failed(ctx, r.conn, found.Err())
			}
			send(ctx, r, q.Limit, next, func(s storage.Sighting, err error) bool {
				going = yield(s, err) && err == nil
				return going
			})
			if !going {
				return
			}
		}
	}
}

// incidentPage returns the statement for up to n incidents behind start.
func (w *where) incidentPage(q *incident.Query, start incident.Place, started bool, n int) string {
	c := w.incidents(q)
	if started {
		w.behind(&c, q, start)
	}
	return "select i.number, i.version, i.record from incidentkit.incidents i where i.tenant = $1 and " + c.String() +
		ordered(sorts[q.Sort], q.Ascending) + " limit " + w.arg(n) + "::bigint"
}

// alertTables returns where the alerts are that q selects, in which columns their order is, and what selects them.
func (w *where) alertTables(q *alert.Query) (tables string, columns []string, c conditions) {
	c = w.alerts(q)
	columns = []string{"a.first_activity", "a.id"}
	tables = "incidentkit.alerts a"
	switch keys := digests(q.Entities); len(keys) {
	case 0:
	case 1: // found in the order of the index
		columns = []string{"s.first_activity", "s.alert"}
		tables = "incidentkit.sightings s join incidentkit.alerts a on a.tenant = s.tenant and a.id = s.alert"
		c.add("s.tenant = $1")
		c.add("s.key = ", w.arg(keys[0]), "::bytea")
		w.texts(&c, "s.incident", escapeAll(q.Incidents))
		w.within(&c, "s.first_activity", q.Since, q.Until)
	default:
		c.add("exists (select from incidentkit.sightings s where s.tenant = $1 and s.alert = a.id and s.key = any(", w.arg(keys), "::bytea[]))")
	}
	return tables, columns, c
}

// alertPage returns the statement for up to n alerts behind a time and an ID.
func (w *where) alertPage(q *alert.Query, after int64, id string, started bool, n int) string {
	tables, columns, c := w.alertTables(q)
	if started {
		c.add("(", columns[0], ", ", columns[1], ")", compared(!q.Newest), "(", w.arg(after), "::bigint, ", w.arg(id), "::text)")
	}
	return "select 0::bigint, a.version, a.record from " + tables + " where a.tenant = $1 and " + c.String() +
		ordered(columns, !q.Newest) + " limit " + w.arg(n) + "::bigint"
}

// entryPage returns the statement for up to n entries.
func (w *where) entryPage(q *activity.Query, n int) string {
	return "select e.seq, 0::bigint, e.record from incidentkit.entries e where e.tenant = $1 and " + w.entries(q).String() +
		ordered([]string{"e.seq"}, !q.Newest) + " limit " + w.arg(n) + "::bigint"
}

// sightingPage returns the statement for up to n sightings of an entity behind one.
func (w *where) sightingPage(q *storage.SightingQuery, key alert.Key, after *storage.Sighting, n int) string {
	c := w.sightings(q)
	c.add("s.key = ", w.arg(digest(key)), "::bytea")
	if after != nil {
		c.add("(s.first_activity, s.alert)", compared(!q.Newest), "(",
			w.arg(micros(after.First)), "::bigint, ", w.arg(escape(after.Alert)), "::text)")
	}
	return "select s.first_activity, s.alert, s.incident, s.standalone from incidentkit.sightings s where s.tenant = $1 and " + c.String() +
		ordered([]string{"s.first_activity", "s.alert"}, !q.Newest) + " limit " + w.arg(n) + "::bigint"
}
