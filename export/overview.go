package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// overview says what happened and how it ended, in the words of others as far as there are any, what is
// recommended, and the facts.
func (c composer) overview() (blocks []doc.Block) {
	i := c.r.Incident
	if text := strings.TrimSpace(i.Description); text != "" {
		blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: "Description"}, doc.Prose{Source: text, Lines: true})
	}
	if i.Status == incident.Resolved {
		pairs := []doc.Pair{{Label: "Resolved", Value: doc.Cell{Text: cmp.Or(c.zoned(i.Resolved), "Not reported")}}}
		if by := c.resolvedBy(); by != "" {
			pairs = append(pairs, doc.Pair{Label: "By", Value: doc.Cell{Text: by}})
		}
		pairs = append(pairs, doc.Pair{Label: "Classification", Value: doc.Cell{Text: cmp.Or(c.verdict(i.Verdict), "Not set")}})
		blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: "Resolution"}, doc.Pairs{List: pairs, PerRow: 1})
		if text := strings.TrimSpace(i.Note); text != "" {
			blocks = append(blocks, doc.Prose{Source: text, Lines: true})
		} else {
			blocks = append(blocks, remark("No resolution note."))
		}
	}
	blocks = append(blocks, c.recommended()...)
	blocks = append(blocks, c.merges()...)
	return append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: "All facts"}, doc.Pairs{List: c.facts(), PerRow: 2})
}

// facts returns the facts of the incident.
func (c composer) facts() (list []doc.Pair) {
	i := c.r.Incident
	add := func(label, value string) {
		if value != "" {
			list = append(list, doc.Pair{Label: label, Value: doc.Cell{Text: value}})
		}
	}
	if i.Number != 0 {
		add("Number", strconv.FormatInt(i.Number, 10))
	}
	add("Identifier", string(i.ID))
	status := i.Status.Title()
	if to := cmp.Or(c.r.whereTo(), string(i.RedirectTo)); to != "" {
		status += " to " + to
	}
	add("Status", status)
	severity := words.Title(i.Severity.String())
	if i.SeverityOverridden {
		severity += " (set manually)"
	}
	add("Severity", severity)
	add("Priority", fmt.Sprintf("%d of %d", i.Priority, incident.MaxPriority))
	add("Assigned to", cmp.Or(words.Owner(i.Owner), "Unassigned"))
	add("Classification", cmp.Or(c.verdict(i.Verdict), "Not set"))
	add("Created", c.zoned(i.Created))
	add("Last update", c.zoned(i.Updated))
	add("First activity", cmp.Or(c.zoned(i.Alerts.FirstActivity), "Not reported"))
	add("Last activity", cmp.Or(c.zoned(i.Alerts.LastActivity), "Not reported"))
	add("Alerts", words.Grouped(i.Alerts.Count))
	add(c.assetsFact().Label, c.assetsFact().Note)
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
		list = append(list, doc.Pair{Label: "Also in " + ref.System, Value: linked(ref.ID, ref.URL)})
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

// linked returns text as a link to address. Where that is no link to follow, text has it in words.
func linked(text, address string) doc.Cell {
	switch {
	case doc.Linkable(address):
		return doc.Cell{Text: cmp.Or(text, address), Link: words.Visible(address)}
	case address != "" && text != "" && text != address:
		return doc.Cell{Text: text + " (" + address + ")"}
	}
	return doc.Cell{Text: cmp.Or(text, address)}
}

// An advice is what alerts recommend in the same words.
type advice struct {
	text     string
	severity alert.Severity // the highest of the alerts'
	alerts   int
}

// recommendations returns what the alerts recommend that were no false positives, each text once, that of the
// most severe first.
func (c composer) recommendations() (list []advice) {
	places := make(map[string]int)
	for _, a := range c.r.Alerts {
		text := strings.TrimSpace(a.RecommendedActions)
		if text == "" || Dismissed(c.r.Incident, a) {
			continue
		}
		key := strings.Join(strings.Fields(text), " ")
		at, ok := places[key]
		if !ok {
			at = len(list)
			places[key] = at
			list = append(list, advice{text: text})
		}
		list[at].alerts++
		list[at].severity = max(list[at].severity, a.Severity)
	}
	slices.SortStableFunc(list, func(a, b advice) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.alerts, a.alerts))
	})
	return list
}

