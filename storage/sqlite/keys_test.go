package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
)

// Where entities are seen follows each field of an alert on which it depends, though nothing else changes.
func TestSightingsFollowEachField(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	a := alert.Alert{ID: "a", Incident: "one", Title: "first", Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d1"}}}}
	seen := make(map[alert.Key]bool)
	for n, change := range []func(){
		func() {},
		func() { a.Description = "nothing of interest" },
		func() { a.Title = "second" },
		func() { a.Origin.Source = "edr" },
		func() { a.Standalone = true },
		func() { a.Incident = "two" },
		func() { a.FirstActivity = time.UnixMicro(7).UTC() },
		func() { a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: "d2"}}) },
		func() { a.Evidence = a.Evidence[1:] },
		func() { a.Evidence = nil },
		func() { a.Evidence = []alert.Evidence{} },
		func() { a.Evidence = []alert.Evidence{{Entity: alert.IP{Address: "192.0.2.1"}}} },
	} {
		change()
		_, err := s.Apply(t.Context(), storage.Changeset{Alerts: []alert.Alert{a}})
		require.NoError(t, err, "change %d", n)
		a.Version++
		q := storage.SightingQuery{}
		for _, key := range a.Keys() {
			seen[key] = true
		}
		for key := range seen {
			q.Entities = append(q.Entities, key)
		}
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			var want, got []storage.Sighting
			for found, err := range storage.Sightings(t.Context(), struct{ storage.Reader }{r}, q) { // no Sighter
				require.NoError(t, err)
				want = append(want, found)
			}
			for found, err := range storage.Sightings(t.Context(), r, q) {
				require.NoError(t, err)
				got = append(got, found)
			}
			assert.Equal(t, want, got, "change %d", n)
			assert.Len(t, got, len(a.Keys()), "change %d", n)
			return nil
		}))
	}
}
