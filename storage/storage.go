// Package storage is the contract between the incident manager and whatever keeps its records. It knows
// nothing about rules: it stores what it is given, all or nothing, and gives it back.
//
// Package storage/memory is the reference implementation; storage/storagetest is the contract as a test
// suite that every implementation has to pass.
//
// # Errors
//
// [ErrNotFound], [ErrExists], [ErrConflict] (as a [*ConflictError]), [ErrClosed], [ErrUnavailable] and
// [ErrUnknownOutcome], to be tested for with [errors.Is], and [alert.ErrInvalid] (as an [*alert.FieldError]) for what
// no storage keeps or answers. Package incident/manager has a table of them. [Follow] yields [ErrAhead] besides.
//
// # Limits
//
// They are the same on every storage: those of the methods Validate of [Item], [ItemQuery], [SightingQuery],
// [activity.Entry], [incident.Incident], [incident.Query], [alert.Query] and [activity.Query], and of
// [alert.Alert.CheckLimits]. See the rule Limits of [Storage].
//
// # Concurrency
//
// A Storage may be used by any number of goroutines at once. A Reader belongs to the View that made it and
// to one goroutine.
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A Storage keeps incidents, alerts and the activity log of one tenant. Implementations observe these
// rules, each of which is a case of storage/storagetest:
//
//   - Limits: Apply keeps nothing of a Changeset in which a value is beyond the limits, and returns the
//     [*alert.FieldError] that storage/driver.Check returns. That comes before all that depends on what is stored. A
//     Query that is not valid is answered with what its Validate says, by Count, CountAlerts, Facets and Sightings too,
//     and with no record. An ID that no record can have, one that is not UTF-8 or too long, is ErrNotFound when one
//     record is asked for. Restore leaves most limits out: it takes over what an older version has stored as far as
//     the storage can hold it, else it fails and keeps nothing.
//   - Atomic: Apply keeps all of a Changeset or nothing of it. With ErrConflict, ErrExists, ErrNotFound and
//     ErrUnavailable it has kept nothing. Any other error means that nothing was kept, or that it is unknown whether
//     all was; one that matches ErrUnknownOutcome says that it is unknown, and matches none of the four.
//   - Version: a record whose Version is 0 must be new, else the error matches ErrExists. Any other
//     Version must be the stored one, else the error matches ErrConflict and is a *ConflictError. The record
//     is stored with a Version one higher. A Changeset that holds a record twice is refused with ErrExists, whatever
//     is stored.
//   - Entries: an entry whose ID is in the log already makes Apply fail with ErrExists.
//   - Contents: a content of the Changeset is kept when an entry that is not redacted, one of the Changeset
//     or one before it, names its SHA256 in Attachments. It is read back byte by byte, and what is given again
//     is kept once. It is kept as long as there is such an entry, and no longer. The caller must set SHA256 to the
//     digest of Data; storages do not check it.
//   - Redact: each entry that Redact names becomes what [activity.Entry.Redact] makes of it; nothing else of
//     an entry ever changes. It must be in the log before the Changeset, else the error matches ErrNotFound.
//     To redact an entry twice is no error. Entries that are given already redacted are kept as they are.
//   - Purge: of each incident that Purge names, the alerts that it has when those of the Changeset are stored are
//     removed, as if they had never been, and each entry of it from before the Changeset becomes what
//     [activity.Entry.Skeleton] makes of it. The incident must be among those of the Changeset and not be new, else the
//     error matches ErrNotFound; what is left of it, the Changeset says. Contents that no entry names any more go with
//     the purge, before the entries of the Changeset come: one that names such a content must bring it again.
//   - Items: an item is stored under the rule Version by its Kind and Key. It goes when a purge takes the incident that
//     it names, or an Expiry takes it, each before the items of the Changeset are stored.
//   - Guard: Apply fails with a *ConflictError whose Record is "key" when a Changeset after the Guard's Seq has added
//     one of the Guard's Keys to an alert that still has it. Keys that an alert already had when it was stored again
//     or moved do not count. Those that Restore brings do not count either. Apply may fail with that error for no
//     reason, but never when the Guard's Seq is the last in the log. A Changeset that adds keys should carry an
//     entry: a Guard may miss the keys of one without entries.
//   - Feed: Apply gives the entries of a Changeset the next sequence numbers, consecutive and in order.
//     Numbers are 1, 2, 3 and so on in the order of commits, without gaps. A reader that has seen Seq n never later
//     sees a new entry below n. Seq of a given entry is ignored.
//   - Number: a new incident gets the next Number, higher than all before and never reused. Number of an
//     incident that is not new must not change and is taken from the store.
//   - Concurrency: Applies that run at the same time have the effect of one after the other, in some order.
//   - View: everything read inside one View is as of one moment, not before the call of View and the same until fn
//     returns, however long that takes. Views do not wait for Apply, nor Apply for them, and many Views may be open at
//     once. A read may start while another is being ranged over. A View may see what was redacted or purged after it
//     began as it was or as it is, differently from read to read, and it may see contents that came after it began.
//   - Panic: when fn panics or ends its goroutine, the View ends as if fn had returned, and the panic goes on.
//   - Queries: what a Query selects and in which order is what its Match and Compare say, however many values it has
//     and however many records it selects. A record is the same by its ID and in every list. Texts and identifiers are
//     compared by bytes. A sequence may be broken off early.
//   - Ownership: Apply neither changes its argument nor keeps a reference to it, and no read changes its Query. What a
//     Reader returns belongs to the caller.
//   - Values: texts of any UTF-8, U+0000 included, and times of microseconds in UTC come back as they were given.
//     Other times come back in UTC, cut to microseconds, and JSON comes back compact, an empty object or null as "",
//     and an empty list as nil: storage/driver.Canonical. Identifiers may be up to 1,024 bytes long, the empty one
//     included.
//   - Context: when the context is done, View, Apply and a running read return its error; a read never ends early
//     without one. Apply has kept nothing if it had not begun, else all or nothing, and other Applies go on.
//   - Closed: after Close every method returns an error matching ErrClosed, Close itself nil. Where the context is done
//     as well, either error is right.
//   - Durable: where data outlives a Storage or is shared by several, all of the above holds across them.
type Storage interface {
	// View calls fn with a Reader of one moment and returns fn's error. A Reader that is used after
	// that may return anything.
	View(ctx context.Context, fn func(Reader) error) error
	// Apply keeps a Changeset. An empty one is kept too and changes nothing.
	Apply(ctx context.Context, cs Changeset) (Receipt, error)
	// Close releases what the Storage holds. Views that are running end as they would have.
	Close() error
}

