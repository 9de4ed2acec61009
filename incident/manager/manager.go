// Package manager manages incidents in a [storage.Storage]: it loads records, calls the rules of package
// incident and stores what came out, trying again when somebody else was faster.
//
//	m := manager.New(memory.New(), nil)
//	results, err := m.Ingest(ctx, siem, alerts)
//	kai := incident.Owner{ID: "kai@contoso.com"}
//	inc, err := m.Edit(ctx, kaiActor, results[0].Incident, incident.Edit{Owner: &kai})
//
// # Concurrency
//
// A Manager may be used by any number of goroutines at once and starts none. Many managers, in many
// processes, may share one storage. Alerts that share an entity and are ingested at the same moment find each other,
// through one Manager or through several: a decision that was made too early is made again.
//
// # Authorisation
//
// Every method takes the [activity.Actor] who asks, and it must be valid even where nothing is changed. Every actor may
// do everything, unless Options have an [Authorizer], a [Scope] or both. Records that an actor may not read look to it
// like missing ones.
//
// The Manager asks the Authorizer about an action and an incident before it changes or returns anything. The ID of
// an incident that was merged away stands for the incident that it leads to. About a missing incident or alert it
// asks with an incident that has the ID alone, or no field at all, so that an actor cannot tell hidden records from
// missing ones. With a Scope, the Manager does not ask about [ActionRead], and a command on an incident needs that
// incident to be in the Scope besides, except Ingest, Import and Create. It does not ask about what the library
// does by itself, such as a merge by correlation. An actor who may not read everything gets ErrForbidden for a
// missing record too. A program may answer both with 404.
//
//	method         actions       asked of                               errors
//	View           read          each incident that is shown
//	Incident       read          the incident                           ErrNotFound
//	Alert          read          the incident that has it               ErrNotFound
//	Incidents      read          each incident
//	Alerts         read          the incident of each alert
//	Activity       read          the incident of each entry
//	Follow         read          the incident of each entry             ErrAhead
//	Count          read          each incident
//	Facets         read          each incident
//	CountAlerts    read          the incident of each alert
//	At             read          the incident that its ID leads to      ErrNotFound ErrPurged
//	Explain        read          the incident, and those it links       ErrNotFound
//	Similar        read          the incident, and each that is shown   ErrNotFound
//	Content        read          the incident of the comment            ErrNotFound
//	SuggestOwners  read          each incident
//	SuggestTags    read          each incident
//	Ingest         ingest read   no incident; those in the results
//	Import         import read   the incident, and those of its alerts  ErrConflict ErrPurged
//	Create         create read   the incident to be                     ErrExists
//	Edit           edit          the incident                           ErrNotFound ErrConflict ErrPurged
//	EditAll        read edit     each incident                          ErrNotFound ErrConflict ErrPurged
//	EditAlerts     editAlerts    the incident of each alert             ErrNotFound
//	Comment        comment       the incident                           ErrNotFound ErrConflict ErrPurged
//	Record         record        the incident                           ErrNotFound ErrConflict ErrPurged
//	Redact         redact        the incident of the entry              ErrNotFound ErrConflict ErrRefused
//	Merge          merge         target and sources                     ErrNotFound ErrConflict ErrPurged ErrRefused
//	PlanMerge      merge         target and sources                     ErrNotFound ErrConflict ErrPurged ErrRefused
//	Unmerge        unmerge       the incident that source leads to      ErrNotFound ErrConflict ErrPurged ErrRefused
//	MoveAlerts     move          where they go, and where they are      ErrNotFound ErrConflict ErrPurged ErrRefused
//	Purge          read purge    each incident
//
// Besides, each may fail with [alert.ErrInvalid], with [ErrForbidden], and with an error of the context or of the
// storage, and each command with [ErrCommandReused]. DefaultQuery neither asks nor fails. A command on one incident
// returns the updated incident, so that an actor who may give the command may read the incident. Ingest, Import and
// Create return only what the actor may read.
//
// # Limits
//
// The limits are those of the packages alert and incident. Commands of people refuse what is beyond them, Create
// included. Ingest and Import refuse nothing over a limit: they make it fit and return notes of what they did, see
// [alert.Note]. An alert of an older version that is beyond a limit is made to fit when a command stores it again,
// without a note.
//
// The time of every command is that of Options.Now. A time of an alert more than [alert.MaxAhead] after it is kept and
// never extends the activity of an incident, see [alert.Alert.Active].
//
// # JSON
//
// Every record that a program gives away, results of commands included, has a stable JSON. Members are named as fields
// are, in lower camel case. Times are RFC 3339 in UTC, durations nanoseconds. An enumeration is a word and is read
// case-insensitively; words of open sets, such as the verdict on evidence, are kept as they came. An
// empty list is left out, and so is what a field says is no value. Nil and empty lists are the same: every storage
// gives both back as nil. The Err of a result is its text, "error".
//
// An [incident.Edit] or [incident.AlertEdit] from JSON leaves alone what is absent and clears what is null, see
// [incident.Edit.UnmarshalJSON], and refuses members that it does not know. Other records ignore these. Let the encoder
// leave <, > and & as they are, by SetEscapeHTML(false), where texts of sources must come back byte by byte.
//
// # Errors
//
// An error says what was attempted and on which record. It matches one of these, to be tested for with [errors.Is],
// where it is not a failure of the program, of a function that the program has given, or of what is stored. Where it
// matches several, the one that stands highest counts. The status is one of HTTP that fits.
//
//	error                      status  what it says
//	storage.ErrUnknownOutcome  504     it is unknown whether it was done: look, or repeat it under its CommandID
//	storage.ErrUnavailable     503     nothing was done, and it is safe to try again
//	storage.ErrClosed          503     the storage was closed
//	context.Canceled           499     the caller gave up; without ErrUnknownOutcome nothing was done
//	context.DeadlineExceeded   504     the time was over; without ErrUnknownOutcome nothing was done
//	ErrForbidden               403     the actor may not do it, or may not know whether it could be done
//	ErrCommandReused           422     the CommandID was used for another command
//	alert.ErrInvalid           400     a value cannot be accepted, a verdict included
//	storage.ErrConflict        409     the incident is not at the version of IfVersion, or too many write it at once
//	storage.ErrExists          409     the incident or an alert is there already
//	incident.ErrPurged         410     the incident, or one of those to be merged, is purged
//	incident.ErrRefused        409     a rule does not allow it in the state that the records are in
//	storage.ErrNotFound        404     there is no such record
//	storage.ErrAhead           409     the log is not as long as the position to follow it from
//
// What a JSON decoder refuses before it reaches a type of this module is in no row, and fits 400. At may fail with
// [incident.ErrReplay], which says that the log was altered.
//
// Of an error that joins those of several records, such as that of EditAll, each result has its own. Commands that
// store each record by itself may have stored others before the one that failed; their comments state it.
package manager

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	mathrand "math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/storage"
)

