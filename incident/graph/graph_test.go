package graph

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

func again(t *testing.T, item Item) {
	t.Helper()
	var text []byte
	var err error
	if item.Alert != nil {
		text, err = EncodeAlert(*item.Alert)
	} else {
		d := item.Incident
		i := incident.Incident{Name: d.Name, Description: d.Description, Severity: d.Severity, Status: d.Status, Owner: d.Owner, Tags: d.Tags,
			Verdict: d.Verdict, Note: d.Note, References: []incident.Reference{d.Reference}, Created: d.Created, Extra: d.Extra}
		if d.RedirectTo.ID != "" {
			i.RedirectTo = d.RedirectTo.IncidentID()
		}
		text, err = EncodeIncident(i, d.Comments, d.Alerts)
	}
	require.NoError(t, err)
	n := 0
	for got, err := range Decode(bytes.NewReader(text), "again") {
		require.NoError(t, err, "%s", text)
		got.Index = item.Index
		require.Equal(t, item, got, "%s", text)
		n++
	}
	require.Equal(t, 1, n)
}

func read(t *testing.T, path string) []Item {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []Item
	for item, err := range Decode(bytes.NewReader(text), filepath.Base(path)) {
		require.NoError(t, err)
		again(t, item)
		all = append(all, item)
	}
	require.NotEmpty(t, all)
	return all
}

func TestShapes(t *testing.T) {
	i := read(t, "testdata/incidents.json")[0].Incident
	assert.Equal(t, alert.Medium, i.Severity)
	assert.Equal(t, 123456000, i.Comments[0].Time.Nanosecond())
	assert.Equal(t, alert.IP{Address: "192.0.2.1"}, i.Alerts[0].Evidence[0].Entity)
	a := read(t, "testdata/alerts_v2.json")[0].Alert
	assert.Equal(t, alert.Fields(`{"incidentId":"7","newField":{"b":1,"a":2}}`), a.Extra)
	i = read(t, "testdata/defender.json")[0].Incident
	assert.Equal(t, "5", i.Reference.ID)
	assert.Equal(t, "microsoftDefenderForCloudApps", i.Alerts[0].Origin.Source)
	assert.Equal(t, alert.User{Account: "kai"}, i.Alerts[0].Evidence[1].Entity)
	a = read(t, "testdata/mde.json")[0].Alert
	assert.Equal(t, alert.Device{DeviceID: "m1", DNSName: "pc.example.com"}, a.Evidence[0].Entity)
	q := read(t, "testdata/quirks.json")
	assert.Equal(t, incident.InProgress, q[0].Incident.Status)
	assert.Equal(t, incident.Reference{System: "microsoftDefender", ID: "1"}, q[1].Incident.RedirectTo)
}

func TestBadItems(t *testing.T) {
	var errs []string
	good := 0
	for _, err := range Decode(strings.NewReader(`[{"id":"1","title":5},{"id":"2","title":"T"},{"x":1}] {"id":`), "f.json") {
		if err != nil {
			errs = append(errs, err.Error())
		} else {
			good++
		}
	}
	assert.Equal(t, 1, good)
	require.Len(t, errs, 3)
	assert.Equal(t, "f.json: item 0: title: 5: want a text", errs[0])
	assert.Contains(t, errs[2], "byte ")
}

func fixtures(t *testing.T) string {
	dir := os.Getenv("INCIDENTKIT_FIXTURES")
	if dir == "" {
		t.Skip("INCIDENTKIT_FIXTURES is not set")
	}
	return dir
}

func TestFixtureFiles(t *testing.T) {
	dir := fixtures(t)
	for _, p := range []string{"graph/security-list-*.json", "graph/security-*-update.response.json", "defender-api/*.response.json", "other/demisto*.json", "other/rapid7-defender*.json", "other/rapid7-mde*.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, p))
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			t.Run(filepath.Base(path), func(t *testing.T) { read(t, path) })
		}
	}
}

func TestFixtureEvidenceKinds(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures(t), "graph/schema/evidence-types.json"))
	require.NoError(t, err)
	var schema struct {
		Base, Derived map[string][]struct{ Name, Type string }
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	require.Len(t, schema.Derived, 48)
	for kind, own := range schema.Derived {
		m := map[string]any{"@odata.type": "#microsoft.graph.security." + kind}
		for _, f := range append(own, schema.Base["alertEvidence"]...) {
			switch {
			case strings.HasPrefix(f.Type, "Collection("):
				m[f.Name] = []string{"v"}
			case f.Type == "DateTimeOffset":
				m[f.Name] = "2024-01-02T03:04:05Z"
			case strings.HasPrefix(f.Type, "Int"):
				m[f.Name] = 7
			case f.Type == "String":
				m[f.Name] = "v-" + f.Name
			default:
				m[f.Name] = map[string]any{"sub": "v"}
			}
		}
		// enumerations are texts
		m["verdict"], m["remediationStatus"] = "malicious", "active"
		want, err := json.Marshal(m)
		require.NoError(t, err)
		e, ok := decodeEvidence(want)
		require.True(t, ok)
		assert.JSONEq(t, string(want), string(encodeEvidence(e)), kind)
	}
}

func FuzzDecode(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.json")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for item, err := range Decode(bytes.NewReader(text), "f") {
			if err == nil {
				again(t, item)
			}
		}
	})
}

// What stands before the place where a file is broken is imported.
func TestItemsBeforeABrokenPlaceAreKept(t *testing.T) {
	for _, text := range []string{`[%s,{"id":`, `{"@odata.context":"x","value":[%s,]}`, `%s {`} {
		good := `{"@odata.type":"#microsoft.graph.security.alert","id":"a","title":"t"}`
		items, errs := 0, 0
		for item, err := range Decode(strings.NewReader(strings.Replace(text, "%s", good, 1)), "f") {
			if err != nil {
				errs++
				assert.ErrorContains(t, err, "byte ")
				continue
			}
			items++
			assert.Equal(t, "a", item.Alert.Origin.ID)
		}
		assert.Equal(t, [2]int{1, 1}, [2]int{items, errs}, text)
	}
}
