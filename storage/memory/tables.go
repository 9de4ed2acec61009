package memory

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// tables are the records and their indexes.
type tables struct {
	mu sync.RWMutex // guards all below and everything reachable from it, but what versions, entries and contents hold, which never changes

	incidents map[incident.ID]*incidentNode
	numbers   []*incidentNode // Number n stands at n-1
	updated   *btree.BTreeG[listing]
	buckets   map[bucket]*btree.BTreeG[listing]
	owners    btree.Map[string, *btree.BTreeG[listing]] // by account identifier, folded
	tags      btree.Map[string, *btree.BTreeG[listing]] // by folded name
	priority  btree.Map[int, *btree.BTreeG[listing]]
	created   *btree.BTreeG[row]
	names     *btree.BTreeG[row]
	facets    facets
	backdated int // versions in the indexes that were updated before they were created

	alerts   map[alert.ID]*alertNode
	byTime   mentions // all alerts
	entities map[alert.Key]*entity

	entries map[activity.ID]int64 // Seq by ID
	log     log

	contents map[string][]byte // by SHA256; what they hold never changes
	named    map[string]int    // how often attachments of entries that are not redacted name a SHA256

	items items

	seed     maphash.Seed // of marks
	commit   int64
	replaced []replaced // versions that were replaced, in the order of commits
}

// A replaced version can go as soon as no View reads a commit before that of its successor.
type replaced struct {
	incident *incidentVersion // the successor of either kind
	alert    *alertVersion
}

func newTables() *tables {
	return &tables{
		incidents: make(map[incident.ID]*incidentNode),
		updated:   newTree(lessListing),
		buckets:   make(map[bucket]*btree.BTreeG[listing]),
		created:   newTree(lessRow),
		names:     newTree(lessRow),
		facets:    facets{numbers: make(map[facet]int32), present: make(map[bucket]int)},
		alerts:    make(map[alert.ID]*alertNode),
		entities:  make(map[alert.Key]*entity),
		entries:   make(map[activity.ID]int64),
		contents:  make(map[string][]byte),
		named:     make(map[string]int),
		items:     newItems(),
		seed:      maphash.MakeSeed(),
	}
}

func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

// A writing is a Changeset as the tables will hold it: copied, and with what can be found out about its
// records without looking at the others.
type writing struct {
	incidents []*incidentVersion
	alerts    []*alertVersion
	alertKeys [][]alert.Key // those of alerts; nil where they are mostly not needed and were not given
	entries   []*activity.Entry
	contents  []activity.Content
	redact    []activity.ID
	purge     []incident.ID
	items     []storage.Item
	expire    []storage.Expiry
	restored  bool // records have the Versions, Numbers and Seqs that they keep
}

// prepare copies a Changeset. What is restored keeps its versions.
func prepare(cs storage.Changeset, restored bool) writing {
	w := writing{
		incidents: make([]*incidentVersion, len(cs.Incidents)),
		alerts:    make([]*alertVersion, len(cs.Alerts)),
		alertKeys: make([][]alert.Key, len(cs.Alerts)),
		entries:   make([]*activity.Entry, len(cs.Activity)),
		contents:  make([]activity.Content, len(cs.Contents)),
		redact:    slices.Clone(cs.Redact),
		purge:     slices.Clone(cs.Purge),
		items:     make([]storage.Item, len(cs.Items)),
		expire:    slices.Clone(cs.Expire),
		restored:  restored,
	}
	for n := range cs.Incidents {
		w.incidents[n] = newIncidentVersion(&cs.Incidents[n], restored)
	}
	copy(w.alertKeys, cs.AlertKeys)
	for n := range cs.Alerts {
		w.alerts[n] = newAlertVersion(&cs.Alerts[n], restored)
		if restored || cs.Alerts[n].Version == 0 {
			w.alertKeys[n] = driver.AlertKeys(cs, n)
		}
	}
	for n := range cs.Activity {
		w.entries[n] = new(cs.Activity[n].Clone()) // by itself, so that one that is redacted is gone
	}
	for n, i := range cs.Items {
		if w.items[n] = i.Clone(); len(i.Data) == 0 {
			w.items[n].Data = nil
		}
		if !restored {
			w.items[n].Version++
		}
	}
	for n, c := range cs.Contents {
		w.contents[n] = activity.Content{SHA256: c.SHA256, Data: slices.Clone(c.Data)}
	}
	return w
}

