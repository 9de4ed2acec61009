package memory_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Q5: a count is the number of incidents that the query yields when it is walked to the end, and each facet
// is what the query selects of its value. selected is what q selects.
func countsAgree(t *rapid.T, r storage.Reader, q incident.Query, selected []incident.Incident) {
	slow := struct{ storage.Reader }{r} // neither Counter nor Faceter
	for _, reader := range []storage.Reader{r, slow} {
		n, err := storage.Count(t.Context(), reader, q)
		require.NoError(t, err)
		require.Equal(t, len(selected), n, "%+v", q)
		got, err := storage.Facets(t.Context(), reader, q)
		require.NoError(t, err)
		require.Equal(t, facetsOf(selected), got, "%+v", q)
	}
}

// facetsOf asks for each value in turn.
func facetsOf(selected []incident.Incident) storage.Counts {
	matching := func(q incident.Query) (n int) {
		for _, i := range selected {
			if q.Match(incident.Case{Incident: i}) {
				n++
			}
		}
		return n
	}
	c := storage.Counts{Total: len(selected), Unassigned: matching(incident.Query{Unassigned: true})}
	add(&c.Statuses, []incident.Status{0, 1, 2, 3, 9}, func(v incident.Status) int { return matching(incident.Query{Statuses: []incident.Status{v}}) })
	add(&c.Severities, []alert.Severity{0, 1, 2, 3, 4, 9, 15, 16}, func(v alert.Severity) int { return matching(incident.Query{Severities: []alert.Severity{v}}) })
	for _, id := range []string{"", "ann", "kai"} {
		if n := matching(incident.Query{Owners: []string{id}}); n > 0 {
			if c.Owners == nil {
				c.Owners = make(map[string]storage.OwnerTally)
			}
			c.Owners[id] = storage.OwnerTally{Owner: spokenFor(id, selected), Count: n}
		}
	}
	add(&c.Classifications, []classification.Classification{"", classification.TruePositive}, func(v classification.Classification) int {
		return matching(incident.Query{Classifications: []classification.Classification{v}})
	})
	add(&c.Determinations, []classification.Determination{"", classification.Malware}, func(v classification.Determination) int {
		return matching(incident.Query{Determinations: []classification.Determination{v}})
	})
	values := []string{"a", "b"}
	for l, counts := range c.Lists() {
		add(counts, values, func(v string) int {
			var q incident.Query
			*q.Lists()[l] = []string{v}
			return matching(q)
		})
	}
	add(&c.Criticalities, []alert.Criticality{0, 1, 4}, func(v alert.Criticality) int {
		return matching(incident.Query{Criticalities: []alert.Criticality{v}})
	})
	for folded, spellings := range map[string][]string{"vip": {"VIP", "vip"}, "strasse": {"straße"}} {
		if n := matching(incident.Query{Tags: []string{folded}}); n > 0 {
			if c.Tags == nil {
				c.Tags = make(map[string]storage.Tally)
			}
			used := func(name string) bool {
				return slices.ContainsFunc(selected, func(i incident.Incident) bool { return slices.Contains(i.Tags, incident.Tag{Name: name}) })
			}
			c.Tags[folded] = storage.Tally{Name: spellings[slices.IndexFunc(spellings, used)], Count: n}
		}
	}
	return c
}

// spokenFor returns the owner that stands for an account identifier: of all spellings the first in an order
// that is written out.
func spokenFor(id string, selected []incident.Incident) incident.Owner {
	var all []incident.Owner
	for _, i := range selected {
		if !i.Owner.IsZero() && i.Owner.ID == id {
			all = append(all, i.Owner)
		}
	}
	return slices.MinFunc(all, func(a, b incident.Owner) int {
		named := func(o incident.Owner) int { return min(len(o.Name), 1) }
		return cmp.Or(named(b)-named(a), int(a.Kind)-int(b.Kind), cmp.Compare(a.Name, b.Name))
	})
}

func add[K comparable](counts *map[K]int, values []K, count func(K) int) {
	for _, v := range values {
		if n := count(v); n > 0 {
			if *counts == nil {
				*counts = make(map[K]int)
			}
			(*counts)[v] = n
		}
	}
}

