package doc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	mdtext "github.com/yuin/goldmark/text"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/tohtml"
	"github.com/incidentkit/incidentkit/export/internal/tomarkdown"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// A drawing is a format that is a text.
type drawing func(context.Context, io.Writer, doc.Document) error

func drawn(t require.TestingT, f drawing, d doc.Document) string {
	var b bytes.Buffer
	require.NoError(t, f(context.Background(), &b, d))
	require.True(t, utf8.ValidString(b.String()))
	return b.String()
}

// corpus are attacks on those who show what others wrote: those of the OWASP cheat sheets and of Markdown. Peers that fell for such: P9.
var corpus = []string{
	`<script>document.title="run"</script>`, `</title><script>document.title="run"</script>`, `</style><script>document.title="run"</script>`,
	`"><img src=x onerror="document.title='run'">`, `' onmouseover='document.title="run"`, `<svg/onload=document.title="run">`,
	`<iframe srcdoc="<script>parent.document.title='run'</script>">`, `<img src="http://127.0.0.1:9/canary.png">`, `<a href="javascript:document.title='run'">x</a>`,
	`javascript:document.title="run"`, `JaVaScRiPt:alert(1)`, "java\tscript:alert(1)", " javascript:alert(1)", "\x01javascript:alert(1)", `data:text/html,<script>alert(1)</script>`,
	`vbscript:msgbox(1)`, `[x](javascript:alert(1))`, `[x](java&#115;cript:alert(1))`, `[x](data:text/html;base64,PHNjcmlwdD4=)`, `![x](http://127.0.0.1:9/canary.png)`,
	`![x](javascript:alert(1))`, "[x]: javascript:alert(1)\n\n[x]", `<javascript:alert(1)>`, `<https://x.example/"onclick=alert(1)>`, `[x](https://x.example "onclick=alert(1)")`,
	`[x](https://x.example/"onclick="alert(1))`, `<link rel=stylesheet href=http://127.0.0.1:9/canary.css>`, `<style>@import "http://127.0.0.1:9/canary.css";</style>`,
	`<meta http-equiv=refresh content="0;url=http://127.0.0.1:9/canary">`, `<base href="http://127.0.0.1:9/">`, `<form action=http://127.0.0.1:9/><input type=submit>`,
	`<object data="http://127.0.0.1:9/canary"></object>`, `<math><mtext></mtext><script>alert(1)</script></math>`, `--><script>alert(1)</script>`, `{{.Style}}`, `{{"<b>"}}`,
	"```html\n<script>alert(1)</script>\n```", `<div style="background:url(http://127.0.0.1:9/canary)">x</div>`, `http://[::1`, `//evil.example/x`, `https:evil`, `file:///etc/passwd`,
	`<details open ontoggle=alert(1)>`, `<svg><use href="data:image/svg+xml,<svg/>"/></svg>`, `&lt;script&gt;`, `<ScRiPt>alert(1)</sCrIpT>`, `<script\x00>alert(1)</script>`,
	`"; } body { background: url(http://127.0.0.1:9/canary) } @page { x: "`, `\"; }`, `*/ @import "http://127.0.0.1:9/canary.css"; /*`, "\\22 \\7d",
}

// nasty draws texts that mean something in HTML, URLs, style sheets, Markdown or Unicode.
func nasty(t *rapid.T) string {
	piece := rapid.OneOf(
		rapid.SampledFrom(corpus), rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{
			"\x00", "\xff", "\xed\xa0\x80", "\r\n", "\n", "\n\n", "\t", "    ", "\u202e", "\u2028", "\ufeff", "\u200b", "\u3000", "# ", "- ", "1. ", "> ", "|", "---", "```", "~~~", "===",
			"<!--", "-->", "]]>", "&amp;", "&#60;", "*", "_", "\\", "`", "[x](y)", "![x](http://e.example/i.png)", "[^1]: x", "http://e.example", "www.e.example",
			"mailto:a@b.example", "a@b.example", "<http://e.example>", ":-", "+", "$x$", ":smile:", "אב.docm", "- [ ] x",
		}),
	)
	return strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "pieces"), "")
}

