package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation returns how a JPEG or PNG file says that its picture is to be turned, from 1, which is not at
// all, to 8. Source: Exif 2.32, tag 0x0112. A file that is damaged or does not say it has 1.
func orientation(file []byte) int {
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8")):
		return inJPEG(file[2:])
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return inPNG(file[8:])
	}
	return 1
}

// inJPEG looks through the segments before the picture.
func inJPEG(rest []byte) int {
	const start, app1 = 0xda, 0xe1
	for len(rest) >= 4 && rest[0] == 0xff {
		kind, size := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if kind == 0xff { // filling
			rest = rest[1:]
			continue
		}
		if kind == start || size < 2 || 2+size > len(rest) {
			break
		}
		if data, ok := bytes.CutPrefix(rest[4:2+size], []byte("Exif\x00\x00")); ok && kind == app1 {
			return inExif(data)
		}
		rest = rest[2+size:]
	}
	return 1
}

// inPNG looks through the chunks.
func inPNG(rest []byte) int {
	for len(rest) >= 12 {
		size := uint64(binary.BigEndian.Uint32(rest))
		if size > uint64(len(rest)-12) {
			break
		}
		if string(rest[4:8]) == "eXIf" {
			return inExif(rest[8 : 8+size])
		}
		rest = rest[12+size:]
	}
	return 1
}

// inExif looks through the first directory of a TIFF structure.
func inExif(data []byte) int {
	const tag, short = 0x0112, 3
	if len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(data[:2]) == "MM" {
		order = binary.BigEndian
	} else if string(data[:2]) != "II" {
		return 1
	}
	at := uint64(order.Uint32(data[4:]))
	if order.Uint16(data[2:]) != 42 || at+2 > uint64(len(data)) {
		return 1
	}
	entries := data[at+2:]
	for range min(int(order.Uint16(data[at:])), len(entries)/12) {
		if order.Uint16(entries) == tag {
			if n := int(order.Uint16(entries[8:])); order.Uint16(entries[2:]) == short && n >= 1 && n <= 8 {
				return n
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
