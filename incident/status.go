package incident

import (
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Status says how far the work on an incident has come. Texts are those of Microsoft Graph
// (incidentStatus). What can become what, and by what:
//
//	from         to           by
//	Active       InProgress   Edit
//	Active       Resolved     Edit, Import, or the last alert that is resolved or moved away
//	InProgress   Active       Edit, Import
//	InProgress   Resolved     as Active
//	Resolved     Active       Edit, Import, an alert that fires again, or a related one where the correlator reopens
//	Resolved     InProgress   Edit, Import
//	Active       Redirected   Merge, of the source
//	InProgress   Redirected   Merge, of the source
//	Redirected   what it was  Unmerge
//	Resolved     Purged       Purge
//	Redirected   Purged       Purge, of what was merged into an incident that is purged
//
// All else is refused: a resolved incident is not merged, nothing but Unmerge and Purge changes one that was merged
// away, nothing changes one that was purged, and nobody sets Redirected or Purged by hand. Graph has no word for
// Purged, which is this library's.
type Status uint8

// The statuses. The zero Status is Active.
const (
	Active     Status = iota // nobody has begun
	InProgress               // being worked on
	Resolved                 // done
	Redirected               // merged into another incident; only a merge sets it
	Purged                   // a tombstone, see Purge; only that sets it
)

var statuses = []string{"active", "inProgress", "resolved", "redirected", "purged"}

// ParseStatus returns the status named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseStatus(text string) (Status, error) {
	if s, ok := enum.Parse[Status](statuses, text); ok {
		return s, nil
	}
	return Active, &alert.FieldError{Field: "status", Value: limit.Shorten(text), Want: enum.Want(statuses)}
}

// String returns the status's text, such as "inProgress".
func (s Status) String() string { return enum.Text(statuses, "status", s) }

// Title returns the status in words for people, such as "In progress".
func (s Status) Title() string {
	return enum.Text([]string{"Active", "In progress", "Resolved", "Redirected", "Purged"}, "status", s)
}

// Open reports whether the incident still takes alerts by itself: Active or InProgress.
func (s Status) Open() bool { return s == Active || s == InProgress }

// MarshalText returns the status's text. A value that is not one of the constants is an error.
func (s Status) MarshalText() ([]byte, error) { return enum.Marshal(statuses, "status", s) }

// UnmarshalText sets s as [ParseStatus] does.
func (s *Status) UnmarshalText(text []byte) (err error) {
	*s, err = ParseStatus(string(text))
	return err
}
