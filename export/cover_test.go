package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

func renderWith(t require.TestingT, r Report, o *PDFOptions) []byte {
	var b bytes.Buffer
	require.NoError(t, WritePDF(context.Background(), &b, r, o))
	return b.Bytes()
}

// pages returns what a reader finds on each page, without any space.
func pages(t *testing.T, file []byte) []string {
	all := strings.Split(tool(t, file, "pdftotext", "-raw", "FILE", "-"), "\f")
	for n := range all {
		all[n] = squeeze(all[n])
	}
	return all[:len(all)-1]
}

// Whatever sections there are, the first page begins with the same, each level as a shape and a word.
func TestCoverSaysTheMost(t *testing.T) {
	for _, sections := range [][]Section{nil, {}, {Activity}} {
		got := pages(t, render(t, report(t, 12, &Options{Sections: sections})))[0]
		for _, want := range []string{
			"Incident 1042 Theft at the finance desk Severity ▲ High Status ✓ Resolved Verdict ▲ True positive: Malware",
			"Assigned to Kai kai@contoso.example", "Alerts 12 3 high, 3 medium, 3 low, 3 informational", "Impacted assets 16 12 devices, 4 users",
			"First activity 2026-03-14 08:00:00 UTC", "Last activity 2026-03-14 08:14:00 UTC", "Lasting 14 minutes", "Created 2026-03-16 08:00:00 UTC",
			"Resolved 2026-03-16 09:00:00 UTC", "Comments 1", "Tactics reached Initial access → Execution → Command and control → Exfiltration", "vip",
		} {
			assert.Contains(t, got, squeeze(want), "sections %v", sections)
		}
		for want, known := range map[string]bool{"Most affected user0@contoso.example, 3 alerts": sections == nil, "Evidence 84 beside assets": sections == nil} {
			assert.Equal(t, known, strings.Contains(got, squeeze(want)), "%s with sections %v: a cover does not say what the report does not hold", want, sections)
		}
	}
}

func TestMostAffected(t *testing.T) {
	quiet := AssetList{Rows: []AssetRow{{Name: "cleared", Verdict: alert.NoThreatsFound, Alerts: 1}, {Name: "busy", Alerts: 9}, {Name: "as busy", Alerts: 9}}}
	bad := AssetList{Rows: []AssetRow{{Name: "bad", Verdict: alert.Suspicious, Alerts: 1}, {Name: "worst", Verdict: alert.Malicious, Alerts: 2}}}
	assert.Equal(t, "busy, 9 alerts", mostAffected([]AssetList{quiet}))
	assert.Equal(t, "worst, malicious, 2 alerts", mostAffected([]AssetList{quiet, bad}))
	assert.Empty(t, mostAffected([]AssetList{{}}))
}

// Tactics are told once however they are spelled, in the order of an attack and not of time.
func TestTacticTitles(t *testing.T) {
	assert.Equal(t, []string{"Initial access", "Execution", "Impact"}, tacticTitles([]string{"Impact", "Malware", "InitialAccess", "Initial access", "Execution", ""}))
	assert.Equal(t, []string{"Execution", "Stealth", "Defense impairment"},
		tacticTitles([]string{"DefenseEvasion", "DefenseImpairment", "execution", "TA0002", "Stealth"}))
	assert.Empty(t, tacticTitles([]string{"Malware"}))
}

// An incident of which nothing is known is said to be one, and what has no value is left out. Covers P4.
func TestCoverOfNothing(t *testing.T) {
	got := pages(t, render(t, Report{}))
	require.Len(t, got, 1)
	assert.Contains(t, got[0], squeeze("Incident Without a name Severity – Unrated Status ● Active Verdict – Not set Assigned to Nobody Alerts 0 Impacted assets 0 Priority 0 of 100 About this report"))
}