// A Reader reads what a Storage held at one moment. A sequence that meets an error yields it once, with
// the zero record, and ends.
type Reader interface {
	// Incident returns the incident with that ID, or an error matching ErrNotFound. It does not follow
	// redirects.
	Incident(ctx context.Context, id incident.ID) (incident.Incident, error)
	// Incidents yields the incidents that q selects, in its order.
	Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error]
	// Alert returns the alert with that ID, or an error matching ErrNotFound.
	Alert(ctx context.Context, id alert.ID) (alert.Alert, error)
	// Alerts yields the alerts that q selects, in its order.
	Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error]
	// Activity yields the entries that q selects, in its order.
	Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error]
	// Content returns the Data of the content with that SHA256, or an error matching ErrNotFound.
	Content(ctx context.Context, sha256 string) ([]byte, error)
	// Item returns the item of that kind and key, or an error matching ErrNotFound.
	Item(ctx context.Context, kind, key string) (Item, error)
	// Items yields the items that q selects, by Kind and Key.
	Items(ctx context.Context, q ItemQuery) iter.Seq2[Item, error]
	// Seq returns the highest Seq in the log, 0 when it is empty.
	Seq(ctx context.Context) (int64, error)
}

// A Changeset is what one command writes: whole records and the entries that go with them.
type Changeset struct {
	Incidents []incident.Incident
	Alerts    []alert.Alert
	Activity  []activity.Entry
	Contents  []activity.Content // what the entries' attachments stand for
	Redact    []activity.ID      // entries whose texts are to be taken away
	Purge     []incident.ID      // incidents whose alerts, entries and items are to be taken away
	Items     []Item             // to be stored, after Purge and Expire have taken theirs away
	Expire    []Expiry           // items to be taken away
	Guard     Guard              // keys that must not have been added to alerts since a Seq

	// AlertKeys has what [alert.Alert.Keys] returns for the alert of the same index in Alerts, so that the storage need
	// not compute it. The storage computes the keys of alerts where it is empty, or has nil. Any other length than that
	// of Alerts is an error. By which keys an alert is found when wrong ones are given is undefined.
	AlertKeys [][]alert.Key
}

// An Item is a record of a program beside incidents, alerts and entries: a remembered command, a position in the
// log, a delivery to be made. It is taken away by a purge of its Incident or by an [Expiry], and by nothing else.
type Item struct {
	// what sort of item it is. Kinds without a dot are this library's, such as "command" of the manager
	Kind     string      `json:"kind"`
	Key      string      `json:"key"` // among those of its kind; of Kind and Key one is not empty
	Version  int64       `json:"version"`
	Incident incident.ID `json:"incident,omitempty"` // the incident whose purge takes it away; "" means that none does
	Time     time.Time   `json:"time"`               // what Expiry goes by; UTC, microseconds; zero is before all others
	Data     []byte      `json:"data,omitempty"`     // at most MaxItemData bytes; empty and nil are the same
}

