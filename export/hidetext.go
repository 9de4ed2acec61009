package export

import (
	"cmp"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/internal/glyph"
)

// A letter is one character of a text as names are compared: folded, decomposed, without accents, and decoded.
type letter struct {
	r        rune
	from, to int  // the bytes of the text that it stands for
	capital  bool // is no small letter
	gap      bool // something that is not compared stands before it
	broken   bool // of a joined text: a line ends before it
	newline  bool // a blank with the end of a line
}

// A reading turns a text into letters. Joined, it puts the parts of words together that the end of a line parts.
type reading struct {
	text    string
	joined  bool
	letters []letter
	gap     bool
	lines   bool // a line ends somewhere
	fold    cases.Caser
}

func read(text string, joined bool) *reading {
	rd := &reading{text: text, joined: joined, fold: cases.Fold(), letters: make([]letter, 0, len(text))}
	for i := 0; i < len(text); {
		i = rd.step(i)
	}
	return rd
}

// folded returns name as a text is compared with it.
func folded(name string) string {
	var b strings.Builder
	for _, l := range read(name, false).letters {
		b.WriteRune(l.r)
	}
	return strings.TrimSpace(b.String())
}

// step reads what stands at i and returns where it ends.
func (rd *reading) step(i int) int {
	s := rd.text[i:]
	switch c := s[0]; c {
	case '*', '~', '`': // emphasis in Markdown
		rd.gap = true
		return i + 1
	case '%':
		if size, decoded := unpercent(s); size > 0 {
			rd.push(decoded, i, i+size)
			return i + size
		}
	case '&':
		if end := strings.IndexByte(s[:min(len(s), 33)], ';'); end > 0 {
			if decoded := html.UnescapeString(s[:end+1]); !strings.HasSuffix(decoded, ";") {
				rd.push(decoded, i, i+end+1)
				return i + end + 1
			}
		}
	case '[', '(', '{':
		for _, mark := range defanged {
			if len(s) >= len(mark[0]) && strings.EqualFold(s[:len(mark[0])], mark[0]) {
				rd.push(mark[1], i, i+len(mark[0]))
				return i + len(mark[0])
			}
		}
	case '\\':
		switch {
		case len(s) < 2:
		case strings.IndexByte("nrt", s[1]) >= 0:
			rd.push(s[:1], i, i+1)
			rd.push(s[1:2], i+1, i+2)
			rd.gap = true // it may be the end of a line, of a text in a text
			return i + 2
		case s[1] > ' ' && s[1] < 0x7f && !inWord(rune(s[1])): // escaped
			rd.gap = true
			return i + 1
		}
	}
	if s[0] < utf8.RuneSelf {
		rd.put(rune(s[0]), i, i+1, !unicode.IsLower(rune(s[0])))
		return i + 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError:
		rd.put(r, i, i+size, true)
	case glyph.Invisible(r):
		rd.gap = true
	case unicode.IsSpace(r) || r == 0x2028 || r == 0x2029:
		rd.put(r, i, i+size, true)
	default:
		size = max(size, norm.NFKD.NextBoundaryInString(s, true))
		rd.push(s[:size], i, i+size)
	}
	return i + size
}

// defanged are the forms in which people write addresses that nobody shall follow.
var defanged = [][2]string{
	{"[.]", "."}, {"(.)", "."}, {"{.}", "."}, {"[dot]", "."}, {"(dot)", "."}, {"[:]", ":"}, {"[@]", "@"}, {"(@)", "@"},
	{"[at]", "@"}, {"(at)", "@"},
}

// unpercent returns the characters that s begins with as URLs escape them, however often, and their size there.
func unpercent(s string) (size int, decoded string) {
	var b []byte
	for size < len(s) && s[size] == '%' && len(b) < utf8.UTFMax {
		at := size + 1
		for at+4 <= len(s) && s[at:at+2] == "25" && isHex(s[at+2:at+4]) {
			at += 2
		}
		if at+2 > len(s) || !isHex(s[at:at+2]) {
			break
		}
		n, _ := strconv.ParseUint(s[at:at+2], 16, 8)
		b, size = append(b, byte(n)), at+2
		if utf8.Valid(b) {
			return size, string(b)
		}
	}
	return 0, ""
}

