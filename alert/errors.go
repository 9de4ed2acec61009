package alert

import (
	"fmt"

	"github.com/incidentkit/incidentkit/internal/invalid"
)

// ErrInvalid says that a value given by a caller cannot be accepted. Test for it with [errors.Is].
var ErrInvalid = invalid.Err

// A FieldError names the record and the field of a value that cannot be accepted, and what was expected.
// It matches [ErrInvalid].
type FieldError struct {
	Record string `json:"record,omitempty"` // such as "alert siem:4711" or "edit"; "" when the value stood alone
	Field  string `json:"field"`            // the field's JSON name, such as "severity"
	Value  string `json:"value"`            // what was given, shortened to 64 code points
	Want   string `json:"want"`             // what would have been accepted
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