// The same shapes in HTML, Markdown and PDF.
func TestShapesAreTheSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		status  incident.Status
		verdict classification.Classification
		want    string
	}{
		{incident.Active, "", "Status ● Active Verdict – Not set"},
		{incident.InProgress, classification.FalsePositive, "Status ◐ In progress Verdict ○ The words"},
		{incident.Resolved, classification.TruePositive, "Status ✓ Resolved Verdict ▲ The words"},
		{incident.Redirected, "own", "Status → Redirected Verdict ■ The words"},
		{incident.Purged, classification.InformationalExpectedActivity, "Status – Purged Verdict ○ The words"},
	} {
		r := Report{Incident: incident.Incident{Status: c.status, Verdict: classification.Verdict{Classification: c.verdict}}}
		if c.verdict != "" {
			r.Verdict = "The words"
		}
		assert.Contains(t, text(t, render(t, r)), squeeze(c.want))
		badges := []string{shaped(statusMarked(c.status))}
		if c.verdict != "" {
			badges = append(badges, shaped(classified(r.Incident.Verdict, r.Verdict)))
		}
		assert.Contains(t, written(t, WriteMarkdown, r), strings.Join(badges, " · "))
	}
}

// Every line of the contents leads to the page on which its section begins.
func TestContentsNameThePages(t *testing.T) {
	file := render(t, report(t, 37, nil))
	all := pages(t, file)
	titles := []string{"Overview", "Incident summary", "Attack story", "Impacted assets", "Evidence", "Related alerts", "Activity log", "About this report"}
	contents := all[0][strings.Index(all[0], "Contents"):]
	for _, title := range titles {
		m := regexp.MustCompile("^.*?" + squeeze(title) + "(?:·[0-9,]+of[0-9,]+shown)?([0-9]+)").FindStringSubmatch(contents)
		require.NotNil(t, m, "%s in %s", title, contents)
		contents = contents[len(m[0]):]
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		require.LessOrEqual(t, n, len(all), title)
		body := all[n-1]
		if n == 1 {
			body = contents
		}
		assert.Contains(t, body, squeeze(title))
	}
	assert.Equal(t, len(titles), bytes.Count(file, []byte("/Border [0 0 0] /Dest [")), "a link for each")
	assert.NotContains(t, text(t, render(t, report(t, 3, &Options{Sections: []Section{Activity}}))), "Contents", "of one section")
	assert.NotContains(t, text(t, render(t, Report{Sections: []Section{Activity, 99}})), "Contents")
}

// Every page says which one it is, when the report was generated and where its times are.
func TestEveryPageSaysWhenAndWhere(t *testing.T) {
	berlin := time.FixedZone("Europe/Berlin", 3600)
	for want, r := range map[string]Report{
		"Generated 2026-03-16 10:00:00 UTC · Times in UTC":              report(t, 12, nil),
		"Generated 2026-03-16 11:00:00 +01:00 · Times in Europe/Berlin": report(t, 12, &Options{Location: berlin}),
		"Times in UTC": {},
		"Times in a local time zone, with their offset from UTC": {TimeZone: "Local"},
	} {
		all := pages(t, render(t, r))
		for n, page := range all {
			assert.True(t, strings.HasSuffix(page, squeeze(want+fmt.Sprintf("Page %d of %d", n+1, len(all)))), "%s", page[max(0, len(page)-200):])
			if r.Generated.IsZero() {
				assert.NotContains(t, page, "Generated")
			}
		}
	}
}

func TestPropertiesOfTheFile(t *testing.T) {
	r := report(t, 3, nil)
	r.Incident.Tags = append(r.Incident.Tags, incident.Tag{Name: "Zürich"})
	info := tool(t, renderWith(t, r, &PDFOptions{Author: "SOC of Contoso"}), "pdfinfo", "-enc", "UTF-8", "FILE")
	for label, want := range map[string]string{
		"Title": "Incident 1042: Theft at the finance desk", "Author": "SOC of Contoso", "Subject": "Incident report: High severity, resolved",
		"Keywords": "vip, Zürich", "Producer": "incidentkit", "PDF version": "1.7", "CreationDate": "Mon Mar 16 10:00:00 2026 UTC",
	} {
		assert.Regexp(t, "(?m)^"+label+": +"+regexp.QuoteMeta(want)+"$", info)
	}
	assert.Contains(t, string(render(t, r)), "/Lang (en)")
	assert.NotContains(t, tool(t, render(t, r), "pdfinfo", "FILE"), "Author")
}

