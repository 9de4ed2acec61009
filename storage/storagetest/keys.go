package storagetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
)

// alertKeys stores alerts, new ones and then the next versions of them, with the keys of some. All are found by what
// Keys says of them. Lists of keys that are not as many as the alerts are an error.
func alertKeys(ctx context.Context, s storage.Storage) error {
	const in, other = "i00000", "i00001"
	user := func(upn string) alert.Evidence { return alert.Evidence{Entity: alert.User{UPN: upn}} }
	first := storage.Changeset{}
	for n := range 8 {
		a := newAlert(n, in)
		a.Evidence = []alert.Evidence{{Entity: device(n)}, user(fmt.Sprint("user", n/2)), {Entity: device(n)}}
		first.Alerts = append(first.Alerts, a)
	}
	next := storage.Changeset{Alerts: slices.Clone(first.Alerts)}
	for n := range next.Alerts {
		switch a := &next.Alerts[n]; n / 2 {
		case 0:
			a.Evidence = []alert.Evidence{user("fresh"), user(fmt.Sprint("late", n))}
		case 1:
			a.Title = "renamed"
		case 2:
			a.Incident = other
		default:
			a.Status = alert.StatusResolved
		}
		next.Alerts[n].Version = 1
	}
	for _, cs := range []*storage.Changeset{&first, &next} {
		for n, a := range cs.Alerts {
			cs.AlertKeys = append(cs.AlertKeys, nil)
			if n%2 == 0 {
				cs.AlertKeys[n] = a.Keys()
			}
		}
	}
	var asked []alert.Key
	for _, cs := range []storage.Changeset{first, next} {
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
		for n, a := range cs.Alerts {
			if keys := cs.AlertKeys[n]; keys != nil && !slices.Equal(keys, a.Keys()) {
				return fmt.Errorf("Apply changed the keys that it was given: %v, want %v", keys, a.Keys())
			}
			asked = append(asked, a.Keys()...)
			for k := range cs.AlertKeys[n] {
				cs.AlertKeys[n][k] = "of the caller again"
			}
		}
		slices.Sort(asked)
		asked = slices.Compact(asked)
		if err := s.View(ctx, func(r storage.Reader) error { return foundBy(ctx, r, asked, cs.Alerts) }); err != nil {
			return err
		}
	}
	all := next.AlertKeys
	for n := range next.Alerts {
		next.Alerts[n].Version = 2
	}
	for _, keys := range [][][]alert.Key{all[1:], append(slices.Clone(all), all[0])} {
		next.AlertKeys = keys
		if _, err := s.Apply(ctx, next); err == nil {
			return fmt.Errorf("the keys of %d alerts in a Changeset with %d were accepted", len(keys), len(next.Alerts))
		}
	}
	return nil
}

// foundBy reports a key by which other alerts are found than those of all that have it.
func foundBy(ctx context.Context, r storage.Reader, keys []alert.Key, all []alert.Alert) error {
	for _, k := range keys {
		var want, got []alert.ID
		for _, a := range all {
			if slices.Contains(a.Keys(), k) {
				want = append(want, a.ID)
			}
		}
		alerts, err := collect(r.Alerts(ctx, alert.Query{Entities: []alert.Key{k}, Brief: true}))
		if err != nil {
			return err
		}
		for _, a := range alerts {
			got = append(got, a.ID)
		}
		sightings, err := collect(storage.Sightings(ctx, r, storage.SightingQuery{Entities: []alert.Key{k}}))
		if err != nil {
			return err
		}
		var seen []alert.ID
		for _, s := range sightings {
			seen = append(seen, s.Alert)
		}
		for _, ids := range [][]alert.ID{got, seen} {
			slices.Sort(ids)
			slices.Sort(want)
			if !slices.Equal(ids, want) {
				return fmt.Errorf("by the key %s alerts %v are found, want %v", k, ids, want)
			}
		}
	}
	return nil
}

// joinKeys returns the AlertKeys for the alerts of a and then those of b.
func joinKeys(a, b storage.Changeset) [][]alert.Key {
	if len(a.AlertKeys)+len(b.AlertKeys) == 0 {
		return nil
	}
	if len(a.AlertKeys) == 0 {
		a.AlertKeys = make([][]alert.Key, len(a.Alerts))
	}
	if len(b.AlertKeys) == 0 {
		b.AlertKeys = make([][]alert.Key, len(b.Alerts))
	}
	return slices.Concat(a.AlertKeys, b.AlertKeys)
}
