// Package picture decodes the images of a report.
package picture

import (
	"image"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// A Picture is an image as a document can show it.
type Picture struct {
	Image  image.Image // upright; nil where there is nothing to show
	Media  string      // media type of the content
	Photo  bool        // it may be compressed with loss
	Remark string      // why it is not shown, or not in full
}

// Decode decodes an image. It does not fail: Remark says why there is nothing to show.
func Decode(i doc.Image) Picture { return Picture{} }
