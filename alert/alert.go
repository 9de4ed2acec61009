package alert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// MaxEvidence is the most pieces of evidence one alert may carry.
const MaxEvidence = 10_000

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

	Evidence []Evidence `json:"evidence,omitempty"` // in the order of the source

	FirstActivity time.Time `json:"firstActivity,omitzero"` // earliest activity; its place in time
	LastActivity  time.Time `json:"lastActivity,omitzero"`  // latest activity
	Created       time.Time `json:"created,omitzero"`       // when the product raised it
	SourceUpdated time.Time `json:"sourceUpdated,omitzero"` // when the product last changed it
	Resolved      time.Time `json:"resolved,omitzero"`      // when it was resolved; zero unless Status is StatusResolved
	Updated       time.Time `json:"updated,omitzero"`       // managed: when the stored record last changed, but for Repeats

	Repeats    int  `json:"repeats,omitempty"`    // managed: how often it came again after the first time
	Standalone bool `json:"standalone,omitempty"` // correlation must leave it in an incident of its own

	Extra Fields `json:"extra,omitzero"` // fields of the source that have no place above
}

// Clone returns a copy of a that shares no memory a caller could change.
func (a Alert) Clone() Alert {
	a.Techniques = slices.Clone(a.Techniques)
	a.Tags = slices.Clone(a.Tags)
	if a.Evidence != nil {
		evidence := make([]Evidence, len(a.Evidence))
		for i, e := range a.Evidence {
			evidence[i] = e.Clone()
		}
		a.Evidence = evidence
	}
	return a
}

// Brief returns a without Evidence, Description, RecommendedActions and Extra: what lists and correlation need.
func (a Alert) Brief() Alert {
	a.Evidence, a.Description, a.RecommendedActions, a.Extra = nil, "", "", ""
	return a
}

// Keys returns the keys of all evidence of a, each once, in the order they occur.
func (a Alert) Keys() []Key {
	keys := make([]Key, 0, 2*len(a.Evidence))
	for _, e := range a.Evidence {
		if e.Entity == nil {
			continue
		}
		n := len(keys)
		keys = e.Entity.appendKeys(keys)
		keys = compactNew(keys, n)
	}
	return keys
}

// compactNew removes from keys[n:] what occurs earlier in keys.
func compactNew(keys []Key, n int) []Key {
	out := keys[:n]
	for _, k := range keys[n:] {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// Validate reports every field of a that keeps it from being ingested, joined; nil means none. Each
// problem is a [*FieldError].
func (a Alert) Validate() error {
	p := problems{record: "alert " + string(a.Origin.AlertID())}
	p.need("origin.source", a.Origin.Source)
	p.need("origin.id", a.Origin.ID)
	p.need("title", a.Title)
	for _, t := range []struct{ field, value string }{
		{"origin.source", a.Origin.Source}, {"origin.id", a.Origin.ID}, {"product", a.Product},
		{"detectionSource", a.DetectionSource}, {"title", a.Title}, {"description", a.Description},
		{"recommendedActions", a.RecommendedActions}, {"category", a.Category}, {"owner.id", a.Owner.ID},
	} {
		p.text(t.field, t.value)
	}
	if a.Severity > High {
		p.add("severity", a.Severity.String(), enum.Want(severities))
	}
	if a.Status > StatusResolved {
		p.add("status", a.Status.String(), enum.Want(statuses))
	}
	if n := len(a.Evidence); n > MaxEvidence {
		p.add("evidence", strconv.Itoa(n), fmt.Sprintf("at most %d pieces", MaxEvidence))
	}
	for i, e := range a.Evidence {
		if e.Entity == nil {
			p.add(fmt.Sprintf("evidence[%d].entity", i), "", "an entity")
		}
	}
	return errors.Join(p.errs...)
}
