package activity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// entry draws an entry with anything in it.
func entry(t *rapid.T) activity.Entry {
	text := rapid.String()
	when := func(name string) time.Time {
		if !rapid.Bool().Draw(t, name) {
			return time.Time{}
		}
		return time.UnixMicro(rapid.Int64Range(-1e15, 1e16).Draw(t, name)).UTC()
	}
	e := activity.Entry{
		Seq: rapid.Int64().Draw(t, "seq"), ID: activity.ID(text.Draw(t, "id")), Time: when("time"),
		Incident: alert.IncidentID(text.Draw(t, "incident")), Alert: alert.ID(text.Draw(t, "alert")),
		Type:  activity.Type(rapid.IntRange(0, int(activity.Redacted)).Draw(t, "type")),
		Actor: activity.Actor{Kind: activity.ActorKind(rapid.IntRange(0, 2).Draw(t, "kind")), ID: text.Draw(t, "actor"), Name: text.Draw(t, "name")},
		Cause: text.Draw(t, "cause"), Text: text.Draw(t, "text"), Origin: alert.IncidentID(text.Draw(t, "origin")), Occurred: when("occurred"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		e.Changes = append(e.Changes, activity.Change{Field: text.Draw(t, "field"), Before: activity.Value(text.Draw(t, "before")), After: activity.Value(text.Draw(t, "after"))})
	}
	for range rapid.IntRange(0, 3).Draw(t, "links") {
		e.Links = append(e.Links, activity.Link{Reason: activity.Reason(rapid.IntRange(0, int(activity.GroupedManually)).Draw(t, "reason")),
			Entity: alert.Key(text.Draw(t, "entity")), Score: rapid.Int().Draw(t, "score"), HeldBack: text.Draw(t, "held back")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "attachments") {
		e.Attachments = append(e.Attachments, activity.Attachment{Name: text.Draw(t, "file"), Type: text.Draw(t, "media"), Size: rapid.Int64().Draw(t, "size"),
			Width: rapid.Int().Draw(t, "width"), Height: rapid.Int().Draw(t, "height"), SHA256: text.Draw(t, "digest")})
	}
	e.Redacted, e.Subject = rapid.Bool().Draw(t, "redacted"), activity.ID(text.Draw(t, "subject"))
	return e
}

func TestBinaryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := entry(t)
		data, err := before.MarshalBinary()
		require.NoError(t, err)
		var after activity.Entry
		require.NoError(t, after.UnmarshalBinary(data))
		assert.Equal(t, before, after)
		assert.ErrorIs(t, after.UnmarshalBinary(append(data, 0)), activity.ErrEncoding)
		assert.ErrorIs(t, after.UnmarshalBinary(data[:len(data)-1]), activity.ErrEncoding)
	})
}

// What decodes at all encodes to the same bytes, so that there is one encoding of an entry.
func FuzzBinary(f *testing.F) {
	data, _ := activity.Entry{Seq: 7, ID: "c/0", Time: time.Unix(1, 0).UTC(), Type: activity.Commented, Actor: activity.Actor{ID: "kai"},
		Changes: []activity.Change{{Field: "status", Before: `"active"`, After: `"resolved"`}}, Links: []activity.Link{{Reason: activity.SameAsset, Score: 5}},
		Attachments: []activity.Attachment{{Name: "a.png", Type: "image/png", Size: 70, Width: 1, Height: 1, SHA256: "00"}}, Redacted: true, Subject: "c/1"}.MarshalBinary()
	f.Add(data)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var e activity.Entry
		if err := e.UnmarshalBinary(data); err != nil {
			require.ErrorIs(t, err, activity.ErrEncoding)
			return
		}
		again, err := e.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

func TestTypesHaveTitleAndText(t *testing.T) {
	for typ := activity.Unspecified; typ <= activity.Redacted; typ++ {
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
