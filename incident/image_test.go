package incident_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// picture is a PNG image of a pixel.
func picture(name string) incident.Image {
	return incident.Image{Name: name, Data: pngOf(image.NewGray(image.Rect(0, 0, 1, 1)))}
}

func encoded(encode func(b *bytes.Buffer) error) []byte {
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

func pngOf(m image.Image) []byte {
	return encoded(func(b *bytes.Buffer) error { return png.Encode(b, m) })
}

func jpegOf(m image.Image) []byte {
	return encoded(func(b *bytes.Buffer) error { return jpeg.Encode(b, m, nil) })
}

// gifOf is an animation of pictures of that size.
func gifOf(pictures, width, height int) []byte {
	g := gif.GIF{}
	for range pictures {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	return encoded(func(b *bytes.Buffer) error { return gif.EncodeAll(b, &g) })
}

// pngHeader is the beginning of a PNG image that says it is that large.
func pngHeader(width, height uint32) []byte {
	chunk := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(chunk[4:], width)
	binary.BigEndian.PutUint32(chunk[8:], height)
	chunk[12], chunk[13] = 16, 6
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE(chunk))
}

// jpegScans is a progressive JPEG image of grey that goes over its pixels n times, in a few bytes each.
func jpegScans(width, height, n int) []byte {
	b := []byte{0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), 1, 1, 0x11, 0}
	b = append(b, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0) // the one code: many empty blocks
	for range n {
		b = append(b, 0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0)
		for blocks := (width + 7) / 8 * ((height + 7) / 8); blocks > 0; blocks -= 8 * 27306 {
			b = append(b, "\x55\x54\xaa\xa9\x55\x52\xaa\xa5\x55\x4a\xaa\x95\x55\x2a\xaa"...) // eight codes, of 27306 blocks each
		}
	}
	return append(b, 0xff, 0xd9)
}

