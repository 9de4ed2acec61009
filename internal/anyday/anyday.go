// Package anyday lets anything happen to incidents, so that what must always hold can be tested, on any storage.
package anyday

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

var (
	siem  = activity.Actor{Kind: activity.App, ID: "siem"}
	kai   = activity.Actor{ID: "kai@contoso.com"}
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
)

// raise returns the n-th alert of a sensor.
func raise(n, minutes int, entities ...alert.Entity) alert.Alert {
	a := alert.Alert{Origin: alert.Origin{Source: "edr", ID: fmt.Sprint(n)}, Title: fmt.Sprint("Alert ", n), Severity: alert.Medium,
		FirstActivity: start.Add(time.Duration(minutes) * time.Minute)}
	for _, e := range entities {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
	}
	return a
}

// picture draws an image of one pixel.
func (d *Day) picture(name string, shade uint8) incident.Image {
	m := image.NewGray(image.Rect(0, 0, 1, 1))
	m.SetGray(0, 0, color.Gray{Y: shade})
	var b bytes.Buffer
	require.NoError(d.t, png.Encode(&b, m))
	return incident.Image{Name: name, Data: b.Bytes()}
}

// A Day is a storage in which anything happens, one command a minute.
type Day struct {
	Manager *manager.Manager
	Gone    []string // what comments said that were redacted

	t       *rapid.T
	ctx     context.Context
	minutes int
	slips   []string // texts that were typed, no two of them the same
}

// New returns a day in s, which is empty and of which what happens is drawn from t.
func New(ctx context.Context, t *rapid.T, s storage.Storage) *Day {
	d := &Day{t: t, ctx: ctx}
	ids := 0
	d.Manager = manager.New(s, &manager.Options{
		Now:        d.now,
		Correlator: correlation.Default{Reopen: d.maybe("reopen")},
		Policy: incident.Policy{
			KeepOpen:      d.maybe("keep open"),
			KeepResolved:  d.maybe("keep resolved"),
			NoteToResolve: d.maybe("note to resolve"),
		},
		NewID: func() string {
			ids++
			return fmt.Sprint("id", ids)
		},
	})
	return d
}

func (d *Day) now() time.Time { return start.Add(time.Duration(d.minutes) * time.Minute) }

func (d *Day) pick(what string, of ...string) string { return rapid.SampledFrom(of).Draw(d.t, what) }

func (d *Day) pickTime(what string, of ...time.Time) time.Time {
	return rapid.SampledFrom(of).Draw(d.t, what)
}

// slip returns a text that was not typed before, one for each minute and place.
func (d *Day) slip(place string) string {
	s := fmt.Sprintf("slip-%d-%s", d.minutes, place)
	d.slips = append(d.slips, s)
	return s
}

func (d *Day) maybe(what string) bool { return rapid.Bool().Draw(d.t, what) }

// alert draws one of a few alerts in one of its states.
func (d *Day) alert() alert.Alert {
	a := raise(rapid.IntRange(0, 9).Draw(d.t, "alert"), rapid.IntRange(0, 3000).Draw(d.t, "minute"))
	a.SourceUpdated = d.pickTime("updated", d.now(), time.Time{}, start, start.Add(-time.Hour))
	a.FirstActivity = d.pickTime("first", a.FirstActivity, time.Time{})
	a.LastActivity = d.pickTime("last", time.Time{}, d.now(), start.Add(72*time.Hour))
	a.Severity = alert.Severity(rapid.IntRange(0, 4).Draw(d.t, "severity"))
	a.Status = alert.Status(rapid.IntRange(0, 2).Draw(d.t, "status"))
	a.Title, a.Product, a.Category = d.pick("title", "A", "<B>", "Ransomware"), d.pick("product", "", "p"), d.pick("category", "", "Discovery", "Impact")
	a.Owner.ID = d.pick("owner", "", "kai", "Kai", "mona")
	for _, device := range rapid.SliceOfN(rapid.SampledFrom([]string{"d0", "d1", "d2", "d3"}), 0, 2).Draw(d.t, "devices") {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: device, Group: device}, Tags: []string{d.pick("role", "", "ADFS", "DNS")}})
	}
	a.DetectionSource = d.pick("sensor", "", "automatedInvestigation")
	return a
}

func (d *Day) alerts(most int) (all []alert.Alert) {
	for range rapid.IntRange(0, most).Draw(d.t, "alerts") {
		all = append(all, d.alert())
	}
	return all
}

