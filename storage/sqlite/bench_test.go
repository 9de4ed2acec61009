package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
	"github.com/incidentkit/incidentkit/storage/storagetest"
)

// BenchmarkStorage is the workload that all storages are measured with and, in the same run, SQL written by hand over
// the same driver with the same pragmas. Sizes are incidents that are there before; those above INCIDENTKIT_BENCH_MAX,
// or 1,000 without it, are left out.
func BenchmarkStorage(b *testing.B) {
	for _, size := range benchmarkSizes() {
		b.Run(fmt.Sprint(size, "/raw"), func(b *testing.B) { storagetest.Benchmark(b, size, newRaw) })
		b.Run(fmt.Sprint(size, "/ours"), func(b *testing.B) {
			storagetest.Benchmark(b, size, func(tb testing.TB) storage.Storage {
				s, err := sqlite.Open(b.Context(), filepath.Join(tb.TempDir(), "ours.db"), nil)
				require.NoError(tb, err)
				return s
			})
		})
	}
}

func benchmarkSizes() []int {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	if err != nil {
		most = 1000
	}
	return slices.DeleteFunc([]int{1000, 10_000, 100_000, 1_000_000}, func(size int) bool { return size > most })
}
