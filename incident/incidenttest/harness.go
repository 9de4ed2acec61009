package incidenttest

import (
	"fmt"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Time returns the moment d after Monday, 2 March 2026, 09:00 UTC, which is where the clock of a [Harness] stands
// before the first event.
func Time(d time.Duration) time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(d) }

// Options change what [New] makes. The zero Options, like nil, means the defaults.
type Options struct {
	// Manager is how the manager under test is set up, such as its Correlator and its Policy. The harness
	// sets Now and NewID itself.
	Manager manager.Options

	By   activity.Actor // who ingests; the zero Actor means the App "pipeline"
	Tick time.Duration  // how often a [Ticker] is called while the clock moves; 0 means every minute
}

// A Harness is a queue of incidents that a test fills and then asks about: a memory storage, a manager, and a
// clock that only the test moves. The same calls give the same records at every run. IDs of incidents and
// commands are counted, and IDs of alerts that are random become "random-1", "random-2" and so on, see
// [Harness.Ingest].
//
// A method that cannot do its work ends the test with Fatalf, and so does one that is given a title or an ID
// that no alert has. One that finds something else than wanted reports it with Errorf and returns. All
// assertions look at the queue as it is when they are called, so that they see merges, moves and what an
// analyst did. A Harness is for one goroutine.
type Harness struct {
	Manager *manager.Manager // for what an analyst does between events
	Storage storage.Storage  // what Manager manages

	t       testing.TB
	o       Options
	now     time.Time
	started bool                     // the clock was set
	ticks   []func() (failed string) // of each Ticker, at what the clock says
	ahead   bool                     // an alert far ahead of the clock was reported

	raised  []raised
	randoms map[alert.Origin]string // the IDs that stand for random ones
	counts  map[string]int          // of randoms, by source
	given   map[alert.Origin]string // what each ID in the queue was
	notes   map[alert.ID][]alert.Note
}

// A raised alert is one that was ingested.
type raised struct {
	alert alert.Alert
	key   string    // the ID that the pipeline gave
	at    time.Time // when it was ingested
}

// New returns an empty harness for t. The storage is closed when the test ends.
func New(t testing.TB, o *Options) *Harness {
	h := &Harness{t: t, now: Time(0)}
	if o != nil {
		h.o = *o
	}
	if h.o.By == (activity.Actor{}) {
		h.o.By = activity.Actor{Kind: activity.App, ID: "pipeline"}
	}
	if h.o.Tick <= 0 {
		h.o.Tick = time.Minute
	}
	h.open()
	t.Cleanup(func() { _ = h.Storage.Close() })
	return h
}

// open gives h a storage and a manager without anything in them.
func (h *Harness) open() {
	ids := 0
	o := h.o.Manager
	o.Now = h.Now
	o.NewID = func() string { ids++; return fmt.Sprintf("id-%04d", ids) }
	h.Storage = memory.New()
	h.Manager = manager.New(h.Storage, &o)
	h.randoms, h.counts, h.given = map[alert.Origin]string{}, map[string]int{}, map[alert.Origin]string{}
	h.notes = map[alert.ID][]alert.Note{}
}

// Now returns what the clock of h says. A detector that asks for the time is given this function in place of
// time.Now.
func (h *Harness) Now() time.Time { return h.now }

// Advance moves the clock by d, which is not negative. Each [Ticker] that was started is called at every tick
// on the way and at the end.
func (h *Harness) Advance(d time.Duration) {
	h.t.Helper()
	if d < 0 {
		h.t.Fatalf("advance the clock by %s: want a duration that is not negative", d)
	}
	h.started = h.started || d > 0
	if failed := h.moveTo(h.now.Add(d)); failed != "" {
		h.t.Fatalf("%s", failed)
	}
}

// moveTo moves the clock to at, unless it is there already or later, and calls the tickers on the way. The
// first moment that it is given sets the clock. It returns what went wrong.
func (h *Harness) moveTo(at time.Time) (failed string) {
	if at.IsZero() {
		return ""
	}
	at = at.UTC()
	if !h.started {
		h.started, h.now = true, at
		return ""
	}
	if len(h.ticks) > 0 && at.Sub(h.now)/h.o.Tick > maxTimes {
		return fmt.Sprintf("the clock is to move from %s to %s, which is more than %d ticks of %s",
			clock(h.now), clock(at), maxTimes, h.o.Tick)
	}
	for len(h.ticks) > 0 && h.now.Before(at) {
		h.now = earlier(at, h.now.Truncate(h.o.Tick).Add(h.o.Tick))
		for _, tick := range h.ticks {
			if failed := tick(); failed != "" {
				return failed
			}
		}
	}
	if h.now.Before(at) {
		h.now = at
	}
	return ""
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Ingest takes alerts in, one after the other, as if a pipeline had raised them. The clock moves to the last
// activity of each alert, unless it is there already or later.
//
// An ID that looks random is replaced in the queue, so that runs are alike: a UUID of the versions 1, 4, 6 and 7, a
// ULID, 32 hexadecimal digits, and what [crypto/rand.Text] makes. The same ID of the same source is replaced by the
// same text, so that a repeat stays a repeat.
func (h *Harness) Ingest(alerts ...alert.Alert) {
	h.t.Helper()
	for n, a := range alerts {
		failed := h.moveTo(lastActivity(a))
		if failed == "" {
			failed = h.take(fmt.Sprintf("alert %d of %d", n+1, len(alerts)), a)
		}
		if failed != "" {
			h.t.Fatalf("%s", failed)
		}
	}
}

func lastActivity(a alert.Alert) time.Time {
	if a.LastActivity.After(a.FirstActivity) {
		return a.LastActivity
	}
	return a.FirstActivity
}

// take ingests a, and returns what went wrong. where says which alert it is.
func (h *Harness) take(where string, a alert.Alert) (failed string) {
	h.t.Helper()
	h.started = true
	r := raised{key: a.Origin.ID, at: h.now, alert: a.Clone()}
	if err := h.rename(&r.alert); err != nil {
		return fmt.Sprintf("%s, %q: %v", where, a.Title, err)
	}
	if far := a.FirstActivity.Sub(h.now); far > alert.MaxAhead && !h.ahead {
		h.ahead = true
		h.t.Errorf("%s, %q: its activity is %s after what the clock of the harness says; does the detector use "+
			"time.Now? Give it Harness.Now", where, a.Title, far)
	}
	results, err := h.Manager.Ingest(h.t.Context(), h.o.By, []alert.Alert{r.alert})
	if err != nil {
		return fmt.Sprintf("%s, %q: %v", where, a.Title, err)
	}
	r.alert.ID = results[0].ID
	h.notes[r.alert.ID] = append(h.notes[r.alert.ID], results[0].Notes...)
	h.raised = append(h.raised, r)
	return ""
}

// rename gives a the ID that stands for a random one.
func (h *Harness) rename(a *alert.Alert) error {
	given, known := a.Origin, false
	if random(given.ID) {
		if a.Origin.ID, known = h.randoms[given]; !known {
			h.counts[given.Source]++
			a.Origin.ID = fmt.Sprintf("random-%d", h.counts[given.Source])
			h.randoms[given] = a.Origin.ID
		}
	}
	if before, taken := h.given[a.Origin]; taken && before != given.ID {
		return fmt.Errorf("source %q has alerts with the IDs %q and %q, and a random one is called %q here",
			given.Source, before, given.ID, a.Origin.ID)
	}
	h.given[a.Origin] = given.ID
	return nil
}
