package doc

import "context"

// A Watch looks at a context while a document is drawn, so that what is long ends when nobody waits for it.
type Watch struct {
	ctx   context.Context
	err   error
	cells int
}

// NewWatch returns a Watch of ctx.
func NewWatch(ctx context.Context) *Watch { return &Watch{ctx: ctx} }

// Err looks at the context and returns its error, or that which it once had.
func (w *Watch) Err() error {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	return w.err
}

// Cell counts a cell, and looks at the context at every 500th. It reports whether the context is done, as far as it
// knows.
func (w *Watch) Cell() (done bool) {
	const often = 500
	if w.cells++; w.cells%often == 0 {
		return w.Err() != nil
	}
	return w.err != nil
}

// Done reports whether the context was done when it was last looked at.
func (w *Watch) Done() bool { return w.err != nil }
