package pdf

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
)

// The Unicode Bidirectional Algorithm (UAX 9) without its explicit codes, which
// never come here: x/text knows it too, but it does not give out the levels,
// and with numbers and Latin inside Hebrew or Arabic a line cannot be put in
// order without them. Of x/text are the classes of characters.

// rtlParagraph is set in the levels of a paragraph that is written from right
// to left.
const rtlParagraph = 0x80

// hasRightToLeft reports whether text has anything that is written from right to
// left. All of that begins with a byte of 0xD6 or more.
func hasRightToLeft(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < 0xD6 {
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if r >= 0x590 && r < 0x900 || r >= 0xFB1D && r < 0xFE00 || r >= 0xFE70 && r < 0xFEFF {
			return true
		}
		i += n - 1
	}
	return false
}

// levels returns the level of each byte of text, nil if all of it is written
// from left to right. Line feeds end paragraphs.
func levels(text string) []uint8 {
	if !hasRightToLeft(text) {
		return nil
	}
	out := make([]uint8, len(text))
	start := 0
	for part := range strings.SplitSeq(text, "\n") {
		resolve(part, out[start:])
		start += len(part) + 1
	}
	return out
}

// paragraph is what the rules work on. Each slice has an entry for each rune.
type paragraph struct {
	runes   []rune
	classes []bidi.Class
	marks   []bool // whether the rune is a nonspacing mark
	strong  bidi.Class
}

// resolve finds the levels of a paragraph.
func resolve(text string, out []uint8) {
	p := paragraph{strong: bidi.L}
	found := false
	for _, r := range text {
		c := class(r)
		if !found && (c == bidi.L || c == bidi.R || c == bidi.AL) { // P2, P3
			found = true
			if c != bidi.L {
				p.strong = bidi.R
			}
		}
		p.runes = append(p.runes, r)
		p.classes = append(p.classes, c)
		p.marks = append(p.marks, c == bidi.NSM)
	}
	p.weak()
	p.brackets()
	p.neutral()
	base := uint8(0)
	if p.strong == bidi.R {
		base = 1 | rtlParagraph
	}
	at := 0
	for i, r := range p.runes {
		level := base
		switch c := p.classes[i]; { // I1, I2
		case base&1 == 0 && c == bidi.R, base&1 == 1 && c != bidi.R:
			level++
		case base&1 == 0 && c != bidi.L:
			level += 2
		}
		for range utf8.RuneLen(r) {
			out[at] = level
			at++
		}
	}
}

// class returns the class of a rune. Arrows count as Latin letters: "before →
// after" is to be read from left to right also when both are Hebrew.
func class(r rune) bidi.Class {
	if r >= 0x2190 && r <= 0x21FF {
		return bidi.L
	}
	p, _ := bidi.LookupRune(r)
	switch c := p.Class(); c {
	case bidi.L, bidi.R, bidi.AL, bidi.EN, bidi.AN, bidi.ES, bidi.ET, bidi.CS, bidi.NSM, bidi.WS:
		return c
	}
	return bidi.ON
}

// weak applies the rules W1 to W7.
func (p *paragraph) weak() {
	c := p.classes
	last, strong := p.strong, p.strong
	for i := range c {
		switch {
		case c[i] == bidi.NSM: // W1
			c[i] = last
		case c[i] == bidi.EN && strong == bidi.AL: // W2
			c[i] = bidi.AN
		case c[i] == bidi.L, c[i] == bidi.R, c[i] == bidi.AL:
			strong = c[i]
		}
		last = c[i]
	}
	for i := range c { // W3
		if c[i] == bidi.AL {
			c[i] = bidi.R
		}
	}
	for i := 1; i+1 < len(c); i++ { // W4
		before, after := c[i-1], c[i+1]
		if before == after && (before == bidi.EN && (c[i] == bidi.ES || c[i] == bidi.CS) || before == bidi.AN && c[i] == bidi.CS) {
			c[i] = before
		}
	}
	for i := 0; i < len(c); i++ { // W5
		if c[i] != bidi.ET {
			continue
		}
		end := i
		for end < len(c) && c[end] == bidi.ET {
			end++
		}
		if i > 0 && c[i-1] == bidi.EN || end < len(c) && c[end] == bidi.EN {
			fill(c[i:end], bidi.EN)
		}
		i = end - 1
	}
	strong = p.strong
	for i := range c {
		switch c[i] {
		case bidi.ES, bidi.ET, bidi.CS, bidi.WS: // W6
			c[i] = bidi.ON
		case bidi.L, bidi.R:
			strong = c[i]
		case bidi.EN: // W7
			if strong == bidi.L {
				c[i] = bidi.L
			}
		}
	}
}

