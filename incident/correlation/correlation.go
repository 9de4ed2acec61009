// Package correlation decides which incident a new alert belongs to, and says why.
//
// The [Default] correlator links two alerts by what they share: a device, an account where none names a
// device, or weaker identifiers that say enough together, such as a file and an account, or at nearly the
// same time. What an identifier is worth on an alert, [alert.Alert.Identifiers] says. An incident is the
// alerts that are linked, directly or through others, so that it does not depend on the order in which they
// come. The [Decision] has the reasons, what was held back and why, and what nearly linked.
//
// # Limits
//
// Look-ups cost what the identifiers of the alert are times a number, however many alerts there are. Where a
// weaker identifier is on more than [Default].Busy alerts of the window, it links only what is near in time,
// and the order in which alerts come may make a difference. It may, too, where several full names have one
// short one, where an alert links more than [Default].Most incidents, and where an incident has reached its
// end: [Default].Life and Size, behind which another one opens whose links name it. Of the links of an alert
// that are held back, 10 are kept.
//
// An account that is on another machine every few seconds, such as one that installs software, links them by
// closeness in time. Name it in [alert.IdentityOptions].Shared, and so domain controllers, proxies, jump
// hosts, scanners and the addresses behind which an office reaches the internet, unless the alerts tag them.
//
// The windows and numbers are this library's. They were chosen on labelled alerts of recorded attacks, see
// package incidenttest/measure: a day for a device, since attacks on one machine pause over night; a minute
// for one weaker identifier, since a tool that uses an account on many machines does so within seconds.
// Microsoft Defender XDR publishes neither its rules nor its windows.
//
// Alerts are compared by the activity that their source gave. One that lasts for [alert.LongActivity] takes
// up all the time from its first to its last activity, for what links alone.
//
// # Errors
//
// Errors are those of the storage that is read, and those of [alert.IdentityOptions.Validate].
package correlation

import (
	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A Decision says where an alert belongs.
type Decision struct {
	Incident incident.ID     `json:"incident,omitempty"` // the incident it joins; "" means a new one
	Links    []activity.Link `json:"links,omitempty"`    // the reasons, and what was held back; by entity and incident

	// Merge names the other open incidents that the alert links, to be merged into Incident where the rules allow it.
	Merge []incident.ID `json:"merge,omitempty"`

	// Keys is what was looked up. When another alert gets one meanwhile, the decision is made again.
	Keys []alert.Key `json:"keys,omitempty"`
}
