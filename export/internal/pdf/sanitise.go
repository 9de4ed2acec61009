package pdf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/internal/glyph"
)

// sanitise returns text as a document draws it in the face, and how many runes
// had to be replaced. Its text is idempotent, and its output holds only runes which
// the face can draw, and line feeds if multiline is set.
//
//   - A byte that is not valid UTF-8 becomes U+FFFD.
//   - Line ends of every kind become a line feed, or a space if multiline is
//     not set. A tab becomes a space.
//   - Invisible characters that carry no meaning where they are become marks
//     such as "[U+202E]": see glyph.Marked.
//   - Other control characters are dropped, and so are joiners, selectors and
//     tags that carry one, those between Arabic letters after they had their
//     say. Nothing else ever is.
//   - What is left is brought into Unicode Normalization Form C, and Arabic
//     letters into the forms in which they join.
//   - A space that the face does not have becomes an ordinary one. Any other
//     rune that it does not have, and every rune above U+FFFF, becomes a mark
//     with its code point: "[U+1F600]".
//
// Only U+FFFD, which may already stand in text, and runes that became a mark
// are counted.
//
// Right-to-left text is kept in logical order, in which lines are broken.
func (f *face) sanitise(text string, multiline bool) (clean string, replaced int) {
	if isPlain(text, multiline) {
		return text, 0
	}
	text, replaced = dropInvisible(text, multiline)
	text = strings.ReplaceAll(norm.NFC.String(text), "\u034F", "") // NFC puts it between very many accents
	if strings.ContainsFunc(text, isArabic) {
		text = f.join(text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case r == '\n' || f.covers(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			if parts := norm.NFD.String(string(r)); f.coversAll(parts) {
				b.WriteString(parts)
				continue
			}
			replaced++
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String(), replaced
}

func (f *face) coversAll(text string) bool {
	for _, r := range text {
		if !f.covers(r) {
			return false
		}
	}
	return true
}

// isPlain reports whether text is printable ASCII, which needs no work. Both
// faces cover it.
func isPlain(text string, multiline bool) bool {
	for i := range len(text) {
		if c := text[i]; (c < ' ' || c > '~') && !(c == '\n' && multiline) {
			return false
		}
	}
	return true
}

func dropInvisible(text string, multiline bool) (string, int) {
	text = glyph.Marked(text)
	lineEnd := byte(' ')
	if multiline {
		lineEnd = '\n'
	}
	replaced := 0
	arabic := false // what was written last
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch {
		case r == utf8.RuneError: // also from whoever decoded the text before
			replaced++
			b.WriteRune(utf8.RuneError)
		case r == '\r':
			if !strings.HasPrefix(text[i:], "\n") {
				b.WriteByte(lineEnd)
			}
		case r == '\n', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
			b.WriteByte(lineEnd)
		case r == '\t':
			b.WriteByte(' ')
		case unicode.Is(unicode.Cc, r):
		case r == nonJoin || r == joiner:
			// Nothing may come between a letter and its marks.
			next, _ := utf8.DecodeRuneInString(text[i:])
			if (arabic || isArabic(next)) && !unicode.In(next, unicode.C, unicode.M) {
				b.WriteRune(r)
			}
		case unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		default:
			b.WriteRune(r)
			arabic = isArabic(r)
		}
	}
	return b.String(), replaced
}
