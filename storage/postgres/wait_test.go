package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// looks hears of every look at the last Seq, when it is over.
type looks chan struct{}

func (l looks) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (l looks) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (l looks) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (l looks) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (l looks) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	if d.SQL == postgres.LookAtSeq {
		l <- struct{}{}
	}
}

func (l looks) await(n int) {
	for range n {
		<-l
	}
}

// waiting returns a Store whose looks are heard of, and which is as patient as that without a notification.
func waiting(t *testing.T, at, tenant string, patience time.Duration) (*postgres.Store, looks) {
	t.Helper()
	config, err := pgxpool.ParseConfig(at)
	require.NoError(t, err)
	heard := make(looks, 1<<20)
	config.ConnConfig.Tracer = heard
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	t.Cleanup(func() {
		for _, conn := range pool.AcquireAllIdle(context.Background()) {
			var channels int // 0 too of a connection that is dead
			_ = conn.QueryRow(context.Background(), "select count(*) from pg_listening_channels()").Scan(&channels)
			assert.Zero(t, channels, "a connection was given back that listens")
			conn.Release()
		}
	})
	s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: tenant})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	postgres.SetPatience(s, patience)
	return s, heard
}

func log(t *testing.T, s storage.Storage, id string) {
	t.Helper()
	_, err := s.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: activity.ID(id), Time: origin}}})
	require.NoError(t, err)
}

// TestWaitIsNotified: three wait, for different entries, and another process writes. With one connection more than
// a View needs all of them wake up, by notification, because nobody here would look again before an hour is over.
func TestWaitIsNotified(t *testing.T) {
	at, name := dsn(t)+" pool_max_conns=2", tenant(t)
	here, heard := waiting(t, at, name, time.Hour)
	there := open(t, at, name)
	woken := make([]chan error, 4) // by the entry it waits for
	wait := func(after int) {
		woken[after] = make(chan error, 1)
		go func() { woken[after] <- here.Wait(t.Context(), int64(after)) }()
	}
	wait(1)
	heard.await(2) // before it listens, and then
	wait(0)
	wait(3)
	heard.await(2)

	log(t, there, "1")
	assert.NoError(t, <-woken[0])
	heard.await(2) // of the one who listens for all, and of the one who goes on waiting with it
	assert.Empty(t, woken[1])
	log(t, there, "2")
	assert.NoError(t, <-woken[1])
	heard.await(3) // the third one listens itself now
	log(t, there, "3")
	heard.await(1)
	assert.Empty(t, woken[3])
	assert.NoError(t, here.Wait(t.Context(), 2), "which is there, though nobody will be notified of it")
	heard.await(1)
	log(t, there, "4")
	assert.NoError(t, <-woken[3])
	heard.await(1)
	assert.Empty(t, heard, "nobody looked for nothing")
}

// TestOtherTenantsAreNotNotified: nobody looks because of what others write, or of what has no entry.
func TestOtherTenantsAreNotNotified(t *testing.T) {
	at, name := dsn(t), tenant(t)
	here, heard := waiting(t, at, name, time.Hour)
	there, other := open(t, at, name), open(t, at, "'; notify x; --")
	woken := make(chan error, 1)
	go func() { woken <- here.Wait(t.Context(), 0) }()
	heard.await(2)
	log(t, other, tenant(t))
	_, err := there.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i"}}})
	require.NoError(t, err)
	log(t, there, "e")
	assert.NoError(t, <-woken)
	heard.await(1)
	assert.Empty(t, heard)
}

// TestFollowAnotherProcess: four write through one Store while a follower over another pool sees every entry once
// and in order. It is notified of them, or, with a single connection, looks for itself.
func TestFollowAnotherProcess(t *testing.T) {
	const writers, each = 4, 25
	for what, c := range map[string]struct {
		connections int
		patience    time.Duration
	}{"notified": {2, time.Hour}, "one connection": {1, time.Millisecond}} {
		t.Run(what, func(t *testing.T) {
			at, name := dsn(t), tenant(t)
			here, heard := waiting(t, fmt.Sprint(at, " pool_max_conns=", c.connections), name, c.patience)
			there := open(t, at+" pool_max_conns=4", name)
			require.NoError(t, concurrently(writers+1, func(n int) error {
				if n < writers {
					for k := range each {
						id := activity.ID(fmt.Sprint(n, "/", k))
						if _, err := there.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: id, Time: origin}}}); err != nil {
							return err
						}
					}
					return nil
				}
				last := int64(0)
				for e, err := range storage.Follow(t.Context(), here, activity.Query{Limit: writers * each}) {
					if err != nil {
						return err
					}
					if last++; e.Seq != last {
						return fmt.Errorf("after Seq %d came %d", last-1, e.Seq)
					}
				}
				if last != writers*each {
					return fmt.Errorf("the last was %d", last)
				}
				return nil
			}))
			if c.patience == time.Hour {
				assert.LessOrEqual(t, len(heard), 3*writers*each, "a look before listening, one then, and one for each notification")
			}
		})
	}
}

