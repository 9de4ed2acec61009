package pdf

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The forms of a letter follow each other in the Arabic presentation forms:
// isolated, final, and for letters that also join the next one, initial and
// medial.
const (
	isolated = iota
	final
	initial
	medial
)

// joining is an Arabic letter and its forms. One with two forms joins only the
// letter before it.
type joining struct {
	letter, first rune
	forms         int
}

// joinings are in the order of letters. Hamza is not among them, as it joins
// nothing, and neither are letters of which Unicode has no forms.
var joinings = []joining{
	{0x0622, 0xFE81, 2}, {0x0623, 0xFE83, 2}, {0x0624, 0xFE85, 2}, {0x0625, 0xFE87, 2}, {0x0626, 0xFE89, 4},
	{0x0627, 0xFE8D, 2}, {0x0628, 0xFE8F, 4}, {0x0629, 0xFE93, 2}, {0x062A, 0xFE95, 4}, {0x062B, 0xFE99, 4},
	{0x062C, 0xFE9D, 4}, {0x062D, 0xFEA1, 4}, {0x062E, 0xFEA5, 4}, {0x062F, 0xFEA9, 2}, {0x0630, 0xFEAB, 2},
	{0x0631, 0xFEAD, 2}, {0x0632, 0xFEAF, 2}, {0x0633, 0xFEB1, 4}, {0x0634, 0xFEB5, 4}, {0x0635, 0xFEB9, 4},
	{0x0636, 0xFEBD, 4}, {0x0637, 0xFEC1, 4}, {0x0638, 0xFEC5, 4}, {0x0639, 0xFEC9, 4}, {0x063A, 0xFECD, 4},
	{0x0641, 0xFED1, 4}, {0x0642, 0xFED5, 4}, {0x0643, 0xFED9, 4}, {0x0644, 0xFEDD, 4}, {0x0645, 0xFEE1, 4},
	{0x0646, 0xFEE5, 4}, {0x0647, 0xFEE9, 4}, {0x0648, 0xFEED, 2}, {0x0649, 0xFEEF, 4}, {0x064A, 0xFEF1, 4},
	{0x0671, 0xFB50, 2}, {0x0679, 0xFB66, 4}, {0x067A, 0xFB5E, 4}, {0x067B, 0xFB52, 4}, {0x067E, 0xFB56, 4},
	{0x067F, 0xFB62, 4}, {0x0680, 0xFB5A, 4}, {0x0683, 0xFB76, 4}, {0x0684, 0xFB72, 4}, {0x0686, 0xFB7A, 4},
	{0x0687, 0xFB7E, 4}, {0x0688, 0xFB88, 2}, {0x068C, 0xFB84, 2}, {0x068D, 0xFB82, 2}, {0x068E, 0xFB86, 2},
	{0x0691, 0xFB8C, 2}, {0x0698, 0xFB8A, 2}, {0x06A4, 0xFB6A, 4}, {0x06A6, 0xFB6E, 4}, {0x06A9, 0xFB8E, 4},
	{0x06AD, 0xFBD3, 4}, {0x06AF, 0xFB92, 4}, {0x06B1, 0xFB9A, 4}, {0x06B3, 0xFB96, 4}, {0x06BA, 0xFB9E, 2},
	{0x06BB, 0xFBA0, 4}, {0x06BE, 0xFBAA, 4}, {0x06C0, 0xFBA4, 2}, {0x06C1, 0xFBA6, 4}, {0x06C5, 0xFBE0, 2},
	{0x06C6, 0xFBD9, 2}, {0x06C7, 0xFBD7, 2}, {0x06C8, 0xFBDB, 2}, {0x06C9, 0xFBE2, 2}, {0x06CB, 0xFBDE, 2},
	{0x06CC, 0xFBFC, 4}, {0x06D0, 0xFBE4, 4}, {0x06D2, 0xFBAE, 2}, {0x06D3, 0xFBB0, 2},
}

// form returns a form of j. Those of alef maksura are in two places.
func (j joining) form(n int) rune {
	if j.letter == 0x0649 && n >= initial {
		return 0xFBE8 + rune(n-initial)
	}
	return j.first + rune(n)
}

const (
	lam     = 0x0644
	tatweel = 0x0640
	nonJoin = 0x200C // zero width non-joiner
	joiner  = 0x200D // zero width joiner
)

// lamAlef returns the isolated form of the ligature of lam and an alef, 0 when
// r is not an alef. The final form follows it.
func lamAlef(r rune) rune {
	switch r {
	case 0x0622:
		return 0xFEF5
	case 0x0623:
		return 0xFEF7
	case 0x0625:
		return 0xFEF9
	case 0x0627:
		return 0xFEFB
	}
	return 0
}

func isArabic(r rune) bool { return r >= 0x0600 && r <= 0x06FF }

// isTransparent reports whether letters join across r.
func isTransparent(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// joins returns the joining of r, with no forms when it joins nothing or when
// the face lacks one of them.
func (f *face) joins(r rune) joining {
	if r == tatweel || r == joiner {
		return joining{r, 0, 4}
	}
	if !isArabic(r) {
		return joining{}
	}
	at, found := slices.BinarySearchFunc(joinings, r, func(j joining, r rune) int { return int(j.letter - r) })
	if !found {
		return joining{}
	}
	j := joinings[at]
	for n := range j.forms {
		if !f.covers(j.form(n)) {
			return joining{}
		}
	}
	return j
}

// join puts the forms of Arabic letters in their place, and drops the joiners
// that had a say in it. The order stays the logical one. A letter that the face
// lacks a form of is left as it is and joins nothing. Lam and alef become one
// where no mark is between them.
func (f *face) join(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/2)
	runes := []rune(text)
	before := false // the letter before joins the one that comes
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		if isTransparent(r) {
			b.WriteRune(r)
			continue
		}
		j := f.joins(r)
		after := false
		if j.forms == 4 {
			next := i + 1
			for next < len(runes) && isTransparent(runes[next]) {
				next++
			}
			after = next < len(runes) && f.joins(runes[next]).forms > 0
		}
		switch {
		case r == joiner:
			before = true
			continue
		case r == nonJoin:
			before = false
			continue
		case j.first == 0:
			b.WriteRune(r)
			before = j.forms == 4
			continue
		}
		form := isolated
		if before {
			form = final
		}
		if r == lam && i+1 < len(runes) {
			if ligature := lamAlef(runes[i+1]); ligature != 0 && f.covers(ligature) && f.covers(ligature+1) {
				b.WriteRune(ligature + rune(form))
				before = false
				i++
				continue
			}
		}
		if after {
			form += initial
		}
		b.WriteRune(j.form(form))
		before = j.forms == 4
	}
	return b.String()
}

// letters returns text with the forms of Arabic letters turned back.
func letters(text string) string {
	if !HasRightToLeft(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if r >= 0xFB50 && r <= 0xFBFF || r >= 0xFE80 && r <= 0xFEFC {
			b.WriteString(norm.NFKC.String(string(r)))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
