package graph

import (
	"bytes"
	"encoding/json"
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

// value moves a field whose zero value means that it is absent.
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
		return v != zero, true
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

// word moves an enumeration. A word that means its value only by default is left in the object, and
// stays when the value is still the one it was read as.
func word[T comparable](c codec, p *T, name string, parse func(string) (v T, exact bool), text string) {
	var s string
	raw, ok := c.m[name]
	isText := ok && !isNull(raw) && json.Unmarshal(raw, &s) == nil
	if c.write {
		var v T
		if isText {
			v, _ = parse(s)
		}
		if ok && v == *p {
			return
		}
		if delete(c.m, name); text != "" {
			c.m[name] = encode(text)
		}
		return
	}
	if ok && isNull(raw) {
		delete(c.m, name)
	}
	if isText {
		v, exact := parse(s)
		if *p = v; exact {
			delete(c.m, name)
		}
	}
}

// evidenceWord moves an open enumeration whose words for "nothing" are the zero value.
func evidenceWord[T ~string](c codec, p *T, name string, zero string) {
	if !c.write {
		value(c, p, name)
		if strings.EqualFold(string(*p), zero) {
			*p = ""
		} else {
			*p = T(lowerFirst(string(*p)))
		}
		return
	}
	value(c, p, name)
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

func (c codec) verdict(p *classification.Verdict) {
	parse := func(class, det string) (classification.Verdict, bool, bool) {
		tax := classification.Defender()
		if v, err := tax.Parse(class, det); err == nil {
			return v, true, true
		}
		v, err := tax.Parse(class, "")
		return v, err == nil, false
	}
	var class, det string
	value(codec{c.m, false}, &class, "classification")
	value(codec{c.m, false}, &det, "determination")
	if c.write {
		if class == "" {
			class = string(p.Classification)
		}
		if det == "" {
			det = string(p.Determination)
		}
		if v, _, _ := parse(class, det); v != *p {
			class, det = string(p.Classification), string(p.Determination)
		}
		value(c, &class, "classification")
		value(c, &det, "determination")
		return
	}
	v, classOK, detOK := parse(class, det)
	*p = v
	if !classOK {
		c.m["classification"] = encode(class)
	}
	if !detOK && det != "" {
		c.m["determination"] = encode(det)
	}
}
