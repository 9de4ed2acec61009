package tohtml

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// What people wrote means what its Markdown means, and no more.
func TestProse(t *testing.T) {
	const rel = ` rel="noopener noreferrer nofollow">`
	for source, want := range map[string]string{
		"**bold** and `code`":                "<p><strong>bold</strong> and <code>code</code></p>\n",
		"# Title":                            "<p><strong>Title</strong></p>\n",
		"one\ntwo  \nthree":                  "<p>one\ntwo<br>\nthree</p>\n",
		"[a](https://a.example/?x=1&y=2)":    `<p><a href="https://a.example/?x=1&amp;y=2"` + rel + "a</a></p>\n",
		"[a](https://a.example/?x&amp;y)":    `<p><a href="https://a.example/?x&amp;y"` + rel + "a</a></p>\n",
		"[a](javascript:alert(1))":           "<p>a (javascript:alert(1))</p>\n",
		"<mira@contoso.example>":             `<p><a href="mailto:mira@contoso.example"` + rel + "mira@contoso.example</a></p>\n",
		"<https://a.example>":                `<p><a class="bare" href="https://a.example"` + rel + "https://a.example</a></p>\n",
		"<ftp://a.example>":                  "<p>ftp://a.example</p>\n",
		"![shot](https://a.example/i.png)":   `<p><a href="https://a.example/i.png"` + rel + "Image: shot</a></p>\n",
		"![shot](attachment:mail.png)":       "<p>Image: shot (attachment:mail.png)</p>\n",
		"a <b>b</b>":                         "<p>a &lt;b&gt;b&lt;/b&gt;</p>\n",
		"<div>\nx\n</div>":                   "<pre>&lt;div&gt;\nx\n&lt;/div&gt;</pre>\n",
		"```go\na < b\n```":                  "<pre><code>a &lt; b\n</code></pre>\n",
		"a&#x202e;b\u202ec":                  "<p>a[U+202E]b[U+202E]c</p>\n",
		"~~no~~":                             "<p><del>no</del></p>\n",
		"| a |\n| :-- |\n| b |":              "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>\n",
		"3. three":                           "<ol start=\"3\">\n<li>three</li>\n</ol>\n",
		"- [ ] do\n- [x] done":               "<ul>\n<li>☐ do</li>\n<li>☑ done</li>\n</ul>\n",
		"![[a](https://a.example)](x \"t\")": `<p>Image: <a href="https://a.example"` + rel + "a</a> (x)</p>\n",
	} {
		assert.Equal(t, want, proseHTML(commonmark.NewReader(t.Context()), commonmark.NewRenderer(quietly{}, false), source), source)
	}
	assert.Equal(t, "<p>one<br>\ntwo</p>\n", proseHTML(commonmark.NewReader(t.Context()), commonmark.NewRenderer(quietly{}, true), "one\ntwo"))
	long := "**" + strings.Repeat("x", commonmark.Longest) + "**"
	assert.Equal(t, "<p class=\"remark\">Shown as typed: it is longer than a comment may be.</p>\n<p class=\"text\">"+long+"</p>\n",
		proseHTML(commonmark.NewReader(t.Context()), commonmark.NewRenderer(quietly{}, false), long))
}

// What a file name ends with is on the right, and a list keeps its order, whatever letters they have.
func TestNamesStandFromLeftToRight(t *testing.T) {
	for in, want := range map[string]string{
		"a, b":                 "a, b",
		"<b>":                  "&lt;b&gt;",
		"é":                    "<bdi>é</bdi>",
		"אב.docm":              `<bdi dir="ltr"><bdi dir="ltr">אב</bdi>.<bdi dir="ltr">docm</bdi></bdi>`,
		"אב, ג ד, <b>":         `<bdi dir="ltr"><bdi dir="ltr">אב</bdi>,<bdi dir="ltr"> ג ד</bdi>,<bdi dir="ltr"> &lt;b&gt;</bdi></bdi>`,
		"/אב\"x\u202e":         `<bdi dir="ltr">/<bdi dir="ltr">אב&#34;x[U+202E]</bdi></bdi>`,
		"C:\\אב\\\\10.0.0.7 ג": `<bdi dir="ltr"><bdi dir="ltr">C</bdi>:\<bdi dir="ltr">אב</bdi>\\<bdi dir="ltr">10.0.0.7 ג</bdi></bdi>`,
	} {
		var p page
		p.name(in, false)
		assert.Equal(t, want, p.out.String())
	}
	var p page
	p.name(`C:\a\\<b>--c`, true)
	assert.Equal(t, `C:\<wbr>a\\<wbr>&lt;b&gt;--<wbr>c`, p.out.String())
}

// variables returns the colours that a part of a style sheet sets.
func variables(part string) map[string]doc.Color {
	found := make(map[string]doc.Color)
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(part, -1) {
		found[m[1]] = colour(m[2])
	}
	return found
}

func colour(text string) doc.Color {
	n, _ := strconv.ParseUint(text, 16, 32)
	return doc.Color{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n)}
}

