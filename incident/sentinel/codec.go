package sentinel

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/instant"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
	"github.com/incidentkit/incidentkit/internal/limit"
)

type object = map[string]json.RawMessage

// A codec moves fields between an object and Go values, in one direction. Reading takes what it understands
// out of the object; writing puts values beside what reading left there.
type codec struct {
	m     object
	write bool
	notes *notes // nil when the caller wants none
	at    string // the path of the object in its item, "" or with a dot at its end
}

// notes gathers what of one item was kept and not understood, or not kept.
type notes struct {
	record string
	list   []alert.Note
	more   int // that were not gathered
}

// maxNotes is how many notes on one item are gathered.
const maxNotes = 1_000

func (n *notes) add(field, value, said string) {
	switch {
	case n == nil:
	case len(n.list) == maxNotes:
		n.more++
	default:
		record, value := limit.Shorten(n.record), limit.Shorten(value)
		n.list = append(n.list, alert.Note{Record: record, Field: field, Value: value, Said: said})
	}
}

// all returns the notes, and how many there are besides.
func (n *notes) all() []alert.Note {
	if n.more > 0 {
		more := alert.Note{Record: n.list[0].Record, Value: strconv.Itoa(n.more), Said: "more notes left out"}
		n.list = append(n.list, more)
	}
	return n.list
}

func (c codec) note(name string, raw json.RawMessage, said string) {
	if c.notes == nil {
		return
	}
	value := plain(raw)
	if value == "" {
		value = excerpt(raw)
	}
	c.notes.add(c.at+name, value, said)
}

const kept = "kept, and not understood"

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// parse returns the members of an object, which are parts of raw, and nil of anything else. raw must be JSON.
func parse(raw json.RawMessage) object {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return maps.Collect(jsonitem.Members(raw))
}

// elements returns the first elements of a list, at most so many, and how many it has; of a value that is no list
// that value. The elements are parts of raw, so that a list of a million costs no more than what is taken of it. raw
// must be JSON.
func elements(raw json.RawMessage, most int) (list []json.RawMessage, total int) {
	raw = bytes.TrimSpace(raw)
	switch {
	case isEmpty(raw):
		return nil, 0
	case raw[0] != '[':
		return []json.RawMessage{raw}, 1
	}
	for e := range jsonitem.Elements(raw) {
		if total++; total <= most {
			list = append(list, e)
		}
	}
	return list, total
}

// plain returns a text, or a number as text.
func plain(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9' {
		return string(raw)
	}
	if raw[0] != '"' || len(raw) < 2 {
		return ""
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// excerpt returns raw on one line and not too long for a message.
func excerpt(raw json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw[:min(len(raw), 1<<12)]) // what is cut is no JSON, and shown as far as it goes
	if b.Len() == 0 {
		b.Write(raw[:min(len(raw), 1<<8)])
	}
	return limit.Shorten(strings.ToValidUTF8(b.String(), "\uFFFD"))
}

// isEmpty reports whether raw says nothing.
func isEmpty(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return true
	case len(raw) <= 4:
		s := string(raw)
		return s == "null" || s == `""` || s == "[]" || s == "{}"
	case raw[0] == '[' || raw[0] == '{':
		return len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
	}
	return bytes.HasPrefix(raw, []byte(`"0001-01-01`))
}

// unquote replaces lists and objects that stand as a text under names, as tables give them.
func unquote(m object, names ...string) {
	for _, name := range names {
		raw := m[name]
		if len(raw) == 0 || raw[0] != '"' {
			continue
		}
		inner := strings.TrimSpace(plain(raw))
		if !isNested(inner) || limit.Depth(inner) > maxDepth/2 {
			continue
		}
		if m[name] = json.RawMessage(inner); isEmpty(m[name]) {
			delete(m, name)
		}
	}
}

// isNested reports whether a text is a list or an object.
func isNested(s string) bool { return s != "" && (s[0] == '[' || s[0] == '{') && json.Valid([]byte(s)) }

// fold returns the name of a member without what the spellings differ in.
func fold(name string) string {
	for n := range len(name) {
		if b := name[n]; b == '_' || 'A' <= b && b <= 'Z' || b >= 0x80 {
			return strings.ToLower(strings.ReplaceAll(name, "_", ""))
		}
	}
	return name
}

// word returns a word of an enumeration without what the spellings differ in.
func word(s string) string {
	for n := range len(s) {
		if b := s[n]; b == ' ' || b == '_' || b == '-' || 'A' <= b && b <= 'Z' || b >= 0x80 {
			return strings.Map(func(r rune) rune {
				if r == ' ' || r == '_' || r == '-' {
					return -1
				}
				return unicode.ToLower(r)
			}, s)
		}
	}
	return s
}

// names maps folded names of members, and others that mean the same, to the names of ARM.
func names(list ...string) map[string]string {
	m := make(map[string]string, 2*len(list))
	for _, entry := range list {
		name, others, _ := strings.Cut(entry, "=")
		m[fold(name)], m[name], m[first(name, 'a', 'z', 'A')] = name, name, name
		for o := range strings.SplitSeq(others, ",") {
			if o != "" {
				m[o] = name
			}
		}
	}
	return m
}

