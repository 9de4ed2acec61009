package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/internal/pgserver"
)

// The tests share one throw-away server, in a folder of its own, made from the programs that are installed.
// Each test has a tenant or a database to itself.
var server struct {
	dsn     string // of the database postgres
	empty   string // the data of a server that has never run
	missing error  // why there is none
	tenants atomic.Int64
}

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		if err := child(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	runtime.LockOSThread() // the server ends with the thread that started it
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "pg")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		n, err := pgserver.New(dir)
		if errors.Is(err, exec.ErrNotFound) {
			server.missing = err
			return m.Run()
		}
		if err == nil {
			err = n.Init()
		}
		if err == nil {
			server.empty = filepath.Join(dir, "empty")
			err = n.Copy(n.Data(), server.empty)
		}
		if err == nil {
			err = n.Start("max_connections=200", "deadlock_timeout=100ms")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer n.Stop()
		server.dsn = n.DSN()
		return m.Run()
	}())
}

// folder returns the server of a folder that is removed at the end of the test, after the server has ended.
func folder(t testing.TB) *pgserver.Server {
	t.Helper()
	dsn(t)                             // or there is nothing to run
	dir, err := os.MkdirTemp("", "pg") // the name of a socket must be short
	require.NoError(t, err)
	n, err := pgserver.New(dir)
	t.Cleanup(func() {
		if n != nil {
			n.Stop()
		}
		assert.NoError(t, os.RemoveAll(dir))
	})
	require.NoError(t, err)
	return n
}

// nodes returns servers that run, each in a folder of its own.
func nodes(t testing.TB, count int, settings ...string) []*pgserver.Server {
	t.Helper()
	all := make([]*pgserver.Server, count)
	for n := range all {
		all[n] = folder(t)
	}
	require.NoError(t, concurrently(count, func(n int) error {
		if err := all[n].Copy(server.empty, all[n].Data()); err != nil {
			return err
		}
		return all[n].Start(settings...)
	}))
	return all
}

// dsn returns where the server is. Without one the test is skipped, except where CI says that nothing may be.
func dsn(t testing.TB) string {
	t.Helper()
	if server.missing != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(server.missing)
		}
		t.Skip(server.missing)
	}
	return server.dsn
}

// shorter is how much of what takes long is done: a fifth where the tests are to be quick.
func shorter(n int) int {
	if testing.Short() {
		return max(n/5, 1)
	}
	return n
}

// tenant returns the name of one that nobody has yet.
func tenant(t testing.TB) string {
	return fmt.Sprint(t.Name(), " ", server.tenants.Add(1))
}

// database returns the DSN of an empty database.
func database(t testing.TB) string {
	t.Helper()
	at := dsn(t)
	pool := connect(t, at)
	defer pool.Close()
	name := fmt.Sprint("d", server.tenants.Add(1))
	_, err := pool.Exec(context.Background(), "create database "+name)
	require.NoError(t, err)
	return at + " dbname=" + name
}

// stubborn returns the DSN of a database in which no incident of that name can be kept, for a reason of its own.
func stubborn(t testing.TB, name string) string {
	t.Helper()
	at := database(t)
	open(t, at, tenant(t)) // makes the schema
	_, err := connect(t, at).Exec(context.Background(),
		fmt.Sprintf("alter table incidentkit.incidents add constraint stubborn check (name <> '%s')", name))
	require.NoError(t, err)
	return at
}

// connect returns a pool, which the test closes at its end.
func connect(t testing.TB, at string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), at)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
