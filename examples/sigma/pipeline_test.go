package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident/incidenttest"
)

func rules(t *testing.T) []Rule {
	t.Helper()
	folder, err := fs.Sub(sample, "rules")
	require.NoError(t, err)
	rules, err := LoadRules(folder)
	require.NoError(t, err)
	return rules
}

// recorded returns the names of the two files of a rule.
func recorded(r Rule) (match, nomatch string) {
	name := strings.TrimSuffix(r.File, ".yml")
	return name + ".match.jsonl", name + ".nomatch.jsonl"
}

func events(t *testing.T, fsys fs.FS, name string) (list []Event) {
	t.Helper()
	f, err := fsys.Open(name)
	require.NoError(t, err)
	defer f.Close()
	for e, err := range Events(f) {
		require.NoError(t, err, name)
		list = append(list, e)
	}
	return list
}

// unbound returns the files without events that rules should have, and the files that belong to no rule.
func unbound(t *testing.T, rules []Rule, fsys fs.FS) (missing, stray []string) {
	t.Helper()
	bound := map[string]bool{}
	for _, r := range rules {
		match, nomatch := recorded(r)
		for _, name := range []string{match, nomatch} {
			bound[name] = true
			if _, err := fs.Stat(fsys, name); err != nil || len(events(t, fsys, name)) == 0 {
				missing = append(missing, name)
			}
		}
	}
	entries, err := fs.ReadDir(fsys, ".")
	require.NoError(t, err)
	for _, e := range entries {
		if !bound[e.Name()] {
			stray = append(stray, e.Name())
		}
	}
	return missing, stray
}

// feed feeds recorded events to a new pipeline.
func feed(t *testing.T, fsys fs.FS, name string) *incidenttest.Harness {
	t.Helper()
	f, err := fsys.Open(name)
	require.NoError(t, err)
	defer f.Close()
	h := incidenttest.New(t, nil)
	incidenttest.Run(h, newPipeline, incidenttest.JSONL[Event](timeField, f))
	return h
}

// Each rule has events that it finds and events of its log source that it does not find.
func TestEachRuleHasEvents(t *testing.T) {
	recordings := os.DirFS("testdata")
	missing, stray := unbound(t, rules(t), recordings)
	require.Empty(t, missing, "rules need recorded events in these files")
	assert.Empty(t, stray, "no rule has this name")
	for _, r := range rules(t) {
		t.Run(r.File, func(t *testing.T) {
			match, nomatch := recorded(r)
			feed(t, recordings, match).WantFired(r.Title, len(events(t, recordings, match)))
			feed(t, recordings, nomatch).WantNeverFired(r.Title)
			for n, e := range events(t, recordings, nomatch) {
				assert.Contains(t, sources(e), r.Source, "%s, event %d: no event that the rule sees", nomatch, n+1)
			}
		})
	}
}

// What TestEachRuleHasEvents requires is seen when it is missing.
func TestUnbound(t *testing.T) {
	missing, stray := unbound(t, []Rule{{File: "a.yml"}, {File: "b.yml"}, {File: "c.yml"}}, fstest.MapFS{
		"a.match.jsonl":   {Data: []byte(`{"F": "x"}`)},
		"a.nomatch.jsonl": {Data: []byte(`{"F": "y"}`)},
		"b.match.jsonl":   {Data: []byte(`{"F": "x"}`)},
		"c.match.jsonl":   {},
		"c.nomatch.jsonl": {Data: []byte(`{"F": "y"}`)},
		"d.match.jsonl":   {Data: []byte(`{"F": "x"}`)},
	})
	assert.Equal(t, []string{"b.nomatch.jsonl", "c.match.jsonl"}, missing)
	assert.Equal(t, []string{"d.match.jsonl"}, stray)
}

