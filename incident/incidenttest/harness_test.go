package incidenttest_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/alert"
	kit "github.com/incidentkit/incidentkit/incident/incidenttest"
)

const spray = `
{"time":"+10m, 5 times every 2s","host":"srv-01","address":"203.0.113.7","account":"kai","failed":true}
{"time":"+11m","host":"srv-01","address":"203.0.113.7","account":"kai"}
{"time":"+12m, 4 times every 2s","host":"srv-02","address":"198.51.100.4","account":"lee","failed":true}`

func TestRun(t *testing.T) {
	h := kit.New(t, nil)
	kit.Run(h, newGuesser, kit.Relative[logon]("time", spray))
	h.WantIncidents(
		kit.Incident{
			Severity: alert.High,
			Alerts:   []string{"Password guessing", "Logon after password guessing"},
		},
	)
	h.WantAlert(kit.Raised{Title: "Password guessing", Key: "srv-01 Password guessing 09:10:08"})
	h.WantFired("Password guessing", 1)
	h.WantRobust(10)
	h.WantSound()
	assert.Equal(t, kit.Time(12*time.Minute+6*time.Second), h.Now(), "the clock stands at the last event")
}

// Runs in parallel with random IDs in their alerts give the same text, whatever the IDs.
func TestRunsAreTheSame(t *testing.T) {
	texts := make(chan string, 100)
	t.Run("runs", func(t *testing.T) {
		for n := range cap(texts) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				h := kit.New(t, nil)
				withIDs := func() (*guesser, error) {
					g, err := newGuesser()
					g.ids = rand.Text
					return g, err
				}
				kit.Run(h, withIDs, kit.Relative[logon]("time", spray))
				kit.Run(h, withIDs, kit.Relative[logon]("time", strings.ReplaceAll(spray, "+1", "+2")))
				h.WantRobust(3)
				texts <- h.Text()
			})
		}
	})
	first := <-texts
	assert.Contains(t, first, "logons:random-4")
	for range cap(texts) - 1 {
		assert.Equal(t, first, <-texts)
	}
}

// A repeat of an alert with a random ID stays a repeat, and IDs that are made of something stay as they are.
func TestRandomIDs(t *testing.T) {
	random := []string{
		rand.Text(), hex.EncodeToString(make([]byte, 16)), "0b9f4c3e-6f4a-4a3b-9d3e-0a1b2c3d4e5f",
		"0190F3E2-7B1C-7C3D-8E4F-0A1B2C3D4E5F", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	}
	named := []string{
		"4711", "2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d9", "886313e1-3b8a-5372-9b90-0c9aee199e5d",
		"passwordguessingonserverab", "random",
		strings.Repeat("ab", 32),
	}
	h := kit.New(t, nil)
	for _, id := range random {
		h.Ingest(
			alert.Alert{Origin: alert.Origin{Source: "a:b", ID: id}, Title: id},
			alert.Alert{Origin: alert.Origin{Source: "a:b", ID: id}, Title: id},
		)
	}
	for _, id := range named {
		h.Ingest(alert.Alert{Origin: alert.Origin{Source: "n", ID: id}, Title: "named " + id})
	}
	text := h.Text()
	for n, id := range random {
		assert.Contains(t, text, fmt.Sprintf("09:00:00 %s, unrated, a%%3Ab:random-%d, repeated ×1\n", id, n+1))
		h.WantAlert(kit.Raised{Key: id, Title: id})
	}
	for _, id := range named {
		assert.Contains(t, text, fmt.Sprintf("named %s, unrated, n:%s\n", id, id))
	}
	assert.Equal(
		t,
		`alert 1 of 1, "x": source "a:b" has alerts with the IDs "`+random[0]+`" and "random-1", and a random one is called "random-1" here`,
		reported(t, func(t testing.TB) {
			h := kit.New(t, nil)
			h.Ingest(alert.Alert{Origin: alert.Origin{Source: "a:b", ID: random[0]}, Title: "first"})
			h.Ingest(alert.Alert{Origin: alert.Origin{Source: "a:b", ID: "random-1"}, Title: "x"})
		}),
	)
}

// A counter counts events for a window of five minutes, and says how many there were when it is over or when no event
// follows.
type counter struct {
	start time.Time
	n     int
	ticks []time.Time
}

func (c *counter) Process(_ context.Context, e logon) ([]alert.Alert, error) {
	if c.start.IsZero() {
		c.start = e.Time
	}
	c.n++
	return nil, nil
}

func (c *counter) Tick(_ context.Context, now time.Time) ([]alert.Alert, error) {
	c.ticks = append(c.ticks, now)
	if c.start.IsZero() || now.Before(c.start.Add(5*time.Minute)) {
		return nil, nil
	}
	return c.Flush(context.Background())
}

