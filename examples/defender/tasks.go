package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/metrics"
	"github.com/incidentkit/incidentkit/storage"
)

// A task is one heading of the article and what it asks an analyst to do.
type task struct {
	level   int
	heading string
	do      func(*desk) error
}

func (t task) rule() string { return string("=-~"[t.level-1]) }

// tasks are the headings of the article, in its order.
var tasks = []task{
	{1, "Access the Manage incident pane", nil},
	{2, "From the incident queue", (*desk).fromTheQueue},
	{2, "From the incident page", (*desk).fromThePage},
	{1, "Incident triage", nil},
	{2, "Assign an incident to an owner", nil},
	{3, "Assign an owner", (*desk).assign},
	{3, "View incidents assigned to a particular owner", (*desk).viewAssigned},
	{2, "Assign or change incident severity", (*desk).changeSeverity},
	{2, "Add incident tags", (*desk).addTags},
	{2, "Change the incident status", (*desk).changeStatus},
	{1, "Incident investigation and resolution", nil},
	{2, "Resolve an incident", (*desk).resolve},
	{2, "Specify the incident's classification", (*desk).classify},
	{2, "Add comments to an incident", (*desk).comment},
	{1, "Incident logging and reporting", nil},
	{2, "Edit the incident name", (*desk).rename},
	{2, "View the activity log of an incident", (*desk).viewLog},
	{2, "Export incident data to PDF", (*desk).exportPDF},
	{1, "Set up email notifications for incidents", (*desk).follow},
	{1, "Next steps", (*desk).review},
}

// The night's alerts have become incidents; many of them are managed at once.
func (d *desk) fromTheQueue() error {
	results, err := d.m.Ingest(d.ctx, siem, overnight())
	if err != nil {
		return err
	}
	at := func(n int) incident.ID { return results[n].Incident }
	d.attack, d.mail, d.lab3, d.lab4, d.transfer = at(0), at(3), at(4), at(5), at(6)
	d.say("%d alerts came in overnight.\n", len(results))
	q := d.m.DefaultQuery()
	q.Sort = incident.ByPriority
	if err := d.queue(q); err != nil {
		return err
	}
	d.say("\nThe two machines of the laboratory are managed at once: a dry run, and then the same in earnest.")
	tools := incident.Query{IDs: []incident.ID{d.lab3, d.lab4}, Sort: incident.ByNumber, Ascending: true}
	edit := incident.Edit{
		Owner:   &incident.Owner{ID: "kim@contoso.com", Name: "Kim"},
		AddTags: []string{"Red team exercise"},
		Verdict: &classification.Verdict{Classification: classification.InformationalExpectedActivity, Determination: classification.SecurityTesting},
	}
	for _, opts := range [][]manager.BulkOption{{manager.DryRun()}, nil} {
		edited, err := d.m.EditAll(d.ctx, kai, tools, edit, opts...)
		if err != nil {
			return err
		}
		for _, r := range edited {
			d.say("  #%d: changed %t, assigned to %s, version %d", r.Incident.Number, r.Changed, r.Incident.Owner, r.Incident.Version)
		}
	}
	return nil
}

// queue prints the incidents of a query.
func (d *desk) queue(q incident.Query) error {
	t := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  NO\tPRIORITY\tSEVERITY\tSTATUS\tOWNER\tALERTS\tNAME")
	for i, err := range d.m.Incidents(d.ctx, kai, q) {
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "  %d\t%d\t%s\t%s\t%s\t%d\t%s\n", i.Number, i.Priority, i.Severity, i.Status, cmp.Or(i.Owner.String(), "-"), i.Alerts.Count, i.Name)
	}
	return t.Flush()
}

// One incident: what makes it urgent, and why its alerts are together.
func (d *desk) fromThePage() error {
	i, err := d.m.Incident(d.ctx, kai, d.attack)
	if err != nil {
		return err
	}
	d.say("#%d %s\n\nPriority %d of %d:", i.Number, i.Name, i.Priority, incident.MaxPriority)
	for _, f := range incident.Factors(i) {
		d.say("  %-15s %2d of %2d  %s", f.Name, f.Points, f.Most, f.Detail)
	}
	why, err := d.m.Explain(d.ctx, kai, d.attack)
	if err != nil {
		return err
	}
	d.say("\nWhy these alerts are together:")
	for _, e := range why {
		d.say("  %s", e.Alert.Title)
		for _, l := range e.Reasons() {
			d.say("    %s %s, score %d", l.Reason, l.Entity, l.Score)
		}
	}
	return nil
}

