package storagetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/incidentkit/incidentkit/storage"
)

// A pair is two handles on the same data. Applies take turns between them, and so do Views, so that what one handle
// wrote the other reads and changes; a Wait is at the one that the next Apply does not go through. Now and then the
// pair closes a handle that is not in use and opens it again.
type pair struct {
	t      *testing.T
	reopen func(*testing.T, storage.Storage) storage.Storage

	mu      sync.Mutex
	handles [2]storage.Storage
	writes  int
	reads   int
	running [2]int // calls, by handle
	closed  bool
}

// beforeReopening is how many Views there are between two openings.
const beforeReopening = 10

func newPair(t *testing.T, s storage.Storage, reopen func(*testing.T, storage.Storage) storage.Storage) *pair {
	return &pair{t: t, reopen: reopen, handles: [2]storage.Storage{s, reopen(t, s)}}
}

// take returns the n-th handle, counted from any, and what is to be called when the call is over.
func (p *pair) take(n func() int) (storage.Storage, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := n() % 2
	if p.reads%beforeReopening == beforeReopening-1 && p.running[k] == 0 && !p.closed {
		p.reads++
		if err := p.handles[k].Close(); err != nil {
			return nil, nil, err
		}
		p.handles[k] = p.reopen(p.t, p.handles[k])
	}
	p.running[k]++
	return p.handles[k], func() {
		p.mu.Lock()
		p.running[k]--
		p.mu.Unlock()
	}, nil
}

func (p *pair) writer() int { p.writes++; return p.writes }

func (p *pair) reader() int { p.reads++; return p.reads }

func (p *pair) lastWriter() int { return p.writes }

func (p *pair) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	s, done, err := p.take(p.writer)
	if err != nil {
		return storage.Receipt{}, err
	}
	defer done()
	return s.Apply(ctx, cs)
}

func (p *pair) View(ctx context.Context, fn func(storage.Reader) error) error {
	s, done, err := p.take(p.reader)
	if err != nil {
		return err
	}
	defer done()
	return s.View(ctx, fn)
}

func (p *pair) Close() error {
	p.mu.Lock()
	p.closed = true
	handles := p.handles
	p.mu.Unlock()
	return errors.Join(handles[0].Close(), handles[1].Close())
}

// face returns p as a storage that has the optional interfaces of its handles.
func (p *pair) face() storage.Storage {
	_, waits := p.handles[0].(storage.Waiter)
	_, restores := p.handles[0].(storage.Restorer)
	switch {
	case waits && restores:
		return struct {
			*pair
			pairWaiter
			pairRestorer
		}{p, pairWaiter{p}, pairRestorer{p}}
	case waits:
		return struct {
			*pair
			pairWaiter
		}{p, pairWaiter{p}}
	case restores:
		return struct {
			*pair
			pairRestorer
		}{p, pairRestorer{p}}
	}
	return p
}

type pairWaiter struct{ p *pair }

func (w pairWaiter) Wait(ctx context.Context, after int64) error {
	s, done, err := w.p.take(w.p.lastWriter)
	if err != nil {
		return err
	}
	defer done()
	return s.(storage.Waiter).Wait(ctx, after)
}

type pairRestorer struct{ p *pair }

func (r pairRestorer) Restore(ctx context.Context, cs storage.Changeset) error {
	s, done, err := r.p.take(r.p.writer)
	if err != nil {
		return err
	}
	defer done()
	return s.(storage.Restorer).Restore(ctx, cs)
}
