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

// Count returns how many incidents q selects, whatever page of them it asks for. See [storage.Count].
func (m *Manager) Count(ctx context.Context, by activity.Actor, q incident.Query) (n int, err error) {
	err = m.storage.View(ctx, func(r storage.Reader) (err error) {
		n, err = storage.Count(ctx, r, q)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count incidents: %w", err)
	}
	return n, nil
}

// Facets returns how many incidents q selects for each value of the filters, whatever page of them it asks
// for. See [storage.Facets].
func (m *Manager) Facets(ctx context.Context, by activity.Actor, q incident.Query) (c storage.Counts, err error) {
	err = m.storage.View(ctx, func(r storage.Reader) (err error) {
		c, err = storage.Facets(ctx, r, q)
		return err
	})
	if err != nil {
		return storage.Counts{}, fmt.Errorf("count incidents by value: %w", err)
	}
	return c, nil
}
