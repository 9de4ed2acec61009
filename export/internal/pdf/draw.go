package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-pdf/fpdf"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// op is one thing on a page.
type op struct {
	kind       opKind
	x, y, w, h int // lineOp: from x, y by w, h; textOp: the start of the base line
	size       int // of the type, of the line or of the frame
	face       faceID
	slanted    bool
	color      color
	text       string // from left to right as it is drawn; or the address of a link
}

type opKind uint8

const (
	textOp opKind = iota
	fillOp
	frameOp
	lineOp
	markOp // what stands for the level w, with its middle at x, y
	headOp // of an arrow that leads by w, h to its tip at x, y
	linkOp
	jumpOp     // a link to the entry of the outline that size counts to
	contentsOp // a line of the table of contents: of the heading of level 1 that size counts to, from the entry w of the outline
	pictureOp  // the picture number size
	stripeOp   // a part of a picture: the stripe number size
)

func (d *Document) add(o op) {
	last := len(d.pages) - 1
	d.pages[last] = append(d.pages[last], o)
}

func (d *Document) fill(x, y, w, h int, c color) {
	d.add(op{kind: fillOp, x: x, y: y, w: w, h: h, color: c})
}

func (d *Document) frame(x, y, w, h, width int, c color) {
	d.add(op{kind: frameOp, x: x, y: y, w: w, h: h, size: width, color: c})
}

func (d *Document) line(x, y, w, h, width int, c color) {
	d.add(op{kind: lineOp, x: x, y: y, w: w, h: h, size: width, color: c})
}

// text adds a text that is a line by itself, in logical order.
func (d *Document) text(x, y int, text string, k ink) { d.drawn(x, y, visualText(text), k) }

// drawn adds a text whose runes are in the order in which they are drawn.
func (d *Document) drawn(x, y int, text string, k ink) {
	if text != "" {
		d.add(op{kind: textOp, x: x, y: y, text: text, face: k.face, slanted: k.slanted, size: k.size, color: k.color})
	}
}

// Output draws the document and writes it to w. It may be called again, also
// after more blocks have been added; the same calls give the same bytes, in any
// time zone and on any machine.
//
// It returns the first mistake made in the calls before it, the error of the
// document's context, which is looked at for every page, the error of w, or what
// went wrong while drawing. Nothing is written to w unless the whole document
// has been drawn. Drawing is impossible where the program may only use FIPS 140
// approved algorithms (GODEBUG=fips140=only), as the fonts are named by a SHA-1
// sum; that is an error here, not a panic.
func (d *Document) Output(w io.Writer) error {
	file, err := d.render()
	if err != nil {
		return err
	}
	if _, err := w.Write(file); err != nil {
		return fmt.Errorf("pdf: %w", err)
	}
	return nil
}

// render returns the file. It draws everything into fpdf, which panics on much
// that it is not prepared for. None of that should get past the sanitiser; the
// recover is for what nobody has thought of.
func (d *Document) render() (file []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("pdf: drawing: %v", p)
		}
	}()
	d.flush()
	if d.err != nil {
		return nil, d.err
	}
	f := fpdf.NewCustom(&fpdf.InitType{
		UnitStr: "pt",
		Size:    fpdf.SizeType{Wd: points(d.pageWidth), Ht: points(d.pageHeight)},
	})
	f.SetCatalogSort(true)
	f.SetCompression(false)
	f.SetAutoPageBreak(false, 0)
	d.setProperties(f)

	pages, running := make([][]op, len(d.pages)), make([][]op, len(d.pages))
	var used [faceCount]runeSet
	sections := d.sections()
	for i, page := range d.pages {
		pages[i], running[i] = d.listed(page), d.running(i, sections[i])
		for _, ops := range [][]op{pages[i], running[i]} {
			for _, o := range ops {
				if o.kind == textOp {
					used[o.face].add(o.text)
				}
			}
		}
	}
	p := pen{f: f, marks: d.outline, stripes: d.stripes, height: d.pageHeight}
	z, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	for id, face := range d.faces {
		if p.fonts[id], err = face.embed(f, z, faceID(id), &used[id]); err != nil {
			return nil, fmt.Errorf("pdf: font: %w", err)
		}
	}

	marks := d.outline
	for i, page := range pages {
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		f.AddPage()
		p.draw(page)
		p.draw(running[i])
		for len(marks) > 0 && marks[0].page == i {
			if len(pages) > longDocument || !marks[0].minor {
				f.Bookmark(utf16Text(marks[0].text), marks[0].level, points(marks[0].y))
			}
			marks = marks[1:]
		}
	}
	var buffer bytes.Buffer
	if err := f.Output(&buffer); err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	if file, err = pack(buffer.Bytes(), z, d.pictures, attachments(d.opts.Attachments), d.created()); err != nil {
		return nil, fmt.Errorf("pdf: packing: %w", err)
	}
	return file, d.ctx.Err()
}

