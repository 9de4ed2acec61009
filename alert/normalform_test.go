package alert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// Each text has the key of its normal form.
func TestNormalForms(t *testing.T) {
	url := func(text string) alert.Entity { return alert.URL{URL: text} }
	ip := func(text string) alert.Entity { return alert.IP{Address: text} }
	host := func(text string) alert.Entity { return alert.Device{HostName: text} }
	for _, c := range []struct {
		make  func(string) alert.Entity
		want  alert.Key
		texts []string
	}{
		{url, "url:http://bad.example/a", []string{
			"http://bad.example/a", "HTTP://Bad.Example/a", "http://bad.example:80/a", "hxxp://bad[.]example/a",
			"hXXp://bad(.)example/a", "http[:]//bad[.]example/a",
			"hxxp[://]bad{.}example/a", "http://bad.example./a", "http://user:secret@bad.example/a",
			"http://bad.example/a#part", "http://bad.example/./x/../a", "http://bad.example/x/%2e%2E/a",
			` "http://bad.example/a" `, "<http://bad.example/a>", "(http://bad.example/a)",
			"http:/bad.example/a", `http:\\bad.example\a`, "http__bad.example/a", `http://bad\.example/a`,
			"http://bad[.example/a", "http://bad[dot]example/a", "http://ba%64.example/a",
			"http://bad.example:080/a", "http%3A%2F%2Fbad.example%2Fa", "\thttp://bad.exa\nmple/a",
			"meow://bad.example/a",
			"https://urldefense.proofpoint.com/v2/url?u=http-3A__bad.example_a&d=x",
			"https://urldefense.com/v3/__http://bad.example/a__;!!x$",
			"https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2Fbad.example%2Fa&data=x",
			"https://gcc02.safelinks.protection.office365.us/?url=http%3A%2F%2Fbad.example%2Fa&data=x",
			"https://linkprotect.cudasvc.com/url?a=http%3a%2f%2fbad.example%2fa&c=E,1",
			"https://secure-web.cisco.com/1aB/http%3A%2F%2Fbad.example%2Fa",
			"http://bad.example/%61", "http://b\u00adad.exam\u200bple/a",
		}},
		{
			url, "url:http://bad.example/", []string{"http://bad.example", "http://bad.example/",
				"http://bad.example/.", "http://bad.example:80", "http://bad.example#x"},
		},
		{
			url, "url:https://bad.example/A%2Fb?Q=1%2F", []string{"https://bad.example/A%2fb?Q=1%2f",
				"https://BAD.example:443/A%2Fb?Q=1%2F#z"},
		},
		{
			url, "url:https://bad.example:8443/?q", []string{"https://bad.example:8443?q",
				"hxxps://BAD.example:8443/?q"},
		},
		{
			url, "url:bad.example", []string{"bad.example", "Bad[.]Example", "bad.example.", "bad.example/",
				"//bad.example", "bad dot example"},
		},
		{url, "url:github.com/bad/x", []string{"https://github.com/bad/x", "http://github.com/bad/x/",
			"GitHub.com/bad/x", "https://github.com:443/%62ad/x#readme"}},
		{url, "url:http://bad.example/~a/x.txt", []string{"http://bad.example/%7Ea/x[.]txt",
			"http://bad.example/~a/x(.)txt"}},
		{url, "url:http://bad.example/%C3%BC%20b?q=%20x", []string{"http://bad.example/ü b?q= x",
			"http://bad.example/%c3%bc%20b?q=%20x", "http://bad.example/u\u0308 b?q=%20x"}},
		{url, "url:bad.example/a", []string{"bad.example/a", "BAD.example/a#x"}},
		{
			url, "url:http://203.0.113.7/x", []string{"http://203.0.113.7/x", "http://0xcb007107/x",
				"http://3405803783/x", "http://203.0.28935/x", "http://0313.0.0161.07/x",
				"http://[::ffff:203.0.113.7]/x", "http://２０３.0.113.7/x"},
		},
		{url, "url:http://[2001:db8::7]:81/", []string{"http://[2001:DB8:0::7]:81",
			"hxxp://[2001:db8::7]:81/"}},
		{
			url, "url:http://xn--bcher-kva.example/", []string{"http://bücher.example/",
				"http://BÜCHER.example", "http://xn--bcher-kva.example"},
		},
		{url, "url:mailto:kai@corp.example", []string{"mailto:kai@corp.example", "MAILTO:kai@corp.example"}},
		{ip, "ip:203.0.113.9", []string{"203.0.113.9", " 203.0.113.9 ", "203.0.113.9:443", "[203.0.113.9]:443",
			"[203.0.113.9]", "203[.]0[.]113[.]9", "203(.)0.113.9", `203\.0.113.9`,
			"203.0.113.9/32", "203.0.113.9%12", "::ffff:203.0.113.9", "::203.0.113.9", "64:ff9b::203.0.113.9",
			"::ffff:203.0.113.9:443", "2002:cb00:7109::1", "2001:0:4136:e378:8000:63bf:34ff:8ef6",
			"'203.0.113.9'"}},
		{
			ip, "ip:2001:db8::7", []string{"2001:db8::7", "[2001:db8::7]", "[2001:DB8::7]:443",
				"2001:db8:0:0::7", "2001:db8::7%eth0", "2001:db8::7/128"},
		},
		{
			host, "host:ws-01", []string{"ws-01", "WS-01", " ws-01 ", "ws-01.", `\\ws-01`, `CORP\WS-01$`,
				"'ws-01'", "ws-01$", "host/ws-01@REALM", "ws-01:9100", "https://ws-01/",
				"http://ws-01:81/x?y",
				"MSSQLSvc/ws-01:1433", "MSSQLSvc/ws-01:SQLEXPRESS"},
		},
		{
			host, "host:xn--mnchen-3ya.example", []string{"münchen.example", "MÜNCHEN.Example.",
				"xn--mnchen-3ya.example"},
		},
		{host, "host:xn--fiqs8s.example", []string{"中国.example", "中国。example"}},
		{host, "device-ip:203.0.113.9", []string{"203.0.113.9", "::ffff:203.0.113.9", "203.0.113.9:443"}},
		{
			func(text string) alert.Entity { return alert.User{UPN: text} }, "upn:kai@corp.example",
			[]string{"kai@corp.example", " KAI@corp.example", "<kai@corp.example>", "kai[at]corp.example",
				"SMTP:kai@corp.example", "kai@corp.example (Kai Lang)", "Kai Lang (kai@corp.example)",
				"kai@corp.example;", "i:0#.f|membership|kai@corp.example", `AzureAD\kai@corp.example`},
		},
		{
			func(text string) alert.Entity { return alert.User{SID: text} }, "sid:s-1-5-21-1-2-3-1104",
			[]string{"S-1-5-21-1-2-3-1104", "s-1-5-21-1-2-3-1104 ", "{S-1-5-21-1-2-3-1104}",
				"%{S-1-5-21-1-2-3-1104}"},
		},
		{
			func(text string) alert.Entity { return alert.User{Account: text} }, `account:corp\kai`,
			[]string{`CORP\kai`, `corp\KAI `, `CORP\\kai`, "CORP/kai", `i:0#.w|CORP\kai`},
		},
		{
			func(text string) alert.Entity { return alert.File{SHA256: text} }, "sha256:" + hash64,
			[]string{hash64, "sha256:" + hash64, "SHA256=" + strings.ToUpper(hash64)},
		},
		{func(text string) alert.Entity { return alert.Mailbox{Address: text} }, "mailbox:kai@corp.example",
			[]string{"kai@corp.example", "Kai Lang <Kai@Corp.example>", "mailto:kai@corp.example",
				"kai[@]corp[.]example"}},
		{
			func(text string) alert.Entity { return alert.Message{InternetMessageID: text} },
			"internet-message:1@x.example|", []string{"<1@x.example>", "1@X.example", " <1@x.example> "},
		},
		{
			func(text string) alert.Entity { return alert.CloudResource{ID: text} },
			"resource:/subscriptions/s/x", []string{"/subscriptions/S/x", "/SUBSCRIPTIONS/s/X/"},
		},
		{func(text string) alert.Entity { return alert.Registry{Key: text, DeviceID: "d"} },
			`registry:d|hklm\software\run`, []string{`HKLM\SOFTWARE\Run`, `HKEY_LOCAL_MACHINE\Software\Run\`,
				`HKLM:\Software\Run`, `\REGISTRY\MACHINE\SOFTWARE\Run`, `hklm\\software\\run`,
				`LocalMachine\Software\Run`, "HKLM/Software/Run", `HKLM\HKLM\Software\Run`}},
		{
			func(text string) alert.Entity { return alert.Registry{Hive: text, Key: "K", DeviceID: "d"} },
			`registry:d|hkcu\k`, []string{"HKCU", "HKEY_CURRENT_USER", "hkcu:", "CurrentUser"},
		},
		{
			func(text string) alert.Entity { return alert.Registry{Hive: text, Key: "K", DeviceID: "d"} },
			`registry:d|hku\k`, []string{"HKU", "HKEY_USERS", `\REGISTRY\USER`, "users"},
		},
		{
			func(text string) alert.Entity { return alert.Registry{Hive: text, Key: "K", DeviceID: "d"} },
			`registry:d|hkcr\k`, []string{"HKCR", "HKEY_CLASSES_ROOT"},
		},
		{
			func(text string) alert.Entity { return alert.Registry{Hive: text, Key: "K", DeviceID: "d"} },
			`registry:d|hkcc\k`, []string{"HKCC", "HKEY_CURRENT_CONFIG"},
		},
		{
			func(text string) alert.Entity { return alert.File{Path: text, FileName: "x.exe", DeviceID: "d"} },
			`file:d|c:\t\x.exe`, []string{`C:\T`, `c:\t\`, "C:/T", `\\?\C:\T`, `\??\C:\T`, `C:\T\X.exe`,
				`C:\\T`, `C:\.\T`, `C:\a\..\T`},
		},
	} {
		for _, text := range c.texts {
			assert.Equal(t, c.want, alert.Identity(c.make(text)), "%q", text)
		}
	}
	for _, pair := range [][2]string{ // that differ
		{"http://bad.example/a", "http://bad.example/A"}, {"http://bad.example/a", "https://bad.example/a"},
		{"http://bad.example/?a&b", "http://bad.example/?b&a"},
		{"http://bad.example/a", "http://bad.example:81/a"},
		{"http://bad.example/a%2Fb", "http://bad.example/a/b"},
		{"http://bad.example/a", "http://bad.example/a/"},
		{"https://github.com/bad/x", "https://github.com/bad/y"},
		{"http://раураl.example/", "http://paypal.example/"},
	} {
		assert.NotEqual(t, alert.Identity(url(pair[0])), alert.Identity(url(pair[1])), pair)
	}
	key := alert.Keys(url("https://kai:hunter2@bad.example/a"))
	assert.NotContains(t, key[0], "hunter2", "credentials stay out of keys")
}

// The key of an identifier does not depend on how it is spelled.
func TestSpellingDoesNotCount(t *testing.T) {
	around := rapid.SampledFrom(
		[]string{"%s", " %s", "%s\t", `"%s"`, "'%s'", "(%s)", "<%s>", "{%s}", " [%s] ", "\u200b%s", "“%s”"},
	)
	word := rapid.StringMatching(`q[a-z0-9]{0,5}(-[a-z0-9]{1,4})?[a-z]`) // none of them is a placeholder
	rapid.Check(t, func(t *rapid.T) {
		label, zone := word.Draw(t, "label"), word.Draw(t, "zone")+".example"
		text := func(id string) string {
			if rapid.Bool().Draw(t, "upper") {
				id = strings.ToUpper(id)
			}
			return strings.Replace(around.Draw(t, "around"), "%s", id, 1)
		}
		for _, pair := range [][2]alert.Entity{
			{alert.Device{DNSName: label + "." + zone}, alert.Device{HostName: text(label + "." + zone + ".")}},
			{alert.User{UPN: label + "@" + zone}, alert.User{UPN: text(label + "@" + zone)}},
			{alert.User{Account: label, Domain: zone}, alert.User{Account: text(label), Domain: text(zone)}},
			{alert.User{SID: "S-1-5-21-1-2-3-1104"}, alert.User{SID: text("s-1-5-21-1-2-3-1104")}},
			{alert.Mailbox{Address: label + "@" + zone}, alert.Mailbox{Address: text(label + "@" + zone)}},
			{alert.IP{Address: "2001:db8::7"}, alert.IP{Address: text("2001:db8::7")}},
			{alert.File{SHA256: hash64}, alert.File{SHA256: text(hash64)}},
			{
				alert.CloudResource{ID: "/subscriptions/" + label + "/x/" + zone},
				alert.CloudResource{ID: text("/subscriptions/" + label + "/x/" + zone + "/")},
			},
		} {
			require.Equal(t, alert.Keys(pair[0]), alert.Keys(pair[1]), "%+v", pair)
		}
	})
}

// anyEntity draws entities that share short names, long names and other parts.
func anyEntity(t *rapid.T) alert.Entity {
	pick := func(name string, texts ...string) string {
		return rapid.SampledFrom(append(texts, "")).Draw(t,
			name)
	}
	user := func() alert.User {
		return alert.User{
			UPN: pick(
				"upn",
				"kai@corp.example",
				"kai@corp.other",
				"kai@lab.example",
				"lee@corp.example",
				`CORP\kai`,
				"kai_corp.example#EXT#@t.onmicrosoft.com",
			),
			Domain:  pick("domain", "CORP", "corp.example", "corp.other", "LAB", ".", "WS-01", "NT AUTHORITY"),
			Account: pick("account", "kai", "lee", "WS-01$", "SYSTEM", "root", "kai@corp.example"),
			SID:     pick("sid", "S-1-5-18", "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-500"),
		}
	}
	device := alert.Device{
		DeviceID: pick("device", "d-1", "d-2", "-"),
		DNSName: pick(
			"dns",
			"ws-01.corp.example",
			"ws-01.other.example",
			"verylongmachinename.corp.example",
			"ws-02.corp.example",
		),
		HostName: pick(
			"host",
			"ws-01",
			"ws-02",
			"verylongmachine",
			"verylongmachinename",
			"verylongmachine-2",
			"10.1.2.3",
			"localhost",
		),
		LastIP: pick("last", "10.1.2.3", "203.0.113.7"),
	}
	file := alert.File{
		FileName: pick("file", "cmd.exe", "evil.exe"),
		Path:     pick("path", `C:\Windows\System32`, `C:\T`),
		SHA256:   pick("hash", hash64),
		DeviceID: device.DeviceID,
	}
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0, 1:
		return device
	case 2:
		return user()
	case 3:
		return alert.Mailbox{Address: pick("address", "kai@corp.example", "lee@corp.example")}
	case 4:
		return alert.IP{Address: pick("ip", "10.1.2.3", "203.0.113.7:80", "8.8.8.8", "ws-01 (10.1.2.3)")}
	case 5:
		return alert.URL{URL: pick("url", "https://evil.example/a", "evil.example", "http://203.0.113.7/x")}
	case 6:
		return file
	case 7:
		return alert.Process{
			DeviceID:      device.DeviceID,
			PID:           int64(rapid.IntRange(0, 5).Draw(t, "pid")),
			Started:       start,
			ParentPID:     4,
			ParentStarted: start,
			Image:         file,
			User:          user(),
		}
	}
	return alert.Message{
		NetworkMessageID: pick("id", "m1", "m2"),
		Recipient:        pick("to", "kai@corp.example", "lee@corp.example"),
		Sender:           "x@evil.example",
		SenderIP:         "203.0.113.7",
	}
}

func anyAlert(t *rapid.T) (a alert.Alert) {
	for range rapid.IntRange(0, 6).Draw(t, "evidence") {
		a.Evidence = append(a.Evidence, alert.Evidence{
			Entity: anyEntity(t),
			Verdict: rapid.SampledFrom([]alert.EvidenceVerdict{alert.NotJudged, alert.Malicious,
				alert.NoThreatsFound}).
				Draw(t, "verdict"),
		})
	}
	return a
}

// What two alerts share does not depend on which one looks for the other; whatever is shared is found by keys
// that are stored; every key that identifies anything is among the identifiers, and no identifier is there
// twice.
func TestIdentifiersAgreeWithKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAlert(t), anyAlert(t)
		of := [2][]alert.Identifier{a.Identifiers(nil), b.Identifiers(nil)}
		keys := [2][]alert.Key{a.Keys(), b.Keys()}
		require.Equal(t, of[0], a.Identifiers(nil), "the same every time")
		for n, list := range of {
			stored := make(map[alert.Key]bool)
			seen := make(map[alert.Identifier]bool)
			for _, i := range list {
				require.Contains(t, keys[n], i.Stored, "%+v", i)
				same := alert.Identifier{Key: i.Key, Stored: i.Stored, Lookup: i.Lookup}
				require.False(t, seen[same], "%+v", i)
				stored[i.Stored], seen[same] = true, true
				require.Equal(
					t,
					i.Strength == alert.NotLinking,
					i.Strength == alert.NotLinking && i.Why != "",
					"%+v",
					i,
				)
			}
			for _, key := range keys[n][:len(keys[n])-1] {
				if !strings.HasSuffix(key.Namespace(), "-anonymous") && !key.IsShort() && !key.IsMarker() {
					require.True(t, stored[key], "%s of %v", key, list)
				}
			}
		}
		for _, x := range of[0] {
			for _, y := range of[1] {
				require.Equal(t, x.Meets(y), y.Meets(x))
			}
		}
	})
}

// Two devices with different full names share nothing by their names, and neither do two accounts.
func TestLongFormsNeverMeet(t *testing.T) {
	label := rapid.StringMatching(`h[a-z]{2}[a-z0-9]{0,15}`)
	zone := rapid.SampledFrom([]string{"corp.example", "corp.other", "lab.example", "lab.corp.example"})
	rapid.Check(t, func(t *rapid.T) {
		name, one, two := label.Draw(t, "label"), zone.Draw(t, "one"), zone.Draw(t, "two")
		host := name[:min(len(name), rapid.IntRange(2, 18).Draw(t, "cut"))]
		if host != name && len(host) != 15 {
			host = name
		}
		for _, pair := range [][2]alert.Entity{
			{alert.Device{DNSName: name + "." + one}, alert.Device{DNSName: name + "." + two}},
			{
				alert.Device{DNSName: name + "." + one, HostName: host},
				alert.Device{DNSName: name + "." + two, HostName: host},
			},
			{alert.User{UPN: name + "@" + one}, alert.User{UPN: name + "@" + two}},
			{alert.User{UPN: name + "@" + one}, alert.User{Domain: two, Account: name}},
			{alert.User{Domain: one, Account: name}, alert.User{Domain: two, Account: name}},
		} {
			_, key := shared(about(pair[0]), about(pair[1]))
			require.Equal(t, one == two, key != "", "%+v share %q", pair, key)
		}
		for _, pair := range [][2]alert.Entity{
			{alert.Device{DNSName: name + "." + one}, alert.Device{HostName: name}},
			{
				alert.User{UPN: name + "@" + one},
				alert.User{Domain: one[:strings.IndexByte(one, '.')], Account: name},
			},
		} {
			_, key := shared(about(pair[0]), about(pair[1]))
			require.NotEmpty(t, key, "%+v", pair)
		}
	})
}

// A key set tells the own keys of each entity from those of what it names.
func TestOwnKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAlert(t)
		s := a.KeySet()
		for n, e := range a.Evidence {
			own := s.Own(n)
			require.NotEmpty(t, own)
			require.Equal(t, alert.Identity(e.Entity), own[0])
			require.Equal(t, alert.Keys(e.Entity)[:len(own)], own)
		}
		require.Nil(t, s.Own(-1))
		require.Nil(t, s.Own(len(a.Evidence)))
		b := anyAlert(t)
		left := s.Without(b.KeySet())
		for n := range a.Evidence {
			want := slices.DeleteFunc(
				slices.Clone(s.Own(n)),
				func(k alert.Key) bool { return slices.Contains(b.Keys(), k) },
			)
			require.ElementsMatch(t, want, left.Own(n))
		}
	})
	p := alert.Process{
		DeviceID: "d",
		PID:      7,
		Started:  start,
		User:     alert.User{SID: "S-1-5-21-1-2-3-1104"},
		Image:    alert.File{SHA256: hash64},
	}
	assert.Equal(
		t,
		[]alert.Key{"process:d|7|2026-03-02t08:59:00z", alert.Key("sha256:" + hash64)},
		about(p).KeySet().Own(0),
	)
	assert.Equal(
		t,
		[]alert.Key{
			"process:d|7|2026-03-02t08:59:00z",
			alert.Key("sha256:" + hash64),
			"device:d",
			"sid:s-1-5-21-1-2-3-1104",
		},
		alert.Keys(p),
	)
}

// Whatever a source writes, keys are computed, have a namespace, and are those of the identifiers; and the
// key of a URL is its own normal form.
func FuzzKeys(f *testing.F) {
	for _, text := range []string{"", "a", `\\`, "http://[", "hxxp://a[.]b/%2e%2e/%zz", "::1%", "1.2.3.4:99999",
		"S-1-12-1-1-2-3-4", "@", "a@b", `\`, "#EXT#@", "_#ext#@x", "[", "xn--", "ü.ü",
		"arn:aws:sts::1:assumed-role/", `\REGISTRY\MACHINE`, "host/", `{"name":"a","namespace":{"name":1}}`,
		"(()", "0x", "http://0x.1", "//", "://", "%", "\xff", "HKU\\users"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, x, y string) {
		process := alert.Process{
			DeviceID:    x,
			PID:         7,
			Started:     start,
			User:        alert.User{UPN: y},
			Image:       alert.File{SHA1: y, Path: x, FileName: y},
			ParentImage: alert.File{FileName: x, MD5: y},
		}
		a := about(
			alert.Device{DeviceID: x, DirectoryID: y, DNSName: x, HostName: y, LastIP: x},
			alert.User{UPN: x, DirectoryID: y, SID: x, Account: y, Domain: x},
			alert.Mailbox{Address: x, UPN: y}, alert.IP{Address: x}, alert.URL{URL: x},
			alert.File{FileName: x, Path: y, SHA256: x, DeviceID: y}, process,
			alert.Registry{Hive: x, Key: y, DeviceID: x},
			alert.Message{NetworkMessageID: x, InternetMessageID: y, Sender: x, Recipient: y, SenderIP: x},
			alert.MailCluster{By: x, Value: y}, alert.App{DisplayName: x},
			alert.OAuthApp{AppID: x, ObjectID: y}, alert.CloudResource{ID: x},
			alert.Other{Type: alert.Kind(x), Fields: alert.Fields(y)},
			alert.Other{Type: "kubernetesPod", Fields: alert.Fields(x)},
		)
		keys := a.Keys()
		for _, i := range a.Identifiers(nil) {
			if !slices.Contains(keys, i.Stored) {
				t.Errorf("%+v is not stored", i)
			}
		}
		for _, e := range a.Evidence {
			if alert.Identity(e.Entity) != alert.Keys(e.Entity)[0] {
				t.Errorf("identity of %+v", e.Entity)
			}
		}
		key := string(alert.Identity(alert.URL{URL: x}))
		if text, ok := strings.CutPrefix(key, "url:"); ok {
			if again := alert.Identity(alert.URL{URL: text}); string(again) != key &&
				!strings.ContainsAny(x, `"'[]{}()<>%`) &&
				isPrintable(x) {
				t.Errorf("%q has the normal form %q, which has %q", x, key, again)
			}
		}
	})
}

func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' })
}
