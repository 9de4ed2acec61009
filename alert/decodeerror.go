package alert

import "fmt"

// A DecodeError says which item of which file could not be taken in, and why.
type DecodeError struct {
	File  string // as the caller named it
	Index int    // place of the item in the file, from 0
	Field string // such as "title" or "alerts[2].id"; "" when the item as a whole is at fault
	Err   error
}

// Error returns a sentence such as "alerts.json: item 3: title: missing, want a text".
func (e *DecodeError) Error() string {
	s := fmt.Sprintf("%s: item %d: ", e.File, e.Index)
	if e.Field != "" {
		s += e.Field + ": "
	}
	return s + e.Err.Error()
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }
