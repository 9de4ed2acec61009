package manager

import (
	"context"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// At returns the incident with that ID as its log tells that it was right after the entry seq, be that its own
// or another incident's, and the command that logged it; see [incident.ReplayUntil]. It does not follow
// redirects, so that an incident that was merged away can be seen as it was before. Of a command on several
// incidents, each is changed by its own entries. The seq of a moment is that of the last entry before it:
//
//	m.Activity(ctx, by, activity.Query{Until: time, Newest: true, Limit: 1})
//
// A text that was redacted is empty until the next entry that tells it. The error matches [storage.ErrNotFound] when
// there is no such incident or was none yet, [incident.ErrPurged] when it was purged, and [incident.ErrReplay] when the
// log does not tell it.
func (m *Manager) At(ctx context.Context, by activity.Actor, id incident.ID, seq int64) (incident.Incident, error) {
	var i incident.Incident
	err := m.view(ctx, by, func(r storage.Reader) error {
		if _, err := m.to(ActionRead, by).open(ctx, r, id); err != nil {
			return err
		}
		now, err := r.Incident(ctx, id)
		if err != nil {
			return err
		}
		if now.Status == incident.Purged {
			return incident.ErrPurged
		}
		i, err = incident.ReplayUntil(r.Activity(ctx, activity.Query{Incidents: []incident.ID{id}}), seq)
		if err == nil && i.ID == "" {
			err = fmt.Errorf("%w: it came later", storage.ErrNotFound)
		}
		i.Number = now.Number // which no entry tells, and which never changes
		return err
	})
	if err != nil {
		return incident.Incident{}, fmt.Errorf("incident %s as of entry %d: %w", id, seq, err)
	}
	return i, nil
}
