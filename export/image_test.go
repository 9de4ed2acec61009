package export

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// shot is an image file of a size and a shade.
func shot(kind string, width, height, shade int) []byte {
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Gray{uint8(shade)}, color.RGBA{200, uint8(shade), 0, 255}, color.Transparent})
	for i := range m.Pix {
		m.Pix[i] = uint8(i / 7 % 3)
	}
	var b bytes.Buffer
	switch kind {
	case "png":
		_ = png.Encode(&b, m)
	case "jpeg":
		_ = jpeg.Encode(&b, m, nil)
		// What cameras say of where they were.
		exif := append([]byte{0xFF, 0xE1, 0, 20}, "Exif\x00\x00SECRET-PLACE"...)
		return slices.Insert(b.Bytes(), 2, exif...)
	case "gif":
		_ = gif.Encode(&b, m, nil)
	case "animation":
		_ = gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{m, m, m}, Delay: []int{1, 1, 1}, LoopCount: 3})
	case "interlaced":
		var pixels bytes.Buffer
		z := zlib.NewWriter(&pixels)
		_, _ = z.Write([]byte{0, byte(shade), 0, 80, 0, 160, 240}) // the 1st, 6th and 7th pass over 2 × 2 pixels
		_ = z.Close()
		b.WriteString("\x89PNG\r\n\x1a\n")
		for _, chunk := range []string{"IHDR\x00\x00\x00\x02\x00\x00\x00\x02\x08\x00\x00\x00\x01", "IDAT" + pixels.String(), "IEND"} {
			_ = binary.Write(&b, binary.BigEndian, uint32(len(chunk)-4))
			b.WriteString(chunk)
			_ = binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE([]byte(chunk)))
		}
	}
	return b.Bytes()
}

// picturesOf is a report of one comment with these files attached.
func picturesOf(files ...[]byte) Report {
	r := commented("See below.")
	r.Images = map[string][]byte{}
	for n, f := range files {
		_, a, _ := incident.Image{Name: fmt.Sprintf("shot%d", n), Data: f}.Decode()
		a.Name, a.Size, a.SHA256 = fmt.Sprintf("shot%d", n), int64(len(f)), hashOf(f)
		r.Activity[0].Attachments = append(r.Activity[0].Attachments, a)
		r.Images[a.SHA256] = f
	}
	return r
}

