package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// trips counts what is sent together.
type trips struct{ n *atomic.Int64 }

func (c trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (c trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// counting returns a Store whose round trips are counted.
func counting(t *testing.T) (*postgres.Store, trips) {
	config, err := pgxpool.ParseConfig(dsn(t))
	require.NoError(t, err)
	count := trips{new(atomic.Int64)}
	config.ConnConfig.Tracer = count
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: tenant(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, count
}

// TestPurgeOfMany: an incident of many alerts and entries is purged in a few round trips, to its last entry.
func TestPurgeOfMany(t *testing.T) {
	s, count := counting(t)
	const entries, alerts = 2001, 300
	cs := storage.Changeset{Incidents: []incident.Incident{{ID: "i"}, {ID: "other"}}}
	for n := range entries {
		cs.Activity = append(cs.Activity, activity.Entry{ID: activity.ID(fmt.Sprint(n)), Incident: "i", Text: "said"})
	}
	for n := range alerts {
		cs.Alerts = append(cs.Alerts, alert.Alert{ID: alert.ID(fmt.Sprint(n)), Incident: "i", Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d"}}}})
	}
	cs.Activity = append(cs.Activity, activity.Entry{ID: "other", Incident: "other", Text: "said"})
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	before := count.n.Load()
	_, err = s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i", Version: 1}}, Purge: []incident.ID{"i"},
		Activity: []activity.Entry{{ID: "purge", Incident: "i", Text: "over"}}})
	require.NoError(t, err)
	assert.EqualValues(t, 5, count.n.Load()-before, "to lock, for each of 3 pages, and to commit")
	_, left, log := dump(t, s)
	assert.Empty(t, left)
	require.Len(t, log, entries+2)
	for n, e := range log {
		assert.Equal(t, n < entries, e.Redacted, "entry %d", n)
		assert.Equal(t, n >= entries, e.Text != "", "entry %d", n)
	}
}

// TestPurgeAmongWriters: others who add to an incident, from other processes, and change what is in it come before its
// purge or after it. What came before, by the order of the log, is gone, and what came after is there.
func TestPurgeAmongWriters(t *testing.T) {
	const writers, each = 4, 25
	at, name := dsn(t)+" pool_max_conns=2", tenant(t)
	s := open(t, at, name)
	others := make([]*postgres.Store, writers)
	for n := range others {
		others[n] = open(t, at, name)
	}
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i"}}})
	require.NoError(t, err)
	check := func(purge int64) { // its Seq, or 0
		_, alerts, entries := dump(t, s)
		there := make(map[alert.ID]bool)
		for _, a := range alerts {
			there[a.ID] = true
		}
		for _, e := range entries {
			if e.Alert != "" {
				assert.Equal(t, !e.Redacted, there[e.Alert], "entry %d and its alert %s", e.Seq, e.Alert)
			}
			if purge != 0 {
				assert.Equal(t, e.Seq < purge, e.Redacted, "entry %d, purged by %d", e.Seq, purge)
			}
		}
	}
	require.NoError(t, concurrently(writers+1, func(n int) error {
		if n == writers {
			for k := range 20 {
				cs := storage.Changeset{Incidents: []incident.Incident{{ID: "i", Version: int64(k + 1)}}, Purge: []incident.ID{"i"}}
				if k%2 == 0 {
					cs.Activity = []activity.Entry{{ID: activity.ID(fmt.Sprint("purge ", k)), Incident: "i"}}
				}
				receipt, err := s.Apply(t.Context(), cs)
				if err != nil {
					return err
				}
				check(receipt.Seq)
			}
			return nil
		}
		for k := range each {
			id := fmt.Sprint(n, "/", k)
			a := alert.Alert{ID: alert.ID(id), Incident: "i", Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d"}}}}
			cs := storage.Changeset{Alerts: []alert.Alert{a}, Activity: []activity.Entry{{ID: activity.ID(id), Incident: "i", Alert: a.ID}}}
			if _, err := others[n].Apply(t.Context(), cs); err != nil {
				return err
			}
			a.Version = 1
			cs = storage.Changeset{Alerts: []alert.Alert{a}, Activity: []activity.Entry{{ID: activity.ID(id + " again"), Incident: "i"}}}
			if _, err := others[n].Apply(t.Context(), cs); err != nil && !errors.Is(err, storage.ErrConflict) {
				return err
			}
		}
		return nil
	}))
	_, alerts, _ := dump(t, s)
	view(t, s, func(r storage.Reader) {
		seen := collect(t, r.(storage.Sighter).Sightings(t.Context(), storage.SightingQuery{Entities: alert.Alert{Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d"}}}}.Keys()[:1]}))
		assert.Len(t, seen, len(alerts))
	})
}

// TestRestoreIsNotified: who waits for entries hears of those that another process restores.
func TestRestoreIsNotified(t *testing.T) {
	at, name := dsn(t)+" pool_max_conns=2", tenant(t)
	here, heard := waiting(t, at, name, time.Hour)
	there := open(t, at, name)
	woken := make(chan error, 1)
	go func() { woken <- here.Wait(t.Context(), 0) }()
	heard.await(2) // before it listens, and then
	require.NoError(t, there.Restore(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: "e", Seq: 1}}}))
	assert.NoError(t, <-woken)
}

// TestRestoreAmongWriters: one that is restored while others write has the numbers that it says, or is refused.
func TestRestoreAmongWriters(t *testing.T) {
	at, name := dsn(t)+" pool_max_conns=2", tenant(t)
	stores := []*postgres.Store{open(t, at, name), open(t, at, name)}
	var restored atomic.Int64
	require.NoError(t, concurrently(2, func(n int) error {
		for k := range 60 {
			id := fmt.Sprint(n, "/", k)
			if n == 0 {
				if _, err := stores[0].Apply(t.Context(), one(incident.ID(id))); err != nil {
					return err
				}
				continue
			}
			_, _, log := dump(t, stores[1])
			next := int64(len(log)) + 1
			err := stores[1].Restore(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(id), Version: 7, Number: next}},
				Activity: []activity.Entry{{ID: activity.ID(id), Time: origin, Seq: next}}})
			if err == nil {
				restored.Add(1)
			} else if !errors.Is(err, storage.ErrExists) {
				return err
			}
		}
		return nil
	}))
	assert.Positive(t, restored.Load())
	incidents, _, entries := dump(t, stores[0])
	assert.Len(t, incidents, 60+int(restored.Load()))
	for n, e := range entries {
		assert.EqualValues(t, n+1, e.Seq)
		assert.EqualValues(t, n+1, incidents[n].Number)
		assert.Equal(t, string(incidents[n].ID), string(e.ID))
	}
}
