package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// The benchmarks work on the incidents of package socday and compare, in the same run, with SQL written by hand
// over the same driver with the same pragmas. "x/raw" is the rate as a multiple of the median of raw's. Sizes are
// incidents that are there before; those above INCIDENTKIT_BENCH_MAX are left out.
func sizes(all ...int) iter.Seq[int] {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	return slices.Values(slices.DeleteFunc(all, func(size int) bool { return err == nil && size > most }))
}

// times are what one operation took, by name, in nanoseconds.
type times map[string][]float64

// compare notes what b took under that name and reports it beside the median of raw, where that has run.
func (t times) compare(b *testing.B, name string) {
	took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	t[name] = append(t[name], took)
	if raw := slices.Sorted(slices.Values(t["raw"])); name == "ours" && len(raw) > 0 {
		b.ReportMetric(raw[len(raw)/2]/took, "x/raw")
	}
}

// raw is what one writes in an afternoon: records as JSON, with columns and indexes for what is asked.
type raw struct{ db *sql.DB }

func newRaw(b *testing.B) raw {
	path := filepath.Join(b.TempDir(), "raw.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	_, err = db.ExecContext(b.Context(), `
		CREATE TABLE incidents (id TEXT PRIMARY KEY, number INTEGER UNIQUE, version INTEGER, status INTEGER, severity INTEGER, owner TEXT, updated INTEGER, doc TEXT);
		CREATE INDEX i1 ON incidents (updated); CREATE INDEX i2 ON incidents (status, updated); CREATE INDEX i3 ON incidents (owner, updated);
		CREATE TABLE tags (tag TEXT, incident TEXT, PRIMARY KEY (tag, incident)) WITHOUT ROWID;
		CREATE TABLE alerts (id TEXT PRIMARY KEY, incident TEXT, first INTEGER, doc TEXT);
		CREATE INDEX a1 ON alerts (incident, first);
		CREATE TABLE keys (key TEXT, first INTEGER, alert TEXT, incident TEXT, PRIMARY KEY (key, first, alert)) WITHOUT ROWID;
		CREATE TABLE activity (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, incident TEXT, doc TEXT);
		CREATE INDEX e1 ON activity (incident);`)
	must(b, err)
	return raw{db}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

func (r raw) apply(ctx context.Context, cs storage.Changeset) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	doc := func(v any) string {
		text, failed := json.Marshal(v)
		if failed != nil {
			err = failed
		}
		return string(text)
	}
	for _, i := range cs.Incidents {
		exec(`INSERT INTO incidents (id, number, version, status, severity, owner, updated, doc)
			VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM incidents), ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status, severity = excluded.severity,
			owner = excluded.owner, updated = excluded.updated, doc = excluded.doc WHERE version = excluded.version - 1`,
			i.ID, i.Version+1, i.Status, i.Severity, i.Owner.ID, i.Updated.UnixMicro(), doc(i))
		for _, t := range i.Tags {
			exec(`INSERT INTO tags (tag, incident) VALUES (?, ?) ON CONFLICT DO NOTHING`, t.Name, i.ID)
		}
	}
	for _, a := range cs.Alerts {
		exec(`INSERT INTO alerts (id, incident, first, doc) VALUES (?, ?, ?, ?)`, a.ID, a.Incident, a.FirstActivity.UnixMicro(), doc(a))
		for _, key := range a.Keys() {
			exec(`INSERT INTO keys (key, first, alert, incident) VALUES (?, ?, ?, ?)`, key, a.FirstActivity.UnixMicro(), a.ID, a.Incident)
		}
	}
	for _, e := range cs.Activity {
		exec(`INSERT INTO activity (id, incident, doc) VALUES (?, ?, ?)`, e.ID, e.Incident, doc(e))
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// arrivals makes changesets as an alert that joins an incident makes them.
type arrivals struct {
	mu        sync.Mutex
	day       socday.Day
	incidents []incident.Incident
	next      int
}

func (a *arrivals) take() storage.Changeset {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, now := a.next, a.day.Time(a.next)
	a.next++
	i := &a.incidents[n%len(a.incidents)]
	i.Alerts.Count++
	i.Updated = now
	cs := storage.Changeset{Incidents: []incident.Incident{i.Clone()}, Alerts: []alert.Alert{a.day.Alert(n)}}
	i.Version++
	cs.Alerts[0].Incident = i.ID
	for k, typ := range []activity.Type{activity.AlertAdded, activity.SeverityChanged} {
		cs.Activity = append(cs.Activity, activity.Entry{
			ID: activity.ID(fmt.Sprint("day-", n, "/", k)), Time: now, Incident: i.ID, Alert: cs.Alerts[0].ID, Type: typ, Actor: socday.Source(),
			Changes: []activity.Change{{Field: "alerts.count", Before: "1", After: "2"}},
		})
	}
	return cs
}

// BenchmarkApply stores what an alert that joins an incident comes to, by one caller and by eight at once.
func BenchmarkApply(b *testing.B) {
	day := socday.Day{Seed: 1, Incidents: 1000, Light: true}
	for _, callers := range []int{1, 8} {
		all := make(times)
		ours, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "ours.db"), nil)
		must(b, err)
		b.Cleanup(func() { must(b, ours.Close()) })
		peer := newRaw(b)
		var there []incident.Incident
		for cs := range day.Changesets() {
			_, err := ours.Apply(b.Context(), cs)
			must(b, err)
			must(b, peer.apply(b.Context(), cs))
			there = append(there, cs.Incidents...)
		}
		for n := range there {
			there[n].Version = 1
		}
		for _, c := range []struct {
			name  string
			apply func(context.Context, storage.Changeset) error
			from  *arrivals
		}{
			{"raw", peer.apply, &arrivals{day: day, incidents: slices.Clone(there)}},
			{"ours", func(ctx context.Context, cs storage.Changeset) error { _, err := ours.Apply(ctx, cs); return err }, &arrivals{day: day, incidents: slices.Clone(there)}},
		} {
			b.Run(fmt.Sprint(callers, "/", c.name), func(b *testing.B) {
				left := make(chan struct{}, b.N)
				for range b.N {
					left <- struct{}{}
				}
				close(left)
				b.ResetTimer()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for range left {
							if err := c.apply(b.Context(), c.from.take()); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				all.compare(b, c.name)
			})
		}
	}
}

// BenchmarkQueue reads a page of 50 incidents.
func BenchmarkQueue(b *testing.B) {
	for size := range sizes(10_000, 100_000) {
		day := socday.Day{Seed: 1, Incidents: size, Light: true}
		ours, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "ours.db"), &sqlite.Options{Relaxed: true})
		must(b, err)
		b.Cleanup(func() { must(b, ours.Close()) })
		peer := newRaw(b)
		for cs := range day.Queue() {
			_, err := ours.Apply(b.Context(), cs)
			must(b, err)
			must(b, peer.apply(b.Context(), cs))
		}
		active, tag, owner := []incident.Status{incident.Active}, socday.Tag(0), socday.Owner(0).ID
		for _, c := range []struct {
			name string
			q    incident.Query
			sql  string
			args []any
		}{
			{"first", incident.Query{}, `SELECT doc FROM incidents ORDER BY updated DESC, number DESC LIMIT 50`, nil},
			{"active", incident.Query{Statuses: active}, `SELECT doc FROM incidents WHERE status = 0 ORDER BY updated DESC, number DESC LIMIT 50`, nil},
			{"tag", incident.Query{Tags: []string{tag}}, `SELECT doc FROM incidents WHERE id IN (SELECT incident FROM tags WHERE tag = ?) ORDER BY updated DESC, number DESC LIMIT 50`, []any{tag}},
			{"owner", incident.Query{Owners: []string{owner}, Statuses: active}, `SELECT doc FROM incidents WHERE owner = ? AND status = 0 ORDER BY updated DESC, number DESC LIMIT 50`, []any{owner}},
		} {
			all := make(times)
			c.q.Limit = 50
			found := map[string]int{}
			b.Run(fmt.Sprint(size, "/", c.name, "/raw"), func(b *testing.B) {
				for b.Loop() {
					rows, err := peer.db.QueryContext(b.Context(), c.sql, c.args...)
					must(b, err)
					found["raw"] = 0
					for rows.Next() {
						var doc []byte
						var i incident.Incident
						must(b, rows.Scan(&doc))
						must(b, json.Unmarshal(doc, &i))
						found["raw"]++
					}
					must(b, rows.Close())
				}
				all.compare(b, "raw")
			})
			b.Run(fmt.Sprint(size, "/", c.name, "/ours"), func(b *testing.B) {
				for b.Loop() {
					found["ours"] = 0
					must(b, ours.View(b.Context(), func(r storage.Reader) error {
						for _, err := range r.Incidents(b.Context(), c.q) {
							must(b, err)
							found["ours"]++
						}
						return nil
					}))
				}
				if raw, ok := found["raw"]; ok && raw != found["ours"] {
					b.Fatalf("%d incidents, but raw finds %d", found["ours"], raw)
				}
				all.compare(b, "ours")
			})
		}
	}
}
