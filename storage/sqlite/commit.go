package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/storage"
)

// A write is a call of Apply that waits to be committed.
type write struct {
	ctx     context.Context
	cs      storage.Changeset
	leads   bool          // it was told to lead
	turn    chan struct{} // tells it to lead
	over    chan struct{} // closed when receipt and err are known
	receipt storage.Receipt
	err     error
}

// maxTogether is how many Applies are committed together at most.
const maxTogether = 128

// Apply keeps a Changeset; see [storage.Storage]. Who finds nobody writing leads: it commits its own Changeset and
// those of all who wait, and then hands over to the first of those who came meanwhile. When the context is done
// before the Changeset's turn has come nothing is kept; after that Apply waits for the outcome and returns it.
func (s *Store) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return storage.Receipt{}, err
	}
	w := &write{ctx: ctx, cs: cs, turn: make(chan struct{}, 1), over: make(chan struct{})}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return storage.Receipt{}, storage.ErrClosed
	}
	s.queue = append(s.queue, w)
	waits := s.writing
	s.writing = true
	s.mu.Unlock()
	if waits {
		select {
		case <-w.over:
			return w.receipt, w.err
		case <-w.turn:
		case <-ctx.Done():
			if s.withdraw(w) {
				return storage.Receipt{}, ctx.Err()
			}
			select {
			case <-w.over:
				return w.receipt, w.err
			case <-w.turn:
			}
		}
	}
	s.lead()
	return w.receipt, w.err
}

// withdraw takes w out of the queue, unless it has been taken from there or told to lead.
func (s *Store) withdraw(w *write) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := slices.Index(s.queue, w)
	if n < 0 || w.leads {
		return false
	}
	s.queue = slices.Delete(s.queue, n, n+1)
	return true
}

// lead commits what waits, the caller's own first of all, and hands over.
func (s *Store) lead() {
	s.mu.Lock()
	n := min(len(s.queue), maxTogether)
	batch := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	s.mu.Unlock()

	s.commit(batch)
	s.forget(batch[0].ctx)

	s.mu.Lock()
	s.hand()
	s.mu.Unlock()
	for _, w := range batch {
		close(w.over)
	}
}

// hand makes the first of those who wait lead, with the lock held.
func (s *Store) hand() {
	if len(s.queue) > 0 {
		s.queue[0].leads = true
		s.queue[0].turn <- struct{}{}
		return
	}
	if s.writing = false; s.closed {
		close(s.rest)
	}
}

// commit stores the Changesets of batch in one transaction. One that is refused leaves no trace in it; one that
// fails for another reason makes each be tried in a transaction of its own, since SQLite may have undone all.
func (s *Store) commit(batch []*write) {
	ctx := context.WithoutCancel(batch[0].ctx)
	begin := ctx
	if len(batch) == 1 {
		begin = batch[0].ctx // a lock of another process is not waited for longer than the caller would
	}
	fail := func(err error) {
		// SQLite may have rolled back itself, and then this says so: of no interest.
		_ = s.writer.exec(ctx, `ROLLBACK`)
		for _, w := range batch {
			if w.err == nil {
				w.receipt, w.err = storage.Receipt{}, err
			}
		}
	}
	if err := s.writer.exec(begin, `BEGIN IMMEDIATE`); err != nil {
		fail(fmt.Errorf("sqlite: begin: %w", err))
		return
	}
	t := tx{s.writer, ctx}
	redacts := false
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err != nil {
			continue
		}
		err := t.exec(`SAVEPOINT one`)
		if err == nil {
			w.receipt, w.err = t.apply(w.cs)
			err = w.err
		}
		if refused(w.err) {
			err = t.exec(`ROLLBACK TO one`)
		}
		if err == nil {
			err = t.exec(`RELEASE one`)
		}
		if err != nil && len(batch) > 1 {
			fail(err)
			for n := range batch {
				batch[n].receipt, batch[n].err = storage.Receipt{}, nil
				s.commit(batch[n : n+1])
			}
			return
		}
		if err != nil {
			w.err = nil
			fail(fmt.Errorf("sqlite: apply: %w", err))
			return
		}
		redacts = redacts || w.err == nil && len(w.cs.Redact) > 0
	}
	if err := t.exec(`COMMIT`); err != nil {
		fail(fmt.Errorf("sqlite: commit: %w", err))
		return
	}
	s.redacted = s.redacted || redacts
}

// refused reports whether err says that a Changeset does not go with what is stored.
func refused(err error) bool {
	return errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrNotFound)
}

// forget cuts off the write-ahead log when it may hold what was redacted. A View that still reads there prevents
// it, and it is tried again after the next Apply.
func (s *Store) forget(ctx context.Context) {
	if !s.redacted {
		return
	}
	ctx = context.WithoutCancel(ctx)
	var busy, pages, moved int
	err := errors.Join(
		s.writer.exec(ctx, `PRAGMA busy_timeout = 0`),
		s.writer.one(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`, nil, []any{&busy, &pages, &moved}))
	if err == nil && busy == 0 {
		s.redacted = false
	}
	// It has worked once, at Open. An error of the checkpoint is none of Apply, which has kept its Changeset.
	_ = s.writer.exec(ctx, `PRAGMA busy_timeout = 10000`)
}
