package memory

import (
	"cmp"
	"context"
	"iter"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage/driver"
)

func (r *reader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if err := q.Validate(); err != nil {
		return refuse[incident.Incident](ctx, r, err)
	}
	q = driver.Flat(q)
	return func(yield func(incident.Incident, error) bool) {
		start, started, err := q.Start()
		if err != nil {
			yield(incident.Incident{}, err)
			return
		}
		send(ctx, r, r.source(q, start, started), q.Limit, yield)
	}
}

// An incidentSource finds incidents.
type incidentSource struct {
	filter filter
	find   batcher
}

// source returns what finds the incidents that q selects behind start.
func (r *reader) source(q incident.Query, start incident.Place, started bool) *incidentSource {
	s := new(incidentSource)
	s.find = func(n int) ([]*incidentVersion, bool) { // with the lock held, for the first time
		s.filter = r.filter(q)
		s.filter.linked = nil // plan sees to the entities
		s.find = r.plan(q, start, started)
		return s.find(n)
	}
	return s
}

func (s *incidentSource) next(n int) ([]*incidentVersion, bool) { return s.find(n) }

func (s *incidentSource) wanted(v *incidentVersion) bool { return s.filter.passes(v) }

func (s *incidentSource) copy(v *incidentVersion) incident.Incident { return v.value.Clone() }

// A filter is a query in a form that need not see the alerts of an incident.
type filter struct {
	q      incident.Query       // without Tags, Text, Entities, Within and Except
	tags   []string             // folded, as those of versions are; none means that they do not matter
	owners []string             // folded likewise; only q says whether they matter
	copied bool                 // q asks for what only Match knows, which takes copies
	text   *incident.Query      // with Text alone; nil when there is none
	named  map[incident.ID]bool // those with an asset that Text names
	linked map[incident.ID]bool // those with one of the entities; nil means that they do not matter
	within []filter
	except []filter
}

// filter finds out what the alerts say to q.
func (r *reader) filter(q incident.Query) filter {
	f := filter{q: q}
	f.q.Tags, f.q.Text, f.q.Entities, f.q.Within, f.q.Except = nil, "", nil, nil, nil
	few := f.q
	few.Statuses, few.Severities, few.Owners, few.Unassigned = nil, nil, nil, false
	few.CreatedSince, few.CreatedUntil, few.UpdatedSince, few.UpdatedUntil = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	few.Sort, few.Ascending, few.After, few.Limit = 0, false, incident.Cursor{}, 0
	f.copied = !reflect.ValueOf(few).IsZero()
	for _, tag := range q.Tags {
		f.tags = append(f.tags, incident.Fold(tag))
	}
	for _, id := range q.Owners {
		f.owners = append(f.owners, incident.Fold(id))
	}
	if q.Text != "" {
		f.text, f.named = &incident.Query{Text: q.Text}, r.having(q.TextKeys())
	}
	if len(q.Entities) > 0 {
		f.linked = r.having(q.Entities)
	}
	for _, x := range q.Within {
		f.within = append(f.within, r.filter(x))
	}
	for _, x := range q.Except {
		f.except = append(f.except, r.filter(x))
	}
	return f
}

// having returns the incidents that have an alert with one of the keys.
func (r *reader) having(keys []alert.Key) map[incident.ID]bool {
	found := make(map[incident.ID]bool)
	for _, key := range keys {
		if e := r.tables.entities[key]; e != nil {
			r.incidentsWith(e, func(id incident.ID) { found[id] = true })
		}
	}
	return found
}

// passes reports whether the query selects v.
func (f *filter) passes(v *incidentVersion) bool {
	id := v.value.ID
	if len(f.tags) > 0 && !slices.ContainsFunc(v.tags, func(t string) bool { return slices.Contains(f.tags, t) }) ||
		!f.matches(v) || f.linked != nil && !f.linked[id] ||
		f.text != nil && !f.named[id] && !f.text.Match(incident.Case{Incident: v.value}) {
		return false
	}
	for n := range f.within {
		if !f.within[n].passes(v) {
			return false
		}
	}
	for n := range f.except {
		if f.except[n].passes(v) {
			return false
		}
	}
	return true
}

// matches is what f.q.Match says of v. Both are large to copy, so that the filters that queues have most are
// tested where they are.
func (f *filter) matches(v *incidentVersion) bool {
	q, i := &f.q, &v.value
	if f.copied {
		return q.Match(incident.Case{Incident: *i})
	}
	return within(v.created, q.CreatedSince, q.CreatedUntil) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, v.bucket.status)) && (len(q.Severities) == 0 || slices.Contains(q.Severities, v.bucket.severity)) &&
		(len(q.Owners) == 0 && !q.Unassigned || q.Unassigned && i.Owner.IsZero() ||
			!i.Owner.IsZero() && slices.Contains(f.owners, v.owner)) &&
		(q.UpdatedSince.IsZero() && q.UpdatedUntil.IsZero() || within(i.Updated, q.UpdatedSince, q.UpdatedUntil))
}

