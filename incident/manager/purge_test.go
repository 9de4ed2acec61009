package manager_test

import (
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
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var farOff = start.AddDate(100, 0, 0)

// finished returns n incidents of one alert each that were resolved, edr:0 of device d0 first.
func finished(t *testing.T, m *manager.Manager, n int) []incident.ID {
	ids := spread(t, m, n)
	for _, id := range ids {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Status: new(incident.Resolved)})
		require.NoError(t, err)
	}
	return ids
}

func purge(t *testing.T, m *manager.Manager, q incident.Query, before time.Time) (ids []incident.ID) {
	t.Helper()
	results, err := m.Purge(t.Context(), kai, q, before, "")
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Err)
		ids = append(ids, r.ID)
	}
	return ids
}

// Nothing that an incident said can be found anywhere after it was purged, whoever said it in whatever place; what
// stays is who did something when. A5
func TestNothingSaidOutlivesThePurge(t *testing.T) {
	m, s := open(t)
	ctx := t.Context()
	canary := func(n int) alert.Alert {
		a := raise(n, n, alert.Device{DeviceID: "canary-host"}, alert.User{UPN: "canary@contoso.com"})
		a.Title, a.Description, a.Tags, a.Extra = "canary", "canary", []string{"canary"}, `{"canary":true}`
		return a
	}
	id := ingest(t, m, canary(1), canary(2))[0].Incident
	other := raise(3, 0)
	other.Title = "canary source"
	source := ingest(t, m, other)[0].Incident
	comment := incident.CommentDraft{Text: "canary", Images: []incident.Image{picture("canary.png", white)}}
	_, err := m.Comment(ctx, kai, source, comment)
	require.NoError(t, err)
	for _, i := range []incident.ID{id, source} {
		_, err = m.Edit(ctx, kai, i, incident.Edit{Name: new("canary"), Description: new("canary"), AddTags: []string{"canary"}})
		require.NoError(t, err)
	}
	_, err = m.Merge(ctx, kai, id, []incident.ID{source}, "canary")
	require.NoError(t, err)
	_, err = m.Edit(ctx, kai, id, incident.Edit{Status: new(incident.Resolved), Note: new("canary"), Owner: &incident.Owner{ID: "canary"},
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}})
	require.NoError(t, err)
	kept := spread(t, manager.New(s, nil), 1)[0]
	before := everythingIn(t, s)
	require.Contains(t, fmt.Sprintf("%+v", before), "canary")

	results, err := m.Purge(ctx, kai, incident.Query{}, farOff, "two years are over", manager.CommandID("retention"))
	require.NoError(t, err)
	assert.Equal(t, []manager.PurgeResult{{ID: id, Number: 1}, {ID: source, Number: 2}}, results)
	after := everythingIn(t, s)
	assert.NotContains(t, fmt.Sprintf("%+v", after), "canary")
	require.NoError(t, s.View(ctx, func(r storage.Reader) error {
		_, err := r.Content(ctx, digest(picture("", white)))
		assert.ErrorIs(t, err, storage.ErrNotFound)
		for _, key := range []alert.Key{alert.Identity(alert.Device{DeviceID: "canary-host"}), alert.Identity(alert.User{UPN: "canary@contoso.com"})} {
			assert.Empty(t, all(t, storage.Sightings(ctx, r, storage.SightingQuery{Entities: []alert.Key{key}})))
		}
		return nil
	}))

	tombstone := after.incidents[slices.IndexFunc(after.incidents, func(i incident.Incident) bool { return i.ID == id })]
	was := before.incidents[slices.IndexFunc(before.incidents, func(i incident.Incident) bool { return i.ID == id })]
	assert.Equal(t, incident.Incident{ID: id, Version: was.Version + 1, Number: was.Number, Status: incident.Purged, Created: was.Created, Updated: tombstone.Updated}, tombstone)
	require.Len(t, after.log, len(before.log)+2)
	for n, e := range before.log {
		if e.Incident != kept {
			e = e.Skeleton()
		}
		assert.Equal(t, e, after.log[n])
	}
	logged := after.log[len(before.log)]
	assert.NotEmpty(t, logged.Cause)
	assert.Equal(t, logged.Cause, after.log[len(before.log)+1].Cause)
	assert.Equal(t,
		activity.Entry{
			Seq:      int64(len(before.log)) + 1,
			ID:       logged.ID,
			Time:     tombstone.Updated,
			Incident: id,
			Type:     activity.Purged,
			Actor:    kai,
			Cause:    logged.Cause,
			Part:     string(id),
			Version:  tombstone.Version,
			Text:     "two years are over",
			Changes: []activity.Change{
				{Field: "status", Before: `"resolved"`, After: `"purged"`},
				{Field: "created", After: logged.Changes[1].After},
			},
		},
		said(t, logged),
	)
	consistent(t, s)
}

