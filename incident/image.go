package incident

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// Limits of the images of a comment; they are this library's.
const (
	MaxImages    = 10         // images of one comment
	MaxImage     = 5 << 20    // bytes of one image
	MaxPixels    = 20_000_000 // width times height of one image
	MaxImageName = 255        // bytes of its name
)

// An Image is a picture to be attached to a comment. The comment's Markdown refers to it as "attachment:" and the
// Name: ![the mail](attachment:mail.png).
//
// Name is a base name of 1 to [MaxImageName] bytes of UTF-8, without control characters and separators of paths,
// and is not "." or "..". It is never a path on a disk, and says nothing of what the image is: that is told by the
// first bytes of Data.
//
// Data is a PNG, JPEG or GIF file of at most [MaxImage] bytes and [MaxPixels] pixels. It must be whole: it is decoded
// to its end, of an animated GIF to the end of the first picture. What may stand in the file behind that is kept and
// not looked at, so whoever serves the image must do so under its Type alone.
type Image struct {
	Name string `json:"name"`
	Data []byte `json:"data,omitempty"`

	seen *inspection
}

// Inspect returns i with what is found in Data, right or wrong, so that [AddComment] need not decode it each time
// that it is asked. Decoding takes up to 24 bytes of memory a pixel. Data must not be changed afterwards.
func (i Image) Inspect() Image {
	found, _ := inspect(i.Data)
	i.seen = &found
	return i
}

// Decode returns the picture, of an animated GIF the first one, and what it is attached as under the Name of i. Data that may not be
// attached is an [*alert.FieldError]. Decoding takes up to 24 bytes of memory a pixel.
func (i Image) Decode() (image.Image, activity.Attachment, error) {
	found, picture := inspect(i.Data)
	if found.want != "" {
		return nil, activity.Attachment{}, &alert.FieldError{Field: "data", Value: found.value, Want: found.want}
	}
	found.attachment.Name = i.Name
	return picture, found.attachment, nil
}

// An inspection is what was found in an image.
type inspection struct {
	attachment  activity.Attachment // without a name
	value, want string              // what is wrong; want is "" when nothing is
}

// A format is a kind of image file that may be attached.
type format struct {
	magic, name, media string
	size               func(io.Reader) (image.Config, error)
	decode             func(io.Reader) (image.Image, error)
}

var formats = []format{
	{"\x89PNG\r\n\x1a\n", "PNG", "image/png", png.DecodeConfig, png.Decode},
	{"\xff\xd8", "JPEG", "image/jpeg", jpeg.DecodeConfig, jpeg.Decode},
	{"GIF8", "GIF", "image/gif", gif.DecodeConfig, gif.Decode},
}

// maxScans is how often a JPEG file of MaxPixels pixels may go over them all, a smaller one oftener. A file of
// a few kilobytes could keep a decoder busy for minutes else. Ten times is common.
const maxScans = 100

func inspect(data []byte) (inspection, image.Image) {
	wrong := func(value, want string) (inspection, image.Image) { return inspection{value: value, want: want}, nil }
	size := fmt.Sprintf("%d bytes", len(data))
	if len(data) > MaxImage {
		return wrong(size, fmt.Sprintf("at most %d bytes", MaxImage))
	}
	at := slices.IndexFunc(formats, func(f format) bool { return bytes.HasPrefix(data, []byte(f.magic)) })
	if at < 0 {
		return wrong(size, "a PNG, JPEG or GIF image")
	}
	f := formats[at]
	c, err := f.size(bytes.NewReader(data))
	pixels := int64(c.Width) * int64(c.Height)
	switch {
	case err != nil:
		return wrong(size, fmt.Sprintf("a %s image that can be decoded: %v", f.name, err))
	case c.Width < 1 || c.Height < 1 || pixels > MaxPixels:
		return wrong(fmt.Sprintf("%d×%d pixels", c.Width, c.Height), fmt.Sprintf("1 to %d pixels", MaxPixels))
	case f.media == "image/jpeg" && int64(bytes.Count(data, []byte("\xff\xda"))) > max(maxScans, maxScans*MaxPixels/pixels):
		return wrong(size, "a JPEG image that does not go over its pixels so often")
	}
	picture, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return wrong(size, fmt.Sprintf("a %s image that can be decoded: %v", f.name, err))
	}
	digest := sha256.Sum256(data)
	return inspection{attachment: activity.Attachment{
		Type: f.media, Size: int64(len(data)), Width: c.Width, Height: c.Height, SHA256: hex.EncodeToString(digest[:]),
	}}, picture
}

// images notes what is wrong with images, and returns what they are attached as and what they hold.
func (p *problems) images(images []Image) (attachments []activity.Attachment, contents []activity.Content) {
	if n := len(images); n > MaxImages {
		p.add("images", fmt.Sprint(n), fmt.Sprintf("at most %d", MaxImages))
		return nil, nil // they may be endless
	}
	for n, i := range images {
		field := fmt.Sprintf("images[%d].", n)
		p.imageName(field+"name", i.Name)
		if slices.ContainsFunc(images[:n], func(other Image) bool { return other.Name == i.Name }) {
			p.add(field+"name", i.Name, "a name that no other image of the comment has")
		}
		if i.seen == nil {
			i = i.Inspect()
		}
		if i.seen.want != "" {
			p.add(field+"data", i.seen.value, i.seen.want)
			continue
		}
		a := i.seen.attachment
		a.Name = i.Name
		attachments = append(attachments, a)
		if !slices.ContainsFunc(contents, func(c activity.Content) bool { return c.SHA256 == a.SHA256 }) {
			contents = append(contents, activity.Content{SHA256: a.SHA256, Data: i.Data})
		}
	}
	return attachments, contents
}

func (p *problems) imageName(field, name string) {
	switch {
	case !utf8.ValidString(name):
		p.add(field, name, "valid UTF-8")
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) || strings.ContainsFunc(name, unicode.IsControl):
		p.add(field, name, "a base name without separators and control characters")
	case len(name) > MaxImageName:
		p.add(field, name, fmt.Sprintf("at most %d bytes, not %d", MaxImageName, len(name)))
	}
}