// TestListenerIsTerminated: those who wait are told though the connection on which they listened is gone. What the
// database says when it is asked on such a connection is no error of Wait.
func TestListenerIsTerminated(t *testing.T) {
	at, name := dsn(t), tenant(t)
	here, heard := waiting(t, at+" application_name=listener", name, time.Millisecond)
	there, admin := open(t, at, name), connect(t, at)
	for n := range 10 {
		woken := make(chan error, 1)
		go func() {
			for found := false; !found; {
				if err := here.Wait(t.Context(), int64(n)); err != nil {
					woken <- err
					return
				}
				_ = here.View(t.Context(), func(r storage.Reader) error { // which may be terminated too, and is made again
					for _, err := range r.Activity(t.Context(), activity.Query{AfterSeq: int64(n)}) {
						found = err == nil
					}
					return nil
				})
			}
			woken <- nil
		}()
		heard.await(2)
		_, err := admin.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'")
		require.NoError(t, err)
		log(t, there, fmt.Sprint(n))
		require.NoError(t, <-woken)
	}
	_, err := admin.Exec(t.Context(), "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'listener'")
	require.NoError(t, err)
	assert.NoError(t, here.Wait(t.Context(), 0))
}

// TestWaitsEnd: when the one who listens for all stops waiting another one does, and Close ends them all.
func TestWaitsEnd(t *testing.T) {
	at, name := dsn(t), tenant(t)
	here, heard := waiting(t, at, name, time.Hour)
	there := open(t, at, name)
	first, stop := context.WithCancel(t.Context())
	woken := make([]chan error, 3) // by the entry it waits for
	for n, ctx := range []context.Context{first, t.Context(), t.Context()} {
		woken[n] = make(chan error, 1)
		go func() { woken[n] <- here.Wait(ctx, int64(n)) }()
		heard.await(max(1, 2-n)) // the first one looks again when it listens
	}
	stop()
	assert.Equal(t, context.Canceled, <-woken[0])
	log(t, there, "1")
	log(t, there, "2")
	assert.NoError(t, <-woken[1])
	require.NoError(t, here.Close())
	assert.ErrorIs(t, <-woken[2], storage.ErrClosed)
	assert.ErrorIs(t, here.Wait(t.Context(), 0), storage.ErrClosed)
}

// TestWaitWithoutNotification: those who listen look again when no notification comes, as behind a pooler that gives each
// transaction another connection.
func TestWaitWithoutNotification(t *testing.T) {
	at, name := dsn(t), tenant(t)
	here, heard := waiting(t, at, name, time.Millisecond)
	woken := make(chan error, 1)
	go func() { woken <- here.Wait(t.Context(), 0) }()
	heard.await(20)
	assert.Empty(t, woken)
	_, err := connect(t, at).Exec(t.Context(), "update incidentkit.tenants set seq = seq + 1 where tenant = $1", name)
	require.NoError(t, err)
	assert.NoError(t, <-woken)
}

// TestWaitLeavesTheOnlyConnection: where there is one connection, others can read and write while somebody waits, who does
// not look without end.
func TestWaitLeavesTheOnlyConnection(t *testing.T) {
	here, heard := waiting(t, dsn(t)+" pool_max_conns=1", tenant(t), time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	woken := make(chan error, 1)
	go func() { woken <- here.Wait(ctx, 1) }()
	heard.await(2)
	log(t, here, "e")
	view(t, here, func(r storage.Reader) {
		assert.Len(t, collect(t, r.Activity(t.Context(), activity.Query{})), 1)
	})
	stop()
	assert.Equal(t, context.Canceled, <-woken)
	assert.Empty(t, heard)
}
