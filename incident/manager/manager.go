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
// processes, may share one storage. Alerts that share an entity and are ingested at the same moment
// through one Manager find each other; through two, they may open an incident each.
//
// # Errors
//
// An error says what was attempted and on which record, and wraps what package storage, incident, alert
// or classification reported, to be tested for with [errors.Is].
package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
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

// A Correlator decides which incident a new alert belongs to. It reads from r only, the same moment for
// all reads, and may be called again for the same alert when the decision came too late.
type Correlator interface {
	Correlate(ctx context.Context, r storage.Reader, a alert.Alert) (correlation.Decision, error)
}

// Options change what New makes. The zero Options, like nil, means the defaults.
type Options struct {
	Now        func() time.Time         // the clock; nil means time.Now
	NewID      func() string            // identifiers of incidents and commands, never twice the same; nil means random ones
	Correlator Correlator               // nil means correlation.Default{}
	Taxonomy   *classification.Taxonomy // the verdicts that may be given; nil means classification.Defender()
	Directory  Directory                // users and groups for SuggestOwners; nil means that only owners of incidents are known
	Policy     incident.Policy          // what Edit and EditAll ask for; incidents that are imported or created resolved are not held to it
	Logger     *slog.Logger             // is told of retries at debug level; nil means nobody is
}

// A Manager manages the incidents of one storage. Make one with [New].
type Manager struct {
	storage    storage.Storage
	now        func() time.Time
	newID      func() string
	correlator Correlator
	taxonomy   classification.Taxonomy
	directory  Directory
	policy     incident.Policy
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
	m := &Manager{storage: s, now: o.Now, newID: o.NewID, correlator: o.Correlator, directory: o.Directory, policy: o.Policy, log: o.Logger, seed: maphash.MakeSeed()}
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
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	return m
}

// An Option changes one call of a command.
type Option func(*call)

type call struct {
	version   int64
	commandID string
	dryRun    bool
}

// IfVersion makes a command fail with an error matching [storage.ErrConflict] when the incident is not at
// version v, instead of working on whatever it has become.
func IfVersion(v int64) Option { return func(c *call) { c.version = v } }

// CommandID gives a command an identifier of the caller's, so that repeating it, in another process too,
// has one effect: the second time the incident is returned as it is.
func CommandID(id string) Option { return func(c *call) { c.commandID = id } }

// DryRun makes Edit, EditAll, EditAlerts, Comment, Merge, Unmerge and MoveAlerts say what they would do, with all
// checks and refusals, and store nothing. What they return is what the records would be, but for their Version.
func DryRun() Option { return func(c *call) { c.dryRun = true } }

// begin makes the command that by gives now.
func (m *Manager) begin(by activity.Actor, opts []Option) (incident.Command, call, error) {
	var c call
	for _, o := range opts {
		o(&c)
	}
	if err := by.Validate(); err != nil {
		return incident.Command{}, c, err
	}
	cmd := incident.Command{ID: c.commandID, By: by, At: m.stamp()}
	if cmd.ID == "" {
		cmd.ID = m.newID()
	}
	return cmd, c, nil
}

// stamp returns the time as it is stored.
func (m *Manager) stamp() time.Time { return m.now().UTC().Truncate(time.Microsecond) }

// maxAttempts is how often a command is tried before a conflict is the caller's. With a hundred writers
// on one incident, each wins within so many tries.
const maxAttempts = 200

