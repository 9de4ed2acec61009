package incident

import (
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// An AlertEdit is what an analyst changes on alerts at one go: a nil field leaves them as they are. The zero
// AlertEdit changes nothing. In JSON, null clears; see [AlertEdit.UnmarshalJSON]. Verdicts are as in [Edit].
//
// Source: Microsoft Defender XDR, Manage alert; Microsoft Graph, Update alert.
type AlertEdit struct {
	Status  *alert.Status           `json:"status,omitempty"`
	Owner   *Owner                  `json:"owner,omitempty"`   // &Owner{} removes the owner
	Verdict *classification.Verdict `json:"verdict,omitempty"` // &Verdict{} clears it
}

// Apply returns the effect of e on the alerts of c, which are some of those of the incident. It needs no others.
// Resolving
// stamps the time, and reopening clears it. The incident's own owner and verdict stay as they are. An open incident
// whose last alert is resolved by e is resolved too, without a note, unless cmd.Policy keeps it open; a resolved one
// stays resolved when its alerts are reopened. All problems are reported at once.
func (e AlertEdit) Apply(cmd Command, c Case, tax classification.Taxonomy) (Effect, error) {
	if err := closed(c.Incident); err != nil {
		return Effect{}, err
	}
	if err := c.own(); err != nil {
		return Effect{}, err
	}
	p := problems{record: "incident " + string(c.Incident.ID)}
	if e.Status != nil && *e.Status > alert.StatusResolved {
		p.add("status", e.Status.String(), "new, inProgress or resolved")
	}
	if e.Owner != nil {
		p.owner(*e.Owner)
	}
	if e.Verdict != nil {
		e.Verdict = new(tax.Spelled(*e.Verdict))
		p.verdict(tax, *e.Verdict)
	}
	if err := p.err(); err != nil {
		return Effect{}, err
	}
	after, alerts := c.Incident, slices.Clone(c.Alerts)
	changes := make([]alertChange, len(alerts))
	for n := range alerts {
		old, a := &c.Alerts[n], &alerts[n]
		switch {
		case e.Status == nil:
		case *e.Status == alert.StatusResolved:
			*a = resolve(*a, cmd)
		default:
			a.Status, a.Resolved = *e.Status, time.Time{}
		}
		if e.Owner != nil {
			a.Owner = a.Owner.Respelled(*e.Owner)
		}
		if e.Verdict != nil {
			a.Verdict = *e.Verdict
		}
		after.Alerts = after.Alerts.change(*old, *a)
		changes[n] = alertChange{old, a}
	}
	after, why := cmd.resolveWithLast(c.Incident.Alerts, after)
	return effect(cmd, c.Incident, after, nil, changes).because(why), nil
}
