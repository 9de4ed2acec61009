package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Merge merges the incidents sources into target and returns target as it is then. Everything is stored at once
// or not at all. From then on each source's ID leads to target, for [Manager.Incident] and for every command;
// so the ID of one that was merged before stands for the incident that it leads to, here too. See
// [incident.Merge] for the rules and the refusals, which come as an [*incident.RefusedError]. Without sources
// nothing changes.
//
// reason is put into the log and may be "". [IfVersion] is about target. Under the same [CommandID] the second
// call returns target as it is. [DryRun] stores nothing.
func (m *Manager) Merge(ctx context.Context, by activity.Actor, target incident.ID, sources []incident.ID, reason string, opts ...Option) (incident.Incident, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	if err == nil {
		var i incident.Incident
		t := call.ticket(string(ActionMerge), by, string(target), sources, reason)
		may := m.to(ActionMerge, by)
		rule := func(into incident.Party, from []incident.Party) ([]incident.Effect, error) {
			return incident.Merge(cmd, into, from, reason)
		}
		if i, _, err = m.settle(ctx, ActionMerge, cmd, call, t, may, merge(target, sources, rule)); err == nil {
			return i, nil
		}
	}
	return incident.Incident{}, failed("merge", "into incident", target, err)
}

// PlanMerge returns what [Manager.Merge] would return now for the same arguments, refusals among it, and changes
// nothing: it is Merge with [DryRun].
func (m *Manager) PlanMerge(ctx context.Context, by activity.Actor, target incident.ID, sources []incident.ID, reason string, opts ...Option) (incident.Incident, error) {
	return m.Merge(ctx, by, target, sources, reason, append(slices.Clip(opts), DryRun())...)
}

// Unmerge takes the incident source, which was merged into another, out of it again and returns source as it is
// then. source is the incident's own ID. See [incident.Unmerge] for what comes back, and for the refusals, which
// come as an [*incident.RefusedError].
//
// reason is put into the log and may be "". [IfVersion] is about source. Under the same [CommandID] the second
// call returns source as it is. [DryRun] stores nothing.
func (m *Manager) Unmerge(ctx context.Context, by activity.Actor, source incident.ID, reason string, opts ...Option) (incident.Incident, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	if err == nil {
		var i incident.Incident
		t := call.ticket(string(ActionUnmerge), by, string(source), reason)
		may := m.to(ActionUnmerge, by)
		if i, _, err = m.settle(ctx, ActionUnmerge, cmd, call, t, may, unmerge(cmd, source, reason)); err == nil {
			return i, nil
		}
	}
	return incident.Incident{}, failed("unmerge", "incident", source, err)
}

// A findings is what a rule on several incidents has found in the storage, ready to be asked.
type findings struct {
	named   incident.ID                       // what the subject was asked for by
	subject incident.Incident                 // the one that the command returns, as it was
	rule    func() ([]incident.Effect, error) // the first effect is on the subject; none when nothing changes
	items   []storage.Item                    // that are to be stored with the effects
	expire  bool                              // commands that are old are to be forgotten with them
}

// A matter reads what a rule on several incidents needs. It opens the incidents that the command is for with may.
type matter func(ctx context.Context, r storage.Reader, may *access) (findings, error)

// consider returns what a matter has found and its effects, unless the same command was stored before: then done is
// true and the subject what it returned.
func (m *Manager) consider(ctx context.Context, call call, t *ticket, may *access, read matter) (
	s findings, effects []incident.Effect, done bool, err error,
) {
	err = m.storage.View(ctx, func(r storage.Reader) error {
		o, found, reused := t.recall(ctx, r)
		if found {
			done = true
			s.subject, err = may.open(ctx, r, o.Incident)
			return err
		}
		if reused != nil && !errors.Is(reused, ErrCommandReused) {
			return reused
		}
		s, err = read(ctx, r, may)
		if err = cmp.Or(err, reused); err != nil { // only who may give the command learns that its ID was used
			return err
		}
		if err := call.current(s.named, s.subject); err != nil {
			return err
		}
		effects, err = s.rule()
		return err
	})
	return s, effects, done, err
}

