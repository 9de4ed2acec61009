package export

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
)

func render(t testing.TB, r Report) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WritePDF(t.Context(), &b, r, nil))
	return b.Bytes()
}

// tool runs a program on a PDF. Without the program the test is skipped, except where CI says that
// nothing may be.
func tool(t *testing.T, file []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	path := filepath.Join(t.TempDir(), "report.pdf")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	for i, a := range args {
		if a == "FILE" {
			args[i] = path
		}
	}
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// text returns what a reader finds in a PDF, without any space, since lines are broken anywhere.
func text(t *testing.T, file []byte) string {
	return squeeze(tool(t, file, "pdftotext", "-raw", "FILE", "-"))
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func TestPDFSaysEverything(t *testing.T) {
	r := report(t, 37, nil)
	got := text(t, render(t, r))
	want := []string{
		r.Incident.Name, "Incident 1042", "Kai (kai@contoso.example)", "Severity ▲ High", r.Incident.Note, "10 of 37 shown", "100 of 250 shown",
		"Page 1 of", "True positive: Malware", "Handed over to the night shift.", "Status: Active → Resolved",
	}
	for _, a := range r.Alerts {
		want = append(want, a.Title, a.Description, a.RecommendedActions)
		for _, e := range a.Evidence {
			want = append(want, e.Name)
		}
	}
	for _, l := range r.Assets {
		for _, a := range l.Rows {
			want = append(want, a.Name)
		}
	}
	for _, e := range r.Evidence.Rows {
		want = append(want, e.Name)
	}
	for _, w := range want {
		assert.True(t, strings.Contains(got, squeeze(w)), w)
	}
	for _, upkeep := range []string{"Comments: none → 1", "Resolved: none → 2026-03-16 09:00:00 UTC"} {
		assert.False(t, strings.Contains(got, squeeze(upkeep)), upkeep)
	}
	log := got[strings.Index(got, "ActivitylogTime(UTC)"):]
	deeds := drawing{r: r}.deeds()
	assert.Len(t, deeds, 3)
	for _, a := range deeds {
		i := strings.Index(log, squeeze(a.Time.Format("2006-01-02 15:04:05")))
		if !assert.GreaterOrEqual(t, i, 0, "%s", a.Title) {
			continue
		}
		// Each is found behind the one before it.
		log = log[i:]
		want := append([]string{a.Who, a.Title}, a.Lines...)
		for _, w := range want {
			at := strings.Index(log, squeeze(w))
			if assert.GreaterOrEqual(t, at, 0, w) {
				log = log[at+len(squeeze(w)):]
			}
		}
	}
}

func TestPDFIsSound(t *testing.T) {
	out := tool(t, render(t, report(t, 37, nil)), "qpdf", "--check", "FILE")
	assert.Contains(t, out, "No syntax or stream encoding errors found")
	assert.NotContains(t, strings.ToLower(out), "warning")
}

// Each section has its heading, when it was asked for and not otherwise.
func TestPDFHasTheSectionsAskedFor(t *testing.T) {
	titles := []string{"Overview", "Incident summary", "Incident report", "Attack story", "Impacted assets", "Evidence", "Related alerts", "Activity log"}
	pass := func(context.Context, Section, incident.Case, []activity.Entry) (string, error) { return "", nil }
	headings := func(o *Options) []string {
		r := report(t, 2, o)
		outline := tool(t, render(t, r), "qpdf", "--json", "--json-key=outlines", "FILE")
		var found struct{ Outlines []struct{ Title string } }
		require.NoError(t, json.Unmarshal([]byte(outline), &found))
		var all []string
		for _, o := range found.Outlines {
			all = append(all, o.Title)
		}
		return all
	}
	const last = "About this report"
	assert.Equal(t, append(slices.Clone(titles), last), headings(&Options{Summarizer: pass}))
	assert.Equal(t, append(slices.Delete(slices.Clone(titles), 2, 3), last), headings(nil))
	for s := Overview; s <= Activity; s++ {
		assert.Equal(t, []string{titles[s], last}, headings(&Options{Sections: []Section{s}, Summarizer: pass}), s)
	}
	assert.Equal(t, []string{last}, headings(&Options{Sections: []Section{}}))
}

func TestTimesAreInTheGivenLocation(t *testing.T) {
	got := text(t, render(t, report(t, 1, &Options{Location: time.FixedZone("Elsewhere", 5*3600+1800)})))
	assert.Contains(t, got, squeeze("2026-03-14 13:30:00 +05:30"))
	assert.NotContains(t, got, "UTC")
}

// What cannot be drawn leaves a mark, and the last line counts the marks.
func TestUndrawableCharactersAreVisible(t *testing.T) {
	r := report(t, 1, &Options{Sections: []Section{Overview, Activity}})
	require.NotContains(t, text(t, render(t, r)), "replacedbymarks")
	r.Activity = append(r.Activity, ActivityRow{Who: "Mira", What: "Comment", Text: "a 😀 b 事 c \xff d", Trigger: activity.Manual})
	got := text(t, render(t, r))
	for _, want := range []string{"a[U+1F600]b[U+4E8B]c\uFFFDd", "3characterswerereplacedbymarks"} {
		assert.Contains(t, got, want)
	}
}

func TestAnyReportCanBeDrawn(t *testing.T) {
	for name, r := range map[string]Report{
		"zero":             {},
		"empty sections":   {Sections: []Section{Overview, IncidentSummary, IncidentReport, AttackStory, Assets, Evidence, Alerts, Activity}},
		"unknown section":  {Sections: []Section{99}},
		"unknown severity": {Sections: []Section{AttackStory}, Story: []Event{{Severity: 99}}},
		"huge alert":       {Sections: []Section{Alerts}, Alerts: []AlertRow{{Title: strings.Repeat("x", 50_000), Description: strings.Repeat("y", 50_000)}}},
		"huge text":        {Sections: []Section{Activity}, Activity: []ActivityRow{{Text: strings.Repeat("word\n", 30_000)}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, bytes.HasPrefix(render(t, r), []byte("%PDF-")))
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestErrorOfTheWriterComesBack(t *testing.T) {
	full := errors.New("disk full")
	err := WritePDF(t.Context(), brokenWriter{full}, Report{}, nil)
	assert.ErrorIs(t, err, full)
	assert.ErrorContains(t, err, "export: write PDF: ")
}

// dueContext is done after it has been asked so many times.
type dueContext struct {
	context.Context
	left int
}

func (c *dueContext) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// However far it has come when ctx is done, WritePDF writes nothing.
func TestWritePDFStops(t *testing.T) {
	r := report(t, 12, nil)
	for n := 0; ; n++ {
		var b bytes.Buffer
		err := WritePDF(&dueContext{t.Context(), n}, &b, r, nil)
		if err == nil {
			d, err := draw(t.Context(), r, nil)
			require.NoError(t, err)
			assert.Greater(t, n, d.Pages(), "it was asked for every page")
			return
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, b.Len())
	}
}
