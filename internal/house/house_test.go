package house_test

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata/deps.golden from what the packages link now")

const module = "github.com/incidentkit/incidentkit"

// layers says what each package stands on. A package may import what it stands
// on and everything below that, so the table is also the picture of the
// architecture. Folders are relative to the root of the repository.
var layers = map[string][]string{
	"":                     nil, // doc.go alone
	"internal/enum":        nil,
	"classification":       {"internal/enum"},
	"alert":                {"classification"},
	"activity":             {"alert"},
	"incident":             {"activity"},
	"incident/msgraph":     {"incident"},
	"storage":              {"incident"},
	"storage/driver":       {"storage"},
	"storage/memory":       {"storage/driver"},
	"storage/sqlite":       {"storage/driver"}, // a module of its own
	"storage/storagetest":  {"storage"},
	"storage/postgres":     {"storage/driver"},
	"incident/correlation": {"storage"},
	"incident/manager":     {"incident/correlation"},
	"incident/metrics":     {"storage"},
	"export/internal/pdf":  {"export/internal/figure"},
	"export":               {"storage", "export/internal/pdf"},
	"export/fonts/cjk":     nil, // a module of its own
	"internal/house":       nil,
	"internal/socday":      {"storage"},                            // nothing stands on it: tests alone import it
	"internal/pgserver":    nil,                                    // for tests of storages, and examples
	"internal/anyday":      {"incident/manager", "storage/memory"}, // the same

	"export/internal/figure": nil,
}

// undivided are the public packages whose comment needs no headed section,
// because there is nothing in them to call.
var undivided = []string{"", "examples"}

// kits are packages that only tests import: they may start goroutines and
// import testing, and they link the standard library and this module alone.
var kits = []string{"storage/storagetest"}

// scaffolds are packages that tests stand on: what holds for a test file
// holds for theirs.
var scaffolds = []string{"internal/anyday", "internal/pgserver"}

// confined are the outside packages that may not be imported from just
// anywhere. A path also stands for the packages below it.
var confined = []struct {
	path  string
	dirs  []string // folders whose files may import it
	tests bool     // may be imported by every test file
}{
	{path: "github.com/go-pdf/fpdf", dirs: []string{"export/internal/pdf"}},
	{path: "github.com/tidwall/btree", dirs: []string{"storage/memory"}},
	{path: "github.com/yuin/goldmark", dirs: []string{"export"}},
	{path: "github.com/jackc/pgx", dirs: []string{"storage/postgres"}},
	{path: "modernc.org/sqlite", dirs: []string{"storage/sqlite"}},
	{path: "github.com/stretchr/testify", tests: true},
	{path: "pgregory.net/rapid", tests: true},
	{path: "testing", tests: true, dirs: kits},
}

// forbidden names of other packages. Library code is what is neither a test
// nor an example; everywhere is everything.
var forbidden = []struct {
	path, names string
	everywhere  bool
	why         string
}{
	{"time", `Sleep`, true, "wait on a channel, a context or testing/synctest"},
	{"time", `Local|LoadLocation`, false, "times are UTC, zones belong to the caller"},
	{"os", `Getenv|LookupEnv|Environ|ExpandEnv`, false, "the caller hands settings over"},
	{"os", `Exit|Stdout|Stderr|Stdin`, false, "the process belongs to the caller"},
	{"fmt", `Print|Printf|Println`, false, "the process belongs to the caller"},
	{"log", `(Print|Fatal|Panic|Set).*|Default|Output|Writer`, false, "return an error or take a *slog.Logger"},
	{"log/slog", `(Debug|Info|Warn|Error)(Context)?|Log|LogAttrs|With|Default|SetDefault`, false, "take a *slog.Logger"},
}

// immutable are packages whose functions, called as the initialiser of a
// variable, give a value that nobody can change afterwards.
var immutable = []string{
	"encoding/base32", "encoding/base64", "hash/crc32", "html/template", "net/netip",
	"reflect", "regexp", "strings", "text/template", "time",
}

// ---------------------------------------------------------------------------
// The tests.

// TestHouse holds the repository against each rule.
func TestHouse(t *testing.T) {
	r, err := read(os.DirFS("../.."))
	require.NoError(t, err)
	require.NotEmpty(t, r.packages, "no Go file found from the root of the repository")
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, broken := range rule.check(r) {
				t.Error(broken)
			}
		})
	}
}

