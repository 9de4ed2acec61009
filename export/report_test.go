package export

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/incident"
)

var start = time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)

// sample returns a resolved incident with n alerts, made by the rules of the library. Alert k names
// device k, user k mod 4, and seven pieces of evidence of its own, as long as there are not 250 of them.
func sample(t testing.TB, n int) (incident.Case, []activity.Entry) {
	t.Helper()
	severities := []alert.Severity{alert.Medium, alert.High, alert.Low, alert.Informational}
	categories := []string{"Exfiltration", "InitialAccess", "Malware", "CommandAndControl", "Execution"}
	var alerts []alert.Alert
	for k := range n {
		origin := alert.Origin{Source: "sensor", ID: fmt.Sprint(k)}
		a := alert.Alert{
			ID: origin.AlertID(), Incident: "inc-1", Origin: origin, Product: "Contoso EDR",
			Title: fmt.Sprintf("Suspicious process tree %d", k), Severity: severities[k%4], Category: categories[k%5],
			Description:        fmt.Sprintf("Process %d started a shell that nobody is known to use on this device.", k),
			RecommendedActions: fmt.Sprintf("1. Isolate host-%03d.\n2. Ask its owner about process %d.", k, k),
			Techniques:         []string{"T1566", fmt.Sprintf("T10%02d", k%7)},
			FirstActivity:      start.Add(time.Duration(k) * time.Minute), LastActivity: start.Add(time.Duration(k+3) * time.Minute),
			Evidence: []alert.Evidence{
				{Entity: alert.Device{DeviceID: fmt.Sprint("d", k), HostName: fmt.Sprintf("host-%03d", k), OS: "Windows 11", Group: "Finance"}, Roles: []alert.Role{alert.Compromised}},
				{Entity: alert.User{UPN: fmt.Sprintf("user%d@contoso.example", k%4), DisplayName: "A user"}},
			},
		}
		for f := range min(7, max(0, 250-7*k)) {
			a.Evidence = append(a.Evidence, alert.Evidence{
				Entity:  alert.File{FileName: fmt.Sprintf("drop-%d-%d.exe", k, f), Path: `C:\Users\Public`, SHA256: fmt.Sprintf("%064x", k*7+f)},
				Verdict: []alert.EvidenceVerdict{alert.Suspicious, alert.Malicious, ""}[f%3], Remediation: alert.Blocked,
			})
		}
		alerts = append(alerts, a)
	}
	tax := classification.Defender()
	by := activity.Actor{ID: "mira@contoso.example", Name: "Mira"}
	at := start.Add(48 * time.Hour)
	e, err := incident.Create(incident.Command{ID: "c1", By: activity.Actor{Kind: activity.System, ID: "correlation"}, At: at}, "inc-1",
		incident.Draft{Name: "Theft at the finance desk", Tags: []incident.Tag{{Name: "vip"}}}, alerts, nil, tax)
	require.NoError(t, err)
	e.Incident.Number, e.Incident.Version = 1042, 1
	entries := e.Activity
	c := incident.Case{Incident: e.Incident, Alerts: alerts}
	note := "Sessions revoked. The laptop was wiped."
	e, err = incident.Edit{
		Status: new(incident.Resolved), Note: &note, Owner: &incident.Owner{ID: "kai@contoso.example", Name: "Kai"},
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware},
	}.Apply(incident.Command{ID: "c2", By: by, At: at.Add(time.Hour)}, c, tax)
	require.NoError(t, err)
	entries = append(entries, e.Activity...)
	changed := map[alert.ID]alert.Alert{}
	for _, a := range e.Alerts {
		changed[a.ID] = a
	}
	for k, a := range alerts {
		if b, ok := changed[a.ID]; ok {
			alerts[k] = b
		}
	}
	c.Incident = e.Incident
	comment := incident.CommentDraft{Text: "Handed over to the night shift."}
	e, err = incident.AddComment(incident.Command{ID: "c3", By: by, At: at.Add(2 * time.Hour)}, c.Incident, comment)
	require.NoError(t, err)
	entries = append(entries, e.Activity...)
	c.Incident = e.Incident
	for k := range entries {
		entries[k].Seq = int64(k + 1)
	}
	return c, entries
}

