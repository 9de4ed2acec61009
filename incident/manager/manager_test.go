package manager_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var (
	siem  = activity.Actor{Kind: activity.App, ID: "siem"}
	kai   = activity.Actor{ID: "kai@contoso.com"}
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
)

// open makes a manager whose clock stands still, over an empty memory storage.
func open(t *testing.T) (*manager.Manager, storage.Storage) {
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return manager.New(s, &manager.Options{Now: func() time.Time { return start }}), s
}

// raise makes the n-th alert, minutes after the start, naming the given entities.
func raise(n, minutes int, entities ...alert.Entity) alert.Alert {
	a := alert.Alert{Origin: alert.Origin{Source: "edr", ID: fmt.Sprint(n)}, Title: fmt.Sprint("Alert ", n), Severity: alert.Medium,
		FirstActivity: start.Add(time.Duration(minutes) * time.Minute)}
	for _, e := range entities {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
	}
	return a
}

func ingest(t *testing.T, m *manager.Manager, alerts ...alert.Alert) []manager.Result {
	t.Helper()
	results, err := m.Ingest(t.Context(), siem, alerts)
	require.NoError(t, err)
	return results
}

// said returns what an entry says, without what is random in the proof of it.
func said(t *testing.T, e activity.Entry) activity.Entry {
	t.Helper()
	require.NoError(t, e.Verify())
	e.Digest, e.AlertDigest, e.Seal = activity.Digest{}, activity.Digest{}, activity.Seal{}
	return e
}

func all[T any](t *testing.T, seq iter.Seq2[T, error]) (out []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}

// A device links, and so do two weaker identifiers, through other alerts too. An account links where neither alert
// names a device, and does not where one does.
func TestAlertsThatShareAnEntityComeTogether(t *testing.T) {
	m, _ := open(t)
	device, user := alert.Device{DeviceID: "d1"}, alert.User{UPN: "mona@contoso.com"}
	address, local := alert.IP{Address: "203.0.113.9"}, alert.IP{Address: "127.0.0.1"}
	results := ingest(t, m, raise(1, 0, device), raise(2, 5, device, user, address), raise(3, 9, user, address),
		raise(4, 60*23, user), raise(5, 60*25, user, alert.Device{DeviceID: "d2"}), raise(6, 60*50, user), raise(7, 3, local))
	assert.Equal(t, manager.Opened, results[0].Outcome)
	assert.Equal(t, manager.Joined, results[1].Outcome)
	first := results[0].Incident
	assert.Equal(t, []activity.Link{{Reason: activity.SameAsset, Entity: "device:d1", Incident: first, Score: 5}}, results[1].Links)
	assert.Equal(t, first, results[1].Incident)
	assert.Equal(t, first, results[2].Incident, "two weaker identifiers of the second one, which has the device of the first")
	assert.Equal(t, []activity.Link{
		{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", Incident: first, Score: 2},
		{Reason: activity.SameAsset, Entity: "upn:mona@contoso.com", Incident: first, Score: 2},
	}, results[2].Links)
	assert.Equal(t, first, results[3].Incident, "an account, where neither names a device")
	assert.Equal(t, []activity.Link{{Reason: activity.SameAsset, Entity: "upn:mona@contoso.com", Incident: first, Score: 5}}, results[3].Links)
	assert.Equal(t, manager.Opened, results[4].Outcome, "an account, where one names a device")
	require.Len(t, results[4].Links, 1)
	assert.Contains(t, results[4].Links[0].HeldBack, "one weaker identifier alone")
	assert.Equal(t, manager.Opened, results[5].Outcome)
	assert.Empty(t, results[5].Links, "outside the window")
	assert.Equal(t, "an address that names no host", results[6].Links[0].HeldBack)
	i, err := m.Incident(t.Context(), kai, first)
	require.NoError(t, err)
	assert.Equal(t, 4, i.Alerts.Count)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 1, alert.Users: 1}, i.Alerts.Assets)
	assert.Equal(t, alert.Medium, i.Severity)
}

