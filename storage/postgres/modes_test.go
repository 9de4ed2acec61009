package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/internal/pgserver"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// modes are how pgx can run statements: prepared, as it does by default, described once, and in two
// ways that send each as it is. They differ in how values are written.
var modes = []string{"cache_statement", "cache_describe", "exec", "simple_protocol"}

// TestFewConnections: a Store does with one connection, in every mode, behind a pooler and as a role that is subject to
// row-level security. Those that call Apply or View inside Views need a connection for each.
func TestFewConnections(t *testing.T) {
	t.Parallel()
	owner, app := roles(t)
	s, err := postgres.Open(t.Context(), owner, &postgres.Options{RowSecurity: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	at := pooler(t, app)
	for _, mode := range modes[1:] {
		s, err := postgres.Open(
			t.Context(),
			at+" pool_max_conns=1 default_query_exec_mode="+mode,
			&postgres.Options{Tenant: tenant(t), RowSecurity: true},
		)
		require.NoError(t, err)
		requireThereAndBack(t, s, mode)
		require.NoError(t, s.Close())
	}
	assertAllClean(t, at)
}

// requireThereAndBack stores an incident of that name and reads it.
func requireThereAndBack(t *testing.T, s *postgres.Store, name string) {
	t.Helper()
	_, err := s.Apply(t.Context(), changeset(name))
	require.NoError(t, err)
	view(t, s, func(r storage.Reader) {
		i, err := r.Incident(t.Context(), "i")
		require.NoError(t, err)
		require.Equal(t, name, i.Name)
	})
}

// pooler starts PgBouncer before the server, in the mode that gives each transaction another connection, of six in
// turn, and returns the DSN of a database behind it, in which everybody is the user of at.
func pooler(t *testing.T, at string) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer"
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	config, err := pgxpool.ParseConfig(at)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "bouncer") // a path that is short enough for the name of a socket
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	settings := filepath.Join(dir, "ini")
	text := fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s
[pgbouncer]
pool_mode = transaction
auth_type = any
listen_port = 6432
unix_socket_dir = %s
default_pool_size = 6
min_pool_size = 6
server_round_robin = 1
`, config.ConnConfig.Host, config.ConnConfig.Port, config.ConnConfig.User, dir)
	require.NoError(t, os.WriteFile(settings, []byte(text), 0o644))
	account, err := pgserver.New(dir) // as root it refuses to run too
	require.NoError(t, err)
	cmd := account.Command(path, settings)
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); said.WriteString(lines.Text() + "\n") {
		if strings.Contains(lines.Text(), "process up") {
			go io.Copy(io.Discard, log)
			return fmt.Sprintf("host=%s port=6432 user=postgres dbname=%s", dir, config.ConnConfig.Database)
		}
	}
	require.Fail(t, "it did not start", said.String())
	return ""
}

// TestPooler: a pooler in transaction mode may stand between, for the migration too. Nothing of a transaction is left
// on the connections, which any other gets next.
func TestPooler(t *testing.T) {
	at := pooler(t, database(t))
	for _, mode := range modes[1:] {
		requireThereAndBack(t, open(t, at+" default_query_exec_mode="+mode, mode), mode)
	}
	assertAllClean(t, at)
}

// assertAllClean holds all connections that the pooler has at once, and says that nothing is left on them.
func assertAllClean(t *testing.T, at string) {
	t.Helper()
	pool := connect(t, at+" pool_max_conns=6 default_query_exec_mode=exec")
	defer pool.Close()
	for range 6 { // each holds a connection of the pooler until its end
		tx, err := pool.Begin(t.Context())
		require.NoError(t, err)
		defer tx.Rollback(context.Background())
		assertClean(t, tx.Conn())
	}
}

// TestWaitBehindPooler: nobody listens on a connection that is somebody else's the next moment; those who wait look again.
func TestWaitBehindPooler(t *testing.T) {
	direct := database(t)
	at := pooler(t, direct)
	here, heard := waiting(t, at+" default_query_exec_mode=exec", "", time.Millisecond)
	there := open(t, direct, "")
	woken := make(chan error, 1)
	go func() { woken <- here.Wait(t.Context(), 0) }()
	heard.await(20)
	assert.Empty(t, woken)
	assertAllClean(t, at)
	log(t, there, "e")
	assert.NoError(t, <-woken)
}

// TestNothingIsLeft: whatever a Store has done on a connection, the next user gets it as it was.
func TestNothingIsLeft(t *testing.T) {
	pool := connect(t, dsn(t)+" pool_max_conns=1")
	for _, name := range []string{"a", "b"} {
		s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: tenant(t) + name})
		require.NoError(t, err)
		steps := []func(){
			func() {},
			func() {
				_, err := s.Apply(t.Context(), changeset("a"))
				require.NoError(t, err)
			},
			func() {
				_, err := s.Apply(t.Context(), changeset("a"))
				require.ErrorIs(t, err, storage.ErrExists)
			},
			func() {
				_, err := s.Apply(t.Context(), storage.Changeset{Incidents: changeset("a").Incidents})
				require.ErrorIs(t, err, storage.ErrExists)
			},
			func() { view(t, s, func(r storage.Reader) { collect(t, r.Activity(t.Context(), allEntries)) }) },
			func() { require.NoError(t, s.Wait(t.Context(), 0)) },
		}
		for _, step := range steps {
			step()
			require.NoError(t, pool.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
				assertClean(t, conn.Conn())
				return nil
			}))
		}
		require.NoError(t, s.Close())
	}
}
