package manager_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// The benchmarks run the day of package socday on the manager over the memory storage and, in the same
// run, on plain maps and slices. Sizes are incidents that are there before, with ten alerts each; those
// above INCIDENTKIT_BENCH_MAX are left out. "x/plain" is the rate as a multiple of the median of plain's.

// A desk is what the day is worked on.
type desk interface {
	ingest(ctx context.Context, now time.Time, one []alert.Alert) error
	edit(ctx context.Context, now time.Time, id incident.ID, e incident.Edit) error
	page(ctx context.Context, page []incident.Incident, q incident.Query) ([]incident.Incident, error)
}

type ours struct {
	*manager.Manager
	now *time.Time
}

func (o ours) ingest(ctx context.Context, now time.Time, one []alert.Alert) error {
	*o.now = now
	_, err := o.Ingest(ctx, socday.Source(), one)
	return err
}

func (o ours) edit(ctx context.Context, now time.Time, id incident.ID, e incident.Edit) error {
	*o.now = now
	_, err := o.Edit(ctx, socday.Analyst(), id, e)
	return err
}

func (o ours) page(ctx context.Context, page []incident.Incident, q incident.Query) ([]incident.Incident, error) {
	for i, err := range o.Incidents(ctx, socday.Analyst(), q) {
		if err != nil {
			return nil, err
		}
		page = append(page, i)
	}
	return page, nil
}

type plain struct{ *socday.Plain }

func (p plain) ingest(_ context.Context, now time.Time, one []alert.Alert) error {
	p.Ingest(now, socday.Source().ID, &one[0])
	return nil
}

func (p plain) edit(_ context.Context, now time.Time, id incident.ID, e incident.Edit) error {
	p.Edit(now, socday.Analyst().ID, id, e)
	return nil
}

func (p plain) page(_ context.Context, page []incident.Incident, q incident.Query) ([]incident.Incident, error) {
	return p.Page(page, q), nil
}

// most is from which size on benchmarks are left out.
func most() int {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	if err != nil {
		return 100_000
	}
	return most
}

// desks yields plain and ours, one after the other so that neither pays for collecting the other's garbage,
// for each size.
func desks(b *testing.B) iter.Seq2[socday.Day, desk] {
	most := most()
	return func(yield func(socday.Day, desk) bool) {
		for _, size := range []int{10_000, 100_000} {
			d := socday.Day{Seed: 1, Incidents: size}
			if size > most {
				return
			}
			p := plain{socday.NewPlain()}
			for cs := range d.Changesets() {
				p.Apply(cs)
			}
			runtime.GC()
			if !yield(d, p) {
				return
			}
			p.Plain = nil
			s := memory.New()
			for cs := range d.Changesets() {
				if _, err := s.Apply(b.Context(), cs); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			o := ours{now: new(time.Time)}
			o.Manager = manager.New(s, &manager.Options{Now: func() time.Time { return *o.now }})
			if !yield(d, o) {
				return
			}
		}
	}
}

func name(d socday.Day, on desk) string {
	if _, ok := on.(plain); ok {
		return fmt.Sprint(d.Incidents, "/plain")
	}
	return fmt.Sprint(d.Incidents, "/ours")
}

// rates are what was measured, by name.
type rates map[string][]float64

// note notes the rate of b, which ran under that name.
func (r rates) note(b *testing.B, name string) float64 {
	rate := float64(b.N) / b.Elapsed().Seconds()
	r[name] = append(r[name], rate)
	return rate
}

// median returns the median of what was noted under that name, and false when nothing was.
func (r rates) median(name string) (float64, bool) {
	all := slices.Sorted(slices.Values(r[name]))
	if len(all) == 0 {
		return 0, false
	}
	return all[len(all)/2], true
}

// compare notes the rate of b and reports it as a multiple of plain's.
func (r rates) compare(b *testing.B, day socday.Day, on desk) {
	rate, other := r.note(b, name(day, on)), name(day, plain{})
	if base, ok := r.median(other); ok && other != name(day, on) {
		b.ReportMetric(rate/base, "x/plain")
	}
}

// A queue hands out what is to be done. It is made some thousands at a time while the clock of the
// benchmark stands still, and goes on from run to run, since an alert is new only once.
type queue[T any] struct {
	make  func(n int) T
	next  int
	ahead []T
}

func (q *queue[T]) take(b *testing.B) (n int, one []T) {
	if len(q.ahead) == 0 {
		b.StopTimer()
		q.ahead = make([]T, 4096)
		for n := range q.ahead {
			q.ahead[n] = q.make(q.next + n)
		}
		b.StartTimer()
	}
	n, one = q.next, q.ahead[:1:1]
	q.next, q.ahead = q.next+1, q.ahead[1:]
	return n, one
}

// BenchmarkIngest takes in one alert a call.
func BenchmarkIngest(b *testing.B) {
	all := make(rates)
	for day, on := range desks(b) {
		alerts := queue[alert.Alert]{make: day.Alert}
		b.Run(name(day, on), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, one := alerts.take(b)
				if err := on.ingest(b.Context(), day.Time(n), one); err != nil {
					b.Fatal(err)
				}
			}
			all.compare(b, day, on)
		})
	}
}

