package export

import (
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// A Paper is the size of the pages of a PDF.
type Paper uint8

// The papers. The zero Paper is A4.
const (
	A4     Paper = iota // 210 by 297 millimetres
	Letter              // 8.5 by 11 inches
)

var papers = []string{"a4", "letter"}

// ParsePaper returns the paper named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParsePaper(text string) (Paper, error) {
	if p, ok := enum.Parse[Paper](papers, text); ok {
		return p, nil
	}
	return A4, &alert.FieldError{Field: "paper", Value: text, Want: enum.Want(papers)}
}

// String returns the paper's text, such as "letter".
func (p Paper) String() string { return enum.Text(papers, "paper", p) }

// MarshalText returns the paper's text. A value that is not one of the constants is an error.
func (p Paper) MarshalText() ([]byte, error) { return enum.Marshal(papers, "paper", p) }

// UnmarshalText sets p as [ParsePaper] does.
func (p *Paper) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePaper(string(text))
	return err
}
