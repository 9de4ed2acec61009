package pdf

import "unicode"

// isPoint reports whether r is a mark of a Hebrew or Arabic letter. Fonts have a
// table for where they go, which is not read here.
func isPoint(r rune) bool {
	return r >= 0x0591 && r <= 0x06ED && unicode.Is(unicode.Mn, r)
}

// attach returns by how much a mark has to be moved, in thousandths of the em,
// where rest is what is drawn after it, its letter after other marks. It is not
// moved unless it has to be: programs that read a file take a mark that is drawn
// by itself for one that stands apart.
func (f *face) attach(mark rune, rest string) (dx, dy int) {
	const space, off, most = 40, 110, 6
	var between []rune // marks of the same letter, the farthest from it first
	letter := rune(-1)
	for _, r := range rest {
		if letter = r; !isPoint(r) {
			break
		}
		if between = append(between, r); len(between) == most {
			return 0, 0
		}
	}
	if letter < 0 || isPoint(letter) {
		return 0, 0
	}
	m, on := f.bounds(mark), f.bounds(letter)
	switch mark {
	case 0x05B9, 0x05BA, 0x05BF, 0x05C1, 0x05C2: // stand at one side of the letter, as they are drawn
	default:
		dx = (f.advance(letter) - m.left - m.right) / 2
	}
	for i := len(between) - 1; i >= 0; i-- {
		b := f.bounds(between[i])
		if b.bottom > 0 {
			on.top = max(on.top+space, b.bottom) + b.top - b.bottom
		} else if b.top <= 0 {
			on.bottom = min(on.bottom-space, b.top) - b.top + b.bottom
		}
	}
	switch {
	case m.bottom > 300: // above
		dy = max(0, on.top+space-m.bottom)
	case m.top <= 0: // below
		dy = min(0, on.bottom-space-m.top)
	}
	if dy == 0 && max(dx, -dx) <= off {
		return 0, 0
	}
	return dx, dy
}

// bounds are those of an outline, in thousandths of the em.
type bounds struct{ left, bottom, right, top int }

func (f *face) bounds(r rune) bounds {
	source := f.source(r)
	outline := source.outline(source.glyph(r))
	if len(outline) < 10 {
		return bounds{}
	}
	at := func(at int) int { return source.milli(int(int16(u16(outline, at)))) }
	return bounds{at(2), at(4), at(6), at(8)}
}
