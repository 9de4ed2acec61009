package memory

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// What a store holds when no View is open is what a new store holds that is given the latest state of each
// record: replaced versions and their places in the indexes are gone.
func TestNothingReplacedIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New()
		incidents, alerts := map[incident.ID]incident.Incident{}, map[alert.ID]alert.Alert{}
		ends := []func(){}
		if rapid.Bool().Draw(t, "crowd") {
			var cs storage.Changeset
			for n := range maxFew + 1 {
				a := alert.Alert{ID: alert.ID(fmt.Sprint(n)), Incident: "a", Evidence: []alert.Evidence{{Entity: alert.IP{Address: "192.0.2.0"}}}}
				cs.Alerts = append(cs.Alerts, a)
				a.Version++
				alerts[a.ID] = a
			}
			_, err := s.Apply(t.Context(), cs)
			require.NoError(t, err)
		}
		minute := func() time.Time {
			return time.Date(2026, 3, 1, 0, rapid.IntRange(0, 9).Draw(t, "minute"), 0, 0, time.UTC)
		}
		for range rapid.IntRange(1, 30).Draw(t, "writes") {
			i := incident.Incident{ID: incident.ID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"))}
			i.Version = incidents[i.ID].Version
			i.Name, i.Owner.ID = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name"), rapid.SampledFrom([]string{"", "kai"}).Draw(t, "owner")
			i.Status, i.Created, i.Updated = incident.Status(rapid.IntRange(0, 2).Draw(t, "status")), minute(), minute()
			i.Alerts.Categories = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b"}), rapid.ID[string]).Draw(t, "categories")
			i.Severity = alert.Severity(rapid.SampledFrom([]int{0, 2, 4}).Draw(t, "severity"))
			for _, tag := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"vip", "test"}), rapid.ID[string]).Draw(t, "tags") {
				i.Tags = append(i.Tags, incident.Tag{Name: tag})
			}
			a := alert.Alert{ID: alert.ID(fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "alert"))), Incident: i.ID, FirstActivity: minute()}
			a.Version = alerts[a.ID].Version
			for _, n := range rapid.SliceOfDistinct(rapid.IntRange(0, 3), rapid.ID[int]).Draw(t, "evidence") {
				a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.IP{Address: fmt.Sprintf("192.0.2.%d", n)}})
			}
			_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}})
			require.NoError(t, err)
			i.Version++
			a.Version++
			incidents[i.ID], alerts[a.ID] = i, a
			next, end := iter.Pull(func(yield func(bool) bool) {
				_ = s.View(t.Context(), func(storage.Reader) error { yield(true); return nil })
			})
			next()
			if ends = append(ends, end); rapid.Bool().Draw(t, "end") {
				ends[0]()
				ends = ends[1:]
			}
		}
		for _, end := range ends {
			end()
		}
		for len(s.tables.replaced) > 0 {
			_, err := s.Apply(t.Context(), storage.Changeset{})
			require.NoError(t, err)
		}

		fresh := New()
		var cs storage.Changeset
		for _, i := range incidents {
			i.Version = 0
			cs.Incidents = append(cs.Incidents, i)
		}
		for _, a := range alerts {
			a.Version = 0
			cs.Alerts = append(cs.Alerts, a)
		}
		_, err := fresh.Apply(t.Context(), cs)
		require.NoError(t, err)
		assert.Equal(t, fresh.tables.sizes(), s.tables.sizes())
		assert.Len(t, s.tables.facets.values, len(s.tables.facets.numbers)+len(s.tables.facets.free), "numbers are used again")
		for _, e := range s.tables.entities {
			if e.members != nil {
				assert.Equal(t, e.alerts.len(), e.members.Len(), e.key)
			}
		}
		for id := range incidents {
			assert.Nil(t, s.tables.incidents[id].latest.older)
		}
		for _, n := range s.tables.alerts {
			assert.Nil(t, n.latest.older)
		}
	})
}

