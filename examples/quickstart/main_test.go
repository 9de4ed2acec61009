package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call runs the program with args and an input and returns what it printed.
func call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// What the program prints of its sample is testdata/output.txt, word for word.
func TestTheMainJob(t *testing.T) {
	want, err := os.ReadFile("testdata/output.txt")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	synctest.Test(t, func(t *testing.T) { // where the clock stands still
		status, out, errs := call(t, "")
		require.Equal(t, 0, status, errs)
		assert.Equal(t, string(want), out)
	})
	for line := range strings.Lines(string(want)) {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 120+1, line)
	}
	for _, name := range []string{"incident-1.pdf", "incident-2.pdf"} {
		pdf, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
	}
}

// Whatever stands in titles and names, what reaches the terminal are lines that fit and show what is there.
func TestHostileTexts(t *testing.T) {
	evil := `\u001b[2J\u202e\n\u0085\u200b` + strings.Repeat("evil ", 10)
	input := strings.ReplaceAll(`[{"@odata.type":"#microsoft.graph.security.incident","id":"1",
		"displayName":"EVIL","assignedTo":"EVIL","severity":"high",
		"alerts":[{"@odata.type":"#microsoft.graph.security.alert","id":"1","title":"EVIL"}]},
		{"@odata.type":"#microsoft.graph.security.alert","id":"EVIL","title":"EVIL","severity":"EVIL",
		"createdDateTime":"EVIL","evidence":[
			{"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"EVIL"}]},
		{"@odata.type":"#microsoft.graph.security.alert","id":"EVIL"}, {"@odata.type":"EVIL"}, {"EVIL":"EVIL"}]`,
		"EVIL", evil)
	status, out, errs := call(t, input, "-o", t.TempDir(), "-")
	assert.Equal(t, 1, status)
	assert.Contains(t, out, `#1 imported  \x1b[2J\u202e\n`)
	assert.Contains(t, out, `Log of incident #1`)
	for line := range strings.Lines(out + errs) {
		line = strings.TrimSuffix(line, "\n")
		assert.False(t, strings.ContainsFunc(line, hidden), "%q", line)
		if !strings.HasPrefix(line, "wrote ") && !strings.HasPrefix(line, "quickstart: ") {
			assert.LessOrEqual(t, columns(line), 120, line)
		}
	}
}

// One bad item is told on its own line and the good one beside it is worked.
func TestBadItemsAreToldAndTheOthersWorked(t *testing.T) {
	input := `[{"@odata.type":"#microsoft.graph.security.alert","id":"a1","title":"Good"},{"@odata.type":"#microsoft.graph.security.alert","id":"a2"}]`
	status, out, errs := call(t, input, "-o", t.TempDir(), "-")
	assert.Equal(t, 1, status)
	assert.Contains(t, out, "#1 opened    Good")
	assert.Equal(t, 1, strings.Count(errs, "\n"), errs)
	assert.Contains(t, errs, "item 1")
	assert.Contains(t, errs, "title")
}

func TestNothingToDoIsStatusTwo(t *testing.T) {
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"-"}, "no incident and no alert"},
		{"", []string{filepath.Join(t.TempDir(), "missing.json")}, "missing.json"},
	} {
		status, _, errs := call(t, c.stdin, c.args...)
		assert.Equal(t, 2, status)
		assert.Contains(t, errs, c.want)
	}
}

// The first command of the README builds nothing that it does not need.
func TestItLinksNoDatabase(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	assert.Contains(t, deps, "github.com/incidentkit/incidentkit/storage/memory")
	for _, dep := range deps {
		assert.NotRegexp(t, `^(modernc\.org|github\.com/jackc|database/sql|net/http)(/|$)`, dep)
	}
}

// What was not understood is told on standard error with file, index and field, and is no failure. An alert that comes
// before its incident is in it all the same.
func TestNotes(t *testing.T) {
	input := `{"@odata.type":"#microsoft.graph.security.alert","id":"1","title":"A","severity":"grim","createdDateTime":"2031-05-06T07:08:09"}
		{"@odata.type":"#microsoft.graph.security.incident","id":"9","displayName":"I","alerts":[
		{"@odata.type":"#microsoft.graph.security.alert","id":"1","title":"A"}]}`
	status, out, errs := call(t, input, "-o", t.TempDir(), "-")
	assert.Equal(t, 0, status)
	assert.Equal(t, `quickstart: standard input: item 0: alert microsoftDefender:1: createdDateTime "2031-05-06T07:08:09": `+
		"taken for UTC, since it tells no zone\n"+
		`quickstart: standard input: item 0: alert microsoftDefender:1: severity "grim": kept as it came, since it is not understood`+"\n", errs)
	assert.Contains(t, out, "#1 imported  I\n")
	assert.NotContains(t, out, "#2")
}
