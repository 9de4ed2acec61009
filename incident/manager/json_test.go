package manager_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/metrics"
	"github.com/incidentkit/incidentkit/storage"
)

var update = flag.Bool("update", false, "rewrite testdata/records.golden from what is written now")

// entities has one of each type of entity.
var entities = []alert.Entity{
	alert.Device{}, alert.User{}, alert.Mailbox{}, alert.IP{}, alert.URL{}, alert.File{}, alert.Process{},
	alert.Registry{}, alert.Message{}, alert.MailCluster{}, alert.App{}, alert.OAuthApp{}, alert.CloudResource{},
	alert.Other{},
}

// topRecords has each record that a program may give away or take as JSON. Records that are a part of these need not be
// named.
var topRecords = []any{
	classification.Taxonomy{}, classification.Verdict{}, classification.VerdictError{}, classification.EntryError{},
	alert.Alert{}, alert.Evidence{}, alert.Note{}, alert.Query{}, alert.FieldError{},
	activity.Entry{}, activity.Content{}, activity.Query{},
	incident.Incident{}, incident.Case{}, incident.Draft{}, incident.Image{}, incident.Edit{}, incident.AlertEdit{},
	incident.Explanation{}, incident.Factor{}, incident.Policy{}, incident.Query{}, incident.TagRules{},
	incident.Refusal{}, incident.RefusedError{}, incident.ReplayError{}, incident.Similarity{}, incident.Base{}, incident.Said{},
	correlation.Decision{}, metrics.Report{},
	storage.Counts{}, storage.Copied{}, storage.Item{}, storage.ItemQuery{}, storage.Sighting{},
	storage.SightingQuery{}, storage.ConflictError{},
	manager.Result{}, manager.AlertResult{}, manager.EditResult{}, manager.PurgeResult{}, manager.ImportResult{},
	manager.TagSuggestions{}, manager.Violation{}, manager.ForbiddenError{}, incident.CommentDraft{},
}

// plumbing has the exported structs that stay in the process, and what each is.
var plumbing = map[string]string{
	"alert.Identifier":      "what a correlator is given",
	"alert.DecodeError":     "an error, whose text is in the results",
	"incident.Decoded":      "what a decoder returns",
	"alert.IdentityOptions": "settings",
	"incident.Command":      "what a rule is given",
	"incident.Effect":       "what a rule returns",
	"incident.Known":        "what a rule is given",
	"incident.Party":        "what a rule is given",
	"incident.Settled":      "what a rule returns",
	"incident.Place":        "what a storage needs of a Cursor, which is a text",
	"metrics.History":       "what Measure is given",
	"correlation.Default":   "settings",
	"manager.Options":       "settings",
	"metrics.Options":       "settings",
	"storage.Changeset":     "what a storage is given",
	"storage.Expiry":        "what a storage is given",
	"storage.Guard":         "what a storage is given",
	"storage.Receipt":       "what a storage returns",
	"driver.Failure":        "an error, whose text is in the results",
	"driver.Group":          "a queue",
}

// The file testdata/records.golden has the JSON of every record, with a value in each field and with none. It is read
// back as it was.
func TestRecordsInJSON(t *testing.T) {
	var golden bytes.Buffer
	for _, record := range allRecords() {
		typ := reflect.TypeOf(record)
		full := reflect.New(typ)
		fill(full.Elem(), "", nil)
		writeRecord(t, &golden, typ, full)
		if _, failed := full.Interface().(error); !failed && typ != reflect.TypeFor[alert.Evidence]() {
			writeRecord(t, &golden, typ, reflect.New(typ))
		}
	}
	name := filepath.Join("testdata", "records.golden")
	if *update {
		require.NoError(t, os.WriteFile(name, golden.Bytes(), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), golden.String(), "go test ./incident/manager -run TestRecordsInJSON -update")
	assert.NotRegexp(t, `"[A-Z]\w*":`, golden.String(), "the name of a Go field")
}

func allRecords() []any {
	all := slices.Clone(topRecords)
	for _, e := range entities {
		all = append(all, e)
	}
	return all
}

// writeRecord writes the JSON of a record, and sees that it is read back as the record was.
func writeRecord(t *testing.T, golden *bytes.Buffer, typ reflect.Type, record reflect.Value) {
	t.Helper()
	text := encoded(t, record.Interface())
	golden.WriteString(typ.String() + " ")
	require.NoError(t, json.Indent(golden, text, "", "  "))
	if typ != reflect.TypeFor[incident.Refusal]() && typ != reflect.TypeFor[incident.RefusedError]() { // only written
		back := reflect.New(typ)
		require.NoError(t, json.Unmarshal(text, back.Interface()), typ)
		assert.Equal(t, record.Interface(), back.Interface())
	}
	if entity, ok := record.Elem().Interface().(alert.Entity); ok {
		var back alert.Evidence
		require.NoError(t, json.Unmarshal(encoded(t, alert.Evidence{Entity: entity}), &back))
		assert.Equal(t, entity, back.Entity)
	}
}

// encoded returns the JSON of a record as a storage has it: with <, > and & as they are.
func encoded(t *testing.T, record any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(record))
	return b.Bytes()
}

