package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
	"github.com/incidentkit/incidentkit/storage"
)

// An Outcome says what became of an ingested alert.
type Outcome uint8

// The outcomes. The zero Outcome is Refused.
const (
	Refused  Outcome = iota // it was not taken; see Result.Err
	Opened                  // it opened a new incident
	Joined                  // it joined an incident
	Updated                 // it was there, and the report said something new
	Repeated                // it was there, and was counted
	Taken                   // one of these; which, and where, the caller may not read
)

var outcomes = []string{"refused", "opened", "joined", "updated", "repeated", "taken"}

// String returns the outcome's text, such as "joined".
func (o Outcome) String() string { return enum.Text(outcomes, "outcome", o) }

// MarshalText returns the outcome's text. A value that is not one of the constants is an error.
func (o Outcome) MarshalText() ([]byte, error) { return enum.Marshal(outcomes, "outcome", o) }

// UnmarshalText accepts the text of an outcome.
func (o *Outcome) UnmarshalText(text []byte) error {
	v, ok := enum.Parse[Outcome](outcomes, string(text))
	if !ok {
		return &alert.FieldError{Field: "outcome", Value: limit.Shorten(string(text)), Want: enum.Want(outcomes)}
	}
	*o = v
	return nil
}

// A Result says what became of one alert of an Ingest.
type Result struct {
	ID       alert.ID        `json:"id"`
	Incident incident.ID     `json:"incident,omitempty"` // where it is now; "" when it was Refused or Taken
	Outcome  Outcome         `json:"outcome"`
	Links    []activity.Link `json:"links,omitempty"` // why it is there, and what was held back
	Notes    []alert.Note    `json:"notes,omitempty"` // what of it could not be kept as it came, or was not understood
	Err      error           `json:"-"`               // why it was refused; in JSON its text, "error"
}

// Ingest takes alerts in, one after the other, and returns a result for each, in their order. A new alert
// joins the incident that the correlator names or opens one. Where the correlator names others to be merged
// into that one, they are merged first, by the system and as [incident.MergeLinked] allows, which never merges
// two that other systems keep; what it refuses is held back in the links, with the reason.
//
// An alert that is there already, by its Origin, is counted and updated as [incident.Repeat] describes: a report
// erases nothing, and its missing times are not completed. The correlator is asked about entities that the alert did
// not name before. Where they link its incident with others, these are merged, into the one that was opened first. An
// alert that fires again reopens its incident, and one that is resolved may resolve it; see [incident.UpdateAlert]. A
// new alert that opens an incident and is resolved itself leaves it resolved. [incident.Policy] can keep both from
// happening.
//
// No alert is lost over a limit: it is made to fit, see [alert.Alert.Fit], and the Notes of its result say what was
// changed, and what was kept and not understood, see [alert.Alert.Notes]. An alert without an Origin cannot be taken.
//
// Where by may not read the incident that an alert is in, its result is Taken, with the Notes and nothing else.
// Links to incidents that by may not read are left out.
//
// An alert that cannot be taken does not keep the others back. The error joins those of the results, each
// naming the alert's index; it is also in its result. Each alert is stored by itself: when the context is
// done, those before are kept and the others refused. Under the same [CommandID] nothing is changed or counted a second
// time.
func (m *Manager) Ingest(
	ctx context.Context, by activity.Actor, alerts []alert.Alert, opts ...CommandID,
) ([]Result, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	if err == nil {
		err = m.allow(ctx, by, ActionIngest, incident.Incident{})
	}
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	results := make([]Result, len(alerts))
	var errs []error
	batch := call.ticket(string(ActionIngest), by, "")
	for n, a := range alerts {
		cmd.Part = part(n)
		t := batch.of(cmd.Part, a)
		a, notes := m.arrived(a, cmd)
		id := a.whole.ID
		results[n].ID = id
		if err := m.ingest(ctx, cmd, t, a, m.correlator, &results[n]); err != nil {
			if m.restricted() {
				err = unnamed(err)
			}
			err = fmt.Errorf("ingest alert %d (%s): %w", n, id, err)
			results[n] = Result{ID: id, Err: err}
			errs = append(errs, err)
			continue
		}
		results[n].Notes = notes
	}
	if m.restricted() {
		errs = append(errs, m.conceal(ctx, by, results))
	}
	return results, errors.Join(errs...)
}

