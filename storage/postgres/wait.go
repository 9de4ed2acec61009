package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/incidentkit/incidentkit/storage"
)

const (
	// patience is after how long those who wait look again though nobody was notified.
	patience = time.Second
	// answering is how long those who wait give the database to answer. A connection that is dead does not say so.
	answering = 5 * time.Second
)

const (
	lookAtSeq = `select seq from incidentkit.tenants where tenant = $1`
	notify    = `select pg_notify($1, '')`
)

// channel returns the name under which a tenant's entries are announced. It is a plain identifier, whatever the tenant.
func channel(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return "incidentkit_" + hex.EncodeToString(sum[:16])
}

// A lookout is what all who wait for entries of a Store share. One of them watches for all.
type lookout struct {
	mu     sync.Mutex
	next   *sighted           // nil when nobody has asked for it
	stop   context.CancelFunc // ends the watch; nil when nobody watches
	closed bool
}

// A sighted is closed when the one who watches has seen another Seq than before, or watches no more.
type sighted struct {
	done chan struct{}
	seq  int64 // when done; 0 when it was not looked for
}

// join returns what the next sighting will be, and whether the caller is the one who watches from now on, until stop is
// called. nil means that the lookout is closed.
func (l *lookout) join(stop context.CancelFunc) (next *sighted, watching bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, false
	}
	if l.next == nil {
		l.next = &sighted{done: make(chan struct{})}
	}
	if l.stop != nil {
		return l.next, false
	}
	l.stop = stop
	return l.next, true
}

// tell wakes up those who have joined.
func (l *lookout) tell(seq int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		l.next.seq = seq
		close(l.next.done)
		l.next = nil
	}
}

// leave ends the caller's watch, with the Seq it has seen or 0. Of those who go on waiting another one takes it over.
func (l *lookout) leave(seq int64) {
	l.mu.Lock()
	l.stop = nil
	l.mu.Unlock()
	l.tell(seq)
}

func (l *lookout) close() {
	l.mu.Lock()
	if l.closed = true; l.stop != nil {
		l.stop()
	}
	l.mu.Unlock()
	l.tell(0)
}

// Wait waits for an entry with a Seq above after, whichever process writes it; see [storage.Waiter]. It returns nil too
// when the database does not answer, which the next read reports.
//
// All who wait have one connection of the pool between them, on which the first of them listens for notifications until
// its own call returns, and looks every second besides, should none arrive. Where the pool has only one connection, or
// where a pooler stands between that may give each transaction another one, nobody listens.
func (s *Store) Wait(ctx context.Context, after int64) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		last, err := s.wait(ctx, after)
		if errors.Is(err, storage.ErrClosed) {
			return err
		}
		ended := errors.Is(err, context.Canceled) // by ctx or by Close
		if ctx.Err() == nil && !ended && (last > after || err != nil) {
			return nil
		}
	}
}

// wait waits for the next sighting, or watches for all until there is one for the caller. It returns the Seq of it, or
// a lower one when it has to be called again.
func (s *Store) wait(ctx context.Context, after int64) (last int64, err error) {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	next, watching := s.lookout.join(stop)
	if next == nil {
		return 0, storage.ErrClosed
	}
	if watching {
		defer func() { s.lookout.leave(last) }()
	}
	// What is committed after this look is seen by the one who watches, since the caller has joined before.
	if last, err = s.look(watch, nil); err != nil || last > after {
		return last, err
	}
	if watching {
		s.lookout.tell(last) // to those who joined and looked in between
		return s.watch(watch, after, last)
	}
	select {
	case <-ctx.Done():
		return 0, nil
	case <-next.done:
		return next.seq, nil
	}
}

// watch tells all who wait which Seq is the last whenever it is not the one that was told. It returns the first that it
// sees above after, or the one told last when ctx is done.
func (s *Store) watch(ctx context.Context, after, told int64) (int64, error) {
	var conn *pgxpool.Conn // nil when nobody listens
	defer func() { s.unlisten(ctx, conn) }()
	for ; ctx.Err() == nil; s.pause(ctx, conn) {
		if conn != nil && conn.Conn().IsClosed() {
			conn.Release()
			conn = nil
		}
		if conn == nil {
			conn = s.listen(ctx)
		}
		last, err := s.look(ctx, conn)
		if err != nil || last > after {
			return last, err
		}
		if last != told {
			s.lookout.tell(last)
			told = last
		}
	}
	return told, nil
}

// look returns the last Seq there is, asked for on conn if that is not nil and answers.
func (s *Store) look(ctx context.Context, conn *pgxpool.Conn) (seq int64, err error) {
	inTime, stop := context.WithTimeout(ctx, answering)
	defer stop()
	ask := func() *pgx.Batch { // anew for each connection, whose statements it comes to name
		b := new(pgx.Batch)
		b.Queue(enter, s.tenant)
		b.Queue(lookAtSeq, s.tenant).QueryRow(func(row pgx.Row) error { return row.Scan(&seq) })
		return b
	}
	if conn != nil && conn.SendBatch(inTime, ask()).Close() == nil {
		return seq, nil
	}
	if err = s.pool.SendBatch(inTime, ask()).Close(); err != nil {
		return 0, cmp.Or(ctx.Err(), err)
	}
	return seq, nil
}

// listen returns a connection that hears of the tenant's entries, or nil.
func (s *Store) listen(ctx context.Context) *pgxpool.Conn {
	if s.pooled || s.pool.Stat().MaxConns() < 2 {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, answering)
	defer stop()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, "listen "+channel(s.tenant)).ReadAll(); err != nil {
		conn.Release()
		return nil
	}
	return conn
}

// unlisten gives a connection back as it was.
func (s *Store) unlisten(ctx context.Context, conn *pgxpool.Conn) {
	if conn == nil {
		return
	}
	defer conn.Release()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), answering)
	defer stop()
	if _, err := conn.Conn().PgConn().Exec(ctx, "unlisten "+channel(s.tenant)).ReadAll(); err != nil {
		_ = conn.Conn().Close(ctx)
	}
}

// pause waits for a notification, or for as long as patience lasts.
func (s *Store) pause(ctx context.Context, conn *pgxpool.Conn) {
	ctx, stop := context.WithTimeout(ctx, s.patience)
	defer stop()
	if conn != nil {
		if _, err := conn.Conn().WaitForNotification(ctx); err == nil {
			return
		}
	}
	<-ctx.Done() // without a connection, or with one that is lost, there is nothing else to wait for
}
