package memory

import (
	"cmp"
	"hash/maphash"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// An incidentNode is what is known under an incident's ID.
type incidentNode struct {
	latest  *incidentVersion // nil when only alerts or entries name it
	alerts  mentions
	history []int64 // Seqs of its entries
}

// An incidentVersion is what an incident was from one commit to another.
type incidentVersion struct {
	// What counts ask comes first, so that it is fetched from memory together.
	from, to int64   // commits; it is not seen at to any more
	facets   []int32 // numbers of its values, at least three
	bucket   bucket
	mark     mark
	created  time.Time
	older    *incidentVersion
	value    incident.Incident // never changes once it is stored
	tags     []string          // folded
	owner    string            // its account identifier, folded
}

// newIncidentVersion returns a copy of given as a version, the next one unless it is restored.
func newIncidentVersion(given *incident.Incident, restored bool) *incidentVersion {
	i := given.Clone()
	if !restored {
		i.Version++
	}
	return &incidentVersion{value: i, to: math.MaxInt64, bucket: bucket{i.Status, i.Severity}, created: i.Created}
}

// at returns the version that is seen at a commit, or nil.
func (n *incidentNode) at(commit int64) *incidentVersion {
	v := n.latest
	for v != nil && v.from > commit {
		v = v.older
	}
	return v
}

func (v *incidentVersion) seen(commit int64) bool { return v.from <= commit && commit < v.to }

// incident returns the node of an ID, a new one if need be.
func (t *tables) incident(id incident.ID) *incidentNode {
	n := t.incidents[id]
	if n == nil {
		n = &incidentNode{}
		t.incidents[id] = n
	}
	return n
}

// A listing is a version in one of the indexes in the order of last update.
type listing struct {
	updated int64 // microseconds since 1970
	number  int64
	from    int64
	mark    mark
	version *incidentVersion
}

func lessListing(a, b listing) bool {
	if a.updated != b.updated {
		return a.updated < b.updated
	}
	if a.number != b.number {
		return a.number < b.number
	}
	return a.from < b.from
}

// A row is an incident in an index whose keys rarely change: an old version's row may still be there, or
// serve a newer one too, so the version has to be asked whether it stands here.
type row struct {
	incident.Place
	node *incidentNode
}

func lessRow(a, b row) bool {
	if a.Text != b.Text {
		return a.Text < b.Text
	}
	if a.Rank != b.Rank {
		return a.Rank < b.Rank
	}
	return a.Number < b.Number
}

func createdPlace(i incident.Incident) incident.Place {
	return incident.Query{Sort: incident.ByCreated}.Place(i)
}

func namePlace(i incident.Incident) incident.Place {
	return incident.Query{Sort: incident.ByName}.Place(i)
}

// A bucket is the incidents of one status and severity.
type bucket struct {
	status   incident.Status
	severity alert.Severity
}

// A mark holds what the most used filters ask for in a few bits, so that most incidents that do not pass
// need not be fetched from memory: 4 bits each of status and severity, 8 of the owner's hash, and one of
// 48 for each tag.
type mark uint64

const (
	severityBits = 4
	ownerBits    = 8
	tagBits      = 16
)

func (t *tables) ownerMark(folded string) mark {
	return mark(maphash.String(t.seed, folded)%256) << ownerBits
}

func (t *tables) tagMark(folded string) mark {
	return 1 << (tagBits + maphash.String(t.seed, folded)%48)
}

func (t *tables) mark(v *incidentVersion) mark {
	m := mark(min(v.value.Status, 15)) | mark(min(v.value.Severity, 15))<<severityBits | t.ownerMark(v.owner)
	for _, tag := range v.tags {
		m |= t.tagMark(tag)
	}
	return m
}

// A sieve lets at least those marks pass whose incidents a query selects.
type sieve struct {
	statuses, severities uint16 // a bit for each value
	owners               [4]uint64
	tags                 mark // any of them; 0 means that tags do not matter
}

func (t *tables) sieve(q incident.Query) sieve {
	s := sieve{statuses: math.MaxUint16, severities: math.MaxUint16}
	if len(q.Statuses) > 0 {
		s.statuses, _ = marked(q.Statuses)
	}
	if len(q.Severities) > 0 {
		s.severities, _ = marked(q.Severities)
	}
	for _, x := range q.Except {
		statuses, severities := excluded(x)
		s.statuses &^= statuses
		s.severities &^= severities
	}
	if owners := ownersOf(q); owners != nil {
		for _, id := range owners {
			o := t.ownerMark(id) >> ownerBits
			s.owners[o/64] |= 1 << (o % 64)
		}
	} else {
		s.owners = [4]uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	}
	for _, tag := range q.Tags {
		s.tags |= t.tagMark(incident.Fold(tag))
	}
	return s
}

// marked returns a bit for each value as marks have them, and whether these bits stand for no others.
func marked[E ~uint8](values []E) (bits uint16, exact bool) {
	exact = true
	for _, v := range values {
		bits |= 1 << min(v, 15)
		exact = exact && v < 15
	}
	return bits, exact
}

// unmarked returns q without the filters that a sieve decides for good.
func unmarked(q incident.Query) incident.Query {
	if _, exact := marked(q.Statuses); exact {
		q.Statuses = nil
	}
	if _, exact := marked(q.Severities); exact {
		q.Severities = nil
	}
	var except []incident.Query
	for _, x := range q.Except {
		if statuses, severities := excluded(x); statuses|severities == 0 {
			except = append(except, x)
		}
	}
	q.Except = except
	return q
}

// excluded returns the marks of all that x selects, if x asks for nothing but statuses or nothing but severities.
func excluded(x incident.Query) (statuses, severities uint16) {
	statuses, exact := marked(x.Statuses)
	severities, also := marked(x.Severities)
	x.Statuses, x.Severities = nil, nil
	if !exact || !also || statuses != 0 && severities != 0 || !reflect.ValueOf(x).IsZero() {
		return 0, 0
	}
	return statuses, severities
}

// ownersOf returns the owners that q asks for, folded, "" for none; nil means that owners do not matter.
func ownersOf(q incident.Query) []string {
	var all []string
	if q.Unassigned {
		all = append(all, "")
	}
	for _, id := range q.Owners {
		all = append(all, incident.Fold(id))
	}
	return unique(all)
}

func (s *sieve) passes(m mark) bool {
	o := m >> ownerBits & 255
	return s.statuses>>(m&15)&1 != 0 && s.severities>>(m>>severityBits&15)&1 != 0 && s.owners[o/64]>>(o%64)&1 != 0 &&
		(s.tags == 0 || s.tags&m != 0)
}

// putIncident stores v as of a commit and returns its Number, which is that of v if it is restored and is the next
// one if not.
func (t *tables) putIncident(v *incidentVersion, commit int64, restored bool) int64 {
	node := t.incident(v.value.ID)
	old := node.latest
	v.from, v.older = commit, old
	if old == nil {
		for restored && int64(len(t.numbers)) < v.value.Number-1 {
			t.numbers = append(t.numbers, &incidentNode{}) // a number that nobody has
		}
		t.numbers = append(t.numbers, node)
		v.value.Number = int64(len(t.numbers))
	} else {
		v.value.Number = old.value.Number
		old.to = commit
		t.replaced = append(t.replaced, replaced{incident: v})
	}
	if old != nil && sameTags(v, old) {
		v.tags = old.tags
	} else {
		for _, tag := range v.value.Tags {
			v.tags = append(v.tags, incident.Fold(tag.Name))
		}
		v.tags = unique(v.tags)
	}
	if old != nil && v.value.Owner.ID == old.value.Owner.ID {
		v.owner = old.owner
	} else {
		v.owner = incident.Fold(v.value.Owner.ID)
	}
	v.mark = t.mark(v)
	node.latest = v
	t.facets.put(v, old)
	if v.backdated() {
		t.backdated++
	}

	l := v.listing()
	t.updated.Set(l)
	b := v.bucket
	if t.buckets[b] == nil {
		t.buckets[b] = newTree(lessListing)
	}
	t.buckets[b].Set(l)
	list(&t.owners, v.owner, l)
	for _, tag := range v.tags {
		list(&t.tags, tag, l)
	}
	list(&t.priority, v.value.Priority, l)
	if place := createdPlace(v.value); old == nil || place != createdPlace(old.value) {
		t.created.Set(row{place, node})
	}
	if old == nil || v.value.Name != old.value.Name {
		t.names.Set(row{namePlace(v.value), node})
	}
	return v.value.Number
}

// backdated reports whether the last update came before the creation, as import can have it.
func (v *incidentVersion) backdated() bool { return v.value.Updated.Before(v.value.Created) }

func sameTags(v, w *incidentVersion) bool {
	return slices.EqualFunc(v.value.Tags, w.value.Tags, func(a, b incident.Tag) bool { return a.Name == b.Name })
}

func (v *incidentVersion) listing() listing {
	return listing{v.value.Updated.UnixMicro(), v.value.Number, v.from, v.mark, v}
}

func list[K cmp.Ordered](index *btree.Map[K, *btree.BTreeG[listing]], key K, l listing) {
	tree, ok := index.Get(key)
	if !ok {
		tree = newTree(lessListing)
		index.Set(key, tree)
	}
	tree.Set(l)
}

func unlist[K cmp.Ordered](index *btree.Map[K, *btree.BTreeG[listing]], key K, l listing) {
	tree, _ := index.Get(key)
	if tree.Delete(l); tree.Len() == 0 {
		index.Delete(key)
	}
}

// dropIncident forgets the version before next.
func (t *tables) dropIncident(next *incidentVersion) {
	old := next.older
	next.older = nil
	t.facets.drop(old, next)
	l := old.listing()
	if old.backdated() {
		t.backdated--
	}
	t.updated.Delete(l)
	b := old.bucket
	if t.buckets[b].Delete(l); t.buckets[b].Len() == 0 {
		delete(t.buckets, b)
	}
	unlist(&t.owners, old.owner, l)
	for _, tag := range old.tags {
		unlist(&t.tags, tag, l)
	}
	unlist(&t.priority, old.value.Priority, l)
	if !t.stands(next, func(v *incidentVersion) bool { return v.value.Created.Equal(old.value.Created) }) {
		t.created.Delete(row{Place: createdPlace(old.value)})
	}
	if !t.stands(next, func(v *incidentVersion) bool { return v.value.Name == old.value.Name }) {
		t.names.Delete(row{Place: namePlace(old.value)})
	}
}

// stands reports whether v or a later version of its incident is where.
func (t *tables) stands(v *incidentVersion, where func(*incidentVersion) bool) bool {
	if where(v) {
		return true
	}
	for w := t.incidents[v.value.ID].latest; w != v; w = w.older {
		if where(w) {
			return true
		}
	}
	return false
}

func unique[T cmp.Ordered](set []T) []T {
	if len(set) < 2 {
		return set
	}
	set = slices.Clone(set)
	slices.Sort(set)
	return slices.Compact(set)
}
