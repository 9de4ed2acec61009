package export

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/incident"
)

// flowText returns the text of blocks, without markers and blanks, and where their links lead.
func flowText(blocks []pdf.Block) (text string, links []string) {
	var b strings.Builder
	last := ""
	say := func(spans []pdf.Span) {
		for _, s := range spans {
			if s.Style != pdf.Muted { // markers
				b.WriteString(s.Text)
			}
			if s.Link != "" && s.Link != last {
				links = append(links, s.Link)
			}
			last = s.Link
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
	return squeeze(visible(b.String())), links
}

// agree fails unless the PDF says of a comment what HTML says.
func agree(t require.TestingT, source string) {
	root, err := html.Parse(strings.NewReader(string(commentHTML(source))))
	require.NoError(t, err)
	var b strings.Builder
	leads := map[string]bool{}
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "href" {
				leads[a.Val] = true
			}
		}
	}
	got, links := flowText(commentFlow(source))
	require.Equal(t, squeeze(b.String()), got, "%q", source)
	for _, l := range links {
		require.True(t, leads[l], "%q in %q", l, source)
	}
}

var markdownCorpus = []string{
	"# Findings\n\nThe **mail** *came* ~~from~~ `192.0.2.1`, [x](https://gw.example/?q=1&amp;r=2)  \n![the mail](attachment:mail.png)",
	"1. revoke\n2. wipe\n   - laptop\n   - phone\n\n     later\n3.\n\n> quoted\n> > twice\n\n***\n\n    code\twith tab\n\n```go\na < b\n```\n",
	"| host | state |\n|---|:-:|\n| one | ~~up~~ `a\\|b` |\n| two |\n\n<b>not bold</b>\n\n<div>\nblock\n</div>\n\n<!-- x\n\ny -->\n\n<?php",
	"\\* &amp;amp; \\&amp; &copy; &#x202e; &#0; &#92;* [a][b] ![[c](http://c.example)](javascript:x)\n\n[b]: <http://b.example/%zz> 'title'",
	"- - - - - - - - - - - deep", "999999998. a\n1. b\n1. c", "*a **b `c` ~~d~~** e*", "<http://a.example> <ftp://a> <a@b.example>", "a\x00b\xffc\r\nd\re\u2028f",
	"**a**\xb5 *0\x010\x86*0", "<http://\xb5>", "[x](http://\xb5) ![\xff](<\xc3>)", "*\xe2*\x80\xa8_\xff_",
}

// A comment says the same in HTML and in a PDF, and leads to the same places.
func TestCommentsAgree(t *testing.T) {
	for _, source := range append(append([]string{}, corpus...), markdownCorpus...) {
		agree(t, source)
	}
	rapid.Check(t, func(rt *rapid.T) {
		agree(rt, strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(corpus), rapid.SampledFrom(markdownCorpus), rapid.SampledFrom([]string{
			"\n", "\n\n", " ", "    ", "- ", "1) ", "> ", "# ", "*", "**", "~~", "`", "```\n", "|", "\n|-|-|\n", "<", ">", "&", "\\", "[", "](", ")", "![", "\t", "x", "---\n", "שלום",
		})), 0, 25).Draw(rt, "pieces"), ""))
	})
}

// FuzzComment looks for a source that HTML and PDF make different things of, or that cannot be drawn.
func FuzzComment(f *testing.F) {
	for _, source := range append(append([]string{}, corpus...), markdownCorpus...) {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		agree(t, source)
		render(t, commented(source))
	})
}

func commented(source ...string) Report {
	r := Report{Sections: []Section{Activity}, Generated: start}
	for _, s := range source {
		r.Activity = append(r.Activity, ActivityRow{Time: start, Who: "Mira", What: activity.Commented.Title(), Text: s})
	}
	return r
}

