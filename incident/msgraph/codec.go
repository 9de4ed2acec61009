package msgraph

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

type object = map[string]json.RawMessage

// A codec moves fields between an object and Go values, in one direction. Reading takes what it
// understands out of the object; writing puts values beside what reading left there.
type codec struct {
	m     object
	write bool
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
func (c codec) take(names []string, read func(json.RawMessage) (found, drop bool)) {
	for _, n := range names {
		raw, ok := c.m[n]
		if !ok {
			continue
		}
		found, drop := false, true
		if !isNull(raw) {
			found, drop = read(raw)
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
	c.take(names, func(raw json.RawMessage) (bool, bool) {
		var v T
		if json.Unmarshal(raw, &v) != nil {
			return false, false
		}
		*p = v
		return v != zero, v != zero || string(raw) == `""`
	})
}

func list[T ~string](c codec, p *[]T, names ...string) {
	if c.write {
		if len(*p) > 0 {
			c.put(*p, names)
		}
		return
	}
	c.take(names, func(raw json.RawMessage) (bool, bool) {
		var v []T
		if json.Unmarshal(raw, &v) != nil {
			return false, false
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
	c.take(names, func(raw json.RawMessage) (bool, bool) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return false, false
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return false, false
		}
		if t = t.UTC().Truncate(time.Microsecond); t.Year() < 1 || t.Year() > 9999 {
			return false, false
		}
		*p = t
		return !t.IsZero(), true
	})
}

// word moves an enumeration. parse says what a word means, and whether that is all it says. What says
// more stays in the object and is written back for as long as the value is what it was read as.
func word[T comparable](c codec, p *T, name string, parse func(string) (v T, all bool), text string) {
	var s string
	var v T
	all := false
	raw, ok := c.m[name]
	if ok && json.Unmarshal(raw, &s) == nil {
		v, all = parse(s)
	}
	switch {
	case !c.write:
		if *p = v; all || isNull(raw) {
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
func words[T ~string](c codec, p *[]T, name string, parse func(string) (v T, all bool)) {
	var texts []string
	var values []T
	raw, ok := c.m[name]
	all := ok && json.Unmarshal(raw, &texts) == nil
	if !all {
		texts = nil
	}
	for _, s := range texts {
		v, exact := parse(s)
		if all = all && exact; v != "" {
			values = append(values, v)
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

// open returns how to read a word of an open set: one of known in any case as it is spelled there, any
// other as it came. Words that say nothing are empty; all but the usual one are worth keeping, as
// unknownFutureValue is: it stands for a member that the reader was not thought to know.
func open[T ~string](usual string, known ...T) func(string) (T, bool) {
	return func(s string) (T, bool) {
		for _, nothing := range []string{usual, "", "none", "unknown", "unknownFutureValue"} {
			if strings.EqualFold(s, nothing) {
				return "", s == "" || strings.EqualFold(s, usual)
			}
		}
		for _, k := range known {
			if strings.EqualFold(s, string(k)) {
				return k, true
			}
		}
		return T(s), true
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
			return
		}
	}
	if m == nil {
		m = object{}
	}
	f(codec{m, c.write})
	if len(m) > 0 {
		c.m[name] = encode(m)
	} else if ok && !c.write {
		delete(c.m, name)
	}
}

// split reads the elements of a list that read accepts and leaves the others.
func (c codec) split(name string, read func(json.RawMessage) bool) {
	var all, left []json.RawMessage
	raw, ok := c.m[name]
	if !ok || json.Unmarshal(raw, &all) != nil {
		return
	}
	for _, e := range all {
		if !read(e) {
			left = append(left, e)
		}
	}
	if delete(c.m, name); len(left) > 0 {
		c.m[name] = encode(left)
	}
}

// join is the opposite of split.
func (c codec) join(name string, elements []json.RawMessage) {
	if len(elements) == 0 {
		return
	}
	var left []json.RawMessage
	if raw, ok := c.m[name]; ok && json.Unmarshal(raw, &left) != nil {
		left = nil
	}
	c.m[name] = encode(append(elements, left...))
}

func parseSeverity(s string) (alert.Severity, bool) {
	v, err := alert.ParseSeverity(s)
	return v, err == nil && v != alert.Unrated
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
		ok = !there || json.Unmarshal(raw, &s) == nil
		return s, ok && !strings.EqualFold(s, "unknownFutureValue")
	}
	class, classOK := read("classification")
	det, detOK := read("determination")
	if !classOK {
		return classification.Verdict{}, false
	}
	defender := classification.Defender()
	if detOK {
		if v, err := defender.Parse(class, det); err == nil {
			return v, true
		}
	}
	v, err := defender.Parse(class, "")
	if err != nil {
		v = classification.Verdict{}
	}
	return v, false
}
