// Package limit has what a storage cannot keep, or not every storage alike, for the packages whose records and queries
// have it: texts that are not UTF-8 or too long, times beyond the year 9999, JSON that is none.
package limit

import (
	"encoding"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits.
const (
	ID     = 1_024    // bytes of an identifier
	Text   = 16 << 20 // bytes of any other text
	Record = 64 << 20 // bytes of all texts of a record; a database takes 1 GB, and a byte may become six
	Levels = 1_000    // levels of a JSON value; encoding/json reads 10,000, PostgreSQL some thousands
)

// A Check looks for the first value that breaks a limit. Once it has one it looks no further.
type Check struct {
	Field string // the JSON name of the field
	Value string // shortened
	Want  string // "" as long as nothing was found

	bytes int // of the texts that were looked at
}

// Found reports whether there is such a value.
func (c *Check) Found() bool { return c.Want != "" }

// Add notes that value is not what is wanted.
func (c *Check) Add(field, value, want string) {
	if !c.Found() {
		c.Field, c.Value, c.Want = field, Shorten(value), want
	}
}

// Text looks at a text of at most so many bytes.
func (c *Check) Text(field, text string, most int) {
	switch c.bytes += len(text); {
	case len(text) > most:
		c.Add(field, text, fmt.Sprintf("at most %d bytes", most))
	case !utf8.ValidString(text):
		c.Add(field, text, "valid UTF-8")
	case c.bytes > Record:
		c.Add(field, text, fmt.Sprintf("a record of at most %d bytes", Record))
	}
}

// Texts looks at a list of texts.
func Texts[T ~string](c *Check, field string, list []T, most int) {
	for n, text := range list {
		if c.Text(field, string(text), most); c.Found() {
			if c.Field == field {
				c.Field = At(field, n)
			}
			return
		}
	}
}

// At names the n-th value of a list.
func At(field string, n int) string { return field + "[" + strconv.Itoa(n) + "]" }

// Under puts the name of what was found behind that of the n-th record of a list, in which it was.
func (c *Check) Under(list string, n int) { c.Field = At(list, n) + "." + c.Field }

// end is the first time that is too late.
var end = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// Year reports whether t is of the years 1 to 9999, in UTC. The zero Time is the first of all.
func Year(t time.Time) bool { return !t.Before(time.Time{}) && t.Before(end) }

// Time looks at a time.
func (c *Check) Time(field string, t time.Time) {
	if !Year(t) {
		c.Add(field, fmt.Sprint("year ", t.UTC().Year()), "a time of the years 1 to 9999, in UTC")
	}
}

// JSON looks at a JSON value of at most so many bytes.
func (c *Check) JSON(field, text string, most int) {
	switch c.Text(field, text, most); {
	case c.Found():
	case Depth(text) > Levels:
		c.Add(field, text, fmt.Sprintf("at most %d levels of JSON", Levels))
	case !json.Valid([]byte(text)):
		c.Add(field, text, "valid JSON")
	}
}

// Depth returns how many levels of lists and objects a text has that is valid JSON, and some number if it is not.
func Depth(text string) (deepest int) {
	level, quoted := 0, false
	for n := 0; n < len(text); n++ {
		switch c := text[n]; {
		case quoted && c == '\\':
			n++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// Count looks at a number that must not be negative.
func (c *Check) Count(field string, n int) {
	if n < 0 {
		c.Add(field, strconv.Itoa(n), "0 or more")
	}
}

// Named looks at a list of values of an enumeration.
func Named[E interface {
	encoding.TextMarshaler
	fmt.Stringer
}](c *Check, field string, list []E) {
	for n, v := range list {
		if _, err := v.MarshalText(); err != nil {
			c.Add(At(field, n), v.String(), "one of the values that have a name")
		}
	}
}

// Shorten returns the first 64 code points of s, as valid UTF-8.
func Shorten(s string) string {
	cut := s[:min(len(s), 64*utf8.UTFMax)]
	n := 0
	for at := range cut {
		if n == 64 {
			cut = cut[:at]
			break
		}
		n++
	}
	short := strings.ToValidUTF8(cut, "\uFFFD")
	if len(cut) < len(s) {
		short += "…"
	}
	return short
}
