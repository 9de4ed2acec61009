package pipelinetest_test

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var update = flag.Bool("update", false, "rewrite testdata and README.md from what go test prints now")

// The tests print what the guide shows: with the bug, a message that says what is wrong, and without it that
// all is well.
func TestOutput(t *testing.T) {
	guide := read(t, "README.md")
	seconds := regexp.MustCompile(`\d+\.\d+s`) // it takes another time at every run
	for _, c := range []struct {
		file, tags string
		code       int
	}{
		{"testdata/broken.txt", "broken", 1},
		{"testdata/fixed.txt", "", 0},
	} {
		command := exec.Command(
			"go", "test", "-count=1", "-run=^(TestGuessing|TestSlowTyposAreNoGuessing)$", "-tags="+c.tags, ".",
		)
		command.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false") // those of this run may add to the output
		got, _ := command.CombinedOutput()                            // the exit code says it
		assert.Equal(t, c.code, command.ProcessState.ExitCode(), c.file)
		text, want := seconds.ReplaceAllString(string(got), "0.01s"), read(t, c.file)
		if *update {
			guide, want = strings.Replace(guide, want, text, 1), text
			assert.NoError(t, os.WriteFile(c.file, []byte(text), 0o644))
			assert.NoError(t, os.WriteFile("README.md", []byte(guide), 0o644))
		}
		assert.Equal(t, want, text, c.file)
		assert.Contains(t, guide, "```\n"+want+"```\n", "the guide shows another output than %s", c.file)
	}
}

// The code in the guide is that of the files, and so is the test in the README of the module.
func TestGuideShowsTheCode(t *testing.T) {
	code := read(t, "detector.go") + read(t, "forget.go") + read(t, "detector_test.go")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)\n```").FindAllStringSubmatch(read(t, "README.md"), -1)
	assert.NotEmpty(t, blocks)
	for _, block := range blocks {
		assert.Contains(t, code, block[1])
	}
	test := regexp.MustCompile(`(?s)\nfunc TestGuessing.*?\n}\n`).FindString(code)
	assert.Contains(t, read(t, "../../README.md"), "```go"+test+"```\n")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	assert.NoError(t, err)
	return string(text)
}
