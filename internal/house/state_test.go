package house_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// stateRules are about what a package keeps between two calls, and the clock.
var stateRules = []rule{
	{"no init", noInit, []fault{
		{"alert/x.go", `package alert; func init() {}`, "func init"},
		{"alert/x_test.go", `package alert_test; func init() {}`, "func init"},
	}},
	{"no package state but errors and tables", packageState, []fault{
		{"alert/x.go", `package alert; var counter int`, "counter is package state"},
		{"alert/x.go", `package alert; var limit = 10`, "limit is package state"},
		{"alert/x.go", `package alert; var cache = map[string]int{}`, "cache is package state"},
		{"alert/x.go", `package alert; import "sync"; var pool = sync.Pool{New: nil}`, "pool is package state"},
		{"alert/x.go", `package alert; var shared = &Alert{}`, "shared is package state"},
		{"alert/x.go", "package alert\n\n// Table is exported.\nvar Table = []int{1}", "Table can be changed"},
		{"alert/x.go", `package alert; func f() { ErrOne = nil }`, "ErrOne is written"},
		{"alert/x.go", `package alert; func f() { colours["red"] += "0" }`, "colours is written"},
		{"alert/x.go", `package alert; func f() { bom[0]++ }`, "bom is written"},
		{"alert/x.go", `package alert; func f() { delete(colours, "red") }`, "colours is written"},
		{"alert/x.go", `package alert; func f() { for bom[0] = range 9 {} }`, "bom is written"},
		{"alert/x_test.go", `package alert; func f() { bom = nil }`, "bom is written"},
		{"alert/x.go", `package alert; import "net/http"; func f() { http.DefaultClient.Timeout = 1 }`,
			"DefaultClient of package net/http"},
		{
			"alert/x_test.go",
			`package alert_test; import "github.com/incidentkit/incidentkit/alert"; func f() { alert.ErrOne = nil }`,
			"ErrOne of package",
		},
	}},
	{"one file reads the clock", oneClock, nil}, // TestOneClock plants its fault
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
							bad = append(
								bad,
								f.at(n, "%s can be changed by whoever imports the package: make it a function", n.Name),
							)
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
	return g != nil && slices.ContainsFunc(g.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
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
		if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 &&
			slices.Contains([]string{"delete", "clear", "copy"}, id.Name) {
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

func oneClock(r repo) (bad []string) {
	readers := map[string]string{}
	for p := range r.each() {
		for f, s := range p.selectors("time", `Now|Since|Until`) {
			if f.library() {
				readers[f.path] = f.at(
					s, "time.%s: the clock is read in one file only, and handed on from there", s.Sel.Name,
				)
			}
		}
	}
	if len(readers) < 2 {
		return nil
	}
	return slices.Sorted(maps.Values(readers))
}

// TestOneClock plants the two files that it takes to break this rule.
func TestOneClock(t *testing.T) {
	const name = "one file reads the clock"
	const source = `package alert; import "time"; func %s() { time.%s() }`
	files := map[string]string{"alert/x.go": fmt.Sprintf(source, "f", "Now")}
	assert.Empty(t, check(t, files), "one file")
	files["alert/y.go"] = fmt.Sprintf(source, "g", "Since")
	broken := check(t, files)
	assert.Equal(t, []string{name}, slices.Collect(maps.Keys(broken)))
	assert.Len(t, broken[name], 2)
}
