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

func TestListsAreCappedAndSaySo(t *testing.T) {
	r := report(t, 37, nil)
	require.Len(t, r.Assets, 2)
	assert.Equal(t, []int{10, 10, 37}, []int{len(r.Assets[0].Rows), r.Assets[0].Shown, r.Assets[0].Total})
	assert.Equal(t, []int{4, 4, 4}, []int{len(r.Assets[1].Rows), r.Assets[1].Shown, r.Assets[1].Total})
	assert.Equal(t, []int{100, 100, 250}, []int{len(r.Evidence.Rows), r.Evidence.Shown, r.Evidence.Total})
	assert.Len(t, r.Alerts, 37)

	r = report(t, 37, &Options{MaxAssets: 37, MaxEvidence: 1})
	assert.Len(t, r.Assets[0].Rows, 37)
	assert.Len(t, r.Evidence.Rows, 1)
}

// The first of a capped list are those that matter most.
func TestWorstEvidenceComesFirst(t *testing.T) {
	rows := report(t, 37, nil).Evidence.Rows
	for _, e := range rows[:72] {
		assert.Equal(t, alert.Malicious, e.Verdict, e.Name)
	}
	assert.Equal(t, alert.Suspicious, rows[72].Verdict)
}

// An asset that several alerts name is one row with all that they say.
func TestAssetsAreMerged(t *testing.T) {
	c, _ := sample(t, 2)
	device := alert.Device{DeviceID: "same", HostName: "one"}
	c.Alerts[0].Evidence = []alert.Evidence{{Entity: device, Verdict: alert.Malicious, Roles: []alert.Role{alert.Source}}, {Entity: device}}
	c.Alerts[1].Evidence = []alert.Evidence{{Entity: device, Verdict: alert.NoThreatsFound, Roles: []alert.Role{alert.Source, alert.Attacked}}}
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	assert.Equal(t, []AssetList{{
		Group: "devices", Title: "Devices", Shown: 1, Total: 1,
		Rows: []AssetRow{{Key: "device:same", Name: "one", Verdict: alert.Malicious, Roles: []alert.Role{alert.Source, alert.Attacked}, Alerts: 2}},
	}}, collect(c, nil, opts).Assets)
}

// A step of the story names who is in it once each, assets first, and counts the rest.
func TestStoryNamesTheMainEntities(t *testing.T) {
	c, _ := sample(t, 1)
	c.Alerts[0].Evidence = []alert.Evidence{
		{Entity: alert.IP{Address: "192.0.2.1"}}, {Entity: alert.User{UPN: "noor@contoso.example"}}, {},
		{Entity: alert.Mailbox{Address: "noor@contoso.example"}}, {Entity: alert.Device{HostName: "one"}}, {Entity: alert.IP{Address: "192.0.2.2"}},
	}
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	story := collect(c, nil, opts).Story
	require.Len(t, story, 1)
	assert.Equal(t, []string{"noor@contoso.example", "one", "192.0.2.1"}, story[0].Entities)
	assert.Equal(t, 1, story[0].More)
}

// The log of an incident does not repeat which incident it is.
func TestReasons(t *testing.T) {
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	got := activityRow(activity.Entry{Incident: "inc-1", Links: []activity.Link{
		{Reason: activity.SameAsset, Entity: "host:one", Incident: "inc-1"},
		{Reason: activity.SameAsset, Entity: "host:one", Incident: "inc-2", HeldBack: "too old"},
	}}, nameBook{}, opts)
	assert.Equal(t, []string{"Same asset: one", "Same asset: one, incident inc-2, held back: too old"}, got.Reasons)
}

func TestThreatsFollowTheKillChain(t *testing.T) {
	var got []string
	alerts := 0
	for _, x := range report(t, 37, nil).Threats {
		got = append(got, x.Title)
		alerts += x.Alerts
	}
	assert.Equal(t, []string{"Initial access", "Execution", "Command and control", "Exfiltration", "Malware"}, got)
	assert.Equal(t, 37, alerts)
}

func TestOnlyWhatWasAskedFor(t *testing.T) {
	r := report(t, 3, &Options{Sections: []Section{Alerts, Overview, Alerts}})
	assert.Equal(t, []Section{Overview, Alerts}, r.Sections)
	assert.NotEmpty(t, r.Facts)
	assert.NotEmpty(t, r.Alerts)
	assert.Empty(t, r.Threats)
	assert.Empty(t, r.Story)
	assert.Empty(t, r.Assets)
	assert.Empty(t, r.Activity)
	assert.Zero(t, r.Evidence)

	for _, s := range []Section{Activity + 1, IncidentReport} {
		_, err := (&Options{Sections: []Section{s}}).withDefaults()
		assert.ErrorIs(t, err, alert.ErrInvalid, s)
	}
}

