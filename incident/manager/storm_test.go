package manager_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Alerts of one kind, one a minute: one incident, each alert counted and in the log, and an hour apart in the queue.
func TestAStorm(t *testing.T) {
	for name, about := range map[string]alert.Entity{
		"device": alert.Device{DeviceID: "d1"}, "account": alert.User{UPN: "mona@contoso.com"},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := memory.New(), start
			m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
			var results []manager.Result
			moved := make(map[time.Time]bool)
			for n := range 200 {
				a := raise(n, n, about)
				a.Title = "Password spray"
				now = start.Add(time.Duration(n) * time.Minute)
				results = append(results, ingest(t, m, a)...)
				i, err := m.Incident(t.Context(), kai, results[0].Incident)
				require.NoError(t, err)
				moved[i.Updated] = true
				assert.Equal(t, n+1, i.Alerts.Count)
				assert.Equal(t, now, i.Alerts.LastActivity)
			}
			incidents := all(t, m.Incidents(t.Context(), kai, incident.Query{}))
			require.Len(t, incidents, 1)
			added := 0
			for e, err := range m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.AlertAdded}}) {
				require.NoError(t, err, fmt.Sprint(e.Seq))
				added++
			}
			assert.Equal(t, 200, added)
			assert.Len(t, moved, 5, "%v: opened, a priority that rose, and each hour", moved)
			assert.Empty(t, all(t, manager.Check(t.Context(), s)))
		})
	}
}
