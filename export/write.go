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

// WritePDF draws r as a document and writes it to w.
func WritePDF(ctx context.Context, w io.Writer, r Report, o *PDFOptions) error {
	var opts PDFOptions
	if o != nil {
		opts = *o
	}
	d, err := compose(r, opts.DocumentOptions, !opts.NoData)
	if err == nil {
		err = topdf.Write(ctx, w, d, topdf.Options{Letter: opts.Paper == Letter, Author: opts.Author, Created: r.Generated, Fonts: opts.Fonts})
	}
	if err != nil {
		return fmt.Errorf("export: write PDF: %w", err)
	}
	return nil
}

// WriteHTML writes r to w as one HTML document that needs nothing else.
func WriteHTML(ctx context.Context, w io.Writer, r Report, o *DocumentOptions) error {
	return write(ctx, w, r, o, "HTML", tohtml.Write)
}

// WriteMarkdown writes r to w as Markdown.
func WriteMarkdown(ctx context.Context, w io.Writer, r Report, o *DocumentOptions) error {
	return write(ctx, w, r, o, "Markdown", tomarkdown.Write)
}

func write(
	ctx context.Context, w io.Writer, r Report, o *DocumentOptions, format string,
	to func(context.Context, io.Writer, doc.Document) error,
) error {
	var opts DocumentOptions
	if o != nil {
		opts = *o
	}
	d, err := compose(r, opts, false)
	if err == nil {
		err = to(ctx, w, d)
	}
	if err != nil {
		return fmt.Errorf("export: write %s: %w", format, err)
	}
	return nil
}
