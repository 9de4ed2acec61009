package alert

import (
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/classification"
)

// MaxSeen is how far alerts of one kind are counted: what comes so often is not rare.
const MaxSeen = 20

// An ID identifies an alert in a store. It is made by [Origin.AlertID] and never changes. The zero ID, "",
// names no alert.
type ID string

// An IncidentID identifies an incident. It is declared here because an alert names its incident; package
// incident knows it as ID. The zero IncidentID, "", names no incident.
type IncidentID string

// An Origin is where an alert comes from: the product that raised it and the identifier it has there.
type Origin struct {
	Source string `json:"source"` // the raising service, such as "microsoftDefenderForEndpoint"
	ID     string `json:"id"`     // the service's own identifier of the alert
}

// AlertID returns the identifier of the alert that has this origin: source and identifier joined by a colon,
// where colons and percent signs of the source are escaped as %3A and %25. Two different origins never
// share an ID.
func (o Origin) AlertID() ID {
	source := o.Source
	if strings.ContainsAny(source, ":%") {
		source = strings.NewReplacer("%", "%25", ":", "%3A").Replace(source)
	}
	return ID(source + ":" + o.ID)
}

// An Alert is one report of suspicious activity by a detection product. The zero Alert is not valid: an
// alert needs an Origin and a Title.
//
// Fields marked "managed" are set by the incident manager; what a caller puts there is ignored on ingestion.
type Alert struct {
	ID       ID         `json:"id"`       // managed: Origin.AlertID()
	Version  int64      `json:"version"`  // managed: 0 until stored, then one higher at each change
	Incident IncidentID `json:"incident"` // managed: the one incident it belongs to

	Origin             Origin   `json:"origin"`
	Product            string   `json:"product,omitempty"`         // name of the product for people
	DetectionSource    string   `json:"detectionSource,omitempty"` // the sensor or analytic inside the product
	Title              string   `json:"title"`
	Description        string   `json:"description,omitempty"`
	RecommendedActions string   `json:"recommendedActions,omitempty"`
	Category           string   `json:"category,omitempty"`   // kill-chain stage in Graph's spelling, such as "InitialAccess"; see CategoryTitle
	Techniques         []string `json:"techniques,omitempty"` // MITRE ATT&CK technique identifiers, such as "T1564.001"
	Actor              string   `json:"actor,omitempty"`      // the activity group behind it
	Threat             string   `json:"threat,omitempty"`     // the threat's name
	ThreatFamily       string   `json:"threatFamily,omitempty"`
	URL                string   `json:"url,omitempty"` // where the product shows the alert; never fetched

	Severity Severity               `json:"severity"`
	Status   Status                 `json:"status"`
	Verdict  classification.Verdict `json:"verdict,omitzero"`
	Owner    Owner                  `json:"owner,omitzero"`
	Tags     []string               `json:"tags,omitempty"` // the product's own tags

	SystemTags []Tag `json:"systemTags,omitempty"` // managed: set by rules at ingestion; ordered by Name, none twice

	Evidence []Evidence `json:"evidence,omitempty"` // in the order of the source

	FirstActivity time.Time `json:"firstActivity,omitzero"` // earliest activity; its place in time
	LastActivity  time.Time `json:"lastActivity,omitzero"`  // latest activity
	Created       time.Time `json:"created,omitzero"`       // when the product raised it
	SourceUpdated time.Time `json:"sourceUpdated,omitzero"` // when the product last changed it
	Resolved      time.Time `json:"resolved,omitzero"`      // when it was resolved; zero unless Status is StatusResolved

	Updated  time.Time `json:"updated,omitzero"`  // managed: when another field than Repeats and Repeated last changed
	Received time.Time `json:"received,omitzero"` // managed: when the times of its activity came in; see Active
	Repeated time.Time `json:"repeated,omitzero"` // managed: when its source last reported it again, or zero

	SourceStatus Status `json:"sourceStatus,omitempty"` // managed: the last Status that its source gave
	Repeats      int    `json:"repeats,omitempty"`      // managed: number of times that it was reported after the first

	// Seen is managed: the alerts of its kind in the 30 days before it, counted as far as MaxSeen. See KindKey.
	Seen       int  `json:"seen,omitempty"`
	Standalone bool `json:"standalone,omitempty"` // correlation must leave it in an incident of its own

	// Edited is managed: the JSON names of the fields whose texts an edit replaced, in order. What the source reports
	// of them later is not taken.
	Edited []string `json:"edited,omitempty"`

	Extra Fields `json:"extra,omitzero"` // fields of the source that have no place above
}

