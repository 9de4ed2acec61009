package pdf

import (
	_ "embed"
)

//go:embed fonts/DejaVuSansCondensed.ttf
var sansFont string

//go:embed fonts/DejaVuSansCondensed-Bold.ttf
var boldFont string

//go:embed fonts/DejaVuSansMono.ttf
var monoFont string

type faceID uint8

const (
	sans faceID = iota
	bold
	mono
	faceCount
)

// face reads a TrueType font in place, and speaks for those it falls back on. It
// understands the format 4 character
// map, which covers the Basic Multilingual Plane and no more.
type face struct {
	name string
	data string
	cmap string // the format 4 subtable
	hmtx string
	full int // number of full entries in hmtx
	glyf string
	loca string
	long bool // whether loca has entries of four bytes
	em   int  // font units per em
	// fallback is asked, in order, for what this face lacks.
	fallback []*face
	glyphs   int  // how many there are
	foreign  bool // from a caller: each glyph has to be looked at
	// seen caches the advances of the low blocks (Latin to Cyrillic): advance
	// + 1, so that 0 is "not looked up" and noGlyph is "not covered".
	seen [0x500]uint16
}

const (
	noGlyph  = 0xFFFF
	boldName = "DejaVuSansCondensed-Bold"
	monoName = "DejaVuSansMono"
)

func newFace(id faceID) *face {
	switch id {
	case bold:
		return openFace(boldName, boldFont)
	case mono:
		return openFace(monoName, monoFont)
	}
	return openFace("DejaVuSansCondensed", sansFont)
}

func openFace(name, data string) *face {
	f := &face{name: name, data: data}
	f.hmtx = f.table("hmtx")
	f.full = u16(f.table("hhea"), 34)
	f.em = u16(f.table("head"), 18)
	f.cmap = unicodeMap(f.table("cmap"))
	f.glyf, f.loca = f.table("glyf"), f.table("loca")
	f.long = u16(f.table("head"), 50) == 1
	f.glyphs = u16(f.table("maxp"), 4)
	return f
}

// table returns the bytes of an sfnt table, empty when the font has none.
func (f *face) table(tag string) string {
	data, _ := f.find(tag)
	return data
}

func (f *face) find(tag string) (data string, found bool) {
	for i := range u16(f.data, 4) {
		entry := f.data[12+16*i:]
		if entry[:4] == tag {
			offset, length := u32(entry, 8), u32(entry, 12)
			return f.data[offset : offset+length], true
		}
	}
	return "", false
}

// unicodeMap finds the format 4 subtable for Unicode.
func unicodeMap(cmap string) string {
	for i := range u16(cmap, 2) {
		platform, encoding := u16(cmap, 4+8*i), u16(cmap, 6+8*i)
		sub := cmap[u32(cmap, 8+8*i):]
		if (platform == 0 || platform == 3 && encoding == 1) && u16(sub, 0) == 4 {
			return sub
		}
	}
	return ""
}

// glyph returns the glyph of r, 0 when the font has none.
func (f *face) glyph(r rune) int {
	if r < 0 || r >= 0xFFFF {
		return 0
	}
	size := u16(f.cmap, 6) // twice the number of segments
	lo, hi := 0, size/2
	for lo < hi {
		mid := (lo + hi) / 2
		if u16(f.cmap, 14+2*mid) < int(r) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if 2*lo >= size {
		return 0
	}
	start := u16(f.cmap, 16+size+2*lo)
	if int(r) < start {
		return 0
	}
	delta := u16(f.cmap, 16+2*size+2*lo)
	at := 16 + 3*size + 2*lo
	offset := u16(f.cmap, at)
	if offset == 0 {
		return (int(r) + delta) & 0xFFFF
	}
	at += offset + 2*(int(r)-start)
	if at+2 > len(f.cmap) {
		return 0
	}
	g := u16(f.cmap, at)
	if g == 0 {
		return 0
	}
	return (g + delta) & 0xFFFF
}

// covers reports whether the font draws r.
func (f *face) covers(r rune) bool { return f.lookup(r) != noGlyph }

// advance returns the width of r in thousandths of the font size. It is 0 for a rune the
// font does not cover.
func (f *face) advance(r rune) int {
	if v := f.lookup(r); v != noGlyph {
		return int(v) - 1
	}
	return 0
}

func (f *face) lookup(r rune) uint16 {
	cached := r >= 0 && int(r) < len(f.seen)
	if cached && f.seen[r] != 0 {
		return f.seen[r]
	}
	v := uint16(noGlyph)
	if g := f.glyph(r); g != 0 && (!f.foreign || f.sound(g)) {
		v = uint16(min(f.milli(f.unitAdvance(g))+1, noGlyph-1))
	}
	for i := 0; v == noGlyph && i < len(f.fallback); i++ {
		v = f.fallback[i].lookup(r)
	}
	if cached {
		f.seen[r] = v
	}
	return v
}

// source returns the face that draws r: f, or one of those it falls back on.
func (f *face) source(r rune) *face {
	if len(f.fallback) == 0 || f.glyph(r) != 0 {
		return f
	}
	for _, other := range f.fallback {
		if other.covers(r) {
			return other
		}
	}
	return f
}

// unitAdvance returns the advance of a glyph in font units.
func (f *face) unitAdvance(g int) int { return u16(f.hmtx, 4*min(g, f.full-1)) }

// sideBearing returns the left side bearing of a glyph in font units, as the
// two bytes of the table.
func (f *face) sideBearing(g int) int {
	if g < f.full {
		return u16(f.hmtx, 4*g+2)
	}
	if at := 4*f.full + 2*(g-f.full); at+2 <= len(f.hmtx) {
		return u16(f.hmtx, at)
	}
	return 0
}

// milli converts font units to thousandths of the em, rounding half up.
func (f *face) milli(units int) int { return (2000*units + f.em) / (2 * f.em) }

func u16(s string, at int) int { return int(s[at])<<8 | int(s[at+1]) }

// u32 returns at most 1<<30, more than a file has bytes, so that it can be added to where an int has 32 bits.
func u32(s string, at int) int { return int(min(int64(u16(s, at))<<16|int64(u16(s, at+2)), 1<<30)) }