func (c *counter) Flush(context.Context) ([]alert.Alert, error) {
	if c.n == 0 {
		return nil, nil
	}
	a := alert.Alert{
		Origin: alert.Origin{
			Source: "counter",
			ID:     c.start.Format(time.TimeOnly),
		}, Title: fmt.Sprint(c.n, " logons"),
		FirstActivity: c.start,
	}
	*c = counter{ticks: c.ticks}
	return []alert.Alert{a}, nil
}

// Windows end when the clock passes them, by an event or by hand, and what is left comes with the end of the events.
func TestTicksAndFlush(t *testing.T) {
	h := kit.New(t, nil)
	c := &counter{}
	f := kit.Start(h, func() (*counter, error) { return c, nil })
	f.Feed(kit.Relative[logon]("time", `
		{"time":"+0s, 3 times every 10s"}
		{"time":"+7m"}`))
	h.WantFired("3 logons", 1)
	h.WantNeverFired("1 logons")
	h.WantAlert(kit.Raised{Title: "3 logons"})
	h.Advance(10 * time.Minute)
	h.WantFired("1 logons", 1)
	f.Feed(kit.Relative[logon]("time", `{"time":"+30m"}`))
	f.Flush()
	f.Flush()
	h.WantFired("1 logons", 2)
	assert.Equal(t, kit.Time(30*time.Minute), h.Now())
	assert.Equal(
		t,
		[]time.Time{kit.Time(10 * time.Second), kit.Time(20 * time.Second), kit.Time(time.Minute)},
		c.ticks[:3],
		"at the time of each event and every minute",
	)
	assert.Len(t, c.ticks, 32)
	assert.Contains(
		t,
		h.Text(),
		"2026-03-02 09:05:00 pipeline: alertAdded counter:09:00:00",
		"ingested at the tick",
	)
}

func TestTickEvery(t *testing.T) {
	h := kit.New(t, &kit.Options{Tick: time.Hour})
	c := &counter{}
	f := kit.Start(h, func() (*counter, error) { return c, nil })
	f.Feed(kit.Relative[logon]("time", `{"time":"+30m"}`))
	h.Advance(2 * time.Hour)
	assert.Equal(
		t,
		[]time.Time{kit.Time(time.Hour), kit.Time(2 * time.Hour), kit.Time(150 * time.Minute)},
		c.ticks,
	)
}

// Windows end before the first event, too, and the clock never goes back once it was looked at.
func TestAdvanceBeforeTheFirstEvent(t *testing.T) {
	h := kit.New(t, nil)
	c := &counter{}
	kit.Start(h, func() (*counter, error) { return c, nil })
	h.Advance(0)
	h.Advance(10 * time.Minute)
	assert.Len(t, c.ticks, 10)

	h = kit.New(t, nil)
	h.Advance(0)
	h.Ingest(alert.Alert{Origin: alert.Origin{Source: "s", ID: "1"}, Title: "without time"})
	h.Ingest(kit.Alert("old", alert.Low, kit.At(-24*365*time.Hour)))
	assert.Equal(t, kit.Time(0), h.Now())
	h.WantRobust(3)
}

// Events without a time leave the clock to their alerts, and late events leave it where it is.
func TestClock(t *testing.T) {
	h := kit.New(t, nil)
	assert.Equal(t, kit.Time(0), h.Now())
	f := kit.Start(h, newGuesser)
	old := time.Date(2019, 5, 1, 8, 0, 0, 0, time.FixedZone("", 7200))
	at := func(e logon) time.Time { return e.Time }
	f.Feed(kit.Events(at, logon{Time: old, Address: "192.0.2.1"}))
	assert.Equal(t, old.UTC(), h.Now(), "the first event sets it, even back")
	f.Feed(kit.Events(at, logon{Time: old.Add(-time.Hour), Address: "192.0.2.1"}))
	assert.Equal(t, old.UTC(), h.Now(), "a late event")
	var fails []logon
	for n := range 5 {
		fails = append(
			fails,
			logon{Time: old.Add(time.Duration(n) * time.Second), Address: "192.0.2.1", Failed: true},
		)
	}
	f.Feed(kit.Events(nil, fails...))
	assert.Equal(t, old.UTC().Add(4*time.Second), h.Now(), "the alert of an event without a time")
	h.Ingest(kit.Alert("long", alert.Low, kit.Lasting(time.Hour), kit.At(time.Minute)))
	assert.Equal(t, kit.Time(61*time.Minute), h.Now(), "the last activity of an alert")
}