// TestDependencies holds what each package of the core module links outside
// the standard library against testdata/deps.golden, as a program that imports
// the module would: without the workspace.
func TestDependencies(t *testing.T) {
	const golden = "testdata/deps.golden"
	links := linked(t)
	for _, kit := range kits {
		for _, dep := range links[kit] {
			_, own := ownDir(dep)
			// What the rules themselves link, every user of a kit links anyway.
			assert.True(t, own || slices.Contains(links["incident"], dep), "%s is a test kit and links %s", kit, dep)
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
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", "{{if .GoFiles}}{{.ImportPath}}{{range .Deps}} {{.}}{{end}}{{end}}", "./...")
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

// TestRules plants one fault at a time in a small, good repository. Its own
// rule must see it, and no other may.
func TestRules(t *testing.T) {
	good := map[string]string{
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
	panic("/` + `tmp")
}
`,
	}
	check := func(t *testing.T, planted map[string]string) map[string][]string {
		files := fstest.MapFS{}
		for name, text := range good {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		for name, text := range planted {
			files[name] = &fstest.MapFile{Data: []byte(text)}
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
	require.Empty(t, check(t, nil), "the good repository")
	for _, c := range []struct{ rule, file, text, says string }{
		{"every package has its layer and imports run downwards", "alert/x.go", `package alert; import _ "github.com/incidentkit/incidentkit/storage"`, "alert imports storage"},
		{"every package has its layer and imports run downwards", "classification/x.go", "// Package classification is a leaf.\n//\n// # Limits\npackage classification; import _ \"github.com/incidentkit/incidentkit/alert\"", "classification imports alert"},
		{"every package has its layer and imports run downwards", "alert/rating/x.go", "// Package rating is new.\n//\n// # Limits\npackage rating", "add it to the layers table"},
		{"every package has its layer and imports run downwards", "examples/quickstart/x.go", `package main; import _ "github.com/incidentkit/incidentkit/export/internal/pdf"`, "no user can"},
		{"outside packages stay where they belong", "alert/x.go", `package alert; import _ "github.com/go-pdf/fpdf"`, "for export/internal/pdf only"},
		{"outside packages stay where they belong", "alert/x_test.go", `package alert_test; import _ "github.com/tidwall/btree"`, "for storage/memory only"},
		{"outside packages stay where they belong", "alert/x.go", `package alert; import _ "modernc.org/sqlite"`, "for storage/sqlite only"},
		{"outside packages stay where they belong", "alert/x.go", `package alert; import _ "github.com/stretchr/testify/assert"`, "for tests only"},
		{"outside packages stay where they belong", "alert/x.go", `package alert; import _ "pgregory.net/rapid"`, "for tests only"},
		{"outside packages stay where they belong", "alert/x.go", `package alert; import _ "testing"`, "for storage/storagetest and tests only"},
		{"outside packages stay where they belong", "storage/storagetest/x.go", "// Package storagetest is a kit.\n//\n// # Limits\npackage storagetest; import _ \"golang.org/x/text/width\"", "standard library only"},
		{"exported names are documented", "alert/x.go", `package alert; func Bare() {}`, "Bare"},
		{"exported names are documented", "alert/x.go", `package alert; func (*Alert) Bare() {}`, "Alert.Bare"},
		{"exported names are documented", "alert/x.go", `package alert; type Bare struct{}`, "Bare"},
		{"exported names are documented", "alert/x.go", "package alert\n\n// The kinds.\ntype (\n\tBare int\n)", "Bare"},
		{"exported names are documented", "alert/x.go", `package alert; const Bare = 1`, "Bare"},
		{"one package comment, with sections", "alert/x.go", "// Package alert again.\npackage alert", "alert.go, x.go"},
		{"one package comment, with sections", "classification/x.go", "package classification", "no comment"},
		{"one package comment, with sections", "classification/x.go", "// Package classification is brief.\npackage classification", "none of the sections"},
		{"one package comment, with sections", "examples/other/main.go", "package main", "no comment"},
		{"no init", "alert/x.go", `package alert; func init() {}`, "func init"},
		{"no init", "alert/x_test.go", `package alert_test; func init() {}`, "func init"},
		{"no package state but errors and tables", "alert/x.go", `package alert; var counter int`, "counter is package state"},
		{"no package state but errors and tables", "alert/x.go", `package alert; var limit = 10`, "limit is package state"},
		{"no package state but errors and tables", "alert/x.go", `package alert; var cache = map[string]int{}`, "cache is package state"},
		{"no package state but errors and tables", "alert/x.go", `package alert; import "sync"; var pool = sync.Pool{New: nil}`, "pool is package state"},
		{"no package state but errors and tables", "alert/x.go", `package alert; var shared = &Alert{}`, "shared is package state"},
		{"no package state but errors and tables", "alert/x.go", "package alert\n\n// Table is exported.\nvar Table = []int{1}", "Table can be changed"},
		{"no package state but errors and tables", "alert/x.go", `package alert; func f() { ErrOne = nil }`, "ErrOne is written"},
		{"no package state but errors and tables", "alert/x.go", `package alert; func f() { colours["red"] += "0" }`, "colours is written"},
		{"no package state but errors and tables", "alert/x.go", `package alert; func f() { bom[0]++ }`, "bom is written"},
		{"no package state but errors and tables", "alert/x.go", `package alert; func f() { delete(colours, "red") }`, "colours is written"},
		{"no package state but errors and tables", "alert/x.go", `package alert; func f() { for bom[0] = range 9 {} }`, "bom is written"},
		{"no package state but errors and tables", "alert/x_test.go", `package alert; func f() { bom = nil }`, "bom is written"},
		{"no package state but errors and tables", "alert/x.go", `package alert; import "net/http"; func f() { http.DefaultClient.Timeout = 1 }`, "DefaultClient of package net/http"},
		{"no package state but errors and tables", "alert/x_test.go", `package alert_test; import "github.com/incidentkit/incidentkit/alert"; func f() { alert.ErrOne = nil }`, "ErrOne of package"},
		{"no forbidden calls", "alert/x_test.go", `package alert_test; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
		{"no forbidden calls", "examples/quickstart/x.go", `package main; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
		{"no forbidden calls", "alert/x.go", `package alert; import "time"; func f() any { return time.Local }`, "time.Local"},
		{"no forbidden calls", "alert/x.go", `package alert; import clock "time"; func f() { clock.LoadLocation("UTC") }`, "time.LoadLocation"},
		{"no forbidden calls", "alert/x.go", `package alert; import "os"; func f() { os.Getenv("HOME") }`, "os.Getenv"},
		{"no forbidden calls", "alert/x.go", `package alert; import "os"; func f() { os.LookupEnv("HOME") }`, "os.LookupEnv"},
		{"no forbidden calls", "alert/x.go", `package alert; import "fmt"; func f() { fmt.Println() }`, "fmt.Println"},
		{"no forbidden calls", "alert/x.go", `package alert; import "log"; func f() { log.Fatalf("") }`, "log.Fatalf"},
		{"no forbidden calls", "alert/x.go", `package alert; import "log/slog"; func f() { slog.Default() }`, "slog.Default"},
		{"no forbidden calls", "alert/x.go", `package alert; import "log/slog"; func f() { slog.InfoContext(nil, "") }`, "slog.InfoContext"},
		{"no forbidden calls", "alert/x.go", `package alert; import . "time"`, "dot import"},
		{"panic only in Must functions", "alert/x.go", `package alert; func parse() { panic("no") }`, "panic"},
		{"no goroutine the caller did not start", "alert/x.go", `package alert; func f() { go f() }`, "go statement"},
		{"no goroutine the caller did not start", "alert/x.go", `package alert; import "sync"; func f() { var wg sync.WaitGroup; wg.Go(f) }`, "call of Go"},
		{"no goroutine the caller did not start", "alert/x.go", `package alert; import "context"; func f() { context.AfterFunc(nil, f) }`, "context.AfterFunc"},
		{"names say what is in it", "alert/helpers.go", `package alert`, "helpers.go"},
		{"names say what is in it", "alert/utils_test.go", `package alert_test`, "utils_test.go"},
		{"nothing is left unfinished", "alert/x.go", "package alert\n\n// TODO" + ": later", "alert/x.go:3"},
		{"nothing is left unfinished", "README.md", "FIXME", "README.md:1"},
		{"no word about one machine", "README.md", "See /work" + "/main.", "README.md:1"},
		{"no word about one machine", "alert/x.go", "package alert\n\nconst dir = \"/tmp\"", "alert/x.go:3"},
		{"no word about one machine", ".ci/run", "GOPROXY=https://proxy.golang.org", ".ci/run:1"},
		{"every module is in the workspace", "storage/sqlite/go.mod", "module github.com/incidentkit/incidentkit/storage/sqlite", "does not use ./storage/sqlite"},
		{"every module is in the workspace", "examples/go.mod", "module example.com/examples", "is called"},
		{"SQL is made of constants and parameters", "storage/postgres/x.go", "// Package postgres is.\n//\n// # Limits\n" + `package postgres; func f(name string) string { return "select 1 where name = " + name }`, "neither a constant nor"},
		{"SQL is made of constants and parameters", "storage/postgres/x.go", "// Package postgres is.\n//\n// # Limits\n" + `package postgres; import "fmt"; func f(name string) string { return fmt.Sprintf("select '%s'", name) }`, "printed"},
		{"SQL is made of constants and parameters", "storage/sqlite/x.go", "// Package sqlite is.\n//\n// # Limits\n" + `package sqlite; type q struct{}; func (q) add(string, ...any) {}; func f(name string) { q{}.add("AND name = '" + name + "'", 1) }`, "neither a constant nor"},
	} {
		t.Run(c.rule+"/"+c.says, func(t *testing.T) {
			broken := check(t, map[string]string{c.file: c.text})
			assert.Equal(t, []string{c.rule}, slices.Collect(maps.Keys(broken)))
			if assert.Len(t, broken[c.rule], 1) {
				assert.Contains(t, broken[c.rule][0], c.says)
				assert.Contains(t, broken[c.rule][0], c.file)
			}
		})
	}

	t.Run("one file reads the clock", func(t *testing.T) {
		const source = `package alert; import "time"; func %s() { time.%s() }`
		one := map[string]string{"alert/x.go": fmt.Sprintf(source, "f", "Now")}
		assert.Empty(t, check(t, one), "the one file")
		one["alert/y.go"] = fmt.Sprintf(source, "g", "Since")
		assert.Equal(t, []string{"one file reads the clock"}, slices.Collect(maps.Keys(check(t, one))))
	})
	t.Run("a package named after nothing", func(t *testing.T) {
		broken := check(t, map[string]string{"alert/x/x.go": "// Package util.\npackage util"})
		assert.Contains(t, broken, "names say what is in it")
	})
}

// ---------------------------------------------------------------------------
// The rules.

// A rule looks at the repository and answers with what breaks it, as
// "file:line: what".
type rule struct {
	name  string
	check func(repo) []string
}

var rules = []rule{
	{"every package has its layer and imports run downwards", imports},
	{"outside packages stay where they belong", confinement},
	{"exported names are documented", documented},
	{"one package comment, with sections", packageComment},
	{"no init", noInit},
	{"no package state but errors and tables", packageState},
	{"one file reads the clock", oneClock},
	{"no forbidden calls", noForbidden},
	{"panic only in Must functions", noPanic},
	{"no goroutine the caller did not start", noGoroutines},
	{"names say what is in it", names},
	{"nothing is left unfinished", unfinished},
	{"no word about one machine", machine},
	{"every module is in the workspace", workspace},
	{"SQL is made of constants and parameters", sqlParts},
}

func imports(r repo) (bad []string) {
	for p := range r.each() {
		if p.example() {
			for f, i := range p.imports(func(f *file) bool { return !f.test() }) {
				if path := target(i); strings.HasPrefix(path, module) && slices.Contains(strings.Split(path, "/"), "internal") {
					bad = append(bad, f.at(i, "an example imports %s, which no user can", path))
				}
			}
			continue
		}
		if _, known := layers[p.dir]; !known {
			f := p.files[0]
			bad = append(bad, f.at(f.ast, "package %s is in no layer: add it to the layers table of internal/house/house_test.go", p.dir))
			continue
		}
		allowed := below(p.dir)
		for f, i := range p.imports(library) {
			dir, own := ownDir(target(i))
			if own && !allowed[dir] {
				bad = append(bad, f.at(i, "%s imports %s, which is not below it", orRoot(p.dir), orRoot(dir)))
			}
		}
	}
	return bad
}

// below answers with every layer that dir may import.
func below(dir string) map[string]bool {
	under := map[string]bool{}
	for _, d := range layers[dir] {
		under[d] = true
		maps.Copy(under, below(d))
	}
	return under
}

func confinement(r repo) (bad []string) {
	for p := range r.each() {
		for f, i := range p.imports(all) {
			path := target(i)
			for _, c := range confined {
				if !within(path, c.path) || slices.Contains(c.dirs, p.dir) || c.tests && f.test() {
					continue
				}
				where := slices.Clone(c.dirs)
				if c.tests {
					where = append(where, "tests")
				}
				bad = append(bad, f.at(i, "%s is for %s only", path, strings.Join(where, " and ")))
			}
			_, own := ownDir(path)
			if slices.Contains(kits, p.dir) && !f.test() && !own && !standard(path) {
				bad = append(bad, f.at(i, "a test kit links the standard library only, not %s", path))
			}
		}
	}
	return bad
}

func documented(r repo) (bad []string) {
	for p := range r.each() {
		if p.name == "main" || p.internal() {
			continue
		}
		explained := p.interfaceMethods()
		for _, f := range p.files {
			if f.test() {
				continue
			}
			for _, d := range f.ast.Decls {
				for name, node := range undocumented(d) {
					if _, method, ok := strings.Cut(name, "."); ok && explained[method] {
						continue
					}
					bad = append(bad, f.at(node, "exported %s has no comment", name))
				}
			}
		}
	}
	return bad
}

// undocumented gives the exported names that d declares without a comment. A
// comment on a group of constants or variables, or at the end of a line, is
// one; the fields of a struct are covered by the struct's.
func undocumented(d ast.Decl) map[string]ast.Node {
	bare := map[string]ast.Node{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d) + "." + name
		}
		if d.Name.IsExported() && ast.IsExported(name) && d.Doc.Text() == "" {
			bare[name] = d
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc.Text() == "" && (d.Lparen.IsValid() || d.Doc.Text() == "") {
					bare[s.Name.Name] = s
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc.Text()+s.Doc.Text()+s.Comment.Text() == "" {
						bare[n.Name] = s
					}
				}
			}
		}
	}
	return bare
}

func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// interfaceMethods returns the methods that an interface of the package explains, so that the types which
// implement it need not say it again.
func (p *pkg) interfaceMethods() map[string]bool {
	methods := make(map[string]bool)
	for _, f := range p.files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if t, ok := n.(*ast.InterfaceType); ok {
				for _, m := range t.Methods.List {
					for _, name := range m.Names {
						methods[name.Name] = methods[name.Name] || m.Doc.Text() != ""
					}
				}
			}
			return true
		})
	}
	return methods
}

func packageComment(r repo) (bad []string) {
	for p := range r.each() {
		var with []string
		var text string
		var first, last *file
		for _, f := range p.files {
			if f.test() {
				continue
			}
			if first == nil {
				first = f
			}
			if f.ast.Doc.Text() != "" {
				with = append(with, path.Base(f.path))
				text = f.ast.Doc.Text()
				last = f
			}
		}
		switch {
		case first == nil: // tests only
		case len(with) == 0:
			bad = append(bad, first.at(first.ast, "package %s has no comment", p.name))
		case len(with) > 1:
			bad = append(bad, last.at(last.ast, "package %s has a comment in several files: %s", p.name, strings.Join(with, ", ")))
		case p.name == "main", p.internal(), slices.Contains(undivided, p.dir):
		case !regexp.MustCompile(`(?m)^# (Errors|Concurrency|Limits)$`).MatchString(text):
			bad = append(bad, last.at(last.ast, "the comment of package %s has none of the sections # Errors, # Concurrency, # Limits", p.name))
		}
	}
	return bad
}

func noInit(r repo) (bad []string) {
	for p := range r.each() {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
					bad = append(bad, f.at(d, "func init"))
				}
			}
		}
	}
	return bad
}

