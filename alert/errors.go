package alert

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/internal/invalid"
)

// ErrInvalid says that a value given by a caller cannot be accepted. Test for it with [errors.Is].
var ErrInvalid = invalid.Err

// A FieldError names the record and the field of a value that cannot be accepted, and what was expected.
// It matches [ErrInvalid].
type FieldError struct {
	Record string // such as "alert siem:4711" or "edit"; "" when the value stood alone
	Field  string // the field's JSON name, such as "severity"
	Value  string // what was given, shortened to 64 code points
	Want   string // what would have been accepted
}

// Error returns a sentence naming record, field, value and what was expected.
func (e *FieldError) Error() string {
	record := e.Record
	if record != "" {
		record += ": "
	}
	return fmt.Sprintf("%s%s %q: want %s", record, e.Field, e.Value, e.Want)
}

// Unwrap returns [ErrInvalid].
func (e *FieldError) Unwrap() error { return ErrInvalid }

// problems gathers what is wrong with one alert, so that a caller hears of all of it at once.
type problems struct {
	origin Origin
	errs   []error
}

func (p *problems) add(field, value, want string) {
	p.errs = append(p.errs, &FieldError{"alert " + string(p.origin.AlertID()), field, shorten(strings.ToValidUTF8(value, "\uFFFD")), want})
}

// need notes that value is empty or only space.
func (p *problems) need(field, value string) {
	if strings.TrimSpace(value) == "" {
		p.add(field, value, "a text that is not empty")
	}
}

// text notes that value is not valid UTF-8.
func (p *problems) text(field, value string) {
	if !utf8.ValidString(value) {
		p.add(field, value, "valid UTF-8")
	}
}

// textAt is text for the i-th value of a list.
func (p *problems) textAt(field string, i int, value string) {
	if !utf8.ValidString(value) {
		p.text(fmt.Sprintf("%s[%d]", field, i), value)
	}
}

func shorten(s string) string {
	n := 0
	for i := range s {
		if n == 64 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