// untold are texts of a document that no format has to tell, by the end of where they stand, and why.
var untold = []string{
	".Subject", ".Document.State", ".Document.Tags", // properties of files and what runs along pages
	".Logo.Name", ".Image.Name", ".File.Type", ".Bookmark", // for who does not see them, or for files
	".Link", // must be one
}

// ways are texts that programs need, which stay.
var ways = []string{".ID", ".SHA256", ".Anchor"}

// filled returns the sample with another text for every text, and those that have to be told, by where they stand.
func filled(text func(n int) string) (d doc.Document, told map[string]string) {
	d, told = sample(), make(map[string]string)
	count := 0
	var fill func(v reflect.Value, path string)
	fill = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.String:
			if slices.ContainsFunc(ways, func(end string) bool { return strings.HasSuffix(path, end) }) {
				return
			}
			if v.String() == "" && !strings.Contains(path, ".Brand.") { // it may not be meant here
				return
			}
			count++
			v.SetString(text(count))
			if !slices.ContainsFunc(untold, func(end string) bool { return strings.HasSuffix(path, end) }) {
				told[fmt.Sprint(path, " ", count)] = v.String()
			}
		case reflect.Struct:
			name := v.Type().Name()
			for n := range v.NumField() {
				fill(v.Field(n), path+"."+name+"."+v.Type().Field(n).Name)
			}
		case reflect.Slice, reflect.Array:
			for n := range v.Len() {
				fill(v.Index(n), path)
			}
		case reflect.Pointer:
			if !v.IsNil() {
				fill(v.Elem(), path)
			}
		case reflect.Interface:
			if v.Elem().Kind() == reflect.Pointer {
				fill(v.Elem(), path)
				return
			}
			block := reflect.New(v.Elem().Type()).Elem()
			block.Set(v.Elem())
			fill(block, path)
			v.Set(block)
		}
	}
	fill(reflect.ValueOf(&d).Elem(), "")
	return d, told
}

// without removes what stands below a part of a path.
func without(told map[string]string, parts ...string) map[string]string {
	rest := make(map[string]string)
	for path, text := range told {
		if !slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(path, part) }) {
			rest[path] = text
		}
	}
	return rest
}

// loosely returns s without what formats may change: blanks.
func loosely(s string) string { return strings.Join(strings.Fields(words.Visible(s)), "") }

func mustTell(t require.TestingT, text string, told map[string]string) {
	text = loosely(text)
	for path, want := range told {
		if !strings.Contains(text, loosely(want)) {
			require.Fail(t, "a text is missing", "%s: %q", path, want)
		}
	}
}

var allowedTags = strings.Fields("html head meta title style body header footer p h1 h2 h3 h4 ul ol li nav a main section dl div dt dd table caption colgroup col thead tbody tr th td " +
	"span bdi strong em code pre blockquote del br hr wbr figure figcaption img svg desc rect line text polygon")

var allowedAttributes = map[string]string{
	"html": "lang", "meta": "charset http-equiv content name", "p": "class", "h1": "dir", "h2": "id dir", "h3": "id dir", "h4": "id dir", "ul": "class", "ol": "start", "nav": "aria-labelledby",
	"a": "class href rel", "section": "aria-labelledby", "div": "class role", "th": "scope class", "td": "class data-label rowspan colspan", "tr": "class id", "bdi": "dir class",
	"span": "class aria-hidden", "dl": "class", "li": "class", "table": "aria-labelledby", "col": "class",
	"figure": "id", "img": "class src alt width height",
	"svg": "viewBox role aria-labelledby", "title": "id", "desc": "id", "rect": "class x y width height fill stroke stroke-width", "line": "class x1 y1 x2 y2 stroke stroke-width",
	"text": "class x y font-size font-weight text-anchor fill", "polygon": "class points fill",
}

