package measure

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// all returns what Read yields of text, and the error with which it ends.
func all(text string) (labelled []Labelled, failed error) {
	for l, err := range Read(strings.NewReader(text)) {
		if failed != nil {
			return nil, errors.New("Read goes on after an error")
		}
		if failed = err; err == nil {
			labelled = append(labelled, l)
		}
	}
	return labelled, failed
}

var morning = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const whole = `{"attack":"a1","id":"h1","at":"2026-03-02T09:00:00Z","rule":"Mimikatz","level":"critical",` +
	`"techniques":["T1003.001"],"device":"ws-17.corp.example",` +
	`"users":[{"domain":"CORP","account":"kai","sid":"S-1-5-21-1"}],` +
	`"process":{"image":{"name":"m.exe","path":"C:\\T","sha1":"A1","md5":"B2","sha256":"C3"},"pid":7,` +
	`"parentImage":{"name":"cmd.exe"},"parentPid":6},` +
	`"files":[{"name":"out.dmp","path":"C:\\T"}],"ips":["192.0.2.1"],"registry":"HKLM\\SOFTWARE\\Run"}`

// Every member of a hit is in the alert.
func TestReadHit(t *testing.T) {
	got, err := all(whole)
	require.NoError(t, err)
	require.Len(t, got, 1)
	evidence := func(entities ...alert.Entity) (list []alert.Evidence) {
		for _, e := range entities {
			list = append(list, alert.Evidence{Entity: e})
		}
		return list
	}
	assert.Equal(t, Labelled{"a1", alert.Alert{
		Origin: alert.Origin{Source: "rules", ID: "h1"}, Title: "Mimikatz", Severity: alert.High,
		Techniques: []string{"T1003.001"}, FirstActivity: morning, LastActivity: morning, Created: morning,
		Evidence: evidence(
			alert.Device{DNSName: "ws-17.corp.example"},
			alert.User{Domain: "CORP", Account: "kai", SID: "S-1-5-21-1"},
			alert.Process{
				PID: 7, ParentPID: 6, ParentImage: alert.File{FileName: "cmd.exe"},
				Image: alert.File{FileName: "m.exe", Path: `C:\T`, SHA1: "A1", MD5: "B2", SHA256: "C3"},
			},
			alert.File{FileName: "out.dmp", Path: `C:\T`},
			alert.IP{Address: "192.0.2.1"},
			alert.Registry{Hive: "HKLM", Key: `SOFTWARE\Run`},
		),
	}}, got[0])
}

// A short name is no DNS name, an absent member is nothing, and each level is a severity.
func TestReadLittle(t *testing.T) {
	levels := map[string]alert.Severity{
		"": alert.Unrated, "informational": alert.Informational, "low": alert.Low, "Medium": alert.Medium,
		"high": alert.High,
	}
	for level, severity := range levels {
		line := `{"attack":"","id":"h1","at":"2026-03-02T09:00:00Z","rule":"r","device":"ws","level":"` + level + `"}`
		got, err := all(line)
		require.NoError(t, err)
		require.Len(t, got, 1)
		assert.Equal(t, severity, got[0].Alert.Severity)
		assert.Equal(t, []alert.Evidence{{Entity: alert.Device{HostName: "ws"}}}, got[0].Alert.Evidence)
		assert.Empty(t, got[0].Attack)
	}
}

// Both formats may stand in one file, and what Write writes is read as it was, whatever the length of a line.
func TestWriteThenRead(t *testing.T) {
	first, err := all(whole)
	require.NoError(t, err)
	long := Labelled{"", alert.Alert{
		Origin: alert.Origin{Source: "edr", ID: "<&>"}, Title: "long", Description: strings.Repeat("wörter ", 40_000),
		Evidence: []alert.Evidence{{
			Entity: alert.Other{Type: "pod", Label: "p", Fields: `{"deep":{"list":[1]}}`}, Extra: `{"more":true}`,
			Verdict: alert.Malicious, Roles: []alert.Role{alert.Attacked},
		}},
		Extra: `{"unknown":null}`,
	}}
	want := append(first, long)
	var b bytes.Buffer
	require.NoError(t, Write(&b, want))
	text := b.String()
	assert.Contains(t, text, "<&>")
	got, err := all("\uFEFF \n" + text + "\r\n\n" + strings.Replace(whole, "h1", "h2", 1))
	require.NoError(t, err)
	require.Len(t, got, 3)
	assert.Equal(t, want, got[:2])
	assert.Equal(t, "h2", got[2].Alert.Origin.ID)

	bad := []Labelled{{Alert: alert.Alert{Origin: alert.Origin{Source: "s", ID: "i"}, Evidence: []alert.Evidence{{}}}}}
	require.ErrorContains(t, Write(&b, bad), "write labelled alert 0 (s:i)")
}

