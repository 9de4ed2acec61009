package incident_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Recount mends what an older version counted otherwise, says so in the log, and changes nothing that is right.
func TestRecount(t *testing.T) {
	c := open(t, newAlert(1, alert.High, "a"), newAlert(2, alert.Low, "b"))
	right := incident.Edit{Recount: true}
	e, err := right.Apply(command(1), c, tax)
	require.NoError(t, err)
	assert.True(t, e.IsZero(), "%v", e)

	c.Incident.Alerts.Assets[alert.Devices] = 1
	c.Incident.Severity, c.Incident.Alerts.BySeverity = alert.Low, incident.SeverityCounts{alert.Low: 2}
	e, err = right.Apply(command(1), c, tax)
	require.NoError(t, err)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 2}, e.Incident.Alerts.Assets)
	assert.Equal(t, alert.High, e.Incident.Severity)
	require.Len(t, e.Activity, 2)
	assert.Equal(t, activity.Recounted, e.Activity[0].Type)
	assert.Contains(t, e.Activity[0].Changes, activity.Change{Field: "alerts.assets", Before: `{"devices":1}`, After: `{"devices":2}`})
	assert.Equal(t, activity.SeverityChanged, e.Activity[1].Type)

	c.Alerts = c.Alerts[:1]
	_, err = right.Apply(command(1), c, tax)
	assert.Error(t, err, "it needs all alerts")
}
