package export

import (
	"bytes"
	"context"
	"html"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/incident"
)

// filling returns text as often as n code points have room for it.
func filling(text string, n int) string { return strings.Repeat(text, n/utf8.RuneCountInString(text)) }

// narrow returns a table of n code points of which no row but the first is as wide as its header.
func narrow(row string, n int) string {
	return filling("|a", n/4) + "|\n" + filling("|-", n/4) + "|\n" + filling(row, n/2-10)
}

const (
	manyCells = "its tables have more than 5000 cells"
	manyLinks = "it has more than 2000 links"
	tooDeep   = "its quotes and lists are more than 50 levels deep"
	tooLong   = "its links or the headers of its tables would take too much room"
	intricate = "its marks are too intricate"
)

// costly are comments of n code points that are made to cost much, and why the longest of them are shown as they were typed.
var costly = map[string]struct {
	of     func(n int) string
	reason string
}{
	"one-cell rows": {func(n int) string { return narrow("a\n", n) }, manyCells},
	"empty rows":    {func(n int) string { return narrow("|\n", n) }, manyCells},
	"table in quote": {func(n int) string {
		return "> " + filling("|a", n/4) + "|\n> " + filling("|-", n/4) + "|\n" + filling("> a\n", n/2-10)
	}, manyCells},
	"long header":    {func(n int) string { return "|" + filling("a", n/2) + "|\n|-|\n" + filling("a\n", n/4) }, tooLong},
	"columns":        {func(n int) string { return filling("|a", n/2-2) + "|\n" + filling("|-", n/2-2) + "|" }, manyCells},
	"delimiter rows": {func(n int) string { return filling("-|-\n", n) }, manyCells},
	"escaped pipes":  {func(n int) string { return "|a|\n|-|\n|" + filling("`a\\|b`", n-10) + "|" }, intricate},
	"links to one": {func(n int) string {
		return "[a]: http://a.example/" + filling("x", n/4) + "\n\n" + filling("[a] ", n*3/4-30)
	}, manyLinks},
	"links to far": {func(n int) string { return "[a]: x:" + filling("x", n*4/5) + "\n\n" + filling("[a] ", n/5-10) }, tooLong},
	"link of pieces": {func(n int) string {
		return "[" + filling("*a*b", n-2000) + "](http://a.example/" + strings.Repeat("x", 1900) + ")"
	}, tooLong},
	"links on lines":    {func(n int) string { return filling("[a]\n", n) }, intricate},
	"definitions":       {func(n int) string { return filling("[a]: b\n", n) }, intricate},
	"links":             {func(n int) string { return filling("[a](b)", n) }, manyLinks},
	"links without end": {func(n int) string { return filling("[a](", n) }, intricate},
	"brackets":          {func(n int) string { return filling("[", n) }, ""},
	"nested brackets":   {func(n int) string { return filling("[", n/2) + filling("]", n/2) }, intricate},
	"autolinks":         {func(n int) string { return filling("<http://a>", n) }, manyLinks},
	"quotes":            {func(n int) string { return filling(">", n-1) + "x" }, tooDeep},
	"quotes of lines":   {func(n int) string { return filling(strings.Repeat(">", 200)+"\n", n) }, tooDeep},
	"lists":             {func(n int) string { return filling("- ", n-1) + "x" }, tooDeep},
	"lists and blanks":  {func(n int) string { return filling("- ", n/2) + "x\n" + filling("\n", n/2-2) }, tooDeep},
	"quotes of lists":   {func(n int) string { return filling("> - 1. ", n-1) + "x" }, tooDeep},
	"stars and lines":   {func(n int) string { return filling("*a_ ", n) }, intricate},
	"stars, then lines": {func(n int) string { return filling("*a ", n/2) + filling("a_ ", n/2) }, intricate},
	"stars by three":    {func(n int) string { return "a**b" + filling("a* ", n-4) }, intricate},
	"stars":             {func(n int) string { return filling("*a ", n) }, ""},
	"emphasis":          {func(n int) string { return filling("*a* ", n) }, ""},
	"tildes":            {func(n int) string { return filling("~", n) }, ""},
	"backticks": {func(n int) string {
		b := ""
		for k := 1; len(b) < n/2; k++ {
			b += strings.Repeat("`", k) + "a"
		}
		return b + filling("a\n", n/2-200)
	}, intricate},
	"lines of code":      {func(n int) string { return "`" + filling("a\n", n-2) + "`" }, ""},
	"less":               {func(n int) string { return filling("<", n) }, ""},
	"tags":               {func(n int) string { return filling("<a b='", n) }, ""},
	"HTML comments":      {func(n int) string { return "x " + filling("<!-- ", n-2) }, ""},
	"CDATA":              {func(n int) string { return "x " + filling("<![CDATA[", n-2) }, ""},
	"overrides":          {func(n int) string { return filling("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", n) }, ""},
	"zero bytes":         {func(n int) string { return filling("\x00", n) }, ""},
	"Hebrew and breaks":  {func(n int) string { return filling("*ש* a\\\n", n) }, ""},
	"combining marks":    {func(n int) string { return "a" + filling("\u0301\u0327", n-1) }, ""},
	"no width":           {func(n int) string { return filling("\u200b", n) }, ""},
	"a word":             {func(n int) string { return filling("x", n) }, ""},
	"a path":             {func(n int) string { return filling("x/", n) }, ""},
	"info of fence":      {func(n int) string { return "```" + filling("x", n-10) + "\na\n```" }, ""},
	"fences":             {func(n int) string { return filling("```x\na\n```\n", n) }, ""},
	"thematic breaks":    {func(n int) string { return filling("***\n", n) }, ""},
	"hard breaks":        {func(n int) string { return filling("a\\\n", n) }, ""},
	"lines":              {func(n int) string { return filling("a\n", n) }, ""},
	"entities":           {func(n int) string { return filling("&#x202e;", n) }, ""},
	"items without text": {func(n int) string { return filling("-\n", n) }, ""},
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// cheap fails if r, whose comments have size bytes, costs more than a report of its size may in any format.
func cheap(t testing.TB, r Report, size int) {
	t.Helper()
	for _, f := range documents {
		n := allocated(func() { require.NoError(t, f.write(t.Context(), io.Discard, r)) })
		assert.Less(t, n, 24<<20+4000*size, "%s of %d bytes", f.name, size)
	}
}

// Whatever a comment is made of, it costs what its bytes are worth, and those that would cost more are shown as they were typed, with a
// reason. HTML and PDF agree on that.
func TestHostileComments(t *testing.T) {
	for name, c := range costly {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{incident.MaxComment / 4, incident.MaxComment / 2, incident.MaxComment} {
				source := c.of(n)
				require.LessOrEqual(t, utf8.RuneCountInString(source), n)
				cheap(t, commented(source), len(source))
			}
			source := c.of(incident.MaxComment)
			page, paper := html.UnescapeString(written(t, WriteHTML, commented(source))), ""
			if c.reason != "" {
				paper = text(t, render(t, commented(source)))
				assert.Contains(t, page, `<p class="remark">Shown as typed: `+c.reason+".</p>")
				assert.Contains(t, page, source, "all of it")
				assert.Contains(t, paper, squeeze("Shown as typed: "+c.reason+"."))
				return
			}
			assert.NotContains(t, page, "Shown as typed")
		})
	}
}

