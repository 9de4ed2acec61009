package export

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// somebody returns the names of an account, its domain and a host.
func somebody() *names {
	n := newNames(Hidden{Users: true, Devices: true})
	n.entity(alert.User{UPN: "kai@contoso.com", Account: "kai", Domain: "CONTOSO", DisplayName: "Kai Müller"})
	n.entity(alert.Device{DNSName: "web01.corp.contoso.com", HostName: "web01", LastIP: "192.0.2.7"})
	n.entity(alert.User{UPN: "w.rose@contoso.com", DisplayName: "Will Rose"})
	n.entity(alert.User{Account: "admin", Domain: "CONTOSO"})
	n.entity(alert.User{Account: "SYSTEM", Domain: "NT AUTHORITY", SID: "S-1-5-18"})
	n.entity(alert.User{UPN: "wang@fabrikam.co.uk", DisplayName: "王小明"})
	n.entity(alert.User{Account: "bo", DisplayName: "Bo Li"})
	n.entity(alert.User{Account: "leyen", DisplayName: "von der Leyen, Ursula (IT)"})
	n.entity(alert.Device{HostName: "web"})
	n.ready()
	return n
}

// What the comment of Hidden lists.
func TestSpellings(t *testing.T) {
	n := somebody()
	for in, want := range map[string]string{
		// first and last name, together and alone
		"Kai Müller": "User 1", "met KAI MÜLLER.": "met User 1.", "kai müller": "User 1", "Kai said": "User 1 said",
		"Frau Müller": "Frau User 1", "Müller, Kai;": "User 1;", "K. Müller did": "User 1 did",
		"Müller, K. did": "User 1 did",
		"kai.müller":     "User 1", "Kai_Müller.docx": "User 1.docx", "Kai-Müller": "User 1",
		"q=Kai+Müller&x":    "q=User 1&x",
		"Report_Kai_Müller": "Report_User 1", "ask Ursula von der Leyen": "ask User 7", "Leyen": "User 7",
		"U. von der Leyen": "User 7",
		// forms of letters
		"Kai Mu\u0308ller": "User 1", "Kai Muller": "User 1", "MUELLER": "User 1", "Ｋａｉ Ｍüller": "User 1",
		"KAİ": "User 1", "kaı": "User 1",
		"𝐊𝐚𝐢": "User 1",
		// possessives
		"Kai's": "User 1's", "Kai’s": "User 1’s", "Kai Müllers Konto": "User 1 Konto", "Müllers": "User 1",
		// blanks, ends of lines and what nobody sees
		"x Kai  \t Müller y": "x User 1 y", "Kai\r\nMüller": "User 1", "Kai\n> Müller": "User 1",
		"Kai\u00a0Müller": "User 1",
		"Mül\nler":        "User 1", "Mül-\nler": "User 1", "Mül\u00adler": "User 1", "K\u200bai": "User 1",
		"x\u200bkai": "x\u200bUser 1",
		"a kai\nb":   "a User 1\nb", "a\nkai\nb": "a\nUser 1\nb", "kai@con\ntoso.com": "User 1",
		"kai@con=\ntoso.com": "User 1",
		"Hallo\nMül\nler":    "Hallo\nUser 1", "kai mül\nler": "User 1",
		// accounts
		`C:\Users\kai\x`: `C:\Users\User 1\x`, "/home/kai/x": "/home/User 1/x", "-u kai -p x": "-u User 1 -p x",
		"--user=kai":  "--user=User 1",
		`CONTOSO\kai`: "User 1", `contoso\\kai`: "User 1", "kai@contoso.com": "User 1",
		"<mailto:KAI@Contoso.com>": "<mailto:User 1>",
		"kai%40contoso.com":        "User 1", "kai%2540contoso%2Ecom": "User 1",
		"C%3A%5CUsers%5Ckai%5Cx": "C%3A%5CUsers%5CUser 1%5Cx",
		"x%20kai%20M%C3%BCller":  "x%20User 1", "kai[@]contoso[.]com": "User 1", "K&#97;i M&uuml;ller": "User 1",
		`kai@contoso\.com`: "User 1",
		"K**a**i":          "User 1", `{"user":"kai"}`: `{"user":"User 1"}`, `line\nkai`: `line\nUser 1`,
		"x ~kai":             "x ~User 1",
		"kai_old":            "User 1_old",
		"runas /user:bo cmd": "runas /user:User 6 cmd", `\\x\Users\bo\y`: `\\x\Users\User 6\y`, "bo": "User 6",
		"bo Li": "User 6",
		// domains and hosts
		"contoso.com": "Domain 1", "CONTOSO": "Domain 1", "anna@contoso.com": "anna@Domain 1",
		"https://portal.contoso.com/x": "https://portal.Domain 1/x",
		"Contoso Ltd":                  "Domain 1 Ltd", "corp.contoso.com": "Domain 1", "fabrikam.co.uk": "Domain 2",
		"Fabrikam":   "Domain 2",
		`\\web01\c$`: `\\Device 1\c$`, "WEB01.corp.contoso.com": "Device 1",
		"web01.other.example": "Device 1.other.example",
		"WEB01$":              "Device 1$", "192.0.2.7": "Device 1",
		"hxxp://web01[.]corp[.]contoso[.]com": "hxxp://Device 1",
		// scripts without blanks
		"用户王小明登录": "用户User 5登录", "王小明": "User 5",
		// no names alone, unless they have a place
		"Will": "User 2", "WILL": "User 2", `CONTOSO\admin`: "User 3", "admin@contoso.com": "admin@Domain 1",
		`D:\rose\x`:       `D:\User 2\x`,
		"Kai Müller, Kai": "User 1", "Kai Will": "User 1 User 2",
	} {
		assert.Equal(t, want, n.in(in), "%+q", in)
	}
	for _, text := range []string{
		"", "this will rise", "a rose", "willing", "Willing", "Kaiser", "kaizen", "mark", "admin rights",
		"Administrator", "the system", `HKLM\SYSTEM\x`,
		"website", "webmail", "so Bo", "so bo", "Li", "boli", "boli\nx", "Von hier", "Der Host", "von der", "der",
		"contosos", "192.0.2.70", "1192.0.2.7",
		"co.uk", "com", "corp",
		"\xff\x00 a\u200bb\u00ad \r\n\u0301 İ ß ﬁ é e\u0301 %zz %e4 &uuml; [.] \\n", "Mül ler", "Mül\n\n- ler x",
	} {
		assert.Equal(t, text, n.in(text), "%+q", text)
	}
}

