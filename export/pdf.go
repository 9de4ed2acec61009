package export

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/incident"
)

// PDFOptions say how reports are drawn. They may be used by several goroutines at the same time.
type PDFOptions struct {
	// Fonts are TrueType files (.ttf), asked in order for the characters that the built-in faces lack, for
	// instance the Chinese, Japanese and Korean one of export/fonts/cjk. Only those characters are embedded
	// that a report has. OpenType fonts with PostScript outlines (CFF), collections (TTC) and web fonts
	// (WOFF) are errors of WritePDF, and so are damaged files. WritePDF reads the bytes and keeps none of them.
	Fonts [][]byte

	Paper  Paper  // what is printed on; the zero value is A4
	Author string // who answers for the report, as a property of the file; "" leaves it out
	NoData bool   // leaves out the Report as JSON that is otherwise attached
}

// WritePDF draws r as a document and writes it to w. A nil o means the defaults. The same Report and the same options give the same
// bytes.
//
// The first page begins with what everybody must know: name, severity, status, verdict, who has it, since when, how much is
// affected. Then follow a table of contents, where there are two sections or more, the sections, and what the report says of itself:
// when it was generated, the time zone, what is hidden. The Report as JSON, as MarshalJSON returns it but for Images, is attached as
// "incident-42.json", or "report.json" for an incident without a number; name, size and SHA-256 are printed. If it cannot be written
// as JSON, the report says so.
//
// Characters that no font of the library has stand as visible marks such as "[U+1F600]"; the last line of the report then says how
// many; which scripts are drawn right is in the package comment. Nothing is cut but what runs along pages at their head and foot and
// the boxes of the graph: a text that is too long for its column is said in full below its row. Of the changes in the activity log
// those are left out that repeat the time of the entry, count comments, or keep up an incident's summary of its alerts, but for their
// number where no alert is named.
//
// Comments stand in the activity log as their Markdown means, but for HTML, which is text, and images of Markdown, which are links.
// Images that are attached to them follow, on white, with no more pixels than print needs and without anything else that stood in
// their files; of those that are not shown, the caption says why.
//
// Nothing is written unless the whole document could be drawn. The error is that of ctx, which is looked at
// for every page, or that of w, or says what could not be drawn. WritePDF does not panic, whatever r holds.
func WritePDF(ctx context.Context, w io.Writer, r Report, o *PDFOptions) error {
	d, err := draw(ctx, r, o)
	if err == nil {
		err = d.Output(w)
	}
	if err != nil {
		return fmt.Errorf("export: write PDF: %w", err)
	}
	return nil
}

// drawing is a report on its way to paper.
type drawing struct {
	*pdf.Document
	r      Report
	offset string // see offset
}

// draw lays r out. No report is known that makes it fail; but a report may come from anywhere.
func draw(ctx context.Context, r Report, o *PDFOptions) (doc *pdf.Document, err error) {
	if o == nil {
		o = &PDFOptions{}
	}
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("laying out: %v", p)
		}
	}()
	if o.Paper > Letter {
		_, err := ParsePaper(o.Paper.String())
		return nil, err
	}
	var data pdf.Attachment
	var missing error
	if !o.NoData {
		data, missing = attachment(r)
	}
	i := r.Incident
	title, severity, status := label(i), words(i.Severity.String()), i.Status.Title()
	if i.Name != "" {
		title += ": " + i.Name
	}
	var tags []string
	for _, t := range i.Tags {
		tags = append(tags, t.Name)
	}
	d := drawing{r: r, offset: offset(r)}
	d.Document = pdf.New(ctx, pdf.Options{
		Letter: o.Paper == Letter, Title: title, Author: o.Author, Language: "en", Created: r.Generated,
		Subject:    fmt.Sprintf("Incident report: %s severity, %s", severity, strings.ToLower(status)),
		Keywords:   strings.Join(tags, ", "),
		HeaderLeft: title, HeaderRight: severity + " · " + status,
		FooterLeft: d.generated(),
		Attachment: data,
		Fonts:      o.Fonts,
	})
	d.cover()
	parts := 0
	for _, s := range r.Sections {
		if s <= Activity {
			parts++
		}
	}
	if parts > 1 {
		d.Contents(parts + 1)
	}
	for _, s := range r.Sections {
		d.Heading(1, d.title(s)) // none for what is no section
		switch s {
		case Overview:
			d.overview()
		case IncidentSummary:
			d.prose(r.IncidentSummary, r.SummaryBy)
		case IncidentReport:
			d.prose(r.IncidentReport, ByModel)
		case AttackStory:
			d.attackStory()
		case Assets:
			d.assets()
		case Evidence:
			d.evidence()
		case Alerts:
			d.alerts()
		case Activity:
			d.activity()
		}
	}
	d.about(data, missing)
	return d.Document, nil
}

