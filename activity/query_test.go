package activity_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// Each field of a query selects by itself, all of them together, and within one any value will do.
func TestWhatAQueryOfChangesAndOriginsSelects(t *testing.T) {
	renamed := activity.Entry{ID: "renamed", Seq: 1, Type: activity.Renamed, Changes: []activity.Change{{Field: "name", Before: `"A"`, After: `"B"`}, {Field: "renamed", After: "true"}}}
	joined := activity.Entry{ID: "joined", Seq: 2, Type: activity.AlertAdded, Changes: []activity.Change{{Field: "alerts.count", Before: "1", After: "2"}}}
	remark := activity.Entry{ID: "remark", Seq: 3, Type: activity.Commented, Origin: "i2"}
	changed := activity.Entry{ID: "changed", Seq: 4, Type: activity.AlertUpdated, Alert: "a", Origin: "i3", Changes: []activity.Change{{Field: "name", After: `"C"`}}}
	for _, c := range []struct {
		q    activity.Query
		want []activity.ID
	}{
		{activity.Query{}, []activity.ID{"renamed", "joined", "remark", "changed"}},
		{activity.Query{Fields: []string{"renamed"}}, []activity.ID{"renamed"}},
		{activity.Query{Fields: []string{"name", "alerts.count"}}, []activity.ID{"renamed", "joined", "changed"}},
		{activity.Query{Fields: []string{"name"}, Types: []activity.Type{activity.Renamed}}, []activity.ID{"renamed"}},
		{activity.Query{Fields: []string{"Name", "alerts", ""}}, nil},
		{activity.Query{Origins: []alert.IncidentID{"i2", "i3"}}, []activity.ID{"remark", "changed"}},
		{activity.Query{Origins: []alert.IncidentID{""}}, []activity.ID{"renamed", "joined"}},
		{activity.Query{Origins: []alert.IncidentID{"i3"}, Fields: []string{"name"}}, []activity.ID{"changed"}},
		{activity.Query{Categories: []activity.Category{activity.Comment}}, []activity.ID{"remark"}},
		{activity.Query{Categories: []activity.Category{activity.Management, activity.Correlation}}, []activity.ID{"renamed", "joined", "changed"}},
	} {
		var got []activity.ID
		for _, e := range []activity.Entry{renamed, joined, remark, changed} {
			if c.q.Match(e) {
				got = append(got, e.ID)
			}
		}
		assert.Equal(t, c.want, got, "%+v", c.q)
	}
}
