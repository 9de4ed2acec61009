package manager_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A tape is a storage that keeps the changesets it was given. It can fail at one of them, before it is
// stored or after, when the answer is lost.
type tape struct {
	storage.Storage
	applied []storage.Changeset
	failAt  int // from 1; 0 never
	lost    bool
}

var errTape = errors.New("tape torn")

func (s *tape) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	s.applied = append(s.applied, cs)
	if len(s.applied) == s.failAt && !s.lost {
		return storage.Receipt{}, errTape
	}
	r, err := s.Storage.Apply(ctx, cs)
	if len(s.applied) == s.failAt {
		return storage.Receipt{}, errTape
	}
	return r, err
}

// over makes a manager of s whose clock stands still and whose identifiers are the same in every run.
func over(s storage.Storage) *manager.Manager {
	n := 0
	return manager.New(s, &manager.Options{Now: func() time.Time { return start.Add(24 * time.Hour) }, NewID: func() string {
		n++
		return fmt.Sprint("id", n)
	}})
}

func importing(ctx context.Context, t require.TestingT, m *manager.Manager, d incident.Draft, opts ...manager.Option) incident.Incident {
	i, _, err := m.Import(ctx, siem, d, opts...)
	require.NoError(t, err)
	return i
}

// later returns the draft an hour after: resolved, with an alert changed, an alert as it was, a new alert,
// and two changed ones that are in other incidents here.
func later() incident.Draft {
	d := draft()
	d.Reference.Updated, d.Status, d.Note = start.Add(time.Hour), incident.Resolved, "over"
	d.Comments = append(d.Comments, incident.Comment{By: "eve", Time: start, Text: "done"})
	d.Alerts[0].SourceUpdated, d.Alerts[0].Title = start.Add(time.Hour), "Worse"
	d.Alerts = append(d.Alerts, raise(3, 0, alert.Device{DeviceID: "b"}), raise(4, 0), raise(5, 0))
	for n := 3; n < 5; n++ {
		d.Alerts[n].SourceUpdated, d.Alerts[n].Severity = start.Add(time.Hour), alert.High
	}
	return d
}

// before stores what there is before later is imported.
func before(t *testing.T, s storage.Storage) {
	m := over(s)
	ingest(t, m, raise(4, 0), raise(5, 0))
	importing(t.Context(), t, m, draft())
}

func TestASecondImportIsOneChangeset(t *testing.T) {
	s := &tape{Storage: memory.New()}
	before(t, s)
	m := manager.New(s, nil)
	s.applied = nil
	i, result, err := m.Import(t.Context(), siem, later(), manager.CommandID("k"))
	require.NoError(t, err)
	assert.False(t, result.Created)

	require.Len(t, s.applied, 3)
	own := s.applied[2]
	for _, other := range s.applied[:2] {
		require.Len(t, other.Alerts, 1, "an incident is what is stored at once, so another one goes by itself")
		assert.NotEqual(t, i.ID, other.Incidents[0].ID)
		assert.Equal(t, alert.High, other.Incidents[0].Severity)
	}
	require.Len(t, own.Incidents, 1)
	assert.Equal(t, i.ID, own.Incidents[0].ID)
	require.Len(t, own.Alerts, 3)
	for _, cs := range s.applied {
		for _, e := range cs.Activity {
			assert.Equal(t, own.Activity[0].Cause, e.Cause)
		}
	}

	assert.Equal(t, all(t, m.Incidents(t.Context(), kai, incident.Query{IDs: []incident.ID{i.ID}})), []incident.Incident{i}, "as it is stored")
	assert.Equal(t, incident.Resolved, i.Status)
	assert.Equal(t, 2, i.Comments)
	alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}}))
	assert.Equal(t, incident.Summarize(alerts), i.Alerts)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 2}, i.Alerts.Assets)
	require.Len(t, alerts, 3)
	assert.Equal(t, "Worse", alerts[0].Title)
	assert.Equal(t, []int{1, 1, 0}, []int{alerts[0].Repeats, alerts[1].Repeats, alerts[2].Repeats})
}

