package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// begin starts a transaction, and enter is its first statement. Plans for its statements, which find rows by their keys,
// need not be made anew each time.
const (
	begin = "begin isolation level read committed"
	enter = "select set_config('incidentkit.tenant', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true)"
)

// A transaction is one try to keep Changesets, as if one after the other. It locks incidents, then alerts, then items,
// each in the order of their IDs, and then the tenant's row, so that none wait for each other in a circle.
type transaction struct {
	ctx      context.Context
	conn     *pgx.Conn
	tenant   string
	writes   []*write
	thorough bool // looks too for what should not be there

	incidents, alerts, entries map[string]stored // by ID, as far as they are known
	items                      map[storage.ItemPlace]storedItem
	guarding                   *guarding        // nil where nothing is guarded
	repeated                   map[string]bool  // alerts that several of the accepted store
	accepted                   []*write         // go with what is stored
	refused                    map[*write]error // do not
	fresh, logged              int64            // incidents and entries that are new
	tallies                    map[tally]int64  // by which facets change

	batch      pgx.Batch
	subjects   []subject // of the statements in the batch
	committing bool      // the commit is on its way
	unknown    bool      // what came of the commit
	culprit    *write    // the one that failed, if it was one
}

// A stored is what a transaction knows of a record.
type stored struct {
	version int64 // 0 where it is not there
	number  int64
	fresh   int64 // how many incidents are new up to this one; 0 when it is not new
	counts  counted
}

// A subject is what a statement is about.
type subject struct {
	table, id string // as people call it; "" when it is about all
	of        *write
}

// run keeps what can be kept. Without an error the writes that are accepted have their receipts, and the others
// an error in refused.
func (t *transaction) run() error {
	if t.writes[0].restored {
		return t.restore(t.writes[0])
	}
	if err := t.lock(); err != nil {
		return err
	}
	t.decide()
	if len(t.accepted) == 0 {
		rollback(t.ctx, t.conn)
		return nil
	}
	t.writeRecords()
	first := t.takeNumbers()
	t.writeSightings()
	for _, w := range t.accepted {
		if err := t.purge(w); err != nil {
			return err
		}
	}
	t.writeEntries()
	var gone []string
	for _, w := range t.accepted {
		if len(w.redact) == 0 {
			continue
		}
		if err := t.send(); err != nil {
			return err
		}
		more, err := t.redact(w)
		if err != nil {
			t.culprit = w
			return err
		}
		gone = append(gone, more...)
	}
	if err := t.commit(gone); err != nil {
		return err
	}
	t.receipts(first)
	return nil
}

// commit forgets those of the digests that no entry names any more, writes what is counted, and ends the transaction.
func (t *transaction) commit(gone []string) error {
	if len(gone) > 0 {
		t.queue(subject{table: "content"}, deleteContents, t.tenant, gone)
	}
	t.putTallies()
	t.queue(subject{}, commit)
	if t.logged > 0 {
		t.queue(subject{}, notify, channel(t.tenant))
	}
	t.committing = true
	return t.send()
}

const commit = "commit"

// lock begins the transaction and looks for what should be there. What should not be there is left to the keys of the
// tables; where there is nothing else no round trip is made.
func (t *transaction) lock() error {
	t.incidents, t.alerts, t.entries = make(map[string]stored), make(map[string]stored), make(map[string]stored)
	var incidents, alerts, entries, purged []string
	for _, w := range t.writes {
		purged = append(purged, w.purge...)
		incidents = t.wanted(incidents, w.incidents)
		alerts = t.wanted(alerts, w.alerts)
		for _, r := range w.alerts {
			if r.version != 0 { // a purge of its incident comes before that or after it
				incidents = append(incidents, r.seen.incident)
			}
		}
		if t.thorough {
			entries = t.wanted(entries, w.entries)
		}
	}
	t.repeated = make(map[string]bool)
	t.queue(subject{}, begin)
	t.queue(subject{}, enter, t.tenant)
	unlocked := len(t.subjects)
	for _, l := range [...]struct {
		sql   string
		ids   []string
		known map[string]stored
	}{{lockIncidents, incidents, t.incidents}, {lockAlerts, alerts, t.alerts}, {findEntries, entries, t.entries}} {
		if len(l.ids) == 0 {
			continue
		}
		t.find(l.sql, l.ids, l.known)
	}
	if len(purged) > 0 {
		t.queue(subject{}, lockPurged, t.tenant, purged)
	}
	t.lockItems()
	t.lockGuarded()
	if len(t.subjects) == unlocked {
		return nil
	}
	return t.send()
}

