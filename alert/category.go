package alert

import (
	"cmp"
	"strings"
	"unicode"
)

// tactics are the tactics of MITRE ATT&CK for Enterprise in kill-chain order. A tactic that was split is followed by
// those that took its place in the chain.
var tactics = [...]struct {
	category string // in the spelling that Microsoft Graph uses for an alert's category
	id       string // in ATT&CK
	place    int    // in the kill chain
	split    bool   // since ATT&CK v19
}{
	{"Reconnaissance", "TA0043", 0, false},
	{"ResourceDevelopment", "TA0042", 1, false},
	{"InitialAccess", "TA0001", 2, false},
	{"Execution", "TA0002", 3, false},
	{"Persistence", "TA0003", 4, false},
	{"PrivilegeEscalation", "TA0004", 5, false},
	{"DefenseEvasion", "TA0005", 6, true},
	{"Stealth", "TA0005", 6, false},
	{"DefenseImpairment", "TA0112", 6, false},
	{"CredentialAccess", "TA0006", 7, false},
	{"Discovery", "TA0007", 8, false},
	{"LateralMovement", "TA0008", 9, false},
	{"Collection", "TA0009", 10, false},
	{"CommandAndControl", "TA0011", 11, false},
	{"Exfiltration", "TA0010", 12, false},
	{"Impact", "TA0040", 13, false},
}

// Tactics returns the tactics of MITRE ATT&CK for Enterprise in kill-chain order, spelled as in
// [Alert.Category]: "Reconnaissance" first, "Impact" last. "DefenseEvasion", which ATT&CK v19 (April 2026) split, is
// followed by what it was split into, "Stealth" and "DefenseImpairment". An index into the list is not a place in the
// chain: for that ask [TacticIndex].
func Tactics() []string {
	list := make([]string, len(tactics))
	for n, t := range tactics {
		list[n] = t.category
	}
	return list
}

// Tactic returns the tactic that category names, spelled as in [Tactics], or "" when it names none. Case, spaces,
// hyphens and underscores do not matter, so that ATT&CK's names and short names are known ("Initial Access",
// "initial-access"), and identifiers are as well ("TA0001"). TA0005 is Stealth since ATT&CK v19 and was Defense
// Evasion before; since an identifier tells no version, it gives the wider one, "DefenseEvasion".
func Tactic(category string) string {
	if n := tacticEntry(category); n >= 0 {
		return tactics[n].category
	}
	return ""
}

// TacticIndex returns the place of a category in the kill chain, from 0 for "Reconnaissance" to 13 for "Impact", or -1
// when category is not a tactic. "DefenseEvasion", "Stealth" and "DefenseImpairment" have the same place. It reads
// category as [Tactic] does.
func TacticIndex(category string) int {
	if n := tacticEntry(category); n >= 0 {
		return tactics[n].place
	}
	return -1
}

// TacticsReached returns the tactics among categories, each once and spelled as in [Tactics], in kill-chain order. It
// reads categories as [Tactic] does. "DefenseEvasion" is left out beside "Stealth" or "DefenseImpairment", because it
// is the older name of what these two are.
func TacticsReached(categories []string) []string {
	var named [len(tactics)]bool
	var newer [len(tactics)]bool // by place
	for _, c := range categories {
		if n := tacticEntry(c); n >= 0 {
			named[n] = true
			newer[tactics[n].place] = newer[tactics[n].place] || !tactics[n].split
		}
	}
	var reached []string
	for n, t := range tactics {
		if named[n] && !(t.split && newer[t.place]) {
			reached = append(reached, t.category)
		}
	}
	return reached
}

// tacticEntry returns the index into tactics of what category names, -1 if there is none.
func tacticEntry(category string) int {
	for n := range tactics {
		if tactics[n].category == category {
			return n
		}
	}
	bare := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, category)
	for n := range tactics {
		if strings.EqualFold(tactics[n].category, bare) || strings.EqualFold(tactics[n].id, bare) {
			return n
		}
	}
	return -1
}

// CategoryTitle returns a category in words for people: "CommandAndControl" becomes "Command and
// control", and so do the short name and the identifier of this tactic. A category that has spaces already is
// returned as it is.
func CategoryTitle(category string) string {
	if strings.Contains(category, " ") {
		return category
	}
	runes := []rune(cmp.Or(Tactic(category), category))
	var b strings.Builder
	for i, r := range runes {
		// A word begins at an upper-case letter after a lower-case one, and at the last one of a run of
		// capitals that a lower-case letter follows: "DLPPolicy" reads "DLP policy".
		begins := i > 0 && unicode.IsUpper(r) &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if begins {
			b.WriteByte(' ')
		}
		acronym := i+1 < len(runes) && unicode.IsUpper(runes[i+1]) || i > 0 && unicode.IsUpper(runes[i-1]) && !begins
		if begins && !acronym {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
