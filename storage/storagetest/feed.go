package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// denseFeed follows the log while many write to it, some of them in vain.
func denseFeed(ctx context.Context, s storage.Storage) error {
	const writers, each = 8, 40
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var failed [writers]error
	var seqs [writers][each]int64
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				id := fmt.Sprintf("w%d-%d", w, n)
				cs := storage.Changeset{Activity: []activity.Entry{newEntry(id+"a", "i"), newEntry(id+"b", "i")}}
				cs.Activity[0].Seq, cs.Activity[1].Seq = 999, 1 // asked for in vain
				if n%4 == 0 {
					stale := storage.Changeset{Incidents: []incident.Incident{incidentAt(9, w)}, Activity: cs.Activity}
					if _, err := s.Apply(ctx, stale); !errors.Is(err, storage.ErrConflict) {
						failed[w] = fmt.Errorf("apply of a stale incident: %w", err)
						return
					}
				}
				receipt, err := s.Apply(ctx, cs)
				if err != nil {
					failed[w] = err
					return
				}
				seqs[w][n] = receipt.Seq
			}
		})
	}
	written := make(chan struct{})
	go func() { wg.Wait(); close(written) }()

	var ids []activity.ID
	for over := false; ; {
		select {
		case <-written:
			over = true // what is read from here on is all
		default:
		}
		entries, err := follow(ctx, s, activity.Query{AfterSeq: int64(len(ids))})
		if err != nil {
			return err
		}
		<-time.After(50 * time.Microsecond) // the writers get their turn, also where time passes only while all wait
		for _, e := range entries {
			if e.Seq != int64(len(ids))+1 {
				return fmt.Errorf("after Seq %d came %d", len(ids), e.Seq)
			}
			ids = append(ids, e.ID)
		}
		if over && len(entries) == 0 {
			break
		}
	}
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	if len(ids) != 2*writers*each {
		return fmt.Errorf("the feed has %d entries, want %d", len(ids), 2*writers*each)
	}
	for w := range writers {
		for n, seq := range seqs[w] {
			id := activity.ID(fmt.Sprintf("w%d-%d", w, n))
			if seq < 1 || seq >= int64(len(ids)) || ids[seq-1] != id+"a" || ids[seq] != id+"b" {
				return fmt.Errorf("the entries of Changeset %s are not at Seq %d, which its receipt says, and the next", id, seq)
			}
		}
	}
	return nil
}

func follow(ctx context.Context, s storage.Storage, q activity.Query) (entries []activity.Entry, err error) {
	err = s.View(ctx, func(r storage.Reader) (err error) {
		entries, err = collect(r.Activity(ctx, q))
		return err
	})
	return entries, err
}

// feedResume goes on in the log from everywhere: forwards as a follower, in pages, of one incident only, and
// backwards as a reader of the latest does.
func feedResume(ctx context.Context, s storage.Storage) error {
	const length = 30
	for k := range length / 3 {
		var cs storage.Changeset
		for n := range 3 {
			cs.Activity = append(cs.Activity, newEntry(fmt.Sprintf("e%d-%d", k, n), incident.ID(fmt.Sprint("i", (k+n)%4))))
		}
		if _, err := s.Apply(ctx, cs); err != nil {
			return err
		}
	}
	all, err := follow(ctx, s, activity.Query{})
	if err != nil {
		return err
	}
	if len(all) != length {
		return fmt.Errorf("the log has %d entries, want %d", len(all), length)
	}
	for _, after := range []int64{length + 1, math.MaxInt64} {
		err := first(storage.Follow(ctx, s, activity.Query{AfterSeq: after}))
		if !errors.Is(err, storage.ErrAhead) {
			return fmt.Errorf("follow from Seq %d, ahead of the log: %w, want ErrAhead", after, said(err))
		}
	}
	if _, err := collect(storage.Follow(ctx, s, activity.Query{AfterSeq: length, BeforeSeq: length + 1})); err != nil {
		return fmt.Errorf("follow from the last Seq: %w", err)
	}
	w := world{entries: all}
	return s.View(ctx, func(r storage.Reader) error {
		for seq := range int64(length + 5) {
			for _, q := range []activity.Query{
				{AfterSeq: seq},
				{AfterSeq: seq, Limit: 4},
				{AfterSeq: seq, Incidents: []incident.ID{"i2"}},
				{AfterSeq: seq, BeforeSeq: seq + 4},
				{BeforeSeq: seq, Newest: true},
				{BeforeSeq: seq, Newest: true, Limit: 4},
				{BeforeSeq: seq, Newest: true, Limit: 4, Incidents: []incident.ID{"i2", "i3"}},
			} {
				if err := w.checkActivity(ctx, r, q); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
