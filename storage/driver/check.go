package driver

import (
	"errors"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/limit"
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

// Check returns why no storage may keep cs, whatever the storage holds. Apply calls it first. The error is, in this
// order:
//
//   - an [*alert.FieldError] for a value that breaks the rule Limits of [storage.Storage], joined with others of the
//     same incident or alert;
//   - one that matches [storage.ErrExists] when cs holds an incident, an alert, an item or an entry twice;
//   - one that matches [storage.ErrNotFound] when an incident to be purged is not among those of cs or is new.
func Check(cs storage.Changeset) error {
	if err := validate(&cs); err != nil {
		return err
	}
	return CheckRestored(cs)
}

// CheckRestored is Check for Restore. It leaves out most limits, since what an older version has stored must not be
// lost. What it reports as an [*alert.FieldError] is too much Data of an item, and AlertKeys of another length than
// Alerts.
func CheckRestored(cs storage.Changeset) error {
	if n := len(cs.AlertKeys); n > 0 && n != len(cs.Alerts) {
		return &alert.FieldError{
			Record: "changeset",
			Field:  "alertKeys",
			Value:  fmt.Sprint("those of ", n, " alerts"),
			Want:   fmt.Sprint("those of ", len(cs.Alerts)),
		}
	}
	for n := range cs.Items {
		if i := &cs.Items[n]; len(i.Data) > storage.MaxItemData {
			return i.Validate()
		}
	}
	if id, ok := twice(cs.Incidents, func(i *incident.Incident) incident.ID { return i.ID }); ok {
		return Exists("incident", string(id))
	}
	if id, ok := twice(cs.Alerts, func(a *alert.Alert) alert.ID { return a.ID }); ok {
		return Exists("alert", string(id))
	}
	if at, ok := twice(cs.Items, func(i *storage.Item) storage.ItemPlace { return i.Place() }); ok {
		return Exists("item", at.Kind+"/"+at.Key)
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

// validate reports the first value of cs that is beyond the limits.
func validate(cs *storage.Changeset) error {
	for n := range cs.Incidents {
		if err := cs.Incidents[n].Validate(); err != nil {
			return err
		}
	}
	for n := range cs.Alerts {
		if err := cs.Alerts[n].CheckLimits(); err != nil {
			return err
		}
	}
	for n := range cs.Activity {
		if err := cs.Activity[n].Validate(); err != nil {
			return err
		}
	}
	for n := range cs.Items {
		if err := cs.Items[n].Validate(); err != nil {
			return err
		}
	}
	var c limit.Check
	for _, keys := range cs.AlertKeys {
		limit.Texts(&c, "alertKeys", keys, limit.Text)
	}
	for n := 0; n < len(cs.Contents) && !c.Found(); n++ {
		c.Text("sha256", cs.Contents[n].SHA256, limit.ID)
		if size := len(cs.Contents[n].Data); size > storage.MaxContentData {
			c.Add("data", fmt.Sprint(size, " bytes"), fmt.Sprint("at most ", storage.MaxContentData, " bytes"))
		}
		if c.Found() {
			c.Under("contents", n)
		}
	}
	limit.Texts(&c, "redact", cs.Redact, activity.MaxID)
	limit.Texts(&c, "purge", cs.Purge, limit.ID)
	for n := 0; n < len(cs.Expire) && !c.Found(); n++ {
		c.Text("kind", cs.Expire[n].Kind, limit.ID)
		if c.Time("before", cs.Expire[n].Before); c.Found() {
			c.Under("expire", n)
		}
	}
	limit.Texts(&c, "guard.keys", cs.Guard.Keys, limit.Text)
	if cs.Guard.Seq < 0 {
		c.Add("guard.seq", fmt.Sprint(cs.Guard.Seq), "0 or more")
	}
	if !c.Found() {
		return nil
	}
	return &alert.FieldError{Record: "changeset", Field: c.Field, Value: c.Value, Want: c.Want}
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
