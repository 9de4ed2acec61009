package house_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// callRules are about what a function may call or start.
var callRules = []rule{
	{"no forbidden calls", noForbidden, []fault{
		{"alert/x_test.go", `package alert_test; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
		{"examples/quickstart/x.go", `package main; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
		{"alert/x.go", `package alert; import "time"; func f() any { return time.Local }`, "time.Local"},
		{"alert/x.go", `package alert; import clock "time"; func f() { clock.LoadLocation("UTC") }`,
			"time.LoadLocation"},
		{"alert/x.go", `package alert; import "os"; func f() { os.Getenv("HOME") }`, "os.Getenv"},
		{"alert/x.go", `package alert; import "os"; func f() { os.LookupEnv("HOME") }`, "os.LookupEnv"},
		{"alert/x.go", `package alert; import "fmt"; func f() { fmt.Println() }`, "fmt.Println"},
		{"alert/x.go", `package alert; import "log"; func f() { log.Fatalf("") }`, "log.Fatalf"},
		{"alert/x.go", `package alert; import "log/slog"; func f() { slog.Default() }`, "slog.Default"},
		{"alert/x.go", `package alert; import "log/slog"; func f() { slog.InfoContext(nil, "") }`, "slog.InfoContext"},
		{"alert/x.go", `package alert; import . "time"`, "dot import"},
	}},
	{"keys of alerts are computed in few places", fewKeys, []fault{
		{
			"storage/x.go",
			"// Package storage is.\n//\n// # Limits\npackage storage; " +
				`import "github.com/incidentkit/incidentkit/alert"; ` +
				`func f(a alert.Alert) any { return a.KindKey() }`,
			"KindKey computes",
		},
		{
			"storage/x.go",
			"// Package storage is.\n//\n// # Limits\npackage storage; " +
				`import "github.com/incidentkit/incidentkit/alert"; ` +
				`func f(e alert.Entity) any { return alert.Identity(e) }`,
			"alert.Identity computes",
		},
	}},
	{"panic only in Must functions", noPanic, []fault{
		{"alert/x.go", `package alert; func parse() { panic("no") }`, "panic"},
	}},
	{"no goroutine the caller did not start", noGoroutines, []fault{
		{"alert/x.go", `package alert; func f() { go f() }`, "go statement"},
		{"alert/x.go", `package alert; import "sync"; func f() { var wg sync.WaitGroup; wg.Go(f) }`, "call of Go"},
		{"alert/x.go", `package alert; import "context"; func f() { context.AfterFunc(nil, f) }`, "context.AfterFunc"},
	}},
}

func noForbidden(r repo) (bad []string) {
	for p := range r.each() {
		for _, rule := range forbidden {
			for f, s := range p.selectors(rule.path, rule.names) {
				if rule.everywhere || f.library() && !(rule.kits && slices.Contains(kits, p.dir)) {
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

func noPanic(r repo) (bad []string) {
	for p := range r.each() {
		for _, f := range p.files {
			if !f.library() || slices.Contains(kits, p.dir) {
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

// fewKeys goes by the names of the methods: no other has these without an
// argument.
func fewKeys(r repo) (bad []string) {
	for p := range r.each() {
		elsewhere := func(f *file) bool {
			return f.library() && !slices.Contains(scaffolds, p.dir) &&
				!slices.ContainsFunc(keysIn, func(in string) bool { return within(f.path, in) })
		}
		for f, s := range p.selectors(module+"/alert", `Keys|Identity`) {
			if elsewhere(f) {
				bad = append(bad, f.at(s, "alert.%s computes keys: hand on those that were computed", s.Sel.Name))
			}
		}
		for _, f := range slices.DeleteFunc(slices.Clone(p.files), func(f *file) bool { return !elsewhere(f) }) {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 0 {
					if s, ok := call.Fun.(*ast.SelectorExpr); ok &&
						slices.Contains([]string{"Keys", "KindKey", "KeySet"}, s.Sel.Name) {
						bad = append(bad, f.at(s, "%s computes keys: hand on those that were computed", s.Sel.Name))
					}
				}
				return true
			})
		}
	}
	return bad
}
