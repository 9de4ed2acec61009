package incidenttest

import (
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
	"github.com/incidentkit/incidentkit/storage"
)

// Measure compares the queue with labels: label returns the attack that an alert belongs to, and "" for
// noise. It logs the table of the scores, which go test -v shows. techniques is what the alerts are to cover,
// and may be nil.
func (h *Harness) Measure(label func(alert.Alert) string, techniques []string) measure.Scores {
	h.t.Helper()
	var all []measure.Placed
	err := h.Storage.View(h.t.Context(), func(r storage.Reader) (err error) {
		all, err = measure.Collect(h.t.Context(), r, label)
		return err
	})
	if err != nil {
		h.t.Fatalf("measure: %v", err)
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
