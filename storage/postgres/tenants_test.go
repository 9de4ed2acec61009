package postgres_test

import (
	"errors"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

var origin = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// changeset returns a Changeset in which everything has the same ID for everybody, and says whose it is.
func changeset(whose string) storage.Changeset {
	i := incident.Incident{ID: "i", Name: whose, Created: origin, Updated: origin, Tags: []incident.Tag{{Name: "t"}}}
	i.Alerts.Sources = []string{"s"}
	a := alert.Alert{ID: "s:1", Incident: "i", Origin: alert.Origin{Source: "s", ID: "1"}, Title: whose, FirstActivity: origin,
		Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d"}}}}
	e := activity.Entry{ID: "e", Time: origin, Incident: "i", Type: activity.Commented, Text: whose, Attachments: []activity.Attachment{{SHA256: "c"}}}
	return storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}, Activity: []activity.Entry{e},
		Contents: []activity.Content{{SHA256: "c", Data: []byte(whose)}},
		Items:    []storage.Item{{Kind: "k", Key: "k", Incident: "i", Time: origin, Data: []byte(whose)}}}
}

func collect[T any](t testing.TB, seq iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

func view(t testing.TB, s storage.Storage, fn func(storage.Reader)) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error { fn(r); return nil }))
}

// TestTenants: tenants whose records have the same IDs, and whose names are alike or special to somebody, have one
// database, and nobody sees, counts or changes what is another's.
func TestTenants(t *testing.T) {
	t.Parallel()
	at := database(t)
	names := []string{
		"", "a", "A", "a ", "'; drop schema incidentkit cascade; --", `"`, "%", "_", `\`, `\'`, "$1", "\x01", "e\u0301", "\u00e9", "日本語", strings.Repeat("x", 200),
	}
	stores := make(map[string]*postgres.Store)
	for _, name := range names {
		stores[name] = open(t, at, name)
		receipt, err := stores[name].Apply(t.Context(), changeset(name))
		require.NoError(t, err, "tenant %q", name)
		assert.Equal(t, storage.Receipt{Seq: 1, Numbers: []int64{1}}, receipt, "tenant %q", name)
	}
	for _, name := range names {
		s := stores[name]
		own := changeset(name)
		own.Incidents[0].ID, own.Incidents[0].Tags = incident.ID("only "+name), nil
		_, err := s.Apply(t.Context(), storage.Changeset{Incidents: own.Incidents})
		require.NoError(t, err)
		view(t, s, func(r storage.Reader) {
			for what, q := range map[string]incident.Query{
				"by tag": {Tags: []string{"T"}}, "by source and ID": {Sources: []string{"s"}, IDs: []incident.ID{"i"}}, "by number": {Numbers: []int64{1}},
				"by entity": {Entities: []alert.Key{"device:d"}},
			} {
				found := collect(t, r.Incidents(t.Context(), q))
				if assert.Len(t, found, 1, "tenant %q, incidents %s", name, what) {
					assert.Equal(t, name, found[0].Name)
				}
			}
			n, err := storage.Count(t.Context(), r, incident.Query{})
			assert.NoError(t, err)
			assert.Equal(t, 2, n, "tenant %q", name)
			for what, q := range map[string]alert.Query{"all": {}, "by entity": {Entities: []alert.Key{"device:d"}}, "by incident": {Incidents: []incident.ID{"i"}}} {
				found := collect(t, r.Alerts(t.Context(), q))
				if assert.Len(t, found, 1, "tenant %q, alerts %s", name, what) {
					assert.Equal(t, name, found[0].Title)
				}
			}
			assert.Len(t, collect(t, storage.Sightings(t.Context(), r, storage.SightingQuery{Entities: []alert.Key{"device:d"}})), 1)
			assert.Len(t, collect(t, r.Activity(t.Context(), activity.Query{})), 1, "tenant %q", name)
			data, err := r.Content(t.Context(), "c")
			assert.NoError(t, err)
			assert.Equal(t, name, string(data))
			item, err := r.Item(t.Context(), "k", "k")
			assert.NoError(t, err)
			assert.Equal(t, name, string(item.Data))
			for what, q := range map[string]storage.ItemQuery{
				"all":         {},
				"by kind":     {Kinds: []string{"k"}},
				"by incident": {Incidents: []incident.ID{"i"}},
			} {
				assert.Equal(t,
					[]storage.Item{item},
					collect(t, r.Items(t.Context(), q)),
					"tenant %q, items %s", name, what,
				)
			}
			seq, err := r.Seq(t.Context())
			assert.NoError(t, err)
			assert.EqualValues(t, 1, seq, "tenant %q", name)
			for _, other := range names {
				if _, err := r.Incident(t.Context(), incident.ID("only "+other)); other != name {
					assert.ErrorIs(t, err, storage.ErrNotFound, "tenant %q reads %q", name, other)
				}
			}
		})
	}
	// One redacts and changes, others let items expire, purge and add a key; the others keep theirs.
	i := changeset("changed").Incidents
	i[0].Version = 1
	_, err := stores["a"].Apply(t.Context(), storage.Changeset{Incidents: i, Redact: []activity.ID{"e"}})
	require.NoError(t, err)
	_, err = stores["A"].Apply(t.Context(), storage.Changeset{
		Expire: []storage.Expiry{{Kind: "k", Before: origin.Add(1)}},
	})
	require.NoError(t, err)
	i[0].Version, i[0].Name = 1, "_"
	_, err = stores["_"].Apply(t.Context(), storage.Changeset{Incidents: i, Purge: []incident.ID{"i"}})
	require.NoError(t, err)
	key := []alert.Key{"device:only"}
	more := changeset("more").Alerts
	more[0].ID, more[0].Evidence[0].Entity = "s:2", alert.Device{DeviceID: "only"}
	_, err = stores["%"].Apply(t.Context(), storage.Changeset{Alerts: more, Activity: []activity.Entry{{ID: "more"}}})
	require.NoError(t, err)
	for _, name := range names {
		_, err := stores[name].Apply(t.Context(), storage.Changeset{Guard: storage.Guard{Seq: 1, Keys: key}})
		if name == "%" {
			assert.ErrorIs(t, err, storage.ErrConflict)
		} else {
			assert.NoError(t, err, "tenant %q", name)
		}
	}
	for _, name := range names {
		view(t, stores[name], func(r storage.Reader) {
			found, err := r.Incident(t.Context(), "i")
			require.NoError(t, err)
			_, err = r.Content(t.Context(), "c")
			gone := errors.Is(err, storage.ErrNotFound)
			assert.Equal(t, name == "a" || name == "_", gone, "content of %q: %v", name, err)
			if name == "a" {
				assert.Equal(t, "changed", found.Name)
			} else {
				assert.Equal(t, name, found.Name)
			}
			_, err = r.Item(t.Context(), "k", "k")
			gone = errors.Is(err, storage.ErrNotFound)
			assert.Equal(t, name == "A" || name == "_", gone, "item of %q: %v", name, err)
		})
	}
}

