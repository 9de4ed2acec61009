package export

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A font that is not needed leaves no trace, and one that cannot be used is an error although it is not
// needed: one learns of it with the first report and not with the first name in Chinese.
func TestFontsOfTheCaller(t *testing.T) {
	r := report(t, 3, nil)
	font, err := os.ReadFile("internal/pdf/fonts/DejaVuSansCondensed.ttf")
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, WritePDF(t.Context(), &b, r, &PDFOptions{Fonts: [][]byte{font}}))
	assert.Equal(t, render(t, r), b.Bytes())

	b.Reset()
	err = WritePDF(t.Context(), &b, r, &PDFOptions{Fonts: [][]byte{font, append([]byte("OTTO"), font[4:]...)}})
	assert.EqualError(t, err, "export: write PDF: pdf: font 2: an OpenType font with PostScript outlines (CFF); only TrueType outlines can be embedded")
	assert.Zero(t, b.Len())
}

// Names, comments and titles in Hebrew and Arabic are drawn from right to left and found again; what is
// beside them stays where it is.
func TestRightToLeftReport(t *testing.T) {
	r := report(t, 3, nil)
	r.Incident.Name = "פריצה לשרת srv-01 (דחוף)"
	r.Alerts[0].Title = "تسجيل دخول مشبوه"
	got := tool(t, render(t, r), "pdftotext", "-layout", "FILE", "-")
	assert.Contains(t, squeeze(got), "srv-01")
	for _, word := range []string{"פריצה", "לשרת", "דחוף", "ﺗﺴﺠﻴﻞ", "ﻣﺸﺒﻮﻩ"} {
		assert.Contains(t, got, word)
	}
	assert.Contains(t, squeeze(got), squeeze("High · "+r.Incident.Status.Title()))
}
