package export

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Summarizer writes about an incident in prose: the text of the section s, which is IncidentSummary or
// IncidentReport. It is given the incident with its alerts and its whole log, as of the moment of the
// report. It is asked for one section after the other. An [Exporter] calls it when its View has ended. [Collect] calls
// it while the caller's View is open.
type Summarizer func(ctx context.Context, s Section, c incident.Case, log []activity.Entry) (string, error)

// Options are the settings of a report.
type Options struct {
	// Sections are what to include; nil means all, an empty list none. IncidentReport needs a Summarizer:
	// without one, all means all others, and to name it is an error. IncidentSummary is then put together by
	// rule from what the other sections would say, included or not.
	Sections   []Section
	Summarizer Summarizer

	Generated   time.Time                // the time the report bears; zero means the incident's Updated
	Location    *time.Location           // where times are given; nil means UTC
	Taxonomy    *classification.Taxonomy // gives verdicts their words; nil means Defender's
	MaxAssets   int                      // assets of one group that are listed; less than 1 means 10
	MaxEvidence int                      // pieces of evidence that are listed; less than 1 means 100

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
	if !o.wants(Activity) && !slices.ContainsFunc(o.Sections, Section.prose) {
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
	return Report{Generated: o.in(cmp.Or(o.Generated, c.Incident.Updated)), TimeZone: o.Location.String(), Sections: o.Sections, Hidden: o.Hide, Layout: o.Layout,
		MaxAssets: o.MaxAssets, MaxEvidence: o.MaxEvidence, Incident: c.Incident}
}
