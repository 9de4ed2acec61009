package memory

import (
	"cmp"
	"context"
	"reflect"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

var _ storage.Faceter = (*reader)(nil)

// facets are the incidents as they are stored now, counted by value. A View of an earlier moment takes back
// what has been written since. The values of a version are a list of numbers, the same list for versions of an
// incident that follow each other and do not differ in them.
type facets struct {
	numbers map[facet]int32 // of the values that some version has
	values  []value         // by number
	free    []int32         // numbers
	present map[bucket]int
}

// A value is what a number stands for.
type value struct {
	*meaning
	lists  int                // that have it
	counts [bucketSlots]int32 // incidents with it
}

// bucketSlots is how many buckets are counted apart: those of known statuses and severities. The others are in
// the last slot together.
const (
	statuses    = int(incident.Purged) + 1
	severities  = int(alert.High) + 1
	bucketSlots = statuses*severities + 1
)

func (b bucket) slot() int {
	if int(b.status) < statuses && int(b.severity) < severities {
		return int(b.status)*severities + int(b.severity)
	}
	return bucketSlots - 1
}

// A facet is a value of a field by which incidents are counted.
type facet struct {
	field facetField
	owner incident.Owner
	level alert.Criticality
	text  string // of a tag, the first spelling of those that the incident has
}

// A meaning is a facet and what a tag or the identifier of an owner folds to.
type meaning struct {
	facet
	folded string
}

type facetField uint8

const (
	byNobody facetField = iota
	byOwner
	byTag
	byClassification
	byDetermination
	byCriticality
	byList // and so many behind it as is the number of the incident.List

	facetFields = byList + facetField(incident.Lists)
)

// put gives v, which comes after old, its values and counts it in the place of old. Only what differs costs more
// than to see that it does not.
func (f *facets) put(v, old *incidentVersion) {
	if old == nil {
		v.facets = f.list(v, old)
		f.present[v.bucket]++
		f.count(v, 1)
		return
	}
	if v.facets = old.facets; !sameFacets(v, old) {
		v.facets = f.list(v, old)
	}
	if v.bucket != old.bucket {
		f.present[v.bucket]++
		if f.present[old.bucket]--; f.present[old.bucket] == 0 {
			delete(f.present, old.bucket)
		}
	}
	if !v.sharesFacets(old) || v.bucket.slot() != old.bucket.slot() {
		f.count(old, -1)
		f.count(v, 1)
	}
}

func (f *facets) count(v *incidentVersion, n int32) {
	slot := v.bucket.slot()
	for _, number := range v.facets {
		f.values[number].counts[slot] += n
	}
}

func (v *incidentVersion) sharesFacets(w *incidentVersion) bool { return &v.facets[0] == &w.facets[0] }

func sameFacets(v, w *incidentVersion) bool {
	if v.value.Owner != w.value.Owner || v.value.Verdict != w.value.Verdict || v.value.Alerts.Criticality != w.value.Alerts.Criticality || !sameTags(v, w) {
		return false
	}
	lists, others := v.value.Alerts.Lists(), w.value.Alerts.Lists()
	for l := range lists {
		if !slices.Equal(*lists[l], *others[l]) {
			return false
		}
	}
	return true
}

// singles is how many fields have one value each. They stand first in a list.
const singles = 4

// list returns the numbers of v's values. Those of lists that are as in old, which may be nil, it need not look for.
func (f *facets) list(v, old *incidentVersion) []int32 {
	i := &v.value
	lists := i.Alerts.Lists()
	n := singles + len(v.tags)
	for _, list := range lists {
		n += len(*list)
	}
	numbers := make([]int32, 0, n)
	owner := facet{field: byOwner, owner: i.Owner}
	if i.Owner.IsZero() {
		owner.field = byNobody
	}
	numbers = append(numbers, f.number(owner),
		f.number(facet{field: byClassification, text: string(i.Verdict.Classification)}),
		f.number(facet{field: byDetermination, text: string(i.Verdict.Determination)}),
		f.number(facet{field: byCriticality, level: i.Alerts.Criticality}))
	for _, name := range spellings(v) {
		numbers = append(numbers, f.number(facet{field: byTag, text: name}))
	}
	var others [incident.Lists]*[]string
	var had []int32
	if old != nil {
		others, had = old.value.Alerts.Lists(), old.facets[singles+len(old.tags):]
	}
	for l, list := range lists {
		if old != nil {
			other := *others[l]
			same := had[:len(other)]
			if had = had[len(other):]; slices.Equal(*list, other) {
				numbers = append(numbers, same...)
				continue
			}
		}
		for _, text := range *list {
			numbers = append(numbers, f.number(facet{field: byList + facetField(l), text: text}))
		}
	}
	for _, number := range numbers {
		f.values[number].lists++
	}
	return numbers
}

// spellings returns for each tag of v, of those that fold equal, the first spelling.
func spellings(v *incidentVersion) []string {
	var names []string
	if len(v.tags) == len(v.value.Tags) {
		for _, tag := range v.value.Tags {
			names = append(names, tag.Name)
		}
		return names
	}
	for _, folded := range v.tags {
		first, found := "", false
		for _, tag := range v.value.Tags {
			if incident.Fold(tag.Name) == folded && (!found || tag.Name < first) {
				first, found = tag.Name, true
			}
		}
		names = append(names, first)
	}
	return names
}

func (f *facets) number(key facet) int32 {
	number, ok := f.numbers[key]
	if ok {
		return number
	}
	if last := len(f.free) - 1; last >= 0 {
		number, f.free = f.free[last], f.free[:last]
	} else {
		number = int32(len(f.values))
		f.values = append(f.values, value{})
	}
	f.values[number].meaning = &meaning{facet: key}
	switch key.field {
	case byTag:
		f.values[number].folded = incident.Fold(key.text)
	case byOwner:
		f.values[number].folded = incident.Fold(key.owner.ID)
	}
	f.numbers[key] = number
	return number
}

// drop forgets the values of old, which next came after.
func (f *facets) drop(old, next *incidentVersion) {
	if old.sharesFacets(next) {
		return
	}
	for _, number := range old.facets {
		v := &f.values[number]
		if v.lists--; v.lists == 0 {
			delete(f.numbers, v.facet)
			*v = value{}
			f.free = append(f.free, number)
		}
	}
}

// Facets counts the incidents that q selects by value. Under no filter, or filters of statuses and severities,
// it knows the numbers from what is kept up as incidents are written; else it looks at each incident, but copies
// none.
func (r *reader) Facets(ctx context.Context, q incident.Query) (storage.Counts, error) {
	if err := cmp.Or(r.ready(ctx), q.Validate()); err != nil {
		return storage.Counts{}, err
	}
	q = driver.Flat(q)
	r.tables.mu.RLock()
	t, known := r.kept(q)
	r.tables.mu.RUnlock()
	if known {
		return t.counts(), nil
	}
	t = tally{present: make(map[bucket]int)}
	batch := make([]*incidentVersion, 0, lastBatch)
	err := r.each(ctx, q, func(v *incidentVersion) {
		if batch = append(batch, v); len(batch) == cap(batch) {
			t.addAll(batch)
			batch = batch[:0]
		}
	})
	if err != nil {
		return storage.Counts{}, err
	}
	t.addAll(batch)
	r.tables.mu.RLock()
	t.name(&r.tables.facets) // all are of versions that this View sees, so they have their numbers still
	r.tables.mu.RUnlock()
	return t.counts(), nil
}

// A tally is how many incidents have which values.
type tally struct {
	present map[bucket]int
	bucket  bucket     // of those that came last
	run     int        // how many these are, which are not in present yet
	numbers []int      // of incidents, by number of the value
	values  []*meaning // by number
	fetched int32      // of no meaning; it is why the compiler keeps the loads of addAll
}

// kept returns what is known of the incidents that q selects, unless q asks for more than marks tell or too much
// has been written since.
func (r *reader) kept(q incident.Query) (t tally, known bool) {
	if !reflect.ValueOf(unmarked(q)).IsZero() {
		return tally{}, false
	}
	f := &r.tables.facets
	t = tally{present: make(map[bucket]int, len(f.present)), numbers: make([]int, len(f.values))}
	everything := reflect.ValueOf(q).IsZero()
	for b, n := range f.present {
		if !everything && b.slot() == bucketSlots-1 {
			return tally{}, false // some that are counted together may not be in q
		}
		if everything || b.in(q) {
			t.present[b] = n
		}
	}
	var slots []int
	for slot := range bucketSlots {
		if everything || slot < bucketSlots-1 && (bucket{incident.Status(slot / severities), alert.Severity(slot % severities)}).in(q) {
			slots = append(slots, slot)
		}
	}
	for number := range f.values {
		counts := &f.values[number].counts
		for _, slot := range slots {
			t.numbers[number] += int(counts[slot])
		}
	}
	t.name(f)
	return t, r.later(maxScanned, func(v *incidentVersion, n int) {
		if v.bucket.in(q) {
			t.add(v, n)
		}
	})
}

// later calls fn with what leads from the incidents of now to those of r's moment: -1 with versions to take
// away, 1 with versions to add. It reports false when they are too many.
func (r *reader) later(most int, fn func(v *incidentVersion, n int)) bool {
	t := r.tables
	for _, next := range slices.Backward(t.replaced) {
		switch v := next.incident; {
		case v == nil && next.alert.from > r.commit:
		case v != nil && v.from > r.commit:
			fn(v, -1)
			fn(v.older, 1)
		default:
			return r.fresh(most, func(v *incidentVersion) { fn(v, -1) })
		}
		if most--; most < 0 {
			return false
		}
	}
	return r.fresh(most, func(v *incidentVersion) { fn(v, -1) })
}

// addAll adds versions. That they are fetched from memory one at once with the others, and not each when the one
// before has been added, is most of what can be saved.
func (t *tally) addAll(versions []*incidentVersion) {
	for _, v := range versions {
		t.fetched += v.facets[0]
	}
	for _, v := range versions {
		t.add(v, 1)
	}
}

func (t *tally) add(v *incidentVersion, n int) {
	if v.bucket != t.bucket {
		t.present[t.bucket] += t.run
		t.bucket, t.run = v.bucket, 0
	}
	t.run += n
	for _, number := range v.facets {
		if more := int(number) + 1 - len(t.numbers); more > 0 {
			t.numbers = append(t.numbers, make([]int, more)...)
		}
		t.numbers[number] += n
	}
}

// name finds out what the numbers stand for.
func (t *tally) name(f *facets) {
	t.values = make([]*meaning, len(t.numbers))
	for number := range t.values {
		t.values[number] = f.values[number].meaning
	}
}

func (t *tally) counts() storage.Counts {
	t.present[t.bucket] += t.run
	var c storage.Counts
	for b, n := range t.present {
		if n != 0 {
			c.Total += n
			raise(&c.Statuses, b.status, n, len(t.present))
			raise(&c.Severities, b.severity, n, len(t.present))
		}
	}
	var sizes [facetFields]int
	for number, n := range t.numbers {
		if n != 0 {
			sizes[t.values[number].field]++
		}
	}
	lists := c.Lists()
	for number, n := range t.numbers {
		if n == 0 {
			continue
		}
		f := t.values[number]
		switch size := sizes[f.field]; f.field {
		case byNobody:
			c.Unassigned = n
		case byOwner:
			if c.Owners == nil {
				c.Owners = make(map[string]storage.OwnerTally, size)
			}
			one := c.Owners[f.folded]
			one.Add(f.owner, n)
			c.Owners[f.folded] = one
		case byTag:
			if c.Tags == nil {
				c.Tags = make(map[string]storage.Tally, size)
			}
			one := c.Tags[f.folded]
			one.Add(f.text, n)
			c.Tags[f.folded] = one
		case byClassification:
			raise(&c.Classifications, classification.Classification(f.text), n, size)
		case byDetermination:
			raise(&c.Determinations, classification.Determination(f.text), n, size)
		case byCriticality:
			raise(&c.Criticalities, f.level, n, size)
		default:
			raise(lists[f.field-byList], f.text, n, size)
		}
	}
	return c
}

// raise adds n to the count of k in a map that will be that large.
func raise[K comparable](counts *map[K]int, k K, n, size int) {
	if *counts == nil {
		*counts = make(map[K]int, size)
	}
	(*counts)[k] += n
}
