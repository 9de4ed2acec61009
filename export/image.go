package export

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// images are what a report has of attached images.
type images struct {
	contents map[string][]byte
	leftOut  []string
	most     int // when some were left out
}

// readImages reads what is attached to comments that a report tells, as far as there is room for it.
func readImages(ctx context.Context, r storage.Reader, entries []activity.Entry, o Options) (images, error) {
	found := images{contents: map[string][]byte{}}
	if !o.wants(Activity) || o.Hide.Comments {
		return images{}, nil
	}
	room := int64(o.MaxImageBytes)
	seen := map[string]bool{}
	for _, e := range chronological(entries) {
		if e.Redacted {
			continue
		}
		for _, a := range e.Attachments {
			if seen[a.SHA256] {
				continue
			}
			seen[a.SHA256] = true
			var data []byte
			if a.Size <= room {
				var err error
				if data, err = r.Content(ctx, a.SHA256); errors.Is(err, storage.ErrNotFound) {
					continue
				} else if err != nil {
					return images{}, err
				}
			}
			if max(a.Size, int64(len(data))) > room {
				found.leftOut, found.most = append(found.leftOut, a.SHA256), o.MaxImageBytes
				continue
			}
			room -= int64(len(data))
			found.contents[a.SHA256] = data
		}
	}
	if len(found.contents) == 0 {
		found.contents = nil
	}
	return found, nil
}

// attached says what is attached to a comment.
func attached(a activity.Attachment) string {
	return fmt.Sprintf("Attached: %s, %s, %s, %d × %d pixels, SHA-256 %s",
		cmp.Or(a.Name, "[redacted]"), a.Type, bytesOf(a.Size), a.Width, a.Height, a.SHA256)
}

// picture is what a document shows of an image.
type picture struct {
	paper  *pdf.Picture // nil where there is none to show
	media  string       // of the content, "" where there is none to show
	size   image.Point
	remark string // why it is not shown, or not in full
}

// gallery holds the pictures of a report: each is decoded once, one after the other.
type gallery struct {
	images   map[string][]byte
	pictures map[string]picture
	screen   bool // what is attached is shown as it is
}

func (g gallery) picture(sha256 string) picture {
	data, ok := g.images[sha256]
	if !ok {
		return picture{}
	}
	p, ok := g.pictures[sha256]
	if !ok {
		p = g.decoded(sha256, data)
		g.pictures[sha256] = p
	}
	return p
}

func (g gallery) decoded(sha256 string, data []byte) (p picture) {
	defer func() {
		if recover() != nil { // no image is known that does this
			p = picture{remark: "Not shown: it cannot be decoded"}
		}
	}()
	img, a, err := incident.Image{Data: data}.Decode()
	switch invalid, ok := errors.AsType[*alert.FieldError](err); {
	case ok:
		return picture{remark: "Not shown: expected " + invalid.Want}
	case err != nil:
		return picture{remark: "Not shown: " + err.Error()}
	case a.SHA256 != sha256:
		return picture{remark: "Not shown: the content has the SHA-256 " + a.SHA256}
	}
	p.media, p.size = a.Type, image.Pt(a.Width, a.Height)
	if !g.screen {
		if p.paper, err = pdf.NewPicture(img, a.Type == "image/jpeg"); err != nil {
			return picture{remark: "Not shown: " + err.Error()}
		}
		if a.Type == "image/gif" && animated(data) {
			p.remark = "Of its pictures the first is shown"
		}
	}
	return p
}

// remark says what is to be said of an image that is shown as p.
func (r Report) remark(a activity.Attachment, p picture) string {
	if _, ok := r.Images[a.SHA256]; ok {
		return p.remark
	}
	if slices.Contains(r.ImagesLeftOut, a.SHA256) {
		return fmt.Sprintf("Not shown: with it, the images of this report would take more than %d bytes", r.MaxImageBytes)
	}
	return "Not shown: the content is missing"
}

// animated reports whether a GIF file has more than one picture. The file has been decoded as far as the first.
func animated(file []byte) bool {
	const trailer, extension, descriptor = 0x3B, 0x21, 0x2C
	table := func(flags byte) int { // bytes of a table of colours
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(file) < 13 {
		return false
	}
	pictures := 0
	for at := 13 + table(file[10]); at < len(file); {
		switch file[at] {
		case extension:
			at += 2
		case descriptor:
			if pictures++; pictures > 1 || at+9 >= len(file) {
				return pictures > 1
			}
			at += 11 + table(file[at+9])
		default:
			return false
		}
		for at < len(file) && file[at] != 0 { // blocks, to an empty one
			at += 1 + int(file[at])
		}
		at++
	}
	return false
}

// exhibit is an image below a comment.
type exhibit struct {
	Caption, Remark string
	ID              string       // of the first exhibit of an image
	Source          template.URL // of the image itself
	Alt             string
	Width, Height   int
	Above           string // ID of the exhibit that shows it

	attachment activity.Attachment
	redacted   bool
}

// showImages puts the images into the exhibits, each once.
func (o outline) showImages(ctx context.Context, r Report) {
	seen := gallery{images: r.Images, pictures: map[string]picture{}, screen: true}
	ids := map[string]string{}
	for _, part := range o.Parts {
		for _, b := range part.Blocks {
			for _, e := range b.Entries {
				for n := range e.Exhibits {
					f := &e.Exhibits[n]
					if f.redacted || ctx.Err() != nil {
						continue
					}
					hash := f.attachment.SHA256
					p := seen.picture(hash)
					f.Remark = r.remark(f.attachment, p)
					switch {
					case p.media == "":
					case ids[hash] != "":
						f.Above = ids[hash]
					default:
						f.ID = fmt.Sprintf("image-%d", len(ids)+1)
						ids[hash] = f.ID
						f.Source = template.URL("data:" + p.media + ";base64," + base64.StdEncoding.EncodeToString(r.Images[hash]))
						f.Alt, f.Width, f.Height = f.attachment.Name, p.size.X, p.size.Y
					}
				}
			}
		}
	}
}
