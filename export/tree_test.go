package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// Every process stands in the tree of its device once, below the one that its alerts call its parent.
func TestTreesAreWhatAlertsTell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alerts []alert.Alert
		most := rapid.SampledFrom([]int{3, 30}).Draw(t, "processes")
		parents := make([]int, most) // of each process, as all alerts tell; cycles too
		for n := range parents {
			parents[n] = rapid.IntRange(-1, most+2).Draw(t, "parent") // the last are no evidence
		}
		if rapid.Bool().Draw(t, "a chain") {
			for n := range parents {
				parents[n] = n - 1
			}
		}
		started := func(n int) time.Time { return at(n % 5) }
		named := map[string]map[alert.ID]bool{} // by device and number
		for n := range rapid.IntRange(0, 12).Draw(t, "alerts") {
			a := alert.Alert{ID: alert.ID(fmt.Sprintf("a%02d", n)), FirstActivity: at(n)}
			for range rapid.IntRange(0, 8).Draw(t, "evidence") {
				n := rapid.IntRange(0, most-1).Draw(t, "process")
				p := alert.Process{PID: int64(n + 1), Started: started(n), DeviceID: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "device")}
				if parents[n] >= 0 {
					p.ParentPID, p.ParentStarted = int64(parents[n]+1), started(parents[n])
				}
				a.Evidence = append(a.Evidence, alert.Evidence{Entity: p})
				id := fmt.Sprint(p.DeviceID, "/", n)
				if named[id] == nil {
					named[id] = map[alert.ID]bool{}
				}
				named[id][a.ID] = true
			}
			alerts = append(alerts, a)
		}
		list := trees(alerts)
		seen := map[string]bool{}
		for k, tree := range list {
			require.NotEmpty(t, tree.Rows)
			require.True(t, k == 0 || list[k-1].Device == "x" && tree.Device != "x" || list[k-1].Device == "y" && tree.Device == "", "by name, nameless last")
			var above []TreeNode
			last := map[string]time.Time{} // of the siblings so far
			for _, row := range tree.Rows {
				require.True(t, row.Depth <= len(above) && row.Depth < 12)
				n := int(row.Process.PID) - 1
				id := fmt.Sprint(tree.Device, "/", n)
				require.False(t, seen[id], id)
				seen[id] = true
				if row.Key == "" {
					require.Nil(t, named[id], "it is evidence")
					require.NotEmpty(t, row.Alerts)
				} else {
					require.Len(t, row.Alerts, len(named[id]))
					for _, a := range row.Alerts {
						require.True(t, named[id][a])
					}
				}
				require.True(t, slices.IsSorted(row.Alerts))
				if row.Depth > 0 && row.Depth < 11 {
					require.Equal(t, int64(parents[n]+1), above[row.Depth-1].Process.PID)
				}
				if row.Depth < 11 {
					siblings := "roots"
					if row.Depth > 0 {
						siblings = fmt.Sprint(above[row.Depth-1].Process.PID)
					}
					require.False(t, row.Time.Before(last[siblings]), "in the order of time")
					last[siblings] = row.Time
				}
				above = append(above[:min(row.Depth, len(above))], row)
			}
			for _, row := range tree.Rows {
				// What has a parent that may be one stands below it.
				n := int(row.Process.PID) - 1
				if row.Depth == 0 && row.Key != "" && parents[n] >= 0 {
					require.True(t, circular(parents, n), "%d has lost its parent", n)
				}
			}
		}
		for id := range named {
			require.True(t, seen[id], id)
		}
		slices.Reverse(alerts)
		require.Equal(t, list, trees(alerts))
	})
}

// circular reports whether a process is among those above it.
func circular(parents []int, n int) bool {
	for p, steps := parents[n], 0; p >= 0 && p < len(parents) && steps <= len(parents); p, steps = parents[p], steps+1 {
		if p == n {
			return true
		}
	}
	return false
}

