// Package tohtml draws a document as one HTML page that needs nothing else: it has no script, loads nothing, and its
// content security policy forbids both.
package tohtml

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/renderer"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// Write draws d and writes it to w. Nothing is written when ctx is done, which is looked at for every block and every
// 500 cells.
func Write(ctx context.Context, w io.Writer, d doc.Document) error {
	p := &page{
		Watch: doc.NewWatch(ctx), exhibits: make(map[string]exhibit), anchors: make(map[string]bool),
		reader: commonmark.NewReader(ctx),
		prose:  [2]renderer.Renderer{commonmark.NewRenderer(quietly{}, false), commonmark.NewRenderer(quietly{}, true)},
	}
	p.document(d)
	if err := p.Err(); err != nil {
		return err
	}
	_, err := p.out.WriteTo(w)
	return err
}

// A page is HTML on its way. All that a document says goes through text, name and attr, which escape it.
type page struct {
	*doc.Watch
	out bytes.Buffer

	level    int                // of the last heading
	title    string             // its id
	ids      int                // given
	anchors  map[string]bool    // of rows
	exhibits map[string]exhibit // by SHA-256
	reader   *commonmark.Reader
	prose    [2]renderer.Renderer // the second one keeps line feeds
}

// raw writes markup.
func (p *page) raw(markup ...string) {
	for _, m := range markup {
		p.out.WriteString(m)
	}
}

// text writes what a reader reads.
func (p *page) text(s string) { p.raw(escaped(s)) }

// attr writes an attribute, with a blank before it.
func (p *page) attr(key, value string) { p.raw(" ", key, `="`, escaped(value), `"`) }

// in writes text in an element, nothing if there is none.
func (p *page) in(element, class, text string) {
	if text == "" {
		return
	}
	p.raw("<", element)
	if class != "" {
		p.attr("class", class)
	}
	p.raw(">")
	p.said(text)
	p.raw("</", element, ">\n")
}

func escaped(s string) string { return html.EscapeString(words.Visible(s)) }

// id returns a new identifier. Those of sections have no digits.
func (p *page) id(of string) string {
	p.ids++
	return of + "-" + strconv.Itoa(p.ids)
}

// said writes running text, each paragraph of which goes in the direction of its first letter.
func (p *page) said(s string) {
	if plain(s) {
		p.text(s)
		return
	}
	p.raw(`<bdi class="said">`)
	p.text(s)
	p.raw("</bdi>")
}

// name writes a name, a list, or what is put together of labels and names, so that each of its parts stands from left
// to right, whatever letters it has: what a file name ends with is on the right. In code, lines may break after
// separators.
func (p *page) name(s string, code bool) {
	write := p.text
	if code {
		write = p.code
	}
	switch s = words.Visible(s); {
	case plain(s):
		write(s)
	case !pdf.HasRightToLeft(s):
		p.raw("<bdi>")
		write(s)
		p.raw("</bdi>")
	default:
		p.raw(`<bdi dir="ltr">`)
		for part, between := range pdf.Parts(s) {
			if part != "" {
				p.raw(`<bdi dir="ltr">`)
				write(part)
				p.raw("</bdi>")
			}
			write(between)
		}
		p.raw("</bdi>")
	}
}

// code writes text that may be broken after separators.
func (p *page) code(s string) {
	const separators = `/\.,;:?&=_-`
	for s != "" {
		at := strings.IndexAny(s, separators)
		for at >= 0 && at+1 < len(s) && strings.IndexByte(separators, s[at+1]) >= 0 {
			at++
		}
		if at < 0 || at+1 == len(s) {
			p.text(s)
			return
		}
		p.text(s[:at+1])
		p.raw("<wbr>")
		s = s[at+1:]
	}
}

// plain reports whether nothing in s has a direction of its own.
func plain(s string) bool {
	for n := range len(s) {
		if s[n] >= 0x80 {
			return false
		}
	}
	return true
}

// link writes what write does as a link, if address is one to follow.
func (p *page) link(address, text string, write func()) {
	if address = doc.Link(address); address == "" {
		write()
		return
	}
	p.raw("<a")
	if text == address {
		p.attr("class", "bare")
	}
	p.attr("href", address)
	p.raw(` rel="noopener noreferrer nofollow">`)
	write()
	p.raw("</a>")
}

// span writes a piece of text.
func (p *page) span(s doc.Span) {
	if s.Text == "" && s.Link == "" {
		return
	}
	if s.Text == "" {
		s.Text = s.Link
	}
	var ends []string
	open := func(is bool, begin, end string) {
		if is {
			p.raw(begin)
			ends = append(ends, end)
		}
	}
	open(s.Style&doc.Muted != 0, `<span class="quiet">`, "</span>")
	open(s.Style&doc.Bold != 0, "<strong>", "</strong>")
	open(s.Style&doc.Code != 0, "<code>", "</code>")
	p.link(s.Link, s.Text, func() {
		switch {
		case s.Order == doc.Said:
			p.said(s.Text)
		case s.Order == doc.Datum && !plain(s.Text):
			p.raw("<bdi>")
			p.text(s.Text)
			p.raw("</bdi>")
		default:
			p.name(s.Text, s.Style&doc.Code != 0)
		}
	})
	for n := len(ends) - 1; n >= 0; n-- {
		p.raw(ends[n])
	}
}

func (p *page) spans(list []doc.Span) {
	for _, s := range list {
		if p.Cell() {
			return
		}
		p.span(s)
	}
}

// toneClass is the name of a tone in the style sheet.
func toneClass(t doc.Tone) string {
	switch t {
	case doc.Neutral:
		return "neutral"
	case doc.Accent:
		return "accent"
	case doc.High:
		return "high"
	case doc.Medium:
		return "medium"
	case doc.Low:
		return "low"
	case doc.Informational:
		return "informational"
	}
	return "plain"
}

