package postgres_test

import (
	"fmt"
	"testing"

	"github.com/incidentkit/incidentkit/internal/managers"
)

// Related alerts that two processes take in at the same moment come into one incident.
func TestPairs(t *testing.T) {
	at, name := dsn(t), tenant(t)
	managers.TestPairs(t, open(t, at, name), childDSN+"="+at, childTenant+"="+name, childRole+"=pair", childName+"=")
}

func TestCommandIDs(t *testing.T) { managers.TestCommandIDs(t, open(t, dsn(t), tenant(t))) }

func TestVersions(t *testing.T) { managers.TestVersions(t, open(t, dsn(t), tenant(t))) }

func TestScope(t *testing.T) { managers.TestScope(t, open(t, dsn(t), tenant(t))) }

// Sizes are incidents; those above INCIDENTKIT_BENCH_MAX, or 1,000 without it, are left out.
func BenchmarkScope(b *testing.B) {
	for _, size := range benchmarkSizes() {
		b.Run(fmt.Sprint(size), func(b *testing.B) { managers.BenchmarkScope(b, open(b, database(b), tenant(b)), size) })
	}
}
