package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
)

// call runs the program with args and an input and returns what it printed.
func call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// file returns the path of a new file with that text.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// What the program prints of its sample is testdata/output.txt, word for word, and no least value is not asked for.
func TestSample(t *testing.T) {
	want, err := os.ReadFile("testdata/output.txt")
	require.NoError(t, err)
	status, out, errs := call(t, "")
	assert.Equal(t, 0, status)
	assert.Equal(t, string(want), out)
	assert.Empty(t, errs)
}

// As JSON each file is one line, with the same scores that the package computes.
func TestJSON(t *testing.T) {
	name := file(t, string(sample))
	status, out, errs := call(t, string(sample), "-json", name, "-")
	require.Equal(t, 0, status, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	var set []measure.Labelled
	for l, err := range measure.Read(bytes.NewReader(sample)) {
		require.NoError(t, err)
		set = append(set, l)
	}
	placed, err := measure.Correlate(t.Context(), set, nil)
	require.NoError(t, err)
	for n, called := range []string{name, "standard input"} {
		var got struct {
			File   string
			Scores measure.Scores
		}
		require.NoError(t, json.Unmarshal([]byte(lines[n]), &got))
		assert.Equal(t, called, got.File)
		assert.Equal(t, measure.Compute(placed, nil), got.Scores)
	}
}

// A measure below its least value is reported and changes the status, after everything is printed.
func TestLeastValues(t *testing.T) {
	status, out, errs := call(t, "", "-min-precision", "0.01", "-min-exact", "1")
	assert.Equal(t, 0, status, errs)
	assert.NotEmpty(t, out)
	least := []string{"-min-f1", "0.9", "-min-recall", "1", "-min-exact", "3"}
	status, out, errs = call(t, string(sample), append(least, "-", file(t, string(sample)))...)
	assert.Equal(t, 1, status)
	assert.Equal(t, 2, strings.Count(out, "F1 "))
	assert.Equal(t, 6, strings.Count(errs, "\n"), errs)
	assert.Contains(t, errs, "standard input: measure: exact is 1, below 3\n")
}

// The techniques of a list are covered or missing.
func TestTechniques(t *testing.T) {
	status, out, errs := call(t, "", "-techniques", file(t, "# what we can see\n\nT1003\n t1046 \nT1486\n"))
	require.Equal(t, 0, status, errs)
	assert.Contains(t, out, "2/3  covered")
	assert.Contains(t, out, "Techniques of the list that no attack shows\n  T1486 Data Encrypted for Impact\n")
}

// An error about an input names the file, the line and the field.
func TestBadInput(t *testing.T) {
	bad := file(t, string(sample)+`{"attack":"a","id":"1","at":"now","rule":"r"}`)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{bad}, "measure: " + bad + `: line 9: at "\"now\"": want a time`},
		{[]string{"-"}, "measure: standard input: there is no alert"},
		{[]string{"missing.jsonl"}, "missing.jsonl"},
		{[]string{file(t, string(sample)+string(sample))}, "correlate alert 8: alert rules:h01"},
		{[]string{"-techniques", file(t, "T1003\nT10\n")}, `line 2: "T10": want a technique such as T1059`},
		{[]string{"-techniques", "missing.txt"}, "missing.txt"},
		{[]string{"-min-f1", "much"}, "min-f1"},
	} {
		status, out, errs := call(t, "", c.args...)
		assert.Equal(t, 2, status, c.args)
		assert.Empty(t, out)
		assert.Contains(t, errs, c.want)
	}
	status, _, errs := call(t, "", "-h")
	assert.Equal(t, 0, status)
	assert.Contains(t, errs, "-min-exact")
}
