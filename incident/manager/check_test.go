package manager_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// M12: whatever a manager is told to do, no rule is broken.
func TestAManagerBreaksNoRule(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		d := anyday.New(t.Context(), rt, s)
		d.Happen(15)
		requireContents(rt, s)
		for e, err := range d.Manager.Activity(t.Context(), kai, activity.Query{}) {
			require.NoError(rt, err)
			require.NotContains(rt, d.Gone, cmp.Or(e.Text, "nothing"), "it was redacted")
		}
		d.Forget(s)
		for v, err := range manager.Check(t.Context(), s) {
			require.NoError(rt, err)
			require.Fail(rt, v.String())
		}
	})
}

// A ruin is a storage with incidents "theirs:1", which has the alerts edr:1 and edr:2 and three comments, and
// "theirs:2", which has nothing, that somebody has written to besides the manager.
type ruin struct {
	t *testing.T
	storage.Storage
	n int
}

func newRuin(t *testing.T) *ruin {
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	ids := 0
	m := manager.New(s, &manager.Options{Now: func() time.Time { return start }, NewID: func() string {
		ids++
		return fmt.Sprint("id", ids)
	}})
	one := draft()
	one.Name, one.Severity, one.Reference.ID = "", alert.Unrated, "1"
	importing(t.Context(), t, m, one)
	for range 2 {
		_, err := m.Comment(t.Context(), kai, "theirs:1", incident.CommentDraft{Text: "hm"})
		require.NoError(t, err)
	}
	importing(t.Context(), t, m, incident.Draft{Reference: incident.Reference{System: "theirs", ID: "2"}})
	return &ruin{t: t, Storage: s}
}

func (r *ruin) apply(cs storage.Changeset) {
	_, err := r.Apply(r.t.Context(), cs)
	require.NoError(r.t, err)
}

func (r *ruin) incident(id incident.ID) (i incident.Incident) {
	require.NoError(r.t, r.View(r.t.Context(), func(reader storage.Reader) (err error) {
		i, err = reader.Incident(r.t.Context(), id)
		return err
	}))
	return i
}

func (r *ruin) alert(id alert.ID) (a alert.Alert) {
	require.NoError(r.t, r.View(r.t.Context(), func(reader storage.Reader) (err error) {
		a, err = reader.Alert(r.t.Context(), id)
		return err
	}))
	return a
}

// entry returns an entry as a command that leaves the incident at that version would log it.
func (r *ruin) entry(id incident.ID, version int64, changes ...activity.Change) activity.Entry {
	r.n++
	cause := fmt.Sprint("ruin", r.n)
	return digested(activity.Entry{ID: activity.ID(cause + "/0"), Cause: cause, Version: version, Time: start, Incident: id,
		Type: activity.Described, Actor: kai, Changes: changes}, activity.Digest{})
}

func digested(e activity.Entry, about activity.Digest) activity.Entry {
	return e.WithDigest(activity.Digest{1, 2, 3}, about)
}

// logged changes an incident and logs it, as if it were right.
func (r *ruin) logged(id incident.ID, change func(*incident.Incident)) {
	before := r.incident(id)
	after := before.Clone()
	change(&after)
	after.Updated = start
	r.apply(storage.Changeset{Incidents: []incident.Incident{after}, Activity: []activity.Entry{r.entry(id, before.Version+1, incident.Diff(before, after)...)}})
}

// secretly changes an incident and does not log it.
func (r *ruin) secretly(id incident.ID, change func(*incident.Incident)) {
	i := r.incident(id)
	change(&i)
	r.apply(storage.Changeset{Incidents: []incident.Incident{i}})
}

// changeAlert changes an alert and logs that it did, but says nothing of what its incident has of it.
func (r *ruin) changeAlert(id alert.ID, change func(*alert.Alert)) {
	a := r.alert(id)
	change(&a)
	about, _ := a.Digest() // none of what JSON cannot express
	i := r.incident(a.Incident)
	i.Updated = start
	e := r.entry(i.ID, i.Version+1)
	e.Type, e.Alert = activity.AlertUpdated, id
	r.apply(storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}, Activity: []activity.Entry{digested(e, about)}})
}