var (
	policy = regexp.MustCompile(`^default-src 'none'; style-src 'sha256-([^' ]{44})'; img-src data:; base-uri 'none'; form-action 'none'$`)
	spoken = regexp.MustCompile(`"[^"]*"`)
	plain  = regexp.MustCompile(`^"(?:[ 0-9A-Za-z]|\\[0-9a-f]{1,6} )*"$|^" / "$`)
)

// inert fails unless all that an HTML document consists of is harmless, and returns its text.
func inert(t require.TestingT, document string) string {
	root, err := html.Parse(strings.NewReader(document))
	require.NoError(t, err)
	var b strings.Builder
	styles, policies, hash := 0, 0, ""
	ids := make(map[string]bool)
	var targets []string
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			switch n.Parent.Data {
			case "style":
				sum := sha256.Sum256([]byte(n.Data))
				require.Equal(t, hash, base64.StdEncoding.EncodeToString(sum[:]))
				for _, text := range spoken.FindAllString(n.Data[strings.LastIndex(n.Data, "@page"):], -1) {
					require.Regexp(t, plain, text)
				}
				require.NotContains(t, n.Data, "url(")
				require.NotContains(t, n.Data, "@import")
				require.Equal(t, strings.Count(n.Data, "{"), strings.Count(n.Data, "}"))
			default:
				if n.Parent.Data != "title" || n.Parent.Namespace == "svg" {
					b.WriteString(n.Data)
				}
			}
		case html.CommentNode:
			require.Fail(t, "a comment", n.Data)
		case html.ElementNode:
			require.Contains(t, allowedTags, n.Data)
			require.Contains(t, []string{"", "svg"}, n.Namespace)
			if n.Data == "style" {
				styles++
			}
			attrs := make(map[string]string)
			for _, a := range n.Attr {
				attrs[a.Key] = a.Val
				require.Contains(t, strings.Fields(allowedAttributes[n.Data]), a.Key, n.Data)
			}
			if attrs["http-equiv"] != "" {
				require.Equal(t, "Content-Security-Policy", attrs["http-equiv"])
				require.Regexp(t, policy, attrs["content"])
				policies, hash = policies+1, policy.FindStringSubmatch(attrs["content"])[1]
			}
			if src, ok := attrs["src"]; ok {
				require.Regexp(t, `^data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/]+=*$`, src)
			}
			if id, ok := attrs["id"]; ok {
				require.False(t, ids[id], id)
				ids[id] = true
			}
			if label, ok := attrs["aria-labelledby"]; ok {
				targets = append(targets, strings.Fields(label)...)
			}
			if href, ok := attrs["href"]; ok {
				if target, inside := strings.CutPrefix(href, "#"); inside {
					targets = append(targets, target)
				} else {
					require.Regexp(t, `^(?i:https?://|mailto:)`, href)
					require.Equal(t, doc.Link(href), href)
					require.Equal(t, "noopener noreferrer nofollow", attrs["rel"])
				}
			}
		}
	}
	for _, target := range targets {
		require.True(t, ids[target], target)
	}
	require.Equal(t, []int{1, 1}, []int{styles, policies})
	require.NotContains(t, b.String(), "\x00")
	return b.String()
}

// Whatever stands in a document, HTML says it all and does nothing. Covers P9 and S2: script, markup and addresses in every field.
func TestHTMLTellsAllAndDoesNothing(t *testing.T) {
	plain, told := filled(func(n int) string { return fmt.Sprintf("T%dq", n) })
	require.Greater(t, len(told), 250)
	figures := []string{".Graph.Figure", ".Chart.Figure"} // they have labels that are cut
	mustTell(t, inert(t, drawn(t, tohtml.Write, plain)), without(told, figures...))
	prose := append(figures, ".Prose.Source") // Markdown
	for _, attack := range corpus {
		d, told := filled(func(n int) string { return fmt.Sprintf("T%dq%sz", n, attack) })
		mustTell(t, inert(t, drawn(t, tohtml.Write, d)), without(told, prose...))
		d, _ = filled(func(n int) string { return attack })
		inert(t, drawn(t, tohtml.Write, d))
	}
	rapid.Check(t, func(rt *rapid.T) {
		d, told := filled(func(n int) string { return fmt.Sprintf("T%dq%sz", n, nasty(rt)) })
		mustTell(rt, inert(rt, drawn(rt, tohtml.Write, d)), without(told, prose...))
	})
}

