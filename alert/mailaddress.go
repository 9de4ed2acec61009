package alert

import (
	"strings"
	"sync"
)

// mailAddress returns the address of a mailbox in the form in which it stands in keys except the case of its
// letters: of "Kai <kai@corp.example>" what stands in the brackets, without a comment, a scheme and the dot
// of the DNS root, refanged. "" is a placeholder.
func mailAddress(text string) string {
	text = strings.TrimRight(bare(text), ";:, ")
	if open := strings.LastIndexByte(text, '('); open > 0 && strings.HasSuffix(text, ")") {
		before, inside := bare(text[:open]), text[open+1:len(text)-1]
		switch {
		case strings.HasSuffix(text[:open], " ") && strings.Contains(before, "@"):
			text = before
		case strings.HasSuffix(text[:open], " ") && strings.Contains(inside, "@"):
			text = inside
		}
	}
	if open := strings.LastIndexByte(text, '<'); open >= 0 && strings.HasSuffix(text, ">") {
		text = text[open+1 : len(text)-1]
	}
	text = identifier(text)
	for _, scheme := range [...]string{"mailto:", "smtp:", "sip:"} {
		if rest, ok := cutFold(text, scheme); ok && rest != "" {
			text = rest
		}
	}
	text = strings.TrimSuffix(unbracketDots(text), ".")
	if isPlaceholder(text) {
		return ""
	}
	if cut := strings.LastIndexByte(text, '@'); cut >= 0 && !isASCII(text[cut:]) {
		text = text[:cut+1] + asciiHost(strings.ToLower(text[cut+1:]))
	}
	return text
}

// roleSenders are the names in front of the at sign under which systems and offices everywhere send.
// Source: RFC 2142; MISP warninglists, common contact e-mail addresses.
var roleSenders = sync.OnceValue(func() map[string]bool {
	return set(
		"postmaster", "mailer-daemon", "noreply", "no-reply", "donotreply", "do-not-reply", "no_reply",
		"do_not_reply", "bounce", "bounces", "abuse", "security", "noc", "soc", "cert", "csirt",
		"hostmaster", "webmaster", "root", "info", "support", "admin", "administrator", "notifications",
		"notification", "alerts", "newsletter",
	)
})

// judgeSender says what the address of a sender, which has small letters, is worth.
func judgeSender(address string) (Strength, string) {
	name, _, _ := strings.Cut(address, "@")
	if name, _, _ = strings.Cut(name, "+"); roleSenders()[name] {
		return NotLinking, "an address that many systems send from"
	}
	return Weaker, ""
}