// Q2: a page is the beginning of the whole queue, whichever way that is sorted, and a count is of the whole
// queue, whichever page is asked for.
func TestPageIsTheBeginningOfTheQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := memory.New(), newModel()
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			m.grow(t, s)
		}
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			q := incident.Query{Sort: incident.Sort(rapid.IntRange(0, 6).Draw(t, "sort")), Ascending: rapid.Bool().Draw(t, "ascending")}
			all := collect(t, r.Incidents(t.Context(), q))
			require.True(t, slices.IsSortedFunc(all, q.Compare))
			require.Len(t, all, len(m.incidents))
			q.Limit = rapid.IntRange(1, 8).Draw(t, "limit")
			require.Equal(t, all[:min(q.Limit, len(all))], collect(t, r.Incidents(t.Context(), q)))
			if len(all) > 0 {
				q.After = q.CursorAfter(all[len(all)/2])
			}
			n, err := storage.Count(t.Context(), r, q)
			require.NoError(t, err)
			require.Equal(t, len(all), n)

			one := pick(t, "one filter",
				incident.Query{Owners: some(t, "owners", "kai", "ann", "")}, incident.Query{Unassigned: true}, incident.Query{Tags: some(t, "tags", "Vip", "STRASSE")},
				incident.Query{Statuses: some(t, "statuses", incident.Active, incident.Resolved), Severities: some(t, "severities", alert.Low, alert.High)},
				incident.Query{Owners: []string{"kai"}, Tags: []string{"vip"}}, incident.Query{Tags: []string{"vip"}, Statuses: []incident.Status{incident.Active}},
			)
			n, err = storage.Count(t.Context(), r, one)
			require.NoError(t, err)
			require.Len(t, collect(t, r.Incidents(t.Context(), one)), n, "%+v", one)
			return nil
		}))
	})
}

// Q3: who walks all pages while others write sees each incident that does not change exactly once.
func TestWalkingPagesWhileOthersWrite(t *testing.T) {
	const still, moving = 300, 30
	for sort := incident.ByUpdated; sort <= incident.ByPriority; sort++ {
		for _, ascending := range []bool{false, true} {
			s := memory.New()
			draw := func(n, round int) incident.Incident {
				return incident.Incident{
					ID: incident.ID(fmt.Sprint("i", n)), Name: fmt.Sprint("n", (n*7+round)%50), Severity: alert.Severity((n + round) % 5),
					Status: incident.Status((n + round) % 3), Owner: incident.Owner{ID: fmt.Sprint((n + round) % 7)},
					Created: at((n*11 + round) % 400), Updated: at((n*13 + round) % 400),
				}
			}
			var cs storage.Changeset
			for n := range still + moving {
				cs.Incidents = append(cs.Incidents, draw(n, 0))
			}
			_, err := s.Apply(t.Context(), cs)
			require.NoError(t, err)
			seen := make(map[incident.ID]int)
			q := incident.Query{Sort: sort, Ascending: ascending, Limit: 20}
			for round := 1; ; round++ {
				var page []incident.Incident
				require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
					page = collect(t, r.Incidents(t.Context(), q))
					return nil
				}))
				for _, i := range page {
					seen[i.ID]++
				}
				if len(page) == 0 {
					break
				}
				q.After = q.CursorAfter(page[len(page)-1])
				var cs storage.Changeset
				for n := range moving {
					i := draw(still+n, 31*round+n)
					i.Version = int64(round)
					cs.Incidents = append(cs.Incidents, i)
				}
				if round < 20 { // an ascending walk never ends while new ones come
					cs.Incidents = append(cs.Incidents, draw(still+moving+round, round))
				}
				_, err := s.Apply(t.Context(), cs)
				require.NoError(t, err)
			}
			for n := range still {
				assert.Equal(t, 1, seen[incident.ID(fmt.Sprint("i", n))], "i%d by %s, ascending %t", n, sort, ascending)
			}
		}
	}
}

// Q4: a queue of any length is walked to its end, page by page, in every order, and each incident is seen once.
func TestWalkingToTheEnd(t *testing.T) {
	const incidents, page = 20_000, 500
	s := memory.New()
	var cs storage.Changeset
	for n := range incidents {
		cs.Incidents = append(cs.Incidents, incident.Incident{
			ID: incident.ID(fmt.Sprint("i", n)), Name: fmt.Sprint("n", n*7%50), Severity: alert.Severity(n % 5), Status: incident.Status(n % 3),
			Owner: incident.Owner{ID: fmt.Sprint(n % 7)}, Priority: n % 101, Created: at(n * 11 % 400), Updated: at(n * 13 % 400),
		})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	for sort := incident.ByUpdated; sort <= incident.ByPriority; sort++ {
		seen := make(map[incident.ID]bool, incidents)
		pages := 0
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			for q := (incident.Query{Sort: sort, Limit: page}); ; pages++ {
				var last incident.Incident
				for _, i := range collect(t, r.Incidents(t.Context(), q)) {
					require.False(t, seen[i.ID], "%s by %s", i.ID, sort)
					seen[i.ID] = true
					last = i
				}
				if last.ID == "" {
					return nil
				}
				q.After = q.CursorAfter(last)
			}
		}))
		assert.Len(t, seen, incidents, "by %s", sort)
		assert.Equal(t, incidents/page, pages)
	}
}

