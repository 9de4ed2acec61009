package manager

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/storage"
)

// What Similar reads at most.
const (
	similarAlerts     = 1_000 // of the incident
	similarSightings  = 250   // of a key, before the incident began, and as many since
	similarCandidates = 1_000 // incidents
)

// Similar returns the incidents that are most similar to the one with that ID, in the order of
// [incident.Similarity.Compare]. They answer whether the like was seen before, and with which verdict. Each shares an
// identifier that can link alerts, or a kind of alerts. There is no time window, and resolved incidents are included.
// Similar leaves out the incident itself, incidents that by may not read, and those that were merged away or purged.
// It changes nothing.
//
// Similar is not symmetrical: what is looked for, and what links by itself, is taken from the incident with
// that ID, and only the newest of those that share it are found. Asked about one of them, the Score may be
// another, or the incident may be missing.
//
// Similar returns at most limit incidents, 10 when limit is 0 or less, and never more than 1,000. It takes identifiers
// and kinds from the first 1,000 alerts of the incident, see [incident.NewProfile]. For each key it reads the newest
// 250 sightings from before the incident began and the newest 250 since. It reads the 1,000 incidents of these with the
// highest scores; of equal ones, those with the newest sightings. So the cost does not grow with the number of
// incidents, except that alerts which by may not read cost time and do not count.
//
// The Identity of a [correlation.Default] counts where Options.Correlator is one. The error matches
// [storage.ErrNotFound] when there is no such incident.
func (m *Manager) Similar(
	ctx context.Context, by activity.Actor, id incident.ID, limit int,
) ([]incident.Similarity, error) {
	var all []incident.Similarity
	err := m.view(ctx, by, func(r storage.Reader) error {
		i, err := m.to(ActionRead, by).open(ctx, r, id)
		if err != nil {
			return err
		}
		alerts, err := collect(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}, Limit: similarAlerts}))
		if err != nil {
			return err
		}
		if r, err = m.readable(ctx, by, r); err != nil {
			return err
		}
		all, err = similar(ctx, r, i, incident.NewProfile(alerts, m.identity()))
		return err
	})
	if err != nil {
		return nil, failed("find what is similar to", "incident", id, err)
	}
	return slices.Clip(all[:min(suggestions(limit), len(all))]), nil
}

// identity returns the options by which the correlator identifies entities, if it is the default one.
func (m *Manager) identity() *alert.IdentityOptions {
	switch c := m.correlator.(type) {
	case correlation.Default:
		return &c.Identity
	case *correlation.Default:
		return &c.Identity
	}
	return nil
}

// A resemblance is an incident that has keys of a profile.
type resemblance struct {
	id     incident.ID
	keys   []alert.Key
	newest time.Time // of the alerts that have them
	score  int
}

// similar returns the incidents that r shows and that are like i, which has the profile p, the most similar first.
func similar(
	ctx context.Context, r storage.Reader, i incident.Incident, p incident.Profile,
) ([]incident.Similarity, error) {
	if len(p.Lookups()) == 0 {
		return nil, nil
	}
	found, err := resembling(ctx, r, i, p.Lookups())
	if err != nil {
		return nil, err
	}
	for n := range found {
		found[n].score = p.Similarity(incident.Incident{}, found[n].keys).Score
	}
	slices.SortFunc(found, func(a, b *resemblance) int {
		return cmp.Or(cmp.Compare(b.score, a.score), b.newest.Compare(a.newest), cmp.Compare(a.id, b.id))
	})
	keys := make(map[incident.ID][]alert.Key)
	q := incident.Query{Statuses: []incident.Status{incident.Active, incident.InProgress, incident.Resolved}}
	for _, c := range found[:min(similarCandidates, len(found))] {
		keys[c.id] = c.keys
		q.IDs = append(q.IDs, c.id)
	}
	if len(q.IDs) == 0 {
		return nil, nil
	}
	var all []incident.Similarity
	for other, err := range r.Incidents(ctx, q) {
		if err != nil {
			return nil, err
		}
		all = append(all, p.Similarity(other, keys[other.ID]))
	}
	slices.SortFunc(all, incident.Similarity.Compare)
	return all, nil
}

// resembling returns the incidents other than i whose alerts have one of keys.
func resembling(ctx context.Context, r storage.Reader, i incident.Incident, keys []alert.Key) ([]*resemblance, error) {
	var all []*resemblance
	of := make(map[incident.ID]*resemblance)
	began := i.Alerts.FirstActivity
	for _, q := range []storage.SightingQuery{{Until: began}, {Since: began}} {
		q.Entities, q.Newest, q.Limit = keys, true, similarSightings
		for s, err := range storage.Sightings(ctx, r, q) {
			if err != nil {
				return nil, err
			}
			if s.Incident == i.ID {
				continue
			}
			c := of[s.Incident]
			if c == nil {
				c = &resemblance{id: s.Incident}
				all, of[s.Incident] = append(all, c), c
			}
			if s.First.After(c.newest) {
				c.newest = s.First
			}
			if !slices.Contains(c.keys, s.Entity) {
				c.keys = append(c.keys, s.Entity)
			}
		}
	}
	return all, nil
}
