package export

import (
	"strings"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// What an executive report has at most, so that four pages hold it: code points of a text, lines of what
// somebody wrote, rows of a table and nodes of a column.
const (
	briefName  = 90
	briefText  = 330
	briefProse = 1600
	briefLines = 24
	briefRows  = 20
	briefNodes = 12
)

// clipped returns the beginning of a text, in one line.
func clipped(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// shortened returns d with its texts and tables cut to what four pages hold. The technical report has all of it.
func shortened(d doc.Document) doc.Document {
	d.Title = clipped(d.Title, 2*briefName)
	for n := range d.Cover.Facts {
		for k := range d.Cover.Facts[n] {
			f := &d.Cover.Facts[n][k]
			f.Value, f.Note = clipped(f.Value, briefName/2), clipped(f.Note, briefName)
		}
	}
	for n := range d.Cover.States {
		d.Cover.States[n].Word = clipped(d.Cover.States[n].Word, briefName/2)
	}
	for n := range d.Cover.Glance {
		d.Cover.Glance[n].Value.Text = clipped(d.Cover.Glance[n].Value.Text, briefText)
	}
	for n := range d.Cover.Tags {
		d.Cover.Tags[n] = clipped(d.Cover.Tags[n], briefName/4)
	}
	for n := range d.Cover.Notice {
		for k, line := range d.Cover.Notice[n].Lines {
			d.Cover.Notice[n].Lines[k] = clipped(line, briefText)
		}
	}
	for n, s := range d.Sections {
		for k, b := range s.Blocks {
			switch b := b.(type) {
			case doc.Heading:
				b.Text = clipped(b.Text, briefName)
				s.Blocks[k] = b
			case doc.Text:
				for m := range b {
					b[m].Text = clipped(b[m].Text, 2*briefText)
				}
			case doc.Prose:
				lines := strings.Split(inShort(b.Source, briefProse), "\n")
				b.Source = strings.Join(lines[:min(len(lines), briefLines)], "\n")
				s.Blocks[k] = b
			case doc.Pairs:
				for m := range b.List {
					b.List[m].Value.Text = clipped(b.List[m].Value.Text, briefText)
				}
			case *doc.Table:
				b.Rows = b.Rows[:min(len(b.Rows), briefRows)]
				for _, row := range b.Rows {
					for m := range row.Cells {
						row.Cells[m].Text = clipped(row.Cells[m].Text, briefName)
					}
					for m := range row.Note {
						row.Note[m].Text = clipped(row.Note[m].Text, briefName)
					}
				}
			case doc.Graph:
				b.Figure = fewer(b.Figure)
				s.Blocks[k] = b
			}
		}
		d.Sections[n] = s
	}
	return d
}

// fewer returns g with the first nodes of each column.
func fewer(g figure.Graph) figure.Graph {
	for n := range g.Columns {
		c := &g.Columns[n]
		c.Nodes = c.Nodes[:min(len(c.Nodes), briefNodes)]
	}
	return g
}
