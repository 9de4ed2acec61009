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
	"maps"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/limit"
	"github.com/incidentkit/incidentkit/storage"
)

// ErrCommandReused says that a [CommandID] was given before: to another command, to the same one with other arguments,
// or by another actor. Nothing was done. Test for it with [errors.Is].
var ErrCommandReused = errors.New("manager: command ID was used for another command")

// Remembered is for how long a command under a [CommandID] is remembered, at least.
const Remembered = 30 * 24 * time.Hour

// MaxCommandID is how many bytes a [CommandID] may have.
const MaxCommandID = alert.MaxID

// commands is the Kind of the items that remember commands.
const commands = "command"

// A ticket is a part of a command that has its effect once. The nil ticket is that of a command without a CommandID,
// which is not remembered.
//
// A command of several parts has an item of its own beside those of its parts, so that the CommandID is taken
// whatever the parts of another command are.
type ticket struct {
	at            time.Time
	command, part place        // the same when the command has no parts
	own           storage.Item // the command's own, as recall saw it; Version 0 when it was not there
}

// A place is the key of an item with what must be in it.
type place struct{ key, digest string }

// An outcome is what is remembered of a command: identifiers, versions and codes, and no text.
type outcome struct {
	Digest   string      `json:"digest"`             // of all that was given; "" when what was given was redacted
	Cause    string      `json:"cause,omitempty"`    // of the entries
	Command  string      `json:"command,omitempty"`  // key of the command's own item, of a part
	Incident incident.ID `json:"incident,omitempty"` // which the command returned
	Version  int64       `json:"version,omitempty"`  // of it then
	Outcome  Outcome     `json:"outcome,omitzero"`   // of an alert
	Changed  bool        `json:"changed,omitempty"`
	Created  bool        `json:"created,omitempty"`
}

// ticket returns the ticket of the command that by has given: what was asked for of target, with args as they were
// given.
func (c call) ticket(what string, by activity.Actor, target string, args ...any) *ticket {
	if c.commandID == "" {
		return nil
	}
	by.Name = "" // which may change
	// The CommandID keeps the digest from saying what a short text was.
	all := place{digestOf(c.commandID), digestOf(append([]any{c.commandID, what, by, target, c.version}, args...)...)}
	return &ticket{at: c.at, command: all, part: all}
}

// of returns the ticket of a part of the command, with those of the arguments that are of this part alone.
func (t *ticket) of(part string, args ...any) *ticket {
	if t == nil {
		return nil
	}
	return &ticket{at: t.at, command: t.command, part: place{
		digestOf(t.command.key, part), digestOf(append([]any{t.command.digest, part}, args...)...),
	}}
}

// recall returns what became of the command when it was given before. The error matches ErrCommandReused when that was
// another command.
func (t *ticket) recall(ctx context.Context, r storage.Reader) (o outcome, found bool, err error) {
	if t == nil {
		return o, false, nil
	}
	t.own = storage.Item{}
	i, o, err := t.look(ctx, r, t.command)
	if err == nil && t.part != t.command {
		t.own = i
		i, o, err = t.look(ctx, r, t.part)
	}
	return o, i.Version > 0, err
}

// look returns the item at a place, of Version 0 when it is not there or forgotten, and what it says.
func (t *ticket) look(ctx context.Context, r storage.Reader, at place) (i storage.Item, o outcome, err error) {
	i, err = r.Item(ctx, commands, at.key)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && i.Time.Before(expiry(t.at).Before):
		return storage.Item{}, o, nil
	case err != nil:
		return storage.Item{}, o, err
	}
	if err := json.Unmarshal(i.Data, &o); err != nil {
		return storage.Item{}, o, fmt.Errorf("command item %s: %w", at.key, err)
	}
	if o.Digest != at.digest {
		return storage.Item{}, outcome{}, ErrCommandReused
	}
	return i, o, nil
}

// A command's own item is stored again with a part that comes more than renewed after it, so that it is not forgotten
// before its parts.
const renewed = 24 * time.Hour

// expiry says which commands are forgotten at that time.
func expiry(at time.Time) storage.Expiry {
	return storage.Expiry{Kind: commands, Before: at.Add(-Remembered - renewed)}
}

