// Package doc is a report as a document: what stands where, in words, before any format draws it. It is built
// once, and PDF, HTML and Markdown draw the same [Document]. Nothing in it is escaped, and texts may hold
// anything.
package doc

import (
	"math"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// A Document is everything that a format draws, in order.
type Document struct {
	Label   string // "Incident 42"
	Title   string // the incident's name
	State   string // "High · Resolved", beside the title in the running head
	About   string // when it was generated, and where its times are
	Subject string // of the file
	Tags    []string

	Brand   Brand
	Marking Marking

	Cover    Cover
	Sections []Section
	Files    []File
}

// A Brand says whose report it is.
type Brand struct {
	Organisation   string
	Logo           *Image // nil for none
	Accent         Color  // of rules and headings; the zero Color is the library's own
	Header, Footer string // on every page
}

// A Color is red, green and blue. The zero Color, black, stands for none.
type Color struct{ R, G, B uint8 }

// A Marking is the band that says who may have the document. One without a Label is none.
type Marking struct {
	Label  string // "TLP:AMBER"
	Text   string // what it means
	Ground Color
	Ink    Color
}

// A File is attached to the document. HTML and Markdown, which have no attachments, name them.
type File struct {
	Name        string
	Description string
	Type        string // media type
	Data        []byte
}

// A Cover is what everybody must know.
type Cover struct {
	States []State
	Facts  [][]Fact // rows
	Glance []Pair   // a paragraph each, over the whole width
	Tags   []string
	Notice []Notice // warnings
	Remark string   // what is hidden
}

// A State is a word that is also said by a shape and a colour.
type State struct {
	Label string
	Mark  Mark
	Word  string
}

// A Fact is a figure, a date or a name with its label.
type Fact struct{ Label, Value, Note string }

// A Section is one chapter.
type Section struct {
	ID     string // unique, of ASCII letters
	Title  string
	Blocks []Block
}

// A Block is a part of a section: [Heading], [Text], [Prose], [Notice], [Pairs], [*Table], [Graph],
// [Chart] or, in the Flow of a row, [Picture].
type Block interface{ block() }

// A Heading stands above the blocks that follow.
type Heading struct {
	Level    int // 2 or 3
	Text     string
	Bookmark bool // it is in the outline of the file
}

// A Text is one paragraph, in which line feeds count.
type Text []Span

// A Prose is what people or sources wrote, as Markdown.
type Prose struct {
	Source string
	Lines  bool // each line feed ends a line, as in a text that was not written as Markdown
}

// A Notice is set off from the text.
type Notice struct {
	Tone  Tone
	Title string
	Lines []string
}

// Pairs are labels and values, side by side.
type Pairs struct {
	List   []Pair
	PerRow int // 1 to 4
}

// A Pair is a labelled value.
type Pair struct {
	Label string
	Value Cell
}

// A Table is rows of cells. Its zero Caption is none.
type Table struct {
	Caption string
	Columns []Column
	Rows    []Row
	Empty   string // said in place of a table without rows
}

// A Column is one of a table.
type Column struct {
	Title  string
	Width  Width
	Weight int // of a Shared column; 0 counts as 1
	Number bool
}

// A Width says how wide a column is.
type Width uint8

// The widths. The zero Width is Shared.
const (
	Shared Width = iota // what the others leave, by Weight
	Narrow              // a number of some digits
	Stamp               // a time
	Badged              // a mark with a word
	Short               // a word or two
	Actor               // who did something
)

// A Row is one row of a table.
type Row struct {
	Cells    []Cell
	Note     []Span  // below the cells, over all columns from NoteFrom
	NoteFrom int     // column
	Flow     []Block // below the note: Prose, Text and Picture
	Muted    bool    // what was dismissed
	Anchor   string  // a name that a link of the document leads to; "" for none
	Bookmark string  // entry in the outline of a long document; "" for none
}

// A Cell is a value.
type Cell struct {
	Text  string
	Style Style
	Order Order
	Link  string // http, https or mailto
	Mark  Mark
	Depth int    // levels that the text is indented by
	Spans []Span // instead of Text, Style and Order
}

// A Span is a piece of text of one look.
type Span struct {
	Text  string
	Style Style
	Order Order
	Link  string
}

// A Style says how a piece of text is set. Styles combine.
type Style uint8

// The styles. The zero Style is plain.
const (
	Bold  Style = 1 << iota
	Muted       // said beside the rest
	Code        // in letters of one width
)

// An Order says how a text stands that has letters of scripts written from right to left.
type Order uint8

// The orders. The zero Order is Name.
const (
	Name  Order = iota // from left to right, part by part: names, paths, addresses, lists
	Datum              // as its first letter, by itself: a title
	Said               // running text, paragraph by paragraph
)

// A Mark is a level as a shape and a tone. The zero Mark is none.
type Mark struct {
	Shape string
	Tone  Tone
	Badge bool // the word stands on a ground of its tone
}

// A Tone is a colour by what it is for.
type Tone uint8

// The tones. The zero Tone is Plain.
const (
	Plain Tone = iota
	Neutral
	Accent
	High
	Medium
	Low
	Informational
)

// A Picture is an attached image below a comment.
type Picture struct {
	Image   *Image // nil where there is none to show
	Caption string
}

// An Image is an image as it was attached.
type Image struct {
	Data   []byte
	SHA256 string // in lower-case hexadecimal
	Name   string
}

// A Graph is boxes and arrows.
type Graph struct {
	ID, Title, Caption string
	Figure             figure.Graph
}

// A Chart is events in lanes.
type Chart struct {
	ID, Title, Caption string
	Figure             figure.Chart
}

func (Heading) block() {}
func (Text) block()    {}
func (Prose) block()   {}
func (Notice) block()  {}
func (Pairs) block()   {}
func (*Table) block()  {}
func (Graph) block()   {}
func (Chart) block()   {}
func (Picture) block() {}

// Contrast returns the contrast of two colours, from 1 to 21. Source: WCAG 2.2, relative luminance.
func (c Color) Contrast(other Color) float64 {
	luminance := func(c Color) float64 {
		linear := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
	}
	a, b := luminance(c), luminance(other)
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}
