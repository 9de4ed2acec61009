// Package figure lays out the pictures of a report, for whoever draws them: on paper or on a screen. It says
// what stands where and knows neither PDF nor SVG. All is whole numbers, thousandths of a point, from the top
// left corner; so a picture is the same on every machine.
package figure

// A Picture is a field with shapes on it, in the order in which they are drawn.
type Picture struct {
	Width, Height int
	Shapes        []Shape
	Unlabelled    int // edges of a [Graph] whose label there was no room for
}

// A Shape is one thing in a picture.
type Shape struct {
	Kind       Kind
	X, Y, W, H int // Box and Frame: a rectangle. Line: from X, Y by W, H. Text: the start of its base line, and its width. Mark: its middle. Head: its tip, and from there to the middle of its base
	Size       int // of type, of a mark, or the width of a line
	Ink        Ink
	Level      Level  // of a Mark
	Text       string // one line
	Bold       bool
	Middle     bool // a Text that was centred: its middle is what counts, should another face be wider
}

// A Kind says what a [Shape] is.
type Kind uint8

// The kinds.
const (
	Box   Kind = iota // a filled rectangle
	Frame             // its outline
	Line
	Text
	Mark // what stands for a Level
	Head // of an arrow: a filled polygon, see [Shape.Corners]
)

// Corners returns the polygon of the head of an arrow.
func (s Shape) Corners() [][2]int {
	aside := [2]int{-s.H * 2 / 5, s.W * 2 / 5}
	return [][2]int{{s.X, s.Y}, {s.X + s.W + aside[0], s.Y + s.H + aside[1]}, {s.X + s.W - aside[0], s.Y + s.H - aside[1]}}
}

// bounds returns where the head of an arrow is.
func (s Shape) bounds() rect {
	r := rect{s.X, s.Y, s.X, s.Y}
	for _, c := range s.Corners() {
		r = rect{min(r.left, c[0]), min(r.top, c[1]), max(r.right, c[0]), max(r.bottom, c[1])}
	}
	return r
}

// An Ink is a colour by what it is for.
type Ink uint8

// The inks.
const (
	Black Ink = iota // text
	Quiet            // what is said beside it
	Faint            // lines that only guide the eye
	Weak             // lines that say something
	Paper            // the ground, and text on High to Note
	Shade            // a ground that differs a little
	Note             // the ground of a number
	High
	Medium
	Low
	Informational
)

// A Level is a severity. The later, the higher.
type Level uint8

// The levels.
const (
	LevelUnrated Level = iota
	LevelInformational
	LevelLow
	LevelMedium
	LevelHigh
)

// levels is how many levels there are.
const levels = int(LevelHigh) + 1

// Ink returns the ink of marks of that level.
func (l Level) Ink() Ink {
	switch l {
	case LevelHigh:
		return High
	case LevelMedium:
		return Medium
	case LevelLow:
		return Low
	case LevelInformational:
		return Informational
	}
	return Quiet
}

// Corners returns the polygon of a mark of that level whose middle is x, y: a triangle that stands, a diamond, a
// triangle on its tip, a ring or a dash. A ring has as many corners as a circle needs at that size, and a hole.
func (l Level) Corners(x, y, size int) (corners [][2]int, hole [][2]int) {
	h := size / 2
	switch l {
	case LevelHigh:
		return [][2]int{{x, y - h}, {x + h, y + h*4/5}, {x - h, y + h*4/5}}, nil
	case LevelMedium:
		return [][2]int{{x, y - h}, {x + h, y}, {x, y + h}, {x - h, y}}, nil
	case LevelLow:
		return [][2]int{{x - h, y - h*4/5}, {x + h, y - h*4/5}, {x, y + h}}, nil
	case LevelInformational:
		return round(x, y, h*9/10), round(x, y, h*11/20)
	}
	return [][2]int{{x - h, y - h/4}, {x + h, y - h/4}, {x + h, y + h/4}, {x - h, y + h/4}}, nil
}

// round returns a circle.
func round(x, y, radius int) (corners [][2]int) {
	quarter := [...][2]int{{1000, 0}, {924, 383}, {707, 707}, {383, 924}}
	for turn := range 4 {
		for _, c := range quarter {
			a, b := c[0]*radius/1000, c[1]*radius/1000
			for range turn {
				a, b = -b, a
			}
			corners = append(corners, [2]int{x + a, y + b})
		}
	}
	return corners
}

// A Sheet is what pictures are laid out for.
type Sheet struct {
	Width  int
	Height int                                        // a picture of a [Graph] is at most so high, as long as its boxes can be read
	Wide   func(text string, size int, bold bool) int // the width of a line of text
}

const (
	point = 1000
	// Sizes of type.
	textSize = 8 * point
	noteSize = 7 * point
)

// capital is the height of a capital letter.
func capital(size int) int { return size * 73 / 100 }

// clip returns text, or as much of its beginning as fits into a width with an ellipsis.
func (s Sheet) clip(text string, size int, bold bool, width int) string {
	if s.Wide(text, size, bold) <= width {
		return text
	}
	runes := []rune(text)
	fits, not := 0, len(runes)
	for fits+1 < not {
		if n := (fits + not) / 2; s.Wide(string(runes[:n])+"…", size, bold) <= width {
			fits = n
		} else {
			not = n
		}
	}
	return string(runes[:fits]) + "…"
}

// clipMiddle returns text, cut so that it fits into a width with an ellipsis before its end.
func (s Sheet) clipMiddle(text string, size int, bold bool, width int) string {
	const kept = 9 // runes
	runes := []rune(text)
	if len(runes) <= 2*kept || s.Wide(text, size, bold) <= width {
		return s.clip(text, size, bold, width)
	}
	end := string(runes[len(runes)-kept:])
	return s.clip(string(runes[:len(runes)-kept]), size, bold, width-s.Wide(end, size, bold)) + end
}

func (p *Picture) add(s Shape) { p.Shapes = append(p.Shapes, s) }

func (p *Picture) box(x, y, w, h int, i Ink) {
	p.add(Shape{Kind: Box, X: x, Y: y, W: w, H: h, Ink: i})
}

func (p *Picture) line(x, y, w, h, size int, i Ink) {
	p.add(Shape{Kind: Line, X: x, Y: y, W: w, H: h, Size: size, Ink: i})
}

func (p *Picture) mark(x, y, size int, l Level) {
	p.add(Shape{Kind: Mark, X: x, Y: y, Size: size, Level: l, Ink: l.Ink()})
}

func (s Sheet) text(p *Picture, x, base int, text string, size int, bold bool, i Ink) (width int) {
	width = s.Wide(text, size, bold)
	if text != "" {
		p.add(Shape{Kind: Text, X: x, Y: base, W: width, Size: size, Bold: bold, Ink: i, Text: text})
	}
	return width
}

// centred sets a text in the middle of a width.
func (s Sheet) centred(p *Picture, x, width, base int, text string, size int, bold bool, i Ink) {
	wide := s.Wide(text, size, bold)
	p.add(Shape{Kind: Text, X: x + (width-wide)/2, Y: base, W: wide, Size: size, Bold: bold, Ink: i, Text: text, Middle: true})
}