func isHex(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.Is(unicode.ASCII_Hex_Digit, r) }) < 0
}

// push adds a text that stands for the bytes between from and to.
func (rd *reading) push(s string, from, to int) {
	if glyph.IsASCII(s) {
		for _, r := range s {
			rd.put(r, from, to, !unicode.IsLower(r))
		}
		return
	}
	first, _ := utf8.DecodeRuneInString(s)
	capital, apart := !unicode.IsLower(first), !inWord(first) // apart are such as ² and ™
	rd.gap = rd.gap || apart
	plain := norm.NFC.String(strings.Map(base, norm.NFKD.String(rd.fold.String(norm.NFKD.String(s)))))
	for _, r := range plain {
		rd.put(r, from, to, capital)
	}
	if last := len(rd.letters) - 1; plain == "" && last >= 0 && !rd.gap { // an accent
		rd.letters[last].to = to
	}
	rd.gap = rd.gap || apart
}

// base returns a character as it is compared, or -1 for one that is not: accents, and what nobody sees.
func base(r rune) rune {
	switch {
	case 0x300 <= r && r <= 0x36F, glyph.Invisible(r):
		return -1
	case r == 'ı':
		return 'i'
	}
	return r
}

// put adds one character. Blanks become one.
func (rd *reading) put(r rune, from, to int, capital bool) {
	l := letter{r: r, from: from, to: to, capital: capital, gap: rd.gap}
	last := len(rd.letters) - 1
	switch {
	case unicode.IsSpace(r) || r == 0x2028 || r == 0x2029:
		l.newline = r != ' ' && r != '\t' && !unicode.Is(unicode.Zs, r)
		rd.lines = rd.lines || l.newline
		if l.r = ' '; last >= 0 && rd.letters[last].r == ' ' {
			rd.letters[last].to, rd.letters[last].newline = to, rd.letters[last].newline || l.newline
			return
		}
	case r == '>' && last >= 0 && rd.letters[last].newline: // a quotation
		rd.letters[last].to = to
		return
	case 'A' <= r && r <= 'Z':
		l.r = r + 'a' - 'A'
	}
	if rd.joined && l.r != ' ' && last >= 0 && rd.letters[last].newline {
		rd.letters = rd.letters[:last]
		if last > 0 && strings.ContainsRune("-=\\‐", rd.letters[last-1].r) {
			rd.letters = rd.letters[:last-1]
		}
		l.gap, l.broken = true, true
	}
	rd.gap = false
	rd.letters = append(rd.letters, l)
}

