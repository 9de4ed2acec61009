package export

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes r to w as Markdown: CommonMark with the tables of GitHub. No text of r becomes markup, whatever
// characters it has; what a comment says stands as its author typed it, marks included. Links are those that alerts and references
// bring, to http, https and mailto. Characters that cannot be seen stand as marks such as "[U+202E]".
//
// Nothing is written when ctx is done. The error is that of ctx or that of w.
func WriteMarkdown(ctx context.Context, w io.Writer, r Report) error {
	b := &cancelled{ctx: ctx}
	m := markdown{b}
	o := outlined(r)
	m.line("# ", m.text(o.Label+": "+o.Title))
	m.blank()
	m.line(m.cells(o.Badges, " · "))
	m.blank()
	m.line(m.text(o.About))
	for _, p := range o.Parts {
		m.blank()
		m.line("## ", m.text(p.Title))
		for _, block := range p.Blocks {
			m.block(block)
		}
	}
	return b.flush(w, "Markdown")
}

// cancelled is a buffer that refuses more when its context is done.
type cancelled struct {
	ctx context.Context
	bytes.Buffer
}

func (b *cancelled) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.Buffer.Write(p)
}

func (b *cancelled) flush(w io.Writer, what string) error {
	err := b.ctx.Err()
	if err == nil {
		_, err = b.Buffer.WriteTo(w)
	}
	if err != nil {
		return fmt.Errorf("export: write %s: %w", what, err)
	}
	return nil
}

type markdown struct{ *cancelled }

func (m markdown) line(texts ...string) {
	for _, t := range texts {
		_, _ = io.WriteString(m, t)
	}
	_, _ = io.WriteString(m, "\n")
}

func (m markdown) blank() { m.line() }

func (m markdown) block(b block) {
	if b.Heading != "" {
		m.blank()
		m.line("### ", m.text(b.Heading))
	}
	if b.Text != "" {
		m.blank()
		m.paragraphs("", b.Text)
	}
	if b.Remark != "" {
		m.blank()
		m.line("*", m.text(b.Remark), "*")
	}
	if len(b.Pairs) > 0 {
		m.blank()
		for _, p := range b.Pairs {
			m.line("- ", m.pair(p))
		}
	}
	if b.Table != nil {
		m.table(*b.Table)
	}
	if len(b.Entries) > 0 && !b.Entries[0].Heading {
		m.blank()
	}
	for _, e := range b.Entries {
		m.entry(e)
	}
}

func (m markdown) pair(p pair) string {
	return "**" + m.text(p.Label) + ":** " + m.cell(p.Value)
}

func (m markdown) table(t table) {
	m.blank()
	m.line(m.text(t.Caption))
	m.blank()
	titles, rule := "|", "|"
	for _, c := range t.Columns {
		titles += " " + m.text(c.Title) + " |"
		if c.Number {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	m.line(titles)
	m.line(rule)
	for _, row := range t.Rows {
		m.line("| ", m.cells(row, " | "), " |")
	}
}

func (m markdown) entry(e entry) {
	inside := "  "
	if e.Heading {
		inside = ""
		m.blank()
		m.line("### ", m.cell(e.Title))
		m.blank()
		m.line(m.cells(e.Lead, " · "))
		m.blank()
	} else {
		m.line("- ", m.cells(e.Lead, " · "), " · **", m.cell(e.Title), "**")
	}
	for _, p := range e.Pairs {
		m.line(inside, "- ", m.pair(p))
	}
	for _, l := range e.Lines {
		m.line(inside, "- ", m.text(l))
	}
	for _, f := range e.Exhibits {
		m.line(inside, "- ", m.text(f.Caption))
	}
	for _, t := range e.Texts {
		m.blank()
		if t.Label != "" {
			m.line(inside, "**", m.text(t.Label), "**")
			m.blank()
		}
		m.paragraphs(inside, t.Value.Text)
	}
	if e.Comment != "" {
		m.blank()
		m.paragraphs(inside+"> ", e.Comment)
	}
	if !e.Heading {
		m.blank()
	}
}

// paragraphs writes text of several lines, each of them beginning with prefix.
func (m markdown) paragraphs(prefix, text string) {
	lines := strings.Split(strings.Trim(visible(text), "\n"), "\n")
	for n, l := range lines {
		end := ""
		if n+1 < len(lines) && strings.TrimSpace(l) != "" && strings.TrimSpace(lines[n+1]) != "" {
			end = "  " // a line break
		}
		m.line(strings.TrimRight(prefix+m.text(l), " ") + end)
	}
}

func (m markdown) cells(list []cell, sep string) string {
	texts := make([]string, len(list))
	for n, c := range list {
		texts[n] = m.cell(c)
	}
	return strings.Join(texts, sep)
}

func (m markdown) cell(c cell) string {
	text := m.text(c.Text)
	if c.Mark.Shape != "" {
		text = c.Mark.Shape + " " + text
	}
	if c.Link != "" {
		text = "[" + text + "](<" + markdownURL.Replace(c.Link) + ">)"
	}
	return text
}

// markdownURL keeps an address between angle brackets.
var markdownURL = strings.NewReplacer("<", "%3C", ">", "%3E", `\`, "%5C", "\n", "%0A", "\t", "%09", "|", "%7C", "&", "&amp;")

// text returns s as one line that means nothing but itself, wherever it stands. References of characters keep blanks from being taken
// for an indentation, and line feeds where there is but one line.
func (markdown) text(s string) string {
	s = visible(s)
	var b strings.Builder
	start := true // nothing but digits so far
	for i := range len(s) {
		c, next := s[i], byte(0)
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch {
		case c == '\n':
			b.WriteString("&#10;")
			continue
		case c == '\t':
			b.WriteString("&#9;")
			continue
		case c == ' ' && (i == 0 || next == 0 || next == ' '):
			b.WriteString("&#32;")
			continue
		case strings.IndexByte("\\`*_{}[]<>&|~#!@$^", c) >= 0,
			i == 0 && (c == '+' || c == '-' || c == '=' || c == ':'), // a list or the line below a heading
			start && (c == '.' || c == ')'),                          // a list with numbers
			c == ':' && (next == '/' || next|0x20 >= 'a' && next|0x20 <= 'z'),
			c == '.' && i >= 3 && strings.EqualFold(s[i-3:i], "www"): // an address by itself
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		start = start && c >= '0' && c <= '9'
	}
	return b.String()
}
