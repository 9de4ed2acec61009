package export

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A namedImage is a file that is, says to be, or is close to being an image.
type namedImage struct {
	name string
	data []byte
}

// hostileImages are made once: what a report may hold where an image should be. The first is none at all.
var hostileImages = sync.OnceValue(func() []namedImage {
	photo := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for n := range photo.Pix {
		photo.Pix[n] = byte(n * 7)
	}
	deep := image.NewNRGBA64(image.Rect(0, 0, 9, 7))
	for n := range deep.Pix {
		deep.Pix[n] = byte(n * 11)
	}
	var frames gif.GIF
	for n := range 3 {
		frame := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.Black, color.White, color.Transparent})
		frame.Pix[n] = 1
		frames.Image, frames.Delay = append(frames.Image, frame), append(frames.Delay, 10)
	}
	var animated bytes.Buffer
	_ = gif.EncodeAll(&animated, &frames) // to a buffer
	truecolour, photograph := pngOf(photo), jpegOf(photo)
	wide := bytes.Clone(animated.Bytes())
	binary.LittleEndian.PutUint32(wide[6:], 0xFFFFFFFF) // 65,535 x 65,535
	interlaced := bytes.Clone(truecolour)
	interlaced[28] = 1
	binary.BigEndian.PutUint32(interlaced[29:], crc32.ChecksumIEEE(interlaced[12:29]))
	return []namedImage{
		{"nothing", nil},
		{"PNG", truecolour},
		{"PNG of 16 bits with alpha", pngOf(deep)},
		{"PNG of a palette", pngOf(frames.Image[0])},
		{"PNG of greys", pngOf(image.NewGray(image.Rect(0, 0, 5, 3)))},
		{"PNG of 1 x 5,000", pngOf(image.NewGray(image.Rect(0, 0, 1, 5000)))},
		{"PNG of 5,000 x 1", pngOf(image.NewGray(image.Rect(0, 0, 5000, 1)))},
		{"PNG that says 60,000 x 60,000", rawPNG(60_000, 60_000, 8, nil)},
		{"PNG that says 2,147,483,647 x 1", rawPNG(1<<31-1, 1, 8, nil)},
		{"PNG of no width", rawPNG(0, 7, 8, nil)},
		{"PNG of 20,000 x 20,000 in one colour", rawPNG(20_000, 20_000, 1, make([]byte, 20_000*(1+20_000/8)))},
		{"PNG whose rows are missing", rawPNG(400, 300, 8, make([]byte, 500))},
		{"PNG that says to be interlaced", interlaced},
		{"PNG with a wrong sum", append(bytes.Clone(truecolour[:40]), append([]byte{^truecolour[40]}, truecolour[41:]...)...)},
		{"half a PNG", truecolour[:len(truecolour)/2]},
		{"head of a PNG", truecolour[:8]},
		{"JPEG", photograph},
		{"JPEG of greys", jpegOf(image.NewGray(image.Rect(0, 0, 8, 8)))},
		{"JPEG of four inks", fourInks(false)},
		{"JPEG of four inks, as Adobe writes them", fourInks(true)},
		{"JPEG that says 65,535 x 65,535", resized(photograph, 65_535, 65_535)},
		{"JPEG of no width", resized(photograph, 0, 30)},
		{"half a JPEG", photograph[:len(photograph)/2]},
		{"head of a JPEG", photograph[:3]},
		{"animated GIF", animated.Bytes()},
		{"GIF that says 65,535 x 65,535", wide},
		{"head of a GIF", animated.Bytes()[:30]},
		{"GIF with a page behind it", append(bytes.Clone(animated.Bytes()), `<script>document.title="run"</script>`...)},
		{"JPEG with a page in it", append(append(bytes.Clone(photograph[:2]), "\xff\xfe\x00\x27<script>document.title='run'</script>"...), photograph[2:]...)},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="document.title='run'"><image href="http://127.0.0.1:9/canary.png"/></svg>`)},
		{"PDF", []byte("%PDF-1.7\n1 0 obj\n<</Type /Catalog /OpenAction <</S /JavaScript /JS (app.alert\\(1\\))>>>>\nendobj\n")},
		{"BMP", []byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x18\x00")},
	}
})

func pngOf(i image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, i) // to a buffer
	return b.Bytes()
}

func jpegOf(i image.Image) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, i, nil) // to a buffer
	return b.Bytes()
}

// rawPNG returns a file of greys of a size, with rows that may be others than such a one has.
func rawPNG(width, height uint32, depth byte, rows []byte) []byte {
	b := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		sum := crc32.NewIEEE()
		_ = binary.Write(b, binary.BigEndian, uint32(len(data)))
		for _, part := range [][]byte{[]byte(name), data} {
			sum.Write(part)
			b.Write(part)
		}
		_ = binary.Write(b, binary.BigEndian, sum.Sum32())
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(head, depth, 0, 0, 0, 0))
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	_, _ = z.Write(rows)
	_ = z.Close()
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return b.Bytes()
}

// segments calls f with the marker and the bytes of each segment of a JPEG up to its scan.
func segments(file []byte, f func(marker byte, segment []byte)) {
	for at := 2; at+4 <= len(file) && file[at] == 0xFF; {
		end := at + 2 + int(binary.BigEndian.Uint16(file[at+2:]))
		f(file[at+1], file[at:end])
		if file[at+1] == 0xDA {
			return
		}
		at = end
	}
}

// resized returns a JPEG that says to have another size.
func resized(file []byte, width, height uint16) []byte {
	file = bytes.Clone(file)
	segments(file, func(marker byte, s []byte) {
		if marker == 0xC0 {
			binary.BigEndian.PutUint16(s[5:], height)
			binary.BigEndian.PutUint16(s[7:], width)
		}
	})
	return file
}

// fourInks returns a JPEG of 8 x 8 pixels in cyan, magenta, yellow and black, which the standard library reads but does not write: the
// tables of one of greys, and four blocks without a difference in them.
func fourInks(adobe bool) []byte {
	b := bytes.NewBufferString("\xff\xd8")
	if adobe {
		b.WriteString("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
	}
	segments(jpegOf(image.NewGray(image.Rect(0, 0, 8, 8))), func(marker byte, s []byte) {
		switch marker {
		case 0xC0:
			b.WriteString("\xff\xc0\x00\x14\x08\x00\x08\x00\x08\x04\x01\x11\x00\x02\x11\x00\x03\x11\x00\x04\x11\x00")
		case 0xDA:
			// Twice each: no difference, 00, and end of block, 1010.
			b.WriteString("\xff\xda\x00\x0e\x04\x01\x00\x02\x00\x03\x00\x04\x00\x00\x3f\x00\x28\xa2\x8a\xff\xd9")
		default:
			b.Write(s)
		}
	})
	return b.Bytes()
}

// The images are what their names say, as far as the standard library can tell.
func TestHostileImages(t *testing.T) {
	whole := map[string]bool{
		"PNG": true, "PNG of 16 bits with alpha": true, "PNG of a palette": true, "PNG of greys": true, "PNG of 1 x 5,000": true, "PNG of 5,000 x 1": true,
		"JPEG": true, "JPEG of greys": true, "JPEG of four inks, as Adobe writes them": true, "JPEG with a page in it": true, "JPEG of no width": true,
		"animated GIF": true, "GIF with a page behind it": true,
	}
	total := 0
	for _, i := range hostileImages() {
		total += len(i.data)
		c, _, err := image.DecodeConfig(bytes.NewReader(i.data))
		if err == nil && int64(c.Width)*int64(c.Height) > 1e6 {
			assert.False(t, whole[i.name], i.name)
			continue
		}
		decoded, _, err := image.Decode(bytes.NewReader(i.data))
		assert.Equal(t, whole[i.name], err == nil, "%s: %v", i.name, err)
		if i.name == "JPEG of four inks, as Adobe writes them" {
			assert.IsType(t, &image.CMYK{}, decoded)
		}
	}
	require.Less(t, total, 200_000)
}
