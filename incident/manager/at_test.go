package manager_test

import (
	"context"
	"fmt"
	"maps"
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

// A day is a storage in which anything happens, one command a minute.
type day struct {
	t       *rapid.T
	ctx     context.Context
	s       storage.Storage
	m       *manager.Manager
	minutes int
	gone    []string // texts that were redacted
}

func newDay(ctx context.Context, t *rapid.T, s storage.Storage) *day {
	d := &day{t: t, ctx: ctx, s: s}
	ids := 0
	d.m = manager.New(s, &manager.Options{Now: d.now, Correlator: correlation.Default{Reopen: d.maybe("reopen")}, NewID: func() string {
		ids++
		return fmt.Sprint("id", ids)
	}})
	return d
}

func (d *day) now() time.Time { return start.Add(time.Duration(d.minutes) * time.Minute) }

func (d *day) pick(what string, of ...string) string { return rapid.SampledFrom(of).Draw(d.t, what) }

func (d *day) maybe(what string) bool { return rapid.Bool().Draw(d.t, what) }

// alert draws one of a few alerts in one of its states.
func (d *day) alert() alert.Alert {
	a := raise(rapid.IntRange(0, 9).Draw(d.t, "alert"), rapid.IntRange(0, 3000).Draw(d.t, "minute"))
	a.SourceUpdated = d.now()
	a.Severity = alert.Severity(rapid.IntRange(0, 4).Draw(d.t, "severity"))
	a.Status = alert.Status(rapid.IntRange(0, 2).Draw(d.t, "status"))
	a.Title, a.Product, a.Category = d.pick("title", "A", "<B>", "Ransomware"), d.pick("product", "", "p"), d.pick("category", "", "Discovery", "Impact")
	a.Owner.ID = d.pick("owner", "", "kai", "mona")
	for _, device := range rapid.SliceOfN(rapid.SampledFrom([]string{"d0", "d1", "d2", "d3"}), 0, 2).Draw(d.t, "devices") {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: device, Group: device}, Tags: []string{d.pick("role", "", "ADFS", "DNS")}})
	}
	a.DetectionSource = d.pick("sensor", "", "automatedInvestigation")
	return a
}

func (d *day) alerts(most int) (all []alert.Alert) {
	for range rapid.IntRange(0, most).Draw(d.t, "alerts") {
		all = append(all, d.alert())
	}
	return all
}

func (d *day) alertIDs() (ids []alert.ID) {
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 1, 3, rapid.ID).Draw(d.t, "alerts") {
		ids = append(ids, raise(n, 0).Origin.AlertID())
	}
	return ids
}

// incidentID draws an incident, of those with one of the statuses if there are any.
func (d *day) incidentID(statuses ...incident.Status) incident.ID {
	ids := []incident.ID{"nothing"}
	for _, q := range []incident.Query{{}, {Statuses: statuses}} {
		q.Sort = incident.ByNumber
		var found []incident.ID
		for i, err := range d.m.Incidents(d.ctx, kai, q) {
			require.NoError(d.t, err)
			found = append(found, i.ID)
		}
		if len(found) > 0 {
			ids = found
		}
	}
	return rapid.SampledFrom(ids).Draw(d.t, "incident")
}

func (d *day) verdict() *classification.Verdict {
	if d.maybe("classified") {
		return &classification.Verdict{Classification: classification.Classification(d.pick("classification", "truePositive", "falsePositive")), Determination: classification.Other}
	}
	return &classification.Verdict{}
}

