package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/incidentkit/incidentkit/storage"
)

const (
	// maxTogether is the largest number of Changesets that are committed together.
	maxTogether = 128
	// maxRows is how many rows they may write, about, for another one to join them.
	maxRows = 1000
)

// Apply keeps a Changeset; see [storage.Storage]. Group commit: the first caller becomes the leader and commits every
// Changeset queued behind it, in one transaction, then hands leadership to the next. The
// transaction takes one round trip, one more to lock records that are there, items that go, or keys that are guarded,
// and two more where entries are redacted. A purge takes one more for each incident, and for each 1,000 entries of it.
//
// When ctx is done before the Changeset's turn has come nothing is kept. After that the error says that it is unknown.
// But a batch goes on until the context of each of its callers is done: so long the leader, and the last of the others,
// wait for the outcome and return it.
func (s *Store) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	return s.keep(ctx, cs, false)
}

// keep is Apply, or Restore.
func (s *Store) keep(ctx context.Context, cs storage.Changeset, restored bool) (storage.Receipt, error) {
	if err := s.begin(ctx); err != nil {
		return storage.Receipt{}, err
	}
	defer s.running.Done()
	w, err := prepare(s.tenant, cs, restored)
	if err != nil {
		return storage.Receipt{}, err
	}
	w.ctx = ctx
	if err := s.group.Do(ctx, w); err != nil {
		return storage.Receipt{}, failed(ctx, nil, err)
	}
	return w.receipt, w.err
}

// ready gets a connection before the leader takes its batch, so that callers may still join, and withdraw, while the
// pool has none.
func (s *Store) ready(ctx context.Context) (err error) {
	s.conn, err = s.acquire(ctx)
	return err
}

// commit keeps the writes. The leader calls it.
func (s *Store) commit(ctx context.Context, writes []*write) {
	b := &batch{store: s, ctx: ctx, conn: s.conn}
	defer b.release()
	b.commit(writes)
}

// fits reports whether next may be in one transaction with batch.
func fits(batch []*write, next *write) bool {
	rows := next.rows()
	for _, w := range batch {
		rows += w.rows()
	}
	return rows <= maxRows && !next.alone() && !batch[0].alone()
}

// alone reports whether w needs a transaction to itself, because it reads what it changes.
func (w *write) alone() bool { return len(w.redact)+len(w.purge) > 0 || w.restored }

// A batch is writes that are committed together.
type batch struct {
	store *Store
	ctx   context.Context // done when the contexts of all writes are
	conn  *pgxpool.Conn   // nil when it was lost
}

// release gives the connection back.
func (b *batch) release() {
	if b.conn != nil {
		b.conn.Release()
		b.conn = nil
	}
}

// commit keeps the writes as if one after the other. One that fails does not fail the others.
func (b *batch) commit(writes []*write) {
	thorough := false
	for n := 1; ; n++ {
		if writes = b.wanted(writes); len(writes) == 0 {
			return
		}
		if err := b.connect(); err != nil {
			b.settle(writes, failed(b.ctx, nil, err))
			return
		}
		t := transaction{ctx: b.ctx, conn: b.conn.Conn(), tenant: b.store.tenant, writes: writes, thorough: thorough}
		err := t.run()
		if err == nil {
			for w, refusal := range t.refused {
				w.err = refusal
			}
			return
		}
		rollback(b.ctx, t.conn)
		_, answered := errors.AsType[*pgconn.PgError](err)
		switch {
		case t.unknown:
			b.settle(t.accepted, err)
			// What was refused may have been because of these.
			writes = slices.DeleteFunc(slices.Clone(writes), func(w *write) bool { return t.refused[w] == nil })
		case repeatable(err) && n < attempts && b.ctx.Err() == nil:
		case t.culprit != nil:
			b.settle([]*write{t.culprit}, err)
			writes = slices.DeleteFunc(slices.Clone(writes), func(w *write) bool { return w == t.culprit })
			thorough = true // there may be more of its kind
		case answered && len(writes) > 1: // any of them may be why
			for k := range writes {
				b.commit(writes[k : k+1])
			}
			return
		default:
			b.settle(writes, err)
			return
		}
	}
}

// wanted returns the writes whose context is not done. The others are not begun.
func (b *batch) wanted(writes []*write) []*write {
	return slices.DeleteFunc(slices.Clone(writes), func(w *write) bool {
		over := w.ctx.Err()
		if over != nil {
			b.settle([]*write{w}, over)
		}
		return over != nil
	})
}

// connect sees that there is a connection that can be used.
func (b *batch) connect() (err error) {
	if b.conn != nil && b.conn.Conn().IsClosed() {
		b.release()
	}
	if b.conn == nil {
		b.conn, err = b.store.acquire(b.ctx)
	}
	return err
}

// settle makes err the outcome of the writes, with the error of their own context if that is done.
func (b *batch) settle(writes []*write, err error) {
	for _, w := range writes {
		if w.err = err; w.ctx.Err() != nil && !errors.Is(err, w.ctx.Err()) {
			w.err = fmt.Errorf("%w: %w", w.ctx.Err(), err)
		}
	}
}

// repeatable reports whether a transaction that has not come to its commit may go well the next time.
func repeatable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "40001", "40P01", "57P01", "57P02", "57P03": // serialization, deadlock, and a server that goes or comes
			return true
		}
		return false
	}
	return !errors.Is(err, storage.ErrExists) && !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound)
}
