package sqlite

import (
	"context"
	"time"

	"github.com/incidentkit/incidentkit/storage"
)

var _ storage.Waiter = (*Store)(nil)

// patience is how long a waiter waits before it looks for what other processes have written.
const patience = time.Second

// Wait waits for an entry with a Seq above after; see [storage.Waiter]. What this Store commits it hears of at once,
// what another Store on the same file commits within a second.
func (s *Store) Wait(ctx context.Context, after int64) error {
	for {
		more, err := s.listen() // before it looks, so that nothing comes in between unheard
		if err != nil {
			return err
		}
		if last, err := s.last(ctx); err != nil || last > after {
			return err
		}
		again := time.NewTimer(s.patience)
		select {
		case <-ctx.Done():
		case <-more:
		case <-again.C:
		}
		again.Stop()
	}
}

// listen returns a channel that is closed when this Store has committed entries or is closed.
func (s *Store) listen() (<-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.more, nil
}

// wake tells those who wait to look, with the lock held.
func (s *Store) wake() {
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}

// last returns the highest Seq there is.
func (s *Store) last(ctx context.Context) (seq int64, err error) {
	err = s.View(ctx, func(r storage.Reader) (err error) {
		seq, err = r.Seq(ctx)
		return err
	})
	return seq, err
}
