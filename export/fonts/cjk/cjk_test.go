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