// conceal takes out of results what by may not read.
func (m *Manager) conceal(ctx context.Context, by activity.Actor, results []Result) error {
	g := m.guard(by)
	err := m.storage.View(ctx, func(r storage.Reader) error {
		var ids []incident.ID
		for _, result := range results {
			ids = append(ids, result.Incident)
			for _, l := range result.Links {
				ids = append(ids, l.Incident)
			}
		}
		g.forget()
		return g.look(ctx, r, slices.DeleteFunc(ids, func(id incident.ID) bool { return id == "" }))
	})
	for n := range results {
		r := &results[n]
		if r.Err == nil && (err != nil || !g.seen[r.Incident]) {
			*r = Result{ID: r.ID, Outcome: Taken, Notes: r.Notes}
		}
		r.Links = slices.DeleteFunc(slices.Clone(r.Links), func(l activity.Link) bool {
			return l.Incident != "" && !g.seen[l.Incident]
		})
	}
	if err != nil {
		return fmt.Errorf("read where the alerts are: %w", err)
	}
	return nil
}

// unnamed returns what err says that is not about an incident, which the caller may not know.
func unnamed(err error) error {
	for _, class := range []error{
		storage.ErrUnknownOutcome, storage.ErrUnavailable, storage.ErrClosed,
		context.Canceled, context.DeadlineExceeded,
		storage.ErrConflict, storage.ErrExists, incident.ErrPurged, incident.ErrRefused, storage.ErrNotFound,
	} {
		if errors.Is(err, class) {
			return class
		}
	}
	return err
}

func (m *Manager) ingest(
	ctx context.Context, cmd incident.Command, t *ticket, a arrival, by Correlator, result *Result,
) error {
	if err := a.whole.Validate(); err != nil {
		return err
	}
	defer m.lock(a.whole.ID, a.keys)()
	refused := make(refusals)
	return m.retry(ctx, ActionIngest, func() error {
		p, err := m.placeOf(ctx, cmd, t, a, by, refused)
		for err == nil && (p.first || len(p.merge) > 0) {
			if p.first {
				_, err = m.keep(ctx, write{effects: []incident.Effect{p.effect}})
			} else {
				err = m.mergeLinked(ctx, cmd, a.whole.ID, p, refused)
			}
			if err == nil {
				p, err = m.placeOf(ctx, cmd, t, a, by, refused)
			}
		}
		if err != nil {
			return err
		}
		if *result = p.result; p.done {
			return nil
		}
		own := cmd
		own.Keys = p.keys
		_, err = m.keep(ctx, write{
			cmd: own, tickets: []*ticket{t}, outcome: outcome{Outcome: result.Outcome},
			subject: incident.Incident{ID: result.Incident}, effects: []incident.Effect{p.effect}, items: p.said,
			guard: p.guard,
		})
		return err
	})
}

// refusals are why incidents that an alert links cannot be merged, by both of them.
type refusals map[[2]incident.ID]string

func (r refusals) of(a, b incident.ID) string {
	return cmp.Or(r[[2]incident.ID{a, b}], r[[2]incident.ID{b, a}])
}

// A placing is where an alert goes.
type placing struct {
	effect incident.Effect
	result Result
	keys   map[alert.ID]alert.KeySet // of the alert that is stored, where they are known
	guard  storage.Guard             // of the correlator's decision
	said   []storage.Item            // what is remembered of the report
	first  bool                      // the effect only prepares the merges that follow from it, and is stored by itself
	home   incident.ID               // of a stored alert that has new links
	merge  []incident.ID             // to be merged into the result's incident first; then there is no effect yet
	done   bool                      // the command was given before; result is what became of it
}

