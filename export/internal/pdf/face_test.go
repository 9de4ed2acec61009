package pdf

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-pdf/fpdf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is measured here must be what fpdf writes into the file, for every rune
// it can draw. Its private font parser is the oracle.
func TestFaceMeasuresAsFpdf(t *testing.T) {
	for id := range faceCount {
		f := newFace(id)
		oracle := fpdf.New("P", "pt", "A4", "")
		oracle.AddUTF8FontFromBytes(f.name, "", []byte(f.data))
		oracle.SetFont(f.name, "", 10)
		covered := 0
		for r := rune(1); r < 0xFFFF; r++ {
			if r >= 0xD800 && r < 0xE000 || !f.covers(r) {
				continue
			}
			covered++
			require.Equal(t, oracle.GetStringSymbolWidth(string(r)), f.advance(r), "%s %U", f.name, r)
		}
		assert.Greater(t, covered, 3000)
		for r := range rune(0x7F - ' ') {
			assert.True(t, f.covers(r+' '), "%U is taken to be plain", r+' ')
		}
		for _, r := range "…•\uFFFD\u00a0—" {
			assert.True(t, f.covers(r), "%U is used by the layout", r)
		}
		assert.False(t, f.covers('\n'))
		assert.False(t, f.covers(-1))
		assert.False(t, f.covers(0x10000+'A'))
	}
}

// A font that has been cut down draws what the whole one draws.
func TestSubsetDrawsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFace(faceID(rapid.IntRange(0, int(faceCount)-1).Draw(t, "face")))
		anyRune := rapid.OneOf(rapid.RuneFrom([]rune("aZ09 éÅǻΐЙệ…ﬁ")), rapid.Rune())
		var used runeSet
		for _, r := range rapid.SliceOfN(anyRune, 1, 60).Draw(t, "text") {
			if f.covers(r) {
				used.add(string(r))
			}
		}
		runes := slices.Collect(used.all)
		data := f.subset(runes)
		require.Zero(t, len(data)%4)
		require.Equal(t, uint32(0xB1B0AFBA), checkSum(data), "the check sum of the file")
		cut := openFace("cut", string(data))
		for _, r := range runes {
			if got, want := cut.shape(cut.glyph(r)), f.shape(f.glyph(r)); got != want {
				t.Fatalf("%U is drawn as %x, not as %x", r, got, want)
			}
			require.Equal(t, f.advance(r), cut.advance(r), "%U", r)
		}
		if len(data) > 4000 {
			require.Less(t, len(data), len(f.data)/4)
		}
	})
}

// shape returns all outlines of a glyph, those that it is composed of included,
// whatever their numbers are.
func (f *face) shape(g int) string {
	outline := []byte(f.outline(g))
	var parts strings.Builder
	for at := range f.components(g) {
		parts.WriteString("(" + f.shape(u16(string(outline), at)) + ")")
		outline[at], outline[at+1] = 0, 0
	}
	return strings.TrimRight(string(outline), "\x00") + parts.String()
}
