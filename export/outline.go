package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// An outline is a report as HTML and Markdown say it: what stands where, in words, before anything is escaped.
type outline struct {
	Label, Title string
	Badges       []cell
	About        string // when it was generated, and where its times are
	Parts        []part
}

type part struct {
	ID, Title string
	Blocks    []block
}

// A block is one of its fields; Heading may stand before another.
type block struct {
	Heading string
	Text    string // with line feeds
	Remark  string // of the report itself
	Pairs   []pair
	Figure  *drawn // which HTML has; tables say the same
	Table   *table
	Entries []entry
}

type pair struct {
	Label string
	Value cell
}

// A cell is a text that may be marked by a word and a shape, or be a link.
type cell struct {
	Text  string
	Mark  mark
	Link  string // http, https or mailto
	Prose bool   // what people wrote, and no name: it goes in the direction of its first letter
}

// A mark is a level as a shape, so that it can be told without colour. Name is that of its colour.
type mark struct{ Shape, Name string }

type column struct {
	Title  string
	Number bool
}

type table struct {
	Caption string
	Columns []column
	Rows    [][]cell
}

// An entry is an alert or a line of the log.
type entry struct {
	Title    cell
	Heading  bool // Title is a heading
	Lead     []cell
	Pairs    []pair
	Lines    []string
	Texts    []pair // at length, with line feeds
	Comment  string // Markdown
	Exhibits []exhibit
}

// outlined returns r in the order of its sections.
func outlined(r Report) outline {
	i := r.Incident
	d := drawing{r: r, offset: offset(r)}
	o := outline{Label: label(i), Title: cmp.Or(i.Name, "Without a name"), About: "Times are in " + zone(r) + "."}
	if when := d.zoned(r.Generated); when != "" {
		o.About = "Generated " + when + ". " + o.About
	}
	if !r.Hidden.IsZero() {
		o.About += " " + r.Hidden.said()
	}
	severity := severityMarked(i.Severity)
	severity.Text += " severity"
	o.Badges = []cell{severity, statusMarked(i.Status)}
	if !i.Verdict.IsZero() {
		o.Badges = append(o.Badges, classified(i.Verdict, r.Verdict))
	}
	for _, t := range i.Tags {
		o.Badges = append(o.Badges, cell{Text: t.Name})
	}
	for _, s := range r.Sections {
		p := part{ID: s.String(), Title: d.title(s)}
		switch s {
		case Overview:
			p.Blocks = d.overviewBlocks()
		case IncidentSummary:
			p.Blocks = proseBlocks(r.IncidentSummary, r.SummaryBy)
		case IncidentReport:
			p.Blocks = proseBlocks(r.IncidentReport, ByModel)
		case AttackStory:
			p.Blocks = d.storyBlocks()
		case Assets:
			p.Blocks = assetBlocks(r.Assets)
		case Evidence:
			p.Blocks = evidenceBlocks(r.Evidence)
		case Alerts:
			p.Blocks = d.alertBlocks()
		case Activity:
			p.Blocks = d.activityBlocks()
		default:
			continue
		}
		o.Parts = append(o.Parts, p)
	}
	return o
}

// title returns what documents call a section, "" for a value that is none.
func (d drawing) title(s Section) string {
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
		return capped("Evidence", d.r.Evidence.Shown, d.r.Evidence.Total)
	case Alerts:
		return "Related alerts"
	case Activity:
		return "Activity log"
	}
	return ""
}

func (d drawing) overviewBlocks() []block {
	var facts []pair
	for _, f := range d.r.Facts {
		facts = append(facts, pair{f.Label, linked(f.Value, f.URL)})
	}
	blocks := append([]block{{Pairs: facts}}, d.mergedBlocks()...)
	i := d.r.Incident
	if i.Description != "" {
		blocks = append(blocks, block{Heading: "Description", Text: i.Description})
	}
	if i.Status == incident.Resolved {
		resolved := []pair{{"Classification", cell{Text: d.r.Verdict}}}
		if when := d.zoned(i.Resolved); when != "" {
			resolved = append([]pair{{"Resolved", cell{Text: when}}}, resolved...)
		}
		blocks = append(blocks, block{Heading: "Resolution", Pairs: resolved}, block{Text: i.Note})
	}
	return blocks
}

