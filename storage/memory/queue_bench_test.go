package memory_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// BenchmarkCount counts what a screen shows beside the queue. So does BenchmarkFacets, by value, what it offers to
// choose from.
func BenchmarkCount(b *testing.B) {
	benchmarkCounts(b, (*socday.Plain).Count, storage.Count, func(n int) int { return n })
}

func BenchmarkFacets(b *testing.B) {
	benchmarkCounts(b, (*socday.Plain).Facets, storage.Facets, func(c storage.Counts) int { return c.Total })
}

func benchmarkCounts[T any](b *testing.B, plain func(*socday.Plain, incident.Query) T,
	ours func(context.Context, storage.Reader, incident.Query) (T, error), total func(T) int) {
	for size := range sizes(10_000, 100_000, 1_000_000) {
		day := socday.Day{Seed: 1, Incidents: size, Light: true}
		s, p := load(b, day.Queue())
		open := []incident.Status{incident.Active, incident.InProgress}
		for _, c := range []struct {
			name string
			q    incident.Query
		}{
			{"all", incident.Query{}},
			{"open", incident.Query{Statuses: open}},
			{"openHigh", incident.Query{Statuses: open, Severities: []alert.Severity{alert.High}}},
			{"tag", incident.Query{Tags: []string{socday.Tag(1)}}},
			{"ownerOpen", incident.Query{Statuses: open, Owners: []string{socday.Owner(1).ID}}},
			{"default", incident.DefaultQuery(day.Time(0))},
			{"notResolved", incident.Query{Except: []incident.Query{{Statuses: []incident.Status{incident.Resolved}}}}},
		} {
			all, rows := make(times), total(plain(p, c.q))
			for _, way := range []struct {
				name  string
				count func() (int, error)
			}{
				{"plain", func() (int, error) { return total(plain(p, c.q)), nil }},
				{"ours", func() (n int, err error) {
					err = s.View(b.Context(), func(r storage.Reader) error {
						v, err := ours(b.Context(), r, c.q)
						n = total(v)
						return err
					})
					return n, err
				}},
			} {
				b.Run(fmt.Sprint(size, "/", c.name, "/", way.name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if n, err := way.count(); n != rows || err != nil {
							b.Fatalf("%d, not %d: %v", n, rows, err)
						}
					}
					b.ReportMetric(float64(rows), "rows")
					all.compare(b, way.name)
				})
			}
		}
	}
}

// BenchmarkSort reads the first page of the whole queue in each order. Q1
func BenchmarkSort(b *testing.B) {
	for size := range sizes(10_000, 100_000, 1_000_000) {
		day := socday.Day{Seed: 1, Incidents: size, Light: true}
		s := memory.New()
		for cs := range day.Queue() {
			if _, err := s.Apply(b.Context(), cs); err != nil {
				b.Fatal(err)
			}
		}
		for sort := incident.ByUpdated; sort <= incident.ByPriority; sort++ {
			b.Run(fmt.Sprint(size, "/", sort), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					rows := 0
					for range read(b, s, incident.Query{Sort: sort, Limit: 50}) {
						rows++
					}
					if rows != 50 {
						b.Fatal(rows)
					}
				}
			})
		}
	}
}
