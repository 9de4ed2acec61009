package alert

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/incidentkit/incidentkit/internal/limit"
)

// Fields is a JSON object, as compact text, that keeps what a source sent and the library has no place
// for. Being a string it can be shared and compared. The zero Fields, "", is the empty object.
//
// In JSON it stands as the object itself, not as a quoted text.
type Fields string

// MakeFields returns the object with the given members, "" when there are none. Members are ordered by
// name. A value that is not valid JSON is an error.
func MakeFields(members map[string]json.RawMessage) (Fields, error) {
	if len(members) == 0 {
		return "", nil
	}
	text, err := json.Marshal(members)
	if err != nil {
		return "", fmt.Errorf("alert: make fields: %w", err)
	}
	return Fields(text), nil
}

// Members returns the members of the object; nil when it is empty. Values are the JSON as it was given.
// The map belongs to the caller.
func (f Fields) Members() map[string]json.RawMessage {
	if f == "" {
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(f), &members) != nil {
		return nil
	}
	return members
}

// IsZero reports whether the object is empty.
func (f Fields) IsZero() bool { return f == "" }

// MarshalJSON returns the object itself.
func (f Fields) MarshalJSON() ([]byte, error) {
	if f == "" {
		return []byte("{}"), nil
	}
	return []byte(f), nil
}

// UnmarshalJSON keeps text, which must be a JSON object or null, in compact form.
func (f *Fields) UnmarshalJSON(text []byte) error {
	text = bytes.TrimSpace(text)
	if bytes.Equal(text, []byte("null")) || bytes.Equal(text, []byte("{}")) {
		*f = ""
		return nil
	}
	if len(text) == 0 || text[0] != '{' {
		return &FieldError{Field: "extra", Value: limit.Shorten(string(text)), Want: "a JSON object"}
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return &FieldError{Field: "extra", Value: limit.Shorten(string(text)), Want: "a JSON object"}
	}
	*f = Fields(b.String())
	if *f == "{}" {
		*f = ""
	}
	return nil
}
