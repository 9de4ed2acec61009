package memory_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// The benchmarks work on the incidents of package socday and compare, in the same run, with plain maps and
// slices. Sizes are incidents that are there before; those above INCIDENTKIT_BENCH_MAX are left out.
// "x/plain" is the rate as a multiple of the median of plain's, "x/copy" the time as a multiple of the
// median of what copying the same incidents takes.

// sizes yields those that are to run.
func sizes(all ...int) iter.Seq[int] {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	return slices.Values(slices.DeleteFunc(all, func(size int) bool { return err == nil && size > most }))
}

// load returns what holds the same changesets, ours and plain. Neither shares memory with the other.
func load(b *testing.B, changesets iter.Seq[storage.Changeset]) (*memory.Store, *socday.Plain) {
	s, p := memory.New(), socday.NewPlain()
	for cs := range changesets {
		if _, err := s.Apply(b.Context(), cs); err != nil {
			b.Fatal(err)
		}
		p.Apply(cs)
	}
	runtime.GC()
	return s, p
}

// times are what one operation took, by name, in nanoseconds.
type times map[string][]float64

// compare notes what b took under that name and reports it beside the medians of plain and copy, where
// they have run.
func (t times) compare(b *testing.B, name string) {
	took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	t[name] = append(t[name], took)
	median := func(name string) (float64, bool) {
		all := slices.Sorted(slices.Values(t[name]))
		if len(all) == 0 {
			return 0, false
		}
		return all[len(all)/2], true
	}
	if name != "ours" {
		return
	}
	if base, ok := median("plain"); ok {
		b.ReportMetric(base/took, "x/plain")
	}
	if base, ok := median("copy"); ok {
		b.ReportMetric(took/base, "x/copy")
	}
}

// An arrival makes changesets as an alert that joins an incident makes them.
type arrival struct {
	day       socday.Day
	incidents []incident.Incident // the open ones, as they are stored
	next      int
	ahead     []storage.Changeset
}

func (a *arrival) take(b *testing.B) storage.Changeset {
	if len(a.ahead) == 0 {
		b.StopTimer()
		for range 1024 {
			a.ahead = append(a.ahead, a.make())
		}
		b.StartTimer()
	}
	cs := a.ahead[0]
	a.ahead = a.ahead[1:]
	return cs
}

func (a *arrival) make() storage.Changeset {
	n, now := a.next, a.day.Time(a.next)
	a.next++
	i := &a.incidents[n%len(a.incidents)]
	before := *i
	i.Alerts.Count++
	i.Updated = now
	cs := storage.Changeset{Incidents: []incident.Incident{i.Clone()}, Alerts: []alert.Alert{a.day.Alert(n)}}
	i.Version++
	cs.Alerts[0].Incident = i.ID
	for k, typ := range []activity.Type{activity.AlertAdded, activity.SeverityChanged} {
		cs.Activity = append(cs.Activity, activity.Entry{
			ID: activity.ID(fmt.Sprint("day-", n, "/", k)), Time: now, Incident: i.ID, Alert: cs.Alerts[0].ID, Type: typ, Actor: socday.Source(),
			Changes: []activity.Change{{Field: "alerts.count", Before: activity.Value(strconv.Itoa(before.Alerts.Count)), After: activity.Value(strconv.Itoa(i.Alerts.Count))}},
		})
	}
	return cs
}

// BenchmarkApply stores what an alert that joins an incident comes to: the incident, the alert and two
// entries.
func BenchmarkApply(b *testing.B) {
	for size := range sizes(10_000, 100_000) {
		day, all := socday.Day{Seed: 1, Incidents: size}, make(times)
		s, p := load(b, day.Changesets())
		var open []incident.Incident
		for _, n := range day.Open() {
			i, _ := p.Incident(day.ID(n))
			open = append(open, i)
		}
		for _, c := range []struct {
			name  string
			apply func(context.Context, storage.Changeset) error
		}{
			{"plain", func(_ context.Context, cs storage.Changeset) error { p.Apply(cs); return nil }},
			{"ours", func(ctx context.Context, cs storage.Changeset) error { _, err := s.Apply(ctx, cs); return err }},
		} {
			arrivals := arrival{day: day, incidents: slices.Clone(open)}
			b.Run(fmt.Sprint(size, "/", c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.apply(b.Context(), arrivals.take(b)); err != nil {
						b.Fatal(err)
					}
				}
				all.compare(b, c.name)
			})
		}
	}
}

