package sqlite_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// An itemWorld draws Changesets with items and guards, and knows what became of those that were kept.
type itemWorld struct {
	rt        *rapid.T
	oracle    *memory.Store // it gets no Guard
	stamps    map[alert.ID]map[alert.Key]int64
	incidents map[incident.ID]int64 // Versions
	alerts    map[alert.ID]alert.Alert
	entries   int64
}

var (
	anyText     = rapid.SampledFrom([]string{"", "a", "a/b", "b", "\x00", "é"})
	anyIncident = rapid.Map(rapid.SampledFrom([]string{"", "i", "j"}), func(s string) incident.ID {
		return incident.ID(s)
	})
	anyHosts = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"h0", "h1", "h2", "h3"}), 0, 3, rapid.ID)
	anyTime  = rapid.Map(rapid.IntRange(-1, 4), func(n int) time.Time {
		if n < 0 {
			return time.Time{}
		}
		return day.Add(time.Duration(n) * time.Hour)
	})
)

func hosts(names []string) (evidence []alert.Evidence) {
	for _, name := range names {
		evidence = append(evidence, alert.Evidence{Entity: alert.Device{HostName: name}})
	}
	return evidence
}

// hostKeys returns the keys of hosts, without that of the kind, which all alerts of this file have.
func hostKeys(names []string) []alert.Key {
	a := alert.Alert{Evidence: hosts(names)}
	return slices.DeleteFunc(a.Keys(), func(key alert.Key) bool { return key == a.KindKey() })
}

// changeset draws a Changeset, most of which can be kept.
func (w *itemWorld) changeset(ctx context.Context, restored bool) (cs storage.Changeset) {
	for range rapid.IntRange(0, 2).Draw(w.rt, "entries") {
		w.entries++
		cs.Activity = append(cs.Activity, activity.Entry{ID: activity.ID(fmt.Sprint("e", w.entries)),
			Seq: w.seq(ctx) + 1 + int64(len(cs.Activity))})
	}
	for id, version := range w.incidents {
		if !restored && version > 0 && rapid.IntRange(0, 3).Draw(w.rt, "purge") == 0 {
			cs.Incidents = append(cs.Incidents, incident.Incident{ID: id, Version: version})
			cs.Purge = append(cs.Purge, id)
		}
	}
	for n := range rapid.IntRange(0, 2).Draw(w.rt, "alerts") {
		a := w.alerts[alert.ID(fmt.Sprint("a", n))]
		a.ID, a.Incident = alert.ID(fmt.Sprint("a", n)), anyIncident.Draw(w.rt, "of")
		a.FirstActivity, a.Standalone = anyTime.Draw(w.rt, "first"), rapid.Bool().Draw(w.rt, "standalone")
		if rapid.Bool().Draw(w.rt, "changed") {
			a.Evidence = hosts(anyHosts.Draw(w.rt, "hosts"))
		}
		cs.Alerts = append(cs.Alerts, a)
	}
	cs.Guard = storage.Guard{Seq: max(0, w.seq(ctx)-int64(rapid.IntRange(0, 3).Draw(w.rt, "ago"))),
		Keys: hostKeys(anyHosts.Draw(w.rt, "guarded"))}
	for range rapid.IntRange(0, 2).Draw(w.rt, "expiries") {
		before := anyTime.Draw(w.rt, "before").Add(time.Duration(rapid.IntRange(0, 1).Draw(w.rt, "nanoseconds")))
		cs.Expire = append(cs.Expire, storage.Expiry{Kind: anyText.Draw(w.rt, "expired"), Before: before})
	}
	for range rapid.IntRange(0, 3).Draw(w.rt, "items") {
		i := storage.Item{Kind: anyText.Draw(w.rt, "kind"), Key: anyText.Draw(w.rt, "key"),
			Incident: anyIncident.Draw(w.rt, "owner"), Time: anyTime.Draw(w.rt, "time")}
		i.Version = w.item(ctx, i.Place()).Version
		if rapid.IntRange(0, 9).Draw(w.rt, "conflict") == 0 {
			i.Version = int64(rapid.IntRange(-1, 3).Draw(w.rt, "version"))
		}
		if restored {
			i.Version = int64(rapid.IntRange(0, 3).Draw(w.rt, "restored"))
		}
		i.Data = rapid.SampledFrom([][]byte{nil, {}, {0}, []byte("{}")}).Draw(w.rt, "data")
		if i.Place() != (storage.ItemPlace{}) &&
			!slices.ContainsFunc(cs.Items, func(j storage.Item) bool { return i.Place() == j.Place() }) {
			cs.Items = append(cs.Items, i)
		}
	}
	return cs
}

