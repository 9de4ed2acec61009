package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A write is a call of Apply or Restore that waits to be committed.
type write struct {
	ctx      context.Context
	cs       storage.Changeset
	restored bool          // it is one of Restore
	leads    bool          // it was told to lead
	turn     chan struct{} // tells it to lead
	over     chan struct{} // closed when receipt and err are known
	receipt  storage.Receipt
	err      error
}

// maxTogether is how many Applies are committed together at most.
const maxTogether = 128

// Apply keeps a Changeset; see [storage.Storage]. Who finds nobody writing leads: it commits its own Changeset and
// those of all who wait, and then hands over to the first of those who came meanwhile. When the context is done
// before the Changeset's turn has come nothing is kept; after that Apply waits for the outcome and returns it.
func (s *Store) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	return s.write(ctx, cs, false)
}

// Restore keeps a Changeset as another storage has it; see [storage.Restorer]. It is committed as those of Apply are,
// and together with them.
func (s *Store) Restore(ctx context.Context, cs storage.Changeset) error {
	_, err := s.write(ctx, cs, true)
	return err
}

func (s *Store) write(ctx context.Context, cs storage.Changeset, restored bool) (storage.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return storage.Receipt{}, err
	}
	w := &write{ctx: ctx, cs: cs, restored: restored, turn: make(chan struct{}, 1), over: make(chan struct{})}
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
	if slices.ContainsFunc(batch, func(w *write) bool { return w.receipt.Seq > 0 }) {
		s.wake()
	}
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

// commit stores the Changesets of batch. When one fails for another reason than what is stored, each is tried by
// itself, since SQLite may have undone all.
func (s *Store) commit(batch []*write) {
	failed, err := s.together(batch)
	if err == nil {
		return
	}
	// SQLite may have rolled back itself, and then this says so: of no interest.
	_ = s.writer.exec(context.WithoutCancel(batch[0].ctx), `ROLLBACK`)
	for n, w := range batch {
		switch {
		case failed && len(batch) > 1:
			s.commit(batch[n : n+1])
		case w.err == nil:
			w.receipt, w.err = storage.Receipt{}, err
		}
	}
}

// together stores the Changesets of batch in one transaction. An error means that it must be rolled back: that one
// of them failed, or that it could not be begun or committed.
func (s *Store) together(batch []*write) (failed bool, err error) {
	ctx := context.WithoutCancel(batch[0].ctx)
	begin := ctx
	if len(batch) == 1 {
		begin = batch[0].ctx // a lock of another process is not waited for longer than the caller would
	}
	if err := s.writer.exec(begin, `BEGIN IMMEDIATE`); err != nil {
		if begin.Err() != nil {
			err = begin.Err()
		}
		return false, fmt.Errorf("sqlite: begin: %w", err)
	}
	t := tx{s.writer, ctx, make(tallies)}
	redacts := false
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err != nil {
			continue
		}
		if len(batch) == 1 {
			w.receipt, w.err = t.apply(w.cs, w.restored)
		} else {
			w.receipt, w.err = t.among(w.cs, w.restored)
		}
		if w.err == nil {
			redacts = redacts || w.redacts()
			continue
		}
		w.receipt = storage.Receipt{}
		if !driver.Refused(w.err) {
			w.err = fmt.Errorf("sqlite: apply: %w", w.err)
		} else if len(batch) > 1 {
			continue
		}
		return true, w.err
	}
	if err := t.putTallies(); err != nil {
		return true, fmt.Errorf("sqlite: apply: %w", err)
	}
	if err := t.exec(`COMMIT`); err != nil {
		return false, fmt.Errorf("sqlite: commit: %w", err)
	}
	s.redacted = s.redacted || redacts
	return false, nil
}

// redacts reports whether something may have been taken away for good.
func (w *write) redacts() bool {
	return len(w.cs.Redact) > 0 || len(w.cs.Purge) > 0 ||
		w.restored && slices.ContainsFunc(w.cs.Activity, func(e activity.Entry) bool { return e.Redacted })
}

// among stores cs so that, when it is refused, it leaves no trace among the others of the transaction.
func (t tx) among(cs storage.Changeset, restored bool) (storage.Receipt, error) {
	if err := t.exec(`SAVEPOINT one`); err != nil {
		return storage.Receipt{}, err
	}
	receipt, refusal := t.apply(cs, restored)
	if driver.Refused(refusal) {
		if err := t.exec(`ROLLBACK TO one`); err != nil {
			return storage.Receipt{}, err
		}
	} else if refusal != nil {
		return storage.Receipt{}, refusal
	}
	if err := t.exec(`RELEASE one`); err != nil {
		return storage.Receipt{}, err
	}
	return receipt, refusal
}

// forget cuts off the write-ahead log when it may hold what was redacted or purged. A View that still reads there prevents
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