// settle asks the rule and stores all its effects at once. It returns the updated subject, and whether this call
// has changed anything.
func (m *Manager) settle(
	ctx context.Context, what Action, cmd incident.Command, call call, t *ticket, may *access, read matter,
) (i incident.Incident, changed bool, err error) {
	err = m.retry(ctx, what, func() error {
		s, effects, done, err := m.consider(ctx, call, t, may, read)
		if i, changed = s.subject, len(effects) > 0; err != nil || done {
			return err
		}
		if call.dryRun {
			if changed {
				i = effects[0].Incident
			}
			return nil
		}
		i, err = m.keep(ctx, write{
			cmd: cmd, tickets: []*ticket{t}, outcome: outcome{Changed: changed}, subject: s.subject, effects: effects,
			items: s.items, expire: s.expire,
		})
		return err
	})
	return i, changed, err
}

// merge reads what the rule of a merge needs.
func merge(
	target incident.ID, sources []incident.ID,
	rule func(into incident.Party, from []incident.Party) ([]incident.Effect, error),
) matter {
	return func(ctx context.Context, r storage.Reader, may *access) (s findings, err error) {
		whole := len(sources) <= incident.MaxMerge // else it is refused, and may be endless
		into, err := party(ctx, r, may, target, whole, false)
		if err != nil {
			return s, err
		}
		var from []incident.Party
		var missing []error
		for _, id := range sources {
			p, err := party(ctx, r, may, id, whole, whole)
			if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrForbidden) {
				missing = append(missing, err)
			} else if err != nil {
				return s, err
			}
			from = append(from, p)
		}
		if err := errors.Join(missing...); err != nil {
			return s, err
		}
		if origins := incident.Origins(from); len(origins) > 0 {
			q := activity.Query{Incidents: []incident.ID{into.Incident.ID}, Origins: origins}
			if into.Log, err = collect(r.Activity(ctx, q)); err != nil {
				return s, err
			}
		}
		return findings{
			named: target, subject: into.Incident,
			rule: func() ([]incident.Effect, error) { return rule(into, from) },
		}, nil
	}
}

func unmerge(cmd incident.Command, id incident.ID, reason string) matter {
	return func(ctx context.Context, r storage.Reader, may *access) (s findings, err error) {
		if _, err := may.open(ctx, r, id); err != nil {
			return s, err
		}
		source := incident.Party{}
		if source.Incident, err = r.Incident(ctx, id); err != nil {
			return s, err
		}
		if source.Log, err = logOf(ctx, r, id); err != nil {
			return s, err
		}
		if ids := incident.MergedAlerts(source); len(ids) > 0 {
			if source.Alerts, err = collect(r.Alerts(ctx, alert.Query{IDs: ids})); err != nil {
				return s, err
			}
		}
		target := incident.Party{}
		if source.Incident.Status == incident.Redirected {
			target.Incident, err = r.Incident(ctx, source.Incident.RedirectTo)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return s, err
			}
		}
		if target.Incident.ID != "" {
			if target.Alerts, err = alertsOf(ctx, r, target.Incident); err != nil {
				return s, err
			}
			if target.Log, err = logOf(ctx, r, target.Incident.ID); err != nil {
				return s, err
			}
		}
		rule := func() ([]incident.Effect, error) { return incident.Unmerge(cmd, source, target, reason) }
		return findings{named: id, subject: source.Incident, rule: rule}, nil
	}
}

// party returns the incident that the ID leads to, with its alerts and its log where they are asked for.
func party(
	ctx context.Context, r storage.Reader, may *access, id incident.ID, alerts, log bool,
) (incident.Party, error) {
	p := incident.Party{Named: id}
	var err error
	if p.Incident, err = may.open(ctx, r, id); err != nil {
		return p, fmt.Errorf("incident %s: %w", id, err)
	}
	if alerts {
		p.Alerts, err = alertsOf(ctx, r, p.Incident)
	}
	if log && err == nil {
		p.Log, err = logOf(ctx, r, p.Incident.ID)
	}
	return p, err
}

// logOf returns all entries of an incident.
func logOf(ctx context.Context, r storage.Reader, id incident.ID) ([]activity.Entry, error) {
	return collect(r.Activity(ctx, activity.Query{Incidents: []incident.ID{id}}))
}
