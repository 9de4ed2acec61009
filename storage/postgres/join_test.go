package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// A batch is Applies that wait at the same moment.
type batch struct {
	t        *testing.T
	s        *postgres.Store
	release  func()
	begun    <-chan struct{} // closed when the first of them are being committed
	calls    sync.WaitGroup
	outcomes []*outcome
}

// An outcome is what an Apply has returned.
type outcome struct {
	receipt storage.Receipt
	err     error
	over    chan struct{}
}

func newBatch(t *testing.T, s *postgres.Store) *batch {
	b := &batch{t: t, s: s}
	b.release, b.begun = postgres.Hold(s)
	return b
}

// add calls Apply and returns when it waits.
func (b *batch) add(ctx context.Context, cs storage.Changeset) {
	o, waits := &outcome{over: make(chan struct{})}, &waitContext{Context: ctx, waits: make(chan struct{})}
	b.outcomes = append(b.outcomes, o)
	b.calls.Go(func() {
		defer close(o.over)
		o.receipt, o.err = b.s.Apply(waits, cs)
	})
	<-waits.waits
}

// A waitContext says when a call waits in the queue: until then nothing asks for Done.
type waitContext struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (c *waitContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waits) })
	return c.Context.Done()
}

// commit lets them have their turn.
func (b *batch) commit() {
	b.release()
	b.calls.Wait()
}

func one(id incident.ID) storage.Changeset {
	return storage.Changeset{Incidents: []incident.Incident{{ID: id}}, Activity: []activity.Entry{{ID: activity.ID(id), Time: origin}}}
}

// dump reads all that a Storage has, as of one moment.
func dump(t testing.TB, s storage.Storage) (incidents []incident.Incident, alerts []alert.Alert, entries []activity.Entry) {
	t.Helper()
	view(t, s, func(r storage.Reader) {
		incidents = collect(t, r.Incidents(t.Context(), incident.Query{Sort: incident.ByNumber, Ascending: true}))
		alerts = collect(t, r.Alerts(t.Context(), alert.Query{}))
		entries = collect(t, r.Activity(t.Context(), activity.Query{}))
	})
	return incidents, alerts, entries
}

