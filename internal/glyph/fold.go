package glyph

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns the form of s in which texts are equal that differ only in case, in how their characters are composed
// or in invisible characters: NFC of the full Unicode case folding of [Bare].
func Fold(s string) string {
	if IsASCII(s) {
		return strings.ToLower(s)
	}
	// Folding can decompose (İ), so it is composed again after.
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(Bare(s))))
}

// SameFold reports whether a and b fold equal.
func SameFold(a, b string) bool {
	if IsASCII(a) && IsASCII(b) {
		return strings.EqualFold(a, b)
	}
	return Fold(a) == Fold(b)
}

// IsASCII reports whether s has no character beyond ASCII.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
