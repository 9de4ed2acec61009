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

// subset returns a new TrueType font with the glyphs of used and no others.
//
// fpdf parses a font whole, twice, before it cuts it down itself; on a font of
// 6,000 glyphs that is most of the cost of a report. Glyphs keep their numbers,
// so composites need no rewriting: the ones not used are merely empty, and the
// numbers after the last one used are cut off. The names and the glyph names go
// too; a PDF needs neither. The slice is the caller's own, which also keeps two
// documents from sharing bytes that fpdf writes to.
func (f *face) subset(used *runeSet) []byte {
	glyf, loca := f.table("glyf"), f.table("loca")
	long := u16(f.table("head"), 50) == 1
	outline := func(g int) string {
		if long {
			return glyf[u32(loca, 4*g):u32(loca, 4*g+4)]
		}
		return glyf[2*u16(loca, 2*g) : 2*u16(loca, 2*g+2)]
	}

	var codes []codeGlyph
	keep := map[int]bool{0: true}
	for r := range used.all {
		if g := f.glyph(r); g != 0 {
			codes = append(codes, codeGlyph{int(r), g})
			addGlyph(keep, g, outline)
		}
	}
	glyphs := slices.Sorted(maps.Keys(keep))
	count := glyphs[len(glyphs)-1] + 1

	var newGlyf, newLoca, newHmtx []byte
	for g := range count {
		newLoca = binary.BigEndian.AppendUint32(newLoca, uint32(len(newGlyf)))
		advance, bearing := 0, 0
		if keep[g] {
			newGlyf = append(newGlyf, outline(g)...)
			for len(newGlyf)%4 != 0 {
				newGlyf = append(newGlyf, 0)
			}
			advance, bearing = f.unitAdvance(g), f.sideBearing(g)
		}
		newHmtx = binary.BigEndian.AppendUint16(newHmtx, uint16(advance))
		newHmtx = binary.BigEndian.AppendUint16(newHmtx, uint16(bearing))
	}
	newLoca = binary.BigEndian.AppendUint32(newLoca, uint32(len(newGlyf)))

	patched := func(tag string, at, value int) []byte {
		b := []byte(f.table(tag))
		binary.BigEndian.PutUint16(b[at:], uint16(value))
		return b
	}
	return assemble([]table{
		{"OS/2", []byte(f.table("OS/2"))},
		{"cmap", characterMap(codes)},
		{"cvt ", []byte(f.table("cvt "))},
		{"fpgm", []byte(f.table("fpgm"))},
		{"gasp", []byte(f.table("gasp"))},
		{"glyf", newGlyf},
		{"head", patched("head", 50, 1)},
		{"hhea", patched("hhea", 34, count)},
		{"hmtx", newHmtx},
		{"loca", newLoca},
		{"maxp", patched("maxp", 4, count)},
		{"name", []byte{0, 0, 0, 0, 0, 6}},
		{"post", []byte(f.table("post")[:32])},
		{"prep", []byte(f.table("prep"))},
	})
}

// addGlyph adds g and the glyphs it is composed of.
func addGlyph(keep map[int]bool, g int, outline func(int) string) {
	const (
		wordArguments = 1 << 0
		hasScale      = 1 << 3
		more          = 1 << 5
		hasXYScale    = 1 << 6
		has2x2        = 1 << 7
	)
	if keep[g] {
		return
	}
	keep[g] = true
	o := outline(g)
	if len(o) < 10 || u16(o, 0)&0x8000 == 0 { // a negative contour count is a composite
		return
	}
	for at, flags := 10, more; flags&more != 0; {
		flags = u16(o, at)
		addGlyph(keep, u16(o, at+2), outline)
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

// assemble writes an sfnt file. Check sums are left at zero: fpdf reads none and
// computes those of the font it embeds.
func assemble(tables []table) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x00010000)
	b = binary.BigEndian.AppendUint16(b, uint16(len(tables)))
	b = append(b, 0, 0, 0, 0, 0, 0)
	offset := 12 + 16*len(tables)
	for _, t := range tables {
		b = append(b, t.tag...)
		b = binary.BigEndian.AppendUint32(b, 0)
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
	return b
}
