package mapping

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of a path.
const (
	maxSteps = 16    // names, places and conditions of a path
	maxPath  = 1_000 // bytes
)

// A path says where values stand in an alert.
type path struct {
	text  string
	whole bool // it begins at the alert, also for evidence that is made of the elements of a list
	steps []step
}

// isWhole reports whether p, which may be nil, begins at the alert.
func (p *path) isWhole() bool { return p != nil && p.whole }

type stepKind uint8

const (
	named stepKind = iota
	placed
	every
	only // the elements, or the object, of which a condition holds
)

// A step leads from a value to values inside it.
type step struct {
	kind   stepKind
	name   string
	joined []string // the name and the names behind it with dots between them: two of them, three and so on
	place  int
	cond   condition
}

// A condition is about a member of an object.
type condition struct {
	steps  []step   // names
	not    bool     // it must not be there or, with values, be there and be none of them
	values []string // none: it must be there
}

// pathError is what is wrong with a path, and at which byte.
type pathError struct {
	at   int
	want string
}

func (e *pathError) Error() string { return e.want }

// reserved are the characters that a name without quotes cannot have.
const reserved = ".[]{}'\"=|!$?\\"

// quoteName returns a name as a path has it.
func quoteName(name string) string {
	if name != "" && !strings.ContainsAny(name, reserved) && strings.TrimSpace(name) == name {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", "''") + "'"
}

// parsePath reads a path such as "a.b[*].'c d'[type=x|y].e".
func parsePath(text string) (*path, error) {
	p := &path{text: text}
	if len(text) > maxPath {
		return nil, &pathError{0, fmt.Sprintf("a path of at most %d bytes", maxPath)}
	}
	s := scanner{text: text}
	if s.take("$") {
		p.whole = true
		if s.done() {
			return p, nil
		}
		if s.peek() != '[' && !s.take(".") {
			return nil, &pathError{s.at, `"." or "[" after "$"`}
		}
	} else if text == "." {
		return p, nil
	}
	for first := true; !s.done(); first = false {
		switch {
		case s.take("["):
			one, err := s.bracket()
			if err != nil {
				return nil, err
			}
			p.steps = append(p.steps, one)
			if s.done() || s.peek() == '[' {
				continue
			}
			if !s.take(".") {
				return nil, &pathError{s.at, `"." or "[" after "]"`}
			}
		case s.peek() == '.':
			if first {
				return nil, &pathError{s.at, "a name"}
			}
			s.at++
		}
		if s.peek() == '[' {
			if s.at > 0 && s.text[s.at-1] == '.' {
				return nil, &pathError{s.at, "a name"}
			}
			continue
		}
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, step{kind: named, name: name})
	}
	if len(p.steps) == 0 {
		return nil, &pathError{0, `a path such as "rule.name"`}
	}
	if len(p.steps) > maxSteps {
		return nil, &pathError{0, fmt.Sprintf("a path of at most %d steps", maxSteps)}
	}
	join(p.steps)
	return p, nil
}

// join fills in the names that stand for several steps, since some products write a.b.c as one name.
func join(steps []step) {
	for n := range steps {
		names := []string{steps[n].name}
		for k := n + 1; k < len(steps) && steps[n].kind == named && steps[k].kind == named; k++ {
			names = append(names, steps[k].name)
			steps[n].joined = append(steps[n].joined, strings.Join(names, "."))
		}
	}
}

// A scanner reads a path.
type scanner struct {
	text string
	at   int
}

func (s *scanner) done() bool { return s.at >= len(s.text) }

func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.text[s.at]
}

func (s *scanner) take(what string) bool {
	if !strings.HasPrefix(s.text[s.at:], what) {
		return false
	}
	s.at += len(what)
	return true
}

// name reads a name, in quotes if it has a character of reserved.
func (s *scanner) name() (string, error) {
	start := s.at
	if !s.take("'") {
		end := strings.IndexAny(s.text[s.at:], reserved)
		if end < 0 {
			end = len(s.text) - s.at
		}
		s.at += end
		name := s.text[start:s.at]
		switch {
		case name == "":
			return "", &pathError{start, "a name"}
		case strings.TrimSpace(name) != name:
			return "", &pathError{start, "a name without spaces around it, or in single quotes"}
		}
		return name, nil
	}
	var b strings.Builder
	for {
		end := strings.IndexByte(s.text[s.at:], '\'')
		if end < 0 {
			return "", &pathError{start, "a name that ends with a single quote"}
		}
		b.WriteString(s.text[s.at : s.at+end])
		if s.at += end + 1; !s.take("'") {
			break
		}
		b.WriteByte('\'')
	}
	if b.Len() == 0 {
		return "", &pathError{start, "a name"}
	}
	return b.String(), nil
}

