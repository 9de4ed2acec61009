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

// MoveAlerts moves alerts from the incidents they are in to another, or to a new one when to is "", and returns
// that incident as it is then. Everything is stored at once or not at all. An alert that is there already stays;
// one that is not stored makes the error match [storage.ErrNotFound]. Naming no alert changes nothing, and is
// an error when to is "". See [incident.MoveAlerts] for the rules and the refusals, which come as an
// [*incident.RefusedError].
//
// reason is put into the log and may be "". [IfVersion] is about the incident to. Under the same [CommandID]
// the second call returns that incident as it is. [DryRun] stores nothing.
func (m *Manager) MoveAlerts(ctx context.Context, by activity.Actor, alerts []alert.ID, to incident.ID, reason string, opts ...Option) (incident.Incident, error) {
	cmd, call, err := m.begin(by, opts)
	fresh := incident.ID("")
	if err == nil && to == "" {
		fresh = incident.ID(m.newID())
		if len(alerts) == 0 {
			err = &alert.FieldError{Record: "move", Field: "alerts", Want: "alerts for a new incident"}
		}
	}
	if err == nil {
		var i incident.Incident
		if i, err = m.settle(ctx, "move alerts", cmd, call, move(cmd, alerts, to, fresh, reason)); err == nil {
			return i, nil
		}
	}
	if to == "" {
		return incident.Incident{}, fmt.Errorf("move alerts to a new incident: %w", err)
	}
	return incident.Incident{}, fmt.Errorf("move alerts to incident %s: %w", to, err)
}

func move(cmd incident.Command, ids []alert.ID, to, fresh incident.ID, reason string) matter {
	return func(ctx context.Context, r storage.Reader, version func(incident.Incident) error) (s settlement, err error) {
		there := incident.Case{Incident: incident.Incident{ID: fresh}}
		if to != "" {
			if there.Incident, err = follow(ctx, r, to); err != nil {
				return s, err
			}
			s.subject = there.Incident
		}
		if err := version(there.Incident); err != nil {
			return s, err
		}
		homes, err := homesOf(ctx, r, ids)
		if err != nil {
			return s, err
		}
		var from []incident.Case
		for _, id := range homes {
			if id == there.Incident.ID {
				continue
			}
			var c incident.Case
			if c.Incident, err = r.Incident(ctx, id); err != nil {
				return s, err
			}
			if c.Alerts, err = alertsOf(ctx, r, c.Incident); err != nil {
				return s, err
			}
			from = append(from, c)
		}
		if to != "" && len(from) > 0 {
			if there.Alerts, err = alertsOf(ctx, r, there.Incident); err != nil {
				return s, err
			}
		}
		s.effects, err = incident.MoveAlerts(cmd, from, there, ids, reason)
		return s, err
	}
}

// homesOf returns the incidents that have the alerts, each once, by ID.
func homesOf(ctx context.Context, r storage.Reader, ids []alert.ID) ([]incident.ID, error) {
	var homes []incident.ID
	var missing []error
	for _, id := range ids {
		a, err := r.Alert(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			missing = append(missing, fmt.Errorf("alert %s: %w", id, err))
			continue
		}
		if err != nil {
			return nil, err
		}
		homes = append(homes, a.Incident)
	}
	slices.Sort(homes)
	return slices.Compact(homes), errors.Join(missing...)
}

// collect returns all that seq yields, or the error that ends it.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
