package manager_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// spread ingests n alerts that have nothing in common and returns their incidents, one each.
func spread(t *testing.T, m *manager.Manager, n int) (ids []incident.ID) {
	for k := range n {
		r := ingest(t, m, raise(k, 0, alert.Device{DeviceID: fmt.Sprint("d", k)}))
		ids = append(ids, r[0].Incident)
	}
	return ids
}

// One edit of many incidents: a result for each, and one cause in the log of all.
func TestEditAll(t *testing.T) {
	m, _ := open(t)
	ids := spread(t, m, 5)
	_, err := m.Edit(t.Context(), kai, ids[3], incident.Edit{Owner: &incident.Owner{ID: "kai@contoso.com"}})
	require.NoError(t, err)

	edit := incident.Edit{Owner: &incident.Owner{ID: "kai@contoso.com"}, AddTags: []string{"wave 1"}}
	results, err := m.EditAll(t.Context(), kai, incident.Query{Unassigned: true, Sort: incident.ByNumber, Ascending: true}, edit)
	require.NoError(t, err)
	require.Len(t, results, 4)
	causes := map[string]bool{}
	for n, id := range []incident.ID{ids[0], ids[1], ids[2], ids[4]} {
		assert.Equal(t, id, results[n].ID)
		assert.True(t, results[n].Changed)
		stored, err := m.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		assert.Equal(t, stored, results[n].Incident)
		assert.True(t, stored.HasTag("wave 1"))
		for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{Incidents: []incident.ID{id}, Types: []activity.Type{activity.Assigned, activity.AlertAssigned}})) {
			causes[e.Cause] = true
		}
	}
	assert.Len(t, causes, 1)
}

// What cannot be edited is said by name and does not keep the others back.
func TestEditAllOfSomeThatCannotBeEdited(t *testing.T) {
	m, _ := open(t)
	ids := spread(t, m, 2)
	full := make([]string, incident.MaxTags)
	for n := range full {
		full[n] = fmt.Sprint("tag ", n)
	}
	_, err := m.Edit(t.Context(), kai, ids[0], incident.Edit{AddTags: full})
	require.NoError(t, err)

	results, err := m.EditAll(t.Context(), kai, incident.Query{IDs: []incident.ID{ids[0], "none", ids[1], "none"}, Ascending: true}, incident.Edit{AddTags: []string{"one more"}})
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "incident none")
	assert.ErrorContains(t, err, "incident "+string(ids[0]))
	require.Len(t, results, 3)
	for _, r := range results {
		assert.Equal(t, r.ID == ids[1], r.Err == nil && r.Changed, r.ID)
	}
}

// A dry run says what the real run then does, and leaves no trace.
func TestDryRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
		spread(t, m, 3)
		edit := incident.Edit{Status: new(rapid.SampledFrom([]incident.Status{incident.Active, incident.InProgress, incident.Resolved}).Draw(rt, "status"))}
		if rapid.Bool().Draw(rt, "assign") {
			edit.Owner = &incident.Owner{ID: "kai"}
		}
		if rapid.Bool().Draw(rt, "rename") {
			edit.Name = new(rapid.SampledFrom([]string{"", "A name"}).Draw(rt, "name")) // the empty one is refused
		}
		log := all(t, m.Activity(t.Context(), kai, activity.Query{}))
		would, wouldErr := m.EditAll(t.Context(), kai, incident.Query{}, edit, manager.DryRun())
		require.Equal(rt, log, all(t, m.Activity(t.Context(), kai, activity.Query{})))
		did, err := m.EditAll(t.Context(), kai, incident.Query{}, edit)
		require.Equal(rt, fmt.Sprint(wouldErr), fmt.Sprint(err))
		require.Len(rt, would, len(did))
		for n := range did {
			if would[n].Changed {
				would[n].Incident.Version++
			}
			require.Equal(rt, did[n].Changed, would[n].Changed)
			require.Equal(rt, did[n].Incident, would[n].Incident)
		}
	})
}

