// Package tomarkdown draws a document as Markdown: CommonMark with the tables of GitHub. Tables say what
// pictures show.
package tomarkdown

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// Write draws d and writes it to w. Nothing is written when ctx is done, which is looked at for every block and every
// 500 cells.
func Write(ctx context.Context, w io.Writer, d doc.Document) error {
	m := &markdown{Watch: doc.NewWatch(ctx)}
	m.document(d)
	if err := m.Err(); err != nil {
		return err
	}
	_, err := m.out.WriteTo(w)
	return err
}

// markdown is a document on its way. All that it says goes through text, which escapes it.
type markdown struct {
	*doc.Watch
	out bytes.Buffer

	level int // of the last heading
}

func (m *markdown) line(texts ...string) {
	for _, t := range texts {
		m.out.WriteString(t)
	}
	m.out.WriteByte('\n')
}

// paragraph writes texts as a paragraph, nothing if there is nothing in them.
func (m *markdown) paragraph(texts ...string) {
	if text := strings.Join(texts, ""); text != "" {
		m.line(text)
		m.line()
	}
}

// remark writes what the document says of itself.
func (m *markdown) remark(s string) {
	if s != "" {
		m.paragraph("*", text(s), "*")
	}
}

func (m *markdown) document(d doc.Document) {
	if d.Marking.Label != "" {
		m.paragraph(words.Join(" ", strong(d.Marking.Label), text(d.Marking.Text)))
	}
	m.paragraph(text(words.Join(" · ", d.Brand.Organisation, d.Brand.Header)))
	m.paragraph("# ", text(words.Join(": ", d.Label, d.Title)))
	m.cover(d.Cover)
	m.remark(d.About)
	for _, s := range d.Sections {
		m.paragraph("## ", text(s.Title))
		m.level = 2
		m.blocks("", s.Blocks)
	}
	if len(d.Files) > 0 {
		m.paragraph("## Files")
		for _, f := range d.Files {
			m.line("- ", words.Join(": ", text(f.Name), text(f.Description)))
		}
		m.line()
	}
	m.remark(d.Brand.Footer)
}

func (m *markdown) cover(c doc.Cover) {
	var states []string
	for _, s := range c.States {
		states = append(states, labelled(s.Label, words.Join(" ", text(s.Mark.Shape), text(s.Word))))
	}
	m.paragraph(strings.Join(states, " · "))
	facts := false
	for _, row := range c.Facts {
		for _, f := range row {
			facts = true
			m.line("- ", labelled(f.Label, words.Join(" · ", text(f.Value), text(f.Note))))
		}
	}
	if facts {
		m.line()
	}
	m.pairs("", c.Glance)
	var tags []string
	for _, t := range c.Tags {
		tags = append(tags, text(t))
	}
	m.paragraph(strings.Join(tags, ", "))
	for _, n := range c.Notice {
		m.notice("", n)
	}
	m.remark(c.Remark)
}

// blocks writes blocks whose lines begin with prefix.
func (m *markdown) blocks(prefix string, list []doc.Block) {
	for _, b := range list {
		if m.Err() != nil {
			return
		}
		switch b := b.(type) {
		case doc.Heading:
			m.level = min(max(b.Level, 2)+1, m.level+1, 4)
			m.paragraph(strings.Repeat("#", m.level), " ", text(b.Text))
		case doc.Text:
			m.lines(prefix, prefix, m.spans(b))
			m.line(strings.TrimRight(prefix, " "))
		case doc.Prose:
			quote := prefix
			if prefix != "" {
				quote += "> "
			}
			m.lines(quote, quote, broken(b.Source))
			m.line(strings.TrimRight(prefix, " "))
		case doc.Notice:
			m.notice(prefix, b)
		case doc.Pairs:
			m.pairs(prefix, b.List)
		case *doc.Table:
			m.table(*b)
		case doc.Picture:
			m.line(prefix, "- ", text(b.Caption))
			m.line(strings.TrimRight(prefix, " "))
		}
	}
}

// lines writes lines of a paragraph or several, which are escaped, behind a prefix that may be another one for the
// first.
func (m *markdown) lines(first, prefix string, list []string) {
	for n, l := range list {
		end := ""
		if n+1 < len(list) && l != "" && list[n+1] != "" {
			end = "  " // a line break
		}
		if n == 0 {
			l = first + l
		} else {
			l = prefix + l
		}
		m.line(strings.TrimRight(l, " ") + end)
	}
}

// broken returns the lines of a text, with those that only have blanks empty.
func broken(s string) []string {
	list := strings.Split(strings.Trim(words.Visible(s), "\n"), "\n")
	for n, l := range list {
		if strings.TrimSpace(l) == "" {
			list[n] = ""
		} else {
			list[n] = text(l)
		}
	}
	return list
}

// notice writes a title and lines, quoted.
func (m *markdown) notice(prefix string, n doc.Notice) {
	var list []string
	if n.Title != "" {
		list = append(list, strong(n.Title))
	}
	for _, l := range n.Lines {
		list = append(list, broken(l)...)
	}
	m.lines(prefix+"> ", prefix+"> ", list)
	m.line(strings.TrimRight(prefix, " "))
}

func (m *markdown) pairs(prefix string, list []doc.Pair) {
	for _, p := range list {
		m.line(prefix, "- ", labelled(p.Label, m.cell(p.Value)))
	}
	if len(list) > 0 {
		m.line(strings.TrimRight(prefix, " "))
	}
}

