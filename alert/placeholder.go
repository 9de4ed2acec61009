package alert

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// placeholders are what sources write where they know nothing, folded and without quotes and brackets. Texts
// without any letter or digit, such as "-", are placeholders too. Sources: Windows security event 4624 ("-",
// NULL SID, zero GUIDs), Zeek ("-", "(empty)"), McAfee ePO and Entra sign-ins ("N/A", "notApplicable"),
// Splunk's fillnull ("unknown"), CloudTrail (HIDDEN_DUE_TO_SECURITY_REASONS, "AWS Internal"), Google Cloud
// audit logs ("private", "gce-internal-ip") and firmware tables (serial numbers and UUIDs that makers left
// in). Blanks, hyphens, underscores and colons stand for each other.
var placeholders = sync.OnceValue(func() map[string]bool {
	texts := []string{
		"n/a", "n.a.", "n\\a", "na", "#n/a", "none", "null", "nil", "nan", "undefined", "unknown",
		"unspecified", "empty", "blank", "notapplicable", "not applicable", "not available",
		"not provided", "not set", "notset", "not specified", "not found", "unavailable", "unidentified",
		"missing", "no data", "no value", "tbd", "unknown user", "unknown host", "unknown device",
		"no user", "no name", "redacted", "masked", "anonymous principal", "undisclosed recipients:;",
		"undisclosed recipients", "unbekannt", "inconnu", "inconnue", "desconocido", "desconhecido",
		"sconosciuto",
		"onbekend", "ukjent", "ukendt", "okänd", "tuntematon", "nieznany", "неизвестно", "不明", "未知",
		"[[unknown]] [not provided]", "[unknown] [not provided]", "deleted user", "null sid", "s-1-0-0",
		"s-1-0", "hidden_due_to_security_reasons", "aws internal", "aws internal/3", "gce-internal-ip",
		"to be filled by o.e.m.", "to be filled by o.e.m", "default string", "system serial number",
		"chassis serial number", "base board serial number", "system product name", "0x0",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "03000200-0400-0500-0006-000700080009",
		"00010203-0405-0607-0809-0a0b0c0d0e0f", "deadbeef-dead-beef-dead-beefdeadbeef",
		"fefefefe-fefe-fefe-fefe-fefefefefefe", "03d40274-0435-05dc-8506-010700080009",
		"ff:ff:ff:ff:ff:ff", "ee:ee:ee:ee:ee:ee",
	}
	table := make(map[string]bool, 2*len(texts))
	for _, t := range texts {
		table[strings.Map(oneMark, t)] = true
		if strings.Count(t, "-") == 4 || strings.Count(t, ":") == 5 { // a UUID or a MAC address
			table[strings.NewReplacer("-", "", ":", "").Replace(t)] = true
		}
	}
	return table
})

// oneMark returns a letter in lower case, and one mark for all that stand for each other in placeholders.
func oneMark(c rune) rune {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case c == '-' || c == '_' || c == ':':
		return ' '
	}
	return c
}

// longestPlaceholder is the length of the longest of placeholders in bytes.
const longestPlaceholder = 40

func set(texts ...string) map[string]bool {
	s := make(map[string]bool, len(texts))
	for _, t := range texts {
		s[t] = true
	}
	return s
}

// identifier returns text without what stands around an identifier, "" if what is left is a placeholder.
func identifier(text string) string {
	text = bare(text)
	if isPlaceholder(text) {
		return ""
	}
	return text
}

// bare returns text without white space, invisible characters, quotes and pairs of brackets around it.
func bare(text string) string {
	for range maxNested {
		if text == "" || isPlain(text[0]) && isPlain(text[len(text)-1]) {
			return text
		}
		inner := strings.TrimFunc(text, func(c rune) bool {
			return unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) || unicode.IsControl(c) ||
				strings.ContainsRune("\"'`“”„‘’«»", c)
		})
		if n := len(inner); n >= 2 && strings.IndexByte("([{<", inner[0]) >= 0 && closes(inner) {
			inner = inner[1 : n-1]
		}
		if inner == text {
			return text
		}
		text = inner
	}
	return text
}

// maxNested is how many pairs of brackets, one in the other, may stand around an identifier.
const maxNested = 8

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// closes reports whether the bracket that begins text is closed by its last byte.
func closes(text string) bool {
	opening, closing := text[0], ")]}>"[strings.IndexByte("([{<", text[0])]
	depth := 0
	for n := range len(text) {
		switch text[n] {
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				return n == len(text)-1
			}
		}
	}
	return false
}

// isPlaceholder reports whether text, which is bare, says nothing: a word of placeholders, no letter and no
// digit, nothing but zeros and marks, as long as an identifier is, or a variable that nobody has filled in.
func isPlaceholder(text string) bool {
	if isVariable(text) {
		return true
	}
	if at := strings.IndexByte(text, '@'); at > 0 && at <= longestPlaceholder {
		return isPlaceholder(text[:at]) && isPlaceholder(text[at+1:])
	}
	if len(text) > longestPlaceholder && text[0] != '0' {
		return !strings.ContainsFunc(text, isWord)
	}
	zeros, word := 0, false
	for _, c := range text {
		if c == '0' {
			zeros++
		} else if isWord(c) {
			word = true
			break
		}
	}
	if !word {
		return zeros == 0 || zeros >= 8 // as in a GUID, a MAC address and a hash, but not "0", which may be a number
	}
	if len(text) <= longestPlaceholder {
		var room [longestPlaceholder]byte
		for n := range len(text) {
			room[n] = text[n]
			if text[n] < utf8.RuneSelf {
				room[n] = byte(oneMark(rune(text[n])))
			}
		}
		return placeholders()[string(room[:len(text)])]
	}
	return false
}

// isVariable reports whether text is a variable of a template or a shell: ${host.name}, %COMPUTERNAME%,
// $host$.
func isVariable(text string) bool {
	if len(text) < 3 || text[0] != '$' && text[0] != '%' {
		return false
	}
	name := text[1 : len(text)-1]
	if last := text[len(text)-1]; last == '}' && name[0] == '{' {
		name = name[1:]
	} else if last != text[0] {
		return false
	}
	return name != "" && !isSID(name) && !strings.ContainsFunc(name, func(c rune) bool {
		return !isWord(c) && c != '.' && c != '_' && c != '-'
	})
}

func isWord(c rune) bool {
	return c < utf8.RuneSelf && isPlain(byte(c)) || c >= utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c))
}
