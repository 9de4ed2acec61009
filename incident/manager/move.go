package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
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
	cmd, call, err := m.begin(by, callOf(opts))
	fresh := incident.ID("")
	if err == nil && to == "" {
		fresh = incident.ID(m.newID())
		if len(alerts) == 0 {
			err = &alert.FieldError{Record: "move", Field: "alerts", Want: "alerts for a new incident"}
		}
	}
	if err == nil {
		var i incident.Incident
		t := call.ticket(string(ActionMove), by, string(to), alerts, reason)
		may := m.to(ActionMove, by)
		read := move(alerts, to, fresh, func(from []incident.Case, to incident.Case) ([]incident.Effect, error) {
			return incident.MoveAlerts(cmd, from, to, alerts, reason)
		})
		if i, _, err = m.settle(ctx, ActionMove, cmd, call, t, may, read); err == nil {
			return i, nil
		}
	}
	if to == "" {
		return incident.Incident{}, fmt.Errorf("move alerts to a new incident: %w", err)
	}
	return incident.Incident{}, failed("move alerts", "to incident", to, err)
}

func move(
	ids []alert.ID, to, fresh incident.ID, rule func(from []incident.Case, to incident.Case) ([]incident.Effect, error),
) matter {
	return func(ctx context.Context, r storage.Reader, may *access) (s findings, err error) {
		there := incident.Case{Incident: incident.Incident{ID: fresh}}
		if to != "" {
			if there.Incident, err = may.open(ctx, r, to); err != nil {
				return s, err
			}
		}
		homes, err := homesOf(ctx, r, may, ids)
		if err != nil {
			return s, err
		}
		var from []incident.Case
		for _, home := range homes {
			if home.ID == there.Incident.ID {
				continue
			}
			c := incident.Case{Incident: home}
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
		return findings{
			named: cmp.Or(to, fresh), subject: there.Incident,
			rule: func() ([]incident.Effect, error) { return rule(from, there) },
		}, nil
	}
}

// homesOf returns the incidents that have the alerts, each once, by ID.
func homesOf(ctx context.Context, r storage.Reader, may *access, ids []alert.ID) ([]incident.Incident, error) {
	homes := make(map[incident.ID]incident.Incident)
	var missing []error
	for _, id := range ids {
		_, i, err := may.home(ctx, r, id)
		if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrForbidden) {
			missing = append(missing, fmt.Errorf("alert %s: %w", id, err))
			continue
		}
		if err != nil {
			return nil, err
		}
		homes[i.ID] = i
	}
	all := slices.Collect(maps.Values(homes))
	slices.SortFunc(all, func(a, b incident.Incident) int { return cmp.Compare(a.ID, b.ID) })
	return all, errors.Join(missing...)
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
