package driver

import (
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/canonical"
	"github.com/incidentkit/incidentkit/storage"
)

// Canonical returns cs as every storage gives it back: its times in UTC, cut to microseconds, its JSON compact,
// with an empty object or null as "", and its empty lists nil. Records that are so already, as those of package
// incident/manager are, are shared with cs, and nothing of cs is changed.
func Canonical(cs storage.Changeset) storage.Changeset {
	cs.Incidents = each(cs.Incidents, canonicalIncident)
	cs.Alerts = each(cs.Alerts, func(a *alert.Alert) (alert.Alert, bool) { return a.Canonical() })
	cs.Activity = each(cs.Activity, canonicalEntry)
	cs.Items = each(cs.Items, func(i *storage.Item) (storage.Item, bool) {
		if canonical.AreTimes(i.Time) && canonical.IsList(i.Data) {
			return storage.Item{}, false
		}
		other := *i
		other.Time, other.Data = canonical.Time(i.Time), canonical.List(i.Data)
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
	same := canonical.AreTimes(i.Resolved, i.Created, i.Updated, i.Alerts.FirstActivity, i.Alerts.LastActivity) &&
		canonical.IsJSON(i.Extra) && i.Alerts.Assets[alert.NotAsset] == 0 &&
		canonical.IsList(i.Tags) && canonical.IsList(i.References) &&
		canonical.IsList(i.Alerts.Classified) && canonical.IsList(i.Alerts.SystemTags)
	for _, list := range i.Alerts.Lists() {
		same = same && canonical.IsList(*list)
	}
	for n := 0; n < len(i.References) && same; n++ {
		same = canonical.AreTimes(i.References[n].Updated)
	}
	if same {
		return incident.Incident{}, false
	}
	other := *i
	for _, t := range []*time.Time{
		&other.Resolved, &other.Created, &other.Updated, &other.Alerts.FirstActivity, &other.Alerts.LastActivity,
	} {
		*t = canonical.Time(*t)
	}
	other.Extra = canonical.JSON(other.Extra, "{}")
	other.Alerts.Assets[alert.NotAsset] = 0 // which JSON has no place for
	other.Tags = canonical.List(i.Tags)
	other.Alerts.Classified = canonical.List(i.Alerts.Classified)
	other.Alerts.SystemTags = canonical.List(i.Alerts.SystemTags)
	for _, list := range other.Alerts.Lists() {
		*list = canonical.List(*list)
	}
	other.References = slices.Clone(canonical.List(i.References))
	for n := range other.References {
		other.References[n].Updated = canonical.Time(other.References[n].Updated)
	}
	return other, true
}

func canonicalEntry(e *activity.Entry) (activity.Entry, bool) {
	same := canonical.AreTimes(e.Time, e.Occurred) && canonical.IsList(e.Changes) && canonical.IsList(e.Links) &&
		canonical.IsList(e.Attachments) && canonical.IsList(e.Seal.Parts)
	for n := 0; n < len(e.Changes) && same; n++ {
		same = canonical.IsJSON(e.Changes[n].Before) && canonical.IsJSON(e.Changes[n].After)
	}
	if same {
		return activity.Entry{}, false
	}
	other := *e
	other.Time, other.Occurred = canonical.Time(e.Time), canonical.Time(e.Occurred)
	other.Links, other.Attachments = canonical.List(e.Links), canonical.List(e.Attachments)
	other.Seal.Parts = canonical.List(e.Seal.Parts)
	other.Changes = slices.Clone(canonical.List(e.Changes))
	for n := range other.Changes {
		c := &other.Changes[n]
		c.Before, c.After = canonical.JSON(c.Before, "null"), canonical.JSON(c.After, "null")
	}
	return other, true
}
