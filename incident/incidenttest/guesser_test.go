package incidenttest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A witness is a testing.TB that keeps what was reported instead of failing.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Helper() {}

func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	runtime.Goexit()
}

// reported returns what fn reports, one report a paragraph.
func reported(t *testing.T, fn func(t testing.TB)) string {
	w := &witness{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(w)
	}()
	<-done
	return strings.Join(w.said, "\n\n")
}

// A logon is an event.
type logon struct {
	Time    time.Time `json:"time"`
	Host    string    `json:"host"`
	Address string    `json:"address"`
	Account string    `json:"account"`
	Failed  bool      `json:"failed"`
}

// A guesser raises an alert when an address fails five times within a minute, by its own clock, and one when it then
// gets in. It gives its alerts random IDs.
type guesser struct {
	failures map[string][]time.Time
	ids      func() string
}

func newGuesser() (*guesser, error) { return &guesser{map[string][]time.Time{}, nil}, nil }

func (g *guesser) Process(_ context.Context, e logon) ([]alert.Alert, error) {
	if e.Address == "" {
		return nil, fmt.Errorf("a logon without an address")
	}
	raise := func(title string, severity alert.Severity) []alert.Alert {
		id := fmt.Sprint(e.Host, " ", title, " ", e.Time.Format(time.TimeOnly))
		if g.ids != nil {
			id = g.ids()
		}
		return []alert.Alert{{
			Origin: alert.Origin{
				Source: "logons",
				ID:     id,
			}, Title: title, Severity: severity, FirstActivity: e.Time,
			Category: "CredentialAccess", Techniques: []string{"T1110"},
			Evidence: []alert.Evidence{
				{Entity: alert.Device{HostName: e.Host}},
				{Entity: alert.IP{Address: e.Address}},
			},
		}}
	}
	recent := g.failures[e.Address]
	for len(recent) > 0 && e.Time.Sub(recent[0]) > time.Minute {
		recent = recent[1:]
	}
	if e.Failed {
		recent = append(recent, e.Time)
	}
	g.failures[e.Address] = recent
	switch {
	case e.Failed && len(recent) == 5:
		return raise("Password guessing", alert.Medium), nil
	case !e.Failed && len(recent) >= 5:
		return raise("Logon after password guessing", alert.High), nil
	}
	return nil, nil
}
