package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Enter is the first statement of a transaction, which names its tenant.
const Enter = enter

// LookAtSeq is the statement of one look of those who wait.
const LookAtSeq = lookAtSeq

// SetPatience says after how long those who wait look again without a notification.
func SetPatience(s *Store, d time.Duration) { s.patience = d }

// IncidentPage returns the statement for the first n incidents of a query, and its arguments.
func IncidentPage(tenant string, q incident.Query, n int) (string, []any) {
	w := newWhere(tenant)
	return w.incidentPage(&q, incident.Place{}, false, n), w.args
}

// Conn returns the connection of a View.
func Conn(r storage.Reader) *pgx.Conn { return r.(*reader).conn }

// Lead makes s believe that somebody writes, and returns what lets those who wait have their turn and how many
// they are.
func Lead(s *Store) (hand func(), waiting func() int) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.queue.leading = true
	count := func() int {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return len(s.queue.waiting)
	}
	return s.queue.hand, count
}
