package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// An itemWorld is a Store and the reference, both of which get the same Changesets of few records.
type itemWorld struct {
	t       *testing.T
	rt      *rapid.T
	s       *postgres.Store
	ref     *memory.Store
	entries int
	keys    map[alert.ID]map[alert.Key]int64 // with their stamps
	seq     int64
}

func (w *itemWorld) chance(of int) bool { return rapid.IntRange(1, of).Draw(w.rt, "chance") == 1 }

// some draws up to three of n numbers.
func (w *itemWorld) some(n int) []int {
	return rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, 3, rapid.ID).Draw(w.rt, "some")
}

// version draws one that mostly is the stored one, or the next, as if a Changeset of the same batch came first.
func (w *itemWorld) version(stored int64) int64 {
	return rapid.SampledFrom([]int64{stored, stored, stored, stored, stored + 1, 0}).Draw(w.rt, "version")
}

var (
	someKinds = []string{" ", "k", "k\x00", "k\x00a", "ä"}
	someKeys  = []string{"", "a", "a/b", "\x00", "\x05"}
)

func (w *itemWorld) time() time.Time {
	return rapid.SampledFrom([]time.Time{
		{},
		origin,
		origin.Add(time.Microsecond),
		origin.Add(time.Hour),
	}).Draw(w.rt, "time")
}

func (w *itemWorld) incident() incident.ID {
	return rapid.SampledFrom([]incident.ID{"", "i0", "i1", "i\x00"}).Draw(w.rt, "incident")
}

func (w *itemWorld) draw() (cs storage.Changeset) {
	t := w.t
	view(t, w.ref, func(r storage.Reader) {
		for _, n := range w.some(4) {
			i := incident.Incident{ID: []incident.ID{"", "i0", "i1", "i\x00"}[n], Created: origin, Updated: origin}
			old, _ := r.Incident(t.Context(), i.ID)
			if i.Version = w.version(old.Version); i.Version > 0 && w.chance(4) {
				cs.Purge = append(cs.Purge, i.ID)
			}
			cs.Incidents = append(cs.Incidents, i)
		}
		for _, n := range w.some(4) {
			a := alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), FirstActivity: origin, Incident: w.incident()}
			for _, k := range w.some(4) {
				a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.IP{Address: fmt.Sprint("192.0.2.", k)}})
			}
			old, _ := r.Alert(t.Context(), a.ID)
			a.Version = w.version(old.Version)
			cs.Alerts = append(cs.Alerts, a)
		}
		if w.chance(2) {
			places := rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) storage.ItemPlace {
				return storage.ItemPlace{
					Kind: rapid.SampledFrom(someKinds).Draw(rt, "kind"),
					Key:  rapid.SampledFrom(someKeys).Draw(rt, "key"),
				}
			}), 1, 4, rapid.ID).Draw(w.rt, "places")
			for _, at := range places {
				old, _ := r.Item(t.Context(), at.Kind, at.Key)
				data := rapid.SampledFrom([][]byte{nil, {0}, []byte("data")}).Draw(w.rt, "data")
				cs.Items = append(cs.Items, storage.Item{
					Kind:     at.Kind,
					Key:      at.Key,
					Version:  w.version(old.Version),
					Incident: w.incident(),
					Time:     w.time(),
					Data:     data,
				})
			}
		}
	})
	for range rapid.IntRange(0, 2).Draw(w.rt, "entries") {
		w.entries++
		cs.Activity = append(cs.Activity, activity.Entry{ID: activity.ID(fmt.Sprint(w.entries)), Time: origin})
	}
	if w.chance(4) {
		before := rapid.SampledFrom([]time.Time{
			{},
			origin,
			origin.Add(time.Nanosecond),
			origin.Add(time.Minute),
			origin.Add(24 * time.Hour),
		}).Draw(w.rt, "before")
		cs.Expire = []storage.Expiry{{Kind: rapid.SampledFrom(someKinds).Draw(w.rt, "kind"), Before: before}}
	}
	if w.chance(2) {
		cs.Guard.Seq = max(0, w.seq-rapid.SampledFrom([]int64{0, 0, 0, 1, 2, 5}).Draw(w.rt, "back"))
		for _, k := range w.some(5) {
			cs.Guard.Keys = append(cs.Guard.Keys, alert.Key(fmt.Sprint("ip:192.0.2.", k)))
		}
	}
	return cs
}

