package correlation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// What many use is configured by its key, as alert.Identity returns it.
func ExampleDefault() {
	dc := alert.Device{HostName: "dc-01"}
	deploy := alert.User{Domain: "CORP", Account: "svc-deploy"}
	m := manager.New(memory.New(), &manager.Options{
		Correlator: correlation.Default{Identity: alert.IdentityOptions{
			Shared: []alert.Key{alert.Identity(dc), alert.Identity(deploy), "ip:198.51.100.1"},
		}},
	})

	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	report := func(title, device string, others ...alert.Entity) alert.Alert {
		a := alert.Alert{
			Origin: alert.Origin{Source: "edr", ID: title}, Title: title, Severity: alert.Medium, FirstActivity: at,
			Evidence: []alert.Evidence{{Entity: alert.Device{HostName: device}}},
		}
		for _, e := range others {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
		}
		at = at.Add(10 * time.Second)
		return a
	}
	results, err := m.Ingest(context.Background(), activity.Actor{Kind: activity.App, ID: "edr"}, []alert.Alert{
		report("Service installed", "ws-1", deploy),
		report("Suspicious driver", "ws-2", deploy, dc),
		report("Credential dump", "ws-2.corp.example", alert.User{UPN: "mona@corp.example"}),
	})
	if err != nil {
		fmt.Println(err)
	}
	number := map[string]int{}
	for n, r := range results {
		if number[string(r.Incident)] == 0 {
			number[string(r.Incident)] = n + 1
		}
		fmt.Printf("alert %d: with alert %d\n", n+1, number[string(r.Incident)])
		for _, l := range r.Links {
			fmt.Printf("  %s %s %s\n", l.Reason, l.Entity, l.HeldBack)
		}
	}
	// Output:
	// alert 1: with alert 1
	// alert 2: with alert 2
	//   sameAsset account:corp\svc-deploy it counts beside others only: many use it
	// alert 3: with alert 2
	//   sameAsset short-host:ws-2
}
