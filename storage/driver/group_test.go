package driver_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A job is a call of Do.
type job struct {
	name     int
	cancel   context.CancelFunc
	kept     bool // set by Commit
	returned bool
	err      error
	panicked any
}

// A press is a Group whose commits end when the test ends them. All methods but commit are for the test's goroutine,
// and return when every call has come as far as it can.
type press struct {
	group   driver.Group[*job]
	jobs    []*job
	batches [][]int         // what Commit was given
	ctx     context.Context // what it was given last
	running []*job          // what it is committing
	ends    chan func()
}

func newPress() *press {
	p := &press{ends: make(chan func())}
	p.group.Commit = p.commit
	return p
}

func (p *press) commit(ctx context.Context, batch []*job) {
	if p.running != nil {
		panic("two commits at once")
	}
	var names []int
	for _, j := range batch {
		names = append(names, j.name)
	}
	p.batches, p.ctx, p.running = append(p.batches, names), ctx, batch
	defer func() { p.running = nil }()
	if end, ok := <-p.ends; ok && end != nil {
		end()
	}
	for _, j := range batch {
		j.kept = true
	}
}

// do calls Do. Names are 0, 1, 2 and so on.
func (p *press) do(ctx context.Context) *job {
	ctx, cancel := context.WithCancel(ctx)
	j := &job{name: len(p.jobs), cancel: cancel}
	p.jobs = append(p.jobs, j)
	go func() {
		defer func() {
			j.panicked = recover()
			j.returned = true
		}()
		j.err = errors.New("did not return")
		j.err = p.group.Do(ctx, j)
	}()
	synctest.Wait()
	return j
}

// doMany calls Do n times.
func (p *press) doMany(ctx context.Context, n int) {
	for range n {
		p.do(ctx)
	}
}

// end ends the commit that is running, after it has called fn if that is not nil.
func (p *press) end(fn func()) {
	p.ends <- fn
	synctest.Wait()
}

func (p *press) cancel(j *job) {
	j.cancel()
	synctest.Wait()
}

// stop ends all commits to come, so that a test that fails leaves no goroutine behind.
func (p *press) stop() {
	close(p.ends)
	synctest.Wait()
}

func (p *press) returned() (names []int) {
	for _, j := range p.jobs {
		if j.returned {
			names = append(names, j.name)
		}
	}
	return names
}

// bubble runs fn under synctest.
func bubble(t *testing.T, fn func(t *testing.T, p *press)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPress()
		defer p.stop()
		fn(t, p)
	})
}

// The first caller commits alone. Callers that arrive meanwhile are committed together, in the order of arrival, and
// return when the commit has ended, and not before.
func TestGroupCommitsTheQueueTogether(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.doMany(t.Context(), 4)
		assert.Equal(t, [][]int{{0}}, p.batches)
		assert.Empty(t, p.returned())
		p.end(nil)
		assert.Equal(t, [][]int{{0}, {1, 2, 3}}, p.batches)
		assert.Equal(t, []int{0}, p.returned())
		p.do(t.Context())
		ctx := p.ctx
		assert.NoError(t, ctx.Err())
		p.end(nil)
		assert.Error(t, ctx.Err(), "the context of a batch ends with it")
		assert.Equal(t, [][]int{{0}, {1, 2, 3}, {4}}, p.batches)
		assert.Equal(t, []int{0, 1, 2, 3}, p.returned())
		p.end(nil)
		for _, j := range p.jobs {
			assert.True(t, j.returned && j.kept)
			assert.NoError(t, j.err)
		}
		p.do(t.Context()) // the Group is idle
		assert.Equal(t, []int{5}, p.batches[3])
	})
}

// A batch has at most Max callers, the leader included.
func TestGroupMax(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.group.Max = 3
		p.doMany(t.Context(), 8)
		for range 4 {
			p.end(nil)
		}
		assert.Equal(t, [][]int{{0}, {1, 2, 3}, {4, 5, 6}, {7}}, p.batches)
		assert.Len(t, p.returned(), 8)
	})
}

// A batch ends before the first caller that does not fit, though later ones would.
func TestGroupFits(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.group.Fits = func(batch []*job, next *job) bool {
			return next.name != 3 && batch[0].name != 3 && len(batch) < 4
		}
		p.doMany(t.Context(), 10)
		for range 5 {
			p.end(nil)
		}
		assert.Equal(t, [][]int{{0}, {1, 2}, {3}, {4, 5, 6, 7}, {8, 9}}, p.batches)
		assert.Len(t, p.returned(), 10)
	})
}

