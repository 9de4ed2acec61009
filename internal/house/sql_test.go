package house_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// sqlRules keep values out of the text of statements.
var sqlRules = []rule{
	{"SQL is made of constants and parameters", sqlParts, []fault{
		{
			"storage/postgres/x.go",
			"// Package postgres is.\n//\n// # Limits\n" +
				`package postgres; func f(name string) string { return "select 1 where name = " + name }`,
			"neither a constant nor",
		},
		{
			"storage/postgres/x.go",
			"// Package postgres is.\n//\n// # Limits\n" +
				`package postgres; import "fmt"; ` +
				`func f(name string) string { return fmt.Sprintf("select '%s'", name) }`,
			"printed",
		},
		{
			"storage/sqlite/x.go",
			"// Package sqlite is.\n//\n// # Limits\npackage sqlite; " +
				`type q struct{}; func (q) add(string, ...any) {}; ` +
				`func f(name string) { q{}.add("AND name = '" + name + "'", 1) }`,
			"neither a constant nor",
		},
	}},
}

// speakers are the packages whose texts may be SQL, and what may stand in a
// statement there beside constants: fragments that are made of constants
// alone. A value never may: it is a parameter.
var speakers = map[string]struct {
	fragments []string
	adds      int // how many arguments of a call of add are SQL; 0 means all
}{
	"storage/sqlite": {
		fragments: []string{
			"listColumns", "changingColumns", "writtenColumns", "namedColumns", "allColumns", "marksFor",
		},
		adds: 1,
	},
	"storage/postgres": {fragments: []string{
		"w.arg", "strings.Join", "String", "ordered", "compared", "channel", "from", "direction", "columns",
		"tables", "schema", "column",
	}},
}

var sqlWord = regexp.MustCompile(
	`(?i)\b(select|insert|update|delete|from|where|and|or|order by|limit|create|alter|begin|set|pragma|` +
		`exists|in|any|listen|notify)\b|::|\$[0-9]`,
)

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
					return slices.Contains(allowed, fun.Sel.Name) ||
						ok && slices.Contains(allowed, id.Name+"."+fun.Sel.Name)
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
						if lit, isText := n.Args[0].(*ast.BasicLit); isText && sqlWord.MatchString(lit.Value) &&
							strings.ContainsAny(strings.NewReplacer("%d", "", "%x", "").Replace(lit.Value), "%") &&
							!strings.Contains(lit.Value, ": %") {
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
