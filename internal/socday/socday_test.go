package socday_test

import (
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
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Whatever was asked for before, the same index gives the same; another seed gives something else.
func TestADayIsDecidedBySeedAndIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := socday.Day{Seed: rapid.Uint64().Draw(t, "seed"), Incidents: rapid.IntRange(1, 1000).Draw(t, "incidents"), Light: rapid.Bool().Draw(t, "light")}
		i, k := rapid.IntRange(0, d.Incidents-1).Draw(t, "incident"), rapid.IntRange(0, 1000).Draw(t, "alert")
		cs, a := d.Changeset(i), d.Alert(k)
		other := d
		other.Seed++
		assert.NotEqual(t, cs.Incidents[0].ID, other.Changeset(i).Incidents[0].ID)
		assert.NotEqual(t, a.ID, other.Alert(k).ID)
		assert.Equal(t, cs, d.Changeset(i))
		assert.Equal(t, a, d.Alert(k))
		require.NoError(t, a.Validate())
	})
}

func TestAFleetIsDecidedBySeedAndIndex(t *testing.T) {
	f := socday.Fleet{Seed: 1, Machines: 20, Alerts: 1000}
	other := f
	other.Seed++
	devices := make(map[alert.Key]int)
	for n := range f.Alerts {
		a := f.Alert(n)
		require.NoError(t, a.Validate())
		assert.Equal(t, a, f.Alert(n))
		assert.NotEqual(t, a.Origin, other.Alert(n).Origin)
		devices[alert.Identity(a.Evidence[0].Entity)]++
	}
	assert.Len(t, devices, f.Machines)
	assert.Equal(t, f.Of(3, 7).Evidence[0].Entity, f.Of(3, 8).Evidence[0].Entity)
}

func TestTheQueueIsTheIncidentsAlone(t *testing.T) {
	d := socday.Day{Seed: 3, Incidents: 1234, Light: true}
	var whole, queue []incident.Incident
	for cs := range d.Changesets() {
		whole = append(whole, cs.Incidents...)
	}
	for cs := range d.Queue() {
		queue = append(queue, cs.Incidents...)
		assert.Empty(t, cs.Alerts)
		assert.Empty(t, cs.Activity)
	}
	assert.Len(t, whole, 1234)
	assert.Equal(t, whole, queue)
}

func TestIncidentsAgreeWithTheirAlerts(t *testing.T) {
	for _, light := range []bool{false, true} {
		d := socday.Day{Seed: 5, Incidents: 2000, Light: light}
		incidents, alerts, entries := make(map[incident.ID]bool), make(map[alert.ID]bool), make(map[activity.ID]bool)
		for n := range d.Incidents {
			cs := d.Changeset(n)
			require.Len(t, cs.Incidents, 1)
			i := cs.Incidents[0]
			incidents[i.ID] = true
			require.Equal(t, incident.Summarize(cs.Alerts), i.Alerts)
			require.Equal(t, i.Alerts.BySeverity.Highest(), i.Severity)
			require.Equal(t, incident.GenerateName(i.Alerts), i.Name)
			require.Equal(t, i.Status == incident.Resolved, !i.Resolved.IsZero() && i.Note != "" && !i.Verdict.IsZero())
			require.False(t, i.Updated.Before(i.Created))
			require.True(t, slices.IsSortedFunc(i.Tags, func(a, b incident.Tag) int { return strings.Compare(a.Name, b.Name) }))
			for _, a := range cs.Alerts {
				alerts[a.ID] = true
				require.NoError(t, a.Validate())
				require.Equal(t, i.ID, a.Incident)
				require.Equal(t, i.Owner, a.Owner)
				require.Equal(t, i.Status == incident.Resolved, a.Status == alert.StatusResolved)
				require.False(t, a.FirstActivity.Before(i.Created) || a.FirstActivity.After(i.Updated))
			}
			comments := 0
			for _, e := range cs.Activity {
				entries[e.ID] = true
				require.Equal(t, i.ID, e.Incident)
				if e.Type == activity.Commented {
					comments++
				}
			}
			require.Equal(t, comments, i.Comments)
			if light {
				require.Len(t, cs.Activity, 2)
			} else {
				require.Len(t, cs.Activity, 5)
			}
			if n == d.Incidents-1 {
				assert.Len(t, incidents, d.Incidents)
				assert.Len(t, entries, d.Incidents*len(cs.Activity))
			}
		}
		mean := float64(len(alerts)) / float64(d.Incidents)
		if light {
			assert.InDelta(t, 1.75, mean, 0.1)
		} else {
			assert.InDelta(t, 10, mean, 2)
		}
	}
}