// Every text can be read on its ground, on light screens, on dark ones and on paper, whatever the accent is. Source:
// WCAG 2.2, 1.4.3.
func TestContrast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.Uint8()
		style := styleOf(doc.Document{Brand: doc.Brand{Accent: doc.Color{R: part.Draw(rt, "r"), G: part.Draw(rt, "g"), B: part.Draw(rt, "b")}}})
		light, dark, paper := make(map[string]doc.Color), make(map[string]doc.Color), make(map[string]doc.Color)
		for _, block := range regexp.MustCompile(`(?s)(@media[^{]*\{\s*)?:root \{.*?\}`).FindAllString(style, -1) {
			v := variables(block)
			switch {
			case strings.HasPrefix(block, "@media screen"):
				maps.Copy(dark, v)
			case strings.HasPrefix(block, "@media print"):
				maps.Copy(paper, v)
			default:
				maps.Copy(light, v)
			}
		}
		require.Len(rt, light, 16)
		require.Len(rt, dark, 15)
		for name, changes := range map[string]map[string]doc.Color{"light": nil, "dark": dark, "paper": paper} {
			v := maps.Clone(light)
			maps.Copy(v, changes)
			for _, ink := range []string{"ink", "quiet", "link", "high", "medium", "low", "informational", "number", "accent"} {
				for _, ground := range []string{"paper", "field"} {
					require.GreaterOrEqual(rt, v[ink].Contrast(v[ground]), 4.5, "%s: %s on %s", name, ink, ground)
				}
			}
			require.GreaterOrEqual(rt, v["on-neutral"].Contrast(v["neutral"]), 4.5, name)
			require.GreaterOrEqual(rt, white.Contrast(v["ground"]), 4.5, name)
		}
		require.Equal(rt, []doc.Color{light["paper"], light["field"], dark["paper"], dark["field"]}, []doc.Color{white, field, darkest, darkness})
		badges := regexp.MustCompile(`\.badge\.[a-z]+ \{ background: #([0-9a-f]{6}); color: #ffffff`).FindAllStringSubmatch(style, -1)
		require.Len(rt, badges, 4)
		for _, b := range badges {
			require.GreaterOrEqual(rt, white.Contrast(colour(b[1])), 4.5, b[0])
		}
	})
}

// A text in a style sheet is a string of that text, and nothing more.
func TestQuoted(t *testing.T) {
	escape := regexp.MustCompile(`\\([0-9a-f]+) `)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		got := quoted(text)
		want := []rune(strings.Join(strings.Fields(words.Visible(text)), " "))
		if len(want) == 0 {
			require.Empty(rt, got)
			return
		}
		if len(want) > longest {
			want = append(want[:longest-1], '…')
		}
		require.Regexp(rt, `^"(?:[0-9A-Za-z ]|\\[0-9a-f]{1,6} )+"$`, got)
		require.Equal(rt, string(want), escape.ReplaceAllStringFunc(got[1:len(got)-1], func(s string) string {
			n, _ := strconv.ParseInt(s[1:len(s)-1], 16, 32)
			return string(rune(n))
		}))
	})
	assert.Equal(t, `"`+strings.Repeat("a", longest-1)+`\2026 "`, quoted(strings.Repeat("a", longest+1)))
}

// Columns share the width of a table, and each has some of it.
func TestShares(t *testing.T) {
	assert.Equal(t, []int{15, 12, 33, 19, 19}, shares([]doc.Column{{Width: doc.Stamp}, {Width: doc.Badged}, {Weight: 5}, {Weight: 3}, {Weight: 3}}))
	rapid.Check(t, func(rt *rapid.T) {
		var columns []doc.Column
		for range rapid.IntRange(1, 12).Draw(rt, "columns") {
			columns = append(columns, doc.Column{Width: doc.Width(rapid.IntRange(0, 7).Draw(rt, "width")), Weight: rapid.IntRange(-3, 9).Draw(rt, "weight")})
		}
		for _, s := range shares(columns) {
			require.True(rt, s >= 1 && s <= 100)
		}
	})
}

// A picture says what there was no room for, and shapes that nobody knows are left out.
func TestFigures(t *testing.T) {
	p := page{Watch: doc.NewWatch(t.Context())}
	head := figure.Shape{Kind: figure.Head, X: 10_000, Y: 20_000, W: -5_000}
	p.figure(drawn{"Graph", "Caption.", figure.Picture{Width: 100_000, Height: 50_500, Unlabelled: 2, Shapes: []figure.Shape{head, {Kind: 200}}}})
	assert.Equal(t, "<figure>\n<div class=\"wide\"><svg viewBox=\"0 0 100 50.5\" role=\"img\" aria-labelledby=\"figure-1-title figure-1-text\">\n"+
		"<title id=\"figure-1-title\">Graph</title>\n"+
		"<desc id=\"figure-1-text\">Caption. 2 arrows have no number for lack of room; the table of connections has all. The tables beside it say the same.</desc>\n"+
		"<polygon class=\"ink\" points=\"10,20 5,18 5,22\" fill=\"currentColor\"/>\n</svg></div>\n"+
		"<figcaption>Caption. 2 arrows have no number for lack of room; the table of connections has all.</figcaption>\n</figure>\n", p.out.String())
}