// stale returns the error for a Guard that is out of date by the rule of package storage.
func (w *itemWorld) stale(g storage.Guard) error {
	for _, key := range g.Keys {
		var stamp int64
		for _, keys := range w.keys {
			stamp = max(stamp, keys[key])
		}
		if stamp > g.Seq {
			return &storage.ConflictError{Record: "key", ID: string(key), Given: g.Seq, Stored: stamp}
		}
	}
	return nil
}

// note stamps the keys that cs, which was kept, has added, and returns those that it took from alerts.
func (w *itemWorld) note(cs storage.Changeset, restored bool) (dropped []alert.Key) {
	stamp := w.seq
	if len(cs.Activity) > 0 {
		stamp++
	}
	if restored {
		stamp = 0
	}
	for _, a := range cs.Alerts {
		keys := make(map[alert.Key]int64)
		for _, k := range a.Keys() {
			keys[k] = stamp
			if old, had := w.keys[a.ID][k]; had {
				keys[k] = old
			}
		}
		for k := range w.keys[a.ID] {
			if _, has := keys[k]; !has {
				dropped = append(dropped, k)
			}
		}
		w.keys[a.ID] = keys
	}
	w.seq += int64(len(cs.Activity))
	view(w.t, w.ref, func(r storage.Reader) {
		for id := range w.keys {
			if _, err := r.Alert(w.t.Context(), id); err != nil {
				delete(w.keys, id)
			}
		}
	})
	return dropped
}

// batch has Changesets committed together that are the same one after the other on the reference.
func (w *itemWorld) batch() {
	all := make([]storage.Changeset, rapid.IntRange(1, 6).Draw(w.rt, "together"))
	for n := range all {
		all[n] = w.draw()
	}
	b := newBatch(w.t, w.s)
	for _, cs := range all {
		b.add(w.t.Context(), cs)
	}
	b.commit()
	var dropped []alert.Key
	for n, cs := range all {
		got, err := b.outcomes[n].receipt, b.outcomes[n].err
		conflict, _ := errors.AsType[*storage.ConflictError](err)
		guarded := conflict != nil && conflict.Record == "key"
		want := w.stale(cs.Guard)
		switch {
		case want != nil && guarded:
			if len(dropped) == 0 {
				require.Equal(w.rt, want, err, "Apply %d", n)
			}
			continue
		case want != nil: // it is wrong for another reason as well
			require.Error(w.rt, err, "Apply %d is guarded: %v", n, want)
			continue
		case guarded: // before another of the same batch took the key away
			require.Contains(w.rt, dropped, alert.Key(conflict.ID), "Apply %d: %v", n, err)
			continue
		}
		guard := cs.Guard
		cs.Guard = storage.Guard{}
		receipt, refusal := w.ref.Apply(w.t.Context(), cs)
		require.Equal(w.rt, receipt, got, "Apply %d, guarded by %v: %v, want %v", n, guard, err, refusal)
		require.Equal(w.rt, refusal == nil, err == nil, "Apply %d: %v, want %v", n, err, refusal)
		if refusal == nil {
			dropped = append(dropped, w.note(cs, false)...)
		}
	}
}

// restore has both take over a Changeset.
func (w *itemWorld) restore() {
	cs := w.draw()
	view(w.t, w.ref, func(r storage.Reader) {
		next := int64(1)
		for _, i := range collect(w.t, r.Incidents(w.t.Context(), incident.Query{Sort: incident.ByNumber, Limit: 1})) {
			next = i.Number + 1
		}
		for n := range cs.Incidents {
			cs.Incidents[n].Version++ // what is stored has one
			if old, err := r.Incident(w.t.Context(), cs.Incidents[n].ID); err == nil {
				cs.Incidents[n].Number = old.Number
			} else {
				cs.Incidents[n].Number = next
				next++
			}
		}
	})
	for n := range cs.Activity {
		cs.Activity[n].Seq = w.seq + int64(n) + 1
	}
	for n := range cs.Alerts {
		cs.Alerts[n].Version++
	}
	refusal := w.ref.Restore(w.t.Context(), cs)
	err := w.s.Restore(w.t.Context(), cs)
	require.Equal(w.rt, refusal == nil, err == nil, "Restore: %v, want %v", err, refusal)
	if refusal == nil {
		w.note(cs, true)
	}
}

