// Package msgraph reads and writes incidents and alerts as Microsoft Graph security (incidents, plain or with
// their alerts, and alerts_v2), the Defender XDR incidents API and the Defender for Endpoint alerts API
// spell them.
//
// The shapes are told apart by "@odata.type" or by the fields present. Words are read in any case and in
// the spellings of the documentation and of the older interfaces. Everything without a place in this
// library's values is kept in Extra, or in the Fields of an [alert.Other], and written back: unknown
// fields, values of a wrong type, words that mean their value only by default, such as unknownFutureValue,
// and a serviceSource that Graph spells otherwise. Null, the empty text and the empty list count as absent.
//
// What is imported, exported and imported again is the same value. Written is always Graph v1.0.
//
// # Errors
//
// An item that cannot be imported is an [*alert.DecodeError] that names the field and what was expected; the items
// beside it are imported. A file that is not JSON, or ends too early, is imported up to there and ends
// with an [*alert.DecodeError] that names the offset of the byte at fault, from 0.
//
// # Limits
//
// One item is held in memory at a time, however long the file. An item has at most 500 levels of lists and
// objects. Text is UTF-8, with or without a byte order mark; bytes that are not become U+FFFD. Times are
// kept in UTC, cut to microseconds.
//
// Source: Microsoft Graph v1.0 metadata and reference (security incident, alert and alertEvidence) and the
// reference of the Defender XDR incidents API.
package msgraph
