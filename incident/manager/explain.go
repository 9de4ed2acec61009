package manager

import (
	"context"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Explain says why the alerts of the incident with that ID are together, alert by alert in the order of the zero
// [alert.Query], and what was held back when each of them came. The alerts are [alert.Alert.Brief]. The error
// matches [storage.ErrNotFound] when there is no such incident.
func (m *Manager) Explain(ctx context.Context, by activity.Actor, id incident.ID) ([]incident.Explanation, error) {
	var all []incident.Explanation
	err := m.view(ctx, by, func(r storage.Reader) error {
		i, err := m.to(ActionRead, by).open(ctx, r, id)
		if err != nil {
			return err
		}
		alerts, err := collect(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}, Brief: true}))
		if err != nil {
			return err
		}
		sources, err := incident.Sources(r.Activity(ctx, activity.Query{Incidents: []incident.ID{i.ID}}))
		if err != nil {
			return err
		}
		all, err = incident.Explain(i.ID, alerts, r.Activity(ctx, activity.Query{
			Incidents: append(sources, i.ID),
			Types:     []activity.Type{activity.AlertAdded, activity.AlertMoved, activity.Merged, activity.Unmerged},
			Origins:   []incident.ID{""},
		}))
		return err
	})
	if err != nil {
		return nil, failed("explain", "incident", id, err)
	}
	return all, nil
}