func (d drawing) overview() {
	i := d.r.Incident
	if i.Description != "" {
		d.Heading(2, "Description")
		d.Paragraph(pdf.Span{Text: i.Description})
	}
	if i.Status == incident.Resolved {
		d.Heading(2, "Resolution")
		d.KeyValues([]pdf.KeyValue{
			{Label: "Resolved", Value: pdf.Cell{Text: d.zoned(i.Resolved)}},
			{Label: "Classification", Value: pdf.Cell{Text: d.r.Verdict}},
			{Label: "Note", Value: pdf.Cell{Text: cmp.Or(i.Note, "None"), Order: pdf.Prose}},
		}, 1)
	}
	d.merged()
	if len(d.r.Facts) > 0 {
		d.Heading(2, "All facts")
	}
	pairs := make([]pdf.KeyValue, len(d.r.Facts))
	for n, f := range d.r.Facts {
		pairs[n] = pdf.KeyValue{Label: f.Label, Value: pdf.Cell{Text: f.Value, Link: f.URL}}
	}
	d.KeyValues(pairs, 2)
}

func (d drawing) prose(text string, by Author) {
	for _, b := range proseBlocks(text, by) {
		d.Paragraph(pdf.Span{Text: b.Text})
		d.Paragraph(pdf.Span{Text: b.Remark, Style: pdf.Muted})
	}
}

func (d drawing) attackStory() {
	d.graph()
	if len(d.r.Threats) > 0 {
		d.Heading(2, lanesTitle)
		if c, caption := d.lanes(); len(c.Lanes) > 0 {
			d.Chart(c, caption)
		}
		var rows [][]pdf.Cell
		for _, t := range d.r.Threats {
			rows = append(rows, []pdf.Cell{
				{Text: t.Title}, severityCell(t.Severity), {Text: strings.Join(t.Techniques, ", ")}, {Text: strconv.Itoa(t.Alerts)},
			})
		}
		d.Table(pdf.Table{
			Columns: []pdf.Column{
				{Title: "Category", Weight: 2}, severityColumn, {Title: "MITRE ATT&CK techniques", Weight: 3},
				{Title: "Alerts", Width: 40, Align: pdf.Right},
			},
			Rows: rows,
		})
	}
	d.Heading(2, "Timeline")
	list, remark := d.timeline()
	d.Paragraph(pdf.Span{Text: remark, Style: pdf.Muted})
	var rows [][]pdf.Cell
	var notes [][]pdf.Span
	for _, s := range list {
		rows = append(rows, []pdf.Cell{{Text: d.when(s)}, severityCell(s.Severity), {Text: s.Title, Order: pdf.Datum}, {Text: s.Category}})
		notes = append(notes, quiet(s.Names))
	}
	d.Table(pdf.Table{
		Columns: []pdf.Column{
			d.timeColumn("Time"), severityColumn, {Title: "Alert and main entities", Weight: 5}, {Title: "Category", Weight: 2},
		},
		Rows: rows, Notes: notes, NoteColumn: 2, Empty: "No alerts.",
	})
}

// graph draws what was suspicious and what it hit, if there is anything to join. A graph that is not of this library
// may have more nodes than a page; it is a table.
func (d drawing) graph() {
	g, caption := d.graphFigure()
	if len(d.r.Graph.Nodes) == 0 {
		return
	}
	d.Heading(2, graphTitle)
	for _, c := range g.Columns {
		if len(c.Nodes) > d.GraphColumn() {
			d.table(graphTable(d.r.Graph), pdf.Column{Width: 50, Align: pdf.Right}, pdf.Column{Weight: 3}, pdf.Column{Weight: 1}, pdf.Column{Weight: 1}, pdf.Column{Weight: 2})
			return
		}
	}
	d.Graph(g, caption)
}

