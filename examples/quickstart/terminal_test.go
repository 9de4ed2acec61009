package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"Logon from two countries":      "Logon from two countries",
		`fabrikam\mona, 100 % "quoted"`: `fabrikam\mona, 100 % "quoted"`,
		"Über é ñ שלום مرحبا 事件 😀 a\u00a0b": "Über é ñ שלום مرحبا 事件 😀 a\u00a0b",
		"e\u0301":                                "e\u0301", // a letter and its accent
		"one\ntwo\r\n\tthree\u2028four\u0085":    `one\ntwo\r\n\tthree\u2028four\u0085`,
		"\x1b[2J\x1b]0;title\a\x7f\u009b31m":     `\x1b[2J\x1b]0;title\a\x7f\u009b31m`,
		"invoice\u202etxt.exe\u2066\u200f\u061c": `invoice\u202etxt.exe\u2066\u200f\u061c`,
		"pay\u200bpal\u00ad\ufeff\u2060":         `pay\u200bpal\u00ad\ufeff\u2060`,
		// invisible letters and marks, a tag
		"a\u3164\u115f\u034f\ufe0f\U000e0041": `a\u3164\u115f\u034f\ufe0f\U000e0041`,
		"\xff\xc3(\xed\xa0\x80 \ufffd \ue000": `\xff\xc3(\xed\xa0\x80` + " \ufffd " + `\ue000`,
	} {
		assert.Equal(t, want, visible(in), "%q", in)
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"two words", 5, "two…"},
		{"事件事件", 8, "事件事件"},
		{"事件事件", 7, "事件事…"},
		{"事件事件", 6, "事件…"},
		{"a\nb", 4, `a\nb`},
		{"a\nb", 3, `a\…`},
		{"x", 1, "x"},
		{"xy", 1, "…"},
		{"x", 0, ""},
		{"x", -1, ""},
		{"", 0, ""},
		{"e" + strings.Repeat("\u0301", 1000), 4, "e\u0301\u0301…"},
	} {
		assert.Equal(t, c.want, fit(c.in, c.limit), "%q in %d", c.in, c.limit)
	}
}

func TestChange(t *testing.T) {
	for _, c := range []struct {
		before, after string
		limit         int
		want          string
	}{
		{"Active", "In progress", 40, "Active → In progress"},
		{"", "Kai", 40, "none → Kai"},
		{"Kai", "", 40, "Kai → none"},
		{"Two words here", "Two words there", 32, "Two words here → Two words there"},
		{"Two words here", "Two words there", 31, "…here → …there"},
		{"Short", "Not as short as the other", 20, "Short → Not as shor…"},
		{"Not as short as the other", "Short", 20, "Not as shor… → Short"},
		{"Something altogether long", "Another text, no shorter", 21, "Somethin… → Another…"},
		{"事 件", "事 故", 9, "…件 → …故"},
		{"a\nb", "\u202e", 40, `a\nb → \u202e`},
		{"long", "long", 3, " → "},
	} {
		assert.Equal(t, c.want, change(c.before, c.after, c.limit), "%q, %q in %d", c.before, c.after, c.limit)
	}
}

// FuzzLines holds the laws of what is printed: it is one line of visible characters, never wider than the limit, and
// text that is so already stays as it is.
func FuzzLines(f *testing.F) {
	for _, s := range []string{
		"", "Logon from two countries", "a\x1b[31mb\u009b\x7f", "invoice\u202etxt.exe", "事件 😀 e\u0301",
		"\xff\xed\xa0\x80", "one\ntwo", "\u200b\u3164\ufe0f\U000e0001",
	} {
		f.Add(s, "before "+s, uint8(20))
	}
	f.Fuzz(func(t *testing.T, s, other string, n uint8) {
		limit := int(n)
		plain := visible(s)
		lines := []string{plain, fit(s, limit)}
		if limit >= 3 {
			lines = append(lines, change(s, other, limit), change(other, s, limit))
		}
		for at, line := range lines {
			assert.True(t, utf8.ValidString(line), "%q", line)
			assert.False(t, strings.ContainsFunc(line, hidden), "%q", line)
			assert.Equal(t, line, visible(line))
			if at > 0 {
				assert.LessOrEqual(t, columns(line), limit, "%q", line)
			}
		}
		if utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) {
			assert.Equal(t, s, plain)
		}
		if columns(plain) <= limit {
			assert.Equal(t, plain, fit(s, limit))
		}
	})
}

// hidden reports whether r must not reach a terminal: controls, formats, line ends, what is not assigned, and what has
// no shape though it counts as a letter or a mark.
func hidden(r rune) bool {
	switch {
	case r < ' ', 0x7f <= r && r <= 0x9f, r == '\u2028', r == '\u2029':
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0,
		0x180b <= r && r <= 0x180f, 0xfe00 <= r && r <= 0xfe0f, 0xe0000 <= r && r <= 0xe0fff:
		return true
	}
	return unicode.Is(unicode.C, r) || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs)
}