func (w *itemWorld) seq(ctx context.Context) (seq int64) {
	require.NoError(w.rt, w.oracle.View(ctx, func(r storage.Reader) (err error) {
		seq, err = r.Seq(ctx)
		return err
	}))
	return seq
}

func (w *itemWorld) item(ctx context.Context, at storage.ItemPlace) (i storage.Item) {
	require.NoError(w.rt, w.oracle.View(ctx, func(r storage.Reader) (err error) {
		if i, err = r.Item(ctx, at.Kind, at.Key); errors.Is(err, storage.ErrNotFound) {
			err = nil
		}
		return err
	}))
	return i
}

// guarded returns the highest stamp above that of g.
func (w *itemWorld) guarded(g storage.Guard) (stamp int64) {
	for _, keys := range w.stamps {
		for key, added := range keys {
			if added > g.Seq && slices.Contains(g.Keys, key) {
				stamp = max(stamp, added)
			}
		}
	}
	return stamp
}

// keep sees that what a Store has answered is right, and keeps cs if it must.
func (w *itemWorld) keep(ctx context.Context, cs storage.Changeset, restored bool, got error) {
	added, guarded := w.seq(ctx), !restored && w.guarded(cs.Guard) > 0
	if guarded {
		require.True(w.rt, driver.Refused(got), "of a guard: %v", got)
		if conflict, ok := errors.AsType[*storage.ConflictError](got); ok && conflict.Record == "key" {
			require.Contains(w.rt, cs.Guard.Keys, alert.Key(conflict.ID))
			require.Equal(w.rt, cs.Guard.Seq, conflict.Given)
			require.Greater(w.rt, conflict.Stored, conflict.Given)
		}
		return
	}
	cs.Guard, cs.Items = storage.Guard{}, slices.Clone(cs.Items)
	for n := range cs.Items {
		if len(cs.Items[n].Data) == 0 {
			cs.Items[n].Data = nil // as it must be read back
		}
	}
	var want error
	if restored {
		want, added = w.oracle.Restore(ctx, cs), 0
	} else {
		_, want = w.oracle.Apply(ctx, cs)
	}
	require.Equal(w.rt, want == nil, got == nil, "%v, want %v", got, want)
	if want != nil {
		for _, target := range []error{storage.ErrExists, storage.ErrConflict, storage.ErrNotFound} {
			require.Equal(w.rt, errors.Is(want, target), errors.Is(got, target), "%v, want %v", got, want)
		}
		return
	}
	if !restored && len(cs.Activity) > 0 {
		added++
	}
	for _, i := range cs.Incidents {
		w.incidents[i.ID]++
	}
	for _, a := range cs.Alerts {
		before := w.stamps[a.ID]
		w.stamps[a.ID] = make(map[alert.Key]int64)
		for _, key := range a.Keys() {
			stamp, had := before[key]
			if !had {
				stamp = added
			}
			w.stamps[a.ID][key] = stamp
		}
		if !restored {
			a.Version++
		}
		w.alerts[a.ID] = a
	}
	for _, a := range w.alerts {
		if slices.Contains(cs.Purge, a.Incident) {
			delete(w.alerts, a.ID)
			delete(w.stamps, a.ID)
		}
	}
}

// ask asks both storages for items.
func (w *itemWorld) ask(ctx context.Context, s storage.Storage) {
	var q storage.ItemQuery
	q.Kinds = rapid.SliceOfN(anyText, 0, 2).Draw(w.rt, "kinds")
	q.Incidents = rapid.SliceOfN(anyIncident, 0, 2).Draw(w.rt, "incidents")
	q.Before = anyTime.Draw(w.rt, "asked before")
	q.After = storage.ItemPlace{Kind: anyText.Draw(w.rt, "after kind"), Key: anyText.Draw(w.rt, "after")}
	q.Limit = rapid.IntRange(0, 3).Draw(w.rt, "limit")
	at := storage.ItemPlace{Kind: anyText.Draw(w.rt, "kind"), Key: anyText.Draw(w.rt, "key")}
	read := func(s storage.Storage) (all []any) {
		require.NoError(w.rt, s.View(ctx, func(r storage.Reader) error {
			for _, q := range []storage.ItemQuery{{}, q} {
				for i, err := range r.Items(ctx, q) {
					require.NoError(w.rt, err)
					all = append(all, i)
				}
				all = append(all, "end")
			}
			i, err := r.Item(ctx, at.Kind, at.Key)
			all = append(all, i, errors.Is(err, storage.ErrNotFound))
			seq, err := r.Seq(ctx)
			all = append(all, seq)
			return err
		}))
		return all
	}
	require.Equal(w.rt, read(w.oracle), read(s), "%+v", q)
}

