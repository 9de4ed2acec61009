package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

var day = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// filled returns an incident with alerts, entries and items. Each of their texts, that of keys included, holds its
// ID.
func filled(id incident.ID, alerts, entries int) storage.Changeset {
	secret := func(n int) string { return fmt.Sprintf("%s %x %d", id, n*n*7919%10007, n) } // in no order
	i := incident.Incident{ID: id, Name: secret(0), Owner: incident.Owner{ID: string(id)}, Tags: []incident.Tag{{Name: string(id)}}}
	i.Alerts.Count, i.Alerts.Products = alerts, []string{string(id)}
	cs := storage.Changeset{Incidents: []incident.Incident{i}}
	for n := range alerts {
		a := alert.Alert{ID: alert.ID(secret(n)), Incident: id, Standalone: n%2 == 1, Title: strings.Repeat(secret(n), n), FirstActivity: day.Add(time.Duration(n) * time.Minute)}
		for k := range 5 {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{HostName: fmt.Sprint(n*k*31%17, secret(n))}})
		}
		cs.Alerts = append(cs.Alerts, a)
	}
	for n := range entries {
		e := activity.Entry{ID: activity.ID(fmt.Sprintf("e/%x/%d", []byte(id), n)), Incident: id, Text: strings.Repeat(secret(n), n/10)}
		e.Changes = []activity.Change{{Field: "name", Before: activity.Value(fmt.Sprintf("%q", secret(n))), After: `"b"`}}
		e.Links = []activity.Link{{Entity: alert.Key(secret(n)), Incident: "other"}}
		e.Attachments = []activity.Attachment{{Name: secret(n), SHA256: secret(n % 3)}}
		cs.Activity = append(cs.Activity, e)
	}
	for n := range entries {
		cs.Items = append(cs.Items, storage.Item{Kind: secret(0), Key: secret(n), Incident: id, Time: day,
			Data: bytes.Repeat([]byte(secret(n)), n*n/2)})
	}
	for n := range 3 {
		cs.Contents = append(cs.Contents, activity.Content{SHA256: secret(n), Data: bytes.Repeat([]byte(secret(n)), 500)})
	}
	return cs
}

// onDisk returns how often texts are in the file and the log beside it.
func onDisk(t *testing.T, path string, texts ...string) (n int) {
	t.Helper()
	for _, name := range []string{path, path + "-wal"} {
		data, err := os.ReadFile(name)
		if !errors.Is(err, os.ErrNotExist) {
			require.NoError(t, err)
		}
		for _, text := range texts {
			n += bytes.Count(data, []byte(text))
		}
	}
	return n
}

// What is purged leaves the file and the log beside it, its pages and those of all indexes, however often these were
// split before.
func TestWhatIsPurgedLeavesTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	for round := range 3 {
		for n := range 10 {
			cs := filled(incident.ID(fmt.Sprintf("inc-%d-%d.", round, n)), 10+n, 40)
			_, err := s.Apply(t.Context(), cs)
			require.NoError(t, err)
			a := cs.Alerts[n]
			a.Version, a.FirstActivity, a.Evidence = 1, day.Add(time.Duration(n)*time.Hour), a.Evidence[1:]
			items := cs.Items[n : n+5]
			for k := range items {
				items[k].Version, items[k].Data = 1, bytes.Repeat([]byte(cs.Items[n].Key), 100*k)
			}
			_, err = s.Apply(t.Context(), storage.Changeset{Alerts: []alert.Alert{a}, Items: items})
			require.NoError(t, err)
		}
	}
	for _, id := range []incident.ID{"inc-1-3.", "inc-0-9.", "inc-2-0."} {
		require.Positive(t, onDisk(t, path, string(id)+" "))
		_, err := s.Apply(t.Context(), tombstone(id, 1))
		require.NoError(t, err)
		assert.Zero(t, onDisk(t, path, string(id)+" "))
	}
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	var whole string
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&whole))
	assert.Equal(t, "ok", whole)
}

