package postgres_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/pgserver"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// openCluster returns a Cluster with pools of its own, as another process would have it.
func openCluster(t *testing.T, directory string, servers map[string]string) *postgres.Cluster {
	t.Helper()
	pools := make(map[string]*pgxpool.Pool)
	for name, at := range servers {
		pools[name] = connect(t, at+" pool_max_conns=4")
	}
	c, err := postgres.OpenCluster(t.Context(), connect(t, directory), pools)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// A journal is what was acknowledged to the one who works for a tenant: the Seq of each entry, or 0 where only the
// second answer came.
type journal struct {
	seqs   map[activity.ID]int64
	unsure bool // whether the next one is there already
}

// note keeps an incident with an entry, under the same IDs until it is acknowledged.
func (j *journal) note(ctx context.Context, s storage.Storage, tenant string) error {
	id := fmt.Sprint(tenant, "/", len(j.seqs))
	receipt, err := s.Apply(ctx, storage.Changeset{
		Incidents: []incident.Incident{{ID: incident.ID(id), Name: tenant, Created: origin, Updated: origin}},
		Activity:  []activity.Entry{{ID: activity.ID(id), Time: origin, Incident: incident.ID(id)}},
	})
	if err == nil || j.unsure && errors.Is(err, storage.ErrExists) {
		j.seqs[activity.ID(id)], j.unsure = receipt.Seq, false
		return nil
	}
	j.unsure = true
	return err
}

// compare reports what a tenant's Store has other than the journal.
func (j *journal) compare(ctx context.Context, s storage.Storage, tenant string) error {
	return s.View(ctx, func(r storage.Reader) error {
		last := int64(0)
		for e, err := range r.Activity(ctx, activity.Query{}) {
			if err != nil {
				return err
			}
			seq, acknowledged := j.seqs[e.ID]
			if last++; e.Seq != last || !acknowledged || seq != last && seq != 0 {
				return fmt.Errorf("entry %s has Seq %d, is number %d and was acknowledged as %d, %t", e.ID, e.Seq, last, seq, acknowledged)
			}
		}
		if last != int64(len(j.seqs)) {
			return fmt.Errorf("%d entries, %d were acknowledged", last, len(j.seqs))
		}
		incidents := 0
		for i, err := range r.Incidents(ctx, incident.Query{}) {
			if err != nil {
				return err
			}
			if incidents++; i.Name != tenant {
				return fmt.Errorf("incident %s is of %q", i.ID, i.Name)
			}
		}
		if incidents != len(j.seqs) {
			return fmt.Errorf("%d incidents, %d were acknowledged", incidents, len(j.seqs))
		}
		return nil
	})
}

// TestCluster: two processes place forty tenants on three servers at the same time and work for them. When a server
// stops, its tenants are refused, which the error says, and all others go on; when the directory stops, all that are
// known do. The server comes back on the same data, and its tenants go on where they were.
func TestCluster(t *testing.T) {
	t.Parallel()
	tenants := 1 + shorter(39)
	all := nodes(t, 4)
	directory, servers := all[0], map[string]*pgserver.Server{"a": all[1], "b": all[2], "c": all[3]}
	at := make(map[string]string)
	for name, n := range servers {
		at[name] = n.DSN()
	}
	clusters := []*postgres.Cluster{openCluster(t, directory.DSN(), at), openCluster(t, directory.DSN(), at)}
	names, journals := make([]string, tenants), make([]*journal, tenants)
	for n := range tenants {
		names[n], journals[n] = fmt.Sprintf("tenant %02d", n), &journal{seqs: make(map[activity.ID]int64)}
	}
	// each does work for every tenant, several at the same moment, and returns what failed by tenant.
	each := func(work func(n int, s *postgres.Store) error) []error {
		failures := make([]error, tenants)
		_ = concurrently(8, func(k int) error {
			for n := k; n < tenants; n += 8 {
				s, err := clusters[n%2].Tenant(t.Context(), names[n])
				if err == nil {
					err = work(n, s)
				}
				failures[n] = err
			}
			return nil
		})
		return failures
	}
	write := func(n int, s *postgres.Store) error { return journals[n].note(t.Context(), s, names[n]) }
	read := func(n int, s *postgres.Store) error { return journals[n].compare(t.Context(), s, names[n]) }

	// Both processes ask for all of them at the same moment, and come to the same answer.
	require.NoError(t, concurrently(2*tenants, func(n int) error {
		_, err := clusters[n%2].Tenant(t.Context(), names[n/2])
		return err
	}))
	server, load := make(map[string]string), make(map[string]int)
	for _, c := range clusters {
		placements := collect(t, c.Placements(t.Context()))
		require.Len(t, placements, tenants)
		for n, p := range placements {
			assert.Equal(t, names[n], p.Tenant, "they are listed in order")
			server[p.Tenant] = p.Server
		}
	}
	poor := openCluster(t, directory.DSN(), nil)
	for name, at := range server {
		load[at]++
		_, err := poor.Tenant(t.Context(), name)
		assertServer(t, err, name, at) // which was not handed over
	}
	for name := range servers {
		assert.Contains(t, []int{tenants / 3, tenants/3 + 1}, load[name], "each new one goes where the fewest are")
	}
	for range 3 {
		require.NoError(t, errors.Join(each(write)...))
	}
	require.NoError(t, errors.Join(each(read)...))
	for name, n := range servers {
		var there []string
		require.NoError(t, connect(t, n.DSN()).QueryRow(t.Context(), "select array_agg(tenant order by tenant) from incidentkit.tenants").Scan(&there))
		assert.Len(t, there, load[name], "no other tenant was on server %s", name)
		for _, tenant := range there {
			assert.Equal(t, name, server[tenant])
		}
	}

	// The server stops under load. All errors of its tenants but those of what was under way name it.
	bounded, stop := context.WithTimeout(t.Context(), 30*time.Second) // which nobody needs
	defer stop()
	var begun atomic.Int64
	var stopping sync.WaitGroup
	for n, err := range each(func(n int, s *postgres.Store) error {
		for {
			if begun.Add(1) == int64(tenants/3) {
				stopping.Go(servers["b"].Stop)
			}
			err := journals[n].note(bounded, s, names[n])
			if _, is := errors.AsType[*postgres.ServerError](err); is || server[names[n]] != "b" || bounded.Err() != nil {
				return err
			}
		}
	}) {
		if server[names[n]] == "b" {
			assertServer(t, err, names[n], "b")
		} else {
			assert.NoError(t, err, "tenant %s is on server %s", names[n], server[names[n]])
		}
	}
	require.NoError(t, bounded.Err())
	stopping.Wait()
	_, err := openCluster(t, directory.DSN(), at).Tenant(t.Context(), names[slices.IndexFunc(names, func(name string) bool { return server[name] == "b" })])
	assert.ErrorContains(t, err, `on server "b"`, "who opens it now is told too")
	fresh := openCluster(t, directory.DSN(), at)
	for n := range 5 {
		_, err = fresh.Tenant(t.Context(), fmt.Sprint("new ", n))
		assert.NoError(t, err, "new tenants go where somebody answers")
	}

	directory.Stop()
	for _, work := range []func(int, *postgres.Store) error{write, read} {
		for n, err := range each(work) {
			if server[names[n]] == "b" {
				assertServer(t, err, names[n], "b")
			} else {
				assert.NoError(t, err, "nobody needs the directory for a tenant that is known")
			}
		}
	}
	_, err = clusters[0].Tenant(t.Context(), "nobody has asked for this one")
	assert.ErrorContains(t, err, "directory")
	for _, err := range clusters[0].Placements(t.Context()) {
		assert.ErrorContains(t, err, "directory")
	}

	require.NoError(t, servers["b"].Start())
	require.NoError(t, errors.Join(each(write)...))
	require.NoError(t, errors.Join(each(read)...), "nothing was lost, and nothing is there twice")
}

func assertServer(t *testing.T, err error, tenant, server string) {
	t.Helper()
	e, is := errors.AsType[*postgres.ServerError](err)
	if assert.True(t, is, "%v", err) {
		assert.Equal(t, postgres.Placement{Tenant: tenant, Server: server}, e.Placement)
		assert.Regexp(t, fmt.Sprintf("^storage/postgres: tenant %q on server %q: [^/]", tenant, server), err.Error())
	}
}

// TestClusterStores: all callers of a Cluster have the same Store of a tenant, and another one when it was closed. Close
// closes them all, and no pool.
func TestClusterStores(t *testing.T) {
	directory, here := database(t), database(t)
	pool := connect(t, here)
	c, err := postgres.OpenCluster(t.Context(), connect(t, directory), map[string]*pgxpool.Pool{"here": pool})
	require.NoError(t, err)
	var mu sync.Mutex
	stores := make(map[*postgres.Store]bool)
	require.NoError(t, concurrently(8, func(n int) error {
		s, err := c.Tenant(t.Context(), []string{"", "default"}[n%2])
		mu.Lock()
		stores[s] = true
		mu.Unlock()
		return err
	}))
	assert.Len(t, stores, 1)
	for s := range stores {
		require.NoError(t, s.Close())
		again, err := c.Tenant(t.Context(), "")
		require.NoError(t, err)
		log(t, again, "e")
		require.NoError(t, c.Close())
		for _, s := range []*postgres.Store{s, again} {
			_, err = s.Apply(t.Context(), storage.Changeset{})
			assert.ErrorIs(t, err, storage.ErrClosed)
		}
	}
	_, err = c.Tenant(t.Context(), "")
	assert.ErrorIs(t, err, storage.ErrClosed)
	for _, err := range c.Placements(t.Context()) {
		assert.ErrorIs(t, err, storage.ErrClosed)
	}
	assert.NoError(t, c.Close())
	assert.NoError(t, pool.Ping(t.Context()))
}

// TestPlacedAtOnce: who places a tenant waits for somebody who is placing another, and counts that one too.
func TestPlacedAtOnce(t *testing.T) {
	at := database(t)
	c := openCluster(t, at, map[string]string{"a": at, "b": at})
	pool := connect(t, at)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "insert into incidentkit_directory.placements values ('first', 'a')")
	require.NoError(t, err)
	placed := make(chan error, 1)
	go func() {
		_, err := c.Tenant(t.Context(), "second")
		placed <- err
	}()
	for waiting := 0; waiting == 0 && len(placed) == 0; {
		require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&waiting))
	}
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-placed)
	assert.Equal(t, []postgres.Placement{{Tenant: "first", Server: "a"}, {Tenant: "second", Server: "b"}}, collect(t, c.Placements(t.Context())))
}

