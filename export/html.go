package export

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

var (
	//go:embed report.html.tmpl
	page string
	//go:embed report.css
	style string

	pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{"visible": visible, "comment": commentHTML, "svg": svg}).Parse(page))
)

// WriteHTML writes r to w as one HTML document that needs nothing else: it has no script, loads nothing, and its content security
// policy forbids both. It has a table of contents, is laid out for screens, light and dark, and for paper, and says levels in words and
// shapes beside colours. Comments are shown as their Markdown means, but for HTML, which is text, and images, which are links to them.
// Images that are attached to comments stand below them, once each and byte by byte as they were attached, so that their SHA-256 can be
// checked; those that are no images, or not to be had, are said to be so. Links are those of alerts, references and comments, to http, https and mailto. Characters that cannot be seen stand as marks such as
// "[U+202E]".
//
// Nothing is written when ctx is done. The error is that of ctx or that of w.
func WriteHTML(ctx context.Context, w io.Writer, r Report) error {
	b := &cancelled{ctx: ctx}
	hash := sha256.Sum256([]byte(style))
	o := outlined(r)
	o.showImages(ctx, r)
	err := pageTemplate.Execute(b, struct {
		outline
		Style template.CSS
		Hash  string
	}{o, template.CSS(style), "sha256-" + base64.StdEncoding.EncodeToString(hash[:])})
	if err != nil {
		return fmt.Errorf("export: write HTML: %w", err)
	}
	return b.flush(w, "HTML")
}
