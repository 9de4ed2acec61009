package driver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage/driver"
)

func listOf[T any](values ...T) *rapid.Generator[[]T] {
	return rapid.SliceOfN(rapid.SampledFrom(values), 1, 2)
}

func hour(t *rapid.T) time.Time {
	return time.Date(2026, 3, 1, rapid.IntRange(0, 2).Draw(t, "hour"), 0, 0, 0, time.UTC)
}

// set gives one field of a query a value, of few.
func set(t *rapid.T, field int, q *incident.Query) {
	texts := listOf("a", "A", "b", "ß", "ss", "")
	switch field {
	case 0:
		q.IDs = listOf[incident.ID]("a", "b", "").Draw(t, "ids")
	case 1:
		q.Numbers = listOf[int64](0, 1, 2).Draw(t, "numbers")
	case 2:
		q.Statuses = listOf[incident.Status](0, 1, 2).Draw(t, "statuses")
	case 3:
		q.Severities = listOf[alert.Severity](0, 1, 2).Draw(t, "severities")
	case 4:
		q.PriorityMin = rapid.IntRange(-2, 2).Draw(t, "priorityMin")
	case 5:
		q.PriorityMax = rapid.IntRange(-2, 2).Draw(t, "priorityMax")
	case 6:
		q.Owners = texts.Draw(t, "owners")
	case 7:
		q.Unassigned = true
	case 8:
		q.Classifications = listOf[classification.Classification]("", "a").Draw(t, "classifications")
	case 9:
		q.Determinations = listOf[classification.Determination]("", "a").Draw(t, "determinations")
	case 10:
		q.Criticalities = listOf[alert.Criticality](0, 1, 2).Draw(t, "criticalities")
	case 11:
		q.MultipleSources = true
	case 12:
		q.MultipleCategories = true
	case 13:
		q.CreatedSince = hour(t)
	case 14:
		q.CreatedUntil = hour(t)
	case 15:
		q.UpdatedSince = hour(t)
	case 16:
		q.UpdatedUntil = hour(t)
	case 17:
		q.Tags = texts.Draw(t, "tags")
	case 18:
		q.AlertSeverities = listOf[alert.Severity](0, 1, 2).Draw(t, "alertSeverities")
	case 19:
		q.AlertClassifications = listOf[classification.Classification]("", "a").Draw(t, "alertClassifications")
	case 20:
		q.Entities = listOf[alert.Key]("device:a", "device:b").Draw(t, "entities")
	case 21:
		q.References = listOf(incident.Reference{ID: "a"}, incident.Reference{ID: "b", URL: "x"}).Draw(t, "references")
	case 22:
		q.Text = rapid.SampledFrom([]string{"a", "b", "SS", "1"}).Draw(t, "text")
	default:
		*q.Lists()[field-fields] = texts.Draw(t, "list")
	}
}

const (
	movable = 17 // fields of which Flat moves all
	fields  = 23 // besides lists
)

func anyQuery(t *rapid.T, most, depth int) (q incident.Query) {
	for range rapid.IntRange(0, 3).Draw(t, "filters") {
		set(t, rapid.IntRange(0, most-1).Draw(t, "field"), &q)
	}
	if depth == 0 {
		return q
	}
	for range rapid.IntRange(0, 3).Draw(t, "within") {
		x := anyQuery(t, most, depth-1)
		x.Limit, x.Sort = 1, incident.ByName // do not count
		q.Within = append(q.Within, x)
	}
	for range rapid.IntRange(0, 1).Draw(t, "except") {
		q.Except = append(q.Except, anyQuery(t, most, depth-1))
	}
	return q
}

func anyCase(t *rapid.T) incident.Case {
	i := anyIncident(t)
	i.ID = rapid.SampledFrom([]incident.ID{"", "a", "b"}).Draw(t, "id")
	i.Number = rapid.Int64Range(0, 2).Draw(t, "number")
	i.Status, i.Severity = i.Status%3, i.Severity%3
	i.Name = rapid.SampledFrom([]string{"a", "b", "aßb"}).Draw(t, "name")
	i.Priority = rapid.IntRange(-3, 3).Draw(t, "priority")
	i.Created, i.Updated, i.Alerts.Criticality = hour(t), hour(t), i.Alerts.Criticality%3
	i.Alerts.Count = rapid.IntRange(0, 1).Draw(t, "alerts")
	i.Alerts.BySeverity[rapid.IntRange(0, 2).Draw(t, "alert")]++
	c := incident.Case{Incident: i}
	for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, "devices") {
		device := alert.Evidence{Entity: alert.Device{DeviceID: id}}
		c.Alerts = append(c.Alerts, alert.Alert{Evidence: []alert.Evidence{device}})
		c.Incident.References = append(c.Incident.References, incident.Reference{ID: id})
	}
	return c
}

// A flat query selects what it selected before, is valid where it was, and cannot be made flatter.
func TestFlatSelectsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuery(t, fields+incident.Lists, 2)
		q.Sort, q.Limit = incident.ByOwner, 7
		before := fmt.Sprintf("%+v", q)
		flat := driver.Flat(q)
		require.Equal(t, before, fmt.Sprintf("%+v", q), "it is as it was")
		require.Equal(t, flat, driver.Flat(flat))
		require.NoError(t, flat.Validate())
		require.Equal(t, [...]any{q.Sort, q.Limit}, [...]any{flat.Sort, flat.Limit})
		for range 8 {
			c := anyCase(t)
			require.Equal(t, q.Match(c), flat.Match(c), "%+v\n%+v\n%+v", q, flat, c)
		}
	})
}

// What can move has moved: nothing stays in Within of fields that have one value, of bounds and of flags, nor of a
// query that is alone in it, nor of one whose lists are among those outside or the other way round.
func TestFlatMovesWhatItCan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		require.Empty(t, driver.Flat(anyQuery(t, movable, 2)).Within)
		x := anyQuery(t, fields+incident.Lists, 0)
		alone := driver.Flat(incident.Query{Within: []incident.Query{{Within: []incident.Query{x}}}})
		x.PriorityMin = max(x.PriorityMin, 0) // which the query around it asks for
		require.Equal(t, x, alone)
		wider := x
		wider.Within = []incident.Query{x}
		for l, list := range wider.Lists() {
			if values := *x.Lists()[l]; len(values) > 0 {
				*list = append([]string{"other"}, values...)
			}
		}
		require.Equal(t, x, driver.Flat(wider))
		wider.Within, x.Within = nil, []incident.Query{wider}
		require.Equal(t, alone, driver.Flat(x))
	})
	texts := incident.Query{Text: "a", Within: []incident.Query{{Text: "b", Tags: []string{"x"}, Limit: 1}}}
	want := incident.Query{Text: "a", Tags: []string{"x"}, Within: []incident.Query{{Text: "b"}}}
	assert.Equal(t, want, driver.Flat(texts))
}

// Long lists are met in no more time than it takes to go through them.
func TestFlatOfLongLists(t *testing.T) {
	var q, x incident.Query
	for n := range 200_000 {
		q.Numbers, x.Numbers = append(q.Numbers, int64(2*n)), append(x.Numbers, int64(3*n))
	}
	q.Tags, x.Tags = []string{"a"}, []string{"b", "a"}
	q.Within = []incident.Query{x}
	flat := driver.Flat(q)
	assert.Empty(t, flat.Within)
	assert.Len(t, flat.Numbers, 66_667)
	assert.Equal(t, q.Tags, flat.Tags)
}
