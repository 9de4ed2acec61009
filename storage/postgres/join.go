package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/incidentkit/incidentkit/storage"
)

const (
	// maxTogether is how many Applies are committed together at most.
	maxTogether = 128
	// maxRows is how many rows they may write, about, for another one to join them.
	maxRows = 1000
)

// Apply keeps a Changeset; see [storage.Storage]. Who finds nobody writing leads: it commits its own Changeset and those
// of all who wait, in one transaction, and then hands over to the first of those who came meanwhile. The
// transaction takes one round trip, one more to lock records that are there, and two more where entries are redacted. A
// purge takes one more for each incident, and for each 1,000 entries of it.
//
// When ctx is done before the Changeset's turn has come nothing is kept. After that the error says that it is unknown.
// But what is committed together goes on until the context of each is done: so long the one that leads, and the last of
// the others, wait for the outcome and return it.
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
	if !s.queue.enter(w) {
		select {
		case <-w.over:
			return w.receipt, w.err
		case <-w.turn:
		case <-ctx.Done():
			running, left := s.queue.withdraw(w)
			if left {
				return storage.Receipt{}, ctx.Err()
			}
			if running != nil {
				return running.abandon(w)
			}
			<-w.turn
		}
	}
	s.lead(w)
	return w.receipt, w.err
}

// A queue is the Applies that wait while one of them leads.
type queue struct {
	mu      sync.Mutex
	waiting []*write
	leading bool // somebody leads
}

// enter appends w and reports whether it leads, because nobody else does.
func (q *queue) enter(w *write) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	w.leads = !q.leading
	q.leading = true
	return w.leads
}

// withdraw takes w out of the queue. If it has left that already, left is false and running is the batch in which it
// is, nil if it was told to lead.
func (q *queue) withdraw(w *write) (running *batch, left bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.leads || w.batch != nil {
		return w.batch, false
	}
	q.waiting = slices.DeleteFunc(q.waiting, func(other *write) bool { return other == w })
	return nil, true
}

// take moves the first of those who wait, and those who can be committed with it, to b.
func (q *queue) take(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, rows := 0, 0
	for n < min(len(q.waiting), maxTogether) {
		w := q.waiting[n]
		if rows += w.rows(); n > 0 && (rows > maxRows || w.alone() || q.waiting[0].alone()) {
			break
		}
		w.batch = b
		n++
	}
	b.begin(slices.Clone(q.waiting[:n]))
	q.waiting = slices.Delete(q.waiting, 0, n)
}

// alone reports whether w needs a transaction to itself, because it reads what it changes.
func (w *write) alone() bool { return len(w.redact)+len(w.purge) > 0 || w.restored }

// takeAll is take for what befalls all alike.
func (q *queue) takeAll(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.waiting {
		w.batch = b
	}
	b.begin(q.waiting)
	q.waiting = nil
}

// hand makes the first of those who wait lead.
func (q *queue) hand() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leading = len(q.waiting) > 0; q.leading {
		q.waiting[0].leads = true
		q.waiting[0].turn <- struct{}{}
	}
}

// begin says whose batch it is. What has begun goes on for as long as anybody waits for it.
func (b *batch) begin(writes []*write) {
	b.writes, b.ctx = writes, b.leader.ctx
	if len(writes) > 1 {
		b.ctx = context.WithoutCancel(b.ctx)
	}
	b.ctx, b.stop = context.WithCancel(b.ctx)
	b.others.Store(int64(len(writes)) - 1)
}

// A batch is Applies that are committed together.
type batch struct {
	store  *Store
	ctx    context.Context // done when nobody waits for the batch any more
	conn   *pgxpool.Conn
	writes []*write
	leader *write
	others atomic.Int64 // that follow and have not given up
	stop   context.CancelFunc
}

// lead commits what waits, w first of all, and hands over.
func (s *Store) lead(w *write) {
	b := &batch{store: s, leader: w}
	conn, err := s.acquire(w.ctx) // before the others begin
	switch {
	case err == nil:
		b.conn = conn
		s.queue.take(b)
		b.run()
	case w.ctx.Err() != nil:
		s.queue.mu.Lock()
		s.queue.waiting = slices.Delete(s.queue.waiting, 0, 1)
		s.queue.mu.Unlock()
		w.err = failed(w.ctx, err)
	default: // there is no database
		s.queue.takeAll(b)
		b.settle(b.writes, failed(w.ctx, err))
		b.stop()
	}
	for _, w := range b.writes {
		close(w.over)
	}
	s.queue.hand()
}

// run commits the batch.
func (b *batch) run() {
	defer b.stop()
	b.commit(b.writes)
	if b.conn != nil {
		b.conn.Release()
	}
}

// abandon is for one that follows and gives up. The last of them watches whether the leader does, which is busy.
func (b *batch) abandon(w *write) (storage.Receipt, error) {
	if b.others.Add(-1) == 0 {
		select {
		case <-w.over:
		case <-b.leader.ctx.Done():
			b.stop()
		}
	}
	select {
	case <-w.over:
		return w.receipt, w.err
	default:
		return storage.Receipt{}, fmt.Errorf("storage/postgres: %w; it is unknown whether the Changeset was kept", w.ctx.Err())
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
			b.settle(writes, failed(b.ctx, err))
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

// wanted returns the writes that somebody waits for. The others are not begun.
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
		b.conn.Release()
		b.conn = nil
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
