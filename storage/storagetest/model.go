package storagetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A model holds what a storage should hold after some Changesets: the contract of [storage.Storage] in maps, without
// indexes and for one caller at a time.
type model struct {
	incidents map[incident.ID]incident.Incident
	alerts    map[alert.ID]alert.Alert
	entries   []activity.Entry      // in the order of Seq
	places    map[activity.ID]int   // in entries
	contents  map[string][]byte     // by digest
	names     map[string]int        // attachments of entries that are not redacted, by digest
	members   map[incident.ID]int   // alerts, by incident
	of        map[incident.ID][]int // places of entries, by incident
	numbers   map[int64]incident.ID
	last      int64 // the highest Number given
	items     map[storage.ItemPlace]storage.Item
	keys      map[alert.ID][]alert.Key
	stamps    map[alert.Key]map[alert.ID]int64 // Seq that added the key to the alert; 0 if a Guard need not see it
}

func newModel() *model {
	return &model{
		incidents: make(map[incident.ID]incident.Incident),
		alerts:    make(map[alert.ID]alert.Alert),
		places:    make(map[activity.ID]int),
		contents:  make(map[string][]byte),
		names:     make(map[string]int),
		members:   make(map[incident.ID]int),
		of:        make(map[incident.ID][]int),
		numbers:   make(map[int64]incident.ID),
		items:     make(map[storage.ItemPlace]storage.Item),
		keys:      make(map[alert.ID][]alert.Key),
		stamps:    make(map[alert.Key]map[alert.ID]int64),
	}
}

// records returns how many records m holds.
func (m *model) records() int {
	return len(m.incidents) + len(m.alerts) + len(m.entries) + len(m.items)
}

// refusal returns what Apply must answer with what no storage keeps: the error of driver.Check, or its class. Nil means
// that a storage may keep cs.
func refusal(cs storage.Changeset) error {
	err := driver.Check(cs)
	for _, class := range []error{storage.ErrExists, storage.ErrNotFound} {
		if errors.Is(err, class) {
			return class
		}
	}
	return err
}

// alertsOf returns the alerts of an incident.
func (m *model) alertsOf(id incident.ID) (all []alert.Alert) {
	for _, a := range m.alerts {
		if a.Incident == id {
			all = append(all, a)
		}
	}
	return all
}

// refusals returns the errors that Apply may return because cs does not go with m; none when it must keep cs.
func (m *model) refusals(cs storage.Changeset) (errs []error) {
	if err := refusal(cs); err != nil {
		return []error{err}
	}
	incidents, alerts, entries := make(map[incident.ID]bool), make(map[alert.ID]bool), make(map[activity.ID]bool)
	version := func(given, stored int64, twice bool) {
		switch {
		case twice:
			errs = append(errs, storage.ErrExists, storage.ErrConflict)
		case given == stored:
		case given == 0:
			errs = append(errs, storage.ErrExists)
		default:
			errs = append(errs, storage.ErrConflict)
		}
	}
	for _, i := range cs.Incidents {
		version(i.Version, m.incidents[i.ID].Version, incidents[i.ID])
		incidents[i.ID] = true
	}
	for _, a := range cs.Alerts {
		version(a.Version, m.alerts[a.ID].Version, alerts[a.ID])
		alerts[a.ID] = true
	}
	for _, e := range cs.Activity {
		if _, there := m.places[e.ID]; there || entries[e.ID] {
			errs = append(errs, storage.ErrExists)
		}
		entries[e.ID] = true
	}
	for _, id := range cs.Redact {
		if _, there := m.places[id]; !there {
			errs = append(errs, storage.ErrNotFound)
		}
	}
	for _, id := range cs.Purge {
		if _, there := m.incidents[id]; !there || !incidents[id] {
			errs = append(errs, storage.ErrNotFound)
		}
	}
	items := make(map[storage.ItemPlace]bool)
	for _, i := range cs.Items {
		version(i.Version, m.itemLeft(cs, i.Place()), items[i.Place()])
		items[i.Place()] = true
	}
	for _, key := range cs.Guard.Keys {
		for _, seq := range m.stamps[key] {
			if seq > cs.Guard.Seq {
				errs = append(errs, storage.ErrConflict)
			}
		}
	}
	return errs
}

