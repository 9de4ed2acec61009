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
	Newest   bool        `json:"newest,omitempty"`   // the alerts of each entity newest first
	Limit    int         `json:"limit,omitempty"`    // at most so many of each entity, the first ones; 0 means all
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
	First      time.Time   `json:"first,omitzero"`       // FirstActivity of the alert
	Standalone bool        `json:"standalone,omitempty"` // of the alert
}

// A Sighter is a [Reader] that finds sightings without reading the alerts. Those who read use [Sightings].
type Sighter interface {
	Sightings(context.Context, SightingQuery) iter.Seq2[Sighting, error]
}

// Sightings yields what q selects: entity by entity, in the order of q.Entities, and the alerts of each entity by
// FirstActivity, oldest first, and by ID where that is equal. Newest reverses both, as in [alert.Query].
// Sightings asks r itself if r is a [Sighter], and reads the alerts if it is not.
func Sightings(ctx context.Context, r Reader, q SightingQuery) iter.Seq2[Sighting, error] {
	if s, ok := r.(Sighter); ok {
		return s.Sightings(ctx, q)
	}
	if err := q.Validate(); err != nil {
		return func(yield func(Sighting, error) bool) { yield(Sighting{}, err) }
	}
	return func(yield func(Sighting, error) bool) {
		for _, key := range q.Entities {
			alerts := alert.Query{
				Entities: []alert.Key{key},
				Since:    q.Since,
				Until:    q.Until,
				Newest:   q.Newest,
				Limit:    q.Limit,
				Brief:    true,
			}
			if q.Incident != "" {
				alerts.Incidents = []incident.ID{q.Incident}
			}
			for a, err := range r.Alerts(ctx, alerts) {
				if err != nil {
					yield(Sighting{}, err)
					return
				}
				if !yield(Sighting{key, a.ID, a.Incident, a.FirstActivity, a.Standalone}, nil) {
					return
				}
			}
		}
	}
}