// TestJoined: Applies that are committed together come out as they do on the reference, one after the other: the same
// ones are refused, for the same reasons, and the others get the same numbers. They are drawn by lot from few records, so
// that they are in each other's way, and in the way of what is there.
func TestJoined(t *testing.T) {
	lots := rand.New(rand.NewPCG(7, 7))
	for range 25 {
		s, reference := open(t, dsn(t), tenant(t)), memory.New()
		draw := func() (cs storage.Changeset) {
			for _, n := range lots.Perm(5)[:lots.IntN(3)] {
				cs.Incidents = append(cs.Incidents, incident.Incident{ID: incident.ID(fmt.Sprint("i", n)), Version: int64(lots.IntN(3)), Created: origin, Updated: origin,
					Priority: lots.IntN(100)})
			}
			for _, n := range lots.Perm(6)[:lots.IntN(3)] {
				cs.Alerts = append(cs.Alerts, alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), Version: int64(lots.IntN(2)), FirstActivity: origin,
					Incident: incident.ID(fmt.Sprint("i", lots.IntN(3))),
					Evidence: []alert.Evidence{{Entity: alert.IP{Address: fmt.Sprint("192.0.2.", lots.IntN(3))}}}})
			}
			for _, n := range lots.Perm(30)[:lots.IntN(3)] {
				cs.Activity = append(cs.Activity, activity.Entry{ID: activity.ID(fmt.Sprint("e", n)), Time: origin, Text: fmt.Sprint(lots.IntN(100)),
					Incident:    incident.ID(fmt.Sprint("i", lots.IntN(3))),
					Attachments: []activity.Attachment{{SHA256: fmt.Sprint("c", lots.IntN(3))}}})
			}
			if len(cs.Activity) > 0 && lots.IntN(2) == 0 {
				cs.Contents = []activity.Content{{SHA256: fmt.Sprint("c", lots.IntN(3)), Data: []byte("data")}}
			}
			if lots.IntN(6) == 0 {
				cs.Redact = []activity.ID{activity.ID(fmt.Sprint("e", lots.IntN(30)))}
			}
			if len(cs.Incidents) > 0 && cs.Incidents[0].Version > 0 && lots.IntN(3) == 0 {
				cs.Purge = []incident.ID{cs.Incidents[0].ID}
			}
			return cs
		}
		for range 6 {
			all := make([]storage.Changeset, 1+lots.IntN(9))
			b := newBatch(t, s)
			for n := range all {
				all[n] = draw()
				b.add(t.Context(), all[n])
			}
			b.commit()
			for n, cs := range all {
				receipt, err := reference.Apply(t.Context(), cs)
				assert.Equal(t, receipt, b.outcomes[n].receipt, "Apply %d", n)
				for _, kind := range []error{storage.ErrConflict, storage.ErrExists, storage.ErrNotFound} {
					if errors.Is(err, kind) { // a Changeset may be wrong for two reasons
						err = nil
						assert.Error(t, b.outcomes[n].err, "Apply %d", n)
						assert.True(t, errors.Is(b.outcomes[n].err, storage.ErrConflict) || errors.Is(b.outcomes[n].err, storage.ErrExists) || errors.Is(b.outcomes[n].err, storage.ErrNotFound))
					} else if err == nil {
						assert.NotErrorIs(t, b.outcomes[n].err, kind, "Apply %d", n)
					}
				}
			}
			wantIncidents, wantAlerts, wantEntries := dump(t, reference)
			incidents, alerts, entries := dump(t, s)
			assert.Equal(t, wantIncidents, incidents)
			assert.Equal(t, wantAlerts, alerts)
			assert.Equal(t, wantEntries, entries)
			for n := range 3 {
				var want, got []byte
				view(t, reference, func(r storage.Reader) { want, _ = r.Content(t.Context(), fmt.Sprint("c", n)) })
				view(t, s, func(r storage.Reader) { got, _ = r.Content(t.Context(), fmt.Sprint("c", n)) })
				assert.Equal(t, want, got, "content %d", n)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// TestNeighbours: one that is refused, that cannot be kept, or whose context is done, does not fail those who are
// committed with it. They are one transaction.
func TestNeighbours(t *testing.T) {
	name, at := tenant(t), stubborn(t, "not kept")
	s := open(t, at, name)
	_, err := s.Apply(t.Context(), one("there"))
	require.NoError(t, err)
	b := newBatch(t, s)
	b.add(t.Context(), one("one"))
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "half"}, {ID: "there", Version: 7}}})
	b.add(t.Context(), one("one")) // somebody of the same batch was faster
	ctx, stop := context.WithCancel(t.Context())
	b.add(ctx, one("gone"))
	stop()
	<-b.outcomes[3].over
	b.add(t.Context(), one("there")) // only the key of the table knows
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "half"}}, Activity: []activity.Entry{{ID: "there"}}})
	failed := incident.Incident{ID: "failed", Name: "not kept"}
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{failed, {ID: "half"}}})
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "one", Version: 1}}}) // over one of the same batch
	b.add(t.Context(), one("two"))
	b.commit()
	for n, want := range []error{nil, storage.ErrConflict, storage.ErrExists, context.Canceled, storage.ErrExists, storage.ErrExists, nil, nil, nil} {
		if n != 6 {
			assert.ErrorIs(t, b.outcomes[n].err, want, "Apply %d", n)
		}
	}
	assert.ErrorContains(t, b.outcomes[6].err, "stubborn")
	assert.Equal(t, storage.Receipt{Seq: 2, Numbers: []int64{2}}, b.outcomes[0].receipt)
	assert.Equal(t, storage.Receipt{Numbers: []int64{2}}, b.outcomes[7].receipt)
	assert.Equal(t, storage.Receipt{Seq: 3, Numbers: []int64{3}}, b.outcomes[8].receipt)
	var ids []incident.ID
	incidents, _, entries := dump(t, s)
	for _, i := range incidents {
		ids = append(ids, i.ID)
	}
	assert.Equal(t, []incident.ID{"there", "one", "two"}, ids)
	assert.Len(t, entries, 3)
	var transactions int
	pool := connect(t, at)
	const sql = "select count(distinct xmin::text) from incidentkit.entries where id in ('one', 'two') and tenant = $1"
	require.NoError(t, pool.QueryRow(t.Context(), sql, name).Scan(&transactions))
	assert.Equal(t, 1, transactions)
}

