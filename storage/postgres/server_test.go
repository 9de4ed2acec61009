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
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		n, err := newNode(dir)
		if errors.Is(err, exec.ErrNotFound) {
			server.missing = err
			return m.Run()
		}
		if err == nil {
			err = n.run("initdb", "-D", n.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
		}
		if err == nil {
			server.empty = filepath.Join(dir, "empty")
			err = n.copy(n.data(), server.empty)
		}
		if err == nil {
			err = n.start("max_connections=200", "deadlock_timeout=100ms")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer n.stop()
		server.dsn = n.dsn()
		return m.Run()
	}())
}

// programs returns the folder with the newest server that is installed: that of the PATH, or Debian's.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path) // the others may have no link
		return filepath.Dir(path), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("initdb: %w: install PostgreSQL (apt-get install postgresql)", exec.ErrNotFound)
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// A node is a server with its data, both in a folder of their own.
type node struct {
	bin, dir string
	as       *syscall.SysProcAttr
	serving  *exec.Cmd // nil when it is not running
}

// newNode returns one that has no data yet.
func newNode(dir string) (*node, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	n := &node{bin: bin, dir: dir, as: &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}} // should the tests end before the server is told
	if os.Geteuid() != 0 {
		return n, nil
	}
	account, err := user.Lookup("postgres") // as root the server refuses to run
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.Atoi(account.Uid)
	gid, gidErr := strconv.Atoi(account.Gid)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, uid, gid)); err != nil {
		return nil, err
	}
	n.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return n, nil
}

func (n *node) dsn() string { return "host=" + n.dir + " port=5432 user=postgres dbname=postgres" }

func (n *node) data() string { return filepath.Join(n.dir, "data") }

func (n *node) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(n.bin, name), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = n.dir, append(os.Environ(), "LC_ALL=C"), n.as
	return cmd
}

// run runs one of the server's programs to its end.
func (n *node) run(name string, args ...string) error {
	if out, err := n.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// copy makes another folder with data, for the server's account.
func (n *node) copy(from, to string) error {
	cp := exec.Command("cp", "-R", from, to)
	cp.SysProcAttr = n.as
	if out, err := cp.CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w\n%s", err, out)
	}
	return nil
}

var ready = regexp.MustCompile("ready to accept (read-only )?connections")

// start serves the data at a socket in the folder, with the given settings.
func (n *node) start(settings ...string) error {
	// Nobody else is in the folder, so any port will do for the name of the socket.
	args := []string{"-D", n.data(), "-k", n.dir, "-p", "5432"}
	for _, s := range append([]string{"listen_addresses=", "fsync=off"}, settings...) {
		args = append(args, "-c", s)
	}
	serving := n.command("postgres", args...)
	log, err := serving.StderrPipe()
	if err != nil {
		return err
	}
	if err := serving.Start(); err != nil {
		return err
	}
	n.serving = serving
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); said.WriteString(lines.Text() + "\n") {
		if ready.MatchString(lines.Text()) {
			go io.Copy(io.Discard, log)
			return nil
		}
	}
	n.stop()
	return fmt.Errorf("the server did not start:\n%s", said.String())
}

// stop ends the server in good order and waits for it.
func (n *node) stop() {
	if n.serving != nil {
		_ = n.serving.Process.Signal(syscall.SIGINT)
		_ = n.serving.Wait()
		n.serving = nil
	}
}

// kill ends all processes of the server at once, as a machine does that loses its power, and gives back the memory that
// it then leaves behind.
func (n *node) kill() error {
	pid := n.serving.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	err = errors.Join(err, n.serving.Process.Kill())
	for _, child := range strings.Fields(string(children)) {
		if pid, notNumber := strconv.Atoi(child); notNumber == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
		}
	}
	_ = n.serving.Wait() // which says that it was killed
	n.serving = nil
	state, readErr := os.ReadFile(filepath.Join(n.data(), "postmaster.pid"))
	if lines := strings.Split(string(state), "\n"); len(lines) > 6 {
		if key := strings.Fields(lines[6]); len(key) == 2 {
			id, idErr := strconv.ParseUint(key[1], 10, 32)
			_, _, removeErr := syscall.Syscall(syscall.SYS_SHMCTL, uintptr(id), 0, 0) // IPC_RMID is 0
			if removeErr != 0 {
				err = errors.Join(err, removeErr)
			}
			err = errors.Join(err, idErr)
		}
	}
	return errors.Join(err, readErr)
}

// folder returns the node of a folder that is removed at the end of the test, after the server has ended.
func folder(t testing.TB) *node {
	t.Helper()
	dsn(t)                             // or there is nothing to run
	dir, err := os.MkdirTemp("", "pg") // the name of a socket must be short
	require.NoError(t, err)
	n, err := newNode(dir)
	t.Cleanup(func() {
		if n != nil {
			n.stop()
		}
		assert.NoError(t, os.RemoveAll(dir))
	})
	require.NoError(t, err)
	return n
}

// nodes returns servers that run, each in a folder of its own.
func nodes(t testing.TB, count int, settings ...string) []*node {
	t.Helper()
	all := make([]*node, count)
	for n := range all {
		all[n] = folder(t)
	}
	require.NoError(t, concurrently(count, func(n int) error {
		if err := all[n].copy(server.empty, all[n].data()); err != nil {
			return err
		}
		return all[n].start(settings...)
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
