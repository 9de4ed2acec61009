package manager_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

func TestMoveAlertsThroughTheStorage(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 3)
	i, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1", "edr:2", "edr:0"}, ids[0], "one campaign", manager.IfVersion(1))
	require.NoError(t, err)
	assert.Equal(t, ids[0], i.ID)
	assert.Equal(t, 3, i.Alerts.Count)
	assert.Equal(t, int64(2), i.Version)
	again, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1"}, ids[0], "")
	require.NoError(t, err)
	assert.Equal(t, i, again, "it is there")

	left, err := m.Incident(t.Context(), kai, ids[1])
	require.NoError(t, err)
	assert.Equal(t, incident.Active, left.Status)
	assert.Equal(t, "Incident without alerts", left.Name)

	fresh, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1"}, "", "")
	require.NoError(t, err)
	assert.Equal(t, int64(4), fresh.Number)
	assert.Equal(t, int64(1), fresh.Version)
	assert.Equal(t, "Alert 1 on one endpoint", fresh.Name)
	consistent(t, s)
}

// A plan of a move returns the incident as it would be.
func TestAMoveMayBeDry(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	before := everythingIn(t, s)
	i, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1"}, ids[0], "", manager.DryRun())
	require.NoError(t, err)
	assert.Equal(t, 2, i.Alerts.Count)
	assert.Equal(t, before, everythingIn(t, s))
}

// A new incident that is asked for twice under one ID is one.
func TestAMoveRepeatedUnderItsIDHasOneEffect(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	first, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0", "edr:1"}, "", "", manager.CommandID("k"))
	require.NoError(t, err)
	second, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0", "edr:1"}, "", "", manager.CommandID("k"))
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Len(t, everythingIn(t, s).incidents, 3)

	_, err = m.Merge(t.Context(), kai, ids[0], []incident.ID{first.ID}, "")
	require.NoError(t, err)
	third, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0", "edr:1"}, "", "", manager.CommandID("k"))
	require.NoError(t, err)
	assert.Equal(t, ids[0], third.ID, "where it has gone since")
}

// M7: no alert is moved into a resolved incident.
func TestMovesThatCannotBe(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	_, err := m.Edit(t.Context(), kai, ids[1], incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	before := everythingIn(t, s)

	_, err = m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0", "x", "y"}, ids[1], "")
	assert.ErrorIs(t, err, storage.ErrNotFound)
	assert.ErrorContains(t, err, "alert x")
	assert.ErrorContains(t, err, "alert y")
	_, err = m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0"}, ids[1], "")
	assert.ErrorIs(t, err, incident.ErrResolved)
	_, err = m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0"}, "nowhere", "")
	assert.ErrorIs(t, err, storage.ErrNotFound)
	_, err = m.MoveAlerts(t.Context(), kai, nil, "", "")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	assert.Equal(t, before, everythingIn(t, s))
}
