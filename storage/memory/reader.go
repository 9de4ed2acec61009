package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A reader is a [storage.Reader] of one snapshot.
type reader struct{ *tables }

func (r reader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if err := ctx.Err(); err != nil {
		return incident.Incident{}, err
	}
	i, ok := r.incidents.Get(&incident.Incident{ID: id})
	if !ok {
		return incident.Incident{}, fmt.Errorf("storage: incident %s: %w", id, storage.ErrNotFound)
	}
	return i.Clone(), nil
}

func (r reader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	if err := ctx.Err(); err != nil {
		return alert.Alert{}, err
	}
	a, ok := r.alerts.Get(&alert.Alert{ID: id})
	if !ok {
		return alert.Alert{}, fmt.Errorf("storage: alert %s: %w", id, storage.ErrNotFound)
	}
	return a.Clone(), nil
}

func (r reader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	return func(yield func(incident.Incident, error) bool) {
		start, started, err := q.Start()
		if err != nil {
			yield(incident.Incident{}, err)
			return
		}
		rest := q
		rest.Entities = nil // incidentsOf sees to them; Match would need the alerts
		before := started   // until the first is behind start, all the others are
		wanted := func(i *incident.Incident) bool {
			before = before && q.ComparePlaces(q.Place(*i), start) <= 0
			return !before && rest.Match(incident.Case{Incident: *i})
		}
		send(ctx, r.incidentsOf(q, start, started), wanted, (*incident.Incident).Clone, q.Limit, yield)
	}
}

// send yields copies of the wanted candidates, at most limit of them.
func send[T any](ctx context.Context, candidates iter.Seq[*T], wanted func(*T) bool, clone func(*T) T, limit int, yield func(T, error) bool) {
	var none T
	if err := ctx.Err(); err != nil {
		yield(none, err)
		return
	}
	seen, sent := 0, 0
	for c := range candidates {
		if seen++; seen%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				yield(none, err)
				return
			}
		}
		if !wanted(c) {
			continue
		}
		if !yield(clone(c), nil) {
			return
		}
		if sent++; sent == limit {
			return
		}
	}
}

// checkEvery is how many records are read between two looks at the context.
const checkEvery = 64

func (r reader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return func(yield func(alert.Alert, error) bool) {
		started := q.After != alert.Position{}
		wanted := func(a *alert.Alert) bool {
			return (!started || q.ComparePositions(a.Position(), q.After) > 0) && q.Match(*a)
		}
		clone := func(a *alert.Alert) alert.Alert {
			if q.Brief {
				return a.Brief().Clone()
			}
			return a.Clone()
		}
		send(ctx, r.alertsOf(q, started), wanted, clone, q.Limit, yield)
	}
}

// alertsOf returns at least the alerts that q selects, in its order.
func (r reader) alertsOf(q alert.Query, started bool) iter.Seq[*alert.Alert] {
	if len(q.IDs) > 0 {
		var found []*alert.Alert
		for _, id := range unique(q.IDs) {
			if a, ok := r.alerts.Get(&alert.Alert{ID: id}); ok {
				found = append(found, a)
			}
		}
		slices.SortFunc(found, func(a, b *alert.Alert) int { return q.ComparePositions(a.Position(), b.Position()) })
		return slices.Values(found)
	}
	tree, groups := r.byTime, []string{""}
	switch {
	case len(q.Entities) > 0:
		tree, groups = r.byEntity, texts(q.Entities)
	case len(q.Incidents) > 0:
		tree, groups = r.byIncident, texts(q.Incidents)
	}
	var spans []span[mention]
	for _, g := range groups {
		// The group's text with a zero byte behind it is the next text there can be.
		s := span[mention]{tree: tree, lo: mention{group: g, at: longAgo}, hi: mention{group: g + "\x00", at: longAgo}}
		if !q.Since.IsZero() {
			s.lo = later(s.lo, mention{group: g, at: q.Since})
		}
		if !q.Until.IsZero() {
			s.hi = mention{group: g, at: q.Until}
		}
		if started {
			place := mention{group: g, at: q.After.FirstActivity, id: q.After.ID}
			if q.Newest {
				if lessMention(place, s.hi) {
					s.hi = place
				}
			} else {
				s.lo = later(s.lo, place)
			}
		}
		spans = append(spans, s)
	}
	before := func(a, b mention) bool {
		return q.ComparePositions(alert.Position{FirstActivity: a.at, ID: a.id}, alert.Position{FirstActivity: b.at, ID: b.id}) < 0
	}
	return func(yield func(*alert.Alert) bool) {
		var last *alert.Alert
		for m := range merge(spans, q.Newest, before) {
			if m.alert == last {
				continue
			}
			last = m.alert
			if !yield(m.alert) {
				return
			}
		}
	}
}

// longAgo is before any time a record can have.
var longAgo = time.Unix(-1<<40, 0).UTC()

func later(a, b mention) mention {
	if lessMention(a, b) {
		return b
	}
	return a
}

func (r reader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		wanted := func(e *activity.Entry) bool { return q.Match(*e) }
		send(ctx, r.entriesOf(q), wanted, (*activity.Entry).Clone, q.Limit, yield)
	}
}

// entriesOf returns at least the entries that q selects, in its order.
func (r reader) entriesOf(q activity.Query) iter.Seq[*activity.Entry] {
	length := int64(len(r.log))
	from, to := min(max(q.AfterSeq, 0), length), length
	if q.BeforeSeq != 0 {
		to = max(min(q.BeforeSeq-1, length), from)
	}
	switch {
	case len(q.IDs) > 0:
		var found []*activity.Entry
		for _, id := range unique(q.IDs) {
			if e, ok := r.entries.Get(&activity.Entry{ID: id}); ok {
				found = append(found, e)
			}
		}
		slices.SortFunc(found, func(a, b *activity.Entry) int { return q.Compare(*a, *b) })
		return slices.Values(found)
	case len(q.Incidents) > 0:
		var spans []span[*activity.Entry]
		for _, id := range unique(q.Incidents) {
			spans = append(spans, span[*activity.Entry]{
				tree: r.history,
				lo:   &activity.Entry{Incident: id, Seq: from + 1}, hi: &activity.Entry{Incident: id, Seq: to + 1},
			})
		}
		return merge(spans, q.Newest, func(a, b *activity.Entry) bool { return (a.Seq < b.Seq) != q.Newest })
	}
	part := r.log[from:to]
	return func(yield func(*activity.Entry) bool) {
		for n := range part {
			if q.Newest {
				n = len(part) - 1 - n
			}
			if !yield(part[n]) {
				return
			}
		}
	}
}

func unique[T cmp.Ordered](set []T) []T {
	set = slices.Clone(set)
	slices.Sort(set)
	return slices.Compact(set)
}

// texts returns the different values of set as texts.
func texts[T ~string](set []T) []string {
	var out []string
	for _, v := range unique(set) {
		out = append(out, string(v))
	}
	return out
}