// table writes rows as a table. Rows below which more is said are the items of a list instead.
func (m *markdown) table(t doc.Table) {
	m.paragraph(text(t.Caption))
	if len(t.Rows) == 0 || len(t.Columns) == 0 {
		m.remark(t.Empty)
		return
	}
	if slices.ContainsFunc(t.Rows, func(r doc.Row) bool { return len(r.Note)+len(r.Flow) > 0 }) {
		m.entries(t)
		return
	}
	titles, rule := "|", "|"
	for _, c := range t.Columns {
		titles += " " + text(c.Title) + " |"
		if c.Number {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	m.line(titles)
	m.line(rule)
	for _, r := range t.Rows {
		if m.Done() {
			return
		}
		m.out.WriteByte('|')
		for n := range t.Columns {
			text := ""
			if n < len(r.Cells) {
				text = m.cell(r.Cells[n])
			}
			m.out.WriteString(" " + text + " |")
		}
		m.line()
	}
	m.line()
}

// entries writes rows as a list, each with what is said below it. Numbers have the titles of their columns.
func (m *markdown) entries(t doc.Table) {
	var titles []string
	for _, c := range t.Columns {
		if c.Title != "" {
			titles = append(titles, c.Title)
		}
	}
	m.remark(strings.Join(titles, " · "))
	const inside = "  "
	for _, r := range t.Rows {
		if m.Done() {
			return
		}
		var said []string
		for n, c := range t.Columns {
			if n >= len(r.Cells) {
				break
			}
			text := m.cell(r.Cells[n])
			switch {
			case text == "":
				continue
			case c.Number:
				text = labelled(c.Title, text)
			case r.Cells[n].Style&doc.Bold != 0 && len(r.Cells[n].Spans) == 0:
				text = "**" + text + "**"
			}
			said = append(said, text)
		}
		lines := []string{cmp.Or(strings.Join(said, " · "), "–")}
		for _, l := range m.spans(r.Note) {
			if l != "" {
				lines = append(lines, l)
			}
		}
		m.lines("- ", inside, lines)
		if len(r.Flow) > 0 {
			m.line()
			m.blocks(inside, r.Flow)
		}
	}
	m.line()
}

// spans returns pieces of text as lines.
func (m *markdown) spans(list []doc.Span) []string {
	var lines []string
	last := ""
	for _, s := range list {
		if m.Cell() {
			return nil
		}
		for n, part := range strings.Split(words.Visible(cmp.Or(s.Text, s.Link)), "\n") {
			if n > 0 {
				lines, last = append(lines, last), ""
			}
			if part != "" {
				last += linked(text(part), s.Link)
			}
		}
	}
	return append(lines, last)
}

// cell returns a cell as a piece of one line.
func (m *markdown) cell(c doc.Cell) string {
	if m.Cell() {
		return ""
	}
	said := linked(text(cmp.Or(c.Text, c.Link)), c.Link)
	if len(c.Spans) > 0 {
		said = strings.Join(m.spans(c.Spans), "&#10;")
	}
	if said == "" {
		return ""
	}
	return strings.Repeat("› ", max(c.Depth, 0)) + words.Join(" ", text(c.Mark.Shape), said)
}

// linked returns text, which is escaped, as a link if there is one to follow.
func linked(text, address string) string {
	address = doc.Link(address)
	if address == "" || text == "" {
		return text
	}
	return "[" + text + "](<" + destination.Replace(address) + ">)"
}

// destination keeps an address between angle brackets.
var destination = strings.NewReplacer("<", "%3C", ">", "%3E", `\`, "%5C", "|", "%7C", "&", "&amp;")

// strong returns s as emphasis that stands by itself, "" for nothing.
func strong(s string) string {
	if s == "" {
		return ""
	}
	return "**" + text(s) + "**"
}

// labelled returns a value, which is escaped, behind its label.
func labelled(label, value string) string { return words.Join(" ", "**"+text(label)+":**", value) }

// text returns s as one line that means nothing but itself, wherever it stands. References of characters keep blanks
// from being taken for an indentation or the end of an emphasis, and line feeds where there is but one line.
func text(s string) string {
	s = words.Visible(s)
	var b strings.Builder
	start := true // nothing but digits so far
	for i, r := range s {
		next := byte(0)
		if r < utf8.RuneSelf && i+1 < len(s) {
			next = s[i+1]
		}
		c := byte(0)
		if r < utf8.RuneSelf {
			c = s[i]
		}
		edge := i == 0 || i+utf8.RuneLen(r) == len(s)
		switch {
		case r == '\n', r == '\t', r == ' ' && (edge || next == ' '), r >= utf8.RuneSelf && edge && unicode.IsSpace(r):
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		case c == 0:
		case strings.IndexByte("\\`*_{}[]<>&|~#!@$^", c) >= 0,
			i == 0 && (c == '+' || c == '-' || c == '=' || c == ':'), // a list or the line below a heading
			start && (c == '.' || c == ')'),                          // a list with numbers
			c == ':' && (next == '/' || next|0x20 >= 'a' && next|0x20 <= 'z'),
			c == '.' && i >= 3 && strings.EqualFold(s[i-3:i], "www"): // an address by itself
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		start = start && c >= '0' && c <= '9'
	}
	return b.String()
}
