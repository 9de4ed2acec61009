package incident_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// Alerts are classified one by one, and the incident knows how many are, without a look at the others and without a
// change to what others hold.
func TestClassificationsOfAlertsAreCounted(t *testing.T) {
	c := open(t, newAlert(0, alert.Low, "a"), newAlert(1, alert.Low, "b"), newAlert(2, alert.Low, "c"))
	unclassified := incident.Query{AlertClassifications: []classification.Classification{""}}
	assert.True(t, unclassified.Match(c))
	judge := func(n int, class classification.Classification) {
		t.Helper()
		held := c.Incident
		copied := c.Incident.Clone()
		v := classification.Verdict{Classification: class}
		if class != "" {
			v.Determination = classification.Other
		}
		one := incident.Case{Incident: c.Incident, Alerts: c.Alerts[n : n+1]}
		e, err := incident.AlertEdit{Verdict: &v}.Apply(command(n), one, nil, tax)
		require.NoError(t, err)
		assert.Equal(t, copied, held, "what was held before")
		c.Alerts[n] = e.Alerts[0]
		if len(copied.Alerts.Classified) > 0 {
			copied.Alerts.Classified[0].Alerts = 99
			assert.NotEqual(t, 99, held.Alerts.Classified[0].Alerts)
		}
		c.Incident = e.Incident
		assert.Equal(t, incident.Summarize(c.Alerts), c.Incident.Alerts)
	}
	judge(0, classification.TruePositive)
	judge(1, classification.FalsePositive)
	judge(2, classification.TruePositive)
	assert.Equal(t, []incident.Classified{{Classification: classification.FalsePositive, Alerts: 1}, {Classification: classification.TruePositive, Alerts: 2}}, c.Incident.Alerts.Classified)
	assert.False(t, unclassified.Match(c), "all are classified")
	judge(2, classification.FalsePositive)
	judge(0, "")
	assert.True(t, unclassified.Match(c))
	judge(1, "")
	judge(2, "")
	assert.Nil(t, c.Incident.Alerts.Classified)
}

// A verdict reaches the alerts that have none of their own: those without one, and those that follow the incident.
func TestAVerdictReachesTheAlerts(t *testing.T) {
	bad := classification.Verdict{Classification: classification.TruePositive}
	worse := classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	benign := classification.Verdict{Classification: classification.FalsePositive}
	c := open(t, newAlert(0, alert.Low, "a"), newAlert(1, alert.Low, "b"))
	c.Alerts[1].Verdict = benign
	c.Incident.Alerts = incident.Summarize(c.Alerts)
	for n, v := range []classification.Verdict{bad, worse, {}, worse} {
		edit := incident.Edit{Verdict: &v}
		require.True(t, edit.Cascades())
		e, err := edit.Apply(command(n+1), c, tax)
		require.NoError(t, err)
		require.Len(t, e.Alerts, 1)
		c.Incident, c.Alerts[0] = e.Incident, e.Alerts[0]
		assert.Equal(t, v, c.Alerts[0].Verdict)
		assert.Equal(t, benign, c.Alerts[1].Verdict, "its own")
		assert.Equal(t, incident.Summarize(c.Alerts), c.Incident.Alerts)
	}
	cmd := command(9)
	cmd.Policy.KeepAlertVerdicts = true
	e, err := incident.Edit{Verdict: &bad}.Apply(cmd, c, tax)
	require.NoError(t, err)
	assert.Empty(t, e.Alerts)
	assert.Equal(t, bad, e.Incident.Verdict)
}
