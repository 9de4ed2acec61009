package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

func open(t *testing.T, path string, o *sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// put stores a new incident.
func put(t *testing.T, s storage.Storage, id incident.ID) {
	t.Helper()
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: id}}})
	require.NoError(t, err)
}

// names returns the IDs of all incidents by number.
func names(t *testing.T, s storage.Storage) (ids []incident.ID) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for i, err := range r.Incidents(t.Context(), incident.Query{Sort: incident.ByNumber, Ascending: true}) {
			if err != nil {
				return err
			}
			ids = append(ids, i.ID)
		}
		return nil
	}))
	return ids
}

func TestWhatWasWrittenIsThereWhenTheFileIsOpenedAgain(t *testing.T) {
	for _, o := range []*sqlite.Options{nil, {}, {Relaxed: true}} {
		path := filepath.Join(t.TempDir(), "x.db")
		s := open(t, path, o)
		put(t, s, "one")
		require.NoError(t, s.Close())
		s = open(t, path, o)
		put(t, s, "two")
		assert.Equal(t, []incident.ID{"one", "two"}, names(t, s))
	}
}

// Nothing in a path means anything to SQLite, and no other file is opened than the one it names.
func TestPathsAreTakenLiterally(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"plain.db", "a?mode=memory", "a#b", "100%", "a%3fb", "with space", ":memory:", "file:x?mode=memory&cache=shared", "a&b=c;d", "'quoted'", "été 日本", "a\nb",
	} {
		dir := t.TempDir()
		for _, path := range []string{filepath.Join(dir, name), name} {
			s := open(t, path, nil)
			put(t, s, "here")
			require.NoError(t, s.Close())
			info, err := os.Stat(path)
			require.NoError(t, err, "%q", path)
			assert.True(t, info.Mode().IsRegular())
			assert.Equal(t, []incident.ID{"here"}, names(t, open(t, path, nil)), "%q", path)
		}
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			assert.True(t, strings.HasPrefix(e.Name(), name), "%q made %q", name, e.Name())
		}
	}
	for _, path := range []string{"", "a\x00b", filepath.Join(t.TempDir(), "no folder", "x.db"), t.TempDir()} {
		_, err := sqlite.Open(t.Context(), path, nil)
		assert.Error(t, err, "%q", path)
	}
}

// A path is that of the moment of Open, though connections are made later.
func TestThePathDoesNotMoveWithTheWorkingFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "x.db", nil)
	put(t, s, "one")
	t.Chdir(t.TempDir())
	assert.Equal(t, []incident.ID{"one"}, names(t, s))
	assert.NoFileExists(t, "x.db")
}

// change does something to the file with SQL.
func change(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestAFileOfSomethingElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	change(t, foreign, `CREATE TABLE mine (x)`)
	marked := filepath.Join(dir, "marked.db")
	change(t, marked, `PRAGMA application_id = 1`)
	text := filepath.Join(dir, "text.db")
	require.NoError(t, os.WriteFile(text, bytes.Repeat([]byte("no database\n"), 1000), 0o600))
	for _, path := range []string{foreign, marked, text} {
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = sqlite.Open(t.Context(), path, nil)
		require.Error(t, err)
		assert.Equal(t, 1, strings.Count(err.Error(), path), err)
		assert.NotContains(t, err.Error(), "\n")
		assert.ErrorIs(t, err, sqlite.ErrForeign)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, before, after, "the file was changed")
	}
}

func TestAFileOfALaterVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	require.NoError(t, open(t, path, nil).Close())
	change(t, path, `PRAGMA user_version = 999`)
	_, err := sqlite.Open(t.Context(), path, nil)
	version, ok := errors.AsType[*sqlite.VersionError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 999, version.File)
	migrations, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	assert.Equal(t, len(migrations), version.Known)
	assert.Contains(t, version.Error(), "999")
	assert.Contains(t, version.Error(), fmt.Sprint("up to ", len(migrations)))
}

// Whoever comes first makes the file, and the others find it made.
func TestManyOpenANewFileAtOnce(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "x.db")
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() {
				s, err := sqlite.Open(t.Context(), path, nil)
				if !assert.NoError(t, err) {
					return
				}
				_, err = s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(fmt.Sprint(n))}}})
				assert.NoError(t, err)
				assert.NoError(t, s.Close())
			})
		}
		all.Wait()
		assert.Len(t, names(t, open(t, path, nil)), 6)
	}
}

func TestOpenLooksAtItsContext(t *testing.T) {
	over, stop := context.WithCancel(t.Context())
	stop()
	_, err := sqlite.Open(over, filepath.Join(t.TempDir(), "x.db"), nil)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "x.db"), nil)
	put(t, s, "one")
	copied := filepath.Join(dir, "copy ?#%.db")
	require.NoError(t, s.View(t.Context(), func(storage.Reader) error { return s.Backup(t.Context(), copied) }), "while a View reads")
	put(t, s, "two")
	before, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.ErrorIs(t, s.Backup(t.Context(), copied), os.ErrExist)
	after, err := os.ReadFile(copied)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	c := open(t, copied, nil)
	put(t, c, "three")
	assert.Equal(t, []incident.ID{"one", "three"}, names(t, c))
	assert.Equal(t, []incident.ID{"one", "two"}, names(t, s))

	over, stop := context.WithCancel(t.Context())
	stop()
	third := filepath.Join(dir, "third.db")
	require.ErrorIs(t, s.Backup(over, third), context.Canceled)
	assert.NoFileExists(t, third, "nothing is left of one that failed")
	require.Error(t, s.Backup(t.Context(), ""))
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Backup(t.Context(), third), storage.ErrClosed)
	assert.NoFileExists(t, third)
}

