package measure

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// The table has every figure and list, those that are too long cut with what is left, and keys that joined the same
// alerts in one row. It is testdata/table.txt, which was checked by hand.
func TestTable(t *testing.T) {
	words := []string{"a:ws-1 :ws-1 b:vm-1 :ws-1,vm-1"}
	for n := range 12 {
		split := fmt.Sprintf("s%02d:ws-s%d s%02d:ws-z%d", n, n, n, n)
		glued := fmt.Sprintf("g%02d:192.0.2.%d h%02d:192.0.2.%d", n, n+10, n, n+10)
		words = append(words, split, glued)
	}
	set := labelled(strings.Join(words, " "))
	for _, n := range []int{0, 2} {
		image := alert.File{FileName: "tool.exe"}
		image.SHA256, image.SHA1 = strings.Repeat("AB", 32), strings.Repeat("CD", 20)
		image.MD5 = strings.Repeat("EF", 16)
		p := alert.Process{PID: 8, Image: image}
		set[n].Alert.Evidence = append(set[n].Alert.Evidence, alert.Evidence{Entity: p})
		// So near that a file alone links them.
		set[n].Alert.FirstActivity = morning.Add(time.Duration(n) * 15 * time.Second)
		set[n].Alert.Created = set[n].Alert.FirstActivity.Add(90 * time.Second)
		set[n].Alert.Techniques = []string{"T1059"}
	}
	placed, err := Correlate(t.Context(), set, nil)
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/table.txt")
	require.NoError(t, err)
	got := Compute(placed, []string{"T1059", "T1003", "T1486"}).Table()
	assert.Equal(t, string(want), got)
	for line := range strings.Lines(got) {
		assert.LessOrEqual(t, len(line), 121, line)
	}
}

// An empty set has a table, too, and no list.
func TestTableOfNothing(t *testing.T) {
	assert.Equal(t, `alerts                   0  0 of them noise
incidents                0  alerts per incident: mean 0.0, median 0, largest 0
attacks                  0  0 exact, 0 split, 0 glued
precision            1.000  0 true pairs, 0 false
recall               1.000  0 missed pairs
F1                   1.000
techniques               0  named by alerts of attacks
`, Compute(nil, nil).Table())
}

// Texts of alerts neither move a terminal's cursor nor begin a line.
func TestTableOfHostileTexts(t *testing.T) {
	evil := "\x1b[2J\n\u202e\u2028\u200bevil\xff" + strings.Repeat("long", 100)
	set := labelled("a:ws-1 b:ws-1 b:ws-2")
	for n := range set {
		set[n].Attack += evil
		set[n].Alert.Title = evil
		set[n].Alert.Evidence = append(set[n].Alert.Evidence, alert.Evidence{Entity: alert.Mailbox{Address: evil}})
	}
	placed, err := Correlate(t.Context(), set, nil)
	require.NoError(t, err)
	table := Compute(placed, []string{evil}).Table()
	assert.Contains(t, table, `\u001b[2J\u000a\u202e`)
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		assert.LessOrEqual(t, len([]rune(line)), 200, line)
		assert.False(t, strings.ContainsFunc(line, func(r rune) bool {
			return unicode.IsControl(r) || r == 0x202e || r == 0x2028 || r == 0x200b
		}), "%q", line)
	}
}