// respell gives members the names of ARM and drops those that say nothing. Of two with one name the first
// in order of bytes gets it, the others stay as they are.
func respell(m object, names map[string]string) {
	maps.DeleteFunc(m, func(_ string, raw json.RawMessage) bool { return isEmpty(raw) })
	var moved []string
	for name := range m {
		if to := named(names, name); to != "" && to != name {
			moved = append(moved, name)
		}
	}
	slices.Sort(moved)
	for _, name := range moved {
		to := named(names, name)
		if _, taken := m[to]; !taken {
			m[to] = m[name]
			delete(m, name)
		}
	}
}

// named returns the name of ARM for a member, "" for one that is not known.
func named(names map[string]string, name string) string {
	if to, ok := names[name]; ok {
		return to
	}
	return names[fold(name)]
}

// text moves a text. A number is as good as one.
func text[T ~string](c codec, p *T, name string) {
	if c.write {
		if *p != "" {
			c.m[name] = encode(string(*p))
		}
		return
	}
	raw, ok := c.m[name]
	if !ok {
		return
	}
	s := plain(raw)
	if s == "" {
		c.note(name, raw, kept)
		return
	}
	*p = T(s)
	delete(c.m, name)
}

// derived moves a value that several members or spellings tell. read says what they mean. Members that do
// not stand as write would put them are left where they are, and written back for as long as they mean the
// value; where same is nil that is always so. A text that read returns says why they were not understood.
func derived[T any](
	c codec, p *T, members []string, read func(object) (T, string), write func(T) object, same func(a, b T) bool,
) {
	part := object{}
	for _, name := range members {
		if raw, ok := c.m[name]; ok {
			part[name] = raw
		}
	}
	if !c.write {
		if len(part) == 0 {
			return
		}
		v, said := read(part)
		*p = v
		if said != "" {
			for _, name := range members {
				if raw, ok := part[name]; ok {
					c.note(name, raw, said)
					break
				}
			}
		}
		if equal(part, write(v)) {
			for name := range part {
				delete(c.m, name)
			}
		}
		return
	}
	if len(part) > 0 {
		if same == nil {
			return
		}
		if v, _ := read(part); same(v, *p) {
			return
		}
	}
	for name := range part {
		delete(c.m, name)
	}
	maps.Copy(c.m, write(*p))
}

func equal(a, b object) bool {
	return maps.EqualFunc(a, b, func(x, y json.RawMessage) bool {
		switch {
		case bytes.Equal(x, y):
			return true
		case x[0] != y[0]:
			return false
		case x[0] == '"':
			return plain(x) == plain(y)
		}
		return bytes.Equal(compact(x), compact(y))
	})
}

func compact(raw json.RawMessage) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return raw
	}
	return encode(v)
}

// enumerated moves a word. read returns what it means and whether it is one that is known.
func enumerated[T comparable](c codec, p *T, name string, read func(string) (T, bool), write func(T) string) {
	derived(c, p, []string{name}, func(m object) (v T, said string) {
		v, ok := read(word(plain(m[name])))
		if !ok {
			said = kept
		}
		return v, said
	}, func(v T) object {
		if s := write(v); s != "" {
			return object{name: encode(s)}
		}
		return object{}
	}, same[T])
}

func same[T comparable](a, b T) bool { return a == b }

// number moves a whole number, which may stand as a text.
func (c codec) number(p *int64, name string) {
	derived(c, p, []string{name}, func(m object) (v int64, said string) {
		s := strings.TrimSpace(plain(m[name]))
		base := 10
		if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
			s, base = hex, 16
		}
		v, err := strconv.ParseInt(s, base, 64)
		if err != nil {
			return 0, kept
		}
		return v, ""
	}, func(v int64) object {
		if v == 0 {
			return object{}
		}
		return object{name: encode(v)}
	}, same[int64])
}

// time moves a time.
func (c codec) time(p *time.Time, name string) {
	if c.write {
		if !p.IsZero() {
			c.m[name] = encode(p.UTC().Format(time.RFC3339Nano))
		}
		return
	}
	raw, ok := c.m[name]
	if !ok {
		return
	}
	t, zone, ok := readTime(plain(raw))
	switch {
	case !ok:
		c.note(name, raw, kept)
		return
	case !zone:
		c.note(name, raw, "read as UTC, since it has no zone")
	}
	*p = t
	delete(c.m, name)
}

// readTime returns the time that s tells, and whether it tells a zone. Year 1 is what is not set.
func readTime(s string) (t time.Time, zone, ok bool) {
	t, zone, ok = instant.Parse(s, time.UTC)
	return t, zone, ok && t.Year() > 1
}

// members returns what f holds, in a map that is never nil.
func members(f alert.Fields) object {
	if m := f.Members(); m != nil {
		return m
	}
	return object{}
}

// fields returns what was left of an object and of its properties.
func fields(m, properties object) alert.Fields {
	if len(properties) > 0 {
		m["properties"] = encode(properties)
	}
	f, err := alert.MakeFields(m)
	if err != nil {
		return "" // every value came out of a JSON decoder
	}
	return f
}

// split is the opposite of fields.
func split(f alert.Fields) (m, properties object) {
	m = members(f)
	if properties = parse(m["properties"]); properties == nil {
		return m, object{}
	}
	delete(m, "properties")
	return m, properties
}
