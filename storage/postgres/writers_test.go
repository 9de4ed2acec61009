package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// concurrently runs all and returns what failed.
func concurrently(n int, fn func(n int) error) error {
	var wg sync.WaitGroup
	failures := make([]error, n)
	for k := range n {
		wg.Go(func() { failures[k] = fn(k) })
	}
	wg.Wait()
	return errors.Join(failures...)
}

// comment counts one comment more on an incident and logs it, however often somebody else is faster.
func comment(ctx context.Context, s storage.Storage, id incident.ID, entry activity.ID) (storage.Receipt, error) {
	for {
		var i incident.Incident
		if err := s.View(ctx, func(r storage.Reader) (err error) {
			i, err = r.Incident(ctx, id)
			return err
		}); err != nil {
			return storage.Receipt{}, err
		}
		i.Comments++
		receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Activity: []activity.Entry{{ID: entry, Time: origin, Incident: id}}})
		if !errors.Is(err, storage.ErrConflict) {
			return receipt, err
		}
	}
}

// TestManyProcesses: writers over four pools, as of four processes, comment on the same incidents, make new ones and bring
// alerts in opposite orders, while somebody follows the feed.
func TestManyProcesses(t *testing.T) {
	const pools, workers, each = 4, 3, 15
	at, name := dsn(t)+" pool_max_conns=6", tenant(t)
	stores := make([]*postgres.Store, pools)
	for n := range stores {
		stores[n] = open(t, at, name)
	}
	var cs storage.Changeset
	for n := range 3 {
		cs.Incidents = append(cs.Incidents, incident.Incident{ID: incident.ID(fmt.Sprint("shared", n)), Created: origin, Updated: origin})
	}
	_, err := stores[0].Apply(t.Context(), cs)
	require.NoError(t, err)

	const entries = pools * workers * each * 2
	var numbers sync.Map
	write := func(n int) error {
		s := stores[n%pools]
		for k := range each {
			id := fmt.Sprint(n, "/", k)
			if _, err := comment(t.Context(), s, cs.Incidents[(n+k)%3].ID, activity.ID(id+"/comment")); err != nil {
				return err
			}
			fresh := storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(id)}}, Activity: []activity.Entry{{ID: activity.ID(id + "/new"), Time: origin}}}
			for a := range 4 {
				if n%2 == 0 {
					a = 3 - a
				}
				fresh.Alerts = append(fresh.Alerts, alert.Alert{ID: alert.ID(fmt.Sprint(id, a))})
			}
			receipt, err := s.Apply(t.Context(), fresh)
			if err != nil {
				return err
			}
			if _, twice := numbers.LoadOrStore(receipt.Numbers[0], id); twice {
				return fmt.Errorf("number %d was given twice", receipt.Numbers[0])
			}
		}
		return nil
	}
	follow := func() error {
		for last := int64(0); last < entries; {
			if err := stores[0].View(t.Context(), func(r storage.Reader) error {
				for e, err := range r.Activity(t.Context(), activity.Query{AfterSeq: last}) {
					if err != nil {
						return err
					}
					if last++; e.Seq != last {
						return fmt.Errorf("after Seq %d came %d", last-1, e.Seq)
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, concurrently(pools*workers+1, func(n int) error {
		if n == pools*workers {
			return follow()
		}
		return write(n)
	}))
	view(t, stores[1], func(r storage.Reader) {
		comments := 0
		for _, i := range collect(t, r.Incidents(t.Context(), incident.Query{})) {
			if comments += i.Comments; i.Comments > 0 {
				assert.Equal(t, int64(i.Comments)+1, i.Version, "no update of %s was lost", i.ID)
				continue
			}
			id, _ := numbers.Load(i.Number)
			assert.Equal(t, string(i.ID), id, "number %d", i.Number)
		}
		assert.Equal(t, entries/2, comments)
		assert.Len(t, collect(t, r.Activity(t.Context(), activity.Query{})), entries)
		assert.Len(t, collect(t, r.Alerts(t.Context(), alert.Query{})), entries/2*4)
	})
}

// TestSameRecords: Changesets that hold the same alerts in opposite orders do not wait for each other in a circle,
// and one of two that are alike is refused.
func TestSameRecords(t *testing.T) {
	at := database(t)
	a, b := open(t, at, ""), open(t, at, "")
	var kept int
	for version := range int64(30) {
		var mu sync.Mutex
		require.NoError(t, concurrently(4, func(n int) error {
			var cs storage.Changeset
			for k := range 20 {
				if n%2 == 0 {
					k = 19 - k
				}
				cs.Alerts = append(cs.Alerts, alert.Alert{ID: alert.ID(fmt.Sprint(k)), Version: version, Evidence: []alert.Evidence{{Entity: alert.IP{Address: "192.0.2.1"}}}},
					alert.Alert{ID: alert.ID(fmt.Sprint(k, " new at ", version))})
			}
			_, err := []*postgres.Store{a, b}[n/2].Apply(t.Context(), cs)
			if err == nil {
				mu.Lock()
				kept++
				mu.Unlock()
				return nil
			}
			if errors.Is(err, storage.ErrExists) || version > 0 && errors.Is(err, storage.ErrConflict) {
				return nil
			}
			return err
		}))
		require.EqualValues(t, version+1, kept)
	}
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	admin := connect(t, at)
	for others := 1; others > 0; { // whose backends count deadlocks when they end, at the latest
		require.NoError(t, admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").Scan(&others))
	}
	var deadlocks int
	require.NoError(t, admin.QueryRow(t.Context(), "select deadlocks from pg_stat_database where datname = current_database()").Scan(&deadlocks))
	assert.Zero(t, deadlocks)
}

// TestTerminated: backends are ended while many write. Whatever Apply acknowledged is there, and once; what it did not
// acknowledge is there once or not at all.
func TestTerminated(t *testing.T) {
	t.Parallel()
	const workers = 4
	kills := shorter(50)
	at := database(t)
	s, admin := open(t, at+" pool_max_conns=8", ""), connect(t, at+" application_name=admin")
	over, stop := context.WithCancel(t.Context())
	acknowledged := make([]map[activity.ID]int64, workers)
	lost := make([]int, workers)
	progress := make(chan struct{}, workers)
	require.NoError(t, concurrently(workers+1, func(n int) error {
		if n == workers {
			defer stop()
			return terminate(t.Context(), admin, kills, progress)
		}
		acknowledged[n] = make(map[activity.ID]int64)
		for k := 0; over.Err() == nil; k++ {
			id := activity.ID(fmt.Sprint(n, "/", k))
			cs := storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(id)}}, Activity: []activity.Entry{{ID: id, Time: origin}}}
			receipt, err := s.Apply(t.Context(), cs)
			switch {
			case err == nil:
				acknowledged[n][id] = receipt.Seq
				select {
				case progress <- struct{}{}:
				default: // nobody waits, so that some are always writing
				}
			case errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrConflict):
				return fmt.Errorf("an Apply that nobody else made is refused: %w", err)
			default:
				lost[n]++
			}
		}
		return nil
	}))
	view(t, s, func(r storage.Reader) {
		all := collect(t, r.Activity(t.Context(), activity.Query{}))
		seqs := make(map[activity.ID]int64)
		for n, e := range all {
			assert.EqualValues(t, n+1, e.Seq, "the log is dense")
			seqs[e.ID] = e.Seq
		}
		for n := range workers {
			assert.Len(t, seqs, len(all), "no entry is there twice")
			for id, seq := range acknowledged[n] {
				assert.Equal(t, seq, seqs[id], "entry %s was acknowledged", id)
			}
		}
		incidents, err := storage.Count(t.Context(), r, incident.Query{})
		assert.NoError(t, err)
		assert.Len(t, all, incidents, "records and entries are kept together")
		t.Logf("%d kept, %d Applies failed in %d terminations", len(all), lost, kills)
	})
}

// terminate ends other backends of the database until it has ended n, one after each few Applies, those that are at work
// before others.
func terminate(ctx context.Context, admin *pgxpool.Pool, n int, progress <-chan struct{}) error {
	for ended := 0; ended < n; {
		for range 5 {
			<-progress
		}
		var k int
		err := admin.QueryRow(ctx, `select count(*) filter (where pg_terminate_backend(pid)) from (select pid from pg_stat_activity
			where datname = current_database() and application_name <> 'admin' order by state = 'idle', random() limit 1) a`).Scan(&k)
		if err != nil {
			return err
		}
		ended += k
	}
	return nil
}

// TestSmallPool: with one connection a View inside a View waits for the context, and the outer one goes on after.
func TestSmallPool(t *testing.T) {
	s := open(t, dsn(t)+" pool_max_conns=1", tenant(t))
	_, err := s.Apply(t.Context(), changeset("a"))
	require.NoError(t, err)
	view(t, s, func(r storage.Reader) {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer stop()
		assert.ErrorIs(t, s.View(ctx, func(storage.Reader) error { return errors.New("it began") }), context.DeadlineExceeded)
		_, err := s.Apply(ctx, storage.Changeset{})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, collect(t, r.Incidents(t.Context(), incident.Query{})), 1)
	})
	_, err = s.Apply(t.Context(), storage.Changeset{})
	assert.NoError(t, err)
}

// TestMomentOfView: a View is of the moment of the call, not of its first read.
func TestMomentOfView(t *testing.T) {
	s := open(t, dsn(t), tenant(t))
	view(t, s, func(r storage.Reader) {
		_, err := s.Apply(t.Context(), changeset("later"))
		require.NoError(t, err)
		assert.Empty(t, collect(t, r.Incidents(t.Context(), incident.Query{})))
	})
}

// TestReaderAfterView: a Reader that is kept answers no more.
func TestReaderAfterView(t *testing.T) {
	s := open(t, dsn(t), tenant(t))
	var kept storage.Reader
	view(t, s, func(r storage.Reader) { kept = r })
	_, err := kept.Incident(t.Context(), "i")
	assert.ErrorIs(t, err, storage.ErrClosed)
	for _, err := range kept.Activity(t.Context(), activity.Query{}) {
		assert.ErrorIs(t, err, storage.ErrClosed)
	}
}
