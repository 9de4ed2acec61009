package sqlite_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// Related alerts that two processes take in at the same moment come into one incident.
func TestPairs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	managers.TestPairs(t, open(t, path, nil), childFile+"="+path, childPair+"=pair")
}

func TestCommandIDs(t *testing.T) {
	managers.TestCommandIDs(t, open(t, filepath.Join(t.TempDir(), "x.db"), nil))
}

func TestVersions(t *testing.T) {
	managers.TestVersions(t, open(t, filepath.Join(t.TempDir(), "x.db"), nil))
}

// A text that was typed wherever one can be, corrected and redacted leaves the file: columns, indexes and counts.
func TestACorrectedTextLeavesTheDisk(t *testing.T) {
	const slip = "correct-horse-9"
	by := activity.Actor{ID: "kai"}
	path := filepath.Join(t.TempDir(), "x.db")
	m := manager.New(open(t, path, nil), nil)
	given := alert.Alert{Origin: alert.Origin{Source: "edr", ID: "1"}, Title: slip, Description: slip}
	results, err := m.Ingest(t.Context(), by, []alert.Alert{given})
	require.NoError(t, err)
	id := results[0].Incident
	for _, text := range []string{slip, "other"} {
		e := incident.Edit{
			Name: &text, Description: &text, AddTags: []string{text}, Status: new(incident.Resolved), Note: &text,
			RemoveTags: []string{slip},
		}
		_, err := m.Edit(t.Context(), by, id, e)
		require.NoError(t, err)
		a := incident.AlertEdit{Title: &text, Description: &text, RecommendedActions: &text}
		_, err = m.EditAlerts(t.Context(), by, []alert.ID{results[0].ID}, a)
		require.NoError(t, err)
	}
	var say []activity.ID
	for e, err := range m.Activity(t.Context(), by, activity.Query{}) {
		require.NoError(t, err)
		if text, err := json.Marshal(e); err == nil && strings.Contains(string(text), slip) {
			say = append(say, e.ID)
		}
	}
	require.NotEmpty(t, say)
	require.Positive(t, onDisk(t, path, slip))
	for _, e := range say {
		_, err := m.Redact(t.Context(), by, e, "")
		require.NoError(t, err)
	}
	require.Zero(t, onDisk(t, path, slip))
}

func TestScope(t *testing.T) {
	managers.TestScope(t, open(t, filepath.Join(t.TempDir(), "x.db"), nil))
}

func TestDay(t *testing.T) {
	alerts := 5_000
	if testing.Short() {
		alerts = 500
	}
	managers.TestDay(t, open(t, filepath.Join(t.TempDir(), "x.db"), nil), alerts)
}

// BenchmarkDay takes in a day of few machines with many alerts each, as many as INCIDENTKIT_BENCH_MAX, or
// 1,000.
func BenchmarkDay(b *testing.B) {
	for _, size := range benchmarkSizes() {
		b.Run(fmt.Sprint(size), func(b *testing.B) { managers.BenchmarkDay(b, size, fresh) })
	}
}

func BenchmarkJoin(b *testing.B) {
	managers.BenchmarkJoin(b, benchmarkSizes()[0], fresh)
}

func fresh(tb testing.TB) storage.Storage {
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "x.db"), nil)
	require.NoError(tb, err)
	return s
}

// Sizes are incidents; those above INCIDENTKIT_BENCH_MAX, or 1,000 without it, are left out.
func BenchmarkScope(b *testing.B) {
	for _, size := range benchmarkSizes() {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"), nil)
			require.NoError(b, err)
			defer s.Close()
			managers.BenchmarkScope(b, s, size)
		})
	}
}
