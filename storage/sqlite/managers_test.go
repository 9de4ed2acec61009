package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/incidentkit/incidentkit/internal/managers"
)

// Related alerts that two processes take in at the same moment come into one incident.
func TestPairs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	managers.TestPairs(t, open(t, path, nil), childFile+"="+path, childPair+"=pair")
}

func TestCommandIDs(t *testing.T) {
	managers.TestCommandIDs(t, open(t, filepath.Join(t.TempDir(), "x.db"), nil))
}

func TestVersions(t *testing.T) {
	managers.TestVersions(t, open(t, filepath.Join(t.TempDir(), "x.db"), nil))
}
