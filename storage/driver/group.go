package driver

import (
	"context"
	"slices"
	"sync"

	"github.com/incidentkit/incidentkit/storage"
)

// A Group is group commit: the first caller of Do becomes the leader and commits its own work together with the work
// queued behind it, in the order of arrival, then hands leadership to the first caller that is still queued. Callers
// that arrive while a batch is being committed make up the next one. Commits never overlap.
//
// W is usually a pointer, through which Commit tells each caller the outcome. Only Commit is needed; the zero value of
// every other field is a choice that its comment names. The fields must not be changed after the first call of Do. A
// Group starts no goroutine: Ready and Commit run in that of the leader.
type Group[W any] struct {
	// Commit commits the work of a batch, the leader's first, and records the outcome of each. Its ctx has the values
	// of the leader's context and is done when the contexts of all callers in the batch are, so that one caller that
	// gives up does not end the commit for the others. The context of some callers may be done already.
	Commit func(ctx context.Context, batch []W)

	// Ready is called with the leader's context before the leader takes the batch, and may wait, for a connection for
	// example: callers that arrive meanwhile still join, and may still withdraw. If it fails when the leader's context
	// is done, only the leader gets the error, and the next caller leads. Any other error goes to all callers that are
	// queued. Nil means that there is nothing to wait for.
	Ready func(ctx context.Context) error

	// Max is the largest number of callers in a batch; zero means no limit.
	Max int

	// Fits reports whether next may be committed together with batch, which is not empty. A batch ends before the first
	// caller that does not fit. Fits must not call the Group. Nil means that any work fits.
	Fits func(batch []W, next W) bool

	// Abandon lets a caller return while its batch is being committed, once its context is done: for commits that may
	// take long, such as over a network. Do then returns an error that matches [storage.ErrUnknownOutcome]. Two
	// callers stay nevertheless: the leader, which is busy with Commit, and the last of the others, as long as the
	// leader's context is not done. False means that every caller in a batch waits for the outcome.
	Abandon bool

	mu      sync.Mutex
	queue   []*call[W] // in the order of arrival, without the leader
	leading bool       // there is a leader
	closed  bool
	running sync.WaitGroup // calls of Do
}

// A call is one call of Do.
type call[W any] struct {
	ctx   context.Context
	work  W
	wake  chan struct{} // closed when the call is to lead, or when its batch is over
	leads bool
	batch *batch[W] // nil while the call is queued, and in a leader
	err   error     // the result of Do, once the batch is over
}

// A batch is the calls that are committed together, the leader first.
type batch[W any] struct {
	calls   []*call[W]
	waiting int // calls other than the leader that have not given up
	stop    context.CancelFunc
}

// errBroken is the result of the other callers in a batch whose leader panicked.
var errBroken error = &Failure{
	Class: storage.ErrUnknownOutcome, Text: "the commit panicked; it is unknown whether the Changeset was kept",
}

// Do has work committed and returns nil when Commit has returned, so that the outcome is recorded in work. After any
// error the caller must not read the outcome. [storage.ErrClosed] after Close, the error of ctx if it was done before
// Commit got the work, and the error of Ready mean that Commit has not seen the work. An error that matches
// [storage.ErrUnknownOutcome] means that Commit may still be using it, see Abandon, or that Commit panicked in another
// caller. A panic of Commit or Ready goes on in the caller that leads.
func (g *Group[W]) Do(ctx context.Context, work W) error {
	c := &call[W]{ctx: ctx, work: work}
	leads, err := g.enter(c)
	if err != nil {
		return err
	}
	defer g.running.Done()
	if !leads {
		select {
		case <-c.wake:
		case <-ctx.Done():
			if err := g.giveUp(c); err != nil {
				return err
			}
			<-c.wake
		}
		if !c.leads {
			return c.err
		}
	}
	g.lead(c)
	return c.err
}

// Close makes later calls of Do return [storage.ErrClosed] and waits for those that were called before, which end as
// they would have. It may be called more than once, but not by Ready or Commit.
func (g *Group[W]) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}

// enter queues c, or makes it the leader when there is none.
func (g *Group[W]) enter(c *call[W]) (leads bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false, storage.ErrClosed
	}
	g.running.Add(1)
	if !g.leading {
		g.leading = true
		return true, nil
	}
	c.wake = make(chan struct{})
	g.queue = append(g.queue, c)
	return false, nil
}

// giveUp returns the result of c, whose context is done, or nil if c must still wait: to lead, or for its outcome.
func (g *Group[W]) giveUp(c *call[W]) error {
	g.mu.Lock()
	n, b, last := slices.Index(g.queue, c), c.batch, false
	if n >= 0 {
		g.queue = slices.Delete(g.queue, n, n+1)
	} else if b != nil {
		b.waiting--
		last = b.waiting == 0
	}
	g.mu.Unlock()
	if n >= 0 {
		return c.ctx.Err()
	}
	if last { // watches the leader's context, because the leader is busy
		select {
		case <-c.wake:
		case <-b.calls[0].ctx.Done():
			b.stop()
		}
	}
	if b != nil && g.Abandon {
		select {
		case <-c.wake:
		default:
			over := c.ctx.Err()
			return &Failure{
				Class: storage.ErrUnknownOutcome, Cause: over,
				Text: over.Error() + "; it is unknown whether the Changeset was kept",
			}
		}
	}
	return nil
}

// lead commits the work of c and of the calls that join it, and hands over, also when Ready, Fits or Commit panics.
func (g *Group[W]) lead(c *call[W]) {
	b := &batch[W]{calls: []*call[W]{c}, stop: func() {}}
	err := errBroken
	defer func() { g.finish(b, err) }()
	if failure := g.ready(c.ctx); failure != nil {
		if err = failure; c.ctx.Err() == nil {
			g.takeAll(b)
		}
		return
	}
	ctx, work := g.take(b)
	g.Commit(ctx, work)
	err = nil
}

func (g *Group[W]) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil || g.Ready == nil {
		return err
	}
	return g.Ready(ctx)
}

// take moves the calls that join the leader from the queue to b.
func (g *Group[W]) take(b *batch[W]) (context.Context, []W) {
	g.mu.Lock()
	defer g.mu.Unlock()
	work := []W{b.calls[0].work}
	for _, c := range g.queue {
		if len(work) == g.Max || g.Fits != nil && !g.Fits(work, c.work) {
			break
		}
		work = append(work, c.work)
	}
	ctx := b.calls[0].ctx
	if g.join(b, len(work)-1); b.waiting > 0 {
		ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	}
	return ctx, work
}

// takeAll moves all calls from the queue to b.
func (g *Group[W]) takeAll(b *batch[W]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.join(b, len(g.queue))
}

// join moves the first n calls from the queue to b.
func (g *Group[W]) join(b *batch[W], n int) {
	for _, c := range g.queue[:n] {
		c.batch = b
	}
	b.calls, b.waiting = append(b.calls, g.queue[:n]...), n
	g.queue = slices.Delete(g.queue, 0, n)
}

// finish ends the calls of b with err and makes the first call in the queue lead.
func (g *Group[W]) finish(b *batch[W], err error) {
	b.stop()
	for _, c := range b.calls {
		c.err = err
	}
	for _, c := range b.calls[1:] {
		close(c.wake)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leading = len(g.queue) > 0; g.leading {
		next := g.queue[0]
		g.queue = slices.Delete(g.queue, 0, 1)
		next.leads = true
		close(next.wake)
	}
}
