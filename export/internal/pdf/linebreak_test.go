package pdf

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func broken(d *Document, t styled, width int) []string {
	var lines []string
	for _, e := range d.breakLines(t, width) {
		lines = append(lines, t.text[e.start:e.end])
	}
	return lines
}

func TestBreakLines(t *testing.T) {
	d := New(t.Context(), Options{})
	for _, c := range []struct {
		name, text string
		widest     string // lines are as wide as this
		want       []string
	}{
		{"at spaces", "one two three", "one two", []string{"one two", "three"}},
		{"spaces hang", "one     two", "one ", []string{"one", "two"}},
		{"line feeds", "one\n\ntwo", "one two", []string{"one", "", "two"}},
		{"indentation stays", "if:\n  then", "if:  then", []string{"if:", "  then"}},
		{"a word that fits a line is not broken", "see 10.0.0.127", "10.0.0.127", []string{"see", "10.0.0.127"}},
		{"a path", `C:\Users\kai\Temp`, `C:\Users\k`, []string{`C:\Users\`, `kai\Temp`}},
		{"an address, its scheme kept whole", "https://a.example/b?c=d", "example/b?c=", []string{"https://a.", "example/b?c=", "d"}},
		{"a long word starts on the line it is on", `at C:\Windows\System32`, `at C:\Windows`, []string{`at C:\`, `Windows\`, "System32"}},
		{"a hash", "0123456789abcdef", "012345", []string{"012345", "6789ab", "cdef"}},
		{"a hash starts on its own line", "is 0123456789", "012345", []string{"is", "012345", "6789"}},
		{"a hash does not end with a few digits alone", "0123456789abcdef0123456789abcdef012", "0123456789abcdef0123456789abcdef",
			[]string{"0123456789abcdef0123456789a", "bcdef012"}},
		{"a label stays with its hash", "sha256:0123456789abcdef0123456789abcdef0123456789ab", "sha256:0123456789abcdef0123456789abcdef",
			[]string{"sha256:0123456789abcdef0123456789abcdef", "0123456789ab"}},
		{"Han, drawn as marks", "事件", "[U+4E8B]", []string{"[U+4E8B]", "[U+4EF6]"}},
		{"empty", "", "one", []string{""}},
		{"too narrow for anything", "ab", "", []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := d.style([]Span{{Text: c.text}}, bodySize, black)
			assert.Equal(t, c.want, broken(d, s, d.textWidth(c.widest, s.runs[0].ink)))
		})
	}
}

// Han and Kana were lost at line ends by the line breaking this one replaces.
func TestBreakLinesLosesNothing(t *testing.T) {
	d := New(t.Context(), Options{})
	piece := rapid.SampledFrom([]string{" ", " ", "  ", "\n", "a", "word", "é", "e\u0301", "\u0301", "/", "\\", "-", "_", ".", "::", "?",
		"事件", "こ", "😀", "шиш", "\u00a0", "0123456789abcdef", "C:\\Temp\\", "https://x.example/"})
	rapid.Check(t, func(t *rapid.T) {
		var spans []Span
		for range rapid.IntRange(1, 4).Draw(t, "spans") {
			spans = append(spans, Span{
				Text:  strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "text"), ""),
				Style: Style(rapid.IntRange(0, 7).Draw(t, "style")),
			})
		}
		s := d.style(spans, bodySize, black)
		width := rapid.IntRange(0, 300*point).Draw(t, "width")
		lines := d.breakLines(s, width)

		drop := strings.NewReplacer(" ", "", "\n", "")
		at := 0
		var all strings.Builder
		for _, e := range lines {
			if e.start < at || e.end < e.start || e.end > len(s.text) {
				t.Fatalf("line %v after byte %d of %d", e, at, len(s.text))
			}
			if between := strings.Trim(s.text[at:e.start], " \n"); between != "" {
				t.Fatalf("%q is in no line", between)
			}
			line := s.text[e.start:e.end]
			if strings.Contains(line, "\n") {
				t.Fatalf("a line feed inside the line %q", line)
			}
			// Spaces may hang over the end, with the accents on them.
			used, seen, runes := 0, 0, 0
			for text, r := range s.pieces(e) {
				for i, c := range text {
					if c != ' ' && d.faces[r.ink.face].advance(c) > 0 {
						seen, runes = used+d.textWidth(text[:i]+string(c), r.ink), runes+1
					}
				}
				used += d.textWidth(text, r.ink)
				all.WriteString(text)
			}
			if seen > width+len(spans) && runes > 1 {
				t.Fatalf("%q is %d wide, more than %d", line, seen, width)
			}
			at = e.end
		}
		if drop.Replace(all.String()) != drop.Replace(s.text) {
			t.Fatalf("%q became %q", s.text, all.String())
		}
	})
}

func TestClip(t *testing.T) {
	d := New(t.Context(), Options{})
	k := Style(0).ink(bodySize, black)
	rapid.Check(t, func(t *rapid.T) {
		text, _ := d.faces[sans].sanitise(rapid.String().Draw(t, "text"), false)
		width := rapid.IntRange(20*point, 100*point).Draw(t, "width")
		got := d.clip(text, k, width)
		if d.textWidth(got, k) > width {
			t.Fatalf("%q is wider than %d", got, width)
		}
		if got != text && !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
			t.Fatalf("%q is not the beginning of %q", got, text)
		}
	})
}