// D2: weaker identifiers that are on too many alerts link no more, and say so. A device links however many it has.
func TestHubsDoNotLink(t *testing.T) {
	m, _ := open(t)
	var alerts []alert.Alert
	for n := range 60 {
		alerts = append(alerts, raise(n, 2*n, alert.Device{DeviceID: fmt.Sprint("d", n)}, deploy, setup))
	}
	results := ingest(t, m, alerts...)
	assert.Equal(t, results[0].Incident, results[50].Incident)
	assert.Equal(t, manager.Opened, results[51].Outcome)
	require.Len(t, results[51].Links, 2, "each of the two, of one incident")
	for _, l := range results[51].Links {
		assert.Contains(t, l.HeldBack, "more than 50 alerts")
	}

	m, _ = open(t)
	alerts = nil
	for n := range 110 {
		alerts = append(alerts, raise(n, 2*n, alert.Device{DNSName: "noisy"}))
	}
	results = ingest(t, m, alerts...)
	assert.Equal(t, results[0].Incident, results[109].Incident)
}

// An account and a file that are on many machines.
var deploy, setup = alert.User{UPN: "deploy@contoso.com"}, alert.File{SHA256: strings.Repeat("ab", 32)}

// D2: an alert with identifiers that 10,000 others have reads no more than shows that they are on too many, and says
// what it held back. One on a device that has so many reads less, and joins it.
func TestAHubIsNotReadToTheEnd(t *testing.T) {
	const alerts, busy = 10_000, 50
	onMany := func(n int) []alert.Entity {
		return []alert.Entity{alert.Device{DeviceID: fmt.Sprint("d", n)}, deploy, setup}
	}
	onOne := func(int) []alert.Entity { return []alert.Entity{alert.Device{DNSName: "noisy"}} }
	for _, c := range []struct {
		name      string
		evidence  func(n int) []alert.Entity
		incidents int
		outcome   manager.Outcome
		links     int
	}{
		{"weaker", onMany, 20, manager.Opened, 10},
		{"device", onOne, 1, manager.Joined, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memory.New()
			defer s.Close()
			var cs storage.Changeset
			for n := range alerts {
				minute := n % 60 // half of them 5 minutes before the last one and earlier, and half of them after it
				if minute >= 30 {
					minute += 10
				}
				a := raise(n, minute, c.evidence(n)...)
				a.ID, a.Incident = a.Origin.AlertID(), incident.ID(fmt.Sprint("i", n/60%c.incidents))
				cs.Alerts = append(cs.Alerts, a)
			}
			for n := range c.incidents {
				cs.Incidents = append(cs.Incidents, incident.Incident{ID: incident.ID(fmt.Sprint("i", n))})
			}
			_, err := s.Apply(t.Context(), cs)
			require.NoError(t, err)
			counted := faulty{Storage: s, calls: new(int)}
			last := ingest(t, manager.New(counted, nil), raise(alerts, 35, c.evidence(alerts)...))[0]
			assert.Equal(t, c.outcome, last.Outcome)
			require.Len(t, last.Links, c.links, "not one for each alert")
			for _, l := range last.Links {
				if c.outcome == manager.Opened {
					assert.Contains(t, l.HeldBack, "more than 50 alerts")
				} else {
					assert.Empty(t, l.HeldBack)
				}
			}
			assert.Less(t, *counted.calls, 2*2*(busy+1)+100, "two identifiers, on each side of the alert")
		})
	}
}

