package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A write is a Changeset that waits to be committed, and the outcome.
type write struct {
	ctx      context.Context
	cs       storage.Changeset
	restored bool // it is one of Restore
	receipt  storage.Receipt
	err      error
}

// maxTogether is the largest number of Changesets that are committed together.
const maxTogether = 128

// Apply keeps a Changeset; see [storage.Storage]. Group commit: the first caller becomes the leader and commits every
// Changeset queued behind it, then hands leadership to the next. When the context is done before the Changeset's turn
// has come nothing is kept; after that Apply waits for the outcome and returns it.
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
	check := driver.Check
	if restored {
		check = driver.CheckRestored
	}
	if err := check(cs); err != nil {
		return storage.Receipt{}, s.refusal(ctx, err)
	}
	w := &write{ctx: ctx, cs: driver.Canonical(cs), restored: restored}
	if err := s.group.Do(ctx, w); errors.Is(err, storage.ErrUnknownOutcome) {
		return storage.Receipt{}, wrap("apply", err)
	} else if err != nil {
		return storage.Receipt{}, err
	}
	return w.receipt, w.err
}

// refusal returns err, or what else keeps the call from being answered.
func (s *Store) refusal(ctx context.Context, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.ErrClosed
	}
	return cmp.Or(ctx.Err(), err)
}

// commit stores the Changesets of batch. The leader calls it.
func (s *Store) commit(ctx context.Context, batch []*write) {
	s.store(ctx, batch)
	s.forget(ctx)
	if slices.ContainsFunc(batch, func(w *write) bool { return w.receipt.Seq > 0 }) {
		s.mu.Lock()
		s.wake()
		s.mu.Unlock()
	}
}

// store stores the Changesets of batch. When one fails for another reason than what is stored, each is tried alone,
// since SQLite may have rolled back all of them.
func (s *Store) store(ctx context.Context, batch []*write) {
	failed, err := s.together(ctx, batch)
	if err == nil {
		return
	}
	for n, w := range batch {
		switch {
		case failed && len(batch) > 1:
			s.store(w.ctx, batch[n:n+1])
		case w.err == nil:
			w.receipt, w.err = storage.Receipt{}, err
		}
	}
}

// together stores the Changesets of batch in one transaction. On an error the transaction is rolled back: failed
// reports whether a Changeset was the reason, and not the beginning or the commit.
func (s *Store) together(ctx context.Context, batch []*write) (failed bool, err error) {
	begin, ctx := ctx, context.WithoutCancel(ctx)
	committed := false
	defer func() {
		if !committed { // a panic included; SQLite may have rolled back already, which is no error here
			_ = s.writer.exec(ctx, `ROLLBACK`)
		}
	}()
	// The lock of another process is not waited for longer than one of the callers would.
	if err := s.writer.exec(begin, `BEGIN IMMEDIATE`); err != nil {
		for _, w := range batch {
			w.err = wrap("begin", cmp.Or(w.ctx.Err(), err))
		}
		return false, err
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
			w.err = wrap("apply", w.err)
		} else if len(batch) > 1 {
			continue
		}
		return true, w.err
	}
	if err := t.putTallies(); err != nil {
		return true, wrap("apply", err)
	}
	if redacts {
		if err := t.clearRemnants(); err != nil {
			return true, wrap("apply", err)
		}
	}
	if err := t.exec(`COMMIT`); err != nil {
		return false, uncommitted(err)
	}
	committed = true
	s.redacted = s.redacted || redacts
	return false, nil
}

// redacts reports whether something may have been taken away for good.
func (w *write) redacts() bool {
	return len(w.cs.Redact) > 0 || len(w.cs.Purge) > 0 ||
		w.restored && (slices.ContainsFunc(w.cs.Activity, func(e activity.Entry) bool { return e.Redacted }) ||
			slices.ContainsFunc(w.cs.Items, func(i storage.Item) bool { return i.Version == 0 }))
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

// forget truncates the write-ahead log when it may hold what was redacted or purged. A View that still reads it
// prevents that, and the next Apply tries again.
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
	// The same statement worked at Open. An error of the checkpoint is not one of Apply, which has kept its Changeset.
	_ = s.writer.exec(ctx, `PRAGMA busy_timeout = 10000`)
}
