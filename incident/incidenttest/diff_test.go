package incidenttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The edits make the one text of the other: those that stay or go are the first, those that stay or come the
// second. They are as few as the longest common subsequence allows.
func TestChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n"}), 0, 8)
		a, b := lines.Draw(t, "a"), lines.Draw(t, "b")
		var one, two []string
		kept := 0
		for _, e := range changes(a, b) {
			if e.op != '+' {
				one = append(one, e.line)
			}
			if e.op != '-' {
				two = append(two, e.line)
			}
			if e.op == ' ' {
				kept++
			}
		}
		assert.Equal(t, strings.Join(a, ""), strings.Join(one, ""))
		assert.Equal(t, strings.Join(b, ""), strings.Join(two, ""))
		assert.Equal(t, longest(a, b), kept)
		assert.Equal(
			t,
			strings.Join(a, "") == strings.Join(b, ""),
			diff(strings.Join(a, ""), strings.Join(b, "")) == "",
		)
	})
}

// longest tries every subsequence of a.
func longest(a, b []string) (most int) {
	for set := range 1 << len(a) {
		rest, n, ok := b, 0, true
		for i, line := range a {
			if set>>i&1 == 0 {
				continue
			}
			k := 0
			for k < len(rest) && rest[k] != line {
				k++
			}
			if k == len(rest) {
				ok = false
				break
			}
			rest, n = rest[k+1:], n+1
		}
		if ok {
			most = max(most, n)
		}
	}
	return most
}

func TestDiffOfLargeTexts(t *testing.T) {
	var a, b strings.Builder
	for range 3000 {
		a.WriteString("a\n")
		b.WriteString("b\n")
	}
	assert.Equal(t, strings.Repeat("- a\n", 3000)+strings.Repeat("+ b\n", 3000), diff(a.String(), b.String()))
	assert.Equal(t, "- x (no line end)\n+ x\n", diff("x", "x\n"))
}