func proseBlocks(text string, by Author) []block {
	switch {
	case strings.TrimSpace(text) == "":
		return []block{{Remark: "None was written."}}
	case by == ByRule:
		return []block{{Text: text}, {Remark: "Put together by rule from the records of this incident."}}
	case by == ByModel:
		return []block{{Text: text}, {Remark: "Written by a model. Check it against the records below."}}
	}
	return []block{{Text: text}}
}

// graphTable returns the graph as a table, nil where there is nothing to join. Numbers stand for nodes.
func graphTable(g Graph) *table {
	joined := make([][]int, len(g.Nodes))
	for _, e := range g.Edges {
		if e.From >= 0 && e.To >= 0 && e.From < len(g.Nodes) && e.To < len(g.Nodes) {
			joined[e.From] = append(joined[e.From], g.Nodes[e.To].Number)
			joined[e.To] = append(joined[e.To], g.Nodes[e.From].Number)
		}
	}
	t := &table{Caption: "What alerts name together, in the order of time", Columns: []column{
		{Title: "Number", Number: true}, {Title: "Name"}, {Title: "Type"}, {Title: "Verdict"}, {Title: "Together with the numbers"},
	}}
	order := make([]int, len(g.Nodes))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(g.Nodes[a].Number, g.Nodes[b].Number) })
	for _, n := range order {
		node := g.Nodes[n]
		slices.Sort(joined[n])
		numbers := make([]string, len(joined[n]))
		for k, number := range joined[n] {
			numbers[k] = strconv.Itoa(number)
		}
		name := node.Name
		if node.Count > 1 {
			name += fmt.Sprintf(" and %d more", node.Count-1)
		}
		t.Rows = append(t.Rows, []cell{{Text: strconv.Itoa(node.Number)}, {Text: name}, {Text: kindTitle(node.Kind)}, verdictMarked(node.Verdict), {Text: strings.Join(numbers, ", ")}})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func (d drawing) storyBlocks() []block {
	var blocks []block
	graph, lanes := d.storyPictures()
	if t := graphTable(d.r.Graph); t != nil {
		blocks = append(blocks, block{Heading: graphTitle, Figure: graph, Table: t})
	}
	if len(d.r.Threats) > 0 {
		t := &table{Caption: "Tactics of MITRE ATT&CK in their order, then other categories", Columns: []column{
			{Title: "Category"}, {Title: "Severity"}, {Title: "MITRE ATT&CK techniques"}, {Title: "Alerts", Number: true},
		}}
		for _, x := range d.r.Threats {
			t.Rows = append(t.Rows, []cell{
				{Text: x.Title}, severityMarked(x.Severity), {Text: strings.Join(x.Techniques, ", ")}, {Text: grouped(x.Alerts)},
			})
		}
		blocks = append(blocks, block{Heading: lanesTitle, Figure: lanes, Table: t})
	}
	if len(d.r.Story) == 0 {
		return append(blocks, block{Heading: "Timeline", Remark: "No alerts."})
	}
	list, remark := d.timeline()
	t := &table{Caption: count(len(d.r.Story), "alert") + ", oldest first", Columns: []column{
		{Title: d.timeTitle("Time")}, {Title: "Severity"}, {Title: "Alert"}, {Title: "Main entities"}, {Title: "Category"},
	}}
	for _, s := range list {
		t.Rows = append(t.Rows, []cell{{Text: strings.ReplaceAll(d.when(s), "\n", " ")}, severityMarked(s.Severity), {Text: s.Title, Prose: true}, {Text: s.Names}, {Text: s.Category}})
	}
	return append(blocks, block{Heading: "Timeline", Remark: remark, Table: t})
}

func assetBlocks(lists []AssetList) []block {
	if len(lists) == 0 {
		return []block{{Remark: "No assets."}}
	}
	var blocks []block
	for _, l := range lists {
		t := &table{Caption: assetCount(l.Total, l.Title) + ", the worst first", Columns: []column{
			{Title: "Name"}, {Title: "Verdict"}, {Title: "Roles"}, {Title: "Tags"}, {Title: "Details"}, {Title: "Alerts", Number: true},
		}}
		for _, a := range l.Rows {
			t.Rows = append(t.Rows, []cell{
				{Text: a.Name}, verdictMarked(a.Verdict), {Text: rolesText(a.Roles)}, {Text: strings.Join(a.Tags, ", ")}, {Text: a.Details},
				{Text: grouped(a.Alerts)},
			})
		}
		blocks = append(blocks, block{Heading: capped(l.Title, l.Shown, l.Total), Table: t.filled()})
	}
	return blocks
}

func evidenceBlocks(l EvidenceList) []block {
	if len(l.Rows) == 0 {
		return []block{{Remark: "No evidence."}}
	}
	t := &table{Caption: plural(l.Total, "entity", "entities") + ", the worst first", Columns: []column{
		{Title: "Type"}, {Title: "Name"}, {Title: "Verdict"}, {Title: "Remediation"}, {Title: "Roles"}, {Title: "Details"}, {Title: "Alerts", Number: true},
	}}
	for _, e := range l.Rows {
		t.Rows = append(t.Rows, []cell{
			{Text: kindTitle(e.Kind)}, {Text: e.Name}, verdictMarked(e.Verdict), {Text: words(string(e.Remediation))}, {Text: rolesText(e.Roles)},
			{Text: e.Details}, {Text: grouped(e.Alerts)},
		})
	}
	return []block{{Table: t.filled()}}
}

func (d drawing) alertBlocks() []block {
	if len(d.r.Alerts) == 0 {
		return []block{{Remark: "No alerts."}}
	}
	var list []entry
	for _, a := range d.r.Alerts {
		e := entry{Title: linked(a.Title, a.URL), Heading: true, Lead: []cell{severityMarked(a.Severity), alertStatusMarked(a.Status)}}
		e.Title.Prose = true
		add := func(label, value string) {
			if value != "" {
				e.Pairs = append(e.Pairs, pair{label, cell{Text: value}})
			}
		}
		add(d.timeTitle("Activity"), join(" ", d.stamp(a.First), d.until(a.First, a.Last)))
		add("Category", a.Category)
		add("Techniques", strings.Join(a.Techniques, ", "))
		add("Product", a.Product)
		add("Classification", a.Verdict)
		add("Assigned to", a.Owner)
		if a.Repeats > 0 {
			add("Seen", count(a.Repeats+1, "time"))
		}
		if e.Title.Link == "" {
			add("Address", a.URL)
		}
		for _, t := range []pair{{"Description", cell{Text: a.Description}}, {"Recommended actions", cell{Text: a.RecommendedActions}},
			{"Evidence", cell{Text: strings.Join(byKind(a.Evidence), "\n")}}} {
			if strings.TrimSpace(t.Value.Text) != "" {
				e.Texts = append(e.Texts, t)
			}
		}
		list = append(list, e)
	}
	return []block{{Entries: list}}
}

func (d drawing) activityBlocks() []block {
	if len(d.r.Activity) == 0 {
		return []block{{Remark: "No activity."}}
	}
	var list []entry
	for _, a := range d.deeds() {
		e := entry{Title: cell{Text: a.Title}, Lead: []cell{{Text: d.stamp(a.Time)}, {Text: a.Who}}, Lines: a.Lines}
		if a.Trigger == activity.Automated {
			e.Lead = append(e.Lead, cell{Text: "automated"})
		}
		for _, text := range a.Given {
			e.Lines = append(e.Lines, "Reason: "+text)
		}
		if text := a.redacted(); text != "" {
			e.Lines = append(e.Lines, text)
		}
		if isComment(a.ActivityRow) {
			e.Comment = a.Text
		}
		for _, image := range a.Attachments {
			e.Exhibits = append(e.Exhibits, exhibit{Caption: attached(image), attachment: image, redacted: a.Redacted})
		}
		list = append(list, e)
	}
	blocks := []block{{Entries: list}}
	if d.offset != "" {
		where := strings.Trim(d.offset, " ()")
		blocks = slices.Insert(blocks, 0, block{Remark: "Times are in UTC" + strings.TrimPrefix(where, "UTC") + "."})
	}
	return blocks
}

func (d drawing) timeTitle(title string) string { return title + d.offset }

// filled returns t without the columns that have nothing in them.
func (t *table) filled() *table {
	for n := len(t.Columns) - 1; n > 0; n-- {
		if slices.ContainsFunc(t.Rows, func(row []cell) bool { return row[n].Text != "" }) {
			continue
		}
		t.Columns = slices.Delete(t.Columns, n, n+1)
		for k, row := range t.Rows {
			t.Rows[k] = slices.Delete(row, n, n+1)
		}
	}
	return t
}

// linked returns text as a link to address. Where that is no link to follow, text has it in words.
func linked(text, address string) cell {
	switch {
	case safeURL(address):
		return cell{Text: cmp.Or(text, address), Link: visible(address)}
	case address != "" && text != "" && text != address:
		return cell{Text: text + " (" + address + ")"}
	}
	return cell{Text: cmp.Or(text, address)}
}

// safeURL reports whether a reader may be led to address: a web page or somebody's mail program.
func safeURL(address string) bool { return pdf.Linkable(address) }

func severityMarked(s alert.Severity) cell {
	c := cell{Text: words(s.String())}
	switch s {
	case alert.High:
		c.Mark = mark{"▲", "high"}
	case alert.Medium:
		c.Mark = mark{"◆", "medium"}
	case alert.Low:
		c.Mark = mark{"▼", "low"}
	case alert.Informational:
		c.Mark = mark{"○", "info"}
	default:
		c.Mark = mark{"–", "none"}
	}
	return c
}

func verdictMarked(v alert.EvidenceVerdict) cell {
	c := cell{Text: words(string(v))}
	switch v {
	case alert.Malicious:
		c.Mark = mark{"▲", "high"}
	case alert.Suspicious:
		c.Mark = mark{"◆", "medium"}
	case alert.NoThreatsFound:
		c.Mark = mark{"✓", "info"}
	}
	return c
}

// visible returns s as a text can show it: line ends are line feeds, and characters that nobody sees but that
// end, hide, part or turn around what others see are marks such as "[U+202E]", see [glyph.Marked].
func visible(s string) string {
	clean := utf8.ValidString(s)
	for i := 0; clean && i < len(s); i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f || s[i] == '\n'
	}
	if clean {
		return s
	}
	s = strings.ReplaceAll(glyph.Marked(s), "\r\n", "\n")
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\r':
			b.WriteByte('\n')
		case r < ' ' && r != '\n' && r != '\t', 0x7f <= r && r <= 0x9f, // controls
			r == '\u2028', r == '\u2029', // ends of lines and paragraphs
			r&0xfffe == 0xfffe, 0xfdd0 <= r && r <= 0xfdef: // noncharacters
			fmt.Fprintf(&b, "[U+%04X]", r)
		default:
			b.WriteRune(r) // U+FFFD for a byte that is none
		}
	}
	return b.String()
}

// redacted returns what stands in place of a redacted text of a. It is "" when the lines about fields show it already.
func (a ActivityRow) redacted() string {
	switch {
	case !a.Redacted:
		return ""
	case a.What == activity.Commented.Title():
		return "[Comment redacted]"
	case slices.ContainsFunc(a.Changes, func(c ChangeRow) bool { return c.Redacted && !upkeep(c.Path) }):
		return ""
	}
	return "[Text redacted]"
}

// isComment reports whether the Text of a is Markdown.
func isComment(a ActivityRow) bool { return a.What == activity.Commented.Title() && !a.Redacted }
