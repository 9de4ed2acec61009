package memory

import (
	"context"
	"iter"

	"github.com/incidentkit/incidentkit/storage"
)

var _ storage.Sighter = (*reader)(nil)

// Sightings yields where entities were seen. It looks at the versions' places only, of which a version that
// is its alert's first and last tells all.
func (r *reader) Sightings(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	if err := q.Validate(); err != nil {
		return refuse[storage.Sighting](ctx, r, err)
	}
	return func(yield func(storage.Sighting, error) bool) {
		var room [firstBatch]storage.Sighting
		for _, key := range q.Entities {
			sent, after, more := 0, mention{at: since(q.Since)}, true
			for more {
				if err := r.ready(ctx); err != nil {
					yield(storage.Sighting{}, err)
					return
				}
				found := room[:0]
				r.tables.mu.RLock()
				more = r.sightings(q, r.tables.entities[key], after, func(v *alertVersion) bool {
					after = v.mention()
					found = append(found, storage.Sighting{Entity: key, Alert: v.node.id, Incident: v.value.Incident, Standalone: v.standalone})
					return len(found) < len(room) && sent+len(found) != q.Limit
				})
				r.tables.mu.RUnlock()
				for _, s := range found {
					if !yield(s, nil) {
						return
					}
				}
				if sent += len(found); sent == q.Limit {
					more = false
				}
			}
		}
	}
}

// sightings calls yield with the versions behind after that q asks for, and reports whether yield has stopped it.
func (r *reader) sightings(q storage.SightingQuery, e *entity, after mention, yield func(*alertVersion) bool) (stopped bool) {
	if e == nil {
		return false
	}
	exact := countable(q.Since) && countable(q.Until) && q.Since.Nanosecond()%1000 == 0 && q.Until.Nanosecond()%1000 == 0
	seen := func(m mention) bool {
		v := m.version(r.commit)
		if v == nil || (v.older != nil || v != m.node.latest) && !v.has(e) ||
			q.Incident != "" && q.Incident != v.value.Incident ||
			!exact && (!q.Since.IsZero() && v.value.FirstActivity.Before(q.Since) || !q.Until.IsZero() && !v.value.FirstActivity.Before(q.Until)) {
			return true
		}
		return yield(v)
	}
	until := mention{at: until(q.Until)}
	if exact && !q.Until.IsZero() {
		until.at-- // the walk ends before it, and need not fetch times
	}
	if q.Incident != "" && e.members != nil {
		part := span[member]{many: e.members, lo: member{q.Incident, after}, hi: member{q.Incident, until}}
		return !part.walk(lessMember, false, func(m member) bool { return seen(m.mention) })
	}
	part := span[mention]{few: e.alerts.few, many: e.alerts.many, lo: after, hi: until}
	return !part.walk(lessMention, false, seen)
}
