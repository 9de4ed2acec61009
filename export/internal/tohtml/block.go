package tohtml

import (
	"encoding/base64"
	"strconv"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/picture"
)

func (p *page) section(s doc.Section) {
	if p.Err() != nil {
		return
	}
	p.raw("<section")
	p.attr("aria-labelledby", s.ID)
	p.raw(">\n<h2")
	p.attr("id", s.ID)
	p.raw(` dir="auto">`)
	p.text(s.Title)
	p.raw("</h2>\n")
	p.level, p.title = 2, s.ID
	p.blocks(s.Blocks)
	p.raw("</section>\n")
}

func (p *page) blocks(list []doc.Block) {
	for _, b := range list {
		if p.Err() != nil {
			return
		}
		switch b := b.(type) {
		case doc.Heading:
			p.heading(b)
		case doc.Text:
			p.raw(`<p class="text">`)
			p.spans(b)
			p.raw("</p>\n")
		case doc.Prose:
			p.written(b)
		case doc.Notice:
			p.notice(b)
		case doc.Pairs:
			class := "pairs"
			if b.PerRow == 1 {
				class = "pairs single"
			}
			p.pairs(class, b.List)
		case *doc.Table:
			p.table(*b)
		case doc.Graph:
			p.figure(drawn{b.Title, b.Caption, screen().Graph(b.Figure)})
		case doc.Chart:
			p.figure(drawn{b.Title, b.Caption, screen().Chart(b.Figure)})
		case doc.Picture:
			p.picture(b)
		}
	}
}

// heading writes a heading, which is at most one level below the one before.
func (p *page) heading(h doc.Heading) {
	p.level = min(max(h.Level, 2)+1, p.level+1, 4)
	p.title = p.id("part")
	tag := "h" + strconv.Itoa(p.level)
	p.raw("<", tag)
	p.attr("id", p.title)
	p.raw(` dir="auto">`)
	p.text(h.Text)
	p.raw("</", tag, ">\n")
}

func (p *page) notice(n doc.Notice) {
	p.raw(`<div class="notice `, toneClass(n.Tone), "\" role=\"note\">\n")
	p.in("p", "title", n.Title)
	for _, l := range n.Lines {
		p.in("p", "", l)
	}
	p.raw("</div>\n")
}

func (p *page) pairs(class string, list []doc.Pair) {
	if len(list) == 0 {
		return
	}
	p.raw(`<dl class="`, class, "\">\n")
	for _, pair := range list {
		if p.Done() {
			return
		}
		p.raw("<div>")
		p.in("dt", "", pair.Label)
		p.raw("<dd>")
		p.value(pair.Value)
		p.raw("</dd></div>\n")
	}
	p.raw("</dl>\n")
}

func (p *page) table(t doc.Table) {
	if len(t.Rows) == 0 || len(t.Columns) == 0 {
		p.in("p", "remark", t.Caption)
		p.in("p", "remark", t.Empty)
		return
	}
	p.raw(`<div class="wide"><table`)
	if t.Caption == "" {
		p.attr("aria-labelledby", p.title)
	}
	p.raw(">\n")
	p.in("caption", "", t.Caption)
	p.raw("<colgroup>")
	for _, share := range shares(t.Columns) {
		p.raw(`<col class="p`, strconv.Itoa(share), `">`)
	}
	p.raw("</colgroup>\n<thead><tr>")
	for _, c := range t.Columns {
		p.raw(`<th scope="col"`)
		if c.Number {
			p.raw(` class="number"`)
		}
		p.raw(">")
		p.said(c.Title)
		p.raw("</th>")
	}
	p.raw("</tr></thead>\n<tbody>\n")
	for _, r := range t.Rows {
		if p.Done() {
			return
		}
		p.row(t.Columns, r)
	}
	p.raw("</tbody>\n</table></div>\n")
}

