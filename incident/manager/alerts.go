package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// An AlertResult says what became of one alert of an EditAlerts.
type AlertResult struct {
	ID    alert.ID    `json:"id"`
	Alert alert.Alert `json:"alert,omitzero"` // the updated alert; the zero Alert when Err is set
	Err   error       `json:"-"`              // why it could not be edited; in JSON its text, "error"
}

// EditAlerts makes the change e to the alerts with those IDs and returns a result for each, in the order of
// ids. See [incident.AlertEdit.Apply] for the rules.
//
// The alerts of one incident are changed together or not at all; those of another are not kept back by them.
// The error joins those of the results.
func (m *Manager) EditAlerts(
	ctx context.Context, by activity.Actor, ids []alert.ID, e incident.AlertEdit, opts ...BulkOption,
) ([]AlertResult, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	if err != nil {
		return nil, fmt.Errorf("edit alerts: %w", err)
	}
	results := make(map[alert.ID]AlertResult)
	var errs []error
	fail := func(err error, ids ...alert.ID) {
		errs = append(errs, err)
		for _, id := range ids {
			results[id] = AlertResult{ID: id, Err: err}
		}
	}
	t := call.ticket(string(ActionEditAlerts), by, "", e)
	// An alert may move to another incident meanwhile, so that each round looks where they are.
	for left, round := ids, 0; len(left) > 0; round++ {
		incidents, missing, err := m.incidentsOf(ctx, by, left)
		if err == nil && round == maxAttempts {
			err = fmt.Errorf("%w: they move from incident to incident", storage.ErrConflict)
		}
		if err != nil {
			fail(fmt.Errorf("edit alerts %q: %w", left, err), left...)
			break
		}
		left = nil
		for _, a := range missing {
			fail(failed("edit", "alert", a.ID, a.Err), a.ID)
		}
		for _, in := range incidents {
			cmd.Part = string(in.id)
			if round > 0 {
				cmd.Part += "/" + part(round) // it may have been the turn of the incident before
			}
			edited, moved, err := m.editAlertsOf(ctx, cmd, call, t, in, e)
			if errors.Is(err, ErrForbidden) { // not even where they are
				for _, id := range in.alerts {
					fail(failed("edit", "alert", id, err), id)
				}
				continue
			}
			if err != nil {
				where := "of incident " + string(in.id)
				if m.restricted() { // who may not read it should not learn where they are
					where = fmt.Sprintf("%q", in.alerts)
				}
				fail(fmt.Errorf("edit alerts %s: %w", where, err), in.alerts...)
				continue
			}
			for _, a := range edited {
				results[a.ID] = AlertResult{ID: a.ID, Alert: a}
			}
			left = append(left, moved...)
		}
	}
	inOrder := make([]AlertResult, len(ids))
	for n, id := range ids {
		inOrder[n] = results[id]
	}
	return inOrder, errors.Join(errs...)
}

// An alertsIn is some alerts of one incident.
type alertsIn struct {
	id     incident.ID
	alerts []alert.ID
}

// incidentsOf returns where the alerts are, and of each that is nowhere why it cannot be edited.
func (m *Manager) incidentsOf(
	ctx context.Context, by activity.Actor, ids []alert.ID,
) (in []alertsIn, missing []AlertResult, err error) {
	may := m.to(ActionEditAlerts, by)
	err = m.storage.View(ctx, func(r storage.Reader) error {
		seen := make(map[alert.ID]bool)
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			a, err := r.Alert(ctx, id)
			if errors.Is(err, storage.ErrNotFound) {
				if _, no := may.open(ctx, r, ""); no != nil && !errors.Is(no, storage.ErrNotFound) {
					err = no
				}
				missing = append(missing, AlertResult{ID: id, Err: err})
				continue
			}
			if err != nil {
				return err
			}
			n := slices.IndexFunc(in, func(i alertsIn) bool { return i.id == a.Incident })
			if n < 0 {
				n = len(in)
				in = append(in, alertsIn{id: a.Incident})
			}
			in[n].alerts = append(in[n].alerts, id)
		}
		return nil
	})
	return in, missing, err
}

// editAlertsOf edits alerts of one incident and returns them as they are then, and those that are in another
// incident by now.
func (m *Manager) editAlertsOf(
	ctx context.Context, cmd incident.Command, call call, t *ticket, in alertsIn, e incident.AlertEdit,
) (edited []alert.Alert, moved []alert.ID, err error) {
	err = m.retry(ctx, ActionEditAlerts, func() error {
		edited, moved = nil, nil
		d := write{cmd: cmd}
		var todo, others []alert.Alert // todo: those that the command has not edited before
		err := m.storage.View(ctx, func(r storage.Reader) (err error) {
			if d.subject, err = m.to(ActionEditAlerts, cmd.By).open(ctx, r, in.id); err != nil {
				return err
			}
			if d.subject.ID != in.id {
				if d.subject, err = r.Incident(ctx, in.id); err != nil {
					return err
				}
			}
			for _, id := range in.alerts {
				a, err := r.Alert(ctx, id)
				if err != nil {
					return err
				}
				if a.Incident != in.id {
					moved = append(moved, id)
					continue
				}
				its := t.of(string(id))
				_, done, err := its.recall(ctx, r)
				if err != nil {
					return err
				}
				if edited = append(edited, a); !done {
					todo, d.tickets = append(todo, a), append(d.tickets, its)
				}
			}
			if e.Title == nil || len(todo) == 0 {
				return nil
			}
			others, err = alertsOf(ctx, r, d.subject)
			others = slices.DeleteFunc(others, func(a alert.Alert) bool {
				return slices.ContainsFunc(todo, func(b alert.Alert) bool { return a.ID == b.ID })
			})
			return err
		})
		if err != nil || len(todo) == 0 {
			return err
		}
		effect, err := e.Apply(cmd, incident.Case{Incident: d.subject, Alerts: todo}, others, m.taxonomy)
		if err != nil {
			return err
		}
		if !call.dryRun {
			if d.outcome.Changed = !effect.IsZero(); d.outcome.Changed {
				d.effects = []incident.Effect{effect}
			}
			if _, err = m.keep(ctx, d); err != nil {
				return err
			}
		}
		for _, a := range effect.Alerts {
			if !call.dryRun {
				a.Version++
			}
			edited[slices.IndexFunc(edited, func(b alert.Alert) bool { return b.ID == a.ID })] = a
		}
		return nil
	})
	return edited, moved, err
}