func within(t, since, until time.Time) bool {
	return (since.IsZero() || !t.Before(since)) && (until.IsZero() || t.Before(until))
}

// A batcher is the method next of a source.
type batcher func(n int) (found []*incidentVersion, more bool)

// from is the batcher of incidents that have been found.
func from(all []*incidentVersion) batcher {
	return func(n int) ([]*incidentVersion, bool) {
		n = min(n, len(all))
		found := all[:n]
		all = all[n:]
		return found, len(all) > 0
	}
}

// maxSorted is how many incidents are sorted for a query rather than looked for in its order.
const maxSorted = 4096

// plan chooses how to find at least the incidents that q selects behind start, in its order. Of q's filters
// only Entities has been seen to.
func (r *reader) plan(q incident.Query, start incident.Place, started bool) batcher {
	t := r.tables
	var found []*incidentVersion
	switch trees, size := t.smallest(q); {
	case len(q.IDs) > 0 || len(q.Numbers) > 0 || len(q.Entities) > 0:
		found = r.chosen(q)
	case q.Sort == incident.ByUpdated:
		return r.byUpdate(q, start, started)
	case size <= maxSorted:
		sieve := t.sieve(q)
		for _, tree := range trees {
			tree.Scan(func(l listing) bool {
				if sieve.passes(l.mark) && l.version.seen(r.commit) {
					found = append(found, l.version)
				}
				return true
			})
		}
	case q.Sort == incident.ByNumber:
		return r.inNumberOrder(q, start, started)
	case q.Sort == incident.ByCreated:
		return r.byRow(t.created, q, start, started)
	case q.Sort == incident.ByName:
		return r.byRow(t.names, q, start, started)
	default:
		return r.byUpdate(q, start, started)
	}
	places := make(map[*incidentVersion]incident.Place, len(found))
	for _, v := range found {
		if p := q.Place(v.value); !started || q.ComparePlaces(p, start) > 0 {
			places[v] = p
		}
	}
	found = found[:0]
	for v := range places {
		found = append(found, v)
	}
	slices.SortFunc(found, func(a, b *incidentVersion) int { return q.ComparePlaces(places[a], places[b]) })
	return from(found)
}

// smallest returns the trees that together hold at least what q selects, those which hold least, and how
// many versions that is.
func (t *tables) smallest(q incident.Query) (trees []*btree.BTreeG[listing], size int) {
	trees, size = []*btree.BTreeG[listing]{t.updated}, t.updated.Len()
	better := func(other []*btree.BTreeG[listing]) {
		n := 0
		for _, tree := range other {
			n += tree.Len()
		}
		if n < size {
			trees, size = other, n
		}
	}
	if len(q.Statuses) > 0 || len(q.Severities) > 0 || len(q.Except) > 0 {
		var other []*btree.BTreeG[listing]
		for b, tree := range t.buckets {
			if b.in(q) {
				other = append(other, tree)
			}
		}
		better(other)
	}
	if owners := ownersOf(q); owners != nil {
		better(treesOf(&t.owners, owners))
	}
	if q.PriorityMin > 0 || q.PriorityMax > 0 {
		var other []*btree.BTreeG[listing]
		t.priority.Ascend(q.PriorityMin, func(p int, tree *btree.BTreeG[listing]) bool {
			if q.PriorityMax == 0 || p <= q.PriorityMax {
				other = append(other, tree)
			}
			return true
		})
		better(other)
	}
	if len(q.Tags) > 0 {
		var tags []string
		for _, tag := range q.Tags {
			tags = append(tags, incident.Fold(tag))
		}
		better(treesOf(&t.tags, unique(tags)))
	}
	return trees, size
}

func treesOf(index *btree.Map[string, *btree.BTreeG[listing]], texts []string) []*btree.BTreeG[listing] {
	var trees []*btree.BTreeG[listing]
	for _, text := range texts {
		if tree, ok := index.Get(text); ok {
			trees = append(trees, tree)
		}
	}
	return trees
}

// in reports whether q's statuses and severities let the incidents of b pass.
func (b bucket) in(q incident.Query) bool {
	for _, x := range q.Except {
		statuses, severities := excluded(x)
		if statuses>>min(b.status, 15)&1 != 0 || severities>>min(b.severity, 15)&1 != 0 {
			return false
		}
	}
	return (len(q.Statuses) == 0 || slices.Contains(q.Statuses, b.status)) &&
		(len(q.Severities) == 0 || slices.Contains(q.Severities, b.severity))
}

