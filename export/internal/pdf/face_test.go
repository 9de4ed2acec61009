package pdf

import (
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

// A font that has been cut down here and then by fpdf has the same outlines,
// widths and character map as one that fpdf cut down alone.
func TestSubsetIsWhatFpdfWouldCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFace(faceID(rapid.IntRange(0, int(faceCount)-1).Draw(t, "face")))
		runes := rapid.OneOf(rapid.RuneFrom([]rune("aZ09 éÅǻΐЙệ…ﬁ")), rapid.Rune())
		var text strings.Builder
		for _, r := range rapid.SliceOfN(runes, 1, 60).Draw(t, "text") {
			if f.covers(r) {
				text.WriteRune(r)
			}
		}
		var used runeSet
		used.add(text.String())
		want := &face{data: string(fpdf.UTF8CutFont([]byte(f.data), text.String()))}
		got := &face{data: string(fpdf.UTF8CutFont(f.subset(&used), text.String()))}
		for _, tag := range []string{"glyf", "hmtx", "cmap", "loca", "maxp", "hhea"} {
			if want.table(tag) != got.table(tag) {
				t.Fatalf("%s of %q differs", tag, text.String())
			}
		}
	})
}
