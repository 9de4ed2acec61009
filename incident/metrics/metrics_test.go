package metrics_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/metrics"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var (
	siem  = activity.Actor{Kind: activity.App, ID: "siem"}
	kai   = activity.Actor{ID: "kai@contoso.com"}
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	hour  = func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
)

func compute(t require.TestingT, s storage.Storage, q incident.Query, now time.Time, o *metrics.Options) (report metrics.Report) {
	err := s.View(context.Background(), func(r storage.Reader) (err error) {
		report, err = metrics.Compute(context.Background(), r, q, now, o)
		return err
	})
	require.NoError(t, err)
	return report
}

// one is the distribution of a single time.
func one(d time.Duration) metrics.Distribution {
	return metrics.Distribution{Count: 1, Mean: d, Median: d, P90: d, P95: d}
}

// Each definition by itself: an incident is created at hour 0 unless said otherwise, command n runs at hour
// n+1, and the figures are those of hour 10.
func TestDefinitions(t *testing.T) {
	owner := incident.Owner{ID: "mona"}
	type command func(m *manager.Manager, id incident.ID) error
	edit := func(by activity.Actor, e incident.Edit) command {
		return func(m *manager.Manager, id incident.ID) error {
			_, err := m.Edit(context.Background(), by, id, e)
			return err
		}
	}
	comment := func(by activity.Actor) command {
		return func(m *manager.Manager, id incident.ID) error {
			_, err := m.Comment(context.Background(), by, id, incident.CommentDraft{Text: "looked at"})
			return err
		}
	}
	status := func(s incident.Status) incident.Edit { return incident.Edit{Status: &s} }
	imported := incident.Reference{System: "theirs", ID: "7"}
	age := one(10 * time.Hour)
	for _, c := range []struct {
		name     string
		draft    incident.Draft
		by       activity.Actor
		commands []command
		want     metrics.Figures
	}{
		{"nothing happened", incident.Draft{}, siem, nil, metrics.Figures{Open: 1, Age: age}},
		{"a person created it", incident.Draft{}, kai, nil, metrics.Figures{Open: 1, Age: age, FirstAction: one(0)}},
		{"created with an owner", incident.Draft{Owner: owner, Created: hour(-5)}, siem, nil,
			metrics.Figures{Open: 1, Age: one(15 * time.Hour), Assign: one(0)}},
		{"a program assigned it", incident.Draft{}, siem, []command{edit(siem, incident.Edit{Owner: &owner})},
			metrics.Figures{Open: 1, Age: age, Assign: one(time.Hour)}},
		{"the owner was removed and set again", incident.Draft{}, siem,
			[]command{edit(siem, incident.Edit{Owner: &owner}), edit(siem, incident.Edit{Owner: &incident.Owner{}}), edit(kai, incident.Edit{Owner: &owner})},
			metrics.Figures{Open: 1, Age: age, Assign: one(time.Hour), FirstAction: one(3 * time.Hour)}},
		{"a comment is an action", incident.Draft{}, siem, []command{comment(siem), comment(kai), comment(kai)},
			metrics.Figures{Open: 1, Age: age, FirstAction: one(2 * time.Hour)}},
		{"resolved", incident.Draft{}, siem, []command{edit(siem, status(incident.InProgress)), edit(siem, status(incident.Resolved))},
			metrics.Figures{Resolve: one(2 * time.Hour)}},
		{"reopened", incident.Draft{}, siem, []command{edit(siem, status(incident.Resolved)), edit(siem, status(incident.InProgress))},
			metrics.Figures{Open: 1, Age: age, Reopened: 1, Reopenings: 1}},
		{"resolved three times", incident.Draft{}, siem, []command{
			edit(siem, status(incident.Resolved)), edit(siem, status(incident.Active)), edit(siem, status(incident.Resolved)),
			edit(siem, status(incident.InProgress)), edit(siem, status(incident.Active)), edit(siem, status(incident.Resolved))},
			metrics.Figures{Reopened: 1, Reopenings: 2, Resolve: one(6 * time.Hour)}},
		{"a resolution before the creation", incident.Draft{Status: incident.Resolved, Created: hour(3), Resolved: hour(1)}, siem, nil,
			metrics.Figures{Resolve: one(0)}},
		{"imported with an owner, commented on there", incident.Draft{Reference: imported, Owner: owner, Created: hour(-5),
			Comments: []incident.Comment{{By: "dave", Time: hour(-4), Text: "hi"}}}, kai, nil,
			metrics.Figures{Open: 1, Age: one(15 * time.Hour)}},
		{"imported with an owner, assigned anew here", incident.Draft{Reference: imported, Owner: owner, Created: hour(-5)}, siem,
			[]command{edit(kai, incident.Edit{Owner: &incident.Owner{ID: "kai"}})},
			metrics.Figures{Open: 1, Age: one(15 * time.Hour), FirstAction: one(6 * time.Hour)}},
		{"imported, assigned here", incident.Draft{Reference: imported, Created: hour(-5)}, kai,
			[]command{edit(kai, incident.Edit{Owner: &owner})},
			metrics.Figures{Open: 1, Age: one(15 * time.Hour), Assign: one(6 * time.Hour), FirstAction: one(6 * time.Hour)}},
		{"imported as resolved", incident.Draft{Reference: imported, Status: incident.Resolved, Created: hour(-5), Resolved: hour(-1)}, siem, nil,
			metrics.Figures{Resolve: one(4 * time.Hour)}},
		{"imported as resolved, nobody knows when", incident.Draft{Reference: imported, Status: incident.Resolved, Created: hour(-5)}, siem, nil,
			metrics.Figures{}},
		{"and resolved here again", incident.Draft{Reference: imported, Status: incident.Resolved, Created: hour(-5)}, siem,
			[]command{edit(siem, status(incident.Active)), edit(siem, status(incident.Resolved))},
			metrics.Figures{Reopened: 1, Reopenings: 1, Resolve: one(7 * time.Hour)}},
		{"commented on there later, imported by a program", incident.Draft{Reference: imported}, siem,
			[]command{func(m *manager.Manager, _ incident.ID) error {
				_, _, err := m.Import(context.Background(), siem, incident.Draft{Reference: imported, Comments: []incident.Comment{{By: "dave", Time: start, Text: "hi"}}})
				return err
			}},
			metrics.Figures{Open: 1, Age: age}},
		{"created in the future", incident.Draft{Created: hour(24)}, siem, []command{edit(kai, incident.Edit{Owner: &owner})},
			metrics.Figures{Open: 1, Age: one(0), Assign: one(0), FirstAction: one(0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, s := start, memory.New()
			m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
			i, err := m.Create(t.Context(), c.by, c.draft)
			require.NoError(t, err)
			for n, run := range c.commands {
				now = hour(n + 1)
				require.NoError(t, run(m, i.ID))
			}
			c.want.Incidents = 1
			report := compute(t, s, incident.Query{}, hour(10), nil)
			assert.Equal(t, c.want, report.Total)
			assert.Equal(t, hour(10), report.Now)
			assert.Empty(t, report.Buckets)
		})
	}
}

func entry(at time.Time, typ activity.Type, by activity.Actor, changes ...activity.Change) activity.Entry {
	return activity.Entry{Time: at, Type: typ, Actor: by, Incident: "x", Changes: changes, Cause: fmt.Sprint(at)}
}

func became(status string) activity.Change {
	return activity.Change{Field: "status", Before: `"active"`, After: activity.Value(`"` + status + `"`)}
}

func seq(histories ...metrics.History) iter.Seq2[metrics.History, error] {
	return func(yield func(metrics.History, error) bool) {
		for _, h := range histories {
			if !yield(h, nil) {
				return
			}
		}
	}
}

// However many incidents there are, each is measured once, by its own entries.
func TestManyIncidents(t *testing.T) {
	now, s := start, memory.New()
	m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
	const many = 100
	for n := range many {
		now = start
		i, err := m.Create(t.Context(), siem, incident.Draft{})
		require.NoError(t, err)
		now = hour(n)
		_, err = m.Comment(t.Context(), kai, i.ID, incident.CommentDraft{Text: "looked at"})
		require.NoError(t, err)
	}
	got := compute(t, s, incident.Query{}, start, nil).Total
	assert.Equal(t, many, got.Incidents)
	mean := (many - 1) * time.Hour / 2
	assert.Equal(t, metrics.Distribution{Count: many, Mean: mean, Median: mean, P90: 891 * time.Hour / 10, P95: 9405 * time.Hour / 100}, got.FirstAction)
	page := compute(t, s, incident.Query{Limit: 33, Sort: incident.ByNumber, Ascending: true}, start, nil).Total
	assert.Equal(t, metrics.Distribution{Count: 33, Mean: 16 * time.Hour, Median: 16 * time.Hour, P90: 288 * time.Hour / 10, P95: 304 * time.Hour / 10}, page.FirstAction)
}

// What a merge copies into its target happened to another incident; the source is counted as merged away
// and, while the merge lasts, not as open.
func TestMerges(t *testing.T) {
	copied := entry(hour(1), activity.Assigned, kai, activity.Change{Field: "owner", After: `{"kind":"user","id":"mona"}`})
	copied.Origin = "source"
	target := metrics.History{Incident: incident.Incident{ID: "target", Created: hour(0), Status: incident.Active},
		Entries: []activity.Entry{entry(hour(0), activity.IncidentCreated, siem), copied}}
	source := metrics.History{Incident: incident.Incident{ID: "source", Created: hour(0), Status: incident.Redirected, RedirectTo: "target"},
		Entries: []activity.Entry{entry(hour(0), activity.IncidentCreated, siem), entry(hour(1), activity.Assigned, kai, copied.Changes...),
			entry(hour(2), activity.StatusChanged, kai, became("redirected"))}}
	undone := metrics.History{Incident: incident.Incident{ID: "undone", Created: hour(0), Status: incident.Active},
		Entries: []activity.Entry{entry(hour(0), activity.IncidentCreated, siem), entry(hour(2), activity.StatusChanged, siem, became("redirected")),
			entry(hour(3), activity.StatusChanged, siem, became("active"))}}

	report, err := metrics.Measure(seq(target, source, undone), hour(4), &metrics.Options{Edges: []time.Time{hour(0), hour(1), hour(3), hour(4), hour(5), hour(6)}})
	require.NoError(t, err)
	four := 4 * time.Hour
	assert.Equal(t, metrics.Figures{Incidents: 2, Open: 2, Age: metrics.Distribution{Count: 2, Mean: four, Median: four, P90: four, P95: four}}, report.Total)
	assert.Equal(t, 1, report.Merged)
	assert.Equal(t, []metrics.Bucket{
		{Start: hour(0), End: hour(1), Created: 3, Open: 3},
		{Start: hour(1), End: hour(3), Merged: 2, Open: 1},
		{Start: hour(3), End: hour(4), Reopened: 1, Open: 2},
		{Start: hour(4), End: hour(5), Open: 2}, // begins now
	}, report.Buckets)
}

// An alert that is assigned or resolved by itself does not make its incident so.
func TestAlertsAreNotTheirIncident(t *testing.T) {
	assigned := entry(hour(1), activity.AlertAssigned, siem, activity.Change{Field: "owner", After: `{"kind":"user","id":"mona"}`})
	resolved := entry(hour(2), activity.AlertStatus, siem, became("resolved"), activity.Change{Field: "resolved", After: `"2026-03-01T10:00:00Z"`})
	assigned.Alert, resolved.Alert = "a", "a"
	report, err := metrics.Measure(seq(metrics.History{Incident: incident.Incident{Created: hour(0)}, Entries: []activity.Entry{
		entry(hour(0), activity.IncidentCreated, siem), assigned, resolved}}), hour(4), &metrics.Options{Edges: []time.Time{hour(0), hour(5)}})
	require.NoError(t, err)
	assert.Equal(t, metrics.Figures{Incidents: 1, Open: 1, Age: one(4 * time.Hour)}, report.Total)
	assert.Equal(t, []metrics.Bucket{{Start: hour(0), End: hour(5), Created: 1, Open: 1}}, report.Buckets)
}

func TestQuantilesAreInterpolated(t *testing.T) {
	var all []metrics.History
	for _, n := range []int{40, 10, 30, 20, 60} {
		at := start.Add(time.Duration(n) * time.Minute)
		all = append(all, metrics.History{Incident: incident.Incident{Created: start, Status: incident.Resolved, Resolved: at},
			Entries: []activity.Entry{entry(at, activity.StatusChanged, siem, became("resolved"), activity.Change{Field: "resolved", After: `"2026-03-01T00:00:00Z"`})}})
	}
	report, err := metrics.Measure(seq(all...), start, nil)
	require.NoError(t, err)
	assert.Equal(t, metrics.Distribution{Count: 5, Mean: 32 * time.Minute, Median: 30 * time.Minute, P90: 52 * time.Minute, P95: 56 * time.Minute}, report.Total.Resolve)
}

func TestNothingToMeasure(t *testing.T) {
	report := compute(t, memory.New(), incident.Query{}, start, &metrics.Options{Edges: []time.Time{hour(-1), start, hour(1)}})
	assert.Equal(t, metrics.Report{Now: start, Buckets: []metrics.Bucket{{Start: hour(-1), End: start}, {Start: start, End: hour(1)}}}, report)
}

func TestErrors(t *testing.T) {
	torn := errors.New("torn")
	_, err := metrics.Measure(func(yield func(metrics.History, error) bool) { yield(metrics.History{}, torn) }, start, nil)
	require.ErrorIs(t, err, torn)

	_, err = metrics.Measure(seq(metrics.History{Entries: []activity.Entry{entry(start, activity.StatusChanged, kai, became("lost"))}}), start, nil)
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, `"lost"`)

	_, err = metrics.Measure(seq(), start, &metrics.Options{Edges: []time.Time{hour(0), hour(1), hour(1)}})
	field, ok := errors.AsType[*alert.FieldError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "edges[2]", field.Field)

	ctx, cancel := context.WithCancel(t.Context())
	s := memory.New()
	_, err = manager.New(s, nil).Create(ctx, siem, incident.Draft{})
	require.NoError(t, err)
	err = s.View(ctx, func(r storage.Reader) error {
		cancel()
		_, err := metrics.Compute(ctx, r, incident.Query{}, start, nil)
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
}

// T1: a day has the hours that the clocks of its place give it.
func TestDays(t *testing.T) {
	hours := func(zone string, first, last string) (all []float64) {
		place, err := time.LoadLocation(zone)
		require.NoError(t, err)
		at := func(text string) time.Time {
			v, err := time.ParseInLocation("2006-01-02 15:04", text, place)
			require.NoError(t, err)
			return v
		}
		edges := metrics.Days(at(first), at(last).UTC())
		assert.False(t, edges[0].After(at(first)))
		for n := 1; n < len(edges); n++ {
			all = append(all, edges[n].Sub(edges[n-1]).Hours())
		}
		return all
	}
	assert.Equal(t, []float64{24, 23, 24}, hours("Europe/Berlin", "2026-03-28 09:00", "2026-03-30 00:00"))
	assert.Equal(t, []float64{24, 25, 24}, hours("Europe/Berlin", "2026-10-24 00:00", "2026-10-26 23:59"))
	assert.Equal(t, []float64{24, 23, 24}, hours("America/Sao_Paulo", "2018-11-03 09:00", "2018-11-05 01:00")) // without midnight
	assert.Equal(t, []float64{24}, hours("UTC", "2026-03-28 09:00", "2026-03-28 09:00"))
	assert.Empty(t, hours("UTC", "2026-03-28 09:00", "2026-03-27 09:00"))
}

// A life is what the commands of a test did to an incident, noted as they ran and without the log.
type life struct {
	created, resolved, acted time.Time
	assigned                 time.Duration // -1: not, or nobody knows
	owned                    bool
	status                   incident.Status
	reopenings               int
	turns                    []turn
}

type turn struct {
	at   time.Time
	what string // "created", "resolved" or "reopened"
}

func (l *life) turn(at time.Time, what string) {
	if n := len(l.turns); n > 0 && at.Before(l.turns[n-1].at) {
		at = l.turns[n-1].at
	}
	l.turns = append(l.turns, turn{at, what})
}

// become notes a status that was set; at is when the incident was resolved.
func (l *life) become(s incident.Status, now, at time.Time) {
	switch {
	case s == incident.Resolved && l.status != incident.Resolved:
		l.turn(at, "resolved")
		l.resolved = at
	case s != incident.Resolved && l.status == incident.Resolved:
		l.turn(now, "reopened")
		l.resolved = time.Time{}
		l.reopenings++
	}
	l.status = s
}

// own notes an owner that was set.
func (l *life) own(o incident.Owner, now time.Time) {
	if !o.IsZero() && !l.owned {
		l.owned, l.assigned = true, max(now.Sub(l.created), 0)
	}
}

func (l *life) act(by activity.Actor, now time.Time) {
	if by == kai && l.acted.IsZero() {
		l.acted = now
	}
}

// apart is the default correlator without merges, which the model of lives does not know.
type apart struct{ correlation.Default }

func (c apart) Correlate(
	ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet,
) (correlation.Decision, error) {
	d, err := c.Default.Correlate(ctx, r, a, keys)
	d.Merge = nil
	return d, err
}

// Whatever is done to incidents, the report is what the commands themselves add up to.
func TestReportIsWhatTheCommandsAddUpTo(t *testing.T) {
	var reopened, imported int
	rapid.Check(t, func(t *rapid.T) {
		now, ids := start, 0
		s := memory.New()
		m := manager.New(s, &manager.Options{
			Now: func() time.Time { return now }, NewID: func() string { ids++; return fmt.Sprint("id", ids) }, Correlator: apart{},
		})
		lives := map[incident.ID]*life{}
		pick := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
		actor := func() activity.Actor { return []activity.Actor{siem, kai}[pick("actor", 2)] }
		owner := func() incident.Owner {
			return []incident.Owner{{}, {ID: "mona"}, {ID: "team", Kind: alert.GroupOwner, Name: "The team"}}[pick("owner", 3)]
		}
		alerts := 0
		raise := func() alert.Alert {
			alerts++
			return alert.Alert{Origin: alert.Origin{Source: []string{"edr", "mail"}[pick("source", 2)], ID: fmt.Sprint(alerts)}, Title: "Bad",
				Severity: alert.Severity(pick("severity", 4) + 1), FirstActivity: start,
				Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: fmt.Sprint(pick("device", 4))}}}}
		}
		draft := func() incident.Draft {
			d := incident.Draft{Owner: owner(), Status: incident.Status(pick("status", 3))}
			if pick("dated", 2) == 0 {
				d.Created = now.Add(time.Duration(pick("created", 20)-17) * time.Hour)
			}
			if d.Status == incident.Resolved && pick("timed", 2) == 0 {
				d.Resolved = now.Add(-time.Duration(pick("resolved", 20)) * time.Hour)
			}
			for range pick("alerts", 3) {
				d.Alerts = append(d.Alerts, raise())
			}
			return d
		}
		born := func(id incident.ID, by activity.Actor, d incident.Draft, foreign bool) {
			l := &life{created: d.Created, assigned: -1}
			if l.created.IsZero() {
				l.created = now
			}
			lives[id] = l
			l.turn(l.created, "created")
			at := d.Resolved
			if at.IsZero() {
				at = now
			}
			l.become(d.Status, now, at)
			if foreign {
				l.owned = !d.Owner.IsZero()
				if at.Equal(now) {
					l.resolved = time.Time{}
				}
				return
			}
			l.own(d.Owner, l.created)
			l.act(by, now)
		}
		for range rapid.IntRange(0, 30).Draw(t, "commands") {
			now = now.Add(time.Duration(pick("minutes", 200)) * time.Minute)
			by, known := actor(), slices.Sorted(maps.Keys(lives))
			switch what := pick("command", 8); {
			case what == 0:
				d := draft()
				i, err := m.Create(t.Context(), by, d)
				require.NoError(t, err)
				born(i.ID, by, d, false)
			case what == 1:
				results, err := m.Ingest(t.Context(), by, []alert.Alert{raise()})
				require.NoError(t, err)
				if results[0].Outcome == manager.Opened {
					born(results[0].Incident, by, incident.Draft{}, false)
				} else {
					lives[results[0].Incident].act(by, now)
				}
			case what == 2:
				imported++
				d := draft()
				d.Created, d.Alerts = start, nil
				d.Reference = incident.Reference{System: "theirs", ID: fmt.Sprint(pick("reference", 2)), Updated: now}
				l := lives[d.Reference.IncidentID()]
				before, err := m.Incident(t.Context(), kai, d.Reference.IncidentID())
				if l == nil {
					require.ErrorIs(t, err, storage.ErrNotFound)
				}
				after, _, err := m.Import(t.Context(), siem, d)
				require.NoError(t, err)
				switch {
				case l == nil:
					born(after.ID, siem, d, true)
				case after.Version != before.Version: // what was decided here may stay
					if !after.Owner.Same(before.Owner) {
						l.own(after.Owner, now)
					}
					if after.Status != before.Status {
						l.become(after.Status, now, cmp.Or(after.Resolved, now))
					}
					if after.Status == incident.Resolved && !after.Resolved.Equal(before.Resolved) {
						l.resolved = after.Resolved
					}
				}
			case len(known) == 0:
			default:
				id := known[pick("incident", len(known))]
				l := lives[id]
				before, err := m.Incident(t.Context(), kai, id)
				require.NoError(t, err)
				var after incident.Incident
				switch what {
				case 3:
					after, err = m.Comment(t.Context(), by, id, incident.CommentDraft{Text: "looked at"})
				case 4, 5:
					o := owner()
					after, err = m.Edit(t.Context(), by, id, incident.Edit{Owner: &o})
					l.own(o, now)
				default:
					to := incident.Status(pick("to", 3))
					after, err = m.Edit(t.Context(), by, id, incident.Edit{Status: &to})
					l.become(to, now, now)
				}
				require.NoError(t, err)
				if after.Version != before.Version {
					l.act(by, now)
				}
			}
		}

		now = now.Add(time.Hour)
		edges := []time.Time{start.Add(-time.Hour)}
		for range pick("edges", 6) {
			edges = append(edges, edges[len(edges)-1].Add(time.Duration(1+pick("width", 2000))*time.Minute))
		}
		q := incident.Query{}
		if pick("query", 3) == 0 {
			q.Severities = []alert.Severity{alert.High, alert.Unrated}
		}
		var incidents []incident.Incident
		for i, err := range m.Incidents(t.Context(), kai, q) {
			require.NoError(t, err)
			incidents = append(incidents, i)
			require.Equal(t, i.Status, lives[i.ID].status)
			reopened += lives[i.ID].reopenings
		}
		got := compute(t, s, q, now, &metrics.Options{Edges: edges})
		same(t, figures(incidents, lives, now), got.Total)
		for _, g := range got.BySeverity {
			same(t, figures(where(incidents, func(i incident.Incident) bool { return i.Severity == g.Key }), lives, now), g.Figures)
		}
		for _, g := range got.ByOwner {
			same(t, figures(where(incidents, func(i incident.Incident) bool { return i.Owner == g.Key }), lives, now), g.Figures)
		}
		for _, g := range got.BySource {
			same(t, figures(where(incidents, func(i incident.Incident) bool {
				return slices.Contains(i.Alerts.Sources, g.Key) || g.Key == "" && len(i.Alerts.Sources) == 0
			}), lives, now), g.Figures)
		}
		require.Equal(t, len(incidents), sum(got.BySeverity))
		require.Equal(t, len(incidents), sum(got.ByOwner))
		require.GreaterOrEqual(t, sum(got.BySource), len(incidents))
		require.Equal(t, chart(incidents, lives, edges, now), got.Buckets)
	})
	assert.NotZero(t, reopened)
	assert.NotZero(t, imported)
}