// jpegCMYK is a JPEG image in the four colours of print.
func jpegCMYK() []byte {
	b := []byte("\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
	b = append(append(b, 0xff, 0xdb, 0, 67, 0), bytes.Repeat([]byte{1}, 64)...)
	b = append(b, 0xff, 0xc0, 0, 20, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	for _, class := range []byte{0x00, 0x10} {
		b = append(b, 0xff, 0xc4, 0, 20, class, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return append(b, 0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0, 0, 0xff, 0xd9)
}

func attach(images ...incident.Image) (incident.Effect, error) {
	return incident.AddComment(command(1), incident.Incident{ID: "i"}, incident.CommentDraft{Images: images})
}

func TestImagesThatAreAttached(t *testing.T) {
	square := image.Rect(0, 0, 3, 2)
	for name, c := range map[string]struct {
		data []byte
		typ  string
	}{
		"grey":                       {pngOf(image.NewGray(square)), "image/png"},
		"16 bits":                    {pngOf(image.NewNRGBA64(square)), "image/png"},
		"palette":                    {pngOf(image.NewPaletted(square, color.Palette{color.Black})), "image/png"},
		"JPEG":                       {jpegOf(image.NewRGBA(square)), "image/jpeg"},
		"CMYK":                       {jpegCMYK(), "image/jpeg"},
		"progressive":                {jpegScans(3, 2, 10), "image/jpeg"},
		"GIF":                        {gifOf(1, 3, 2), "image/gif"},
		"animated":                   {gifOf(50, 3, 2), "image/gif"},
		"animated, broken later":     {gifOf(2, 3, 2)[:len(gifOf(2, 3, 2))-9], "image/gif"},
		"with something else behind": {append(pngOf(image.NewGray(square)), "<script>alert(1)</script>"...), "image/png"},
		"as large as it may be":      {pngOf(image.NewPaletted(image.Rect(0, 0, 5000, 4000), color.Palette{color.Black, color.White})), "image/png"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := attach(incident.Image{Name: "a.exe", Data: c.data})
			require.NoError(t, err)
			require.Len(t, e.Activity[0].Attachments, 1)
			require.Len(t, e.Contents, 1)
			a, digest := e.Activity[0].Attachments[0], sha256.Sum256(c.data)
			size, _, err := image.DecodeConfig(bytes.NewReader(c.data))
			require.NoError(t, err)
			assert.Equal(t, c.typ, a.Type, "from the content, whatever the name says")
			assert.Equal(t, "a.exe", a.Name)
			assert.EqualValues(t, len(c.data), a.Size)
			assert.Equal(t, []int{size.Width, size.Height}, []int{a.Width, a.Height})
			assert.Equal(t, hex.EncodeToString(digest[:]), a.SHA256)
			assert.Equal(t, a.SHA256, e.Contents[0].SHA256)
			assert.Equal(t, c.data, e.Contents[0].Data)
			assert.Equal(t, 1, e.Incident.Comments)
		})
	}
}

// P3: what is no image, not whole, or far larger than its file, is refused.
func TestImagesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		data        []byte
		value, want string // value "" is the number of bytes
	}{
		"empty":               {nil, "", "a PNG, JPEG or GIF image"},
		"SVG":                 {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "", "a PNG, JPEG or GIF image"},
		"WebP":                {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "", "a PNG, JPEG or GIF image"},
		"BMP":                 {[]byte("BM\x46\x00\x00\x00"), "", "a PNG, JPEG or GIF image"},
		"a picture behind":    {append([]byte("<html>"), picture("").Data...), "", "a PNG, JPEG or GIF image"},
		"a beginning only":    {[]byte("\x89PNG\r\n\x1a\n"), "", "a PNG image that can be decoded: unexpected EOF"},
		"half a PNG":          {pngOf(image.NewGray(image.Rect(0, 0, 9, 9)))[:50], "", "a PNG image that can be decoded: png: invalid format: unexpected EOF"},
		"half a JPEG":         {jpegOf(image.NewGray(image.Rect(0, 0, 9, 9)))[:200], "", "a JPEG image that can be decoded: unexpected EOF"},
		"script for a GIF":    {[]byte("GIF89a/*\x01\x00\x00\x00*/=1;alert(1)"), "", "a GIF image that can be decoded: gif: "},
		"another JPEG":        {[]byte("\xff\xd8\xff\xc9"), "", "a JPEG image that can be decoded: "},
		"a PNG of 4 billion²": {pngHeader(1<<31-1, 1<<31-1), "", "a PNG image that can be decoded: "},
		"a PNG of 65535²":     {pngHeader(65535, 65535), "65535×65535 pixels", "1 to 20000000 pixels"},
		"a JPEG of 65535²":    {jpegScans(65535, 65535, 1), "65535×65535 pixels", "1 to 20000000 pixels"},
		"a GIF of 65535²":     {[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), "65535×65535 pixels", "1 to 20000000 pixels"},
		"a GIF of nothing":    {[]byte("GIF89a\x00\x00\x00\x00\x00\x00\x00"), "0×0 pixels", "1 to 20000000 pixels"},
		"a pixel too much":    {pngHeader(20_000_001, 1), "20000001×1 pixels", "1 to 20000000 pixels"},
		"endless scans":       {jpegScans(4000, 5000, 101), "", "a JPEG image that does not go over its pixels so often"},
		"too many bytes":      {append(picture("").Data, make([]byte, incident.MaxImage)...), "", "at most 5242880 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e, err := attach(incident.Image{Name: "a.png", Data: c.data})
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			assert.Zero(t, e)
			invalid, ok := errors.AsType[*alert.FieldError](err)
			require.True(t, ok)
			assert.Equal(t, "images[0].data", invalid.Field)
			assert.Equal(t, cmp.Or(c.value, fmt.Sprint(len(c.data), " bytes")), invalid.Value)
			assert.Contains(t, invalid.Want, c.want)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "nothing is made for what is too large")
		})
	}
}

// S1: a name is a name, and never leads anywhere.
func TestNamesOfImages(t *testing.T) {
	for _, name := range []string{"a.png", "ä 日本.png", " ", "...", "-rf", "a:b", strings.Repeat("x", 255)} {
		e, err := attach(picture(name))
		require.NoError(t, err, "%q", name)
		assert.Equal(t, name, e.Activity[0].Attachments[0].Name)
	}
	for _, name := range []string{"", ".", "..", "/etc/passwd", "../a.png", `..\a.png`, `C:\a.png`, "a/", "a\x00.png", "a\n", "\x7f", "a\u0085", "\xff.png", strings.Repeat("x", 256)} {
		_, err := attach(picture("good"), picture(name))
		_, ok := errorFor(err, "images[1].name")
		assert.True(t, ok, "%q: %v", name, err)
	}
}