// A bent storage reads something else than was written: what no storage that keeps its contract would.
type bent struct {
	storage.Storage
	incident func(*incident.Incident)
	keep     func(activity.Entry) bool
	entry    func(*activity.Entry)
}

func (b bent) View(ctx context.Context, fn func(storage.Reader) error) error {
	return b.Storage.View(ctx, func(r storage.Reader) error { return fn(bentReader{r, b}) })
}

type bentReader struct {
	storage.Reader
	bent bent
}

func (r bentReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	return func(yield func(incident.Incident, error) bool) {
		for i, err := range r.Reader.Incidents(ctx, q) {
			if r.bent.incident != nil {
				r.bent.incident(&i)
			}
			if !yield(i, err) {
				return
			}
		}
	}
}

func (r bentReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		for e, err := range r.Reader.Activity(ctx, q) {
			if r.bent.entry != nil {
				r.bent.entry(&e)
			}
			if (r.bent.keep == nil || r.bent.keep(e)) && !yield(e, err) {
				return
			}
		}
	}
}

// Each rule is found broken where it was broken, and no other is.
func TestWhatCheckFinds(t *testing.T) {
	for name, c := range map[string]struct {
		ruined func(*ruin) storage.Storage // nil is the ruin itself
		want   []manager.Violation
	}{
		"nothing": {func(*ruin) storage.Storage { return nil }, nil},
		"an alert in no incident": {func(r *ruin) storage.Storage {
			a := raise(7, 0)
			a.ID = a.Origin.AlertID()
			r.apply(storage.Changeset{Alerts: []alert.Alert{a}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleAlertIncident, Alert: "edr:7", Found: `""`, Want: "an incident that is stored"}}},
		"alerts in an unknown incident": {func(r *ruin) storage.Storage {
			for n := 7; n < 9; n++ {
				a := raise(n, n)
				a.ID, a.Incident = a.Origin.AlertID(), "nowhere"
				r.apply(storage.Changeset{Alerts: []alert.Alert{a}})
			}
			return nil
		}, []manager.Violation{{Rule: manager.RuleAlertIncident, Alert: "edr:7", Found: `"nowhere"`, Want: "an incident that is stored"},
			{Rule: manager.RuleAlertIncident, Alert: "edr:8", Found: `"nowhere"`, Want: "an incident that is stored"}}},
		"an alert under a wrong ID": {func(r *ruin) storage.Storage {
			r.changeAlert("edr:1", func(a *alert.Alert) { a.Origin.ID = "9" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleAlertID, Incident: "theirs:1", Alert: "edr:1", Found: "edr:1", Want: "edr:9"}}},
		"an alert without a title": {func(r *ruin) storage.Storage {
			r.changeAlert("edr:1", func(a *alert.Alert) { a.Title = "" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleAlertValid, Incident: "theirs:1", Alert: "edr:1",
			Found: `alert edr:1: title "": want a text in which something can be seen`, Want: "what may be ingested"}}},
		"an alert that was resolved and is not": {func(r *ruin) storage.Storage {
			r.changeAlert("edr:1", func(a *alert.Alert) { a.Resolved = start })
			return nil
		}, []manager.Violation{{Rule: manager.RuleAlertResolved, Incident: "theirs:1", Alert: "edr:1", Found: "2026-03-01 08:00:00 +0000 UTC, status new", Want: "a time just when it is resolved"}}},
		"a count that is wrong": {func(r *ruin) storage.Storage {
			r.logged("theirs:1", func(i *incident.Incident) { i.Alerts.Count = -7 })
			return nil
		}, []manager.Violation{{Rule: manager.RuleSummary, Incident: "theirs:1", Field: "alerts.count", Found: "-7", Want: "2"}}},
		"an alert that changed behind the incident": {func(r *ruin) storage.Storage {
			r.changeAlert("edr:1", func(a *alert.Alert) { a.Product = "new" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleSummary, Incident: "theirs:1", Field: "alerts.products", Found: "", Want: `["new"]`}}},
		"a severity that nobody chose": {func(r *ruin) storage.Storage {
			r.logged("theirs:1", func(i *incident.Incident) { i.Severity = alert.High })
			return nil
		}, []manager.Violation{{Rule: manager.RuleSeverity, Incident: "theirs:1", Field: "severity", Found: `"high"`, Want: `"medium"`}}},
		"a name that nobody chose": {func(r *ruin) storage.Storage {
			r.logged("theirs:2", func(i *incident.Incident) { i.Name = "x" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleName, Incident: "theirs:2", Field: "name", Found: `"x"`, Want: `"Incident without alerts"`}}},
		"a tag that no alert brings": {func(r *ruin) storage.Storage {
			r.logged("theirs:1", func(i *incident.Incident) { i.Tags = []incident.Tag{{Name: "x", Kind: alert.Experts}} })
			return nil
		}, []manager.Violation{{Rule: manager.RuleTags, Incident: "theirs:1", Field: "tags", Found: `[{"name":"x","kind":"experts"}]`, Want: ""}}},
		"a tag of an alert that the incident has not": {func(r *ruin) storage.Storage {
			tags := []alert.Tag{{Name: "ADFS", Kind: alert.CriticalAsset}}
			r.changeAlert("edr:1", func(a *alert.Alert) { a.SystemTags = tags })
			r.logged("theirs:1", func(i *incident.Incident) { i.Alerts.SystemTags = tags })
			return nil
		}, []manager.Violation{{Rule: manager.RuleTags, Incident: "theirs:1", Field: "tags",
			Found: `[{"name":"vip"}]`, Want: `[{"name":"ADFS","kind":"criticalAsset"},{"name":"vip"}]`}}},
		"an asset more critical than the incident knows": {func(r *ruin) storage.Storage {
			r.changeAlert("edr:1", func(a *alert.Alert) { a.Evidence[0].Criticality = alert.VeryHighCriticality })
			return nil
		}, []manager.Violation{{Rule: manager.RuleSummary, Incident: "theirs:1", Field: "alerts.criticality", Found: "", Want: `"veryHigh"`}}},
		"an incident resolved at no time": {func(r *ruin) storage.Storage {
			r.logged("theirs:1", func(i *incident.Incident) { i.Status = incident.Resolved })
			return nil
		}, []manager.Violation{{Rule: manager.RuleResolution, Incident: "theirs:1", Field: "resolved", Found: "0001-01-01 00:00:00 +0000 UTC, status resolved", Want: "a time just when it is resolved"}}},
		"an incident with a note that is not resolved": {func(r *ruin) storage.Storage {
			r.logged("theirs:1", func(i *incident.Incident) { i.Note = "over" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleResolution, Incident: "theirs:1", Field: "note", Found: `"over", status active`, Want: "a note only when it is resolved"}}},
		"a redirect to nowhere": {func(r *ruin) storage.Storage {
			r.logged("theirs:2", func(i *incident.Incident) { i.Status, i.RedirectTo = incident.Redirected, "nowhere" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedirect, Incident: "theirs:2", Found: "nowhere, which is not stored", Want: "an incident that is"}}},
		"a target without a redirect": {func(r *ruin) storage.Storage {
			r.logged("theirs:2", func(i *incident.Incident) { i.RedirectTo = "theirs:1" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedirect, Incident: "theirs:2", Found: `"theirs:1", status active`, Want: "a target just when it is redirected"}}},
		"a redirect without a target": {func(r *ruin) storage.Storage {
			r.logged("theirs:2", func(i *incident.Incident) { i.Status = incident.Redirected })
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedirect, Incident: "theirs:2", Found: `"", status redirected`, Want: "a target just when it is redirected"}}},
		// M3
		"a circle of redirects, and one into it": {func(r *ruin) storage.Storage {
			importing(t.Context(), t, manager.New(r, nil), incident.Draft{Reference: incident.Reference{System: "theirs", ID: "3"}})
			for id, to := range map[incident.ID]incident.ID{"theirs:1": "theirs:2", "theirs:2": "theirs:1", "theirs:3": "theirs:1"} {
				r.logged(id, func(i *incident.Incident) { i.Status, i.RedirectTo = incident.Redirected, to })
			}
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedirect, Incident: "theirs:1", Found: "theirs:2, which leads back", Want: "an end"},
			{Rule: manager.RuleRedirect, Incident: "theirs:2", Found: "theirs:1, which leads back", Want: "an end"}}},
		"a number twice": {func(r *ruin) storage.Storage {
			return bent{Storage: r, incident: func(i *incident.Incident) { i.Number = 1 }}
		}, []manager.Violation{{Rule: manager.RuleNumber, Incident: "theirs:2", Found: "1", Want: "more than 1"}}},
		"comments that are not in the log": {func(r *ruin) storage.Storage {
			r.logged("theirs:1", func(i *incident.Incident) { i.Comments = 9 })
			return nil
		}, []manager.Violation{{Rule: manager.RuleComments, Incident: "theirs:1", Found: "9", Want: "3"}}},
		// A1
		"a change that is not in the log": {func(r *ruin) storage.Storage {
			r.secretly("theirs:1", func(i *incident.Incident) { i.Description = "x" })
			return nil
		}, []manager.Violation{{Rule: manager.RuleLog, Incident: "theirs:1", Field: "description", Found: `"x"`, Want: ""},
			{Rule: manager.RuleLog, Incident: "theirs:1", Field: "version", Found: "4", Want: "3"}}},
		"a change at another time than the log says": {func(r *ruin) storage.Storage {
			r.secretly("theirs:2", func(i *incident.Incident) { i.Updated = start.Add(time.Minute) })
			return nil
		}, []manager.Violation{{Rule: manager.RuleLog, Incident: "theirs:2", Field: "version", Found: "2", Want: "1"},
			{Rule: manager.RuleLog, Incident: "theirs:2", Field: "updated", Found: start.Add(time.Minute).String(), Want: start.String()}}},
		"a change that is in the log alone": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Activity: []activity.Entry{r.entry("theirs:1", 4, activity.Change{Field: "description", After: `"x"`})}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleLog, Incident: "theirs:1", Field: "description", Found: "", Want: `"x"`},
			{Rule: manager.RuleLog, Incident: "theirs:1", Field: "version", Found: "3", Want: "4"}}},
		"an entry of another version": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Activity: []activity.Entry{r.entry("theirs:1", 7)}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleLog, Incident: "theirs:1", Entry: "ruin1/0", Seq: 8, Field: "version", Found: "7", Want: "4"}}},
		"an alert that changed behind the log": {func(r *ruin) storage.Storage {
			a := r.alert("edr:1")
			a.URL = "https://edr.example/1"
			r.apply(storage.Changeset{Alerts: []alert.Alert{a}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleAlertDigest, Incident: "theirs:1", Alert: "edr:1", Entry: "id1/theirs:1/1", Seq: 2,
			Found: "activity: alert edr:1 does not fit its digest of entry 2 (id1/theirs:1/1)", Want: "the alert as it was after the entry"}}},
		"an entry that was rewritten": {func(r *ruin) storage.Storage {
			return bent{Storage: r, entry: func(e *activity.Entry) {
				if e.Text == "hm" && e.Seq == 5 {
					e.Text = "never mind"
				}
			}}
		}, []manager.Violation{{Rule: manager.RuleEntryDigest, Incident: "theirs:1", Entry: "id2/0", Seq: 5, Found: "the entry as it is stored", Want: "what its digest says"}}},
		"an entry of which more was taken than a redaction takes": {func(r *ruin) storage.Storage {
			return bent{Storage: r, entry: func(e *activity.Entry) {
				if e.Type == activity.AlertAdded && e.Alert == "edr:2" {
					*e = e.Skeleton()
				}
			}}
		}, []manager.Violation{{Rule: manager.RuleRedaction, Incident: "theirs:1", Entry: "id1/theirs:1/2", Seq: 3,
			Found: "an entry of which more was taken", Want: "an entry that has lost its texts alone"}}},
		"a comment of which everything was taken": {func(r *ruin) storage.Storage {
			return bent{Storage: r, entry: func(e *activity.Entry) {
				if e.Seq == 6 {
					*e = e.Skeleton()
				}
			}}
		}, []manager.Violation{
			{Rule: manager.RuleLog, Incident: "theirs:1", Field: "comments", Found: "3", Want: "2"},
			{Rule: manager.RuleRedaction, Incident: "theirs:1", Entry: "id3/0", Seq: 6,
				Found: "an entry of which more was taken", Want: "an entry that has lost its texts alone"}}},
		"a comment that was redacted behind the log": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Redact: []activity.ID{"id2/0"}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedaction, Incident: "theirs:1", Entry: "id2/0", Seq: 5,
			Found: "nothing of it in the log", Want: "an entry that says who has redacted id2/0"}}},
		"another entry that was redacted behind the log": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Redact: []activity.ID{"id1/theirs:1/2"}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedaction, Incident: "theirs:1", Entry: "id1/theirs:1/2", Seq: 3,
			Found: "nothing of it in the log", Want: "an entry that says who has redacted id1/theirs:1/2"}}},
		"the reason of a redaction that was redacted behind the log": {func(r *ruin) storage.Storage {
			m := manager.New(r, &manager.Options{
				Now: func() time.Time { return start }, NewID: func() string { return "why" },
			})
			_, err := m.Redact(t.Context(), kai, "id2/0", "it said a secret")
			require.NoError(t, err)
			r.apply(storage.Changeset{Redact: []activity.ID{"why/0"}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleRedaction, Incident: "theirs:1", Entry: "why/0", Seq: 8,
			Found: "nothing of it in the log", Want: "an entry that says who has redacted why/0"}}},
		"an entry without a digest after one that has it": {func(r *ruin) storage.Storage {
			e := r.entry("theirs:1", 3)
			e.Digest, e.Seal = activity.Digest{}, activity.Seal{}
			r.apply(storage.Changeset{Activity: []activity.Entry{e}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleEntryDigest, Incident: "theirs:1", Entry: "ruin1/0", Seq: 8, Found: "no digest", Want: "one, as the entries before it have"}}},
		// A4
		"an entry that does not follow": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Activity: []activity.Entry{r.entry("theirs:1", 4, activity.Change{Field: "description", Before: `"x"`})}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleLog, Incident: "theirs:1", Entry: "ruin1/0", Seq: 8, Field: "description", Found: `"x"`, Want: `the value before it, ""`}}},
		"an incident without a log": {func(r *ruin) storage.Storage {
			i := r.incident("theirs:2")
			i.ID, i.Version = "new", 0
			r.apply(storage.Changeset{Incidents: []incident.Incident{i}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleLog, Incident: "new", Found: "no entries", Want: "the incident's"}}},
		"an entry that is gone": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Activity: []activity.Entry{r.entry("theirs:1", 3), r.entry("theirs:1", 3)}})
			return bent{Storage: r, keep: func(e activity.Entry) bool { return e.ID != "ruin1/0" }}
		}, []manager.Violation{{Rule: manager.RuleSeq, Entry: "ruin2/0", Seq: 9, Found: "9", Want: "8"}}},
		"an entry of an unknown incident": {func(r *ruin) storage.Storage {
			r.apply(storage.Changeset{Activity: []activity.Entry{r.entry("nowhere", 1)}})
			return nil
		}, []manager.Violation{{Rule: manager.RuleEntryIncident, Entry: "ruin1/0", Seq: 8, Found: `"nowhere"`, Want: "an incident that is stored"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRuin(t)
			s := c.ruined(r)
			if s == nil {
				s = r
			}
			got := all(t, manager.Check(t.Context(), s))
			assert.Equal(t, c.want, got)
			for _, v := range got {
				assert.Contains(t, v.String(), string(v.Rule)+", ")
			}
			if len(got) > 1 {
				for first := range manager.Check(t.Context(), s) {
					assert.Equal(t, c.want[0], first, "broken off after the first")
					break
				}
			}
		})
	}
}

