// Package db opens the storage that a flag of an example names: the one line that changes when a tool grows from
// memory to a file to a database.
//
// # Errors
//
// Errors are those of the storages, or name what is known.
package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/postgres"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// Usage is the help text of the flag.
const Usage = "memory:, sqlite:FILE or postgres://…"

// Open returns the storage with that name, which the caller closes.
func Open(ctx context.Context, name string) (storage.Storage, error) {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		return sqlite.Open(ctx, path, nil)
	}
	if strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://") {
		return postgres.Open(ctx, name, nil)
	}
	if name != "memory:" {
		return nil, fmt.Errorf("unknown storage %q, want %s", name, Usage)
	}
	return memory.New(), nil
}