// inTree returns a tree as indented lines. What is no evidence stands in brackets.
func inTree(list []Tree) string {
	var b strings.Builder
	for _, tree := range list {
		fmt.Fprintf(&b, "%s:", cmp.Or(tree.Device, "nowhere"))
		for _, row := range tree.Rows {
			name := row.Process.Name()
			if row.Key == "" {
				name = "[" + name + "]"
			}
			fmt.Fprintf(&b, " %s%s", strings.Repeat(">", row.Depth), name)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

func TestTrees(t *testing.T) {
	image := func(name string) alert.File { return alert.File{FileName: name} }
	x, y := alert.Device{DeviceID: "x", HostName: "ws-10"}, alert.Device{HostName: "ws-9"}
	deep := seen(0, "", named(x))
	for n := range 14 {
		deep.Evidence = append(deep.Evidence, named(alert.Process{PID: int64(n + 1), Started: at(n), ParentPID: int64(n), Image: image("p")}))
	}
	for _, c := range []struct {
		name   string
		alerts []alert.Alert
		want   string
	}{
		{"none", []alert.Alert{seen(0, "", named(x))}, ""},
		{"by name", []alert.Alert{
			seen(0, "", named(x), named(alert.Process{PID: 1, Started: at(0), DeviceID: "x", Image: image("a")})),
			seen(1, "", named(y), named(alert.Process{PID: 2, Started: at(0), DeviceID: "z", Image: image("b")})),
			seen(2, "", named(alert.Process{PID: 3, Started: at(0), Image: image("c")}), named(alert.Process{PID: 4, Started: at(0), DeviceID: "q", Image: image("d")})),
		}, "q: d (4)\nws-9: b (2)\nws-10: a (1)\nnowhere: c (3)"},
		{"a parent that only its children name", []alert.Alert{seen(0, "", named(x),
			named(alert.Process{PID: 2, Started: at(2), Image: image("b"), ParentImage: image("Explorer")}),
			named(alert.Process{PID: 1, Started: at(1), Image: image("a"), ParentImage: image("explorer")}))}, "ws-10: [Explorer] >a (1) >b (2)"},
		{"a parent by its program", []alert.Alert{
			seen(0, "", named(x), named(alert.Process{PID: 1, Started: at(1), Image: image("word")})),
			seen(1, "", named(x), named(alert.Process{PID: 2, Started: at(2), Image: image("shell"), ParentImage: image("WORD")})),
		}, "ws-10: word (1) >shell (2)"},
		{"a number that was used again", []alert.Alert{seen(0, "", named(x), named(alert.Process{PID: 1, Started: at(5), Image: image("later")}),
			named(alert.Process{PID: 2, Started: at(2), Image: image("child"), ParentPID: 1}))}, "ws-10: [process (1)] >child (2) later (1)"},
		{"another program of that number", []alert.Alert{seen(0, "", named(x), named(alert.Process{PID: 1, Started: at(1), Image: image("a")}),
			named(alert.Process{PID: 2, Started: at(2), Image: image("child"), ParentPID: 1, ParentImage: image("b")}))}, "ws-10: a (1) [b (1)] >child (2)"},
		{"its own parent", []alert.Alert{seen(0, "", named(x), named(alert.Process{PID: 1, Started: at(1), Image: image("a"), ParentPID: 1, ParentStarted: at(1)}))}, "ws-10: a (1)"},
		{"in a circle", []alert.Alert{seen(0, "", named(x), named(alert.Process{PID: 1, Started: at(1), Image: image("a"), ParentPID: 2}),
			named(alert.Process{PID: 2, Started: at(1), Image: image("b"), ParentPID: 1}))}, "ws-10: b (2) >a (1)"},
		{"where something went", []alert.Alert{seen(0, "LateralMovement", named(x, alert.Source), named(y, alert.Attacked), named(alert.Process{PID: 1, Started: at(1), Image: image("a")}))}, "ws-9: a (1)"},
		{"deep", []alert.Alert{deep}, "ws-10: p (1)" + func() (more string) {
			for n := 2; n <= 14; n++ {
				more += fmt.Sprintf(" %sp (%d)", strings.Repeat(">", min(n-1, 11)), n)
			}
			return more
		}()},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, inTree(trees(c.alerts))) })
	}
}