func (d *Day) alertIDs() (ids []alert.ID) {
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 1, 3, rapid.ID).Draw(d.t, "alerts") {
		ids = append(ids, raise(n, 0).Origin.AlertID())
	}
	return ids
}

// everyIncident selects all incidents, those that were merged away or purged too.
func everyIncident() incident.Query {
	return incident.Query{Statuses: []incident.Status{
		incident.Active, incident.InProgress, incident.Resolved, incident.Redirected, incident.Purged,
	}}
}

// incidentID draws an incident, of those with one of the statuses if there are any.
func (d *Day) incidentID(statuses ...incident.Status) incident.ID {
	ids := []incident.ID{"nothing"}
	for _, q := range []incident.Query{everyIncident(), {Statuses: statuses}} {
		q.Sort = incident.ByNumber
		var found []incident.ID
		for i, err := range d.Manager.Incidents(d.ctx, kai, q) {
			require.NoError(d.t, err)
			found = append(found, i.ID)
		}
		if len(found) > 0 {
			ids = found
		}
	}
	return rapid.SampledFrom(ids).Draw(d.t, "incident")
}

func (d *Day) verdict() *classification.Verdict {
	if d.maybe("classified") {
		return &classification.Verdict{Classification: classification.Classification(d.pick("classification", "truePositive", "falsePositive")), Determination: classification.Other}
	}
	return &classification.Verdict{}
}

func (d *Day) edit() (e incident.Edit) {
	if d.maybe("name") {
		e.Name = new(d.pick("new name", "N", "M", d.slip("name")))
	} else {
		e.GenerateName = d.maybe("generate")
	}
	if d.maybe("severity") {
		e.Severity = new(alert.Severity(rapid.IntRange(1, 4).Draw(d.t, "new severity")))
	} else {
		e.DeriveSeverity = d.maybe("derive")
	}
	e.Recount = d.maybe("recount")
	if d.maybe("status") {
		e.Status = new(incident.Status(rapid.IntRange(0, 2).Draw(d.t, "new status")))
	}
	if d.maybe("note") {
		e.Note = new(d.pick("new note", "because", d.slip("note")))
		if d.maybe("resolved too") {
			e.Status = new(incident.Resolved)
		}
	}
	if d.maybe("owner") {
		e.Owner = &incident.Owner{ID: d.pick("new owner", "", "kai", "Kai", "mona")}
	}
	if d.maybe("verdict") {
		e.Verdict = d.verdict()
	}
	e.VerdictToAlerts = d.maybe("verdict to alerts")
	if d.maybe("tags") {
		e.AddTags, e.RemoveTags = []string{d.pick("add", "vip", "VIP", "fin", "ransomware", "adfs", d.slip("tag"))},
			[]string{d.pick("remove", append([]string{"vip", "fin", "Ransomware"}, d.slips...)...)}
	}
	if d.maybe("description") {
		e.Description = new(d.pick("new description", "", "<x> & y", d.slip("description")))
	}
	return e
}

