package driver

import (
	"errors"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// CheckVersion applies the rule Version of [storage.Storage]: it returns why a record, an "incident", an "alert" or an
// "item", of the given Version must not be stored over the stored one, which is 0 where there is none. The error
// matches [storage.ErrExists] when the record must be new, and else is a [*storage.ConflictError].
func CheckVersion(record, id string, given, stored int64) error {
	switch {
	case given == stored:
		return nil
	case given == 0:
		return Exists(record, id)
	default:
		return &storage.ConflictError{Record: record, ID: id, Given: given, Stored: stored}
	}
}

// Exists returns the error for a record, an "incident", an "alert", an "item" or an "entry", whose place is taken. It
// matches [storage.ErrExists].
func Exists(record, id string) error {
	return &Failure{Class: storage.ErrExists, Text: fmt.Sprintf("storage: %s %s exists already", record, id)}
}

// Refused reports whether err says that a Changeset does not go with what is stored, so that nothing of it was kept.
func Refused(err error) bool {
	return errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrExists) ||
		errors.Is(err, storage.ErrNotFound)
}

// Check returns why no storage may keep cs, whatever the storage holds. The error matches [storage.ErrExists] when cs
// holds an incident, an alert, an item or an entry twice. It matches [storage.ErrNotFound] when an incident to be
// purged is not among those of cs or is new. It matches no error of package storage when AlertKeys has another length
// than Alerts or an item has more than [storage.MaxItemData] bytes, since trying again does not help.
func Check(cs storage.Changeset) error {
	for n := range cs.Items {
		if i := &cs.Items[n]; len(i.Data) > storage.MaxItemData {
			return fmt.Errorf("storage: item %s/%s has %d bytes, want %d at most",
				i.Kind, i.Key, len(i.Data), storage.MaxItemData)
		}
	}
	if at, ok := twice(cs.Items, func(i *storage.Item) storage.ItemPlace { return i.Place() }); ok {
		return Exists("item", at.Kind+"/"+at.Key)
	}
	if n := len(cs.AlertKeys); n > 0 && n != len(cs.Alerts) {
		return fmt.Errorf("storage: the keys of %d alerts in a Changeset with %d", n, len(cs.Alerts))
	}
	if id, ok := twice(cs.Incidents, func(i *incident.Incident) incident.ID { return i.ID }); ok {
		return Exists("incident", string(id))
	}
	if id, ok := twice(cs.Alerts, func(a *alert.Alert) alert.ID { return a.ID }); ok {
		return Exists("alert", string(id))
	}
	if id, ok := twice(cs.Activity, func(e *activity.Entry) activity.ID { return e.ID }); ok {
		return Exists("entry", string(id))
	}
	if len(cs.Purge) == 0 {
		return nil
	}
	stored := make(map[incident.ID]bool, len(cs.Incidents))
	for n := range cs.Incidents {
		stored[cs.Incidents[n].ID] = cs.Incidents[n].Version > 0
	}
	for _, id := range cs.Purge {
		if !stored[id] {
			return &Failure{Class: storage.ErrNotFound,
				Text: fmt.Sprintf("storage: incident %s, to be purged, is not in its Changeset", id)}
		}
	}
	return nil
}

// AlertKeys returns the keys of the n-th alert of cs: those that cs gives, else it computes them. They must not be
// changed.
func AlertKeys(cs storage.Changeset, n int) []alert.Key {
	if n < len(cs.AlertKeys) && cs.AlertKeys[n] != nil {
		return cs.AlertKeys[n]
	}
	return cs.Alerts[n].Keys()
}

// twice returns an ID that two records have.
func twice[T any, ID comparable](records []T, id func(*T) ID) (same ID, found bool) {
	if len(records) < 2 {
		return same, false
	}
	seen := make(map[ID]bool, len(records))
	for n := range records {
		if same = id(&records[n]); seen[same] {
			return same, true
		}
		seen[same] = true
	}
	return same, false
}