func report(t testing.TB, n int, o *Options) Report {
	t.Helper()
	c, entries := sample(t, n)
	opts, err := o.withDefaults()
	require.NoError(t, err)
	return collect(c, entries, opts)
}

// The lists are complete; documents draw as many as the options say.
func TestDocumentsNameOnlySoMany(t *testing.T) {
	r := report(t, 37, nil)
	assert.Len(t, r.Assets, 37+4)
	assert.Len(t, r.Evidence, 250)
	assert.Len(t, r.Alerts, 37)
	d, err := compose(r, false)
	require.NoError(t, err)
	var rows []int
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if table, ok := b.(*doc.Table); ok && (s.ID == "assets" || s.ID == "evidence") {
				rows = append(rows, len(table.Rows))
			}
		}
	}
	assert.Equal(t, []int{10, 4, 100}, rows)
	everywhere(t, r, "Devices · 10 of 37 shown", "Evidence · 100 of 250 shown")
}

// The first are those that matter most.
func TestWorstEvidenceComesFirst(t *testing.T) {
	list := report(t, 37, nil).Evidence
	worst := 0
	for worst < len(list) && list[worst].Evidence.Verdict == alert.Malicious {
		worst++
	}
	assert.Equal(t, 72, worst)
	assert.Equal(t, alert.Suspicious, list[72].Evidence.Verdict)
}

// An asset that several alerts name is one finding with all that they say.
func TestAssetsAreMerged(t *testing.T) {
	c, _ := sample(t, 2)
	device := alert.Device{DeviceID: "same", HostName: "one"}
	c.Alerts[0].Evidence = []alert.Evidence{{Entity: device, Verdict: alert.Malicious, Roles: []alert.Role{alert.Source}}, {Entity: device}}
	c.Alerts[1].Evidence = []alert.Evidence{{Entity: device, Verdict: alert.NoThreatsFound, Roles: []alert.Role{alert.Source, alert.Attacked}}}
	assert.Equal(t, []Finding{{
		Key: "device:same", Alerts: 2, First: start, Last: start.Add(4 * time.Minute),
		Evidence: alert.Evidence{Entity: device, Verdict: alert.Malicious, Roles: []alert.Role{alert.Source, alert.Attacked}},
	}}, collected(t, c, nil, nil).Assets)
}

// collected is collect with options that are not complete.
func collected(t require.TestingT, c incident.Case, entries []activity.Entry, o *Options) Report {
	opts, err := o.withDefaults()
	require.NoError(t, err)
	return collect(c, entries, opts)
}

// An alert names who is in it once each, assets first, and counts the rest.
func TestMainEntities(t *testing.T) {
	c, _ := sample(t, 1)
	c.Alerts[0].Evidence = []alert.Evidence{
		{Entity: alert.IP{Address: "192.0.2.1"}}, {Entity: alert.User{UPN: "noor@contoso.example"}}, {},
		{Entity: alert.Mailbox{Address: "noor@contoso.example"}}, {Entity: alert.Device{HostName: "one"}}, {Entity: alert.IP{Address: "192.0.2.2"}},
	}
	r := collected(t, c, nil, nil)
	names, more := composer{r: r, cast: castOf(r)}.mainEntities(r.Alerts[0])
	assert.Equal(t, []string{"noor@contoso.example", "one", "192.0.2.1"}, names)
	assert.Equal(t, 1, more)
	r.MaxEvidence = 1
	names, more = composer{r: r, cast: castOf(r)}.mainEntities(r.Alerts[0])
	assert.Equal(t, []string{"noor@contoso.example", "one", "192.0.2.1"}, names)
	assert.Equal(t, 1, more)
	r.Evidence = r.Evidence[:0]
	names, _ = composer{r: r, cast: castOf(r)}.mainEntities(r.Alerts[0])
	assert.Equal(t, []string{"noor@contoso.example", "one"}, names, "what is not in the lists is not named")
}

