package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Numbers keep their spelling, however large, and null is the same as no field.
func TestEventIsTexts(t *testing.T) {
	var e Event
	require.NoError(t, json.Unmarshal(
		[]byte(`{"a": 12345678, "b": 9007199254740993, "c": 1.50, "d": true, "e": null, "f": "<nil>", "g": ""}`), &e))
	assert.Equal(t, Event{
		"a": "12345678", "b": "9007199254740993", "c": "1.50", "d": "true", "f": "<nil>", "g": "",
	}, e)
}

// A line that is no event ends the sequence with an error that names it, after the events before it.
func TestBadLines(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{"a": {"b": 1}}`, `line 2: field "a": want a text, a number, true, false or null, not a list or an object`},
		{`{"a": ["b"]}`, `line 2: field "a": want a text, a number, true, false or null, not a list or an object`},
		{`{"a": 1`, "line 2: unexpected end of JSON input"},
		{`["a"]`, "line 2: json: cannot unmarshal array"},
		{``, "line 2: unexpected end of JSON input"},
		{strings.Repeat(" ", 1<<16), "line 2: bufio.Scanner: token too long"},
	} {
		read := 0
		var failed error
		for e, err := range Events(strings.NewReader("{\"a\": 1}\n" + c.line + "\n{\"a\": 2}\n")) {
			if err != nil {
				failed = err
				continue
			}
			read++
			assert.Equal(t, Event{"a": "1"}, e)
		}
		assert.Equal(t, 1, read)
		assert.ErrorContains(t, failed, c.want)
	}
}

// Two events have the same digest exactly when they have the same fields, wherever these end.
func TestDigestTellsEventsApart(t *testing.T) {
	texts := rapid.SampledFrom([]string{"", "a", "b", "ab"})
	fields := rapid.MapOfN(texts, texts, 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := Event(fields.Draw(t, "a")), Event(fields.Draw(t, "b"))
		da, err := a.Digest()
		require.NoError(t, err)
		db, err := b.Digest()
		require.NoError(t, err)
		assert.Equal(t, assert.ObjectsAreEqual(a, b), da == db)
	})
}