// remember puts what became of the command into the Changeset that it comes to, which has no items but those of its
// parts.
func (t *ticket) remember(cs *storage.Changeset, cause string, o outcome) error {
	if t == nil {
		return nil
	}
	item := func(at place, version int64, o outcome) error {
		o.Digest = at.digest
		data, err := json.Marshal(o)
		cs.Items = append(cs.Items, storage.Item{
			Kind:     commands,
			Key:      at.key,
			Version:  version,
			Incident: o.Incident,
			Time:     t.at,
			Data:     data,
		})
		return err
	}
	var err error
	if o.Cause = cause; t.part != t.command {
		o.Command = t.command.key
	}
	if len(cs.Items) == 0 {
		cs.Expire = []storage.Expiry{expiry(t.at)}
		if t.part != t.command && (t.own.Version == 0 || t.at.Sub(t.own.Time) > renewed) {
			err = item(t.command, t.own.Version, outcome{})
		}
	}
	return errors.Join(err, item(t.part, 0, o))
}

// forgotten returns the items of the commands that have written entries, without the digests of what was given. These
// would tell who guesses a text, after it was redacted, that the guess is right. Items that expire before at are not
// among them.
func forgotten(
	ctx context.Context, r storage.Reader, entries []activity.Entry, at time.Time,
) (items []storage.Item, err error) {
	q := storage.ItemQuery{Kinds: []string{commands}}
	causes := make(map[string]bool, len(entries))
	for _, e := range entries {
		causes[e.Cause] = true
		q.Incidents = append(q.Incidents, e.Incident, e.Origin)
	}
	q.Incidents = slices.DeleteFunc(q.Incidents, func(id incident.ID) bool { return id == "" })
	whole := make(map[string]bool) // keys of commands of several parts
	forget := func(i storage.Item) error {
		var o outcome
		err := json.Unmarshal(i.Data, &o)
		if err != nil || o.Digest == "" || i.Time.Before(expiry(at).Before) || !causes[o.Cause] && !whole[i.Key] {
			return err
		}
		if o.Command != "" {
			whole[o.Command] = true
		}
		o.Digest = ""
		i.Data, err = json.Marshal(o)
		items = append(items, i)
		return err
	}
	for i, err := range r.Items(ctx, q) {
		if err == nil {
			err = forget(i)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(whole)) {
		i, err := r.Item(ctx, commands, key)
		if err == nil {
			err = forget(i)
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
	}
	return items, nil
}

func validCommandID(id string) error {
	want := ""
	switch {
	case !utf8.ValidString(id):
		want = "UTF-8"
	case len(id) > MaxCommandID:
		want = fmt.Sprint("at most ", MaxCommandID, " bytes")
	default:
		return nil
	}
	return &alert.FieldError{Record: "command", Field: "commandID", Value: limit.Shorten(id), Want: want}
}

// digestOf returns a digest of values, which must be of the same types where two are compared.
func digestOf(values ...any) string {
	h := sha256.New()
	for _, v := range values {
		addValue(h, reflect.ValueOf(v))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func addBytes(h hash.Hash, b []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(b)))
	_, _ = h.Write(size[:])
	_, _ = h.Write(b)
}

func addText(h hash.Hash, s string) { addBytes(h, []byte(s)) }

// isZero reports whether v says nothing, as an empty list does.
func isZero(v reflect.Value) bool {
	if t, ok := v.Interface().(time.Time); ok {
		return t.IsZero()
	}
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// addValue adds v to a digest: of a struct the exported fields that are not zero, by name, so that a field of a later
// version makes no difference while it is not used.
func addValue(h hash.Hash, v reflect.Value) {
	if t, ok := v.Interface().(time.Time); ok {
		addText(h, fmt.Sprintf("%d.%d", t.Unix(), t.Nanosecond()))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			addText(h, "")
			return
		}
		addText(h, v.Elem().Type().String())
		addValue(h, v.Elem())
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() && !isZero(field) {
				addText(h, f.Name)
				addValue(h, field)
			}
		}
		addText(h, "") // no field has this name
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			addBytes(h, v.Bytes())
			return
		}
		addText(h, fmt.Sprint(v.Len()))
		for n := range v.Len() {
			addValue(h, v.Index(n))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		addText(h, fmt.Sprint(len(keys)))
		for _, k := range keys {
			addText(h, fmt.Sprint(k))
			addValue(h, v.MapIndex(k))
		}
	case reflect.String:
		addText(h, v.String())
	default:
		addText(h, fmt.Sprintf("%#v", v.Interface())) // not what String makes of it
	}
}
