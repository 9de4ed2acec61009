package manager_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A2: under a clock that stands still, each of 1,000 edits has its own entry, and the log has them in the order in
// which they were made, from either end and page by page.
func TestTheLogIsInOrderWhileTheClockStandsStill(t *testing.T) {
	const edits = 1000
	m, _ := open(t)
	id := ingest(t, m, raise(1, 0))[0].Incident
	for n := range edits {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Description: new(fmt.Sprint(n))})
		require.NoError(t, err)
	}
	entries := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Described}}))
	require.Len(t, entries, edits)
	ids := make(map[activity.ID]bool)
	for n, e := range entries {
		ids[e.ID] = true
		assert.Equal(t, start, e.Time)
		assert.Equal(t, entries[0].Seq+int64(n), e.Seq)
		require.Len(t, e.Changes, 1)
		assert.Equal(t, fmt.Sprintf("%q", fmt.Sprint(n)), string(e.Changes[0].After))
		if n > 0 {
			assert.Equal(t, entries[n-1].Changes[0].After, e.Changes[0].Before)
		}
	}
	assert.Len(t, ids, edits)
	var paged []activity.Entry
	for q := (activity.Query{Types: []activity.Type{activity.Described}, Newest: true, Limit: 70}); ; {
		page := all(t, m.Activity(t.Context(), kai, q))
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		q.BeforeSeq = page[len(page)-1].Seq
	}
	require.Len(t, paged, edits)
	for n, e := range paged {
		assert.Equal(t, entries[edits-1-n], e)
	}
}

// A3: after 20,000 edits another one is no more work than the first: it reads as much, and allocates as much. Nothing
// of the log is left out.
func TestALongLogIsNoBurden(t *testing.T) {
	edits := 20_000
	if testing.Short() {
		edits = 4_000
	}
	s := memory.New()
	defer s.Close()
	counted := faulty{Storage: s, calls: new(int)}
	m := manager.New(counted, &manager.Options{Now: func() time.Time { return start }})
	id := ingest(t, m, raise(1, 0))[0].Incident
	n := 0
	edit := func() {
		n++
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Description: new(fmt.Sprintf("%06d", n))})
		require.NoError(t, err)
	}
	work := func() (calls int, allocations float64) {
		allocations = testing.AllocsPerRun(100, edit)
		before := *counted.calls
		edit()
		return *counted.calls - before, allocations
	}
	calls, allocations := work()
	for n < edits {
		edit()
	}
	callsThen, allocationsThen := work()
	assert.Equal(t, calls, callsThen)
	assert.InDelta(t, allocations, allocationsThen, allocations/10)
	assert.Len(t, all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Described}})), n)
}

// A7: who reads the log again from where he was has the same entries, none twice and none left out, whatever was
// written meanwhile.
func TestTheFeedIsTheSameTheSecondTime(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 4)
	steps := []func() error{
		func() error {
			_, err := m.Comment(t.Context(), kai, ids[0], incident.CommentDraft{Text: "hm"})
			return err
		},
		func() error { _, err := m.Merge(t.Context(), kai, ids[0], ids[1:3], ""); return err },
		func() error { _, err := m.Unmerge(t.Context(), kai, ids[1], ""); return err },
		func() error {
			_, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:3"}, ids[0], "")
			return err
		},
		func() error {
			_, err := m.EditAll(t.Context(), kai, incident.Query{}, incident.Edit{AddTags: []string{"x"}})
			return err
		},
	}
	from := func(seq int64) []activity.Entry {
		return all(t, m.Activity(t.Context(), kai, activity.Query{AfterSeq: seq}))
	}
	for _, step := range steps {
		before := everythingIn(t, s).log
		var first [][]activity.Entry
		for seq := range int64(len(before) + 1) {
			first = append(first, from(seq))
		}
		require.NoError(t, step())
		for seq, entries := range first {
			again := from(int64(seq))
			require.Greater(t, len(again), len(entries))
			require.Equal(t, entries, append([]activity.Entry(nil), again[:len(entries)]...))
			for n, e := range again {
				require.Equal(t, int64(seq+n+1), e.Seq)
			}
		}
	}
}

// M10: who mirrors incidents by their entries never sees one that has no alerts and does not say where they went.
func TestAMirrorNeverSeesAnEmptyIncident(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 5)
	_, err := m.Merge(t.Context(), kai, ids[0], ids[1:3], "")
	require.NoError(t, err)
	_, err = m.Merge(t.Context(), kai, ids[3], ids[:1], "")
	require.NoError(t, err)
	_, err = m.Unmerge(t.Context(), kai, ids[0], "")
	require.NoError(t, err)
	ingest(t, m, raise(9, 1, alert.Device{DeviceID: "d3"}, alert.Device{DeviceID: "d4"}))
	for _, e := range everythingIn(t, s).log {
		for _, id := range ids {
			i, err := m.At(t.Context(), kai, id, e.Seq)
			if errors.Is(err, storage.ErrNotFound) {
				continue // not yet
			}
			require.NoError(t, err)
			assert.True(t, (i.Alerts.Count > 0) != (i.RedirectTo != ""), "%s as of entry %d", id, e.Seq)
		}
	}
}
