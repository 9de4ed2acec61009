// Package msgraph reads and writes incidents and alerts as Microsoft Graph security spells them (incidents,
// plain or with their alerts, and alerts_v2), and reads what the other interfaces of Microsoft Defender
// give: the Defender XDR incidents API, the Defender for Endpoint alerts API, Graph's retired alerts API
// (security/alerts), and rows of AlertInfo and AlertEvidence, from the streaming API, advanced hunting or
// Log Analytics.
//
// An object is taken by its "@odata.type", by the "@odata.context" of its answer, or by a member that only
// one of these interfaces has; "id" and "title" are not enough. What a collector has put around it is left
// out: members of objects and lists are looked into, and texts that are JSON, at most six objects deep. The
// error for an object that is not taken names the format that it seems to have, and that for the error of
// an API repeats what it says.
//
// Words are read in any case and in the spellings of the documentation and of the older interfaces, and so
// are the names of members: lastUpdateDateTime, LastUpdateDateTime and last_update_date_time. A number may
// be a text, a single value may stand for a list, and a list or an object may be JSON in a text. Words such
// as "Unassigned" and "N/A" are no owner, no category and no verdict. Times without a zone are UTC, and
// "/Date(0)/" is a time. Evidence that does not tell its type is of the kind that has its members; evidence
// that names nothing is none.
//
// Everything without a place in this library's values is kept in Extra, or in the Fields of an
// [alert.Other], and written back: unknown fields, values of a wrong type, words that mean their value only
// by default, such as unknownFutureValue, and a serviceSource that Graph spells otherwise. Null, the empty
// text and the empty list count as absent. Comments of an alert in an incident are comments of the incident
// that name the alert. Custom details of an alert stand below its description, for people to read.
//
// What is imported, exported and imported again is the same value. Written is always Graph v1.0.
//
// # Rows
//
// A row is an object that is a part of an alert or an incident: a row of AlertInfo or AlertEvidence, an
// alert whose evidence is a single object, an incident whose alerts are. Rows of one identifier are joined
// wherever they stand in the file, and are given after all other items, with the index of the first. What
// several rows say of one entity is one piece of evidence; where they differ the last counts, by the time
// at which the source changed or sent it, and a note says so. An alert is the same, with the same ID,
// whether it comes through Graph or as rows. The tables do not tell a status, an owner or a verdict, so
// that such an alert is new. One without a row of AlertInfo has the title that its evidence tells, or none;
// a manager makes one until a report has it. The record around a row is not kept.
//
// # Notes
//
// The Notes of an [incident.Decoded] say what was kept and not understood, such as a word, a time or the
// kind of a piece of evidence, and what was left out or joined. Their Field is the path in the item; in a
// row after the first it begins with the item of the row. Nothing that no note names is lost, but for what
// stands around items and the digits of a time after the microseconds.
//
// # Errors
//
// An item that cannot be imported is an [*alert.DecodeError] that names the field and what was expected;
// the items beside it are imported. A file that is not JSON, or ends too early, is imported up to there and
// ends with an [*alert.DecodeError] that names the offset of the byte at fault, from 0.
//
// # Limits
//
// One item is held in memory at a time, of at most 64 MiB, however long the file. Rows are held up to 64
// MiB; then the alerts whose rows began first are given, with a note, and what comes later of them is an
// item of its own. An alert has at most [alert.MaxEvidence] pieces of evidence, and no list of an item is
// read further than that. An item has at most 500 levels of lists and objects, and 100 notes. Identifiers
// that come again are noticed among the first 65,536 of a file.
//
// Text is UTF-8 or UTF-16, with or without a byte order mark, and may be compressed with gzip; bytes that
// are not text become U+FFFD. Times are kept in UTC, cut to microseconds.
//
// Source: Microsoft Graph v1.0 metadata and reference (security incident, alert and alertEvidence; alert of
// the retired API), the references of the Defender XDR incidents API, of the Defender for Endpoint alerts
// API and of the streaming API, and the schema of the tables AlertInfo and AlertEvidence.
package msgraph
