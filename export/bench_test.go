package export

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// inThreeScripts returns a report of about the length of r whose names are in Latin, Arabic and Japanese letters.
func inThreeScripts(r Report) Report {
	names := []string{"تسجيل دخول مشبوه من خارج البلاد", "不審なプロセスツリー（経理部の端末）", "Ungewöhnliche Anmeldung aus dem Ausland"}
	r.Incident.Name += " " + names[0] + " " + names[1]
	for n := range r.Alerts {
		r.Alerts[n].Title += " " + names[n%3]
		r.Alerts[n].Description += " " + names[(n+1)%3]
	}
	return r
}

// BenchmarkPDF draws reports: of 12 pages, of 12 pages in three scripts with a font of the caller's, and of 300 pages.
func BenchmarkPDF(b *testing.B) {
	font, err := os.ReadFile("fonts/cjk/DroidSansFallback.ttf")
	require.NoError(b, err)
	for _, c := range []struct {
		name string
		r    Report
		o    *PDFOptions
	}{
		{"12", report(b, 12, nil), nil},
		{"12/scripts=3", inThreeScripts(report(b, 10, nil)), &PDFOptions{Fonts: [][]byte{font}}},
		{"300", report(b, 1960, nil), nil},
	} {
		b.Run("pages="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := WritePDF(b.Context(), io.Discard, c.r, c.o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// crowd returns a storage with n incidents of four alerts each, and their IDs.
func crowd(b *testing.B, n int) (storage.Storage, []incident.ID) {
	b.Helper()
	s := memory.New()
	var ids []incident.ID
	c, _ := sample(b, 4)
	for k := range n {
		id := incident.ID(fmt.Sprint("inc-", k))
		var alerts []alert.Alert
		for m, a := range c.Alerts {
			a.Origin.ID = fmt.Sprint(k, "-", m)
			a.ID, a.Incident, a.Owner, a.Status, a.Verdict = a.Origin.AlertID(), id, alert.Owner{}, alert.StatusNew, classification.Verdict{}
			alerts = append(alerts, a)
		}
		e, err := incident.Create(incident.Command{ID: "create " + string(id), By: activity.Actor{ID: "mira"}, At: start}, id, incident.Draft{}, alerts, nil, classification.Defender())
		require.NoError(b, err)
		_, err = s.Apply(b.Context(), storage.Changeset{Incidents: []incident.Incident{e.Incident}, Alerts: alerts, Activity: e.Activity})
		require.NoError(b, err)
		ids = append(ids, id)
	}
	return s, ids
}

// BenchmarkExporter asks for a thousand PDFs at once: of as many incidents, and of one that everybody looks at. MaxRuns, which is 2, bounds what it takes:
// peak-MB is the largest heap that one of those who waited saw, beyond what the storage takes, and kept-MB is what is left of it.
func BenchmarkExporter(b *testing.B) {
	const callers = 1000
	store, ids := crowd(b, callers)
	for _, c := range []struct {
		name string
		of   func(n int) incident.ID
	}{
		{"incidents=1000", func(n int) incident.ID { return ids[n] }},
		{"incidents=1", func(int) incident.ID { return ids[0] }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			before := heap(true)
			var peak atomic.Uint64
			for b.Loop() {
				// Of 16 MiB of results, the oldest go.
				o := ExporterOptions{Now: func() time.Time { return start }, MaxBytes: 16 << 20}
				x := NewExporter(openTo(store), &o)
				var all sync.WaitGroup
				for n := range callers {
					all.Go(func() {
						e, err := x.Export(b.Context(), kai, c.of(n), PDF, nil)
						if err == nil {
							_, err = e.Wait(b.Context())
						}
						if err != nil {
							b.Error(err)
						}
						for seen := heap(false); ; {
							if old := peak.Load(); seen <= old || peak.CompareAndSwap(old, seen) {
								break
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				b.ReportMetric(float64(heap(true)-before)/1e6, "kept-MB")
				runtime.KeepAlive(x)
				b.StartTimer()
			}
			b.ReportMetric(float64(peak.Load()-before)/1e6, "peak-MB")
			b.ReportMetric(float64(callers*b.N)/b.Elapsed().Seconds(), "exports/s")
		})
	}
}

// heap returns the bytes of objects on the heap, garbage included unless it is collected first.
func heap(collected bool) uint64 {
	if collected {
		runtime.GC()
	}
	m := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(m)
	return m[0].Value.Uint64()
}
