package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

func decode(m *Mapping, text string) (all []Decoded, errs []error) {
	for d, err := range m.Decode(strings.NewReader(text), "f.json") {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, d)
	}
	return all, errs
}

// one returns the alert of an object beside "lupa", "id" and "t", and what is said of it.
func one(t testing.TB, m *Mapping, members string) Decoded {
	t.Helper()
	if members != "" {
		members = "," + members
	}
	all, errs := decode(m, `{"lupa":1,"id":"i","t":"T"`+members+`}`)
	require.Empty(t, errs)
	require.Len(t, all, 1)
	require.NoError(t, all[0].Alert.Validate())
	return all[0]
}

// How values become fields, what is left of them, and what is said.
func TestValues(t *testing.T) {
	for _, c := range []struct{ field, members, want, extra, note string }{
		{`"severity": "s"`, `"s":"HIGH"`, "high", ``, ``},
		{`"severity": "s"`, `"s":"critical"`, "unrated", `"s":"critical"`, `s "critical": not understood, kept in extra`},
		{`"severity": {"from":"s","scale":{"critical":"high"}}`, `"s":"Critical"`, "high", `"s":"Critical"`, ``},
		{`"severity": {"from":["w","s"],"scale":{"7..":"high","4..6.9":"medium","..3.9":"low"}}`, `"s":6.9`, "medium", `"s":6.9`, ``},
		{`"severity": {"from":["w","s"],"scale":{"7..":"high","4..6.9":"medium","..3.9":"low"}}`, `"s":"7"`, "high", `"s":"7"`, ``},
		{`"severity": {"from":["w","s"],"scale":{"7":"high"}}`, `"w":"odd","s":7.0`, "high", `"s":7.0,"w":"odd"`, `w "odd": not understood, kept in extra`},
		{`"severity": {"from":["s","=3"],"scale":{"3":"low"}}`, ``, "low", ``, ``},
		{`"status": "s"`, `"s":"in_progress"`, "inProgress", `"s":"in_progress"`, ``},
		{`"category": "s"`, `"s":["Odd","Initial Access"]`, "Odd", `"s":["Initial Access"]`, ``},
		{`"category": "s"`, `"s":"initial-access"`, "InitialAccess", `"s":"initial-access"`, ``},
		{`"category": "s"`, `"s":"Unknown"`, "", `"s":"Unknown"`, ``},
		{`"category": {"from":"s","scale":{"Recon:*":"Reconnaissance","*":""}}`, `"s":"recon:EC2/x"`, "Reconnaissance", `"s":"recon:EC2/x"`, ``},
		{`"category": {"from":"s","scale":{"Recon:*":"Reconnaissance","*":""}}`, `"s":"Policy"`, "", `"s":"Policy"`, ``},
		{`"owner.id": "s"`, `"s":"Unassigned"`, "", `"s":"Unassigned"`, ``},
		{`"owner.id": "s"`, `"s":"kai@corp.example"`, "kai@corp.example", ``, ``},
		{`"techniques": ["s","u"]`, `"s":["T1059","Cloud Accounts (T1078.004)","CST0001"],"u":"T1059"`, "[T1059 T1078.004]", `"s":["Cloud Accounts (T1078.004)","CST0001"]`, `s[2] "CST0001": not understood, kept in extra`},
		{`"tags": ["s","=fixed","u.v"]`, `"s":["a","-","b"],"u":{"v":7,"w":8}`, "[a b fixed 7]", `"s":["-"],"u":{"w":8}`, ``},
		{`"url": "s"`, `"s":{"a":1}`, "", `"s":{"a":1}`, `s "{\"a\":1}": not understood, kept in extra`},
		{`"url": "s"`, `"s":"n/a"`, "", `"s":"n/a"`, ``},
		{`"url": ["=x/{a}/{b}","=y/{a}{b?}"]`, `"a":"1"`, "y/1", `"a":"1"`, ``},
		{`"url": "={{{a}}}"`, `"a":1.50`, "{1.50}", `"a":1.50`, ``},
		{`"description": "s"`, `"s":["a","b"]`, "a\nb", ``, ``},
		{`"firstActivity": "s"`, `"s":["2026-01-02T00:00:00Z","2026-01-01T00:00:00Z","2026-01-03T00:00:00Z"]`, "2026-01-01 00:00:00 +0000 UTC", `"s":["2026-01-02T00:00:00Z","2026-01-03T00:00:00Z"]`, ``},
		{`"firstActivity": "s"`, `"s":["2026-01-02T00:00:00Z","2026-01-01T00:00:00"]`, "2026-01-01 00:00:00 +0000 UTC", `"s":["2026-01-02T00:00:00Z","2026-01-01T00:00:00"]`, `s[1] "2026-01-01T00:00:00": taken for UTC, since it has no zone`},
		{`"lastActivity": "s"`, `"s":["2026-01-02T00:00:00Z","2026-01-01T00:00:00Z"]`, "2026-01-02 00:00:00 +0000 UTC", `"s":["2026-01-01T00:00:00Z"]`, ``},
		{`"created": {"from":"s","time":"unixMilli"}`, `"s":"1767225600000"`, "2026-01-01 00:00:00 +0000 UTC", ``, ``},
		{`"created": "s"`, `"s":"2026-01-01 00:00:00"`, "2026-01-01 00:00:00 +0000 UTC", `"s":"2026-01-01 00:00:00"`, `s "2026-01-01 00:00:00": taken for UTC, since it has no zone`},
		{`"created": "s"`, `"s":"soon"`, "0001-01-01 00:00:00 +0000 UTC", `"s":"soon"`, `s "soon": not understood, kept in extra`},
		{`"created": "s"`, `"s":"0001-01-01T00:00:00"`, "0001-01-01 00:00:00 +0000 UTC", `"s":"0001-01-01T00:00:00"`, ``},
		{`"resolved": "s"`, `"s":"2026-01-01T00:00:00Z"`, "0001-01-01 00:00:00 +0000 UTC", `"s":"2026-01-01T00:00:00Z"`, ``},
		{`"status": "=resolved", "resolved": "s"`, `"s":"2026-01-01T00:00:00Z"`, "resolved", ``, ``},
		{`"verdict.classification": {"from":"s","scale":{"tp":"truePositive"}}`, `"s":"TP"`, "truePositive", `"s":"TP"`, ``},
		{`"verdict.classification": {"from":"s","scale":{"tp":"truePositive"}}`, `"s":"odd"`, "", `"s":"odd"`, `s "odd": not understood, kept in extra`},
	} {
		d := one(t, must(t, with(c.field, "")), c.members)
		name, _, _ := strings.Cut(strings.Trim(c.field, `"`), `"`)
		got := reflect.ValueOf(d.Alert).FieldByIndex(find(alertFields(), name).index)
		assert.Equal(t, c.want, fmt.Sprint(got.Interface()), "%s of %s", c.field, c.members)
		extra := `"lupa":1`
		if c.extra != "" {
			extra = c.extra + "," + extra
			if c.extra[1] > 'l' {
				extra = `"lupa":1,` + c.extra
			}
		}
		assert.JSONEq(t, "{"+extra+"}", string(d.Alert.Extra), "%s of %s", c.field, c.members)
		var said strings.Builder
		for _, n := range d.Notes {
			said.WriteString(strings.TrimPrefix(n.String(), "alert lupa:i: "))
		}
		assert.Equal(t, c.note, said.String(), "%s of %s", c.field, c.members)
	}
}

