package manager_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// similarTo returns the numbers of the incidents that are like the one with that ID, with their scores.
func similarTo(t *testing.T, m *manager.Manager, id incident.ID, limit int) (found []string) {
	t.Helper()
	all, err := m.Similar(t.Context(), kai, id, limit)
	require.NoError(t, err)
	for _, s := range all {
		found = append(found, fmt.Sprintf("#%d %d", s.Incident.Number, s.Score))
	}
	return found
}

// created makes an incident of the given alerts, which nothing correlates.
func created(t *testing.T, m *manager.Manager, alerts ...alert.Alert) incident.ID {
	t.Helper()
	i, err := m.Create(t.Context(), kai, incident.Draft{Name: "n", Alerts: alerts})
	require.NoError(t, err)
	return i.ID
}

// The like was seen before, however long ago, and its verdict is there: of a resolved incident too, and not of the
// incident itself, of one that was merged away and of one that was purged.
func TestSimilar(t *testing.T) {
	m, s := open(t)
	const month = 30 * 24 * 60
	laptop, address := alert.Device{HostName: "ws-01"}, alert.IP{Address: "203.0.113.7"}
	resolve := func(id incident.ID) {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Status: new(incident.Resolved), Verdict: &malware})
		require.NoError(t, err)
	}
	old := created(t, m, raise(1, -3*month, laptop, address))
	resolve(old)
	created(t, m, raise(2, -month, address))
	away := created(t, m, raise(3, -month, laptop))
	created(t, m, titled("Alert 9", raise(4, -month)))
	gone := created(t, m, raise(5, -month, laptop))
	resolve(gone)
	require.NoError(t, purging(gone)(t.Context(), m))
	created(t, m, raise(6, 0, alert.IP{Address: "127.0.0.1"}))
	id := created(t, m, raise(9, 0, laptop, address, alert.IP{Address: "127.0.0.1"}))
	assert.Equal(t, []string{"#1 7", "#3 5", "#4 3", "#2 2"}, similarTo(t, m, id, 0))
	assert.Equal(t, []string{"#1 7", "#3 5"}, similarTo(t, m, id, 2))

	all, err := m.Similar(t.Context(), kai, id, 1)
	require.NoError(t, err)
	assert.Equal(t, old, all[0].Incident.ID)
	assert.Equal(t, malware, all[0].Incident.Verdict)
	assert.Equal(t, []incident.SharedIdentifier{
		{Key: "host:ws-01", Name: "device ws-01", Linking: true},
		{Key: "ip:203.0.113.7", Name: "address 203.0.113.7"},
	}, all[0].Identifiers)

	_, err = m.Merge(t.Context(), kai, old, []incident.ID{away}, "")
	require.Error(t, err, "a resolved one is the target of no merge")
	_, err = m.Merge(t.Context(), kai, id, []incident.ID{away}, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"#1 7", "#4 3", "#2 2"}, similarTo(t, m, away, 0), "its ID leads to the other")
	assert.Empty(t, similarTo(t, m, gone, 0))

	_, err = m.Similar(t.Context(), kai, "nowhere", 0)
	require.ErrorIs(t, err, storage.ErrNotFound)
	everywhere := correlation.Default{Identity: alert.IdentityOptions{Everywhere: []alert.Key{"host:ws-01"}}}
	for _, c := range []manager.Correlator{everywhere, &everywhere} {
		m = manager.New(s, &manager.Options{Correlator: c})
		assert.Equal(t, []string{"#4 3", "#2 2", "#1 2"}, similarTo(t, m, id, 0))
	}
}

// A sample is what the alerts of an incident name, as far as it can be shared.
type sample struct {
	i       incident.Incident
	devices map[int]map[string]bool // spellings by device
	users   map[int]int             // what each is worth
	files   map[int]bool
	titles  map[string]bool
}

func newSample(i incident.Incident) *sample {
	return &sample{
		i, make(map[int]map[string]bool), make(map[int]int), make(map[int]bool), make(map[string]bool),
	}
}

// spellings of the names of devices.
var spellings = []string{"ws-%d", "ws-%d.corp.example", "ws-%d.other.example"}

func (x *sample) add(a alert.Alert) {
	x.titles[a.Title] = true
	worth := 5
	for _, e := range a.Evidence {
		if _, ok := e.Entity.(alert.Device); ok {
			worth = 2
		}
	}
	var n int
	for _, e := range a.Evidence {
		switch e := e.Entity.(type) {
		case alert.Device:
			for _, s := range spellings {
				if _, err := fmt.Sscanf(e.DNSName, s, &n); err == nil && e.DNSName == fmt.Sprintf(s, n) {
					if x.devices[n] == nil {
						x.devices[n] = make(map[string]bool)
					}
					x.devices[n][s] = true
				}
			}
		case alert.User:
			_, _ = fmt.Sscanf(e.UPN, "u%d@", &n)
			x.users[n] = max(x.users[n], worth)
		case alert.File:
			x.files[int(e.SHA256[0]-'0')] = true
		}
	}
}

