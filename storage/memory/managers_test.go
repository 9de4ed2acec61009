package memory_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func TestCommandIDs(t *testing.T) { managers.TestCommandIDs(t, memory.New()) }

func TestVersions(t *testing.T) { managers.TestVersions(t, memory.New()) }

func TestScope(t *testing.T) { managers.TestScope(t, memory.New()) }

func TestDay(t *testing.T) {
	alerts := 45_000
	if testing.Short() {
		alerts = 5_000
	}
	managers.TestDay(t, memory.New(), alerts)
}

// Sizes are incidents; those above INCIDENTKIT_BENCH_MAX are left out.
func BenchmarkScope(b *testing.B) {
	most, err := strconv.Atoi(os.Getenv("INCIDENTKIT_BENCH_MAX"))
	if err != nil {
		most = 100_000
	}
	for _, size := range []int{1_000, 10_000, 100_000} {
		if size <= most {
			b.Run(fmt.Sprint(size), func(b *testing.B) { managers.BenchmarkScope(b, memory.New(), size) })
		}
	}
}
