package incidenttest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	kit "github.com/incidentkit/incidentkit/incident/incidenttest"
	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
)

// The default correlator finds the incidents of each scenario, unless the scenario gives the reason why not. A
// scenario with such a reason fails once the correlator finds its incidents.
func TestScenarios(t *testing.T) {
	for _, s := range kit.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			assert.True(
				t,
				slices.IsSortedFunc(
					s.Raw(),
					func(a, b alert.Alert) int { return a.FirstActivity.Compare(b.FirstActivity) },
				),
			)
			said := reported(t, func(t testing.TB) {
				h := kit.New(t, nil)
				h.Ingest(s.Raw()...)
				h.WantIncidents(s.Incidents...)
			})
			assert.Equal(t, s.Beyond != "", said != "", "beyond: %q, but the harness says:\n%s", s.Beyond, said)
		})
	}
}

// Every alert of a scenario is one that a source could send, and stands in one of the incidents that are wanted.
func TestScenariosAreConsistent(t *testing.T) {
	for _, s := range kit.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			var have, want []string
			for _, a := range s.Raw() {
				assert.NoError(t, a.Validate())
				assert.Empty(t, a.Notes())
				have = append(have, a.Title)
			}
			for _, i := range s.Incidents {
				for _, text := range i.Alerts {
					title, several := strings.CutSuffix(text, " ×150")
					want = append(want, title)
					if several {
						want = append(want, slices.Repeat([]string{title}, 149)...)
					}
				}
			}
			assert.ElementsMatch(t, have, want)
		})
	}
}

func TestMeasure(t *testing.T) {
	s := kit.Scenarios()[0]
	h := kit.New(t, nil)
	h.Ingest(s.Raw()...)
	scores := h.Measure(s.Label, []string{"T1078", "T1486"})
	h.WantScores(scores, measure.Thresholds{F1: 1, Exact: 1})
	assert.Equal(t, []string{"T1486"}, scores.Techniques.Missing)

	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(s.Raw()...)
		h.Ingest(kit.Alert("Patch", alert.Informational, kit.At(time.Hour), kit.Device("srv-01.corp.example")))
		h.WantScores(h.Measure(s.Label, nil), measure.Thresholds{F1: 0.9, Exact: 1})
	})
	assert.Equal(t, "measure: f1 is 0.6666666666666666, below 0.9\nmeasure: exact is 0, below 1", said)
}

// Labels are asked for with the IDs that the pipeline gave, and labels that fit no alert do not pass.
func TestMeasureOfRandomIDs(t *testing.T) {
	a := kit.Alert("Dump", alert.High, kit.ID("0b9f4c3e-6f4a-4a3b-9d3e-0a1b2c3d4e5f"))
	h := kit.New(t, nil)
	h.Ingest(a)
	s := kit.Scenario{Alerts: []measure.Labelled{{Attack: "dump", Alert: a}}}
	assert.Equal(t, 1, h.Measure(s.Label, nil).Attacks)
	assert.Equal(t, 1, h.Measure(func(b alert.Alert) string {
		return map[alert.ID]string{a.Origin.AlertID(): "dump"}[b.ID]
	}, nil).Attacks)
	assert.Equal(t, "measure: none of 1 alert has a label", reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(a)
		h.Measure(kit.Scenario{}.Label, nil)
	}))
}

// A move by hand, there and back, leaves what the correlator has joined among the joins.
func TestMeasureAfterMoves(t *testing.T) {
	h := kit.New(t, nil)
	h.Ingest(kit.Alert("A", alert.Low, kit.ID("a"), kit.Device("x")),
		kit.Alert("B", alert.Low, kit.ID("b"), kit.Device("x")))
	label := func(a alert.Alert) string { return a.Title }
	before, home := h.Measure(label, nil), h.Find("A").ID
	for _, to := range []incident.ID{"", home} {
		_, err := h.Manager.MoveAlerts(t.Context(), analyst, []alert.ID{"test:b"}, to, "")
		assert.NoError(t, err)
	}
	assert.NotEmpty(t, before.Keys)
	assert.Equal(t, before.Keys, h.Measure(label, nil).Keys)
}
