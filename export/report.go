package export

import (
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
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
	AttackStory                    // the attack graph, processes, and threat categories
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

// A Report is all that is known of an incident, as values: types, actors, times and texts of others, and no
// words of this library, which documents say in their place. Lists of sections that were not asked for are
// empty, and nothing else is left out: what a document does not draw is in the Report. The zero Report is one
// of no sections.
//
// Times are in the location named by TimeZone. Source of the two limits: Microsoft Defender XDR, export of an
// incident as PDF.
type Report struct {
	Generated time.Time `json:"generated"`
	TimeZone  string    `json:"timeZone"` // name of the location that times are in
	Sections  []Section `json:"sections"` // in the order of the constants, each once

	Hidden Hidden `json:"hidden,omitzero"` // what other names stand for

	Layout Layout `json:"layout,omitzero"` // how it is drawn

	MaxAssets   int `json:"maxAssets"`   // assets of one group that documents draw
	MaxEvidence int `json:"maxEvidence"` // pieces of evidence that documents draw

	Incident incident.Incident `json:"incident"`         // without Extra
	Titles   map[string]string `json:"titles,omitempty"` // of the taxonomy, by code: the classifications and determinations of the report

	// Merges, with the overview: what was merged into the incident and not taken out again, oldest first, through
	// chains, as the logs tell, so without what was merged before it was imported; and where the incident went when
	// it was merged itself, step by step.
	MergedFrom []MergedRow `json:"mergedFrom,omitempty"`
	MergedInto []MergedRow `json:"mergedInto,omitempty"`

	Times Times `json:"times,omitzero"` // with the overview

	// What the Summarizer wrote. Line feeds are kept. Documents put a summary together by rule where there is none.
	IncidentSummary string `json:"incidentSummary,omitempty"`
	IncidentReport  string `json:"incidentReport,omitempty"`

	Threats  []Threat         `json:"threats,omitempty"`  // tactics in kill-chain order, then other categories by bytes
	Graph    Graph            `json:"graph,omitzero"`     // the attack, as far as a page can show it
	Trees    []Tree           `json:"trees,omitempty"`    // processes by device
	Assets   []Finding        `json:"assets,omitempty"`   // in the order of [alert.AssetGroup]; in a group the most telling first
	Evidence []Finding        `json:"evidence,omitempty"` // everything else, the most telling first
	Alerts   []alert.Alert    `json:"alerts,omitempty"`   // in the order of the zero [alert.Query], without Extra; with the attack story too
	Activity []activity.Entry `json:"activity,omitempty"` // oldest first, without Digest, AlertDigest and Seal
	Names    Names            `json:"names,omitzero"`     // of what the lists name by identifiers

	// Images are the contents of attachments of Activity by their SHA-256 in lower-case hexadecimal, byte by
	// byte as they were attached, each once. Those that were redacted, and those that the storage does not have,
	// are not among them.
	Images        map[string][]byte `json:"images,omitempty"`
	ImagesLeftOut []string          `json:"imagesLeftOut,omitempty"` // SHA-256 of those with which Images would be larger than MaxImageBytes
	MaxImageBytes int               `json:"maxImageBytes,omitempty"` // bytes that Images may have; 0 when none was left out
}

// Names are what people call records and entities that a Report names by identifiers.
type Names struct {
	Alerts    map[alert.ID]string   `json:"alerts,omitempty"`    // titles
	Entities  map[alert.Key]string  `json:"entities,omitempty"`  // by the keys of links, in the spelling of the first alert
	Incidents map[incident.ID]int64 `json:"incidents,omitempty"` // numbers of other incidents, as far as the Reader shows them
}

// Times are how long it took to deal with the incident, as package metrics defines it. What has not happened,
// or what no log tells, is nil.
type Times struct {
	Detect      *time.Duration `json:"detect,omitempty"`      // from the first activity of an alert to the creation of the incident
	Assign      *time.Duration `json:"assign,omitempty"`      // from here on since the creation
	FirstAction *time.Duration `json:"firstAction,omitempty"` // by a person
	Resolve     *time.Duration `json:"resolve,omitempty"`
}

// A Threat is one category of threat that alerts of the incident belong to. What false positives say of its
// severity and techniques counts only when there are no other alerts.
type Threat struct {
	Category   string         `json:"category"`             // as in [alert.Alert]; "" for alerts without one
	Severity   alert.Severity `json:"severity"`             // the highest of its alerts'
	Alerts     int            `json:"alerts"`               // how many there are, but for those that were dismissed
	Dismissed  int            `json:"dismissed,omitempty"`  // of alerts that were false positives
	Techniques []string       `json:"techniques,omitempty"` // identifiers of MITRE ATT&CK techniques, by bytes
}

// A Finding is one entity and what all alerts together say about it. What a false positive says counts only
// when no other alert names the entity.
type Finding struct {
	Key      alert.Key      `json:"key"`      // its identity
	Evidence alert.Evidence `json:"evidence"` // the entity as the first alert describes it, the worst Verdict, the last Remediation that is known, all Roles and Tags; without Extra
	Alerts   int            `json:"alerts"`   // that name it
	First    time.Time      `json:"first,omitzero"`
	Last     time.Time      `json:"last,omitzero"` // of the activity of these alerts

	Dismissed bool `json:"dismissed,omitempty"` // nothing but false positives names it

	// Of a process: the key of the finding that stands for its program, which is a file or the first process of
	// it, and as Dismissed as the process; "" when it is that one itself. Documents draw one row for a program
	// and count its processes.
	Program   alert.Key `json:"program,omitempty"`
	Processes int       `json:"processes,omitempty"` // findings whose Program this is, and itself if it is a process
}

// Dismissed reports whether an alert of the incident i was a false positive: its verdict says so or, where it
// has none, the verdict of i.
func Dismissed(i incident.Incident, a alert.Alert) bool {
	v := a.Verdict
	if v.IsZero() {
		v = i.Verdict
	}
	return v.Classification == classification.FalsePositive
}
