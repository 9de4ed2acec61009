package topdf

import (
	"bytes"
	"context"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// written returns the blocks of a text that is the only one of its report.
func written(p doc.Prose) []pdf.Block { return prose(commonmark.NewReader(context.Background()), p) }

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// said returns the text of blocks, without markers and blanks.
func said(blocks []pdf.Block) string {
	var b strings.Builder
	say := func(spans []pdf.Span) {
		for _, s := range spans {
			if s.Style != pdf.Muted { // markers
				b.WriteString(s.Text)
			}
		}
	}
	for _, block := range blocks {
		say(block.Spans)
		for _, row := range block.Rows {
			for _, cell := range row {
				say(cell)
			}
		}
	}
	return squeeze(strings.NewReplacer("☐", "", "☑", "").Replace(b.String())) // boxes are pictures in HTML
}

var markdownCorpus = []string{
	"# Findings\n\nThe **mail** *came* ~~from~~ `192.0.2.1`, [x](https://gw.example/?q=1&amp;r=2)  \nback",
	"1. revoke\n2. wipe\n   - laptop\n   - phone\n\n     later\n3.\n\n> quoted\n> > twice\n\n***\n\n    code\n\n```go\na < b\n```\n",
	"| host | state |\n|---|:-:|\n| one | ~~up~~ `a\\|b` |\n| two |\n\n", "- [ ] open\n- [x] done\n  1. [X] inside\n- [] none\n",
	"\\* &amp;amp; \\&amp; &copy; &#92;* [a][b]\n\n[b]: <http://b.example/> 'title'", "- - - - - - - - - - - deep",
	"999999998. a\n1. b\n1. c", "*a **b `c` ~~d~~** e*", "<http://a.example> <a@b.example>",
}

// A text says in a PDF what its Markdown says elsewhere: as much as in the HTML that goldmark makes of it, tags aside.
func TestProseSaysWhatItsMarkdownSays(t *testing.T) {
	md := goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.Table, extension.TaskList))
	tags := regexp.MustCompile(`<[^>]*>`)
	agree := func(t require.TestingT, source string) {
		var b bytes.Buffer
		require.NoError(t, md.Convert([]byte(source), &b))
		want := squeeze(html.UnescapeString(tags.ReplaceAllString(b.String(), "")))
		for _, lines := range []bool{false, true} {
			require.Equal(t, want, said(written(doc.Prose{Source: source, Lines: lines})), "%q", source)
		}
	}
	for _, source := range markdownCorpus {
		agree(t, source)
	}
	rapid.Check(t, func(rt *rapid.T) {
		agree(rt, strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(markdownCorpus), rapid.SampledFrom([]string{
			"\n", "\n\n", " ", "    ", "- ", "1) ", "> ", "# ", "*", "**", "~~", "`", "```\n", "|", "\n|-|-|\n", "\\", "x", "---\n", "[ ] ", "- [x] ", "שלום",
		})), 0, 25).Draw(rt, "pieces"), ""))
	})
}

