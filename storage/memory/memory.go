// Package memory is the storage that keeps everything in the memory of the process: the reference
// implementation of [storage.Storage], and the default of a program that embeds incidents.
//
// Every record is a chain of versions, each with the commits between which it is seen. A view notes the
// last commit when it begins and reads what was seen then; it copies nothing. Indexes hold the keys of all
// versions that some view may still read, so that a page costs what is on the page.
//
// # Concurrency
//
// A [Store] may be used by any number of goroutines. Apply calls exclude one another. A reader holds a lock
// for a batch of records, never for the length of a View, and an Apply holds it for a batch of its own, so
// that neither waits for the whole of the other.
//
// # Limits
//
// Nothing is written to disk: Close, or the end of the process, forgets everything. A view that is kept
// long keeps what was replaced since in memory, but nothing that was redacted or purged: that every View sees at once.
//
// A page is read in its order from the smallest index that serves it: of all incidents, or by status and
// severity, owner, tag or priority. The other filters, text among them, are tested record by record; so are the
// status, severity, source, category and title of alerts. A query for IDs, numbers or entities finds all incidents that
// have one of them before it yields the first, and entries about an alert are looked for in the log of the incidents
// asked for, or in the whole log. A count of statuses, severities, owners or one tag is added up from the sizes of
// indexes, and facets of statuses and severities from numbers that are kept up at each write, in time that grows with
// the different values; other counts, and other facets, look at each record that is counted. Items are read in their
// order, and tested one by one.
//
// # Errors
//
// The errors are those of package storage. A Reader that is used when its View is over reports
// [storage.ErrClosed].
package memory

import (
	"cmp"
	"context"
	"sync"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A Store is a [storage.Storage] in memory. Make one with [New].
type Store struct {
	writer  sync.Mutex // held by Apply: what is stored changes for nobody else meanwhile
	moments moments
	tables  *tables // nil after Close; its own lock guards what is in it
}

var (
	_ storage.Storage = (*Store)(nil)
	_ storage.Waiter  = (*Store)(nil)
)

// New returns an empty Store.
func New() *Store {
	s := &Store{tables: newTables()}
	s.moments.publish(moment{tables: s.tables, items: s.tables.items.all.Copy()})
	return s
}

// View calls fn with a Reader of the moment of the call; see [storage.Storage]. fn may call Apply and View.
func (s *Store) View(ctx context.Context, fn func(storage.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, open := s.moments.begin()
	if !open {
		return storage.ErrClosed
	}
	r := &reader{moment: m}
	defer func() {
		r.over = true
		s.moments.end(m.commit)
	}()
	return fn(r)
}

// Apply keeps a Changeset; see [storage.Storage]. An error means that nothing was kept. It names the record
// it is about.
func (s *Store) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	invalid := driver.Check(cs)
	var w writing
	if invalid == nil {
		cs = driver.Canonical(cs)
		w = prepare(cs, false)
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	if s.tables == nil {
		return storage.Receipt{}, storage.ErrClosed
	}
	if err := cmp.Or(ctx.Err(), invalid); err != nil {
		return storage.Receipt{}, err
	}
	if err := s.tables.check(cs); err != nil {
		return storage.Receipt{}, err
	}
	s.tables.own(w.alerts)
	return s.tables.write(w, &s.moments), nil
}

// Wait waits for an entry with a Seq above after; see [storage.Waiter].
func (s *Store) Wait(ctx context.Context, after int64) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		more, open := s.moments.after(after)
		if !open {
			return storage.ErrClosed
		}
		if more == nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-more:
		}
	}
}

// Close forgets everything. It returns nil, a second time too.
func (s *Store) Close() error {
	s.writer.Lock()
	defer s.writer.Unlock()
	s.tables = nil
	s.moments.close()
	return nil
}

// check reports what is stored that keeps cs from being so.
func (t *tables) check(cs storage.Changeset) error {
	for n := range cs.Incidents {
		i := &cs.Incidents[n]
		var stored int64
		if node := t.incidents[i.ID]; node != nil && node.latest != nil {
			stored = node.latest.value.Version
		}
		if err := driver.CheckVersion("incident", string(i.ID), i.Version, stored); err != nil {
			return err
		}
	}
	for n := range cs.Alerts {
		a := &cs.Alerts[n]
		var stored int64
		if node := t.alerts[a.ID]; node != nil {
			stored = node.latest.value.Version
		}
		if err := driver.CheckVersion("alert", string(a.ID), a.Version, stored); err != nil {
			return err
		}
	}
	for n := range cs.Activity {
		if _, ok := t.entries[cs.Activity[n].ID]; ok {
			return driver.Exists("entry", string(cs.Activity[n].ID))
		}
	}
	for _, id := range cs.Redact {
		if _, ok := t.entries[id]; !ok {
			return &notFound{"entry", string(id)}
		}
	}
	for n := range cs.Items {
		i := &cs.Items[n]
		if err := driver.CheckVersion("item", i.Kind+"/"+i.Key, i.Version, t.items.version(&cs, i)); err != nil {
			return err
		}
	}
	for _, key := range cs.Guard.Keys {
		if e := t.entities[key]; e != nil && e.added > cs.Guard.Seq {
			return &storage.ConflictError{Record: "key", ID: string(key), Given: cs.Guard.Seq, Stored: e.added}
		}
	}
	return nil
}
