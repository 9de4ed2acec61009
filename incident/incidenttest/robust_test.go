package incidenttest

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Two queues with the same alerts together differ where one of the incidents has another name or severity.
func TestGroupingsDifferByNameAndSeverity(t *testing.T) {
	with := func(name string, severity alert.Severity) grouping {
		i := incident.Incident{ID: "i", Number: 1, Name: name, Severity: severity}
		a := alert.Alert{ID: "test:a", Incident: "i", Title: "Scan"}
		q := queue{
			incidents: []incident.Incident{i},
			alerts:    map[incident.ID][]incident.Explanation{"i": {{Alert: a}}},
		}
		return grouping{q, q.place()}
	}
	given := with("Scan", alert.Low)
	assert.Empty(t, given.differs(with("Scan", alert.Low)))
	const said = `the incident of "Scan" (test:a) is "Scan", low, in the order given, and `
	assert.Equal(t, said+`"Scans", low, so`, given.differs(with("Scans", alert.Low)))
	assert.Equal(t, said+`"Scan", high, so`, given.differs(with("Scan", alert.High)))
}