// TestClusterRefuses: what cannot be a tenant, or a server, is in no directory.
func TestClusterRefuses(t *testing.T) {
	directory := connect(t, database(t))
	_, err := postgres.OpenCluster(t.Context(), directory, map[string]*pgxpool.Pool{"a": nil})
	assert.ErrorContains(t, err, `server "a" has no pool`)
	c, err := postgres.OpenCluster(t.Context(), directory, map[string]*pgxpool.Pool{"here": connect(t, dsn(t))})
	require.NoError(t, err)
	for _, name := range []string{"a\x00b", "a\xff", fmt.Sprintf("%201s", "x")} {
		_, err := c.Tenant(t.Context(), name)
		assert.ErrorContains(t, err, "is not UTF-8 of at most 200 bytes")
	}
	assert.Empty(t, collect(t, c.Placements(t.Context())))
	done, stop := context.WithCancel(t.Context())
	stop()
	_, err = c.Tenant(done, "x")
	assert.ErrorIs(t, err, context.Canceled)
	nowhere, err := postgres.OpenCluster(t.Context(), directory, nil)
	require.NoError(t, err)
	_, err = nowhere.Tenant(t.Context(), "x")
	assert.ErrorContains(t, err, `tenant "x": no server answers`)
	assert.Empty(t, collect(t, c.Placements(t.Context())))
}

// TestManyPlacements: a list of more than a page is whole, in order, and may be broken off.
func TestManyPlacements(t *testing.T) {
	directory := connect(t, database(t))
	c, err := postgres.OpenCluster(t.Context(), directory, nil)
	require.NoError(t, err)
	_, err = directory.Exec(t.Context(), "insert into incidentkit_directory.placements select to_char(n, '000'), 's' from generate_series(1, 512) n")
	require.NoError(t, err)
	all := collect(t, c.Placements(t.Context()))
	assert.Len(t, all, 512)
	assert.True(t, slices.IsSortedFunc(all, func(a, b postgres.Placement) int { return cmp.Compare(a.Tenant, b.Tenant) }))
	for p, err := range c.Placements(t.Context()) {
		assert.NoError(t, err)
		assert.Equal(t, all[0], p)
		break
	}
}
