package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Evidence is one entity that an alert names, with what the product found out about it.
type Evidence struct {
	Entity             Entity          // what it is; never nil in a valid alert
	Verdict            EvidenceVerdict // how the entity was judged
	Remediation        Remediation     // what was done about it
	RemediationDetails string
	Roles              []Role      // the parts it plays
	DetailedRoles      []string    // the same in the source's free words, such as "Main device"
	Tags               []string    // such as "High value asset"
	Criticality        Criticality // managed: set by rules at ingestion
	Created            time.Time
	Extra              Fields // fields of the source that have no place in Entity or above
}

// Clone returns a copy of e that shares no memory a caller could change. Entities hold none.
func (e Evidence) Clone() Evidence {
	e.Roles = slices.Clone(e.Roles)
	e.DetailedRoles = slices.Clone(e.DetailedRoles)
	e.Tags = slices.Clone(e.Tags)
	return e
}

// Equal reports whether e says the same as other. An empty list is the same as none.
func (e Evidence) Equal(other Evidence) bool {
	return e.Entity == other.Entity && e.Verdict == other.Verdict && e.Remediation == other.Remediation &&
		e.RemediationDetails == other.RemediationDetails && slices.Equal(e.Roles, other.Roles) &&
		slices.Equal(e.DetailedRoles, other.DetailedRoles) && slices.Equal(e.Tags, other.Tags) &&
		e.Criticality == other.Criticality && e.Created.Equal(other.Created) && e.Extra == other.Extra
}

// An EvidenceVerdict says how an entity was judged. The set is open: a word that is not among the
// constants is kept as it came. Source: Microsoft Graph, evidenceVerdict.
type EvidenceVerdict string

// The verdicts on evidence. The zero EvidenceVerdict, "", means not judged.
const (
	NotJudged      EvidenceVerdict = ""
	Suspicious     EvidenceVerdict = "suspicious"
	Malicious      EvidenceVerdict = "malicious"
	NoThreatsFound EvidenceVerdict = "noThreatsFound"
)

// A Remediation says what was done about an entity. The set is open: a word that is not among the
// constants is kept as it came. Source: Microsoft Graph, evidenceRemediationStatus.
type Remediation string

// The states of remediation. The zero Remediation, "", means that no threat was found or nothing was done.
const (
	NotRemediated       Remediation = ""
	Remediated          Remediation = "remediated"
	Prevented           Remediation = "prevented" // stopped before it ran
	Blocked             Remediation = "blocked"   // stopped while it ran
	NotFound            Remediation = "notFound"
	ActiveThreat        Remediation = "active"
	PendingApproval     Remediation = "pendingApproval"
	Declined            Remediation = "declined"
	Unremediated        Remediation = "unremediated"
	Running             Remediation = "running"
	PartiallyRemediated Remediation = "partiallyRemediated"
)

// A Role is the part an entity plays in an attack. The set is open: a word that is not among the
// constants is kept as it came. Source: Microsoft Graph, evidenceRole.
type Role string

// The roles of evidence.
const (
	Contextual        Role = "contextual"  // probably a benign side effect
	Scanned           Role = "scanned"     // target of reconnaissance
	Source            Role = "source"      // where activity came from
	Destination       Role = "destination" // where activity went
	Created           Role = "created"     // made by the attacker
	Added             Role = "added"       // added by the attacker
	Edited            Role = "edited"      // changed by the attacker
	Compromised       Role = "compromised" // under the attacker's control
	Attacked          Role = "attacked"
	Attacker          Role = "attacker"
	CommandAndControl Role = "commandAndControl"
	Loaded            Role = "loaded" // loaded into a process of the attacker
	SuspiciousRole    Role = "suspicious"
	PolicyViolator    Role = "policyViolator"
)

// evidenceJSON is the stable JSON shape of Evidence.
type evidenceJSON struct {
	Kind               Kind            `json:"kind"`
	Entity             json.RawMessage `json:"entity"`
	Verdict            EvidenceVerdict `json:"verdict,omitempty"`
	Remediation        Remediation     `json:"remediation,omitempty"`
	RemediationDetails string          `json:"remediationDetails,omitempty"`
	Roles              []Role          `json:"roles,omitempty"`
	DetailedRoles      []string        `json:"detailedRoles,omitempty"`
	Tags               []string        `json:"tags,omitempty"`
	Criticality        Criticality     `json:"criticality,omitzero"`
	Created            time.Time       `json:"created,omitzero"`
	Extra              Fields          `json:"extra,omitzero"`
}

// MarshalJSON returns e as an object whose "kind" names the type of "entity".
func (e Evidence) MarshalJSON() ([]byte, error) {
	if e.Entity == nil {
		return nil, fmt.Errorf("alert: marshal evidence: %w", &FieldError{Field: "entity", Want: "an entity"})
	}
	entity, err := marshal(e.Entity)
	if err != nil {
		return nil, err
	}
	return marshal(evidenceJSON{
		e.Entity.Kind(), entity, e.Verdict, e.Remediation, e.RemediationDetails, e.Roles, e.DetailedRoles, e.Tags, e.Criticality, e.Created, e.Extra,
	})
}

// marshal leaves it to whoever encodes the whole whether <, > and & are escaped, so that Fields can be kept as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON writes. A kind that has no type of its own becomes an [Other].
func (e *Evidence) UnmarshalJSON(text []byte) error {
	var j evidenceJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	if len(j.Entity) == 0 {
		return &FieldError{Field: "evidence.entity", Want: "an object"}
	}
	entity, err := decodeEntity(j.Kind, j.Entity)
	if err != nil {
		return fmt.Errorf("alert: unmarshal %s evidence: %w", j.Kind, err)
	}
	*e = Evidence{entity, j.Verdict, j.Remediation, j.RemediationDetails, j.Roles, j.DetailedRoles, j.Tags, j.Criticality, j.Created, j.Extra}
	return nil
}