func TestPapers(t *testing.T) {
	r := report(t, 12, nil)
	for paper, want := range map[Paper]string{A4: "595.28 x 841.89 pts (A4)", Letter: "612 x 792 pts (letter)"} {
		file := renderWith(t, r, &PDFOptions{Paper: paper})
		assert.Contains(t, tool(t, file, "pdfinfo", "FILE"), want)
		assert.Contains(t, tool(t, file, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
		data, err := paper.MarshalText()
		require.NoError(t, err)
		var back Paper
		require.NoError(t, back.UnmarshalText(bytes.ToUpper(data)))
		assert.Equal(t, paper, back)
	}
	var wrong *alert.FieldError
	err := WritePDF(t.Context(), new(bytes.Buffer), r, &PDFOptions{Paper: 9})
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "paper", wrong.Field)
	_, err = ParsePaper("A5")
	assert.EqualError(t, err, (&alert.FieldError{Field: "paper", Value: "A5", Want: "a4 or letter"}).Error())
}

// detach returns the one file inside a PDF, and its name.
func detach(t *testing.T, file []byte) (name string, data []byte) {
	t.Helper()
	folder := t.TempDir()
	tool(t, file, "pdfdetach", "-saveall", "-o", folder, "FILE")
	saved, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, saved, 1)
	data, err = os.ReadFile(filepath.Join(folder, saved[0].Name()))
	require.NoError(t, err)
	return saved[0].Name(), data
}

// The Report is in the PDF, as the bytes whose sum is printed, and draws the same PDF once it has its images again.
func TestReportIsInside(t *testing.T) {
	for name, r := range map[string]Report{"incident-1042.json": rich(t), "report.json": {Sections: []Section{Overview, Alerts}}} {
		file := render(t, r)
		got, data := detach(t, file)
		assert.Equal(t, name, got)
		said := text(t, file)
		for _, want := range []string{name, bytesOf(int64(len(data))), fmt.Sprintf("SHA-256 %x", sha256.Sum256(data))} {
			assert.Contains(t, said, squeeze(want))
		}
		bare := r
		bare.Images = nil
		want, err := json.Marshal(bare)
		require.NoError(t, err)
		assert.True(t, string(want) == string(data))
		var back Report
		require.NoError(t, json.Unmarshal(data, &back))
		back.Images = r.Images
		assert.True(t, bytes.Equal(file, render(t, back)))

		none := renderWith(t, r, &PDFOptions{NoData: true})
		assert.NotContains(t, string(none), "/EmbeddedFile")
		assert.NotContains(t, text(t, none), "SHA-256207af")
		assert.NotContains(t, text(t, none), "report.json")
	}
}

// Whatever texts a report has, what is inside is the whole of it.
func TestAnyReportIsInside(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, _ := filled(func(n int) string { return nasty(rt, n) })
		r.Incident.Number = rapid.SampledFrom([]int64{0, 1, -1, 1 << 62}).Draw(rt, "number")
		a, err := attachment(r)
		require.NoError(rt, err)
		require.Equal(rt, map[int64]string{0: "report.json", -1: "report.json", 1: "incident-1.json", 1 << 62: "incident-4611686018427387904.json"}[r.Incident.Number], a.Name)
		var back Report
		require.NoError(rt, json.Unmarshal(a.Data, &back))
		again, err := attachment(back)
		require.NoError(rt, err)
		require.Equal(rt, string(a.Data), string(again.Data))
		renderWith(rt, r, nil)
	})
}

// A report that cannot be JSON says so instead of what is inside.
func TestReportThatIsNoJSON(t *testing.T) {
	for name, r := range map[string]Report{
		"section": {Sections: []Section{99}}, "severity": {Incident: incident.Incident{Severity: 99}}, "time": {Generated: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		got := render(t, r)
		assert.Contains(t, text(t, got), squeeze("Not attached, as this report cannot be written as JSON"), name)
		assert.Contains(t, tool(t, got, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
		assert.NotContains(t, text(t, renderWith(t, r, &PDFOptions{NoData: true})), "Notattached", name)
	}
}

// What is hidden is said at both ends, and is not inside either.
func TestHiddenIsNotInside(t *testing.T) {
	c, entries := sample(t, 3)
	opts, err := (&Options{Hide: Hidden{Users: true}}).withDefaults()
	require.NoError(t, err)
	c, entries = hide(opts.Hide, c, entries)
	file := render(t, collect(c, entries, opts))
	assert.Equal(t, 2, strings.Count(text(t, file), squeeze("Names of what is hidden are replaced: users.")))
	_, data := detach(t, file)
	assert.NotContains(t, string(data), "kai@contoso.example")
	assert.Contains(t, string(data), "User 1")
}
