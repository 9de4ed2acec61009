package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// A composer puts a report into words and in order.
type composer struct {
	r      Report
	cast   cast
	offset string // of all times of the report from UTC, as titles of columns say it, " (UTC)"; "" if there are several
}

// compose returns r as a document. With files, the report as JSON and its indicators as CSV are attached.
func compose(r Report, files bool) (doc.Document, error) {
	c := composer{r: r, cast: castOf(r), offset: offset(r)}
	i := r.Incident
	d := doc.Document{
		Label: label(i), Title: cmp.Or(i.Name, "Untitled"), About: c.about(),
		State:   words.Join(" · ", words.Title(i.Severity.String()), i.Status.Title()),
		Subject: fmt.Sprintf("Incident report: %s severity, %s", words.Title(i.Severity.String()), words.Small(i.Status.Title())),
		Cover:   c.cover(),
	}
	for _, t := range i.Tags {
		d.Tags = append(d.Tags, t.Name)
	}
	var err error
	if d.Brand, err = r.Layout.brand(); err != nil {
		return d, err
	}
	d.Marking = r.Layout.TLP.marking()
	for _, s := range r.Sections {
		if r.Layout.Profile == Executive && !s.executive() {
			continue
		}
		if blocks := c.blocks(s); len(blocks) > 0 {
			d.Sections = append(d.Sections, doc.Section{ID: s.String(), Title: c.title(s), Blocks: blocks})
		}
	}
	var notes []doc.Pair
	if files {
		d.Files, notes = c.files()
	}
	d.Sections = append(d.Sections, doc.Section{ID: "about", Title: "About this report", Blocks: c.colophon(notes)})
	if c.brief() {
		d = shortened(d)
	}
	return d, nil
}

// executive reports whether the section is drawn in an executive report.
func (s Section) executive() bool {
	return s == IncidentSummary || s == AttackStory || s == Assets
}

// title returns what documents call a section.
func (c composer) title(s Section) string {
	switch s {
	case Overview:
		return "Overview"
	case IncidentSummary:
		return "Incident summary"
	case IncidentReport:
		return "Incident report"
	case AttackStory:
		return "Attack story"
	case Assets:
		return "Impacted assets"
	case Evidence:
		return words.Join(" · ", "Evidence", words.Shown(min(len(c.r.Evidence), c.cast.evidence), len(c.r.Evidence)))
	case Alerts:
		return "Related alerts"
	}
	return "Activity log"
}

// blocks returns what stands in a section; nothing for what is no section.
func (c composer) blocks(s Section) []doc.Block {
	switch s {
	case Overview:
		return c.overview()
	case IncidentSummary:
		return c.summary()
	case IncidentReport:
		return authored(c.r.IncidentReport)
	case AttackStory:
		return c.story()
	case Assets:
		return c.assets()
	case Evidence:
		return c.evidence()
	case Alerts:
		return c.alerts()
	case Activity:
		return c.activity()
	}
	return nil
}

// has reports whether the report has a section.
func (c composer) has(s Section) bool { return slices.Contains(c.r.Sections, s) }

// brief reports whether the document is for those who have no time.
func (c composer) brief() bool { return c.r.Layout.Profile == Executive }

// label returns what people call i beside its name.
func label(i incident.Incident) string {
	if i.Number == 0 {
		return "Incident"
	}
	return "Incident " + strconv.FormatInt(i.Number, 10)
}

// verdict returns a verdict in the words of the report's taxonomy.
func (c composer) verdict(v classification.Verdict) string {
	if v.IsZero() {
		return ""
	}
	word := func(code string) string { return cmp.Or(c.r.Titles[code], words.Title(code)) }
	text := word(string(v.Classification))
	if v.Determination != "" {
		text = words.Join(": ", text, word(string(v.Determination)))
	}
	return text
}

// dismissed reports whether the whole incident was a false positive.
func (c composer) dismissed() bool { return Dismissed(c.r.Incident, alert.Alert{}) }

// A cast is the entities that documents name: the first of each group of assets and of the evidence. All
// others are counted.
type cast struct {
	evidence int // how many of the evidence
	named    map[castKey]string
	spelled  map[string]bool   // names of all entities, and whether documents name one that is called so
	devices  map[string]string // names of devices by their identifiers; "" for those that are not named
}

// A castKey tells entities apart. A user and a mailbox may share a key.
type castKey struct {
	group alert.AssetGroup
	key   alert.Key
}

func keyOf(e alert.Entity) castKey { return castKey{e.Kind().Asset(), alert.Identity(e)} }

