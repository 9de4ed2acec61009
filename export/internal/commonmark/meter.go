package commonmark

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// A resource is what a budget is of.
type resource int

const (
	cells resource = iota
	links
	output // bytes
	steps  // a few bytes that are looked at again, a line in a block, a mark
	resources
)

// budgets say what a comment may have. Its bytes pay for each of so many bytes; what the report has together, if
// anything, is beyond that, and so comment is the limit.
var budgets = [resources]budget{
	cells: {each: 1, bytes: 2, comment: MaxCells, report: ReportCells,
		tooMuch: fmt.Sprintf("its tables have more than %d cells", MaxCells),
		gone:    "the tables of this report's comments have too many cells"},
	links: {each: 1, bytes: 32, comment: MaxLinks, report: ReportLinks,
		tooMuch: fmt.Sprintf("it has more than %d links", MaxLinks),
		gone:    "the comments of this report have too many links"},
	output: {each: 8, bytes: 1, comment: MaxOutput, report: ReportOutput,
		tooMuch: "its links or the headers of its tables would take too much room",
		gone:    "the links and tables of this report's comments would take too much room"},
	steps: {each: 32, bytes: 1, base: 4096, tooMuch: "its marks are too intricate"},
}

type budget struct {
	each, bytes, base int
	comment, report   int    // report is 0 where the bytes pay for all
	tooMuch, gone     string // the reasons
}

// paid returns what a comment of so many bytes may have without taking from the report.
func (b budget) paid(bytes int) int { return b.base + bytes*b.each/b.bytes }

// interval is after how many cells and steps a context is looked at again.
const interval = 2000

// A meter counts what is done for one comment, and ends the work when that is too much. The parser has it as its
// context. Where it has ended, the parser is given nothing more to read, and what it returns is worth nothing.
type meter struct {
	parser.Context
	ctx        context.Context
	source     []byte
	most, used [resources]int
	due        int // cells and steps until the context is looked at
	ended      bool
	reason     string

	ticks, pipes int // backticks, and pipes behind backslashes, in tables

	// of the block whose text is read
	block  ast.Node
	start  int   // its first byte
	height int   // its lines
	open   []int // where its brackets stand that were not closed yet

	closer *parser.Delimiter // whose opener is looked for
	looked int               // how far back that was
}

func (m *meter) end(reason string) {
	if !m.ended {
		m.ended, m.reason = true, reason
	}
}

// spend reports whether there is enough of what for n more.
func (m *meter) spend(what resource, n int) bool {
	if m.ended {
		return false
	}
	if n > m.most[what]-m.used[what] {
		b := budgets[what]
		if m.most[what] < b.comment {
			m.end(b.gone)
		} else {
			m.end(b.tooMuch)
		}
		return false
	}
	m.used[what] += n
	if what == output {
		n = 1
	}
	return m.look(n)
}

// look reports whether the work goes on after n cells or steps.
func (m *meter) look(n int) bool {
	if m.due -= n; m.due <= 0 {
		m.due = interval
		if m.ctx.Err() != nil {
			m.end("")
		}
	}
	return !m.ended
}

// SetOpenedBlocks is told of every block that begins.
func (m *meter) SetOpenedBlocks(blocks []parser.Block) {
	m.Context.SetOpenedBlocks(blocks)
	if len(blocks) <= MaxDepth {
		return
	}
	depth := 0
	for _, b := range blocks {
		switch b.Node.Kind() {
		case ast.KindBlockquote, ast.KindListItem:
			depth++
		}
	}
	if depth > MaxDepth {
		m.end(fmt.Sprintf("its quotes and lists are more than %d levels deep", MaxDepth))
	}
}

// LastDelimiter is asked for before emphasis is made of marks.
func (m *meter) LastDelimiter() *parser.Delimiter {
	if m.ended {
		return nil
	}
	return m.Context.LastDelimiter()
}

// enter is called with the block whose text is read.
func (m *meter) enter(block ast.Node) {
	if block == m.block {
		return
	}
	m.block, m.open, m.closer = block, m.open[:0], nil
	m.height = block.Lines().Len()
	m.start = block.Lines().At(0).Start
}

// lines are those of a comment. Each costs what it may be asked by every block that is open.
type lines struct {
	text.Reader
	m *meter
}

