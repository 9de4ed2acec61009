// Package jsonitem cuts JSON text into items, of which it holds one at a time.
package jsonitem

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// MaxItem is how many bytes an item may have.
const MaxItem = 64 << 20

// An Item is one value of a text, and one that encoding/json takes.
type Item struct {
	Raw    json.RawMessage
	Depth  int    // levels of lists and objects in it
	Member string // of the object that stands around it; "" where none does

	// Around are the members of that object that stand before Member. It is shared by the items of the
	// object.
	Around map[string]json.RawMessage
}

// Read yields the items of r in their order: the values of the top level, the elements of a list there, and
// the value or the elements of the list under one of the members around, of an object without an "id"
// before it. What else that object has is skipped. An error names the byte at fault, from 0, and ends the
// sequence; io.ErrUnexpectedEOF is one.
//
// The text is UTF-8, or UTF-16 in either order of bytes, with or without a mark, and may be compressed with
// gzip. The bytes that an error counts are those of the text as UTF-8. An item of more than [MaxItem] bytes
// is an error.
//
// The sequence can be ranged over once. It reads as far as it is ranged over, and a buffer further.
func Read(r io.Reader, around ...string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		s := stream{r: bufio.NewReader(r), around: around}
		one := func(raw json.RawMessage) bool {
			item := Item{Raw: raw, Depth: s.deepest, Member: s.member, Around: s.beside}
			s.deepest = 0
			return yield(item, nil)
		}
		if err := s.open(); err != nil {
			yield(Item{}, s.place(err))
			return
		}
		for more := true; more; {
			var err error
			if more, err = s.next(one); err != nil && err != io.EOF {
				yield(Item{}, err)
			}
		}
	}
}

// A stream is a text that is being read. A json.Decoder could do it, but of an error it does not know the
// place in the text.
type stream struct {
	r       *bufio.Reader
	around  []string
	at      int64  // bytes read
	deepest int    // levels of the values read since it was last set to 0
	member  string // whose value is being read

	beside map[string]json.RawMessage // members of the object around, before member
}

const space = " \t\r\n"

var errTooLong = fmt.Errorf("want an item of at most %d MiB", MaxItem>>20)

// next reads one value of the top level and gives each item of it to one as soon as it is read. more is
// false when one does not want any more. The error is io.EOF when there is no value.
func (s *stream) next(one func(json.RawMessage) bool) (more bool, err error) {
	b, err := s.peek()
	for err == nil {
		if head, _ := s.r.Peek(3); string(head) != "\ufeff" {
			break
		}
		s.skip(3) // the mark that some programs put before UTF-8
		b, err = s.peek()
	}
	switch {
	case errors.Is(err, io.EOF):
		return false, io.EOF
	case err != nil:
		return false, s.place(err)
	case b == 0xFE || b == 0xFF:
		return false, s.place(errors.New("UTF-16 text: want UTF-8"))
	case b == '[':
		return s.list(one)
	case b == '{':
		return s.object(one)
	}
	raw, err := s.value()
	return err == nil && one(raw), err
}

// list gives the elements of a list to one.
func (s *stream) list(one func(json.RawMessage) bool) (more bool, err error) {
	s.skip(1)
	for n := 0; ; n++ {
		if another, err := s.another(n, ']'); err != nil || !another {
			return err == nil, err
		}
		raw, err := s.value()
		if err != nil || !one(raw) {
			return false, err
		}
	}
}

// object gives an object to one or, when it is an answer around them, the items under one of its members.
func (s *stream) object(one func(json.RawMessage) bool) (more bool, err error) {
	s.skip(1)
	m := make(map[string]json.RawMessage)
	around := false
	begin := s.at
	for n := 0; ; n++ {
		another, err := s.another(n, '}')
		if err != nil {
			return false, err
		}
		if !around && s.at-begin > MaxItem {
			return false, s.place(errTooLong)
		}
		if !another {
			break
		}
		key, b, err := s.key()
		switch {
		case err != nil:
			return false, err
		case !slices.Contains(s.around, key) || m["id"] != nil || b != '[' && b != '{':
			if m[key], err = s.value(); err != nil {
				return false, err
			}
			continue
		case b == '[':
			s.member, s.beside, s.deepest = key, m, 0
			more, err = s.list(one)
		default:
			s.deepest = 0
			var raw json.RawMessage
			raw, err = s.value()
			s.member, s.beside = key, m
			more = err == nil && one(raw)
		}
		s.member, s.beside, m = "", nil, make(map[string]json.RawMessage)
		if err != nil || !more {
			return false, err
		}
		around = true
	}
	if around {
		return true, nil
	}
	raw, err := json.Marshal(m) // its values were read from JSON
	return err == nil && one(raw), err
}