// inWord reports whether r is a part of words.
func inWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// unspaced reports whether r is of a script whose words stand, or may stand, without blanks between them.
func unspaced(r rune) bool {
	return r >= 0xE00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai,
		unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// edge reports whether a word may begin or end before the letter k.
func (rd *reading) edge(k int) bool {
	if k == 0 || k == len(rd.letters) || rd.letters[k].gap {
		return true
	}
	ends := func(r rune) bool { return r == '_' || !inWord(r) || unspaced(r) }
	return ends(rd.letters[k-1].r) || ends(rd.letters[k].r)
}

// placed reports whether the letters from k to end stand where an account or a host does.
func (rd *reading) placed(k, end int) bool {
	if end < len(rd.letters) && (rd.letters[end].r == '\\' || rd.letters[end].r == '@') {
		return true
	}
	var before [6]rune
	for n := range before {
		if at := k - len(before) + n; at >= 0 {
			before[n] = rd.letters[at].r
		}
	}
	for _, sign := range []string{`\`, "@", "//", "home/", "users/", "-u ", "user=", "user:"} {
		if strings.HasSuffix(string(before[:]), sign) {
			return true
		}
	}
	return false
}

// A spelling is one form of a name.
type spelling struct {
	other  string // what stands in its place
	where  place
	broken bool // only where the end of a line stands in it
}

// A place says where a spelling is a name, the widest first.
type place uint8

const (
	anywhere place = iota // as whole words
	capital               // as a whole word with a capital letter, or where an account or a host stands
	account               // where an account or a host stands
)

// A finder finds all spellings in one pass over a text: the automaton of Aho and Corasick.
type finder struct {
	next   map[move]int32
	states []state
}

type move struct {
	from int32
	r    rune
}

type state struct {
	parent move
	depth  int
	fail   int32 // where the longest other beginning of a spelling is that this one ends with
	ends   int32 // the same of a whole one, 0 for none
	found  *spelling
}

func newFinder(spellings map[string]*spelling) *finder {
	f := &finder{next: map[move]int32{}, states: make([]state, 1)}
	for text, s := range spellings {
		at := int32(0)
		for _, r := range text {
			to, ok := f.next[move{at, r}]
			if !ok {
				to = int32(len(f.states))
				f.next[move{at, r}] = to
				f.states = append(f.states, state{parent: move{at, r}, depth: f.states[at].depth + 1})
			}
			at = to
		}
		f.states[at].found = s
	}
	order := make([]int32, 0, len(f.states))
	for n := range f.states[1:] {
		order = append(order, int32(n+1))
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(f.states[a].depth, f.states[b].depth) })
	for _, n := range order {
		if p := f.states[n].parent; p.from != 0 {
			f.states[n].fail = f.follow(f.states[p.from].fail, p.r)
		}
		fail := f.states[n].fail
		if f.states[n].ends = f.states[fail].ends; f.states[fail].found != nil {
			f.states[n].ends = fail
		}
	}
	return f
}

func (f *finder) follow(at int32, r rune) int32 {
	for {
		if to, ok := f.next[move{at, r}]; ok || at == 0 {
			return to
		}
		at = f.states[at].fail
	}
}

// A find is a part of a text that has another name.
type find struct {
	from, to int // bytes
	other    string
}

// find returns what rd has, in order; none lies within another.
func (f *finder) find(rd *reading) (list []find) {
	breaks, at := make([]int, len(rd.letters)+1), int32(0) // how many lines end before each letter
	for k, l := range rd.letters {
		if breaks[k+1] = breaks[k]; l.broken {
			breaks[k+1]++
		}
		at = f.follow(at, l.r)
		if at == 0 || !rd.edge(k+1) {
			continue
		}
		for n := at; n != 0; n = f.states[n].ends {
			s, first := f.states[n].found, k+1-f.states[n].depth
			if s == nil || !rd.edge(first) || rd.joined && breaks[k+1] == breaks[first+1] || s.broken && !rd.joined {
				continue
			}
			if s.where == anywhere || s.where == capital && rd.letters[first].capital || rd.placed(first, k+1) {
				list = within(list, find{rd.letters[first].from, l.to, s.other})
				break
			}
		}
	}
	return list
}

// within adds a find to those that end before it, without those that are a part of it.
func within(list []find, x find) []find {
	for len(list) > 0 && list[len(list)-1].from >= x.from {
		list = list[:len(list)-1]
	}
	return append(list, x)
}

// replace returns text with other names. It is text itself where there is none.
func (f *finder) replace(text string) string {
	rd := read(text, false)
	list := f.find(rd)
	if rd.lines {
		list = append(list, f.find(read(text, true))...)
		slices.SortStableFunc(list, func(a, b find) int {
			return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(b.from, a.from))
		})
		kept := list[:0]
		for _, x := range list {
			kept = within(kept, x)
		}
		list = kept
	}
	if len(list) == 0 {
		return text
	}
	var b strings.Builder
	end := 0
	for n, x := range list {
		if n == 0 || x.from >= end {
			b.WriteString(text[end:x.from])
		} else if x.other != list[n-1].other {
			b.WriteByte(' ')
		}
		if n == 0 || x.from >= end || x.other != list[n-1].other {
			b.WriteString(x.other)
		}
		end = x.to
	}
	b.WriteString(text[end:])
	return b.String()
}
