package export

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

	// Hide is what the report must not tell, in any format. A Summarizer is not told either.
	Hide Hidden
}

const (
	defaultAssets   = 10  // Microsoft Defender XDR, export of an incident as PDF
	defaultEvidence = 100 // the same
	mainEntities    = 3   // of one step of the attack story
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
	if r.IncidentSummary != "" {
		r.SummaryBy = ByModel
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
	r := list(c, entries, o, others...)
	if o.Summarizer == nil && o.wants(IncidentSummary) {
		all := o
		all.Sections = []Section{Overview, AttackStory, Assets, Evidence, Alerts, Activity}
		r.IncidentSummary, r.SummaryBy = summarize(list(c, entries, all, others...)), ByRule
	}
	return r
}

// list is collect but for what is prose.
func list(c incident.Case, entries []activity.Entry, o Options, others ...related) Report {
	i := c.Incident.Clone()
	for _, t := range []*time.Time{&i.Created, &i.Updated, &i.Resolved, &i.Alerts.FirstActivity, &i.Alerts.LastActivity} { // what renderers say
		*t = o.in(*t)
	}
	alerts := slices.SortedFunc(slices.Values(c.Alerts), alert.Query{}.Compare)
	r := Report{
		Generated: o.in(cmp.Or(o.Generated, i.Updated)), TimeZone: o.Location.String(), Sections: o.Sections, Hidden: o.Hide,
		Incident: i, Verdict: o.Taxonomy.Title(i.Verdict),
	}
	if o.wants(Overview) {
		for _, other := range others {
			r.MergedFrom, r.MergedInto = mergedRows(other.From, o), mergedRows(other.Into, o)
		}
		where := string(i.RedirectTo)
		if len(r.MergedInto) > 0 {
			where = r.MergedInto[0].whole()
		}
		r.Facts = facts(i, r.Verdict, where, o)
	}
	if o.wants(AttackStory) {
		r.Graph, r.Threats = graph(alerts), threats(alerts)
		for _, a := range alerts {
			r.Story = append(r.Story, event(a, o))
		}
	}
	if o.wants(Assets) || o.wants(Evidence) {
		found, places := findings(alerts), devicesOf(alerts)
		if o.wants(Assets) {
			r.Assets = assets(found, o.MaxAssets, places)
		}
		if o.wants(Evidence) {
			r.Evidence = evidence(found[alert.NotAsset], o.MaxEvidence, places)
		}
	}
	if o.wants(Alerts) {
		for _, a := range alerts {
			r.Alerts = append(r.Alerts, alertRow(a, o))
		}
	}
	if o.wants(Activity) {
		names := newNameBook(alerts, others)
		for _, e := range chronological(entries) {
			r.Activity = append(r.Activity, activityRow(e, names, o))
		}
	}
	return r
}

func facts(i incident.Incident, verdict, where string, o Options) []Fact {
	var list []Fact
	add := func(label, value string) {
		if value != "" {
			list = append(list, Fact{Label: label, Value: value})
		}
	}
	number := ""
	if i.Number != 0 {
		number = strconv.FormatInt(i.Number, 10)
	}
	add("Number", number)
	add("Identifier", string(i.ID))
	status := i.Status.Title()
	if where != "" {
		status += " to " + where
	}
	add("Status", status)
	severity := words(i.Severity.String())
	if i.SeverityOverridden {
		severity += " (set by hand)"
	}
	add("Severity", severity)
	add("Priority", fmt.Sprintf("%d of %d", i.Priority, incident.MaxPriority))
	add("Assigned to", cmp.Or(owner(i.Owner), "Nobody"))
	add("Classification", verdict)
	add("Created", stamp(o.in(i.Created), o.Location))
	add("Last update", stamp(o.in(i.Updated), o.Location))
	add("First activity", stamp(o.in(i.Alerts.FirstActivity), o.Location))
	add("Last activity", stamp(o.in(i.Alerts.LastActivity), o.Location))
	add("Alerts", grouped(i.Alerts.Count))
	var groups []string
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		if n := i.Alerts.Assets[g]; n > 0 {
			groups = append(groups, g.Title()+": "+grouped(n))
		}
	}
	add("Impacted assets", strings.Join(groups, ", "))
	add("Products", strings.Join(i.Alerts.Products, ", "))
	if !sameNames(i.Alerts.Sources, i.Alerts.Products) {
		add("Sources", strings.Join(i.Alerts.Sources, ", "))
	}
	if !sameNames(i.Alerts.DetectionSources, i.Alerts.Products) && !sameNames(i.Alerts.DetectionSources, i.Alerts.Sources) {
		add("Detection sources", strings.Join(i.Alerts.DetectionSources, ", "))
	}
	add("Device groups", strings.Join(i.Alerts.DeviceGroups, ", "))
	add("Platforms", strings.Join(i.Alerts.Platforms, ", "))
	add("Threats", strings.Join(i.Alerts.Threats, ", "))
	add("Threat actors", strings.Join(i.Alerts.ThreatActors, ", "))
	for _, ref := range i.References {
		list = append(list, Fact{"Also in " + ref.System, ref.ID, ref.URL})
	}
	return list
}