// itemLeft returns the Version of an item once cs has taken away what it takes away, 0 when there is none.
func (m *model) itemLeft(cs storage.Changeset, at storage.ItemPlace) int64 {
	if i, there := m.items[at]; there && !takenAway(cs, i) {
		return i.Version
	}
	return 0
}

// takenAway reports whether the purges and expiries of cs take away i.
func takenAway(cs storage.Changeset, i storage.Item) bool {
	return i.Incident != "" && slices.Contains(cs.Purge, i.Incident) ||
		slices.ContainsFunc(cs.Expire, func(x storage.Expiry) bool {
			return i.Kind == x.Kind && i.Time.Before(x.Before)
		})
}

// mayFail reports whether Apply may say that the Guard of cs failed, with or without a reason.
func (m *model) mayFail(cs storage.Changeset) bool {
	return len(cs.Guard.Keys) > 0 && cs.Guard.Seq < int64(len(m.entries))
}

// newestKey returns a key that was added at the highest Seq, 0 when a Guard need not see any.
func (m *model) newestKey() (newest alert.Key, added int64) {
	for key, of := range m.stamps {
		for _, seq := range of {
			if seq > added || seq == added && key < newest {
				newest, added = key, seq
			}
		}
	}
	return newest, added
}

// apply keeps cs, which no refusal speaks against, as the receipt says. It returns what the receipt should not say.
func (m *model) apply(cs storage.Changeset, receipt storage.Receipt) error {
	if len(receipt.Numbers) != len(cs.Incidents) {
		return fmt.Errorf("the receipt has %d Numbers for %d incidents", len(receipt.Numbers), len(cs.Incidents))
	}
	var err error
	switch {
	case len(cs.Activity) == 0 && receipt.Seq != 0:
		err = fmt.Errorf("the receipt says Seq %d for a Changeset without entries", receipt.Seq)
	case len(cs.Activity) > 0 && receipt.Seq != int64(len(m.entries))+1:
		err = fmt.Errorf("the receipt says Seq %d, want %d", receipt.Seq, len(m.entries)+1)
	}
	for n, i := range cs.Incidents {
		number := receipt.Numbers[n]
		switch stored, there := m.incidents[i.ID]; {
		case there && number != stored.Number:
			err = errors.Join(
				err,
				fmt.Errorf("the receipt says that incident %q has the Number %d, want %d", i.ID, number, stored.Number),
			)
		case !there && number <= m.last:
			err = errors.Join(
				err,
				fmt.Errorf("the receipt gives incident %q the Number %d after %d", i.ID, number, m.last),
			)
		}
		i.Number, i.Version = number, i.Version+1
		m.putIncident(i)
	}
	added := int64(0) // a Guard may not see keys that come without an entry
	if len(cs.Activity) > 0 {
		added = int64(len(m.entries)) + 1
	}
	for _, a := range cs.Alerts {
		a.Version++
		m.putAlert(a, added)
	}
	m.purge(cs.Purge)
	m.takeItems(cs)
	for _, i := range cs.Items {
		i.Version++
		m.putItem(i)
	}
	for _, id := range cs.Redact {
		m.replaceEntry(m.places[id], m.entries[m.places[id]].Redact())
	}
	for _, e := range cs.Activity {
		e.Seq = int64(len(m.entries)) + 1
		m.addEntry(e)
	}
	m.putContents(cs.Contents)
	return err
}

// restore keeps cs as [storage.Restorer] says.
func (m *model) restore(cs storage.Changeset) {
	for _, i := range cs.Incidents {
		m.putIncident(i)
	}
	for _, a := range cs.Alerts {
		m.putAlert(a, 0)
	}
	m.purge(cs.Purge)
	m.takeItems(cs)
	for _, i := range cs.Items {
		m.putItem(i)
	}
	for _, e := range cs.Activity {
		if n, there := m.places[e.ID]; there {
			m.replaceEntry(n, e)
		} else {
			m.addEntry(e)
		}
	}
	m.putContents(cs.Contents)
}

