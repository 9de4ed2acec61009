package storagetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
)

// soon is how long a Waiter may take to wake up.
const soon = time.Minute

// waiter asks a storage that is a Waiter to wait for entries, for the end of the context and for that of the storage.
func waiter(ctx context.Context, s storage.Storage) error {
	w, ok := s.(storage.Waiter)
	if !ok {
		return nil
	}
	const length = 40
	apply := func(n int) error {
		_, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{newEntry(fmt.Sprint("e", n), "i")}})
		return err
	}
	if err := apply(0); err != nil {
		return err
	}
	inTime, stop := context.WithTimeout(ctx, soon)
	defer stop()
	if err := w.Wait(inTime, 0); err != nil {
		return fmt.Errorf("wait for an entry that is there: %w", err)
	}

	// One entry at a time, each stored while a caller waits.
	seq := int64(1)
	for range 4 {
		woken := make(chan error, 1)
		go func() { woken <- first(storage.Follow(inTime, s, activity.Query{AfterSeq: seq})) }()
		<-time.After(20 * time.Millisecond) // so that it waits
		if err := apply(1000 + int(seq)); err != nil {
			return err
		}
		if err := <-woken; err != nil {
			return fmt.Errorf("wait for an entry that comes: %w", err)
		}
		seq++
	}

	follower := make(chan error, 1)
	go func() {
		next := seq + 1
		for e, err := range storage.Follow(inTime, s, activity.Query{AfterSeq: seq, Limit: length}) {
			if err == nil && e.Seq != next {
				err = fmt.Errorf("came %d, not %d", e.Seq, next)
			}
			if next++; err != nil {
				follower <- err
				return
			}
		}
		follower <- nil
	}()
	for n := range length {
		if err := apply(1 + n); err != nil {
			return err
		}
	}
	if err := <-follower; err != nil {
		return fmt.Errorf("follow entries as they come: %w", err)
	}

	if err := waitForEnd(
		ctx, w, seq+length,
		func(cancel context.CancelFunc) error { cancel(); return nil },
		context.Canceled,
	); err != nil {
		return fmt.Errorf("the context ends: %w", err)
	}
	if err := waitForEnd(
		ctx, w, seq+length,
		func(context.CancelFunc) error { return s.Close() },
		storage.ErrClosed,
	); err != nil {
		return fmt.Errorf("the storage is closed: %w", err)
	}
	return nil
}

// waitForEnd waits for entries that never come, until end has ended the waiting with that error.
func waitForEnd(ctx context.Context, w storage.Waiter, after int64, end func(context.CancelFunc) error, want error) error {
	ctx, stop := context.WithTimeout(ctx, soon)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		for over := false; ; over = ctx.Err() != nil {
			if err := w.Wait(ctx, after); err != nil || over {
				done <- err
				return
			}
		}
	}()
	if err := end(cancel); err != nil {
		return err
	}
	if err := <-done; !errors.Is(err, want) {
		return fmt.Errorf("wait returned %v, not %w", err, want)
	}
	return nil
}
