package sqlite_test

import (
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
	"github.com/incidentkit/incidentkit/storage/storagetest"
)

var long = flag.Bool("long", false, "run the whole suite")

// TestStorage runs the suite. With -long, as the gate asks, the cases that take long and those through two handles run
// as well.
func TestStorage(t *testing.T) {
	t.Parallel()
	options := []storagetest.Option{storagetest.Reopen(func(t *testing.T, s storage.Storage) storage.Storage {
		path := s.(file).path
		return file{open(t, path, nil), path}
	})}
	if !*long {
		options = append(options, storagetest.Again())
	}
	storagetest.Run(t, func(t *testing.T) storage.Storage {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "incidents.db")
		return file{open(t, path, nil), path}
	}, options...)
}

// A file is a Store that knows where it is.
type file struct {
	*sqlite.Store
	path string
}

// A file with a rollback journal, which VACUUM and other programs leave, has a write-ahead log once it is open, so that
// Views and Applies do not wait for each other there either. Nobody takes that away while it is open. All else is as in
// any other file, for which TestStorage runs the suite.
func TestAFileWithARollbackJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incidents.db")
	before := open(t, path, nil)
	put(t, before, "one")
	require.NoError(t, before.Close())
	change(t, path, `PRAGMA journal_mode = DELETE`)
	require.Equal(t, "delete", journal(t, path))
	s := open(t, path, nil)
	require.Equal(t, "wal", journal(t, path))
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `PRAGMA journal_mode = DELETE`)
	require.ErrorContains(t, err, "locked")
	require.NoError(t, db.Close())

	ids := func(r storage.Reader) (ids []incident.ID) {
		for i, err := range r.Incidents(t.Context(), incident.Query{Sort: incident.ByNumber, Ascending: true}) {
			require.NoError(t, err)
			ids = append(ids, i.ID)
		}
		return ids
	}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		put(t, s, "two") // does not wait for the View
		assert.Equal(t, []incident.ID{"one"}, ids(r))
		return nil
	}))
	release := lock(t, path)
	assert.Equal(t, []incident.ID{"one", "two"}, names(t, s), "a View does not wait for who writes")
	release()
}

// journal returns how the file is kept whole.
func journal(t *testing.T, path string) (mode string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	require.NoError(t, db.QueryRowContext(t.Context(), `PRAGMA journal_mode`).Scan(&mode))
	require.NoError(t, db.Close())
	return mode
}

// Where there can be no write-ahead log, because processes cannot share memory there, the file is not opened: with a
// rollback journal a View would keep Apply waiting.
func TestWithoutSharedMemoryAFileIsNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incidents.db")
	require.NoError(t, open(t, path, nil).Close())
	change(t, path, `PRAGMA journal_mode = DELETE`)
	require.NoError(t, os.Mkdir(path+"-shm", 0o700)) // where the memory would be
	_, err := sqlite.Open(t.Context(), path, nil)
	require.ErrorContains(t, err, path)
	require.NoError(t, os.Remove(path+"-shm"))
	put(t, open(t, path, nil), "one")
}
