package memory

import (
	"iter"
	"math"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// incidentsOf returns at least the incidents that q selects behind start, in its order. Of q's filters only
// Entities has been seen to.
func (r reader) incidentsOf(q incident.Query, start incident.Place, started bool) iter.Seq[*incident.Incident] {
	switch {
	case len(q.IDs) > 0 || len(q.Numbers) > 0 || len(q.Entities) > 0:
		return inOrder(q, r.named(q))
	case started && !plain(q, start):
		return inOrder(q, slices.Collect(pointers(r.sorted[incident.ByNumber].Scan)))
	}
	if few, ok := r.few(q); ok {
		return inOrder(q, few)
	}
	part := r.part(q)
	return func(yield func(*incident.Incident) bool) {
		before := func(a, b row) bool { return q.ComparePlaces(part.place(a.Place), part.place(b.Place)) < 0 }
		var last *incident.Incident
		for row := range merge(part.spans(q, start, started), !q.Ascending, before) {
			if row.incident == last {
				continue // it has two of the tags
			}
			last = row.incident
			if !yield(last) {
				return
			}
		}
	}
}

func pointers(scan func(func(row) bool)) iter.Seq[*incident.Incident] {
	return func(yield func(*incident.Incident) bool) {
		scan(func(r row) bool { return yield(r.incident) })
	}
}

func inOrder(q incident.Query, found []*incident.Incident) iter.Seq[*incident.Incident] {
	slices.SortFunc(found, func(a, b *incident.Incident) int { return q.ComparePlaces(q.Place(*a), q.Place(*b)) })
	return slices.Values(found)
}

// named returns the incidents with one of q's entities, and of its IDs or numbers where q has any.
func (r reader) named(q incident.Query) []*incident.Incident {
	var found []*incident.Incident
	add := func(id incident.ID) {
		if i, ok := r.incidents.Get(&incident.Incident{ID: id}); ok {
			found = append(found, i)
		}
	}
	switch {
	case len(q.Entities) > 0:
		seen := make(map[incident.ID]bool)
		for a := range r.alertsOf(alert.Query{Entities: q.Entities}, false) {
			if !seen[a.Incident] {
				seen[a.Incident] = true
				add(a.Incident)
			}
		}
	case len(q.IDs) > 0:
		for _, id := range unique(q.IDs) {
			add(id)
		}
	default:
		for _, n := range unique(q.Numbers) {
			if row, ok := r.sorted[incident.ByNumber].Get(row{Place: incident.Place{Number: n}}); ok {
				found = append(found, row.incident)
			}
		}
	}
	return found
}

// plain reports whether p is a place an incident can have in the order of q. A cursor made up by somebody
// else need not be.
func plain(q incident.Query, p incident.Place) bool {
	switch q.Sort {
	case incident.ByUpdated:
		return p.Text == "" && p.Updated == 0
	case incident.BySeverity, incident.ByStatus:
		return p.Text == ""
	case incident.ByOwner:
		return p.Rank == 0
	}
	return true
}

// maxFew is how many incidents of an owner or tag are sorted rather than looked for in the order of the sort.
const maxFew = 4096

// few returns the incidents with q's owners or tags when q's sort has no index of them and they are few.
func (r reader) few(q incident.Query) ([]*incident.Incident, bool) {
	if q.Sort == incident.ByUpdated || q.Sort > incident.ByNumber {
		return nil, false
	}
	updated := q
	updated.Sort = incident.ByUpdated
	part := r.part(updated)
	if part.tree != r.tags && (part.tree != r.sorted[incident.ByOwner] || q.Sort == incident.ByOwner) {
		return nil, false
	}
	var found []*incident.Incident
	seen := make(map[*incident.Incident]bool)
	for row := range merge(part.spans(updated, incident.Place{}, false), true, func(a, b row) bool { return false }) {
		if !seen[row.incident] {
			if len(found) == maxFew {
				return nil, false
			}
			seen[row.incident] = true
			found = append(found, row.incident)
		}
	}
	return found, true
}

// A part is the part of an index that holds what a query selects, in runs that each have the query's order.
type part struct {
	tree  *btree.BTreeG[row]
	whole bool                                // one run, all of tree, whose places are those of the query
	runs  []incident.Place                    // Text and Rank of each, unless whole
	place func(incident.Place) incident.Place // from that in tree to that in the order of the query
}

// part returns the smallest part that serves q.
func (r reader) part(q incident.Query) part {
	p := part{place: func(p incident.Place) incident.Place { return p }}
	owners := unique(q.Owners)
	if q.Unassigned {
		owners = unique(append(owners, ""))
	}
	switch {
	case q.Sort == incident.ByUpdated && len(q.Tags) > 0:
		p.tree = r.tags
		for _, tag := range q.Tags {
			p.runs = append(p.runs, incident.Place{Text: incident.Fold(tag)})
		}
	case (q.Sort == incident.ByUpdated || q.Sort == incident.ByOwner) && len(owners) > 0:
		p.tree = r.sorted[incident.ByOwner]
		for _, id := range owners {
			p.runs = append(p.runs, incident.Place{Text: id})
		}
	case q.Sort == incident.BySeverity || q.Sort == incident.ByStatus,
		q.Sort == incident.ByUpdated && (len(q.Statuses) > 0 || len(q.Severities) > 0):
		p.tree, p.runs = r.buckets, r.bucketsOf(q)
	default:
		p.tree, p.whole = r.sorted[min(q.Sort, incident.ByNumber)], true
	}
	switch {
	case p.whole:
	case q.Sort == incident.ByUpdated:
		p.place = func(p incident.Place) incident.Place { return incident.Place{Rank: p.Updated, Number: p.Number} }
	case q.Sort == incident.BySeverity:
		p.place = func(p incident.Place) incident.Place { p.Rank &= 0xff; return p }
	case q.Sort == incident.ByStatus:
		p.place = func(p incident.Place) incident.Place { p.Rank >>= 8; return p }
	}
	return p
}

// bucketsOf returns the buckets that are not empty and have one of q's statuses and severities.
func (r reader) bucketsOf(q incident.Query) []incident.Place {
	var runs []incident.Place
	it := r.buckets.Iter()
	for ok := it.First(); ok; {
		rank := it.Item().Rank
		if (len(q.Statuses) == 0 || slices.Contains(q.Statuses, incident.Status(rank>>8))) &&
			(len(q.Severities) == 0 || slices.Contains(q.Severities, alert.Severity(rank&0xff))) {
			runs = append(runs, incident.Place{Rank: rank})
		}
		ok = it.Seek(row{Place: incident.Place{Rank: rank + 1, Updated: math.MinInt64, Number: math.MinInt64}})
	}
	return runs
}

// spans returns the runs of p, cut at q's bounds of time and at start.
func (p part) spans(q incident.Query, start incident.Place, started bool) []span[row] {
	const first, last = math.MinInt64, math.MaxInt64
	runs := p.runs
	if p.whole {
		runs = make([]incident.Place, 1)
	}
	var spans []span[row]
	for _, run := range runs {
		lo := incident.Place{Text: run.Text, Rank: run.Rank, Updated: first, Number: first}
		hi := incident.Place{Text: run.Text, Rank: run.Rank, Updated: last, Number: last}
		endless := false
		behind := start
		cut := started
		switch {
		case p.whole:
			lo.Rank, endless = first, true
			switch q.Sort {
			case incident.ByUpdated:
				lo.Rank, hi.Rank, endless = since(q.UpdatedSince), until(q.UpdatedUntil), false
			case incident.ByCreated:
				lo.Rank, hi.Rank, endless = since(q.CreatedSince), until(q.CreatedUntil), false
			}
		default:
			lo.Updated, hi.Updated = since(q.UpdatedSince), until(q.UpdatedUntil)
			if !started {
				break
			}
			behind = incident.Place{Text: run.Text, Rank: run.Rank, Updated: start.Updated, Number: start.Number}
			if q.Sort == incident.ByUpdated {
				behind.Updated = start.Rank
				break
			}
			here, there := p.place(run), start
			there.Updated, there.Number = 0, 0
			switch c := q.ComparePlaces(here, there); {
			case c < 0:
				continue
			case c > 0:
				cut = false
			}
		}
		s := span[row]{p.tree, row{Place: lo}, row{Place: hi}, endless}
		switch b := (row{Place: behind}); {
		case cut && q.Ascending && lessRow(s.lo, b):
			s.lo = b
		case cut && !q.Ascending && (endless || lessRow(b, s.hi)):
			s.hi, s.endless = b, false
		}
		spans = append(spans, s)
	}
	return spans
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
