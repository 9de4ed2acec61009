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

// embedding is what a document has of a face.
type embedding struct {
	face     *face
	families []string // what fpdf knows the fonts by, in order
	// places holds, for each rune in use, its index in their order. The rune is
	// the character firstCode + index % codes of the font index / codes.
	places [0x10000]uint16
}

// embed adds the fonts for the runes of used to doc.
func (f *face) embed(doc *fpdf.Fpdf, z *zlib.Writer, used *runeSet) (*embedding, error) {
	e := &embedding{face: f}
	runes := slices.Collect(used.all)
	for i, r := range runes {
		e.places[r] = uint16(i)
	}
	for part := range slices.Chunk(runes, codes) {
		n := len(e.families)
		e.families = append(e.families, fmt.Sprintf("%s-%03d", f.name, n))
		// What subsets of a font are called: a tag of their own of six letters.
		name := fmt.Sprintf("INCK%c%c+%s", 'A'+n/26, 'A'+n%26, f.name)
		if err := f.embedFont(doc, z, e.families[n], name, part); err != nil {
			return nil, err
		}
	}
	return e, nil
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
	head, hhea, weight := f.table("head"), f.table("hhea"), u16(f.table("OS/2"), 4)
	at := func(table string, at int) int { return f.milli(int(int16(u16(table, at)))) }
	d := fpdf.FontDescType{
		Ascent: at(hhea, 4), Descent: at(hhea, 6), CapHeight: 729, Flags: fpdf.FontFlagNonsymbolic,
		StemV: 50 + weight*weight/(65*65),
	}
	d.FontBBox.Xmin, d.FontBBox.Ymin, d.FontBBox.Xmax, d.FontBBox.Ymax = at(head, 36), at(head, 38), at(head, 40), at(head, 42)
	return d
}
