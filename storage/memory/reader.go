package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A reader is a [storage.Reader] of one moment.
type reader struct {
	moment
	over bool // the View has returned
}

// ready reports what keeps the reader from going on.
func (r *reader) ready(ctx context.Context) error {
	if r.over {
		return &driver.Failure{Class: storage.ErrClosed, Text: "storage: closed: the View of this Reader is over"}
	}
	return ctx.Err()
}

// refuse returns what a query that is not valid yields.
func refuse[T any](ctx context.Context, r *reader, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, cmp.Or(r.ready(ctx), err))
	}
}

// A notFound names the record. It is a type because every new alert is looked for first.
type notFound struct{ record, id string }

func (e *notFound) Error() string { return fmt.Sprintf("storage: %s %s: not found", e.record, e.id) }

func (e *notFound) Unwrap() error { return storage.ErrNotFound }

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
		return incident.Incident{}, &notFound{"incident", string(id)}
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
		return alert.Alert{}, &notFound{"alert", string(id)}
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

// A source finds the records of one query.
type source[V, T any] interface {
	// next returns what comes next, at least what the query selects of it and up to n records, and false when
	// nothing follows. It is called with the lock held. What it returns is good until the next call.
	next(n int) (found []*V, more bool)
	wanted(*V) bool
	copy(*V) T
}

// send yields copies of what s finds and wants, at most limit of them.
func send[V, T any](ctx context.Context, r *reader, s source[V, T], limit int, yield func(T, error) bool) {
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
		found, more = s.next(size)
		r.tables.mu.RUnlock()
		for n, v := range found {
			if n%firstBatch == firstBatch-1 {
				if err := r.ready(ctx); err != nil {
					yield(none, err)
					return
				}
			}
			if !s.wanted(v) {
				continue
			}
			if !yield(s.copy(v), nil) {
				return
			}
			if sent++; sent == limit {
				return
			}
		}
	}
}

func (r *reader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	if err := q.Validate(); err != nil {
		return refuse[alert.Alert](ctx, r, err)
	}
	return func(yield func(alert.Alert, error) bool) { send(ctx, r, r.alerts(q), q.Limit, yield) }
}

// alerts returns what finds the alerts that q selects.
func (r *reader) alerts(q alert.Query) *alertSource {
	s := alertSource{reader: r, q: &q, keys: unique(q.Entities)}
	q.Entities = nil // the index sees to them; Match would make the keys of each alert
	if q.After != (alert.Position{}) {
		s.after, s.started = mention{q.After.FirstActivity.UnixMicro(), &alertNode{id: q.After.ID}}, true
		if q.After.FirstActivity.Nanosecond()%1000 != 0 {
			s.after = mention{s.after.at + 1, &alertNode{}} // between two microseconds
		}
	}
	return &s
}

// An alertSource finds alerts.
type alertSource struct {
	*reader
	q       *alert.Query // without Entities
	keys    []alert.Key
	after   mention // where to go on
	started bool

	entities []*entity // of the keys
	found    []*alertVersion
	scanned  int
}

func (s *alertSource) wanted(v *alertVersion) bool { return s.q.Match(v.value) }

func (s *alertSource) copy(v *alertVersion) alert.Alert {
	if s.q.Brief {
		return v.value.Brief()
	}
	return v.value.Clone()
}

func (s *alertSource) next(n int) (found []*alertVersion, more bool) {
	if len(s.q.IDs) > 0 {
		return s.named(), false
	}
	s.entities, s.found, s.scanned = s.entities[:0], s.found[:0], 0
	if s.found == nil {
		s.found = make([]*alertVersion, 0, min(n, 16))
	}
	for _, key := range s.keys {
		if e := s.tables.entities[key]; e != nil {
			s.entities = append(s.entities, e)
		}
	}
	more = !s.walk(func(m mention) bool {
		if s.started && m == s.after {
			return true // it has two of the entities
		}
		s.after, s.started = m, true
		if v := m.version(s.commit); v != nil && (len(s.keys) == 0 || slices.ContainsFunc(s.entities, v.has)) {
			s.found = append(s.found, v)
		}
		s.scanned++
		return len(s.found) < n && s.scanned < maxScanned
	})
	return s.found, more
}

// named returns the alerts with one of the IDs, in order.
func (s *alertSource) named() []*alertVersion {
	for _, id := range unique(s.q.IDs) {
		v := s.alert(id)
		if v == nil || s.started && s.q.ComparePositions(v.value.Position(), s.q.After) <= 0 {
			continue
		}
		if len(s.keys) == 0 || slices.ContainsFunc(v.entities, func(e *entity) bool { return slices.Contains(s.keys, e.key) }) {
			s.found = append(s.found, v)
		}
	}
	slices.SortFunc(s.found, func(a, b *alertVersion) int { return s.q.Compare(a.value, b.value) })
	return s.found
}

