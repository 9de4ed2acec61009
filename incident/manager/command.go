package manager

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// ErrCommandReused says that a [CommandID] was given before: to another command, to the same one with other arguments, or
// by another actor. Nothing was done. Test for it with [errors.Is].
var ErrCommandReused = errors.New("manager: command ID was used for another command")

// Remembered is for how long a command under a [CommandID] is remembered, at least.
const Remembered = 30 * 24 * time.Hour

// MaxCommandID is how many bytes a [CommandID] may have.
const MaxCommandID = 1024

// commands is the Kind of the items that remember commands.
const commands = "command"

// A ticket is a part of a command that has its effect once. The zero ticket is that of a command without a CommandID,
// which is not remembered.
type ticket struct{ key, digest string }

// An outcome is what is remembered of a command: identifiers, versions and codes, and no text of anybody's.
type outcome struct {
	Digest   string      `json:"digest"`
	Incident incident.ID `json:"incident,omitempty"` // which the command returned
	Version  int64       `json:"version,omitempty"`  // of it then
	Alert    alert.ID    `json:"alert,omitempty"`
	Outcome  Outcome     `json:"outcome,omitzero"` // of an alert
	Changed  bool        `json:"changed,omitempty"`
	Created  bool        `json:"created,omitempty"`
}

// ticket returns the ticket of a part of the command that by has given: what was asked for of target, with args as they
// were given.
func (c call) ticket(what Action, by activity.Actor, part, target string, args ...any) ticket {
	if c.commandID == "" {
		return ticket{}
	}
	key, digest := sha256.New(), sha256.New()
	for _, text := range []string{c.commandID, part} {
		addText(key, text)
	}
	for _, v := range append([]any{string(what), by, target, c.version}, args...) {
		addValue(digest, reflect.ValueOf(v))
	}
	return ticket{hex.EncodeToString(key.Sum(nil)), hex.EncodeToString(digest.Sum(nil))}
}

// recall returns what became of the command when it was given before. The error matches ErrCommandReused when that was
// another command.
func (t ticket) recall(ctx context.Context, r storage.Reader) (o outcome, found bool, err error) {
	if t == (ticket{}) {
		return o, false, nil
	}
	i, err := r.Item(ctx, commands, t.key)
	if errors.Is(err, storage.ErrNotFound) {
		return o, false, nil
	}
	if err == nil {
		if err = json.Unmarshal(i.Data, &o); err != nil {
			err = fmt.Errorf("command item %s: %w", t.key, err)
		}
	}
	if err == nil && o.Digest != t.digest {
		err = ErrCommandReused
	}
	return o, err == nil, err
}

// remember puts what became of the command into the Changeset that it comes to.
func (t ticket) remember(cs *storage.Changeset, at time.Time, o outcome) error {
	if t == (ticket{}) {
		return nil
	}
	o.Digest = t.digest
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	cs.Items = append(cs.Items, storage.Item{Kind: commands, Key: t.key, Incident: o.Incident, Time: at, Data: data})
	if len(cs.Expire) == 0 {
		cs.Expire = []storage.Expiry{{Kind: commands, Before: at.Add(-Remembered)}}
	}
	return nil
}

// again turns the error of an Apply into one that is tried again, if it may say that the same command was stored a
// moment earlier. The next try then finds that out.
func (t ticket) again(err error) error {
	if t != (ticket{}) && errors.Is(err, storage.ErrExists) && !errors.Is(err, storage.ErrConflict) {
		return fmt.Errorf("%w: %w", storage.ErrConflict, err)
	}
	return err
}

func validCommandID(id string) error {
	switch {
	case len(id) > MaxCommandID:
		return &alert.FieldError{Field: "commandID", Value: id[:32] + "…", Want: fmt.Sprint("at most ", MaxCommandID, " bytes")}
	case !utf8.ValidString(id):
		return &alert.FieldError{Field: "commandID", Value: id, Want: "UTF-8"}
	}
	return nil
}

func addText(h hash.Hash, s string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(s)))
	_, _ = h.Write(size[:])
	_, _ = h.Write([]byte(s))
}

// isZero reports whether v says nothing, as an empty list does.
func isZero(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// addValue adds v to a digest: of a struct the exported fields that are not zero, by name, so that a field of a later
// version makes no difference while it is not used.
func addValue(h hash.Hash, v reflect.Value) {
	if !v.IsValid() {
		addText(h, "nil")
		return
	}
	if t, ok := v.Interface().(time.Time); ok {
		addText(h, fmt.Sprintf("%d.%d", t.Unix(), t.Nanosecond()))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			addText(h, "nil")
			return
		}
		if v.Kind() == reflect.Interface {
			addText(h, v.Elem().Type().Name())
		}
		addValue(h, v.Elem())
	case reflect.Struct:
		for n := range v.NumField() {
			if f := v.Type().Field(n); f.IsExported() && !isZero(v.Field(n)) {
				addText(h, f.Name)
				addValue(h, v.Field(n))
			}
		}
		addText(h, "") // no field has this name
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			addText(h, string(v.Bytes()))
			return
		}
		addText(h, fmt.Sprint(v.Len()))
		for n := range v.Len() {
			addValue(h, v.Index(n))
		}
	case reflect.Map:
		type pair struct {
			name string
			key  reflect.Value
		}
		var pairs []pair
		for _, k := range v.MapKeys() {
			pairs = append(pairs, pair{fmt.Sprint(k.Interface()), k})
		}
		slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
		addText(h, fmt.Sprint(len(pairs)))
		for _, p := range pairs {
			addText(h, p.name)
			addValue(h, v.MapIndex(p.key))
		}
	case reflect.String:
		addText(h, v.String())
	default:
		addText(h, fmt.Sprintf("%#v", v.Interface())) // not what String makes of it
	}
}
