package memory

import (
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// An alertNode is an alert.
type alertNode struct {
	id     alert.ID
	latest *alertVersion
}

// An alertVersion is what an alert was from one commit to the next.
type alertVersion struct {
	// What sightings ask comes first, so that it is fetched from memory together.
	from       int64
	place      int64 // FirstActivity in microseconds since 1970
	older      *alertVersion
	node       *alertNode
	standalone bool
	value      alert.Alert // never changes once it is stored

	entities []*entity // of its keys; the same array for versions with the same ones
}

// newAlertVersion returns a version of a, the next one unless it is restored, that is not the store's own yet, unless a
// may be new here.
func newAlertVersion(a *alert.Alert, restored bool) *alertVersion {
	v := &alertVersion{value: *a, place: a.FirstActivity.UnixMicro(), standalone: a.Standalone}
	if a.Version == 0 || restored {
		v.value = a.Clone()
	}
	if !restored {
		v.value.Version++
	}
	return v
}

// own makes copies for the versions of alerts that are not new. Evidence rarely changes, so that a version
// shares it with the one before.
func (t *tables) own(versions []*alertVersion) {
	for _, v := range versions {
		old := t.alerts[v.value.ID]
		if old == nil {
			continue
		}
		given, stored := v.value.Evidence, old.latest.value.Evidence
		if slices.EqualFunc(given, stored, alert.Evidence.Equal) {
			v.value.Evidence = nil
			v.value = v.value.Clone()
			v.value.Evidence = stored
		} else {
			v.value = v.value.Clone()
		}
	}
}

// at returns the version that is seen at a commit, or nil.
func (n *alertNode) at(commit int64) *alertVersion {
	v := n.latest
	for v != nil && v.from > commit {
		v = v.older
	}
	return v
}

// version returns the version that is seen at a commit, if it stands at m, or nil.
func (m mention) version(commit int64) *alertVersion {
	if v := m.node.at(commit); v != nil && v.place == m.at {
		return v
	}
	return nil
}

// An entity is the alerts with one key. While they are few, those of an incident are found among them; later
// a tree knows.
type entity struct {
	key     alert.Key
	added   int64 // Seq of the last Changeset that added it to an alert
	alerts  mentions
	members *btree.BTreeG[member] // nil while the alerts are few
}

// A mention is an alert in an index. An old version's mention may still be there, or serve a newer one too,
// so the version has to be asked whether it stands here.
type mention struct {
	at   int64      // FirstActivity in microseconds since 1970
	node *alertNode // nil is before all
}

func (v *alertVersion) mention() mention { return mention{v.place, v.node} }

func lessMention(a, b mention) bool {
	if a.at != b.at || a.node == b.node {
		return a.at < b.at
	}
	return a.node == nil || b.node != nil && a.node.id < b.node.id
}

// A member is a mention of an alert of a certain incident.
type member struct {
	incident incident.ID
	mention
}

func lessMember(a, b member) bool {
	if a.incident != b.incident {
		return a.incident < b.incident
	}
	return lessMention(a.mention, b.mention)
}

// mentions are ordered by lessMention: an array while they are few, as those of most entities are for ever,
// and a tree from then on.
type mentions struct {
	few  []mention
	many *btree.BTreeG[mention]
}

const maxFew = 64

func (s *mentions) len() int {
	if s.many != nil {
		return s.many.Len()
	}
	return len(s.few)
}

func (s *mentions) each(fn func(mention)) {
	if s.many != nil {
		s.many.Scan(func(m mention) bool { fn(m); return true })
	}
	for _, m := range s.few {
		fn(m)
	}
}

func (s *mentions) find(m mention) (int, bool) {
	if n := len(s.few); n > 0 && lessMention(s.few[n-1], m) {
		return n, false // most come in the order of time
	}
	return slices.BinarySearchFunc(s.few, m, func(a, b mention) int {
		switch {
		case lessMention(a, b):
			return -1
		case lessMention(b, a):
			return 1
		}
		return 0
	})
}

func (s *mentions) add(m mention) {
	if s.many == nil {
		i, found := s.find(m)
		if found {
			return
		}
		if len(s.few) < maxFew {
			s.few = slices.Insert(s.few, i, m)
			return
		}
		s.many = newTree(lessMention)
		for _, f := range s.few {
			s.many.Set(f)
		}
		s.few = nil
	}
	s.many.Set(m)
}

func (s *mentions) remove(m mention) {
	if s.many != nil {
		s.many.Delete(m)
	} else if i, found := s.find(m); found {
		s.few = slices.Delete(s.few, i, i+1)
	}
}

func (e *entity) add(v *alertVersion) {
	e.alerts.add(v.mention())
	if e.members != nil {
		e.members.Set(member{v.value.Incident, v.mention()})
		return
	}
	if e.alerts.many == nil {
		return
	}
	e.members = newTree(lessMember)
	e.alerts.many.Scan(func(m mention) bool {
		for w := m.node.latest; w != nil; w = w.older {
			if w.mention() == m && w.has(e) {
				e.members.Set(member{w.value.Incident, m})
			}
		}
		return true
	})
}

func (v *alertVersion) has(e *entity) bool { return slices.Contains(v.entities, e) }

// putAlert stores v as of a commit. Its keys may be nil where there is a version before it. Those that the alert did
// not have are added at a Seq.
func (t *tables) putAlert(v *alertVersion, keys []alert.Key, commit, added int64) {
	node := t.alerts[v.value.ID]
	if node == nil {
		node = &alertNode{id: v.value.ID}
		t.alerts[node.id] = node
	}
	old := node.latest
	v.from, v.older, v.node = commit, old, node
	if old != nil && sameKeys(&old.value, &v.value) {
		v.entities = old.entities
	} else {
		if keys == nil {
			keys = v.value.Keys()
		}
		v.entities = make([]*entity, 0, len(keys))
		for _, key := range keys {
			e := t.entities[key]
			if e == nil {
				e = &entity{key: alert.Key(strings.Clone(string(key)))} // not with the alert's other keys
				t.entities[e.key] = e
			}
			v.entities = append(v.entities, e)
			if old == nil || !old.has(e) {
				e.added = max(e.added, added)
			}
		}
	}
	node.latest = v
	if old != nil {
		t.replaced = append(t.replaced, replaced{alert: v})
		if v.stays(old) {
			return
		}
	}
	t.byTime.add(v.mention())
	t.incident(v.value.Incident).alerts.add(v.mention())
	for _, e := range v.entities {
		e.add(v)
	}
}

// has returns the alerts that the incident has now.
func (n *incidentNode) has() (all []*alertNode) {
	id := n.latest.value.ID
	n.alerts.each(func(m mention) {
		if m.node.latest.value.Incident == id { // else it has left
			all = append(all, m.node)
		}
	})
	return all
}

// forget takes an alert out of everything, for every View. Whoever comes to one of its mentions in between finds no
// version there.
func (t *tables) forget(node *alertNode) {
	for v := node.latest; v != nil; v = v.older {
		m := v.mention()
		t.byTime.remove(m)
		t.incidents[v.value.Incident].alerts.remove(m)
		for _, e := range v.entities {
			if e.members != nil {
				e.members.Delete(member{v.value.Incident, m})
			}
			if e.alerts.remove(m); e.alerts.len() == 0 {
				delete(t.entities, e.key)
			}
		}
	}
	node.latest = nil
	delete(t.alerts, node.id)
}

// stays reports whether v stands in the same places of the indexes as w.
func (v *alertVersion) stays(w *alertVersion) bool {
	return v.mention() == w.mention() && v.value.Incident == w.value.Incident && slices.Equal(v.entities, w.entities)
}

// sameKeys reports whether a and b have the same keys because they say the same. If they do not, they may still have.
func sameKeys(a, b *alert.Alert) bool {
	if a.Title != b.Title || a.Origin.Source != b.Origin.Source || !a.SameMarkers(*b) {
		return false
	}
	v, w := a.Evidence, b.Evidence
	if len(v) > 0 && len(v) == len(w) && &v[0] == &w[0] {
		return true
	}
	return slices.EqualFunc(v, w, func(v, w alert.Evidence) bool {
		return v.Entity == w.Entity && v.Verdict == w.Verdict && slices.Equal(v.Roles, w.Roles) &&
			slices.Equal(v.Tags, w.Tags) && slices.Equal(v.DetailedRoles, w.DetailedRoles)
	})
}

// dropAlert forgets the version before next.
func (t *tables) dropAlert(next *alertVersion) {
	old := next.older
	next.older = nil
	if next.node.latest == nil || next.stays(old) { // forgotten, or nothing to take out
		return
	}
	// Another version that may still be read can stand in some of the same places.
	var later []*alertVersion
	for v := next.node.latest; v != nil; v = v.older {
		later = append(later, v)
	}
	m := old.mention()
	here := func(v *alertVersion) bool { return v.mention() == m }
	if !slices.ContainsFunc(later, here) {
		t.byTime.remove(m)
	}
	in := func(v *alertVersion) bool { return here(v) && v.value.Incident == old.value.Incident }
	if !slices.ContainsFunc(later, in) {
		t.incidents[old.value.Incident].alerts.remove(m)
	}
	for _, e := range old.entities {
		if e.members != nil && !slices.ContainsFunc(later, func(v *alertVersion) bool { return in(v) && v.has(e) }) {
			e.members.Delete(member{old.value.Incident, m})
		}
		if slices.ContainsFunc(later, func(v *alertVersion) bool { return here(v) && v.has(e) }) {
			continue
		}
		if e.alerts.remove(m); e.alerts.len() == 0 {
			delete(t.entities, e.key)
		}
	}
}
