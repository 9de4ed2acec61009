package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// Attachment is a file inside the document. The zero one is none.
type Attachment struct {
	Name        string // shown by readers, who save it under this name
	Description string
	Type        string // of its content, such as "application/json"
	Data        []byte
}

// attach returns the objects of an attachment, whose numbers begin with first. What fpdf makes of one is put before the pages, which
// links and the outline then miss, and has an MD5 sum, which is not allowed everywhere.
func (a Attachment) attach(first int, at time.Time, compressed []byte) (objects [2][]byte) {
	objects[0] = fmt.Appendf(nil, "%d 0 obj\n<</Type /EmbeddedFile /Subtype /%s /Params <</Size %d /ModDate (D:%sZ)>> /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream\nendobj\n",
		first, pdfName(a.Type), len(a.Data), at.UTC().Format("20060102150405"), len(compressed), compressed)
	objects[1] = fmt.Appendf(nil, "%d 0 obj\n<</Type /Filespec /F %s /UF %[2]s /Desc %s /AFRelationship /Data /EF <</F %[4]d 0 R /UF %[4]d 0 R>>>>\nendobj\n",
		first+1, hexText(a.Name), hexText(a.Description), first)
	return objects
}

// catalog returns the catalog of a file with its attachment, whose object has a number. An empty name is none.
func (a Attachment) catalog(object []byte, number int) ([]byte, error) {
	const none = "/Names <<\n/EmbeddedFiles << /Names [\n  \n] >>\n>>\n"
	names := "/ViewerPreferences <</DisplayDocTitle true>>\n"
	if a.Name != "" {
		names += fmt.Sprintf("/Names <</EmbeddedFiles <</Names [%s %d 0 R]>>>>\n/AF [%[2]d 0 R]\n", hexText(a.Name), number)
	}
	before, after, found := bytes.Cut(object, []byte(none))
	if !found {
		return nil, errors.New("no names in the catalog")
	}
	return slices.Concat(before, []byte(names), after), nil
}

// hexText returns a text as a string of a PDF, whatever it holds.
func hexText(text string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, u := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	b.WriteByte('>')
	return b.String()
}

// pdfName returns a name of a PDF, without its slash.
func pdfName(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "#%02X", c)
	}
	return b.String()
}

// inUTC returns an object with the dates of the file, of which fpdf does not say in which zone they are.
func inUTC(object []byte) []byte {
	for _, key := range []string{"/CreationDate (D:", "/ModDate (D:"} {
		if i := bytes.LastIndex(object, []byte(key)); i >= 0 {
			end := min(i+len(key)+len("20060102150405"), len(object))
			object = slices.Insert(slices.Clone(object), end, 'Z')
		}
	}
	return object
}
