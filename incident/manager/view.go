package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// View calls fn with a Reader of one moment that shows what by may read, and returns fn's error. Whatever reads from a
// [storage.Reader], such as a report or metrics, so reads nothing else. It is the Reader of the storage where there is
// neither an [Authorizer] nor a [Scope], and for those whose Scope is everything.
//
// The Reader answers as that of the storage, and not as the Manager does: it follows no redirects, and a Query
// without Statuses selects what was merged away or purged too. What was merged away may be read by who may read the
// incident that it leads to. Sequences leave out what is hidden, and a Limit counts what is shown. Asking for a
// single record that is hidden returns an error that matches [ErrForbidden]. Content finds only what is attached to
// entries that this Reader has yielded: read the entries first. Seq is that of the whole log. Items are not shown,
// since many belong to no incident.
func (m *Manager) View(ctx context.Context, by activity.Actor, fn func(storage.Reader) error) error {
	if err := by.Validate(); err != nil {
		return err
	}
	return m.storage.View(ctx, func(r storage.Reader) error {
		r, err := m.readable(ctx, by, r)
		if err != nil {
			return err
		}
		return fn(r)
	})
}

// readable returns a Reader of what r has that shows what by may read.
func (m *Manager) readable(ctx context.Context, by activity.Actor, r storage.Reader) (storage.Reader, error) {
	if !m.restricted() {
		return r, nil
	}
	g := m.guard(by)
	scope, err := g.may.reach(ctx)
	if err != nil {
		return nil, err
	}
	if scope != nil && everything(scope) {
		return r, nil
	}
	shown := &reader{Reader: r, guard: g}
	if scope == nil {
		return shown, nil
	}
	return &scoped{shown, scope}, nil
}

// A reader shows what its actor may read.
type reader struct {
	storage.Reader
	guard    *guard
	contents map[string]bool // that entries have named, by SHA-256
}

func (r *reader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if _, err := r.guard.may.open(ctx, r.Reader, id); err != nil {
		return incident.Incident{}, fmt.Errorf("incident %s: %w", id, err)
	}
	return r.Reader.Incident(ctx, id)
}

func (r *reader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	a, _, err := r.guard.may.home(ctx, r.Reader, id)
	if err != nil {
		return alert.Alert{}, fmt.Errorf("alert %s: %w", id, err)
	}
	return a, nil
}

func (r *reader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if q.Validate() != nil {
		return r.Reader.Incidents(ctx, q)
	}
	limit := q.Limit
	q.Limit = 0
	home := func(i incident.Incident) incident.ID { return i.ID }
	return shown(ctx, r, limit, r.Reader.Incidents(ctx, q), r.guard.incidents, home)
}

func (r *reader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	if q.Validate() != nil {
		return r.Reader.Alerts(ctx, q)
	}
	limit := q.Limit
	q.Limit = 0
	home := func(a alert.Alert) incident.ID { return a.Incident }
	return shown(ctx, r, limit, r.Reader.Alerts(ctx, q), nil, home)
}

