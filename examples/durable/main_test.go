package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What one run keeps in a file the next finds there; memory forgets it.
func TestAFileKeepsTheIncidents(t *testing.T) {
	t.Chdir(t.TempDir())
	first := []string{"Alert 4711 opened incident #1", "kept: 1\n"}
	again := []string{"Alert 4711 repeated incident #1", "kept: 2\n"}
	for _, c := range []struct {
		args []string
		want [][]string // what the runs print
	}{
		{nil, [][]string{first, again}},
		{[]string{"-db", "sqlite:other.db"}, [][]string{first, again}},
		{[]string{"-db", "memory:"}, [][]string{first, first}},
	} {
		for _, want := range c.want {
			var out, errs bytes.Buffer
			require.Equal(t, 0, run(t.Context(), c.args, &out, &errs), errs.String())
			for _, text := range want {
				assert.Contains(t, out.String(), text)
			}
		}
	}
	assert.FileExists(t, "incidents.db")
}

func TestAStorageThatCannotBeOpened(t *testing.T) {
	for _, c := range []struct{ db, want string }{
		{"oracle:", "oracle:"},
		{"postgres://127.0.0.1:1/nobody", "postgres"}, // no server listens on this port
		{"sqlite:" + filepath.Join(t.TempDir(), "no folder", "x.db"), "x.db"},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), []string{"-db", c.db}, &out, &errs))
		assert.Contains(t, errs.String(), c.want)
		assert.Empty(t, out.String())
	}
	assert.Equal(t, 2, run(t.Context(), []string{"-what"}, &bytes.Buffer{}, &bytes.Buffer{}))
}