func fill(c []bidi.Class, with bidi.Class) {
	for i := range c {
		c[i] = with
	}
}

// direction returns the direction that a class has for neutrals: L, R or ON.
func direction(c bidi.Class) bidi.Class {
	if c == bidi.EN || c == bidi.AN {
		return bidi.R
	}
	return c
}

// brackets applies the rule N0.
func (p *paragraph) brackets() {
	const deepest = 63 // BD16
	type open struct {
		at      int
		closing rune
	}
	var stack []open
	var pairs [][2]int
scan:
	for i, r := range p.runes {
		if p.classes[i] != bidi.ON {
			continue
		}
		props, _ := bidi.LookupRune(r)
		switch {
		case !props.IsBracket():
		case props.IsOpeningBracket():
			if len(stack) == deepest {
				break scan
			}
			stack = append(stack, open{i, mirrored(r)})
		default:
			for n := len(stack) - 1; n >= 0; n-- {
				if stack[n].closing == r {
					pairs = append(pairs, [2]int{stack[n].at, i})
					stack = stack[:n]
					break
				}
			}
		}
	}
	slices.SortFunc(pairs, func(a, b [2]int) int { return a[0] - b[0] })
	before, at := p.strong, 0 // the direction of what stands before at
	for _, pair := range pairs {
		for ; at < pair[0]; at++ {
			if d := direction(p.classes[at]); d != bidi.ON {
				before = d
			}
		}
		inside := bidi.ON
		for _, c := range p.classes[pair[0]+1 : pair[1]] {
			if d := direction(c); d == p.strong {
				inside = d
				break
			} else if d != bidi.ON {
				inside = d
			}
		}
		if inside == bidi.ON {
			continue
		}
		if inside != p.strong && before == p.strong {
			inside = p.strong
		}
		for _, i := range pair {
			p.classes[i] = inside
			for i++; i < len(p.marks) && p.marks[i]; i++ {
				p.classes[i] = inside
			}
		}
	}
}

// neutral applies the rules N1 and N2.
func (p *paragraph) neutral() {
	c := p.classes
	before := p.strong
	for i := 0; i < len(c); i++ {
		if c[i] != bidi.ON {
			before = direction(c[i])
			continue
		}
		end, after := i, p.strong
		for end < len(c) && c[end] == bidi.ON {
			end++
		}
		if end < len(c) {
			after = direction(c[end])
		}
		if before == after {
			fill(c[i:end], before)
		} else {
			fill(c[i:end], p.strong)
		}
		i = end - 1
	}
}

// mirrored returns the counterpart of a character whose look depends on the
// direction it is read in, and any other as it is.
func mirrored(r rune) rune {
	switch r {
	case '<':
		return '>'
	case '>':
		return '<'
	case '«':
		return '»'
	case '»':
		return '«'
	case '‹':
		return '›'
	case '›':
		return '‹'
	case '≤':
		return '≥'
	case '≥':
		return '≤'
	}
	if p, _ := bidi.LookupRune(r); p.IsBracket() {
		r, _ = utf8.DecodeRuneInString(bidi.ReverseString(string(r)))
	}
	return r
}

// placed is a rune of a line as it is drawn, and the byte of the text it is from.
type placed struct {
	r     rune
	at    int
	level uint8
}

// visual returns the runes of a line of text from left to right. Marks of
// right-to-left letters stand before them. Lines do not end in spaces, so that
// there is nothing for L1 to do.
func visual(text string, levels []uint8) []placed {
	line := make([]placed, 0, len(text))
	highest := uint8(0)
	for i, r := range text {
		level := levels[i] &^ rtlParagraph
		line = append(line, placed{r, i, level})
		highest = max(highest, level)
	}
	for level := highest; level > 0; level-- { // L2
		for i := 0; i < len(line); i++ {
			end := i
			for end < len(line) && line[end].level >= level {
				end++
			}
			if end > i {
				slices.Reverse(line[i:end])
				i = end
			}
		}
	}
	for i := range line {
		if line[i].level&1 == 1 {
			line[i].r = mirrored(line[i].r) // L4
		}
	}
	return line
}

// visualText returns text as a line by itself, from left to right.
func visualText(text string) string {
	levels := levels(text)
	if levels == nil {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, g := range visual(text, levels) {
		b.WriteRune(g.r)
	}
	return b.String()
}
