package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// exif returns Exif data that says an orientation.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	mark := "II"
	if order.String() == binary.BigEndian.String() {
		mark = "MM"
	}
	data := order.AppendUint16([]byte(mark), 42)
	data = order.AppendUint32(data, 8)
	data = order.AppendUint16(data, 2)
	for _, entry := range [][2]uint16{{0x010f, 7}, {0x0112, orientation}} { // the maker before
		data = order.AppendUint16(data, entry[0])
		data = order.AppendUint16(data, 3)
		data = order.AppendUint32(data, 1)
		data = order.AppendUint16(data, entry[1])
		data = order.AppendUint16(data, 0)
	}
	return order.AppendUint32(data, 0)
}

// asJPEG returns a file with Exif data behind a comment.
func asJPEG(t *testing.T, img image.Image, data []byte) []byte {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}))
	data = append([]byte("Exif\x00\x00"), data...)
	head := append([]byte("\xff\xd8\xff\xfe\x00\x04hi\xff\xe1"), byte((len(data)+2)>>8), byte(len(data)+2))
	return append(append(head, data...), b.Bytes()[2:]...)
}

// asPNG returns a file with Exif data before the pixels.
func asPNG(t *testing.T, img image.Image, data []byte) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	const header = 8 + 12 + 13
	chunk := append([]byte("eXIf"), data...)
	out := binary.BigEndian.AppendUint32(bytes.Clone(b.Bytes()[:header]), uint32(len(data)))
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, b.Bytes()[header:]...)
}

// A picture that is one third red at its top left is so again, whatever way the camera was held.
func TestPicturesAreUpright(t *testing.T) {
	red, blue := color.RGBA{R: 0xff, A: 0xff}, color.RGBA{B: 0xff, A: 0xff}
	upright := image.NewRGBA(image.Rect(0, 0, 48, 32))
	draw.Draw(upright, upright.Bounds(), image.NewUniform(blue), image.Point{}, draw.Src)
	draw.Draw(upright, image.Rect(0, 0, 16, 16), image.NewUniform(red), image.Point{}, draw.Src)
	// What the sensor saw: the inverse of what the orientation asks for.
	stored := map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return 47 - x, y },
		3: func(x, y int) (int, int) { return 47 - x, 31 - y },
		4: func(x, y int) (int, int) { return x, 31 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, 47 - x },
		7: func(x, y int) (int, int) { return 31 - y, 47 - x },
		8: func(x, y int) (int, int) { return 31 - y, x },
	}
	for n, place := range stored {
		size := image.Pt(48, 32)
		if n >= 5 {
			size = image.Pt(32, 48)
		}
		seen := image.NewRGBA(image.Rectangle{Max: size})
		for y := range 32 {
			for x := range 48 {
				atX, atY := place(x, y)
				seen.Set(atX, atY, upright.At(x, y))
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			for name, file := range map[string][]byte{
				"JPEG": asJPEG(t, seen, exif(order, uint16(n))), "PNG": asPNG(t, seen, exif(order, uint16(n))),
			} {
				p := Decode(doc.Image{Data: file})
				require.NotNil(t, p.Image, p.Remark)
				assert.Equal(t, image.Rect(0, 0, 48, 32), p.Image.Bounds(), "%s %d %s", name, n, order)
				for y := range 32 {
					for x := range 48 {
						r, _, b, _ := p.Image.At(x, y).RGBA()
						wantR, _, wantB, _ := upright.At(x, y).RGBA()
						require.InDelta(t, wantR, r, 0x2000, "%s %d %s at %d, %d", name, n, order, x, y)
						require.InDelta(t, wantB, b, 0x2000)
					}
				}
			}
		}
	}
}

// A picture without a way to turn it, or with a damaged one, is shown as it is.
func TestPicturesWithoutAnOrientation(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 40, 20))
	for _, data := range [][]byte{
		nil, []byte("II"), []byte("XX*\x00\x08\x00\x00\x00"), exif(binary.BigEndian, 0), exif(binary.BigEndian, 9), exif(binary.LittleEndian, 0x600),
		exif(binary.BigEndian, 6)[:20], append([]byte("II*\x00\xff\xff\xff\xff"), make([]byte, 40)...),
	} {
		for _, file := range [][]byte{asJPEG(t, img, data), asPNG(t, img, data)} {
			p := Decode(doc.Image{Data: file})
			require.NotNil(t, p.Image, p.Remark)
			assert.Equal(t, img.Bounds(), p.Image.Bounds())
		}
	}
}

func TestWhatCannotBeShown(t *testing.T) {
	var still, moving bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.White, color.Black})
	require.NoError(t, gif.EncodeAll(&still, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}}))
	require.NoError(t, gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{0, 0}}))
	for want, i := range map[string]doc.Image{
		"":                  {Data: still.Bytes()},
		"First frame shown": {Data: moving.Bytes()},
		"Not shown: expected a PNG, JPEG or GIF image":                 {Data: []byte("no image")},
		"Not shown: the content has the SHA-256 " + sum(still.Bytes()): {Data: still.Bytes(), SHA256: "00"},
	} {
		p := Decode(i)
		assert.Equal(t, want, p.Remark)
		assert.Equal(t, p.Media != "", p.Image != nil)
	}
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

func FuzzOrientation(f *testing.F) {
	for n := range uint16(10) {
		f.Add(append([]byte("\xff\xd8\xff\xe1\x00\x30Exif\x00\x00"), exif(binary.BigEndian, n)...))
		f.Add(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x26eXIf"), exif(binary.LittleEndian, n)...))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if n := orientation(file); n < 1 || n > 8 {
			t.Error(fmt.Sprint(n))
		}
	})
}