// A command that is repeated, whole or after it was broken off, has one effect.
// What a dry run says of an incident that is not there yet is what it is to be; commands that cannot be tried say so.
func TestDryRunOfNewIncidents(t *testing.T) {
	s := memory.New()
	defer s.Close()
	ids := 0
	m := manager.New(s, &manager.Options{Now: func() time.Time { return start }, NewID: func() string { ids++; return fmt.Sprint(ids) }})
	d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1"}, Name: "n", Alerts: []alert.Alert{raise(1, 0)}}
	dry, err := m.Create(t.Context(), kai, d, manager.DryRun())
	require.NoError(t, err)
	dryImport, result, err := m.Import(t.Context(), kai, d, manager.DryRun())
	require.NoError(t, err)
	assert.True(t, result.Created)
	assert.Equal(t, dry, dryImport)
	assert.Empty(t, all(t, m.Incidents(t.Context(), kai, whatever)))
	done, err := m.Create(t.Context(), kai, d)
	require.NoError(t, err)
	dry.Version, dry.Number = 1, 1
	assert.Equal(t, done, dry)

	_, err = m.Create(t.Context(), kai, d, manager.DryRun())
	assert.ErrorIs(t, err, storage.ErrExists)
	d.Reference.ID = "2"
	_, err = m.Create(t.Context(), kai, d, manager.DryRun())
	assert.ErrorIs(t, err, storage.ErrExists, "its alert")
	d.Reference.ID, d.Reference.Updated, d.Name = "1", start, "m"
	changed, result, err := m.Import(t.Context(), kai, d, manager.DryRun())
	require.NoError(t, err)
	assert.False(t, result.Created)
	assert.Equal(t, "m", changed.Name)
	now, err := m.Incident(t.Context(), kai, done.ID)
	require.NoError(t, err)
	assert.Equal(t, done, now)

	assert.Len(t, all(t, m.Alerts(t.Context(), kai, alert.Query{})), 1)
}

func TestEditAllIsRepeatable(t *testing.T) {
	m, _ := open(t)
	ids := spread(t, m, 4)
	edit := incident.Edit{AddTags: []string{"repeated"}}
	first, cancel := context.WithCancel(t.Context())
	q := incident.Query{IDs: ids, Sort: incident.ByNumber, Ascending: true}
	_, err := m.EditAll(t.Context(), kai, incident.Query{IDs: ids[:2]}, edit, manager.CommandID("wave"))
	require.NoError(t, err)
	cancel()
	_, err = m.EditAll(first, kai, q, edit, manager.CommandID("wave"))
	require.ErrorIs(t, err, context.Canceled)

	_, err = m.Edit(t.Context(), kai, ids[0], incident.Edit{RemoveTags: []string{"repeated"}})
	require.NoError(t, err)
	results, err := m.EditAll(t.Context(), kai, q, edit, manager.CommandID("wave"))
	require.NoError(t, err)
	for _, r := range results {
		assert.True(t, r.Changed, "now, or by the first call")
	}
	assert.False(t, results[0].Incident.HasTag("repeated"), "and what was done to them since stays")
	assert.True(t, results[1].Incident.HasTag("repeated"))
	assert.Equal(t, int64(2), results[1].Incident.Version, "it was edited once")
	assert.True(t, results[3].Incident.HasTag("repeated"))
}

// An organisation that asks for a note and a verdict gets them, in bulk too.
func TestPolicyOfTheManager(t *testing.T) {
	_, s := open(t)
	m := manager.New(s, &manager.Options{Policy: incident.Policy{NoteToResolve: true, VerdictToResolve: true}})
	ids := spread(t, m, 2)
	resolve := incident.Edit{Status: new(incident.Resolved), Note: new("Contained.")}
	_, err := m.Edit(t.Context(), kai, ids[0], resolve)
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "verdict")
	_, err = m.EditAll(t.Context(), kai, incident.Query{}, resolve)
	require.ErrorIs(t, err, alert.ErrInvalid)
	resolve.Verdict = &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	_, err = m.EditAll(t.Context(), kai, incident.Query{}, resolve)
	require.NoError(t, err)
}