// markdownParts fails unless Markdown consists of nothing but what the format puts in. It returns the text, and how many parts of
// each kind there are but for paragraphs.
func markdownParts(t require.TestingT, document string) (text string, parts map[string]int) {
	source := []byte(document)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList)).Parser().Parse(mdtext.NewReader(source))
	w := goldmark.DefaultRenderer()
	var b strings.Builder
	parts = make(map[string]int)
	require.NoError(t, ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			var out bytes.Buffer
			paragraph := ast.NewParagraph()
			paragraph.AppendChild(paragraph, ast.NewTextSegment(n.Segment))
			require.NoError(t, w.Render(&out, source, paragraph))
			b.WriteString(html.UnescapeString(strings.TrimSuffix(strings.TrimPrefix(out.String(), "<p>"), "</p>\n")))
			return ast.WalkContinue, nil
		case *ast.Paragraph, *ast.TextBlock:
			return ast.WalkContinue, nil
		case *ast.Link:
			require.Regexp(t, `^(?i:https?://|mailto:)`, string(n.Destination))
		case *ast.Heading, *ast.List, *ast.ListItem, *ast.Emphasis, *ast.Document, *ast.Blockquote,
			*east.Table, *east.TableHeader, *east.TableRow, *east.TableCell:
		default:
			require.Fail(t, "markup", "%s in %q", n.Kind(), document)
		}
		parts[n.Kind().String()]++
		return ast.WalkContinue, nil
	}))
	return b.String(), parts
}

// Whatever stands in a document, Markdown says it all, and nothing of it is markup: there are as many parts of each kind as in one whose
// texts are plain words. Covers P9.
func TestMarkdownTellsAllAndNothingIsMarkup(t *testing.T) {
	figures := []string{".Graph.", ".Chart."}
	plain, told := filled(func(n int) string { return fmt.Sprintf("T%dq", n) })
	text, want := markdownParts(t, drawn(t, tomarkdown.Write, plain))
	mustTell(t, text, without(told, figures...))
	require.Greater(t, want["ListItem"]*want["TableRow"]*want["Blockquote"]*want["Heading"], 1000)
	check := func(t require.TestingT, fill func(n int) string) {
		d, told := filled(fill)
		text, parts := markdownParts(t, drawn(t, tomarkdown.Write, d))
		mustTell(t, text, without(told, figures...))
		require.Equal(t, want, parts)
	}
	for _, attack := range corpus {
		check(t, func(n int) string { return fmt.Sprintf("T%dq%sz", n, attack) })
		check(t, func(n int) string { return fmt.Sprintf("%sT%dq", strings.ReplaceAll(attack, "//", "/"), n) }) // no links
	}
	for _, edge := range []string{"1. ", "1) ", "- ", "+ ", "* ", "# ", "> ", "=", ": ", "    ", "\t", "\u3000", "\u00a0", "|", "~~~ ", "``` ", "[x]: ", "- [ ] "} {
		check(t, func(n int) string { return fmt.Sprintf("%sT%dq%[1]s", edge, n) })
	}
	rapid.Check(t, func(rt *rapid.T) {
		check(rt, func(n int) string { return fmt.Sprintf("T%dq%sz", n, nasty(rt)) })
	})
}

