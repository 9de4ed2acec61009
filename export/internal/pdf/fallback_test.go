package pdf

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// disguised returns a font that draws each rune like a Latin letter: the glyphs
// of the built-in face under other runes.
func disguised(as map[rune]rune) []byte {
	f := newFace(sans)
	var used runeSet
	var all []rune
	for r, look := range as {
		used.add(string(look))
		all = append(all, r)
	}
	slices.Sort(all)
	cut := openFace("", string(f.subset(slices.Collect(used.all))))
	codes := make([]codeGlyph, len(all))
	for i, r := range all {
		codes[i] = codeGlyph{int(r), cut.glyph(as[r])}
	}
	var tables []table
	for i := range u16(cut.data, 4) {
		tag := cut.data[12+16*i:][:4]
		tables = append(tables, table{tag, []byte(cut.table(tag))})
	}
	tables[0].data = characterMap(codes)
	return assemble(tables)
}

// Fonts are asked in order, and only what a face lacks and a text has is taken
// from them.
func TestFontsAreAskedInOrder(t *testing.T) {
	first, second := disguised(map[rune]rune{'事': 'a', 'e': 'W'}), disguised(map[rune]rune{'事': 'W', '件': 'i'})
	d := New(t.Context(), Options{Fonts: [][]byte{first, second}})
	k := Style(0).ink(bodySize, black)
	assert.Equal(t, d.textWidth("a", k), d.textWidth("事", k))
	assert.Equal(t, d.textWidth("i", k), d.textWidth("件", k))
	d.Paragraph(Span{Text: "plain text"})
	assert.Equal(t, 1, bytes.Count(output(t, d), []byte("/FontFile2")), "no rune needs them yet")
	d.Paragraph(Span{Text: "e 事件 e"})
	d.Paragraph(Span{Text: "件", Style: Bold})
	assert.Zero(t, d.Replaced())
	file := output(t, d)
	assert.Equal(t, 4, bytes.Count(file, []byte("/FontFile2")))
	assert.Equal(t, file, output(t, d))
	text := tool(t, file, "pdftotext", "-raw", "FILE", "-")
	assert.True(t, strings.HasPrefix(text, "plain text\ne 事件 e\n件\n"), text)
	d.Paragraph(Span{Text: "鬼"})
	assert.Equal(t, 1, d.Replaced(), "what no font has stands as a mark")
}

func TestFontsAreValidated(t *testing.T) {
	good := disguised(map[rune]rune{'事': 'é', '件': 'i'})
	_, err := parseFont("x", good)
	require.NoError(t, err)
	patched := func(tag string, at int, value ...byte) []byte {
		b := bytes.Clone(good)
		for i := range u16(string(b), 4) {
			if entry := b[12+16*i:]; string(entry[:4]) == tag {
				copy(b[int(binary.BigEndian.Uint32(entry[8:]))+at:], value)
			}
		}
		return b
	}
	directory := func(tag string, at int, value ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[bytes.Index(b, []byte(tag))+at:], value)
		return b
	}
	for _, c := range []struct {
		want string
		data []byte
	}{
		{"too short", nil},
		{"PostScript outlines", append([]byte("OTTO"), good[4:]...)},
		{"collection", append([]byte("ttcf"), good[4:]...)},
		{"web font", append([]byte("wOF2"), good[4:]...)},
		{`begins with "%PDF"`, append([]byte("%PDF"), good[4:]...)},
		{"directory is cut off", good[:40]},
		{"is outside the file", good[:len(good)-9]},
		{`table "glyf" is outside`, directory("glyf", 8, 0xFF, 0xFF, 0xFF, 0xFF)},
		{`no table "loca"`, directory("loca", 0, 'l', 'o', 'c', 'b')},
		{`table "head" is cut off`, directory("head", 12, 0, 0, 0, 9)},
		{"0 units per em", patched("head", 18, 0, 0)},
		{"999 widths", patched("hhea", 34, 3, 0xE7)},
		{"0 widths", patched("hhea", 34, 0, 0)},
		{`table "cmap" is cut off`, patched("cmap", 2, 9, 9)},
		{`table "cmap" is cut off`, patched("cmap", 8, 9, 9, 9, 9)},
		{"no Unicode character map", patched("cmap", 12, 0, 12)},
		{"character map is cut off", patched("cmap", 18, 9, 8)},
		{"glyph 0 is broken", patched("loca", 0, 9, 9, 9, 9)},
	} {
		d := New(t.Context(), Options{Fonts: [][]byte{good, c.data}})
		d.Paragraph(Span{Text: "事"})
		err := d.Output(&bytes.Buffer{})
		assert.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, "font 2: ")
	}
}

