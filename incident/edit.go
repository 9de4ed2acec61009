package incident

import (
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// An Edit is what an analyst changes at one go, like the Manage incident pane of Microsoft Defender XDR: a
// nil or zero field leaves the incident as it is. The zero Edit changes nothing. In JSON, null clears; see
// [Edit.UnmarshalJSON]. The identifiers of a Verdict may be in any case of letters.
type Edit struct {
	Name           *string                 `json:"name,omitempty"`         // at most MaxName code points; from then on the name is not generated
	GenerateName   bool                    `json:"generateName,omitempty"` // go back to the generated name
	Description    *string                 `json:"description,omitempty"`
	Owner          *Owner                  `json:"owner,omitempty"`          // &Owner{} removes the owner; the alerts follow
	Severity       *alert.Severity         `json:"severity,omitempty"`       // overrides the alerts' until DeriveSeverity
	DeriveSeverity bool                    `json:"deriveSeverity,omitempty"` // go back to the highest of the alerts'
	Status         *Status                 `json:"status,omitempty"`         // Active, InProgress or Resolved
	Note           *string                 `json:"note,omitempty"`           // how it was resolved; only with or after Resolved
	AddTags        []string                `json:"addTags,omitempty"`        // as custom tags, where no tag of the name is there
	RemoveTags     []string                `json:"removeTags,omitempty"`     // custom tags; unknown ones are no error
	Verdict        *classification.Verdict `json:"verdict,omitempty"`        // &Verdict{} clears it; alerts may follow

	VerdictToAlerts bool `json:"verdictToAlerts,omitempty"` // all alerts get the verdict that the incident has then

	// Recount computes anew what the incident says of its alerts, and what follows from it. That makes a difference only
	// where an older version of this library counted otherwise.
	Recount bool `json:"recount,omitempty"`

	addTags []Tag // with their kind, from an import
}

// Cascades reports whether [Edit.Apply] needs all alerts, because e may change or counts them.
func (e Edit) Cascades() bool {
	return e.Owner != nil || e.Status != nil && *e.Status == Resolved || e.Verdict != nil || e.VerdictToAlerts || e.Recount
}

// Apply returns the effect of e on the incident of c. It needs all alerts of the incident when e Cascades, and none
// otherwise: then it does not look at c.Alerts.
//
// Assigning an owner assigns it to every alert, removing it clears theirs. Resolving resolves every alert
// that is not resolved and stamps the time. Reopening, which is setting Active or InProgress, clears note
// and time, which stay in the log, and leaves the alerts as they are. A Verdict reaches the alerts that have none of
// their own, which are those without one and those that have the one the incident had until then; with
// Command.Policy.KeepAlertVerdicts it reaches none. VerdictToAlerts gives every alert the verdict of the incident, or
// clears theirs. An owner who is assigned again in another spelling keeps the first. GenerateName and DeriveSeverity
// give up what another system gave, too. An edit that changes nothing has a zero effect. All problems are reported at
// once.
//
// Source of the cascades: Microsoft Defender XDR, Manage incidents.
func (e Edit) Apply(cmd Command, c Case, tax classification.Taxonomy) (Effect, error) {
	after, changes, err := e.apply(cmd, c, tax)
	if err != nil {
		return Effect{}, err
	}
	var main []activity.Entry
	if e.Recount && len(Diff(c.Incident, c.recounted(cmd))) > 0 {
		main = []activity.Entry{{Type: activity.Recounted}}
	}
	return effect(cmd, c.Incident, after, main, changes), nil
}

// recounted returns the incident of c with the summary of its alerts.
func (c Case) recounted(cmd Command) Incident {
	i := c.Incident
	i.Alerts, _ = cmd.summarize(c.Alerts)
	return i
}

func (e Edit) apply(cmd Command, c Case, tax classification.Taxonomy) (Incident, []alertChange, error) {
	i := c.Incident
	if err := closed(i); err != nil {
		return i, nil, err
	}
	if e.Cascades() {
		if err := c.complete(); err != nil {
			return i, nil, err
		}
	}
	if e.Verdict != nil {
		e.Verdict = new(tax.Spelled(*e.Verdict))
	}
	if err := e.validate(i, tax); err != nil {
		return i, nil, err
	}
	if e.Recount {
		i = c.recounted(cmd)
	}
	if e.Name != nil {
		i.Name, i.Renamed, i.Named = *e.Name, true, false
	} else if e.GenerateName {
		i.Renamed, i.Named = false, false
	}
	if e.Severity != nil {
		i.Severity, i.SeverityOverridden, i.SeverityGiven = *e.Severity, true, false
	} else if e.DeriveSeverity {
		i.SeverityOverridden, i.SeverityGiven = false, false
	}
	if e.Description != nil {
		i.Description = *e.Description
	}
	if e.Verdict != nil {
		i.Verdict = *e.Verdict
	}
	i.Tags = e.tags(i)

	if e.Owner != nil {
		i.Owner = i.Owner.Respelled(*e.Owner)
	}
	resolves := false
	if e.Status != nil {
		switch {
		case *e.Status == Resolved && i.Status != Resolved:
			i.Status, i.Resolved, resolves = Resolved, cmd.At, true
		case *e.Status != Resolved:
			i = i.reopen(*e.Status)
		}
	}
	if e.Note != nil {
		i.Note = *e.Note
	}
	follows := e.Verdict != nil && !cmd.Policy.KeepAlertVerdicts
	var changes []alertChange
	if e.Cascades() {
		alerts := slices.Clone(c.Alerts)
		changes = make([]alertChange, len(alerts))
		for n := range alerts {
			before, after := &c.Alerts[n], &alerts[n]
			if e.Owner != nil {
				after.Owner = after.Owner.Respelled(i.Owner)
			}
			if e.VerdictToAlerts || follows && (after.Verdict.IsZero() || after.Verdict == c.Incident.Verdict) {
				after.Verdict = i.Verdict
			}
			if resolves {
				*after = resolve(*after, cmd)
			}
			i.Alerts = i.Alerts.change(*before, *after)
			changes[n] = alertChange{before, after}
		}
	}
	return i.derive(), changes, nil
}

// tags returns the tags of i as e makes them, of which those that are derived are not yet again.
func (e Edit) tags(i Incident) []Tag {
	for _, name := range e.RemoveTags {
		i.Tags = withoutTag(i.Tags, cleanTag(name))
	}
	for _, name := range e.AddTags {
		if name = cleanTag(name); !i.HasTag(name) {
			i.Tags = withTag(i.Tags, Tag{Name: name})
		}
	}
	for _, t := range e.addTags {
		i.Tags = withTag(i.Tags, t)
	}
	return i.Tags
}

func (e Edit) validate(i Incident, tax classification.Taxonomy) error {
	p := problems{record: "incident " + string(i.ID)}
	if e.Name != nil {
		p.need("name", *e.Name)
		p.text("name", *e.Name, MaxName)
		if e.GenerateName {
			p.add("generateName", "true", "either a name or a generated one")
		}
	}
	if e.Severity != nil {
		if *e.Severity < alert.Informational || *e.Severity > alert.High {
			p.add("severity", e.Severity.String(), "informational, low, medium or high")
		}
		if e.DeriveSeverity {
			p.add("deriveSeverity", "true", "either a severity or a derived one")
		}
	}
	if e.Description != nil {
		p.text("description", *e.Description, MaxComment)
	}
	if e.Owner != nil {
		p.owner(*e.Owner)
	}
	status := i.Status
	if e.Status != nil {
		if status = *e.Status; status > Resolved {
			p.add("status", status.String(), "active, inProgress or resolved")
		}
	}
	if e.Note != nil {
		p.text("note", *e.Note, MaxComment)
		if *e.Note != "" && status != Resolved {
			p.add("note", *e.Note, "the status resolved")
		}
	}
	for _, name := range e.AddTags {
		p.need("addTags", cleanTag(name))
		p.text("addTags", cleanTag(name), MaxTag)
	}
	p.count("addTags", len(own(e.tags(i))))
	if e.Verdict != nil {
		p.verdict(tax, *e.Verdict)
	}
	return p.err()
}

// reopen returns i with that status, which is not Resolved, and without what only resolved incidents have.
func (i Incident) reopen(status Status) Incident {
	i.Status, i.Note, i.Resolved = status, "", time.Time{}
	return i
}

// resolve returns a resolved, unless it is already.
func resolve(a alert.Alert, cmd Command) alert.Alert {
	if a.Status != alert.StatusResolved {
		a.Status, a.Resolved = alert.StatusResolved, cmd.At
	}
	return a
}
