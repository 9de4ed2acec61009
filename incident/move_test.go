package incident_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

func TestMoveToAnotherIncident(t *testing.T) {
	d := twoIncidents(t)
	require.NoError(t, d.move(t, "a", "siem:2", "siem:1", "siem:2"))
	d.check(t)
	a, b := d.incidents["a"], d.incidents["b"]
	assert.Equal(t, 2, a.Alerts.Count)
	assert.Equal(t, alert.High, a.Severity)
	assert.Zero(t, a.Owner, "nothing but alerts moves")
	assert.Equal(t, alert.Low, b.Severity)
	assert.Equal(t, "Payroll", b.Name)

	assert.Equal(t, command(d.commands).At, d.alerts["siem:2"].Updated)

	log := d.logOf("a")
	arrived := log[2]
	assert.Equal(t, activity.AlertAdded, arrived.Type)
	assert.EqualValues(t, "siem:2", arrived.Alert)
	assert.Equal(t, "belongs there", arrived.Text)
	assert.Equal(t, []activity.Link{{Reason: activity.GroupedManually, Incident: "b"}}, arrived.Links)
	left := d.logOf("b")
	var moved []activity.Entry
	for _, e := range left {
		if e.Type == activity.AlertMoved {
			moved = append(moved, e)
		}
	}
	require.Len(t, moved, 1, "siem:1 was there")
	assert.EqualValues(t, "siem:2", moved[0].Alert)
	assert.Equal(t, "belongs there", moved[0].Text)
	assert.Contains(t, moved[0].Changes, activity.Change{Field: "incident", Before: `"b"`, After: `"a"`})
}

func TestMoveToANewIncident(t *testing.T) {
	d := twoIncidents(t)
	require.NoError(t, d.move(t, "n", "siem:1", "siem:3"))
	d.check(t)
	n, a := d.incidents["n"], d.incidents["a"]
	assert.Equal(t, "Multi-stage incident on multiple endpoints", n.Name)
	assert.Equal(t, alert.Low, n.Severity)
	assert.Equal(t, n.Updated, n.Created)
	assert.Equal(t, activity.IncidentCreated, d.logOf("n")[0].Type)

	assert.Equal(t, incident.Active, a.Status, "one without alerts stays")
	assert.Equal(t, "Incident without alerts", a.Name)
	assert.Equal(t, alert.Unrated, a.Severity)
	assert.Zero(t, a.Alerts)
}

// What somebody chose stays when the alerts leave, and the title of the alert is told where no reason is given.
func TestWhatAMoveLeavesAlone(t *testing.T) {
	d := twoIncidents(t)
	d.edit(t, "b", incident.Edit{Severity: new(alert.Medium), Status: new(incident.Resolved), Note: new("done")})
	effects, err := incident.MoveAlerts(d.command(), []incident.Case{d.party("b").Case}, incident.Case{Incident: incident.Incident{ID: "n"}}, []alert.ID{"siem:2", "siem:3", "siem:404"}, "")
	require.NoError(t, err)
	d.keep(t, effects...)
	d.check(t)
	b := d.incidents["b"]
	assert.Equal(t, "Payroll", b.Name)
	assert.Equal(t, alert.Medium, b.Severity)
	assert.Equal(t, incident.Resolved, b.Status)
	assert.Equal(t, alert.StatusResolved, d.alerts["siem:2"].Status)
	assert.Equal(t, "Alert 2", d.logOf("n")[1].Text)
}

func TestMoveIsRefused(t *testing.T) {
	d := twoIncidents(t)
	d.create(t, "full", crowd(2))
	d.create(t, "away", incident.Draft{Status: incident.Redirected, RedirectTo: theirs})
	d.edit(t, "a", incident.Edit{Status: new(incident.Resolved)})
	for to, want := range map[incident.ID]error{"a": incident.ErrResolved, "away": incident.ErrRedirected, "full": incident.ErrTooManyEntities} {
		before := d.clone()
		err := d.move(t, to, "siem:2")
		assert.Equal(t, map[incident.ID][]error{to: {want}}, refusals(t, err))
		assert.Equal(t, before, d.records())
	}
	effects, err := incident.MoveAlerts(d.command(), nil, d.party("b").Case, []alert.ID{"siem:2"}, "")
	require.NoError(t, err)
	assert.Empty(t, effects, "it is there")
}
