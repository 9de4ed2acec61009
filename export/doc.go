// Package export turns an incident into a report: [Collect] reads everything that belongs to it at one
// moment and returns a [Report], a plain value. [WritePDF], [WriteHTML] and [WriteMarkdown] draw that value, and
// it can be kept or sent as JSON. An [Exporter] does this for many people at once. [WriteQueueCSV] writes many
// incidents as a table.
//
// Nothing is ever fetched: links of alerts, references and comments are printed, not followed. The same Report gives
// the same document, byte by byte, on any machine and in any time zone. No text of an incident does anything in a
// document: it is no markup, no script and no formula.
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
//	incidentSummary  text; summaryBy says who wrote it: rule or model
//	incidentReport   text of a model
//	threats          categories of threats, tactics first
//	story            the alerts as steps, oldest first
//	assets           groups, each with rows, shown and total
//	evidence         rows, shown and total
//	alerts           the alerts
//	activity         the log, oldest first
//
// New members may come without a new version; readers pass over those that they do not know.
//
// # Limits
//
// A report holds all alerts in full and the whole activity log of the incident, but only so many assets and
// pieces of evidence as [Options] say; what was left out is counted. It is held in memory as a whole, and so
// is each document but the CSV, which has at most [MaxQueueRows] rows.
//
// # Concurrency
//
// Functions may be called by several goroutines at once, and none starts one of its own.
//
// # Errors
//
// [Collect] returns the errors of the storage, the writers those of what they write to, and all of them that of a context
// that is done, to be tested for with [errors.Is].
package export
