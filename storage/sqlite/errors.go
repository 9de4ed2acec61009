package sqlite

import (
	"errors"
	"strings"

	modernc "modernc.org/sqlite"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// Codes of SQLite, without what the extended ones add.
const (
	busyCode     = 5
	lockedCode   = 6
	readOnlyCode = 8
	ioCode       = 10
	fullCode     = 13
	openCode     = 14
	notADBCode   = 26
	protocolCode = 15 // the lock of the write-ahead log was not to be had
)

// code returns the code of SQLite in err, 0 when there is none.
func code(err error) int {
	if e, ok := errors.AsType[*modernc.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// wrap returns err, of whatever was attempted, with its class. SQLite's own text says most things twice.
func wrap(what string, err error) error {
	text := ""
	switch code(err) {
	case notADBCode:
		return &driver.Failure{Class: ErrForeign, Text: "sqlite: " + what + ": the file is not a database", Cause: err}
	case busyCode, lockedCode, protocolCode:
		text = "the file is locked"
	case readOnlyCode:
		text = "the file is read-only"
	case ioCode:
		text = "the disk failed"
	case fullCode:
		text = "the disk is full"
	case openCode:
		text = "the file cannot be opened"
	default:
		// The package is named once.
		return &driver.Failure{Text: "sqlite: " + what + ": " + strings.TrimPrefix(err.Error(), "sqlite: "), Cause: err}
	}
	return &driver.Failure{Class: storage.ErrUnavailable, Text: "sqlite: " + what + ": " + text, Cause: err}
}

// uncommitted returns err of a COMMIT. When the disk fails then, the end of the transaction may be in the write-ahead
// log, where the next who opens the file finds it.
func uncommitted(err error) error {
	switch code(err) {
	case busyCode, lockedCode, readOnlyCode, fullCode:
		return wrap("commit", err)
	}
	return &driver.Failure{
		Class: storage.ErrUnknownOutcome, Cause: err,
		Text: "sqlite: the commit failed; it is unknown whether the Changeset was kept",
	}
}