// chosen returns the incidents that q names by ID or number or that have one of its entities, each once or
// more often.
func (r *reader) chosen(q incident.Query) []*incidentVersion {
	var found []*incidentVersion
	add := func(n *incidentNode) {
		if n != nil {
			if v := n.at(r.commit); v != nil {
				found = append(found, v)
			}
		}
	}
	switch {
	case len(q.Entities) > 0:
		for _, key := range unique(q.Entities) {
			if e := r.tables.entities[key]; e != nil {
				r.incidentsWith(e, func(id incident.ID) { add(r.tables.incidents[id]) })
			}
		}
	case len(q.IDs) > 0:
		for _, id := range q.IDs {
			add(r.tables.incidents[id])
		}
	default:
		for _, n := range q.Numbers {
			if n > 0 && n <= int64(len(r.tables.numbers)) {
				add(r.tables.numbers[n-1])
			}
		}
	}
	return found
}

// incidentsWith calls yield with the incidents that have an alert with e.
func (r *reader) incidentsWith(e *entity, yield func(incident.ID)) {
	for _, m := range e.alerts.few {
		if v := m.version(r.commit); v != nil && v.has(e) {
			yield(v.value.Incident)
		}
	}
	if e.members == nil {
		return
	}
	it := e.members.Iter()
	for ok := it.First(); ok; {
		m := it.Item()
		if v := m.version(r.commit); v != nil && v.has(e) && v.value.Incident == m.incident {
			yield(m.incident)
			ok = it.Seek(member{m.incident, mention{at: math.MaxInt64}}) // the next incident
		} else {
			ok = it.Next()
		}
	}
}

// A stage is incidents that are equal in what a query sorts by, so that they stand in the order of their
// last update.
type stage struct {
	incident.Place // Text and Rank
	trees          []*btree.BTreeG[listing]
}

// stages calls yield with the stages of q in its order, those before start left out if there is a start. It
// reports whether it came to the end.
func (t *tables) stages(q incident.Query, start incident.Place, started bool, yield func(stage) bool) bool {
	switch q.Sort {
	case incident.ByOwner:
		wanted := ownersOf(q)
		return inOrder(&t.owners, q, start.Text, started, func(id string, tree *btree.BTreeG[listing]) bool {
			return wanted != nil && !slices.Contains(wanted, id) || yield(stage{incident.Place{Text: id}, []*btree.BTreeG[listing]{tree}})
		})
	case incident.ByPriority:
		return inOrder(&t.priority, q, int(start.Rank), started, func(p int, tree *btree.BTreeG[listing]) bool {
			return p < q.PriorityMin || q.PriorityMax != 0 && p > q.PriorityMax || yield(stage{incident.Place{Rank: int64(p)}, []*btree.BTreeG[listing]{tree}})
		})
	case incident.BySeverity, incident.ByStatus:
		byRank := make(map[int64]*stage)
		var all []*stage
		for b, tree := range t.buckets {
			rank := int64(b.status)
			if q.Sort == incident.BySeverity {
				rank = int64(b.severity)
			}
			here := incident.Place{Rank: rank, Updated: start.Updated, Number: start.Number}
			if !b.in(q) || started && q.ComparePlaces(here, start) < 0 {
				continue
			}
			if byRank[rank] == nil {
				byRank[rank] = &stage{Place: incident.Place{Rank: rank}}
				all = append(all, byRank[rank])
			}
			byRank[rank].trees = append(byRank[rank].trees, tree)
		}
		slices.SortFunc(all, func(a, b *stage) int { return q.ComparePlaces(a.Place, b.Place) })
		for _, s := range all {
			if !yield(*s) {
				return false
			}
		}
		return true
	default:
		trees, _ := t.smallest(q)
		return yield(stage{trees: trees})
	}
}

// inOrder calls yield with the trees of an index in q's order, from that of start on if there is a start. It
// reports whether it came to the end.
func inOrder[K cmp.Ordered](index *btree.Map[K, *btree.BTreeG[listing]], q incident.Query, start K, started bool, yield func(K, *btree.BTreeG[listing]) bool) bool {
	done := true
	visit := func(key K, tree *btree.BTreeG[listing]) bool {
		done = yield(key, tree)
		return done
	}
	switch {
	case !started && q.Ascending:
		index.Scan(visit)
	case !started:
		index.Reverse(visit)
	case q.Ascending:
		index.Ascend(start, visit)
	default:
		index.Descend(start, visit)
	}
	return done
}

