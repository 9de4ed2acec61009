package incident

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// A field is one field of a record that the log keeps track of.
type field[R any] struct {
	path    string        // JSON path in the record
	typ     activity.Type // entry that reports a change; Unspecified: the command's main entry
	differs func(a, b *R) bool
	value   func(*R) activity.Value
}

func plain[R any, T comparable](path string, typ activity.Type, get func(*R) T) field[R] {
	return field[R]{path, typ,
		func(a, b *R) bool { return get(a) != get(b) },
		func(r *R) activity.Value { return valueOf(get(r)) }}
}

func list[R any, T comparable](path string, typ activity.Type, get func(*R) []T) field[R] {
	return field[R]{path, typ,
		func(a, b *R) bool { return !slices.Equal(get(a), get(b)) },
		func(r *R) activity.Value { return valueOf(get(r)) }}
}

// incidentFields are all fields of an incident but ID, Version, Number and Updated, which the store and
// the entries themselves tell. A field that is not here would change without a trace; a test walks the
// struct to see that none is missing.
var incidentFields = sync.OnceValue(func() []field[Incident] {
	all := []field[Incident]{
		plain("name", activity.Renamed, func(i *Incident) string { return i.Name }),
		plain("renamed", activity.Renamed, func(i *Incident) bool { return i.Renamed }),
		plain("named", activity.Renamed, func(i *Incident) bool { return i.Named }),
		plain("description", activity.Described, func(i *Incident) string { return i.Description }),
		plain("severity", activity.SeverityChanged, func(i *Incident) alert.Severity { return i.Severity }),
		plain("severityOverridden", activity.SeverityChanged, func(i *Incident) bool { return i.SeverityOverridden }),
		plain("severityGiven", activity.SeverityChanged, func(i *Incident) bool { return i.SeverityGiven }),
		plain("priority", activity.Unspecified, func(i *Incident) int { return i.Priority }),
		plain("status", activity.StatusChanged, func(i *Incident) Status { return i.Status }),
		plain("note", activity.StatusChanged, func(i *Incident) string { return i.Note }),
		plain("resolved", activity.StatusChanged, func(i *Incident) time.Time { return i.Resolved }),
		plain("redirectTo", activity.StatusChanged, func(i *Incident) string { return string(i.RedirectTo) }),
		plain("owner", activity.Assigned, func(i *Incident) Owner { return i.Owner }),
		list("tags", activity.TagsChanged, func(i *Incident) []Tag { return i.Tags }),
		plain("verdict.classification", activity.Classified, func(i *Incident) string {
			return string(i.Verdict.Classification)
		}),
		plain("verdict.determination", activity.Classified, func(i *Incident) string {
			return string(i.Verdict.Determination)
		}),
		list("references", activity.Referenced, func(i *Incident) []Reference { return i.References }),
		plain("extra", activity.Referenced, func(i *Incident) alert.Fields { return i.Extra }),
		plain("comments", activity.Unspecified, func(i *Incident) int { return i.Comments }),
		plain("created", activity.Unspecified, func(i *Incident) time.Time { return i.Created }),
		plain("alerts.count", activity.Unspecified, func(i *Incident) int { return i.Alerts.Count }),
		plain("alerts.bySeverity", activity.Unspecified, func(i *Incident) SeverityCounts {
			return i.Alerts.BySeverity
		}),
		plain("alerts.byStatus", activity.Unspecified, func(i *Incident) StatusCounts { return i.Alerts.ByStatus }),
		plain("alerts.assets", activity.Unspecified, func(i *Incident) AssetCounts { return i.Alerts.Assets }),
		list("alerts.classified", activity.Unspecified, func(i *Incident) []Classified { return i.Alerts.Classified }),
		plain("alerts.firstActivity", activity.Unspecified, func(i *Incident) time.Time {
			return i.Alerts.FirstActivity
		}),
		plain("alerts.lastActivity", activity.Unspecified, func(i *Incident) time.Time {
			return i.Alerts.LastActivity
		}),
		plain("alerts.rarest", activity.Unspecified, func(i *Incident) int { return i.Alerts.Rarest }),
		plain("alerts.title", activity.Unspecified, func(i *Incident) string { return i.Alerts.Title }),
	}
	for l := range Lists {
		all = append(all, list("alerts."+List(l).String(), activity.Unspecified, func(i *Incident) []string {
			return *i.Alerts.Lists()[l]
		}))
	}
	return append(all,
		plain("alerts.criticality", activity.Unspecified, func(i *Incident) alert.Criticality {
			return i.Alerts.Criticality
		}),
		list("alerts.systemTags", activity.Unspecified, func(i *Incident) []Tag { return i.Alerts.SystemTags }),
	)
})

