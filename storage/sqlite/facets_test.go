package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// requireCounts sees that the counts that are kept are those of the incidents.
func requireCounts(t require.TestingT, r storage.Reader) {
	ctx := context.Background()
	for _, q := range []incident.Query{{}, {Statuses: []incident.Status{incident.Active}}, {Severities: []alert.Severity{alert.High}}} {
		want, err := storage.Facets(ctx, struct{ storage.Reader }{r}, q) // no Faceter
		require.NoError(t, err)
		got, err := storage.Facets(ctx, r, q)
		require.NoError(t, err)
		require.Equal(t, want, got, "%+v", q)
		n, err := storage.Count(ctx, r, q)
		require.NoError(t, err)
		require.Equal(t, want.Total, n, "%+v", q)
	}
}

func requireCountsOf(t *testing.T, s storage.Storage) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error { requireCounts(t, r); return nil }))
}

// What is refused is not counted, those who are committed with it are, and what an incident has no more is gone.
func TestCountsOfOneBatch(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	tagged := func(id incident.ID, version int64, tags ...string) storage.Changeset {
		i := incident.Incident{ID: id, Version: version, Owner: incident.Owner{ID: "kai", Name: "Kai"}, Severity: alert.High}
		for _, name := range tags {
			i.Tags = append(i.Tags, incident.Tag{Name: name})
		}
		i.Alerts.Sources = []string{"edr", "edr"} // twice, and counted twice
		return storage.Changeset{Incidents: []incident.Incident{i}}
	}
	b := newBatch(t, s)
	b.add(t.Context(), tagged("one", 0, "vip"))
	both := tagged("refused", 0, "refused")
	both.Incidents = append(both.Incidents, incident.Incident{ID: "none", Version: 7})
	b.add(t.Context(), both)
	b.add(t.Context(), tagged("two", 0, "VIP", "vip"))
	b.add(t.Context(), tagged("one", 1, "new")) // over one of the same batch
	b.commit()
	require.NoError(t, *b.errs[0])
	require.ErrorIs(t, *b.errs[1], storage.ErrConflict)
	require.NoError(t, *b.errs[2])
	require.NoError(t, *b.errs[3])
	odd := tagged("odd", 0)
	odd.Incidents[0].Owner.Kind, odd.Incidents[0].Status, odd.Incidents[0].Severity, odd.Incidents[0].Alerts.Criticality = 99, 200, 255, 77
	odd.Incidents[0].Number, odd.Incidents[0].Version = 3, 1
	require.NoError(t, s.Restore(t.Context(), odd), "of a version that knows more values")
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		n, err := storage.Count(t.Context(), r, incident.Query{})
		assert.Equal(t, 3, n)
		return err
	}))
	odd = tagged("odd", 1)
	_, err := s.Apply(t.Context(), odd)
	require.NoError(t, err)

	rows, err := s.FacetCounts(t.Context())
	require.NoError(t, err)
	assert.Subset(t, rows, []string{"-", "tnew", "tVIP"})
	for _, gone := range []string{"tvip", "trefused"} {
		assert.NotContains(t, rows, gone)
	}
	for _, id := range []incident.ID{"one", "two"} {
		cs := tagged(id, map[incident.ID]int64{"one": 2, "two": 1}[id])
		cs.Incidents[0].Status = incident.Resolved
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
		requireCountsOf(t, s)
	}
	rows, err = s.FacetCounts(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"-", `o{"Kind":0,"ID":"kai","Name":"Kai"}`, "Aedr"}, rows)
}

// One that fails for another reason than what is stored has been counted for nobody.
func TestCountsOfABatchThatIsTriedAgain(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	b := newBatch(t, s)
	b.add(t.Context(), one("one"))
	b.restore(storage.Changeset{Incidents: []incident.Incident{ // which does not look at limits
		{ID: "kind", Number: 2, Version: 1, Tags: []incident.Tag{{Name: "t", Kind: 99}}},
	}})
	b.add(t.Context(), one("two"))
	b.commit()
	require.Error(t, *b.errs[1])
	requireCountsOf(t, s)
	assert.Equal(t, []incident.ID{"one", "two"}, names(t, s))
}

// Files are kept, so each list stays in its column, and its values in their field of incident_values.
func TestWhatIsStoredOfLists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	i := incident.Incident{ID: "i"}
	for l, list := range i.Alerts.Lists() {
		*list = []string{incident.List(l).String()}
	}
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{i}})
	require.NoError(t, err)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	for column, want := range map[string]struct {
		field int
		name  string
	}{
		"sources":           {2, "sources"},
		"detection_sources": {3, "detectionSources"},
		"products":          {4, "products"},
		"categories":        {5, "categories"},
		"techniques":        {6, "techniques"},
		"device_groups":     {7, "deviceGroups"},
		"platforms":         {8, "platforms"},
		"threats":           {9, "threats"},
		"threat_actors":     {10, "threatActors"},
	} {
		var stored, value string
		sql := `SELECT ` + column + ` ->> 0, value FROM incidents JOIN incident_values USING (number) WHERE field = ?`
		require.NoError(t, db.QueryRowContext(t.Context(), sql, want.field).Scan(&stored, &value), column)
		assert.Equal(t, want.name, stored, column)
		assert.Equal(t, want.name, value, column)
	}
}
