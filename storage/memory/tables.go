package memory

import (
	"cmp"
	"strings"
	"time"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// tables are the records and their indexes. Records are never changed once they are in, only replaced.
type tables struct {
	incidents *btree.BTreeG[*incident.Incident]         // by ID
	sorted    [incident.ByNumber + 1]*btree.BTreeG[row] // by the place in the order of the sort; nil for the sorts that buckets serve
	buckets   *btree.BTreeG[row]                        // Rank is status and severity
	tags      *btree.BTreeG[row]                        // Text is the folded tag

	alerts     *btree.BTreeG[*alert.Alert] // by ID
	byTime     *btree.BTreeG[mention]      // all alerts, group ""
	byIncident *btree.BTreeG[mention]      // group is the incident
	byEntity   *btree.BTreeG[mention]      // group is the entity's key

	log     []*activity.Entry              // Seq n stands at n-1; what a snapshot sees of it is never written again
	entries *btree.BTreeG[*activity.Entry] // by ID
	history *btree.BTreeG[*activity.Entry] // by incident and Seq
}

// A row is an incident in an index.
type row struct {
	incident.Place
	incident *incident.Incident
}

// A mention is an alert in an index.
type mention struct {
	group string
	at    time.Time
	id    alert.ID
	alert *alert.Alert
}

func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

func newTables() tables {
	t := tables{
		incidents:  newTree(func(a, b *incident.Incident) bool { return a.ID < b.ID }),
		buckets:    newTree(lessRow),
		tags:       newTree(lessRow),
		alerts:     newTree(func(a, b *alert.Alert) bool { return a.ID < b.ID }),
		byTime:     newTree(lessMention),
		byIncident: newTree(lessMention),
		byEntity:   newTree(lessMention),
		entries:    newTree(func(a, b *activity.Entry) bool { return a.ID < b.ID }),
		history:    newTree(lessEntry),
	}
	for sort := range t.sorted {
		if sort := incident.Sort(sort); sort != incident.BySeverity && sort != incident.ByStatus {
			t.sorted[sort] = newTree(lessRow)
		}
	}
	return t
}

func lessRow(a, b row) bool {
	if a.Text != b.Text {
		return a.Text < b.Text
	}
	if a.Rank != b.Rank {
		return a.Rank < b.Rank
	}
	if a.Updated != b.Updated {
		return a.Updated < b.Updated
	}
	return a.Number < b.Number
}

func lessMention(a, b mention) bool {
	return cmp.Or(strings.Compare(a.group, b.group), a.at.Compare(b.at), cmp.Compare(a.id, b.id)) < 0
}

func lessEntry(a, b *activity.Entry) bool {
	return cmp.Or(cmp.Compare(a.Incident, b.Incident), cmp.Compare(a.Seq, b.Seq)) < 0
}

// copy returns the tables as they are now. Both can be used on; what is written to one is not seen in the other.
func (t *tables) copy() tables {
	c := *t
	c.incidents, c.buckets, c.tags = t.incidents.Copy(), t.buckets.Copy(), t.tags.Copy()
	for sort, tree := range t.sorted {
		if tree != nil {
			c.sorted[sort] = tree.Copy()
		}
	}
	c.alerts, c.byTime, c.byIncident, c.byEntity = t.alerts.Copy(), t.byTime.Copy(), t.byIncident.Copy(), t.byEntity.Copy()
	c.entries, c.history = t.entries.Copy(), t.history.Copy()
	return c
}

// putIncident stores i in the place of old, which is nil when i is new.
func (t *tables) putIncident(old, i *incident.Incident) {
	t.incidents.Set(i)
	for sort, tree := range t.sorted {
		if tree == nil {
			continue
		}
		q := incident.Query{Sort: incident.Sort(sort)}
		if old != nil {
			if place := q.Place(*old); place != q.Place(*i) {
				tree.Delete(row{Place: place})
			}
		}
		tree.Set(row{q.Place(*i), i})
	}
	if old != nil {
		t.buckets.Delete(row{Place: bucketPlace(old)})
		for _, tag := range old.Tags {
			t.tags.Delete(row{Place: tagPlace(tag, old)})
		}
	}
	t.buckets.Set(row{bucketPlace(i), i})
	for _, tag := range i.Tags {
		t.tags.Set(row{tagPlace(tag, i), i})
	}
}

func bucket(status incident.Status, severity alert.Severity) int64 {
	return int64(status)<<8 | int64(severity)
}

func bucketPlace(i *incident.Incident) incident.Place {
	return incident.Place{Rank: bucket(i.Status, i.Severity), Updated: i.Updated.UnixMicro(), Number: i.Number}
}

func tagPlace(tag incident.Tag, i *incident.Incident) incident.Place {
	return incident.Place{Text: incident.Fold(tag.Name), Updated: i.Updated.UnixMicro(), Number: i.Number}
}

func (t *tables) putAlert(a *alert.Alert) {
	if old, ok := t.alerts.Set(a); ok {
		m := mentionOf(old)
		t.byTime.Delete(m)
		t.byIncident.Delete(m.in(string(old.Incident)))
		for _, key := range old.Keys() {
			t.byEntity.Delete(m.in(string(key)))
		}
	}
	m := mentionOf(a)
	t.byTime.Set(m)
	t.byIncident.Set(m.in(string(a.Incident)))
	for _, key := range a.Keys() {
		t.byEntity.Set(m.in(string(key)))
	}
}

// mentionOf returns the mention of a in the index of all. The monotonic clock, which is not compared between
// processes either, is left out.
func mentionOf(a *alert.Alert) mention { return mention{"", a.FirstActivity.Round(0), a.ID, a} }

func (m mention) in(group string) mention {
	m.group = group
	return m
}

func (t *tables) putEntry(e *activity.Entry) {
	t.log = append(t.log, e)
	t.entries.Set(e)
	t.history.Set(e)
}
