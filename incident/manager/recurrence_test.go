package manager_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// ticking makes a manager of an empty storage, and a function that moves its clock.
func ticking(t *testing.T, o manager.Options) (m *manager.Manager, s storage.Storage, wait func(time.Duration)) {
	now := start
	s = memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	o.Now = func() time.Time { return now }
	return manager.New(s, &o), s, func(d time.Duration) { now = now.Add(d) }
}

func incidentOf(t *testing.T, m *manager.Manager, id incident.ID) incident.Incident {
	t.Helper()
	i, err := m.Incident(t.Context(), kai, id)
	require.NoError(t, err)
	return i
}

func alertOf(t *testing.T, m *manager.Manager, id alert.ID) alert.Alert {
	t.Helper()
	found := all(t, m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{id}}))
	require.Len(t, found, 1)
	return found[0]
}

func resolve(t *testing.T, m *manager.Manager, id incident.ID) {
	t.Helper()
	_, err := m.Edit(t.Context(), kai, id, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
}

// A repeat without times moves none, and one without a title keeps the one that is known: what is missing is
// completed for new alerts alone. That it came is kept.
func TestARepeatIsNotCompleted(t *testing.T) {
	m, s, wait := ticking(t, manager.Options{})
	first := raise(1, 0, alert.Device{DeviceID: "d"})
	first.LastActivity, first.Created, first.SourceUpdated = start.Add(time.Minute), start.Add(2*time.Minute), start
	id := ingest(t, m, first)[0].Incident
	stored, i := alertOf(t, m, "edr:1"), incidentOf(t, m, id)
	assert.Zero(t, stored.Repeated)

	wait(time.Hour)
	bare := alert.Alert{Origin: first.Origin, Title: " "}
	assert.Equal(t, manager.Repeated, ingest(t, m, bare)[0].Outcome)
	stored.Version, stored.Repeats, stored.Repeated = 2, 1, start.Add(time.Hour)
	assert.Equal(t, stored, alertOf(t, m, "edr:1"))
	assert.Equal(t, i, incidentOf(t, m, id))

	wait(time.Hour)
	bare.Category = "Discovery"
	assert.Equal(t, manager.Updated, ingest(t, m, bare)[0].Outcome)
	stored.Version, stored.Repeats, stored.Repeated = 3, 2, start.Add(2*time.Hour)
	stored.Category, stored.Updated = "Discovery", start.Add(2*time.Hour)
	assert.Equal(t, stored, alertOf(t, m, "edr:1"))
	consistent(t, s)
}

// The queue shows an alert that fires again after it was resolved, with the reason in the log, and a later import or
// merge finds it open.
func TestAnAlertThatFiresAgainIsInTheQueue(t *testing.T) {
	for name, again := range map[string]func(*testing.T, *manager.Manager, alert.Alert){
		"ingested": func(t *testing.T, m *manager.Manager, a alert.Alert) {
			ingest(t, m, a)
		},
		"imported": func(t *testing.T, m *manager.Manager, a alert.Alert) {
			importing(t.Context(), t, m, theirs(7, a))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, s, wait := ticking(t, manager.Options{})
			a := raise(1, 0, alert.Device{DeviceID: "d"})
			id := ingest(t, m, a, raise(2, 0, alert.Device{DeviceID: "d"}))[0].Incident
			resolve(t, m, id)
			wait(7 * 24 * time.Hour)
			a.LastActivity = start.Add(7 * 24 * time.Hour)
			again(t, m, a)
			i := incidentOf(t, m, id)
			assert.Equal(t, incident.Active, i.Status)
			assert.Equal(t, incident.StatusCounts{alert.StatusNew: 1, alert.StatusResolved: 1}, i.Alerts.ByStatus)
			log := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.StatusChanged}}))
			assert.True(t, slices.ContainsFunc(log, func(e activity.Entry) bool {
				return e.Text == "Alert edr:1 fired again: later activity."
			}), "the import merges it after")
			again(t, m, raise(1, 0))
			assert.Equal(t, incident.Active, incidentOf(t, m, id).Status)
			consistent(t, s)
		})
	}
}

// With KeepResolved it is counted.
func TestAPolicyThatOnlyCounts(t *testing.T) {
	m, s, _ := ticking(t, manager.Options{Policy: incident.Policy{KeepResolved: true}})
	a := raise(1, 0, alert.Device{DeviceID: "d"})
	id := ingest(t, m, a)[0].Incident
	ingest(t, m, raise(2, 0, alert.Device{DeviceID: "e"}))
	resolve(t, m, id)
	a.Severity, a.LastActivity = alert.High, start.Add(time.Hour)
	a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: "e"}})
	ingest(t, m, a)
	assert.Equal(t, incident.Resolved, incidentOf(t, m, id).Status)
	assert.Equal(t, alert.StatusResolved, alertOf(t, m, "edr:1").Status)
	assert.Equal(t, 1, alertOf(t, m, "edr:1").Repeats)
	assert.Len(t, all(t, m.Incidents(t.Context(), kai, incident.Query{})), 2)
	consistent(t, s)
}