func (m *model) putIncident(i incident.Incident) {
	m.incidents[i.ID] = i.Clone()
	m.numbers[i.Number] = i.ID
	m.last = max(m.last, i.Number)
}

// takeItems takes away the items that the purges and expiries of cs take away.
func (m *model) takeItems(cs storage.Changeset) {
	if len(cs.Purge)+len(cs.Expire) > 0 {
		maps.DeleteFunc(m.items, func(_ storage.ItemPlace, i storage.Item) bool { return takenAway(cs, i) })
	}
}

// putItem keeps i, or takes it away if it is of Version 0.
func (m *model) putItem(i storage.Item) {
	if i.Version == 0 {
		delete(m.items, i.Place())
		return
	}
	if i = i.Clone(); len(i.Data) == 0 {
		i.Data = nil
	}
	m.items[i.Place()] = i
}

// putAlert keeps a, with keys that are added at a Seq unless the alert had them.
func (m *model) putAlert(a alert.Alert, added int64) {
	had := make(map[alert.Key]int64)
	for _, key := range m.keys[a.ID] {
		had[key] = m.stamps[key][a.ID]
	}
	m.dropAlert(a.ID)
	m.alerts[a.ID] = a.Clone()
	m.members[a.Incident]++
	m.keys[a.ID] = a.Keys()
	for _, key := range m.keys[a.ID] {
		if m.stamps[key] == nil {
			m.stamps[key] = make(map[alert.ID]int64)
		}
		if seq, there := had[key]; there {
			m.stamps[key][a.ID] = seq
		} else {
			m.stamps[key][a.ID] = added
		}
	}
}

func (m *model) dropAlert(id alert.ID) {
	if old, there := m.alerts[id]; there {
		if m.members[old.Incident]--; m.members[old.Incident] == 0 {
			delete(m.members, old.Incident)
		}
		for _, key := range m.keys[id] {
			if delete(m.stamps[key], id); len(m.stamps[key]) == 0 {
				delete(m.stamps, key)
			}
		}
		delete(m.keys, id)
		delete(m.alerts, id)
	}
}

func (m *model) addEntry(e activity.Entry) {
	m.places[e.ID] = len(m.entries)
	m.of[e.Incident] = append(m.of[e.Incident], len(m.entries))
	m.entries = append(m.entries, e.Clone())
	m.name(e, 1)
}

func (m *model) replaceEntry(n int, e activity.Entry) {
	m.name(m.entries[n], -1)
	m.entries[n] = e.Clone()
	m.name(e, 1)
}

// name counts the attachments of e, by n, unless e is redacted. A content that no entry names any more goes.
func (m *model) name(e activity.Entry, n int) {
	if e.Redacted {
		return
	}
	for _, a := range e.Attachments {
		if m.names[a.SHA256] += n; m.names[a.SHA256] == 0 {
			delete(m.names, a.SHA256)
		}
	}
}

func (m *model) purge(ids []incident.ID) {
	gone := make(map[incident.ID]bool)
	for _, id := range ids {
		if !gone[id] {
			for _, n := range m.of[id] {
				m.replaceEntry(n, m.entries[n].Skeleton())
			}
		}
		gone[id] = m.members[id] > 0
	}
	if len(ids) > 0 {
		m.putContents(nil) // those that come with the Changeset come later
	}
	if !slices.Contains(slices.Collect(maps.Values(gone)), true) {
		return
	}
	for _, a := range slices.Collect(maps.Values(m.alerts)) {
		if gone[a.Incident] {
			m.dropAlert(a.ID)
		}
	}
}

// putContents keeps those contents that an entry names and removes the others. It needs the entries as they are after
// the Changeset.
func (m *model) putContents(contents []activity.Content) {
	for digest := range m.contents {
		if m.names[digest] == 0 {
			delete(m.contents, digest)
		}
	}
	for _, c := range contents {
		if _, there := m.contents[c.SHA256]; !there && m.names[c.SHA256] > 0 {
			m.contents[c.SHA256] = append([]byte{}, c.Data...)
		}
	}
}
