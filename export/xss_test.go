package export

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// Whatever stands in a report, in any of its texts, HTML does nothing. Covers P9 and S2: script, markup and addresses in every field.
func TestHTMLDoesNothing(t *testing.T) {
	for n, attack := range corpus {
		r := seeded(uint64(n)).report()
		texts(reflect.ValueOf(&r).Elem(), "", func(_ string, s reflect.Value) {
			if s.Type() != reflect.TypeFor[alert.Fields]() && s.String() != r.Layout.Accent {
				s.SetString(attack)
			}
		})
		r.Layout.Accent = "#24405c"
		inert(t, written(t, WriteHTML, r))
	}
}

func FuzzHTML(f *testing.F) {
	for _, attack := range corpus {
		f.Add(attack)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := commented(text)
		r.Incident.Name, r.Incident.Description = text, text
		r.Sections = []Section{Overview, Activity}
		inert(t, written(t, WriteHTML, r))
		require.NotPanics(t, func() { written(t, WriteMarkdown, r) })
	})
}
