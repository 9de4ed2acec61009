package activity

import "github.com/incidentkit/incidentkit/internal/enum"

// A Reason says in what way an alert and an incident belong together. Source: Microsoft Graph,
// correlationReason; NoReason, GroupedBySource and GroupedManually
// are this library's.
type Reason uint8

// The reasons. The zero Reason is NoReason.
const (
	NoReason Reason = iota
	RepeatedAlertOccurrence
	SameGeography
	SimilarArtifacts
	SameTargetedAsset
	SameNetworkSegment
	EventSequence
	TimeFrame
	SameThreatSource
	SimilarTTPsOrBehavior
	SameActor
	SameCampaign
	SharedIndicators
	SameAsset
	NetworkProximity
	EventCasualSequence // spelled as in the Graph metadata
	TemporalProximity
	LateralMovementPath
	GroupedBySource // the source had them in one incident
	GroupedManually // somebody moved or merged them together
)

var reasons = []string{
	"none", "repeatedAlertOccurrence", "sameGeography", "similarArtifacts", "sameTargetedAsset", "sameNetworkSegment",
	"eventSequence", "timeFrame", "sameThreatSource", "similarTTPsOrBehavior", "sameActor", "sameCampaign",
	"sharedIndicators", "sameAsset", "networkProximity", "eventCasualSequence", "temporalProximity",
	"lateralMovementPath", "groupedBySource",
	"groupedManually",
}

// ParseReason returns the reason named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseReason(text string) (Reason, error) { return parse[Reason](reasons, "reason", text) }

// String returns the reason's text, such as "sameAsset".
func (r Reason) String() string { return enum.Text(reasons, "reason", r) }

// MarshalText returns the reason's text. A value that is not one of the constants is an error.
func (r Reason) MarshalText() ([]byte, error) { return enum.Marshal(reasons, "reason", r) }

// UnmarshalText sets r as [ParseReason] does.
func (r *Reason) UnmarshalText(text []byte) (err error) {
	*r, err = ParseReason(string(text))
	return err
}