// What a text looks like: the blocks that its Markdown becomes.
func TestProse(t *testing.T) {
	span := func(text string, style pdf.Style) []pdf.Span { return []pdf.Span{{Text: text, Style: style}} }
	item := func(marker, widest string, first bool) []pdf.Container {
		return []pdf.Container{{First: first, Marker: marker, Widest: widest}}
	}
	for source, want := range map[string][]pdf.Block{
		"# Title\ntext": {{Kind: pdf.HeadingBlock, Spans: span("Title", 0)}, {Spans: span("text", 0)}},
		"a *b* **c** ***d*** ~~e~~ `f`": {{Spans: []pdf.Span{
			{Text: "a "}, {Text: "b", Style: pdf.Slanted}, {Text: " "}, {Text: "c", Style: pdf.Bold}, {Text: " "}, {Text: "d", Style: pdf.Bold | pdf.Slanted}, {Text: " "},
			{Text: "e", Style: pdf.Struck}, {Text: " "}, {Text: "f", Style: pdf.Code},
		}}},
		"a\nb":                             {{Spans: span("a b", 0)}},
		"[a](https://a.example)":           {{Spans: []pdf.Span{{Text: "a", Link: "https://a.example"}}}},
		"[a](javascript:x)":                {{Spans: span("a (javascript:x)", 0)}},
		"[a](https://a.example/%zz)":       {{Spans: span("a (https://a.example/%zz)", 0)}},
		"![shot](https://a.example/i.png)": {{Spans: []pdf.Span{{Text: "Image: shot", Link: "https://a.example/i.png"}}}},
		"<b>x</b>":                         {{Spans: span("<b>x</b>", 0)}},
		"a&#x202e;b":                       {{Spans: span("a[U+202E]b", 0)}},
		"<mira@a.example>":                 {{Spans: []pdf.Span{{Text: "mira@a.example", Link: "mailto:mira@a.example"}}}},
		"9. a\n10. b\n\n    c": {
			{Inside: item("9.", "10.", true), Spans: span("a", 0)}, {Inside: item("10.", "10.", true), Spans: span("b", 0)}, {Inside: item("", "10.", false), Spans: span("c", 0)},
		},
		"-\n- x": {{Inside: item("•", "•", true), Tight: true}, {Inside: item("•", "•", true), Tight: true, Spans: span("x", 0)}},
		"- [ ] a\n- [x] b\n- [] c": {
			{Inside: item("☐", "•", true), Tight: true, Spans: span("a", 0)}, {Inside: item("☑", "•", true), Tight: true, Spans: span("b", 0)},
			{Inside: item("•", "•", true), Tight: true, Spans: span("[] c", 0)},
		},
		"[x] a":               {{Spans: span("[x] a", 0)}},
		"> a":                 {{Inside: []pdf.Container{{Quote: true, First: true}}, Spans: span("a", 0)}},
		"```\na\tb\n\tc\n```": {{Kind: pdf.CodeBlock, Spans: span("a   b\n    c", pdf.Code)}},
		"<div>\nx":            {{Kind: pdf.CodeBlock, Spans: span("<div>\nx", pdf.Code)}},
		"***":                 {{Kind: pdf.RuleBlock}},
		"| a | b |\n|-|-|\n| `c` |": {{Kind: pdf.TableBlock, Rows: [][][]pdf.Span{
			{span("a", 0), span("b", 0)}, {span("c", pdf.Code), nil},
		}}},
		"": nil,
	} {
		assert.Equal(t, want, written(doc.Prose{Source: source}), source)
	}
	assert.Equal(t, []pdf.Block{{Spans: span("a\nb", 0)}}, written(doc.Prose{Source: "a\nb", Lines: true}))

	// What is too deep is not indented any more, and says so by its markers.
	deep := written(doc.Prose{Source: strings.Repeat("- ", deepest+2) + "x"})
	require.Len(t, deep, 1)
	assert.Len(t, deep[0].Inside, deepest)
	assert.Equal(t, []pdf.Span{{Text: "• • ", Style: pdf.Muted}, {Text: "x"}}, deep[0].Spans)
	// What costs too much stands as it was typed, below the reason.
	wide := strings.Repeat("|a", 3000) + "\n" + strings.Repeat("|-", 3000) + "\n|b\n|c"
	typed := written(doc.Prose{Source: wide})
	require.Len(t, typed, 2)
	assert.Contains(t, typed[0].Spans[0].Text, "cells")
	assert.Equal(t, span(wide, 0), typed[1].Spans)
}

// FuzzProse looks for a source that cannot be drawn.
func FuzzProse(f *testing.F) {
	for _, source := range append(markdownCorpus, comment) {
		f.Add(source, false)
	}
	f.Fuzz(func(t *testing.T, source string, lines bool) {
		for _, b := range written(doc.Prose{Source: source, Lines: lines}) {
			for _, s := range b.Spans {
				require.Equal(t, words.Visible(s.Text), s.Text)
			}
		}
		d := doc.Document{Sections: []doc.Section{{Title: "x", Blocks: []doc.Block{doc.Prose{Source: source, Lines: lines}}}}}
		require.NoError(t, Write(t.Context(), new(bytes.Buffer), d, Options{}))
	})
}
