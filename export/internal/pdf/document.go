package pdf

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// Options are the settings of a document. Texts may hold anything; they are
// sanitised like all others.
type Options struct {
	// Letter is US letter paper, 8.5 by 11 inches, instead of A4.
	Letter bool
	// Properties of the file, shown by readers. Empty ones are left out.
	Title, Author, Subject, Keywords string
	// Language is the language of the text as a BCP 47 tag, such as "en". One
	// that has other characters than letters, digits and hyphens is left out.
	Language string
	// Created is written as the time of creation and of the last change, in
	// UTC. The zero time, and one whose year has more than four digits, is written
	// as 1970-01-01.
	Created time.Time

	// The running header, from page 2 on: HeaderLeft and the section in which the
	// page begins are cut with an ellipsis where they would meet HeaderRight.
	HeaderLeft, HeaderRight string
	// FooterLeft stands at the foot of every page, opposite "Page 1 of 7".
	FooterLeft string
	// Head and Foot stand at the head and at the foot of every page, a line each
	// that is cut with an ellipsis where it is too long.
	Head, Foot string
	// Band marks every page at its head and at its foot.
	Band Band

	// Accent is the colour of headings, of rules and of the tone Accent. The zero
	// Color is the usual one. It needs a contrast of 4.5 to white.
	Accent doc.Color

	// Attachments are files to put into the document. Where names are the same,
	// later ones get a number.
	Attachments []Attachment

	// Fonts are TrueType fonts, asked in order for what the built-in faces lack.
	// What is drawn with one is embedded. One that cannot be used is an
	// error of Output.
	Fonts [][]byte
}

// A Band is a label on a ground of its own, in type of 12 points. One without a Label is none.
type Band struct {
	Label       string
	Ground, Ink doc.Color
}

// Document collects the blocks of a report, top to bottom, and lays them out as
// they come. [Document.Output] draws it. A Document belongs to one goroutine;
// different documents may be used at the same time.
//
// Methods that add blocks do not fail. What cannot be drawn is reported by
// Output, and nothing is laid out any more.
type Document struct {
	ctx      context.Context // of the one call in which the document lives
	opts     Options
	faces    [faceCount]*face
	pictures []*Picture
	pages    [][]op
	stripes  []stripe
	outline  []bookmark
	latest   string // the heading that was drawn last
	accent   color
	replaced int
	watch    *doc.Watch
	err      error

	pageWidth, pageHeight int // of the paper
	bodyWidth, bodyEnd    int // where the content ends, within the margins
	bodyTop, firstTop     int // where it begins, and where on the first page
	headBase, runningBase int // base lines of Head and of the running header
	footBase              int // the same of the footer

	y       int // where the next piece goes, on the last page
	top     int // the y at which the last page has no content yet
	gap     int // space owed between the last piece and the next one
	waiting []piece
	// repeat draws what every new page starts with, the header of the table
	// that is being drawn, and repeatHeight is its height.
	repeat       func()
	repeatHeight int
	goesOn       string // the row of a table that is being continued
	tail         int    // room below the next block, see KeepBelow
}

// piece is something that has to stand on the same page as what follows it.
type piece struct {
	gap, height int
	draw        func(y int)
}

type bookmark struct {
	text  string
	drawn string // as it is on the page, in one line
	level int
	page  int // index into pages
	y     int
	minor bool // only for long documents
}

const (
	margin       = 51 * point // 18 mm
	bodyFoot     = 56 * point // from the foot of the page
	bandTop      = 14 * point // from the head of the page, and from its foot
	bandHeight   = 17 * point
	longDocument = 12 // pages; one that has more has an outline in detail
	maxWaiting   = 4  // pieces kept with the next block
	maxKeptLines = 6  // lines of a heading that is kept with the next block
)

// New returns an empty document of one page. It stops growing when ctx is done,
// and Output then returns the error of ctx.
func New(ctx context.Context, opts Options) *Document {
	d := &Document{ctx: ctx, watch: doc.NewWatch(ctx), opts: opts, pageWidth: 595280, pageHeight: 841890} // A4, 210 mm by 297 mm
	if opts.Letter {
		d.pageWidth, d.pageHeight = 612*point, 792*point // 8.5 in by 11 in
	}
	d.bodyWidth, d.bodyEnd = d.pageWidth-2*margin, d.pageHeight-bodyFoot
	d.accent = accent
	if opts.Accent != (doc.Color{}) {
		d.accent = color{opts.Accent.R, opts.Accent.G, opts.Accent.B}
	}
	for id := range faceCount {
		d.faces[id] = newFace(id)
	}
	d.faces[mono].fallback = []*face{newFace(sans)} // it has no Hebrew, and less of much else
	for i, data := range opts.Fonts {
		f, err := parseFont(fmt.Sprintf("Extra%d", i+1), data)
		if err != nil {
			d.fail("font %d: %w", i+1, err)
			continue
		}
		for _, own := range d.faces {
			own.fallback = append(own.fallback, f)
		}
	}
	running := func(text string, style Style) string {
		return d.clip(d.clean(text, style, false), style.ink(smallSize, grey), d.bodyWidth)
	}
	d.opts.HeaderLeft = running(opts.HeaderLeft, Bold)
	d.opts.HeaderRight = running(opts.HeaderRight, 0)
	d.opts.FooterLeft = running(opts.FooterLeft, 0)
	d.opts.Head, d.opts.Foot = running(opts.Head, 0), running(opts.Foot, 0)
	d.opts.Band.Label = d.clip(d.clean(opts.Band.Label, Bold, false), bandInk(opts.Band), d.bodyWidth/2)
	d.furnish()
	d.newPage()
	return d
}

