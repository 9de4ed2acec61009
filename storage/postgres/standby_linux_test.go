package postgres_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// TestStandby: a server has a synchronous standby, and one Store knows both. The server loses its power under load, the
// standby takes over, and the Store goes on there by itself: nothing that was acknowledged is lost, nothing is there in
// part, and what is given again under the same command is there once. Whoever follows the log misses nothing.
func TestStandby(t *testing.T) {
	t.Parallel()
	for what, stalled := range map[string]bool{"at any moment": false, "while commits wait for the standby": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			takeOver(t, stalled)
		})
	}
}

func takeOver(t *testing.T, stalled bool) {
	const workers, followed = 6, 150
	draw, first := moments(t), nodes(t, 1)[0]
	second := folder(t)
	require.NoError(t, second.Run("pg_basebackup", "-d", first.DSN()+" application_name=second", "-D", second.Data(), "-R", "-c", "fast", "--no-sync"))
	require.NoError(t, second.Start("wal_retrieve_retry_interval=50ms")) // how long the promotion may have to wait
	admin := connect(t, first.DSN())
	for _, sql := range []string{"alter system set synchronous_standby_names = 'second'", "select pg_reload_conf()"} {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	for state := ""; state != "sync"; {
		require.NoError(t, admin.QueryRow(t.Context(), "select coalesce(max(sync_state), '') from pg_stat_replication").Scan(&state))
	}
	s := open(t, "host="+first.Dir+","+second.Dir+" port=5432,5432 user=postgres dbname=postgres pool_max_conns=9 target_session_attrs=read-write", "")
	var seen []activity.ID
	under(t, s, workers, func(l *load) error {
		following := make(chan struct{})
		go func() {
			defer close(following)
			seen = follow(l.over, s, followed)
		}()
		l.await(50 + draw.IntN(50))
		var err error
		if stalled {
			err = stall(t.Context(), admin)
		}
		if err = errors.Join(err, first.Kill()); err != nil {
			return err
		}
		if err := second.Run("pg_ctl", "promote", "-D", second.Data(), "-w"); err != nil {
			return err
		}
		l.await(100)
		<-following
		return nil
	})
	view(t, s, func(r storage.Reader) {
		assert.Len(t, seen, followed)
		for n, e := range collect(t, r.Activity(t.Context(), activity.Query{Limit: followed})) {
			assert.Equal(t, e.ID, seen[n], "what a follower has seen is there for ever")
		}
	})
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i"}}, Activity: []activity.Entry{{ID: "e", Time: origin, Incident: "i"}}})
	assert.NoError(t, err, "the Store goes on")
}

// stall has the server send nothing to its standby any more, and returns when a commit waits for that.
func stall(ctx context.Context, admin *pgxpool.Pool) error {
	var pid, waiting int
	if err := admin.QueryRow(ctx, "select pid from pg_stat_replication").Scan(&pid); err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for n := 0; waiting == 0; n++ {
		if n == 1000 {
			return errors.New("commits do not wait for the standby")
		}
		if err := admin.QueryRow(ctx, "select count(*) from pg_stat_activity where wait_event = 'SyncRep'").Scan(&waiting); err != nil {
			return err
		}
	}
	return nil
}

// follow returns the first entries of the log as they come, beginning again after the last whenever reading fails, or
// fewer when the context is done.
func follow(ctx context.Context, s storage.Storage, n int) (ids []activity.ID) {
	for len(ids) < n && ctx.Err() == nil {
		for e, err := range storage.Follow(ctx, s, activity.Query{AfterSeq: int64(len(ids)), Limit: n - len(ids)}) {
			if err == nil {
				ids = append(ids, e.ID)
			}
		}
	}
	return ids
}
