// Package storagetest is the contract of package storage as a test suite: one case for each rule of
// [storage.Storage], and each case prints the rule it found broken.
//
//	func TestStorage(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Storage { return mystore.Open(t.TempDir()) })
//	}
//
// Beside what a case asks for, the suite keeps a model of what the storage should hold. After every Apply it compares
// the lists, every record by its ID, the contents, the items and the last Seq; in large storages a part of them, and
// everything once the case is over. With [Reopen] it does so after reopening as well, and runs the cases of writers,
// moments and caches through two handles on the same data.
//
// Randomised cases use a fixed seed, printed on failure, so that a storage is asked the same at every run.
//
// # Concurrency
//
// Cases run one after the other, each as a subtest, or in parallel where the function that opens storages calls
// t.Parallel. A case that is not done after two minutes fails. A storage must allow 41 Views to be open at once while
// Apply is called; beyond that Views may wait for one another.
//
// # Limits
//
// The suite makes at most some ten thousand records in one storage, identifiers of 1,000 bytes, texts of 1 MiB and
// contents of 17 MiB. It needs the standard library only. On the storage in memory it takes about ten seconds, three of
// which are one View that stays open.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// An Option adds to what [Run] tests.
type Option func(*options)

type options struct {
	reopen func(*testing.T, storage.Storage) storage.Storage
	again  bool
}

// Again is for a storage that another Run tests whole: the same in other circumstances, such as behind a proxy. It
// leaves out the cases that take long, which are about sizes, long times and many Views, and those through two handles.
// In short mode every Run leaves them out, and does not reopen storages.
func Again() Option { return func(o *options) { o.again = true } }

// Reopen is for storages that keep their data when they are closed, or that share it with others: reopen returns
// another handle on the data of s, which open or reopen has returned, and which may be closed by then or still be in
// use.
func Reopen(reopen func(t *testing.T, s storage.Storage) storage.Storage) Option {
	return func(o *options) { o.reopen = reopen }
}

// Run tests the storages that open returns against the contract. Each of them must be empty and not used by another
// test; Run closes it. Cases are subtests named after the rule; with [Reopen], those through two handles are subtests
// of "TwoHandles". With -short, Run leaves out the long cases, does not reopen storages, and uses one handle.
//
// Run does not see whether a storage survives the end of its process in the middle of Apply, nor whether what was
// redacted has left the disk: test that yourself.
func Run(t *testing.T, open func(*testing.T) storage.Storage, opts ...Option) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if testing.Short() {
		o = options{again: true}
	}
	for _, c := range cases {
		if !o.again || !slices.Contains(longCases, c.name) {
			t.Run(c.name, func(t *testing.T) { c.test(t, open(t), o) })
		}
	}
	if o.reopen == nil || o.again {
		return
	}
	t.Run("TwoHandles", func(t *testing.T) {
		for _, c := range cases {
			if slices.Contains(oneHandle, c.name) {
				continue
			}
			t.Run(c.name, func(t *testing.T) { c.test(t, newPair(t, open(t), o.reopen).face(), options{}) })
		}
	})
}

// test runs the case on s, which is empty, and reports what is broken.
func (c testCase) test(t *testing.T, s storage.Storage, o options) {
	if what := c.lacks(s); what != "" {
		t.Logf("the storage is no %s: there is nothing to test", what)
	}
	err := c.try(t, s, o)
	if errors.Is(err, errStuck) {
		// What is stuck may keep the test from ending, and then its own output is not shown.
		fmt.Fprintf(os.Stderr, "%s: %v\nrule: %s\n", t.Name(), err, c.rule)
	}
	if err != nil {
		t.Errorf("%v\nrule: %s", err, c.rule)
	}
}

// lacks returns the optional interface that the case is about and s does not have.
func (c testCase) lacks(s storage.Storage) string {
	_, restores := s.(storage.Restorer)
	_, waits := s.(storage.Waiter)
	switch {
	case !restores && strings.Contains(c.name, "Restore"):
		return "storage.Restorer"
	case !waits && c.name == "Waiter":
		return "storage.Waiter"
	}
	return ""
}