// How evidence is made.
func TestEvidence(t *testing.T) {
	file := alert.File{FileName: "x.exe", Path: `C:\t`}
	for _, c := range []struct {
		rules, members string
		want           []alert.Entity
		extra          []string
	}{
		{`{"kind":"device","name":"h"}`, `"h":"ws.corp.example"`, []alert.Entity{alert.Device{DNSName: "ws.corp.example"}}, []string{""}},
		{`{"kind":"device","name":["h","n"],"os":"=Linux"}`, `"h":"ws.corp.example","n":["WS","192.0.2.1"]`, []alert.Entity{alert.Device{DNSName: "ws.corp.example", HostName: "WS", LastIP: "192.0.2.1", OS: "Linux"}}, []string{""}},
		{`{"kind":"device","name":"h","os":"=Linux"}`, `"h":"-"`, nil, nil},
		{`{"kind":"user","login":"u"}`, `"u":"CORP\\ann"`, []alert.Entity{alert.User{Account: "ann", Domain: "CORP"}}, []string{""}},
		{`{"kind":"user","login":"u"}`, `"u":"ann@corp.example"`, []alert.Entity{alert.User{UPN: "ann@corp.example"}}, []string{""}},
		{`{"kind":"user","login":"u","sid":"s"}`, `"u":"ann","s":"1000"`, []alert.Entity{alert.User{Account: "ann"}}, []string{""}},
		{`{"kind":"ip","each":"a","address":"."}`, `"a":["192.0.2.1","any","2001:db8::1","198.51.100.1:443"]`, []alert.Entity{alert.IP{Address: "192.0.2.1"}, alert.IP{Address: "2001:db8::1"}, alert.IP{Address: "198.51.100.1:443"}}, []string{"", "", ""}},
		{`{"kind":"file","each":"f","fullPath":"p","size":"s"}`, `"f":[{"p":"C:\\t\\x.exe","s":"12","q":1},{"s":"big"},{"p":"/y","q":2}]`, []alert.Entity{alert.File{FileName: "x.exe", Path: `C:\t`, Size: 12}, alert.File{FileName: "y", Path: "/"}}, []string{`{"q":1}`, `{"q":2}`}},
		{`{"kind":"file","each":"f","fullPath":"p"}`, `"f":{"p":"C:\\t\\x.exe","q":1}`, []alert.Entity{file}, []string{`{"q":1}`}},
		{`{"kind":"file","hashes":"h"}`, `"h":"MD5=0cc175b9c0f1b6a831c399e269772661,IMPHASH=92eb5ffee6ae2fec3ad71c777531578f"`, []alert.Entity{alert.File{MD5: "0cc175b9c0f1b6a831c399e269772661"}}, []string{""}},
		{`{"kind":"file","name":"n","sha1":"s"}`, `"n":"x","s":"0000000000000000000000000000000000000000"`, []alert.Entity{alert.File{FileName: "x"}}, []string{""}},
		{`{"kind":"process","pid":"p","image.fullPath":"i","user.login":"u"}`, `"p":"0x1f4","i":"C:\\t\\x.exe","u":"CORP\\ann"`, []alert.Entity{alert.Process{PID: 500, Image: file, User: alert.User{Account: "ann", Domain: "CORP"}}}, []string{""}},
		{`{"kind":"url","each":"u","url":"."}`, `"u":["/a/b","http://bad.example/a","bad.example"]`, []alert.Entity{alert.URL{URL: "http://bad.example/a"}, alert.URL{URL: "bad.example"}}, []string{"", ""}},
		{`{"kind":"registryValue","key":"k"}`, `"k":"a"`, []alert.Entity{alert.Registry{Key: "a", IsValue: true}}, []string{""}},
		{`{"kind":"amazonResource","each":"r","id":"arn","account":"$.acc"}`, `"acc":"1","r":[{"arn":"a"},{"arn":"b"},{"x":1}]`, []alert.Entity{alert.CloudResource{Provider: alert.KindAmazonResource, ID: "a", Account: "1"}, alert.CloudResource{Provider: alert.KindAmazonResource, ID: "b", Account: "1"}}, []string{"", ""}},
		{`{"kind":"other","type":"pod","each":"p","label":"name"}`, `"p":[{"name":"w","uid":"7"}]`, []alert.Entity{alert.Other{Type: "pod", Label: "w", Fields: `{"name":"w","uid":"7"}`}}, []string{""}},
		{`{"kind":"other","type":"pod","label":"n","fields":{"uid":["v","u"]}}`, `"n":"w","u":7`, []alert.Entity{alert.Other{Type: "pod", Label: "w", Fields: `{"uid":7}`}}, []string{""}},
		{`{"kind":"other","type":"tag","each":"p"}`, `"p":["x"]`, []alert.Entity{alert.Other{Type: "tag", Fields: `{"value":"x"}`}}, []string{""}},
		{`{"kind":"ip","address":"a","roles":"=source"},{"kind":"ip","address":"b","roles":"=attacker"}`, `"a":"192.0.2.1","b":"192.0.2.1"`, []alert.Entity{alert.IP{Address: "192.0.2.1"}}, []string{""}},
	} {
		d := one(t, must(t, with("", c.rules)), c.members)
		var got []alert.Entity
		var extra []string
		for _, e := range d.Alert.Evidence {
			got, extra = append(got, e.Entity), append(extra, string(e.Extra))
		}
		assert.Equal(t, c.want, got, c.rules)
		assert.Equal(t, c.extra, extra, c.rules)
	}
	d := one(t, must(t, with("", `{"kind":"process","pid":"p","parentPid":"q"}`)), `"p":"0x1f4","q":0`)
	assert.Equal(t, alert.Fields(`{"lupa":1,"p":"0x1f4","q":0}`), d.Alert.Extra, "the field does not say how it was written")
	d = one(t, must(t, with("", `{"kind":"file","each":"f","name":"n"},{"kind":"url","each":"f","url":"u"}`)), `"f":[{"n":"a","u":"b.example","x":1}]`)
	require.Len(t, d.Alert.Evidence, 2)
	assert.Equal(t, alert.Fields(`{"x":1}`), d.Alert.Evidence[0].Extra)
	assert.Empty(t, d.Alert.Evidence[1].Extra, "what is left is kept once")
	d = one(t, must(t, with("", `{"kind":"ip","address":"a","roles":["=source","r"],"verdict":"v","remediation":{"from":"x","scale":{"drop":"blocked"}},"tags":"t2"}`)),
		`"a":"192.0.2.1","r":["command_and_control","odd"],"v":"MALICIOUS","x":"drop","t2":["p","q"]`)
	assert.Equal(t, []alert.Evidence{{
		Entity: alert.IP{Address: "192.0.2.1"}, Verdict: alert.Malicious, Remediation: alert.Blocked,
		Roles: []alert.Role{alert.Source, alert.CommandAndControl}, Tags: []string{"p", "q"},
	}}, d.Alert.Evidence)
	require.Len(t, d.Notes, 1)
	assert.Equal(t, `r[1]`, d.Notes[0].Field)
}

