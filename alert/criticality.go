package alert

import (
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Criticality says how much depends on an asset. Criticalities are ordered: NotCritical < LowCriticality <
// MediumCriticality < HighCriticality < VeryHighCriticality.
//
// Source: Microsoft Security Exposure Management, asset criticality.
type Criticality uint8

// The criticalities. The zero Criticality, NotCritical, is that of an asset of which no rule says more.
const (
	NotCritical         Criticality = iota
	LowCriticality                  // its loss has little impact
	MediumCriticality               // its loss touches some functions
	HighCriticality                 // core operations depend on it
	VeryHighCriticality             // the organisation depends on it
)

var criticalities = []string{"none", "low", "medium", "high", "veryHigh"}

// ParseCriticality returns the criticality named by text, whatever the case of its letters. Any other text is
// a [*FieldError].
func ParseCriticality(text string) (Criticality, error) {
	if c, ok := enum.Parse[Criticality](criticalities, text); ok {
		return c, nil
	}
	return NotCritical, &FieldError{Field: "criticality", Value: limit.Shorten(text), Want: enum.Want(criticalities)}
}

// String returns the criticality's text, such as "veryHigh".
func (c Criticality) String() string { return enum.Text(criticalities, "criticality", c) }

// Title returns the criticality in words for people, such as "Very high".
func (c Criticality) Title() string {
	switch c {
	case NotCritical:
		return "None"
	case LowCriticality:
		return "Low"
	case MediumCriticality:
		return "Medium"
	case HighCriticality:
		return "High"
	case VeryHighCriticality:
		return "Very high"
	}
	return c.String()
}

// MarshalText returns the criticality's text. A value that is not one of the constants is an error.
func (c Criticality) MarshalText() ([]byte, error) {
	return enum.Marshal(criticalities, "criticality", c)
}

// UnmarshalText sets c as [ParseCriticality] does.
func (c *Criticality) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCriticality(string(text))
	return err
}
