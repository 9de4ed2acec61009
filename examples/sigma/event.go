package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"
)

// timeField is the field that says when an event happened, in RFC 3339.
const timeField = "@timestamp"

// An Event has the fields of one recorded event as texts, by their names. The zero Event has no fields.
//
// The engine sees texts only, because it prints other values as Go does: a missing one as "<nil>", in which a
// rule finds "nil", and the number 12345678 as "1.2345678e+07".
type Event map[string]string

// UnmarshalJSON reads a flat JSON object. A number, true and false are kept as JSON spells them, and null is
// left out. An object or a list inside is an error that names the field, because no rule could match it.
func (e *Event) UnmarshalJSON(text []byte) error {
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return err
	}
	event := make(Event, len(fields))
	for name, value := range fields {
		switch value.(type) {
		case nil:
		case string, json.Number, bool:
			event[name] = fmt.Sprint(value)
		default:
			return fmt.Errorf("field %q: want a text, a number, true, false or null, not a list or an object", name)
		}
	}
	*e = event
	return nil
}

// Time returns when the event happened, in UTC. A missing or malformed time is an error.
func (e Event) Time() (time.Time, error) {
	t, err := time.Parse(time.RFC3339, e[timeField])
	if err != nil {
		return time.Time{}, fmt.Errorf("field %q: want a time in RFC 3339, not %q", timeField, e[timeField])
	}
	return t.UTC(), nil
}

// Digest returns what tells e from other events: a digest of all its fields, in hexadecimal.
func (e Event) Digest() (string, error) {
	text, err := json.Marshal(e) // orders the fields by name
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// Events yields the events of r, which has one JSON object on each line, of at most 64 KiB. The first error
// ends the sequence; it names the line.
func Events(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(r)
		n := 1
		for ; lines.Scan(); n++ {
			var e Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				yield(nil, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("line %d: %w", n, err))
		}
	}
}
