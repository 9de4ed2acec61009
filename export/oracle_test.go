package export

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// anyEntity draws an entity whose name has a token that no other has.
func anyEntity(t *rapid.T) alert.Entity {
	n := rapid.IntRange(0, 60).Draw(t, "n")
	token := func(kind string) string { return fmt.Sprintf("tok%s%03dz", kind, n) }
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return alert.Device{DeviceID: fmt.Sprint("id", n), HostName: token("dev")}
	case 1:
		return alert.User{UPN: token("usr") + "@example.com"}
	case 2:
		return alert.Mailbox{Address: token("box") + "@example.com"}
	case 3:
		return alert.IP{Address: fmt.Sprintf("203.0.113.%d", n)}
	case 4:
		return alert.URL{URL: "https://example.net/" + token("url")}
	case 5:
		return alert.Process{PID: int64(n + 1), Image: alert.File{FileName: token("prc"), SHA256: fmt.Sprintf("%064x", 1000+n%40)}, CommandLine: token("prc") + " -x"}
	case 6:
		return alert.Registry{Hive: "HKLM", Key: token("reg")}
	}
	return alert.File{FileName: token("fil"), SHA256: fmt.Sprintf("%064x", 1000+n)}
}

// anyCase draws an incident whose alerts name many entities.
func anyCase(t *rapid.T) incident.Case {
	c := incident.Case{Incident: incident.Incident{ID: "i", Number: 7, Name: "Case", Status: incident.Active, Created: start.Add(100 * time.Hour)}}
	c.Incident.Updated = c.Incident.Created
	verdicts := []alert.EvidenceVerdict{alert.Malicious, alert.Suspicious, alert.NoThreatsFound, alert.NotJudged, "odd"}
	for n := range rapid.IntRange(1, 40).Draw(t, "alerts") {
		origin := alert.Origin{Source: "s", ID: fmt.Sprint(n)}
		a := alert.Alert{
			ID: origin.AlertID(), Incident: "i", Origin: origin, Title: fmt.Sprint("Title ", rapid.IntRange(0, 5).Draw(t, "title")),
			Category: rapid.SampledFrom([]string{"InitialAccess", "initial access", "Execution", "Exfiltration", "Malware", ""}).Draw(t, "category"),
			Severity: alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")),
		}
		if rapid.IntRange(0, 9).Draw(t, "timed") > 0 {
			a.FirstActivity = start.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "first")) * time.Second)
			a.LastActivity = a.FirstActivity.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "took")) * time.Second)
		}
		if rapid.IntRange(0, 4).Draw(t, "false") == 0 {
			a.Verdict = classification.Verdict{Classification: classification.FalsePositive}
		}
		for range rapid.IntRange(0, 14).Draw(t, "evidence") {
			e := alert.Evidence{Entity: anyEntity(t), Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict")}
			if rapid.Bool().Draw(t, "role") {
				e.Roles = []alert.Role{rapid.SampledFrom([]alert.Role{alert.Source, alert.CommandAndControl, alert.Compromised}).Draw(t, "which")}
			}
			a.Evidence = append(a.Evidence, e)
		}
		c.Alerts = append(c.Alerts, a)
		c.Incident.Alerts = incident.Summarize(c.Alerts)
	}
	return c
}

var tokens = regexp.MustCompile(`tok[a-z]{3}\d{3}z|203\.0\.113\.\d+`)

// told calls f with every text that a document has of the library's making: not with what people and sources wrote, which are Prose and titles.
func toldBy(d doc.Document, f func(text string)) {
	spans := func(list []doc.Span) {
		for _, s := range list {
			f(s.Text)
		}
	}
	cell := func(c doc.Cell) { f(c.Text); spans(c.Spans) }
	for _, row := range d.Cover.Facts {
		for _, x := range row {
			f(x.Value)
			f(x.Note)
		}
	}
	for _, p := range d.Cover.Glance {
		cell(p.Value)
	}
	for _, n := range d.Cover.Notice {
		f(strings.Join(n.Lines, "\n"))
	}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			switch b := b.(type) {
			case doc.Heading:
				f(b.Text)
			case doc.Text:
				spans(b)
			case doc.Pairs:
				for _, p := range b.List {
					cell(p.Value)
				}
			case *doc.Table:
				for _, row := range b.Rows {
					for _, c := range row.Cells {
						cell(c)
					}
					spans(row.Note)
				}
			case doc.Graph:
				for _, column := range b.Figure.Columns {
					for _, n := range column.Nodes {
						f(n.Label)
						f(n.Note)
					}
				}
			}
		}
	}
}