// find queues what adds the records with those IDs to known, as far as they are there.
func (t *transaction) find(sql string, ids []string, known map[string]stored) {
	t.queue(subject{}, sql, t.tenant, ids).Query(func(rows pgx.Rows) error {
		var id string
		var s stored
		_, err := pgx.ForEachRow(rows, []any{&id, &s.version, &s.number, &s.counts.status, &s.counts.severity, &s.counts.facets}, func() error {
			known[id] = s
			s.counts.facets = nil // the next one's are others
			return nil
		})
		return err
	})
}

// wanted appends the IDs of the records to look for.
func (t *transaction) wanted(ids []string, records []record) []string {
	for _, r := range records {
		if r.version != 0 || t.thorough {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// decide tells the writes that go with what is stored, and with those before them, from the others.
func (t *transaction) decide() {
	t.refused = make(map[*write]error)
	for _, w := range t.writes {
		if err := t.check(w); err != nil {
			t.refused[w] = err
			continue
		}
		t.accepted = append(t.accepted, w)
		for _, r := range w.incidents {
			s := t.incidents[r.id]
			if s.version = r.version + 1; r.version == 0 {
				t.fresh++
				s.fresh = t.fresh
			}
			t.count(s.counts, r.counts)
			s.counts = r.counts
			t.incidents[r.id] = s
		}
		for _, r := range w.alerts {
			t.alerts[r.id] = stored{version: r.version + 1}
		}
		for _, r := range w.entries {
			t.entries[r.id] = stored{version: 1}
		}
		t.acceptItems(w)
		if t.guarding != nil {
			t.guarding.accept(w, t.logged)
		}
		t.logged += int64(len(w.entries))
	}
}

// check reports what keeps w from being stored, as far as it is known.
func (t *transaction) check(w *write) error {
	for _, c := range [...]struct {
		records []record
		known   map[string]stored
	}{{w.incidents, t.incidents}, {w.alerts, t.alerts}, {w.entries, t.entries}} {
		for _, r := range c.records {
			if err := driver.CheckVersion(r.table, unescape(r.id), r.version, c.known[r.id].version); err != nil {
				return err
			}
		}
	}
	if err := t.checkItems(w); err != nil || t.guarding == nil {
		return err
	}
	return t.guarding.check(w)
}

func (t *transaction) queue(about subject, sql string, args ...any) *pgx.QueuedQuery {
	t.subjects = append(t.subjects, about)
	return t.batch.Queue(sql, args...)
}

// An alertWrite is an alert and whose it is.
type alertWrite struct {
	record
	of *write
}

// again reports whether the alert may have been stored before.
func (a alertWrite) again() bool { return a.version != 0 || a.of.restored }

// writeRecords queues all that needs no number.
func (t *transaction) writeRecords() {
	var alerts []alertWrite
	stored := make(map[string]bool)
	for _, w := range t.accepted {
		for _, r := range w.incidents {
			if r.version != 0 && t.incidents[r.id].fresh == 0 {
				t.queue(subject{r.table, r.id, w}, incidentSQL().update, r.row...)
			}
		}
		for _, r := range w.alerts {
			alerts = append(alerts, alertWrite{r, w})
			if stored[r.id] {
				t.repeated[r.id] = true
			}
			stored[r.id] = true
		}
	}
	slices.SortStableFunc(alerts, func(a, b alertWrite) int { return strings.Compare(a.id, b.id) })
	for _, a := range alerts {
		t.writeAlert(a)
	}
}

func (t *transaction) writeAlert(a alertWrite) {
	about := subject{a.table, a.id, a.of}
	switch {
	case a.of.restored:
		t.queue(about, insertAlert+overAlert, a.row...)
	case a.version == 0:
		t.queue(about, insertAlert, a.row...)
	default:
		t.queue(about, updateAlert, a.row...)
	}
	if a.again() && !t.repeated[a.id] {
		t.keepSightings(a)
	}
}

// keepSightings queues what takes away the keys that an alert has no more, and has the others follow it.
func (t *transaction) keepSightings(a alertWrite) {
	t.queue(
		subject{a.table, a.id, a.of},
		keepSightings, t.tenant, a.id, a.keys, a.seen.incident, a.seen.at,
		a.seen.standalone,
	)
}

// newSightings are rows of the table of sightings, as the arguments of addSightings.
type newSightings struct {
	alerts, incidents []string
	keys              [][]byte
	at                []int64
	standalone        []bool
	back              []*int64 // from the last number to the stamp, nil for none
	of                map[*write]bool
}

// writeSightings queues what adds keys to alerts, which is stamped with numbers. Of an alert that several writes store,
// each finds the keys that the one before it has left.
func (t *transaction) writeSightings() {
	rows, logged := newSightings{of: make(map[*write]bool)}, int64(0)
	for _, w := range t.accepted {
		back := new(t.logged - logged)
		if logged += int64(len(w.entries)); len(w.entries) > 0 {
			*back--
		}
		if w.restored {
			back = nil
		}
		for _, r := range w.alerts {
			if a := (alertWrite{r, w}); t.repeated[r.id] && a.again() {
				t.addSightings(&rows)
				t.keepSightings(a)
			}
			for _, key := range r.keys {
				rows.alerts, rows.incidents = append(rows.alerts, r.id), append(rows.incidents, r.seen.incident)
				rows.keys, rows.at = append(rows.keys, key), append(rows.at, r.seen.at)
				rows.standalone, rows.back = append(rows.standalone, r.seen.standalone), append(rows.back, back)
				rows.of[w] = true
			}
		}
	}
	t.addSightings(&rows)
}

// addSightings queues the rows, if there are any, and empties them.
func (t *transaction) addSightings(rows *newSightings) {
	if len(rows.keys) == 0 {
		return
	}
	var about subject
	if len(rows.of) == 1 { // else any of them may be why it fails
		for w := range rows.of {
			about = subject{"alert", rows.alerts[0], w}
		}
	}
	t.queue(about, addSightings, t.tenant, rows.alerts, rows.keys, rows.incidents, rows.at, rows.standalone, rows.back)
	*rows = newSightings{of: make(map[*write]bool)}
}

// takeNumbers queues what takes the next numbers where there is something that stands in the order of commits, and
// returns where those before will be. From this statement on, other transactions of the tenant that come to theirs wait.
func (t *transaction) takeNumbers() *stored {
	before := new(stored) // version is that of the log
	if t.logged == 0 && t.fresh == 0 && len(t.tallies) == 0 && !slices.ContainsFunc(t.accepted, (*write).ordered) {
		return before
	}
	t.queue(subject{}, takeNumbers, t.tenant, t.logged, t.fresh).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&before.version, &before.number)
		before.version, before.number = before.version-t.logged, before.number-t.fresh
		return err
	})
	return before
}

