package house_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata/deps.golden from what the packages link now")

// TestDependencies holds what each package of the core module links outside
// the standard library against testdata/deps.golden, as a program that imports
// the module would: without the workspace.
func TestDependencies(t *testing.T) {
	const golden = "testdata/deps.golden"
	links := linked(t)
	for _, kit := range kits {
		var anyway []string // what the packages below link, every user of a kit links, too
		for _, dir := range layers[kit] {
			anyway = append(anyway, links[dir]...)
		}
		for _, dep := range links[kit] {
			_, own := ownDir(dep)
			assert.True(t, own || slices.Contains(anyway, dep), "%s is a test kit and links %s", kit, dep)
		}
	}
	if *update {
		var b strings.Builder
		for _, dir := range slices.Sorted(maps.Keys(links)) {
			fmt.Fprintln(&b, path.Join(module, dir))
			for _, dep := range links[dir] {
				fmt.Fprintln(&b, "\t"+dep)
			}
		}
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	const hint = "if that is meant: go test ./internal/house -run TestDependencies -update"
	text, err := os.ReadFile(golden)
	require.NoError(t, err, hint)
	listed := map[string][]string{}
	var dir string
	for line := range strings.Lines(string(text)) {
		if dep, ok := strings.CutPrefix(strings.TrimSpace(line), module); ok && !strings.HasPrefix(line, "\t") {
			dir = strings.TrimPrefix(dep, "/")
			listed[dir] = nil
		} else {
			listed[dir] = append(listed[dir], strings.TrimSpace(line))
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(links)) {
		want, ok := listed[dir]
		if !ok {
			t.Errorf("%s is not in %s; %s", orRoot(dir), golden, hint)
			continue
		}
		for _, dep := range links[dir] {
			assert.Contains(t, want, dep, "%s now links %s; %s", orRoot(dir), dep, hint)
		}
		for _, dep := range want {
			assert.Contains(t, links[dir], dep, "%s no longer links %s; %s", orRoot(dir), dep, hint)
		}
	}
	for dir := range listed {
		assert.Contains(t, links, dir, "%s is gone; %s", orRoot(dir), hint)
	}
}

// linked gives the sorted dependencies of each package of the core module, by
// folder. The platform is fixed, so that the golden file is the same anywhere.
func linked(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(
		t.Context(), "go", "list", "-f", "{{if .GoFiles}}{{.ImportPath}}{{range .Deps}} {{.}}{{end}}{{end}}",
		"./...",
	)
	cmd.Dir = filepath.FromSlash("../..")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		require.NoError(t, err, string(failed.Stderr))
	}
	require.NoError(t, err)
	links := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		dir, own := ownDir(fields[0])
		require.True(t, own, "unexpected package %s", fields[0])
		deps := slices.DeleteFunc(fields[1:], func(dep string) bool { return standard(dep) })
		slices.Sort(deps)
		links[dir] = deps
	}
	return links
}