// another reports whether one more element follows the n before it, and takes the comma or the end.
func (s *stream) another(n int, end byte) (bool, error) {
	b, err := s.peek()
	switch {
	case err != nil:
		return false, s.place(err)
	case b == end:
		s.skip(1)
		return false, nil
	case n == 0:
		return true, nil
	case b != ',':
		return false, s.place(fmt.Errorf("%q: want a comma or %q", b, end))
	}
	s.skip(1)
	return true, nil
}

// key reads a member's name and the colon, and returns the first byte of its value.
func (s *stream) key() (key string, first byte, err error) {
	if first, err = s.peek(); err == nil && first != '"' {
		return "", 0, s.place(fmt.Errorf("%q: want a member's name in quotes", first))
	}
	raw, err := s.value()
	if err != nil {
		return "", 0, err
	}
	if err := json.Unmarshal(raw, &key); err != nil {
		return "", 0, s.place(err)
	}
	if first, err = s.peek(); err == nil && first != ':' {
		return "", 0, s.place(fmt.Errorf("%q: want a colon", first))
	}
	if err == nil {
		s.skip(1)
		first, err = s.peek()
	}
	if err != nil {
		return "", 0, s.place(err)
	}
	return key, first, nil
}

// value reads one value as it stands.
func (s *stream) value() (json.RawMessage, error) {
	first, err := s.peek()
	if err != nil {
		return nil, s.place(err)
	}
	scalar := strings.IndexByte(`{["`, first) < 0
	if scalar && strings.IndexByte("-0123456789tfn", first) < 0 {
		return nil, s.place(fmt.Errorf("%q: want a value", first))
	}
	start := *s
	var raw []byte
	depth, quoted, escaped, done := 0, false, false, false
	for suspect := 1 << 16; !done; {
		if len(raw) > MaxItem {
			return nil, start.place(errTooLong)
		}
		if len(raw) > suspect { // where brackets and quotes do not match, the end may be far
			if at, err := fault(raw); err != nil {
				start.at += at
				return nil, start.place(err)
			}
			suspect = 2 * len(raw)
		}
		if _, err = s.r.Peek(1); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, s.place(err)
		}
		chunk, _ := s.r.Peek(s.r.Buffered())
		n := 0
		for ; n < len(chunk) && !done; n++ {
			b := chunk[n]
			if scalar && strings.IndexByte(",]}"+space, b) >= 0 {
				done = true
				break
			}
			switch {
			case quoted && b < ' ':
				done = true // an open quote must not take the rest of the file with it
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = b == '\\', b != '"'
				done = depth == 0 && !quoted
			case b == '"':
				quoted = true
			case b == '{' || b == '[':
				depth++
				s.deepest = max(s.deepest, depth)
			case b == '}' || b == ']':
				depth--
				done = depth == 0
			}
		}
		raw = append(raw, chunk[:n]...)
		s.skip(n)
	}
	if json.Valid(raw) {
		return raw, nil
	}
	if at, err := fault(raw); err != nil {
		start.at += at
		return nil, start.place(err)
	}
	if err != nil {
		return nil, s.place(err)
	}
	return nil, start.place(fmt.Errorf("%.64s: want a value", raw))
}

// fault returns what makes raw no beginning of a JSON value, and where; nil when it is one.
func fault(raw []byte) (at int64, err error) {
	err = json.Unmarshal(append(raw, 0), new(json.RawMessage)) // nothing goes on with a zero byte
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || syntax.Offset > int64(len(raw)) {
		return 0, nil
	}
	return syntax.Offset - 1, err // it counts the byte at fault
}

// peek returns the next byte that is not space, without taking it.
func (s *stream) peek() (byte, error) {
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if strings.IndexByte(space, b) < 0 {
			return b, s.r.UnreadByte()
		}
		s.at++
	}
}

// skip takes n bytes that were peeked at.
func (s *stream) skip(n int) {
	n, _ = s.r.Discard(n)
	s.at += int64(n)
}

// place adds to err where in the file it happened. The end of the file is an error there.
func (s *stream) place(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("byte %d: %w", s.at, err)
}