// floods are short comments each of which is within its budget.
var floods = map[string]string{
	"cells": filling("|a", 100) + "|\n" + filling("|-", 100) + "|\n" + filling("a\n", 180),
	"links": "[a]: http://a.example/" + strings.Repeat("x", 200) + "\n\n" + filling("[a]", 150),
}

// Many hostile comments in one report cost what their bytes are worth: what they may have together ends.
func TestManyHostileComments(t *testing.T) {
	for name, source := range floods {
		many := make([]string, 1000)
		for n := range many {
			many[n] = source
		}
		r := commented(many...)
		cheap(t, r, len(many)*len(source))
		var b bytes.Buffer
		require.NoError(t, WriteHTML(t.Context(), &b, r))
		paid := len(many) * len(source) / 2
		assert.LessOrEqual(t, strings.Count(b.String(), "<td>")+strings.Count(b.String(), "<th>"), paid+commonmark.ReportCells, name)
		if name == "cells" {
			assert.Contains(t, b.String(), "Shown as typed: the tables of this report&#39;s comments have too many cells.")
		}
	}
}

// BenchmarkHostileComments draws 10,000 comments in one report.
func BenchmarkHostileComments(b *testing.B) {
	for name, source := range floods {
		many := make([]string, 10_000)
		for n := range many {
			many[n] = source
		}
		r := commented(many...)
		for _, f := range documents {
			b.Run(name+"/"+f.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, f.write(b.Context(), io.Discard, r))
				}
			})
		}
	}
}

// However far it has come with comments when its context is done, nothing is written, and it is asked at least every few thousand cells.
func TestCommentsStop(t *testing.T) {
	table := filling("|a", 20) + "|\n" + filling("|-", 20) + "|\n" + filling("a\n", 900)
	many := make([]string, 20)
	for n := range many {
		many[n] = table
	}
	cells := 20 * 10 * 451
	for _, f := range documents[:2] {
		if f.name == "md" {
			continue
		}
		for last := 0; last < cells/3000; last++ {
			var b bytes.Buffer
			err := f.write(&dueContext{t.Context(), last}, &b, commented(many...))
			require.ErrorIs(t, err, context.DeadlineExceeded, "%s, %d", f.name, last)
			require.Zero(t, b.Len())
		}
	}
}
