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

// A Ticker is a [Detector] that raises alerts as time passes, such as at the end of a window.
type Ticker interface {
	// Tick returns the alerts that are due at now. It is called while the clock moves, before the event that
	// moves it, every Tick of the [Options] and at the time of the event.
	Tick(ctx context.Context, now time.Time) ([]alert.Alert, error)
}

// A Flusher is a [Detector] that holds alerts back until it is told that no event follows.
type Flusher interface {
	// Flush returns what is left.
	Flush(ctx context.Context) ([]alert.Alert, error)
}

// Run feeds events to a new detector, flushes it and ingests the alerts that it raises, each at the moment of
// its event. An error of the detector or of events ends the test, with a message that says which event.
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
		h.tickers = append(h.tickers, ticker)
		h.sinks = append(h.sinks, func(alerts []alert.Alert, err error) {
			h.t.Helper()
			f.take("tick at "+clock(h.now), alerts, err)
		})
	}
	return f
}

// Feed hands events to the detector, one after the other. The clock moves to the time of each before it is processed.
// An event whose time is earlier than the clock's comes late, and leaves the clock as it is.
func (f *Feed[E]) Feed(events iter.Seq2[Event[E], error]) {
	f.h.t.Helper()
	for e, err := range events {
		f.n++
		if err != nil {
			f.h.t.Fatalf("read event %d: %v", f.n, err)
		}
		if !e.At.IsZero() {
			f.h.moveTo(e.At)
		}
		alerts, err := f.detector.Process(f.h.t.Context(), e.Data)
		if e.At.IsZero() {
			for _, a := range alerts {
				if at := lastActivity(a); !at.IsZero() {
					f.h.moveTo(at)
				}
			}
		}
		f.take(fmt.Sprintf("event %d", f.n), alerts, err)
	}
}

// Flush ingests what the detector holds back, if it is a [Flusher].
func (f *Feed[E]) Flush() {
	f.h.t.Helper()
	if flusher, ok := f.detector.(Flusher); ok {
		alerts, err := flusher.Flush(f.h.t.Context())
		f.take("flush", alerts, err)
	}
}

// take ingests the alerts that the detector has returned.
func (f *Feed[E]) take(where string, alerts []alert.Alert, err error) {
	f.h.t.Helper()
	if err != nil {
		f.h.t.Fatalf("%s: %v", where, err)
	}
	for n, a := range alerts {
		at := where
		if len(alerts) > 1 {
			at = fmt.Sprintf("%s, alert %d of %d", where, n+1, len(alerts))
		}
		f.h.take(at, a)
	}
}
