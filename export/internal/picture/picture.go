// Package picture decodes the images of a report.
package picture

import (
	"errors"
	"image"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/incident"
)

// A Picture is an image as a document can show it.
type Picture struct {
	Image  image.Image // upright; nil where there is nothing to show
	Media  string      // media type of the content, "" where there is nothing to show
	Photo  bool        // it may be compressed with loss
	Remark string      // why it is not shown, or not in full
}

// Decode decodes an image and turns it as its Exif data says. It does not fail: Remark says why there is
// nothing to show. Decoding takes up to 24 bytes of memory a pixel.
func Decode(i doc.Image) (p Picture) {
	defer func() {
		if recover() != nil { // no image is known that does this
			p = Picture{Remark: "Not shown: it cannot be decoded"}
		}
	}()
	img, a, err := incident.Image{Data: i.Data}.Decode()
	switch invalid, ok := errors.AsType[*alert.FieldError](err); {
	case ok:
		return Picture{Remark: "Not shown: expected " + invalid.Want}
	case err != nil:
		return Picture{Remark: "Not shown: " + err.Error()}
	case i.SHA256 != "" && a.SHA256 != i.SHA256:
		return Picture{Remark: "Not shown: the content has the SHA-256 " + a.SHA256}
	}
	p = Picture{Image: turned(img, orientation(i.Data)), Media: a.Type, Photo: a.Type == "image/jpeg"}
	if a.Type == "image/gif" && animated(i.Data) {
		p.Remark = "First frame shown"
	}
	return p
}