// try runs the case on s, closes it, and sees that all is there when it is opened again.
func (c testCase) try(t *testing.T, s storage.Storage, o options) error {
	w := watch(t.Context(), s)
	err := c.check(t.Context(), w)
	if errors.Is(err, errStuck) {
		return err // Close might wait too
	}
	if closed := within(s.Close); closed != nil {
		err = errors.Join(err, fmt.Errorf("close: %w", closed))
	}
	if err != nil || o.reopen == nil {
		return err
	}
	again := o.reopen(t, s)
	if err := w.resume(t.Context(), again); err != nil {
		return errors.Join(fmt.Errorf("opened again: %w", err), again.Close())
	}
	return again.Close()
}

// within calls a Close, which may wait for a View or an Apply that has not ended as it should have.
func within(closing func() error) error {
	done := make(chan error, 1)
	go func() { done <- closing() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience / 4):
		return fmt.Errorf("%w: not done after %v", errStuck, patience/4)
	}
}

// resume compares s, another handle on the data, with what w knows, and goes on writing there.
func (w *witness) resume(ctx context.Context, s storage.Storage) error {
	w.Storage, w.ctx, w.closed = s, ctx, false
	if err := w.finish(); err != nil {
		return err
	}
	i, e := newIncident(90_000), withImages("after reopening", "after reopening")
	key, added := w.model.newestKey()
	if added > 0 {
		stale := storage.Changeset{
			Activity: []activity.Entry{newEntry("out of date", i.ID)},
			Guard:    storage.Guard{Seq: added - 1, Keys: []alert.Key{key}},
		}
		if _, err := w.Apply(ctx, stale); !errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf(
				"a Guard of %s, which was added at Seq %d and looked up before: %w, want an error matching ErrConflict",
				key, added, said(err),
			)
		}
	}
	_, err := w.Apply(ctx, storage.Changeset{
		Guard:     storage.Guard{Seq: int64(len(w.model.entries)), Keys: []alert.Key{key}},
		Incidents: []incident.Incident{i},
		Activity:  []activity.Entry{e},
		Contents:  []activity.Content{content("after reopening", "x")},
	})
	return err
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
	{"NumbersUnique", "every new incident gets a Number of its own, higher than all before", numbersUnique},
	{"SameAlert", "of callers that store the same version of an alert one is kept and the others conflict", sameAlert},
	{"SameID", "of Changesets with the same new record one is kept, and nothing of the others", sameID},
	{"SameRedaction", "entries may be redacted, and their contents named again, by many callers at once",
		sameRedaction},
	{"NumbersTogether", "Numbers and Seqs that are given at the same time have one order and no gaps", numbersTogether},
	{"NumberKept", "the Number of an incident that is not new is taken from the store", numberKept},

	{"Contents", "what the Contents of a Changeset hold is kept with it and read back byte by byte", keptContents},
	{"ContentNamed", "a content is kept as long as an entry that is not redacted names it, and no longer", namedContents},
	{"Redact", "an entry that is redacted loses its text and the names of its attachments, and nothing else", redacted},

	{"Purge", "an incident that is purged loses its alerts and what its entries say, and nothing else", purged(12)},
	{"PurgeRefused", "an incident is purged as it is stored in the same Changeset, or not at all", purgeRefused},
	{"PurgeContents", "a content goes with the last entry that names it and is not purged", purgeContents},
	{"Restore", "a Restorer keeps records with the versions and numbers that they have, and gives the next ones from there", restored(13)},
	{"RestoreRefused", "a Restorer keeps nothing of a Changeset whose Numbers or Seqs are those of others", restoreRefused},

	{"ItemVersion", "an item is stored, by its Kind and Key, only over the Version that was read", itemVersion},
	{"SameItem", "of Changesets with the same item of the same Version one is kept", sameItem},
	{"ItemConflictNames", "a version conflict names the item by its Kind, a slash and its Key, and both versions",
		itemConflictNames},
	{"ItemTwice", "one Changeset has an item once", itemTwice},
	{"ItemOrder", "an ItemQuery selects what its Match says, behind After, in the order of places by bytes",
		itemOrder(31)},
	{"ItemData", "Data of up to MaxItemData bytes comes back byte by byte, empty as nil, and with more nothing is kept",
		itemData},
	{
		"ItemsPurged",
		"an item goes when a purge takes the incident that it names, before the items of the Changeset are stored",
		itemsPurged,
	},
	{
		"ItemsExpired",
		"an Expiry takes away the items of its Kind whose Time is before Before, " +
			"before the items of the Changeset are stored",
		itemsExpired,
	},
	{"ItemsOfOneMoment", "the items of a View are as of its moment, whatever is stored or expires", itemsOfOneMoment},
	{"ItemsAtomic", "items and expiries are kept with all of their Changeset, or not at all", itemsAtomic},
	{
		"ItemAliases",
		"Apply and Restore keep no reference to the Data of an item, and what a Reader returns belongs to the caller",
		itemAliases,
	},
	{"ItemsRestored", "a Restorer keeps items with the Versions that they have, and takes away those of Version 0",
		itemsRestored},

	{
		"Guarded",
		"Apply fails when a Changeset after the Guard's Seq has added one of its Keys to an alert, " +
			"and not when Seq is the last one",
		guarded,
	},
	{"GuardConcurrent", "of callers that look a key up and add it under a Guard, one sees what the other has added",
		guardConcurrent},
	{"LastSeq", "Seq is the highest Seq in the log of the View's moment, 0 when it is empty", seqLast},

	{"DenseFeed", "sequence numbers are 1, 2, 3 … in the order of commits; none appears below one that was read", denseFeed},
	{"FeedResume", "Query{AfterSeq: n} yields just what follows n", feedResume},
	{"Waiter", "a Waiter wakes up when an entry comes, the context ends or the storage is closed", waiter},

	{"AliasIn", "Apply keeps no reference to its argument", aliasIn},
	{"AliasOut", "what a Reader returns belongs to the caller", aliasOut},
	{"AliasCounts", "what counting returns belongs to the caller", aliasCounts},
	{"ArgumentsKept", "queries are not changed", argumentsKept},
	{"EveryField", "records come back as they were given", everyField},
	{"OddStrings", "texts of any UTF-8 come back as they were given and are compared by bytes", oddStrings},
	{"AlikeIDs", "identifiers are compared by bytes: case, width, composition and space tell them apart", alikeIDs},
	{"Times", "times of microseconds in UTC come back as they were given", times},
	{"OtherForms", "times come back in UTC and whole microseconds, JSON without space between its parts, and empty " +
		"lists as nil", otherForms},
	{"InvalidRecords", "what no storage keeps is refused as driver.Check says, with all of its Changeset",
		invalidRecords},
	{"InvalidQueries", "a Query that is not valid is answered with what its Validate says, and with no record",
		invalidQueries},
	{"NoSuchID", "an ID that no record can have is ErrNotFound", noSuchID},
	{"Hostile", "what a Changeset or a Query may hold, and what not, does not depend on the storage", hostile(5)},

	{"NotFound", "a record that is not there is ErrNotFound", notFound},
	{"ViewError", "View calls fn once and returns its error", viewError},
	{"SnapshotStable", "everything read inside one View is as of one moment", snapshotStable},
	{"OldViews", "a View answers every Query as of its moment, whatever was written since", oldViews(4, (*world).askIncidents, (*world).askAlerts, (*world).askActivity)},
	{"OldCounts", "a View counts as of its moment, whatever was written since",
		oldViews(11, (*world).askCount, (*world).askAlertCount, (*world).askFacets)},
	{"OddFields", "every text of a record comes back as it was given", oddFields},
	{"NewKeys", "what a key finds is what the records of the moment say, whatever it found before", newKeys},
	{"ManyHits", "what a query selects and in which order does not depend on how much it is", manyHits},
	{"LongFields", "every list of a record, and every number, comes back as it was given", longFields},
	{"ManyNames", "a content is kept as long as an entry that is not redacted names it, however many do", manyNames},
	{"ContentAgain", "a content that is gone may be given again", contentAgain},
	{"PurgeWriters", "a purge takes away what all entries before it say, and nothing of those after it", purgeWriters},
	{"WholeViews", "a View sees all of a Changeset or nothing of it", wholeViews},
	{"ManyViews", "many Views may be open at once, each of its own moment", manyViews(15)},
	{"ByID", "a record read by its ID is the one that lists have, after every change", byID},
	{"Panics", "when fn panics or ends its goroutine, the View ends and nothing stays locked", panics},
	{"NoWaiting", "Views do not wait for Apply, nor Apply for them", noWaiting},
	{"NestedRead", "a read may start while another is being ranged over", nestedRead},
	{"BreakEarly", "a sequence may be broken off early", breakEarly},
	{"Cancel", "when the context is done, its error is returned and nothing is kept", cancelled},
	{"CancelApply", "an Apply whose context ends keeps all of its Changeset or nothing", cancelApply},
	{"CancelNeighbours", "an Apply whose context ends keeps no other from being kept", cancelNeighbours},
	{"CancelView", "a read whose context ends returns its error, never a part without one", cancelView},
	{"Closed", "after Close every method returns ErrClosed, Close itself nil; Views that are running end as they would have", closed},

	{"FilterIncidents", "what a Query selects and in which order is what Match and Compare say", filters(1, (*world).askIncidents)},
	{"FilterAlerts", "what a Query selects and in which order is what Match and Compare say",
		filters(9, (*world).askAlerts)},
	{"FilterActivity", "what a Query selects and in which order is what Match and Compare say", filters(3, (*world).askActivity)},
	{"Sightings", "a Sighter says what its alerts say", filters(8, (*world).askSightings)},
	{"SightingOrder", "sightings of an entity come by time, then ID, oldest or newest first; Limit keeps the first",
		sightingOrder},
	{"Count", "a Counter says how many incidents there are", filters(9, (*world).askCount)},
	{"CountAlerts", "an AlertCounter says how many alerts there are", filters(22, (*world).askAlertCount)},
	{"Facets", "a Faceter says how many incidents of each value there are", filters(10, (*world).askFacets)},
	{"Owners", "identifiers of owners are compared as they fold, and come back as they were given", ownersFolded},
	{"Hub", "an entity may be on any number of alerts and incidents", hub(5)},
	{"ByteOrder", "texts are ordered by bytes", byteOrder},
	{"CursorRoundTrip", "a Cursor as text leads to the same place; one of another order is ErrCursor", cursorRoundTrip(6)},
	{"PageStable", "pages walked by cursor show every record that does not change exactly once", pageStable(7)},
	{"AlertKeys", "an alert is found by its keys, whether they are given with the Changeset or not", alertKeys},

	{"Cascade", "a Changeset of 5,000 alerts is one Changeset", cascade},
	{"LargeIncident", "whether one of 5,000 alerts has an entity is answered with one record", largeIncident},
	{"WideAlert", "an alert may have any number of pieces of evidence and is found by each", wideAlert},
	{"LongTexts", "texts and identifiers come back whole, however long, and differ by their last byte", longTexts},
	{"LargeContents", "contents come back byte by byte, however large", largeContents},
	{"LongLists", "a Query may have any number of values in each list", longLists(16)},
	{"ThousandsRedacted", "a Changeset may redact thousands of entries", thousandsRedacted},
	{"ThousandsPurged", "a Changeset may purge thousands of incidents", thousandsPurged},
	{"LongView", "a View stays at its moment for as long as it is open, whatever is written", longView(14)},
	{"DeepResults", "a Query yields all that it selects, beyond 10,000 records too, and pages lead to the end",
		deepResults},
}

