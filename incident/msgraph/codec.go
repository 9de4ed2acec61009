package msgraph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
)

type object = map[string]json.RawMessage

// A codec moves fields between an object and Go values, in one direction. Reading takes what it understands
// out of the object and notes what it does not; writing puts values beside what reading left there.
type codec struct {
	m     object
	write bool
	notes *notes // nil when writing
	path  string // of m in the item; "" for the item itself
}

func (c codec) note(name, said string) {
	if c.notes != nil {
		c.notes.add(under(c.path, name), c.m[name], said)
	}
}

// at returns the codec of an object under name.
func (c codec) at(name string, m object) codec {
	if !c.write {
		fold(m)
	}
	return codec{m, c.write, c.notes, under(c.path, name)}
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// put writes v under the first of names that is free, so that an alias left over keeps its place.
func (c codec) put(v any, names []string) {
	name := names[0]
	for _, n := range names {
		if _, taken := c.m[n]; !taken {
			name = n
			break
		}
	}
	c.m[name] = encode(v)
}

// take gives the values under names to read until it accepts one, and drops null ones.
func (c codec) take(names []string, read func(name string, raw json.RawMessage) (found, drop bool)) {
	for _, n := range names {
		raw, ok := c.m[n]
		if !ok {
			continue
		}
		found, drop := false, true
		if !isNull(raw) {
			found, drop = read(n, raw)
		}
		if drop {
			delete(c.m, n)
		}
		if found {
			return
		}
	}
}

// value moves a field whose zero value means that it is absent. A zero that says more than the empty
// text, such as process 0, stays in the object.
func value[T comparable](c codec, p *T, names ...string) {
	var zero T
	if c.write {
		if *p != zero {
			c.put(*p, names)
		}
		return
	}
	c.take(names, func(name string, raw json.RawMessage) (bool, bool) {
		var v T
		if json.Unmarshal(raw, &v) != nil && !loose(&v, raw) {
			c.note(name, fmt.Sprintf("kept as it came, since it is no %s", typeName(v)))
			return false, false
		}
		*p = v
		return v != zero, v != zero || string(raw) == `""`
	})
}

// named is value for a name, which is none where it is one of the words that stand for none. Such a word
// stays.
func named(c codec, p *string, names ...string) {
	if c.write {
		value(c, p, names...)
		return
	}
	c.take(names, func(name string, raw json.RawMessage) (bool, bool) {
		var s string
		if json.Unmarshal(raw, &s) == nil && nothing(s) {
			return false, s == ""
		}
		value(c, p, name)
		return *p != "", false
	})
}

// loose reads a number given as a text, and a text given as a number.
func loose[T any](v *T, raw json.RawMessage) bool {
	switch v := any(v).(type) {
	case *int64:
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		*v = n
		return err == nil
	case *string:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		*v = strconv.FormatInt(n, 10)
		return err == nil && *v == string(raw)
	}
	return false
}

func typeName(v any) string {
	if _, ok := v.(int64); ok {
		return "whole number"
	}
	return "text"
}

func list[T ~string](c codec, p *[]T, names ...string) {
	if c.write {
		if len(*p) > 0 {
			c.put(*p, names)
		}
		return
	}
	c.take(names, func(name string, raw json.RawMessage) (bool, bool) {
		var v []T
		var one T
		raw = unquoted(raw)
		if raw[0] != '[' {
			if json.Unmarshal(raw, &one) != nil {
				c.note(name, "kept as it came, since it is no list of texts")
				return false, false
			}
			if one == "" {
				return false, true
			}
			v = []T{one}
		}
		n := 0
		for e := range jsonitem.Elements(raw) {
			if n++; n > alert.MaxEvidence {
				continue
			}
			if one = ""; json.Unmarshal(e, &one) != nil {
				c.note(name, "kept as it came, since it is no list of texts")
				return false, false
			}
			v = append(v, one)
		}
		if n > alert.MaxEvidence {
			c.notes.add(under(c.path, name), nil, fmt.Sprintf("%d of %d texts left out",
				n-alert.MaxEvidence, n))
		}
		if len(v) == 0 {
			return false, true
		}
		*p = v
		return true, true
	})
}

func (c codec) time(p *time.Time, names ...string) {
	if c.write {
		if !p.IsZero() {
			c.put(p.UTC().Format(time.RFC3339Nano), names)
		}
		return
	}
	c.take(names, func(name string, raw json.RawMessage) (bool, bool) {
		s, ok := timeText(raw)
		if ok && s == "" {
			return false, true
		}
		t, zoned, understood := parseTime(s)
		switch {
		case !ok || !understood:
			c.note(name, "kept as it came, since it is no time")
			return false, false
		case !zoned && !t.IsZero():
			c.note(name, "taken for UTC, since it tells no zone")
		case raw[0] != '"':
			c.note(name, "only its value is kept")
		}
		*p = t
		return !t.IsZero(), true
	})
}

// A reading says what became of a word.
type reading uint8

const (
	wholly  reading = iota // the value says all that it does
	partly                 // it says more than the value, and stays
	strange                // the value is the word, which is none of those that are known
	unread                 // it is not understood, and stays
)

// word moves an enumeration. parse says what a word means and what becomes of it. A word that stays in the
// object is written back for as long as the value is what it was read as.
func word[T comparable](c codec, p *T, name string, parse func(string) (T, reading), text string) {
	var s string
	var v T
	how := unread
	raw, ok := c.m[name]
	if ok && json.Unmarshal(raw, &s) == nil {
		v, how = parse(s)
	}
	switch {
	case !c.write:
		*p = v
		switch {
		case !ok:
		case isNull(raw), s == "" && string(raw) == `""`:
			delete(c.m, name)
		case how == unread:
			c.note(name, "kept as it came, since it is not understood")
		case how == strange:
			c.note(name, "kept, though it is none of the words known here")
			delete(c.m, name)
		case how == wholly:
			delete(c.m, name)
		}
	case ok && v == *p:
	default:
		if delete(c.m, name); text != "" {
			c.m[name] = encode(text)
		}
	}
}

// words is word for a list; words that mean nothing are not in the value.
func words[T ~string](c codec, p *[]T, name string, parse func(string) (T, reading)) {
	var texts []string
	var values []T
	raw, ok := c.m[name]
	all := ok && json.Unmarshal(raw, &texts) == nil
	if ok && !all {
		var one string
		if texts = nil; json.Unmarshal(raw, &one) == nil {
			texts, all = []string{one}, true
		} else if !c.write {
			c.note(name, "kept as it came, since it is no list of texts")
		}
	}
	for n, s := range texts {
		v, how := parse(s)
		if all = all && (how == wholly || how == strange); v != "" {
			values = append(values, v)
		}
		if c.write || s == "" {
			continue
		}
		switch field := under(c.path, name+"["+strconv.Itoa(n)+"]"); how {
		case unread:
			c.notes.add(field, encode(s), "kept as it came, since it is not understood")
		case strange:
			c.notes.add(field, encode(s), "kept, though it is none of the words known here")
		}
	}
	switch {
	case !c.write:
		if *p = values; all {
			delete(c.m, name)
		}
	case ok && slices.Equal(values, *p):
	default:
		if delete(c.m, name); len(*p) > 0 {
			c.m[name] = encode(*p)
		}
	}
}

// bare returns the letters and digits of s, in lower case: what is left of a word whoever spells it.
func bare(s string) string {
	plain := true
	for n := range len(s) {
		plain = plain && ('a' <= s[n] && s[n] <= 'z' || '0' <= s[n] && s[n] <= '9')
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// nothing reports whether a word or a name is one that programs write where they know none.
func nothing(s string) bool {
	switch bare(s) {
	case "", "na", "none", "null", "nil", "unknown", "unassigned", "notassigned", "notset", "notspecified",
		"notavailable",
		"notapplicable", "undefined", "unspecified", "nobody", "noone":
		return true
	}
	return false
}

// name reads a name of an open set, of which nothing is known but what stands for none.
func name(s string) (string, reading) {
	switch {
	case strings.EqualFold(s, "unknownFutureValue"):
		return "", unread
	case nothing(s):
		return "", partly
	}
	return s, wholly
}

// open returns how to read a word of an open set: one of known in any case as it is spelled there, any
// other as it came. Words that say nothing are empty; all but the usual one are worth keeping, as
// unknownFutureValue is: it stands for a member that the reader was not thought to know.
func open[T ~string](usual string, known ...T) func(string) (T, reading) {
	return func(s string) (T, reading) {
		if s == "" || strings.EqualFold(s, usual) {
			return "", wholly
		}
		if n, how := name(s); n == "" {
			return "", how
		}
		for _, k := range known {
			if strings.EqualFold(s, string(k)) {
				return k, wholly
			}
		}
		for _, k := range known {
			if bare(s) == bare(string(k)) {
				return k, wholly
			}
		}
		return T(s), strange
	}
}

// sub moves the fields of an object within the object.
func (c codec) sub(name string, f func(codec)) {
	var m object
	raw, ok := c.m[name]
	if ok && (json.Unmarshal(raw, &m) != nil || m == nil) {
		if isNull(raw) {
			delete(c.m, name)
			ok = false
		} else if !c.write {
			c.note(name, "kept as it came, since it is no object")
			return
		}
	}
	if m == nil {
		m = object{}
	}
	f(c.at(name, m))
	if len(m) > 0 {
		c.m[name] = encode(m)
	} else if ok && !c.write {
		delete(c.m, name)
	}
}

// split reads the elements of a list that read accepts and leaves the others. An object is a list of one.
// No more than alert.MaxEvidence elements are looked at.
func (c codec) split(name string, read func(path string, raw json.RawMessage) bool) {
	raw, ok := c.m[name]
	switch raw = unquoted(raw); {
	case !ok:
		return
	case isNull(raw):
		delete(c.m, name)
		return
	case raw[0] == '{' && read(under(c.path, name), raw), string(raw) == `""`:
		delete(c.m, name)
		return
	case raw[0] != '[':
		if raw[0] != '{' {
			c.note(name, "kept in a list, since it is none")
		}
		c.m[name] = encode([]json.RawMessage{raw})
		return
	}
	var left []json.RawMessage
	n := 0
	for e := range jsonitem.Elements(raw) {
		if n < alert.MaxEvidence && !read(under(c.path, name+"["+strconv.Itoa(n)+"]"), e) {
			left = append(left, e)
		}
		n++
	}
	if n > alert.MaxEvidence {
		c.notes.add(under(c.path, name), nil, fmt.Sprintf("%d of %d elements left out", n-alert.MaxEvidence,
			n))
	}
	if delete(c.m, name); len(left) > 0 {
		c.m[name] = encode(left)
	}
}

// unquoted returns the list or the object that raw has as a text, as programs write it that know only flat
// fields, or raw.
func unquoted(raw json.RawMessage) json.RawMessage {
	var text string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return raw
	}
	text = strings.TrimSpace(text)
	inner := json.RawMessage(text)
	if text == "" || text[0] != '[' && text[0] != '{' || !json.Valid(inner) ||
		jsonitem.Depth(inner) > maxDepth/2 {
		return raw
	}
	return inner
}

// join is the opposite of split.
func (c codec) join(name string, elements []json.RawMessage) {
	if len(elements) == 0 {
		return
	}
	if raw, ok := c.m[name]; ok {
		var left []json.RawMessage
		if json.Unmarshal(raw, &left) != nil {
			left = []json.RawMessage{raw}
		}
		elements = append(elements, left...)
	}
	c.m[name] = encode(elements)
}

func parseSeverity(s string) (alert.Severity, reading) {
	v, err := alert.ParseSeverity(s)
	if err != nil {
		v, err = alert.ParseSeverity(bare(s))
	}
	switch {
	case err == nil && v != alert.Unrated:
		return v, wholly
	case err == nil, nothing(s):
		return alert.Unrated, partly
	}
	return alert.Unrated, unread
}

func severityText(s alert.Severity) string {
	if s == alert.Unrated {
		return ""
	}
	return s.String()
}

// verdict moves classification and determination, which are understood together or stay together.
func (c codec) verdict(p *classification.Verdict) {
	v, all := c.statedVerdict()
	switch {
	case !c.write:
		if *p = v; all {
			delete(c.m, "classification")
			delete(c.m, "determination")
			return
		}
		for _, name := range []string{"classification", "determination"} {
			if raw := c.m[name]; raw != nil && !isNull(raw) && (name == "determination" || v.IsZero()) &&
				!nothing(plain(raw)) {
				c.note(name, "kept as it came, since it is not understood beside the other")
			}
		}
	case !all && v == *p:
	default:
		delete(c.m, "classification")
		delete(c.m, "determination")
		value(c, &p.Classification, "classification")
		value(c, &p.Determination, "determination")
	}
}

// statedVerdict returns the verdict that the object states, and whether that is all it says about it. A
// determination alone implies its classification, but not beside a classification that is not understood.
func (c codec) statedVerdict() (v classification.Verdict, all bool) {
	read := func(name string) (s string, ok bool) {
		raw, there := c.m[name]
		if ok = !there || json.Unmarshal(raw, &s) == nil; ok && nothing(s) {
			return "", true
		}
		return s, ok && !strings.EqualFold(s, "unknownFutureValue")
	}
	class, classOK := read("classification")
	det, detOK := read("determination")
	if !classOK {
		return classification.Verdict{}, false
	}
	defender := classification.Defender()
	if detOK {
		for _, pair := range [][2]string{{class, det}, {bare(class), bare(det)}} {
			if v, err := defender.Parse(pair[0], pair[1]); err == nil {
				return v, true
			}
		}
	}
	for _, word := range []string{class, bare(class)} {
		if v, err := defender.Parse(word, ""); err == nil {
			return v, false
		}
	}
	return classification.Verdict{}, false
}
