package pdf

import (
	"iter"
	"slices"
	"strings"
	"unicode"
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

// HasRightToLeft reports whether text has anything that is written from right to
// left, so that its [Order] matters. All of that begins with a byte of 0xD6 or more.
func HasRightToLeft(text string) bool {
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

// Order says how a text stands that has letters of scripts which are written from
// right to left, and what it does to the text around it.
type Order uint8

const (
	// Usual is Prose for a Span, Name for a Cell, and Datum for a text in one line.
	Usual Order = iota
	// Prose is running text. Each of its paragraphs runs as its first letter does,
	// and stands on the right if that is from right to left.
	Prose
	// Datum runs as its first letter does and is isolated: the text around it
	// stands as if it were not there. Its paragraph is written from left to right.
	// Two of them must be parted by other text.
	Datum
	// Name is a Datum that is written from left to right whatever its letters are,
	// and so are its parts, which end at the signs of addresses, paths and lists.
	// What a file name ends with is on the right, and a list keeps its order.
	Name
)

// stretch is a part of a text up to a byte with an order of its own. It starts
// where the one before it ended.
type stretch struct {
	end   int
	order Order
}

// levels returns the level of each byte of text, nil if all of it is written
// from left to right. Line feeds end paragraphs. The stretches cover the text;
// without any it is Prose.
func levels(text string, stretches ...stretch) []uint8 {
	if !HasRightToLeft(text) {
		return nil
	}
	out := make([]uint8, len(text))
	start := 0
	for part := range strings.SplitSeq(text, "\n") {
		end := start + len(part)
		for len(stretches) > 0 && stretches[0].end <= start {
			stretches = stretches[1:] // lines and stretches may both be many
		}
		composed := false
		from := start
		for _, s := range stretches {
			if from >= end {
				break
			}
			composed = composed || s.order >= Datum && min(s.end, end) > from
			from = max(from, min(s.end, end))
		}
		if composed {
			resolveComposed(text, stretches, out, start, end)
		} else {
			p := paragraph{strong: bidi.L}
			p.add(part, 0)
			base := uint8(0)
			if p.firstStrong() {
				base = 1
			}
			p.resolve(out[start:end], base)
			for i := start; base == 1 && i < end; i++ {
				out[i] |= rtlParagraph
			}
		}
		start = end + 1
	}
	return out
}

// resolveComposed finds the levels of a paragraph with isolated stretches, which
// count as one neutral character each (X5c, X6a, BD9).
func resolveComposed(text string, stretches []stretch, out []uint8, start, end int) {
	outer := paragraph{strong: bidi.L}
	from := start
	for _, s := range stretches {
		to := min(s.end, end)
		if from == end {
			break
		}
		if to <= from {
			continue
		}
		if part := text[from:to]; s.order < Datum {
			outer.add(part, from)
		} else {
			outer.isolate()
			inner := paragraph{strong: bidi.L, parts: s.order == Name}
			inner.add(part, 0)
			level := uint8(2)
			if s.order == Datum && inner.firstStrong() {
				level = 1
			}
			inner.resolve(out[from:to], level)
		}
		from = to
	}
	outer.resolve(out, 0)
}

// paragraph is what the rules work on. Each slice has an entry for each rune.
type paragraph struct {
	runes   []rune
	from    []int // the byte of each, -1 for what stands for an isolate
	classes []bidi.Class
	marks   []bool // whether the rune is a nonspacing mark
	strong  bidi.Class
	parts   bool // signs between parts are written from left to right
}

// add appends a text whose first byte is to be known by a number.
func (p *paragraph) add(text string, from int) {
	before := rune(0)
	for i, r := range text {
		c := class(r)
		if p.parts && partsAt(before, r, text[i+utf8.RuneLen(r):]) {
			c = bidi.L
		}
		p.runes, p.from = append(p.runes, r), append(p.from, from+i)
		p.classes, p.marks = append(p.classes, c), append(p.marks, c == bidi.NSM)
		before = r
	}
}

func (p *paragraph) isolate() {
	p.runes, p.from = append(p.runes, '\uFFFC'), append(p.from, -1)
	p.classes, p.marks = append(p.classes, bidi.ON), append(p.marks, false)
}

// partsAt reports whether a part of an address, a path or a list ends at r, which
// stands between before and rest. It does not inside a number.
func partsAt(before, r rune, rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	switch r {
	case '/', '\\', '@', '=', '&', '?', '#', '|', '·':
		return true
	case '.', ':':
		return !unicode.IsDigit(before) || !unicode.IsDigit(next)
	case ',', ';':
		return next == ' '
	}
	return false
}

// Parts yields the parts of a [Name], each with what parts it from the next one.
func Parts(name string) iter.Seq2[string, string] {
	return func(yield func(part, between string) bool) {
		before, start := rune(0), 0
		for at := 0; at < len(name); {
			r, n := utf8.DecodeRuneInString(name[at:])
			if next := at + n; partsAt(before, r, name[next:]) {
				if !yield(name[start:at], name[at:next]) {
					return
				}
				start = next
			}
			before, at = r, at+n
		}
		if start < len(name) {
			yield(name[start:], "")
		}
	}
}

// firstStrong sets the direction of the paragraph as its first letter says, and
// reports whether that is from right to left (P2, P3).
func (p *paragraph) firstStrong() bool {
	for _, c := range p.classes {
		switch c {
		case bidi.L:
			return false
		case bidi.R, bidi.AL:
			p.strong = bidi.R
			return true
		}
	}
	return false
}

// resolve finds the levels of what is at a level by itself.
func (p *paragraph) resolve(out []uint8, base uint8) {
	p.weak()
	p.brackets()
	p.neutral()
	for i, r := range p.runes {
		level := base
		switch c := p.classes[i]; { // I1, I2
		case base&1 == 0 && c == bidi.R, base&1 == 1 && c != bidi.R:
			level++
		case base&1 == 0 && c != bidi.L:
			level += 2
		}
		if at := p.from[i]; at >= 0 {
			for n := range utf8.RuneLen(r) {
				out[at+n] = level
			}
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
func visualText(text string) string { return visualLine(text, nil) }

// visualParts returns a line that is put together of texts, from left to right: a
// Datum, what parts it from the next one, and so on.
func visualParts(parts ...string) string {
	stretches := make([]stretch, 0, len(parts))
	end := 0
	for i, p := range parts {
		end += len(p)
		stretches = append(stretches, stretch{end, [...]Order{Datum, Prose}[i%2]})
	}
	return visualLine(strings.Join(parts, ""), stretches)
}

// visualLine returns a line that consists of stretches, from left to right.
func visualLine(text string, stretches []stretch) string {
	levels := levels(text, stretches...)
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
