// Package metrics says how fast incidents are worked on: how long it takes until one is assigned, until a
// person does something, until it is resolved; how many are reopened; and how the backlog grows and
// shrinks. Everything follows from the incidents and their activity log, so that an auditor can recompute
// each figure.
//
//	report, err := metrics.Compute(ctx, reader, incident.Query{CreatedSince: monday}, now, nil)
//	report.Total.Resolve.Median // half of the resolved incidents took at most so long
//
// # Definitions
//
// Created is [incident.Incident.Created]. An entry counts for the incident it was written for: a copy that
// a merge left in another incident (Origin is set) is not looked at. Entries are taken in the order of Seq.
// A moment before Created counts as Created, so that no time is negative.
//
//   - Merged away: the incident's status is redirected. It is counted as [Report.Merged] and in the
//     buckets, and is in no other figure, because the work went on in another incident.
//   - Imported: its first entry says that it has a reference to another system. What it was when it came
//     happened elsewhere, at a time the log does not have.
//   - Time to assign: from Created to the first entry that sets an owner, whoever did it and whether or not
//     the owner was removed later. An incident that was created with an owner took 0; one that was
//     imported with an owner is not measured.
//   - Time to first action: from Created to the first entry that a person made ([activity.Manual]), which
//     may be the creation. Comments written in another system and what was stored by the import that made
//     the incident are no actions.
//   - Time to resolve: from Created to [incident.Incident.Resolved] of the incidents that are resolved now.
//     Of one that was reopened that is the last resolution. One that was imported as resolved is measured
//     by the time its source gave, and not measured when it gave none and the time of the import stands
//     there instead.
//   - Age: from Created to now, of the incidents that are open ([incident.Status.Open]).
//   - Reopening: an entry that changes the status from resolved to an open one.
//
// An incident to which something has not happened is not in the time to it. With many open incidents the
// times look better than they will be; Age and Count beside Incidents show that.
//
// # Errors
//
// [Compute] and [Measure] return the first error of what they read, and an error naming the entry whose
// value they cannot read, which no entry written by package incident has.
//
// # Limits
//
// The log of some dozens of incidents is in memory at a time, and about a hundred bytes for each incident.
package metrics

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/exp/stats"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Options change what a report holds. The zero Options, like nil, mean a report without buckets.
type Options struct {
	// Edges are where the buckets of [Report.Buckets] begin and end, ascending: bucket n is from Edges[n],
	// inclusive, to Edges[n+1]. Fewer than two make no bucket. [Days] makes those of a chart by days.
	// Edges that do not ascend are an [*alert.FieldError].
	Edges []time.Time
}

// A Report is what the metrics of a set of incidents come to. Durations are nanoseconds in JSON.
type Report struct {
	Now        time.Time               `json:"now"`                  // as of when
	Total      Figures                 `json:"total"`                // of all incidents but those merged away
	Merged     int                     `json:"merged"`               // incidents that were merged away
	BySeverity []Group[alert.Severity] `json:"bySeverity,omitempty"` // by the severity they have now, the highest first
	// by what raised their alerts, in the order of bytes; one of two sources is in both, one without alerts under ""
	BySource []Group[string] `json:"bySource,omitempty"`
	// by the owner they have now, by Kind and folded ID; those without under the zero Owner
	ByOwner []Group[incident.Owner] `json:"byOwner,omitempty"`
	Buckets []Bucket                `json:"buckets,omitempty"`
}

// A Group is the figures of the incidents that have something in common.
type Group[K any] struct {
	Key K `json:"key"`
	Figures
}

// Figures are the metrics of a set of incidents. See the package comment for what each means.
type Figures struct {
	Incidents  int `json:"incidents"`
	Open       int `json:"open"`       // incidents that are open now
	Reopened   int `json:"reopened"`   // incidents that were reopened at least once
	Reopenings int `json:"reopenings"` // how often all of them together were

	Assign      Distribution `json:"assign"`      // time to assign
	FirstAction Distribution `json:"firstAction"` // time to first action
	Resolve     Distribution `json:"resolve"`     // time to resolve
	Age         Distribution `json:"age"`         // age of the open ones
}