// A count that sizes of indexes tell is still that of the moment of the View when much has been written since.
func TestCountInAnOldView(t *testing.T) {
	s := memory.New()
	write := func(from, to int, version int64, change func(*incident.Incident)) {
		var cs storage.Changeset
		for n := from; n < to; n++ {
			i := incident.Incident{ID: incident.ID(fmt.Sprint("i", n)), Version: version, Updated: at(n), Tags: []incident.Tag{{Name: "vip"}}}
			change(&i)
			cs.Incidents = append(cs.Incidents, i)
		}
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
	}
	write(0, 5000, 0, func(*incident.Incident) {})
	require.NoError(t, s.View(t.Context(), func(old storage.Reader) error {
		agree := func() {
			for q, want := range map[*incident.Query]int{
				{}:                        5000,
				{Tags: []string{"VIP"}}:   5000,
				{Owners: []string{"kai"}}: 0,
				{Statuses: []incident.Status{incident.Active}}:   5000,
				{Statuses: []incident.Status{incident.Resolved}}: 0,
				{UpdatedSince: at(4000)}:                         1000,
				{Text: "i7"}:                                     1,
				{Except: []incident.Query{{Statuses: []incident.Status{incident.Resolved}}}}: 5000,
			} {
				n, err := storage.Count(t.Context(), old, *q)
				require.NoError(t, err)
				assert.Equal(t, want, n, "%+v", *q)
				slow, err := storage.Facets(t.Context(), struct{ storage.Reader }{old}, *q)
				require.NoError(t, err)
				for range 2 { // the maps are the caller's, who may spoil them
					c, err := storage.Facets(t.Context(), old, *q)
					require.NoError(t, err)
					assert.Equal(t, slow, c, "%+v", *q)
					clear(c.Statuses)
					clear(c.Owners)
					clear(c.Tags)
				}
			}
		}
		agree()
		for version := range int64(2) { // the second time more versions are kept than are looked through
			write(0, 3000, version+1, func(i *incident.Incident) { i.Status, i.Owner.ID, i.Tags = incident.Resolved, "kai", nil })
			write(5000+int(version)*100, 5100+int(version)*100, 0, func(*incident.Incident) {})
			agree()
		}
		return nil
	}))
}

// The Reader of a View that is over does not count.
func TestCountAfterTheView(t *testing.T) {
	s := memory.New()
	var r storage.Reader
	require.NoError(t, s.View(t.Context(), func(here storage.Reader) error { r = here; return nil }))
	_, err := storage.Count(t.Context(), r, incident.Query{})
	require.ErrorIs(t, err, storage.ErrClosed)
	_, err = storage.Facets(t.Context(), r, incident.Query{CreatedSince: day})
	require.ErrorIs(t, err, storage.ErrClosed)
}

// Statuses and severities that are no constants, which only Restore brings, are counted like others, those that marks
// do not tell apart too.
func TestCountOfOddValues(t *testing.T) {
	s := memory.New()
	var cs storage.Changeset
	odd := []int{0, 2, 4, 9, 14, 15, 16, 99}
	for n, status := range odd {
		for k, severity := range odd {
			cs.Incidents = append(cs.Incidents, incident.Incident{
				ID:       incident.ID(fmt.Sprint(n, "/", k)),
				Number:   int64(len(cs.Incidents)) + 1,
				Status:   incident.Status(status),
				Severity: alert.Severity(severity),
			})
		}
	}
	require.NoError(t, s.Restore(t.Context(), cs))
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for _, v := range []int{0, 2, 4} {
			statuses, severities := []incident.Status{incident.Status(v)}, []alert.Severity{alert.Severity(v)}
			for _, q := range []incident.Query{
				{Statuses: statuses}, {Severities: severities}, {Statuses: statuses, Severities: severities},
				{Except: []incident.Query{{Statuses: statuses}}}, {Except: []incident.Query{{Severities: severities}}},
				{Except: []incident.Query{{Statuses: statuses, Severities: severities}}}, {Except: []incident.Query{{}}},
			} {
				var want storage.Counts
				for n := range cs.Incidents {
					if q.Match(incident.Case{Incident: cs.Incidents[n]}) {
						want.Add(&cs.Incidents[n])
					}
				}
				got, err := storage.Facets(t.Context(), r, q)
				require.NoError(t, err)
				assert.Equal(t, want, got, "%+v", q)
				n, err := storage.Count(t.Context(), r, q)
				require.NoError(t, err)
				assert.Equal(t, want.Total, n, "%+v", q)
			}
		}
		return nil
	}))
}

// A count that takes several batches and several indexes leaves nothing out between them.
func TestCountGoesOnWithTheNextIndex(t *testing.T) {
	s := memory.New()
	var cs storage.Changeset
	for n := range 4000 {
		cs.Incidents = append(cs.Incidents, incident.Incident{
			ID: incident.ID(fmt.Sprint(n)), Status: incident.Status(2 * (n % 2)), Severity: alert.Severity(n / 2 % 5), Created: at(n), Updated: at(n),
		})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		c, err := storage.Facets(t.Context(), r, incident.Query{Statuses: []incident.Status{incident.Active}, CreatedSince: at(1000)})
		require.NoError(t, err)
		assert.Equal(t, 1500, c.Total)
		assert.Equal(t, map[alert.Severity]int{0: 300, 1: 300, 2: 300, 3: 300, 4: 300}, c.Severities)
		return nil
	}))
}
