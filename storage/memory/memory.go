// Package memory is the storage that keeps everything in the memory of the process: the reference
// implementation of [storage.Storage], and the default of a program that embeds incidents.
//
// Records stand in copy-on-write trees ordered as queries ask for them, so that a page costs what is on the
// page and a view of one moment costs the same however much is stored.
//
// # Concurrency
//
// A [Store] may be used by any number of goroutines. Apply calls exclude one another. A View takes the
// writer's lock only to note the roots of the trees, which the views up to the next Apply share, and reads
// without any lock after. A view that is kept long keeps what was replaced since in memory.
//
// # Limits
//
// Nothing is written to disk: Close, or the end of the process, forgets everything. A page is read in its
// order from an index of its sort, narrowed by status, severity, owner or tag where these go with the sort;
// the other filters are tested record by record. A query for IDs, numbers or entities reads all records that
// have one of them before it yields the first.
package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Store is a [storage.Storage] in memory. Make one with [New].
type Store struct {
	mu       sync.Mutex
	tables   tables
	snapshot *tables // what Views read; nil when an Apply came after the last View
	number   int64   // the last given
	closed   bool
}

var _ storage.Storage = (*Store)(nil)

// New returns an empty Store.
func New() *Store { return &Store{tables: newTables()} }

// View calls fn with a Reader of the moment of the call; see [storage.Storage]. fn may call Apply and View.
func (s *Store) View(ctx context.Context, fn func(storage.Reader) error) error {
	t, err := s.now(ctx)
	if err != nil {
		return err
	}
	return fn(reader{t})
}

func (s *Store) now(ctx context.Context) (*tables, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.snapshot == nil {
		s.snapshot = new(s.tables.copy())
	}
	return s.snapshot, nil
}

// Apply keeps a Changeset; see [storage.Storage]. An error means that nothing was kept. It names the record
// it is about.
func (s *Store) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.Receipt{}, storage.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return storage.Receipt{}, err
	}
	if err := s.tables.check(cs); err != nil {
		return storage.Receipt{}, err
	}
	s.snapshot = nil
	var r storage.Receipt
	for _, given := range cs.Incidents {
		i := new(given.Clone())
		old, ok := s.tables.incidents.Get(i)
		if ok {
			i.Number = old.Number
		} else {
			s.number++
			i.Number = s.number
		}
		i.Version++
		s.tables.putIncident(old, i)
		r.Numbers = append(r.Numbers, i.Number)
	}
	for _, given := range cs.Alerts {
		a := new(given.Clone())
		a.Version++
		s.tables.putAlert(a)
	}
	for n, given := range cs.Activity {
		e := new(given.Clone())
		e.Seq = int64(len(s.tables.log)) + 1
		if n == 0 {
			r.Seq = e.Seq
		}
		s.tables.putEntry(e)
	}
	return r, nil
}

// Close forgets everything. It returns nil, a second time too.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables, s.snapshot, s.closed = tables{}, nil, true
	return nil
}

// check reports what keeps cs from being stored.
func (t *tables) check(cs storage.Changeset) error {
	incidents := make(map[incident.ID]bool, len(cs.Incidents))
	for n := range cs.Incidents {
		i := &cs.Incidents[n]
		var stored int64
		if old, ok := t.incidents.Get(i); ok {
			stored = old.Version
		}
		if err := checkVersion("incident", string(i.ID), i.Version, stored, incidents[i.ID]); err != nil {
			return err
		}
		incidents[i.ID] = true
	}
	alerts := make(map[alert.ID]bool, len(cs.Alerts))
	for n := range cs.Alerts {
		a := &cs.Alerts[n]
		var stored int64
		if old, ok := t.alerts.Get(a); ok {
			stored = old.Version
		}
		if err := checkVersion("alert", string(a.ID), a.Version, stored, alerts[a.ID]); err != nil {
			return err
		}
		alerts[a.ID] = true
	}
	entries := make(map[activity.ID]bool, len(cs.Activity))
	for n := range cs.Activity {
		e := &cs.Activity[n]
		if _, ok := t.entries.Get(e); ok || entries[e.ID] {
			return fmt.Errorf("storage: entry %s: %w", e.ID, storage.ErrExists)
		}
		entries[e.ID] = true
	}
	return nil
}

func checkVersion(record, id string, given, stored int64, twice bool) error {
	switch {
	case twice || given == 0 && stored != 0:
		return fmt.Errorf("storage: %s %s: %w", record, id, storage.ErrExists)
	case given != stored:
		return &storage.ConflictError{Record: record, ID: id, Given: given, Stored: stored}
	}
	return nil
}
