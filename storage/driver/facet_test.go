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
	i.Status = incident.Status(rapid.IntRange(0, 9).Draw(t, "status"))
	i.Severity = alert.Severity(rapid.IntRange(0, 9).Draw(t, "severity"))
	i.Owner = incident.Owner{
		Kind: alert.OwnerKind(rapid.IntRange(0, 3).Draw(t, "kind")),
		ID:   text.Draw(t, "owner"),
		Name: text.Draw(t, "name"),
	}
	i.Verdict.Classification = classification.Classification(text.Draw(t, "classification"))
	i.Verdict.Determination = classification.Determination(text.Draw(t, "determination"))
	for _, name := range some("tags") {
		i.Tags = append(i.Tags, incident.Tag{Name: name})
	}
	i.Alerts.Criticality = alert.Criticality(rapid.IntRange(0, 5).Draw(t, "criticality"))
	for l, list := range i.Alerts.Lists() {
		*list = some(incident.List(l).String())
	}
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

// Storages keep facets and have the columns, so what stands for a list stays.
func TestWhatIsStoredOfLists(t *testing.T) {
	for l, want := range []struct {
		facet  driver.Facet
		column string
		field  func(*incident.Summary) *[]string
		counts func(*storage.Counts) *map[string]int
	}{
		{"Av", "sources", func(s *incident.Summary) *[]string { return &s.Sources },
			func(c *storage.Counts) *map[string]int { return &c.Sources }},
		{"Bv", "detection_sources", func(s *incident.Summary) *[]string { return &s.DetectionSources },
			func(c *storage.Counts) *map[string]int { return &c.DetectionSources }},
		{"Cv", "products", func(s *incident.Summary) *[]string { return &s.Products },
			func(c *storage.Counts) *map[string]int { return &c.Products }},
		{"Dv", "categories", func(s *incident.Summary) *[]string { return &s.Categories },
			func(c *storage.Counts) *map[string]int { return &c.Categories }},
		{"Ev", "techniques", func(s *incident.Summary) *[]string { return &s.Techniques },
			func(c *storage.Counts) *map[string]int { return &c.Techniques }},
		{"Fv", "device_groups", func(s *incident.Summary) *[]string { return &s.DeviceGroups },
			func(c *storage.Counts) *map[string]int { return &c.DeviceGroups }},
		{"Gv", "platforms", func(s *incident.Summary) *[]string { return &s.Platforms },
			func(c *storage.Counts) *map[string]int { return &c.Platforms }},
		{"Hv", "threats", func(s *incident.Summary) *[]string { return &s.Threats },
			func(c *storage.Counts) *map[string]int { return &c.Threats }},
		{"Iv", "threat_actors", func(s *incident.Summary) *[]string { return &s.ThreatActors },
			func(c *storage.Counts) *map[string]int { return &c.ThreatActors }},
	} {
		assert.Equal(t, want.column, driver.Column(incident.List(l)))
		var i incident.Incident
		*want.field(&i.Alerts) = []string{"v"}
		assert.Equal(t, []driver.Facet{driver.EveryIncident, want.facet}, driver.FacetsOf(&i), want.column)
		var got, counts storage.Counts
		*want.counts(&counts) = map[string]int{"v": 2}
		require.NoError(t, driver.AddFacet(&got, want.facet, 0, 0, 2))
		assert.Equal(t, counts, got, want.column)
	}
	// Letters of the other fields are lower case, and so the lists may be as many as there are capitals.
	assert.LessOrEqual(t, incident.Lists, 26)
}

// What no incident counts for is not counted.
func TestFacetsThatAreNone(t *testing.T) {
	var c storage.Counts
	for _, f := range []driver.Facet{"", "?", "o{", "rx", "r256", driver.Facet(rune('A'+incident.Lists)) + "x", "@x"} {
		assert.Error(t, driver.AddFacet(&c, f, 0, 0, 1), "%q", f)
	}
	assert.Equal(t, storage.Counts{}, c)
}

// Answers can come from counts by status and severity where a query asks for nothing else, what it excepts included.
func TestByStatusAndSeverity(t *testing.T) {
	high, mine := incident.Query{Severities: []alert.Severity{alert.High}}, incident.Query{Owners: []string{"kai"}}
	assert.True(t, driver.ByStatusAndSeverity(incident.Query{}))
	assert.True(t,
		driver.ByStatusAndSeverity(incident.Query{
			Statuses: []incident.Status{incident.Active},
			Except:   []incident.Query{high, {Except: []incident.Query{high}, Limit: 1}},
		}),
	)
	assert.False(t, driver.ByStatusAndSeverity(mine))
	assert.False(t, driver.ByStatusAndSeverity(incident.Query{Except: []incident.Query{high, mine}}))
	assert.False(t,
		driver.ByStatusAndSeverity(incident.Query{Except: []incident.Query{{Except: []incident.Query{mine}}}}),
	)
}