// decide asks the correlator about a, and guards its decision.
func (p *placing) decide(
	ctx context.Context, r storage.Reader, by Correlator, a alert.Alert, keys alert.KeySet,
) (d correlation.Decision, err error) {
	if d, err = by.Correlate(ctx, r, a, keys); err != nil {
		return d, err
	}
	if p.guard.Keys = d.Keys; len(d.Keys) > 0 {
		p.guard.Seq, err = r.Seq(ctx)
	}
	return d, err
}

// placeOf finds the place of a as of now.
func (m *Manager) placeOf(
	ctx context.Context, cmd incident.Command, t *ticket, a arrival, by Correlator, refused refusals,
) (p placing, err error) {
	err = m.storage.View(ctx, func(r storage.Reader) error {
		o, done, err := t.recall(ctx, r)
		if err != nil {
			return err
		}
		if p.done = done; done {
			p.result = Result{ID: a.whole.ID, Incident: o.Incident, Outcome: o.Outcome}
			return nil
		}
		was, item, err := remembered(ctx, r, a.whole)
		if err != nil {
			return err
		}
		old, err := r.Alert(ctx, a.whole.ID)
		switch {
		case err == nil:
			if item.Version > 0 {
				cmd.Said = map[alert.ID]incident.Said{old.ID: was}
			}
			p, err = m.repeat(ctx, r, cmd, old, a.said, by, refused)
		case errors.Is(err, storage.ErrNotFound):
			cmd.Keys = map[alert.ID]alert.KeySet{a.whole.ID: a.keys}
			p, err = m.place(ctx, r, cmd, a.whole, by, refused)
			p.keys = cmd.Keys
		}
		if err == nil && !a.said.SourceUpdated.Before(old.SourceUpdated) {
			p.said, err = says(a.whole, p.result.Incident, was, item, cmd.At)
		}
		return err
	})
	return p, err
}

// mergeLinked merges the incidents that a links, each by a command of its own, since each may be refused.
func (m *Manager) mergeLinked(
	ctx context.Context, cmd incident.Command, a alert.ID, p placing, refused refusals,
) error {
	cmd.By = activity.Actor{Kind: activity.System, ID: "correlation"}
	for _, id := range p.merge {
		var keys []alert.Key
		for _, l := range p.result.Links {
			if l.Incident == id || p.home == id && l.Incident == p.result.Incident {
				keys = append(keys, l.Entity)
			}
		}
		cmd.ID, cmd.Part = m.newID(), ""
		rule := func(into incident.Party, from []incident.Party) ([]incident.Effect, error) {
			return incident.MergeLinked(cmd, into, from[0], a, keys)
		}
		linked := merge(p.result.Incident, []incident.ID{id}, rule)
		_, _, err := m.settle(ctx, ActionMerge, cmd, call{}, nil, nil, linked)
		if no, ok := errors.AsType[*incident.RefusedError](err); ok {
			var why []string
			for _, r := range no.Refusals {
				why = append(why, strings.TrimPrefix(r.Error(), "incident "+string(r.Incident)+": "))
			}
			refused[[2]incident.ID{p.result.Incident, id}] = "not merged: " + strings.Join(why, "; ")
		} else if err != nil {
			return fmt.Errorf("merge incident %s into %s: %w", id, p.result.Incident, err)
		}
	}
	return nil
}

// repeat counts an alert that is there already, takes over what is new in it, and links what is new in its evidence.
func (m *Manager) repeat(
	ctx context.Context, r storage.Reader, cmd incident.Command, old, said alert.Alert, by Correlator,
	refused refusals,
) (p placing, err error) {
	merged, changed := incident.Repeat(cmd, old, said)
	p.result = Result{ID: old.ID, Incident: old.Incident, Outcome: Repeated}
	if !changed {
		p.effect.Alerts = []alert.Alert{merged}
		return p, nil
	}
	p.result.Outcome = Updated
	keys, added := incident.RepeatKeys(old, merged)
	p.keys = map[alert.ID]alert.KeySet{merged.ID: keys}
	cmd.Keys = p.keys
	var c incident.Case
	if c.Incident, err = r.Incident(ctx, old.Incident); err != nil {
		return p, err
	}
	err = m.relate(ctx, r, cmd, &p, c.Incident, old, merged, added, by, refused)
	if err != nil || p.first || len(p.merge) > 0 {
		return p, err
	}
	if c.Alerts, err = alertsOf(ctx, r, c.Incident); err != nil {
		return p, err
	}
	p.effect, err = incident.UpdateAlert(cmd, c, merged, p.result.Links)
	return p, err
}