func TestAFirstImportIsOneChangeset(t *testing.T) {
	s := &tape{Storage: memory.New()}
	m := over(s)
	there := ingest(t, m, raise(4, 0), raise(5, 0))
	s.applied = nil
	i, result, err := m.Import(t.Context(), siem, later())
	require.NoError(t, err)
	assert.True(t, result.Created)
	assert.Equal(t, 3, i.Alerts.Count)
	require.Len(t, s.applied, 3)
	for n := range there {
		assert.Equal(t, there[n].Incident, s.applied[n].Incidents[0].ID)
	}
	assert.Len(t, s.applied[2].Alerts, 3)
}

// kept is all that m's storage holds, but for counters, which an import that is repeated counts on, and
// the versions that go with them.
func kept(t *testing.T, m *manager.Manager) (incidents []incident.Incident, alerts []alert.Alert, log []activity.Entry) {
	t.Helper()
	alerts = all(t, m.Alerts(t.Context(), kai, alert.Query{}))
	for n := range alerts {
		alerts[n].Repeats, alerts[n].Repeated, alerts[n].Version = 0, time.Time{}, 0
	}
	log = all(t, m.Activity(t.Context(), kai, activity.Query{}))
	for n := range log {
		log[n] = said(t, log[n])
		log[n].ID, log[n].Cause = "", ""
	}
	return all(t, m.Incidents(t.Context(), kai, incident.Query{Sort: incident.ByNumber})), alerts, log
}

// An import that fails leaves each incident as it was before or as it is after, and repeating it comes to
// the same as one that never failed.
func TestNothingOfAnImportIsHalf(t *testing.T) {
	for _, first := range []bool{true, false} {
		fill := func(s storage.Storage) {
			if first {
				ingest(t, over(s), raise(4, 0), raise(5, 0))
			} else {
				before(t, s)
			}
		}
		whole := memory.New()
		fill(whole)
		importing(t.Context(), t, over(whole), later())
		incidents, alerts, log := kept(t, over(whole))
		for _, lost := range []bool{true, false} {
			for failAt := 1; failAt <= 3; failAt++ {
				t.Run(fmt.Sprintf("first %t, lost %t, at %d", first, lost, failAt), func(t *testing.T) {
					s := &tape{Storage: memory.New(), lost: lost}
					fill(s)
					s.failAt = len(s.applied) + failAt
					m := over(s)
					untouched, _, _ := kept(t, m)
					_, _, err := m.Import(t.Context(), siem, later(), manager.CommandID("first try"))
					require.ErrorIs(t, err, errTape)

					half, _, _ := kept(t, m)
					for _, i := range half {
						assert.True(t, slices.ContainsFunc(append(incidents, untouched...), func(w incident.Incident) bool { return assert.ObjectsAreEqual(w, i) }),
							"incident %s is neither as it was nor as it will be", i.ID)
						own := all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}}))
						assert.Equal(t, incident.Summarize(own), i.Alerts)
					}

					importing(t.Context(), t, m, later())
					gotIncidents, gotAlerts, gotLog := kept(t, m)
					assert.Equal(t, incidents, gotIncidents)
					assert.Equal(t, alerts, gotAlerts)
					assert.Equal(t, log, gotLog)
				})
			}
		}
	}
}

func TestImportingAgainOnlyCounts(t *testing.T) {
	s := &tape{Storage: memory.New()}
	before(t, s)
	m := manager.New(s, nil)
	first := importing(t.Context(), t, m, later())
	incidents, log := all(t, m.Incidents(t.Context(), kai, whatever)), all(t, m.Activity(t.Context(), kai, activity.Query{}))
	repeats := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
	for round := range 3 {
		s.applied = nil
		assert.Equal(t, first, importing(t.Context(), t, m, later()))
		assert.Equal(t, incidents, all(t, m.Incidents(t.Context(), kai, whatever)), "versions too")
		assert.Equal(t, log, all(t, m.Activity(t.Context(), kai, activity.Query{})))
		for n, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{})) {
			assert.Equal(t, repeats[n].Repeats+round+1, a.Repeats)
		}
		assert.Len(t, s.applied, 3)
	}
	d := later()
	d.Alerts, s.applied = nil, nil
	assert.Equal(t, first, importing(t.Context(), t, m, d))
	assert.Empty(t, s.applied, "nothing to write")
}

