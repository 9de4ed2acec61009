package alert_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// The markers of an alert are those that its identifiers give, and no others.
func TestMarkers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAlert(t)
		a.Techniques = rapid.SampledFrom([][]string{nil, {"T1021.001"}, {"T1072"}}).Draw(t, "techniques")
		a.LastActivity = a.FirstActivity.Add(rapid.SampledFrom([]time.Duration{0, time.Hour - 1, time.Hour}).Draw(t, "lasts"))
		ids := a.Identifiers(nil)
		want := map[alert.Key]bool{}
		for _, i := range ids {
			if i.Strength == alert.Linking {
				want[i.Stored.Linking()] = true
				if a.LastActivity.Sub(a.FirstActivity) == time.Hour {
					want[i.Stored.Lasting()] = true
				}
			}
			if i.Strength >= alert.Weaker && slices.Contains(a.Techniques, "T1021.001") {
				want[i.Stored.Moving()] = true
			}
			if i.Strength >= alert.Weaker && !alert.NamesDevice(ids) {
				want[i.Stored.Alone()] = true
			}
		}
		have := map[alert.Key]bool{}
		for _, key := range a.Keys() {
			if key.IsMarker() {
				have[key] = true
			}
		}
		require.Equal(t, want, have)
		require.Equal(t, a.Keys(), a.KeySet().All())
		require.Equal(t, ids, a.KeySet().Identifiers())
	})
}

// An alert that is standalone has no markers.
func TestMarkersOfAStandaloneAlert(t *testing.T) {
	a := alert.Alert{Evidence: []alert.Evidence{{Entity: alert.Device{HostName: "ws-1"}}}}
	assert.True(t, slices.ContainsFunc(a.Keys(), alert.Key.IsMarker))
	a.Standalone = true
	assert.False(t, slices.ContainsFunc(a.Keys(), alert.Key.IsMarker))
}

func TestMoves(t *testing.T) {
	for _, a := range []alert.Alert{
		{Category: "lateral movement"}, {Techniques: []string{"T1059", "t1550.002"}}, {Techniques: []string{"T1076"}},
	} {
		assert.True(t, a.Moves(), "%+v", a)
	}
	for _, a := range []alert.Alert{{}, {Category: "Impact", Techniques: []string{"T1072", "T1091", "T10210", "", "T1047"}}} {
		assert.False(t, a.Moves(), "%+v", a)
	}
}
