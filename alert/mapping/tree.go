package mapping

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// A tree is a JSON text and where its values stand in it. Nodes lie in the order of the text, the root first,
// so that a value and all that is inside it are one stretch of nodes.
type tree struct {
	text  []byte
	nodes []node
}

// A node is one value. It is small, because a text of a megabyte may have a million of them.
type node struct {
	name, nameEnd int32 // the member's name, without its quotes
	at, end       int32
	child, next   int32 // 0 for none
	kind          byte  // the first byte of the value
	flags         flags
}

type flags uint8

const (
	escaped     flags = 1 << iota // the text has a backslash
	nameEscaped                   // the name has one
	dotted                        // an object has a name with a dot
	read                          // the mapping used the value
	carried                       // a field has the value in full, and all that is inside it
	claimed                       // what is left of the object belongs to a piece of evidence
)

// parse reads text, which is valid JSON of less than 2 GiB. It uses the memory of t again.
func (t *tree) parse(text []byte) {
	if cap(t.nodes) > 1<<16 {
		t.nodes = nil // one large item must not hold its memory for the rest of the file
	}
	t.text, t.nodes = text, t.nodes[:0]
	t.value(0)
}

func (t *tree) space(at int) int {
	for at < len(t.text) && strings.IndexByte(" \t\r\n", t.text[at]) >= 0 {
		at++
	}
	return at
}

// quoted returns where the text that begins at a quote ends, and whether it has a backslash.
func (t *tree) quoted(at int) (end int, esc bool) {
	for at++; t.text[at] != '"'; at++ {
		if t.text[at] == '\\' {
			esc = true
			at++
		}
	}
	return at + 1, esc
}

func (t *tree) value(at int) (end int) {
	at = t.space(at)
	n := len(t.nodes)
	kind := t.text[at]
	t.nodes = append(t.nodes, node{at: int32(at), kind: kind})
	switch kind {
	case '{', '[':
		end = t.inside(n, at+1, kind == '{')
	case '"':
		var esc bool
		if end, esc = t.quoted(at); esc {
			t.nodes[n].flags |= escaped
		}
	default:
		for end = at; end < len(t.text) && strings.IndexByte(",]} \t\r\n", t.text[end]) < 0; {
			end++
		}
	}
	t.nodes[n].end = int32(end)
	return end
}

// inside reads the members or the elements of node n.
func (t *tree) inside(n, at int, object bool) (end int) {
	last := int32(0)
	for {
		at = t.space(at)
		switch t.text[at] {
		case '}', ']':
			return at + 1
		case ',':
			at = t.space(at + 1)
		}
		name, nameEnd, esc := 0, 0, false
		if object {
			name = at + 1
			at, esc = t.quoted(at)
			nameEnd = at - 1
			at = t.space(at) + 1 // the colon
		}
		c := int32(len(t.nodes))
		at = t.value(at)
		if last == 0 {
			t.nodes[n].child = c
		} else {
			t.nodes[last].next = c
		}
		last = c
		t.nodes[c].name, t.nodes[c].nameEnd = int32(name), int32(nameEnd)
		if esc {
			t.nodes[c].flags |= nameEscaped
		}
		if esc || bytes.IndexByte(t.text[name:nameEnd], '.') >= 0 {
			t.nodes[n].flags |= dotted
		}
	}
}

func (t *tree) raw(n int32) []byte { return t.text[t.nodes[n].at:t.nodes[n].end] }

func (t *tree) name(n int32) string {
	c := &t.nodes[n]
	if c.flags&nameEscaped == 0 {
		return string(t.text[c.name:c.nameEnd])
	}
	return unquote(t.text[c.name-1 : c.nameEnd+1])
}

func unquote(raw []byte) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "" // it came out of valid JSON
	}
	return s
}

// scalar returns a text, or the text of a number or a truth value.
func (t *tree) scalar(n int32) (text string, ok bool) {
	c := &t.nodes[n]
	switch c.kind {
	case '{', '[', 'n':
		return "", false
	case '"':
		if c.flags&escaped != 0 {
			return unquote(t.raw(n)), true
		}
		return string(t.text[c.at+1 : c.end-1]), true
	}
	return string(t.raw(n)), true
}