// sameNames reports whether two lists hold the same names, but for the case of letters and what is between the words.
func sameNames(a, b []string) bool {
	bare := func(name string) string {
		return strings.Map(func(r rune) rune {
			if !inWord(r) {
				return -1
			}
			return unicode.ToLower(r)
		}, name)
	}
	return slices.EqualFunc(a, b, func(x, y string) bool { return bare(x) == bare(y) })
}

func threats(alerts []alert.Alert) []Threat {
	byCategory := make(map[string]*Threat)
	for _, a := range alerts {
		tactic := alert.Tactic(a.Category)
		category := cmp.Or(tactic, a.Category) // one row however it was spelled
		t := byCategory[category]
		if t == nil {
			title := cmp.Or(alert.CategoryTitle(category), "No category")
			t = &Threat{Category: category, Title: title, Tactic: tactic != ""}
			byCategory[category] = t
		}
		t.Alerts++
		t.Severity = max(t.Severity, a.Severity)
		t.Techniques = append(t.Techniques, a.Techniques...)
	}
	var list []Threat
	for _, t := range byCategory {
		slices.Sort(t.Techniques)
		t.Techniques = slices.Compact(t.Techniques)
		list = append(list, *t)
	}
	order := alert.Tactics()
	slices.SortFunc(list, func(a, b Threat) int {
		if a.Tactic != b.Tactic {
			if a.Tactic {
				return -1
			}
			return 1
		}
		first := cmp.Compare(slices.Index(order, a.Category), slices.Index(order, b.Category))
		return cmp.Or(first, cmp.Compare(a.Category, b.Category))
	})
	return list
}

func event(a alert.Alert, o Options) Event {
	e := Event{Time: o.in(a.FirstActivity), Alert: a.Title, Category: alert.CategoryTitle(a.Category), Severity: a.Severity}
	seen := make(map[string]bool)
	var names, others []string
	for _, v := range a.Evidence {
		if v.Entity == nil {
			continue
		}
		name := v.Entity.Name()
		if seen[name] {
			continue // such as a user and the mailbox
		}
		seen[name] = true
		if v.Entity.Kind().Asset() != alert.NotAsset {
			names = append(names, name)
		} else {
			others = append(others, name)
		}
	}
	names = append(names, others...)
	shown := min(len(names), mainEntities)
	e.Entities, e.More = names[:shown:shown], len(names)-shown
	return e
}

// A finding is what all alerts together say about one entity.
type finding struct {
	key         alert.Key
	entity      alert.Entity // as the first alert describes it
	verdict     alert.EvidenceVerdict
	remediation alert.Remediation
	roles       []alert.Role
	tags        []string
	alerts      int
	last        int // the alert counted last
}

