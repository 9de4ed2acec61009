package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
)

func render(t testing.TB, r Report) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WritePDF(&b, r))
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
		r.Incident.Name, "Incident 1042", "Kai (kai@contoso.example)", "High severity", r.Incident.Note, "10 of 37 shown", "100 of 259 shown",
		"Page 1 of", "True positive: Malware", "Handed over to the night shift.", "Status: Active → Resolved",
	}
	for _, a := range r.Alerts {
		want = append(want, a.Title)
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
	log := got[strings.LastIndex(got, "Activitylog"):]
	assert.NotEmpty(t, r.Activity)
	for _, a := range r.Activity {
		i := strings.Index(log, squeeze(a.Time.Format("2006-01-02 15:04:05")))
		if !assert.GreaterOrEqual(t, i, 0, "%s %s", a.What, a.Alert) {
			continue
		}
		// Each entry is found behind the one before it.
		log = log[i:]
		want := []string{a.Who, a.What, a.Alert, a.Text}
		if a.Text == a.Alert {
			want = want[:3] // said once
		}
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

// Neither the machine nor a detour through JSON changes a byte.
func TestPDFIsTheSameEverywhere(t *testing.T) {
	for name, location := range map[string]*time.Location{"UTC": nil, "elsewhere": time.FixedZone("Elsewhere", 5*3600+1800)} {
		t.Run(name, func(t *testing.T) {
			r := report(t, 12, &Options{Location: location})
			want := render(t, r)
			assert.True(t, bytes.Equal(want, render(t, r)), "a second time")

			local, procs := time.Local, runtime.GOMAXPROCS(1)
			time.Local = time.FixedZone("Here", 5*3600+1800)
			defer func() {
				time.Local = local
				runtime.GOMAXPROCS(procs)
			}()
			assert.True(t, bytes.Equal(want, render(t, report(t, 12, &Options{Location: location}))), "in another time zone")
			data, err := json.Marshal(r)
			require.NoError(t, err)
			var back Report
			require.NoError(t, json.Unmarshal(data, &back))
			assert.True(t, bytes.Equal(want, render(t, back)), "through JSON")
		})
	}
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
		"empty sections":   {Sections: []Section{Overview, AttackStory, Assets, Evidence, Alerts, Activity}},
		"unknown section":  {Sections: []Section{99}},
		"unknown severity": {Sections: []Section{AttackStory}, Story: []Event{{Severity: 99}}},
		"huge text":        {Sections: []Section{Activity}, Activity: []ActivityRow{{Text: strings.Repeat("word\n", 30_000)}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, bytes.HasPrefix(render(t, r), []byte("%PDF-")))
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) {
	if w.err == nil {
		panic("no disk")
	}
	return 0, w.err
}

func TestErrorsOfTheWriterComeBack(t *testing.T) {
	full := errors.New("disk full")
	assert.ErrorIs(t, WritePDF(brokenWriter{full}, Report{}), full)
	assert.ErrorContains(t, WritePDF(brokenWriter{}, Report{}), "no disk")
}

func BenchmarkWritePDF(b *testing.B) {
	r := report(b, 16, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := WritePDF(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(draw(r).Pages()), "pages")
}
