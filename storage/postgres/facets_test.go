package postgres_test

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// requireCounts sees that what is counted is what counting the records gives: from the counts that are kept, and from the
// column of those that another filter selects.
func requireCounts(t *testing.T, s storage.Storage) {
	t.Helper()
	active, high := []incident.Status{incident.Active}, []alert.Severity{alert.High}
	view(t, s, func(r storage.Reader) {
		for _, q := range []incident.Query{
			{}, {Statuses: active}, {Severities: high}, {Statuses: active, Severities: high}, {Except: []incident.Query{{Statuses: active}, {Severities: high}}},
			{Except: []incident.Query{{}}}, {Except: []incident.Query{{Limit: 1, Statuses: active, Except: []incident.Query{{Severities: high}}}}},
			{Tags: []string{"vip"}}, {Text: "n"}, {Statuses: active, Owners: []string{"kai"}},
		} {
			want, err := storage.Facets(t.Context(), struct{ storage.Reader }{r}, q) // no Faceter
			require.NoError(t, err)
			got, err := storage.Facets(t.Context(), r, q)
			require.NoError(t, err)
			require.Equal(t, want, got, "%+v", q)
			n, err := storage.Count(t.Context(), r, q)
			require.NoError(t, err)
			require.Equal(t, want.Total, n, "%+v", q)
		}
	})
}

// TestCountsOfABatch: what is refused is not counted, nor twice what is tried twice, those who are committed with it
// are, and a value that no incident has any more leaves no trace.
func TestCountsOfABatch(t *testing.T) {
	name := tenant(t)
	at := stubborn(t, "not kept")
	s, pool := open(t, at, name), connect(t, at)
	kept := func() []string {
		rows, err := pool.Query(t.Context(), "select distinct facet from incidentkit.facets where tenant = $1 order by facet", name)
		require.NoError(t, err)
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return all
	}
	tagged := func(id incident.ID, version int64, tags ...string) storage.Changeset {
		i := incident.Incident{ID: id, Name: "N", Version: version, Owner: incident.Owner{ID: "kai", Name: "Kai"}, Severity: alert.High}
		for _, name := range tags {
			i.Tags = append(i.Tags, incident.Tag{Name: name})
		}
		i.Alerts.Sources = []string{"edr", "edr"} // twice, and counted twice
		return storage.Changeset{Incidents: []incident.Incident{i}}
	}
	odd := tagged("odd", 0, "\x00\x05", strings.Repeat("long", 1<<7))
	odd.Incidents[0].Status, odd.Incidents[0].Alerts.Criticality = incident.InProgress, 2
	odd.Incidents[0].Owner.Name, odd.Incidents[0].Verdict = "\x00\x01\u2028<", classification.Verdict{Classification: "-\x00", Determination: "A"}
	odd.Incidents[0].Alerts.ThreatActors, odd.Incidents[0].Alerts.Sources = []string{"", "\x00"}, nil

	b := newBatch(t, s)
	b.add(t.Context(), tagged("one", 0, "vip"))
	both := tagged("refused", 0, "refused")
	both.Incidents = append(both.Incidents, incident.Incident{ID: "none", Version: 7})
	b.add(t.Context(), both)
	failed := tagged("failed", 0, "failed")
	failed.Incidents[0].Name = "not kept"
	b.add(t.Context(), failed)
	b.add(t.Context(), tagged("two", 0, "VIP", "vip"))
	b.add(t.Context(), tagged("one", 1, "new")) // over one of the same batch
	b.add(t.Context(), tagged("one", 0, "refused"))
	b.add(t.Context(), odd)
	b.commit()
	for n, ok := range []bool{true, false, false, true, true, false, true} {
		require.Equal(t, ok, b.outcomes[n].err == nil, "Apply %d: %v", n, b.outcomes[n].err)
	}
	requireCounts(t, s)
	assert.Subset(t, kept(), []string{"-", "tnew", "tVIP"})
	assert.NotContains(t, kept(), "tvip")
	assert.NotContains(t, kept(), "trefused")
	assert.NotContains(t, kept(), "tfailed")

	for n, id := range []incident.ID{"odd", "two", "one"} { // which is at version 2
		cs := tagged(id, int64(max(n, 1)))
		cs.Incidents[0].Status = incident.Resolved
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
		requireCounts(t, s)
	}
	assert.Equal(t, []string{"-", "Aedr", `o{"Kind":0,"ID":"kai","Name":"Kai"}`}, kept())
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "odd", Version: 2, Status: incident.Purged}}, Purge: []incident.ID{"odd"}})
	require.NoError(t, err)
	requireCounts(t, s)
	require.NoError(t, s.Restore(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "odd", Version: 9, Number: 3}, {ID: "new", Version: 9, Number: 10, Severity: alert.High}}}))
	requireCounts(t, s)
}

// Databases are kept, so each list stays in its column, whose name is part of its terms.
func TestWhatIsStoredOfLists(t *testing.T) {
	name := tenant(t)
	s, pool := open(t, dsn(t), name), connect(t, dsn(t))
	i := incident.Incident{ID: "i"}
	for l, list := range i.Alerts.Lists() {
		*list = []string{incident.List(l).String()}
	}
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{i}})
	require.NoError(t, err)
	columns := [][2]string{
		{"sources", "sources"},
		{"detection_sources", "detectionSources"},
		{"products", "products"},
		{"categories", "categories"},
		{"techniques", "techniques"},
		{"device_groups", "deviceGroups"},
		{"platforms", "platforms"},
		{"threats", "threats"},
		{"threat_actors", "threatActors"},
	}
	var wanted, terms []int64
	for _, c := range columns {
		var stored []string
		sql := "select " + c[0] + ", terms from incidentkit.incidents where tenant = $1"
		require.NoError(t, pool.QueryRow(t.Context(), sql, name).Scan(&stored, &terms), c[0])
		assert.Equal(t, []string{c[1]}, stored, c[0])
		sum := sha256.Sum256([]byte(name + "\x00" + c[0] + "\x00" + c[1]))
		wanted = append(wanted, int64(binary.LittleEndian.Uint64(sum[:])))
	}
	assert.Equal(t, wanted, terms)
}