// table draws t, which is a table of all formats, in columns as they are given but for their titles.
func (d drawing) table(t *table, columns ...pdf.Column) {
	for n := range columns {
		columns[n].Title = t.Columns[n].Title
	}
	out := pdf.Table{Columns: columns, Caption: t.Caption}
	for _, row := range t.Rows {
		cells := make([]pdf.Cell, len(row))
		for n, c := range row {
			cells[n] = pdf.Cell{Text: c.Text, Link: c.Link}
		}
		out.Rows = append(out.Rows, cells)
	}
	d.Table(out)
}

func (d drawing) assets() {
	if len(d.r.Assets) == 0 {
		d.Paragraph(pdf.Span{Text: "No assets.", Style: pdf.Muted})
	}
	for _, l := range d.r.Assets {
		d.Heading(2, capped(l.Title, l.Shown, l.Total))
		var rows [][]pdf.Cell
		var notes [][]pdf.Span
		for _, a := range l.Rows {
			known := a.Details
			if len(a.Tags) > 0 {
				known = join(" · ", known, "Tags: "+strings.Join(a.Tags, ", "))
			}
			rows = append(rows, []pdf.Cell{
				{Text: a.Name, Style: pdf.Bold}, verdictCell(a.Verdict), {Text: rolesText(a.Roles)}, {Text: grouped(a.Alerts)},
			})
			notes = append(notes, quiet(known))
		}
		d.Table(filledColumns(pdf.Table{
			Columns: []pdf.Column{
				{Title: "Name", Weight: 5}, verdictColumn, {Title: "Roles", Weight: 2}, {Title: "Alerts", Width: 40, Align: pdf.Right},
			},
			Rows: rows, Notes: notes,
		}))
	}
}

func (d drawing) evidence() {
	var rows [][]pdf.Cell
	var notes [][]pdf.Span
	for _, e := range d.r.Evidence.Rows {
		known := e.Details
		if len(e.Roles) > 0 {
			known = join(" · ", known, "Roles: "+rolesText(e.Roles))
		}
		rows = append(rows, []pdf.Cell{
			{Text: kindTitle(e.Kind)}, {Text: e.Name, Style: pdf.Bold}, verdictCell(e.Verdict), {Text: words(string(e.Remediation))},
			{Text: grouped(e.Alerts)},
		})
		notes = append(notes, quiet(known))
	}
	d.Table(filledColumns(pdf.Table{
		Columns: []pdf.Column{
			{Title: "Type", Width: 60}, {Title: "Name", Weight: 1}, verdictColumn, {Title: "Remediation", Width: 80},
			{Title: "Alerts", Width: 40, Align: pdf.Right},
		},
		Rows: rows, Notes: notes, NoteColumn: 1, Empty: "No evidence.",
	}))
}

func (d drawing) alerts() {
	var rows [][]pdf.Cell
	var notes [][]pdf.Span
	for _, a := range d.r.Alerts {
		rows = append(rows, []pdf.Cell{
			{Text: join("\n", d.stamp(a.First), d.until(a.First, a.Last))}, severityCell(a.Severity), {Text: a.Title, Style: pdf.Bold, Link: a.URL, Order: pdf.Datum},
			{Text: join("\n", a.Category, strings.Join(a.Techniques, ", "))}, {Text: join("\n", shaped(alertStatusMarked(a.Status)), a.Verdict)},
		})
		notes = append(notes, alertNote(a))
	}
	when := d.timeColumn("Activity")
	when.Width += 10 // for the word before the end
	d.Table(pdf.Table{
		Columns: []pdf.Column{when, severityColumn, {Title: "Alert", Weight: 5}, {Title: "Category", Weight: 4}, {Title: "Status", Weight: 3}},
		Rows:    rows, Notes: notes, NoteColumn: 2, Empty: "No alerts.",
	})
}

