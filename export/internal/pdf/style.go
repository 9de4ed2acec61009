package pdf

// Style says how a piece of text is set. Styles combine: Bold|Muted. The zero
// Style is the normal text of the place it stands in.
type Style uint8

const (
	Bold    Style = 1 << iota // bold face
	Muted                     // grey
	Small                     // one step smaller
	Slanted                   // leaning to the right
	Struck                    // with a line through it
	Code                      // in letters of one width, on a pale ground
	Mono                      // in letters of one width
)

// Tone is the colour of a badge. Every tone is drawn
// together with a word, so nothing is said by colour alone, and every pair of
// text and background has a contrast of at least 4.5 (WCAG 2.2, 1.4.3).
type Tone uint8

const (
	Plain         Tone = iota // no badge: ordinary text, or an outlined item
	Neutral                   // dark text on light grey
	Accent                    // white on deep blue-grey
	High                      // white on red
	Medium                    // white on brown-orange
	Low                       // white on olive
	Informational             // white on slate
)

type color struct{ r, g, b uint8 }

var (
	black     = color{0x1F, 0x29, 0x33}
	grey      = color{0x5B, 0x67, 0x70}
	hairline  = color{0xD3, 0xD9, 0xDE}
	pale      = color{0xE8, 0xEC, 0xF0}
	mist      = color{0xF5, 0xF7, 0xF9}
	steel     = color{0x6A, 0x8C, 0xB0}
	accent    = color{0x24, 0x40, 0x5C}
	blue      = color{0x1B, 0x4F, 0x8A}
	lightBlue = color{0x9D, 0xB8, 0xD6}
	white     = color{0xFF, 0xFF, 0xFF}
)

// colors returns the background and the text of a tone in d, which may have an accent of its own.
func (d *Document) colors(t Tone) (ground, text color) {
	if t == Accent {
		return d.accent, white
	}
	return t.colors()
}

// colors returns the background and the text of a tone. An unknown tone is
// drawn as Neutral. Plain has no background of its own: white.
func (t Tone) colors() (ground, text color) {
	switch t {
	case Plain:
		return white, black
	case Accent:
		return accent, white
	case High:
		return color{0xB3, 0x26, 0x1E}, white
	case Medium:
		return color{0xA8, 0x55, 0x00}, white
	case Low:
		return color{0x70, 0x61, 0x00}, white
	case Informational:
		return color{0x4A, 0x55, 0x60}, white
	default:
		return pale, black
	}
}

// The type scale, in thousandths of a point.
const (
	bodySize    = 9 * point
	smallSize   = 7500
	cellSize    = 8 * point
	badgeSize   = 7 * point
	titleSize   = 20 * point
	sectionSize = 14 * point
	partSize    = 11 * point
	smallPart   = 9500
)

// lineHeight is the distance of two base lines of text of a size.
func lineHeight(size int) int { return size * 138 / 100 }

// baseline is the distance from the top of a line of a height to its base line:
// capitals and figures, 0.73 em high in both faces, stand in the middle.
func baseline(height, size int) int { return height/2 + size*365/1000 }

func (s Style) face() faceID {
	if s&(Code|Mono) != 0 {
		return mono
	}
	if s&Bold != 0 {
		return bold
	}
	return sans
}

// ink resolves s where normal text has a size and a colour.
func (s Style) ink(size int, c color) ink {
	if s&Small != 0 {
		size = size * 5 / 6
	}
	if s&Muted != 0 {
		c = grey
	}
	if s&(Code|Mono) != 0 {
		size = size * 7 / 8 // its letters are larger
	}
	return ink{face: s.face(), size: size, color: c, slanted: s&Slanted != 0, struck: s&Struck != 0}
}
