package pdf

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
)

// runeSet is a set of runes of the Basic Multilingual Plane.
type runeSet [0x10000 / 64]uint64

func (s *runeSet) add(text string) {
	for _, r := range text {
		if r <= 0xFFFF {
			s[r/64] |= 1 << (r % 64)
		}
	}
}

func (s *runeSet) all(yield func(rune) bool) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			if !yield(rune(64*i + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}

// subset returns a new TrueType font with the glyphs of runes, which are in
// order, and those that they are composed of, numbered anew. Only the tables
// that a PDF needs are in it.
func (f *face) subset(runes []rune) []byte {
	keep := map[int]bool{0: true}
	for _, r := range runes {
		f.addGlyph(keep, f.glyph(r))
	}
	old := slices.Sorted(maps.Keys(keep))
	number := make(map[int]int, len(old))
	for n, g := range old {
		number[g] = n
	}

	var glyf, loca, hmtx []byte
	for _, g := range old {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		start := len(glyf)
		glyf = append(glyf, f.outline(g)...)
		for at := range f.components(g) {
			part := glyf[start+at:]
			binary.BigEndian.PutUint16(part, uint16(number[u16(string(part[:2]), 0)]))
		}
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
		hmtx = binary.BigEndian.AppendUint16(hmtx, uint16(f.unitAdvance(g)))
		hmtx = binary.BigEndian.AppendUint16(hmtx, uint16(f.sideBearing(g)))
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))

	codes := make([]codeGlyph, 0, len(runes))
	for _, r := range runes {
		codes = append(codes, codeGlyph{int(r), number[f.glyph(r)]})
	}
	patched := func(tag string, at, value int) []byte {
		b := []byte(f.table(tag))
		binary.BigEndian.PutUint16(b[at:], uint16(value))
		return b
	}
	head := patched("head", 50, 1)
	clear(head[8:12]) // the check sum of the whole file, which assemble writes
	return assemble(slices.DeleteFunc([]table{
		{"cmap", characterMap(codes)},
		{"cvt ", []byte(f.table("cvt "))},
		{"fpgm", []byte(f.table("fpgm"))},
		{"glyf", glyf},
		{"head", head},
		{"hhea", patched("hhea", 34, len(old))},
		{"hmtx", hmtx},
		{"loca", loca},
		{"maxp", patched("maxp", 4, len(old))},
		{"prep", []byte(f.table("prep"))},
	}, func(t table) bool { return len(t.data) == 0 && t.tag != "glyf" }))
}

// outline returns the bytes of a glyph, none when it is blank.
func (f *face) outline(g int) string {
	if f.long {
		return f.glyf[u32(f.loca, 4*g):u32(f.loca, 4*g+4)]
	}
	return f.glyf[2*u16(f.loca, 2*g) : 2*u16(f.loca, 2*g+2)]
}

// addGlyph adds g and the glyphs it is composed of.
func (f *face) addGlyph(keep map[int]bool, g int) {
	if keep[g] {
		return
	}
	keep[g] = true
	outline := f.outline(g)
	for at := range f.components(g) {
		f.addGlyph(keep, u16(outline, at))
	}
}

// components yields where in its outline the numbers of the glyphs are that g is
// composed of. Where the outline is cut off, that is behind its end.
func (f *face) components(g int) func(func(int) bool) {
	const (
		wordArguments = 1 << 0
		hasScale      = 1 << 3
		more          = 1 << 5
		hasXYScale    = 1 << 6
		has2x2        = 1 << 7
	)
	return func(yield func(int) bool) {
		o := f.outline(g)
		if len(o) < 10 || u16(o, 0)&0x8000 == 0 { // a negative contour count is a composite
			return
		}
		for at, flags := 10, more; flags&more != 0; {
			if at+4 > len(o) {
				yield(len(o))
				return
			}
			flags = u16(o, at)
			if !yield(at + 2) {
				return
			}
			at += 6
			if flags&wordArguments != 0 {
				at += 2
			}
			switch {
			case flags&hasScale != 0:
				at += 2
			case flags&hasXYScale != 0:
				at += 4
			case flags&has2x2 != 0:
				at += 8
			}
		}
	}
}

type codeGlyph struct{ code, glyph int }

// characterMap writes a cmap with one format 4 subtable for codes, which are in
// order. Every segment is a run in which code and glyph advance together.
func characterMap(codes []codeGlyph) []byte {
	var starts, ends, deltas []uint16
	for i, c := range codes {
		if i > 0 && c.code == codes[i-1].code+1 && c.glyph == codes[i-1].glyph+1 {
			ends[len(ends)-1] = uint16(c.code)
			continue
		}
		starts = append(starts, uint16(c.code))
		ends = append(ends, uint16(c.code))
		deltas = append(deltas, uint16(c.glyph-c.code))
	}
	starts, ends, deltas = append(starts, 0xFFFF), append(ends, 0xFFFF), append(deltas, 1)
	n := len(starts)
	search, exponent := 1, 0
	for 2*search <= n {
		search, exponent = 2*search, exponent+1
	}
	var b []byte
	put := func(values ...uint16) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint16(b, v)
		}
	}
	put(0, 1, 3, 1, 0, 12)
	put(4, uint16(16+8*n), 0, uint16(2*n), uint16(2*search), uint16(exponent), uint16(2*(n-search)))
	put(ends...)
	put(0)
	put(starts...)
	put(deltas...)
	put(make([]uint16, n)...)
	return b
}

type table struct {
	tag  string
	data []byte
}

// assemble writes an sfnt file of tables, which are in the order of their tags.
func assemble(tables []table) []byte {
	search, exponent := 1, 0
	for 2*search <= len(tables) {
		search, exponent = 2*search, exponent+1
	}
	b := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, v := range []int{len(tables), 16 * search, exponent, 16 * (len(tables) - search)} {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	offset, head := 12+16*len(tables), 0
	for _, t := range tables {
		if t.tag == "head" {
			head = offset
		}
		b = append(b, t.tag...)
		b = binary.BigEndian.AppendUint32(b, checkSum(t.data))
		b = binary.BigEndian.AppendUint32(b, uint32(offset))
		b = binary.BigEndian.AppendUint32(b, uint32(len(t.data)))
		offset += (len(t.data) + 3) &^ 3
	}
	for _, t := range tables {
		b = append(b, t.data...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	binary.BigEndian.PutUint32(b[head+8:], 0xB1B0AFBA-checkSum(b))
	return b
}

// checkSum adds up the words of a table, as if zeros followed it.
func checkSum(data []byte) uint32 {
	var sum uint32
	for ; len(data) >= 4; data = data[4:] {
		sum += binary.BigEndian.Uint32(data)
	}
	var rest [4]byte
	copy(rest[:], data)
	return sum + binary.BigEndian.Uint32(rest[:])
}
