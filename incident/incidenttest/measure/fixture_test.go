package measure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The figures of correlation.Default on recorded attacks: pairs to three decimals, and attacks found exactly. The last
// two are those of the correlator that linked alerts by any shared key within 24 hours, up to 100 alerts a key; another
// program found them when the files were made.
func TestDefaultCorrelatorFixture(t *testing.T) {
	dir := os.Getenv("INCIDENTKIT_DATA")
	if dir == "" {
		t.Skip("INCIDENTKIT_DATA is not set")
	}
	for _, c := range []struct {
		file                   string
		attacks, alerts, noise int
		precision, recall, f1  float64
		exact                  int
		f1Before               float64
		exactBefore            int
	}{
		{"windows-techniques.jsonl", 165, 1782, 0, 1.000, 1.000, 1.000, 162, 0.225, 104},
		{"windows-techniques-noise.jsonl", 165, 2082, 300, 0.935, 1.000, 0.967, 66, 0.067, 46},
		{"windows-multihost.jsonl", 105, 685, 0, 1.000, 0.938, 0.968, 92, 0.071, 31},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(filepath.Join(filepath.Clean(dir), "correlation", c.file))
			require.NoError(t, err)
			defer f.Close()
			var set []Labelled
			for l, err := range Read(f) {
				require.NoError(t, err)
				set = append(set, l)
			}
			measured := func() Scores {
				placed, err := Correlate(t.Context(), set, nil)
				require.NoError(t, err)
				return Compute(placed, nil)
			}
			s := measured()
			assert.Equal(t, []int{c.attacks, c.alerts, c.noise}, []int{s.Attacks, s.Alerts, s.Noise})
			assert.Equal(t, c.exact, s.Exact)
			want := []float64{c.precision, c.recall, c.f1}
			assert.InDeltaSlice(t, want, []float64{s.Precision, s.Recall, s.F1}, 0.0005)
			assert.Greater(t, s.F1, c.f1Before)
			assert.Greater(t, s.Exact, c.exactBefore)
			if testing.Short() {
				return
			}

			again := measured() // the same, byte by byte
			assert.Equal(t, s.Table(), again.Table())
			first, err := json.Marshal(s)
			require.NoError(t, err)
			second, err := json.Marshal(again)
			require.NoError(t, err)
			assert.Equal(t, string(first), string(second))
		})
	}
}
