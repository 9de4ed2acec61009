package mapping

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// with returns a mapping that has members beside the least that one needs.
func with(fields, evidence string) string {
	if fields != "" {
		fields = ",\n    " + fields
	}
	return `{
  "format": "Lupa alert",
  "is": "lupa",
  "alert": {
    "origin.source": "=lupa", "origin.id": "id", "title": "t"` + fields + `
  },
  "evidence": [` + evidence + `]
}`
}

func must(t testing.TB, text string) *Mapping {
	t.Helper()
	m, err := Parse([]byte(text))
	require.NoError(t, err, text)
	return m
}

// Each fault of a mapping is named with its place, what stands there and what is expected.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, `line 1, column 1: "": want JSON: unexpected end of JSON input`},
		{"{\n  \"format\": \"x\",\n  \"is\" \"y\"}", `line 3, column 8: "": want JSON: invalid character '"' after object key`},
		{"{\"é\": x}", `line 1, column 7: "": want JSON: invalid character 'x' looking for beginning of value`},
		{"{}\n\xff", `line 2, column 1: "": want UTF-8`},
		{`[]`, `line 1, column 1: "[]": want an object, the mapping`},
		{`{"format":"x","is":"y"}`, `line 1, column 1: "": want the member "alert"`},
		{"{\"format\":\"x\",\n\"iss\":\"y\"}", `line 2, column 1: "iss": want "is", or one of format, about, is, ignore`},
		{`{"format":"x","format":"y"}`, `line 1, column 15: "format": want each member once`},
		{`{"format":" "}`, `line 1, column 11: format " ": want the name of the format, such as "Wazuh alert"`},
		{`{"is":["a",7]}`, `line 1, column 12: is[1] "7": want a path such as "rule.name"`},
		{`{"is":"a..b"}`, `line 1, column 10: is "a..b": want a name`},
		{`{"around":["a[0]"]}`, `line 1, column 11: around "a[0]": want names alone, such as hits.hits`},
		{`{"zone":"CET"}`, `line 1, column 9: zone "CET": want "UTC" or an offset such as "+02:00"`},
		{`{"time":"unixmilli"}`, `line 1, column 9: time "unixmilli": want "unixMilli", or one of unix, unixMilli`},
		{`{"time":"15:04"}`, `line 1, column 9: time "15:04": want one of unix`},
		{`{"alert":[]}`, `line 1, column 10: alert "[]": want an object, the fields of an alert`},
		{`{"alert":{"origin.id":"=x"}}`, `line 1, column 23: alert.origin.id "=x": want a path or a text with one, since two`},
		{`{"alert":{"titel":"x"}}`, `line 1, column 11: alert "titel": want "title", or one of origin.source, origin.id`},
		{`{"alert":{"title":7}}`, `line 1, column 19: alert.title "7": want a path such as "rule.name", a text such as`},
		{`{"alert":{"title":"=a {b"}}`, `line 1, column 23: alert.title "=a {b": want "}" behind the path, or "{{" for a brace`},
		{`{"alert":{"title":"=a b}"}}`, `line 1, column 24: alert.title "=a b}": want "}}" for a brace`},
		{`{"alert":{"title":"=a {b..c}"}}`, `line 1, column 26: alert.title "b..c": want a name`},
		{`{"alert":{"title":"="}}`, `line 1, column 19: alert.title "=": want a text behind "="`},
		{with(`"severity": "=hihg"`, ``), `line 6, column 17: alert.severity "hihg": want "high", or one of unrated, informational, low, medium, high`},
		{with(`"severity": {"from": "s", "scale": {"x": "critical"}}`, ``), `line 6, column 46: alert.severity.scale.x "critical": want one of unrated`},
		{with(`"severity": {"from": "s", "scale": {"9..1": "low"}}`, ``), `line 6, column 41: alert.severity.scale "9..1": want a range such as 4..6.9, 7.. or ..3`},
		{with(`"severity": {"from": "s", "scale": {"in-use": "low", "In Use": "low"}}`, ``), `line 6, column 58: alert.severity.scale "In Use": want each word once; "in-use" is the same`},
		{with(`"severity": {"scale": {}}`, ``), `line 6, column 17: alert.severity "": want the member "from"`},
		{with(`"severity": {"from": []}`, ``), `line 6, column 26: alert.severity.from "[]": want at least one path or text`},
		{with(`"severity": {"from": "a", "time": "unix"}`, ``), `line 6, column 31: alert.severity "time": want one of from, scale`},
		{with(`"created": {"from": "a", "scale": {}}`, ``), `line 6, column 30: alert.created "scale": want one of from, time`},
		{with(`"created": "=now"`, ``), `line 6, column 16: alert.created "=now": want a path, since a time is never the same for every alert`},
		{with(`"techniques": "=Phishing"`, ``), `line 6, column 19: alert.techniques "=Phishing": want a technique of MITRE ATT&CK such as "T1059.001"`},
		{with(``, `7`), `evidence[0] "7": want an object with "kind"`},
		{with(``, `{}`), `evidence[0] "": want the member "kind"`},
		{with(``, `{"kind": "host"}`), `evidence[0].kind "host": want one of device, user`},
		{with(``, `{"kind": "devise"}`), `evidence[0].kind "devise": want "device", or one of`},
		{with(``, `{"kind": "device", "hostname": "h"}`), `evidence[0] "hostname": want "hostName", or one of kind, each, name, deviceId`},
		{with(``, `{"kind": "device", "os": "=Linux"}`), `evidence[0] "device": want at least one field with a path: name, deviceId`},
		{with(``, `{"kind": "ip", "address": "a", "roles": "=atacker"}`), `evidence[0].roles "atacker": want "attacker", or one of contextual`},
		{with(``, `{"kind": "ip", "address": "a", "provider": "a"}`), `evidence[0] "provider": want one of kind`},
		{with(``, `{"kind": "file", "size": "=big", "name": "n"}`), `evidence[0].size "=big": want a whole number`},
		{with(``, `{"kind": "other", "each": "x"}`), `evidence[0] "": want the member "type"`},
		{with(``, `{"kind": "other", "type": "a b", "each": "x"}`), `evidence[0].type "a b": want the name of a kind that has no type of its own`},
		{with(``, `{"kind": "other", "type": "user", "each": "x"}`), `evidence[0].type "user": want the name of a kind that has no type of its own`},
	} {
		_, err := Parse([]byte(c.text))
		require.Error(t, err, c.text)
		assert.ErrorIs(t, err, alert.ErrInvalid)
		assert.Contains(t, err.Error(), c.want)
		_, ok := errors.AsType[*Error](err)
		assert.True(t, ok)
	}
}