// writeEntries queues what stands in the order of commits.
func (t *transaction) writeEntries() {
	logged := int64(0)
	for _, w := range t.accepted {
		for _, r := range w.incidents {
			if r.version == 0 {
				t.queue(
					subject{r.table, r.id, w},
					incidentSQL().insert,
					append(slices.Clip(r.row), t.fresh-t.incidents[r.id].fresh)...,
				)
			} else if t.incidents[r.id].fresh != 0 {
				t.queue(subject{r.table, r.id, w}, incidentSQL().update, r.row...)
			}
		}
		for n, e := range w.entries {
			logged++
			about := subject{e.table, e.id, w}
			t.queue(about, insertEntry, append(slices.Clip(e.row), t.logged-logged)...)
			if len(w.attached[n]) > 0 {
				t.queue(about, insertAttachments, t.tenant, w.attached[n], t.logged-logged)
			}
		}
		t.writeContents(w) // before the next one's entries, which may name them
		t.writeItems(w)
	}
}

func (t *transaction) writeContents(w *write) {
	for _, c := range w.contents {
		t.queue(subject{"content", escape(c.SHA256), w}, insertContent, t.tenant, escape(c.SHA256), c.Data)
	}
}

// receipts says which numbers were given, after those before.
func (t *transaction) receipts(before *stored) {
	seq := before.version
	for _, w := range t.accepted {
		if len(w.entries) > 0 {
			w.receipt.Seq = seq + 1
			seq += int64(len(w.entries))
		}
		for _, r := range w.incidents {
			s := t.incidents[r.id]
			if s.fresh != 0 {
				s.number = before.number + s.fresh
			}
			w.receipt.Numbers = append(w.receipt.Numbers, s.number)
		}
	}
}

