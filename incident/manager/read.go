package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Incident returns the incident with that ID or, when it was merged into another, that other one. Of one that was
// purged it returns the tombstone, whose Status is Purged. The error matches [storage.ErrNotFound] when there is
// none.
func (m *Manager) Incident(ctx context.Context, by activity.Actor, id incident.ID) (incident.Incident, error) {
	var i incident.Incident
	err := m.view(ctx, by, func(r storage.Reader) (err error) {
		i, err = m.to(ActionRead, by).open(ctx, r, id)
		return err
	})
	if err != nil {
		return incident.Incident{}, failed("read", "incident", id, err)
	}
	return i, nil
}

// Alert returns the alert with that ID. The error matches [storage.ErrNotFound] when there is none.
func (m *Manager) Alert(ctx context.Context, by activity.Actor, id alert.ID) (alert.Alert, error) {
	var a alert.Alert
	err := m.view(ctx, by, func(r storage.Reader) (err error) {
		a, _, err = m.to(ActionRead, by).home(ctx, r, id)
		return err
	})
	if err != nil {
		return alert.Alert{}, failed("read", "alert", id, err)
	}
	return a, nil
}

// Incidents yields the incidents that q selects, in its order, as of the moment the loop begins. Those that by may
// not read are left out, and those that were merged away or purged too, unless q has Statuses, IDs or Numbers. It
// follows no redirects, since each incident is selected for what it is itself.
func (m *Manager) Incidents(
	ctx context.Context, by activity.Actor, q incident.Query,
) iter.Seq2[incident.Incident, error] {
	return read(ctx, visible{m.storage, m, by}.View, func(r storage.Reader) iter.Seq2[incident.Incident, error] {
		return r.Incidents(ctx, listed(q))
	})
}

// Alerts yields the alerts that q selects, in its order, as of the moment the loop begins. Those of incidents that
// by may not read are left out. The ID of an incident that was merged away stands for the one that it leads to.
func (m *Manager) Alerts(ctx context.Context, by activity.Actor, q alert.Query) iter.Seq2[alert.Alert, error] {
	return read(ctx, visible{m.storage, m, by}.View, func(r storage.Reader) iter.Seq2[alert.Alert, error] {
		led, err := leading(ctx, r, q)
		if err != nil {
			return func(yield func(alert.Alert, error) bool) { yield(alert.Alert{}, err) }
		}
		return r.Alerts(ctx, led)
	})
}

// Activity yields the log entries that q selects, in its order, as of the moment the loop begins. Those of
// incidents that by may not read are left out. It follows no redirects, since an incident that was merged away keeps
// its own log. An entry that may be read may name other incidents, alerts and entities, and the copies of entries that
// a merge brings stay in the log after an unmerge.
func (m *Manager) Activity(ctx context.Context, by activity.Actor, q activity.Query) iter.Seq2[activity.Entry, error] {
	return read(ctx, visible{m.storage, m, by}.View, func(r storage.Reader) iter.Seq2[activity.Entry, error] {
		return r.Activity(ctx, q)
	})
}

// Follow yields the entries that q selects as they come, each once, as [storage.Follow] does. It reads at most 256
// at a time, and leaves out for good what by may not read at that moment. Each Seq that is yielded is a position to
// go on from later. A position that lies ahead of the log is an error that matches [storage.ErrAhead].
func (m *Manager) Follow(ctx context.Context, by activity.Actor, q activity.Query) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		for e, err := range storage.Follow(ctx, visible{m.storage, m, by}, q) {
			if err != nil {
				err = fmt.Errorf("follow the log: %w", err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// visible is the storage as far as by may read it.
type visible struct {
	storage.Storage
	m  *Manager
	by activity.Actor
}

// View shows what may be read.
func (v visible) View(ctx context.Context, fn func(storage.Reader) error) error {
	return v.m.View(ctx, v.by, fn)
}

// Wait waits as the storage does.
func (v visible) Wait(ctx context.Context, after int64) error {
	return storage.Wait(ctx, v.Storage, after)
}

// view runs fn in a View of everything. fn must check what by may read.
func (m *Manager) view(ctx context.Context, by activity.Actor, fn func(storage.Reader) error) error {
	if err := by.Validate(); err != nil {
		return err
	}
	return m.storage.View(ctx, fn)
}

// read runs a sequence inside a View of its own.
func read[T any](
	ctx context.Context, view func(context.Context, func(storage.Reader) error) error,
	query func(storage.Reader) iter.Seq2[T, error],
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := view(ctx, func(r storage.Reader) error {
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
		if errors.Is(nextErr, storage.ErrNotFound) || errors.Is(nextErr, ErrForbidden) {
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