func sum[K any](groups []metrics.Group[K]) (n int) {
	for _, g := range groups {
		n += g.Incidents
	}
	return n
}

func where(all []incident.Incident, keep func(incident.Incident) bool) (kept []incident.Incident) {
	for _, i := range all {
		if keep(i) {
			kept = append(kept, i)
		}
	}
	return kept
}

// figures counts what happened to incidents.
func figures(incidents []incident.Incident, lives map[incident.ID]*life, now time.Time) (f metrics.Figures) {
	var assign, act, resolve, age []time.Duration
	for _, i := range incidents {
		l := lives[i.ID]
		f.Incidents++
		f.Reopenings += l.reopenings
		f.Reopened += min(l.reopenings, 1)
		if l.assigned >= 0 {
			assign = append(assign, l.assigned)
		}
		if !l.acted.IsZero() {
			act = append(act, max(l.acted.Sub(l.created), 0))
		}
		if l.status != incident.Resolved {
			f.Open++
			age = append(age, max(now.Sub(l.created), 0))
		} else if !l.resolved.IsZero() {
			resolve = append(resolve, max(l.resolved.Sub(l.created), 0))
		}
	}
	f.Assign, f.FirstAction, f.Resolve, f.Age = spread(assign), spread(act), spread(resolve), spread(age)
	return f
}