// What another system merged into something that is not here, or in a circle, is as it was told.
func TestImportedRedirectsAreNoViolations(t *testing.T) {
	m, s := open(t)
	for id, to := range map[string]string{"1": "nowhere", "2": "3", "3": "2"} {
		importing(t.Context(), t, m, incident.Draft{Reference: incident.Reference{System: "theirs", ID: id}, Status: incident.Redirected,
			RedirectTo: incident.Reference{System: "theirs", ID: to}})
	}
	assert.Empty(t, all(t, manager.Check(t.Context(), s)))
}

func TestCheckStopsAtAnError(t *testing.T) {
	r := newRuin(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := 0
	for v, err := range manager.Check(ctx, r) {
		assert.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, v)
		errs++
	}
	assert.Equal(t, 1, errs)
}

func TestViolationInWordsAndJSON(t *testing.T) {
	v := manager.Violation{Rule: manager.RuleLog, Incident: "i", Entry: "c/0", Seq: 7, Field: "name", Found: `"A"`, Want: `"B"`}
	assert.Equal(t, `log, incident i, entry c/0, field name: found "A", want "B"`, v.String())
	text, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, `{"rule":"log","incident":"i","entry":"c/0","seq":7,"field":"name","found":"\"A\"","want":"\"B\""}`, string(text))
}

