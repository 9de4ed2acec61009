package msgraph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fixtures returns the folder of real inputs, which is not part of the repository.
func fixtures(t *testing.T) fs.FS {
	t.Helper()
	dir := os.Getenv("INCIDENTKIT_FIXTURES")
	if dir == "" {
		t.Skip("INCIDENTKIT_FIXTURES is not set")
	}
	return os.DirFS(filepath.Clean(dir))
}

// withoutItems are the files that hold no incident and no alert, and why.
var withoutItems = map[string]string{
	"graph/schema/entities.json":                           "names and types of fields",
	"graph/schema/enums.json":                              "members of enumerations",
	"graph/schema/evidence-types.json":                     "names and types of fields; see TestFixtureEvidenceKinds",
	"graph/security-alert-movealerts.request.json":         "what to move where",
	"graph/security-alert-movealerts.response.json":        "the identifier of an incident alone",
	"graph/security-alert-update.request.json":             "changes to an alert",
	"graph/security-incident-mergeincidents.request.json":  "what to merge",
	"graph/security-incident-mergeincidents.response.json": "the identifier of an incident alone",
	"graph/security-incident-post-comments.request.json":   "a comment",
	"graph/security-incident-post-comments.response.json":  "comments of an alert that it does not hold",
	"graph/security-incident-update.request.json":          "changes to an incident",
	"defender-api/api-update-incidents.request.json":       "changes to an incident",
}

// wanted are the files that this package is to import.
func wanted(name string) bool {
	dir, base := path.Split(name)
	return strings.HasPrefix(dir, "graph/") || dir == "defender-api/" ||
		dir == "other/" && (strings.HasPrefix(base, "demisto") || strings.HasPrefix(base, "rapid7-defender") || strings.HasPrefix(base, "rapid7-mde"))
}

// Every file imports, and everything that it says is said again by the export. A file that is neither
// imported nor listed fails.
func TestFixtureFiles(t *testing.T) {
	files := fixtures(t)
	items := map[string]int{}
	require.NoError(t, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !wanted(name) {
			return err
		}
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "graph/evidence/") {
				text = fmt.Appendf(nil, `{"@odata.type":"#microsoft.graph.security.alert","id":"a","title":"t","alertWebUrl":"","evidence":[%s]}`, text)
			}
			all, errs := decode(string(text))
			if why, ok := withoutItems[name]; ok {
				assert.Empty(t, all, "it is said to hold %s", why)
				assert.NotEmpty(t, errs)
				return
			}
			require.Empty(t, errs)
			require.NotEmpty(t, all)
			items[name] = len(all)
			source, exported := map[string]int{}, map[string]int{}
			leaves(parse(t, string(text)), silent, source)
			for _, item := range all {
				leaves(parse(t, string(roundTrip(t, item))), nil, exported)
			}
			source, exported = alike(source), alike(exported)
			for v, n := range source {
				assert.LessOrEqual(t, n, exported[v], "%q", v)
			}
		})
		return nil
	}))
	for name := range withoutItems {
		_, err := fs.Stat(files, name)
		assert.NoError(t, err, "no longer there")
	}
	assert.Equal(t, map[string]int{
		"defender-api/api-list-incidents.response.json": 3, "graph/security-alert-update.response.json": 1, "graph/security-incident-update.response.json": 1,
		"graph/security-list-alerts_v2.response.json": 1, "graph/security-list-incidents.expand-alerts.response.json": 1, "graph/security-list-incidents.response.json": 1,
		"graph/evidence/deviceEvidence.docs-sample.json": 1, "graph/evidence/fileEvidence.docs-sample.json": 1, "graph/evidence/processEvidence.docs-sample.json": 1,
		"graph/evidence/registryKeyEvidence.docs-sample.json": 1, "other/demisto-graph-alerts_v2-list.json": 2, "other/demisto-graph-incidents-list.json": 2,
		"other/rapid7-defender-get-incident.json": 1, "other/rapid7-mde-get-alerts.json": 1,
	}, items)
}

// Rows that a live tenant streamed are alerts.
func TestFixtureRows(t *testing.T) {
	text, err := fs.ReadFile(fixtures(t), "other/panther-defender-xdr-event-tests.json")
	require.NoError(t, err)
	items, errs := decode(string(text))
	require.Empty(t, errs)
	require.Len(t, items, 2)
	for _, item := range items {
		roundTrip(t, item)
		assert.Equal(t, "microsoftSentinel", item.Alert.Origin.Source)
		assert.Equal(t, []string{"T1218", "T1218.010", "T1218.011"}, item.Alert.Techniques)
		assert.NotEmpty(t, item.Alert.Title)
		assert.False(t, item.Alert.FirstActivity.IsZero())
	}
	assert.Equal(t, "testdevice.testdomain.com", items[1].Alert.Evidence[0].Entity.Name())
}

// silent are the members that tell a type or the place of an answer, which are written in another way.
func silent(key string) bool {
	return strings.HasPrefix(key, "@odata.") || key == "odata_type" || key == "entityType"
}

// alike counts values as one that mean the same: the case of a word, what a time says beyond a
// microsecond and a value that is not set do not matter.
func alike(values map[string]int) map[string]int {
	count := map[string]int{}
	for v, n := range values {
		if when, err := time.Parse(time.RFC3339Nano, v); err == nil {
			v = when.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
		}
		if v = strings.ToLower(v); !slices.Contains([]string{"", "unknown", "notavailable"}, v) {
			count[v] += n
		}
	}
	return count
}

// The table of kinds in testdata is that of the published metadata.
func TestFixtureEvidenceKinds(t *testing.T) {
	files := fixtures(t)
	load := func(name string, v any) {
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		require.NoError(t, json.NewDecoder(bytes.NewReader(text)).Decode(v))
	}
	type fields []struct{ Name, Type string }
	var kinds struct{ Base, Derived map[string]fields }
	var parts struct{ ComplexTypes map[string]fields }
	var enums struct{ Enums map[string]any }
	load("graph/schema/evidence-types.json", &kinds)
	load("graph/schema/entities.json", &parts)
	load("graph/schema/enums.json", &enums)
	require.Len(t, kinds.Derived, 48)
	have := schema(t)
	for typ, want := range kinds.Derived {
		assert.Len(t, have[typ], len(want), typ)
	}
	primitive := []string{"String", "Boolean", "Int32", "Int64", "Double", "Guid", "DateTimeOffset", "dictionary", "alertEvidence"}
	for typ, got := range have {
		var want []schemaField
		for _, f := range slices.Concat(kinds.Base[typ], kinds.Derived[typ], parts.ComplexTypes[typ]) {
			name := strings.TrimSuffix(strings.Replace(f.Type, "Collection(", "[]", 1), ")")
			want = append(want, schemaField{f.Name, name})
			name = strings.TrimPrefix(name, "[]")
			assert.True(t, slices.Contains(primitive, name) || have[name] != nil || enums.Enums[name] != nil, "%s is missing in testdata", name)
		}
		assert.Equal(t, want, got, typ)
	}
}
