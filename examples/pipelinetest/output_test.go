package pipelinetest_test

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

var update = flag.Bool("update", false, "rewrite testdata from what go test prints now")

// The tests print what the guide shows: with the bug, a message that says what is wrong, and without it that
// all is well.
func TestOutput(t *testing.T) {
	guide, err := os.ReadFile("README.md")
	assert.NoError(t, err)
	seconds := regexp.MustCompile(`\d+\.\d+s`) // it takes another time at every run
	for _, c := range []struct {
		file, tags string
		code       int
	}{
		{"testdata/broken.txt", "broken", 1},
		{"testdata/fixed.txt", "", 0},
	} {
		command := exec.Command(
			"go",
			"test",
			"-count=1",
			"-run=^(TestGuessing|TestSlowTyposAreNoGuessing)$",
			"-tags="+c.tags,
			".",
		)
		command.Env = append(
			os.Environ(),
			"GOFLAGS=-buildvcs=false",
		) // whoever runs this test may have others, such as -v
		got, _ := command.CombinedOutput() // the exit code says it
		assert.Equal(t, c.code, command.ProcessState.ExitCode(), c.file)
		text := seconds.ReplaceAllString(string(got), "0.01s")
		if *update {
			assert.NoError(t, os.WriteFile(c.file, []byte(text), 0o644))
		}
		want, err := os.ReadFile(c.file)
		assert.NoError(t, err)
		assert.Equal(t, string(want), text, c.file)
		assert.Contains(
			t,
			string(guide),
			"```\n"+string(want)+"```\n",
			"the guide shows another output than %s",
			c.file,
		)
	}
}