// A caller whose context is done while it is queued returns at once and is not committed; the others are.
func TestGroupWithdraw(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.doMany(t.Context(), 5)
		p.cancel(p.jobs[2])
		p.cancel(p.jobs[4])
		assert.Equal(t, []int{2, 4}, p.returned())
		p.end(nil)
		p.end(nil)
		assert.Equal(t, [][]int{{0}, {1, 3}}, p.batches)
		assert.Equal(t, context.Canceled, p.jobs[2].err)
		assert.NoError(t, p.jobs[3].err)
		p.doMany(t.Context(), 2)
		p.cancel(p.jobs[6]) // no caller is left to lead
		p.end(nil)
		p.do(t.Context())
		assert.Equal(t, [][]int{{0}, {1, 3}, {5}, {7}}, p.batches)
	})
}

// A caller whose context is done before the call is not committed, whether there is a leader or not.
func TestGroupContextIsDone(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.Equal(t, context.Canceled, p.do(ctx).err)
		assert.Empty(t, p.batches)
		p.do(t.Context())
		assert.Equal(t, context.Canceled, p.do(ctx).err)
		p.end(nil)
		assert.Equal(t, [][]int{{1}}, p.batches)
	})
}

// A lateContext is done, but its Done channel is never closed: its caller begins to lead in the moment it gives up.
type lateContext struct {
	context.Context
	err error
}

func (c *lateContext) Err() error            { return c.err }
func (c *lateContext) Done() <-chan struct{} { return nil }

// A caller that begins to lead when its context is done hands over to the next.
func TestGroupLeaderThatHasGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		ready := 0
		p.group.Ready = func(context.Context) error { ready++; return nil }
		late := &lateContext{Context: t.Context()}
		p.do(t.Context())
		err := errors.New("not called")
		go func() { err = p.group.Do(late, &job{name: 100}) }()
		synctest.Wait()
		p.doMany(t.Context(), 2)
		late.err = context.Canceled
		p.end(nil)
		assert.Equal(t, context.Canceled, err)
		p.end(nil)
		assert.Equal(t, [][]int{{0}, {1, 2}}, p.batches)
		assert.Equal(t, []int{0, 1, 2}, p.returned())
		assert.Equal(t, 2, ready)
	})
}

// Without Abandon a caller in a batch waits for the outcome, whatever its context.
func TestGroupWaitsForTheOutcome(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.doMany(t.Context(), 4)
		p.end(nil)
		for _, j := range p.jobs[1:] {
			p.cancel(j)
		}
		assert.Equal(t, []int{0}, p.returned())
		p.end(nil)
		assert.Equal(t, []int{0, 1, 2, 3}, p.returned())
		for _, j := range p.jobs {
			assert.NoError(t, j.err)
		}
	})
}

// The context of a batch has the leader's values and is done when those of all its callers are, in whatever order.
func TestGroupContextOfABatch(t *testing.T) {
	type key struct{}
	for _, abandon := range []bool{false, true} {
		for _, order := range [][]int{{0}, {0, 1}, {1, 0}, {0, 1, 2}, {1, 0, 2}, {1, 2, 0}, {2, 1, 0}} { // 0 leads
			bubble(t, func(t *testing.T, p *press) {
				p.group.Abandon = abandon
				p.do(t.Context())
				p.do(context.WithValue(t.Context(), key{}, "leader"))
				p.doMany(t.Context(), len(order)-1)
				p.end(nil)
				assert.Equal(t, "leader", p.ctx.Value(key{}))
				for n, k := range order {
					assert.NoError(t, p.ctx.Err(), "%d of %v", n, order)
					p.cancel(p.jobs[1+k])
				}
				assert.ErrorIs(t, p.ctx.Err(), context.Canceled, "%v", order)
				ctx := p.ctx
				p.end(nil)
				assert.Len(t, p.returned(), len(p.jobs))
				assert.Error(t, ctx.Err())
			})
		}
	}
}

