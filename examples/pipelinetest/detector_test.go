package pipelinetest_test

import (
	"testing"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/examples/pipelinetest"
	"github.com/incidentkit/incidentkit/incident/incidenttest"
)

func run(t *testing.T, events string) *incidenttest.Harness {
	t.Helper()
	h := incidenttest.New(t, nil)
	owners := incidenttest.Lookup[string, string]{Values: map[string]string{"srv-01": "lee@corp.example"}}
	factory := func() (*pipelinetest.Detector, error) { return pipelinetest.NewDetector(owners.Find), nil }
	incidenttest.Run(h, factory, incidenttest.Relative[pipelinetest.Logon]("time", events))
	return h
}

func TestGuessing(t *testing.T) {
	h := run(t, `
{"time":"+0s, 5 times every 10s","host":"srv-01","address":"203.0.113.7","account":"kai","failed":true}
{"time":"+1m","host":"srv-01","address":"203.0.113.7","account":"kai"}`)
	h.WantIncidents(incidenttest.Incident{
		Severity: alert.High, Assets: []string{"srv-01", `CORP\kai`}, Techniques: []string{"T1110", "T1078"},
		Alerts: []string{"Password guessing", "Logon after password guessing"},
	})
	h.WantTogether("Password guessing", "Logon after password guessing")
	h.WantRobust(10)
}

func TestSlowTyposAreNoGuessing(t *testing.T) {
	h := run(t, `
{"time":"+0s, 6 times every 24h","host":"srv-01","address":"203.0.113.7","account":"kai","failed":true}`)
	h.WantNoIncidents()
}
