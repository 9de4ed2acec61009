// Package sqlite is the storage that keeps everything in one SQLite file, without cgo: for a program that has to
// survive its own end. Several processes of one machine may use the file at once.
//
//	store, err := sqlite.Open(ctx, "incidents.db", nil)
//
// # Durability
//
// What Apply has confirmed is on the disk: it survives the end of the process and the loss of power, as far as the
// disk does what it says. With [Options].Relaxed it survives the end of the process, however sudden; the loss of
// power may take the last commits away, the latest first, and what is left is whole. Applies that wait at the same
// moment are committed together, with one wait for the disk.
//
// # Concurrency
//
// A [Store] may be used by any number of goroutines. It writes one batch at a time and reads any number of Views
// at once, neither waiting for the other. A View that is kept long keeps the write-ahead log beside the file from
// being cut short. The package starts no goroutine of its own, the standard library's database/sql does.
//
// # Limits
//
// Apply refuses what every storage refuses, see package storage. Restore takes what an older version has stored, as
// far as the file can hold it: an enumeration in a list of a record (the kind of a tag, the reason of a link, the
// criticality of evidence) must be one of its constants, and times lie between the years -200,000 and 200,000, those
// in lists (of a reference, of an entity) between 0 and 9999. The file must be on a local disk, where processes can
// share memory: a file with a rollback journal gets a write-ahead log when it is opened, and where there can be none
// Open fails, since Views and Applies would wait for each other.
//
// A page of incidents is read in its order, those of one owner by themselves, and its filters are tested row by row.
// Where IDs, numbers, entities, owners or the values of lists are asked for that few incidents have, these are found
// first and then put in order. How many incidents there are in all or of a status and severity, and by value, is
// kept up as they are written; other counts and facets look at each incident that is counted. Categories, triggers
// and fields of entries are tested entry by entry, and the status, severity, source, category and title of alerts alert
// by alert. Items of incidents are found by incident and then put in order; those of one kind before a time are found
// by time, all others are read in their order. A guard looks up each of its keys in each alert to which keys were added
// after its Seq.
//
// # Redaction and purge
//
// What is deleted is overwritten in the file, which keeps its free pages for what comes. The write-ahead log is cut off
// by the Apply that redacts or purges, or the Restore that brings such entries or takes items away, or, while a View
// reads there, by the first one after that View; at the latest when the last process closes the file. Items that
// expire or are replaced may stay in the log until then. The caller must see to copies that [Store.Backup] has made
// before.
//
// # Errors
//
// Those of package storage, and [ErrForeign] and [*VersionError] of Open. A file that is locked for ten seconds, is
// read-only or cannot be opened, and a disk that is full or fails, are [storage.ErrUnavailable]; a disk that fails
// during the commit is [storage.ErrUnknownOutcome]. The error of SQLite is there for [errors.As].
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// Options say how a file is used. The zero Options are the safest.
type Options struct {
	// Relaxed lets Apply return before the disk has confirmed (synchronous NORMAL rather than FULL). It is many
	// times faster where one caller at a time writes. When the power fails, or the operating system does, the
	// last commits may be lost, though what is left is whole; the end of the process alone loses nothing.
	Relaxed bool
}

// A Store is a [storage.Storage] in a file. Make one with [Open].
type Store struct {
	writers, readers *sql.DB
	group            driver.Group[*write]
	writer           *session // of the leader of group
	redacted         bool     // the write-ahead log may hold what was redacted or purged; of the leader of group

	mu     sync.Mutex
	idle   []*session // of Views that are over
	closed bool
	more   chan struct{} // closed when there may be more entries; nil when no Wait runs

	patience time.Duration // of those who wait
}

var (
	_ storage.Storage  = (*Store)(nil)
	_ storage.Restorer = (*Store)(nil)
)

