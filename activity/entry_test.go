package activity_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
)

// A redaction takes the text and the names of attachments and nothing else, and done again nothing more. It leaves
// the entry that it was given alone.
func TestRedact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := entry(t)
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
		after.Text, after.Redacted, after.Attachments = before.Text, before.Redacted, before.Attachments
		require.Equal(t, before, after)
	})
}

// Who changes a clone changes nothing else.
func TestCloneSharesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := entry(t)
		want, err := before.MarshalBinary()
		require.NoError(t, err)
		clone := before.Clone()
		clear(clone.Changes)
		clear(clone.Links)
		clear(clone.Attachments)
		got, err := before.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, want, got)
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
