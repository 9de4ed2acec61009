package alert

import (
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// An Owner is the one user or group that an alert or an incident is assigned to. The zero Owner means
// unassigned. Two owners are the same when their Kind is and their IDs fold equal, as directories spell one account in
// several ways: they may differ in case, in how characters are composed and in invisible characters. The spelling that
// came first is kept.
type Owner struct {
	Kind OwnerKind `json:"kind"`
	ID   string    `json:"id"`             // account identifier, usually a user principal name
	Name string    `json:"name,omitempty"` // display name
}

// IsZero reports whether o is nobody.
func (o Owner) IsZero() bool { return o == Owner{} }

// Same reports whether o and p are the same user or group, whatever their display names.
func (o Owner) Same(p Owner) bool { return o.Kind == p.Kind && glyph.SameFold(o.ID, p.ID) }

// Respelled returns p with the account identifier as o spells it if they are the same user or group, else p as it is.
func (o Owner) Respelled(p Owner) Owner {
	if o.Same(p) {
		p.ID = o.ID
	}
	return p
}

// String returns the display name, or the account identifier when there is none.
func (o Owner) String() string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
}

// An OwnerKind says whether an owner is a user or a group.
type OwnerKind uint8

// The kinds of owner. The zero OwnerKind is UserOwner.
const (
	UserOwner OwnerKind = iota
	GroupOwner
)

var ownerKinds = []string{"user", "group"}

// ParseOwnerKind returns the kind named by text, whatever the case of its letters. Any other text is a
// [*FieldError].
func ParseOwnerKind(text string) (OwnerKind, error) {
	if k, ok := enum.Parse[OwnerKind](ownerKinds, text); ok {
		return k, nil
	}
	return UserOwner, &FieldError{Field: "owner.kind", Value: limit.Shorten(text), Want: enum.Want(ownerKinds)}
}

// String returns the kind's text, such as "group".
func (k OwnerKind) String() string { return enum.Text(ownerKinds, "owner kind", k) }

// MarshalText returns the kind's text. A value that is not one of the constants is an error.
func (k OwnerKind) MarshalText() ([]byte, error) { return enum.Marshal(ownerKinds, "owner kind", k) }

// UnmarshalText sets k as [ParseOwnerKind] does.
func (k *OwnerKind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseOwnerKind(string(text))
	return err
}