func TestOwners(t *testing.T) {
	m := must(t, with(`"owner.id":"o.id","owner.name":"o.name","owner.kind":"o.kind"`, ""))
	for members, want := range map[string]alert.Owner{
		`"o":{"id":"kai@corp.example","name":"Kai"}`:                 {ID: "kai@corp.example", Name: "Kai"},
		`"o":{"name":"Kai"}`:                                         {ID: "Kai", Name: "Kai"},
		`"o":{"id":"unassigned","name":"Unassigned","kind":"group"}`: {},
		`"o":{"id":"tier2","kind":"GROUP"}`:                          {ID: "tier2", Kind: alert.GroupOwner},
	} {
		d := one(t, m, members)
		assert.Equal(t, want, d.Alert.Owner, members)
		assert.Empty(t, d.Notes, members)
	}
}

// An identifier is known again among the last 65,536, and no more than twice as many are remembered.
func TestRepeats(t *testing.T) {
	r := repeats{seed: maphash.MakeSeed()}
	for n := range 3 * maxSeen {
		require.False(t, r.has(strconv.Itoa(n)), "%d", n)
		require.LessOrEqual(t, len(r.now)+len(r.old), 2*maxSeen)
	}
	assert.True(t, r.has(strconv.Itoa(2*maxSeen)))
	assert.False(t, r.has("0"))
}

