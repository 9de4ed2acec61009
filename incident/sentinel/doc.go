// Package sentinel reads and writes incidents and alerts as Microsoft Sentinel spells them: the resources
// of Azure Resource Manager (ARM) with their alerts, entities, comments and relations, what an automation
// rule sends to a playbook, the tables SecurityIncident and SecurityAlert of Log Analytics, and the flat
// spellings of its SDKs.
//
// The shapes are told apart by members that only they have. Names of members are read in any case, with and
// without underscores. Words are read in any case too. Everything without a place in this library's values
// is kept in Extra, or in the Fields of an [alert.Other], and written back: unknown members, values of a
// wrong type, links between entities, and words that say more than what they are read as. Null, the empty
// text, the empty list, the empty object and a time of the year 1 count as absent. Written is always the
// shape of ARM. Extra has that shape too: what stands around the properties, and "properties" with those that
// are left.
//
// What is imported, exported and imported again is the same value.
//
// # Two systems
//
// An incident of Defender XDR that comes through Sentinel (its providerName says so) has the Reference that
// package msgraph gives it, {"microsoftDefender", providerIncidentId}, so that it is one incident whichever
// way it comes. Its name in Sentinel is kept in Extra. An alert of a Defender product has the Origin that
// package msgraph gives it, as far as Sentinel tells the identifier: in the alert's link, or as
// providerAlertId or VendorOriginalId, which is the identifier without its two letters for the product. All
// other alerts have the Origin {"microsoftSentinel", systemAlertId}.
//
// Sentinel's words are not Defender's: New is active here, and Active is in progress.
//
// # Errors
//
// An item that cannot be imported is an [*alert.DecodeError] that names the field and what was expected;
// the items beside it are imported. A file that is not JSON, or ends too early, is imported up to there and
// ends with an [*alert.DecodeError] that names the offset of the byte at fault, from 0.
//
// # Limits
//
// What belongs together is joined within 32 MiB of a file, which are held in memory; a note says when a
// longer file was read in parts. An item has at most 500 levels of lists and objects, an alert at most
// [alert.MaxEvidence] entities and an incident as many alerts. Text is UTF-8, with or without a byte order
// mark; bytes that are not become U+FFFD. Times are kept in UTC, cut to microseconds; one without a zone is
// UTC, and a note says so.
//
// Source: Microsoft.SecurityInsights 2024-09-01 (Azure REST API specifications), the reference of the tables
// SecurityIncident and SecurityAlert, and the entity types reference of Microsoft Sentinel.
package sentinel
