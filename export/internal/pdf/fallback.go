package pdf

import (
	"errors"
	"fmt"
)

// parseFont reads a TrueType font of which nothing is known. It copies data.
// What holds for the font as a whole is checked here, and a glyph when it is
// used: one that is broken counts as missing.
func parseFont(name string, data []byte) (*face, error) {
	s := string(data)
	if len(s) < 12 {
		return nil, errors.New("not a TrueType font: too short")
	}
	switch s[:4] {
	case "\x00\x01\x00\x00", "true":
	case "OTTO":
		return nil, errors.New("an OpenType font with PostScript outlines (CFF); only TrueType outlines can be embedded")
	case "ttcf":
		return nil, errors.New("a collection of fonts (TTC); a single TrueType font is needed")
	case "wOFF", "wOF2":
		return nil, errors.New("a compressed web font (WOFF); a plain TrueType font is needed")
	default:
		return nil, fmt.Errorf("not a TrueType font: begins with %q", s[:4])
	}
	count := u16(s, 4)
	if 12+16*count > len(s) {
		return nil, errors.New("the table directory is cut off")
	}
	for i := range count {
		entry := s[12+16*i:]
		if offset, length := u32(entry, 8), u32(entry, 12); offset > len(s) || length > len(s)-offset {
			return nil, fmt.Errorf("table %q is outside the file", entry[:4])
		}
	}
	sizes := &face{data: s}
	for _, need := range []struct {
		tag  string
		size int
	}{{"cmap", 4}, {"glyf", 0}, {"head", 54}, {"hhea", 36}, {"hmtx", 4}, {"loca", 4}, {"maxp", 6}} {
		table, found := sizes.find(need.tag)
		if !found {
			return nil, fmt.Errorf("no table %q", need.tag)
		}
		if len(table) < need.size {
			return nil, fmt.Errorf("table %q is cut off", need.tag)
		}
	}
	if em := u16(sizes.table("head"), 18); em < 16 || em > 16384 {
		return nil, fmt.Errorf("%d units per em", em)
	}
	if full := u16(sizes.table("hhea"), 34); full == 0 || 4*full > len(sizes.table("hmtx")) {
		return nil, fmt.Errorf("table \"hmtx\" is cut off: %d widths", full)
	}
	cmap := sizes.table("cmap")
	if 4+8*u16(cmap, 2) > len(cmap) {
		return nil, errors.New("table \"cmap\" is cut off")
	}
	for i := range u16(cmap, 2) {
		if at := u32(cmap, 8+8*i); at+16 > len(cmap) {
			return nil, errors.New("table \"cmap\" is cut off")
		}
	}
	sub := unicodeMap(cmap)
	if sub == "" {
		return nil, errors.New("no Unicode character map of format 4")
	}
	if segments := u16(sub, 6); segments%2 != 0 || 16+4*segments > len(sub) {
		return nil, errors.New("the character map is cut off")
	}
	f := openFace(name, s)
	f.foreign = true
	if !f.sound(0) {
		return nil, errors.New("glyph 0 is broken")
	}
	return f, nil
}

// sound reports whether a glyph, and each that it is composed of, is inside
// the tables.
func (f *face) sound(g int) bool {
	left := 200 // glyphs; this also ends a circle
	return f.soundGlyph(g, &left)
}

func (f *face) soundGlyph(g int, left *int) bool {
	if *left--; *left < 0 || g >= f.glyphs {
		return false
	}
	size := 2
	if f.long {
		size = 4
	}
	if size*(g+2) > len(f.loca) {
		return false
	}
	from, to := 2*u16(f.loca, 2*g), 2*u16(f.loca, min(2*g+2, len(f.loca)-2))
	if f.long {
		from, to = u32(f.loca, 4*g), u32(f.loca, 4*g+4)
	}
	if from > to || to > len(f.glyf) {
		return false
	}
	outline := f.glyf[from:to]
	if len(outline) < 10 || outline[0] < 0x80 {
		return len(outline) == 0 || len(outline) >= 10
	}
	for at := range f.components(g) {
		if at+2 > len(outline) || !f.soundGlyph(u16(outline, at), left) {
			return false
		}
	}
	return true
}
