package tohtml

import (
	"cmp"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

//go:embed report.css
var sheet string

// Colours of report.css that others are set beside.
var (
	white    = doc.Color{R: 0xFF, G: 0xFF, B: 0xFF}
	field    = doc.Color{R: 0xF5, G: 0xF7, B: 0xF9} // of light pages
	darkest  = doc.Color{R: 0x0F, G: 0x14, B: 0x19} // of dark pages
	darkness = doc.Color{R: 0x19, G: 0x21, B: 0x2A} // a field of dark pages
	own      = doc.Color{R: 0x24, G: 0x40, B: 0x5C} // accent
)

// styleOf returns the style sheet of a document. It has the colours and the texts of d that only a style
// sheet can say.
func styleOf(d doc.Document) string {
	accent := d.Brand.Accent
	if accent == (doc.Color{}) {
		accent = own
	}
	ground := legible(accent, white)
	light, dark := legible(accent, field), legible(accent, darkest, darkness)
	var b strings.Builder
	b.WriteString(sheet)
	fmt.Fprintf(&b, ":root { --ground: %s; --accent: %s; }\n", hex(ground), hex(light))
	fmt.Fprintf(&b, "@media screen and (prefers-color-scheme: dark) { :root { --accent: %s; } }\n", hex(dark))
	for n := 1; n <= 100; n++ {
		fmt.Fprintf(&b, ".p%d { width: %[1]d%%; }\n", n)
	}
	for n := 1; n <= depths; n++ {
		fmt.Fprintf(&b, ".d%d { --depth: %[1]d; }\n", n)
	}
	m := d.Marking
	if m.Label != "" {
		fmt.Fprintf(&b, ".marking { background: %s; color: %s; }\n", hex(m.Ground), hex(m.Ink))
	}
	b.WriteString("@page {\n")
	edge := func(place, text, more string) {
		if text != "" {
			fmt.Fprintf(&b, "@%s { content: %s; %s }\n", place, text, more)
		}
	}
	label := ""
	if m.Label != "" {
		label = quoted(m.Label)
	}
	band := fmt.Sprintf("background: %s; color: %s; font: 700 9pt sans-serif; "+
		"height: 6mm; padding: 0 4mm; margin: auto; "+
		"text-align: center; -webkit-print-color-adjust: exact; print-color-adjust: exact;", hex(m.Ground), hex(m.Ink))
	const small = "font: 7.5pt sans-serif; color: #444444; vertical-align: middle;"
	edge("top-left", quoted(words.Join(" · ", words.Join(" · ", d.Label, d.State), d.Title)), small)
	edge("top-center", label, band)
	edge("top-right", quoted(words.Join(" · ", d.Brand.Organisation, d.Brand.Header)), small+" text-align: right;")
	edge("bottom-left", quoted(cmp.Or(d.Brand.Footer, d.About)), small)
	edge("bottom-center", label, band)
	edge("bottom-right", `counter(page) " / " counter(pages)`, small+" text-align: right;")
	b.WriteString("}\n")
	return b.String()
}

// legible returns c, made lighter or darker until it can be read on every ground. The grounds are all light or all
// dark.
func legible(c doc.Color, grounds ...doc.Color) doc.Color {
	const enough = 4.5 // source: WCAG 2.2, 1.4.3
	towards := doc.Color{}
	if grounds[0].Contrast(white) > grounds[0].Contrast(towards) {
		towards = white
	}
	mixed := c
	for step := 1; ; step++ {
		least := 21.0
		for _, g := range grounds {
			least = min(least, mixed.Contrast(g))
		}
		if least >= enough || step > 20 {
			return mixed
		}
		mix := func(from, to uint8) uint8 { return uint8((int(from)*(20-step) + int(to)*step) / 20) }
		mixed = doc.Color{R: mix(c.R, towards.R), G: mix(c.G, towards.G), B: mix(c.B, towards.B)}
	}
}

func hex(c doc.Color) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// longest is how many characters stand in a corner of a printed page.
const longest = 90

// quoted returns text as a string of a style sheet, in one line, with an ellipsis where it is too long, ""
// for none. It holds nothing but letters, digits, blanks and escapes.
func quoted(text string) string {
	runes := []rune(strings.Join(strings.Fields(words.Visible(text)), " "))
	if len(runes) == 0 {
		return ""
	}
	if len(runes) > longest {
		runes = append(runes[:longest-1], '…')
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range runes {
		switch {
		case r == ' ', r >= '0' && r <= '9', r|0x20 >= 'a' && r|0x20 <= 'z':
			b.WriteRune(r)
		default:
			b.WriteByte('\\')
			b.WriteString(strconv.FormatInt(int64(r), 16))
			b.WriteByte(' ') // which is a part of the escape
		}
	}
	b.WriteByte('"')
	return b.String()
}