// window is where in the order of last update all incidents are that q can select. Who was created since some
// time was updated since, too, as long as nothing is backdated.
func (t *tables) window(q incident.Query) span[listing] {
	first := since(q.UpdatedSince)
	if t.backdated == 0 {
		first = max(first, since(q.CreatedSince))
	}
	return span[listing]{lo: listing{updated: first, number: math.MinInt64}, hi: listing{updated: until(q.UpdatedUntil)}}
}

// byUpdate finds incidents in stages.
func (r *reader) byUpdate(q incident.Query, start incident.Place, started bool) batcher {
	sieve, window := r.tables.sieve(q), r.tables.window(q)
	return func(n int) (found []*incidentVersion, more bool) {
		scanned := 0
		var last *incidentVersion
		done := r.tables.stages(q, start, started, func(s stage) bool {
			// The place in the order of last update behind which this stage begins.
			from, cut := start, started && s.Text == start.Text && s.Rank == start.Rank
			if q.Sort == incident.ByUpdated {
				from, cut = incident.Place{Updated: start.Rank, Number: start.Number}, started
			}
			spans := make([]span[listing], 0, len(s.trees))
			for _, tree := range s.trees {
				part := window
				part.many = tree
				if cut {
					edge := listing{updated: from.Updated, number: from.Number}
					if q.Ascending {
						edge.from = math.MaxInt64 // behind all versions that stand there
					}
					part = part.behind(edge, lessListing, !q.Ascending)
				}
				spans = append(spans, part)
			}
			pass := func(l listing) bool {
				scanned++
				return scanned >= maxScanned || sieve.passes(l.mark)
			}
			return merge(spans, lessListing, lessListing, !q.Ascending, pass, func(l listing) bool {
				scanned++
				start, started = incident.Place{Text: s.Text, Rank: s.Rank, Updated: l.updated, Number: l.number}, true
				if q.Sort == incident.ByUpdated {
					start = incident.Place{Rank: l.updated, Number: l.number}
				}
				if l.version != last && sieve.passes(l.mark) && l.version.seen(r.commit) {
					last = l.version // it may have two of the tags
					found = append(found, last)
				}
				return len(found) < n && scanned < maxScanned
			})
		})
		return found, !done
	}
}

// byRow finds incidents in the order of a tree of rows.
func (r *reader) byRow(tree *btree.BTreeG[row], q incident.Query, start incident.Place, started bool) batcher {
	return func(n int) (found []*incidentVersion, more bool) {
		part := span[row]{many: tree, lo: row{Place: incident.Place{Rank: math.MinInt64, Number: math.MinInt64}}, endless: true}
		if q.Sort == incident.ByCreated {
			part.lo.Rank, part.hi.Rank, part.endless = since(q.CreatedSince), until(q.CreatedUntil), false
		}
		if started {
			part = part.behind(row{Place: start}, lessRow, !q.Ascending)
		}
		scanned := 0
		done := part.walk(lessRow, !q.Ascending, func(l row) bool {
			scanned++
			start, started = l.Place, true
			if v := l.node.at(r.commit); v != nil && q.Place(v.value) == l.Place {
				found = append(found, v)
			}
			return len(found) < n && scanned < maxScanned
		})
		return found, !done
	}
}

// inNumberOrder finds incidents in the order of their numbers.
func (r *reader) inNumberOrder(q incident.Query, start incident.Place, started bool) batcher {
	next, step, end := int64(len(r.tables.numbers)), int64(-1), int64(0)
	if q.Ascending {
		next, step, end = 1, 1, next+1
	}
	switch {
	case !started:
	case q.Ascending:
		next = max(min(start.Number, end-1)+1, 1)
	default:
		next = min(max(start.Number, 1)-1, next)
	}
	return func(n int) (found []*incidentVersion, more bool) {
		for ; (end-next)*step > 0 && len(found) < n; next += step {
			if v := r.tables.numbers[next-1].at(r.commit); v != nil {
				found = append(found, v)
			}
		}
		return found, (end-next)*step > 0
	}
}

// since and until return bounds in microseconds between which all times lie that a filter can let pass.
func since(t time.Time) int64 {
	if t.IsZero() || !countable(t) {
		return math.MinInt64
	}
	return t.UnixMicro()
}

func until(t time.Time) int64 {
	if t.IsZero() || !countable(t) {
		return math.MaxInt64
	}
	return t.UnixMicro() + 1
}

// countable reports whether t fits into microseconds.
func countable(t time.Time) bool { return t.Year() > -200_000 && t.Year() < 200_000 }
