// Package activity is the log of everything that happens to incidents: an append-only sequence of
// [Entry] values, which is also the feed that mirrors, notifications and caches read.
//
// Every entry has a sequence number, [Entry.Seq], given by the store that keeps it: 1, 2, 3 and so on
// without gaps, in the order of commits. Who has read up to Seq n never later sees a smaller one appear,
// so that Query{AfterSeq: n} is all it takes to follow the log.
//
// An entry says who did what to which record, when, and the value of every field before and after. The
// entries of one incident, read in order, tell its whole state. The one thing that ever leaves the log again is
// what a comment said: see [Entry.Redacted].
//
// # Encoding
//
// [Entry.AppendBinary] is the canonical encoding of an entry: equal entries give equal bytes, on every
// machine and in every later version of the package, so that a digest over it stays valid.
//
// # Errors
//
// A value that cannot be accepted is reported as an [*alert.FieldError], which matches
// [alert.ErrInvalid].
package activity
