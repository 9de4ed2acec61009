package incident_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Which status an edit may set from which: all but those of and from what was merged away. Setting the one that is
// there changes nothing.
func TestStatusTransitionsOfAnEdit(t *testing.T) {
	for from := incident.Active; from <= incident.Redirected; from++ {
		for to := incident.Active; to <= incident.Redirected+1; to++ {
			t.Run(fmt.Sprint(from, " to ", to), func(t *testing.T) {
				c := open(t, newAlert(0, alert.Low, "a"))
				c.Incident.Status = from
				if from == incident.Resolved {
					c.Incident.Note, c.Incident.Resolved = "done", start
				}
				e, err := incident.Edit{Status: &to}.Apply(command(1), c, tax)
				switch {
				case from == incident.Redirected:
					assert.ErrorIs(t, err, incident.ErrRedirected)
				case to > incident.Resolved:
					assert.ErrorIs(t, err, alert.ErrInvalid)
				case from == to:
					require.NoError(t, err)
					assert.True(t, e.IsZero())
				default:
					require.NoError(t, err)
					assert.Equal(t, to, e.Incident.Status)
					assert.Equal(t, to == incident.Resolved, !e.Incident.Resolved.IsZero(), "a time just when it is resolved")
					assert.Empty(t, e.Incident.Note)
				}
			})
		}
	}
}