// like returns the score of other beside x, counted thing by thing.
func (x *sample) like(other *sample) (score int) {
	for n, ours := range x.devices {
		theirs := other.devices[n]
		meet := len(theirs) > 0 && (ours[spellings[0]] || theirs[spellings[0]])
		for s := range ours {
			meet = meet || theirs[s]
		}
		if meet {
			score += 5
		}
	}
	for n, worth := range x.users {
		if other.users[n] > 0 {
			score += worth
		}
	}
	for n := range x.files {
		if other.files[n] {
			score += 2
		}
	}
	for title := range x.titles {
		if other.titles[title] {
			score += 3
		}
	}
	return score
}

// What is similar is what a look at all alerts of all incidents says, of those that the actor may read.
func TestSimilarAgainstAllPairs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
		number := func(most int, label string) int { return rapid.IntRange(0, most).Draw(rt, label) }
		var ids []incident.ID
		n := 0
		for range number(5, "incidents") + 2 {
			var alerts []alert.Alert
			for range number(2, "alerts") + 1 {
				var named []alert.Entity
				if d := number(4, "device"); d < 2 {
					full := fmt.Sprintf(spellings[1], d)
					named = append(named, alert.Device{DeviceID: fmt.Sprint("d", d), DNSName: full})
				} else if d < 4 {
					spelling := spellings[number(2, "spelling")]
					named = append(named, alert.Device{DNSName: fmt.Sprintf(spelling, d)})
				}
				if u := number(3, "user"); u < 3 {
					named = append(named, alert.User{UPN: fmt.Sprintf("u%d@corp.example", u)})
				}
				if f := number(3, "file"); f < 3 {
					named = append(named, alert.File{SHA256: fmt.Sprint(f, "23456789abcde"+strings.Repeat("5", 50))})
				}
				n++
				a := raise(n, number(3, "minute"), named...)
				alerts = append(alerts, titled(fmt.Sprint("T", number(5, "title")), a))
			}
			ids = append(ids, created(t, m, alerts...))
		}
		for k, id := range ids {
			switch number(4, "then") {
			case 0:
				_, err := m.Edit(t.Context(), kai, id, incident.Edit{Status: new(incident.Resolved)})
				require.NoError(rt, err)
				if number(1, "purged") == 0 {
					require.NoError(rt, purging(id)(t.Context(), m))
				}
			case 1:
				_, err := m.Merge(t.Context(), kai, ids[(k+1)%len(ids)], []incident.ID{id}, "")
				if err != nil {
					require.ErrorIs(rt, err, incident.ErrRefused)
				}
			}
		}

		samples := make(map[incident.ID]*sample)
		var visible []int64
		for _, i := range all(t, m.Incidents(t.Context(), kai, incident.Query{})) {
			x := newSample(i)
			for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}})) {
				x.add(a)
			}
			samples[i.ID] = x
			if number(4, "visible") > 0 {
				visible = append(visible, i.Number)
			}
		}
		sees := func(i incident.Incident) bool { return slices.Contains(visible, i.Number) }
		asking := guarded(s, func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
			if !sees(i) {
				return manager.ErrForbidden
			}
			return nil
		})
		scoped := manager.New(s, &manager.Options{Scope: func(context.Context, activity.Actor) (incident.Query, error) {
			return incident.Query{Numbers: append(visible, 1_000)}, nil
		}})
		limit := number(4, "limit")
		for id, x := range samples {
			if !sees(x.i) {
				_, err := asking.Similar(t.Context(), kai, id, limit)
				require.ErrorIs(rt, err, manager.ErrForbidden)
				continue
			}
			type scored struct {
				score int
				i     incident.Incident
			}
			var found []scored
			for other, y := range samples {
				if score := x.like(y); other != id && score > 0 && sees(y.i) {
					found = append(found, scored{score, y.i})
				}
			}
			slices.SortFunc(found, func(a, b scored) int {
				later := b.i.Alerts.LastActivity.Compare(a.i.Alerts.LastActivity)
				return cmp.Or(b.score-a.score, later, int(b.i.Number-a.i.Number))
			})
			var want []string
			for _, f := range found[:min(len(found), cmp.Or(limit, 10))] {
				want = append(want, fmt.Sprintf("#%d %d", f.i.Number, f.score))
			}
			require.Equal(rt, want, similarTo(t, asking, id, limit), "with an Authorizer")
			require.Equal(rt, want, similarTo(t, scoped, id, limit), "with a Scope")
		}
	})
}

// However many alerts an incident has, what came before it is found. Of an entity that is on very many alerts only the
// newest ones are looked at, before the incident and since.
func TestSimilarIsBounded(t *testing.T) {
	m, _ := open(t)
	laptop := alert.Device{HostName: "ws-01"}
	many := func(first, minute, n int) (alerts []alert.Alert) {
		for k := range n {
			alerts = append(alerts, raise(first+k, minute, laptop))
		}
		return alerts
	}
	created(t, m, many(0, 0, 1)...)
	created(t, m, many(1_000, 10, 249)...)
	id := created(t, m, many(2_000, 20, 600)...)
	assert.Equal(t, []string{"#2 5", "#1 5"}, similarTo(t, m, id, 0))
	created(t, m, many(3_000, 15, 1)...)
	assert.Equal(t, []string{"#4 5", "#2 5"}, similarTo(t, m, id, 0), "the oldest is the 251st alert back")
	created(t, m, many(4_000, 30, 1)...)
	assert.Equal(t, []string{"#5 5", "#4 5", "#2 5"}, similarTo(t, m, id, 0))
}
