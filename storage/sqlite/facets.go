package sqlite

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A mark is what incidents are counted apart by: a query that filters by nothing else can be answered from counts.
type mark struct {
	status   incident.Status
	severity alert.Severity
}

// tallies are by how much counts change.
type tallies map[tally]int

type tally struct {
	facet driver.Facet
	mark  mark
}

// count counts i n times.
func (t tallies) count(i *incident.Incident, n int) {
	for _, f := range driver.FacetsOf(i) {
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
			return fmt.Errorf("facet_counts holds %x", column)
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
	changed := make(map[driver.Facet]marks)
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
		var name driver.Facet
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
	var gone []driver.Facet
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

// A facetCount is a row of facet_counts.
type facetCount struct {
	facet  driver.Facet
	counts []byte
}

func facetCountPlaces(row *facetCount) []any { return []any{&row.facet, &row.counts} }

// counted yields how many incidents that q, which filters by marks, selects have each facet, by mark.
func (r *reader) counted(
	ctx context.Context, q incident.Query, s selection, yield func(driver.Facet, mark, int),
) error {
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
	s.add(`SELECT facet, counts FROM facet_counts WHERE facet = ?`, driver.EveryIncident)
	err = r.counted(ctx, q, s, func(_ driver.Facet, _ mark, n int) { total += n })
	return total, err
}

// keptFacets returns how many incidents q, which filters by marks, selects by value.
func (r *reader) keptFacets(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
	numbers := make(map[driver.Facet]int)
	var s selection
	s.add(`SELECT facet, counts FROM facet_counts`)
	var failed error
	err = r.counted(ctx, q, s, func(f driver.Facet, m mark, n int) {
		if f == driver.EveryIncident {
			failed = cmp.Or(failed, driver.AddFacet(&c, f, m.status, m.severity, n))
		} else {
			numbers[f] += n
		}
	})
	for f, n := range numbers {
		failed = cmp.Or(failed, driver.AddFacet(&c, f, 0, 0, n))
	}
	if err := cmp.Or(err, failed); err != nil {
		return storage.Counts{}, err
	}
	return c, nil
}
