package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A story is one incident from its first alert to its report.
type story struct {
	name  string         // of its files
	shows string         // what there is to see in the report
	zone  *time.Location // of the times in the report; nil means UTC
	tell  func(*desk)
}

// stories are those that there are, in the order in which they are told.
var stories = []story{
	{name: "tiny", shows: "one alert, and nobody has looked at it", tell: tiny},
	{name: "typical", shows: "an attack in stages, from a phishing mail to a blocked upload, worked by two analysts", tell: typical},
	{name: "caps", shows: "a worm on 37 machines: more assets, evidence and entities than a report lists", tell: caps},
	{name: "scripts", shows: "Japanese and Arabic, with Hebrew, Korean, Chinese, Greek and Russian beside them",
		zone: time.FixedZone("Asia/Tokyo", 9*60*60), tell: scripts},
	{name: "images", shows: "comments full of pictures of all shapes", tell: images},
	{name: "many", shows: "45 malicious files over six days, with as many addresses and processes, and names in many scripts", tell: many},
	{name: "falsepositive", shows: "three alerts that were no attack, resolved as a false positive", tell: falsePositive},
	{name: "merged", shows: "three incidents merged into one", tell: joined},
	{name: "long", shows: "eleven weeks of password guessing: 1,386 alerts and as many comments as shifts", tell: long},
}

// report tells the story and collects what came of it.
func (s story) report(ctx context.Context) (report export.Report, err error) {
	d := newDesk(ctx)
	s.tell(d)
	if d.err != nil {
		return report, d.err
	}
	err = d.m.View(ctx, collector, func(r storage.Reader) error {
		o := &export.Options{Generated: d.now.Add(time.Minute), Location: s.zone}
		report, err = export.Collect(ctx, r, d.incident, o)
		return err
	})
	return report, err
}

// A desk is where a story happens: a manager, and a clock that goes only as the story does. After an error nothing
// more happens at it.
type desk struct {
	ctx      context.Context
	m        *manager.Manager
	now      time.Time
	incident incident.ID // that of the first alert, on which the report is
	err      error
}

func newDesk(ctx context.Context) *desk {
	d := &desk{ctx: ctx}
	ids := 0
	d.m = manager.New(memory.New(), &manager.Options{
		Now:   func() time.Time { return d.now },
		NewID: func() string { ids++; return fmt.Sprintf("%04d", ids) },

		Correlator: correlation.Default{Life: 100 * 24 * time.Hour}, // one of the stories goes on for eleven weeks
	})
	return d
}

// collector is the program that takes alerts in.
var collector = activity.Actor{Kind: activity.App, ID: "alert-collector"}

// wait lets time pass.
func (d *desk) wait(t time.Duration) { d.now = d.now.Add(t) }

// reach lets time pass until t, if that is still to come.
func (d *desk) reach(t time.Time) {
	if t.After(d.now) {
		d.now = t
	}
}

// ingest takes alerts in, each when its product has raised it, and returns the incident that the last of them is in.
func (d *desk) ingest(alerts ...alert.Alert) (in incident.ID) {
	for _, a := range alerts {
		if d.err != nil {
			return ""
		}
		d.reach(a.Created)
		var results []manager.Result
		if results, d.err = d.m.Ingest(d.ctx, collector, []alert.Alert{a}); d.err != nil {
			return ""
		}
		in = results[0].Incident
		if d.incident == "" {
			d.incident = in
		}
	}
	return in
}

// edit changes the incident a while after what happened before.
func (d *desk) edit(after time.Duration, by activity.Actor, e incident.Edit) {
	d.wait(after)
	if d.err == nil {
		_, d.err = d.m.Edit(d.ctx, by, d.incident, e)
	}
}

// editAlerts changes some alerts.
func (d *desk) editAlerts(after time.Duration, by activity.Actor, e incident.AlertEdit, alerts ...alert.Alert) {
	d.wait(after)
	var ids []alert.ID
	for _, a := range alerts {
		ids = append(ids, a.Origin.AlertID())
	}
	if d.err == nil {
		_, d.err = d.m.EditAlerts(d.ctx, by, ids, e)
	}
}

// comment writes on the incident.
func (d *desk) comment(after time.Duration, by activity.Actor, text string, images ...incident.Image) {
	d.wait(after)
	if d.err == nil {
		_, d.err = d.m.Comment(d.ctx, by, d.incident, incident.CommentDraft{Text: text, Images: images})
	}
}

// redact takes back the newest comment.
func (d *desk) redact(after time.Duration, by activity.Actor, reason string) {
	d.wait(after)
	if d.err != nil {
		return
	}
	newest := activity.Query{Incidents: []incident.ID{d.incident}, Types: []activity.Type{activity.Commented}, Newest: true, Limit: 1}
	for e, err := range d.m.Activity(d.ctx, by, newest) {
		if d.err = err; err == nil {
			_, d.err = d.m.Redact(d.ctx, by, e.ID, reason)
		}
	}
}

// merge merges another incident into the one of the report.
func (d *desk) merge(after time.Duration, by activity.Actor, source incident.ID, reason string) {
	d.wait(after)
	if d.err == nil {
		_, d.err = d.m.Merge(d.ctx, by, d.incident, []incident.ID{source}, reason)
	}
}

// unmerge takes another incident out of the one of the report.
func (d *desk) unmerge(after time.Duration, by activity.Actor, source incident.ID, reason string) {
	d.wait(after)
	if d.err == nil {
		_, d.err = d.m.Unmerge(d.ctx, by, source, reason)
	}
}

// A product raises alerts.
type product struct{ source, name, sensor, console string }

// The products of the stories.
var (
	mail     = product{"mailGateway", "Mail Gateway", "Attachment analysis", "https://mail-gateway.example.com/alerts/"}
	endpoint = product{"endpointSensor", "Endpoint Sensor", "Behaviour monitor", "https://sensor.example.com/alerts/"}
	identity = product{"signInWatch", "Sign-in Watch", "Sign-in log", "https://sign-in.example.com/alerts/"}
	cloud    = product{"cloudPosture", "Cloud Posture", "Audit log", "https://cloud.example.com/alerts/"}
)

// raise returns a as p raises it: what took so long, from a time on, is seen a minute later.
func (p product) raise(id string, at time.Time, took time.Duration, a alert.Alert) alert.Alert {
	a.Origin = alert.Origin{Source: p.source, ID: id}
	a.Product, a.DetectionSource, a.URL = p.name, p.sensor, p.console+id
	a.FirstActivity, a.LastActivity = at, at.Add(took)
	a.Created = a.LastActivity.Add(time.Minute)
	return a
}

// asset is evidence of what was hit.
func asset(e alert.Entity, roles ...alert.Role) alert.Evidence {
	return alert.Evidence{Entity: e, Roles: roles}
}

// found is evidence that was judged, and what was done about it.
func found(e alert.Entity, v alert.EvidenceVerdict, done alert.Remediation, roles ...alert.Role) alert.Evidence {
	return alert.Evidence{Entity: e, Verdict: v, Remediation: done, Roles: roles}
}

// digest returns what passes for the SHA-256 of a file: the same for the same n.
func digest(n int) string { return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, "file ", n))) }
