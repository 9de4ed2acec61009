package commonmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPlain(t *testing.T) {
	for source, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"**contained**\n\n- one\n- two": "contained\n• one\n• two",
		"a\nb":                          "a\nb",
		"- [x] done\n- [ ] open":        "• ☑ done\n• ☐ open",
		"see [the page](http://a.example) and `C:\\x_y`": "see the page and C:\\x_y",
		"# Head\ntext":        "Head\ntext",
		"|a|b|\n|-|-|\n|1|2|": "a · b\n1 · 2",
		"a \\* b &amp; c <b>": "a * b & c <b>",
		"1. first\n2. second": "• first\n• second",
		"> quoted\n\nnot":     "quoted\nnot",
	} {
		assert.Equal(t, want, Plain(source), source)
	}
}
