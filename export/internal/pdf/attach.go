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

// Attachment is a file inside the document. One without a name is none.
type Attachment struct {
	Name        string // shown by readers, who save it under this name
	Description string
	Type        string // of its content, such as "application/json"
	Data        []byte
}

// attach returns the objects of an attachment, whose numbers begin with first. What fpdf makes of one is put
// before the pages, which links and the outline then miss, and has an MD5 sum, which is not allowed
// everywhere.
func (a Attachment) attach(first int, at time.Time, compressed []byte) (objects [2][]byte) {
	objects[0] = fmt.Appendf(nil, "%d 0 obj\n<</Type /EmbeddedFile /Subtype /%s /Params <</Size %d /ModDate (D:%sZ)>> /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream\nendobj\n",
		first, pdfName(a.Type), len(a.Data), at.UTC().Format("20060102150405"), len(compressed), compressed)
	objects[1] = fmt.Appendf(nil, "%d 0 obj\n<</Type /Filespec /F %s /UF %[2]s /Desc %s /AFRelationship /Data /EF <</F %[4]d 0 R /UF %[4]d 0 R>>>>\nendobj\n",
		first+1, hexText(a.Name), hexText(a.Description), first)
	return objects
}

// attachments returns those of a document in the order of their names, which differ: readers find them by name.
func attachments(list []Attachment) (out []Attachment) {
	seen := make(map[string]bool)
	for _, a := range list {
		if a.Name == "" {
			continue
		}
		name := strings.ToValidUTF8(a.Name, "\uFFFD")
		stem, ending := name, ""
		if dot := strings.LastIndexByte(name, '.'); dot > 0 {
			stem, ending = name[:dot], name[dot:]
		}
		for n := 2; seen[name]; n++ {
			name = fmt.Sprintf("%s (%d)%s", stem, n, ending)
		}
		seen[name], a.Name = true, name
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Attachment) int { return strings.Compare(hexText(a.Name), hexText(b.Name)) })
	return out
}

// catalog returns the catalog of a file with its attachments, whose objects have every second number from first on.
func catalog(object []byte, list []Attachment, first int) ([]byte, error) {
	const none = "/Names <<\n/EmbeddedFiles << /Names [\n  \n] >>\n>>\n"
	names := "/ViewerPreferences <</DisplayDocTitle true>>\n"
	if len(list) > 0 {
		var named, all strings.Builder
		for n, a := range list {
			fmt.Fprintf(&named, " %s %d 0 R", hexText(a.Name), first+2*n)
			fmt.Fprintf(&all, " %d 0 R", first+2*n)
		}
		names += fmt.Sprintf("/Names <</EmbeddedFiles <</Names [%s]>>>>\n/AF [%s]\n", named.String()[1:], all.String()[1:])
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