// A Correlator decides which incident a new alert belongs to, of which it is given the keys. It is also asked about a
// stored alert, which has an Incident, when that gets new keys: then it is given the alert as it is now and these keys
// alone, and the incidents of the Decision are merged with the alert's own. It reads from r only,
// the same moment for all reads, and may be called again for the same alert when the decision came too late: when
// another alert has got one of the Keys of the Decision meanwhile, or an incident has changed.
type Correlator interface {
	Correlate(ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet) (correlation.Decision, error)
}

// Options change what New makes. The zero Options, like nil, means the defaults.
type Options struct {
	Now        func() time.Time            // the clock; nil means time.Now
	NewID      func() string               // identifiers of incidents and commands, never twice the same; nil means random ones
	Correlator Correlator                  // nil means correlation.Default{}
	Taxonomy   *classification.Taxonomy    // the verdicts that may be given; nil means classification.Defender()
	TagRules   *incident.TagRules          // which alerts bring which tags; nil means incident.DefaultTagRules(), and new(incident.TagRules) none; what TagRules.Validate refuses is left out
	Directory  Directory                   // users and groups for SuggestOwners; nil means that only owners of incidents are known
	Policy     incident.Policy             // what edits need, and when alerts resolve and reopen incidents
	Authorizer Authorizer                  // who may do what; nil means that everybody may do everything
	Scope      Scope                       // what an actor may read; nil means that the Authorizer is asked
	Priority   func(incident.Incident) int // scores incidents, see [incident.Command]; nil means [incident.Priority]
	Logger     *slog.Logger                // is told of retries at debug level; nil means nobody is
}

