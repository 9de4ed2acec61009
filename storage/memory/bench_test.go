package memory_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func made(n int) incident.Incident {
	return incident.Incident{
		ID: incident.ID(fmt.Sprint("i", n)), Name: fmt.Sprint("Incident ", n), Status: incident.Status(n % 3), Severity: alert.Severity(n % 5),
		Owner: incident.Owner{ID: fmt.Sprint("owner", n%50)}, Tags: []incident.Tag{{Name: fmt.Sprint("tag", n%100)}}, Created: at(n), Updated: at(n),
	}
}

func filled(b *testing.B, size int) *memory.Store {
	s := memory.New()
	for n := 0; n < size; n += 1000 {
		var cs storage.Changeset
		for k := range 1000 {
			cs.Incidents = append(cs.Incidents, made(n+k))
		}
		_, err := s.Apply(b.Context(), cs)
		require.NoError(b, err)
	}
	return s
}

func BenchmarkApply(b *testing.B) {
	s, n := filled(b, 10_000), 10_000
	for b.Loop() {
		_, err := s.Apply(b.Context(), storage.Changeset{Incidents: []incident.Incident{made(n)}})
		require.NoError(b, err)
		n++
	}
}

func BenchmarkIncident(b *testing.B) {
	s := filled(b, 10_000)
	for b.Loop() {
		require.NoError(b, s.View(b.Context(), func(r storage.Reader) error {
			_, err := r.Incident(b.Context(), "i5000")
			return err
		}))
	}
}

// INCIDENTKIT_BENCH_MAX is the most incidents a page is read from; all sizes run when it is not set.
func BenchmarkPage(b *testing.B) {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	if err != nil {
		most = 1_000_000
	}
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		if size > most {
			break
		}
		s := filled(b, size)
		for _, page := range []struct {
			name string
			q    incident.Query
		}{
			{"status", incident.Query{Statuses: []incident.Status{incident.Active}}},
			{"openHigh", incident.Query{
				Statuses: []incident.Status{incident.Active, incident.InProgress}, Severities: []alert.Severity{alert.High}, UpdatedSince: at(size / 2),
			}},
			{"tag", incident.Query{Tags: []string{"tag7"}}},
			{"owner", incident.Query{Owners: []string{"owner7"}}},
			{"deep", incident.Query{After: incident.Query{}.CursorAfter(incident.Incident{Updated: at(size / 2)})}},
		} {
			page.q.Limit = 50
			b.Run(fmt.Sprintf("%d/%s", size, page.name), func(b *testing.B) {
				for b.Loop() {
					require.NoError(b, s.View(b.Context(), func(r storage.Reader) error {
						require.Len(b, collect(b, r.Incidents(b.Context(), page.q)), 50)
						return nil
					}))
				}
			})
		}
	}
}
