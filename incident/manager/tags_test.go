package manager_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// controller is the n-th alert, about a domain controller of its own.
func controller(n int) alert.Alert {
	a := raise(n, 0, alert.Device{DeviceID: fmt.Sprint("dc", n)})
	a.Evidence[0].Tags = []string{"Domain Controller"}
	return a
}

var domainController = alert.Tag{Name: "Domain Controller", Kind: alert.CriticalAsset}

// Whichever way an alert comes in, the rules say what it brings, and not whoever sends it.
func TestRulesApplyToAllThatComesIn(t *testing.T) {
	for way, take := range map[string]func(*manager.Manager, alert.Alert) error{
		"Ingest": func(m *manager.Manager, a alert.Alert) error {
			_, err := m.Ingest(t.Context(), siem, []alert.Alert{a})
			return err
		},
		"Create": func(m *manager.Manager, a alert.Alert) error {
			_, err := m.Create(t.Context(), kai, incident.Draft{Alerts: []alert.Alert{a}})
			return err
		},
		"Import": func(m *manager.Manager, a alert.Alert) error {
			d := draft()
			d.Alerts = []alert.Alert{a}
			_, _, err := m.Import(t.Context(), siem, d)
			return err
		},
	} {
		for _, c := range []struct {
			rules *incident.TagRules
			tags  []alert.Tag
			level alert.Criticality
		}{
			{nil, []alert.Tag{domainController}, alert.VeryHighCriticality},
			{new(incident.TagRules), nil, alert.NotCritical},
			{&incident.TagRules{Assets: []incident.AssetRule{
				{Name: "mine", Criticality: alert.LowCriticality, Keys: []string{"device:dc*"}},
				{Name: "not valid", Criticality: 9, Keys: []string{"*"}}, // left out, and the other is not
			}}, []alert.Tag{{Name: "mine", Kind: alert.CriticalAsset}}, alert.LowCriticality},
		} {
			s := memory.New()
			given := controller(1)
			given.SystemTags, given.Evidence[0].Criticality = []alert.Tag{{Name: "made up", Kind: alert.Experts}}, alert.HighCriticality
			kept := given.Clone()
			require.NoError(t, take(manager.New(s, &manager.Options{TagRules: c.rules}), given), way)
			assert.Equal(t, kept, given, "what was given stays as it was")
			stored := everythingIn(t, s)
			require.Len(t, stored.alerts, 1)
			assert.Equal(t, c.tags, stored.alerts[0].SystemTags, way)
			assert.Equal(t, c.level, stored.alerts[0].Evidence[0].Criticality, way)
			require.Len(t, stored.incidents, 1)
			assert.Equal(t, c.level, stored.incidents[0].Alerts.Criticality, way)
			for _, tag := range c.tags {
				assert.Contains(t, stored.incidents[0].Tags, tag, way)
			}
			assert.False(t, stored.incidents[0].HasTag("made up"), way)
			assert.NoError(t, s.Close())
		}
	}
}

// What a source changes about an alert changes what it brings, and the log tells of it.
func TestAnUpdateOfAnAlertBringsOtherTags(t *testing.T) {
	m, s := open(t)
	a := controller(1)
	a.SourceUpdated = start
	id := ingest(t, m, a)[0].Incident
	a.SourceUpdated, a.Title, a.Evidence[0].Tags = start.Add(time.Hour), "Ransomware activity", []string{"Workstation"}
	require.Equal(t, manager.Updated, ingest(t, m, a)[0].Outcome)
	i, err := m.Incident(t.Context(), kai, id)
	require.NoError(t, err)
	ransomware := alert.Tag{Name: "Ransomware", Kind: alert.AttackType}
	assert.Equal(t, []incident.Tag{ransomware}, i.Tags)
	assert.Equal(t, alert.NotCritical, i.Alerts.Criticality)
	changes := map[string]activity.Change{}
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{Incidents: []incident.ID{id}})) {
		for _, c := range e.Changes {
			changes[c.Field] = c
		}
	}
	before, after := activity.Value(`[{"name":"Domain Controller","kind":"criticalAsset"}]`), activity.Value(`[{"name":"Ransomware","kind":"attackType"}]`)
	for _, field := range []string{"tags", "systemTags", "alerts.systemTags"} {
		assert.Equal(t, activity.Change{Field: field, Before: before, After: after}, changes[field])
	}
	assert.Equal(t, activity.Change{Field: "alerts.criticality", Before: `"veryHigh"`}, changes["alerts.criticality"])
	consistent(t, s)
}

