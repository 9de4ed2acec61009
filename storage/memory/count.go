package memory

import (
	"context"
	"reflect"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

var (
	_ storage.Counter = (*reader)(nil)
	_ storage.Faceter = (*reader)(nil)
)

// Count counts the incidents that q selects. Those of some statuses and severities, of some owners or with one
// tag, and all of them, it knows from the sizes of the indexes.
func (r *reader) Count(ctx context.Context, q incident.Query) (int, error) {
	if err := r.ready(ctx); err != nil {
		return 0, err
	}
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

// Facets counts the incidents that q selects by value, without copying them.
func (r *reader) Facets(ctx context.Context, q incident.Query) (storage.Counts, error) {
	var c storage.Counts
	if err := r.each(ctx, q, func(v *incidentVersion) { c.Add(&v.value) }); err != nil {
		return storage.Counts{}, err
	}
	return c, nil
}

// each calls fn with the incidents that q selects. Nobody changes what a version holds, so fn may read it
// without the lock.
func (r *reader) each(ctx context.Context, q incident.Query, fn func(*incidentVersion)) (err error) {
	send(ctx, r, versions{r.source(q, incident.Place{}, false)}, 0, func(v *incidentVersion, failed error) bool {
		if err = failed; err == nil {
			fn(v)
		}
		return err == nil
	})
	return err
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
		owners := unique(q.Owners)
		if owners[0] == "" {
			return nil, false // where those are who belong to nobody
		}
		trees = treesOf(&t.owners, owners)
	default:
		rest.Statuses, rest.Severities = nil, nil
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
	for n := len(t.numbers) - 1; n >= 0; n-- {
		first := t.numbers[n].latest
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