// An import that says nothing new of the incident reads the alerts it names and one for each asset of a new
// one, however many there are; one that assigns the incident reads all.
func TestImportingIntoALargeIncidentReadsLittle(t *testing.T) {
	s := &counting{Storage: memory.New()}
	m := manager.New(s, nil)
	d := draft()
	d.Alerts = nil
	address := alert.IP{Address: "203.0.113.9"}
	for n := range 5000 {
		d.Alerts = append(d.Alerts, raise(n, n, alert.Device{DeviceID: fmt.Sprint(n % 7)}, address))
	}
	importing(t.Context(), t, m, d)
	device := alert.Device{DeviceID: "new"}
	_, err := m.Create(t.Context(), siem, incident.Draft{Alerts: []alert.Alert{raise(6000, 0, device)}}) // new for this incident
	require.NoError(t, err)
	d.Alerts = append(d.Alerts[:2:2], raise(5000, 0, alert.Device{DeviceID: "3"}, alert.Device{DeviceID: "3"}, device, address))
	d.Reference.Updated, d.Name, d.Status = start.Add(time.Hour), "Renamed there", incident.InProgress
	s.alerts = 0
	i := importing(t.Context(), t, m, d)
	assert.Equal(t, 2+1, s.alerts)
	assert.Equal(t, 5001, i.Alerts.Count)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 8}, i.Alerts.Assets)
	assert.Equal(t, "Renamed there", i.Name)

	s.alerts = 0
	importing(t.Context(), t, m, d)
	assert.Equal(t, 3, s.alerts)

	s.alerts = 0
	d.Reference.Updated, d.Owner = start.Add(2*time.Hour), incident.Owner{ID: "eve"}
	importing(t.Context(), t, m, d)
	assert.Equal(t, 3+5001, s.alerts)
	for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}})) {
		require.Equal(t, "eve", a.Owner.ID)
	}
}

// Whatever was imported first, a newer state that says everything gives what it gives where nothing was.
func TestTheNewestImportIsWhatCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := func(n int) incident.Draft {
			pick := func(what string) string { return fmt.Sprint(what, " ", rapid.IntRange(1, 2).Draw(t, what)) }
			at := start.Add(time.Duration(n) * time.Hour)
			d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "7", URL: pick("url"), Updated: at}, Name: pick("name"),
				Description: pick("description"), Severity: alert.Severity(rapid.IntRange(1, 4).Draw(t, "severity")),
				Status: incident.Status(rapid.IntRange(0, 2).Draw(t, "status")), Owner: incident.Owner{ID: pick("owner"), Name: pick("display name")},
				Created: at, Extra: alert.Fields(fmt.Sprintf(`{"x":%d}`, n)), Comments: []incident.Comment{{By: "dave", Time: start, Text: "hi"}}}
			if d.Status == incident.Resolved {
				d.Note, d.Resolved = pick("note"), at
			}
			for _, tag := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "tags") {
				d.Tags = append(d.Tags, incident.Tag{Name: tag})
			}
			for k := range rapid.IntRange(0, n+1).Draw(t, "alerts") + n {
				d.Alerts = append(d.Alerts, raise(k, k, alert.Device{DeviceID: pick("device")}))
			}
			return d
		}
		older, newer := state(1), state(3)
		twice, once := over(memory.New()), over(memory.New())
		first := importing(t.Context(), t, twice, older)
		got, want := importing(t.Context(), t, twice, newer), importing(t.Context(), t, once, newer)
		require.Equal(t, first.ID, got.ID)
		require.Equal(t, first.Number, got.Number)
		require.Equal(t, max(len(older.Alerts), len(newer.Alerts)), got.Alerts.Count)
		got.Version, got.Alerts = want.Version, want.Alerts
		require.Equal(t, want, got)
	})
}