// A Manager manages the incidents of one storage. Make one with [New].
type Manager struct {
	storage    storage.Storage
	now        func() time.Time
	newID      func() string
	correlator Correlator
	taxonomy   classification.Taxonomy
	tagged     func(alert.Alert, alert.KeySet) alert.Alert // by the tag rules
	directory  Directory
	policy     incident.Policy
	authorizer Authorizer
	scope      Scope
	priority   func(incident.Incident) int
	log        *slog.Logger

	// Alerts that share an entity wait for each other here between decision and commit.
	entities [64]sync.Mutex
	seed     maphash.Seed // which of them; drawn, so that nobody can aim at one
}

// New returns a manager of the incidents in s, which stays the caller's to close.
func New(s storage.Storage, o *Options) *Manager {
	if o == nil {
		o = &Options{}
	}
	m := &Manager{
		storage: s, now: o.Now, newID: o.NewID, correlator: o.Correlator, directory: o.Directory, policy: o.Policy,
		authorizer: o.Authorizer, scope: o.Scope, priority: o.Priority, log: o.Logger, seed: maphash.MakeSeed(),
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.newID == nil {
		m.newID = rand.Text
	}
	if m.correlator == nil {
		m.correlator = correlation.Default{}
	}
	if o.Taxonomy != nil {
		m.taxonomy = *o.Taxonomy
	} else {
		m.taxonomy = classification.Defender()
	}
	if o.TagRules != nil {
		m.tagged = o.TagRules.Prepare()
	} else {
		// Only who takes alerts in pays for it.
		prepared := sync.OnceValue(func() func(alert.Alert, alert.KeySet) alert.Alert {
			return incident.DefaultTagRules().Prepare()
		})
		m.tagged = func(a alert.Alert, keys alert.KeySet) alert.Alert { return prepared()(a, keys) }
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	return m
}

// begin makes the command that by gives now.
func (m *Manager) begin(by activity.Actor, c call) (incident.Command, call, error) {
	if err := by.Validate(); err != nil {
		return incident.Command{}, c, err
	}
	if err := validCommandID(c.commandID); err != nil {
		return incident.Command{}, c, err
	}
	if c.dryRun {
		c.commandID = ""
	}
	if c.at = m.stamp(); !alert.ValidTime(c.at) {
		return incident.Command{}, c, &alert.FieldError{Record: "command", Field: "at",
			Value: fmt.Sprintf("year %d", c.at.Year()), Want: "a clock that tells a time of the years 1 to 9999"}
	}
	return incident.Command{
		ID: m.newID(), By: by, At: c.at, Policy: m.policy, Tags: m.tagged, Priority: m.priority,
	}, c, nil
}

// stamp returns the time as it is stored.
func (m *Manager) stamp() time.Time { return m.now().UTC().Truncate(time.Microsecond) }

// maxAttempts is how often a command is tried before a conflict is the caller's. With a hundred writers
// on one incident, each wins within so many tries.
const maxAttempts = 200

// retry runs attempt until it is not beaten by another writer. What exists already is, at the next attempt, a repeat of
// an alert, of an import or of a command.
func (m *Manager) retry(ctx context.Context, what Action, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if no, ok := errors.AsType[final](err); ok {
			return no.err
		}
		if err == nil || n == maxAttempts ||
			!errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrExists) {
			return err
		}
		m.log.DebugContext(ctx, "trying again", "command", string(what), "attempt", n, "error", err)
		if n < 3 {
			continue // most conflicts are over at once
		}
		wait := time.NewTimer(mathrand.N(time.Millisecond * time.Duration(min(n, 20))))
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
		}
	}
}

