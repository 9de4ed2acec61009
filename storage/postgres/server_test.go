package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// The tests share one throw-away server, in a folder of its own, made from the programs that are installed.
// Each test has a tenant or a database to itself.
var server struct {
	dsn     string // of the database postgres
	missing error  // why there is none
	tenants atomic.Int64
}

func TestMain(m *testing.M) {
	runtime.LockOSThread() // the server ends with the thread that started it
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "pg")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		stop, err := start(dir)
		if errors.Is(err, exec.ErrNotFound) {
			server.missing = err
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		} else {
			defer stop()
		}
		return m.Run()
	}())
}

// programs returns the folder with the newest server that is installed: that of the PATH, or Debian's.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("initdb: %w: install PostgreSQL (apt-get install postgresql)", exec.ErrNotFound)
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// start makes a database cluster in dir and serves it at a socket there. stop ends the server and waits for it.
func start(dir string) (stop func(), err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C")
		return cmd
	}
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT} // should the tests end before the server is told
	if os.Geteuid() == 0 {                                // as whom the server refuses to run
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, uidErr := strconv.Atoi(account.Uid)
		gid, gidErr := strconv.Atoi(account.Gid)
		if err := errors.Join(uidErr, gidErr, os.Chown(dir, uid, gid)); err != nil {
			return nil, err
		}
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	init := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	init.SysProcAttr = as
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Nobody else is in the folder, so any port will do for the name of the socket.
	serve := run("postgres", "-D", data, "-k", dir, "-p", "5432", "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "max_connections=200", "-c", "deadlock_timeout=100ms")
	serve.SysProcAttr = as
	log, err := serve.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := serve.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = serve.Process.Signal(syscall.SIGINT)
		_ = serve.Wait()
	}
	server.dsn = "host=" + dir + " port=5432 user=postgres dbname=postgres"
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); said.WriteString(lines.Text() + "\n") {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go io.Copy(io.Discard, log)
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("the server did not start:\n%s", said.String())
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

// connect returns a pool, which the test closes at its end.
func connect(t testing.TB, at string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), at)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
