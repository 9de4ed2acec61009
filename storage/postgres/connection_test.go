package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// A fault breaks one connection at its n-th write from now: before it, or after it has gone out and
// before the answer comes.
type fault struct {
	left  atomic.Int64 // writes; 0 when nothing is to happen
	after bool
}

type faulty struct {
	net.Conn
	*fault
}

func (c faulty) Write(b []byte) (int, error) {
	if c.left.Load() == 0 || c.left.Add(-1) > 0 {
		return c.Conn.Write(b)
	}
	defer c.Close()
	if c.after {
		if n, err := c.Conn.Write(b); err != nil {
			return n, err
		}
		return len(b), nil
	}
	return 0, errors.New("broken on purpose")
}

// TestLostConnection breaks the connection at every write that an Apply makes. An error says that nothing was
// kept (ErrUnavailable), or that it is unknown (ErrUnknownOutcome); it never says that the Changeset was
// there, and what is given again is there once.
func TestLostConnection(t *testing.T) {
	name := tenant(t)
	direct := open(t, dsn(t), name)
	_, err := direct.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: "comment", Time: origin, Text: "text"}}})
	require.NoError(t, err)
	config, err := pgxpool.ParseConfig(dsn(t))
	require.NoError(t, err)
	config.ConnConfig.RuntimeParams["application_name"] = name
	admin := connect(t, dsn(t))
	var f fault
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return faulty{c, &f}, err
	}
	unknown, kept, entries := 0, 0, 1
	for _, f.after = range []bool{false, true} {
		for n, reached := int64(1), true; reached; n++ {
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			require.NoError(t, err)
			s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: name})
			require.NoError(t, err)
			id := fmt.Sprint(f.after, n)
			cs := storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(id)}}, Activity: []activity.Entry{{ID: activity.ID(id), Time: origin}},
				Redact: []activity.ID{"comment"}}
			f.left.Store(n)
			_, err = s.Apply(t.Context(), cs)
			reached = f.left.Swap(0) == 0
			require.NoError(t, s.Close())
			pool.Close()
			for others := 1; others > 0; { // a backend may be about to keep what has reached it
				sql := "select count(*) from pg_stat_activity where application_name = $1"
				require.NoError(t, admin.QueryRow(t.Context(), sql, name).Scan(&others))
			}
			_, again := direct.Apply(t.Context(), cs)
			entries++
			switch {
			case err == nil:
				assert.ErrorIs(t, again, storage.ErrExists, "write %d: it was acknowledged", n)
			case errors.Is(err, storage.ErrUnknownOutcome):
				assert.NotErrorIs(t, err, storage.ErrUnavailable, "write %d", n)
				if unknown++; again != nil {
					assert.ErrorIs(t, again, storage.ErrExists)
					kept++
				}
			default:
				assert.ErrorIs(t, err, storage.ErrUnavailable, "write %d", n)
				assert.NoError(t, again, "write %d: %v", n, err)
			}
			assert.NotErrorIs(t, err, storage.ErrExists, "write %d", n)
			assert.NotErrorIs(t, err, storage.ErrConflict, "write %d", n)
		}
	}
	assert.Positive(t, unknown, "a commit was interrupted")
	assert.Positive(t, kept, "one of those was kept")
	view(t, direct, func(r storage.Reader) {
		assert.Len(t, collect(t, r.Activity(t.Context(), activity.Query{})), entries)
		assert.Len(t, collect(t, r.Incidents(t.Context(), incident.Query{})), entries-1)
	})
}