// What a comment looks like: the blocks that its Markdown becomes.
func TestCommentFlow(t *testing.T) {
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
		"[a](https://a.example)":           {{Spans: []pdf.Span{{Text: "a", Link: "https://a.example"}}}},
		"[a](javascript:x)":                {{Spans: span("a (javascript:x)", 0)}},
		"[a](https://a.example/%zz)":       {{Spans: span("a (https://a.example/%zz)", 0)}},
		"![shot](https://a.example/i.png)": {{Spans: []pdf.Span{{Text: "Image: shot", Link: "https://a.example/i.png"}}}},
		"9. a\n10. b\n\n    c": {
			{Inside: item("9.", "10.", true), Spans: span("a", 0)}, {Inside: item("10.", "10.", true), Spans: span("b", 0)}, {Inside: item("", "10.", false), Spans: span("c", 0)},
		},
		"-\n- x":              {{Inside: item("•", "•", true), Tight: true}, {Inside: item("•", "•", true), Tight: true, Spans: span("x", 0)}},
		"> a":                 {{Inside: []pdf.Container{{Quote: true, First: true}}, Spans: span("a", 0)}},
		"```\na\tb\n\tc\n```": {{Kind: pdf.CodeBlock, Spans: span("a   b\n    c", pdf.Code)}},
		"<div>\nx":            {{Kind: pdf.CodeBlock, Spans: span("<div>\nx", pdf.Code)}},
		"***":                 {{Kind: pdf.RuleBlock}},
		"| a | b |\n|-|-|\n| `c` |": {{Kind: pdf.TableBlock, Rows: [][][]pdf.Span{
			{span("a", 0), span("b", 0)}, {span("c", pdf.Code), nil},
		}}},
		"": nil,
	} {
		assert.Equal(t, want, commentFlow(source), source)
	}

	// What is too deep is not indented any more, and says so by its markers.
	deep := commentFlow(strings.Repeat("- ", deepest+2) + "x")
	require.Len(t, deep, 1)
	assert.Len(t, deep[0].Inside, deepest)
	assert.Equal(t, []pdf.Span{{Text: "• • ", Style: pdf.Muted}, {Text: "x"}}, deep[0].Spans)
	// What is too long is not looked into.
	long := strings.Repeat("*a* ", longestMarkdown/4+1)
	assert.Equal(t, []pdf.Block{{Spans: span(long, 0)}}, commentFlow(long))
	assert.Contains(t, string(commentHTML(long)), "*a* *a*")
}

// No comment is too long, too deep or too wide to be drawn, and none takes long. All that it says is there. The longest
// that the library takes are drawn in all formats.
func TestCommentsOfAnySizeAreDrawn(t *testing.T) {
	everywhere := []string{"quotes", "bullets", "brackets"}
	for name, source := range map[string]string{
		"long":    strings.Repeat("word ", shorter(incident.MaxComment/5)),
		"quotes":  strings.Repeat("> ", shorter(incident.MaxComment/2-1)) + "x",
		"bullets": strings.Repeat("- ", shorter(incident.MaxComment/2-1)) + "x",
		"numbers": strings.Repeat("1. ", shorter(9_999)) + "x",
		"mixed":   strings.Repeat("> - 1. ", shorter(4_000)) + "x",
		"code":    "```\n" + strings.Repeat("x", shorter(100_000)) + "\n```",
		"wide table": strings.Repeat("| h ", 200) + "|\n" + strings.Repeat("|-", 200) + "|\n" +
			strings.Repeat(strings.Repeat("| x ", 200)+"|\n", 20),
		"brackets": strings.Repeat("[", shorter(incident.MaxComment/2)) +
			strings.Repeat("](x)", shorter(incident.MaxComment/8)),
		"images":          strings.Repeat("![", shorter(15_000)),
		"closed brackets": strings.Repeat("[a](", shorter(7_500)),
		"stars":           strings.Repeat("*a ", shorter(10_000)),
		"both stars":      strings.Repeat("*a **b ", shorter(4_000)),
		"ticks":           strings.Repeat("`a``b```c", shorter(3_000)),
		"tags":            strings.Repeat("<a ", shorter(10_000)),
		"too long":        strings.Repeat("> ", shorter(100_000)) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			r := commented(source)
			file := drawnBy(t, documents[0], r, len(source))
			if slices.Contains(everywhere, name) {
				assert.Less(t, opens(t, file), 60+len(source)/20)
				for _, f := range formats {
					drawnBy(t, f, r, len(source))
				}
			}
			got := text(t, []byte(file))
			assert.Equal(t, strings.Count(source, "x"), strings.Count(strings.SplitN(got, "Comment", 2)[1], "x"))
		})
	}
}

// Readers of a PDF find every word of a comment, and its headings are not the report's.
func TestCommentsInThePDF(t *testing.T) {
	r := commented(markdownCorpus...)
	file := render(t, r)
	got := text(t, file)
	for _, source := range markdownCorpus[:3] {
		for _, b := range commentFlow(source) {
			for _, s := range b.Spans {
				assert.Contains(t, got, squeeze(s.Text), source)
			}
		}
	}
	for _, want := range []string{"2.wipe", "–laptop", "Findings", "(attachment:mail.png)"} {
		assert.Contains(t, got, want)
	}
	assert.NotContains(t, tool(t, file, "qpdf", "--json", "--json-key=outlines", "FILE"), "Findings")
	assert.Contains(t, tool(t, file, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
	assert.Contains(t, tool(t, file, "pdffonts", "FILE"), "DejaVuSansMono")
	assert.NotContains(t, tool(t, render(t, commented("plain")), "pdffonts", "FILE"), "DejaVuSansMono", "nothing is embedded that is not used")
}