func spread(times []time.Duration) metrics.Distribution {
	if len(times) == 0 {
		return metrics.Distribution{}
	}
	slices.Sort(times)
	var total time.Duration
	for _, d := range times {
		total += d
	}
	at := func(percent int) time.Duration {
		place := (len(times) - 1) * percent
		low, high := times[place/100], times[(place+99)/100]
		return low + (high-low)*time.Duration(place%100)/100
	}
	return metrics.Distribution{Count: len(times), Mean: total / time.Duration(len(times)), Median: at(50), P90: at(90), P95: at(95)}
}

// same allows for what is rounded to microseconds.
func same(t *rapid.T, want, got metrics.Figures) {
	pairs := [][2]*metrics.Distribution{{&want.Assign, &got.Assign}, {&want.FirstAction, &got.FirstAction}, {&want.Resolve, &got.Resolve}, {&want.Age, &got.Age}}
	for _, pair := range pairs {
		w, g := pair[0], pair[1]
		for _, times := range [][2]*time.Duration{{&w.Mean, &g.Mean}, {&w.Median, &g.Median}, {&w.P90, &g.P90}, {&w.P95, &g.P95}} {
			require.LessOrEqual(t, math.Abs(float64(*times[0]-*times[1])), float64(time.Microsecond))
			*times[0] = *times[1]
		}
	}
	require.Equal(t, want, got)
}

