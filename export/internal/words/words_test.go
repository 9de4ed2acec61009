package words

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\r\nb\rc\td\n": "a\nb\nc\td\n", "\xff\xed\xa0\x80": "\uFFFD\uFFFD\uFFFD\uFFFD", "invoice\u202etxt.exe": "invoice[U+202E]txt.exe",
		"\x00\x1b[0m\u0085": "[U+0000][U+001B][0m[U+0085]", "\ufeff\ufffe\U0001fffe": "[U+FEFF][U+FFFE][U+1FFFE]", "\u2028": "[U+2028]",
		"事 שלום é 😀\u200d👧":                               "事 שלום é 😀\u200d👧",
		"pay\u200bpal\u00ad.\u3164\ufe0f\U000e0041\u200d": "pay[U+200B]pal[U+00AD].[U+3164][U+FE0F][U+E0041][U+200D]",
	} {
		assert.Equal(t, want, Visible(in))
	}
}
