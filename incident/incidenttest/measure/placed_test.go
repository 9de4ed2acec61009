package measure

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Alerts are where they are after the last merge, in the order in which they were given, with their links and labels.
func TestCorrelate(t *testing.T) {
	given := labelled("a:ws-1 b:ws-2 a:ws-1,ws-2 :ws-9")
	got, err := Correlate(t.Context(), given, nil)
	require.NoError(t, err)
	require.Len(t, got, 4)
	for n, p := range got {
		assert.Equal(t, given[n].Alert.Origin, p.Alert.Origin)
		assert.Equal(t, given[n].Alert.Evidence, p.Alert.Evidence)
		assert.Equal(t, given[n].Attack, p.Attack)
		assert.Equal(t, given[n].Alert.FirstActivity, p.Alert.Received)
	}
	assert.Equal(t, got[0].Incident, got[1].Incident, "the third has merged them")
	assert.Equal(t, got[0].Incident, got[2].Incident)
	assert.NotEqual(t, got[0].Incident, got[3].Incident)
	assert.Equal(t, []alert.Key{"host:ws-1", "host:ws-2"}, linksOf(got[2]))

	again, err := Correlate(t.Context(), given, nil)
	require.NoError(t, err)
	assert.Equal(t, got, again)
}

// apart leaves every alert alone.
type apart struct{}

func (apart) Correlate(context.Context, storage.Reader, alert.Alert, alert.KeySet) (correlation.Decision, error) {
	return correlation.Decision{}, nil
}

// The options are those of the manager, and are not changed.
func TestCorrelateOptions(t *testing.T) {
	o := &manager.Options{Correlator: apart{}}
	got, err := Correlate(t.Context(), labelled("a:ws-1 a:ws-1"), o)
	require.NoError(t, err)
	assert.NotEqual(t, got[0].Incident, got[1].Incident)
	assert.Nil(t, o.Now)
	assert.Nil(t, o.NewID)
}

// The clock is at the time of each alert, and does not go back for one that comes late.
func TestCorrelateClock(t *testing.T) {
	given := labelled("a:ws-1 a:ws-2 a:ws-3 a:ws-4")
	given[0].Alert.FirstActivity = time.Time{}
	given[0].Alert.LastActivity = morning
	given[1].Alert.Created = morning.Add(time.Hour)
	given[3].Alert.FirstActivity = time.Time{}
	got, err := Correlate(t.Context(), given, nil)
	require.NoError(t, err)
	var received []time.Duration
	for _, p := range got {
		received = append(received, p.Alert.Received.Sub(morning))
	}
	assert.Equal(t, []time.Duration{0, time.Hour, time.Hour, time.Hour}, received)
}

// An alert with the Origin of another, and one that the manager refuses, are errors that name them.
func TestCorrelateRefuses(t *testing.T) {
	given := labelled("a:ws-1 a:ws-2 a:ws-3")
	given[2].Alert.Origin = given[0].Alert.Origin
	_, err := Correlate(t.Context(), given, nil)
	require.ErrorIs(t, err, alert.ErrInvalid)
	require.EqualError(t, err,
		`correlate alert 2: alert s:0: origin.id "0": want an identifier that alert 0 does not have`)

	given[2].Alert.Origin = alert.Origin{}
	_, err = Correlate(t.Context(), given, nil)
	require.ErrorIs(t, err, alert.ErrInvalid)
	require.ErrorContains(t, err, "correlate alert 2")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Correlate(ctx, given[:2], nil)
	require.ErrorIs(t, err, context.Canceled)
}

// A storage that a program has filled itself is measured as well: alerts in the order in which they came, those that
// are not in the log last, and alerts without a label as noise.
func TestCollect(t *testing.T) {
	s := memory.New()
	now := morning
	m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
	by := activity.Actor{ID: "siem"}
	lost := alert.Alert{
		ID: "s:lost", Origin: alert.Origin{Source: "s", ID: "lost"}, Title: "t", Incident: "gone", Received: morning,
	}
	earlier := lost
	earlier.ID, earlier.Origin.ID, earlier.Received = "s:x", "x", morning.Add(-time.Hour)
	_, err := s.Apply(t.Context(), storage.Changeset{
		Incidents: []incident.Incident{{ID: "gone"}}, Alerts: []alert.Alert{lost, earlier},
	})
	require.NoError(t, err)
	for _, l := range slices.Backward(labelled("a:ws-1 a:ws-1 b:ws-2")) {
		_, err := m.Ingest(t.Context(), by, []alert.Alert{l.Alert})
		require.NoError(t, err)
	}
	var got []Placed
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) (err error) {
		got, err = Collect(t.Context(), r, func(a alert.Alert) string { return map[alert.ID]string{"s:0": "a"}[a.ID] })
		return err
	}))
	var ids, labels []string
	for _, p := range got {
		ids, labels = append(ids, string(p.Alert.ID)), append(labels, p.Attack)
	}
	assert.Equal(t, []string{"s:2", "s:1", "s:0", "s:x", "s:lost"}, ids)
	assert.Equal(t, []string{"", "", "a", "", ""}, labels)
	assert.Equal(t, []alert.Key{"host:ws-1"}, linksOf(got[2]))
	assert.Equal(t, 3, Compute(got, nil).Incidents)

	require.NoError(t, s.Close())
	ctx, cancel := context.WithCancel(t.Context())
	other := memory.New()
	err = other.View(t.Context(), func(r storage.Reader) error {
		cancel()
		_, err := Collect(ctx, r, nil)
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
}