// alertFields are the fields of an alert that a rule or its source may change.
var alertFields = []field[alert.Alert]{
	plain("status", activity.AlertStatus, func(a *alert.Alert) alert.Status { return a.Status }),
	plain("resolved", activity.AlertStatus, func(a *alert.Alert) time.Time { return a.Resolved }),
	plain("sourceStatus", activity.AlertUpdated, func(a *alert.Alert) string {
		if a.SourceStatus == alert.StatusNew {
			return "" // as in JSON
		}
		return a.SourceStatus.String()
	}),
	plain("owner", activity.AlertAssigned, func(a *alert.Alert) Owner { return a.Owner }),
	plain("severity", activity.AlertUpdated, func(a *alert.Alert) alert.Severity { return a.Severity }),
	plain("verdict.classification", activity.AlertUpdated, func(a *alert.Alert) string { return string(a.Verdict.Classification) }),
	plain("verdict.determination", activity.AlertUpdated, func(a *alert.Alert) string { return string(a.Verdict.Determination) }),
	plain("title", activity.AlertUpdated, func(a *alert.Alert) string { return a.Title }),
	plain("description", activity.AlertUpdated, func(a *alert.Alert) string { return a.Description }),
	plain("recommendedActions", activity.AlertUpdated, func(a *alert.Alert) string { return a.RecommendedActions }),
	list("edited", activity.AlertUpdated, func(a *alert.Alert) []string { return a.Edited }),
	plain("product", activity.AlertUpdated, func(a *alert.Alert) string { return a.Product }),
	plain("detectionSource", activity.AlertUpdated, func(a *alert.Alert) string { return a.DetectionSource }),
	plain("category", activity.AlertUpdated, func(a *alert.Alert) string { return a.Category }),
	list("techniques", activity.AlertUpdated, func(a *alert.Alert) []string { return a.Techniques }),
	plain("actor", activity.AlertUpdated, func(a *alert.Alert) string { return a.Actor }),
	plain("threat", activity.AlertUpdated, func(a *alert.Alert) string { return a.Threat }),
	plain("threatFamily", activity.AlertUpdated, func(a *alert.Alert) string { return a.ThreatFamily }),
	plain("url", activity.AlertUpdated, func(a *alert.Alert) string { return a.URL }),
	list("tags", activity.AlertUpdated, func(a *alert.Alert) []string { return a.Tags }),
	list("systemTags", activity.AlertUpdated, func(a *alert.Alert) []Tag { return a.SystemTags }),
	plain("firstActivity", activity.AlertUpdated, func(a *alert.Alert) time.Time { return a.FirstActivity }),
	plain("lastActivity", activity.AlertUpdated, func(a *alert.Alert) time.Time { return a.LastActivity }),
	plain("created", activity.AlertUpdated, func(a *alert.Alert) time.Time { return a.Created }),
	plain("sourceUpdated", activity.AlertUpdated, func(a *alert.Alert) time.Time { return a.SourceUpdated }),
	plain("extra", activity.AlertUpdated, func(a *alert.Alert) alert.Fields { return a.Extra }),
	{"evidence", activity.AlertUpdated,
		func(a, b *alert.Alert) bool {
			x, y := a.Evidence, b.Evidence
			if len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0]) {
				return false // as after every cascade
			}
			return !slices.EqualFunc(x, y, alert.Evidence.Equal)
		},
		func(a *alert.Alert) activity.Value { return valueOf(len(a.Evidence)) }},
}

