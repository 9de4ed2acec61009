package storage

import (
	"context"
	"iter"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A SightingQuery asks where entities were seen: what correlation has to know of every alert that comes in.
type SightingQuery struct {
	Entities []alert.Key `json:"entities,omitempty"`
	Incident incident.ID `json:"incident,omitempty"` // only in alerts of this incident; "" means in any
	Since    time.Time   `json:"since,omitzero"`     // FirstActivity of the alert at or after; zero means no bound
	Until    time.Time   `json:"until,omitzero"`     // FirstActivity of the alert before; zero means no bound
	Limit    int         `json:"limit,omitempty"`    // at most so many of each entity; 0 means all
}

// Between returns q for what was seen from first to last, both included. A bound that would lie outside of the years 1
// to 9999 is left out.
func (q SightingQuery) Between(first, last time.Time) SightingQuery {
	if q.Since = first; !alert.ValidTime(first) {
		q.Since = time.Time{}
	}
	if q.Until = last.Add(time.Microsecond); !alert.ValidTime(q.Until) { // it is exclusive
		q.Until = time.Time{}
	}
	return q
}

// A Sighting is an entity on an alert.
type Sighting struct {
	Entity     alert.Key   `json:"entity"`
	Alert      alert.ID    `json:"alert"`
	Incident   incident.ID `json:"incident"`
	Standalone bool        `json:"standalone,omitempty"` // of the alert
}

// A Sighter is a [Reader] that finds sightings without reading the alerts. Those who read use [Sightings].
type Sighter interface {
	Sightings(context.Context, SightingQuery) iter.Seq2[Sighting, error]
}

// Sightings yields what q asks for: entity by entity, as q names them, and the alerts of each in the order of
// the zero [alert.Query]. It asks r itself where r is a [Sighter] and reads the alerts where it is not.
func Sightings(ctx context.Context, r Reader, q SightingQuery) iter.Seq2[Sighting, error] {
	if s, ok := r.(Sighter); ok {
		return s.Sightings(ctx, q)
	}
	if err := q.Validate(); err != nil {
		return func(yield func(Sighting, error) bool) { yield(Sighting{}, err) }
	}
	return func(yield func(Sighting, error) bool) {
		for _, key := range q.Entities {
			alerts := alert.Query{Entities: []alert.Key{key}, Since: q.Since, Until: q.Until, Limit: q.Limit, Brief: true}
			if q.Incident != "" {
				alerts.Incidents = []incident.ID{q.Incident}
			}
			for a, err := range r.Alerts(ctx, alerts) {
				if err != nil {
					yield(Sighting{}, err)
					return
				}
				if !yield(Sighting{key, a.ID, a.Incident, a.Standalone}, nil) {
					return
				}
			}
		}
	}
}
