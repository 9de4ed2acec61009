package manager

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Incident returns the incident with that ID or, when it was merged into another, that other one. The
// error matches [storage.ErrNotFound] when there is none.
func (m *Manager) Incident(ctx context.Context, by activity.Actor, id incident.ID) (incident.Incident, error) {
	var i incident.Incident
	err := m.view(ctx, by, func(r storage.Reader) (err error) {
		i, err = m.opener(by, ActionRead)(ctx, r, id)
		return err
	})
	if err != nil {
		return incident.Incident{}, failed("read", "incident", id, err)
	}
	return i, nil
}

// Incidents yields the incidents that q selects, in its order, as of the moment the loop begins. Those that by may
// not read are left out.
func (m *Manager) Incidents(ctx context.Context, by activity.Actor, q incident.Query) iter.Seq2[incident.Incident, error] {
	return readable(ctx, m, by, q.Limit, func(r storage.Reader, limit int) iter.Seq2[incident.Incident, error] {
		q.Limit = limit
		return r.Incidents(ctx, q)
	}, (*guard).incident)
}

// Alerts yields the alerts that q selects, in its order, as of the moment the loop begins. Those of incidents that
// by may not read are left out.
func (m *Manager) Alerts(ctx context.Context, by activity.Actor, q alert.Query) iter.Seq2[alert.Alert, error] {
	return readable(ctx, m, by, q.Limit, func(r storage.Reader, limit int) iter.Seq2[alert.Alert, error] {
		q.Limit = limit
		return r.Alerts(ctx, q)
	}, func(g *guard, ctx context.Context, r storage.Reader, a alert.Alert) (bool, error) {
		return g.passes(ctx, r, a.Incident)
	})
}

// Activity yields the log entries that q selects, in its order, as of the moment the loop begins. Those of
// incidents that by may not read are left out.
func (m *Manager) Activity(ctx context.Context, by activity.Actor, q activity.Query) iter.Seq2[activity.Entry, error] {
	return readable(ctx, m, by, q.Limit, func(r storage.Reader, limit int) iter.Seq2[activity.Entry, error] {
		q.Limit = limit
		return r.Activity(ctx, q)
	}, func(g *guard, ctx context.Context, r storage.Reader, e activity.Entry) (bool, error) {
		return g.passes(ctx, r, e.Incident)
	})
}

// view runs fn in a View for somebody.
func (m *Manager) view(ctx context.Context, by activity.Actor, fn func(storage.Reader) error) error {
	if err := by.Validate(); err != nil {
		return err
	}
	return m.storage.View(ctx, fn)
}

// read runs a sequence inside a View of its own.
func read[T any](ctx context.Context, s storage.Storage, query func(storage.Reader) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := s.View(ctx, func(r storage.Reader) error {
			for v, err := range query(r) {
				if err != nil {
					return err
				}
				if !yield(v, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, err)
		}
	}
}

// follow returns the incident with that ID, or the one that its redirects lead to. A redirect to an
// incident that is not here, or a circle of them, ends at the last that was found.
func follow(ctx context.Context, r storage.Reader, id incident.ID) (incident.Incident, error) {
	i, err := r.Incident(ctx, id)
	seen := []incident.ID{id}
	for err == nil && i.Status == incident.Redirected && !slices.Contains(seen, i.RedirectTo) {
		next, nextErr := r.Incident(ctx, i.RedirectTo)
		if errors.Is(nextErr, storage.ErrNotFound) {
			break
		}
		seen = append(seen, i.RedirectTo)
		i, err = next, nextErr
	}
	return i, err
}

// entry returns the entry with that ID, and whether there is one.
func entry(ctx context.Context, r storage.Reader, id activity.ID) (e activity.Entry, found bool, err error) {
	for e, err := range r.Activity(ctx, activity.Query{IDs: []activity.ID{id}, Limit: 1}) {
		return e, err == nil, err
	}
	return e, false, nil
}

// alertsOf returns all alerts of i.
func alertsOf(ctx context.Context, r storage.Reader, i incident.Incident) ([]alert.Alert, error) {
	all := make([]alert.Alert, 0, i.Alerts.Count)
	for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}}) {
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}
