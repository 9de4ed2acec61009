// Package pgserver runs throw-away PostgreSQL servers for tests, from the programs that are installed, each with its
// data and its socket in a folder of its own. No other machine can reach them.
package pgserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// A Server is a server with its data. It ends with the thread that started it, should that end first.
type Server struct {
	Dir string // what Data and the socket are in; the name of a socket must be short

	bin     string
	as      *syscall.SysProcAttr
	serving *exec.Cmd // nil when it is not running
}

// New returns a server without data in a folder, which is given to the account postgres when the caller is root, as
// whom a server refuses to run. The error matches [exec.ErrNotFound] when no server is installed.
func New(dir string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := attributes(dir)
	return &Server{Dir: dir, bin: bin, as: as}, err
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

// DSN says where the database postgres is.
func (s *Server) DSN() string {
	return "host=" + s.Dir + " port=5432 user=postgres dbname=postgres"
}

// Data is the folder with the data.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

// Init makes the data.
func (s *Server) Init() error {
	return s.Run("initdb", "-D", s.Data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
}

// Command returns a program that is run by the server's account in its folder.
func (s *Server) Command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.Dir, append(os.Environ(), "LC_ALL=C"), s.as
	return cmd
}

// Run runs one of PostgreSQL's programs to its end.
func (s *Server) Run(name string, args ...string) error {
	return run(s.Command(filepath.Join(s.bin, name), args...))
}

// Copy makes another folder with data, for the server's account.
func (s *Server) Copy(from, to string) error { return run(s.Command("cp", "-R", from, to)) }

func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}

var ready = regexp.MustCompile("ready to accept (read-only )?connections")

// Start serves the data, with the given settings, and returns when it takes connections.
func (s *Server) Start(settings ...string) error {
	// Nobody else is in the folder, so any port will do for the name of the socket.
	args := []string{"-D", s.Data(), "-k", s.Dir, "-p", "5432"}
	for _, set := range append([]string{"listen_addresses=", "fsync=off"}, settings...) {
		args = append(args, "-c", set)
	}
	serving := s.Command(filepath.Join(s.bin, "postgres"), args...)
	log, err := serving.StderrPipe()
	if err != nil {
		return err
	}
	if err := serving.Start(); err != nil {
		return err
	}
	s.serving = serving
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); said.WriteString(lines.Text() + "\n") {
		if ready.MatchString(lines.Text()) {
			go io.Copy(io.Discard, log)
			return nil
		}
	}
	s.Stop()
	return fmt.Errorf("the server did not start:\n%s", said.String())
}

// Stop ends the server in good order and waits for it.
func (s *Server) Stop() {
	if s.serving != nil {
		_ = s.serving.Process.Signal(syscall.SIGINT)
		_ = s.serving.Wait()
		s.serving = nil
	}
}

// Kill ends all processes of the server at once, as a machine does that loses its power, and gives back the memory that
// it then leaves behind.
func (s *Server) Kill() error {
	pid := s.serving.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	err = errors.Join(err, s.serving.Process.Kill())
	for child := range strings.FieldsSeq(string(children)) {
		if pid, notNumber := strconv.Atoi(child); notNumber == nil {
			if p, gone := os.FindProcess(pid); gone == nil {
				_ = p.Kill() // it may have ended
			}
		}
	}
	_ = s.serving.Wait() // which says that it was killed
	s.serving = nil
	state, readErr := os.ReadFile(filepath.Join(s.Data(), "postmaster.pid"))
	if lines := strings.Split(string(state), "\n"); len(lines) > 6 {
		if key := strings.Fields(lines[6]); len(key) == 2 {
			err = errors.Join(err, run(s.Command("ipcrm", "-m", key[1])))
		}
	}
	return errors.Join(err, readErr)
}