// Whatever happened, just those go that were resolved before the time and that nothing keeps, with what was merged
// into them; and nothing is left to do then.
func TestWhatIsPurged(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		d := anyday.New(t.Context(), rt, s)
		d.Happen(15)
		before := start.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "before")) * time.Minute)
		keep := incident.Query{Tags: []string{"vip"}}
		was := make(map[incident.ID]incident.Incident)
		for _, i := range all(t, d.Manager.Incidents(t.Context(), kai, whatever)) {
			was[i.ID] = i
		}
		due := func(i incident.Incident) bool {
			end := i
			for seen := 0; end.Status == incident.Redirected && seen < len(was); seen++ {
				if next, ok := was[end.RedirectTo]; ok {
					end = next
				}
			}
			return i.Status != incident.Purged && (end.Status == incident.Purged || end.Status == incident.Resolved && end.Resolved.Before(before) && !end.HasTag("vip"))
		}
		dry, err := d.Manager.Purge(t.Context(), kai, incident.Query{Except: []incident.Query{keep}}, before, "", manager.DryRun())
		require.NoError(rt, err)
		results, err := d.Manager.Purge(t.Context(), kai, incident.Query{Except: []incident.Query{keep}}, before, "")
		require.NoError(rt, err)
		require.Equal(rt, dry, results)
		purged := make(map[incident.ID]bool)
		for _, r := range results {
			require.Equal(rt, was[r.ID].Number, r.Number)
			purged[r.ID] = true
		}
		for id, i := range was {
			require.Equal(rt, due(i), purged[id], "%s, %s", id, i.Status)
		}
		for _, i := range all(t, d.Manager.Incidents(t.Context(), kai, whatever)) {
			if purged[i.ID] {
				require.Equal(rt, incident.Purged, i.Status)
				require.Empty(rt, all(t, d.Manager.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}})))
			} else {
				require.Equal(rt, was[i.ID], i)
			}
		}
		again, err := d.Manager.Purge(t.Context(), kai, incident.Query{Except: []incident.Query{keep}}, before, "")
		require.NoError(rt, err)
		require.Empty(rt, again)
		for v, err := range manager.Check(t.Context(), s) {
			require.NoError(rt, err)
			require.Fail(rt, v.String())
		}
	})
}

// After the oldest incident is purged, the log goes on, and who follows it misses nothing. A6
func TestTheLogGoesOnAfterAPurge(t *testing.T) {
	m, s := open(t)
	ids := finished(t, m, 3)
	last := int64(len(all(t, m.Activity(t.Context(), kai, activity.Query{}))))
	assert.Equal(t, ids[:1], purge(t, m, incident.Query{IDs: ids[:1]}, farOff))
	_, err := m.Comment(t.Context(), kai, ids[2], incident.CommentDraft{Text: "after"})
	require.NoError(t, err)
	got := all(t, storage.Follow(t.Context(), s, activity.Query{AfterSeq: last, Limit: 2}))
	assert.Equal(t, []activity.Type{activity.Purged, activity.Commented}, []activity.Type{got[0].Type, got[1].Type})
	assert.Equal(t, []int64{last + 1, last + 2}, []int64{got[0].Seq, got[1].Seq})
	assert.Len(t, all(t, storage.Follow(t.Context(), s, activity.Query{Limit: int(last) + 2})), int(last)+2)
}

