package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

var (
	crashes = flag.Int("crashes", 100, "how often TestCrash kills the program that writes")
	seed    = flag.Uint64("seed", 0, "of TestCrash; 0 means another one at each run")
)

// childFile in the environment makes this program the one that writes to that file; childName tells its
// alerts from those of others, childAlerts is after how many each of its goroutines ends, and childAgain has the
// sequences of commands, one a line, that it gives again. With childPair it takes in one alert of each pair.
const (
	childFile   = "INCIDENTKIT_SQLITE_FILE"
	childName   = "INCIDENTKIT_SQLITE_NAME"
	childAlerts = "INCIDENTKIT_SQLITE_ALERTS"
	childAgain  = "INCIDENTKIT_SQLITE_AGAIN"
	childPair   = "INCIDENTKIT_SQLITE_PAIR"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := flag.Set("rapid.checks", "15"); err != nil { // a file each; unless it is set otherwise
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func child(path string) error {
	if name := os.Getenv(childPair); name != "" {
		s, err := sqlite.Open(context.Background(), path, nil)
		if err != nil {
			return err
		}
		return errors.Join(managers.ServePairs(context.Background(), s, name, os.Stdin, os.Stdout), s.Close())
	}
	var most int
	fmt.Sscan(os.Getenv(childAlerts), &most)
	return writeTo(path, os.Getenv(childName), strings.Fields(os.Getenv(childAgain)), most)
}

var siem = activity.Actor{Kind: activity.App, ID: "siem"}

// writers is how many goroutines write in one process.
const writers = 8

// writeTo takes alerts in, comments on their incidents and purges some of these, until it has most of the alerts from each
// goroutine, and says on the standard output what has been confirmed. Each goroutine begins with its share of again,
// and goes on with such a sequence after each alert.
func writeTo(path, name string, again []string, most int) error {
	s, err := sqlite.Open(context.Background(), path, nil)
	if err != nil {
		return err
	}
	m := manager.New(s, nil)
	say := func(line string) { fmt.Println(line) }
	errs := make([]error, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := w; n < len(again) && errs[w] == nil; n += writers {
				errs[w] = managers.Say(context.Background(), m, again[n], say)
			}
			for n := 0; n < most && errs[w] == nil; n++ {
				own := fmt.Sprintf("%s-%d-%d", name, w, n)
				purge := (n+w)%4 == 0 // some begin with it, as they are killed soon
				errs[w] = writeOne(m, own, fmt.Sprint("host-", w%3, "-", n/10), purge, say)
				if errs[w] == nil {
					errs[w] = managers.Say(context.Background(), m, own, say)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errors.Join(errs...), s.Close())
}

// writeOne tells say what has been confirmed. Others may have purged the incident in between.
func writeOne(m *manager.Manager, name, host string, purge bool, say func(string)) error {
	ctx := context.Background()
	a := alert.Alert{Origin: alert.Origin{Source: "edr", ID: name}, Title: "Malware", Severity: alert.High, FirstActivity: time.Now().UTC().Truncate(time.Microsecond),
		Evidence: []alert.Evidence{{Entity: alert.Device{HostName: host}}, {Entity: alert.User{UPN: host + "@contoso.com"}}}}
	results, err := m.Ingest(ctx, siem, []alert.Alert{a})
	if err != nil {
		return err
	}
	say(fmt.Sprint("alert ", a.Origin.AlertID()))
	id := results[0].Incident
	switch _, err := m.Comment(ctx, siem, id, incident.CommentDraft{Text: "seen " + name}, manager.CommandID(name)); {
	case errors.Is(err, incident.ErrPurged):
		return nil
	case err != nil:
		return err
	}
	for e, err := range m.Activity(ctx, siem, activity.Query{
		Incidents: []incident.ID{id},
		Types:     []activity.Type{activity.Commented},
	}) {
		if err != nil {
			return err
		}
		if e.Text == "seen "+name { // else it was purged, or merged away, in between
			say(fmt.Sprint("entry ", e.ID))
		}
	}
	if !purge {
		return nil
	}
	if _, err := m.Edit(ctx, siem, id, incident.Edit{Status: new(incident.Resolved)}); errors.Is(err, incident.ErrPurged) {
		return nil
	} else if err != nil {
		return err
	}
	purged, err := m.Purge(ctx, siem, incident.Query{IDs: []incident.ID{id}}, time.Now().Add(time.Hour), "")
	for _, p := range purged {
		if p.Err == nil {
			say(fmt.Sprint("purge ", p.ID))
		}
	}
	return err
}

// startChild starts another process that writes, and returns what it says line by line.
func startChild(t *testing.T, path, name string, again []string, alerts int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childFile+"="+path, childName+"="+name, fmt.Sprint(childAlerts, "=", alerts),
		childAgain+"="+strings.Join(again, "\n"))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// requireConfirmed sees that all that was confirmed is there, or was purged, and that nothing is there by halves.
func requireConfirmed(t *testing.T, s *sqlite.Store, confirmed []string) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		entries := make(map[activity.ID]bool)
		tombstones := make(map[incident.ID]bool)
		for i, err := range r.Incidents(t.Context(), incident.Query{Statuses: []incident.Status{incident.Purged}}) {
			require.NoError(t, err)
			tombstones[i.ID] = true
		}
		gone := make(map[alert.ID]bool) // may be, with an incident that it was in
		seq := int64(0)
		for e, err := range r.Activity(t.Context(), activity.Query{}) {
			require.NoError(t, err)
			seq++
			require.Equal(t, seq, e.Seq)
			entries[e.ID] = true
			if tombstones[e.Incident] {
				gone[e.Alert] = true
			}
		}
		for _, line := range confirmed {
			kind, id, _ := strings.Cut(line, " ")
			switch kind {
			case "entry":
				require.True(t, entries[activity.ID(id)], "lost: %s", line)
			case "purge":
				require.True(t, tombstones[incident.ID(id)], "not purged: %s", line)
			case "alert":
				if _, err := r.Alert(t.Context(), alert.ID(id)); !gone[alert.ID(id)] {
					require.NoError(t, err, "lost: %s", line)
				}
			}
		}
		return nil
	}))
	requireWhole(t, s)
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		require.Fail(t, v.String())
	}
}