// With Abandon a caller whose context is done leaves its batch, except the leader and the last of the others.
func TestGroupAbandon(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.group.Abandon = true
		p.doMany(t.Context(), 5)
		p.end(nil)
		p.cancel(p.jobs[1]) // leads
		p.cancel(p.jobs[3])
		assert.Equal(t, []int{0, 3}, p.returned())
		assert.ErrorIs(t, p.jobs[3].err, context.Canceled)
		assert.EqualError(t, p.jobs[3].err, "context canceled; it is unknown whether the Changeset was kept")
		p.end(nil)
		assert.Len(t, p.returned(), 5)
		for _, n := range []int{1, 2, 4} {
			assert.NoError(t, p.jobs[n].err)
		}

		p.doMany(t.Context(), 3) // 5, and then 6 leads
		p.end(nil)
		p.cancel(p.jobs[7])
		assert.NotContains(t, p.returned(), 7, "it watches the leader's context")
		assert.NoError(t, p.ctx.Err())
		p.end(nil)
		assert.NoError(t, p.jobs[7].err)

		p.doMany(t.Context(), 3) // 8, and then 9 leads
		p.end(nil)
		p.cancel(p.jobs[9])
		p.cancel(p.jobs[10])
		assert.ErrorIs(t, p.jobs[10].err, storage.ErrUnknownOutcome)
		assert.False(t, p.jobs[9].returned)
		p.end(nil)
		assert.NoError(t, p.jobs[9].err)
	})
}

// Callers join a leader that is not ready, and may withdraw.
func TestGroupReady(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		ready := make(chan error)
		p.group.Ready = func(ctx context.Context) error {
			select {
			case err := <-ready:
				return err
			case <-ctx.Done():
				return errors.Join(errors.New("not ready"), ctx.Err())
			}
		}
		p.doMany(t.Context(), 4)
		p.cancel(p.jobs[1])
		assert.Equal(t, context.Canceled, p.jobs[1].err)
		p.cancel(p.jobs[0]) // leads, and Ready returns
		assert.ErrorContains(t, p.jobs[0].err, "not ready")
		assert.ErrorIs(t, p.jobs[0].err, context.Canceled)
		assert.Empty(t, p.batches)
		assert.Equal(t, []int{0, 1}, p.returned())
		ready <- nil // 2 leads
		synctest.Wait()
		assert.Equal(t, [][]int{{2, 3}}, p.batches)

		p.group.Max = 2
		p.doMany(t.Context(), 4)
		p.end(nil)
		down := errors.New("down")
		ready <- down
		synctest.Wait()
		assert.Len(t, p.returned(), 8, "all get the error at once")
		for _, j := range p.jobs[4:] {
			assert.Equal(t, down, j.err)
		}
		p.do(t.Context())
		ready <- nil
		synctest.Wait()
		assert.Equal(t, [][]int{{2, 3}, {8}}, p.batches)
	})
}

// A leader that panics, wherever, or whose goroutine ends, leaves the queue with another leader. The others in its
// batch learn that the outcome is unknown.
func TestGroupPanic(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("planned") }, "Goexit": runtime.Goexit} {
		bubble(t, func(t *testing.T, p *press) {
			p.group.Max = 2
			p.doMany(t.Context(), 4)
			p.end(nil)
			p.end(fail) // of 1 and 2
			assert.Equal(t, [][]int{{0}, {1, 2}, {3}}, p.batches, name)
			assert.Equal(t, []int{0, 1, 2}, p.returned())
			assert.Equal(t, name == "panic", p.jobs[1].panicked == "planned")
			assert.ErrorIs(t, p.jobs[2].err, storage.ErrUnknownOutcome)
			p.end(nil)
			assert.NoError(t, p.jobs[3].err)

			count := 0
			p.group.Ready = func(context.Context) error {
				if count++; count == 2 {
					fail()
				}
				return nil
			}
			p.doMany(t.Context(), 4)
			p.end(nil)
			assert.Equal(t, [][]int{{0}, {1, 2}, {3}, {4}, {6, 7}}, p.batches, name)
			assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, p.returned())
			p.end(nil)

			p.group.Ready, p.group.Fits = nil, func(_ []*job, next *job) bool {
				if next.name == 10 {
					fail()
				}
				return true
			}
			p.doMany(t.Context(), 4)
			p.end(nil)
			assert.Equal(t, []int{10, 11}, p.batches[len(p.batches)-1], name)
			assert.False(t, p.jobs[10].returned)
			p.end(nil)
			assert.Len(t, p.returned(), 12)
			p.do(t.Context()) // the Group is idle, and not locked
			assert.Equal(t, []int{12}, p.batches[len(p.batches)-1])
		})
	}
}