func packageState(r repo) (bad []string) {
	for p := range r.each() {
		if p.example() {
			continue
		}
		declared := map[string]bool{}
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				d, ok := d.(*ast.GenDecl)
				if !ok || d.Tok != token.VAR || f.test() {
					continue
				}
				for _, s := range d.Specs {
					s := s.(*ast.ValueSpec)
					embedded := embeds(d.Doc) || embeds(s.Doc)
					for i, n := range s.Names {
						declared[n.Name] = true
						var value ast.Expr
						if i < len(s.Values) {
							value = s.Values[i]
						}
						switch {
						case n.Name == "_":
						case value != nil && (isError(n.Name) || p.makesError(f, value)):
						case n.IsExported():
							bad = append(bad, f.at(n, "%s can be changed by whoever imports the package: make it a function", n.Name))
						case embedded, value != nil && p.readOnly(f, value):
						default:
							bad = append(bad, f.at(n, "%s is package state: neither an error nor a table", n.Name))
						}
					}
				}
			}
		}
		for _, f := range p.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				for _, target := range written(n) {
					switch x := p.root(f, target).(type) {
					case *ast.Ident:
						if declared[x.Name] && x.Name != "_" && p.packageLevel(x) {
							bad = append(bad, f.at(n, "%s is written after it was declared", x.Name))
						}
					case *ast.SelectorExpr:
						path := p.packagePath(f, x.X.(*ast.Ident))
						if _, own := ownDir(path); own || f.library() {
							bad = append(bad, f.at(n, "%s of package %s is written", x.Sel.Name, path))
						}
					}
				}
				return true
			})
		}
	}
	return bad
}

