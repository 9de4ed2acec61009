package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// raw is what a competent engineer writes in a day: records as JSON, with columns and indexes for what is asked,
// statements that are prepared once, one transaction for each call. It is a storage only as far as the benchmark goes.
type raw struct {
	writers, readers *sql.DB
	mu               sync.Mutex // of the writer
	writer           *sql.Conn
	prepared         map[string]*sql.Stmt
}

func newRaw(tb testing.TB) storage.Storage {
	at := "file:" + filepath.Join(tb.TempDir(), "raw.db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	r := &raw{prepared: make(map[string]*sql.Stmt)}
	var err error
	r.writers, err = sql.Open("sqlite", at)
	require.NoError(tb, err)
	r.writer, err = r.writers.Conn(tb.Context())
	require.NoError(tb, err)
	_, err = r.writer.ExecContext(tb.Context(), `
		CREATE TABLE incidents (number INTEGER PRIMARY KEY, id TEXT UNIQUE, version INTEGER, status INTEGER, severity INTEGER, owner TEXT,
			classification TEXT, determination TEXT, criticality INTEGER, updated INTEGER, doc TEXT);
		CREATE INDEX i1 ON incidents (updated); CREATE INDEX i2 ON incidents (status, updated); CREATE INDEX i3 ON incidents (owner, updated);
		CREATE TABLE vals (field TEXT, value TEXT, number INTEGER, PRIMARY KEY (field, value, number)) WITHOUT ROWID;
		CREATE TABLE alerts (id TEXT PRIMARY KEY, version INTEGER, incident TEXT, first INTEGER, doc TEXT);
		CREATE INDEX a1 ON alerts (incident, first);
		CREATE TABLE keys (key TEXT, first INTEGER, alert TEXT, incident TEXT, PRIMARY KEY (key, first, alert)) WITHOUT ROWID;
		CREATE TABLE activity (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, incident TEXT, doc TEXT);
		CREATE INDEX e1 ON activity (incident);`)
	require.NoError(tb, err)
	r.readers, err = sql.Open("sqlite", at)
	require.NoError(tb, err)
	return r
}

func (r *raw) Close() error {
	return errors.Join(r.writer.Close(), r.writers.Close(), r.readers.Close())
}

func (r *raw) Apply(ctx context.Context, cs storage.Changeset) (receipt storage.Receipt, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	exec := func(query string, args ...any) (changed int64) {
		if err != nil {
			return 0
		}
		if r.prepared[query] == nil {
			if r.prepared[query], err = r.writer.PrepareContext(ctx, query); err != nil {
				return 0
			}
		}
		result, failed := r.prepared[query].ExecContext(ctx, args...)
		if err = failed; err != nil {
			return 0
		}
		changed, err = result.RowsAffected()
		return changed
	}
	doc := func(v any) string {
		text, failed := json.Marshal(v)
		err = errors.Join(err, failed)
		return string(text)
	}
	exec(`BEGIN IMMEDIATE`)
	for _, i := range cs.Incidents {
		i.Version++
		if exec(`INSERT INTO incidents (id, version, status, severity, owner, classification, determination, criticality, updated, doc)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status,
			severity = excluded.severity, owner = excluded.owner, classification = excluded.classification, determination = excluded.determination,
			criticality = excluded.criticality, updated = excluded.updated, doc = excluded.doc WHERE version = excluded.version - 1`,
			i.ID, i.Version, i.Status, i.Severity, i.Owner.ID, i.Verdict.Classification, i.Verdict.Determination, i.Alerts.Criticality, i.Updated.UnixMicro(), doc(i)) == 0 && err == nil {
			err = storage.ErrConflict
		}
		for field, texts := range rawLists(&i) {
			for _, text := range texts {
				exec(`INSERT INTO vals (field, value, number) SELECT ?, ?, number FROM incidents WHERE id = ? ON CONFLICT DO NOTHING`, field, text, i.ID)
			}
		}
	}
	for _, a := range cs.Alerts {
		a.Version++
		if exec(`INSERT INTO alerts (id, version, incident, first, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version,
			incident = excluded.incident, first = excluded.first, doc = excluded.doc WHERE version = excluded.version - 1`,
			a.ID, a.Version, a.Incident, a.FirstActivity.UnixMicro(), doc(a)) == 0 && err == nil {
			err = storage.ErrConflict
		}
		if a.Version > 1 {
			continue // the entities of the workload stay as they are
		}
		for _, key := range a.Keys() {
			exec(`INSERT INTO keys (key, first, alert, incident) VALUES (?, ?, ?, ?)`, key, a.FirstActivity.UnixMicro(), a.ID, a.Incident)
		}
	}
	for _, e := range cs.Activity {
		exec(`INSERT INTO activity (id, incident, doc) VALUES (?, ?, ?)`, e.ID, e.Incident, doc(e))
	}
	exec(`COMMIT`)
	return receipt, err // after which the benchmark is over
}

func rawLists(i *incident.Incident) map[string][]string {
	lists := make(map[string][]string)
	for l, texts := range i.Alerts.Lists() {
		lists[incident.List(l).String()] = *texts
	}
	for _, t := range i.Tags {
		lists["tag"] = append(lists["tag"], incident.Fold(t.Name))
	}
	return lists
}

func (r *raw) View(ctx context.Context, fn func(storage.Reader) error) error {
	tx, err := r.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(rawReader{tx: tx})
}

// rawReader is a [storage.Reader] for what the benchmark asks.
type rawReader struct {
	storage.Reader
	tx *sql.Tx
}

// docs yields the JSON that a query selects as records.
func docs[T any](ctx context.Context, tx *sql.Tx, query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var doc sql.RawBytes
			var record T
			err := rows.Scan(&doc)
			if err == nil {
				err = json.Unmarshal(doc, &record)
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

func (r rawReader) Incident(ctx context.Context, id incident.ID) (i incident.Incident, err error) {
	for i, err := range docs[incident.Incident](ctx, r.tx, `SELECT doc FROM incidents WHERE id = ?`, id) {
		return i, err
	}
	return i, storage.ErrNotFound
}

func (r rawReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return docs[alert.Alert](ctx, r.tx, `SELECT doc FROM alerts WHERE incident = ? ORDER BY first, id`, q.Incidents[0])
}

func (r rawReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return docs[activity.Entry](ctx, r.tx, `SELECT doc FROM activity WHERE incident = ? ORDER BY seq`, q.Incidents[0])
}

// rawWhere returns what q filters by, of what the benchmark asks.
func rawWhere(q incident.Query) (where string, args []any) {
	q = driver.Flat(q)
	where = ` WHERE true`
	in := func(condition, end string, n int, value func(int) any) {
		if n == 0 {
			return
		}
		where += ` AND ` + condition + ` IN (?` + strings.Repeat(`, ?`, n-1) + `)` + end
		for k := range n {
			args = append(args, value(k))
		}
	}
	in(`status`, ``, len(q.Statuses), func(n int) any { return q.Statuses[n] })
	in(`severity`, ``, len(q.Severities), func(n int) any { return q.Severities[n] })
	in(`owner`, ``, len(q.Owners), func(n int) any { return q.Owners[n] })
	in(`number IN (SELECT number FROM vals WHERE field = 'tag' AND value`, `)`, len(q.Tags), func(n int) any { return incident.Fold(q.Tags[n]) })
	in(
		`number IN (SELECT number FROM vals WHERE field = 'categories' AND value`,
		`)`,
		len(q.Categories),
		func(n int) any { return q.Categories[n] },
	)
	if !q.UpdatedSince.IsZero() {
		where, args = where+` AND updated >= ?`, append(args, q.UpdatedSince.UnixMicro())
	}
	return where, args
}

func (r rawReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	where, args := rawWhere(q)
	if start, started, err := q.Start(); err == nil && started {
		where, args = where+` AND (updated, number) < (?, ?)`, append(args, start.Rank, start.Number)
	}
	return docs[incident.Incident](ctx, r.tx, `SELECT doc FROM incidents`+where+` ORDER BY updated DESC, number DESC LIMIT ?`, append(args, q.Limit)...)
}

func (r rawReader) Count(ctx context.Context, q incident.Query) (n int, err error) {
	where, args := rawWhere(q)
	return n, r.tx.QueryRowContext(ctx, `SELECT count(*) FROM incidents`+where, args...).Scan(&n)
}

// Facets groups by each column that has one value, and by the values of lists.
func (r rawReader) Facets(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
	where, args := rawWhere(q)
	group := func(columns, from string, add func(field, value string, n int)) {
		if err != nil {
			return
		}
		rows, failed := r.tx.QueryContext(ctx, `SELECT `+columns+`, count(*) FROM `+from+` GROUP BY 1, 2`, args...)
		if err = failed; err != nil {
			return
		}
		defer rows.Close()
		for rows.Next() {
			var field, value string
			var n int
			err = errors.Join(err, rows.Scan(&field, &value, &n))
			add(field, value, n)
		}
		err = errors.Join(err, rows.Err())
	}
	c.Owners, c.Tags = make(map[string]storage.OwnerTally), make(map[string]storage.Tally)
	c.Classifications, c.Determinations = make(map[classification.Classification]int), make(map[classification.Determination]int)
	lists := make(map[string]map[string]int)
	group(`status, severity`, `incidents`+where, func(_, _ string, n int) { c.Total += n })
	group(`'', owner`, `incidents`+where, func(_, id string, n int) { c.Owners[id] = storage.OwnerTally{Count: n} })
	group(`classification, determination`, `incidents`+where, func(class, d string, n int) {
		c.Classifications[classification.Classification(class)] += n
		c.Determinations[classification.Determination(d)] += n
	})
	group(`'', criticality`, `incidents`+where, func(string, string, int) {})
	from := `vals`
	if len(args) > 0 {
		from = `vals WHERE number IN (SELECT number FROM incidents` + where + `)`
	}
	group(`field, value`, from, func(field, value string, n int) {
		if lists[field] == nil {
			lists[field] = make(map[string]int)
		}
		lists[field][value] = n
	})
	return c, err
}
