package memory

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A reader is a [storage.Reader] of one moment.
type reader struct {
	moment
	over bool // the View has returned
}

// ready reports what keeps the reader from going on.
func (r *reader) ready(ctx context.Context) error {
	if r.over {
		return fmt.Errorf("storage: the View of this Reader is over: %w", storage.ErrClosed)
	}
	return ctx.Err()
}

// A batch is as much as a reader looks for under one lock.
const (
	firstBatch = 64   // records, of a sequence that may be broken off soon
	lastBatch  = 1024 // records
	maxScanned = 4096 // places of indexes
)

func (r *reader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if err := r.ready(ctx); err != nil {
		return incident.Incident{}, err
	}
	r.tables.mu.RLock()
	v := r.incident(id)
	r.tables.mu.RUnlock()
	if v == nil {
		return incident.Incident{}, fmt.Errorf("storage: incident %s: %w", id, storage.ErrNotFound)
	}
	return v.value.Clone(), nil
}

// incident returns what is seen under an ID, or nil.
func (r *reader) incident(id incident.ID) *incidentVersion {
	if n := r.tables.incidents[id]; n != nil {
		return n.at(r.commit)
	}
	return nil
}

func (r *reader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	if err := r.ready(ctx); err != nil {
		return alert.Alert{}, err
	}
	r.tables.mu.RLock()
	v := r.alert(id)
	r.tables.mu.RUnlock()
	if v == nil {
		return alert.Alert{}, fmt.Errorf("storage: alert %s: %w", id, storage.ErrNotFound)
	}
	return v.value.Clone(), nil
}

// alert returns what is seen under an ID, or nil.
func (r *reader) alert(id alert.ID) *alertVersion {
	if n := r.tables.alerts[id]; n != nil {
		return n.at(r.commit)
	}
	return nil
}

// A batcher finds the next records of a sequence, at most n of them and all there are when it returns fewer
// and more is false. It is called with the lock held.
type batcher[T any] func(n int) (found []*T, more bool)

// send yields copies of what next finds and wanted lets pass, at most limit of them.
func send[T, V any](ctx context.Context, r *reader, next batcher[V], wanted func(*V) bool, copied func(*V) T, limit int, yield func(T, error) bool) {
	var none T
	size, sent := firstBatch, 0
	if limit > 0 {
		size = min(limit, lastBatch)
	}
	for more := true; more; size = min(2*size, lastBatch) {
		if err := r.ready(ctx); err != nil {
			yield(none, err)
			return
		}
		var found []*V
		r.tables.mu.RLock()
		found, more = next(size)
		r.tables.mu.RUnlock()
		for n, v := range found {
			if !wanted(v) {
				continue
			}
			if n%firstBatch == firstBatch-1 {
				if err := r.ready(ctx); err != nil {
					yield(none, err)
					return
				}
			}
			if !yield(copied(v), nil) {
				return
			}
			if sent++; sent == limit {
				return
			}
		}
	}
}

// from is a batcher of records that have been found.
func from[T any](all []*T) batcher[T] {
	return func(n int) ([]*T, bool) {
		n = min(n, len(all))
		found := all[:n]
		all = all[n:]
		return found, len(all) > 0
	}
}

func (r *reader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return func(yield func(alert.Alert, error) bool) {
		rest := q
		rest.Entities = nil // the index has seen to them; Match would make the keys of each alert
		wanted := func(v *alertVersion) bool { return rest.Match(v.value) }
		copied := func(v *alertVersion) alert.Alert {
			if q.Brief {
				return v.value.Brief().Clone()
			}
			return v.value.Clone()
		}
		send(ctx, r, r.alertsOf(q), wanted, copied, q.Limit, yield)
	}
}

// alertsOf finds at least the alerts that q selects, in its order.
func (r *reader) alertsOf(q alert.Query) batcher[alertVersion] {
	var after *mention
	if q.After != (alert.Position{}) {
		after = &mention{q.After.FirstActivity.UnixMicro(), &alertNode{id: q.After.ID}}
	}
	return func(n int) (found []*alertVersion, more bool) {
		if len(q.IDs) > 0 {
			return r.named(q), false
		}
		var wanted []*entity
		for _, key := range unique(q.Entities) {
			if e := r.tables.entities[key]; e != nil {
				wanted = append(wanted, e)
			}
		}
		scanned := 0
		return found, !r.walkAlerts(q, wanted, after, func(m mention) bool {
			if after != nil && m == *after {
				return true // it has two of the entities
			}
			after = &m
			scanned++
			v := m.node.at(r.commit)
			if v != nil && v.mention() == m && (len(q.Entities) == 0 || slices.ContainsFunc(wanted, v.has)) {
				found = append(found, v)
			}
			return len(found) < n && scanned < maxScanned
		})
	}
}

