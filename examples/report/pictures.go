package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	stdpng "image/png"
)

// The colours of the pictures.
var (
	sheet  = color.RGBA{0xfa, 0xfa, 0xf7, 0xff}
	ink    = color.RGBA{0x33, 0x38, 0x40, 0xff}
	pale   = color.RGBA{0xc9, 0xcd, 0xd4, 0xff}
	frame  = color.RGBA{0x2b, 0x57, 0x9a, 0xff}
	warned = color.RGBA{0xff, 0xe6, 0x99, 0xff}
	alarm  = color.RGBA{0xb3, 0x1b, 0x1b, 0xff}
)

// png returns p as a PNG file. A buffer takes everything, and what the encoder refuses gives no file, which a
// comment then refuses too; so it is for jpg and animation.
func png(p image.Image) []byte {
	var b bytes.Buffer
	if err := stdpng.Encode(&b, p); err != nil {
		return nil
	}
	return b.Bytes()
}

// jpg returns p as a JPEG file.
func jpg(p image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, &jpeg.Options{Quality: 80}); err != nil {
		return nil
	}
	return b.Bytes()
}

// animation returns pictures as a GIF file that shows each for a second.
func animation(frames ...*image.Paletted) []byte {
	g := &gif.GIF{Image: frames}
	for range frames {
		g.Delay = append(g.Delay, 100)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		return nil
	}
	return b.Bytes()
}

// fill paints a rectangle.
func fill(p draw.Image, x0, y0, x1, y1 int, c color.Color) {
	draw.Draw(p, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, draw.Src)
}

// scribble paints what looks like lines of text from far away: words of some length in lines of 16 pixels.
func scribble(p draw.Image, area image.Rectangle, c color.Color) {
	seed := area.Dx()*31 + area.Dy()
	for y := area.Min.Y; y+7 <= area.Max.Y; y += 16 {
		for x := area.Min.X; ; {
			seed = (seed*1103 + 12345) % 65536
			word := 14 + seed%47
			if x+word > area.Max.X {
				break
			}
			fill(p, x, y, x+word, y+7, c)
			x += word + 7
		}
	}
}

// screenshot returns a window with a document that asks for something.
func screenshot(w, h int) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	fill(p, 0, 0, w, h, pale)
	fill(p, 0, 0, w, 34, frame)
	scribble(p, image.Rect(16, 14, w/3, 24), sheet)
	for n := range 3 {
		fill(p, w-30*(n+1), 10, w-30*(n+1)+14, 24, sheet)
	}
	fill(p, 0, 34, w, 74, sheet)
	scribble(p, image.Rect(16, 50, w*2/3, 60), ink)
	fill(p, 0, 74, w, 110, warned)
	scribble(p, image.Rect(16, 88, w/2, 98), ink)
	fill(p, w-190, 80, w-20, 104, sheet)
	scribble(p, image.Rect(w-178, 88, w-30, 98), alarm)
	fill(p, w/6, 126, w*5/6, h, sheet)
	scribble(p, image.Rect(w/6+40, 150, w*5/6-40, h-30), ink)
	return p
}

// photo returns what a camera might have seen of a screen in a dim room: light that falls off, and grain.
func photo(w, h int) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	grain := uint32(1)
	for y := range h {
		for x := range w {
			dx, dy := 2*x-w, 2*y-h
			light := 200 - 150*(dx*dx+dy*dy)/(w*w+h*h)
			if x > w/4 && x < w*3/4 && y > h/5 && y < h*3/5 {
				light += 40
			}
			grain = grain*1664525 + 1013904223
			light += int(grain>>28) - 8
			p.SetRGBA(x, y, color.RGBA{uint8(light), uint8(light * 9 / 10), uint8(light * 7 / 10), 0xff})
		}
	}
	fill(p, w/4+w/20, h/4, w*3/4-w/20, h/4+h/24, alarm)
	scribble(p, image.Rect(w/4+w/20, h/3, w*3/4-w/20, h/2), ink)
	return p
}

// plot returns columns of different heights with a line at their foot.
func plot(w, h int) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	fill(p, 0, 0, w, h, sheet)
	for x := 4; x+8 < w; x += 12 {
		height := (x*x/7 + 13*x) % (h - 12)
		c := frame
		if height > h*3/4 {
			c = alarm
		}
		fill(p, x, h-6-height, x+8, h-6, c)
	}
	fill(p, 0, h-6, w, h-4, ink)
	return p
}

// console returns a long list, as somebody scrolls through it.
func console(w, h int) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	fill(p, 0, 0, w, h, ink)
	scribble(p, image.Rect(10, 10, w-10, h-10), color.RGBA{0x9c, 0xe0, 0x9c, 0xff})
	return p
}

// stamp returns a ring on nothing: what is behind it shines through, the more the further right.
func stamp(size int) image.Image {
	p := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			dx, dy := 2*x-size, 2*y-size
			if r := dx*dx + dy*dy; r < size*size && r > size*size/2 {
				p.SetNRGBA(x, y, color.NRGBA{alarm.R, alarm.G, alarm.B, uint8(255 - 230*x/size)})
			}
		}
	}
	return p
}

// ramp returns a gradient with 16 bits for each of its colours.
func ramp(w, h int) image.Image {
	p := image.NewRGBA64(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p.SetRGBA64(x, y, color.RGBA64{uint16(0xffff * x / w), uint16(0xffff * y / h), 0x8000, 0xffff})
		}
	}
	return p
}

// blink returns one of the pictures of an animation: a lamp that is on or off.
func blink(on bool) *image.Paletted {
	p := image.NewPaletted(image.Rect(0, 0, 160, 120), color.Palette{sheet, ink, alarm, pale})
	fill(p, 50, 20, 110, 100, ink)
	lamp := color.Color(pale)
	if on {
		lamp = alarm
	}
	fill(p, 65, 35, 95, 65, lamp)
	return p
}
