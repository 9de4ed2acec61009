package topdf

import (
	"bufio"
	"bytes"
	"cmp"
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	htmlrenderer "github.com/yuin/goldmark/renderer/html"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// prose returns what people or sources wrote as blocks.
func prose(reader *commonmark.Reader, p doc.Prose) (blocks []pdf.Block) {
	source, root, reason := reader.Visible(p.Source)
	plain := func(reason string) []pdf.Block {
		return []pdf.Block{
			{Spans: []pdf.Span{{Text: commonmark.Typed(reason), Style: pdf.Muted | pdf.Small}}},
			{Tight: true, Spans: []pdf.Span{{Text: string(source)}}},
		}
	}
	if root == nil {
		return plain(reason)
	}
	defer func() {
		if recover() != nil {
			blocks = plain(commonmark.Unreadable)
		}
	}()
	f := flow{source: source, lines: p.Lines}
	f.children(root)
	return f.blocks
}

// deepest is how many quotes and lists inside each other are indented.
const deepest = 6

// flow is a text on its way to blocks.
type flow struct {
	source []byte
	lines  bool // each line feed ends a line
	inside []pdf.Container
	box    *east.TaskCheckBox // the last one that stands in place of a bullet
	extra  []byte             // markers of items that are too deep to be indented, before the next block
	blocks []pdf.Block
	plain  bytes.Buffer // of meant
	writer *bufio.Writer
}

func (f *flow) add(b pdf.Block) {
	if len(f.extra) > 0 {
		marks := pdf.Span{Text: string(f.extra), Style: pdf.Muted}
		f.extra = nil
		if b.Kind == pdf.TextBlock || b.Kind == pdf.HeadingBlock {
			b.Spans = append([]pdf.Span{marks}, b.Spans...)
		} else {
			f.add(pdf.Block{Spans: []pdf.Span{marks}, Tight: true})
		}
	}
	b.Inside = slices.Clone(f.inside)
	for n := range f.inside {
		f.inside[n].First, f.inside[n].Marker = false, ""
	}
	f.blocks = append(f.blocks, b)
}

func (f *flow) children(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		f.block(c)
	}
}

func (f *flow) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Paragraph:
		f.add(pdf.Block{Spans: f.spans(n)})
	case *ast.TextBlock: // an item of a list without blank lines
		f.add(pdf.Block{Spans: f.spans(n), Tight: true})
	case *ast.Heading:
		f.add(pdf.Block{Kind: pdf.HeadingBlock, Spans: f.spans(n)})
	case *ast.ThematicBreak:
		f.add(pdf.Block{Kind: pdf.RuleBlock})
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		f.code(string(n.Lines().Value(f.source)))
	case *ast.HTMLBlock:
		f.code(commonmark.HTML(n, f.source))
	case *ast.Blockquote:
		f.within(pdf.Container{Quote: true}, n)
	case *ast.List:
		f.list(n)
	case *east.Table:
		b := pdf.Block{Kind: pdf.TableBlock}
		for r := n.FirstChild(); r != nil; r = r.NextSibling() {
			var row [][]pdf.Span
			for c := r.FirstChild(); c != nil; c = c.NextSibling() {
				row = append(row, f.spans(c))
			}
			b.Rows = append(b.Rows, row)
		}
		f.add(b)
	default:
		f.children(n)
	}
}

// within adds the blocks of n, which stand in c.
func (f *flow) within(c pdf.Container, n ast.Node) {
	if len(f.inside) >= deepest {
		if c.Marker != "" {
			f.extra = append(append(f.extra, c.Marker...), ' ')
		}
		f.children(n)
		if len(f.extra) > 0 {
			f.add(pdf.Block{Tight: true})
		}
		return
	}
	c.First = true
	f.inside = append(f.inside, c)
	f.children(n)
	if last := f.inside[len(f.inside)-1]; last.Marker != "" {
		f.add(pdf.Block{Tight: true}) // an item without anything
	}
	f.inside = f.inside[:len(f.inside)-1]
}

func (f *flow) list(n *ast.List) {
	bullet := []string{"•", "–", "▪"}[len(f.inside)%3]
	first, last := n.Start, n.Start+n.ChildCount()-1
	marker := func(number int) string {
		if !n.IsOrdered() {
			return bullet
		}
		return strconv.Itoa(number) + "."
	}
	widest := marker(last)
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		c := pdf.Container{Marker: marker(first), Widest: widest}
		if task := taskOf(item); task != nil && !n.IsOrdered() {
			f.box, c.Marker = task, box(task)
		}
		f.within(c, item)
		first++
	}
}