// fill sets v, and all that is in it, to a value that is not zero. A text is the name of its field, and a number the
// length of it. within are the structs that v is in.
func fill(v reflect.Value, name string, within []reflect.Type) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 8, 0, 0, 123_456_000, time.UTC)))
		return
	case alert.Fields:
		v.SetString(`{"vendor":"<&>"}`)
		return
	case activity.Value:
		v.SetString(`"<&>"`)
		return
	case incident.Cursor:
		v.Set(reflect.ValueOf(incident.Query{Sort: incident.ByName}.CursorAfter(incident.Incident{Name: "name"})))
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[alert.Entity]() {
			v.Set(reflect.ValueOf(alert.IP{Address: "192.0.2.1"}))
		} else {
			v.Set(reflect.ValueOf(errors.New("it was refused")))
		}
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name, within)
	case reflect.Array:
		first := 0
		if v.Type() == reflect.TypeFor[incident.AssetCounts]() {
			first++ // that of NotAsset stays 0
		}
		for n := first; n < v.Len(); n++ {
			fill(v.Index(n), name, within)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if slices.Contains(within, v.Type().Elem()) {
			return // a query in a query says nothing
		}
		fill(v.Index(0), name, within)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, name, within)
		fill(value, name, within)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() {
				tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				fill(field, tag, append(within, v.Type()))
			}
		}
	}
}

// Every exported struct of the packages is in the golden file, or is listed as plumbing, and every field of one that
// is in the file has a name in JSON.
func TestEveryRecordHasJSONNames(t *testing.T) {
	found := make(map[string]bool)
	for typ := range written() {
		if typ.Kind() != reflect.Struct {
			continue
		}
		name, _, _ := strings.Cut(typ.String(), "[") // of a generic one
		found[name] = true
		for f := range typ.Fields() {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !f.IsExported(), f.Anonymous:
			case f.Type == reflect.TypeFor[error]():
				assert.Equal(t, "-", tag, "%s.%s: the text of an error is written as error", typ, f.Name)
			case typ != reflect.TypeFor[alert.Evidence](): // which writes itself
				assert.Regexp(t, `^[a-z]\w*$`, tag, "%s.%s", typ, f.Name)
			}
		}
	}
	for _, dir := range []string{
		"classification", "alert", "activity", "incident", "incident/correlation", "incident/manager",
		"incident/metrics", "incident/msgraph", "storage", "storage/driver",
	} {
		for _, name := range structsOf(t, filepath.Join("..", "..", dir)) {
			_, hidden := plumbing[name]
			assert.NotEqual(t, hidden, found[name], "%s is either plumbing or in the golden file", name)
			delete(found, name)
		}
	}
	assert.Empty(t, found, "in none of the packages")
}