// What was purged can come again: the same alert is a new one, in a new incident, and its assets are counted once. L2
func TestAPurgedAlertMayComeAgain(t *testing.T) {
	m, s := open(t)
	id := finished(t, m, 1)[0]
	purge(t, m, incident.Query{}, farOff)
	r := ingest(t, m, raise(0, 0, alert.Device{DeviceID: "d0"}))[0]
	assert.NotEqual(t, id, r.Incident)
	i, err := m.Incident(t.Context(), kai, r.Incident)
	require.NoError(t, err)
	assert.Equal(t, 1, i.Alerts.Count)
	assert.Equal(t, 1, i.Alerts.Assets[alert.Devices])
	assert.EqualValues(t, 2, i.Number)
	assert.Zero(t, all(t, m.Alerts(t.Context(), kai, alert.Query{}))[0].Repeats)
	consistent(t, s)
}

// What is to be kept is kept: not resolved, resolved too late, excepted, beyond the limit, reopened in between, or not
// for this person to see.
func TestWhatIsKept(t *testing.T) {
	m, s := open(t)
	ids := finished(t, m, 5)
	_, err := m.Edit(t.Context(), kai, ids[1], incident.Edit{AddTags: []string{"Legal Hold"}})
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, ids[2], incident.Edit{Status: new(incident.Active)})
	require.NoError(t, err)
	resolved, err := m.Incident(t.Context(), kai, ids[0])
	require.NoError(t, err)
	assert.Empty(t, purge(t, m, incident.Query{}, resolved.Resolved), "at that time, and not before")

	q := incident.Query{Except: []incident.Query{{Tags: []string{"legal hold"}}}, Sort: incident.ByNumber, Limit: 2}
	dry, err := m.Purge(t.Context(), kai, q, farOff, "", manager.DryRun())
	require.NoError(t, err)
	assert.Equal(t, []manager.PurgeResult{{ID: ids[4], Number: 5}, {ID: ids[3], Number: 4}}, dry)
	assert.Len(t, all(t, m.Alerts(t.Context(), kai, alert.Query{})), 5)

	scoped := guarded(s, func(_ activity.Actor, what manager.Action, i incident.Incident) error {
		if i.ID == ids[3] || i.ID == ids[4] && what == manager.ActionRead {
			return nil
		}
		return manager.ErrForbidden
	})
	results, err := scoped.Purge(t.Context(), kai, q, farOff, "")
	require.ErrorIs(t, err, manager.ErrForbidden)
	require.Len(t, results, 2)
	assert.ErrorContains(t, results[0].Err, string(ids[4]))
	assert.NoError(t, results[1].Err)

	done := false
	meanwhile := manager.New(viewing{s, func() {
		if !done {
			done = true
			_, err := m.Edit(t.Context(), kai, ids[4], incident.Edit{Status: new(incident.InProgress)})
			require.NoError(t, err)
		}
	}}, nil)
	assert.Equal(t, []incident.ID{ids[0]}, purge(t, meanwhile, q, farOff), "4 was reopened after it was found")
	assert.Equal(t, []incident.ID{ids[1]}, purge(t, m, incident.Query{Statuses: []incident.Status{incident.Active, incident.Resolved}}, farOff))
	consistent(t, s)
}

// Two who purge at the same moment purge once.
func TestPurgesAtTheSameMoment(t *testing.T) {
	m, s := open(t)
	ids := finished(t, m, 1)
	done := false
	slow := manager.New(viewing{s, func() {
		if !done {
			done = true
			assert.Equal(t, ids, purge(t, m, incident.Query{}, farOff))
		}
	}}, nil)
	assert.Empty(t, purge(t, slow, incident.Query{}, farOff))
	assert.Len(t, all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Purged}})), 1)
}