// row writes the cells of a row, and below them in a row of their own what is said of it.
func (p *page) row(columns []doc.Column, r doc.Row) {
	more, from := len(r.Note)+len(r.Flow) > 0, 0
	if more {
		from = min(max(r.NoteFrom, 0), len(columns)-1)
	}
	p.raw("<tr")
	switch {
	case r.Muted && more:
		p.raw(` class="muted head"`)
	case r.Muted:
		p.raw(` class="muted"`)
	case more:
		p.raw(` class="head"`)
	}
	if r.Anchor != "" && !p.anchors[r.Anchor] {
		p.anchors[r.Anchor] = true
		p.attr("id", "row-"+r.Anchor)
	}
	p.raw(">")
	for n, column := range columns {
		var c doc.Cell
		if n < len(r.Cells) {
			c = r.Cells[n]
		}
		p.raw("<td")
		if n < from {
			p.raw(` rowspan="2"`)
		}
		if class := cellClass(column, c); class != "" {
			p.attr("class", class)
		}
		if column.Title != "" {
			p.attr("data-label", column.Title)
		}
		p.raw(">")
		p.value(c)
		p.raw("</td>")
	}
	p.raw("</tr>\n")
	if !more {
		return
	}
	p.raw("<tr class=\"more")
	if r.Muted {
		p.raw(" muted")
	}
	p.raw("\">")
	p.raw("<td")
	if from < len(r.Cells) {
		if class := depthClass(r.Cells[from].Depth); class != "" {
			p.attr("class", class)
		}
	}
	p.raw(` colspan="`, strconv.Itoa(len(columns)-from), `">`)
	if len(r.Note) > 0 {
		p.raw(`<p class="note">`)
		p.spans(r.Note)
		p.raw("</p>\n")
	}
	p.blocks(r.Flow)
	p.raw("</td></tr>\n")
}

// cellClass says how a cell is set.
func cellClass(column doc.Column, c doc.Cell) string {
	switch {
	case c.Depth > 0:
		return depthClass(c.Depth)
	case column.Number:
		return "number"
	case column.Width == doc.Badged:
		return "level"
	case column.Width == doc.Stamp:
		return "stamp"
	}
	return ""
}

// depths is how many levels a text can be indented by.
const depths = 12

func depthClass(depth int) string {
	if depth <= 0 {
		return ""
	}
	return "deep d" + strconv.Itoa(min(depth, depths))
}

// shares returns what percentage of a table's width each of its columns has.
func shares(columns []doc.Column) []int {
	list := make([]int, len(columns))
	rest, weights := 100, 0
	for n, c := range columns {
		switch c.Width {
		case doc.Narrow:
			list[n] = 6
		case doc.Stamp:
			list[n] = 15
		case doc.Badged:
			list[n] = 12
		case doc.Short:
			list[n] = 11
		case doc.Actor:
			list[n] = 15
		default:
			weights += max(c.Weight, 1)
		}
		rest -= list[n]
	}
	for n, c := range columns {
		if list[n] == 0 {
			list[n] = max(1, max(rest, 20)*max(c.Weight, 1)/weights)
		}
	}
	return list
}

// An exhibit is an image that stands in the page, or why it does not.
type exhibit struct{ id, remark string }

// picture writes an image byte by byte as it was attached, once, and what is said of it.
func (p *page) picture(b doc.Picture) {
	var e exhibit
	var shown picture.Picture
	again := false
	if b.Image != nil {
		if e, again = p.exhibits[b.Image.SHA256]; !again {
			if shown = picture.Decode(*b.Image); shown.Image != nil {
				e.id = p.id("image") // and browsers show all of it
			} else {
				e.remark = shown.Remark
			}
			p.exhibits[b.Image.SHA256] = e
		}
	}
	p.raw("<figure")
	if shown.Image != nil {
		p.attr("id", e.id)
		p.raw(">\n")
		class := ""
		if size := shown.Image.Bounds(); size.Dy() > 3*size.Dx() {
			class = "tall" // such as a whole page, which cannot be read when it is as high as the screen
		}
		p.image(*b.Image, shown, b.Image.Name, class)
	} else {
		p.raw(">")
	}
	p.raw("\n<figcaption>")
	p.name(b.Caption, false)
	if e.remark != "" {
		p.raw(". ")
		p.said(e.remark)
	}
	if again && e.id != "" {
		p.raw(`. <a href="#`, e.id, `">Shown above.</a>`)
	}
	p.raw("</figcaption>\n</figure>\n")
}

// logo writes a logo, nothing if it is no image.
func (p *page) logo(i doc.Image, alt string) {
	if decoded := picture.Decode(i); decoded.Image != nil {
		p.image(i, decoded, alt, "logo")
		p.raw("\n")
	}
}

// image writes the content of an image.
func (p *page) image(i doc.Image, decoded picture.Picture, alt, class string) {
	size := decoded.Image.Bounds()
	p.raw("<img")
	if class != "" {
		p.attr("class", class)
	}
	p.raw(` src="data:`, escaped(decoded.Media), ";base64,", base64.StdEncoding.EncodeToString(i.Data), `"`)
	p.attr("alt", alt)
	p.attr("width", strconv.Itoa(size.Dx()))
	p.attr("height", strconv.Itoa(size.Dy()))
	p.raw(">")
}
