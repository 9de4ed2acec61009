package manager_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

// Alerts of several incidents are edited at one go, and each incident's counts follow.
func TestEditAlerts(t *testing.T) {
	m, _ := open(t)
	device := alert.Device{DeviceID: "d"}
	first := ingest(t, m, raise(1, 0, device), raise(2, 1, device))
	second := ingest(t, m, raise(3, 0, alert.Device{DeviceID: "other"}))
	require.NotEqual(t, first[0].Incident, second[0].Incident)

	ids := []alert.ID{second[0].ID, first[1].ID, "none", first[1].ID}
	edit := incident.AlertEdit{Status: new(alert.StatusResolved), Owner: &incident.Owner{ID: "kai"}, Verdict: &classification.Verdict{Classification: classification.TruePositive}}
	results, err := m.EditAlerts(t.Context(), kai, ids, edit)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.Len(t, results, 4)
	for n, r := range results {
		assert.Equal(t, ids[n], r.ID)
		if r.ID == "none" {
			require.ErrorIs(t, r.Err, storage.ErrNotFound)
			continue
		}
		require.NoError(t, r.Err)
		stored := all(t, m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{ids[n]}}))
		assert.Equal(t, stored, []alert.Alert{r.Alert})
		assert.Equal(t, start, r.Alert.Resolved)
		assert.Equal(t, classification.TruePositive, r.Alert.Verdict.Classification)
	}
	i, err := m.Incident(t.Context(), kai, first[0].Incident)
	require.NoError(t, err)
	assert.Equal(t, incident.StatusCounts{alert.StatusNew: 1, alert.StatusResolved: 1}, i.Alerts.ByStatus)
	assert.Equal(t, incident.Active, i.Status, "the incident is its owner's to resolve")
	q := activity.Query{Alerts: []alert.ID{first[1].ID}, Types: []activity.Type{activity.AlertStatus}}
	for _, e := range all(t, m.Activity(t.Context(), kai, q)) {
		assert.Equal(t, first[0].Incident, e.Incident)
		assert.Contains(t, e.Changes, activity.Change{Field: "status", Before: `"new"`, After: `"resolved"`})
	}

	reopened, err := m.EditAlerts(t.Context(), kai, ids[:1], incident.AlertEdit{Status: new(alert.StatusInProgress)})
	require.NoError(t, err)
	assert.True(t, reopened[0].Alert.Resolved.IsZero())
	_, err = m.EditAlerts(t.Context(), kai, ids[:1], incident.AlertEdit{Status: new(alert.Status(9)), Owner: &incident.Owner{Name: "no ID"}})
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "status")
	assert.ErrorContains(t, err, "owner.id")
}

// Whatever is done to alerts, the summary is what the alerts come to.
func TestSummaryFollowsEditedAlerts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m, _ := open(t)
		var given []alert.Alert
		for n := range 5 {
			given = append(given, raise(n, n, alert.Device{DeviceID: "d"}))
		}
		in := ingest(t, m, given...)
		for range rapid.IntRange(1, 6).Draw(rt, "edits") {
			var ids []alert.ID
			for _, n := range rapid.SliceOfDistinct(rapid.IntRange(0, 4), rapid.ID[int]).Draw(rt, "alerts") {
				ids = append(ids, in[n].ID)
			}
			_, err := m.EditAlerts(t.Context(), kai, ids, incident.AlertEdit{Status: new(rapid.SampledFrom([]alert.Status{0, 1, 2}).Draw(rt, "status"))})
			require.NoError(rt, err)
		}
		i, err := m.Incident(t.Context(), kai, in[0].Incident)
		require.NoError(rt, err)
		require.Equal(rt, incident.Summarize(all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}}))), i.Alerts)
	})
}

// A repeated command finds its work done, and a dry run does none.
func TestEditAlertsOnceOrNotAtAll(t *testing.T) {
	m, _ := open(t)
	id := ingest(t, m, raise(1, 0))[0].ID
	resolve := incident.AlertEdit{Status: new(alert.StatusResolved)}
	would, err := m.EditAlerts(t.Context(), kai, []alert.ID{id}, resolve, manager.DryRun())
	require.NoError(t, err)
	assert.Equal(t, alert.StatusResolved, would[0].Alert.Status)
	assert.Equal(t, alert.StatusNew, all(t, m.Alerts(t.Context(), kai, alert.Query{}))[0].Status)
	for range 2 {
		got, err := m.EditAlerts(t.Context(), kai, []alert.ID{id}, resolve, manager.CommandID("once"))
		require.NoError(t, err)
		assert.Equal(t, int64(2), got[0].Alert.Version)
	}
}

// When the store fails, all alerts of the incident are as they were.
func TestEditAlertsOfAFailingStore(t *testing.T) {
	_, s := open(t)
	refusing := &refusesNext{Storage: s}
	m := manager.New(refusing, nil)
	device := alert.Device{DeviceID: "d"}
	in := ingest(t, m, raise(1, 0, device), raise(2, 0, device))
	refusing.refuse = true
	done := incident.AlertEdit{Status: new(alert.StatusResolved)}
	results, err := m.EditAlerts(t.Context(), kai, []alert.ID{in[0].ID, in[1].ID}, done)
	require.ErrorIs(t, err, errRefused)
	for _, r := range results {
		require.ErrorIs(t, r.Err, errRefused)
	}
	for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{})) {
		assert.Equal(t, alert.StatusNew, a.Status)
	}
}

var errRefused = errors.New("refused")

// refusesNext refuses to store while it is told to.
type refusesNext struct {
	storage.Storage
	refuse bool
}

func (s *refusesNext) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if s.refuse {
		return storage.Receipt{}, errRefused
	}
	return s.Storage.Apply(ctx, cs)
}

// A counter is a storage that calls before with the number of each View.
type counter struct {
	storage.Storage
	views  int
	before func(view int)
}

func (s *counter) View(ctx context.Context, fn func(storage.Reader) error) error {
	s.views++
	s.before(s.views)
	return s.Storage.View(ctx, fn)
}

// An alert that is moved away and back while it is edited is edited, and no entry of one turn is taken for that of
// another.
func TestAnAlertThatIsMovedAwayAndBackIsEdited(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 3)
	_, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1", "edr:2"}, ids[0], "") // edr:2 keeps it open
	require.NoError(t, err)
	c := &counter{Storage: s, before: func(view int) {
		if to, ok := map[int]incident.ID{2: ids[1], 4: ids[0]}[view]; ok {
			_, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1"}, to, "")
			require.NoError(t, err)
		}
	}}
	resolve := incident.AlertEdit{Status: new(alert.StatusResolved)}
	results, err := standing(c).EditAlerts(t.Context(), kai, []alert.ID{"edr:0", "edr:1"}, resolve)
	require.NoError(t, err)
	for _, r := range results {
		assert.Equal(t, alert.StatusResolved, r.Alert.Status)
	}
	for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{"edr:0", "edr:1"}})) {
		assert.Equal(t, alert.StatusResolved, a.Status, a.ID)
		assert.Equal(t, ids[0], a.Incident)
	}
	consistent(t, s)
}