// A rule sees the events of its log source and no others; an event of none is counted.
func TestRouting(t *testing.T) {
	files := fstest.MapFS{}
	for n, source := range []string{
		"product: windows, service: security", "product: windows, service: sysmon",
		"product: windows, category: process_access", "product: windows, category: process_creation", "category: proxy",
	} {
		id := string(rune('0' + n))
		text := strings.NewReplacer(
			"A rule", "'"+source+"'", "0001", "000"+id, "product: windows, service: security", source,
		).Replace(sound)
		files[id+".yml"] = &fstest.MapFile{Data: []byte(text + "  {s: {F: x}, condition: s}")}
	}
	rules, err := LoadRules(files)
	require.NoError(t, err)
	p := NewPipeline(rules)
	for _, c := range []struct {
		channel, eventID, provider string
		want                       []string // the titles of the rules, which are their log sources
	}{
		{"Security", "4625", "Microsoft-Windows-Security-Auditing", []string{"product: windows, service: security"}},
		{"Security", "", "", []string{"product: windows, service: security"}},
		{"System", "7045", "Service Control Manager", nil},
		{sysmon, "1", "Microsoft-Windows-Sysmon", []string{
			"product: windows, service: sysmon", "product: windows, category: process_creation",
		}},
		{sysmon, "10", "Microsoft-Windows-Sysmon", []string{
			"product: windows, service: sysmon", "product: windows, category: process_access",
		}},
		{sysmon, "255", "Microsoft-Windows-Sysmon", []string{"product: windows, service: sysmon"}},
		{powershell, "1", "Microsoft-Windows-PowerShell", nil},
		{"", "", "proxy", []string{"category: proxy"}},
		{"", "1", "", nil},
		{"Application", "10", "Microsoft-Windows-Sysmon", nil},
		{"Application", "11", "", nil},
		{"", "", "mail", nil},
	} {
		e := Event{
			"Channel": c.channel, "EventID": c.eventID, "Provider": c.provider,
			"F": "x", timeField: "2026-03-03T08:00:00Z",
		}
		alerts, err := p.Process(t.Context(), e)
		require.NoError(t, err)
		var titles []string
		for _, a := range alerts {
			titles = append(titles, a.Title)
		}
		assert.Equal(t, c.want, titles, "%v", e)
	}
	// A log source is known even if no rule is about it.
	assert.Equal(t, map[string]int{"Application": 2, "mail": 1, "": 1}, p.Unrouted)
}

// An alert has the metadata of its rule, and what the event names as evidence.
func TestAlert(t *testing.T) {
	p, err := newPipeline()
	require.NoError(t, err)
	e := events(t, os.DirFS("testdata"), "lsass_access.match.jsonl")[0]
	alerts, err := p.Process(t.Context(), e)
	require.NoError(t, err)
	require.Len(t, alerts, 1)
	a := alerts[0]
	assert.Regexp(t, `^5b0a6c0e-3d5f-4f0a-9a6e-2b1f7c3d9e02:[0-9a-f]{32}$`, a.Origin.ID)
	a.Origin.ID = ""
	assert.Equal(t, alert.Alert{
		Origin:          alert.Origin{Source: "sigma"},
		DetectionSource: "lsass_access.yml",
		Title:           "Memory of LSASS read by an unusual program",
		Description:     "A program that is not part of Windows or of the installed software opened LSASS for reading.",
		Severity:        alert.High,
		Category:        "CredentialAccess",
		Techniques:      []string{"T1003.001"},
		FirstActivity:   time.Date(2026, 3, 3, 9, 14, 2, 0, time.UTC),
		Evidence: []alert.Evidence{
			{Entity: alert.Device{DNSName: "ws-17.corp.example"}},
			{Entity: alert.User{Domain: "CORP", Account: "kai"}},
			{Entity: alert.Process{PID: 5120, Image: alert.File{FileName: "upd.exe", Path: `C:\Users\Public`}}},
		},
	}, a)
}

