package commonmark

import (
	"context"
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"
)

// Plain returns what a text says without the marks of Markdown, where there is no room for more: each
// paragraph and item is a line of its own. A text that is to be shown as it was typed is returned as it is.
func Plain(text string) (plain string) {
	if !strings.ContainsAny(text, "*_`[]<>#-+~\\|&=") && !strings.Contains(text, ". ") && !strings.Contains(text, ") ") {
		return text
	}
	source, root, _ := NewReader(context.Background()).Visible(text)
	if root == nil {
		return text
	}
	defer func() {
		if recover() != nil { // no source is known that does this
			plain = text
		}
	}()
	var b strings.Builder
	line := func() {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
	}
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.WriteString(meant(n, source))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteByte('\n')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(source))
			}
		case *ast.RawHTML:
			if entering {
				b.Write(n.Segments.Value(source))
			}
			return ast.WalkSkipChildren, nil
		case *ast.HTMLBlock:
			if entering {
				line()
				b.WriteString(HTML(n, source))
			}
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			if entering {
				line()
				b.Write(n.Lines().Value(source))
			}
		case *ast.ListItem:
			if entering {
				line()
				b.WriteString("• ")
			}
		case *east.TaskCheckBox:
			if entering && n.IsChecked {
				b.WriteString("☑ ")
			} else if entering {
				b.WriteString("☐ ")
			}
		case *east.TableCell:
			if entering && n.PreviousSibling() != nil {
				b.WriteString(" · ")
			}
		case *ast.Paragraph, *ast.TextBlock, *ast.Heading, *east.TableRow, *east.TableHeader, *ast.List, *ast.Blockquote:
			if entering {
				if _, item := n.Parent().(*ast.ListItem); !item || n.PreviousSibling() != nil {
					line()
				}
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}

// meant returns what a piece of text means: characters behind backslashes and references of characters stand
// for themselves.
func meant(n *ast.Text, source []byte) string {
	value := n.Segment.Value(source)
	if n.IsRaw() {
		return string(value)
	}
	return html.UnescapeString(string(util.UnescapePunctuations(value)))
}
