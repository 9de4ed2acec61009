package export

import (
	"cmp"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// briefAssets is how many assets of a group stand in a report for those who have no time.
const briefAssets = 2

// assets returns a table for each group of assets.
func (c composer) assets() (blocks []doc.Block) {
	var groups [alert.AssetGroups][]Finding
	for _, f := range c.r.Assets {
		if f.Evidence.Entity != nil {
			g := f.Evidence.Entity.Kind().Asset()
			groups[g] = append(groups[g], f)
		}
	}
	if c.brief() {
		return c.fewAssets(groups)
	}
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		t := &doc.Table{Columns: []doc.Column{
			{Title: "Name", Weight: 5}, {Title: "Verdict", Width: doc.Badged}, {Title: "Roles", Weight: 2}, {Title: "Alerts", Width: doc.Narrow, Number: true},
		}}
		for _, f := range groups[g] {
			e := f.Evidence
			if _, named := c.cast.name(e.Entity); !named {
				continue
			}
			row := doc.Row{
				Cells: []doc.Cell{
					{Text: e.Entity.Name(), Style: doc.Bold}, words.Judged(e.Verdict), {Text: words.Roles(e.Roles)}, {Text: words.Grouped(f.Alerts)},
				},
				Note: words.Details(e.Entity, c.device),
			}
			if e.Criticality != 0 {
				row.Note = joined(row.Note, e.Criticality.Title()+" criticality")
			}
			if len(e.Tags) > 0 {
				row.Note = joined(row.Note, "Tags: "+strings.Join(e.Tags, ", "))
			}
			c.dismiss(&row, f)
			t.Rows = append(t.Rows, row)
		}
		if len(t.Rows) > 0 {
			title := words.Join(" · ", g.Title(), words.Shown(len(t.Rows), len(groups[g])))
			blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: title}, filled(t))
		}
	}
	if len(blocks) == 0 {
		blocks = append(blocks, remark("No assets."))
	}
	return blocks
}

// fewAssets returns one table with the first assets of each group, and how many there are.
func (c composer) fewAssets(groups [alert.AssetGroups][]Finding) []doc.Block {
	t := &doc.Table{Empty: "No assets.", Columns: []doc.Column{
		{Title: "Group", Width: doc.Actor}, {Title: "Name", Weight: 5}, {Title: "Verdict", Width: doc.Badged}, {Title: "Roles", Weight: 3}, {Title: "Alerts", Width: doc.Narrow, Number: true},
	}}
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		for n, f := range groups[g][:min(len(groups[g]), briefAssets)] {
			e := f.Evidence
			name, named := c.cast.name(e.Entity)
			if !named {
				continue
			}
			row := doc.Row{Cells: []doc.Cell{
				{}, {Text: name, Style: doc.Bold}, words.Judged(e.Verdict), {Text: words.Roles(e.Roles)}, {Text: words.Grouped(f.Alerts)},
			}, Muted: f.Dismissed}
			if n == 0 {
				row.Cells[0].Text = words.Group(len(groups[g]), g)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return []doc.Block{filled(t)}
}

// dismiss marks the row of what only false positives name. In a report on a false positive all would be marked.
func (c composer) dismiss(row *doc.Row, f Finding) {
	if f.Dismissed {
		if row.Muted = true; !c.dismissed() {
			row.Note = joined(row.Note, "False positive")
		}
	}
}

// joined returns a note with one more part.
func joined(note []doc.Span, text string) []doc.Span {
	if len(note) > 0 {
		text = "\u00A0· " + text
	}
	return append(note, doc.Span{Text: text, Style: doc.Muted})
}

// device returns what a device is called, by its identifier.
func (c composer) device(id string) string {
	name, known := c.cast.devices[id]
	if known && name == "" {
		return "not listed"
	}
	return cmp.Or(name, id)
}

// evidence returns the table of the evidence: a row for each program, with its processes counted, and one for
// each other entity.
func (c composer) evidence() []doc.Block {
	t := &doc.Table{Empty: "No evidence.", Columns: []doc.Column{
		{Title: "Type", Width: doc.Short}, {Title: "Name", Weight: 1}, {Title: "Verdict", Width: doc.Badged}, {Title: "Remediation", Width: doc.Short},
		{Title: "Alerts", Width: doc.Narrow, Number: true},
	}}
	rows := make(map[alert.Key]bool)
	shown := c.r.Evidence[:min(len(c.r.Evidence), c.cast.evidence)]
	for _, f := range shown {
		e := f.Evidence
		if e.Entity == nil || f.Program != "" && rows[f.Program] {
			continue
		}
		rows[f.Key] = true
		row := doc.Row{
			Cells: []doc.Cell{
				{Text: words.Kind(e.Entity.Kind())}, {Text: e.Entity.Name(), Style: doc.Bold}, words.Judged(e.Verdict), {Text: words.Title(string(e.Remediation))},
				{Text: words.Grouped(f.Alerts)},
			},
			Note: words.Details(e.Entity, c.device), NoteFrom: 1,
		}
		if n := f.Processes; n > 1 || n == 1 && e.Entity.Kind() != alert.KindProcess {
			row.Note = joined(row.Note, words.Plural(n, "process", "processes"))
		}
		if len(e.Roles) > 0 {
			row.Note = joined(row.Note, "Roles: "+words.Roles(e.Roles))
		}
		c.dismiss(&row, f)
		t.Rows = append(t.Rows, row)
	}
	blocks := []doc.Block{filled(t)}
	if n := len(c.r.Evidence) - len(shown); n > 0 {
		blocks = append(blocks, remark(words.Plural(n, "more evidence item is", "more evidence items are")+" not shown, the least telling."))
	}
	return blocks
}
