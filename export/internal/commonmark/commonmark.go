// Package commonmark reads the Markdown of comments at a cost that is linear in its bytes. Markdown lets few
// characters stand for much: a table is as wide as its header in every row, a link definition may be used on
// every line, and what is opened and never closed is looked for again and again. So each comment has a
// budget, and all comments of a report have one together. A comment that exceeds it is not read to its end,
// and is to be shown as it was typed.
package commonmark

import (
	"context"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The budgets of a comment, and of all comments of a report for what their bytes do not pay for, see [Reader].
const (
	MaxDepth     = 50
	MaxCells     = 5_000
	MaxLinks     = 2_000
	MaxOutput    = 1 << 20
	ReportCells  = 100_000
	ReportLinks  = 100_000
	ReportOutput = 16 << 20
)

// A Reader reads the comments of one report, one after the other. It is for one goroutine.
//
// A comment may have [MaxDepth] quotes and items of lists inside each other, [MaxCells] cells of tables,
// [MaxLinks] links and images, and [MaxOutput] bytes of output: the addresses of its links, as often as they
// are written, and the headers of its tables, which a document may repeat in each row. Looking at it may take
// 32 steps for each byte.
//
// Each two bytes of a comment pay for a cell, each 32 for a link, and each byte for 8 bytes of output. What
// goes beyond that is taken from the budgets of the report: [ReportCells], [ReportLinks] and [ReportOutput].
type Reader struct {
	ctx    context.Context // of the one document that is made
	parser parser.Parser
	spent  [resources]int // of the budgets of the report
}

// NewReader returns a Reader that stops when ctx is done. It looks at ctx every few thousand cells, lines or steps.
func NewReader(ctx context.Context) *Reader {
	inlines := append(parser.DefaultInlineParsers(), util.Prioritized(extension.NewStrikethroughParser(), 500),
		util.Prioritized(extension.NewTaskCheckBoxParser(), 0))
	for n := range inlines {
		inlines[n].Value = metered(inlines[n].Value.(parser.InlineParser))
	}
	return &Reader{ctx: ctx, parser: parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(inlines...),
		parser.WithParagraphTransformers(
			util.Prioritized(definitions{parser.LinkReferenceParagraphTransformer}, 100),
			util.Prioritized(tables{extension.NewTableParagraphTransformer()}, 200)),
		parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0)),
	)}
}

// NewRenderer returns a renderer of HTML whose nodes first draws where it knows them. With lines, each line
// feed ends a line.
func NewRenderer(first renderer.NodeRenderer, lines bool) renderer.Renderer {
	var o []html.Option
	if lines {
		o = append(o, html.WithHardWraps())
	}
	return renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(first, 1),
		util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)), 500),
		util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
		util.Prioritized(html.NewRenderer(o...), 1000)))
}

// Read returns the nodes of a comment. They are nil for a comment that is to be shown as it was typed, and
// reason is a sentence that says why. When the context is done, both are empty.
func (r *Reader) Read(source []byte) (root ast.Node, reason string) {
	m := &meter{Context: parser.NewContext(), ctx: r.ctx, source: source, due: interval}
	for n, b := range budgets {
		m.most[n] = b.paid(len(source))
		if b.report > 0 {
			m.most[n] = min(b.comment, m.most[n]+b.report-r.spent[n])
		}
	}
	root = r.parser.Parse(&lines{text.NewReader(source), m}, parser.WithContext(m))
	if !m.ended {
		m.written(root, 0)
	}
	if m.ended {
		root = nil
		m.used[output] = 0 // none is written
	}
	for n, b := range budgets {
		r.spent[n] += max(0, m.used[n]-b.paid(len(source)))
	}
	return root, m.reason
}
