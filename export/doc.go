// Package export turns an incident into a report: [Collect] reads everything that belongs to it at one
// moment and returns a [Report], a plain value; [WritePDF] draws that value. A Report can also be kept or
// sent as JSON.
//
// Nothing is ever fetched: links of alerts and references are printed, not followed. The same Report gives
// the same PDF, byte by byte, on any machine and in any time zone.
//
// # Scripts
//
// The PDF draws Latin, Greek and Cyrillic text, Hebrew, and Arabic as it is written in Arabic and Persian: from
// right to left line by line, with the letters joined. A text in these begins on the right if it takes several
// lines, and each text is put in order by itself, so that one never rearranges its neighbours. Bidirectional
// control characters are taken out. Chinese, Japanese and Korean need the font of the module
// export/fonts/cjk, or another one, in [PDF]; their lines break between characters. Emoji are not drawn.
//
// Letters are set side by side and nothing more: scripts whose letters change or move beside each other, such
// as Devanagari, Bengali, Tamil or Khmer, come out wrong also with a font that has them, and Thai and Lao,
// which are written without spaces, break anywhere. Of Arabic, letters of which Unicode or the fonts have no
// presentation forms are not joined; the built-in faces lack two that Urdu needs. Points and harakat stand on
// their letters, but programs that copy text out of a PDF may part some of them from these, and may give
// Arabic in presentation forms, which compare equal once both sides are in Normalization Form KC.
//
// # Limits
//
// A report holds all alerts in full and the whole activity log of the incident, but only so many assets and
// pieces of evidence as [Options] say; what was left out is counted. It is held in memory as a whole, and so
// is the PDF.
//
// # Errors
//
// [Collect] returns the errors of the storage, [WritePDF] those of the writer, and both that of a context
// that is done, to be tested for with [errors.Is].
package export
