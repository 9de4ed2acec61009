package export

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/picture"
	"github.com/incidentkit/incidentkit/internal/enum"
)

// brand returns whose document it is. A logo that cannot be decoded and an accent that is no colour, or is
// too pale to be read on white, are errors.
func (o Layout) brand() (doc.Brand, error) {
	b := doc.Brand{Organisation: o.Organisation, Header: o.Header, Footer: o.Footer}
	if len(o.Logo) > 0 {
		b.Logo = &doc.Image{Data: o.Logo, Name: o.Organisation}
		if p := picture.Decode(*b.Logo); p.Image == nil {
			return b, &alert.FieldError{Record: "layout", Field: "logo", Want: "a PNG or JPEG image: " + p.Remark}
		}
	}
	if o.Accent == "" {
		return b, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(o.Accent, "#"), 16, 32)
	if err != nil || len(o.Accent) != 7 || o.Accent[0] != '#' || n == 0 {
		return b, &alert.FieldError{Record: "layout", Field: "accent", Value: o.Accent, Want: "a colour other than black, such as #24405c"}
	}
	b.Accent = doc.Color{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n)}
	if ratio := b.Accent.Contrast(doc.Color{R: 255, G: 255, B: 255}); ratio < minContrast {
		return b, &alert.FieldError{Record: "layout", Field: "accent", Value: o.Accent,
			Want: fmt.Sprintf("a contrast of at least %.1f to white, not %.1f", minContrast, ratio)}
	}
	return b, nil
}

// digest tells layouts apart.
func (o Layout) digest() string {
	logo := sha256.Sum256(o.Logo)
	o.Logo = nil
	return fmt.Sprintf("%#v %x", o, logo)
}

// minContrast is that of text which everybody can read. Source: WCAG 2.2, 1.4.3.
const minContrast = 4.5

var profiles = []string{"technical", "executive"}

// ParseProfile returns the profile named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseProfile(text string) (Profile, error) {
	if p, ok := enum.Parse[Profile](profiles, text); ok {
		return p, nil
	}
	return 0, &alert.FieldError{Field: "profile", Value: text, Want: enum.Want(profiles)}
}

// String returns the profile's text, such as "executive".
func (p Profile) String() string { return enum.Text(profiles, "profile", p) }

// MarshalText returns the profile's text. A value that is not one of the constants is an error.
func (p Profile) MarshalText() ([]byte, error) { return enum.Marshal(profiles, "profile", p) }

// UnmarshalText sets p as [ParseProfile] does.
func (p *Profile) UnmarshalText(text []byte) (err error) {
	*p, err = ParseProfile(string(text))
	return err
}

var labels = []string{"", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

// ParseTLP returns the label named by text, whatever the case of its letters; "" is none. Any other text is an
// [*alert.FieldError].
func ParseTLP(text string) (TLP, error) {
	if t, ok := enum.Parse[TLP](labels, text); ok {
		return t, nil
	}
	return 0, &alert.FieldError{Field: "tlp", Value: text, Want: enum.Want(labels[1:])}
}

// String returns the label, such as "TLP:AMBER".
func (t TLP) String() string { return enum.Text(labels, "TLP", t) }

// MarshalText returns the label. A value that is not one of the constants is an error.
func (t TLP) MarshalText() ([]byte, error) { return enum.Marshal(labels, "TLP", t) }

// UnmarshalText sets t as [ParseTLP] does.
func (t *TLP) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTLP(string(text))
	return err
}

// marking returns the band of a label, in the colours that FIRST prescribes.
func (t TLP) marking() doc.Marking {
	if t == Unmarked || int(t) >= len(labels) {
		return doc.Marking{}
	}
	black := doc.Color{R: 1, G: 1, B: 1} // a Color of zeros is none
	m := doc.Marking{Label: t.String(), Ground: black}
	switch t {
	case TLPRed:
		m.Ink, m.Text = doc.Color{R: 0xFF, G: 0x2B, B: 0x2B}, "For the eyes and ears of individual recipients only, no further disclosure."
	case TLPAmberStrict:
		m.Ink, m.Text = doc.Color{R: 0xFF, G: 0xC0}, "Limited disclosure, restricted to the recipient's organisation."
	case TLPAmber:
		m.Ink, m.Text = doc.Color{R: 0xFF, G: 0xC0}, "Limited disclosure, on a need-to-know basis within the organisation and its clients."
	case TLPGreen:
		m.Ink, m.Text = doc.Color{R: 0x33, G: 0xFF}, "Limited disclosure, within the community."
	default:
		m.Ink, m.Text = doc.Color{R: 0xFF, G: 0xFF, B: 0xFF}, "No limit on disclosure."
	}
	return m
}
