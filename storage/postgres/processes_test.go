package postgres_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

var (
	processes = flag.Int("processes", 8, "how many processes write in TestProcesses")
	rounds    = flag.Int("rounds", 8, "how often each of their writers comments, and opens an incident")
)

// childRole in the environment makes this program one that writes for a tenant, follows its log, or takes in one alert
// of each pair, and says on the standard output what came of it. childName tells it from others, and childCount is how
// much it does.
const (
	childRole   = "INCIDENTKIT_POSTGRES_ROLE"
	childDSN    = "INCIDENTKIT_POSTGRES_DSN"
	childTenant = "INCIDENTKIT_POSTGRES_TENANT"
	childName   = "INCIDENTKIT_POSTGRES_NAME"
	childCount  = "INCIDENTKIT_POSTGRES_COUNT"
)

const (
	writersEach = 4 // in a process
	contended   = 3 // incidents on which all comment
)

func child(role string) error {
	ctx := context.Background()
	s, err := postgres.Open(ctx, os.Getenv(childDSN), &postgres.Options{Tenant: os.Getenv(childTenant)})
	if err != nil {
		return err
	}
	defer s.Close()
	if role == "pair" {
		return managers.ServePairs(ctx, s, os.Getenv(childName), os.Stdin, os.Stdout)
	}
	var count int
	if _, err := fmt.Sscan(os.Getenv(childCount), &count); err != nil {
		return err
	}
	if role == "follower" {
		for e, err := range storage.Follow(ctx, s, activity.Query{Limit: count}) {
			if err != nil {
				return err
			}
			fmt.Println(e.Seq, e.ID)
		}
		return nil
	}
	return concurrently(writersEach, func(n int) error {
		for k := range count {
			id := fmt.Sprint(os.Getenv(childName), "/", n, "/", k)
			receipt, err := comment(ctx, s, incident.ID(fmt.Sprint("shared", (n+k)%contended)), activity.ID("comment/"+id))
			if err != nil {
				return err
			}
			fmt.Println(receipt.Seq, "comment/"+id)
			receipt, err = s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(id), Created: origin, Updated: origin}},
				Activity: []activity.Entry{{ID: activity.ID(id), Time: origin, Incident: incident.ID(id)}}})
			if err != nil {
				return err
			}
			fmt.Println(receipt.Seq, id, receipt.Numbers[0])
		}
		return nil
	})
}

// startChild makes this program a child, which ends with the test, and returns what it says line by line.
func startChild(t *testing.T, environment ...string) func() ([]string, error) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env, cmd.Stderr = append(os.Environ(), environment...), t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return func() (said []string, err error) {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said = append(said, lines.Text())
		}
		return said, cmd.Wait()
	}
}

// TestProcesses: processes of four writers each work for one tenant, all on the same few incidents and each on new ones,
// while another process follows the log. No update is lost, no number is given twice, and the follower has every
// entry once, in the order of the log.
func TestProcesses(t *testing.T) {
	t.Parallel()
	at, name := dsn(t)+" pool_max_conns=5", tenant(t)
	processes, rounds := max(shorter(*processes), 2), max(shorter(*rounds), 2)
	s := open(t, at, name)
	var cs storage.Changeset
	for n := range contended {
		cs.Incidents = append(cs.Incidents, incident.Incident{ID: incident.ID(fmt.Sprint("shared", n)), Created: origin, Updated: origin})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)

	commands := processes * writersEach * rounds // of each kind
	environment := []string{childDSN + "=" + at, childTenant + "=" + name}
	follower := startChild(t, append(environment, childRole+"=follower", fmt.Sprint(childCount, "=", 2*commands))...)
	writing := make([]func() ([]string, error), processes)
	for n := range writing {
		writing[n] = startChild(
			t,
			append(
				environment,
				childRole+"=writer",
				fmt.Sprint(childName, "=", n),
				fmt.Sprint(childCount, "=", rounds),
			)...,
		)
	}
	said := make([][]string, processes+1)
	require.NoError(t, concurrently(len(said), func(n int) (err error) {
		if n == processes {
			said[n], err = follower()
		} else {
			said[n], err = writing[n]()
		}
		return err
	}))

	acknowledged := make(map[activity.ID]int64) // the Seq of each entry
	numbers := make(map[int64]incident.ID)
	for _, lines := range said[:processes] {
		for _, line := range lines {
			var seq, number int64
			var id string
			if words, _ := fmt.Sscan(line, &seq, &id, &number); words == 3 {
				assert.NotContains(t, numbers, number, "no number is given twice")
				numbers[number] = incident.ID(id)
			}
			assert.NotContains(t, acknowledged, activity.ID(id))
			acknowledged[activity.ID(id)] = seq
		}
	}
	assert.Len(t, acknowledged, 2*commands)
	assert.Len(t, numbers, commands)
	view(t, s, func(r storage.Reader) {
		var log []string
		for n, e := range collect(t, r.Activity(t.Context(), activity.Query{})) {
			assert.EqualValues(t, n+1, e.Seq, "the log is dense")
			assert.Equal(t, acknowledged[e.ID], e.Seq, "entry %s", e.ID)
			log = append(log, fmt.Sprint(e.Seq, " ", e.ID))
		}
		assert.Len(t, log, 2*commands)
		assert.Equal(t, log, said[processes], "the follower has seen the log")
		comments := 0
		for _, i := range collect(t, r.Incidents(t.Context(), incident.Query{})) {
			if comments += i.Comments; i.Comments == 0 {
				assert.Equal(t, numbers[i.Number], i.ID, "number %d", i.Number)
				continue
			}
			logged := collect(t, r.Activity(t.Context(), activity.Query{Incidents: []incident.ID{i.ID}}))
			assert.Len(t, logged, i.Comments, "no update of %s was lost", i.ID)
			assert.Equal(t, int64(i.Comments)+1, i.Version)
		}
		assert.Equal(t, commands, comments)
	})
}
