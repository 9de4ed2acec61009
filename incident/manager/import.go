package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/internal/limit"
	"github.com/incidentkit/incidentkit/storage"
)

// An ImportResult says what became of a draft, besides the incident.
type ImportResult struct {
	Created bool         `json:"created"`         // the incident is new
	Notes   []alert.Note `json:"notes,omitempty"` // what could not be kept as it came, or was not understood

	// Of an incident that was imported before: what became of its fields, see [incident.Draft.Settle]. They are
	// empty where the command is given again under its CommandID.
	Taken     []string            `json:"taken,omitempty"`     // they were changed there only
	Kept      []string            `json:"kept,omitempty"`      // they were changed here only
	Conflicts []incident.Conflict `json:"conflicts,omitempty"` // they were changed on both sides
	Late      bool                `json:"late,omitempty"`      // an earlier state than the one imported before
}

// Import stores an incident that another system keeps, named by d.Reference, and returns it. One that was
// imported before is brought up to date instead: see [incident.Update]. What the import said is remembered
// field by field, as an item of the storage, and a later one is a three-way merge: [incident.Draft.Settle]
// says which fields are taken, which stay, and which are in conflict. The result lists them.
//
// What the other system has regrouped is followed. An alert of d that is in another incident of the same
// system is moved, unless a person has put it there. An incident that correlation has opened around an alert of d
// is merged into that of d, unless somebody has unmerged it. An incident that d has as Redirected is merged into the
// one that d.RedirectTo names. What the rules refuse, see [incident.MoveAlerts] and [incident.Merge], is
// among the Notes, and tried again by the next import. These are commands of their own after the import,
// under the actor by.
//
// Of an incident that was purged here, an import opens a successor when d has alerts that were never here: a
// new incident with those, the comments that were never here, and the fields of d but its texts and tags.
// Later imports bring the successor up to date. Without such alerts the error matches [incident.ErrPurged].
//
// The alerts of d that are new become its alerts, as the other system grouped them; one that is in the incident
// already is counted and updated, see [incident.Repeat]. New entities link nothing here. All this is stored at once
// or not at all. Before it, an alert of d that is in another incident is counted and updated there, each by itself,
// because an incident is what is stored at once. So an import that failed may have counted such alerts, and nothing
// else; it can be repeated. Importing the same d again changes nothing but Repeats and Repeated of its alerts.
//
// Neither the incident nor an alert is lost over a limit: both are made to fit, see [incident.Draft.Fit] and
// [alert.Alert.Fit], and the Notes of the result say what was changed, and what was kept and not understood, see
// [alert.Alert.Notes]. An alert without an Origin is left out, which is noted too.
//
// Of each incident that has an alert of d, too, the [Authorizer] is asked. An incident that by may not read
// is returned with nothing but the ID that the other system's reference stands for, and the result says
// nothing but the Notes.
//
// With [DryRun], what would become of alerts that are in other incidents is not looked at. With [IfVersion], an
// incident that is not here yet is at version 0. One [CommandID] may be given to the
// imports of many incidents.
func (m *Manager) Import(
	ctx context.Context, by activity.Actor, d incident.Draft, opts ...Option,
) (incident.Incident, ImportResult, error) {
	if d.Reference.System == "" || d.Reference.ID == "" {
		return incident.Incident{}, ImportResult{}, fmt.Errorf("import incident: %w",
			&alert.FieldError{Record: "incident", Field: "reference",
				Value: d.Reference.System + ":" + d.Reference.ID, Want: "system and ID"})
	}
	fit, notes := d.Fit(m.taxonomy)
	i, result, err := m.importDraft(ctx, by, d, fit, opts)
	if err != nil {
		id := fit.Reference.IncidentID()
		return incident.Incident{}, ImportResult{}, failed("import", "incident", id, err)
	}
	result.Notes = append(notes, result.Notes...)
	return i, result, nil
}

