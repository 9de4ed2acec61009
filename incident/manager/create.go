package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/canonical"
	"github.com/incidentkit/incidentkit/internal/limit"
	"github.com/incidentkit/incidentkit/storage"
)

// Create stores a new incident from d and returns it. Its alerts must be new: one that is in the storage
// already belongs to another incident, and the error then matches [storage.ErrExists], as it does when d
// has a Reference that was imported before; see [Manager.Import] for that. Where by may not read that other incident,
// the error is [ErrForbidden]. An incident that by may not read is returned with nothing but its ID.
func (m *Manager) Create(
	ctx context.Context, by activity.Actor, d incident.Draft, opts ...BulkOption,
) (incident.Incident, error) {
	i, err := m.create(ctx, by, d, callOf(opts))
	switch {
	case err == nil:
		return i, nil
	case d.Reference.ID == "": // the caller does not know the ID that it would have had
		return incident.Incident{}, fmt.Errorf("create incident: %w", err)
	}
	return incident.Incident{}, ActionCreate.failed(d.Reference.IncidentID(), err)
}

func (m *Manager) create(
	ctx context.Context, by activity.Actor, d incident.Draft, given call,
) (i incident.Incident, err error) {
	cmd, call, err := m.begin(by, given)
	if err != nil {
		return i, err
	}
	id := incident.ID(m.newID())
	if d.Reference.ID != "" {
		id = d.Reference.IncidentID()
	}
	if err := validAlerts(d.Alerts, cmd.At); err != nil {
		return i, err
	}
	arrivals, _ := m.complete(d.Alerts, cmd)
	alerts := make([]alert.Alert, len(arrivals))
	cmd.Keys = make(map[alert.ID]alert.KeySet, len(arrivals))
	for n, a := range arrivals {
		alerts[n], cmd.Keys[a.whole.ID] = a.whole, a.keys
	}
	if err := m.storage.View(ctx, func(r storage.Reader) error {
		return setSeen(ctx, r, alerts, cmd.Keys)
	}); err != nil {
		return i, err
	}
	e, err := incident.Create(cmd, id, stamped(d), alerts, grouped(), m.taxonomy)
	if err == nil {
		err = m.allow(ctx, by, ActionCreate, e.Incident)
	}
	if err != nil {
		return i, err
	}
	if call.dryRun {
		i, err = e.Incident, m.absent(ctx, e)
	} else {
		i, err = m.store(ctx, cmd, call.ticket(string(ActionCreate), by, "", d), e)
	}
	if errors.Is(err, storage.ErrExists) {
		err = m.hidden(ctx, by, e, err)
	}
	if err != nil {
		return i, err
	}
	var planned *incident.Case
	if call.dryRun {
		planned = &incident.Case{Incident: i, Alerts: e.Alerts}
	}
	shown, err := m.shows(ctx, by, i.ID, planned)
	if !shown {
		i = incident.Incident{ID: i.ID}
	}
	return i, err
}

// store keeps the effect of a creation, unless the same command has created before.
func (m *Manager) store(
	ctx context.Context, cmd incident.Command, t *ticket, e incident.Effect,
) (incident.Incident, error) {
	i, found, err := m.created(ctx, cmd.By, t)
	if err == nil && !found {
		i, err = m.keep(ctx, write{cmd: cmd, tickets: []*ticket{t}, effects: []incident.Effect{e}})
		if errors.Is(err, storage.ErrExists) {
			stored, found, again := m.created(ctx, cmd.By, t)
			if found || again != nil {
				i, err = stored, again
			}
		}
	}
	if no, ok := errors.AsType[final](err); ok {
		err = no.err
	}
	return i, err
}

// hidden returns exists, which says that a record of e is stored, or [ErrForbidden] when by may not read that.
func (m *Manager) hidden(ctx context.Context, by activity.Actor, e incident.Effect, exists error) error {
	if !m.restricted() {
		return exists
	}
	return m.storage.View(ctx, func(r storage.Reader) error {
		may := m.to(ActionRead, by)
		_, err := r.Incident(ctx, e.Incident.ID)
		if err == nil {
			_, err = may.open(ctx, r, e.Incident.ID)
		}
		for n := 0; n < len(e.Alerts) && (err == nil || errors.Is(err, storage.ErrNotFound)); n++ {
			if _, err = r.Alert(ctx, e.Alerts[n].ID); err == nil {
				_, _, err = may.home(ctx, r, e.Alerts[n].ID)
			}
		}
		if err == nil || errors.Is(err, storage.ErrNotFound) {
			return exists
		}
		return err
	})
}