// An alert after the end of its incident's record is a new one.
func TestAnAlertThatFiresAgainAfterAPurge(t *testing.T) {
	m, s, wait := ticking(t, manager.Options{})
	a := raise(1, 0, alert.Device{DeviceID: "d"})
	id := ingest(t, m, a)[0].Incident
	resolve(t, m, id)
	wait(time.Hour)
	_, err := m.Purge(t.Context(), kai, incident.Query{}, start.Add(time.Minute), "over")
	require.NoError(t, err)
	a.Severity = alert.High
	r := ingest(t, m, a)[0]
	assert.Equal(t, manager.Opened, r.Outcome)
	assert.NotEqual(t, id, r.Incident)
	consistent(t, s)
}

// late is the n-th alert, reported again with one more device.
func late(n int, device string) alert.Alert {
	a := raise(n, n)
	a.Evidence = []alert.Evidence{{Entity: alert.Device{DeviceID: device}}}
	return a
}

// What an alert names later links it like what it named at first: the incident that was opened first takes the other.
func TestNewEntitiesOfAKnownAlertLink(t *testing.T) {
	for _, c := range []struct {
		alert  int
		device string
	}{{0, "d1"}, {1, "d0"}} {
		m, s, _ := ticking(t, manager.Options{})
		ids := apart(t, m, 3)
		r := ingest(t, m, late(c.alert, c.device))[0]
		assert.Equal(t, manager.Updated, r.Outcome)
		assert.Equal(t, ids[0], r.Incident)
		assert.Equal(t, ids[0], incidentOf(t, m, ids[1]).ID)
		assert.Equal(t, ids[2], incidentOf(t, m, ids[2]).ID)
		merge := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Merged}}))
		require.Len(t, merge, 1)
		assert.Contains(t, merge[0].Text, "links them by device:"+c.device)
		log := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.AlertUpdated}}))
		assert.Equal(t, r.Links, log[len(log)-1].Links)
		assert.Equal(t, manager.Repeated, ingest(t, m, late(c.alert, c.device))[0].Outcome)
		consistent(t, s)
	}
}

// Only what is new links: an incident that a person has taken out again stays out.
func TestKnownEntitiesDoNotLinkAgain(t *testing.T) {
	m, s, _ := ticking(t, manager.Options{})
	ids := apart(t, m, 2)
	ingest(t, m, late(1, "d0"))
	_, err := m.Unmerge(t.Context(), kai, ids[1], "not the same")
	require.NoError(t, err)
	ingest(t, m, late(1, "d9"))
	assert.Equal(t, ids[1], incidentOf(t, m, ids[1]).ID)
	assert.Len(t, alertOf(t, m, "edr:1").Evidence, 3)
	consistent(t, s)
}

// What keeps incidents apart is in the links, and the alert is updated where it is.
func TestNewEntitiesThatCannotLink(t *testing.T) {
	m, s, _ := ticking(t, manager.Options{})
	ids := apart(t, m, 2)
	for n, owner := range []string{"kai", "mona"} {
		_, err := m.Edit(t.Context(), kai, ids[n], incident.Edit{Owner: &incident.Owner{ID: owner}})
		require.NoError(t, err)
	}
	r := ingest(t, m, late(1, "d0"))[0]
	require.Len(t, r.Links, 1)
	assert.Contains(t, r.Links[0].HeldBack, "two different owners")
	assert.Equal(t, ids[1], r.Incident)
	assert.Len(t, alertOf(t, m, "edr:1").Evidence, 2)

	consistent(t, s)

	m, s, _ = ticking(t, manager.Options{Correlator: correlation.Default{Reopen: true}})
	ids = apart(t, m, 2)
	resolve(t, m, ids[0])
	r = ingest(t, m, late(1, "d0"))[0]
	assert.Equal(t, ids[1], r.Incident)
	assert.Contains(t, r.Links, activity.Link{
		Reason: activity.SameAsset, Entity: "device:d0", Incident: ids[0], Score: 5,
		HeldBack: "the incident is resolved",
	})
	consistent(t, s)
}

// One whose incident is resolved is reopened by what is new, and then takes part.
func TestNewEntitiesOfAResolvedIncident(t *testing.T) {
	m, s, _ := ticking(t, manager.Options{})
	ids := apart(t, m, 2)
	resolve(t, m, ids[1])
	ingest(t, m, late(1, "d0"))
	i := incidentOf(t, m, ids[1])
	assert.Equal(t, ids[0], i.ID)
	assert.Equal(t, incident.StatusCounts{alert.StatusNew: 2}, i.Alerts.ByStatus)
	log := all(t, m.Activity(t.Context(), kai, activity.Query{
		Incidents: []incident.ID{ids[1]}, Types: []activity.Type{activity.StatusChanged},
	}))
	assert.Equal(t, "Alert edr:1 fired again: new entities.", log[len(log)-2].Text) // before the merge
	consistent(t, s)

	over := late(0, "d7")
	over.Status = alert.StatusResolved
	ingest(t, m, over)
	resolve(t, m, ids[0])
	over.Evidence = append(over.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: "d8"}})
	ingest(t, m, over)
	assert.Equal(t, incident.Resolved, incidentOf(t, m, ids[0]).Status, "its source says that it is over")
	consistent(t, s)
}