// The log of an incident does not repeat which incident it is.
func TestReasons(t *testing.T) {
	r := Report{Names: Names{Entities: map[alert.Key]string{"host:one": "ONE"}}, Activity: []activity.Entry{{Incident: "inc-1", Links: []activity.Link{
		{Reason: activity.SameAsset, Entity: "host:one", Incident: "inc-1"},
		{Reason: activity.SameAsset, Entity: "host:one", Incident: "inc-2", HeldBack: "too old"},
	}}}}
	assert.Equal(t, []string{"Same asset: ONE", "Same asset: ONE, incident inc-2, ignored: too old"}, r.Log()[0].Reasons)
}

func TestThreatsFollowTheKillChain(t *testing.T) {
	var got []string
	alerts := 0
	for _, x := range report(t, 37, nil).Threats {
		got = append(got, x.Category)
		alerts += x.Alerts
	}
	assert.Equal(t, []string{"InitialAccess", "Execution", "CommandAndControl", "Exfiltration", "Malware"}, got)
	assert.Equal(t, 37, alerts)
}

func TestOnlyWhatWasAskedFor(t *testing.T) {
	r := report(t, 3, &Options{Sections: []Section{Alerts, Overview, Alerts}})
	assert.Equal(t, []Section{Overview, Alerts}, r.Sections)
	assert.NotNil(t, r.Times.Resolve)
	assert.NotEmpty(t, r.Alerts)
	assert.Empty(t, r.Threats)
	assert.Empty(t, r.Graph)
	assert.Empty(t, r.Assets)
	assert.Empty(t, r.Activity)
	assert.Empty(t, r.Evidence)

	for _, s := range []Section{Activity + 1, IncidentReport} {
		_, err := (&Options{Sections: []Section{s}}).withDefaults()
		assert.ErrorIs(t, err, alert.ErrInvalid, s)
	}
}

func TestChangesReadLikeSentences(t *testing.T) {
	got := map[string]LogChange{}
	for _, row := range report(t, 3, nil).Log() {
		for _, c := range row.Changes {
			if row.Alert == "" {
				got[row.What+"/"+c.Path] = c
			}
		}
	}
	assert.Equal(t, LogChange{Path: "status", Field: "Status", Before: "Active", After: "Resolved"}, got["Status changed/status"])
	assert.Equal(t, LogChange{Path: "owner", Field: "Assigned to", Before: "", After: "Kai (kai@contoso.example)"}, got["Assignment changed/owner"])
	assert.Equal(t, LogChange{Path: "verdict.classification", Field: "Classification", Before: "", After: "True positive"}, got["Classification changed/verdict.classification"])
	assert.Equal(t, LogChange{Path: "resolved", Field: "Resolved", Before: "", After: "2026-03-16 09:00:00 UTC"}, got["Status changed/resolved"])
	assert.Equal(t, LogChange{Path: "tags", Field: "Tags", Before: "", After: "vip"}, got["Incident created/tags"])
}

func TestSectionText(t *testing.T) {
	for s := Overview; s <= Activity; s++ {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back Section
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, s, back)
	}
	_, err := (Activity + 1).MarshalText()
	assert.Error(t, err)
	assert.ErrorIs(t, new(Section).UnmarshalText([]byte("appendix")), alert.ErrInvalid)
}

