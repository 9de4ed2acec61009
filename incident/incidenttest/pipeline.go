package incidenttest

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A Detector is a pipeline under test: it turns raw events into alerts. E is the type of an event. A Detector
// may be a [Ticker] and a [Flusher] too.
type Detector[E any] interface {
	// Process returns the alerts that event raises, which may be none.
	Process(ctx context.Context, event E) ([]alert.Alert, error)
}

// A Ticker is a [Detector] that raises alerts as time passes, such as at the end of a window. A method Tick
// of another signature is not called; let the compiler look:
//
//	var _ incidenttest.Ticker = (*Detector)(nil)
type Ticker interface {
	// Tick returns the alerts that are due at now. It is called while the clock moves, before the event that
	// moves it, every Tick of the [Options] and at the time of the event.
	Tick(ctx context.Context, now time.Time) ([]alert.Alert, error)
}

// A Flusher is a [Detector] that holds alerts back until Flush is called, after the last event.
type Flusher interface {
	// Flush returns what is left.
	Flush(ctx context.Context) ([]alert.Alert, error)
}

// Run feeds events to a new detector, flushes it and ingests the alerts that it raises, each at the moment of
// its event. An error of the detector or of events ends the test, with a message that says which event. Since
// Run flushes, it does not show that a window ends by the clock: use [Start], [Feed.Feed] and
// [Harness.Advance] for that.
func Run[E any, D Detector[E]](h *Harness, factory func() (D, error), events iter.Seq2[Event[E], error]) {
	h.t.Helper()
	f := Start(h, factory)
	f.Feed(events)
	f.Flush()
}

// A Feed hands events to one detector and its alerts to a harness. Use it instead of [Run] where something
// else happens between two events.
type Feed[E any] struct {
	h        *Harness
	detector Detector[E]
	n        int // events that were fed
}

// Start makes a detector and returns the way to feed it. A detector keeps state, so that each Feed gets a new
// one. From then on a [Ticker] is called when the clock of h moves.
func Start[E any, D Detector[E]](h *Harness, factory func() (D, error)) *Feed[E] {
	h.t.Helper()
	d, err := factory()
	if err != nil {
		h.t.Fatalf("make a detector: %v", err)
	}
	f := &Feed[E]{h: h, detector: d}
	if ticker, ok := any(d).(Ticker); ok {
		h.ticks = append(h.ticks, func() string {
			alerts, err := ticker.Tick(h.t.Context(), h.now)
			return f.take("tick at "+clock(h.now), alerts, err)
		})
	}
	return f
}

// Feed hands events to the detector, one after the other, of which there must be one at least. The clock
// moves to the time of each before it is processed. An event whose time is earlier than the clock's comes
// late, and leaves the clock as it is.
func (f *Feed[E]) Feed(events iter.Seq2[Event[E], error]) {
	f.h.t.Helper()
	before, failed := f.n, ""
	for e, err := range events {
		if failed = f.process(e, err); failed != "" {
			break // and report it below, where t.Helper finds the line of the test
		}
	}
	switch {
	case failed != "":
		f.h.t.Fatalf("%s", failed)
	case f.n == before:
		f.h.t.Errorf("no event was fed")
	}
}

// process hands one event to the detector, and returns what went wrong.
func (f *Feed[E]) process(e Event[E], err error) (failed string) {
	f.n++
	if err != nil {
		return fmt.Sprintf("read event %d: %v", f.n, err)
	}
	where := fmt.Sprintf("event %d", f.n)
	if e.Line > 0 {
		where += fmt.Sprintf(" (line %d)", e.Line)
	}
	if !e.At.IsZero() {
		if failed := f.h.moveTo(e.At); failed != "" {
			return failed
		}
	}
	alerts, err := f.detector.Process(f.h.t.Context(), e.Data)
	if e.At.IsZero() {
		for _, a := range alerts {
			if failed := f.h.moveTo(lastActivity(a)); failed != "" {
				return failed
			}
		}
	}
	return f.take(where, alerts, err)
}

// Flush ingests what the detector holds back, if it is a [Flusher].
func (f *Feed[E]) Flush() {
	f.h.t.Helper()
	if flusher, ok := f.detector.(Flusher); ok {
		alerts, err := flusher.Flush(f.h.t.Context())
		if failed := f.take("flush", alerts, err); failed != "" {
			f.h.t.Fatalf("%s", failed)
		}
	}
}

// take ingests the alerts that the detector has returned, and returns what went wrong.
func (f *Feed[E]) take(where string, alerts []alert.Alert, err error) (failed string) {
	if err != nil {
		return fmt.Sprintf("%s: the detector: %v", where, err)
	}
	for n, a := range alerts {
		at := where
		if len(alerts) > 1 {
			at = fmt.Sprintf("%s, alert %d of %d", where, n+1, len(alerts))
		}
		if failed := f.h.take(at, a); failed != "" {
			return failed
		}
	}
	return ""
}
