package alert

import (
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Severity says how bad something is. Severities are ordered: Unrated < Informational < Low < Medium < High.
//
// The four rated levels and their text are those of Microsoft Graph (alertSeverity).
type Severity uint8

// The severities. The zero Severity, Unrated, stands for a source that gave none; it ranks below all others.
const (
	Unrated       Severity = iota // not rated
	Informational                 // no sign of harm by itself
	Low                           // prevalent malware, hack tools without an operator behind them
	Medium                        // behaviour seen after a break-in
	High                          // advanced or destructive activity, credential theft, tampering
)

var severities = []string{"unrated", "informational", "low", "medium", "high"}

// ParseSeverity returns the severity named by text, whatever the case of its letters. Any other text is
// a [*FieldError].
func ParseSeverity(text string) (Severity, error) {
	if s, ok := enum.Parse[Severity](severities, text); ok {
		return s, nil
	}
	return Unrated, &FieldError{Field: "severity", Value: limit.Shorten(text), Want: enum.Want(severities)}
}

// String returns the severity's text, such as "high".
func (s Severity) String() string { return enum.Text(severities, "severity", s) }

// MarshalText returns the severity's text. A value that is not one of the constants is an error.
func (s Severity) MarshalText() ([]byte, error) { return enum.Marshal(severities, "severity", s) }

// UnmarshalText sets s as [ParseSeverity] does.
func (s *Severity) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSeverity(string(text))
	return err
}