// redact queues the redactions and returns the digests that the entries name no more.
func (t *transaction) redact(w *write) (gone []string, err error) {
	r := reader{tenant: t.tenant, conn: t.conn}
	found, err := rows(t.ctx, &r, row.entry, lockEntries, []any{t.tenant, w.redact})
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool)
	for _, e := range found {
		there[escape(e.ID)] = true
	}
	for _, r := range w.entries {
		delete(there, r.id) // it must have been there before
	}
	for _, id := range w.redact {
		if !there[id] {
			return nil, &notFound{"entry", unescape(id)}
		}
	}
	for _, e := range found {
		digests := named(&e)
		e = e.Redact()
		text, err := encode("entry", string(e.ID), e)
		if err != nil {
			return nil, err
		}
		about := subject{"entry", escape(e.ID), w}
		t.queue(about, updateEntry, t.tenant, e.Seq, text)
		if len(digests) > 0 {
			t.queue(about, deleteAttachments, t.tenant, e.Seq, digests)
			gone = append(gone, digests...)
		}
	}
	return gone, nil
}

// send runs what is queued.
func (t *transaction) send() error {
	subjects, batch := t.subjects, t.batch
	t.subjects, t.batch = nil, pgx.Batch{}
	closed := t.conn.IsClosed()
	results := t.conn.SendBatch(t.ctx, &batch)
	defer results.Close()
	for n, about := range subjects {
		err := run(results, batch.QueuedQueries[n])
		commits := batch.QueuedQueries[n].SQL == commit
		if err == nil && commits {
			return nil // and the notification that may follow is nothing that Apply promises
		}
		if err == nil {
			continue
		}
		e, answered := errors.AsType[*pgconn.PgError](err)
		switch {
		case answered && e.Code == "23505" && about.of != nil:
			t.culprit = about.of
			return driver.Exists(about.table, unescape(about.id))
		case answered && !(commits && e.Severity != "ERROR"):
			t.culprit = about.of
		case t.committing && (!pgconn.SafeToRetry(err) || !closed && errors.Is(err, pgconn.ErrConnClosed)):
			// The driver calls a connection that closed after the batch went out safe as well.
			t.unknown = true
			return unknown(t.ctx, err)
		}
		return failed(t.ctx, t.conn, about.in(err))
	}
	if err := results.Close(); err != nil {
		return failed(t.ctx, t.conn, err)
	}
	return nil
}

// run reads the result of one statement, by its own function if it has one.
func run(results pgx.BatchResults, q *pgx.QueuedQuery) error {
	if q.Fn != nil {
		return q.Fn(results)
	}
	_, err := results.Exec()
	return err
}

func (s subject) in(err error) error {
	if s.table == "" {
		return err
	}
	return fmt.Errorf("%s %s: %w", s.table, unescape(s.id), err)
}
