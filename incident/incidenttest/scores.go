package incidenttest

import (
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
	"github.com/incidentkit/incidentkit/storage"
)

// Measure compares the queue with labels: label returns the attack that an alert belongs to, and "" for
// noise. It is called with the IDs that the pipeline gave, random ones included. Measure reports when no
// alert has a label. It logs the table of the scores, which go test -v shows. techniques is what the alerts
// are to cover, and may be nil.
//
// For labelled alerts of your own, label may be the method Label of a [Scenario] that has them as its Alerts.
func (h *Harness) Measure(label func(alert.Alert) string, techniques []string) measure.Scores {
	h.t.Helper()
	labelled := false
	given := func(a alert.Alert) string {
		a.Origin.ID = h.given[a.Origin]
		a.ID = a.Origin.AlertID()
		attack := label(a)
		labelled = labelled || attack != ""
		return attack
	}
	var all []measure.Placed
	err := h.Storage.View(h.t.Context(), func(r storage.Reader) (err error) {
		all, err = measure.Collect(h.t.Context(), r, given)
		return err
	})
	if err != nil {
		h.t.Fatalf("measure: %v", err)
	}
	if !labelled {
		h.t.Errorf("measure: none of %s has a label", count(len(all), "alert"))
	}
	scores := measure.Compute(all, techniques)
	h.t.Logf("scores:\n%s", scores.Table())
	return scores
}

// WantScores reports each score that is worse than least says.
func (h *Harness) WantScores(scores measure.Scores, least measure.Thresholds) {
	h.t.Helper()
	if err := scores.Check(least); err != nil {
		h.t.Errorf("%v", err)
	}
}