// What cannot be done ends the test, and says where.
func TestFatal(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		do   func(*kit.Harness)
		said string
	}{
		{"factory", func(h *kit.Harness) {
			kit.Run(h, func() (*guesser, error) { return nil, broken }, kit.Events[logon](nil))
		}, "make a detector: broken"},
		{"detector", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Events(nil, logon{Address: "192.0.2.1"}, logon{}))
		}, "event 2: the detector: a logon without an address"},
		{"alert", func(h *kit.Harness) {
			h.Ingest(kit.Alert("good", alert.Low), alert.Alert{Title: "x", Origin: alert.Origin{Source: "s"}})
		}, `alert 2 of 2, "x": ingest alert 0 (s:): alert s:: origin.id "": want a text that is not empty`},
		{"sequence", func(h *kit.Harness) {
			kit.Run(h, newGuesser, iter.Seq2[kit.Event[logon], error](func(yield func(kit.Event[logon], error) bool) {
				yield(kit.Event[logon]{}, broken)
			}))
		}, "read event 1: broken"},
		{"no JSON", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.JSONL[logon]("time", strings.NewReader("\n\n{")))
		},
			"read event 1: line 3: unexpected EOF"},
		{"no time", func(h *kit.Harness) { kit.Run(h, newGuesser, kit.JSONL[logon]("at", strings.NewReader("{}"))) },
			`read event 1: line 1: member "at" is missing, want a time such as "2026-03-02T09:00:00Z"`},
		{"wrong time", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.JSONL[logon]("time", strings.NewReader(`{"time":5}`)))
		},
			`read event 1: line 1: member "time" is 5, want a time such as "2026-03-02T09:00:00Z"`},
		{"relative", func(h *kit.Harness) { kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"90s"}`)) },
			`read event 1: line 1: member "time": "90s" is no relative time, want one such as "+90s" or "+10m, 5 times every 1s"`},
		{"relative repeat", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"+1s, 5 times every x"}`))
		},
			`read event 1: line 1: member "time": "+1s, 5 times every x" is no relative time, want one such as "+90s" or "+10m, 5 times every 1s"`},
		{"too many", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"+1s, 99999999999999999999 times every 1s"}`))
		}, `read event 1: line 1: member "time": "+1s, 99999999999999999999 times every 1s" has 99999999999999999999 events, want 1 to 1000000`},
		{"no times", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"+1s, 0 times every 1s"}`))
		},
			`read event 1: line 1: member "time": "+1s, 0 times every 1s" has 0 events, want 1 to 1000000`},
		{"ages", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"+0s, 1000000 times every 10000h"}`))
		}, `read event 1: line 1: member "time": "+0s, 1000000 times every 10000h" lasts for more than 200 years`},
		{"two signs", func(h *kit.Harness) { kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"++5s"}`)) },
			`read event 1: line 1: member "time": "++5s" is no relative time, want one such as "+90s" or "+10m, 5 times every 1s"`},
		{"broken reader", func(h *kit.Harness) {
			events := io.MultiReader(strings.NewReader(`{"host":`), iotest.ErrReader(broken))
			kit.Run(h, newGuesser, kit.JSONL[logon]("", events))
		}, "read event 1: line 1: broken"},
		{"too many ticks", func(h *kit.Harness) {
			kit.Start(h, func() (*counter, error) { return &counter{}, nil })
			h.Ingest(alert.Alert{Origin: alert.Origin{Source: "s", ID: "1"}, Title: "t",
				FirstActivity: time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)})
			h.Advance(3 * 365 * 24 * time.Hour)
		}, "the clock is to move from 1601-01-01 00:00:00 to 1604-01-01 00:00:00, which is more than 1000000 ticks of 1m0s"},
		{"relative missing", func(h *kit.Harness) { kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":7}`)) },
			`read event 1: line 1: member "time" is 7, want a text such as "+90s"`},
		{"wrong type", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", "\n"+`{"time":"+1s","host":5}`))
		},
			"read event 1: line 2: json: cannot unmarshal number into Go struct field logon.host of type string"},
		{"two on a line", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.JSONL[logon]("", strings.NewReader("{} {}")))
		},
			"read event 1: line 1: want one JSON object, and nothing behind it"},
		{"misspelled", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"+1s","hots":"a"}`))
		},
			`read event 1: line 1: json: unknown field "hots"`},
		{"line of a detector", func(h *kit.Harness) {
			kit.Run(h, newGuesser, kit.Relative[logon]("time", "\n"+`{"time":"+1s"}`))
		},
			"event 1 (line 2): the detector: a logon without an address"},
		{"no events", func(h *kit.Harness) { kit.Run(h, newGuesser, kit.JSONL[logon]("", strings.NewReader("\n"))) },
			"no event was fed"},
		{"clock of the machine", func(h *kit.Harness) {
			h.Ingest(kit.Alert("now", alert.Low))
			kit.Run(h, newGuesser, kit.Relative[logon]("time", `{"time":"+1s","address":"192.0.2.1"}`))
			f := kit.Start(h, func() (*counter, error) { return &counter{start: kit.Time(48 * time.Hour), n: 1}, nil })
			f.Flush()
			f.Flush()
		}, `flush, "1 logons": its activity is 47h59m59s after what the clock of the harness says; does the detector ` +
			`use time.Now? Give it Harness.Now`},
		{"tick", func(h *kit.Harness) {
			kit.Start(h, func() (failing, error) { return failing{}, nil })
			h.Ingest(kit.Alert("now", alert.Low))
			h.Advance(90 * time.Second)
		}, "tick at 2026-03-02 09:01:00: the detector: no more"},
		{"back", func(h *kit.Harness) { h.Advance(-time.Second) },
			"advance the clock by -1s: want a duration that is not negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.said, reported(t, func(t testing.TB) { c.do(kit.New(t, nil)) }))
		})
	}
}

// failing fails as time passes.
type failing struct{}

func (failing) Process(context.Context, logon) ([]alert.Alert, error) { return nil, nil }

func (failing) Tick(context.Context, time.Time) ([]alert.Alert, error) {
	return nil, errors.New("no more")
}

// Recorded events keep their order and their times, in the forms that logs have.
func TestJSONL(t *testing.T) {
	const recorded = "\ufeff" + `{"at":"2026-03-02T10:00:00+01:00","n":1}` + "\r\n\r\n" +
		`{"at":"2026-03-02 08:00:00.25","n":2}`
	type event struct{ N int }
	var all []kit.Event[event]
	for e, err := range kit.JSONL[event]("at", strings.NewReader(recorded)) {
		assert.NoError(t, err)
		e.At = e.At.UTC()
		all = append(all, e)
	}
	assert.Equal(t, []kit.Event[event]{
		{At: kit.Time(0), Line: 1, Data: event{1}},
		{At: kit.Time(-time.Hour + 250*time.Millisecond), Line: 3, Data: event{2}},
	}, all)
	long := `{"n":3,"text":"` + strings.Repeat("x", 1<<20) + `"}`
	for e, err := range kit.JSONL[event]("", strings.NewReader(long)) {
		assert.NoError(t, err)
		assert.Equal(t, kit.Event[event]{Line: 1, Data: event{3}}, e, "a long line, without a time")
	}
}

// Events of relative lines come in the order of their times, and one may stop reading them.
func TestRelative(t *testing.T) {
	var at []string
	const lines = `{"t":"+3s","n":"a"}` + "\n" + `{"t":"+1s, 3 times every 1s","n":"b"}`
	for e, err := range kit.Relative[map[string]any]("t", lines) {
		assert.NoError(t, err)
		assert.Equal(t, e.At.Format(time.RFC3339Nano), e.Data["t"])
		at = append(at, fmt.Sprint(e.At.Sub(kit.Time(0)), e.Data["n"]))
		if len(at) == 3 {
			break
		}
	}
	assert.Equal(t, []string{"1sb", "2sb", "3sa"}, at)
}

// All but the time of a relative event is as it was written.
func TestRelativeKeepsTheEvent(t *testing.T) {
	const line = `{"z":1e400, "t" : "+1s","a":"<9007199254740993>","t2":"+1s"}`
	for e, err := range kit.Relative[json.RawMessage]("t", line) {
		assert.NoError(t, err)
		assert.Equal(t, `{"z":1e400, "t" : "2026-03-02T09:00:01Z","a":"<9007199254740993>","t2":"+1s"}`, string(e.Data))
	}
}

func TestLookup(t *testing.T) {
	down := errors.New("down")
	l := kit.Lookup[string, int]{Values: map[string]int{"ws-17": 3}, Errors: map[string]error{"ws-18": down}}
	n, err := l.Find(t.Context(), "ws-17")
	assert.NoError(t, err)
	assert.Equal(t, 3, n)
	_, err = l.Find(t.Context(), "ws-18")
	assert.ErrorIs(t, err, down)
	_, err = l.Find(t.Context(), "ws-19")
	assert.EqualError(t, err, "incidenttest: the look-up has no value for ws-19")
	assert.Equal(t, []string{"ws-19"}, l.Missing())
	l.Default = func(string) (int, error) { return 7, nil }
	n, err = l.Find(t.Context(), "ws-19")
	assert.NoError(t, err)
	assert.Equal(t, 7, n)
	assert.Equal(t, []string{"ws-17", "ws-18", "ws-19", "ws-19"}, l.Asked())
	done, stop := context.WithCancel(t.Context())
	stop()
	_, err = l.Find(done, "ws-17")
	assert.ErrorIs(t, err, context.Canceled)
}