// walk calls yield, in the order of the query, with the mentions behind the last of at least the alerts that
// have one of the keys, if there are keys, and are in one of the incidents, if there are any.
func (s *alertSource) walk(yield func(mention) bool) bool {
	lo, hi := mention{at: since(s.q.Since)}, mention{at: until(s.q.Until)}
	part := func(all *mentions) span[mention] {
		p := span[mention]{few: all.few, many: all.many, lo: lo, hi: hi}
		if s.started {
			p = p.behind(s.after, lessMention, s.q.Newest)
		}
		return p
	}
	var spans []span[mention]
	switch {
	case len(s.keys) > 0 && len(s.q.Incidents) > 0 && slices.ContainsFunc(s.entities, func(e *entity) bool { return e.members != nil }):
		return s.walkMembers(lo, hi, yield)
	case len(s.keys) == 1 && len(s.entities) == 1:
		return part(&s.entities[0].alerts).walk(lessMention, s.q.Newest, yield) // what correlation asks, key by key
	case len(s.keys) > 0:
		for _, e := range s.entities {
			spans = append(spans, part(&e.alerts))
		}
	case len(s.q.Incidents) > 0:
		for _, id := range unique(s.q.Incidents) {
			if n := s.tables.incidents[id]; n != nil {
				spans = append(spans, part(&n.alerts))
			}
		}
	default:
		return part(&s.tables.byTime).walk(lessMention, s.q.Newest, yield)
	}
	return merge(spans, lessMention, lessMention, s.q.Newest, nil, yield)
}

// walkMembers is walk where an entity is on many alerts, of which those of the incidents are wanted.
func (s *alertSource) walkMembers(lo, hi mention, yield func(mention) bool) bool {
	var spans []span[member]
	add := func(part span[member], id incident.ID) {
		part.lo, part.hi = member{id, lo}, member{id, hi}
		if s.started {
			part = part.behind(member{id, s.after}, lessMember, s.q.Newest)
		}
		spans = append(spans, part)
	}
	for _, e := range s.entities {
		if e.members != nil {
			for _, id := range unique(s.q.Incidents) {
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
	return merge(spans, lessMember, inTime, s.q.Newest, nil, func(m member) bool { return yield(m.mention) })
}

func (r *reader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if err := q.Validate(); err != nil {
		return refuse[activity.Entry](ctx, r, err)
	}
	return func(yield func(activity.Entry, error) bool) {
		send(ctx, r, &entrySource{reader: r, q: q}, q.Limit, yield)
	}
}

// Content returns a copy of a content that is there now, whatever the moment of r.
func (r *reader) Content(ctx context.Context, sha256 string) ([]byte, error) {
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	r.tables.mu.RLock()
	data, ok := r.tables.contents[sha256]
	r.tables.mu.RUnlock()
	if !ok {
		return nil, &notFound{"content", sha256}
	}
	return slices.Clone(data), nil
}

// An entrySource finds entries.
type entrySource struct {
	*reader
	q           activity.Query
	looked      bool
	first, last int64   // the part of the log, or
	chosen      []int64 // the places in the log that are asked for
	passed      int64   // how many have been found
	found       []*activity.Entry
}

func (s *entrySource) wanted(e *activity.Entry) bool { return s.q.Match(*e) }

func (s *entrySource) copy(e *activity.Entry) activity.Entry { return e.Clone() }

func (s *entrySource) next(n int) (found []*activity.Entry, more bool) {
	named := len(s.q.IDs) > 0 || len(s.q.Incidents) > 0
	if !s.looked {
		s.looked, s.first, s.last = true, min(max(s.q.AfterSeq, 0), s.log.length)+1, s.log.length
		if s.q.BeforeSeq != 0 && s.q.BeforeSeq <= s.last {
			s.last = max(s.q.BeforeSeq, 0) - 1
		}
		if named {
			s.chosen = s.seqsOf(s.q, s.first, s.last)
		}
	}
	all := max(s.last-s.first+1, 0)
	if named {
		all = int64(len(s.chosen))
	}
	for s.found = s.found[:0]; s.passed < all && len(s.found) < n; s.passed++ {
		place := s.passed
		if s.q.Newest {
			place = all - 1 - place
		}
		if named {
			place = s.chosen[place]
		} else {
			place += s.first
		}
		s.found = append(s.found, *s.log.at(place))
	}
	return s.found, s.passed < all
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