// findings returns the different entities of alerts by group, the worst and most frequent first.
func findings(alerts []alert.Alert) [alert.AssetGroups][]*finding {
	byKey := make(map[alert.Key]*finding)
	var groups [alert.AssetGroups][]*finding
	for n, a := range alerts {
		for _, v := range a.Evidence {
			if v.Entity == nil {
				continue
			}
			// A user and a mailbox may share a key, as may a file and a program's image.
			id := alert.Identity(v.Entity)
			group := v.Entity.Kind().Asset()
			at := alert.Key(group.String()+" ") + id
			f := byKey[at]
			if f == nil {
				f = &finding{key: id, entity: v.Entity, last: -1}
				byKey[at] = f
				groups[group] = append(groups[group], f)
			}
			if badness(v.Verdict) > badness(f.verdict) {
				f.verdict = v.Verdict
			}
			f.remediation = cmp.Or(v.Remediation, f.remediation)
			f.roles = appendNew(f.roles, v.Roles)
			f.tags = appendNew(f.tags, v.Tags)
			if f.last != n {
				f.alerts, f.last = f.alerts+1, n
			}
		}
	}
	for _, list := range groups {
		slices.SortFunc(list, func(a, b *finding) int {
			return cmp.Or(
				cmp.Compare(badness(b.verdict), badness(a.verdict)), cmp.Compare(b.alerts, a.alerts),
				byName(a.entity.Name(), b.entity.Name()), cmp.Compare(a.key, b.key))
		})
	}
	return groups
}

// badness orders verdicts. A word that nobody here knows ranks above the harmless ones.
func badness(v alert.EvidenceVerdict) int {
	switch v {
	case alert.NotJudged:
		return 0
	case alert.NoThreatsFound:
		return 1
	case alert.Suspicious:
		return 3
	case alert.Malicious:
		return 4
	}
	return 2
}

func appendNew[T comparable](list, more []T) []T {
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func assets(found [alert.AssetGroups][]*finding, most int, places devices) []AssetList {
	var lists []AssetList
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		if len(found[g]) == 0 {
			continue
		}
		l := AssetList{Group: g.String(), Title: g.Title(), Shown: min(most, len(found[g])), Total: len(found[g])}
		for _, f := range found[g][:l.Shown] {
			l.Rows = append(l.Rows, AssetRow{f.key, f.entity.Name(), places.details(f.entity), f.verdict, f.roles, f.tags, f.alerts})
		}
		lists = append(lists, l)
	}
	return lists
}

func evidence(found []*finding, most int, places devices) EvidenceList {
	l := EvidenceList{Shown: min(most, len(found)), Total: len(found)}
	for _, f := range found[:l.Shown] {
		l.Rows = append(l.Rows, EvidenceRow{
			f.key, f.entity.Kind(), f.entity.Name(), places.details(f.entity), f.verdict, f.remediation, f.roles, f.alerts,
		})
	}
	return l
}

func alertRow(a alert.Alert, o Options) AlertRow {
	verdict := ""
	if !a.Verdict.IsZero() {
		verdict = o.Taxonomy.Title(a.Verdict)
	}
	return AlertRow{
		ID: a.ID, Title: a.Title, Description: a.Description, RecommendedActions: a.RecommendedActions, Severity: a.Severity,
		Status: a.Status, Category: alert.CategoryTitle(a.Category), Techniques: slices.Clone(a.Techniques),
		Product: cmp.Or(a.Product, a.Origin.Source), Verdict: verdict,
		Owner: owner(a.Owner), URL: a.URL, First: o.in(a.FirstActivity), Last: o.in(a.LastActivity), Repeats: a.Repeats,
		Evidence: alertEvidence(a.Evidence),
	}
}

// alertEvidence lists what an alert names.
func alertEvidence(evidence []alert.Evidence) []AlertEvidence {
	var list []AlertEvidence
	places := make(map[AlertEvidence]int) // by kind and name
	for _, v := range evidence {
		if v.Entity == nil {
			continue
		}
		e := AlertEvidence{Kind: v.Entity.Kind(), Name: v.Entity.Name()}
		at, ok := places[e]
		if !ok {
			at = len(list)
			places[e] = at
			list = append(list, e)
		}
		if badness(v.Verdict) > badness(list[at].Verdict) {
			list[at].Verdict = v.Verdict
		}
	}
	return list
}

