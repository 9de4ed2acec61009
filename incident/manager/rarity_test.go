package manager_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// An alert knows how many of its kind came in the 30 days before it, not after it, up to MaxSeen. A kind is a source
// and a title, whatever the case of its letters, and has nothing to do with what alerts are about.
func TestAlertsOfAKindAreCounted(t *testing.T) {
	m, _ := open(t)
	const day = 24 * 60
	raiseKind := func(n, minutes int, title string) alert.Alert {
		a := raise(n, minutes, alert.Device{DeviceID: fmt.Sprint(n)})
		a.Title, a.Seen = title, 99 // which is not for the caller to say
		return a
	}
	seen := func(a alert.Alert) int {
		t.Helper()
		ingest(t, m, a)
		return all(t, m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{a.Origin.AlertID()}}))[0].Seen
	}
	assert.Equal(t, 0, seen(raiseKind(1, 0, "Beacon")))
	assert.Equal(t, 1, seen(raiseKind(2, 0, "beacon")), "at the same moment, another spelling")
	assert.Equal(t, 0, seen(raiseKind(3, 0, "Beacon 2")))
	assert.Equal(t, 2, seen(raiseKind(4, 30*day, "Beacon")))
	assert.Equal(t, 1, seen(raiseKind(5, 30*day+1, "Beacon")), "the first two are too long ago")
	assert.Equal(t, 0, seen(raiseKind(6, -1, "Beacon")), "what came later does not count")
	other := raiseKind(7, 5, "Beacon")
	other.Origin.Source = "ndr"
	assert.Equal(t, 0, seen(other))
	for n := range alert.MaxSeen + 5 {
		assert.Equal(t, min(n, alert.MaxSeen), seen(raiseKind(100+n, 0, "Scan")))
	}

	// Alerts that come together do not count each other, whichever way they come, nor what came after their first.
	seen(raiseKind(200, 1, "Burst"))
	together := []alert.Alert{raiseKind(201, 0, "Burst"), raiseKind(202, 1, "Burst"), raiseKind(203, 0, "Scan")}
	_, _, err := m.Import(t.Context(), siem, incident.Draft{Reference: incident.Reference{System: "s", ID: "1"}, Alerts: together})
	require.NoError(t, err)
	created, err := m.Create(t.Context(), kai, incident.Draft{Alerts: []alert.Alert{raiseKind(204, 2, "Burst"), raiseKind(205, 2, "Burst")}})
	require.NoError(t, err)
	assert.Equal(t, 3, created.Alerts.Rarest)
	for id, want := range map[alert.ID]int{"edr:201": 0, "edr:202": 0, "edr:203": alert.MaxSeen, "edr:204": 3, "edr:205": 3} {
		assert.Equal(t, want, all(t, m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{id}}))[0].Seen, id)
	}
}
