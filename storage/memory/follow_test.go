package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A patient storage hides that the one below it wakes up those who wait.
type patient struct{ storage.Storage }

// logs stores n entries of every other incident of two.
func logs(t *testing.T, s storage.Storage, from, n int) {
	t.Helper()
	for k := range n {
		_, err := s.Apply(t.Context(), storage.Changeset{Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint("e", from+k)), Incident: incident.ID(fmt.Sprint("i", (from+k)%2)), Type: activity.Renamed}}})
		require.NoError(t, err)
	}
}

func seqs(t *testing.T, s storage.Storage, q activity.Query) (all []int64) {
	t.Helper()
	for e, err := range storage.Follow(t.Context(), s, q) {
		require.NoError(t, err)
		all = append(all, e.Seq)
	}
	return all
}

// What ends by itself: a number of entries, or a place in the log. Entries of others are passed over, however many
// there are, and no batch has an end that shows.
func TestFollowToAnEnd(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		var s storage.Storage = memory.New()
		defer s.Close()
		logs(t, s, 0, 700)
		if hidden {
			s = patient{s}
		}
		all := seqs(t, s, activity.Query{Limit: 700})
		require.Len(t, all, 700)
		for n, seq := range all {
			require.EqualValues(t, n+1, seq)
		}
		assert.Equal(t, []int64{699, 700}, seqs(t, s, activity.Query{AfterSeq: 698, Limit: 2}))
		assert.Equal(t, []int64{2, 4}, seqs(t, s, activity.Query{Incidents: []incident.ID{"i1"}, BeforeSeq: 6}))
		assert.Len(t, seqs(t, s, activity.Query{Incidents: []incident.ID{"i1"}, BeforeSeq: 701}), 350)
		assert.Empty(t, seqs(t, s, activity.Query{Incidents: []incident.ID{"none"}, BeforeSeq: 701}))
		assert.Empty(t, seqs(t, s, activity.Query{AfterSeq: 5, BeforeSeq: 6}))
	}
}

// Whoever follows gets each entry once and in order, while others write, and stops when the context or the storage
// ends.
func TestFollowWaits(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		for _, ends := range []error{context.Canceled, storage.ErrClosed} {
			synctest.Test(t, func(t *testing.T) {
				below := memory.New()
				var s storage.Storage = below
				if hidden {
					s = patient{s}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				begun := time.Now()
				var got []int64
				var end error
				var wg sync.WaitGroup
				wg.Go(func() {
					for e, err := range storage.Follow(ctx, s, activity.Query{Incidents: []incident.ID{"i1"}}) {
						if end = err; err == nil {
							got = append(got, e.Seq)
						}
					}
				})
				for n := range 5 {
					logs(t, s, 2*n, 2)
					synctest.Wait()
					if hidden {
						<-time.After(time.Second) // of the bubble
						synctest.Wait()
					}
					require.Len(t, got, n+1)
				}
				if ends == context.Canceled {
					cancel()
				} else {
					require.NoError(t, below.Close())
				}
				wg.Wait()
				assert.ErrorIs(t, end, ends)
				assert.Equal(t, []int64{2, 4, 6, 8, 10}, got)
				if !hidden {
					assert.Zero(t, time.Since(begun), "nobody looked again in vain")
				}
				require.NoError(t, below.Close())
			})
		}
	}
}

func TestFollowKnowsNoNewest(t *testing.T) {
	s := memory.New()
	defer s.Close()
	for _, err := range storage.Follow(t.Context(), s, activity.Query{Newest: true}) {
		assert.ErrorIs(t, err, alert.ErrInvalid)
	}
	n := 0
	logs(t, s, 0, 3)
	for range storage.Follow(t.Context(), s, activity.Query{}) {
		if n++; n == 2 {
			break
		}
	}
	assert.Equal(t, 2, n)
}

// A position that the log has not come to is an error that says both, with a Waiter and without, whatever is asked for.
// The last one is none.
func TestFollowAheadOfTheLog(t *testing.T) {
	below := memory.New()
	defer below.Close()
	logs(t, below, 0, 3)
	for _, s := range []storage.Storage{below, patient{below}} {
		for _, q := range []activity.Query{{AfterSeq: 4}, {AfterSeq: 4, Limit: 1}, {AfterSeq: 4, BeforeSeq: 2}} {
			var all []error
			for e, err := range storage.Follow(t.Context(), s, q) {
				assert.Zero(t, e)
				all = append(all, err)
			}
			require.Len(t, all, 1)
			require.ErrorIs(t, all[0], storage.ErrAhead)
			assert.EqualError(t, all[0], "storage: position is ahead of the log: Seq 4, and the last is 3")
		}
		assert.Empty(t, seqs(t, s, activity.Query{AfterSeq: 3, BeforeSeq: 4}))
	}
}

// A wrapper is a Storage around another and wakes up as that does.
type wrapper struct{ storage.Storage }

func (w wrapper) Wait(ctx context.Context, after int64) error {
	return storage.Wait(ctx, w.Storage, after)
}

// Who waits through a wrapper wakes up with the entry where the storage below is a Waiter, and within a second where it
// is none, and sooner when the context ends.
func TestWaitThroughAWrapper(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			below := memory.New()
			defer below.Close()
			s := wrapper{below}
			if hidden {
				s = wrapper{patient{below}}
			}
			begun := time.Now()
			woken := make(chan error, 1)
			go func() { woken <- storage.Wait(t.Context(), s, 0) }()
			<-time.After(time.Second / 4) // of the bubble
			logs(t, below, 0, 1)
			require.NoError(t, <-woken)
			want := time.Second / 4
			if hidden {
				want = time.Second
			}
			assert.Equal(t, want, time.Since(begun))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			begun = time.Now()
			assert.ErrorIs(t, storage.Wait(ctx, s, 1), context.DeadlineExceeded)
			assert.Equal(t, time.Second/2, time.Since(begun))
		})
	}
}