// What a report says of entities is recomputed here from the records, by their names and without the library's keys.
func TestFindingsAreWhatTheRecordsSay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := anyCase(rt)
		r := collected(rt, c, nil, nil)
		byName := make(map[string][]alert.Alert)
		for _, a := range c.Alerts {
			for _, e := range a.Evidence {
				name := string(e.Entity.Kind()) + " " + e.Entity.Name()
				if list := byName[name]; len(list) == 0 || list[len(list)-1].ID != a.ID {
					byName[name] = append(list, a)
				}
			}
		}
		isFalse := func(a alert.Alert) bool { return a.Verdict.Classification == classification.FalsePositive }
		bad := map[alert.EvidenceVerdict]int{alert.NoThreatsFound: 1, "odd": 2, alert.Suspicious: 3, alert.Malicious: 4}
		seen := make(map[string]bool)
		hit := 0
		for _, f := range slices.Concat(r.Assets, r.Evidence) {
			name := string(f.Evidence.Entity.Kind()) + " " + f.Evidence.Entity.Name()
			require.False(rt, seen[name], name)
			seen[name] = true
			all := byName[name]
			counting := slices.DeleteFunc(slices.Clone(all), isFalse)
			require.Equal(rt, len(counting) == 0, f.Dismissed, name)
			if f.Dismissed {
				counting = all
			} else if f.Evidence.Entity.Kind().Asset() != alert.NotAsset {
				hit++
			}
			require.Equal(rt, len(counting), f.Alerts, name)
			worst := alert.NotJudged
			var first, last time.Time
			for _, a := range counting {
				for _, e := range a.Evidence {
					if string(e.Entity.Kind())+" "+e.Entity.Name() == name && bad[e.Verdict] > bad[worst] {
						worst = e.Verdict
					}
				}
				if !a.FirstActivity.IsZero() && (first.IsZero() || a.FirstActivity.Before(first)) {
					first = a.FirstActivity
				}
				if a.LastActivity.After(last) {
					last = a.LastActivity
				}
			}
			require.Equal(rt, worst, f.Evidence.Verdict, name)
			require.True(rt, first.Equal(f.First) && last.Equal(f.Last), name)
		}
		require.Len(rt, seen, len(byName))

		telling := map[alert.EvidenceVerdict]int{alert.Malicious: 0, alert.Suspicious: 1, "odd": 2, alert.NotJudged: 3, alert.NoThreatsFound: 4}
		order := func(f Finding) []int {
			dismissed := 0
			if f.Dismissed {
				dismissed = 1
			}
			file := 1
			if f.Evidence.Entity.Kind() == alert.KindFile {
				file = 0
			}
			return []int{dismissed, telling[f.Evidence.Verdict], file}
		}
		require.True(rt, slices.IsSortedFunc(r.Evidence, func(a, b Finding) int { return slices.Compare(order(a), order(b)) }))

		d, err := compose(r, false)
		require.NoError(rt, err)
		counted, upheld := 0, make(map[string]int)
		for _, a := range c.Alerts {
			if !isFalse(a) {
				upheld[strings.ToLower(strings.ReplaceAll(a.Category, " ", ""))]++
			}
			counted++
		}
		require.Equal(rt, fmt.Sprint(counted), d.Cover.Facts[0][1].Value)
		require.Equal(rt, fmt.Sprint(hit), d.Cover.Facts[0][2].Value)
		for _, x := range r.Threats {
			require.Equal(rt, upheld[strings.ToLower(x.Category)], x.Alerts, x.Category)
		}
	})
}

// A whole document names at most so many assets of each group, and so much evidence, wherever it names them.
func TestTheCapsHoldForTheWholeDocument(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := anyCase(rt)
		o := &Options{MaxAssets: rapid.IntRange(1, 10).Draw(rt, "assets"), MaxEvidence: rapid.IntRange(1, 100).Draw(rt, "evidence")}
		var log []activity.Entry
		for n, a := range c.Alerts {
			e := activity.Entry{Seq: int64(n + 1), Incident: "i", Time: start, Type: activity.AlertAdded, Alert: a.ID, Text: a.Title, Actor: activity.Actor{Kind: activity.App, ID: "x"}, Cause: fmt.Sprint(n)}
			for _, k := range a.Keys() {
				e.Links = append(e.Links, activity.Link{Reason: activity.SameAsset, Entity: k})
			}
			log = append(log, e)
		}
		r := collected(rt, c, log, o)
		r.Layout.Profile = rapid.SampledFrom([]Profile{Technical, Executive}).Draw(rt, "profile")
		d, err := compose(r, false)
		require.NoError(rt, err)
		named := make(map[string]map[string]bool)
		toldBy(d, func(text string) {
			for _, token := range tokens.FindAllString(text, -1) {
				group := "evidence"
				if kind := token[:min(6, len(token))]; kind == "tokdev" || kind == "tokusr" || kind == "tokbox" {
					group = kind
				}
				if named[group] == nil {
					named[group] = make(map[string]bool)
				}
				named[group][token] = true
			}
		})
		for group, tokens := range named {
			most := o.MaxAssets
			if group == "evidence" {
				most = o.MaxEvidence
			}
			require.LessOrEqual(rt, len(tokens), most, "%s: %v", group, tokens)
		}
	})
}

// What the log is told in has every entry once: nothing is lost, and nothing is told twice.
func TestFoldingTheLogLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		anyday.New(t.Context(), rt, s).Happen(20)
		require.NoError(rt, s.View(t.Context(), func(r storage.Reader) error {
			for i, err := range r.Incidents(t.Context(), incident.Query{}) {
				require.NoError(rt, err)
				report, err := Collect(t.Context(), r, i.ID, nil)
				require.NoError(rt, err)
				var told []activity.Entry
				for _, s := range stretches(report.Activity) {
					told = append(told, s.entries...)
				}
				bySeq := func(a, b activity.Entry) int { return cmp.Compare(a.Seq, b.Seq) }
				slices.SortFunc(told, bySeq)
				want := slices.SortedFunc(slices.Values(report.Activity), bySeq)
				require.Equal(rt, want, told)
				stored := 0
				for _, err := range r.Activity(t.Context(), activity.Query{Incidents: []incident.ID{i.ID}}) {
					require.NoError(rt, err)
					stored++
				}
				require.Len(rt, report.Activity, stored)
			}
			return nil
		}))
	})
}
