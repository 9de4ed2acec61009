// Package storagetest is the contract of package storage as a test suite: one case for each rule of
// [storage.Storage], and each case prints the rule it found broken.
//
//	func TestStorage(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Storage { return mystore.Open(t.TempDir()) })
//	}
//
// What is drawn by lot is drawn from a seed that is fixed for each case and printed when it fails, so that a
// storage is asked the same at every run.
//
// # Concurrency
//
// Cases run one after the other, each as a subtest. A case that is not done after two minutes fails. Two
// Views are open at once while Apply is called; more may wait for one another.
//
// # Limits
//
// The suite makes at most a few thousand records in one storage, and contents of 5 MiB each. It needs the standard
// library only.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/storage"
)

// Run tests the storages that open returns against the contract. Each of them must be empty and used by
// nobody else; Run closes it. Cases are subtests named after the rule.
func Run(t *testing.T, open func(*testing.T) storage.Storage) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			err := c.check(t.Context(), s)
			if err != nil {
				t.Errorf("%v\nrule: %s", err, c.rule)
			}
			if errors.Is(err, errStuck) {
				return // Close might wait too
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// A testCase checks one rule and returns what it found broken.
type testCase struct {
	name, rule string
	run        func(context.Context, storage.Storage) error
}

var cases = []testCase{
	{"Atomic", "Apply keeps all of a Changeset or nothing of it", allOrNothing},
	{"LostUpdate", "a record is stored only over the Version that was read", lostUpdate},
	{"InsertExists", "a record of Version 0 must be new", insertExists},
	{"RepeatedID", "one Changeset has a record once", repeatedID},
	{"ConflictNames", "a version conflict names the record and both versions", conflictNames},
	{"DuplicateEntry", "an entry whose ID is in the log makes Apply fail", duplicateEntry},
	{"EmptyChangeset", "an empty Changeset is kept and changes nothing", emptyChangeset},
	{"Cascade", "a Changeset of 5,000 alerts is one Changeset", cascade},
	{"LargeIncident", "whether one of 5,000 alerts has an entity is answered with one record", largeIncident},
	{"NumbersUnique", "every new incident gets a Number of its own, higher than all before", numbersUnique},
	{"NumberKept", "the Number of an incident that is not new is taken from the store", numberKept},

	{"Contents", "what the Contents of a Changeset hold is kept with it and read back byte by byte", keptContents},
	{"ContentNamed", "a content is kept as long as an entry that is not redacted names it, and no longer", namedContents},
	{"Redact", "an entry that is redacted loses its text and the names of its attachments, and nothing else", redacted},

	{"Purge", "an incident that is purged loses its alerts and what its entries say, and nothing else", purged(12)},
	{"PurgeRefused", "an incident is purged as it is stored in the same Changeset, or not at all", purgeRefused},
	{"PurgeContents", "a content goes with the last entry that names it and is not purged", purgeContents},
	{"Restore", "a Restorer keeps records with the versions and numbers that they have, and gives the next ones from there", restored(13)},
	{"RestoreRefused", "a Restorer keeps nothing of a Changeset whose Numbers or Seqs are those of others", restoreRefused},

	{"DenseFeed", "sequence numbers are 1, 2, 3 … in the order of commits; none appears below one that was read", denseFeed},
	{"FeedResume", "Query{AfterSeq: n} yields just what follows n", feedResume},
	{"Waiter", "a Waiter wakes up when an entry comes, the context ends or the storage is closed", waiter},

	{"AliasIn", "Apply keeps no reference to its argument", aliasIn},
	{"AliasOut", "what a Reader returns belongs to the caller", aliasOut},
	{"EveryField", "records come back as they were given", everyField},
	{"OddStrings", "texts of any UTF-8 come back as they were given and are compared by bytes", oddStrings},
	{"Times", "times of microseconds in UTC come back as they were given", times},

	{"NotFound", "a record that is not there is ErrNotFound", notFound},
	{"ViewError", "View calls fn once and returns its error", viewError},
	{"SnapshotStable", "everything read inside one View is as of one moment", snapshotStable},
	{"OldViews", "a View answers every Query as of its moment, whatever was written since", oldViews(4, (*world).askIncidents, (*world).askAlerts, (*world).askActivity)},
	{"OldCounts", "a View counts as of its moment, whatever was written since", oldViews(11, (*world).askCount, (*world).askFacets)},
	{"NoWaiting", "Views do not wait for Apply, nor Apply for them", noWaiting},
	{"NestedRead", "a read may start while another is being ranged over", nestedRead},
	{"BreakEarly", "a sequence may be broken off early", breakEarly},
	{"Cancel", "when the context is done, its error is returned and nothing is kept", cancelled},
	{"Closed", "after Close every method returns ErrClosed, Close itself nil; Views that are running end as they would have", closed},

	{"FilterIncidents", "what a Query selects and in which order is what Match and Compare say", filters(1, (*world).askIncidents)},
	{"FilterAlerts", "what a Query selects and in which order is what Match and Compare say", filters(2, (*world).askAlerts)},
	{"FilterActivity", "what a Query selects and in which order is what Match and Compare say", filters(3, (*world).askActivity)},
	{"Sightings", "a Sighter says what its alerts say", filters(8, (*world).askSightings)},
	{"Count", "a Counter says how many incidents there are", filters(21, (*world).askCount)},
	{"Facets", "a Faceter says how many incidents of each value there are", filters(10, (*world).askFacets)},
	{"Hub", "an entity may be on any number of alerts and incidents", hub(5)},
	{"ByteOrder", "texts are ordered by bytes", byteOrder},
	{"CursorRoundTrip", "a Cursor as text leads to the same place; one of another order is ErrCursor", cursorRoundTrip(6)},
	{"PageStable", "pages walked by cursor show every record that does not change exactly once", pageStable(7)},
	{"AlertKeys", "an alert is found by its keys, whether they are given with the Changeset or not", alertKeys},
}

// patience is how long a case may take. A storage whose methods wait for each other would take for ever.
const patience = 2 * time.Minute

var errStuck = errors.New("the storage does not return")

// check runs the case on s, which is empty.
func (c testCase) check(ctx context.Context, s storage.Storage) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- c.run(ctx, s) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(patience / 10): // it does not look at its context
		return fmt.Errorf("%w: not done after %v", errStuck, patience)
	}
}
