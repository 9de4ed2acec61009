package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Titles, names and comments come from whoever sends alerts. Nothing of them may move the cursor, change what a
// terminal shows elsewhere, or make text look like other text.

// visible returns s as one line that shows all its characters: control characters, line ends, bytes that are not
// UTF-8, and characters that are invisible or change the direction of others are written as Go writes them in a
// string, such as \n, \x1b or \u202e.
func visible(s string) string {
	invisible := []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsGraphic(r) && !unicode.In(r, invisible...):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		s = s[size:]
	}
	return b.String()
}

// fit returns visible s in at most limit columns. What is cut off leaves an ellipsis.
func fit(s string, limit int) string {
	s = visible(s)
	used, end := 0, 0 // s[:end] leaves a column for the ellipsis
	for at, r := range s {
		if used < limit {
			end = at
		}
		if used += columnsOf(r); used > limit {
			return strings.TrimRight(s[:end], " ") + strings.Repeat("…", min(max(limit, 0), 1))
		}
	}
	return s
}

// change returns what a field was and is in at most limit columns, which is 3 or more. If that is too long, both begin
// where they differ.
func change(before, after string, limit int) string {
	const arrow, none = " → ", "none"
	if before = visible(before); before == "" {
		before = none
	}
	if after = visible(after); after == "" {
		after = none
	}
	limit -= columns(arrow)
	if columns(before)+columns(after) > limit {
		same := 0 // bytes of the words with which both begin
		for n := 0; n < min(len(before), len(after)) && before[n] == after[n]; n++ {
			if before[n] == ' ' {
				same = n + 1
			}
		}
		if same > 0 {
			before, after = "…"+before[same:], "…"+after[same:]
		}
	}
	before = fit(before, max(limit/2, limit-columns(after)))
	return before + arrow + fit(after, limit-columns(before))
}

// columns returns how many columns of a terminal a visible text takes at most.
func columns(s string) (n int) {
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

// columnsOf returns 2 for East Asian wide characters and emoji, and 1 for all others. That is more than what marks take
// that stand above letters, so that many of them do not make a line endless.
func columnsOf(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
