package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A shelf is a storage with incidents that are merged by the rules of the library, one hour after the other.
type shelf struct {
	t *testing.T
	storage.Storage
	hours int
}

var kai = activity.Actor{ID: "kai@contoso.example", Name: "Kai"}

// newShelf returns incidents with these IDs, the numbers 1, 2, 3 …, and an alert each, on the device of its name.
func newShelf(t *testing.T, ids ...incident.ID) *shelf {
	q := &shelf{t: t, Storage: memory.New()}
	t.Cleanup(func() { assert.NoError(t, q.Close()) })
	for _, id := range ids {
		a := alert.Alert{ID: alert.Origin{Source: "sensor", ID: string(id)}.AlertID(), Incident: id, Origin: alert.Origin{Source: "sensor", ID: string(id)}, Title: "Alert of " + string(id),
			FirstActivity: start, Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "host-" + string(id), HostName: "host-" + string(id)}}}}
		e, err := incident.Create(q.command(), id, incident.Draft{Name: "Theft at host-" + string(id)}, []alert.Alert{a}, nil, classification.Defender())
		require.NoError(t, err)
		e.Alerts = []alert.Alert{a}
		q.apply(e)
	}
	return q
}

func (q *shelf) command() incident.Command {
	q.hours++
	return incident.Command{ID: fmt.Sprint("c", q.hours), By: kai, At: q.at()}
}

func (q *shelf) at() time.Time { return start.Add(time.Duration(q.hours) * time.Hour) }

func (q *shelf) apply(effects ...incident.Effect) {
	q.t.Helper()
	var cs storage.Changeset
	for _, e := range effects {
		cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, e.Incident), append(cs.Alerts, e.Alerts...), append(cs.Activity, e.Activity...)
		if e.Purge {
			cs.Purge = append(cs.Purge, e.Incident.ID)
		}
	}
	_, err := q.Apply(q.t.Context(), cs)
	require.NoError(q.t, err)
}