// D3: a resolved incident takes no more alerts, or is reopened where that was asked for, up to the end of the
// window. M7: it never takes one in silence.
func TestAlertsForAResolvedIncident(t *testing.T) {
	device := alert.Device{DeviceID: "d"}
	for minutes, inWindow := range map[int]bool{-24*60 - 1: false, -24 * 60: true, 1: true, 24*60 - 1: true, 24 * 60: true, 24*60 + 1: false} {
		for _, reopen := range []bool{false, true} {
			t.Run(fmt.Sprint(minutes, reopen), func(t *testing.T) {
				s := memory.New()
				defer s.Close()
				m := manager.New(s, &manager.Options{Correlator: correlation.Default{Reopen: reopen}})
				first := ingest(t, m, raise(1, 0, device))[0].Incident
				_, err := m.Edit(t.Context(), kai, first, incident.Edit{Owner: &incident.Owner{ID: "kai"}, Status: new(incident.Resolved), Note: new("done")})
				require.NoError(t, err)
				second := ingest(t, m, raise(2, minutes, device))[0]
				old, err := m.Incident(t.Context(), kai, first)
				require.NoError(t, err)
				if !reopen || !inWindow {
					assert.Equal(t, manager.Opened, second.Outcome)
					assert.Equal(t, incident.Resolved, old.Status)
					if inWindow {
						assert.Equal(t, "the incident is resolved", second.Links[0].HeldBack)
					} else {
						assert.Empty(t, second.Links)
					}
					return
				}
				assert.Equal(t, manager.Joined, second.Outcome)
				assert.Equal(t, first, second.Incident)
				assert.Equal(t, incident.Active, old.Status)
				assert.Equal(t, "kai", old.Owner.ID)
				assert.Empty(t, old.Note)
				assert.Zero(t, old.Resolved)
				log := all(t, m.Activity(t.Context(), kai, activity.Query{Actors: []string{siem.ID}, Fields: []string{"note"}}))
				require.Len(t, log, 1)
				assert.Equal(t, activity.StatusChanged, log[0].Type)
			})
		}
	}
}

// Where an open incident is linked as well, no resolved one is reopened; of several resolved ones the best is.
func TestOnlyOneIsReopened(t *testing.T) {
	s := memory.New()
	defer s.Close()
	m := manager.New(s, &manager.Options{Correlator: correlation.Default{Reopen: true}})
	device, user := alert.Device{DeviceID: "d"}, alert.User{UPN: "mona@contoso.com"}
	page, address := alert.URL{URL: "https://evil.example/a"}, alert.IP{Address: "203.0.113.9"}
	weak := ingest(t, m, raise(1, 0, address, setup))[0].Incident
	strong := ingest(t, m, raise(2, 0, device))[0].Incident
	open := ingest(t, m, raise(3, 0, user, page))[0].Incident
	_, err := m.EditAll(t.Context(), kai, incident.Query{IDs: []incident.ID{weak, strong}}, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	assert.Equal(t, open, ingest(t, m, raise(4, 1, address, setup, device, user, page))[0].Incident)
	best := ingest(t, m, raise(5, 1, address, setup, device))[0]
	assert.Equal(t, open, best.Incident, "which has the device by now")
	_, err = m.Edit(t.Context(), kai, open, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	results := ingest(t, m, raise(6, 1, alert.User{SID: "s-1"}, device))
	assert.Equal(t, strong, results[0].Incident, "as good as the other and older")
	_, _, err = m.Import(t.Context(), siem, incident.Draft{Reference: incident.Reference{System: "s", ID: "1"}, Status: incident.Redirected,
		RedirectTo: incident.Reference{System: "s", ID: "2"}, Alerts: []alert.Alert{raise(7, 0, alert.Device{DeviceID: "theirs"})}})
	require.NoError(t, err)
	assert.Equal(t, manager.Opened, ingest(t, m, raise(8, 1, alert.Device{DeviceID: "theirs"}))[0].Outcome, "merged away is not resolved")
	for id, status := range map[incident.ID]incident.Status{weak: incident.Resolved, strong: incident.Active, open: incident.Resolved} {
		i, err := m.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		assert.Equal(t, status, i.Status)
	}
}

func TestIngestingTwiceChangesNothingButCounters(t *testing.T) {
	m, _ := open(t)
	alerts := []alert.Alert{raise(1, 0, alert.Device{DeviceID: "d"}), raise(2, 1, alert.Device{DeviceID: "d"})}
	ingest(t, m, alerts...)
	incidents, entries := all(t, m.Incidents(t.Context(), kai, whatever)), all(t, m.Activity(t.Context(), kai, activity.Query{}))
	for _, r := range ingest(t, m, alerts...) {
		assert.Equal(t, manager.Repeated, r.Outcome)
	}
	assert.Equal(t, incidents, all(t, m.Incidents(t.Context(), kai, whatever)))
	assert.Equal(t, entries, all(t, m.Activity(t.Context(), kai, activity.Query{})))
	for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{})) {
		assert.Equal(t, 1, a.Repeats)
	}
}

