package sqlite

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A mark is what incidents are counted apart by: a query that filters by nothing else can be answered from counts.
type mark struct {
	status   incident.Status
	severity alert.Severity
}

// A facet is a value by which incidents are counted, as the key of facet_counts: the first byte is the field.
type facet string

// The fields. The lists of a summary have those of incident_values, beginning with sourceValues, as digits and
// letters from byList on.
const (
	byNothing        = "-" // all incidents
	byOwner          = "o" // kind, identifier and name as JSON; not of an incident without an owner
	byTag            = "t" // the first spelling of those that an incident has
	byClassification = "c"
	byDetermination  = "d"
	byCriticality    = "r" // its number
	byList           = 'A'
)

// facets returns those of i. A value that is in a list twice is counted twice.
func facets(i *incident.Incident) []facet {
	all := []facet{
		byNothing, byClassification + facet(i.Verdict.Classification), byDetermination + facet(i.Verdict.Determination),
		byCriticality + facet(strconv.Itoa(int(i.Alerts.Criticality))),
	}
	if !i.Owner.IsZero() {
		text, _ := marshal(ownerRow{uint8(i.Owner.Kind), i.Owner.ID, i.Owner.Name}) // texts and numbers always can
		all = append(all, facet(byOwner+text))
	}
	first := make(map[string]string, len(i.Tags)) // spelling, by what it folds to
	for _, t := range i.Tags {
		folded := incident.Fold(t.Name)
		if name, ok := first[folded]; !ok || t.Name < name {
			first[folded] = t.Name
		}
	}
	for _, name := range first {
		all = append(all, facet(byTag+name))
	}
	for n, texts := range summaryLists(&i.Alerts) {
		for _, text := range *texts {
			all = append(all, facet(rune(byList+n))+facet(text))
		}
	}
	return all
}

// An ownerRow is an owner in a facet. Its kind is a number, which may be that of no constant.
type ownerRow struct {
	Kind uint8
	ID   string
	Name string
}

// summaryLists returns the lists of s in the order of their fields.
func summaryLists(s *incident.Summary) [9]*[]string {
	return [...]*[]string{&s.Sources, &s.DetectionSources, &s.Products, &s.Categories, &s.Techniques, &s.DeviceGroups, &s.Platforms, &s.Threats, &s.ThreatActors}
}

// tallies are by how much counts change.
type tallies map[tally]int

type tally struct {
	facet facet
	mark  mark
}

// count counts i n times.
func (t tallies) count(i *incident.Incident, n int) {
	for _, f := range facets(i) {
		t.raise(tally{f, mark{i.Status, i.Severity}}, n)
	}
}

// merge adds what others changes.
func (t tallies) merge(others tallies) {
	for k, n := range others {
		t.raise(k, n)
	}
}

func (t tallies) raise(k tally, n int) {
	if t[k] += n; t[k] == 0 {
		delete(t, k)
	}
}

// marks are how many incidents there are of each, as a column: status, severity and number one after the other, as
// uvarints.
type marks map[mark]int

func (m marks) encode() []byte {
	var b []byte
	for _, k := range slices.SortedFunc(maps.Keys(m), func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.status, b.status), cmp.Compare(a.severity, b.severity))
	}) {
		if m[k] != 0 {
			for _, n := range []int{int(k.status), int(k.severity), m[k]} {
				b = binary.AppendUvarint(b, uint64(n))
			}
		}
	}
	return b
}

// each calls fn with what a column holds.
func each(column []byte, fn func(mark, int)) error {
	var triple [3]uint64
	for n := 0; len(column) > 0; n++ {
		v, size := binary.Uvarint(column)
		if size <= 0 {
			return fmt.Errorf("sqlite: facet_counts holds %x", column)
		}
		column = column[size:]
		if triple[n%3] = v; n%3 == 2 {
			fn(mark{incident.Status(triple[0]), alert.Severity(triple[1])}, int(triple[2]))
		}
	}
	return nil
}

// putTallies changes the counts that are stored: all those of a transaction at once, since many of its Changesets
// change the same.
func (t tx) putTallies() error {
	if len(t.tallies) == 0 {
		return nil
	}
	changed := make(map[facet]marks)
	for k, n := range t.tallies {
		if changed[k.facet] == nil {
			changed[k.facet] = make(marks)
		}
		changed[k.facet][k.mark] = n
	}
	names := slices.Sorted(maps.Keys(changed)) // as they stand in the table
	rows, err := t.query(t.ctx, `SELECT facet, counts FROM facet_counts WHERE facet`+inTexts, []any{texts(names)})
	if err != nil {
		return err
	}
	for rows.Next() {
		var name facet
		var counts []byte
		if err = rows.Scan(&name, &counts); err == nil {
			err = each(counts, func(m mark, n int) { changed[name][m] += n })
		}
		if err != nil {
			break
		}
	}
	if err := cmp.Or(err, rows.Err(), rows.close()); err != nil {
		return err
	}
	var gone []facet
	put := []byte{'['}
	for _, name := range names {
		counts := changed[name].encode()
		if len(counts) == 0 {
			gone = append(gone, name)
			continue
		}
		if len(put) > 1 {
			put = append(put, ',')
		}
		put = append(put, `["`...)
		put = hex.AppendEncode(put, []byte(name))
		put = append(put, `","`...)
		put = hex.AppendEncode(put, counts)
		put = append(put, `"]`...)
	}
	if len(gone) > 0 {
		if err := t.exec(`DELETE FROM facet_counts WHERE facet`+inTexts, texts(gone)); err != nil {
			return err
		}
	}
	return t.exec(`INSERT OR REPLACE INTO facet_counts (facet, counts)
		SELECT CAST(unhex(value ->> 0) AS TEXT), unhex(value ->> 1) FROM json_each(?)`, string(append(put, ']')))
}