// The queue of incidents with critical assets, and how many there are of each criticality.
func TestQueueByCriticality(t *testing.T) {
	m, s := open(t)
	dns := controller(2)
	dns.Evidence[0].Tags = []string{"DNS"}
	ids := []incident.ID{ingest(t, m, controller(1))[0].Incident, ingest(t, m, dns)[0].Incident, ingest(t, m, raise(3, 0))[0].Incident}
	for n, levels := range [][]alert.Criticality{{alert.VeryHighCriticality, alert.HighCriticality}, {alert.LowCriticality}, {alert.NotCritical}} {
		found := all(t, m.Incidents(t.Context(), kai, incident.Query{Criticalities: levels}))
		require.Len(t, found, 1)
		assert.Equal(t, ids[n], found[0].ID)
	}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		c, err := storage.Facets(t.Context(), r, incident.Query{})
		assert.Equal(t, map[alert.Criticality]int{alert.VeryHighCriticality: 1, alert.LowCriticality: 1, alert.NotCritical: 1}, c.Criticalities)
		return err
	}))
}

// C6: two managers with different rules and taxonomies work on one storage at once, while those who made the
// rules change them. Each alert has what one of the two says of it, whole, and all incidents fit.
func TestManagersWithDifferentRulesAtOnce(t *testing.T) {
	s := memory.New()
	defer s.Close()
	rules := func(name string, level alert.Criticality) *incident.TagRules {
		return &incident.TagRules{
			Assets: []incident.AssetRule{{Name: name + " asset", Criticality: level, Keys: []string{"device:*"}}},
			Alerts: []incident.AlertRule{{Tag: alert.Tag{Name: name + " attack", Kind: alert.AttackType}, Titles: []string{"Alert *"}}},
		}
	}
	enisa := classification.ENISA()
	given := []*incident.TagRules{rules("one", alert.LowCriticality), rules("two", alert.VeryHighCriticality)}
	want := []*incident.TagRules{rules("one", alert.LowCriticality), rules("two", alert.VeryHighCriticality)}
	managers := []*manager.Manager{
		manager.New(s, &manager.Options{TagRules: given[0]}),
		manager.New(s, &manager.Options{TagRules: given[1], Taxonomy: &enisa}),
	}
	const alerts = 40
	errs := make([]error, 2*len(managers))
	var wg sync.WaitGroup
	for n, m := range managers {
		for half := range 2 {
			wg.Go(func() {
				var batch []alert.Alert
				for k := range alerts {
					batch = append(batch, raise(k, 0, alert.Device{DeviceID: fmt.Sprint("d", k%4)})) // both send all of them
				}
				if half == 1 {
					slices.Reverse(batch)
				}
				_, errs[2*n+half] = m.Ingest(t.Context(), siem, batch)
			})
		}
		wg.Go(func() {
			for range 100 {
				r := given[n]
				r.Assets[0].Name, r.Assets[0].Keys[0], r.Alerts[0].Titles[0] = "changed", "*", "*"
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	stored := everythingIn(t, s)
	require.Len(t, stored.alerts, alerts)
	for _, a := range stored.alerts {
		one, two := want[0].Apply(a), want[1].Apply(a)
		require.Len(t, one.SystemTags, 2)
		if a.SystemTags[0] == one.SystemTags[0] {
			assert.Equal(t, one, a)
		} else {
			assert.Equal(t, two, a)
		}
	}
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		require.Fail(t, v.String())
	}
}
