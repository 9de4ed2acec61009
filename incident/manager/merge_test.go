package manager_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// apart opens n incidents of one alert each, which share nothing.
func apart(t *testing.T, m *manager.Manager, n int) (ids []incident.ID) {
	t.Helper()
	var alerts []alert.Alert
	for k := range n {
		alerts = append(alerts, raise(k, k, alert.Device{DeviceID: fmt.Sprint("d", k)}))
	}
	for _, r := range ingest(t, m, alerts...) {
		ids = append(ids, r.Incident)
	}
	return ids
}

// whatever selects all incidents, those that were merged away and purged too.
var whatever = incident.Query{Statuses: []incident.Status{
	incident.Active, incident.InProgress, incident.Resolved, incident.Redirected, incident.Purged,
}}

// everything is what a storage holds.
type everything struct {
	incidents []incident.Incident
	alerts    []alert.Alert
	log       []activity.Entry
	images    [2][]byte // white and black, if they are there
}

func everythingIn(t *testing.T, s storage.Storage) everything {
	m := manager.New(s, nil)
	return everything{
		incidents: all(t, m.Incidents(t.Context(), kai, whatever)),
		alerts:    all(t, m.Alerts(t.Context(), kai, alert.Query{})),
		log:       all(t, m.Activity(t.Context(), kai, activity.Query{})),
		images:    [2][]byte{stored(t, s, picture("", white)), stored(t, s, picture("", black))},
	}
}

// consistent requires that all rules hold in s.
func consistent(t *testing.T, s storage.Storage) {
	t.Helper()
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		assert.Fail(t, "a rule is broken", "%v", v)
	}
}

// The ID of an incident that was merged leads to where it went, through any number of merges, in every command.
func TestMergedIncidentsAnswerUnderTheirIDs(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 5)
	for n := range 4 {
		i, err := m.Merge(t.Context(), kai, ids[n+1], []incident.ID{ids[0]}, "") // the ID that led to the one before
		require.NoError(t, err)
		assert.Equal(t, ids[n+1], i.ID)
		assert.Equal(t, n+2, i.Alerts.Count)
	}
	for _, id := range ids {
		i, err := m.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		assert.Equal(t, ids[4], i.ID)
		_, err = m.Comment(t.Context(), kai, id, incident.CommentDraft{Text: "to whom it leads"})
		require.NoError(t, err)
	}
	i, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:0"}, ids[0], "")
	require.NoError(t, err)
	assert.Equal(t, ids[4], i.ID)
	assert.Equal(t, 5, i.Comments)
	joined := ingest(t, m, raise(9, 1, alert.Device{DeviceID: "d0"}))[0]
	assert.Equal(t, ids[4], joined.Incident, "what links with the alerts of a merged incident joins the other")
	consistent(t, s)
}

// M4: all of N go, and each alert once.
func TestManyMergeAtOnce(t *testing.T) {
	for _, n := range []int{2, 3, 25, 50} {
		m, s := open(t)
		ids := apart(t, m, n+1)
		i, err := m.Merge(t.Context(), kai, ids[0], ids[1:], "one campaign")
		require.NoError(t, err)
		assert.Equal(t, int64(2), i.Version)
		assert.Equal(t, int64(1), i.Number)
		got := everythingIn(t, s)
		require.Len(t, got.alerts, n+1)
		for _, a := range got.alerts {
			assert.Equal(t, ids[0], a.Incident)
		}
		consistent(t, s)
	}
}

func TestUnmergeThroughTheStorage(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 3)
	before := everythingIn(t, s)
	_, err := m.Merge(t.Context(), kai, ids[0], ids[1:], "")
	require.NoError(t, err)
	i, err := m.Unmerge(t.Context(), kai, ids[2], "another matter", manager.IfVersion(2))
	require.NoError(t, err)
	assert.Equal(t, ids[2], i.ID)
	assert.Equal(t, int64(3), i.Version)
	_, err = m.Unmerge(t.Context(), kai, ids[1], "")
	require.NoError(t, err)
	consistent(t, s)

	after := everythingIn(t, s)
	for n := range before.incidents {
		a, b := &before.incidents[n], &after.incidents[n]
		a.Version, b.Version = 0, 0
	}
	for n := range before.alerts {
		a, b := &before.alerts[n], &after.alerts[n]
		a.Version, b.Version = 0, 0
	}
	assert.Equal(t, before.incidents, after.incidents, "the clock stands still")
	assert.Equal(t, before.alerts, after.alerts)
	_, err = m.Unmerge(t.Context(), kai, ids[1], "")
	assert.ErrorIs(t, err, incident.ErrNotMerged)
	_, err = m.Unmerge(t.Context(), kai, "nowhere", "")
	assert.ErrorIs(t, err, storage.ErrNotFound)
}

