package measure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/jsonl"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Labelled is an alert and the attack that it belongs to.
type Labelled struct {
	Attack string      `json:"attack"` // the label; "" means noise
	Alert  alert.Alert `json:"alert"`  // fields marked "managed" are ignored
}

// Read yields the alerts of r, one JSON object a line, in order. A line is in one of two formats:
//
//	{"attack": "a1", "alert": {…}}      what Write writes: the JSON of a Labelled
//	{"attack": "a1", "id": "h1", …}     a hit of a detection rule on a recorded event
//
// The second has the members attack, id, at, rule, level, techniques, device (short or full name), users (domain,
// account, sid), process (image, pid, parentImage, parentPid), files, ips and registry. A file or an image has the
// members of [alert.File]. The first four are required. It becomes an alert with the source "rules": rule is the
// title, at the time of the activity and of the alert, and the level "critical" is high.
//
// Blank lines and a byte order mark are skipped. A line may have any length. Names of members are compared
// case-insensitively: another name is an error, and of a member that is there twice the last counts. The first error
// ends the sequence: it is yielded with the zero Labelled.
func Read(r io.Reader) iter.Seq2[Labelled, error] {
	return func(yield func(Labelled, error) bool) {
		for line, err := range jsonl.Lines(r) {
			if err != nil {
				yield(Labelled{}, fmt.Errorf("read line %d: %w", line.Number, err))
				return
			}
			l, err := parse(line.Text)
			if field, ok := err.(*alert.FieldError); ok {
				field.Record = fmt.Sprintf("line %d", line.Number)
			} else if err != nil {
				err = fmt.Errorf("line %d: %w", line.Number, err)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// Write writes each of all as one line of JSON, which Read reads.
func Write(w io.Writer, all []Labelled) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for n, l := range all {
		if err := e.Encode(l); err != nil {
			return fmt.Errorf("write labelled alert %d (%s): %w", n, l.Alert.Origin.AlertID(), err)
		}
	}
	return nil
}

// parse returns an error without the line.
func parse(text []byte) (Labelled, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(text, &members)
	switch {
	case !utf8.Valid(text):
		return Labelled{}, fmt.Errorf("want UTF-8: %w", alert.ErrInvalid)
	case err != nil || members == nil:
		want := fmt.Errorf("want one JSON object: %w", alert.ErrInvalid)
		return Labelled{}, errors.Join(want, err)
	}
	if text, ours := members["alert"]; ours {
		return parseAlert(members, text)
	}
	h, err := decode[hit](text, "")
	if err != nil {
		return Labelled{}, err
	}
	if err := given(members, required{"id", h.ID}, required{"rule", h.Rule}); err != nil {
		return Labelled{}, err
	}
	if h.At.IsZero() || !alert.ValidTime(h.At) {
		return Labelled{}, &alert.FieldError{Field: "at", Value: string(members["at"]), Want: wantTime}
	}
	a, err := h.alert()
	return Labelled{h.Attack, a}, err
}

func parseAlert(members map[string]json.RawMessage, text []byte) (l Labelled, err error) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch name {
		case "alert":
			l.Alert, err = decode[alert.Alert](text, "alert.")
			if err == nil {
				err = strayEvidence(text, l.Alert)
			}
		case "attack":
			if err := json.Unmarshal(members[name], &l.Attack); err != nil {
				return Labelled{}, problem(name, members[name], err)
			}
		default:
			err = unknown(name, members[name])
		}
		if err != nil {
			return Labelled{}, err
		}
	}
	o := l.Alert.Origin
	return l, given(members, required{"alert.origin.source", o.Source}, required{"alert.origin.id", o.ID})
}

// A required is a field that must have a text.
type required struct{ field, value string }

// given returns an error unless members have a label and each of the texts is there.
func given(members map[string]json.RawMessage, texts ...required) error {
	if label := string(members["attack"]); label == "" || label == "null" {
		return &alert.FieldError{Field: "attack", Value: label, Want: wantLabel}
	}
	for _, t := range texts {
		if strings.TrimSpace(t.value) == "" {
			return &alert.FieldError{Field: t.field, Value: t.value, Want: "a text"}
		}
	}
	return nil
}

const (
	wantLabel = `the name of an attack, or "" for noise`
	wantTime  = "a time such as 2026-03-02T09:02:50.881353Z"
)

// decode reads a JSON object strictly. An error names the member, behind path.
func decode[T any](text []byte, path string) (v T, err error) {
	strict := func(text []byte) (v T, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		err = d.Decode(&v)
		return v, err
	}
	if v, err = strict(text); err == nil {
		return v, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return v, problem(strings.TrimSuffix(path, "."), text, err)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		one, _ := json.Marshal(map[string]json.RawMessage{name: members[name]}) // which was JSON before
		if _, err := strict(one); err != nil {
			return v, problem(path+name, members[name], err)
		}
	}
	return v, problem(strings.TrimSuffix(path, "."), text, err)
}

// problem returns err, which text caused, as an error that names the field.
func problem(field string, text []byte, err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		if field != name && !strings.HasSuffix(field, "."+name) {
			field += "." + name
		}
		return unknown(field, text)
	}
	value := limit.Shorten(string(text))
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if _, inner, ok := strings.Cut(e.Field, "."); ok {
			field += "." + inner
		}
		return &alert.FieldError{Field: field, Value: value, Want: wantType(e.Type)}
	}
	if e, ok := errors.AsType[*alert.FieldError](err); ok {
		if _, inner, ok := strings.Cut(e.Field, "."); ok {
			field += "." + inner
		}
		return &alert.FieldError{Field: field, Value: e.Value, Want: e.Want}
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok || strings.Contains(err.Error(), "Time.UnmarshalJSON") {
		return &alert.FieldError{Field: field, Value: value, Want: wantTime}
	}
	return &alert.FieldError{Field: field, Value: value, Want: "JSON of another form: " + err.Error()}
}

