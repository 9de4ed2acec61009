package alert

import (
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Tag is a short label of an incident, or one that a rule gives to an alert. Two tags are the same when
// their names fold equal, whatever their kinds.
type Tag struct {
	Name string  `json:"name"`
	Kind TagKind `json:"kind,omitzero"`
}

// System reports whether a rule or a source has set t, and not people.
func (t Tag) System() bool { return t.Kind != Custom }

// A TagKind says who sets a tag and what it stands for. Source: Microsoft Defender XDR, system tags, which are
// the attack type, automatic action, Defender Experts and critical asset.
type TagKind uint8

// The kinds of tags. The zero TagKind is Custom.
const (
	Custom          TagKind = iota // what people set
	SystemTag                      // set by the source or by this library, such as "Redirected"; nothing more is known of it
	AttackType                     // the kind of attack, such as "Ransomware"
	AutomaticAction                // something acted by itself, such as "Attack Disruption"
	Experts                        // people of the vendor are at it, such as "Defender Experts"
	CriticalAsset                  // an asset of a critical classification is involved, such as "Domain Controller"
)

var tagKinds = []string{"custom", "system", "attackType", "automaticAction", "experts", "criticalAsset"}

// ParseTagKind returns the kind named by text, whatever the case of its letters. Any other text is a
// [*FieldError].
func ParseTagKind(text string) (TagKind, error) {
	if k, ok := enum.Parse[TagKind](tagKinds, text); ok {
		return k, nil
	}
	return Custom, &FieldError{Field: "tag.kind", Value: limit.Shorten(text), Want: enum.Want(tagKinds)}
}

// String returns the kind's text, such as "attackType".
func (k TagKind) String() string { return enum.Text(tagKinds, "tag kind", k) }

// Title returns the kind in words for people, such as "Attack type".
func (k TagKind) Title() string {
	switch k {
	case Custom:
		return "Custom"
	case SystemTag:
		return "System"
	case AttackType:
		return "Attack type"
	case AutomaticAction:
		return "Automatic action"
	case Experts:
		return "Experts"
	case CriticalAsset:
		return "Critical asset"
	}
	return k.String()
}

// Color returns the colour in which a screen would show tags of this kind, by its name in CSS. Source:
// Microsoft Defender XDR, where custom tags are white and system tags usually red or black; which of them is
// which is this library's reading: what an attacker has or wants is red, what is done about it is black.
func (k TagKind) Color() string {
	switch k {
	case Custom:
		return "white"
	case AttackType, CriticalAsset:
		return "red"
	}
	return "black"
}

// MarshalText returns the kind's text. A value that is not one of the constants is an error.
func (k TagKind) MarshalText() ([]byte, error) { return enum.Marshal(tagKinds, "tag kind", k) }

// UnmarshalText sets k as [ParseTagKind] does.
func (k *TagKind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseTagKind(string(text))
	return err
}