// A rule is a rule of package incident on one incident.
type rule func(incident.Command, incident.Case) (incident.Effect, error)

// change runs a rule, made from args, on the incident with that ID, with its alerts if they are needed, and stores its
// effect.
func (m *Manager) change(
	ctx context.Context, what Action, by activity.Actor, id incident.ID, c call, alerts bool,
	apply rule, args ...any,
) (incident.Incident, error) {
	cmd, call, err := m.begin(by, c)
	if err != nil {
		return incident.Incident{}, what.failed(id, err)
	}
	t := call.ticket(string(what), by, string(id), args...)
	i, _, err := m.do(ctx, what, cmd, call, t, id, alerts, apply)
	return i, err
}

// do is change for a command that has begun. changed says whether there was anything to change.
func (m *Manager) do(
	ctx context.Context, what Action, cmd incident.Command, call call, t *ticket, id incident.ID,
	alerts bool, apply rule,
) (result incident.Incident, changed bool, err error) {
	may := m.to(what, cmd.By)
	err = m.retry(ctx, what, func() error {
		var c incident.Case
		done := false
		err := m.storage.View(ctx, func(r storage.Reader) error {
			var err error
			if c.Incident, err = may.open(ctx, r, id); err != nil {
				return err
			}
			var o outcome
			if o, done, err = t.recall(ctx, r); err != nil || done {
				changed = o.Changed
				return err
			}
			if err := cmp.Or(call.current(id, c.Incident), call.among.holds(ctx, r, id, c.Incident)); err != nil {
				return err
			}
			if alerts {
				c.Alerts, err = alertsOf(ctx, r, c.Incident)
			}
			return err
		})
		if err != nil {
			return err
		}
		if result = c.Incident; done {
			return nil
		}
		e, err := apply(cmd, c)
		if err != nil {
			return err
		}
		if changed = !e.IsZero(); call.dryRun {
			if changed {
				result = e.Incident
			}
			return nil
		}
		d := write{cmd: cmd, tickets: []*ticket{t}, outcome: outcome{Changed: changed}, subject: c.Incident}
		if changed {
			d.effects = []incident.Effect{e}
		}
		result, err = m.keep(ctx, d)
		return err
	})
	if err != nil {
		return incident.Incident{}, false, what.failed(id, err)
	}
	return result, changed, nil
}

// current returns an error, which is not retried, unless i, which id leads to, is the incident with that ID and at the
// version that the caller asked for.
func (c call) current(id incident.ID, i incident.Incident) error {
	switch {
	case c.version == nil || i.ID == id && i.Version == *c.version:
		return nil
	case i.ID != id:
		return final{fmt.Errorf("it was merged into incident %s: %w", i.ID,
			&storage.ConflictError{Record: "incident", ID: string(id), Given: *c.version})}
	}
	return final{&storage.ConflictError{Record: "incident", ID: string(id), Given: *c.version, Stored: i.Version}}
}

// A final error is not tried again, whatever it is.
type final struct{ err error }

func (f final) Error() string { return f.err.Error() }

// A write is what one attempt at a command stores.
type write struct {
	cmd     incident.Command
	tickets []*ticket
	outcome outcome           // what is remembered, without the incident
	subject incident.Incident // the one that the command is about, as it was
	effects []incident.Effect // the first on the subject; none when there is nothing to change
	items   []storage.Item    // besides those of the tickets
	expire  bool              // old commands are forgotten, tickets or not
	guard   storage.Guard
}

