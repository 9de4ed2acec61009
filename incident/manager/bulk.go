package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// An EditResult says what became of one incident of an EditAll.
type EditResult struct {
	ID       incident.ID       `json:"id"`
	Incident incident.Incident `json:"incident,omitzero"` // as it is then; the zero Incident when Err is set
	Changed  bool              `json:"changed,omitempty"` // the edit found something to change
	Err      error             `json:"-"`                 // why it could not be edited; in JSON its text, "error"
}

// EditAll makes the change e to all incidents that q selects, as Edit does to one, and returns a result for each:
// first, in the order of q, those that are there as of the moment of the call and that by may read, then those of
// q.IDs that are not; a missing one of q.Numbers has no result. An incident that was merged into another, or
// purged, is left out unless q has IDs or Numbers; then the other is edited, as Edit does, and what was purged is
// an error. An incident that q does not select any more when its turn comes is left alone, with an error that
// matches [storage.ErrConflict].
//
// An incident that cannot be edited does not keep the others back. The error joins those of the results. Each
// incident is stored by itself: when the context is done, those before are kept and the others have its
// error. All entries share one cause. Repeating a call under the same [CommandID] edits only incidents that
// it has not edited before.
func (m *Manager) EditAll(
	ctx context.Context, by activity.Actor, q incident.Query, e incident.Edit, opts ...BulkOption,
) ([]EditResult, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	var results []EditResult
	if err == nil {
		results, err = m.selected(ctx, by, q)
	}
	if err != nil {
		return nil, fmt.Errorf("edit incidents: %w", err)
	}
	var errs []error
	t := call.ticket("editAll", by, "", e)
	edited := make(map[incident.ID]bool) // by the ID of one that was merged into it, too
	for n := range results {
		r := &results[n]
		if r.Err == nil {
			cmd.Part = string(r.ID)
			if call.among = nil; !edited[r.ID] {
				call.among = &selection{q, r.Incident.Version}
			}
			r.Incident, r.Changed, r.Err = m.do(
				ctx, ActionEdit, cmd, call, t.of(cmd.Part), r.ID, e.Cascades(), m.edit(e),
			)
		}
		if edited[r.Incident.ID] = true; r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return results, errors.Join(errs...)
}

// selected returns a result for each incident of q, with the incident as it is before the edit.
func (m *Manager) selected(ctx context.Context, by activity.Actor, q incident.Query) (results []EditResult, err error) {
	single := len(q.IDs)+len(q.Numbers) > 0
	err = m.View(ctx, by, func(r storage.Reader) error {
		found := make(map[incident.ID]bool)
		for i, err := range r.Incidents(ctx, listed(q)) {
			if err != nil {
				return err
			}
			if single || i.Status != incident.Redirected && i.Status != incident.Purged {
				found[i.ID] = true
				results = append(results, EditResult{ID: i.ID, Incident: i})
			}
		}
		for _, id := range q.IDs {
			if found[id] {
				continue
			}
			found[id] = true
			_, err := r.Incident(ctx, id)
			if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrForbidden) {
				results = append(results, EditResult{ID: id, Err: failed("edit", "incident", id, err)})
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	return results, err
}

// A selection is the query that an incident was selected by, and the version that it was selected at.
type selection struct {
	query   incident.Query
	version int64
}

// holds returns an error, which is not retried, unless the query still selects the incident with that ID, which leads
// to i. The nil selection holds for every incident.
func (s *selection) holds(ctx context.Context, r storage.Reader, id incident.ID, i incident.Incident) error {
	if s == nil || i.ID == id && i.Version == s.version {
		return nil
	}
	q := listed(s.query)
	q.IDs = []incident.ID{id} // which are all, or one of them
	n, err := storage.Count(ctx, r, q)
	if err == nil && n == 0 {
		err = final{fmt.Errorf("the query does not select it any more: %w", storage.ErrConflict)}
	}
	return err
}
