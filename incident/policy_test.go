package incident_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// Whatever an edit does, a policy refuses it just when it leaves a resolved incident without something that
// the policy asks for and that was not missing from the resolved incident before.
func TestPolicy(t *testing.T) {
	draw := func(t *rapid.T, name string) incident.Incident {
		i := incident.Incident{ID: "i", Status: rapid.SampledFrom([]incident.Status{incident.Active, incident.InProgress, incident.Resolved}).Draw(t, name)}
		i.Note = rapid.SampledFrom([]string{"", "done"}).Draw(t, name)
		i.Verdict.Classification = rapid.SampledFrom([]classification.Classification{"", classification.TruePositive}).Draw(t, name)
		return i
	}
	rapid.Check(t, func(t *rapid.T) {
		before, after := draw(t, "before"), draw(t, "after")
		p := incident.Policy{NoteToResolve: rapid.Bool().Draw(t, "note needed"), VerdictToResolve: rapid.Bool().Draw(t, "verdict needed")}
		var want []string
		if after.Status == incident.Resolved && p.NoteToResolve && after.Note == "" && !(before.Status == incident.Resolved && before.Note == "") {
			want = append(want, "note")
		}
		if after.Status == incident.Resolved && p.VerdictToResolve && after.Verdict.IsZero() && !(before.Status == incident.Resolved && before.Verdict.IsZero()) {
			want = append(want, "verdict")
		}
		err := p.Check(before, after)
		assert.Equal(t, len(want) > 0, err != nil)
		for _, field := range want {
			assert.ErrorIs(t, err, alert.ErrInvalid)
			assert.True(t, strings.Contains(err.Error(), "incident i: "+field), err)
		}
	})
}