// A file may hold alerts in several ways, and each has its place.
func TestEnvelopes(t *testing.T) {
	m := must(t, `{"format":"Lupa alert","is":["lupa","id"],"ignore":"noise","around":["value","page.hits"],"inside":["wrap","more.wrap"],
		"alert":{"origin.source":"=lupa","origin.id":"id","title":["t","=Lupa"]}}`)
	a := func(id string) string { return `{"lupa":1,"id":"` + id + `"}` }
	for text, want := range map[string]string{
		a("1"):                            "0:1",
		"\ufeff" + a("1") + "\n" + a("2"): "0:1 1:2",
		"[" + a("1") + "," + a("2") + "]": "0:1 1:2",
		`{"n":2,"value":[` + a("1") + `,` + a("2") + `],"x":1}`:                "0:1 1:2",
		`{"value":` + a("1") + `}`:                                             "0:1",
		`{"page":{"total":2,"hits":[` + a("1") + `,{"wrap":` + a("2") + `}]}}`: "0:1 note:total 1:2",
		`{"wrap":` + a("1") + `,"x":1}`:                                        "0:1",
		`{"more":{"wrap":[` + a("1") + `]}}`:                                   "0:1",
		`{"noise":1}` + a("2"):                                                 "1:2",
		a("1") + `{"page":{"hits":[{"noise":1},{"a":1},` + a("2") + `]}}`:      `0:1 error:2:hits[1] 3:2`,
		`{"x":1}` + a("2"):                                                     "error:0: 1:2",
		`{"x":{"y":` + a("1") + `}}`:                                           "error:0:",
		`7 "x" null`:                                                           "error:0: error:1: error:2:",
		a("1") + a("1"):                                                        "0:1 1:1 note:origin.id",
		`{"lupa":1,"id":"-"}`:                                                  "error:0:origin.id",
		`{"LUPA":1,"ID":"1"}`:                                                  "0:1",
		`[` + a("1") + `,]`:                                                    "0:1 error:1:",
		``:                                                                     "",
	} {
		var got []string
		for d, err := range m.Decode(strings.NewReader(text), "f.json") {
			if wrong, ok := errors.AsType[*alert.DecodeError](err); ok {
				assert.Equal(t, "f.json", wrong.File)
				got = append(got, fmt.Sprintf("error:%d:%s", wrong.Index, wrong.Field))
				continue
			}
			require.NoError(t, err)
			got = append(got, fmt.Sprintf("%d:%s", d.Index, d.Alert.Origin.ID))
			for _, n := range d.Notes {
				if n.Field != "title" {
					got = append(got, "note:"+n.Field)
				}
			}
		}
		assert.Equal(t, want, strings.Join(got, " "), text)
	}
	all, errs := decode(m, `{"wrap":{"lupa":1,"id":"1","z":[2]},"x":1}`)
	require.Empty(t, errs)
	assert.Equal(t, alert.Fields(`{"wrap":{"lupa":1,"z":[2]},"x":1}`), all[0].Alert.Extra)
}

