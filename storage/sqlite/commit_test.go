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
	release func()
	calls   sync.WaitGroup
	errs    []*error
}

func newBatch(t *testing.T, s *sqlite.Store) *batch { return &batch{t: t, s: s, release: s.Hold()} }

// add calls Apply and returns when it waits. returned is closed when Apply has returned.
func (b *batch) add(ctx context.Context, cs storage.Changeset) (returned <-chan struct{}) {
	return b.call(ctx, func(ctx context.Context) (err error) {
		_, err = b.s.Apply(ctx, cs)
		return err
	})
}

// restore calls Restore and returns when it waits.
func (b *batch) restore(cs storage.Changeset) {
	b.call(b.t.Context(), func(ctx context.Context) error { return b.s.Restore(ctx, cs) })
}

func (b *batch) call(ctx context.Context, fn func(context.Context) error) <-chan struct{} {
	err, waits, returned := new(error), &waitContext{Context: ctx, waits: make(chan struct{})}, make(chan struct{})
	b.errs = append(b.errs, err)
	b.calls.Go(func() {
		defer close(returned)
		*err = fn(waits)
	})
	<-waits.waits
	return returned
}

// A waitContext says when a call waits in the queue: until then nothing asks for Done.
type waitContext struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (c *waitContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waits) })
	return c.Context.Done()
}

// commit lets them have their turn.
func (b *batch) commit() {
	b.release()
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
	gone := b.add(ctx, one("gone"))
	stop()
	<-gone
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
	large := incident.Incident{ID: "large", Alerts: incident.Summary{Title: strings.Repeat("x", 1<<20)}}
	b.add(t.Context(), storage.Changeset{Incidents: []incident.Incident{large}})
	b.add(t.Context(), one("two"))
	b.commit()
	require.NoError(t, *b.errs[0])
	require.ErrorIs(t, *b.errs[1], storage.ErrUnavailable)
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

// Callers may give up at any moment: the others get their turn, and the result of each is true.
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

// A panicContext panics when it is asked whether it is done, as the transaction asks it.
type panicContext struct{ context.Context }

func (panicContext) Err() error { panic("planned") }

// A panic in a transaction rolls it back, and the next Apply begins another.
func TestPanicInATransaction(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	b := newBatch(t, s)
	b.call(t.Context(), func(ctx context.Context) (err error) {
		defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
		_, err = s.Apply(ctx, one("leads"))
		return err
	})
	b.add(panicContext{t.Context()}, one("follows"))
	b.commit()
	require.ErrorContains(t, *b.errs[0], "planned")
	require.ErrorIs(t, *b.errs[1], storage.ErrUnknownOutcome)
	put(t, s, "next")
	assert.Equal(t, []incident.ID{"next"}, names(t, s))
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