func isError(name string) bool {
	return regexp.MustCompile(`^[Ee]rr([A-Z].*)?$`).MatchString(name)
}

func embeds(g *ast.CommentGroup) bool {
	return g != nil && slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// written answers with the expressions that n assigns to or empties. Taking an
// address is left alone: it would take types to follow it.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return slices.DeleteFunc([]ast.Expr{n.Key, n.Value}, func(e ast.Expr) bool { return e == nil })
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, id.Name) {
			return n.Args[:1]
		}
	}
	return nil
}

// root gives the variable at the root of what is written, x of x.f[i].g, or
// pkg.X when it is another package's.
func (p *pkg) root(f *file, e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok && p.packagePath(f, id) != "" {
				return x
			}
			e = x.X
		default:
			return e
		}
	}
}

func oneClock(r repo) (bad []string) {
	readers := map[string]string{}
	for p := range r.each() {
		for f, s := range p.selectors("time", `Now|Since|Until`) {
			if f.library() {
				readers[f.path] = f.at(s, "time.%s: the clock is read in one file only, and handed on from there", s.Sel.Name)
			}
		}
	}
	if len(readers) < 2 {
		return nil
	}
	return slices.Sorted(maps.Values(readers))
}

func noForbidden(r repo) (bad []string) {
	for p := range r.each() {
		for _, rule := range forbidden {
			for f, s := range p.selectors(rule.path, rule.names) {
				if rule.everywhere || f.library() {
					bad = append(bad, f.at(s, "%s.%s: %s", path.Base(rule.path), s.Sel.Name, rule.why))
				}
			}
		}
		for f, i := range p.imports(all) {
			if i.Name != nil && i.Name.Name == "." {
				bad = append(bad, f.at(i, "a dot import hides where a name comes from"))
			}
		}
	}
	return bad
}

