package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A world is what a storage should hold, and the lots by which it changes and is asked. Its records are
// replaced, never changed, so that a copy of the slices is the world of one moment.
type world struct {
	lots      *rand.Rand
	incidents []incident.Incident
	former    []incident.Incident // what some of them were before
	alerts    []alert.Alert
	entries   []activity.Entry // in the order of Seq
	items     []storage.Item
	each      int            // alerts for each incident; when there are many, nearly all have hubDevice
	purged    []incident.ID  // by the last purge
	drawn     int            // alerts that there ever were
	removed   []alert.Origin // of those that went; they come again first

	byIncident map[incident.ID][]alert.Alert // alerts; nil when it must be made anew
}

func newWorld(seed uint64) *world { return &world{lots: rand.New(rand.NewPCG(seed, seed)), each: 2} }

// moment returns the world as it is now. It shares the lots.
func (w *world) moment() *world {
	m := *w
	m.incidents, m.former = slices.Clone(w.incidents), slices.Clone(w.former)
	m.alerts, m.entries = slices.Clone(w.alerts), slices.Clone(w.entries)
	m.items = slices.Clone(w.items)
	return &m
}

// What records are made of. Many are alike, so that ties are common; some differ only in case or composition.
var (
	names      = []string{"", "ransomware", "Ransomware", "Straße 100%_a\\", "STRASSE 100 a", "e\u0301tude", "étude", "Z", "a", "ä"}
	texts      = []string{"ransom", "STRASSE", "ß", "%", "_", `\`, "é", "ZZ", "1", " "}
	owners     = []alert.Owner{{}, {}, {ID: "kai"}, {ID: "Kai", Name: "Kai"}, {ID: "ann", Kind: alert.GroupOwner}, {Name: "no ID"}, {Kind: alert.GroupOwner}, {ID: "kai", Name: "Z"}, {ID: "kai", Kind: alert.GroupOwner, Name: "K."}, {ID: "ann"}}
	ownerIDs   = []string{"kai", "Kai", "ann", "", "none"}
	tags       = []incident.Tag{{Name: "Straße"}, {Name: "STRASSE"}, {Name: "vip"}, {Name: "VIP2", Kind: alert.SystemTag}, {Name: "e\u0301"}, {Name: "vip", Kind: alert.CriticalAsset}}
	systemTags = []incident.Tag{{Name: "Ransomware", Kind: alert.AttackType}, {Name: "ADFS", Kind: alert.CriticalAsset}, {Name: "Experts", Kind: alert.Experts}}
	tagNames   = []string{"strasse", "VIP", "vip2", "é", "none"}
	values     = []string{"a", "A", "b", "c"}
	classes    = []classification.Classification{"", classification.TruePositive, classification.FalsePositive}
	types      = []classification.Determination{"", classification.Malware, classification.Phishing, classification.Other}
	references = []incident.Reference{{System: "jira", ID: "1"}, {System: "jira", ID: "2", URL: "https://jira.example/2"}, {System: "snow", ID: "1", Updated: origin}}
	hubDevice  = alert.Device{DeviceID: "hub"}
	entities   = []alert.Entity{device(0), device(1), device(2), alert.IP{Address: "192.0.2.1"}, alert.User{UPN: "kai", SID: "s-1"}, alert.User{UPN: "ann", SID: "s-1"}}
	keys       = []alert.Key{"device:d0", "device:d1", "ip:192.0.2.1", "sid:s-1", "upn:kai", "none:none"}
	actors     = []activity.Actor{{ID: "kai"}, {ID: "Kai"}, {ID: "kai", Kind: activity.App}, {ID: "rule", Kind: activity.System}}
	itemKinds  = []string{"command", "Command", "outbox", ""}
	itemKeys   = []string{"", "a", "A", "a/b", "b", "é", "e\u0301", "ä", "\x00", "10", "9"}
	entryTypes = []activity.Type{activity.IncidentCreated, activity.AlertAdded, activity.AlertStatus, activity.Renamed, activity.Commented}
)

func (w *world) one(n int) bool { return w.lots.IntN(n) == 0 }

func pick[T any](w *world, from []T) (v T) {
	if len(from) > 0 {
		v = from[w.lots.IntN(len(from))]
	}
	return v
}

// some returns one to three of from, at times the same one twice.
func some[T any](w *world, from []T) (out []T) {
	for range 1 + w.lots.IntN(3) {
		out = append(out, pick(w, from))
	}
	return out
}

// part returns a few of from, each once, in their order; nil when there are none.
func part[T any](w *world, from []T) (out []T) {
	for _, v := range from {
		if w.one(4) {
			out = append(out, v)
		}
	}
	return out
}

// hour returns a time that others have too.
func (w *world) hour() time.Time { return origin.Add(time.Duration(w.lots.IntN(24)) * time.Hour) }

func (w *world) drawIncident(i incident.Incident) incident.Incident {
	i.Name, i.Owner, i.Tags = pick(w, names), pick(w, owners), part(w, tags)
	i.Status, i.Severity, i.Priority = incident.Status(w.lots.IntN(5)), alert.Severity(w.lots.IntN(5)), w.lots.IntN(5)
	i.Verdict = classification.Verdict{Classification: pick(w, classes), Determination: pick(w, types)}
	i.References = part(w, references)
	i.Created, i.Updated = w.hour(), w.hour()
	for _, list := range i.Alerts.Lists() {
		*list = part(w, values)
	}
	i.Alerts.Criticality, i.Alerts.SystemTags = alert.Criticality(w.lots.IntN(5)), part(w, systemTags)
	i.Alerts.Count, i.Alerts.Classified = w.lots.IntN(4), nil
	for _, c := range part(w, []classification.Classification{classification.FalsePositive, classification.TruePositive}) {
		i.Alerts.Classified = append(i.Alerts.Classified, incident.Classified{Classification: c, Alerts: 1 + w.lots.IntN(2)})
	}
	for s := range i.Alerts.BySeverity {
		i.Alerts.BySeverity[s] = max(0, w.lots.IntN(4)-2)
	}
	return i
}

func (w *world) drawAlert(a alert.Alert) alert.Alert {
	a.Incident = w.incidentID()
	a.Status, a.Severity = alert.Status(w.lots.IntN(3)), alert.Severity(w.lots.IntN(5))
	a.Title, a.Description, a.RecommendedActions, a.Extra = pick(w, names), pick(w, texts), pick(w, texts), `{"x":1}`
	a.Category = pick(w, append([]string{""}, values...))
	a.Techniques, a.Tags, a.SystemTags = part(w, values), part(w, values), part(w, systemTags)
	if a.FirstActivity = w.hour(); w.one(10) {
		a.FirstActivity = time.Time{}
	}
	a.Evidence = nil
	for _, e := range part(w, entities) {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e, Tags: part(w, values)})
	}
	a.Standalone = w.one(4)
	if w.each > 2 && !w.one(20) {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: hubDevice})
	}
	return a
}

func (w *world) drawEntry(id activity.ID) activity.Entry {
	e := activity.Entry{ID: id, Time: w.hour(), Incident: w.incidentID(), Type: pick(w, entryTypes), Actor: pick(w, actors), Text: pick(w, texts)}
	if !w.one(4) {
		e.Alert = w.alertID()
	}
	for _, field := range []string{"status", "name", "alerts.count"}[:e.Time.Hour()%4] {
		e.Changes = append(e.Changes, activity.Change{Field: field, Before: `"a"`, After: `"b"`})
	}
	if e.Time.Hour()%4 == 1 {
		e.Links = []activity.Link{{Reason: activity.SameTargetedAsset, Entity: keys[0], Incident: e.Incident, Score: 1}, {Entity: keys[1], HeldBack: "seen too often"}}
	}
	if e.Time.Hour()%3 == 0 {
		e.Origin = e.Incident
		e.Subject = entryID(e.Time.Hour())
	}
	if e.Time.Hour()%5 == 0 {
		e.Attachments = []activity.Attachment{{Name: "a.png", Type: "image/png", Size: 70, Width: 1, Height: 2, SHA256: "d"}, {Name: "b.gif"}}
		e.Redacted = e.Time.Hour()%2 == 0
	}
	if e.Time.Hour()%4 == 2 { // of a version without digests
		return e
	}
	return e.WithDigest(activity.Digest{byte(e.Time.Hour()), 1}, activity.Digest{2})
}

// Records are known by their places, those that come later too.

func incidentID(n int) incident.ID { return incident.ID(fmt.Sprint("i", n)) }

func entryID(n int) activity.ID { return activity.ID(fmt.Sprint("e", n)) }

func alertOrigin(n int) alert.Origin {
	return alert.Origin{Source: values[n%len(values)], ID: fmt.Sprint(n)}
}

// place returns the place of one of n records, at times of one that comes later or never.
func (w *world) place(n int) int {
	if w.one(10) {
		return n + w.lots.IntN(10)
	}
	return w.lots.IntN(max(n, 1))
}

func (w *world) incidentID() incident.ID { return incidentID(w.place(len(w.incidents))) }

func (w *world) alertID() alert.ID { return alertOrigin(w.place(len(w.alerts))).AlertID() }

func (w *world) entryID() activity.ID { return entryID(w.place(len(w.entries))) }

// alertsOf returns the alerts of an incident.
func (w *world) alertsOf(id incident.ID) []alert.Alert {
	if w.byIncident == nil {
		w.byIncident = map[incident.ID][]alert.Alert{}
		for _, a := range w.alerts {
			w.byIncident[a.Incident] = append(w.byIncident[a.Incident], a)
		}
	}
	return w.byIncident[id]
}

// change stores fresh new incidents and touches as many that are there, does the same with their share of
// alerts, and logs some entries, all in one Changeset.
func (w *world) change(ctx context.Context, s storage.Storage, fresh, touched int) error {
	incidents := w.places(len(w.incidents), touched)
	for _, n := range incidents {
		w.former = append(w.former, w.incidents[n])
		w.incidents[n] = w.drawIncident(w.incidents[n])
	}
	for range fresh {
		incidents = append(incidents, len(w.incidents))
		w.incidents = append(w.incidents, w.drawIncident(incident.Incident{ID: incidentID(len(w.incidents))}))
	}
	w.byIncident = nil
	alerts := w.places(len(w.alerts), w.each*touched)
	for _, n := range alerts {
		w.alerts[n] = w.drawAlert(w.alerts[n])
	}
	for range w.each * fresh {
		alerts = append(alerts, len(w.alerts))
		o := w.newOrigin()
		w.alerts = append(w.alerts, w.drawAlert(alert.Alert{ID: o.AlertID(), Origin: o}))
	}

	var cs storage.Changeset
	w.lots.Shuffle(len(incidents), func(a, b int) { incidents[a], incidents[b] = incidents[b], incidents[a] })
	for _, n := range incidents {
		cs.Incidents = append(cs.Incidents, w.incidents[n])
	}
	for _, n := range alerts {
		cs.Alerts = append(cs.Alerts, w.alerts[n])
	}
	for n := range fresh + touched {
		cs.Activity = append(cs.Activity, w.drawEntry(entryID(len(w.entries)+n)))
	}
	left := w.changeItems(&cs, fresh+touched)
	cs.Guard = storage.Guard{Seq: int64(len(w.entries)), Keys: part(w, keys)}
	if w.one(3) {
		cs.Guard.Seq = int64(w.lots.IntN(len(w.entries) + 1)) // which may be out of date
	}
	receipt, err := s.Apply(ctx, cs)
	if conflict, ok := errors.AsType[*storage.ConflictError](err); ok && conflict.Record == "key" &&
		cs.Guard.Seq < int64(len(w.entries)) {
		cs.Guard.Seq = int64(len(w.entries))
		receipt, err = s.Apply(ctx, cs)
	}
	if err != nil {
		return err
	}
	w.putItems(left, cs.Items)
	if len(receipt.Numbers) != len(incidents) || receipt.Seq != int64(len(w.entries))+1 {
		return fmt.Errorf("receipt %+v for %d incidents and Seq %d", receipt, len(incidents), len(w.entries)+1)
	}
	for k, n := range incidents {
		w.incidents[n].Version++
		w.incidents[n].Number = receipt.Numbers[k]
	}
	for _, n := range alerts {
		w.alerts[n].Version++
	}
	for _, e := range cs.Activity {
		e.Seq = int64(len(w.entries)) + 1
		w.entries = append(w.entries, e)
	}
	return nil
}

// changeItems gives cs up to n items, new ones and others that replace what is there, and at times an Expiry. It
// returns the items that cs does not take away.
func (w *world) changeItems(cs *storage.Changeset, n int) (left []storage.Item) {
	if w.one(3) {
		cs.Expire = append(cs.Expire, storage.Expiry{Kind: pick(w, itemKinds), Before: w.bound()})
	}
	versions := make(map[storage.ItemPlace]int64)
	for _, i := range w.items {
		if !takenAway(*cs, i) {
			left = append(left, i)
			versions[i.Place()] = i.Version
		}
	}
	given := make(map[storage.ItemPlace]bool)
	for range w.lots.IntN(n + 1) {
		i := storage.Item{Kind: pick(w, itemKinds), Key: pick(w, itemKeys), Data: []byte(pick(w, texts))}
		if i.Place() == (storage.ItemPlace{}) {
			i.Key = "only a key"
		}
		if given[i.Place()] {
			continue
		}
		given[i.Place()] = true
		if i.Version = versions[i.Place()]; !w.one(3) {
			i.Incident = w.incidentID()
		}
		if !w.one(4) {
			i.Time = w.hour()
		}
		if w.one(4) {
			i.Data = nil
		}
		cs.Items = append(cs.Items, i)
	}
	return left
}

// putItems makes the items of w those that are left and those that were given.
func (w *world) putItems(left, given []storage.Item) {
	w.items = slices.DeleteFunc(left, func(i storage.Item) bool {
		return slices.ContainsFunc(given, func(g storage.Item) bool { return g.Place() == i.Place() })
	})
	for _, i := range given {
		i.Version++
		w.items = append(w.items, i)
	}
}

// newOrigin returns the origin of an alert that is not there.
func (w *world) newOrigin() (o alert.Origin) {
	if len(w.removed) > 0 {
		o, w.removed = w.removed[0], w.removed[1:]
		return o
	}
	w.drawn++
	return alertOrigin(w.drawn - 1)
}

// purge purges up to n incidents in one Changeset, which may log something of them too.
func (w *world) purge(ctx context.Context, s storage.Storage, n int) error {
	var cs storage.Changeset
	places := w.places(len(w.incidents), n)
	for _, n := range places {
		i := w.drawIncident(w.incidents[n])
		i.Status = incident.Purged
		cs.Incidents, cs.Purge = append(cs.Incidents, i), append(cs.Purge, i.ID)
		if w.one(2) {
			cs.Activity = append(cs.Activity, activity.Entry{ID: entryID(len(w.entries) + len(cs.Activity)), Time: w.hour(), Incident: i.ID,
				Type: activity.Purged, Text: "purged", Changes: []activity.Change{{Field: "status", After: `"purged"`}}})
		}
	}
	w.purged = cs.Purge
	left := w.changeItems(&cs, n)
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	w.putItems(left, cs.Items)
	if !slices.Equal(receipt.Numbers, numbersOf(cs.Incidents)) || len(cs.Activity) > 0 && receipt.Seq != int64(len(w.entries))+1 {
		return fmt.Errorf("receipt %+v for a purge of the numbers %v at Seq %d", receipt, numbersOf(cs.Incidents), len(w.entries)+1)
	}
	for k, n := range places {
		w.former = append(w.former, w.incidents[n])
		w.incidents[n] = cs.Incidents[k]
		w.incidents[n].Version++
	}
	w.alerts = slices.DeleteFunc(w.alerts, func(a alert.Alert) bool {
		gone := slices.Contains(cs.Purge, a.Incident)
		if gone {
			w.removed = append(w.removed, a.Origin)
		}
		return gone
	})
	for n, e := range w.entries {
		if slices.Contains(cs.Purge, e.Incident) {
			w.entries[n] = e.Skeleton()
		}
	}
	for _, e := range cs.Activity {
		e.Seq = int64(len(w.entries)) + 1
		w.entries = append(w.entries, e)
	}
	w.byIncident = nil
	return nil
}

func numbersOf(incidents []incident.Incident) (all []int64) {
	for _, i := range incidents {
		all = append(all, i.Number)
	}
	return all
}

// places draws up to k different indices below n.
func (w *world) places(n, k int) []int { return w.lots.Perm(n)[:min(n, k)] }
