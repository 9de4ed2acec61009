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
// Times are kept in UTC with microseconds. Texts are UTF-8. An alert of more than [MaxEvidence] pieces of
// evidence is refused.
//
// # Errors
//
// A value that cannot be accepted is reported as a [*FieldError], which matches [ErrInvalid].
package alert