// changeset returns what d stores; an empty one when there is nothing to store, and the updated subject, without the
// Number of a new one.
func (d write) changeset() (cs storage.Changeset, subject incident.Incident, err error) {
	subject = d.subject
	for _, e := range d.effects {
		if len(e.Activity) > 0 { // else alerts are only counted
			cs.Incidents = append(cs.Incidents, e.Incident)
		}
		cs.Alerts = append(cs.Alerts, e.Alerts...)
		cs.Activity = append(cs.Activity, e.Activity...)
		cs.Contents = append(cs.Contents, e.Contents...)
		cs.Redact = append(cs.Redact, e.Redact...)
		if e.Purge {
			cs.Purge = append(cs.Purge, e.Incident.ID)
		}
	}
	if len(d.cmd.Keys) > 0 && len(cs.Alerts) > 0 {
		cs.AlertKeys = make([][]alert.Key, len(cs.Alerts))
		for n := range cs.Alerts {
			cs.AlertKeys[n] = d.cmd.Keys[cs.Alerts[n].ID].All()
		}
	}
	for n := range cs.Alerts {
		if cs.Alerts[n].Version == 0 || cs.Alerts[n].CheckLimits() == nil {
			continue
		}
		// A storage keeps it no more as it is, from a version that had no such limit.
		if cs.Alerts[n], _ = cs.Alerts[n].Fit(); cs.AlertKeys != nil {
			cs.AlertKeys[n] = nil
		}
	}
	if len(cs.Incidents) > 0 {
		subject = cs.Incidents[0]
		subject.Version++
	}
	cs.Guard = d.guard
	err = addDigests(&cs)
	d.outcome.Incident, d.outcome.Version = subject.ID, subject.Version
	for _, t := range d.tickets {
		err = errors.Join(err, t.remember(&cs, d.cmd.ID, d.outcome))
	}
	if len(d.effects) > 0 {
		cs.Items = append(cs.Items, d.items...)
		if d.expire {
			cs.Expire = []storage.Expiry{expiry(d.cmd.At)}
		}
	}
	return cs, subject, err
}

// keep stores d, all at once, and returns the updated subject.
func (m *Manager) keep(ctx context.Context, d write) (incident.Incident, error) {
	cs, subject, err := d.changeset()
	if err != nil || len(cs.Alerts) == 0 && len(cs.Activity) == 0 && len(cs.Items) == 0 {
		return subject, err
	}
	receipt, err := m.storage.Apply(ctx, cs)
	if errors.Is(err, storage.ErrExists) && len(cs.Activity) > 0 {
		// A storage that gave the Changeset again after it lost the reply finds it there.
		own := false
		lost := m.storage.View(ctx, func(r storage.Reader) error {
			e, found, err := entry(ctx, r, cs.Activity[0].ID)
			if own = found && e.Digest == cs.Activity[0].Digest; own {
				subject, err = r.Incident(ctx, subject.ID)
			} else if found && e.Cause == d.cmd.ID {
				err = final{fmt.Errorf("identifier %s was drawn before: %w", d.cmd.ID, storage.ErrExists)}
			}
			return err
		})
		if own || lost != nil {
			return subject, lost
		}
	}
	if err != nil {
		return incident.Incident{}, err
	}
	if len(receipt.Numbers) > 0 {
		subject.Number = receipt.Numbers[0]
	}
	return subject, nil
}

// Edit makes the change e to the incident with that ID and returns the incident as it is then. See
// [incident.Edit.Apply] for the rules; Options.Policy may ask for more.
func (m *Manager) Edit(ctx context.Context, by activity.Actor, id incident.ID, e incident.Edit, opts ...Option) (incident.Incident, error) {
	return m.change(ctx, ActionEdit, by, id, callOf(opts), e.Cascades(), m.edit(e), e)
}

// edit is the rule of an edit.
func (m *Manager) edit(e incident.Edit) rule {
	return func(cmd incident.Command, c incident.Case) (incident.Effect, error) {
		effect, err := e.Apply(cmd, c, m.taxonomy)
		if err == nil {
			err = m.policy.Check(c.Incident, effect.Incident)
		}
		return effect, err
	}
}

// part names the n-th record of a command.
func part(n int) string { return strconv.Itoa(n) }