// A storage may give records in any order; the log is told oldest first, copies from a merge included.
func TestOrderOfRecordsDoesNotMatter(t *testing.T) {
	c, entries := sample(t, 12)
	entries = append(entries, activity.Entry{
		Seq: int64(len(entries) + 1), Time: start, Type: activity.Commented, Actor: activity.Actor{ID: "noor"}, Origin: "inc-0", Text: "Seen before.",
	})
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	want := collect(c, entries, opts)
	assert.Equal(t, "noor", want.Activity[0].Actor.ID)
	assert.True(t, slices.IsSortedFunc(want.Activity, func(a, b activity.Entry) int { return a.Time.Compare(b.Time) }))
	assert.Equal(t, "Handed over to the night shift.", want.Activity[len(want.Activity)-1].Text)

	rapid.Check(t, func(rt *rapid.T) {
		shuffled := incident.Case{Incident: c.Incident, Alerts: rapid.Permutation(c.Alerts).Draw(rt, "alerts")}
		got := collect(shuffled, rapid.Permutation(entries).Draw(rt, "entries"), opts)
		if !assert.ObjectsAreEqual(want, got) {
			rt.Fatal("another report")
		}
	})
}

// What was redacted is not told, not even where it still stands in an entry, and what was attached is listed.
func TestCommentsWithImagesInTheReport(t *testing.T) {
	c, _ := sample(t, 1)
	image := activity.Attachment{Name: "mail.png", Type: "image/png", Size: 71, Width: 3, Height: 2, SHA256: strings.Repeat("ab", 32)}
	entries := []activity.Entry{
		{Seq: 1, Time: start, Type: activity.Commented, Text: "Look at this.", Attachments: []activity.Attachment{image}},
		{Seq: 2, Time: start, Type: activity.Commented, Text: "a secret", Redacted: true, Attachments: []activity.Attachment{image}},
		{Seq: 3, Time: start, Type: activity.Commented, Text: "[redacted]"},
	}
	r := collected(t, c, entries, &Options{Sections: []Section{Activity}})
	nameless := image
	nameless.Name = ""
	assert.Equal(t, []activity.Attachment{image}, r.Activity[0].Attachments)
	assert.Equal(t, activity.Entry{Seq: 2, Time: start, Type: activity.Commented, Redacted: true, Attachments: []activity.Attachment{nameless}}, r.Activity[1])
	assert.Equal(t, entries[2], r.Activity[2], "as somebody wrote")
	assert.Equal(t, "mail.png", entries[1].Attachments[0].Name, "what was given stays as it is")

	got := text(t, render(t, r))
	for _, want := range []string{
		"Look at this.", "Attached: mail.png, image/png, 71 bytes, 3 × 2 pixels, SHA-256 " + image.SHA256, "[Comment redacted]",
	} {
		assert.Contains(t, got, squeeze(want))
	}
	assert.NotContains(t, got, "secret")
}

// What would mislead is told apart by its type: a description that looks like a time, and a name that looks like a name with an
// identifier. Each stands in the log as it is.
func TestTextsAreNotTakenForWords(t *testing.T) {
	c, _ := sample(t, 1)
	at := "2026-03-14 08:00:00 UTC"
	entries := []activity.Entry{
		{Seq: 1, Time: start, Type: activity.Described, Actor: activity.Actor{ID: "k", Name: "Kai (SOC)"}, Changes: []activity.Change{
			{Field: "description", After: activity.Value(`"` + at + `"`)},
		}},
	}
	r := collected(t, c, entries, nil)
	everywhere(t, r, "Description: none → "+at, "Kai (SOC) described it.")
}

