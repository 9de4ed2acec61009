package alert

import (
	"slices"
	"strings"
	"unicode"
)

// tactics are the tactics of MITRE ATT&CK for Enterprise in kill-chain order, in the spelling that
// Microsoft Graph uses for an alert's category.
var tactics = []string{
	"Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence", "PrivilegeEscalation",
	"DefenseEvasion", "CredentialAccess", "Discovery", "LateralMovement", "Collection", "CommandAndControl",
	"Exfiltration", "Impact",
}

// Tactics returns the tactics of MITRE ATT&CK for Enterprise in kill-chain order, spelled as in
// [Alert.Category]: "Reconnaissance" first, "Impact" last.
func Tactics() []string { return slices.Clone(tactics) }

// TacticIndex returns the place of category in [Tactics], from 0, or -1 when category is not a tactic.
// Case and spaces do not matter.
func TacticIndex(category string) int {
	if i := slices.Index(tactics, category); i >= 0 {
		return i
	}
	squeezed := strings.ReplaceAll(category, " ", "")
	return slices.IndexFunc(tactics, func(t string) bool { return strings.EqualFold(t, squeezed) })
}

// CategoryTitle returns a category in words for people: "CommandAndControl" becomes "Command and
// control". A category that has spaces already is returned as it is.
func CategoryTitle(category string) string {
	if strings.Contains(category, " ") {
		return category
	}
	runes := []rune(category)
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