// member returns the member of object n with the name, spelled exactly so or else with other cases of letters; 0 for
// none. Of two the first counts.
func (t *tree) member(n int32, name string) int32 {
	if t.nodes[n].kind != '{' {
		return 0
	}
	folded := int32(0)
	for c := t.nodes[n].child; c != 0; c = t.nodes[c].next {
		m := &t.nodes[c]
		if m.flags&nameEscaped != 0 {
			if t.name(c) == name {
				return c
			}
			continue
		}
		at := t.text[m.name:m.nameEnd]
		if len(at) != len(name) {
			continue
		}
		if string(at) == name {
			return c
		}
		if folded == 0 && len(at) > 0 && at[0]|0x20 == name[0]|0x20 && strings.EqualFold(string(at), name) {
			folded = c
		}
	}
	return folded
}

// says reports whether n says anything: it is not null, an empty text, list or object.
func (t *tree) says(n int32) bool {
	c := &t.nodes[n]
	switch c.kind {
	case 'n':
		return false
	case '"':
		return c.end-c.at > 2
	case '{', '[':
		return c.child != 0
	}
	return true
}

func (t *tree) mark(n int32, f flags) { t.nodes[n].flags |= f }

// trail returns the nodes from one to n inside of it, both included.
func (t *tree) trail(from, n int32) []int32 {
	at := from
	all := []int32{at}
	for at != n {
		c := t.nodes[at].child
		for t.nodes[c].next != 0 && t.nodes[c].next <= n {
			c = t.nodes[c].next
		}
		at = c
		all = append(all, at)
	}
	return all
}

// path returns where n is inside of from, as a mapping names it, such as "rule.mitre.id[0]".
func (t *tree) path(from, n int32) string {
	var b strings.Builder
	trail := t.trail(from, n)
	for k, at := range trail[1:] {
		if t.nodes[trail[k]].kind == '{' {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(quoteName(t.name(at)))
			continue
		}
		place := 0
		for c := t.nodes[trail[k]].child; c != at; c = t.nodes[c].next {
			place++
		}
		b.WriteString("[" + strconv.Itoa(place) + "]")
	}
	return b.String()
}

// rest appends to b what of n no field has. written is false when nothing is left.
func (t *tree) rest(b []byte, n int32) (_ []byte, written bool) {
	c := &t.nodes[n]
	switch {
	case c.flags&carried != 0:
		return b, false
	case c.kind != '{' && c.kind != '[':
		return append(b, t.raw(n)...), true
	case c.child == 0:
		return append(b, c.kind, c.kind+2), true // the closing bracket
	}
	before := len(b)
	b = append(b, c.kind)
	for m := c.child; m != 0; m = t.nodes[m].next {
		if t.nodes[m].flags&claimed != 0 {
			continue
		}
		start := len(b)
		if written {
			b = append(b, ',')
		}
		if c.kind == '{' {
			b = append(append(b, t.text[t.nodes[m].name-1:t.nodes[m].nameEnd+1]...), ':')
		}
		var more bool
		if b, more = t.rest(b, m); !more {
			b = b[:start]
			continue
		}
		written = true
	}
	if !written {
		return b[:before], false
	}
	return append(b, c.kind+2), true
}

// A member is one of an object, text with its name.
type member struct {
	name string
	text []byte
}

// fitting returns all without the largest, as far as the others fit into [alert.MaxExtra]. tell hears of the
// first ten that are left out, and how many more there are.
func fitting(all []member, size int, tell func(name, value, said string)) []member {
	slices.SortStableFunc(all, func(a, b member) int { return cmp.Compare(len(b.text), len(a.text)) })
	n := 0
	for ; size > alert.MaxExtra; n++ {
		size -= len(all[n].text) + 1
		if n < 10 {
			tell(quoteName(all[n].name), strconv.Itoa(len(all[n].text))+" bytes", "left out, since extra is full")
		}
	}
	if n > 10 {
		tell("", strconv.Itoa(n-10)+" more members", "left out, since extra is full")
	}
	return all[n:]
}

// left returns what of object n no field has, with its members in the order of their names. What is too much for a
// [alert.Fields] is left out member by member, the largest first, and tell hears of each.
func (t *tree) left(n int32, tell func(name, value, said string)) alert.Fields {
	var all []member
	size := 2
	for m := t.nodes[n].child; m != 0; m = t.nodes[m].next {
		if t.nodes[m].flags&claimed != 0 {
			continue
		}
		c := &t.nodes[m]
		text := append(bytes.Clone(t.text[c.name-1:c.nameEnd+1]), ':')
		if text, ok := t.rest(text, m); ok {
			all = append(all, member{t.name(m), text})
			size += len(text) + 1
		}
	}
	if size > alert.MaxExtra {
		all = fitting(all, size, tell)
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortStableFunc(all, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	b := make([]byte, 0, size)
	b = append(b, '{')
	for k, m := range all {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(b, m.text...)
	}
	return alert.Fields(append(b, '}'))
}