// compare requires that both hold the same, and answer queries for items with the same.
func (w *itemWorld) compare() {
	ctx := w.t.Context()
	queries := []storage.ItemQuery{{}}
	for range 3 {
		q := storage.ItemQuery{Limit: rapid.IntRange(0, 3).Draw(w.rt, "limit")}
		q.Kinds = rapid.SliceOfN(rapid.SampledFrom(someKinds), 0, 2).Draw(w.rt, "kinds")
		q.Incidents = rapid.SliceOfN(rapid.SampledFrom([]incident.ID{"", "i0", "i\x00"}), 0, 2).Draw(w.rt, "incidents")
		if w.chance(2) {
			q.Before = w.time()
		}
		if w.chance(2) {
			q.After = storage.ItemPlace{
				Kind: rapid.SampledFrom(someKinds).Draw(w.rt, "kind"),
				Key:  rapid.SampledFrom(someKeys).Draw(w.rt, "key"),
			}
		}
		queries = append(queries, q)
	}
	view(w.t, w.ref, func(ref storage.Reader) {
		view(w.t, w.s, func(r storage.Reader) {
			for _, q := range queries {
				want, got := collect(w.t, ref.Items(ctx, q)), collect(w.t, r.Items(ctx, q))
				require.Equal(w.rt, want, got, "%+v", q)
				for _, i := range got {
					one, err := r.Item(ctx, i.Kind, i.Key)
					require.NoError(w.rt, err)
					require.Equal(w.rt, i, one)
				}
			}
			_, err := r.Item(ctx, "k", "none")
			require.ErrorIs(w.rt, err, storage.ErrNotFound)
			want, err := ref.Seq(ctx)
			require.NoError(w.rt, err)
			got, err := r.Seq(ctx)
			require.NoError(w.rt, err)
			require.Equal(w.rt, want, got, "Seq")
			for k := range 4 {
				q := storage.SightingQuery{Entities: []alert.Key{alert.Key(fmt.Sprint("ip:192.0.2.", k))}}
				require.Equal(w.rt,
					collect(w.t, storage.Sightings(ctx, ref, q)),
					collect(w.t, storage.Sightings(ctx, r, q)),
					"sightings of %d", k,
				)
			}
		})
	})
	incidents, alerts, _ := dump(w.t, w.s)
	wantIncidents, wantAlerts, _ := dump(w.t, w.ref)
	require.Equal(w.rt, wantIncidents, incidents)
	require.Equal(w.rt, wantAlerts, alerts)
}

// TestAnyItems: a Store and the reference keep the same items, and Guards fail as the rule says, however the Changesets
// are committed together.
func TestAnyItems(t *testing.T) {
	eachDay(t, func(rt *rapid.T, pool *pgxpool.Pool) {
		s, name := fresh(t, rt, pool)
		w := &itemWorld{t: t, rt: rt, s: s, ref: memory.New(), keys: make(map[alert.ID]map[alert.Key]int64)}
		for range 12 {
			if w.chance(6) {
				w.restore()
			} else {
				w.batch()
			}
			w.compare()
		}
		var stamps int
		for id, keys := range w.keys {
			for key, stamp := range keys {
				stamps++
				var found int
				sql := "select count(*) from incidentkit.sightings " +
					"where tenant = $1 and alert = $2 and key = sha256($3::text::bytea) and stamp = $4"
				require.NoError(rt, pool.QueryRow(t.Context(), sql, name, string(id), string(key), stamp).Scan(&found))
				require.Equal(rt, 1, found, "key %s of %s has stamp %d", key, id, stamp)
			}
		}
		var found int
		sql := "select count(*) from incidentkit.sightings where tenant = $1"
		require.NoError(rt, pool.QueryRow(t.Context(), sql, name).Scan(&found))
		require.Equal(rt, stamps, found)
	})
}

// guarded returns a Changeset of an entry and a new alert with a device, guarded by that device since a Seq.
func guarded(id, device string, seq int64) storage.Changeset {
	cs := storage.Changeset{
		Activity: []activity.Entry{{ID: activity.ID(id), Time: origin}},
		Alerts: []alert.Alert{{
			ID:            alert.ID(id),
			FirstActivity: origin,
			Evidence:      []alert.Evidence{{Entity: alert.Device{DeviceID: device}}},
		}},
	}
	cs.Guard = storage.Guard{Seq: seq, Keys: []alert.Key{alert.Key("device:" + device)}}
	return cs
}

