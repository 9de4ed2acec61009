package incident

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Sort names what incidents are ordered by.
type Sort uint8

// The sorts. The zero Sort is ByUpdated.
const (
	ByUpdated Sort = iota // last update
	ByCreated
	BySeverity
	ByStatus
	ByOwner // account identifier, by the bytes of what it folds to
	ByName  // by bytes
	ByNumber
	ByPriority
)

var sorts = []string{"updated", "created", "severity", "status", "owner", "name", "number", "priority"}

// ParseSort returns the sort named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseSort(text string) (Sort, error) {
	if s, ok := enum.Parse[Sort](sorts, text); ok {
		return s, nil
	}
	return ByUpdated, &alert.FieldError{Field: "sort", Value: limit.Shorten(text), Want: enum.Want(sorts)}
}

// String returns the sort's text, such as "updated".
func (s Sort) String() string { return enum.Text(sorts, "sort", s) }

// MarshalText returns the sort's text. A value that is not one of the constants is an error.
func (s Sort) MarshalText() ([]byte, error) { return enum.Marshal(sorts, "sort", s) }

// UnmarshalText sets s as [ParseSort] does.
func (s *Sort) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSort(string(text))
	return err
}

// ErrCursor says that a text is no cursor, or that a cursor was made for a query of another order. It matches
// [alert.ErrInvalid]. Test for it with [errors.Is].
var ErrCursor error = &reason{"incident: not a cursor of this query", alert.ErrInvalid}

// A Cursor is a place between two incidents in the order of a Query, which stays where it is while others
// write. Its text is opaque. The zero Cursor is before all incidents.
type Cursor struct {
	sort      Sort
	ascending bool
	set       bool
	place     Place
}

// CursorAfter returns the cursor just behind i in the order of q.
func (q Query) CursorAfter(i Incident) Cursor {
	return Cursor{q.Sort, q.Ascending, true, q.Place(i)}
}

// Start returns the place behind which q's results begin, and false when they begin at the start. The
// error, an [*alert.FieldError], matches [ErrCursor] when q.After was made for another order.
func (q Query) Start() (Place, bool, error) {
	if !q.After.set {
		return Place{}, false, nil
	}
	if q.After.sort != q.Sort || q.After.ascending != q.Ascending {
		return Place{}, false, fmt.Errorf("%w: %w", ErrCursor, &alert.FieldError{
			Record: "query of incidents",
			Field:  "after",
			Value:  fmt.Sprintf("for sort %s, ascending %t", q.After.sort, q.After.ascending),
			Want:   fmt.Sprintf("one for sort %s, ascending %t", q.Sort, q.Ascending),
		})
	}
	return q.After.place, true, nil
}

type cursorText struct {
	Sort      Sort   `json:"s"`
	Ascending bool   `json:"a,omitempty"`
	Text      []byte `json:"t,omitempty"` // bytes, so that any text comes back as it was
	Rank      int64  `json:"r,omitempty"`
	Updated   int64  `json:"u,omitempty"`
	Number    int64  `json:"n"`
}

// MarshalText returns the cursor as text that can stand in a URL; the zero Cursor is the empty text.
func (c Cursor) MarshalText() ([]byte, error) {
	if !c.set {
		return []byte{}, nil
	}
	text, err := json.Marshal(cursorText{c.sort, c.ascending, []byte(c.place.Text), c.place.Rank, c.place.Updated, c.place.Number})
	if err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.AppendEncode(nil, text), nil
}

// UnmarshalText reads what MarshalText writes. Any other text is an error that matches [ErrCursor].
func (c *Cursor) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Cursor{}
		return nil
	}
	raw, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCursor, err)
	}
	var t cursorText
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("%w: %w", ErrCursor, err)
	}
	p := Place{string(t.Text), t.Rank, t.Updated, t.Number}
	if !t.Sort.has(p) || !utf8.ValidString(p.Text) {
		return fmt.Errorf("%w: no incident can stand there by %s", ErrCursor, t.Sort)
	}
	*c = Cursor{t.Sort, t.Ascending, true, p}
	return nil
}

// has reports whether p is a place that an incident can have in the order of s, so that a store need not
// know what to make of any other.
func (s Sort) has(p Place) bool {
	switch s {
	case ByUpdated, ByCreated:
		return p.Text == "" && p.Updated == 0
	case BySeverity, ByStatus, ByPriority:
		return p.Text == ""
	case ByOwner:
		return p.Rank == 0
	case ByName:
		return p.Rank == 0 && p.Updated == 0
	default:
		return p.Text == "" && p.Rank == 0 && p.Updated == 0
	}
}
