package manager

import (
	"context"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
)

// Record logs on the incident with that ID that something was done because of it elsewhere, a response action or the
// run of an automation, and returns the updated incident. See [incident.Record] for what typ and text may be.
func (m *Manager) Record(
	ctx context.Context, by activity.Actor, id incident.ID, typ activity.Type, text string, opts ...Option,
) (incident.Incident, error) {
	rule := func(cmd incident.Command, c incident.Case) (incident.Effect, error) {
		return incident.Record(cmd, c.Incident, typ, text)
	}
	return m.change(ctx, ActionRecord, by, id, callOf(opts), false, rule, typ, text)
}