func (d *desk) assign() error {
	owners, err := d.m.SuggestOwners(d.ctx, kai, "ti", 5)
	if err != nil {
		return err
	}
	d.say("Typing \"ti\" suggests %s, a %s.", owners[0], owners[0].Kind)
	// Escalated by mistake, so it is given back and taken: one owner at a time, or none.
	for _, owner := range []incident.Owner{owners[0], {}, {ID: kai.ID, Name: kai.Name}} {
		i, err := d.m.Edit(d.ctx, kai, d.attack, incident.Edit{Owner: &owner})
		if err != nil {
			return err
		}
		d.say("  #%d is assigned to %s, its alerts to %s", i.Number, cmp.Or(i.Owner.String(), "nobody"), cmp.Or(strings.Join(d.ownersOfAlerts(), ", "), "nobody"))
	}
	return nil
}

// ownersOfAlerts returns to whom the alerts of the attack are assigned.
func (d *desk) ownersOfAlerts() []string {
	owners := make(map[string]bool)
	for a, err := range d.m.Alerts(d.ctx, kai, alert.Query{Incidents: []incident.ID{d.attack}}) {
		if err == nil && !a.Owner.IsZero() {
			owners[a.Owner.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(owners))
}

func (d *desk) viewAssigned() error {
	q := incident.Query{Owners: []string{"kai@contoso.com", "kim@contoso.com"}, Sort: incident.ByNumber, Ascending: true}
	link := q.Values().Encode()
	d.say("Copy list link: ?%s\n", link)
	// Whoever opens the link sees the same queue.
	params, err := url.ParseQuery(link)
	if err != nil {
		return err
	}
	if q, err = incident.ParseQuery(params); err != nil {
		return err
	}
	if err := d.queue(q); err != nil {
		return err
	}
	n, err := d.m.Count(d.ctx, kai, incident.Query{Unassigned: true})
	d.say("\n%d more are assigned to nobody.", n)
	return err
}

func (d *desk) changeSeverity() error {
	high := incident.Edit{Severity: new(alert.High)}
	for _, e := range []incident.Edit{high, {DeriveSeverity: true}} {
		i, err := d.m.Edit(d.ctx, kai, d.mail, e)
		if err != nil {
			return err
		}
		d.say("#%d is %s; chosen by hand: %t", i.Number, i.Severity, i.SeverityOverridden)
	}
	return nil
}

func (d *desk) addTags() error {
	for _, text := range []string{"red", "Payroll"} {
		s, err := d.m.SuggestTags(d.ctx, kai, text, 5)
		if err != nil {
			return err
		}
		var names []string
		for _, t := range s.Tags {
			names = append(names, t.Name)
		}
		if s.New {
			names = append(names, text+" (Create new)")
		}
		d.say("Typing %q suggests %s.", text, strings.Join(names, ", "))
	}
	if _, err := d.m.EditAll(d.ctx, kai, incident.Query{IDs: []incident.ID{d.attack, d.mail}}, incident.Edit{AddTags: []string{"Payroll"}}); err != nil {
		return err
	}
	i, err := d.m.Incident(d.ctx, kai, d.attack)
	if err != nil {
		return err
	}
	d.say("\n#%d carries:", i.Number)
	for _, t := range i.Tags {
		d.say("  %-18s %-15s on %s", t.Name, t.Kind.Title(), t.Kind.Color())
	}
	d.say("\nTagged Payroll:")
	return d.queue(incident.Query{Tags: []string{"payroll"}, Sort: incident.ByNumber, Ascending: true})
}

func (d *desk) changeStatus() error {
	i, err := d.m.Edit(d.ctx, kai, d.attack, incident.Edit{Status: new(incident.InProgress)})
	d.say("#%d is %s.", i.Number, i.Status.Title())
	return err
}

func (d *desk) resolve() error {
	// This organisation asks for a note.
	_, err := d.m.Edit(d.ctx, kai, d.mail, incident.Edit{Status: new(incident.Resolved)})
	if !errors.Is(err, alert.ErrInvalid) {
		return fmt.Errorf("resolved without a note: %w", err)
	}
	d.say("Refused: %v", err)
	i, err := d.m.Edit(d.ctx, kai, d.mail, incident.Edit{Status: new(incident.Resolved), Note: new("Finn may send the payroll to the auditors.")})
	if err != nil {
		return err
	}
	d.say("#%d is %s: %s Open alerts: %d.", i.Number, i.Status.Title(), i.Note, i.Alerts.Count-i.Alerts.ByStatus[alert.StatusResolved])
	return nil
}

func (d *desk) classify() error {
	for _, class := range classification.Defender().Classes {
		var types []string
		for _, t := range class.Determinations {
			if !t.Legacy {
				types = append(types, t.Title)
			}
		}
		d.say("  %s: %s", class.Title, strings.Join(types, ", "))
	}
	for _, c := range []struct {
		id      incident.ID
		verdict classification.Verdict
	}{
		{d.mail, classification.Verdict{Classification: classification.FalsePositive, Determination: classification.NotMalicious}},
		{d.attack, classification.Verdict{Classification: classification.TruePositive, Determination: classification.MultiStagedAttack}},
	} {
		if _, err := d.m.Edit(d.ctx, kai, c.id, incident.Edit{Verdict: &c.verdict}); err != nil {
			return err
		}
	}
	facets, err := d.m.Facets(d.ctx, kai, incident.Query{})
	if err != nil {
		return err
	}
	d.say("")
	for _, class := range slices.Sorted(maps.Keys(facets.Classifications)) {
		d.say("  %d %s", facets.Classifications[class], cmp.Or(string(class), "not set"))
	}
	return nil
}

func (d *desk) comment() error {
	i, err := d.m.Comment(d.ctx, kai, d.attack, incident.CommentDraft{
		Text: "The account was **disabled** at 08:40, the laptop is isolated.\n\n" +
			"![The note on the screen](attachment:note.png)",
		Images: []incident.Image{{Name: "note.png", Data: screenshot()}},
	})
	if err != nil {
		return err
	}
	slip := incident.CommentDraft{Text: "Break-glass password for dc-01: correct horse"}
	if _, err := d.m.Comment(d.ctx, kai, d.attack, slip); err != nil {
		return err
	}
	d.say("#%d had %d comment, and then one that must not stay.", i.Number, i.Comments)
	comments := activity.Query{Incidents: []incident.ID{d.attack}, Types: []activity.Type{activity.Commented}}
	for e, err := range d.m.Activity(d.ctx, kai, activity.Query{Incidents: comments.Incidents, Types: comments.Types, Newest: true, Limit: 1}) {
		if err != nil {
			return err
		}
		if _, err := d.m.Redact(d.ctx, kai, e.ID, "a password"); err != nil {
			return err
		}
	}
	for e, err := range d.m.Activity(d.ctx, kai, comments) {
		if err != nil {
			return err
		}
		d.say("  %s: %s", e.Actor, cmp.Or(strings.ReplaceAll(e.Text, "\n", " "), "[redacted]"))
		for _, a := range e.Attachments {
			d.say("    %s, %s, %d x %d pixels, SHA-256 %s…", a.Name, a.Type, a.Width, a.Height, a.SHA256[:8])
		}
	}
	return nil
}

// screenshot returns a picture as PNG.
func screenshot() []byte {
	p := image.NewGray(image.Rect(0, 0, 32, 16))
	for x := range 32 {
		p.SetGray(x, x/2, color.Gray{255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		return nil // a buffer takes everything
	}
	return b.Bytes()
}

// A name that somebody chose stays, until another incident is merged in.
func (d *desk) rename() error {
	i, err := d.m.Edit(d.ctx, kai, d.attack, incident.Edit{Name: new("Payroll ransomware")})
	if err != nil {
		return err
	}
	d.say("#%d is called %q.", i.Number, i.Name)
	plan, err := d.m.PlanMerge(d.ctx, kai, d.attack, []incident.ID{d.mail, d.transfer}, "")
	if refused, ok := errors.AsType[*incident.RefusedError](err); ok {
		for _, r := range refused.Refusals {
			d.say("Not merged: %v", r.Reason)
		}
	} else if err != nil {
		return fmt.Errorf("plan %q: %w", plan.Name, err)
	}
	if i, err = d.m.Merge(d.ctx, kai, d.attack, []incident.ID{d.transfer}, "The server that dc-01 copied from."); err != nil {
		return err
	}
	d.say("With the transfer merged in, it is %q.", i.Name)
	if i, err = d.m.Incident(d.ctx, kai, d.transfer); err != nil {
		return err
	}
	d.say("What was the transfer's incident leads to #%d.", i.Number)
	return nil
}

func (d *desk) viewLog() error {
	of := activity.Query{Incidents: []incident.ID{d.attack}, Alerts: []alert.ID{""}}
	t := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	for e, err := range d.m.Activity(d.ctx, kai, of) {
		if err != nil {
			return err
		}
		from := ""
		if e.Origin != "" {
			from = "copied"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", e.Time.Format("15:04"), e.Trigger(), e.Actor, e.Type.Title(), from)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	d.say("\nFiltered:")
	for _, f := range []struct {
		what string
		q    activity.Query
	}{
		{"comments", activity.Query{Categories: []activity.Category{activity.Comment}}},
		{"audits", activity.Query{Categories: []activity.Category{activity.Management, activity.Correlation}}},
		{"by machines", activity.Query{Triggers: []activity.Trigger{activity.Automated}}},
		{"by Kai", activity.Query{Actors: []string{kai.ID}}},
		{"changes of the owner", activity.Query{Fields: []string{"owner"}, Alerts: []alert.ID{""}}},
		{"from the incident merged in", activity.Query{Origins: []incident.ID{d.transfer}}},
	} {
		f.q.Incidents = of.Incidents
		n := 0
		for _, err := range d.m.Activity(d.ctx, kai, f.q) {
			if err != nil {
				return err
			}
			n++
		}
		d.say("  %2d %s", n, f.what)
	}
	// The log is complete, so it gives the incident as it was at any time.
	for e, err := range d.m.Activity(d.ctx, kai, activity.Query{Incidents: of.Incidents, Types: []activity.Type{activity.Merged}}) {
		if err != nil {
			return err
		}
		then, err := d.m.At(d.ctx, kai, d.attack, e.Seq-1)
		if err != nil {
			return err
		}
		d.say("\nBefore the merge it was %q with %d alerts.", then.Name, then.Alerts.Count)
	}
	return nil
}

func (d *desk) exportPDF() error {
	var r export.Report
	err := d.m.View(d.ctx, kai, func(reader storage.Reader) (err error) {
		r, err = export.Collect(d.ctx, reader, d.attack, &export.Options{MaxAssets: 1})
		return err
	})
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	if err := export.WritePDF(d.ctx, &pdf, r, nil); err != nil {
		return err
	}
	if d.dir != "" {
		if err := os.WriteFile(filepath.Join(d.dir, "incident-1.pdf"), pdf.Bytes(), 0o666); err != nil {
			return err
		}
	}
	for _, s := range r.Sections {
		d.say("  %s", s)
	}
	d.say("")
	var assets [alert.AssetGroups]int
	for _, a := range r.Assets {
		assets[a.Evidence.Entity.Kind().Asset()]++
	}
	for g, n := range assets {
		if n > 0 {
			d.say("  %s: %d of %d shown", alert.AssetGroup(g).Title(), min(n, r.MaxAssets), n)
		}
	}
	d.say("  Evidence: %d of %d shown", min(len(r.Evidence), r.MaxEvidence), len(r.Evidence))
	d.say("  %d alerts, %d activities", len(r.Alerts), len(r.Activity))
	return nil
}

// The log is a feed: who has read up to an entry asks for what came after it.
func (d *desk) follow() error {
	d.say("Mail is not sent by this library yet. What a mailer needs is the feed, here up to now; new incidents of high severity are")
	last := int64(0)
	for e, err := range d.m.Activity(d.ctx, kai, activity.Query{Newest: true, Limit: 1}) {
		if err != nil {
			return err
		}
		last = e.Seq
	}
	created := activity.Query{Types: []activity.Type{activity.IncidentCreated}, Origins: []incident.ID{""}, BeforeSeq: last + 1}
	for e, err := range d.m.Follow(d.ctx, kai, created) {
		if err != nil {
			return err
		}
		i, err := d.m.Incident(d.ctx, kai, e.Incident)
		if err != nil {
			return err
		}
		if i.ID == e.Incident && i.Severity == alert.High {
			d.say("  entry %d: #%d %s", e.Seq, i.Number, i.Name)
		}
	}
	return nil
}

// The post-incident review begins with how long things took.
func (d *desk) review() error {
	if _, err := d.m.Edit(d.ctx, kai, d.attack, incident.Edit{Status: new(incident.Resolved), Note: new("Contained; dc-01 was rebuilt.")}); err != nil {
		return err
	}
	var report metrics.Report
	err := d.m.View(d.ctx, kai, func(r storage.Reader) (err error) {
		report, err = metrics.Compute(d.ctx, r, incident.Query{}, d.now, nil)
		return err
	})
	if err != nil {
		return err
	}
	t := report.Total
	d.say("Of %d incidents, %d are open. On average it took %s to assign one and %s to resolve it.", t.Incidents, t.Open, t.Assign.Mean, t.Resolve.Mean)
	for v, err := range manager.Check(d.ctx, d.store) {
		if err != nil {
			return err
		}
		return fmt.Errorf("a rule is broken: %v", v)
	}
	d.say("No rule is broken.")
	return nil
}
