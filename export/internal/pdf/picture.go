package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
)

// A Picture is an image as documents embed it: its pixels alone, without anything
// else that stood in its file.
type Picture struct {
	width, height int // in thousandths of a point, at 96 pixels an inch of the original
	pixels        image.Point
	filter        string
	gray          bool
	data          []byte
}

// stripe is a part of a picture that goes on over pages.
type stripe struct {
	picture       int // its number
	above, height int // how much of the picture is above the part, and how high all of it is
}

// Pixels of a picture that are embedded: what a page needs at 180 an inch.
const (
	mostAcross = 1100
	mostDown   = 920
	mostTall   = 6_000_000 // all of one that takes pages
	pixel      = 750       // thousandths of a point
	quality    = 85
)

// NewPicture makes a picture of img, on white where it is transparent, with no more
// pixels than print needs. A photo is compressed with loss.
func NewPicture(img image.Image, photo bool) (*Picture, error) {
	from := img.Bounds().Size()
	if from.X < 1 || from.Y < 1 {
		return nil, errors.New("pdf: a picture without pixels")
	}
	to := from
	if to.X > mostAcross {
		to = image.Pt(mostAcross, max(1, scaled(from.Y, mostAcross, from.X)))
	}
	most := mostDown
	if 2*from.Y > 5*from.X {
		most = max(most, mostTall/to.X)
	}
	if to.Y > most {
		to = image.Pt(max(1, min(to.X, scaled(from.X, most, from.Y))), most)
	}
	small, gray := reduced(img, to)
	p := &Picture{width: min(from.X, 1<<20) * pixel, height: min(from.Y, 1<<20) * pixel, pixels: to, gray: gray}
	var b bytes.Buffer
	if photo {
		p.filter = "/DCTDecode"
		err := jpeg.Encode(&b, small, &jpeg.Options{Quality: quality})
		p.data = b.Bytes()
		return p, err
	}
	colors := 3
	if gray {
		colors = 1
	}
	p.filter = fmt.Sprintf("/FlateDecode /DecodeParms <</Predictor 15 /Colors %d /BitsPerComponent 8 /Columns %d>>", colors, to.X)
	if err := png.Encode(&b, small); err != nil {
		return nil, err
	}
	p.data = imageData(b.String())
	return p, nil
}

// imageData returns what the IDAT chunks of a PNG file hold, which is what a PDF
// takes for image data.
func imageData(file string) []byte {
	var data []byte
	for rest := file[8:]; len(rest) >= 12; {
		size := u32(rest, 0)
		if rest[4:8] == "IDAT" {
			data = append(data, rest[8:8+size]...)
		}
		rest = rest[12+size:]
	}
	return data
}

// reduced returns img on white, with as many pixels, each the mean of those that it
// stands for. All of it is in integers. It holds a few lines of img at a time.
func reduced(img image.Image, to image.Point) (small image.Image, gray bool) {
	from := img.Bounds()
	out := image.NewRGBA(image.Rectangle{Max: to})
	stripe := image.NewRGBA(image.Rect(0, 0, from.Dx(), from.Dy()/to.Y+1))
	gray = true
	for y := range to.Y {
		top := scaled(y, from.Dy(), to.Y)
		lines := max(1, scaled(y+1, from.Dy(), to.Y)-top)
		part := image.Rect(0, 0, from.Dx(), lines)
		draw.Draw(stripe, part, image.White, image.Point{}, draw.Src)
		draw.Draw(stripe, part, img, from.Min.Add(image.Pt(0, top)), draw.Over)
		for x := range to.X {
			left := scaled(x, from.Dx(), to.X)
			across := max(1, scaled(x+1, from.Dx(), to.X)-left)
			var sum [3]int
			for line := range lines {
				at := line*stripe.Stride + 4*left
				for p := stripe.Pix[at : at+4*across]; len(p) > 0; p = p[4:] {
					sum[0] += int(p[0])
					sum[1] += int(p[1])
					sum[2] += int(p[2])
				}
			}
			n := across * lines
			r, g, b := byte((sum[0]+n/2)/n), byte((sum[1]+n/2)/n), byte((sum[2]+n/2)/n)
			copy(out.Pix[y*out.Stride+4*x:], []byte{r, g, b, 0xFF})
			gray = gray && r == g && g == b
		}
	}
	if !gray {
		return out, false
	}
	light := image.NewGray(out.Rect)
	for i := range light.Pix {
		light.Pix[i] = out.Pix[4*i]
	}
	return light, true
}

// size returns how large p is drawn where it may take so much room: never larger
// than it is.
func (p *Picture) size(width, height int) (w, h int) {
	w, h = p.width, p.height
	if w > width {
		w, h = width, scaled(h, width, w)
	}
	if h > height {
		w, h = scaled(w, height, h), height
	}
	return max(w, 1), max(h, 1)
}

// picture draws a picture.
func (p *pen) picture(number, x, y, w, h int) {
	p.f.RawWriteStr(fmt.Sprintf("q %.3f 0 0 %.3f %.3f %.3f cm /P%d Do Q\n",
		points(w), points(h), points(x), points(p.height-y-h), number))
}

// named returns the object of the resources that fpdf wrote with the names of
// pictures, /P0, /P1 and so on, whose objects have the numbers from first on. What
// fpdf has for images parses them again, panics on much, and puts those of one
// width into the file in any order.
func named(resources []byte, pictures []*Picture, first int) ([]byte, error) {
	const names = "/XObject <<\n"
	if bytes.Count(resources, []byte(names)) != 1 {
		return nil, errors.New("nowhere to name pictures")
	}
	var all bytes.Buffer
	all.WriteString(names)
	for n := range pictures {
		fmt.Fprintf(&all, "/P%d %d 0 R\n", n, first+n)
	}
	return bytes.Replace(resources, []byte(names), all.Bytes(), 1), nil
}

// write writes the object of p.
func (p *Picture) write(out *bytes.Buffer, number int) {
	space := "/DeviceRGB"
	if p.gray {
		space = "/DeviceGray"
	}
	fmt.Fprintf(out, "%d 0 obj\n<</Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace %s /BitsPerComponent 8 /Filter %s /Length %d>>\nstream\n",
		number, p.pixels.X, p.pixels.Y, space, p.filter, len(p.data))
	out.Write(p.data)
	out.WriteString("\nendstream\nendobj\n")
}
