package postgres

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// TestEscape: what PostgreSQL is given has no U+0000, leads back to the text, has its order, and is found in others
// just where the text is. These are all texts of up to three characters, of those that matter.
func TestEscape(t *testing.T) {
	texts, longest := []string{""}, []string{""}
	for range 3 {
		var longer []string
		for _, s := range longest {
			for _, c := range []string{"\x00", "\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "ä"} {
				longer = append(longer, s+c)
			}
		}
		texts, longest = append(texts, longer...), longer
	}
	for _, a := range texts {
		escaped := escape(a)
		if strings.Contains(escaped, "\x00") || unescape(escaped) != a {
			t.Fatalf("%q is escaped as %q and leads back to %q", a, escaped, unescape(escaped))
		}
		for _, b := range texts {
			if strings.Compare(escaped, escape(b)) != strings.Compare(a, b) || strings.Contains(escaped, escape(b)) != strings.Contains(a, b) {
				t.Fatalf("%q and %q are escaped as %q and %q", a, b, escaped, escape(b))
			}
		}
	}
}

// TestReferences: no two references are joined to the same text.
func TestReferences(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune{'1', ':', 'a'}))
	rapid.Check(t, func(t *rapid.T) {
		a := incident.Reference{System: text.Draw(t, "system"), ID: text.Draw(t, "id")}
		b := incident.Reference{System: text.Draw(t, "other system"), ID: text.Draw(t, "other id")}
		joined := references([]incident.Reference{a, b})
		require.Equal(t, a == b, joined[0] == joined[1])
	})
}

// TestStatementsHaveNoValues gives the queries values in every field, and none of them is in the text of a
// statement. Every field that Match looks at adds to the arguments.
func TestStatementsHaveNoValues(t *testing.T) {
	const mark, number = "it's a mark", 77
	var fill func(v reflect.Value, depth int)
	fill = func(v reflect.Value, depth int) {
		switch v.Kind() {
		case reflect.String:
			v.SetString(mark)
		case reflect.Int, reflect.Int64:
			v.SetInt(number)
		case reflect.Uint8:
			v.SetUint(number)
		case reflect.Slice:
			if depth == 0 && v.Type() == reflect.TypeFor[[]incident.Query]() {
				return
			}
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), depth-1)
		case reflect.Struct:
			for _, field := range v.Fields() {
				if field.CanSet() {
					fill(field, depth)
				}
			}
		}
	}
	var iq incident.Query
	var aq alert.Query
	var eq activity.Query
	var sq storage.SightingQuery
	for _, q := range []any{&iq, &aq, &eq, &sq} {
		fill(reflect.ValueOf(q).Elem(), 1)
	}
	many := aq
	many.Entities = append(many.Entities, "another")
	statements := func(w *where) map[string]string {
		all := map[string]string{
			"alerts": w.alertPage(&aq, number, mark, true, number), "alerts with entities": w.alertPage(&many, number, mark, true, number),
			"entries":   w.entryPage(&eq, number),
			"sightings": w.sightingPage(&sq, mark, &storage.Sighting{Alert: mark}, number),
		}
		for iq.Sort = range sorts {
			all["incidents by "+iq.Sort.String()] = w.incidentPage(&iq, incident.Place{Text: mark, Rank: number, Updated: number, Number: number}, true, number)
		}
		return all
	}
	w := newWhere(mark)
	w.args = make([]any, 100) // so that no placeholder is one of the numbers
	for name, sql := range statements(w) {
		assert.NotContains(t, sql, "mark", name)
		assert.NotContains(t, sql, " 77", name)
		assert.NotContains(t, sql, "'", name)
	}
}
