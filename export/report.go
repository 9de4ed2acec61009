package export

import (
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// A Section is a part of a report that can be left out. Source: the content groups of the PDF export of
// Microsoft Defender XDR.
type Section uint8

// The sections, in the order in which they are drawn. The zero Section is Overview.
const (
	Overview        Section = iota // key facts, description and resolution
	IncidentSummary                // what a [Summarizer], or else a rule, says in short
	IncidentReport                 // what a Summarizer says in full
	AttackStory                    // the graph of entities, threat categories and the alerts as a timeline
	Assets                         // impacted assets by group
	Evidence                       // everything else that alerts name
	Alerts                         // the alerts, with what they say
	Activity                       // the activity log
)

var sections = []string{"overview", "incidentSummary", "incidentReport", "attackStory", "assets", "evidence", "alerts", "activity"}

// ParseSection returns the section named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseSection(text string) (Section, error) {
	if s, ok := enum.Parse[Section](sections, text); ok {
		return s, nil
	}
	return 0, &alert.FieldError{Field: "section", Value: text, Want: enum.Want(sections)}
}

// String returns the section's text, such as "attackStory".
func (s Section) String() string { return enum.Text(sections, "section", s) }

// MarshalText returns the section's text. A value that is not one of the constants is an error.
func (s Section) MarshalText() ([]byte, error) { return enum.Marshal(sections, "section", s) }

// UnmarshalText sets s as [ParseSection] does.
func (s *Section) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSection(string(text))
	return err
}

// A Report is all that a renderer draws of an incident. Lists of sections that were not asked for are
// empty. The zero Report is one of no sections.
type Report struct {
	Generated time.Time `json:"generated"`
	TimeZone  string    `json:"timeZone"` // name of the location that all times below Incident are in
	Sections  []Section `json:"sections"` // in the order of the constants, each once

	Hidden Hidden `json:"hidden,omitzero"` // what other names stand for

	Incident incident.Incident `json:"incident"`

	Facts   []Fact `json:"facts,omitempty"`   // what the overview says, in words
	Verdict string `json:"verdict,omitempty"` // the classification in words, "Not set" when there is none

	// Merges, with the overview: what was merged into the incident and not taken out again, oldest first, through
	// chains, as the logs tell, so without what was merged before it was imported; and where the incident went when
	// it was merged itself, step by step.
	MergedFrom []MergedRow `json:"mergedFrom,omitempty"`
	MergedInto []MergedRow `json:"mergedInto,omitempty"`

	// What the Summarizer wrote or, of the summary, the rule. Line feeds are kept.
	IncidentSummary string `json:"incidentSummary,omitempty"`
	SummaryBy       Author `json:"summaryBy,omitempty"` // who wrote IncidentSummary
	IncidentReport  string `json:"incidentReport,omitempty"`

	Threats  []Threat      `json:"threats,omitempty"`  // tactics in kill-chain order, then other categories by bytes
	Graph    Graph         `json:"graph,omitzero"`     // what was suspicious, and what it hit
	Story    []Event       `json:"story,omitempty"`    // oldest first
	Assets   []AssetList   `json:"assets,omitempty"`   // groups that have assets, in the order of [alert.AssetGroup]
	Evidence EvidenceList  `json:"evidence,omitzero"`  // everything else
	Alerts   []AlertRow    `json:"alerts,omitempty"`   // in the order of the zero [alert.Query]
	Activity []ActivityRow `json:"activity,omitempty"` // oldest first

	// Images are the contents of attachments of Activity by their SHA-256 in lower-case hexadecimal, byte by byte as they were
	// attached, each once. Those that were redacted, and those that the storage does not have, are not among them.
	Images        map[string][]byte `json:"images,omitempty"`
	ImagesLeftOut []string          `json:"imagesLeftOut,omitempty"` // SHA-256 of those with which Images would be larger than MaxImageBytes
	MaxImageBytes int               `json:"maxImageBytes,omitempty"` // bytes that Images may have; 0 when none was left out
}

// An Author says how a text of a report came to be. The zero Author, "", wrote nothing.
type Author string

// The authors.
const (
	ByRule  Author = "rule"  // put together from the records by this library
	ByModel Author = "model" // by the [Summarizer]
)

// A Fact is one labelled statement about an incident.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

// A Threat is one category of threat that alerts of the incident belong to.
type Threat struct {
	Category   string         `json:"category"`             // as in [alert.Alert]; "" for alerts without one
	Title      string         `json:"title"`                // in words
	Tactic     bool           `json:"tactic,omitempty"`     // a tactic of MITRE ATT&CK
	Severity   alert.Severity `json:"severity"`             // the highest of its alerts'
	Alerts     int            `json:"alerts"`               // how many there are
	Techniques []string       `json:"techniques,omitempty"` // identifiers of MITRE ATT&CK techniques, by bytes
}

