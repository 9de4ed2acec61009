package export

import (
	"bytes"
	"html"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"

	"github.com/incidentkit/incidentkit/incident"
)

// commentHTML returns the Markdown of a comment as HTML without anything active: HTML in it is text, images are links, links lead
// to http, https and mailto only, and headings are bold, since the headings are the report's.
func commentHTML(source string) (out template.HTML) {
	long := len(source) > longestMarkdown
	source = visible(source)
	typed := template.HTML(`<p class="text">` + html.EscapeString(source) + "</p>")
	if long {
		return typed
	}
	defer func() {
		if recover() != nil { // no source is known that does this
			out = typed
		}
	}()
	var b bytes.Buffer
	md := commentMarkdown(goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(quietly{}, 1))))
	if err := md.Convert([]byte(source), &b); err != nil {
		return typed
	}
	return template.HTML(visible(b.String())) // references may stand for what cannot be seen
}

// longestMarkdown is how many bytes of a comment are taken for Markdown: as many as one that the library took can have. A longer
// one stands as it was typed.
const longestMarkdown = 4 * incident.MaxComment

// commentMarkdown is the Markdown of comments.
func commentMarkdown(o ...goldmark.Option) goldmark.Markdown {
	return goldmark.New(append(o, goldmark.WithExtensions(
		extension.Strikethrough, extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone))))...)
}

// quietly renders those parts of Markdown that could do something, or could be mistaken for the report's own.
type quietly struct{}

func (q quietly) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, q.heading)
	r.Register(ast.KindLink, q.link)
	r.Register(ast.KindImage, q.image)
	r.Register(ast.KindAutoLink, q.autoLink)
	r.Register(ast.KindRawHTML, q.rawHTML)
	r.Register(ast.KindHTMLBlock, q.htmlBlock)
	r.Register(ast.KindFencedCodeBlock, q.code)
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
	if safeURL(address) {
		return around(w, entering, `<a href="`+html.EscapeString(address)+`" rel="noopener noreferrer nofollow">`+label, "</a>")
	}
	return around(w, entering, label, html.EscapeString(" ("+address+")"))
}

// destination returns the address that the source of a link or an image means.
func destination(source string) string {
	resolved := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations([]byte(source))))
	return strings.TrimSpace(visible(string(resolved)))
}

// autoLinked returns the text of a link by itself and its address, which is "" where that is not safe.
func autoLinked(n *ast.AutoLink, source []byte) (label, address string) {
	label, address = string(n.Label(source)), string(n.URL(source))
	if n.AutoLinkType == ast.AutoLinkEmail && !safeURL(address) {
		address = "mailto:" + address
	}
	if !safeURL(address) {
		address = ""
	}
	return label, address
}

// htmlText returns a block of HTML as it was typed.
func htmlText(n *ast.HTMLBlock, source []byte) string {
	text := string(n.Lines().Value(source))
	if n.HasClosure() {
		text += string(n.ClosureLine.Value(source))
	}
	return text
}

func (quietly) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	label, address := autoLinked(n.(*ast.AutoLink), source)
	label = html.EscapeString(label)
	if address != "" {
		label = `<a href="` + html.EscapeString(address) + `" rel="noopener noreferrer nofollow">` + label + "</a>"
	}
	_, err := w.WriteString(label)
	return ast.WalkContinue, err
}

func (quietly) rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, err := w.WriteString(html.EscapeString(string(n.(*ast.RawHTML).Segments.Value(source))))
		return ast.WalkSkipChildren, err
	}
	return ast.WalkContinue, nil
}

func (quietly) htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, err := w.WriteString("<pre>" + html.EscapeString(htmlText(n.(*ast.HTMLBlock), source)) + "</pre>\n")
	return ast.WalkContinue, err
}

func (quietly) code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, err := w.WriteString("<pre><code>" + html.EscapeString(string(n.Lines().Value(source))) + "</code></pre>\n")
	return ast.WalkContinue, err
}

func around(w util.BufWriter, entering bool, before, after string) (ast.WalkStatus, error) {
	if !entering {
		before = after
	}
	_, err := w.WriteString(before)
	return ast.WalkContinue, err
}