func (d *day) edit() (e incident.Edit) {
	if d.maybe("name") {
		e.Name = new(d.pick("new name", "N", "M"))
	} else {
		e.GenerateName = d.maybe("generate")
	}
	if d.maybe("severity") {
		e.Severity = new(alert.Severity(rapid.IntRange(1, 4).Draw(d.t, "new severity")))
	} else {
		e.DeriveSeverity = d.maybe("derive")
	}
	if d.maybe("status") {
		e.Status = new(incident.Status(rapid.IntRange(0, 2).Draw(d.t, "new status")))
	}
	if d.maybe("note") {
		e.Note = new("because")
		if d.maybe("resolved too") {
			e.Status = new(incident.Resolved)
		}
	}
	if d.maybe("owner") {
		e.Owner = &incident.Owner{ID: d.pick("new owner", "", "kai", "mona")}
	}
	if d.maybe("verdict") {
		e.Verdict = d.verdict()
	}
	e.VerdictToAlerts = d.maybe("verdict to alerts")
	if d.maybe("tags") {
		e.AddTags, e.RemoveTags = []string{d.pick("add", "vip", "VIP", "fin", "ransomware", "adfs")}, []string{d.pick("remove", "vip", "fin", "Ransomware")}
	}
	if d.maybe("description") {
		e.Description = new(d.pick("new description", "", "<x> & y"))
	}
	return e
}

func (d *day) draft(alerts []alert.Alert) incident.Draft {
	draft := incident.Draft{Name: d.pick("name", "", "N"), Severity: alert.Severity(rapid.IntRange(0, 4).Draw(d.t, "severity")),
		Status: rapid.SampledFrom([]incident.Status{0, 0, 0, 1, 2, 3}).Draw(d.t, "status"), Owner: incident.Owner{ID: d.pick("owner", "", "kai")},
		Verdict: *d.verdict(), Extra: alert.Fields(d.pick("extra", "", `{"html":"<b>"}`, `{"x":1.0}`)), Alerts: alerts}
	if d.maybe("created") {
		draft.Created = start.Add(-time.Hour)
	}
	switch draft.Status {
	case incident.Redirected:
		draft.RedirectTo = incident.Reference{System: "theirs", ID: d.pick("redirect", "0", "1", "2", "nowhere")}
	case incident.Resolved:
		draft.Note = d.pick("note", "", "over")
	}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"vip", "ransomware", "ADFS"}), 0, 2).Draw(d.t, "tags") {
		draft.Tags = append(draft.Tags, incident.Tag{Name: name, Kind: alert.TagKind(rapid.IntRange(0, 5).Draw(d.t, "kind"))})
	}
	for _, text := range rapid.SliceOfN(rapid.SampledFrom([]string{"hi", "ho", "he"}), 0, 2).Draw(d.t, "comments") {
		draft.Comments = append(draft.Comments, incident.Comment{By: "dave", Time: start, Text: text})
	}
	return draft
}

