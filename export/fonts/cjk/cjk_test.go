package cjk_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/export/fonts/cjk"
	"github.com/incidentkit/incidentkit/incident"
)

// write draws a report on an incident of a name.
func write(t *testing.T, o *export.PDFOptions, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, export.WritePDF(t.Context(), &b, export.Report{
		Incident:  incident.Incident{Number: 7, Name: name},
		Generated: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC),
	}, o))
	return b.Bytes()
}

// text returns what a reader finds in a PDF. Without the program the test is skipped, except where CI
// says that nothing may be.
func text(t *testing.T, file []byte) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("pdftotext is needed: %v", err)
		}
		t.Skip("pdftotext is not installed")
	}
	path := filepath.Join(t.TempDir(), "report.pdf")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-raw", path, "-").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestTTF(t *testing.T) {
	font := cjk.TTF()
	notice, err := os.ReadFile("NOTICE")
	require.NoError(t, err)
	assert.Contains(t, string(notice), fmt.Sprintf("SHA-256 %x", sha256.Sum256(font)), "the font is the one that the notice names")
	font[0]++
	assert.NotEqual(t, font[0], cjk.TTF()[0], "what a caller does to its copy is the caller's business")
}

// With the font a report has Han, Kana and Hangul, in all faces; without it, marks and a line that counts
// them.
func TestReport(t *testing.T) {
	const name = "恶意软件 マルウェア、ひらがな 악성코드 (Zürich)"
	with := text(t, write(t, &export.PDFOptions{Fonts: [][]byte{cjk.TTF()}}, name))
	assert.Contains(t, with, "Incident 7 "+name)
	assert.NotContains(t, with, "replaced")

	without := text(t, write(t, &export.PDFOptions{}, name))
	assert.Contains(t, without, "[U+6076][U+610F]")
	assert.Contains(t, without, "characters were replaced")
}

// The font is part of a file only where a text needs it, and then no more of it than that.
func TestOnlyWhatIsNeededIsEmbedded(t *testing.T) {
	fonts := &export.PDFOptions{Fonts: [][]byte{cjk.TTF()}}
	plain := write(t, &export.PDFOptions{}, "plain")
	assert.Equal(t, plain, write(t, fonts, "plain"))
	some := write(t, fonts, "恶意软件")
	assert.Less(t, len(some), len(plain)+10_000)
	assert.Equal(t, some, write(t, fonts, "恶意软件"), "the same Report gives the same bytes")
}

// What the package comment says of the font.
func TestCover(t *testing.T) {
	var all strings.Builder
	for _, block := range [][2]rune{{0x3041, 0x3094}, {0x30A1, 0x30F6}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}} {
		for r := block[0]; r <= block[1]; r++ {
			all.WriteRune(r)
		}
	}
	r := export.Report{Sections: []export.Section{export.IncidentSummary}, IncidentSummary: all.String()}
	var b bytes.Buffer
	require.NoError(t, export.WritePDF(t.Context(), &b, r, &export.PDFOptions{Fonts: [][]byte{cjk.TTF()}}))
	got := strings.ReplaceAll(text(t, b.Bytes()), " ", "")
	assert.NotContains(t, got, "replaced")
	found := make(map[rune]bool)
	for _, r := range got {
		found[r] = true
	}
	var missing []string
	for _, r := range all.String() {
		if !found[r] {
			missing = append(missing, fmt.Sprintf("%U", r))
		}
	}
	assert.Empty(t, missing)
}

// scripts have the letters of words. The first begins every word, and is in none but there.
var scripts = map[string]string{
	"Japanese": "マあいうえおかきくけこさしすせそたちつてとな水木金土日月火人", "Korean": "한가나다라마바사아자차카타파하거너더러머버서어저", "Chinese": "恶意软件检测到可疑活动登录文件进程设备邮箱",
}

// fill makes every list in v one long and every text another word.
func fill(v reflect.Value, text func() string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text())
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), text)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() && v.Type().Field(n).Name != "Extra" { // text of JSON
				fill(v.Field(n), text)
			}
		}
	}
}

// Whoever reads a report finds all that it says in these scripts, wherever it stands. Which texts are
// drawn at all is proved in package export.
func TestReportsSayEverything(t *testing.T) {
	for script, all := range scripts {
		t.Run(script, func(t *testing.T) {
			letters, n := []rune(all), 0
			var r export.Report
			fill(reflect.ValueOf(&r).Elem(), func() string {
				n++
				return string([]rune{letters[0], letters[1+n%(len(letters)-1)], letters[1+n/(len(letters)-1)], letters[1]})
			})
			r.Sections = nil
			for s := export.Overview; s <= export.Activity; s++ {
				r.Sections = append(r.Sections, s)
			}
			r.Incident.Status = incident.Resolved
			var b bytes.Buffer
			require.NoError(t, export.WritePDF(t.Context(), &b, r, &export.PDFOptions{Fonts: [][]byte{cjk.TTF()}}))
			got := strings.ReplaceAll(text(t, b.Bytes()), " ", "")
			assert.NotContains(t, got, "[U+")
			texts := map[string]string{
				"name": r.Incident.Name, "description": r.Incident.Description, "note": r.Incident.Note, "tag": r.Incident.Tags[0].Name,
				"label": r.Facts[0].Label, "value": r.Facts[0].Value, "verdict": r.Verdict, "summary": r.IncidentSummary, "report": r.IncidentReport,
				"threat": r.Threats[0].Title, "technique": r.Threats[0].Techniques[0], "node": r.Graph.Nodes[0].Name, "step": r.Story[0].Alert,
				"category": r.Story[0].Category, "entity": r.Story[0].Entities[0], "group": r.Assets[0].Title, "asset": r.Assets[0].Rows[0].Name,
				"its details": r.Assets[0].Rows[0].Details, "its tag": r.Assets[0].Rows[0].Tags[0], "its role": string(r.Assets[0].Rows[0].Roles[0]),
				"evidence": r.Evidence.Rows[0].Name, "of a kind": string(r.Evidence.Rows[0].Kind), "with details": r.Evidence.Rows[0].Details,
				"alert": r.Alerts[0].Title, "its description": r.Alerts[0].Description, "actions": r.Alerts[0].RecommendedActions,
				"product": r.Alerts[0].Product, "owner": r.Alerts[0].Owner, "who": r.Activity[0].Who, "what": r.Activity[0].What, "said": r.Activity[0].Text,
				"added": r.Activity[0].Changes[0].Added[0], "removed": r.Activity[0].Changes[0].Removed[0], "reason": r.Activity[0].Reasons[0],
			}
			for name, want := range texts {
				assert.True(t, strings.Contains(got, want), "%s: %s", name, want)
			}
		})
	}
}
