package manager

import (
	"context"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// DefaultQuery returns what a queue shows to begin with, now. See [incident.DefaultQuery].
func (m *Manager) DefaultQuery() incident.Query { return incident.DefaultQuery(m.stamp()) }

// Count returns how many incidents q selects that by may read, whatever page of them it asks for. See
// [storage.Count]; with an [Authorizer], the incidents are read one by one.
func (m *Manager) Count(ctx context.Context, by activity.Actor, q incident.Query) (n int, err error) {
	err = m.view(ctx, by, func(r storage.Reader) (err error) {
		if m.authorizer == nil {
			n, err = storage.Count(ctx, r, q)
			return err
		}
		return m.eachReadable(ctx, by, r, q, func(*incident.Incident) { n++ })
	})
	if err != nil {
		return 0, fmt.Errorf("count incidents: %w", err)
	}
	return n, nil
}

// Facets returns how many incidents q selects that by may read for each value of the filters, whatever page of
// them it asks for. See [storage.Facets]; with an [Authorizer], the incidents are read one by one.
func (m *Manager) Facets(ctx context.Context, by activity.Actor, q incident.Query) (c storage.Counts, err error) {
	err = m.view(ctx, by, func(r storage.Reader) (err error) {
		if m.authorizer == nil {
			c, err = storage.Facets(ctx, r, q)
			return err
		}
		return m.eachReadable(ctx, by, r, q, c.Add)
	})
	if err != nil {
		return storage.Counts{}, fmt.Errorf("count incidents by value: %w", err)
	}
	return c, nil
}

// eachReadable calls fn with all incidents of q that by may read.
func (m *Manager) eachReadable(ctx context.Context, by activity.Actor, r storage.Reader, q incident.Query, fn func(*incident.Incident)) error {
	q.Sort, q.Ascending, q.After, q.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
	g := m.guard(by)
	for i, err := range r.Incidents(ctx, q) {
		pass := false
		if err == nil {
			pass, err = g.incident(ctx, r, i)
		}
		if err != nil {
			return err
		}
		if pass {
			fn(&i)
		}
	}
	return nil
}
