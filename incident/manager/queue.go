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
	err = m.counting(ctx, by, q, func(r storage.Reader) error {
		n, err = storage.Count(ctx, r, q)
		return err
	}, func(*incident.Incident) { n++ })
	if err != nil {
		return 0, fmt.Errorf("count incidents: %w", err)
	}
	return n, nil
}

// Facets returns how many incidents q selects that by may read for each value of the filters, whatever page of
// them it asks for. See [storage.Facets]; with an [Authorizer], the incidents are read one by one.
func (m *Manager) Facets(ctx context.Context, by activity.Actor, q incident.Query) (c storage.Counts, err error) {
	err = m.counting(ctx, by, q, func(r storage.Reader) error {
		c, err = storage.Facets(ctx, r, q)
		return err
	}, c.Add)
	if err != nil {
		return storage.Counts{}, fmt.Errorf("count incidents by value: %w", err)
	}
	return c, nil
}

// counting lets the storage count the incidents of q where everybody may read them all, and adds each that by may read
// where not.
func (m *Manager) counting(ctx context.Context, by activity.Actor, q incident.Query, all func(storage.Reader) error, add func(*incident.Incident)) error {
	if m.authorizer == nil {
		return m.view(ctx, by, all)
	}
	q.Sort, q.Ascending, q.After, q.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
	for i, err := range m.Incidents(ctx, by, q) {
		if err != nil {
			return err
		}
		add(&i)
	}
	return nil
}