// A refusal says what is missing, where there is an alert after all, and what it looks like.
func TestRefusals(t *testing.T) {
	m := must(t, with("", ""))
	for text, want := range map[string]string{
		`{"id":"1","title":"x"}`:           "f.json: item 0: want a Lupa alert, which has lupa",
		`{"a":{"b":[{"lupa":1}]}}`:         "f.json: item 0: want a Lupa alert, which has lupa; there is one inside, at a.b[0]",
		`[7]`:                              "f.json: item 0: want an object, a Lupa alert, not 7",
		string(sample(t, GuardDuty())[:0]): "",
		`{"composite_id":"a","cid":"b","aggregate_id":"c"}`: "f.json: item 0: want a Lupa alert, which has lupa; this looks like a CrowdStrike alert",
		`{"lupa":1}`: "f.json: item 0: origin.id: missing, want a text at id",
		strings.Repeat(`{"a":`, 501) + "1" + strings.Repeat("}", 501): "f.json: item 0: want at most 490 levels of lists and objects",
	} {
		_, errs := decode(m, text)
		if want == "" {
			assert.Empty(t, errs)
			continue
		}
		require.Len(t, errs, 1, text)
		assert.EqualError(t, errs[0], want)
	}
}

// Each product's alerts are refused by the mappings of the others, which say whose they are.
func TestProductsAreToldApart(t *testing.T) {
	for _, m := range shipped() {
		text := sample(t, m)
		for _, other := range shipped() {
			if other == m {
				continue
			}
			all, errs := decode(other, string(text))
			assert.Empty(t, all, "%s as a %s", m.Format(), other.Format())
			said := false
			for _, err := range errs {
				said = said || strings.Contains(err.Error(), m.Format())
			}
			assert.True(t, said || strings.Contains(fmt.Sprint(errs), "Findings") || len(errs) > 0, "%s as a %s: %v", m.Format(), other.Format(), errs)
		}
	}
}

