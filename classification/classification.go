// Package classification says what an incident or an alert turned out to be: a classification such as
// true positive, and under it a determination such as phishing. Which ones exist is data: a [Taxonomy].
//
// [Defender] is the taxonomy of Microsoft Defender XDR and the default of the library, [ENISA] the reference
// taxonomy of European incident response teams, and [Load] reads one of the caller's own.
//
// # Errors
//
// A verdict that a taxonomy does not know is reported as a [*VerdictError], which matches [ErrUnknown]. What
// keeps a taxonomy from being used is reported as an [*EntryError], which matches [ErrTaxonomy].
package classification

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/internal/invalid"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Classification is the identifier of a class of a [Taxonomy], such as "truePositive". The zero
// Classification, "", means that nobody has classified yet.
type Classification string

// The classifications of [Defender], named as in Microsoft Graph (alertClassification).
const (
	TruePositive                  Classification = "truePositive"
	InformationalExpectedActivity Classification = "informationalExpectedActivity"
	FalsePositive                 Classification = "falsePositive"
)

// A Determination is the identifier of a type of threat or activity under a classification, such as
// "malware". The zero Determination, "", means that none was chosen.
type Determination string

// The determinations of [Defender], named as in Microsoft Graph (alertDetermination).
const (
	MultiStagedAttack         Determination = "multiStagedAttack"
	MaliciousUserActivity     Determination = "maliciousUserActivity"
	CompromisedAccount        Determination = "compromisedAccount"
	Malware                   Determination = "malware"
	Phishing                  Determination = "phishing"
	UnwantedSoftware          Determination = "unwantedSoftware"
	SecurityTesting           Determination = "securityTesting"
	LineOfBusinessApplication Determination = "lineOfBusinessApplication"
	ConfirmedActivity         Determination = "confirmedActivity"
	NotMalicious              Determination = "notMalicious"
	NotEnoughDataToValidate   Determination = "notEnoughDataToValidate"
	Other                     Determination = "other"
)

// The determinations that Defender no longer offers but that old records still carry. [Defender] knows
// them under true positive and informational, expected activity respectively.
const (
	APT               Determination = "apt"
	SecurityPersonnel Determination = "securityPersonnel"
)

// A Verdict is a classification and the determination under it. The zero Verdict means not classified.
type Verdict struct {
	Classification Classification `json:"classification,omitempty"`
	Determination  Determination  `json:"determination,omitempty"`
}

// IsZero reports whether nothing was classified.
func (v Verdict) IsZero() bool { return v == Verdict{} }

// String returns the identifiers joined by a slash, such as "truePositive/malware", or "" for the zero
// Verdict. [Taxonomy.Title] gives the words for people.
func (v Verdict) String() string {
	if v.Determination == "" {
		return string(v.Classification)
	}
	return string(v.Classification) + "/" + string(v.Determination)
}

// A Taxonomy is the set of verdicts that may be given. It is plain data: build one in Go, change the value
// that [Defender] or [ENISA] returns, or [Load] one. The zero Taxonomy has no verdict but the zero one.
type Taxonomy struct {
	Name    string  `json:"name"`
	Classes []Class `json:"classes,omitempty"`
}

// A Class is one classification of a taxonomy with its determinations.
type Class struct {
	ID             Classification `json:"id"`
	Title          string         `json:"title"`
	Aliases        []string       `json:"aliases,omitempty"` // other spellings that Parse accepts
	Determinations []Type         `json:"determinations,omitempty"`
}

// A Type is one determination of a class.
type Type struct {
	ID      Determination `json:"id"`
	Title   string        `json:"title"`
	Aliases []string      `json:"aliases,omitempty"` // other spellings that Parse accepts
	Legacy  bool          `json:"legacy,omitempty"`  // known for reading, not offered to people
}

// ErrUnknown says that a taxonomy does not know a verdict. Test for it with [errors.Is].
var ErrUnknown = errors.New("classification: not in the taxonomy")