// Clone returns a copy of i that shares no memory a caller could change.
func (i Item) Clone() Item {
	i.Data = slices.Clone(i.Data)
	return i
}

// Place returns where i stands among all items.
func (i Item) Place() ItemPlace { return ItemPlace{i.Kind, i.Key} }

// An ItemPlace identifies an item. Places are ordered by Kind and then by Key, both by bytes.
type ItemPlace struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
}

// Compare returns -1, 0 or +1 as p stands before q, is q, or stands after it.
func (p ItemPlace) Compare(q ItemPlace) int {
	return cmp.Or(strings.Compare(p.Kind, q.Kind), strings.Compare(p.Key, q.Key))
}

// An ItemQuery selects items: those that all fields agree to. The zero ItemQuery selects all.
type ItemQuery struct {
	Kinds     []string      `json:"kinds,omitempty"`     // none means any
	Incidents []incident.ID `json:"incidents,omitempty"` // none means any
	Before    time.Time     `json:"before,omitzero"`     // items whose Time is before it; zero means any
	After     ItemPlace     `json:"after,omitzero"`      // items that stand after it; the zero place means all
	Limit     int           `json:"limit,omitempty"`     // 0 means no limit
}

// Match reports whether q selects i, whatever its After and Limit.
func (q ItemQuery) Match(i Item) bool {
	return (len(q.Kinds) == 0 || slices.Contains(q.Kinds, i.Kind)) &&
		(len(q.Incidents) == 0 || slices.Contains(q.Incidents, i.Incident)) &&
		(q.Before.IsZero() || i.Time.Before(q.Before))
}

// An Expiry takes away the items of a Kind whose Time is before Before, those with a zero Time among them.
type Expiry struct {
	Kind   string
	Before time.Time
}

// A Guard makes Apply fail where a decision that was made from the alerts with some keys is out of date. The zero
// Guard, as any without Keys, guards nothing.
type Guard struct {
	Seq  int64       // of the View that the decision was made in, from [Reader.Seq]
	Keys []alert.Key // that were looked up
}

// A Receipt says which numbers Apply gave.
type Receipt struct {
	Seq     int64   // of the first entry, the others follow consecutively; 0 when there was none
	Numbers []int64 // of the Changeset's incidents, in their order
}

// The errors of a Storage.
var (
	ErrNotFound = errors.New("storage: not found")
	ErrExists   = errors.New("storage: exists already")
	ErrConflict = errors.New("storage: version conflict")
	ErrClosed   = errors.New("storage: closed")

	// ErrAhead says that a position lies behind the last entry of the log. It is of another log, or of this one before
	// an older backup took its place. [Follow] yields it.
	ErrAhead = errors.New("storage: position is ahead of the log")

	// ErrUnavailable says that what keeps the records did not answer or could not go on: it is locked, full, read-only,
	// starting, stopping or out of reach. Nothing was kept, and it is safe to try again.
	ErrUnavailable = errors.New("storage: unavailable")

	// ErrUnknownOutcome says that Apply broke off when the Changeset may have been kept already. Reading the records
	// shows whether it was, and a command may be repeated under its manager.CommandID.
	ErrUnknownOutcome = errors.New("storage: it is unknown whether the Changeset was kept")
)

// A ConflictError names the record that another Apply changed in between. It matches [ErrConflict].
type ConflictError struct {
	Record string `json:"record"` // "incident", "alert", "item" or "key"
	ID     string `json:"id"`     // of an item its Kind, a slash and its Key
	Given  int64  `json:"given"`  // the Version in the Changeset; of a key the Seq of the Guard

	// Stored is the Version in the store, 0 when the record is not there or was merged into another; of a key a Seq at
	// which it was added, or the last in the log.
	Stored int64 `json:"stored"`
}

// Error returns a sentence naming the record and both versions.
func (e *ConflictError) Error() string {
	if e.Record == "key" {
		return fmt.Sprintf("storage: conflict: key %s was looked up at entry %d, and added to an alert at entry %d",
			e.ID, e.Given, e.Stored)
	}
	at := "no version"
	if e.Stored != 0 {
		at = fmt.Sprint("version ", e.Stored)
	}
	return fmt.Sprintf("storage: version conflict: %s %s is at %s, not at version %d", e.Record, e.ID, at, e.Given)
}

// Unwrap returns [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }
