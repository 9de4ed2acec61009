package memory_test

import (
	"fmt"
	"testing"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// BenchmarkCount counts what a screen shows beside the queue, and what it offers to choose from. "read" is the
// same by reading the incidents.
func BenchmarkCount(b *testing.B) {
	for size := range sizes(10_000, 100_000, 1_000_000) {
		day := socday.Day{Seed: 1, Incidents: size, Light: true}
		s := memory.New()
		for cs := range day.Queue() {
			if _, err := s.Apply(b.Context(), cs); err != nil {
				b.Fatal(err)
			}
		}
		open := []incident.Status{incident.Active, incident.InProgress}
		for _, c := range []struct {
			name string
			q    incident.Query
		}{
			{"all", incident.Query{}},
			{"openHigh", incident.Query{Statuses: open, Severities: []alert.Severity{alert.High}}},
			{"tag", incident.Query{Tags: []string{socday.Tag(1)}}},
			{"default", incident.DefaultQuery(day.Time(0))},
			{"notResolved", incident.Query{Except: []incident.Query{{Statuses: []incident.Status{incident.Resolved}}}}},
		} {
			for name, count := range map[string]func(storage.Reader) (int, error){
				"count": func(r storage.Reader) (int, error) { return storage.Count(b.Context(), r, c.q) },
				"facets": func(r storage.Reader) (int, error) {
					f, err := storage.Facets(b.Context(), r, c.q)
					return f.Total, err
				},
				"read": func(r storage.Reader) (int, error) {
					return storage.Count(b.Context(), struct{ storage.Reader }{r}, c.q)
				},
			} {
				b.Run(fmt.Sprint(size, "/", c.name, "/", name), func(b *testing.B) {
					b.ReportAllocs()
					rows := 0
					for b.Loop() {
						err := s.View(b.Context(), func(r storage.Reader) (err error) {
							rows, err = count(r)
							return err
						})
						if err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(rows), "rows")
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