// TestGivingUp: callers may give up at any moment, the leader too: the others get their turn, and the result of each is
// true.
func TestGivingUp(t *testing.T) {
	const callers, each = 8, 40
	s := open(t, dsn(t)+" pool_max_conns=4", tenant(t))
	var kept, unknown [callers]map[activity.ID]int64
	require.NoError(t, concurrently(callers, func(c int) error {
		kept[c], unknown[c] = make(map[activity.ID]int64), make(map[activity.ID]int64)
		for n := range each {
			ctx, stop := context.WithCancel(t.Context())
			id := incident.ID(fmt.Sprint(c, "/", n))
			if c%2 == 0 {
				go stop()
			}
			receipt, err := s.Apply(ctx, one(id))
			stop()
			switch {
			case err == nil:
				kept[c][activity.ID(id)] = receipt.Seq
			case c%2 != 0:
				return fmt.Errorf("who does not give up is refused: %w", err)
			case !errors.Is(err, context.Canceled):
				return err
			case errors.Is(err, storage.ErrUnknownOutcome):
				unknown[c][activity.ID(id)] = 0
			}
		}
		return nil
	}))
	all, doubtful := make(map[activity.ID]int64), make(map[activity.ID]int64)
	for c := range callers {
		maps.Copy(all, kept[c])
		for id := range unknown[c] {
			doubtful[id] = 0
		}
	}
	incidents, _, entries := dump(t, s)
	assert.Len(t, incidents, len(entries))
	for n, e := range entries {
		assert.EqualValues(t, n+1, e.Seq, "the log is dense")
		if _, ok := doubtful[e.ID]; !ok {
			assert.Equal(t, all[e.ID], e.Seq, "entry %s", e.ID)
		}
		delete(all, e.ID)
	}
	assert.Empty(t, all, "were acknowledged and are not there")
}

// TestLeaderGivesUp: a batch whose leader gives up is committed for the others all the same, and a leader that gives up
// while it waits for a connection hands over.
func TestLeaderGivesUp(t *testing.T) {
	s, other := open(t, dsn(t)+" pool_max_conns=1", tenant(t)), connect(t, dsn(t))
	_, err := s.Apply(t.Context(), one("locked"))
	require.NoError(t, err)
	locked := func(id incident.ID) storage.Changeset {
		cs := one(id)
		cs.Incidents = append(cs.Incidents, incident.Incident{ID: "locked", Version: 1})
		return cs
	}
	tx, err := other.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select from incidentkit.incidents where id = 'locked' for update")
	require.NoError(t, err)
	b := newBatch(t, s)
	leader, stop := context.WithCancel(t.Context())
	follower, stopFollower := context.WithCancel(t.Context())
	b.add(leader, locked("leader"))
	b.add(follower, one("gives up too"))
	b.add(t.Context(), one("stays"))
	b.release()
	<-b.begun // and wait for the lock
	stop()
	stopFollower()
	<-b.outcomes[1].over
	assert.ErrorIs(t, b.outcomes[1].err, context.Canceled)
	assert.ErrorIs(t, b.outcomes[1].err, storage.ErrUnknownOutcome, "who follows does not wait for the outcome")
	require.NoError(t, tx.Rollback(t.Context()))
	b.calls.Wait()
	assert.NoError(t, b.outcomes[0].err, "the outcome of one who leads is known")
	assert.NoError(t, b.outcomes[2].err)

	view(t, s, func(storage.Reader) { // takes the only connection
		b := newBatch(t, s)
		first, stop := context.WithCancel(t.Context())
		second, stopSecond := context.WithCancel(t.Context())
		b.add(first, one("first"))
		b.add(second, one("second"))
		b.release() // the first one leads and waits for a connection
		stop()
		<-b.outcomes[0].over
		stopSecond()
		b.calls.Wait()
		assert.ErrorIs(t, b.outcomes[0].err, context.Canceled)
		assert.ErrorIs(t, b.outcomes[1].err, context.Canceled)
	})
	_, err = s.Apply(t.Context(), one("last"))
	assert.NoError(t, err)
	incidents, _, _ := dump(t, s)
	assert.Len(t, incidents, 5)
}

