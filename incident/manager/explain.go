package manager

import (
	"context"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Explain says why the alerts of the incident with that ID are together, alert by alert in the order of the
// zero [alert.Query], and what was held back when each of them came or was updated.
// [incident.Explanation.Sentence] says in words how one alert came, and [incident.Rationale] makes one
// sentence of all explanations. The alerts are [alert.Alert.Brief]. Numbers has those of the incidents that
// by may read. The error matches [storage.ErrNotFound] when there is no such incident.
//
// Explain reads the alerts with their evidence, which tells how the source spells names, and the log of the
// incident and of those that were merged into it.
func (m *Manager) Explain(ctx context.Context, by activity.Actor, id incident.ID) ([]incident.Explanation, error) {
	var all []incident.Explanation
	err := m.view(ctx, by, func(r storage.Reader) error {
		i, err := m.to(ActionRead, by).open(ctx, r, id)
		if err != nil {
			return err
		}
		alerts, err := collect(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}}))
		if err != nil {
			return err
		}
		sources, err := incident.Sources(r.Activity(ctx, activity.Query{Incidents: []incident.ID{i.ID}}))
		if err != nil {
			return err
		}
		all, err = incident.Explain(i.ID, alerts, r.Activity(ctx, activity.Query{
			Incidents: append(sources, i.ID),
			Types:     incident.ExplainTypes(),
			Origins:   []incident.ID{""},
		}))
		if err != nil {
			return err
		}
		for n := range all {
			all[n].Alert = all[n].Alert.Brief()
		}
		return m.number(ctx, by, r, all)
	})
	if err != nil {
		return nil, failed("explain", "incident", id, err)
	}
	return all, nil
}

// number sets the Numbers of the explanations.
func (m *Manager) number(ctx context.Context, by activity.Actor, r storage.Reader, all []incident.Explanation) error {
	numbers := make(map[incident.ID]int64)
	for _, e := range all {
		for _, id := range e.Linked() {
			numbers[id] = 0
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	r, err := m.readable(ctx, by, r)
	if err != nil {
		return err
	}
	for i, err := range r.Incidents(ctx, incident.Query{IDs: slices.Sorted(maps.Keys(numbers))}) {
		if err != nil {
			return err
		}
		numbers[i.ID] = i.Number
	}
	for n, e := range all {
		for _, id := range e.Linked() {
			if numbers[id] == 0 {
				continue
			}
			if e.Numbers == nil {
				e.Numbers = make(map[incident.ID]int64)
			}
			e.Numbers[id] = numbers[id]
		}
		all[n] = e
	}
	return nil
}