func TestAnImportRepeatedUnderItsIDHasOneEffect(t *testing.T) {
	s := memory.New()
	before(t, s)
	m := manager.New(s, nil)
	commented, other := draft(), draft()
	commented.Reference.Updated, commented.Comments[0].Text = start.Add(time.Minute), "a first entry that is no change"
	other.Reference.ID, other.Alerts = "8", nil
	for n, d := range []incident.Draft{commented, later(), other} {
		k := manager.CommandID(fmt.Sprint("run ", min(n, 1))) // the second is that of two incidents
		i, result, err := m.Import(t.Context(), siem, d, k)
		require.NoError(t, err)
		assert.Equal(t, d.Reference, i.References[0])
		alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
		for range 2 {
			again, resultAgain, err := m.Import(t.Context(), siem, d, k)
			require.NoError(t, err)
			assert.Equal(t, i, again)
			result.Taken = nil
			assert.Equal(t, result, resultAgain)
			assert.Equal(t, alerts, all(t, m.Alerts(t.Context(), kai, alert.Query{})), "not even counted")
		}
	}
}

// Who comes second starts again from what is there: when the incident was new, and when it was not.
func TestAnImportThatIsBeaten(t *testing.T) {
	for _, first := range []bool{true, false} {
		s := &overtaken{Storage: memory.New()}
		if first {
			ingest(t, over(s), raise(4, 0), raise(5, 0))
		} else {
			before(t, s)
		}
		s.at = 3 // after the alerts that are elsewhere
		s.before = func() { importing(t.Context(), t, manager.New(s.Storage, nil), draft()) }
		i, result, err := manager.New(s, nil).Import(t.Context(), siem, later())
		require.NoError(t, err)
		assert.False(t, result.Created)
		assert.Equal(t, incident.Resolved, i.Status)
		for _, a := range all(t, over(s).Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{"edr:4", "edr:5"}})) {
			assert.Equal(t, 1, a.Repeats, "counted once, though the import was tried twice")
		}
	}
}

// An overtaken storage does something else just before it stores the at-th changeset.
type overtaken struct {
	storage.Storage
	at     int
	before func()
}

func (s *overtaken) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if s.at--; s.at == 0 {
		s.before()
	}
	return s.Storage.Apply(ctx, cs)
}

// However many comments and alerts a draft has, what is known of them is asked for together, and nothing
// is asked for when it has none.
func TestAnImportAsksFewQuestions(t *testing.T) {
	s := &asked{Storage: memory.New()}
	m := manager.New(s, nil)
	d := draft()
	importing(t.Context(), t, m, d)
	for n := range 20 {
		d.Comments = append(d.Comments, incident.Comment{By: "dave", Time: start, Text: fmt.Sprint(n)})
		if n != 1 && n != 2 { // which the draft has
			d.Alerts = append(d.Alerts, raise(n, 0, alert.Device{DeviceID: "new"}))
		}
	}
	s.alerts, s.log = nil, nil
	importing(t.Context(), t, m, d)
	assert.Len(t, s.alerts, 1+18+1, "the alerts that are there, one of each kind, and the device")
	assert.Len(t, s.log, 1, "the comments that are there")

	d.Comments, d.Alerts, s.alerts, s.log = nil, nil, nil, nil
	importing(t.Context(), t, m, d)
	assert.Empty(t, s.alerts)
	assert.Empty(t, s.log)
}

// An asked storage keeps the queries for alerts and entries.
type asked struct {
	storage.Storage
	alerts []alert.Query
	log    []activity.Query
}

func (s *asked) View(ctx context.Context, fn func(storage.Reader) error) error {
	return s.Storage.View(ctx, func(r storage.Reader) error { return fn(askedReader{r, s}) })
}

type askedReader struct {
	storage.Reader
	of *asked
}

func (r askedReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	r.of.alerts = append(r.of.alerts, q)
	return r.Reader.Alerts(ctx, q)
}

func (r askedReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	r.of.log = append(r.of.log, q)
	return r.Reader.Activity(ctx, q)
}