const (
	maxRecommendations      = 50 // that a document has
	maxBriefRecommendations = 3
)

// recommended lists what the alerts recommend.
func (c composer) recommended() []doc.Block {
	list := c.recommendations()
	if len(list) == 0 {
		return nil
	}
	most := maxRecommendations
	if c.brief() {
		most = maxBriefRecommendations
	}
	shown := list[:min(len(list), most)]
	t := &doc.Table{Columns: []doc.Column{{Title: "Severity", Width: doc.Badged}, {Title: "Recommended by the alerts"}, {Title: "Alerts", Width: doc.Narrow, Number: true}}}
	for _, a := range shown {
		plain := commonmark.Plain(a.text)
		row := doc.Row{Cells: []doc.Cell{words.Severity(a.severity), {Text: plain, Order: doc.Said}, {Text: words.Grouped(a.alerts)}}, NoteFrom: 1}
		switch {
		case c.brief():
			row.Cells[1].Text = inShort(plain, glanceLength/2)
		case plain != a.text || strings.Contains(plain, "\n"):
			row.Cells[1].Text = ""
			row.Flow = []doc.Block{doc.Prose{Source: a.text, Lines: true}}
		}
		t.Rows = append(t.Rows, row)
	}
	title := words.Join(" · ", "Recommended actions", words.Shown(len(shown), len(list)))
	return []doc.Block{doc.Heading{Level: 2, Bookmark: true, Text: title}, t}
}

// merges are the tables that say what was merged, none where nothing was.
func (c composer) merges() (blocks []doc.Block) {
	for _, x := range []struct {
		title string
		rows  []MergedRow
		way   string
	}{{"Merged into this incident", c.r.MergedFrom, "into "}, {"Where this incident went", c.r.MergedInto, "from "}} {
		if len(x.rows) == 0 {
			continue
		}
		numbers := make(map[incident.ID]int64)
		for _, row := range x.rows {
			numbers[row.ID] = row.Number
		}
		t := &doc.Table{Columns: []doc.Column{
			{Title: "Number", Width: doc.Narrow, Number: true}, {Title: "Name", Weight: 4}, {Title: "Identifier", Weight: 3},
			{Title: "Merged" + c.offset, Width: doc.Stamp}, {Title: "By", Weight: 3},
		}}
		for _, row := range x.rows {
			number, when, who := "", c.stamp(row.Time), ""
			if row.Number != 0 {
				number = strconv.FormatInt(row.Number, 10)
			}
			if row.Via != "" {
				when = words.Join(", ", when, x.way+numbered(row.Via, numbers[row.Via]))
			}
			if row.By.ID != "" || row.By.Name != "" {
				who = words.Actor(row.By)
			}
			t.Rows = append(t.Rows, doc.Row{Cells: []doc.Cell{{Text: number}, {Text: row.Name, Order: doc.Datum}, {Text: string(row.ID)}, {Text: when}, {Text: who}}})
		}
		blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: x.title}, t)
	}
	return blocks
}

// whole returns everything that names the incident of row.
func (row MergedRow) whole() string {
	text := numbered(row.ID, row.Number)
	if row.Name != "" {
		text += " (" + row.Name + ")"
	}
	return text
}

// whereTo says where the incident of the report went, "" when it is still there.
func (r Report) whereTo() string {
	var steps []string
	for _, row := range r.MergedInto {
		steps = append(steps, row.whole())
	}
	return strings.Join(steps, ", and that into ")
}