// Close waits for all calls before it, and refuses those after it.
func TestGroupClose(t *testing.T) {
	bubble(t, func(t *testing.T, p *press) {
		p.group.Max = 1
		p.doMany(t.Context(), 3)
		closed := 0
		var mu sync.Mutex
		for range 2 {
			go func() {
				p.group.Close()
				mu.Lock()
				defer mu.Unlock()
				closed++
			}()
		}
		synctest.Wait()
		done, cancel := context.WithCancel(t.Context())
		cancel()
		assert.Equal(t, storage.ErrClosed, p.do(t.Context()).err)
		assert.Equal(t, storage.ErrClosed, p.do(done).err)
		for range 3 {
			assert.Zero(t, closed)
			p.end(nil)
		}
		assert.Equal(t, 2, closed)
		assert.Equal(t, [][]int{{0}, {1}, {2}}, p.batches)
		for _, j := range p.jobs[:3] {
			assert.NoError(t, j.err)
		}
		p.group.Close()

		idle := newPress()
		idle.group.Close()
		assert.Equal(t, storage.ErrClosed, idle.do(t.Context()).err)
	})
}

// In whatever order callers arrive and give up and commits end or panic: there is a leader as long as a caller waits,
// each is committed at most once and in the order of arrival, and what Do returns is true.
func TestGroupLaws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, groupLaws) // not a testing.T, whose Deadline a bubble does not have
	})
}

func groupLaws(t *rapid.T) {
	p := newPress()
	defer p.stop()
	limit := rapid.IntRange(0, 4).Draw(t, "max")
	p.group.Max, p.group.Abandon = limit, rapid.Bool().Draw(t, "abandon")
	if rapid.Bool().Draw(t, "rule") {
		p.group.Fits = func(_ []*job, next *job) bool { return next.name%3 != 0 }
	}
	canceled, broken := make(map[int]bool), make(map[int]bool)
	waits := func(j *job) bool { return !canceled[j.name] }
	check := func() {
		var committed []int
		for _, names := range p.batches {
			require.True(t, limit == 0 || len(names) <= limit, "a batch has %d", len(names))
			committed = append(committed, names...)
		}
		for n := range committed {
			require.True(t, n == 0 || committed[n-1] < committed[n], "order of %v", p.batches)
		}
		for _, j := range p.jobs {
			running := slices.Contains(p.running, j)
			took := slices.Contains(committed, j.name)
			switch {
			case !j.returned:
				require.NotNil(t, p.running, "%d waits and nobody leads", j.name)
				require.True(t, running || !took, "%d is committed and waits", j.name)
				require.False(t, canceled[j.name] && !took, "%d waits for its turn though it has given up", j.name)
			case j.panicked != nil:
				require.True(t, broken[j.name])
			case j.err == nil:
				require.True(t, j.kept && took && !running, "%d has no outcome", j.name)
			case errors.Is(j.err, storage.ErrUnknownOutcome):
				abandoned := canceled[j.name] && p.group.Abandon
				require.True(t, took && (broken[j.name] || abandoned), "of %d the outcome is known", j.name)
			default:
				require.Equal(t, context.Canceled, j.err)
				require.False(t, took, "%d is committed, and was told that it is not", j.name)
			}
		}
		if p.running != nil {
			require.Equal(t, slices.ContainsFunc(p.running, waits), p.ctx.Err() == nil, "the context of a batch")
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"arrive": func(*rapid.T) { p.do(context.Background()) },
		"give up": func(t *rapid.T) {
			if len(p.jobs) > 0 {
				n := rapid.IntRange(max(0, len(p.jobs)-8), len(p.jobs)-1).Draw(t, "who")
				canceled[n] = canceled[n] || !p.jobs[n].returned
				p.cancel(p.jobs[n])
			}
		},
		"end": func(*rapid.T) {
			if p.running != nil {
				p.end(nil)
			}
		},
		"panic": func(*rapid.T) {
			if p.running != nil {
				for _, j := range p.running {
					broken[j.name] = true
				}
				p.end(func() { panic("planned") })
			}
		},
		"": func(*rapid.T) { check() },
	})
	for p.running != nil {
		p.end(nil)
		check()
	}
	require.Len(t, p.returned(), len(p.jobs))
}
