package pdf

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/internal/glyph"
)

func TestSanitise(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		replaced       int
	}{
		{"plain", "C:\\Temp (1)", "C:\\Temp (1)", 0},
		{"empty", "", "", 0},
		{"accents, Greek, Cyrillic, Vietnamese", "Zürich Αθήνα Привет Việt", "Zürich Αθήνα Привет Việt", 0},
		{"composed", "e\u0301", "é", 0},
		{"a joiner that joins nothing", "e\u200d\u0301", "e[U+200D]\u0301", 0},
		{"a joiner between emoji", "❤\uFE0F\u200d🔥", "❤\uFE0F[U+1F525]", 1},
		{"beyond the basic plane", "a😀b", "a[U+1F600]b", 1},
		{"Arabic letters join", "بب\u200cب", "\uFE91\uFE90\uFE8F", 0},
		{"a joiner between an Arabic letter and its mark", "ا\u200d\u0654", "\uFE83", 0},
		{"not in the font", "事件", "[U+4E8B][U+4EF6]", 2},
		{"a byte that is not UTF-8", "a\xffb", "a\uFFFDb", 1},
		{"a cut sequence", "\xe4\xba", "\uFFFD\uFFFD", 2},
		{"bidirectional override", "invoice\u202Efdp.exe", "invoice[U+202E]fdp.exe", 0},
		{"soft hyphen, byte order mark, zero width space", "a\u00ADb\uFEFFc\u200Bd", "a[U+00AD]b[U+FEFF]c[U+200B]d", 0},
		{"escape sequence", "\x1b[31mred\x00\x7f", "[31mred", 0},
		{"format characters that can be seen stay", "\u0600", "[U+0600]", 1},
		{"tab", "a\tb", "a b", 0},
		{"line ends", "a\r\nb\rc\nd\u2028e\u0085f\vg", "a\nb\nc\nd\ne\nf\ng", 0},
		{"noncharacters", "\uFFFF\uFDD0", "[U+FFFF][U+FDD0]", 2},
		{"no break space", "a\u00A0b", "a\u00A0b", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, replaced := newFace(sans).sanitise(c.in, true)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.replaced, replaced)
		})
	}
	oneLine, _ := newFace(sans).sanitise("a\r\nb\n\u2029c", false)
	assert.Equal(t, "a b  c", oneLine)
}

// What can be seen survives: dropping the characters that may be dropped from
// the input, and turning marks back, gives the same text up to composition.
func FuzzSanitise(f *testing.F) {
	for _, s := range []string{"", "plain", "a😀b\xff", "e\u200d\u0301", "\u202e\u0600\r\n", "事件", "[U+41]", "\u0958\u0301", "\u1E0A\u0323", strings.Repeat("\u0301", 70), "\u2028\u3000\u1680\u00a0"} {
		f.Add(s, false, true)
		f.Add(s, true, false)
	}
	f.Fuzz(func(t *testing.T, in string, heavy, multiline bool) {
		face := newFace(sans)
		if heavy {
			face = newFace(bold)
		}
		out, replaced := face.sanitise(in, multiline)

		for _, r := range out {
			if !(face.covers(r) && r <= 0xFFFF || r == '\n' && multiline) {
				t.Fatalf("%q has %U, which cannot be drawn", out, r)
			}
		}
		again, more := face.sanitise(out, multiline)
		if again != out || more != strings.Count(out, "\uFFFD") {
			t.Fatalf("not idempotent: %q, then %q with %d more", out, again, more)
		}
		if len(out) > 16*len(in) {
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
		if marks := strings.Count(out, "[U+") + strings.Count(out, "\uFFFD"); replaced > marks {
			t.Fatalf("%d replaced, but %d marks in %q", replaced, marks, out)
		}
		if want, got := visible(in, face), visible(out, face); want != got {
			t.Fatalf("%q shows %q, want %q", out, got, want)
		}
	})
}

// visible is an independent account of what of a text must be seen: in the
// order of Normalization Form C, with blanks alike and marks written out.
func visible(text string, face *face) string {
	text = glyph.Marked(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	var b strings.Builder
	for _, r := range norm.NFC.String(text) {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' || unicode.Is(unicode.Zs, r) && !face.covers(r):
			b.WriteByte(' ')
		case r > 0xFFFF || !face.covers(r) && !decomposes(r, face):
			b.WriteString(mark(r))
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(letters(b.String()))
}

func decomposes(r rune, face *face) bool { return face.coversAll(norm.NFD.String(string(r))) }

func mark(r rune) string {
	const digits = "0123456789ABCDEF"
	s := ""
	for v := r; v > 0; v /= 16 {
		s = string(digits[v%16]) + s
	}
	return "[U+" + strings.Repeat("0", max(0, 4-utf8.RuneCountInString(s))) + s + "]"
}
