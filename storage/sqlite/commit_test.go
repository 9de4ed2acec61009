package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// A batch is Applies and Restores that wait at the same moment.
type batch struct {
	t       *testing.T
	s       *sqlite.Store
	hand    func()
	waiting func() int
	calls   sync.WaitGroup
	errs    []*error
}

func newBatch(t *testing.T, s *sqlite.Store) *batch {
	b := &batch{t: t, s: s}
	b.hand, b.waiting = s.Lead()
	return b
}

// add calls Apply and waits until it waits.
func (b *batch) add(ctx context.Context, cs storage.Changeset) {
	b.call(func() (err error) {
		_, err = b.s.Apply(ctx, cs)
		return err
	})
}

// restore calls Restore and waits until it waits.
func (b *batch) restore(cs storage.Changeset) {
	b.call(func() error { return b.s.Restore(b.t.Context(), cs) })
}

func (b *batch) call(fn func() error) {
	err := new(error)
	b.errs = append(b.errs, err)
	before := b.waiting()
	b.calls.Go(func() { *err = fn() })
	b.await(before + 1)
}

func (b *batch) await(n int) {
	for b.waiting() != n {
		if b.t.Context().Err() != nil {
			return
		}
		runtime.Gosched()
	}
}

// commit lets them have their turn.
func (b *batch) commit() {
	b.hand()
	b.calls.Wait()
}

func one(id incident.ID) storage.Changeset {
	return storage.Changeset{Incidents: []incident.Incident{{ID: id}}, Activity: []activity.Entry{{ID: activity.ID(id)}}}
}

// One that is refused, or whose context is done, does not fail those who are committed with it.
func TestNeighboursOfOneBatch(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	put(t, s, "there")
	b := newBatch(t, s)
	b.add(t.Context(), one("one"))
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "half"}, {ID: "there", Version: 7}}})
	b.add(t.Context(), one("one")) // somebody of the same batch was faster
	ctx, stop := context.WithCancel(t.Context())
	b.add(ctx, one("gone"))
	stop()
	b.await(3) // it has left the queue
	b.add(t.Context(), storage.Changeset{Redact: []activity.ID{"none"}, Incidents: []incident.Incident{{ID: "half"}}})
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "one", Version: 1}}}) // over one of the same batch
	b.add(t.Context(), one("two"))
	b.commit()
	for n, want := range []error{nil, storage.ErrConflict, storage.ErrExists, context.Canceled, storage.ErrNotFound, nil, nil} {
		assert.ErrorIs(t, *b.errs[n], want, "Apply %d", n)
	}
	assert.Equal(t, []incident.ID{"there", "one", "two"}, names(t, s))
	receipt, err := s.Apply(t.Context(), one("three"))
	require.NoError(t, err)
	assert.Equal(t, storage.Receipt{Seq: 3, Numbers: []int64{4}}, receipt, "what failed has used up no number")
}

// One that fills the disk does not fail those who are committed with it.
func TestNeighboursOfOneThatFillsTheDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	require.NoError(t, s.FillDisk(t.Context(), true))
	b := newBatch(t, s)
	b.add(t.Context(), one("one"))
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "large", Description: strings.Repeat("x", 1<<20)}}})
	b.add(t.Context(), one("two"))
	b.commit()
	require.NoError(t, *b.errs[0])
	require.ErrorContains(t, *b.errs[1], "full")
	require.NoError(t, *b.errs[2])
	assert.Equal(t, []incident.ID{"one", "two"}, names(t, s))
}

// What was called before Close is kept, and Close waits for it.
func TestCloseWaitsForApply(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	b := newBatch(t, s)
	b.add(t.Context(), one("one"))
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for !errors.Is(s.View(t.Context(), func(storage.Reader) error { return nil }), storage.ErrClosed) {
		runtime.Gosched() // it has not begun
	}
	b.commit()
	require.NoError(t, <-closed)
	require.NoError(t, *b.errs[0])
	assert.Equal(t, []incident.ID{"one"}, names(t, open(t, path, nil)))
}

// Whoever waits may give up at any moment: all others get their turn, and what is said of each is so.
func TestGivingUpInTheQueue(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), &sqlite.Options{Relaxed: true})
	const callers, each = 8, 25
	var calls sync.WaitGroup
	var kept [callers][]incident.ID
	for c := range callers {
		calls.Go(func() {
			for n := range each {
				ctx, stop := context.WithCancel(t.Context())
				id := incident.ID(fmt.Sprint(c, "/", n))
				if c%2 == 0 {
					go stop()
				}
				if _, err := s.Apply(ctx, one(id)); err == nil {
					kept[c] = append(kept[c], id)
				} else if c%2 != 0 {
					t.Error(err)
				}
				stop()
			}
		})
	}
	calls.Wait()
	var all []incident.ID
	for c := range callers {
		all = append(all, kept[c]...)
		assert.True(t, c%2 == 0 || len(kept[c]) == each)
	}
	assert.ElementsMatch(t, all, names(t, s))
}

// Who gives up in the moment in which it is told to lead leads, or the next one does.
func TestGivingUpWhenTold(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), &sqlite.Options{Relaxed: true})
	var want []incident.ID
	for n := range 100 {
		b := newBatch(t, s)
		ctx, stop := context.WithCancel(t.Context())
		first, second := incident.ID(fmt.Sprint(n, "a")), incident.ID(fmt.Sprint(n, "b"))
		b.add(ctx, one(first))
		b.add(t.Context(), one(second))
		stop()
		b.commit()
		require.ErrorIs(t, *b.errs[0], context.Canceled)
		require.NoError(t, *b.errs[1])
		want = append(want, second)
	}
	assert.Equal(t, want, names(t, s))
}

// C2: two stores of one file are what two processes are: they lock each other out, and nothing is lost.
func TestTwoStoresOfOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	stores := []*sqlite.Store{open(t, path, &sqlite.Options{Relaxed: true}), open(t, path, &sqlite.Options{Relaxed: true})}
	put(t, stores[0], "counted")
	const each = 40
	var calls sync.WaitGroup
	for c := range 4 {
		s := stores[c%2]
		calls.Go(func() {
			for done := 0; done < each; {
				var i incident.Incident
				err := s.View(t.Context(), func(r storage.Reader) (err error) {
					i, err = r.Incident(t.Context(), "counted")
					return err
				})
				if !assert.NoError(t, err) {
					return
				}
				i.Comments++
				_, err = s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{i}, Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint(c, "/", done))}}})
				switch {
				case err == nil:
					done++
				case !assert.ErrorIs(t, err, storage.ErrConflict):
					return
				}
			}
		})
	}
	calls.Wait()
	require.NoError(t, stores[1].View(t.Context(), func(r storage.Reader) error {
		i, err := r.Incident(t.Context(), "counted")
		require.NoError(t, err)
		assert.Equal(t, 4*each, i.Comments)
		seq := int64(0)
		for e, err := range r.Activity(t.Context(), activity.Query{}) {
			require.NoError(t, err)
			seq++
			assert.Equal(t, seq, e.Seq)
		}
		assert.Equal(t, int64(4*each), seq)
		return nil
	}))
}

// The context of one who alone waits for another process is looked at.
func TestALockOfAnotherProcessIsNotWaitedForLongerThanTheCallerWould(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	put(t, s, "one")
	release := lock(t, path)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	_, err := s.Apply(ctx, one("two"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	release()
	put(t, s, "three")
	assert.Equal(t, []incident.ID{"one", "three"}, names(t, s))
}
