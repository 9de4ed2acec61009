// Package canonical has the one form of times, lists and JSON in which every storage gives records back.
package canonical

import (
	"bytes"
	"encoding/json"
	"time"
)

// AreTimes reports whether the times are in UTC and whole microseconds.
func AreTimes(times ...time.Time) bool {
	for _, t := range times {
		if t.Nanosecond()%1000 != 0 || t.Location() != time.UTC {
			return false
		}
	}
	return true
}

// Time returns t in UTC, cut to microseconds.
func Time(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// IsList reports whether a list is nil or has something in it.
func IsList[T any](list []T) bool { return list == nil || len(list) > 0 }

// List returns list, nil when it is empty.
func List[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// IsJSON reports whether a text is "", or has no space between its parts and may say more than nothing.
func IsJSON[T ~string](text T) bool {
	quoted := false
	for n := 0; n < len(text); n++ {
		switch c := text[n]; {
		case quoted && c == '\\':
			n++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			return false
		}
	}
	return text != "{}" && text != "null"
}

// JSON returns a text without space between its parts; null and nothing, the text for none, become "".
func JSON[T ~string](text T, nothing T) T {
	if text == "" {
		return ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return text // of a version that did not look
	}
	if text = T(b.String()); text == nothing || text == "null" {
		return ""
	}
	return text
}
