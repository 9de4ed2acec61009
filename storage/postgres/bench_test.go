package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// BenchmarkApply stores an alert in an incident of its own with an entry, by one caller and by eight, beside
// hand-written SQL that does the same on tables with the same keys. The server does not wait for its disk.
func BenchmarkApply(b *testing.B) {
	at := dsn(b) + " pool_max_conns=16"
	pool := connect(b, at)
	_, err := pool.Exec(b.Context(), `
		drop table if exists raw_incidents, raw_alerts, raw_entries, raw_counter;
		create table raw_counter (n bigint); insert into raw_counter values (0);
		create table raw_incidents (id text primary key, updated bigint, record json); create index on raw_incidents (updated);
		create table raw_alerts (id text primary key, incident text, at bigint, record json); create index on raw_alerts (incident, at);
		create table raw_entries (seq bigint primary key, id text unique, incident text, record json); create index on raw_entries (incident, seq)`)
	require.NoError(b, err)
	var n atomic.Int64
	ours := open(b, at, tenant(b))
	ways := map[string]func() error{
		"incidentkit": func() error {
			id := fmt.Sprint(n.Add(1))
			_, err := ours.Apply(b.Context(), storage.Changeset{
				Incidents: []incident.Incident{{ID: incident.ID(id), Name: id, Created: origin, Updated: origin}},
				Alerts:    []alert.Alert{{ID: alert.ID(id), Incident: incident.ID(id), Title: id, Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: id}}}}},
				Activity:  []activity.Entry{{ID: activity.ID(id), Incident: incident.ID(id), Time: origin}},
			})
			return err
		},
		"SQL": func() error {
			id := fmt.Sprint("raw", n.Add(1))
			tx, err := pool.Begin(b.Context())
			if err != nil {
				return err
			}
			defer tx.Rollback(b.Context())
			record := `{"id":"` + id + `","name":"` + id + `","tags":["a"],"created":"2026-01-02T03:04:05Z"}`
			if _, err := tx.Exec(b.Context(), "insert into raw_incidents values ($1, 1, $2)", id, record); err != nil {
				return err
			}
			if _, err := tx.Exec(b.Context(), "insert into raw_alerts values ($1, $1, 1, $2)", id, record); err != nil {
				return err
			}
			var seq int64
			if err := tx.QueryRow(b.Context(), "update raw_counter set n = n + 1 returning n").Scan(&seq); err != nil {
				return err
			}
			if _, err := tx.Exec(b.Context(), "insert into raw_entries values ($1, $2, $2, $3)", seq, id, record); err != nil {
				return err
			}
			return tx.Commit(b.Context())
		},
	}
	for _, callers := range []int{1, 8} {
		for _, name := range []string{"SQL", "incidentkit"} {
			b.Run(fmt.Sprintf("callers=%d/%s", callers, name), func(b *testing.B) {
				left := make(chan struct{}, b.N)
				for range b.N {
					left <- struct{}{}
				}
				close(left)
				b.ResetTimer()
				if err := concurrently(callers, func(int) error {
					for range left {
						if err := ways[name](); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "applies/s")
			})
		}
	}
}
