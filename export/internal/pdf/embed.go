package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-pdf/fpdf"
)

// Text is drawn with fonts of one byte a character, each with an encoding of its
// own and a part of the runes that a document uses of a face. fpdf can also draw
// Unicode with two bytes a character, but then it parses and cuts the font
// itself and hashes 65,536 widths, which takes longer than all the rest.
const (
	firstCode = 32
	codes     = 256 - firstCode // runes of one font
)

// embedding is what a document has of a face and of those it falls back on.
type embedding struct {
	face     *face
	id       faceID
	families []string // what fpdf knows the fonts by, in order
	light    []bool   // whether each is lighter than the bold face it stands in for
	// places holds where each rune in use is: it is the character
	// firstCode + place % codes of the font place / codes.
	places [0x10000]uint16
}

// embed adds the fonts for the runes of used to doc, in which the face has a number.
func (f *face) embed(doc *fpdf.Fpdf, z *zlib.Writer, id faceID, used *runeSet) (*embedding, error) {
	runes := slices.Collect(used.all)
	if len(runes) == 0 {
		return nil, nil // nothing is drawn with it
	}
	e := &embedding{face: f, id: id}
	if len(f.fallback) == 0 {
		return e, e.add(doc, z, f, runes)
	}
	shares := make(map[*face][]rune)
	for _, r := range runes {
		source := f.source(r)
		shares[source] = append(shares[source], r)
	}
	for _, source := range append([]*face{f}, f.fallback...) {
		if err := e.add(doc, z, source, shares[source]); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// add adds the fonts for runes that a face draws.
func (e *embedding) add(doc *fpdf.Fpdf, z *zlib.Writer, source *face, runes []rune) error {
	for part := range slices.Chunk(runes, codes) {
		n := len(e.families)
		if n >= 0x10000/codes {
			return fmt.Errorf("more than %d fonts of %s", n, e.face.name)
		}
		for i, r := range part {
			e.places[r] = uint16(n*codes + i)
		}
		e.light = append(e.light, e.face.name == boldName && source.foreign && source.weight() < 600)
		e.families = append(e.families, fmt.Sprintf("%s-%03d", e.face.name, n))
		// What subsets of a font are called: a tag of their own of six letters. Two faces may need the same runes
		// of another one, and fpdf knows fonts by what they are called.
		name := fmt.Sprintf("INC%c%c%c+%s", 'A'+rune(e.id), 'A'+n/26, 'A'+n%26, source.name)
		if err := source.embedFont(doc, z, e.families[n], name, part); err != nil {
			return err
		}
	}
	return nil
}

// embedFont adds one font. Its encoding names the runes as the Adobe Glyph List
// does for all of Unicode, from which readers take the text as well as the glyph.
func (f *face) embedFont(doc *fpdf.Fpdf, z *zlib.Writer, family, name string, runes []rune) error {
	var encoding strings.Builder
	fmt.Fprint(&encoding, firstCode)
	widths := make([]int, 256)
	for i, r := range runes {
		fmt.Fprintf(&encoding, " /uni%04X", r)
		widths[firstCode+i] = f.advance(r)
	}
	font := f.subset(runes)
	var compressed bytes.Buffer
	z.Reset(&compressed)
	if _, err := z.Write(font); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	definition, err := json.Marshal(map[string]any{
		"Tp": "TrueType", "Name": name, "Desc": f.descriptor(), "Cw": widths, "Diff": encoding.String(),
		"File": family + ".z", "OriginalSize": len(font),
	})
	if err != nil {
		return err
	}
	doc.AddFontFromBytes(family, "", definition, compressed.Bytes())
	return doc.Error()
}

// descriptor returns the measures of the whole face, in thousandths of the em.
// The width of stems is an estimate from the weight, as fpdf makes it.
func (f *face) descriptor() fpdf.FontDescType {
	head, hhea, weight := f.table("head"), f.table("hhea"), f.weight()
	at := func(table string, at int) int { return f.milli(int(int16(u16(table, at)))) }
	d := fpdf.FontDescType{
		Ascent: at(hhea, 4), Descent: at(hhea, 6), CapHeight: 729, Flags: fpdf.FontFlagNonsymbolic,
		StemV: 50 + weight*weight/(65*65),
	}
	d.FontBBox.Xmin, d.FontBBox.Ymin, d.FontBBox.Xmax, d.FontBBox.Ymax = at(head, 36), at(head, 38), at(head, 40), at(head, 42)
	return d
}

// weight is 400 for normal type and 700 for bold.
func (f *face) weight() int {
	if os2 := f.table("OS/2"); len(os2) >= 6 {
		return u16(os2, 4)
	}
	return 400
}