// byMarks reports whether q filters by nothing but marks.
func byMarks(q incident.Query) bool {
	except := q.Except
	q.Statuses, q.Severities, q.Except = nil, nil, nil
	if !reflect.ValueOf(q).IsZero() {
		return false
	}
	for _, x := range except {
		x.Sort, x.Ascending, x.After, x.Limit = incident.ByUpdated, false, incident.Cursor{}, 0 // do not count
		if !byMarks(x) {
			return false
		}
	}
	return true
}

// A facetCount is a row of facet_counts.
type facetCount struct {
	facet  facet
	counts []byte
}

func facetCountPlaces(row *facetCount) []any { return []any{&row.facet, &row.counts} }

// counted yields how many incidents that q, which filters by marks, selects have each facet, by mark.
func (r *reader) counted(ctx context.Context, q incident.Query, s selection, yield func(facet, mark, int)) error {
	wanted := make(map[mark]bool)
	for row, err := range scan(ctx, r, s, facetCountPlaces, nil, 0) {
		if err != nil {
			return err
		}
		if err := each(row.counts, func(m mark, n int) {
			selected, known := wanted[m]
			if !known {
				selected = q.Match(incident.Case{Incident: incident.Incident{Status: m.status, Severity: m.severity}})
				wanted[m] = selected
			}
			if selected {
				yield(row.facet, m, n)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// keptCount returns how many incidents q, which filters by marks, selects.
func (r *reader) keptCount(ctx context.Context, q incident.Query) (total int, err error) {
	var s selection
	s.add(`SELECT facet, counts FROM facet_counts WHERE facet = ?`, byNothing)
	err = r.counted(ctx, q, s, func(_ facet, _ mark, n int) { total += n })
	return total, err
}

// keptFacets returns how many incidents q, which filters by marks, selects by value.
func (r *reader) keptFacets(ctx context.Context, q incident.Query) (storage.Counts, error) {
	var c storage.Counts
	numbers := make(map[facet]int)
	var s selection
	s.add(`SELECT facet, counts FROM facet_counts`)
	if err := r.counted(ctx, q, s, func(f facet, m mark, n int) {
		if numbers[f] += n; f == byNothing {
			c.Total += n
			raise(&c.Statuses, m.status, n)
			raise(&c.Severities, m.severity, n)
		}
	}); err != nil {
		return storage.Counts{}, err
	}
	c.Unassigned = c.Total
	for f, n := range numbers {
		if err := addFacet(&c, f, n); err != nil {
			return storage.Counts{}, err
		}
	}
	return c, nil
}

// addFacet adds n incidents that have f to c, where all without an owner are counted as unassigned.
func addFacet(c *storage.Counts, f facet, n int) error {
	switch field, value := string(f[:1]), string(f[1:]); field {
	case byNothing:
	case byOwner:
		var o ownerRow
		if err := json.Unmarshal([]byte(value), &o); err != nil {
			return fmt.Errorf("sqlite: facet_counts: %w", err)
		}
		c.Unassigned -= n
		if c.Owners == nil {
			c.Owners = make(map[string]storage.OwnerTally)
		}
		one := c.Owners[o.ID]
		one.Add(incident.Owner{Kind: alert.OwnerKind(o.Kind), ID: o.ID, Name: o.Name}, n)
		c.Owners[o.ID] = one
	case byTag:
		if c.Tags == nil {
			c.Tags = make(map[string]storage.Tally)
		}
		folded := incident.Fold(value)
		one := c.Tags[folded]
		one.Add(value, n)
		c.Tags[folded] = one
	case byClassification:
		raise(&c.Classifications, classification.Classification(value), n)
	case byDetermination:
		raise(&c.Determinations, classification.Determination(value), n)
	case byCriticality:
		level, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return fmt.Errorf("sqlite: facet_counts: %w", err)
		}
		raise(&c.Criticalities, alert.Criticality(level), n)
	default:
		lists := [...]*map[string]int{&c.Sources, &c.DetectionSources, &c.Products, &c.Categories, &c.Techniques, &c.DeviceGroups, &c.Platforms, &c.Threats, &c.ThreatActors}
		place := int(f[0]) - byList
		if place < 0 || place >= len(lists) {
			return fmt.Errorf("sqlite: facet_counts has a field %q", field)
		}
		raise(lists[place], value, n)
	}
	return nil
}

func raise[K comparable](counts *map[K]int, k K, n int) {
	if *counts == nil {
		*counts = make(map[K]int)
	}
	(*counts)[k] += n
}