func all[T any](t *testing.T, list iter.Seq2[T, error]) (out []T) {
	for v, err := range list {
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}

// party returns an incident with its log and the alerts that the query selects.
func (q *shelf) party(id incident.ID, alerts alert.Query) (p incident.Party) {
	q.t.Helper()
	require.NoError(q.t, q.View(q.t.Context(), func(r storage.Reader) (err error) {
		p.Incident, err = r.Incident(q.t.Context(), id)
		p.Alerts = all(q.t, r.Alerts(q.t.Context(), alerts))
		p.Log = all(q.t, r.Activity(q.t.Context(), activity.Query{Incidents: []incident.ID{id}}))
		return err
	}))
	return p
}

func (q *shelf) of(id incident.ID) incident.Party {
	return q.party(id, alert.Query{Incidents: []incident.ID{id}})
}

// merge merges source into target and returns when.
func (q *shelf) merge(source, target incident.ID) time.Time {
	q.t.Helper()
	effects, err := incident.Merge(q.command(), q.of(target), []incident.Party{q.of(source)}, "")
	require.NoError(q.t, err)
	q.apply(effects...)
	return q.at()
}

func (q *shelf) unmerge(source, target incident.ID) {
	q.t.Helper()
	from := q.party(source, alert.Query{IDs: incident.MergedAlerts(q.of(source))})
	effects, err := incident.Unmerge(q.command(), from, q.of(target), "")
	require.NoError(q.t, err)
	q.apply(effects...)
}

func (q *shelf) report(id incident.ID, o *Options) Report {
	q.t.Helper()
	r, err := CollectFrom(q.t.Context(), q, id, o)
	require.NoError(q.t, err)
	return r
}

// everywhere requires that all documents of r say the texts.
func everywhere(t *testing.T, r Report, want ...string) {
	t.Helper()
	told := map[string]string{"pdf": text(t, render(t, r))}
	for _, f := range formats[:2] {
		told[f.name] = written(t, f.write, r)
	}
	for format, got := range told {
		got = strings.ReplaceAll(squeeze(got), `\`, "")
		for _, w := range want {
			assert.True(t, strings.Contains(got, squeeze(w)), "%q in %s", w, format)
		}
	}
}

// A report lists what was merged into its incident, through chains, and that of a merged incident says where it went.
func TestMergedIncidents(t *testing.T) {
	q := newShelf(t, "a", "b", "c", "d")
	first := q.merge("a", "b")
	second := q.merge("d", "c")
	third := q.merge("b", "c")
	name := q.of("c").Incident.Name

	r := q.report("c", nil)
	assert.Equal(t, []MergedRow{
		{ID: "a", Number: 1, Name: "Theft at host-a", Time: first, By: kai, Via: "b"},
		{ID: "d", Number: 4, Name: "Theft at host-d", Time: second, By: kai},
		{ID: "b", Number: 2, Name: q.of("b").Incident.Name, Time: third, By: kai},
	}, r.MergedFrom)
	assert.Empty(t, r.MergedInto)
	everywhere(t, r, "Incidents 1, 4 and 2 were merged into it.", "Theft at host-a", "Theft at host-d", "Kai (kai@contoso.example)")
	assert.Contains(t, text(t, render(t, r)), squeeze(first.Format("2006-01-02 15:04:05")+", into incident 2"))

	r = q.report("a", nil)
	assert.Empty(t, r.MergedFrom)
	assert.Equal(t, []MergedRow{
		{ID: "b", Number: 2, Name: q.of("b").Incident.Name, Time: first, By: kai},
		{ID: "c", Number: 3, Name: name, Time: third, By: kai, Via: "b"},
	}, r.MergedInto)
	where := "incident 2 (" + q.of("b").Incident.Name + "), and that into incident 3 (" + name + ")"
	everywhere(t, r, name, "Merged into "+where+".", "Redirected to "+where)

	r = q.report("b", nil)
	assert.Len(t, r.MergedFrom, 1)
	assert.Len(t, r.MergedInto, 1)

	out, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, r.MergedFrom, back.MergedFrom)

	r = q.report("c", &Options{Sections: []Section{Alerts}})
	assert.Empty(t, r.MergedFrom, "a part of the overview")
}

// What was taken out again is not merged any more, not even after it went elsewhere; what came back is, once.
// Covers M9.
func TestUnmergedIncidents(t *testing.T) {
	q := newShelf(t, "a", "b", "c")
	q.merge("a", "b")
	q.unmerge("a", "b")
	assert.Empty(t, q.report("b", nil).MergedFrom)
	assert.Empty(t, q.report("a", nil).MergedInto)

	q.merge("a", "c")
	assert.Empty(t, q.report("b", nil).MergedFrom)
	assert.Len(t, q.report("c", nil).MergedFrom, 1)
	q.unmerge("a", "c")
	again := q.merge("a", "b")
	rows := q.report("b", nil).MergedFrom
	require.Len(t, rows, 1)
	assert.Equal(t, again, rows[0].Time)
	assert.Empty(t, q.report("c", nil).MergedFrom)
	assert.Len(t, q.report("a", nil).MergedInto, 1)
}

// However incidents were merged and taken apart, reports tell who leads to whom now.
func TestMergesAndUnmerges(t *testing.T) {
	ids := []incident.ID{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(rt *rapid.T) {
		q := newShelf(t, ids...)
		parent := map[incident.ID]incident.ID{}
		one := rapid.SampledFrom(ids)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			x, y := one.Draw(rt, "source"), one.Draw(rt, "target")
			switch to := parent[x]; {
			case to != "" && parent[to] == "":
				q.unmerge(x, to)
				delete(parent, x)
			case to == "" && parent[y] == "" && x != y:
				q.merge(x, y)
				parent[x] = y
			}
		}
		for _, id := range ids {
			via, path := map[incident.ID]incident.ID{}, []incident.ID(nil)
			for _, x := range ids {
				for at := parent[x]; at != ""; at = parent[at] {
					if at == id {
						if via[x] = parent[x]; via[x] == id {
							via[x] = ""
						}
					}
				}
			}
			for at := parent[id]; at != ""; at = parent[at] {
				path = append(path, at)
			}
			got, into := map[incident.ID]incident.ID{}, []incident.ID(nil)
			r := q.report(id, nil)
			for _, row := range r.MergedFrom {
				got[row.ID] = row.Via
			}
			for _, row := range r.MergedInto {
				into = append(into, row.ID)
			}
			require.Equal(rt, via, got, id)
			require.Len(rt, r.MergedFrom, len(via))
			require.Equal(rt, path, into, id)
		}
	})
}

// What the log tells of a source that was purged stays; its name is gone. One that had been taken out is none.
func TestPurgedSource(t *testing.T) {
	q := newShelf(t, "a", "b", "c")
	q.merge("a", "b")
	q.merge("c", "b")
	q.unmerge("c", "b")
	for _, id := range []incident.ID{"a", "c"} {
		e, err := incident.Purge(q.command(), q.of(id).Incident, incident.Incident{Status: incident.Purged}, q.at(), "")
		require.NoError(t, err)
		q.apply(e)
	}
	rows := q.report("b", nil).MergedFrom
	require.Len(t, rows, 1)
	assert.Equal(t, []any{incident.ID("a"), int64(1), ""}, []any{rows[0].ID, rows[0].Number, rows[0].Name})
}

// The copy of a log is not the log: a purged source stays with the incident that it was merged into.
func TestPurgedSourceOfAChain(t *testing.T) {
	q := newShelf(t, "a", "b", "c")
	q.merge("a", "b")
	q.merge("b", "c")
	e, err := incident.Purge(q.command(), q.of("a").Incident, incident.Incident{Status: incident.Purged}, q.at(), "")
	require.NoError(t, err)
	q.apply(e)
	rows := q.report("c", nil).MergedFrom
	require.Len(t, rows, 2)
	assert.Equal(t, []incident.ID{"a", "b", "b", ""}, []incident.ID{rows[0].ID, rows[0].Via, rows[1].ID, rows[1].Via})
}

// An imported incident may lead to one that is not here, or in a circle.
func TestRedirectsOfOthers(t *testing.T) {
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	for id, to := range map[incident.ID]incident.ID{"lost": "nowhere", "x": "y", "y": "x"} {
		_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: id, Status: incident.Redirected, RedirectTo: to, Created: start, Updated: start}}})
		require.NoError(t, err)
	}
	r, err := CollectFrom(t.Context(), s, "lost", nil)
	require.NoError(t, err)
	assert.Equal(t, []MergedRow{{ID: "nowhere"}}, r.MergedInto)
	everywhere(t, r, "Redirected to incident nowhere")
	r, err = CollectFrom(t.Context(), s, "x", nil)
	require.NoError(t, err)
	assert.Len(t, r.MergedInto, 1)
}

// Hidden names are hidden in the names of other incidents too, also where the alerts that know them have left, and with
// no section that needs the log.
func TestMergedIncidentsKeepHiddenNames(t *testing.T) {
	q := newShelf(t, "a", "b")
	q.merge("a", "b")
	edit, err := incident.Edit{Name: new("Theft at HOST-B and host-a, says Kai")}.Apply(q.command(), incident.Case{Incident: q.of("b").Incident, Alerts: q.of("b").Alerts}, classification.Defender())
	require.NoError(t, err)
	q.apply(edit)
	hide := Hidden{Users: true, Devices: true}
	for id, sections := range map[incident.ID][]Section{"a": {Overview, IncidentSummary}, "b": {Overview}} {
		r := q.report(id, &Options{Sections: sections, Hide: hide})
		require.Len(t, append(r.MergedFrom, r.MergedInto...), 1)
		assert.Equal(t, activity.Actor{ID: "User 1", Name: "User 1"}, append(r.MergedFrom, r.MergedInto...)[0].By)
		got := strings.ToLower(text(t, render(t, r)) + written(t, WriteHTML, r) + written(t, formats[2].write, r))
		for _, hidden := range []string{"host-a", "host-b", "kai"} {
			assert.NotContains(t, got, hidden, id)
		}
	}
}

// broken fails the reads of one kind.
type broken struct {
	storage.Storage
	is string
}

type brokenReader struct {
	storage.Reader
	is string
}

var errBroken = errors.New("broken")

func (b broken) View(ctx context.Context, f func(storage.Reader) error) error {
	return b.Storage.View(ctx, func(r storage.Reader) error { return f(brokenReader{r, b.is}) })
}

func (b brokenReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if len(q.IDs) > 0 && b.is == string(q.IDs[0]) {
		return func(yield func(incident.Incident, error) bool) { yield(incident.Incident{}, errBroken) }
	}
	return b.Reader.Incidents(ctx, q)
}

func (b brokenReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if b.is == "log" && len(q.Types) > 0 && q.Types[0] == activity.Redirected || b.is == "merges" && len(q.Types) == 2 {
		return func(yield func(activity.Entry, error) bool) { yield(activity.Entry{}, errBroken) }
	}
	return b.Reader.Activity(ctx, q)
}

func (b brokenReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	if b.is == "alerts of b" && q.Incidents[0] == "b" {
		return func(yield func(alert.Alert, error) bool) { yield(alert.Alert{}, errBroken) }
	}
	return b.Reader.Alerts(ctx, q)
}

// A report that could not read other incidents is none.
func TestMergedIncidentsThatCannotBeRead(t *testing.T) {
	q := newShelf(t, "a", "b")
	q.merge("a", "b")
	for what, id := range map[string]incident.ID{"a": "b", "b": "a", "log": "a", "merges": "b", "alerts of b": "a"} {
		_, err := CollectFrom(t.Context(), broken{q, what}, id, &Options{Hide: Hidden{Users: true}})
		assert.ErrorIs(t, err, errBroken, what)
	}
}