func castOf(r Report) cast {
	k := cast{named: make(map[castKey]string), spelled: make(map[string]bool), devices: make(map[string]string)}
	k.evidence = cmp.Or(max(r.MaxEvidence, 0), defaultEvidence)
	var groups [alert.AssetGroups]int
	add := func(f Finding, most int) {
		e := f.Evidence.Entity
		if e == nil {
			return
		}
		at, name := castKey{e.Kind().Asset(), f.Key}, e.Name()
		groups[at.group]++
		named := groups[at.group] <= most
		for _, spelled := range inside(e) {
			k.spelled[spelled] = k.spelled[spelled] || named
		}
		if k.spelled[name] = k.spelled[name] || named; named {
			k.named[at] = name
		} else {
			name = ""
		}
		if d, ok := e.(alert.Device); ok && d.DeviceID != "" {
			k.devices[d.DeviceID] = cmp.Or(k.devices[d.DeviceID], name)
		}
	}
	for _, f := range r.Assets {
		add(f, cmp.Or(max(r.MaxAssets, 0), defaultAssets))
	}
	for _, f := range r.Evidence {
		add(f, k.evidence)
	}
	return k
}

// inside returns what links call an entity by something in it.
func inside(e alert.Entity) []string {
	switch e := e.(type) {
	case alert.Process:
		return []string{e.Image.Name(), e.User.Name()}
	case alert.Message:
		return []string{e.Sender, e.Recipient}
	}
	return nil
}

// name returns the name of an entity, and whether documents name it.
func (k cast) name(e alert.Entity) (name string, named bool) {
	name, named = k.named[keyOf(e)]
	return name, named
}

// offset returns what the titles of columns say of the times below them, " (UTC)" or " (+09:00)": the offset
// from UTC that all times of the report's lists have, "" if there are several.
func offset(r Report) string {
	if r.TimeZone == "UTC" || r.TimeZone == "" {
		return " (UTC)"
	}
	found, same := "", true
	look := func(times ...time.Time) {
		for _, t := range times {
			if t.IsZero() {
				continue
			}
			at := t.Format(" (-07:00)")
			same = same && (found == "" || found == at)
			found = at
		}
	}
	for _, m := range slices.Concat(r.MergedFrom, r.MergedInto) {
		look(m.Time)
	}
	for _, a := range r.Alerts {
		look(a.FirstActivity, a.LastActivity)
	}
	for _, e := range r.Graph.Edges {
		look(e.Time)
	}
	for _, e := range r.Activity {
		look(e.Time)
	}
	if !same {
		return ""
	}
	return found
}

func (c composer) utc() bool { return c.r.TimeZone == "UTC" || c.r.TimeZone == "" }

// stamp returns t as it stands below a header that names the time zone. Only the offset of t has a say in
// it, so that a Report that was read from JSON gives the same text.
func (c composer) stamp(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case c.utc():
		return t.UTC().Format("2006-01-02 15:04:05")
	case c.offset != "":
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

// zoned returns t as it stands by itself.
func (c composer) zoned(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case c.utc():
		return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

// until returns the end of what began at start, if that is another second.
func (c composer) until(start, end time.Time) string {
	first, last := c.stamp(start), c.stamp(end)
	if last == "" || last == first {
		return ""
	}
	const day = len("2006-01-02 ")
	if first != "" && first[:day] == last[:day] {
		last = last[day:]
	}
	return "to " + last
}

// during returns when something was, in one line or two.
func (c composer) during(sep string, start, end time.Time) string {
	return cmp.Or(words.Join(sep, c.stamp(start), c.until(start, end)), "Not reported")
}

// zone says where the times of the report are.
func (c composer) zone() string {
	switch c.r.TimeZone {
	case "":
		return "UTC"
	case "Local":
		return "a local time zone, with their offset from UTC"
	}
	return c.r.TimeZone
}

// about says when the report was made, if it knows, and where its times are.
func (c composer) about() string {
	when := c.zoned(c.r.Generated)
	if when != "" {
		when = "Generated " + when
	}
	return words.Join(" · ", when, "Times in "+c.zone())
}

// numbered returns how people call an incident.
func numbered(id incident.ID, number int64) string {
	if number != 0 {
		return "incident " + strconv.FormatInt(number, 10)
	}
	return "incident " + string(id)
}

// called returns how people call another incident.
func (c composer) called(id incident.ID) string { return numbered(id, c.r.Names.Incidents[id]) }

// remark returns a paragraph that the report says of itself.
func remark(text string) doc.Block { return doc.Text{{Text: text, Style: doc.Muted, Order: doc.Said}} }

// said returns a paragraph.
func said(text string) doc.Block { return doc.Text{{Text: text, Order: doc.Said}} }

// authored returns what somebody wrote, as a block.
func authored(text string) []doc.Block {
	if strings.TrimSpace(text) == "" {
		return []doc.Block{remark("Nothing was written.")}
	}
	return []doc.Block{doc.Prose{Source: text, Lines: true}}
}

// filled returns t without the columns that have nothing in them.
func filled(t *doc.Table) *doc.Table {
	for n := len(t.Columns) - 1; n > 0; n-- {
		if len(t.Rows) == 0 || slices.ContainsFunc(t.Rows, func(row doc.Row) bool { return row.Cells[n].Text != "" || row.Cells[n].Spans != nil }) {
			continue
		}
		t.Columns = slices.Delete(t.Columns, n, n+1)
		for k := range t.Rows {
			row := &t.Rows[k]
			row.Cells = slices.Delete(row.Cells, n, n+1)
			if row.NoteFrom > n {
				row.NoteFrom--
			}
		}
	}
	return t
}