// The shares that the package promises, of 10,000 incidents.
func TestShares(t *testing.T) {
	d := socday.Day{Seed: 7, Incidents: 10_000}
	share := make(map[string]float64)
	owners, tags := make(map[string]int), make(map[string]int)
	alerts, evidence, most := 0, 0, 0
	now := d.Time(0)
	for cs := range d.Changesets() {
		for _, i := range cs.Incidents {
			share[i.Status.String()]++
			if i.Owner.IsZero() {
				share["unassigned"]++
			} else {
				owners[i.Owner.ID]++
			}
			if len(i.Tags) > 0 {
				share["tagged"]++
			}
			for _, tag := range i.Tags {
				tags[tag.Name]++
			}
			if i.Alerts.Count == 1 {
				share["one alert"]++
			}
			most = max(most, i.Alerts.Count)
			age := now.Sub(i.Updated)
			require.True(t, age >= 0 && age <= 180*24*time.Hour)
			if i.Status == incident.Resolved && age < 90*24*time.Hour {
				share["resolved in 90 days"]++
			}
		}
		for _, a := range cs.Alerts {
			alerts++
			evidence += len(a.Evidence)
			share["alert "+a.Severity.String()]++
			require.True(t, len(a.Evidence) >= 3 && len(a.Evidence) <= 8)
		}
	}
	for name, want := range map[string]float64{
		"active": 0.2, "inProgress": 0.1, "resolved": 0.7, "unassigned": 0.4, "tagged": 0.2, "one alert": 0.4, "resolved in 90 days": 0.35,
	} {
		assert.InDelta(t, want, share[name]/float64(d.Incidents), 0.02, name)
	}
	for name, want := range map[string]float64{"alert informational": 0.3, "alert low": 0.3, "alert medium": 0.25, "alert high": 0.15} {
		assert.InDelta(t, want, share[name]/float64(alerts), 0.01, name)
	}
	assert.InDelta(t, 10, float64(alerts)/float64(d.Incidents), 0.7)
	assert.InDelta(t, 5.5, float64(evidence)/float64(alerts), 0.1)
	assert.True(t, most > 200 && most <= 300, most)
	assert.Len(t, owners, 50)
	assert.Len(t, tags, 200)
	assert.Greater(t, tags[socday.Tag(0)], 10*tags[socday.Tag(100)])
}

// Plain puts every alert of the day where it belongs, and four of five into an incident that is there.
func TestPlainGroupsTheDay(t *testing.T) {
	d := socday.Day{Seed: 11, Incidents: 1000}
	p, source := socday.NewPlain(), socday.Source().ID
	for cs := range d.Changesets() {
		p.Apply(cs)
	}
	const alerts = 10_000
	where, before, joins := make(map[int]incident.ID), make(map[int]bool), 0
	for n := range alerts {
		a := d.Alert(n)
		group, opens := d.Group(n)
		id, joined := p.Ingest(d.Time(n), source, &a)
		require.Equal(t, !opens, joined)
		switch {
		case group < d.Incidents:
			before[group] = true
			require.Equal(t, d.ID(group), id)
		case opens:
			where[group] = id
		default:
			require.Equal(t, where[group], id)
		}
		if joined {
			joins++
		}
	}
	assert.InDelta(t, 0.8, float64(joins)/alerts, 0.02)
	assert.Greater(t, len(before), 20, "incidents of before that went on")
	again := d.Alert(0)
	_, joined := p.Ingest(d.Time(alerts), source, &again)
	assert.True(t, joined, "a repeat")
}

// filled returns the same incidents in ours and in plain.
func filled(t *testing.T, d socday.Day) (*memory.Store, *socday.Plain) {
	s, p := memory.New(), socday.NewPlain()
	for cs := range d.Changesets() {
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
		p.Apply(cs)
	}
	return s, p
}

// The default correlation groups the day as plain does, but for the few entities that become hubs.
func TestTheManagerGroupsTheDayAlike(t *testing.T) {
	d := socday.Day{Seed: 13, Incidents: 1000}
	s, p := filled(t, d)
	var now time.Time
	m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
	const alerts = 1000
	theirs, alike := make(map[incident.ID]incident.ID), 0
	for n := range alerts {
		now = d.Time(n)
		a := d.Alert(n)
		results, err := m.Ingest(t.Context(), socday.Source(), []alert.Alert{a})
		require.NoError(t, err)
		id, joined := p.Ingest(now, socday.Source().ID, &a)
		if !joined {
			theirs[id] = results[0].Incident
		}
		if group, _ := d.Group(n); group < d.Incidents && id == results[0].Incident || theirs[id] == results[0].Incident {
			alike++
		}
	}
	assert.Greater(t, alike, alerts*98/100)
}

func TestPlainAnswersAsTheStorageDoes(t *testing.T) {
	d := socday.Day{Seed: 17, Incidents: 3000, Light: true}
	s, p := filled(t, d)
	names := make(map[string]bool)
	for _, search := range d.Searches() {
		names[search.Name] = true
		found := 0
		for _, q := range search.Queries[:min(len(search.Queries), 20)] {
			var want []incident.Incident
			require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
				for i, err := range r.Incidents(t.Context(), q) {
					require.NoError(t, err)
					want = append(want, i)
				}
				return nil
			}))
			require.Equal(t, want, p.Page(nil, q), "%s: %+v", search.Name, q)
			found += len(want)
		}
		assert.Positive(t, found, search.Name)
	}
	assert.Len(t, names, 6)
}

func TestEditsChangeSomething(t *testing.T) {
	d := socday.Day{Seed: 19, Incidents: 200}
	s, p := filled(t, d)
	m := manager.New(s, &manager.Options{Now: func() time.Time { return d.Time(0) }})
	open := d.Open()
	changed, rounds := 0, 6
	for k := range rounds * len(open) {
		e := d.Edit(open, k)
		before, err := m.Incident(t.Context(), socday.Analyst(), e.Incident)
		require.NoError(t, err)
		require.True(t, before.Status.Open())
		after, err := m.Edit(t.Context(), socday.Analyst(), e.Incident, e.Edit)
		require.NoError(t, err)
		require.True(t, p.Edit(d.Time(0), socday.Analyst().ID, e.Incident, e.Edit))
		if after.Version > before.Version {
			changed++
		}
		plain, _ := p.Incident(e.Incident)
		require.Equal(t, after.Owner, plain.Owner)
		require.Equal(t, after.Status, plain.Status)
		require.ElementsMatch(t, after.Tags, plain.Tags)
	}
	assert.Greater(t, changed, rounds*len(open)*95/100)
}
