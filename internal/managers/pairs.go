package managers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

// ServePairs takes in one alert of each pair, when in says that it is time, and says on out in which incident it is and
// how often that was tried again. name tells its alerts from those of the other process.
func ServePairs(ctx context.Context, s storage.Storage, name string, in io.Reader, out io.Writer) error {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m := manager.New(s, &manager.Options{Logger: logger})
	fmt.Fprintln(out, "ready")
	for lines := bufio.NewScanner(in); lines.Scan(); {
		log.Reset()
		results, err := m.Ingest(ctx, siem, []alert.Alert{raise(lines.Text()+name, "of pair "+lines.Text())})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, results[0].Incident, bytes.Count(log.Bytes(), []byte("trying again")))
	}
	return nil
}

// TestPairs starts two processes of this program, in which environment leads to ServePairs on s with the name that is
// added to it, and lets both take in related alerts at the same moment, pair by pair: no pair is split into two
// incidents, and one retry is enough for each.
func TestPairs(t *testing.T, s storage.Storage, environment ...string) {
	t.Helper()
	pairs := 200
	if testing.Short() {
		pairs = 20
	}
	program, err := os.Executable()
	require.NoError(t, err)
	type process struct {
		cmd *exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	all := make([]process, 2)
	for n := range all {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(os.Environ(), environment...)
		cmd.Env[len(cmd.Env)-1] += fmt.Sprint(n)
		cmd.Stderr = t.Output()
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		all[n] = process{cmd, in, bufio.NewReader(out)}
	}
	for _, p := range all {
		_, err := p.out.ReadString('\n')
		require.NoError(t, err, "it is ready")
	}
	split, retries := 0, 0
	var slowest time.Duration
	for pair := range pairs {
		begun := time.Now()
		for n := range all { // the first is not always the same
			_, err := fmt.Fprintln(all[(n+pair)%2].in, pair)
			require.NoError(t, err)
		}
		said := make([]struct {
			in      incident.ID
			retries int
		}, 2)
		for n, p := range all {
			line, err := p.out.ReadString('\n')
			require.NoError(t, err)
			_, err = fmt.Sscan(line, &said[n].in, &said[n].retries)
			require.NoError(t, err, line)
		}
		slowest = max(slowest, time.Since(begun))
		if said[0].in != said[1].in {
			split++
		}
		both := said[0].retries + said[1].retries
		require.LessOrEqual(t, both, 1, "pair %d: who is too late tries again, and is not too late then", pair)
		retries += both
	}
	for _, p := range all {
		require.NoError(t, p.in.Close())
		require.NoError(t, p.cmd.Wait())
	}
	t.Logf("%d pairs, %d split, %d retries, the slowest pair took %s", pairs, split, retries, slowest)
	require.Zero(t, split, "pairs in two incidents")
	if !testing.Short() {
		require.Positive(t, retries, "no two alerts met")
	}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		incidents := 0
		for i, err := range r.Incidents(t.Context(), incident.Query{}) {
			require.NoError(t, err)
			require.Equal(t, 2, i.Alerts.Count, "alerts of %s", i.Name)
			incidents++
		}
		require.Equal(t, pairs, incidents)
		return nil
	}))
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		require.Fail(t, v.String())
	}
}
