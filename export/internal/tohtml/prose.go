package tohtml

import (
	"bytes"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	htmlrenderer "github.com/yuin/goldmark/renderer/html"
	mdtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// written writes what people or sources wrote.
func (p *page) written(b doc.Prose) {
	p.raw("<div class=\"prose\">\n")
	lines := 0
	if b.Lines {
		lines = 1
	}
	p.raw(proseHTML(p.prose[lines], b.Source))
	p.raw("</div>\n")
}

// proseHTML returns Markdown as HTML without anything active: HTML in it is text, images are links, links lead to http, https
// and mailto only, and headings are bold, since the headings are the document's.
func proseHTML(r renderer.Renderer, source string) (out string) {
	visible := []byte(words.Visible(source))
	typed := `<p class="text">` + html.EscapeString(string(visible)) + "</p>\n"
	root := parsed(visible)
	if root == nil {
		return typed
	}
	defer func() {
		if recover() != nil { // no source is known that does this
			out = typed
		}
	}()
	var b bytes.Buffer
	if err := r.Render(&b, visible, root); err != nil {
		return typed
	}
	return words.Visible(b.String()) // references may stand for what cannot be seen
}

// longestMarkdown is how many bytes of a text are taken for Markdown: as many as a comment that the library took can have. A
// longer one stands as it was typed.
const longestMarkdown = 4 * incident.MaxComment

// parsed returns what source means as Markdown, nil for a text that is to be shown as it was typed.
func parsed(source []byte) (root ast.Node) {
	if len(source) > longestMarkdown {
		return nil
	}
	defer func() {
		if recover() != nil { // no source is known that does this
			root = nil
		}
	}()
	md := goldmark.New(
		goldmark.WithExtensions(extension.Strikethrough, extension.Table),
		goldmark.WithParserOptions(parser.WithInlineParsers(util.Prioritized(extension.NewTaskCheckBoxParser(), 0))),
	)
	return md.Parser().Parse(mdtext.NewReader(source))
}

// rendering returns what makes HTML of Markdown. With lines, each line feed ends a line.
func rendering(lines bool) renderer.Renderer {
	var o []htmlrenderer.Option
	if lines {
		o = append(o, htmlrenderer.WithHardWraps())
	}
	return renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(quietly{}, 1),
		util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)), 500),
		util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
		util.Prioritized(htmlrenderer.NewRenderer(o...), 1000),
	))
}

// quietly renders those parts of Markdown that could do something, or could be mistaken for the document's own.
type quietly struct{}

func (q quietly) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, q.heading)
	r.Register(ast.KindLink, q.link)
	r.Register(ast.KindImage, q.image)
	r.Register(ast.KindAutoLink, q.autoLink)
	r.Register(ast.KindRawHTML, q.rawHTML)
	r.Register(ast.KindHTMLBlock, q.htmlBlock)
	r.Register(ast.KindFencedCodeBlock, q.code)
	r.Register(east.KindTaskCheckBox, q.task)
}

func (quietly) heading(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	return around(w, entering, "<p><strong>", "</strong></p>\n")
}

func (quietly) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, string(n.(*ast.Link).Destination), "", entering)
}

func (quietly) image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, string(n.(*ast.Image).Destination), "Image: ", entering)
}

// anchor leads to address if it is safe; else the address is said.
func anchor(w util.BufWriter, address, label string, entering bool) (ast.WalkStatus, error) {
	address = destination(address)
	if link := doc.Link(address); link != "" {
		return around(w, entering, opened(link, "")+label, "</a>")
	}
	return around(w, entering, label, html.EscapeString(" ("+address+")"))
}

// opened returns the start of a link to an address that is safe.
func opened(link, text string) string {
	class := ""
	if text == link {
		class = `class="bare" `
	}
	return "<a " + class + `href="` + html.EscapeString(link) + `" rel="noopener noreferrer nofollow">`
}

// destination returns the address that the source of a link or an image means.
func destination(source string) string {
	resolved := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations([]byte(source))))
	return strings.TrimSpace(words.Visible(string(resolved)))
}

func (quietly) autoLink(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	n := node.(*ast.AutoLink)
	label, address := string(n.Label(source)), string(n.URL(source))
	if n.AutoLinkType == ast.AutoLinkEmail && !doc.Linkable(address) {
		address = "mailto:" + address
	}
	text := html.EscapeString(label)
	if link := doc.Link(address); link != "" {
		text = opened(link, label) + text + "</a>"
	}
	_, err := w.WriteString(text)
	return ast.WalkContinue, err
}

func (quietly) rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, err := w.WriteString(html.EscapeString(string(n.(*ast.RawHTML).Segments.Value(source))))
		return ast.WalkSkipChildren, err
	}
	return ast.WalkContinue, nil
}

func (quietly) htmlBlock(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	n := node.(*ast.HTMLBlock)
	text := string(n.Lines().Value(source))
	if n.HasClosure() {
		text += string(n.ClosureLine.Value(source))
	}
	_, err := w.WriteString("<pre>" + html.EscapeString(text) + "</pre>\n")
	return ast.WalkContinue, err
}

func (quietly) code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, err := w.WriteString("<pre><code>" + html.EscapeString(string(n.Lines().Value(source))) + "</code></pre>\n")
	return ast.WalkContinue, err
}

func (quietly) task(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	box := "☐ "
	if n.(*east.TaskCheckBox).IsChecked {
		box = "☑ "
	}
	return around(w, entering, box, "")
}

func around(w util.BufWriter, entering bool, before, after string) (ast.WalkStatus, error) {
	if !entering {
		before = after
	}
	_, err := w.WriteString(before)
	return ast.WalkContinue, err
}
