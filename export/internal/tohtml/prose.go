package tohtml

import (
	"bytes"
	"html"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"

	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// written writes what people or sources wrote.
func (p *page) written(b doc.Prose) {
	p.raw("<div class=\"prose\">\n")
	lines := 0
	if b.Lines {
		lines = 1
	}
	p.raw(proseHTML(p.reader, p.prose[lines], b.Source))
	p.raw("</div>\n")
}

// proseHTML returns Markdown as HTML without anything active: HTML in it is text, images are links, links
// lead to http, https and mailto only, and headings are bold, since the headings are the document's.
func proseHTML(reader *commonmark.Reader, r renderer.Renderer, text string) (out string) {
	source, root, reason := reader.Visible(text)
	typed := func(reason string) string {
		return `<p class="remark">` + html.EscapeString(commonmark.Typed(reason)) + "</p>\n" +
			`<p class="text">` + html.EscapeString(string(source)) + "</p>\n"
	}
	if root == nil {
		return typed(reason)
	}
	defer func() {
		if recover() != nil {
			out = typed(commonmark.Unreadable)
		}
	}()
	var b bytes.Buffer
	if err := r.Render(&b, source, root); err != nil {
		return typed(commonmark.Unreadable)
	}
	return words.Visible(b.String()) // references may stand for what cannot be seen
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
	return anchor(w, n.(*ast.Link).Destination, "", entering)
}

func (quietly) image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, n.(*ast.Image).Destination, "Image: ", entering)
}

// anchor leads to address if it is safe; else the address is said.
func anchor(w util.BufWriter, source []byte, label string, entering bool) (ast.WalkStatus, error) {
	address := commonmark.Destination(source)
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

func (quietly) autoLink(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	label, address := commonmark.AutoLink(node.(*ast.AutoLink), source)
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
	text := commonmark.HTML(node.(*ast.HTMLBlock), source)
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