// All that is wrong is said at once.
func TestEverythingThatIsWrongWithAComment(t *testing.T) {
	images := []incident.Image{picture("a"), {Name: "../b", Data: []byte("x")}, picture("a"), {Name: "c"}}
	_, err := incident.AddComment(command(1), incident.Incident{ID: "i"}, incident.CommentDraft{Text: "\xff", Images: images})
	for _, field := range []string{"text", "images[1].name", "images[1].data", "images[2].name", "images[3].data"} {
		_, ok := errorFor(err, field)
		assert.True(t, ok, field)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 5)
	inspected := make([]incident.Image, len(images))
	for n, i := range images {
		inspected[n] = i.Inspect()
	}
	_, again := incident.AddComment(command(1), incident.Incident{ID: "i"}, incident.CommentDraft{Text: "\xff", Images: inspected})
	assert.Equal(t, err, again, "whoever looked before")

	var many []incident.Image
	for n := range incident.MaxImages + 1 {
		many = append(many, picture(fmt.Sprint(n)))
	}
	_, err = attach(many...)
	_, ok := errorFor(err, "images")
	assert.True(t, ok)
	e, err := attach(many[1:]...)
	require.NoError(t, err)
	assert.Len(t, e.Activity[0].Attachments, incident.MaxImages)
	assert.Len(t, e.Contents, 1, "the same picture ten times")
	_, err = attach()
	_, ok = errorFor(err, "text")
	assert.True(t, ok, "a comment says something or shows something")
}

// Inspect keeps what it found.
func TestAnImageIsInspectedOnce(t *testing.T) {
	i := picture("a").Inspect()
	want, err := attach(i)
	require.NoError(t, err)
	clear(i.Data)
	got, err := attach(i)
	require.NoError(t, err, "it is not looked at again")
	assert.Equal(t, want, got)
}

// P3: whatever the bytes are, nothing panics, and what is attached is just what can be decoded and is not too large.
func FuzzImage(f *testing.F) {
	for _, data := range [][]byte{
		nil, pngOf(image.NewNRGBA64(image.Rect(0, 0, 2, 2))), pngOf(image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black})),
		jpegOf(image.NewRGBA(image.Rect(0, 0, 9, 9))), jpegCMYK(), jpegScans(9, 9, 3), gifOf(2, 2, 2), pngHeader(65535, 65535), pngHeader(3, 3),
		[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), []byte("\xff\xd8\xff"), append(gifOf(1, 1, 1), pngOf(image.NewGray(image.Rect(0, 0, 1, 1)))...),
	} {
		for n := 0; n < len(data); n += 1 + len(data)/9 {
			f.Add(data[:n])
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := attach(incident.Image{Name: "a", Data: data})
		size, format, bad := image.DecodeConfig(bytes.NewReader(data))
		within := bad == nil && len(data) <= incident.MaxImage && size.Width > 0 && size.Height > 0 && size.Width <= incident.MaxPixels/size.Height
		if within {
			_, _, bad = image.Decode(bytes.NewReader(data))
		}
		if err != nil {
			require.ErrorIs(t, err, alert.ErrInvalid)
			require.True(t, !within || bad != nil || bytes.Count(data, []byte("\xff\xda")) > 100, "%v", err)
			return
		}
		require.True(t, within && bad == nil)
		a := e.Activity[0].Attachments[0]
		require.Equal(t, "image/"+format, a.Type)
		require.Equal(t, size.Width, a.Width)
		require.Equal(t, size.Height, a.Height)
	})
}

// What may be attached can be decoded again by whoever shows it, and what may not says why.
func TestImagesAreDecoded(t *testing.T) {
	for media, data := range map[string][]byte{
		"image/png": pngOf(image.NewGray(image.Rect(0, 0, 5, 4))), "image/jpeg": jpegOf(image.NewGray(image.Rect(0, 0, 5, 4))), "image/gif": gifOf(3, 5, 4),
	} {
		picture, a, err := incident.Image{Name: "shot", Data: data}.Decode()
		require.NoError(t, err, media)
		sum := sha256.Sum256(data)
		assert.Equal(t, image.Pt(5, 4), picture.Bounds().Size(), media)
		assert.Equal(t, activity.Attachment{Name: "shot", Type: media, Size: int64(len(data)), Width: 5, Height: 4, SHA256: hex.EncodeToString(sum[:])}, a)
		_, _, err = incident.Image{Data: data[:20]}.Decode()
		assert.ErrorIs(t, err, alert.ErrInvalid, media)
	}
}
