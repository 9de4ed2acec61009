// Package phrase finds what the message of an error says twice.
package phrase

import (
	"slices"
	"strings"
)

// Twice returns what a line of text says twice: three words in a row, or the name of a package with its colon. It
// returns "" when there is nothing.
func Twice(text string) string {
	for line := range strings.Lines(text) {
		seen := make(map[string]bool)
		words := strings.Fields(line)
		for n, word := range words {
			phrase := word
			if packages := []string{
				"alert:", "classification:", "incident:", "manager:", "sqlite:", "storage:", "storage/postgres:",
			}; !slices.Contains(packages, word) {
				phrase = plain(words[n:min(n+3, len(words))])
			}
			if phrase != "" && seen[phrase] {
				return phrase
			}
			seen[phrase] = true
		}
	}
	return ""
}

// plain returns three words without what stands around them, "" when there are fewer.
func plain(words []string) string {
	var all []string
	for _, w := range words {
		if w = strings.ToLower(strings.Trim(w, ".,:;()\"'")); w != "" {
			all = append(all, w)
		}
	}
	if len(all) < 3 {
		return ""
	}
	return strings.Join(all, " ")
}