// Every kind of read may fail, each is reported once, and nothing after it.
func TestCheckReportsWhatReadingDoes(t *testing.T) {
	broken := errors.New("disk gone")
	for n := range 8 {
		r := newRuin(t)
		s := &failing{Storage: r, at: n, err: broken}
		var errs []error
		for _, err := range manager.Check(t.Context(), s) {
			errs = append(errs, err)
		}
		assert.True(t, slices.Equal([]error{broken}, errs), "read %d: %v", n, errs)
	}
}

// A failing storage fails at the at-th record that is read.
type failing struct {
	storage.Storage
	at  int
	err error
}

func (f *failing) View(ctx context.Context, fn func(storage.Reader) error) error {
	return f.Storage.View(ctx, func(r storage.Reader) error { return fn(failingReader{r, f}) })
}

type failingReader struct {
	storage.Reader
	failing *failing
}

func fails[T any](f *failing, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if f.at--; f.at < 0 {
				var none T
				yield(none, f.err)
				return
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func (r failingReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	return fails(r.failing, r.Reader.Incidents(ctx, q))
}

func (r failingReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return fails(r.failing, r.Reader.Alerts(ctx, q))
}

func (r failingReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return fails(r.failing, r.Reader.Activity(ctx, q))
}

// Whatever form times and JSON of an alert have when it comes, its digest is that of the alert as it is stored.
func TestDigestsAreOfWhatIsStored(t *testing.T) {
	m, s := open(t)
	odd := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
	a := raise(1, 0, alert.Device{DeviceID: "d", FirstSeen: odd}, alert.Process{PID: 7, Started: odd}, alert.Other{Type: "strange", Fields: ` { } `})
	a.Extra, a.LastActivity, a.Created, a.SourceUpdated = ` { "a" : 1 } `, odd, odd, odd
	for n := range a.Evidence {
		a.Evidence[n].Created, a.Evidence[n].Extra = odd, `{"b": [1, 2]}`
	}
	ingest(t, m, a)
	a.SourceUpdated, a.Extra = odd.Add(time.Hour), `{ }`
	ingest(t, m, a)
	importing(t.Context(), t, m, incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1", Updated: odd}, Alerts: []alert.Alert{a}})
	assert.Empty(t, all(t, manager.Check(t.Context(), s)))
}