func TestReaders(t *testing.T) {
	text := sample(t, Wazuh())
	want, errs := decode(Wazuh(), string(text))
	require.Empty(t, errs)
	n := 0
	for d, err := range Wazuh().Decode(iotest.OneByteReader(bytes.NewReader(text)), "f.json") {
		require.NoError(t, err)
		assert.Equal(t, want[n], d)
		n++
	}
	assert.Len(t, want, n)
	for _, stop := range []string{`{"lupa":1,"id":"1","t":"x"}{}`, `{}{}`, `7 8`, `{"lupa":1}{}`, strings.Repeat("[", 502) + strings.Repeat("]", 502) + "{}"} {
		n := 0
		for range must(t, with("", "")).Decode(strings.NewReader(stop), "f.json") {
			n++
			break
		}
		assert.Equal(t, 1, n)
	}
}

// What one alert can hold is bounded, and what is too much is named.
func TestTooMuch(t *testing.T) {
	m := must(t, with(`"tags":"g"`, `{"kind":"ip","each":"a","address":"."}`))
	var addresses strings.Builder
	for n := range alert.MaxEvidence + 5 {
		fmt.Fprintf(&addresses, `,"10.%d.%d.%d"`, n>>16, n>>8&255, n&255)
	}
	d := one(t, m, `"a":[`+addresses.String()[1:]+`]`)
	assert.Len(t, d.Alert.Evidence, alert.MaxEvidence)
	require.Len(t, d.Notes, 1)
	assert.Equal(t, "evidence[0]", d.Notes[0].Field)
	assert.Equal(t, alert.Fields(`{"a":["10.0.39.16","10.0.39.17","10.0.39.18","10.0.39.19","10.0.39.20"],"lupa":1}`), d.Alert.Extra)

	d = one(t, m, `"a":[`+strings.Repeat(`"odd",`, 200)+`"odd"]`)
	assert.Len(t, d.Notes, 101)
	assert.Equal(t, alert.Note{Record: "alert lupa:i", Value: "101", Said: "more values not understood, kept in extra"}, d.Notes[100])

	d = one(t, m, `"big":"`+strings.Repeat("x", alert.MaxExtra)+`","small":1`)
	assert.Equal(t, alert.Fields(`{"lupa":1,"small":1}`), d.Alert.Extra)
	assert.Equal(t, []alert.Note{{Record: "alert lupa:i", Field: "big", Value: "1048584 bytes", Said: "left out, since extra is full"}}, d.Notes)

	var many strings.Builder
	for n := range 100_000 {
		fmt.Fprintf(&many, `,"member%d":[{},{}]`, n)
	}
	d = one(t, m, many.String()[1:])
	assert.LessOrEqual(t, len(d.Alert.Extra), alert.MaxExtra)
	assert.Greater(t, len(d.Alert.Extra), alert.MaxExtra-100)
	assert.Len(t, d.Notes, 11)

	d = one(t, m, `"g":["`+strings.Repeat("y", 2000)+`"]`)
	assert.Len(t, []rune(d.Alert.Tags[0]), alert.MaxShort)
	require.Len(t, d.Notes, 1)
	assert.Equal(t, "cut to 1000 of 2000 characters", d.Notes[0].Said)
}

// The memory of an item of a million empty elements is bounded by some tens of bytes for each.
func TestMemoryOfManyElements(t *testing.T) {
	m := must(t, with("", `{"kind":"file","each":"a","name":"n"}`))
	text := `{"lupa":1,"id":"i","t":"T","a":[{}` + strings.Repeat(",{}", 1_000_000) + `]}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	all, errs := decode(m, text)
	runtime.ReadMemStats(&after)
	require.Empty(t, errs)
	require.Len(t, all, 1)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(256<<20))
}
