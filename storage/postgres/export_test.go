package postgres

import "github.com/incidentkit/incidentkit/incident"

// IncidentPage returns the statement for the first n incidents of a query, and its arguments.
func IncidentPage(tenant string, q incident.Query, n int) (string, []any) {
	w := newWhere(tenant)
	return w.incidentPage(&q, incident.Place{}, false, n), w.args
}
