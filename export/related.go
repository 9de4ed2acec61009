package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

const (
	maxAlertGroups = 200 // that a document has
	maxGroupRows   = 20  // alerts of one group
	mainEntities   = 3   // of one alert
)

// A group is alerts of one title.
type group struct {
	alerts    []alert.Alert // in the order of time
	severity  alert.Severity
	dismissed bool // all of them
}

// groups returns the alerts by title, category, product and whether they were dismissed, in the order of
// their first ones.
func (c composer) groups() (list []group) {
	type key struct {
		title, category, product string
		dismissed                bool
	}
	places := make(map[key]int)
	for _, a := range c.r.Alerts {
		k := key{a.Title, a.Category, product(a), Dismissed(c.r.Incident, a)}
		at, ok := places[k]
		if !ok {
			at = len(list)
			places[k] = at
			list = append(list, group{dismissed: k.dismissed})
		}
		list[at].alerts = append(list[at].alerts, a)
		list[at].severity = max(list[at].severity, a.Severity)
	}
	return list
}

// product returns what raised an alert, as people call it.
func product(a alert.Alert) string { return cmp.Or(a.Product, a.Origin.Source) }

// mostTelling returns the groups that a document has, in the order of time: if there are too many, the most severe.
func mostTelling(list []group) []group {
	if len(list) <= maxAlertGroups {
		return list
	}
	order := make([]int, len(list))
	for n := range order {
		order[n] = n
	}
	weight := func(n int) int {
		if list[n].dismissed {
			return -1
		}
		return int(list[n].severity)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight(b), weight(a)) })
	order = order[:maxAlertGroups]
	slices.Sort(order)
	out := make([]group, len(order))
	for n, at := range order {
		out[n] = list[at]
	}
	return out
}

// mainEntities returns the names of the main entities of an alert, assets first, and how many others it names.
func (c composer) mainEntities(a alert.Alert) (names []string, more int) {
	seen := make(map[string]bool)
	for _, assets := range []bool{true, false} {
		for _, v := range a.Evidence {
			if v.Entity == nil || (v.Entity.Kind().Asset() != alert.NotAsset) != assets {
				continue
			}
			name := v.Entity.Name()
			if seen[name] {
				continue // such as a user and the mailbox
			}
			seen[name] = true
			if _, named := c.cast.name(v.Entity); named && len(names) < mainEntities {
				names = append(names, name)
			} else {
				more++
			}
		}
	}
	return names, more
}

// involved returns the main entities of an alert as a list.
func (c composer) involved(a alert.Alert) string {
	names, more := c.mainEntities(a)
	text := strings.Join(names, ", ")
	switch {
	case more > 0 && text == "":
		return words.Plural(more, "entity", "entities")
	case more > 0:
		return text + " and " + words.Grouped(more) + " more"
	}
	return text
}

// common returns a text that all alerts of a group have, "" when they differ.
func common(g group, of func(alert.Alert) string) string {
	text := of(g.alerts[0])
	for _, a := range g.alerts[1:] {
		if of(a) != text {
			return ""
		}
	}
	return text
}

// alerts lists the alerts, those of one title together: what they have in common once, and a row for each.
func (c composer) alerts() []doc.Block {
	all := c.groups()
	list := mostTelling(all)
	t := &doc.Table{Empty: "No alerts.", Columns: []doc.Column{
		{Title: "Activity" + c.offset, Width: doc.Stamp}, {Title: "Severity", Width: doc.Badged}, {Title: "Alert", Weight: 5}, {Title: "Category", Weight: 3}, {Title: "Status", Weight: 3},
	}}
	for _, g := range list {
		t.Rows = append(t.Rows, c.groupRows(g)...)
	}
	blocks := []doc.Block{t}
	if n := len(all) - len(list); n > 0 {
		left := 0
		for _, g := range all {
			left += len(g.alerts)
		}
		for _, g := range list {
			left -= len(g.alerts)
		}
		blocks = append(blocks, remark(fmt.Sprintf("%s in %s not shown, the least severe.", words.Count(left, "more alert"), words.Count(n, "group"))))
	}
	return blocks
}