// shape writes a mark, which says nothing that its word does not say.
func (p *page) shape(m doc.Mark) {
	if m.Shape == "" {
		return
	}
	p.raw(`<span class="mark`)
	if !m.Badge {
		p.raw(" ", toneClass(m.Tone))
	}
	p.raw(`" aria-hidden="true">`)
	p.text(m.Shape)
	p.raw("</span>&nbsp;")
}

// value writes a cell.
func (p *page) value(c doc.Cell) {
	if p.Cell() {
		return
	}
	said := c.Text != "" || c.Link != "" || len(c.Spans) > 0
	badge := c.Mark.Badge && said
	if badge {
		p.raw(`<span class="badge `, toneClass(c.Mark.Tone), `">`)
	}
	p.shape(c.Mark)
	if len(c.Spans) > 0 {
		p.link(c.Link, "", func() { p.spans(c.Spans) })
	} else {
		p.span(doc.Span{Text: c.Text, Style: c.Style, Order: c.Order, Link: c.Link})
	}
	if badge {
		p.raw("</span>")
	}
}

// document writes the whole page.
func (p *page) document(d doc.Document) {
	style := styleOf(d)
	hash := sha256.Sum256([]byte(style))
	p.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-`,
		base64.StdEncoding.EncodeToString(hash[:]),
		"'; img-src data:; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		"<meta name=\"color-scheme\" content=\"light dark\">\n")
	if d.Subject != "" {
		p.raw(`<meta name="description"`)
		p.attr("content", d.Subject)
		p.raw(">\n")
	}
	p.raw("<title>")
	p.text(words.Join(": ", d.Label, d.Title))
	p.raw("</title>\n<style>", style, "</style>\n</head>\n<body>\n")
	p.marking(d.Marking)
	p.raw("<div class=\"page\">\n")
	p.cover(d)
	p.contents(d.Sections)
	p.raw("<main>\n")
	for _, s := range d.Sections {
		p.section(s)
	}
	p.raw("</main>\n")
	p.end(d)
	p.raw("</div>\n</body>\n</html>\n")
}

// marking writes the band that says who may have the document.
func (p *page) marking(m doc.Marking) {
	if m.Label == "" {
		return
	}
	p.in("div", "marking", m.Label)
	p.in("div", "marking meaning", m.Text)
}

// contents leads to the sections.
func (p *page) contents(sections []doc.Section) {
	if len(sections) < 2 {
		return
	}
	p.raw("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n")
	for _, s := range sections {
		p.raw("<li><a")
		p.attr("href", "#"+s.ID)
		p.raw(">")
		p.said(s.Title)
		p.raw("</a></li>\n")
	}
	p.raw("</ol>\n</nav>\n")
}

// cover writes what everybody must know.
func (p *page) cover(d doc.Document) {
	p.raw("<header>\n")
	if b := d.Brand; b.Organisation != "" || b.Logo != nil || b.Header != "" {
		p.raw("<div class=\"brand\">\n")
		p.in("p", "", b.Organisation)
		p.in("p", "quiet", b.Header)
		if b.Logo != nil {
			p.logo(*b.Logo, b.Organisation)
		}
		p.raw("</div>\n")
	}
	p.in("p", "label", d.Label)
	p.raw(`<h1 dir="auto">`)
	p.text(d.Title)
	p.raw("</h1>\n")
	if c := d.Cover; len(c.States) > 0 {
		p.raw("<ul class=\"states\">\n")
		for _, s := range c.States {
			p.raw(`<li class="tile `, toneClass(s.Mark.Tone), `">`)
			p.in("span", "", s.Label)
			p.raw("<strong>")
			p.shape(doc.Mark{Shape: s.Mark.Shape, Badge: true})
			p.said(s.Word)
			p.raw("</strong></li>\n")
		}
		p.raw("</ul>\n")
	}
	for _, row := range d.Cover.Facts {
		if len(row) == 0 {
			continue
		}
		p.raw("<dl class=\"facts\">\n")
		for _, f := range row {
			p.raw("<div>")
			p.in("dt", "", f.Label)
			p.raw("<dd>")
			p.in("strong", "", f.Value)
			p.in("span", "quiet", f.Note)
			p.raw("</dd></div>\n")
		}
		p.raw("</dl>\n")
	}
	p.pairs("glance", d.Cover.Glance)
	if len(d.Cover.Tags) > 0 {
		p.raw("<ul class=\"tags\">\n")
		for _, t := range d.Cover.Tags {
			p.raw("<li>")
			p.name(t, false)
			p.raw("</li>\n")
		}
		p.raw("</ul>\n")
	}
	for _, n := range d.Cover.Notice {
		p.notice(n)
	}
	p.in("p", "remark", d.Cover.Remark)
	p.in("p", "remark", d.About)
	p.raw("</header>\n")
}

// end names the files that belong to the document, and writes what stands on the foot of each page.
func (p *page) end(d doc.Document) {
	if len(d.Files) == 0 && d.Brand.Footer == "" {
		return
	}
	p.raw("<footer>\n")
	if len(d.Files) > 0 {
		p.raw("<h2>Files</h2>\n<ul>\n")
		for _, f := range d.Files {
			p.raw("<li>")
			p.name(f.Name, true)
			if f.Description != "" {
				p.raw(": ")
				p.said(f.Description)
			}
			p.raw("</li>\n")
		}
		p.raw("</ul>\n")
	}
	p.in("p", "remark", d.Brand.Footer)
	p.raw("</footer>\n")
}
