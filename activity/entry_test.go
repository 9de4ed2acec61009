package activity_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
)

// A redaction takes the text, the names of attachments and the values of fields that hold texts and nothing else, and
// done again nothing more. It leaves the entry that it was given alone.
func TestRedact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := sealed(t)
		kept := before.Clone()
		after := before.Redact()
		require.Equal(t, kept, before)
		require.Equal(t, after, after.Redact())
		require.True(t, after.Redacted)
		require.Empty(t, after.Text)
		for n, a := range after.Attachments {
			require.Empty(t, a.Name)
			a.Name = before.Attachments[n].Name
			require.Equal(t, before.Attachments[n], a)
		}
		for n, c := range after.Changes {
			if before.IsText(before.Changes[n]) {
				require.Equal(t, activity.Change{Field: before.Changes[n].Field}, c)
				after.Changes[n] = before.Changes[n]
			}
		}
		require.False(t, before.IsSkeleton())
		require.False(t, before.Redact().IsSkeleton())
		after.Text, after.Redacted, after.Attachments, after.Seal = before.Text, before.Redacted, before.Attachments, before.Seal
		require.Equal(t, before, after)
	})
}

// A field is a text of the incident or of the alert, whichever the change is of.
func TestIsText(t *testing.T) {
	incidents := activity.Entry{Type: activity.Renamed}
	alerts := activity.Entry{Type: activity.AlertUpdated, Alert: "edr:1"}
	added := activity.Entry{Type: activity.AlertAdded, Alert: "edr:1"} // its changes are the incident's
	for field, want := range map[string][3]bool{
		"name": {true, false, true}, "note": {true, false, true}, "title": {false, true, false},
		"description": {true, true, true}, "recommendedActions": {false, true, false}, "tags": {true, false, true},
		"alerts.title": {true, true, true}, "extra": {}, "owner": {}, "status": {}, "evidence": {}, "priority": {},
	} {
		c := activity.Change{Field: field}
		assert.Equal(t, want, [3]bool{incidents.IsText(c), alerts.IsText(c), added.IsText(c)}, field)
	}
}

// A purge takes what a redaction leaves, and an entry shows it, with or without a digest.
func TestIsSkeleton(t *testing.T) {
	e := activity.Entry{ID: "a", Type: activity.StatusChanged, Changes: []activity.Change{
		{Field: "note", After: `"a slip"`}, {Field: "status", Before: `"active"`, After: `"resolved"`},
	}}
	for _, e := range []activity.Entry{e, e.WithDigest(activity.Digest{1}, activity.Digest{})} {
		assert.False(t, e.IsSkeleton())
		assert.False(t, e.Redact().IsSkeleton())
		assert.True(t, e.Skeleton().IsSkeleton())
		assert.True(t, e.Redact().Skeleton().IsSkeleton())
	}
}

// Who changes a clone changes nothing else.
func TestCloneSharesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := sealed(t).Redact()
		want, err := json.Marshal(before)
		require.NoError(t, err)
		clone := before.Clone()
		clear(clone.Changes)
		clear(clone.Links)
		clear(clone.Attachments)
		clear(clone.Seal.Parts)
		got, err := json.Marshal(before)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

// What is not set is left out of the JSON.
func TestAttachmentInJSON(t *testing.T) {
	e := activity.Entry{Type: activity.Redacted, Subject: "c/0", Redacted: true,
		Attachments: []activity.Attachment{{Type: "image/gif", Size: 3, Width: 1, Height: 2, SHA256: "ab"}}}
	text, err := json.Marshal(e)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"attachments":[{"type":"image/gif","size":3,"width":1,"height":2,"sha256":"ab"}],"redacted":true,"subject":"c/0"`)
	var again activity.Entry
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, e, again)
}

// What an agent does stands in a category of its own, except its comments, which stand with all comments.
func TestCategory(t *testing.T) {
	for _, c := range []struct {
		typ  activity.Type
		kind activity.ActorKind
		want activity.Category
	}{
		{activity.Renamed, activity.User, activity.Management},
		{activity.Renamed, activity.App, activity.Management},
		{activity.Renamed, activity.Agent, activity.Agents},
		{activity.AlertAdded, activity.System, activity.Correlation},
		{activity.Merged, activity.Agent, activity.Agents},
		{activity.Commented, activity.User, activity.Comment},
		{activity.Commented, activity.Agent, activity.Comment},
		{activity.ResponseAction, activity.User, activity.Response},
		{activity.ResponseAction, activity.Agent, activity.Agents},
		{activity.AutomationRun, activity.App, activity.Automation},
	} {
		e := activity.Entry{Type: c.typ, Actor: activity.Actor{Kind: c.kind, ID: "x"}}
		assert.Equal(t, c.want, e.Category(), "%s by %s", c.typ, c.kind)
		assert.Equal(t, c.kind != activity.User, e.Trigger() == activity.Automated)
	}
}

// Only a program acts on behalf of a person.
func TestActorOnBehalf(t *testing.T) {
	for kind, ok := range map[activity.ActorKind]bool{activity.User: false, activity.App: true, activity.System: false, activity.Agent: true} {
		err := activity.Actor{Kind: kind, ID: "triage", OnBehalfOf: "kai"}.Validate()
		assert.Equal(t, ok, err == nil, "%s: %v", kind, err)
		assert.NoError(t, activity.Actor{Kind: kind, ID: "triage"}.Validate())
	}
}

func TestTypesHaveTitleAndText(t *testing.T) {
	for typ := activity.Unspecified; typ <= activity.AutomationRun; typ++ {
		got, err := activity.ParseType(typ.String())
		require.NoError(t, err)
		assert.Equal(t, typ, got)
		assert.NotContains(t, typ.Title(), "type(")
	}
	for r := activity.NoReason; r <= activity.GroupedManually; r++ {
		got, err := activity.ParseReason(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, got)
	}
}
