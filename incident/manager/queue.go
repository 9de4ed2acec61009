package manager

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// DefaultQuery returns what a queue shows to begin with, now. See [incident.DefaultQuery].
func (m *Manager) DefaultQuery() incident.Query { return incident.DefaultQuery(m.stamp()) }

// Count returns how many incidents q selects that by may read, whatever page of them it asks for; see
// [Manager.Incidents] and [storage.Count]. With an [Authorizer] and no [Scope], the incidents are read one by one.
func (m *Manager) Count(ctx context.Context, by activity.Actor, q incident.Query) (n int, err error) {
	err = m.View(ctx, by, func(r storage.Reader) error {
		n, err = storage.Count(ctx, r, listed(q))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count incidents: %w", err)
	}
	return n, nil
}

// Facets returns how many incidents q selects that by may read for each value of the filters, whatever page of
// them it asks for; see [Manager.Incidents] and [storage.Facets]. With an [Authorizer] and no [Scope], the incidents
// are read one by one.
func (m *Manager) Facets(ctx context.Context, by activity.Actor, q incident.Query) (c storage.Counts, err error) {
	err = m.View(ctx, by, func(r storage.Reader) error {
		c, err = storage.Facets(ctx, r, listed(q))
		return err
	})
	if err != nil {
		return storage.Counts{}, fmt.Errorf("count incidents by value: %w", err)
	}
	return c, nil
}

// CountAlerts returns how many alerts q selects that by may read, whatever page of them it asks for; see
// [Manager.Alerts] and [storage.CountAlerts]. Where by may not read everything, the alerts are read one by one.
func (m *Manager) CountAlerts(ctx context.Context, by activity.Actor, q alert.Query) (n int, err error) {
	err = m.View(ctx, by, func(r storage.Reader) error {
		if q, err = leading(ctx, r, q); err == nil {
			n, err = storage.CountAlerts(ctx, r, q)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count alerts: %w", err)
	}
	return n, nil
}

// listed returns q without what was merged away or purged, unless q names statuses or single incidents.
func listed(q incident.Query) incident.Query {
	if len(q.Statuses) == 0 && len(q.IDs) == 0 && len(q.Numbers) == 0 {
		q.Statuses = []incident.Status{incident.Active, incident.InProgress, incident.Resolved}
	}
	return q
}

// leading returns q for the alerts of the incidents that its Incidents lead to.
func leading(ctx context.Context, r storage.Reader, q alert.Query) (alert.Query, error) {
	if len(q.Incidents) == 0 {
		return q, nil
	}
	lead := make(map[incident.ID]incident.ID)
	merged := incident.Query{IDs: q.Incidents, Statuses: []incident.Status{incident.Redirected}}
	for i, err := range r.Incidents(ctx, merged) {
		if err != nil {
			return q, err
		}
		end, err := follow(ctx, r, i.ID)
		if err != nil {
			return q, err
		}
		lead[i.ID] = end.ID
	}
	if len(lead) > 0 {
		q.Incidents = slices.Clone(q.Incidents)
		for n, id := range q.Incidents {
			q.Incidents[n] = cmp.Or(lead[id], id)
		}
	}
	return q, nil
}
