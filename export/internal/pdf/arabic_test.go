package pdf

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestJoin(t *testing.T) {
	f := newFace(sans)
	for _, c := range []struct{ name, in, want string }{
		{"all four forms", "ببب ب", "\uFE91\uFE92\uFE90 \uFE8F"},
		{"a letter that joins on one side ends a group", "مرحبا", "\uFEE3\uFEAE\uFEA3\uFE92\uFE8E"},
		{"lam and alef are one", "لا", "\uFEFB"},
		{"and join what is before them", "سلام", "\uFEB3\uFEFC\uFEE1"},
		{"each of the four alefs", "لآلألإلا", "\uFEF5\uFEF7\uFEF9\uFEFB"},
		{"a mark keeps lam and alef apart, and stays where it is", "لَا", "\uFEDF\u064E\uFE8E"},
		{"letters join across marks", "بَّب", "\uFE91\u064E\u0651\uFE90"},
		{"alef maksura", "ىى ى", "\uFBE8\uFEF0 \uFEEF"},
		{"hamza joins nothing", "بءب", "\uFE8F\u0621\uFE8F"},
		{"tatweel joins on both sides", "ـب بـ", "\u0640\uFE90 \uFE91\u0640"},
		{"Persian", "پچژگی", "\uFB58\uFB7D\uFB8B\uFB94\uFBFD"},
		{"a zero width non-joiner", "می\u200Cخ", "\uFEE3\uFBFD\uFEA5"},
		{"a zero width joiner", "ه\u200D \u200Dه", "\uFEEB \uFEEA"},
		{"a zero width joiner between lam and alef", "ل\u200Dا", "\uFEDF\uFE8E"},
		{"Urdu letters that the face has no forms of join nothing", "بہب", "\uFE8F\u06C1\uFE8F"},
		{"not Arabic", "abc 12 אב", "abc 12 אב"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, f.join(c.in), "%+q", f.join(c.in))
		})
	}
}

// The table against Unicode, which knows the letter of each form, and against
// the outlines of the face: where a form joins, its line goes to the edge.
func TestFormsOfLetters(t *testing.T) {
	assert.True(t, slices.IsSortedFunc(joinings, func(a, b joining) int { return int(a.letter - b.letter) }))
	drawn := 0
	for _, f := range []*face{newFace(sans), newFace(bold)} {
		for _, j := range joinings {
			for n := range j.forms {
				form := j.form(n)
				assert.Equal(t, string(j.letter), norm.NFKC.String(string(form)), "%U", form)
				if !f.covers(form) {
					continue
				}
				drawn++
				b := f.bounds(form)
				if n == final || n == medial {
					assert.GreaterOrEqual(t, b.right, f.advance(form), "%U joins on the right", form)
				}
				if n == initial || n == medial {
					assert.LessOrEqual(t, b.left, 0, "%U joins on the left", form)
				}
			}
		}
		for _, alef := range "آأإا" {
			for n := range rune(2) {
				assert.Equal(t, "ل"+string(alef), norm.NFKC.String(string(lamAlef(alef)+n)))
				assert.True(t, f.covers(lamAlef(alef)+n))
			}
		}
	}
	assert.Greater(t, drawn, 350)
}

// Joining changes the look and nothing else.
func TestJoinKeepsTheText(t *testing.T) {
	f := newFace(sans)
	piece := rapid.OneOf(rapid.RuneFrom([]rune("لااآألبتمرسىيهءـ َّ\u200C\u200D\u0654 a1")), rapid.Int32Range(0x600, 0x6FF))
	rapid.Check(t, func(t *rapid.T) {
		in := norm.NFC.String(string(rapid.SliceOfN(piece, 0, 30).Draw(t, "text")))
		out := f.join(in)
		want := strings.NewReplacer("\u200C", "", "\u200D", "").Replace(in)
		if got := letters(out); got != want {
			t.Fatalf("%+q became %+q", want, got)
		}
		if again := f.join(out); again != out {
			t.Fatalf("%+q is joined again, to %+q", out, again)
		}
	})
}

// A mark is above or below the middle of its letter, and two are not on one spot.
func TestPointsStandOnTheirLetters(t *testing.T) {
	for _, f := range []*face{newFace(sans), newFace(bold)} {
		const shadda, fatha, kasra = 0x0651, 0x064E, 0x0650
		for r := rune(0xFE80); r <= 0xFEFC; r++ {
			on := f.bounds(r)
			for _, mark := range []rune{fatha, kasra} {
				m := f.bounds(mark)
				dx, dy := f.attach(mark, string(r)+"x")
				assert.InDelta(t, f.advance(r)/2, dx+(m.left+m.right)/2, 111, "%U on %U", mark, r)
				if mark == fatha {
					assert.GreaterOrEqual(t, m.bottom+dy, on.top, "%U on %U", mark, r)
				} else {
					assert.LessOrEqual(t, m.top+dy, on.bottom, "%U on %U", mark, r)
				}
			}
			_, first := f.attach(shadda, string(r))
			_, second := f.attach(fatha, string([]rune{shadda, r}))
			assert.Greater(t, f.bounds(fatha).bottom+second, f.bounds(shadda).top+first, "both on %U", r)
		}
		dx, dy := f.attach(shadda, strings.Repeat(string(rune(fatha)), 6)+"ﺐ")
		assert.Zero(t, max(dx, dy), "nobody writes seven marks, and to look at thousands for each takes long")
		dx, dy = f.attach(shadda, "")
		assert.Zero(t, max(dx, dy), "a mark without a letter")
	}
}