// requireWhole sees that nothing is left of what was purged, in no table, and that the counts are right.
func requireWhole(t require.TestingT, s *sqlite.Store) {
	ctx := context.Background()
	orphans, err := s.Orphans(ctx)
	require.NoError(t, err)
	require.Empty(t, orphans)
	require.NoError(t, s.View(ctx, func(r storage.Reader) error {
		requireCounts(t, r)
		tombstones := incident.Query{Statuses: []incident.Status{incident.Purged}}
		for i, err := range r.Incidents(ctx, tombstones) {
			require.NoError(t, err)
			for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}, Brief: true}) {
				require.NoError(t, err)
				require.Fail(t, "an alert is left", "%s of %s", a.ID, i.ID)
			}
			for e, err := range r.Activity(ctx, activity.Query{Incidents: []incident.ID{i.ID}}) {
				require.NoError(t, err)
				if e.Type == activity.Purged {
					break // what comes later may say something
				}
				require.Equal(t, e.Skeleton(), e)
			}
		}
		return nil
	}))
}

func tombstone(id incident.ID, version int64) storage.Changeset {
	return storage.Changeset{Incidents: []incident.Incident{{ID: id, Version: version, Status: incident.Purged}}, Purge: []incident.ID{id}}
}

// One that is refused has purged nothing, others of its batch have, and what was purged in a batch may come again in it.
func TestPurgesOfOneBatch(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	for _, id := range []incident.ID{"one", "two"} {
		_, err := s.Apply(t.Context(), filled(id, 3, 10))
		require.NoError(t, err)
	}
	read := func(id incident.ID) (alerts, entries int) {
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			for _, err := range r.Alerts(t.Context(), alert.Query{Incidents: []incident.ID{id}}) {
				require.NoError(t, err)
				alerts++
			}
			for e, err := range r.Activity(t.Context(), activity.Query{Incidents: []incident.ID{id}}) {
				require.NoError(t, err)
				if !e.Redacted {
					entries++
				}
			}
			return nil
		}))
		return alerts, entries
	}
	again := filled("one", 3, 10).Alerts[1]
	b := newBatch(t, s)
	refused := tombstone("two", 1)
	refused.Activity = []activity.Entry{{ID: "e/6f6e65/0"}} // is there
	b.add(t.Context(), refused)
	b.add(t.Context(), tombstone("one", 1))
	b.add(t.Context(), tombstone("one", 1)) // somebody of the same batch was faster
	b.add(t.Context(), storage.Changeset{Alerts: []alert.Alert{again}})
	late := tombstone("two", 1)
	late.Incidents[0].Status, late.Purge, late.Redact = incident.Active, nil, []activity.ID{"none"}
	b.add(t.Context(), late)
	b.commit()
	for n, want := range []error{storage.ErrExists, nil, storage.ErrConflict, nil, storage.ErrNotFound} {
		assert.ErrorIs(t, *b.errs[n], want, "Apply %d", n)
	}
	alerts, entries := read("one")
	assert.Equal(t, 1, alerts, "which came again")
	assert.Zero(t, entries)
	alerts, entries = read("two")
	assert.Equal(t, 3, alerts)
	assert.Equal(t, 10, entries)
	_, err := s.Apply(t.Context(), tombstone("one", 2))
	require.NoError(t, err)
	_, err = s.Apply(t.Context(), tombstone("two", 1))
	require.NoError(t, err)
	requireWhole(t, s)
}

// An entry that a Changeset both redacts and purges is a skeleton, of which nothing comes back.
func TestWhatIsPurgedIsNotBroughtBackByARedaction(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	_, err := s.Apply(t.Context(), filled("one", 1, 3))
	require.NoError(t, err)
	cs := tombstone("one", 1)
	cs.Redact = []activity.ID{"e/6f6e65/1"}
	_, err = s.Apply(t.Context(), cs)
	require.NoError(t, err)
	requireWhole(t, s)
}