// All faults come at once, in the order of the text.
func TestAllFaults(t *testing.T) {
	_, err := Parse([]byte("{\"format\": 1,\n\"zone\": 2,\n\"evidence\": [{\"kind\": \"x\"}],\n\"is\": 3,\n\"alert\": {}}"))
	var lines []int
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		wrong, ok := errors.AsType[*Error](one)
		require.True(t, ok)
		lines = append(lines, wrong.Line)
	}
	assert.Equal(t, []int{1, 2, 3, 4, 5, 5, 5}, lines)
}

func TestLimits(t *testing.T) {
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for text, want := range map[string]string{
		strings.Repeat(" ", 1<<20+1):                                "want at most 1 MiB",
		with("", many(1001, `{"kind":"ip","address":"a"}`)):         "want at most 1000 kinds of evidence",
		with(`"tags": [`+many(33, `"a"`)+`]`, ""):                   "want at most 32 of them",
		with(`"tags": "=`+strings.Repeat("{a},", 40)+`"`, ""):       "want at most 32 paths in a text",
		with(`"url": "[`+strings.Repeat("a.", 17)+`a=1].b"`, ""):    "want a condition on at most 16 names",
		strings.Repeat("[", 20_000):                                 "exceeded max depth",
		with(`"severity": {"from":"a","scale":{`+scaled()+`}}`, ""): "want a scale of at most 1000 lines",
	} {
		_, err := Parse([]byte(text))
		assert.ErrorContains(t, err, want)
	}
}

func scaled() string {
	var b strings.Builder
	for n := range 1001 {
		fmt.Fprintf(&b, `"%d":"low",`, n)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestLoad(t *testing.T) {
	m, err := Load(strings.NewReader("\ufeff" + with("", "")))
	require.NoError(t, err)
	assert.Equal(t, "Lupa alert", m.Format())
	_, err = Load(iotest.ErrReader(errors.New("broken")))
	assert.EqualError(t, err, "mapping: broken")
	_, err = Load(strings.NewReader("{"))
	assert.ErrorIs(t, err, alert.ErrInvalid)
}
