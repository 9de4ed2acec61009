package export

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// canaries are names that stand in every place of an incident where there may be one.
var canaries = map[string][]string{
	"users": {
		"canuser@contoso.example", "canuser", "Canary Person", "S-1-5-21-1234", "canmail@contoso.example", "cansender@evil.example", "canowner@contoso.example", "Owner Canary",
		"cananalyst@contoso.example", "Analyst Canary", "canold@contoso.example", "cansvc", "canalert@contoso.example", "canasker@contoso.example",
	},
	"devices":  {"canhost", "canhost.contoso.example", "candevid-1", "192.0.2.77"},
	"comments": {"cansecret", "canpicture.png"},
	"evidence": {"canfile.exe", `C:\canfolder`, strings.Repeat("ca", 32), "canparent.exe", "cancommand", `SOFTWARE\canreg`, "http://canurl.example/x", "canurl.example", "198.51.100.9", "cansubject", "canthing"},
}

// canaryCase returns an incident that names all canaries: as what they are, and in each text, one of them in capitals.
func canaryCase() (incident.Case, []activity.Entry) {
	var all []string
	for _, kind := range []string{"users", "devices", "evidence"} {
		all = append(all, canaries[kind]...)
	}
	everywhere := strings.Join(all, ", ") + "; " + strings.ToUpper(all[1]) + "."
	user := alert.User{UPN: "canuser@contoso.example", Account: "canuser", Domain: "CONTOSO", SID: "S-1-5-21-1234", DisplayName: "Canary Person"}
	device := alert.Device{DeviceID: "candevid-1", DNSName: "canhost.contoso.example", HostName: "canhost", LastIP: "192.0.2.77", OS: "Windows 11"}
	file := alert.File{FileName: "canfile.exe", Path: `C:\canfolder`, SHA256: strings.Repeat("ca", 32)}
	var evidence []alert.Evidence
	for _, e := range []alert.Entity{
		user, device, file, alert.Mailbox{Address: "canmail@contoso.example", UPN: "canuser@contoso.example"},
		alert.Process{PID: 7, CommandLine: "cancommand", Image: file, ParentImage: alert.File{FileName: "canparent.exe"}, User: alert.User{Account: "cansvc"}},
		alert.Registry{Hive: "HKLM", Key: `SOFTWARE\canreg`}, alert.URL{URL: "http://canurl.example/x"}, alert.IP{Address: "198.51.100.9"},
		alert.Message{Subject: "cansubject", Sender: "cansender@evil.example", Recipient: "canuser@contoso.example"}, alert.Other{Type: "strangeThing", Label: "canthing"},
	} {
		evidence = append(evidence, alert.Evidence{Entity: e, Tags: []string{"of canhost"}})
	}
	a := alert.Alert{
		ID: "sensor:1", Incident: "inc-1", Origin: alert.Origin{Source: "sensor", ID: "1"}, Title: "Title: " + everywhere, Description: everywhere, RecommendedActions: everywhere,
		FirstActivity: start, Evidence: evidence, Owner: alert.Owner{ID: "canalert@contoso.example"},
	}
	i := incident.Incident{
		ID: "inc-1", Number: 1, Version: 1, Name: "Name: " + everywhere, Description: everywhere, Status: incident.Resolved, Note: everywhere, Created: start, Updated: start, Resolved: start,
		Owner: incident.Owner{ID: "canowner@contoso.example", Name: "Owner Canary"}, Tags: []incident.Tag{{Name: "of canuser"}, {Name: "of canhost"}}, Extra: alert.Fields(fmt.Sprintf(`{"x":%q}`, everywhere)),
	}
	i.Alerts.Count, i.Alerts.Title = 1, a.Title
	by := activity.Actor{ID: "cananalyst@contoso.example", Name: "Analyst Canary"}
	image := activity.Attachment{Name: "canpicture.png", Type: "image/png"}
	return incident.Case{Incident: i, Alerts: []alert.Alert{a}}, []activity.Entry{
		{Seq: 1, ID: "a/0", Time: start, Incident: "inc-1", Actor: by, Type: activity.AlertAdded, Alert: "sensor:1", Text: everywhere, Links: []activity.Link{
			{Reason: activity.SameAsset, Entity: "upn:canuser@contoso.example", HeldBack: "canhost is on many"}, {Reason: activity.SameAsset, Entity: alert.Identity(file)},
			{Reason: activity.SameAsset, Entity: alert.Identity(device)},
		}},
		{Seq: 2, ID: "a/1", Time: start, Incident: "inc-1", Actor: by, Type: activity.Assigned, Changes: []activity.Change{
			{Field: "owner", Before: `{"kind":"user","id":"canold@contoso.example"}`, After: `{"kind":"user","id":"canowner@contoso.example","name":"Owner Canary"}`},
			{Field: "tags", After: `["of canuser"]`},
		}},
		{Seq: 3, ID: "a/2", Time: start, Incident: "inc-1", Actor: by, Type: activity.Commented, Text: "cansecret about canuser", Attachments: []activity.Attachment{image}},
		{Seq: 4, ID: "a/3", Time: start, Incident: "inc-1", Actor: by, Type: activity.Commented, Text: "cansecret again"},
		{Seq: 5, ID: "b/0", Time: start, Incident: "inc-1", Type: activity.ResponseAction, Text: "Isolated.",
			Actor: activity.Actor{Kind: activity.Agent, ID: "triage", OnBehalfOf: "canasker@contoso.example"}},
	}
}

