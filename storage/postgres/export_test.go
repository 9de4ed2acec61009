package postgres

import (
	"context"
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

// ItemPage returns the statement for the first n items of a query, and its arguments.
func ItemPage(tenant string, q storage.ItemQuery, n int) (string, []any) {
	w := newWhere(tenant)
	return w.itemPage(&q, q.After, q.After != storage.ItemPlace{}, n), w.args
}

// SightingPage returns the statement for the first n sightings of the first entity of a query, or for those behind one,
// and its arguments.
func SightingPage(tenant string, q storage.SightingQuery, after *storage.Sighting, n int) (string, []any) {
	w := newWhere(tenant)
	return w.sightingPage(&q, q.Entities[0], after, n), w.args
}

// Statements whose plans are looked at.
const (
	LockItems   = lockItems
	LockGone    = lockGone
	PurgeItems  = purgeItems
	ExpireItems = expireItems
	UpdateItem  = updateItem
	FindStamps  = findStamps
	FindHad     = findHad
)

// Conn returns the connection of a View.
func Conn(r storage.Reader) *pgx.Conn { return r.(*reader).conn }

// Hold makes s commit nothing until release is called, so that the calls of Apply and Restore wait in its queue;
// begun is closed when the first batch of them is taken from there. No call may be running.
func Hold(s *Store) (release func(), begun <-chan struct{}) {
	commit, ready := s.group.Commit, s.group.Ready
	held, done, taken := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.group.Ready = nil // no connection is held
	s.group.Commit = func(context.Context, []*write) {
		close(held)
		<-done
		s.group.Ready = ready
		s.group.Commit = func(ctx context.Context, writes []*write) {
			s.group.Commit = commit
			close(taken)
			commit(ctx, writes)
		}
	}
	go s.group.Do(context.Background(), nil)
	<-held
	return func() { close(done) }, taken
}