func TestLaterStateOfAnAlertIsTakenOver(t *testing.T) {
	m, _ := open(t)
	a := raise(1, 0, alert.Device{DeviceID: "d"})
	a.SourceUpdated = start
	id := ingest(t, m, a)[0].Incident
	a.SourceUpdated, a.Severity, a.Title = start.Add(time.Hour), alert.High, "Worse"
	assert.Equal(t, manager.Updated, ingest(t, m, a)[0].Outcome)
	i, err := m.Incident(t.Context(), kai, id)
	require.NoError(t, err)
	assert.Equal(t, alert.High, i.Severity)
	assert.Equal(t, "Worse on one endpoint", i.Name)
}

// A command that is given again with something else in it does nothing else: what is the same is answered from memory,
// and what is not is refused.
func TestTheSameIngestWithAnotherContent(t *testing.T) {
	m, s := open(t)
	once := manager.CommandID("batch")
	first := raise(1, 0)
	first.SourceUpdated = start
	_, err := m.Ingest(t.Context(), siem, []alert.Alert{first, raise(2, 0), raise(3, 0)}, once)
	require.NoError(t, err)
	before := everythingIn(t, s)

	changed := first
	changed.SourceUpdated, changed.Severity = start.Add(time.Hour), alert.High
	results, err := m.Ingest(t.Context(), siem, []alert.Alert{changed, raise(4, 0), raise(3, 0)}, once)
	require.ErrorIs(t, err, manager.ErrCommandReused)
	assert.NotErrorIs(t, err, storage.ErrExists)
	for _, r := range results[:2] {
		assert.Equal(t, manager.Refused, r.Outcome)
		assert.ErrorIs(t, r.Err, manager.ErrCommandReused)
		assert.Empty(t, r.Incident, "nothing is said of the first")
	}
	assert.Equal(t, manager.Opened, results[2].Outcome)
	assert.Equal(t, before, everythingIn(t, s), "nothing is changed, and nothing counted")
	consistent(t, s)
}

func TestBadAlertsDoNotKeepGoodOnesBack(t *testing.T) {
	m, _ := open(t)
	results, err := m.Ingest(t.Context(), siem, []alert.Alert{raise(1, 0), {}, raise(3, 0)})
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "alert 1 ")
	assert.ErrorIs(t, results[1].Err, alert.ErrInvalid)
	assert.Equal(t, manager.Opened, results[2].Outcome)
	assert.Len(t, all(t, m.Incidents(t.Context(), kai, whatever)), 2)
}

// D1: what makes two alerts one is the source with the ID that it gave, and nothing else: alerts that are alike in all
// else stay two, and so do those of two sources under one ID; one that its source renames stays one.
func TestOnlySourceAndIDMakeAlertsOne(t *testing.T) {
	m, _ := open(t)
	device := alert.Device{DeviceID: "d"}
	a, alike, other := raise(1, 0, device), raise(2, 0, device), raise(1, 0, device)
	alike.Title, other.Origin.Source = a.Title, "siem"
	for _, r := range ingest(t, m, a, alike, other)[1:] {
		assert.Equal(t, manager.Joined, r.Outcome)
	}
	again := worse(a)
	assert.Equal(t, manager.Updated, ingest(t, m, again)[0].Outcome)
	for _, stored := range all(t, m.Alerts(t.Context(), kai, alert.Query{})) {
		assert.Equal(t, stored.Origin == a.Origin, stored.Repeats == 1, "%s", stored.ID)
	}
	assert.Len(t, all(t, m.Alerts(t.Context(), kai, alert.Query{})), 3)
}