// speakers are the packages whose texts may be SQL, and what may stand in a
// statement there beside constants: fragments that are made of constants
// alone. A value never may: it is a parameter.
var speakers = map[string]struct {
	fragments []string
	adds      int // how many arguments of a call of add are SQL; 0 means all
}{
	"storage/sqlite":   {fragments: []string{"listColumns", "changingColumns", "namedColumns", "allColumns", "marksFor"}, adds: 1},
	"storage/postgres": {fragments: []string{"w.arg", "strings.Join", "String", "ordered", "compared", "channel", "from", "direction", "columns", "tables", "schema", "column"}},
}

var sqlWord = regexp.MustCompile(`(?i)\b(select|insert|update|delete|from|where|and|or|order by|limit|create|alter|begin|set|pragma|exists|in|any|listen|notify)\b|::|\$[0-9]`)

func sqlParts(r repo) (bad []string) {
	for p := range r.each() {
		speaker, speaks := speakers[p.dir]
		if !speaks {
			continue
		}
		allowed, constants := speaker.fragments, map[string]bool{}
		for _, f := range p.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
					for _, s := range d.Specs {
						for _, name := range s.(*ast.ValueSpec).Names {
							constants[name.Name] = true
						}
					}
				}
				return true
			})
		}
		fine := func(e ast.Expr) bool {
			switch e := e.(type) {
			case *ast.BasicLit:
				return true
			case *ast.Ident:
				return constants[e.Name] || slices.Contains(allowed, e.Name)
			case *ast.IndexExpr: // of a list of fragments
				id, ok := e.X.(*ast.Ident)
				return ok && slices.Contains(allowed, id.Name)
			case *ast.CallExpr:
				switch fun := e.Fun.(type) {
				case *ast.Ident:
					return slices.Contains(allowed, fun.Name)
				case *ast.SelectorExpr:
					id, ok := fun.X.(*ast.Ident)
					return slices.Contains(allowed, fun.Sel.Name) || ok && slices.Contains(allowed, id.Name+"."+fun.Sel.Name)
				}
			}
			return false
		}
		for _, f := range p.files {
			if f.test() {
				continue
			}
			check := func(parts []ast.Expr) {
				sql := slices.ContainsFunc(parts, func(e ast.Expr) bool {
					lit, ok := e.(*ast.BasicLit)
					return ok && lit.Kind == token.STRING && sqlWord.MatchString(lit.Value)
				})
				for _, e := range parts {
					if sql && !fine(e) {
						bad = append(bad, f.at(e, "a statement with a part that is neither a constant nor a parameter"))
					}
				}
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					if n.Op == token.ADD {
						check(terms(n))
						return false
					}
				case *ast.CallExpr:
					if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "add" && len(n.Args) > 0 {
						if speaker.adds > 0 {
							check(n.Args[:speaker.adds])
						} else {
							check(n.Args)
						}
					} else if ok && s.Sel.Name == "Sprintf" {
						if lit, isText := n.Args[0].(*ast.BasicLit); isText && sqlWord.MatchString(lit.Value) && strings.ContainsAny(strings.NewReplacer("%d", "", "%x", "").Replace(lit.Value), "%") && !strings.Contains(lit.Value, ": %") {
							bad = append(bad, f.at(n, "a statement that is printed"))
						}
					}
				}
				return true
			})
		}
	}
	return bad
}

