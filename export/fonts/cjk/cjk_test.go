package cjk_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
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

// Whoever reads a report finds what it says in these scripts, wherever it stands. Which texts are drawn at
// all is proved in package export.
func TestReportsSayEverything(t *testing.T) {
	for script, all := range scripts {
		t.Run(script, func(t *testing.T) {
			letters, texts := []rune(all), map[string]string{}
			word := func(of string) string {
				n := len(texts)
				texts[of] = string([]rune{letters[0], letters[1+n%(len(letters)-1)], letters[1+n/(len(letters)-1)], letters[1]})
				return texts[of]
			}
			at := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
			device := alert.Device{HostName: word("device"), OS: word("system of a device")}
			file := alert.File{FileName: word("file"), Path: word("folder")}
			r := export.Report{
				Generated: at,
				Layout:    export.Layout{Organisation: word("organisation"), Header: word("header"), Footer: word("footer")},
				Incident: incident.Incident{
					Number: 7, Name: word("name"), Description: word("description"), Status: incident.Resolved,
					Note: word("note"), Tags: []incident.Tag{{Name: word("tag")}},
				},
				IncidentSummary: word("summary"), IncidentReport: word("report"), MaxAssets: 10, MaxEvidence: 100,
				Assets: []export.Finding{{
					Key: alert.Identity(device), Alerts: 1, First: at, Last: at,
					Evidence: alert.Evidence{Entity: device, Tags: []string{word("tag of a device")}},
				}},
				Evidence: []export.Finding{{
					Key: alert.Identity(file), Alerts: 1, First: at, Last: at,
					Evidence: alert.Evidence{Entity: file},
				}},
				Alerts: []alert.Alert{{
					ID: "a1", Title: word("alert"), Description: word("description of an alert"), RecommendedActions: word("actions"),
					Product: word("product"), FirstActivity: at, LastActivity: at,
					Evidence: []alert.Evidence{{Entity: device}, {Entity: file}},
				}},
				Activity: []activity.Entry{{
					Seq: 1, Time: at, Type: activity.Commented, Actor: activity.Actor{Kind: activity.User, ID: "kai", Name: word("who")},
					Cause: "c1", Version: 1, Text: word("comment"),
				}},
			}
			for s := export.Overview; s <= export.Activity; s++ {
				r.Sections = append(r.Sections, s)
			}
			var b bytes.Buffer
			require.NoError(t, export.WritePDF(t.Context(), &b, r, &export.PDFOptions{Fonts: [][]byte{cjk.TTF()}}))
			got := strings.ReplaceAll(text(t, b.Bytes()), " ", "")
			assert.NotContains(t, got, "[U+")
			for name, want := range texts {
				assert.True(t, strings.Contains(got, want), "%s: %s", name, want)
			}
		})
	}
}
