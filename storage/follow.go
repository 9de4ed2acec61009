package storage

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// A Waiter is a [Storage] that wakes up those who wait for entries. Those who follow the log use [Follow], and those
// who wait for it to grow use [Wait].
type Waiter interface {
	// Wait returns nil when an entry with a Seq above after is stored, at once if there is one. It may return nil
	// before, for no reason. The error is that of the context, or matches ErrClosed.
	Wait(ctx context.Context, after int64) error
}

// patience is how long those who wait for entries of a storage that is no Waiter wait before they look again.
const patience = time.Second

// followed is how many entries a follower reads at a time.
const followed = 256

// Follow yields the entries that q selects as they come, in the order of Seq and each once: first those behind
// q.AfterSeq that are stored, then, waiting for them, those that follow. No View is open while the body of the loop
// runs, however long that takes. It waits as s does where s is a [Waiter], and looks again every second where not.
//
// Follow ends after q.Limit entries or before the entry q.BeforeSeq, if they are set, and else with an error: that
// of the context, one that matches [ErrClosed], or whatever reading reports. A caller that goes on later with the last
// Seq that was yielded as AfterSeq misses nothing. A q.AfterSeq higher than the last Seq in the log is an error at
// once, which matches [ErrAhead]: the log is another one, or was restored. A restored log that has grown beyond
// q.AfterSeq since does not show; to be sure, keep the ID of the entry beside its Seq. q.Newest is an
// [*alert.FieldError], since there is no newest yet.
func Follow(ctx context.Context, s Storage, q activity.Query) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		err := q.Validate()
		if err == nil && q.Newest {
			err = &alert.FieldError{
				Record: "query of a follower", Field: "newest", Value: "true", Want: "the order of Seq",
			}
		}
		if err != nil {
			yield(activity.Entry{}, err)
			return
		}
		left := q.Limit
		for {
			if q.Limit = followed; left > 0 {
				q.Limit = min(left, followed)
			}
			batch, last, err := behind(ctx, s, q)
			if err != nil {
				yield(activity.Entry{}, err)
				return
			}
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if len(batch) == q.Limit {
				q.AfterSeq = batch[len(batch)-1].Seq
				continue
			}
			if q.AfterSeq = max(q.AfterSeq, last); q.BeforeSeq != 0 && q.AfterSeq >= q.BeforeSeq-1 {
				return
			}
			if err := Wait(ctx, s, q.AfterSeq); err != nil {
				yield(activity.Entry{}, err)
				return
			}
		}
	}
}

// behind returns the entries of q, and the last Seq there is.
func behind(ctx context.Context, s Storage, q activity.Query) (batch []activity.Entry, last int64, err error) {
	err = s.View(ctx, func(r Reader) error {
		if last, err = r.Seq(ctx); err != nil || last == q.AfterSeq {
			return err
		}
		if last < q.AfterSeq {
			return fmt.Errorf("%w: Seq %d, and the last is %d", ErrAhead, q.AfterSeq, last)
		}
		batch, err = collect(r.Activity(ctx, q))
		return err
	})
	return batch, last, err
}

// Wait waits for an entry of s with a Seq above after. It waits as s does where s is a [Waiter], and for a second where
// s is none. It may return nil before there is such an entry. A Storage around another is a Waiter by calling Wait for
// the other. The error is that of the context, or what s returns.
func Wait(ctx context.Context, s Storage, after int64) error {
	if w, ok := s.(Waiter); ok {
		return w.Wait(ctx, after)
	}
	again := time.NewTimer(patience)
	defer again.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-again.C:
		return nil
	}
}
