package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/storage"
)

var (
	terminations = flag.Int("terminations", 75, "how many connections TestTerminatedManagers ends")
	seed         = flag.Uint64("seed", 0, "of the moments at which something is ended; 0 means others at each run")
)

// moments returns what draws them, and logs how to draw them again.
func moments(t *testing.T) *rand.Rand {
	t.Helper()
	chosen := *seed
	if chosen == 0 {
		chosen = rand.Uint64()
	}
	t.Logf("-seed=%d", chosen)
	return rand.New(rand.NewPCG(chosen, chosen))
}

// A load is what some do on a storage that may fail, each with a Manager as in a process of its own: take in alerts, some of
// which share incidents, comment on them, and give a sequence of commands on an incident of its own. What fails is
// given again under the same command until it is acknowledged, through another Manager, as a process that is started
// anew would, except for a comment that failed to those with odd numbers, which they give up.
type load struct {
	storage  storage.Storage
	over     context.Context  // when they stop
	done     chan struct{}    // receives once for each that is acknowledged while await runs
	tried    map[alert.ID]int // alerts that were acknowledged: how often they were given
	comments map[string]bool  // by their texts, and whether they were acknowledged
	steps    map[string]int   // sequences that were acknowledged: how often they were given

	mu sync.Mutex // guards the maps
}

var siem = activity.Actor{Kind: activity.App, ID: "siem"}

// run works until the load is over, and returns an error that is none of the connection's.
func (l *load) run(n int) error {
	for k := 0; ; k++ {
		name, host := fmt.Sprint(n, "-", k), fmt.Sprint("host-", n%3, "-", k/10)
		a := alert.Alert{Origin: alert.Origin{Source: "edr", ID: name}, Title: "Malware", Severity: alert.High, FirstActivity: origin,
			Evidence: []alert.Evidence{{Entity: alert.Device{HostName: host}}, {Entity: alert.User{UPN: host + "@contoso.com"}}}}
		var in incident.ID
		tries, err := l.do(false, func(m *manager.Manager) error {
			results, err := m.Ingest(context.Background(), siem, []alert.Alert{a}, manager.CommandID("ingest "+name))
			in = results[0].Incident
			return err
		})
		if err != nil || tries == 0 {
			return err
		}
		l.mu.Lock()
		l.tried[a.Origin.AlertID()] = tries
		l.mu.Unlock()
		tries, err = l.do(n%2 == 1, func(m *manager.Manager) error {
			_, err := m.Comment(context.Background(), siem, in, incident.CommentDraft{Text: "seen " + name}, manager.CommandID(name))
			return err
		})
		l.mu.Lock()
		l.comments["seen "+name] = tries > 0
		l.mu.Unlock()
		if err != nil || l.over.Err() != nil {
			return err
		}
		tries, err = l.do(false, func(m *manager.Manager) error {
			return managers.Steps(context.Background(), m, name)
		})
		if err != nil || tries == 0 {
			return err
		}
		l.mu.Lock()
		l.steps[name] = tries
		l.mu.Unlock()
	}
}

// do tries until something is acknowledged, each time with a new Manager, and returns how often that took. It is 0 when
// it was given up.
func (l *load) do(once bool, something func(*manager.Manager) error) (tries int, err error) {
	for tries = 1; ; tries++ {
		err := something(manager.New(l.storage, nil))
		switch {
		case err == nil:
			select {
			case l.done <- struct{}{}:
			default: // nobody awaits it
			}
			return tries, nil
		// An error of another class is none that may be tried again.
		case errors.Is(err, storage.ErrUnavailable) == errors.Is(err, storage.ErrUnknownOutcome):
			return 0, err
		case once || l.over.Err() != nil:
			return 0, nil
		}
	}
}

// await returns when n more are acknowledged from now on, or the load is over.
func (l *load) await(n int) {
	for range n {
		select {
		case <-l.done:
		case <-l.over.Done():
		}
	}
}

// under has that many work on s until meanwhile returns, and sees that s has just what it should.
func under(t *testing.T, s storage.Storage, workers int, meanwhile func(l *load) error) {
	t.Helper()
	over, stop := context.WithCancel(t.Context())
	l := &load{
		storage: s, over: over, done: make(chan struct{}),
		tried: make(map[alert.ID]int), comments: make(map[string]bool), steps: make(map[string]int),
	}
	require.NoError(t, concurrently(workers+1, func(n int) error {
		defer stop() // all of them when one fails
		if n == workers {
			return meanwhile(l)
		}
		return l.run(n)
	}))
	l.check(t, s)
}

// check sees that whatever was acknowledged is there, that nothing is there twice or by halves, and that the log is dense.
func (l *load) check(t *testing.T, s storage.Storage) {
	t.Helper()
	given, unsure := 0, 0
	view(t, s, func(r storage.Reader) {
		there, comments := make(map[activity.ID]bool), make(map[string]int)
		for n, e := range collect(t, r.Activity(t.Context(), activity.Query{})) {
			assert.EqualValues(t, n+1, e.Seq, "the log is dense")
			assert.NotContains(t, there, e.ID, "no entry is there twice")
			there[e.ID] = true
			comments[e.Text]++
		}
		for text, acknowledged := range l.comments {
			assert.LessOrEqual(t, comments[text], 1, "the comment %q has one effect, however often it was given", text)
			if acknowledged {
				assert.Equal(t, 1, comments[text], "the comment %q was acknowledged", text)
			} else if unsure++; comments[text] > 0 {
				given++
			}
		}
		for id := range l.tried {
			a, err := r.Alert(t.Context(), id)
			if assert.NoError(t, err, "alert %s was acknowledged", id) {
				assert.Zero(t, a.Repeats, "alert %s came in once, however often it was given", id)
			}
		}
	})
	managers.RequireOnce(t, s, slices.Collect(maps.Keys(l.steps)))
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		assert.Fail(t, v.String())
	}
	again := 0
	for _, tries := range l.tried {
		again += tries - 1
	}
	stepsAgain := 0
	for _, tries := range l.steps {
		stepsAgain += tries - 1
	}
	t.Logf("%d sequences of commands, %d given again", len(l.steps), stepsAgain)
	t.Logf("%d alerts and %d comments; %d given again, %d of %d given up are there",
		len(l.tried), len(l.comments)-unsure, again, given, unsure)
}

// TestTerminatedManagers: connections are ended at random moments under eight who work through a Manager. Every
// acknowledged command is there, none in part, and what is given again is there once.
func TestTerminatedManagers(t *testing.T) {
	t.Parallel()
	at, draw := database(t), moments(t)
	s, admin := open(t, at+" pool_max_conns=9", ""), connect(t, at+" application_name=admin")
	under(t, s, 8, func(l *load) error {
		for range shorter(*terminations) {
			l.await(draw.IntN(10))
			if err := terminateOne(l.over, admin, draw); err != nil {
				return err
			}
		}
		return nil
	})
}

// terminateOne ends one of the connections that are at work, when there is one.
func terminateOne(ctx context.Context, admin *pgxpool.Pool, draw *rand.Rand) error {
	const busy = "select pid from pg_stat_activity where datname = current_database() and application_name <> 'admin' and state <> 'idle' order by pid"
	for {
		rows, err := admin.Query(ctx, busy)
		if err != nil {
			return err
		}
		pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
		if err != nil {
			return err
		}
		if len(pids) > 0 {
			_, err = admin.Exec(ctx, "select pg_terminate_backend($1)", pids[draw.IntN(len(pids))])
			return err
		}
	}
}
