package pdf

import (
	"strings"
	"unicode/utf8"
)

// All lengths inside the package are whole thousandths of a point, so that the
// layout comes out the same on machines that fuse a multiplication with an
// addition and on those that do not.
const point = 1000

// ink is how a piece of text is drawn.
type ink struct {
	face    faceID
	size    int
	color   color
	slanted bool
	struck  bool
}

// run is a piece of a styled text in one ink. It ends at byte end and starts
// where the one before it ended.
type run struct {
	end  int
	ink  ink
	link string // empty, or an address that has been checked
	// grounded is set where what the text stands in has a ground of its own.
	grounded bool
}

// plain reports whether nothing goes with the text of r.
func (r run) plain() bool {
	return r.link == "" && !r.ink.struck && (r.ink.face != mono || r.grounded)
}

// styled is sanitised text in one or more inks. The runs cover it. All of it
// stands on the base line of normal text of a size, so that the cells of a row
// are level whatever they are drawn in.
type styled struct {
	text      string
	size      int
	runs      []run
	stretches []stretch
	levels    []uint8 // see levels; nil where all of text is written from left to right
}

// extent is a line: the bytes from start to end of a styled text.
type extent struct{ start, end int }

// breakAfter are the characters inside a long word after which it may be
// broken: those of paths, addresses and queries.
const breakAfter = `/\-_.,;:?&=`

// breakLines breaks t into lines no wider than width, except that a line always
// takes at least one rune. Line feeds end a line. Lines break at spaces, and
// between East Asian characters by the rules of [betweenEastAsian]; a word
// that is wider than a whole line breaks after one of breakAfter, and where it
// has none, between two runes. Spaces at a break and at the end belong to no
// line; every other byte but line feeds belongs to exactly one, in order. There
// is always at least one line.
func (d *Document) breakLines(t styled, width int) []extent { return d.breakFrom(t, 0, width) }

// breakFrom breaks t from a byte on.
func (d *Document) breakFrom(t styled, start, width int) []extent {
	lines := make([]extent, 0, 1)
	w := wrapper{doc: d, t: t, limit: int64(width) * 1000}
	for {
		end, next := len(t.text), -1
		if i := strings.IndexByte(t.text[start:], '\n'); i >= 0 {
			end, next = start+i, start+i+1
		}
		lines = w.paragraph(lines, start, end)
		if next < 0 {
			return lines
		}
		start = next
	}
}

// wrapper measures in millionths of a point: an advance in thousandths of the
// size, times a size in thousandths of a point.
type wrapper struct {
	doc   *Document
	t     styled
	limit int64
	run   int // index of the run that was measured last
}

func (w *wrapper) measure(at int, r rune) int64 {
	for w.run > 0 && at < w.t.runs[w.run-1].end {
		w.run--
	}
	for at >= w.t.runs[w.run].end && w.run < len(w.t.runs)-1 {
		w.run++
	}
	ink := w.t.runs[w.run].ink
	return int64(w.doc.faces[ink.face].advance(r)) * int64(ink.size)
}

func (w *wrapper) paragraph(lines []extent, start, end int) []extent {
	type mark struct {
		end, next int   // where the line would end and the next one begin
		width     int64 // of the text before next
	}
	text := w.t.text[:end]
	var space, inner mark // the last places to break; unset while next <= start
	var width int64       // of start..i
	var before rune       // the one before i
	for i := start; i < end; {
		r, n := utf8.DecodeRuneInString(text[i:])
		advance := w.measure(i, r)
		if (r >= eastAsian || before >= eastAsian) && i > start && space.next != i && betweenEastAsian(before, r) {
			space = mark{i, i, width}
		}
		if r == ' ' { // a space never overflows, it hangs
			if space.next != i || i == start {
				space.end = i
			}
			i += n
			width += advance
			space.next, space.width = i, width
			before = r
			continue
		}
		if width+advance > w.limit && i > start && advance > 0 {
			cut := mark{i, i, width}
			if space.end > start {
				cut = space
			} else if back := w.longEnd(start, i, end); back < i {
				cut = mark{back, back, w.span(start, back)}
			}
			if inner.next > start && 4*inner.width >= w.limit && (space.end <= start || inner.next > space.next && w.wordTooWide(space.next, end)) {
				cut = inner
			}
			lines = append(lines, extent{start, cut.end})
			start = cut.next
			width -= cut.width
			space.width -= cut.width
			inner.width -= cut.width
			continue
		}
		before = r
		i += n
		width += advance
		if mayBreakAfter(r, text[i:]) {
			inner = mark{i, i, width}
		}
	}
	for end > start && text[end-1] == ' ' {
		end--
	}
	return append(lines, extent{start, end})
}

// longEnd returns where to break the word that is too wide for the line from start
// to at, so that its end is long enough for a line: at, or a few runes before.
func (w *wrapper) longEnd(start, at, end int) int {
	const least = 8 // runes
	rest, n := w.t.text[at:end], 0
	for _, r := range rest {
		if n++; n == least || r == ' ' || r >= eastAsian {
			break
		}
	}
	cut := at
	for n < least {
		r, size := utf8.DecodeLastRuneInString(w.t.text[start:cut])
		if r >= 0x300 || size == 0 { // a mark may belong to what is before it
			return at
		}
		cut -= size
		n++
	}
	if cut-start < 2*least {
		return at
	}
	return cut
}

// span measures a part of the text.
func (w *wrapper) span(start, end int) (width int64) {
	for i, r := range w.t.text[start:end] {
		width += w.measure(start+i, r)
	}
	return width
}

// wordTooWide reports whether the word at start is wider than a line.
func (w *wrapper) wordTooWide(start, end int) bool {
	var width int64
	var before rune
	for i, r := range w.t.text[start:end] {
		if r == ' ' || i > 0 && (r >= eastAsian || before >= eastAsian) && betweenEastAsian(before, r) {
			return false
		}
		before = r
		if width += w.measure(start+i, r); width > w.limit {
			return true
		}
	}
	return false
}

// mayBreakAfter reports whether a word may be broken after r, which rest
// follows. A group such as "://" is kept together, and so is each mark that
// stands for a rune the font does not have.
func mayBreakAfter(r rune, rest string) bool {
	if rest == "" {
		return false
	}
	if r == ']' {
		return rest[0] == '['
	}
	return r < utf8.RuneSelf && strings.IndexByte(breakAfter, byte(r)) >= 0 &&
		strings.IndexByte(breakAfter, rest[0]) < 0
}

// textWidth returns the width of text in one ink, rounded up.
func (d *Document) textWidth(text string, k ink) int {
	f := d.faces[k.face]
	sum := int64(0)
	for _, r := range text {
		sum += int64(f.advance(r))
	}
	return int(min((sum*int64(k.size)+999)/1000, 1<<30)) // as wide as a text needs to be to be too wide
}

// scaled returns n parts of which of makes by, rounded down, where an int has 32 bits, too.
func scaled(n, by, of int) int { return int(int64(n) * int64(by) / int64(of)) }

// clip returns text if it is no wider than width, and else as much of it as
// fits in front of an ellipsis.
func (d *Document) clip(text string, k ink, width int) string {
	const ellipsis = "…"
	if d.textWidth(text, k) <= width {
		return text
	}
	f := d.faces[k.face]
	room := width - d.textWidth(ellipsis, k)
	sum, cut := 0, 0
	for i, r := range text {
		if sum += f.advance(r); (sum*k.size+999)/1000 > room {
			cut = i
			break
		}
	}
	return strings.TrimRight(text[:cut], " ") + ellipsis
}
