package storagetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// spelled are identifiers of which those of one row fold equal.
var spelled = [][]string{
	{"Noor.Falk@harbor.example", "noor.falk@harbor.example", "NOOR.FALK@HARBOR.EXAMPLE"},
	{"Åsa Groß", "åsa gross", "A\u030ASA GRO\u00DF", "ÅSA GRO\u1E9E"},
	{"İz", "i\u0307z"},
	{"asa gross"},
}

// ownersFolded has the spellings of one owner found, counted and ordered as one, and each come back as it was given.
func ownersFolded(ctx context.Context, s storage.Storage) error {
	w := newWorld(0)
	var cs storage.Changeset
	for n, spellings := range spelled {
		for k, id := range spellings {
			i := incident.Incident{ID: incident.ID(fmt.Sprint("i", n, ".", k)), Created: origin, Updated: origin}
			i.Owner = alert.Owner{Kind: alert.OwnerKind(k % 2), ID: id}
			cs.Incidents = append(cs.Incidents, i)
		}
	}
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	w.incidents = cs.Incidents
	for n := range w.incidents {
		w.incidents[n].Version, w.incidents[n].Number = 1, receipt.Numbers[n]
	}
	if err := s.View(ctx, func(r storage.Reader) error { return w.checkOwners(ctx, r) }); err != nil {
		return err
	}
	// One spelling becomes another, and one owner the next.
	i := &w.incidents[0]
	i.Owner.ID = spelled[0][1]
	j := &w.incidents[1]
	j.Owner.ID = spelled[1][2]
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{*i, *j}}); err != nil {
		return err
	}
	i.Version, j.Version = 2, 2
	return s.View(ctx, func(r storage.Reader) error { return w.checkOwners(ctx, r) })
}

func (w *world) checkOwners(ctx context.Context, r storage.Reader) error {
	var all []error
	for _, spellings := range spelled {
		for _, id := range spellings {
			for _, q := range []incident.Query{
				{Owners: []string{id}},
				{Owners: []string{"nobody", id}},
				{Owners: []string{id}, Unassigned: true},
				{Owners: []string{id}, Sort: incident.ByOwner, Ascending: true},
				{Except: []incident.Query{{Owners: []string{id}}}},
			} {
				want := 0
				for _, i := range w.incidents {
					if q.Match(incident.Case{Incident: i}) {
						want++
					}
				}
				got, err := storage.Count(ctx, r, q)
				if err == nil && got != want {
					err = fmt.Errorf("count of owner %q is %d, want %d", id, got, want)
				}
				all = append(all, err, w.checkIncidents(ctx, r, q))
			}
		}
	}
	all = append(all, w.checkIncidents(ctx, r, incident.Query{Sort: incident.ByOwner}))
	want := make(map[string]storage.OwnerTally)
	for _, i := range w.incidents {
		folded := incident.Fold(i.Owner.ID)
		tally := want[folded]
		tally.Add(i.Owner, 1)
		want[folded] = tally
	}
	got, err := storage.Facets(ctx, r, incident.Query{})
	if err == nil && len(got.Owners) != len(want) {
		err = fmt.Errorf("facets have %d owners, want %d: %v", len(got.Owners), len(want), got.Owners)
	}
	for folded, tally := range want {
		if err == nil && got.Owners[folded] != tally {
			err = fmt.Errorf("facets of owner %q are %v, want %v", folded, got.Owners[folded], tally)
		}
	}
	return errors.Join(append(all, err)...)
}