func (l *lines) PeekLine() ([]byte, text.Segment) {
	line, at := l.Reader.PeekLine()
	if l.m.ended {
		return nil, at
	}
	return line, at
}

func (l *lines) SkipBlankLines() (text.Segment, int, bool) {
	if l.m.ended {
		_, at := l.Reader.PeekLine()
		return at, 0, false
	}
	return l.Reader.SkipBlankLines()
}

func (l *lines) AdvanceLine() {
	l.m.spend(steps, 1+len(l.m.OpenedBlocks()))
	l.Reader.AdvanceLine()
}

// definitions moves all lines of a paragraph for each definition of a link in it.
type definitions struct{ parser.ParagraphTransformer }

func (d definitions) Transform(node *ast.Paragraph, r text.Reader, pc parser.Context) {
	all := node.Lines()
	begins := func(n int) bool {
		line := all.At(n)
		return bytes.HasPrefix(bytes.TrimLeft(line.Value(r.Source()), " \t"), []byte("["))
	}
	if !begins(0) {
		return // no definition interrupts a paragraph
	}
	n := 0
	for k := range all.Len() {
		if begins(k) {
			n++
		}
	}
	if pc.(*meter).spend(steps, n*all.Len()/8) {
		d.ParagraphTransformer.Transform(node, r, pc)
	}
}

// tables fills up rows to the width of their header.
type tables struct{ parser.ParagraphTransformer }

func (t tables) Transform(node *ast.Paragraph, r text.Reader, pc parser.Context) {
	m, all := pc.(*meter), node.Lines()
	value := func(n int) []byte {
		line := all.At(n)
		return line.Value(r.Source())
	}
	for n := 1; n < all.Len(); n++ {
		columns := ruled(value(n))
		if columns == 0 || bytes.Count(value(n-1), []byte("|"))+1 < columns {
			continue
		}
		// Each code span in a cell with such a pipe is compared with all of them.
		before := m.ticks * m.pipes
		for k := n - 1; k < all.Len(); k++ {
			line := value(k)
			if pipes := bytes.Count(line, []byte(`\|`)); pipes > 0 {
				m.ticks, m.pipes = m.ticks+bytes.Count(line, []byte("`")), m.pipes+pipes
			}
		}
		if !m.spend(steps, (m.ticks*m.pipes-before)/16) || !m.spend(cells, columns*(all.Len()-n)) {
			return
		}
		break
	}
	t.ParagraphTransformer.Transform(node, r, pc)
}

// ruled returns how many columns a line has that may stand below the header of a table, 0 if it may not.
func ruled(line []byte) int {
	for _, c := range line {
		if !bytes.ContainsRune([]byte("-|: \t\r\n"), rune(c)) {
			return 0
		}
	}
	if !bytes.Contains(line, []byte("-")) {
		return 0
	}
	return bytes.Count(bytes.Trim(line, " \t\r\n|"), []byte("|")) + 1
}

// metered returns a parser that counts.
func metered(p parser.InlineParser) parser.InlineParser {
	if c, ok := p.(parser.CloseBlocker); ok {
		return struct {
			inline
			parser.CloseBlocker
		}{inline{p}, c}
	}
	return inline{p}
}

type inline struct{ parser.InlineParser }

func (p inline) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	m := pc.(*meter)
	if !m.spend(steps, 1) {
		_, at := block.PeekLine()
		block.SetPosition(1<<30, at) // behind the last line
		return ast.NewString(nil)
	}
	m.enter(parent)
	line, at := block.PeekLine()
	pending := m.Context.LastDelimiter() != nil
	switch {
	case line[0] == '[':
		m.open = append(m.open, at.Start)
	case line[0] == '!' && len(line) > 1 && line[1] == '[':
		m.open = append(m.open, at.Start+1)
	case line[0] == ']' && len(m.open) > 0:
		last := len(m.open) - 1
		n := (at.Start-m.open[last])/4 + m.height/8
		m.open = m.open[:last]
		m.spend(steps, n)
	case line[0] == '~' && len(line) > 2 && line[1] == '~' && line[2] == '~':
		m.spend(steps, len(line)/8)
	}
	n := p.InlineParser.Parse(parent, &counted{block, m}, pc)
	switch n := n.(type) {
	case *ast.Link, *ast.Image:
		m.spend(links, 1)
		if pending {
			m.spend(steps, (at.Start-m.start)/8)
		}
	case *ast.AutoLink:
		m.spend(links, 1)
	case *parser.Delimiter:
		n.Processor = pairs{n.Processor, m}
	case nil:
		if line[0] == ']' && len(line) > 1 && line[1] == '(' {
			m.spend(steps, len(line)/8) // in search of the end of an address
		}
	}
	return n
}