// Open opens the file at path, and makes it when there is none; its folder must be there. Nil Options are the
// zero Options. Beside the file SQLite keeps two of the same name and the endings -wal and -shm while it is open.
//
// A file that is something else is left alone and the error matches [ErrForeign]; one that a later version of
// this package has written is a [*VersionError]. One of an earlier version is brought up to date.
func Open(ctx context.Context, path string, o *Options) (*Store, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, os.ErrInvalid)
	}
	// Connections are made later too, when the working folder may be another one.
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	if o == nil {
		o = new(Options)
	}
	for left := maxTries; ; left-- {
		s, err := open(ctx, absolute, *o)
		if err == nil {
			return s, nil
		}
		if left == 0 || !busy(err) {
			return nil, wrap("open "+path, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("sqlite: open %s: %w", path, ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// maxTries is how often Open tries again. While others open or close the file as the first or the last, SQLite may
// report at once that it is busy, whatever the timeout.
const maxTries = 20

// busy reports whether err says that somebody else has locked the file.
func busy(err error) bool { return code(err) == busyCode }

func open(ctx context.Context, path string, o Options) (*Store, error) {
	if err := look(ctx, path); err != nil {
		return nil, err
	}
	s := &Store{patience: patience}
	s.group = driver.Group[*write]{Commit: s.commit, Max: maxTogether}
	if err := s.connect(ctx, path, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens the file, brings it up to date and cuts off the write-ahead log, in which somebody who did not
// come to Close may have left what was redacted.
func (s *Store) connect(ctx context.Context, path string, o Options) (err error) {
	pragmas := []string{
		"busy_timeout(500)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", // forget sets the timeout of later
		"temp_store(MEMORY)",       // what a savepoint may have to restore needs no file
		"wal_autocheckpoint(4000)", // in pages of 4 KiB: the fewer, the more often the same pages are moved
	}
	if o.Relaxed {
		pragmas[2] = "synchronous(NORMAL)"
	}
	if s.writers, err = sql.Open("sqlite", source(path, pragmas...)); err != nil {
		return err
	}
	if s.readers, err = sql.Open("sqlite", source(path, "busy_timeout(10000)", "query_only(1)")); err != nil {
		return err
	}
	if s.writer, err = newSession(ctx, s.writers); err != nil {
		return err
	}
	if err = s.writer.migrate(ctx); err == nil {
		s.redacted = true
		s.forget(ctx)
	}
	return err
}

// source returns what the driver opens for path, which must be absolute, and for nothing else.
func source(path string, pragmas ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a volume
	}
	return "file:" + url.PathEscape(path) + "?" + url.Values{"_pragma": pragmas}.Encode()
}

// View calls fn with a Reader of the moment of the call; see [storage.Storage]. fn may call Apply, View and Close.
func (s *Store) View(ctx context.Context, fn func(storage.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	session, err := s.session(ctx)
	if err != nil {
		return err
	}
	r := &reader{session: session}
	defer func() { s.end(r) }()
	if err := r.begin(ctx); err != nil {
		return wrap("begin", err)
	}
	return fn(r)
}

// maxIdle is how many connections are kept for Views to come.
const maxIdle = 16

// session returns a connection for a View.
func (s *Store) session(ctx context.Context) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	if last := len(s.idle) - 1; last >= 0 {
		session := s.idle[last]
		s.idle = s.idle[:last]
		return session, nil
	}
	session, err := newSession(ctx, s.readers)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, wrap("connect", err)
	}
	return session, nil
}

// end takes the connection of r back.
func (s *Store) end(r *reader) {
	err := r.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && !s.closed && len(s.idle) < maxIdle {
		s.idle = append(s.idle, r.session)
		return
	}
	r.session.close()
}

// Close waits for the Applies that have been called and closes the file; a second time it returns nil. Views that
// are running go on, and the file is let go of when the last of them ends.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.wake()
	s.mu.Unlock()
	s.group.Close()
	var errs []error
	for _, session := range s.idle {
		errs = append(errs, session.close())
	}
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.writers != nil {
		errs = append(errs, s.writers.Close())
	}
	return errors.Join(errs...)
}

// Backup writes a copy of the file to path, as of one moment and without free pages, while the Store is in use. What
// is at path already is left alone, and the error matches [os.ErrExist].
func (s *Store) Backup(ctx context.Context, path string) error {
	if path == "" || strings.ContainsRune(path, 0) {
		return fmt.Errorf("sqlite: backup to %q: %w", path, os.ErrInvalid)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("sqlite: backup to %s: %w", path, err)
	}
	// The file is made here, because SQLite would write into one that is there and empty.
	f, err := os.OpenFile(absolute, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	err = f.Close()
	if err == nil {
		err = s.copyTo(ctx, absolute)
	}
	if err != nil {
		return errors.Join(wrap("backup to "+path, err), os.Remove(absolute))
	}
	return nil
}

func (s *Store) copyTo(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	session, err := s.session(ctx)
	if err != nil {
		return err
	}
	// query_only would forbid to write to the other file, so that the connection does not serve Views after this.
	err = session.exec(ctx, `PRAGMA query_only = 0`)
	if err == nil {
		err = session.exec(ctx, `VACUUM INTO ?`, path)
	}
	return errors.Join(err, session.close())
}

// A session is a connection with the statements that were prepared on it.
type session struct {
	conn       *sql.Conn
	statements map[string]*statement
}

// A statement is prepared. While its rows are read it serves nobody else.
type statement struct {
	*sql.Stmt
	busy bool
}

// maxStatements is how many statements a session keeps, as there are more forms of a query than anybody asks.
const maxStatements = 200

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn, make(map[string]*statement)}, nil
}

func (s *session) close() error {
	for _, st := range s.statements {
		st.Close()
	}
	return s.conn.Close()
}

// statement returns one that is not busy.
func (s *session) statement(ctx context.Context, query string) (*statement, error) {
	st := s.statements[query]
	if st != nil && !st.busy {
		return st, nil
	}
	prepared, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	fresh := &statement{Stmt: prepared}
	if st == nil && len(s.statements) < maxStatements {
		s.statements[query] = fresh
	}
	return fresh, nil
}

// done gives st back.
func (s *session) done(query string, st *statement) error {
	st.busy = false
	if s.statements[query] == st {
		return nil
	}
	return st.Close()
}

func (s *session) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.execute(ctx, query, args...)
	return err
}

func (s *session) execute(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := st.ExecContext(ctx, args...)
	return result, errors.Join(err, s.done(query, st))
}

// one scans the one row that there is into places, or returns [sql.ErrNoRows].
func (s *session) one(ctx context.Context, query string, args, places []any) error {
	rows, err := s.query(ctx, query, args)
	if err != nil {
		return err
	}
	defer rows.close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(places...); err != nil {
		return err
	}
	return rows.close()
}

// rows are those of a statement.
type rows struct {
	*sql.Rows
	session   *session
	query     string
	statement *statement // nil when it was given back
}

func (s *session) query(ctx context.Context, query string, args []any) (*rows, error) {
	st, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	found, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, errors.Join(err, s.done(query, st))
	}
	st.busy = true
	return &rows{found, s, query, st}, nil
}

func (r *rows) close() error {
	if r.statement == nil {
		return nil
	}
	err := errors.Join(r.Rows.Close(), r.session.done(r.query, r.statement))
	r.statement = nil
	return err
}
