package topdf

import (
	"strings"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
)

// table draws t. The conversion looks at the context as the engine does, since comments and images take their time.
func (d *drawing) table(t *doc.Table) {
	out := pdf.Table{Empty: t.Empty, Caption: t.Caption}
	if len(t.Rows) == 0 {
		d.Table(out)
		return
	}
	for n, c := range t.Columns {
		column := pdf.Column{Title: c.Title, Width: width(t, n), Weight: float64(max(c.Weight, 0))}
		if c.Number {
			column.Align = pdf.Right
		}
		out.Columns = append(out.Columns, column)
	}
	for _, row := range t.Rows {
		var cells []pdf.Cell
		for _, c := range row.Cells {
			if d.watch.Cell() {
				return
			}
			cells = append(cells, d.cell(c, row.Muted))
		}
		var style pdf.Style
		if row.Muted {
			style = pdf.Muted
		}
		note := spans(row.Note, style)
		for n := range note {
			if note[n].Order == pdf.Name {
				note[n].Text = unparted(note[n].Text)
			}
		}
		var flow []pdf.Block
		for _, b := range row.Flow {
			if d.Err() != nil {
				return
			}
			flow = d.flow(flow, b)
		}
		if len(flow) > 0 {
			out.Again = againWithFlows
		}
		out.NoteColumns = append(out.NoteColumns, row.NoteFrom)
		out.Rows, out.Notes, out.Flows = append(out.Rows, cells), append(out.Notes, note), append(out.Flows, flow)
		out.Bookmarks = append(out.Bookmarks, row.Bookmark)
	}
	d.Table(out)
}

// againWithFlows is how many columns are said again where a row with long texts goes on on a new page: when, and who.
const againWithFlows = 2

// width returns how wide column n of t is, in points, 0 for one that takes what the others leave.
func width(t *doc.Table, n int) float64 {
	c := t.Columns[n]
	// fitting is wide enough for the longest line of a column, as far as that is between least and most.
	fitting := func(each, least, most float64) float64 {
		longest := 0
		for _, row := range t.Rows {
			if n < len(row.Cells) {
				for line := range strings.Lines(row.Cells[n].Text) {
					longest = max(longest, utf8.RuneCountInString(line))
				}
			}
		}
		return min(max(least, each*float64(longest)), most)
	}
	switch c.Width {
	case doc.Narrow:
		return 40
	case doc.Stamp:
		return fitting(84.0/19, 84, 122) // "2006-01-02 15:04:05"
	case doc.Badged:
		return 72
	case doc.Short:
		return fitting(4.4, 52, 84)
	case doc.Actor:
		return 84
	}
	return 0
}

// cell returns c as a cell; muted for one of a row that was dismissed.
func (d *drawing) cell(c doc.Cell, muted bool) pdf.Cell {
	var add pdf.Style
	mark := tone(c.Mark.Tone)
	if muted {
		add = pdf.Muted
		if mark = pdf.Plain; c.Mark.Badge {
			mark = pdf.Neutral
		}
	}
	shape := c.Mark.Shape
	if shape != "" {
		shape += "\u00A0"
	}
	switch {
	case c.Spans == nil && c.Text == "":
		return pdf.Cell{Depth: c.Depth}
	case c.Mark.Badge && c.Spans == nil && mark != pdf.Plain:
		return pdf.Cell{Text: shape + c.Text, Tone: mark, Link: c.Link, Order: order(c.Order), Depth: c.Depth}
	}
	said := c.Spans
	if said == nil {
		said = []doc.Span{{Text: c.Text, Style: c.Style, Order: c.Order, Link: c.Link}}
	}
	out := spans(said, add)
	if shape != "" {
		out = append([]pdf.Span{{Text: shape, Style: pdf.Bold | add, Order: pdf.Name, Tone: mark}}, out...)
	}
	return pdf.Cell{Spans: out, Depth: c.Depth}
}

func (d *drawing) pairs(list []doc.Pair) []pdf.KeyValue {
	out := make([]pdf.KeyValue, len(list))
	for n, p := range list {
		out[n] = pdf.KeyValue{Label: p.Label, Value: d.cell(p.Value, false)}
	}
	return out
}

// spans returns list as spans that are also of a style.
func spans(list []doc.Span, add pdf.Style) []pdf.Span {
	var out []pdf.Span
	for _, s := range list {
		out = append(out, pdf.Span{Text: s.Text, Style: style(s.Style) | add, Order: order(s.Order), Link: s.Link})
	}
	return out
}

func style(s doc.Style) (out pdf.Style) {
	if s&doc.Bold != 0 {
		out |= pdf.Bold
	}
	if s&doc.Muted != 0 {
		out |= pdf.Muted
	}
	if s&doc.Code != 0 {
		out |= pdf.Mono
	}
	return out
}

func order(o doc.Order) pdf.Order {
	switch o {
	case doc.Datum:
		return pdf.Datum
	case doc.Said:
		return pdf.Prose
	}
	return pdf.Name
}

func tone(t doc.Tone) pdf.Tone {
	switch t {
	case doc.Plain:
		return pdf.Plain
	case doc.Accent:
		return pdf.Accent
	case doc.High:
		return pdf.High
	case doc.Medium:
		return pdf.Medium
	case doc.Low:
		return pdf.Low
	case doc.Informational:
		return pdf.Informational
	}
	return pdf.Neutral
}
