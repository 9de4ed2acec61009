package pdf

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is put into a document comes out as it was, under any name.
func TestAttachmentComesOut(t *testing.T) {
	for _, name := range []string{"incident-42.json", "報告 (1).json", ") /X <</Y", "\xff"} {
		o := sampleOptions()
		data := []byte(strings.Repeat("endstream\nendobj\n\x00\xff", 999))
		o.Attachments = []Attachment{{Name: name, Description: name, Type: "application/json (x)", Data: data}}
		d := New(t.Context(), o)
		write(d, 60, 12)
		file := output(t, d)
		assert.True(t, bytes.Equal(file, output(t, d)))
		out := tool(t, file, "qpdf", "--check", "FILE")
		assert.Contains(t, out, "No syntax or stream encoding errors found")
		assert.NotContains(t, strings.ToLower(out), "warning")
		assert.Contains(t, out, "PDF Version: 1.7")
		saved := filepath.Join(t.TempDir(), "saved")
		tool(t, file, "pdfdetach", "-save", "1", "-o", saved, "FILE")
		got, err := os.ReadFile(saved)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, got))
		assert.Contains(t, tool(t, file, "pdfdetach", "-list", "-enc", "UTF-8", "FILE"), "1 embedded files\n1: "+strings.ToValidUTF8(name, "\uFFFD"))
	}
	assert.Contains(t, tool(t, output(t, sample(2, 1)), "pdfdetach", "-list", "FILE"), "0 embedded files")
}

// Links and the outline lead to pages, whatever else is in the file.
func TestTargetsArePages(t *testing.T) {
	o := sampleOptions()
	o.Attachments = []Attachment{{Name: "x", Data: []byte("x")}, {Name: "y"}}
	d := New(t.Context(), o)
	d.Contents(5)
	write(d, 60, 12)
	var got struct {
		Pages    []struct{ Object string }
		Outlines []struct {
			Title string
			Page  int `json:"destpageposfrom1"`
		}
	}
	file := output(t, d)
	require.NoError(t, json.Unmarshal([]byte(tool(t, file, "qpdf", "--json", "--json-key=pages", "--json-key=outlines", "FILE")), &got))
	require.Len(t, got.Pages, d.Pages())
	links := regexp.MustCompile(`/Border \[0 0 0\] /Dest \[(\d+ 0 R)`).FindAllStringSubmatch(string(file), -1)
	require.Len(t, links, 5, "one for each line")
	tops := 0
	for _, m := range d.outline {
		if m.level > 0 {
			continue
		}
		page := got.Pages[m.page].Object
		assert.Equal(t, m.text, got.Outlines[tops].Title)
		assert.Equal(t, m.page+1, got.Outlines[tops].Page, m.text)
		if tops < len(links) {
			assert.Equal(t, page, links[tops][1], m.text)
		}
		tops++
	}
	assert.Equal(t, 5, tops)
}

// Files come out one by one, in the order of their names, whichever order they came in, and none hides another.
func TestAttachmentsComeOut(t *testing.T) {
	files := []Attachment{
		{Name: "b.csv", Data: []byte("one")}, {Name: "a.json", Data: []byte("two")}, {Name: "b.csv", Data: []byte("three")},
		{Data: []byte("nobody can ask for it")}, {Name: "b.csv", Data: []byte("four")}, {Name: ".b", Data: nil}, {Name: "b (2).csv", Data: []byte("five")},
	}
	d := New(t.Context(), Options{Attachments: files})
	file := output(t, d)
	assert.Contains(t, tool(t, file, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
	list := tool(t, file, "pdfdetach", "-list", "FILE")
	assert.Equal(t, "6 embedded files\n1: .b\n2: a.json\n3: b (2) (2).csv\n4: b (2).csv\n5: b (3).csv\n6: b.csv\n", list)
	for name, want := range map[string]string{
		"a.json": "two", "b.csv": "one", "b (2).csv": "three", "b (3).csv": "four", "b (2) (2).csv": "five", ".b": "",
	} {
		assert.Equal(t, want, tool(t, file, "qpdf", "--show-attachment="+name, "FILE"), name)
	}
	assert.Regexp(t, `/AF \[\d+ 0 R \d+ 0 R \d+ 0 R \d+ 0 R \d+ 0 R \d+ 0 R\]`, string(file))
}
