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
)

// commentHTML returns the Markdown of a comment as HTML without anything active: HTML in it is text, images are links, links lead
// to http, https and mailto only, and headings are bold, since the headings are the report's.
func commentHTML(source string) (out template.HTML) {
	source = visible(source)
	defer func() {
		if recover() != nil { // no source is known that does this
			out = template.HTML("<p>" + html.EscapeString(source) + "</p>")
		}
	}()
	var b bytes.Buffer
	md := goldmark.New(
		goldmark.WithExtensions(extension.Strikethrough, extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(quietly{}, 1))),
	)
	if err := md.Convert([]byte(source), &b); err != nil {
		return template.HTML("<p>" + html.EscapeString(source) + "</p>")
	}
	return template.HTML(visible(b.String())) // references may stand for what cannot be seen
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
	resolved := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations([]byte(address))))
	address = strings.TrimSpace(visible(string(resolved)))
	if safeURL(address) {
		return around(w, entering, `<a href="`+html.EscapeString(address)+`" rel="noopener noreferrer nofollow">`+label, "</a>")
	}
	return around(w, entering, label, html.EscapeString(" ("+address+")"))
}

func (quietly) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	link := n.(*ast.AutoLink)
	address, label := string(link.URL(source)), html.EscapeString(string(link.Label(source)))
	if link.AutoLinkType == ast.AutoLinkEmail && !safeURL(address) {
		address = "mailto:" + address
	}
	if safeURL(address) {
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
	block := n.(*ast.HTMLBlock)
	text := string(block.Lines().Value(source))
	if block.HasClosure() {
		text += string(block.ClosureLine.Value(source))
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

func around(w util.BufWriter, entering bool, before, after string) (ast.WalkStatus, error) {
	if !entering {
		before = after
	}
	_, err := w.WriteString(before)
	return ast.WalkContinue, err
}