func TestAnImportCanAskForAVersion(t *testing.T) {
	s := &tape{Storage: memory.New()}
	m := over(s)
	for stored, d := range []incident.Draft{draft(), later()} {
		_, _, err := m.Import(t.Context(), siem, d, manager.IfVersion(7))
		conflict, ok := errors.AsType[*storage.ConflictError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, storage.ConflictError{Record: "incident", ID: "theirs:7", Given: 7, Stored: int64(stored)}, *conflict)
		assert.Len(t, s.applied, stored, "nothing is written")
		importing(t.Context(), t, m, draft())
	}
	assert.Equal(t, incident.Resolved, importing(t.Context(), t, m, later(), manager.IfVersion(1)).Status)
}

// Times of a draft are stored in UTC and microseconds, so that a store which keeps no more does not make a
// draft look newer than itself.
func TestTimesOfADraftAreRounded(t *testing.T) {
	fine := time.Date(2026, 3, 1, 9, 0, 0, 1234, time.FixedZone("", 3600))
	want := time.Date(2026, 3, 1, 8, 0, 0, 1000, time.UTC)
	d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "7", Updated: fine}, Created: fine, Status: incident.Resolved, Resolved: fine,
		Comments: []incident.Comment{{By: "dave", Time: fine, Text: "hi"}}}
	m, _ := open(t)
	for _, d := range []incident.Draft{d, {Created: fine, Status: incident.Resolved, Resolved: fine}} {
		create := func() (incident.Incident, error) { return m.Create(t.Context(), siem, d) }
		if d.Reference.ID != "" {
			create = func() (incident.Incident, error) { return importing(t.Context(), t, m, d), nil }
		}
		i, err := create()
		require.NoError(t, err)
		assert.Equal(t, want, i.Created)
		assert.Equal(t, want, i.Resolved)
		for _, r := range i.References {
			assert.Equal(t, want, r.Updated)
		}
	}
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}})) {
		assert.Equal(t, want, e.Occurred)
	}
	assert.Equal(t, fine, d.Comments[0].Time, "the caller's draft is the caller's")
}

// An incident that was merged there into one that is here too gives it its new alerts and comments, at each
// import, and nothing else.
func TestImportingAnIncidentThatLeadsToAnother(t *testing.T) {
	m, _ := open(t)
	target := draft()
	target.Reference.ID, target.Name = "8", "The other"
	merged := incident.Draft{Reference: draft().Reference, Name: "Merged", Status: incident.Redirected, RedirectTo: target.Reference}
	importing(t.Context(), t, m, merged)
	want := importing(t.Context(), t, m, target)
	assert.Equal(t, want, importing(t.Context(), t, m, merged))
	merged.Reference.Updated = start.Add(time.Hour)
	merged.Alerts = []alert.Alert{raise(1, 0), raise(9, 0)}
	got := importing(t.Context(), t, m, merged)
	assert.Equal(t, want.ID, got.ID)
	assert.Equal(t, "The other", got.Name)
	assert.Equal(t, incident.Active, got.Status)
	assert.Equal(t, 3, got.Alerts.Count)
}

// The same draft from many at once, while its alerts come in by themselves too: one incident, each alert
// once, nothing lost.
func TestTheSameImportFromManyAtOnce(t *testing.T) {
	m, _ := open(t)
	d := later()
	d.Alerts = d.Alerts[:4]
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			_, _, err := m.Import(context.Background(), siem, d)
			assert.NoError(t, err)
		})
		wg.Go(func() {
			_, err := m.Ingest(context.Background(), siem, d.Alerts[n%4:n%4+1])
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
	assert.Len(t, alerts, 4)
	repeats := 0
	for _, a := range alerts {
		repeats += a.Repeats
	}
	assert.Equal(t, 12*4+12-4, repeats)
	for _, i := range all(t, m.Incidents(t.Context(), kai, whatever)) {
		own := all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{i.ID}}))
		assert.Equal(t, incident.Summarize(own), i.Alerts, "incident %s", i.ID)
	}
}

func TestImportNeedsAReference(t *testing.T) {
	m, _ := open(t)
	d := draft()
	d.Reference.ID = ""
	_, _, err := m.Import(t.Context(), siem, d)
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "reference")
	assert.Empty(t, all(t, m.Activity(t.Context(), kai, activity.Query{})))
}
