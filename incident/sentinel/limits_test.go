package sentinel

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// allocated returns how many MiB f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

func TestManyPieces(t *testing.T) {
	const many = 250_000
	for name, text := range map[string]string{
		"entities in a table": `{"SystemAlertId":"s","AlertName":"a","Entities":"[` + strings.Repeat("{},", many) + `{}]"}`,
		"entities":            `{"kind":"SecurityAlert","properties":{"systemAlertId":"s","entities":[` + strings.Repeat("{},", many) + `{}]}}`,
		"numbers":             `{"kind":"SecurityAlert","properties":{"systemAlertId":"s","entities":[` + strings.Repeat("5,", many) + `5]}}`,
		"alerts":              `{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"alerts":[` + strings.Repeat("{},", many) + `{}]}}`,
		"comments":            `{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"comments":[` + strings.Repeat("5,", many) + `{}]}}`,
		"labels":              `{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"labels":[` + strings.Repeat("5,", many) + `{}]}}`,
		"items":               `{"value":[` + strings.Repeat("{},", 50_000) + `{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			taken := allocated(func() {
				for item := range Decode(strings.NewReader(text), "f") {
					assert.LessOrEqual(t, len(item.Notes), maxNotes+1)
					if item.Alert != nil {
						assert.LessOrEqual(t, len(item.Alert.Evidence), alert.MaxEvidence)
					}
				}
			})
			t.Logf("%d MiB", taken)
			assert.Less(t, taken, uint64(100))
		})
	}
}

func TestTooManyEntities(t *testing.T) {
	var list strings.Builder
	for n := range alert.MaxEvidence + 5 {
		fmt.Fprintf(&list, `{"Type":"ip","Address":"2001:db8::%x"},`, n+1)
	}
	items, errs := decode(`{"SystemAlertId":"s","AlertName":"a","Entities":[` + strings.TrimSuffix(list.String(), ",") + `]}`)
	require.Empty(t, errs)
	assert.Len(t, items[0].Alert.Evidence, alert.MaxEvidence)
	assert.Equal(t, []string{"entities 10005: 5 of 10005 entities left out"}, said(items[0].Notes))
	roundTrip(t, items[0])
}

// endless gives the same incident under other names.
type endless struct {
	n, most int
	rest    string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		if e.n == e.most {
			return 0, io.EOF
		}
		e.n++
		e.rest = fmt.Sprintf(`{"name":"n-%d","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"%s"}}`, e.n, strings.Repeat("t", 100_000))
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestALongFileIsReadInParts(t *testing.T) {
	got, noted := 0, 0
	for item, err := range Decode(&endless{most: 350}, "long.json") {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("n-%d", got+1), item.Incident.Reference.ID)
		require.Equal(t, got, item.Index)
		got++
		for _, n := range item.Notes {
			assert.Equal(t, "read in parts of 32 MiB, and joined within each of them alone", n.Said)
			noted++
		}
	}
	assert.Equal(t, 350, got)
	assert.Equal(t, 2, noted)
	for range Decode(&endless{most: 1 << 30}, "long.json") {
		break // it ends although the text does not
	}
}

func TestDepth(t *testing.T) {
	deep := strings.Repeat("[", 600) + strings.Repeat("]", 600)
	_, errs := decode(`{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","deep":` + deep + `}}`)
	require.Len(t, errs, 1)
	assert.EqualError(t, errs[0], "f.json: item 0: want at most 500 levels of lists and objects")
	got := one(t, `{"SystemAlertId":"s","AlertName":"a","Entities":"`+deep+`"}`)
	assert.Contains(t, got.Alert.Extra, "[[[[", "kept as a text")
}
