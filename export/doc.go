// Package export turns an incident into a report: [Collect] reads everything that belongs to it at one
// moment and returns a [Report], a plain value; [WritePDF] draws that value. A Report can also be kept or
// sent as JSON.
//
// Nothing is ever fetched: links of alerts and references are printed, not followed. The same Report gives
// the same PDF, byte by byte, on any machine and in any time zone.
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
