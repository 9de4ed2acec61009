package manager

import (
	"time"
)

// An Option changes one call of a command on one incident that is there, or that Import may find: [IfVersion],
// [DryRun] or [CommandID].
type Option interface {
	set(*call)
	ofOne()
}

// A BulkOption changes one call of Create or of a command on many records, EditAll, EditAlerts and Purge: [DryRun] or
// [CommandID].
type BulkOption interface {
	Option
	ofMany()
}

type call struct {
	version   *int64     // of IfVersion
	among     *selection // of a command in bulk
	commandID string
	dryRun    bool
	at        time.Time // when the command began
}

// callOf returns a call with opts.
func callOf[O Option](opts []O) (c call) {
	for _, o := range opts {
		o.set(&c)
	}
	return c
}

// IfVersion makes a command fail with an error matching [storage.ErrConflict] when the incident is not at
// version v, instead of working on whatever it has become. Version 0 is that of an incident that is not there, for
// Import. An incident that was merged into another is at no version, except for Unmerge, which is about that incident
// itself. Commands on many records, Create and Ingest do not take it.
func IfVersion(v int64) Option { return version(v) }

type version int64

func (v version) set(c *call) { c.version = (*int64)(&v) }
func (version) ofOne()        {}

// A CommandID gives a command an identifier of the caller's, of 1 to [MaxCommandID] bytes of UTF-8, so that repeating
// it, in another process too, has one effect. The empty one is none, and of several the last one counts. What the
// command came to is remembered with its effect, for [Remembered] at least, also where it had nothing to change. A
// repeat is the same method, by the same actor (whose Name may differ), with the same arguments and the same
// [IfVersion]. It is authorised as the first was, and returns what the table says, records as they are now. Any other
// command under the ID fails with [ErrCommandReused], and so does a repeat of one whose texts were redacted. A command
// that failed is not remembered. A [DryRun] is not either, and does not look.
//
//	method      remembered for each   a repeat returns
//	Ingest      alert, by its index   the Result of the first time, without Links
//	Import      incident, by its ID   the incident, and whether the first call created it
//	Create      call                  the incident that the first call created
//	Edit        call                  the incident
//	EditAll     incident, by its ID   the incident, and whether the first call changed it
//	EditAlerts  alert, by its ID      the alert
//	Comment     call                  the incident
//	Record      call                  the incident
//	Redact      call                  the incident
//	Merge       call                  the target
//	Unmerge     call                  the source
//	MoveAlerts  call                  the incident that they went to
//	Purge       incident, by its ID   no result, because it is no longer due
//
// What is remembered is kept separately for each alert or incident, so that a repeat may have other ones and does what
// is missing: which alerts Ingest and EditAlerts are given, which incidents EditAll and Purge select, and which draft
// Import is given need not be the same. All other arguments must be, and so must what Ingest is given at an index, and
// Import for an incident. The purge of an incident takes with it what was remembered of the commands on it.
//
// Every command takes it. Ingest takes no other option.
type CommandID string

func (id CommandID) set(c *call) { c.commandID = string(id) }
func (CommandID) ofOne()         {}
func (CommandID) ofMany()        {}

// DryRun makes a command say what it would do, with all checks and refusals, and store nothing. What it returns is
// what the records would be, except for their Version and the Number of a new incident. Ingest, whose alerts depend on
// each other, does not take it.
func DryRun() BulkOption { return dryRun{} }

type dryRun struct{}

func (dryRun) set(c *call) { c.dryRun = true }
func (dryRun) ofOne()      {}
func (dryRun) ofMany()     {}