// absent reports a record of e that is stored already.
func (m *Manager) absent(ctx context.Context, e incident.Effect) error {
	return m.storage.View(ctx, func(r storage.Reader) error {
		_, err := r.Incident(ctx, e.Incident.ID)
		for n := 0; errors.Is(err, storage.ErrNotFound) && n < len(e.Alerts); n++ {
			_, err = r.Alert(ctx, e.Alerts[n].ID)
		}
		switch {
		case err == nil:
			return storage.ErrExists
		case errors.Is(err, storage.ErrNotFound):
			return nil
		}
		return err
	})
}

// created returns the incident that the same command has created before.
func (m *Manager) created(
	ctx context.Context, by activity.Actor, t *ticket,
) (i incident.Incident, found bool, err error) {
	if t == nil {
		return i, false, nil
	}
	err = m.storage.View(ctx, func(r storage.Reader) error {
		var o outcome
		var err error
		if o, found, err = t.recall(ctx, r); found {
			if i, err = follow(ctx, r, o.Incident); err == nil {
				err = m.allow(ctx, by, ActionCreate, i)
			}
		}
		return err
	})
	return i, found, err
}

// validAlerts returns everything that keeps the alerts of a command from being stored as they are.
func validAlerts(alerts []alert.Alert, now time.Time) error {
	var errs []error
	for n, a := range alerts {
		if err := managed(a, now).Validate(); err != nil {
			errs = append(errs, fmt.Errorf("alert %d: %w", n, err))
		}
	}
	return errors.Join(errs...)
}

// complete returns alerts as they came in, and what of them could not be kept so. One without an origin is left out,
// and one that was given before is a repeat of that.
func (m *Manager) complete(alerts []alert.Alert, cmd incident.Command) (all []arrival, notes []alert.Note) {
	places := make(map[alert.ID]int, len(alerts))
	for n, a := range alerts {
		a, noted := m.arrived(a, cmd)
		if a.whole.Validate() != nil {
			notes = append(notes, alert.Note{
				Record: "alert",
				Field:  "alerts[" + part(n) + "].origin",
				Value:  string(a.whole.ID),
				Said:   "left out with the alert, which needs a source and an identifier",
			})
			continue
		}
		notes = append(notes, noted...)
		if at, there := places[a.whole.ID]; there {
			first := &all[at]
			first.whole, _ = incident.Repeat(cmd, first.whole, a.said)
			first.said, _ = incident.Repeat(cmd, first.said, a.said)
			first.keys = first.whole.KeySet()
			continue
		}
		places[a.whole.ID] = len(all)
		all = append(all, a)
	}
	return all, notes
}

// An arrival is an alert that came in.
type arrival struct {
	said  alert.Alert // as it came, made to fit: a repeat of one that is stored
	whole alert.Alert // as it is stored if it is new: with a title, times and tags
	keys  alert.KeySet
}

// arrived returns a as it came in, and what of it could not be kept so.
func (m *Manager) arrived(a alert.Alert, cmd incident.Command) (arrival, []alert.Note) {
	said, whole, notes := complete(a, cmd.At)
	if m.taxonomy.Check(whole.Verdict) != nil {
		notes = append(notes, alert.Note{
			Record: limit.Shorten("alert " + string(whole.ID)),
			Field:  "verdict",
			Value:  limit.Shorten(whole.Verdict.String()),
			Said:   "kept as it came, since the taxonomy does not know it",
		})
	}
	keys := whole.KeySet()
	return arrival{said, m.tagged(whole, keys), keys}, notes
}

// stamped returns d with its times and its Extra as they are stored.
func stamped(d incident.Draft) incident.Draft {
	times := []*time.Time{&d.Created, &d.Resolved, &d.Reference.Updated}
	d.Comments = slices.Clone(d.Comments)
	for n := range d.Comments {
		times = append(times, &d.Comments[n].Time)
	}
	for _, t := range times {
		if !t.IsZero() {
			*t = canonical.Time(*t)
		}
	}
	d.Extra = canonical.JSON(d.Extra, "{}")
	return d
}

// grouped is the reason of alerts that somebody else has put together.
func grouped() []activity.Link { return []activity.Link{{Reason: activity.GroupedBySource}} }
