package export

// A Layout says how a report is drawn, in every format. The zero Layout draws everything without a brand.
type Layout struct {
	Profile Profile `json:"profile,omitempty"` // how much is drawn

	Organisation string `json:"organisation,omitempty"` // whose report it is
	Logo         []byte `json:"logo,omitempty"`         // PNG or JPEG, within the limits of [incident.Image]
	Accent       string `json:"accent,omitempty"`       // colour of rules and headings, such as "#24405c"; "" is the library's own
	TLP          TLP    `json:"tlp,omitempty"`          // who may have the report, on every page
	Header       string `json:"header,omitempty"`       // on every page, as far as there is room
	Footer       string `json:"footer,omitempty"`       // the same
}

// PDFOptions say how reports are drawn as PDF. They may be used by several goroutines at the same time.
type PDFOptions struct {
	// Fonts are TrueType files (.ttf), asked in order for the characters that the built-in faces lack, for
	// instance the Chinese, Japanese and Korean one of export/fonts/cjk. Only those characters are embedded
	// that a report has. OpenType fonts with PostScript outlines (CFF), collections (TTC) and web fonts
	// (WOFF) are errors of WritePDF, and so are damaged files. WritePDF reads the bytes and keeps none of them.
	Fonts [][]byte

	Paper  Paper  // what is printed on; the zero value is A4
	Author string // who answers for the report, as a property of the file; "" leaves it out
	NoData bool   // attaches nothing
}

// A Profile says for whom a report is drawn.
type Profile uint8

// The profiles. The zero Profile is Technical.
const (
	Technical Profile = iota // everything
	Executive                // what happened, what it means and what to do, on at most four pages
)

// A TLP says who may have a report. Source: Traffic Light Protocol 2.0 of FIRST.
type TLP uint8

// The labels. The zero TLP is none.
const (
	Unmarked TLP = iota
	TLPClear
	TLPGreen
	TLPAmber
	TLPAmberStrict
	TLPRed
)

// determination returns a determination in words, as it is when the taxonomy does not have it.
func (o Options) determination(id string) string {
	for _, c := range o.Taxonomy.Classes {
		for _, t := range c.Determinations {
			if string(t.ID) == id {
				return t.Title
			}
		}
	}
	return id
}
