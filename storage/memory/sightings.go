package memory

import (
	"context"
	"iter"
	"time"

	"github.com/incidentkit/incidentkit/alert"
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
		exact, all := whole(q), partOf(q)
		for _, key := range q.Entities {
			part := all
			sent, more := 0, true
			for more {
				if err := r.ready(ctx); err != nil {
					yield(storage.Sighting{}, err)
					return
				}
				found := room[:0]
				var last mention
				r.tables.mu.RLock()
				more = r.sightings(q, exact, r.tables.entities[key], part, func(v *alertVersion) bool {
					found, last = append(found, v.sighting(key)), v.mention()
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
				} else if more {
					part = part.behind(last, lessMention, q.Newest)
				}
			}
		}
	}
}

// sighting tells the time from the place, which is fetched from memory with the rest of what it needs.
func (v *alertVersion) sighting(key alert.Key) storage.Sighting {
	return storage.Sighting{
		Entity: key, Alert: v.node.id, Incident: v.value.Incident,
		First: time.UnixMicro(v.place).UTC(), Standalone: v.standalone,
	}
}

// whole reports whether the places of alerts tell which of them are between the bounds of q.
func whole(q storage.SightingQuery) bool {
	return countable(q.Since) && countable(q.Until) && q.Since.Nanosecond()%1000 == 0 && q.Until.Nanosecond()%1000 == 0
}

// partOf returns the bounds of q as those of a part of an index.
func partOf(q storage.SightingQuery) span[mention] {
	s := span[mention]{lo: mention{at: since(q.Since)}, hi: mention{at: until(q.Until)}}
	if whole(q) && !q.Until.IsZero() {
		s.hi.at-- // the walk ends before it, and need not fetch times
	}
	return s
}

// sightings calls yield with the versions in part of the index that q asks for, and reports whether yield has
// stopped it. Where q is exact, part tells its times.
func (r *reader) sightings(
	q storage.SightingQuery, exact bool, e *entity, part span[mention], yield func(*alertVersion) bool,
) (stopped bool) {
	if e == nil {
		return false
	}
	seen := func(m mention) bool {
		v := m.version(r.commit)
		if v == nil || (v.older != nil || v != m.node.latest) && !v.has(e) ||
			q.Incident != "" && q.Incident != v.value.Incident ||
			!exact && (!q.Since.IsZero() && v.value.FirstActivity.Before(q.Since) || !q.Until.IsZero() && !v.value.FirstActivity.Before(q.Until)) {
			return true
		}
		return yield(v)
	}
	if q.Incident != "" && e.members != nil {
		members := span[member]{many: e.members, lo: member{q.Incident, part.lo}, hi: member{q.Incident, part.hi}}
		return !members.walk(lessMember, q.Newest, func(m member) bool { return seen(m.mention) })
	}
	part.few, part.many = e.alerts.few, e.alerts.many
	return !part.walk(lessMention, q.Newest, seen)
}
