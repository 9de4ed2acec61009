// Package tohtml draws a document as HTML.
package tohtml

import (
	"context"
	"io"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// Write draws d and writes it to w.
func Write(ctx context.Context, w io.Writer, d doc.Document) error {
	_, err := io.WriteString(w, d.Title)
	return err
}
