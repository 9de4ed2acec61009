package manager_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// An alert joins an incident of 5,000 without the others being read: what is read is what it is for one of 200, which is
// as many sightings as each look-up yields at most. For one of 5 it is less.
func TestJoiningALargeIncidentReadsLittle(t *testing.T) {
	device := alert.Device{DeviceID: "d", DNSName: "ws-17.contoso.com"}
	for name, entities := range map[string][]alert.Entity{
		"device":  {device},
		"several": {device, alert.User{Domain: "CONTOSO", Account: "mona"}, alert.File{SHA256: strings.Repeat("ab", 32)}},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(before int) counting {
				s := &counting{Storage: memory.New()}
				defer s.Close()
				m := manager.New(s, &manager.Options{Correlator: correlation.Default{Size: before + 1}})
				var alerts []alert.Alert
				for n := range before {
					alerts = append(alerts, raise(n, n*24*60/before, entities...)) // within a day
				}
				_, err := m.Create(t.Context(), siem, incident.Draft{Alerts: alerts})
				require.NoError(t, err)
				*s = counting{Storage: s.Storage}
				last := ingest(t, m, raise(before, 12*60, entities...))[0]
				count := *s
				assert.Equal(t, manager.Joined, last.Outcome)
				i, err := m.Incident(t.Context(), kai, last.Incident)
				require.NoError(t, err)
				assert.Equal(t, before+1, i.Alerts.Count)
				assert.Equal(t, 1, i.Alerts.Assets[alert.Devices])
				count.Storage = nil
				return count
			}
			few, some, many := read(5), read(200), read(5000)
			assert.Less(t, many.single, 10, "alerts that weaker identifiers link are read")
			some.single = many.single
			assert.Equal(t, some, many)
			assert.Less(t, few.alerts, many.alerts)
			assert.Less(t, many.alerts, 1000)
			assert.Equal(t, few.incidents, many.incidents)
		})
	}
}

// counting counts what is read: alerts of queries, sightings among them, single alerts, and incidents. It is not for use
// by several goroutines.
type counting struct {
	storage.Storage
	alerts, single, incidents int
}

func (c *counting) View(ctx context.Context, fn func(storage.Reader) error) error {
	return c.Storage.View(ctx, func(r storage.Reader) error { return fn(countingReader{r, c}) })
}

type countingReader struct {
	storage.Reader
	counting *counting
}

func (r countingReader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	r.counting.incidents++
	return r.Reader.Incident(ctx, id)
}

func (r countingReader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	r.counting.single++
	return r.Reader.Alert(ctx, id)
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
