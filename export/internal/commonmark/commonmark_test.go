package commonmark

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"
)

// table returns a table of which only the first row is as wide as its header.
func table(columns, rows int) string {
	return strings.Repeat("|a", columns) + "|\n" + strings.Repeat("|-", columns) + "|\n" + strings.Repeat("a\n", rows)
}

func countOf(root ast.Node, kind ast.NodeKind) int {
	n := 0
	_ = ast.Walk(root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering && node.Kind() == kind {
			n++
		}
		return ast.WalkContinue, nil
	})
	return n
}

// Each budget of a comment is what is documented: that much is read, and one more is not.
func TestBudgetsOfAComment(t *testing.T) {
	address := "[a]: http://a.example/" + strings.Repeat("x", 2100) + "\n\n"
	for name, c := range map[string]struct {
		most, more string
		reason     string
	}{
		"cells":  {table(50, 99), table(50, 100), "its tables have more than 5000 cells"},
		"tables": {table(50, 49) + "\n" + table(50, 49), table(50, 49) + "\n" + table(50, 50), "its tables have more than 5000 cells"},
		"quotes": {strings.Repeat(">", 50) + "a", strings.Repeat(">", 51) + "a", "its quotes and lists are more than 50 levels deep"},
		"lists":  {strings.Repeat("- ", 50) + "a", strings.Repeat("- ", 51) + "a", "its quotes and lists are more than 50 levels deep"},
		"links":  {strings.Repeat("[a](b) ", 2000), strings.Repeat("[a](b) ", 2001), "it has more than 2000 links"},
		"output": {address + strings.Repeat("[a] ", 480), address + strings.Repeat("[a] ", 500), "its links or the headers of its tables would take too much room"},
		"steps":  {strings.Repeat("*a ", 50) + strings.Repeat("a_ ", 50), strings.Repeat("*a ", 5000) + strings.Repeat("_a* a_ ", 2000), "its marks are too intricate"},
	} {
		root, reason := NewReader(t.Context()).Read([]byte(c.most))
		assert.NotNil(t, root, "%s: %s", name, reason)
		assert.Empty(t, reason, name)
		root, reason = NewReader(t.Context()).Read([]byte(c.more))
		assert.Nil(t, root, name)
		assert.Equal(t, c.reason, reason, name)
	}
}

// What the comments of a report have beyond what their bytes pay for ends, and those that need no more are read still.
func TestBudgetsOfAReport(t *testing.T) {
	address := "[a]: http://a.example/" + strings.Repeat("x", 2100) + "\n\n"
	for name, c := range map[string]struct{ hostile, honest, gone string }{
		"cells":  {table(50, 99), table(2, 20), "the tables of this report's comments have too many cells"},
		"links":  {strings.Repeat("[a](b) ", 2000), strings.Repeat("word ", 100) + "[a](b)", "the comments of this report have too many links"},
		"output": {address + strings.Repeat("[a] ", 480), "[a](http://a.example)", "the links and tables of this report's comments would take too much room"},
	} {
		r := NewReader(t.Context())
		read, reason := 0, ""
		for range 10_000 {
			var root ast.Node
			if root, reason = r.Read([]byte(c.hostile)); root == nil {
				break
			}
			read++
		}
		assert.Equal(t, c.gone, reason, name)
		assert.Positive(t, read, name)
		root, _ := r.Read([]byte(c.honest))
		assert.NotNil(t, root, name)
		for what, b := range budgets {
			assert.LessOrEqual(t, r.spent[what], max(b.report, 0), name)
		}
	}
}

type counting struct {
	context.Context
	calls, last int
}

func (c *counting) Err() error {
	if c.calls++; c.calls > c.last {
		return context.Canceled
	}
	return nil
}

// A context is looked at every few thousand cells, and when it is done, a comment is not read to its end.
func TestContextIsLookedAt(t *testing.T) {
	for name, source := range map[string]string{
		"cells": strings.Repeat(table(10, 19)+"\n", 25), "lines": strings.Repeat("a\n", 10_000), "marks": strings.Repeat("*a* ", 5000),
		"quotes": strings.Repeat(strings.Repeat(">", 40)+"a\n", 500),
	} {
		all := &counting{t.Context(), 0, 1 << 30}
		root, reason := NewReader(all).Read([]byte(source))
		require.NotNil(t, root, "%s: %s", name, reason)
		assert.GreaterOrEqual(t, all.calls, 5000/3000, name)
		assert.GreaterOrEqual(t, all.calls, countOf(root, east.KindTableCell)/interval, name)
		for last := range all.calls {
			c := &counting{t.Context(), 0, last}
			root, reason = NewReader(c).Read([]byte(source))
			assert.Nil(t, root, name)
			assert.Empty(t, reason, name)
			assert.Equal(t, last+1, c.calls, "%s: it stops at once", name)
		}
	}
}

var pieces = []string{
	"\n", "\n\n", " ", "    ", "- ", "1) ", "> ", "# ", "*", "**", "_", "~", "~~", "`", "``", "```\n", "|", "|a|b|\n|-|-|\n", "\n|-|-|\n", "<", "<a b='", "<!--", "-->", ">",
	"&amp;", "\\", "[", "]", "](", "](b)", "[a]: b 'c'\n", "[a]", "(", ")", "!", "![", "\t", "x", "---\n", "ש", "\"", "<http://a.b>", "<?", "]]>", "<![CDATA[", "a`\\|b`|",
}

// What is read is what goldmark reads, and takes no more than what the budgets say; what is not read has a reason.
func law(t require.TestingT, source string) {
	plain := goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone))))
	r := NewReader(context.Background())
	root, reason := r.Read([]byte(source))
	if root == nil {
		require.NotEmpty(t, reason)
		return
	}
	require.Empty(t, reason)
	require.LessOrEqual(t, countOf(root, east.KindTableCell), min(MaxCells, len(source)/2+ReportCells))
	var got, want bytes.Buffer
	require.NoError(t, NewRenderer(html.NewRenderer(), false).Render(&got, []byte(source), root))
	require.NoError(t, plain.Convert([]byte(source), &want))
	require.Equal(t, want.String(), got.String(), "%q", source)
	require.LessOrEqual(t, got.Len(), 100*len(source)+6*MaxOutput+20*MaxCells)
}

func TestLaw(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12)
		law(rt, strings.Repeat(strings.Join(some.Draw(rt, "first"), ""), rapid.IntRange(1, 40).Draw(rt, "times"))+strings.Join(some.Draw(rt, "then"), ""))
	})
}

// FuzzLaw looks for a source that is read otherwise than without budgets, or costs more than they say.
func FuzzLaw(f *testing.F) {
	for n, p := range pieces {
		f.Add(p, pieces[(n*7+3)%len(pieces)], byte(n))
	}
	f.Fuzz(func(t *testing.T, first, then string, times byte) {
		if len(first)+len(then) < 1000 {
			law(t, strings.Repeat(first, int(times))+then)
		}
	})
}

func ExampleReader_Read() {
	root, reason := NewReader(context.Background()).Read([]byte(strings.Repeat(">", 60)))
	fmt.Println(root, reason)
	// Output: <nil> its quotes and lists are more than 50 levels deep
}
