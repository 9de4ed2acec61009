// Package topdf draws a document as PDF.
package topdf

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/export/internal/picture"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// Options are what only a PDF has.
type Options struct {
	Letter  bool      // US letter paper instead of A4
	Author  string    // property of the file
	Created time.Time // the same
	Fonts   [][]byte  // TrueType fonts, asked in order for what the built-in faces lack
}

// Write draws d and writes it to w. The same document and options give the same bytes on any machine. Nothing
// is written unless all of it could be drawn. The error is that of ctx, which is looked at for every page, at
// least every 1,000 cells of tables and before every text or picture below a row, or that of w, or says what
// could not be drawn. Write does not panic.
//
// The first page begins with the cover. Then follow a table of contents, where there are two sections or
// more, and the sections. A brand's logo that cannot be decoded is left out.
func Write(ctx context.Context, w io.Writer, d doc.Document, o Options) error {
	p, err := draw(ctx, d, o)
	if err != nil {
		return err
	}
	return p.Output(w)
}

// drawing is a document on its way to paper.
type drawing struct {
	*pdf.Document
	pictures map[*doc.Image]shown // each is decoded once
	watch    *doc.Watch
	reader   *commonmark.Reader
}

// shown is what a document shows of an image.
type shown struct {
	paper  *pdf.Picture // nil where there is none to show
	remark string
}

// draw lays d out. No document is known that makes it fail but one with more cells in a row than the table
// has columns.
func draw(ctx context.Context, d doc.Document, o Options) (p *pdf.Document, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("laying out: %v", v)
		}
	}()
	title := words.Join(": ", d.Label, d.Title)
	options := pdf.Options{
		Letter: o.Letter, Title: title, Author: o.Author, Subject: d.Subject, Keywords: strings.Join(d.Tags, ", "), Language: "en",
		Created: o.Created, Fonts: o.Fonts,
		HeaderLeft: title, HeaderRight: d.State, FooterLeft: d.About, Head: d.Brand.Header, Foot: d.Brand.Footer,
		Band:   pdf.Band{Label: d.Marking.Label, Ground: d.Marking.Ground, Ink: d.Marking.Ink},
		Accent: d.Brand.Accent,
	}
	for _, f := range d.Files {
		if f.Name == "" {
			f.Name = "attachment"
		}
		options.Attachments = append(options.Attachments, pdf.Attachment{Name: f.Name, Description: f.Description, Type: f.Type, Data: f.Data})
	}
	out := &drawing{Document: pdf.New(ctx, options), pictures: make(map[*doc.Image]shown), watch: doc.NewWatch(ctx), reader: commonmark.NewReader(ctx)}
	out.cover(d)
	sections := 0
	for _, s := range d.Sections {
		if strings.TrimSpace(s.Title) != "" {
			sections++
		}
	}
	out.Contents(sections)
	for _, s := range d.Sections {
		out.Heading(1, s.Title)
		for n, b := range s.Blocks {
			if out.Err() != nil {
				return nil, out.Err()
			}
			out.KeepBelow(short(s.Blocks[n+1:]))
			out.block(b)
		}
	}
	if n := out.Replaced(); n > 0 {
		out.Paragraph(pdf.Span{
			Text: words.Plural(n, "character was", "characters were") + " replaced by marks such as [U+0000] or \uFFFD, " +
				"because no font of this report has them or they are not valid UTF-8.",
			Style: pdf.Muted,
		})
	}
	return out.Document, out.Err()
}

// coverRow is how many states, and facts of a row, stand side by side.
const coverRow = 4