// groupRows returns the rows of a group: one for a single alert, else one for all and one for each.
func (c composer) groupRows(g group) []doc.Row {
	if len(g.alerts) == 1 {
		return []doc.Row{c.alertRow(g, g.alerts[0])}
	}
	first, last := activityOf(g.alerts)
	a := g.alerts[0]
	head := doc.Row{
		Cells: []doc.Cell{
			{Text: c.during("\n", first, last)}, words.Severity(g.severity),
			{Text: a.Title + " × " + words.Grouped(len(g.alerts)), Style: doc.Bold, Order: doc.Datum},
			{Text: words.Join("\n", alert.CategoryTitle(a.Category), c.techniques(g))}, {Text: statuses(g)},
		},
		Note: []doc.Span{{Text: product(a), Style: doc.Muted}}, NoteFrom: 2, Muted: g.dismissed, Bookmark: a.Title,
	}
	description := common(g, func(a alert.Alert) string { return a.Description })
	head.Flow = prose(description)
	if g.dismissed && !c.dismissed() {
		head.Note = joined(head.Note, "False positives")
	}
	rows := []doc.Row{head}
	for _, a := range g.alerts[:min(len(g.alerts), maxGroupRows)] {
		row := doc.Row{
			Cells: []doc.Cell{
				{Text: c.during("\n", a.FirstActivity, a.LastActivity)}, words.Severity(a.Severity), {Text: c.involved(a), Depth: 1, Link: doc.Link(a.URL)},
				{}, {Text: c.standing(a)},
			},
			NoteFrom: 2, Muted: g.dismissed, Note: c.aside(a, false),
		}
		if row.Cells[2].Text == "" {
			row.Cells[2].Text, row.Cells[2].Style = "No entities", doc.Muted
		}
		if description == "" {
			row.Flow = prose(a.Description)
		}
		rows = append(rows, row)
	}
	if more := len(g.alerts) - maxGroupRows; more > 0 {
		rows = append(rows, doc.Row{Cells: []doc.Cell{{}, {}, {Text: words.Plural(more, "more alert", "more alerts") + " of this title not shown", Style: doc.Muted, Depth: 1}, {}, {}}})
	}
	return rows
}

// alertRow returns the row of a group of one.
func (c composer) alertRow(g group, a alert.Alert) doc.Row {
	row := doc.Row{
		Cells: []doc.Cell{
			{Text: c.during("\n", a.FirstActivity, a.LastActivity)}, words.Severity(a.Severity),
			{Text: a.Title, Style: doc.Bold, Order: doc.Datum, Link: doc.Link(a.URL)},
			{Text: words.Join("\n", alert.CategoryTitle(a.Category), strings.Join(a.Techniques, ", "))}, {Text: c.standing(a)},
		},
		Note: c.aside(a, true), NoteFrom: 2, Flow: prose(a.Description), Muted: g.dismissed, Bookmark: a.Title,
	}
	if text := c.involved(a); text != "" {
		row.Note = append(row.Note, doc.Span{Text: "\n" + text, Style: doc.Muted})
	}
	if g.dismissed && !c.dismissed() {
		row.Note = joined(row.Note, "False positive")
	}
	return row
}

// prose returns what a source wrote as the flow of a row.
func prose(text string) []doc.Block {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return []doc.Block{doc.Prose{Source: text, Lines: true}}
}

// techniques returns the techniques of a group as a list.
func (c composer) techniques(g group) string {
	var all []string
	for _, a := range g.alerts {
		all = appendNew(all, a.Techniques)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// standing returns status and verdict of an alert.
func (c composer) standing(a alert.Alert) string {
	status := words.AlertStatus(a.Status)
	return words.Join("\n", status.Mark.Shape+" "+status.Text, c.verdict(a.Verdict))
}

// statuses returns how many alerts of a group have which status.
func statuses(g group) string {
	var counts [alert.StatusResolved + 1]int
	for _, a := range g.alerts {
		if int(a.Status) < len(counts) {
			counts[a.Status]++
		}
	}
	var lines []string
	for s, n := range counts {
		if n > 0 {
			status := words.AlertStatus(alert.Status(s))
			lines = append(lines, fmt.Sprintf("%s %s %s", status.Mark.Shape, words.Grouped(n), words.Small(status.Text)))
		}
	}
	return strings.Join(lines, "\n")
}

// aside returns what is told beside an alert.
func (c composer) aside(a alert.Alert, from bool) (note []doc.Span) {
	if from && product(a) != "" {
		note = joined(note, product(a))
	}
	if who := words.Owner(a.Owner); who != "" {
		note = joined(note, "Assigned to "+who)
	}
	if a.Repeats > 0 {
		note = joined(note, "Reported "+words.Times(a.Repeats+1))
	}
	if a.URL != "" && !doc.Linkable(a.URL) {
		note = joined(note, "Address "+a.URL)
	}
	return note
}

// timeline lists the groups of alerts without what they say.
func (c composer) timeline() *doc.Table {
	all := c.groups()
	list := mostTelling(all)
	t := &doc.Table{Empty: "No alerts.", Caption: words.Shown(len(list), len(all)), Columns: []doc.Column{
		{Title: "Time" + c.offset, Width: doc.Stamp}, {Title: "Severity", Width: doc.Badged}, {Title: "Alert", Weight: 5}, {Title: "Category", Weight: 2},
	}}
	for _, g := range list {
		first, last := activityOf(g.alerts)
		title, note := g.alerts[0].Title, c.involved(g.alerts[0])
		if n := len(g.alerts); n > 1 {
			title, note = title+" × "+words.Grouped(n), ""
		}
		row := doc.Row{Cells: []doc.Cell{
			{Text: c.during("\n", first, last)}, words.Severity(g.severity), {Text: title, Order: doc.Datum}, {Text: alert.CategoryTitle(g.alerts[0].Category)},
		}, NoteFrom: 2, Muted: g.dismissed}
		if note != "" {
			row.Note = []doc.Span{{Text: note, Style: doc.Muted}}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
