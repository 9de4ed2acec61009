// Package pdf sets reports: headings, paragraphs, tables and chains of boxes, one
// below the other, on A4 pages with a running header and "Page 1 of 7". It is the only package that knows which PDF library is below
// it.
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
// Two DejaVu faces are built in, a condensed sans and its bold. They cover Latin,
// Greek, Cyrillic, Hebrew and Arabic and many symbols. Chinese, Japanese, Korean
// and emoji are not among them; such runes stand as marks with their code points,
// and [Document.Replaced] counts them.
// Hebrew and Arabic are drawn in logical order with isolated letters for now.
//
// # Limits
//
// A document is held in memory as a whole, also by Output. There is no tagging
// for accessibility and no PDF/A.
package pdf
