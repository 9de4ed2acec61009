package manager

import (
	"context"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
)

// rarityWindow is how far back alerts of the same kind are looked for.
const rarityWindow = 30 * 24 * time.Hour

// setSeen sets Seen of new alerts that come together: how many of the same kind came in the window before the first
// of them, as far as they are counted. keys has their keys.
func setSeen(ctx context.Context, r storage.Reader, alerts []alert.Alert, keys map[alert.ID]alert.KeySet) error {
	if len(alerts) == 0 {
		return nil
	}
	first := slices.MinFunc(alerts, func(a, b alert.Alert) int { return a.FirstActivity.Compare(b.FirstActivity) }).FirstActivity
	q := storage.SightingQuery{Limit: alert.MaxSeen}.Between(first.Add(-rarityWindow), first)
	for _, a := range alerts {
		q.Entities = append(q.Entities, keys[a.ID].Kind())
	}
	kinds := q.Entities
	if len(kinds) > 1 {
		q.Entities = slices.Clone(kinds)
		slices.Sort(q.Entities)
		q.Entities = slices.Compact(q.Entities)
	}
	for s, err := range storage.Sightings(ctx, r, q) {
		if err != nil {
			return err
		}
		for n := range alerts {
			if kinds[n] == s.Entity {
				alerts[n].Seen++
			}
		}
	}
	return nil
}