func unknown(field string, text []byte) error {
	want := "no such member; its name is unknown here"
	return &alert.FieldError{Field: field, Value: limit.Shorten(string(text)), Want: want}
}

func wantType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	}
	return "a number"
}

// strayEvidence returns an error if evidence in text, the JSON of a, has a value that a has not taken: evidence reads
// itself and ignores members that it does not know.
func strayEvidence(text []byte, a alert.Alert) error {
	var in, out struct {
		Evidence []map[string]any `json:"evidence"`
	}
	taken, err := json.Marshal(struct {
		Evidence []alert.Evidence `json:"evidence"`
	}{a.Evidence})
	if err == nil {
		err = errors.Join(json.Unmarshal(text, &in), json.Unmarshal(taken, &out))
	}
	if err != nil {
		return problem("alert.evidence", nil, err)
	}
	for n, e := range in.Evidence {
		if name := stray(e, out.Evidence[n]); name != "" {
			return unknown(limit.At("alert.evidence", n)+name, nil)
		}
	}
	return nil
}

// stray returns the path of the first member of in that has a value and that out does not have, "" if there is none.
func stray(in, out map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		taken, ok := out[name]
		if inner, object := in[name].(map[string]any); object {
			to, _ := taken.(map[string]any)
			if path := stray(inner, to); path != "" {
				return "." + name + path
			}
		} else if !ok && !blank(in[name]) {
			return "." + name
		}
	}
	return ""
}

// blank reports whether v is a value that the JSON of evidence leaves out.
func blank(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0 || v == nil || v == "" || v == false || v == 0.0
}

// A hit is a line of the second format.
type hit struct {
	Attack     string    `json:"attack"`
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	Rule       string    `json:"rule"`
	Level      string    `json:"level"`
	Techniques []string  `json:"techniques"`
	Device     string    `json:"device"`
	Users      []struct {
		Domain  string `json:"domain"`
		Account string `json:"account"`
		SID     string `json:"sid"`
	} `json:"users"`
	Process *struct {
		Image       alert.File `json:"image"`
		PID         int64      `json:"pid"`
		ParentImage alert.File `json:"parentImage"`
		ParentPID   int64      `json:"parentPid"`
	} `json:"process"`
	Files    []alert.File `json:"files"`
	IPs      []string     `json:"ips"`
	Registry string       `json:"registry"` // hive, a backslash and the path
}

func (h hit) alert() (alert.Alert, error) {
	a := alert.Alert{
		Origin: alert.Origin{Source: "rules", ID: h.ID}, Title: h.Rule, Techniques: h.Techniques,
		FirstActivity: h.At, LastActivity: h.At, Created: h.At,
	}
	switch level := strings.ToLower(h.Level); level {
	case "":
	case "critical":
		a.Severity = alert.High
	default:
		var err error
		if a.Severity, err = alert.ParseSeverity(level); err != nil {
			want := "informational, low, medium, high or critical"
			return alert.Alert{}, &alert.FieldError{Field: "level", Value: limit.Shorten(h.Level), Want: want}
		}
	}
	add := func(e alert.Entity) { a.Evidence = append(a.Evidence, alert.Evidence{Entity: e}) }
	switch {
	case strings.Contains(h.Device, "."):
		add(alert.Device{DNSName: h.Device})
	case h.Device != "":
		add(alert.Device{HostName: h.Device})
	}
	for _, u := range h.Users {
		add(alert.User{Domain: u.Domain, Account: u.Account, SID: u.SID})
	}
	if p := h.Process; p != nil {
		add(alert.Process{PID: p.PID, Image: p.Image, ParentPID: p.ParentPID, ParentImage: p.ParentImage})
	}
	for _, f := range h.Files {
		add(f)
	}
	for _, ip := range h.IPs {
		add(alert.IP{Address: ip})
	}
	if h.Registry != "" {
		hive, key, _ := strings.Cut(h.Registry, `\`)
		add(alert.Registry{Hive: hive, Key: key})
	}
	return a, nil
}
