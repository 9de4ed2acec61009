// Package glyph tells what of a text can be seen, and shortens texts so that it can be seen.
package glyph

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark is what [Cut] puts in place of what it takes away. It has four code points.
const Mark = " […]"

const (
	joiner      = '\u200D'     // ZWJ
	nonJoiner   = '\u200C'     // ZWNJ
	keycap      = '\u20E3'     // the frame of a key, around a character and a selector
	information = '\u2139'     // a letter by its class, and an emoji
	blackFlag   = '\U0001F3F4' // begins the flags that are spelled with tag characters
)

// blank reports whether r has the class of a letter or a symbol and an empty glyph: the empty pattern of Braille, the
// blanks of Egyptian hieroglyphs and the null note head.
func blank(r rune) bool { return r == 0x2800 || r == 0x13441 || r == 0x13442 || r == 0x1D159 }

// tagged reports whether r is one of the characters that spell the name of a region behind a black flag.
func tagged(r rune) bool { return 0xE0020 <= r && r <= 0xE007F }

// Invisible reports whether r is a character that shows nothing and takes no room, or a blank that is not a space:
// format characters, all that Unicode calls default-ignorable, the fillers of Hangul and the empty pattern of Braille.
// Spaces and control characters are not among them.
func Invisible(r rune) bool {
	if r < 0xAD {
		return false
	}
	return blank(r) ||
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r) // Arabic signs around numbers, which are seen
}

// Visible reports whether s has a character that can be seen: a letter, a number, punctuation, a symbol or one for
// private use. A mark without such a base is not one.
func Visible(s string) bool { return strings.ContainsFunc(s, visible) }

func visible(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' < r && r < 0x7F
	}
	return !Invisible(r) &&
		unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Co, unicode.Prepended_Concatenation_Mark)
}

// Bare returns s without its invisible characters. What is not UTF-8 stays as it is.
func Bare(s string) string {
	if !utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if Invisible(r) {
			return -1
		}
		return r
	}, s)
}

// Plain returns s without the invisible characters that carry no meaning where they are. These stay: joiners between
// two characters of a script or between two symbols that are written with them, selectors behind characters that have
// variants, and the names of flags. What is not UTF-8 stays as it is.
func Plain(s string) string {
	if !strings.ContainsFunc(s, Invisible) || !utf8.ValidString(s) {
		return s
	}
	return replaced(s, func(_ *strings.Builder, before, _ rune) rune { return before })
}

// Marked returns s with a mark such as "[U+200B]" in place of each invisible character that carries no meaning where
// it is, as in [Plain]: soft hyphens, zero-width spaces, bidirectional controls, fillers and blanks that are no spaces,
// tags, and joiners and variation selectors that stand alone. A byte that is not UTF-8 becomes U+FFFD.
func Marked(s string) string {
	if !strings.ContainsFunc(s, Invisible) {
		return s
	}
	return replaced(s, func(b *strings.Builder, _, r rune) rune {
		fmt.Fprintf(b, "[U+%04X]", r)
		return ']'
	})
}

// replaced returns s with what put writes in place of each invisible character without a meaning. It is told, and
// returns, which character stands before.
func replaced(s string, put func(b *strings.Builder, before, r rune) rune) string {
	var b strings.Builder
	before := rune(0)
	for n := 0; n < len(s); {
		r, size := utf8.DecodeRuneInString(s[n:])
		n += size
		if Invisible(r) {
			after := rune(0)
			if n < len(s) {
				after, _ = utf8.DecodeRuneInString(s[n:])
			}
			if !means(before, r, after) {
				before = put(&b, before, r)
				continue
			}
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// means reports whether the invisible character r carries a meaning between two others; 0 stands for none.
func means(before, r, after rune) bool {
	switch {
	case r == joiner || r == nonJoiner:
		return (joins(before) || unicode.Is(unicode.Variation_Selector, before)) && joins(after)
	case unicode.Is(unicode.Variation_Selector, r):
		return after == keycap && (before == '#' || before == '*' || '0' <= before && before <= '9') ||
			before == information ||
			before >= utf8.RuneSelf && !Invisible(before) && unicode.In(before, unicode.S, unicode.P,
				unicode.Han, unicode.Mongolian, unicode.Myanmar, unicode.Phags_Pa)
	case tagged(r):
		return before == blackFlag || tagged(before)
	}
	return false
}

// joins reports whether r is of a script, or a symbol, in which joiners are written.
func joins(r rune) bool {
	return r >= utf8.RuneSelf && (visible(r) || unicode.Is(unicode.M, r) && !Invisible(r)) &&
		!unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

// Cut returns s, which is UTF-8, with at most so many code points. What is longer ends with [Mark], or, where most has
// no room for it, is just cut. It does not cut between a character and the marks on it, unless there are very many.
func Cut(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	mark := Mark
	room := most - utf8.RuneCountInString(Mark)
	if room < 1 {
		mark, room = "", max(most, 0)
	}
	at := 0
	for range room {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	for end, n := at, 0; n < 32 && end > 0; n++ {
		next, _ := utf8.DecodeRuneInString(s[end:])
		last, size := utf8.DecodeLastRuneInString(s[:end])
		if last != joiner && !unicode.Is(unicode.M, next) && !Invisible(next) {
			at = end
			break
		}
		end -= size
	}
	return s[:at] + mark
}