// What is hidden is in no format: neither where it is an entity nor where a text names it. What is not hidden stays.
func TestWhatIsHiddenIsInNoFormat(t *testing.T) {
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	c, entries := canaryCase()
	c.Incident.Version, c.Incident.Number = 0, 0
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{c.Incident}, Alerts: c.Alerts, Activity: entries})
	require.NoError(t, err)
	seen := "" // by the Summarizer
	write := func(_ context.Context, _ Section, c incident.Case, log []activity.Entry) (string, error) {
		seen += fmt.Sprint(c, log)
		return "Prose.", nil
	}
	for name, h := range map[string]Hidden{
		"users": {Users: true}, "devices": {Devices: true}, "comments": {Comments: true}, "evidence": {Evidence: true}, "all": {true, true, true, true}, "nothing": {},
	} {
		seen = ""
		r, err := CollectFrom(t.Context(), s, "inc-1", &Options{Hide: h, Summarizer: write})
		require.NoError(t, err)
		told := map[string]string{"pdf": text(t, render(t, r)), "the Summarizer": seen}
		for _, f := range formats {
			told[f.name] = written(t, f.write, r)
		}
		plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(squeeze(s), `\`, "")) } // JSON and Markdown have more of those
		for kind, list := range canaries {
			for _, canary := range list {
				for format, got := range told {
					switch {
					case name == "all" || name == kind:
						assert.False(t, strings.Contains(plain(got), plain(canary)), "%s hidden, %s in %s", name, canary, format)
					case name == "nothing":
						assert.True(t, strings.Contains(plain(got), plain(canary)), "%s in %s", canary, format)
					}
				}
			}
		}
		if name == "nothing" {
			assert.Contains(t, told["html"], "cansecret")
		} else {
			assert.Contains(t, told["html"], "Names are replaced: ")
		}
		if name == "users" {
			assert.Contains(t, told["html"], "canfile.exe")
			assert.Contains(t, told["html"], "cansecret about User 1", "in the comments that stay")
		}
	}
}

// The same has the same other name wherever it stands, and different ones have different names.
func TestHiddenNamesAreConsistent(t *testing.T) {
	c, entries := canaryCase()
	c.Alerts[0].Title = `canuser on CANHOST ran canfile.exe; canhost2 and my-canhost, precanhost`
	opts, err := (&Options{Hide: Hidden{Users: true, Devices: true, Comments: true, Evidence: true}}).withDefaults()
	require.NoError(t, err)
	hidden, log := hide(opts.Hide, c, entries)
	r := collect(hidden, log, opts)
	assert.Equal(t, "User 1 on Device 1 ran File 1; canhost2 and my-Device 1, precanhost", r.Alerts[0].Title, "whole words only")
	var called []string
	for _, f := range slices.Concat(r.Assets, r.Evidence) {
		called = append(called, string(f.Evidence.Entity.Kind())+" "+f.Evidence.Entity.Name())
	}
	assert.Subset(t, called, []string{"user User 1", "device Device 1", "file File 1", "mailbox User 1"}, "the mailbox of that user")
	said := r.Log()
	assert.Equal(t, []string{"Same asset: User 1, ignored: Device 1 is on many", "Same asset: file hash File 1", "Same asset: Device 1"}, said[0].Reasons)
	assert.Equal(t, LogChange{Path: "owner", Field: "Assigned to", Before: "User 7", After: "User 5"}, said[1].Changes[0])
	assert.Equal(t, "User 5", r.Incident.Owner.ID)
	assert.Equal(t, "User 6", said[1].Who)
	assert.Equal(t, "[Comment 1, hidden]", r.Activity[2].Text)
	assert.Equal(t, "[Comment 2, hidden]", r.Activity[3].Text)
	assert.Empty(t, r.Activity[2].Attachments)

	again, same := canaryCase()
	assert.Equal(t, same, entries)
	again.Alerts[0].Title = c.Alerts[0].Title
	assert.Equal(t, again, c, "what was given stays as it is")
}

// Two that share a name are still two.
func TestHidingKeepsCounts(t *testing.T) {
	c, entries := sample(t, 12)
	for k := range c.Alerts {
		c.Alerts[k].Evidence[2].Entity = alert.File{FileName: "same.exe", SHA256: fmt.Sprintf("%064x", k)}
	}
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	plain := collect(c, entries, opts)
	opts.Hide = Hidden{Users: true, Devices: true, Comments: true, Evidence: true}
	hidden, log := hide(opts.Hide, c, entries)
	r := collect(hidden, log, opts)
	assert.Len(t, r.Evidence, len(plain.Evidence))
	assert.Len(t, r.Assets, len(plain.Assets))
	assert.Len(t, r.Activity, len(plain.Activity))
	assert.Equal(t, plain.Threats, r.Threats)
}

// Whatever the text, no hidden name is left in it as a whole word.
func TestHiddenWords(t *testing.T) {
	n := newNames(Hidden{Users: true})
	n.person("Mira Stone", "mira@contoso.example")
	n.person("", "mira.s")
	n.person("", "Ünal")
	n.person("", "ab")
	n.ready()
	for in, want := range map[string]string{
		"Mira@Contoso.example": "User 1", "by mira@contoso.example.": "by User 1.", "MIRA stone and ÜNAL": "User 1 and User 3", "mira.s, mira": "User 2, User 1", "admira": "admira",
		"mira_x": "User 1_x", "ab": "User 4", "ab c": "ab c", "": "", " ünal ": "User 3", "\xffmira\xff": "\xffUser 1\xff", `C:\Users\mira`: `C:\Users\User 1`,
	} {
		assert.Equal(t, want, n.in(in))
	}
	assert.JSONEq(t, `{"id":"User 1","n":1.50,"list":["User 3"]}`, n.inJSON(`{"id":"MIRA","n":1.50,"list":["ünal"]}`))
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(rapid.SampledFrom([]string{"mira", "MIRA@contoso.example", "Mira Stone", " ", ".", "@", "ünal", "-", "a", "_"}), rapid.StringN(0, 3, -1))).Draw(rt, "pieces")
		got := n.in(strings.Join(pieces, ""))
		words := strings.FieldsFunc(strings.ToLower(got), func(r rune) bool { return !inWord(r) })
		require.NotContains(rt, words, "mira")
		require.NotContains(rt, words, "ünal")
	})
}

// Every text of the records is looked at, whatever fields there will be.
func TestHidingWalksEverything(t *testing.T) {
	c, entries := canaryCase()
	n := newNames(Hidden{})
	n.tell("xxx", "User 1", anywhere)
	n.ready()
	for _, v := range []reflect.Value{reflect.ValueOf(&c.Incident).Elem(), reflect.ValueOf(&c.Alerts[0]).Elem(), reflect.ValueOf(&entries[1]).Elem()} {
		texts(v, "", func(path string, s reflect.Value) {
			if s.Type() == reflect.TypeFor[string]() && path != ".Changes.Field" {
				s.SetString("a xxx b")
			}
		})
		n.walk(v)
		texts(v, "", func(path string, s reflect.Value) {
			if s.Type() == reflect.TypeFor[string]() && path != ".Changes.Field" {
				assert.Equal(t, "a User 1 b", s.String(), path)
			}
		})
	}
}

// Hiding is one of the options by which an Exporter tells documents apart.
func TestExporterDoesNotShareWhatIsHidden(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	d.get(t, "one", Options{})
	d.get(t, "one", Options{Hide: Hidden{Users: true}})
	assert.Equal(t, 2, d.works)
}

// An accent may be a character of its own or a part of its letter: what looks the same is the same name.
func TestHiddenNamesHaveManyEncodings(t *testing.T) {
	whole, parts := "Ren\u00e9e", "RENE\u0301E"
	for _, names := range [][2]string{{whole, parts}, {parts, whole}} {
		c := incident.Case{Incident: incident.Incident{ID: "inc-1", Owner: incident.Owner{ID: names[0]}, Note: "Ask " + names[1] + "."}}
		hidden, _ := hide(Hidden{Users: true}, c, nil)
		assert.Equal(t, "Ask User 1.", hidden.Incident.Note)
	}
}