// What is redacted leaves the file and the log beside it, as soon as nobody reads them.
func TestWhatIsRedactedLeavesTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	secret, image := []byte("the-secret-text"), []byte("the-secret-image")
	var cs storage.Changeset
	for n := range 40 {
		cs.Activity = append(cs.Activity, activity.Entry{ID: activity.ID(fmt.Sprint("e", n)), Text: strings.Repeat("x", 50*n)})
	}
	cs.Activity[20].Text = strings.Repeat(string(secret), 400) // longer than a page
	cs.Activity[30].Text = string(secret)
	cs.Activity[30].Attachments = []activity.Attachment{{Name: string(secret), SHA256: "d"}}
	cs.Contents = []activity.Content{{SHA256: "d", Data: bytes.Repeat(image, 1000)}}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	found := func() int { return onDisk(t, path, string(secret), string(image)) }
	require.Positive(t, found())
	require.NoError(t, s.View(t.Context(), func(storage.Reader) error {
		_, err := s.Apply(t.Context(), storage.Changeset{Redact: []activity.ID{"e20", "e30"}})
		return err
	}))
	put(t, s, "when the View is over")
	assert.Zero(t, found())
}

// A full disk is an error that says so, keeps nothing, and passes.
func TestAFullDiskIsAnErrorAndPasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	put(t, s, "before")
	require.NoError(t, s.FillDisk(t.Context(), true))
	large := storage.Changeset{Incidents: []incident.Incident{{ID: "large",
		Extra: alert.Fields(`{"x":"` + strings.Repeat("x", 1<<19) + `"}`)}}}
	_, err := s.Apply(t.Context(), large)
	require.ErrorContains(t, err, "full")
	assert.Equal(t, []incident.ID{"before"}, names(t, s))
	put(t, s, "small")
	require.NoError(t, s.FillDisk(t.Context(), false))
	_, err = s.Apply(t.Context(), large)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.Equal(t, []incident.ID{"before", "small", "large"}, names(t, open(t, path, nil)))
}

// The moment of a View is that of the call, whether it has read anything or not.
func TestAViewIsOfTheMomentOfTheCall(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		put(t, s, "late")
		_, err := r.Incident(t.Context(), "late")
		assert.ErrorIs(t, err, storage.ErrNotFound)
		return nil
	}))
}

// What has no place in the file is refused, and nothing of its Changeset is kept.
func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	for _, i := range []incident.Incident{
		{ID: "time", Updated: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{ID: "kind", Tags: []incident.Tag{{Name: "t", Kind: 99}}},
	} {
		_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "good"}, i}})
		assert.Error(t, err, i.ID)
	}
	assert.Empty(t, names(t, s))
	put(t, s, "good")
}

// The last View to end lets go of the file: SQLite then takes the log beside it away.
func TestAViewThatOutlivesCloseLetsGoOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	put(t, s, "one")
	require.NoError(t, s.View(t.Context(), func(storage.Reader) error {
		require.NoError(t, s.Close())
		assert.FileExists(t, path+"-wal")
		return nil
	}))
	assert.NoFileExists(t, path+"-wal")
}

func TestAContentThatOnlyARedactedEntryNamesIsNotKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	_, err := s.Apply(t.Context(), storage.Changeset{
		Activity: []activity.Entry{{ID: "e", Redacted: true, Attachments: []activity.Attachment{{SHA256: "d"}}}},
		Contents: []activity.Content{{SHA256: "d", Data: []byte("x")}},
	})
	require.NoError(t, err)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		_, err := r.Content(t.Context(), "d")
		assert.ErrorIs(t, err, storage.ErrNotFound)
		return nil
	}))
}

// The same query may be read inside itself, and a sequence that nobody ends is ended with the View.
func TestSequencesOfOneStatement(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	for _, id := range []incident.ID{"a", "b", "c"} {
		put(t, s, id)
	}
	var next func() (incident.Incident, error, bool)
	var stop func()
	for range 3 { // on one connection, which each View gives back
		var read []incident.ID
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			for i, err := range r.Incidents(t.Context(), incident.Query{}) {
				require.NoError(t, err)
				for j, err := range r.Incidents(t.Context(), incident.Query{}) {
					require.NoError(t, err)
					read = append(read, i.ID+j.ID)
				}
			}
			next, stop = iter.Pull2(r.Incidents(t.Context(), incident.Query{}))
			i, err, ok := next()
			require.True(t, ok)
			require.NoError(t, err)
			assert.Equal(t, incident.ID("c"), i.ID)
			return nil
		}))
		assert.Equal(t, []incident.ID{"cc", "cb", "ca", "bc", "bb", "ba", "ac", "ab", "aa"}, read)
		_, err, ok := next()
		assert.True(t, ok)
		assert.ErrorIs(t, err, storage.ErrClosed)
		stop()
	}
}

func TestAReaderIsOfNoUseAfterItsView(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	put(t, s, "one")
	var r storage.Reader
	require.NoError(t, s.View(t.Context(), func(reader storage.Reader) error { r = reader; return nil }))
	_, err := r.Incident(t.Context(), "one")
	assert.ErrorIs(t, err, storage.ErrClosed)
	for _, err := range r.Incidents(t.Context(), incident.Query{}) {
		assert.ErrorIs(t, err, storage.ErrClosed)
	}
}

// lock keeps others from writing to the file until release is called.
func lock(t *testing.T, path string) (release func()) {
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	require.NoError(t, err)
	return func() {
		_, err := conn.ExecContext(t.Context(), `ROLLBACK`)
		require.NoError(t, errors.Join(err, conn.Close(), db.Close()))
	}
}
