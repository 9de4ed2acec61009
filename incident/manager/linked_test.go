package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Inside the limits, which alerts stand together does not depend on the order in which they come: those that
// share an entity within the window, directly or through others.
func TestGroupingDoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var alerts []alert.Alert
		for n := range rapid.IntRange(1, 12).Draw(rt, "alerts") {
			var entities []alert.Entity
			for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 0, 3, rapid.ID[int]).Draw(rt, "entities") {
				entities = append(entities, alert.Device{DeviceID: fmt.Sprint("d", d)})
			}
			alerts = append(alerts, raise(n, 60*rapid.IntRange(0, 60).Draw(rt, "hours"), entities...))
		}
		want := components(alerts)
		for _, order := range [][]alert.Alert{alerts, rapid.Permutation(alerts).Draw(rt, "order")} {
			s := memory.New()
			m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
			_, err := m.Ingest(t.Context(), siem, order)
			require.NoError(rt, err)
			groups := map[incident.ID][]string{}
			for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{})) {
				groups[a.Incident] = append(groups[a.Incident], a.Origin.ID)
			}
			var got []string
			for _, g := range groups {
				slices.Sort(g)
				got = append(got, strings.Join(g, " "))
			}
			slices.Sort(got)
			require.Equal(rt, want, got)
			for v, err := range manager.Check(t.Context(), s) {
				require.NoError(rt, err)
				require.Fail(rt, "broken", "%v", v)
			}
		}
	})
}

// components returns the groups of alerts by brute force, each as the sorted numbers of its alerts.
func components(alerts []alert.Alert) []string {
	group := make([]int, len(alerts))
	for n := range group {
		group[n] = n
	}
	for range alerts {
		for a := range alerts {
			for b := range alerts {
				apart := alerts[a].FirstActivity.Sub(alerts[b].FirstActivity).Abs()
				shared := slices.ContainsFunc(alerts[a].Keys(), func(k alert.Key) bool { return slices.Contains(alerts[b].Keys(), k) })
				if shared && apart <= 24*time.Hour {
					group[a] = min(group[a], group[b])
				}
			}
		}
	}
	members := map[int][]string{}
	for n, g := range group {
		members[g] = append(members[g], alerts[n].Origin.ID)
	}
	var all []string
	for _, m := range members {
		slices.Sort(m)
		all = append(all, strings.Join(m, " "))
	}
	slices.Sort(all)
	return all
}

// An alert that links two incidents brings them together: the system merges them, says why, and the alert
// joins what came of it.
func TestAnAlertThatLinksTwoIncidentsMergesThem(t *testing.T) {
	m, _ := open(t)
	laptop, server := alert.Device{DeviceID: "laptop"}, alert.Device{DeviceID: "server"}
	first, second := ingest(t, m, raise(1, 0, laptop))[0].Incident, ingest(t, m, raise(2, 0, server))[0].Incident
	link := ingest(t, m, raise(3, 0, laptop, server))[0]
	assert.Equal(t, first, link.Incident)
	for _, l := range link.Links {
		assert.Equal(t, first, l.Incident)
		assert.Empty(t, l.HeldBack)
	}
	i, err := m.Incident(t.Context(), kai, second)
	require.NoError(t, err)
	assert.Equal(t, first, i.ID)
	assert.Equal(t, 3, i.Alerts.Count)
	merged := all(t, m.Activity(t.Context(), kai, activity.Query{Incidents: []incident.ID{first}, Types: []activity.Type{activity.Merged}}))
	require.Len(t, merged, 1)
	assert.Equal(t, activity.Actor{Kind: activity.System, ID: "correlation"}, merged[0].Actor)
	assert.Equal(t, "Alert edr:3 links them by device:server.", merged[0].Text)
}

// What must not be merged is left as it is, and the alert says why.
func TestWhatMustNotBeMergedIsHeldBack(t *testing.T) {
	m, _ := open(t)
	laptop, server := alert.Device{DeviceID: "laptop"}, alert.Device{DeviceID: "server"}
	first, second := ingest(t, m, raise(1, 0, laptop))[0].Incident, ingest(t, m, raise(2, 0, server))[0].Incident
	for id, owner := range map[incident.ID]string{first: "kai", second: "mona"} {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Owner: &incident.Owner{ID: owner}})
		require.NoError(t, err)
	}
	link := ingest(t, m, raise(3, 0, laptop, server))[0]
	assert.Equal(t, first, link.Incident)
	require.Len(t, link.Links, 2)
	assert.Equal(t, "not merged: assigned to two different owners: assigned to mona, not to kai", link.Links[1].HeldBack)
	for id, alerts := range map[incident.ID]int{first: 2, second: 1} {
		i, err := m.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		assert.Equal(t, id, i.ID)
		assert.Equal(t, alerts, i.Alerts.Count)
	}
}

// Two incidents that another system keeps are never merged by the system: the alert joins one, and says why not both.
func TestWhatAnotherSystemKeepsIsNotMergedByAnAlert(t *testing.T) {
	m, s := open(t)
	device := func(id string) alert.Device { return alert.Device{DeviceID: id} }
	laptop, server, phone := device("laptop"), device("server"), device("phone")
	for n, device := range []alert.Device{laptop, server} {
		d := incident.Draft{Alerts: []alert.Alert{raise(n, 0, device)}}
		d.Reference = incident.Reference{System: "theirs", ID: fmt.Sprint(n)}
		importing(t.Context(), t, m, d)
	}
	ours := ingest(t, m, raise(5, 0, phone))[0].Incident
	link := ingest(t, m, raise(6, 0, laptop, server, phone))[0]
	held := map[incident.ID]string{} // back, and why
	for _, l := range link.Links {
		held[l.Incident] = l.HeldBack
	}
	assert.Equal(t, map[incident.ID]string{"theirs:0": "", "theirs:1": "not merged: both are kept by other systems"}, held)
	for id, want := range map[incident.ID]incident.ID{"theirs:0": "theirs:0", "theirs:1": "theirs:1", ours: "theirs:0"} {
		i, err := m.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		assert.Equal(t, want, i.ID)
	}
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		require.Fail(t, "broken", "%v", v)
	}
}
