package incidenttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/internal/jsonl"
)

// An Event is a raw event and its time, to which the clock moves before the event is processed. The zero time
// leaves the clock alone until an alert is raised, which moves it to the alert's last activity.
type Event[E any] struct {
	At   time.Time
	Line int // where it was read, from 1; 0 for an event that is of no text
	Data E
}

// Events returns events in their order, for those that a program reads itself. Without at, they have no time.
func Events[E any](at func(E) time.Time, events ...E) iter.Seq2[Event[E], error] {
	return func(yield func(Event[E], error) bool) {
		for _, e := range events {
			event := Event[E]{Data: e}
			if at != nil {
				event.At = at(e)
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// JSONL reads recorded events from r, one JSON object a line, in the order of the lines. The member called
// field has an event's time, as RFC 3339 or as "2006-01-02 15:04:05.999", which is UTC; with "" the events
// have no time. For times of other forms read the events yourself, see [Events]. The member stays in the
// event as it is, so that an E with a time.Time needs RFC 3339. Members that E does not have are ignored,
// blank lines are skipped. An error names the line, and ends the events.
func JSONL[E any](field string, r io.Reader) iter.Seq2[Event[E], error] {
	return func(yield func(Event[E], error) bool) {
		for read, err := range jsonl.Lines(r) {
			l := line(read)
			e := Event[E]{Line: l.Number}
			if err != nil {
				err = l.fail("%w", err)
			}
			if err == nil && field != "" {
				e.At, err = l.time(field)
			}
			if err == nil {
				e.Data, err = decode[E](l, false)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Relative reads events from text as [JSONL] does, but their times are relative: "+90s" stands for the moment
// [Time](90*time.Second), and "+10m, 5 times every 1s" for five events, at 10m, 10m1s and so on. The event gets
// its time as RFC 3339. Events come in the order of their times; those of one moment in the order of the lines.
// For an event that comes late use another call of [Feed.Feed]. A member that E does not have is an error, since such
// events are written by hand.
func Relative[E any](field, text string) iter.Seq2[Event[E], error] {
	return func(yield func(Event[E], error) bool) {
		var all []Event[E]
		for l := range jsonl.Lines(strings.NewReader(text)) { // a text is read without errors
			events, err := repeated[E](line(l), field)
			if err != nil {
				yield(Event[E]{}, err)
				return
			}
			all = append(all, events...)
		}
		slices.SortStableFunc(all, func(a, b Event[E]) int { return a.At.Compare(b.At) })
		each(all)(yield)
	}
}

// repeated returns the events that a line with a relative time stands for.
func repeated[E any](l line, field string) ([]Event[E], error) {
	from, to, err := l.member(field)
	if err != nil {
		return nil, err
	}
	var given string
	if err := json.Unmarshal(l.Text[from:to], &given); err != nil {
		return nil, l.fail("member %q is %s, want a text such as \"+90s\"", field, orNothing(l.Text[from:to]))
	}
	first, times, step, err := parseRelative(given)
	if err != nil {
		return nil, l.fail("member %q: %w", field, err)
	}
	events := make([]Event[E], times)
	for n := range events {
		e := &events[n]
		e.Line = l.Number
		e.At = Time(first + time.Duration(n)*step)
		at := strconv.Quote(e.At.Format(time.RFC3339Nano))
		text := slices.Concat(l.Text[:from], []byte(at), l.Text[to:]) // all else stays byte by byte
		if e.Data, err = decode[E](line{l.Number, text}, true); err != nil {
			return nil, err
		}
	}
	return events, nil
}

var relative = regexp.MustCompile(`^\+([0-9.]\S*?)(?:, ([0-9]+) times every ([0-9.]\S*))?$`)

const (
	maxTimes    = 1_000_000
	maxRelative = 200 * 365 * 24 * time.Hour
)

// parseRelative reads a relative time: that of the first event, how many there are, and how far apart.
func parseRelative(text string) (first time.Duration, times int, step time.Duration, err error) {
	parts := relative.FindStringSubmatch(text)
	if parts != nil {
		first, err = time.ParseDuration(parts[1])
	}
	if times = 1; err == nil && parts != nil && parts[2] != "" {
		step, err = time.ParseDuration(parts[3])
		if n, tooMany := strconv.Atoi(parts[2]); tooMany != nil || n < 1 || n > maxTimes {
			return 0, 0, 0, fmt.Errorf("%q has %s events, want 1 to %d", text, parts[2], maxTimes)
		} else {
			times = n
		}
	}
	switch {
	case parts == nil || err != nil:
		return 0, 0, 0, fmt.Errorf(`%q is no relative time, want one such as "+90s" or "+10m, 5 times every 1s"`, text)
	case first > maxRelative || step > (maxRelative-first)/time.Duration(times):
		return 0, 0, 0, fmt.Errorf("%q lasts for more than 200 years", text)
	}
	return first, times, step, nil
}

// A line is one of those that have an event each.
type line jsonl.Line

// fail returns an error that names the line.
func (l line) fail(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", l.Number, fmt.Errorf(format, args...))
}

// decode reads the event of a line. With strict, a member that E does not have is an error.
func decode[E any](l line, strict bool) (e E, err error) {
	d := json.NewDecoder(bytes.NewReader(l.Text))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(&e); err != nil {
		return e, l.fail("%w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return e, l.fail("want one JSON object, and nothing behind it")
	}
	return e, nil
}

// member returns where in the line the value of the last member called field is; 0, 0 when there is none.
func (l line) member(field string) (from, to int, err error) {
	d := json.NewDecoder(bytes.NewReader(l.Text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0, 0, l.fail("want a JSON object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0, 0, l.fail("%w", cutShort(err))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, 0, l.fail("%w", cutShort(err))
		}
		if end := int(d.InputOffset()); name == field {
			from, to = end-len(value), end
		}
	}
	if _, err := d.Token(); err != nil {
		return 0, 0, l.fail("%w", cutShort(err))
	}
	return from, to, nil
}

// cutShort returns err, where the end of a line is not what was expected.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// time returns the time that the member called field says.
func (l line) time(field string) (time.Time, error) {
	from, to, err := l.member(field)
	if err != nil {
		return time.Time{}, err
	}
	var given string
	if err := json.Unmarshal(l.Text[from:to], &given); err == nil {
		for _, layout := range []string{time.RFC3339, time.DateTime} {
			if at, err := time.Parse(layout, given); err == nil {
				return at, nil
			}
		}
	}
	return time.Time{}, l.fail("member %q is %s, want a time such as \"2026-03-02T09:00:00Z\"",
		field, orNothing(l.Text[from:to]))
}

func orNothing(text json.RawMessage) string {
	if len(text) == 0 {
		return "missing"
	}
	return string(text)
}
