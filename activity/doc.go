// Package activity is the log of everything that happens to incidents: an append-only sequence of
// [Entry] values, which is also the feed that mirrors, notifications and caches read.
//
// Every entry has a sequence number, [Entry.Seq], given by the storage that keeps it: 1, 2, 3 and so on
// without gaps, in the order of commits. A reader that has seen Seq n never later sees a new entry below n,
// so that Query{AfterSeq: n} is all it takes to follow the log.
//
// An entry says who did what to which record, when, and the value of every field before and after. The
// entries of one incident, read in order, tell its whole state. What leaves the log again is the texts that a redaction
// takes from an entry, see [Entry.Redact], and what a purge takes from all entries of an incident, see
// [Entry.Skeleton].
//
// # Digests
//
// [Entry.Digest] is a SHA-256 over what the entry says, and [Entry.AlertDigest] proves what its alert was. A manager
// sets them before an entry is stored; storages only keep them. A reader that has a Digest from elsewhere can tell that
// the entry was not changed since, also after a part of it was taken away. Digests do not prove Seq, nor whether
// Redacted is set where nothing was taken away, nor that no entry is missing.
//
// The digest is taken over these bytes, which every later version of this package writes in the same way:
//
//	version     1 byte, 2
//	ID          text
//	Time        time
//	Incident    text
//	Alert       text
//	Type        text, as String has it
//	Actor       Kind as text, ID text, Name text, OnBehalfOf text
//	Cause       text
//	Part        text
//	Index       integer
//	Version     integer
//	Changes     count, and for each: Field text
//	Links       count, and for each: Reason text, Incident text, Score integer
//	Subject     text
//	Origin      text
//	Occurred    time
//	parts       for each part: 1 byte, 0 when it has always been empty, or 1 and the 32 bytes of its digest
//
// A text is its length in bytes as a count, and its bytes. A count is an unsigned varint and an integer a signed one,
// as [encoding/binary] writes them. A time is 1 byte, 0 for the zero time, or 1 and the microseconds since 1970 as an
// integer.
//
// The parts are what can be taken away, in this order:
//
//	0              the alert: [alert.Alert.Digest], which the entry does not have
//	1              Text: its bytes
//	2              Attachments: for each Type text, Size integer, Width integer, Height integer, SHA256 text
//	3              the names of Attachments: for each Name text; empty when all are
//	4+2n, 5+2n     Before and After of the n-th change: the JSON text of the value, empty for null
//	then           for each link Entity text, HeldBack text; empty when both are
//
// A redaction takes parts 1 and 3, and both parts of each change that [Entry.IsText]. A purge takes all.
//
// The JSON text of a value is its text in the JSON of the entry, without space between its parts: numbers and
// escapes stay as they are, so that a program must not parse the value and write it again. The characters <, >, &,
// U+2028 and U+2029 are written as \u003c and so on, as [json.Marshal] does.
//
// The digest of a part is the SHA-256 of its salt, of 32 bytes, and the part. The salt of the n-th part is the SHA-256
// of the Salt of the entry's [Seal] and n in 4 bytes, the highest first. AlertDigest is the digest of part 0. When a
// part is taken away, the Seal keeps the digest of that part and the salts of the others, and loses the Salt.
//
// The file testdata/digests.json of this package has entries with these bytes, for those who check digests without it.
//
// # Errors
//
// A value that cannot be accepted is reported as an [*alert.FieldError], which matches
// [alert.ErrInvalid]. An entry that does not fit its digest is reported as one that matches [ErrDigest].
package activity
