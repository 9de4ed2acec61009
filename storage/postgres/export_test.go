package postgres

import (
	"time"

	"github.com/incidentkit/incidentkit/incident"
)

// LookAtSeq is the statement of one look of those who wait.
const LookAtSeq = lookAtSeq

// SetPatience says after how long those who wait look again without a notification.
func SetPatience(s *Store, d time.Duration) { s.patience = d }

// IncidentPage returns the statement for the first n incidents of a query, and its arguments.
func IncidentPage(tenant string, q incident.Query, n int) (string, []any) {
	w := newWhere(tenant)
	return w.incidentPage(&q, incident.Place{}, false, n), w.args
}