// named returns the alerts with one of q's IDs, in its order.
func (r *reader) named(q alert.Query) []*alertVersion {
	var found []*alertVersion
	for _, id := range unique(q.IDs) {
		v := r.alert(id)
		if v == nil || q.After != (alert.Position{}) && q.ComparePositions(v.value.Position(), q.After) <= 0 {
			continue
		}
		if len(q.Entities) == 0 || slices.ContainsFunc(v.entities, func(e *entity) bool { return slices.Contains(q.Entities, e.key) }) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b *alertVersion) int { return q.ComparePositions(a.value.Position(), b.value.Position()) })
	return found
}

// walkAlerts calls yield with the mentions behind after, in the order of q, of at least the alerts that have
// one of entities, if q asks for entities, and are in one of its incidents, if it asks for those.
func (r *reader) walkAlerts(q alert.Query, entities []*entity, after *mention, yield func(mention) bool) bool {
	lo, hi := mention{at: since(q.Since)}, mention{at: until(q.Until)}
	var spans []span[mention]
	add := func(s *mentions) {
		part := span[mention]{few: s.few, many: s.many, lo: lo, hi: hi}
		if after != nil {
			part = part.behind(*after, lessMention, q.Newest)
		}
		spans = append(spans, part)
	}
	switch {
	case len(q.Entities) > 0 && len(q.Incidents) > 0 && slices.ContainsFunc(entities, func(e *entity) bool { return e.members != nil }):
		return r.walkMembers(q, entities, lo, hi, after, yield)
	case len(q.Entities) > 0:
		for _, e := range entities {
			add(&e.alerts)
		}
	case len(q.Incidents) > 0:
		for _, id := range unique(q.Incidents) {
			if n := r.tables.incidents[id]; n != nil {
				add(&n.alerts)
			}
		}
	default:
		add(&r.tables.byTime)
	}
	return merge(spans, lessMention, lessMention, q.Newest, yield)
}

// walkMembers is walkAlerts where an entity is on many alerts, of which those of q's incidents are wanted.
func (r *reader) walkMembers(q alert.Query, entities []*entity, lo, hi mention, after *mention, yield func(mention) bool) bool {
	var spans []span[member]
	add := func(part span[member], id incident.ID) {
		part.lo, part.hi = member{id, lo}, member{id, hi}
		if after != nil {
			part = part.behind(member{id, *after}, lessMember, q.Newest)
		}
		spans = append(spans, part)
	}
	for _, e := range entities {
		if e.members != nil {
			for _, id := range unique(q.Incidents) {
				add(span[member]{many: e.members}, id)
			}
			continue
		}
		few := make([]member, len(e.alerts.few))
		for n, m := range e.alerts.few {
			few[n] = member{"", m}
		}
		add(span[member]{few: few}, "")
	}
	inTime := func(a, b member) bool { return lessMention(a.mention, b.mention) }
	return merge(spans, lessMember, inTime, q.Newest, func(m member) bool { return yield(m.mention) })
}

func (r *reader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		wanted := func(e *activity.Entry) bool { return q.Match(*e) }
		send(ctx, r, r.entriesOf(q), wanted, copyEntry, q.Limit, yield)
	}
}

func copyEntry(e *activity.Entry) activity.Entry { return e.Clone() }

// entriesOf finds at least the entries that q selects, in its order.
func (r *reader) entriesOf(q activity.Query) batcher[activity.Entry] {
	first, last := max(q.AfterSeq, 0)+1, r.log.length
	if q.BeforeSeq != 0 {
		last = min(q.BeforeSeq-1, last)
	}
	size := func() int64 { return max(last-first+1, 0) }
	at := func(n int64) int64 { return first + n }
	if len(q.IDs) > 0 || len(q.Incidents) > 0 {
		var seqs []int64
		looked := false
		size = func() int64 {
			if !looked {
				seqs, looked = r.seqsOf(q, first, last), true
			}
			return int64(len(seqs))
		}
		at = func(n int64) int64 { return seqs[n] }
	}
	next := int64(0)
	return func(n int) (found []*activity.Entry, more bool) {
		for all := size(); next < all && len(found) < n; next++ {
			place := next
			if q.Newest {
				place = all - 1 - next
			}
			found = append(found, r.log.at(at(place)))
		}
		return found, next < size()
	}
}

// seqsOf returns the places between first and last of the entries that q asks for by ID or incident.
func (r *reader) seqsOf(q activity.Query, first, last int64) []int64 {
	var seqs []int64
	if len(q.IDs) > 0 {
		for _, id := range unique(q.IDs) {
			if seq, ok := r.tables.entries[id]; ok && first <= seq && seq <= last {
				seqs = append(seqs, seq)
			}
		}
		slices.Sort(seqs)
		return seqs
	}
	incidents := unique(q.Incidents)
	for _, id := range incidents {
		n := r.tables.incidents[id]
		if n == nil {
			continue
		}
		from := sort.Search(len(n.history), func(i int) bool { return n.history[i] >= first })
		to := sort.Search(len(n.history), func(i int) bool { return n.history[i] > last })
		if len(incidents) == 1 {
			return n.history[from:max(from, to)]
		}
		seqs = append(seqs, n.history[from:max(from, to)]...)
	}
	slices.Sort(seqs)
	return seqs
}
