package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// Limits of what an incident holds. The limit of a comment is that of Microsoft Defender XDR; the others
// are this library's.
const (
	MaxName    = 1_000  // code points in a name
	MaxTags    = 200    // tags of one incident, besides those that its alerts bring
	MaxTag     = 256    // code points in a tag
	MaxComment = 30_000 // code points in a comment, a description or a resolution note
	MaxListed  = 1_000  // values in each list of a Summary, so that no alert makes an incident too large to be kept
)

// ErrRefused says that the records are in a state in which a rule does not allow what was asked for. The errors of this
// package that say why, [ErrPurged] aside, match it too. Test for it with [errors.Is].
var ErrRefused = errors.New("incident: refused by a rule")

// What keeps an incident from being changed. Test for it with [errors.Is].
var (
	ErrRedirected error = &reason{"incident: merged into another incident", ErrRefused}
	ErrPurged           = errors.New("incident: purged") // see Purge
)

// A reason is a sentinel that matches another one, its class.
type reason struct {
	text  string
	class error
}

func (r *reason) Error() string { return r.text }

func (r *reason) Unwrap() error { return r.class }

// An ID identifies an incident in a store. It never changes and, after a merge, leads to the incident
// that took over. The zero ID, "", names no incident.
type ID = alert.IncidentID

// An Owner is the one user or group an incident is assigned to. The zero Owner is nobody.
type Owner = alert.Owner

// An Incident is a set of alerts that are handled together. The zero Incident is not stored; make one
// with [Create].
type Incident struct {
	ID      ID    `json:"id"`
	Version int64 `json:"version"` // 0 until stored, then one higher at each change
	Number  int64 `json:"number"`  // what people say, such as 1042; given by the store, never reused

	Name        string `json:"name"`
	Renamed     bool   `json:"renamed,omitempty"` // a person chose the name; it is no longer generated
	Named       bool   `json:"named,omitempty"`   // the system that it was imported from gave the name
	Description string `json:"description,omitempty"`

	// Severity is the highest of the alerts' where neither of the next two is set.
	Severity           alert.Severity         `json:"severity"`
	SeverityOverridden bool                   `json:"severityOverridden,omitempty"` // a person chose it; it is not derived
	SeverityGiven      bool                   `json:"severityGiven,omitempty"`      // another system gave it; see AddAlert
	Priority           int                    `json:"priority,omitempty"`           // 0 to MaxPriority, as of the last change
	Status             Status                 `json:"status"`
	Owner              Owner                  `json:"owner,omitzero"`
	Tags               []Tag                  `json:"tags,omitempty"` // ordered by Name
	Verdict            classification.Verdict `json:"verdict,omitzero"`
	Note               string                 `json:"note,omitempty"`       // how it was resolved; "" unless Status is Resolved
	Resolved           time.Time              `json:"resolved,omitzero"`    // zero unless Status is Resolved
	RedirectTo         ID                     `json:"redirectTo,omitempty"` // the incident it was merged into, when Status is Redirected

	References []Reference `json:"references,omitempty"` // the same incident in other systems
	Comments   int         `json:"comments,omitempty"`   // number of comments in the log
	Created    time.Time   `json:"created"`
	Updated    time.Time   `json:"updated"` // last change, comments and alerts included; see AddAlert for an exception

	Alerts Summary      `json:"alerts"`         // what its alerts come to
	Extra  alert.Fields `json:"extra,omitzero"` // fields of an imported incident that have no place above
}

// Clone returns a copy of i that shares no memory a caller could change.
func (i Incident) Clone() Incident {
	i.Tags = slices.Clone(i.Tags)
	i.References = slices.Clone(i.References)
	i.Alerts = i.Alerts.clone()
	return i
}

// A Reference names the incident as another system knows it.
type Reference struct {
	System  string    `json:"system"`           // such as "microsoftDefender"
	ID      string    `json:"id"`               // the other system's identifier
	URL     string    `json:"url,omitempty"`    // where the other system shows it; never fetched
	Updated time.Time `json:"updated,omitzero"` // when the other system last changed it, as far as is known here
}

// IncidentID returns the identifier under which an incident imported from r is kept, so that a second
// import finds it: system and identifier, joined as [alert.Origin.AlertID] joins them.
func (r Reference) IncidentID() ID {
	return ID(alert.Origin{Source: r.System, ID: r.ID}.AlertID())
}

// ReferenceIn returns what a system knows i by: the reference that i was imported under, or else the first of that
// system. Those that i has taken over from incidents that were merged into it stand behind. ok is false when i has none.
func (i Incident) ReferenceIn(system string) (r Reference, ok bool) {
	for _, have := range i.References {
		if have.System != system {
			continue
		}
		if have.IncidentID() == i.ID {
			return have, true
		}
		if !ok {
			r, ok = have, true
		}
	}
	return r, ok
}

// A Command is who asks for a change, when, and under which identifier.
type Command struct {
	ID   string         // unique; a command that is repeated under the same ID has one effect
	Part string         // tells the incidents that one command changes apart; "" when there is one
	By   activity.Actor // who
	At   time.Time      // when; UTC, microseconds

	// Keys has keys that the caller has computed already, of alerts that Create, AddAlert, UpdateAlert or Update is
	// given. These rules compute the keys of the other alerts.
	Keys map[alert.ID]alert.KeySet

	// Said has what the last report of an alert said about what people decide, as far as that is remembered. Repeat and
	// Update look there.
	Said map[alert.ID]Said

	// Policy says when rules resolve and reopen an incident by themselves. What Check refuses is for the caller to
	// refuse.
	Policy Policy

	// Tags gives an alert with these keys its SystemTags and the Criticality of its evidence; it is asked about alerts
	// that Repeat has changed. Nil leaves both as they are in the stored alert and the repeat together.
	Tags func(alert.Alert, alert.KeySet) alert.Alert

	// Priority scores an incident as the command leaves it, by a pure function; what is below 0 or above
	// MaxPriority is cut. Nil means the function Priority.
	Priority func(Incident) int
}

// EntryID returns the identifier of the entry of the command that has this Part and Index n. It is at most
// [alert.MaxID] bytes long, however long ID and Part are.
func (c Command) EntryID(n int) activity.ID {
	id := c.ID + "/"
	if c.Part != "" {
		id += c.Part + "/"
	}
	return activity.ID(bounded(id) + strconv.Itoa(n))
}

// bounded returns the beginning of an identifier, or its SHA-256 and a slash where an identifier that begins with it
// could be longer than [alert.MaxID].
func bounded(id string) string {
	const room = 64 // for what follows
	if len(id) <= alert.MaxID-room {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:]) + "/"
}

// An Effect is what a rule came to: the records to store and the entries that go with them. An Effect
// without entries and alerts changes nothing.
type Effect struct {
	Incident Incident
	Alerts   []alert.Alert    // those that changed or are new
	Activity []activity.Entry // without Seq, which the store gives

	Contents []activity.Content // what the attachments of Activity stand for
	Redact   []activity.ID      // entries of any incident that lose what they say
	Purge    bool               // the incident loses its alerts, and its entries lose what they say
}

// IsZero reports whether the rule found nothing to change.
func (e Effect) IsZero() bool { return len(e.Alerts) == 0 && len(e.Activity) == 0 }