// Every enumeration in a record is a word, which is read case-insensitively, as the key of a map too.
func TestEnumerationsInAnyCase(t *testing.T) {
	n := 0
	for typ := range written() {
		if typ.Kind() != reflect.Uint8 || typ == reflect.TypeFor[uint8]() {
			continue
		}
		n++
		require.Implements(t, (*encoding.TextUnmarshaler)(nil), reflect.New(typ).Interface())
		values := reflect.MapOf(typ, typ)
		for v := uint64(0); ; v++ {
			value, given := reflect.New(typ).Elem(), reflect.MakeMap(values)
			value.SetUint(v)
			given.SetMapIndex(value, value)
			text, err := json.Marshal(given.Interface())
			if err != nil {
				assert.Greater(t, v, uint64(1), "%s has values", typ)
				break
			}
			for _, text := range []string{string(text), strings.ToUpper(string(text)), strings.ToLower(string(text))} {
				got := reflect.New(values)
				require.NoError(t, json.Unmarshal([]byte(text), got.Interface()), "%s: %s", typ, text)
				assert.Equal(t, given.Interface(), got.Elem().Interface())
			}
		}
	}
	assert.Greater(t, n, 10, "the test looks at all of them")
}

// A result says in JSON why it failed, in the words of the error, and keeps the texts of a source as they are.
func TestResultsSayInJSONWhyTheyFailed(t *testing.T) {
	m, _ := open(t)
	a := raise(1, 0)
	a.Extra = `{"vendor":"<&>"}`
	taken, err := m.Ingest(t.Context(), siem, []alert.Alert{a, {Title: "no origin"}})
	require.ErrorIs(t, err, alert.ErrInvalid)
	edited, err := m.EditAlerts(t.Context(), kai, []alert.ID{taken[0].ID, "none"}, incident.AlertEdit{})
	require.ErrorIs(t, err, storage.ErrNotFound)
	all, err := m.EditAll(t.Context(), kai, incident.Query{IDs: []incident.ID{"none"}}, incident.Edit{})
	require.ErrorIs(t, err, storage.ErrNotFound)
	for _, c := range []struct {
		result any
		failed error
	}{
		{taken[0], nil},
		{taken[1], taken[1].Err},
		{edited[0], nil},
		{edited[1], edited[1].Err},
		{all[0], all[0].Err},
		{manager.PurgeResult{ID: "i"}, nil},
		{manager.PurgeResult{ID: "i", Err: manager.ErrForbidden}, manager.ErrForbidden},
	} {
		text := encoded(t, c.result)
		var got struct{ Error *string }
		require.NoError(t, json.Unmarshal(text, &got))
		if c.failed == nil {
			assert.Nil(t, got.Error, "%s", text)
		} else if assert.NotNil(t, got.Error, "%s", text) {
			assert.Equal(t, c.failed.Error(), *got.Error)
		}
	}
	assert.Contains(t, string(encoded(t, edited[0])), `"extra":{"vendor":"<&>"}`)
	assert.NotContains(t, string(encoded(t, edited[1])), `"alert":`)
	assert.NotContains(t, string(encoded(t, all[0])), `"incident":`)
}

// written returns the types of all that is in a record.
func written() map[reflect.Type]bool {
	found := make(map[reflect.Type]bool)
	for _, record := range allRecords() {
		reach(reflect.TypeOf(record), found)
	}
	return found
}

// reach adds a type and those in it to found: structs that have exported fields, and enumerations.
func reach(typ reflect.Type, found map[reflect.Type]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		reach(typ.Elem(), found)
	case reflect.Map:
		reach(typ.Key(), found)
		reach(typ.Elem(), found)
	case reflect.Uint8:
		found[typ] = true
	case reflect.Struct:
		if found[typ] || !strings.Contains(typ.PkgPath(), "incidentkit") || exported(typ) == 0 {
			return
		}
		found[typ] = true
		for f := range typ.Fields() {
			if f.IsExported() {
				reach(f.Type, found)
			}
		}
	}
}

func exported(typ reflect.Type) (n int) {
	for f := range typ.Fields() {
		if f.IsExported() {
			n++
		}
	}
	return n
}

// structsOf returns the exported structs with exported fields of the package in a folder.
func structsOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && hasExported(s) {
				names = append(names, tree.Name.Name+"."+spec.Name.Name)
			}
			return true
		})
	}
	return names
}

func hasExported(s *ast.StructType) bool {
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			if name.IsExported() {
				return true
			}
		}
	}
	return false
}
