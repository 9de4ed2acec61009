package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

func TestTheMainJob(t *testing.T) {
	dir := t.TempDir()
	status, out, errs := call(t, "", "-o", dir)
	require.Equal(t, 0, status, errs)
	for _, want := range []string{
		"joined #1: sameAsset account:fabrikam\\mona",
		"Multi-stage incident involving Initial access & Discovery on one endpoint reported by multiple sources",
		"Assignment changed", "Classification changed", "Alert status changed",
	} {
		assert.Contains(t, out, want)
	}
	for _, name := range []string{"incident-1.pdf", "incident-2.pdf"} {
		pdf, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
	}
}

// What one run keeps in a file the next finds there: the same alerts come again, and nothing is there twice.
func TestAFileKeepsTheIncidents(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "incidents.db")
	status, out, errs := call(t, "", "-o", t.TempDir(), "-db", db)
	require.Equal(t, 0, status, errs)
	assert.Contains(t, out, "joined #1")
	dir := t.TempDir()
	status, out, errs = call(t, "", "-o", dir, "-db", db)
	require.Equal(t, 0, status, errs)
	assert.NotContains(t, out, "joined")
	assert.Contains(t, out, "repeated #1")
	reports, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	require.NoError(t, err)
	assert.Len(t, reports, 2)
}

// One bad item is told on its own line and the good one beside it is worked.
func TestBadItemsAreToldAndTheOthersWorked(t *testing.T) {
	input := `[{"@odata.type":"#microsoft.graph.security.alert","id":"a1","title":"Good"},{"@odata.type":"#microsoft.graph.security.alert","id":"a2"}]`
	status, out, errs := call(t, input, "-o", t.TempDir(), "-")
	assert.Equal(t, 1, status)
	assert.Contains(t, out, `alert "Good" opened #1`)
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
		{"", []string{"-db", "oracle:"}, "oracle:"},
		{"", []string{"-db", "postgres://127.0.0.1:1/nobody"}, "postgres"}, // a port on which nobody listens
		{"", []string{"-db", "sqlite:" + filepath.Join(t.TempDir(), "no folder", "x.db")}, "x.db"},
	} {
		status, _, errs := call(t, c.stdin, c.args...)
		assert.Equal(t, 2, status)
		assert.Contains(t, errs, c.want)
	}
}
