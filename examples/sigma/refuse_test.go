package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bradleyjkemp/sigma-go"
	"github.com/bradleyjkemp/sigma-go/evaluator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// sound is a rule that is accepted; its detection follows.
const sound = `title: A rule
id: 5b0a6c0e-3d5f-4f0a-9a6e-000000000001
logsource: {product: windows, service: security}
level: low
detection:
`

// inF is where most of the refused features are.
const inF = " in search s, field F"

// detectionFaults are detections that the engine does not evaluate as Sigma specifies.
var detectionFaults = []struct {
	detection string
	event     Event  // one on which the engine fails
	match     bool   // whether Sigma matches it
	refused   string // the feature that the refusal names
}{
	{"{s: {F|cased: Abc}, condition: s}", Event{"F": "Abc"}, true, "modifier cased" + inF},
	{"{s: {F|exists: true}, condition: s}", Event{"F": "x"}, true, "modifier exists" + inF},
	{"{s: {F|windash: -a}, condition: s}", Event{"F": "/a"}, true, "modifier windash" + inF},
	{"{s: {F|base64offset|contains: abc}, condition: s}", Event{"F": "YWJj"}, true, "modifier base64offset" + inF},
	{"{s: {F|re|i: ab+}, condition: s}", Event{"F": "ABB"}, true, "modifier i" + inF},
	{"{s: {F|fieldref: G}, condition: s}", Event{"F": "x", "G": "x"}, true, "modifier fieldref" + inF},
	{"{s: {F|base64: abc}, condition: s}", Event{"F": "ywjj"}, false, "modifier base64" + inF},
	{"{s: {F|all|contains: [a, b]}, condition: s}", Event{"F": "ab"}, true, "modifier all before others" + inF},
	{"{s: {F|re|cidr: a}, condition: s}", Event{"F": "a"}, true, "modifier cidr after re" + inF},
	{"{s: {F|lt: 5}, condition: s}", Event{"F": ""}, false, "modifier lt" + inF},
	{"{s: {F|gte: 5}, condition: s}", Event{}, false, "modifier gte" + inF},
	{"{s: {F: null}, condition: s}", Event{}, true, "null" + inF},
	{"{s: {F: ''}, condition: s}", Event{}, false, "empty text" + inF},
	{"{s: {F|contains: ''}, condition: s}", Event{}, false, "empty text" + inF},
	{"{s: {F|all: []}, condition: s}", Event{"F": "x"}, false, "empty list" + inF},
	{"{s: {F: 1e7}, condition: s}", Event{"F": "10000000"}, true, "value 1e+07" + inF},
	{"{s: {F: 2026-03-03}, condition: s}", Event{"F": "2026-03-03"}, true, "value 2026-03-03 00:00:00 +0000 UTC" + inF},
	{"{s: {F: {a: b}}, condition: s}", Event{"F": "b"}, true, "value map[a:b]" + inF},
	{"{s: {F: 0x1410}, condition: s}", Event{"F": "0x1410"}, true, "number 0x1410"},
	{"{s: {F: 0100}, condition: s}", Event{"F": "0100"}, true, "number 0100"},
	{"{s: {F: 'a*z'}, condition: s}", Event{"F": "abcz"}, true, "wildcard in a*z" + inF},
	{"{s: {F|contains: 'a?z'}, condition: s}", Event{"F": "abz"}, true, "wildcard in a?z" + inF},
	{`{s: {F|endswith: '\\a.exe'}, condition: s}`, Event{"F": `C:\a.exe`}, true, `escape in \\a.exe` + inF},
	{"{s: {F: '%servers%'}, condition: s}", Event{"F": "a"}, true, "placeholder %servers%" + inF},
	{"{s: {F|re: '(?!a)b'}, condition: s}", Event{"F": "b"}, true, "regular expression (?!a)b" + inF},
	{"{s: {F|re: 'a*'}, condition: s}", Event{}, false, "regular expression a*" + inF},
	{"{s: {F|cidr: 192.0.2.*}, condition: s}", Event{"F": "192.0.2.1"}, true, "network 192.0.2.*" + inF},
	{"{s: {F|cidr: 192.0.2.1}, condition: s}", Event{"F": "192.0.2.1"}, true, "network 192.0.2.1" + inF},
	{"{s: [word], condition: s}", Event{"F": "a word"}, true, "keywords in search s"},
	{"{s: [{F: a}, word], condition: s}", Event{"F": "b"}, false, "keywords in search s"},
	{"{s: {'|contains': word}, condition: s}", Event{"F": "a word"}, true, "keywords in search s"},
	{"{s: word, condition: s}", Event{"F": "a word"}, true, "search s"},
	{"{s: {}, condition: s}", Event{"F": "x"}, false, "search s"},
	{"{s: [], condition: not s}", Event{"F": "x"}, true, "search s"},
	{"{s: [{F: a}, {}], condition: s}", Event{"F": "b"}, false, "search s"},
	{"{s-1: {F: a}, condition: s-1}", Event{"F": "a"}, true, "search s-1"},
	{"{s: &a {F: a}, t: *a, condition: t}", Event{"F": "a"}, true, "alias in line 6"},
	{"{s: &a {F: a}, t: {<<: *a, G: b}, condition: t}", Event{"F": "a", "G": "b"}, true, "alias in line 6"},
	{"{s: {F: a}, s: {F: b}, condition: s}", Event{"F": "b"}, false, "syntax"},
	{"{s: {F: a}, condition: s and not filter}", Event{"F": "a"}, false, "condition filter"},
	{"{s: {F: a}, condition: s and all of filter_*}", Event{"F": "a"}, false, "condition filter_*"},
	{"{s: {F: a}, condition: s and not 1 of filter_*}", Event{"F": "a"}, false, "condition filter_*"},
	{"{s: {F: a}, condition: 1 of s}", Event{"F": "a"}, true, "1 of s"},
	{"{s: {F: a}, condition: all of s}", Event{"F": "a"}, true, "all of s"},
	{"{s: {F: a}, _t: {F: b}, condition: 1 of them}", Event{"F": "b"}, false, "them beside search _t"},
	{"{s: {F: a}, condition: s | count() > 1}", Event{"F": "a"}, false, "aggregation"},
	{"{s: {F: a}, condition: [s | count(G) by F > 1]}", Event{"F": "a"}, false, "aggregation"},
	{"{s: {F: a}, t: {F: b}, condition: s | near t}", Event{"F": "a"}, false, "near"},
	{"{s: {F: a}, timeframe: 5m, condition: s}", Event{"F": "a"}, true, "timeframe"},
	{"{s: {F: a}, t: {G: b}, condition: s AND t}", Event{"F": "a", "G": "b"}, true, "syntax"},
	{"{s: {F: a}, condition: 1 of s_1*}", Event{"F": "a"}, true, "syntax"},
	{"{s: {F: a}, t: {F: b}}", Event{"F": "a"}, true, "detection"},
	{"{s: {F: a}, condition: []}", Event{"F": "a"}, true, "detection"},
	{"{condition: all of them}", Event{"F": "a"}, false, "detection"},
}