// An Event is one alert as a step of the attack.
type Event struct {
	Time     time.Time      `json:"time,omitzero"` // first activity
	Alert    string         `json:"alert"`         // title
	Category string         `json:"category,omitempty"`
	Severity alert.Severity `json:"severity"`
	Entities []string       `json:"entities,omitempty"` // different names of the main ones, assets first
	More     int            `json:"more,omitempty"`     // how many other names there are
}

// An AssetList is what a report shows of one group of assets: the worst first, then those that most alerts
// name.
type AssetList struct {
	Group string     `json:"group"` // text of an [alert.AssetGroup]
	Title string     `json:"title"` // in words
	Rows  []AssetRow `json:"rows"`
	Shown int        `json:"shown"` // length of Rows
	Total int        `json:"total"` // different assets in the group
}

// An AssetRow is one asset, whichever alerts name it.
type AssetRow struct {
	Key     alert.Key             `json:"key"` // its identity
	Name    string                `json:"name"`
	Details string                `json:"details,omitempty"`
	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // the worst that an alert gave
	Roles   []alert.Role          `json:"roles,omitempty"`   // in order of appearance
	Tags    []string              `json:"tags,omitempty"`    // in order of appearance
	Alerts  int                   `json:"alerts"`            // how many alerts name it
}

// An EvidenceList is what a report shows of the evidence that is no asset, in the order of [AssetList].
type EvidenceList struct {
	Rows  []EvidenceRow `json:"rows"`
	Shown int           `json:"shown"` // length of Rows
	Total int           `json:"total"` // different entities
}

// An EvidenceRow is one entity, whichever alerts name it.
type EvidenceRow struct {
	Key         alert.Key             `json:"key"` // its identity
	Kind        alert.Kind            `json:"kind"`
	Name        string                `json:"name"`
	Details     string                `json:"details,omitempty"`
	Verdict     alert.EvidenceVerdict `json:"verdict,omitempty"`     // the worst that an alert gave
	Remediation alert.Remediation     `json:"remediation,omitempty"` // what the last alert that knows says
	Roles       []alert.Role          `json:"roles,omitempty"`       // in order of appearance
	Alerts      int                   `json:"alerts"`                // how many alerts name it
}

// An AlertRow is one alert.
type AlertRow struct {
	ID                 alert.ID       `json:"id"`
	Title              string         `json:"title"`
	Description        string         `json:"description,omitempty"`        // as in [alert.Alert], in full
	RecommendedActions string         `json:"recommendedActions,omitempty"` // the same
	Severity           alert.Severity `json:"severity"`
	Status             alert.Status   `json:"status"`
	Category           string         `json:"category,omitempty"` // in words
	Techniques         []string       `json:"techniques,omitempty"`
	Product            string         `json:"product,omitempty"` // the source where the product has no name
	Verdict            string         `json:"verdict,omitempty"` // in words
	Owner              string         `json:"owner,omitempty"`
	URL                string         `json:"url,omitempty"` // never fetched
	First              time.Time      `json:"first,omitzero"`
	Last               time.Time      `json:"last,omitzero"`
	Repeats            int            `json:"repeats,omitempty"`

	Evidence []AlertEvidence `json:"evidence,omitempty"` // all that it names, assets too, in the order of the source
}

// An AlertEvidence is an entity that one alert names, once however often it does.
type AlertEvidence struct {
	Kind    alert.Kind            `json:"kind"`
	Name    string                `json:"name"`
	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // the worst that the alert gave
}

// An ActivityRow is one entry of the log.
type ActivityRow struct {
	Time    time.Time        `json:"time"`
	Who     string           `json:"who"`
	Trigger activity.Trigger `json:"trigger"`
	What    string           `json:"what"`              // the type of entry in words
	Cause   string           `json:"cause,omitempty"`   // identifier of the command; rows that share it are told as one
	Alert   string           `json:"alert,omitempty"`   // title of the alert it is about
	AlertID alert.ID         `json:"alertId,omitempty"` // that alert
	Changes []ChangeRow      `json:"changes,omitempty"`
	Text    string           `json:"text,omitempty"`    // a comment's Markdown, or the reason given
	Reasons []string         `json:"reasons,omitempty"` // why an alert was put into the incident
	Origin  alert.IncidentID `json:"origin,omitempty"`  // the incident it was copied from
	Written time.Time        `json:"written,omitzero"`  // when it happened at the source, if it was imported

	Attachments []activity.Attachment `json:"attachments,omitempty"` // images of a comment; their contents are in Images
	Redacted    bool                  `json:"redacted,omitempty"`    // see [activity.Entry.Redacted]
}

// A ChangeRow is what became of one field, in words. An empty text means that it had no value.
type ChangeRow struct {
	Path   string `json:"path"`  // as in [activity.Change]
	Field  string `json:"field"` // in words
	Before string `json:"before"`
	After  string `json:"after"`

	Redacted bool `json:"redacted,omitempty"` // Before and After were taken away

	// What is in one of two lists alone. Documents say this instead of Before and After, if there is any.
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
}
