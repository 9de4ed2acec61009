package metrics_test

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/metrics"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func ExampleCompute() {
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	s := memory.New()
	m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
	mona := activity.Actor{ID: "mona@contoso.com"}

	for _, minutes := range []time.Duration{30, 90, 0} {
		i, err := m.Create(ctx, activity.Actor{Kind: activity.App, ID: "siem"}, incident.Draft{})
		if err != nil {
			fmt.Println(err)
			return
		}
		if now = now.Add(minutes * time.Minute); minutes > 0 {
			if _, err := m.Edit(ctx, mona, i.ID, incident.Edit{Status: new(incident.Resolved)}); err != nil {
				fmt.Println(err)
				return
			}
		}
	}

	err := s.View(ctx, func(r storage.Reader) error {
		days := metrics.Days(now.AddDate(0, 0, -1), now)
		report, err := metrics.Compute(ctx, r, incident.Query{}, now, &metrics.Options{Edges: days})
		if err != nil {
			return err
		}
		fmt.Println("resolved:", report.Total.Resolve.Count, "of", report.Total.Incidents, "median", report.Total.Resolve.Median)
		for _, b := range report.Buckets {
			fmt.Println(b.Start.Format(time.DateOnly), "created", b.Created, "resolved", b.Resolved, "open", b.Open)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// resolved: 2 of 3 median 1h0m0s
	// 2026-02-28 created 0 resolved 0 open 0
	// 2026-03-01 created 3 resolved 2 open 1
}
