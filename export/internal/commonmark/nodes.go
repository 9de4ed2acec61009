package commonmark

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// Longest is how many bytes of a text are taken for Markdown: as many as a comment that the library took can
// have. A longer one stands as it was typed.
const Longest = 4 * incident.MaxComment

// Typed returns the sentence above a text that is shown as it was typed.
func Typed(reason string) string { return "Shown as typed: " + reason + "." }

// Unreadable is the reason for a text that made the parser or a renderer panic. None is known.
const Unreadable = "it could not be read as Markdown"

// Visible returns what a text says and its nodes, as [Reader.Read] does, with marks for what cannot be seen.
func (r *Reader) Visible(text string) (source []byte, root ast.Node, reason string) {
	source = []byte(words.Visible(text))
	if len(text) > Longest {
		return source, nil, "it is longer than a comment may be"
	}
	defer func() {
		if recover() != nil {
			root, reason = nil, Unreadable
		}
	}()
	root, reason = r.Read(source)
	return source, root, reason
}

// Destination returns the address that the source of a link or an image means.
func Destination(source []byte) string {
	resolved := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(source)))
	return strings.TrimSpace(words.Visible(string(resolved)))
}

// AutoLink returns the text of a link by itself and its address, which is "" where a document does not link to it.
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
	text := string(n.Lines().Value(source))
	if n.HasClosure() {
		text += string(n.ClosureLine.Value(source))
	}
	return text
}
