// Package alert holds what a detection product reports: an [Alert] with its severity, its place in time
// and its [Evidence], and the parts of an incident that an alert must be able to name.
//
// Everything here is a value without behaviour beyond its own text: no I/O, no clock, no identifiers made
// up. Rules about alerts inside incidents are in package incident.
//
// # Identity
//
// An alert is identified by its [Origin]: the product that raised it and the identifier the product gave
// it. [Origin.AlertID] joins both so that no two origins give the same [ID]; a product that reports an alert
// twice therefore names one record.
//
// # Limits
//
// Texts are UTF-8, of as many code points as [MaxTitle] and the constants beside it say; an identifier has at most
// [MaxID] bytes. Times are kept in UTC with microseconds and are of the years 1 to 9999. Extra is a JSON object.
// Every storage refuses other values, see [Alert.CheckLimits]. [Alert.Fit] makes them acceptable and says what it
// did, so that no alert is lost over them.
//
// A time more than [MaxAhead] after the moment at which the alert came in is kept and does not count as activity, see
// [Alert.Active].
//
// # Errors
//
// A value that cannot be accepted is reported as a [*FieldError], which matches [ErrInvalid].
package alert