func (d *Day) draft(alerts []alert.Alert) incident.Draft {
	draft := incident.Draft{
		Name:     d.pick("name", "", "N"),
		Severity: alert.Severity(rapid.IntRange(0, 4).Draw(d.t, "severity")),
		Status:   rapid.SampledFrom([]incident.Status{0, 0, 0, 1, 2, 3}).Draw(d.t, "status"),
		Owner:    incident.Owner{ID: d.pick("owner", "", "kai", "KAI")},
		Verdict:  *d.verdict(),
		Extra:    alert.Fields(d.pick("extra", "", `{"html":"<b>"}`, `{"x":1.0}`)),
		Alerts:   alerts,
	}
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
var commands = map[string]func(*Day) error{
	"Ingest": func(d *Day) error {
		_, err := d.Manager.Ingest(d.ctx, siem, d.alerts(3))
		return err
	},
	"Create": func(d *Day) error {
		_, err := d.Manager.Create(d.ctx, kai, d.draft(nil))
		return err
	},
	"CreateWithAlerts": func(d *Day) error {
		_, err := d.Manager.Create(d.ctx, kai, d.draft(d.alerts(2)))
		return err
	},
	"Import": func(d *Day) error {
		draft := d.draft(d.alerts(3))
		draft.Reference = incident.Reference{System: "theirs", ID: d.pick("reference", "0", "1", "2"), URL: d.pick("url", "", "u"), Updated: d.now()}
		_, _, err := d.Manager.Import(d.ctx, siem, draft)
		return err
	},
	"Edit": func(d *Day) error {
		_, err := d.Manager.Edit(d.ctx, kai, d.incidentID(incident.Active, incident.InProgress, incident.Resolved), d.edit())
		return err
	},
	"EditAll": func(d *Day) error {
		_, err := d.Manager.EditAll(d.ctx, kai, incident.Query{Severities: []alert.Severity{alert.Low, alert.High}}, d.edit())
		return err
	},
	"EditAlerts": func(d *Day) error {
		e := incident.AlertEdit{
			Status: new(alert.Status(rapid.IntRange(0, 2).Draw(d.t, "new status"))),
			Owner:  &incident.Owner{ID: d.pick("new owner", "", "kai", "Kai", "mona")},
		}
		if d.maybe("judged") {
			e.Verdict = d.verdict()
		}
		if d.maybe("texts") {
			e.Title = new(d.pick("new title", "A", d.slip("title")))
			e.Description = new(d.pick("new description", "", d.slip("said")))
			e.RecommendedActions = new(d.pick("new actions", "", d.slip("to do")))
		}
		_, err := d.Manager.EditAlerts(d.ctx, kai, d.alertIDs(), e)
		return err
	},
	"Merge": func(d *Day) error {
		open := func() incident.ID { return d.incidentID(incident.Active, incident.InProgress) }
		_, err := d.Manager.Merge(d.ctx, kai, open(), []incident.ID{open(), open()}, d.slip("merge"))
		return err
	},
	"Unmerge": func(d *Day) error {
		_, err := d.Manager.Unmerge(d.ctx, kai, d.incidentID(incident.Redirected), d.slip("unmerge"))
		return err
	},
	"MoveAlerts": func(d *Day) error {
		to := d.incidentID(incident.Active, incident.InProgress)
		if d.maybe("new") {
			to = ""
		}
		_, err := d.Manager.MoveAlerts(d.ctx, kai, d.alertIDs(), to, d.pick("reason", "", d.slip("move")))
		return err
	},
	"Comment": func(d *Day) error {
		_, err := d.Manager.Comment(d.ctx, kai, d.incidentID(), incident.CommentDraft{Text: "hm"})
		return err
	},
	"Record": func(d *Day) error {
		by := activity.Actor{Kind: activity.Agent, ID: "triage", OnBehalfOf: d.pick("on behalf of", "", "kai@contoso.com")}
		first, last := int(activity.Purged), int(activity.AutomationRun)
		typ := activity.Type(rapid.IntRange(first, last).Draw(d.t, "type"))
		_, err := d.Manager.Record(d.ctx, by, d.incidentID(), typ, d.slip("record"))
		return err
	},
	"CommentWithImages": func(d *Day) error {
		var images []incident.Image
		for n, shade := range rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 255}), 0, 2).Draw(d.t, "images") {
			images = append(images, d.picture(fmt.Sprint(n), shade))
		}
		remark := incident.CommentDraft{Text: fmt.Sprint("remark ", d.minutes, "."), Images: images}
		_, err := d.Manager.Comment(d.ctx, kai, d.incidentID(), remark)
		return err
	},
	"Purge": func(d *Day) error {
		before := start.Add(time.Duration(rapid.IntRange(0, d.minutes+1).Draw(d.t, "before")) * time.Minute)
		q := incident.Query{Except: []incident.Query{{Tags: []string{"vip"}}}}
		_, err := d.Manager.Purge(d.ctx, kai, q, before, d.slip("purge"))
		return err
	},
	"Redact": func(d *Day) error {
		var q activity.Query
		if d.maybe("a comment") {
			q.Types = []activity.Type{activity.Commented}
		}
		var entries []activity.Entry
		for e, err := range d.Manager.Activity(d.ctx, kai, q) {
			require.NoError(d.t, err)
			entries = append(entries, e)
		}
		if len(entries) == 0 {
			return nil
		}
		e := rapid.SampledFrom(entries).Draw(d.t, "entry")
		_, err := d.Manager.Redact(d.ctx, kai, e.ID, d.pick("reason", "", d.slip("redact")))
		if err == nil && strings.HasPrefix(e.Text, "remark") {
			d.Gone = append(d.Gone, e.Text)
		}
		return err
	},
}

// Happen lets up to n commands happen to three incidents, and what becomes of them.
func (d *Day) Happen(n int) {
	var first []alert.Alert
	for n := range 6 {
		first = append(first, raise(n, 0, alert.Device{DeviceID: fmt.Sprint("d", n/2)}))
	}
	_, err := d.Manager.Ingest(d.ctx, siem, first)
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
