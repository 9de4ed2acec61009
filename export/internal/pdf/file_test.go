package pdf

import (
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

// All that a face covers comes back from the file as it went in.
func TestEveryRuneCanBeReadBack(t *testing.T) {
	d := New(Options{})
	var want strings.Builder
	for _, r := range "ÀÿĀſƀɏΑωЀџ—…•ﬁ‰€→≠☠⚠✓()\\" {
		want.WriteRune(r)
		want.WriteString("x ")
	}
	d.Paragraph(Span{Text: want.String()})
	text := tool(t, output(t, d), "pdftotext", "-raw", "FILE", "-")
	assert.Equal(t, strings.TrimSpace(want.String()), strings.Join(strings.Fields(text), " ")[:len(strings.TrimSpace(want.String()))])
}

// The widths in the file are the ones the lines were broken with. fpdf packs
// them into runs, and a rune missing there would be set with a default width.
func TestFileHasTheMeasuredWidths(t *testing.T) {
	var runes strings.Builder
	sansFace := newFace(sans)
	for r := rune(' '); r < 0xFFF0; r++ {
		// Gaps and runs of all lengths.
		if sansFace.covers(r) && (r/7)%3 != 0 && (r < 0xD800 || r >= 0xE000) {
			runes.WriteRune(r)
		}
	}
	d := New(Options{FooterLeft: "x"})
	text, _ := Sanitise(runes.String(), 0, false)
	d.text(margin, margin, text, Style(0).ink(bodySize, black))
	widths := fileWidths(t, string(output(t, d)))
	for _, r := range text {
		got, ok := widths[int(r)]
		if assert.True(t, ok, "%U has no width", r) {
			assert.Equal(t, sansFace.advance(r), got, "%U", r)
		}
	}
}

// fileWidths reads the W array of the only font of a file: "c [w w …]" gives
// widths from c on, "c d w" one width for c to d.
func fileWidths(t *testing.T, pdf string) map[int]int {
	t.Helper()
	match := regexp.MustCompile(`(?s)/W \[(.*?) \]\n/CIDToGIDMap`).FindStringSubmatch(pdf)
	require.NotNil(t, match)
	tokens := strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ").Replace(match[1]))
	number := func(i int) int {
		n, err := strconv.Atoi(tokens[i])
		require.NoError(t, err)
		return n
	}
	widths := map[int]int{}
	for i := 0; i < len(tokens); {
		code := number(i)
		if tokens[i+1] != "[" {
			for c := code; c <= number(i+1); c++ {
				widths[c] = number(i + 2)
			}
			i += 3
			continue
		}
		for i += 2; tokens[i] != "]"; i++ {
			widths[code] = number(i)
			code++
		}
		i++
	}
	return widths
}