// bracket reads what stands behind an opening bracket, and the closing one.
func (s *scanner) bracket() (step, error) {
	start := s.at
	if s.take("*]") {
		return step{kind: every}, nil
	}
	if end := strings.IndexByte(s.text[s.at:], ']'); end > 0 && strings.Trim(s.text[s.at:s.at+end], "0123456789") == "" {
		place, err := strconv.Atoi(s.text[s.at : s.at+end])
		if err != nil || place > 1_000_000 {
			return step{}, &pathError{start, "a place from 0 to 1000000"}
		}
		s.at += end + 1
		return step{kind: placed, place: place}, nil
	}
	c := condition{not: s.take("!")}
	for {
		name, err := s.name()
		if err != nil {
			return step{}, &pathError{s.at, `"*", a place such as 0, or a condition such as "type=x" in brackets`}
		}
		if c.steps = append(c.steps, step{kind: named, name: name}); !s.take(".") {
			break
		}
	}
	if !c.not {
		c.not = strings.HasPrefix(s.text[s.at:], "!=") && s.take("!")
		if s.take("=") {
			for more := true; more; more = s.take("|") {
				v, err := s.value()
				if err != nil {
					return step{}, err
				}
				c.values = append(c.values, v)
			}
		}
	}
	if !s.take("]") {
		return step{}, &pathError{s.at, `"]"`}
	}
	if len(c.steps) > maxSteps {
		return step{}, &pathError{start, fmt.Sprintf("a condition on at most %d names", maxSteps)}
	}
	join(c.steps)
	return step{kind: only, cond: c}, nil
}

// value reads what a condition compares with.
func (s *scanner) value() (string, error) {
	if s.peek() == '\'' {
		return s.name()
	}
	start := s.at
	for !s.done() && strings.IndexByte("]|'[", s.peek()) < 0 {
		s.at++
	}
	if s.at == start {
		return "", &pathError{start, "a value, in single quotes if it has a bracket or a bar"}
	}
	return s.text[start:s.at], nil
}

// walk gives the values at the end of the steps from n to one, the elements where that is a list, and stops when one
// does not want any more. Values that say nothing are left out.
func (t *tree) walk(n int32, steps []step, one func(int32) (more bool)) (more bool) {
	if len(steps) == 0 {
		if t.nodes[n].kind != '[' {
			return !t.says(n) || one(n)
		}
		for c := t.nodes[n].child; c != 0; c = t.nodes[c].next {
			if t.says(c) && !one(c) {
				return false
			}
		}
		return true
	}
	list := t.nodes[n].kind == '['
	switch s := &steps[0]; s.kind {
	case named:
		if list { // where one object was to be expected, a list of one is as good
			if n = t.nodes[n].child; n == 0 || t.nodes[n].next != 0 {
				return true
			}
		}
		if c := t.member(n, s.name); c != 0 && !t.walk(c, steps[1:], one) {
			return false
		}
		if t.nodes[n].flags&dotted != 0 {
			for k, name := range s.joined {
				if c := t.member(n, name); c != 0 && !t.walk(c, steps[2+k:], one) {
					return false
				}
			}
		}
	case placed:
		if !list {
			return s.place > 0 || t.walk(n, steps[1:], one)
		}
		c := t.nodes[n].child
		for k := 0; k < s.place && c != 0; k++ {
			c = t.nodes[c].next
		}
		return c == 0 || t.walk(c, steps[1:], one)
	case every:
		if !list {
			return t.walk(n, steps[1:], one)
		}
		for c := t.nodes[n].child; c != 0; c = t.nodes[c].next {
			if !t.walk(c, steps[1:], one) {
				return false
			}
		}
	case only:
		if !list {
			return !t.holds(n, &s.cond) || t.walk(n, steps[1:], one)
		}
		for c := t.nodes[n].child; c != 0; c = t.nodes[c].next {
			if t.holds(c, &s.cond) && !t.walk(c, steps[1:], one) {
				return false
			}
		}
	}
	return true
}

// holds reports whether a condition holds of an object.
func (t *tree) holds(n int32, c *condition) bool {
	if t.nodes[n].kind != '{' {
		return false
	}
	there, same := false, false
	t.walk(n, c.steps, func(m int32) bool {
		t.mark(m, read)
		there = true
		text, ok := t.scalar(m)
		for _, v := range c.values {
			same = same || ok && strings.EqualFold(text, v)
		}
		return !same && len(c.values) > 0
	})
	if len(c.values) == 0 {
		return there != c.not
	}
	return there && same != c.not
}
