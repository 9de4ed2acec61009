package alert_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

func TestKindsOfTags(t *testing.T) {
	for _, c := range []struct {
		kind               alert.TagKind
		text, title, color string
	}{
		{alert.Custom, "custom", "Custom", "white"},
		{alert.SystemTag, "system", "System", "black"},
		{alert.AttackType, "attackType", "Attack type", "red"},
		{alert.AutomaticAction, "automaticAction", "Automatic action", "black"},
		{alert.Experts, "experts", "Experts", "black"},
		{alert.CriticalAsset, "criticalAsset", "Critical asset", "red"},
	} {
		got, err := alert.ParseTagKind(c.text)
		require.NoError(t, err)
		assert.Equal(t, c.kind, got)
		assert.Equal(t, []string{c.text, c.title, c.color}, []string{c.kind.String(), c.kind.Title(), c.kind.Color()})
		assert.Equal(t, c.kind != alert.Custom, alert.Tag{Kind: c.kind}.System())
	}
	_, err := alert.ParseTagKind("customs")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = alert.TagKind(77).MarshalText()
	assert.Error(t, err)
	assert.Equal(t, []string{"tag kind(77)", "black"}, []string{alert.TagKind(77).Title(), alert.TagKind(77).Color()})
}

// A custom tag is its name alone.
func TestTagsInJSON(t *testing.T) {
	for want, tag := range map[string]alert.Tag{
		`{"name":"vip"}`: {Name: "vip"},
		`{"name":"Ransomware","kind":"attackType"}`: {Name: "Ransomware", Kind: alert.AttackType},
	} {
		text, err := json.Marshal(tag)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
		var got alert.Tag
		require.NoError(t, json.Unmarshal(text, &got))
		assert.Equal(t, tag, got)
	}
}

func TestCriticalities(t *testing.T) {
	titles := []string{"None", "Low", "Medium", "High", "Very high"}
	for n, text := range []string{"none", "low", "medium", "high", "veryHigh"} {
		got, err := alert.ParseCriticality(text)
		require.NoError(t, err)
		assert.Equal(t, alert.Criticality(n), got)
		assert.Equal(t, []string{text, titles[n]}, []string{got.String(), got.Title()})
	}
	_, err := alert.ParseCriticality("very high")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = alert.Criticality(5).MarshalText()
	assert.Error(t, err)
	assert.Equal(t, "criticality(5)", alert.Criticality(5).Title())
}

// What rules say of an alert is part of it: told apart, kept in JSON, copied, and left out in brief.
func TestWhatRulesSayIsPartOfAnAlert(t *testing.T) {
	a := alert.Alert{SystemTags: []alert.Tag{{Name: "ADFS", Kind: alert.CriticalAsset}},
		Evidence: []alert.Evidence{{Entity: entities[0], Criticality: alert.HighCriticality}}}
	other := a.Evidence[0]
	other.Criticality = alert.LowCriticality
	assert.False(t, a.Evidence[0].Equal(other))
	assert.True(t, a.Evidence[0].Equal(a.Evidence[0].Clone()))

	text, err := json.Marshal(a)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"systemTags":[{"name":"ADFS","kind":"criticalAsset"}]`)
	assert.Contains(t, string(text), `"criticality":"high"`)
	var got alert.Alert
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, a, got)

	clone := a.Clone()
	assert.Equal(t, a, clone)
	clone.SystemTags[0].Name = "changed"
	assert.Equal(t, "ADFS", a.SystemTags[0].Name)
	assert.Nil(t, a.Brief().SystemTags)
}
