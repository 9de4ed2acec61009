package export

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/metrics"
	"github.com/incidentkit/incidentkit/storage"
)

// A Summarizer writes about an incident in prose: the text of the section s, which is IncidentSummary or
// IncidentReport. It is given the incident with its alerts and its whole log, as of the moment of the report.
// It is asked for one section after the other. An [Exporter] calls it when its View has ended. [Collect]
// calls it while the caller's View is open.
type Summarizer func(ctx context.Context, s Section, c incident.Case, log []activity.Entry) (string, error)

// Options are the settings of a report.
type Options struct {
	// Sections are what to include; nil means all, an empty list none. IncidentReport needs a Summarizer:
	// without one, all means all others, and to name it is an error. Documents then put IncidentSummary
	// together by rule, from what is in the report.
	Sections   []Section
	Summarizer Summarizer

	Generated   time.Time                // the time the report bears; zero means the incident's Updated
	Location    *time.Location           // where times are given; nil means UTC
	Taxonomy    *classification.Taxonomy // gives verdicts their words; nil means Defender's
	MaxAssets   int                      // assets of one group that documents name; less than 1 means 10
	MaxEvidence int                      // pieces of evidence that documents name; less than 1 means 100

	MaxImageBytes int // bytes that attached images may have together, the oldest comments' first; less than 1 means 32 MiB

	Layout Layout // how the report is drawn

	// Hide is what the report must not tell, in any format. A Summarizer is not told either.
	Hide Hidden
}

const (
	defaultAssets   = 10  // Microsoft Defender XDR, export of an incident as PDF
	defaultEvidence = 100 // the same
	defaultImages   = 32 << 20
)

// Collect returns the report on the incident with the given ID, as of the moment of r. It does not follow
// redirects: the report on an incident that was merged says where that one went. Of other incidents it tells
// only what r shows: one that r.Incidents leaves out is named by its ID alone. A nil o means the defaults.
//
// The error is that of r, such as [storage.ErrNotFound], that of the Summarizer, or an [*alert.FieldError] for a
// section that there cannot be.
func Collect(ctx context.Context, r storage.Reader, id incident.ID, o *Options) (Report, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return Report{}, err
	}
	m, err := gather(ctx, r, id, opts)
	if err != nil {
		return Report{}, fmt.Errorf("export: collect incident %s: %w", id, err)
	}
	return m.report(ctx, opts)
}

// A material is what a report is made from, as of one moment.
type material struct {
	incident.Case
	entries  []activity.Entry
	pictures images
	others   related
}

// gather reads what a report with these options is made from. It reads contents after the entries that name them.
func gather(ctx context.Context, r storage.Reader, id incident.ID, o Options) (m material, err error) {
	if m.Incident, err = r.Incident(ctx, id); err != nil {
		return m, err
	}
	if m.others, err = relatives(ctx, r, m.Incident, !o.Hide.IsZero()); err != nil {
		return m, err
	}
	for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{id}}) {
		if err != nil {
			return m, err
		}
		m.Alerts = append(m.Alerts, a)
	}
	if !o.wants(Activity) && !o.wants(Overview) && !slices.ContainsFunc(o.Sections, Section.prose) {
		return m, nil
	}
	for e, err := range r.Activity(ctx, activity.Query{Incidents: []incident.ID{id}}) {
		if err != nil {
			return m, err
		}
		m.entries = append(m.entries, e)
	}
	m.pictures, err = readImages(ctx, r, m.entries, o)
	return m, err
}

// report returns the report that m gives. Options are complete.
func (m material) report(ctx context.Context, o Options) (Report, error) {
	c, entries := hide(o.Hide, m.Case, m.entries, m.others)
	r := collect(c, entries, o, m.others)
	r.Images, r.ImagesLeftOut, r.MaxImageBytes = m.pictures.contents, m.pictures.leftOut, m.pictures.most
	if o.Summarizer == nil {
		return r, nil
	}
	for _, text := range []struct {
		section Section
		to      *string
	}{{IncidentSummary, &r.IncidentSummary}, {IncidentReport, &r.IncidentReport}} {
		if !o.wants(text.section) {
			continue
		}
		var err error
		if *text.to, err = o.Summarizer(ctx, text.section, c, entries); err != nil {
			return Report{}, fmt.Errorf("export: %s of incident %s: %w", text.section, m.Incident.ID, err)
		}
	}
	return r, nil
}