// A file keeps the items that the memory does, and fails the guards that it must and no others, whether Changesets
// come alone or together.
func TestItemsAndGuardsAreThoseOfTheOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		s := anyFile(t, rt)
		defer s.Close()
		w := &itemWorld{rt: rt, oracle: memory.New(), stamps: make(map[alert.ID]map[alert.Key]int64),
			incidents: map[incident.ID]int64{}, alerts: make(map[alert.ID]alert.Alert)}
		first := storage.Changeset{Incidents: []incident.Incident{{ID: ""}, {ID: "i"}, {ID: "j"}}}
		_, err := s.Apply(ctx, first)
		require.NoError(rt, err)
		w.keep(ctx, first, false, nil)
		for range 12 {
			restored := rapid.IntRange(0, 4).Draw(rt, "restore") == 0
			all := []storage.Changeset{w.changeset(ctx, restored)}
			if rapid.IntRange(0, 2).Draw(rt, "together") == 0 {
				all = append(all, w.changeset(ctx, false)) // of the same moment, it may conflict with the first
			}
			b := newBatch(t, s)
			for n, cs := range all {
				if n == 0 && restored {
					b.restore(cs)
				} else {
					b.add(ctx, cs)
				}
			}
			b.commit()
			for n, cs := range all {
				w.keep(ctx, cs, n == 0 && restored, *b.errs[n])
			}
			w.ask(ctx, s)
		}
		require.NoError(rt, anyday.Same(ctx, w.oracle, s))
		requireWhole(rt, s)
	})
}

// A guard that fails in a batch fails for what an earlier Changeset of the batch has added, and no other.
func TestAGuardFailsItsOwnApplyAlone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	adds := func(id alert.ID, host string, g storage.Guard) storage.Changeset {
		return storage.Changeset{Alerts: []alert.Alert{{ID: id, Evidence: hosts([]string{host})}}, Guard: g,
			Activity: []activity.Entry{{ID: activity.ID(id)}}, Items: []storage.Item{{Key: string(id)}}}
	}
	b := newBatch(t, s)
	b.add(t.Context(), adds("a", "h", storage.Guard{Keys: hostKeys([]string{"h"})}))
	b.add(t.Context(), adds("b", "x", storage.Guard{Keys: hostKeys([]string{"y", "h"})}))
	b.add(t.Context(), adds("c", "x", storage.Guard{Keys: hostKeys([]string{"x", "y"})}))
	b.add(t.Context(), adds("d", "h", storage.Guard{Seq: 1, Keys: hostKeys([]string{"h"})}))
	b.commit()
	for n, err := range b.errs {
		if n != 1 {
			assert.NoError(t, *err, "Apply %d", n)
		}
	}
	conflict, ok := errors.AsType[*storage.ConflictError](*b.errs[1])
	require.True(t, ok, "%v", *b.errs[1])
	want := storage.ConflictError{Record: "key", ID: string(hostKeys([]string{"h"})[0]), Given: 0, Stored: 1}
	assert.Equal(t, want, *conflict)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		seq, err := r.Seq(t.Context())
		assert.Equal(t, int64(3), seq)
		var keys []string
		for i, err := range r.Items(t.Context(), storage.ItemQuery{}) {
			require.NoError(t, err)
			keys = append(keys, i.Key)
		}
		assert.Equal(t, []string{"a", "c", "d"}, keys)
		return err
	}))
}

// firstVersion copies a file into one that the first version of this package would have written.
func firstVersion(t *testing.T, path string) (old string) {
	t.Helper()
	old = filepath.Join(t.TempDir(), "old.db")
	db, err := sql.Open("sqlite", old)
	require.NoError(t, err)
	db.SetMaxOpenConns(1) // the other file is attached to one connection
	exec := func(statement string, args ...any) {
		_, err := db.ExecContext(t.Context(), statement, args...)
		require.NoError(t, err, statement)
	}
	text, err := os.ReadFile("migrations/0001_records.sql")
	require.NoError(t, err)
	exec(string(text))
	exec(`PRAGMA application_id = 0x696e6369`)
	exec(`PRAGMA user_version = 1`)
	exec(`ATTACH ? AS new`, path)
	rows, err := db.QueryContext(t.Context(), `SELECT t.name, group_concat(c.name)
		FROM main.sqlite_schema AS t, pragma_table_info(t.name, 'main') AS c
		WHERE t.type = 'table' GROUP BY t.name`)
	require.NoError(t, err)
	copies := make(map[string]string)
	for rows.Next() {
		var table, columns string
		require.NoError(t, rows.Scan(&table, &columns))
		copies[table] = columns
	}
	require.NoError(t, cmp.Or(rows.Err(), rows.Close()))
	require.Len(t, copies, 8)
	for table, columns := range copies {
		exec(`INSERT INTO main.` + table + ` (` + columns + `) SELECT ` + columns + ` FROM new.` + table)
	}
	require.NoError(t, db.Close())
	return old
}

