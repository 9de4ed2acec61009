package driver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

func anyIncident(t *rapid.T) (i incident.Incident) {
	text := rapid.SampledFrom([]string{"", "a", "A", "<ß>", "ss", "\x00"})
	some := func(what string) []string { return rapid.SliceOfN(text, 0, 2).Draw(t, what) }
	i.Status, i.Severity = incident.Status(rapid.IntRange(0, 9).Draw(t, "status")), alert.Severity(rapid.IntRange(0, 9).Draw(t, "severity"))
	i.Owner = incident.Owner{Kind: alert.OwnerKind(rapid.IntRange(0, 3).Draw(t, "kind")), ID: text.Draw(t, "owner"), Name: text.Draw(t, "name")}
	i.Verdict.Classification = classification.Classification(text.Draw(t, "classification"))
	i.Verdict.Determination = classification.Determination(text.Draw(t, "determination"))
	for _, name := range some("tags") {
		i.Tags = append(i.Tags, incident.Tag{Name: name})
	}
	s := &i.Alerts
	s.Criticality = alert.Criticality(rapid.IntRange(0, 5).Draw(t, "criticality"))
	s.Sources, s.DetectionSources, s.Products, s.Categories, s.Techniques = some("sources"), some("sensors"), some("products"), some("categories"), some("techniques")
	s.DeviceGroups, s.Platforms, s.Threats, s.ThreatActors = some("groups"), some("platforms"), some("threats"), some("actors")
	return i
}

// Counts that are kept facet by facet, in any order, and taken back for what is no more, are those of the incidents
// one by one.
func TestFacetsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type row struct {
			facet    driver.Facet
			status   incident.Status
			severity alert.Severity
		}
		kept := make(map[row]int)
		var want, got storage.Counts
		for range rapid.IntRange(0, 6).Draw(t, "incidents") {
			i, n := anyIncident(t), 1
			gone := rapid.Bool().Draw(t, "gone")
			if !gone {
				want.Add(&i)
			}
			for _, f := range driver.FacetsOf(&i) {
				if kept[row{f, i.Status, i.Severity}] += n; gone {
					kept[row{f, i.Status, i.Severity}] -= n
				}
			}
		}
		for r, n := range kept {
			if n != 0 {
				require.NoError(t, driver.AddFacet(&got, r.facet, r.status, r.severity, n))
			}
		}
		require.Equal(t, want, got)
	})
}

// What no incident counts for is not counted.
func TestFacetsThatAreNone(t *testing.T) {
	var c storage.Counts
	for _, f := range []driver.Facet{"", "?", "o{", "rx", "r256", "Jx", "@x"} {
		assert.Error(t, driver.AddFacet(&c, f, 0, 0, 1), "%q", f)
	}
	assert.Equal(t, storage.Counts{}, c)
}

// Answers can come from counts by status and severity where a query asks for nothing else, what it excepts included.
func TestByStatusAndSeverity(t *testing.T) {
	high, mine := incident.Query{Severities: []alert.Severity{alert.High}}, incident.Query{Owners: []string{"kai"}}
	assert.True(t, driver.ByStatusAndSeverity(incident.Query{}))
	assert.True(t, driver.ByStatusAndSeverity(incident.Query{Statuses: []incident.Status{incident.Active}, Except: []incident.Query{high, {Except: []incident.Query{high}, Limit: 1}}}))
	assert.False(t, driver.ByStatusAndSeverity(mine))
	assert.False(t, driver.ByStatusAndSeverity(incident.Query{Except: []incident.Query{high, mine}}))
	assert.False(t, driver.ByStatusAndSeverity(incident.Query{Except: []incident.Query{{Except: []incident.Query{mine}}}}))
}