// A Distribution says how a number of times are spread, rounded to microseconds. The zero Distribution is
// that of no times. Between two times a quantile is interpolated linearly: it stands at place (Count-1)·q
// of the ordered times, counted from 0 (type 7 of Hyndman and Fan, PERCENTILE.INC of spreadsheets).
type Distribution struct {
	Count  int           `json:"count"` // incidents that were measured
	Mean   time.Duration `json:"mean"`
	Median time.Duration `json:"median"`
	P90    time.Duration `json:"p90"`
	P95    time.Duration `json:"p95"`
}

// A Bucket is what happened between two moments to the incidents of a [Report], those that were merged away
// included. They balance: Open is the Open of the bucket before, plus Created and Reopened, minus Resolved
// and Merged. What happened before the first bucket is in its Open alone.
//
// An incident counts as open from Created on, until an entry says otherwise. A resolution is at the time
// that the entry gives for it, which may be that of another system, but not before the incident was opened.
type Bucket struct {
	Start    time.Time `json:"start"`    // inclusive
	End      time.Time `json:"end"`      // exclusive
	Created  int       `json:"created"`  // incidents created
	Resolved int       `json:"resolved"` // changes from open to resolved
	Merged   int       `json:"merged"`   // changes from open to merged away
	Reopened int       `json:"reopened"` // changes back to open, after a resolution or a merge that was undone
	Open     int       `json:"open"`     // open incidents at End, or now when End is later
}

// Days returns the edges of buckets by calendar days: the beginnings of the days from that of first to that
// of last and of the day after, in the location of first. Where clocks change, a day is 23 or 25 hours.
func Days(first, last time.Time) []time.Time {
	var edges []time.Time
	last = last.In(first.Location())
	y, m, d := first.Date()
	for n := 0; ; n++ {
		edge := time.Date(y, m, d+n, 0, 0, 0, 0, first.Location())
		if h := edge.Hour(); h > 12 { // clocks skip midnight: the day begins when they do
			edge = edge.Add(time.Duration(24-h) * time.Hour)
		}
		edges = append(edges, edge)
		if edge.After(last) {
			return edges
		}
	}
}

// A History is an incident with its part of the log.
type History struct {
	Incident incident.Incident
	Entries  []activity.Entry // all entries of the incident in the order of Seq, as of the same moment
}

// Compute returns the report of the incidents that q selects in r as of now. Buckets hold these incidents
// alone: for the size of a backlog q must select the old ones too.
func Compute(ctx context.Context, r storage.Reader, q incident.Query, now time.Time, o *Options) (Report, error) {
	return Measure(histories(ctx, r, q), now, o)
}

// batch is how many incidents' entries are asked for at a time.
const batch = 32

// histories yields the incidents that q selects with their entries.
func histories(ctx context.Context, r storage.Reader, q incident.Query) iter.Seq2[History, error] {
	return func(yield func(History, error) bool) {
		var ahead []History
		flush := func() bool {
			err := fill(ctx, r, ahead)
			for _, h := range ahead {
				if err != nil {
					yield(History{}, err)
					return false
				}
				if !yield(h, nil) {
					return false
				}
			}
			ahead = ahead[:0]
			return true
		}
		for i, err := range r.Incidents(ctx, q) {
			if err != nil {
				yield(History{}, err)
				return
			}
			if ahead = append(ahead, History{Incident: i}); len(ahead) == batch && !flush() {
				return
			}
		}
		flush()
	}
}

// fill reads the entries of all.
func fill(ctx context.Context, r storage.Reader, all []History) error {
	if len(all) == 0 {
		return nil // a query without incidents selects those of all
	}
	places := make(map[incident.ID]int, len(all))
	var q activity.Query
	for n, h := range all {
		places[h.Incident.ID] = n
		q.Incidents = append(q.Incidents, h.Incident.ID)
	}
	for e, err := range r.Activity(ctx, q) {
		if err != nil {
			return err
		}
		n := places[e.Incident]
		all[n].Entries = append(all[n].Entries, e)
	}
	return nil
}

