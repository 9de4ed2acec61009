package activity

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// An Actor is who made a change. The zero Actor is not valid: every change has somebody behind it.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`             // account identifier, or the name of a rule or program
	Name string    `json:"name,omitempty"` // display name

	// OnBehalfOf identifies the person for whom an App or an Agent acts, as the ID of a User would; "" means that it
	// acts for itself. A User and the System have none.
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
}

// String returns the display name, or the identifier when there is none.
func (a Actor) String() string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// Validate reports an actor without an ID, of an unknown kind, or with an OnBehalfOf that its kind cannot have, and a
// text that is not UTF-8 or has more than [alert.MaxID] bytes, as an [*alert.FieldError].
func (a Actor) Validate() error {
	if a.ID == "" {
		return &alert.FieldError{Field: "actor.id", Want: "who makes the change"}
	}
	for _, t := range [...]struct{ field, text string }{
		{"actor.id", a.ID}, {"actor.name", a.Name}, {"actor.onBehalfOf", a.OnBehalfOf},
	} {
		if !utf8.ValidString(t.text) || len(t.text) > alert.MaxID {
			return &alert.FieldError{Field: t.field, Value: strings.ToValidUTF8(fmt.Sprintf("%.64s", t.text), "\uFFFD"),
				Want: fmt.Sprintf("UTF-8 of at most %d bytes", alert.MaxID)}
		}
	}
	if a.Kind > Agent {
		return &alert.FieldError{Field: "actor.kind", Value: a.Kind.String(), Want: enum.Want(actorKinds)}
	}
	if a.OnBehalfOf != "" && a.Kind != App && a.Kind != Agent {
		const want = "none, except for an app or an agent"
		return &alert.FieldError{Field: "actor.onBehalfOf", Value: a.OnBehalfOf, Want: want}
	}
	return nil
}

// An ActorKind says what sort of actor made a change.
type ActorKind uint8

// The kinds of actor. The zero ActorKind is User.
const (
	User   ActorKind = iota // a person
	App                     // a program that calls the library, such as a playbook or an importer
	System                  // a rule of the library, such as correlation
	Agent                   // a program that decides by a model, such as an AI agent that triages alerts
)

var actorKinds = []string{"user", "app", "system", "agent"}

// ParseActorKind returns the kind named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseActorKind(text string) (ActorKind, error) {
	return parse[ActorKind](actorKinds, "actor.kind", text)
}

// String returns the kind's text, such as "system".
func (k ActorKind) String() string { return enum.Text(actorKinds, "actor kind", k) }

// MarshalText returns the kind's text. A value that is not one of the constants is an error.
func (k ActorKind) MarshalText() ([]byte, error) { return enum.Marshal(actorKinds, "actor kind", k) }

// UnmarshalText sets k as [ParseActorKind] does.
func (k *ActorKind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseActorKind(string(text))
	return err
}

// A Trigger says whether a person set off a change or a program did.
type Trigger uint8

// The triggers. The zero Trigger is Manual.
const (
	Manual    Trigger = iota // by a person
	Automated                // by a program or a rule
)

var triggers = []string{"manual", "automated"}

// ParseTrigger returns the trigger named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseTrigger(text string) (Trigger, error) { return parse[Trigger](triggers, "trigger", text) }

// String returns the trigger's text, such as "manual".
func (t Trigger) String() string { return enum.Text(triggers, "trigger", t) }

// MarshalText returns the trigger's text. A value that is not one of the constants is an error.
func (t Trigger) MarshalText() ([]byte, error) { return enum.Marshal(triggers, "trigger", t) }

// UnmarshalText sets t as [ParseTrigger] does.
func (t *Trigger) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTrigger(string(text))
	return err
}

func parse[E ~uint8](names []string, field, text string) (E, error) {
	if v, ok := enum.Parse[E](names, text); ok {
		return v, nil
	}
	return 0, &alert.FieldError{Field: field, Value: limit.Shorten(text), Want: enum.Want(names)}
}