// writeBatch is how many records are written before readers get a turn.
const writeBatch = 64

// write stores w, which check has let pass, and publishes it. Only one goroutine may be in it.
func (t *tables) write(w writing, moments *moments) storage.Receipt {
	t.mu.Lock()
	defer t.mu.Unlock()
	next, written := t.commit+1, 0
	pause := func() {
		if written++; written%writeBatch == 0 {
			t.mu.Unlock() // what was written is of a commit that nobody sees yet
			t.mu.Lock()
		}
	}
	var r storage.Receipt
	if len(w.incidents) > 0 {
		r.Numbers = make([]int64, len(w.incidents))
	}
	for n, v := range w.incidents {
		r.Numbers[n] = t.putIncident(v, next, w.restored)
		pause()
	}
	added := t.log.length // the Seq by which a Guard tells when keys were added
	if len(w.entries) > 0 {
		added++
	}
	if w.restored {
		added = 0
	}
	for n, v := range w.alerts {
		t.putAlert(v, w.alertKeys[n], next, added)
		pause()
	}
	for _, id := range w.purge {
		for _, a := range t.incidents[id].has() {
			t.forget(a)
			pause()
		}
		for _, seq := range t.incidents[id].history {
			t.replace(seq, (*t.log.at(seq)).Skeleton())
			pause()
		}
		for _, i := range t.items.of(id) {
			t.items.remove(i.Place())
			pause()
		}
	}
	for _, x := range w.expire {
		for _, i := range t.items.expired(x) {
			t.items.remove(i.Place())
			pause()
		}
	}
	for _, i := range w.items {
		if i.Version == 0 {
			t.items.remove(i.Place())
		} else {
			t.items.put(i)
		}
		pause()
	}
	for n, e := range w.entries {
		if w.restored && e.Seq <= t.log.length {
			t.replace(e.Seq, *e)
			continue
		}
		seq := t.log.add(e)
		t.name(e, 1)
		t.entries[e.ID] = seq
		node := t.incident(e.Incident)
		node.history = append(node.history, seq)
		if n == 0 {
			r.Seq = seq
		}
		pause()
	}
	for _, id := range w.redact {
		seq := t.entries[id]
		t.replace(seq, (*t.log.at(seq)).Redact())
		pause()
	}
	for _, c := range w.contents {
		if _, ok := t.contents[c.SHA256]; !ok && t.named[c.SHA256] > 0 {
			t.contents[c.SHA256] = c.Data
		}
	}
	t.commit = next
	earliest := moments.publish(moment{t, next, t.log, t.items.published(moments.now.items)})
	// Twice what was written, so that what a long View has kept goes sooner than more comes.
	for range 2*written + 1 {
		if !t.dropReplaced(earliest) {
			break
		}
		pause()
	}
	return r
}

// replace puts e in the place of the entry that has its Seq. Who reads that one goes on with it.
func (t *tables) replace(seq int64, e activity.Entry) {
	at := t.log.at(seq)
	t.name(&e, 1) // first, so that a content that both name stays
	t.name(*at, -1)
	*at = &e
}

// name counts what the attachments of e name n times more, and forgets contents that nobody names any more.
func (t *tables) name(e *activity.Entry, n int) {
	if e.Redacted {
		return
	}
	for _, a := range e.Attachments {
		if t.named[a.SHA256] += n; t.named[a.SHA256] == 0 {
			delete(t.named, a.SHA256)
			delete(t.contents, a.SHA256)
		}
	}
}

// dropReplaced drops the oldest version that was replaced, unless a View of the earliest commit may read it.
func (t *tables) dropReplaced(earliest int64) bool {
	if len(t.replaced) == 0 {
		return false
	}
	switch next := t.replaced[0]; {
	case next.incident != nil && next.incident.from <= earliest:
		t.dropIncident(next.incident)
	case next.alert != nil && next.alert.from <= earliest:
		t.dropAlert(next.alert)
	default:
		return false
	}
	t.replaced[0] = replaced{}
	t.replaced = t.replaced[1:]
	return true
}
