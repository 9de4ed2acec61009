package storage

import (
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// CheckVersion is the rule Version of a [Storage], for those who write one: it reports what keeps a record, an
// "incident" or an "alert", of the given Version from being stored over the stored one, which is 0 where there is none.
// The error matches ErrExists when it must be new, and else is a [*ConflictError].
func CheckVersion(record, id string, given, stored int64) error {
	switch {
	case given == stored:
		return nil
	case given == 0:
		return exists(record, id)
	default:
		return &ConflictError{Record: record, ID: id, Given: given, Stored: stored}
	}
}

// Check reports what no storage may keep, whatever it holds, for those who write a [Storage]: an incident, an alert or
// an entry that cs holds twice, by an error matching ErrExists, and an incident to be purged that is not among those of
// cs or is new, by one matching ErrNotFound.
func (cs Changeset) Check() error {
	if id, ok := twice(cs.Incidents, func(i *incident.Incident) incident.ID { return i.ID }); ok {
		return exists("incident", string(id))
	}
	if id, ok := twice(cs.Alerts, func(a *alert.Alert) alert.ID { return a.ID }); ok {
		return exists("alert", string(id))
	}
	if id, ok := twice(cs.Activity, func(e *activity.Entry) activity.ID { return e.ID }); ok {
		return exists("entry", string(id))
	}
	for _, id := range cs.Purge {
		if !slices.ContainsFunc(cs.Incidents, func(i incident.Incident) bool { return i.ID == id && i.Version > 0 }) {
			return fmt.Errorf("storage: incident %s, to be purged, in its Changeset: %w", id, ErrNotFound)
		}
	}
	return nil
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

func exists(record, id string) error {
	return fmt.Errorf("storage: %s %s: %w", record, id, ErrExists)
}
