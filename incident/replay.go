package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// ErrReplay says that entries do not tell an incident from its beginning: some are missing, or were changed.
// An error that matches it is a [*ReplayError]. Test for it with [errors.Is].
var ErrReplay = errors.New("incident: the log does not tell the incident")

// A ReplayError names the entry that does not follow from those before it. It matches [ErrReplay].
type ReplayError struct {
	Seq   int64       `json:"seq"`   // of the entry
	Entry activity.ID `json:"entry"` // its ID
	Field string      `json:"field"` // of [activity.Change], or what of the entry itself does not fit
	Got   string      `json:"got"`   // what the entry says; of a field that has no value, ""
	Want  string      `json:"want"`  // what would have fitted
}

// Error returns a sentence naming the entry and what did not fit.
func (e *ReplayError) Error() string {
	return fmt.Sprintf("%v: entry %d (%s): %s is %q: want %s", ErrReplay, e.Seq, e.Entry, e.Field, e.Got, e.Want)
}

// Unwrap returns [ErrReplay].
func (e *ReplayError) Unwrap() error { return ErrReplay }

// Replay returns the incident that entries tell of, which are all entries of one incident in the order of the
// log. It is the incident as it is stored, but for Number, which no entry tells and which is 0: Updated is
// the time of the last entry, except for those of alerts that only add to a count, see [AddAlert]. Entries
// that a merge has copied from another incident tell nothing of this one. Of no entries comes the zero
// Incident.
//
// Of an incident that was purged, the log tells the tombstone: what its entries said before is gone. Of a field whose
// change was redacted, the log tells nothing until the next one: it is zero until then, as [ReplayUntil] shows.
//
// Each change must begin where the one before it ended, unless that was redacted. Each command must find the Version
// that the one before it left, so that an entry that is missing or was altered shows: the error is then a
// [*ReplayError]. An error that entries yield is returned as it is.
func Replay(entries iter.Seq2[activity.Entry, error]) (Incident, error) {
	return ReplayUntil(entries, math.MaxInt64)
}

// ReplayUntil is [Replay] up to the entry with that Seq and to the end of the command that logged it, since
// a command is stored at once and nobody has seen a part of it. It returns the zero Incident when the first
// entry comes after seq.
func ReplayUntil(entries iter.Seq2[activity.Entry, error], seq int64) (Incident, error) {
	t := newTale()
	for e, err := range entries {
		if err != nil {
			return Incident{}, err
		}
		if e.Seq > seq && e.Version != t.last.Version {
			break
		}
		if err := t.tell(e); err != nil {
			return Incident{}, err
		}
	}
	return t.incident()
}

// Diff returns the changes of an incident's fields that turn a into b, as the log tells them. ID, Version,
// Number and Updated are not among them.
func Diff(a, b Incident) []activity.Change {
	var changes []activity.Change
	for _, f := range incidentFields() {
		if f.differs(&a, &b) {
			changes = append(changes, activity.Change{Field: f.path, Before: f.value(&a), After: f.value(&b)})
		}
	}
	return changes
}

// A tale is what entries have told so far.
type tale struct {
	id     ID
	fields map[string]told
	last   activity.Entry // that was not copied
	news   time.Time      // of the last one that does not leave Updated as it is
}

// A told field is its value and the entry that gave it.
type told struct {
	value   activity.Value
	seq     int64
	entry   activity.ID
	unknown bool // the value was taken from the log
}

func newTale() *tale {
	t := &tale{fields: make(map[string]told, len(incidentFields()))}
	t.forget()
	return t
}

// forget gives all fields the values of the zero Incident.
func (t *tale) forget() {
	for _, f := range incidentFields() {
		t.fields[f.path] = told{value: f.value(&Incident{})}
	}
}

// tell takes e in.
func (t *tale) tell(e activity.Entry) error {
	wrong := func(field, got, want string) error { return &ReplayError{e.Seq, e.ID, field, got, want} }
	switch {
	case t.id == "" && (e.Type != activity.IncidentCreated || e.Origin != ""):
		return wrong("type", e.Type.String(), "the beginning, "+activity.IncidentCreated.String())
	case t.id != "" && e.Incident != t.id:
		return wrong("incident", string(e.Incident), string(t.id))
	case t.id != "" && e.Seq <= t.last.Seq && t.last.Seq != 0: // entries that are not stored yet have no Seq
		return wrong("seq", strconv.FormatInt(e.Seq, 10), fmt.Sprint("more than ", t.last.Seq))
	}
	if e.Origin != "" {
		return nil
	}
	if t.id != "" && e.Type == activity.IncidentCreated {
		return wrong("type", e.Type.String(), "one beginning")
	}
	if begins := e.Version != t.last.Version; begins && e.Version != t.last.Version+1 {
		return wrong("version", strconv.FormatInt(e.Version, 10), fmt.Sprint(t.last.Version+1))
	}
	t.id, t.last = e.Incident, e
	if !isQuiet(e) {
		t.news = e.Time
	}
	if e.Type == activity.Purged {
		t.forget()
	}
	for _, c := range e.Changes {
		if e.OfAlert(c) || c.Redacted() && !e.IsText(c) && e.Type != activity.Redacted {
			continue // of an alert, or purged
		}
		have, ok := t.fields[c.Field]
		switch {
		case !ok:
			return wrong(c.Field, string(c.After), "a field of an incident")
		case c.Redacted():
			t.fields[c.Field] = told{unknown: true}
			continue
		case have.unknown, e.Type == activity.Purged, e.Type == activity.Redacted && c.Before == c.After:
			// These say what is left.
		case have.value != c.Before:
			return wrong(c.Field, string(c.Before), "the value before it, "+strconv.Quote(string(have.value)))
		}
		t.fields[c.Field] = told{value: c.After, seq: e.Seq, entry: e.ID}
	}
	return nil
}

// incident returns what was told.
func (t *tale) incident() (Incident, error) {
	i := Incident{ID: t.id, Version: t.last.Version, Updated: t.news}
	for _, field := range incidentFields() {
		f := t.fields[field.path]
		if f.value == "" {
			continue
		}
		if field.path == "extra" {
			i.Extra = alert.Fields(f.value) // its text is the value
			continue
		}
		var doc any = json.RawMessage(f.value)
		for _, step := range slices.Backward(strings.Split(field.path, ".")) {
			doc = map[string]any{step: doc}
		}
		text, err := json.Marshal(doc)
		if err == nil {
			err = json.Unmarshal(text, &i)
		}
		if err != nil {
			return Incident{}, &ReplayError{f.seq, f.entry, field.path, string(f.value), "a value of the field: " + err.Error()}
		}
	}
	return i, nil
}
