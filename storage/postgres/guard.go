package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
)

// A guard is the Guard of a Changeset.
type guard struct {
	seq  int64
	keys []alert.Key
}

// A guarding is what a transaction knows of the keys that its writes are guarded by, and of no others. It locks the
// tenant's row before it reads them.
type guarding struct {
	seq    int64               // the last one that was given
	stamps map[string]int64    // by digest of the key, of those that have one
	keys   map[string]bool     // all, by digest
	had    map[string][]string // digests by alert
}

const (
	lockTenant = `select seq from incidentkit.tenants where tenant = $1 for update`
	findStamps = `select k, s.stamp from unnest($2::bytea[]) k cross join lateral (
		select stamp from incidentkit.sightings
		where tenant = $1 and key = k and stamp > 0 order by stamp desc limit 1) s`
	findHad = `select alert, key from incidentkit.sightings
		where tenant = $1 and alert = any($2::text[]) and key = any($3::bytea[])`
)

// lockGuarded queues what locks the tenant's row and looks for the stamps of the keys, where writes have a Guard. All
// Guards are checked before anything is written, so that one that fails does not make the other writes run again.
func (t *transaction) lockGuarded() {
	var keys [][]byte
	for _, w := range t.writes {
		for _, k := range w.guard.keys {
			keys = append(keys, digest(k))
		}
	}
	if len(keys) == 0 {
		return
	}
	g := &guarding{stamps: make(map[string]int64), keys: make(map[string]bool), had: make(map[string][]string)}
	t.guarding = g
	slices.SortFunc(keys, slices.Compare)
	keys = slices.CompactFunc(keys, slices.Equal)
	for _, k := range keys {
		g.keys[string(k)] = true
	}
	var key []byte
	t.queue(subject{}, lockTenant, t.tenant).QueryRow(func(row pgx.Row) error { return row.Scan(&g.seq) })
	t.queue(subject{}, findStamps, t.tenant, keys).Query(func(rows pgx.Rows) error {
		var stamp int64
		_, err := pgx.ForEachRow(rows, []any{&key, &stamp}, func() error { g.stamps[string(key)] = stamp; return nil })
		return err
	})
	var stored []string
	for _, w := range t.writes {
		for _, r := range w.alerts {
			if r.version != 0 {
				stored = append(stored, r.id)
			}
		}
	}
	if len(stored) == 0 || len(t.writes) == 1 {
		return
	}
	t.queue(subject{}, findHad, t.tenant, stored, keys).Query(func(rows pgx.Rows) error {
		var id string
		_, err := pgx.ForEachRow(rows, []any{&id, &key}, func() error {
			g.had[id] = append(g.had[id], string(key))
			return nil
		})
		return err
	})
}

// check reports whether a key of the guard was added to an alert, also by a write before it in the transaction.
func (g *guarding) check(w *write) error {
	for _, k := range w.guard.keys {
		if stamp := g.stamps[string(digest(k))]; stamp > w.guard.seq {
			return &storage.ConflictError{Record: "key", ID: string(k), Given: w.guard.seq, Stored: stamp}
		}
	}
	return nil
}

// accept notes the keys that w adds, where so many entries were logged by the writes before it.
func (g *guarding) accept(w *write, logged int64) {
	stamp := g.seq + logged
	if len(w.entries) > 0 {
		stamp++
	}
	for _, r := range w.alerts {
		var has []string
		for _, k := range r.keys {
			if !g.keys[string(k)] {
				continue
			}
			if has = append(has, string(k)); !slices.Contains(g.had[r.id], string(k)) {
				g.stamps[string(k)] = stamp
			}
		}
		g.had[r.id] = has
	}
}
