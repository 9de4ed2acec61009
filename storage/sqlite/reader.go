package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"iter"
	"math"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A reader is a [storage.Reader] with a read transaction.
type reader struct {
	session *session
	seq     int64   // highest in the log
	open    []*rows // of sequences that are being ranged over
	over    bool    // the View has returned
}

var (
	_ storage.Sighter      = (*reader)(nil)
	_ storage.Counter      = (*reader)(nil)
	_ storage.AlertCounter = (*reader)(nil)
	_ storage.Faceter      = (*reader)(nil)
)

// begin opens the transaction and reads something, which is what fixes its moment.
func (r *reader) begin(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	return errors.Join(
		r.session.exec(ctx, `BEGIN`),
		r.session.one(ctx, `SELECT coalesce(max(seq), 0) FROM activity`, nil, []any{&r.seq}))
}

// end closes what is open. After an error the connection is of no use any more.
func (r *reader) end() error {
	r.over = true
	var errs []error
	for _, rows := range r.open {
		errs = append(errs, rows.close())
	}
	return errors.Join(append(errs, r.session.exec(context.Background(), `ROLLBACK`))...)
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

// within returns the context under which a statement runs. To interrupt one would interrupt those that wait for it
// as well, so that one inside another is only looked after row by row.
func (r *reader) within(ctx context.Context) context.Context {
	if len(r.open) > 0 {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// get reads one record.
func (r *reader) get(ctx context.Context, record, id, query string, args, places []any) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	err := r.session.one(r.within(ctx), query, args, places)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return missing(record, id)
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return wrap(record+" "+id, err)
	}
	return nil
}

func (r *reader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	var i incident.Incident
	if err := r.get(ctx, "incident", string(id), incidentSQL().one, []any{id}, incidentPlaces(&i)); err != nil {
		return incident.Incident{}, err
	}
	return i, nil
}

func (r *reader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	var a alert.Alert
	if err := r.get(ctx, "alert", string(id),
		`SELECT `+alertColumns+` FROM alerts WHERE id = ?`, []any{id}, alertPlaces(&a)); err != nil {
		return alert.Alert{}, err
	}
	return a, nil
}

func (r *reader) Content(ctx context.Context, sha256 string) ([]byte, error) {
	var data []byte
	if err := r.get(ctx, "content", sha256,
		`SELECT data FROM contents WHERE sha256 = ?`, []any{sha256}, []any{&data}); err != nil {
		return nil, err
	}
	return data, nil
}

// scan yields the rows of a statement as records, those that wanted lets pass and at most limit of them, unless
// that is 0.
func scan[T any](ctx context.Context, r *reader, statement selection, places func(*T) []any, wanted func(T) bool, limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		fail := func(err error) {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			yield(none, err)
		}
		if err := r.ready(ctx); err != nil {
			fail(err)
			return
		}
		rows, err := r.session.query(r.within(ctx), statement.text(), statement.args)
		if err != nil {
			fail(wrap("read", err))
			return
		}
		r.open = append(r.open, rows)
		defer r.close(rows)
		var record T
		into := places(&record)
		for sent := 0; rows.Next(); {
			if err := r.ready(ctx); err != nil {
				fail(err)
				return
			}
			record = none
			if err := rows.Scan(into...); err != nil {
				fail(wrap("read", err))
				return
			}
			if wanted != nil && !wanted(record) {
				continue
			}
			if !yield(record, nil) {
				return
			}
			if sent++; sent == limit {
				return
			}
		}
		if err := r.ready(ctx); err != nil {
			fail(err)
		} else if err := rows.Err(); err != nil {
			fail(wrap("read", err))
		}
	}
}

func (r *reader) close(rows *rows) {
	for n := range r.open {
		if r.open[n] == rows {
			r.open = append(r.open[:n], r.open[n+1:]...)
			break
		}
	}
	_ = rows.close() // all has been read, or is not wanted
}

func (r *reader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if err := q.Validate(); err != nil {
		return refuse[incident.Incident](ctx, r, err)
	}
	return func(yield func(incident.Incident, error) bool) {
		s, err := r.page(ctx, driver.Flat(q))
		if err != nil {
			yield(incident.Incident{}, err)
			return
		}
		scan(ctx, r, s, incidentPlaces, nil, 0)(yield)
	}
}

// page returns what reads the incidents that q selects.
func (r *reader) page(ctx context.Context, q incident.Query) (s selection, err error) {
	start, started, err := q.Start()
	if err != nil {
		return s, err
	}
	few, err := r.few(ctx, q)
	if err != nil {
		return s, err
	}
	s.add(incidentSQL().all)
	s.incidents(q, few)
	s.behind(q, start, started)
	s.limit(q.Limit)
	return s, nil
}

// maxSorted is how many incidents are put in order rather than looked for in their order.
const maxSorted = 1000

// few returns the filter of q that the fewest incidents pass, of those which an index knows, if it is fewer than
// maxSorted; or else the one owner, whose incidents an index has in the order of their last update.
func (r *reader) few(ctx context.Context, q incident.Query) (filter, error) {
	return r.fewest(ctx, q, maxSorted, q.Sort == incident.ByUpdated)
}

