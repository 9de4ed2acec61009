package pdf

import (
	"bytes"
	"image"
	colors "image/color"
	"image/color/palette"
	"image/draw"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// scene is an image of a kind, with a gradient and, where the kind has any, a transparent corner.
func scene(kind string, r image.Rectangle) image.Image {
	var m draw.Image
	switch kind {
	case "rgba":
		m = image.NewRGBA(r)
	case "nrgba64":
		m = image.NewNRGBA64(r)
	case "gray":
		m = image.NewGray(r)
	case "gray16":
		m = image.NewGray16(r)
	case "cmyk":
		m = image.NewCMYK(r)
	case "palette":
		m = image.NewPaletted(r, append(colors.Palette{colors.Transparent}, palette.WebSafe...))
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := colors.NRGBA{uint8(x * 3), uint8(y * 5), uint8(x ^ y), 255}
			if x-r.Min.X < 3 && y-r.Min.Y < 3 {
				c.A = 0
			}
			m.Set(x, y, c)
		}
	}
	return m
}

// Each pixel is the mean of those that it stands for, on white.
func TestPicturesAreReducedToMeans(t *testing.T) {
	for _, kind := range []string{"rgba", "nrgba64", "gray", "gray16", "cmyk", "palette"} {
		for _, size := range []image.Point{{7, 5}, {1, 1}, {13, 4}, {40, 30}} {
			from := image.Rect(11, -4, 51, 26)
			img := scene(kind, from)
			small, gray := reduced(img, size)
			assert.Equal(t, strings.HasPrefix(kind, "gray"), gray, kind)
			require.Equal(t, size, small.Bounds().Size())
			for y := range size.Y {
				for x := range size.X {
					var sum [3]float64
					n := 0.0
					for sy := y * 30 / size.Y; sy < (y+1)*30/size.Y; sy++ {
						for sx := x * 40 / size.X; sx < (x+1)*40/size.X; sx++ {
							r, g, b, a := img.At(from.Min.X+sx, from.Min.Y+sy).RGBA()
							for i, v := range []uint32{r, g, b} {
								sum[i] += float64(v+0xFFFF-a) / 257
							}
							n++
						}
					}
					r, g, b, _ := small.At(x, y).RGBA()
					for i, v := range []uint32{r, g, b} {
						require.InDelta(t, sum[i]/n, float64(v)/257, 1.51, "%s %v at %d,%d", kind, size, x, y)
					}
				}
			}
		}
	}
}

func TestOnlyGrayPicturesAreGray(t *testing.T) {
	for c, want := range map[colors.RGBA]bool{{9, 9, 9, 255}: true, {9, 9, 8, 255}: false, {9, 8, 8, 255}: false, {0, 0, 0, 0}: true} {
		m := image.NewRGBA(image.Rect(0, 0, 3, 3))
		draw.Draw(m, m.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		_, gray := reduced(m, image.Pt(2, 2))
		assert.Equal(t, want, gray, "%v", c)
	}
}

// blank is an image of any size that takes no memory.
type blank struct{ image.Rectangle }

func (blank) ColorModel() colors.Model  { return colors.GrayModel }
func (b blank) Bounds() image.Rectangle { return b.Rectangle }
func (blank) At(int, int) colors.Color  { return colors.White }

// However large or long a picture is, it keeps its shape, is not enlarged, and has pixels enough for print and no more.
func TestSizesOfPictures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 900), rapid.IntRange(900, 2000))
		w, h := side.Draw(t, "width"), side.Draw(t, "height")
		if w*h > 400_000 {
			h = 1 + h%50
		}
		p, err := NewPicture(blank{image.Rect(0, 0, w, h)}, rapid.Bool().Draw(t, "photo"))
		require.NoError(t, err)
		down := mostDown
		if 2*h > 5*w { // it may take pages
			down = max(down, mostTall/min(w, mostAcross))
		}
		if p.pixels.X > mostAcross || p.pixels.Y > down || p.pixels.X > w || p.pixels.Y > h || p.pixels.X < 1 || p.pixels.Y < 1 {
			t.Fatalf("%v", p.pixels)
		}
		if w <= mostAcross && h <= down && p.pixels != image.Pt(w, h) {
			t.Fatalf("%v of %d × %d", p.pixels, w, h)
		}
		room := rapid.IntRange(1, 500*point).Draw(t, "room")
		width, height := p.size(room, 300*point)
		if width > min(room, w*pixel) || height > min(300*point, h*pixel) {
			t.Fatalf("%d × %d of %d × %d in %d", width, height, w, h, room)
		}
		if want := float64(height) * float64(w) / float64(h); width > 2000 && height > 2000 && math.Abs(float64(width)-want) > 0.01*want+2 {
			t.Fatalf("%d × %d of %d × %d", width, height, w, h)
		}
	})
	_, err := NewPicture(blank{}, false)
	assert.Error(t, err)
}

// A picture is in the file once, however often it is drawn, and the same calls give the same file: pictures of one width too.
func TestPicturesInAFile(t *testing.T) {
	draw := func() *Document {
		d := New(t.Context(), Options{Attachments: []Attachment{{Name: "data.json", Data: []byte("{}")}}})
		var blocks []Block
		for n := range 12 {
			p, err := NewPicture(scene([]string{"rgba", "gray", "cmyk"}[n%3], image.Rect(n, 0, n+30, 20)), n%2 == 0)
			require.NoError(t, err)
			b := Block{Kind: PictureBlock, Picture: p, Spans: []Span{{Text: "/XObject <<\n /P0 Do"}}}
			blocks = append(blocks, b, b)
		}
		d.Table(Table{Columns: []Column{{Title: "/XObject <<"}}, Rows: [][]Cell{{{Text: "row"}}}, Flows: [][]Block{blocks}})
		return d
	}
	d := draw()
	file := output(t, d)
	assert.True(t, bytes.Equal(file, output(t, draw())))
	assert.True(t, bytes.Equal(file, output(t, d)))
	assert.Equal(t, 12, bytes.Count(file, []byte("/Subtype /Image")))
	out := tool(t, file, "qpdf", "--check", "FILE")
	assert.Contains(t, out, "No syntax or stream encoding errors found")
	assert.NotContains(t, strings.ToLower(out), "warning")
	list := strings.Split(strings.TrimSpace(tool(t, file, "pdfimages", "-list", "FILE")), "\n")
	assert.Len(t, list, 2+24)
	assert.Contains(t, list[2], "  30    20  rgb     3   8  jpeg ")
	assert.Equal(t, "{}", tool(t, file, "qpdf", "--show-attachment=data.json", "FILE"))
	assert.Contains(t, list[4], "  30    20  gray    1   8  image")
}

func TestPicturesNeedResources(t *testing.T) {
	for _, object := range []string{"", "2 0 obj\n<<\n/XObject <<\n/XObject <<\n>>\nendobj\n"} {
		_, err := named([]byte(object), []*Picture{{}}, 9)
		assert.Error(t, err)
	}
}