// chart looks at every incident for every bucket.
func chart(incidents []incident.Incident, lives map[incident.ID]*life, edges []time.Time, now time.Time) (all []metrics.Bucket) {
	for n := 1; n < len(edges); n++ {
		b := metrics.Bucket{Start: edges[n-1], End: edges[n]}
		if b.Start.After(now) {
			break
		}
		for _, i := range incidents {
			last := ""
			for _, turn := range lives[i.ID].turns {
				if !turn.at.Before(b.End) {
					continue
				}
				last = turn.what
				if turn.at.Before(b.Start) {
					continue
				}
				switch turn.what {
				case "created":
					b.Created++
				case "resolved":
					b.Resolved++
				case "reopened":
					b.Reopened++
				}
			}
			if last == "created" || last == "reopened" {
				b.Open++
			}
		}
		all = append(all, b)
	}
	return all
}

// The order of the histories is of no consequence.
func TestOrderDoesNotMatter(t *testing.T) {
	var all []metrics.History
	for n, name := range []string{"Mona", "", "Mona L.", "mona"} {
		all = append(all, metrics.History{Incident: incident.Incident{ID: incident.ID(fmt.Sprint(n)), Created: hour(-n), Severity: alert.Severity(n),
			Owner: incident.Owner{ID: "mona", Name: name}, Alerts: incident.Summary{Sources: []string{"b", "a"}[n%2:]}}})
	}
	want, err := metrics.Measure(seq(all...), start, nil)
	require.NoError(t, err)
	require.Len(t, want.ByOwner, 1)
	assert.Equal(t, incident.Owner{ID: "mona", Name: "mona"}, want.ByOwner[0].Key)
	assert.Equal(t, "a", want.BySource[0].Key)
	assert.Equal(t, alert.High-1, want.BySeverity[0].Key)
	slices.Reverse(all)
	got, err := metrics.Measure(seq(all...), start, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// One owner in two spellings is one group, whatever the order of the histories; a group of that name is another.
func TestOwnersInTwoSpellings(t *testing.T) {
	var all []metrics.History
	for _, o := range []incident.Owner{{ID: "Kai"}, {ID: "kai", Name: "Kai N."}, {ID: "KAI", Kind: alert.GroupOwner}} {
		all = append(all, metrics.History{Incident: incident.Incident{ID: incident.ID(o.ID), Created: start, Owner: o}})
	}
	want := []incident.Owner{{ID: "Kai", Name: "Kai N."}, {ID: "KAI", Kind: alert.GroupOwner}}
	for range 2 {
		r, err := metrics.Measure(seq(all...), start, nil)
		require.NoError(t, err)
		require.Len(t, r.ByOwner, len(want))
		for n, o := range want {
			assert.Equal(t, o, r.ByOwner[n].Key)
			assert.Equal(t, 2-n, r.ByOwner[n].Figures.Incidents)
		}
		slices.Reverse(all)
	}
}
