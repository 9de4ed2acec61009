package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
	"github.com/incidentkit/incidentkit/storage/storagetest"
)

// BenchmarkStorage is the workload that all storages are measured with and, in the same run, SQL written by hand over
// the same driver. Sizes are incidents that are there before; those above INCIDENTKIT_BENCH_MAX, or 1,000 without it,
// are left out. The server does not wait for its disk.
func BenchmarkStorage(b *testing.B) {
	for _, size := range benchmarkSizes() {
		b.Run(fmt.Sprint(size, "/raw"), func(b *testing.B) {
			storagetest.Benchmark(b, size, func(tb testing.TB) storage.Storage { return newRaw(tb, database(b)) })
		})
		b.Run(fmt.Sprint(size, "/ours"), func(b *testing.B) {
			storagetest.Benchmark(b, size, func(tb testing.TB) storage.Storage { return open(tb, database(b)+" pool_max_conns=16", tenant(b)) })
		})
	}
}

func benchmarkSizes() []int {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	if err != nil {
		most = 1000
	}
	return slices.DeleteFunc([]int{1000, 10_000, 100_000, 1_000_000}, func(size int) bool { return size > most })
}

// raw is what a competent engineer writes in a day: records as JSON, with columns and indexes for what is asked; the
// statements of a call are sent together, and then the commit. It is a storage only as far as the benchmark goes.
type raw struct{ *pgxpool.Pool }

func newRaw(tb testing.TB, at string) raw {
	pool, err := pgxpool.New(tb.Context(), at+" pool_max_conns=16")
	require.NoError(tb, err)
	_, err = pool.Exec(tb.Context(), `
		create table counter (entries bigint, incidents bigint);
		insert into counter values (0, 0);
		create table incidents (number bigint primary key, id text unique, version bigint, status int, severity int, owner text,
			classification text, determination text, criticality int, updated bigint, doc text);
		create index on incidents (updated, number); create index on incidents (status, updated, number); create index on incidents (owner, updated);
		create table vals (field text, value text, incident text, primary key (field, value, incident));
		create table alerts (id text primary key, version bigint, incident text, first bigint, doc text);
		create index on alerts (incident, first);
		create table keys (key text, first bigint, alert text, incident text, primary key (key, first, alert));
		create table activity (seq bigint primary key, id text unique, incident text, doc text);
		create index on activity (incident)`)
	require.NoError(tb, err)
	return raw{pool}
}

func (r raw) Close() error {
	r.Pool.Close()
	return nil
}

func (r raw) Apply(ctx context.Context, cs storage.Changeset) (receipt storage.Receipt, err error) {
	var all pgx.Batch
	var checked []int // places of statements that must change a row
	doc := func(v any) string {
		text, failed := json.Marshal(v)
		err = errors.Join(err, failed)
		return string(text)
	}
	for _, i := range cs.Incidents {
		checked = append(checked, all.Len())
		args := []any{string(i.ID), i.Version + 1, int(i.Status), int(i.Severity), i.Owner.ID, string(i.Verdict.Classification), string(i.Verdict.Determination),
			int(i.Alerts.Criticality), i.Updated.UnixMicro()}
		if i.Version == 0 {
			all.Queue(`with next as (update counter set incidents = incidents + 1 returning incidents)
				insert into incidents select incidents, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 from next`, append(args, doc(i))...)
		} else {
			all.Queue(`update incidents set version = $2, status = $3, severity = $4, owner = $5, classification = $6, determination = $7,
				criticality = $8, updated = $9, doc = $10 where id = $1 and version = $2 - 1`, append(args, doc(i))...)
		}
		for field, texts := range rawLists(&i) {
			for _, text := range texts {
				all.Queue(`insert into vals values ($1, $2, $3) on conflict do nothing`, field, text, string(i.ID))
			}
		}
	}
	for _, a := range cs.Alerts {
		checked = append(checked, all.Len())
		all.Queue(`insert into alerts values ($1, $2, $3, $4, $5) on conflict (id) do update set version = excluded.version,
			incident = excluded.incident, first = excluded.first, doc = excluded.doc where alerts.version = excluded.version - 1`,
			string(a.ID), a.Version+1, string(a.Incident), a.FirstActivity.UnixMicro(), doc(a))
		if a.Version > 0 {
			continue // the entities of the workload stay as they are
		}
		for _, key := range a.Keys() {
			all.Queue(`insert into keys values ($1, $2, $3, $4)`, string(key), a.FirstActivity.UnixMicro(), string(a.ID), string(a.Incident))
		}
	}
	for _, e := range cs.Activity {
		all.Queue(`with next as (update counter set entries = entries + 1 returning entries)
			insert into activity select entries, $1, $2, $3 from next`, string(e.ID), string(e.Incident), doc(e))
	}
	return receipt, errors.Join(err, pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		results := tx.SendBatch(ctx, &all)
		for n := range all.Len() {
			tag, err := results.Exec()
			if err == nil && len(checked) > 0 && n == checked[0] {
				if checked = checked[1:]; tag.RowsAffected() == 0 {
					err = storage.ErrConflict
				}
			}
			if err != nil {
				return errors.Join(err, results.Close())
			}
		}
		return results.Close()
	}))
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

