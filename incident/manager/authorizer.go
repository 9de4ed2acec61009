package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// ErrForbidden says that somebody may not do what was asked for, or may not know whether it could be done.
// Test for it with [errors.Is].
var ErrForbidden = errors.New("manager: forbidden")

// An Action is what somebody asks a [Manager] to do.
type Action string

// The actions.
const (
	ActionRead       Action = "read"       // Incident, Incidents, Alerts, Activity, At, Explain, Content, Count, Facets, SuggestOwners, SuggestTags
	ActionIngest     Action = "ingest"     // Ingest; asked once, of no incident
	ActionImport     Action = "import"     // Import; of the incident, or of the one to be
	ActionCreate     Action = "create"     // Create; of the incident to be
	ActionEdit       Action = "edit"       // Edit and EditAll
	ActionEditAlerts Action = "editAlerts" // EditAlerts
	ActionComment    Action = "comment"    // Comment
	ActionRecord     Action = "record"     // Record
	ActionRedact     Action = "redact"     // Redact; of the incident that has the entry; copies elsewhere go with it
	ActionPurge      Action = "purge"      // Purge; of each incident, and of the one it was merged into
	ActionMerge      Action = "merge"      // Merge and PlanMerge; of the target and of each source
	ActionUnmerge    Action = "unmerge"    // Unmerge
	ActionMove       Action = "move"       // MoveAlerts; of the incident they go to, if there is one, and of each they come from
)

// An Authorizer says who may do what. A Manager asks it before every command and every read, of the incident
// as it is at that moment, and again when a command is tried again. Whatever it answers no to does not happen.
//
// The incident is the one that the ID leads to: of one that was merged away, that which has its alerts now. An
// incident or an alert that is not there is asked about too, as an incident that has nothing but the ID, or not
// even that; so who may see a part of the incidents cannot tell those that are hidden from those that never
// were. What the library does by itself, such as a merge by correlation, is not asked about.
//
// Authorize is called by many goroutines at once, while a View of the storage is open; it should be quick. It
// must not call the Manager.
type Authorizer interface {
	// Authorize returns nil if by may do what to i. An error that matches [ErrForbidden] says no; the caller gets
	// ErrForbidden and nothing else of it. Any other error says that there is no answer, and is the caller's.
	Authorize(ctx context.Context, by activity.Actor, what Action, i incident.Incident) error
}

// allow reports whether by may do what to i.
func (m *Manager) allow(ctx context.Context, by activity.Actor, what Action, i incident.Incident) error {
	if m.authorizer == nil {
		return nil
	}
	err := m.authorizer.Authorize(ctx, by, what, i.Clone())
	if errors.Is(err, ErrForbidden) {
		return ErrForbidden
	}
	return err
}

// An opener returns the incident that an ID leads to.
type opener func(ctx context.Context, r storage.Reader, id incident.ID) (incident.Incident, error)

// opener returns the opener of what by may do what to.
func (m *Manager) opener(by activity.Actor, what Action) opener {
	return func(ctx context.Context, r storage.Reader, id incident.ID) (incident.Incident, error) {
		i, err := follow(ctx, r, id)
		missing := errors.Is(err, storage.ErrNotFound)
		if missing {
			i = incident.Incident{ID: id}
		}
		if err == nil || missing {
			if no := m.allow(ctx, by, what, i); no != nil {
				return incident.Incident{}, no
			}
		}
		return i, err
	}
}

// home returns the incident that has the alert with that ID.
func (open opener) home(ctx context.Context, r storage.Reader, id alert.ID) (alert.Alert, incident.Incident, error) {
	a, err := r.Alert(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return a, incident.Incident{}, err
	}
	i, no := open(ctx, r, a.Incident)
	if err == nil || !errors.Is(no, storage.ErrNotFound) {
		err = no
	}
	return a, i, err
}

// entry returns the entry with that ID, and the incident that it leads to.
func (open opener) entry(ctx context.Context, r storage.Reader, id activity.ID) (activity.Entry, incident.Incident, error) {
	e, found, err := entry(ctx, r, id)
	if err != nil {
		return e, incident.Incident{}, err
	}
	if !found {
		err = fmt.Errorf("entry %s: %w", id, storage.ErrNotFound)
	}
	i, no := open(ctx, r, e.Incident)
	if err == nil || !errors.Is(no, storage.ErrNotFound) {
		err = no
	}
	return e, i, err
}

// A guard lets those records pass that somebody may read.
type guard struct {
	m    *Manager
	by   activity.Actor
	open opener
	seen map[incident.ID]bool // whether it may be read, of some incidents
}

func (m *Manager) guard(by activity.Actor) *guard {
	return &guard{m: m, by: by, open: m.opener(by, ActionRead), seen: make(map[incident.ID]bool)}
}

// maxSeen is how many incidents a guard remembers.
const maxSeen = 10_000

// passes reports whether the incident with that ID, or what belongs to it, may be read.
func (g *guard) passes(ctx context.Context, r storage.Reader, id incident.ID) (bool, error) {
	pass, known := g.seen[id]
	if known {
		return pass, nil
	}
	_, err := g.open(ctx, r, id)
	switch {
	case errors.Is(err, ErrForbidden), err == nil, errors.Is(err, storage.ErrNotFound):
		pass = !errors.Is(err, ErrForbidden)
	default:
		return false, err
	}
	if len(g.seen) == maxSeen {
		clear(g.seen)
	}
	g.seen[id] = pass
	return pass, nil
}

// incident is passes for an incident that has been read.
func (g *guard) incident(ctx context.Context, r storage.Reader, i incident.Incident) (bool, error) {
	if i.Status == incident.Redirected {
		return g.passes(ctx, r, i.ID)
	}
	err := g.m.allow(ctx, g.by, ActionRead, i)
	if errors.Is(err, ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}

// readable yields those of the records of a query that by may read, at most limit of them. query reads as many as
// it is told, 0 means all.
func readable[T any](ctx context.Context, m *Manager, by activity.Actor, limit int, query func(r storage.Reader, limit int) iter.Seq2[T, error],
	pass func(*guard, context.Context, storage.Reader, T) (bool, error)) iter.Seq2[T, error] {
	if err := by.Validate(); err != nil {
		return func(yield func(T, error) bool) {
			var zero T
			yield(zero, fmt.Errorf("read: %w", err))
		}
	}
	return read(ctx, m.storage, func(r storage.Reader) iter.Seq2[T, error] {
		if m.authorizer == nil {
			return query(r, limit)
		}
		return func(yield func(T, error) bool) {
			g, n := m.guard(by), 0
			for v, err := range query(r, 0) {
				ok := true
				if err == nil {
					ok, err = pass(g, ctx, r, v)
				}
				if err != nil {
					var zero T
					yield(zero, err)
					return
				}
				if !ok {
					continue
				}
				if n++; !yield(v, nil) || n == limit {
					return
				}
			}
		}
	})
}
