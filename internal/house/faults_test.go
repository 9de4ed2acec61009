package house_test

import (
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fault is a file that breaks one rule, and no other, when it stands in the good repository.
type fault struct {
	file, text string
	says       string // a part of what the rule answers
}

// TestRules plants one fault at a time in a small, good repository. Its own rule must see it, and no other may.
func TestRules(t *testing.T) {
	require.Empty(t, check(t, nil), "the good repository")
	for _, rule := range rules {
		for _, f := range rule.faults {
			t.Run(rule.name+"/"+f.says, func(t *testing.T) {
				broken := check(t, map[string]string{f.file: f.text})
				assert.Equal(t, []string{rule.name}, slices.Collect(maps.Keys(broken)))
				if assert.Len(t, broken[rule.name], 1) {
					assert.Contains(t, broken[rule.name][0], f.says)
					assert.Contains(t, broken[rule.name][0], f.file)
				}
			})
		}
	}
}

// check returns what breaks each rule, by its name, in the good repository with the planted files.
func check(t *testing.T, planted map[string]string) map[string][]string {
	t.Helper()
	files := fstest.MapFS{}
	for _, texts := range []map[string]string{good(), planted} {
		for name, text := range texts {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	r, err := read(files)
	require.NoError(t, err)
	broken := map[string][]string{}
	for _, rule := range rules {
		if found := rule.check(r); len(found) > 0 {
			broken[rule.name] = found
		}
	}
	return broken
}

// good returns the files of a repository that breaks no rule, but comes close to many.
func good() map[string]string {
	return map[string]string{
		"go.mod":          "module " + module + "\n",
		"go.work":         "use (\n\t.\n\t./examples\n)\n",
		"examples/go.mod": "module " + module + "/examples\n",
		"examples/quickstart/main.go": `// Quickstart prints.
package main

import (
	"fmt"
	"os"
	"time"
)

import (
	"fmt"
	"os"
	"time"
)

func main() {
	go fmt.Println(os.Getenv("HOME"), time.Now())
}
`,
		"alert/alert.go": `// Package alert is an example.
//
// # Errors
//
// Few.
package alert

import (
	_ "embed"
	"errors"
	"regexp"
	"strings"
	"time"

	"` + module + `/classification"
)

// The errors.
var (
	ErrOne = errors.New("one")
	ErrTwo = error(problem("two"))
)

//go:embed font.ttf
var font []byte

var (
	colours = map[string]string{"red": "#f00"}
	word    = regexp.MustCompile("\\w+")
	escaped = strings.NewReplacer("<", "&lt;")
	bom     = []byte("\xef\xbb\xbf")
)

var _ error = problem("")

type problem string

func (p problem) Error() string { return string(p) }

// Alert is documented, and with it its fields.
type Alert struct {
	At time.Time
}

// Levels.
const (
	Low = iota
	High // more than low
)

// MustParse panics on bad input.
func MustParse(s string) classification.Verdict {
	panic(s)
}

// Shadow has locals that are called like other things.
func Shadow(colours map[string]string, clock interface{ Now() time.Time }) time.Time {
	colours["red"] = ""
	clear(colours)
	time := clock
	return time.Now()
}
`,
		"alert/alert_test.go": `package alert_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
	"` + module + `/storage/memory"
)

var state int

func TestAlert(t *testing.T) {
	go fmt.Println(os.Getenv("HOME"), time.Now())
	state++
	panic("no")
}
`,
	}
}
