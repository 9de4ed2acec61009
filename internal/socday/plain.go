package socday

import (
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Plain is the peer of the library: what one writes in an afternoon, maps and slices under one mutex,
// queries by scanning. It checks nothing, refuses nothing, keeps what it is given without copying it and
// has one line in its log for each call. Make one with [NewPlain].
type Plain struct {
	mu        sync.Mutex
	incidents map[incident.ID]*incident.Incident
	all       []*incident.Incident // to scan: several times as fast as going through the map
	alerts    map[alert.ID]*alert.Alert
	members   map[incident.ID][]*alert.Alert
	newest    map[entity]*incident.Incident // that the entity is on; it may have been resolved since
	log       []audit
	last      int64 // number given to an incident
}

// An entity is a device, a user or a file by the identifier that correlates.
type entity struct{ kind, id string }

type audit struct {
	at            time.Time
	by, what      string
	incident      incident.ID
	alert         alert.ID
	before, after string
}

// NewPlain returns an empty Plain.
func NewPlain() *Plain {
	return &Plain{
		incidents: make(map[incident.ID]*incident.Incident),
		alerts:    make(map[alert.ID]*alert.Alert),
		members:   make(map[incident.ID][]*alert.Alert),
		newest:    make(map[entity]*incident.Incident),
	}
}

// Apply puts the records of cs in the place of those with the same IDs.
func (p *Plain) Apply(cs storage.Changeset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range cs.Incidents {
		i := &cs.Incidents[n]
		i.Version++
		if old := p.incidents[i.ID]; old != nil {
			*old = *i
			continue
		}
		p.last++
		i.Number = p.last
		p.incidents[i.ID] = i
		p.all = append(p.all, i)
	}
	for n := range cs.Alerts {
		a := &cs.Alerts[n]
		a.Version++
		if old := p.alerts[a.ID]; old != nil {
			*old = *a
			continue
		}
		p.join(p.incidents[a.Incident], a)
	}
	for _, e := range cs.Activity {
		p.log = append(p.log, audit{at: e.Time, by: e.Actor.ID, what: e.Type.String(), incident: e.Incident, alert: e.Alert, after: e.Text})
	}
}

// Ingest puts a new alert into the newest open incident that shares its device, user or file, or into a
// new one, and returns which. An alert that is there already is counted.
func (p *Plain) Ingest(at time.Time, by string, a *alert.Alert) (id incident.ID, joined bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.alerts[a.ID]; old != nil {
		old.Repeats++
		return old.Incident, true
	}
	var found *incident.Incident
	for n := range a.Evidence {
		e, ok := correlating(a.Evidence[n].Entity)
		if !ok {
			continue
		}
		if i := p.newest[e]; i != nil && i.Status.Open() && (found == nil || i.Number > found.Number) {
			found = i
		}
	}
	entry := audit{at: at, by: by, what: "alert added", alert: a.ID}
	joined = found != nil
	if !joined {
		p.last++
		found = &incident.Incident{
			ID: incident.ID("INC-" + strconv.FormatInt(p.last, 10)), Number: p.last, Name: a.Title, Created: at,
		}
		found.Alerts.FirstActivity = a.FirstActivity
		p.incidents[found.ID] = found
		p.all = append(p.all, found)
		entry.what = "incident created"
	}
	if entry.incident = found.ID; a.Severity > found.Severity {
		entry.before, entry.after = found.Severity.String(), a.Severity.String()
		found.Severity = a.Severity
	}
	found.Alerts.Count++
	if a.LastActivity.After(found.Alerts.LastActivity) {
		found.Alerts.LastActivity = a.LastActivity
	}
	found.Updated = at
	a.Incident = found.ID
	p.join(found, a)
	p.log = append(p.log, entry)
	return found.ID, joined
}

func (p *Plain) join(i *incident.Incident, a *alert.Alert) {
	p.alerts[a.ID] = a
	p.members[i.ID] = append(p.members[i.ID], a)
	if !i.Status.Open() {
		return
	}
	for n := range a.Evidence {
		e, ok := correlating(a.Evidence[n].Entity)
		if !ok {
			continue
		}
		if old := p.newest[e]; old == nil || !old.Status.Open() || i.Number > old.Number {
			p.newest[e] = i
		}
	}
}

func correlating(e alert.Entity) (entity, bool) {
	switch e := e.(type) {
	case alert.Device:
		return entity{"device", e.DeviceID}, true
	case alert.User:
		return entity{"user", e.UPN}, true
	case alert.File:
		return entity{"file", e.SHA256}, true
	}
	return entity{}, false
}

// Edit changes owner, tags and status of an incident; its alerts get the same owner. It returns false when
// there is no such incident.
func (p *Plain) Edit(at time.Time, by string, id incident.ID, edit incident.Edit) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.incidents[id]
	if i == nil {
		return false
	}
	entry := audit{at: at, by: by, incident: id}
	if edit.Owner != nil {
		entry.what, entry.before, entry.after = "assigned", i.Owner.ID, edit.Owner.ID
		i.Owner = *edit.Owner
		for _, a := range p.members[id] {
			a.Owner = i.Owner
		}
	}
	for _, name := range edit.RemoveTags {
		entry.what, entry.before = "tag removed", name
		i.Tags = slices.DeleteFunc(i.Tags, func(t incident.Tag) bool { return t.Name == name })
	}
	for _, name := range edit.AddTags {
		if !hasTag(i, name) {
			entry.what, entry.after = "tag added", name
			i.Tags = append(i.Tags, incident.Tag{Name: name})
		}
	}
	if edit.Status != nil {
		entry.what, entry.before, entry.after = "status changed", i.Status.String(), edit.Status.String()
		i.Status = *edit.Status
	}
	i.Updated = at
	p.log = append(p.log, entry)
	return true
}