// nobodysChoice gives the incidents of an old file what the first version could not say of them and their log does.
func nobodysChoice(t *testing.T, old, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", old)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), `ATTACH ? AS new; UPDATE incidents SET (named, severity_given) =
		(SELECT n.named, n.severity_given FROM new.incidents AS n WHERE n.number = incidents.number)`, path)
	require.NoError(t, cmp.Or(err, db.Close()))
}

// tables returns the tables and indexes of a file.
func tables(t *testing.T, path string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), `SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name`)
	require.NoError(t, err)
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		all = append(all, text)
	}
	require.NoError(t, cmp.Or(rows.Err(), rows.Close(), db.Close()))
	return all
}

// A file that the first version has written holds what it held, and items and guards work in it: the keys that it had
// count as added before everything.
func TestAFileOfTheFirstVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	before := open(t, path, nil)
	cs := filled("one", 5, 20)
	cs.Items = nil
	for n := range cs.Activity {
		cs.Activity[n].Index, cs.Activity[n].Version = n, 1 // since all have one cause
	}
	_, err := before.Apply(t.Context(), cs)
	require.NoError(t, err)
	old := firstVersion(t, path)
	s := open(t, old, nil)
	assert.Equal(t, tables(t, path), tables(t, old))
	require.NoError(t, anyday.Same(t.Context(), before, s))
	requireWhole(t, s)

	a := cs.Alerts[1]
	had := storage.Guard{Keys: a.Keys()}
	a.Version, a.Incident, a.Evidence = 1, "two", append(a.Evidence, hosts([]string{"fresh"})...)
	item := storage.Item{Kind: "k", Key: "1", Data: []byte("x")}
	_, err = s.Apply(t.Context(), storage.Changeset{Alerts: []alert.Alert{a}, Activity: []activity.Entry{{ID: "next"}},
		Guard: had, Items: []storage.Item{item}})
	require.NoError(t, err)
	_, err = s.Apply(t.Context(), storage.Changeset{Guard: had})
	require.NoError(t, err, "it was moved, which adds none of these keys")
	_, err = s.Apply(t.Context(), storage.Changeset{Guard: storage.Guard{Seq: 20, Keys: hostKeys([]string{"fresh"})}})
	require.ErrorIs(t, err, storage.ErrConflict)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		got, err := r.Item(t.Context(), "k", "1")
		assert.Equal(t, item.Data, got.Data)
		return err
	}))
}

// Entries that the first version has written know afterwards which part of which command they are of and which version
// came of it. They have no digests.
func TestEntriesOfTheFirstVersion(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		before := open(t, path, nil)
		anyday.New(t.Context(), rt, before).Happen(30)
		old := firstVersion(t, path)
		after := open(t, old, nil)
		nobodysChoice(t, old, path)
		want, got := log(t, before), log(t, after)
		for n := range want {
			want[n].Digest, want[n].AlertDigest, want[n].Seal = activity.Digest{}, activity.Digest{}, activity.Seal{}
			want[n].Actor.OnBehalfOf = ""
			id, about := string(want[n].ID), string(want[n].Subject)
			if strings.Contains(id, "/comment/") || want[n].Origin != "" && (want[n].Type == activity.Redacted || strings.Contains(about, "/comment/")) {
				// An imported comment may be alone in its command, and a copy of a redaction names what was redacted.
				want[n].Part, want[n].Index, got[n].Part, got[n].Index = "", 0, "", 0
			}
		}
		require.Equal(rt, want, got)
		for v, err := range manager.Check(t.Context(), after) {
			require.NoError(rt, err)
			if v.Rule != manager.RuleSummary { // the first version did not know which times lay ahead
				require.Fail(rt, v.String())
			}
		}
	})
}

func log(t *testing.T, s storage.Storage) (all []activity.Entry) {
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for e, err := range r.Activity(t.Context(), activity.Query{}) {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	}))
	return all
}

// Items are read from the index that fits, and neither a guard, an expiry nor a purge reads more than it is about.
func TestPlansOfItems(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	kinds, incidents, after := []string{"k"}, []incident.ID{"i"}, storage.ItemPlace{Kind: "k", Key: "x"}
	const primary = "items USING INDEX sqlite_autoindex_items_1"
	for _, c := range []struct {
		q    storage.ItemQuery
		want string
		sort bool
	}{
		{storage.ItemQuery{}, "SCAN " + primary, false},
		{storage.ItemQuery{After: after, Limit: 5}, "SEARCH " + primary + " ((kind,key)>(?,?))", false},
		{storage.ItemQuery{Kinds: kinds, Limit: 5}, "SEARCH " + primary + " (kind=?)", false},
		{storage.ItemQuery{Kinds: kinds, After: after, Limit: 5}, "SEARCH " + primary + " (kind=? AND key>?)", false},
		{storage.ItemQuery{Kinds: []string{"k", "l"}, After: after, Limit: 5}, "SEARCH " + primary + " (kind=?)",
			false},
		{storage.ItemQuery{Kinds: kinds, Before: day}, "SEARCH items USING INDEX items_time (kind=? AND time<?)", true},
		{storage.ItemQuery{Kinds: kinds, Before: day, After: after}, "SEARCH " + primary + " (kind=? AND key>?)",
			false},
		{storage.ItemQuery{Incidents: incidents}, "SEARCH items USING INDEX items_incident (incident=?)", true},
		{storage.ItemQuery{Incidents: incidents, Kinds: kinds, Before: day},
			"SEARCH items USING INDEX items_incident (incident=?)", true},
		{storage.ItemQuery{Incidents: []incident.ID{"i", ""}}, "SCAN " + primary, false},
	} {
		steps, err := s.ItemPlan(t.Context(), c.q)
		require.NoError(t, err)
		assert.Equal(t, c.want, steps[0], "%+v", c.q)
		assert.Equal(t, c.sort, strings.Contains(strings.Join(steps, "; "), "TEMP B-TREE"), "%+v: %q", c.q, steps)
	}
	guard, expiry, purge, err := s.WritePlans(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"SEARCH a USING INDEX alerts_added (added>?)",
		"SEARCH k USING PRIMARY KEY (key=? AND first_activity=? AND alert=?)"}, guard[:2])
	assert.Equal(t, []string{"SEARCH items USING INDEX items_time (kind=? AND time<?)"}, expiry)
	assert.Equal(t, []string{"SEARCH items USING INDEX items_incident (incident=?)"}, purge)
}

// Owners of a file that the first version has written are found in every spelling, beyond ASCII too.
func TestOwnersOfAnOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	before := open(t, path, nil)
	ids := []string{"Kai@contoso.com", "kai@contoso.com", "ÅSA@contoso.com", "A\u030Asa@contoso.com", "K\x00É", "", "m"}
	var cs storage.Changeset
	for n, id := range ids {
		i := incident.Incident{ID: incident.ID(fmt.Sprint(n)), Owner: incident.Owner{ID: id}}
		cs.Incidents = append(cs.Incidents, i)
	}
	_, err := before.Apply(t.Context(), cs)
	require.NoError(t, err)
	s := open(t, firstVersion(t, path), nil)
	wanted := map[string]int{"KAI@contoso.com": 2, "åsa@CONTOSO.com": 2, "k\x00é": 1, "M": 1, "k": 0}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for owner, want := range wanted {
			n, err := storage.Count(t.Context(), r, incident.Query{Owners: []string{owner}})
			require.NoError(t, err)
			assert.Equal(t, want, n, "%q", owner)
		}
		return nil
	}))
	require.NoError(t, anyday.Same(t.Context(), before, s))
}

// Alerts of an old file are found by their titles whatever the case of letters, beyond ASCII too.
func TestTitlesOfAnOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	before := open(t, path, nil)
	titles := []string{"Straße 1", "STRASSE 2", "ÅSA", "A\u030Asa", "K\x00É", "", "m"}
	var cs storage.Changeset
	for n, title := range titles {
		cs.Alerts = append(cs.Alerts, alert.Alert{ID: alert.ID(fmt.Sprint(n)), Title: title})
	}
	_, err := before.Apply(t.Context(), cs)
	require.NoError(t, err)
	s := open(t, firstVersion(t, path), nil)
	wanted := map[string]int{"strasse": 2, "åsa": 2, "\x00é": 1, "M": 1, "K": 1, "none": 0}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for title, want := range wanted {
			n, err := storage.CountAlerts(t.Context(), r, alert.Query{Title: title})
			require.NoError(t, err)
			assert.Equal(t, want, n, "%q", title)
		}
		return nil
	}))
}
