package manager

import (
	"crypto/rand"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
)

// addDigests gives the entries of cs their digests. Alerts of older versions get the form in which they will be read.
func addDigests(cs *storage.Changeset) error {
	place := make(map[alert.ID]int, len(cs.Alerts))
	for n := range cs.Alerts {
		cs.Alerts[n], _ = cs.Alerts[n].Canonical()
		place[cs.Alerts[n].ID] = n
	}
	alerts := make([]activity.Digest, len(cs.Alerts))
	for n := range cs.Activity {
		e := &cs.Activity[n]
		var about activity.Digest
		if at, ok := place[e.Alert]; ok && e.Origin == "" { // a copy is about the alert as it was
			if alerts[at].IsZero() {
				digest, err := cs.Alerts[at].Digest()
				if err != nil {
					return err
				}
				alerts[at] = digest
			}
			about = alerts[at]
		}
		var salt activity.Digest
		_, _ = rand.Read(salt[:]) // never fails
		*e = e.WithDigest(salt, about)
	}
	return nil
}