// TestJoinedGuards: of Applies that are committed together, one whose Guard fails because of the one before it fails
// alone, and the transaction is not tried again.
func TestJoinedGuards(t *testing.T) {
	s, count := counting(t)
	_, err := s.Apply(t.Context(), guarded("first", "d0", 0))
	require.NoError(t, err)
	before := count.n.Load()
	b := newBatch(t, s)
	b.add(t.Context(), guarded("a", "d1", 1))
	b.add(t.Context(), guarded("b", "d1", 1))
	b.add(t.Context(), guarded("c", "d0", 0))
	b.add(t.Context(), guarded("d", "d0", 1))
	b.add(t.Context(), guarded("e", "d1", 2))
	alone := guarded("f", "d1", 1)
	alone.Alerts, alone.Activity = nil, nil
	b.add(t.Context(), alone)
	// Alerts that are stored again without and with their key: that of a new one, and of one that was there.
	again := func(id string, alertID alert.ID, version int64, device string) storage.Changeset {
		cs := guarded(id, device, 0)
		cs.Alerts[0].ID, cs.Alerts[0].Version, cs.Guard.Keys = alertID, version, nil
		return cs
	}
	since := func(device string, seq int64) storage.Changeset {
		return storage.Changeset{Guard: storage.Guard{Seq: seq, Keys: []alert.Key{alert.Key("device:" + device)}}}
	}
	b.add(t.Context(), again("g", "e", 1, "d1"))
	b.add(t.Context(), since("d1", 4))
	b.add(t.Context(), again("h", "first", 1, "other"))
	b.add(t.Context(), since("d0", 3))
	b.add(t.Context(), again("i", "first", 2, "d0"))
	b.add(t.Context(), since("d0", 6))
	b.commit()
	assert.EqualValues(t, 2, count.n.Load()-before, "to lock and to commit")
	for n, want := range []error{
		nil, &storage.ConflictError{Record: "key", ID: "device:d1", Given: 1, Stored: 2},
		&storage.ConflictError{Record: "key", ID: "device:d0", Given: 0, Stored: 1}, nil, nil,
		&storage.ConflictError{Record: "key", ID: "device:d1", Given: 1, Stored: 4},
		nil, nil, nil, nil, nil,
		&storage.ConflictError{Record: "key", ID: "device:d0", Given: 6, Stored: 7},
	} {
		assert.Equal(t, want, b.outcomes[n].err, "Apply %d", n)
	}
}

// TestGuardsOfProcesses: of many processes that add the same key at the same moment, each having seen that no alert
// has it, one does, and the Changesets of all others fail.
func TestGuardsOfProcesses(t *testing.T) {
	const processes = 6
	name := tenant(t)
	stores := make([]*postgres.Store, processes)
	for n := range stores {
		stores[n] = open(t, dsn(t)+" pool_max_conns=2", name)
	}
	for round := range shorter(50) {
		var seq int64
		view(t, stores[0], func(r storage.Reader) {
			var err error
			seq, err = r.Seq(t.Context())
			require.NoError(t, err)
		})
		kept := make([]bool, processes)
		require.NoError(t, concurrently(processes, func(n int) error {
			_, err := stores[n].Apply(t.Context(), guarded(fmt.Sprint(round, "/", n), fmt.Sprint("d", round), seq))
			if kept[n] = err == nil; errors.Is(err, storage.ErrConflict) {
				err = nil
			}
			return err
		}))
		kept = slices.DeleteFunc(kept, func(ok bool) bool { return !ok })
		require.Len(t, kept, 1)
	}
}

// TestItemsAmongProcesses: processes that count in the same item, make new ones in any order and let them expire do not
// lose an update, and do not wait for each other in a circle.
func TestItemsAmongProcesses(t *testing.T) {
	const processes = 4
	each, name, at := shorter(50), tenant(t), database(t)
	var total [processes]int64
	require.NoError(t, concurrently(processes, func(n int) error {
		s, err := postgres.Open(t.Context(), at, &postgres.Options{Tenant: name})
		if err != nil {
			return err
		}
		defer s.Close()
		for k := 0; k < each; {
			cs := storage.Changeset{
				Expire: []storage.Expiry{{Kind: "short", Before: origin.Add(time.Duration(k) * time.Minute)}},
			}
			err := s.View(t.Context(), func(r storage.Reader) error {
				for _, key := range [][]string{{"a", "b"}, {"b", "a"}}[n%2] {
					i, err := r.Item(t.Context(), "long", key)
					if err != nil && !errors.Is(err, storage.ErrNotFound) {
						return err
					}
					i.Kind, i.Key, i.Time = "long", key, origin
					cs.Items = append(cs.Items, i, storage.Item{
						Kind: "short",
						Key:  fmt.Sprint(key, n, k),
						Time: origin.Add(time.Duration(k) * time.Minute),
					})
				}
				return nil
			})
			if err != nil {
				return err
			}
			switch _, err := s.Apply(t.Context(), cs); {
			case err == nil:
				total[n]++
				k++
			case !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrExists):
				return err
			}
		}
		return nil
	}))
	s := open(t, at, name)
	view(t, s, func(r storage.Reader) {
		for _, key := range []string{"a", "b"} {
			i, err := r.Item(t.Context(), "long", key)
			require.NoError(t, err)
			assert.EqualValues(t, processes*each, i.Version)
		}
	})
	var deadlocks int
	sql := "select deadlocks from pg_stat_database where datname = current_database()"
	require.NoError(t, connect(t, at).QueryRow(t.Context(), sql).Scan(&deadlocks))
	assert.Zero(t, deadlocks)
}