// TestTenantRefused: a name that cannot lead a key is refused, and the error is not as long as the name.
func TestTenantRefused(t *testing.T) {
	at := dsn(t)
	for what, name := range map[string]string{"U+0000": "a\x00b", "no UTF-8": "a\xff", "201 bytes": strings.Repeat("x", 201), "1 MiB": strings.Repeat("ä", 1<<19)} {
		_, err := postgres.Open(t.Context(), at, &postgres.Options{Tenant: name})
		if assert.ErrorContains(t, err, "tenant", what) {
			assert.Less(t, len(err.Error()), 400, what)
		}
	}
}

// noise returns letters that nothing could compress.
func noise(n int) []byte {
	lots, b := rand.New(rand.NewPCG(1, 1)), make([]byte, n)
	for n := range b {
		b[n] = '!' + byte(lots.IntN(90))
	}
	return b
}

// TestLongTexts: texts of 256 KiB, a hundred times what an index holds, stand wherever no ID is and are found by every
// filter. An ID that no index can hold is refused, and nothing is kept.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	s := open(t, dsn(t), tenant(t))
	long := string(noise(256 << 10))
	cs := changeset(long)
	cs.Items = nil
	i, a, e := &cs.Incidents[0], &cs.Alerts[0], &cs.Activity[0]
	i.Owner.ID, i.Note, i.Tags, i.References = long, long, []incident.Tag{{Name: long}}, []incident.Reference{{System: long, ID: long}}
	i.Alerts.Sources, i.Verdict.Classification = []string{long}, "truePositive"
	a.Description, a.Evidence[0].Entity = long, alert.URL{URL: long}
	e.Actor.ID, e.Changes = long, []activity.Change{{Field: long}}
	i.Version, i.Number, a.Version, e.Seq = 1, 1, 1, 1
	require.NoError(t, s.Restore(t.Context(), cs), "which takes what is longer than Apply does")
	view(t, s, func(r storage.Reader) {
		list := []string{long}
		for n, q := range []incident.Query{
			{Text: long}, {Owners: list}, {Tags: list}, {Sources: list}, {References: i.References}, {Entities: a.Keys()},
			{Sort: incident.ByName, Ascending: true}, {Sort: incident.ByOwner},
		} {
			assert.Len(t, collect(t, r.Incidents(t.Context(), q)), 1, "query %d", n)
			q.After = q.CursorAfter(collect(t, r.Incidents(t.Context(), incident.Query{}))[0])
			assert.Empty(t, collect(t, r.Incidents(t.Context(), q)), "query %d, behind the last", n)
		}
		assert.Len(t, collect(t, r.Activity(t.Context(), activity.Query{Actors: list, Fields: list})), 1)
	})
	for n, set := range []func(*storage.Changeset){
		func(cs *storage.Changeset) { cs.Incidents[0].ID = incident.ID(long) },
		func(cs *storage.Changeset) { cs.Alerts[0].ID = alert.ID(long) },
		func(cs *storage.Changeset) { cs.Activity[0].ID = activity.ID(long) },
	} {
		refused := changeset("refused")
		refused.Incidents[0].ID, refused.Alerts[0].ID, refused.Activity[0].ID = "i2", "a2", "e2"
		set(&refused)
		_, err := s.Apply(t.Context(), refused)
		require.Error(t, err, "ID %d", n)
		assert.NotErrorIs(t, err, storage.ErrExists)
		view(t, s, func(r storage.Reader) {
			assert.Len(t, collect(t, r.Incidents(t.Context(), incident.Query{})), 1, "ID %d", n)
			assert.Len(t, collect(t, r.Alerts(t.Context(), alert.Query{})), 1, "ID %d", n)
			assert.Len(t, collect(t, r.Activity(t.Context(), activity.Query{})), 1, "ID %d", n)
		})
	}
	_, err := s.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: "next", Time: origin}}})
	assert.NoError(t, err, "what was refused left the connections as they were")
}
