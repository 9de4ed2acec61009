// Package markdown reads what people and sources wrote as Markdown: CommonMark with tables, strikethrough and task lists.
package markdown

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// longest is how many bytes of a text are taken for Markdown: as many as a comment that the library took can have.
const longest = 4 * incident.MaxComment

// Parse returns what source means, nil for a text that is to be shown as it was typed.
func Parse(source []byte) (root ast.Node) {
	if len(source) > longest {
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
	return md.Parser().Parse(text.NewReader(source))
}

// Destination returns the address that the source of a link or an image means.
func Destination(source []byte) string {
	resolved := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(source)))
	return strings.TrimSpace(words.Visible(string(resolved)))
}

// AutoLink returns the text of a link by itself and its address, which is "" where that is not safe.
func AutoLink(n *ast.AutoLink, source []byte) (label, address string) {
	label, address = string(n.Label(source)), string(n.URL(source))
	if n.AutoLinkType == ast.AutoLinkEmail && !doc.Linkable(address) {
		address = "mailto:" + address
	}
	if !doc.Linkable(address) {
		address = ""
	}
	return label, address
}

// HTML returns a block of HTML as it was typed.
func HTML(n *ast.HTMLBlock, source []byte) string {
	typed := string(n.Lines().Value(source))
	if n.HasClosure() {
		typed += string(n.ClosureLine.Value(source))
	}
	return typed
}