func (d *drawing) cover(from doc.Document) {
	c := pdf.Cover{Label: from.Label, Title: from.Title, Tags: from.Cover.Tags, Organisation: from.Brand.Organisation}
	if from.Brand.Logo != nil {
		c.Logo = d.picture(from.Brand.Logo).paper
	}
	for n, s := range from.Cover.States {
		if n < coverRow {
			c.States = append(c.States, pdf.State{Label: s.Label, Shape: s.Mark.Shape, Word: s.Word, Tone: tone(s.Mark.Tone)})
			continue
		}
		c.More = append(c.More, pdf.KeyValue{Label: s.Label, Value: d.cell(doc.Cell{Text: s.Word, Mark: s.Mark}, false)})
	}
	for _, row := range from.Cover.Facts {
		var facts []pdf.Fact
		for _, f := range row {
			if len(facts) == coverRow {
				c.Facts, facts = append(c.Facts, facts), nil
			}
			facts = append(facts, pdf.Fact{Label: f.Label, Value: f.Value, Note: f.Note})
		}
		c.Facts = append(c.Facts, facts)
	}
	c.More = append(c.More, d.pairs(from.Cover.Glance)...)
	if m := from.Marking; m.Label != "" && m.Text != "" {
		c.More = append(c.More, pdf.KeyValue{Label: m.Label, Value: pdf.Cell{Text: m.Text, Order: pdf.Prose}})
	}
	d.Cover(c)
	for _, n := range from.Cover.Notice {
		d.notice(n)
	}
	d.Paragraph(pdf.Span{Text: from.Cover.Remark, Style: pdf.Muted})
}

// short returns about how many lines the end of a section takes, 0 where it can stand on a page by itself.
func short(blocks []doc.Block) (lines int) {
	const most, line = 3, 100 // runes
	for _, b := range blocks {
		runes := 0
		switch b := b.(type) {
		case doc.Text:
			for _, s := range b {
				runes += utf8.RuneCountInString(s.Text) + line*strings.Count(s.Text, "\n")
			}
		case *doc.Table:
			if b == nil || len(b.Rows) > 0 {
				return 0
			}
			runes = utf8.RuneCountInString(b.Empty + b.Caption)
		default:
			return 0
		}
		if lines += (runes + line - 1) / line; lines > most {
			return 0
		}
	}
	return lines
}

// block draws a block of a section.
func (d *drawing) block(b doc.Block) {
	switch b := b.(type) {
	case doc.Heading:
		if b.Bookmark {
			d.Heading(b.Level, b.Text)
		} else {
			d.Subheading(b.Level, b.Text)
		}
	case doc.Text:
		d.Paragraph(spans(b, 0)...)
	case doc.Prose, doc.Picture:
		d.Flow(d.flow(nil, b)...)
	case doc.Notice:
		d.notice(b)
	case doc.Pairs:
		d.KeyValues(d.pairs(b.List), b.PerRow)
	case *doc.Table:
		if b != nil {
			d.table(b)
		}
	case doc.Graph:
		d.Graph(b.Figure, words.Join(" ", b.Caption, words.Unnumbered(d.Unlabelled(b.Figure))))
	case doc.Chart:
		d.Chart(b.Figure, b.Caption)
	}
}

func (d *drawing) notice(n doc.Notice) {
	text := strings.Join(n.Lines, "\n")
	if text == "" {
		d.Notice(tone(n.Tone), n.Title)
		return
	}
	d.Notice(tone(n.Tone), n.Title, pdf.Span{Text: text})
}

// flow adds what stands below a row of a table, or by itself, to blocks.
func (d *drawing) flow(blocks []pdf.Block, b doc.Block) []pdf.Block {
	switch b := b.(type) {
	case doc.Text:
		return append(blocks, pdf.Block{Spans: spans(b, 0)})
	case doc.Prose:
		return append(blocks, prose(d.reader, b)...)
	case doc.Picture:
		var p shown
		if b.Image != nil {
			p = d.picture(b.Image)
		}
		caption := pdf.Span{Text: unparted(words.Join(". ", b.Caption, p.remark)), Order: pdf.Name}
		return append(blocks, pdf.Block{Kind: pdf.PictureBlock, Picture: p.paper, Spans: []pdf.Span{caption}})
	}
	return blocks
}

func (d *drawing) picture(i *doc.Image) shown {
	s, ok := d.pictures[i]
	if ok {
		return s
	}
	p := picture.Decode(*i)
	s.remark = p.Remark
	if p.Image != nil {
		var err error
		if s.paper, err = pdf.NewPicture(p.Image, p.Photo); err != nil {
			s = shown{remark: "Not shown: " + err.Error()}
		}
	}
	d.pictures[i] = s
	return s
}

// unparted returns text in which no line begins with a dot between two parts, or with a digest whose name is
// on the line before.
func unparted(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, " · ", "\u00A0· "), "SHA-256 ", "SHA-256\u00A0")
}
