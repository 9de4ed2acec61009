package incident_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// An alert that only adds to a count leaves the incident where it is in the queue, and the log tells so. Whatever an
// analyst would want to see moves it.
func TestAnAlertThatOnlyAddsToACount(t *testing.T) {
	one := func(n int) alert.Alert {
		a := newAlert(n, alert.Medium, "ws-1")
		a.Title = "Port scan"
		return a
	}
	known := func(alert.Key) bool { return true }
	forged := activity.Link{Reason: activity.RepeatedAlertOccurrence, Incident: "i1"}
	for name, c := range map[string]struct {
		at    time.Duration // since the incident was updated; a minute if not given
		alert func(a *alert.Alert)
		known func(alert.Key) bool
		links []activity.Link
		moves bool
	}{
		"one of its kind":            {at: 59 * time.Minute},
		"a lower severity":           {alert: func(a *alert.Alert) { a.Severity = alert.Low }},
		"an hour later":              {at: time.Hour, moves: true},
		"a clock that was set back":  {at: -time.Second, moves: true},
		"another kind":               {known: func(k alert.Key) bool { return k.Namespace() != "kind" }, moves: true},
		"another device":             {known: func(k alert.Key) bool { return k.Namespace() == "kind" }, moves: true},
		"a higher severity":          {alert: func(a *alert.Alert) { a.Severity = alert.High }, moves: true},
		"another category":           {alert: func(a *alert.Alert) { a.Category = "Impact" }, moves: true},
		"a technique":                {alert: func(a *alert.Alert) { a.Techniques = []string{"T1046"} }, moves: true},
		"activity before the others": {alert: func(a *alert.Alert) { a.FirstActivity = start.Add(-time.Hour) }, moves: true},
		"a link that only Replay may take for this": {
			known: func(k alert.Key) bool { return k.Namespace() != "kind" }, links: []activity.Link{forged}, moves: true},
	} {
		t.Run(name, func(t *testing.T) {
			created, err := incident.Create(command(0), "i1", incident.Draft{}, []alert.Alert{one(1)}, nil, tax)
			require.NoError(t, err)
			before := created.Incident
			before.Version = 1
			a := one(2)
			if c.alert != nil {
				c.alert(&a)
			}
			if c.known == nil {
				c.known = known
			}
			cmd := command(1)
			cmd.At = before.Updated.Add(cmp.Or(c.at, time.Minute))
			e := incident.AddAlert(cmd, before, a, c.links, c.known)
			assert.Equal(t, c.moves, !e.Incident.Updated.Equal(before.Updated), "updated %s", e.Incident.Updated)
			assert.Equal(t, !c.moves, slices.Contains(e.Activity[0].Links, forged), "links %v", e.Activity[0].Links)
			assert.Equal(t, 2, e.Incident.Alerts.Count)
			told, err := incident.Replay(each(slices.Concat(created.Activity, e.Activity)))
			require.NoError(t, err)
			want := e.Incident
			want.Version = told.Version
			assert.Equal(t, want, told)
		})
	}
}