func (r *reader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if q.Validate() != nil {
		return r.Reader.Activity(ctx, q)
	}
	limit := q.Limit
	q.Limit = 0
	home := func(e activity.Entry) incident.ID { return e.Incident }
	entries := shown(ctx, r, limit, r.Reader.Activity(ctx, q), nil, home)
	return func(yield func(activity.Entry, error) bool) {
		for e, err := range entries {
			for n := 0; n < len(e.Attachments) && !e.Redacted; n++ {
				if r.contents == nil {
					r.contents = make(map[string]bool)
				}
				r.contents[e.Attachments[n].SHA256] = true
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (r *reader) Content(ctx context.Context, sha256 string) ([]byte, error) {
	if !r.contents[sha256] {
		return nil, storage.ErrNotFound
	}
	return r.Reader.Content(ctx, sha256)
}

func (r *reader) Item(context.Context, string, string) (storage.Item, error) {
	return storage.Item{}, storage.ErrNotFound
}

func (r *reader) Items(context.Context, storage.ItemQuery) iter.Seq2[storage.Item, error] {
	return func(func(storage.Item, error) bool) {}
}

// A scoped reader has the storage select what its actor may read.
type scoped struct {
	*reader
	scope *incident.Query
}

// within returns q for what may be read, unless q may select what was merged away: of that another incident decides.
func (r *scoped) within(q incident.Query) (joined incident.Query, ok bool) {
	if len(q.Statuses) == 0 || slices.Contains(q.Statuses, incident.Redirected) {
		return q, false
	}
	q.Within = append(slices.Clip(q.Within), *r.scope)
	return q, true
}

func (r *scoped) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if joined, ok := r.within(q); ok {
		return r.Reader.Incidents(ctx, joined)
	}
	return r.reader.Incidents(ctx, q)
}

func (r *scoped) Count(ctx context.Context, q incident.Query) (int, error) {
	if joined, ok := r.within(q); ok {
		return storage.Count(ctx, r.Reader, joined)
	}
	return storage.Count(ctx, r.reader, q)
}

func (r *scoped) Facets(ctx context.Context, q incident.Query) (storage.Counts, error) {
	if joined, ok := r.within(q); ok {
		return storage.Facets(ctx, r.Reader, joined)
	}
	return storage.Facets(ctx, r.reader, q)
}

// chunk is how many records are read before it is asked which of them may be shown.
const chunk = 256

// shown yields those of records that may be shown, at most limit of them; 0 means all. home returns the incident that a
// record belongs to. learn looks at a chunk of records; nil means that guard.learn looks at their homes.
func shown[T any](
	ctx context.Context, r *reader, limit int, records iter.Seq2[T, error],
	learn func(context.Context, storage.Reader, []T) error, home func(T) incident.ID,
) iter.Seq2[T, error] {
	if learn == nil {
		learn = func(ctx context.Context, from storage.Reader, some []T) error {
			ids := make([]incident.ID, len(some))
			for n := range some {
				ids[n] = home(some[n])
			}
			return r.guard.learn(ctx, from, ids)
		}
	}
	return func(yield func(T, error) bool) {
		var none T
		size, left := chunk, limit
		if limit > 0 {
			size = min(limit, chunk)
		}
		pass := func(some []T) bool {
			if err := learn(ctx, r.Reader, some); err != nil {
				yield(none, err)
				return false
			}
			for _, v := range some {
				if !r.guard.seen[home(v)] {
					continue
				}
				if left--; !yield(v, nil) || left == 0 {
					return false
				}
			}
			return true
		}
		some := make([]T, 0, size)
		for v, err := range records {
			if err != nil {
				if pass(some) {
					yield(none, err)
				}
				return
			}
			if some = append(some, v); len(some) < size {
				continue
			}
			if !pass(some) {
				return
			}
			some = some[:0]
		}
		pass(some)
	}
}

// A guard remembers which incidents its actor may read.
type guard struct {
	may  *access
	seen map[incident.ID]bool // whether it may be read, of some incidents
}

func (m *Manager) guard(by activity.Actor) *guard {
	return &guard{may: m.to(ActionRead, by)}
}

// maxSeen is how many incidents a guard remembers, about.
const maxSeen = 10_000

// learn finds out which of the incidents, or what belongs to them, may be read.
func (g *guard) learn(ctx context.Context, r storage.Reader, ids []incident.ID) error {
	g.forget()
	return g.look(ctx, r, ids)
}

// forget makes room in seen.
func (g *guard) forget() {
	if g.seen == nil || len(g.seen) > maxSeen {
		g.seen = make(map[incident.ID]bool)
	}
}

func (g *guard) look(ctx context.Context, r storage.Reader, ids []incident.ID) error {
	scope, err := g.may.reach(ctx)
	if err != nil {
		return err
	}
	var unknown []incident.ID
	for _, id := range ids {
		if _, known := g.seen[id]; !known {
			g.seen[id] = scope != nil && everything(scope)
			unknown = append(unknown, id)
		}
	}
	one := unknown
	switch {
	case len(unknown) == 0 || scope != nil && everything(scope):
		return nil
	case scope != nil:
		one = nil // those that were merged away: another incident decides
		q := incident.Query{IDs: unknown, Statuses: unmerged(), Within: []incident.Query{*scope}}
		for i, err := range r.Incidents(ctx, q) {
			if err != nil {
				return err
			}
			g.seen[i.ID] = true
		}
		q = incident.Query{IDs: unknown, Statuses: []incident.Status{incident.Redirected}}
		for i, err := range r.Incidents(ctx, q) {
			if err != nil {
				return err
			}
			one = append(one, i.ID)
		}
	}
	for _, id := range one {
		_, err := g.may.open(ctx, r, id)
		hidden := errors.Is(err, ErrForbidden)
		if err != nil && !hidden && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		g.seen[id] = !hidden
	}
	return nil
}

// incidents is learn for incidents that have been read.
func (g *guard) incidents(ctx context.Context, r storage.Reader, all []incident.Incident) error {
	g.forget()
	var others []incident.ID
	for _, i := range all {
		if g.may.m.scope != nil || i.Status == incident.Redirected {
			others = append(others, i.ID)
			continue
		}
		err := g.may.m.allow(ctx, g.may.by, ActionRead, i)
		if err != nil && !errors.Is(err, ErrForbidden) {
			return err
		}
		g.seen[i.ID] = err == nil
	}
	return g.look(ctx, r, others)
}

// unmerged returns all statuses but that of an incident that was merged away.
func unmerged() []incident.Status {
	return []incident.Status{incident.Active, incident.InProgress, incident.Resolved, incident.Purged}
}