// alertNote returns who raised a and who has it, and then what it says at length.
func alertNote(a AlertRow) []pdf.Span {
	from := a.Product
	if a.Owner != "" {
		from = join(" · ", from, "Assigned to "+a.Owner)
	}
	if a.Repeats > 0 {
		from = join(" · ", from, "Seen "+count(a.Repeats+1, "time"))
	}
	var note []pdf.Span
	add := func(label, text string, style pdf.Style, order pdf.Order) {
		if text = strings.TrimSpace(text); text == "" {
			return
		}
		if len(note) > 0 {
			label = "\n" + label
		}
		note = append(note, pdf.Span{Text: label, Style: pdf.Bold | pdf.Muted}, pdf.Span{Text: text, Style: style, Order: order})
	}
	add("", unparted(from), pdf.Muted, pdf.Name)
	add("", a.Description, 0, pdf.Prose)
	add("Recommended actions:\n", a.RecommendedActions, 0, pdf.Prose) // by itself, since it may run from right to left
	add("Evidence: ", unparted(strings.Join(byKind(a.Evidence), " · ")), 0, pdf.Name)
	if !safeURL(a.URL) {
		add("Address: ", a.URL, 0, pdf.Name) // no link
	}
	return note
}

// filledColumns returns t without the columns that have nothing in them, but for that of notes.
func filledColumns(t pdf.Table) pdf.Table {
	keep := make([]bool, len(t.Columns))
	keep[t.NoteColumn] = true
	for _, row := range t.Rows {
		for n, c := range row {
			keep[n] = keep[n] || c.Text != ""
		}
	}
	for n := len(keep) - 1; n >= 0; n-- {
		if keep[n] {
			continue
		}
		t.Columns = slices.Delete(t.Columns, n, n+1)
		for k, row := range t.Rows {
			t.Rows[k] = slices.Delete(row, n, n+1)
		}
		if n < t.NoteColumn {
			t.NoteColumn--
		}
	}
	return t
}

// byKind returns evidence in words, each kind once, in order of appearance: "File: a.exe (malicious), b.exe".
func byKind(evidence []AlertEvidence) []string {
	var kinds []alert.Kind
	names := make(map[alert.Kind][]string)
	for _, e := range evidence {
		name := e.Name
		if e.Verdict != alert.NotJudged {
			name += " (" + strings.ToLower(words(string(e.Verdict))) + ")"
		}
		if names[e.Kind] == nil {
			kinds = append(kinds, e.Kind)
		}
		names[e.Kind] = append(names[e.Kind], name)
	}
	texts := make([]string, len(kinds))
	for n, k := range kinds {
		texts[n] = kindTitle(k) + ": " + strings.Join(names[k], ", ")
	}
	return texts
}

// quiet returns a note of what is good to know.
func quiet(text string) []pdf.Span {
	return []pdf.Span{{Text: unparted(text), Style: pdf.Muted, Order: pdf.Name}}
}

// unparted returns text in which no line begins with a dot between two parts, or with a digest whose name is on the line before.
func unparted(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, " · ", "\u00A0· "), "SHA-256 ", "SHA-256\u00A0")
}

// until returns the end of what began at start, if that is another second.
func (d drawing) until(start, end time.Time) string {
	first, last := d.stamp(start), d.stamp(end)
	if last == "" || last == first {
		return ""
	}
	const day = len("2006-01-02 ")
	if first != "" && first[:day] == last[:day] {
		last = last[day:]
	}
	return "to " + last
}

func (d drawing) activity() {
	var rows [][]pdf.Cell
	var notes [][]pdf.Span
	var flows [][]pdf.Block
	seen := gallery{images: d.r.Images, pictures: map[string]picture{}}
	for _, a := range d.deeds() {
		who := a.Who
		if a.Trigger == activity.Automated {
			who = join("\n", who, "automated")
		}
		var flow []pdf.Block
		if isComment(a.ActivityRow) {
			flow = commentFlow(a.Text)
		}
		rows = append(rows, []pdf.Cell{
			{Text: d.stamp(a.Time)}, {Text: who}, {Text: a.Title, Style: pdf.Bold}, {Spans: saidBeside(a.Lines, a.Given)},
		})
		notes = append(notes, redactedNote(a.ActivityRow))
		if !a.Redacted {
			for _, image := range a.Attachments {
				if d.Err() != nil {
					return
				}
				p := seen.picture(image.SHA256)
				flow = append(flow, pdf.Block{Kind: pdf.PictureBlock, Picture: p.paper, Spans: []pdf.Span{{Text: unparted(join(". ", attached(image), d.r.remark(image, p))), Order: pdf.Name}}})
			}
		}
		flows = append(flows, flow)
	}
	d.Table(pdf.Table{
		Columns: []pdf.Column{d.timeColumn("Time"), {Title: "By", Width: 88}, {Title: "Activity", Width: 80}, {Title: "Details"}},
		Rows:    rows, Notes: notes, Flows: flows, NoteColumn: 1, Again: 2, Empty: "No activity.",
	})
}

