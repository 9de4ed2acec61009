package pdf

import (
	"strings"
	"unicode"
)

// eastAsian is the first rune of the blocks for Chinese, Japanese and Korean,
// from the radicals on.
const eastAsian = 0x2E80

const (
	// notBefore are closing punctuation, marks that repeat or prolong, and small
	// Kana: a line does not begin with them (UAX 14, classes CL, CP, EX, IS, NS, CJ).
	notBefore = ",.:;!?)]}%…‥’”»›" +
		"\u3000、。〃々〉》」』】〕〗〙〛〜〞〟〵〻〼゛゜ゝゞ゠・ーヽヾ" +
		"ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ" +
		"﹐﹑﹒﹔﹕﹖﹗﹚﹜﹞！％），．：；？］｝｠｡｣､･ｧｨｩｪｫｬｭｮｯｰﾞﾟ°℃‰¢￠‼⁇⁈⁉"
	// notAfter are opening punctuation and signs before a figure: a line does not
	// end with them (classes OP and PR).
	notAfter = "([{‘“«‹〈《「『【〔〖〘〚〝﹙﹛﹝（［｛｟｢$£¥€￡￥￦№"
)

// isEastAsian reports whether r is a character between which and its neighbours
// a line may be broken: an ideograph, Kana, or a wide form of a sign (UAX 14,
// classes ID, CL, OP, NS). Korean has spaces between its words, at which its
// readers expect lines to be broken.
func isEastAsian(r rune) bool {
	return r >= eastAsian && r < 0x3130 || r >= 0x3190 && r < 0xA000 || r >= 0xF900 && r < 0xFB00 ||
		r >= 0xFE30 && r < 0xFE70 || r >= 0xFF00 && r < 0xFFF0
}

// betweenEastAsian reports whether a line may be broken between two runes at
// least one of which is East Asian.
func betweenEastAsian(before, after rune) bool {
	if !isEastAsian(before) && !isEastAsian(after) {
		return false
	}
	switch {
	case before == ' ': // the break is where the space is
		return false
	case after == ' ' || unicode.Is(unicode.M, after):
		return false
	case before == '\u00A0' || after == '\u00A0' || before == '\u202F' || after == '\u202F':
		return false
	}
	return !strings.ContainsRune(notBefore, after) && !strings.ContainsRune(notAfter, before)
}