// Measure returns the report of histories, each of another incident and in any order, as of now. Buckets
// that begin after now are left out, and incidents that were purged, of which nothing can be told any more.
func Measure(histories iter.Seq2[History, error], now time.Time, o *Options) (Report, error) {
	if o == nil {
		o = &Options{}
	}
	var total sample
	severities, sources, owners := make(map[alert.Severity]*sample), make(map[string]*sample), make(map[incident.Owner]*sample)
	spellings := make(map[incident.Owner]incident.Owner) // of owners, by Kind and folded ID
	r := Report{Now: now}
	for n := 1; n < len(o.Edges); n++ {
		if !o.Edges[n].After(o.Edges[n-1]) {
			return Report{}, &alert.FieldError{Record: "metrics", Field: fmt.Sprintf("edges[%d]", n), Value: o.Edges[n].String(), Want: "a moment after the edge before"}
		}
		if !o.Edges[n-1].After(now) {
			r.Buckets = append(r.Buckets, Bucket{Start: o.Edges[n-1], End: o.Edges[n]})
		}
	}
	for h, err := range histories {
		if err != nil {
			return Report{}, err
		}
		if h.Incident.Status == incident.Purged {
			continue
		}
		t, err := read(h)
		if err != nil {
			return Report{}, err
		}
		t.count(r.Buckets)
		i := h.Incident
		if i.Status == incident.Redirected {
			r.Merged++
			continue
		}
		total.add(t, i, now)
		of(severities, i.Severity).add(t, i, now)
		for _, source := range i.Alerts.Sources {
			of(sources, source).add(t, i, now)
		}
		if len(i.Alerts.Sources) == 0 {
			of(sources, "").add(t, i, now)
		}
		owner := incident.Owner{Kind: i.Owner.Kind, ID: incident.Fold(i.Owner.ID)}
		one, known := spellings[owner]
		if !known || i.Owner.ID < one.ID {
			one.Kind, one.ID = i.Owner.Kind, i.Owner.ID
		}
		one.Name = max(one.Name, i.Owner.Name) // one of them, whatever the order of histories
		spellings[owner] = one
		of(owners, owner).add(t, i, now)
	}
	for n := 1; n < len(r.Buckets); n++ {
		r.Buckets[n].Open += r.Buckets[n-1].Open
	}
	r.Total = total.figures()
	r.BySeverity = groups(severities, func(a, b alert.Severity) int { return cmp.Compare(b, a) })
	r.BySource = groups(sources, cmp.Compare[string])
	r.ByOwner = groups(owners, func(a, b incident.Owner) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	for n := range r.ByOwner {
		r.ByOwner[n].Key = spellings[r.ByOwner[n].Key]
	}
	return r, nil
}

func of[K comparable](samples map[K]*sample, key K) *sample {
	if samples[key] == nil {
		samples[key] = new(sample)
	}
	return samples[key]
}

func groups[K comparable](samples map[K]*sample, compare func(a, b K) int) (all []Group[K]) {
	for _, key := range slices.SortedFunc(maps.Keys(samples), compare) {
		all = append(all, Group[K]{key, samples[key].figures()})
	}
	return all
}

// A sample is what was measured of a set of incidents. Times are in microseconds, which a float64 holds
// exactly for three centuries.
type sample struct {
	counts                            Figures
	assign, firstAction, resolve, age []float64
}

func (s *sample) add(t timeline, i incident.Incident, now time.Time) {
	s.counts.Incidents++
	s.counts.Reopenings += t.reopenings
	if t.reopenings > 0 {
		s.counts.Reopened++
	}
	note := func(times *[]float64, at time.Time) {
		if !at.IsZero() {
			*times = append(*times, float64(max(at.Sub(i.Created), 0).Microseconds()))
		}
	}
	note(&s.assign, t.assigned)
	note(&s.firstAction, t.acted)
	note(&s.resolve, t.resolved)
	if i.Status.Open() {
		s.counts.Open++
		s.age = append(s.age, float64(max(now.Sub(i.Created), 0).Microseconds()))
	}
}

func (s *sample) figures() Figures {
	f := s.counts
	f.Assign, f.FirstAction, f.Resolve, f.Age = distribution(s.assign), distribution(s.firstAction), distribution(s.resolve), distribution(s.age)
	return f
}

func distribution(times []float64) Distribution {
	if len(times) == 0 {
		return Distribution{}
	}
	slices.Sort(times)
	at := func(us float64) time.Duration { return time.Duration(us+0.5) * time.Microsecond }
	q := stats.Quantiles(times, 0.5, 0.9, 0.95)
	return Distribution{len(times), at(stats.Mean(times)), at(q[0]), at(q[1]), at(q[2])}
}

// A timeline is what the log says of one incident. A zero time means that it did not happen or that
// nobody knows when.
type timeline struct {
	assigned, acted, resolved time.Time
	reopenings                int
	status                    incident.Status
	turns                     []turn // opened and closed by turns
}

// A turn is a moment at which an incident is opened or closed.
type turn struct {
	at time.Time
	to incident.Status
}

// read returns the timeline of h.
func read(h History) (timeline, error) {
	var t timeline
	i := h.Incident
	t.turns = []turn{{at: i.Created, to: incident.Active}}
	var owned bool      // the owner was set
	var imported string // the command that imported it
	for _, e := range h.Entries {
		if e.Origin != "" {
			continue
		}
		first := e.Type == activity.IncidentCreated
		if first && changed(e, "references") {
			imported = e.Cause
		}
		foreign := imported != "" && e.Cause == imported
		if t.acted.IsZero() && e.Trigger() == activity.Manual && e.Occurred.IsZero() && !foreign {
			t.acted = e.Time
		}
		if e.Alert != "" {
			continue // its fields are those of the alert
		}
		for _, c := range e.Changes {
			switch {
			case c.Field == "owner" && c.After != "" && !owned:
				owned = true
				switch {
				case !first:
					t.assigned = e.Time
				case imported == "":
					t.assigned = i.Created
				}
			case c.Field == "status":
				if err := t.turn(e, c.After); err != nil {
					return t, err
				}
			case c.Field == "resolved":
				t.resolved = i.Resolved
				if first && imported != "" && i.Resolved.Equal(e.Time) {
					t.resolved = time.Time{} // the moment of the import, not of the resolution
				}
			}
		}
	}
	return t, nil
}

// turn notes that e made status what after says. Going on with an open incident is no turn.
func (t *timeline) turn(e activity.Entry, after activity.Value) error {
	before, next := t.status, turn{at: e.Time}
	if err := decode(e, after, &next.to); err != nil {
		return err
	}
	t.status = next.to
	if before == incident.Resolved && next.to.Open() {
		t.reopenings++
	}
	if before.Open() == next.to.Open() {
		return nil
	}
	if next.to == incident.Resolved {
		for _, c := range e.Changes {
			if c.Field == "resolved" && c.After != "" {
				if err := decode(e, c.After, &next.at); err != nil {
					return err
				}
			}
		}
	}
	if last := t.turns[len(t.turns)-1].at; next.at.Before(last) {
		next.at = last
	}
	t.turns = append(t.turns, next)
	return nil
}

func decode(e activity.Entry, text activity.Value, v any) error {
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("metrics: entry %s of incident %s: value %.64q: %w", e.ID, e.Incident, text, err)
	}
	return nil
}

func changed(e activity.Entry, field string) bool {
	return slices.ContainsFunc(e.Changes, func(c activity.Change) bool { return c.Field == field })
}

// count adds the turns of t to buckets. Open is what a bucket adds to the one before.
func (t timeline) count(buckets []Bucket) {
	for n, turn := range t.turns {
		place, in := slices.BinarySearchFunc(buckets, turn.at, func(b Bucket, at time.Time) int {
			switch {
			case !at.Before(b.End):
				return -1
			case at.Before(b.Start):
				return 1
			}
			return 0
		})
		if !in && place > 0 || len(buckets) == 0 {
			continue // after the last bucket
		}
		b, before := &buckets[place], Bucket{}
		if !in {
			b = &before // only what it did to Open is seen
		}
		switch {
		case n == 0:
			b.Created++
		case turn.to == incident.Resolved:
			b.Resolved++
		case turn.to == incident.Redirected:
			b.Merged++
		default:
			b.Reopened++
		}
		if turn.to.Open() {
			buckets[place].Open++
		} else {
			buckets[place].Open--
		}
	}
}