// A VerdictError names the part of a verdict that a taxonomy does not know. It matches [ErrUnknown], and ErrInvalid of
// package alert.
type VerdictError struct {
	Taxonomy string `json:"taxonomy"` // name of the taxonomy
	Field    string `json:"field"`    // "classification" or "determination"
	Value    string `json:"value"`    // the text that was given, shortened to 64 code points
	Want     string `json:"want"`     // what would have been accepted
}

// Error returns a sentence naming the taxonomy, the field, its value and what was expected.
func (e *VerdictError) Error() string {
	return fmt.Sprintf("classification: %s taxonomy has no %s %q (want %s)", e.Taxonomy, e.Field, e.Value, e.Want)
}

// Unwrap returns what e matches.
func (e *VerdictError) Unwrap() []error { return []error{ErrUnknown, invalid.Err} }

// Defender returns the taxonomy of Microsoft Defender XDR: three classifications with their types, the
// names that its older API used as aliases. The value belongs to the caller.
//
// Source: Microsoft Graph v1.0 metadata (alertClassification, alertDetermination) and the reference of
// the Defender XDR incidents API.
func Defender() Taxonomy {
	other := func() Type { return Type{ID: Other, Title: "Other"} }
	return Taxonomy{
		Name: "Microsoft Defender",
		Classes: []Class{
			{ID: TruePositive, Title: "True positive", Determinations: []Type{
				{ID: MultiStagedAttack, Title: "Multi-staged attack"},
				{ID: MaliciousUserActivity, Title: "Malicious user activity"},
				{ID: CompromisedAccount, Title: "Compromised account", Aliases: []string{"compromisedUser"}},
				{ID: Malware, Title: "Malware"},
				{ID: Phishing, Title: "Phishing"},
				{ID: UnwantedSoftware, Title: "Unwanted software"},
				other(),
				{ID: APT, Title: "Advanced persistent threat", Legacy: true},
			}},
			{ID: InformationalExpectedActivity, Title: "Informational, expected activity", Aliases: []string{"benignPositive"}, Determinations: []Type{
				{ID: SecurityTesting, Title: "Security testing"},
				{ID: LineOfBusinessApplication, Title: "Line-of-business application"},
				{ID: ConfirmedActivity, Title: "Confirmed activity", Aliases: []string{"confirmedUserActivity"}},
				other(),
				{ID: SecurityPersonnel, Title: "Security personnel", Legacy: true},
			}},
			{ID: FalsePositive, Title: "False positive", Determinations: []Type{
				{ID: NotMalicious, Title: "Not malicious", Aliases: []string{"clean"}},
				{ID: NotEnoughDataToValidate, Title: "Not enough data to validate", Aliases: []string{"insufficientData", "noEnoughDataToValidate"}},
				other(),
			}},
		},
	}
}

// Check reports whether v may be given under t: its classification is in t and its determination, if
// any, stands under that classification. The zero Verdict passes. The error is a [*VerdictError].
func (t Taxonomy) Check(v Verdict) error {
	if v.IsZero() {
		return nil
	}
	class, ok := t.class(v.Classification)
	if !ok {
		return &VerdictError{t.Name, "classification", limit.Shorten(string(v.Classification)), t.classNames()}
	}
	if v.Determination != "" && !slices.ContainsFunc(class.Determinations, func(d Type) bool { return d.ID == v.Determination }) {
		return &VerdictError{t.Name, "determination", limit.Shorten(string(v.Determination)), class.names()}
	}
	return nil
}

// Spelled returns v with its identifiers as t spells them, whatever the case of their letters. An identifier that t
// does not have stays as it is.
func (t Taxonomy) Spelled(v Verdict) Verdict {
	if t.Check(v) == nil {
		return v
	}
	for _, class := range t.Classes {
		if !strings.EqualFold(string(class.ID), string(v.Classification)) {
			continue
		}
		v.Classification = class.ID
		for _, d := range class.Determinations {
			if strings.EqualFold(string(d.ID), string(v.Determination)) {
				v.Determination = d.ID
			}
		}
	}
	return v
}