// sizes returns how many places each index has.
func (t *tables) sizes() map[string]int {
	sizes := map[string]int{
		"updated": t.updated.Len(), "created": t.created.Len(), "names": t.names.Len(), "by time": t.byTime.len(),
		"buckets": len(t.buckets), "owners": t.owners.Len(), "tags": t.tags.Len(), "entities": len(t.entities),
		"values": len(t.facets.numbers), "backdated": t.backdated,
	}
	for key, number := range t.facets.numbers {
		v := t.facets.values[number]
		sizes[fmt.Sprint("lists with ", key)] = v.lists
		for slot, n := range v.counts {
			sizes[fmt.Sprint("incidents with ", key, " in ", slot)] = int(n)
		}
	}
	for b, n := range t.facets.present {
		sizes[fmt.Sprint("present in ", b)] = n
	}
	for b, tree := range t.buckets {
		sizes[fmt.Sprint("bucket ", b)] = tree.Len()
	}
	for owner, tree := range t.owners.Scan {
		sizes["owner "+owner] = tree.Len()
	}
	for tag, tree := range t.tags.Scan {
		sizes["tag "+tag] = tree.Len()
	}
	for key, e := range t.entities {
		sizes["entity "+string(key)] = e.alerts.len()
	}
	for id, n := range t.incidents {
		sizes["alerts of "+string(id)] = n.alerts.len()
	}
	return sizes
}

// What was purged is in no index any more, whatever Views were open when it came, changed and went, and what comes
// again in its place is found.
func TestNothingIsLeftOfWhatWasPurged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, fresh := New(), New()
		apply := func(s *Store, cs storage.Changeset) {
			_, err := s.Apply(t.Context(), cs)
			require.NoError(t, err)
		}
		many := rapid.SampledFrom([]int{1, 2, 200}).Draw(t, "alerts") // a tree has more than a few
		alerts := func(version int64, incident incident.ID, hosts ...string) (all []alert.Alert) {
			for n := range many {
				a := alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), Version: version, Incident: incident, FirstActivity: time.UnixMicro(int64(n)).UTC()}
				for _, host := range hosts {
					a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: host}})
				}
				all = append(all, a)
			}
			return all
		}
		within := func(fn func()) {
			if !rapid.Bool().Draw(t, "open") {
				fn()
				return
			}
			require.NoError(t, s.View(t.Context(), func(storage.Reader) error { fn(); return nil }))
		}
		stays := []alert.Alert{{ID: "stays", Incident: "j", Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "y"}}}}}
		apply(s, storage.Changeset{Incidents: []incident.Incident{{ID: "i"}, {ID: "j"}}, Alerts: stays})
		within(func() {
			apply(s, storage.Changeset{Alerts: alerts(0, "j", "x", "y")})
			within(func() {
				apply(s, storage.Changeset{Alerts: alerts(1, "i", "y", "z")})
				within(func() {
					apply(s, storage.Changeset{Incidents: []incident.Incident{{ID: "i", Version: 1}}, Purge: []incident.ID{"i"}})
					if rapid.Bool().Draw(t, "again at once") {
						apply(s, storage.Changeset{Alerts: alerts(0, "j", "z")})
						apply(fresh, storage.Changeset{Alerts: alerts(0, "j", "z")})
					}
				})
			})
		})
		for len(s.tables.replaced) > 0 {
			apply(s, storage.Changeset{})
		}
		apply(fresh, storage.Changeset{Incidents: []incident.Incident{{ID: "i"}, {ID: "j"}}, Alerts: stays})
		for _, e := range s.tables.entities {
			assert.True(t, e.members == nil || e.members.Len() == e.alerts.len(), e.key)
		}
		got, want := s.tables.sizes(), fresh.tables.sizes()
		delete(want, "alerts of i")
		delete(got, "alerts of i")
		assert.Equal(t, want, got)
		assert.Zero(t, s.tables.incidents["i"].alerts.len())
		assert.Len(t, s.tables.alerts, len(fresh.tables.alerts))
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			n := 0
			for _, err := range r.Alerts(t.Context(), alert.Query{Entities: []alert.Key{alert.Identity(alert.Device{DeviceID: "z"})}}) {
				require.NoError(t, err)
				n++
			}
			for _, err := range r.Alerts(t.Context(), alert.Query{}) {
				require.NoError(t, err)
				n++
			}
			require.Equal(t, 2*len(fresh.tables.alerts)-1, n)
			return nil
		}))
	})
}

// Counts of an old View are right though a number that nobody has came after it.
func TestCountsAroundAGap(t *testing.T) {
	s := New()
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i"}}})
	require.NoError(t, err)
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		require.NoError(t, s.Restore(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "j", Version: 1, Number: 5}, {ID: "k", Version: 1, Number: 9}}}))
		n, err := storage.Count(t.Context(), r, incident.Query{})
		assert.Equal(t, 1, n)
		return err
	}))
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		n, err := storage.Count(t.Context(), r, incident.Query{})
		assert.Equal(t, 3, n)
		return err
	}))
}
