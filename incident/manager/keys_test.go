package manager_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A witness is a storage and a correlator that note the keys that they are given. The first conflicts about new
// alerts are made up.
type witness struct {
	storage.Storage
	correlation.Default
	conflicts int
	asked     [][]alert.Key // by Correlate
	stored    [][]alert.Key // of new alerts, by Apply
}

func (w *witness) Correlate(
	ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet,
) (correlation.Decision, error) {
	w.asked = append(w.asked, keys.All())
	return w.Default.Correlate(ctx, r, a, keys)
}

func (w *witness) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	before := len(w.stored)
	for n, a := range cs.Alerts {
		if a.Version == 0 {
			w.stored = append(w.stored, cs.AlertKeys[n])
		}
	}
	if len(w.stored) > before && w.conflicts > 0 {
		w.conflicts--
		return storage.Receipt{}, &storage.ConflictError{Record: "incident"}
	}
	return w.Storage.Apply(ctx, cs)
}

// The keys of a new alert are computed once: the correlator and the storage are given the same list, not an equal one,
// in each attempt.
func TestKeysOfANewAlertAreComputedOnce(t *testing.T) {
	device, user := alert.Device{DeviceID: "d1", DNSName: "web-1"}, alert.User{UPN: "mona", SID: "s"}
	w := &witness{Storage: memory.New()}
	m := manager.New(w, &manager.Options{Correlator: w})
	for n, about := range []struct {
		outcome manager.Outcome
		alert   alert.Alert
	}{
		{manager.Opened, raise(0, 0, device)},
		{manager.Opened, raise(1, 0, user)},
		{manager.Joined, raise(2, 1, device)},
		{manager.Joined, raise(3, 2, user, device)}, // and the two are merged
	} {
		w.asked, w.stored, w.conflicts = nil, nil, n%2
		results, err := m.Ingest(t.Context(), siem, []alert.Alert{about.alert})
		require.NoError(t, err)
		require.Equal(t, about.outcome, results[0].Outcome)
		require.NotEmpty(t, w.asked)
		require.Len(t, w.stored, 1+n%2, "attempts")
		for _, keys := range append(w.asked, w.stored...) {
			require.Equal(t, about.alert.Keys(), keys)
			assert.Same(t, &w.asked[0][0], &keys[0])
		}
	}
}

// So it is with those that an incident comes with; what is there already has no keys that are given.
func TestKeysOfAlertsThatAreImported(t *testing.T) {
	w := &witness{Storage: memory.New()}
	m := manager.New(w, &manager.Options{Correlator: w})
	device := alert.Device{DeviceID: "d1"}
	d := theirs(7, raise(0, 0, device), raise(1, 0))
	w.conflicts = 1
	_, _, err := m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	require.Len(t, w.stored, 4)
	for n, keys := range w.stored {
		assert.Equal(t, d.Alerts[n%2].Keys(), keys)
		assert.Same(t, &w.stored[n%2][0], &keys[0])
	}
	w.stored = nil
	_, err = m.Create(t.Context(), kai, incident.Draft{Alerts: []alert.Alert{raise(2, 0, device)}})
	require.NoError(t, err)
	assert.Equal(t, [][]alert.Key{raise(2, 0, device).Keys()}, w.stored)
	w.stored = nil
	_, _, err = m.Import(t.Context(), siem, newer(theirs(7, raise(0, 0), raise(1, 0), raise(3, 0, device))))
	require.NoError(t, err)
	assert.Equal(t, [][]alert.Key{raise(3, 0, device).Keys()}, w.stored)
}

// A report that came too late adds its keys to those of the alert, and one that says less leaves them.
func TestAReportAddsItsKeys(t *testing.T) {
	s := &tape{Storage: memory.New()}
	m := over(s)
	first := raise(0, 0, alert.Device{DeviceID: "d1"})
	first.SourceUpdated = start
	id := ingest(t, m, first)[0].Incident
	older := raise(0, 0, alert.Device{DeviceID: "d2"})
	older.SourceUpdated = start.Add(-time.Hour)
	require.Equal(t, manager.Updated, ingest(t, m, older)[0].Outcome)
	require.Equal(t, manager.Repeated, ingest(t, m, older)[0].Outcome)
	require.Equal(t, manager.Repeated, ingest(t, m, raise(0, 0))[0].Outcome)
	for _, cs := range s.applied {
		for n, keys := range cs.AlertKeys {
			assert.True(t, keys == nil || slices.Equal(cs.Alerts[n].Keys(), keys), "%q", keys)
		}
	}
	assert.Equal(t, id, ingest(t, m, raise(1, 0, alert.Device{DeviceID: "d1"}))[0].Incident)
	assert.Equal(t, id, ingest(t, m, raise(2, 0, alert.Device{DeviceID: "d2"}))[0].Incident)
	consistent(t, s)
}
