package memory

import (
	"cmp"
	"context"
	"reflect"
	"slices"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

var (
	_ storage.Counter      = (*reader)(nil)
	_ storage.AlertCounter = (*reader)(nil)
)

// Count counts the incidents that q selects. Those of some statuses and severities, of some owners or with one
// tag, and all of them, it knows from the sizes of the indexes.
func (r *reader) Count(ctx context.Context, q incident.Query) (int, error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return 0, err
	}
	q = driver.Flat(q)
	r.tables.mu.RLock()
	n, known := r.listed(q)
	r.tables.mu.RUnlock()
	if known {
		return n, nil
	}
	n = 0
	err := r.each(ctx, q, func(*incidentVersion) { n++ })
	return n, err
}

// CountAlerts counts the alerts that q selects. It looks at each of those that Alerts would, and copies none.
func (r *reader) CountAlerts(ctx context.Context, q alert.Query) (n int, err error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return 0, err
	}
	send(ctx, r, alertVersions{r.alerts(q)}, 0, func(_ *alertVersion, failed error) bool {
		err = failed
		n++
		return err == nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// alertVersions finds alerts and copies none.
type alertVersions struct{ *alertSource }

func (alertVersions) copy(v *alertVersion) *alertVersion { return v }

// each calls fn with the incidents that q selects, in no order. Nobody changes what a version holds, so fn may
// read it without the lock.
func (r *reader) each(ctx context.Context, q incident.Query, fn func(*incidentVersion)) (err error) {
	s := r.source(q, incident.Place{}, false)
	if len(q.IDs) == 0 && len(q.Numbers) == 0 && len(q.Entities) == 0 && len(q.Tags) < 2 {
		s.find = func(n int) ([]*incidentVersion, bool) { // with the lock held, for the first time
			s.find, q = r.unordered(q)
			s.filter = r.filter(q)
			return s.find(n)
		}
	}
	send(ctx, r, versions{s}, 0, func(v *incidentVersion, failed error) bool {
		if err = failed; err == nil {
			fn(v)
		}
		return err == nil
	})
	return err
}

// unordered finds at least the incidents that q selects, each once, and returns what of q has not been seen to.
// q asks for one tag at most. Going from tree to tree takes a fraction of what bringing them in order does.
func (r *reader) unordered(q incident.Query) (find batcher, rest incident.Query) {
	t := r.tables
	trees, _ := t.smallest(q)
	sieve, window := t.sieve(q), t.window(q)
	first := window.lo
	rest = unmarked(q)
	only := func(index *btree.Map[string, *btree.BTreeG[listing]], text string) bool {
		tree, ok := index.Get(text)
		return ok && len(trees) == 1 && trees[0] == tree
	}
	if len(q.Tags) == 1 && only(&t.tags, incident.Fold(q.Tags[0])) {
		rest.Tags = nil
	}
	if owners := ownersOf(q); len(owners) == 1 && owners[0] != "" && only(&t.owners, owners[0]) {
		rest.Owners = nil
	}
	var found []*incidentVersion
	return func(n int) ([]*incidentVersion, bool) {
		scanned, more := 0, false
		for found = found[:0]; len(trees) > 0; trees = trees[1:] {
			part := window
			if part.many = trees[0]; !part.walk(lessListing, false, func(l listing) bool {
				scanned++
				part.lo = l
				if sieve.passes(l.mark) {
					found = append(found, l.version)
				}
				return len(found) < n && scanned < maxScanned
			}) {
				window.lo, more = part.lo, true
				break
			}
			window.lo = first
		}
		// They are fetched from memory here, many at once.
		found = slices.DeleteFunc(found, func(v *incidentVersion) bool { return !v.seen(r.commit) })
		return found, more
	}, rest
}

// versions finds incidents and copies none.
type versions struct{ *incidentSource }

func (versions) copy(v *incidentVersion) *incidentVersion { return v }

// listed returns how many incidents q selects if trees hold just these, besides a few versions that are not
// of this moment.
func (r *reader) listed(q incident.Query) (n int, known bool) {
	trees, exact := r.tables.exact(q)
	if !exact {
		return 0, false
	}
	for _, tree := range trees {
		n += tree.Len()
	}
	known = r.unseen(maxScanned, func(v *incidentVersion) {
		if q.Match(incident.Case{Incident: v.value}) {
			n--
		}
	})
	return n, known
}

// exact returns trees in which the versions that q selects, and no others, are once each, if there are such.
func (t *tables) exact(q incident.Query) (trees []*btree.BTreeG[listing], exact bool) {
	rest := q
	switch {
	case len(q.Tags) == 1:
		rest.Tags = nil
		trees = treesOf(&t.tags, []string{incident.Fold(q.Tags[0])})
	case len(q.Owners) > 0:
		rest.Owners = nil
		owners := ownersOf(q)
		if owners[0] == "" {
			return nil, false // where those are who belong to nobody
		}
		trees = treesOf(&t.owners, owners)
	default:
		rest = unmarked(q)
		for b, tree := range t.buckets {
			if b.in(q) {
				trees = append(trees, tree)
			}
		}
	}
	return trees, reflect.ValueOf(rest).IsZero()
}

// unseen calls fn with the versions in the indexes that this moment does not see: those that came after it and
// those that were replaced before it and are kept for others. It reports false when they are more than most.
func (r *reader) unseen(most int, fn func(*incidentVersion)) bool {
	t := r.tables
	if len(t.replaced) > most {
		return false
	}
	for _, next := range t.replaced {
		switch v := next.incident; {
		case v == nil:
		case v.from > r.commit:
			fn(v)
		default:
			fn(v.older)
		}
	}
	return r.fresh(most, fn)
}

// fresh calls fn with the first versions of the incidents that came after this moment. It reports false when
// they are more than most.
func (r *reader) fresh(most int, fn func(*incidentVersion)) bool {
	t := r.tables
	for n := len(t.numbers) - 1; n >= 0; n-- {
		first := t.numbers[n].latest
		if first == nil {
			continue
		}
		for first.older != nil {
			first = first.older
		}
		if first.from <= r.commit {
			break
		}
		if most--; most < 0 {
			return false
		}
		fn(first)
	}
	return true
}
