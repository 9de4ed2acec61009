package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// anyFile opens a new file for a check of rapid.
func anyFile(t *testing.T, rt *rapid.T) *sqlite.Store {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), &sqlite.Options{Relaxed: true})
	require.NoError(rt, err)
	return s
}

// Whatever happens, purges included, a file holds and answers what the memory does.
func TestAnyDay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := anyFile(t, rt)
		defer s.Close()
		require.NoError(rt, anyday.Compare(t.Context(), rt, s))
		requireWhole(rt, s)
	})
}

func copyAll(t *testing.T, rt *rapid.T, dst, src storage.Storage) {
	for _, err := range storage.Copy(t.Context(), dst, src) {
		require.NoError(rt, err)
	}
}

// What is copied from the memory to a file, while more comes, is redacted and purged, and from there back is what it was,
// and numbers go on there.
func TestACopyThereAndBackIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		src, back := memory.New(), memory.New()
		s := anyFile(t, rt)
		defer s.Close()
		day := anyday.New(ctx, rt, src)
		for range rapid.IntRange(0, 2).Draw(rt, "copied before") {
			day.Happen(8)
			copyAll(t, rt, s, src)
		}
		day.Happen(8)
		copyAll(t, rt, s, src)
		require.NoError(rt, anyday.Same(ctx, src, s))
		requireWhole(rt, s)
		copyAll(t, rt, back, s)
		require.NoError(rt, anyday.Same(ctx, src, back))

		next := storage.Changeset{Incidents: []incident.Incident{{ID: "next"}}, Activity: []activity.Entry{{ID: "next/0", Incident: "next"}}}
		want, err := src.Apply(ctx, next)
		require.NoError(rt, err)
		got, err := s.Apply(ctx, next)
		require.NoError(rt, err)
		require.Equal(rt, want, got)
	})
}

// Restores and Applies that wait at the same moment are committed together. One that is refused leaves no trace.
func TestRestoresOfOneBatch(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	entry := func(id activity.ID, seq int64) activity.Entry { return activity.Entry{ID: id, Seq: seq} }
	b := newBatch(t, s)
	b.add(t.Context(), one("one"))
	b.restore(storage.Changeset{Incidents: []incident.Incident{{ID: "half", Number: 5, Version: 7}}, Activity: []activity.Entry{entry("half", 9)}})
	b.restore(storage.Changeset{Incidents: []incident.Incident{{ID: "seven", Number: 7, Version: 7}}, Activity: []activity.Entry{entry("seven", 2)},
		Redact: []activity.ID{"one", "none"}})
	b.add(t.Context(), one("next"))
	b.commit()
	for n, want := range []error{nil, storage.ErrExists, nil, nil} {
		assert.ErrorIs(t, *b.errs[n], want, "call %d", n)
	}
	assert.Equal(t, []incident.ID{"one", "seven", "next"}, names(t, s))
	receipt, err := s.Apply(t.Context(), one("last"))
	require.NoError(t, err)
	assert.Equal(t, storage.Receipt{Seq: 4, Numbers: []int64{9}}, receipt)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for e, err := range r.Activity(t.Context(), activity.Query{}) {
			require.NoError(t, err)
			assert.False(t, e.Redacted, "which a Restore does to no entry")
		}
		i, err := r.Incident(t.Context(), "seven")
		require.NoError(t, err)
		assert.Equal(t, int64(7), i.Version)
		return nil
	}))
	requireWhole(t, s)
}

// Who follows hears of what is restored at once: the patience would outlast the test.
func TestFollowersHearOfARestore(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	sqlite.SetPatience(s, time.Hour)
	restored := make(chan error, 3)
	next := int64(1)
	restore := func(seq int64) {
		restored <- s.Restore(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint(seq)), Seq: seq}}})
	}
	restore(next)
	for e, err := range storage.Follow(t.Context(), s, activity.Query{Limit: 3}) {
		require.NoError(t, err)
		assert.Equal(t, next, e.Seq)
		if next++; next <= 3 {
			go restore(next) // while it waits, or just before
		}
	}
	for range 3 {
		require.NoError(t, <-restored)
	}
}

// What a Restore takes away, of an entry that was redacted or purged elsewhere, leaves the disk too.
func TestWhatARestoreTakesAwayLeavesTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	cs := filled("one", 0, 30)
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	require.Positive(t, onDisk(t, path, "one 0"))
	for n, e := range cs.Activity {
		e.Seq = int64(n + 1)
		cs.Activity[n] = e.Skeleton()
	}
	cs.Incidents[0] = incident.Incident{ID: "one", Number: 1, Version: 2, Status: incident.Purged}
	require.NoError(t, s.Restore(t.Context(), storage.Changeset{Incidents: cs.Incidents, Activity: cs.Activity}))
	require.Positive(t, onDisk(t, path, "one 0"), "of the items")
	require.NoError(t, s.Restore(t.Context(), storage.Changeset{Items: cs.Items})) // of Version 0
	assert.Zero(t, onDisk(t, path, "one 0"))
	requireWhole(t, s)
}