// Clone returns a copy of a that shares no memory a caller could change.
func (a Alert) Clone() Alert {
	// Stores copy every alert they take and give, so that all its lists go into two arrays.
	texts, roles := len(a.Techniques)+len(a.Tags)+len(a.Edited), 0
	for i := range a.Evidence {
		e := &a.Evidence[i]
		texts += len(e.DetailedRoles) + len(e.Tags)
		roles += len(e.Roles)
	}
	textsLeft, rolesLeft := make([]string, texts), make([]Role, roles)
	a.Techniques, textsLeft = copyInto(textsLeft, a.Techniques)
	a.Tags, textsLeft = copyInto(textsLeft, a.Tags)
	a.Edited, textsLeft = copyInto(textsLeft, a.Edited)
	a.SystemTags = slices.Clone(a.SystemTags)
	a.Evidence = slices.Clone(a.Evidence)
	for i := range a.Evidence {
		e := &a.Evidence[i]
		e.DetailedRoles, textsLeft = copyInto(textsLeft, e.DetailedRoles)
		e.Tags, textsLeft = copyInto(textsLeft, e.Tags)
		e.Roles, rolesLeft = copyInto(rolesLeft, e.Roles)
	}
	return a
}

// copyInto copies list to the beginning of room and returns the copy, which cannot grow into the rest, and the
// rest. A nil list stays nil.
func copyInto[T any](room, list []T) (copied, rest []T) {
	if list == nil {
		return nil, room
	}
	n := copy(room, list)
	return room[:n:n], room[n:]
}

// Brief returns a without its lists and long texts, Evidence, Description, RecommendedActions, Techniques, Tags,
// SystemTags, Edited and Extra: what correlation and a short list of alerts need.
func (a Alert) Brief() Alert {
	a.Evidence, a.Techniques, a.Tags, a.SystemTags, a.Edited = nil, nil, nil, nil, nil
	a.Description, a.RecommendedActions, a.Extra = "", "", ""
	return a
}

// MaxAhead is how much later than the time at which an alert came in its activity may be. A clock that tells a later
// time is wrong.
const MaxAhead = 24 * time.Hour

// Active returns the first and the last time of a's activity that count. A time more than [MaxAhead] after Received
// does not: where that is one of them, both are the other, and where both are they are zero, which means unknown. The
// fields keep what the source said. Where Received is zero, as in alerts of older versions, every time
// counts that can be kept at all, see [ValidTime].
//
// The answer changes only when the source reports other times, since Received is stored with the times it is about.
func (a Alert) Active() (first, last time.Time) {
	counts := func(t time.Time) bool { return ValidTime(t) && !a.ahead(t) }
	switch first, last := counts(a.FirstActivity), counts(a.LastActivity); {
	case first && last:
		return a.FirstActivity, a.LastActivity
	case first:
		return a.FirstActivity, a.FirstActivity
	case last:
		return a.LastActivity, a.LastActivity
	}
	return time.Time{}, time.Time{}
}

// ahead reports whether t is too much later than the time at which a came in.
func (a Alert) ahead(t time.Time) bool {
	return !a.Received.IsZero() && t.After(a.Received.Add(MaxAhead))
}