// crashesOfAFile is how often one file lives through it: each time all of it is looked at, which takes the longer the
// more is in it.
const crashesOfAFile = 10

// A1: a program that is killed at any moment, those of opening a new file and one that another left included, has lost
// nothing that was confirmed and left nothing by halves. What was confirmed but not read from the pipe any more may
// be there too. A command that was not confirmed is given again by the program that follows, and has its effect once.
func TestCrash(t *testing.T) {
	chosen := *seed
	if chosen == 0 {
		chosen = rand.Uint64()
	}
	t.Logf("-seed=%d", chosen)
	kills := *crashes
	if testing.Short() {
		kills = min(kills, crashesOfAFile)
	}
	for from := 0; from < kills; from += crashesOfAFile {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			t.Parallel()
			lots := rand.New(rand.NewPCG(chosen, uint64(from)))
			path := filepath.Join(t.TempDir(), "x.db")
			var confirmed, again []string
			given := 0
			for n := range min(crashesOfAFile, kills-from) {
				confirmed = append(confirmed, crash(t, lots, path, fmt.Sprint("run", n), again, n%8 == 0)...)
				s := open(t, path, nil)
				requireConfirmed(t, s, confirmed)
				require.NoError(t, s.Close())
				again = managers.Unconfirmed(confirmed)
				given += len(again)
			}
			var names []string
			for _, line := range confirmed {
				if name, ok := strings.CutPrefix(line, "ended "); ok && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			s := open(t, path, nil)
			m := manager.New(s, nil)
			for _, name := range again {
				require.NoError(t, managers.Steps(t.Context(), m, name))
			}
			managers.RequireOnce(t, s, append(names, again...))
			t.Logf("%d sequences of commands, %d given again", len(names)+len(again), given)
		})
	}
}

// crash lets another process write, kills it some time after its first confirmation, or after its start where it is
// to happen early, and returns what it had confirmed.
func crash(t *testing.T, lots *rand.Rand, path, name string, again []string, early bool) (confirmed []string) {
	t.Helper()
	cmd, lines := startChild(t, path, name, again, 1_000_000)
	left := time.Duration(lots.Int64N(int64(50 * time.Millisecond)))
	for begun := !early; begun; begun = strings.HasPrefix(lines.Text(), "began ") {
		require.True(t, lines.Scan(), "it has confirmed nothing")
		confirmed = append(confirmed, lines.Text())
	}
	killer := time.AfterFunc(left, func() { assert.NoError(t, cmd.Process.Kill()) })
	defer killer.Stop()
	for lines.Scan() { // until it is dead
		confirmed = append(confirmed, lines.Text())
	}
	require.Error(t, cmd.Wait(), "it was killed")
	return confirmed
}

// Two processes that write to one file do not get in each other's way.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	cmd, lines := startChild(t, path, "theirs", nil, 10)
	var confirmed []string
	m := manager.New(s, nil)
	for n := range 40 {
		require.NoError(t, writeOne(m, fmt.Sprint("ours-", n), "host-0-0", n%10 == 9, func(line string) { confirmed = append(confirmed, line) }))
	}
	for lines.Scan() {
		confirmed = append(confirmed, lines.Text())
	}
	require.NoError(t, cmd.Wait())
	counts := make(map[string]int)
	for _, line := range confirmed {
		kind, _, _ := strings.Cut(line, " ")
		counts[kind]++
	}
	assert.Equal(t, 40+10*writers, counts["alert"])
	assert.Positive(t, counts["purge"])
	requireConfirmed(t, s, confirmed)
}
