package incident

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// A Tag is a short label. Two tags are the same when their names fold equal, as [Fold] has it; the spelling that
// came first is kept.
//
// Custom tags and those of the kind [alert.SystemTag] are an incident's own. Those of the other kinds are derived:
// they are the ones that its alerts bring, see [Summary], but for those whose name one of its own has.
type Tag = alert.Tag

// Fold returns the form of s in which texts are equal that differ only in case, in how their characters are composed or
// in invisible characters: NFC of the full Unicode case folding, without format characters and others that
// are default-ignorable or blank. Tags, names, owners and search texts are compared by it, so that "STRASSE" finds
// "Straße".
func Fold(s string) string { return glyph.Fold(s) }

// HasTag reports whether i carries the tag, compared by [Fold].
func (i Incident) HasTag(name string) bool {
	return indexTag(i.Tags, name) >= 0
}

// cleanTag returns a tag's name as it is stored: NFC, without invisible characters that carry no meaning, and with runs
// of space made one blank and trimmed.
func cleanTag(name string) string {
	return strings.Join(strings.FieldsFunc(norm.NFC.String(glyph.Plain(name)), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// CleanTag returns the name of a tag as it would be stored: NFC, with runs of space and control characters made one
// blank and trimmed, and without invisible characters except those that scripts and emoji need where they are,
// such as the joiners in Persian words. The error is an [*alert.FieldError] when no tag can have that name: nothing
// of it can be seen, it is longer than [MaxTag] or not UTF-8.
func CleanTag(name string) (string, error) {
	name = cleanTag(name)
	p := problems{record: "tag"}
	p.need("name", name)
	p.text("name", name, MaxTag)
	return name, p.err()
}

// isDerived reports whether tags of the kind of t follow from the alerts of an incident.
func isDerived(t Tag) bool { return t.Kind > alert.SystemTag }

// own returns tags without the derived ones.
func own(tags []Tag) []Tag {
	if !slices.ContainsFunc(tags, isDerived) {
		return tags
	}
	return noneAsNil(slices.DeleteFunc(slices.Clone(tags), isDerived))
}

// DeriveTags returns the tags of i as they are when those of its own stay and those that follow from its alerts
// are just the ones of i.Alerts.SystemTags.
func DeriveTags(i Incident) []Tag {
	mine := own(i.Tags)
	tags := slices.Clip(mine)
	for _, t := range i.Alerts.SystemTags {
		if indexTag(mine, t.Name) < 0 {
			tags = append(tags, t)
		}
	}
	if len(tags) > len(mine) {
		slices.SortFunc(tags, compareTags)
	}
	return tags
}

// indexTag returns the place of the tag of that name, or -1.
func indexTag(tags []Tag, name string) int {
	return slices.IndexFunc(tags, func(t Tag) bool { return glyph.SameFold(t.Name, name) })
}

// withTag returns tags with t, an own tag of an incident, in place of a derived one of that name, unless an own
// one is there.
func withTag(tags []Tag, t Tag) []Tag {
	have := indexTag(tags, t.Name)
	if have >= 0 && !isDerived(tags[have]) {
		return tags
	}
	return replaceTag(tags, have, t)
}

// brought returns the tags that alerts bring with t among them: of those of one name the first by bytes, and of
// the same spelling the one of the first kind, so that it does not matter which came first.
func brought(tags []Tag, t Tag) []Tag {
	have := indexTag(tags, t.Name)
	if have >= 0 && cmp.Or(compareTags(tags[have], t), cmp.Compare(tags[have].Kind, t.Kind)) <= 0 {
		return tags
	}
	return replaceTag(tags, have, t)
}

// replaceTag returns tags with t, and without the one at have, if that is not -1.
func replaceTag(tags []Tag, have int, t Tag) []Tag {
	tags = slices.Clone(tags)
	if have >= 0 {
		tags = slices.Delete(tags, have, have+1)
	}
	i, _ := slices.BinarySearchFunc(tags, t, compareTags)
	return slices.Insert(tags, i, t)
}

// withoutTag returns tags without the custom tag of that name.
func withoutTag(tags []Tag, name string) []Tag {
	gone := func(t Tag) bool { return !t.System() && glyph.SameFold(t.Name, name) }
	if !slices.ContainsFunc(tags, gone) {
		return tags
	}
	return noneAsNil(slices.DeleteFunc(slices.Clone(tags), gone))
}

// noneAsNil returns tags as they are of an incident that never had a tag, if there are none.
func noneAsNil(tags []Tag) []Tag {
	if len(tags) == 0 {
		return nil
	}
	return tags
}

func compareTags(a, b Tag) int { return strings.Compare(a.Name, b.Name) }