// importDraft imports fit, which is what was made of the given draft.
func (m *Manager) importDraft(
	ctx context.Context, by activity.Actor, given, fit incident.Draft, opts []Option,
) (i incident.Incident, result ImportResult, err error) {
	d := stamped(fit)
	cmd, call, err := m.begin(by, callOf(opts))
	if err != nil {
		return i, result, err
	}
	arrivals, notes := m.complete(d.Alerts, cmd)
	result.Notes = notes
	cmd.Part = string(d.Reference.IncidentID())
	t := call.ticket(string(ActionImport), by, "").of(cmd.Part, given)
	counted := make(map[alert.ID]bool)
	var planned *incident.Case // of a dry run
	var p plan
	fresh := sync.OnceValue(func() incident.ID { return incident.ID(m.newID()) }) // of a successor
	err = m.retry(ctx, ActionImport, func() error {
		err := m.storage.View(ctx, func(r storage.Reader) (err error) {
			p, err = m.plan(ctx, r, cmd, call, t, d, arrivals, fresh)
			return err
		})
		if err != nil {
			return err
		}
		i, result.Created = p.Incident, p.created
		result.Taken, result.Kept = p.settled.Taken, p.settled.Kept
		result.Conflicts, result.Late = p.settled.Conflicts, p.settled.Late
		if call.dryRun && p.created {
			planned = &incident.Case{Incident: i, Alerts: p.Alerts}
		}
		if call.dryRun || p.done {
			return nil
		}
		for n, a := range arrivals {
			id := a.whole.ID
			if !p.elsewhere[id] || counted[id] || p.gone[id] {
				continue
			}
			sub := cmd
			sub.Part += "/alert-" + part(n)
			if err := m.ingest(ctx, sub, nil, a, into(p.Incident.ID), new(Result)); err != nil {
				return final{fmt.Errorf("alert %s: %w", id, err)} // it was tried often enough
			}
			counted[id] = true
		}
		own := cmd
		own.Keys = p.keys
		made := write{
			cmd:     own,
			tickets: []*ticket{t},
			outcome: outcome{Changed: !p.IsZero(), Created: p.created},
			subject: p.Incident,
			items:   p.base,
		}
		if !p.IsZero() {
			made.effects = []incident.Effect{p.Effect}
		}
		i, err = m.keep(ctx, made)
		return err
	})
	if err == nil && !call.dryRun {
		var more []alert.Note
		i, more, err = m.regroup(ctx, cmd, d, p, i)
		result.Notes = append(append(result.Notes, p.notes...), more...)
	}
	if err != nil {
		return i, result, err
	}
	shown, err := m.shows(ctx, by, i.ID, planned)
	if !shown {
		i, result = incident.Incident{ID: d.Reference.IncidentID()}, ImportResult{Notes: notes}
	}
	return i, result, err
}

// A plan is what an import comes to.
type plan struct {
	incident.Effect                           // on the incident and the alerts that are its own
	created         bool                      // the incident is new
	done            bool                      // the command was given before
	elsewhere       map[alert.ID]bool         // alerts of the draft that are in another incident
	keys            map[alert.ID]alert.KeySet // of alerts that are new
	settled         incident.Settled
	base            []storage.Item    // what is remembered for the next import
	moved           []alert.ID        // alerts that the other system has moved here from another of its incidents
	linked          []incident.ID     // incidents of the correlator that have alerts of the draft
	gone            map[alert.ID]bool // alerts that were purged here
	notes           []alert.Note
}

