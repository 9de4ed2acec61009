package manager_test

import (
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

// T1: what is stored is in UTC, whichever zone a source or the clock of the program tells its times in, so that the hour
// that clocks skip or tell twice is neither lost nor gained.
func TestTimesAreStoredInUTC(t *testing.T) {
	winter, summer := time.FixedZone("CET", 3600), time.FixedZone("CEST", 7200)
	before, after := time.Date(2026, 3, 29, 1, 59, 0, 0, winter), time.Date(2026, 3, 29, 3, 1, 0, 0, summer) // two minutes apart
	s := memory.New()
	defer s.Close()
	m := manager.New(s, &manager.Options{Now: func() time.Time { return after }})
	a, b := raise(1, 0, alert.Device{DeviceID: "d"}), raise(2, 0, alert.Device{DeviceID: "d"})
	a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated = before, before, before, before
	b.FirstActivity, b.LastActivity, b.Created, b.SourceUpdated = after, after, after, after
	id := ingest(t, m, b, a)[0].Incident
	i, err := m.Edit(t.Context(), kai, id, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	require.Equal(t, 2, i.Alerts.Count)
	assert.Equal(t, 2*time.Minute, i.Alerts.LastActivity.Sub(i.Alerts.FirstActivity))

	times := []time.Time{i.Created, i.Updated, i.Resolved, i.Alerts.FirstActivity, i.Alerts.LastActivity}
	alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
	for _, a := range alerts {
		times = append(times, a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated, a.Updated, a.Resolved)
	}
	assert.Equal(t, []alert.ID{"edr:1", "edr:2"}, []alert.ID{alerts[0].ID, alerts[1].ID}, "in the order of what happened")
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{})) {
		times = append(times, e.Time)
	}
	for n, at := range times {
		assert.Equal(t, time.UTC, at.Location(), "time %d", n)
		assert.Contains(t, []string{"00:59", "01:01"}, at.Format("15:04"))
	}
}

// T2: alerts may come in any order and from clocks that are wrong, some of them in the future: an incident is active from
// the first to the last activity of its alerts, as far as these make sense by themselves, and never ends before it began.
// What lies more than a day ahead of the moment at which the alert came in does not count.
func TestActivityIsThatOfTheAlertsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var alerts []alert.Alert
		var first, last time.Time
		for n := range rapid.IntRange(1, 8).Draw(rt, "alerts") {
			a := raise(n, 0, alert.Device{DeviceID: "d"})
			hours := func(what string, from, to int) time.Time {
				return start.Add(time.Duration(rapid.IntRange(from, to).Draw(rt, what)) * time.Hour)
			}
			a.FirstActivity = hours("first", -10, 10)
			if rapid.Bool().Draw(rt, "has ended") {
				a.LastActivity = hours("last", -100, 100) // before its first, or days from now
			}
			if first.IsZero() || a.FirstActivity.Before(first) {
				first = a.FirstActivity
			}
			for _, end := range []time.Time{a.FirstActivity, a.LastActivity} {
				if end.After(last) && !end.After(start.Add(alert.MaxAhead)) {
					last = end
				}
			}
			alerts = append(alerts, a)
		}
		for _, order := range [][]alert.Alert{alerts, rapid.Permutation(alerts).Draw(rt, "order")} {
			m, s := open(t)
			id := ingest(t, m, order...)[0].Incident
			i, err := m.Incident(t.Context(), kai, id)
			require.NoError(rt, err)
			require.Equal(rt, len(alerts), i.Alerts.Count)
			require.Equal(rt, first, i.Alerts.FirstActivity)
			require.Equal(rt, last, i.Alerts.LastActivity)
			require.False(rt, i.Alerts.LastActivity.Before(i.Alerts.FirstActivity))
			for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{})) {
				require.False(rt, a.LastActivity.Before(a.FirstActivity))
			}
			consistent(t, s)
		}
	})
}
