package storage

import (
	"fmt"

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

// CheckOnce reports an incident, an alert or an entry that cs holds twice, by an error matching ErrExists. It is for
// those who write a [Storage].
func (cs Changeset) CheckOnce() error {
	if id, ok := twice(cs.Incidents, func(i *incident.Incident) incident.ID { return i.ID }); ok {
		return exists("incident", string(id))
	}
	if id, ok := twice(cs.Alerts, func(a *alert.Alert) alert.ID { return a.ID }); ok {
		return exists("alert", string(id))
	}
	if id, ok := twice(cs.Activity, func(e *activity.Entry) activity.ID { return e.ID }); ok {
		return exists("entry", string(id))
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
