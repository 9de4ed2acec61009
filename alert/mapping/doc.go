// Package mapping turns the alerts of any product into alerts of package alert, as a mapping says. A mapping
// is data: a JSON file of some twenty lines. This package has mappings of [CrowdStrike], [Elastic],
// [GuardDuty], [Suricata] and [Wazuh]; [Load] reads one of the caller's own, and [Mapping.Test] tells how
// well it fits samples. The guide beside this file writes one step by step.
//
// # Mappings
//
// A mapping is an object with the members
//
//	format    the name of the format, for errors
//	about     a text for whoever reads the mapping
//	is        a path, or a list of them, that only this format has; all must have a value
//	ignore    paths; an object with a value at one of them is left out without an error
//	around    names such as "hits.hits" of lists that alerts come in, at the top level of a file
//	inside    paths of the object, inside of another, that is the alert; all paths begin there
//	time      the format of times, see below
//	zone      the zone of times that have none: "UTC" or an offset such as "+02:00"
//	alert     the fields of an alert and where each comes from
//	evidence  a list of objects, each of which makes evidence of one kind
//
// of which format, is and alert must be there, and in alert origin.source, origin.id and title. The fields of
// an alert are those of [alert.Alert] that are not managed, by their JSON names: origin.source,
// verdict.classification, owner.id, firstActivity. The first of several times is firstActivity, and the last
// lastActivity. Several texts of one path are lines of a description and of recommended actions; else the
// first counts, and in a list all of them.
//
// # Paths
//
//	rule.name             the member name of the member rule
//	'a.b'.c               a name in quotes, which . [ ] { } ' " = | ! $ ? and \ need; '' is a quote
//	ids[0], ids[*]        an element, all elements
//	tags[key=Name].value  elements of which a condition holds, or the object itself if it is one
//	[type=a|b].x          x, if type is a or b
//	x[key!=a] x[key] x[!key]  key is there and not a; it is there; it is not there
//	.                     the element itself
//	$.host.name           from the alert, where other paths begin at an element
//
// Names are found in other cases of letters, too, and where a product writes "rule.name" as one name. A list of one
// element is as good as the element, and an element as good as a list of one. Null and empty texts are no values, nor
// are words such as "-", "N/A" and "none" and, for owners and categories, "unassigned" and "unknown".
//
// # Values
//
// A field is given a path; a text that begins with "=", in which {path} stands for a value, {path?} for one
// that may be missing, and {{ and }} for braces; a list of these, of which the first with a value counts, and
// all for a field that is a list; or an object with the members
//
//	from   a path, a text or a list of them
//	scale  what values mean: {"critical": "high", "4..6.9": "medium", "7..": "high", "Recon:*": "Reconnaissance"}
//	time   the format of a time, or a list of them
//
// The lines of a scale are looked at in their order. They are words, whose case, spaces, hyphens and
// underscores do not matter, beginnings of words before an asterisk, numbers, and ranges of numbers that
// include both ends. "" is none. Words of an enumeration, such as those of severity, status and roles, need
// no line.
//
// Formats of times are rfc3339, which is always understood, unix, unixMilli, unixMicro and unixNano, rfc1123,
// rfc1123z, rfc822, rfc822z, rfc850, ansic, unixDate, rubyDate, dateTime, dateOnly, and layouts of package
// time.
//
// # Evidence
//
// An object of evidence has a kind, which is one of [alert.Kind] or "other", fields of the entity and of
// [alert.Evidence] by their JSON names, and each, a path: there is a piece for every value at its end, and
// the other paths begin at that value. No piece is made where no path leads to a field of the entity. Fields
// of this package read a text into several:
//
//	name      of a device: a host name, a fully qualified one or an address
//	login     of a user: DOMAIN\account, an account or a user principal name
//	fullPath  of a file: a path with its name
//	hashes    of a file: a digest, or several with their names as Sysmon writes them
//
// An address that does not parse and a SID that does not begin with S-1- are not taken, with a note, and
// neither are the zeros of a digest and the path that web servers log in place of a URL, without one.
//
// The kind other has the members type, the kind it gets, label, and fields, an object of paths; without
// fields it takes all of the element.
//
// # What is kept
//
// A value that a field has in full leaves the alert's Extra, or the Extra of the piece of evidence that was
// made of the object around it. All others stay there: those no path leads to, those on a scale, those in a
// text of several, and those that were not understood, which a note names.
//
// # Errors
//
// [Load] and [Parse] join an [*Error] for each fault of a mapping, up to 100 of them, with line and column.
// [Mapping.Decode] gives an [*alert.DecodeError] for each object that is no alert of the format, or has no identifier,
// and goes on behind it; a file that is not JSON ends with one that names the byte at fault, from 0.
//
// # Limits
//
// A mapping has at most 1 MiB, 1,000 kinds of evidence, 16 steps in a path, 32 sources of a value and 1,000
// lines in a scale. There is no recursion and no arithmetic in it. An item has at most 490 levels of lists
// and objects and less than 512 MiB; an alert gets at most [alert.MaxEvidence] pieces of evidence and 100
// notes on values. Text is UTF-8; bytes that are not become U+FFFD. Times are kept in UTC, cut to
// microseconds.
package mapping
