package pdf

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/go-pdf/fpdf"
)

// op is one thing on a page.
type op struct {
	kind       opKind
	x, y, w, h int // lineOp: from x, y by w, h; textOp: the start of the base line
	size       int // of the type, of the line or of the frame
	face       faceID
	color      color
	text       string // or the address of a link
}

type opKind uint8

const (
	textOp opKind = iota
	fillOp
	frameOp
	lineOp
	arrowOp // the head of an arrow: its tip at x, y, pointing along w, h
	linkOp
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

func (d *Document) text(x, y int, text string, k ink) {
	if text != "" {
		d.add(op{kind: textOp, x: x, y: y, text: text, face: k.face, size: k.size, color: k.color})
	}
}

// Output draws the document and writes it to w. It may be called again, also
// after more blocks have been added; the same calls give the same bytes, in any
// time zone and on any machine.
//
// It returns the first mistake made in the calls before it, the error of ctx,
// which is looked at for every page, the error of w, or what went wrong while
// drawing. Nothing is written to w unless the whole document has been drawn.
// Drawing is impossible where the program may only use FIPS 140 approved
// algorithms (GODEBUG=fips140=only), as the fonts are named by a SHA-1 sum;
// that is an error here, not a panic.
func (d *Document) Output(ctx context.Context, w io.Writer) error {
	d.flush()
	if d.err != nil {
		return d.err
	}
	f, err := d.render(ctx)
	if err != nil {
		return err
	}
	if err := f.Output(w); err != nil {
		return fmt.Errorf("pdf: %w", err)
	}
	return nil
}

// render draws everything into fpdf, which panics on much that it is not
// prepared for. None of that should get past the sanitiser; the recover is for
// what nobody has thought of.
func (d *Document) render(ctx context.Context) (f *fpdf.Fpdf, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("pdf: drawing: %v", p)
		}
	}()
	f = fpdf.NewCustom(&fpdf.InitType{
		UnitStr: "pt",
		Size:    fpdf.SizeType{Wd: points(d.width), Ht: points(d.height)},
	})
	f.SetCatalogSort(true)
	f.SetCompression(true)
	f.SetAutoPageBreak(false, 0)
	d.setProperties(f)

	running := make([][]op, len(d.pages))
	var used [faceCount]runeSet
	var inUse [faceCount]bool
	for i, page := range d.pages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		running[i] = d.running(i)
		for _, ops := range [][]op{page, running[i]} {
			for _, o := range ops {
				if o.kind == textOp {
					used[o.face].add(o.text)
					inUse[o.face] = true
				}
			}
		}
	}
	for id, face := range d.faces {
		// A font that was added but not used would be embedded as well.
		if inUse[id] {
			f.AddUTF8FontFromBytes(face.name, "", face.subset(&used[id]))
		}
	}

	marks := d.outline
	p := pen{f: f, faces: d.faces}
	for i, page := range d.pages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f.AddPage()
		p.draw(page)
		p.draw(running[i])
		for len(marks) > 0 && marks[0].page == i {
			f.Bookmark(marks[0].text, marks[0].level, points(marks[0].y))
			marks = marks[1:]
		}
	}
	f.Close()
	if err := f.Error(); err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	return f, nil
}

func (d *Document) setProperties(f *fpdf.Fpdf) {
	set := func(to func(string, bool), text string) {
		text, _ = dropInvisible(text, false)
		if text != "" {
			to(utf16Text(text), false)
		}
	}
	set(f.SetTitle, d.opts.Title)
	set(f.SetAuthor, d.opts.Author)
	set(f.SetSubject, d.opts.Subject)
	set(f.SetKeywords, d.opts.Keywords)
	set(f.SetProducer, "incidentkit")
	if isLanguage(d.opts.Language) {
		f.SetLang(d.opts.Language)
	}
	created := d.opts.Created.UTC()
	if created.IsZero() {
		created = time.Unix(0, 0).UTC() // fpdf takes the zero time for "now"
	}
	f.SetCreationDate(created)
	f.SetModificationDate(created)
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
func (d *Document) running(page int) []op {
	var ops []op
	text := func(x, y int, text string, k ink) {
		if text != "" {
			ops = append(ops, op{kind: textOp, x: x, y: y, text: text, face: k.face, size: k.size, color: k.color})
		}
	}
	both := func(y int, left string, leftInk ink, right string, rightInk ink) {
		right = d.clip(right, rightInk, d.bodyWidth()/2)
		width := d.textWidth(right, rightInk)
		text(margin, y, d.clip(left, leftInk, d.bodyWidth()-width-16*point), leftInk)
		text(d.width-margin-width, y, right, rightInk)
	}
	normal, strong := Style(0).ink(smallSize, grey), Bold.ink(smallSize, grey)
	if (page > 0 || d.opts.HeaderOnFirst) && d.opts.HeaderLeft+d.opts.HeaderRight != "" {
		both(headerBase, d.opts.HeaderLeft, strong, d.opts.HeaderRight, normal)
		ops = append(ops, op{kind: lineOp, x: margin, y: headerBase + 6*point, w: d.bodyWidth(), size: 400, color: hairline})
	}
	number := fmt.Sprintf("Page %d of %d", page+1, len(d.pages))
	both(d.height-footerBase, d.opts.FooterLeft, normal, number, normal)
	return ops
}

// pen draws operations with fpdf, and changes a setting only when it has to.
// fpdf carries the settings from page to page. Its zero value is what a new
// fpdf document starts with, as far as our colours and sizes are concerned.
type pen struct {
	f         *fpdf.Fpdf
	faces     [faceCount]*face
	face      faceID
	fontSize  int
	fillColor color
	lineColor color
	lineWidth int
}

func (p *pen) draw(ops []op) {
	for _, o := range ops {
		x, y, w, h := points(o.x), points(o.y), points(o.w), points(o.h)
		switch o.kind {
		case textOp:
			p.setFont(o.face, o.size)
			p.setFill(o.color)
			p.f.Text(x, y, o.text)
		case fillOp:
			p.setFill(o.color)
			p.f.Rect(x, y, w, h, "F")
		case frameOp:
			p.setLine(o.color, o.size)
			p.f.Rect(x, y, w, h, "D")
		case lineOp:
			p.setLine(o.color, o.size)
			p.f.Line(x, y, points(o.x+o.w), points(o.y+o.h))
		case arrowOp:
			p.setFill(o.color)
			p.f.Polygon(arrowHead(o), "F")
		case linkOp:
			p.f.LinkString(x, y, w, h, o.text)
		}
	}
}

func (p *pen) setFont(id faceID, size int) {
	if p.fontSize == 0 || p.face != id || p.fontSize != size {
		p.f.SetFont(p.faces[id].name, "", points(size))
		p.face, p.fontSize = id, size
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

// arrowHead returns the triangle of an arrowOp. Everything is rounded to the
// unit of the layout before it is added up.
func arrowHead(o op) []fpdf.PointType {
	length := math.Sqrt(float64(o.w*o.w + o.h*o.h))
	if length == 0 {
		return nil
	}
	along := func(v, size int) int { return int(math.Round(float64(v*size) / length)) }
	backX, backY := o.x-along(o.w, o.size), o.y-along(o.h, o.size)
	sideX, sideY := along(-o.h, o.size*2/5), along(o.w, o.size*2/5)
	at := func(x, y int) fpdf.PointType { return fpdf.PointType{X: points(x), Y: points(y)} }
	return []fpdf.PointType{at(o.x, o.y), at(backX+sideX, backY+sideY), at(backX-sideX, backY-sideY)}
}

func points(thousandths int) float64 { return float64(thousandths) / point }
