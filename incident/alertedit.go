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
// Title, Description and RecommendedActions replace what the source said, so that a secret in it can be taken out of
// the record, and out of the log by [Redact]. The source does not bring it back, see [Repeat]; in the evidence and in
// Extra of an alert it stays.
//
// Source: Microsoft Defender XDR, Manage alert; Microsoft Graph, Update alert.
type AlertEdit struct {
	Status  *alert.Status           `json:"status,omitempty"`
	Owner   *Owner                  `json:"owner,omitempty"`   // &Owner{} removes the owner
	Verdict *classification.Verdict `json:"verdict,omitempty"` // &Verdict{} clears it

	Title              *string `json:"title,omitempty"`              // at most alert.MaxTitle code points, never empty
	Description        *string `json:"description,omitempty"`        // at most alert.MaxText code points
	RecommendedActions *string `json:"recommendedActions,omitempty"` // the same
}

// alertTexts are the texts of an alert that people can replace.
var alertTexts = []struct {
	name  string
	most  int // code points
	of    func(*alert.Alert) *string
	given func(AlertEdit) *string
}{
	{"title", alert.MaxTitle, func(a *alert.Alert) *string { return &a.Title },
		func(e AlertEdit) *string { return e.Title }},
	{"description", alert.MaxText, func(a *alert.Alert) *string { return &a.Description },
		func(e AlertEdit) *string { return e.Description }},
	{"recommendedActions", alert.MaxText, func(a *alert.Alert) *string { return &a.RecommendedActions },
		func(e AlertEdit) *string { return e.RecommendedActions }},
}

// Apply returns the effect of e on the alerts of c, which are some of those of the incident. others are the other
// alerts of that incident, which need be given only when e has a Title: the name of the incident may follow from
// the titles of all. Resolving stamps the time, and reopening clears it. The incident's own owner and verdict stay
// as they are. An open incident whose last alert is resolved by e is resolved too, without a note, unless
// cmd.Policy keeps it open; a resolved one stays resolved when its alerts are reopened. All problems are reported
// at once, each as an [*alert.FieldError].
func (e AlertEdit) Apply(cmd Command, c Case, others []alert.Alert, tax classification.Taxonomy) (Effect, error) {
	if err := closed(c.Incident); err != nil {
		return Effect{}, err
	}
	if err := c.own(); err != nil {
		return Effect{}, err
	}
	if e.Title != nil {
		whole := Case{Incident: c.Incident, Alerts: slices.Concat(c.Alerts, others)}
		if err := whole.complete(); err != nil {
			return Effect{}, err
		}
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
	if e.Title != nil {
		p.need("title", *e.Title)
	}
	for _, t := range alertTexts {
		if text := t.given(e); text != nil {
			p.text(t.name, *text, t.most)
		}
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
		for _, t := range alertTexts {
			if text := t.given(e); text != nil && *text != *t.of(a) {
				*t.of(a), a.Edited = *text, with(a.Edited, t.name)
			}
		}
		after.Alerts = after.Alerts.change(*old, *a)
		changes[n] = alertChange{old, a}
	}
	if e.Title != nil && len(alerts) > 0 {
		after.Alerts.Title = *e.Title
		if slices.ContainsFunc(others, func(a alert.Alert) bool { return a.Title != *e.Title }) {
			after.Alerts.Title = ""
		}
	}
	after, why := cmd.resolveWithLast(c.Incident.Alerts, after)
	return effect(cmd, c.Incident, after.derive(), nil, changes).because(why), nil
}
