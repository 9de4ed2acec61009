package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	modernc "modernc.org/sqlite"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/phrase"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// A file that is locked, full or read-only is ErrUnavailable through a Manager: nothing is kept, and the same command
// succeeds later.
func TestUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	require.NoError(t, s.SetTimeout(t.Context(), 20*time.Millisecond))
	m, kai := manager.New(s, nil), activity.Actor{ID: "kai"}
	i, err := m.Create(t.Context(), kai, incident.Draft{Name: "n"})
	require.NoError(t, err)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	other, err := db.Conn(t.Context())
	require.NoError(t, err)
	exec := func(c *sql.Conn, query string) error {
		_, err := c.ExecContext(t.Context(), query)
		return err
	}
	for what, c := range map[string]struct {
		code        int
		begin, done func() error
	}{
		"locked": {
			5, func() error { return exec(other, `BEGIN IMMEDIATE`) }, func() error { return exec(other, `ROLLBACK`) },
		},
		"full": {
			13,
			func() error { return s.FillDisk(t.Context(), true) },
			func() error { return s.FillDisk(t.Context(), false) },
		},
		"read-only": {
			8,
			func() error { return s.ReadOnly(t.Context(), true) },
			func() error { return s.ReadOnly(t.Context(), false) },
		},
	} {
		text := what + strings.Repeat(" x", 14_000)
		comment := func() error {
			for n := range 20 { // more than there is room for
				id := manager.CommandID(what + string(rune('a'+n)))
				if _, err := m.Comment(t.Context(), kai, i.ID, incident.CommentDraft{Text: text}, id); err != nil {
					return err
				}
			}
			return nil
		}
		require.NoError(t, c.begin(), what)
		err := comment()
		require.ErrorIs(t, err, storage.ErrUnavailable, what)
		assert.NotErrorIs(t, err, storage.ErrUnknownOutcome, what)
		assert.ErrorContains(t, err, what)
		assert.Empty(t, phrase.Twice(err.Error()), err.Error())
		cause, ok := errors.AsType[*modernc.Error](err)
		if assert.True(t, ok, what) {
			assert.Equal(t, c.code, cause.Code()&0xff, what)
		}
		require.NoError(t, c.done(), what)
		require.NoError(t, comment(), what)
		found := 0
		for e, err := range m.Activity(t.Context(), kai, activity.Query{}) {
			require.NoError(t, err)
			if strings.HasPrefix(e.Text, what) {
				found++
			}
		}
		assert.Equal(t, 20, found, what)
	}
	_, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "none", "x.db"), nil)
	require.ErrorIs(t, err, storage.ErrUnavailable)
}

// What the storage refuses says nothing twice.
func TestErrorsSayNothingTwice(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	put(t, s, "there")
	_, exists := s.Apply(t.Context(), one("there"))
	_, conflict := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "there", Version: 7}}})
	_, missing := s.Apply(t.Context(), storage.Changeset{Redact: []activity.ID{"none"}})
	long := time.Date(-300_000, 1, 1, 0, 0, 0, 0, time.UTC)
	_, early := s.Apply(t.Context(), storage.Changeset{Items: []storage.Item{{Kind: "k", Key: "k", Time: long}}})
	var late storage.Reader
	absent := s.View(t.Context(), func(r storage.Reader) error {
		late = r
		_, err := r.Alert(t.Context(), "none")
		return err
	})
	_, over := late.Alert(t.Context(), "none")
	canceled, stop := context.WithCancel(t.Context())
	stop()
	_, canceledErr := s.Apply(canceled, one("canceled"))
	for _, c := range []struct{ err, want error }{
		{exists, storage.ErrExists}, {conflict, storage.ErrConflict}, {missing, storage.ErrNotFound}, {early, nil},
		{absent, storage.ErrNotFound}, {over, storage.ErrClosed}, {canceledErr, context.Canceled},
	} {
		require.Error(t, c.err)
		assert.Empty(t, phrase.Twice(c.err.Error()), c.err.Error())
		if c.want != nil {
			assert.ErrorIs(t, c.err, c.want)
		}
	}
}

// What fails the commit leaves it unknown, except for a lock, which SQLite reports before it writes.
func TestUncommitted(t *testing.T) {
	failed := sqlite.Uncommitted(errors.New("broken"))
	require.ErrorIs(t, failed, storage.ErrUnknownOutcome)
	assert.NotErrorIs(t, failed, storage.ErrUnavailable)
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	for range 2 {
		c, connectErr := db.Conn(t.Context())
		require.NoError(t, connectErr)
		defer c.Close()
		_, err = c.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	}
	require.Error(t, err)
	busy := sqlite.Uncommitted(err)
	require.ErrorIs(t, busy, storage.ErrUnavailable)
	assert.NotErrorIs(t, busy, storage.ErrUnknownOutcome)
}
