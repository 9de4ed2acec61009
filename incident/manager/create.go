package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/storage"
)

// Create stores a new incident from d and returns it. Its alerts must be new: one that is in the storage
// already belongs to another incident, and the error then matches [storage.ErrExists], as it does when d
// has a Reference that was imported before; see [Manager.Import] for that.
func (m *Manager) Create(ctx context.Context, by activity.Actor, d incident.Draft, opts ...Option) (incident.Incident, error) {
	cmd, call, err := m.begin(by, opts)
	if err != nil {
		return incident.Incident{}, fmt.Errorf("create incident: %w", err)
	}
	id := incident.ID(m.newID())
	if d.Reference.ID != "" {
		id = d.Reference.IncidentID()
	}
	alerts, err := m.complete(d.Alerts, cmd)
	if err != nil {
		return incident.Incident{}, fmt.Errorf("create incident %s: %w", id, err)
	}
	e, err := incident.Create(cmd, id, d, alerts, grouped(), m.taxonomy)
	if err != nil {
		return incident.Incident{}, fmt.Errorf("create incident: %w", err)
	}
	i, err := m.apply(ctx, e)
	if errors.Is(err, storage.ErrExists) && call.commandID != "" {
		if stored, ok := m.created(ctx, cmd); ok {
			return stored, nil
		}
	}
	if err != nil {
		return incident.Incident{}, fmt.Errorf("create incident %s: %w", id, err)
	}
	return i, nil
}

// created returns the incident that the same command has created before.
func (m *Manager) created(ctx context.Context, cmd incident.Command) (incident.Incident, bool) {
	for e, err := range m.Activity(ctx, activity.Query{IDs: []activity.ID{cmd.EntryID(0)}}) {
		if err != nil {
			break
		}
		i, err := m.Incident(ctx, e.Incident)
		return i, err == nil
	}
	return incident.Incident{}, false
}

// Import stores an incident that another system keeps, named by d.Reference, and returns it; created says
// whether it was new. One that was imported before is brought up to date instead: see [incident.Update].
//
// The alerts of d that are new become its alerts, as the other system grouped them. One that is here
// already is counted and updated where it is, which may be in another incident.
func (m *Manager) Import(ctx context.Context, by activity.Actor, d incident.Draft, opts ...Option) (i incident.Incident, created bool, err error) {
	if d.Reference.System == "" || d.Reference.ID == "" {
		return i, false, fmt.Errorf("import incident: %w", &alert.FieldError{Record: "incident", Field: "reference", Value: d.Reference.ID, Want: "system and ID"})
	}
	id := d.Reference.IncidentID()
	i, created, err = m.importDraft(ctx, by, id, d, opts)
	if err != nil {
		return incident.Incident{}, false, fmt.Errorf("import incident %s: %w", id, err)
	}
	return i, created, nil
}

func (m *Manager) importDraft(ctx context.Context, by activity.Actor, id incident.ID, d incident.Draft, opts []Option) (i incident.Incident, created bool, err error) {
	cmd, _, err := m.begin(by, opts)
	if err != nil {
		return i, false, err
	}
	alerts, err := m.complete(d.Alerts, cmd)
	if err != nil {
		return i, false, err
	}
	err = m.retry(ctx, "import", func() error {
		var e incident.Effect
		var apply, here []alert.Alert
		created = false
		err := m.storage.View(ctx, func(r storage.Reader) error {
			apply, here = nil, nil
			for _, a := range alerts {
				switch _, err := r.Alert(ctx, a.ID); {
				case err == nil:
					here = append(here, a)
				case errors.Is(err, storage.ErrNotFound):
					apply = append(apply, a)
				default:
					return err
				}
			}
			var c incident.Case
			var err error
			c.Incident, err = follow(ctx, r, id)
			if errors.Is(err, storage.ErrNotFound) {
				created = true
				e, err = incident.Create(cmd, id, d, apply, grouped(), m.taxonomy)
				return err
			}
			if err != nil {
				return err
			}
			if c.Alerts, err = collect(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{c.Incident.ID}})); err != nil {
				return err
			}
			var logErr error
			known := func(entry activity.ID) bool {
				found, err := logged(ctx, r, entry)
				logErr = errors.Join(logErr, err)
				return found
			}
			if e, err = incident.Update(cmd, c, d, known, m.taxonomy); err != nil {
				return err
			}
			return logErr
		})
		if err != nil {
			return err
		}
		if i = e.Incident; !e.IsZero() {
			if i, err = m.apply(ctx, e); err != nil {
				if errors.Is(err, storage.ErrExists) {
					return fmt.Errorf("%w: %w", storage.ErrConflict, err) // somebody imported it just now
				}
				return err
			}
		}
		if !created {
			here = alerts // those that are new join by the same way as a repeat is counted
		}
		for n, a := range here {
			sub := cmd
			sub.Part = "alert-" + part(n)
			if err := m.importAlert(ctx, sub, i.ID, a); err != nil {
				return fmt.Errorf("alert %s: %w", a.ID, err)
			}
		}
		return nil
	})
	if err != nil || created && len(alerts) == i.Alerts.Count {
		return i, created, err
	}
	i, err = m.Incident(ctx, i.ID)
	return i, created, err
}

// importAlert counts an alert that is here already, or puts a new one into the incident.
func (m *Manager) importAlert(ctx context.Context, cmd incident.Command, id incident.ID, a alert.Alert) error {
	var result Result
	return m.ingest(ctx, cmd, a, into(id), &result)
}

// into is the correlator of alerts whose source has grouped them.
type into incident.ID

// Correlate names the incident.
func (id into) Correlate(context.Context, storage.Reader, alert.Alert) (correlation.Decision, error) {
	return correlation.Decision{Incident: incident.ID(id), Links: grouped()}, nil
}

// complete returns alerts as they are stored, or everything that is wrong with them.
func (m *Manager) complete(alerts []alert.Alert, cmd incident.Command) ([]alert.Alert, error) {
	var all []alert.Alert
	var errs []error
	seen := make(map[alert.ID]bool)
	for n, a := range alerts {
		a = complete(a, cmd.At)
		if err := a.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("alert %d: %w", n, err))
		}
		if !seen[a.ID] {
			seen[a.ID] = true
			all = append(all, a)
		}
	}
	return all, errors.Join(errs...)
}

// grouped is the reason of alerts that somebody else has put together.
func grouped() []activity.Link { return []activity.Link{{Reason: activity.GroupedBySource}} }