// relate asks the correlator about the added keys of the stored alert old of i, which becomes merged, as about a new
// alert. It puts the links and the merges that follow into p. Of the incidents that belong together, the one that was
// opened first takes the others.
func (m *Manager) relate(
	ctx context.Context, r storage.Reader, cmd incident.Command, p *placing, i incident.Incident,
	old, merged alert.Alert, added alert.KeySet, by Correlator, refused refusals,
) error {
	first, last := old.Interval()
	from, to := merged.Interval()
	if from.Equal(first) && to.Equal(last) &&
		!slices.ContainsFunc(added.All(), func(k alert.Key) bool { return k != added.Kind() }) {
		return nil
	}
	if _, grouped := by.(into); grouped {
		return nil // its source has said what belongs together
	}
	var reopen incident.Effect
	if !i.Status.Open() {
		cmd.ID, cmd.Part = m.newID(), "" // as each merge, it is a command of its own
		var err error
		if reopen, err = incident.Reopen(cmd, i, old, merged); err != nil || reopen.IsZero() {
			return err
		}
	}
	d, err := p.decide(ctx, r, by, merged, added)
	if err != nil {
		return err
	}
	p.result.Links = d.Links
	target := i
	linked := []incident.ID{i.ID}
	for _, id := range append([]incident.ID{d.Incident}, d.Merge...) {
		if id == "" || slices.Contains(linked, id) {
			continue
		}
		other, err := r.Incident(ctx, id)
		if err != nil {
			return err
		}
		switch why := refused.of(i.ID, id); {
		case !other.Status.Open():
			holdBack(d.Links, id, "the incident is "+other.Status.String())
		case why != "":
			holdBack(d.Links, id, why)
		default:
			if linked = append(linked, id); other.Number < target.Number {
				target = other
			}
		}
	}
	switch {
	case len(linked) == 1:
	case !reopen.IsZero():
		p.first, p.effect = true, reopen
	default:
		p.result.Incident, p.home = target.ID, i.ID
		p.merge = slices.DeleteFunc(linked, func(id incident.ID) bool { return id == target.ID })
	}
	return nil
}

// holdBack notes in the links to an incident why they do not count.
func holdBack(links []activity.Link, id incident.ID, why string) {
	for n := range links {
		if links[n].Incident == id {
			links[n].HeldBack = why
		}
	}
}

// place finds or opens the incident of a new alert.
func (m *Manager) place(
	ctx context.Context, r storage.Reader, cmd incident.Command, a alert.Alert, by Correlator, refused refusals,
) (p placing, err error) {
	one := []alert.Alert{a}
	if err := setSeen(ctx, r, one, cmd.Keys); err != nil {
		return p, err
	}
	a = one[0]
	d, err := p.decide(ctx, r, by, a, cmd.Keys[a.ID])
	if err != nil {
		return p, err
	}
	p.result = Result{ID: a.ID, Incident: d.Incident, Outcome: Joined, Links: d.Links}
	if d.Incident == "" {
		p.result.Incident, p.result.Outcome = incident.ID(m.newID()), Opened
		p.effect, err = incident.Create(cmd, p.result.Incident, incident.Draft{}, []alert.Alert{a}, d.Links, m.taxonomy)
		return p, err
	}
	for _, id := range d.Merge {
		if why := refused.of(d.Incident, id); why == "" {
			p.merge = append(p.merge, id)
		} else {
			holdBack(d.Links, id, why)
		}
	}
	if len(p.merge) > 0 {
		return p, nil
	}
	i, err := follow(ctx, r, d.Incident)
	if err != nil {
		return p, err
	}
	if i.Status == incident.Purged {
		return p, fmt.Errorf("incident %s: %w", i.ID, incident.ErrPurged)
	}
	p.result.Incident = i.ID
	have, err := seenIn(ctx, r, i.ID, append(assetsOf(cmd.Keys, a), cmd.Keys[a.ID].Kind()))
	if err != nil {
		return p, err
	}
	p.effect = incident.AddAlert(cmd, i, a, d.Links, func(k alert.Key) bool { return have[k] })
	return p, nil
}

