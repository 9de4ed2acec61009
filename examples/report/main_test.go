package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export"
)

// expected is what each story promises.
var expected = map[string]struct {
	alerts      int
	least, most int // pages
	says        []string
}{
	"tiny": {1, 1, 3, []string{"Incident 1", "The print queue was emptied", "Unassigned"}},
	"typical": {10, 6, 30, []string{
		"Invoice phishing with theft of credentials and attempted exfiltration", "True positive: Multi-staged attack", "Endpoint Sensor, Mail Gateway",
		"Contained before anything left the network", "Mira (mira@example.com)", "Isolation playbook", "Invoke-WebRequest $u -OutFile $p", "I opened an invoice that I did not expect",
		"invoice.png", "Where we stand at 10:30", "sync.parcel-mail.example stands on the address that the upload went to.", "False positive: Not malicious",
		"198.51.100.77", "T1003.001", "parcelsvc.exe", "Finance",
	}},
	"caps": {74, 10, 80, []string{
		"Worm on the machines of three depots", "10 of 37 shown", "10 of 23 shown", "10 of 14 shown", "100 of 196 shown", "grouped into",
		"High (set manually)", "Night shift",
	}},
	"scripts": {9, 4, 30, []string{
		"請求書を装った不審なメールが配信されました", "佐藤 美咲", "【重要】3月分ご請求書の送付について", "要確認", "コンテンツの有効化", "更新プログラム.ps1", "情報の持ち出しは確認されていません。",
		"محاولات", "الدخول", "المستخدمة", "عاجل", "رانيا", "ليلى", "זוהה", "חיבור", "לשרת", "נועה", "관리자 계정이 평소와 다른 시간에 사용되었습니다", "김민준",
		"检测到异常的文件加密行为", "Ύποπτη εργασία", "Защита на рабочей станции", "+09:00",
	}},
	"images": {3, 3, 60, []string{
		"The program of a till was replaced", "IMG_0412.jpg", "log.png", "lamp.gif", "pixel.png",
		"till-9.jpg", "unmentioned.png",
	}},
	"many": {45, 8, 40, []string{
		"Loader on a build machine", digest(300), digest(344), "100 of 140 shown", "☑ machine isolated", "高橋 由紀", "Олена Шевченко",
	}},
	"falsepositive": {3, 3, 8, []string{"False positive", "The alerts of this incident did not come from an attack.", "☐ ask the team to announce the next move"}},
	"merged":        {6, 4, 12, []string{"Incidents 2 and 3 were merged into it.", "It was the same list after all.", "Sessions of worker-3@example.com ended."}},
	"long":          {1386, 40, 120, []string{"Day 1, night shift.", "Day 77, evening shift.", "100 of 450 shown", "Sign-in team", "Week 11", "1,386 alerts: "}},
}

// All reports are made twice (the long one once in short mode), with the same bytes; each is a sound PDF that says what its story says, of one
// incident that has all alerts of the story.
func TestReports(t *testing.T) {
	dir, again := filepath.Join(t.TempDir(), "not", "there", "yet"), t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-o", dir, "-format", "pdf,json"}, &out))
	twice := func(s story) bool { return s.name != "long" || !testing.Short() }
	for _, s := range stories {
		if twice(s) {
			require.NoError(t, run(t.Context(), []string{"-o", again, "-only", s.name}, &bytes.Buffer{}))
		}
	}
	require.Len(t, stories, len(expected))
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			want, path := expected[s.name], filepath.Join(dir, s.name+".pdf")
			assert.Contains(t, out.String(), fmt.Sprintf("%s, %s.json: %s\n", path, filepath.Join(dir, s.name), s.shows))

			file := read(t, path)
			if twice(s) {
				assert.True(t, bytes.Equal(file, read(t, filepath.Join(again, s.name+".pdf"))), "a second time")
			}

			var r export.Report
			require.NoError(t, json.Unmarshal(read(t, filepath.Join(dir, s.name+".json")), &r))
			assert.Len(t, r.Alerts, want.alerts)

			check := tool(t, "qpdf", "--check", path)
			assert.Contains(t, check, "No syntax or stream encoding errors found")
			assert.NotContains(t, strings.ToLower(check), "warning")

			pages := regexp.MustCompile(`(?m)^Pages: +(\d+)$`).FindStringSubmatch(tool(t, "pdfinfo", path))
			require.NotNil(t, pages)
			n, err := strconv.Atoi(pages[1])
			require.NoError(t, err)
			assert.GreaterOrEqual(t, n, want.least)
			assert.LessOrEqual(t, n, want.most)

			text := squeeze(tool(t, "pdftotext", "-raw", path, "-"))
			for _, words := range want.says {
				assert.True(t, strings.Contains(text, squeeze(words)), words)
			}
			assert.NotContains(t, text, "Autumn-Leaves", "what was redacted is gone")
			assert.NotContains(t, text, "replacedbymarks", "there is a font for everything")
		})
	}
}

// The other formats tell the same stories, and are the same each time, too.
func TestFormats(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		for _, name := range []string{"tiny", "typical", "caps", "scripts", "images"} {
			require.NoError(t, run(t.Context(), []string{"-o", dir, "-only", name, "-format", "HTML, markdown,json"}, &bytes.Buffer{}))
		}
	}
	files, err := filepath.Glob(filepath.Join(dirs[0], "*"))
	require.NoError(t, err)
	assert.Len(t, files, 15)
	for _, ending := range []string{"html", "md", "json"} {
		assert.Contains(t, files, filepath.Join(dirs[0], "scripts."+ending))
	}
	for _, file := range files {
		text := read(t, file)
		assert.True(t, bytes.Equal(text, read(t, filepath.Join(dirs[1], filepath.Base(file)))), file)
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		if filepath.Ext(file) != ".json" { // which has no words
			assert.True(t, bytes.Contains(text, []byte(expected[name].says[0])), file)
		}
	}
}

// What cannot be done is said, with the file or the word that it is about.
func TestErrors(t *testing.T) {
	taken, dir := filepath.Join(t.TempDir(), "taken"), t.TempDir()
	require.NoError(t, os.WriteFile(taken, nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tiny.pdf"), 0o700))
	for _, c := range []struct {
		says string
		args []string
	}{
		{`no report "huge", only tiny, typical, caps, scripts, images, many, falsepositive, merged, long`, []string{"-only", "huge"}},
		{`"docx"`, []string{"-format", "pdf,docx"}},
		{`"tiny" is no flag`, []string{"tiny"}},
		{"-x", []string{"-x"}},
		{taken, []string{"-o", taken}},
		{filepath.Join(dir, "tiny.pdf"), []string{"-o", dir, "-only", "tiny"}},
	} {
		var out bytes.Buffer
		assert.ErrorContains(t, run(t.Context(), c.args, &out), c.says)
		assert.Empty(t, out.String(), c.args)
	}
	assert.ErrorIs(t, run(t.Context(), []string{"-format", "docx"}, &bytes.Buffer{}), alert.ErrInvalid)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	empty := t.TempDir()
	err := run(ctx, []string{"-o", empty, "-only", "typical"}, &bytes.Buffer{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, `"typical"`)
	files, err := os.ReadDir(empty)
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, &out))
	for _, s := range stories {
		assert.Contains(t, out.String(), s.name)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	return file
}

// tool runs a program. Without the program the test is skipped, except where CI says that nothing may be.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// squeeze returns text without any space, since lines are broken anywhere, and without presentation forms.
func squeeze(text string) string { return strings.Join(strings.Fields(norm.NFKC.String(text)), "") }
