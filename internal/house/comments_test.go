package house_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// commentRules are about names and their comments.
var commentRules = []rule{
	{"exported names are documented", documented, []fault{
		{"alert/x.go", `package alert; func Bare() {}`, "Bare"},
		{"alert/x.go", `package alert; func (*Alert) Bare() {}`, "Alert.Bare"},
		{"alert/x.go", `package alert; type Bare struct{}`, "Bare"},
		{"alert/x.go", "package alert\n\n// The kinds.\ntype (\n\tBare int\n)", "Bare"},
		{"alert/x.go", `package alert; const Bare = 1`, "Bare"},
	}},
	{"one package comment, with sections", packageComment, []fault{
		{"alert/x.go", "// Package alert again.\npackage alert", "alert.go, x.go"},
		{"classification/x.go", "package classification", "no comment"},
		{"classification/x.go", "// Package classification is brief.\npackage classification", "none of the sections"},
		{"examples/other/main.go", "package main", "no comment"},
	}},
	{"names say what is in it", names, []fault{
		{"alert/helpers.go", `package alert`, "helpers.go"},
		{"alert/utils_test.go", `package alert_test`, "utils_test.go"},
		{"examples/util/x.go", "// Package util is.\n//\n// # Limits\npackage util", "package util"},
	}},
	{"nothing is left unfinished", unfinished, []fault{
		{"alert/x.go", "package alert\n\n// TODO" + ": later", "alert/x.go:3"},
		{"README.md", "FIXME", "README.md:1"},
	}},
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
			bad = append(
				bad,
				last.at(last.ast, "package %s has a comment in several files: %s", p.name, strings.Join(with, ", ")),
			)
		case p.name == "main", p.internal(), slices.Contains(undivided, p.dir):
		case !regexp.MustCompile(`(?m)^# (Errors|Concurrency|Limits)$`).MatchString(text):
			bad = append(
				bad,
				last.at(
					last.ast,
					"the comment of package %s has none of the sections # Errors, # Concurrency, # Limits",
					p.name,
				),
			)
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
