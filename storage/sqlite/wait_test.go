package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// Who follows the log through one Store sees what is written through another on the same file, each entry once and
// in order, though nobody tells it.
func TestFollowersOfAnotherStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incidents.db")
	writer, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer writer.Close()
	follower, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer follower.Close()
	const entries = 20
	written := make(chan error, 1)
	seen := make(chan int64) // each entry is written when the one before was seen
	go func() {
		for n := range entries {
			_, err := writer.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint("e", n)), Incident: "i", Type: activity.Renamed}}})
			if err != nil {
				written <- err
				return
			}
			if n == entries/2 {
				<-seen // so that it has to wait once
			}
		}
		written <- nil
	}()
	next := int64(1)
	for e, err := range storage.Follow(t.Context(), follower, activity.Query{Limit: entries}) {
		require.NoError(t, err)
		assert.Equal(t, next, e.Seq)
		if next == entries/2+1 {
			seen <- next
		}
		next++
	}
	assert.EqualValues(t, entries+1, next)
	require.NoError(t, <-written)
}

// What a Store commits itself it hears of, without looking again: its patience would outlast the test.
func TestFollowersOfTheStoreItself(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "incidents.db"), nil)
	require.NoError(t, err)
	defer s.Close()
	sqlite.SetPatience(s, time.Hour)
	const entries = 20
	write := func(n int) error {
		_, err := s.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint("e", n)), Incident: "i", Type: activity.Renamed}}})
		return err
	}
	require.NoError(t, write(1))
	next, written := int64(1), make(chan error, entries)
	for e, err := range storage.Follow(t.Context(), s, activity.Query{Limit: entries}) {
		require.NoError(t, err)
		assert.Equal(t, next, e.Seq)
		if next++; next <= entries {
			go func(n int) { written <- write(n) }(int(next)) // while it waits, or just before
		}
	}
	for range entries - 1 {
		require.NoError(t, <-written)
	}
	assert.EqualValues(t, entries+1, next)
}
