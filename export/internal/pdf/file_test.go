package pdf

import (
	"compress/zlib"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

// tool runs a program on a PDF. Without the program the test is skipped, except
// where CI says that nothing may be.
func tool(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	path := filepath.Join(t.ArtifactDir(), "report.pdf")
	require.NoError(t, os.WriteFile(path, pdf, 0o600))
	for i, a := range args {
		if a == "FILE" {
			args[i] = path
		}
	}
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

func TestFileIsSound(t *testing.T) {
	out := tool(t, output(t, sample(200, 40)), "qpdf", "--check", "FILE")
	assert.Contains(t, out, "No syntax or stream encoding errors found")
	assert.NotContains(t, strings.ToLower(out), "warning")
}

// Readers get the text back as Unicode: for searching, for copying, for ears.
func TestTextCanBeReadBack(t *testing.T) {
	d := sample(60, 12)
	text := tool(t, output(t, d), "pdftotext", "-layout", "FILE", "-")
	for _, want := range []string{
		"Multi-stage incident", "kai.jensen@contoso.example", "Ελληνικά", "кириллица", "Việt Nam", "[U+4E8B][U+4EF6]",
		"powershell.exe -enc SQBFAFgA", "3 of 37 shown", "High · In progress",
		fmt.Sprintf("Page %d of %d", d.Pages(), d.Pages()),
	} {
		assert.True(t, strings.Contains(text, want), want)
	}
	assert.Equal(t, d.Pages(), strings.Count(text, "\f"))
	for i := range 60 {
		row := fmt.Sprintf(`(?m)Suspicious LSASS access by process %d +Defender for Endpoint +%d$`, i, 7*i)
		assert.True(t, regexp.MustCompile(row).MatchString(text), "alert %d", i)
	}
}

// All that a face covers comes back from the file as it went in, though the runes
// of one word are in different fonts.
func TestEveryRuneCanBeReadBack(t *testing.T) {
	d := New(t.Context(), Options{})
	var want []string
	add := func(r rune) { want = append(want, "A"+norm.NFC.String(string(r))+"x") }
	for _, r := range "—…•ﬁ‰€→≠☠⚠✓()\\" {
		add(r)
	}
	for r := 'À'; r <= 'џ'; r++ {
		if unicode.IsLetter(r) && d.faces[sans].covers(r) {
			add(r)
		}
	}
	require.Greater(t, len(want), 2*codes)
	d.Paragraph(Span{Text: strings.Join(want, " ")})
	got := strings.Fields(tool(t, output(t, d), "pdftotext", "-raw", "FILE", "-"))
	assert.Equal(t, want, got[:len(want)])
}

func TestPackRefusesWhatItDoesNotKnow(t *testing.T) {
	z := zlib.NewWriter(nil)
	for _, file := range []string{
		"", "trailer\nstartxref\n", "trailer\nstartxref\n9\n", "xref\n0 9\ntrailer\nstartxref\n0\n", "startxref\n0\ntrailer\n",
		"xref\n0 2\n0000000000 65535 f \nno number 00000 n \ntrailer\nstartxref\n0\n",
		"xref\n0 2\n0000000000 65535 f \n9999999999 00000 n \ntrailer\nstartxref\n0\n",
	} {
		_, err := pack([]byte(file), z, nil, nil, time.Time{})
		assert.Error(t, err, "%q", file)
	}
}

// The widths in the file are the ones the lines were broken with, however many
// fonts the runes are spread over.
func TestFileHasTheMeasuredWidths(t *testing.T) {
	var runes strings.Builder
	sansFace := newFace(sans)
	for r := rune(' '); r < 0xFFF0; r++ {
		if sansFace.covers(r) && (r/7)%3 != 0 && (r < 0xD800 || r >= 0xE000) {
			runes.WriteRune(r)
		}
	}
	d := New(t.Context(), Options{FooterLeft: "x"})
	text, _ := sansFace.sanitise(runes.String(), false)
	d.text(margin, margin, text, Style(0).ink(bodySize, black))
	widths := fileWidths(t, string(output(t, d)))
	assert.Greater(t, len(widths), 10*codes)
	for _, r := range text {
		got, ok := widths[r]
		if assert.True(t, ok, "%U has no width", r) {
			assert.Equal(t, sansFace.advance(r), got, "%U", r)
		}
	}
}

// fileWidths reads the encodings and widths of the fonts of a file, which are in
// the same order.
func fileWidths(t *testing.T, pdf string) map[rune]int {
	t.Helper()
	encodings := regexp.MustCompile(`/Differences \[32 ([^]]*)\]`).FindAllStringSubmatch(pdf, -1)
	arrays := regexp.MustCompile(`(?m)^\[([0-9 ]*)\]$`).FindAllStringSubmatch(pdf, -1)
	require.NotEmpty(t, encodings)
	require.Len(t, arrays, len(encodings))
	widths := map[rune]int{}
	for i := range encodings {
		values := strings.Fields(arrays[i][1])
		require.Len(t, values, codes)
		for j, name := range strings.Fields(encodings[i][1]) {
			r, err := strconv.ParseInt(strings.TrimPrefix(name, "/uni"), 16, 32)
			require.NoError(t, err)
			widths[rune(r)], err = strconv.Atoi(values[j])
			require.NoError(t, err)
		}
	}
	return widths
}