// A false positive is muted: its tactics are not reached, what only it names is not counted as hit and not in the graph. Where the
// whole incident was one, the document says so.
func TestFalsePositivesAreMuted(t *testing.T) {
	c, entries := sample(t, 2)
	c.Alerts[1].Verdict = classification.Verdict{Classification: classification.FalsePositive, Determination: classification.NotMalicious}
	r := collected(t, c, entries, nil)
	for _, f := range slices.Concat(r.Assets, r.Evidence) {
		only := strings.Contains(f.Evidence.Entity.Name(), "host-001") || strings.Contains(f.Evidence.Entity.Name(), "drop-1-") ||
			f.Evidence.Entity.Name() == "user1@contoso.example"
		assert.Equal(t, only, f.Dismissed, f.Evidence.Entity.Name())
	}
	for _, n := range r.Graph.Nodes {
		for _, key := range n.Keys {
			assert.NotContains(t, string(key), "d1")
		}
	}
	d, err := compose(r, false)
	require.NoError(t, err)
	facts := fmt.Sprint(d.Cover.Facts)
	assert.Contains(t, facts, "{Impacted assets 2 1 device, 1 user, 2 more by false positives}")
	for _, p := range d.Cover.Glance {
		if p.Label == "Tactics" {
			assert.Equal(t, "Exfiltration", p.Value.Text)
		}
	}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if table, ok := b.(*doc.Table); ok && s.ID == "assets" {
				for _, row := range table.Rows {
					assert.Equal(t, strings.HasSuffix(row.Cells[0].Text, "001") || strings.HasPrefix(row.Cells[0].Text, "user1@"), row.Muted, row.Cells[0].Text)
				}
			}
		}
	}

	c.Incident.Verdict = classification.Verdict{Classification: classification.FalsePositive}
	c.Alerts[0].Verdict = classification.Verdict{}
	r = collected(t, c, entries, nil)
	assert.Empty(t, r.Graph.Nodes)
	d, err = compose(r, false)
	require.NoError(t, err)
	assert.Equal(t, "False positive", d.Cover.Notice[0].Title)
	assert.Equal(t, doc.Neutral, d.Cover.States[0].Mark.Tone)
}

// One program is one row, whose processes are counted, and the hashes of malware come before what repeats it.
func TestOneRowForAProgram(t *testing.T) {
	c, _ := sample(t, 1)
	c.Alerts[0].Evidence = nil
	for n := range 45 {
		file := alert.File{FileName: fmt.Sprintf("f%02d.exe", n), SHA256: fmt.Sprintf("%064x", n+1)}
		for _, e := range []alert.Entity{
			alert.URL{URL: fmt.Sprintf("https://a%02d.example/f", n)}, alert.Process{PID: int64(n + 1), Image: file}, alert.Process{PID: int64(n + 1001), Image: file}, file,
		} {
			c.Alerts[0].Evidence = append(c.Alerts[0].Evidence, alert.Evidence{Entity: e, Verdict: alert.Malicious})
		}
	}
	r := collected(t, c, nil, nil)
	for n, f := range r.Evidence[:45] {
		assert.Equal(t, fmt.Sprintf("%064x", n+1), f.Evidence.Entity.(alert.File).SHA256)
		assert.Equal(t, 2, f.Processes)
	}
	d, err := compose(r, true)
	require.NoError(t, err)
	rows := 0
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if table, ok := b.(*doc.Table); ok && s.ID == "evidence" {
				rows = len(table.Rows)
			}
		}
	}
	assert.Equal(t, 90, rows, "files and addresses")
	var indicators string
	for _, f := range d.Files {
		if f.Type == "text/csv" {
			indicators = string(f.Data)
		}
	}
	got := text(t, render(t, r))
	for n := range 45 {
		assert.Contains(t, got, fmt.Sprintf("%064x", n+1))
		assert.Contains(t, indicators, fmt.Sprintf("%064x", n+1))
	}
}

// An executive report is at most four pages, whatever is in it.
func TestExecutiveReportsAreShort(t *testing.T) {
	pages := func(r Report) int {
		r.Layout.Profile = Executive
		return opens(t, string(render(t, r)))
	}
	assert.LessOrEqual(t, pages(report(t, 60, nil)), 4)
	assert.LessOrEqual(t, pages(rich(t)), 4)
	for seed := range uint64(shorter(60)) {
		assert.LessOrEqual(t, pages(seeded(seed).report()), 4, "seed %d", seed)
	}
}