// A plan returns what the merge would, refusals among it, and changes nothing.
func TestPlanMergeSaysWhatMergeDoes(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 4)
	_, err := m.Edit(t.Context(), kai, ids[3], incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	before := everythingIn(t, s)
	plan, err := m.PlanMerge(t.Context(), kai, ids[0], ids[1:3], "why")
	require.NoError(t, err)
	_, refused := m.PlanMerge(t.Context(), kai, ids[0], ids, "")
	assert.ErrorIs(t, refused, incident.ErrResolved)
	assert.ErrorIs(t, refused, incident.ErrItself)
	assert.Equal(t, before, everythingIn(t, s))

	_, err = m.Merge(t.Context(), kai, ids[0], ids, "")
	assert.Equal(t, refused, err)
	assert.Equal(t, before, everythingIn(t, s))
	done, err := m.Merge(t.Context(), kai, ids[0], ids[1:3], "why")
	require.NoError(t, err)
	plan.Version++
	assert.Equal(t, done, plan)
}

// Everything that is not there is named at once.
func TestMergeOfWhatIsNotThere(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 1)
	before := everythingIn(t, s)
	_, err := m.Merge(t.Context(), kai, ids[0], []incident.ID{"x", "y"}, "")
	assert.ErrorIs(t, err, storage.ErrNotFound)
	assert.ErrorContains(t, err, "incident x")
	assert.ErrorContains(t, err, "incident y")
	_, err = m.Merge(t.Context(), kai, "z", ids, "")
	assert.ErrorIs(t, err, storage.ErrNotFound)
	i, err := m.Merge(t.Context(), kai, ids[0], nil, "")
	require.NoError(t, err)
	assert.Equal(t, before.incidents[0], i, "no source, no change")
	assert.Equal(t, before, everythingIn(t, s))
}

// M1: one command that many repeat at the same moment is one merge, and each hears what came of it.
func TestTheSameMergeFromManyIsOne(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 3)
	var wg sync.WaitGroup
	for range 25 {
		wg.Go(func() {
			i, err := m.Merge(context.Background(), kai, ids[0], ids[1:], "", manager.CommandID("k"), manager.IfVersion(1))
			assert.NoError(t, err)
			assert.Equal(t, 3, i.Alerts.Count)
			assert.Equal(t, int64(2), i.Version)
		})
	}
	wg.Wait()
	assert.Len(t, all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Merged}})), 2)
	for range 2 {
		i, err := m.Unmerge(t.Context(), kai, ids[1], "", manager.CommandID("u"))
		require.NoError(t, err)
		assert.Equal(t, incident.Active, i.Status)
	}
	consistent(t, s)
}

// M3: of two merges in opposite directions at the same moment just one is done.
func TestOppositeMergesAtOnce(t *testing.T) {
	for range 30 {
		m, s := open(t)
		ids := apart(t, m, 2)
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for n := range errs {
			wg.Go(func() { _, errs[n] = m.Merge(context.Background(), kai, ids[n], ids[1-n:][:1], "") })
		}
		wg.Wait()
		require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
		require.ErrorIs(t, errors.Join(errs...), incident.ErrCycle)
		i, err := m.Incident(t.Context(), kai, ids[0])
		require.NoError(t, err)
		require.Equal(t, 2, i.Alerts.Count)
		consistent(t, s)
	}
}