// Domains are hidden with the accounts and the hosts that have them; that of a sender is an indicator.
func TestHiddenDomains(t *testing.T) {
	for _, e := range []alert.Entity{
		alert.User{UPN: "a.person@contoso.com"}, alert.User{Account: "a.person", Domain: "CONTOSO"},
		alert.Mailbox{Address: "a.person@mail.contoso.com"}, alert.Message{Recipient: "a.person@contoso.com"},
		alert.Device{DNSName: "host-1.corp.contoso.com"}, alert.Device{HostName: "host-1.contoso.com"},
	} {
		n := newNames(Hidden{Users: true, Devices: true})
		n.entity(e)
		n.ready()
		assert.Equal(t, "https://Domain 1", n.in("https://contoso"), "%+v", e)
	}
	n := newNames(Hidden{Users: true})
	n.entity(alert.Message{Sender: "bad@evil.example", EnvelopeSender: "worse@evil.example"})
	n.entity(alert.Device{DNSName: "host-1.contoso.com"})
	n.entity(alert.User{Account: "a.person", Domain: "WORKGROUP"})
	n.ready()
	assert.Equal(t, "User 1 and User 2", n.in("bad@evil.example and worse@evil.example"))
	for _, text := range []string{"https://evil.example/x", "host-1.contoso.com", "a workgroup"} {
		assert.Equal(t, text, n.in(text))
	}
	for _, text := range []string{`{"b": 1.50, "a":"<x>"}`, "{", ""} {
		assert.Equal(t, text, n.inJSON(text), "without a name it stays, byte by byte")
	}
}

// A quarry is somebody whose names no other text has by chance.
type quarry struct{ first, last, account, label, host string }

func drawQuarry(t *rapid.T) quarry {
	name := func(begin, label string) string {
		return begin + rapid.StringMatching(`[aoüéiß][kmvz][aoéi][knvz][aoi]k`).Draw(t, label)
	}
	plain := func(begin, label string) string {
		return begin + rapid.StringMatching(`[aoi][kmvz][aoi][knvz][aoi]k`).Draw(t, label)
	}
	return quarry{name("Qx", "first"), name("Qv", "last"), plain("qz", "account"), plain("qk", "label"), plain("qj",
		"host")}
}

func (q quarry) domain() string { return q.label + ".example" }

func (q quarry) names() []string { return []string{q.first, q.last, q.account, q.label, q.host} }

func (q quarry) evidence() []alert.Evidence {
	return []alert.Evidence{
		{Entity: alert.User{UPN: q.account + "@" + q.domain(), Account: q.account, Domain: strings.ToUpper(q.label),
			DisplayName: q.first + " " + q.last}},
		{Entity: alert.Device{DNSName: q.host + "." + q.domain(), HostName: q.host}},
	}
}