// BenchmarkEdit makes one change a call: an owner, which the alerts follow, a tag or a status.
func BenchmarkEdit(b *testing.B) {
	all := make(rates)
	for day, on := range desks(b) {
		open := day.Open()
		edits := queue[socday.Edit]{make: func(n int) socday.Edit { return day.Edit(open, n) }}
		b.Run(name(day, on), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, one := edits.take(b)
				if err := on.edit(b.Context(), day.Time(n), one[0].Incident, one[0].Edit); err != nil {
					b.Fatal(err)
				}
			}
			all.compare(b, day, on)
		})
	}
}

// BenchmarkEditAll changes the tags of a thousand incidents a call.
func BenchmarkEditAll(b *testing.B) {
	all := make(rates)
	for day, on := range desks(b) {
		q := incident.Query{Limit: 1000}
		for n := range q.Limit {
			q.IDs = append(q.IDs, day.ID(n))
		}
		b.Run(name(day, on), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				edit := incident.Edit{AddTags: []string{"bulk"}}
				if n++; n%2 == 0 {
					edit = incident.Edit{RemoveTags: []string{"bulk"}}
				}
				switch on := on.(type) {
				case plain:
					for _, id := range q.IDs {
						on.Edit(day.Time(n), socday.Analyst().ID, id, edit)
					}
				case ours:
					if results, err := on.EditAll(b.Context(), socday.Analyst(), q, edit); err != nil || len(results) != q.Limit {
						b.Fatal(len(results), err)
					}
				}
			}
			all.compare(b, day, on)
		})
	}
}

// BenchmarkMerge merges an incident of 50 alerts into another of 50 alerts.
func BenchmarkMerge(b *testing.B) {
	s := memory.New()
	defer s.Close()
	m := manager.New(s, nil)
	day := socday.Day{Seed: 1, Incidents: 1}
	next := 0
	half := func() incident.ID {
		var d incident.Draft
		for range 50 {
			d.Alerts = append(d.Alerts, day.Alert(next))
			next++
		}
		i, err := m.Create(b.Context(), socday.Source(), d)
		if err != nil {
			b.Fatal(err)
		}
		return i.ID
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		into, from := half(), half()
		b.StartTimer()
		if _, err := m.Merge(b.Context(), socday.Analyst(), into, []incident.ID{from}, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMixed takes in one alert a call while one goroutine reads page after page. "x/solo" is the rate
// as a multiple of the one without that goroutine; p50 and p99 are those of one call.
func BenchmarkMixed(b *testing.B) {
	for day, on := range desks(b) {
		alerts := queue[alert.Alert]{make: day.Alert}
		searches := day.Searches()
		ingest := func(b *testing.B) time.Duration {
			n, one := alerts.take(b)
			begun := time.Now()
			if err := on.ingest(b.Context(), day.Time(n), one); err != nil {
				b.Fatal(err)
			}
			return time.Since(begun)
		}
		b.Run(name(day, on), func(b *testing.B) {
			const calls = 10_000 // not many: each makes the pages of plain slower
			var solo time.Duration
			for range calls {
				solo += ingest(b)
			}
			var pages int
			var readErr error
			var reader sync.WaitGroup
			ctx, stop := context.WithCancel(b.Context())
			reader.Go(func() { pages, readErr = readPages(ctx, on, searches) })
			var took []time.Duration
			var mixed time.Duration
			for b.Loop() {
				took = append(took, ingest(b))
				mixed += took[len(took)-1]
			}
			stop()
			reader.Wait()
			if readErr != nil {
				b.Fatal(readErr)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
			b.ReportMetric(float64(pages)/b.Elapsed().Seconds(), "pages/s")
			b.ReportMetric(float64(solo)/calls/(float64(mixed)/float64(len(took))), "x/solo")
		})
	}
}

// readPages reads until ctx is done and returns how many pages it read.
func readPages(ctx context.Context, on desk, searches []socday.Search) (int, error) {
	page := make([]incident.Incident, 0, 50)
	for n := 0; ; n++ {
		queries := searches[n%len(searches)].Queries
		_, err := on.page(ctx, page, queries[n/len(searches)%len(queries)])
		if ctx.Err() != nil {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// BenchmarkDay takes in a day of few machines with many alerts each.
func BenchmarkDay(b *testing.B) {
	for _, size := range []int{5_000, 45_000} {
		if size <= most() {
			b.Run(fmt.Sprint("memory/", size), func(b *testing.B) {
				managers.BenchmarkDay(b, size, newMemory)
			})
		}
	}
}

// BenchmarkJoin takes in alerts of incidents that have few alerts, or many.
func BenchmarkJoin(b *testing.B) { managers.BenchmarkJoin(b, 5_000, newMemory) }

func newMemory(testing.TB) storage.Storage { return memory.New() }
