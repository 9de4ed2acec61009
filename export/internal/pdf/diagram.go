package pdf

// Diagram is a drawing of boxes and arrows, with the places of all of them given
// in points from the top left corner. It is scaled down to fit the page, never
// up, and stands on one page.
type Diagram struct {
	Width, Height float64
	Boxes         []Box
	Arrows        []Arrow
}

// Box is a box of a diagram. Text that does not fit its width ends in an
// ellipsis; a second line is left out of a box that is too low for it.
type Box struct {
	X, Y, Width, Height float64
	Label               string
	Note                string // small, below the label
	Tone                Tone   // Plain draws a frame only
}

// Arrow is a line of a diagram from point to point, drawn below the boxes. It
// has a head at its end.
type Arrow struct {
	Points []Point
	Tone   Tone   // the colour of the line; Plain is grey
	Label  string // at the middle of its longest part
}

// Point is a place in a diagram.
type Point struct{ X, Y float64 }

// Diagram sets a diagram. One without boxes is left out.
func (d *Document) Diagram(g Diagram) {
	if len(g.Boxes) == 0 {
		return
	}
	scale := 1.0
	if w, most := positive(g.Width), points(d.bodyWidth()); w > most {
		scale = most / w
	}
	if h, most := positive(g.Height), points(d.bottom()-bodyTop-60*point); h*scale > most {
		scale = most / h
	}
	x0 := margin
	length := func(v float64) int { return thousandths(max(-1e6, min(1e6, v)) * scale) }
	height := length(positive(g.Height))
	d.before(6 * point)
	y0 := d.take(height)
	size := max(5*point, min(badgeSize+500, length(points(badgeSize+500))))

	for _, a := range g.Arrows {
		ink, _ := a.Tone.colors()
		if ink == white || ink == pale {
			ink = grey
		}
		longest, middleX, middleY := -1, 0, 0
		for i := 1; i < len(a.Points); i++ {
			fromX, fromY := x0+length(a.Points[i-1].X), y0+length(a.Points[i-1].Y)
			dx, dy := x0+length(a.Points[i].X)-fromX, y0+length(a.Points[i].Y)-fromY
			if dx == 0 && dy == 0 {
				continue
			}
			d.line(fromX, fromY, dx, dy, 700, ink)
			if i == len(a.Points)-1 {
				d.add(op{kind: arrowOp, x: fromX + dx, y: fromY + dy, w: dx, h: dy, size: 5 * point, color: ink})
			}
			if l := dx*dx + dy*dy; l > longest {
				longest, middleX, middleY = l, fromX+dx/2, fromY+dy/2
			}
		}
		if label := d.clean(a.Label, 0, false); label != "" && longest >= 0 {
			k := Style(0).ink(size*6/7, grey)
			label = d.clip(label, k, d.bodyWidth()/4)
			width := d.textWidth(label, k)
			d.fill(middleX-width/2-point, middleY-k.size*6/10, width+2*point, k.size*12/10, white)
			d.text(middleX-width/2, middleY+k.size*365/1000, label, k)
		}
	}
	for _, b := range g.Boxes {
		x, y, w, h := x0+length(b.X), y0+length(b.Y), length(positive(b.Width)), length(positive(b.Height))
		ground, ink := b.Tone.colors()
		d.fill(x, y, w, h, ground)
		noteColor := ink
		if ground == white {
			d.frame(x, y, w, h, 500, grey)
			noteColor = grey
		}
		line := lineHeight(size)
		texts := []struct {
			text  string
			style Style
			color color
		}{{b.Label, Bold, ink}, {b.Note, 0, noteColor}}
		if b.Note == "" || h < 2*line {
			texts = texts[:1]
		}
		at := y + (h-len(texts)*line)/2
		for _, t := range texts {
			k := t.style.ink(size, t.color)
			text := d.clip(d.clean(t.text, t.style, false), k, max(0, w-4*point))
			d.text(x+(w-d.textWidth(text, k))/2, at+baseline(line, size), text, k)
			at += line
		}
	}
	d.before(6 * point)
}
