package export_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Whatever happened, no report has a text that was redacted, and none says that nothing became of nothing.
func TestNoReportHasWhatWasRedacted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		d := anyday.New(t.Context(), rt, s)
		d.Happen(15)
		gone := d.Forget(s)
		for i, err := range d.Manager.Incidents(t.Context(), activity.Actor{ID: "mira"}, incident.Query{}) {
			require.NoError(rt, err)
			var r export.Report
			require.NoError(rt, s.View(t.Context(), func(from storage.Reader) (err error) {
				r, err = export.Collect(t.Context(), from, i.ID, nil)
				return err
			}))
			text, err := json.Marshal(r)
			require.NoError(rt, err)
			var html bytes.Buffer
			require.NoError(rt, export.WriteHTML(t.Context(), &html, r))
			for _, slip := range gone {
				require.NotContains(rt, string(text), slip)
				require.NotContains(rt, html.String(), slip)
			}
			for _, field := range []string{"Name", "Description", "Resolution note", "Tags", "Title"} {
				require.NotContains(rt, html.String(), field+": none → none")
			}
		}
	})
}
