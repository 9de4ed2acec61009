package house_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"iter"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A repo is the repository, read once for all rules.
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
		if !slices.Contains(
			[]string{"", ".go", ".md", ".mod", ".work", ".yml", ".yaml", ".sql", ".sh", ".gitignore", ".gitattributes"},
			path.Ext(name),
		) {
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