func TestChangesReadLikeSentences(t *testing.T) {
	got := map[string]ChangeRow{}
	for _, row := range report(t, 3, nil).Activity {
		for _, c := range row.Changes {
			if row.Alert == "" {
				got[row.What+"/"+c.Path] = c
			}
		}
	}
	assert.Equal(t, ChangeRow{Path: "status", Field: "Status", Before: "", After: "Resolved"}, blankBefore(got["Status changed/status"]))
	assert.Equal(t, ChangeRow{Path: "owner", Field: "Assigned to", Before: "", After: "Kai (kai@contoso.example)"}, got["Assignment changed/owner"])
	assert.Equal(t, ChangeRow{Path: "verdict.classification", Field: "Classification", Before: "", After: "True positive"}, got["Classification changed/verdict.classification"])
	assert.Equal(t, ChangeRow{Path: "resolved", Field: "Resolved", Before: "", After: "2026-03-16 09:00:00 UTC"}, got["Status changed/resolved"])
	assert.Equal(t, ChangeRow{Path: "tags", Field: "Tags", Before: "", After: "vip"}, got["Incident created/tags"])
}

func blankBefore(c ChangeRow) ChangeRow {
	c.Before = ""
	return c
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
	assert.Equal(t, "noor", want.Activity[0].Who)
	assert.True(t, slices.IsSortedFunc(want.Activity, func(a, b ActivityRow) int { return a.Time.Compare(b.Time) }))
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
	opts, err := (&Options{Sections: []Section{Activity}}).withDefaults()
	require.NoError(t, err)
	r := collect(c, entries, opts)
	nameless := image
	nameless.Name = ""
	assert.Equal(t, []activity.Attachment{image}, r.Activity[0].Attachments)
	assert.Equal(t, ActivityRow{Time: start, What: "Comment", Trigger: activity.Manual, Redacted: true, Attachments: []activity.Attachment{nameless}}, r.Activity[1])
	assert.Equal(t, ActivityRow{Time: start, What: "Comment", Trigger: activity.Manual, Text: "[redacted]"}, r.Activity[2], "as somebody wrote")
	assert.Equal(t, "mail.png", entries[1].Attachments[0].Name, "what was given stays as it is")

	got := text(t, render(t, r))
	for _, want := range []string{
		"Look at this.", "Attached: mail.png, image/png, 71 bytes, 3 × 2 pixels, SHA-256 " + image.SHA256, "[Comment redacted]",
		"Attached: [redacted], image/png",
	} {
		assert.Contains(t, got, squeeze(want))
	}
	assert.NotContains(t, got, "secret")
}

// Each alert tells all that it names, once, with the worst that it says of it.
func TestAlertsHaveTheirEvidence(t *testing.T) {
	c, _ := sample(t, 1)
	c.Alerts[0].URL = "file:///alerts/0"
	c.Alerts[0].Evidence = []alert.Evidence{
		{Entity: alert.File{FileName: "a.exe"}, Verdict: alert.Suspicious}, {Entity: alert.Device{HostName: "ws-17"}}, {}, {Entity: alert.File{FileName: "a.exe"}, Verdict: alert.Malicious},
		{Entity: alert.File{FileName: "b.exe"}, Verdict: alert.NoThreatsFound}, {Entity: alert.IP{Address: "192.0.2.1"}, Verdict: "odd"}, {Entity: alert.File{FileName: "a.exe"}},
	}
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	r := collect(c, nil, opts)
	assert.Equal(t, []AlertEvidence{
		{alert.KindFile, "a.exe", alert.Malicious}, {alert.KindDevice, "ws-17", ""}, {alert.KindFile, "b.exe", alert.NoThreatsFound}, {alert.KindIP, "192.0.2.1", "odd"},
	}, r.Alerts[0].Evidence)
	got := text(t, render(t, r))
	for _, want := range []string{"Evidence: File: a.exe (malicious), b.exe (no threats found) · Device: ws-17 · IP: 192.0.2.1 (odd)", "Address: file:///alerts/0"} {
		assert.Contains(t, got, squeeze(want))
	}
	for _, f := range formats[:2] {
		got := strings.ReplaceAll(written(t, f.write, r), `\`, "")
		for _, want := range []string{"File: a.exe (malicious), b.exe (no threats found)", "Device: ws-17", "IP: 192.0.2.1 (odd)"} {
			assert.Contains(t, got, want, f.name)
		}
	}
}