// commands are all of the manager's, with anything as arguments: many are refused.
var commands = map[string]func(*day) error{
	"Ingest": func(d *day) error {
		_, err := d.m.Ingest(d.ctx, siem, d.alerts(3))
		return err
	},
	"Create": func(d *day) error {
		_, err := d.m.Create(d.ctx, kai, d.draft(nil))
		return err
	},
	"CreateWithAlerts": func(d *day) error {
		_, err := d.m.Create(d.ctx, kai, d.draft(d.alerts(2)))
		return err
	},
	"Import": func(d *day) error {
		draft := d.draft(d.alerts(3))
		draft.Reference = incident.Reference{System: "theirs", ID: d.pick("reference", "0", "1", "2"), URL: d.pick("url", "", "u"), Updated: d.now()}
		_, _, err := d.m.Import(d.ctx, siem, draft)
		return err
	},
	"Edit": func(d *day) error {
		_, err := d.m.Edit(d.ctx, kai, d.incidentID(incident.Active, incident.InProgress, incident.Resolved), d.edit())
		return err
	},
	"EditAll": func(d *day) error {
		_, err := d.m.EditAll(d.ctx, kai, incident.Query{Severities: []alert.Severity{alert.Low, alert.High}}, d.edit())
		return err
	},
	"EditAlerts": func(d *day) error {
		e := incident.AlertEdit{Status: new(alert.Status(rapid.IntRange(0, 2).Draw(d.t, "new status"))), Owner: &incident.Owner{ID: d.pick("new owner", "", "kai", "mona")}}
		if d.maybe("judged") {
			e.Verdict = d.verdict()
		}
		_, err := d.m.EditAlerts(d.ctx, kai, d.alertIDs(), e)
		return err
	},
	"Merge": func(d *day) error {
		open := func() incident.ID { return d.incidentID(incident.Active, incident.InProgress) }
		_, err := d.m.Merge(d.ctx, kai, open(), []incident.ID{open(), open()}, "the same")
		return err
	},
	"Unmerge": func(d *day) error {
		_, err := d.m.Unmerge(d.ctx, kai, d.incidentID(incident.Redirected), "not the same")
		return err
	},
	"MoveAlerts": func(d *day) error {
		to := d.incidentID(incident.Active, incident.InProgress)
		if d.maybe("new") {
			to = ""
		}
		_, err := d.m.MoveAlerts(d.ctx, kai, d.alertIDs(), to, "")
		return err
	},
	"Comment": func(d *day) error {
		_, err := d.m.Comment(d.ctx, kai, d.incidentID(), "hm")
		return err
	},
	"CommentWithImages": func(d *day) error {
		var images []incident.Image
		for n, shade := range rapid.SliceOfN(rapid.SampledFrom([]uint8{black, white}), 0, 2).Draw(d.t, "images") {
			images = append(images, picture(fmt.Sprint(n), shade))
		}
		_, err := d.m.Comment(d.ctx, kai, d.incidentID(), fmt.Sprint("remark ", d.minutes, "."), manager.Attach(images...))
		return err
	},
	"Redact": func(d *day) error {
		var comments []activity.Entry
		for e, err := range d.m.Activity(d.ctx, kai, activity.Query{Types: []activity.Type{activity.Commented}}) {
			require.NoError(d.t, err)
			comments = append(comments, e)
		}
		if len(comments) == 0 {
			return nil
		}
		e := rapid.SampledFrom(comments).Draw(d.t, "comment")
		_, err := d.m.Redact(d.ctx, kai, e.ID, "")
		if err == nil && strings.HasPrefix(e.Text, "remark") {
			d.gone = append(d.gone, e.Text)
		}
		return err
	},
}

// happen lets up to n commands happen to three incidents, and what becomes of them.
func (d *day) happen(n int) {
	var first []alert.Alert
	for n := range 6 {
		first = append(first, raise(n, 0, alert.Device{DeviceID: fmt.Sprint("d", n/2)}))
	}
	_, err := d.m.Ingest(d.ctx, siem, first)
	require.NoError(d.t, err)
	names := slices.Sorted(maps.Keys(commands))
	for range rapid.IntRange(1, n).Draw(d.t, "commands") {
		d.minutes++
		err := commands[rapid.SampledFrom(names).Draw(d.t, "command")](d)
		if err != nil {
			d.t.Log("refused: ", err)
		}
	}
}

// The log is complete: it tells every incident as it is stored, and as it was stored at any time, whatever
// commands have been given. Version is the number of them, in a log that nothing is left out of.
func TestTheLogTellsEveryIncidentAtAnyTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &chronicle{Storage: memory.New()}
		defer s.Close()
		d := newDay(t.Context(), rt, s)
		d.happen(12)
		before := seen{}
		for _, now := range s.moments {
			for id, want := range now.incidents {
				got, err := d.m.At(t.Context(), kai, id, now.seq)
				require.NoError(rt, err)
				require.Equal(rt, want, got, "as of entry %d", now.seq)
				first, changed := now.first[id]
				for seq := before.seq + 1; seq < now.seq; seq++ { // in the midst of a command
					got, err := d.m.At(t.Context(), kai, id, seq)
					want, ok := before.incidents[id]
					if changed && seq >= first {
						want, ok = now.incidents[id], true
					}
					if !ok {
						require.ErrorIs(rt, err, storage.ErrNotFound)
						continue
					}
					require.NoError(rt, err)
					require.Equal(rt, want, got, "as of entry %d, between %d and %d", seq, before.seq, now.seq)
				}
			}
			before = now
		}
		for i, err := range d.m.Incidents(t.Context(), kai, incident.Query{}) {
			require.NoError(rt, err)
			told, err := incident.Replay(d.m.Activity(t.Context(), kai, activity.Query{Incidents: []incident.ID{i.ID}}))
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