// terms returns what is added up.
func terms(e ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		return append(terms(b.X), terms(b.Y)...)
	}
	return []ast.Expr{e}
}

func noPanic(r repo) (bad []string) {
	for p := range r.each() {
		for _, f := range p.files {
			if !f.library() {
				continue
			}
			for _, d := range f.ast.Decls {
				if d, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(strings.ToLower(d.Name.Name), "must") {
					continue
				}
				ast.Inspect(d, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if !ok {
						return true
					}
					if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
						bad = append(bad, f.at(call, "panic: return an error"))
					}
					return true
				})
			}
		}
	}
	return bad
}

func noGoroutines(r repo) (bad []string) {
	for p := range r.each() {
		if slices.Contains(kits, p.dir) {
			continue
		}
		for _, f := range p.files {
			if !f.library() {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					bad = append(bad, f.at(n, "go statement"))
				case *ast.CallExpr:
					// A WaitGroup's, an errgroup's or a pool's.
					if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" {
						bad = append(bad, f.at(n, "a call of Go starts a goroutine"))
					}
				}
				return true
			})
		}
		for _, pkg := range []string{"time", "context"} {
			for f, s := range p.selectors(pkg, `AfterFunc`) {
				if f.library() {
					bad = append(bad, f.at(s, "%s.AfterFunc starts a goroutine", pkg))
				}
			}
		}
	}
	return bad
}