// C3: when somebody else writes to one of the incidents in the midst of a bulk edit, that one is edited as it is then,
// or refused as it is then: none is changed that has an error, none is left that has none, and the other's work stays.
func TestEditAllWhileOneIsChanged(t *testing.T) {
	full := make([]string, incident.MaxTags)
	for n := range full {
		full[n] = fmt.Sprint("tag ", n)
	}
	for name, c := range map[string]struct {
		between func(m *manager.Manager, ids []incident.ID) error // before the second of three is stored
		want    []error
	}{
		"commented": {func(m *manager.Manager, ids []incident.ID) error {
			_, err := m.Comment(context.Background(), kai, ids[1], incident.CommentDraft{Text: "wait"})
			return err
		}, []error{nil, nil, nil}},
		"the same tag": {func(m *manager.Manager, ids []incident.ID) error {
			_, err := m.Edit(context.Background(), kai, ids[1], incident.Edit{AddTags: []string{"wave"}})
			return err
		}, []error{nil, nil, nil}},
		"no room for another tag": {func(m *manager.Manager, ids []incident.ID) error {
			_, err := m.Edit(context.Background(), kai, ids[1], incident.Edit{AddTags: full})
			return err
		}, []error{nil, alert.ErrInvalid, nil}},
		"merged into the first": {func(m *manager.Manager, ids []incident.ID) error {
			_, err := m.Merge(context.Background(), kai, ids[0], ids[1:2], "")
			return err
		}, []error{nil, nil, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &overtaken{Storage: memory.New()}
			defer s.Close()
			m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
			ids := spread(t, m, 3)
			other := manager.New(s.Storage, nil)
			var then []incident.Incident // what the other left
			s.at, s.before = 2, func() {
				require.NoError(t, c.between(other, ids))
				then = all(t, other.Incidents(t.Context(), kai, incident.Query{IDs: ids, Sort: incident.ByNumber, Ascending: true}))
			}
			results, err := m.EditAll(t.Context(), kai, incident.Query{IDs: ids, Sort: incident.ByNumber, Ascending: true}, incident.Edit{AddTags: []string{"wave"}}, manager.CommandID("bulk"))
			require.Equal(t, errors.Join(c.want...) != nil, err != nil)
			require.Len(t, results, 3)
			for n, r := range results {
				assert.Equal(t, ids[n], r.ID)
				require.ErrorIs(t, r.Err, c.want[n])
				now, err := m.Incident(t.Context(), kai, ids[n])
				require.NoError(t, err)
				if r.Err != nil {
					assert.False(t, r.Changed)
					assert.Equal(t, then[n], now, "as the other left it")
					continue
				}
				assert.True(t, r.Incident.HasTag("wave") && now.HasTag("wave"))
			}
			i := then[1]
			if i.Status == incident.Redirected {
				i = then[0]
			}
			now, err := m.Incident(t.Context(), kai, ids[1])
			require.NoError(t, err)
			assert.Equal(t, i.Comments, now.Comments)
			for _, tag := range i.Tags {
				assert.True(t, now.HasTag(tag.Name), tag.Name)
			}
			consistent(t, s)
		})
	}
}

// L1: whatever a bulk edit is about, by whatever filter: what it reports, what is changed, what the log tells of it and
// what the filter selected is one set.
func TestEditAllReportsWhatItActsOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
		for n := range rapid.IntRange(1, 10).Draw(rt, "incidents") {
			a := raise(n, 0, alert.Device{DeviceID: fmt.Sprint("d", n)})
			a.Severity = rapid.SampledFrom([]alert.Severity{alert.Low, alert.High}).Draw(rt, "severity")
			id := ingest(t, m, a)[0].Incident
			e := incident.Edit{Status: new(rapid.SampledFrom([]incident.Status{incident.Active, incident.Resolved}).Draw(rt, "status"))}
			if rapid.Bool().Draw(rt, "tagged") {
				e.AddTags = []string{"wave"}
			}
			_, err := m.Edit(t.Context(), kai, id, e)
			require.NoError(rt, err)
		}
		q := rapid.SampledFrom([]incident.Query{{}, {Severities: []alert.Severity{alert.High}}, {Statuses: []incident.Status{incident.Active}}, {Tags: []string{"wave"}},
			{Unassigned: true}, {Except: []incident.Query{{Tags: []string{"wave"}}}}, {Text: "d3"}, {Limit: 3}, {Numbers: []int64{1, 2}}}).Draw(rt, "filter")
		q.Sort = incident.ByNumber
		before := all(t, m.Incidents(t.Context(), kai, incident.Query{Sort: incident.ByNumber}))
		selected := all(t, m.Incidents(t.Context(), kai, q))
		seq := int64(len(all(t, m.Activity(t.Context(), kai, activity.Query{}))))
		results, err := m.EditAll(t.Context(), kai, q, incident.Edit{AddTags: []string{"wave"}})
		require.NoError(rt, err)
		var ids, lacking, reported, changed, logged []incident.ID
		for _, i := range selected {
			if ids = append(ids, i.ID); !i.HasTag("wave") {
				lacking = append(lacking, i.ID)
			}
		}
		for _, r := range results {
			reported = append(reported, r.ID)
			if r.Changed {
				changed = append(changed, r.ID)
			}
		}
		require.Equal(rt, ids, reported)
		require.Equal(rt, lacking, changed)
		causes := make(map[string]bool)
		for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{AfterSeq: seq})) {
			logged = append(logged, e.Incident)
			causes[e.Cause] = true
		}
		require.LessOrEqual(rt, len(causes), 1, "all entries share one cause")
		require.ElementsMatch(rt, changed, logged)
		var differ []incident.ID
		for n, i := range all(t, m.Incidents(t.Context(), kai, incident.Query{Sort: incident.ByNumber})) {
			if !assert.ObjectsAreEqual(before[n], i) {
				differ = append(differ, i.ID)
			}
		}
		require.Equal(rt, changed, differ)
	})
}
