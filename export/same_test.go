package export

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sums returns a line for every document of some reports: its hash. Each report is collected from records in another order.
func sums(t testing.TB) string {
	var lines []string
	add := func(name string, r Report) {
		for _, f := range documents {
			lines = append(lines, fmt.Sprintf("%s.%s %x", name, f.name, sha256.Sum256([]byte(drawnBy(t, f, r, 1<<20)))))
		}
	}
	for _, at := range []*time.Location{nil, time.FixedZone("Elsewhere", 5*3600+1800)} {
		c, entries := sample(t, 12)
		slices.Reverse(c.Alerts)
		slices.Reverse(entries)
		opts, err := (&Options{Location: at}).withDefaults()
		require.NoError(t, err)
		add("sample at "+opts.Location.String(), collect(c, entries, opts))
	}
	add("rich", rich(t))
	for seed := range uint64(4) {
		add(fmt.Sprint("seed ", seed), seeded(seed).report())
	}
	return strings.Join(lines, "\n")
}

// Neither the machine, nor who else is drawing, nor a detour through JSON changes a byte of any document. Other machines are processes of
// their own; each has another order of maps.
func TestDocumentsAreTheSameEverywhere(t *testing.T) {
	const child = "INCIDENTKIT_TEST_SUMS"
	if file := os.Getenv(child); file != "" {
		require.NoError(t, os.WriteFile(file, []byte(sums(t)), 0o600))
		return
	}
	want := sums(t)
	require.Equal(t, 7*len(documents), strings.Count(want, "\n")+1)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { assert.Equal(t, want, sums(t), "beside others") })
	}
	all.Wait()
	environments := [][]string{
		{"TZ=Asia/Kolkata", "GOMAXPROCS=1", "LC_ALL=C"}, {"TZ=America/St_Johns", "GOMAXPROCS=2", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8"},
		{"TZ=Pacific/Apia", "GOMAXPROCS=8", "LC_ALL=ar_EG.UTF-8", "LANGUAGE=ar", "GOGC=1", "HOME=/"},
	}
	if testing.Short() {
		environments = environments[:1]
	}
	for n, env := range environments {
		file := fmt.Sprintf("%s/sums%d", t.TempDir(), n)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDocumentsAreTheSameEverywhere$")
		cmd.Env = append(os.Environ(), append(env, child+"="+file)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, want, string(got), env)
	}
	for seed := range uint64(3) {
		r := throughJSON(t, seeded(seed).report())
		for _, f := range documents {
			requireSame(t, drawnBy(t, f, r, 1<<20), drawnBy(t, f, throughJSON(t, r), 1<<20), f.name+" through JSON")
		}
	}
}
