package incidenttest

import (
	"fmt"
	"strings"
)

// diff returns the lines in which want and got differ, with three lines around each place, and "" when they
// are the same.
func diff(want, got string) string {
	if want == got {
		return ""
	}
	a, b := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var edits []edit
	for _, line := range a[:head] {
		edits = append(edits, edit{' ', line})
	}
	edits = append(edits, changes(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, line := range a[len(a)-tail:] {
		edits = append(edits, edit{' ', line})
	}
	return hunks(edits)
}

// An edit is a line that stays (' '), goes ('-') or comes ('+').
type edit struct {
	op   byte
	line string
}

// most is how many lines times lines are compared; beyond, all lines go and all come.
const most = 4_000_000

// changes returns the fewest edits that make b of a: those of a longest common subsequence.
func changes(a, b []string) (edits []edit) {
	if len(a)*len(b) > most {
		for _, line := range a {
			edits = append(edits, edit{'-', line})
		}
		for _, line := range b {
			edits = append(edits, edit{'+', line})
		}
		return edits
	}
	common := make([][]int32, len(a)+1) // lines that a[i:] and b[j:] have in common
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	return edits
}

// hunks writes the edits that change something, and three lines before and after each.
func hunks(edits []edit) string {
	const around = 3
	show := make([]bool, len(edits))
	for n, e := range edits {
		if e.op != ' ' {
			for m := max(0, n-around); m < min(len(edits), n+around+1); m++ {
				show[m] = true
			}
		}
	}
	var b strings.Builder
	left := 0
	for n, e := range edits {
		switch {
		case e.line == "": // behind the last line end
			continue
		case !show[n]:
			left++
			continue
		case left > 0:
			fmt.Fprintf(&b, "  … %s\n", count(left, "line"))
			left = 0
		}
		fmt.Fprintf(&b, "%c %s", e.op, e.line)
		if !strings.HasSuffix(e.line, "\n") {
			b.WriteString(" (no line end)\n")
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "  … %s\n", count(left, "line"))
	}
	return b.String()
}