// Merges, moves, alerts and comments from many at once: no alert is lost and every rule holds at the end.
func TestMergesAmidEverythingElse(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 6)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			lots := rand.New(rand.NewPCG(7, uint64(worker)))
			for n := range 12 {
				id := ids[lots.IntN(len(ids))]
				var err error
				switch lots.IntN(5) {
				case 0:
					_, err = m.Merge(context.Background(), kai, id, []incident.ID{ids[lots.IntN(len(ids))]}, "")
				case 1:
					_, err = m.Unmerge(context.Background(), kai, id, "")
				case 2:
					_, err = m.MoveAlerts(context.Background(), kai, []alert.ID{alert.ID(fmt.Sprint("edr:", lots.IntN(6)))}, id, "")
				case 3:
					_, err = m.Comment(context.Background(), kai, id, incident.CommentDraft{Text: "hm"})
				default:
					_, err = m.Ingest(context.Background(), siem, []alert.Alert{raise(100*worker+n+10, n, alert.Device{DeviceID: fmt.Sprint("d", n%6)})})
				}
				if _, refused := errors.AsType[*incident.RefusedError](err); !refused {
					assert.NoError(t, err)
				}
			}
		})
	}
	wg.Wait()
	consistent(t, s)
	count := 0
	for _, i := range all(t, m.Incidents(t.Context(), kai, whatever)) {
		count += i.Alerts.Count
	}
	assert.Len(t, all(t, m.Alerts(t.Context(), kai, alert.Query{})), count)
}

// merged is a storage of five incidents, the last of which was merged into the one before it, with a comment that says
// "a secret" and has an image of white.
func merged(t *testing.T) (storage.Storage, []incident.ID) {
	m, s := open(t)
	ids := apart(t, m, 5)
	comment := incident.CommentDraft{Text: "a secret", Images: []incident.Image{picture("a", white)}}
	_, err := m.Comment(t.Context(), kai, ids[4], comment)
	require.NoError(t, err)
	_, err = m.Merge(t.Context(), kai, ids[3], ids[4:], "")
	require.NoError(t, err)
	return s, ids
}

// saying is the first entry with that text.
func saying(t *testing.T, s storage.Storage, text string) activity.ID {
	log := everythingIn(t, s).log
	n := slices.IndexFunc(log, func(e activity.Entry) bool { return e.Text == text })
	require.GreaterOrEqual(t, n, 0, text)
	return log[n].ID
}

// standing is a manager whose clock stands still.
func standing(s storage.Storage) *manager.Manager {
	return manager.New(s, &manager.Options{Now: func() time.Time { return start }})
}

// C2: a version that is not the stored one is a conflict, at once.
func TestCommandsOnSeveralMayAskForAVersion(t *testing.T) {
	for name, command := range map[string]func(m *manager.Manager, ids []incident.ID, secret activity.ID) error{
		"merge": func(m *manager.Manager, ids []incident.ID, secret activity.ID) error {
			_, err := m.Merge(context.Background(), kai, ids[0], ids[1:2], "", manager.IfVersion(7))
			return err
		},
		"unmerge": func(m *manager.Manager, ids []incident.ID, secret activity.ID) error {
			_, err := m.Unmerge(context.Background(), kai, ids[4], "", manager.IfVersion(7))
			return err
		},
		"redact": func(m *manager.Manager, ids []incident.ID, secret activity.ID) error {
			_, err := m.Redact(context.Background(), kai, secret, "", manager.IfVersion(7))
			return err
		},
		"move": func(m *manager.Manager, ids []incident.ID, secret activity.ID) error {
			_, err := m.MoveAlerts(context.Background(), kai, []alert.ID{"edr:0"}, ids[1], "", manager.IfVersion(7))
			return err
		},
	} {
		s, ids := merged(t)
		before := everythingIn(t, s)
		conflict, ok := errors.AsType[*storage.ConflictError](command(standing(s), ids, saying(t, s, "a secret")))
		require.True(t, ok, name)
		assert.Equal(t, int64(7), conflict.Given)
		assert.Equal(t, before, everythingIn(t, s))
	}
}

// A8: nothing is changed by nobody.
func TestCommandsOnSeveralNeedAnActor(t *testing.T) {
	m := manager.New(memory.New(), nil)
	_, err := m.Merge(t.Context(), activity.Actor{}, "a", nil, "")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.Unmerge(t.Context(), activity.Actor{}, "a", "")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.Redact(t.Context(), activity.Actor{}, "a", "")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.MoveAlerts(t.Context(), activity.Actor{}, nil, "a", "")
	assert.ErrorIs(t, err, alert.ErrInvalid)
}