// taskOf returns the box with which an item begins, nil for one that is no task.
func taskOf(item ast.Node) *east.TaskCheckBox {
	if text := item.FirstChild(); text != nil {
		task, _ := text.FirstChild().(*east.TaskCheckBox)
		return task
	}
	return nil
}

func box(task *east.TaskCheckBox) string {
	if task.IsChecked {
		return "☑"
	}
	return "☐"
}

// code adds a text as it was typed, with its tabs as spaces.
func (f *flow) code(source string) {
	const stop = 4
	var b strings.Builder
	column := 0
	for _, r := range strings.TrimRight(source, "\n") {
		switch r {
		case '\t':
			n := stop - column%stop
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		case '\n':
			column = -1
		}
		b.WriteRune(r)
		column++
	}
	f.add(pdf.Block{Kind: pdf.CodeBlock, Spans: []pdf.Span{{Text: b.String(), Style: pdf.Code}}})
}

// spans returns the running text of n.
func (f *flow) spans(n ast.Node) []pdf.Span {
	var r running
	f.inline(n, 0, "", &r)
	return r.end()
}

// running is a text that is put together of many pieces.
type running struct {
	spans []pdf.Span // all but the last have their text
	text  []byte     // of the last
}

// say appends text to the last span if that looks the same.
func (r *running) say(text string, style pdf.Style, link string) {
	if k := len(r.spans) - 1; k < 0 || r.spans[k].Style != style || r.spans[k].Link != link {
		r.spans = append(r.end(), pdf.Span{Style: style, Link: link})
	}
	r.text = append(r.text, text...)
}

func (r *running) end() []pdf.Span {
	if k := len(r.spans) - 1; k >= 0 {
		r.spans[k].Text = string(r.text)
	}
	r.text = r.text[:0]
	return r.spans
}

// inline says the children of n.
func (f *flow) inline(n ast.Node, style pdf.Style, link string, r *running) {
	// to says the children of c, which leads to an address.
	to := func(c ast.Node, label string, source []byte) {
		address := commonmark.Destination(source)
		if doc.Linkable(address) {
			r.say(label, style, address)
			f.inline(c, style, address, r)
			return
		}
		r.say(label, style, link)
		f.inline(c, style, link, r)
		r.say(" ("+address+")", style, link)
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			r.say(f.meant(c), style, link)
			if c.HardLineBreak() {
				r.say("\n", style, link)
			} else if c.SoftLineBreak() && f.lines {
				r.say("\n", style, link)
			} else if c.SoftLineBreak() {
				r.say(" ", style, link)
			}
		case *east.TaskCheckBox:
			if c != f.box {
				r.say(box(c)+" ", style, link)
			}
		case *ast.String:
			r.say(words.Visible(string(c.Value)), style, link)
		case *ast.CodeSpan:
			var b strings.Builder
			for t := c.FirstChild(); t != nil; t = t.NextSibling() {
				if t, ok := t.(*ast.Text); ok {
					b.Write(t.Segment.Value(f.source))
				}
			}
			r.say(strings.ReplaceAll(b.String(), "\n", " "), style|pdf.Code, link)
		case *ast.Emphasis:
			add := pdf.Slanted
			if c.Level > 1 {
				add = pdf.Bold
			}
			f.inline(c, style|add, link, r)
		case *east.Strikethrough:
			f.inline(c, style|pdf.Struck, link, r)
		case *ast.Link:
			to(c, "", c.Destination)
		case *ast.Image:
			to(c, "Image: ", c.Destination)
		case *ast.AutoLink:
			label, address := commonmark.AutoLink(c, f.source)
			r.say(label, style, cmp.Or(address, link))
		case *ast.RawHTML:
			r.say(string(c.Segments.Value(f.source)), style, link)
		default:
			f.inline(c, style, link, r)
		}
	}
}

// meant returns the text of n with what backslashes and references stand for.
func (f *flow) meant(n *ast.Text) string {
	value := n.Segment.Value(f.source)
	if n.IsRaw() || !bytes.ContainsAny(value, `\&`) {
		return string(value)
	}
	if f.writer == nil {
		f.writer = bufio.NewWriter(&f.plain)
	}
	f.plain.Reset()
	htmlrenderer.DefaultWriter.Write(f.writer, value)
	_ = f.writer.Flush() // to memory
	return words.Visible(html.UnescapeString(f.plain.String()))
}