// plan reads what it needs to know from r: of the stored alerts those of the draft, and all of the incident
// only when they change with it.
func (m *Manager) plan(
	ctx context.Context, r storage.Reader, cmd incident.Command, call call, t *ticket,
	d incident.Draft, arrivals []arrival, fresh func() incident.ID,
) (plan, error) {
	p := plan{elsewhere: make(map[alert.ID]bool), keys: make(map[alert.ID]alert.KeySet), gone: make(map[alert.ID]bool)}
	cmd.Keys = p.keys
	id := d.Reference.IncidentID()
	c := incident.Case{}
	base, item, err := baseOf(ctx, r, id)
	if err != nil {
		return p, err
	}
	if c.Incident, err = follow(ctx, r, cmp.Or(item.Incident, id)); errors.Is(err, storage.ErrNotFound) {
		p.created = true
	} else if err == nil {
		err = m.allow(ctx, cmd.By, ActionImport, c.Incident)
	}
	if err != nil && !p.created {
		return p, err
	}
	purged := c.Incident
	if purged.Status == incident.Purged {
		if p.gone, err = gone(ctx, r, arrivals); err != nil {
			return p, err
		}
		if len(p.gone) < len(arrivals) {
			p.created, id = true, fresh()
		}
	}
	o, done, reused := t.recall(ctx, r)
	if reused != nil && (!p.created || !errors.Is(reused, ErrCommandReused)) {
		return p, reused
	}
	if !p.created {
		if done {
			p = plan{Effect: incident.Effect{Incident: c.Incident}, created: o.Created, done: true}
			p.settled.Late = d.Settle(cmd, c.Incident, incident.Known{Of: item.Incident, Base: base}).Late
			stored, err := storedAlerts(ctx, r, arrivals)
			for _, a := range arrivals {
				if old, ok := stored[a.whole.ID]; err == nil && ok && old.Incident != c.Incident.ID {
					err = m.regrouped(ctx, r, cmd, &p, d.Reference, c.Incident.ID, old)
				}
			}
			return p, err
		}
		if err := call.current(id, c.Incident); err != nil {
			return p, err
		}
	}

	stored, err := storedAlerts(ctx, r, arrivals)
	if err != nil {
		return p, err
	}
	var own, added []alert.Alert // of alerts those that the incident has, and those that it gets
	known := incident.Known{Of: item.Incident, Base: base}
	if !p.created {
		if known.Decided, err = decided(ctx, r, c.Incident.ID, d.Disputed(c.Incident, base)); err != nil {
			return p, err
		}
		for _, a := range stored {
			if a.Incident == c.Incident.ID {
				known.Alerts = append(known.Alerts, a)
			}
		}
		if c.Incident.ID == cmp.Or(item.Incident, id) {
			p.settled = d.Settle(cmd, c.Incident, known)
		}
	}
	all := p.settled.Cascades()
	cmd.Said = make(map[alert.ID]incident.Said)
	var reported []func(incident.ID) error // remember the reports of alerts in that incident
	for _, a := range arrivals {
		id := a.whole.ID
		old, ok := stored[id]
		if p.gone[id] {
			continue
		}
		if !ok || old.Incident == c.Incident.ID {
			was, item, err := remembered(ctx, r, a.whole)
			if err != nil {
				return p, err
			}
			if item.Version > 0 {
				cmd.Said[id] = was
			}
			if !a.said.SourceUpdated.Before(old.SourceUpdated) {
				reported = append(reported, func(in incident.ID) error {
					items, err := says(a.whole, in, was, item, cmd.At)
					p.base = append(p.base, items...)
					return err
				})
			}
		}
		switch {
		case !ok:
			added, p.keys[id] = append(added, a.whole), a.keys
		case old.Incident == c.Incident.ID:
			own, c.Alerts = append(own, a.said), append(c.Alerts, old)
			_, changed := incident.Repeat(cmd, old, a.said)
			all = all || changed
		default:
			p.elsewhere[id] = true
			if err := m.regrouped(ctx, r, cmd, &p, d.Reference, c.Incident.ID, old); err != nil {
				return p, err
			}
		}
	}
	if err := setSeen(ctx, r, added, p.keys); err != nil {
		return p, err
	}
	if p.created {
		if purged.Status == incident.Purged {
			err = m.succeed(ctx, r, &p, cmd, id, purged, d, added)
		} else {
			p.Effect, err = incident.Create(cmd, id, d, added, grouped(), m.taxonomy)
		}
		if err == nil {
			err = p.remember(d, base, item, cmd.At, reported) // what was left out is not taken later
		}
		if err == nil {
			err = m.allow(ctx, cmd.By, ActionImport, p.Effect.Incident)
		}
		if err = cmp.Or(err, reused); err == nil && done {
			err = fmt.Errorf("incident %s: %w", id, storage.ErrNotFound) // it was there when the command was given
		}
		if err == nil {
			err = call.current(id, incident.Incident{ID: id})
		}
		return p, err
	}
	if all {
		if c.Alerts, err = alertsOf(ctx, r, c.Incident); err != nil {
			return p, err
		}
	}
	if known.Comments, err = comments(ctx, r, d.CommentIDs()); err != nil {
		return p, err
	}
	if known.Assets, err = seenIn(ctx, r, c.Incident.ID, assetsOf(p.keys, added...)); err != nil {
		return p, err
	}
	p.Effect, err = incident.Update(cmd, c, d, slices.Concat(own, added), known, m.taxonomy)
	if err == nil {
		err = p.remember(d, base, item, cmd.At, reported)
	}
	return p, err
}