func names(r repo) (bad []string) {
	for p := range r.each() {
		if regexp.MustCompile(`^(utils?|common|types|helpers?|models?|misc|shared|base)(_test)?$`).MatchString(p.name) {
			bad = append(bad, p.files[0].at(p.files[0].ast, "package %s is named after nothing it holds", p.name))
		}
		for _, f := range p.files {
			if regexp.MustCompile(`^(misc|utils?|helpers?|common)(_test)?\.go$`).MatchString(path.Base(f.path)) {
				bad = append(bad, f.at(f.ast, "the file is named after nothing it holds"))
			}
		}
	}
	return bad
}

func unfinished(r repo) []string {
	return r.grep(regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`), func(string) bool { return true })
}

func machine(r repo) []string {
	return append(
		r.grep(regexp.MustCompile("(^|[\\s\"'`(=:])/(work|tmp|root)\\b"), func(name string) bool { return !strings.HasSuffix(name, "_test.go") }),
		r.grep(regexp.MustCompile(`\b((proxy|sum)\.golang\.org|goproxy\.\w+|registry\.\w+\.\w+|deb\.debian\.org|pypi\.org)\b`), func(string) bool { return true })...,
	)
}

func workspace(r repo) (bad []string) {
	for _, name := range slices.Sorted(maps.Keys(r.texts)) {
		if path.Base(name) != "go.mod" {
			continue
		}
		dir, want, use := path.Dir(name), module, "."
		if dir != "." {
			want, use = module+"/"+dir, "./"+dir
		}
		if !slices.Contains(strings.Fields(r.texts["go.work"]), use) {
			bad = append(bad, fmt.Sprintf("%s: go.work does not use %s, so that nobody tests it", name, use))
		}
		if fields := strings.Fields(r.texts[name]); len(fields) < 2 || fields[1] != want {
			bad = append(bad, fmt.Sprintf("%s: the module of this folder is called %s", name, want))
		}
	}
	return bad
}

// ---------------------------------------------------------------------------
// The repository, read once.

type repo struct {
	packages []*pkg
	texts    map[string]string // source and documents by path, without testdata
}

// A pkg is what one folder declares under one package name: the library with
// its own tests, or the tests in package x_test.
type pkg struct {
	dir, name string
	files     []*file
	info      types.Info
	scope     *types.Scope
}

type file struct {
	path string
	ast  *ast.File
	fset *token.FileSet
}

// read parses all Go files below the root of fsys, nested modules included.
func read(fsys fs.FS) (repo, error) {
	r := repo{texts: map[string]string{}}
	fset := token.NewFileSet()
	byName := map[[2]string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "testdata", "node_modules"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{"", ".go", ".md", ".mod", ".work", ".yml", ".yaml", ".sql", ".sh", ".gitignore", ".gitattributes"}, path.Ext(name)) {
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // written and renamed by an editor in this moment
		}
		if err != nil {
			return err
		}
		r.texts[name] = string(src)
		if path.Ext(name) != ".go" {
			return nil
		}
		tree, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if dir == "." {
			dir = ""
		}
		key := [2]string{dir, tree.Name.Name}
		if byName[key] == nil {
			byName[key] = &pkg{dir: dir, name: tree.Name.Name}
			r.packages = append(r.packages, byName[key])
		}
		byName[key].files = append(byName[key].files, &file{name, tree, fset})
		return nil
	})
	for _, p := range r.packages {
		p.resolve(fset)
	}
	return r, err
}

// resolve finds what each identifier stands for, so that a local variable
// called time is not taken for the package. Imports are not loaded: that takes
// seconds and code that compiles, and telling names apart needs neither.
func (p *pkg) resolve(fset *token.FileSet) {
	p.info = types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImporter{}, Error: func(error) {}}
	var trees []*ast.File
	for _, f := range p.files {
		trees = append(trees, f.ast)
	}
	checked, _ := conf.Check(p.dir, fset, trees, &p.info) // errors are the compiler's to report
	p.scope = checked.Scope()
}

type noImporter struct{}

