package managers

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
)

// TestDay sees on s, which is empty, that so many alerts of 20 machines become an incident for each machine,
// and another one for each that has more alerts than an incident takes.
func TestDay(t *testing.T, s storage.Storage, alerts int) {
	f := socday.Fleet{Seed: 1, Machines: 20, Alerts: alerts}
	m := manager.New(s, &manager.Options{Now: func() time.Time { return f.Time(alerts) }})
	for n := range alerts {
		_, err := m.Ingest(t.Context(), siem, []alert.Alert{f.Alert(n)})
		require.NoError(t, err)
	}
	sum, incidents := 0, some(t, m.Incidents(t.Context(), kai, incident.Query{}))
	for _, i := range incidents {
		sum += i.Alerts.Count
		assert.Equal(t, 1, i.Alerts.Assets[alert.Devices], "%s has another machine's alerts", i.ID)
	}
	assert.Equal(t, alerts, sum)
	assert.GreaterOrEqual(t, len(incidents), 20)
	assert.LessOrEqual(t, len(incidents), 60)
}

// BenchmarkDay takes in so many alerts of 20 machines, one a call, on a storage that open returns empty. A
// turn of the benchmark is the whole day. "µs/alert", "allocs/alert" and "incidents" are those of the last
// one.
func BenchmarkDay(b *testing.B, alerts int, open func(testing.TB) storage.Storage) {
	f := socday.Fleet{Seed: 1, Machines: 20, Alerts: alerts}
	all := make([]alert.Alert, alerts)
	for n := range all {
		all[n] = f.Alert(n)
	}
	for b.Loop() {
		b.StopTimer()
		s := open(b)
		m := manager.New(s, &manager.Options{Now: func() time.Time { return f.Time(alerts) }})
		runtime.GC()
		before, began := allocations(), time.Now()
		b.StartTimer()
		ingest(b, m, all)
		b.StopTimer()
		took, after := time.Since(began), allocations()
		n, err := m.Count(b.Context(), kai, incident.Query{})
		if err = errors.Join(err, s.Close()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(took.Nanoseconds())/1e3/float64(alerts), "µs/alert")
		b.ReportMetric(float64(after-before)/float64(alerts), "allocs/alert")
		b.ReportMetric(float64(n), "incidents")
		b.StartTimer()
	}
}

func ingest(b *testing.B, m *manager.Manager, all []alert.Alert) {
	for n := range all {
		if _, err := m.Ingest(b.Context(), siem, all[n:n+1]); err != nil {
			b.Fatal(err)
		}
	}
}

// allocations returns how many there have been.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// BenchmarkJoin takes in an alert a call that joins an incident of 5 alerts, or of so many as there are in all.
// When it has added a tenth to these, it begins anew on a storage that open returns empty. "x/5" is the time as
// a multiple of that of the small incidents.
func BenchmarkJoin(b *testing.B, all int, open func(testing.TB) storage.Storage) {
	f := socday.Fleet{Seed: 1, Alerts: 2 * all}
	var smallest float64
	for _, size := range []int{5, all} {
		machines := all / size
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			var s storage.Storage
			var m *manager.Manager
			var ahead []alert.Alert
			for b.Loop() {
				if len(ahead) == 0 {
					b.StopTimer()
					if s != nil {
						s.Close()
					}
					s = open(b)
					m = manager.New(s, &manager.Options{
						Now:        func() time.Time { return f.Time(2 * all) },
						Correlator: correlation.Default{Size: 2 * all},
					})
					for n := range all + all/10 {
						ahead = append(ahead, f.Of(n%machines, n))
					}
					ingest(b, m, ahead[:all])
					ahead = ahead[all:]
					runtime.GC()
					b.StartTimer()
				}
				ingest(b, m, ahead[:1])
				ahead = ahead[1:]
			}
			b.StopTimer()
			n, err := m.Count(b.Context(), kai, incident.Query{})
			if err = errors.Join(err, s.Close()); err != nil || n != machines {
				b.Fatal(n, err)
			}
			took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if smallest == 0 {
				smallest = took
			}
			b.ReportMetric(took/smallest, "x/5")
		})
	}
}
