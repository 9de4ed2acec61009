package export

import (
	"context"
	"fmt"
	"io"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/tohtml"
	"github.com/incidentkit/incidentkit/export/internal/tomarkdown"
	"github.com/incidentkit/incidentkit/export/internal/topdf"
)

// WritePDF draws r as a document and writes it to w. A nil o means the defaults. The same Report and the same
// options give the same bytes.
//
// Characters that no font of the library has stand as visible marks such as "[U+1F600]"; the last line of the
// report then says how many; which scripts are drawn right is in the package comment. Nothing is cut but what
// runs along pages at their head and foot and the boxes of the graph, whose names stand in full in the table
// below: a text that is too long for its column is said in full below its row.
//
// What people and sources wrote is drawn as its Markdown means, but for HTML, which is text, and images of
// Markdown, which are links. Images that are attached to comments follow them, on white, with no more pixels
// than print needs and without anything else that stood in their files; of those that are not shown, the
// caption says why.
//
// Nothing is written unless the whole document could be drawn. The error is that of ctx, that of w, an
// [*alert.FieldError] for an option, or says what could not be drawn. WritePDF does not panic, whatever r
// holds.
func WritePDF(ctx context.Context, w io.Writer, r Report, o *PDFOptions) error {
	var opts PDFOptions
	if o != nil {
		opts = *o
	}
	d, err := compose(r, !opts.NoData)
	if err == nil {
		err = topdf.Write(ctx, w, d, topdf.Options{Letter: opts.Paper == Letter, Author: opts.Author, Created: r.Generated, Fonts: opts.Fonts})
	}
	if err != nil {
		return fmt.Errorf("export: write PDF: %w", err)
	}
	return nil
}

// WriteHTML writes r to w as one HTML document that needs nothing else: it has no script, loads nothing, and
// its content security policy forbids both. It says what the PDF says, is laid out for screens of any size,
// light and dark, and for paper. Images that are attached to comments stand below them, once each and byte by
// byte as they were attached, so that their SHA-256 can be checked. Links are those of alerts, references and
// comments, to http, https and mailto. Characters that cannot be seen stand as marks such as "[U+202E]".
//
// Nothing is written when ctx is done. The error is that of ctx, that of w, or an [*alert.FieldError] for the Layout.
func WriteHTML(ctx context.Context, w io.Writer, r Report) error {
	return write(ctx, w, r, "HTML", tohtml.Write)
}

// WriteMarkdown writes r to w as Markdown: CommonMark with the tables of GitHub. No text of r becomes markup,
// whatever characters it has; what a comment says stands as its author typed it, marks included. Tables say
// what the pictures of the other formats show. Links are those that alerts and references bring, to http,
// https and mailto. Characters that cannot be seen stand as marks such as "[U+202E]".
//
// Nothing is written when ctx is done. The error is that of ctx, that of w, or an [*alert.FieldError] for the Layout.
func WriteMarkdown(ctx context.Context, w io.Writer, r Report) error {
	return write(ctx, w, r, "Markdown", tomarkdown.Write)
}

func write(
	ctx context.Context, w io.Writer, r Report, format string, to func(context.Context, io.Writer, doc.Document) error,
) error {
	d, err := compose(r, false)
	if err == nil {
		err = to(ctx, w, d)
	}
	if err != nil {
		return fmt.Errorf("export: write %s: %w", format, err)
	}
	return nil
}