// BenchmarkIncident reads one incident by its ID, another one each time.
func BenchmarkIncident(b *testing.B) {
	for size := range sizes(10_000, 100_000, 1_000_000) {
		day, all := socday.Day{Seed: 1, Incidents: size, Light: true}, make(times)
		s, p := load(b, day.Queue())
		ids := make([]incident.ID, 1<<16)
		for n := range ids {
			ids[n] = day.ID(n * 7919 % size)
		}
		for _, c := range []struct {
			name string
			read func(incident.ID) (incident.Incident, error)
		}{
			{"plain", func(id incident.ID) (incident.Incident, error) { i, _ := p.Incident(id); return i, nil }},
			{"ours", func(id incident.ID) (i incident.Incident, err error) {
				err = s.View(b.Context(), func(r storage.Reader) error {
					i, err = r.Incident(b.Context(), id)
					return err
				})
				return i, err
			}},
		} {
			n := 0
			b.Run(fmt.Sprint(size, "/", c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					n++
					if i, err := c.read(ids[n%len(ids)]); err != nil || i.ID == "" {
						b.Fatal("not found", err)
					}
				}
				all.compare(b, c.name)
			})
		}
	}
}

// BenchmarkPage reads the first 50 incidents of a query, and the next such query each time. Copy is given
// their IDs instead.
func BenchmarkPage(b *testing.B) {
	for size := range sizes(10_000, 100_000, 1_000_000) {
		day := socday.Day{Seed: 1, Incidents: size, Light: true}
		records := make(map[incident.ID]*incident.Incident)
		s, p := load(b, func(yield func(storage.Changeset) bool) {
			for cs := range day.Queue() {
				for n := range cs.Incidents {
					records[cs.Incidents[n].ID] = &cs.Incidents[n]
				}
				if !yield(cs) {
					return
				}
			}
		})
		for _, search := range day.Searches() {
			all, ids := make(times), make([][]incident.ID, len(search.Queries))
			for n, q := range search.Queries {
				for i := range read(b, s, q) {
					ids[n] = append(ids[n], i.ID)
				}
			}
			page := make([]incident.Incident, 0, 50)
			for _, c := range []struct {
				name string
				read func(n int) []incident.Incident
			}{
				{"plain", func(n int) []incident.Incident { return p.Page(page, search.Queries[n]) }},
				{"copy", func(n int) []incident.Incident {
					page := page
					for _, id := range ids[n] {
						page = append(page, records[id].Clone())
					}
					return page
				}},
				{"ours", func(n int) []incident.Incident {
					page := page
					for i := range read(b, s, search.Queries[n]) {
						page = append(page, i)
					}
					return page
				}},
			} {
				b.Run(fmt.Sprint(size, "/", search.Name, "/", c.name), func(b *testing.B) {
					b.ReportAllocs()
					n, rows := 0, 0
					for b.Loop() {
						k := n % len(ids)
						found := len(c.read(k))
						if found != len(ids[k]) {
							b.Fatalf("query %d: %d rows, not %d", k, found, len(ids[k]))
						}
						rows += found
						n++
					}
					b.ReportMetric(float64(rows)/float64(n), "rows")
					all.compare(b, c.name)
				})
			}
		}
	}
}

// read yields what q selects, inside one View.
func read(b *testing.B, s *memory.Store, q incident.Query) iter.Seq[incident.Incident] {
	return func(yield func(incident.Incident) bool) {
		err := s.View(b.Context(), func(r storage.Reader) error {
			for i, err := range r.Incidents(b.Context(), q) {
				if err != nil {
					return err
				}
				if !yield(i) {
					break
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