// Collect reads what is attached to comments, each content once, as far as there is room, but nothing of what was redacted or is hidden.
func TestCollectReadsImages(t *testing.T) {
	files := [][]byte{shot("png", 30, 20, 1), shot("jpeg", 300, 200, 2), shot("gif", 30, 20, 3), shot("png", 9, 9, 4)}
	var attachments []activity.Attachment
	var contents []activity.Content
	for _, f := range files {
		_, a, err := incident.Image{Name: "shot", Data: f}.Decode()
		require.NoError(t, err)
		attachments = append(attachments, a)
		contents = append(contents, activity.Content{SHA256: a.SHA256, Data: f})
	}
	c, entries := sample(t, 1)
	c.Incident.Number, c.Incident.Version = 0, 0
	for n := range entries {
		entries[n].Seq, entries[n].ID = 0, activity.ID(fmt.Sprint("e/", n))
	}
	comment := func(n int, a ...activity.Attachment) activity.Entry {
		return activity.Entry{ID: activity.ID(fmt.Sprint("c/", n)), Time: start, Incident: "inc-1", Type: activity.Commented, Actor: activity.Actor{ID: "mira"}, Text: "x", Attachments: a}
	}
	redacted := comment(3, attachments[3]).Redact()
	entries = append(entries, comment(1, attachments[:2]...), comment(2, attachments[1], attachments[2]), redacted)
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{c.Incident}, Alerts: c.Alerts, Activity: entries, Contents: contents[:3]})
	require.NoError(t, err)
	collected := func(o *Options) Report {
		r, err := CollectFrom(t.Context(), s, "inc-1", o)
		require.NoError(t, err)
		return r
	}

	r := collected(nil)
	assert.Equal(t, map[string][]byte{hashOf(files[0]): files[0], hashOf(files[1]): files[1], hashOf(files[2]): files[2]}, r.Images)
	assert.Zero(t, r.MaxImageBytes)
	assert.Empty(t, r.ImagesLeftOut)
	var back Report
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, r.Images, back.Images)

	room := len(files[0]) + len(files[2])
	r = collected(&Options{MaxImageBytes: room})
	assert.ElementsMatch(t, []string{hashOf(files[0]), hashOf(files[2])}, slices.Collect(maps.Keys(r.Images)), "as many as there is room for")
	assert.Equal(t, []string{hashOf(files[1])}, r.ImagesLeftOut)
	assert.Equal(t, room, r.MaxImageBytes)
	for name, got := range map[string]string{"pdf": text(t, render(t, r)), "html": squeeze(written(t, WriteHTML, r))} {
		assert.Equal(t, 2, strings.Count(got, squeeze(fmt.Sprintf("Not shown: with it, the images of this report would take more than %d bytes", room))), name)
	}
	assert.NotContains(t, collected(&Options{MaxImageBytes: len(files[1])}).Images, hashOf(files[1]), "would fit alone")
	for _, o := range []Options{{Hide: Hidden{Comments: true}}, {Sections: []Section{Overview}}, {MaxImageBytes: 1}} {
		assert.Nil(t, collected(&o).Images, "%+v", o)
	}
	x := NewExporter(openTo(s), nil)
	few, err := x.Export(t.Context(), kai, "inc-1", JSON, &Options{MaxImageBytes: 1})
	require.NoError(t, err)
	_, err = few.Wait(t.Context())
	require.NoError(t, err)
	all, err := x.Export(t.Context(), kai, "inc-1", JSON, nil)
	require.NoError(t, err)
	assert.Equal(t, Preparing, all.Progress().State, "other options, another document")

	lost := errors.New("disk is gone")
	_, err = CollectFrom(t.Context(), failingContents{s, lost}, "inc-1", nil)
	assert.ErrorIs(t, err, lost)
	r, err = CollectFrom(t.Context(), failingContents{s, storage.ErrNotFound}, "inc-1", nil)
	require.NoError(t, err, "what the storage does not have is said, and no error")
	assert.Nil(t, r.Images)
	assert.Contains(t, text(t, render(t, r)), squeeze("Not shown: the content is missing"))
	r, err = CollectFrom(t.Context(), failingContents{Storage: s}, "inc-1", nil)
	require.NoError(t, err)
	assert.NotContains(t, r.Images, hashOf(files[3]), "redacted, though a storage has it")
	assert.Len(t, r.Images, 3)
}

// failingContents has no contents, or without an error something for each.
type failingContents struct {
	storage.Storage
	err error
}

func (s failingContents) View(ctx context.Context, fn func(storage.Reader) error) error {
	return s.Storage.View(ctx, func(r storage.Reader) error { return fn(failingReader{r, s.err}) })
}

type failingReader struct {
	storage.Reader
	err error
}

func (r failingReader) Content(context.Context, string) ([]byte, error) { return []byte("x"), r.err }

