package storage

import (
	"context"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A Counter is a [Reader] that counts incidents without reading them. Those who count use [Count], which
// sees to it that Sort, Ascending, After and Limit of the query are zero.
type Counter interface {
	Count(context.Context, incident.Query) (int, error)
}

// Count returns how many incidents q selects, whatever page of them it asks for: Sort, Ascending, After and
// Limit do not count. It asks r itself where r is a [Counter] and reads the incidents where it is not.
func Count(ctx context.Context, r Reader, q incident.Query) (int, error) {
	q = all(q)
	if c, ok := r.(Counter); ok {
		return c.Count(ctx, q)
	}
	n := 0
	for _, err := range r.Incidents(ctx, q) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// An AlertCounter is a [Reader] that counts alerts without reading them. Those who count use [CountAlerts], which sees
// to it that After, Limit, Newest and Brief of the query are zero.
type AlertCounter interface {
	CountAlerts(context.Context, alert.Query) (int, error)
}

// CountAlerts returns how many alerts q selects, whatever page of them it asks for: After, Limit, Newest and Brief do
// not count. It asks r itself where r is an [AlertCounter] and reads the alerts where it is not.
func CountAlerts(ctx context.Context, r Reader, q alert.Query) (int, error) {
	q.After, q.Limit, q.Newest, q.Brief = alert.Position{}, 0, false, false
	if c, ok := r.(AlertCounter); ok {
		return c.CountAlerts(ctx, q)
	}
	q.Brief = true
	n := 0
	for _, err := range r.Alerts(ctx, q) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// all returns q for all pages at once.
func all(q incident.Query) incident.Query {
	q.Sort, q.Ascending, q.After, q.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
	return q
}
