package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// pack compresses the streams of a file that fpdf wrote uncompressed, and puts
// pictures and attachments of a time into it. fpdf makes a compressor of a
// megabyte for each page; this uses z for all of them. It relies on the form that
// fpdf gives to its objects, the second of which are the resources, and the last
// the properties and the catalog; anything else is an error.
func pack(file []byte, z *zlib.Writer, pictures []*Picture, files []Attachment, at time.Time) ([]byte, error) {
	objects, end, trailer, err := readTable(file)
	if err != nil {
		return nil, err
	}
	count := len(objects)
	size := fmt.Appendf(nil, "/Size %d\n/Root %d 0 R\n/Info %d 0 R\n", count+1, count, count-1)
	if !bytes.Contains(trailer, size) {
		return nil, fmt.Errorf("a trailer of %q", trailer)
	}
	var out, stream bytes.Buffer
	out.Grow(len(file) / 2)
	offsets := make([]int, count, count+len(pictures)+2*len(files))
	compress := func(content []byte) ([]byte, error) {
		stream.Reset()
		z.Reset(&stream)
		if _, err := z.Write(content); err != nil {
			return nil, err
		}
		err := z.Close()
		return stream.Bytes(), err
	}
	for i, o := range objects {
		to := end
		if i+1 < len(objects) {
			to = objects[i+1].offset
		}
		if i == 0 {
			// A letter beyond ASCII tells those who transfer the file that it is not text.
			out.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
		}
		offsets[o.number-1] = out.Len()
		object := file[o.offset:to]
		content, found := cutStream(object, o.number)
		if !found {
			switch {
			case o.number == 2 && len(pictures) > 0:
				object, err = named(object, pictures, count+1)
			case o.number == count-1:
				object = inUTC(object)
			case o.number == count:
				object, err = catalog(object, files, count+len(pictures)+2)
			}
			if err != nil {
				return nil, err
			}
			out.Write(object)
			continue
		}
		compressed, err := compress(content)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%d 0 obj\n<</Filter /FlateDecode /Length %d>>\nstream\n", o.number, len(compressed))
		out.Write(compressed)
		out.WriteString("\nendstream\nendobj\n")
	}
	for _, p := range pictures {
		offsets = append(offsets, out.Len())
		p.write(&out, len(offsets))
	}
	for _, a := range files {
		compressed, err := compress(a.Data)
		if err != nil {
			return nil, err
		}
		for _, object := range a.attach(len(offsets)+1, at, compressed) {
			offsets = append(offsets, out.Len())
			out.Write(object)
		}
	}
	trailer = bytes.Replace(trailer, size, fmt.Appendf(nil, "/Size %d\n/Root %d 0 R\n/Info %d 0 R\n", len(offsets)+1, count, count-1), 1)
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	out.Write(trailer)
	fmt.Fprintf(&out, "startxref\n%d\n%%%%EOF\n", start)
	return out.Bytes(), nil
}

type object struct{ number, offset int }

// readTable returns the objects of a file as they follow each other, where the
// last one ends, and the trailer.
func readTable(file []byte) (objects []object, end int, trailer []byte, err error) {
	const start, entry = "startxref\n", "0000000000 00000 n \n"
	tail := bytes.LastIndex(file, []byte(start))
	middle := bytes.LastIndex(file, []byte("trailer\n"))
	if middle < 0 || tail < middle {
		return nil, 0, nil, errors.New("no trailer")
	}
	number, _, _ := bytes.Cut(file[tail+len(start):], []byte("\n"))
	end, err = strconv.Atoi(string(number))
	if err != nil || end < 0 || end > middle {
		return nil, 0, nil, fmt.Errorf("a cross-reference table at %.20q", number)
	}
	rest, found := bytes.CutPrefix(file[end:middle], []byte("xref\n0 "))
	number, rest, _ = bytes.Cut(rest, []byte("\n"))
	count, err := strconv.Atoi(string(number))
	if !found || err != nil || count < 1 || len(rest) != count*len(entry) {
		return nil, 0, nil, fmt.Errorf("a cross-reference table of %.20q", number)
	}
	for n := 1; n < count; n++ {
		at, err := strconv.Atoi(string(rest[n*len(entry):][:10]))
		if err != nil || at < 0 || at > end {
			return nil, 0, nil, fmt.Errorf("object %d at %q", n, rest[n*len(entry):][:10])
		}
		objects = append(objects, object{n, at})
	}
	slices.SortFunc(objects, func(a, b object) int { return a.offset - b.offset })
	return objects, end, file[middle:tail], nil
}

// cutStream returns the content of an object that is nothing but an uncompressed
// stream.
func cutStream(object []byte, number int) (content []byte, found bool) {
	rest, found := bytes.CutPrefix(object, fmt.Appendf(nil, "%d 0 obj\n<</Length ", number))
	if !found {
		return nil, false
	}
	digits, rest, found := bytes.Cut(rest, []byte(">>\nstream\n"))
	if !found {
		return nil, false
	}
	length, err := strconv.Atoi(string(digits))
	if err != nil || length < 0 || length > len(rest) || string(rest[length:]) != "\nendstream\nendobj\n" {
		return nil, false
	}
	return rest[:length], true
}