// withDefaults returns the options with every default put in and the sections in order.
func (o *Options) withDefaults() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.Sections == nil {
		for s := Overview; s <= Activity; s++ {
			if opts.Summarizer != nil || s != IncidentReport {
				opts.Sections = append(opts.Sections, s)
			}
		}
	}
	opts.Sections = slices.Compact(slices.Sorted(slices.Values(opts.Sections)))
	for _, s := range opts.Sections {
		if s > Activity {
			_, err := ParseSection(s.String())
			return Options{}, err
		}
		if s == IncidentReport && opts.Summarizer == nil {
			return Options{}, &alert.FieldError{Field: "section", Value: s.String(), Want: "a Summarizer that writes it"}
		}
	}
	if opts.Location == nil {
		opts.Location = time.UTC
	}
	if opts.Taxonomy == nil {
		opts.Taxonomy = new(classification.Defender())
	}
	if opts.MaxAssets < 1 {
		opts.MaxAssets = defaultAssets
	}
	if opts.MaxEvidence < 1 {
		opts.MaxEvidence = defaultEvidence
	}
	if opts.MaxImageBytes < 1 {
		opts.MaxImageBytes = defaultImages
	}
	return opts, nil
}

// prose reports whether the section is written rather than listed.
func (s Section) prose() bool { return s == IncidentSummary || s == IncidentReport }

func (o Options) wants(s Section) bool { return slices.Contains(o.Sections, s) }

// in returns t in the location of the report. A zero time stays zero.
func (o Options) in(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.In(o.Location)
}

// collect is Collect without reading and Summarizer. Options are complete. Neither the order of alerts nor that of
// entries matters. There is at most one of others.
func collect(c incident.Case, entries []activity.Entry, o Options, others ...related) Report {
	i := c.Incident.Clone()
	i.Extra = ""
	for _, t := range []*time.Time{&i.Created, &i.Updated, &i.Resolved, &i.Alerts.FirstActivity, &i.Alerts.LastActivity} {
		*t = o.in(*t)
	}
	for n := range i.References {
		i.References[n].Updated = o.in(i.References[n].Updated)
	}
	layout := o.Layout
	layout.Logo = bytes.Clone(layout.Logo)
	alerts := make([]alert.Alert, len(c.Alerts))
	for n, a := range slices.SortedFunc(slices.Values(c.Alerts), alert.Query{}.Compare) {
		alerts[n] = o.alert(a)
	}
	r := Report{
		Generated: o.in(cmp.Or(o.Generated, i.Updated)), TimeZone: o.Location.String(), Sections: slices.Clone(o.Sections),
		Hidden: o.Hide, Layout: layout, MaxAssets: o.MaxAssets, MaxEvidence: o.MaxEvidence, Incident: i, Titles: make(map[string]string),
	}
	o.title(r.Titles, i.Verdict)
	if o.wants(Overview) {
		for _, other := range others {
			r.MergedFrom, r.MergedInto = mergedRows(other.From, o), mergedRows(other.Into, o)
		}
		r.Times = timesOf(i, entries)
	}
	found := findings(i, alerts)
	if o.wants(Assets) {
		r.Assets = found.assets
	}
	if o.wants(Evidence) {
		r.Evidence = found.evidence
	}
	if o.wants(AttackStory) {
		upheld := slices.DeleteFunc(slices.Clone(alerts), func(a alert.Alert) bool { return Dismissed(i, a) })
		r.Threats, r.Graph, r.Trees = threats(i, alerts), graph(upheld, found.drawn(o)), trees(upheld)
	}
	if o.wants(Alerts) || o.wants(AttackStory) {
		r.Alerts = alerts
		for _, a := range alerts {
			o.title(r.Titles, a.Verdict)
		}
	}
	if o.wants(Activity) {
		for _, e := range chronological(entries) {
			r.Activity = append(r.Activity, o.entry(e))
		}
		o.titles(r.Titles, r.Activity)
	}
	r.Names = namesOf(r, alerts, others)
	if len(r.Titles) == 0 {
		r.Titles = nil
	}
	return r
}

// alert returns an alert as a report has it.
func (o Options) alert(a alert.Alert) alert.Alert {
	a = a.Clone()
	a.Extra = ""
	for n := range a.Evidence {
		a.Evidence[n].Extra = ""
		a.Evidence[n].Created = o.in(a.Evidence[n].Created)
		a.Evidence[n].Entity = o.entity(a.Evidence[n].Entity)
	}
	for _, t := range []*time.Time{
		&a.FirstActivity, &a.LastActivity, &a.Created, &a.SourceUpdated, &a.Resolved, &a.Updated, &a.Received, &a.Repeated,
	} {
		*t = o.in(*t)
	}
	return a
}