// fewest is few for another number than maxSorted. An owner is a filter like others unless they are read in order.
func (r *reader) fewest(ctx context.Context, q incident.Query, least int, ordered bool) (filter, error) {
	var fewest filter
	if len(q.IDs) > 0 || len(q.Numbers) > 0 || len(q.Entities) > 0 {
		return fewest, nil // these few are looked up anyway
	}
	for _, f := range filters(q) {
		if f.field == 0 && len(f.values) == 1 && ordered {
			if len(fewest.values) == 0 { // it is the last
				fewest = f
			}
			continue
		}
		var s selection
		s.add(`SELECT count(*) FROM (SELECT 1`)
		s.lookUp(f)
		s.add(` LIMIT ?)`, least)
		for n, err := range scan(ctx, r, s, func(n *int) []any { return []any{n} }, nil, 0) {
			if err != nil {
				return filter{}, err
			}
			if n < least {
				fewest, least = f, n
			}
		}
	}
	return fewest, nil
}

func (r *reader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	if err := q.Validate(); err != nil {
		return refuse[alert.Alert](ctx, r, err)
	}
	var s selection
	places := alertPlaces
	if q.Brief {
		s.add(`SELECT ` + briefColumns + ` FROM alerts WHERE true`)
		places = briefPlaces
	} else {
		s.add(`SELECT ` + alertColumns + ` FROM alerts WHERE true`)
	}
	s.alerts(q)
	s.alertOrder(q)
	return scan(ctx, r, s, places, nil, 0)
}

// CountAlerts counts rows.
func (r *reader) CountAlerts(ctx context.Context, q alert.Query) (int, error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return 0, err
	}
	var s selection
	s.add(`SELECT count(*) FROM alerts WHERE true`)
	s.alerts(q)
	return r.number(ctx, s)
}

func (r *reader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if err := q.Validate(); err != nil {
		return refuse[activity.Entry](ctx, r, err)
	}
	var s selection
	s.add(`SELECT ` + entryColumns + ` FROM activity WHERE true`)
	s.entries(q)
	return scan(ctx, r, s, entryPlaces, q.Match, q.Limit)
}

// Sightings reads where entities were seen from the index that knows nothing else.
func (r *reader) Sightings(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	if err := q.Validate(); err != nil {
		return refuse[storage.Sighting](ctx, r, err)
	}
	return func(yield func(storage.Sighting, error) bool) {
		seen, err := r.seen(ctx, q)
		if err != nil {
			yield(storage.Sighting{}, err)
			return
		}
		for _, key := range seen {
			for found, err := range scan(ctx, r, selectSightings(q, key), sightingPlaces, nil, 0) {
				if found.Entity = key; !yield(found, err) || err != nil {
					return
				}
			}
		}
	}
}

// seen returns those of q's entities that were seen at all, so that the others cost no statement each.
func (r *reader) seen(ctx context.Context, q storage.SightingQuery) ([]alert.Key, error) {
	if len(q.Entities) < 4 {
		return q.Entities, nil
	}
	seen := make([]alert.Key, 0, len(q.Entities))
	for n, err := range scan(ctx, r, selectSeen(q), func(n *int) []any { return []any{n} }, nil, 0) {
		if err != nil {
			return nil, err
		}
		seen = append(seen, q.Entities[n])
	}
	return seen, nil
}

func sightingPlaces(found *storage.Sighting) []any {
	return []any{(*string)(&found.Alert), (*string)(&found.Incident), micros{&found.First}, &found.Standalone}
}

// Count counts rows, where the counts that are kept do not say it.
func (r *reader) Count(ctx context.Context, q incident.Query) (int, error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return 0, err
	}
	q = driver.Flat(q)
	if driver.ByStatusAndSeverity(q) {
		return r.keptCount(ctx, q)
	}
	var s selection
	if f, ok := single(q); ok {
		s.add(`SELECT count(*)`)
		s.lookUp(f)
	} else {
		few, err := r.fewest(ctx, q, math.MaxInt, false)
		if err != nil {
			return 0, err
		}
		s.add(`SELECT count(*) FROM incidents WHERE true`)
		s.incidents(q, few)
	}
	return r.number(ctx, s)
}

// number returns what a statement counts.
func (r *reader) number(ctx context.Context, s selection) (int, error) {
	for n, err := range scan(ctx, r, s, func(n *int) []any { return []any{n} }, nil, 0) {
		return n, err
	}
	return 0, errors.New("sqlite: a count without a row")
}

// Facets reads the columns that are counted by, and no others, where the counts that are kept do not say it.
func (r *reader) Facets(ctx context.Context, q incident.Query) (storage.Counts, error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return storage.Counts{}, err
	}
	q = driver.Flat(q)
	if driver.ByStatusAndSeverity(q) {
		return r.keptFacets(ctx, q)
	}
	few, err := r.fewest(ctx, q, math.MaxInt, false)
	if err != nil {
		return storage.Counts{}, err
	}
	var s selection
	s.add(incidentSQL().facets)
	s.incidents(q, few)
	var c storage.Counts
	for i, err := range scan(ctx, r, s, facetPlaces(), nil, 0) {
		if err != nil {
			return storage.Counts{}, err
		}
		c.Add(&i)
	}
	return c, nil
}
