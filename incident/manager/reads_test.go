package manager_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// An alert joins an incident of 5,000 without the others being read: what is read are the alerts of the
// window that share an entity, and one for each asset.
func TestJoiningALargeIncidentReadsLittle(t *testing.T) {
	s := &counting{Storage: memory.New()}
	defer s.Close()
	m := manager.New(s, nil)
	device := alert.Device{DeviceID: "d"}
	var alerts []alert.Alert
	for n := range 5000 {
		alerts = append(alerts, raise(n, 60*n, device)) // one an hour, so that 24 before and 24 after are in the window
	}
	ingest(t, m, alerts...)
	s.alerts = 0
	last := ingest(t, m, raise(5000, 60*5000, device))[0]
	assert.Equal(t, manager.Joined, last.Outcome)
	assert.Equal(t, 24+1, s.alerts)
	i, err := m.Incident(t.Context(), kai, last.Incident)
	require.NoError(t, err)
	assert.Equal(t, 5001, i.Alerts.Count)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 1}, i.Alerts.Assets)
}

// counting counts the alerts that are read. It is not for use by several goroutines.
type counting struct {
	storage.Storage
	alerts int
}

func (c *counting) View(ctx context.Context, fn func(storage.Reader) error) error {
	return c.Storage.View(ctx, func(r storage.Reader) error { return fn(countingReader{r, c}) })
}

type countingReader struct {
	storage.Reader
	counting *counting
}

func (r countingReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return func(yield func(alert.Alert, error) bool) {
		for a, err := range r.Reader.Alerts(ctx, q) {
			r.counting.alerts++
			if !yield(a, err) {
				return
			}
		}
	}
}
