package alert

import (
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Status says how far the work on an alert has come. Texts are those of Microsoft Graph (alertStatus).
type Status uint8

// The statuses. The zero Status is StatusNew.
const (
	StatusNew        Status = iota // nobody has begun
	StatusInProgress               // being worked on
	StatusResolved                 // done
)

var statuses = []string{"new", "inProgress", "resolved"}

// ParseStatus returns the status named by text, whatever the case of its letters. Any other text is a
// [*FieldError].
func ParseStatus(text string) (Status, error) {
	if s, ok := enum.Parse[Status](statuses, text); ok {
		return s, nil
	}
	return StatusNew, &FieldError{Field: "status", Value: limit.Shorten(text), Want: enum.Want(statuses)}
}

// String returns the status's text, such as "inProgress".
func (s Status) String() string { return enum.Text(statuses, "status", s) }

// MarshalText returns the status's text. A value that is not one of the constants is an error.
func (s Status) MarshalText() ([]byte, error) { return enum.Marshal(statuses, "status", s) }

// UnmarshalText sets s as [ParseStatus] does.
func (s *Status) UnmarshalText(text []byte) (err error) {
	*s, err = ParseStatus(string(text))
	return err
}
