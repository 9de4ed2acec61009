package pdf

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// squares returns a document with a font for a few East Asian characters, each
// as wide as an m.
func squares(t testing.TB, text string) *Document {
	as := map[rune]rune{}
	for _, r := range text {
		if r >= eastAsian {
			as[r] = 'm'
		}
	}
	return New(t.Context(), Options{Fonts: [][]byte{disguised(as)}})
}

func TestEastAsianLines(t *testing.T) {
	for _, c := range []struct {
		name, text string
		widest     string
		want       []string
	}{
		{"between ideographs", "安全运营中心", "安全运营", []string{"安全运营", "中心"}},
		{"not before a full stop", "安全运营。中心", "安全运营", []string{"安全运", "营。中心"}},
		{"not before a comma and a closing bracket", "安全（中心），中", "安全（中心", []string{"安全（中", "心），中"}},
		{"not after an opening bracket", "安全中「心」", "安全中「", []string{"安全中", "「心」"}},
		{"not before small Kana", "あチェック", "あチェ", []string{"あ", "チェッ", "ク"}},
		{"where nothing else helps, anywhere", "チェック", "チェ", []string{"チェ", "ック"}},
		{"not before a mark that prolongs", "あサーバー", "あサ", []string{"あ", "サー", "バー"}},
		{"Latin is kept whole", "安全powershell中", "安全powershel", []string{"安全", "powershell中"}},
		{"an address is kept whole", "安全（10.0.0.127）中", "安全（10.0.0.12", []string{"安全", "（10.0.0.127）", "中"}},
		{"a word that is too long", "安全01234567890123456789中", "安全0123", []string{"安全", "0123456", "7890123", "456789", "中"}},
		{"a path begins on the line it is on", `安全C:\Users\kai\Temp`, `安全C:\Use`, []string{`安全C:\`, `Users\kai\`, "Temp"}},
		{"Korean at spaces", "사용자가 전자", "사용자가 전", []string{"사용자가", "전자"}},
		{"a Korean word that is too long", "가 사용자가전자", "사용자", []string{"가", "사용자", "가전자"}},
		{"Korean beside ideographs", "安가나", "安가", []string{"安", "가나"}},
		{"spaces hang", "사용자가 전자", "사용자가", []string{"사용자가", "전자"}},
		{"a wide space does not begin a line", "安全\u3000中心", "安全心", []string{"安全\u3000", "中心"}},
		{"no-break space", "中安\u00A0全", "中安心", []string{"中", "安\u00A0全"}},
		{"figures with a sign", "約￥100円", "約￥10", []string{"約", "￥100", "円"}},
		{"marks for what no font has", "中😀", "中[U+1F600", []string{"中", "[U+1F600]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := squares(t, c.text+c.widest)
			s := d.style([]Span{{Text: c.text}}, bodySize, black)
			assert.Equal(t, c.want, broken(d, s, d.textWidth(c.widest, s.runs[0].ink)))
		})
	}
}

// Lines begin and end as the rules say, unless they are too short for it, and
// are as full as these allow.
func TestEastAsianRules(t *testing.T) {
	const all = "安全中心あチっッー。、）」（「가나다"
	d := squares(t, all)
	k := Style(0).ink(bodySize, black)
	m := d.textWidth("安", k)
	piece := rapid.OneOf(rapid.RuneFrom([]rune(all)), rapid.RuneFrom([]rune("安全中心あ가나다")))
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(piece, 1, 40).Draw(t, "text"))
		n := rapid.IntRange(1, 12).Draw(t, "width")
		s := d.style([]Span{{Text: text}}, bodySize, black)
		lines := broken(d, s, n*m)
		if got := strings.Join(lines, ""); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		at := 0
		for i, line := range lines {
			runes := []rune(line)
			if len(runes) > n {
				t.Fatalf("%q is longer than %d", line, n)
			}
			if at += len(line); i == len(lines)-1 {
				break
			}
			next := []rune(lines[i+1])
			allowed := func(before, after rune) bool {
				const korean = "가나다"
				return !strings.ContainsRune("っッー。、）」", after) && !strings.ContainsRune("（「", before) &&
					!(strings.ContainsRune(korean, before) && strings.ContainsRune(korean, after))
			}
			if !allowed(runes[len(runes)-1], next[0]) {
				for j := 1; j < len(runes); j++ {
					if allowed(runes[j-1], runes[j]) {
						t.Fatalf("%q and %q could have been parted better", line, string(next))
					}
				}
				continue
			}
			// What begins the next line up to where it may be parted would not
			// have had room.
			unit := 1
			for unit < len(next) && !allowed(next[unit-1], next[unit]) {
				unit++
			}
			if len(runes)+unit <= n && unit < len(next) {
				t.Fatalf("%q has room for %q", line, string(next[:unit]))
			}
		}
	})
}

// A font of one weight is bold too: its letters are drawn with an outline.
func TestFallbackIsBold(t *testing.T) {
	outlined := func(style Style, text string) int {
		d := squares(t, "安")
		d.Paragraph(Span{Text: text, Style: style})
		content := tool(t, output(t, d), "qpdf", "--qdf", "--object-streams=disable", "FILE", "-")
		set, unset := strings.Count(content, "2 Tr\n"), strings.Count(content, "0 Tr\n")
		assert.Equal(t, set, unset)
		return set
	}
	assert.Equal(t, 1, outlined(Bold, "a安b"))
	assert.Equal(t, 0, outlined(Bold, "ab"), "the built-in face is bold")
	assert.Equal(t, 0, outlined(0, "a安b"))
}