// Each refusal of a detection names its feature, and stands against a fault: the engine alone answers with an
// error or a panic, or other than Sigma does.
func TestDetectionFaults(t *testing.T) {
	for _, c := range detectionFaults {
		t.Run(c.detection, func(t *testing.T) {
			assert.Contains(t, refusals(t, sound+"  "+c.detection), c.refused)
			match, err := bare(t, sound+"  "+c.detection, c.event)
			assert.False(t, err == nil && match == c.match, "the engine is right about it now")
		})
	}
}

// bare returns what the engine answers without the checks of this package.
func bare(t *testing.T, rule string, e Event) (match bool, err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	r, err := sigma.ParseRule([]byte(rule))
	if err != nil {
		return false, err
	}
	result, err := evaluator.ForRule(r).Matches(t.Context(), map[string]string(e))
	return result.Match, err
}

// refusals returns what is refused of a rule, checking that each refusal names the file and the title.
func refusals(t *testing.T, rule string) (features []string) {
	t.Helper()
	rules, err := LoadRules(fstest.MapFS{"a/x.yml": {Data: []byte(rule)}})
	require.Error(t, err)
	assert.Empty(t, rules)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, err := range joined.Unwrap() {
		refused, ok := errors.AsType[*RefusedError](err)
		require.True(t, ok, err.Error())
		assert.Equal(t, "a/x.yml", refused.File)
		if strings.Contains(rule, "title: A rule") && refused.Feature != "syntax" {
			assert.Equal(t, "A rule", refused.Title)
		}
		assert.NotEmpty(t, refused.Reason)
		features = append(features, refused.Feature)
	}
	return features
}