// Parse returns the verdict that two texts name, by identifier, title or alias and whatever the case of
// their letters: "TruePositive" and "Malware", or "Clean" under "FalsePositive". The empty text, "unknown",
// "unknownFutureValue" and "notAvailable" mean not set, unless t itself has such a name. A determination
// without a classification takes the only class that has it. The error is a [*VerdictError].
func (t Taxonomy) Parse(classification, determination string) (Verdict, error) {
	c, d := classification, determination
	if !slices.ContainsFunc(t.Classes, func(class Class) bool { return class.named(c) }) {
		c = unset(c)
	}
	if !slices.ContainsFunc(t.Classes, func(class Class) bool { _, ok := class.parse(d); return ok }) {
		d = unset(d)
	}
	if c == "" && d == "" {
		return Verdict{}, nil
	}
	if c == "" {
		var found []Verdict
		for _, class := range t.Classes {
			if typ, ok := class.parse(d); ok {
				found = append(found, Verdict{class.ID, typ.ID})
			}
		}
		if len(found) != 1 {
			return Verdict{}, &VerdictError{t.Name, "determination", determination, "one that a single classification has, or a classification with it"}
		}
		return found[0], nil
	}
	for _, class := range t.Classes {
		if !class.named(c) {
			continue
		}
		if d == "" {
			return Verdict{Classification: class.ID}, nil
		}
		typ, ok := class.parse(d)
		if !ok {
			return Verdict{}, &VerdictError{t.Name, "determination", determination, class.names()}
		}
		return Verdict{class.ID, typ.ID}, nil
	}
	return Verdict{}, &VerdictError{t.Name, "classification", classification, t.classNames()}
}

// Title returns v in words for people, such as "True positive: Malware", and "Not set" for the zero
// Verdict. Identifiers that t does not know are shown as they are.
func (t Taxonomy) Title(v Verdict) string {
	if v.IsZero() {
		return "Not set"
	}
	c, d := string(v.Classification), string(v.Determination)
	if class, ok := t.class(v.Classification); ok {
		c = class.Title
		for _, typ := range class.Determinations {
			if typ.ID == v.Determination {
				d = typ.Title
			}
		}
	}
	if d == "" {
		return c
	}
	return c + ": " + d
}

func (t Taxonomy) class(id Classification) (Class, bool) {
	i := slices.IndexFunc(t.Classes, func(c Class) bool { return c.ID == id })
	if i < 0 {
		return Class{}, false
	}
	return t.Classes[i], true
}

func (t Taxonomy) classNames() string {
	var names []string
	for _, c := range t.Classes {
		names = append(names, string(c.ID))
	}
	return strings.Join(names, ", ")
}

func (c Class) named(text string) bool { return named(text, string(c.ID), c.Title, c.Aliases) }

func (c Class) parse(text string) (Type, bool) {
	i := slices.IndexFunc(c.Determinations, func(d Type) bool { return named(text, string(d.ID), d.Title, d.Aliases) })
	if i < 0 {
		return Type{}, false
	}
	return c.Determinations[i], true
}

func (c Class) names() string {
	var names []string
	for _, d := range c.Determinations {
		if !d.Legacy {
			names = append(names, string(d.ID))
		}
	}
	return strings.Join(names, ", ")
}

// unset maps the words by which Graph and the Defender API say "no value" to the empty text.
func unset(text string) string {
	for _, word := range []string{"unknown", "notAvailable", "unknownFutureValue"} {
		if strings.EqualFold(text, word) {
			return ""
		}
	}
	return text
}

func named(text, id, title string, aliases []string) bool {
	return strings.EqualFold(text, id) || strings.EqualFold(text, title) ||
		slices.ContainsFunc(aliases, func(a string) bool { return strings.EqualFold(text, a) })
}