// A character map may point anywhere.
func TestGlyphNumberOutsideTheMap(t *testing.T) {
	data := disguised(map[rune]rune{'事': 'é', '件': 'i'})
	cmap := strings.Index(string(data), newFaceOf(t, data).table("cmap"))
	const offsets = 12 + 16 + 3*6 // of three segments, behind their ends, starts and deltas
	binary.BigEndian.PutUint16(data[cmap+offsets:], 0xFFF0)
	f := newFaceOf(t, data)
	assert.False(t, f.covers('事'))
	assert.True(t, f.covers('件'))
}

func newFaceOf(t *testing.T, data []byte) *face {
	t.Helper()
	f, err := parseFont("x", data)
	require.NoError(t, err)
	return f
}

// A glyph that is broken counts as missing, so that its rune is seen as a mark.
func TestBrokenGlyphIsMissing(t *testing.T) {
	data := disguised(map[rune]rune{'事': 'é', '件': 'i'})
	f, err := parseFont("x", data)
	require.NoError(t, err)
	require.True(t, f.covers('事'))
	glyph := f.glyph('事')
	outline := strings.Index(f.data, f.outline(glyph))
	for at := range f.components(glyph) {
		broken := bytes.Clone(data)
		binary.BigEndian.PutUint16(broken[outline+at:], uint16(glyph)) // made of itself
		g, err := parseFont("x", broken)
		require.NoError(t, err)
		assert.False(t, g.covers('事'))
		assert.True(t, g.covers('件'))
	}
}

// Damage of any kind is an error, a mark or an ugly letter; it is never a panic,
// and never the end of a report.
func FuzzFont(f *testing.F) {
	good := disguised(map[rune]rune{'事': 'é', '件': 'i'})
	f.Add(uint16(30), []byte{1, 2, 3}, uint16(0))
	f.Add(uint16(400), []byte{0xFF}, uint16(90))
	f.Add(uint16(209), []byte("0000000 1"), uint16(0)) // has glyphs for surrogates, which no text has
	f.Fuzz(func(t *testing.T, at uint16, patch []byte, cut uint16) {
		data := bytes.Clone(good)
		copy(data[int(at)%len(data):], patch)
		data = data[:max(0, len(data)-int(cut))]
		x, err := parseFont("x", data)
		if err != nil {
			return
		}
		var used runeSet
		for r := rune(1); r < 0xFFFF; r += 7 {
			if utf8.ValidRune(r) && x.covers(r) {
				used.add(string(r))
			}
		}
		x.subset(slices.Collect(used.all))
		d := New(t.Context(), Options{Fonts: [][]byte{data}})
		d.Paragraph(Span{Text: "事件"})
		if err := d.Output(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for _, r := range "事件" {
			if x.covers(r) {
				want.WriteRune(r)
			} else {
				want.WriteString(mark(r))
			}
		}
		if got := strings.Join(d.texts(0), ""); got != want.String() {
			t.Fatalf("%q, not %q", got, want.String())
		}
	})
}

// A rune is as wide as the glyph it is drawn with, whichever font that is in.
func TestWidthsAreThoseOfTheFontThatDraws(t *testing.T) {
	as := map[rune]rune{}
	for r := range rune(300) {
		as[0x4E00+r] = 'a' + r%26
	}
	d := New(t.Context(), Options{Fonts: [][]byte{disguised(as)}})
	rapid.Check(t, func(t *rapid.T) {
		runes := rapid.SliceOfN(rapid.OneOf(rapid.RuneFrom([]rune("abc é")), rapid.Int32Range(0x4E00, 0x4E00+299)), 1, 40).Draw(t, "text")
		look := slices.Clone(runes)
		for i, r := range look {
			if r >= 0x4E00 {
				look[i] = as[r]
			}
		}
		k := Style(0).ink(bodySize, black)
		require.Equal(t, d.textWidth(string(look), k), d.textWidth(string(runes), k))
	})
}

// Faces that need the same runes of a font have fonts of their own in the file.
func TestFacesShareNoFont(t *testing.T) {
	as := map[rune]rune{'事': 'a', '件': 'b'}
	d := New(t.Context(), Options{Fonts: [][]byte{disguised(as)}})
	for _, style := range []Style{0, Bold, Mono, Code} {
		d.Paragraph(Span{Text: "事件 x", Style: style}, Span{Text: "€", Style: style})
	}
	out := tool(t, output(t, d), "qpdf", "--check", "FILE")
	assert.NotContains(t, out, "WARNING")
	assert.Contains(t, out, "No syntax or stream encoding errors found")
}
