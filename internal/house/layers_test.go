package house_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// layerRules say which package may import which, and how modules are named.
var layerRules = []rule{
	{"every package has its layer and imports run downwards", imports, []fault{
		{"alert/x.go", `package alert; import _ "github.com/incidentkit/incidentkit/storage"`, "alert imports storage"},
		{
			"classification/x.go",
			"// Package classification is a leaf.\n//\n// # Limits\n" +
				"package classification; import _ \"github.com/incidentkit/incidentkit/alert\"",
			"classification imports alert",
		},
		{"alert/rating/x.go", "// Package rating is new.\n//\n// # Limits\npackage rating",
			"add it to the layers table"},
		{"examples/quickstart/x.go", `package main; import _ "github.com/incidentkit/incidentkit/export/internal/pdf"`,
			"no user can"},
	}},
	{"outside packages stay where they belong", confinement, []fault{
		{"alert/x.go", `package alert; import _ "github.com/go-pdf/fpdf"`, "for export/internal/pdf only"},
		{"alert/x_test.go", `package alert_test; import _ "github.com/tidwall/btree"`, "for storage/memory only"},
		{"alert/x.go", `package alert; import _ "modernc.org/sqlite"`, "for storage/sqlite only"},
		{"alert/x.go", `package alert; import _ "github.com/stretchr/testify/assert"`, "for tests only"},
		{"alert/x.go", `package alert; import _ "pgregory.net/rapid"`, "for tests only"},
		{
			"alert/x.go", `package alert; import _ "testing"`,
			"for storage/storagetest and incident/incidenttest and tests only",
		},
		{
			"storage/storagetest/x.go",
			"// Package storagetest is a kit.\n//\n// # Limits\n" +
				"package storagetest; import _ \"golang.org/x/text/width\"",
			"standard library only",
		},
	}},
	{"every module is in the workspace", workspace, []fault{
		{"storage/sqlite/go.mod", "module github.com/incidentkit/incidentkit/storage/sqlite",
			"does not use ./storage/sqlite"},
		{"examples/sigma/go.mod", "module github.com/incidentkit/incidentkit/sigma", "is called"},
		{"examples/go.mod", "module example.com/examples", "is called"},
	}},
}

func imports(r repo) (bad []string) {
	for p := range r.each() {
		if p.example() {
			for f, i := range p.imports(func(f *file) bool { return !f.test() }) {
				if path := target(i); strings.HasPrefix(path, module) &&
					slices.Contains(strings.Split(path, "/"), "internal") {
					bad = append(bad, f.at(i, "an example imports %s, which no user can", path))
				}
			}
			continue
		}
		if _, known := layers[p.dir]; !known {
			f := p.files[0]
			bad = append(
				bad,
				f.at(
					f.ast,
					"package %s is in no layer: add it to the layers table of internal/house/house_test.go",
					p.dir,
				),
			)
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

func workspace(r repo) (bad []string) {
	for _, name := range slices.Sorted(maps.Keys(r.texts)) {
		if path.Base(name) != "go.mod" {
			continue
		}
		dir, want, use := path.Dir(name), module, "."
		if dir != "." {
			want, use = module+"/"+dir, "./"+dir
		}
		if !slices.Contains(strings.Fields(r.texts["go.work"]), use) && !slices.Contains(outside, dir) {
			bad = append(bad, fmt.Sprintf("%s: go.work does not use %s, so that nobody tests it", name, use))
		}
		if fields := strings.Fields(r.texts[name]); len(fields) < 2 || fields[1] != want {
			bad = append(bad, fmt.Sprintf("%s: the module of this folder is called %s", name, want))
		}
	}
	return bad
}
