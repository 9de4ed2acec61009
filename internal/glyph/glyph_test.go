package glyph_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/internal/glyph"
)

// unseen are characters of every kind that shows nothing.
var unseen = []rune("\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B\u180E\u200B\u200C\u200D\u200E\u200F\u202A\u202E" +
	"\u2060\u2061\u2064\u2066\u206F\u2800\u3164\uFE00\uFE0F\uFEFF\uFFA0\uFFF9" +
	"\U0001D159\U0001D173\U000E0001\U000E0041\U000E0100\U000E0FFF")

func TestWhatCannotBeSeen(t *testing.T) {
	for _, r := range unseen {
		assert.True(t, glyph.Invisible(r), "%U", r)
		assert.False(t, glyph.Visible(string(r)+" \t\n\x00\u3000\u0301"), "%U", r)
		assert.True(t, glyph.Visible(string(r)+"x"), "%U", r)
		assert.Equal(t, "vip", glyph.Bare("v"+string(r)+"ip"), "%U", r)
		mark := fmt.Sprintf("[U+%04X]", r)
		assert.Equal(t, mark+"v"+mark+"ip"+mark, glyph.Marked(string(r)+"v"+string(r)+"ip"+string(r)), "%U", r)
		for _, tag := range []string{string(r) + "vip", "v" + string(r) + "ip", "vip" + string(r)} {
			assert.Equal(t, "vip", glyph.Plain(tag), "%U in %q", r, tag)
		}
	}
	for _, text := range []string{"", " ", "\x00\x7f\u0085", "\u0301", "\u0378"} {
		assert.False(t, glyph.Visible(text), "%q", text)
	}
	for _, text := range []string{"x", "!", "7", "漢", "🙂", "\u0600", "\uE000", "\uFFFD", "\u2801"} {
		assert.True(t, glyph.Visible(text), "%q", text)
	}
}

func TestWhatCarriesAMeaningStays(t *testing.T) {
	for _, text := range []string{
		"می\u200Cخواهم", "क्\u200Dष", "👩\u200D👩\u200D👧", "❤\uFE0F", "❤\uFE0F\u200D🔥", "1\uFE0F\u20E3", "葛\U000E0100",
		"\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
	} {
		assert.Equal(t, text, glyph.Plain(text), "%+q", text)
		assert.Equal(t, text, glyph.Marked(text), "%+q", text)
	}
	for text, want := range map[string]string{
		"\u200Cمی": "می", "می\u200C": "می", "👩\u200D\u200D👧": "👩\u200D👧", "a\uFE0F": "a", "\uFE0F❤": "❤",
		"a\U000E0067": "a",
	} {
		assert.Equal(t, want, glyph.Plain(text), "%+q", text)
	}
	assert.Equal(t, "\xff\u200B", glyph.Plain("\xff\u200B"), "what is not UTF-8 is for others to refuse")
	assert.Equal(t, "\xff\u200B", glyph.Bare("\xff\u200B"))
	assert.Equal(t, "\uFFFD[U+200B]\uFFFD", glyph.Marked("\xff\u200B\xe4"))
}

// hostile draws texts in which visible characters, marks and invisible ones meet.
func hostile() *rapid.Generator[string] {
	return rapid.StringOf(rapid.SampledFrom(append(unseen, []rune("ab 1#\u20E3\u0301क्षمیخ👩❤🔥葛\U0001F3F4\u0600")...)))
}

func TestPlainTwiceIsPlainOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := hostile().Draw(t, "text")
		plain := glyph.Plain(text)
		assert.Equal(t, plain, glyph.Plain(plain))
		assert.Equal(t, glyph.Bare(text), glyph.Bare(plain), "it takes away nothing else")
		assert.Equal(t, glyph.Visible(text), glyph.Visible(plain))
		marked := glyph.Marked(text)
		assert.Equal(t, marked, glyph.Marked(marked))
		unmarked := regexp.MustCompile(`\[U\+[0-9A-F]{4,6}\]`).ReplaceAllString(marked, "")
		assert.Equal(t, glyph.Bare(text), glyph.Bare(unmarked))
		assert.Equal(t, marked, glyph.Plain(marked), "what is left has a meaning")
	})
}

func TestACutTextIsTheBeginningAndAMark(t *testing.T) {
	assert.Equal(t, "short", glyph.Cut("short", 5))
	assert.Equal(t, "a […]", glyph.Cut("abcdef", 5))
	assert.Equal(t, "e\u0301 […]", glyph.Cut("e\u0301e\u0301xxxxxxxx", 7), "not between a letter and its accent")
	assert.Equal(t, "ab", glyph.Cut("abc", 2), "there is no room for the mark")
	rapid.Check(t, func(t *rapid.T) {
		text, most := hostile().Draw(t, "text"), rapid.IntRange(0, 40).Draw(t, "most")
		cut := glyph.Cut(text, most)
		assert.LessOrEqual(t, utf8.RuneCountInString(cut), most)
		assert.True(t, utf8.ValidString(cut))
		assert.Equal(t, cut, glyph.Cut(cut, most))
		if utf8.RuneCountInString(text) <= most {
			assert.Equal(t, text, cut)
		} else if most > 4 {
			head, marked := strings.CutSuffix(cut, glyph.Mark)
			assert.True(t, marked && strings.HasPrefix(text, head), "%q of %q", cut, text)
		}
	})
	zalgo := "x" + strings.Repeat("\u0301", 200)
	assert.Equal(t, 100, utf8.RuneCountInString(glyph.Cut(zalgo, 100)), "marks without an end are cut somewhere")
}