// longCases are the cases that take long, by their sizes or because time must pass.
var longCases = []string{
	"Cascade", "LargeIncident", "WideAlert", "LongTexts", "LargeContents", "LongLists", "ThousandsRedacted",
	"ThousandsPurged", "DeepResults",
	"LongFields", "ManyHits", "LongView", "ManyViews", "PageStable", "AlikeIDs", "CancelApply", "CancelView", "Panics",
}

// oneHandle are the cases that another handle makes no difference to: they are about sizes, or about what a single View
// answers.
var oneHandle = []string{
	"Cascade", "LargeIncident", "WideAlert", "LongTexts", "LargeContents", "LongLists", "ThousandsRedacted",
	"ThousandsPurged", "DeepResults", "LongFields", "ManyHits", "OddFields",
	"LongView", "ManyViews", "AlikeIDs", "ByteOrder", "Hub", "CursorRoundTrip", "PageStable", "ArgumentsKept",
	"AliasCounts",
	"NestedRead", "BreakEarly", "ItemOrder", "CancelApply", "CancelView", "Panics", "ViewError", "NotFound",
}

// patience is how long a case may take. A storage whose methods wait for each other would take for ever.
const patience = 2 * time.Minute

var errStuck = errors.New("the storage does not return")

// check runs the case on the storage that w stands before, which is empty.
func (c testCase) check(ctx context.Context, w *witness) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	w.ctx = ctx
	done := make(chan error, 1)
	go func() {
		err := errors.New("the goroutine of the case has ended")
		defer func() { done <- err }() // also when a test function ends it
		if err = c.run(ctx, w.face()); err == nil {
			err = w.finish()
		}
	}()
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