// All kinds of images are drawn below their comment, each embedded once however often it is attached, and nothing of a file is
// embedded but its pixels.
func TestImagesInThePDF(t *testing.T) {
	files := [][]byte{
		shot("png", 30, 20, 1), shot("jpeg", 30, 20, 2), shot("gif", 30, 20, 3), shot("animation", 30, 20, 4), shot("interlaced", 2, 2, 5), shot("png", 2000, 1500, 6),
		shot("png", 3, 900, 7),
	}
	r := picturesOf(files...)
	r.Activity = append(r.Activity, r.Activity[0])
	file := render(t, r)
	assert.True(t, bytes.Equal(file, render(t, r)))
	assert.Equal(t, len(files), bytes.Count(file, []byte("/Subtype /Image")))
	assert.Len(t, strings.Split(strings.TrimSpace(tool(t, file, "pdfimages", "-list", "FILE")), "\n"), 2+2*len(files))
	assert.Contains(t, string(files[1]), "SECRET-PLACE")
	assert.NotContains(t, string(file), "SECRET-PLACE")
	assert.Contains(t, tool(t, file, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
	got := text(t, file)
	for _, a := range r.Activity[0].Attachments {
		assert.Equal(t, 2, strings.Count(got, squeeze("Attached: "+a.Name+", "+a.Type)))
	}
	assert.Equal(t, 2, strings.Count(got, squeeze("First frame shown")), "the animation's")
	assert.NotContains(t, got, "Notshown")

	r.Activity[1].Redacted, r.Images = true, nil
	got = text(t, render(t, r))
	assert.Equal(t, len(files), strings.Count(got, squeeze("Not shown: the content is missing")), "not of what was redacted")
}

// A report may come from anywhere, and what it has for images with it: what is none is said to be none, in every document.
func TestWhatIsNoImageIsSaid(t *testing.T) {
	good := shot("png", 30, 20, 1)
	bomb := bytes.Clone(good)
	binary.BigEndian.PutUint32(bomb[16:], 15_000)
	binary.BigEndian.PutUint32(bomb[20:], 15_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":     {nil, "a PNG, JPEG or GIF image"},
		"text":      {[]byte("<svg onload=alert(1)>"), "a PNG, JPEG or GIF image"},
		"truncated": {good[:len(good)-20], "a PNG image that can be decoded: png: invalid format: unexpected EOF"},
		"header":    {good[:20], "a PNG image that can be decoded"},
		"jpeg":      {[]byte("\xff\xd8\xff\xd9"), "a JPEG image that can be decoded"},
		"gif":       {[]byte("GIF89a"), "a GIF image that can be decoded"},
		"bomb":      {bomb, fmt.Sprintf("1 to %d pixels", incident.MaxPixels)},
		"large":     {append(good, make([]byte, incident.MaxImage)...), fmt.Sprintf("at most %d bytes", incident.MaxImage)},
	} {
		r := picturesOf(c.file)
		want := squeeze("Not shown: expected " + c.want)
		assert.Contains(t, text(t, render(t, r)), want, name)
		page := written(t, WriteHTML, r)
		assert.Contains(t, squeeze(inert(t, page)), want, name)
		assert.NotContains(t, page, "<img", name)
		assert.Contains(t, strings.ReplaceAll(written(t, WriteMarkdown, r), `\`, ""), hashOf(c.file), name)
	}
	r := picturesOf(good)
	other := strings.Repeat("0f", 32)
	r.Images = map[string][]byte{other: good}
	r.Activity[0].Attachments[0].SHA256 = other
	want := squeeze("Not shown: the content has the SHA-256 " + hashOf(good))
	assert.Contains(t, text(t, render(t, r)), want)
	assert.Contains(t, squeeze(written(t, WriteHTML, r)), want)
}

// HTML has the images themselves, each once, so that whoever has the page can check their hashes.
func TestImagesInHTML(t *testing.T) {
	files := [][]byte{shot("png", 30, 20, 1), shot("jpeg", 31, 21, 2), shot("animation", 32, 22, 3)}
	r := picturesOf(files...)
	r.Activity[0].Attachments[0].Name = `"><script>alert(1)</script>`
	r.Activity = append(r.Activity, r.Activity[0])
	page := written(t, WriteHTML, r)
	inert(t, page)
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	ids, links, n := map[string]bool{}, 0, 0
	for node := range root.Descendants() {
		attrs := map[string]string{}
		for _, a := range node.Attr {
			attrs[a.Key] = a.Val
		}
		switch node.Data {
		case "figure":
			ids["#"+attrs["id"]] = true
		case "img":
			a := r.Activity[0].Attachments[n]
			_, content, _ := strings.Cut(attrs["src"], ",")
			data, err := base64.StdEncoding.DecodeString(content)
			require.NoError(t, err)
			assert.Equal(t, "data:"+a.Type+";base64", strings.SplitN(attrs["src"], ",", 2)[0])
			assert.Equal(t, a.SHA256, hashOf(data))
			assert.Equal(t, []string{a.Name, fmt.Sprint(30 + n), fmt.Sprint(20 + n)}, []string{attrs["alt"], attrs["width"], attrs["height"]})
			n++
		case "a":
			if strings.HasPrefix(attrs["href"], "#image") {
				assert.True(t, ids[attrs["href"]])
				links++
			}
		}
	}
	assert.Equal(t, []int{3, 3}, []int{n, links})

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, WriteHTML(ctx, new(bytes.Buffer), r), context.Canceled)
}

// FuzzImage looks for an attached file that cannot be drawn or shown.
func FuzzImage(f *testing.F) {
	for _, kind := range []string{"png", "jpeg", "gif", "animation", "interlaced"} {
		f.Add(shot(kind, 3, 2, 9))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && c.Width*c.Height > 100_000 {
			return // takes its time
		}
		r := picturesOf(file)
		render(t, r)
		inert(t, written(t, WriteHTML, r))
	})
}