// anyDocument draws a document of any blocks.
func anyDocument(t *rapid.T) doc.Document {
	number := func(most int) int { return rapid.IntRange(0, most).Draw(t, "number") }
	list := func(most int, add func()) {
		for range number(most) {
			add()
		}
	}
	one := func() string { return nasty(t) }
	mark := func() doc.Mark {
		return doc.Mark{Shape: rapid.SampledFrom([]string{"", "▲", "<b>", "*"}).Draw(t, "shape"), Tone: doc.Tone(number(8)), Badge: number(1) > 0}
	}
	link := func() string {
		return rapid.SampledFrom(append(corpus, "", "https://a.example/?x=1&y=2")).Draw(t, "link")
	}
	span := func() doc.Span {
		return doc.Span{Text: one(), Style: doc.Style(number(7)), Order: doc.Order(number(3)), Link: link()}
	}
	cell := func() doc.Cell {
		c := doc.Cell{Text: one(), Style: doc.Style(number(7)), Order: doc.Order(number(3)), Link: link(), Mark: mark(), Depth: number(20) - 2}
		list(2, func() { c.Spans = append(c.Spans, span()) })
		return c
	}
	color := func() doc.Color {
		return doc.Color{R: uint8(number(255)), G: uint8(number(255)), B: uint8(number(255))}
	}
	images := []*doc.Image{nil, shot("a", 3, 2, 1), shot("b", 2, 30, 2), {Data: []byte(one()), SHA256: one(), Name: one()}}
	notice := func() doc.Notice {
		return doc.Notice{Tone: doc.Tone(number(8)), Title: one(), Lines: []string{one(), one()}}
	}
	flow := func() doc.Block {
		switch number(2) {
		case 0:
			return doc.Prose{Source: one(), Lines: number(1) > 0}
		case 1:
			return doc.Text{span(), span()}
		}
		return doc.Picture{Image: rapid.SampledFrom(images).Draw(t, "image"), Caption: one()}
	}
	pairs := func(most int) (p []doc.Pair) {
		list(most, func() { p = append(p, doc.Pair{Label: one(), Value: cell()}) })
		return p
	}
	block := func() doc.Block {
		switch number(6) {
		case 0:
			return doc.Heading{Level: number(5), Text: one()}
		case 1:
			return notice()
		case 2:
			return doc.Pairs{List: pairs(3), PerRow: number(3)}
		case 3:
			return doc.Graph{ID: one(), Title: one(), Caption: one(), Figure: graph()}
		case 4:
			return flow()
		}
		table := &doc.Table{Caption: one(), Empty: one()}
		list(4, func() {
			table.Columns = append(table.Columns, doc.Column{Title: one(), Width: doc.Width(number(7)), Weight: number(9) - 1, Number: number(1) > 0})
		})
		list(4, func() {
			row := doc.Row{NoteFrom: number(6) - 1, Muted: number(1) > 0, Anchor: rapid.SampledFrom([]string{"", "a", "b", `"x`}).Draw(t, "anchor")}
			for range max(0, len(table.Columns)+number(2)-1) {
				row.Cells = append(row.Cells, cell())
			}
			list(2, func() { row.Note = append(row.Note, span()) })
			list(2, func() { row.Flow = append(row.Flow, flow()) })
			table.Rows = append(table.Rows, row)
		})
		return table
	}
	d := doc.Document{
		Label: one(), Title: one(), State: one(), About: one(), Subject: one(),
		Brand:   doc.Brand{Organisation: one(), Logo: rapid.SampledFrom(images).Draw(t, "logo"), Accent: color(), Header: one(), Footer: one()},
		Marking: doc.Marking{Label: one(), Text: one(), Ground: color(), Ink: color()},
		Cover: doc.Cover{
			States: []doc.State{{Label: one(), Mark: mark(), Word: one()}}, Facts: [][]doc.Fact{nil, {{one(), one(), one()}}}, Glance: pairs(2), Tags: []string{one()},
			Notice: []doc.Notice{notice()}, Remark: one(),
		},
		Files: []doc.File{{Name: one(), Description: one()}},
	}
	list(3, func() {
		s := doc.Section{ID: strings.Repeat("s", len(d.Sections)+1), Title: one()}
		list(4, func() { s.Blocks = append(s.Blocks, block()) })
		d.Sections = append(d.Sections, s)
	})
	return d
}

