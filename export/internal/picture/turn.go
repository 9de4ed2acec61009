package picture

import (
	"image"
	"image/color"
)

// turned returns img as an orientation of Exif says. It copies nothing.
func turned(img image.Image, orientation int) image.Image {
	if orientation <= 1 || orientation > 8 {
		return img
	}
	return turn{img, orientation}
}

// A turn is an image that is turned while it is looked at.
type turn struct {
	image.Image
	orientation int
}

// Bounds returns the bounds of the turned image, which begin at 0, 0.
func (t turn) Bounds() image.Rectangle {
	size := t.Image.Bounds().Size()
	if t.orientation >= 5 {
		size.X, size.Y = size.Y, size.X
	}
	return image.Rectangle{Max: size}
}

// At returns the colour of a pixel of the turned image.
func (t turn) At(x, y int) color.Color {
	from := t.Image.Bounds()
	right, bottom := from.Dx()-1, from.Dy()-1
	switch t.orientation {
	case 2:
		x = right - x
	case 3:
		x, y = right-x, bottom-y
	case 4:
		y = bottom - y
	case 5:
		x, y = y, x
	case 6:
		x, y = y, bottom-x
	case 7:
		x, y = right-y, bottom-x
	case 8:
		x, y = right-y, x
	}
	return t.Image.At(from.Min.X+x, from.Min.Y+y)
}
