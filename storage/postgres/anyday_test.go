package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// days is how many days are drawn in each mode, unless -rapid.checks says how many.
const days = "4"

// fewDays is rapid.Check of what takes its time.
func fewDays(t *testing.T, day func(*rapid.T)) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set(days))
		defer checks.Value.Set(checks.DefValue)
	}
	rapid.Check(t, day)
}

// eachDay is fewDays in each way in which statements can be run.
func eachDay(t *testing.T, day func(*rapid.T, *pgxpool.Pool)) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			pool := connect(t, dsn(t)+" pool_max_conns=4 default_query_exec_mode="+mode)
			fewDays(t, func(rt *rapid.T) { day(rt, pool) })
		})
	}
}

// fresh returns the Store of a tenant that nobody has yet, in the database of pool.
func fresh(t *testing.T, rt *rapid.T, pool *pgxpool.Pool) (s *postgres.Store, name string) {
	name = tenant(t)
	s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: name})
	require.NoError(rt, err)
	rt.Cleanup(func() { require.NoError(rt, s.Close()) })
	return s, name
}

func copyAll(ctx context.Context, dst, src storage.Storage) error {
	for _, err := range storage.Copy(ctx, dst, src) {
		if err != nil {
			return err
		}
	}
	return nil
}

// tables returns what stands in the columns of all tables for a tenant, but records, what is made from its name, and
// stamps, which a copy does not have.
func tables(ctx context.Context, pool *pgxpool.Pool, tenant string) (map[string][]string, error) {
	all := make(map[string][]string)
	for _, table := range []string{
		"tenants", "incidents", "facets", "alerts", "sightings", "entries", "attachments", "contents", "items",
	} {
		sql := "select (to_jsonb(x) - array['tenant', 'record', 'terms', 'stamp'])::text " +
			"from incidentkit." + table + " x where tenant = $1 order by 1"
		rows, err := pool.Query(ctx, sql, tenant)
		if err != nil {
			return nil, err
		}
		if all[table], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// TestAnyDay: whatever happens, a Store and the reference answer and hold the same, and the columns that queries look at
// are in the end those of the same records, stored anew.
func TestAnyDay(t *testing.T) {
	eachDay(t, func(rt *rapid.T, pool *pgxpool.Pool) {
		s, name := fresh(t, rt, pool)
		require.NoError(rt, anyday.Compare(t.Context(), rt, s))

		anew, anewName := fresh(t, rt, pool)
		require.NoError(rt, copyAll(t.Context(), anew, s))
		want, err := tables(t.Context(), pool, anewName)
		require.NoError(rt, err)
		got, err := tables(t.Context(), pool, name)
		require.NoError(rt, err)
		require.Equal(rt, want, got)
	})
}

// TestCopies: a copy of a copy in PostgreSQL is the original, wherever the copying was broken off while more happened,
// and PostgreSQL goes on with the numbers that follow.
func TestCopies(t *testing.T) {
	eachDay(t, func(rt *rapid.T, pool *pgxpool.Pool) {
		ctx := t.Context()
		src, back := memory.New(), memory.New()
		s, name := fresh(t, rt, pool)
		day := anyday.New(ctx, rt, src)
		for range rapid.IntRange(0, 2).Draw(rt, "broken off") {
			day.Happen(6)
			left := rapid.IntRange(1, 6).Draw(rt, "steps")
			for _, err := range storage.Copy(ctx, s, src) {
				require.NoError(rt, err)
				if left--; left == 0 {
					break
				}
			}
		}
		day.Happen(8)
		require.NoError(rt, copyAll(ctx, s, src))
		require.NoError(rt, anyday.Same(ctx, src, s))
		require.NoError(rt, copyAll(ctx, back, s))
		require.NoError(rt, anyday.Same(ctx, src, back))

		atOnce, atOnceName := fresh(t, rt, pool)
		require.NoError(rt, copyAll(ctx, atOnce, src))
		want, err := tables(ctx, pool, atOnceName)
		require.NoError(rt, err)
		got, err := tables(ctx, pool, name)
		require.NoError(rt, err)
		require.Equal(rt, want, got)

		next := storage.Changeset{Incidents: []incident.Incident{{ID: "next"}}, Activity: []activity.Entry{{ID: "next/0", Incident: "next"}}}
		receipt, err := src.Apply(ctx, next)
		require.NoError(rt, err)
		here, err := s.Apply(ctx, next)
		require.NoError(rt, err)
		require.Equal(rt, receipt, here, fmt.Sprint("numbers of ", name, " go on"))
	})
}
