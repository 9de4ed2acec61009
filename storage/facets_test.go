package storage_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Each list of a summary is counted in the field of its own name, and in no other.
func TestCountsOfLists(t *testing.T) {
	lists := 0
	for field := range reflect.TypeFor[storage.Counts]().Fields() {
		in, ok := reflect.TypeFor[incident.Summary]().FieldByName(field.Name)
		if !ok || in.Type != reflect.TypeFor[[]string]() {
			continue
		}
		lists++
		var i incident.Incident
		reflect.ValueOf(&i.Alerts).Elem().FieldByIndex(in.Index).Set(reflect.ValueOf([]string{"v"}))
		var got, none, want storage.Counts
		got.Add(&i)
		none.Add(new(incident.Incident))
		want = none
		reflect.ValueOf(&want).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(map[string]int{"v": 1}))
		assert.Equal(t, want, got, field.Name)
	}
	require.Equal(t, incident.Lists, lists)
}
