package memory_test

import (
	"fmt"
	"testing"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/storagetest"
)

// BenchmarkStorage is the workload that all storages are measured with.
func BenchmarkStorage(b *testing.B) {
	for size := range sizes(1000, 10_000, 100_000) {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			storagetest.Benchmark(b, size, func(testing.TB) storage.Storage { return memory.New() })
		})
	}
}