// furnish makes room at the head and at the foot of the pages for what stands on all of them.
func (d *Document) furnish() {
	d.firstTop, d.headBase, d.runningBase, d.footBase = margin, 22*point, 35*point, d.pageHeight-32*point
	if d.opts.Band.Label != "" {
		d.headBase, d.runningBase = 42*point, 44*point
	}
	if d.opts.Head != "" {
		d.runningBase = d.headBase + 13*point
		d.firstTop = max(margin, d.headBase+13*point)
	}
	d.bodyTop = d.runningBase + 21*point
	if d.opts.Band.Label != "" || d.opts.Foot != "" {
		d.footBase = d.pageHeight - 37*point
	}
}

// Replaced returns how many runes and bytes of the texts added so far could not
// be drawn and were replaced by a visible mark.
func (d *Document) Replaced() int { return d.replaced }

// Err returns what has gone wrong so far: the first mistake made, or that the context
// is done.
func (d *Document) Err() error {
	if d.err == nil {
		return d.ctx.Err()
	}
	return d.err
}

// Pages returns the number of pages laid out so far, at least 1.
func (d *Document) Pages() int { return len(d.pages) }

// fail keeps the first error for Output.
func (d *Document) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("pdf: "+format, args...)
	}
}

func (d *Document) clean(text string, style Style, multiline bool) string {
	text, n := d.faces[style.face()].sanitise(text, multiline)
	d.replaced += n
	return text
}

// counted looks at the context after many cells.
func (d *Document) counted(cells int) {
	for range cells {
		if d.watch.Cell() && d.err == nil {
			d.err = d.watch.Err()
		}
	}
}

func (d *Document) atTop() bool { return d.y <= d.top }

func (d *Document) newPage() {
	if err := d.ctx.Err(); err != nil && d.err == nil {
		d.err = err
	}
	d.pages = append(d.pages, nil)
	d.y = d.bodyTop
	if len(d.pages) == 1 {
		d.y = d.firstTop
	}
	d.gap = 0
	if d.repeat != nil {
		d.repeat()
		d.y += d.repeatHeight
	}
	if d.goesOn != "" {
		d.y += 2 * point // the middle of a row has no space above
	}
	d.top = d.y
}

// startPage begins a new page for what is placed next, or waits to be.
func (d *Document) startPage() {
	owed := d.gap
	d.newPage()
	if len(d.waiting) > 0 {
		d.gap = owed
	}
}

// before asks for a gap above the next piece. Gaps do not add up: the largest
// one counts.
func (d *Document) before(gap int) { d.gap = max(d.gap, gap) }

// KeepBelow keeps the end of the block that is added next on one page with so many lines of running text below it.
func (d *Document) KeepBelow(lines int) {
	if d.tail = 0; lines > 0 {
		d.tail = lines*lineHeight(bodySize) + 10*point
	}
}

// kept returns the room that is to be kept below the end of the block that is being added, once.
func (d *Document) kept() int {
	tail := d.tail
	d.tail = 0
	return tail
}

// keepWithNext holds a piece back until the next one is placed.
func (d *Document) keepWithNext(height int, draw func(y int)) {
	if len(d.waiting) >= maxWaiting {
		d.flush()
	}
	d.waiting = append(d.waiting, piece{d.gap, height, draw})
	d.gap = 0
}

// lead is the height of all that goes between y and the next piece.
func (d *Document) lead() int {
	sum := d.gap
	for _, p := range d.waiting {
		sum += p.gap + p.height
	}
	if !d.atTop() {
		return sum
	}
	if len(d.waiting) > 0 {
		return sum - d.waiting[0].gap
	}
	return 0
}

// room is the height that is left on this page for the next piece.
func (d *Document) room() int { return d.bodyEnd - d.y - d.lead() }

// take places a piece of a height on the page, a new one if it does not fit,
// and returns the y of its top.
func (d *Document) take(height int) int {
	if d.room() < height && !d.atTop() {
		d.startPage()
	}
	waiting, owed := d.waiting, d.gap
	d.waiting = nil
	for _, p := range waiting {
		if !d.atTop() {
			d.y += p.gap
		}
		p.draw(d.y)
		d.y += p.height
	}
	if !d.atTop() {
		d.y += owed
	}
	d.gap = 0
	y := d.y
	d.y += height
	return y
}

// flush places what waits, with nothing to follow it.
func (d *Document) flush() {
	if len(d.waiting) == 0 {
		return
	}
	owed := d.gap
	d.gap = 0
	d.take(0)
	d.gap = owed
}

// thousandths converts points to the unit of the layout. What is not a number
// is 0, what is far off every page is brought near.
func thousandths(points float64) int {
	if math.IsNaN(points) {
		return 0
	}
	return int(math.Round(max(-1e6, min(1e6, points)) * point))
}