// Any document can be drawn, twice with the same bytes, and does nothing.
func TestAnyDocument(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDocument(rt)
		page := drawn(rt, tohtml.Write, d)
		inert(rt, page)
		require.Equal(rt, page, drawn(rt, tohtml.Write, d))
		text := drawn(rt, tomarkdown.Write, d)
		require.Equal(rt, text, drawn(rt, tomarkdown.Write, d))
		markdownParts(rt, text)
	})
	for _, f := range []drawing{tohtml.Write, tomarkdown.Write} {
		assert.NotEmpty(t, drawn(t, f, doc.Document{}))
	}
}

// Both formats say the sections in the same order.
func TestFormatsHaveOneOrder(t *testing.T) {
	d, told := filled(func(n int) string { return fmt.Sprintf("T%04dq", n) })
	figures := make(map[string]bool)
	for path, text := range told {
		figures[text] = strings.Contains(path, ".Graph.") || strings.Contains(path, ".Chart.")
	}
	order := func(text string) (list []string) {
		for _, l := range regexp.MustCompile(`T\d{4}q`).FindAllString(text, -1) {
			if !figures[l] && !slices.Contains(list, l) {
				list = append(list, l)
			}
		}
		return list
	}
	root, err := html.Parse(strings.NewReader(drawn(t, tohtml.Write, d)))
	require.NoError(t, err)
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title" {
			b.WriteString(n.Data + " ")
		}
	}
	inHTML, inMarkdown := order(b.String()), order(drawn(t, tomarkdown.Write, d))
	from := slices.Index(inHTML, d.Sections[0].Title)
	require.Greater(t, len(inHTML), 200)
	shared := func(list, other []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(l string) bool { return !slices.Contains(other, l) })
	}
	tail := inHTML[from+len(d.Sections):] // after the contents
	inMarkdown = shared(inMarkdown, tail)
	assert.Equal(t, shared(tail, inMarkdown), inMarkdown)
	assert.Greater(t, len(inMarkdown), 150)
}

// countingContext counts how often it is looked at, and is done after as many times.
type countingContext struct {
	context.Context
	looks, most int
}

func (c *countingContext) Err() error {
	if c.looks++; c.most > 0 && c.looks > c.most {
		return context.Canceled
	}
	return nil
}

// The context is looked at at least every 1,000 cells, and nothing is written when it is done.
func TestContextsEnd(t *testing.T) {
	table := &doc.Table{Columns: []doc.Column{{Title: "One"}, {Title: "Two"}}}
	const rows = 10_000
	for range rows {
		table.Rows = append(table.Rows, doc.Row{Cells: cells("a", "b")})
	}
	notes := &doc.Table{Columns: table.Columns, Rows: []doc.Row{{Cells: cells("a", "b"), Note: make([]doc.Span, 2*rows)}}}
	var pairs doc.Pairs
	for range 2 * rows {
		pairs.List = append(pairs.List, doc.Pair{Label: "a"})
	}
	for _, b := range []doc.Block{table, notes, pairs, make(doc.Text, 2*rows)} {
		d := doc.Document{Sections: []doc.Section{{ID: "a", Blocks: []doc.Block{b}}}}
		for _, f := range []drawing{tohtml.Write, tomarkdown.Write} {
			ctx := &countingContext{Context: t.Context()}
			require.NoError(t, f(ctx, io.Discard, d))
			assert.GreaterOrEqual(t, ctx.looks, 2*rows/1000, "%T", b)
			for most := 1; most < ctx.looks; most++ {
				var out bytes.Buffer
				again := &countingContext{Context: t.Context(), most: most}
				require.ErrorIs(t, f(again, &out, d), context.Canceled)
				require.Empty(t, out.String())
				require.LessOrEqual(t, again.looks, most+5, "it goes on, although it is done")
			}
		}
	}
	for _, f := range []drawing{tohtml.Write, tomarkdown.Write} {
		var out bytes.Buffer
		done, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, f(done, &out, sample()), context.Canceled)
		assert.Empty(t, out.String())
		assert.ErrorIs(t, f(t.Context(), brokenWriter{}, sample()), io.ErrClosedPipe)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// A page of HTML is one that a reader with any aid can go through: one language, one title, headings that skip no level,
// tables that are named and whose columns are too.
func TestHTMLIsAccessible(t *testing.T) {
	root, err := html.Parse(strings.NewReader(drawn(t, tohtml.Write, sample())))
	require.NoError(t, err)
	level, tables, tops := 0, 0, 0
	var links []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "html":
			assert.Equal(t, "en", attr(n, "lang"))
		case "h1", "h2", "h3", "h4":
			now := int(n.Data[1] - '0')
			assert.LessOrEqual(t, now, level+1, "a heading of level %d after one of level %d", now, level)
			if level = now; now == 1 {
				tops++
			}
		case "table":
			if attr(n.Parent, "class") != "wide" {
				continue // of a comment
			}
			tables++
			assert.True(t, attr(n, "aria-labelledby") != "" || n.FirstChild.NextSibling.Data == "caption")
		case "td":
			if attr(n.Parent.Parent.Parent.Parent, "class") == "wide" && attr(n.Parent, "class") != "more" && attr(n.Parent, "class") != "more muted" {
				assert.NotEmpty(t, attr(n, "data-label"), "on a phone nobody sees the title of the column")
			}
		case "a":
			if target, ok := strings.CutPrefix(attr(n, "href"), "#"); ok {
				links = append(links, target)
			}
		}
	}
	assert.Equal(t, []int{1, 5}, []int{tops, tables})
	assert.Equal(t, []string{"overview", "attackStory", "evidence", "alerts", "activity"}, links[:5])
}