// retry runs attempt until it is not beaten by another writer.
func (m *Manager) retry(ctx context.Context, what string, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if err == nil || n == maxAttempts || !errors.Is(err, storage.ErrConflict) {
			return err
		}
		m.log.DebugContext(ctx, "trying again", "command", what, "attempt", n, "error", err)
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

// change runs a rule on the incident with that ID, with its alerts if they are needed, and stores its effect.
func (m *Manager) change(ctx context.Context, what string, by activity.Actor, id incident.ID, opts []Option, alerts bool, apply rule) (incident.Incident, error) {
	cmd, call, err := m.begin(by, opts)
	if err != nil {
		return incident.Incident{}, fmt.Errorf("%s incident %s: %w", what, id, err)
	}
	i, _, err := m.do(ctx, what, cmd, call, id, alerts, apply)
	return i, err
}

// do is change for a command that has begun. changed says whether there was anything to change.
func (m *Manager) do(ctx context.Context, what string, cmd incident.Command, call call, id incident.ID, alerts bool, apply rule) (result incident.Incident, changed bool, err error) {
	err = m.retry(ctx, what, func() error {
		var c incident.Case
		done := false
		err := m.storage.View(ctx, func(r storage.Reader) error {
			var err error
			if c.Incident, err = follow(ctx, r, id); err != nil {
				return err
			}
			if call.commandID != "" {
				if done, err = logged(ctx, r, cmd.EntryID(0)); err != nil || done {
					return err
				}
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
		if call.version != 0 && call.version != c.Incident.Version {
			// Not retried: the caller asked for just this version.
			return stale{&storage.ConflictError{Record: "incident", ID: string(id), Given: call.version, Stored: c.Incident.Version}}
		}
		e, err := apply(cmd, c)
		if err != nil || e.IsZero() {
			return err
		}
		if changed = true; call.dryRun {
			result = e.Incident
			return nil
		}
		result, err = m.apply(ctx, e)
		if errors.Is(err, storage.ErrExists) && call.commandID != "" {
			result, err = m.Incident(ctx, cmd.By, id) // the same command, a moment earlier
		}
		return err
	})
	if s, ok := errors.AsType[stale](err); ok {
		err = s.conflict
	}
	if err != nil {
		return incident.Incident{}, false, fmt.Errorf("%s incident %s: %w", what, id, err)
	}
	return result, changed, nil
}

// stale hides a conflict from retry.
type stale struct{ conflict error }

func (s stale) Error() string { return s.conflict.Error() }

// apply stores an effect and returns the incident as it is stored.
func (m *Manager) apply(ctx context.Context, e incident.Effect) (incident.Incident, error) {
	receipt, err := m.storage.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{e.Incident}, Alerts: e.Alerts, Activity: e.Activity})
	if err != nil {
		return incident.Incident{}, err
	}
	e.Incident.Version++
	e.Incident.Number = receipt.Numbers[0]
	return e.Incident, nil
}

// Edit makes the change e to the incident with that ID and returns the incident as it is then. See
// [incident.Edit.Apply] for the rules; Options.Policy may ask for more.
func (m *Manager) Edit(ctx context.Context, by activity.Actor, id incident.ID, e incident.Edit, opts ...Option) (incident.Incident, error) {
	return m.change(ctx, "edit", by, id, opts, e.Cascades(), m.edit(e))
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

// Comment adds a comment to the incident with that ID and returns the incident as it is then. See
// [incident.AddComment] for what text may be.
func (m *Manager) Comment(ctx context.Context, by activity.Actor, id incident.ID, text string, opts ...Option) (incident.Incident, error) {
	return m.change(ctx, "comment on", by, id, opts, false, func(cmd incident.Command, c incident.Case) (incident.Effect, error) {
		return incident.AddComment(cmd, c.Incident, text)
	})
}

// Incident returns the incident with that ID or, when it was merged into another, that other one. The
// error matches [storage.ErrNotFound] when there is none.
func (m *Manager) Incident(ctx context.Context, by activity.Actor, id incident.ID) (incident.Incident, error) {
	var i incident.Incident
	err := m.storage.View(ctx, func(r storage.Reader) (err error) {
		i, err = follow(ctx, r, id)
		return err
	})
	if err != nil {
		return incident.Incident{}, fmt.Errorf("incident %s: %w", id, err)
	}
	return i, nil
}

// Incidents yields the incidents that q selects, in its order, as of the moment the loop begins.
func (m *Manager) Incidents(ctx context.Context, by activity.Actor, q incident.Query) iter.Seq2[incident.Incident, error] {
	return read(ctx, m.storage, func(r storage.Reader) iter.Seq2[incident.Incident, error] { return r.Incidents(ctx, q) })
}

// Alerts yields the alerts that q selects, in its order, as of the moment the loop begins.
func (m *Manager) Alerts(ctx context.Context, by activity.Actor, q alert.Query) iter.Seq2[alert.Alert, error] {
	return read(ctx, m.storage, func(r storage.Reader) iter.Seq2[alert.Alert, error] { return r.Alerts(ctx, q) })
}

// Activity yields the log entries that q selects, in its order, as of the moment the loop begins.
func (m *Manager) Activity(ctx context.Context, by activity.Actor, q activity.Query) iter.Seq2[activity.Entry, error] {
	return read(ctx, m.storage, func(r storage.Reader) iter.Seq2[activity.Entry, error] { return r.Activity(ctx, q) })
}

// read runs a sequence inside a View of its own.
func read[T any](ctx context.Context, s storage.Storage, query func(storage.Reader) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := s.View(ctx, func(r storage.Reader) error {
			for v, err := range query(r) {
				if err != nil {
					return err
				}
				if !yield(v, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, err)
		}
	}
}

// follow returns the incident with that ID, or the one that its redirects lead to. A redirect to an
// incident that is not here, or a circle of them, ends at the last that was found.
func follow(ctx context.Context, r storage.Reader, id incident.ID) (incident.Incident, error) {
	i, err := r.Incident(ctx, id)
	seen := []incident.ID{id}
	for err == nil && i.Status == incident.Redirected && !slices.Contains(seen, i.RedirectTo) {
		next, nextErr := r.Incident(ctx, i.RedirectTo)
		if errors.Is(nextErr, storage.ErrNotFound) {
			break
		}
		seen = append(seen, i.RedirectTo)
		i, err = next, nextErr
	}
	return i, err
}

// logged reports whether an entry with that ID is in the log.
func logged(ctx context.Context, r storage.Reader, id activity.ID) (bool, error) {
	for _, err := range r.Activity(ctx, activity.Query{IDs: []activity.ID{id}, Limit: 1}) {
		return err == nil, err
	}
	return false, nil
}

// alertsOf returns all alerts of i.
func alertsOf(ctx context.Context, r storage.Reader, i incident.Incident) ([]alert.Alert, error) {
	all := make([]alert.Alert, 0, i.Alerts.Count)
	for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}}) {
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// part names the n-th record of a command.
func part(n int) string { return strconv.Itoa(n) }