// entity returns an entity with its times as a report has them.
func (o Options) entity(e alert.Entity) alert.Entity {
	switch e := e.(type) {
	case alert.Device:
		e.FirstSeen = o.in(e.FirstSeen)
		return e
	case alert.Process:
		e.Started, e.ParentStarted = o.in(e.Started), o.in(e.ParentStarted)
		return e
	case alert.Message:
		e.Received = o.in(e.Received)
		return e
	}
	return e
}

// entry returns an entry of the log as a report has it.
func (o Options) entry(e activity.Entry) activity.Entry {
	if e = e.Clone(); e.Redacted {
		e = e.Redact() // whoever gave it
	}
	e.Time, e.Occurred = o.in(e.Time), o.in(e.Occurred)
	e.Digest, e.AlertDigest, e.Seal = activity.Digest{}, activity.Digest{}, activity.Seal{}
	return e
}

// title puts the words of a verdict into titles.
func (o Options) title(titles map[string]string, v classification.Verdict) {
	if v.Classification != "" {
		titles[string(v.Classification)] = o.Taxonomy.Title(classification.Verdict{Classification: v.Classification})
	}
	if v.Determination != "" {
		titles[string(v.Determination)] = o.determination(string(v.Determination))
	}
}

// titles puts the words of the verdicts that the log names into titles.
func (o Options) titles(titles map[string]string, entries []activity.Entry) {
	for _, e := range entries {
		for _, c := range e.Changes {
			for _, value := range []activity.Value{c.Before, c.After} {
				var code string
				if value == "" || json.Unmarshal([]byte(value), &code) != nil || code == "" {
					continue
				}
				switch c.Field {
				case "verdict.classification":
					o.title(titles, classification.Verdict{Classification: classification.Classification(code)})
				case "verdict.determination":
					o.title(titles, classification.Verdict{Determination: classification.Determination(code)})
				}
			}
		}
	}
}

// timesOf measures how long it took to deal with an incident.
func timesOf(i incident.Incident, entries []activity.Entry) (t Times) {
	if first := i.Alerts.FirstActivity; !first.IsZero() && !i.Created.Before(first) {
		t.Detect = new(i.Created.Sub(first))
	}
	history := func(yield func(metrics.History, error) bool) {
		inOrder := slices.SortedFunc(slices.Values(entries), func(a, b activity.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
		yield(metrics.History{Incident: i, Entries: inOrder}, nil)
	}
	m, err := metrics.Measure(history, i.Updated, nil)
	if err != nil {
		return t // a value that no rule of package incident writes
	}
	for _, x := range []struct {
		to *(*time.Duration)
		of metrics.Distribution
	}{{&t.Assign, m.Total.Assign}, {&t.FirstAction, m.Total.FirstAction}, {&t.Resolve, m.Total.Resolve}} {
		if x.of.Count > 0 {
			*x.to = new(x.of.Mean)
		}
	}
	return t
}

// threats returns the categories of alerts.
func threats(i incident.Incident, alerts []alert.Alert) []Threat {
	byCategory := make(map[string]*Threat)
	for _, dismissed := range []bool{false, true} {
		for _, a := range alerts {
			if Dismissed(i, a) != dismissed {
				continue
			}
			category := cmp.Or(alert.Tactic(a.Category), a.Category) // one row however it was spelled
			t := byCategory[category]
			if t == nil {
				t = &Threat{Category: category}
				byCategory[category] = t
			}
			if dismissed {
				if t.Dismissed++; t.Alerts > 0 {
					continue // other alerts say more
				}
			} else {
				t.Alerts++
			}
			t.Severity = max(t.Severity, a.Severity)
			t.Techniques = append(t.Techniques, a.Techniques...)
		}
	}
	var list []Threat
	for _, t := range byCategory {
		slices.Sort(t.Techniques)
		t.Techniques = slices.Compact(t.Techniques)
		list = append(list, *t)
	}
	order := alert.Tactics()
	place := func(t Threat) int {
		if n := slices.Index(order, t.Category); n >= 0 {
			return n
		}
		return len(order)
	}
	slices.SortFunc(list, func(a, b Threat) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Category, b.Category))
	})
	return list
}