// decided returns when fields of an incident were last changed, as its log says.
func decided(
	ctx context.Context, r storage.Reader, id incident.ID, fields []string,
) (map[string]time.Time, error) {
	at := make(map[string]time.Time)
	for _, field := range fields {
		q := activity.Query{Incidents: []incident.ID{id}, Fields: []string{field}, Newest: true, Limit: 1}
		for e, err := range r.Activity(ctx, q) {
			if err != nil {
				return nil, err
			}
			at[field] = e.Time
		}
	}
	return at, nil
}

// comments returns which entries there are, and whether they have their text.
func comments(ctx context.Context, r storage.Reader, ids []activity.ID) (map[activity.ID]bool, error) {
	all := make(map[activity.ID]bool)
	if len(ids) == 0 {
		return all, nil
	}
	for e, err := range r.Activity(ctx, activity.Query{IDs: ids}) {
		if err != nil {
			return nil, err
		}
		all[e.ID] = !e.Redacted
	}
	return all, nil
}

// regrouped adds to the plan what follows from an alert of the draft that is stored in another incident than into, the
// one that the draft is imported as.
func (m *Manager) regrouped(
	ctx context.Context, r storage.Reader, cmd incident.Command, p *plan, ref incident.Reference, into incident.ID,
	old alert.Alert,
) error {
	home, err := follow(ctx, r, old.Incident)
	if err == nil {
		err = m.allow(ctx, cmd.By, ActionImport, home)
	}
	if err != nil || p.settled.Late {
		return err
	}
	added, err := addedBy(ctx, r, old.ID)
	switch {
	case err != nil:
	case incident.RegroupedThere(ref, home, added):
		p.moved = append(p.moved, old.ID)
	case incident.LinkedThere(home, added) && !slices.Contains(p.linked, home.ID):
		var apart bool
		if apart, err = tookApart(ctx, r, home.ID, into); !apart {
			p.linked = append(p.linked, home.ID)
		}
	}
	return err
}

// tookApart reports whether somebody has taken an incident out of another.
func tookApart(ctx context.Context, r storage.Reader, id, target incident.ID) (bool, error) {
	q := activity.Query{Incidents: []incident.ID{id}, Types: []activity.Type{activity.Unmerged}}
	for e, err := range r.Activity(ctx, q) {
		if err != nil || slices.ContainsFunc(e.Links, func(l activity.Link) bool { return l.Incident == target }) {
			return true, err
		}
	}
	return false, nil
}

// addedBy returns the entry by which an alert came into its incident.
func addedBy(ctx context.Context, r storage.Reader, id alert.ID) (activity.Entry, error) {
	q := activity.Query{
		Alerts: []alert.ID{id}, Types: []activity.Type{activity.AlertAdded}, Origins: []incident.ID{""}, Newest: true, Limit: 1,
	}
	for e, err := range r.Activity(ctx, q) {
		return e, err
	}
	return activity.Entry{}, nil
}

// gone returns those of arrivals that are not stored, and were: they are in the log.
func gone(ctx context.Context, r storage.Reader, arrivals []arrival) (map[alert.ID]bool, error) {
	stored, err := storedAlerts(ctx, r, arrivals)
	if err != nil {
		return nil, err
	}
	all := make(map[alert.ID]bool)
	var ids []alert.ID
	for _, a := range arrivals {
		if _, ok := stored[a.whole.ID]; !ok {
			ids = append(ids, a.whole.ID)
		}
	}
	if len(ids) == 0 {
		return all, nil
	}
	for e, err := range r.Activity(ctx, activity.Query{Alerts: ids, Types: []activity.Type{activity.AlertAdded}}) {
		if err != nil {
			return nil, err
		}
		all[e.Alert] = true
	}
	return all, nil
}