// spelled are the forms in which q stands in texts, each as its name; account and host are of those.
func (q quarry) spelled(t *rapid.T) []string {
	whole, mail := q.first+" "+q.last, q.account+"@"+q.domain()
	initial := q.first[:1] + "."
	broken := func(s, with string) string { // after one of the letters
		r := []rune(s)
		at := rapid.IntRange(1, len(r)-1).Draw(t, "at")
		return string(r[:at]) + with + string(r[at:])
	}
	numbers := func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#%d;", r)
		}
		return b.String()
	}
	each := func(s string) string {
		var b strings.Builder
		for k := range len(s) {
			fmt.Fprintf(&b, "%%%02x", s[k])
		}
		return b.String()
	}
	unseen := rapid.SampledFrom([]string{"\u00ad", "\u200b", "\u2060", "\ufeff", "\u3164", "\u200d", "\U000e0041",
		"\ufe0f", "\u00ad\n"}).Draw(t, "unseen")
	line := rapid.SampledFrom([]string{"\n", "\r\n", "-\n", " \n  ", "\n> ", "\u2028", "=\r\n"}).Draw(t, "line")
	list := []string{
		whole, q.first, q.last, q.last + ", " + q.first, q.last + "," + q.first, initial + " " + q.last,
		initial + q.last, q.last + ", " + initial, q.last + " " + q.first,
		q.first + "." + q.last, q.first + "_" + q.last, q.first + "-" + q.last, q.first + "'s", q.last + "’s",
		whole + "s", q.last + "s", q.last + "'",
		q.first + "   \t " + q.last, q.first + "\u00a0" + q.last, q.first + line + q.last, broken(q.last, line),
		broken(q.first, unseen), q.first + unseen + " " + q.last,
		numbers(whole), numbers(mail), url.QueryEscape(whole), url.PathEscape(whole),
		url.QueryEscape(url.QueryEscape(mail)), each(mail), each(whole),
		`C:\Users\` + q.account + `\Desktop`, `"C:\\Users\\` + q.account + `\\x"`, "/home/" + q.account + "/.ssh",
		"-u " + q.account, "--user=" + q.account, "x:" + q.account + ":", "~" + q.account,
		strings.ToUpper(q.label) + `\` + q.account, mail, "mailto:" + mail, "<" + mail + ">", url.QueryEscape(mail),
		strings.ReplaceAll(mail, ".", "[.]"),
		strings.ReplaceAll(mail, "@", "[at]"), broken(mail, line), q.host, q.host + "." + q.domain(),
		`\\` + q.host + `\c$`, "https://" + q.host + "." + q.domain() + ":8443/x", q.host + "$",
		"www." + q.domain(), "anna@" + q.domain(), q.label, q.domain() + ".", strings.ReplaceAll(q.domain(), ".", `\.`),
		"%20" + q.account + "%0A",
	}
	return list
}

// forms are other forms of the letters of a text. Escapes have their own letters, and only the first of these.
var forms = []func(string) string{
	strings.Clone, norm.NFD.String, width.Widen.String, cases.Upper(language.Und).String,
	cases.Upper(language.Turkish).String,
	func(s string) string { return norm.NFD.String(cases.Title(language.Und).String(s)) },
}

func formed(t *rapid.T, list ...string) []string {
	n := rapid.IntRange(0, len(forms)-1).Draw(t, "form")
	for k, s := range list {
		if n < 2 || !strings.ContainsAny(s, "%&") {
			list[k] = forms[n](s)
		}
	}
	return list
}

// other is text that names nobody, and looks as if it did.
func (q quarry) other(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"The alert", "will", "İstanbul", "ﬁx", "日本", "100%", "&amp;", `C:\Windows\System32`,
			"a@b.example", "[.]", "(x)", "\n", "\r\n", "\u200b", "e\u0301", "-",
			"x" + q.first, q.first + "dorf", q.account + "7", "a" + q.host + "a", q.label + "x.example",
			strings.ToLower(q.last), q.first[:4], "9" + q.label}),
		rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(bare(s), "q%&") }),
	).Draw(t, "other")
}

// bare is an account of its own of what a text says, whatever the form of its letters and what is between them.
func bare(s string) string {
	s = norm.NFKD.String(cases.Fold().String(norm.NFKD.String(s)))
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'ı':
			return 'i'
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, s)
}

// plainly is what a reader makes of the escapes of a document.
func plainly(s string) string {
	s = html.UnescapeString(s)
	for range 2 {
		if text, err := url.PathUnescape(s); err == nil {
			s = text
		}
	}
	return s
}

// Whatever the names and the text, none of the spellings is left, and a text without them stays as it is.
func TestNoSpellingIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuarry(t)
		n := newNames(Hidden{Users: true, Devices: true})
		for _, e := range q.evidence() {
			n.entity(e.Entity)
		}
		n.ready()
		spelled := q.spelled(t)
		between := rapid.SampledFrom([]string{" ", "\n", "; ", ", ", "/", "\u200b \u200b", "(", `"`, "|", "\t"})
		text := ""
		for range rapid.IntRange(1, 6).Draw(t, "pieces") {
			one := formed(t, rapid.SampledFrom(spelled).Draw(t, "spelled"))[0]
			got := n.in("so " + one + " so")
			require.NotContains(t, bare(plainly(got)), "q", "%+q", one)
			require.True(t, strings.HasPrefix(got, "so ") && strings.HasSuffix(got, " so"), "%+q of %+q", got, one)
			text += between.Draw(t, "between") + one
		}
		require.NotContains(t, bare(plainly(n.in(text))), "q", "%+q", text)
		text = q.other(t) + " so " + q.other(t)
		require.Equal(t, text, n.in(text))
	})
}

