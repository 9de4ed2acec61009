// Package export turns an incident into a report: [Collect] reads everything that belongs to it from a
// [storage.Reader], at one moment, and returns a [Report], a plain value. [WritePDF], [WriteHTML] and [WriteMarkdown]
// draw that value, and it can be kept or sent as JSON. An [Exporter] does this for many people at once.
// [WriteIndicatorsCSV] writes what other tools can look for, and [WriteQueueCSV] many incidents as a table.
//
// A report tells only what its Reader shows. With a Reader that shows what an actor may read, it tells the actor
// nothing else, of the incidents that were merged with its own either.
//
// Nothing is ever fetched: links of alerts, references and comments are printed, not followed. The same Report gives
// the same document, byte by byte, on any machine and in any time zone. No text of an incident does anything in a
// document: it is no markup, no script and no formula.
//
// # What documents say
//
// A Report holds values: types, actors, times and what others wrote. Documents put them into words, all in
// the same words and the same order. The first page says what happened, the impact, the state and the next
// steps: in the words of the description, the resolution note or a model's summary where they exist, and else
// by rule.
//
// Evidence stands by weight: malicious before suspicious, files with hashes and attackers' addresses before
// what repeats them, and one row for a program with its processes counted. A whole document names at most
// MaxAssets assets of each group and MaxEvidence pieces of evidence, in the lists, the graph, the alerts and
// the log together; texts that people and sources wrote are not looked into. What is not named is counted.
// Alerts of one title, category and product stand together: what they have in common once, and a row for
// each, at most 20, in at most 200 groups. The log has at most 500 rows: comments before what people did, and
// that before what programs did. What is left out is in the files that are attached to the PDF.
//
// An alert that was a false positive, and what only false positives name, is muted: it is not in the graph,
// in the tactics and in the counts of assets, unless the whole incident was one. Then the document says so on
// its first page.
//
// A document with the profile [Executive] has no evidence, alerts and log, and shortens what remains to at
// most four pages. By its [Layout] it bears a logo, a colour, and a label of the Traffic Light Protocol on
// every page.
//
// # PDF
//
// Every page says which one it is, when the report was generated and in which time zone its times are.
// Severity, status and verdict are said by a word, a shape and a colour. The file is PDF 1.7, on A4 or letter
// paper, with an outline, title, subject and keywords. The Report itself, as JSON, and its indicators, as
// CSV, are attached, and their SHA-256 is on the last page: a program that is given the PDF has the data,
// too. Who shall not have it is given one with [PDFOptions].NoData. There is no tagging for accessibility, no
// PDF/A and no signature.
//
// # JSON
//
// A Report as JSON is an object with these members; those that are empty may be absent. Times are RFC 3339.
//
//	version          2; readers refuse any other
//	generated        when the report says it was made
//	timeZone         name of the location that times are in
//	sections         what is included, see [Section]
//	hidden           what has other names, see [Hidden]
//	layout           profile, brand and label
//	maxAssets        how many assets of a group documents name; maxEvidence the same for evidence
//	incident         the incident as stored, without what its source keeps beside
//	titles           words for classifications and determinations
//	mergedFrom       incidents that were merged into this one; mergedInto says where this one went
//	times            nanoseconds it took to detect, assign, act on and resolve the incident
//	incidentSummary  text of a model; incidentReport another
//	threats          categories of threats, tactics first
//	graph            nodes in the columns sources, affected, artefacts and destinations, and edges, which say who did what
//	trees            processes by device
//	assets           what each asset is and what all alerts say of it
//	evidence         the same of everything else, the most telling first
//	alerts           the alerts as stored, without what their source keeps beside
//	activity         the entries of the log, oldest first, without their digests
//	names            titles of alerts, names of entities and numbers of incidents that the lists name by identifiers
//	images           what is attached to comments, in base64, by SHA-256
//	imagesLeftOut    SHA-256 of images for which there was no room in maxImageBytes bytes
//
// New members may come without a new version; readers pass over those that they do not know.
//
// # Log
//
// A Report has every entry of the log, and [Report.Log] says each in words. Documents tell what one command
// did as one: entries with the same cause, by the same one, at the same time. Comments stand alone, and
// response actions stand apart from other activity. Alerts that one program added one after the other on one
// day, with nothing in between, are one row. Alerts of which the same is said are told together, by their
// titles if these are at most three, or else by their number. Left out are what an incident was called before
// an alert joined it, which the entry before says, and values that lasted no longer than the command.
//
// # Scripts
//
// The PDF draws Latin, Greek and Cyrillic text, Hebrew, and Arabic as it is written in Arabic and Persian:
// from right to left line by line, with the letters joined. What people wrote at length goes, paragraph by
// paragraph, in the direction of its first letter; names, paths, addresses and lists stand from left to
// right, part by part, so that what a file name ends with is always on the right. HTML does the same. No text
// rearranges its neighbours. Characters that nobody sees are marks, such as "[U+202E]", in each document:
// soft hyphens, zero-width spaces, byte order marks, bidirectional controls, fillers (U+3164) and other
// blanks that are no spaces (U+2800), tags (U+E0001 to U+E007F), and all else that Unicode calls
// default-ignorable or a format character. Joiners and variation selectors stay where they belong to a script
// or an emoji, tags in flags. Of other control characters, those that are no blanks, HTML, Markdown and CSV
// show marks, and the PDF leaves them out. Chinese, Japanese and Korean need the font of the module
// export/fonts/cjk, or another one, in [PDF]; lines break between Han and Kana. Emoji are not drawn.
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
// A report holds all alerts and the whole activity log of the incident. Attached images are in it up to so
// many bytes as [Options] say, and what was left out is said below its comment. Setting Images to nil gives
// the report without them. A report is held in memory as a whole, and so is each document but the CSV of a
// queue, which has at most [MaxQueueRows] rows.
//
// PDF and HTML show a text as it was typed, whole, and say why, if as Markdown it would cost more than it is
// worth: if it has more bytes than a comment of [incident.MaxComment] code points can have, more than 5,000
// cells of tables, counting those that its rows leave out, 2,000 links and images, 50 quotes and lists inside
// each other, or more than 1 MiB of output for the addresses of its links, as often as they are written, and
// the headers of its tables, once for each row; or if its marks, such as brackets and asterisks that nothing
// closes, would be looked at in more than 32 steps for each byte. The texts of a report have together 100,000
// cells, 100,000 links and 16 MiB of such output beyond what their lengths pay for, which is a cell for two
// bytes, a link for 32 bytes, and 8 bytes of output for each byte. So what they cost is linear in their
// bytes.
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