func (r raw) View(ctx context.Context, fn func(storage.Reader) error) error {
	return pgx.BeginTxFunc(ctx, r.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error { return fn(rawReader{tx: tx}) })
}

// rawReader is a [storage.Reader] for what the benchmark asks.
type rawReader struct {
	storage.Reader
	tx pgx.Tx
}

// docs yields the JSON that a query selects as records.
func docs[T any](ctx context.Context, tx pgx.Tx, query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var record T
			err := json.Unmarshal(rows.RawValues()[0], &record)
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
	for i, err := range docs[incident.Incident](ctx, r.tx, `select doc from incidents where id = $1`, string(id)) {
		return i, err
	}
	return i, storage.ErrNotFound
}

func (r rawReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return docs[alert.Alert](ctx, r.tx, `select doc from alerts where incident = $1 order by first, id`, string(q.Incidents[0]))
}

func (r rawReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return docs[activity.Entry](ctx, r.tx, `select doc from activity where incident = $1 order by seq`, string(q.Incidents[0]))
}

// rawWhere returns what q filters by, of what the benchmark asks.
func rawWhere(q incident.Query) (where string, args []any) {
	q = driver.Flat(q)
	where = ` where true`
	add := func(condition, end string, arg any) {
		args = append(args, arg)
		where += ` and ` + condition + `$` + strconv.Itoa(len(args)) + end
	}
	if len(q.Statuses) > 0 {
		add(`status = any(`, `)`, ints(q.Statuses))
	}
	if len(q.Severities) > 0 {
		add(`severity = any(`, `)`, ints(q.Severities))
	}
	if len(q.Owners) > 0 {
		add(`owner = any(`, `)`, q.Owners)
	}
	if len(q.Tags) > 0 {
		var folded []string
		for _, t := range q.Tags {
			folded = append(folded, incident.Fold(t))
		}
		add(`id in (select incident from vals where field = 'tag' and value = any(`, `))`, folded)
	}
	if len(q.Categories) > 0 {
		add(`id in (select incident from vals where field = 'categories' and value = any(`, `))`, q.Categories)
	}
	if !q.UpdatedSince.IsZero() {
		add(`updated >= `, ``, q.UpdatedSince.UnixMicro())
	}
	return where, args
}

func ints[T ~uint8](list []T) (out []int32) {
	for _, v := range list {
		out = append(out, int32(v))
	}
	return out
}

func (r rawReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	where, args := rawWhere(q)
	if start, started, err := q.Start(); err == nil && started {
		args = append(args, start.Rank, start.Number)
		where += fmt.Sprintf(` and (updated, number) < ($%d, $%d)`, len(args)-1, len(args))
	}
	return docs[incident.Incident](ctx, r.tx, `select doc from incidents`+where+fmt.Sprint(` order by updated desc, number desc limit `, q.Limit), args...)
}

func (r rawReader) Count(ctx context.Context, q incident.Query) (n int, err error) {
	where, args := rawWhere(q)
	return n, r.tx.QueryRow(ctx, `select count(*) from incidents`+where, args...).Scan(&n)
}

// Facets groups by each column that has one value, and by the values of lists.
func (r rawReader) Facets(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
	where, args := rawWhere(q)
	group := func(columns, from string, add func(field, value string, n int)) {
		if err != nil {
			return
		}
		rows, _ := r.tx.Query(ctx, `select `+columns+`, count(*) from `+from+` group by 1, 2`, args...)
		var field, value string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&field, &value, &n}, func() error { add(field, value, n); return nil })
	}
	c.Owners, c.Tags = make(map[string]storage.OwnerTally), make(map[string]storage.Tally)
	c.Classifications, c.Determinations = make(map[classification.Classification]int), make(map[classification.Determination]int)
	lists := make(map[string]map[string]int)
	group(`status::text, severity::text`, `incidents`+where, func(_, _ string, n int) { c.Total += n })
	group(`''::text, owner`, `incidents`+where, func(_, id string, n int) { c.Owners[id] = storage.OwnerTally{Count: n} })
	group(`classification, determination`, `incidents`+where, func(class, d string, n int) {
		c.Classifications[classification.Classification(class)] += n
		c.Determinations[classification.Determination(d)] += n
	})
	group(`''::text, criticality::text`, `incidents`+where, func(string, string, int) {})
	from := `vals`
	if len(args) > 0 {
		from = `vals where incident in (select id from incidents` + where + `)`
	}
	group(`field, value`, from, func(field, value string, n int) {
		if lists[field] == nil {
			lists[field] = make(map[string]int)
		}
		lists[field][value] = n
	})
	return c, err
}