// valueOf returns v as JSON, "" for the zero value of its type. The common types are written by hand
// because every ingested alert passes here.
func valueOf[T any](v T) activity.Value {
	switch v := any(v).(type) {
	case string:
		if v == "" {
			return ""
		}
		return activity.Value(appendText(make([]byte, 0, 64), v))
	case int:
		if v == 0 {
			return ""
		}
		return activity.Value(strconv.Itoa(v))
	case bool:
		if !v {
			return ""
		}
		return "true"
	case time.Time:
		if v.IsZero() {
			return ""
		}
		b := append(make([]byte, 0, 32), '"')
		b = v.UTC().AppendFormat(b, time.RFC3339Nano)
		return activity.Value(append(b, '"'))
	case Owner:
		if v.IsZero() {
			return ""
		}
		b := append(make([]byte, 0, 64), `{"kind":`...)
		b = append(appendText(b, v.Kind.String()), `,"id":`...)
		b = appendText(b, v.ID)
		if v.Name != "" {
			b = appendText(append(b, `,"name":`...), v.Name)
		}
		return activity.Value(append(b, '}'))
	case alert.Fields:
		if !json.Valid([]byte(v)) {
			return ""
		}
		return activity.Value(v) // as it is; json.Marshal would write < and & in another way
	case SeverityCounts:
		return countsValue(v, v == SeverityCounts{})
	case StatusCounts:
		return countsValue(v, v == StatusCounts{})
	case AssetCounts:
		return countsValue(v, v == AssetCounts{})
	case alert.Criticality:
		if v == alert.NotCritical {
			return ""
		}
	case interface{ IsZero() bool }:
		if v.IsZero() {
			return ""
		}
	case []string:
		if len(v) == 0 {
			return ""
		}
		b := append(make([]byte, 0, 64), '[')
		for n, s := range v {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		return activity.Value(append(b, ']'))
	case []Tag:
		if len(v) == 0 {
			return ""
		}
	case []Classified:
		if len(v) == 0 {
			return ""
		}
	case []Reference:
		if len(v) == 0 {
			return ""
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "" // no field of an incident or an alert holds what JSON cannot express
	}
	return activity.Value(text)
}

// countsValue returns counts as JSON.
func countsValue(counts json.Marshaler, none bool) activity.Value {
	if none {
		return ""
	}
	text, err := counts.MarshalJSON()
	if err != nil {
		return "" // counts are numbers
	}
	return activity.Value(text)
}

// appendText appends s as JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			if err != nil {
				return b // a string can always be expressed
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// An alertChange is an alert before and after a command.
type alertChange struct{ before, after *alert.Alert }

// effect returns what cmd comes to when it turns the incident before into after and changes the given
// alerts: the main entries, which say what was done, then one entry for each kind of difference of the
// incident, then those of the alerts. Differences that have no kind of their own, such as counts of
// alerts, stand in the first entry. A command without any difference and main entry has a zero effect.
func effect(cmd Command, before, after Incident, main []activity.Entry, changes []alertChange) Effect {
	after = after.mended(cmd.At)
	entries := make([]activity.Entry, 0, len(main)+len(changes)+2)
	j := journal{cmd: cmd, id: after.ID, version: before.Version + 1, entries: entries}
	for _, e := range main {
		entry := j.add(e.Type, e.Alert)
		entry.Text, entry.Links, entry.Occurred = e.Text, e.Links, e.Occurred
		entry.Attachments, entry.Subject = e.Attachments, e.Subject
		if e.Actor != (activity.Actor{}) {
			entry.Actor = e.Actor
		}
		if e.ID != "" {
			entry.ID = e.ID
		}
	}
	if after.Status != Redirected && after.Status != Purged { // what is done with stays as it was
		after.Priority = cmd.priority(after)
	}
	created := before.ID == ""
	first := make([]activity.Change, 0, 8)
	for _, f := range incidentFields() {
		if !f.differs(&before, &after) {
			continue
		}
		c := activity.Change{Field: f.path, Before: f.value(&before), After: f.value(&after)}
		if created || f.typ == activity.Unspecified {
			first = append(first, c)
		} else {
			j.change(len(main), f.typ, "", c)
		}
	}
	var alerts []alert.Alert
	for _, c := range changes {
		n := len(j.entries)
		for _, f := range alertFields {
			if f.differs(c.before, c.after) {
				j.change(n, f.typ, c.after.ID, activity.Change{Field: f.path, Before: f.value(c.before), After: f.value(c.after)})
			}
		}
		if len(j.entries) > n {
			c.after.Updated = cmd.At
			if alerts == nil {
				alerts = make([]alert.Alert, 0, len(changes))
			}
			alerts = append(alerts, *c.after)
		}
	}
	if len(j.entries) == 0 {
		return Effect{Incident: before}
	}
	if j.entries[0].Changes == nil && len(first) > 0 {
		j.entries[0].Changes = first
	} else {
		j.entries[0].Changes = append(j.entries[0].Changes, first...)
	}
	after.Updated = cmd.At
	return Effect{Incident: after, Alerts: alerts, Activity: j.entries}
}

// priority returns the score of i.
func (c Command) priority(i Incident) int {
	if c.Priority == nil {
		return Priority(i)
	}
	return min(max(c.Priority(i.Clone()), 0), MaxPriority)
}

// A journal collects the entries of one command on one incident.
type journal struct {
	cmd     Command
	id      ID
	version int64 // of the incident after the command
	entries []activity.Entry
}

// add appends an entry, about an alert if one is given, and returns its place for more detail.
func (j *journal) add(typ activity.Type, about alert.ID) *activity.Entry {
	j.entries = append(j.entries, activity.Entry{
		ID: j.cmd.EntryID(len(j.entries)), Time: j.cmd.At, Incident: j.id, Alert: about, Type: typ,
		Actor: j.cmd.By, Cause: j.cmd.ID, Part: j.cmd.Part, Index: len(j.entries), Version: j.version,
	})
	return &j.entries[len(j.entries)-1]
}

// change puts c into the entry of that type among entries[from:], or into a new one.
func (j *journal) change(from int, typ activity.Type, about alert.ID, c activity.Change) {
	i := slices.IndexFunc(j.entries[from:], func(e activity.Entry) bool { return e.Type == typ })
	if i < 0 {
		i = len(j.entries) - from
		j.add(typ, about)
	}
	e := &j.entries[from+i]
	e.Changes = append(e.Changes, c)
}