// C5: the same alert from many at once is one alert, and the others are counted.
func TestTheSameAlertFromManyIsOne(t *testing.T) {
	m, _ := open(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := m.Ingest(context.Background(), siem, []alert.Alert{raise(1, 0, alert.Device{DeviceID: "d"})})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
	require.Len(t, alerts, 1)
	assert.Equal(t, 49, alerts[0].Repeats)
	assert.Len(t, all(t, m.Incidents(t.Context(), kai, whatever)), 1)
}

// Alerts of one attack that arrive at the same moment find each other, and none is lost.
func TestAlertsOfOneAttackAtOnce(t *testing.T) {
	m, _ := open(t)
	var wg sync.WaitGroup
	for n := range 80 {
		wg.Go(func() {
			_, err := m.Ingest(context.Background(), siem, []alert.Alert{raise(n, n, alert.Device{DeviceID: "d"}, alert.User{UPN: fmt.Sprint(n)})})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	incidents := all(t, m.Incidents(t.Context(), kai, whatever))
	require.Len(t, incidents, 1)
	assert.Equal(t, incident.Summarize(all(t, m.Alerts(t.Context(), kai, alert.Query{}))), incidents[0].Alerts)
}

// C2: who writes on an old version is told both versions; who does not ask for one always gets through.
func TestVersions(t *testing.T) {
	m, _ := open(t)
	id := ingest(t, m, raise(1, 0))[0].Incident
	_, err := m.Edit(t.Context(), kai, id, incident.Edit{AddTags: []string{"a"}}, manager.IfVersion(1))
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, id, incident.Edit{AddTags: []string{"b"}}, manager.IfVersion(1))
	conflict, ok := errors.AsType[*storage.ConflictError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, int64(1), conflict.Given)
	assert.Equal(t, int64(2), conflict.Stored)

	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			_, err := m.Comment(context.Background(), kai, id, incident.CommentDraft{Text: fmt.Sprint("note ", n)})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	i, err := m.Incident(t.Context(), kai, id)
	require.NoError(t, err)
	assert.Equal(t, 60, i.Comments)
	assert.Len(t, all(t, m.Activity(t.Context(), kai, activity.Query{Categories: []activity.Category{activity.Comment}})), 60)
}

func TestACommandRepeatedUnderItsIDHasOneEffect(t *testing.T) {
	m, _ := open(t)
	id := ingest(t, m, raise(1, 0))[0].Incident
	for range 3 {
		i, err := m.Comment(t.Context(), kai, id, incident.CommentDraft{Text: "once"}, manager.CommandID("k1"), manager.IfVersion(1))
		require.NoError(t, err)
		assert.Equal(t, 1, i.Comments)
	}
}

// A8: nothing is changed by nobody.
func TestEveryCommandNeedsAnActor(t *testing.T) {
	m, _ := open(t)
	_, err := m.Ingest(t.Context(), activity.Actor{}, []alert.Alert{raise(1, 0)})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.Create(t.Context(), activity.Actor{}, incident.Draft{Name: "x"})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.Edit(t.Context(), activity.Actor{}, "x", incident.Edit{})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.Comment(t.Context(), activity.Actor{}, "x", incident.CommentDraft{Text: "text"})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = m.Comment(t.Context(), kai, "x", incident.CommentDraft{Text: "text"})
	assert.ErrorIs(t, err, storage.ErrNotFound)
}

// draft is an incident of another system with two alerts.
func draft() incident.Draft {
	return incident.Draft{Reference: incident.Reference{System: "theirs", ID: "7", Updated: start}, Name: "Their name", Severity: alert.High,
		Owner: incident.Owner{ID: "mona"}, Tags: []incident.Tag{{Name: "vip"}}, Comments: []incident.Comment{{By: "dave", Time: start, Text: "seen"}},
		Alerts: []alert.Alert{raise(1, 0, alert.Device{DeviceID: "a"}), raise(2, 0, alert.Device{DeviceID: "b"})}}
}

func TestImportKeepsTheGroupingAndUpdates(t *testing.T) {
	m, _ := open(t)
	i, result, err := m.Import(t.Context(), siem, draft())
	require.NoError(t, err)
	assert.True(t, result.Created)
	assert.Equal(t, "Their name", i.Name)
	assert.Equal(t, 2, i.Alerts.Count)
	entries := all(t, m.Activity(t.Context(), kai, activity.Query{}))

	again, result, err := m.Import(t.Context(), siem, draft())
	require.NoError(t, err)
	assert.False(t, result.Created)
	assert.Equal(t, i, again, "a second import changes nothing but counters")
	assert.Equal(t, entries, all(t, m.Activity(t.Context(), kai, activity.Query{})))

	d := draft()
	d.Reference.Updated, d.Status, d.Note = start.Add(time.Hour), incident.Resolved, "over"
	d.Alerts = append(d.Alerts, raise(3, 0))
	newer, _, err := m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	assert.Equal(t, incident.Resolved, newer.Status)
	assert.Equal(t, 3, newer.Alerts.Count)
	assert.Equal(t, i.Number, newer.Number)
}
