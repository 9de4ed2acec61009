// Package export turns an incident into a report: [Collect] reads everything that belongs to it from a
// [storage.Reader], at one moment, and returns a [Report], a plain value. [WritePDF], [WriteHTML] and [WriteMarkdown]
// draw that value, and it can be kept or sent as JSON. An [Exporter] does this for many people at once.
// [WriteQueueCSV] writes many incidents as a table.
//
// A report tells only what its Reader shows. With a Reader that shows what an actor may read, it tells the actor
// nothing else, of the incidents that were merged with its own either.
//
// Nothing is ever fetched: links of alerts, references and comments are printed, not followed. The same Report gives
// the same document, byte by byte, on any machine and in any time zone. No text of an incident does anything in a
// document: it is no markup, no script and no formula.
//
// # PDF
//
// The first page of a PDF begins with what can be read in ten seconds, followed by a table of contents; every page says which
// one it is, when the report was generated and in which time zone its times are. Severity, status and verdict are said by a word, a
// shape and a colour. The file is PDF 1.7, on A4 or letter paper, with an outline, title, subject and keywords, and has the Report
// itself inside, as JSON, whose SHA-256 is on the last page: a program that is given the PDF has the data, too. Who shall not have it
// is given one with [PDFOptions].NoData. There is no tagging for accessibility, no PDF/A and no signature.
//
// # JSON
//
// A Report as JSON is an object with these members; those that are empty may be absent. Times are RFC 3339.
//
//	version          1; readers refuse any other
//	generated        when the report says it was made
//	timeZone         name of the location that times are in
//	sections         what is included, see [Section]
//	hidden           what has other names, see [Hidden]
//	incident         the incident as stored
//	facts            label, value and url of what the overview says
//	verdict          the classification in words
//	mergedFrom       incidents that were merged into this one; mergedInto says where this one went
//	incidentSummary  text; summaryBy says who wrote it: rule or model
//	incidentReport   text of a model
//	threats          categories of threats, tactics first
//	graph            nodes in the columns origins, targets and traces, edges, and how many entities they are
//	story            the alerts as steps, oldest first
//	assets           groups, each with rows, shown and total
//	evidence         rows, shown and total
//	alerts           the alerts, each with its evidence
//	activity         the log, oldest first; what one command did has one cause
//	images           what is attached to comments, in base64, by SHA-256
//	imagesLeftOut    SHA-256 of images for which there was no room in maxImageBytes bytes
//
// New members may come without a new version; readers pass over those that they do not know.
//
// # Log and timeline
//
// A Report has a row for each entry of the log and a step for each alert. Documents tell what one command did as one: rows with the
// same cause, by the same one, at the same time. Comments stand alone. Alerts of which the same is said are told together, by their
// titles if these are at most three, or else by their number; titles that the report's alerts do not have are told in any case. Left
// out are what an incident was called before an alert joined it, which the entry before says, and values that lasted no longer than
// the command. Alerts in sequence that share title, severity and category are one row of the timeline, and of its rows the first 200
// are shown. All of this is in the JSON.
//
// # Scripts
//
// The PDF draws Latin, Greek and Cyrillic text, Hebrew, and Arabic as it is written in Arabic and Persian: from
// right to left line by line, with the letters joined. What people wrote at length goes, paragraph by paragraph,
// in the direction of its first letter; names, paths, addresses and lists stand from left to right, part by part,
// so that what a file name ends with is always on the right. HTML does the same. No text rearranges its
// neighbours. Characters that nobody sees are marks, such as "[U+202E]", in each document: soft hyphens, zero-width
// spaces, byte order marks, bidirectional controls, fillers (U+3164) and other blanks that are no spaces (U+2800), tags
// (U+E0001 to U+E007F), and all else that Unicode calls default-ignorable or a format character. Joiners and variation
// selectors stay where they belong to a script or an emoji, tags in flags. Of other control characters, those that are
// no blanks, HTML, Markdown and CSV show marks, and the PDF leaves them out. Chinese, Japanese and Korean need the font
// of the module export/fonts/cjk, or another one, in [PDF]; lines break between Han and Kana. Emoji are not drawn.
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
// pieces of evidence as [Options] say; what was left out is counted. Attached images are in it up to so many bytes
// as they say, and what was left out is said below its comment. Setting Images to nil gives the report without them. A comment of
// more bytes than one of [incident.MaxComment] code points can have is shown as it was typed. A report is held in memory as a whole, and so
// is each document but the CSV, which has at most [MaxQueueRows] rows.
//
// # Concurrency
//
// Functions may be called by several goroutines at once, and none starts one of its own.
//
// # Errors
//
// [Collect] returns the errors of its Reader, the writers those of what they write to, and all of them that of a
// context that is done, to be tested for with [errors.Is].
package export
