package memory_test

import (
	"testing"

	"github.com/incidentkit/incidentkit/internal/managers"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func TestCommandIDs(t *testing.T) { managers.TestCommandIDs(t, memory.New()) }

func TestVersions(t *testing.T) { managers.TestVersions(t, memory.New()) }