// TestTripsOfItems: what an Apply does with items and Guards takes no more round trips than there are.
func TestTripsOfItems(t *testing.T) {
	s, count := counting(t)
	for n, c := range []struct {
		trips int64
		cs    storage.Changeset
	}{
		{1, one("i")},
		{1, storage.Changeset{Activity: []activity.Entry{{ID: "new"}}, Items: []storage.Item{{Kind: "k", Key: "a"}}}},
		{2, storage.Changeset{Items: []storage.Item{{Kind: "k", Key: "a", Version: 1}}}},
		{2, storage.Changeset{
			Incidents: []incident.Incident{{ID: "i", Version: 1}},
			Items:     []storage.Item{{Kind: "k", Key: "a", Version: 2}},
		}},
		{2, storage.Changeset{
			Expire: []storage.Expiry{{Kind: "k", Before: origin}},
			Items:  []storage.Item{{Kind: "k", Key: "a"}},
		}},
		{2, guarded("g", "d", 0)},
	} {
		before := count.n.Load()
		_, err := s.Apply(t.Context(), c.cs)
		require.NoError(t, err)
		assert.Equal(t, c.trips, count.n.Load()-before, "Changeset %d", n)
	}
}

// TestStampsStay: an alert that is stored again, and even one that is moved, has its stamps as they were, and rows that
// say what they said are not written.
func TestStampsStay(t *testing.T) {
	name := tenant(t)
	s, pool := open(t, dsn(t), name), connect(t, dsn(t))
	rows := func() (stamp int64, at string) {
		sql := "select stamp, ctid::text from incidentkit.sightings where tenant = $1 and key = sha256('device:d')"
		require.NoError(t, pool.QueryRow(t.Context(), sql, name).Scan(&stamp, &at))
		return stamp, at
	}
	_, err := s.Apply(t.Context(), one("first"))
	require.NoError(t, err)
	cs := guarded("a", "d", 0)
	_, err = s.Apply(t.Context(), cs)
	require.NoError(t, err)
	stamp, at := rows()
	assert.EqualValues(t, 2, stamp)
	a := &cs.Alerts[0]
	a.Version, a.Title, cs.Activity[0].ID, cs.Guard.Seq = 1, "again", "again", 2
	a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: "other"}})
	_, err = s.Apply(t.Context(), cs)
	require.NoError(t, err)
	stamp, again := rows()
	assert.EqualValues(t, 2, stamp)
	assert.Equal(t, at, again, "the row is the same")
	a.Version, a.Incident, cs.Activity[0].ID = 2, "first", "moved"
	_, err = s.Apply(t.Context(), cs)
	require.NoError(t, err)
	stamp, again = rows()
	assert.EqualValues(t, 2, stamp)
	assert.NotEqual(t, at, again)
	require.NoError(t, s.Restore(t.Context(), storage.Changeset{Alerts: cs.Alerts}))
	stamp, _ = rows()
	assert.EqualValues(t, 2, stamp)
}

// TestItemsNotKept: an item that PostgreSQL cannot keep is refused, and nothing of its Changeset is kept.
func TestItemsNotKept(t *testing.T) {
	s := open(t, dsn(t), tenant(t))
	for what, i := range map[string]storage.Item{
		"UTF-8":        {Kind: "k\xff"},
		"too long":     {Key: string(noise(alert.MaxID + 1))},
		"out of range": {Time: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		cs := one("i")
		cs.Items = []storage.Item{i}
		_, err := s.Apply(t.Context(), cs)
		require.Error(t, err, what)
		assert.ErrorIs(t, err, alert.ErrInvalid, what)
	}
	incidents, _, _ := dump(t, s)
	assert.Empty(t, incidents)
	cs := one("i")
	cs.Items = []storage.Item{{
		Kind:     string(noise(1000)),
		Key:      string(noise(1000)),
		Incident: incident.ID(noise(1000)),
		Data:     make([]byte, storage.MaxItemData),
	}}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	cs.Items[0].Version = 1
	view(t, s, func(r storage.Reader) {
		assert.Equal(t, cs.Items, collect(t, r.Items(t.Context(), storage.ItemQuery{})))
	})
}