// Rows have as many columns as their table, whatever is below them.
func TestHTMLRowsFillTheirTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root, err := html.Parse(strings.NewReader(drawn(rt, tohtml.Write, anyDocument(rt))))
		require.NoError(rt, err)
		columns, open := 0, 0
		for n := range root.Descendants() {
			if n.Type != html.ElementNode || attr(n.Parent, "class") == "prose" {
				continue
			}
			switch n.Data {
			case "table":
				columns, open = 0, 0
			case "col":
				columns++
			case "tr":
				if columns == 0 || n.Parent.Data == "thead" {
					continue
				}
				width, next := open, 0
				for td := range n.ChildNodes() {
					span := 1
					_, _ = fmt.Sscan(attr(td, "colspan"), &span)
					width += span
					if attr(td, "rowspan") != "" {
						next++
					}
				}
				require.Equal(rt, columns, width)
				open = next
			}
		}
		require.Zero(rt, open)
	})
}

// HTML has the images themselves, each once, so that whoever has the page can check their hashes.
func TestImagesInHTML(t *testing.T) {
	d := sample()
	page := drawn(t, tohtml.Write, d)
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var hashes []string
	for n := range root.Descendants() {
		if n.Data != "img" {
			continue
		}
		_, content, _ := strings.Cut(attr(n, "src"), ",")
		data, err := base64.StdEncoding.DecodeString(content)
		require.NoError(t, err)
		sum := sha256.Sum256(data)
		hashes = append(hashes, hex.EncodeToString(sum[:]))
		if n.Parent.Data == "figure" {
			assert.Equal(t, attr(n, "height") == "1400", attr(n, "class") == "tall")
			assert.Contains(t, []string{"640 360 mail.png", "1800 300 wide.png", "200 1400 tall.png"}, attr(n, "width")+" "+attr(n, "height")+" "+attr(n, "alt"))
		}
	}
	assert.Equal(t, []string{
		d.Brand.Logo.SHA256, shot("", 640, 360, 20).SHA256, shot("", 1800, 300, 90).SHA256, shot("", 200, 1400, 140).SHA256,
	}, hashes)
	assert.Equal(t, 1, strings.Count(page, ">Shown above.</a>"))
	assert.Contains(t, page, "Attached: no.png. Not shown: expected a PNG, JPEG or GIF image")
}
