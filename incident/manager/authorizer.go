package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// ErrForbidden says that the actor may not do what was asked for, or may not know whether it could be done.
// Test for it with [errors.Is].
var ErrForbidden = errors.New("manager: forbidden")

// A ForbiddenError is an [ErrForbidden] with a reason for the caller. An [Authorizer] that returns one, wrapped or not,
// decides that the caller may read the reason, and answers for it telling nothing of records that are hidden.
type ForbiddenError struct {
	Reason string `json:"reason"`
}

// Error returns a sentence with the reason.
func (e *ForbiddenError) Error() string { return ErrForbidden.Error() + ": " + e.Reason }

// Unwrap returns [ErrForbidden].
func (e *ForbiddenError) Unwrap() error { return ErrForbidden }

// An Action is what somebody asks a [Manager] to do.
type Action string

// The actions. The table in the package comment says which incidents each is asked about.
const (
	ActionRead       Action = "read"
	ActionIngest     Action = "ingest"
	ActionImport     Action = "import"
	ActionCreate     Action = "create"
	ActionEdit       Action = "edit"
	ActionEditAlerts Action = "editAlerts"
	ActionComment    Action = "comment"
	ActionRecord     Action = "record"
	ActionRedact     Action = "redact"
	ActionPurge      Action = "purge"
	ActionMerge      Action = "merge"
	ActionUnmerge    Action = "unmerge"
	ActionMove       Action = "move"
)

// An Authorizer says who may do what. A Manager asks it before every command and, without a [Scope], every read, about
// the incident as it is at that moment, and again when a command is tried again. What it forbids does not happen.
//
// The package comment has a table of what is asked of which incident.
//
// Authorize is called by many goroutines at once, while a View of the storage is open; it should be quick. It
// must not call the Manager.
type Authorizer interface {
	// Authorize returns nil if by may do what to i. An error that matches [ErrForbidden] says no; the caller gets
	// ErrForbidden and nothing else of it, unless it is a [*ForbiddenError]. Any other error says that there is no
	// answer, and is the caller's.
	Authorize(ctx context.Context, by activity.Actor, what Action, i incident.Incident) error
}

// A Scope returns a Query that selects what an actor may read. The zero Query selects everything. It is about
// incidents as they are: one that leaves the Scope, by an edit or with its last alert, cannot be read any more, and
// one without alerts has none of what a Summary has, such as device groups. An error that matches [ErrForbidden]
// means that the actor may read nothing, any other is returned to the caller. Sort, Ascending, After and Limit do
// not count. The limits of Within and Except are those of the Query and the Scope together. It is called for each
// read and for each record that a command is about, by many goroutines at once, while a View of the storage is
// open. It must not call the Manager.
type Scope func(ctx context.Context, by activity.Actor) (incident.Query, error)

// nothing selects no incident.
func nothing() incident.Query { return incident.Query{Except: []incident.Query{{}}} }

// everything reports whether scope has no filter.
func everything(scope *incident.Query) bool {
	for _, filter := range reflect.ValueOf(scope).Elem().Fields() {
		if !filter.IsZero() && (filter.Kind() != reflect.Slice || filter.Len() > 0) {
			return false
		}
	}
	return true
}

// restricted reports whether there may be actors who must not read everything.
func (m *Manager) restricted() bool { return m.authorizer != nil || m.scope != nil }

// allow reports whether by may do what to i, as the Authorizer says.
func (m *Manager) allow(ctx context.Context, by activity.Actor, what Action, i incident.Incident) error {
	if m.authorizer == nil {
		return nil
	}
	err := m.authorizer.Authorize(ctx, by, what, i.Clone())
	if errors.Is(err, ErrForbidden) {
		return refusal(err)
	}
	return err
}

// refusal returns what of err, which matches [ErrForbidden], the caller may read.
func refusal(err error) error {
	if told, ok := errors.AsType[*ForbiddenError](err); ok {
		return told
	}
	return ErrForbidden
}

// An access is the right of an actor to an action. The nil access is that of the library itself, which may do
// everything.
type access struct {
	m     *Manager
	by    activity.Actor
	what  Action
	scope *incident.Query // what may be read; nil until it is asked for, or without Options.Scope
	no    error           // of a Scope that selects nothing
}

// to returns the access of the actor by to an action.
func (m *Manager) to(what Action, by activity.Actor) *access {
	return &access{m: m, by: by, what: what}
}

