package driver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// ordinary is what the ingestion of an alert of ordinary size stores: about 2 kB of texts.
func ordinary() storage.Changeset {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := alert.Alert{
		ID: "edr:4711", Incident: "i", Origin: alert.Origin{Source: "edr", ID: "4711"}, Title: "Suspicious PowerShell",
		Product: "Microsoft Defender for Endpoint", DetectionSource: "antivirus", Category: "Execution",
		Description: fmt.Sprintf("%0900d", 1), Techniques: []string{"T1059.001"}, Extra: `{"tenant":"contoso","n":7}`,
		FirstActivity: at, LastActivity: at, Created: at, Updated: at,
		Evidence: []alert.Evidence{
			{Entity: alert.Device{DeviceID: "d1", DNSName: "pc1.contoso.example", OS: "Windows11"}, Created: at},
			{Entity: alert.User{UPN: "kai@contoso.example", SID: "S-1-5-21-1", Account: "kai"}, Created: at},
			{Entity: alert.Process{PID: 4, Started: at, CommandLine: fmt.Sprintf("%0500d", 1)}, Created: at},
			{Entity: alert.IP{Address: "192.0.2.1"}, Created: at},
		},
	}
	i := incident.Incident{ID: "i", Name: "Execution on pc1", Created: at, Updated: at}
	i.Alerts.Sources, i.Alerts.Categories, i.Alerts.Techniques = []string{"edr"}, []string{"Execution"}, a.Techniques
	e := activity.Entry{
		ID: "c/0", Time: at, Incident: "i", Alert: a.ID, Type: activity.AlertAdded, Cause: "c",
		Actor:   activity.Actor{Kind: activity.App, ID: "edr"},
		Changes: []activity.Change{{Field: "alerts.count", After: "1"}},
	}
	return storage.Changeset{
		Incidents: []incident.Incident{i},
		Alerts:    []alert.Alert{a},
		Activity:  []activity.Entry{e, e},
	}
}

// What a storage spends on the limits of one alert and what is stored with it.
func BenchmarkCheck(b *testing.B) {
	cs := ordinary()
	cs.Activity[1].ID = "c/1"
	require.NoError(b, driver.Check(cs))
	b.ReportAllocs()
	for b.Loop() {
		if driver.Check(cs) != nil || len(driver.Canonical(cs).Alerts) == 0 {
			b.Fail()
		}
	}
}
