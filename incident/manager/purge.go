package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A PurgeResult says what became of one incident of a Purge.
type PurgeResult struct {
	ID     incident.ID `json:"id"`
	Number int64       `json:"number"`
	Err    error       `json:"-"` // why it could not be purged; in JSON its text, "error"
}

// Purge removes for good those of the incidents that q selects that were resolved before a time, with all that was
// merged into them, and returns a result for each that it removed, or could not: first those of q, in its order, then
// those merged into them. What is to be kept, q leaves out:
//
//	m.Purge(ctx, by, incident.Query{Except: []incident.Query{{Tags: []string{"legal hold"}}}}, now.AddDate(-2, 0, 0), "two years are over")
//
// Of each a tombstone stays, which its ID and Number lead to; see [incident.Purge], also for reason. q.Limit counts
// incidents that are purged, without those merged into them. Each incident is stored by itself: one that
// cannot be purged does not keep the others back, and when the context is done, those before are gone and the
// error is among the results of the others. What was merged into an incident and could not go with it goes the next
// time. The error joins those of the results. [DryRun] removes nothing. All entries share one cause; repeating a call
// under the same [CommandID] purges what has become due since.
func (m *Manager) Purge(
	ctx context.Context, by activity.Actor, q incident.Query, resolvedBefore time.Time, reason string,
	opts ...BulkOption,
) ([]PurgeResult, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	var results []PurgeResult
	if err == nil {
		results, err = m.due(ctx, cmd, q, resolvedBefore, reason)
	}
	if err != nil {
		return nil, fmt.Errorf("purge incidents: %w", err)
	}
	var gone []PurgeResult
	var errs []error
	t := call.ticket(string(ActionPurge), by, "", resolvedBefore, reason)
	for _, r := range results {
		cmd.Part = string(r.ID)
		rule := purge(cmd, r.ID, resolvedBefore, reason)
		_, purged, err := m.settle(ctx, ActionPurge, cmd, call, t.of(cmd.Part), m.to(ActionPurge, by), rule)
		if err != nil {
			r.Err = failed("purge", "incident", r.ID, err)
			errs = append(errs, r.Err)
		}
		if purged || err != nil {
			gone = append(gone, r) // else somebody has reopened it
		}
	}
	return gone, errors.Join(errs...)
}

// due returns a result to be filled in for each incident that is to be purged.
func (m *Manager) due(ctx context.Context, cmd incident.Command, q incident.Query, before time.Time, reason string) (results []PurgeResult, err error) {
	err = m.View(ctx, cmd.By, func(r storage.Reader) error {
		going, limit := make(map[incident.ID]bool), q.Limit
		if q.Limit = 0; len(q.Statuses) == 0 {
			q.Statuses = []incident.Status{incident.Resolved}
		}
		for i, err := range r.Incidents(ctx, q) {
			if err != nil {
				return err
			}
			if e, err := incident.Purge(cmd, i, i, before, reason); err != nil {
				return err
			} else if !e.Purge {
				continue
			}
			going[i.ID] = true
			if results = append(results, PurgeResult{ID: i.ID, Number: i.Number}); len(results) == limit {
				break
			}
		}
		for i, err := range r.Incidents(ctx, incident.Query{Statuses: []incident.Status{incident.Redirected}, Sort: incident.ByNumber, Ascending: true}) {
			if err != nil {
				return err
			}
			end, err := follow(ctx, r, i.ID)
			if err != nil {
				return err
			}
			if !going[end.ID] && end.Status != incident.Purged {
				continue
			}
			results = append(results, PurgeResult{ID: i.ID, Number: i.Number})
		}
		return nil
	})
	return results, err
}

func purge(cmd incident.Command, id incident.ID, before time.Time, reason string) matter {
	return func(ctx context.Context, r storage.Reader, may *access) (s findings, err error) {
		end, err := may.open(ctx, r, id)
		if err != nil {
			return s, err
		}
		i, err := r.Incident(ctx, id)
		rule := func() ([]incident.Effect, error) {
			e, err := incident.Purge(cmd, i, end, before, reason)
			if !e.Purge {
				return nil, err
			}
			return []incident.Effect{e}, err
		}
		return findings{named: id, subject: i, rule: rule}, err
	}
}