// What is hidden is in no rendering, wherever the text stands that has it.
func TestNoSpellingIsLeftInDocuments(t *testing.T) {
	told := func(t *rapid.T, hidden Hidden) (quarry, Report) {
		q := drawQuarry(t)
		list := formed(t, q.spelled(t)...)
		all := strings.Join(list, " ; ")
		a := alert.Alert{ID: "sensor:1", Title: all, Description: all, RecommendedActions: all, FirstActivity: start,
			Tags: list, URL: "https://" + q.domain() + "/" + url.PathEscape(q.first)}
		a.Evidence = append(q.evidence(), alert.Evidence{Tags: list, Entity: alert.Process{CommandLine: all,
			Image: alert.File{FileName: "x.exe", Path: `C:\Users\` + q.account}}})
		c := incident.Case{Alerts: []alert.Alert{a}, Incident: incident.Incident{
			ID: "inc-1", Number: 7, Name: all, Description: all, Note: all, Status: incident.Resolved, Created: start,
			Updated: start, Resolved: start,
			Tags:  []incident.Tag{{Name: list[0]}},
			Extra: alert.Fields(`{"` + q.account + `":["` + q.first + " " + q.last + `"]}`),
		}}
		by := activity.Actor{ID: q.account + "@" + q.domain(), Name: q.first + " " + q.last}
		opts, err := (&Options{Hide: hidden}).withDefaults()
		require.NoError(t, err)
		c, log := hide(opts.Hide, c, []activity.Entry{
			{Seq: 1, Time: start, Actor: by, Type: activity.Commented, Text: all,
				Attachments: []activity.Attachment{{Name: q.first + ".png", Type: "image/png"}}},
			{Seq: 2, Time: start, Actor: by, Type: activity.ResponseAction, Text: all},
		})
		return q, collect(c, log, opts)
	}
	check := func(t require.TestingT, q quarry, document, where string) {
		document = bare(plainly(document))
		for _, name := range q.names() {
			require.NotContains(t, document, bare(name), where)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		q, r := told(rt, Hidden{Users: true, Devices: true})
		for _, f := range formats {
			check(rt, q, written(t, f.write, r), f.name)
		}
		var b strings.Builder
		_, err := WriteQueueCSV(context.Background(), &b, queue(r.Incident), nil)
		require.NoError(rt, err)
		check(rt, q, b.String(), "CSV")
	})
	var q quarry
	var r, open Report
	once := rapid.Custom(func(rt *rapid.T) bool {
		q, r = told(rt, Hidden{Users: true, Devices: true})
		_, open = told(rt, Hidden{})
		return true
	})
	for seed := range 3 {
		once.Example(seed)
		file := render(t, r)
		check(t, q, text(t, file), "PDF")
		check(t, q, tool(t, file, "pdfinfo", "FILE"), "information of the PDF")
		d, err := compose(r, true)
		require.NoError(t, err)
		for _, f := range d.Files {
			check(t, q, string(f.Data), f.Name)
		}
		require.Contains(t, bare(text(t, render(t, open))), "qx", "the test sees names")
	}
}

// The work for a text does not grow with the length of names.
func TestHidingIsLinear(t *testing.T) {
	n := newNames(Hidden{Evidence: true})
	n.evidence(strings.Repeat("a ", 50_000)+"b", "File 1")
	n.evidence(strings.Repeat("a\n", 50_000)+"c", "File 2")
	n.ready()
	text := strings.Repeat("a ", 1_000_000)
	assert.Equal(t, text, n.in(text))
	assert.Equal(t, text+"File 1", n.in(text+strings.Repeat("a ", 50_000)+"b"))
	for _, hostile := range []string{"%", "%25", "&", "[", `\\`, "\u0301", "\n", "\u200b", "-\n", "*"} {
		text := strings.Repeat(hostile, 500_000)
		assert.True(t, text == n.in(text), "%q", hostile)
	}
}