// counted counts how often what is read is read again.
type counted struct {
	text.Reader
	m *meter
}

func (c *counted) AdvanceLine() {
	line, _ := c.PeekLine()
	c.m.spend(steps, 16+len(line)/8) // a node is made of it, too
	c.Reader.AdvanceLine()
}

func (c *counted) ReadRune() (rune, int, error) {
	if !c.m.spend(steps, 1) {
		return 0, 0, io.EOF
	}
	return c.Reader.ReadRune()
}

func (c *counted) Match(of *regexp.Regexp) bool {
	line, at := c.Position()
	found := of.FindReaderIndex(c)
	c.SetPosition(line, at)
	if found == nil {
		return false
	}
	c.Advance(found[1] - found[0])
	return true
}

func (c *counted) FindClosure(opener, closer byte, o text.FindClosureOptions) (*text.Segments, bool) {
	_, from := c.Position()
	list, ok := c.Reader.FindClosure(opener, closer, o)
	_, to := c.Position()
	end := to.Start
	if !ok {
		end = to.Stop // or nearer
	}
	c.m.spend(steps, max(0, end-from.Start)/8)
	return list, ok
}

// pairs is asked for each mark whether it opens what another one closes. The marks between them are passed over, too.
type pairs struct {
	parser.DelimiterProcessor
	m *meter
}

func (p pairs) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	m := p.m
	if closer != m.closer {
		m.closer, m.looked = closer, closer.Segment.Start
	}
	n := 1 + max(0, m.looked-opener.Segment.Start)/4
	m.looked = min(m.looked, opener.Segment.Start)
	if !m.spend(steps, n) {
		opener.PreviousDelimiter, closer.NextDelimiter = nil, nil // the search ends
		return false
	}
	return p.DelimiterProcessor.CanOpenCloser(opener, closer)
}

func (p pairs) OnMatch(consumes int) ast.Node {
	p.m.closer = nil
	return p.DelimiterProcessor.OnMatch(consumes)
}

// longestLink is how many bytes an address may have that a PDF leads to. A longer one is text.
const longestLink = 2000

// written spends the output of n, and returns how many bytes that is together with its own text. Inside a
// link, address is how many bytes its address has, which a PDF has for each line and each change of its type.
func (m *meter) written(n ast.Node, address int) (sum int) {
	say := func(text, repeated int) {
		const line = 64
		m.spend(output, repeated*(1+text/line))
		sum += text + repeated*(1+text/line)
	}
	for c := n.FirstChild(); c != nil && m.look(1); c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			say(c.Segment.Len(), address)
		case *ast.RawHTML:
			say(len(c.Segments.Value(m.source)), address)
		case *ast.AutoLink:
			label := len(c.Label(m.source))
			say(label, label)
		case *ast.Link:
			sum += m.linked(c, c.Destination, address)
		case *ast.Image:
			sum += m.linked(c, c.Destination, address)
		case *east.Table:
			m.tabled(c)
		default:
			sum += m.written(c, address)
		}
	}
	return sum
}

// linked does the same for a link.
func (m *meter) linked(n ast.Node, destination []byte, address int) int {
	m.spend(output, len(destination))
	if len(destination) <= longestLink {
		address = len(destination)
	}
	return len(destination) + m.written(n, address)
}

// tabled does the same for a table, whose header may stand in each row.
func (m *meter) tabled(table ast.Node) {
	var header []int
	for row := table.FirstChild(); row != nil && !m.ended; row = row.NextSibling() {
		column := 0
		for c := row.FirstChild(); c != nil && m.look(1); c = c.NextSibling() {
			n := m.written(c, 0)
			if row == table.FirstChild() {
				header = append(header, n)
			} else if column < len(header) && c.FirstChild() != nil {
				m.spend(output, header[column])
			}
			column++
		}
	}
}
