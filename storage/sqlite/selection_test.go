package sqlite_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// SQL is put together from constants: what stands where a statement or a part of one is wanted is a text in the
// source, a constant or several of them joined, or the text of a selection, which is made of nothing else.
func TestNoValueGetsIntoSQL(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	fset := token.NewFileSet()
	places := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				first, last := 0, 1
				switch method.Sel.Name {
				case "exec", "execute", "query", "one", "ExecContext", "QueryContext", "PrepareContext", "find":
					if method.Sel.Name != "find" && !(method.Sel.Name == "exec" && fn.Name.Name != "migrate" && receiver(method) == "t") {
						first, last = 1, 2 // behind the context
					}
				case "get":
					first, last = 3, 4
				case "add":
				case "window":
					last = 2
				case "order":
					first, last = 2, 6
				case "after":
					first, last = 1, 3
				default:
					return true
				}
				for _, arg := range call.Args[min(first, len(call.Args)):min(last, len(call.Args))] {
					places++
					assert.True(t, constant(arg, fn), "%s: %s is given what is not a constant", fset.Position(arg.Pos()), method.Sel.Name)
				}
				return true
			})
		}
	}
	assert.Greater(t, places, 80)
}

func receiver(method *ast.SelectorExpr) string {
	id, _ := method.X.(*ast.Ident)
	if id == nil {
		return ""
	}
	return id.Name
}

// constant reports whether e is a text in the source, or is handed on by a function whose callers are held to that.
func constant(e ast.Expr, fn *ast.FuncDecl) bool {
	switch x := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.BinaryExpr:
		return constant(x.X, fn) && constant(x.Y, fn)
	case *ast.Ident:
		switch x.Name {
		case "briefColumns", "alertColumns", "entryColumns",
			"selectPlace", "insertAlert", "updateAlert", "updateSamePlace", "insertEntry", "updateEntry",
			"itemColumns", "insertItem", "updateItem", "replaceItem", "expireItems", "purgeItems",
			"selectAdded", "orLast", "inTexts", "inNumbers":
			return true
		case "marks", "text": // numbers of the package, and a file of its own
			return fn.Name.Name == "migrate"
		case "query", "since", "until", "upBehind", "downBehind", "up", "down", "ctx", "args":
			for _, p := range fn.Type.Params.List {
				for _, name := range p.Names {
					if name.Name == x.Name {
						return true
					}
				}
			}
		}
	case *ast.SelectorExpr:
		call, ok := x.X.(*ast.CallExpr)
		if !ok || len(call.Args) > 0 {
			return false
		}
		id, ok := call.Fun.(*ast.Ident)
		return ok && id.Name == "incidentSQL"
	case *ast.CallExpr:
		if s, ok := x.Fun.(*ast.SelectorExpr); ok {
			return s.Sel.Name == "text"
		}
		if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "string" {
			return constant(x.Args[0], fn)
		}
	}
	return false
}

// A page is read in its order, and only what few incidents have is looked up and sorted.
func TestPlans(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	var cs storage.Changeset
	for n := range 2000 {
		i := incident.Incident{ID: incident.ID(fmt.Sprint(n)), Tags: []incident.Tag{{Name: "common"}}, Owner: incident.Owner{ID: "kai"}}
		if n%100 == 0 {
			i.Tags, i.Owner.ID = append(i.Tags, incident.Tag{Name: "rare"}), "ann"
		}
		cs.Incidents = append(cs.Incidents, i)
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sorted := incident.Query{Sort: incident.ByName, Limit: 50}
	sorted.After = sorted.CursorAfter(cs.Incidents[0])
	rated := incident.Query{Sort: incident.BySeverity, Limit: 50}
	rated.After = rated.CursorAfter(cs.Incidents[0])
	for _, c := range []struct {
		q    incident.Query
		want string // the table or index that is read
		sort bool
	}{
		{incident.Query{}, "SCAN incidents USING INDEX incidents_updated", false},
		{incident.DefaultQuery(now), "SCAN incidents USING INDEX incidents_updated", false},
		{incident.Query{UpdatedSince: now, Limit: 50}, "SEARCH incidents USING INDEX incidents_updated (updated>?)", false},
		{incident.Query{Statuses: []incident.Status{1}, Severities: []alert.Severity{4}, Limit: 50}, "SCAN incidents USING INDEX incidents_updated", false},
		{incident.Query{Tags: []string{"common"}, Limit: 50}, "SCAN incidents USING INDEX incidents_updated", false},
		{incident.Query{Tags: []string{"rare"}, Limit: 50}, "SEARCH incidents USING INTEGER PRIMARY KEY (rowid=?)", true},
		{incident.Query{Tags: []string{"common"}, Owners: []string{"ann"}, Limit: 50}, "SEARCH incidents USING INDEX incidents_owner (owner_folded=?)", false},
		{incident.Query{Owners: []string{"kai"}, Limit: 50}, "SEARCH incidents USING INDEX incidents_owner (owner_folded=?)", false},
		{incident.Query{Owners: []string{"kai", "ann"}, Limit: 50}, "SCAN incidents USING INDEX incidents_updated", false},
		{incident.Query{Tags: []string{"rare"}, Owners: []string{"kai"}, Limit: 50}, "SEARCH incidents USING INTEGER PRIMARY KEY (rowid=?)", true},
		{incident.Query{Text: "x", Limit: 50}, "SCAN incidents USING INDEX incidents_updated", false},
		{incident.Query{Except: []incident.Query{{Tags: []string{"rare"}}}, Limit: 50}, "SCAN incidents USING INDEX incidents_updated", false},
		{incident.Query{IDs: []incident.ID{"1"}}, "SEARCH incidents USING INDEX sqlite_autoindex_incidents_1 (id=?)", true},
		{incident.Query{Entities: []alert.Key{"ip:1"}, Limit: 50}, "SEARCH incidents USING INDEX sqlite_autoindex_incidents_1 (id=?)", true},
		{incident.Query{Sort: incident.ByNumber, Limit: 50}, "SCAN incidents", false},
		{incident.Query{Sort: incident.ByCreated, Limit: 50}, "SCAN incidents USING INDEX incidents_created", false},
		{incident.Query{Sort: incident.ByPriority, Statuses: []incident.Status{1}}, "SCAN incidents USING INDEX incidents_priority", false},
		{incident.Query{Sort: incident.ByStatus, Ascending: true}, "SCAN incidents USING INDEX incidents_status", false},
		{incident.Query{Sort: incident.ByOwner, UpdatedSince: now}, "SCAN incidents USING INDEX incidents_owner", false},
		{sorted, "SEARCH incidents USING INDEX incidents_name (name<?)", false},
		{rated, "SEARCH incidents USING INDEX incidents_severity ((severity,updated)<(?,?))", false},
	} {
		steps, err := s.Plan(t.Context(), c.q)
		require.NoError(t, err)
		assert.Equal(t, c.want, steps[0], "%+v", c.q)
		assert.Equal(t, c.sort, strings.Contains(strings.Join(steps, "; "), "TEMP B-TREE FOR ORDER BY"), "%+v: %q", c.q, steps)
	}
}