// succeed makes the plan the successor of a purged incident.
func (m *Manager) succeed(
	ctx context.Context, r storage.Reader, p *plan, cmd incident.Command, id incident.ID, purged incident.Incident,
	d incident.Draft, added []alert.Alert,
) error {
	logged, err := comments(ctx, r, d.CommentIDs())
	if err != nil {
		return err
	}
	if p.Effect, err = incident.Succeed(cmd, id, purged, d, added, logged, m.taxonomy); err != nil {
		return err
	}
	p.notes = append(p.notes, alert.Note{
		Record: "incident " + string(p.Incident.ID),
		Field:  "reference",
		Value:  limit.Shorten(string(purged.ID)),
		Said:   fmt.Sprintf("opened with what is new, since incident #%d was purged", purged.Number),
	})
	return nil
}

// regroup does what the other system has done with the incident that was imported as i: moves the alerts that it has
// moved here, takes in the incidents that correlation has opened around its alerts, and merges i where it has. What the rules refuse is noted, and tried again by the next import.
func (m *Manager) regroup(
	ctx context.Context, cmd incident.Command, d incident.Draft, p plan, i incident.Incident,
) (incident.Incident, []alert.Note, error) {
	var notes []alert.Note
	may := m.to(ActionImport, cmd.By)
	try := func(field, value string, read matter) error {
		after, _, err := m.settle(ctx, ActionImport, cmd, call{}, nil, may, read)
		if no, ok := errors.AsType[*incident.RefusedError](err); ok {
			notes = append(notes, alert.Note{
				Record: "incident " + string(i.ID), Field: field, Value: limit.Shorten(value), Said: "not followed: " + no.Error(),
			})
			return nil
		}
		if errors.Is(err, ErrForbidden) {
			return nil // without a note, which would tell what is hidden
		}
		if err == nil {
			i = after
		}
		return err
	}
	cmd.Keys, cmd.Part = nil, ""
	if len(p.moved) > 0 {
		cmd.ID = m.newID()
		err := try("alerts", string(p.moved[0]), move(p.moved, i.ID, "",
			func(from []incident.Case, to incident.Case) ([]incident.Effect, error) {
				return incident.Regroup(cmd, from, to, p.moved)
			}))
		if err != nil {
			return i, notes, err
		}
	}
	for _, home := range p.linked {
		cmd.ID = m.newID()
		err := try("alerts", string(home), merge(i.ID, []incident.ID{home},
			func(into incident.Party, from []incident.Party) ([]incident.Effect, error) {
				return incident.Merge(cmd, into, from, "Grouped by "+d.Reference.System+".")
			}))
		if err != nil {
			return i, notes, err
		}
	}
	to := d.RedirectTo.IncidentID()
	if d.Status != incident.Redirected || p.settled.Late || i.Status == incident.Redirected || i.ID != d.Reference.IncidentID() {
		return i, notes, nil
	}
	cmd.ID = m.newID()
	err := try("redirectTo", d.RedirectTo.ID, merge(to, []incident.ID{i.ID},
		func(into incident.Party, from []incident.Party) ([]incident.Effect, error) {
			return incident.Merge(cmd, into, from, "Merged by "+d.Reference.System+".")
		}))
	if errors.Is(err, storage.ErrNotFound) {
		notes = append(notes, alert.Note{
			Record: "incident " + string(i.ID), Field: "redirectTo", Value: limit.Shorten(d.RedirectTo.ID),
			Said: "not followed, since that incident is not here",
		})
		err = nil
	}
	return i, notes, err
}

// storedAlerts returns those of arrivals that are stored, as they are stored.
func storedAlerts(ctx context.Context, r storage.Reader, arrivals []arrival) (map[alert.ID]alert.Alert, error) {
	stored := make(map[alert.ID]alert.Alert)
	if len(arrivals) == 0 {
		return stored, nil
	}
	var q alert.Query
	for _, a := range arrivals {
		q.IDs = append(q.IDs, a.whole.ID)
	}
	for a, err := range r.Alerts(ctx, q) {
		if err != nil {
			return nil, err
		}
		stored[a.ID] = a
	}
	return stored, nil
}

// into is the correlator of alerts whose source has grouped them.
type into incident.ID

// Correlate names the incident.
func (id into) Correlate(context.Context, storage.Reader, alert.Alert, alert.KeySet) (correlation.Decision, error) {
	return correlation.Decision{Incident: incident.ID(id), Links: grouped()}, nil
}