// TestNobodyWaits: when all whose Changesets are being committed have given up, in whatever order, so has the Store: what
// keeps them from it does not keep others.
func TestNobodyWaits(t *testing.T) {
	s, other := open(t, dsn(t), tenant(t)), connect(t, dsn(t))
	tx, err := other.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "lock incidentkit.contents")
	require.NoError(t, err)
	for n, order := range [][]int{{0}, {0, 1, 2}, {1, 2, 0}, {2, 0, 1}} { // the first one leads
		b := newBatch(t, s)
		stop := make([]context.CancelFunc, len(order))
		for k := range order {
			var ctx context.Context
			ctx, stop[k] = context.WithCancel(t.Context())
			b.add(ctx, storage.Changeset{Contents: []activity.Content{{SHA256: "c"}}})
		}
		b.release()
		<-b.begun
		for _, k := range order {
			stop[k]()
		}
		b.calls.Wait()
		for k := range order {
			assert.ErrorIs(t, b.outcomes[k].err, context.Canceled, "Apply %d", k)
		}
		_, err = s.Apply(t.Context(), one(incident.ID(fmt.Sprint("next", n))))
		assert.NoError(t, err)
	}
	require.NoError(t, tx.Rollback(t.Context()))
}

// TestNoDatabase: all who wait for a database that is not there are told at once, not one after the other.
func TestNoDatabase(t *testing.T) {
	config, err := pgxpool.ParseConfig(dsn(t))
	require.NoError(t, err)
	var dials, down int
	var mu sync.Mutex
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if dials++; down > 0 {
			return nil, errors.New("down")
		}
		return dial(ctx, network, addr)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: tenant(t)})
	require.NoError(t, err)
	mu.Lock()
	down, dials = 1, 0
	mu.Unlock()
	pool.Reset()
	b := newBatch(t, s)
	for n := range 5 {
		b.add(t.Context(), one(incident.ID(fmt.Sprint(n))))
	}
	b.commit()
	for n := range b.outcomes {
		assert.ErrorIs(t, b.outcomes[n].err, storage.ErrUnavailable, "Apply %d", n)
	}
	mu.Lock()
	assert.Less(t, dials, 5)
	down = 0
	mu.Unlock()
	_, err = s.Apply(t.Context(), one("up"))
	assert.NoError(t, err)
}

// TestJoinedLostConnection breaks the connection at every write of Applies that are committed together. Before the commit is
// sent nothing is lost; after it none is told that its Changeset is there, or refused because of one of which that is unknown.
func TestJoinedLostConnection(t *testing.T) {
	config, err := pgxpool.ParseConfig(dsn(t))
	require.NoError(t, err)
	var f fault
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return faulty{c, &f}, err
	}
	unknown := 0
	for _, f.after = range []bool{false, true} {
		for n, reached := int64(1), true; reached; n++ {
			name := tenant(t)
			direct := open(t, dsn(t), name)
			_, err := direct.Apply(t.Context(), one("there"))
			require.NoError(t, err)
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			require.NoError(t, err)
			s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: name})
			require.NoError(t, err)
			changesets := []storage.Changeset{one("a"), one("b"), one("a"), {Incidents: []incident.Incident{{ID: "there", Version: 1}}}, one("there")}
			b := newBatch(t, s)
			for _, cs := range changesets {
				b.add(t.Context(), cs)
			}
			f.left.Store(n)
			b.commit()
			reached = f.left.Swap(0) == 0
			lost := 0
			for k, o := range b.outcomes {
				switch {
				case errors.Is(o.err, storage.ErrUnknownOutcome):
					lost++
				case k == 4:
					assert.ErrorIs(t, o.err, storage.ErrExists)
				case k == 2 && errors.Is(o.err, storage.ErrExists):
				case k == 2:
					assert.NoError(t, o.err)
					assert.ErrorIs(t, b.outcomes[0].err, storage.ErrUnknownOutcome,
						"the first of that name was not refused")
				default:
					assert.NoError(t, o.err, "Apply %d", k)
				}
			}
			if unknown += lost; lost == 0 {
				assert.ErrorIs(t, b.outcomes[2].err, storage.ErrExists)
			}
			incidents, _, entries := dump(t, direct)
			assert.Len(t, incidents, len(entries))
			if errors.Is(b.outcomes[2].err, storage.ErrExists) {
				assert.GreaterOrEqual(t, len(entries), 2, "it was refused because of one that is not there")
			}
			for k, e := range entries {
				assert.EqualValues(t, k+1, e.Seq)
			}
			if lost == 0 {
				assert.Len(t, entries, 3)
			}
			require.NoError(t, s.Close())
			pool.Close()
		}
	}
	assert.Positive(t, unknown, "a commit was interrupted")
}