// assetsOf returns the identities of the alerts' assets, each once. keys has the keys of the alerts.
func assetsOf(keys map[alert.ID]alert.KeySet, alerts ...alert.Alert) (ids []alert.Key) {
	have := make(map[alert.Key]bool)
	for _, a := range alerts {
		for n, e := range a.Evidence {
			if e.Entity.Kind().Asset() == alert.NotAsset {
				continue
			}
			if id := keys[a.ID].Identity(n); !have[id] {
				have[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// seenIn returns those of keys that some alert of the incident has.
func seenIn(ctx context.Context, r storage.Reader, id incident.ID, keys []alert.Key) (map[alert.Key]bool, error) {
	q := storage.SightingQuery{Entities: keys, Incident: id, Limit: 1}
	all := make(map[alert.Key]bool)
	for s, err := range storage.Sightings(ctx, r, q) {
		if err != nil {
			return nil, err
		}
		all[s.Entity] = true
	}
	return all, nil
}

// lock makes alerts that share an entity, or are the same, wait for each other. It returns the unlocking.
func (m *Manager) lock(id alert.ID, keys alert.KeySet) (unlock func()) {
	slots := []int{int(maphash.String(m.seed, string(id)) % uint64(len(m.entities)))}
	for _, k := range keys.All() {
		if k == keys.Kind() || k.IsMarker() {
			continue // alerts of one kind have nothing else in common, and those of a marker have its entity
		}
		slots = append(slots, int(maphash.String(m.seed, string(k))%uint64(len(m.entities))))
	}
	slices.Sort(slots)
	slots = slices.Compact(slots) // in one order, so that no two wait for each other
	for _, s := range slots {
		m.entities[s].Lock()
	}
	return func() {
		for _, s := range slots {
			m.entities[s].Unlock()
		}
	}
}

// managed returns a without what a caller cannot set.
func managed(a alert.Alert, now time.Time) alert.Alert {
	a.ID, a.Version, a.Incident, a.SystemTags, a.Updated, a.Received = "", 0, "", nil, now, now
	a.Repeats, a.Repeated, a.SourceStatus, a.Seen, a.Edited = 0, time.Time{}, alert.StatusNew, 0, nil
	return a
}

// complete returns a as its source reported it, made to fit, with its ID and with the managed fields empty; and as it
// is stored when it is new, except what the tag rules say of it: with a title and none of the times missing. Times
// are in UTC and microseconds. Both share their lists with the given one, which nothing changes. The notes say what
// was changed or not understood.
func complete(a alert.Alert, now time.Time) (said, whole alert.Alert, notes []alert.Note) {
	titled := glyph.Visible(a.Title)
	a, notes = managed(a, now).Fit()
	a.ID = a.Origin.AlertID()
	a.Title = strings.TrimSpace(a.Title)
	a, _ = a.Canonical()
	if said = a; !titled {
		said.Title = ""
	}
	if a.Created.IsZero() {
		a.Created = now
		if first, _ := a.Active(); !first.IsZero() {
			a.Created = first
		}
	}
	if a.FirstActivity.IsZero() {
		a.FirstActivity = a.Created
	}
	first, _ := a.Active()
	if a.LastActivity.IsZero() || first.Equal(a.FirstActivity) && a.LastActivity.Before(first) {
		a.LastActivity = a.FirstActivity
	}
	if a.Status != alert.StatusResolved {
		a.Resolved = time.Time{}
	} else if a.Resolved.IsZero() {
		a.Resolved = now
		if _, last := a.Active(); !last.IsZero() {
			a.Resolved = last
		}
	}
	return said, a, append(notes, a.Notes()...)
}