// reach returns the scope, if there is one.
func (a *access) reach(ctx context.Context) (*incident.Query, error) {
	if a.m.scope == nil || a.scope != nil {
		return a.scope, nil
	}
	q, err := a.m.scope(ctx, a.by)
	if errors.Is(err, ErrForbidden) {
		q, a.no, err = nothing(), refusal(err), nil
	}
	if err == nil {
		q.Sort, q.Ascending, q.After, q.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
		a.scope = &q
	}
	return a.scope, err
}

// open returns the incident that an ID leads to. An actor without access to it cannot tell it from a missing one.
func (a *access) open(ctx context.Context, r storage.Reader, id incident.ID) (incident.Incident, error) {
	i, err := follow(ctx, r, id)
	missing := errors.Is(err, storage.ErrNotFound)
	if a == nil || err != nil && !missing {
		return i, err
	}
	if missing {
		i = incident.Incident{ID: id}
	}
	if no := a.check(ctx, r, i, missing); no != nil {
		return incident.Incident{}, no
	}
	return i, err
}

// check reports whether the access is one to i.
func (a *access) check(ctx context.Context, r storage.Reader, i incident.Incident, missing bool) error {
	scope, err := a.reach(ctx)
	if err != nil {
		return err
	}
	if scope != nil {
		if in, err := selects(ctx, r, scope, i.ID, missing); err != nil {
			return err
		} else if !in {
			return cmp.Or(a.no, ErrForbidden)
		}
		if a.what == ActionRead {
			return nil
		}
	}
	return a.m.allow(ctx, a.by, a.what, i)
}

// selects reports whether scope selects the incident with that ID. A missing one is selected only by the scope that is
// everything.
func selects(
	ctx context.Context, r storage.Reader, scope *incident.Query, id incident.ID, missing bool,
) (bool, error) {
	if missing || everything(scope) {
		return everything(scope), nil
	}
	if len(scope.IDs) > 0 && !slices.Contains(scope.IDs, id) {
		return false, nil
	}
	q := *scope
	q.IDs = []incident.ID{id}
	n, err := storage.Count(ctx, r, q)
	return n > 0, err
}

// home returns an alert and the incident that has it, which may be one that was imported as merged away: then the
// access is one to the incident that it leads to.
func (a *access) home(ctx context.Context, r storage.Reader, id alert.ID) (alert.Alert, incident.Incident, error) {
	found, err := r.Alert(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return found, incident.Incident{}, err
	}
	i, no := a.open(ctx, r, found.Incident)
	if err == nil || !errors.Is(no, storage.ErrNotFound) {
		err = no
	}
	if err == nil && i.ID != found.Incident {
		i, err = r.Incident(ctx, found.Incident)
	}
	return found, i, err
}

// entry returns the entry with that ID, and the incident that it leads to.
func (a *access) entry(
	ctx context.Context, r storage.Reader, id activity.ID,
) (activity.Entry, incident.Incident, error) {
	e, found, err := entry(ctx, r, id)
	if err != nil {
		return e, incident.Incident{}, err
	}
	if !found {
		err = fmt.Errorf("entry %s: %w", id, storage.ErrNotFound)
	}
	i, no := a.open(ctx, r, e.Incident)
	if err == nil || !errors.Is(no, storage.ErrNotFound) {
		err = no
	}
	return e, i, err
}

// shows reports whether by may read the result of a command, the incident with that ID. planned is the incident
// with its alerts where it is not stored.
func (m *Manager) shows(
	ctx context.Context, by activity.Actor, id incident.ID, planned *incident.Case,
) (shown bool, err error) {
	if !m.restricted() {
		return true, nil
	}
	may := m.to(ActionRead, by)
	if planned != nil {
		return may.sees(ctx, *planned)
	}
	err = m.storage.View(ctx, func(r storage.Reader) error {
		_, err := may.open(ctx, r, id)
		if shown = err == nil; errors.Is(err, ErrForbidden) {
			return nil
		}
		return err
	})
	return shown, err
}

// sees reports whether what is not stored may be read.
func (a *access) sees(ctx context.Context, c incident.Case) (bool, error) {
	scope, err := a.reach(ctx)
	if scope != nil {
		return scope.Match(c), nil
	}
	if err == nil {
		err = a.m.allow(ctx, a.by, a.what, c.Incident)
	}
	if errors.Is(err, ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}
