package incident

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A Tag is a short label. Two tags are the same when their names fold equal; the spelling that came first
// is kept.
type Tag struct {
	Name   string `json:"name"`
	System bool   `json:"system,omitempty"` // set by a rule or the source, not by people
}

// Fold returns the form of s in which texts that differ only in case or in how their characters are
// composed are equal: NFC of the full Unicode case folding. Tags, names and search texts are compared by
// it, so that "STRASSE" finds "Straße".
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	// Folding can decompose (İ), so it is composed again after.
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

// HasTag reports whether i carries the tag, compared by [Fold].
func (i Incident) HasTag(name string) bool {
	return slices.ContainsFunc(i.Tags, func(t Tag) bool { return sameFold(t.Name, name) })
}

// sameFold reports whether a and b fold equal.
func sameFold(a, b string) bool {
	if isASCII(a) && isASCII(b) {
		return strings.EqualFold(a, b)
	}
	return Fold(a) == Fold(b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cleanTag returns a tag's name as it is stored: NFC, with runs of space made one blank and trimmed.
func cleanTag(name string) string {
	return strings.Join(strings.FieldsFunc(norm.NFC.String(name), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// CleanTag returns the name of a tag as it would be stored: NFC, with runs of space and control characters made
// one blank and trimmed. The error matches [*alert.FieldError] when no tag can have that name: it is empty, longer than
// [MaxTag] or not UTF-8.
func CleanTag(name string) (string, error) {
	name = cleanTag(name)
	p := problems{record: "tag"}
	p.need("name", name)
	p.text("name", name, MaxTag)
	return name, p.err()
}

// withTag returns tags with t, unless a tag of that name is there.
func withTag(tags []Tag, t Tag) []Tag {
	if slices.ContainsFunc(tags, func(have Tag) bool { return sameFold(have.Name, t.Name) }) {
		return tags
	}
	i, _ := slices.BinarySearchFunc(tags, t, compareTags)
	return slices.Insert(slices.Clone(tags), i, t)
}

// withoutTag returns tags without the custom tag of that name.
func withoutTag(tags []Tag, name string) []Tag {
	gone := func(t Tag) bool { return !t.System && sameFold(t.Name, name) }
	if !slices.ContainsFunc(tags, gone) {
		return tags
	}
	if tags = slices.DeleteFunc(slices.Clone(tags), gone); len(tags) == 0 {
		return nil // as an incident that never had a tag
	}
	return tags
}

func compareTags(a, b Tag) int { return strings.Compare(a.Name, b.Name) }