func (noImporter) Import(path string) (*types.Package, error) {
	return nil, fmt.Errorf("%s is not loaded", path)
}

func (r repo) each() iter.Seq[*pkg] { return slices.Values(r.packages) }

// grep looks for re in each text that use accepts. This package's own files
// are left out: they have to name what they look for.
func (r repo) grep(re *regexp.Regexp, use func(name string) bool) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(r.texts)) {
		if strings.HasPrefix(name, "internal/house/") || !use(name) {
			continue
		}
		for i, line := range strings.Split(r.texts[name], "\n") {
			if m := re.FindString(line); m != "" {
				found = append(found, fmt.Sprintf("%s:%d: %s", name, i+1, strings.TrimSpace(m)))
			}
		}
	}
	return found
}

func (f *file) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", f.path, f.fset.Position(n.Pos()).Line) + fmt.Sprintf(format, args...)
}

func (f *file) test() bool {
	return strings.HasSuffix(f.path, "_test.go") || slices.Contains(scaffolds, path.Dir(f.path))
}
func (f *file) library() bool { return !f.test() && !within(f.path, "examples") }
func (p *pkg) example() bool  { return within(p.dir, "examples") }
func (p *pkg) internal() bool { return slices.Contains(strings.Split(p.dir, "/"), "internal") }

func all(*file) bool       { return true }
func library(f *file) bool { return f.library() }

// imports gives each import of the files that use accepts.
func (p *pkg) imports(use func(*file) bool) iter.Seq2[*file, *ast.ImportSpec] {
	return func(yield func(*file, *ast.ImportSpec) bool) {
		for _, f := range p.files {
			for _, i := range f.ast.Imports {
				if use(f) && !yield(f, i) {
					return
				}
			}
		}
	}
}

// target is the path that an import names.
func target(i *ast.ImportSpec) string {
	path, _ := strconv.Unquote(i.Path.Value) // the parser has unquoted it before
	return path
}

// selectors gives each use of a name of the package at path, called or not.
func (p *pkg) selectors(path, names string) iter.Seq2[*file, *ast.SelectorExpr] {
	re := regexp.MustCompile(`^(` + names + `)$`)
	return func(yield func(*file, *ast.SelectorExpr) bool) {
		for _, f := range p.files {
			more := true
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && more && re.MatchString(s.Sel.Name) {
					if id, ok := s.X.(*ast.Ident); ok && p.packagePath(f, id) == path {
						more = yield(f, s)
					}
				}
				return more
			})
			if !more {
				return
			}
		}
	}
}

// packagePath answers with the import path that id stands for in f, "" if it
// stands for anything else.
func (p *pkg) packagePath(f *file, id *ast.Ident) string {
	if o := p.info.Uses[id]; o != nil {
		if o, ok := o.(*types.PkgName); ok {
			return o.Imported().Path()
		}
		return ""
	}
	for _, i := range f.ast.Imports { // inside code the type checker gave up on
		path := target(i)
		if i.Name != nil && i.Name.Name == id.Name || i.Name == nil && strings.HasSuffix("/"+path, "/"+id.Name) {
			return path
		}
	}
	return ""
}

// packageLevel says whether id stands for a variable of the package rather
// than one of a function.
func (p *pkg) packageLevel(id *ast.Ident) bool {
	o := p.info.Uses[id]
	return o == nil || o.Parent() == p.scope
}

func (p *pkg) makesError(f *file, value ast.Expr) bool {
	pkg, name := p.called(f, value)
	return pkg == "errors" && name == "New" || pkg == "fmt" && name == "Errorf"
}

func (p *pkg) readOnly(f *file, value ast.Expr) bool {
	switch v := ast.Unparen(value).(type) {
	case *ast.CompositeLit:
		if s, ok := v.Type.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok && within(p.packagePath(f, id), "sync") {
				return false
			}
		}
		return len(v.Elts) > 0 // an empty one is there to be filled
	case *ast.CallExpr:
		if _, conversion := v.Fun.(*ast.ArrayType); conversion {
			return true
		}
		pkg, name := p.called(f, v)
		return slices.Contains(immutable, pkg) || pkg == "sync" && strings.HasPrefix(name, "OnceValue")
	}
	return false
}

// called gives the package and name at the root of a call or a chain of calls.
func (p *pkg) called(f *file, e ast.Expr) (pkg, name string) {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.CallExpr:
			e = x.Fun
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok {
				return p.packagePath(f, id), x.Sel.Name
			}
			e = x.X
		default:
			return "", ""
		}
	}
}

func ownDir(path string) (dir string, own bool) {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), within(path, module)
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// standard says whether path is of the standard library, as the go command
// does: the first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func orRoot(dir string) string {
	if dir == "" {
		return "the root package"
	}
	return dir
}
