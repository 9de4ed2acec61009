// Package graph reads and writes incidents and alerts as Microsoft Graph security, the Defender XDR
// incidents API and the Defender for Endpoint alerts API spell them.
//
// The shapes are told apart by "@odata.type" or by the fields present. Everything without a place in this
// library's values is kept in Extra and written back.
//
// # Errors
//
// An item that cannot be imported is an [*ItemError]; the items after it go on. A file that is not JSON
// ends with one [*ItemError] that names the byte offset.
//
// # Limits
//
// One top-level JSON value is held in memory at a time. Times are kept in UTC, cut to microseconds.
package graph
