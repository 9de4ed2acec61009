package export

import (
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// A Graph is the attack as boxes and arrows: who did what to whom, in the order of time. Its boxes stand in columns, which
// read from left to right. What was found to be no threat and what only false positives name is not in it, and neither is
// what is joined to nothing. The zero Graph has nothing to join.
type Graph struct {
	Nodes []Node `json:"nodes,omitempty"` // column by column, each from top to bottom
	Edges []Edge `json:"edges,omitempty"` // by Number
}

// A Node is one entity, or several of a kind where a graph of each would be too large to read.
type Node struct {
	Number  int                   `json:"number"` // its place in the order of time, from 1
	Column  Column                `json:"column"`
	Kind    alert.Kind            `json:"kind,omitempty"`    // "" when its entities are of several
	Keys    []alert.Key           `json:"keys"`              // of its entities, by the time at which they were first named
	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // of all of its entities; NotJudged when they differ
	// Entities that are malicious and suspicious.
	Malicious  int `json:"malicious,omitempty"`
	Suspicious int `json:"suspicious,omitempty"`
}

// A Column is a part of a [Graph].
type Column uint8

// The columns. The zero Column is Sources.
const (
	Sources      Column = iota // where it came from: senders, their messages and links, attackers' addresses
	Affected                   // assets
	Artefacts                  // what was left there: files, processes, registry keys
	Destinations               // where it went: command and control, where data was sent
)

var columns = []string{"sources", "affected", "artefacts", "destinations"}

// ParseColumn returns the column named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseColumn(text string) (Column, error) {
	if c, ok := enum.Parse[Column](columns, text); ok {
		return c, nil
	}
	return 0, &alert.FieldError{Field: "column", Value: text, Want: enum.Want(columns)}
}

// String returns the column's text, such as "sources".
func (c Column) String() string { return enum.Text(columns, "column", c) }

// MarshalText returns the column's text. A value that is not one of the constants is an error.
func (c Column) MarshalText() ([]byte, error) { return enum.Marshal(columns, "column", c) }

// UnmarshalText sets c as [ParseColumn] does.
func (c *Column) UnmarshalText(text []byte) (err error) {
	*c, err = ParseColumn(string(text))
	return err
}

// An Edge says what one node did to another.
type Edge struct {
	Number   int            `json:"number"` // its place in the order of time, from 1
	From     int            `json:"from"`   // indices of Nodes: the one that acted
	To       int            `json:"to"`     // and the one that it acted on
	Action   Action         `json:"action"`
	Time     time.Time      `json:"time,omitzero"` // the first activity of its alerts
	Alerts   []alert.ID     `json:"alerts"`        // that tell of it, in the order of time
	Severity alert.Severity `json:"severity"`      // the highest of these alerts'
}

// An Action is what an [Edge] says. The zero Action is Named.
type Action uint8

// The actions.
const (
	Named     Action = iota // both are named by one alert, which says nothing else of them
	Sent                    // mail, to who received it
	Contained               // a message or a page, a link or a file
	SignedIn                // an account, to a device; or an address, to an account
	Connected               // to an address
	Ran                     // a device or an account, a process
	Started                 // a process, another
	Made                    // a file, a registry value, an account
	Moved                   // from one device to another: lateral movement
)

var actions = []string{"named", "sent", "contained", "signedIn", "connected", "ran", "started", "made", "moved"}

// ParseAction returns the action named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseAction(text string) (Action, error) {
	if a, ok := enum.Parse[Action](actions, text); ok {
		return a, nil
	}
	return 0, &alert.FieldError{Field: "action", Value: text, Want: enum.Want(actions)}
}

// String returns the action's text, such as "signedIn".
func (a Action) String() string { return enum.Text(actions, "action", a) }

// MarshalText returns the action's text. A value that is not one of the constants is an error.
func (a Action) MarshalText() ([]byte, error) { return enum.Marshal(actions, "action", a) }

// UnmarshalText sets a as [ParseAction] does.
func (a *Action) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAction(string(text))
	return err
}

// graph returns the graph of alerts, which are in the order of time. Entities that are not drawn stand in a node with others
// of their kind.
func graph(alerts []alert.Alert, drawn func(alert.Key) bool) Graph { return Graph{} }
