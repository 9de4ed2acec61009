package manager_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A chronicle is a storage that keeps what a View saw after each Apply that logged something.
type chronicle struct {
	storage.Storage
	moments []seen
}

// A seen moment is all incidents, the last Seq, and the incidents whose entries the Apply before it logged.
type seen struct {
	seq       int64
	first     map[incident.ID]int64 // Seq of the first of those entries
	incidents map[incident.ID]incident.Incident
}

func (s *chronicle) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	receipt, err := s.Storage.Apply(ctx, cs)
	if err != nil || len(cs.Activity) == 0 {
		return receipt, err
	}
	now := seen{receipt.Seq + int64(len(cs.Activity)) - 1, map[incident.ID]int64{}, map[incident.ID]incident.Incident{}}
	for n, e := range cs.Activity {
		if _, ok := now.first[e.Incident]; !ok {
			now.first[e.Incident] = receipt.Seq + int64(n)
		}
	}
	err = s.View(ctx, func(r storage.Reader) error {
		for i, err := range r.Incidents(ctx, incident.Query{}) {
			if err != nil {
				return err
			}
			now.incidents[i.ID] = i
		}
		return nil
	})
	s.moments = append(s.moments, now)
	return receipt, err
}

// untold returns i without the texts that were redacted in its log.
func untold(i incident.Incident, log []activity.Entry) incident.Incident {
	for _, e := range log {
		for _, c := range e.Changes {
			if e.Incident != i.ID || e.Origin != "" || e.OfAlert(c) || !c.Redacted() {
				continue
			}
			switch c.Field {
			case "name":
				i.Name = ""
			case "description":
				i.Description = ""
			case "note":
				i.Note = ""
			case "tags":
				i.Tags = nil
			case "alerts.title":
				i.Alerts.Title = ""
			}
		}
	}
	return i
}

// The log is complete: it tells every incident as it is stored, and as it was stored at any time except texts that
// were redacted since, whatever commands have been given. Version is the number of them, in a log that nothing is left
// out of.
func TestTheLogTellsEveryIncidentAtAnyTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &chronicle{Storage: memory.New()}
		defer s.Close()
		d := anyday.New(t.Context(), rt, s)
		d.Happen(12)
		log := all(t, d.Manager.Activity(t.Context(), kai, activity.Query{}))
		purged := make(map[incident.ID]bool)
		for i, err := range d.Manager.Incidents(t.Context(), kai, incident.Query{Statuses: []incident.Status{incident.Purged}}) {
			require.NoError(rt, err)
			purged[i.ID] = true
		}
		before := seen{}
		for _, now := range s.moments {
			for id, want := range now.incidents {
				if purged[id] {
					_, err := d.Manager.At(t.Context(), kai, id, now.seq)
					require.ErrorIs(rt, err, incident.ErrPurged)
					continue
				}
				got, err := d.Manager.At(t.Context(), kai, id, now.seq)
				require.NoError(rt, err)
				require.Equal(rt, untold(want, log), untold(got, log), "as of entry %d", now.seq)
				first, changed := now.first[id]
				for seq := before.seq + 1; seq < now.seq; seq++ { // in the midst of a command
					got, err := d.Manager.At(t.Context(), kai, id, seq)
					want, ok := before.incidents[id]
					if changed && seq >= first {
						want, ok = now.incidents[id], true
					}
					if !ok {
						require.ErrorIs(rt, err, storage.ErrNotFound)
						continue
					}
					require.NoError(rt, err)
					require.Equal(rt, untold(want, log), untold(got, log),
						"as of entry %d, between %d and %d", seq, before.seq, now.seq)
				}
			}
			before = now
		}
		for i, err := range d.Manager.Incidents(t.Context(), kai, whatever) {
			require.NoError(rt, err)
			told, err := incident.Replay(d.Manager.Activity(t.Context(), kai, activity.Query{Incidents: []incident.ID{i.ID}}))
			require.NoError(rt, err)
			told.Number = i.Number // the one thing that the storage gives
			require.Equal(rt, i, told)
		}
	})
}

func TestAtNeedsAnIncident(t *testing.T) {
	m, s := open(t)
	_, err := m.At(t.Context(), kai, "x", 1)
	assert.ErrorIs(t, err, storage.ErrNotFound)
	ingest(t, m, raise(1, 0))
	id := ingest(t, m, raise(2, 0))[0].Incident
	_, err = m.At(t.Context(), kai, id, 2)
	require.ErrorIs(t, err, storage.ErrNotFound, "the first incident has entries 1 and 2")
	assert.ErrorContains(t, err, "as of entry 2")
	then, err := m.At(t.Context(), kai, id, 3)
	require.NoError(t, err)
	now, err := m.Incident(t.Context(), kai, id)
	require.NoError(t, err)
	assert.Equal(t, now, then)

	_, err = s.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: "x/0", Cause: "x", Incident: id, Type: activity.Renamed, Actor: kai, Time: start,
		Changes: []activity.Change{{Field: "name", Before: `"never"`, After: `"this"`}}}}})
	require.NoError(t, err)
	_, err = m.At(t.Context(), kai, id, 5)
	assert.ErrorIs(t, err, incident.ErrReplay)
	_, err = m.At(t.Context(), kai, id, 4)
	assert.NoError(t, err, "what came before is told")
}

// What an incident was before it was merged away, or resolved, or anything: here, before it was edited.
func TestAtATime(t *testing.T) {
	minutes := 0
	s := memory.New()
	defer s.Close()
	m := manager.New(s, &manager.Options{Now: func() time.Time { return start.Add(time.Duration(minutes) * time.Minute) }})
	id := ingest(t, m, raise(1, 0))[0].Incident
	for minutes = 1; minutes < 5; minutes++ {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Name: new(fmt.Sprint("name at ", minutes))})
		require.NoError(t, err)
	}
	until := start.Add(3*time.Minute + time.Second)
	last := all(t, m.Activity(t.Context(), kai, activity.Query{Until: until, Newest: true, Limit: 1}))
	i, err := m.At(t.Context(), kai, id, last[0].Seq)
	require.NoError(t, err)
	assert.Equal(t, "name at 3", i.Name)
	assert.Equal(t, start.Add(3*time.Minute), i.Updated)
}