// The alerts of another system are together as it says, new entities or not.
func TestNewEntitiesOfAnImportDoNotLink(t *testing.T) {
	m, s, _ := ticking(t, manager.Options{})
	ids := apart(t, m, 2)
	i := importing(t.Context(), t, m, theirs(7, raise(5, 0), late(1, "d0")))
	importing(t.Context(), t, m, newer(theirs(7, late(5, "d0"))))
	assert.Equal(t, i.ID, incidentOf(t, m, i.ID).ID)
	assert.Equal(t, ids[0], incidentOf(t, m, ids[0]).ID, "which has d0")
	assert.Equal(t, i.ID, incidentOf(t, m, ids[1]).ID, "which correlation opened for an alert of theirs")
	consistent(t, s)
}

// Another process may store an alert with the same new entity between the decision and the write: the decision is made
// again.
func TestNewEntitiesAreGuarded(t *testing.T) {
	s := &between{Storage: memory.New()}
	m := standing(s)
	ids := apart(t, m, 2)
	s.before = func() {
		ingest(t, standing(s.Storage), raise(7, 0, alert.Device{DeviceID: "d9"}))
	}
	r := ingest(t, m, late(1, "d9"))[0]
	assert.Equal(t, ids[1], r.Incident)
	assert.Equal(t, ids[1], incidentOf(t, m, alertOf(t, m, "edr:7").Incident).ID)
	consistent(t, s)
}

// between is a storage before whose next Apply something else happens.
type between struct {
	storage.Storage
	before func()
}

func (s *between) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	return s.Storage.Apply(ctx, cs)
}

// Alerts that arrive resolved leave no open incident, and neither do those that end.
func TestResolvedAlertsLeaveNothingOpen(t *testing.T) {
	done := func(n int) alert.Alert {
		a := raise(n, 0, alert.Device{DeviceID: "d"})
		a.Status = alert.StatusResolved
		return a
	}
	m, s, _ := ticking(t, manager.Options{})
	blocked := ingest(t, m, done(1))[0].Incident
	assert.Equal(t, incident.Resolved, incidentOf(t, m, blocked).Status)
	active := ingest(t, m, raise(2, 0, alert.Device{DeviceID: "d"}))[0].Incident
	assert.NotEqual(t, blocked, active)
	assert.Equal(t, active, ingest(t, m, done(3))[0].Incident)
	assert.Equal(t, incident.Active, incidentOf(t, m, active).Status)
	ingest(t, m, done(2))
	assert.Equal(t, incident.Resolved, incidentOf(t, m, active).Status)

	i := importing(t.Context(), t, m, theirs(7, done(5)))
	assert.Equal(t, incident.Resolved, i.Status)
	i = importing(t.Context(), t, m, theirs(8, raise(6, 0)))
	assert.Equal(t, incident.Active, i.Status)
	i = importing(t.Context(), t, m, newer(theirs(8, done(6))))
	assert.Equal(t, incident.Resolved, i.Status)
	consistent(t, s)

	m, s, _ = ticking(t, manager.Options{Policy: incident.Policy{KeepOpen: true}})
	blocked = ingest(t, m, done(1))[0].Incident
	assert.Equal(t, blocked, ingest(t, m, done(2))[0].Incident)
	assert.Equal(t, incident.Active, incidentOf(t, m, blocked).Status)
	consistent(t, s)
}

// What is new in an alert that fires again is of the time from its first activity to its new one, and links what happened
// in it or within the window of either end, as if the alert had come now for the first time.
func TestNewEntitiesLinkWhatHappenedWithThem(t *testing.T) {
	const hour, days = 60, 3 * 24 * 60 // in minutes
	m, s, wait := ticking(t, manager.Options{})
	first := ingest(t, m, raise(1, 0, alert.Device{DeviceID: "d"}))[0].Incident
	before := ingest(t, m, raise(2, -25*hour, alert.Device{DeviceID: "e"}))[0].Incident
	wait(5 * 24 * time.Hour)
	during := ingest(t, m, raise(3, days/2, alert.Device{DeviceID: "e"}))[0].Incident
	at := ingest(t, m, raise(4, days+12*hour, alert.Device{DeviceID: "e"}))[0].Incident
	after := ingest(t, m, raise(5, days+37*hour, alert.Device{DeviceID: "e"}))[0].Incident
	again := late(1, "e")
	again.FirstActivity, again.LastActivity = start, start.Add(days*time.Minute)
	ingest(t, m, again)
	assert.Equal(t, first, incidentOf(t, m, during).ID)
	assert.Equal(t, first, incidentOf(t, m, at).ID)
	assert.Equal(t, before, incidentOf(t, m, before).ID, "more than a day before its first activity")
	assert.Equal(t, after, incidentOf(t, m, after).ID, "more than a day after its last one")
	consistent(t, s)
}