// What is missing or unknown outside of the detection is refused, and named.
func TestMetadataFaults(t *testing.T) {
	const detection = "  {s: {F: a}, condition: s}\n"
	_, err := LoadRules(fstest.MapFS{"x.yml": {Data: []byte(sound + detection)}})
	require.NoError(t, err)
	for _, c := range []struct{ old, new, refused string }{
		{"title: A rule", "", "title"},
		{"title: A rule", "title: ' '", "title"},
		{"title: A rule", "title: [a]", "syntax"},
		{"id: 5b0a6c0e-3d5f-4f0a-9a6e-000000000001", "", `id ""`},
		{"id: 5b0a6c0e-3d5f-4f0a-9a6e-000000000001", "id: rule-1", `id "rule-1"`},
		{"level: low", "", `level ""`},
		{"level: low", "level: severe", `level "severe"`},
		{"logsource: {product: windows, service: security}", "", "log source {Category: Product: Service:}"},
		{"service: security", "service: dhcp", "log source {Category: Product:windows Service:dhcp}"},
		{"product: windows, ", "", "log source {Category: Product: Service:security}"},
		{"service: security", "service: security, vendor: x", "log source vendor"},
		{"level: low", "level: low\ntags: [attack.magic]", "tag attack.magic"},
		{"level: low", "level: low\ntags: [attack.t12]", "tag attack.t12"},
		{"level: low", "level: low\ncorrelation: {type: event_count}", "correlation"},
		{"level: low", "level: low\nfilter: {rules: [x]}", "filter"},
		{"level: low", "level: low\naction: global", "action"},
		{detection, detection + "---\ntitle: B\n", "several documents"},
		{detection, detection + "---\n- [\n", "several documents"},
		{sound + detection, "", "syntax"},
		{sound + detection, "- a", "syntax"},
		{sound + detection, "title: [", "syntax"},
		{detection, "  [a]", "detection"},
		{"detection:\n" + detection, "", "detection"},
	} {
		assert.Contains(t, refusals(t, strings.Replace(sound+detection, c.old, c.new, 1)), c.refused)
	}
}

// Rules are loaded from all folders, each ID and title is unique, and one refusal keeps all rules back.
func TestLoadRules(t *testing.T) {
	const detection = "  {s: {F: a}, condition: s}"
	other := strings.NewReplacer("A rule", "Another", "0001", "0002").Replace(sound) + detection
	files := fstest.MapFS{
		"b.yaml":     {Data: []byte(sound + detection)},
		"a/c.yml":    {Data: []byte(other)},
		"a/note.txt": {Data: []byte("no rule")},
	}
	rules, err := LoadRules(files)
	require.NoError(t, err)
	require.Len(t, rules, 2)
	assert.Equal(t, []string{"a/c.yml", "b.yaml"}, []string{rules[0].File, rules[1].File})

	files["d.yml"] = &fstest.MapFile{Data: []byte(sound + detection)}
	rules, err = LoadRules(files)
	assert.Empty(t, rules)
	require.EqualError(t, err,
		`d.yml: rule "A rule": 5b0a6c0e-3d5f-4f0a-9a6e-000000000001: the rule in b.yaml has it too`+"\n"+
			`d.yml: rule "A rule": A rule: the rule in b.yaml has it too`)

	_, err = LoadRules(fstest.MapFS{"note.txt": {}})
	assert.ErrorContains(t, err, "no rules")
}

// Tactics are read in either spelling, older and newer ones.
func TestTactics(t *testing.T) {
	for tag, want := range map[string]string{
		"attack.credential_access": "CredentialAccess", "attack.command-and-control": "CommandAndControl",
		"attack.defense_evasion": "DefenseEvasion", "attack.defense-impairment": "DefenseImpairment",
		"attack.stealth": "Stealth", "attack.t1078": "",
	} {
		text := strings.Replace(sound, "level: low", "level: low\ntags: ["+tag+"]", 1) + "  {s: {F: a}, condition: s}"
		rules, err := LoadRules(fstest.MapFS{"x.yml": {Data: []byte(text)}})
		require.NoError(t, err, tag)
		assert.Equal(t, want, rules[0].Category, tag)
	}
}

// Levels become severities, and tags a category, techniques and tags.
func TestMetadata(t *testing.T) {
	for level, want := range map[string]alert.Severity{
		"informational": alert.Informational, "low": alert.Low, "medium": alert.Medium, "high": alert.High,
		"critical": alert.High,
	} {
		const tags = "tags: [attack.g0016, attack.T1110.001, attack.command_and_control, attack.initial-access, " +
			"attack.t1078, cve.2021-1]"
		text := strings.Replace(sound, "level: low", "level: "+level+"\n"+tags, 1)
		rules, err := LoadRules(fstest.MapFS{"x.yml": {Data: []byte(text + "  {s: {F: a}, condition: s}")}})
		require.NoError(t, err)
		assert.Equal(t, want, rules[0].Severity)
		assert.Equal(t, "CommandAndControl", rules[0].Category)
		assert.Equal(t, []string{"T1110.001", "T1078"}, rules[0].Techniques)
		assert.Equal(t, []string{"attack.g0016", "cve.2021-1"}, rules[0].Tags)
	}
}