func (d *Document) setProperties(f *fpdf.Fpdf) {
	for _, property := range []struct {
		text string
		set  func(text string, isUTF8 bool)
	}{{d.opts.Title, f.SetTitle}, {d.opts.Author, f.SetAuthor}, {d.opts.Subject, f.SetSubject}, {d.opts.Keywords, f.SetKeywords}} {
		if text, _ := dropInvisible(property.text, false); text != "" {
			property.set(utf16Text(text), false)
		}
	}
	f.SetProducer("incidentkit", false)
	if isLanguage(d.opts.Language) {
		f.SetLang(d.opts.Language)
	}
	f.SetCreationDate(d.created())
	f.SetModificationDate(d.created())
}

func (d *Document) created() time.Time {
	at := d.opts.Created.UTC()
	if at.IsZero() || at.Year() < 0 || at.Year() > 9999 {
		return time.Unix(0, 0).UTC() // fpdf takes the zero time for "now"
	}
	return at
}

// utf16Text encodes a property of the file. The encoder of fpdf garbles what is
// above U+FFFF.
func utf16Text(text string) string {
	var b strings.Builder
	b.WriteString("\xFE\xFF")
	for _, u := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

// isLanguage keeps out what would end the PDF string, as fpdf writes the tag
// without escaping it.
func isLanguage(tag string) bool {
	for _, c := range tag {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return tag != ""
}

// running returns the header and the footer of a page. They are drawn when all
// pages are there, so the number of pages is known and no placeholder has to be
// looked for in other people's text.
func (d *Document) running(page int, section string) []op {
	var ops []op
	text := func(x, y int, k ink, parts ...string) {
		if text := visualParts(parts...); text != "" {
			ops = append(ops, op{kind: textOp, x: x, y: y, text: text, face: k.face, size: k.size, color: k.color})
		}
	}
	both := func(y int, left, section string, leftInk ink, right string, rightInk ink) {
		right = d.clip(right, rightInk, d.bodyWidth/2)
		width := d.textWidth(right, rightInk)
		room := d.bodyWidth - width - 16*point
		between := ""
		if section != "" && left != "" {
			between, section = " · ", d.clip(section, leftInk, room/2)
			room -= d.textWidth(between+section, leftInk)
		}
		text(margin, y, leftInk, d.clip(left, leftInk, room), between, d.clip(section, leftInk, room))
		text(d.pageWidth-margin-width, y, rightInk, right)
	}
	normal, strong := Style(0).ink(smallSize, grey), Bold.ink(smallSize, grey)
	if page > 0 && d.opts.HeaderLeft+d.opts.HeaderRight != "" {
		both(d.runningBase, d.opts.HeaderLeft, section, strong, d.opts.HeaderRight, normal)
		ops = append(ops, op{kind: lineOp, x: margin, y: d.runningBase + 6*point, w: d.bodyWidth, size: 400, color: hairline})
	}
	number := fmt.Sprintf("Page %d of %d", page+1, len(d.pages))
	both(d.footBase, d.opts.FooterLeft, "", normal, number, normal)
	text(margin, d.headBase, normal, d.opts.Head)
	low := d.pageHeight - bandTop - bandHeight
	room := d.bodyWidth
	if b := d.opts.Band; b.Label != "" {
		k, ground := bandInk(b), color{b.Ground.R, b.Ground.G, b.Ground.B}
		width := d.textWidth(b.Label, k)
		x, box := d.pageWidth-margin-bandPad-width, width+2*bandPad
		ops = append(ops,
			op{kind: fillOp, x: margin, y: bandTop, w: d.bodyWidth, h: bandHeight, color: ground},
			op{kind: fillOp, x: d.pageWidth - margin - box, y: low, w: box, h: bandHeight, color: ground})
		text(x, bandTop+baseline(bandHeight, k.size), k, b.Label)
		text(x, low+baseline(bandHeight, k.size), k, b.Label)
		room -= box + bandPad
	}
	text(margin, low+baseline(bandHeight, smallSize), normal, d.clip(d.opts.Foot, normal, room))
	return ops
}

const bandPad = 8 * point

func bandInk(b Band) ink { return Bold.ink(12*point, color{b.Ink.R, b.Ink.G, b.Ink.B}) }

// sections returns the heading of level 1 in which each page begins, empty before
// the first one.
func (d *Document) sections() []string {
	out := make([]string, len(d.pages))
	name, marks := "", d.outline
	for i := range out {
		for len(marks) > 0 && (marks[0].page < i || marks[0].page == i && marks[0].y <= d.bodyTop) {
			if marks[0].level == 0 {
				name = marks[0].drawn
			}
			marks = marks[1:]
		}
		out[i] = name
	}
	return out
}

// pen draws operations with fpdf, and changes a setting only when it has to.
// fpdf carries the settings from page to page. Its zero value is what a new
// fpdf document starts with, as far as our colours and sizes are concerned.
type pen struct {
	f         *fpdf.Fpdf
	marks     []bookmark
	stripes   []stripe
	fonts     [faceCount]*embedding
	face      faceID
	part      int // which font of the face
	fontSize  int
	fillColor color
	lineColor color
	lineWidth int
	height    int // of the page
	line      []byte
}

func (p *pen) draw(ops []op) {
	for _, o := range ops {
		x, y, w, h := points(o.x), points(o.y), points(o.w), points(o.h)
		switch o.kind {
		case textOp:
			p.setFill(o.color)
			p.text(o)
		case fillOp:
			p.setFill(o.color)
			p.f.Rect(x, y, w, h, "F")
		case frameOp:
			p.setLine(o.color, o.size)
			p.f.Rect(x, y, w, h, "D")
		case lineOp:
			p.setLine(o.color, o.size)
			p.f.Line(x, y, points(o.x+o.w), points(o.y+o.h))
		case markOp:
			outer, hole := figure.Level(o.w).Corners(o.x, o.y, o.size)
			p.polygon(outer, o.color)
			p.polygon(hole, white)
		case headOp:
			p.polygon(figure.Shape{X: o.x, Y: o.y, W: o.w, H: o.h}.Corners(), o.color)
		case linkOp:
			p.f.LinkString(x, y, w, h, o.text)
		case jumpOp:
			link := p.f.AddLink()
			p.f.SetLink(link, points(p.marks[o.size].y), p.marks[o.size].page+1)
			p.f.Link(x, y, w, h, link)
		case pictureOp:
			p.picture(o.size, o.x, o.y, o.w, o.h)
		case stripeOp:
			s := p.stripes[o.size]
			p.f.ClipRect(x, y, w, h, false)
			p.picture(s.picture, o.x, o.y-s.above, o.w, s.height)
			p.f.ClipEnd()
		}
	}
}

// text draws o, piece by piece where its runes are in different fonts.
func (p *pen) text(o op) {
	e, x, part, width := p.fonts[o.face], o.x, 0, 0
	var characters []byte
	flush := func() {
		if len(characters) > 0 {
			p.setFont(o.face, part, o.size)
			p.show(x, o.y, characters, o.slanted, e.light[part])
			x, width, characters = x+(width*o.size+500)/1000, 0, characters[:0]
		}
	}
	for i, r := range o.text {
		if isPoint(r) {
			if dx, dy := e.face.attach(r, o.text[i+utf8.RuneLen(r):]); dx != 0 || dy != 0 {
				flush()
				place := int(e.places[r])
				p.setFont(o.face, place/codes, o.size)
				p.show(x+dx*o.size/1000, o.y-dy*o.size/1000, []byte{byte(firstCode + place%codes)}, o.slanted, e.light[place/codes])
				continue
			}
		}
		place := int(e.places[r])
		if place/codes != part {
			flush()
			part = place / codes
		}
		characters = append(characters, byte(firstCode+place%codes))
		width += e.face.advance(r)
	}
	flush()
}

// show draws characters of the font that is set.
func (p *pen) show(x, y int, characters []byte, slanted, light bool) {
	if light {
		p.setLine(p.fillColor, p.fontSize/32)
		p.f.SetTextRenderingMode(2) // with an outline
		defer p.f.SetTextRenderingMode(0)
	}
	if !slanted {
		p.write(x, y, characters)
		return
	}
	p.f.TransformBegin()
	// Where a thing stands a fifth of its height above the base line farther right.
	p.f.Transform(fpdf.TransformMatrix{A: 1, C: 0.2, D: 1, E: -points((p.height - y) / 5)})
	p.write(x, y, characters)
	p.f.TransformEnd()
}

// write writes characters as Text of fpdf does, which spends more time on them than on all else of a page.
func (p *pen) write(x, y int, characters []byte) {
	b := append(hundredths(append(hundredths(append(p.line[:0], "BT "...), x), ' '), p.height-y), " Td ("...)
	for _, c := range characters {
		if c == '\\' || c == '(' || c == ')' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	p.line = append(b, ") Tj ET"...)
	p.f.RawWriteStr(string(p.line))
}

// hundredths appends a length in points, of which there are two decimals.
func hundredths(b []byte, length int) []byte {
	if length < 0 {
		b, length = append(b, '-'), -length
	}
	length = (length + 5) / 10
	b = strconv.AppendInt(b, int64(length/100), 10)
	return append(b, '.', byte('0'+length/10%10), byte('0'+length%10))
}

func (p *pen) setFont(id faceID, part, size int) {
	if p.fontSize == 0 || p.face != id || p.part != part || p.fontSize != size {
		p.f.SetFont(p.fonts[id].families[part], "", points(size))
		p.face, p.part, p.fontSize = id, part, size
	}
}

// setFill sets the colour of areas and of text, which fpdf wraps in a saved
// state each time when the two differ.
func (p *pen) setFill(c color) {
	if p.fillColor != c {
		p.f.SetFillColor(int(c.r), int(c.g), int(c.b))
		p.f.SetTextColor(int(c.r), int(c.g), int(c.b))
		p.fillColor = c
	}
}

func (p *pen) setLine(c color, width int) {
	if p.lineColor != c {
		p.f.SetDrawColor(int(c.r), int(c.g), int(c.b))
		p.lineColor = c
	}
	if p.lineWidth != width {
		p.f.SetLineWidth(points(width))
		p.lineWidth = width
	}
}

// polygon fills what is between corners.
func (p *pen) polygon(corners [][2]int, c color) {
	if len(corners) == 0 {
		return
	}
	polygon := make([]fpdf.PointType, len(corners))
	for i, c := range corners {
		polygon[i] = fpdf.PointType{X: points(c[0]), Y: points(c[1])}
	}
	p.setFill(c)
	p.f.Polygon(polygon, "F")
}

func points(thousandths int) float64 { return float64(thousandths) / point }
