package alert

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func isASCII(text string) bool {
	for n := range len(text) {
		if text[n] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// composed returns text with wide and otherwise compatible characters as the usual ones, and without those
// that host names ignore. Source: Unicode Technical Standard 46.
func composed(text string) string {
	return strings.ToLower(norm.NFKC.String(strings.Map(func(c rune) rune {
		switch {
		case c == '\u00ad', c == '\u034f', c == '\u200b', c == '\u2060', c == '\u2064', c == '\ufeff',
			'\u180b' <= c && c <= '\u180d', '\ufe00' <= c && c <= '\ufe0f':
			return -1
		}
		return c
	}, text)))
}

// punycode returns the ASCII form of a label without its prefix. Source: RFC 3492, sections 6.1 and 6.3.
func punycode(label string) string {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	runes := []rune(label)
	var out strings.Builder
	for _, c := range runes {
		if c < utf8.RuneSelf {
			out.WriteRune(c)
		}
	}
	basic := out.Len()
	done := basic
	if basic > 0 {
		out.WriteByte('-')
	}
	n, delta, bias := rune(utf8.RuneSelf), 0, 72
	for done < len(runes) {
		next := rune(utf8.MaxRune + 1)
		for _, c := range runes {
			if c >= n {
				next = min(next, c)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, c := range runes {
			if c < n {
				delta++
			}
			if c != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if q < t {
					break
				}
				out.WriteByte(digits[t+(q-t)%(base-t)])
				q = (q - t) / (base - t)
			}
			out.WriteByte(digits[q])
			first := done == basic
			done++
			if first {
				delta /= damp
			} else {
				delta /= 2
			}
			delta += delta / done
			k := 0
			for ; delta > (base-tMin)*tMax/2; k += base {
				delta /= base - tMin
			}
			bias = k + (base-tMin+1)*delta/(delta+skew)
			delta = 0
		}
		delta++
		n++
	}
	return out.String()
}