// Each field gives its evidence, and none where it is missing, malformed or says that there is nothing.
func TestEntities(t *testing.T) {
	for _, c := range []struct {
		event Event
		want  []alert.Entity
	}{
		{Event{"User": "-", "IpAddress": "-", "Computer": "", "TargetUserName": "-", "TargetDomainName": "-"}, nil},
		{Event{"IpAddress": "::1"}, nil},
		{Event{"IpAddress": "::ffff:192.0.2.7"}, []alert.Entity{alert.IP{Address: "192.0.2.7"}}},
		{Event{"Computer": "WS-17"}, []alert.Entity{alert.Device{HostName: "WS-17"}}},
		{Event{"cs-username": "kai"}, []alert.Entity{alert.User{Account: "kai"}}},
		{Event{"Image": "x.exe", "ProcessId": "many"}, []alert.Entity{
			alert.Process{Image: alert.File{FileName: "x.exe"}},
		}},
		{Event{"Image": `C:\a\x.exe`, "ProcessId": "0x1f"}, []alert.Entity{
			alert.Process{Image: alert.File{FileName: "x.exe", Path: `C:\a`}, PID: 31},
		}},
		{Event{"TargetFilename": `C:\a\`}, nil},
		{Event{"TargetFilename": `C:\a\b.txt`, "ImagePath": `C:\c.exe`}, []alert.Entity{
			alert.File{FileName: "b.txt", Path: `C:\a`}, alert.File{FileName: "c.exe", Path: "C:"},
		}},
		{Event{
			"SubjectUserName": "a", "SubjectDomainName": "D", "TargetUserName": "b", "TargetDomainName": "E",
			"User": `F\c`, "SourceUser": `G\d`,
		}, []alert.Entity{
			alert.User{Account: "a", Domain: "D"}, alert.User{Account: "b", Domain: "E"},
			alert.User{Account: "c", Domain: "F"}, alert.User{Account: "d", Domain: "G"},
		}},
		{Event{"IpAddress": "192.0.2.1", "DestinationIp": "192.0.2.2", "c-ip": "2001:db8::3"}, []alert.Entity{
			alert.IP{Address: "192.0.2.1"}, alert.IP{Address: "192.0.2.2"}, alert.IP{Address: "2001:db8::3"},
		}},
		{Event{
			"Image": "a", "ProcessId": "1", "CommandLine": "a -b", "ParentImage": "b", "ParentProcessId": "2",
			"SourceImage": "c", "SourceProcessId": "3",
		}, []alert.Entity{
			alert.Process{
				Image: alert.File{FileName: "a"}, PID: 1, CommandLine: "a -b",
				ParentImage: alert.File{FileName: "b"}, ParentPID: 2,
			},
			alert.Process{Image: alert.File{FileName: "c"}, PID: 3},
		}},
		{Event{"c-uri": "http://a.example/b"}, []alert.Entity{alert.URL{URL: "http://a.example/b"}}},
		{Event{"QueryName": "a.example"}, []alert.Entity{alert.URL{URL: "a.example"}}},
	} {
		assert.Equal(t, c.want, entities(c.event), "%v", c.event)
	}
}

// The recorded attack becomes three incidents, in whatever order its alerts arrive. An event that was recorded
// twice is one alert.
func TestIncidents(t *testing.T) {
	h := feed(t, sample, "events.jsonl")
	h.WantIncidents(
		incidenttest.Incident{
			Severity: alert.Low, Assets: []string{"ws-22.corp.example", `CORP\mira`},
			Alerts: []string{"Remote desktop logon failed from outside ×2"},
		},
		incidenttest.Incident{
			Severity: alert.High, Assets: []string{"ws-17.corp.example", `CORP\kai`},
			Tactics: []string{"Execution", "CommandAndControl", "CredentialAccess"},
			Alerts: []string{
				"PowerShell started with an encoded command", "Program downloaded by PowerShell",
				"Memory of LSASS read by an unusual program", "DNS query with a very long label",
			},
		},
		incidenttest.Incident{
			Severity: alert.High, Assets: []string{"files-1.corp.example", `CORP\backup-op`},
			Tactics: []string{"Persistence", "Impact", "DefenseEvasion"},
			Alerts: []string{
				"Service installed from a folder of users", "Shadow copies deleted", "Security log cleared",
			},
		},
	)
	h.WantFired("Memory of LSASS read by an unusual program", 2)
	h.WantRobust(10)
	h.WantSound()
}

// The program prints each alert and each incident, and ends with the context.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, want := range []string{
		"  09:14:02  high      Memory of LSASS read by an unusual program (T1003.001): joined #2\n",
		"  09:14:02  high      Memory of LSASS read by an unusual program (T1003.001): repeated #2\n",
		"  #3  high      alerts 3  ",
		"No log source: 2 events of \"Application\"\n",
	} {
		assert.Contains(t, out.String(), want)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	assert.ErrorIs(t, run(ended, &out), context.Canceled)
}

// A rule that matches an event without a time is an error that names both.
func TestEventWithoutTime(t *testing.T) {
	p, err := newPipeline()
	require.NoError(t, err)
	for _, at := range []string{"", "yesterday"} {
		e := Event{"Channel": "Security", "EventID": "1102", timeField: at}
		_, err = p.Process(t.Context(), e)
		assert.EqualError(t, err,
			`rule "Security log cleared": field "@timestamp": want a time in RFC 3339, not "`+at+`"`)
	}
}
