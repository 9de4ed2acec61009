package incident

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// UnmarshalJSON reads an edit, such as the body of an HTTP PATCH. A member that is absent leaves the incident as it is.
// The value null clears: owner, verdict, description and note are empty then, and name and severity are generated or
// derived again, as GenerateName and DeriveSeverity say. A status cannot be null. Other members may be null, which is
// the same as absent.
//
// What cannot be read is an [*alert.FieldError]: a null status, a member that Edit does not have, a value of another
// type, and a word that is none of its enumeration, in whatever case.
func (e *Edit) UnmarshalJSON(text []byte) error {
	type fields Edit
	read := fields(*e)
	var null struct{ Name, Description, Owner, Severity, Status, Note, Verdict isNull }
	if err := readEdit(text, &read, &null); err != nil {
		return err
	}
	switch {
	case bool(null.Status):
		return nullMember("status", enum.Want(statuses[:Resolved+1]))
	case bool(null.Name):
		read.GenerateName = true
	}
	if null.Severity {
		read.DeriveSeverity = true
	}
	if null.Description {
		read.Description = new("")
	}
	if null.Note {
		read.Note = new("")
	}
	if null.Owner {
		read.Owner = &Owner{}
	}
	if null.Verdict {
		read.Verdict = &classification.Verdict{}
	}
	*e = Edit(read)
	return nil
}

// UnmarshalJSON reads an edit of alerts as [Edit.UnmarshalJSON] reads one of an incident: the value null clears owner,
// verdict, description and recommended actions, status and title cannot be null, and what cannot be read is an
// [*alert.FieldError].
func (e *AlertEdit) UnmarshalJSON(text []byte) error {
	type fields AlertEdit
	read := fields(*e)
	var null struct{ Owner, Status, Verdict, Title, Description, RecommendedActions isNull }
	if err := readEdit(text, &read, &null); err != nil {
		return err
	}
	switch {
	case bool(null.Status):
		return nullMember("status", "new, inProgress or resolved")
	case bool(null.Title):
		return nullMember("title", "a text in which something can be seen")
	}
	if null.Description {
		read.Description = new("")
	}
	if null.RecommendedActions {
		read.RecommendedActions = new("")
	}
	if null.Owner {
		read.Owner = &Owner{}
	}
	if null.Verdict {
		read.Verdict = &classification.Verdict{}
	}
	*e = AlertEdit(read)
	return nil
}

// isNull is whether the member of an object is there and null.
type isNull bool

// UnmarshalJSON is called for null too.
func (n *isNull) UnmarshalJSON(text []byte) error {
	*n = string(text) == "null"
	return nil
}

func nullMember(field, want string) error {
	return &alert.FieldError{Record: "edit", Field: field, Value: "null", Want: want}
}

// readEdit reads the members of an object into fields, and into null which of them are null.
func readEdit(text []byte, fields, null any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(fields)
	if err == nil {
		return json.Unmarshal(text, null)
	}
	refused := func(field, value, want string) error {
		return &alert.FieldError{
			Record: "edit", Field: limit.Shorten(field), Value: limit.Shorten(value), Want: want,
		}
	}
	if word, ok := errors.AsType[*alert.FieldError](err); ok {
		return refused(word.Field, word.Value, word.Want)
	}
	if other, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return refused(other.Field, other.Value, kindOf(other.Type))
	}
	if member, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		member, _ = strconv.Unquote(member)
		return refused(member, "", "no such member")
	}
	return err
}

// kindOf returns what JSON calls the values of a type of a field of an edit.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	}
	return "a text"
}