// A bad line ends the reading with an error that says which line, which field and what was expected. The lines before
// it were yielded. Each row is a line and the beginning of its error behind the number of the line.
func TestReadRefuses(t *testing.T) {
	hit := func(old, new string) string { return strings.Replace(whole, old, new, 1) }
	for _, c := range []struct{ line, want string }{
		{`nonsense`, "want one JSON object: invalid value\ninvalid character 'o' in literal null (expecting 'u')"},
		{`[]`, "want one JSON object: invalid value\njson: cannot unmarshal array"},
		{`null`, "want one JSON object: invalid value"},
		{whole + `{}`, "want one JSON object: invalid value\ninvalid character '{' after top-level value"},
		{"{\"a\xff\":1}", "want UTF-8: invalid value"},
		{`{}`, "attack \"\": want " + wantLabel},
		{hit(`"attack":"a1"`, `"attack":null`), "attack \"null\": want " + wantLabel},
		{hit(`"attack":"a1"`, `"attack":1`), "attack \"1\": want a string"},
		{hit(`"id":"h1"`, `"id":" "`), "id \" \": want a text"},
		{hit(`"rule":"Mimikatz",`, ``), "rule \"\": want a text"},
		{hit(`"at":"2026-03-02T09:00:00Z",`, ``), "at \"\": want " + wantTime},
		{hit(`09:00:00Z`, `9 o'clock`), "at \"\\\"2026-03-02T9 o'clock\\\"\": want " + wantTime},
		{hit(`"2026-03-02T09:00:00Z"`, `5`), "at \"5\": want " + wantTime},
		{hit(`critical`, `awful`), "level \"awful\": want informational, low, medium, high or critical"},
		{hit(`"device"`, `"devise"`), "devise \"\\\"ws-17.corp.example\\\"\": want no such member"},
		{hit(`"name":"m.exe"`, `"nom":"m.exe"`), "process.nom"},
		{hit(`["192.0.2.1"]`, `"192.0.2.1"`), "ips \"\\\"192.0.2.1\\\"\": want a list"},
		{hit(`"pid":7`, `"pid":"7"`), "process.pid"},
		{hit(`[{"name":"out.dmp","path":"C:\\T"}]`, `["out.dmp"]`), "files \"[\\\"out.dmp\\\"]\": want an object"},
		{`{"attack":"a1","alert":{},"rule":"r"}`, "rule"},
		{`{"attack":"a1","alert":[]}`, "alert \"[]\": want an object"},
		{`{"attack":1,"alert":{}}`, "attack \"1\": want a string"},
		{`{"alert":{"origin":{"source":"s","id":"i"}}}`, "attack \"\": want the name of an attack"},
		{`{"attack":"","alert":{"origin":{"id":"i"}}}`, "alert.origin.source \"\": want a text"},
		{`{"attack":"","alert":{"origin":{"source":"s"}}}`, "alert.origin.id \"\": want a text"},
		{`{"attack":"","alert":{"severity":"awful"}}`, "alert.severity \"awful\": want "},
		{`{"attack":"","alert":{"created":"yesterday"}}`, "alert.created \"\\\"yesterday\\\"\": want " + wantTime},
		{`{"attack":"","alert":{"sevrity":"high"}}`, "alert.sevrity"},
		{`{"attack":"","alert":{"origin":{"ident":"i"}}}`, "alert.origin.ident"},
		{`{"attack":"","alert":{"evidence":[{"kind":"device"}]}}`, "alert.evidence.entity \"\": want an object"},
		{`{"attack":"","alert":{"evidence":[{"kind":"ip","entity":{"address":"::1"}},` +
			`{"kind":"device","entity":{"dnsNam":"x"}}]}}`,
			"alert.evidence[1].entity.dnsNam"},
		{`{"attack":"","alert":{"evidence":[{"kind":"process","verdct":"malicious","entity":{"image":{"name":"x"}}}]}}`,
			"alert.evidence[0].verdct"},
		{`{"attack":"","alert":{"evidence":[{"kind":"process","entity":{"image":{"nom":"x"}}}]}}`,
			"alert.evidence[0].entity.image.nom"},
	} {
		got, err := all(whole + "\n\n" + c.line + "\n" + whole)
		require.ErrorIs(t, err, alert.ErrInvalid, c.line)
		assert.True(t, strings.HasPrefix(err.Error(), "line 3: "+c.want), "%s\n got %s\nwant %s", c.line, err, c.want)
		assert.Len(t, got, 1)
	}
}

// An error of the reader is passed on, and names the line.
func TestReadErrorOfTheReader(t *testing.T) {
	broken := errors.New("broken")
	n := 0
	for l, err := range Read(io.MultiReader(strings.NewReader(whole+"\n"), iotest.ErrReader(broken))) {
		if n++; n == 2 {
			require.ErrorIs(t, err, broken)
			assert.ErrorContains(t, err, "read line 2")
			assert.Zero(t, l)
		}
	}
	assert.Equal(t, 2, n)
}

// FuzzRead: no text panics, an error is the last that is yielded, and what was read is written and read as it was.
func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(`{"attack":"","alert":{"origin":{"source":"s","id":"i"},"evidence":[{"kind":"process","entity":{"pid":1}}]}}`)
	f.Add(`{"attack":"","alert":{"origin":{"source":"s","id":"i"},"evidence":[null,{"kind":"x","entity":{"a":[{}]}}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var read []Labelled
		failed := false
		for l, err := range Read(strings.NewReader(text)) {
			require.False(t, failed)
			if failed = err != nil; !failed {
				read = append(read, l)
			}
		}
		var first, second bytes.Buffer
		if Write(&first, read) != nil {
			return // a time that JSON cannot hold
		}
		again, err := all(first.String())
		require.NoError(t, err)
		require.NoError(t, Write(&second, again))
		require.Equal(t, first.String(), second.String())
	})
}