// Incident returns a copy of an incident.
func (p *Plain) Incident(id incident.ID) (incident.Incident, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.incidents[id]
	if i == nil {
		return incident.Incident{}, false
	}
	return i.Clone(), true
}

// Page appends copies of the first q.Limit incidents that q selects to page, the last updated first. Of
// q it knows what [Day.Searches] uses.
func (p *Plain) Page(page []incident.Incident, q incident.Query) []incident.Incident {
	place, started, _ := q.Start()
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*incident.Incident
	for _, i := range p.all {
		if started {
			if u := i.Updated.UnixMicro(); u > place.Rank || u == place.Rank && i.Number >= place.Number {
				continue
			}
		}
		if selects(&q, i) {
			found = append(found, i)
		}
	}
	sort.Slice(found, func(a, b int) bool {
		if found[a].Updated.Equal(found[b].Updated) {
			return found[a].Number > found[b].Number
		}
		return found[a].Updated.After(found[b].Updated)
	})
	for _, i := range found[:min(len(found), q.Limit)] {
		page = append(page, i.Clone())
	}
	return page
}

func selects(q *incident.Query, i *incident.Incident) bool {
	if len(q.Statuses) > 0 && !slices.Contains(q.Statuses, i.Status) {
		return false
	}
	if len(q.Severities) > 0 && !slices.Contains(q.Severities, i.Severity) {
		return false
	}
	if !q.UpdatedSince.IsZero() && i.Updated.Before(q.UpdatedSince) || !q.CreatedSince.IsZero() && i.Created.Before(q.CreatedSince) {
		return false
	}
	for n := range q.Within {
		if !selects(&q.Within[n], i) {
			return false
		}
	}
	for n := range q.Except {
		if selects(&q.Except[n], i) {
			return false
		}
	}
	if len(q.Owners) > 0 && !slices.Contains(q.Owners, i.Owner.ID) {
		return false
	}
	if len(q.Tags) > 0 && !slices.ContainsFunc(q.Tags, func(name string) bool { return hasTag(i, name) }) {
		return false
	}
	return len(q.Categories) == 0 || slices.ContainsFunc(q.Categories, func(c string) bool { return slices.Contains(i.Alerts.Categories, c) })
}

func hasTag(i *incident.Incident, name string) bool {
	return slices.ContainsFunc(i.Tags, func(t incident.Tag) bool { return t.Name == name })
}