// saidBeside returns lines of labels and names, and the reasons that people gave below them.
func saidBeside(lines, reasons []string) []pdf.Span {
	spans := []pdf.Span{{Text: strings.Join(lines, "\n"), Order: pdf.Name}}
	for n, text := range reasons {
		label := "Reason: "
		if n > 0 || len(lines) > 0 {
			label = "\n" + label
		}
		spans = append(spans, pdf.Span{Text: label, Order: pdf.Name}, pdf.Span{Text: text, Order: pdf.Datum})
	}
	return spans
}

// redactedNote returns what is left of a text that was redacted.
func redactedNote(a ActivityRow) []pdf.Span {
	text := a.redacted()
	if text == "" {
		return nil
	}
	lines := []string{text}
	for _, image := range a.Attachments {
		lines = append(lines, attached(image))
	}
	return quiet(strings.Join(lines, "\n"))
}

// upkeep reports whether a field is kept up by the library as records come and go.
func upkeep(path string) bool {
	return strings.HasPrefix(path, summaryPath) && path != alertCount || path == "comments"
}

var (
	severityColumn = pdf.Column{Title: "Severity", Width: 72}
	verdictColumn  = pdf.Column{Title: "Verdict", Width: 66}
)

// timeColumn is wide enough for stamp.
func (d drawing) timeColumn(title string) pdf.Column {
	if d.offset != "" {
		return pdf.Column{Title: title + d.offset, Width: 84}
	}
	return pdf.Column{Title: title, Width: 112}
}

func (d drawing) utc() bool { return d.r.TimeZone == "UTC" || d.r.TimeZone == "" }

// stamp returns t as it stands below a header that names the time zone. Only the offset of t has a say in
// it, so that a Report that was read from JSON gives the same text.
func (d drawing) stamp(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case d.utc():
		return t.UTC().Format("2006-01-02 15:04:05")
	case d.offset != "":
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

// zoned returns t as it stands by itself.
func (d drawing) zoned(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case d.utc():
		return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

func severityTone(s alert.Severity) pdf.Tone {
	switch s {
	case alert.High:
		return pdf.High
	case alert.Medium:
		return pdf.Medium
	case alert.Low:
		return pdf.Low
	case alert.Informational:
		return pdf.Informational
	}
	return pdf.Neutral
}

func severityCell(s alert.Severity) pdf.Cell {
	return pdf.Cell{Text: shaped(severityMarked(s)), Tone: severityTone(s)}
}

func verdictCell(v alert.EvidenceVerdict) pdf.Cell {
	c := pdf.Cell{Text: shaped(verdictMarked(v))}
	switch v {
	case alert.Malicious:
		c.Tone = pdf.High
	case alert.Suspicious:
		c.Tone = pdf.Medium
	}
	return c
}

func rolesText(roles []alert.Role) string {
	texts := make([]string, len(roles))
	for i, r := range roles {
		texts[i] = words(string(r))
	}
	return strings.Join(texts, ", ")
}

func kindTitle(k alert.Kind) string {
	switch k {
	case alert.KindIP, alert.KindURL:
		return strings.ToUpper(string(k))
	case alert.KindMessage:
		return "Mail message"
	case alert.KindOAuthApp:
		return "OAuth app"
	}
	return words(string(k))
}

// capped returns the title of a list, and how much of it is shown when that is not all.
func capped(title string, n, total int) string { return join(" · ", title, shown(n, total)) }

func shown(n, total int) string {
	if n == total {
		return ""
	}
	return grouped(n) + " of " + grouped(total) + " shown"
}

func count(n int, noun string) string { return plural(n, noun, noun+"s") }

// join returns a and b with sep between them, or the one that is not empty.
func join(sep, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}