// A viewing storage does something after each View.
type viewing struct {
	storage.Storage
	after func()
}

func (s viewing) View(ctx context.Context, fn func(storage.Reader) error) error {
	defer s.after()
	return s.Storage.View(ctx, fn)
}

func TestPurgesThatAreRefused(t *testing.T) {
	m, s := open(t)
	finished(t, m, 2)
	_, err := m.Purge(t.Context(), kai, incident.Query{}, farOff, strings.Repeat("x", incident.MaxComment+1))
	require.ErrorIs(t, err, alert.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Purge(ctx, kai, incident.Query{}, farOff, "")
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, all(t, m.Alerts(t.Context(), kai, alert.Query{})), 2)
	consistent(t, s)
}

// A tombstone answers under the incident's ID and number, and under the IDs of what was merged into it; nothing can be
// done to it.
func TestATombstone(t *testing.T) {
	m, s := open(t)
	ctx := t.Context()
	d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1", Updated: start}, Name: "n", Status: incident.Resolved}
	imported, _, err := m.Import(ctx, siem, d)
	require.NoError(t, err)
	ids := apart(t, m, 3)
	_, err = m.Merge(ctx, kai, ids[0], ids[1:2], "")
	require.NoError(t, err)
	_, err = m.Edit(ctx, kai, ids[0], incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	last := int64(len(all(t, m.Activity(ctx, kai, activity.Query{}))))
	require.ElementsMatch(t, []incident.ID{imported.ID, ids[0], ids[1]}, purge(t, m, incident.Query{}, farOff))

	for _, id := range []incident.ID{imported.ID, ids[0], ids[1]} {
		i, err := m.Incident(ctx, kai, id)
		require.NoError(t, err)
		assert.Equal(t, incident.Purged, i.Status)
		_, edit := m.Edit(ctx, kai, id, incident.Edit{Status: new(incident.Active)})
		_, comment := m.Comment(ctx, kai, id, incident.CommentDraft{Text: "hm"})
		_, into := m.Merge(ctx, kai, id, ids[2:], "")
		_, from := m.Merge(ctx, kai, ids[2], []incident.ID{id}, "")
		_, unmerge := m.Unmerge(ctx, kai, id, "")
		_, move := m.MoveAlerts(ctx, kai, []alert.ID{"edr:2"}, id, "")
		_, at := m.At(ctx, kai, id, last)
		_, bulk := m.EditAll(ctx, kai, incident.Query{IDs: []incident.ID{id}}, incident.Edit{Name: new("x")})
		for n, err := range []error{edit, comment, into, from, unmerge, move, at, bulk} {
			assert.ErrorIs(t, err, incident.ErrPurged, "%d: %s", n, id)
		}
		stubborn := manager.New(s, &manager.Options{Correlator: always(id)})
		_, err = stubborn.Ingest(ctx, siem, []alert.Alert{raise(9, 0)})
		assert.ErrorIs(t, err, incident.ErrPurged)
		why, err := m.Explain(ctx, kai, id)
		require.NoError(t, err)
		assert.Empty(t, why)
	}
	d.Reference.Updated = start.Add(time.Hour)
	d.Comments = []incident.Comment{{By: "dave", Time: start, Text: "again"}}
	_, _, err = m.Import(ctx, siem, d)
	assert.ErrorIs(t, err, incident.ErrPurged)
	results, err := m.EditAll(ctx, kai, incident.Query{}, incident.Edit{AddTags: []string{"x"}})
	require.NoError(t, err)
	assert.Len(t, results, 1, "the one that is left")
	consistent(t, s)
}

// always puts every alert into one incident.
type always incident.ID

func (id always) Correlate(context.Context, storage.Reader, alert.Alert, alert.KeySet) (correlation.Decision, error) {
	return correlation.Decision{Incident: incident.ID(id)}, nil
}
