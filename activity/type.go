package activity

import "github.com/incidentkit/incidentkit/internal/enum"

// A Type says what an entry is about. The zero Type, Unspecified, is not valid in a stored entry.
type Type uint8

// The types of entry.
const (
	Unspecified     Type = iota
	IncidentCreated      // the incident came to be
	AlertAdded           // an alert was put into the incident
	AlertUpdated         // other fields of an alert changed, by its source or by hand
	AlertStatus          // an alert's status changed
	AlertAssigned        // an alert's owner changed
	Renamed              // name
	Described            // description
	Assigned             // owner
	SeverityChanged      // severity
	StatusChanged        // status, resolution note and time
	TagsChanged          // tags
	Classified           // classification and determination
	Commented            // a comment
	Referenced           // references to the incident in other systems
	Merged               // another incident was merged into this one; Links names it
	Redirected           // this incident was merged into another; Links names it
	Unmerged             // a merge with the incident that Links names was undone
	AlertMoved           // an alert left for another incident
	Redacted             // texts of an entry were taken away; Subject names it
	Purged               // the incident was purged; Changes say what is left of it
	ResponseAction       // something was done against the attack elsewhere, such as isolating a device; Text says what
	AutomationRun        // an automation such as a playbook ran; Text says which, and what came of it
	Recounted            // what the incident says of its alerts was computed anew
	CommentRevised       // the comment that Subject names was changed where it was written, or deleted if Text is empty
	Overruled            // a value of another system was not taken, since another one was decided here; Text says both
)

var types = []string{
	"unspecified", "incidentCreated", "alertAdded", "alertUpdated", "alertStatus", "alertAssigned", "renamed",
	"described", "assigned", "severityChanged", "statusChanged", "tagsChanged", "classified", "commented", "referenced",
	"merged", "redirected", "unmerged", "alertMoved", "redacted", "purged",
	"responseAction", "automationRun", "recounted", "commentRevised", "overruled",
}

var typeTitles = []string{
	"Activity", "Incident created", "Alert added", "Alert updated", "Alert status changed", "Alert assigned",
	"Name changed", "Description changed", "Assignment changed", "Severity changed", "Status changed",
	"Tags changed", "Classification changed", "Comment", "References changed",
	"Incident merged in", "Merged into another incident", "Merge undone", "Alert moved away",
	"Text redacted", "Incident purged",
	"Response action", "Automation run", "Alerts recounted", "Comment changed at its source", "Value of another system not taken",
}

// ParseType returns the type named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseType(text string) (Type, error) { return parse[Type](types, "type", text) }

// String returns the type's text, such as "severityChanged".
func (t Type) String() string { return enum.Text(types, "type", t) }

// Title returns the type in words for people, such as "Severity changed".
func (t Type) Title() string { return enum.Text(typeTitles, "type", t) }

// MarshalText returns the type's text. A value that is not one of the constants is an error.
func (t Type) MarshalText() ([]byte, error) { return enum.Marshal(types, "type", t) }

// UnmarshalText sets t as [ParseType] does.
func (t *Type) UnmarshalText(text []byte) (err error) {
	*t, err = ParseType(string(text))
	return err
}

// Category returns the category that t stands in.
func (t Type) Category() Category {
	switch t {
	case AlertAdded, AlertMoved, Merged, Redirected, Unmerged:
		return Correlation
	case Commented, CommentRevised:
		return Comment
	case ResponseAction:
		return Response
	case AutomationRun:
		return Automation
	}
	return Management
}

// A Category groups entries. Source: the categories of Microsoft Defender XDR's activity log.
type Category uint8

// The categories. The zero Category is Management.
const (
	Management  Category = iota // work on the incident and its alerts
	Correlation                 // alerts finding their incident
	Comment                     // comments
	Response                    // response actions
	Automation                  // runs of automations
	Agents                      // what agents did; see [Entry.Category]
)

var categories = []string{"incidentManagement", "correlations", "comments", "response", "automation", "agents"}

// ParseCategory returns the category named by text, whatever the case of its letters. Any other text is
// an [*alert.FieldError].
func ParseCategory(text string) (Category, error) {
	return parse[Category](categories, "category", text)
}

// String returns the category's text, such as "comments".
func (c Category) String() string { return enum.Text(categories, "category", c) }

// MarshalText returns the category's text. A value that is not one of the constants is an error.
func (c Category) MarshalText() ([]byte, error) { return enum.Marshal(categories, "category", c) }

// UnmarshalText sets c as [ParseCategory] does.
func (c *Category) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCategory(string(text))
	return err
}
