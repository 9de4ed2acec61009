package driver

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Canonical returns cs as every storage gives it back: its times in UTC, cut to microseconds, and its JSON compact,
// with an empty object or null as "". Records that are so already, as those of package incident/manager are, are
// shared with cs, and nothing of cs is changed.
func Canonical(cs storage.Changeset) storage.Changeset {
	cs.Incidents = each(cs.Incidents, canonicalIncident)
	cs.Alerts = each(cs.Alerts, canonicalAlert)
	cs.Activity = each(cs.Activity, canonicalEntry)
	cs.Items = each(cs.Items, func(i *storage.Item) (storage.Item, bool) {
		if isCanonical(i.Time) {
			return storage.Item{}, false
		}
		other := *i
		other.Time = canonical(i.Time)
		return other, true
	})
	return cs
}

// each returns the records with those that change in the place of what they were.
func each[T any](records []T, change func(*T) (T, bool)) []T {
	shared := true
	for n := range records {
		other, changed := change(&records[n])
		if !changed {
			continue
		}
		if shared {
			records, shared = slices.Clone(records), false
		}
		records[n] = other
	}
	return records
}

func canonicalIncident(i *incident.Incident) (incident.Incident, bool) {
	same := isCanonical(i.Resolved, i.Created, i.Updated, i.Alerts.FirstActivity, i.Alerts.LastActivity) &&
		isCompact(i.Extra) && i.Alerts.Assets[alert.NotAsset] == 0
	for n := 0; n < len(i.References) && same; n++ {
		same = isCanonical(i.References[n].Updated)
	}
	if same {
		return incident.Incident{}, false
	}
	other := *i
	for _, t := range []*time.Time{
		&other.Resolved, &other.Created, &other.Updated, &other.Alerts.FirstActivity, &other.Alerts.LastActivity,
	} {
		*t = canonical(*t)
	}
	other.Extra = compact(other.Extra, "{}")
	other.Alerts.Assets[alert.NotAsset] = 0 // which JSON has no place for
	other.References = slices.Clone(other.References)
	for n := range other.References {
		other.References[n].Updated = canonical(other.References[n].Updated)
	}
	return other, true
}

func canonicalAlert(a *alert.Alert) (alert.Alert, bool) {
	same := isCanonical(a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated) &&
		isCanonical(a.Resolved, a.Updated, a.Received) && isCompact(a.Extra)
	for n := 0; n < len(a.Evidence) && same; n++ {
		e := &a.Evidence[n]
		same = isCanonical(e.Created) && isCompact(e.Extra) && sameEntity(e.Entity)
	}
	if same {
		return alert.Alert{}, false
	}
	other := *a
	for _, t := range []*time.Time{
		&other.FirstActivity, &other.LastActivity, &other.Created, &other.SourceUpdated,
		&other.Resolved, &other.Updated, &other.Received,
	} {
		*t = canonical(*t)
	}
	other.Extra = compact(other.Extra, "{}")
	other.Evidence = slices.Clone(other.Evidence)
	for n := range other.Evidence {
		e := &other.Evidence[n]
		e.Created, e.Extra, e.Entity = canonical(e.Created), compact(e.Extra, "{}"), canonicalEntity(e.Entity)
	}
	return other, true
}

func sameEntity(e alert.Entity) bool {
	switch e := e.(type) {
	case alert.Device:
		return isCanonical(e.FirstSeen)
	case alert.Process:
		return isCanonical(e.Started, e.ParentStarted)
	case alert.Message:
		return isCanonical(e.Received)
	case alert.Other:
		return isCompact(e.Fields)
	}
	return true
}

func canonicalEntity(e alert.Entity) alert.Entity {
	switch e := e.(type) {
	case alert.Device:
		e.FirstSeen = canonical(e.FirstSeen)
		return e
	case alert.Process:
		e.Started, e.ParentStarted = canonical(e.Started), canonical(e.ParentStarted)
		return e
	case alert.Message:
		e.Received = canonical(e.Received)
		return e
	case alert.Other:
		e.Fields = compact(e.Fields, "{}")
		return e
	}
	return e
}

func canonicalEntry(e *activity.Entry) (activity.Entry, bool) {
	same := isCanonical(e.Time, e.Occurred)
	for n := 0; n < len(e.Changes) && same; n++ {
		same = isCompact(e.Changes[n].Before) && isCompact(e.Changes[n].After)
	}
	if same {
		return activity.Entry{}, false
	}
	other := *e
	other.Time, other.Occurred = canonical(e.Time), canonical(e.Occurred)
	other.Changes = slices.Clone(other.Changes)
	for n := range other.Changes {
		c := &other.Changes[n]
		c.Before, c.After = compact(c.Before, "null"), compact(c.After, "null")
	}
	return other, true
}

// isCanonical reports whether the times are in UTC and whole microseconds.
func isCanonical(times ...time.Time) bool {
	for _, t := range times {
		if t.Nanosecond()%1000 != 0 || t.Location() != time.UTC {
			return false
		}
	}
	return true
}

func canonical(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// isCompact reports whether JSON is "", or has no space between its parts and may say more than nothing.
func isCompact[T ~string](text T) bool {
	quoted := false
	for n := 0; n < len(text); n++ {
		switch c := text[n]; {
		case quoted && c == '\\':
			n++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			return false
		}
	}
	return text != "{}" && text != "null"
}

// compact returns JSON without space between its parts; null and nothing, the text for none, become "".
func compact[T ~string](text T, nothing T) T {
	if text == "" {
		return ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return text // of a version that did not look
	}
	if text = T(b.String()); text == nothing || text == "null" {
		return ""
	}
	return text
}
