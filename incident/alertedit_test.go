package incident_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Texts of alerts that are replaced are logged, and the summary and the name follow as if the alerts had come with
// them. No later report of the source brings back what they were.
func TestReplacedTextsOfAlertsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := open(t, newAlert(0, alert.Low, "a"), newAlert(1, alert.Low, "b"), newAlert(2, alert.Low, "a"))
		text := rapid.Ptr(rapid.SampledFrom([]string{"A", "B"}), true)
		for n := range 3 {
			edited := rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 0, 3, rapid.ID[int]).Draw(t, "alerts")
			e := incident.AlertEdit{
				Title: text.Draw(t, "title"), Description: text.Draw(t, "description"),
				RecommendedActions: text.Draw(t, "actions"),
			}
			some := incident.Case{Incident: c.Incident}
			var others []alert.Alert
			for at, a := range c.Alerts {
				if slices.Contains(edited, at) {
					some.Alerts = append(some.Alerts, a)
				} else {
					others = append(others, a)
				}
			}
			effect, err := e.Apply(command(n), some, others, tax)
			require.NoError(t, err)
			c.Incident = effect.Incident
			for _, a := range effect.Alerts {
				at := slices.IndexFunc(c.Alerts, func(b alert.Alert) bool { return a.ID == b.ID })
				entry := slices.IndexFunc(effect.Activity, func(e activity.Entry) bool { return e.Alert == a.ID })
				require.Equal(t, activity.AlertUpdated, effect.Activity[entry].Type)
				c.Alerts[at] = a
			}
			require.Equal(t, incident.Summarize(c.Alerts), c.Incident.Alerts)
			require.Equal(t, incident.GenerateName(c.Incident.Alerts), c.Incident.Name)
		}
		for _, a := range c.Alerts {
			again := a
			again.Title, again.Description, again.RecommendedActions = "C", "C", "C"
			again.Category = "Impact"
			got, _ := incident.Repeat(command(9), a, again)
			require.Equal(t, "Impact", got.Category)
			for name, is := range map[string][2]string{
				"title": {a.Title, got.Title}, "description": {a.Description, got.Description},
				"recommendedActions": {a.RecommendedActions, got.RecommendedActions},
			} {
				if slices.Contains(a.Edited, name) {
					require.Equal(t, is[0], is[1], name)
				} else {
					require.Equal(t, "C", is[1], name)
				}
			}
		}
	})
}

// Each text has its limit, and a title is needed.
func TestTextsThatNoAlertCanHave(t *testing.T) {
	long := strings.Repeat("ä", alert.MaxText+1)
	_, err := incident.AlertEdit{
		Title: new(" "), Description: new("\xff"), RecommendedActions: &long,
	}.Apply(command(1), open(t, newAlert(0, alert.Low, "a")), nil, tax)
	for _, field := range []string{"title", "description", "recommendedActions"} {
		_, ok := errorFor(err, field)
		assert.True(t, ok, field)
	}
}
