// Package incident holds the incident and every rule about it, as pure functions: values in, values and
// log entries out. Nothing here does I/O, reads a clock or draws a random number; package
// incident/manager is the shell that loads, calls a rule and stores what came out.
//
// # Rules
//
// A rule takes a [Command], which says who does it and when, and the records it needs, and returns an
// [Effect]: the records as they should be stored, and the entries of the activity log that say what
// changed. Entries are made from the difference of the incident before and after, so that no change can
// be made without its entry.
//
// A rule never makes half a cascade. One that needs all alerts of an incident compares their number with the Count of
// the incident's Summary, and refuses any others. An alert of another incident, or one that is given twice, is refused
// wherever alerts are given with their incident. The error is an [*alert.FieldError] of the field "alerts".
//
//	all   [Edit.Apply] and [Update] where they cascade, or where a repeat changes an alert; [UpdateAlert];
//	      [MoveAlerts], [Merge] and [MergeLinked], of each incident; [Unmerge], of the target
//	some  [AlertEdit.Apply], those that it edits; [Update] otherwise, those that are imported again; [Reopen], the one
//	      that fires again; [Unmerge], of the source, those of [MergedAlerts]
//	none  [AddAlert], [AddComment], [Record], [Redact], [Purge] and [Edit.Apply] otherwise
//
// # Concurrency
//
// Everything here is a value. Rules never change what they are given.
//
// # Limits
//
// A name has at most [MaxName] code points, a tag [MaxTag], a comment or note [MaxComment]; an incident has at most
// [MaxTags] tags besides those that its alerts bring by [TagRules]. Something must be seen of a name, a tag and a
// comment: characters that show nothing do not count, and tags are equal whatever characters of that kind are in
// them. A merge takes at most [MaxMerge] incidents into another, which may then have [MaxEntities] different
// entities. Each list of a [Summary] has at most [MaxListed] values. Times are UTC with microseconds and of the years
// 1 to 9999. Texts are UTF-8, and an identifier has at most [alert.MaxID] bytes.
//
// Rules refuse what is beyond; [Draft.Fit] makes it acceptable, for what is imported. [Incident.Validate] has what
// every storage refuses. An incident of an older version that holds such a value can be read, and the next command on
// it puts another value in its place, which the log shows.
//
// # Errors
//
// Input that cannot be accepted is reported as [*alert.FieldError] values, all of them joined, which match
// [alert.ErrInvalid]; a verdict outside the taxonomy as a [*classification.VerdictError]; an incident that
// was merged away as [ErrRedirected]; a merge, its undoing or a move that is refused as a [*RefusedError] with
// every reason, each of which matches [ErrRefused]; a purged incident as [ErrPurged]; a log that does not give
// a state as a [*ReplayError].
package incident