func activityRow(e activity.Entry, names nameBook, o Options) ActivityRow {
	if e = e.Clone(); e.Redacted {
		e = e.Redact() // whoever gave it
	}
	row := ActivityRow{
		Time: o.in(e.Time), Who: performer(e.Actor), Trigger: e.Trigger(), What: e.Type.Title(), Text: e.Text,
		Cause: e.Cause, AlertID: e.Alert, Origin: e.Origin, Written: o.in(e.Occurred), Attachments: e.Attachments, Redacted: e.Redacted,
	}
	if e.Alert != "" {
		row.Alert = cmp.Or(names.titles[e.Alert], string(e.Alert))
	}
	for _, c := range e.Changes {
		if e.Type == activity.Redacted && c.Before == c.After && !c.Redacted() {
			continue // it says what is left
		}
		change := ChangeRow{
			Path: c.Field, Field: fieldTitle(c.Field), Redacted: c.Redacted(),
			Before: inWords(c.Field, c.Before, o), After: inWords(c.Field, c.After, o),
		}
		change.Added, change.Removed = difference(c.Before, c.After)
		row.Changes = append(row.Changes, change)
	}
	for _, l := range e.Links {
		row.Reasons = appendNew(row.Reasons, []string{names.reason(l, e)}) // several keys may be of one entity
	}
	return row
}

// words returns an identifier in words for people: "noThreatsFound" becomes "No threats found".
func words(id string) string {
	text := alert.CategoryTitle(id)
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError {
		return text
	}
	return string(unicode.ToUpper(r)) + text[size:]
}

// stamp returns t for people, to the second. Away from UTC it tells the offset, since clocks are put back.
func stamp(t time.Time, at *time.Location) string {
	if t.IsZero() {
		return ""
	}
	if at == time.UTC {
		return t.Format("2006-01-02 15:04:05") + " UTC"
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

// owner returns display name and identifier, "" for nobody.
func owner(o alert.Owner) string { return person(o.Name, o.ID) }

func performer(a activity.Actor) string {
	who := person(a.Name, a.ID)
	if a.OnBehalfOf != "" {
		who += " for " + a.OnBehalfOf
	}
	return who
}

func person(name, id string) string {
	switch {
	case name == "" || name == id:
		return id
	case id == "":
		return name
	}
	return name + " (" + id + ")"
}

// summaryPath begins the paths of what an incident's alerts come to.
const (
	summaryPath = "alerts."
	alertCount  = "alerts.count"
)

// fieldTitle returns a field in words.
func fieldTitle(path string) string {
	switch path {
	case "owner":
		return "Assigned to"
	case alertCount:
		return "Alerts"
	case "renamed":
		return "Name set by hand"
	case "severityOverridden":
		return "Severity set by hand"
	case "named":
		return "Name given by the source"
	case "severityGiven":
		return "Severity given by the source"
	case "note":
		return "Resolution note"
	case "edited":
		return "Edited by hand"
	}
	name := path
	if rest, ok := strings.CutPrefix(path, summaryPath); ok {
		name = rest
	} else if i := strings.LastIndexByte(path, '.'); i >= 0 {
		name = path[i+1:]
	}
	return words(name)
}

// inWords returns the value of a field as people would say it. What it does not know stays as it is.
func inWords(path string, v activity.Value, o Options) string {
	if v == "" {
		return ""
	}
	var value any
	d := json.NewDecoder(strings.NewReader(string(v)))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return string(v)
	}
	text, ok := value.(string)
	if !ok {
		return spoken(value)
	}
	switch path {
	case "severity", "status":
		return words(text)
	case "resolved", "created", "firstActivity", "lastActivity", "sourceUpdated", "alerts.firstActivity", "alerts.lastActivity":
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return stamp(o.in(t), o.Location)
		}
	case "category":
		return alert.CategoryTitle(text)
	case "verdict.classification":
		return o.Taxonomy.Title(classification.Verdict{Classification: classification.Classification(text)})
	case "verdict.determination":
		return o.determination(text)
	}
	return text
}

// determination returns a determination in words, as it is when the taxonomy does not have it.
func (o Options) determination(id string) string {
	for _, c := range o.Taxonomy.Classes {
		for _, t := range c.Determinations {
			if string(t.ID) == id {
				return t.Title
			}
		}
	}
	return id
}

// spoken returns a value of JSON in words: lists with commas, objects by their name or member by member.
func spoken(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = spoken(e)
		}
		return strings.Join(texts, ", ")
	case map[string]any:
		name, _ := v["name"].(string)
		id, _ := v["id"].(string)
		if text := person(name, id); text != "" {
			if system, ok := v["system"].(string); ok {
				return system + " " + text
			}
			return text
		}
		var texts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, words(k)+" "+spoken(v[k]))
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprint(value)
}
