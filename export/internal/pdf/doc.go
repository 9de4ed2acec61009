// Package pdf sets reports: headings, paragraphs, tables and chains of boxes, one
// below the other, on A4 or letter pages with a running header and "Page 1 of 7". It is the
// only package that knows which PDF library is below it.
//
// A [Document] lays its blocks out as they are added and keeps the finished
// pages as lists of drawing operations. [Document.Output] then draws them. Two
// things follow from that: the number of pages is known before the first one is
// drawn, so no placeholder is ever searched for in the text, and the runes in
// use are known, so only their glyphs are embedded.
//
// # Text
//
// All text is cleaned and broken into lines here. The library's own line
// breaking loses characters, and text that it does not expect makes it panic.
// Three DejaVu faces are built in: a condensed sans, its bold, and one for code whose
// letters are all of one width. They cover Latin, Greek, Cyrillic, Hebrew and Arabic
// and many symbols; slanted text is the upright one leaning. For the rest, such as
// Chinese, Japanese and Korean, [Options] takes fonts. What no font has stands as
// a mark with its code point, and [Document.Replaced] counts it.
//
// # Scripts
//
// A rune is drawn by one glyph, and text goes through four steps. It is cleaned
// and Arabic letters are replaced by the forms in which they join, which are runes
// too; lines are broken, in logical order, with the widths of what will be drawn;
// each line is put in order by the Unicode Bidirectional Algorithm, over the whole
// paragraph and without its explicit codes; and points are moved onto their
// letters. Lines break at spaces, and between East Asian characters.
//
// No table of a font but its character map is used for this. So there is no
// kerning, scripts that need more than joining (Devanagari and its relatives,
// Khmer, …) are not shaped, and neither are runes beyond U+FFFF drawn.
//
// # Limits
//
// A document is held in memory as a whole, also by Output. There is no tagging
// for accessibility and no PDF/A.
package pdf
